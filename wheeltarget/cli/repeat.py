"""Replay a cached download without Typer, and show its outcome as that of any other."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cli.errors import report_errors
from wheeltarget.cli.output.text import show_download
from wheeltarget.commands.download.replay import find_recorded_run, replay
from wheeltarget.utils.redact import json_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


def repeat(arguments: tuple[str, ...]) -> bool:
    """Replay a download if its outcome is cached and nothing has changed.

    :param arguments: the arguments after ``download``.
    :returns: whether it is done.
    """
    remembered = find_recorded_run(arguments, os.environ)
    if remembered is None:
        return False
    output_options = remembered.output_options
    with (
        report_errors(coloured=output_options.coloured, as_pip=True),
        _open_report(output_options.report)
        if output_options.report
        else nullcontext() as keep_report,
    ):
        outcome = replay(remembered, os.environ)
        if outcome is None:
            return False
        if keep_report is not None:
            keep_report(json_text(outcome.as_dict()))
    if not output_options.quiet:
        since = time.strftime("%H:%M:%S", time.localtime(remembered.made))
        sys.stderr.write(f"Unchanged since {since}; use --refresh to ask the index again\n")
        sys.stderr.flush()
    show_download(outcome, output_options, sys.stdout, sys.stderr)
    return True


def _open_report(report: str) -> AbstractContextManager[Callable[[str], None]]:
    from wheeltarget.staging.atomic import open_output

    return open_output(Path(report))
