"""``wheeltarget bundle``: what is in a bundle, that it can be used, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", ["out.ZIP", "out.tar.gz", "out.whl"])
def test_archives_of_other_kinds(house: Path, name: str) -> None:
    result = bundle(house, to=name)
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {name} would be a folder: only a name that ends in .zip makes an archive\n"
        "  name a file that ends in .zip with --output, or another folder\n"
    )
    assert not (house.parent / name).exists()


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
    assert said.startswith(
        "error: the bundle would have 257.5 MB unpacked, but the service allows 250 MB; "
        "largest projects: own/big (257.5 MB), lib ("
    )


def test_limits_are_those_of_the_service(house: Path) -> None:
    """A byte more is refused, and the limit itself is not; the service's MB has 1,048,576 bytes."""
    make_wheel(house, "lib")
    size = json.loads(good(bundle(house, "--format=json")).stdout)["size"]
    own = house.parent / "own"
    own.mkdir()
    with (own / "big").open("wb") as big:
        big.truncate(262_144_000 - size)
    good(bundle(house, "--include", "own/big", target=LAMBDA))
    with (own / "big").open("ab") as big:
        big.write(b"x")
    (house.parent / "out.zip").unlink()
    refused(bundle(house, "--include", "own/big", target=LAMBDA), house)


@pytest.mark.parametrize(
    ("target", "options", "limits"),
    [
        (LAMBDA, [], (50 << 20, 250 << 20)),
        (LINUX, ["--layout=lambda-layer"], (50 << 20, 250 << 20)),
        ("gcp-functions-python3.12", [], (100 << 20, 500 << 20)),
        ("azure-functions-python3.12", [], (1 << 30, None)),
        (LINUX, [], (None, None)),
        ("ubuntu-22.04-python3.10-x86_64", [], (None, None)),
    ],
)
def test_both_sizes_and_limits(
    house: Path, target: str, options: list[str], limits: tuple[int | None, int | None]
) -> None:
    make_wheel(house, "lib", files={"lib/data": b"0" * 3_000_000})
    said = json.loads(good(bundle(house, "--format=json", *options, target=target)).stdout)
    assert (said["zipped_limit"], said["limit"]) == limits
    assert said["zipped_size"] == (house.parent / "out.zip").stat().st_size
    shown = good(bundle(house, *options, target=target)).stdout.splitlines()[-1]
    assert shown.startswith("Unchanged ./out.zip, ")
    assert "zipped" in shown
    assert ("2.9 MB unpacked" in shown) == (limits[0] is not None)
    assert ("3.0 MB unpacked" in shown) == (limits[0] is None)
    for limit in limits:
        assert limit is None or f"limit {limit >> 20} MB" in shown
    unpacked = good(bundle(house, *options, target=target, to="out")).stdout.splitlines()[-1]
    assert unpacked.startswith("Saved ./out, ")
    assert "zipped" not in unpacked


def test_larger_than_what_is_taken_directly(house: Path) -> None:
    make_wheel(house, "lib")
    (house.parent / "own").mkdir()
    with (house.parent / "own" / "big").open("wb") as big:
        big.truncate(53 << 20)
    options = ("--include=own/big", "--store")
    said = good(bundle(house, *options, target=LAMBDA)).stderr
    assert said == (
        "note: the archive has 53.0 MB zipped, but the service allows 50 MB "
        "if it is not uploaded through S3; largest projects: own/big (53 MB), lib (0.0 MB); "
        "leave projects out with --exclude, or use --slim\n"
    )
    assert not good(bundle(house, "--include=own/big", target=LAMBDA)).stderr
    assert not good(bundle(house, *options, target=LAMBDA, to="out")).stderr


def test_json(house: Path) -> None:
    make_wheel(house, "lib")
    said = json.loads(good(bundle(house, "--format=json", "--layout=lambda")).stdout)
    assert said.keys() == {
        *("schema", "output", "target", "size", "limit", "projects", "left_out", "notes"),
        *(
            "zipped_size",
            "zipped_limit",
            "limit_condition",
            "zipped_limit_condition",
            "lock",
            "unchanged",
            "slimmed_size",
            "slimmed",
            "in_layers",
        ),
    }
    assert (said["limit"], said["limit_condition"]) == (262144000, "")
    assert said["zipped_limit_condition"] == "if it is not uploaded through S3"
    assert said["projects"] == [{"name": "lib", "version": "1.0", "files": 5, "size": said["size"]}]
