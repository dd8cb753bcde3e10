"""The component list of a bundle, as CycloneDX JSON.

Specification: CycloneDX 1.6 (ECMA-424), and the package URLs of PyPI. The licence is taken from a
wheel's metadata: an SPDX expression as such, any other text as a name.

start-up: cyclonedx is an extra, so this module is loaded only after ``require`` has found it.
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx import model
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.spdx import is_supported_id
from packageurl import PackageURL
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import RawMetadata

from wheeltarget import __version__
from wheeltarget.commands.bundle.wheels import Wheels
from wheeltarget.lockfile.model import Lock, LockedPackage
from wheeltarget.utils.files import hash_file
from wheeltarget.wheelhouse.closure import read_fields

_NAMESPACE = uuid.UUID("b1d7b0c0-5a0f-5d0e-9b7a-6c1f2f7a3e55")
"""The namespace of serial numbers, which are derived from the contents of the list."""

_LONGEST_LICENCE = 120
"""Some wheels have the whole text of a licence in place of its name."""


def component_list(lock: Lock, wheels: Wheels, moment: int) -> str:
    """Return the component list of a lock as JSON; its timestamp is in seconds since 1970."""
    tool = Component(type=ComponentType.APPLICATION, name="wheeltarget", version=__version__)
    root = Component(type=ComponentType.APPLICATION, name="bundle", bom_ref="bundle")
    metadata = BomMetaData(component=root, timestamp=datetime.fromtimestamp(moment, UTC))
    metadata.tools.components.add(tool)
    parts = {package.name: _component(package, path) for package, path in wheels}
    files = "\n".join(p.sha256 or p.filename for p in lock.packages)
    serial = uuid.uuid5(_NAMESPACE, f"{lock.target}\n{files}")
    bom = Bom(components=parts.values(), metadata=metadata, serial_number=serial)
    needed = {name for package in lock.packages for name in package.dependencies}
    bom.register_dependency(root, [part for name, part in parts.items() if name not in needed])
    for package in lock.packages:
        below = [parts[name] for name in package.dependencies if name in parts]
        bom.register_dependency(parts[package.name], below)
    output = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return output.output_as_string(indent=2) + "\n"


def _component(package: LockedPackage, wheel: Path) -> Component:
    kind, url = model.ExternalReferenceType.DISTRIBUTION, model.XsUri(package.url)
    sha256 = hash_file(wheel).sha256
    with zipfile.ZipFile(wheel) as archive:
        raw = read_fields(archive)
    return Component(
        name=raw.get("name", package.name),
        version=package.version,
        bom_ref=f"{package.name}=={package.version}",
        purl=PackageURL("pypi", None, package.name, package.version),
        hashes=[model.HashType(alg=model.HashAlgorithm("SHA-256"), content=sha256)],
        licenses=tuple(_licences(raw)),
        description=raw.get("summary"),
        external_references=[model.ExternalReference(type=kind, url=url)] if package.url else (),
    )


def _licences(raw: RawMetadata) -> Iterator[DisjunctiveLicense | LicenseExpression]:
    """Return the licence of a wheel: the expression, or the name, or the classifiers."""
    expression = raw.get("license_expression", "").strip()
    if expression:
        try:
            expression = canonicalize_license_expression(expression)
        except InvalidLicenseExpression:
            yield DisjunctiveLicense(name=expression)
            return
        known = is_supported_id(expression)
        yield DisjunctiveLicense(id=expression) if known else LicenseExpression(expression)
        return
    name = raw.get("license", "").strip()
    if name and "\n" not in name and len(name) <= _LONGEST_LICENCE and name != "UNKNOWN":
        yield DisjunctiveLicense(name=name)
        return
    for classifier in raw.get("classifiers", ()):
        if classifier.startswith("License :: ") and classifier.count(" :: ") > 1:
            yield DisjunctiveLicense(name=classifier.rpartition(" :: ")[2])
