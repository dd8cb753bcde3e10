"""Start processes for pip, wait for them, and end them with this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheeltarget.resolver import prestart
from wheeltarget.utils.signals import forward_signals
from wheeltarget.wheelhouse.merge import Stage

_GRACE_PERIOD = 5.0
_OUTPUT = "output.txt"


def run_all(files: Sequence[Path], stage: Stage, *, captured: bool, silent: bool) -> list[int]:
    """Run processes; their output is progress, so it goes to standard error.

    :param files: the job file of each.
    :param stage: the stage, for temporary files.
    :param captured: whether to write their output to files first, and show it in their order.
    :param silent: whether to not show captured output.
    :returns: their exit codes.
    """
    temporary = str(stage.temporary)
    environment = prestart.child_environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    sys.stderr.flush()
    children: list[subprocess.Popen[bytes] | prestart.Child] = []
    try:
        for file in files:
            children.append(_start(file, environment, captured=captured))
            stage.notify_guard(f"child {children[-1].pid}")
        exit_codes = []
        for child, file in zip(children, files, strict=True):
            exit_codes.append(child.wait())
            if captured and not silent:
                with open(2, "wb", closefd=False) as stderr:
                    stderr.write(file.with_name(_OUTPUT).read_bytes())
    except BaseException:
        for child in children:
            child.terminate()
        for child in children:
            end(child)
        raise
    finally:
        for child in children:
            stage.notify_guard(f"ended {child.pid}")
    return exit_codes


def _start(
    file: Path, environment: Mapping[str, str], *, captured: bool
) -> subprocess.Popen[bytes] | prestart.Child:
    path = file.with_name(_OUTPUT) if captured else None
    prestarted = prestart.take()
    if prestarted is not None and prestarted.order(file, environment["TMPDIR"], path):
        return prestarted
    command = prestart.command(str(file))
    if path is None:
        return subprocess.Popen(command, env=environment, stdout=2)
    with path.open("wb") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def end(child: subprocess.Popen[bytes] | prestart.Child) -> None:
    """Wait for a terminated process, and kill it if it does not end soon."""
    try:
        child.wait(_GRACE_PERIOD)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def wait_for(child: subprocess.Popen[bytes] | prestart.Child) -> int:
    """Wait for a process and return its exit code; after an interrupt, end it."""
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        end(child)
        raise


def run_one(file: Path, temporary: str) -> int:
    """Run a process without a stage.

    :param file: its job file.
    :param temporary: the folder for temporary files.
    :returns: its exit code.
    """
    sys.stderr.flush()
    environment = prestart.child_environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    return wait_for(_start(file, environment, captured=False))


def wait_as_pip(command: Sequence[str]) -> int:
    """Run pip in the terminal, and pass signals on to it.

    :param command: its command line.
    :returns: its exit code, as a shell shows it.
    """
    with forward_signals() as receivers, subprocess.Popen(command) as child:
        receivers.append(child.send_signal)
        exit_code = child.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code
