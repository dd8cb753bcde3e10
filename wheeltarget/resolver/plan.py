"""Decide which requirements go to pip for which target, and with which arguments.

Nothing here reads or writes; errors in the input are returned as faults.

A clause on a constraint names environments. The constraint applies to a target that has all tags
of such an environment. There, of its project only wheels with tags of that environment are used.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from wheeltarget.errors import COMMAND_LINE, Fault, TargetError, UsageError
from wheeltarget.pip_config.options import (
    ENVIRONMENT_OPTIONS,
    CommandLine,
    GivenOption,
    base_name,
    is_lock,
    split_file_options,
)
from wheeltarget.pip_config.project_indexes import (
    NO_INDEXES,
    OPTION,
    ProjectIndexes,
    is_project_index,
)
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.foreign_locks import EXPORTS, LockedVersion
from wheeltarget.requirements.parser import Entry, Inputs, RequirementsFile, SourceLine
from wheeltarget.targets.catalog import host
from wheeltarget.targets.exclusions import NOTHING, Exclusions
from wheeltarget.targets.leave_outs import ALL_KEPT, LeaveOuts
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.specifiers import is_pin
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import url_path

LookUp = Callable[[str, str, str], Target | None]
"""Returns the target that (key, text, folder) names, None for this Python; raises TargetError."""

PIP_ONLY = frozenset({"--group", "--requirements-from-script"})
"""Options with requirements that only pip reads."""

_VERSION_CONTROL = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_DIRECT = re.compile(r"\s*+(?:[\w.\[\], -]+@\s*)?(?P<url>[A-Za-z][A-Za-z0-9+.-]+:[^\s;]*)")
_EMPTY_HASH = re.compile(r"[#&](?P<name>md5|sha1|sha224|sha256|sha384|sha512)=(?=[&\s;\[]|$)")
_LOCAL = re.compile(r"\s*(?P<url>(?:\.{1,2}(?=$|[/\\\[\s])|[^\s<>=!~;@\[\]]*[/\\])[^;]*)")
_EGG = re.compile(r"[#&]egg=(?P<name>[\w.-]+)")
_LONGEST, _MOST_DIGITS = 50_000, 1000
_LONG_NUMBER = re.compile(rf"[0-9]{{{_MOST_DIGITS + 1}}}")
_EDITABLE, _REPOSITORY, _TREE = "an editable project", "a repository", "a source tree"
_ARCHIVE = "a source distribution"
_HASHED = re.compile(r"(?:^|\s)--hash\b|#(?:.*&)?sha(?:256|384|512)=")


@dataclass(frozen=True, slots=True)
class Job:
    """What pip has to resolve for one target, all at once.

    :param target: the target, or None for the running interpreter.
    :param arguments: arguments for ``pip download``, without the destination.
    :param files: (name, content) of every requirements and constraints file, as this target
        sees it; every line keeps its number.
    :param allowed_tags: (project, tags) for each project for which constraints allow fewer wheels.
    :param sources: the projects whose source distributions are allowed, normalised.
    :param preferred: (project, version) for each version to try before all others.
    :param excluded: the projects that are left out, with what only they need.
    :param configured: whether pip reads its configuration, which may name requirements.
    :param indexes: the indexes of projects.
    :param hashed: the projects with a hash if pip requires hashes, normalised; else None.
    :param disputed: (project, fault) for each project of which locks of other tools have two
        versions for this target; a fault only if the project is needed.
    :param variables: environment variables that pip sees for this job.
    """

    target: Target | None
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    lines: tuple[SourceLine, ...]
    allowed_tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sources: frozenset[str] = frozenset()
    preferred: tuple[tuple[str, str], ...] = ()
    disputed: tuple[tuple[str, Fault], ...] = ()
    hashed: frozenset[str] | None = None
    excluded: Exclusions = NOTHING
    configured: bool = True
    indexes: ProjectIndexes = NO_INDEXES

    def named_projects(self) -> Iterator[tuple[str, SourceLine]]:
        """Yield the project that each line names, or else its URL as pip reads it, and the line."""
        for line in self.lines:
            requirement = parse_requirement(line)
            yield _url(line) if requirement is None else canonicalize_name(requirement.name), line


@dataclass(frozen=True, slots=True)
class Plan:
    """All jobs of a run.

    :param jobs: one for each distinct target, in the order in which they are first named.
    :param untargeted: the lines that are resolved for this interpreter while others are not.
    :param unused_constraints: the constraints whose clause matches no target of the run.
    :param pip_only: the options whose requirements only pip reads, for this interpreter as well.
    :param leave_outs: what the command line leaves out.
    :param indexes: the indexes of projects.
    """

    jobs: tuple[Job, ...]
    untargeted: tuple[SourceLine, ...]
    unused_constraints: tuple[SourceLine, ...] = ()
    pip_only: tuple[str, ...] = ()
    leave_outs: LeaveOuts = ALL_KEPT
    indexes: ProjectIndexes = NO_INDEXES

    @property
    def is_plain(self) -> bool:
        """Return whether there is no target at all, so that plain pip can run."""
        return not any(job.target or job.allowed_tags or job.excluded for job in self.jobs)

    def part(self, numbers: Sequence[int]) -> Plan:
        """Return the plan with some of the jobs, by their indices."""
        jobs = tuple(self.jobs[number] for number in numbers)
        if any(job.target is None for job in jobs):
            return replace(self, jobs=jobs)
        return replace(self, jobs=jobs, untargeted=(), pip_only=())


@dataclass(frozen=True, slots=True)
class Constraints:
    """The constraints that apply to one target.

    :param allowed_tags: (project, tags) for each project with fewer tags than the target, in the
        order of the target.
    """

    lines: frozenset[SourceLine]
    allowed_tags: tuple[tuple[str, tuple[str, ...]], ...] = ()


def make_plan(
    inputs: Inputs,
    command: CommandLine,
    look_up: LookUp,
    defaults: Sequence[TargetName],
    sources: frozenset[str] = frozenset(),
    *,
    inherited: Iterable[GivenOption] = (),
    locks: bool = False,
    exists: Callable[[str], bool] = lambda _path: True,
    leave_outs: LeaveOuts = ALL_KEPT,
    indexes: ProjectIndexes = NO_INDEXES,
) -> tuple[Plan, tuple[Fault, ...]]:
    """Decide which requirements go to pip for which target.

    :param command: pip's own options, as given.
    :param defaults: the targets of lines without a clause and without a file's default; empty for
        the running interpreter.
    :param sources: the projects whose sources are allowed for a target, normalised.
    :param inherited: the options of pip's configuration, which apply to every job.
    :param locks: whether the result is locked, so that every file needs a hash.
    :param exists: whether a file or folder exists, by its path.
    :param leave_outs: what is left out for every target.
    :param indexes: the indexes of projects.
    :returns: the plan, and the faults; with faults the plan must not be run.
    """
    found, faults = _look_up_all((*inputs.named, *defaults), look_up)
    named = tuple(dict.fromkeys(found[name] for name in defaults if name in found))
    default_targets = named or (None,)
    pip_only = [option for option in command.options if _only_pip_reads(option)]
    by_target = _by_target(inputs.entries, found, default_targets)
    for target in default_targets if pip_only or not by_target else ():
        by_target.setdefault(target, [])
    options = all_options(inputs.files, command)
    if set(by_target) != set(default_targets):
        faults += (_inherited_fault(each) for each in inherited if _only_pip_reads(each))
    faults += _index_faults(options)
    constraints = {each: constraints_for(each, inputs.entries, found) for each in by_target}
    jobs = []
    for target, entries in by_target.items():
        lines = tuple(dict.fromkeys(entry.line for entry in entries))
        left_out = leave_outs.of(target, (each for entry in entries for each in entry.excluded))
        hashes = _requires_hashes(lines, (*inherited, *(option for _, option in options)))
        if target is not None:
            refused = dict(_number_faults((*constraints[target].lines, *lines)))
            sound = [line for line in lines if not (line in refused or is_excluded(line, left_out))]
            refused |= _missing_faults(target, sound, exists)
            faults += refused.values()
            rest = [line for line in sound if line not in refused]
            unlocked = "to lock" if locks else "to check" if hashes else ""
            faults += _foreign_faults(target, rest, options, sources, unlocked)
            faults += pin_faults(target, sound)
            faults += _hash_faults(target, sound)
            faults += _name_faults(target, sound)
        typed = (line.parsed.requirement for line in lines if line.file == COMMAND_LINE)
        given = _arguments(target, command, takes_pip_only=target in default_targets)
        mine = constraints[target].lines.union(lines)
        job = Job(
            target,
            (*given, "--", *typed),
            tuple((file.name, content_for(file, mine)) for file in inputs.files),
            lines,
            constraints[target].allowed_tags,
            sources if target else frozenset(),
            disputed=tuple(_disputed(target, inputs.locked)),
            hashed=frozenset(_hashed_projects(mine)) if hashes else None,
            excluded=left_out,
            indexes=indexes,
        )
        jobs.append(job)
    mixed = None in by_target and len(by_target) > 1 and not defaults
    used = {line for each in constraints.values() for line in each.lines}
    unused_constraints = (
        e.line for e in inputs.entries if e.constraint and e.targets and e.line not in used
    )
    plan = Plan(
        tuple(jobs),
        tuple(dict.fromkeys(e.line for e in by_target[None] if e.targets is None)) if mixed else (),
        tuple(dict.fromkeys(unused_constraints)),
        tuple(" ".join(option.arguments) for option in pip_only if mixed),
        leave_outs,
        indexes,
    )
    return plan, tuple(dict.fromkeys(faults))


def _look_up_all(
    names: Iterable[TargetName], look_up: LookUp
) -> tuple[dict[TargetName, Target | None], list[Fault]]:
    """Look up each target once; return those that exist, and a fault for each other name."""
    found: dict[TargetName, Target | None] = {}
    refused: dict[TargetName, TargetError] = {}
    every = list(names)
    for name in dict.fromkeys(every):
        try:
            found[name] = look_up(name.key, name.text, name.folder)
        except TargetError as error:
            refused[name] = error
    return found, [name.refused(refused[name]) for name in every if name in refused]


def _by_target(
    entries: Sequence[Entry],
    found: Mapping[TargetName, Target | None],
    default_targets: tuple[Target | None, ...],
) -> dict[Target | None, list[Entry]]:
    by_target: dict[Target | None, list[Entry]] = defaultdict(list)
    for entry in (entry for entry in entries if not entry.constraint):
        named = tuple(found[name] for name in entry.targets or () if name in found)
        for target in dict.fromkeys(default_targets if entry.targets is None else named):
            by_target[target].append(entry)
    return by_target


def is_excluded(line: SourceLine, excluded: Exclusions) -> bool:
    """Return whether a line requires a project that is left out, if the line names the project."""
    return bool(excluded) and project_of(line) in excluded


def project_of(line: SourceLine) -> str:
    """Return the project of a line, normalised; an empty text if the line does not have it."""
    name = _name(line)
    with suppress(InvalidWheelFilename):
        name = name or parse_wheel_filename(wheel_name(line))[0]
    return name


def content_for(file: RequirementsFile, mine: Collection[SourceLine]) -> str:
    """Return the content of a file for one target, with as many lines, but without clauses.

    :param mine: the lines that belong to the target; others become empty.
    """
    cuts: list[tuple[int, int]] = []
    for line in file.lines:
        if line in mine:
            for start, end in line.parsed.cuts:
                cuts += line.offsets(start, end)
        elif line.parsed.kind is Kind.REQUIREMENT:
            cuts += line.offsets(0, len(line.parsed.text))
    starts = (0, *(end for _, end in cuts))
    ends = (*(start for start, _ in cuts), len(file.text))
    return "".join(file.text[start:end] for start, end in zip(starts, ends, strict=True))


def _arguments(
    target: Target | None, command: CommandLine, *, takes_pip_only: bool
) -> Iterator[str]:
    left_out = {"--dest", *(ENVIRONMENT_OPTIONS if target else ())}
    for option in command.options:
        if option.name not in left_out and (takes_pip_only or not _only_pip_reads(option)):
            yield from option.arguments
    if target is not None:
        yield from target_arguments(target)


def target_arguments(target: Target) -> Iterator[str]:
    """Yield the arguments with which pip chooses wheels for a target."""
    interpreter, abi, platform = target.tags[0].split("-")
    yield f"--python-version={target.python}"
    yield f"--implementation={interpreter.rstrip('0123456789')}"
    yield from (f"--abi={abi}", f"--platform={platform}")  # the child adds the complete tags
    yield "--only-binary=:all:"  # a source would be built for this machine, not for the target
    yield "--disable-pip-version-check"  # pip would show its note once for each target


def all_options(
    files: Sequence[RequirementsFile], command: CommandLine
) -> list[tuple[SourceLine | None, GivenOption]]:
    """Return every option of a run, with its line if it is in a file; all apply to all lines."""
    options: list[tuple[SourceLine | None, GivenOption]] = [(None, o) for o in command.options]
    for line in (line for file in files for line in file.lines if line.parsed.options):
        options += ((line, option) for option in _file_options(line))
    return options


def _file_options(line: SourceLine) -> tuple[GivenOption, ...]:
    """Return the options of a line; empty if it is invalid, which pip will report."""
    try:
        return split_file_options(line.parsed.options)
    except UsageError:
        return ()


def _only_pip_reads(option: GivenOption) -> bool:
    """Return whether an option has requirements that only pip reads."""
    is_file = option.name == "--requirement"
    return option.name in PIP_ONLY or (is_file and is_lock(option.value or ""))


def _index_faults(
    options: Iterable[tuple[SourceLine | None, GivenOption]],
) -> Iterator[Fault]:
    """Yield a fault for each index of a project that is given as an index for all of them."""
    for line, option in options:
        if option.name != "--index-url" or not is_project_index(option.value or ""):
            continue
        message = f"{option.value} is the index of a project, and {option.name} is for all of them"
        if line is None:
            yield Fault(message, f"write {OPTION} {option.value}")
        else:
            hint = f"name it with {OPTION} on the command line, or in pyproject.toml"
            yield line.fault(message, hint)


def _inherited_fault(option: GivenOption) -> Fault:
    text = shlex.join(option.arguments)
    hint = f"write {text} on the command line instead, to apply it to lines without a target"
    return Fault(f"{text} in pip's configuration would apply to every target", hint)


def constraints_for(
    target: Target | None, entries: Sequence[Entry], found: Mapping[TargetName, Target | None]
) -> Constraints:
    """Find the constraints among the entries that apply to a target, None for this Python."""
    lines = {entry.line for entry in entries if entry.constraint and entry.targets is None}
    with_clause = [entry for entry in entries if entry.constraint and entry.targets is not None]
    if not with_clause:
        return Constraints(frozenset(lines))
    target = target or host()
    left: dict[str, frozenset[str]] = {}
    every = frozenset(target.tags)
    for entry in with_clause:
        named = [found[name] or host() for name in entry.targets or () if name in found]
        within = [each.tags for each in named if every.issuperset(each.tags)]
        if within:
            lines.add(entry.line)
            requirement = _applicable(entry.line, target)
            if requirement is not None:
                project = canonicalize_name(requirement.name)
                left[project] = left.get(project, every).intersection(frozenset().union(*within))
    allowed_tags = (
        (project, tuple(tag for tag in target.tags if tag in tags))
        for project, tags in sorted(left.items())
        if tags != every
    )
    return Constraints(frozenset(lines), tuple(allowed_tags))


def _requires_hashes(lines: Iterable[SourceLine], options: Collection[GivenOption]) -> bool:
    """Return whether pip requires a hash of every file."""
    names = {option.name for option in options}
    given = any(o.name == "--hash" for line in lines for o in _file_options(line))
    return "--require-hashes" in names or (given and "--no-require-hashes" not in names)


def _hashed_projects(lines: Iterable[SourceLine]) -> Iterator[str]:
    for line in lines:
        requirement = parse_requirement(line)
        if requirement and any(option.name == "--hash" for option in _file_options(line)):
            yield canonicalize_name(requirement.name)


def _number_faults(lines: Iterable[SourceLine]) -> Iterator[tuple[SourceLine, Fault]]:
    """Yield each line with a number that neither packaging nor pip can read."""
    for line in lines:
        if _LONG_NUMBER.search(line.parsed.requirement):
            message = f"a number has more than {_MOST_DIGITS} digits"
            yield line, _at_requirement(line, message, "is this a requirements file?")


def _missing_faults(
    target: Target, lines: Iterable[SourceLine], exists: Callable[[str], bool]
) -> Iterator[tuple[SourceLine, Fault]]:
    """Yield each line that names a file or folder of this machine that does not exist."""
    for line in lines:
        path = _local_path(line)
        if not path or exists(path) or not is_needed(line, target):
            continue
        requirement = parse_requirement(line)
        hint = "a relative path begins at the working directory"
        if requirement is not None:
            versions = "in a conda environment, pip list --format=freeze writes versions"
            hint = f"write a version that an index has: {requirement.name}==…; {versions}"
        elif Path(path).is_absolute():
            hint = ""
        what = "file" if re.search(r"\.(whl|tar\.\w+|tgz|zip)$", path) else "folder"
        yield line, _at_requirement(line, f"the {what} {path} does not exist", hint)


def _foreign_faults(
    target: Target,
    lines: Iterable[SourceLine],
    options: Sequence[tuple[SourceLine | None, GivenOption]],
    sources: frozenset[str],
    hashed: str,
) -> Iterator[Fault]:
    """Refuse requirements that would have to be built, which is impossible for a foreign target.

    :param hashed: what for every file needs a hash, ``to lock`` or ``to check``; else empty.
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
        if what and is_needed(line, target):
            yield from _build_faults(line, what, target, sources, hashed)
    message = f"--no-binary cannot be used for {target.label}: only wheels fit a foreign target"
    hint = "to allow the source of a project, use --allow-sdist NAME instead"
    for place in dict.fromkeys(line for line, _ in options):
        if _refuses_wheels(option for line, option in options if line is place):
            yield Fault(message, hint) if place is None else place.fault(message, hint)


