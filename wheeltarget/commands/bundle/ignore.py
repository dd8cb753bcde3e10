"""The rules that leave files of a folder out, as lines of ``.gitignore``.

Specification: gitignore(5). The rules are those of git, with these differences: case always counts,
a ``[`` without its ``]`` stands for itself, and character classes such as ``[:alpha:]`` and very
long lines are refused.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_LONGEST = 1024
"""How many characters a line may have; longer ones name no file."""

_SEVERAL = None
"""In place of a part of a path: any number of folders."""

Parts = Sequence[str]
"""A path as the names of its folders, and its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that leaves files out, or takes them again.

    :param origin: its place, for the report.
    :param base: the parts of the folder to which it applies.
    :param parts: a pattern for each part of a path below that folder.
    """

    origin: str
    base: tuple[str, ...]
    parts: tuple[re.Pattern[str] | None, ...]
    leaves_out: bool
    only_folders: bool

    def fits(self, path: Parts, *, is_folder: bool) -> bool:
        """Return whether the rule is about a file or a folder itself, not about one above it."""
        depth = len(self.base)
        if (self.only_folders and not is_folder) or tuple(path[:depth]) != self.base:
            return False
        names, last = path[depth:], len(self.parts) - 1
        places = {0}
        for number, part in enumerate(self.parts):
            if part is _SEVERAL:
                first = min(places, default=len(names) + 1)
                places = {*range(first + (number == last), len(names) + 1)}
            else:
                here = (place for place in places if place < len(names))
                places = {place + 1 for place in here if part.match(names[place])}
        return len(names) in places


def read_rules(lines: Iterable[str], base: Parts, origin: str) -> Iterator[Rule]:
    """Read the lines of a file.

    :param base: the parts of the folder to which they apply.
    :param origin: the origin of a rule, in which ``{}`` becomes the number of the line.
    :raises ValueError: if a rule is not supported; it names the origin.
    """
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix("\r")
        while text.endswith(" ") and not text.endswith("\\ "):
            text = text[:-1]
        if text and not text.startswith("#"):
            yield _read_rule(text, tuple(base), origin.format(number))


def _read_rule(text: str, base: tuple[str, ...], origin: str) -> Rule:
    pattern = text.removeprefix("!")
    if len(text) > _LONGEST:
        raise ValueError(f"{origin} has more than {_LONGEST} characters")
    if "[:" in pattern:
        raise ValueError(f"{origin} has a character class, which is not supported: {text}")
    path = pattern.removesuffix("/")
    is_anchored = "/" in path
    names = path.removeprefix("/").split("/")
    parts = [_SEVERAL if re.fullmatch(r"\*\*+", name) else _compile(name) for name in names]
    return Rule(
        origin,
        base,
        tuple(parts if is_anchored else [_SEVERAL, *parts]),
        leaves_out=not text.startswith("!"),
        only_folders=pattern.endswith("/"),
    )


def _compile(name: str) -> re.Pattern[str]:
    # Without backslashes, and with ! for "not", it is what fnmatch reads.
    plain = re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], name)
    return re.compile(fnmatch.translate(plain.replace("[^", "[!")))
