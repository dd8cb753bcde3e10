"""A download as the command line runs it: a request in, text and an exit code out."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

if TYPE_CHECKING:
    from wheeltarget.api import DownloadOutcome, PlainRun
    from wheeltarget.download_request import DownloadRequest
    from wheeltarget.pip_options import CommandLine

_INTERRUPT = 2


def run(request: DownloadRequest) -> int:
    """Fetch what is asked for, and say what came of it.

    :param request: what is asked for.
    :returns: the exit code.
    """
    try:
        return _run(request)
    except KeyboardInterrupt:
        # Before anything was begun, so that nobody has turned it into an error.
        return _show_error(InterruptedRunError(_INTERRUPT), request)
    except WheeltargetError as error:
        return _show_error(error, request)


def _run(request: DownloadRequest) -> int:
    from wheeltarget.api import PlainRun, download

    outcome = download(request)
    if isinstance(outcome, PlainRun):
        return _end_plain(outcome, request.words)
    _show(outcome, request)
    return 0


def _show_error(error: WheeltargetError, request: DownloadRequest) -> int:
    from wheeltarget.render import show_error

    show_error(error, sys.stderr, coloured=is_coloured(request.words))
    return error.exit_code


def _show(outcome: DownloadOutcome, request: DownloadRequest) -> None:
    from wheeltarget import render
    from wheeltarget.pip_options import is_quiet, split_command_line

    command = split_command_line(request.words)
    if request.wants_outcome:
        render.show_json(outcome, sys.stdout)
    elif not is_quiet(command, _settings(command)):
        coloured = is_coloured(request.words)
        render.show_outcome(outcome, sys.stdout, sys.stderr, coloured=coloured)


def is_coloured(words: tuple[str, ...]) -> bool:
    """Tell whether pip's options and configuration leave colours in.

    :param words: pip's words.
    """
    from wheeltarget.pip_options import refuses_colour, split_command_line

    try:
        command = split_command_line(words)
    except UsageError:
        return "--no-color" not in words
    return not refuses_colour(command, _settings(command))


def _settings(command: CommandLine) -> dict[str, str]:
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