def _build_faults(
    line: SourceLine, what: str, target: Target, sources: frozenset[str], hashed: str
) -> Iterator[Fault]:
    """Refuse a requirement that would have to be built, unless its source is allowed."""
    name = _name(line)
    project, checked = name or "NAME", hashed == "to check"
    if (hashed and what in {_REPOSITORY, _EDITABLE}) or (checked and what is _TREE):
        hint = hash_hint(project, checkout=what is _REPOSITORY)
        hint += ", with --hash" if checked else ""
        yield _at_requirement(line, f"this is {what}, which has no hash {hashed}", hint)
    # If the line has no name, it is known only with the metadata.
    elif name not in sources and not (sources and not name):
        message = f"this is {what}, which cannot be built here for {target.label}"
        hint = f"--allow-sdist {project} keeps its source for the target to build"
        builds = f"--build-pure {project} builds a pure Python wheel here"
        if hashed == "to lock" and what is _TREE:
            hint = builds  # it has no hash, but a wheel that is built of it has one
        elif not checked:
            hint += f", {builds}"
        elif not _HASHED.search(line.parsed.text):
            hint += "; hashes are required, so add --hash=sha256:… of this file to the line"
        yield _at_requirement(line, message, hint)


def hash_hint(name: str, *, checkout: bool) -> str:
    """Return a hint on what to lock instead of a repository or a folder, which have no hash."""
    if checkout:
        return f"name an archive of one commit instead: {name} @ https://…/COMMIT.zip"
    return f"build a wheel of it, and name that: {name} @ file:///…/{name}-….whl"


