"""Replay a cached download without Typer, and show its outcome as that of any other.

start-up: what this module imports is loaded by an unchanged run, and must stay light.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from wheeltarget.cli.output.text import report_errors, show_download
from wheeltarget.commands.download.replay import find_recorded_run, replay
from wheeltarget.staging.atomic import open_output
from wheeltarget.utils.text import json_text


def repeat(arguments: tuple[str, ...]) -> bool:
    """Replay a download if it is cached and nothing has changed; return whether it is done."""
    recorded = find_recorded_run(arguments, os.environ)
    if recorded is None:
        return False
    options = recorded.output_options
    report = open_output(Path(options.report)) if options.report else nullcontext()
    with report_errors(coloured=options.coloured, as_pip=True), report as keep_report:
        outcome = replay(recorded, os.environ)
        if outcome is None:
            return False
        if keep_report is not None:
            keep_report(json_text(outcome.as_dict()))
    if not options.quiet:
        since = time.strftime("%H:%M:%S", time.localtime(recorded.made))
        sys.stderr.write(f"Unchanged since {since}; use --refresh to ask the index again\n")
    show_download(outcome, options)
    return True
