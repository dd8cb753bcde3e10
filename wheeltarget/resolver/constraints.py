"""Annotated constraints: the targets that each applies to, and the tags it leaves its project.

A clause on a constraint names environments. The constraint applies to a target that has all tags
of such an environment. There, of its project only wheels with tags of that environment are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheeltarget.resolver.checks import applies, parse_requirement
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from wheeltarget.requirements.parser import Entry, SourceLine
    from wheeltarget.targets.names import TargetName


@dataclass(frozen=True, slots=True)
class Constraints:
    """The constraints that apply to one target.

    :param lines: the lines that apply.
    :param allowed_tags: (project, tags) for each project with fewer tags than the target, in the
        order of the target.
    """

    lines: frozenset[SourceLine]
    allowed_tags: tuple[tuple[str, tuple[str, ...]], ...]


def constraints_for(
    target: Target, entries: Sequence[Entry], found: Mapping[TargetName, Target]
) -> Constraints:
    """Find the constraints that apply to a target.

    :param target: the target.
    :param entries: every line of the input; lines that are not constraints are ignored.
    :param found: the target that each name stands for.
    """
    lines: set[SourceLine] = set()
    left: dict[str, frozenset[str]] = {}
    every = frozenset(target.tags)
    for entry in entries:
        if not entry.constraint:
            continue
        if entry.targets is None:
            lines.add(entry.line)
            continue
        named = [frozenset(found[name].tags) for name in entry.targets if name in found]
        within = [tags for tags in named if tags <= every]
        if within:
            lines.add(entry.line)
            project = _project(entry.line, target)
            if project:
                left[project] = left.get(project, every).intersection(frozenset().union(*within))
    allowed_tags = (
        (project, tuple(tag for tag in target.tags if tag in tags))
        for project, tags in sorted(left.items())
        if tags != every
    )
    return Constraints(frozenset(lines), tuple(allowed_tags))


def _project(line: SourceLine, target: Target) -> str:
    """Return the project that a line constrains; empty if its marker is false."""
    from packaging.utils import canonicalize_name

    requirement = parse_requirement(line)
    if requirement is None or not applies(requirement, target):
        return ""
    return canonicalize_name(requirement.name)
