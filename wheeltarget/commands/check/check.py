"""The verb ``check``: whether a wheelhouse is whole, and all that its targets need."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.check.findings import (
    CheckFinding,
    find_direct_references,
    find_missing,
    fitting,
    judge_fit,
)
from wheeltarget.commands.check.locks import judge_locked, read_selections
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.prepare import Asked, default_targets, prepare
from wheeltarget.errors import InputError, UsageError
from wheeltarget.pip_config.files import Configuration
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.requirements.parser import is_lock
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.verify import roots
from wheeltarget.staging.temporary import temporary_home
from wheeltarget.targets import catalog
from wheeltarget.utils.extras import require
from wheeltarget.utils.signals import interruptible
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.closure import Available
from wheeltarget.wheelhouse.wheel import WheelFile, read_wheel

if TYPE_CHECKING:
    from wheeltarget.pip_protocol import Demand
    from wheeltarget.resolver.results import JobResult
    from wheeltarget.targets.target import Target

_UNREADABLE = frozenset({"WC101", "WC118"})
_LINKS = re.compile(r"^[ \t]*(?:-f|--find-links)\b(?:[^\n\\]|\\(?s:.))*", re.MULTILINE)
_URL = re.compile(r"(?:^|[\s@=])(?!file:)[A-Za-z][A-Za-z0-9+.-]*://\S+")
_URL_HINT = "name it by its version, or check what is there with --tags and without -r"
_SOURCES = (".tar.gz", ".zip", ".tgz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a person asks of ``wheeltarget check``.

    :param places: folders of wheels, and single wheels.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param requirements: the values of ``-r``.
    :param constraints: the values of ``-c``.
    :param audits: whether to look into native code, too.
    :param environment: the environment's variables.
    """

    places: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    audits: bool = False
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What came of it.

    :param files: the files that were looked at, as they were named.
    :param targets: what the targets are called; none where only the files themselves count.
    :param findings: what is wrong, by file, then by target.
    """

    files: tuple[str, ...]
    targets: tuple[str, ...]
    findings: tuple[CheckFinding, ...]

    @property
    def exit_code(self) -> int:
        """Give 1 where something is wrong, else 0."""
        return int(bool(self.findings))


def check(request: CheckRequest) -> CheckOutcome:
    """Look for everything that is wrong with a wheelhouse.

    :param request: what is asked for.
    :returns: what was found.
    :raises WheeltargetError: where that cannot be done.
    """
    paths = tuple(_files(request.places))
    if not paths:
        where = ", ".join(request.places)
        raise UsageError(f"there are no wheels in {where}", "name a folder that has some")
    locks = _locks(request)
    if request.constraints and (locks or not request.requirements):
        raise UsageError(
            "-c constrains what requirements files ask for", "name one with -r, or leave -c out"
        )
    invocation = read_invocation((), request.environment)
    selections = tuple(read_selections(locks, request.tags, request.targets, invocation))
    jobs = () if locks else _plan(request, invocation, paths)
    if request.audits:
        require("auditwheel", "--audit needs auditwheel", "audit")
    wheels = tuple(read_wheel(path) for path in paths if path.suffix == ".whl")
    findings = [
        CheckFinding(str(wheel.path), "", flaw.code, flaw.message)
        for wheel in wheels
        for flaw in wheel.flaws
    ]
    if locks:
        targets = tuple(dict.fromkeys(selection.target for selection in selections))
        findings += judge_fit(wheels, targets)
        findings += judge_locked(selections, paths)
    else:
        targets = tuple(job.target or catalog.host() for job in jobs)
        findings += judge_fit(wheels, targets) if jobs else ()
        findings += _judge_contents(request, jobs, targets, wheels, paths)
    if request.audits:
        findings += _audit(wheels, targets)
    order = {str(path): number for number, path in enumerate(paths)}
    findings.sort(key=lambda each: (order.get(each.file, len(order)), each.target, each.code))
    labels = tuple(target.label for target in targets)
    return CheckOutcome(tuple(map(str, paths)), labels, tuple(dict.fromkeys(findings)))


def _files(places: Iterable[str]) -> Iterator[Path]:
    """Give every distribution that is named, or lies in a folder that is; each once."""
    seen: set[str] = set()
    for place in places:
        path = Path(place)
        if os.path.isdir(path):  # noqa: PTH112 - Path's raises where it may not look
            found = sorted(_distributions(path))
        elif os.path.isfile(path) and path.name.endswith((".whl", *_SOURCES)):  # noqa: PTH113
            found = [path]
        elif os.path.isfile(path):  # noqa: PTH113
            raise UsageError(
                f"{place} is no wheel and no source", "name a wheelhouse, or single wheels"
            )
        else:
            raise UsageError(
                f"{place} is neither a folder nor a file", "name a wheelhouse, or single wheels"
            )
        for each in found:
            real = os.path.realpath(each)
            if real not in seen:
                seen.add(real)
                yield each


def _distributions(folder: Path) -> Iterator[Path]:
    """Give every distribution below a folder, and links that lead nowhere, which look like one."""

    def refuse(error: OSError) -> None:
        raise UsageError(
            f"cannot read {error.filename}: {error.strerror}", "name a wheelhouse that can be read"
        ) from error

    for place, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(place, name) for name in names if name.endswith((".whl", *_SOURCES)))


def _audit(wheels: Iterable[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    """Look into the native code of every wheel that can be read."""
    from wheeltarget.commands.check.native import audit

    for wheel in wheels:
        if wheel.is_archive and not _UNREADABLE & {flaw.code for flaw in wheel.flaws}:
            taking = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
            yield from audit(wheel, taking)


def _locks(request: CheckRequest) -> tuple[str, ...]:
    """Give the locks that are named, or, where nothing is, those that lie beside the wheels."""
    locks = tuple(filter(is_lock, request.requirements))
    if locks and len(locks) < len(request.requirements):
        raise UsageError(
            "locks and requirements files say the same in two ways",
            "check with one kind of them, then with the other",
        )
    if request.requirements or request.tags or request.targets:
        return locks
    folders = [place for place in request.places if Path(place).is_dir()]
    return tuple(
        str(path)
        for place in folders
        for path in sorted(Path(place).iterdir())
        if is_lock(path.name)
    )


def _plan(request: CheckRequest, invocation: Invocation, paths: Sequence[Path]) -> tuple[Job, ...]:
    """Plan what pip would have to do with these files alone; nothing if no target is named."""
    defaults = default_targets(invocation, request.tags, request.targets)
    if not defaults and not request.requirements:
        return ()
    # Nothing but these files counts: no folder that pip's variables name, and no network.
    words = ["--no-index", "--isolated"]
    words += [f"--find-links={folder}" for folder in dict.fromkeys(p.parent for p in paths)]
    words += [f"--requirement={file}" for file in request.requirements]
    words += [f"--constraint={file}" for file in request.constraints]
    alone = replace(invocation, command=split_command_line(words), configuration=Configuration())
    sources = frozenset(name for name, _ in _sources(paths))
    asked = Asked(request.tags, request.targets, sources, fetches=False)
    prepared = prepare(alone, asked)
    inputs = prepared.inputs
    if inputs.remote:
        raise UsageError(
            f"{inputs.remote[0]} would have to be fetched, and a check asks no network",
            "fetch it first, and name the file with -r",
        )
    faults = dict.fromkeys((*inputs.faults, *inputs.unread, *prepared.faults))
    if faults:
        # What to write for a download is no help here.
        raise InputError(
            tuple(
                replace(each, hint=_URL_HINT) if "--allow-sdist" in each.hint else each
                for each in faults
            )
        )
    return tuple(
        replace(job, files=tuple((name, _without_links(text)) for name, text in job.files))
        for job in prepared.plan.jobs
    )


def _without_links(text: str) -> str:
    """Blank the lines of a requirements file that name more folders or pages with wheels."""
    return _LINKS.sub(lambda found: "#" + "\n" * found[0].count("\n"), text)


def _sources(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Give the project and the version of every source distribution."""
    from packaging.utils import InvalidSdistFilename, parse_sdist_filename

    for path in paths:
        with suppress(InvalidSdistFilename):
            name, version = parse_sdist_filename(path.name)
            yield str(name), str(version)


