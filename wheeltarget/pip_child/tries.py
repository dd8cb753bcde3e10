"""The versions that pip's resolver has tried, and which requirements excluded them.

Here is only the counting; :mod:`wheeltarget.pip_child.tries_counter` sees what pip tries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import combinations
from typing import NamedTuple

_MANY = 3
"""A project is shown from this number of its versions on; most projects need one or two."""

_FEW = 10
"""From this number of versions that were tried in vain on, pip has gone back often."""

NOTES_AFTER = (60.0, 600.0)
"""Seconds of resolving after which the user gets a note."""


class Claim(NamedTuple):
    """A requirement, and the release that has it.

    :param project: the required project, normalized.
    :param parent: the project that requires it, normalized; empty for the user.
    :param requirement: the whole requirement.
    :param version: the version of the parent.
    """

    project: str
    parent: str
    requirement: str
    version: str


Claims = tuple[Claim, ...]
Kind = tuple[tuple[str, str], ...]
"""The required project and the parent of each of some claims."""


class Attempt(NamedTuple):
    """A version that is tried.

    :param number: how many versions of the project were tried, with this one.
    :param total: how many versions of the project may be tried.
    """

    project: str
    version: str
    number: int
    total: int


class Rivals(NamedTuple):
    """The requirements that excluded versions most often.

    :param claims: two on one project that no version satisfies; or one that none does; or none.
    :param times: how often they, or others of the same projects on the same one, did.
    :param is_alone: whether there are no such others.
    """

    claims: Claims
    times: int
    is_alone: bool


class Tries:
    """The versions that are tried for a job.

    A thread may read :attr:`latest` meanwhile.
    """

    def __init__(self) -> None:
        self.latest: Attempt | None = None
        """The version to show; None while pip does not go back."""
        self._versions: dict[str, set[str]] = {}
        self._applicable: dict[str, frozenset[str]] = {}
        self._rejections: Counter[Claims] = Counter()
        self._began: float | None = None
        self._notes = 0

    @property
    def versions(self) -> int:
        """Return how many versions of all projects were tried."""
        return sum(map(len, self._versions.values()))

    @property
    def projects(self) -> int:
        """Return how many projects they are of."""
        return len(self._versions)

    @property
    def are_many(self) -> bool:
        """Return whether pip has gone back often."""
        return self.versions - self.projects >= _FEW

    def tried_most(self) -> tuple[str, int]:
        """Return the project of which most versions were tried, and their number."""
        counts = ((name, len(tried)) for name, tried in self._versions.items())
        return min(counts, key=lambda each: (-each[1], each[0]), default=("", 0))

    def begin(self, project: str, version: str) -> None:
        """Show a version whose metadata is about to be read, if others of the project are shown."""
        tried = self._versions.get(project, set())
        shown = self.latest
        if shown is not None and shown.project == project and version not in tried:
            total = max(shown.total, len(tried) + 1)
            self.latest = Attempt(project, version, len(tried) + 1, total)

    def add(
        self,
        project: str,
        version: str,
        applicable: Callable[[str], Collection[str]],
        claims: Claims | None = None,
    ) -> None:
        """Count a version that fits what is chosen so far, or that is rejected.

        :param applicable: returns the versions of a project that may be tried; called once for a
            project of which several are.
        :param claims: if it is rejected, all requirements on the project that it requires and of
            which no version is left.
        """
        tried = self._versions.get(project)
        if tried is None:
            # pip has come further, so the version that was shown is done.
            tried, self.latest = self._versions.setdefault(project, set()), None
        is_new = version not in tried
        tried.add(version)
        if claims is not None:
            self._rejections[claims] += 1
        # A version that is tried again, and fits, is soon followed by others.
        if len(tried) >= _MANY and (is_new or claims is not None):
            if project not in self._applicable:
                self._applicable[project] = frozenset(applicable(project))
            total = len(self._applicable[project] | tried)
            self.latest = Attempt(project, version, len(tried), total)

    def seconds_at(self, now: float) -> float:
        """Return how many seconds pip has been trying versions, since the first call."""
        if self._began is None:
            self._began = now
        return now - self._began

    def is_note_due(self, now: float) -> bool:
        """Return whether to tell the user that this takes long: true once for each note."""
        seconds = self.seconds_at(now)
        is_due = self._notes < len(NOTES_AFTER) and seconds >= NOTES_AFTER[self._notes]
        if not is_due or not self.are_many:
            return False
        self._notes += 1
        return True

    def rivals(self, excludes: Callable[[Claims], bool]) -> Rivals:
        """Return the requirements that excluded versions most often.

        :param excludes: returns whether no version satisfies all of some claims on a project.
        """
        return find_rivals(self._rejections, excludes)


def find_rivals(rejections: Counter[Claims], excludes: Callable[[Claims], bool]) -> Rivals:
    """Find the requirements behind most of the rejections; of equals, those counted first.

    Each rejection counts for one claim, or one pair, alone. Pairs of the same projects count
    together, since each release of a project may state its requirement in another way.
    """
    asked: dict[Claims, bool] = {}

    def is_excluding(claims: Claims) -> bool:
        if claims not in asked:
            asked[claims] = excludes(claims)
        return asked[claims]

    kinds: dict[Kind, Counter[Claims]] = {}
    for claims, times in rejections.items():
        if found := next(filter(is_excluding, _suspects(claims)), None):
            alike = tuple(sorted(found))
            kinds.setdefault(_kind(alike), Counter())[alike] += times
    if not kinds:
        return Rivals((), 0, is_alone=True)
    most = max(kinds.values(), key=Counter.total)
    texts: Counter[tuple[str, ...]] = Counter()
    for claims, times in most.items():
        texts[_texts(claims)] += times
    ((common, _),) = texts.most_common(1)
    example = next(claims for claims in most if _texts(claims) == common)
    return Rivals(example, most.total(), len(texts) == 1)


def _suspects(claims: Claims) -> Iterator[Claims]:
    """Return each claim, then each pair of them.

    The last one, which was added, comes first, and then those of the user, which pip adds first.
    """
    ordered = (*claims[-1:], *claims[:-1])
    yield from ((claim,) for claim in ordered)
    yield from combinations(ordered, 2)


def _kind(claims: Claims) -> Kind:
    return tuple((claim.project, claim.parent) for claim in claims)


def _texts(claims: Claims) -> tuple[str, ...]:
    return tuple(claim.requirement for claim in claims)
