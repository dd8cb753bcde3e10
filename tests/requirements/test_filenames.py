"""File names: locks, URLs and extras."""

from __future__ import annotations

import pytest

from wheeltarget.requirements.filenames import (
    base_name,
    is_foreign_lock,
    is_lock,
    is_own,
    is_remote,
    split_extras,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("https://h/r.txt", True, id="https"),
        pytest.param("http://h/r.txt", True, id="http"),
        pytest.param("file:///r.txt", True, id="file"),
        pytest.param("HTTPS://h/r.txt", True, id="capitals"),
        pytest.param("http://[h/r.txt", True, id="broken"),
        pytest.param("./r.txt", False, id="path"),
        pytest.param("//[h/r.txt", False, id="network path"),
        pytest.param("ftp://h/r.txt", False, id="another scheme"),
        pytest.param("C:\\r.txt", False, id="drive letter"),
        pytest.param("https/h:r.txt", False, id="colon"),
    ],
)
def test_is_remote(name: str, expected: bool) -> None:
    assert is_remote(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("pylock.toml", True, id="plain"),
        pytest.param("pylock.dev.toml", True, id="named"),
        pytest.param("sub/pylock.toml", True, id="in a folder"),
        pytest.param("sub\\pylock.x.toml", True, id="backslash"),
        pytest.param("https://h/pylock.toml", True, id="remote"),
        pytest.param("pylock.toml[a,b]", True, id="extras"),
        pytest.param("x[1]/pylock.toml", True, id="a bracket before"),
        pytest.param("pylock.a.b.toml", False, id="two dots"),
        pytest.param("mypylock.toml", False, id="another name"),
        pytest.param("pylock.toml.txt", False, id="another ending"),
        pytest.param("pylock.toml/r.txt", False, id="a file in a folder of that name"),
    ],
)
def test_is_lock(name: str, expected: bool) -> None:
    assert is_lock(name) is expected


@pytest.mark.parametrize(
    ("name", "path", "extras"),
    [
        ("pylock.toml", "pylock.toml", ()),
        ("a/pylock.toml[b, c]", "a/pylock.toml", ("b", "c")),
        ("x[1]/pylock.toml[,]", "x[1]/pylock.toml", ()),
    ],
)
def test_split_extras(name: str, path: str, extras: tuple[str, ...]) -> None:
    assert split_extras(name) == (path, extras)


def test_locks_of_other_tools_have_fixed_names() -> None:
    assert base_name("a\\b/uv.lock") == "uv.lock"
    assert [is_foreign_lock(name) for name in ("a/uv.lock", "uv.lock/a", "my.uv.lock")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "text",
    [
        'lock-version = "1.0"\ncreated-by = "wheeltarget"\n',
        "lock-version = '1.0'\r\n\tcreated-by='wheeltarget 1'\r\n",
        "[tool.wheeltarget]\nschema = 1",
        'x = 1\n [ tool . "wheeltarget" ]\n',
    ],
)
def test_own_lock(text: str) -> None:
    assert is_own(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        'created-by = "wheeltargets"',
        'created-by = "another"  # created-by = "wheeltarget"',
        'x = "[tool.wheeltarget]"',
        "[[tool.wheeltarget]]",
        "[tool.other]",
    ],
)
def test_other_lock(text: str) -> None:
    assert not is_own(text.encode())
