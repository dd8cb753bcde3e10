"""Single changes after which a file of a project fits, each tried on its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wheeltarget.errors import TargetError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.demands import Release, Wanted, allowed_hashes, judge, newest_fitting
from wheeltarget.targets.compatibility import Nearness, judge_tags
from wheeltarget.targets.interpreters import neighbours
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.version import Version

Fix = tuple[str, str]
"""What to write, and what that does."""

_REFUSED = frozenset({"upload_too_late", "upload_time_missing", "pre_release"})
"""Why pip does not take a file for whatever target."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A project that cannot be had.

    :param demands: what was asked for, at least one.
    :param releases: every release, the newest first.
    :param files: the files of each.
    :param target: the target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    """

    demands: tuple[Demand, ...]
    releases: tuple[Release, ...]
    files: dict[Version, list[FileFact]]
    target: Target
    build: Callable[[str], Target]

    def admitted(self, *kinds: Nearness) -> list[Release]:
        """Give the releases that are asked for and do not fit for one of these reasons."""
        return [r for r in self.releases if r.admitted and r.reason.nearness in kinds]


def find_fixes(situation: Situation) -> Iterator[Fix]:
    """Find single changes after which a file fits; each was tried on the files of the project.

    :param situation: the project and what was asked for.
    :returns: what to write, and what that does; the nearest first.
    """
    yield from _unlisted_fixes(situation)
    yield from _specifier_fixes(situation)
    yield from _rule_fixes(situation)
    yield from _tag_fixes(situation)


def find_sources(situation: Situation) -> Iterator[Fix]:
    """Find options that would take a source; whether one can be read and built is not known.

    :param situation: the project and what was asked for.
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
        yield f"--build-pure {project}", "builds it here, if it is pure Python"


def _is_source_for(file: FileFact, situation: Situation) -> bool:
    """Tell whether a file is a source that pip would take for the target, if it took sources."""
    if file.filename.endswith(".whl") or file.verdict == "candidate":
        return False
    return _is_allowed(file, situation) and _takes_python(file, situation.target)


def _unlisted_fixes(situation: Situation) -> Iterator[Fix]:
    """Find the line with the hash that is missing where all hashes are compared."""
    newest = newest_fitting(r for r in situation.releases if r.admitted)
    if newest is None or not any(demand.unlisted for demand in situation.demands):
        return
    for file in situation.files[newest.version]:
        if judge(file, frozenset(), situation.target).nearness is Nearness.FITS and file.hashes:
            name, value = file.hashes[0]
            line = f"{situation.demands[0].name}=={newest.version} --hash={name}:{value}"
            chain = situation.demands[0].chain
            yield line, "as a line of the file" if chain else "in place of the line"
            return


def _specifier_fixes(situation: Situation) -> Iterator[Fix]:
    """Find for each of the user's own lines what would take the newest that fits."""
    releases = situation.releases
    lines = [d for d in situation.demands if not d.chain and not d.file]
    for line in lines:
        others = Wanted.by(
            # The constraint is the same for all.
            Demand(line.project, line.name, "", line.constraint) if each is line else each
            for each in situation.demands
        )
        newest = newest_fitting(r for r in releases if others.takes(r.version))
        if newest is None or newest.admitted:
            continue
        spelled = _specifier_for(newest, releases, line.specifier)
        what = "is" if spelled.startswith("==") else f"takes {newest.version},"
        rest = "the newest that fits"
        if len(situation.demands) > 1:
            rest = f"{rest} all else"
        place = f" (instead of {line.specifier} in {line.location})" if len(lines) > 1 else ""
        yield f"{line.name}{spelled}", f"{what} {rest}{place}"


def _specifier_for(newest: Release, releases: Sequence[Release], specifier: str) -> str:
    """Write a specifier of which a release is the newest that fits; in the user's way if it can."""
    from packaging.specifiers import SpecifierSet

    match = re.fullmatch(r"\s*(~=)\s*([\d.]+)\s*", specifier)
    if match:
        parts = len(match[2].split("."))
        release = ".".join(map(str, newest.version.release[:parts]))
        spelled = f"~={release}"
        fitting = [r.version for r in releases if r.reason.nearness is Nearness.FITS]
        taken = [v for v in fitting if SpecifierSet(spelled).contains(v)] if "." in release else []
        if taken and max(taken) == newest.version:
            return spelled
    return f"=={newest.version}"


