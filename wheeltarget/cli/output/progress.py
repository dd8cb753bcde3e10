"""Progress in one line of a terminal, which is redrawn and in the end erased.

The cursor stays at the end of the line. So whoever writes to the terminal erases the line first,
and the next redraw puts it below. pip's process does that, too; see
:mod:`wheeltarget.pip_child.patches.terminal`.

start-up: rich is loaded only when something is shown.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.text import format_size
from wheeltarget.errors import WheeltargetError
from wheeltarget.utils.progress import Progress, watching

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.segment import Segment

    from wheeltarget.commands.invocation import Invocation

_DELAY, _INTERVAL = 0.3, 0.1
"""Seconds before anything is shown, so that short runs show nothing, and between two redraws."""

_MEMORY = 5.0  # seconds over which the speed is averaged
_WIDE = 60  # columns from which on there is a bar
_SPINNER = 2  # columns
_NONE = frozenset({"off", "raw"})
"""Values of pip's option for the progress bar with which this line is not shown."""


@contextmanager
def progress_line(invocation: Invocation | None = None, *, quiet: bool = False) -> Iterator[None]:
    """Show in a line of the terminal what tasks report meanwhile, if there is a terminal.

    :param invocation: decides by pip's options; None for a command that has none, for which pip's
        configuration decides.
    """
    if quiet or not _is_capable(sys.stderr):
        yield
        return
    invocation = invocation or _read_configuration()
    if not _is_wanted(invocation):
        yield
        return
    line = Line(sys.stderr, coloured=invocation is None or invocation.is_coloured)
    with watching(line.show):
        try:
            yield
        finally:
            line.erase()


def _read_configuration() -> Invocation | None:
    from wheeltarget.commands.invocation import read_invocation

    try:
        return read_invocation(())
    except WheeltargetError:
        return None  # a command that needs the configuration reports it


def _is_wanted(invocation: Invocation | None) -> bool:
    if invocation is None:
        return True
    configured = invocation.settings.get("progress-bar", "")
    bar = (configured, *invocation.command.values("--progress-bar"))[-1]
    return bar not in _NONE and not invocation.is_quiet


