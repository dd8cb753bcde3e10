"""Find the real interpreters that targets stand for, and let each use its own newest pip.

An :class:`Oracle` is such an interpreter: what its pip answers is what wheeltarget has to answer.
Nothing is installed into the interpreters; pip lies in a folder of the test session, which the
workers of pytest-xdist share.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.once import make_once, shared_folder

NEWEST_PIP: Mapping[str, str] = {
    "2.7": "20.3.4",
    "3.6": "21.3.1",
    "3.7": "24.0",
    "3.8": "25.0.1",
    "3.9": "26.0.1",
    "3.10": "26.3",
    "3.11": "26.3",
    "3.12": "26.3",
    "3.13": "26.3",
}
"""The newest pip that runs on each Python of which there may be a real one."""

_FOREIGN_INDEXES = frozenset({"PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"})
_CAP = """\
def manylinux_compatible(tag_major, tag_minor, tag_arch):
    return (tag_major, tag_minor) <= ({major}, {minor})
"""
_PATIENCE = 180.0
_QUESTION = """\
import json
from pip._internal.utils.compatibility_tags import get_supported
from pip._vendor.packaging.markers import default_environment
tags = [str(tag) for tag in get_supported()]
print(json.dumps({"tags": tags, "markers": default_environment()}))
"""


@dataclass(frozen=True, slots=True)
class Oracle:
    """A real interpreter with its newest pip.

    :param version: its major and minor version, such as ``3.6``.
    :param pip: the version of its pip.
    :param python: its executable.
    :param environment: the variables that let it see this pip and, if asked for, less of glibc.
    """

    version: str
    pip: str
    python: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the interpreter to its end, whatever that is.

        :param arguments: its arguments, such as ``-m``, ``pip``, ``download``.
        :param cwd: the working directory.
        :param timeout: seconds after which the test fails.
        :returns: the exit code and what was printed.
        """
        return _run([self.python, *arguments], self.environment, cwd=cwd, timeout=timeout)


@dataclass(frozen=True, slots=True)
class View:
    """What a pip says of the interpreter that runs it."""

    tags: list[str]
    markers: dict[str, str]


def view(oracle: Oracle) -> View:
    """Ask an interpreter's pip what it takes and what it sees.

    :param oracle: the interpreter with its pip.
    :returns: the tags, most preferred first, and the marker variables.
    """
    answer = oracle.run("-c", _QUESTION)
    assert answer.returncode == 0, answer.stderr
    return View(**json.loads(answer.stdout))


def find_oracle(
    version: str, factory: pytest.TempPathFactory, *, glibc: tuple[int, int] | None = None
) -> Oracle:
    """Find a real interpreter and give it its newest pip; skip the test if there is none.

    :param version: a key of :data:`NEWEST_PIP`.
    :param factory: pytest's ``tmp_path_factory``.
    :param glibc: the newest glibc that pip may take the machine for; None for the real one.
    :returns: the interpreter.
    """
    python = interpreter(version)
    environment = oracle_environment(version, factory, glibc=glibc)
    return Oracle(version, NEWEST_PIP[version], python, environment)


def interpreter(version: str) -> Path:
    """Find the executable of a Python; skip the test if there is none.

    :param version: major and minor version.
    :returns: the executable.
    """
    found = find_interpreters().get(version)
    if found is None:
        pytest.skip(f"there is no CPython {version} here, neither on PATH nor under pyenv")
    return found


def host_glibc() -> tuple[int, int]:
    """Return the glibc version of this machine; skip the test if it has none.

    :returns: its major and minor version.
    """
    name, version = platform.libc_ver()
    match = re.match(r"(\d+)\.(\d+)", version)
    if name != "glibc" or match is None:
        pytest.skip("the interpreters of this machine do not run on glibc")
    return int(match[1]), int(match[2])


