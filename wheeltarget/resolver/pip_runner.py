"""The parent's side of pip: job files out, processes run, result files in."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.errors import DownloadError, InterruptedRunError, PipMovedError
from wheeltarget.network.policy import read_connections
from wheeltarget.pip_protocol import INTERRUPTED, NO_ROOM, PIP_MOVED, SCHEMA
from wheeltarget.resolver import prestart
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.processes import run_all, run_one, wait_as_pip
from wheeltarget.resolver.results import ChosenFile, Failure, JobResult
from wheeltarget.staging.temporary import temporary_folder
from wheeltarget.wheelhouse.merge import Stage

AHEAD = "WHEELTARGET_AHEAD"
"""The variable that, being 0, lets pip fetch everything itself, one thing after the other."""

_FAILURE = "failure.json"
_UNSAID = 120
"""Python's exit code if what was said last cannot be written; what is captured goes to a file."""

FOREIGN_VARIABLES = ("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI")
"""Variables that would name another target than a job's."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How jobs are run.

    :param folders: for each job, the folder in the destination that its files go to.
    :param children: how many processes may run at once.
    :param dry_run: whether pip chooses only, and fetches no more than that needs.
    :param hashed: whether it then fetches what is needed to know every sha256, too.
    :param silent: whether nothing of what pip says is shown.
    :param store: the folder of the wheel store; None to do without.
    :param refresh: whether index pages that are fresh in pip's cache are asked for again.
    """

    folders: tuple[str, ...]
    children: int = 1
    dry_run: bool = False
    hashed: bool = False
    silent: bool = False
    store: Path | None = None
    refresh: bool = False


