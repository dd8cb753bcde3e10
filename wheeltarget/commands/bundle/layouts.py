"""The layouts of bundles: where each service looks for modules, and for the function itself.

Sources: "Working with layers for Python Lambda functions" (docs.aws.amazon.com); "Build your Python
Azure Functions apps" (learn.microsoft.com); "Specify dependencies in Python", vendored dependencies
(docs.cloud.google.com), and GoogleCloudPlatform/buildpacks at 21f28de8, pkg/python/python.go.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.lockfile.model import LockedPackage
from wheeltarget.utils.files import hash_file


@dataclass(frozen=True, slots=True)
class Place:
    """What a layout is like.

    :param site: the folder of the modules, with a trailing slash if it is not the root.
    :param own: the same for what is included.
    :param service: the system of the catalog whose limits hold; empty if the target says which.
    :param installs: whether the service installs wheels, so that they are not unpacked.
    :param layers: whether the service puts layers below the bundle.
    """

    site: str = ""
    own: str = ""
    service: str = ""
    installs: bool = False
    layers: bool = False


LAYOUTS: Mapping[str, Place] = {
    "flat": Place(layers=True),
    "lambda": Place(service="aws-lambda", layers=True),
    "lambda-layer": Place("python/", "python/", "aws-lambda", layers=True),
    "azure": Place(".python_packages/lib/site-packages/", service="azure-functions"),
    "gcf": Place("vendor/", service="gcp-functions", installs=True),
}
"""The layouts by name; the first one is the default."""

REQUIREMENTS = "requirements.txt"
FRAMEWORK = "functions-framework"
_HOST = "host.json"
_ENTRY_MODULE = "main.py"


def vendored_files(
    wheels: Sequence[tuple[LockedPackage, Path]], place: Place, folder: Path
) -> list[BundledFile]:
    """Return the wheels as they are, and the requirements by which the service installs them.

    :param folder: a private folder for the requirements; it is created.
    """
    files, lines = [], []
    for package, path in wheels:
        size = path.stat().st_size
        name = f"{place.site}{package.filename}"
        files.append(BundledFile(name, path, package.name, size, package.sha256.lower()))
        lines.append(f"{package.name}=={package.version} --hash=sha256:{package.sha256.lower()}\n")
    folder.mkdir()
    path = folder / REQUIREMENTS
    path.write_text("".join(sorted(lines)), "utf-8", newline="")
    digest = hash_file(path)
    files.append(BundledFile(REQUIREMENTS, path, REQUIREMENTS, digest.size, digest.sha256))
    return files


def installed_size(wheels: Iterable[tuple[LockedPackage, Path]]) -> int:
    """Return how many bytes there are in the wheels, unpacked."""
    total = 0
    for _, path in wheels:
        with zipfile.ZipFile(path) as archive:
            total += sum(member.file_size for member in archive.infolist())
    return total


def replace_requirements(
    included: Iterable[BundledFile],
) -> tuple[list[BundledFile], tuple[str, ...]]:
    """Return the included files without the requirements, for which there are others; and notes."""
    kept, notes = [], []
    for file in included:
        if file.name != REQUIREMENTS:
            kept.append(file)
            continue
        notes.append(f"{file.source} is replaced by {REQUIREMENTS} for the wheels in the bundle")
    return kept, tuple(notes)


def note_lacking(layout: str, names: Collection[str], projects: Collection[str]) -> Iterator[str]:
    """Yield a note for each thing that the service needs, and the bundle does not have.

    :param names: the names of the files in the bundle.
    :param projects: the names of its projects.
    """
    if layout == "azure" and _HOST not in names:
        yield f"{_HOST} is not in the root of the bundle, and Azure Functions needs it there"
    if layout == "gcf":
        if FRAMEWORK not in projects:
            yield f"the lock does not have {FRAMEWORK}, without which the build fails"
        if _ENTRY_MODULE not in names:
            yield (
                f"{_ENTRY_MODULE} is not in the root of the bundle; the build needs it, or "
                "GOOGLE_FUNCTION_SOURCE"
            )
        folder = LAYOUTS[layout].site.rstrip("/")
        yield f"deploy it with --set-build-env-vars GOOGLE_VENDOR_PIP_DEPENDENCIES={folder}"
