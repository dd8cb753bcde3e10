"""Explain why no file of a project fits a target, and suggest changes, from what pip found.

Each release is judged for the target. A suggestion is a single change after which a file fits,
tried on the files of the project.

Specifications: PEP 425 for tags, PEP 440 for versions, the simple repository API for files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from wheeltarget.errors import DownloadError, Fault, InputError, TargetError
from wheeltarget.pip_protocol import Backtracking, Demand, Failure, FileFact, HashMismatch
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver.index_failures import find_index_failures
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job, address, is_needed, wheel_name
from wheeltarget.resolver.project_statuses import describe_quarantined
from wheeltarget.targets.compatibility import (
    FITS,
    Difference,
    Reason,
    compare_tags,
    merge_reasons,
    missing_everywhere,
    neighbours,
)
from wheeltarget.targets.specifiers import is_pin, takes_prereleases
from wheeltarget.targets.target import Target
from wheeltarget.targets.variants import parse_variant

Build = Callable[[str], Target]
"""Returns the target with a given best tag; raises TargetError."""

Suggestion = tuple[str, str]
"""The text to write, and its effect."""

_REFUSED = frozenset({"upload_too_late", "upload_time_missing", "pre_release"})
"""pip's verdicts that exclude a file for every target."""

_IF_NAMED = "pre_release_if_named"
"""pip's verdict on a pre-release that the target's own pip takes if a specifier names one."""

_ALLOWED = frozenset({"candidate", _IF_NAMED})

_OTHER_PROJECT, _INVALID = "different_project", "format_invalid"
"""pip's verdicts on a file that belongs to no release of the project."""

_STRONG = ("sha256", "sha384", "sha512")
"""The algorithms that pip accepts for ``--hash``."""
_MAYBE_PATH_OR_URL = re.compile(r"[/\\:@]|^\.")
_MOST_TRIED = 50
"""How many tags are tried for one suggestion; an index can have files for any number."""

_parse_version = cache(Version)


@dataclass(frozen=True, slots=True)
class Ending:
    """What a line has around its specifier, for another line like it.

    :param extras: its extras in brackets, of which pip's demand may have none.
    :param scope: its marker and its clauses, which hold for its dependencies, too.
    :param options: its options.
    :param comment: its clauses, if they stand in a comment.
    """

    extras: str = ""
    scope: str = ""
    options: str = ""
    comment: str = ""

    def line(self, name: str, specifier: str, hashed: str = "") -> str:
        """Return a line in place of this one; the hashes replace all options."""
        requirement = f"{name.partition('[')[0]}{self.extras}{specifier}{self.scope}"
        return " ".join(filter(None, (requirement, hashed or self.options, self.comment)))


