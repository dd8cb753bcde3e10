"""How far this process is: what it fetches or tries, written to a file that the parent reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from wheeltarget.pip_child.tries import Attempt
from wheeltarget.pip_protocol import PROGRESS, write_message
from wheeltarget.utils.progress import Progress

_INTERVAL, _PATIENCE = 0.1, 1.0


@dataclass(slots=True, eq=False)
class Transfer:
    """A file that is fetched; the sizes are in bytes.

    :param size: 0 if it is not known.
    """

    size: int = 0
    received: int = 0
    is_done: bool = False


class Transfers:
    """The files that are fetched in this process, one after the other or at once."""

    def __init__(self) -> None:
        self._all: list[Transfer] = []

    def begin(self, size: int | None = None) -> Transfer:
        """Add a file that is to be fetched."""
        transfer = Transfer(size or 0)
        self._all.append(transfer)
        return transfer

    def drop(self, transfer: Transfer) -> None:
        """Remove a file that will not be fetched."""
        with suppress(ValueError):
            self._all.remove(transfer)

    def progress(self) -> Progress | None:
        """Return how far they are; None if there are none."""
        every = list(self._all)
        if not every:
            return None
        done = sum(each.is_done for each in every)
        received = sum(each.received for each in every)
        sizes = [each.size for each in every]
        total = sum(sizes) if all(sizes) else 0
        return Progress("Fetching", "files", done, len(every), received, total)


def trying(attempt: Attempt, target: str, files: Progress | None) -> Progress:
    """Return the progress of a resolver that goes back to other versions.

    :param target: the label of the target, if there are several.
    :param files: the files that are fetched meanwhile, perhaps because of that.
    """
    subject = f"{attempt.project} {attempt.version}"
    is_fetching = files is not None and not files.is_done
    sizes = (files.size, files.total_size) if files is not None and is_fetching else (0, 0)
    return Progress("Trying", "versions", attempt.number, attempt.total, *sizes, subject, target)


@contextmanager
def reporting(result: Path, find: Callable[[], Progress], *, watched: bool) -> Iterator[None]:
    """Write how far this process is to a file beside its result, while it changes.

    :param find: returns how far it is; called in a thread.
    :param watched: whether the parent reads it; otherwise nothing is done.
    """
    if not watched:
        yield
        return
    stop = Event()
    path = result.with_name(PROGRESS)

    def write() -> None:
        before: Progress | None = None
        while not stop.wait(_INTERVAL):
            progress = find()
            if progress != before:
                before = progress
                with suppress(OSError):  # the run can do without it, such as on a full disk
                    write_message(path, progress)

    thread = Thread(target=write, name="wheeltarget-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_PATIENCE)
