"""Specifiers; those from before PEP 440 are held against what the last pips that read them did."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

from tests.support.cli import download, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.targets.specifiers import (
    is_pin,
    modern_requirement,
    modern_specifiers,
    reads_legacy,
    takes_prereleases,
)


def is_modern(text: str) -> bool:
    try:
        Specifier(text)
    except InvalidSpecifier:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pytz (>=2011k)", "pytz (>2011)"),
        ("pytz (>dev)", "pytz "),
        ("PyYAML (>=5.1.*)", "PyYAML (>=5.1)"),
        ("extract-msg (<=0.29.*)", "extract-msg (<0.29)"),
        ("a<2.x,>=1.0", "a<=2,>=1.0"),
        ("a[b, c] >1.* ; python_version < '3'", "a[b, c] >=1; python_version < '3'"),
        ("a!=1.x", "a"),
        ("a==1.x", "a===1.x"),
        ("a<dev", "a===dev"),
        ("a>=1.0<2.0", "a>=1.0"),
        ("a>=v1.x", "a>1"),
    ],
)
def test_old_words(text: str, said: str) -> None:
    assert modern_requirement(text, is_modern) == said
    Requirement(said)


@pytest.mark.parametrize(
    "text",
    ["a", "a>=1,!=2.*", "a (>=1)", "a @ https://x/a>=1.*.whl", "a ; x >= '1.*'", "a[b]", "a~=1.*"],
)
def test_modern_words_stay(text: str) -> None:
    assert modern_requirement(text, is_modern) == text


def test_requires_python() -> None:
    assert modern_specifiers(">=3.6.*", is_modern) == ">=3.6"
    assert modern_specifiers(">=2.7, !=3.0.*, <4.*", is_modern) == ">=2.7, !=3.0.*,<4"
    assert modern_specifiers(">=3.6", is_modern) == ">=3.6"


@pytest.mark.parametrize(
    ("python", "reads"), [("2.7.18", True), ("3.7.17", True), ("3.8.20", False), ("3.13.1", False)]
)
def test_pips_that_read_them(python: str, reads: bool) -> None:
    assert reads_legacy(python) is reads


# The old rules for a release and a version that is none, compared part by part.
def _old_key(version: str) -> tuple[str, ...]:
    arguments = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}
    parts: list[str] = []
    pieces = [p for p in re.split(r"(\d+|[a-z]+|\.|-)", version.lower()) if p and p != "."]
    for piece in [*pieces, "final"]:
        part = piece.zfill(8) if piece[0].isdigit() else f"*{arguments.get(piece, piece)}"
        if part.startswith("*"):
            if part < "*final":
                while parts and parts[-1] == "*final-":
                    parts.pop()
            while parts and parts[-1] == "00000000":
                parts.pop()
        parts.append(part)
    return tuple(parts)


_COMPARE: dict[str, Callable[[tuple[str, ...], tuple[str, ...]], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@given(
    operator=st.sampled_from(sorted(_COMPARE)),
    numbers=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    end=st.sampled_from([".*", "k", "x", ".x", ".beta.x", "-dev.x", "q3"]),
    release=st.lists(st.integers(1, 30), min_size=1, max_size=4),
)
def test_the_cut_is_where_the_old_rules_have_it(
    operator: str, numbers: list[int], end: str, release: list[int]
) -> None:
    """For final releases: of these the metadata speaks."""
    version = ".".join(map(str, numbers)) + end
    final = ".".join(map(str, release))
    said = modern_specifiers(operator + version, is_modern)
    if said == operator + version:
        return  # PEP 440 knows it, too
    expected = _COMPARE[operator](_old_key(final), _old_key(version))
    assert SpecifierSet(said).contains(final) is expected


@pytest.mark.seams
@pytest.mark.parametrize(
    ("tag", "app"),
    [("cp37-cp37m-win_amd64", "2.0"), ("cp38-cp38-win_amd64", "1.0")],
    ids=["read", "passed over"],
)
def test_a_release_whose_metadata_only_old_pips_read(
    tmp_path: Path, index: LocalIndex, tag: str, app: str
) -> None:
    folder = tmp_path / "index"
    make_wheel(folder, "app", "1.0")
    make_wheel(folder, "app", "2.0", requires=["lib (<2.*)"])
    make_wheel(folder, "lib", "1.5")
    make_wheel(folder, "lib", "2.0")
    result = download(index, f"app ; tags={tag}", cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    expected = [f"app-{app}-py3-none-any.whl"]
    expected += ["lib-1.5-py3-none-any.whl"] if app == "2.0" else []
    assert names(tmp_path / "wheelhouse") == expected


@pytest.mark.seams
@pytest.mark.parametrize("metadata", [True, False], ids=["page", "wheel"])
def test_requires_python_that_only_old_pips_read(
    tmp_path: Path, index: LocalIndex, metadata: bool
) -> None:
    make_wheel(tmp_path / "index", "app", "1.0")
    newer = make_wheel(tmp_path / "index", "app", "2.0", requires_python=">=3.8.*")
    if not metadata:
        # The page says nothing of it, so that pip learns it from the wheel.
        page = f'<a href="/files/{newer.name}">{newer.name}</a>'
        older = "app-1.0-py3-none-any.whl"
        page += f'<a href="/files/{older}">{older}</a>'
        index.add_file("/simple/app/", page.encode(), "text/html")
    result = download(index, "app ; tags=cp37-cp37m-win_amd64", cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert names(tmp_path / "wheelhouse") == ["app-1.0-py3-none-any.whl"]


@pytest.mark.seams
def test_an_extra_that_nobody_asks_for_may_ask_for_the_unknown(
    tmp_path: Path, index: LocalIndex
) -> None:
    extra = 'lib ; extra == "more" and platform_release >= "5"'
    make_wheel(tmp_path / "index", "app", extras=["more"], requires=[extra])
    make_wheel(tmp_path / "index", "lib")
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    assert download(index, f"app ; tags={tag}", cwd=tmp_path).exit_code == 0
    result = download(index, f"app[more] ; tags={tag}", cwd=tmp_path, destination="other")
    assert result.exit_code == 1
    assert "lib, required by app 1.0: its marker" in result.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("==1", True),
        ("===1.*", True),
        (">=1,==1.5", True),
        ("==1.*", False),
        ("~=1.0", False),
        ("", False),
    ],
)
def test_is_pin(text: str, pinned: bool) -> None:
    assert any(map(is_pin, SpecifierSet(text))) is pinned


@pytest.mark.parametrize(
    ("specifiers", "python37", "python38", "python39"),
    [
        ("", None, None, None),
        (">=0.7", False, False, None),
        ("~=0.7,!=0.7.1a1", False, False, None),
        ("==0.7.*", False, False, None),
        ("===2011k", False, False, None),
        ("<0.8a1", False, True, True),
        (">0.7.dev1,!=0.9", False, True, True),
        (">=0.7a1", True, True, True),
        (">=0.5,<=0.7rc1", True, True, True),
        ("==0.7.dev2", True, True, True),
        ("===0.7b1", True, True, True),
    ],
)
def test_takes_prereleases(
    specifiers: str, python37: bool | None, python38: bool | None, python39: bool | None
) -> None:
    given = SpecifierSet(specifiers)
    pythons = {"2.7.18": python37, "3.7.17": python37, "3.8.20": python38, "3.9.25": python39}
    for python, expected in pythons.items():
        assert takes_prereleases(python, given) is expected, python
