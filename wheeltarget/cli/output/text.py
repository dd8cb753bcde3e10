"""Results and errors as text: results to standard output, the rest to standard error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from wheeltarget.errors import DownloadError, Fault, InputError, Location, WheeltargetError
from wheeltarget.utils.text import json_text, redact, tame

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import OutputOptions
    from wheeltarget.commands.download.outcome import DownloadOutcome, TargetFile, TargetFiles

_WIDEST = 200
_GREEN, _FAINT = "\x1b[32m", "\x1b[2m"
_RED, _YELLOW, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


class Style:
    """The colours of a stream.

    :param stream: where the text goes.
    :param environment: the environment; ``NO_COLOR`` and ``TERM`` are read.
    :param coloured: False to write no colour even on a terminal.
    """

    def __init__(
        self, stream: TextIO, environment: Mapping[str, str], *, coloured: bool = True
    ) -> None:
        terminal = stream.isatty() and environment.get("TERM") != "dumb"
        self._coloured = coloured and terminal and not environment.get("NO_COLOR")

    def error(self, text: str) -> str:
        """Return text in the colour of errors."""
        return self._wrap(_RED, text)

    def note(self, text: str) -> str:
        """Return text in the colour of notes."""
        return self._wrap(_YELLOW, text)

    def strong(self, text: str) -> str:
        """Return text in bold."""
        return self._wrap(_BOLD, text)

    def good(self, text: str) -> str:
        """Return text in the colour of success."""
        return self._wrap(_GREEN, text)

    def faint(self, text: str) -> str:
        """Return text in a faint colour."""
        return self._wrap(_FAINT, text)

    def _wrap(self, code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if self._coloured else text


def show_download(
    outcome: DownloadOutcome, output_options: OutputOptions, stdout: TextIO, stderr: TextIO
) -> None:
    """Write the outcome of a download in the form that was asked for.

    :param outcome: what was taken.
    :param output_options: how to write it.
    :param stdout: where it goes.
    :param stderr: where notes go.
    """
    if output_options.as_json:
        show_json(outcome.as_dict(), stdout)
    elif not output_options.quiet:
        show_outcome(outcome, stdout, stderr, coloured=output_options.coloured)


def show_outcome(
    outcome: DownloadOutcome, stdout: TextIO, stderr: TextIO, *, coloured: bool = True
) -> None:
    """Write the files of each target, and the notes.

    :param outcome: the result of a download.
    :param stdout: for the files.
    :param stderr: for the notes.
    :param coloured: False to write no colour even on a terminal.
    """
    style = Style(stdout, os.environ, coloured=coloured)
    for target in outcome.targets:
        stdout.write(style.strong(f"For {target.label}:") + "\n")
        files = sorted(target.files, key=lambda file: file.filename)
        stdout.writelines(f"{_file_line(file, outcome)}\n" for file in files if file.path)
        stdout.write(_summary(target, outcome) + "\n")
    stdout.flush()
    show_notes(outcome.notes, stderr, coloured=coloured)


def _file_line(file: TargetFile, outcome: DownloadOutcome) -> str:
    path = display_path(file.path) if file.path else file.filename
    if not file.new:
        return f"Already there {path}"
    if not outcome.dry_run:
        return f"Saved {path}"
    size = "" if file.size is None else f" ({format_size(file.size)})"
    return f"Would save {path}{size}"


def _summary(target: TargetFiles, outcome: DownloadOutcome) -> str:
    names = " ".join(file.name for file in target.files)
    if not names:
        return "Nothing to download"
    if not outcome.dry_run:
        return f"Successfully downloaded {names}"
    new = [file.size for file in target.files if file.new]
    known = [size for size in new if size is not None]
    least = "" if len(known) == len(new) else "at least "
    size = f", {least}{format_size(sum(known))}" if known else ""
    return f"Would fetch {counted(len(new), 'file')}{size}"


def format_size(size: int) -> str:
    """Return a number of bytes as pip writes it."""
    for factor, unit in ((1000**2, "MB"), (1000, "kB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as ``2 files``.

    :param number: the number.
    :param noun: the noun in the singular.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_json(document: Mapping[str, object], stdout: TextIO) -> None:
    """Write a result as one JSON object.

    :param document: the object.
    :param stdout: where to write.
    """
    stdout.write(json_text(document))
    stdout.flush()


def show_notes(notes: Iterable[str], stderr: TextIO, *, coloured: bool = True) -> None:
    """Write notes.

    :param notes: one sentence each.
    :param stderr: where to write.
    :param coloured: False to write no colour even on a terminal.
    """
    style = Style(stderr, os.environ, coloured=coloured)
    stderr.writelines(f"{style.note('note:')} {tame(note)}\n" for note in notes)
    stderr.flush()


def show_error(error: WheeltargetError, stderr: TextIO, *, coloured: bool = True) -> None:
    """Write an error: what is wrong, where, and what to do.

    :param error: the error that ended the run.
    :param stderr: where to write.
    :param coloured: False to write no colour even on a terminal.
    """
    style = Style(stderr, os.environ, coloured=coloured)
    faults = error.faults if isinstance(error, InputError) else (Fault(error.message, error.hint),)
    if isinstance(error, DownloadError):
        stderr.writelines(f"{redact(text)}\n" for text in error.messages)
    stderr.writelines(format_fault(fault, style) for fault in faults)
    if isinstance(error, DownloadError):
        _show_explanations(error, stderr)
    stderr.flush()


def _show_explanations(error: DownloadError, stderr: TextIO) -> None:
    # Loaded here, so that a run without an error does not load it.
    from wheeltarget.cli.output.explanation import explanation_lines
    from wheeltarget.resolver.explanation import ResolutionError

    if isinstance(error, ResolutionError):
        stderr.writelines(f"  {redact(line)}\n" for line in explanation_lines(error.explanations))


def format_fault(fault: Fault, style: Style, word: str = "error:") -> str:
    """Return a fault as its message, the line with carets below it, and the hint.

    :param fault: the fault.
    :param style: the colours.
    :param word: the text before the message.
    :returns: one or more lines, each with its line end.
    """
    place = f"{tame(str(near(fault.location)))}: " if fault.location else ""
    lines = [f"{place}{style.error(word)} {tame(fault.message)}"]
    if fault.source and fault.location:
        shown, start = _excerpt(tame(fault.source), fault.location.column - 1)
        # Tabs are kept, so that the carets line up whatever the width of a tab.
        indent = "".join(character if character == "\t" else " " for character in shown[:start])
        carets = "^" * max(min(fault.width, len(shown) - start), 1)
        lines.append(f"    {shown}")
        lines.append(f"    {indent}{style.error(carets)}")
    if fault.hint:
        lines.append(f"  {tame(fault.hint)}")
    return "\n".join(lines) + "\n"


def _excerpt(source: str, start: int) -> tuple[str, int]:
    """Return the part of a long line around a column, and the column within that part."""
    if len(source) <= _WIDEST:
        return source, start
    first = max(min(start - _WIDEST // 4, len(source) - _WIDEST), 0)
    lead, tail = "…" * (first > 0), "…" * (first + _WIDEST < len(source))
    return f"{lead}{source[first : first + _WIDEST]}{tail}", start - first + len(lead)


def near(location: Location) -> Location:
    """Return a location with its file relative to the working directory, if it is below it."""
    file = Path(location.file)
    below = file.is_absolute() and file.is_relative_to(Path.cwd())
    return replace(location, file=str(file.relative_to(Path.cwd()))) if below else location


def display_path(path: Path) -> str:
    """Return a path as pip writes it: relative to the working directory if it is below it."""
    if path.is_relative_to(Path.cwd()):
        return os.path.join(os.curdir, path.relative_to(Path.cwd()))  # noqa: PTH118 - keeps the dot
    return str(path)
