"""The process from its start to its exit code, and what is decided before Typer is loaded.

The raw arguments of a download decide two things: whether its outcome is cached and can be
replayed, and whether nothing names a target, so that this process becomes pip. Typer reads the
rest. If a target seems to be named, a process for pip is started first: pip loads there while Typer
loads here.

start-up: this module is loaded before all others, and imports in functions what a run needs: the
replay, the first look, Typer, or subprocess if the system has no exec.
"""

from __future__ import annotations

import gc
import os
import sys

from wheeltarget import __version__
from wheeltarget.cache.run_key import is_known
from wheeltarget.resolver.prestart import begin, begin_for, dismiss
from wheeltarget.utils.streams import escape_unencodable
from wheeltarget.utils.system import python, set_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheeltarget.commands.invocation import Start

_COMPLETION = "_WHEELTARGET_COMPLETE"
_SELDOM = (50_000, 20, 100)
"""Thresholds of the garbage collector: loaded modules stay, so collecting frees little.

With these, and with what is left frozen at the exit, an unchanged second run takes 12 % less time,
and a small download 8 %.
"""

_FAILED, _UNFINISHED, _INTERRUPTED = 1, 3, 130
"""Exit codes: pip's for an error, that of the other commands, and the one for SIGINT."""


class OutputError(OSError):
    """Standard output cannot be written."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_closed_streams()
    escape_unencodable(sys.stdout, sys.stderr)
    _mark_output_errors()
    try:
        gc.set_threshold(*_SELDOM)
        set_home()
        _run(sys.argv[1:])
        sys.stdout.flush()
    except (KeyboardInterrupt, OSError) as error:
        _end(error)
    finally:
        dismiss()
        gc.freeze()


def _run(arguments: list[str]) -> None:
    if arguments in (["--version"], ["-V"]):
        sys.stdout.write(f"wheeltarget {__version__}\n")
        return
    front, rest = _front(arguments)
    start: object = None
    if rest[:1] == ("download",):
        arguments = ["download", *front, *rest[1:]]
        if _COMPLETION not in os.environ:
            start = _begin_download(front, rest[1:])
    elif arguments[:1] in (["lock"], ["explain"], ["bundle"], ["pack"]):
        # What is locked rarely needs pip.
        may_be_locked = arguments[0] in {"bundle", "pack"}
        has_lock = may_be_locked and any("lock" in each for each in arguments[1:])
        start = {} if has_lock else begin_for(arguments[1:])
    from wheeltarget.cli.app import run

    run(arguments, start)


def _begin_download(front: tuple[str, ...], arguments: tuple[str, ...]) -> Start:
    """Replay a cached download, become pip if nothing names a target, or else start pip's process.

    :raises SystemExit: if the download is done.
    """
    everything = (*front, *arguments)
    if "--refresh" not in everything and is_known(everything, os.environ):
        from wheeltarget.cli.repeat import repeat

        if repeat(everything):
            sys.exit(0)
    # A lock rarely needs pip.
    has_lock = any("pylock" in argument for argument in everything)
    contents = {} if has_lock else begin_for(everything)
    from wheeltarget.commands.invocation import InputFiles, Start, first_look

    files = InputFiles(contents)
    invocation, is_plain = first_look(everything, os.environ, files)
    if is_plain:
        sys.exit(become_pip(arguments, front))
    if invocation is not None and not invocation.has_locks:
        begin()
    return Start(everything, invocation, files)


def become_pip(arguments: Sequence[str], front: Sequence[str] = ()) -> int:
    """Replace this process by ``pip download``, or run it if the system has no exec.

    :param front: the arguments before ``download``.
    :returns: pip's exit code, if the system has no exec.
    """
    dismiss()
    command = python("-m", "pip", *front, "download", *arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - it is the running interpreter
    import subprocess

    return subprocess.run(command, check=False).returncode


def _front(arguments: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split pip's options before the command from the rest."""
    if not arguments[:1] or not arguments[0].startswith("-"):
        return (), tuple(arguments)
    from wheeltarget.pip_config.options import split_front

    return split_front(arguments)


def _open_closed_streams() -> None:
    """Open the null device for each closed stream, also for pip's process."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            if null != number:
                os.close(null)
            os.set_inheritable(number, True)  # noqa: FBT003 - positional only
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _mark_output_errors() -> None:
    """Raise OutputError if writing to standard output fails: it has no file name to show."""
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with -u there is no buffer
    if raw is None:
        return
    write_here = raw.write

    def write(data: bytes) -> int | None:
        try:
            written: int | None = write_here(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from error
        return written

    raw.write = write


def _end(error: KeyboardInterrupt | OSError) -> None:
    """End the process after an interruption, or an error of the system outside of any command."""
    if isinstance(error, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    # Flushing at exit would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        sys.exit(_FAILED)
    if isinstance(error, OutputError):
        sys.exit(f"error: cannot write to standard output: {error.strerror}")
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        sys.exit("error: the working directory no longer exists\n  change to one that exists")
    what = error.strerror or str(error)
    sys.stderr.write(f"error: {what if error.filename is None else f'{error.filename}: {what}'}\n")
    sys.exit(_FAILED if "download" in sys.argv else _UNFINISHED)
