"""Record the outcomes of runs, and find the one that the same run would have now.

An outcome is recorded with the hash of every file that its run read, or with the fact that a file
was not there. The record is valid while all of it is the same and the index pages are fresh
according to pip's cache. Variables and files may contain passwords, so only their hashes are
recorded, in a file that only the user can read.

Start-up: this module loads no more than it takes to check a record.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Protocol

import wheeltarget
from wheeltarget.cache.run_key import record_of
from wheeltarget.utils.files import REQUIREMENTS_FILE, Mark, read_regular, stamp_of, write_private

_SCHEMA = 2
_PROGRAMS = ("pip", "packaging")
_DATA = ("targets/catalog.toml", "targets/systems.toml")
# How many seconds a modification time may be behind: with fractions of a second, and without.
_CLOCK_STEP, _COARSE_CLOCK_STEP = 0.02, 2.0
_CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What an outcome depends on: while all of it is the same, so is the outcome.

    :param looked_for: the files that would have been read if they had existed.
    :param variables: the environment variables that the files name.
    :param began: when the run began, in seconds since the epoch.
    :param fresh_until: until when the index pages are fresh, also in seconds.
    :param destination: the folder for the files, as the user named it.
    """

    read: tuple[str, ...]
    looked_for: tuple[str, ...]
    variables: tuple[str, ...]
    began: float
    fresh_until: float
    destination: str


class Outcome(Protocol):
    """The outcome of a run, as far as it is recorded."""

    @property
    def run_inputs(self) -> RunInputs | None:
        """Return what it depends on; None if that is unknown."""

    @property
    def files(self) -> frozenset[Path]:
        """Return the files that are in the destination."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How an outcome is shown: quiet means nothing but JSON, and the report is a file or empty."""

    quiet: bool = False
    coloured: bool = True
    as_json: bool = False
    report: str = ""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The recorded outcome of an earlier run as JSON; its files may have gone since.

    :param made: when it ran, in seconds since the epoch.
    :param stamps: the mark of each file as the last run left it, by its path.
    """

    outcome: Mapping[str, Any]
    output_options: OutputOptions
    destination: Path
    made: float
    stamps: Mapping[str, Mark]
    record: Path


def real_folder(name: str) -> Path:
    """Return the folder that an argument names, as pip reads it."""
    return Path(os.path.realpath(os.path.expanduser(name)))  # noqa: PTH111 - any text


def find(arguments: Sequence[str], environment: Mapping[str, str]) -> RecordedRun | None:
    """Find the outcome that a run would have now; return None if there is no valid one."""
    record = Path(record_of(arguments, environment))
    try:
        return _check(json.loads(record.read_bytes()), environment, record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    outcome: Outcome,
    output_options: OutputOptions,
) -> None:
    """Record the outcome of a run, if it is known what it depends on."""
    run_inputs = outcome.run_inputs
    if run_inputs is None:
        return
    with contextlib.suppress(OSError):
        names = (*run_inputs.read, *run_inputs.looked_for)
        files = {name: _fingerprint(name, before=run_inputs.began) for name in names}
        if _CHANGED in files.values() or any(files[name] is None for name in run_inputs.read):
            return  # it is unknown which content was read
        data = {
            "schema": _SCHEMA,
            "made": run_inputs.began,
            "until": run_inputs.fresh_until,
            "files": files,
            "variables": {name: _hash(environment.get(name)) for name in run_inputs.variables},
            "programs": _programs(),
            "destination": [run_inputs.destination, str(real_folder(run_inputs.destination))],
            "appearance": list(astuple(output_options)),
            "outcome": outcome.as_dict(),
            "marks": _stamps(outcome.files),
        }
        _write(Path(record_of(arguments, environment)), json.dumps(data))


def update_stamps(remembered: RecordedRun, files: Iterable[Path]) -> None:
    """Record the marks of the files that are in the destination now, each of them right."""
    stamps = _stamps(files)
    if stamps == remembered.stamps:
        return
    with contextlib.suppress(OSError, ValueError):
        data = json.loads(remembered.record.read_bytes())
        if data.get("made") == remembered.made:
            _write(remembered.record, json.dumps({**data, "marks": stamps}))


def _stamps(files: Iterable[Path]) -> dict[str, Mark]:
    stamps = {}
    for path in files:
        with contextlib.suppress(OSError):
            if mark := stamp_of(path.lstat()):
                stamps[str(path)] = mark
    return stamps


def forget(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Remove the record of a run."""
    with contextlib.suppress(OSError):
        Path(record_of(arguments, environment)).unlink(missing_ok=True)


def _check(
    data: Mapping[str, Any], environment: Mapping[str, str], record: Path
) -> RecordedRun | None:
    """Return what a record holds if it is valid now."""
    named, destination = data["destination"]
    if not (
        data["schema"] == _SCHEMA
        and data["made"] <= time.time() < data["until"]
        and destination == str(real_folder(named))
        and all(_hash(environment.get(n)) == known for n, known in data["variables"].items())
        and all(_fingerprint(name) == known for name, known in data["files"].items())
        and data["programs"] == _programs()
    ):
        return None
    options = OutputOptions(*data["appearance"])
    stamps = {path: tuple(mark) for path, mark in data["marks"].items()}
    return RecordedRun(data["outcome"], options, Path(destination), data["made"], stamps, record)


def _programs() -> list[list[str | None]]:
    """Return the fingerprints of the programs that affect an outcome, without loading them."""
    names = [Path(wheeltarget.__file__).parent / name for name in _DATA]
    # pip's process does not import from the working directory.
    path = [each for each in sys.path if each not in {"", os.getcwd()}]  # noqa: PTH109
    for program in _PROGRAMS:
        found = PathFinder.find_spec(program, path)
        if found is not None and found.origin is not None:
            names.append(Path(found.origin))  # the version stands in it
    return [[str(name), _fingerprint(str(name))] for name in names]


def _hash(value: str | None) -> str | None:
    data = None if value is None else value.encode("utf-8", "surrogateescape")
    return None if data is None else hashlib.sha256(data).hexdigest()


def _fingerprint(name: str, *, before: float | None = None) -> str | None:
    """Return the hash of a file's content, or None if there is no readable file.

    :param before: a file that was changed since then may have been read before or after that.
    """
    try:
        content = read_regular(name, REQUIREMENTS_FILE)
        status = os.stat(name)  # noqa: PTH116 - any text
    except OSError:
        return None
    if before is not None:
        step = _CLOCK_STEP if status.st_mtime_ns % 10**9 else _COARSE_CLOCK_STEP
        if max(status.st_mtime_ns, status.st_ctime_ns) / 10**9 > before - step:
            return _CHANGED
    return hashlib.sha256(content).hexdigest()


def _write(record: Path, text: str) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    write_private(record, text)
