"""Check input before planning: projects to be built for a foreign target, contradictions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wheeltarget.errors import Fault, UsageError
from wheeltarget.pip_config.options import GivenOption, split_file_options
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.targets.markers import evaluate
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

_VERSION_CONTROL = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_DIRECT = re.compile(r"\s*+(?:[\w.\[\], -]+@\s*)?(?P<url>[A-Za-z][A-Za-z0-9+.-]+:[^\s;]*)")
_LOCAL = re.compile(r"\s*(?P<path>(?:\.{1,2}(?=$|[/\\\[\s])|[^\s<>=!~;@\[\]]*[/\\])[^;]*)")
_EGG = re.compile(r"[#&]egg=(?P<name>[\w.-]+)")
_LONGEST = 50_000
_EDITABLE, _REPOSITORY, _TREE = "an editable project", "a repository", "a source tree"


def foreign_faults(
    target: Target,
    lines: Sequence[SourceLine],
    options: Sequence[tuple[SourceLine | None, GivenOption]],
    sources: frozenset[str],
    *,
    locks: bool = False,
) -> Iterator[Fault]:
    """Refuse requirements that would have to be built, which is impossible for a foreign target.

    :param target: the target.
    :param lines: the requirements for it.
    :param options: every option of the run, with its line if it is in a file.
    :param sources: the projects whose sources are allowed, normalised.
    :param locks: whether the run makes a lock, in which everything needs a hash.
    :returns: a fault for each source tree, repository, source distribution and ``--no-binary``.
    """
    for line in lines:
        length = len(line.parsed.requirement)
        if length > _LONGEST:
            # pip would repeat all of it, more than once.
            message = f"requirement is too long ({length} characters)"
            yield _at_requirement(line, message, "is this a requirements file?")
            continue
        what = _needs_build(line)
        name = _name(line) if what else ""
        if locks and what in {_REPOSITORY, _EDITABLE}:
            hint = hash_hint(name or "NAME", checkout=what is _REPOSITORY)
            yield _at_requirement(line, f"this is {what}, which has no hash to lock", hint)
            continue
        if not what or name in sources or (sources and not name):
            continue  # if the line has no name, it is known only with the metadata
        yield _at_requirement(
            line,
            f"this is {what}, which cannot be built here for {target.label}",
            hash_hint(name or "NAME", checkout=False)
            if locks and what is _TREE
            else source_hint(name or "NAME", builds=not locks),
        )
    message = f"--no-binary cannot be used for {target.label}: only wheels fit a foreign target"
    hint = "to allow the source of a project, use --allow-sdist NAME"
    for place in dict.fromkeys(line for line, _ in options):
        here = [option for line, option in options if line is place]
        if _refuses_wheels(here):
            yield Fault(message, hint) if place is None else place.fault(message, hint)


def source_hint(name: str, *, builds: bool = True) -> str:
    """Return a hint on what to do about a project without a wheel.

    :param name: the project.
    :param builds: whether a wheel that is built here can be used.
    """
    keep = f"--allow-sdist {name} keeps its source for the target to build"
    return f"{keep}, --build-pure {name} builds a pure Python wheel here" if builds else keep


def hash_hint(name: str, *, checkout: bool) -> str:
    """Return a hint on what to lock instead of something that has no hash.

    :param name: the project.
    :param checkout: whether it is a repository, not a folder.
    """
    if checkout:
        return f"name an archive of one commit instead: {name} @ https://…/COMMIT.zip"
    return f"build a wheel of it, and name that: {name} @ file:///…/{name}-….whl"


def _name(line: SourceLine) -> str:
    """Return the name of a project that is given by its path or URL, if the line has it."""
    from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

    text = line.parsed.requirement or line.parsed.options
    requirement = parse_requirement(line)
    if requirement is not None:
        return canonicalize_name(requirement.name)
    egg = _EGG.search(text)
    if egg:
        return canonicalize_name(egg["name"])
    file = re.split(r"[?#;\s]", re.split(r"[/\\]", text.strip())[-1])[0]
    try:
        return parse_sdist_filename(file)[0]
    except InvalidSdistFilename:
        return ""


def _needs_build(line: SourceLine) -> str:
    """Return what a requirement is if it has to be built; else an empty text."""
    requirement = line.parsed.requirement
    if not requirement:
        editable = any(option.name == "--editable" for option in file_options(line))
        return _EDITABLE if editable else ""
    if _VERSION_CONTROL.search(requirement):
        return _REPOSITORY
    direct = _DIRECT.match(requirement) or _LOCAL.match(requirement)
    if direct is None:
        return ""
    path = direct.group(1) if direct.re is _LOCAL else direct["url"]
    path = re.split(r"[?#]|\[[\w\s,.-]*\]\s*$", path.strip())[0].rstrip()
    if path.endswith(".whl"):
        return ""
    archive = re.search(r"\.(tar\.\w+|tgz|zip)$", path)
    return "a source distribution" if archive else _TREE


def file_options(line: SourceLine) -> tuple[GivenOption, ...]:
    """Return the options of a line; empty if it is invalid, which pip will report."""
    try:
        return split_file_options(line.parsed.options)
    except UsageError:
        return ()


def _refuses_wheels(options: Iterable[GivenOption]) -> bool:
    refused: set[str] = set()
    for option in options:
        if option.name == "--no-binary":
            names = (option.value or "").split(",")
            refused = set() if ":none:" in names else refused.union(names)
    return bool(refused)


def pin_faults(target: Target, lines: Sequence[SourceLine]) -> Iterator[Fault]:
    """Refuse one project at two versions for one target.

    :param target: the target.
    :param lines: the requirements for it.
    :returns: a fault for each line that pins another version than a line before it.
    """
    from packaging.utils import canonicalize_name

    pins: dict[str, list[tuple[Specifier, SourceLine]]] = {}
    for line in lines:
        requirement = parse_requirement(line)
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
    fault = _at_requirement(
        line,
        f"{name} is pinned to {pin.version}{here} and to {earlier.version}{there}, "
        f"both for {label}",
        "a target can have only one version of a project",
    )
    return replace(fault, code="WT302")


def _at_requirement(line: SourceLine, message: str, hint: str) -> Fault:
    """Return a fault at a line's requirement and marker, or at its ``--editable``."""
    meant = line.parsed.requirement or line.parsed.options
    start = line.parsed.text.find(meant)
    return line.fault(message, hint, start, start + len(meant))


