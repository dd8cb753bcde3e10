"""``wheeltarget bundle``: what is in a bundle, that it can be used, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.bundles import LINUX, bundle, content, good, refused
from tests.support.wheels import make_wheel

LAMBDA = "aws-lambda-python3.12-arm64"


def test_flat(house: Path) -> None:
    make_wheel(
        house, "lib", files={"lib/native.so": b"\x7fELF"}, tag="cp312-cp312-manylinux1_x86_64"
    )
    make_wheel(house, "other", requires=["lib"])
    result = good(bundle(house))
    there = content(house.parent / "out.zip")
    assert sorted(there) == list(there)
    assert set(there) == {
        *("lib.py", "lib/native.so", "other.py"),
        *(f"lib-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        *(f"other-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
    }
    assert result.stdout.splitlines()[0] == f"For {LINUX}:"
    assert result.stdout.splitlines()[-1].startswith("Saved ./out.zip, ")


def test_it_works_without_anything_else(house: Path) -> None:
    code = {"lib.py": b"import importlib.metadata as m\nprint(m.version('lib'))\n"}
    make_wheel(house, "lib", files=code)
    good(bundle(house, to="out"))
    good(bundle(house))
    for place in ("out", "out.zip"):
        done = subprocess.run(
            [
                sys.executable,
                "-S",
                "-E",
                "-c",
                f"import sys; sys.path.append({place!r}); import lib",
            ],
            cwd=house.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "1.0\n"


def test_bundle_and_component_list_in_one_file(house: Path) -> None:
    make_wheel(house, "lib")
    result = bundle(house, "--components=out.zip")
    assert (result.exit_code, "the bundle and the component list" in result.stderr) == (2, True)
    assert not (house.parent / "out.zip").exists()


def test_note_on_pth_files(house: Path) -> None:
    make_wheel(house, "lib", files={"lib.pth": b"import os\n"})
    result = good(bundle(house, "--layout=lambda-layer"))
    assert (
        "note: python/lib.pth of lib has no effect: Python does not read it in a bundle\n"
        in result.stderr
    )


def test_too_large(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    with (own / "big").open("wb") as big:
        big.truncate(270_000_000)
    said = refused(bundle(house, "--include", "own/big", target=LAMBDA), house)
    assert "but the service allows 262144000; largest projects: own/big (270000000)" in said


def test_json(house: Path) -> None:
    make_wheel(house, "lib")
    said = json.loads(good(bundle(house, "--format=json", "--layout=lambda")).stdout)
    assert said.keys() == {
        *("schema", "output", "target", "size", "limit", "projects", "left_out", "notes")
    }
    assert said["limit"] == 262144000
    assert said["projects"] == [{"name": "lib", "version": "1.0", "files": 5, "size": said["size"]}]
