"""The files that a lock names: only what can be fetched and saved without danger is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import parse_tag

from wheeltarget.lockfile.entries import FaultCollector, KeyPath, PinnedFile, key_text, read_files

FILE = PinnedFile("lib", "1", "lib-1-py2.py3-none-any.whl", "http://h/x", "", "", None, None, ())
pieces = st.text(max_size=20) | st.sampled_from(["..", "/", "\\\\", "nul", "C:", "%2F", "\0", "~"])


@pytest.mark.parametrize(
    ("key_path", "text"),
    [
        ((), ""),
        (("packages",), "packages"),
        (("packages", 3, "wheels", 0, "hashes"), "packages[3].wheels[0].hashes"),
    ],
)
def test_path_to_a_value(key_path: KeyPath, text: str) -> None:
    assert key_text(key_path) == text


@pytest.mark.parametrize(
    "tag", ["py2.py3-none-any", "cp39-abi3-manylinux1_x86_64.manylinux2014_x86_64"]
)
def test_tags_are_those_of_packaging(tag: str) -> None:
    assert replace(FILE, filename=f"lib-1-{tag}.whl").tags == set(map(str, parse_tag(tag)))


@given(st.lists(pieces, max_size=4).map("".join), st.sampled_from(["name", "url", "path"]))
def test_no_file_leaves_its_folder(text: str, key: str) -> None:
    """Whatever a lock calls a file, a name that is kept is one plain name on every system."""
    wheel = "lib-1-py3-none-any.whl"
    values = {
        "name": {"name": text + wheel, "url": f"http://h/{wheel}"},
        "url": {"url": f"http://h/{text}{wheel}"},
        "path": {"path": text + wheel},
    }
    entry = {**values[key], "hashes": {"sha256": "0" * 64}}
    collector = FaultCollector("pylock.toml", "")
    files = read_files({"packages": [{"name": "lib", "wheels": [entry]}]}, collector)
    assert bool(files) != bool(collector.faults)
    for file in files.values():
        assert PurePosixPath(file.filename).parts == (file.filename,)
        assert PureWindowsPath(file.filename).parts == (file.filename,)
        assert file.url.startswith("http://h/") or not file.path.startswith(("/", "\\", "~"))
