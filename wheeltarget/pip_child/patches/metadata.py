"""Patches of metadata: markers see the target, and specifiers are read as its own pip does.

If a marker depends on a value that is not known for the target, that is an error.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from pip._internal.exceptions import InstallationError
from pip._internal.index import package_finder
from pip._internal.metadata import MemoryWheel, get_wheel_distribution, select_backend
from pip._internal.metadata.base import BaseDistribution
from pip._internal.models.installation_report import InstallationReport
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line
from pip._internal.req.req_install import InstallRequirement
from pip._internal.resolution.resolvelib import candidates
from pip._internal.utils import packaging
from pip._vendor.packaging import markers
from pip._vendor.packaging.requirements import InvalidRequirement
from pip._vendor.packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from pip._vendor.packaging.version import InvalidVersion

from wheeltarget.pip_child.job import CurrentJob, View, replaces
from wheeltarget.pip_child.patches.selection import proof_finder
from wheeltarget.pip_child.patches.trial import ODD, Wheel, write_wheel
from wheeltarget.targets.markers import as_read_for, holds
from wheeltarget.targets.specifiers import modern_requirement, modern_specifiers

_COMPARES_TEXTS = markers.Marker('os_name > ""').evaluate()
"""Whether this pip puts texts in order, as before 26.0."""


class _UnknownMarkerError(Exception):
    """A marker, the first argument, depends on an unknown variable, the second one."""


class _UnknownValueError(InstallationError):  # type: ignore[misc]
    """The same for a requirement, which pip shows as its own error."""

    def __init__(self, requirement: str, error: _UnknownMarkerError, label: str) -> None:
        marker, variable = error.args
        super().__init__(
            f"{requirement}: its marker ({marker}) uses {variable}, which is not known for "
            f"{label}; describe the target in a file, with "
            f'{variable} = "…" under [markers], and use it: target=./FILE.toml'
        )


def patch_markers(current: CurrentJob) -> None:
    """Evaluate markers for the target."""

    @replaces(markers, "default_environment")
    def default_environment(original: Any) -> dict[str, str]:
        view = current.job.view
        if view is None:
            return dict(original())
        return {**dict.fromkeys(view.unknown, ""), **view.markers}

    @replaces(markers.Marker, "evaluate")
    def evaluate(original: Any, self: Any, *rest: Any, **named: Any) -> bool:
        view = current.job.view
        text = str(self) if view is not None else ""
        if view is None or not (
            view.old_markers or _COMPARES_TEXTS or any(name in text for name in view.unknown)
        ):
            return bool(original(self, *rest, **named))
        given = (rest[0] if rest else named.get("environment")) or {}
        values = {**view.markers, "extra": given.get("extra") or ""}

        def ask(part: str) -> bool:
            part = as_read_for(view.python, part, values, _contains)
            # Parsing takes longer than evaluating.
            asked = self if part == text else markers.Marker(part)
            return bool(original(asked, *rest, **named))

        verdict = holds(text, ask, view.unknown)
        if isinstance(verdict, bool):
            return verdict
        if current.job.checks_metadata:
            return False
        raise _UnknownMarkerError(text, verdict[0])

    _name_requirements(current)


def _name_requirements(current: CurrentJob) -> None:
    """Name the requirement in errors about unknown variables."""

    @replaces(select_backend().Distribution, "iter_dependencies")
    def iter_dependencies(original: Any, self: Any, *rest: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from original(self, *rest, **named)
        except _UnknownMarkerError as error:
            name = f"{_find(self, error.args[0])}, required by {self.raw_name} {self.version}"
            raise _UnknownValueError(name, error, current.job.order.label) from None

    @replaces(InstallRequirement, "match_markers")
    def match_markers(original: Any, self: Any, *rest: Any, **named: Any) -> bool:
        name = f"{self.req or self.link}"
        try:
            return bool(original(self, *rest, **named))
        except _UnknownMarkerError as error:
            place = f" ({self.comes_from})" if isinstance(self.comes_from, str) else ""
            raise _UnknownValueError(name + place, error, current.job.order.label) from None
        except (markers.UndefinedComparison, markers.UndefinedEnvironmentName, KeyError) as error:
            # pip would show a traceback; old versions raise a KeyError.
            raise InstallationError(f"{name} ; {self.markers}: {error}") from error

    @replaces(candidates._InstallRequirementBackedCandidate, "_check_metadata_consistency")
    def check_metadata(original: Any, self: Any, *rest: Any, **named: Any) -> None:
        # pip evaluates the markers of every extra here, even if it is not requested.
        job = current.job
        job.checks_metadata = True
        try:
            original(self, *rest, **named)
        finally:
            job.checks_metadata = False


def _find(distribution: Any, marker: str) -> str:
    """Return the name of the dependency that has a marker."""
    for line in distribution.metadata.get_all("Requires-Dist", []):
        requirement = packaging.get_requirement(str(line).strip())
        if str(requirement.marker) == marker:
            return str(requirement.name)
    return "a dependency"


def prove_markers(_current: CurrentJob) -> bool:
    """Check requirements and a wheel with markers for each known variable and an unknown one."""
    lines = [f'proof ; {name} == "{value}"' for name, value in ODD.markers.items()]
    reported = InstallationReport([]).to_dict()["environment"]
    unknown = 'proof ; platform_version == "1"'
    wheel = wheel_that_requires(unknown)
    return bool(
        all(install_req_from_line(line).match_markers() for line in lines)
        and reported["sys_platform"] == ODD.markers["sys_platform"]
        and _is_unknown(install_req_from_line(unknown).match_markers)
        and _is_unknown(lambda: list(wheel.iter_dependencies()))
    )


def _is_unknown(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except _UnknownValueError:
        return True
    return False


def wheel_that_requires(*requirements: str) -> Any:
    """Return pip's object for a wheel with some dependencies."""
    content, wheel = io.BytesIO(), Wheel("proof", "1", "py3-none-any", ">=9.10.*", requirements)
    write_wheel(content, wheel.members)
    return get_wheel_distribution(MemoryWheel(wheel.filename, content), "proof")


