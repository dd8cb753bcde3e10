"""The command ``install-check``: import the wheels of a lock with a real interpreter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from wheeltarget.utils.progress import reported
from wheeltarget.utils.system import other_python_code, other_python_script
from wheeltarget.wheelhouse.closure import fits

_TIMEOUT = 120.0
_MODULE = re.compile(r"(?P<name>\w+)\.(?:py|(?:[\w-]+\.)?(?:so|pyd))")
_IMPORTED = 86
"""The exit code after an import: a module may end Python with any code, but hardly with this."""

_SCRIPT = f"""\
site, library, others, module = sys.argv[1:]
sys.path.insert(0, site)
sys.path += library.splitlines()
for other in others.split():
    try:
        __import__(other)
    except BaseException:
        pass
__import__(module)
sys.exit({_IMPORTED})
"""
"""Imports a module, perhaps after others, and with further paths of the standard library."""

_LIBRARY = """\
import os, sys
prefixes = [getattr(sys, name, None) for name in ("prefix", "exec_prefix", "real_prefix")]
for path in sys.path:
    for prefix in prefixes:
        if prefix and path.startswith(prefix + os.sep):
            parts = path[len(prefix) + 1:].lower().split(os.sep)
            installed = [part for part in parts if part.endswith("-packages")]
            if parts[0] in ("lib", "lib64", "dlls") and not installed:
                print(path)
                break
"""
"""Prints the paths of the standard library, without those of installed packages."""


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
        wheels, _ = take_wheels(lock, request, invocation, home / "wheels")
        paths = [path for _, path in wheels]
        python = _choose_python(request.python, lock.python, paths, invocation.environment)
        files = unpack_all(wheels, Layout(), home / "unpacked")
        site = home / "site"
        write_folder(site, merge_files(files, lock.tag.rpartition("-")[2]), source_date({}))
        owners = dict(_modules(files))
        is_old = lock.python.startswith("2.")
        library = _standard_library(python, home / "script") if is_old else []
        findings = tuple(_import_all(python, site, library, owners, lock.target))
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
    python: str, site: Path, library: Sequence[str], owners: Mapping[str, str], label: str
) -> Iterator[CheckFinding]:
    """Import each module in a process of its own, which can import nothing else.

    A module that fails may be a part of another one, which imports it. So it is tried once more,
    after all others.

    :param library: further paths of the standard library.
    """
    for module, owner in reported(sorted(owners.items()), "Importing", "modules"):
        others = [other for other in sorted(owners) if other != module]
        code, why = _import(python, site, library, (), module)
        again = code == "WC601" and others
        if code and not (again and not _import(python, site, library, others, module)[0]):
            yield CheckFinding(owner, label, code, f"import {module} {why}")


def _import(
    python: str, site: Path, library: Sequence[str], others: Iterable[str], module: str
) -> tuple[str, str]:
    """Import a module after others, and return the code and the text of a finding, or nothing."""
    arguments = (str(site), "\n".join(library), " ".join(others), module)
    command = other_python_code(python, _SCRIPT, *arguments)
    try:
        done = probe.run_python(command, _TIMEOUT, site.parent)
    except subprocess.TimeoutExpired:
        return "WC602", f"takes longer than {_TIMEOUT:.0f} seconds"
    if done.returncode == _IMPORTED:
        return "", ""
    if done.returncode < 0:
        return "WC602", f"crashes Python with signal {-done.returncode}"
    last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    return "WC601", f"fails: {last}"


def _standard_library(python: str, folder: Path) -> list[str]:
    """Return the paths of the standard library that a virtual environment of Python 2 has.

    Only ``site`` finds them there, which the imports are done without.

    :param folder: an empty folder for a script.
    """
    script = folder / "library.py"
    folder.mkdir()
    script.write_text(_LIBRARY, "utf-8")
    try:
        return probe.run_python(
            other_python_script(python, str(script)), _TIMEOUT
        ).stdout.splitlines()
    except subprocess.TimeoutExpired:
        return []
