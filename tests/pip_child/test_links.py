"""Names, URLs and candidates, as messages have them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._internal.models.link import Link
from pip._vendor.packaging.specifiers import SpecifierSet

from wheeltarget.pip_child.links import (
    allowed_hashes,
    first_tried,
    hashes_of,
    modern_wheel_name,
    normalize_name,
    without_credentials,
)

TEXTS = st.text("abc-._~%40", max_size=8)


@given(scheme=st.sampled_from(["https", "git+file"]), user=TEXTS, password=TEXTS, path=TEXTS)
def test_only_credentials_are_left_out(scheme: str, user: str, password: str, path: str) -> None:
    url = f"{scheme}://example.invalid/{path}"
    assert without_credentials(url) == url
    assert without_credentials(url.replace("://", f"://{user}:{password}@")) == url


def test_path_may_have_an_at_sign() -> None:
    assert without_credentials("file:///a@b/c.whl") == "file:///a@b/c.whl"


def test_name_is_normalized() -> None:
    assert normalize_name("Some._App") == "some-app"


def test_hash_is_that_of_the_fragment() -> None:
    assert hashes_of(Link("https://a.invalid/b.whl#sha256=ab")) == (("sha256", "ab"),)
    assert hashes_of(Link("https://a.invalid/b.whl")) == ()


def test_hashes_are_all_of_them() -> None:
    wanted = SimpleNamespace(hash_options={"sha256": ["a", "b"], "md5": ["c"]})
    assert allowed_hashes(wanted) == (("sha256", "a"), ("sha256", "b"), ("md5", "c"))


def candidate(version: int, *, yanked: bool = False) -> Any:
    return SimpleNamespace(version=version, link=SimpleNamespace(is_yanked=yanked))


@pytest.mark.parametrize(
    ("candidates", "specifier", "expected"),
    [
        ([], "", None),
        ([candidate(1), candidate(2)], "", 2),
        ([candidate(1), candidate(2, yanked=True)], "==2", 1),
        ([candidate(2, yanked=True)], "", None),
        ([candidate(2, yanked=True)], "==2.*", None),
        ([candidate(2, yanked=True)], "==2", 2),
    ],
)
def test_yanked_candidate_is_only_tried_if_it_is_pinned(
    candidates: list[Any], specifier: str, expected: int | None
) -> None:
    first = first_tried(candidates, SpecifierSet(specifier))
    assert (first and first.version) == expected


@pytest.mark.parametrize(
    ("filename", "modern"),
    [
        ("a-1.0_2-py3-none-any.whl", "a-1.0.post2-py3-none-any.whl"),
        (
            "a_b-1.0rc1_3.dev4-7-py2.py3-none-any.whl",
            "a_b-1.0rc1.post3.dev4-7-py2.py3-none-any.whl",
        ),
        ("a__b-1.0-py3-none-any.whl", "a_b-1.0-py3-none-any.whl"),
        # Valid today, so they stay.
        ("a-1.0+local_2-py3-none-any.whl", "a-1.0+local_2-py3-none-any.whl"),
        ("a-1.0_rc1-py3-none-any.whl", "a-1.0_rc1-py3-none-any.whl"),
        (
            "a_b-1.0-py3-none-manylinux_2_28_x86_64.whl",
            "a_b-1.0-py3-none-manylinux_2_28_x86_64.whl",
        ),
        # No pip has a version for these.
        ("a-2011k_1-py3-none-any.whl", "a-2011k_1-py3-none-any.whl"),
        ("a-1.0_2.tar.gz", "a-1.0_2.tar.gz"),
    ],
)
def test_modern_wheel_name(filename: str, modern: str) -> None:
    assert modern_wheel_name(filename) == modern
