"""Read the requirements of an upcoming job.

pip's own command parses the arguments and reads the files, with the session of the run, whose state
is restored. Nothing is fetched. A job with other indexes or credentials than the current one is
left until its turn.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from wheeltarget.pip_child.prefetch.session import SharedSession, session_options

_FOUND = ("_all_candidates", "_best_candidates", "_requires_python_skipped", "_logged_links")
"""Attributes of a finder for files that it has found or skipped; each pip has some of them."""

_COMPARED_BY_CONTENT = ("_link_collector", "_target_python")


@dataclass(frozen=True, slots=True)
class UpcomingRequirements:
    """The requirements of an upcoming job.

    :param options: pip's options.
    :param finder: pip's finder.
    :param roots: pip's requirements and constraints.
    """

    options: Any
    finder: Any
    roots: list[Any]


def read_options(arguments: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """Parse the arguments of a job; return pip's command, its options and the requirements."""
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, requirements = command.parse_args(list(arguments))
    return command, options, requirements


def read_requirements(
    arguments: Sequence[str], sessions: SharedSession, like: Any
) -> UpcomingRequirements | None:
    """Read the requirements of a job.

    :param arguments: its arguments.
    :param sessions: the session of the run.
    :param like: pip's options for the current job.
    :returns: the requirements; None if the job needs another session or other settings of it.
    """
    from pip._internal.cli.cmdoptions import make_target_python

    with _muted():
        command, options, requirements = read_options(arguments)
        if session_options(options) != session_options(like):
            return None
        options.editables = []  # as pip's command does first
        with sessions.reset() as is_as_before:
            finder = command._build_package_finder(
                options=options,
                session=sessions.session,
                target_python=make_target_python(options),
                ignore_requires_python=options.ignore_requires_python,
            )
            roots = command.get_requirements(requirements, options, finder, sessions.session)
            if not is_as_before():
                return None
    return UpcomingRequirements(options, finder, roots)


def is_same(roots: Iterable[Any], others: Iterable[Any]) -> bool:
    """Return whether pip's requirements are equal."""

    def key(root: Any) -> tuple[str, bool, list[str], dict[str, list[str]]]:
        return str(root), root.constraint, sorted(root.extras), root.hash_options

    return list(map(key, roots)) == list(map(key, others))


def copy_findings(finder: Any, other: Any) -> list[str]:
    """Copy what one of pip's finders has found to another, if that would find the same.

    :param finder: the finder to copy to, which has found nothing so far.
    :param other: the finder to copy from.
    :returns: the names of the copied projects.
    """
    if not _find_the_same(finder, other) or finder._all_candidates:
        return []
    for name in _FOUND:
        if name in vars(other):
            vars(finder)[name].update(vars(other)[name])
    return list(other._all_candidates)


def _find_the_same(finder: Any, other: Any) -> bool:
    """Return whether two finders have the same settings."""

    def key(each: Any) -> list[Any]:
        target, collector = each._target_python, each._link_collector
        names = ("platforms", "py_version_info", "abis", "implementation")
        others = {*_FOUND, *_COMPARED_BY_CONTENT}
        settings = {name: value for name, value in vars(each).items() if name not in others}
        return [
            settings,
            [getattr(target, name) for name in names],
            collector.search_scope,
            id(collector.session),
        ]

    return key(finder) == key(other)


@contextmanager
def _muted() -> Iterator[None]:
    """Hide pip's output; it prints the same when it is the turn of the job."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
