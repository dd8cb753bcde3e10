"""Replay a cached download without Typer, and show its outcome as that of any other.

start-up: what this module imports is loaded by an unchanged run, and must stay light.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from wheeltarget.cache.run_records import RecordedRun
from wheeltarget.cli.output.text import report_errors, show_download
from wheeltarget.commands.download.outcome import DownloadOutcome
from wheeltarget.commands.download.replay import deliver, find_recorded_run


def repeat(arguments: tuple[str, ...]) -> bool:
    """Replay a download if it is cached and nothing has changed; return whether it is done."""
    recorded = find_recorded_run(arguments, os.environ)
    if recorded is None:
        return False
    options = recorded.output_options
    with report_errors(coloured=options.coloured, as_pip=True):
        outcome = _deliver(recorded)
    if outcome is None:
        return False
    if not options.quiet:
        since = time.strftime("%H:%M:%S", time.localtime(recorded.made))
        sys.stderr.write(f"Unchanged since {since}; use --refresh to ask the index again\n")
    show_download(outcome, as_json=options.as_json, quiet=options.quiet, coloured=options.coloured)
    return True


def _deliver(recorded: RecordedRun) -> DownloadOutcome | None:
    if not recorded.output_options.report:
        return deliver(recorded, os.environ)
    from wheeltarget.commands.download.report import open_report

    with open_report(Path(recorded.output_options.report)) as keep_report:
        outcome = deliver(recorded, os.environ)
        if outcome is not None:
            keep_report(outcome)
    return outcome
