"""What became of locks, as text for a terminal, for a pull request, or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.text import Style, counted, display_path
from wheeltarget.utils.redact import redact

if TYPE_CHECKING:
    from wheeltarget.commands.lock.diff import Change, LockFile, LockOutcome


def show_outcome(outcome: LockOutcome, stdout: TextIO, *, coloured: bool = True) -> None:
    """Say of each lock whether it is new, what has changed, or that it is the same.

    :param outcome: what came of locking.
    :param stdout: where to.
    :param coloured: False where no colour is wanted even on a terminal.
    """
    style = Style(stdout, os.environ, coloured=coloured)
    for file in outcome.files:
        stdout.write(style.strong(f"For {file.label}:") + "\n")
        stdout.writelines(f"{redact(line)}\n" for line in _lines(file, written=outcome.written))
    stdout.flush()


def _lines(file: LockFile, *, written: bool) -> Iterator[str]:
    path, count = display_path(file.path), counted(file.count, "project")
    if file.state == "same":
        yield f"Unchanged {path} ({count})"
        return
    if file.state == "new":
        yield f"Locked {path} ({count})" if written else f"There is no {path} yet ({count})"
        return
    yield f"Changed {path} ({count})" if written else f"Stale {path} ({count})"
    yield from (f"  {_say(change)}" for change in file.changes)
    yield from (f"  asked for: {text}" for text in file.added)
    yield from (f"  no longer asked for: {text}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "  what else it says of its files, or how it is written"


def _say(change: Change) -> str:
    if change.old is None:
        return f"{change.name} {change.new}, new"
    if change.new is None:
        return f"{change.name} {change.old}, gone"
    if change.remark:
        return f"{change.name} {change.new}, {change.remark}"
    return f"{change.name} {change.old} -> {change.new}"


def show_diff(outcome: LockOutcome, stdout: TextIO) -> None:
    """Write what would change as Markdown, for a pull request.

    :param outcome: what came of locking.
    :param stdout: where to.
    """
    changed = [file for file in outcome.files if file.state != "same"]
    if not changed:
        stdout.write("No lock would change.\n")
    stdout.write("\n".join("\n".join(_section(file)) + "\n" for file in changed))
    stdout.flush()


def _section(file: LockFile) -> Iterator[str]:
    yield f"### `{file.path.name}`"
    yield ""
    if file.state == "new":
        yield f"New, for {file.label}: {counted(file.count, 'project')}."
        return
    if file.changes:
        yield "| project | locked | now |"
        yield "| --- | --- | --- |"
        for change in file.changes:
            remark = f", {change.remark}" if change.remark else ""
            yield f"| {change.name} | {change.old or ''} | {change.new or ''}{remark} |"
    if file.changes and (file.added or file.removed):
        yield ""
    yield from (f"- asked for: {_code(text)}" for text in file.added)
    yield from (f"- no longer asked for: {_code(text)}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "Only what else it says of its files, or how it is written."


def _code(text: str) -> str:
    return f"`` {redact(text)} ``" if "`" in text else f"`{redact(text)}`"
