"""What ``--index`` and the table of a project say, and what is wrong with it."""

from __future__ import annotations

import itertools
import re
from fnmatch import translate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.errors import Fault, InputError
from wheeltarget.pip_config.project_indexes import (
    ProjectIndex,
    ProjectIndexes,
    _are_ambiguous,
    is_project_index,
    read_indexes,
)
from wheeltarget.targets.names import IndexTable, Projects

HOME = Path("/home/me")
PATTERNS = st.text(alphabet="ab-*?", min_size=1, max_size=5)


def read(*values: str, table: IndexTable | None = None) -> dict[str, str]:
    """Read values in a folder in which only ``simple`` is a folder; return URLs by pattern."""
    found = read_indexes(values, table, HOME, lambda path: path.endswith("simple"))
    return dict(found.pairs)


def faults(*values: str, table: IndexTable | None = None) -> tuple[Fault, ...]:
    """Return what is wrong."""
    with pytest.raises(InputError) as caught:
        read(*values, table=table)
    return caught.value.faults


def project(folder: Path, text: str) -> IndexTable | None:
    """Write a pyproject.toml, and return its table."""
    (folder / "pyproject.toml").write_text(text)
    return Projects().index_table(folder)


@pytest.mark.parametrize(
    ("value", "ours"),
    [
        ("acme=https://a.invalid/simple", True),
        ("acme-*=../simple", True),
        ("acme=", True),
        ("=https://a.invalid", True),
        ("a b=c", True),
        ("https://a.invalid/simple", False),
        ("https://a.invalid/simple?x=y", False),
        ("https://me:a=b@a.invalid/simple", False),
        ("file:///home/a=b/simple", False),
        ("./a=b/simple", False),
        (r"C:\a=b", False),
        ("simple", False),
        ("", False),
    ],
)
def test_whose_value_it_is(value: str, ours: bool) -> None:
    assert is_project_index(value) is ours


@pytest.mark.parametrize(
    ("value", "pair"),
    [
        ("Acme_Core=https://a.invalid/s", ("acme-core", "https://a.invalid/s")),
        ("acme.* = http://me:x=y@a.invalid:8080/s/", ("acme-*", "http://me:x=y@a.invalid:8080/s/")),
        ("torch=../simple", ("torch", "file:///home/simple")),
        ("torch=file:simple", ("torch", "file:///home/me/simple")),
        ("torch=file:///srv/simple", ("torch", "file:///srv/simple")),
    ],
)
def test_values(value: str, pair: tuple[str, str]) -> None:
    assert read(value) == dict([pair])


@pytest.mark.parametrize(
    ("value", "column", "width", "message"),
    [
        ("acme=", 6, 1, "the URL of the index is missing"),
        ("=https://a.invalid", 1, 1, "the name of a project is missing"),
        ("**=https://a.invalid", 1, 2, "** would take every project from this index"),
        ("acme>1=https://a.invalid", 1, 6, "'acme>1' is a requirement, and not the name of"),
        ("acme= gopher://a.invalid", 7, 18, "gopher: is not the beginning of an index's URL"),
        ("acme=https://a.invalid/x y", 6, 21, "the URL of the index has white space in it"),
        ("acme=https:/a", 6, 8, "the URL of the index has no host"),
        ("acme=https://[a/", 6, 11, "this is not a valid URL"),
        ("acme=https://a.invalid:x/", 6, 20, "this is not a valid URL"),
        ("acme=https://a.invalid/?a", 6, 20, "the URL of an index has neither a query nor"),
        ("acme=https://${TOKEN}@a.invalid/", 6, 27, "environment variables are not expanded"),
        ("acme=missing", 6, 7, f"the folder {HOME}/missing does not exist"),
    ],
)
def test_wrong_values(value: str, column: int, width: int, message: str) -> None:
    (fault,) = faults(value)
    assert fault.location is not None
    assert (fault.location.file, fault.location.line) == ("--index", 1)
    assert (fault.location.column, fault.width, fault.source) == (column, width, value)
    assert fault.message.startswith(message)


def test_all_faults_are_reported() -> None:
    found = faults("a b=ftp://x", "acme=", "a=https://a.invalid")
    assert [fault.location and fault.location.line for fault in found] == [1, 1, 2]


def test_two_indexes_of_a_project() -> None:
    (fault,) = faults("acme-core=https://a.invalid", "Acme.Core=https://b.invalid")
    assert fault.message == "acme-core has two indexes"
    assert fault.location is not None
    assert fault.location.line == 2
    assert read("a=https://a.invalid", "A=https://a.invalid") == {"a": "https://a.invalid"}


