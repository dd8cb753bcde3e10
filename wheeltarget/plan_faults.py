"""Input of which no plan can be made: what a foreign target cannot have, and contradictions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wheeltarget.errors import Fault, UsageError
from wheeltarget.inputs import Entry
from wheeltarget.markers import evaluate
from wheeltarget.pip_options import CommandLine, GivenOption, split_file_options
from wheeltarget.requirements import RequirementsFile, SourceLine, locate
from wheeltarget.targets import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

_VERSION_CONTROL = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_DIRECT = re.compile(r"\s*+(?:[\w.\[\], -]+@\s*)?(?P<url>[A-Za-z][A-Za-z0-9+.-]+:[^\s;]*)")
_LOCAL = re.compile(r"\s*(?P<path>(?:\.{1,2}(?=$|[/\\\[\s])|[^\s<>=!~;@\[\]]*[/\\])[^;]*)")
_LONGEST = 50_000
_HINT = "give a wheel of it, or resolve it here: target=host"


def constraint_faults(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Refuse clauses in constraints files.

    :param entries: every line of the input.
    :returns: a fault for each constraint that names a target.
    """
    for entry in entries:
        if entry.constraint and entry.targets:
            yield locate(
                entry.targets[0].fault,
                "a constraint holds for every target; a clause is not taken here",
                "put the clause on the requirement",
            )


def foreign_faults(
    target: Target,
    lines: Sequence[SourceLine],
    files: Sequence[RequirementsFile],
    command: CommandLine,
) -> Iterator[Fault]:
    """Refuse what would have to be built, which a foreign target can't have from here.

    :param target: the target.
    :param lines: the requirements for it.
    :param files: all files, for the options in them, which hold for every line.
    :param command: the command line's options.
    :returns: a fault for each source tree, repository, source distribution and ``--no-binary``.
    """
    for line in lines:
        length = len(line.parsed.requirement)
        if length > _LONGEST:
            # pip would repeat all of it, more than once.
            message = f"a requirement of {length} characters is none"
            yield _at_requirement(line, message, "is this a requirements file?")
            continue
        what = _needs_build(line)
        if what:
            message = f"this is {what}, which cannot be built here for {target.label}"
            yield _at_requirement(line, message, _HINT)
    message = f"--no-binary cannot be kept for {target.label}: only wheels fit a foreign target"
    hint = "leave it out, or run pip download for those projects on their own"
    if _refuses_wheels(command.options):
        yield Fault(message, hint)
    for file in files:
        for line in file.lines:
            if "--no-b" in line.parsed.options and _refuses_wheels(_options(line)):
                yield line.fault(message, hint)


def _needs_build(line: SourceLine) -> str:
    """Say what a requirement is where no wheel of it can come from an index."""
    requirement = line.parsed.requirement
    if not requirement:
        editable = any(option.name == "--editable" for option in _options(line))
        return "an editable project" if editable else ""
    if _VERSION_CONTROL.search(requirement):
        return "a repository"
    direct = _DIRECT.match(requirement) or _LOCAL.match(requirement)
    if direct is None:
        return ""
    path = direct.group(1) if direct.re is _LOCAL else direct["url"]
    path = re.split(r"[?#]|\[[\w\s,.-]*\]\s*$", path.strip())[0].rstrip()
    if path.endswith(".whl"):
        return ""
    archive = re.search(r"\.(tar\.\w+|tgz|zip)$", path)
    return "a source distribution" if archive else "a source tree"


def _options(line: SourceLine) -> tuple[GivenOption, ...]:
    try:
        return split_file_options(line.parsed.options)
    except UsageError:
        return ()  # pip refuses the line in its own words


def _refuses_wheels(options: Iterable[GivenOption]) -> bool:
    """Tell whether sources are demanded for something."""
    demanded: set[str] = set()
    for option in options:
        if option.name == "--no-binary":
            names = (option.value or "").split(",")
            demanded = set() if ":none:" in names else demanded.union(names)
    return bool(demanded)


def pin_faults(target: Target, lines: Sequence[SourceLine]) -> Iterator[Fault]:
    """Refuse one project at two versions for one target.

    :param target: the target.
    :param lines: the requirements for it.
    :returns: a fault for each line that pins another version than a line before it.
    """
    from packaging.utils import canonicalize_name

    pins: dict[str, list[tuple[Specifier, SourceLine]]] = {}
    for line in lines:
        requirement = _parse(line)
        if requirement is None or not applies(requirement, target):
            continue
        name = canonicalize_name(requirement.name)
        for pin in _pins(requirement):
            known = pins.setdefault(name, [])
            clash = next((each for each in known if _contradict(each[0], pin)), None)
            if clash is not None:
                yield _pin_fault(line, (name, target.label), pin, clash)
            known.append((pin, line))


def _pin_fault(
    line: SourceLine, what: tuple[str, str], pin: Specifier, clash: tuple[Specifier, SourceLine]
) -> Fault:
    name, label = what
    earlier, before = clash
    here = "" if before is line else " here"
    there = "" if before is line else f" in {before.fault('').location}"
    return _at_requirement(
        line,
        f"{name} is asked for at {pin.version}{here} and at {earlier.version}{there}, "
        f"both for {label}",
        "a target has one version of a project",
    )


def _at_requirement(line: SourceLine, message: str, hint: str) -> Fault:
    """Point at a line's requirement and marker, or at the option of an editable one."""
    meant = line.parsed.requirement or line.parsed.options
    start = line.parsed.text.find(meant)
    return line.fault(message, hint, start, start + len(meant))


def _parse(line: SourceLine) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    if len(line.parsed.requirement) > _LONGEST:
        return None
    try:
        return Requirement(line.parsed.requirement)
    except InvalidRequirement:
        return None  # a path or URL, or pip refuses it in its own words


def applies(requirement: Requirement, target: Target) -> bool:
    """Tell whether a requirement's marker holds for a target; what is unknown does not.

    :param requirement: the requirement.
    :param target: the target.
    """
    if requirement.marker is None:
        return True
    return evaluate(str(requirement.marker), target) is True


def _pins(requirement: Requirement) -> Iterator[Specifier]:
    for specifier in sorted(requirement.specifier, key=str):
        if specifier.operator in {"==", "==="} and not specifier.version.endswith(".*"):
            yield specifier


def _contradict(one: Specifier, other: Specifier) -> bool:
    """Tell whether no version fits both; 1 and 1.0 are one, and 1.0+local fits both, too."""
    candidates = (one.version, other.version)
    return not any(
        one.contains(version, prereleases=True) and other.contains(version, prereleases=True)
        for version in candidates
    )