def _is_capable(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can erase a line, and rich is there to draw it."""
    is_terminal = stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
    return is_terminal and find_spec("rich") is not None  # it comes with Typer


class Line:
    """A line of a terminal that shows progress."""

    def __init__(
        self, stream: TextIO, *, coloured: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._coloured, self._clock = stream, coloured, clock
        self._began = clock()
        self._next = self._began + _DELAY
        self._speed = Speed()
        self._console: Console | None = None
        self._bars: dict[bool, Bars] = {}
        self._is_drawn = False

    def show(self, progress: Progress | None) -> None:
        """Draw the line, unless that was just done; erase it if there is no progress."""
        now = self._clock()
        if progress is None:
            self.erase()
        elif now >= self._next:
            self._next = now + _INTERVAL
            self._speed.note(progress, now)
            self._draw(progress, now)

    def erase(self) -> None:
        """Erase the line, if it was drawn."""
        if self._is_drawn and self._console is not None:
            self._is_drawn = False
            self._write(self._console, [])

    def _draw(self, progress: Progress, now: float) -> None:
        from rich.console import Console

        if self._console is None:
            no_color = not self._coloured or bool(os.environ.get("NO_COLOR"))
            self._console = Console(file=self._stream, no_color=no_color)
        console = self._console
        if console.legacy_windows:  # pip's process could not erase the line
            return
        # How many versions will be tried is not known, so a bar would not show how far it is.
        is_wide = console.width >= _WIDE and not progress.subject
        if is_wide not in self._bars:
            self._bars[is_wide] = _make_bars(console, with_bar=is_wide)
        bars = self._bars[is_wide]
        room = None if is_wide else console.width - _SPINNER
        head, details = describe(progress, self._speed.rate, now - self._began, room)
        done, total = progress.done, progress.total
        if progress.total_size:
            done, total = progress.size, progress.total_size
        task = bars.tasks[0]
        task.total, task.completed = max(total, 1), done
        # The bar of a task that has not started only shows that something goes on.
        task.start_time = now if total else None
        task.fields.update(head=head, details=details)
        options = console.options.update(no_wrap=True, overflow="crop")
        table = bars.make_tasks_table(bars.tasks)
        table.expand = is_wide
        self._write(console, console.render_lines(table, options, pad=False)[0])
        self._is_drawn = True

    def _write(self, console: Console, segments: list[Segment]) -> None:
        """Replace the line, by one call, so that nothing is written in between."""
        from rich.control import Control
        from rich.segment import ControlType, Segments

        # Without a terminal to write to, the run goes on.
        with suppress(OSError), console:
            console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            console.print(Segments(segments), end="")


def _make_bars(console: Console, *, with_bar: bool) -> Bars:
    """Return what renders the line, with one task."""
    from rich import progress

    columns: list[progress.ProgressColumn] = [
        progress.SpinnerColumn("line"),
        progress.TextColumn("{task.fields[head]}", markup=False),
        progress.TextColumn("{task.fields[details]}", markup=False),
    ]
    if with_bar:
        columns.insert(2, progress.BarColumn(bar_width=None))
    bars = progress.Progress(*columns, console=console, auto_refresh=False)
    bars.add_task("")
    return bars


class Speed:
    """The speed of a task in bytes per second, averaged over the last seconds."""

    def __init__(self) -> None:
        self._task = ""
        self._samples: list[tuple[float, int]] = []

    def note(self, progress: Progress, now: float) -> None:
        """Note a progress; another task begins anew."""
        if progress.what != self._task:
            self._task, self._samples = progress.what, []
        self._samples.append((now, progress.size))
        while len(self._samples) > 2 and self._samples[1][0] < now - _MEMORY:
            del self._samples[0]

    @property
    def rate(self) -> float:
        """Return bytes per second; 0 if not known."""
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return max(after - before, 0) / (last - first) if last > first else 0.0


def describe(
    progress: Progress, rate: float, elapsed: float, room: int | None = None
) -> tuple[str, str]:
    """Return what is left of the bar, such as ``Fetching 12/60 files``, and what is right of it.

    :param rate: in bytes per second; 0 if not known.
    :param elapsed: seconds since the run began.
    :param room: how many characters there is room for, if that is little; what matters least is
        left out.
    """
    size = speed = ""
    if progress.total_size:
        size = format_part(progress.size, progress.total_size)
    elif progress.size:
        size = format_size(progress.size)
    left = progress.total_size - progress.size
    duration = format_time(elapsed)
    if rate >= 1:
        speed = f"{format_size(int(rate))}/s"
        duration = f"eta {format_time(left / rate)}" if left > 0 else duration
    details = [
        " ".join(filter(None, parts)) for parts in ((size, speed, duration), (size, duration))
    ]
    details += [size, ""]
    heads = list(_heads(progress, is_narrow=room is not None))
    if room is None:
        return heads[0], details[0]
    # What is counted matters more than how long it takes, and bytes more than the target.
    rows = [(head, text) for head in heads for text in details if text or head == heads[-1]]
    return next((row for row in rows if len(" ".join(row)) <= room), rows[-1])


def _heads(progress: Progress, *, is_narrow: bool) -> Iterator[str]:
    """Yield what a progress is about, from the longest text to the shortest."""
    done, total, what = progress.done, progress.total, progress.what
    if not progress.subject:
        unit = "" if is_narrow else f" {progress.unit}"
        yield f"{what} {done}/{total}{unit}" if total else what
        return
    what += f" {progress.subject}"
    if progress.target:
        yield f"{what} for {progress.target} ({done} of {total} {progress.unit})"
    yield f"{what} ({done} of {total} {progress.unit})"
    yield f"{what} {done}/{total}"
    yield what


def format_part(size: int, total: int) -> str:
    """Return a part of a size, with the unit of the whole, such as ``0.3/16.9 MB``."""
    whole, unit = format_size(total).rsplit(" ", 1)
    divisor = {"MB": 1_000_000, "kB": 1000}.get(unit)
    return f"{size / divisor:.1f}/{whole} {unit}" if divisor else f"{size}/{whole} {unit}"


def format_time(seconds: float) -> str:
    """Return a duration as ``1:05`` or ``1:00:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
