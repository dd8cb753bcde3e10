"""Every fault of an annotation has a code, and every code is in the documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import wheeltarget
from tests.support.cli import ROOT
from wheeltarget.commands.validate.codes import CODES

HOME = Path(wheeltarget.__file__).parent
REFUSALS = {"AnnotationError", "TargetError", "_wrong"}
"""The last one is a helper for platforms; its fourth argument is the code."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(HOME.rglob("*.py")):
        yield path.name, ast.parse(path.read_text("utf-8"))


def codes_of(call: ast.Call) -> str:
    """Return the code that a call passes; ``.code`` if it passes that of another refusal."""
    given = {each.arg: each.value for each in call.keywords}.get("code")
    if ast.unparse(call.func) == "_wrong":
        given = call.args[3]
    if isinstance(given, ast.Name) and given.id == "code":
        return ".code"  # in the helper
    if isinstance(given, ast.Constant):
        return str(given.value)
    return ".code" if isinstance(given, ast.Attribute) and given.attr == "code" else ""


def refusals() -> Iterator[tuple[str, str]]:
    """Return the place and the code of each refusal in the sources."""
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in REFUSALS:
                yield f"{name}:{node.lineno}", codes_of(node)


def test_every_refusal_has_a_code() -> None:
    found = list(refusals())
    assert len(found) > 50
    assert [place for place, code in found if code not in {*CODES, ".code"}] == []


def test_a_refusal_without_a_code_is_noticed() -> None:
    calls = ["TargetError('x')", "TargetError('x', code=word)", "TargetError('x', code='WT101')"]
    trees = [ast.parse(call, mode="eval").body for call in calls]
    assert [codes_of(tree) for tree in trees if isinstance(tree, ast.Call)] == ["", "", "WT101"]


def test_every_code_is_used() -> None:
    used = {
        node.value
        for name, tree in sources()
        if name != "codes.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and re.fullmatch(r"WT\d{3}", str(node.value))
    }
    assert used == set(CODES)


def test_codes_are_in_order() -> None:
    written = re.findall(
        r'"(WT\d{3})":', (HOME / "commands" / "validate" / "codes.py").read_text("utf-8")
    )
    assert written == sorted(set(written)) == list(CODES)


def test_documentation_has_them_all() -> None:
    page = (ROOT / "docs" / "validate.md").read_text("utf-8").partition("## Codes\n")[2]
    assert dict(re.findall(r"^\| `(WT\d{3})` \| (.*) \|$", page, re.MULTILINE)) == CODES
