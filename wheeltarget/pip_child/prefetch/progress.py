"""What is said of files that were fetched ahead: what pip would say, with its bar for long ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from wheeltarget.pip_child.prefetch.wheels import Transfer

_LOGGER = logging.getLogger("pip._internal.network.download")
"""So that it is pip that says what is downloaded, as far as anybody can tell."""

_LONG = 512 * 1024
_LOOKS_AGAIN = 0.05


def tell(link: Any, size: int, *, is_new: bool) -> None:
    """Say what is fetched, in pip's words.

    :param link: pip's link to it.
    :param size: its size in bytes.
    :param is_new: whether it came over the network.
    """
    from pip._internal.utils.misc import format_size, redact_auth_from_url

    said = "Downloading" if is_new else "Using cached"
    length = f" ({format_size(size)})" if size else ""
    _LOGGER.info("%s %s%s", said, redact_auth_from_url(link.show_url), length)


def tell_whole(link: Any, size: int, bar: str, *, is_new: bool) -> None:
    """Say of a file that is here what pip would have said and drawn while it came.

    :param link: pip's link to it.
    :param size: its size in bytes.
    :param bar: the kind of bar, as pip's option has it.
    :param is_new: whether it came over the network.
    """
    tell(link, size, is_new=is_new)
    if is_new:
        _draw(size, bar, [range(size)])


def _draw(size: int, bar: str, pieces: Iterable[Any]) -> None:
    """Draw pip's bar for a long file."""
    if size > _LONG and _LOGGER.getEffectiveLevel() <= logging.INFO:
        from pip._internal.cli.progress_bars import get_download_progress_renderer

        for _ in get_download_progress_renderer(bar_type=bar, size=size)(pieces):
            pass


def show(link: Any, transfer: Transfer, bar: str) -> bool:
    """Say that a file is fetched, and draw pip's bar until it is here.

    :param link: pip's link to it.
    :param transfer: how far it is.
    :param bar: the kind of bar, as pip's option has it.
    :returns: whether anything was said.
    """
    while transfer.size is None and not transfer.is_over:
        time.sleep(_LOOKS_AGAIN)
    if transfer.size is None:
        return False
    tell(link, transfer.size, is_new=True)
    _draw(transfer.size, bar, _pieces(transfer))
    return True


def _pieces(transfer: Transfer) -> Iterator[Any]:
    """Return what has arrived since the last time, as something that is as long."""
    seen = 0
    while True:
        is_over, received = transfer.is_over, transfer.received
        if received > seen:
            yield range(received - seen)
            seen = received
        if is_over:
            return
        time.sleep(_LOOKS_AGAIN)
