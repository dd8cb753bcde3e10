"""Start pip's child process as the parent does, by the protocol alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.support import forks
from tests.support.cli import environment
from tests.support.index import LocalIndex
from tests.support.moved_pip import Edit, move_pip
from wheeltarget.pip_protocol import (
    FAILURE,
    RESULT,
    ChosenFile,
    JobOrder,
    JobReport,
    PipMoved,
    PlainRun,
    Request,
    ResolveJobs,
    TargetView,
    read_message,
    write_message,
)

QUIET = ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off"]
_MACHINES = {
    "linux": ("posix", "x86_64", "Linux", "manylinux_2_28_x86_64"),
    "win32": ("nt", "AMD64", "Windows", "win_amd64"),
}


def online(index: LocalIndex, *arguments: str) -> list[str]:
    """Return the options for the index, followed by arguments."""
    return [*QUIET, *index.pip_args(), *arguments]


def with_password(index: LocalIndex) -> list[str]:
    """Return the options for the index with the credentials in its URL."""
    _, url, *rest = index.pip_args()
    return [*QUIET, "--index-url", url.replace("://", "://me:secret@"), *rest]


def wheels_fetched(index: LocalIndex) -> list[str]:
    """Return the requested wheels, in the order of the requests."""
    paths = [request.path for request in index.requests]
    return [path.rpartition("/")[2] for path in paths if path.endswith(".whl")]


def later_pip(folder: Path, code: str = "") -> dict[str, str]:
    """Return variables with which Python runs code at its start, and pip has a later version.

    Only a pip that is none of those known is tried out before it is used.
    """
    edit = Edit("", f'__version__ = "{version("pip")}"', '__version__ = "99.9"')
    path = move_pip(folder, [edit])
    with (folder / "sitecustomize.py").open("a") as file:
        file.write(code)
    return {"PYTHONPATH": path}


@dataclass(frozen=True, slots=True)
class Target:
    """A target for a job, small enough to be looked through.

    :param python: the full version of its CPython.
    :param platform: its ``sys_platform``.
    """

    python: str
    platform: str

    @property
    def minor(self) -> str:
        """Return the first two numbers of the version."""
        return ".".join(self.python.split(".")[:2])

    @property
    def tags(self) -> list[str]:
        """Return its tags, the best one first."""
        interpreter = f"cp{self.minor.replace('.', '')}"
        return [f"{interpreter}-{interpreter}-{_MACHINES[self.platform][3]}", "py3-none-any"]

    @property
    def arguments(self) -> list[str]:
        """Return the options of pip that the parent passes for it."""
        interpreter, abi, platform = self.tags[0].split("-")
        return [
            f"--python-version={self.python}",
            f"--implementation={interpreter[:2]}",
            f"--abi={abi}",
            f"--platform={platform}",
            "--only-binary=:all:",
        ]

    def view(self) -> TargetView:
        """Return it as pip is to see it."""
        os_name, machine, system, _ = _MACHINES[self.platform]
        markers = {
            "os_name": os_name,
            "sys_platform": self.platform,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": system,
            "python_version": self.minor,
            "python_full_version": self.python,
            "implementation_name": "cpython",
            "implementation_version": self.python,
        }
        return TargetView(tuple(self.tags), markers, ("platform_release", "platform_version"))


# Older than any Python that runs these tests, so neither can be taken for the host.
LINUX = Target("3.9.20", "linux")
WINDOWS = Target("3.8.18", "win32")


@dataclass(frozen=True, slots=True)
class Job:
    """What to order.

    :param arguments: arguments for ``pip download``, except the destination and the target.
    :param target: the target, or None for the running interpreter.
    :param files: the content of requirements files.
    :param unset: variables that pip must not see.
    :param label: what to call the target.
    :param excluded: the names and globs of projects to leave out.
    :param indexes: the name or glob, and the URL, of each index of a project.
    """

    arguments: Sequence[str]
    target: Target | None = LINUX
    files: Mapping[str, str] | None = None
    unset: Sequence[str] = ()
    label: str = "the target"
    excluded: tuple[str, ...] = ()
    indexes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ChildRun:
    """What a run of the child printed, wrote and ended with.

    :param results: the result of each job, or None.
    :param sentence: what the file for failures says, or None.
    """

    exit_code: int
    stdout: str
    stderr: str
    results: tuple[JobReport | None, ...]
    sentence: str | None

    def report(self, number: int) -> JobReport:
        """Return the result of a job."""
        result = self.results[number]
        assert result is not None
        return result

    def files(self, number: int) -> list[ChosenFile]:
        """Return the files of a job."""
        return list(self.report(number).chosen)

    def names(self, number: int) -> list[str]:
        """Return the names of the files of a job."""
        return sorted(file.path.name for file in self.files(number))


class Workshop:
    """A folder for job files, results and what pip fetches.

    :param folder: made if absent; its name is in no message of pip's.
    :param destination: the folder for which everything is meant; it need not exist.
    """

    def __init__(self, folder: Path, destination: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.destination = destination
        self.job_file = folder / "job.json"

    def files(self, number: int) -> Path:
        """Return the folder for the files of a job."""
        return self.folder / "working" / str(number)

    def write(
        self, *jobs: Job, plain: bool = False, ahead: bool | None = None, connections: int = 16
    ) -> list[str]:
        """Write the job file and give the command that has it done.

        :param ahead: whether to fetch ahead of pip; if absent, as all tests are run.
        """
        request: Request
        if plain:
            (job,) = jobs
            arguments = tuple(self._arguments(self.destination, job))
            request = PlainRun(
                arguments, dict(job.files or {}), observed=False, indexes=job.indexes
            )
        else:
            ahead = os.environ.get("WHEELTARGET_AHEAD") != "0" if ahead is None else ahead
            orders = tuple(self._order(number, job) for number, job in enumerate(jobs))
            request = ResolveJobs(orders, ahead, connections)
        write_message(self.job_file, request)
        return [sys.executable, "-P", "-m", "wheeltarget.pip_child", str(self.job_file)]

    def request(self, request: Request, variables: Mapping[str, str] | None = None) -> int:
        """Run any request, and return the exit code."""
        write_message(self.job_file, request)
        command = [sys.executable, "-P", "-m", "wheeltarget.pip_child", str(self.job_file)]
        variables = environment(**(variables or {}))
        return forks.run(command, cwd=self.destination.parent, env=variables, timeout=60).returncode

    def run(
        self,
        *jobs: Job,
        plain: bool = False,
        ahead: bool | None = None,
        connections: int = 16,
        variables: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> ChildRun:
        """Run jobs in the parent of the destination."""
        done = forks.run(
            self.write(*jobs, plain=plain, ahead=ahead, connections=connections),
            cwd=self.destination.parent,
            env=environment(**(variables or {})),
            timeout=timeout,
        )
        return self.outcome(len(jobs), done.returncode, done.stdout, done.stderr)

    def outcome(self, jobs: int, exit_code: int, stdout: str, stderr: str) -> ChildRun:
        """Collect what a run has left."""
        files = [self._result(number) for number in range(jobs)]
        results = tuple(read_message(f, JobReport) if f.is_file() else None for f in files)
        failure = self.folder / FAILURE
        sentence = read_message(failure, PipMoved).sentence if failure.is_file() else None
        return ChildRun(exit_code, stdout, stderr, results, sentence)

    def _result(self, number: int) -> Path:
        return self.folder / f"{number}-{RESULT}"

    def _arguments(self, destination: Path, job: Job) -> list[str]:
        return [
            *(job.target.arguments if job.target else ()),
            f"--dest={destination}",
            *job.arguments,
        ]

    def _order(self, number: int, job: Job) -> JobOrder:
        return JobOrder(
            label=job.label,
            target=job.target.view() if job.target else None,
            arguments=tuple(self._arguments(self.files(number), job)),
            files=dict(job.files or {}),
            folder=str(self.files(number)),
            destination=str(self.destination),
            result=self._result(number),
            unset=tuple(job.unset),
            excluded=job.excluded,
            indexes=job.indexes,
        )
