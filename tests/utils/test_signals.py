"""Signals that end a run, or are ignored or passed on."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from wheeltarget.errors import InterruptedRunError
from wheeltarget.utils.signals import forward_signals, interruptible

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def _send(signum: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), signum)


def test_first_signal_is_an_error_and_others_are_ignored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        with pytest.raises(InterruptedRunError) as caught:
            _send()
        _send()
        _send(signal.SIGINT)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_are_ignored_once_the_run_holds() -> None:
    with interruptible() as interrupts:
        interrupts.hold()
        _send()


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            _send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_are_passed_on() -> None:
    received: list[int] = []
    with forward_signals() as receivers:
        with pytest.raises(InterruptedRunError):
            _send()
        receivers.append(received.append)
        _send()
        _send(signal.SIGINT)
    assert received == [signal.SIGTERM, signal.SIGINT]


def test_other_threads_change_nothing() -> None:
    handlers = []

    def work() -> None:
        with interruptible():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
