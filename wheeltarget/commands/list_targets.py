"""The command ``targets``: list the catalog, and describe single targets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from wheeltarget.errors import TargetError, UsageError
from wheeltarget.targets import catalog, names
from wheeltarget.targets.exclusions import Exclusions
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import (
    HOST,
    NamedTarget,
    Projects,
    System,
    UserTarget,
    known_sources,
    known_systems,
)
from wheeltarget.targets.provided import provided_projects
from wheeltarget.targets.target import MARKER_VARIABLES, Target


def _today() -> date:
    return datetime.now(tz=UTC).date()


@dataclass(frozen=True, slots=True)
class TargetsRequest:
    """The arguments of ``wheeltarget targets``.

    :param names: the targets to describe, values of ``target=`` or ``tags=``; if empty, list them.
    :param kinds: the kinds of systems to list; empty for all, ``own`` for user-defined targets.
    :param python: the required Python, such as ``3.12``; empty for any.
    :param today: the date that decides which targets are retired.
    """

    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    python: str = ""
    architecture: str = ""
    verified: bool = False
    retired: bool = True
    today: date = field(default_factory=_today)

    def __post_init__(self) -> None:
        chosen = (self.kinds, self.python, self.architecture, self.verified, not self.retired)
        if self.names and any(chosen):
            raise UsageError(
                "the options that choose systems for the list cannot be combined with NAME",
                "leave out either NAME or these options: --kind, --python, --arch, --verified, "
                "--no-retired",
            )


@dataclass(frozen=True, slots=True)
class Row:
    """Targets of a system with the same properties; the status is ``verified`` or ``inferred``."""

    system: System
    pythons: tuple[str, ...]
    architectures: tuple[str, ...]
    status: str
    retired: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One property of a target.

    :param status: ``verified`` or ``inferred``; ``follows`` (from the tag), ``assumed`` (the newest
        release), ``bundled`` (with the Python), ``given`` (in a file) or ``unknown``.
    :param seen: the ISO date on which it was read in its sources, or an empty string.
    """

    name: str
    value: str | int | None
    status: str
    sources: tuple[str, ...] = ()
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A target with its properties; its kind is a system, ``own``, ``tag`` or ``host``.

    :param provides: the projects that the service brings, each with the version that was seen.
    """

    target: Target
    title: str
    kind: str
    facts: tuple[Fact, ...]
    markers: tuple[Fact, ...]
    notes: Sequence[str] = ()
    provides: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetsOutcome:
    """The targets that are described, or the lists of systems and of user-defined targets."""

    described: tuple[Described, ...] = ()
    systems: tuple[Row, ...] = ()
    own: tuple[UserTarget, ...] = ()


def targets(request: TargetsRequest) -> TargetsOutcome:
    """Describe the named targets, or list all; raises TargetError if a name is not known."""
    if request.names:
        return TargetsOutcome(tuple(describe(each, request.today) for each in request.names))
    return TargetsOutcome((), list_systems(request), list_user_targets(request))


def list_systems(request: TargetsRequest) -> tuple[Row, ...]:
    """List the systems of the catalog that have such a target, in the order of the catalog."""
    systems = known_systems()
    wanted = (each for each in systems if not request.kinds or each.kind in request.kinds)
    return tuple(row for system in wanted for row in _rows(system, request))


def _rows(system: System, request: TargetsRequest) -> Iterator[Row]:
    one = system.architecture(request.architecture)
    wanted = {one} if request.architecture else {*system.platforms}
    groups: dict[tuple[tuple[str, ...], str, bool], list[str]] = {}
    for python in system.pythons:
        retired = system.is_retired(python, request.today)
        for status in ("verified", "inferred")[: 1 if request.verified else 2]:
            alike = tuple(
                each
                for each in system.platforms
                if each in wanted and system.status_of(python, each) == status
            )
            if alike and request.python in {"", python} and (request.retired or not retired):
                groups.setdefault((alike, status, retired), []).append(python)
    for (alike, status, retired), pythons in groups.items():
        yield Row(system, tuple(pythons), alike, status, retired)


def list_user_targets(request: TargetsRequest) -> tuple[UserTarget, ...]:
    """List the user-defined targets, unless a Python, an architecture or a kind is required."""
    if (request.kinds and "own" not in request.kinds) or request.python or request.architecture:
        return ()
    return tuple(names.user_targets(Path.cwd(), Projects()).values())


def describe(text: str, today: date) -> Described:
    """Describe a target, given a value of ``target=`` or ``tags=``."""
    if text == HOST:
        facts = _markers(catalog.host(), "verified", ("the running interpreter",))
        return Described(catalog.host(), "The interpreter that runs wheeltarget", "host", (), facts)
    is_path, path = names.is_path(text), Path(text)
    own = None if is_path else names.find_user_target(text, Path.cwd(), Projects())
    if is_path or (own and not catalog.only_excludes(own)):
        target = catalog.build_user_target(own) if own else catalog.read_target_file(path, text)
        file = os.fspath(own.file if own else path)
        facts = _markers(target, "given", (file,))
        notes = tuple(_note_left_out(target, file))
        pip = tuple(_pip(target, "given", (file,)))
        return Described(target, f"Described in {file}", "own", pip, facts, notes)
    try:
        target = catalog.look_up_tag(text)
    except TargetError:
        if names.LIKE_A_TAG.fullmatch(text):
            raise
        return _describe_named(find_target(text), today)
    markers, pip = _markers(target, "follows", ()), tuple(_pip(target, "follows", ()))
    return Described(target, "The environment of a tag", "tag", pip, markers)


def _describe_named(named: NamedTarget, today: date) -> Described:
    system, target, notes = named.system, catalog.build_named(named), list(named.system.notes)
    own = names.find_user_target(named.name, Path.cwd(), Projects())
    if own and catalog.only_excludes(own):
        target = catalog.build_user_target(own)
        notes += _note_left_out(target, os.fspath(own.file))
    facts = [Fact("tag", target.tags[0], named.status, _cite(system.sources))]
    facts += _pip(target, "verified", _cite(system.pip_sources))
    end = system.end_of(named.python)
    if end:
        name = "retired" if system.is_retired(named.python, today) else "supported until"
        facts.append(Fact(name, str(end), "verified", _cite(("eol",))))
    cited = _cite(system.limit_sources)
    for limit, value in system.limits.items():
        facts.append(Fact(limit, value, "verified", cited))
        if condition := system.limit_conditions.get(limit):
            facts.append(Fact(f"{limit} only", condition, "verified", cited))
    markers = _markers(target, "follows", (), named)
    provides = tuple(
        Fact(each.name, each.version or None, each.status, each.sources, each.seen)
        for each in provided_projects(named.name)
    )
    return Described(
        target, system.title, system.kind, tuple(facts), markers, tuple(notes), provides
    )


def _note_left_out(target: Target, file: str) -> Iterator[str]:
    """Yield a note on what the definition of a target leaves out, if it does."""
    if target.excluded:
        yield f"{file} leaves out {', '.join(Exclusions(target.excluded).patterns)}"


def _pip(target: Target, status: str, sources: tuple[str, ...]) -> Iterator[Fact]:
    """Yield the pip of a target, if it is known or assumed."""
    if target.pip is not None and target.pip.is_assumed:
        yield Fact("pip", target.pip.version, "bundled")
    elif target.pip is not None:
        yield Fact("pip", target.pip.version, status, sources)


def _cite(keys: Sequence[str]) -> tuple[str, ...]:
    sources = known_sources()
    return tuple(sources[key] for key in keys)


def _markers(
    target: Target, status: str, sources: tuple[str, ...], named: NamedTarget | None = None
) -> tuple[Fact, ...]:
    return tuple(_marker(name, target, status, sources, named) for name in MARKER_VARIABLES)


def _marker(
    name: str, target: Target, status: str, sources: tuple[str, ...], named: NamedTarget | None
) -> Fact:
    value = target.environment.get(name)
    if value is None:
        return Fact(name, None, "unknown")
    if named and name in named.system.markers:
        return Fact(name, value, named.status, _cite(named.system.sources))
    if status == "follows" and name in {"python_full_version", "implementation_version"}:
        if named is None or not named.system.releases.get(named.python):
            return Fact(name, value, "assumed")
        cited = _cite(named.system.python_sources or named.system.sources)
        return Fact(name, value, named.system.status, cited, named.system.python_seen)
    return Fact(name, value, status, sources)
