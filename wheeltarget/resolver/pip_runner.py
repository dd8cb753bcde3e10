"""Run pip: write requests, start processes, wait for them, and read and check results.

The output of a process is progress, so it goes to standard error, unless a program that uses
wheeltarget captures it. A process ends with this one.

The functions raise PipMovedError if wheeltarget does not work with the installed pip,
InterruptedRunError if a child was interrupted, and DownloadError if a child died.

pip's process checks hashes itself, but they are computed again here, once for each file, so that
the result does not depend on another process.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from packaging.requirements import Requirement

from wheeltarget import pip_protocol as protocol
from wheeltarget.errors import DownloadError, Fault, InputError, InterruptedRunError, PipMovedError
from wheeltarget.pip_config.options import read_connections
from wheeltarget.pip_config.project_indexes import NO_INDEXES, ProjectIndexes
from wheeltarget.pip_protocol import Contents, read_message, to_json, write_message
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.resolver import prestart
from wheeltarget.resolver.plan import Job, parse_requirement
from wheeltarget.staging.atomic import temporary_folder
from wheeltarget.staging.folders import Turn
from wheeltarget.staging.stage import Stage, forward_signals
from wheeltarget.utils.files import Hashes
from wheeltarget.utils.progress import Progress, combined, is_watched, report
from wheeltarget.utils.system import python
from wheeltarget.wheelhouse import closure

_FOREIGN_VARIABLES = ("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI")
"""Variables of pip that would change the target of a job."""

_NOT_FOR_BUILDING = (
    *_FOREIGN_VARIABLES,
    *("PIP_CONSTRAINT", "PIP_EDITABLE", "PIP_GROUP", "PIP_REQUIREMENT"),
    "PIP_REQUIREMENTS_FROM_SCRIPT",
)
"""Variables of pip that do not matter for building, such as the requirements of the run."""

_FIRST_DAY_OF_ZIP = 315_532_800
_NO_RESULT = "pip's process ended without a result; nothing was saved"
_FLUSH_FAILED = 120
"""Python's exit code if it cannot write its last output, which is captured in a file."""

_GRACE_PERIOD, _WATCH_INTERVAL = 5.0, 0.1
_OUTPUT = "output.txt"
_STDERR = 2
_output: ContextVar[int] = ContextVar("output", default=_STDERR)
"""The file descriptor for the output of pip's processes."""

_Process: TypeAlias = "subprocess.Popen[bytes] | prestart.Child"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run jobs.

    :param folders: for each job, the folder in the destination for its files.
    :param processes: how many processes may run at once.
    :param dry_run: whether to only resolve, and fetch no more than that needs.
    :param hashed: whether a dry run fetches what is needed to know every sha256.
    :param silent: whether nothing is shown, not even errors.
    :param quiet: whether one line for each job stands for what pip says at its normal verbosity.
    :param refresh: whether index pages that are fresh in pip's cache are fetched again.
    :param kept: the projects whose sources a dry run fetches, too.
    :param first: the number of the first job; that of the jobs before in the same stage.
    """

    folders: tuple[str, ...]
    processes: int = 1
    dry_run: bool = False
    hashed: bool = False
    silent: bool = False
    quiet: bool = False
    store: Path | None = None
    refresh: bool = False
    kept: frozenset[str] = frozenset()
    first: int = 0


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job; :class:`~wheeltarget.pip_protocol.JobReport` describes the other fields.

    :param folder: the folder of its files.
    """

    job: Job
    exit_code: int
    dependencies: str
    chosen: tuple[protocol.ChosenFile, ...]
    folder: Path
    failure: protocol.Failure | None = None
    messages: tuple[str, ...] = ()
    fresh_until: float | None = None
    page_failures: tuple[protocol.PageFailure, ...] = ()
    left_out: tuple[protocol.LeftOutProject, ...] = ()
    statuses: tuple[protocol.ProjectStatus, ...] = ()
    sees_provenance: bool = True
    backtracking: protocol.Backtracking | None = None


@contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Capture the output of pip's processes; yields a function that returns all of it."""
    with tempfile.TemporaryFile() as file:

        def read() -> str:
            file.seek(0)
            return file.read().decode("utf-8", "replace")

        token = _output.set(file.fileno())
        try:
            yield read
        finally:
            _output.reset(token)


