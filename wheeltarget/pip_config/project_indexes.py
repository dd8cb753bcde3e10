"""The index of a project: ``--index NAME=URL``, and ``[tool.wheeltarget.indexes]``.

A project that has one comes from there and from nowhere else, and no other project does. A name
comes before a glob, and of two globs the one with more characters besides wildcards does.

pip takes ``--index`` for ``--index-url``. So a value belongs to wheeltarget only if the text before
its first ``=`` has no ``:`` and no slash, as a URL or a path would.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from wheeltarget.errors import Fault, InputError, Location, locate
from wheeltarget.targets.exclusions import InvalidPatternError, is_glob, matcher, read_pattern
from wheeltarget.targets.names import IndexTable
from wheeltarget.utils.files import url_path

OPTION, TABLE = "--index", "tool.wheeltarget.indexes"

EXAMPLE = "acme-core=https://packages.example.com/simple"
"""A valid value of the option."""

_WRITE_OPTION = f"write it like {OPTION} {EXAMPLE}"
_WRITE_ENTRY = 'write it like acme-core = "https://packages.example.com/simple"'
_MOST_ENTRIES = 500
"""A safeguard: all globs are compared with each other."""

_SCHEMES = {"http", "https", "file"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?=:)")  # C: is a drive
_HEADER = re.compile(
    r"""^[ \t]*\[\s*tool\s*\.\s*["']?wheeltarget["']?\s*\.\s*["']?indexes["']?\s*\]""", re.MULTILINE
)
_INLINE = re.compile(r"(?<![\w-])indexes[ \t]*[=.]")
_STRING = re.compile(r"""(["'])(.*?)\1""")


@dataclass(frozen=True, slots=True)
class ProjectIndex:
    """The index of a project, or of all projects whose names match a glob.

    :param pattern: a name or a glob, normalized.
    :param url: the URL, which may have credentials.
    :param origin: what names it, as notes say it.
    """

    pattern: str
    url: str
    origin: str = field(default=OPTION, compare=False)

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Return a key by which the most specific one comes first."""
        return is_glob(self.pattern), -_literals(self.pattern), self.pattern


@dataclass(frozen=True, slots=True)
class ProjectIndexes:
    """The indexes of projects, the most specific ones first; each pattern once."""

    every: tuple[ProjectIndex, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", tuple(sorted(self.every, key=lambda each: each.rank)))

    def __bool__(self) -> bool:
        return bool(self.every)

    def find(self, project: str) -> ProjectIndex | None:
        """Return the index of a project, normalized; None if it has none of its own."""
        return next((each for each in self.every if matcher([each.pattern])(project)), None)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the patterns and the URLs, as messages to pip's process have them."""
        return tuple((each.pattern, each.url) for each in self.every)

    def of_command_line(self) -> bool:
        """Return whether an option names any of them."""
        return any(each.origin == OPTION for each in self.every)


NO_INDEXES = ProjectIndexes()
"""No project has an index of its own."""


class _Entry(NamedTuple):
    """A name and a URL as they are written.

    :param places: returns the places of both, which take long to find in a table.
    """

    name: str
    url: str
    places: Callable[[], tuple[Fault, Fault]]
    hint: str
    origin: str
    folder: Path


def is_project_index(value: str) -> bool:
    """Return whether a value of ``--index`` names a project, so that it is not pip's."""
    name, found, _ = value.partition("=")
    return bool(found) and not re.search(r"[:/\\]", name)


def read_indexes(
    values: Sequence[str],
    table: IndexTable | None,
    folder: Path,
    is_folder: Callable[[str], bool] = os.path.isdir,
) -> ProjectIndexes:
    """Read what the command line and the project name; for one pattern, the command line counts.

    :param values: the values of ``--index``.
    :param folder: the base of relative paths in them; that of the table is its own folder.
    :param is_folder: whether a folder exists, by its path.
    :raises InputError: if anything is wrong, with every fault.
    """
    found: list[tuple[ProjectIndex, _Entry]] = []
    faults: list[Fault] = []
    for entries in (_of_command_line(values, folder), _of_table(table) if table else ()):
        before = {each.pattern for each, _ in found}
        mine: dict[str, tuple[ProjectIndex, _Entry]] = {}
        for entry in entries:
            index = _read_entry(entry, is_folder, faults)
            if index is None or index.pattern in before:
                continue
            known = mine.setdefault(index.pattern, (index, entry))[0]
            if known.url != index.url:
                message = f"{index.pattern} has two indexes"
                hint = "a project comes from one index: remove one of them"
                faults.append(locate(entry.places()[0], message, hint, "WT703"))
        found += mine.values()
    for (one, _), (other, entry) in combinations(found, 2):
        if one.url != other.url and _are_ambiguous(one.pattern, other.pattern):
            message = f"{one.pattern} and {other.pattern} can match the same project"
            hint = "neither is more specific: write one of them with more letters, or names"
            faults.append(locate(entry.places()[0], message, hint, "WT703"))
    if faults:
        raise InputError(tuple(faults))
    return ProjectIndexes(tuple(each for each, _ in found))


def _of_command_line(values: Sequence[str], folder: Path) -> Iterator[_Entry]:
    for number, value in enumerate(values, start=1):
        name, _, url = value.partition("=")
        stripped, address = name.strip(), url.strip()
        start = len(name) - len(name.lstrip())
        at_name = Fault("", "", Location(OPTION, number, start + 1), value, max(len(stripped), 1))
        start = len(name) + 1 + len(url) - len(url.lstrip())
        at_url = Fault("", "", Location(OPTION, number, start + 1), value, max(len(address), 1))
        places = partial(_both, at_name, at_url)
        yield _Entry(stripped, address, places, _WRITE_OPTION, OPTION, folder)


def _both(at_name: Fault, at_url: Fault) -> tuple[Fault, Fault]:
    return at_name, at_url


def _of_table(table: IndexTable) -> Iterator[_Entry]:
    folder, origin = table.file.parent, table.file.name
    for number, (name, value) in enumerate(table.values.items()):
        if number == _MOST_ENTRIES:
            place, message = _places(table, name)[0], f"there are more than {_MOST_ENTRIES} entries"
            hint = "write globs, such as acme-*"
            raise InputError((locate(place, message, hint, "WT704"),))
        if not isinstance(value, str):
            hint = "write a name with dots in quotes" if isinstance(value, dict) else _WRITE_ENTRY
            place, message = _places(table, name)[0], f"the index of {name} is not a text"
            raise InputError((locate(place, message, hint, "WT702"),))
        yield _Entry(
            name, value.strip(), partial(_places, table, name), _WRITE_ENTRY, origin, folder
        )


def _places(table: IndexTable, name: str) -> tuple[Fault, Fault]:
    """Return the places of a key and of its value, or as near to them as they can be found."""
    text, file = table.text, str(table.file)
    header = _HEADER.search(text) or _INLINE.search(text)
    start = header.end() if header else 0
    pattern = rf"""(?<![\w"'-])(["']?)(?P<key>{re.escape(name)})\1[ \t]*=[ \t]*"""
    key = re.compile(pattern).search(text, start)
    if key is None:
        place = Fault("", "", Location(file, text.count("\n", 0, start) + 1))
        return place, place
    first = text.rfind("\n", 0, key.start()) + 1
    line = text[first:].partition("\n")[0].rstrip("\r")
    number = text.count("\n", 0, first) + 1
    column = key.start("key") - first + 1
    at_name = Fault("", "", Location(file, number, column), line, max(len(name), 1))
    value = _STRING.match(line, key.end() - first)
    if value is None or not value[2]:
        return at_name, at_name
    at_url = Fault("", "", Location(file, number, value.start(2) + 1), line, len(value[2]))
    return at_name, at_url


def _read_entry(
    entry: _Entry, is_folder: Callable[[str], bool], faults: list[Fault]
) -> ProjectIndex | None:
    """Read an entry; if it is wrong, add its faults and return None."""
    before, pattern = len(faults), ""
    try:
        pattern = read_pattern(entry.name)
    except InvalidPatternError as error:
        message, hint = error.message, entry.hint
        if entry.name and not entry.name.strip("*?._-"):
            message = f"{entry.name} would take every project from this index"
            hint = "name this index with --index-url instead"
        faults.append(locate(entry.places()[0], message, hint, "WT701"))
    if problem := _problem_of_url(entry.url):
        hint = problem[1] or entry.hint
        faults.append(locate(entry.places()[1], problem[0], hint, "WT702"))
    if len(faults) > before:
        return None
    url = _absolute(entry.url, entry.folder)
    if url.startswith("file:") and not is_folder(url_path(url)):
        message = f"the folder {url_path(url)} does not exist"
        hint = "a relative path begins at the working directory"
        if entry.origin != OPTION:
            hint = "a relative path begins at the folder of this file"
        faults.append(locate(entry.places()[1], message, hint, "WT702"))
        return None
    return ProjectIndex(pattern, url, entry.origin)


def _problem_of_url(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a URL or a path, and a hint, which may be empty."""
    if not text:
        return "the URL of the index is missing", ""
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        return "the URL of the index has white space in it", "write %20 for a space"
    if "${" in text:
        # A folder that somebody else has filled must not send them anywhere.
        hint = "pip finds credentials in .netrc or a keyring; on the command line, a shell expands"
        return "environment variables are not expanded here", f"{hint} variables"
    scheme = _SCHEME.match(text)
    if scheme is None:
        return None
    if scheme[0].lower() not in _SCHEMES:
        return f"{scheme[0]}: is not the beginning of an index's URL", "write https://… or a folder"
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "this is not a valid URL", ""
    if scheme[0].lower() != "file" and not has_host:
        return "the URL of the index has no host", ""
    if parts.query or parts.fragment:
        return "the URL of an index has neither a query nor a fragment", "end it before ? and #"
    return None


def _absolute(text: str, folder: Path) -> str:
    """Return a URL; a path, also after ``file:``, begins at a folder."""
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[0].lower() != "file":
        return text
    path = text if scheme is None else text[len("file:") :]
    if scheme is not None and path.startswith("/"):
        return f"file:{path}"
    return Path(os.path.abspath(folder / os.path.expanduser(path))).as_uri()  # noqa: PTH100, PTH111 - no link is followed


def _literals(pattern: str) -> int:
    return len(pattern.replace("*", "").replace("?", ""))


def _are_ambiguous(one: str, other: str) -> bool:
    """Return whether two globs match the same text, and neither is more specific."""
    if not (is_glob(one) and is_glob(other)) or _literals(one) != _literals(other):
        return False
    states, seen = {(0, 0)}, set[tuple[int, int]]()
    while states:
        i, j = state = states.pop()
        if state in seen:
            continue
        seen.add(state)
        a, b = one[i : i + 1], other[j : j + 1]
        if not a and not b:
            return True
        if a == "*":
            states |= {(i + 1, j), *([(i, j + 1)] if b else [])}
        if b == "*":
            states |= {(i, j + 1), *([(i + 1, j)] if a else [])}
        if a and b and "*" not in a + b and (a == b or "?" in a + b):
            states.add((i + 1, j + 1))
    return False
