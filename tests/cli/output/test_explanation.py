"""Explanations as text; whole ones are in ``tests/resolver/explanations``."""

from __future__ import annotations

import pytest
from packaging.version import Version

from wheeltarget.cli.output.explanation import explanation_lines, span, suggestion_lines
from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.explanation import Explanation
from wheeltarget.targets.catalog import look_up_tag

TAGS = ("cp39-cp39-win32", "cp310-cp310-win32")


def explanation(tag: str, *suggestions: tuple[str, str]) -> Explanation:
    demand = Demand("lib", "lib", "==2", "", (), (), "", "", lacks_hash=True)
    return Explanation((demand,), look_up_tag(tag), (), suggestions=suggestions)


@pytest.mark.parametrize(
    ("versions", "text"),
    [(["1"], "1"), (["3", "2", "1"], "1 to 3"), (["2.0rc1", "1.0"], "1.0 to 2.0rc1")],
)
def test_span(versions: list[str], text: str) -> None:
    assert span([Version(each) for each in versions]) == text


def test_same_problem_of_several_targets_is_written_once() -> None:
    lines = list(explanation_lines([explanation(tag) for tag in TAGS]))
    assert len(lines) == len(set(lines))
    assert f"    for {', '.join(TAGS)}" in lines


def test_suggestions_are_in_columns_and_a_long_one_has_a_line_of_its_own() -> None:
    long = f"lib --hash=sha256:{'0' * 64}"
    found = explanation(TAGS[0], ("lib<2", "takes 1.0"), ("library", "another name"), (long, "x"))
    assert list(suggestion_lines(found)) == [
        "  to fix it, use one of these:",
        "    lib<2    takes 1.0",
        "    library  another name",
        f"    {long}",
        "        x",
    ]
    assert not list(suggestion_lines(explanation(TAGS[0])))
