"""Messages between parent and child: written and read again, and refused if anything is amiss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget import pip_protocol
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_protocol import (
    SCHEMA,
    Contents,
    FetchReport,
    JobReport,
    JobStart,
    Message,
    PipMoved,
    PlainRun,
    ReadFiles,
    from_json,
    read_message,
    to_json,
    write_message,
)

KINDS: tuple[Any, ...] = get_args(Message)
TEXTS = st.text(max_size=8)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Path: st.builds(Path, st.text("ab./-é", max_size=8)),
    type(None): st.none(),
}


def values(wanted: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a type, from its annotation alone."""
    if isinstance(wanted, type) and is_dataclass(wanted):
        return st.builds(wanted, **{each.name: values(each.type) for each in fields(wanted)})
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is UnionType:
        return st.one_of(*map(values, arguments))
    if origin is tuple and arguments[1:] == (...,):
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if origin is Mapping:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    return PLAIN[wanted]


def test_every_class_of_the_protocol_is_part_of_a_message() -> None:
    reached: set[Any] = set()

    def reach(wanted: Any) -> None:
        if is_dataclass(wanted) and wanted not in reached:
            reached.add(wanted)
            for each in fields(wanted):
                reach(each.type)
        for each in get_args(wanted):
            reach(each)

    reach(Message)
    assert {each for each in vars(pip_protocol).values() if is_dataclass(each)} == reached


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_message_is_the_same_after_writing_and_reading(kind: Any, data: st.DataObject) -> None:
    message = data.draw(values(kind))
    read = from_json(to_json(message), *KINDS)
    assert read == message
    assert type(read) is kind


def test_message_is_the_same_in_a_file(tmp_path: Path) -> None:
    message = Contents({"https://example.invalid/ü": "ä\r\n\x00"}, {})
    write_message(tmp_path / "result.json", message)
    assert read_message(tmp_path / "result.json", Contents) == message
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


RUN = PlainRun(("app",), {"a.txt": "app"}, observed=False)

START = JobStart(Path("job.json"), None, None)


def changed(message: Any = RUN, **changes: object) -> str:
    """Return a message in which some fields have other values; those with ... are left out."""
    data = {**json.loads(to_json(message)), **changes}
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "Expecting value", id="nothing"),
        pytest.param(to_json(RUN)[:-1], "delimiter", id="cut-off"),
        pytest.param("[]", "schema", id="list"),
        pytest.param("[" * 100_000, "recursion", id="deep"),
        pytest.param(b"\xff\xfe\xfa", "decode", id="bytes"),
        pytest.param(changed(schema=SCHEMA + 1), "schema", id="later-schema"),
        pytest.param(changed(schema=...), "schema", id="no-schema"),
        pytest.param(changed(kind=...), "kind None", id="no-kind"),
        pytest.param(changed(kind="Sing"), "kind 'Sing'", id="unknown-kind"),
        pytest.param(changed(kind=["PlainRun"]), "kind", id="kind-is-a-list"),
        pytest.param(to_json(ReadFiles((), ())), "kind 'ReadFiles'", id="other-kind"),
        pytest.param(changed(colour="red"), "colour", id="unknown-field"),
        pytest.param(changed(observed=...), "observed", id="missing-field"),
        pytest.param(changed(arguments=None), "None is not of type list", id="none-for-a-list"),
        pytest.param(changed(arguments="app"), "not of type list", id="text-for-a-list"),
        pytest.param(changed(arguments=[1]), "1 is not of type str", id="number-for-a-text"),
        pytest.param(changed(files=["a"]), "not of type dict", id="list-for-an-object"),
        pytest.param(changed(files={"a": None}), "not of type str", id="none-for-a-text"),
        pytest.param(changed(observed=1), "1 is not of type bool", id="number-for-a-bool"),
        pytest.param(changed(START, job_file=1), "1 is not of type str", id="number-for-a-path"),
        pytest.param(
            changed(PipMoved("s"), sentence=True), "not of type str", id="bool-for-a-text"
        ),
        pytest.param(
            changed(JobReport(1, "all"), exit_code=True), "not of type int", id="bool-for-an-int"
        ),
        pytest.param(
            changed(JobReport(1, "all"), exit_code=1.0), "not of type int", id="float-for-an-int"
        ),
        pytest.param(
            changed(JobReport(1, "all"), fresh_until="1"), "not of type float", id="no-float"
        ),
        pytest.param(changed(JobReport(1, "all"), failure={}), "in Failure: ", id="nested-object"),
        pytest.param(
            changed(JobReport(1, "all"), failure={"demands": [], "files": [["a"]]}),
            "in Failure: ",
            id="nested-missing",
        ),
        pytest.param(
            changed(FetchReport(0, ()), failures=[[]]), "not of type dict", id="nested-list"
        ),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str | bytes, reason: str) -> None:
    with pytest.raises(PipMovedError) as caught:
        from_json(text, PlainRun, JobReport, FetchReport, PipMoved, JobStart)
    assert reason in caught.value.message
    assert "nothing was saved: run this again" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 70


def test_pair_is_refused_that_has_not_two_values() -> None:
    lists = {"demands": [], "files": [["app", [], 3]], "places": [], "unseen": []}
    failure = {**lists, "mismatch": None}
    with pytest.raises(PipMovedError, match="does not have 2 values"):
        from_json(changed(JobReport(1, "all"), failure=failure), JobReport)
