"""Suggest single changes after which a file of a project fits, each tried on its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from wheeltarget.errors import TargetError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.releases import (
    Release,
    VersionRequirements,
    allowed_hashes,
    judge,
    newest_fitting,
)
from wheeltarget.targets.compatibility import Difference, compare_tags, neighbours
from wheeltarget.targets.target import Target

Suggestion = tuple[str, str]
"""The text to write, and its effect."""

_REFUSED = frozenset({"upload_too_late", "upload_time_missing", "pre_release"})
"""pip's verdicts that exclude a file for every target."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A project whose demands cannot be met.

    :param demands: the demands, at least one.
    :param releases: every release, the newest first.
    :param files: the files of each.
    :param build: returns the target with a given best tag; raises TargetError.
    """

    demands: tuple[Demand, ...]
    releases: tuple[Release, ...]
    files: dict[Version, list[FileFact]]
    target: Target
    build: Callable[[str], Target]

    def admitted(self, *kinds: Difference) -> list[Release]:
        """Return the admitted releases that do not fit for one of these reasons."""
        return [r for r in self.releases if r.admitted and r.reason.difference in kinds]


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
        if release.admitted and any(_is_source_for(file, situation) for file in files):
            project, effect = situation.demands[0].project, "for the target to build"
            yield f"--allow-sdist {project}", f"keeps the source of {release.version} {effect}"
            wheels = [file.filename for file in files if file.filename.endswith(".whl")]
            if all(name.endswith("-none-any.whl") for name in wheels):
                yield f"--build-pure {project}", "builds a wheel here, if it is pure Python"
            return


def _is_source_for(file: FileFact, situation: Situation) -> bool:
    """Return whether a file is a source that fits the target if sources are allowed."""
    is_source = not file.filename.endswith(".whl") and file.verdict != "candidate"
    return is_source and _is_allowed(file, situation.target, situation)


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
        others = VersionRequirements.from_demands(
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
        tags = [f"{interpreter}-{abi}-{_beside(platform, each)}" for each in _platforms(near)]
        yield from _first_fit(tags, near, situation)
    # The build that loads a stable ABI is named by its own.
    stable = {"abi3": interpreter, "abi3t": f"{interpreter}t"}
    abis = dict.fromkeys(m.abi for r in build for m in r.reason.misfits)
    tags = [f"{interpreter}-{stable.get(each, each)}-{platform}" for each in abis]
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


def _beside(platform: str, other: str) -> str:
    """Replace a platform, or add ``linux_*``, which names no level of the C library."""
    return f"{platform}.{other}" if other.startswith("linux_") else other


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
                yield f"tags={tag}", f"selects {release.version}{_patch(target, situation)}"
                return


def _patch(target: Target, situation: Situation) -> str:
    """Name the patch release of Python of another target, if that is what differs."""
    mine = situation.target
    same = target.environment["python_version"] == mine.environment["python_version"]
    return f", with Python {target.python}" if same and target.python != mine.python else ""


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
