"""What is asked of ``wheeltarget download``, and its words read without Typer.

Loading Typer takes longer than everything else that a run does before pip starts. So plain words
are read here: our own options as they are documented, and everything else as pip's. What this
reader does not surely understand, such as ``--help`` or a value that is wrong, it leaves to Typer,
which means the same by all the other words; a property test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.errors import UsageError

FORMATS = ("text", "json")
"""How a result can be written."""

_STANDARD_OUTPUT = "-"
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """What a person asks of ``wheeltarget download``.

    :param words: pip's own words, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param allow_sdist: the projects of which a source is kept where no wheel will do, each a list
        with commas.
    :param build_pure: those of which a pure Python wheel is built of it, likewise.
    :param by_target: whether each target has a folder of its own in the destination.
    :param dry_run: whether only to say what would be fetched.
    :param children: how many of pip's processes may run at once.
    :param report: where to write what was taken, as JSON.
    :param wants_outcome: whether an outcome is wanted of a run that is pip's own, too.
    :param only_jobs: the labels of the jobs to run, or the names of their folders; all if empty.
    :param refresh: whether what earlier runs came to is to be forgotten.
    :param environment: the environment's variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    by_target: bool = False
    dry_run: bool = False
    children: int = 1
    report: Path | None = None
    wants_outcome: bool = False
    refresh: bool = False
    only_jobs: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @property
    def has_options(self) -> bool:
        """Tell whether anything is asked for beyond what pip itself can do."""
        return self != DownloadRequest(self.words, environment=self.environment)

    @property
    def is_repeatable(self) -> bool:
        """Tell whether a run does no more than fill the destination, say so and report it."""
        usual = DownloadRequest(
            self.words,
            self.tags,
            self.targets,
            by_target=self.by_target,
            children=self.children,
            report=self.report,
            wants_outcome=self.wants_outcome,
            refresh=self.refresh,
            only_jobs=self.only_jobs,
            environment=self.environment,
        )
        return self == usual


def make_request(
    words: Sequence[str],
    *,
    tags: Sequence[str] = (),
    target: Sequence[str] = (),
    allow_sdist: Sequence[str] = (),
    build_pure: Sequence[str] = (),
    by_target: bool = False,
    dry_run: bool = False,
    jobs: int = 1,
    report: Path | None = None,
    refresh: bool = False,
    only_job: Sequence[str] = (),
    output_format: str = FORMATS[0],
) -> DownloadRequest:
    """Make a request of what was read, whoever has read it.

    :param words: pip's own words; the other parameters are the values of our options, of which
        ``output_format`` is that of ``--format``.
    :returns: the request; where a report goes to standard output, an outcome is wanted there.
    """
    to_stdout = str(report) == _STANDARD_OUTPUT
    return DownloadRequest(
        words=tuple(words),
        tags=tuple(tags),
        targets=tuple(target),
        allow_sdist=tuple(allow_sdist),
        build_pure=tuple(build_pure),
        by_target=by_target,
        dry_run=dry_run,
        children=jobs,
        report=None if to_stdout else report,
        wants_outcome=to_stdout or output_format == "json",
        refresh=refresh,
        only_jobs=tuple(only_job),
    )


class _UnsureError(Exception):
    """Typer has to read the words."""


def read_jobs(text: str) -> int:
    """Read how many targets are to be worked on at once.

    :param text: the value of ``--jobs``.
    :raises UsageError: where it is no such number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text)):
        raise UsageError(
            f"--jobs takes a whole number from 1 up, not {text!r}", "write it like --jobs 4"
        )
    return int(text)


def _read_path(text: str) -> Path:
    if not text:
        raise _UnsureError
    return Path(text)


def _read_format(text: str) -> str:
    if text not in FORMATS:
        raise _UnsureError
    return text


@dataclass(frozen=True, slots=True)
class Option:
    """One of our own options.

    :param parameter: the parameter of :func:`make_request` that its value is for.
    :param read: reads its value; None where it takes none.
    :param repeated: whether each of its values counts, not the last one alone.
    """

    parameter: str
    read: Callable[[str], Any] | None = None
    repeated: bool = False


OPTIONS: Mapping[str, Option] = {
    "--tags": Option("tags", str, repeated=True),
    "--target": Option("target", str, repeated=True),
    "--by-target": Option("by_target"),
    "--only-job": Option("only_job", str, repeated=True),
    "--jobs": Option("jobs", read_jobs),
    "--allow-sdist": Option("allow_sdist", str, repeated=True),
    "--build-pure": Option("build_pure", str, repeated=True),
    "--dry-run": Option("dry_run"),
    "--report": Option("report", _read_path),
    "--refresh": Option("refresh"),
    "--format": Option("output_format", _read_format),
}
"""Our own options, as :mod:`wheeltarget.cli.app` declares them to Typer."""


def read_request(words: Sequence[str]) -> DownloadRequest | None:
    """Read the words of a command line.

    :param words: what stands behind ``download``.
    :returns: what Typer would make of them; None where it has to read them itself.
    """
    values: dict[str, Any] = {}
    others: list[str] = []
    rest = iter(words)
    try:
        for word in rest:
            if word == "--":
                others += [word, *rest]
            elif word in {"-h", "--help"}:
                return None
            elif not _take(word, rest, values):
                others.append(word)
    except (_UnsureError, UsageError, StopIteration):
        return None
    return make_request(others, **values)


def _take(word: str, rest: Any, values: dict[str, Any]) -> bool:
    """Take a word in, with its value, if it is an option of ours."""
    name, equals, text = word.partition("=")
    option = OPTIONS.get(name)
    if option is None:
        return False
    if option.read is None:
        if equals:
            raise _UnsureError
        values[option.parameter] = True
        return True
    if not equals:
        text = next(rest)
        if text in {"-h", "--help", "--"}:
            raise _UnsureError
    value = option.read(text)
    if option.repeated:
        values.setdefault(option.parameter, []).append(value)
    else:
        values[option.parameter] = value
    return True
