"""Patch of markers: they see the target, and an unknown value that matters is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pip._internal.exceptions import InstallationError
from pip._internal.metadata import select_backend
from pip._internal.models.installation_report import InstallationReport
from pip._internal.req.constructors import install_req_from_line
from pip._internal.req.req_install import InstallRequirement
from pip._internal.resolution.resolvelib import candidates
from pip._internal.utils import packaging
from pip._vendor.packaging import markers

from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.patches.proofs import wheel_that_requires
from wheeltarget.pip_child.patches.trial import ODD
from wheeltarget.targets.markers import holds


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
        def decide(text: str) -> bool:
            return bool(original(markers.Marker(text), *rest, **named))

        view = current.job.view
        text = str(self) if view is not None and view.unknown else ""
        if view is None or not any(name in text for name in view.unknown):
            return bool(original(self, *rest, **named))
        verdict = holds(text, decide, view.unknown)
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
        try:
            return bool(original(self, *rest, **named))
        except _UnknownMarkerError as error:
            place = f" ({self.comes_from})" if isinstance(self.comes_from, str) else ""
            name = f"{self.req or self.link}{place}"
            raise _UnknownValueError(name, error, current.job.order.label) from None
        except (markers.UndefinedComparison, markers.UndefinedEnvironmentName, KeyError) as error:
            # pip would show a traceback; old versions raise a KeyError.
            raise InstallationError(f"{self.req or self.link} ; {self.markers}: {error}") from error

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
    known = ODD.markers
    lines = [f'proof ; {name} == "{value}"' for name, value in known.items()]
    reported = InstallationReport([]).to_dict()["environment"]
    unknown = 'proof ; platform_version == "1"'
    wheel = wheel_that_requires(unknown)
    return bool(
        all(install_req_from_line(line).match_markers() for line in lines)
        and reported["sys_platform"] == known["sys_platform"]
        and _is_unknown(install_req_from_line(unknown).match_markers)
        and _is_unknown(lambda: list(wheel.iter_dependencies()))
    )


def _is_unknown(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except _UnknownValueError:
        return True
    return False
