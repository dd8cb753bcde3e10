"""Compare a wheelhouse with locks: every file that they name must be there, with its hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name

from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.download.locks import select_files
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation, find_lock, proposed_command
from wheeltarget.errors import Fault, InputError, UsageError
from wheeltarget.lockfile.select import Selection
from wheeltarget.pip_config.options import CommandLine, GivenOption, is_lock
from wheeltarget.targets.leave_outs import ALL_KEPT, LeaveOuts
from wheeltarget.utils.files import hash_file, is_archive


def read_selections(
    locks: Iterable[str],
    tags: tuple[str, ...],
    targets: tuple[str, ...],
    invocation: Invocation,
    wheels: Iterable[str] = (),
    beside: Iterable[str] = (),
    leave_outs: LeaveOuts = ALL_KEPT,
) -> Iterator[Selection]:
    """Read locks, and select the files of each; one that is not for one target needs tags.

    :param wheels: the only folders with wheels, if there are some, for the hint to make a lock.
    :param beside: further files that are named as locks; the hint makes one lock of them all.
    :param leave_outs: what is left out.
    """
    locks = tuple(locks)
    for lock in locks:
        if not is_lock(lock):
            message = f"{lock} is not a lock: locks are named pylock.toml or pylock.NAME.toml"
            hint = "name a lock; wheeltarget lock makes one of a requirements file"
            if _may_be_requirements(lock):
                files = filter(_may_be_requirements, dict.fromkeys((*locks, *beside)))
                folders = [f"--find-links={folder}" for folder in wheels]
                options = [text for file in files for text in ("-r", file)]
                options += [*(["--no-index"] if folders else []), *folders]
                if any(map(is_lock, (*locks, *beside))):
                    # The new lock may have the name of one of these.
                    options += ["-o", Path(lock).stem]
                making = proposed_command("lock", *options, tags=tags, targets=targets)
                hint = f"make one for each target, and name that: {making}"
            raise UsageError(message, hint)
        arguments = (f"--requirement={lock}",)
        request = DownloadRequest(arguments, tags=tags, targets=targets)
        command = CommandLine((GivenOption("--requirement", lock),), ())
        selected = select_files(request, replace(invocation, command=command), leave_outs)
        if selected is not None:
            yield from selected
        elif Path(find_lock(lock)).is_file():
            raise UsageError(
                f"{lock} is not for a single target, so a target is needed to choose files from it",
                "name one with --tags TAG or --target NAME",
            )
        else:
            raise InputError((Fault(f"cannot read {lock}: it does not exist"),))


def _may_be_requirements(name: str) -> bool:
    return not is_lock(name) and Path(name).is_file() and not name.endswith((".toml", ".lock"))


def compare_with_locks(
    selections: Sequence[Selection], paths: Sequence[Path], used: Container[Path] = ()
) -> Iterator[CheckFinding]:
    """Compare the files with those that the locks name.

    :param used: other files that are needed.
    """
    by_name: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        by_name[path.name].append(path)
    hash_once = cache(sha256_of)
    named = set()
    for selection in selections:
        for file in selection.files:
            named.add(file.filename)
            found = by_name.get(file.filename, ())
            if not found:
                message = f"{file.filename} is missing, required by {file.lock}:{file.line}"
                yield CheckFinding("", selection.label, "WC401", message)
            elif file.sha256 not in map(hash_once, found):
                message = f"its sha256 differs from {file.lock}:{file.line}"
                yield CheckFinding(str(found[0]), selection.label, "WC402", message)
    left_out = [each.left_out for each in selections]
    for path in paths:
        if path.name not in named and path not in used:
            project = canonicalize_name(path.name.partition("-")[0])
            is_out = any(project in each for each in left_out)
            message = f"{project} is left out" if is_out else "no lock names it"
            yield CheckFinding(str(path), "", "WC305", message)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 hash of a file, in hexadecimal; an empty string if it cannot be read."""
    try:
        if not is_archive(path):
            # Some files in /proc have the size 0 and never end.
            return hashlib.sha256().hexdigest() if path.is_file() else ""
        return hash_file(path).sha256
    except OSError:
        return ""
