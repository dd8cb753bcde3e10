"""Clean up after a run that was killed.

``python guard.py FOLDER`` runs beside wheeltarget and reads lines from it: ``child PID`` when a
process of pip's begins, ``ended PID`` when it has, ``done`` when there is nothing to clean. If the
pipe ends without ``done``, wheeltarget was killed: the children are ended, and what :func:`recover`
says is done. This file imports the standard library alone, and most of it only for cleaning up, so
that it starts in a few milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

JOURNAL = "placing.json"
"""Name of the file that says what is being placed: ``destination``, ``folders`` (those that are
made in it), ``added``, ``replaced``."""

REPLACED = "replaced"
"""Name of the folder that holds the old content of what is being replaced."""

PART = ".wheeltarget-part"
"""What is behind the name of a file that is being copied into the destination."""

_TRIES = 50
_PAUSE = 0.1


def recover(folder: Path) -> None:
    """Take back what was placed halfway and remove the stage.

    :param folder: the stage; nothing happens where it is not there.
    """
    import shutil
    import time

    journal = folder / JOURNAL
    if journal.is_file():
        import json

        _take_back(folder, json.loads(journal.read_text("utf-8")))
        journal.unlink()
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE)


def _take_back(folder: Path, journal: dict[str, list[str] | str]) -> None:
    import contextlib
    import shutil
    from pathlib import Path

    destination = Path(str(journal["destination"]))
    for name in journal["added"]:
        for path in (destination / name, destination / (name + PART)):
            # Where a file is in the way of a folder, nothing was placed in it.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
    for name in journal["folders"]:
        with contextlib.suppress(OSError):
            (destination / name).rmdir()
    for name in journal["replaced"]:
        old = folder / REPLACED / name
        if old.exists():
            shutil.copy2(old, destination / (name + PART))
            (destination / (name + PART)).replace(destination / name)


def main(folder: str) -> None:
    """Wait for the end of wheeltarget and clean up if it was killed.

    :param folder: the stage.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    children: set[int] = set()
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "done":
            return
        if word == "child":
            children.add(int(rest))
        if word == "ended":
            children.discard(int(rest))
    from contextlib import suppress
    from pathlib import Path

    for child in children:
        with suppress(OSError):
            os.kill(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    recover(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)
