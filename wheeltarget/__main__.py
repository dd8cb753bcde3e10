"""The way in: ``wheeltarget`` and ``python -m wheeltarget``."""

import gc
import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # As pip does it: python -m looks for modules in the working directory first, which may be full
    # of files of somebody else's. No module is imported before this, __future__ among them.
    try:
        is_first = sys.path[0] in {"", os.getcwd()}  # noqa: PTH109 - pathlib is a module, too
    except FileNotFoundError:
        is_first = False  # it is no longer there, and Python has not put it there either
    if is_first:
        del sys.path[0]

from wheeltarget.resolver.prestart import begin, begin_for, dismiss

_COMPLETION = "_WHEELTARGET_COMPLETE"
"""The variable by which a shell asks for completions."""

_FAILED, _UNFINISHED, _INTERRUPTED = 1, 3, 130
_SELDOM = (50_000, 20, 100)
"""How many new objects it takes for the garbage collector to look at them, and so on."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _open_closed_streams()
    _tell_output_apart()
    try:
        # What is loaded stays, so that little is won by looking through it for garbage.
        gc.set_threshold(*_SELDOM)
        _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has left; a second failure at exit would say nothing more.
        _leave_standard_output()
        sys.exit(1)
    except _OutputError as error:
        _leave_standard_output()
        sys.exit(f"error: cannot write to standard output: {error.strerror}")
    except OSError as error:
        _leave_standard_output()
        if _is_gone():
            sys.exit("error: the working directory is no longer there\n  change to one that is")
        sys.stderr.write(f"error: {_told(error)}\n")
        sys.exit(_FAILED if "download" in sys.argv else _UNFINISHED)
    finally:
        dismiss()
        gc.freeze()


def _run(arguments: list[str]) -> None:
    """Run the command line, without loading Typer where it has nothing to read.

    That is where a download is pip's alone, and where the words of validate are plain.
    """
    if arguments in (["--version"], ["-V"]):
        from wheeltarget import __version__

        sys.stdout.write(f"wheeltarget {__version__}\n")
        return
    front, rest = _front(arguments)
    if rest[:1] == ("download",):
        arguments = ["download", *front, *rest[1:]]
        exit_code = _download(front, rest[1:])
        if exit_code is not None:
            sys.exit(exit_code)
    if arguments[:1] == ["validate"]:
        from wheeltarget.cli.validate import run_plain

        exit_code = run_plain(arguments[1:])
        if exit_code is not None:
            sys.exit(exit_code)
    if arguments[:1] in (["lock"], ["explain"]):
        # Typer takes nearly as long to load as pip, which they need, too.
        begin_for(arguments[1:])
    from wheeltarget.cli.app import run

    run(arguments)


def _download(front: tuple[str, ...], words: tuple[str, ...]) -> int | None:
    """Run a download without Typer and give its exit code; None where Typer has to read it."""
    if _COMPLETION in os.environ:
        return None
    everything = (*front, *words)
    exit_code = _repeat(everything)
    if exit_code is not None:
        return exit_code
    if not any("pylock" in word for word in words):
        # First of all, since nothing else that has to be loaded takes as long as pip; for a lock
        # it is mostly not needed.
        begin_for(everything)
    from wheeltarget.commands.download.request import read_request

    request = read_request(everything)
    if request is not None:
        from wheeltarget.cli.download import follow_locks

        exit_code = follow_locks(request)
        if exit_code is not None:
            return exit_code
    begin_for(everything)
    if request is None or not request.has_options:
        from pathlib import Path

        from wheeltarget.cli.passthrough import become_pip, is_plain

        if is_plain(everything, os.environ, Path.cwd()):
            return become_pip(words, front)
    if request is None:
        return None
    begin()
    from wheeltarget.cli.download import run

    return run(request, everything)


def _repeat(words: tuple[str, ...]) -> int | None:
    """Answer a download from memory and give its exit code; None where it has to be run."""
    from wheeltarget.cache.run_key import is_known

    if "--refresh" in words or not is_known(words, os.environ):
        return None
    from wheeltarget.cli.download import repeat

    return repeat(words)


def _front(arguments: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part pip's options before the command from the rest, which the first word mostly begins."""
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


class _OutputError(OSError):
    """Standard output that cannot be written, and no other file."""


def _tell_output_apart() -> None:
    """Let errors of writing to standard output be known from others without a file name."""
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
            raise _OutputError(error.errno, error.strerror) from error
        return written

    raw.write = write


def _is_gone() -> bool:
    """Tell whether there is no working directory any more."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib may not be loaded yet
    except FileNotFoundError:
        return True
    return False


def _told(error: OSError) -> str:
    """Say what an error is about, as far as it says so."""
    what = error.strerror or str(error)
    return what if error.filename is None else f"{error.filename}: {what}"


def _leave_standard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