def _name(line: SourceLine) -> str:
    """Return the name of a project that is given by its path or URL, if the line has it."""
    requirement = parse_requirement(line)
    if requirement is not None:
        return canonicalize_name(requirement.name)
    text = line.parsed.requirement or line.parsed.options
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
        return _EDITABLE if _editable(line) else ""
    if _VERSION_CONTROL.search(requirement):
        return _REPOSITORY
    direct = _DIRECT.match(requirement) or _LOCAL.match(requirement)
    if direct is None:
        return ""
    path = re.split(r"[?#]|\[[\w\s,.-]*\]\s*$", direct["url"].strip())[0].rstrip()
    if path.endswith(".whl"):
        return ""
    return _ARCHIVE if re.search(r"\.(tar\.\w+|tgz|zip)$", path) else _TREE


def wheel_name(line: SourceLine) -> str:
    """Return the file name of the wheel that a line gives by its path or URL; else empty."""
    requirement = line.parsed.requirement
    direct = _DIRECT.match(requirement) or _LOCAL.match(requirement)
    url = re.split(r"[?#;\s]", direct["url"].strip())[0] if direct else ""
    return unquote(re.split(r"[/\\:]", url)[-1]) if url.endswith(".whl") else ""


def _editable(line: SourceLine) -> str:
    """Return the value of a line's ``--editable``; else an empty text."""
    values = (o.value for o in _file_options(line) if o.name == "--editable")
    return next(filter(None, values), "")