Endings = tuple[tuple[str, Ending], ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a project, judged for a target.

    :param admitted: whether the specifiers and the constraints admit it.
    :param reason: that it fits, or why not.
    """

    version: Version
    admitted: bool
    reason: Reason
    files: tuple[FileFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the demands on a project cannot be met, and what to change.

    :param releases: every release, the newest first.
    :param missing: the part of the target that no wheel of any release is for; may be empty.
    :param places: the URLs that were searched, if nothing was found.
    :param suggestions: single changes, each tried on the files of the project; the smallest first.
    :param sources: options that allow a source; whether it can be built was not tried.
    :param mismatch: the file that has none of the allowed hashes, if that is the reason.
    :param endings: by location, what the user's line ends with, for a line in place of it.
    """

    demands: tuple[Demand, ...]
    target: Target
    releases: tuple[Release, ...]
    missing: str = ""
    places: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    sources: tuple[Suggestion, ...] = ()
    mismatch: HashMismatch | None = None
    endings: Endings = ()

    def line_for(self, demand: Demand, specifier: str, hashed: str = "") -> str:
        """Return a line to propose for a demand, with all but the specifier of the user's line.

        :param hashed: the hashes that it needs, in place of its own.
        """
        ending = dict(self.endings).get(demand.location, Ending())
        if demand.chain or not ending.extras:
            ending = replace(ending, extras="".join(demand.name.partition("[")[1:]))
        if demand.chain:
            ending = replace(ending, options="")  # those are for the project of the line
        return ending.line(demand.name, specifier, hashed)

    @property
    def lacks_only_hash(self) -> bool:
        """Return whether a file fits, but the requirement has no hash, and hashes are required."""
        return self.demands[0].lacks_hash and newest_fitting(self.admitted) is not None

    @property
    def admitted(self) -> tuple[Release, ...]:
        """Return the releases that every demand admits."""
        return tuple(release for release in self.releases if release.admitted)

    def admitted_as(self, *kinds: Difference) -> list[Release]:
        """Return the admitted releases that fit, or do not for one of these reasons."""
        return [release for release in self.admitted if release.reason.difference in kinds]

    @property
    def newest_fitting(self) -> Release | None:
        """Return the newest release that fits, whether admitted or not."""
        return newest_fitting(self.releases)


class ResolutionError(DownloadError):
    """pip found no set of files that meets every demand."""

    explanations: tuple[Explanation, ...] = ()
    """One for each project; may be empty. The messages are pip's output on what has none."""

    backtracking: tuple[tuple[str, Backtracking], ...] = ()
    """For each target for which pip tried many versions: its label, and which requirements were
    most often the reason. Left out if the explanations have the same requirements."""


def explain(
    demands: tuple[Demand, ...],
    files: Iterable[FileFact],
    target: Target,
    build: Build,
    places: Iterable[str] = (),
    endings: Endings = (),
) -> Explanation:
    """Explain why no file of a project meets the demands on it.

    :param demands: the demands on one project, at least one.
    :param files: every file of the project that pip has seen.
    :param places: the URLs that were searched for the project.
    :param endings: as :class:`Explanation` has them.
    """
    releases = judge_releases(demands, files, target)
    valid = (file for release in releases for file in release.files if file.verdict != _INVALID)
    names = (file.filename for file in valid)
    missing = missing_everywhere((name for name in names if name.endswith(".whl")), target)
    searched = () if releases else tuple(places)
    why = Explanation(demands, target, releases, missing, searched, endings=endings)
    suggestions = dict.fromkeys(find_suggestions(why, build))
    return replace(why, suggestions=tuple(suggestions), sources=tuple(find_sources(why)))


def explain_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Build
) -> ResolutionError | InputError:
    """Return the error for jobs for which pip failed, with a reason as far as pip knows one."""
    failed = [pair for pair in zip(labels, results, strict=True) if pair[1].exit_code]
    disputed = tuple(fault for _, result in failed for fault in _disputed(result))
    if disputed:
        return InputError(disputed)
    unread_by_pip = (result.job for _, result in failed if result.failure is None)
    invalid = dict.fromkeys(fault for job in unread_by_pip for fault in find_unreadable(job))
    if invalid:
        return InputError(tuple(invalid))
    *others, last = (label for label, _ in failed)
    names = f"{', '.join(others)} and {last}" if others else last
    explained = [(result, tuple(_explain_job(result, build))) for _, result in failed]
    unseen = [name for r, _ in explained if r.failure for name in r.failure.unseen]
    hint = f"not checked yet: {', '.join(dict.fromkeys(unseen))}" if unseen else ""
    # Several targets often fail for the same reason.
    unexplained = dict.fromkeys(r.messages for r, some in explained if not some)
    messages = [text for texts in unexplained for text in texts]
    # A missing file may have been on one of these.
    unread = find_index_failures(result for _, result in failed)
    quarantined = describe_quarantined(each for _, result in failed for each in result.statuses)
    reasons = (*quarantined, *(failure.describe() for failure in unread))
    error = ResolutionError(
        f"pip failed for {names}; nothing was saved",
        hint if any(some for _, some in explained) else "see pip's output above",
        exit_code=failed[0][1].exit_code,
        messages=(*(f"ERROR: {reason}" for reason in reasons), *messages),
    )
    error.explanations = tuple(each for _, some in explained for each in some)
    tried = ((label, _backtracking(result)) for label, result in failed)
    error.backtracking = tuple((label, found) for label, found in tried if found)
    return error


