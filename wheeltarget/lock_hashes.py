"""What pip chose held against the hashes of the locks that constrained it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from wheeltarget.errors import Fault, InputError
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.resolver.results import ChosenFile, JobResult


def compare(
    results: Sequence[JobResult], labels: Sequence[str], locked: Sequence[LockedVersion]
) -> None:
    """Compare the hash of every file whose version a lock names.

    :param results: what came of the jobs.
    :param labels: what to call each job's target.
    :param locked: what the locks name.
    :raises InputError: where a lock does not have the hash of a file.
    """
    faults = [
        fault
        for result, label in zip(results, labels, strict=True)
        for file in result.chosen
        for fault in _faults(file, label, locked)
    ]
    if faults:
        raise InputError(tuple(faults))


def _faults(file: ChosenFile, label: str, locked: Sequence[LockedVersion]) -> Iterator[Fault]:
    for lock in locked:
        if (file.name, file.version) != (lock.project, lock.version) or not lock.hashes:
            continue
        algorithms = {each.partition(":")[0] for each in lock.hashes}
        mine = {algorithm: _hash(file, algorithm) for algorithm in sorted(algorithms)}
        known = {algorithm: value for algorithm, value in mine.items() if value}
        if not known:
            message = f"the index has no hash of {file.path.name}, so it cannot be compared"
            yield Fault(message, "without --dry-run the file itself is", lock.location)
        elif not any(f"{name}:{value}" in lock.hashes for name, value in known.items()):
            got = ", ".join(f"{name}:{value}" for name, value in known.items())
            yield Fault(
                f"{file.path.name} for {label} is none of the files that this lock has of "
                f"{lock.project} {lock.version}: it has {got}",
                "it is another file of that name, or newer than the lock: lock again",
                lock.location,
            )


def _hash(file: ChosenFile, algorithm: str) -> str:
    """Compute a file's hash; of one that was not fetched give what the index says."""
    if not file.path.is_file():
        return dict(file.hashes).get(algorithm, "")
    try:
        with file.path.open("rb") as handle:
            return hashlib.file_digest(handle, algorithm).hexdigest()
    except ValueError:
        return ""  # no algorithm of this name
