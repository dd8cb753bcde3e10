"""Compile the modules of a bundle, reproducibly.

Specification: PEP 552. The compiled files are unchecked hash-based ones: the sources in a bundle
do not change, and all have the same time.
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

_TIMEOUT = 600.0
_ERRNO = 100
"""Added to the errno of an error, as the exit code of the script."""

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
"""Run in a process of its own, since a compiled file depends on what was compiled before it.

It writes what :mod:`py_compile` writes. That, before Python 3.14, leaves half a file without an
error if the disk is full."""


def require_same_python(tag: str, python: str) -> None:
    """Raise UsageError if the target's Python is not the running one.

    :param tag: the best tag of the target.
    :param python: its version of Python.
    """
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    minor = ".".join(python.split(".")[:2])
    if not tag.startswith("cp") or minor != own or sys.implementation.name != "cpython":
        raise UsageError(
            f"--compile needs the target's Python: this is CPython {own}, the target is {tag}",
            "leave --compile out, or run wheeltarget with the target's Python",
        )


def compiled_files(files: Sequence[BundledFile], folder: Path) -> Iterator[BundledFile]:
    """Compile every module of a bundle; as in pip, one that cannot be compiled is skipped.

    :param files: the files of the bundle, each name once.
    :param folder: an empty folder for the compiled files.
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
            timeout=_TIMEOUT,
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