def run_jobs(
    jobs: Sequence[Job], labels: Sequence[str], stage: Stage, manner: Manner
) -> tuple[JobResult, ...]:
    """Let pip resolve and fetch for every job.

    Jobs of one process share what they fetch. What several processes say is shown in the order
    of the jobs, each in one piece.

    :param jobs: the jobs.
    :param labels: what to call each job's target.
    :param stage: where everything goes.
    :param manner: how.
    :returns: what came of each job, in their order.
    :raises PipMovedError: where the installed pip cannot be made to see a target.
    :raises InterruptedRunError: where a child was interrupted.
    :raises DownloadError: where a child died.
    :raises UsageError: where ``WHEELTARGET_CONNECTIONS`` is no number.
    """
    folders = [stage.job_folder(number) for number in range(len(jobs))]
    results = [stage.folder / f"result-{number}.json" for number in range(len(jobs))]
    connections = read_connections(os.environ)
    count = max(min(manner.children, len(jobs)), 1)
    captured = count > 1 or manner.silent
    orders = [
        {
            **describe(job),
            "label": label,
            "arguments": [f"--dest={folder}", *appearance(captured=captured), *job.arguments],
            "folder": str(folder),
            "destination": str(stage.destination / below),
            "result": str(result),
            "dry_run": manner.dry_run,
            "hashed": manner.hashed,
        }
        for job, label, folder, below, result in zip(
            jobs, labels, folders, manner.folders, results, strict=True
        )
    ]
    files = []
    for number in range(count):
        home = stage.folder / f"child-{number}"
        home.mkdir()
        everything = {
            "plain": False,
            "jobs": orders[number::count],
            "failure": str(home / _FAILURE),
            "store": manner.store and str(manner.store),
            "refresh": manner.refresh,
            "ahead": os.environ.get(AHEAD) != "0",
            "connections": max(connections // count, 1),
        }
        files.append(_write_orders(home, everything))
    exit_codes = run_all(files, stage, captured=captured, silent=manner.silent)
    for exit_code, file in zip(exit_codes, files, strict=True):
        if captured and exit_code == _UNSAID:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _refuse_end(exit_code, file.parent / _FAILURE)
    if not all(result.is_file() for result in results):
        raise DownloadError("pip's process ended without a result; nothing was saved")
    return tuple(
        _read_result(job, result, folder)
        for job, result, folder in zip(jobs, results, folders, strict=True)
    )


def _refuse_end(exit_code: int, failure: Path) -> None:
    """Say what it means that a child has not run its jobs."""
    if exit_code in {INTERRUPTED, -2}:
        raise InterruptedRunError(2)
    if exit_code == PIP_MOVED and failure.is_file():
        raise PipMovedError(json.loads(failure.read_text("utf-8"))["sentence"])
    _refuse_no_room(exit_code)
    if exit_code:
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        raise DownloadError(f"pip's process ended with {how}; nothing was saved")


def _refuse_no_room(exit_code: int) -> None:
    """Raise what a child met that could not write its files; whoever made the folder names it."""
    if exit_code in NO_ROOM:
        number = getattr(errno, NO_ROOM[exit_code])
        raise OSError(number, os.strerror(number))


def appearance(*, captured: bool) -> Iterator[str]:
    """Say in pip's options what it would not heed by itself; the user's own stand behind."""
    if captured:
        yield "--no-input"  # what is captured is no place for a question
    if captured or ("PIP_PROGRESS_BAR" not in os.environ and not os.isatty(2)):
        yield "--progress-bar=off"  # it would draw each bar once, in full
    if os.environ.get("NO_COLOR"):
        yield "--no-color"


def describe(job: Job) -> dict[str, Any]:
    """Describe a job as a job file has it, as far as it does not depend on the stage."""
    target = job.target
    return {
        "target": target
        and {"tags": target.tags, "markers": target.environment, "unknown": target.unknown},
        "files": dict(job.files),
        "unset": FOREIGN_VARIABLES if target else (),
        "narrow": dict(job.narrow),
        "sources": sorted(job.sources),
        "prefer": dict(job.prefer),
    }


def _write_orders(folder: Path, orders: Mapping[str, Any]) -> Path:
    file = folder / "job.json"
    file.write_text(json.dumps({"schema": SCHEMA, **orders}), "utf-8")
    return file


def _read_result(job: Job, result: Path, folder: Path) -> JobResult:
    data = json.loads(result.read_text("utf-8"))
    chosen = tuple(ChosenFile.from_dict(each, folder) for each in data["files"])
    failure = Failure.from_dict(data["failure"]) if data["failure"] else None
    return JobResult(
        job,
        data["exit_code"],
        data["dependencies"],
        chosen,
        folder,
        failure,
        tuple(data["said"]),
        data["fresh_until"],
    )


def run_plain(job: Job, *, observed: bool = False) -> tuple[int, JobResult | None]:
    """Run pip for a job without a target, giving it only the content of the files.

    :param job: the job; its arguments have the destination.
    :param observed: whether to tell what pip chose.
    :returns: pip's exit code, and what it chose where that was asked for and can be told.
    :raises PipMovedError: where the installed pip takes no content from here.
    """
    prestart.dismiss()  # it is for targets
    with temporary_folder("plain") as home:
        failure, result = home / _FAILURE, home / "result.json"
        order = {
            **describe(job),
            "label": "this interpreter",
            "arguments": job.arguments,
            "folder": "",
            "destination": "",
            "result": str(result) if observed else "",
        }
        file = _write_orders(home, {"plain": True, "jobs": [order], "failure": str(failure)})
        exit_code = wait_as_pip(prestart.command(str(file)))
        if failure.is_file():
            raise PipMovedError(json.loads(failure.read_text("utf-8"))["sentence"])
        return exit_code, _read_result(job, result, Path()) if result.is_file() else None


def run_alone(home: Path, orders: Mapping[str, Any]) -> None:
    """Run a child that fetches nothing to keep: all it writes goes to one folder.

    :param home: the folder.
    :param orders: the content of the job file, but for what is the same for all runs.
    :raises PipMovedError: where the installed pip cannot be made to see a target.
    :raises InterruptedRunError: where the child was interrupted.
    :raises DownloadError: where the child died.
    """
    failure, place = home / _FAILURE, str(home)
    everything = {
        "plain": False,
        "failure": str(failure),
        "store": None,
        "ahead": os.environ.get(AHEAD) != "0",
        "connections": read_connections(os.environ),
        **orders,
    }
    _refuse_end(run_one(_write_orders(home, everything), place), failure)


def read_remote(words: Sequence[str], urls: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Let pip fetch requirements files.

    :param words: the options of the command line, but for those that name such files.
    :param urls: where the files are.
    :returns: their texts by URL, and the reasons for which there is none.
    """
    with temporary_folder("remote") as home:
        result, failure = home / "result.json", home / _FAILURE
        order = {
            "urls": urls,
            "arguments": words,
            "result": str(result),
            "failure": str(failure),
        }
        sys.stderr.flush()
        done = subprocess.run(
            prestart.command(str(_write_orders(home, order))),
            stdout=2,
            check=False,
        )
        _refuse_no_room(done.returncode)
        if not result.is_file():
            return {}, {}
        contents: dict[str, dict[str, str]] = json.loads(result.read_text("utf-8"))
        return contents["texts"], contents["reasons"]


def fetch_locked(
    order: Mapping[str, Any], stage: Stage
) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """Let pip's session fetch files.

    :param order: what the contract with the child calls a job file with ``locked``, but for
        ``result`` and ``failure``.
    :param stage: where everything goes.
    :returns: what could not be had, as the contract has it, and pip's exit code where it did not
        come to that.
    :raises PipMovedError: where the installed pip does not give its session.
    :raises InterruptedRunError: where the child was interrupted.
    :raises DownloadError: where it died.
    """
    home = stage.folder / "locked"
    home.mkdir()
    result, failure = home / "result.json", home / _FAILURE
    file = _write_orders(home, {**order, "result": str(result), "failure": str(failure)})
    (exit_code,) = run_all([file], stage, captured=False, silent=False)
    _refuse_end(exit_code, failure)
    if not result.is_file():
        raise DownloadError("pip's process ended without a result; nothing was saved")
    said = json.loads(result.read_text("utf-8"))
    return tuple(said["failures"] or ()), said["exit_code"]
