"""What came of joining wheelhouses, as text or JSON."""

from __future__ import annotations

import json
from typing import TextIO

from wheeltarget.joining import MergeOutcome
from wheeltarget.render import display_path


def show_merge(outcome: MergeOutcome, stdout: TextIO, *, as_json: bool) -> None:
    """Say what is in the joined wheelhouse.

    :param outcome: what came of it.
    :param stdout: where to say it.
    :param as_json: whether as JSON.
    """
    if as_json:
        stdout.write(json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False) + "\n")
        return
    for file in outcome.files:
        how = "Saved" if file.new else "Already there"
        stdout.write(f"{how} {display_path(file.path)}\n")
    new = sum(file.new for file in outcome.files)
    stdout.write(
        f"Joined {_count(outcome.folders, 'wheelhouse')}: "
        f"{_count(len(outcome.files), 'file')}, {new} new\n"
    )
    stdout.flush()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
