"""Patch of markers: they see the target, and an unknown value that matters is an error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, rebind
from wheeltarget.pip_child.patches.selftest import ODD, wheel_that_requires
from wheeltarget.targets.markers import holds


class UnknownMarkerError(Exception):
    """A marker depends on an unknown variable."""

    def __init__(self, marker: str, variable: str) -> None:
        super().__init__(marker, variable)
        self.marker = marker
        self.variable = variable


def patch_markers(current: CurrentJob) -> None:
    """Evaluate markers for the target."""
    from pip._vendor.packaging import markers

    host_environment = markers.default_environment
    original_evaluate = markers.Marker.evaluate

    def default_environment() -> dict[str, str]:
        view = current.job.view
        if view is None:
            return dict(host_environment())
        return {**dict.fromkeys(view.unknown, ""), **view.markers}

    @functools.wraps(original_evaluate)
    def evaluate(self: Any, *arguments: Any, **named: Any) -> bool:
        view = current.job.view
        if view is None or not view.unknown:
            return bool(original_evaluate(self, *arguments, **named))

        def decide(text: str) -> bool:
            return bool(original_evaluate(markers.Marker(text), *arguments, **named))

        text = str(self)
        if not any(name in text for name in view.unknown):
            return bool(original_evaluate(self, *arguments, **named))
        verdict = holds(text, decide, view.unknown)
        if isinstance(verdict, bool):
            return verdict
        if current.job.checks_metadata:
            return False
        raise UnknownMarkerError(text, verdict[0])

    rebind("default_environment", host_environment, default_environment)
    markers.Marker.evaluate = evaluate


def prove_markers(_proof: object) -> bool:
    """Check a requirement with a marker for each known variable."""
    from pip._internal.models.installation_report import InstallationReport
    from pip._internal.req.constructors import install_req_from_line

    known = ODD.markers
    for name, value in known.items():
        requirement = install_req_from_line(f'proof ; {name} == "{value}"')
        if not requirement.match_markers():
            return False
    reported = InstallationReport([]).to_dict()["environment"]
    return bool(reported["sys_platform"] == known["sys_platform"])


def patch_unknown(current: CurrentJob) -> type[Exception]:
    """Name the requirement in errors about unknown variables.

    :param current: the current job.
    :returns: the class of the errors, which pip shows as its own.
    """
    from pip._internal.exceptions import InstallationError
    from pip._internal.metadata import select_backend
    from pip._internal.req.req_install import InstallRequirement
    from pip._internal.resolution.resolvelib import candidates
    from pip._vendor.packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    class UnknownValueError(InstallationError):  # type: ignore[misc]
        def __init__(self, requirement: str, error: UnknownMarkerError) -> None:
            label = current.job.order.label
            super().__init__(
                f"{requirement}: its marker ({error.marker}) uses {error.variable}, which is not "
                f"known for {label}; describe the target in a file, with "
                f'{error.variable} = "…" under [markers], and use it: target=./FILE.toml'
            )

    distribution = select_backend().Distribution
    base = candidates._InstallRequirementBackedCandidate
    original_list, original_match = distribution.iter_dependencies, InstallRequirement.match_markers
    original_check = base._check_metadata_consistency

    @functools.wraps(original_list)
    def iter_dependencies(self: Any, *arguments: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from original_list(self, *arguments, **named)
        except UnknownMarkerError as error:
            dependency = f"{_find(self, error.marker)}, required by {self.raw_name} {self.version}"
            raise UnknownValueError(dependency, error) from None

    @functools.wraps(original_match)
    def match_markers(self: Any, *arguments: Any, **named: Any) -> bool:
        try:
            return bool(original_match(self, *arguments, **named))
        except UnknownMarkerError as error:
            place = f" ({self.comes_from})" if isinstance(self.comes_from, str) else ""
            raise UnknownValueError(f"{self.req or self.link}{place}", error) from None
        except (UndefinedComparison, UndefinedEnvironmentName, KeyError) as error:
            # pip would show a traceback; old versions raise a KeyError.
            raise InstallationError(f"{self.req or self.link} ; {self.markers}: {error}") from error

    @functools.wraps(original_check)
    def check_metadata_consistency(self: Any, *arguments: Any, **named: Any) -> None:
        # pip evaluates the markers of every extra here, even if it is not requested.
        job = current.job
        job.checks_metadata = True
        try:
            original_check(self, *arguments, **named)
        finally:
            job.checks_metadata = False

    distribution.iter_dependencies = iter_dependencies
    InstallRequirement.match_markers = match_markers
    base._check_metadata_consistency = check_metadata_consistency
    return UnknownValueError


def _find(distribution: Any, marker: str) -> str:
    """Return the name of the dependency that has a marker."""
    from pip._internal.utils.packaging import get_requirement

    for line in distribution.metadata.get_all("Requires-Dist", []):
        requirement = get_requirement(str(line).strip())
        if str(requirement.marker) == marker:
            return str(requirement.name)
    return "a dependency"


def prove_unknown(unknown_value_error: type[Exception]) -> bool:
    """Check a requirement and a wheel whose marker is not known."""
    from pip._internal.req.constructors import install_req_from_line

    undecided = 'proof ; platform_version == "1"'
    ask_line = install_req_from_line(undecided).match_markers
    wheel = wheel_that_requires(undecided)
    return all(
        _raises(unknown_value_error, ask)
        for ask in (ask_line, lambda: list(wheel.iter_dependencies()))
    )


def _raises(expected: type[Exception], ask: Callable[[], object]) -> bool:
    try:
        ask()
    except expected:
        return True
    return False
