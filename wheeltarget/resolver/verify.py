"""Files held against the hashes that the index and the user say, before any is placed.

pip's process hashes what it fetches, and what it takes from elsewhere. But that it has done so is
only what another process says; the hash that counts is computed here, once for each file.
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
from wheeltarget.utils.hashes import Hashes
from wheeltarget.wheelhouse import closure

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def refuse_changed(results: Sequence[JobResult], hashes: Hashes) -> None:
    """Hash every file that has a hash to be held against, whatever pip's process has found.

    :param results: what came of each job.
    :param hashes: computes the hashes, and keeps them for when files are placed.
    :raises DownloadError: if a file has none of the hashes that pip would take.
    """
    changed = {
        file.path.name
        for result in results
        for file in result.chosen
        if file.hashes and file.path.is_file() and not _is_accepted(file, hashes)
    }
    if changed:
        raise DownloadError(
            f"the content of {', '.join(sorted(changed))} is not what its hash says; nothing was "
            "saved",
            "it was changed while this ran, or the disk is bad: run it again",
        )


def _is_accepted(file: ChosenFile, hashes: Hashes) -> bool:
    """Tell whether a file has a hash that the index or the user says of it."""
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


def refuse_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Callable[[str], Target]
) -> None:
    """Say for whom pip failed, and why as far as its resolver knew.

    :param results: what came of each job.
    :param labels: what to call each job's target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :raises UnmetError: where pip failed for any.
    """
    failure_report.refuse_failures(results, labels, build, _asking_lines)


def check(result: JobResult, *, dry_run: bool) -> None:
    """Walk the metadata of what was fetched for a target.

    :param result: what came of its job.
    :param dry_run: whether the files are not there; then what pip read of them counts.
    :raises ClosureError: where something is missing, or not for the target.
    """
    target = result.job.target
    if target is None:
        return
    files = [(file.name, file.path) for file in result.chosen]
    closure.check_fit(target, files, dict(result.job.narrow), result.job.sources)
    said = [
        closure.read_metadata(file.path)
        if file.path.suffix == ".whl" and not dry_run
        else said_by_pip(file)
        for file in result.chosen
    ]
    closure.check_closure(target, roots(result), said)


def said_by_pip(file: ChosenFile) -> closure.WheelMetadata:
    """Give what pip read in a file's metadata."""
    return closure.WheelMetadata(file.name, file.version, file.requires)


def roots(result: JobResult) -> list[Requirement]:
    """Give what the user asked for, as far as its dependencies were to be fetched, too."""
    from packaging.requirements import InvalidRequirement, Requirement

    found: list[Requirement] = []
    if result.dependencies != "all":
        return found
    for line in result.job.lines:
        try:
            found.append(Requirement(line.parsed.requirement))
        except InvalidRequirement:
            continue  # a path or a URL: its project is among those that pip calls requested
    for file in result.chosen:
        if file.requested:
            extras = f"[{','.join(file.extras)}]" if file.extras else ""
            found.append(Requirement(f"{file.name}{extras}"))
    return found


def _asking_lines(job: Job) -> Iterator[tuple[str, RequestedBy]]:
    """Give the project, or the place of the project, that each line names, and the line."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in job.lines:
        text = line.parsed.requirement or line.parsed.options
        asker = RequestedBy("", text, str(line.fault("").location))
        try:
            yield canonicalize_name(Requirement(text).name), asker
        except InvalidRequirement:
            yield _place(text), asker


def _place(text: str) -> str:
    """Give the URL of a project that is named by its place alone, as pip has it."""
    option = r"\s*(?:-e|--editable)(?:\s+|=)?"
    place = re.split(r"\s+;|;\s", re.sub(option, "", text, count=1))[0].partition("#")[0]
    place = re.sub(r"\[[\w\s,.-]*\]$", "", place.strip())
    if "://" in place:
        return re.sub(r"(?<=://)[^/\s]+@", "", place)
    return Path(os.path.abspath(place)).as_uri()  # noqa: PTH100 - as pip reads it
