"""Check the files of all jobs before they are placed.

pip's process checks hashes itself, but they are computed again here, once for each file, so that
the result does not depend on another process.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.errors import DownloadError, Fault, InputError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.resolver import failure_report
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.results import JobResult, RequestedBy
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import Hashes
from wheeltarget.wheelhouse import closure

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def refuse_changed(results: Sequence[JobResult], hashes: Hashes) -> None:
    """Hash every file that has a known hash, and compare.

    :param results: the results of the jobs.
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
    if ("sha256", hashes.of(file.path).sha256) in accepted:
        return True
    others = {name for name, _ in accepted} - {"sha256"}
    if not others:
        return False
    content = file.path.read_bytes()
    return any((name, hashlib.new(name, content).hexdigest()) in accepted for name in others)


def compare(
    results: Sequence[JobResult], labels: Sequence[str], locked: Sequence[LockedVersion]
) -> None:
    """Compare the hashes of files with those in foreign locks.

    :param results: the results of the jobs.
    :param labels: the name of each job's target in messages.
    :param locked: the versions in the locks.
    :raises InputError: if a lock does not have the hash of a file.
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
            message = f"the index has no hash of {file.path.name} to compare with the lock"
            yield Fault(message, "without --dry-run, the file itself is hashed", lock.location)
        elif not any(f"{name}:{value}" in lock.hashes for name, value in known.items()):
            got = ", ".join(f"{name}:{value}" for name, value in known.items())
            yield Fault(
                f"{file.path.name} for {label} has {got}, which is not in the lock for "
                f"{lock.project} {lock.version}",
                "it is another file of that name, or newer than the lock: lock again",
                lock.location,
            )


def _hash(file: ChosenFile, algorithm: str) -> str:
    """Return a file's hash, or the one from the index if it was not fetched."""
    if not file.path.is_file():
        return dict(file.hashes).get(algorithm, "")
    try:
        with file.path.open("rb") as handle:
            return hashlib.file_digest(handle, algorithm).hexdigest()
    except ValueError:
        return ""  # unknown algorithm


def refuse_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Callable[[str], Target]
) -> None:
    """Raise an error if pip failed for a target, with the reason if its resolver knew it.

    :param results: the results of the jobs.
    :param labels: the name of each job's target in messages.
    :param build: returns the target with a best tag; raises TargetError.
    :raises ResolutionError: if pip failed for any target.
    """
    failure_report.refuse_failures(results, labels, build, _asking_lines)


def check(result: JobResult, *, dry_run: bool) -> None:
    """Check the closure of what was fetched for a target.

    :param result: the result of its job.
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
    from packaging.requirements import InvalidRequirement, Requirement

    found: list[Requirement] = []
    if result.dependencies != "all":
        return found
    for line in result.job.lines:
        try:
            found.append(Requirement(line.parsed.requirement))
        except InvalidRequirement:
            continue  # a path or URL: pip reports its project as requested
    for file in result.chosen:
        if file.requested:
            extras = f"[{','.join(file.extras)}]" if file.extras else ""
            found.append(Requirement(f"{file.name}{extras}"))
    return found


def _asking_lines(job: Job) -> Iterator[tuple[str, RequestedBy]]:
    """Return the project or URL that each line names, and the line."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in job.lines:
        text = line.parsed.requirement or line.parsed.options
        requester = RequestedBy("", text, str(line.fault("").location))
        try:
            yield canonicalize_name(Requirement(text).name), requester
        except InvalidRequirement:
            yield _url(text), requester


def _url(text: str) -> str:
    """Return the URL of a project that is given as a URL or path, as pip reads it."""
    option = r"\s*(?:-e|--editable)(?:\s+|=)?"
    url = re.split(r"\s+;|;\s", re.sub(option, "", text, count=1))[0].partition("#")[0]
    url = re.sub(r"\[[\w\s,.-]*\]$", "", url.strip())
    if "://" in url:
        return re.sub(r"(?<=://)[^/\s]+@", "", url)
    return Path(os.path.abspath(url)).as_uri()  # noqa: PTH100 - as pip reads it
