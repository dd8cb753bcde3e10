"""The process from its start to its exit code, and what is decided before Typer is loaded.

Two things are decided by the raw arguments of a download: that its outcome is known, so that it is
answered from memory, and that it is pip's alone, so that this process becomes pip. All else is read
by Typer. If a target seems to be named, a process for pip is started first: pip loads in it while
Typer loads here.

Start-up boundaries, the only places in the command line where a function imports: this module loads
Typer, and what a known run needs, when it gets there; :mod:`wheeltarget.cli.app` loads the module
of a verb when it is called; each verb loads its command from :mod:`wheeltarget.commands`, and what
shows the outcome, when it runs; and completions load what they offer. So help, completions and
errors in the command line cost no command.
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
"""The variable by which a shell asks for completions."""

_SELDOM = (50_000, 20, 100)
"""Thresholds of the garbage collector: what is loaded stays, so looking at it wins little."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_closed_streams()
    _tell_output_apart()
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
    """Answer a download from memory or become pip, if that is all; else start what it needs.

    :param front: pip's options before the command.
    :param arguments: what stands behind it.
    :returns: what was read, for the command.
    :raises SystemExit: if the download is done.
    """
    everything = (*front, *arguments)
    _repeat(everything)
    # For a lock pip is mostly not needed.
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
    """Answer a download from memory, if its outcome is known and still holds."""
    from wheeltarget.cache.run_key import is_known

    if "--refresh" in arguments or not is_known(arguments, os.environ):
        return
    from wheeltarget.cli.repeat import repeat

    if repeat(arguments):
        sys.exit(0)


def _front(arguments: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split pip's options before the command from the rest, which mostly has no such options."""
    if not arguments[:1] or not arguments[0].startswith("-"):
        return (), tuple(arguments)
    from wheeltarget.pip_config.options import split_front

    return split_front(arguments)


def _open_closed_streams() -> None:
    """Put the null device where the caller has closed a stream, for pip's process, too."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            if null != number:
                os.close(null)
            os.set_inheritable(number, True)  # noqa: FBT003 - has no name
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _tell_output_apart() -> None:
    """Make errors of writing to standard output known from others without a file name."""
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
