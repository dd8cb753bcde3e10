"""The clauses of annotations and the places of their values."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLE = "tags=cp312-cp312-manylinux_2_28_x86_64"
EXAMPLES = {"tags": EXAMPLE, "target": "target=host"}
"""An example of a clause by its key."""

ON_AN_OPTION = (
    "a clause belongs to a requirement, not to an option",
    "set a default on a line of its own above: # " + EXAMPLE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a line.

    :param text: the part, without surrounding white space.
    :param start: index of its first character in the line, from 0.
    """

    text: str
    start: int

    @property
    def end(self) -> int:
        """Return the index after its last character."""
        return self.start + len(self.text)

    @property
    def extent(self) -> tuple[int, int]:
        """Return start and end without white space; if blank, those of the ``;`` before it."""
        if not self.text.strip():
            return self.start - 1, self.start
        start = self.start + len(self.text) - len(self.text.lstrip())
        return start, start + len(self.text.strip())


@dataclass(frozen=True, slots=True)
class Clause:
    """A ``tags=…`` or ``target=…``.

    :param key: one of :data:`KEYS`.
    :param values: its values, at least one.
    """

    key: str
    values: tuple[Word, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(value.text for value in self.values)}"
