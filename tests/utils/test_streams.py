"""Characters that a stream cannot encode."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.utils.streams import as_written, escape_unencodable

ENCODINGS = st.sampled_from(["ascii", "cp1252", "utf-8", "utf-16", "shift-jis"])
texts = st.text(st.characters(codec=None) | st.sampled_from("é日\U0001f600\udcff…"), max_size=20)


@given(ENCODINGS, st.sampled_from(["strict", "surrogateescape"]), texts)
def test_every_text_is_written(encoding: str, errors: str, text: str) -> None:
    data = io.BytesIO()
    out = io.TextIOWrapper(data, encoding=encoding, errors=errors, newline="")
    escape_unencodable(out, None)
    out.write(text)
    out.flush()
    written = data.getvalue().decode(encoding)
    assert written == as_written(text, out)
    if text.isascii():
        assert written == text


@pytest.mark.parametrize("errors", ["replace", "ignore", "xmlcharrefreplace"])
def test_a_handler_that_never_fails_is_kept(errors: str) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors)
    escape_unencodable(out)
    assert out.errors == errors


def test_other_streams_are_left() -> None:
    escape_unencodable(io.StringIO(), None)
    assert as_written("é\udcff", io.StringIO()) == "é\\udcff"
