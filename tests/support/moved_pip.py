"""Change the installed pip as a later one might be, in the processes that a test starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.cli import ROOT

_HOOK = '''\
"""Change the source of some modules while they are imported."""

import pathlib
import sys
from importlib.util import find_spec

EDITS = {edits!r}
APPLIED = pathlib.Path({applied!r})


class Finder:
    """Find a module that is to be changed, once."""

    def find_spec(self, name, path=None, target=None):
        if name not in EDITS:
            return None
        edits = EDITS.pop(name)
        spec = find_spec(name)
        source = spec.loader.get_source(name)
        for old, new in edits:
            # An edit that finds nothing would make a test of nothing.
            if old not in source:
                sys.exit(f"{{name}} does not have: {{old}}")
            source = source.replace(old, new) if old else source + new
        code = compile(source, spec.origin, "exec")

        def exec_module(module):
            exec(code, module.__dict__)

        spec.loader.exec_module = exec_module
        with APPLIED.open("a") as file:
            file.write(name + "\\n")
        return spec


sys.meta_path.insert(0, Finder())
'''


class Edit(NamedTuple):
    """A change of one module of pip.

    :param module: its name below ``pip``.
    :param old: what to replace wherever it stands; the end of the file if empty.
    :param new: what to put there.
    """

    module: str
    old: str
    new: str


def move_pip(folder: Path, edits: Sequence[Edit]) -> str:
    """Write the hook that changes pip.

    :param folder: where; it has to exist.
    :param edits: the changes.
    :returns: the value of PYTHONPATH under which they apply, in this checkout.
    """
    by_module: dict[str, list[tuple[str, str]]] = {}
    for edit in edits:
        by_module.setdefault(f"pip.{edit.module}".rstrip("."), []).append((edit.old, edit.new))
    hook = _HOOK.format(edits=by_module, applied=str(folder / "applied"))
    (folder / "sitecustomize.py").write_text(hook)
    return os.pathsep.join([str(folder), str(ROOT)])


def applied(folder: Path) -> list[str]:
    """List the modules that were changed so far, once for each process that imported them.

    :param folder: where the hook is.
    """
    path = folder / "applied"
    return sorted(path.read_text().split()) if path.is_file() else []
