"""Describe the statuses that indexes give projects, which pip ignores.

pip finds no files of a quarantined project, since its index offers none.
Specification: the page "Project Status Markers" of packaging.python.org (PEP 792).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wheeltarget.pip_protocol import ProjectStatus
from wheeltarget.utils.text import redact, visible

_QUARANTINED = "quarantined"
_KNOWN = frozenset({"archived", "deprecated", _QUARANTINED})
_LONGEST_REASON = 300


def describe(status: ProjectStatus) -> str:
    """Return a status in one sentence on one line, with the reason of the index, if it has one."""
    is_known = status.status in _KNOWN
    what = f"is {status.status}" if is_known else f"has the status {_on_one_line(status.status)}"
    reason = _on_one_line(status.reason)
    where = f"according to {visible(status.index)}"
    return f"{status.project} {what} {where}{': ' if reason else ''}{reason}"


def describe_all(statuses: Iterable[ProjectStatus]) -> Iterator[str]:
    """Yield each status in one sentence, once, by project."""
    for status in sorted(dict.fromkeys(statuses), key=lambda each: (each.project, each.index)):
        yield describe(status)


def describe_quarantined(statuses: Iterable[ProjectStatus]) -> Iterator[str]:
    """Yield a sentence for each quarantined project."""
    yield from describe_all(each for each in statuses if each.status == _QUARANTINED)


def _on_one_line(text: str) -> str:
    short = " ".join(redact(text[: 2 * _LONGEST_REASON]).split())
    return visible(short if len(short) <= _LONGEST_REASON else f"{short[:_LONGEST_REASON]}…")