def oracle_environment(
    version: str, factory: pytest.TempPathFactory, *, glibc: tuple[int, int] | None = None
) -> dict[str, str]:
    """Return the variables with which an interpreter runs its newest pip.

    Every pip in the table asks the ``manylinux_compatible`` of PEP 600, where there is one, for
    the old names of manylinux too, and never the attributes of the PEPs before.

    :param version: a key of :data:`NEWEST_PIP`.
    :param factory: pytest's ``tmp_path_factory``.
    :param glibc: the newest glibc that pip may take the machine for; None for the real one.
    :returns: a whole environment.
    """
    shared = shared_folder(factory, "oracles")
    folders = [_pip_folder(NEWEST_PIP[version], shared)]
    if glibc is not None:
        folders.append(_cap_folder(glibc, shared))
    return {**index_environment(), "PYTHONPATH": os.pathsep.join(map(str, folders))}


def index_environment() -> dict[str, str]:
    """Return an environment in which pip asks the real index and no other.

    :returns: the variables; certificates, proxies and timeouts are kept as they are.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN_INDEXES and not name.startswith("PYTHON")
    }
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@functools.cache
def find_interpreters() -> Mapping[str, Path]:
    """Find the CPythons of this machine.

    :returns: the executable by major and minor version, as far as there is one that starts.
    """
    found: dict[str, Path] = {}
    for version in NEWEST_PIP:
        for candidate in (*_under_pyenv(version), *_on_path(version)):
            python = _start(candidate, version)
            if python is not None:
                found[version] = python
                break
    return found


def _under_pyenv(version: str) -> Iterator[Path]:
    """List the releases that pyenv has of a Python, newest first."""
    releases = {}
    for folder in _pyenv_versions():
        match = re.fullmatch(rf"{re.escape(version)}\.(\d+)", folder.name)
        if match:
            releases[int(match[1])] = folder / "bin" / f"python{version}"
    for patch in sorted(releases, reverse=True):
        yield releases[patch]


@functools.cache
def _pyenv_versions() -> tuple[Path, ...]:
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return ()
    root = _run([pyenv, "root"], os.environ, timeout=30)
    versions = Path(root.stdout.strip(), "versions")
    return tuple(versions.iterdir()) if root.returncode == 0 and versions.is_dir() else ()


def _on_path(version: str) -> Iterator[Path]:
    for folder in os.get_exec_path():
        executable = shutil.which(f"python{version}", path=folder)
        if executable is not None:
            yield Path(executable)


def _start(candidate: Path, version: str) -> Path | None:
    """Ask an executable where it really is; a shim may lead nowhere, or to another Python."""
    script = (
        "import platform, sys; "
        "print('%s %d.%d' % ((platform.python_implementation(),) + sys.version_info[:2])); "
        "print(sys.executable)"
    )
    try:
        answer = _run([candidate, "-c", script], index_environment(), timeout=30)
    except OSError:
        return None
    if answer.returncode != 0:
        return None
    name, _, executable = answer.stdout.strip().partition("\n")
    return Path(executable) if name.strip() == f"CPython {version}" else None


def _pip_folder(version: str, shared: Path) -> Path:
    """Fetch a pip for interpreters to import; this interpreter's pip does it, once."""

    def install(folder: Path) -> None:
        arguments = ("--no-deps", "--only-binary=:all:", "--no-compile", "--quiet")
        done = _run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                *arguments,
                "--target",
                folder,
                f"pip=={version}",
            ],
            index_environment(),
            timeout=_PATIENCE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"cannot fetch pip {version}: {done.stderr}")

    return make_once(shared / f"pip-{version}", install)


def _cap_folder(glibc: tuple[int, int], shared: Path) -> Path:
    """Write the module with which a system says which manylinux it has (PEP 600)."""
    major, minor = glibc

    def write(folder: Path) -> None:
        folder.mkdir()
        module = _CAP.format(major=major, minor=minor)
        folder.joinpath("_manylinux.py").write_text(module, "utf-8")

    return make_once(shared / f"glibc-{major}.{minor}", write)


def _run(
    arguments: list[str | Path],
    environment: Mapping[str, str],
    *,
    timeout: float,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env=environment,
        cwd=cwd,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
