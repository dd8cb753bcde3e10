"""The verb ``install-check``: the wheels of a lock in a throwaway folder, imported for real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.bundle.file_set import merge_files
from wheeltarget.commands.bundle.unpack import BundledFile, Layout, unpack_all
from wheeltarget.commands.bundle.wheels import LockChoice, read_lock, take_wheels
from wheeltarget.commands.bundle.writer import source_date, write_folder
from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.probe import probe
from wheeltarget.errors import ProbeError, UsageError
from wheeltarget.staging.temporary import temporary_folder
from wheeltarget.targets.catalog import read_target_file
from wheeltarget.targets.target import Target
from wheeltarget.utils.extras import require
from wheeltarget.utils.python_process import other_python_code
from wheeltarget.utils.signals import interruptible

_PATIENCE = 120.0
_EXTENSION = re.compile(r"(?P<name>\w+)\.(?:[\w-]+\.)?(?:so|pyd)", re.ASCII)
_SCRIPT = """\
sys.path.insert(0, sys.argv[1])
__import__(sys.argv[2])
"""


@dataclass(frozen=True, slots=True)
class InstallCheckRequest:
    """What a person asks of ``wheeltarget install-check``.

    :param lock: the lock; one of wheeltarget names the target.
    :param wheels: folders that have the wheels; without any, they are fetched.
    :param python: the interpreter; empty to look for one.
    :param environment: the environment's variables.
    :param tags: the values of ``--tags``, for a lock of another tool, which is for many targets.
    :param targets: the values of ``--target``, likewise.
    """

    lock: str
    wheels: tuple[str, ...] = ()
    python: str = ""
    environment: Mapping[str, str] | None = None
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstallCheckOutcome:
    """What came of it.

    :param python: the interpreter.
    :param target: the target's label.
    :param modules: the modules that were imported, or should have been.
    :param findings: what cannot be imported.
    """

    python: str
    target: str
    modules: tuple[str, ...]
    findings: tuple[CheckFinding, ...]

    @property
    def exit_code(self) -> int:
        """Give 1 where something cannot be imported, else 0."""
        return int(bool(self.findings))


def install_check(request: InstallCheckRequest) -> InstallCheckOutcome:
    """Unpack the wheels of a lock and import every top-level module in a real interpreter.

    :param request: what is asked for.
    :returns: what cannot be imported there.
    :raises WheeltargetError: where that cannot be tried.
    """
    invocation = read_invocation((), request.environment)
    environment = invocation.environment
    choice = LockChoice(request.lock, request.tags, request.targets)
    lock = read_lock(choice, invocation)
    with interruptible(), temporary_folder("install") as home:
        place = home / "wheels"
        wheels, _ = take_wheels(lock, choice, request.wheels, place, invocation, _require)
        tags = [_tags(path) for _, path in wheels]
        candidates = [request.python] if request.python else _candidates(lock.python, environment)
        python = _choose(candidates, lock.python, tags, named=bool(request.python))
        files = unpack_all(
            ((package.name, path) for package, path in wheels), Layout(), home / "unpacked"
        )
        site = home / "site"
        write_folder(site, merge_files(files, lock.tag.rpartition("-")[2]), source_date({}))
        owners = dict(_modules(files))
        findings = tuple(_import_all(python, site, owners, lock.target))
    return InstallCheckOutcome(python, lock.target, tuple(owners), findings)


def _require() -> None:
    require("installer", "install-check needs PyPA's installer", "bundle")


def _tags(path: Path) -> frozenset[str]:
    from packaging.utils import parse_wheel_filename

    return frozenset(map(str, parse_wheel_filename(path.name)[3]))


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Give the Pythons of a minor version that may be on this machine."""
    minor = ".".join(version.split(".")[:2])
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        yield sys.executable
    name = f"python{minor}{'.exe' if os.name == 'nt' else ''}"
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder and Path(folder, name).is_file():
            yield str(Path(folder, name))
    versions = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for found in sorted(versions.glob(f"{minor}.*"), reverse=True):
        yield str(found / "bin" / "python")


def _choose(
    candidates: Iterable[str], version: str, tags: Sequence[frozenset[str]], *, named: bool
) -> str:
    """Find the first interpreter that takes every wheel."""
    minor = ".".join(version.split(".")[:2])
    reasons = []
    for python in candidates:
        try:
            target = _describe(python)
        except (ProbeError, UsageError) as error:
            reasons.append(error.message)
            continue
        if target.environment["python_version"] != minor:
            reasons.append(f"{python} is Python {target.python}")
        elif any(each.isdisjoint(target.tags) for each in tags):
            reasons.append(f"{python} does not take every wheel of the lock")
        else:
            return python
    if named:
        raise ProbeError(
            f"these wheels are for Python {minor}, and cannot be tried: {reasons[0]}",
            "name another with --python PATH, or leave it out to look for one",
        )
    why = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
    raise ProbeError(
        f"there is no Python {minor} on this machine that takes these wheels{why}",
        "name one with --python PATH, or run this on a machine that has one",
    )


def _describe(python: str) -> Target:
    with temporary_folder("target") as folder:
        path = folder / "target.json"
        path.write_text(probe.probe(python, "", "json"), "utf-8")
        return read_target_file(path, python)


def _modules(files: Iterable[BundledFile]) -> Iterator[tuple[str, str]]:
    """Give every top-level module and the project that it is from."""
    for file in files:
        folder, _, name = file.name.rpartition("/")
        match = _EXTENSION.fullmatch(name)
        stem = match["name"] if match else name.removesuffix(".py") if ".py" in name else ""
        if folder and "/" not in folder and stem == "__init__":
            stem = folder
        elif folder:
            continue
        if stem.isidentifier() and not stem.startswith("__"):
            yield stem, file.owner


def _import_all(
    python: str, site: Path, owners: Mapping[str, str], label: str
) -> Iterator[CheckFinding]:
    """Import each module in a process of its own, with nothing else to import from."""
    for module, owner in sorted(owners.items()):
        try:
            command = other_python_code(python, _SCRIPT, str(site), module)
            done = probe.run_python(command, _PATIENCE, site.parent)
        except subprocess.TimeoutExpired:
            message = f"import {module} takes longer than {_PATIENCE:.0f} seconds"
            yield CheckFinding(owner, label, "WC602", message)
            continue
        if done.returncode < 0:
            message = f"import {module} ends Python with signal {-done.returncode}"
            yield CheckFinding(owner, label, "WC602", message)
        elif done.returncode:
            last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
            yield CheckFinding(owner, label, "WC601", f"import {module} fails: {last}")