def run_jobs(
    jobs: Sequence[Job], labels: Sequence[str], stage: Stage, options: RunOptions
) -> tuple[JobResult, ...]:
    """Run pip for every job; the outputs of several processes are shown one after the other.

    :param labels: the name of each job's target in messages.
    :raises UsageError: if ``WHEELTARGET_CONNECTIONS`` is not a number.
    """
    numbers = range(options.first, options.first + len(jobs))
    folders = [stage.job_folder(number) for number in numbers]
    connections = read_connections(os.environ)
    count = max(min(options.processes, len(jobs)), 1)
    captured = count > 1 or options.silent
    for_pip = tuple(_output_options(captured=captured, quiet=options.quiet))
    orders = [
        replace(
            _make_order(job, label, for_pip, folder, stage.folder / f"result-{number}.json"),
            destination=str(stage.destination / options.folders[number - options.first]),
            dry_run=options.dry_run,
            hashed=options.hashed,
            kept=options.kept,
            quiet=options.quiet,
        )
        for number, job, label, folder in zip(numbers, jobs, labels, folders, strict=True)
    ]
    files = []
    for number in range(count):
        request = protocol.ResolveJobs(
            # In this order, what each process writes is in the order of the jobs.
            tuple(orders[number * len(orders) // count : (number + 1) * len(orders) // count]),
            _prefetches(),
            max(connections // count, 1),
            options.store,
            options.refresh,
            watched=is_watched(),
        )
        files.append(_write_request(stage.folder / f"child-{options.first + number}", request))
    exit_codes = run_all(
        files, stage.temporary, stage.notify_guard, captured=captured, silent=options.silent
    )
    for exit_code, file in zip(exit_codes, files, strict=True):
        if captured and exit_code == _FLUSH_FAILED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _raise_for_exit_code(exit_code, file.parent)
    if not all(order.result.is_file() for order in orders):
        raise DownloadError(_NO_RESULT)
    return tuple(
        _read_result(job, order.result, folder)
        for job, order, folder in zip(jobs, orders, folders, strict=True)
    )


def list_projects(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[protocol.JobListing, ...]:
    """List the files of the projects that each job requests, from index pages alone.

    :raises DownloadError: if pip could not read the requirements.
    """
    with temporary_folder("listing") as home:
        options = ("--quiet", *_output_options(captured=False))
        orders = tuple(
            _make_order(job, label, options, home / "files", home / f"result-{n}.json")
            for n, (job, label) in enumerate(zip(jobs, labels, strict=True))
        )
        connections = read_connections(os.environ)
        request = protocol.ResolveJobs(
            orders, _prefetches(), connections, lists=True, watched=is_watched()
        )
        (exit_code,) = run_all([_write_request(home, request)], home)
        _raise_for_exit_code(exit_code, home)
        return tuple(map(_read_listing, orders))


def _read_listing(order: protocol.JobOrder) -> protocol.JobListing:
    if not order.result.is_file():
        message = f"pip could not read the requirements for {order.label}"
        raise DownloadError(message, "see pip's output above")
    return read_message(order.result, protocol.JobListing)


def run_plain(job: Job, *, observed: bool = False) -> tuple[int, JobResult | None]:
    """Run pip for a job without a target; see :class:`~wheeltarget.pip_protocol.PlainRun`.

    pip runs in the terminal, and signals are passed on to it.

    :param job: the job; its arguments have the destination.
    :param observed: whether to return what pip chose, if that is known.
    :returns: pip's exit code as a shell shows it, and its result.
    """
    prestart.dismiss()  # that process is for targets
    with temporary_folder("plain") as home:
        request = protocol.PlainRun(job.arguments, dict(job.files), observed, job.indexes.pairs)
        command = prestart.command(str(_write_request(home, request)))
        streams = _streams() if _is_captured() else {}
        with forward_signals() as receivers, subprocess.Popen(command, **streams) as child:
            receivers.append(child.send_signal)
            exit_code = child.wait()
        _raise_if_moved(home)
        result = home / protocol.RESULT
        return (
            exit_code if exit_code >= 0 else 128 - exit_code,
            _read_result(job, result, Path()) if result.is_file() else None,
        )


def read_remote(options: Sequence[str], urls: Sequence[str]) -> Contents:
    """Fetch requirements files with pip; the options are pip's, without requirements files."""
    with temporary_folder("remote") as home:
        sys.stderr.flush()
        report(None)
        job_file = _write_request(home, protocol.ReadFiles(tuple(urls), tuple(options)))
        done = subprocess.run(prestart.command(str(job_file)), **_streams(), check=False)
        _raise_if_disk_full(done.returncode)
        _raise_if_moved(home)
        result = home / protocol.RESULT
        return read_message(result, Contents) if result.is_file() else Contents({}, {})


def fetch_locked(request: protocol.FetchLocked, stage: Stage) -> protocol.FetchReport:
    """Fetch files with pip's session."""
    home = stage.folder / "locked"
    request = replace(request, watched=is_watched())
    (exit_code,) = run_all([_write_request(home, request)], stage.temporary, stage.notify_guard)
    _raise_for_exit_code(exit_code, home)
    if not (home / protocol.RESULT).is_file():
        raise DownloadError(_NO_RESULT)
    return read_message(home / protocol.RESULT, protocol.FetchReport)


def build_wheel(
    source: Path,
    folder: Path,
    options: Sequence[str],
    stage: Stage,
    indexes: ProjectIndexes = NO_INDEXES,
) -> int:
    """Build a wheel of a source for this machine, in isolation, and without its dependencies.

    :param options: options for ``pip wheel``.
    :param indexes: the indexes of projects, from which what the build requires comes, too.
    :returns: pip's exit code.
    """
    result = f"--wheel-dir={folder}"
    pip = "wheeltarget.pip_child.build_pip" if indexes else "pip"
    command = python("-m", pip, "wheel", *options, "--no-deps", result, str(source))
    variables = {name: os.environ[name] for name in os.environ if name not in _NOT_FOR_BUILDING}
    # The hash of the source was checked when it was fetched.
    variables |= {**_temporary(stage.temporary), "PIP_REQUIRE_HASHES": "0"}
    if indexes:
        variables[protocol.INDEXES_VARIABLE] = json.dumps(indexes.pairs)
    # Most backends then make the same wheel of the same source, on any day.
    variables.setdefault("SOURCE_DATE_EPOCH", str(_FIRST_DAY_OF_ZIP))
    sys.stderr.flush()
    report(None)
    with _processes(stage.notify_guard) as children:
        children.append(subprocess.Popen(command, env=variables, **_streams()))
        stage.notify_guard(f"child {children[0].pid}")
        return children[0].wait()


# Requests and results


def _make_order(
    job: Job, label: str, options: Iterable[str], folder: Path, result: Path
) -> protocol.JobOrder:
    """Return the message for a dry run; options of pip come before the user's own."""
    target = job.target
    return protocol.JobOrder(
        label,
        protocol.TargetView(target.tags, target.environment, target.unknown) if target else None,
        (f"--dest={folder}", *options, *job.arguments),
        dict(job.files),
        str(folder),
        os.curdir,
        result,
        _FOREIGN_VARIABLES if target else (),
        dict(job.allowed_tags),
        job.sources,
        dict(job.preferred),
        job.excluded.patterns,
        job.indexes.pairs,
        dry_run=True,
        configured=job.configured,
    )


def _is_captured() -> bool:
    return _output.get() != _STDERR


def _streams() -> dict[str, Any]:
    """Return the standard streams of a process."""
    output = _output.get()
    if not _is_captured():
        return {"stdout": output}
    return {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}


def _output_options(*, captured: bool, quiet: bool = False) -> Iterator[str]:
    captured = captured or _is_captured()
    if captured:
        yield "--no-input"  # the user would not see a prompt
    is_unseen = "PIP_PROGRESS_BAR" not in os.environ and (quiet or not os.isatty(2))
    if captured or is_unseen or is_watched():
        yield "--progress-bar=off"  # pip would write each full bar to the file, or beside ours
    if os.environ.get("NO_COLOR"):
        yield "--no-color"


def _prefetches() -> bool:
    return os.environ.get("WHEELTARGET_AHEAD") != "0"


def _write_request(home: Path, request: protocol.Request) -> Path:
    home.mkdir(exist_ok=True)
    file = home / "job.json"
    write_message(file, request)
    return file


def _read_result(job: Job, result: Path, folder: Path) -> JobResult:
    report = read_message(result, protocol.JobReport)
    values = {each.name: getattr(report, each.name) for each in fields(report)}
    return JobResult(job=job, folder=folder, **values)


def _raise_for_exit_code(exit_code: int, home: Path) -> None:
    """Raise an error if a child has not run its request."""
    if exit_code in {protocol.INTERRUPTED, -2}:
        raise InterruptedRunError(2)
    if exit_code == protocol.PIP_MOVED:
        _raise_if_moved(home)
    _raise_if_disk_full(exit_code)
    if exit_code:
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        raise DownloadError(f"pip's process ended with {how}; nothing was saved")


def _raise_if_moved(home: Path) -> None:
    failure = home / protocol.FAILURE
    if failure.is_file():
        raise PipMovedError(read_message(failure, protocol.PipMoved).sentence)


def _raise_if_disk_full(exit_code: int) -> None:
    """Raise the error of a child that could not write its files; the caller names the folder."""
    if exit_code in protocol.NO_ROOM:
        number = getattr(errno, protocol.NO_ROOM[exit_code])
        raise OSError(number, os.strerror(number))


# Checks of results


def check_result(result: JobResult, *, dry_run: bool) -> None:
    """Check that what was fetched for a target fits it, and is all that it needs.

    :param dry_run: whether to use the metadata that pip read, since files were not fetched.
    :raises ClosureError: if something is missing, or not for the target.
    """
    target = result.job.target
    if target is None:
        return
    files = [(file.name, file.path) for file in result.chosen]
    closure.check_fit(target, files, dict(result.job.allowed_tags), result.job.sources)
    metadata = [
        file if dry_run or file.path.suffix != ".whl" else closure.read_metadata(file.path)
        for file in result.chosen
    ]
    closure.check_closure(target, roots(result), metadata, result.job.excluded)


def roots(result: JobResult) -> list[Requirement]:
    """Return the user's requirements whose dependencies were to be fetched as well."""
    if result.dependencies != "all":
        return []
    # pip reports the project of a path or URL as requested.
    typed = filter(None, map(parse_requirement, result.job.lines))
    requested = (file for file in result.chosen if file.requested)
    return [*typed, *(Requirement(f"{file.name}[{','.join(file.extras)}]") for file in requested)]


def refuse_changed(results: Sequence[JobResult], hashes: Hashes) -> None:
    """Hash every file that has a known hash; the hashes are kept for later.

    :raises DownloadError: if a file has none of the hashes of the index and the user.
    """

    def is_accepted(file: protocol.ChosenFile) -> bool:
        accepted = {(name.lower(), value.lower()) for name, value in (*file.hashes, *file.accepts)}
        return ("sha256", hashes.of(file.path).sha256) in accepted or any(
            name != "sha256" and value and _hash(file, name) == value for name, value in accepted
        )

    files = (file for result in results for file in result.chosen)
    changed = {f.path.name for f in files if f.hashes and f.path.is_file() and not is_accepted(f)}
    if changed:
        names = ", ".join(sorted(changed))
        raise DownloadError(
            f"the content of {names} does not match its hash; nothing was saved",
            "it was changed during the run, or the disk is damaged: run it again",
        )


def compare_with_locks(
    results: Sequence[JobResult], labels: Sequence[str], locked: Sequence[LockedVersion]
) -> None:
    """Compare the hashes of files with those in foreign locks.

    :raises InputError: if a lock does not have the hash of a file.
    """
    by_version: dict[tuple[str, str], list[LockedVersion]] = {}
    for lock in locked:
        by_version.setdefault((lock.project, lock.version), []).append(lock)
    faults = [
        fault
        for result, label in zip(results, labels, strict=True)
        for file in result.chosen
        for fault in _lock_faults(file, label, by_version.get((file.name, file.version), []))
    ]
    if faults:
        raise InputError(tuple(faults))


def _lock_faults(
    file: protocol.ChosenFile, label: str, locks: Sequence[LockedVersion]
) -> Iterator[Fault]:
    hashes = {each for lock in locks for each in lock.hashes}
    if not hashes:
        return
    names = sorted({each.partition(":")[0] for each in hashes})
    known = [f"{name}:{value}" for name in names if (value := _hash(file, name))]
    location = locks[0].location
    if not known:
        message = f"the index has no hash of {file.path.name} to compare with the lock"
        yield Fault(message, "without --dry-run, the file itself is hashed", location)
    elif not set(known) & hashes:
        yield Fault(
            f"{file.path.name} for {label} has {', '.join(known)}, which is not in the lock for "
            f"{file.name} {file.version}",
            "it is another file of that name, or newer than the lock: lock again",
            location,
        )


def _hash(file: protocol.ChosenFile, algorithm: str) -> str:
    """Return a file's hash, or the one from the index if it was not fetched; may be empty."""
    if not file.path.is_file():
        return dict(file.hashes).get(algorithm, "")
    try:
        with file.path.open("rb") as handle:
            return hashlib.file_digest(handle, algorithm).hexdigest()
    except (TypeError, ValueError):
        return ""  # an unknown algorithm, or one without a fixed length


# Processes


def run_all(
    files: Sequence[Path],
    temporary: Path,
    notify: Callable[[str], None] = lambda _line: None,
    *,
    captured: bool = False,
    silent: bool = False,
) -> list[int]:
    """Run a process for each job file, and return their exit codes.

    :param notify: sends a line about a process to the guard of a stage.
    :param captured: whether to write their output to files first, and show it in their order.
    :param silent: whether to not show captured output.
    """
    variables = prestart.child_environment(**_temporary(temporary))
    sys.stderr.flush()
    exit_codes = []
    with _processes(notify) as children:
        for file in files:
            children.append(_start(file, variables, captured=captured))
            notify(f"child {children[-1].pid}")
        if is_watched():
            _watch(children, files)
            report(None)
        for child, file in zip(children, files, strict=True):
            exit_codes.append(child.wait())
            if captured and not silent:
                with open(_output.get(), "wb", closefd=False) as output:
                    output.write(file.with_name(_OUTPUT).read_bytes())
    return exit_codes


def _watch(children: Sequence[_Process], files: Sequence[Path]) -> None:
    """Report the progress of processes until all of them have ended."""
    try:
        turn = Turn(files[0].with_name(protocol.TURN))
    except OSError:
        return  # the processes take longer than to show how far they are
    with closing(turn):
        for child in children:
            while not _has_ended(child):
                # A process that shows a prompt has the terminal until it is answered.
                if turn.take():
                    try:
                        if progress := combined(_read_progress(files)):
                            report(progress)
                    finally:
                        turn.leave()


def _has_ended(child: _Process) -> bool:
    """Wait a moment for the end of a process, and return whether it has ended."""
    try:
        child.wait(_WATCH_INTERVAL)
    except (subprocess.TimeoutExpired, TimeoutError):
        return False
    return True


def _read_progress(files: Iterable[Path]) -> Iterator[Progress]:
    """Read how far the processes are that have written it."""
    for file in files:
        with suppress(OSError, PipMovedError):  # nothing yet, or its disk is full
            yield read_message(file.with_name(protocol.PROGRESS), Progress)


def _temporary(folder: Path) -> dict[str, str]:
    """Return the environment variables that name the folder for temporary files."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


@contextmanager
def _processes(notify: Callable[[str], None]) -> Iterator[list[_Process]]:
    """Hold a list of started processes; after an error terminate them, then kill them."""
    children: list[_Process] = []
    try:
        yield children
    except BaseException:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_GRACE_PERIOD)
            except (subprocess.TimeoutExpired, TimeoutError):
                child.kill()
                child.wait()
        raise
    finally:
        for child in children:
            notify(f"ended {child.pid}")


def _start(file: Path, variables: Mapping[str, str], *, captured: bool) -> _Process:
    path = file.with_name(_OUTPUT) if captured else None
    prestarted = prestart.take()
    if prestarted and prestarted.order(to_json(protocol.JobStart(file, variables["TMPDIR"], path))):
        return prestarted
    command = prestart.command(str(file))
    if path is None:
        return subprocess.Popen(command, env=variables, **_streams())
    with path.open("wb") as output:
        return subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
