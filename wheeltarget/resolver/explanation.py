"""Explain why no file of a project fits a target, and suggest changes, from what pip found.

A suggestion is a single change after which a file fits, tried on the files of the project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from wheeltarget.errors import DownloadError, TargetError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.releases import (
    Release,
    VersionRequirements,
    allowed_hashes,
    files_by_version,
    judge,
    judge_releases,
    newest_fitting,
)
from wheeltarget.targets.compatibility import (
    Difference,
    compare_tags,
    missing_everywhere,
    neighbours,
)
from wheeltarget.targets.target import Target

Build = Callable[[str], Target]
"""Returns the target with a given best tag; raises TargetError."""

Suggestion = tuple[str, str]
"""The text to write, and its effect."""

_REFUSED = frozenset({"upload_too_late", "upload_time_missing", "pre_release"})
"""pip's verdicts that exclude a file for every target."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the demands on a project cannot be met, and what to change.

    :param target: the label of the target.
    :param releases: every release, the newest first.
    :param suggestions: single changes, each tried on the files of the project; the smallest first.
    :param sources: options that allow a source; whether it can be built was not tried.
    :param missing: the part of the target that no wheel of any release is for; may be empty.
    :param places: the URLs that were searched, if nothing was found.
    """

    demands: tuple[Demand, ...]
    target: str
    releases: tuple[Release, ...]
    suggestions: tuple[Suggestion, ...]
    sources: tuple[Suggestion, ...] = ()
    missing: str = ""
    places: tuple[str, ...] = ()

    @property
    def admitted(self) -> tuple[Release, ...]:
        """Return the releases that every demand admits."""
        return tuple(release for release in self.releases if release.admitted)

    @property
    def is_innocent(self) -> bool:
        """Return whether an admitted release fits, so that the cause is another project."""
        lacks_hash = any(demand.lacks_hash for demand in self.demands)
        fits = any(release.reason.difference is Difference.FITS for release in self.admitted)
        return fits and not lacks_hash

    @property
    def newest_fitting(self) -> Release | None:
        """Return the newest release that fits, whether admitted or not."""
        return newest_fitting(self.releases)


@dataclass(frozen=True, slots=True)
class Situation:
    """A project whose demands, at least one, cannot be met.

    :param releases: every release, the newest first.
    """

    demands: tuple[Demand, ...]
    releases: tuple[Release, ...]
    files: dict[Version, list[FileFact]]
    target: Target
    build: Build

    def admitted(self, *kinds: Difference) -> list[Release]:
        """Return the admitted releases that do not fit for one of these reasons."""
        return [r for r in self.releases if r.admitted and r.reason.difference in kinds]


class ResolutionError(DownloadError):
    """pip found no set of files that meets every demand."""

    explanations: tuple[Explanation, ...] = ()
    """One for each project; may be empty. The messages are pip's output on what has none."""


def explain(
    demands: tuple[Demand, ...],
    files: Iterable[FileFact],
    target: Target,
    build: Build,
    places: Iterable[str] = (),
) -> Explanation:
    """Explain why no file of a project meets the demands on it.

    :param demands: the demands on one project, at least one.
    :param files: every file of the project that pip has seen.
    :param places: the URLs that were searched for the project.
    """
    by_version = files_by_version(files)
    releases = judge_releases(demands, by_version, target)
    situation = Situation(demands, releases, by_version, target, build)
    names = (file.filename for some in by_version.values() for file in some)
    missing = missing_everywhere((name for name in names if name.endswith(".whl")), target)
    return Explanation(
        demands,
        target.label,
        releases,
        tuple(dict.fromkeys(find_suggestions(situation))),
        tuple(find_sources(situation)),
        missing,
        () if releases else tuple(places),
    )


def explain_failures(
    results: Sequence[JobResult], labels: Sequence[str], build: Build
) -> ResolutionError:
    """Return the error for jobs for which pip failed, with a reason as far as pip knows one.

    :param labels: the name of each job's target in messages.
    """
    failed = [pair for pair in zip(labels, results, strict=True) if pair[1].exit_code]
    *others, last = (label for label, _ in failed)
    names = f"{', '.join(others)} and {last}" if others else last
    explained = [(result, tuple(_explain_job(result, build))) for _, result in failed]
    unseen = [name for r, _ in explained if r.failure for name in r.failure.unseen]
    hint = f"not checked yet: {', '.join(dict.fromkeys(unseen))}" if unseen else ""
    error = ResolutionError(
        f"pip failed for {names}; nothing was saved",
        hint if any(some for _, some in explained) else "see pip's output above",
        exit_code=failed[0][1].exit_code,
        messages=tuple(text for r, some in explained if not some for text in r.messages),
    )
    error.explanations = tuple(each for _, some in explained for each in some)
    return error