def test_the_most_specific_one_counts() -> None:
    urls = [f"https://{name}.invalid" for name in "abcd"]
    patterns = ["acme-*", "*", "acme-core", "acme-c*"]
    rows = [ProjectIndex(*each) for each in zip(patterns, urls, strict=True)]
    for some in itertools.permutations(rows):
        indexes = ProjectIndexes(some)
        named = [indexes.find(name) for name in ("acme-core", "acme-cli", "acme-x", "x")]
        assert [each and each.pattern for each in named] == ["acme-core", "acme-c*", "acme-*", "*"]
    (fault,) = faults("acme-*=https://a.invalid", "*-core=https://b.invalid")
    assert fault.message == "acme-* and *-core can match the same project"
    assert len(read("acme-*=https://a.invalid", "x-*-core=https://b.invalid")) == 2


@given(one=PATTERNS, other=PATTERNS, texts=st.lists(st.text(alphabet="ab-", max_size=6)))
def test_ambiguous_globs(one: str, other: str, texts: list[str]) -> None:
    def both(text: str) -> bool:
        return all(re.match(translate(each), text) for each in (one, other))

    every = map("".join, itertools.product("ab-", repeat=3))
    if any(map(both, [*texts, *every])) and _are_ambiguous(f"{one}*", f"{other}*") is False:
        literals = [len(re.sub(r"[*?]", "", each)) for each in (one, other)]
        assert literals[0] != literals[1]
    assert _are_ambiguous(one, other) is _are_ambiguous(other, one)


@given(one=PATTERNS, other=PATTERNS)
def test_globs_that_are_not_ambiguous_share_no_name(one: str, other: str) -> None:
    rows = [ProjectIndex(one, "1"), ProjectIndex(other, "2")]
    names = ["".join(each) for n in range(5) for each in itertools.product("ab", repeat=n)]
    if not _are_ambiguous(one, other) and one != other:
        forward, back = ProjectIndexes(tuple(rows)), ProjectIndexes(tuple(rows[::-1]))
        assert [forward.find(name) for name in names] == [back.find(name) for name in names]


class TestTable:
    """The table in pyproject.toml."""

    def test_paths_begin_at_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / "below").mkdir()
        text = "[tool.wheeltarget.indexes]\n'acme-*' = \"simple\"\ntorch = 'https://a.invalid'\n"
        (tmp_path / "pyproject.toml").write_text(text)
        table = Projects().index_table(tmp_path / "below")
        simple = (tmp_path / "simple").as_uri()
        assert read(table=table) == {"acme-*": simple, "torch": "https://a.invalid"}
        assert read("Acme.*=https://b.invalid", table=table)["acme-*"] == "https://b.invalid"

    @pytest.mark.parametrize(
        ("text", "line", "column", "width", "message"),
        [
            ('[tool.wheeltarget.indexes]\n"*" = "https://a"', 2, 2, 1, "* would take"),
            ("[tool.wheeltarget.indexes]\na = 'ftp://a'", 2, 6, 7, "ftp: is not"),
            ("[tool.wheeltarget.indexes]\na = 5", 2, 1, 1, "the index of a is not a text"),
            ("[tool.wheeltarget.indexes]\na = ''", 2, 1, 1, "the URL of the index is missing"),
            ("[tool.wheeltarget.indexes]\na.b = 'x'", 1, 1, 1, "the index of a is not a text"),
            ("[tool.wheeltarget]\nindexes = {a = 7}", 2, 12, 1, "the index of a"),
            ("[tool.wheeltarget]\nindexes.a = 'gone'", 2, 14, 4, "the folder "),
            (
                "[tool.wheeltarget.indexes]\na-b = 'https://a'\na_b = 'https://b'",
                *(3, 1, 3, "a-b has two indexes"),
            ),
        ],
    )
    def test_faults(
        self, tmp_path: Path, text: str, line: int, column: int, width: int, message: str
    ) -> None:
        (fault,) = faults(table=project(tmp_path, text))
        assert fault.location is not None
        assert (fault.location.line, fault.location.column, fault.width) == (line, column, width)
        assert fault.location.file == str(tmp_path / "pyproject.toml")
        assert fault.message.startswith(message)

    @pytest.mark.parametrize("value", ["5", "''", "[]", "['a=b']", "false"])
    def test_something_else(self, tmp_path: Path, value: str) -> None:
        with pytest.raises(InputError, match="indexes must be a table of projects and the URLs"):
            project(tmp_path, f"[tool.wheeltarget]\nindexes = {value}\n")

    def test_too_many(self, tmp_path: Path) -> None:
        lines = "".join(f"a{n} = 'https://a.invalid'\n" for n in range(501))
        (fault,) = faults(table=project(tmp_path, f"[tool.wheeltarget.indexes]\n{lines}"))
        assert fault.message == "there are more than 500 entries"
        assert fault.location is not None
        assert fault.location.line == 502

    def test_none(self, tmp_path: Path) -> None:
        assert project(tmp_path, "[tool.wheeltarget]\ntags = 'x'\n") is None
        assert project(tmp_path, "[tool.wheeltarget.indexes]\n") is None
