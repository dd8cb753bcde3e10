"""Clean up after a run that was killed.

``python cleanup.py STATE KEY`` runs beside wheeltarget and reads lines from it: ``child PID`` when
a pip process starts, ``ended PID`` when it has ended, ``done`` when there is nothing to clean. If
the pipe ends without ``done``, wheeltarget was killed: the children are ended, and what the record
of the run names is taken back and removed, by the same code as in any later run.

Start-up: what only cleaning up needs is imported for that, so that this starts in a few
milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys


def main(state: str, key: str) -> None:
    """Wait for the end of wheeltarget and clean up if it was killed."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    children: set[int] = set()
    for line in sys.stdin:
        kind, _, pid = line.strip().partition(" ")
        if kind == "done":
            return
        if kind == "child":
            children.add(int(pid))
        if kind == "ended":
            children.discard(int(pid))
    from contextlib import suppress

    for child in children:
        with suppress(OSError):
            os.kill(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    # After the standard library, which no module of ours may shadow.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from wheeltarget.staging import folders, recovery

    # If another run places files there, or the disk fails, the rest is left to the next run.
    with suppress(OSError), folders.Folder.open(state) as folder:
        recovery.finish(folder, key, folders.PATIENCE)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
