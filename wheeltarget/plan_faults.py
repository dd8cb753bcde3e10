"""Input of which no plan can be made: what a foreign target cannot have, and contradictions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wheeltarget.errors import Fault, UsageError
from wheeltarget.markers import evaluate
from wheeltarget.pip_options import CommandLine, GivenOption, split_file_options
from wheeltarget.requirements import Entry, RequirementsFile, SourceLine
from wheeltarget.targets import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_VERSION_CONTROL = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_DIRECT = re.compile(r"\s*(?:[\w.\[\], -]+@\s*)?(?P<url>[A-Za-z][A-Za-z0-9+.-]+:[^\s;]*)")
_LOCAL = re.compile(r"\s*(?P<path>(?:\.{1,2}(?=$|[/\\\[\s])|[^\s<>=!~;@\[\]]*[/\\])[^;]*)")
_HINT = "give a wheel of it, or resolve it here: target=host"


def constraint_faults(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Refuse clauses in constraints files.

    :param entries: every line of the input.
    :returns: a fault for each constraint that names a target.
    """
    for entry in entries:
        if entry.constraint and entry.targets is not None:
            yield entry.line.fault(
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
        what = _needs_build(line)
        if what:
            yield line.fault(f"{what} cannot be built here for {target.label}", _HINT)
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
    return "a source distribution" if re.search(r"\.(tar\.\w+|tgz|zip)$", path) else "a project"


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

    first: dict[str, tuple[str, SourceLine]] = {}
    for line in lines:
        requirement = _parse(line)
        if requirement is None or not applies(requirement, target):
            continue
        name = canonicalize_name(requirement.name)
        for version in _pins(requirement):
            pinned, before = first.setdefault(name, (version, line))
            if pinned != version:
                yield line.fault(
                    f"{name} is asked for at {version} here and at {pinned} in "
                    f"{before.fault('').location}, both for {target.label}",
                    "a target has one version of a project",
                )


def _parse(line: SourceLine) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

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


def _pins(requirement: Requirement) -> Iterator[str]:
    from packaging.version import InvalidVersion, Version

    for specifier in requirement.specifier:
        if specifier.operator in {"==", "==="} and not specifier.version.endswith(".*"):
            try:
                yield str(Version(specifier.version))
            except InvalidVersion:
                yield specifier.version