def _explain_job(result: JobResult, build: Build) -> Iterator[Explanation]:
    """Explain every project at fault."""
    target, failure = result.job.target, result.failure
    if target is None or failure is None:
        return
    lines = list(result.job.named_projects())
    files, places = dict(failure.files), dict(failure.places)
    # A demand without a project is on Python, and pip's own message says so.
    for project in filter(None, dict.fromkeys(demand.project for demand in failure.demands)):
        demands = dict.fromkeys(
            _placed(demand, lines) for demand in failure.demands if demand.project == project
        )
        seen, rebuild = _as_constrained(target, project, result.job, build)
        found = explain(
            _distinct(demands), files.get(project, ()), seen, rebuild, places.get(project, ())
        )
        if not found.is_innocent:
            yield found


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
    same = [line for line in mine if not demand.chain and _has_specifier(line, demand)]
    place = next((str(line.fault("").location) for line in (*same, *mine)), "")
    return replace(demand, location=place)


def _has_specifier(line: SourceLine, demand: Demand) -> bool:
    """Return whether a line, of several on one project, has the specifier of a demand."""
    try:
        return Requirement(line.parsed.requirement).specifier == SpecifierSet(demand.specifier)
    except (InvalidRequirement, InvalidSpecifier):
        return True


# Suggestions


def find_suggestions(situation: Situation) -> Iterator[Suggestion]:
    """Find single changes after which a file fits, the smallest first."""
    yield from _unlisted_fixes(situation)
    yield from _specifier_fixes(situation)
    yield from _rule_fixes(situation)
    yield from _tag_fixes(situation)


def find_sources(situation: Situation) -> Iterator[Suggestion]:
    """Find options that allow a source; whether it can be built is not known."""
    for release in situation.releases:
        files = situation.files[release.version]
        wheels = [file.filename for file in files if file.filename.endswith(".whl")]
        if release.admitted and any(
            file.filename not in wheels
            and file.verdict != "candidate"
            and _is_allowed(file, situation.target, situation)
            for file in files
        ):
            project, effect = situation.demands[0].project, "for the target to build"
            yield f"--allow-sdist {project}", f"keeps the source of {release.version} {effect}"
            if all(name.endswith("-none-any.whl") for name in wheels):
                yield f"--build-pure {project}", "builds a wheel here, if it is pure Python"
            return


def _unlisted_fixes(situation: Situation) -> Iterator[Suggestion]:
    """Find the line with the missing hash, if hashes are required."""
    newest = newest_fitting(r for r in situation.releases if r.admitted)
    if newest is None or not any(demand.lacks_hash for demand in situation.demands):
        return
    for file in situation.files[newest.version]:
        if judge(file, frozenset(), situation.target).difference is Difference.FITS and file.hashes:
            name, value = file.hashes[0]
            line = f"{situation.demands[0].name}=={newest.version} --hash={name}:{value}"
            chain = situation.demands[0].chain
            yield line, "as another line of the file" if chain else "in place of this line"
            return


def _specifier_fixes(situation: Situation) -> Iterator[Suggestion]:
    """Find for each of the user's lines the specifier of the newest release that fits."""
    releases = situation.releases
    lines = [d for d in situation.demands if not d.chain and not d.file]
    for line in lines:
        others = VersionRequirements(
            # Every demand has the same constraint.
            Demand(line.project, line.name, "", line.constraint) if each is line else each
            for each in situation.demands
        )
        newest = newest_fitting(r for r in releases if others.takes(r.version))
        if newest is None or newest.admitted:
            continue
        specifier = _specifier_for(newest, releases, line.specifier)
        effect = "is" if specifier.startswith("==") else f"selects {newest.version},"
        effect += " the newest that fits"
        if len(situation.demands) > 1:
            effect += " all other requirements"
        place = f" (replaces {line.specifier} in {line.location})" if len(lines) > 1 else ""
        yield f"{line.name}{specifier}", f"{effect}{place}"


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


