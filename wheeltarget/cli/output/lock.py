"""Results of ``lock`` as text for a terminal, or as Markdown for a pull request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.text import Style, counted, display_path
from wheeltarget.utils.text import redact

if TYPE_CHECKING:
    from wheeltarget.commands.lock.diff import Change, LockFile, LockOutcome


def show_outcome(outcome: LockOutcome, stdout: TextIO, *, coloured: bool = True) -> None:
    """Write for each lock whether it is new, what has changed, or that it is unchanged.

    :param outcome: the result of locking.
    :param stdout: where to write.
    :param coloured: False to write no colour even on a terminal.
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
    yield from (f"  {_change_text(change)}" for change in file.changes)
    yield from (f"  new requirement: {text}" for text in file.added)
    yield from (f"  removed requirement: {text}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "  only details of its files, or the way it is written"


def _change_text(change: Change) -> str:
    if change.old is None:
        return f"{change.name} {change.new}, new"
    if change.new is None:
        return f"{change.name} {change.old}, removed"
    if change.remark:
        return f"{change.name} {change.new}, {change.remark}"
    return f"{change.name} {change.old} -> {change.new}"


def show_diff(outcome: LockOutcome, stdout: TextIO) -> None:
    """Write changes as Markdown, for a pull request.

    :param outcome: the result of locking.
    :param stdout: where to write.
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
    yield from (f"- new requirement: {_code(text)}" for text in file.added)
    yield from (f"- removed requirement: {_code(text)}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "Only details of its files, or the way it is written."


def _code(text: str) -> str:
    return f"`` {redact(text)} ``" if "`" in text else f"`{redact(text)}`"
