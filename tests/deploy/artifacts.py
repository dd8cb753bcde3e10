"""Inspect what a tool would deploy: a folder as the service unpacks it."""

from __future__ import annotations

import csv
import os
import struct
import subprocess
from pathlib import Path

from tests.support.interpreters import interpreter

MACHINES = {"x86_64": 62, "arm64": 183}
"""The number of each architecture in the head of an ELF file."""


def own_files(folder: Path) -> set[str]:
    """Return the files that belong to no wheel, and assert that those of the wheels are all there.

    :param folder: what is put on ``sys.path``.
    """
    files = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
    recorded: set[str] = set()
    for record in folder.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as lines:
            recorded |= {row[0] for row in csv.reader(lines)}
    assert {name for name in recorded - files if not name.startswith("../")} == set()
    return files - recorded


def projects(folder: Path) -> set[str]:
    """Return the names of the installed projects, as their wheels spell them."""
    return {each.name.partition("-")[0] for each in folder.glob("*.dist-info")}


def machines(folder: Path) -> set[int]:
    """Return the architectures of the native modules, as ELF numbers them."""
    found = set()
    for path in folder.rglob("*.so*"):
        head = path.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        found |= set(struct.unpack_from("<H", head, 18))
    return found


def call(folder: Path, script: str, version: str = "3.12") -> str:
    """Run a script in a real interpreter with nothing on its path but its own library and a folder.

    :param folder: what is put on ``sys.path``.
    :param script: statements, which print.
    :param version: which Python; the test is skipped if there is none.
    :returns: what it printed.
    """
    head = f"import sys; sys.path[0] = {str(folder)!r}\n"
    done = subprocess.run(
        [str(interpreter(version)), "-S", "-E", "-B", "-c", head + script],
        cwd=os.path.abspath(os.sep),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
