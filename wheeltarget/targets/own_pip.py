"""The pip that a target has, and what it reads.

The newest pip that runs on the Python of a target decides how wheeltarget reads names and
specifiers for it; see :mod:`wheeltarget.targets.newest_pip`. A machine may have an older one, which
may not install what the newest pip would.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

_VERSION = re.compile(
    r"\d{1,6}(?:\.\d{1,6}){0,4}(?:(?:a|b|rc|\.dev|\.post)\d{1,6})?(?:\+[a-z\d]+(?:\.[a-z\d]+)*)?",
    re.ASCII,
)


def is_version(value: object) -> bool:
    """Return whether something is the version of a pip."""
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that older pips do not read: a row of ``own_pip.toml``.

    :param what: its name in messages.
    :param then: what an older pip does.
    :param source: where this is from.
    :param pip: the first pip that reads it; empty if every pip does.
    :param tags: the pattern of the tags that are meant, if it is about tags.
    :param but_not: the first of the older pips that do not read it, if still older ones do.
    """

    what: str
    then: str
    source: str
    pip: str = ""
    tags: str = ""
    but_not: str = ""


@dataclass(frozen=True, slots=True)
class OwnPip:
    """The pip of a target.

    :param version: its version, such as ``18.1``.
    :param comes_with: the Python that comes with it, such as ``CPython 3.6``, if nobody has said
        which pip the target has; else empty.
    :raises ValueError: if the version is not one.
    """

    version: str
    comes_with: str = ""

    def __post_init__(self) -> None:
        if not is_version(self.version):
            raise ValueError(self.version)

    @property
    def is_assumed(self) -> bool:
        """Return whether this is only the pip that such a Python comes with."""
        return bool(self.comes_with)

    def knows(self, reading: Reading) -> bool:
        """Return whether this pip reads something."""
        own, before = Version(self.version), reading.but_not
        return (
            not reading.pip or own >= Version(reading.pip) or bool(before and own < Version(before))
        )

    def reads(self, tag: str) -> bool:
        """Return whether this pip installs wheels with a tag that its target accepts."""
        return self.unread(tag) is None

    def unread(self, tag: str) -> Reading | None:
        """Return what keeps this pip from reading a tag, and is read last; None if nothing does."""
        found = [each for each, pattern in _patterns() if pattern.fullmatch(tag)]
        return max((e for e in found if not self.knows(e)), key=_since, default=None)

    def unread_of(self, tags: Iterable[str]) -> Reading | None:
        """Return what keeps this pip from installing a wheel.

        :param tags: those tags of the wheel that the target accepts.
        :returns: what the oldest pip that installs it reads; None if this pip does, or if there
            are no tags.
        """
        found = [self.unread(tag) for tag in tags]
        return None if None in found else min(filter(None, found), key=_since, default=None)


def reading_of_sources() -> Reading:
    """Return what a pip has to read for a source without a ``setup.py``."""
    return readings()["files"][0]


def _since(reading: Reading) -> Version:
    return Version(reading.pip)


@functools.cache
def readings() -> Mapping[str, Sequence[Reading]]:
    """Return what not every pip reads: by tags, metadata, files and indexes."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {kind: [Reading(**row) for row in table[kind]] for kind in table["kinds"]}


@functools.cache
def _patterns() -> Sequence[tuple[Reading, re.Pattern[str]]]:
    return [(each, re.compile(each.tags, re.ASCII)) for each in readings()["tags"]]
