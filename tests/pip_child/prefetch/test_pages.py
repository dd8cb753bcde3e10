"""Index pages, filtered by the tags of the targets."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage, filter_for, kind_of

WORDS = st.sampled_from(["cp39", "CP39", "py3", "py2", "abi3", "none", "any", "linux_x86_64"])
SETS = st.lists(WORDS, min_size=1, max_size=3).map(".".join)
TAGS = st.builds(Tag, WORDS, WORDS, WORDS)


@given(
    name=st.sampled_from(["app", "some_app", "a.b"]),
    build=st.sampled_from(["", "-1", "-2b"]),
    tags=st.tuples(SETS, SETS, SETS),
    supported=st.frozensets(TAGS, max_size=4),
    tail=st.sampled_from(["", "#sha256=00", "?x=/y-z.whl", "?x#y"]),
)
def test_filter_takes_the_wheels_that_have_a_tag_of_the_target(
    name: str, build: str, tags: tuple[str, str, str], supported: frozenset[Tag], tail: str
) -> None:
    filename = f"{name}-1.0+local.1{build}-{'-'.join(tags)}.whl"
    url = f"https://example.invalid/a-b/{filename}{tail}"
    fits = not supported.isdisjoint(parse_wheel_filename(filename)[3])
    assert filter_for(supported, sources=False).takes(kind_of(url)) == fits


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://h/app-1.tar.gz", "source"),
        ("https://h/app-1.zip#sha256=0", "source"),
        ("app-1-py3-none-any.whl", "py3-none-any"),
        # What pip is left to judge.
        ("https://h/what#egg=app-1", ""),
        ("https://h/app.whl", ""),
        ("https://h/py3-none-any.whl", ""),
        ("https://h/app-1-py3-none-an%79.whl", ""),
        ("https://h/simple/", ""),
    ],
)
def test_kind_of_file(url: str, kind: str) -> None:
    assert kind_of(url) == kind
    assert FileFilter(frozenset({"py3-none-any"}), sources=True).takes(kind)


def test_filter_covers_a_smaller_one() -> None:
    some = FileFilter(frozenset("ab"), sources=False)
    assert some.covers(FileFilter(frozenset("a"), sources=False))
    assert not some.covers(FileFilter(frozenset("ac"), sources=False))
    assert not some.covers(FileFilter(frozenset("a"), sources=True))
    assert FileFilter(frozenset("ab"), sources=True).covers(some)


def page_of(content: bytes, *tags: str, kind: str = "application/vnd.pypi.simple.v1+json") -> Any:
    response = SimpleNamespace(
        url="https://h/simple/app/", headers={"Content-Type": kind}, content=content
    )
    return KeptPage(response, FileFilter(frozenset(tags), sources=False))


def links_of(page: KeptPage, *tags: str) -> list[str] | None:
    wanted = FileFilter(frozenset(tags), sources=False)
    links = page.links(wanted, legacy=False, parse=lambda _page: [])
    return None if links is None else [link.filename for link in links]


def test_page_has_the_files_of_each_target() -> None:
    names = [f"app-1-{tag}.whl" for tag in ("py3-none-any", "cp39-cp39-a", "cp38-cp38-b")]
    content = json.dumps({"files": [{"url": name, "hashes": {}} for name in names]}).encode()
    page = page_of(content, "py3-none-any", "cp39-cp39-a")
    assert page.content == content
    assert links_of(page, "py3-none-any") == names[:1]
    assert links_of(page, "py3-none-any", "cp39-cp39-a") == names[:2]
    # It does not have all of these files.
    assert links_of(page, "cp38-cp38-b") is None


@pytest.mark.parametrize(
    ("content", "is_readable"),
    [(b'{"files": []}', True), (b'{"files": [{}]}', False), (b'{"files": [{"ur', False)],
    ids=["empty", "odd", "cut off"],
)
def test_page_without_files_is_left_to_pip(content: bytes, *, is_readable: bool) -> None:
    page = page_of(content, "py3-none-any")
    assert page.is_readable is is_readable
    assert links_of(page, "py3-none-any") is None
