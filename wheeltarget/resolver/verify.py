"""Check the results of all jobs before their files are placed.

pip's process checks hashes itself, but they are computed again here, once for each file, so that
the result does not depend on another process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from packaging.requirements import Requirement

from wheeltarget.errors import DownloadError, Fault, InputError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.resolver.explanation import explain_failures
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import parse_requirement
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import Hashes
from wheeltarget.wheelhouse import closure


def refuse_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Callable[[str], Target]
) -> None:
    """Raise an error if pip failed for a target, with the reason if its resolver knew it.

    :param labels: the name of each job's target in messages.
    :param build: returns the target with a best tag; raises TargetError.
    :raises ResolutionError: if pip failed for any target.
    """
    if any(result.exit_code for result in results):
        raise explain_failures(results, labels, build)


def refuse_changed(results: Sequence[JobResult], hashes: Hashes) -> None:
    """Hash every file that has a known hash, and compare.

    :param hashes: computes the hashes, and keeps them for later.
    :raises DownloadError: if a file has none of its allowed hashes.
    """
    changed = {
        file.path.name
        for result in results
        for file in result.chosen
        if file.hashes and file.path.is_file() and not _is_accepted(file, hashes)
    }
    if changed:
        raise DownloadError(
            f"the content of {', '.join(sorted(changed))} does not match its hash; "
            "nothing was saved",
            "it was changed during the run, or the disk is damaged: run it again",
        )


def _is_accepted(file: ChosenFile, hashes: Hashes) -> bool:
    """Return whether a file has a hash from the index or the user."""
    accepted = {(name.lower(), value.lower()) for name, value in (*file.hashes, *file.accepts)}
    return ("sha256", hashes.of(file.path).sha256) in accepted or any(
        name != "sha256" and value and _hash(file, name) == value for name, value in accepted
    )


def compare(
    results: Sequence[JobResult], labels: Sequence[str], locked: Sequence[LockedVersion]
) -> None:
    """Compare the hashes of files with those in foreign locks.

    :param labels: the name of each job's target in messages.
    :raises InputError: if a lock does not have the hash of a file.
    """
    faults = [
        fault
        for result, label in zip(results, labels, strict=True)
        for file in result.chosen
        for lock in locked
        if (file.name, file.version) == (lock.project, lock.version) and lock.hashes
        for fault in _lock_faults(file, label, lock)
    ]
    if faults:
        raise InputError(tuple(faults))


def _lock_faults(file: ChosenFile, label: str, lock: LockedVersion) -> Iterator[Fault]:
    names = sorted({each.partition(":")[0] for each in lock.hashes})
    known = [f"{name}:{value}" for name in names if (value := _hash(file, name))]
    if not known:
        message = f"the index has no hash of {file.path.name} to compare with the lock"
        yield Fault(message, "without --dry-run, the file itself is hashed", lock.location)
    elif not set(known) & set(lock.hashes):
        yield Fault(
            f"{file.path.name} for {label} has {', '.join(known)}, which is not in the lock for "
            f"{lock.project} {lock.version}",
            "it is another file of that name, or newer than the lock: lock again",
            lock.location,
        )


def _hash(file: ChosenFile, algorithm: str) -> str:
    """Return a file's hash, or the one from the index if it was not fetched; may be empty."""
    if not file.path.is_file():
        return dict(file.hashes).get(algorithm, "")
    try:
        with file.path.open("rb") as handle:
            return hashlib.file_digest(handle, algorithm).hexdigest()
    except ValueError:
        return ""  # unknown algorithm


def check(result: JobResult, *, dry_run: bool) -> None:
    """Check the closure of what was fetched for a target.

    :param dry_run: whether to use the metadata that pip read, since files were not fetched.
    :raises ClosureError: if something is missing, or not for the target.
    """
    target = result.job.target
    if target is None:
        return
    files = [(file.name, file.path) for file in result.chosen]
    closure.check_fit(target, files, dict(result.job.allowed_tags), result.job.sources)
    metadata = [
        closure.read_metadata(file.path)
        if file.path.suffix == ".whl" and not dry_run
        else metadata_from_pip(file)
        for file in result.chosen
    ]
    closure.check_closure(target, roots(result), metadata)


def metadata_from_pip(file: ChosenFile) -> closure.WheelMetadata:
    """Return the metadata of a file that pip read."""
    return closure.WheelMetadata(file.name, file.version, file.requires)


def roots(result: JobResult) -> list[Requirement]:
    """Return the user's requirements whose dependencies were to be fetched as well."""
    if result.dependencies != "all":
        return []
    # pip reports the project of a path or URL as requested.
    typed = filter(None, map(parse_requirement, result.job.lines))
    requested = (file for file in result.chosen if file.requested)
    return [*typed, *(Requirement(f"{file.name}[{','.join(file.extras)}]") for file in requested)]
