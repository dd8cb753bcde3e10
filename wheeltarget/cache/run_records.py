"""What earlier runs came to, and whether the same would come of them now.

A run is known by its words, the working directory, the programs it was run with, and the variables
that count. What it came to is kept with the hash of every file that it read; of one that was not
there, that is what is kept. It holds while all of it is the same and the index pages are fresh, as
pip's own cache has it. Of variables and files, which may have passwords in them, only hashes are
kept, and what is kept only its user can read.

Nothing here loads more than it takes to find that out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import wheeltarget
from wheeltarget.cache.run_key import SUFFIX, record_of
from wheeltarget.utils.hashes import mark_of
from wheeltarget.utils.regular_files import REQUIREMENTS_FILE, read_regular

if TYPE_CHECKING:
    from wheeltarget.utils.hashes import Mark

_SCHEMA = 2
_PROGRAMS = ("pip", "packaging")
_DATA = ("targets/catalog.toml", "targets/systems.toml")
_CLOCK_STEP, _COARSE_CLOCK_STEP = 0.02, 2.0
"""How far a file system's time of change may lie behind, in seconds; the second one where it has
no fractions of a second."""

_SECOND = 1_000_000_000
_CHANGED = "changed"
_PART = ".part"
_DRAFT_IS_DEAD_AFTER = 3600.0


class Outcome(Protocol):
    """What came of a run, as far as it matters for keeping it."""

    @property
    def basis(self) -> Basis | None:
        """Return what it rests on; None if that cannot be told."""

    @property
    def files(self) -> frozenset[Path]:
        """Return the files that are in the destination."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """How an outcome is shown.

    :param quiet: whether nothing is shown of it but JSON.
    :param coloured: False where no colour is wanted even on a terminal.
    :param as_json: whether it is shown as JSON.
    :param report: where it is written as JSON, too; empty where it is not.
    """

    quiet: bool = False
    coloured: bool = True
    as_json: bool = False
    report: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier run came to.

    :param outcome: its outcome as JSON; where its files are now is another matter.
    :param appearance: how it was shown.
    :param destination: the folder for its files.
    :param made: when it was, in seconds since the epoch.
    :param marks: the mark of each file as the last run left it, by its path.
    :param record: the file that this is kept in.
    """

    outcome: Mapping[str, Any]
    appearance: Appearance
    destination: Path
    made: float
    marks: Mapping[str, Mark]
    record: Path


def real_folder(name: str) -> Path:
    """Give the folder that a word of the command line names, as pip reads it.

    :param name: the word.
    """
    return Path(os.path.realpath(os.path.expanduser(name)))  # noqa: PTH111 - any text


