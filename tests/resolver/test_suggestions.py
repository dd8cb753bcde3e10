"""Suggestions: each, tried on the files of its project, selects a release that fits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver.releases import files_by_version, judge_releases, newest_fitting
from wheeltarget.resolver.suggestions import Situation, find_sources, find_suggestions
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.compatibility import Difference

TAG = "cp39-cp39-manylinux2014_x86_64"
TAGS = (
    "py3-none-any",
    "cp39-cp39-manylinux1_x86_64",
    "cp39-cp39-manylinux_2_28_x86_64",
    "cp39-cp39-musllinux_1_1_x86_64",
    "cp310-cp310-manylinux2014_x86_64",
    "cp39-abi3-win_amd64",
)


def situation(files: list[FileFact], *demands: Demand, tag: str = TAG) -> Situation:
    target, by_version = look_up_tag(tag), files_by_version(files)
    releases = judge_releases(demands, by_version, target)
    return Situation(demands, releases, by_version, target, look_up_tag)


def wheel(version: str, tag: str) -> FileFact:
    return FileFact(f"lib-{version}-{tag}.whl", "candidate")


def demand(specifier: str = "") -> Demand:
    return Demand("lib", "lib", specifier)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["1.0", "1.1", "2.0", "2.1"]), st.sampled_from(TAGS)),
    st.sampled_from(["", "==2.1", "~=2.0", "~=1.0", "<1", "==="]),
)
def test_suggestion_selects_what_it_promises(found: dict[str, str], specifier: str) -> None:
    files = [wheel(version, tag) for version, tag in found.items()]
    before = situation(files, demand(specifier))
    if newest_fitting(r for r in before.releases if r.admitted):
        return
    for text, effect in find_suggestions(before):
        if text.startswith("tags="):
            after = situation(files, demand(specifier), tag=text.removeprefix("tags="))
        else:
            after = situation(files, demand(str(Requirement(text).specifier)))
        newest = newest_fitting(r for r in after.releases if r.admitted)
        assert newest is not None
        assert str(newest.version) in f"{text} {effect}"


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("~=2.0", [("lib~=1.1", "selects 1.1, the newest that fits")]),
        ("~=2.0.1", [("lib~=1.1", "selects 1.1, the newest that fits")]),
        (">=2", [("lib==1.1", "is the newest that fits")]),
        ("===", [("lib==1.1", "is the newest that fits")]),
    ],
)
def test_specifier_is_written_as_the_user_did(
    specifier: str, expected: list[tuple[str, str]]
) -> None:
    files = [wheel("1.0", "py3-none-any"), wheel("1.1", "py3-none-any")]
    assert list(find_suggestions(situation(files, demand(specifier)))) == expected


def test_oldest_release_that_was_uploaded_too_late_needs_the_smallest_step() -> None:
    files = [
        FileFact("lib-1-py3-none-any.whl", "upload_too_late", uploaded="2026-11-29T23:59:59.5Z"),
        FileFact("lib-2-py3-none-any.whl", "upload_too_late", uploaded="2026-11-30T00:00:00Z"),
    ]
    suggestions = list(find_suggestions(situation(files, demand())))
    assert suggestions == [("--uploaded-prior-to 2026-11-30T00:00:00Z", "selects 1")]
    last = FileFact("lib-1-py3-none-any.whl", "upload_too_late", uploaded="9999-12-31T23:59:59Z")
    assert list(find_suggestions(situation([last], demand()))) == []


@pytest.mark.parametrize(
    ("wheels", "options"),
    [
        ([], ["--allow-sdist lib", "--build-pure lib"]),
        (["py2-none-any"], ["--allow-sdist lib", "--build-pure lib"]),
        (["cp38-cp38-win32"], ["--allow-sdist lib"]),
    ],
)
def test_source_of_a_project_with_native_wheels_is_not_built_here(
    wheels: list[str], options: list[str]
) -> None:
    files = [FileFact("lib-1.0.tar.gz", "format_unsupported")]
    files += [wheel("1.0", tag) for tag in wheels]
    found = situation(files, demand())
    assert all(r.reason.difference is not Difference.FITS for r in found.releases)
    assert [text for text, _ in find_sources(found)] == options


def test_source_for_another_python_is_not_offered() -> None:
    source = FileFact("lib-1.0.tar.gz", "format_unsupported", requires_python=">=3.10")
    assert list(find_sources(situation([source], demand()))) == []
    assert Version("1.0") in files_by_version([source])
