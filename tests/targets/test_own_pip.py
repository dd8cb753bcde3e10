"""What the pip of a target reads."""

from __future__ import annotations

import tomllib
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import ROOT
from wheeltarget.targets.own_pip import OwnPip, readings

PAGE = ROOT / "docs" / "own-pip.md"
CATALOG = ROOT / "wheeltarget" / "targets" / "catalog.toml"


@pytest.mark.parametrize(
    ("pip", "tags", "what"),
    [
        ("18.1", ["cp36-cp36m-manylinux1_x86_64"], None),
        ("18.1", ["cp36-cp36m-manylinux2010_x86_64"], "manylinux2010"),
        (
            "18.1",
            ["cp36-cp36m-manylinux_2_17_x86_64", "cp36-cp36m-manylinux2014_x86_64"],
            "manylinux2014",
        ),
        ("18.1", ["cp36-cp36m-manylinux1_x86_64", "cp36-cp36m-manylinux2014_x86_64"], None),
        ("19.3.1", ["cp36-cp36m-manylinux2014_x86_64"], None),
        ("19.3.1", ["py37-none-manylinux2014_x86_64"], "pyXY-none with a platform"),
        ("19.3.1", ["py37-none-any"], None),
        ("20.0.2", ["cp310-cp310-manylinux2014_x86_64"], None),
        ("20.1", ["cp310-cp310-manylinux2014_x86_64"], "CPython 3.10 and later"),
        ("20.1", ["cp310-none-any"], None),
        ("20.3.4", ["cp310-cp310-manylinux_2_28_x86_64"], None),
        ("21.1.3", ["cp39-cp39-musllinux_1_1_x86_64"], "musllinux"),
        ("21.2", ["cp39-cp39-musllinux_1_1_x86_64"], None),
        ("19.3.1", ["cp36-abi3-win_amd64"], "abi3 on Windows"),
        ("19.3.1", ["cp36-abi3-manylinux1_x86_64"], None),
        ("24.0", ["cp313-cp313t-win_amd64"], "free-threaded Pythons"),
        ("26.0.1", ["cp315-abi3t-win_amd64"], "abi3t"),
        ("9.0.3", ["cp36-cp36m-manylinux_2_28_riscv64"], "manylinux on riscv64 and loongarch64"),
        ("9.0.3+dfsg", [], None),
    ],
)
def test_what_a_pip_does_not_read(pip: str, tags: list[str], what: str | None) -> None:
    unread = OwnPip(pip).unread_of(tags)
    assert (unread and unread.what) == what


@given(
    st.sampled_from(
        ["9.0.3", "18.1", "19.0", "19.3.1", "20.0.2", "20.3.4", "21.2", "24.1", "26.1"]
    ),
    st.sampled_from(["cp39-cp39", "cp36-abi3", "py3-none", "py39-none", "cp39-none"]),
    st.sampled_from(
        ["any", "win_amd64", "manylinux1_x86_64", "manylinux_2_28_x86_64", "linux_ppc64"]
    ),
)
def test_a_newer_pip_reads_what_an_older_one_does(pip: str, build: str, platform: str) -> None:
    tag, newer = f"{build}-{platform}", OwnPip("26.3")
    assert newer.reads(tag)
    unread = OwnPip(pip).unread(tag)
    assert unread is None or not OwnPip(pip).knows(unread)
    assert unread is None or OwnPip(unread.pip).unread(tag) in {None, *readings()["tags"]} - {
        unread
    }


def test_what_comes_with_a_python_is_said() -> None:
    assert OwnPip("18.1", "CPython 3.6").is_assumed
    assert not OwnPip("18.1").is_assumed


@pytest.mark.parametrize("version", ["", "new", "18.x", "pip 18.1"])
def test_a_pip_has_a_version(version: str) -> None:
    with pytest.raises(ValueError, match=version or "^$"):
        OwnPip(version)


def test_each_reading_has_its_source() -> None:
    for each in chain.from_iterable(readings().values()):
        assert all((each.what, each.then, each.source)), each
        assert each.tags or each not in readings()["tags"]


def test_the_page_has_every_reading() -> None:
    page = PAGE.read_text("utf-8")
    for each in chain.from_iterable(readings().values()):
        since = each.pip or "every pip"
        since += f", and before {each.but_not}" if each.but_not else ""
        assert f"| {each.what} | {since} | {each.then} | {each.source} |\n" in page
    for interpreter, row in tomllib.loads(CATALOG.read_text("utf-8"))["ensurepip"].items():
        python = f"{interpreter[2]}.{interpreter[3:]}"
        assert f"| {python} | {row['pip']} | {row['seen']} |\n" in page
