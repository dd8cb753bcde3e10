"""The programs that are compared, and the command of each for a job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.jobs import Job
from tests.benchmarks.recorded import home
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.target import Target

PEX_PIP = "26.2"
"""The pip that pex3 is told to use: the newest that it knows and the index has."""

_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program works.

    :param work: a folder for what it is told.
    :param cache: the folder for all its caches.
    :param destination: the folder for its files.
    :param url: the index, with a final slash.
    """

    work: Path
    cache: Path
    destination: Path
    url: str


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, and how it is asked for a job.

    :param name: what it is called here.
    :param difference: what it does less or more than the others; empty if nothing.
    :param commands: gives the commands, to be run one after another.
    :param version: which one it is.
    :param unpacks: whether its destination has the content of wheels, not wheels.
    :param caches: patterns of what it forgets before a cold run, below the folder of its caches.
    """

    name: str
    difference: str
    commands: Callable[[Job, Place], list[list[str]]]
    version: str
    unpacks: bool = False
    caches: tuple[str, ...] = ("*",)

    def forget(self, place: Place) -> None:
        """Empty its caches."""
        place.cache.mkdir(parents=True, exist_ok=True)
        for pattern in self.caches:
            for folder in place.cache.glob(pattern):
                shutil.rmtree(folder)


class MissingPeerError(Exception):
    """A program that is not here and cannot be had."""


def environment(place: Place) -> dict[str, str]:
    """Return the variables that a program sees: no settings, and its own cache.

    :param place: where it works.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    cache = place.cache
    return {
        **kept,
        "HOME": str(cache / "home"),
        "XDG_CACHE_HOME": str(cache / "xdg"),
        "XDG_CONFIG_HOME": str(cache / "config"),
        "TMPDIR": str(place.work / "tmp"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CACHE_DIR": str(cache / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "WHEELTARGET_CACHE_DIR": str(cache / "wheeltarget"),
        "UV_CACHE_DIR": str(cache / "uv"),
        "PEX_ROOT": str(cache / "pex"),
        "NO_PROXY": "127.0.0.1",
    }


def target_of(tag: str) -> Target:
    """Return the environment with a given best tag."""
    target = look_up("tags", tag, "")
    if target is None:
        raise ValueError(f"{tag} is no target")
    return target


def _platforms(target: Target) -> list[str]:
    """List the platforms of a target, the best one first, as a person types them for pip."""
    parts = [tag.split("-") for tag in target.tags]
    interpreter, abi = parts[0][:2]
    return [part[2] for part in parts if part[:2] == [interpreter, abi]]


def _index_words(place: Place) -> list[str]:
    return ["--index-url", place.url, "--trusted-host", "127.0.0.1"]


def wheeltarget(
    python: str = sys.executable, name: str = "wheeltarget", options: Sequence[str] = ()
) -> Peer:
    """Return the wheeltarget of an interpreter.

    :param python: the interpreter that has it.
    :param name: what to call it.
    :param options: more options for it.
    """
    script = Path(python).with_name("wheeltarget")
    start = [str(script)] if script.exists() else [python, "-m", "wheeltarget"]

    def commands(job: Job, place: Place) -> list[list[str]]:
        arguments = [*start, "download", "-q", "-d", str(place.destination), *options]
        return [[*arguments, *_index_words(place), "--tags", ",".join(job.tags), *job.requirements]]

    version = _say(*start, "--version").removeprefix("wheeltarget ")
    return Peer(name, "", commands, version)


def pip() -> Peer:
    """Return the pip beside wheeltarget, with every platform of a target as an option."""

    def commands(job: Job, place: Place) -> list[list[str]]:
        return [pip_command(tag, job, place) for tag in job.tags]

    return Peer(
        "pip",
        "reads markers for the Python it runs on, so it lacks what only other Pythons need",
        commands,
        _say(sys.executable, "-m", "pip", "--version").split()[1],
    )


def pip_apart() -> Peer:
    """Return the same pip, with an empty cache for each run, as on separate machines."""
    shared = pip()

    def commands(job: Job, place: Place) -> list[list[str]]:
        own = (replace(place, destination=place.destination / tag) for tag in job.tags)
        pairs = zip(job.tags, own, strict=True)
        return [[*pip_command(tag, job, each), "--no-cache-dir"] for tag, each in pairs]

    difference = f"each run without a cache, to a folder of its own; {shared.difference}"
    return Peer("pip, apart", difference, commands, shared.version)


def pip_command(tag: str, job: Job, place: Place) -> list[str]:
    """Return the ``pip download`` for one target of a job.

    :param tag: the target's best tag.
    """
    start = [sys.executable, "-m", "pip", "download", "-q", "-d", str(place.destination)]
    return [*start, *pip_arguments(tag, job, place)]


def pip_arguments(tag: str, job: Job, place: Place) -> list[str]:
    """Return what pip is given for one target of a job, behind its command.

    :param tag: the target's best tag.
    """
    target = target_of(tag)
    arguments = [*_index_words(place), "--only-binary=:all:", "--implementation=cp"]
    arguments += [f"--python-version={target.python}", f"--abi={target.tags[0].split('-')[1]}"]
    arguments += ["--abi=abi3", "--abi=none"]
    return [*arguments, *(f"--platform={each}" for each in _platforms(target)), *job.requirements]


def uv() -> Peer:
    """Return uv, which installs into a folder: it has no command that keeps wheels."""
    program = str(installed("uv", "uv"))

    def commands(job: Job, place: Place) -> list[list[str]]:
        arguments = [program, "pip", "install", "-q", "--no-config", "--only-binary=:all:"]
        arguments += ["--python", sys.executable, "--no-python-downloads", "--index-url", place.url]
        return [
            [
                *arguments,
                f"--python-version={target_of(tag).python}",
                f"--python-platform=x86_64-{tag.split('-')[2].removesuffix('_x86_64')}",
                f"--target={place.destination / str(number)}",
                *job.requirements,
            ]
            for number, tag in enumerate(job.tags)
        ]

    difference = "unpacks and keeps no wheel, so nothing can be carried to another machine"
    return Peer("uv", difference, commands, _say(program, "--version").split()[1], unpacks=True)


def pex3() -> Peer:
    """Return pex3, which runs a pip of its own for each complete platform, all in one command.

    That pip, which it installs from the index when it first needs it, stays in a cold run.
    """
    program = str(installed("pex", "pex3"))

    def commands(job: Job, place: Place) -> list[list[str]]:
        arguments = [program, "download", "-d", str(place.destination), "--no-pypi", "--wheel"]
        # The made index has no pip to be installed from it.
        version = "vendored" if job.made else PEX_PIP
        arguments += ["--no-build", f"--pip-version={version}", "-i", place.url]
        for tag in job.tags:
            file = place.work / f"{tag}.json"
            target = target_of(tag)
            markers = {name: value for name, value in target.environment.items() if value}
            platform = {"marker_environment": markers, "compatible_tags": target.tags}
            file.write_text(json.dumps(platform))
            arguments += ["--complete-platform", str(file)]
        return [[*arguments, *job.requirements]]

    version = _say(program, "--version").split()[-1]
    caches = ("pex/pip/*/*/pip_cache", "pex/downloads")
    return Peer("pex3", f"with pip {PEX_PIP}", commands, version, caches=caches)


def nab() -> Peer:
    """Return nab, which has its own resolver and takes one target at a time from a project file."""
    program = str(installed("nab", "nab"))

    def commands(job: Job, place: Place) -> list[list[str]]:
        found = []
        for tag in job.tags:
            project = place.work / tag
            project.mkdir(exist_ok=True)
            (project / "pyproject.toml").write_text(_nab_project(tag, job, place))
            arguments = ["-q", "--no-progress", "download", str(project / "pyproject.toml")]
            arguments += [
                "--cache-dir",
                str(place.cache / "nab"),
                "--output",
                str(place.destination),
            ]
            found.append([program, *arguments])
        return found

    return Peer("nab", "", commands, _say(program, "--version").split()[-1])


def _nab_project(tag: str, job: Job, place: Place) -> str:
    """Write the project file that names a target and its requirements."""
    target = target_of(tag)
    glibc = tag.split("-")[2].replace("manylinux2014", "manylinux_2_17").split("_")[2]
    python = ".".join(target.python.split(".")[:2])
    lines = ["[project]", 'name = "job"', 'version = "1"', f'requires-python = "=={python}.*"']
    lines += [f"dependencies = {json.dumps(job.requirements)}", "[tool.nab]"]
    lines += ['dist-policy = "wheel-only"', "[tool.nab.environment]"]
    lines += [f'python = "{target.python}"']
    lines += [f'platform = {{ id = "linux_x86_64", runs-on-libc = "2.{glibc}" }}']
    lines += ["[[tool.nab.indexes]]", 'name = "recorded"', f'url = "{place.url}"']
    return "\n".join([*lines, ""])


PEERS: dict[str, Callable[[], Peer]] = {
    "wheeltarget": wheeltarget,
    "wheeltarget-jobs": lambda: wheeltarget(name="wheeltarget --jobs 2", options=["--jobs", "2"]),
    "pip": pip,
    "pip-apart": pip_apart,
    "uv": uv,
    "pex3": pex3,
    "nab": nab,
}
"""What makes each peer ready, by its name; raises MissingPeerError."""

USUAL = ("wheeltarget", "pip", "uv", "pex3", "nab")
"""Those that are measured by default."""


def installed(project: str, program: str) -> Path:
    """Find a program in a virtual environment of its own, which is made on first use."""
    folder = home() / "peers" / project
    place = folder / ("Scripts" if sys.platform == "win32" else "bin") / program
    if not place.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        python = place.with_name("python")
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", "--isolated", project],
            capture_output=True,
            text=True,
            env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
            check=False,
        )
        if done.returncode:
            shutil.rmtree(folder)
            raise MissingPeerError(f"{project} could not be installed: {done.stderr.strip()}")
    return place


def _say(*command: str) -> str:
    """Ask a program for its version, with no settings but its own."""
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), Path(name), Path(name), "")
        (place.work / "tmp").mkdir()
        done = subprocess.run(
            command, env=environment(place), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise MissingPeerError(f"{command[0]} does not run: {done.stderr.strip()}")
    return done.stdout.strip()


def files_of(peer: Peer, place: Place, tags: Sequence[str]) -> frozenset[str]:
    """Return what a program left in its destination, in the same form for all programs.

    :param peer: the program.
    :param place: where it worked.
    :param tags: the targets of the job.
    :returns: the names of wheels; for a program that unpacks, project and version of each, by the
        folder's number, which is all that its destination still tells.
    """
    if not peer.unpacks:
        return frozenset(path.name for path in place.destination.rglob("*") if path.is_file())
    folders = [place.destination / str(number) for number in range(len(tags))]
    return frozenset(
        path.name.removesuffix(".dist-info").lower()
        for folder in folders
        for path in folder.glob("*.dist-info")
    )
