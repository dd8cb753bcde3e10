"""What Python compiles of a bundle's modules, beforehand and the same to the byte each time.

Specification: PEP 552. The compiled files are of the kind that is never compared with the source,
since in a bundle nothing changes, and times are all the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from wheeltarget.children import bare_python
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.unpacking import BundledFile

_PATIENCE = 600.0
_SCRIPT = """\
import json, py_compile, sys
never = py_compile.PycInvalidationMode.UNCHECKED_HASH
for source, compiled, name in json.load(sys.stdin):
    try:
        py_compile.compile(source, compiled, name, doraise=True, invalidation_mode=never)
    except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
        pass
"""
"""What a process of its own does: what is in a compiled file depends on what went before it."""


def require_same_python(tag: str, python: str) -> None:
    """Refuse to compile for another Python than the running one.

    :param tag: the best tag of the target.
    :param python: its version of Python.
    :raises UsageError: where it is another one.
    """
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    minor = ".".join(python.split(".")[:2])
    if not tag.startswith("cp") or minor != own or sys.implementation.name != "cpython":
        raise UsageError(
            f"this is CPython {own}, and what it compiles is not for {tag}",
            "leave --compile out, or run wheeltarget with the target's Python",
        )


def compiled_files(files: Sequence[BundledFile], folder: Path) -> Iterator[BundledFile]:
    """Compile every module of a bundle; what cannot be compiled is passed over, as pip does.

    :param files: the files of the bundle, each name once.
    :param folder: an empty folder for what comes of it.
    :returns: the compiled files.
    :raises BundleError: where Python cannot be run.
    """
    modules = [file for file in files if file.name.endswith(".py")]
    places = [folder / str(number) for number in range(len(modules))]
    orders = [
        (str(module.source), str(place), module.name)
        for module, place in zip(modules, places, strict=True)
    ]
    try:
        subprocess.run(
            bare_python("-W", "ignore", "-c", _SCRIPT),
            input=json.dumps(orders),
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BundleError(f"Python could not compile the modules: {error}") from error
    there = {file.name for file in files}
    for module, place in zip(modules, places, strict=True):
        name = Path(importlib.util.cache_from_source(module.name, optimization="")).as_posix()
        if place.is_file() and name not in there:
            content = place.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            yield BundledFile(name, place, module.owner, len(content), digest)