def _rule_fixes(situation: Situation) -> Iterator[Suggestion]:
    """Find changes to options and hashes, which exclude a file for every target."""
    demand = situation.demands[0]
    hashes = allowed_hashes(situation.demands)
    for release in situation.admitted(Difference.HASH)[:1]:
        for file in situation.files[release.version]:
            if judge(file, hashes, situation.target).difference is Difference.HASH:
                name, value = file.hashes[0]
                yield f"--hash={name}:{value}", f"allows {file.filename}"
                break
    for release in situation.admitted(Difference.YANKED)[:1]:
        effect = "as another requirement, allows" if demand.chain else "allows"
        yield f"{demand.name}=={release.version}", f"{effect} it although it was yanked"
    for release in situation.admitted(Difference.PRE_RELEASE)[:1]:
        yield f"--all-releases {demand.project}", f"selects {release.version}"
    for release in situation.admitted(Difference.EXCLUDED)[:1]:
        yield f"--only-binary {demand.project}", f"selects the wheel of {release.version}"
    # The oldest of them needs the smallest step.
    for release in situation.admitted(Difference.TOO_LATE)[-1:]:
        times = [
            file.uploaded
            for file in situation.files[release.version]
            if file.uploaded and judge(file, hashes, situation.target) == release.reason
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


def _tag_fixes(situation: Situation) -> Iterator[Suggestion]:
    """Find the smallest changes of the target after which an admitted release fits."""
    interpreter, abi, platform = _own_tag(situation).split("-")
    level = situation.admitted(Difference.LIBC_LEVEL)
    libc = situation.admitted(Difference.LIBC)
    python = situation.admitted(Difference.PYTHON, Difference.REQUIRES_PYTHON)
    build = situation.admitted(Difference.ABI)
    # The lowest level of the same C library is enough; of another one, that of the newest release.
    for near in (level, libc[:1]):
        # ``linux_*`` is added, since it names no level of the C library.
        names = (f"{platform}.{p}" if p.startswith("linux_") else p for p in _platforms(near))
        yield from _first_fit((f"{interpreter}-{abi}-{p}" for p in names), near, situation)
    # The build that loads a stable ABI is named by its own.
    stable = {"abi3": interpreter, "abi3t": f"{interpreter}t"}
    abis = dict.fromkeys(m.abi for r in build for m in r.reason.misfits)
    tags = (f"{interpreter}-{stable.get(each, each)}-{platform}" for each in abis)
    yield from _first_fit(tags, build, situation)
    pythons = neighbours(interpreter, abi)
    yield from _first_fit((f"{i}-{a}-{platform}" for i, a in pythons), python, situation)


def _own_tag(situation: Situation) -> str:
    """Return the tag that names the target: the one that the user wrote, if any."""
    target = situation.target
    try:
        if situation.build(target.label) == target:
            return target.label
    except TargetError:
        pass
    return next((tag for tag in target.tags if "-linux_" not in tag), target.tags[0])


def _platforms(releases: Iterable[Release]) -> list[str]:
    """Return the platforms that releases need, the lowest level first."""
    found = {m.tag.rpartition("-")[2]: m.platform.level for r in releases for m in r.reason.misfits}
    return sorted(found, key=lambda platform: (found[platform], platform))


def _first_fit(
    tags: Iterable[str], releases: Collection[Release], situation: Situation
) -> Iterator[Suggestion]:
    """Find the first tag for which one of these releases has a file."""
    for tag in tags if releases else ():
        try:
            target = situation.build(tag)
        except TargetError:
            continue
        for release in releases:
            if any(_fits(file, target, situation) for file in situation.files[release.version]):
                before, after = situation.target.python, target.python
                is_patch = before != after and before.split(".")[:2] == after.split(".")[:2]
                patch = f", with Python {after}" if is_patch else ""
                yield f"tags={tag}", f"selects {release.version}{patch}"
                return


def _fits(file: FileFact, target: Target, situation: Situation) -> bool:
    """Return whether a wheel fits another target, including its Python version."""
    return (
        file.filename.endswith(".whl")
        and compare_tags(file.filename, target).difference is Difference.FITS
        and _is_allowed(file, target, situation)
    )


def _is_allowed(file: FileFact, target: Target, situation: Situation) -> bool:
    """Return whether no rule excludes a file, and it is for the Python version of a target."""
    hashes = allowed_hashes(situation.demands)
    listed = not hashes or not file.hashes or bool(hashes & set(file.hashes))
    if not listed or file.yanked is not None or file.verdict in _REFUSED:
        return False
    try:
        return SpecifierSet(file.requires_python or "").contains(target.python, prereleases=True)
    except InvalidSpecifier:
        return False
