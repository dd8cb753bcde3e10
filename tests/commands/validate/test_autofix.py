"""Safe corrections as edits of a line: laws for every line, and what is left to the user."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.commands.validate.autofix import (
    Edit,
    apply_edits,
    clause_edits,
    head_of,
    layout_edits,
    leave_out,
)
from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.annotations import parse_line

W = "cp39-cp39-win32"
X = "cp310-cp310-win_amd64"

_VALUES = st.lists(st.sampled_from([W, X, W.upper()]), min_size=1, max_size=4)
_CLAUSES = st.lists(_VALUES, min_size=1, max_size=3)
_SPACE = st.sampled_from(["", " ", "  "])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Return a line with valid clauses, laid out in any way."""
    text = "x==1"
    for number, values in enumerate(draw(_CLAUSES)):
        mark = draw(st.sampled_from([";", " ;"])) if number else f"{draw(_SPACE)};"
        listed = f"{draw(_SPACE)},{draw(_SPACE)}".join(values)
        text += f"{mark}{draw(_SPACE)}tags{draw(_SPACE)}={draw(_SPACE)}{listed}"
    return text


@given(st.text(), st.text(), st.text(min_size=1), st.text())
def test_edits_replace_their_part_alone(start: str, old: str, end: str, new: str) -> None:
    edit = Edit(len(start), len(start) + len(old), new)
    after = Edit(len(start + old + end), len(start + old + end), "!")
    assert apply_edits(start + old + end, [after, edit]) == f"{start}{new}{end}!"


@given(lines())
def test_layout_is_right_after_it_was_corrected(text: str) -> None:
    laid_out = apply_edits(text, layout_edits(parse_line(text)))
    assert layout_edits(parse_line(laid_out)) == ()
    old, new = parse_line(text), parse_line(laid_out)
    assert [str(clause) for clause in new.clauses] == [str(each).lower() for each in old.clauses]
    assert new.requirement == old.requirement


@given(lines(), st.data())
def test_values_are_left_out_and_no_others(text: str, data: st.DataObject) -> None:
    line = parse_line(text)
    values = [value for clause in line.clauses for value in clause.values]
    if len(values) == 1:
        return
    index = data.draw(st.integers(1, len(values) - 1))  # never the first of a line
    ((edit,),) = leave_out(line, [values[index]]).values()
    left = parse_line(apply_edits(text, [edit]))
    kept = [value.text for clause in left.clauses for value in clause.values]
    assert kept == [value.text for number, value in enumerate(values) if number != index]


@given(lines())
def test_head_of_a_clause(text: str) -> None:
    for clause in parse_line(text).clauses:
        mark, key = head_of(text, clause)
        assert text[mark] == ";"
        assert text[mark + 1 : key].strip() == ""
        assert text[key:].startswith(clause.key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x ; tag={W}", f"x ; tags={W}"),
        (f"x ; tags={W} {X}", f"x ; tags={W},{X}"),
        (f"x ; tags={W} ; os_name == 'nt'", f"x ; os_name == 'nt' ; tags={W}"),
        (f"-e ./x ; tags={W}", f"-e ./x # tags={W}"),
        (f"x ; tag={W} and more", ""),
        (f"x ; tag={W} ; tags=", ""),
        ("x ; tags=", ""),
    ],
)
def test_clause_with_one_possible_meaning_is_corrected(text: str, expected: str) -> None:
    with pytest.raises(AnnotationError) as raised:
        parse_line(text)
    edits = clause_edits(text, raised.value)
    assert (apply_edits(text, edits) if edits else "") == expected
