"""The report of a download as JSON: a file is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.commands.download.outcome import DownloadOutcome
from wheeltarget.staging.atomic import open_draft
from wheeltarget.utils.redact import json_text


@contextmanager
def open_report(path: Path | None) -> Iterator[Callable[[DownloadOutcome], None]]:
    """Make sure that a report can be written before there is anything to report.

    :param path: where it goes; nothing is written where it is None.
    :returns: writes the report of an outcome; without that call the file stays as it was.
    :raises DestinationError: where it cannot be written.
    """
    if path is None:
        yield lambda _outcome: None
        return
    with open_draft(path) as keep:
        yield lambda outcome: keep(json_text(outcome.as_dict()))
