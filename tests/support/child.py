"""Start pip's child process as the driver does, by the contract alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import forks
from tests.support.cli import environment

Json = dict[str, Any]

_MACHINES = {
    "linux": ("posix", "x86_64", "Linux", "manylinux_2_28_x86_64"),
    "win32": ("nt", "AMD64", "Windows", "win_amd64"),
}


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
        """Give the first two numbers of the version."""
        return ".".join(self.python.split(".")[:2])

    @property
    def tags(self) -> list[str]:
        """Give its tags, the best one first."""
        interpreter = f"cp{self.minor.replace('.', '')}"
        return [f"{interpreter}-{interpreter}-{_MACHINES[self.platform][3]}", "py3-none-any"]

    @property
    def words(self) -> list[str]:
        """Give what the parent says of it in pip's own options."""
        interpreter, abi, platform = self.tags[0].split("-")
        return [
            f"--python-version={self.python}",
            f"--implementation={interpreter[:2]}",
            f"--abi={abi}",
            f"--platform={platform}",
            "--only-binary=:all:",
        ]

    def order(self) -> Json:
        """Describe it as a job file does."""
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
        return {
            "tags": self.tags,
            "markers": markers,
            "unknown": ["platform_release", "platform_version"],
        }


# Older than any Python that runs these tests, so neither can be taken for the host.
LINUX = Target("3.9.20", "linux")
WINDOWS = Target("3.8.18", "win32")


@dataclass(frozen=True, slots=True)
class Job:
    """What to order.

    :param words: words for ``pip download``, the destination and the target's not among them.
    :param target: the target, or None for the running interpreter.
    :param files: the content of requirements files.
    :param unset: variables that pip must not see.
    :param label: what to call the target.
    """

    words: Sequence[str]
    target: Target | None = LINUX
    files: Mapping[str, str] | None = None
    unset: Sequence[str] = ()
    label: str = "the target"


@dataclass(frozen=True, slots=True)
class ChildRun:
    """What a run of the child printed, wrote and ended with.

    :param results: the content of each job's result file, None where there is none.
    :param sentence: what the file for failures says, None where there is none.
    """

    exit_code: int
    stdout: str
    stderr: str
    results: tuple[Json | None, ...]
    sentence: str | None

    def files(self, number: int) -> list[Json]:
        """Give what the result of a job says of its files."""
        result = self.results[number]
        assert result is not None
        return list(result["files"])

    def names(self, number: int) -> list[str]:
        """Give the names of the files of a job."""
        return sorted(file["filename"] for file in self.files(number))


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
        """Give the folder for the files of a job."""
        return self.folder / "working" / str(number)

    def write(
        self, *jobs: Job, plain: bool = False, ahead: bool | None = None, connections: int = 16
    ) -> list[str]:
        """Write the job file and give the command that has it done.

        :param ahead: whether to fetch ahead of pip; if absent, as all tests are run.
        """
        orders = [self._order(number, job, plain=plain) for number, job in enumerate(jobs)]
        failure = str(self.folder / "failure.json")
        order = {
            "schema": 1,
            "failure": failure,
            "plain": plain,
            "jobs": orders,
            "ahead": os.environ.get("WHEELTARGET_AHEAD") != "0" if ahead is None else ahead,
            "connections": connections,
            "refresh": False,
            "store": None,
        }
        self.job_file.write_text(json.dumps(order))
        return [sys.executable, "-P", "-m", "wheeltarget.pip_child", str(self.job_file)]

    def run(
        self,
        *jobs: Job,
        plain: bool = False,
        ahead: bool | None = None,
        connections: int = 16,
        variables: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> ChildRun:
        """Have jobs done, in the parent of the destination."""
        done = forks.run(
            self.write(*jobs, plain=plain, ahead=ahead, connections=connections),
            cwd=self.destination.parent,
            env=environment(**(variables or {})),
            timeout=timeout,
        )
        return self.outcome(len(jobs), done.returncode, done.stdout, done.stderr)

    def outcome(self, jobs: int, exit_code: int, stdout: str, stderr: str) -> ChildRun:
        """Collect what a run has left."""
        results = tuple(_read(self.folder / f"result-{number}.json") for number in range(jobs))
        failure = _read(self.folder / "failure.json")
        sentence = failure["sentence"] if failure else None
        return ChildRun(exit_code, stdout, stderr, results, sentence)

    def _order(self, number: int, job: Job, *, plain: bool) -> Json:
        destination = self.destination if plain else self.files(number)
        words = [*(job.target.words if job.target else ()), f"--dest={destination}", *job.words]
        return {
            "label": job.label,
            "target": job.target and job.target.order(),
            "arguments": words,
            "unset": list(job.unset),
            "files": dict(job.files or {}),
            "folder": "" if plain else str(self.files(number)),
            "destination": "" if plain else str(self.destination),
            "result": "" if plain else str(self.folder / f"result-{number}.json"),
        }


def _read(path: Path) -> Json | None:
    if not path.is_file():
        return None
    content: Json = json.loads(path.read_text())
    assert content.pop("schema") == 1
    return content
