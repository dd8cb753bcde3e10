"""Rules are read as git reads them; git itself is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheeltarget.commands.bundle.ignore import Rule, read_rules

ATOMS = [
    "a",
    "b",
    "ab",
    "*",
    "?",
    "**",
    "[ab]",
    "[!a]",
    "[^a]",
    "[a-b]",
    "\\*",
    "\\a",
    "a*b",
    "*.b",
]
NAMES = ["a", "b", "ab", "aab", "a.b", "*", "!a", "#a", "a ", "x"]

lines = st.builds(
    lambda negated, start, parts, end: f"{negated}{start}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "!", "\\!", "#", "\\#"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from([*ATOMS, "a?", "**a", "***"]), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "\\ ", "/**", "\r"]),
)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)


def decide(rules: Sequence[Rule], path: Sequence[str], *, is_folder: bool) -> bool:
    fitting = [rule for rule in rules if rule.fits(path, is_folder=is_folder)]
    return bool(fitting) and fitting[-1].leaves_out


def leaves_out(rules: Sequence[Rule], path: Sequence[str]) -> bool:
    """Return whether a file, or a folder that it is in, is left out."""
    above = range(1, len(path))
    return any(decide(rules, path[:depth], is_folder=True) for depth in above) or decide(
        rules, path, is_folder=False
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@settings(max_examples=40, deadline=None)
@given(st.lists(lines, min_size=1, max_size=5), st.lists(paths, min_size=1, max_size=12))
def test_as_git(text: list[str], files: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        ask = ["git", "-c", "core.excludesFile=", "-c", "core.ignoreCase=false"]
        nothing = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "init", "-q", name], env=nothing, check=True)
        Path(name, ".gitignore").write_bytes("\n".join(text).encode())
        done = subprocess.run(
            [*ask, "check-ignore", "--no-index", "-z", "--stdin"],
            cwd=name,
            env=nothing,
            input="\0".join("/".join(each) for each in files),
            capture_output=True,
            text=True,
            check=False,
        )
    rules = list(read_rules("\n".join(text).split("\n"), (), "{}"))
    found = {"/".join(each) for each in files if leaves_out(rules, each)}
    assert found == set(done.stdout.split("\0")) - {""}, done.stderr


@pytest.mark.parametrize(
    ("line", "path", "fits"),
    [
        ("*.py", "a/b.py", True),
        ("/*.py", "a/b.py", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**", "a", False),
        ("**/a/b", "x/y/a/b", True),
        ("[]]", "]", True),
        ("[a", "[a", True),
        ("\\[a]", "[a]", True),
        ("\\!a", "!a", True),
        ("a\\ ", "a ", True),
        ("A", "a", False),
    ],
)
def test_one_rule(line: str, path: str, fits: bool) -> None:
    (rule,) = read_rules([line], (), "{}")
    assert rule.fits(path.split("/"), is_folder=False) is fits


def test_base_and_origin() -> None:
    rules = list(read_rules(["# x", "", "a/", "b "], ("x", "y"), "f:{}"))
    assert [rule.origin for rule in rules] == ["f:3", "f:4"]
    assert rules[1].fits(("x", "y", "z", "b"), is_folder=False)
    assert not rules[1].fits(("x", "b"), is_folder=False)
    assert not rules[0].fits(("x", "y", "a"), is_folder=False)


def test_time_is_linear() -> None:
    (rule,) = read_rules(["*a" * 300 + "b"], (), "{}")
    start = time.monotonic()
    assert not rule.fits(["a" * 250] * 40, is_folder=False)
    (rule,) = read_rules(["**/a/" * 200 + "b"], (), "{}")
    assert not rule.fits(["a"] * 1000, is_folder=False)
    assert time.monotonic() - start < 2
