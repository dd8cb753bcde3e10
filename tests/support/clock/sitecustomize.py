"""Set the clock of a process to the time in the variable CLOCK, in seconds since 1970.

Python imports this file at its start if its folder is on ``PYTHONPATH``.
"""

import os
import time


def set_clock() -> None:
    """Set the clock; it goes on from there."""
    offset = float(os.environ["CLOCK"]) - time.time()
    now, local, universal = time.time, time.localtime, time.gmtime
    time.time = lambda: now() + offset
    time.time_ns = lambda: int(time.time() * 1e9)

    def wanted(given: tuple[object, ...]) -> float:
        # The module logging makes a method of one of them, so the last argument counts.
        last = given[-1] if given else None
        return time.time() if last is None else float(last)  # type: ignore[arg-type]

    time.localtime = lambda *given: local(wanted(given))
    time.gmtime = lambda *given: universal(wanted(given))


# The process that forks has no such variable; its forks do.
if "CLOCK" in os.environ:
    set_clock()
