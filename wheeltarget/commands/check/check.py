"""The command ``check``: check that a wheelhouse is intact and has all that its targets need.

start-up: auditwheel is an extra, so the module that needs it is loaded for ``--audit`` only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from packaging.utils import canonicalize_name

from wheeltarget.commands.check.findings import (
    CheckFinding,
    by_project,
    find_beyond_pip,
    find_misfits,
    find_missing,
    find_unreadable,
)
from wheeltarget.commands.check.locks import compare_with_locks, read_selections
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.own_pip import OldPip, find_old_pip
from wheeltarget.commands.prepare import note_unused_exclusions, prepare
from wheeltarget.commands.with_pip import find_tools
from wheeltarget.errors import InputError, UsageError
from wheeltarget.lockfile.select import Selection
from wheeltarget.pip_config.options import Configuration, is_lock, split_command_line
from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult, roots
from wheeltarget.resolver.plan import Job, is_excluded, is_needed
from wheeltarget.staging.atomic import temporary_home
from wheeltarget.staging.stage import interruptible, open_stage
from wheeltarget.targets import catalog
from wheeltarget.targets.leave_outs import LeaveOuts, read_leave_outs
from wheeltarget.targets.target import Target
from wheeltarget.utils.extras import require
from wheeltarget.utils.progress import reported
from wheeltarget.wheelhouse.build_closure import find_build_closure, source_versions, to_build
from wheeltarget.wheelhouse.closure import Available, is_wanted, read_dependencies
from wheeltarget.wheelhouse.source import DAMAGE, read_source
from wheeltarget.wheelhouse.wheel import WheelFile, read_wheel

_UNREADABLE = frozenset({"WC101", "WC118"})
_LINKS = re.compile(r"^[ \t]*(?:-f|--find-links)\b(?:[^\n\\]|\\(?s:.))*", re.MULTILINE)
_ALL_RELEASES = re.compile(r"^[ \t]*--(?:pre|all-releases)\b", re.MULTILINE)
_URL = re.compile(r"(?:^|[\s@=])(?!file:)[A-Za-z][A-Za-z0-9+.-]*://\S+")
_HINT = "require it by name and version, or check with --tags and without -r"
_ELSEWHERE = "which is not one of the files"
_ENDINGS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2")
_Available = Available[WheelFile]


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """The options of ``wheeltarget check``; the places are folders of wheels, and single wheels.

    :param exclude: the names and globs of projects that are left out, each a comma-separated list.
    :param skip_provided: whether to leave out what the service of a target provides.
    """

    places: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    audits: bool = False
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The result of a check; there are no targets if only the files themselves were checked.

    :param notes: what may be wrong, or not, one sentence each.
    """

    files: tuple[str, ...]
    targets: tuple[str, ...]
    findings: tuple[CheckFinding, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 1 if something is wrong, else 0."""
        return int(bool(self.findings))


def check(request: CheckRequest) -> CheckOutcome:
    """Find everything that is wrong with a wheelhouse."""
    paths = list(_files(request.places))
    if not paths:
        message = f"there are no wheels in {', '.join(request.places)}"
        raise UsageError(message, "name a folder that contains wheels")
    locks = _locks(request)
    if request.constraints and (locks or not request.requirements):
        message = "-c constrains the requirements files of -r, but none is named"
        raise UsageError(message, "add -r or remove -c")
    invocation = read_invocation((), request.environment)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    named = (request.tags, request.targets)
    selections = tuple(read_selections(locks, *named, invocation, leave_outs=leave_outs))
    jobs = () if locks else _plan(request, invocation, paths, leave_outs)
    targets = tuple(dict.fromkeys(selection.target for selection in selections))
    targets = targets or tuple(job.target or catalog.host() for job in jobs)
    if request.audits:
        require("auditwheel", "--audit needs auditwheel", "audit")
    wheel_paths = [path for path in paths if path.suffix == ".whl"]
    wheels = tuple(map(read_wheel, reported(wheel_paths, "Checking", "wheels", _size)))
    findings = [
        CheckFinding(str(wheel.path), "", flaw.code, flaw.message)
        for wheel in wheels
        for flaw in wheel.flaws
    ]
    findings += find_misfits(wheels, targets) if targets else ()
    if locks or not targets:
        findings += find_unreadable(wheels)
    sources = source_versions(paths)
    unused: Sequence[str] = ()
    if locks:
        findings += _check_against_locks(selections, wheels, sources, paths)
    else:
        takes = [any(_ALL_RELEASES.search(text) for _, text in job.files) for job in jobs]
        available = [
            Available(target, by_project(wheels, target), sources, prereleases, job.excluded)
            for target, prereleases, job in zip(targets, takes, jobs, strict=True)
        ]
        found, unused = _check_contents(request, jobs, available, paths)
        findings += found
    tools = _find_tools(paths, wheels, targets)
    findings = [e for e in findings if e.code != "WC305" or Path(e.file).name not in tools]
    if request.audits:
        findings += _audit(wheels, targets)
    old_pips = tuple(_find_old_pips(wheels, targets, selections, paths))
    findings += find_beyond_pip(old_pips, paths)
    order = {str(path): number for number, path in enumerate(paths)}
    findings.sort(key=lambda each: (order.get(each.file, len(order)), each.target, each.code))
    labels = tuple(target.label for target in targets)
    notes = (*(each.explain() for each in old_pips if each.is_note), *unused)
    return CheckOutcome(tuple(map(str, paths)), labels, tuple(dict.fromkeys(findings)), notes)


def _files(places: Iterable[str]) -> Iterator[Path]:
    """Return the distributions that are named, and those in the folders; each once."""
    seen: set[str] = set()
    for place in places:
        path, is_file = Path(place), os.path.isfile(place)  # noqa: PTH113 - Path.is_file may raise
        if os.path.isdir(path):  # noqa: PTH112
            found = sorted(_distributions(path))
        elif is_file and path.name.endswith(_ENDINGS):
            found = [path]
        else:
            kinds = "a wheel nor a source distribution" if is_file else "a file nor a folder"
            raise UsageError(f"{place} is neither {kinds}", "name a wheelhouse, or single wheels")
        for each in found:
            real = os.path.realpath(each)
            if real not in seen:
                seen.add(real)
                yield each


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _distributions(folder: Path) -> Iterator[Path]:

    def refuse(error: OSError) -> None:
        message = f"cannot read {error.filename}: {error.strerror}"
        raise UsageError(message, "check its permissions") from error

    for place, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(place, name) for name in names if name.endswith(_ENDINGS))


def _audit(wheels: Sequence[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    from wheeltarget.commands.check.native import audit

    for wheel in reported(wheels, "Auditing", "wheels"):
        if wheel.is_archive and not _UNREADABLE & {flaw.code for flaw in wheel.flaws}:
            accepting = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
            yield from audit(wheel, accepting)


def _locks(request: CheckRequest) -> tuple[str, ...]:
    """Return the locks that are named, or, if nothing is, those beside the wheels."""
    locks = tuple(filter(is_lock, request.requirements))
    if locks and len(locks) < len(request.requirements):
        message = "locks and requirements files cannot be checked at once"
        raise UsageError(message, "check with the locks first, then with the requirements files")
    if request.requirements or request.tags or request.targets:
        return locks
    folders = [Path(place) for place in request.places if Path(place).is_dir()]
    beside = [path for folder in folders for path in sorted(folder.iterdir())]
    return tuple(str(path) for path in beside if is_lock(path.name))


def _plan(
    request: CheckRequest,
    invocation: Invocation,
    paths: Sequence[Path],
    leave_outs: LeaveOuts,
) -> tuple[Job, ...]:
    """Plan what pip would do with only these files; return no job if there is no target."""
    if not request.requirements and not invocation.defaults(request.tags, request.targets):
        return ()
    # Only these files count: no folder from pip's configuration, and no network.
    arguments = ["--no-index", "--isolated"]
    arguments += [f"--find-links={folder}" for folder in dict.fromkeys(p.parent for p in paths)]
    arguments += [f"--requirement={file}" for file in request.requirements]
    arguments += [f"--constraint={file}" for file in request.constraints]
    command = split_command_line(arguments)
    alone = replace(invocation, command=command, configuration=Configuration())
    sources = frozenset(source_versions(paths))
    named = (request.tags, request.targets)
    prepared = prepare(alone, *named, sources, leave_outs=leave_outs, fetches=False)
    inputs = prepared.inputs
    if inputs.remote:
        message = f"{inputs.remote[0]} is a URL, and check uses no network"
        raise UsageError(message, "download it first, and name the file with -r")
    if faults := dict.fromkeys((*inputs.faults, *inputs.unread, *prepared.faults)):
        # Options of the download command are no help here.
        helpful = (replace(e, hint=_HINT) if "--allow-sdist" in e.hint else e for e in faults)
        raise InputError(tuple(helpful))
    return tuple(
        replace(job, files=tuple((name, _LINKS.sub(_comment_out, s)) for name, s in job.files))
        for job in prepared.plan.jobs
    )


def _find_tools(
    paths: Sequence[Path], wheels: Sequence[WheelFile], targets: Sequence[Target]
) -> frozenset[str]:
    """Return the names of the wheels that a wheelhouse has to install with, as --with-pip adds."""
    known = {wheel.path: wheel for wheel in wheels}
    return find_tools(known, targets, builds=len(known) < len(paths), read=known.__getitem__)


def _comment_out(found: re.Match[str]) -> str:
    return "#" + "\n" * found[0].count("\n")


def _check_sources(
    available: _Available, sources: Iterable[Path], paths: Sequence[Path]
) -> tuple[list[CheckFinding], frozenset[Path]]:
    """Find what sources lack to be built for a target, and what of it is there."""
    closure = find_build_closure(available, sources, paths)
    findings = [
        CheckFinding(str(each.path), each.target, "WC312" if each.target else "WC129", each.message)
        for each in closure.faults
    ]
    return findings, closure.used


def _find_old_pips(
    wheels: Iterable[WheelFile],
    targets: Iterable[Target],
    selections: Iterable[Selection],
    paths: Iterable[Path],
) -> Iterator[OldPip]:
    """Yield the pip of each target that cannot install files for it: those of its lock, or all."""
    wanted: dict[Target, set[str]] = {}
    for selection in selections:
        wanted.setdefault(selection.target, set()).update(f.filename for f in selection.files)
    sources = [path for path in paths if path.suffix != ".whl" and _lacks_setup(path)]
    for target in targets:
        fit = by_project(wheels, target)
        names = {wheel.path.name for found in fit.values() for wheel in found}
        kept = [path.name for path in sources if not fit.keys() & source_versions([path]).keys()]
        if target in wanted:
            named = wanted[target]
            names = {n for n in names if n in named or n.startswith("pip-")}
            kept = [name for name in kept if name in named]
        if found := find_old_pip(target, target.label, sorted(names), kept):
            yield found


def _lacks_setup(path: Path) -> bool:
    """Return whether a source has no ``setup.py``; a source that cannot be read does not count."""
    try:
        return read_source(path).setup_py is None
    except DAMAGE:
        return False


def _check_contents(
    request: CheckRequest, jobs: Sequence[Job], available: Sequence[_Available], paths: list[Path]
) -> tuple[Sequence[CheckFinding], Sequence[str]]:
    """Find what is missing, and, if there are requirements, what they do not need; with notes."""
    if not request.requirements:
        return tuple(_check_each(available, paths)), ()
    if urls := tuple(_find_urls(jobs, available)):
        return urls, ()
    results = _resolve(jobs, [each.target for each in available], silent=True)
    if any(result.exit_code for result in results):
        every = zip(jobs, available, results, strict=True)
        failed = (_explain_failure(*each) for each in every if each[-1].exit_code)
        return tuple(chain.from_iterable(failed)), ()
    findings = tuple(_compare_with_results(available, results, paths))
    return findings, tuple(note_unused_exclusions(results))


def _check_each(available: Iterable[_Available], paths: Sequence[Path]) -> Iterator[CheckFinding]:
    for each in available:
        yield from find_missing(each, None)
        yield from _check_sources(each, to_build(each, paths), paths)[0]


def _compare_with_results(
    available: Sequence[_Available], results: Sequence[JobResult], paths: Sequence[Path]
) -> Iterator[CheckFinding]:
    """Find what the sources that pip chose lack to be built, and what is not needed."""
    needed = {file.path.name for result in results for file in result.chosen}
    for each, result in zip(available, results, strict=True):
        chosen = {file.path.name for file in result.chosen}
        mine = [path for path in paths if path.name in chosen and path.suffix != ".whl"]
        findings, used = _check_sources(each, mine, paths)
        yield from findings
        needed |= {path.name for path in used}
    fit = {w.path for each in available for wheels in each.wheels.values() for w in wheels}
    for path in paths:
        if path.name not in needed and (path in fit or path.suffix != ".whl"):
            yield CheckFinding(str(path), "", "WC305", "no target needs it")


def _check_against_locks(
    selections: Sequence[Selection],
    wheels: Sequence[WheelFile],
    sources: Mapping[str, tuple[str, ...]],
    paths: Sequence[Path],
) -> Iterator[CheckFinding]:
    """Find what differs from locks, and what the sources that they name lack to be built."""
    used: set[Path] = set()
    for each in selections:
        named = {file.filename for file in each.files}
        mine = [path for path in paths if path.name in named and path.suffix != ".whl"]
        available = Available(each.target, by_project(wheels, each.target), sources)
        findings, needed = _check_sources(available, mine, paths)
        yield from findings
        used |= needed
    yield from compare_with_locks(selections, paths, used)


def _find_urls(jobs: Iterable[Job], available: Iterable[_Available]) -> Iterator[CheckFinding]:
    for job, each in zip(jobs, available, strict=True):
        lines = (line for line in job.lines if not is_excluded(line, job.excluded))
        for line in (line for line in lines if is_needed(line, each.target)):
            options = line.parsed.options.strip()
            editable = options.startswith(("-e", "--editable"))
            if found := _URL.search(options if editable else line.parsed.requirement):
                url = found[0].strip(" \t@=")
                message = f"{line.file}:{line.number} requires {url}, {_ELSEWHERE}"
                yield CheckFinding("", each.target.label, "WC306", message, _HINT)
        for wheel in chain.from_iterable(each.wheels.values()):
            for needed in read_dependencies(wheel, each.target)[0]:
                if canonicalize_name(needed.name) in job.excluded:
                    continue
                if needed.url and is_wanted(needed, each.target):
                    message = f"it needs {needed.name} from {needed.url}, {_ELSEWHERE}"
                    yield CheckFinding(str(wheel.path), each.target.label, "WC306", message)


def _resolve(
    jobs: Sequence[Job], targets: Sequence[Target], *, silent: bool
) -> tuple[JobResult, ...]:
    nowhere = temporary_home() / "wheeltarget"
    labels = [target.label for target in targets]
    with interruptible(), open_stage(nowhere, dry_run=True) as stage:
        options = pip_runner.RunOptions(("",) * len(jobs), dry_run=True, silent=silent)
        return pip_runner.run_jobs(jobs, labels, stage, options)


def _explain_failure(job: Job, available: _Available, result: JobResult) -> Iterator[CheckFinding]:
    if missing := tuple(find_missing(available, roots(result))):
        yield from missing
        return
    demands = tuple(map(_describe_demand, result.failure.demands)) if result.failure else ()
    if len(demands) > 1:
        message = f"these requirements are in conflict: {' and '.join(demands)}"
    elif demands:
        message = f"{demands[0]} is available, but a constraint or a hash excludes it"
    else:
        _resolve([job], [available.target], silent=False)
        message = "pip cannot resolve the requirements; see its output above"
    yield CheckFinding("", available.target.label, "WC303", message)


def _describe_demand(demand: Demand) -> str:
    who = f" (for {demand.chain[0][0]} {demand.chain[0][1]})" if demand.chain else ""
    return f"{demand.name}{demand.specifier}{who}"