def is_needed(line: SourceLine, target: Target) -> bool:
    """Return whether a requirement applies to a target; pip reports an unknown marker."""
    requirement, text = parse_requirement(line), line.parsed.requirement
    if requirement is None and not text:
        with suppress(InvalidRequirement):  # a path, which has no marker there
            requirement = Requirement(_editable(line))
    if requirement is not None:
        return _holds(str(requirement.marker or ""), target)
    # As pip splits it: a URL may contain a semicolon.
    _, found, marker = text.partition("; " if _DIRECT.match(text) else ";")
    try:
        return not found or _holds(str(Marker(marker)), target)
    except InvalidMarker:
        return True


def _local_path(line: SourceLine) -> str:
    """Return the path of a file or folder of this machine that a line names; else empty."""
    text = line.parsed.requirement or _editable(line)
    direct = _DIRECT.match(text)
    if "${" in text:
        return ""  # only pip expands it
    if direct:
        url = re.split(r"[?#]", direct["url"])[0]
        return url_path(url) if url.lower().startswith("file:") else ""
    local = _LOCAL.match(text)
    path = local["url"] if local else "" if line.parsed.requirement else text
    return re.sub(r"\[[\w\s,.-]*\]\s*$", "", path.strip())


def _refuses_wheels(options: Iterable[GivenOption]) -> bool:
    values = [(o.value or "").split(",") for o in options if o.name == "--no-binary"]
    return bool(values) and ":none:" not in values[-1]


