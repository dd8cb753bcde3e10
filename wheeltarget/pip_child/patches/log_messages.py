"""Patch of pip's log: it names the destination, and shows no passwords.

Only a trial run of pip proves it; see :mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wheeltarget.pip_child.job import CurrentJob

_CREDENTIALS = re.compile(r"(?<=://)([^/\s:@]*:)?[^/\s]+@")
"""A user name that is followed by a password, and the rest, which may contain an @."""


def patch_messages(current: CurrentJob) -> None:
    """Replace the job's folder in log records by the destination, and redact passwords."""
    original_make = logging.getLogRecordFactory()

    def translate(value: object) -> object:
        folder = current.job.order.folder
        if isinstance(value, int | float) or not folder:
            return value
        original = str(value)
        text = _CREDENTIALS.sub(r"\1****@", original)
        if folder not in text:
            return value if text == original else text
        # Not if it is only the beginning of another folder's name.
        pattern = re.escape(folder) + r"(?![\w-]|\.\w)"
        return re.sub(pattern, lambda _: current.job.order.destination, text)

    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = original_make(*arguments, **named)
        record.msg = translate(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(translate(each) for each in record.args)
        if record.exc_info:
            # Handlers use this text if it is set.
            record.exc_text = str(translate(logging.Formatter().formatException(record.exc_info)))
        return record

    logging.setLogRecordFactory(make)


@contextmanager
def silenced(logger: logging.Logger) -> Iterator[None]:
    """Disable a logger for a while."""
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
