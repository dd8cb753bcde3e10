"""The parent's side of pip: job files out, child processes minded, result files in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.errors import DownloadError, InterruptedRunError, PipMovedError
from wheeltarget.plan import Job
from wheeltarget.wheelhouse import Stage

SCHEMA = 1
PIP_MOVED = 70
INTERRUPTED = 130
_PATIENCE = 5.0
_FOREIGN_VARIABLES = ("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI")


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file that pip chose for a target.

    :param name: the project, normalised.
    :param version: its version.
    :param path: where the file lies in the stage.
    :param url: where it came from, without credentials.
    :param requested: whether the user asked for it by name.
    :param extras: the extras that were asked for.
    :param parents: the projects that need it; None stands for the user.
    :param yanked: the reason for which it was yanked, or None if it was not.
    """

    name: str
    version: str
    path: Path
    url: str
    requested: bool
    extras: tuple[str, ...]
    parents: tuple[str | None, ...]
    yanked: str | None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path) -> ChosenFile:
        """Build it from an object of a result file."""
        return cls(
            name=data["name"],
            version=data["version"],
            path=folder / data["filename"],
            url=data["url"],
            requested=data["requested"],
            extras=tuple(data["extras"]),
            parents=tuple(data["parents"]),
            yanked=data["yanked"],
        )


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job.

    :param job: the job.
    :param exit_code: pip's exit code for it.
    :param dependencies: ``all``, ``none`` or ``only``: what pip was told to fetch.
    :param chosen: the files that pip chose.
    :param folder: where all its files are.
    """

    job: Job
    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...]
    folder: Path


def run_jobs(jobs: Sequence[Job], labels: Sequence[str], stage: Stage) -> tuple[JobResult, ...]:
    """Let pip resolve and fetch for every job, in one child process.

    :param jobs: the jobs.
    :param labels: what to call each job's target.
    :param stage: where everything goes.
    :returns: what came of each job, in their order.
    :raises PipMovedError: where the installed pip cannot be made to see a target.
    :raises InterruptedRunError: where the child was interrupted.
    :raises DownloadError: where the child died.
    """
    folders = [stage.job_folder(number) for number in range(len(jobs))]
    results = [stage.folder / f"result-{number}.json" for number in range(len(jobs))]
    orders = [
        {
            **_order(job),
            "label": label,
            "arguments": [f"--dest={folder}", *_appearance(), *job.arguments],
            "folder": str(folder),
            "destination": str(stage.destination),
            "result": str(result),
        }
        for job, label, folder, result in zip(jobs, labels, folders, results, strict=True)
    ]
    failure = stage.folder / "failure.json"
    file = _write_orders(stage.folder, {"plain": False, "jobs": orders, "failure": str(failure)})
    exit_code = _run_child(file, stage)
    if exit_code in {INTERRUPTED, -2}:
        raise InterruptedRunError(2)
    if exit_code == PIP_MOVED and failure.is_file():
        raise PipMovedError(json.loads(failure.read_text("utf-8"))["sentence"])
    if exit_code or not all(result.is_file() for result in results):
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        raise DownloadError(f"pip's process ended with {how}; nothing was saved")
    return tuple(
        _read_result(job, result, folder)
        for job, result, folder in zip(jobs, results, folders, strict=True)
    )


def _appearance() -> Iterator[str]:
    """Say in pip's options what it would not heed by itself; the user's own stand behind."""
    if "PIP_PROGRESS_BAR" not in os.environ and not os.isatty(2):
        yield "--progress-bar=off"  # it would draw each bar once, in full
    if os.environ.get("NO_COLOR"):
        yield "--no-color"


def _order(job: Job) -> dict[str, Any]:
    """Describe a job as far as it does not depend on the stage."""
    target = job.target
    return {
        "target": target
        and {"tags": target.tags, "markers": target.environment, "unknown": target.unknown},
        "files": dict(job.files),
        "unset": _FOREIGN_VARIABLES if target else (),
    }


def _write_orders(folder: Path, orders: Mapping[str, Any]) -> Path:
    file = folder / "job.json"
    file.write_text(json.dumps({"schema": SCHEMA, **orders}), "utf-8")
    return file


def _command(job_file: Path) -> list[str]:
    # -P keeps the working directory from giving pip other modules than its own.
    return [sys.executable, "-P", "-m", "wheeltarget.pip_child", str(job_file)]


def _environment(**changes: str) -> dict[str, str]:
    """Give the child this process's environment, and the way to wheeltarget where -P hides it."""
    environment = {**os.environ, **changes}
    home = str(Path(__file__).resolve().parent.parent)
    if home == str(Path.cwd()):
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{home}{os.pathsep}{inherited}" if inherited else home
    return environment


def _run_child(job_file: Path, stage: Stage) -> int:
    """Run the child to its end; its output is progress, so it goes to standard error."""
    temporary = str(stage.temporary)
    environment = _environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    sys.stderr.flush()
    with subprocess.Popen(_command(job_file), env=environment, stdout=2) as child:
        stage.tell_guard(f"child {child.pid}")
        try:
            return child.wait()
        except BaseException:
            _end(child)
            raise
        finally:
            stage.tell_guard("child 0")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


def _read_result(job: Job, result: Path, folder: Path) -> JobResult:
    data = json.loads(result.read_text("utf-8"))
    chosen = tuple(ChosenFile.from_dict(each, folder) for each in data["files"])
    return JobResult(job, data["exit_code"], data["dependencies"], chosen, folder)


def run_plain(job: Job) -> int:
    """Run pip for a job without a target, giving it only the content of the files.

    :param job: the job; its arguments have the destination.
    :returns: pip's exit code.
    :raises PipMovedError: where the installed pip takes no content from here.
    """
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as name:
        failure = Path(name, "failure.json")
        order = {
            **_order(job),
            "label": "this interpreter",
            "arguments": job.arguments,
            "folder": "",
            "destination": "",
            "result": "",
        }
        file = _write_orders(Path(name), {"plain": True, "jobs": [order], "failure": str(failure)})
        exit_code = subprocess.run(_command(file), env=_environment(), check=False).returncode
        if failure.is_file():
            raise PipMovedError(json.loads(failure.read_text("utf-8"))["sentence"])
        return exit_code


def become_pip(words: Sequence[str]) -> int:
    """Turn this process into ``pip download``, or run it where the system cannot do that.

    :param words: what stands behind ``download``.
    :returns: pip's exit code, where the system has no exec.
    """
    command = [sys.executable, "-m", "pip", "download", *words]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606 - it is the running interpreter
    return subprocess.run(command, check=False).returncode
