"""Log prefetched files as pip does, with its progress bar for large ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from wheeltarget.pip_child.prefetch.wheels import Transfer

_LOGGER = logging.getLogger("pip._internal.network.download")
"""pip's own logger, so that options for its output apply."""

_LARGE = 512 * 1024
_POLL_INTERVAL = 0.05


def log_file(link: Any, size: int, *, is_new: bool) -> None:
    """Log that a file is downloaded.

    :param link: pip's link to it.
    :param size: its size in bytes.
    :param is_new: whether it was fetched over the network in this run.
    """
    from pip._internal.utils.misc import format_size, redact_auth_from_url

    verb = "Downloading" if is_new else "Using cached"
    length = f" ({format_size(size)})" if size else ""
    _LOGGER.info("%s %s%s", verb, redact_auth_from_url(link.show_url), length)


def log_finished(link: Any, size: int, bar: str, *, is_new: bool) -> None:
    """Log a file that was prefetched completely, with a full bar.

    :param link: pip's link to it.
    :param size: its size in bytes.
    :param bar: the value of pip's option for the bar.
    :param is_new: whether it was fetched over the network in this run.
    """
    log_file(link, size, is_new=is_new)
    if is_new:
        _draw(size, bar, [range(size)])


def _draw(size: int, bar: str, pieces: Iterable[Any]) -> None:
    """Draw pip's bar for a large file."""
    if size > _LARGE and _LOGGER.getEffectiveLevel() <= logging.INFO:
        from pip._internal.cli.progress_bars import get_download_progress_renderer

        for _ in get_download_progress_renderer(bar_type=bar, size=size)(pieces):
            pass


def show_progress(link: Any, transfer: Transfer, bar: str) -> bool:
    """Log a file that is being fetched, and draw pip's bar until it is complete.

    :param link: pip's link to it.
    :param transfer: its transfer.
    :param bar: the value of pip's option for the bar.
    :returns: whether anything was logged.
    """
    while transfer.size is None and not transfer.is_over:
        time.sleep(_POLL_INTERVAL)
    if transfer.size is None:
        return False
    log_file(link, transfer.size, is_new=True)
    _draw(transfer.size, bar, _pieces(transfer))
    return True


def _pieces(transfer: Transfer) -> Iterator[Any]:
    """Return ranges that are as long as what was received since the last one."""
    seen = 0
    while True:
        is_over, received = transfer.is_over, transfer.received
        if received > seen:
            yield range(received - seen)
            seen = received
        if is_over:
            return
        time.sleep(_POLL_INTERVAL)
