"""Find out whether a repository sorts its requirements files with pre-commit.

requirements-txt-fixer sorts the lines of a file, so a line can leave the default that stands above
it. There is no reader of YAML here: only the lines of that hook are read, as people write them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from wheeltarget.utils.files import PROJECT_FILE, read_regular, working_tree

CONFIGURATION = ".pre-commit-config.yaml"
_HOOK = re.compile(r"(\s*)-\s+id:\s*(['\"]?)requirements-txt-fixer\2\s*(?:#.*)?$")
_PATTERN = re.compile(r"\s*(files|exclude):\s*(?:([|>][+-]?)|(['\"])(.+)\3|(.+?))\s*(?:\s#.*)?$")
_USUAL = r"(requirements|constraints).*\.txt$"
"""The files that the hook takes if the configuration does not say."""


def is_sorted(name: str) -> bool:
    """Return whether the configuration of its repository has requirements-txt-fixer for a file."""
    path = Path(os.path.abspath(name))  # noqa: PTH100 - without following links
    tree = working_tree(path.parent)
    try:
        text = read_regular(tree / CONFIGURATION, PROJECT_FILE).decode() if tree else ""
        return bool(tree) and takes(text, path.relative_to(tree or path).as_posix())
    except (OSError, ValueError, re.error):
        return False  # pre-commit reports it


def takes(text: str, file: str) -> bool:
    """Return whether the hook of a configuration takes a file.

    :param text: the content of the configuration.
    :param file: the path of the file in the repository.
    :raises re.error: if a pattern is not valid.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if match := _HOOK.match(line):
            patterns = {"files": _USUAL, "exclude": "^$"}
            patterns |= _patterns(lines[number + 1 :], len(match[1]))
            if re.search(patterns["files"], file) and not re.search(patterns["exclude"], file):
                return True
    return False


def _patterns(lines: list[str], indent: int) -> Iterator[tuple[str, str]]:
    """Return the patterns of a hook, whose lines are indented by more than its dash."""
    key, block = "", list[str]()
    depth = 0
    for line in [*lines, ""]:
        level = len(line) - len(line.lstrip())
        if key and level > depth:
            block.append(line.strip())
            continue
        if key:
            yield key, "\n".join(block)
        key, block = "", []
        if level <= indent:
            return
        found = _PATTERN.match(line)
        if found and found[2]:
            key, depth = found[1], level
        elif found:
            yield found[1], found[4] or found[5]
