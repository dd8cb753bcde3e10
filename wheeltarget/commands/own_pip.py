"""Find the wheels that the pip of a target cannot install, and say what to do about them.

The files for a target are those that the newest pip for its Python chooses. An older pip may not
see some of them. Then it finds nothing, or takes an older release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheeltarget.targets.own_pip import OwnPip, Reading, reading_of_sources
from wheeltarget.targets.target import Target

_PIP = "pip"


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file that the pip of its target does not install.

    :param filename: the name of the file.
    :param reading: what the pip does not read.
    """

    filename: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class OldPip:
    """The pip of a target that cannot install some of the files.

    :param target: the target.
    :param label: its name in messages.
    :param pip: its pip.
    :param files: the files that it cannot install; at least one.
    :param brought: the version of a pip among the files that reads them all; empty if there is
        none.
    """

    target: Target
    label: str
    pip: OwnPip
    files: tuple[UnreadFile, ...]
    brought: str = ""

    @property
    def is_note(self) -> bool:
        """Return whether the files can be installed anyway, as far as that is known."""
        return self.pip.is_assumed or bool(self.brought)

    @property
    def advice(self) -> str:
        """Return what to do, as a clause."""
        if self.brought:
            return f"use pip {self.brought}, which is one of the files"
        advice = "upgrade pip there first, or download a newer one with --with-pip"
        tag = self._lower_tag()
        return f"{advice}; or choose files for the tag {tag}" if tag else advice

    def explain(self) -> str:
        """Return all of it as one sentence."""
        first = max(self.files, key=lambda each: Version(each.reading.pip))
        others = len(self.files) - 1
        files = first.filename
        if others:
            files += f" and {others} other file{'s' if others > 1 else ''}"
        has = f"{self.label} has pip {self.pip.version}, which"
        if self.pip.is_assumed:
            has = (
                f"{self.label}: the pip that {self.pip.comes_with} comes with, {self.pip.version},"
            )
        return f"{has} cannot install {files}: {explain_reading(first.reading)}; {self.advice}"

    def _lower_tag(self) -> str:
        """Return the best tag of the target's own ABI that the pip reads; empty without one."""
        if not any(each.filename.endswith(".whl") for each in self.files):
            return ""
        interpreter, abi, _ = self.target.tags[0].split("-")
        own = (each for each in self.target.tags if each.startswith(f"{interpreter}-{abi}-"))
        named = (each for each in own if not each.split("-")[2].startswith(("linux_", "any")))
        tag = next(filter(self.pip.reads, named), "")
        return "" if tag == self.target.tags[0] else tag


def explain_reading(reading: Reading) -> str:
    """Return which pip reads something first, as a clause."""
    return f"pip reads {reading.what} since {reading.pip}"


def find_old_pip(
    target: Target | None, label: str, filenames: Iterable[str], sources: Iterable[str] = ()
) -> OldPip | None:
    """Return the pip of a target if it cannot install some files for it.

    A wheel does not count if the pip can install another one of the same release.

    :param target: the target; None for the running interpreter.
    :param label: its name in messages.
    :param filenames: the names of the files, perhaps with those for other targets.
    :param sources: the names of the sources without a ``setup.py`` that it has to build.
    :returns: None if it can install them, or if the target's pip is not known.
    """
    if target is None or target.pip is None:
        return None
    accepted = frozenset(target.tags)
    unread: defaultdict[tuple[str, str], list[UnreadFile]] = defaultdict(list)
    readable = set()
    for filename in filenames:
        name, version, tags = _parse(filename)
        usable = accepted.intersection(tags)
        reading = target.pip.unread_of(usable)
        if reading is not None:
            unread[name, version].append(UnreadFile(filename, reading))
        elif usable:
            readable.add((name, version))
    files = [each for release, found in unread.items() if release not in readable for each in found]
    reading = reading_of_sources()
    files += (UnreadFile(each, reading) for each in sources if not target.pip.knows(reading))
    if not files:
        return None
    brought = _newest(version for name, version in readable if name == _PIP)
    if brought and not all(OwnPip(brought).knows(each.reading) for each in files):
        brought = ""
    return OldPip(target, label, target.pip, tuple(files), brought)


def note_old_pips(
    targets: Iterable[tuple[Target | None, str]], filenames: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yield a note for each target whose pip cannot install its files, and has no newer one there.

    :param targets: the targets with their labels; None for the running interpreter.
    :param filenames: the names of the files of each target.
    """
    for (target, label), names in zip(targets, filenames, strict=True):
        found = find_old_pip(target, label, names)
        if found is not None and not found.brought:
            yield found.explain()


def _parse(filename: str) -> tuple[str, str, Iterator[str]]:
    """Return the project, the version and the tags of a wheel; no tags for another file."""
    parts = filename.lower().removesuffix(".whl").split("-")
    if not filename.lower().endswith(".whl") or len(parts) < 5:
        return "", "", iter(())
    tags = map("-".join, product(*(part.split(".") for part in parts[-3:])))
    return canonicalize_name(parts[0]), parts[1], tags


def _newest(versions: Iterable[str]) -> str:
    found = []
    for each in versions:
        try:
            found.append(Version(each))
        except InvalidVersion:
            continue
    return str(max(found, default=""))
