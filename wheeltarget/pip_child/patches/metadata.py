"""Seams around metadata: who asks for what nobody knows, and specifiers from before PEP 440.

A proof asks pip's real objects what they would do; see
:mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from typing import Any

from wheeltarget.pip_child.job import Current, rebind
from wheeltarget.pip_child.patches.selftest import proof_finder, write_wheel
from wheeltarget.targets.legacy_specifiers import modern_requirement, modern_specifiers


class UnknownMarkerError(Exception):
    """A marker asks for a variable of which nothing is known, and its value matters.

    :param marker: the marker.
    :param variable: the variable.
    """

    def __init__(self, marker: str, variable: str) -> None:
        super().__init__(marker, variable)
        self.marker = marker
        self.variable = variable


def patch_askers(current: Current) -> type[Exception]:
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
            super().__init__(
                f"{asker} asks for {error.variable} in its marker ({error.marker}), and nothing "
                f"is known of it for {current.label}: describe the target in a file, with "
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
        current.only_looks = True
        try:
            check_here(self, *arguments, **named)
        finally:
            current.only_looks = False

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


def prove_askers(unknown_value_error: type[Exception]) -> bool:
    """Ask a line and a wheel for what is not known."""
    from pip._internal.req.constructors import install_req_from_line

    undecided = 'proof ; platform_version == "1"'
    ask_line = install_req_from_line(undecided).match_markers
    wheel = _wheel_that_requires(undecided)
    return all(
        _raises(unknown_value_error, ask)
        for ask in (ask_line, lambda: list(wheel.iter_dependencies()))
    )


def _wheel_that_requires(requirement: str) -> Any:
    from pip._internal.metadata import MemoryWheel, get_wheel_distribution

    content = io.BytesIO()
    metadata = f"Metadata-Version: 2.1\nName: proof\nVersion: 1\nRequires-Dist: {requirement}\n"
    members = {
        "proof-1.dist-info/METADATA": f"{metadata}Requires-Python: >=9.10.*\n",
        "proof-1.dist-info/WHEEL": "Wheel-Version: 1.0\n",
    }
    write_wheel(content, members)
    return get_wheel_distribution(MemoryWheel("proof-1-py3-none-any.whl", content), "proof")


def _raises(expected: type[Exception], ask: Callable[[], object]) -> bool:
    try:
        ask()
    except expected:
        return True
    return False


def patch_legacy(current: Current) -> Current:
    """Let specifiers from before PEP 440 be read where the target's own pip reads them.

    :param current: the holder of the job at hand.
    :returns: the same.
    """
    from pip._internal.index import package_finder
    from pip._internal.metadata.base import BaseDistribution
    from pip._internal.utils import packaging
    from pip._vendor.packaging.requirements import InvalidRequirement
    from pip._vendor.packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

    read_here, ask_here = packaging.get_requirement, BaseDistribution.requires_python.fget
    judge_here = package_finder._check_link_requires_python

    def is_modern(text: str) -> bool:
        # By pip's own reader, which is loaded already.
        try:
            Specifier(text)
        except InvalidSpecifier:
            return False
        return True

    @functools.wraps(read_here)
    def get_requirement(text: str) -> Any:
        try:
            return read_here(text)
        except InvalidRequirement:
            if not current.is_legacy:
                raise
            return read_here(modern_requirement(text, is_modern))

    @functools.wraps(judge_here)
    def check_link_requires_python(link: Any, *rest: Any, **named: Any) -> bool:
        if current.is_legacy and link.requires_python:
            link.requires_python = modern_specifiers(link.requires_python, is_modern)
        return bool(judge_here(link, *rest, **named))

    @functools.wraps(ask_here)
    def requires_python(self: Any) -> Any:
        value = str(self.metadata.get("Requires-Python") or "")
        if current.is_legacy and modern_specifiers(value, is_modern) != value:
            return SpecifierSet(modern_specifiers(value, is_modern))
        return ask_here(self)

    rebind("get_requirement", read_here, get_requirement)
    rebind("_check_link_requires_python", judge_here, check_link_requires_python)
    BaseDistribution.requires_python = property(requires_python)
    return current


def prove_legacy(current: Current) -> bool:
    """Ask a wheel and a link for what only old pips read."""
    from pip._internal.index.package_finder import LinkType
    from pip._internal.models.link import Link

    assert current.view is not None  # noqa: S101 - a proof has a target
    current.view.legacy = True
    wheel = _wheel_that_requires("lib (>=1.*)")
    finder = proof_finder()
    link = Link(
        f"https://example.invalid/proof-1-{current.view.tags[0]}.whl", requires_python=">=9.10.*"
    )
    judged = finder.make_link_evaluator("proof").evaluate_link(link)[0]
    return bool(
        [str(each.specifier) for each in wheel.iter_dependencies()] == [">=1"]
        and str(wheel.requires_python) == ">=9.10"
        and judged is LinkType.requires_python_mismatch
    )