def _backtracking(result: JobResult) -> Backtracking | None:
    """Return how pip went back for a job, unless the failure has the same requirements anyway."""
    found = result.backtracking
    if found is None:
        return None
    demands = result.failure.demands if result.failure else ()
    named = {(demand.project, demand.requested_by) for demand in demands}
    rivals = {(demand.project, demand.requested_by) for demand in found.rivals}
    if rivals and rivals <= named:
        return None
    lines = list(result.job.named_projects())
    return replace(found, rivals=tuple(_placed(demand, lines) for demand in found.rivals))


def find_unreadable(job: Job) -> Iterator[Fault]:
    """Yield a fault for each invalid requirement of a job, after pip could not read them."""
    for line in job.lines:
        text = line.parsed.requirement
        if not text or _MAYBE_PATH_OR_URL.search(text):
            continue
        try:
            Requirement(text)
        except InvalidRequirement as error:
            why = str(error).partition("\n")[0]
            start = line.parsed.text.find(text)
            message = f"{text} is not a valid requirement: {why}"
            yield line.fault(message, "", start, start + len(text))


def _disputed(result: JobResult) -> Iterator[Fault]:
    """Return the faults of locks that have two versions of a project for which pip failed."""
    demands = result.failure.demands if result.failure else ()
    faults = dict(result.job.disputed)
    return (faults[name] for name in {each.project: None for each in demands} if name in faults)


def _explain_job(result: JobResult, build: Build) -> Iterator[Explanation]:
    """Explain every project at fault."""
    target, failure = result.job.target, result.failure
    if target is None:
        return
    if failure is None:
        needed = (line for line in result.job.lines if is_needed(line, target))
        yield from filter(None, (_explain_wheel(line, target, build) for line in needed))
        return
    lines = list(result.job.named_projects())
    if failure.mismatch is not None:
        yield _explain_mismatch(result, failure, failure.mismatch, build)
        return
    files, places = dict(failure.files), dict(failure.places)
    # A demand without a project is on Python, and pip's own message says so.
    for project in filter(None, dict.fromkeys(demand.project for demand in failure.demands)):
        demands = dict.fromkeys(
            _placed(demand, lines) for demand in failure.demands if demand.project == project
        )
        demands = dict.fromkeys(_hash_checked(demand, result.job) for demand in demands)
        seen, rebuild = _as_constrained(target, project, result.job, build)
        why = explain(
            _distinct(demands),
            files.get(project, ()),
            seen,
            rebuild,
            places.get(project, ()),
            endings_of(result.job, demands),
        )
        # If an admitted release fits, the cause is another project.
        if not why.admitted_as(Difference.FITS) or any(demand.lacks_hash for demand in demands):
            yield why


def _hash_checked(demand: Demand, job: Job) -> Demand:
    """Return a demand that lacks a hash if the job requires hashes, and it has none."""
    hashed = job.hashed is None or demand.project in job.hashed or demand.hashes or demand.file
    return demand if hashed else replace(demand, lacks_hash=True)


def endings_of(job: Job, demands: Iterable[Demand]) -> Endings:
    """Return how each line of a job from which a demand comes ends, by its location."""
    wanted = {demand.location for demand in demands}
    located = ((str(line.fault("").location), line) for line in job.lines)
    return tuple((location, _ending(line)) for location, line in located if location in wanted)


def _ending(line: SourceLine) -> Ending:
    parsed = line.parsed
    marker = extras = ""
    with suppress(InvalidRequirement):
        requirement = Requirement(parsed.requirement)
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    if not parsed.clauses:
        return Ending(extras, marker, parsed.options)
    if "#" in parsed.text[: parsed.clauses[0].values[0].start]:
        return Ending(
            extras, marker, parsed.options, " ".join(f"# {each}" for each in parsed.clauses)
        )
    clauses = "".join(f" ; {each}" for each in parsed.clauses)
    return Ending(extras, f"{marker}{clauses}", parsed.options)


