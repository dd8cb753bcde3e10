"""Annotated constraints: for which targets one holds, and which tags it leaves its project.

A clause on a constraint names environments. It says something of a target that takes everything
that such an environment takes: there the line holds, and of its project only those wheels are
taken that the named environment would take, too. Of every other target it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheeltarget.resolver.checks import applies, parse_requirement
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from wheeltarget.requirements.loader import Entry
    from wheeltarget.requirements.parser import SourceLine
    from wheeltarget.targets.names import TargetName


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the constraints come to for one target.

    :param lines: the lines that hold for it.
    :param narrow: (project, tags) for each project that takes fewer wheels than the target
        would; the tags in the target's order.
    """

    lines: frozenset[SourceLine]
    narrow: tuple[tuple[str, tuple[str, ...]], ...]


def constraints_for(
    target: Target, entries: Sequence[Entry], found: Mapping[TargetName, Target]
) -> Constraints:
    """Say what the constraints come to for a target.

    :param target: the target.
    :param entries: every line of the input; those that are no constraints are passed over.
    :param found: the target that each name stands for.
    :returns: the lines that hold, and the wheels that they leave.
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
    narrow = (
        (project, tuple(tag for tag in target.tags if tag in tags))
        for project, tags in sorted(left.items())
        if tags != every
    )
    return Constraints(frozenset(lines), tuple(narrow))


def _project(line: SourceLine, target: Target) -> str:
    """Name the project that a line constrains; none where its marker does not hold."""
    from packaging.utils import canonicalize_name

    requirement = parse_requirement(line)
    if requirement is None or not applies(requirement, target):
        return ""
    return canonicalize_name(requirement.name)
