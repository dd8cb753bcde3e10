"""Single changes after which a file of a project would fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wheeltarget.demands import Demand, Release, judge, newest_fitting
from wheeltarget.errors import TargetError
from wheeltarget.nearness import MUSL, FileFact, Nearness, glibc_level, judge_tags
from wheeltarget.targets import Target

if TYPE_CHECKING:
    from packaging.version import Version


def find_fixes(
    demand: Demand,
    releases: Sequence[Release],
    files: dict[Version, list[FileFact]],
    target: Target,
    build: Callable[[str], Target],
) -> Iterator[tuple[str, str]]:
    """Find single changes after which a file fits; each is checked.

    :param demand: what was asked for.
    :param releases: every release, the newest first.
    :param files: the files of each.
    :param target: the target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :returns: what to write, and what that does; the nearest first.
    """
    newest = newest_fitting(releases)
    mine = not demand.chain  # a line of somebody else's cannot be written otherwise
    if newest is not None and not newest.admitted and mine and _leaves(demand, newest):
        spelled = _specifier_for(newest, releases, demand.specifier)
        exact = spelled.startswith("==")
        what = "is" if exact else f"takes {newest.version},"
        yield f"{demand.name}{spelled}", f"{what} the newest that fits"
    for release in releases:
        if release.admitted and release.reason.nearness is Nearness.HASH:
            yield from _hash_fix(files[release.version], demand, target)
            break
    yanked = next(
        (r for r in releases if r.admitted and r.reason.nearness is Nearness.YANKED), None
    )
    if yanked is not None:
        yield f"{demand.name}=={yanked.version}", "takes it although it was yanked"
    yield from _tag_fixes(releases, files, target, build)
    source = next((r for r in releases if r.admitted and _has_source(files[r.version])), None)
    if source is not None:
        yield (
            f"--allow-sdist {demand.project}",
            f"keeps the source of {source.version} for the target to build",
        )
        if not any(_is_native(file) for file in files[source.version]):
            yield f"--build-pure {demand.project}", "builds it here, if it is pure Python"


def _hash_fix(
    files: Sequence[FileFact], demand: Demand, target: Target
) -> Iterator[tuple[str, str]]:
    for file in files:
        if judge(file, demand, target)[0].nearness is Nearness.HASH:
            name, value = file.hashes[0]
            yield f"--hash={name}:{value}", f"allows {file.filename}, if that is the one you mean"
            return


def _leaves(demand: Demand, release: Release) -> bool:
    """Tell whether the constraints leave a release."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(demand.constraint).contains(release.version, prereleases=True)


def _is_native(file: FileFact) -> bool:
    return file.filename.endswith(".whl") and not file.filename.endswith("-none-any.whl")


def _has_source(files: Sequence[FileFact]) -> bool:
    return any(not file.filename.endswith(".whl") for file in files)


def _specifier_for(newest: Release, releases: Sequence[Release], specifier: str) -> str:
    """Write a specifier of which a release is the newest that fits; in the user's way if it can."""
    from packaging.specifiers import SpecifierSet

    match = re.fullmatch(r"\s*(~=)\s*([\d.]+)\s*", specifier)
    if match:
        parts = len(match[2].split("."))
        release = ".".join(map(str, newest.version.release[:parts]))
        spelled = f"~={release}"
        fitting = [r.version for r in releases if r.reason.nearness is Nearness.FITS]
        taken = [v for v in fitting if SpecifierSet(spelled).contains(v)]
        if taken and max(taken) == newest.version:
            return spelled
    return f"=={newest.version}"


def _tag_fixes(
    releases: Sequence[Release],
    files: dict[Version, list[FileFact]],
    target: Target,
    build: Callable[[str], Target],
) -> Iterator[tuple[str, str]]:
    """Find the smallest change of the target after which an admitted release fits."""
    interpreter, abi, platform = (
        target.label if target.label.count("-") == 2 else target.tags[0]
    ).split("-")
    admitted = [release for release in releases if release.admitted]
    for nearness in (Nearness.LIBC_LEVEL, Nearness.LIBC, Nearness.PYTHON, Nearness.REQUIRES_PYTHON):
        near = [release for release in admitted if release.reason.nearness is nearness]
        if not near:
            continue
        tags = [
            f"{interpreter}-{abi}-{each}"
            for each in _lowest_first(
                platform for release in near for platform in release.platforms
            )
        ]
        if nearness in {Nearness.PYTHON, Nearness.REQUIRES_PYTHON}:
            tags = [f"cp3{minor}-{_abi(minor)}-{platform}" for minor in _newer(interpreter)]
        found = (
            (tag, release.version)
            for tag in tags
            for release in near
            if _fits(tag, files[release.version], build)
        )
        tag, version = next(found, ("", None))
        if tag:
            yield f"tags={tag}", f"takes {version}"


def _newer(interpreter: str) -> Iterator[int]:
    match = re.fullmatch(r"cp3(\d+)", interpreter)
    if match:
        yield from range(int(match[1]) + 1, int(match[1]) + 12)


def _abi(minor: int) -> str:
    return f"cp3{minor}{'m' if minor < 8 else ''}"


def _lowest_first(platforms: Iterable[str]) -> list[str]:
    """Give each platform once, that with the lowest level of its library first."""

    def level(platform: str) -> tuple[int, str]:
        glibc, musl = glibc_level(platform), MUSL.fullmatch(platform)
        return (glibc[0] if glibc else int(musl["minor"]) if musl else 0), platform

    return sorted(set(platforms), key=level)


def _fits(tag: str, files: Iterable[FileFact], build: Callable[[str], Target]) -> bool:
    """Tell whether a file fits the target of a tag, its Python included."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        target = build(tag)
    except TargetError:
        return False
    for file in files:
        if not file.filename.endswith(".whl"):
            continue
        if (
            judge_tags(file.filename, target)[0].nearness is not Nearness.FITS
            or file.yanked is not None
        ):
            continue
        try:
            if SpecifierSet(file.requires_python or "").contains(target.python, prereleases=True):
                return True
        except InvalidSpecifier:
            continue
    return False
