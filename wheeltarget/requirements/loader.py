"""Read the requirements of a command line and of all files that it includes.

Files are read in pip's order, nested ones in the place of their inclusion, with the default target
that applies there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from wheeltarget.errors import COMMAND_LINE, Fault, Location
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.filenames import base_name, is_foreign_lock, is_lock, is_remote
from wheeltarget.requirements.parser import (
    RequirementsFile,
    SourceLine,
    decode,
    nested_file,
    parse_file,
    parse_typed,
)
from wheeltarget.targets.names import TargetName
from wheeltarget.utils.regular_files import REQUIREMENTS_FILE, RefusedFileError, read_regular

if TYPE_CHECKING:
    from wheeltarget.requirements.foreign_locks import LockedVersion

_HIDDEN = re.compile(r"\b(?:tags|target)\s*+=")
_PYLOCK = re.compile(r"(?:(?!\[|lock-version).*\n)*(?P<line>lock-version[ \t]*=.*)")
"""A line that every pylock.toml has before its tables, and no requirements file can have."""

VARIABLE = re.compile(r"(\$\{([A-Z0-9_]+)\})")
"""An environment variable that pip expands in files, and its name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A requirement or constraint line, as it was reached through the files.

    :param line: the line.
    :param targets: the targets of its clause or of its file's default; None if the command line
        decides.
    :param constraint: whether it is a constraint.
    """

    line: SourceLine
    targets: tuple[TargetName, ...] | None
    constraint: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input of a run.

    :param files: each file that was read, once.
    :param entries: the requirement and constraint lines in order.
    :param named: every target that a clause names, in order, with those of unused defaults.
    :param faults: the faults of the clauses.
    :param unread: files that could not be read; pip would report them too.
    :param remote: URLs of files that pip still has to fetch.
    :param locked: the versions in the locks of other tools, as constraints.
    """

    files: tuple[RequirementsFile, ...]
    entries: tuple[Entry, ...]
    named: tuple[TargetName, ...]
    faults: tuple[Fault, ...]
    unread: tuple[Fault, ...]
    remote: tuple[str, ...]
    locked: tuple[LockedVersion, ...] = ()


def read_inputs(
    arguments: Sequence[str],
    files: Sequence[tuple[str, bool]],
    *,
    read: Callable[[str], tuple[bytes, bool]],
    read_nested: Callable[[str], tuple[bytes, bool]],
    environment: Callable[[str], str | None],
    fetched: Mapping[str, str] = MappingProxyType({}),
) -> Inputs:
    """Read the requirements of a command line.

    :param arguments: the requirements on the command line.
    :param files: the values of ``-r`` (False) and ``-c`` (True), in order.
    :param read: returns the content of a file and whether it can be read again; raises OSError.
    :param read_nested: the same for a file that another file names, which is not trusted.
    :param environment: returns the value of an environment variable, or None.
    :param fetched: the texts of files by URL.
    :returns: the lines, and all faults.
    """
    reader = _Reader(read, read_nested, environment, fetched)
    for name, constraint in files:
        if constraint or not is_lock(name):
            reader.include(name, None, constraint=constraint, above=())
    for number, text in enumerate(arguments, start=1):
        reader.argument(number, text)
    return Inputs(
        tuple(each for each in reader.files.values() if each is not None),
        tuple(reader.entries),
        tuple(reader.named),
        tuple(dict.fromkeys(reader.faults)),
        tuple(reader.unread),
        tuple(dict.fromkeys(reader.remote)),
        tuple(reader.locked),
    )


