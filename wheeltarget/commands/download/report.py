"""The JSON report of a download, written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.commands.download.outcome import DownloadOutcome
from wheeltarget.staging.atomic import open_output
from wheeltarget.utils.text import json_text


@contextmanager
def open_report(path: Path | None) -> Iterator[Callable[[DownloadOutcome], None]]:
    """Check that a report can be written, before the download begins.

    :param path: its path; None to write nothing.
    :returns: a function that writes the report of an outcome; until then the file is unchanged.
    :raises DestinationError: if it cannot be written.
    """
    if path is None:
        yield lambda _outcome: None
        return
    with open_output(path) as keep:
        yield lambda outcome: keep(json_text(outcome.as_dict()))