def pin_faults(target: Target, lines: Iterable[SourceLine]) -> Iterator[Fault]:
    """Yield a fault for each line that pins another version of a project than one before it."""
    # By version: that thousands of lines pin the same one takes no longer.
    pins: dict[str, dict[str, tuple[Specifier, SourceLine]]] = defaultdict(dict)
    for line in lines:
        requirement = _applicable(line, target)
        if requirement is None:
            continue
        name = canonicalize_name(requirement.name)
        for pin in filter(is_pin, sorted(requirement.specifier, key=str)):
            known = pins[name].values()
            clash = next((each for each in known if _contradict(each[0], pin)), None)
            if clash is not None:
                earlier, before = clash
                here = "" if before is line else " here"
                there = "" if before is line else f" in {before.fault('').location}"
                message = f"{name} is pinned to {pin.version}{here} and to {earlier.version}{there}"
                hint = "a target can have only one version of a project"
                fault = _at_requirement(line, f"{message}, both for {target.label}", hint)
                yield replace(fault, code="WT302")
            pins[name].setdefault(pin.version, (pin, line))


def _disputed(
    target: Target | None, locked: Iterable[LockedVersion]
) -> Iterator[tuple[str, Fault]]:
    """Yield each project of which locks of other tools have two versions for a target."""
    by_project: dict[str, list[LockedVersion]] = defaultdict(list)
    for each in locked:
        by_project[each.project].append(each)
    for project, entries in by_project.items():
        seen = (target or host()) if len(entries) > 1 else None
        apply = [each for each in entries if seen and _holds(each.marker, seen)]
        pairs = ((apply[0], other) for other in apply[1:])
        clash = next((pair for pair in pairs if _contradict(*map(_pin, pair))), None)
        if seen and clash:
            yield project, _dispute(*clash, seen)


