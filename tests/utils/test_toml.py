"""TOML that is read, written, and pointed at."""

from __future__ import annotations

import tomllib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.errors import Location
from wheeltarget.utils.toml import fault_at, parse_toml, syntax_fault, syntax_place, toml_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tables = st.recursive(
    texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, tables, max_size=4))
def test_toml_written_is_read_as_it_was(table: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_values_that_toml_does_not_have() -> None:
    with pytest.raises(TypeError, match="float cannot be written as TOML"):
        toml_text({"x": [1.5]})


DOCUMENT = """\
lock-version = "1.0"

[[packages]]
name = "a"
wheels = [
    {name = "one", hashes = {sha256 = "1"}},
    {name = "two", hashes = {sha256 = "2"}},
]

[[packages]]
name = "b"
[packages.archive]
size = "big"
"""


@pytest.mark.parametrize(
    ("path", "line", "column", "width"),
    [
        ("", 1, 1, 1),
        ("lock-version", 1, 1, 12),
        ("packages[0].name", 4, 1, 4),
        ("packages[0].wheels[1].name", 7, 6, 4),
        ("packages[1].name", 11, 1, 4),
        ("packages[1].archive.size", 13, 1, 4),
        ("packages[1].absent", 10, 1, 12),
        ("absent", 1, 1, 1),
    ],
)
def test_place_of_a_value(path: str, line: int, column: int, width: int) -> None:
    fault = fault_at("f", DOCUMENT, path, "message")
    assert (fault.location, fault.width) == (Location("f", line, column), width)
    assert fault.source == DOCUMENT.splitlines()[line - 1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = 1\nb = ?", Location("f", 2, 5)),
        ("a = 1\na = 2", Location("f", 2, 6)),
        ("a = 1\nb = ", Location("f", 2, 4)),
    ],
)
def test_syntax_error_quotes_nothing(text: str, place: Location) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        parse_toml(text)
    fault = syntax_fault("f", text, caught.value)
    assert (fault.location, fault.source) == (place, "")
    assert "line" in syntax_place(caught.value)


def test_key_with_too_many_parts() -> None:
    with pytest.raises(ValueError, match="too many parts"):
        parse_toml("a." * 200 + "b = 1")


@pytest.mark.parametrize(
    "text",
    ["a = " + "9" * 5000, "a = [1, 0x" + "f" * 5000 + "]", "a = { b = 0b" + "1" * 20_000 + " }"],
    ids=["decimal", "hexadecimal", "binary"],
)
def test_number_with_thousands_of_digits(text: str) -> None:
    """Python could not write the second and the third in any message."""
    with pytest.raises(ValueError, match=r"^a number has too many digits$"):
        parse_toml(text)


def test_text_like_a_number() -> None:
    assert parse_toml(f'a = "0x{"f" * 5000}"') == {"a": "0x" + "f" * 5000}


@pytest.mark.parametrize("text", ["[" * 3000, "{ a = " * 3000], ids=["lists", "tables"])
def test_value_nested_too_deeply(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
        parse_toml(f"a = {text}")


@pytest.mark.parametrize(
    "key",
    ['"\\"".' * 100, "'a'. " * 100, "x = {" + "a." * 100, "[" + "a." * 100],
    ids=["escapes", "literals", "inline", "header"],
)
def test_key_with_too_many_parts_of_any_kind(key: str) -> None:
    with pytest.raises(ValueError, match="too many parts"):
        parse_toml(f"{key}b = 1")


def test_faults_in_one_line_share_it() -> None:
    text = "a = [" + "{ b = 1 }, " * 1000 + "]"
    faults = [fault_at("f", text, f"a[{number}].b", "message") for number in (1, 998)]
    assert faults[0].source is faults[1].source
    assert [fault.location and fault.location.column for fault in faults] == [19, 10986]
