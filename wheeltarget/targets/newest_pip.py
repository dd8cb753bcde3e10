"""The newest pip that runs on a Python: it decides which old rules hold for a target.

If a rule of pip changed, the module with the rule compares this pip with the release that changed
it. Pythons of which today's pip is the newest have today's rules.

pip's process uses this with its own copy of packaging, so it does not import packaging.
"""

from __future__ import annotations

_LAST = (((3, 6), (20, 3)), ((3, 7), (21, 3)), ((3, 8), (24, 0)), ((3, 9), (25, 0)))
"""For the Pythons older than the first version, the last pip is the second one."""

_TODAY = (26, 0)


def newest_pip(python: str) -> tuple[int, int]:
    """Return the newest pip for a version of Python, such as ``3.8.20``; 26.0 stands for later."""
    major, minor = (int(number) for number in python.split(".")[:2])
    return next((pip for end, pip in _LAST if (major, minor) < end), _TODAY)
