"""What a command line asks to leave out: projects by name, and what the service provides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wheeltarget.targets.exclusions import Exclusion, Exclusions, command_line_exclusions
from wheeltarget.targets.provided import provided_projects
from wheeltarget.targets.target import Target

SKIP_PROVIDED = "--provided skip"


@dataclass(frozen=True, slots=True)
class LeaveOuts:
    """What is left out for every target of a run.

    :param exclude: what ``--exclude`` names.
    :param skips_provided: whether to leave out what the service of a target provides.
    """

    exclude: tuple[Exclusion, ...] = ()
    skips_provided: bool = False

    def of(self, target: Target | None, more: Iterable[Exclusion] = ()) -> Exclusions:
        """Return what is left out for a target, with what its definition and others name."""
        own = target.excluded if target else ()
        return Exclusions((*self.exclude, *own, *more, *self._provided(target)))

    def is_unknown(self, target: Target | None) -> bool:
        """Return whether to leave out what a service provides, which is not known."""
        return self.skips_provided and not self._provided(target)

    def _provided(self, target: Target | None) -> tuple[Exclusion, ...]:
        if target is None or not self.skips_provided:
            return ()
        found = provided_projects(target.label)
        return tuple(Exclusion(each.name, SKIP_PROVIDED) for each in found)


ALL_KEPT = LeaveOuts()
"""Nothing is left out."""


def read_leave_outs(exclude: Sequence[str], *, skip_provided: bool = False) -> LeaveOuts:
    """Parse the values of ``--exclude``; raise InputError if one is not a name or a glob."""
    return LeaveOuts(command_line_exclusions(exclude), skip_provided)


def note_unknown(label: str) -> str:
    """Return a note that it is not known what a service provides."""
    return f"{SKIP_PROVIDED} leaves nothing out for {label}: it is not known what is provided there"


def note_left_out(
    excluded: Exclusions, projects: Iterable[str], label: str, only_needed: Sequence[str] = ()
) -> Iterator[str]:
    """Yield a note for each origin of exclusions: what was left out, and for which target.

    :param projects: the excluded projects that something needs, normalised.
    :param only_needed: the projects that only these need, if they are known.
    """
    more = f" ({', '.join(only_needed)})" if only_needed else ""
    found = ((name, excluded.find(name)) for name in sorted(projects))
    for origin, names in _by_origin((name, each) for name, each in found if each):
        only = "they need" if len(names) > 1 else "it needs"
        yield f"left out {_join(names)}, and what only {only}{more}, for {label}, as {origin} asks"


def note_unused(what: str, unused: Iterable[Exclusion]) -> Iterator[str]:
    """Yield a note for each origin of exclusions that leave nothing out.

    :param what: what there is not, such as ``nothing needs``.
    """
    for origin, patterns in _by_origin((each.pattern, each) for each in unused):
        yield f"{what} {_join(patterns)}, which {origin} leaves out"


def _by_origin(found: Iterable[tuple[str, Exclusion]]) -> Iterable[tuple[str, list[str]]]:
    by_origin: dict[str, list[str]] = {}
    for name, exclusion in found:
        by_origin.setdefault(exclusion.origin, []).append(name)
    return by_origin.items()


def _join(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
