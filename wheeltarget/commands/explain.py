"""The command ``explain``: which releases fit which target, and why the others do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.prepare import Prepared, note_unused_constraints, prepare
from wheeltarget.errors import DownloadError, InputError, UsageError
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, is_lock, project_names
from wheeltarget.pip_config.platform_options import target_from_options
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.pip_protocol import (
    Demand,
    FileFact,
    FoundFile,
    FoundProject,
    JobListing,
    ListedRequirement,
    ProjectStatus,
)
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver import explanation
from wheeltarget.resolver.explanation import (
    Build,
    Explanation,
    Release,
    Suggestion,
    find_unreadable,
    judge,
)
from wheeltarget.resolver.index_failures import IndexFailure
from wheeltarget.resolver.pip_runner import list_projects
from wheeltarget.resolver.plan import (
    PIP_ONLY,
    Job,
    is_excluded,
    is_needed,
    parse_requirement,
    project_of,
)
from wheeltarget.resolver.project_statuses import describe_all
from wheeltarget.staging.stage import interruptible
from wheeltarget.targets import catalog
from wheeltarget.targets.compatibility import Difference
from wheeltarget.targets.leave_outs import note_unknown, read_leave_outs
from wheeltarget.targets.names import HOST_LABEL
from wheeltarget.targets.target import Target
from wheeltarget.targets.variants import parse_variant

SCHEMA = 1
"""The version of the document that :meth:`ExplainOutcome.as_dict` returns."""


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """The arguments of ``wheeltarget explain``.

    :param arguments: pip's own arguments, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param sources: the values of ``--allow-sdist``, each a list with commas.
    :param exclude: the values of ``--exclude``, each a list with commas.
    :param skip_provided: whether to leave out what the service of a target provides.
    :param index: the values of ``--index``, each ``NAME=URL``.
    :param environment: the environment variables.
    """

    arguments: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    index: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BestFile:
    """The file that pip would select for a release.

    :param tag: the best of its tags for the target; empty for a source.
    :param url: its URL, without credentials.
    :param size: its size in bytes according to the index, or None.
    :param hashes: (algorithm, value) according to the index.
    """

    version: str
    filename: str
    tag: str
    url: str
    size: int | None
    hashes: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {**asdict(self), "tag": self.tag or None, "hashes": dict(self.hashes)}


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The result of a requirement for one target.

    :param explanation: which releases fit, why the others do not, and suggestions; None if no
        index was asked.
    :param files: the best file of each release that fits, the newest first.
    :param taken: the file that pip would select if nothing else was requested, or None.
    :param near: similar names, if there is no such project.
    :param marker: the marker that is false for the target; else empty.
    :param url: the URL that the requirement itself names; else empty.
    :param left_out_by: what leaves the project out, such as ``--exclude``; else empty.
    :param problem: why the requirement could not be checked, as a sentence; else empty.
    """

    target: str
    explanation: Explanation | None = None
    files: tuple[BestFile, ...] = ()
    taken: BestFile | None = None
    near: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    problem: str = ""
    left_out_by: str = ""
    _by_version: Mapping[str, BestFile] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_version = {file.version: file for file in reversed(self.files)}
        object.__setattr__(self, "_by_version", by_version)

    @property
    def is_fine(self) -> bool:
        """Return whether the target gets what it needs."""
        return self.result in {"fits", "not-needed", "named", "left-out"}

    @property
    def newest(self) -> BestFile | None:
        """Return the newest release that fits, whether it is requested or not."""
        newest = self.explanation.newest_fitting if self.explanation else None
        return self.file_of(str(newest.version)) if newest else None

    @property
    def result(self) -> str:
        """Return the result as one of the words in the documentation."""
        if self.problem:
            return "unknown"
        if self.marker:
            return "not-needed"
        if self.left_out_by:
            return "left-out"
        if self.url and not self.explanation:
            return "named"
        return "fits" if self.taken else "misses"

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        why = self.explanation
        failed = None if self.is_fine else why
        return {
            "target": self.target,
            "result": self.result,
            "taken": self.taken and self.taken.as_dict(),
            "newest": self.newest and self.newest.as_dict(),
            "releases": [self._release(release) for release in (why.releases if why else ())],
            "fixes": _suggestions(failed.suggestions if failed else ()),
            "sources": _suggestions(failed.sources if failed else ()),
            "missing": (why and why.missing) or None,
            "marker": self.marker or None,
            "left_out_by": self.left_out_by or None,
            "url": self.url or None,
            "places": list(why.places if why else ()),
            "near": list(self.near),
            "problem": self.problem or None,
        }

    def _release(self, release: Release) -> dict[str, object]:
        version, difference = str(release.version), release.reason.difference
        file = self.file_of(version)
        return {
            "version": version,
            "admitted": release.admitted,
            "fits": difference is Difference.FITS,
            "reason": difference.name.lower().replace("_", "-"),
            "text": release.reason.text,
            "file": file and file.as_dict(),
        }

    def file_of(self, version: str) -> BestFile | None:
        """Return the best file of a release; None if no file fits."""
        return self._by_version.get(version)


