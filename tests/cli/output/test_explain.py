"""Tables of releases by target: nothing is lost in them, and they are as wide as they may be."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from wheeltarget.cli.output.explain import Page, release_tables
from wheeltarget.cli.output.text import Style
from wheeltarget.commands.explain import TargetResult, make_rows
from wheeltarget.pip_protocol import (
    FileFact,
    FoundFile,
    FoundProject,
    JobListing,
    ListedRequirement,
)
from wheeltarget.resolver.plan import Job
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.compatibility import Difference, compare_tags

TARGETS = (
    "cp39-cp39-manylinux2014_x86_64",
    "cp312-cp312-musllinux_1_2_aarch64",
    "cp311-cp311-win_amd64",
    "cp310-cp310-macosx_11_0_arm64",
    "py39-none-any",
)
TAGS = (
    "py3-none-any",
    "cp39-cp39-manylinux_2_28_x86_64.manylinux_2_34_x86_64",
    "cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp39-abi3-macosx_10_9_universal2",
    "cp38-cp38-musllinux_1_1_aarch64",
    "cp311-cp311-win_amd64",
    "cp311-cp311-win32",
)
VERSIONS = tuple(
    sorted((f"{n}.{m}{x}" for n in range(3) for m in range(4) for x in ("", "rc1")), key=Version)
)
DESCRIBED = tuple(map(look_up_tag, TARGETS))

releases = st.dictionaries(st.sampled_from(VERSIONS), st.sets(st.sampled_from(TAGS)), min_size=1)


def answers(found: dict[str, set[str]], specifier: str, count: int) -> list[TargetResult]:
    """Say what targets can have of a project, in the order of its files."""
    files = tuple(
        FoundFile(
            FileFact(f"lib-{version}-{tag}.whl", "candidate"),
            f"https://example.invalid/lib-{version}-{tag}.whl",
            1_234_567,
        )
        for version, tags in found.items()
        for tag in sorted(tags)
    )
    asked = (ListedRequirement("lib", "lib", specifier),)
    jobs, listings = [], []
    for target in DESCRIBED[:count]:
        jobs.append(Job(target, (), (), ()))
        best = {
            _version(file): file
            for file in files
            if compare_tags(file.fact.filename, target).difference is Difference.FITS
        }
        seen = tuple(
            replace(file, best_of=version if best.get(version) is file else None)
            for file in files
            for version in [_version(file)]
        )
        project = FoundProject(seen, None, frozenset(found))
        listings.append(JobListing(False, asked, (), (("lib", project),)))
    (row,) = make_rows(jobs, listings, look_up_tag)
    return list(row.answers)


def _version(file: FoundFile) -> str:
    return file.fact.filename.split("-")[1]


def page(width: int, *, every: bool, count: int) -> Page:
    names = dict(zip(TARGETS[:count], "ABCDE", strict=False))
    return Page(Style(io.StringIO()), width, every, names if count > 1 else {})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    found=releases,
    specifier=st.sampled_from(["", ">=1", "<1.2", "==9"]),
    count=st.integers(1, 5),
    width=st.integers(60, 140),
    every=st.booleans(),
)
def test_tables_are_no_wider_than_the_page(
    *, found: dict[str, set[str]], specifier: str, count: int, width: int, every: bool
) -> None:
    given_answers = answers(found, specifier, count)
    lines = list(release_tables(given_answers, page(width, every=every, count=count)))
    assert max(map(len, lines), default=0) <= width
    if count > 1 and any(found.values()):
        heads = {word for line in lines if line.startswith("   ") for word in line.split()}
        assert heads.issuperset("ABCDE"[:count])
    if every:
        shown = [word for line in lines for word in line[:20].split()[:2] if word in VERSIONS]
        assert set(shown) == {version for version, tags in found.items() if tags}


@settings(deadline=None, max_examples=40)
@given(found=releases, specifier=st.sampled_from(["", ">=1", "<1.2"]))
def test_short_table_has_the_newest_that_fits(found: dict[str, set[str]], specifier: str) -> None:
    (answer,) = answers(found, specifier, 1)
    lines = list(release_tables([answer], page(80, every=False, count=1)))
    if answer.newest is None:
        assert not any("fits: " in line for line in lines)
        return
    newest = Version(answer.newest.version)
    spans = [re.findall(r"\d\S*", line.partition("fits")[0]) for line in lines if "fits: " in line]
    assert any(Version(span[0]) <= newest <= Version(span[-1]) for span in spans)


@given(found=releases, count=st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_what_fits_has_a_file_and_what_does_not_has_a_reason(
    found: dict[str, set[str]], count: int
) -> None:
    for answer in answers(found, "", count):
        assert answer.explanation is not None
        for release in answer.explanation.releases:
            fits = release.reason.difference is Difference.FITS
            assert fits is (answer.file_of(str(release.version)) is not None)
            assert release.reason.text


def test_rows_of_one_kind_are_one() -> None:
    found = {version: {"py3-none-any"} for version in VERSIONS}
    (answer,) = answers(found, ">=1", 1)
    lines = list(release_tables([answer], page(80, every=False, count=1)))
    assert lines == ["    0.0rc1 to 2.3  fits: py3-none-any"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_long_table_says_how_much_it_leaves_out(count: int) -> None:
    found = {
        f"{number}.0": {"py3-none-any" if number % 2 else "cp311-cp311-win32"}
        for number in range(1, 61)
    }
    given_answers = answers(found, "<50", count)
    lines = list(release_tables(given_answers, page(80, every=False, count=count)))
    left_out = sum(int(number) for number in re.findall(r"… +(\d+) more", "\n".join(lines)))
    told = [line for line in lines if re.match(r"( \*|  )  \d", line)]
    assert left_out + len(told) == 60
    assert lines[-1] == " * matches the requirement; --all shows every release"
    assert " *  49.0" in "\n".join(lines)