def parse_requirement(line: SourceLine) -> Requirement | None:
    """Read a line's requirement; None if it is a path or URL, or invalid."""
    from packaging.requirements import InvalidRequirement, Requirement

    if len(line.parsed.requirement) > _LONGEST:
        return None
    try:
        return Requirement(line.parsed.requirement)
    except InvalidRequirement:
        return None


def applies(requirement: Requirement, target: Target) -> bool:
    """Check whether a requirement's marker is true for a target; an unknown one is not.

    :param requirement: the requirement.
    :param target: the target.
    """
    if requirement.marker is None:
        return True
    return evaluate(str(requirement.marker), target) is True


def is_pin(specifier: Specifier) -> bool:
    """Return whether a specifier accepts one version only: ``==1.2`` or ``===1.2``."""
    return specifier.operator == "===" or (
        specifier.operator == "==" and not specifier.version.endswith(".*")
    )


def _pins(requirement: Requirement) -> Iterator[Specifier]:
    return filter(is_pin, sorted(requirement.specifier, key=str))


def _contradict(one: Specifier, other: Specifier) -> bool:
    """Check whether no version fits both; 1 and 1.0 are equal, and 1.0+local fits both."""
    candidates = (one.version, other.version)
    return not any(
        one.contains(version, prereleases=True) and other.contains(version, prereleases=True)
        for version in candidates
    )
