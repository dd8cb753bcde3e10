"""What native code needs, held against the tags of its wheel and against targets."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import without
from tests.support.cli import wheeltarget
from tests.support.elf import AARCH64, make_elf
from tests.support.here import run_here
from tests.support.wheels import make_wheel
from wheeltarget.commands.check.native import audit, guarantee_of, read_shared_objects
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.wheelhouse.wheel import read_wheel

NEW = ("libc.so.6", "GLIBC_2.17", "secure_getenv")
OLD = ("libc.so.6", "GLIBC_2.2.5", "open")


def wheel_with(folder: Path, content: bytes, platform: str = "manylinux1_x86_64") -> Path:
    return make_wheel(folder, "lib", tag=f"cp39-cp39-{platform}", files={"lib/native.so": content})


def said(wheel: Path, *tags: str) -> list[tuple[str, str, str]]:
    found = audit(read_wheel(wheel), [look_up_tag(tag) for tag in tags])
    return [(each.code, each.target, each.message) for each in found]


def test_read(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, make_elf(["libc.so.6", "libm.so.6"], [OLD, NEW]))
    (thing,), unread = read_shared_objects(read_wheel(wheel))
    assert unread == []
    assert (thing.name, thing.machine, thing.libc) == ("lib/native.so", "x86_64", "glibc")
    assert thing.needed == ("libc.so.6", "libm.so.6")
    assert thing.symbols == (("GLIBC_2.2.5", "open"), ("GLIBC_2.17", "secure_getenv"))


def test_kept_guarantee(tmp_path: Path) -> None:
    assert said(wheel_with(tmp_path, make_elf(symbols=[OLD])), "cp39-cp39-manylinux1_x86_64") == []
    wheel = wheel_with(tmp_path, make_elf(symbols=[OLD, NEW]), "manylinux2014_x86_64")
    assert said(wheel) == []


def test_broken_guarantee(tmp_path: Path) -> None:
    gcc = ("libgcc_s.so.1", "GCC_4.8.0", "__cpu_model")
    wheel = wheel_with(tmp_path, make_elf(symbols=[OLD, NEW, gcc]))
    needs = "lib/native.so needs GLIBC_2.17 (secure_getenv) and GCC_4.8.0 (__cpu_model)"
    assert said(wheel) == [("WC503", "", f"{needs}, which manylinux_2_5_x86_64 does not guarantee")]


def test_target(tmp_path: Path) -> None:
    newest = ("libc.so.6", "GLIBC_2.28", "fcntl64")
    wheel = wheel_with(tmp_path, make_elf(symbols=[NEW, newest]), "linux_x86_64")
    old, new = "cp39-cp39-manylinux_2_17_x86_64", "cp39-cp39-manylinux_2_28_x86_64"
    message = "lib/native.so needs GLIBC_2.28 (fcntl64), but the target has glibc 2.17"
    assert said(wheel, old, new) == [("WC504", old, message)]


def test_machine(tmp_path: Path) -> None:
    ((code, _, message),) = said(wheel_with(tmp_path, make_elf(machine=AARCH64)))
    assert (code, message) == (
        "WC502",
        "lib/native.so is for aarch64, but the wheel's tag is for x86_64",
    )


def test_libc(tmp_path: Path) -> None:
    musl = make_elf(["libc.musl-x86_64.so.1"])
    assert [code for code, *_ in said(wheel_with(tmp_path, musl))] == ["WC506"]
    wheel = wheel_with(tmp_path, musl, "musllinux_1_2_x86_64")
    assert said(wheel, "cp39-cp39-musllinux_1_2_x86_64") == []
    wheel = wheel_with(tmp_path, make_elf(), "musllinux_1_2_x86_64")
    assert [code for code, *_ in said(wheel)] == ["WC506"]


def test_library(tmp_path: Path) -> None:
    needs = make_elf(["libc.so.6", "libfoo.so.1", "libbar-1234.so.2"])
    files = {"lib/native.so": needs, "lib.libs/libbar-1234.so.2": make_elf()}
    wheel = make_wheel(tmp_path, "lib", tag="cp39-cp39-manylinux1_x86_64", files=files)
    message = (
        "lib/native.so needs libfoo.so.1, which is not in the wheel, and manylinux_2_5_x86_64 "
        "does not guarantee it"
    )
    assert said(wheel) == [("WC505", "", message)]


@pytest.mark.parametrize("cut", [4, 20, 63, 200, 400])
def test_damaged(tmp_path: Path, cut: int) -> None:
    elf = make_elf(symbols=[OLD, NEW])
    found = said(wheel_with(tmp_path, elf[:cut]))
    assert [code for code, *_ in found] == ["WC501"]


def test_billions_of_sections(tmp_path: Path) -> None:
    elf = bytearray(make_elf(symbols=[OLD, NEW]))
    (table,) = struct.unpack_from("<Q", elf, 40)
    struct.pack_into("<H", elf, 60, 0)  # how many there are, the first one says
    struct.pack_into("<Q", elf, table + 32, 1 << 60)
    ((code, _, message),) = said(wheel_with(tmp_path, bytes(elf)))
    assert (code, "more than 65536 sections" in message) == ("WC501", True)


def test_damaged_wheels_are_audited_too(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, make_elf(symbols=[OLD, NEW]))
    wheel.write_bytes(wheel.read_bytes().replace(b"Stand for", b"Stand fur", 1))
    assert [code for code, *_ in said(wheel)] == ["WC503"]


def test_guarantees() -> None:
    assert guarantee_of({"py3-none-any", "cp39-cp39-linux_x86_64", "cp39-cp39-win_amd64"}) is None
    both = guarantee_of({f"cp39-cp39-manylinux{each}_x86_64" for each in ("2014", "_2_28")})
    assert both is not None
    assert both.tag == "manylinux_2_17_x86_64"
    between = guarantee_of({"cp39-cp39-manylinux_2_20_x86_64"})
    assert between is not None
    assert between.tag == "manylinux_2_17_x86_64"


def test_command(tmp_path: Path) -> None:
    wheel_with(tmp_path / "house", make_elf(symbols=[NEW]))
    assert run_here("check", "house", cwd=tmp_path).exit_code == 0
    result = run_here("check", "house", "--audit", cwd=tmp_path)
    assert (result.exit_code, result.stdout.split(": ")[1][:5]) == (1, "WC503")


def test_audit_needs_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(tmp_path / "house", "lib")
    without(monkeypatch, "auditwheel")
    wrong = run_here("check", "house", "--audit", "-r", "pylock.none.toml", cwd=tmp_path)
    assert (wrong.exit_code, "cannot read pylock.none.toml" in wrong.stderr) == (2, True)
    result = run_here("check", "house", "--audit", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --audit needs auditwheel, which is not installed\n"
        "  install it with pip install 'wheeltarget[audit]'\n"
    )


REAL = (
    "numpy==1.26.4",
    "cryptography==42.0.5",
    "lxml==5.2.1",
    "pandas==2.2.2",
    "cffi==1.16.0",
    "markupsafe==2.1.5",
    "pyyaml==6.0.1",
    "pydantic-core==2.18.2",
    "orjson==3.10.3",
    "pillow==10.3.0",
    "psycopg2-binary==2.9.9",
    "grpcio==1.63.0",
    "protobuf==5.26.1",
    "aiohttp==3.9.5",
    "msgpack==1.0.8",
    "regex==2024.4.28",
    "greenlet==3.0.3",
    "wrapt==1.16.0",
    "bcrypt==4.1.3",
    "ujson==5.9.0",
)


@pytest.mark.network
def test_same_result_as_auditwheel(tmp_path: Path) -> None:
    arguments = ["--only-binary=:all:", "--no-deps", "--tags", "cp311-cp311-manylinux_2_28_x86_64"]
    done = wheeltarget(
        "download", "-q", *arguments, "-d", "house", *REAL, cwd=tmp_path, timeout=600
    )
    assert done.exit_code == 0, done.stderr
    wheels = sorted((tmp_path / "house").iterdir())
    assert len(wheels) == len(REAL)
    for path in wheels:
        show = [sys.executable, "-m", "auditwheel", "show", "--json", str(path)]
        shown = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)
        wheel = read_wheel(path)
        things, unread = read_shared_objects(wheel)
        assert unread == []
        ours = {version for thing in things for version, _ in thing.symbols}
        theirs = {each for found in shown["versioned_symbols"].values() for each in found}
        assert ours == theirs, path.name
        # It keeps its promise for us just where auditwheel finds its tag, or a lower one.
        promise = guarantee_of(wheel.tags)
        assert promise is not None
        kept = _level(shown["overall_tag"]) <= _level(promise.tag)
        assert kept == (list(audit(wheel, [])) == []), (path.name, shown["overall_tag"])


def _level(tag: str) -> int:
    return int(tag.split("_")[2]) if tag.startswith("manylinux_") else 1000
