"""The process from its start to its exit code, and what is decided before Typer is loaded.

The raw arguments of a download decide two things: whether its outcome is cached and can be
replayed, and whether nothing names a target, so that this process becomes pip. Typer reads the
rest. If a target seems to be named, a process for pip is started first: pip loads there while Typer
loads here.

Functions import at these start-up boundaries only: this module loads Typer, or the replay of a
cached run; :mod:`wheeltarget.cli.app` loads the module of a verb; each verb loads its command from
:mod:`wheeltarget.commands` and its output when it runs; completions load what they offer. So help,
completions and usage errors do not load any command.
"""

from __future__ import annotations

import gc
import os
import sys

from wheeltarget.resolver.prestart import begin, begin_for, dismiss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wheeltarget.cli.passthrough import Start

_COMPLETION = "_WHEELTARGET_COMPLETE"
"""The variable that a shell sets to ask for completions."""

_SELDOM = (50_000, 20, 100)
"""Thresholds of the garbage collector: loaded modules stay, so collecting frees little."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_closed_streams()
    _mark_output_errors()
    try:
        gc.set_threshold(*_SELDOM)
        _run(sys.argv[1:])
        sys.stdout.flush()
    except (KeyboardInterrupt, OSError) as error:
        from wheeltarget.cli.errors import end_process

        end_process(error)
    finally:
        dismiss()
        gc.freeze()


def _run(arguments: list[str]) -> None:
    if arguments in (["--version"], ["-V"]):
        from wheeltarget import __version__

        sys.stdout.write(f"wheeltarget {__version__}\n")
        return
    front, rest = _front(arguments)
    start = None
    if rest[:1] == ("download",):
        arguments = ["download", *front, *rest[1:]]
        if _COMPLETION not in os.environ:
            start = _begin_download(front, rest[1:])
    elif arguments[:1] in (["lock"], ["explain"]):
        contents = begin_for(arguments[1:])
        from wheeltarget.cli.passthrough import Start
        from wheeltarget.commands.invocation import InputFiles

        start = Start(files=InputFiles(contents))
    from wheeltarget.cli.app import run

    run(arguments, start)


def _begin_download(front: tuple[str, ...], arguments: tuple[str, ...]) -> Start:
    """Replay a cached download, become pip if nothing names a target, or else start pip's process.

    :raises SystemExit: if the download is done.
    """
    everything = (*front, *arguments)
    _repeat(everything)
    # A lock rarely needs pip.
    has_lock = any("pylock" in argument for argument in everything)
    contents = {} if has_lock else begin_for(everything)
    from wheeltarget.cli.passthrough import Start, become_pip, first_look
    from wheeltarget.commands.invocation import InputFiles

    files = InputFiles(contents)
    invocation, is_plain = first_look(everything, os.environ, files)
    if is_plain:
        sys.exit(become_pip(arguments, front))
    if invocation is not None and not invocation.has_locks:
        begin()
    return Start(everything, invocation, files)


def _repeat(arguments: tuple[str, ...]) -> None:
    """Replay a cached download and exit, if its outcome is known and still valid."""
    from wheeltarget.cache.run_key import is_known

    if "--refresh" in arguments or not is_known(arguments, os.environ):
        return
    from wheeltarget.cli.repeat import repeat

    if repeat(arguments):
        sys.exit(0)


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
            from wheeltarget.cli.errors import OutputError

            raise OutputError(error.errno, error.strerror) from error
        return written

    raw.write = write
