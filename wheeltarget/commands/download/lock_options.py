"""Each option of pip's ``download`` beside a lock, and the rules that locked files must keep.

A lock has chosen every file already. An option that would choose others is refused; a rule about
files, such as a cut-off, is checked for each file; the others decide how files are fetched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheeltarget.errors import DownloadError, Fault, UsageError
from wheeltarget.lockfile.reader import PinnedFile
from wheeltarget.pip_config.options import CommandLine, is_on


class Effect(Enum):
    """The effect of an option beside a lock."""

    OWN = "wheeltarget itself reads it"
    CHOOSES = "it is refused, but ignored in pip's configuration: a lock has chosen already"
    ADDS = "it is refused: it names other requirements, or another pip"
    RULE = "every file that the lock names has to keep it"
    FETCHES = "it decides how and where files are fetched, or what is shown"
    IDLE = "it has nothing to decide: nothing is resolved or built, and every hash is checked"


_OPTIONS = {
    Effect.OWN: "requirement dest",
    Effect.CHOOSES: (
        "constraint platform python-version implementation abi no-binary only-deps help version"
    ),
    Effect.ADDS: "group python requirements-from-script",
    Effect.RULE: ("uploaded-prior-to only-final all-releases pre only-binary require-virtualenv"),
    Effect.FETCHES: (
        "index-url extra-index-url no-index find-links trusted-host cert client-cert proxy "
        "no-proxy-env keyring-provider retries resume-retries timeout cache-dir no-cache-dir "
        "refresh-package use-feature use-deprecated isolated no-input progress-bar no-color "
        "quiet verbose log debug disable-pip-version-check no-python-version-warning"
    ),
    # pip refuses a lock for another Python even with --ignore-requires-python.
    Effect.IDLE: (
        "no-deps prefer-binary ignore-requires-python require-hashes no-require-hashes "
        "build-constraint no-build-isolation use-pep517 check-build-dependencies src no-clean "
        "exists-action"
    ),
}

EFFECTS: Mapping[str, Effect] = {
    f"--{name}": effect for effect, names in _OPTIONS.items() for name in names.split()
}
"""The effect of each option of pip's ``download`` beside a lock."""

_DURATION = re.compile(r"P([0-9]{1,9})D")
_CUT_OFF, _FINAL, _ALL = "--uploaded-prior-to", "--only-final", "--all-releases"
_WHEELS = "--only-binary"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a run for locked files.

    :param cut_off: files must have been uploaded before this time; None if it does not matter.
    :param final: the projects that must not be pre-releases, and may be; ``:all:`` stands for all.
    :param wheels: the projects that must be wheels.
    :param sources: the projects that may be sources nevertheless.
    :param texts: each rule as a message names it, by its option.
    """

    cut_off: datetime | None
    final: tuple[frozenset[str], frozenset[str]]
    wheels: frozenset[str]
    sources: frozenset[str]
    texts: Mapping[str, str]

    def faults(self, files: Iterable[PinnedFile]) -> Iterator[Fault]:
        """Yield a fault for each rule that a file breaks."""
        for file in files:
            for message, hint in self._broken(file):
                subject = f"{file.project} {file.version}".strip()
                yield file.fault(f"{subject}: {message}", hint)

    def _broken(self, file: PinnedFile) -> Iterator[tuple[str, str]]:
        again = "lock again with the same option, or leave it out here"
        if self.cut_off is not None and file.uploaded is not None:
            if file.uploaded >= self.cut_off:
                when = f"{file.filename} was uploaded on {file.uploaded:%Y-%m-%d}"
                yield f"{when}, which is too late for {self.texts[_CUT_OFF]}", again
        elif self.cut_off is not None and file.url and not file.is_direct:
            # As in pip, a file that is not from an index needs no time.
            what = f"the lock does not state when {file.filename} was uploaded"
            hint = "lock again: a lock has the upload times if the index gives them"
            yield f"{what}, which {_CUT_OFF} needs", hint
        if not file.is_direct and self._must_be_final(file.project) and _is_pre_release(file):
            yield f"this is a pre-release, which {self.texts[_FINAL]} does not allow", again
        if not file.is_wheel and self._must_be_wheel(file.project):
            message = f"{file.filename} is a source, which {self.texts[_WHEELS]} does not allow"
            yield message, f"--allow-sdist {file.project} keeps it for the target to build"

    def _must_be_wheel(self, project: str) -> bool:
        return project not in self.sources and not self.wheels.isdisjoint({project, ":all:"})

    def _must_be_final(self, project: str) -> bool:
        final, every = self.final
        if project in final or project in every:
            return project in final
        return ":all:" in final and ":all:" not in every


def _is_pre_release(file: PinnedFile) -> bool:
    try:
        return Version(file.version).is_prerelease
    except InvalidVersion:
        return False  # the lock has no version of it


def read_rules(
    command: CommandLine,
    settings: Mapping[str, str],
    now: datetime,
    sources: frozenset[str] = frozenset(),
) -> Rules:
    """Read the rules for locked files from options and pip's configuration.

    :param settings: pip's configuration, by long option without its dashes.
    :param now: the time, from which a duration counts back.
    :param sources: the projects that may be sources.
    :raises UsageError: if a value is wrong, or pip would refuse the combination.
    :raises DownloadError: if this has to be a virtual environment, and is not.
    """
    virtual = ("require-virtualenv", "require-venv")
    if any(is_on(command, settings, name) for name in virtual) and sys.prefix == sys.base_prefix:
        raise DownloadError(
            "wheeltarget is not in a virtual environment, as --require-virtualenv demands",
            "leave that out, or run wheeltarget in a virtual environment",
            exit_code=3,
        )
    configured = [(f"--{name}", value) for name, value in settings.items()]
    given = [(option.name, option.value or "") for option in command.options]
    texts = {name: f"{name} {value} in pip's configuration" for name, value in configured}
    texts |= {name: f"{name} {value}".rstrip() for name, value in given}
    every = [*configured, *given]
    final, releases = _split(every, _FINAL, _ALL)
    if is_on(command, settings, "pre") and (final or releases):
        raise UsageError(
            f"--pre cannot be combined with {_FINAL} or {_ALL}", "leave one of them out"
        )
    times = [value for name, value in every if name == _CUT_OFF]
    return Rules(
        _time(times[-1], now) if times else None,
        (final, releases),
        _split(every, _WHEELS, "--no-binary")[0],
        sources,
        texts,
    )


def _time(text: str, now: datetime) -> datetime:
    """Read a time as pip does: in ISO 8601, in local time without a zone, or as days until now."""
    try:
        if duration := _DURATION.fullmatch(text):
            return now - timedelta(days=int(duration[1]))
        time = datetime.fromisoformat(text)
        return time if time.tzinfo else time.astimezone()
    except (OverflowError, ValueError):
        message = f"{_CUT_OFF}: {text!r} is not a time"
        raise UsageError(message, "write it like 2026-01-31 or P7D") from None


def _split(
    options: Iterable[tuple[str, str]], name: str, opposite: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the projects of an option and of its opposite, as pip reads both in their order."""
    found: dict[str, set[str]] = {name: set(), opposite: set()}
    for option, value in options:
        if option not in found:
            continue
        mine, other = found[option], found[opposite if option == name else name]
        for project in value.split(","):
            if project == ":all:":
                other.clear()
                mine.clear()
                mine.add(project)
            elif project == ":none:":
                mine.clear()
            else:
                other.discard(canonicalize_name(project))
                mine.add(canonicalize_name(project))
    return frozenset(found[name]), frozenset(found[opposite])