def patch_legacy(current: CurrentJob) -> None:
    """Read specifiers from before PEP 440 if the target's own pip reads them."""
    original_ask = BaseDistribution.requires_python.fget

    @replaces(packaging, "get_requirement")
    def get_requirement(original: Any, text: str) -> Any:
        try:
            return original(text)
        except InvalidRequirement:
            if not current.job.is_legacy:
                raise
            return original(modern_requirement(text, _is_modern))

    @replaces(package_finder, "_check_link_requires_python")
    def judge(original: Any, link: Any, *rest: Any, **named: Any) -> bool:
        if current.job.is_legacy and link.requires_python:
            link.requires_python = modern_specifiers(link.requires_python, _is_modern)
        return bool(original(link, *rest, **named))

    def requires_python(self: Any) -> Any:
        value = str(self.metadata.get("Requires-Python") or "")
        modern = modern_specifiers(value, _is_modern) if current.job.is_legacy else value
        return original_ask(self) if modern == value else SpecifierSet(modern)

    BaseDistribution.requires_python = property(requires_python)


def _contains(specifier: str, version: str) -> bool | None:
    """Return whether a specifier contains a version; None if the specifier is invalid."""
    try:
        return bool(Specifier(specifier).contains(version, prereleases=True))
    except InvalidSpecifier:
        return None
    except InvalidVersion:
        return False


def _is_modern(text: str) -> bool:
    try:
        Specifier(text)
    except InvalidSpecifier:
        return False
    return True


def prove_legacy(current: CurrentJob) -> bool:
    """Check a wheel and a link with specifiers that only old pips read."""
    view = current.job.view = View(ODD)
    view.legacy = True
    wheel = wheel_that_requires("lib (>=1.*)")
    link = Link(f"https://example.invalid/proof-1-{view.tags[0]}.whl", requires_python=">=9.10.*")
    judged = proof_finder().make_link_evaluator("proof").evaluate_link(link)[0]
    return bool(
        [str(each.specifier) for each in wheel.iter_dependencies()] == [">=1"]
        and str(wheel.requires_python) == ">=9.10"
        and judged is package_finder.LinkType.requires_python_mismatch
    )
