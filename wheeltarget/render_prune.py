"""What was cut from a wheelhouse, or is to go to another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.text import format_size, show_json

if TYPE_CHECKING:
    from wheeltarget.commands.prune import PruneOutcome, PruneRequest

_SCHEMA = 1


def show_prune(
    outcome: PruneOutcome,
    request: PruneRequest,
    stdout: TextIO,
    stderr: TextIO,
    *,
    as_json: bool,
) -> None:
    """Write the files to standard output, a line each, and the sum to standard error.

    :param outcome: what came of it.
    :param request: what was asked for.
    :param stdout: for the files.
    :param stderr: for the sum, which goes with text only.
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
    what = f"{number or 'no'} {'file' if number == 1 else 'files'}, {format_size(outcome.size)}"
    if request.since:
        how = f"copied to {request.to}" if outcome.done else "to be taken there"
    else:
        how = "removed" if outcome.done else "that no lock names"
    stderr.write(f"{what} {how}\n")