def _judge_contents(
    request: CheckRequest,
    jobs: Sequence[Job],
    targets: Sequence[Target],
    wheels: Sequence[WheelFile],
    paths: Sequence[Path],
) -> Iterator[CheckFinding]:
    """Look for what is missing, and, where somebody says what is needed, for what is not."""
    sources: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, version in _sources(paths):
        sources[name] += (version,)
    available = [Available(target, fitting(wheels, target), sources) for target in targets]
    if not request.requirements:
        for each in available:
            yield from find_missing(each, None)
        return
    urls = tuple(_find_urls(jobs, available))
    if urls:
        yield from urls
        return
    results = _resolve(jobs, targets, silent=True)
    for job, each, result in zip(jobs, available, results, strict=True):
        if result.exit_code:
            yield from _judge_failure(job, each, result)
    if not any(result.exit_code for result in results):
        needed = {file.path.name for result in results for file in result.chosen}
        fit = {w.path for each in available for wheels in each.wheels.values() for w in wheels}
        for path in paths:
            if path.name not in needed and (path in fit or path.suffix != ".whl"):
                yield CheckFinding(str(path), "", "WC305", "no target needs it")


def _find_urls(
    jobs: Iterable[Job], available: Iterable[Available[WheelFile]]
) -> Iterator[CheckFinding]:
    """Find what is asked for by a URL, which pip would fetch from there, whatever is here."""
    for job, each in zip(jobs, available, strict=True):
        for line in job.lines:
            options = line.parsed.options.strip()
            asked = options if options.startswith(("-e", "--editable")) else line.parsed.requirement
            if found := _URL.search(asked):
                url = found[0].strip(" \t@=")
                message = f"{line.file}:{line.number} asks for {url}, not for a file that is here"
                yield CheckFinding("", each.target.label, "WC306", message, _URL_HINT)
        for wheel, needed in find_direct_references(each):
            message = f"it needs {needed.name} from {needed.url}, not from a file that is here"
            yield CheckFinding(str(wheel.path), each.target.label, "WC306", message)