class _Reader:
    """Read the files in pip's order, with the default target of each."""

    def __init__(
        self,
        read: Callable[[str], tuple[bytes, bool]],
        read_nested: Callable[[str], tuple[bytes, bool]],
        environment: Callable[[str], str | None],
        fetched: Mapping[str, str],
    ) -> None:
        self._read = read
        self._read_nested = read_nested
        self._environment = environment
        self._fetched = fetched
        self.files: dict[str, RequirementsFile | None] = {}
        self.entries: list[Entry] = []
        self.named: list[TargetName] = []
        self.faults: list[Fault] = []
        self.unread: list[Fault] = []
        self.remote: list[str] = []
        self.locked: list[LockedVersion] = []

    def argument(self, number: int, text: str) -> None:
        """Read a requirement of the command line."""
        lines, faults = parse_typed(number, text)
        self.faults += faults
        self.entries += [
            Entry(line, self._names(line) if line.parsed.clauses else None) for line in lines
        ]

    def include(
        self,
        name: str,
        default: tuple[TargetName, ...] | None,
        *,
        constraint: bool,
        above: tuple[str, ...],
        named_by: SourceLine | None = None,
    ) -> None:
        """Read a file that the command line or another file names, and its nested files."""
        if is_remote(name) and name not in self._fetched:
            self.remote.append(name)
            return
        if is_foreign_lock(name) and not constraint:
            hint = f"write -c {name}, and add the requirements"
            self.faults.append(Fault(f"{name} pins versions, but does not request any", hint))
            return
        place = name if is_remote(name) else os.path.abspath(name)  # noqa: PTH100 - as pip writes it
        file = None if place in above else self._file(name, named_by)
        if file is None:
            return
        for line in file.lines:
            parsed = line.parsed
            if parsed.kind is Kind.DEFAULT:
                default = self._names(line)
            elif parsed.kind is Kind.OPTION:
                self._option(line, default, (*above, place))
            else:
                own = self._names(line) if parsed.clauses else default
                self.entries.append(Entry(line, own, constraint))

    def _option(
        self, line: SourceLine, default: tuple[TargetName, ...] | None, above: tuple[str, ...]
    ) -> None:
        """Include a nested file; ignore other options, which only pip reads."""
        nested = nested_file(line.parsed.options)
        if nested is None:
            return
        path = nested.value or ""
        if is_remote(line.file):
            path = urljoin(line.file, path)
        elif not is_remote(path):
            path = os.path.abspath(os.path.join(os.path.dirname(line.file), path))  # noqa: PTH100, PTH118, PTH120 - as pip writes it
        nested_constraint = nested.name == "--constraint"
        inherited = None if nested_constraint else default
        self.include(path, inherited, constraint=nested_constraint, above=above, named_by=line)

    def _file(self, name: str, named_by: SourceLine | None) -> RequirementsFile | None:
        if name not in self.files:
            self.files[name] = self._load(name, named_by)
        return self.files[name]

    def _load(self, name: str, named_by: SourceLine | None) -> RequirementsFile | None:
        import locale

        if name in self._fetched:
            return self._parse(name, self._fetched[name], repeatable=False)
        try:
            trusted = named_by is None and not is_foreign_lock(name)
            data, repeatable = (self._read if trusted else self._read_nested)(name)
            text = decode(data, locale.getpreferredencoding(do_setlocale=False))
        except RefusedFileError as error:
            # pip would read it without end.
            message = f"cannot read {name}: {error.strerror}"
            self.faults.append(named_by.fault(message) if named_by else Fault(message))
            return None
        except (OSError, ValueError, LookupError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.unread.append(Fault(f"cannot read {name}: {why}"))
            return None
        if "\0" in text:
            hint = "save it in UTF-8; UTF-16 needs a byte order mark"
            fault = Fault(
                f"cannot read {name}: it has NUL characters, so it is not a text file", hint
            )
            # pip would read a clause in it as part of a name, and ignore the target.
            hidden = _HIDDEN.search(text.replace("\0", ""))
            (self.faults if hidden else self.unread).append(fault)
            return None
        return self._parse(name, text, repeatable=repeatable)

    def _parse(self, name: str, text: str, *, repeatable: bool) -> RequirementsFile:
        if is_foreign_lock(name):
            from wheeltarget.requirements.foreign_locks import read_versions

            locked = read_versions(name, text)
            self.faults += locked.faults
            self.locked += locked.versions
            # pip cannot read the lock itself.
            text, repeatable = locked.text, False
        # If the text between CR and LF is cut, they would become one line end.
        text = re.sub(r"\r(?!\n)", "\n", text)
        lock = _PYLOCK.match(text)
        if lock is not None:
            self.faults.append(_misplaced_lock(name, text, lock))
            return RequirementsFile(name, text, (), repeatable)
        lines, faults = parse_file(name, text)
        self.faults += faults
        return RequirementsFile(name, text, tuple(map(self._expanded, lines)), repeatable)

    def _expanded(self, line: SourceLine) -> SourceLine:
        """Expand an option line's variables, which may be what makes it an option line."""
        parsed = line.parsed
        expanded = self._expand(f"{parsed.requirement} {parsed.options}").strip()
        if "${" not in parsed.text or not expanded.startswith("-"):
            return line
        kind = Kind.REQUIREMENT if expanded.startswith(("-e", "--ed")) else Kind.OPTION
        if parsed.clauses and kind is Kind.OPTION:
            self.faults.append(line.fault("a clause belongs to a requirement, not to an option"))
        return replace(line, parsed=replace(parsed, kind=kind, requirement="", options=expanded))

    def _names(self, line: SourceLine) -> tuple[TargetName, ...]:
        """Return the targets that the clauses of a line name."""
        folder = "" if line.file == COMMAND_LINE else os.path.dirname(line.file)  # noqa: PTH120
        names = []
        for clause in line.parsed.clauses:
            for word in clause.values:
                fault = line.fault("", "", word.start, word.start + len(word.text))
                expanded = self._expand(word.text) if line.file != COMMAND_LINE else word.text
                names += [
                    TargetName(clause.key, text.strip(), folder, fault)
                    for text in expanded.split(",")
                ]
        self.named += names
        return tuple(dict.fromkeys(names))

    def _expand(self, text: str) -> str:
        """Expand ``${VAR}`` as pip does: an unset or empty variable stays as written."""
        for variable, name in VARIABLE.findall(text):
            text = text.replace(variable, self._environment(name) or variable)
        return text


def read_nested(name: str) -> tuple[bytes, bool]:
    """Read a requirements file that another file names, for :func:`read_inputs`.

    :param name: its name.
    :raises OSError: if it cannot be read, or is not a regular file.
    """
    return read_regular(name, REQUIREMENTS_FILE), True


def _misplaced_lock(name: str, text: str, found: re.Match[str]) -> Fault:
    base = base_name(name)
    return Fault(
        f"{base} is a lock, not a requirements or constraints file",
        f"write -r {base if is_lock(base) else 'pylock.NAME.toml, as locks are called,'} on the "
        "command line, without other requirements",
        Location(name, text.count("\n", 0, found.start("line")) + 1),
        found["line"].rstrip(),
        len(found["line"].rstrip()),
    )
