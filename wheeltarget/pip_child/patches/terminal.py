"""Patches for a terminal in which the parent draws a line of progress.

pip's own bars are counted instead of drawn. Whatever this process writes goes below the last lines,
in place of the parent's line, which the parent draws again below. While a line is not complete, as
during a prompt or the output of another program, this process keeps its turn, so that the parent
draws nothing.

Without these patches the output is less tidy and the same, so nothing proves them.
"""

from __future__ import annotations

import builtins
import getpass
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from wheeltarget.pip_child.job import replaces
from wheeltarget.pip_child.progress import Transfers
from wheeltarget.pip_protocol import TURN
from wheeltarget.staging.folders import Turn

_BARS, _SUBPROCESS = "pip._internal.cli.progress_bars", "pip._internal.utils.subprocess"
"""Modules that pip's command has loaded, unless another pip does without them."""

_ERASE = b"\r\x1b[2K"
_END_OF_LINE = re.compile(rb"\n(?:\x1b\[[0-9;?]*[A-Za-z])*\Z")
_POLL_INTERVAL, _PATIENCE = 0.005, 1.0


def share_terminal(result: Path, transfers: Transfers) -> None:
    """Count what pip fetches itself, and write to a terminal in turns with the parent.

    :param result: the file beside which the one to lock is.
    :param transfers: gets the files that pip shows a bar for.
    """
    _count_bars(transfers)
    if not os.isatty(2):
        return
    with suppress(OSError):  # there is no file to lock, so the parent draws nothing
        turns = Turns(Turn(result.with_name(TURN)))
        for stream in (sys.stdout, sys.stderr):
            raw: Any = getattr(stream.buffer, "raw", stream.buffer)
            raw.write = turns.writing(raw.write)
        builtins.input = turns.holding(builtins.input)
        getpass.getpass = turns.holding(getpass.getpass)

        @replaces(sys.modules.get(_SUBPROCESS), "call_subprocess", optional=True)
        def call(original: Any, *arguments: Any, **named: Any) -> Any:
            with turns.held():
                return original(*arguments, **named)


def _count_bars(transfers: Transfers) -> None:
    @replaces(sys.modules.get(_BARS), "get_download_progress_renderer", optional=True)
    def renderer(_original: Any, **named: Any) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
        def count(chunks: Iterable[bytes]) -> Iterator[bytes]:
            transfer = transfers.begin(named.get("size"))
            transfer.received = named.get("initial_progress") or 0
            try:
                for chunk in chunks:
                    transfer.received += len(chunk)
                    yield chunk
            finally:
                transfer.is_done = True

        return count


class Turns:
    """The turns of this process on the terminal."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._lock = turn, RLock()
        self._holders = 0
        self._is_ours = self._is_within_line = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the terminal for a while."""
        with self._lock:
            self._take()
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                self._leave()

    def holding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that keeps the terminal while another function runs."""

        def hold(*arguments: Any, **named: Any) -> Any:
            with self.held():
                return function(*arguments, **named)

        return hold

    def writing(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that writes to the terminal in turns, by another function."""

        def write_in_turn(data: Any) -> Any:
            with self._lock:
                self._take()
                try:
                    return write(data)
                finally:
                    self._is_within_line = not _END_OF_LINE.search(data)
                    self._leave()

        return write_in_turn

    def _take(self) -> None:
        """Wait for the turn, which the parent has for a moment only, and erase its line."""
        if self._is_ours:
            return
        end = time.monotonic() + _PATIENCE
        while not self._turn.take() and time.monotonic() < end:
            time.sleep(_POLL_INTERVAL)
        self._is_ours = True
        with suppress(OSError):
            os.write(2, _ERASE)

    def _leave(self) -> None:
        if not self._holders and not self._is_within_line:
            self._is_ours = False
            self._turn.leave()
