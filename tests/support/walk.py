"""Find each system call by which a run writes, and run it again with one of them failing.

That is done with ``strace``. A call is known by its name, by a path that it names or has open, and
by its number among the calls of that name and path in its thread; ``strace -P PATH -e
inject=NAME:when=NUMBER`` counts the same way. :mod:`tests.support.repeatable` gives temporary
files the same names each time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import ROOT

ERRORS = ("ENOSPC", "EIO", "EROFS")
KILL = "kill"
"""The process that makes the call is killed at it; the others live."""
KILL_ALL = "kill all"
"""All processes of the run are killed at once, the guard included, right after the call."""
FAULTS = (*ERRORS, KILL, KILL_ALL)

WORKS = shutil.which("strace") is not None and (
    subprocess.run(
        ["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False
    ).returncode
    == 0
)
"""Whether there is a strace, and it is allowed to trace."""

_ON_FILES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range")
_ON_HANDLES = (*_ON_FILES, "fsync", "fdatasync", "ftruncate", "fallocate", "fchmod", "flock")
_ON_NAMES = ("mkdir", "rename", "renameat2", "link", "unlink", "rmdir", "symlink", "truncate")
_AT = ("mkdirat", "renameat", "linkat", "unlinkat", "symlinkat", "fchmodat", "utimensat")
_BY_FIRST = ("rename", "link")
"""Calls with two paths, of which strace looks at the first one only."""
_OTHERS = ("open", "openat", "creat", "chmod", "setxattr", "fsetxattr")
_CALLS = (*_ON_HANDLES, *_ON_NAMES, *_AT, *_OTHERS)
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_OPEN = re.compile(r"(?P<handle>AT_FDCWD|\d+)<(?P<path>[^>]*)>(?P<gone>\(deleted\))?")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Write:
    """A system call that writes.

    :param name: which call.
    :param path: a path that it names, or the path of a file that it has open.
    :param number: which one it is of the calls with this name and path, in its thread.
    """

    name: str
    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} no. {self.number} on {self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    :param exit_code: negative if a signal ended it.
    :param stdout: what it wrote to standard output.
    :param stderr: what it wrote to standard error.
    :param hit: whether the call that was to fail was made.
    """

    exit_code: int
    stdout: str
    stderr: str
    hit: bool = False


def repeatable(**changes: str) -> dict[str, str]:
    """Return the environment of a run that can be repeated call by call."""
    names = Path(__file__).parent / "repeatable"
    path = os.pathsep.join([str(names), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", **changes}


def record(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], log: Path
) -> tuple[Write, ...]:
    """Run a command and list its calls that write below its working directory.

    :param arguments: the command, which has to succeed or find something.
    :param cwd: the working directory; what is outside is left out.
    :param environment: see :func:`repeatable`.
    :param log: where to keep what strace writes.
    """
    options = ["-y", "-s", "4096", "--seccomp-bpf", "-e", f"trace={_known(_CALLS)}"]
    run = _strace(options, arguments, cwd, environment, log)
    assert run.exit_code in {0, 1}, run.stderr
    return tuple(dict.fromkeys(_read(log.read_text("utf-8", "replace"), cwd)))


def repeat(
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    write: Write,
    fault: str,
) -> Run:
    """Run a command again with one of its calls failing.

    :param write: the call.
    :param fault: one of :data:`FAULTS`.
    """
    options = ["-P", write.path, "-e", f"trace={write.name}"]
    if fault in ERRORS:
        options.append("--seccomp-bpf")  # which is faster, and loses signals
        how = f"error={fault}"
    else:
        how = "signal=KILL" if fault == KILL else "signal=STOP"
    options += ["-e", f"inject={write.name}:{how}:when={write.number}"]
    return _strace(options, arguments, cwd, environment, log, stops=fault == KILL_ALL)


def _known(names: Sequence[str]) -> str:
    """Join the names of calls; those with a question mark need not exist on this machine."""
    return ",".join(f"?{name}" for name in names)


def _strace(
    options: Sequence[str],
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    *,
    stops: bool = False,
) -> Run:
    log.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["strace", "-qq", "-f", "-o", str(log), *options, "--", *arguments],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if stops:
        _kill_once_stopped(process, log)
    try:
        stdout, stderr = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        _kill(_descendants(process.pid))
        stdout, stderr = process.communicate()
        stderr += f"\nIt did not end within {_PATIENCE:.0f} seconds."
    text = log.read_text("utf-8", "replace")
    hit = "(INJECTED)" in text or "killed by SIGKILL" in text
    return Run(process.returncode, stdout, stderr, hit)


def _kill_once_stopped(process: subprocess.Popen[str], log: Path) -> None:
    """Kill all processes of a run as soon as one of them has been stopped."""
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        if log.is_file() and "stopped by SIGSTOP" in log.read_text("utf-8", "replace"):
            _kill(_descendants(process.pid))
            return
        time.sleep(0.01)


def _kill(processes: Sequence[int]) -> None:
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _descendants(process: int) -> list[int]:
    """List what a process has started, and what that has started, the youngest first.

    So the guard, which waits for the end of the process that started it, is killed before it.
    """
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text("utf-8", "replace").rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return sorted(found[1:], reverse=True)


def _read(log: str, cwd: Path) -> Iterator[Write]:
    """Find the calls that write below a folder in what strace has logged."""
    numbers: Counter[tuple[str, str, str]] = Counter()
    for line in log.splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        thread, name, rest = call.groups()
        paths = list(_paths(name, rest))
        for path in dict.fromkeys(paths):
            numbers[thread, name, path] += 1
        inside = [path for path in paths if _is_inside(path, cwd)]
        if inside and (name not in {"open", "openat"} or _WRITES.search(rest)):
            yield Write(name, inside[-1], numbers[thread, name, inside[-1]])


def _paths(name: str, rest: str) -> Iterator[str]:
    """Find the paths of a call that ``strace -P`` would find."""
    if name in _ON_HANDLES or name == "fsetxattr":
        handles = _OPEN.finditer(rest if name in {"sendfile", "copy_file_range"} else _first(rest))
        named = (each["path"] for each in handles if not each["gone"])
        yield from (path for path in named if path.startswith("/"))  # neither pipes nor sockets
        return
    front = rest.partition(") = ")[0]
    for each in _OPEN.finditer(_NAME.sub('""', front)):
        if each["handle"] != "AT_FDCWD":
            yield each["path"]
    names = _NAME.findall(front)
    yield from names[:1] if name in _BY_FIRST else names


def _first(rest: str) -> str:
    """Return the first argument of a call."""
    return rest.partition(", ")[0]


def _is_inside(path: str, folder: Path) -> bool:
    return not Path(path).is_absolute() or Path(path).is_relative_to(folder)


def reason(fault: str) -> str:
    """Return what a message says of a fault."""
    if fault == KILL:
        return f"signal {signal.SIGKILL.value}"
    return os.strerror(getattr(errno, fault))