def find(words: Sequence[str], environment: Mapping[str, str]) -> Remembered | None:
    """Find what would come of a run now.

    :param words: what stands behind ``download``.
    :param environment: the environment's variables.
    :returns: what came of it before; None where it would have to be run.
    """
    record = Path(record_of(words, environment))
    try:
        text = record.read_bytes()
    except OSError:
        return None
    import json

    try:
        return _check(json.loads(text), environment, record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(
    words: Sequence[str],
    environment: Mapping[str, str],
    outcome: Outcome,
    appearance: Appearance,
) -> None:
    """Remember what came of a run, if it can be told what that rests on.

    :param words: what stands behind ``download``.
    :param environment: the environment's variables.
    :param outcome: what came of it.
    :param appearance: how it was shown.
    """
    basis = outcome.basis
    if basis is None:
        return
    import json

    with contextlib.suppress(OSError):
        names = (*basis.read, *basis.looked_for)
        files = {name: _fingerprint(name, before=basis.began) for name in names}
        if _CHANGED in files.values() or any(files[name] is None for name in basis.read):
            return  # nobody knows any more what was read
        data = {
            "schema": _SCHEMA,
            "made": basis.began,
            "until": basis.fresh_until,
            "files": files,
            "variables": {name: _hash(environment.get(name)) for name in basis.variables},
            "programs": _programs(),
            "destination": [basis.destination, str(real_folder(basis.destination))],
            "appearance": list(astuple(appearance)),
            "outcome": outcome.as_dict(),
            "marks": _marks(outcome.files),
        }
        _write(Path(record_of(words, environment)), json.dumps(data))


def mark_again(remembered: Remembered, files: Iterable[Path]) -> None:
    """Keep the marks of the files that are in the destination now, each of them right.

    :param remembered: what came of an earlier run, and came of this one, too.
    :param files: the files.
    """
    marks = _marks(files)
    if marks == remembered.marks:
        return
    import json

    with contextlib.suppress(OSError, ValueError):
        data = json.loads(remembered.record.read_bytes())
        if data.get("made") == remembered.made:
            _write(remembered.record, json.dumps({**data, "marks": marks}))


def _marks(files: Iterable[Path]) -> dict[str, Mark]:
    """Return the mark of each file that is in the destination."""
    marks = {}
    for path in files:
        with contextlib.suppress(OSError):
            mark = mark_of(path.lstat())
            if mark is not None:
                marks[str(path)] = mark
    return marks


def forget(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Forget what came of a run.

    :param words: what stands behind ``download``.
    :param environment: the environment's variables.
    """
    with contextlib.suppress(OSError):
        Path(record_of(words, environment)).unlink(missing_ok=True)


def entries(folder: Path) -> Iterator[tuple[Path, float]]:
    """Give the file of every run that is remembered, and until when it may hold.

    :param folder: where they are; it need not exist.
    """
    import json

    for file in folder.glob(f"*{SUFFIX}"):
        try:
            data = json.loads(file.read_bytes())
            # One from the future holds never: the clock was wrong when it was made.
            until = float(data["until"]) if data.get("made", 0.0) <= time.time() else 0.0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            until = 0.0
        yield file, until


def drafts(folder: Path) -> Iterator[Path]:
    """Give what killed runs have left half-written.

    :param folder: where it is; it need not exist.
    """
    for draft in folder.glob(f"*{_PART}"):
        with contextlib.suppress(FileNotFoundError):
            # One from the future was written while the clock was wrong.
            if abs(time.time() - draft.stat().st_mtime) > _DRAFT_IS_DEAD_AFTER:
                yield draft


def _check(
    data: Mapping[str, Any], environment: Mapping[str, str], record: Path
) -> Remembered | None:
    """Give what came of a run if the same would come of it now."""
    named, destination = data["destination"]
    holds = (
        data["schema"] == _SCHEMA
        and data["made"] <= time.time() < data["until"]
        and destination == str(real_folder(named))
        and all(_hash(environment.get(n)) == known for n, known in data["variables"].items())
        and all(_fingerprint(name) == known for name, known in data["files"].items())
        and data["programs"] == _programs()
    )
    if not holds:
        return None
    appearance = Appearance(*data["appearance"])
    marks = {path: tuple(mark) for path, mark in data["marks"].items()}
    return Remembered(data["outcome"], appearance, Path(destination), data["made"], marks, record)


def _programs() -> list[list[str | None]]:
    """Say which versions of everything that decides are there, without loading them."""
    names = [Path(wheeltarget.__file__).parent / name for name in _DATA]
    # pip's process does not look for itself in the working directory.
    path = [each for each in sys.path if each not in {"", os.getcwd()}]  # noqa: PTH109
    for program in _PROGRAMS:
        found = PathFinder.find_spec(program, path)
        if found is not None and found.origin is not None:
            names.append(Path(found.origin))  # the version stands in it
    return [[str(name), _fingerprint(str(name))] for name in names]


def _hash(value: str | None) -> str | None:
    if value is None:
        return None
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def _fingerprint(name: str, *, before: float | None = None) -> str | None:
    """Give the hash of a file's content, or None where there is no file to be read.

    :param before: where this is given, a file that was changed since then has no fingerprint:
        nobody knows whether it was read before that or afterwards.
    """
    try:
        content = read_regular(name, REQUIREMENTS_FILE)
        status = os.stat(name)  # noqa: PTH116 - any text
    except OSError:
        return None
    if before is not None:
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        step = _CLOCK_STEP if status.st_mtime_ns % _SECOND else _COARSE_CLOCK_STEP
        if changed / _SECOND > before - step:
            return _CHANGED
    return hashlib.sha256(content).hexdigest()


def _write(file: Path, text: str) -> None:
    """Write a file that only its user can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{os.urandom(8).hex()}{_PART}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as draft_file:
            draft_file.write(text)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Basis:
    """What an outcome rests on: while all of it is the same, so is the outcome.

    :param read: the files that were read.
    :param looked_for: those that were read if they were there.
    :param variables: the environment variables that these files name.
    :param began: when the run began, in seconds since the epoch.
    :param fresh_until: until when what the index pages say holds, likewise.
    :param destination: the folder for the files, as it was named.
    """

    read: tuple[str, ...]
    looked_for: tuple[str, ...]
    variables: tuple[str, ...]
    began: float
    fresh_until: float
    destination: str
