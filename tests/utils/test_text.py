"""Text from outside, without credentials and control characters."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.utils.text import json_text, printable, redact, visible

texts = st.text(st.characters() | st.sampled_from(":/@?# \x1b\n"), max_size=40)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host/a@b", "https://*********@host/a@b"),
        ("git+ssh://p@ss@host/x https://host/", "git+ssh://****@host/x https://host/"),
        ("https://host/?q=a@b", "https://host/?q=a@b"),
        ("mail me@host", "mail me@host"),
    ],
)
def test_credentials_are_replaced(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(texts)
def test_places_in_a_text_stay(text: str) -> None:
    assert len(redact(text)) == len(printable(text)) == len(text)
    assert redact(redact(text)) == redact(text)


@given(texts)
def test_no_control_characters_are_left(text: str) -> None:
    assert not [each for each in printable(text) if each not in "\t\n" and ord(each) < 32]
    assert visible(text).isprintable()


def test_long_text_is_shortened() -> None:
    assert visible("x" * 2000) == "x" * 1000 + "…"


def test_json_is_read_as_it_was() -> None:
    document = {"é": [1, None], "url": "https://me:secret@host/"}
    assert json.loads(json_text(document)) == {"é": [1, None], "url": "https://*********@host/"}


@pytest.mark.parametrize("name", ["caf\udce9", "\ud800\udc00", "plain"])
def test_name_that_is_not_utf8_is_written_as_json(name: str) -> None:
    text = json_text({"path": name})
    assert json.loads(text.encode()) == {"path": json.loads(json.dumps(name))}
