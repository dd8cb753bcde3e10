"""Suggest single changes after which a file of a project fits, each tried on its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wheeltarget.errors import TargetError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.demands import (
    Release,
    VersionRequirements,
    allowed_hashes,
    judge,
    newest_fitting,
)
from wheeltarget.targets.compatibility import Difference, compare_tags, neighbours
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.version import Version

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
    :param target: the target.
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
    """Find single changes after which a file fits.

    :param situation: the project and its demands.
    :returns: the changes, the smallest first.
    """
    yield from _unlisted_fixes(situation)
    yield from _specifier_fixes(situation)
    yield from _rule_fixes(situation)
    yield from _tag_fixes(situation)


def find_sources(situation: Situation) -> Iterator[Suggestion]:
    """Find options that allow a source; whether it can be built is not known.

    :param situation: the project and its demands.
    """
    found = next(
        (
            (release, file)
            for release in situation.releases
            for file in situation.files[release.version]
            if release.admitted and _is_source_for(file, situation)
        ),
        None,
    )
    if found is None:
        return
    project = situation.demands[0].project
    version = found[0].version
    yield f"--allow-sdist {project}", f"keeps the source of {version} for the target to build"
    if not any(_is_native(file) for file in situation.files[version]):
        yield f"--build-pure {project}", "builds a wheel here, if it is pure Python"


def _is_source_for(file: FileFact, situation: Situation) -> bool:
    """Check whether a file is a source that fits the target if sources are allowed."""
    if file.filename.endswith(".whl") or file.verdict == "candidate":
        return False
    return _is_allowed(file, situation) and _takes_python(file, situation.target)


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
    from packaging.specifiers import SpecifierSet

    match = re.fullmatch(r"\s*(~=)\s*([\d.]+)\s*", specifier)
    if match:
        parts = len(match[2].split("."))
        release = ".".join(map(str, newest.version.release[:parts]))
        compatible = f"~={release}"
        fits = [r.version for r in releases if r.reason.difference is Difference.FITS]
        within = [v for v in fits if SpecifierSet(compatible).contains(v)] if "." in release else []
        if within and max(within) == newest.version:
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
    late = situation.admitted(Difference.TOO_LATE)
    # The oldest of them needs the smallest step.
    for release in late[-1:]:
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
    abis = dict.fromkeys(m.abi for r in build for m in r.reason.misfits)
    tags = [f"{interpreter}-{_named_abi(each, interpreter)}-{platform}" for each in abis]
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


def _named_abi(abi: str, interpreter: str) -> str:
    """Return the ABI of the build that loads a stable ABI, or the ABI itself."""
    return interpreter if abi == "abi3" else f"{interpreter}t" if abi == "abi3t" else abi


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
            if _has_file(situation.files[release.version], target, situation):
                yield f"tags={tag}", f"selects {release.version}{_patch(target, situation)}"
                return


def _patch(target: Target, situation: Situation) -> str:
    """Name the patch release of Python of another target, if that is what differs."""
    mine = situation.target
    same = target.environment["python_version"] == mine.environment["python_version"]
    return f", with Python {target.python}" if same and target.python != mine.python else ""


def _has_file(files: Iterable[FileFact], target: Target, situation: Situation) -> bool:
    """Check whether a file fits another target, including its Python version."""
    return any(
        file.filename.endswith(".whl")
        and compare_tags(file.filename, target).difference is Difference.FITS
        and _is_allowed(file, situation)
        and _takes_python(file, target)
        for file in files
    )


def _is_allowed(file: FileFact, situation: Situation) -> bool:
    """Check that no rule excludes a file for every target."""
    hashes = allowed_hashes(situation.demands)
    listed = not hashes or not file.hashes or bool(hashes & set(file.hashes))
    return listed and file.yanked is None and file.verdict not in _REFUSED


def _takes_python(file: FileFact, target: Target) -> bool:
    """Check whether a file's ``Requires-Python`` contains the Python of a target."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(file.requires_python or "").contains(target.python, prereleases=True)
    except InvalidSpecifier:
        return False


def _is_native(file: FileFact) -> bool:
    return file.filename.endswith(".whl") and not file.filename.endswith("-none-any.whl")
