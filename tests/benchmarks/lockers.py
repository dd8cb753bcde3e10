"""The programs whose locks are compared, and the command of each for a job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tests.benchmarks.jobs import Job
from tests.benchmarks.peers import (
    Peer,
    Place,
    index_options,
    installed,
    pip_version,
    say,
    start_of,
    target_of,
    uv_platform,
    wheeltarget_version,
)


def wheeltarget(python: str = sys.executable, name: str = "wheeltarget lock") -> Peer:
    """Return the wheeltarget of an interpreter, which locks all targets in one command.

    :param python: the interpreter that has it.
    :param name: what to call it.
    """
    start = start_of(python)

    def commands(job: Job, place: Place) -> list[list[str]]:
        arguments = [*start, "lock", "-q", "-o", str(place.destination), *index_options(place)]
        return [[*arguments, "--tags", ",".join(job.tags), *job.requirements]]

    return Peer(name, "", commands, wheeltarget_version(start))


def uv() -> Peer:
    """Return uv, which writes requirements with hashes, once for each target."""
    program = str(installed("uv", "uv"))

    def commands(job: Job, place: Place) -> list[list[str]]:
        needed = place.work / "requirements.in"
        needed.write_text("".join(f"{each}\n" for each in job.requirements))
        arguments = [program, "pip", "compile", "-q", "--no-config", "--only-binary=:all:"]
        arguments += ["--generate-hashes", "--no-header", "--no-annotate", str(needed)]
        arguments += ["--python", sys.executable, "--no-python-downloads", "--index-url", place.url]
        return [
            [
                *arguments,
                f"--python-version={target_of(tag).python}",
                f"--python-platform={uv_platform(tag)}",
                f"--output-file={place.destination / f'{tag}.txt'}",
            ]
            for tag in job.tags
        ]

    difference = "names versions and the hashes of all their files, not the wheel for the target"
    return Peer("uv pip compile", difference, commands, say(program, "--version").split()[1])


def pip(name: str = "pip lock", options: Sequence[str] = ()) -> Peer:
    """Return the pip beside wheeltarget, which can lock only for the Python that it runs on.

    :param name: what to call it.
    :param options: more options for it.
    """

    def commands(job: Job, place: Place) -> list[list[str]]:
        lock = place.destination / "pylock.toml"
        arguments = [sys.executable, "-m", "pip", "lock", "-q", "-o", str(lock), *options]
        return [[*arguments, *index_options(place), "--only-binary=:all:", *job.requirements]]

    difference = "locks only for this machine and this Python, not for the target"
    return Peer(name, difference, commands, pip_version())


LOCKERS: dict[str, Callable[[], Peer]] = {
    "wheeltarget": wheeltarget,
    "uv": uv,
    "pip": pip,
    "pip-fast-deps": lambda: pip("pip lock, fast-deps", ["--use-feature=fast-deps"]),
}
"""What makes each program ready, by its name; raises MissingPeerError."""

USUAL = ("wheeltarget", "uv", "pip")
"""Those that are measured by default."""

ONE_TARGET_ONLY = frozenset({"pip", "pip-fast-deps"})
"""Those that cannot lock for several targets."""