def _explain_wheel(line: SourceLine, target: Target, build: Build) -> Explanation | None:
    """Explain why the wheel that a line gives by its path or URL does not fit, if so."""
    filename = wheel_name(line)
    variant = parse_variant(filename)
    try:
        project = variant[0] if variant else parse_wheel_filename(filename)[0]
    except InvalidWheelFilename:
        return None
    if not variant and compare_tags(filename, target).difference is Difference.FITS:
        return None
    demand = Demand(project, project, "", location=str(line.fault("").location))
    fact = FileFact(filename, _INVALID if variant else "candidate")
    return explain((demand,), [fact], target, build)


def _explain_mismatch(
    result: JobResult, failure: Failure, mismatch: HashMismatch, build: Build
) -> Explanation:
    """Explain a wrong hash, with another one if the index lists one that pip takes for the file."""
    target = result.job.target
    assert target is not None  # noqa: S101 - a job without a target has no explanation
    (demand,) = failure.demands
    placed = (_placed(demand, list(result.job.named_projects())),)
    if not (demand.file or mismatch.index):
        files = dict(failure.files)[demand.project]
        is_listed = any(name in _STRONG for file in files for name, _ in file.hashes)
        endings = endings_of(result.job, placed)
        why = explain(placed, files, target, build, endings=endings)
        if is_listed and not why.admitted_as(Difference.FITS):
            return why
    return Explanation(placed, target, (), mismatch=mismatch)


def _as_constrained(target: Target, project: str, job: Job, build: Build) -> tuple[Target, Build]:
    """Return a target with the tags that constraints leave a project, and a function for others.

    Another target would not help then, so the function always returns the same.
    """
    tags = dict(job.allowed_tags).get(project)
    if tags is None:
        return target, build
    seen = replace(target, label=f"{target.label}, narrowed by a constraint", tags=tags)
    return seen, lambda _text: seen


