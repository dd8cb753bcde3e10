"""The words of the annotation grammar: clauses, and where each of their words stands."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLE = "tags=cp312-cp312-manylinux_2_28_x86_64"
EXAMPLES = {"tags": EXAMPLE, "target": "target=host"}
"""How a clause is written, by its key."""

ON_AN_OPTION = (
    "a clause belongs to a requirement, not to an option",
    "set a default on a line of its own above: # " + EXAMPLE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the line.

    :param text: the piece, without the white space around it.
    :param start: index of its first character in the line, from 0.
    """

    text: str
    start: int

    @property
    def end(self) -> int:
        """Give the index behind its last character."""
        return self.start + len(self.text)

    @property
    def extent(self) -> tuple[int, int]:
        """Give start and end without white space; of a blank piece, the ``;`` before it."""
        if not self.text.strip():
            return self.start - 1, self.start
        start = self.start + len(self.text) - len(self.text.lstrip())
        return start, start + len(self.text.strip())


@dataclass(frozen=True, slots=True)
class Clause:
    """One ``tags=…`` or ``target=…``.

    :param key: one of :data:`KEYS`.
    :param values: what is listed, at least one.
    """

    key: str
    values: tuple[Word, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(value.text for value in self.values)}"
