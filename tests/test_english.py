"""Messages and help are plain English: some phrases must not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wheeltarget
from tests.support import cli
from wheeltarget.cli.app import SUBVERBS, VERBS

pytestmark = pytest.mark.thorough

HOME = Path(wheeltarget.__file__).parent

PHRASES = {
    r"\bwords?\b": "argument, command line, text",
    r"\b(told|says so)\b": "reported, named",
    r"\b(is|are) none\b": "does not exist, is not a …",
    r"\bthat (there )?(is|are) not\b": "does not exist, unknown",
    r"(?<!there )\bis no (?!(longer|larger|newer|older)\b)": "is not a …",
    r"\bhas not (one|a|any)\b": "does not have",
    r"\b(parts|brings|plays) (nothing|no part)\b": "has no effect",
    r"\b(cannot|can|to) be had\b": "is not available, cannot be combined with",
    r"\b(nobody|somebody|whoever|whichever|whatever)\b": "the user, another process, a file",
    r"\bwould do\b": "fits",
    r"\bwhat (it|pip) said\b": "the output",
    r"\b(stands|stand) (behind|there|in it)\b": "follows, is",
    r"\b(beforehand|anew|hereof|thereof|likewise)\b": "again, also",
}
"""What must not come back, as patterns, and what to write instead."""

PIP_HELP = "All options of pip download:"
"""What stands above pip's own help in ours."""

COMMANDS = [(verb,) for verb in VERBS] + [
    *(("cache", each) for each in ("dir", "info", "prune", "clear")),
    *(tuple(verb.split()) for verb in SUBVERBS),
]


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each string that could be part of a message.

    These are all strings of more than one word, except for docstrings. What a message is made of
    is often in a variable first, so a smaller choice would miss some.
    """
    skipped = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text:
            yield node.lineno, text


def found_in(text: str) -> list[str]:
    """Return the phrases that a text has, each with what to write instead."""
    plain = re.sub(r"[\s│]+", " ", text)
    return [
        f"{match[0]!r} in {plain!r}: write {instead}"
        for pattern, instead in PHRASES.items()
        for match in [re.search(pattern, plain, re.IGNORECASE)]
        if match
    ]


MODULES = {
    ".".join(path.relative_to(HOME).with_suffix("").parts): path
    for path in sorted(HOME.rglob("*.py"))
}
"""The path of each module, by its name below ``wheeltarget``."""


@pytest.mark.parametrize("name", MODULES)
def test_messages_are_plain(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    assert [f"line {n}: {each}" for n, text in texts(tree) for each in found_in(text)] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_plain(command: tuple[str, ...], tmp_path: Path) -> None:
    result = cli.wheeltarget(*command, "--help", cwd=tmp_path, variables={"COLUMNS": "200"})
    ours, _, pips = result.stdout.partition(PIP_HELP)
    assert bool(pips) == (" ".join(command) in {"download", "lock", "explain", "bundle", "pack"})
    assert f"Usage: wheeltarget {' '.join(command)}" in ours
    assert found_in(ours) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise UsageError(f"{name} is no folder", "name one")',
        'message = f"this requirement of {count} characters is none"',
        'HINT = "what pip said is above"',
        'f(help="Extra words for pip.")',
        'yield f"{a} and " f"so it is told in a note"',
    ],
)
def test_phrases_are_found(source: str) -> None:
    assert [each for _, text in texts(ast.parse(source)) for each in found_in(text)]


@pytest.mark.parametrize(
    "source",
    [
        '"""Say what is none in words."""',
        'x = f"{name} is no longer supported; there is no folder {folder}"',
        'f(words="told")',
    ],
)
def test_other_texts_are_not(source: str) -> None:
    assert not [each for _, text in texts(ast.parse(source)) for each in found_in(text)]
