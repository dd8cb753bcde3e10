"""What is in a bundle, as text or JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.text import Style, display_path, format_size, show_json, show_notes

if TYPE_CHECKING:
    from wheeltarget.commands.bundle.bundle import BundleOutcome

_SCHEMA = 1


def show_bundle(
    outcome: BundleOutcome, stdout: TextIO, stderr: TextIO, *, as_json: bool, quiet: bool
) -> None:
    """Say how large each project is in a bundle.

    :param outcome: what came of it.
    :param stdout: for the sizes.
    :param stderr: for the notes.
    :param as_json: whether to write JSON.
    :param quiet: whether to write nothing where that is text.
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
        f"  {name:{wide}}  {size:>11}  {files} {'file' if files == 1 else 'files'}"
        for name, size, files in rows
    ]
    of = f", of {format_size(outcome.limit)} that the service takes" if outcome.limit else ""
    path = display_path(outcome.output.absolute())
    return "\n".join([*lines, f"Saved {path}, {format_size(outcome.size)} unpacked{of}", ""])


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
