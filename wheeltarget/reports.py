"""The report of a download as JSON: a file is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from wheeltarget.drafts import open_draft
from wheeltarget.outcome import DownloadOutcome
from wheeltarget.redaction import redact


class Outcome(Protocol):
    """What came of a run, and can be written as JSON."""

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""


def as_json(outcome: Outcome) -> str:
    """Write an outcome as JSON text, without the credentials of any URL.

    :param outcome: what came of a run.
    :returns: the text, with its line end.
    """
    return redact(json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False)) + "\n"


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
        yield lambda outcome: keep(as_json(outcome))
