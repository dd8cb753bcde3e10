"""How far a task is that takes long, reported to whoever shows it.

A task calls :func:`report`, which does nothing unless somebody is :func:`watching`.

Start-up: every download loads this. Messages follow the types of the fields of :class:`Progress`,
so annotations are not postponed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is, as far as that is known.

    :param what: what it does, such as ``Fetching``.
    :param unit: what is counted, such as ``files``.
    :param done: how many of them are done.
    :param total: how many there are; 0 if nothing is counted.
    :param size: how many bytes are done.
    :param total_size: how many there are; 0 if that is not known.
    :param subject: what is worked on, such as ``numpy 1.26.4``, of which this is the number done.
    :param target: the target that it is for, if there are several.
    """

    what: str
    unit: str = "files"
    done: int = 0
    total: int = 0
    size: int = 0
    total_size: int = 0
    subject: str = ""
    target: str = ""

    @property
    def is_done(self) -> bool:
        """Return whether everything that was counted is done."""
        return self.done >= self.total


Watch = Callable[[Progress | None], None]
"""Called often with the progress; with None if another process is about to use the terminal."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Send what is reported meanwhile, in this thread, to a function."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def is_watched() -> bool:
    """Return whether anybody is watching."""
    return _watch.get() is not None


def report(progress: Progress | None) -> None:
    """Report how far a task is; None if nothing may be shown for now."""
    if (watch := _watch.get()) is not None:
        watch(progress)


def reported(
    items: Sequence[_T], what: str, unit: str = "files", size: Callable[[_T], int] | None = None
) -> Iterable[_T]:
    """Return the items of a loop, and report before each how far it is.

    :param size: returns the size of an item in bytes.
    """
    return items if _watch.get() is None else _reported(items, what, unit, size)


def _reported(
    items: Sequence[_T], what: str, unit: str, size: Callable[[_T], int] | None
) -> Iterator[_T]:
    sizes = [size(item) for item in items] if size else [0] * len(items)
    total, received = sum(sizes), 0
    for number, (item, length) in enumerate(zip(items, sizes, strict=True)):
        report(Progress(what, unit, number, len(items), received, total))
        yield item
        received += length


def combined(parts: Iterable[Progress]) -> Progress | None:
    """Return the progress of several processes as one; None if there are no parts.

    What is done is that of the first part that is not done; only parts that do the same count. A
    part with a subject stands for itself.
    """
    every = tuple(parts)
    first = next((part for part in every if not part.is_done), every[0] if every else None)
    if first is None or first.subject:
        return first
    alike = [part for part in every if (part.what, part.unit) == (first.what, first.unit)]
    sizes = [part.total_size for part in alike]
    return Progress(
        first.what,
        first.unit,
        sum(part.done for part in alike),
        sum(part.total for part in alike),
        sum(part.size for part in alike),
        sum(sizes) if all(sizes) else 0,
    )
