"""Releases of a project, judged for a target: which are admitted, which fit, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.releases import (
    VersionRequirements,
    files_by_version,
    judge,
    judge_releases,
    newest_fitting,
)
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.compatibility import Difference

TARGET = look_up_tag("cp39-cp39-manylinux2014_x86_64")
VERSIONS = [Version(text) for text in ("0.9", "1.0rc1", "1.0", "1.1", "2.0rc1", "2.0")]
SPECIFIERS = ["", "==1.0", "!=1.0", ">=1.0", "<2", "~=1.0", "===1.1", "==2.*", ">=2.0rc1"]


def wheel(version: str, verdict: str = "candidate", **facts: object) -> FileFact:
    fact = FileFact(f"lib-{version}-py3-none-any.whl", verdict)
    return replace(fact, **facts)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(SPECIFIERS), max_size=4), st.sampled_from(SPECIFIERS))
def test_every_line_and_constraint_has_to_admit_a_version(
    specifiers: list[str], constraint: str
) -> None:
    demands = [Demand("lib", "lib", specifier, constraint) for specifier in specifiers]
    wanted = VersionRequirements.from_demands(demands)
    every = SpecifierSet(",".join(filter(None, [*specifiers, constraint if specifiers else ""])))
    for version in VERSIONS:
        assert wanted.takes(version) == every.contains(version, prereleases=True)


@given(st.lists(st.sampled_from(SPECIFIERS), min_size=1, max_size=4))
def test_one_release_of_a_requiring_project_has_to_admit_a_version(specifiers: list[str]) -> None:
    wanted = VersionRequirements.from_demands(
        Demand("lib", "lib", specifier, chain=(("app", str(number)),))
        for number, specifier in enumerate(specifiers)
    )
    for version in VERSIONS:
        admitted = [SpecifierSet(each).contains(version, prereleases=True) for each in specifiers]
        assert wanted.takes(version) == any(admitted)


@pytest.mark.parametrize("specifier", ["===", "==", "nonsense"])
def test_invalid_specifier_admits_nothing(specifier: str) -> None:
    wanted = VersionRequirements.from_demands([Demand("lib", "lib", specifier)])
    assert not any(map(wanted.takes, VERSIONS))
    assert not wanted.is_pinned


@pytest.mark.parametrize(
    ("fact", "difference", "text"),
    [
        (wheel("1"), Difference.FITS, "fits"),
        (FileFact("lib-1.tar.gz", "candidate"), Difference.FITS, "fits as a source"),
        (FileFact("lib-1.tar.gz", "x"), Difference.SOURCE, "has no wheel, only a source"),
        (FileFact("lib-1-cp38-none-any.whl", "x"), Difference.PYTHON, "is for CPython 3.8"),
        (wheel("1", "pre_release"), Difference.PRE_RELEASE, "is a pre-release"),
        (
            wheel("1", "format_unsupported"),
            Difference.EXCLUDED,
            "is a wheel, which --no-binary excludes",
        ),
        (
            wheel("1", "upload_time_missing"),
            Difference.TOO_LATE,
            "has no upload time on the index",
        ),
        (
            wheel("1", "upload_too_late", uploaded="2026-11-30T12:00:00Z"),
            Difference.TOO_LATE,
            "was uploaded too late, on 2026-11-30",
        ),
        (wheel("1", "upload_too_late"), Difference.TOO_LATE, "was uploaded too late"),
        (
            wheel("1", "requires_python_mismatch", requires_python=">=3.10"),
            Difference.REQUIRES_PYTHON,
            "requires Python >=3.10",
        ),
        (wheel("1", yanked="it bites"), Difference.YANKED, "was yanked: it bites"),
        (wheel("1", yanked=""), Difference.YANKED, "was yanked"),
        (wheel("1", hashes=(("sha256", "bb"),)), Difference.HASH, "its hash is not listed"),
        (wheel("1", hashes=(("sha256", "aa"),)), Difference.FITS, "fits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reason(fact: FileFact, difference: Difference, text: str) -> None:
    reason = judge(fact, frozenset({("sha256", "aa")}), TARGET)
    assert (reason.difference, reason.text) == (difference, text)


def test_pinned_release_may_be_yanked() -> None:
    fact = wheel("1", yanked="")
    assert judge(fact, frozenset(), TARGET, pinned=True).difference is Difference.FITS
    for specifier, expected in (("==1", Difference.FITS), (">=1", Difference.YANKED)):
        demands = [Demand("lib", "lib", specifier)]
        (release,) = judge_releases(demands, files_by_version([fact]), TARGET)
        assert (release.admitted, release.reason.difference) == (True, expected)


def test_files_of_no_release_are_left_out() -> None:
    facts = [
        wheel("1.0"),
        FileFact("lib-1.0.tar.gz", "candidate"),
        FileFact("lib-2.0.tar.gz", "different_project"),
        FileFact("lib-2.0.exe", "format_invalid"),
        FileFact("lib-2.0.whl", "candidate"),
        FileFact("lib-new-py3-none-any.whl", "candidate"),
        FileFact("lib.zip", "candidate"),
    ]
    assert files_by_version(facts) == {Version("1.0"): facts[:2]}


@given(st.lists(st.sampled_from(VERSIONS), unique=True), st.sampled_from(SPECIFIERS))
def test_releases_are_sorted_and_final_ones_come_first(
    versions: list[Version], specifier: str
) -> None:
    files = files_by_version([wheel(str(version)) for version in versions])
    releases = judge_releases([Demand("lib", "lib", specifier)], files, TARGET)
    assert [release.version for release in releases] == sorted(versions, reverse=True)
    newest = newest_fitting(releases)
    final = [version for version in versions if not version.is_prerelease]
    assert (newest.version if newest else None) == max(final or versions, default=None)


def test_pre_release_that_does_not_fit_is_not_admitted_beside_a_final_one() -> None:
    facts = [wheel("1.0"), FileFact("lib-2.0rc1-cp38-none-any.whl", "candidate")]
    for specifier, admitted in (("", False), (">=2.0rc1", True)):
        demands = [Demand("lib", "lib", specifier)]
        newest, _ = judge_releases(demands, files_by_version(facts), TARGET)
        assert newest.admitted is admitted


def test_hash_of_another_file_is_named() -> None:
    facts = [
        wheel("1.0", hashes=(("sha256", "aa"),)),
        FileFact("lib-1.0.tar.gz", "x", hashes=(("sha256", "bb"),)),
    ]
    demands = [Demand("lib", "lib", "", hashes=(("sha256", "bb"),))]
    (release,) = judge_releases(demands, files_by_version(facts), TARGET)
    assert release.reason.text == "the listed hash is that of lib-1.0.tar.gz"
