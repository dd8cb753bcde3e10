"""Results and errors as text: results to standard output, the rest to standard error.

start-up: a replayed run loads this module. The explanation of a failed download is loaded only if
there is one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from wheeltarget.errors import (
    DownloadError,
    Fault,
    InputError,
    InterruptedRunError,
    Location,
    TargetError,
    WheeltargetError,
)
from wheeltarget.utils.streams import as_written
from wheeltarget.utils.text import json_text, printable, redact

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import OutputOptions
    from wheeltarget.commands.download.request import DownloadOutcome, TargetFile, TargetFiles

_FINDING, _WRONG, _UNFINISHED = 1, 2, 3
"""The exit codes of every command except download, which uses pip's."""

_WIDEST = 200
_MB = 1_000_000
_COLOURS = {"error": "1;31", "note": "33", "strong": "1", "good": "32", "faint": "2"}


class Style:
    """The colours of a stream; with ``coloured=False``, none even on a terminal."""

    def __init__(self, stream: TextIO, *, coloured: bool = True) -> None:
        self.stream = stream
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._coloured = coloured and terminal and not os.environ.get("NO_COLOR")

    def paint(self, kind: str, text: str) -> str:
        """Return a text in colour.

        :param kind: ``error``, ``note``, ``strong``, ``good`` or ``faint``; empty for no colour.
        """
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._coloured and kind else text


@contextmanager
def report_errors(
    *,
    coloured: bool = True,
    finding: type[WheeltargetError] | None = None,
    writes: bool = True,
    as_pip: bool = False,
) -> Iterator[None]:
    """Print an error, and end the process with its exit code.

    :param finding: the error that is a result of the command, not a failure.
    :param writes: whether the command has a destination, which an interruption leaves as it was.
    :param as_pip: whether the command uses pip's exit codes.
    :raises SystemExit: with 1 for a finding, 2 if the input is wrong, 3 if the work could not be
        finished, and 128 plus its number if a signal ended it.
    """
    try:
        yield
    except (KeyboardInterrupt, WheeltargetError) as caught:
        error = (
            caught if isinstance(caught, WheeltargetError) else InterruptedRunError(signal.SIGINT)
        )
        if isinstance(error, InterruptedRunError) and not writes:
            error.message = "interrupted"
        show_error(error, sys.stderr, coloured=coloured)
        raise SystemExit(_exit_code(error, finding, as_pip=as_pip)) from error


def _exit_code(
    error: WheeltargetError, finding: type[WheeltargetError] | None, *, as_pip: bool
) -> int:
    if as_pip or isinstance(error, InterruptedRunError):
        return error.exit_code
    if finding is not None and isinstance(error, finding):
        return _FINDING
    # Except for a wrong command line, pip's codes would be mistaken for findings.
    is_wrong = isinstance(error, InputError | TargetError) or error.exit_code == _WRONG
    return _WRONG if is_wrong else _UNFINISHED


def show_lines(lines: Iterable[str], *, summary: str = "") -> None:
    """Write a result to standard output, and its summary to standard error."""
    sys.stdout.writelines(f"{redact(line)}\n" for line in lines)
    sys.stdout.flush()
    if summary:
        sys.stderr.write(f"{redact(summary)}\n")
        sys.stderr.flush()


def show_json(document: Mapping[str, object]) -> None:
    """Write a result to standard output as one JSON object."""
    sys.stdout.write(json_text(document))
    sys.stdout.flush()


def show_notes(notes: Iterable[str], *, coloured: bool = True) -> None:
    """Write notes of one sentence each to standard error."""
    mark = Style(sys.stderr, coloured=coloured).paint("note", "note:")
    sys.stderr.writelines(f"{mark} {printable(note)}\n" for note in notes)
    sys.stderr.flush()


def show_error(error: WheeltargetError, stderr: TextIO, *, coloured: bool = True) -> None:
    """Write an error: what is wrong, where, and what to do."""
    style = Style(stderr, coloured=coloured)
    faults = error.faults if isinstance(error, InputError) else (Fault(error.message, error.hint),)
    if isinstance(error, DownloadError):
        stderr.writelines(f"{redact(text)}\n" for text in error.messages)
    stderr.writelines(format_fault(fault, style) for fault in faults)
    if isinstance(error, DownloadError):
        from wheeltarget.cli.output.explanation import backtracking_lines, explanation_lines
        from wheeltarget.resolver.explanation import ResolutionError

        if isinstance(error, ResolutionError):
            explained = explanation_lines(error.explanations)
            lines = (*explained, *backtracking_lines(error.backtracking))
            stderr.writelines(f"  {redact(line)}\n" for line in lines)
    stderr.flush()


