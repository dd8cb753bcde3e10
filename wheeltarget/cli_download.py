"""A download as the command line runs it: a request in, text and an exit code out."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wheeltarget.api import DownloadOutcome, PlainRun
    from wheeltarget.download_request import DownloadRequest
    from wheeltarget.pip_options import CommandLine
    from wheeltarget.remembered import Appearance

_INTERRUPT = 2


def run(request: DownloadRequest) -> int:
    """Fetch what is asked for, and say what came of it.

    :param request: what is asked for.
    :returns: the exit code.
    """
    exit_code = _guarded(_run, request)
    return 0 if exit_code is None else exit_code


def repeat(request: DownloadRequest) -> int | None:
    """Have a request done if it is known what comes of it, as nothing has changed.

    :param request: what is asked for.
    :returns: the exit code; None where it has to be run.
    """
    return None if request.refresh else _guarded(_repeat, request)


def follow_locks(request: DownloadRequest) -> int | None:
    """Have a request done if it names locks that say everything.

    :param request: what is asked for.
    :returns: the exit code; None where something is to be resolved, or pip's own business.
    """
    return _guarded(_follow_locks, request)


def _guarded(work: Callable[[DownloadRequest], int | None], request: DownloadRequest) -> int | None:
    """Do something for a request, and say what is wrong if anything is."""
    try:
        return work(request)
    except KeyboardInterrupt:
        # Before anything was begun, so that nobody has turned it into an error.
        return _show_error(InterruptedRunError(_INTERRUPT), request)
    except WheeltargetError as error:
        return _show_error(error, request)


def _repeat(request: DownloadRequest) -> int | None:
    from wheeltarget.recall import recall

    remembered = recall(request, os.environ)
    if remembered is None:
        return None
    if not remembered.appearance.quiet:
        since = time.strftime("%H:%M:%S", time.localtime(remembered.made))
        sys.stderr.write(f"Unchanged since {since}; --refresh asks the index again\n")
        sys.stderr.flush()
    _show(remembered.outcome, request, remembered.appearance)
    return 0


def _follow_locks(request: DownloadRequest) -> int | None:
    if not any("pylock" in word for word in request.words):
        return None
    # What would resolve takes long to load, and a lock needs none of it.
    from wheeltarget.locked_download import download_locked

    outcome = download_locked(request)
    if outcome is None:
        return None
    _show(outcome, request, _appearance(request.words))
    return 0


def _run(request: DownloadRequest) -> int:
    from wheeltarget.api import PlainRun, download
    from wheeltarget.cache import cache_folder, memory_folder
    from wheeltarget.remembered import Memory

    memory = Memory(memory_folder(cache_folder(os.environ)))
    if request.refresh:
        memory.forget(request, os.environ)
    outcome = download(request)
    if isinstance(outcome, PlainRun):
        return _end_plain(outcome, request.words)
    appearance = _appearance(request.words)
    _show(outcome, request, appearance)
    memory.keep(request, os.environ, outcome, appearance)
    return 0


def _show_error(error: WheeltargetError, request: DownloadRequest) -> int:
    from wheeltarget.render import show_error

    show_error(error, sys.stderr, coloured=is_coloured(request.words))
    return error.exit_code


def _show(outcome: DownloadOutcome, request: DownloadRequest, appearance: Appearance) -> None:
    from wheeltarget import render

    if request.wants_outcome:
        render.show_json(outcome, sys.stdout)
    elif not appearance.quiet:
        render.show_outcome(outcome, sys.stdout, sys.stderr, coloured=appearance.coloured)


def _appearance(words: tuple[str, ...]) -> Appearance:
    from wheeltarget.pip_options import is_quiet, split_command_line
    from wheeltarget.remembered import Appearance

    command = split_command_line(words)
    return Appearance(is_quiet(command, settings(command)), is_coloured(words))


def is_coloured(words: tuple[str, ...]) -> bool:
    """Tell whether pip's options and configuration leave colours in.

    :param words: pip's words.
    """
    from wheeltarget.pip_options import refuses_colour, split_command_line

    try:
        command = split_command_line(words)
    except UsageError:
        return "--no-color" not in words
    return not refuses_colour(command, settings(command))


def settings(command: CommandLine) -> dict[str, str]:
    """Give pip's configuration as a command sees it.

    :param command: pip's own options, as given.
    :returns: the values by long option without its dashes.
    """
    from wheeltarget.pip_config import configured_settings

    return configured_settings(os.environ, isolated=command.has("--isolated"))


def _end_plain(outcome: PlainRun, words: tuple[str, ...]) -> int:
    """End a run that is pip's."""
    if outcome.exit_code is None:
        from wheeltarget.first_look import become_pip

        return become_pip(words)
    from wheeltarget.pip_options import is_quiet, split_command_line

    if outcome.notes and not is_quiet(split_command_line(words), os.environ):
        from wheeltarget.render import show_notes

        show_notes(outcome.notes, sys.stderr, coloured=is_coloured(words))
    return outcome.exit_code