def _pin(locked: LockedVersion) -> Specifier:
    return Specifier(f"=={locked.version}")


def _dispute(earlier: LockedVersion, later: LockedVersion, target: Target) -> Fault:
    """Return the fault of two versions of a project, both of which a target should have."""
    old, new = (f"{e.version}{' in ' * bool(e.part)}{e.part}" for e in (earlier, later))
    message = f"{later.project} is locked as {new} here, and as {old} in {earlier.location}"
    export = EXPORTS[base_name(later.location.file)]
    hint = f"write what you would install to a file, and use that with -c: {export}"
    return Fault(f"{message}; both hold for {target.label}", hint, later.location)


def _holds(marker: str, target: Target) -> bool:
    """Return whether a marker is true for a target; an unknown one is not."""
    return not marker or target.evaluate(marker) is True


def _hash_faults(target: Target, lines: Iterable[SourceLine]) -> Iterator[Fault]:
    """Yield a fault for each URL with an empty hash, with which pip cannot go on."""
    for line in lines:
        found = _EMPTY_HASH.search(line.parsed.requirement)
        if found and (parse_requirement(line) is None or _applicable(line, target)):
            start = line.parsed.text.find(found[0])
            message = f"the hash in the URL is empty: {found[0][1:]}"
            hint = f"write the {found['name']} of the file behind it, or remove {found[0][1:]}"
            yield line.fault(message, hint, start, start + len(found[0]))


