"""Where each file of a wheel is placed, and that RECORD lists it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.broken_wheels import read, write
from tests.support.bundles import ENTRY, WINDOWS, bundle, content, good, refused
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.files import Layout
from wheeltarget.commands.bundle.unpack import unpack
from wheeltarget.errors import BundleError


def test_record_is_true(house: Path) -> None:
    make_wheel(house, "lib", files={**ENTRY, "lib-1.0.data/scripts/tool": b"#!python\nx\n"})
    good(bundle(house, "--scripts", "--layout=lambda-layer", to="out"))
    out = house.parent / "out"
    record = (out / "python" / "lib-1.0.dist-info" / "RECORD").read_text()
    listed = {line.split(",")[0] for line in record.splitlines()}
    assert {os.path.normpath(out / "python" / each) for each in listed} == {
        str(path) for path in out.rglob("*") if path.is_file()
    }
    assert (out / "bin" / "tool").read_text() == "#!/usr/bin/env python3\nx\n"
    assert (out / "bin" / "run").read_text().startswith("#!/usr/bin/env python3\n")


def test_scripts_are_left_out(house: Path) -> None:
    make_wheel(house, "lib", files={**ENTRY, "lib-1.0.data/scripts/tool": b"#!python\nx\n"})
    good(bundle(house))
    there = content(house.parent / "out.zip")
    assert [name for name in there if "tool" in name or name.endswith("run")] == []
    assert b"tool" not in there["lib-1.0.dist-info/RECORD"]


def test_scripts_of_windows(house: Path) -> None:
    make_wheel(house, "lib", files=ENTRY)
    good(bundle(house, "--scripts", target=WINDOWS))
    assert content(house.parent / "out.zip")["bin/run.exe"].startswith(b"MZ")


def test_data(house: Path) -> None:
    data = {
        "lib-1.0.data/data/share/x.txt": b"x",
        "lib-1.0.data/purelib/pure.py": b"",
        "lib-1.0.data/platlib/plat.py": b"",
        "lib-1.0.data/headers/lib.h": b"",
    }
    make_wheel(house, "lib", files=data)
    good(bundle(house))
    names = set(content(house.parent / "out.zip"))
    assert {"share/x.txt", "pure.py", "plat.py", "include/lib/lib.h"} <= names


@pytest.mark.parametrize("script", ["../../evil", "/evil", "a\\\\b"])
def test_nothing_is_placed_outside(house: Path, script: str) -> None:
    """Unpack a wheel that was not checked."""
    points = f"[console_scripts]\n{script} = lib:main\n".encode()
    wheel = make_wheel(house, "lib", files={"lib-1.0.dist-info/entry_points.txt": points})
    (house / "into").mkdir()
    with pytest.raises(BundleError, match="leads out of the bundle"):
        unpack(wheel, "lib", Layout(scripts="bin/"), house / "into")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sha256=", b"sha256"),
        (b"sha256=", b"unknown="),
        (b",,\n", b",,many\n"),
    ],
    ids=["a hash without its algorithm", "an unknown algorithm", "a size that is no number"],
)
def test_record_that_installer_refuses(house: Path, old: bytes, new: bytes) -> None:
    """Pip installs these wheels; the message is one sentence, and nothing is written."""
    wheel = make_wheel(house, "lib")
    files = read(wheel)
    files["lib-1.0.dist-info/RECORD"] = files["lib-1.0.dist-info/RECORD"].replace(old, new)
    write(wheel, files)
    said = refused(bundle(house), house)
    assert said.count("\n") == 1
    assert said.startswith("error: lib-1.0-py3-none-any.whl cannot be unpacked: ")
