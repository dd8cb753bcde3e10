"""Patches that cut excluded projects out of the graph: pip never sees a requirement on one.

So nothing of such a project is fetched, neither by pip nor ahead of it, what only it needs is not
needed, and none of its versions can be in conflict with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pip._internal.cli.req_command import RequirementCommand
from pip._internal.commands import create_command
from pip._internal.exceptions import InstallationError
from pip._internal.metadata import select_backend
from pip._vendor.packaging.utils import InvalidSdistFilename, parse_sdist_filename

from wheeltarget.pip_child.job import USER, CurrentJob, JobState, replaces
from wheeltarget.pip_child.links import normalize_name
from wheeltarget.pip_child.patches.install import EXCLUDED
from wheeltarget.pip_child.patches.metadata import wheel_that_requires
from wheeltarget.pip_protocol import LeftOutProject

_INPUTS = (
    *("requirements", "constraints", "build_constraints", "editables", "dependency_groups"),
    "requirements_from_scripts",
)
"""The options of pip that hold requirements."""


def patch_exclusions(current: CurrentJob) -> None:
    """Drop requirements on excluded projects: the user's own, and those of wheels."""

    @replaces(RequirementCommand, "get_requirements")
    def get_requirements(original: Any, self: Any, *rest: Any, **named: Any) -> list[Any]:
        found = original(self, *rest, **named)
        job = current.job
        return [each for each in found if each.constraint or not _drops(job, each)]

    @replaces(select_backend().Distribution, "iter_dependencies")
    def iter_dependencies(original: Any, self: Any, *rest: Any, **named: Any) -> Iterator[Any]:
        job = current.job
        extras = frozenset(map(normalize_name, rest[0] if rest else named.get("extras", ())))
        for requirement in original(self, *rest, **named):
            name = normalize_name(requirement.name)
            if not job.is_excluded(name):
                yield requirement
            elif not job.checks_metadata:
                release = normalize_name(self.canonical_name), str(self.version)
                job.cut.setdefault(release, set()).add((name, extras))


def _drops(job: JobState, requirement: Any) -> bool:
    """Return whether a requirement of the user is dropped, and note it if it was needed."""
    name = normalize_name(requirement.name or _name_of_source(requirement.link))
    if not name or not job.is_excluded(name):
        return False
    try:
        is_needed = requirement.match_markers()
    except InstallationError:
        is_needed = True  # it may be
    if is_needed:
        job.cut.setdefault(USER, set()).add((name, frozenset()))
    return True


def _name_of_source(link: Any) -> str:
    """Return the project of a source distribution that is given by its path or URL, if it is one.

    pip knows it only from the metadata, but the parent has left out the line already.
    """
    try:
        return str(parse_sdist_filename(link.filename)[0]) if link else ""
    except InvalidSdistFilename:
        return ""


def prove_exclusions(current: CurrentJob) -> bool:
    """Check that pip sees neither requirement on an excluded project, but others."""
    command = create_command("download", isolated=True)
    options, arguments = command.parse_args([EXCLUDED, "proof"])
    # A configuration file may name more requirements, even for an isolated command.
    for name in _INPUTS:
        setattr(options, name, [])
    names = [each.name for each in command.get_requirements(arguments, options, None, None)]
    seen = [each.name for each in wheel_that_requires(EXCLUDED, "kept").iter_dependencies()]
    asked = wheel_that_requires(f'{EXCLUDED} ; extra == "b"').iter_dependencies(["B"])
    for_none, for_extra = ((EXCLUDED, frozenset(each)) for each in ((), ("b",)))
    cut = {USER: {for_none}, ("proof", "1"): {for_none, for_extra}}
    return names == ["proof"] and [*seen, *asked] == ["kept"] and current.job.cut == cut


def left_out(job: JobState) -> Iterator[LeftOutProject]:
    """Return the excluded projects that the user or a chosen release requires."""
    chosen: dict[tuple[str, str], set[str]] = {USER: set()}
    for each in job.resolver._result.mapping.values():
        extras = chosen.setdefault((each.project_name, str(each.version)), set())
        extras.update(getattr(each, "extras", ()))
    parents: dict[str, list[str | None]] = {}
    # The user comes last.
    for release in sorted(chosen, key=lambda each: (each == USER, each)):
        cut = job.cut.get(release, ())
        for project in {name for name, requested in cut if requested <= chosen[release]}:
            parents.setdefault(project, []).append(release[0] or None)
    return (LeftOutProject(name, tuple(parents[name])) for name in sorted(parents))
