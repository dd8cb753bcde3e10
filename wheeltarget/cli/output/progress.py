"""Progress of a run, in one line of a terminal that is cleared afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from wheeltarget.network.downloader import Progress

_MB = 1_000_000
_CLEAR = "\r\x1b[K"


@contextmanager
def progress_line(
    stream: TextIO, *, wanted: bool = True
) -> Iterator[Callable[[Progress], None] | None]:
    """Show the progress of a run, and clear the line at the end.

    :param stream: a terminal.
    :param wanted: whether to show anything.
    :returns: a function that shows progress; None if nothing is to be shown.
    """
    if not wanted or os.environ.get("TERM") == "dumb":
        yield None
        return

    def show(progress: Progress) -> None:
        stream.write(_CLEAR + progress_text(progress))
        stream.flush()

    try:
        yield show
    finally:
        stream.write(_CLEAR)
        stream.flush()


def progress_text(progress: Progress) -> str:
    """Return progress as text, such as ``Fetching 12/60 files, 34.1/102.3 MB``."""
    total = f"/{progress.all_size / _MB:.1f}" if progress.all_size else ""
    files = f"{progress.files}/{progress.all_files} files"
    return f"Fetching {files}, {progress.size / _MB:.1f}{total} MB"
