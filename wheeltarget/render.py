"""Outcomes and errors as text: results to standard output, all else to standard error."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from wheeltarget.api import DownloadOutcome
from wheeltarget.errors import Fault, InputError, Location, WheeltargetError

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_WIDEST = 200
_RED, _YELLOW, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


class Style:
    """How words are set off on a stream.

    :param stream: where the text goes.
    :param environment: ``NO_COLOR`` and ``TERM`` count.
    :param coloured: False where no colour is wanted even so.
    """

    def __init__(
        self, stream: TextIO, environment: Mapping[str, str], *, coloured: bool = True
    ) -> None:
        terminal = stream.isatty() and environment.get("TERM") != "dumb"
        self._coloured = coloured and terminal and not environment.get("NO_COLOR")

    def error(self, text: str) -> str:
        """Set off what is wrong."""
        return self._wrap(_RED, text)

    def note(self, text: str) -> str:
        """Set off what is worth knowing."""
        return self._wrap(_YELLOW, text)

    def strong(self, text: str) -> str:
        """Set off a heading."""
        return self._wrap(_BOLD, text)

    def _wrap(self, code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if self._coloured else text


def show_outcome(
    outcome: DownloadOutcome, stdout: TextIO, stderr: TextIO, *, coloured: bool = True
) -> None:
    """Say what was taken for which target, and what is worth knowing of it.

    :param outcome: what came of a download.
    :param stdout: for the files.
    :param stderr: for the notes.
    :param coloured: False where no colour is wanted even on a terminal.
    """
    style = Style(stdout, os.environ, coloured=coloured)
    for target in outcome.targets:
        stdout.write(style.strong(f"For {target.label}:") + "\n")
        for file in target.files:
            verb = "Saved" if file.new else "Already there"
            stdout.write(f"{verb} {display_path(file.path)}\n")
        if target.projects:
            stdout.write(f"Successfully downloaded {' '.join(target.projects)}\n")
        else:
            stdout.write("Nothing to download\n")
    stdout.flush()
    style = Style(stderr, os.environ, coloured=coloured)
    stderr.writelines(f"{style.note('note:')} {_redact(note)}\n" for note in outcome.notes)


def show_error(error: WheeltargetError, stderr: TextIO, *, coloured: bool = True) -> None:
    """Say what is wrong, where, and what to write instead.

    :param error: what ended the run.
    :param stderr: where to say it.
    :param coloured: False where no colour is wanted even on a terminal.
    """
    style = Style(stderr, os.environ, coloured=coloured)
    faults = error.faults if isinstance(error, InputError) else (Fault(error.message, error.hint),)
    stderr.writelines(format_fault(fault, style) for fault in faults)
    stderr.flush()


def format_fault(fault: Fault, style: Style) -> str:
    """Write a fault as its message, the line with a caret below, and the hint.

    :param fault: what is wrong.
    :param style: how to set words off.
    :returns: one or more lines, each with its line end.
    """
    place = f"{_near(fault.location)}: " if fault.location else ""
    lines = [f"{place}{style.error('error:')} {_redact(fault.message)}"]
    if fault.source and fault.location:
        shown, start = _excerpt(_redact(fault.source), fault.location.column - 1)
        # Tabs are kept, so that the caret stands right however wide they are shown.
        indent = "".join(character if character == "\t" else " " for character in shown[:start])
        carets = "^" * max(min(fault.width, len(shown) - start), 1)
        lines.append(f"    {shown}")
        lines.append(f"    {indent}{style.error(carets)}")
    if fault.hint:
        lines.append(f"  {_redact(fault.hint)}")
    return "\n".join(lines) + "\n"


def _excerpt(source: str, start: int) -> tuple[str, int]:
    """Cut a long line down to what stands around a place, and say where that is now."""
    if len(source) <= _WIDEST:
        return source, start
    first = max(min(start - _WIDEST // 4, len(source) - _WIDEST), 0)
    lead, tail = "…" * (first > 0), "…" * (first + _WIDEST < len(source))
    return f"{lead}{source[first : first + _WIDEST]}{tail}", start - first + len(lead)


def _redact(text: str) -> str:
    """Hide the credentials of URLs behind as many stars, so that carets stay where they are."""
    return _CREDENTIALS.sub(lambda match: "*" * len(match[0]), text)


def _near(location: Location) -> Location:
    """Name a file below the working directory as from there: nested ones have whole paths."""
    file = Path(location.file)
    below = file.is_absolute() and file.is_relative_to(Path.cwd())
    return replace(location, file=str(file.relative_to(Path.cwd()))) if below else location


def display_path(path: Path) -> str:
    """Write a path as pip does: relative to the working directory where it lies below."""
    if path.is_relative_to(Path.cwd()):
        return os.path.join(os.curdir, path.relative_to(Path.cwd()))  # noqa: PTH118 - keeps the dot
    return str(path)