def _resolve(
    jobs: Sequence[Job], targets: Sequence[Target], *, silent: bool
) -> tuple[JobResult, ...]:
    """Let pip choose from the files."""
    nowhere = temporary_home() / "wheeltarget"
    labels = [target.label for target in targets]
    with interruptible(), merge.open_stage(nowhere, dry_run=True) as stage:
        options = pip_runner.RunOptions(("",) * len(jobs), dry_run=True, silent=silent)
        return pip_runner.run_jobs(jobs, labels, stage, options)


def _judge_failure(
    job: Job, available: Available[WheelFile], result: JobResult
) -> Iterator[CheckFinding]:
    """Explain why pip cannot resolve the requirements."""
    missing = tuple(find_missing(available, roots(result)))
    if missing:
        yield from missing
        return
    label = available.target.label
    if result.failure is not None and result.failure.demands:
        demands = " and ".join(map(_said_demand, result.failure.demands))
        message = (
            f"not all of this can be had at once: {demands}"
            if len(result.failure.demands) > 1
            else f"{demands} is there, but a constraint or a hash of the requirements rules it out"
        )
        yield CheckFinding("", label, "WC303", message)
        return
    _resolve([job], [available.target], silent=False)
    message = "pip cannot put together what is asked for; what it said is above"
    yield CheckFinding("", label, "WC303", message)


def _said_demand(demand: Demand) -> str:
    who = f" (for {demand.chain[0][0]} {demand.chain[0][1]})" if demand.chain else ""
    return f"{demand.name}{demand.specifier}{who}"
