"""Results of bundle, cache, merge and prune, as text or JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cache.folder import Removed, Usage
from wheeltarget.cli.output.text import (
    Style,
    counted,
    display_path,
    format_size,
    show_json,
    show_notes,
)
from wheeltarget.commands.merge import MergeOutcome

if TYPE_CHECKING:
    from wheeltarget.commands.bundle.bundle import BundleOutcome
    from wheeltarget.commands.prune import PruneOutcome, PruneRequest

_SCHEMA = 1
_GIGABYTE = 1000**3


def show_bundle(
    outcome: BundleOutcome, stdout: TextIO, stderr: TextIO, *, as_json: bool, quiet: bool
) -> None:
    """Write the size of each project in a bundle.

    :param outcome: the result.
    :param stdout: for the sizes.
    :param stderr: for the notes.
    :param as_json: whether to write JSON.
    :param quiet: whether to write no text.
    """
    if as_json:
        show_json(_document(outcome), stdout)
    elif not quiet:
        stdout.write(_text(outcome, Style(stdout, os.environ)))
    stdout.flush()
    if not as_json and not quiet:
        show_notes(outcome.notes, stderr)


def _text(outcome: BundleOutcome, style: Style) -> str:
    rows = [
        (f"{each.name} {each.version}".strip(), format_size(each.size), each.files)
        for each in outcome.projects
    ]
    wide = max((len(name) for name, _, _ in rows), default=0)
    lines = [style.strong(f"For {outcome.target}:")]
    lines += [
        f"  {name:{wide}}  {size:>11}  {counted(files, 'file')}" for name, size, files in rows
    ]
    limit = f" (the service allows {format_size(outcome.limit)})" if outcome.limit else ""
    path = display_path(outcome.output.absolute())
    return "\n".join([*lines, f"Saved {path}, {format_size(outcome.size)} unpacked{limit}", ""])


def _document(outcome: BundleOutcome) -> dict[str, object]:
    return {
        "schema": _SCHEMA,
        "output": str(outcome.output),
        "target": outcome.target,
        "size": outcome.size,
        "limit": outcome.limit,
        "projects": [
            {"name": p.name, "version": p.version, "files": p.files, "size": p.size}
            for p in outcome.projects
        ],
        "notes": outcome.notes,
    }


def show_usage(usage: Usage, stdout: TextIO, *, as_json: bool) -> None:
    """Write what is in the cache folder.

    :param usage: its contents.
    :param stdout: where to write.
    :param as_json: whether to write JSON.
    """
    if as_json:
        show_json(usage.as_dict(), stdout)
        return
    stdout.write(f"Folder  {usage.folder}\n")
    stdout.write(f"Wheels  {usage.wheels}, {_size(usage.size)} of {_size(usage.limit)}\n")
    stdout.write(f"Runs    {usage.runs} remembered, {usage.current} that may still hold\n")


def show_removed(removed: Removed, stdout: TextIO, *, as_json: bool) -> None:
    """Write what was removed from the cache.

    :param removed: the result.
    :param stdout: where to write.
    :param as_json: whether to write JSON.
    """
    if as_json:
        show_json(removed.as_dict(), stdout)
        return
    parts = []
    if removed.wheels:
        parts.append(f"{counted(removed.wheels, 'wheel')}, {_size(removed.size)}")
    if removed.runs:
        parts.append(counted(removed.runs, "remembered run"))
    stdout.write(f"Removed {' and '.join(parts)}\n" if parts else "Nothing to remove\n")


def _size(size: int) -> str:
    return f"{size / _GIGABYTE:.1f} GB" if size >= _GIGABYTE else format_size(size)


def show_merge(outcome: MergeOutcome, stdout: TextIO, *, as_json: bool) -> None:
    """Write the files of a merged wheelhouse.

    :param outcome: the result.
    :param stdout: where to write.
    :param as_json: whether to write JSON.
    """
    if as_json:
        show_json(outcome.as_dict(), stdout)
        return
    for file in outcome.files:
        how = "Saved" if file.new else "Already there"
        stdout.write(f"{how} {display_path(file.path)}\n")
    new = sum(file.new for file in outcome.files)
    stdout.write(
        f"Merged {counted(outcome.folders, 'wheelhouse')}: "
        f"{counted(len(outcome.files), 'file')}, {new} new\n"
    )
    stdout.flush()


def show_prune(
    outcome: PruneOutcome,
    request: PruneRequest,
    stdout: TextIO,
    stderr: TextIO,
    *,
    as_json: bool,
) -> None:
    """Write the files to standard output, one per line, and a summary to standard error.

    :param outcome: the result.
    :param request: the request.
    :param stdout: for the files.
    :param stderr: for the summary, written with text only.
    :param as_json: whether to write JSON.
    """
    if as_json:
        document = {
            "schema": _SCHEMA,
            "files": [str(path) for path in outcome.files],
            "size": outcome.size,
            "done": outcome.done,
        }
        show_json(document, stdout)
        return
    stdout.writelines(f"{path}\n" for path in outcome.files)
    stdout.flush()
    number = len(outcome.files)
    files = f"{counted(number, 'file') if number else 'no files'} ({format_size(outcome.size)})"
    if request.since:
        summary = f"copied to {request.to}" if outcome.done else "to be transferred"
    else:
        summary = "removed" if outcome.done else "not named by any lock"
    stderr.write(f"{files} {summary}\n")
