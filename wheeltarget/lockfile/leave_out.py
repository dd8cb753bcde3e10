"""Leave projects out of a lock: the excluded ones, and what only they need.

A lock says which of its projects each project needs, and wheeltarget's own lock also which ones
were requested. In other locks, those are taken as requested that nothing needs.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wheeltarget.targets.exclusions import Exclusions

_HIDDEN = "--requirements-from-script"
"""The option whose requirements a lock does not name."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The projects that are left out of a lock, sorted.

    :param excluded: those that were named.
    :param only_needed: those that only these need.
    :param problem: why the latter are not known, as a sentence; else empty.
    """

    excluded: tuple[str, ...] = ()
    only_needed: tuple[str, ...] = ()
    problem: str = ""

    def __contains__(self, project: object) -> bool:
        return project in self.excluded or project in self.only_needed

    def joined(self, other: LeftOut) -> LeftOut:
        """Return what is left out of two locks."""
        excluded = {*self.excluded, *other.excluded}
        only_needed = {*self.only_needed, *other.only_needed}
        return LeftOut(tuple(sorted(excluded)), tuple(sorted(only_needed)))

    def without(self, kept: Container[str]) -> LeftOut:
        """Return what is left out if another lock needs some projects."""
        return replace(self, only_needed=tuple(n for n in self.only_needed if n not in kept))


ALL_KEPT = LeftOut()
"""Nothing is left out."""


def leave_out(
    needs: Mapping[str, Collection[str]],
    excluded: Exclusions,
    inputs: Iterable[str] | None,
    direct: Iterable[str] = (),
) -> LeftOut:
    """Decide what is left out of a lock.

    :param needs: the projects that each project of the lock needs, all normalised.
    :param inputs: what the lock was made from; None if wheeltarget did not make it.
    :param direct: the projects that were requested by URL or path.
    """
    named = tuple(sorted(name for name in needs if name in excluded))
    if not named:
        return ALL_KEPT
    if inputs is None and len(needs) > 1 and not any(needs.values()):
        return LeftOut(named, problem="the lock does not say which project needs which")
    inputs = tuple(inputs or ())
    if any(text.startswith(_HIDDEN) for text in inputs):
        return LeftOut(named, problem="the lock does not name what its script requests")
    below = {name: set(needs[name]) for name in needs}
    requested = {*_projects(inputs), *direct, *needs.keys() - set().union(*below.values())}
    kept = _reachable(requested - set(named), below, without=named)
    gone = _reachable(named, below) - kept - set(named)
    return LeftOut(named, tuple(sorted(gone & needs.keys())))


def unknown_needs(left_out: LeftOut) -> tuple[str, str]:
    """Return a message and a hint if it is not known what only the excluded projects need."""
    names = ", ".join(left_out.excluded)
    return (
        f"cannot leave out {names} and what only that needs: {left_out.problem}",
        f"leave it out in the lock: wheeltarget lock --exclude {','.join(left_out.excluded)}",
    )


def _projects(inputs: Iterable[str]) -> Iterable[str]:
    """Return the projects that the inputs of a lock request by their names."""
    for text in inputs:
        requirement = text.partition(";")[0].partition(" --")[0].strip()
        try:
            yield canonicalize_name(Requirement(requirement).name)
        except InvalidRequirement:
            continue  # an option, a constraint, a path or a URL


def _reachable(
    begin: Iterable[str], below: Mapping[str, Collection[str]], without: Collection[str] = ()
) -> set[str]:
    """Return what can be reached from some projects, these among it, without passing others."""
    seen: set[str] = set()
    todo = list(begin)
    while todo:
        name = todo.pop()
        if name not in seen and name not in without:
            seen.add(name)
            todo.extend(below.get(name, ()))
    return seen
