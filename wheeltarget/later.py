"""Modules of the standard library that others import without needing them: loaded on first use.

``dataclasses`` imports ``inspect`` for classes without a docstring, ``packaging.tags`` imports
``platform`` and ``subprocess`` to look at the running Python, ``logging`` imports ``traceback`` for
errors. Loading these takes longer than reading a lock, which needs none of it. From Python 3.15 on,
lazy imports (PEP 810) do the same.
"""

from __future__ import annotations

import _thread
import sys
from types import ModuleType

SELDOM = (
    "copy",
    "fnmatch",
    "inspect",
    "ipaddress",
    "platform",
    "selectors",
    "subprocess",
    "sysconfig",
    "traceback",
)
"""What is put off: no module of these does anything when it is imported but to define names."""

_holding = _thread.allocate_lock()


class _Later(ModuleType):
    """Stands for a module until something in it is asked for."""

    def __getattr__(self, name: str) -> object:
        return getattr(_load(self), name)


def _load(waiting: ModuleType) -> ModuleType:
    import importlib

    name = waiting.__name__
    with _holding:
        if sys.modules.get(name) is waiting:
            del sys.modules[name]
    return importlib.import_module(name)


def put_off(names: tuple[str, ...] = SELDOM) -> None:
    """Have modules loaded when something in them is asked for, not when they are imported.

    For a program's own start: whoever imports wheeltarget as a library is not meddled with.

    :param names: the modules; those that are loaded already stay.
    """
    for name in names:
        sys.modules.setdefault(name, _Later(name))
