"""Seam around unknown marker variables: the error says who asks for one.

A proof asks pip's real objects what they would do; see
:mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.markers import UnknownMarkerError
from wheeltarget.pip_child.patches.selftest import wheel_that_requires


def patch_unknown(current: CurrentJob) -> type[Exception]:
    """Let an error about an unknown variable say who asks for it.

    :param current: the holder of the job at hand.
    :returns: pip's kind of error that comes of it.
    """
    from pip._internal.exceptions import InstallationError
    from pip._internal.metadata import select_backend
    from pip._internal.req.req_install import InstallRequirement
    from pip._internal.resolution.resolvelib import candidates
    from pip._vendor.packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    class UnknownValueError(InstallationError):  # type: ignore[misc]
        def __init__(self, asker: str, error: UnknownMarkerError) -> None:
            label = current.job.order.label
            super().__init__(
                f"{asker} asks for {error.variable} in its marker ({error.marker}), and nothing "
                f"is known of it for {label}: describe the target in a file, with "
                f'{error.variable} = "…" under [markers], and name that: target=./FILE.toml'
            )

    distribution = select_backend().Distribution
    base = candidates._InstallRequirementBackedCandidate
    list_here, match_here = distribution.iter_dependencies, InstallRequirement.match_markers
    check_here = base._check_metadata_consistency

    @functools.wraps(list_here)
    def iter_dependencies(self: Any, *arguments: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from list_here(self, *arguments, **named)
        except UnknownMarkerError as error:
            asker = f"{_find(self, error.marker)}, which {self.raw_name} {self.version} needs,"
            raise UnknownValueError(asker, error) from None

    @functools.wraps(match_here)
    def match_markers(self: Any, *arguments: Any, **named: Any) -> bool:
        try:
            return bool(match_here(self, *arguments, **named))
        except UnknownMarkerError as error:
            place = f" ({self.comes_from})" if isinstance(self.comes_from, str) else ""
            raise UnknownValueError(f"{self.req or self.link}{place}", error) from None
        except (UndefinedComparison, UndefinedEnvironmentName, KeyError) as error:
            # pip would show where in its code that was; older ones say it with a KeyError.
            raise InstallationError(f"{self.req or self.link} ; {self.markers}: {error}") from error

    @functools.wraps(check_here)
    def check_metadata_consistency(self: Any, *arguments: Any, **named: Any) -> None:
        # Here every extra is looked at, whether anybody asked for it or not.
        job = current.job
        job.checks_metadata = True
        try:
            check_here(self, *arguments, **named)
        finally:
            job.checks_metadata = False

    distribution.iter_dependencies = iter_dependencies
    InstallRequirement.match_markers = match_markers
    base._check_metadata_consistency = check_metadata_consistency
    return UnknownValueError


def _find(distribution: Any, marker: str) -> str:
    """Name the dependency that has a marker."""
    from pip._internal.utils.packaging import get_requirement

    for line in distribution.metadata.get_all("Requires-Dist", []):
        requirement = get_requirement(str(line).strip())
        if str(requirement.marker) == marker:
            return str(requirement.name)
    return "something"


def prove_unknown(unknown_value_error: type[Exception]) -> bool:
    """Ask a line and a wheel for what is not known."""
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
