"""What came of joining wheelhouses, as text or JSON."""

from __future__ import annotations

from typing import TextIO

from wheeltarget.cli.output.text import counted, display_path, show_json
from wheeltarget.commands.merge import MergeOutcome


def show_merge(outcome: MergeOutcome, stdout: TextIO, *, as_json: bool) -> None:
    """Say what is in the joined wheelhouse.

    :param outcome: what came of it.
    :param stdout: where to say it.
    :param as_json: whether as JSON.
    """
    if as_json:
        show_json(outcome.as_dict(), stdout)
        return
    for file in outcome.files:
        how = "Saved" if file.new else "Already there"
        stdout.write(f"{how} {display_path(file.path)}\n")
    new = sum(file.new for file in outcome.files)
    stdout.write(
        f"Joined {counted(outcome.folders, 'wheelhouse')}: "
        f"{counted(len(outcome.files), 'file')}, {new} new\n"
    )
    stdout.flush()