def _distinct(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Return one of each group of demands that differ in their extras only: the longest."""
    longest: dict[Demand, Demand] = {}
    for demand in sorted(demands, key=lambda each: -len(each.name)):
        longest.setdefault(replace(demand, name=""), demand)
    return tuple(demand for demand in demands if demand in longest.values())


def _placed(demand: Demand, lines: Sequence[tuple[str, SourceLine]]) -> Demand:
    """Return a demand with the location of the user's line that it comes from."""
    root = demand.chain[-1][0].partition("[")[0] if demand.chain else demand.project
    mine = [line for name, line in lines if name in {root, demand.file}]
    same = [line for line in mine if not demand.chain and _is_requested(line, demand)]
    place = next((str(line.fault("").location) for line in (*same, *mine)), "")
    return replace(demand, location=place)


def _is_requested(line: SourceLine, demand: Demand) -> bool:
    """Return whether a line, of several on one project, has the specifier or URL of a demand."""
    try:
        requirement = Requirement(line.parsed.requirement)
        if requirement.url:
            return address(requirement.url) == demand.file
        return requirement.specifier == SpecifierSet(demand.specifier)
    except (InvalidRequirement, InvalidSpecifier):
        return True


# Releases


class VersionRequirements:
    """The versions that all demands on a project admit.

    Of the specifiers of each project that requests it, one has to be met, since the releases of the
    requesting project are alternatives.
    """

    def __init__(self, demands: Iterable[Demand]) -> None:
        by_requester: dict[str, list[str]] = {}
        for number, demand in enumerate(demands):
            requester = demand.requested_by or f"line {number}"
            by_requester.setdefault(requester, []).append(demand.specifier)
            by_requester[f"constraint {number}"] = [demand.constraint]
        self._specifiers = [tuple(_parse_specifiers(each)) for each in by_requester.values()]
        every = [each for alternatives in self._specifiers for each in alternatives]
        self._each = [each for some in every for each in some]
        self.is_pinned = any(map(is_pin, self._each))

    def takes_prereleases(self, target: Target) -> bool | None:
        """Return whether the target's own pip takes pre-releases; None if only without a final."""
        return takes_prereleases(target.python, self._each)

    def takes(self, version: Version) -> bool:
        """Return whether all demands admit a version, which may be a pre-release."""
        return all(
            any(each.contains(version, prereleases=True) for each in alternatives)
            for alternatives in self._specifiers
        )


def _parse_specifiers(texts: Iterable[str]) -> Iterator[SpecifierSet]:
    """Parse specifiers; an invalid one, such as pip's ``===`` without a text, admits no version."""
    for text in dict.fromkeys(texts):
        with suppress(InvalidSpecifier):
            yield SpecifierSet(text)


def newest_fitting(releases: Iterable[Release]) -> Release | None:
    """Return the first release that fits, a final one if there is one."""
    fitting = [release for release in releases if release.reason.difference is Difference.FITS]
    final = (release for release in fitting if not release.version.is_prerelease)
    return next(final, fitting[0] if fitting else None)


def files_by_version(files: Iterable[FileFact], project: str = "") -> dict[Version, list[FileFact]]:
    """Group files of a project by release; those of no release are left out."""
    found = defaultdict(list)
    for file in files:
        variant = parse_variant(file.filename) if file.verdict == _INVALID else None
        if variant and variant[0] == project:
            version = _version(file.filename)
        else:
            excluded = file.verdict in {_INVALID, _OTHER_PROJECT}
            version = None if excluded else _version(file.filename)
        if version is not None:
            found[version].append(file)
    return dict(found)


def _version(filename: str) -> Version | None:
    parts = filename.split("-")
    try:
        if filename.endswith(".whl"):
            return _parse_version(parts[1]) if len(parts) in {5, 6, 7} else None
        return parse_sdist_filename(filename)[1]
    except ValueError:
        return None


def judge_releases(
    demands: Sequence[Demand], files: Iterable[FileFact], target: Target
) -> tuple[Release, ...]:
    """Judge every release of a project, by its files; return the newest first."""
    wanted, hashes = VersionRequirements(demands), allowed_hashes(demands)
    taken = wanted.takes_prereleases(target)

    def reason(files: Sequence[FileFact]) -> Reason:
        merged = merge_reasons(
            judge(f, hashes, target, pinned=wanted.is_pinned, unnamed=taken is False) for f in files
        )
        listed = [file.filename for file in files if set(file.hashes) & hashes]
        if merged.difference is Difference.HASH and listed:
            return Reason(Difference.HASH, f"the listed hash is that of {listed[0]}")
        return merged

    by_version = files_by_version(files, demands[0].project)
    releases = tuple(
        Release(version, wanted.takes(version), reason(some), tuple(some))
        for version, some in sorted(by_version.items(), reverse=True)
    )
    has_final = any(each.admitted and not each.version.is_prerelease for each in releases)
    if taken or not has_final:
        return releases
    # Other pre-releases are not admitted, unless they fit or an option excludes them.
    return tuple(
        replace(each, admitted=False)
        if each.version.is_prerelease
        and each.reason.difference is not Difference.FITS
        and not any(file.verdict == "pre_release" for file in each.files)
        else each
        for each in releases
    )


def allowed_hashes(demands: Sequence[Demand]) -> frozenset[tuple[str, str]]:
    """Return every hash that demands allow; empty if they allow any."""
    return frozenset(each for demand in demands for each in demand.hashes)


def judge(
    file: FileFact,
    hashes: Collection[tuple[str, str]],
    target: Target,
    *,
    pinned: bool = False,
    unnamed: bool = False,
) -> Reason:
    """Return whether a file fits, or why not.

    :param hashes: every allowed hash; empty if any is allowed.
    :param pinned: whether one version is pinned, which then may be a yanked one.
    :param unnamed: whether no specifier names a pre-release, so that the own pip takes none.
    """
    is_unnamed = unnamed and file.verdict == _IF_NAMED
    if not file.filename.endswith(".whl"):
        if file.verdict in _ALLOWED and not is_unnamed:
            return Reason(Difference.FITS, "fits as a source")
        if not is_unnamed:
            return Reason(Difference.SOURCE, "has no wheel, only a source")
    else:
        variant = parse_variant(file.filename) if file.verdict == _INVALID else None
        if variant:
            text = f"is a variant wheel for {variant[2]}, which no pip takes yet"
            return Reason(Difference.VARIANT, text)
        reason = compare_tags(file.filename, target)
        if reason.difference is not Difference.FITS:
            return reason
    if rule := _judge_by_rules(file):
        return rule
    if is_unnamed:
        return Reason(Difference.PRE_RELEASE, f"is a pre-release; {target.rule_on_prereleases}")
    if file.yanked is not None and not pinned:
        return Reason(Difference.YANKED, "was yanked" + (f": {file.yanked}" if file.yanked else ""))
    if hashes and file.hashes and not any(each in hashes for each in file.hashes):
        return Reason(Difference.HASH, "its hash is not listed")
    return FITS


def _judge_by_rules(file: FileFact) -> Reason | None:
    """Return the rule of pip's that excludes a wheel whose tags fit, if any."""
    match file.verdict:
        case "format_unsupported":
            return Reason(Difference.EXCLUDED, "is a wheel, which --no-binary excludes")
        case "upload_time_missing":
            return Reason(Difference.TOO_LATE, "has no upload time on the index")
        case "upload_too_late":
            day = f" on {file.uploaded[:10]}" if file.uploaded else ""
            return Reason(Difference.TOO_LATE, f"was uploaded too late{day and ','}{day}")
        case "requires_python_mismatch":
            return Reason(Difference.REQUIRES_PYTHON, f"requires Python {file.requires_python}")
        case "pre_release":
            return Reason(Difference.PRE_RELEASE, "is a pre-release")
    return None


# Suggestions


def find_suggestions(why: Explanation, build: Build) -> Iterator[Suggestion]:
    """Find single changes after which a file fits, the smallest first."""
    if any(demand.lacks_hash for demand in why.demands):
        yield from _unlisted_fixes(why)
        return  # without a hash, nothing else helps
    yield from _specifier_fixes(why)
    yield from _rule_fixes(why)
    yield from _tag_fixes(why, build)


def find_sources(why: Explanation) -> Iterator[Suggestion]:
    """Find options that allow a source; whether it can be built is not known."""
    if any(demand.lacks_hash for demand in why.demands):
        return
    for release in why.admitted:
        wheels = [file.filename for file in release.files if file.filename.endswith(".whl")]
        if any(
            file.filename not in wheels
            and file.verdict not in _ALLOWED
            and _is_allowed(file, why.target, why)
            for file in release.files
        ):
            project, effect = why.demands[0].project, "for the target to build"
            yield f"--allow-sdist {project}", f"keeps the source of {release.version} {effect}"
            if all(name.endswith("-none-any.whl") for name in wheels):
                yield f"--build-pure {project}", "builds a wheel here, if it is pure Python"
            return


def _unlisted_fixes(why: Explanation) -> Iterator[Suggestion]:
    """Find the line with the missing hash, if hashes are required."""
    demand, newest = why.demands[0], newest_fitting(why.admitted)
    is_own = not demand.chain and len(why.demands) == 1
    other = newest is None and is_own and newest_fitting(why.releases)
    release = newest or other or None
    hashed = _hash_option(release.files, why.target) if release else ""
    if release and hashed:
        line = why.line_for(demand, f"=={release.version}", hashed)
        place = "as another line of the file" if demand.chain else "in place of this line"
        yield line, place if newest else f"{place}, is the newest that fits"


def _hash_option(files: Iterable[FileFact], target: Target) -> str:
    """Return ``--hash`` for the file of a release that pip would choose; else an empty text."""
    file = preferred_file(files, target)
    known = dict(file.hashes) if file else {}
    return next((f"--hash={name}:{known[name]}" for name in _STRONG if name in known), "")


def preferred_file(files: Iterable[FileFact], target: Target) -> FileFact | None:
    """Return the file of a release that pip prefers, whatever its hash; None if none fits."""
    ranks = {tag: number for number, tag in enumerate(target.tags)}

    def preference(file: FileFact) -> tuple[bool, bool, int, tuple[int, str]]:
        name = file.filename.removesuffix(".whl")
        if name == file.filename:
            return file.yanked is None, False, 0, (0, "")
        parts = name.split("-")
        build = re.match(r"(\d+)(.*)", parts[2]) if len(parts) == 6 else None
        tags = map(str, parse_tag("-".join(parts[-3:]).lower()))
        rank = min(ranks[tag] for tag in tags if tag in ranks)
        return file.yanked is None, True, -rank, (int(build[1]), build[2]) if build else (-1, "")

    fits = Difference.FITS
    found = [f for f in files if judge(f, (), target, pinned=True).difference is fits]
    return max(reversed(found), key=preference, default=None)


def _specifier_fixes(why: Explanation) -> Iterator[Suggestion]:
    """Find for each of the user's lines the specifier of the newest release that fits."""
    releases = why.releases
    lines = [d for d in why.demands if not d.chain and not d.file]
    for line in lines:
        others = VersionRequirements(
            # Every demand has the same constraint.
            Demand(line.project, line.name, "", line.constraint) if each is line else each
            for each in why.demands
        )
        newest = newest_fitting(r for r in releases if others.takes(r.version))
        if newest is None or newest.admitted:
            continue
        specifier = _specifier_for(newest, releases, line.specifier)
        effect = "is" if specifier.startswith("==") else f"selects {newest.version},"
        effect += " the newest that fits"
        if len(why.demands) > 1:
            effect += " all other requirements"
        place = f" (replaces {line.specifier} in {line.location})" if len(lines) > 1 else ""
        yield why.line_for(line, specifier), f"{effect}{place}"


def _specifier_for(newest: Release, releases: Sequence[Release], specifier: str) -> str:
    """Return a specifier that selects a release; with ``~=`` if the user wrote that."""
    match = re.fullmatch(r"\s*~=\s*([\d.]+)\s*", specifier)
    parts = newest.version.release[: match[1].count(".") + 1] if match else ()
    if len(parts) > 1:
        compatible = f"~={'.'.join(map(str, parts))}"
        fits = (r.version for r in releases if r.reason.difference is Difference.FITS)
        within = SpecifierSet(compatible).filter(fits, prereleases=False)
        if max(within, default=None) == newest.version:
            return compatible
    return f"=={newest.version}"


def _rule_fixes(why: Explanation) -> Iterator[Suggestion]:
    """Find changes to options and hashes, which exclude a file for every target."""
    demand = why.demands[0]
    hashes = allowed_hashes(why.demands)
    for release in why.admitted_as(Difference.HASH)[:1]:
        file, option = (
            preferred_file(release.files, why.target),
            _hash_option(release.files, why.target),
        )
        if file and option:
            yield option, f"allows {file.filename}"
    for release in why.admitted_as(Difference.YANKED)[:1]:
        effect = "as another requirement, allows" if demand.chain else "allows"
        line = why.line_for(demand, f"=={release.version}")
        yield line, f"{effect} it although it was yanked"
    for release in why.admitted_as(Difference.PRE_RELEASE)[:1]:
        if all(file.verdict != _IF_NAMED for file in release.files):
            yield f"--all-releases {demand.project}", f"selects {release.version}"
            continue
        effect = "as another requirement, selects" if demand.chain else "selects"
        yield why.line_for(demand, f"=={release.version}"), f"{effect} the pre-release"
    for release in why.admitted_as(Difference.EXCLUDED)[:1]:
        yield f"--only-binary {demand.project}", f"selects the wheel of {release.version}"
    # The oldest of them needs the smallest step.
    for release in why.admitted_as(Difference.TOO_LATE)[-1:]:
        times = [
            file.uploaded
            for file in release.files
            if file.uploaded and judge(file, hashes, why.target) == release.reason
        ]
        later = _after(min(times)) if times else ""
        if later:
            yield f"--uploaded-prior-to {later}", f"selects {release.version}"


def _after(time: str) -> str:
    """Return the second after a time, as pip reads it; empty after the end of the year 9999."""
    try:
        later = datetime.fromisoformat(time).replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError:
        return ""
    return later.isoformat().replace("+00:00", "Z")


def _tag_fixes(why: Explanation, build: Build) -> Iterator[Suggestion]:
    """Find the smallest changes of the target after which an admitted release fits."""
    interpreter, abi, platform = _own_tag(why.target, build).split("-")
    level = why.admitted_as(Difference.LIBC_LEVEL)
    libc = why.admitted_as(Difference.LIBC)
    python = why.admitted_as(Difference.PYTHON, Difference.REQUIRES_PYTHON)
    abi_differs = why.admitted_as(Difference.ABI)
    # The lowest level of the same C library is enough; of another one, that of the newest release.
    for near in (level, libc[:1]):
        # ``linux_*`` is added, since it names no level of the C library.
        names = (f"{platform}.{p}" if p.startswith("linux_") else p for p in _platforms(near))
        yield from _first_fit((f"{interpreter}-{abi}-{p}" for p in names), near, why, build)
    # The build that loads a stable ABI is named by its own.
    stable = {"abi3": interpreter, "abi3t": f"{interpreter}t"}
    abis = dict.fromkeys(m.abi for r in abi_differs for m in r.reason.misfits)
    tags = (f"{interpreter}-{stable.get(each, each)}-{platform}" for each in abis)
    yield from _first_fit(tags, abi_differs, why, build)
    pythons = neighbours(interpreter, abi)
    yield from _first_fit((f"{i}-{a}-{platform}" for i, a in pythons), python, why, build)


def _own_tag(target: Target, build: Build) -> str:
    """Return the tag that names the target: the one that the user wrote, if any."""
    try:
        if build(target.label) == target:
            return target.label
    except TargetError:
        pass
    return next((tag for tag in target.tags if "-linux_" not in tag), target.tags[0])


def _platforms(releases: Iterable[Release]) -> list[str]:
    """Return the platforms that releases need, the lowest level first."""
    found = {m.tag.rpartition("-")[2]: m.platform.level for r in releases for m in r.reason.misfits}
    return sorted(found, key=lambda platform: (found[platform], platform))


def _first_fit(
    tags: Iterable[str], releases: Collection[Release], why: Explanation, build: Build
) -> Iterator[Suggestion]:
    """Find the first tag for which one of these releases has a file."""
    for tag in islice(tags, _MOST_TRIED) if releases else ():
        try:
            target = build(tag)
        except TargetError:
            continue
        for release in releases:
            if any(
                file.filename.endswith(".whl")
                and compare_tags(file.filename, target).difference is Difference.FITS
                and _is_allowed(file, target, why)
                for file in release.files
            ):
                before, after = why.target.python, target.python
                is_patch = before != after and before.split(".")[:2] == after.split(".")[:2]
                patch = f", with Python {after}" if is_patch else ""
                yield f"tags={tag}", f"selects {release.version}{patch}"
                return


def _is_allowed(file: FileFact, target: Target, why: Explanation) -> bool:
    """Return whether no rule excludes a file, and it is for the Python version of a target."""
    hashes = allowed_hashes(why.demands)
    listed = not hashes or not file.hashes or bool(hashes & set(file.hashes))
    if not listed or file.yanked is not None or file.verdict in _REFUSED:
        return False
    version = _version(file.filename)
    if version is not None and version.is_prerelease:
        takes = VersionRequirements(why.demands).takes_prereleases(target)
        if takes is False:
            return False
    try:
        return SpecifierSet(file.requires_python or "").contains(target.python, prereleases=True)
    except InvalidSpecifier:
        return False
