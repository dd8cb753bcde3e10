"""Signals that end a run: turned into one error, held back while files are placed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from wheeltarget.errors import InterruptedRunError

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupts:
    """What the signal handlers share with the run.

    :param signum: the first signal that came, or 0.
    """

    def __init__(self) -> None:
        self.signum = 0
        self._held = False

    def receive(self, signum: int, _frame: FrameType | None) -> None:
        """Take in a signal; only the first one counts, so that the cleaning up is not cut off."""
        if self.signum:
            return
        self.signum = signum
        if not self._held:
            raise InterruptedRunError(signum)

    def hold(self) -> None:
        """Hold signals back from here on, for the work is as good as done."""
        self._held = True


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Turn the signals that end a run into :class:`InterruptedRunError` for a while.

    Signals that the caller ignores stay ignored, as under ``nohup``. Outside the main thread
    nothing is changed, since Python gives signals to that one alone.
    """
    interrupts = Interrupts()
    with _handled_by(interrupts.receive):
        yield interrupts


@contextmanager
def passed_on() -> Iterator[list[Callable[[int], None]]]:
    """Pass the signals that end a run on for a while, and stay.

    :returns: whom to tell of a signal; while there is nobody, one ends the run.
    """
    receivers: list[Callable[[int], None]] = []

    def receive(signum: int, _frame: FrameType | None) -> None:
        if not receivers:
            raise InterruptedRunError(signum)
        for tell in receivers:
            tell(signum)

    with _handled_by(receive):
        yield receivers


@contextmanager
def _handled_by(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have the signals that end a run handled for a while."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    try:
        for signum, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(signum, receive)
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
