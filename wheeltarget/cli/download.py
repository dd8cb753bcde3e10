"""A download as the command line runs it: a request in, text and an exit code out."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from wheeltarget.cli.terminal import is_coloured, settings
from wheeltarget.errors import InterruptedRunError, UsageError, WheeltargetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from wheeltarget.api import DownloadOutcome, PlainRun
    from wheeltarget.cache.run_records import Appearance
    from wheeltarget.commands.download.request import DownloadRequest

_INTERRUPT = 2


def run(request: DownloadRequest, typed: tuple[str, ...] = ()) -> int:
    """Fetch what is asked for, and say what came of it.

    :param request: what is asked for.
    :param typed: the words that say so, if what comes of them may be remembered.
    :returns: the exit code.
    """
    exit_code = _guarded(lambda: _run(request, typed), request.words)
    return 0 if exit_code is None else exit_code


def repeat(typed: tuple[str, ...]) -> int | None:
    """Do what is asked for if it is known what comes of it, as nothing has changed.

    :param typed: the words that say what.
    :returns: the exit code; None where it has to be run.
    """
    return _guarded(lambda: _repeat(typed), typed)


def follow_locks(request: DownloadRequest) -> int | None:
    """Have a request done if it names locks that say everything.

    :param request: what is asked for.
    :returns: the exit code; None where something is to be resolved, or pip's own business.
    """
    return _guarded(lambda: _follow_locks(request), request.words)


def _guarded(work: Callable[[], int | None], words: tuple[str, ...]) -> int | None:
    """Do something, and say what is wrong if anything is."""
    try:
        return work()
    except KeyboardInterrupt:
        # Before anything was begun, so that nobody has turned it into an error.
        return _show_error(InterruptedRunError(_INTERRUPT), words)
    except WheeltargetError as error:
        return _show_error(error, words)


def _repeat(typed: tuple[str, ...]) -> int | None:
    from contextlib import nullcontext

    from wheeltarget.commands.download.replay import deliver, recall

    remembered = recall(typed, os.environ)
    if remembered is None:
        return None
    report = remembered.appearance.report
    with _open_report(report) if report else nullcontext() as keep_report:
        outcome = deliver(remembered, os.environ)
        if outcome is None:
            return None
        if keep_report is not None:
            keep_report(outcome)
    if not remembered.appearance.quiet:
        since = time.strftime("%H:%M:%S", time.localtime(remembered.made))
        sys.stderr.write(f"Unchanged since {since}; --refresh asks the index again\n")
        sys.stderr.flush()
    _show(outcome, remembered.appearance)
    return 0


def _open_report(report: str) -> AbstractContextManager[Callable[[DownloadOutcome], None]]:
    from pathlib import Path

    from wheeltarget.commands.download.report import open_report

    return open_report(Path(report))


def _follow_locks(request: DownloadRequest) -> int | None:
    if not any("pylock" in word for word in request.words):
        return None
    # What would resolve takes long to load, and a lock needs none of it.
    from wheeltarget.commands.download.from_lock import download_locked

    if not sys.stderr.isatty():
        outcome = download_locked(request, None, _load_what_shows)
    else:
        from wheeltarget.cli.output.progress import progress_line

        with progress_line(sys.stderr, wanted=_wants_progress(request.words)) as watch:
            outcome = download_locked(request, watch, _load_what_shows)
    if outcome is None:
        return None
    _show(outcome, _appearance(request))
    return 0


def _load_what_shows() -> None:
    from wheeltarget.cache import run_records  # noqa: F401 - to have them loaded
    from wheeltarget.cli.output import text  # noqa: F401


def _wants_progress(words: tuple[str, ...]) -> bool:
    """Tell whether a line may say how far a run has come."""
    from wheeltarget.pip_config.options import is_quiet, split_command_line

    try:
        command = split_command_line(words)
    except UsageError:
        return False
    configured = settings(command)
    bar = (command.values("--progress-bar") or (configured.get("progress-bar"),))[-1]
    return bar != "off" and not is_quiet(command, configured)


def _run(request: DownloadRequest, typed: tuple[str, ...]) -> int:
    from wheeltarget.api import PlainRun
    from wheeltarget.cache import run_records as remembered
    from wheeltarget.commands.download.download import download

    if request.refresh:
        typed = tuple(word for word in typed if word != "--refresh")
        remembered.forget(typed, os.environ)
    outcome = download(request)
    if isinstance(outcome, PlainRun):
        return _end_plain(outcome, request.words)
    appearance = _appearance(request)
    _show(outcome, appearance)
    if typed:
        remembered.keep(typed, os.environ, outcome, appearance)
    return 0


def _show_error(error: WheeltargetError, words: tuple[str, ...]) -> int:
    from wheeltarget.cli.output.text import show_error

    show_error(error, sys.stderr, coloured=is_coloured(words))
    return error.exit_code


def _show(outcome: DownloadOutcome, appearance: Appearance) -> None:
    from wheeltarget.cli.output import text

    if appearance.as_json:
        text.show_json(outcome.as_dict(), sys.stdout)
    elif not appearance.quiet:
        text.show_outcome(outcome, sys.stdout, sys.stderr, coloured=appearance.coloured)


def _appearance(request: DownloadRequest) -> Appearance:
    from wheeltarget.cache.run_records import Appearance
    from wheeltarget.pip_config.options import is_quiet, split_command_line

    command = split_command_line(request.words)
    quiet, coloured = is_quiet(command, settings(command)), is_coloured(request.words)
    return Appearance(
        quiet=quiet,
        coloured=coloured,
        as_json=request.wants_outcome,
        report=str(request.report or ""),
    )


def _end_plain(outcome: PlainRun, words: tuple[str, ...]) -> int:
    """End a run that is pip's."""
    if outcome.exit_code is None:
        from wheeltarget.cli.passthrough import become_pip

        return become_pip(words)
    from wheeltarget.pip_config.options import is_quiet, split_command_line

    if outcome.notes and not is_quiet(split_command_line(words), os.environ):
        from wheeltarget.cli.output.text import show_notes

        show_notes(outcome.notes, sys.stderr, coloured=is_coloured(words))
    return outcome.exit_code
