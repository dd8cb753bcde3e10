"""Read the recipes of docs/deploy, so that what is documented is what the tests run.

A recipe is a section of a page, or a whole page. A fenced block is a file of the recipe if the line
before it ends with the name of the file between backticks, and a colon. Each ``sh`` block is
commands to run in the project's folder. Other blocks are only shown.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.cli import ROOT

_BLOCK = re.compile(
    r"(?:`(?P<file>[\w./-]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a page tells its reader to write and to run.

    :param files: the text of each file, by its path in the project.
    :param commands: the shell commands, in order.
    """

    files: Mapping[str, str]
    commands: tuple[str, ...]

    def changed(self, old: str, new: str) -> Recipe:
        """Return the recipe with a text replaced in all files and commands.

        :raises ValueError: if it does not occur in any of them.
        """
        if not any(old in text for text in (*self.files.values(), *self.commands)):
            raise ValueError(f"nothing in the recipe has {old!r}")
        files = {name: text.replace(old, new) for name, text in self.files.items()}
        return replace(
            self,
            files=files,
            commands=tuple(command.replace(old, new) for command in self.commands),
        )

    def write(self, folder: Path) -> None:
        """Write the files of the recipe into a folder, which is created if it does not exist."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def run(
        self, folder: Path, variables: Mapping[str, str], *, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run the commands of the recipe, up to the first that fails.

        :param folder: the project.
        :param variables: the whole environment.
        :param timeout: seconds after which the test fails.
        :returns: the exit code, and what was printed.
        """
        return subprocess.run(
            ["sh", "-ec", "\n".join(self.commands)],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )


def read_recipe(page: str, *headings: str) -> Recipe:
    """Read the recipe of a page, such as ``sam.md``.

    :param page: the name of the page in docs/deploy.
    :param headings: the sections to read, in this order. A file of a later one replaces that of an
        earlier one, and the commands are those of the last one. Without any, the page is read.
    :raises LookupError: if there is no such section, or no file in what was read.
    """
    text = (ROOT / "docs" / "deploy" / page).read_text("utf-8")
    parts = [_section(text, heading) for heading in headings] or [text]
    blocks = [list(_BLOCK.finditer(part)) for part in parts]
    files = {block["file"]: block["text"] for part in blocks for block in part if block["file"]}
    commands = [
        block["text"] for block in blocks[-1] if block["language"] == "sh" and not block["file"]
    ]
    if not files:
        raise LookupError(f"{page} has no files in {', '.join(headings) or 'it'}")
    return Recipe(files, tuple(commands))


def _section(text: str, heading: str) -> str:
    """Return what is below a heading, up to the next one of its level or above."""
    found: list[str] = []
    level = 0
    in_block = False
    for line in text.splitlines(keepends=True):
        in_block ^= line.startswith("```")
        # In a block, a comment of a Makefile or a shell looks like a heading.
        marks = 0 if in_block else len(line) - len(line.lstrip("#"))
        if level and 0 < marks <= level:
            break
        if level:
            found.append(line)
        elif marks and line[marks:].strip() == heading:
            level = marks
    if not level:
        raise LookupError(f"there is no heading {heading!r}")
    return "".join(found)
