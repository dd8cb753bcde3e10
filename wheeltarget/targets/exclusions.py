"""Exclusions: the projects that are left out of what a target gets, and who asked for that.

An excluded project is cut out of the graph of dependencies, so what only it needs is not needed.

Start-up: options and pip's process load this, so it does not load packaging.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate

from wheeltarget.errors import Fault, InputError, Location, locate

OPTION = "--exclude"

_SEPARATORS = re.compile(r"[-_.]+")
_PATTERN = re.compile(r"[A-Za-z0-9*?](?:[A-Za-z0-9*?._-]*[A-Za-z0-9*?])?", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9]", re.ASCII)
_REQUIREMENT = re.compile(
    r"([A-Za-z0-9*?][A-Za-z0-9*?._-]*?)\s*(?:\[[\w\s.,-]*\]\s*)?(?:[<>=!~@;(]|(?<=\])$)", re.ASCII
)
_EXAMPLE = "write it like boto3 or nvidia-*"


class InvalidPatternError(ValueError):
    """A text that is neither the name of a project nor a glob.

    :param message: what is wrong, as a sentence.
    :param hint: what to write instead.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True, order=True)
class Exclusion:
    """A project that is left out, or all projects whose names match a glob.

    :param pattern: a name, or a glob with ``*`` and ``?``; it is normalised as names are.
    :param origin: what asks for it, as notes name it.
    :raises InvalidPatternError: if it is neither.
    """

    pattern: str
    origin: str = field(default=OPTION, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", read_pattern(self.pattern))


def read_pattern(text: str) -> str:
    """Return a name or a glob as names are normalised; raise InvalidPatternError for other text."""
    if problem := _problem(text):
        raise InvalidPatternError(*problem)
    return _SEPARATORS.sub("-", text).lower()


def is_glob(pattern: str) -> bool:
    """Return whether a pattern has a wildcard."""
    return "*" in pattern or "?" in pattern


def _problem(text: str) -> tuple[str, str] | None:
    if not text:
        return "the name of a project is missing", _EXAMPLE
    if not _PATTERN.fullmatch(text):
        requirement = _REQUIREMENT.match(text)
        if requirement and _PART.search(requirement[1]):
            message = f"{text!r} is a requirement, and not the name of a project"
            return message, f"write {requirement[1]}: every version of it is left out"
        return f"{text!r} is not the name of a project", _EXAMPLE
    if not _PART.search(text):
        return f"{text} would leave out every project", _EXAMPLE
    return None


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that says whether one of the patterns has a project, normalised."""
    expressions = [translate(pattern) for pattern in patterns]
    if not expressions:
        return lambda _project: False
    match = re.compile("|".join(expressions)).match
    return lambda project: match(project) is not None


@dataclass(frozen=True, slots=True)
class Exclusions:
    """All exclusions of one target, each pattern once; that of the first origin counts."""

    every: tuple[Exclusion, ...] = ()
    _matches: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", tuple(sorted(dict.fromkeys(self.every))))
        object.__setattr__(self, "_matches", matcher(self.patterns))

    def __bool__(self) -> bool:
        return bool(self.every)

    def __contains__(self, project: object) -> bool:
        return isinstance(project, str) and self._matches(project)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return the patterns, sorted."""
        return tuple(each.pattern for each in self.every)

    def find(self, project: str) -> Exclusion | None:
        """Return the exclusion of a project, normalised; None if it is not left out."""
        return next((each for each in self.every if matcher([each.pattern])(project)), None)


NOTHING = Exclusions()
"""What leaves nothing out."""


def command_line_exclusions(values: Sequence[str]) -> tuple[Exclusion, ...]:
    """Parse the values of ``--exclude``, each a comma-separated list.

    :raises InputError: if an entry is neither a name nor a glob; with every fault.
    """
    found, faults = [], []
    for number, value in enumerate(values, start=1):
        column = 1
        for item in value.split(","):
            text = item.strip()
            place = Location(OPTION, number, column + len(item) - len(item.lstrip()))
            try:
                found.append(Exclusion(text))
            except InvalidPatternError as error:
                fault = Fault("", "", place, value, max(len(text), 1))
                faults.append(locate(fault, error.message, error.hint))
            column += len(item) + 1
    if faults:
        raise InputError(tuple(faults))
    return tuple(found)