def _rule_fixes(situation: Situation) -> Iterator[Fix]:
    """Find what would lift a rule that is about files and not about the target."""
    demand = situation.demands[0]
    hashes = allowed_hashes(situation.demands)
    for release in situation.admitted(Nearness.HASH)[:1]:
        for file in situation.files[release.version]:
            if judge(file, hashes, situation.target).nearness is Nearness.HASH:
                name, value = file.hashes[0]
                yield f"--hash={name}:{value}", f"allows {file.filename}"
                break
    for release in situation.admitted(Nearness.YANKED)[:1]:
        place = "as a line of its own takes" if demand.chain else "takes"
        yield f"{demand.name}=={release.version}", f"{place} it although it was yanked"
    for release in situation.admitted(Nearness.PRE_RELEASE)[:1]:
        yield f"--all-releases {demand.project}", f"takes {release.version}"
    for release in situation.admitted(Nearness.EXCLUDED)[:1]:
        yield f"--only-binary {demand.project}", f"takes the wheel of {release.version}"
    late = situation.admitted(Nearness.TOO_LATE)
    # The oldest of them needs the smallest step.
    for release in late[-1:]:
        times = [
            file.uploaded
            for file in situation.files[release.version]
            if file.uploaded and judge(file, hashes, situation.target) == release.reason
        ]
        later = _after(min(times)) if times else ""
        if later:
            yield f"--uploaded-prior-to {later}", f"takes {release.version}"


def _after(time: str) -> str:
    """Return the second after a time, as pip reads it; empty after the end of the year 9999."""
    try:
        later = datetime.fromisoformat(time).replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError:
        return ""
    return later.isoformat().replace("+00:00", "Z")


def _tag_fixes(situation: Situation) -> Iterator[Fix]:
    """Find the smallest changes of the target after which a release fits that is asked for."""
    interpreter, abi, platform = _own_tag(situation).split("-")
    level = situation.admitted(Nearness.LIBC_LEVEL)
    libc = situation.admitted(Nearness.LIBC)
    python = situation.admitted(Nearness.PYTHON, Nearness.REQUIRES_PYTHON)
    build = situation.admitted(Nearness.ABI)
    # Of a library's levels the lowest will do; where it is another library, that of the newest.
    for near in (level, libc[:1]):
        tags = [f"{interpreter}-{abi}-{_beside(platform, each)}" for each in _platforms(near)]
        yield from _first_fit(tags, near, situation)
    abis = dict.fromkeys(m.abi for r in build for m in r.reason.misfits)
    tags = [f"{interpreter}-{_named_abi(each, interpreter)}-{platform}" for each in abis]
    yield from _first_fit(tags, build, situation)
    pythons = neighbours(interpreter, abi)
    yield from _first_fit((f"{i}-{a}-{platform}" for i, a in pythons), python, situation)


def _own_tag(situation: Situation) -> str:
    """Give the tag that names the target, as the user wrote it where he wrote one."""
    target = situation.target
    try:
        if situation.build(target.label) == target:
            return target.label
    except TargetError:
        pass
    return next((tag for tag in target.tags if "-linux_" not in tag), target.tags[0])


def _named_abi(abi: str, interpreter: str) -> str:
    """Give the ABI of the build that loads another one."""
    return interpreter if abi == "abi3" else f"{interpreter}t" if abi == "abi3t" else abi


def _beside(platform: str, other: str) -> str:
    """Replace a platform; ``linux_*``, which names no level, is taken beside what there is."""
    return f"{platform}.{other}" if other.startswith("linux_") else other


def _platforms(releases: Iterable[Release]) -> list[str]:
    """Give each platform of tags that only want another one, the lowest level first."""
    found = {m.tag.rpartition("-")[2]: m.platform.level for r in releases for m in r.reason.misfits}
    return sorted(found, key=lambda platform: (found[platform], platform))


def _first_fit(
    tags: Iterable[str], releases: Collection[Release], situation: Situation
) -> Iterator[Fix]:
    """Find the first tag for which one of these releases has a file."""
    for tag in tags if releases else ():
        try:
            target = situation.build(tag)
        except TargetError:
            continue
        for release in releases:
            if _has_file(situation.files[release.version], target, situation):
                yield f"tags={tag}", f"takes {release.version}{_patch(target, situation)}"
                return


def _patch(target: Target, situation: Situation) -> str:
    """Say which release of the same Python a tag stands for, where that is what is other."""
    mine = situation.target
    same = target.environment["python_version"] == mine.environment["python_version"]
    return f", with Python {target.python}" if same and target.python != mine.python else ""


def _has_file(files: Iterable[FileFact], target: Target, situation: Situation) -> bool:
    """Tell whether a file would be taken for another target, its Python included."""
    return any(
        file.filename.endswith(".whl")
        and judge_tags(file.filename, target).nearness is Nearness.FITS
        and _is_allowed(file, situation)
        and _takes_python(file, target)
        for file in files
    )


def _is_allowed(file: FileFact, situation: Situation) -> bool:
    """Tell whether nothing stands against a file whatever the target."""
    hashes = allowed_hashes(situation.demands)
    listed = not hashes or not file.hashes or bool(hashes & set(file.hashes))
    return listed and file.yanked is None and file.verdict not in _REFUSED


def _takes_python(file: FileFact, target: Target) -> bool:
    """Tell whether a file's ``Requires-Python`` has the Python of a target."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(file.requires_python or "").contains(target.python, prereleases=True)
    except InvalidSpecifier:
        return False


def _is_native(file: FileFact) -> bool:
    return file.filename.endswith(".whl") and not file.filename.endswith("-none-any.whl")
