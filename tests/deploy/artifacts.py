"""Inspect what a tool would deploy: a folder as the service unpacks it."""

from __future__ import annotations

import csv
import struct
import subprocess
from pathlib import Path

from tests.support.interpreters import interpreter

MACHINES = {"x86_64": 62, "arm64": 183}
"""The number of each architecture in the head of an ELF file."""

PROJECTS = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
"""What the recipes' requirement, pydantic, needs for Python 3.12."""


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


def call(script: str, *folders: Path, version: str = "3.12") -> str:
    """Run a script in a real interpreter that finds its own library and the folders, nothing else.

    :param script: statements, which print.
    :param folders: what the service puts on ``sys.path``.
    :param version: which Python; the test is skipped if there is none.
    :returns: what it printed.
    """
    head = f"import sys; sys.path[:1] = {[str(folder) for folder in folders]!r}\n"
    done = subprocess.run(
        [str(interpreter(version)), "-S", "-E", "-B", "-c", head + script],
        cwd=folders[0].anchor,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
