"""What Python compiles of a bundle's modules, beforehand and the same to the byte each time.

Specification: PEP 552. The compiled files are of the kind that is never compared with the source,
since in a bundle nothing changes, and times are all the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from wheeltarget.commands.bundle.unpack import BundledFile
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.utils.python_process import bare_python

_PATIENCE = 600.0
_ERRNO = 100
"""What is added to the number of a system's error, as an exit code."""

_SCRIPT = """\
import importlib.util, json, marshal, sys
for source, compiled, name in json.load(sys.stdin):
    with open(source, "rb") as file:
        text = file.read()
    try:
        code = marshal.dumps(compile(text, name, "exec", dont_inherit=True))
    except Exception:
        continue
    head = importlib.util.MAGIC_NUMBER + b"\\x01\\0\\0\\0" + importlib.util.source_hash(text)
    try:
        with open(compiled, "wb") as file:
            file.write(head + code)
    except OSError as error:
        sys.exit(100 + (error.errno or 0))
"""
"""What a process of its own does: what is in a compiled file depends on what went before it.

It makes what :mod:`py_compile` makes. That, before Python 3.14, writes half a file and says nothing
of it if there is no room for the whole."""


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
    :raises BundleError: if Python cannot be run.
    :raises OSError: if something in the folder cannot be written.
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
    except subprocess.CalledProcessError as error:
        if error.returncode > _ERRNO:
            number = error.returncode - _ERRNO
            raise OSError(number, os.strerror(number), str(folder)) from error
        raise BundleError(f"Python could not compile the modules: {error}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise BundleError(f"Python could not compile the modules: {error}") from error
    there = {file.name for file in files}
    for module, place in zip(modules, places, strict=True):
        name = Path(importlib.util.cache_from_source(module.name, optimization="")).as_posix()
        if place.is_file() and name not in there:
            content = place.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            yield BundledFile(name, place, module.owner, len(content), digest)
