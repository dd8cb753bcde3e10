"""Signals that end a run: turned into an error, passed on, or ignored while files are placed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from wheeltarget.errors import InterruptedRunError

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupts:
    """The state that the signal handlers share with the run."""

    def __init__(self) -> None:
        self._received = self._held = False

    def receive(self, signum: int, _frame: FrameType | None) -> None:
        """Handle a signal; only the first one counts, so that clean-up is not interrupted."""
        if self._received:
            return
        self._received = True
        if not self._held:
            raise InterruptedRunError(signum)

    def hold(self) -> None:
        """Ignore signals from now on, since the work is nearly done."""
        self._held = True


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Turn the signals that end a run into :class:`InterruptedRunError` inside the context.

    Signals that the caller ignores stay ignored, as under ``nohup``. Outside the main thread
    nothing changes, since Python handles signals only there.
    """
    interrupts = Interrupts()
    with _handled_by(interrupts.receive):
        yield interrupts


@contextmanager
def forward_signals() -> Iterator[list[Callable[[int], None]]]:
    """Pass the signals that end a run to receivers inside the context, and go on.

    :returns: the list of receivers; a signal ends the run while it is empty.
    """
    receivers: list[Callable[[int], None]] = []

    def receive(signum: int, _frame: FrameType | None) -> None:
        if not receivers:
            raise InterruptedRunError(signum)
        for receiver in receivers:
            receiver(signum)

    with _handled_by(receive):
        yield receivers


@contextmanager
def _handled_by(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    try:
        for signum, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(signum, receive)
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
