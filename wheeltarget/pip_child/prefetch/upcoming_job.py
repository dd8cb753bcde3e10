"""What pip will be asked for in a job whose turn has not come, as pip itself reads it.

Its words are parsed and its files are read by pip's own command, with the session of the run, which
is left as it is. Nothing is fetched for that. Whatever is not exactly as for the job at hand, as
other indexes or credentials, is left until the turn of the job.
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
"""Attributes for what a finder has found, and passed over; no pip has both of the latter."""

_ELSEWHERE = ("_link_collector", "_target_python")
"""Attributes that are compared by what is in them."""


@dataclass(frozen=True, slots=True)
class UpcomingRequirements:
    """What pip will be asked for.

    :param options: its options.
    :param finder: its finder.
    :param roots: its requirements, constraints among them.
    """

    options: Any
    finder: Any
    roots: list[Any]


def read_options(arguments: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """Let pip read the words of a job.

    :param arguments: the words.
    :returns: pip's command, its options and the other words.
    """
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, words = command.parse_args(list(arguments))
    return command, options, words


def look_at(
    arguments: Sequence[str], sessions: SharedSession, like: Any
) -> UpcomingRequirements | None:
    """Read what a job asks for.

    :param arguments: its words.
    :param sessions: keeps the session.
    :param like: pip's options for the job at hand.
    :returns: what it asks for; None where it is to be fetched in another way than that.
    """
    from pip._internal.cli.cmdoptions import make_target_python

    with _in_silence():
        command, options, words = read_options(arguments)
        if session_options(options) != session_options(like):
            return None
        options.editables = []  # as its command does before it looks at anything
        with sessions.begun_anew() as is_as_before:
            finder = command._build_package_finder(
                options=options,
                session=sessions.session,
                target_python=make_target_python(options),
                ignore_requires_python=options.ignore_requires_python,
            )
            roots = command.get_requirements(words, options, finder, sessions.session)
            if not is_as_before():
                return None
    return UpcomingRequirements(options, finder, roots)


def is_same(roots: Iterable[Any], others: Iterable[Any]) -> bool:
    """Return whether pip's requirements say the same."""

    def say(root: Any) -> tuple[str, bool, list[str], dict[str, list[str]]]:
        return str(root), root.constraint, sorted(root.extras), root.hash_options

    return list(map(say, roots)) == list(map(say, others))


def copy_findings(finder: Any, other: Any) -> list[str]:
    """Let one of pip's finders know what another has found, where it would find the same.

    :param finder: the one, which has found nothing so far.
    :param other: the other one.
    :returns: the names of the projects of which it knows now.
    """
    if not _find_the_same(finder, other) or finder._all_candidates:
        return []
    for name in _FOUND:
        if name in vars(other):
            vars(finder)[name].update(vars(other)[name])
    return list(other._all_candidates)


def _find_the_same(finder: Any, other: Any) -> bool:
    """Return whether all that two finders go by is alike."""

    def goes_by(each: Any) -> list[Any]:
        target, collector = each._target_python, each._link_collector
        names = ("platforms", "py_version_info", "abis", "implementation")
        apart = {*_FOUND, *_ELSEWHERE}
        settings = {name: value for name, value in vars(each).items() if name not in apart}
        return [
            settings,
            [getattr(target, name) for name in names],
            collector.search_scope,
            id(collector.session),
        ]

    return goes_by(finder) == goes_by(other)


@contextmanager
def _in_silence() -> Iterator[None]:
    """Let pip say nothing; what there is to say, it says when it is the turn of the job."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