def _name_faults(target: Target, lines: Iterable[SourceLine]) -> Iterator[Fault]:
    """Yield a fault for each URL of another project's wheel, with which pip cannot go on."""
    for line in lines:
        filename = wheel_name(line)
        requirement = parse_requirement(line) if filename else None
        if requirement is None or "${" in filename or not is_needed(line, target):
            continue
        with suppress(InvalidWheelFilename):  # pip reports it
            project = parse_wheel_filename(filename)[0]
            if project != canonicalize_name(requirement.name):
                message = f"{filename} is not a wheel of {requirement.name}"
                hint = f"write {project} @ …, or the URL of a wheel of {requirement.name}"
                yield _at_requirement(line, message, hint)


def _contradict(one: Specifier, other: Specifier) -> bool:
    """Return whether no version fits both; 1 and 1.0 are equal, and 1.0+local fits both."""
    return not any(
        one.contains(version, prereleases=True) and other.contains(version, prereleases=True)
        for version in (one.version, other.version)
    )


def _at_requirement(line: SourceLine, message: str, hint: str) -> Fault:
    """Return a fault at a line's requirement and marker, or at its ``--editable``."""
    meant = line.parsed.requirement or line.parsed.options
    start = line.parsed.text.find(meant)
    return line.fault(message, hint, start, start + len(meant))


def parse_requirement(line: SourceLine) -> Requirement | None:
    """Parse a line's requirement; None if it is a path or URL, or invalid."""
    if len(line.parsed.requirement) > _LONGEST:
        return None
    try:
        return Requirement(line.parsed.requirement)
    except InvalidRequirement:
        return None


def _applicable(line: SourceLine, target: Target) -> Requirement | None:
    """Return a line's requirement if its marker is true for a target; an unknown one is not."""
    requirement = parse_requirement(line)
    if requirement is None or not _holds(str(requirement.marker or ""), target):
        return None
    return requirement


def address(url: str) -> str:
    """Return a URL without credentials and fragment."""
    return re.sub(r"(?<=://)[^/\s]+@", "", url.partition("#")[0])


def _url(line: SourceLine) -> str:
    """Return the URL of a project that is given as a URL or path, as pip reads it."""
    text = line.parsed.requirement or line.parsed.options
    option = r"\s*(?:-e|--editable)(?:\s+|=)?"
    url = re.split(r"\s+;|;\s", re.sub(option, "", text, count=1))[0].partition("#")[0]
    url = re.sub(r"\[[\w\s,.-]*\]$", "", url.strip())
    if "://" in url:
        return address(url)
    return Path(os.path.abspath(url)).as_uri()  # noqa: PTH100 - as pip reads it
