"""Processes for pip: started, minded, ended with this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheeltarget.resolver import prestart
from wheeltarget.utils.signals import passed_on
from wheeltarget.wheelhouse.merge import Stage

_PATIENCE = 5.0
_SAID = "said.txt"


def run_all(files: Sequence[Path], stage: Stage, *, captured: bool, silent: bool) -> list[int]:
    """Run processes to their ends; their output is progress, so it goes to standard error.

    :param files: the job file of each.
    :param stage: for temporary files; its guard is told of them.
    :param captured: whether what they say is kept in files, and shown in their order.
    :param silent: whether it is not shown at all.
    :returns: their exit codes.
    """
    temporary = str(stage.temporary)
    environment = prestart.child_environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    sys.stderr.flush()
    children: list[subprocess.Popen[bytes] | prestart.Child] = []
    try:
        for file in files:
            children.append(_start(file, environment, captured=captured))
            stage.tell_guard(f"child {children[-1].pid}")
        exit_codes = []
        for child, file in zip(children, files, strict=True):
            exit_codes.append(child.wait())
            if captured and not silent:
                with open(2, "wb", closefd=False) as stderr:
                    stderr.write(file.with_name(_SAID).read_bytes())
    except BaseException:
        for child in children:
            child.terminate()
        for child in children:
            end(child)
        raise
    finally:
        for child in children:
            stage.tell_guard(f"ended {child.pid}")
    return exit_codes


def _start(
    file: Path, environment: Mapping[str, str], *, captured: bool
) -> subprocess.Popen[bytes] | prestart.Child:
    place = file.with_name(_SAID) if captured else None
    early = prestart.take()
    if early is not None and early.order(file, environment["TMPDIR"], place):
        return early
    command = prestart.command(str(file))
    if place is None:
        return subprocess.Popen(command, env=environment, stdout=2)
    with place.open("wb") as said:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )


def end(child: subprocess.Popen[bytes] | prestart.Child) -> None:
    """Wait for the end of a process that was asked for it, but not for long."""
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def wait_for(child: subprocess.Popen[bytes] | prestart.Child) -> int:
    """Wait for the end of a process; it does not outlive this one's wish to wait.

    :param child: the process.
    :returns: its exit code.
    """
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        end(child)
        raise


def run_one(file: Path, temporary: str) -> int:
    """Run a process that has nothing to keep; it ends with this one.

    :param file: its job file.
    :param temporary: the folder for temporary files.
    :returns: its exit code.
    """
    sys.stderr.flush()
    environment = prestart.child_environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    return wait_for(_start(file, environment, captured=False))


def wait_as_pip(command: Sequence[str]) -> int:
    """Run pip with the terminal as it is; it has the signals, and this process waits.

    :param command: its command line.
    :returns: its exit code, as a shell gives it.
    """
    with passed_on() as receivers, subprocess.Popen(command) as child:
        receivers.append(child.send_signal)
        exit_code = child.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code