def _suggestions(suggestions: Iterable[Suggestion]) -> list[dict[str, str]]:
    return [{"write": what, "effect": effect} for what, effect in suggestions]


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement, and its result for each target.

    :param requirement: the requirement as written; several on one project are merged.
    :param project: the project, normalised; empty if it is not known.
    :param locations: the location of each line of a file.
    :param answers: one for each of its targets.
    """

    requirement: str
    project: str
    locations: tuple[str, ...]
    answers: tuple[TargetResult, ...]

    @property
    def is_fine(self) -> bool:
        """Return whether every target gets what it needs."""
        return all(answer.is_fine for answer in self.answers)

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "requirement": self.requirement,
            "project": self.project or None,
            "locations": list(self.locations),
            "targets": [answer.as_dict() for answer in self.answers],
        }


@dataclass(frozen=True, slots=True)
class ExplainOutcome:
    """The result of a run.

    :param targets: every target: its label, its best tag, its Python.
    :param rows: every requirement.
    :param notes: one sentence each.
    """

    targets: tuple[tuple[str, str, str], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why requirements could not be checked, each reason once."""
        every = (answer.problem for row in self.rows for answer in row.answers)
        return tuple(dict.fromkeys(filter(None, every)))

    @property
    def exit_code(self) -> int:
        """Return 3 if a requirement could not be checked, 1 if one does not fit, else 0."""
        return 3 if self.problems else int(not all(row.is_fine for row in self.rows))

    def as_dict(self) -> dict[str, object]:
        """Return it as a JSON object."""
        keys = "label", "tag", "python"
        return {
            "schema": SCHEMA,
            "targets": [dict(zip(keys, target, strict=True)) for target in self.targets],
            "requirements": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def explain(request: ExplainRequest, invocation: Invocation | None = None) -> ExplainOutcome:
    """Find which releases fit, and why the others do not; dependencies are not considered.

    :param request: the arguments.
    :param invocation: what its arguments and pip's configuration say, if they were read before.
    :returns: the result.
    :raises WheeltargetError: if the input is invalid, or pip fails.
    """
    invocation = invocation or read_invocation(request.arguments, request.environment)
    sources = project_names("--allow-sdist", request.sources)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    prepared = prepare(
        invocation,
        request.tags,
        request.targets,
        sources,
        leave_outs=leave_outs,
        indexes=request.index,
    )
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(faults)
    _refuse_unsupported(prepared)
    jobs = [
        job if job.target else replace(job, target=replace(catalog.host(), label=HOST_LABEL))
        for job in prepared.plan.jobs
    ]
    targets = [job.target for job in jobs if job.target]
    try:
        with interruptible():
            listings = list_projects(jobs, [target.label for target in targets])
    except DownloadError as error:
        unreadable = tuple(dict.fromkeys(fault for job in jobs for fault in find_unreadable(job)))
        raise InputError(unreadable) if unreadable else error from error
    rows = make_rows(jobs, listings, catalog.look_up_tag)
    return ExplainOutcome(
        tuple((target.label, target.tags[0], target.python) for target in targets),
        rows,
        (
            *_note_indexes(rows, prepared.plan.indexes),
            *note_unused_constraints(prepared.plan),
            *describe_all(_statuses(listings)),
            *(note_unknown(each.label) for each in targets if leave_outs.is_unknown(each)),
        ),
    )


def _statuses(listings: Iterable[JobListing]) -> Iterator[ProjectStatus]:
    """Yield the statuses of all projects that are listed."""
    for listing in listings:
        for _, project in listing.projects:
            yield from project.statuses


def _note_indexes(rows: Iterable[Row], indexes: ProjectIndexes) -> Iterator[str]:
    """Yield a note for each project that has an index of its own."""
    for project in dict.fromkeys(row.project for row in rows):
        index = indexes.find(project) if project else None
        if index is not None:
            yield f"{project} comes from {index.url} only, as {index.origin} says"


def _refuse_unsupported(prepared: Prepared) -> None:
    """Refuse options that would have no effect here, or another one than in pip."""
    command = prepared.invocation.everything
    if command.has("--python"):
        raise UsageError(
            "--python is not supported by explain",
            "leave it out, or name that interpreter's environment with --tags or --target",
        )
    for value in command.values("--requirement"):
        if is_lock(value):
            message = f"{value} is a lock, which names its files: there is nothing to explain"
            raise UsageError(message, "name requirements, or a requirements file")
    foreign = sorted({option.name for option in command.options} & ENVIRONMENT_OPTIONS)
    if foreign and any(job.target is None for job in prepared.plan.jobs):
        target = target_from_options(command)
        message = f"{' and '.join(foreign)} would name single tags, not a whole environment"
        raise UsageError(message, f"write --tags {target.label if target else 'TAG'} instead")
    requested = any(not entry.constraint for entry in prepared.inputs.entries)
    if not requested and not any(option.name in PIP_ONLY for option in command.options):
        hint = "for example: wheeltarget explain numpy --tags cp312-cp312-manylinux_2_28_x86_64"
        raise UsageError("no requirements given", hint)


def make_rows(jobs: Sequence[Job], listings: Sequence[JobListing], build: Build) -> tuple[Row, ...]:
    """Group the results of all targets by requirement, in the order of the first target's lines.

    :param jobs: the jobs, each with its target.
    """
    rows: dict[tuple[str, str, int], Row] = {}
    for job, listing in zip(jobs, listings, strict=True):
        times: Counter[tuple[str, str]] = Counter()
        for group in _groups(job, listing):
            what = _text(group), group[0].asked.project
            key = (*what, times[what])
            times[what] += 1
            row = rows.get(key, Row(*what, (), ()))
            locations = (*row.locations, *(each.location for each in group if each.line))
            answers = (*row.answers, _result(group, job, listing, build))
            rows[key] = Row(*what, tuple(dict.fromkeys(locations)), answers)
    return tuple(rows.values())


class _Found(NamedTuple):
    """A requirement as pip reads it, and its line; None for one of a dependency group."""

    asked: ListedRequirement
    line: SourceLine | None

    @property
    def location(self) -> str:
        return str(self.line.fault("").location) if self.line else ""


def _groups(job: Job, listing: JobListing) -> Iterable[list[_Found]]:
    """Group the requirements of a target by project, in the order of its lines."""
    order = {line: number for number, line in enumerate(job.lines)}
    matched = _matched(job, listing.requirements)
    matched.sort(key=lambda each: order[each.line] if each.line else len(order))
    by_project: dict[object, list[_Found]] = {}
    for number, each in enumerate(matched):
        alone = not each.asked.needed or each.asked.url
        by_project.setdefault(number if alone else each.asked.project, []).append(each)
    return by_project.values()


def _matched(job: Job, requirements: Iterable[ListedRequirement]) -> list[_Found]:
    """Find the line of each requirement that pip has read."""
    # pip does not see requirements on excluded projects.
    lines = [line for line in job.lines if not is_excluded(line, job.excluded)]
    found = [_excluded(line, job) for line in job.lines if is_excluded(line, job.excluded)]
    left = [(line, parse_requirement(line)) for line in lines]
    for asked in requirements:
        scores = []
        for _, requirement in left:
            if requirement is None or requirement.url:
                scores.append(int(bool(asked.url)))
            elif asked.url or canonicalize_name(requirement.name) != asked.project:
                scores.append(0)
            else:
                same = str(requirement.specifier) == asked.specifier
                scores.append(1 + same + (str(requirement.marker or "") == asked.marker))
        best = max(scores, default=0)
        found.append(_Found(asked, left.pop(scores.index(best))[0] if best else None))
    return found


def _excluded(line: SourceLine, job: Job) -> _Found:
    """Return the requirement of a line whose project is left out."""
    requirement, project = parse_requirement(line), project_of(line)
    marker = str(requirement.marker or "") if requirement else ""
    specifier = str(requirement.specifier) if requirement else ""
    name = requirement.name if requirement else project
    needed = job.target is None or is_needed(line, job.target)
    asked = ListedRequirement(project, name, specifier, marker, needed=needed)
    return _Found(asked, line)


def _text(group: Sequence[_Found]) -> str:
    """Return a requirement as the user wrote it, without its marker; several are merged."""
    asked, line = group[0]
    if len(group) > 1:
        specifiers = dict.fromkeys(each.asked.specifier for each in group)
        return asked.name + ",".join(filter(None, specifiers))
    if asked.url:
        return asked.name or asked.url
    if line is None:
        return f"{asked.name}{asked.specifier}"
    return re.split(r"\s*;", line.parsed.requirement, maxsplit=1)[0].strip()


def _result(group: Sequence[_Found], job: Job, listing: JobListing, build: Build) -> TargetResult:
    assert job.target is not None  # noqa: S101 - `explain` has given every job one
    label, asked = job.target.label, group[0].asked
    if asked.problem:
        return TargetResult(label, problem=asked.problem)
    if not asked.needed:
        return TargetResult(label, marker=asked.marker)
    if exclusion := job.excluded.find(asked.project):
        return TargetResult(label, left_out_by=exclusion.origin)
    if asked.url:
        return _result_by_filename(group[0], job.target, build)
    if fault := dict(job.disputed).get(asked.project):
        return TargetResult(label, problem=f"{fault.location}: {fault.message}; {fault.hint}")
    found = dict(listing.projects)[asked.project]
    unread = (IndexFailure(each.index, each.reason, ()).problem for each in found.page_failures)
    if problem := "; ".join(unread) or found.problem:
        return TargetResult(label, problem=f"{_text(group)}: {problem}")
    tags = dict(job.allowed_tags).get(asked.project)
    target = replace(job.target, tags=tags) if tags else job.target
    demands = _demands(group, listing)
    endings = explanation.endings_of(job, demands)
    result = _explained(demands, found, target, build, endings)
    if label == HOST_LABEL and (why := result.explanation):
        # This is the option with which pip builds a source for the running interpreter.
        sources = tuple(
            (f"--no-binary {asked.project}", f"builds {release.version} from source")
            for release in why.admitted_as(Difference.SOURCE)[:1]
        )
        result = replace(result, explanation=replace(why, sources=sources))
    return replace(result, near=tuple(get_close_matches(asked.project, found.neighbours)))


def _demands(group: Sequence[_Found], listing: JobListing) -> tuple[Demand, ...]:
    limits = [each for each in listing.constraints if each.project == group[0].asked.project]
    constraint = ",".join(dict.fromkeys(each.specifier for each in limits if each.specifier))
    hashes = tuple(dict.fromkeys(pair for each in limits for pair in each.hashes))
    demands = []
    for each in group:
        asked, allowed = each.asked, each.asked.hashes or hashes
        is_pinned = asked.specifier.startswith("==") and "," not in asked.specifier
        demand = Demand(asked.project, asked.name, asked.specifier, constraint, allowed)
        lacks_hash = listing.hashed and not (is_pinned and allowed)
        demands.append(replace(demand, location=each.location, lacks_hash=lacks_hash))
    return tuple(demands)


def _explained(
    demands: tuple[Demand, ...],
    found: FoundProject,
    target: Target,
    build: Build,
    endings: explanation.Endings = (),
) -> TargetResult:
    facts = [file.fact for file in found.files]
    why = explanation.explain(demands, facts, target, build, found.places, endings)
    # pip admits a pre-release that fits only if no final release does.
    releases = tuple(
        replace(release, admitted=str(release.version) in found.applicable)
        if release.reason.difference is Difference.FITS
        else release
        for release in why.releases
    )
    lacks_hash = any(demand.lacks_hash for demand in demands)
    files = [_best_file(file, target) for file in found.files if file.best_of is not None]
    by_version = {file.version: file for file in files}
    fitting = (str(r.version) for r in releases if r.reason.difference is Difference.FITS)
    return TargetResult(
        target.label,
        replace(why, releases=releases),
        tuple(by_version[version] for version in fitting if version in by_version),
        next((file for file in files if file.url == found.taken and not lacks_hash), None),
    )


def _best_file(file: FoundFile, target: Target) -> BestFile:
    filename = file.fact.filename
    tags = set(map(str, parse_wheel_filename(filename)[3])) if filename.endswith(".whl") else ()
    tag = next((each for each in target.tags if each in tags), "")
    return BestFile(file.best_of or "", filename, tag, file.url, file.size, file.fact.hashes)


def _result_by_filename(found: _Found, target: Target, build: Build) -> TargetResult:
    """Return the result of a requirement that names a URL, by the name of its file."""
    asked = found.asked
    filename = unquote(asked.url.rpartition("/")[2])
    variant = parse_variant(filename)
    try:
        named = variant or parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return TargetResult(target.label, url=asked.url)
    project, version = named[0], named[1]
    demand = Demand(project, asked.name or project, "", location=found.location)
    fact = FileFact(filename, "format_invalid" if variant else "candidate")
    file = FoundFile(fact, asked.url, best_of=None if variant else str(version))
    fits = judge(fact, frozenset(), target).difference is Difference.FITS
    listed = FoundProject((file,), asked.url if fits else None, frozenset({str(version)}))
    return replace(_explained((demand,), listed, target, build), url=asked.url)
