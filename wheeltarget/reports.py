"""The report of a download as JSON: a file is there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheeltarget.errors import DestinationError
from wheeltarget.outcome import DownloadOutcome
from wheeltarget.redaction import redact


def as_json(outcome: DownloadOutcome) -> str:
    """Write an outcome as JSON text, without the credentials of any URL.

    :param outcome: what came of a download.
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
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        # A pipe or a device stays what it is, and a link goes on naming its file.
        whole = path.is_file() or not path.exists()
        file = Path(os.path.realpath(path)) if whole else path
        if whole:
            with tempfile.TemporaryFile(dir=file.parent):
                pass
    except OSError as error:
        raise DestinationError(f"cannot write {path}: {error.strerror}") from error

    def keep(outcome: DownloadOutcome) -> None:
        try:
            text = as_json(outcome)
            _replace(file, text) if whole else file.write_text(text, "utf-8")
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}"
            raise DestinationError(message, "all else is done") from error

    yield keep


def _replace(file: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=".report-", dir=file.parent)
    draft = Path(name)
    try:
        os.close(handle)
        draft.write_text(text, "utf-8")
        draft.chmod(0o666 & ~_umask())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