def format_fault(fault: Fault, style: Style, label: str = "error:") -> str:
    """Return a fault as its message, the line with carets below it, and the hint, as lines."""
    place = f"{printable(str(near(fault.location)))}: " if fault.location else ""
    lines = [f"{place}{style.paint('error', label)} {printable(fault.message)}"]
    if fault.source and fault.location:
        # Thousands of faults may share a line, which only `redact` has to see as a whole.
        excerpt, first = _excerpt(redact(fault.source), fault.location.column - 1)
        last = first + fault.width
        # Each part on its own: an escape is wider than what it stands for.
        before, marked, after = (
            as_written(printable(part), style.stream)
            for part in (excerpt[:first], excerpt[first:last], excerpt[last:])
        )
        shown, start = f"{before}{marked}{after}", len(before)
        # Tabs are kept, so that the carets line up whatever the width of a tab.
        indent = "".join(character if character == "\t" else " " for character in shown[:start])
        carets = "^" * max(min(len(marked), len(shown) - start), 1)
        lines += [f"    {shown}", f"    {indent}{style.paint('error', carets)}"]
    if fault.hint:
        lines.append(f"  {printable(fault.hint)}")
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


def format_size(size: int) -> str:
    """Return a number of bytes as pip writes it."""
    if size >= _MB:
        return f"{size / _MB:.1f} MB"
    return f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} bytes"


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_download(outcome: DownloadOutcome, options: OutputOptions) -> None:
    """Write the files of each target, or all of a download as JSON."""
    if options.as_json:
        show_json(outcome.as_dict())
    elif not options.quiet:
        style = Style(sys.stdout, coloured=options.coloured)
        for target in outcome.targets:
            sys.stdout.write(style.paint("strong", f"For {target.label}:") + "\n")
            every = _every_file(target)
            files = sorted(every, key=lambda file: file.filename)
            sys.stdout.writelines(f"{_file_line(file, outcome)}\n" for file in files if file.path)
            sys.stdout.write(_summary(every, outcome) + "\n")
        sys.stdout.writelines(_install_lines(outcome.targets))
        sys.stdout.flush()
        show_notes(outcome.notes, coloured=options.coloured)
    else:
        # Like a warning of pip, this is shown even with --quiet.
        failures = (failure.describe() for failure in outcome.index_failures)
        show_notes((*failures, *outcome.warnings), coloured=options.coloured)


def _install_lines(targets: Iterable[TargetFiles]) -> Iterator[str]:
    """Yield for each target with a pip of its own the command that installs with it."""
    for target in targets:
        if target.install:
            yield f"To install on {target.label}, without a network:\n"
            yield from (f"  {redact(line)}\n" for line in target.install.splitlines())


def _file_line(file: TargetFile, outcome: DownloadOutcome) -> str:
    path = display_path(file.path) if file.path else file.filename
    path += " with its provenance" if file.provenance else ""
    if not file.new:
        return f"Already there {path}"
    if not outcome.dry_run:
        return f"Saved {path}"
    return f"Would save {path}" + ("" if file.size is None else f" ({format_size(file.size)})")


def _every_file(target: TargetFiles) -> tuple[TargetFile, ...]:
    """Return the files of a target and its tools, each once: the user may ask for pip as well."""
    return tuple({file.filename: file for file in (*target.files, *target.tools)}.values())


def _summary(files: Iterable[TargetFile], outcome: DownloadOutcome) -> str:
    names = " ".join(file.name for file in files)
    if not names:
        return "Nothing to download"
    if not outcome.dry_run:
        return f"Successfully downloaded {names}"
    new = [file.size for file in files if file.new]
    known = [size for size in new if size is not None]
    least = "" if len(known) == len(new) else "at least "
    size = f", {least}{format_size(sum(known))}" if known else ""
    return f"Would fetch {counted(len(new), 'file')}{size}"
