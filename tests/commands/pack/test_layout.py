"""The layout of a pack: ``pack.json`` and the manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.commands.pack.layout import (
    Pack,
    PackedFile,
    PackTarget,
    facts_of,
    manifest_text,
    name_problem,
    project_of,
    read_manifest,
)
from wheeltarget.errors import PackError
from wheeltarget.targets.catalog import look_up_tag

HASH = "0" * 64
TARGET = PackTarget("box", "a box", "cp36-cp36m-win32", facts_of(look_up_tag("cp36-cp36m-win32")))
FILE = PackedFile("lib-1.0-py3-none-any.whl", HASH, 1, "lib", "1.0", ("box",))
NAMES = st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_]{1,8}){0,2}", fullmatch=True)


def changed(**changes: Any) -> bytes:
    """Return ``pack.json`` with other values, of the target if there is a dot before the key."""
    document = json.loads(Pack((TARGET,), (FILE,)).as_text())
    for key, value in changes.items():
        place, _, name = key.rpartition("__")
        (document[place][0] if place else document)[name] = value
    return json.dumps(document).encode()


def test_pack_is_read_as_it_was_written() -> None:
    pack = Pack((TARGET,), (FILE,))
    assert Pack.read(pack.as_text().encode()) == pack


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "does not have the schema 1"),
        ({"targets": None}, "targets has to be a list"),
        ({"targets__name": "../box"}, "characters that it may not have"),
        ({"targets__lock": "pylock.toml"}, "has to be locks/pylock.box.toml"),
        ({"targets__facts": {}}, "python must be a string"),
        ({"files__path": "wheels/../x.whl"}, "is not the path of a file in wheels"),
        ({"files__path": "/x.whl"}, "is not the path of a file in wheels"),
        ({"files__sha256": "0"}, "the size or the sha256"),
        ({"files__targets": [1]}, "targets must be a list of strings"),
    ],
    ids=str,
)
def test_wrong_pack(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PackError, match=message):
        Pack.read(changed(**changes))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_pack(data: bytes) -> None:
    with pytest.raises(PackError):
        Pack.read(data)


@given(st.dictionaries(NAMES, st.just(HASH)))
def test_manifest_is_read_as_it_was_written(hashes: dict[str, str]) -> None:
    found: list[str] = []
    assert read_manifest(manifest_text(hashes).encode(), found.append) == hashes
    assert found == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HASH}  a", "its last line is cut off"),
        (f"{HASH}  a\r\n{HASH}  b\r\n", "its lines end as on Windows"),
        (f"{HASH[1:]}  a\n", "line 1 is not a sha256"),
        (f"{HASH} a\n", "line 1 is not a sha256"),
        (f"{HASH}  ../a\n", "line 1 names '../a', which leads out of the pack"),
        (f"{HASH}  /a\n", "line 1 names '/a', which leads out of the pack"),
        (f"{HASH}  a\\b\n", "which leads out of the pack"),
        (f"{HASH}  aux\n", "which is not a valid file name on Windows"),
        (f"{HASH}  a\n{'1' * 64}  a\n", "line 2 names a again, with another sha256"),
        (f"{HASH}  a\n{HASH}  A\n", "line 2 names A, which differs from a only by case"),
        ("\xff\n", "line 1 is not a sha256"),
    ],
)
def test_wrong_manifest(text: str, message: str) -> None:
    found: list[str] = []
    hashes = read_manifest(text.encode("latin-1"), found.append)
    assert [message in each for each in found] == [True]
    assert not any(map(name_problem, hashes))


@pytest.mark.parametrize(
    ("tag", "fact"),
    [
        ("cp36-cp36m-manylinux1_x86_64", ("glibc", "2.5")),
        ("cp312-cp312-musllinux_1_2_aarch64", ("musl", "1.2")),
        ("cp312-cp312-macosx_11_0_arm64", ("macos", "11.0")),
    ],
)
def test_facts(tag: str, fact: tuple[str, str]) -> None:
    facts = facts_of(look_up_tag(tag))
    assert facts[fact[0]] == fact[1]
    assert isinstance(facts["platforms"], list)
    assert "any" not in facts["platforms"]


def test_project_of_a_file() -> None:
    assert project_of("lib-1.0-py3-none-any.whl") == ("lib", "1.0")
    assert project_of("lib-1.0.tar.gz") == ("lib", "1.0")
    assert project_of("main.zip") is None
