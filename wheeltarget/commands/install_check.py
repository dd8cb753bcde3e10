"""The command ``install-check``: import the wheels of a lock with a real interpreter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wheeltarget.commands.bundle.files import (
    BundledFile,
    Layout,
    merge_files,
    source_date,
    write_folder,
)
from wheeltarget.commands.bundle.wheels import LockedRequest, read_lock, take_wheels, unpack_all
from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.probe import probe
from wheeltarget.errors import ProbeError, UsageError
from wheeltarget.staging.atomic import temporary_folder
from wheeltarget.staging.stage import interruptible
from wheeltarget.targets.catalog import read_target_file
from wheeltarget.targets.target import Target
from wheeltarget.utils.extras import require
from wheeltarget.utils.progress import reported
from wheeltarget.utils.system import other_python_code
from wheeltarget.wheelhouse.closure import fits

_REQUIRE = partial(require, "installer", "install-check needs PyPA's installer", "bundle")
_TIMEOUT = 120.0
_MODULE = re.compile(r"(?P<name>\w+)\.(?:py|(?:[\w-]+\.)?(?:so|pyd))")
_SCRIPT = "sys.path.insert(0, sys.argv[1])\n__import__(sys.argv[2])\n"


@dataclass(frozen=True, slots=True)
class InstallCheckRequest(LockedRequest):
    """The arguments of ``wheeltarget install-check``; without a Python, one is looked for."""

    python: str = ""


@dataclass(frozen=True, slots=True)
class InstallCheckOutcome:
    """The modules that were to be imported, and a finding for each that cannot be."""

    python: str
    target: str
    modules: tuple[str, ...]
    findings: tuple[CheckFinding, ...]

    @property
    def exit_code(self) -> int:
        """Return 1 if something cannot be imported, else 0."""
        return int(bool(self.findings))


def install_check(request: InstallCheckRequest) -> InstallCheckOutcome:
    """Unpack the wheels of a lock and import every top-level module in a real interpreter."""
    invocation = read_invocation((), request.environment)
    lock = read_lock(request, invocation)
    with interruptible(), temporary_folder("install") as home:
        wheels, _ = take_wheels(lock, request, invocation, home / "wheels", _REQUIRE)
        paths = [path for _, path in wheels]
        python = _choose_python(request.python, lock.python, paths, invocation.environment)
        files = unpack_all(wheels, Layout(), home / "unpacked")
        site = home / "site"
        write_folder(site, merge_files(files, lock.tag.rpartition("-")[2]), source_date({}))
        owners = dict(_modules(files))
        findings = tuple(_import_all(python, site, owners, lock.target))
    return InstallCheckOutcome(python, lock.target, tuple(owners), findings)


def _candidates(minor: str, environment: Mapping[str, str]) -> Iterator[str]:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        yield sys.executable
    name = f"python{minor}{'.exe' if os.name == 'nt' else ''}"
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder and Path(folder, name).is_file():
            yield str(Path(folder, name))
    versions = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for found in sorted(versions.glob(f"{minor}.*"), reverse=True):
        yield str(found / "bin" / "python")


def _choose_python(
    named: str, version: str, wheels: Iterable[Path], environment: Mapping[str, str]
) -> str:
    """Return the first interpreter of a version, or the named one, if it accepts every wheel."""
    minor = ".".join(version.split(".")[:2])
    reasons: list[str] = []
    for python in [named] if named else _candidates(minor, environment):
        try:
            target = _probe_target(python)
        except (ProbeError, UsageError) as error:
            reasons.append(error.message)
            continue
        if target.environment["python_version"] != minor:
            reasons.append(f"{python} is Python {target.python}")
        elif not all(fits(wheel, target.tags) for wheel in wheels):
            reasons.append(f"{python} does not accept every wheel of the lock")
        else:
            return python
    if named:
        message = f"the wheels of the lock need Python {minor}: {reasons[0]}"
        hint = "name another interpreter with --python PATH, or leave it out to look for one"
        raise ProbeError(message, hint)
    why = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
    message = f"no Python {minor} on this machine accepts the wheels of the lock{why}"
    hint = "name an interpreter with --python PATH, or use a machine that has one"
    raise ProbeError(message, hint)


def _probe_target(python: str) -> Target:
    with temporary_folder("target") as folder:
        path = folder / "target.json"
        path.write_text(probe.probe(python, "", "json"), "utf-8")
        return read_target_file(path, python)


def _modules(files: Iterable[BundledFile]) -> Iterator[tuple[str, str]]:
    for file in files:
        folder, _, name = file.name.rpartition("/")
        match = _MODULE.fullmatch(name)
        stem = match["name"] if match else ""
        if folder:
            stem = folder if stem == "__init__" else ""  # below it, not an identifier
        if stem.isidentifier() and not stem.startswith("__"):
            yield stem, file.owner


def _import_all(
    python: str, site: Path, owners: Mapping[str, str], label: str
) -> Iterator[CheckFinding]:
    """Import each module in a process of its own, which can import nothing else."""
    for module, owner in reported(sorted(owners.items()), "Importing", "modules"):
        command = other_python_code(python, _SCRIPT, str(site), module)
        try:
            done = probe.run_python(command, _TIMEOUT, site.parent)
        except subprocess.TimeoutExpired:
            code, why = "WC602", f"takes longer than {_TIMEOUT:.0f} seconds"
        else:
            if done.returncode == 0:
                continue
            code, why = "WC602", f"crashes Python with signal {-done.returncode}"
            if done.returncode > 0:
                last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
                code, why = "WC601", f"fails: {last}"
        yield CheckFinding(owner, label, code, f"import {module} {why}")
