"""Return new files the same random names in each run, so that a run can be repeated call by call.

Python imports this file at its start if its folder is on ``PYTHONPATH``.
"""

import hashlib
import itertools
import os
import random
import sys

_PROCESS = " ".join(word for word in sys.orig_argv if os.sep not in word)
_numbers = itertools.count()


def _urandom(size: int) -> bytes:
    """Return bytes that differ from call to call and from process to process only."""
    data = f"{_PROCESS} {next(_numbers)}".encode()
    return hashlib.shake_256(data).digest(size)


class _Random(random.Random):
    """Random numbers that are the same in each run, as temporary files are named by them."""

    def __init__(self, seed: object = None) -> None:
        super().__init__(_urandom(8) if seed is None else seed)  # type: ignore[arg-type]


os.urandom = _urandom
random.Random = _Random  # type: ignore[assignment,misc]
