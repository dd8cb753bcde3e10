"""Until when an index page is fresh, by the rules of pip's own cache."""

from __future__ import annotations

import time
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._vendor.cachecontrol.cache import DictCache
from pip._vendor.cachecontrol.controller import CacheController
from pip._vendor.requests.structures import CaseInsensitiveDict

from wheeltarget.pip_child.freshness import Freshness, WantedPages, _fresh_until

NOW = 1_800_000_000.0
PAGE = "https://example.invalid/simple/one/"


def answer(headers: dict[str, str], **changes: Any) -> Any:
    """Return a response of pip's session."""
    usual = {
        "headers": CaseInsensitiveDict({"Date": formatdate(NOW, usegmt=True), **headers}),
        "request": SimpleNamespace(headers=CaseInsensitiveDict()),
        "connection": SimpleNamespace(controller=CacheController(DictCache())),
        "history": [],
        "status_code": 200,
        "url": PAGE,
    }
    return SimpleNamespace(**{**usual, **changes})


def asking(value: str) -> Any:
    return SimpleNamespace(headers=CaseInsensitiveDict({"Cache-Control": value}))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "max-age=600, public"}, 600),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=600", "Date": formatdate(NOW - 100, usegmt=True)}, 500),
        ({"Cache-Control": "max-age=600", "Date": formatdate(NOW + 100, usegmt=True)}, 600),
        ({"Expires": formatdate(NOW + 60, usegmt=True)}, 60),
        ({"Cache-Control": "max-age=5", "Expires": formatdate(NOW + 60, usegmt=True)}, 5),
    ],
)
def test_what_the_index_says_holds(headers: dict[str, str], seconds: int) -> None:
    assert _fresh_until(answer(headers), NOW) == NOW + seconds


@pytest.mark.parametrize(
    "response",
    [
        answer({}),
        answer({"Cache-Control": "max-age=0"}),
        answer({"Cache-Control": "max-age=600, no-cache"}),
        answer({"Cache-Control": "no-store, max-age=600"}),
        answer({"Cache-Control": "max-age=soon"}),
        answer({"Cache-Control": "max-age=600", "Age": "600"}),
        answer({"Cache-Control": "max-age=600", "Age": "unknown"}),
        answer({"Cache-Control": "max-age=600", "Vary": "*"}),
        answer({"Cache-Control": "max-age=600", "Date": "yesterday"}),
        answer({"Expires": "0"}),
        answer({"Cache-Control": "max-age=600"}, request=asking("max-age=0")),
        answer({"Cache-Control": "max-age=600"}, request=asking("no-cache")),
        answer({"Cache-Control": "max-age=600"}, history=[object()]),
        answer({"Cache-Control": "max-age=600"}, status_code=404),
        answer({"Cache-Control": "max-age=600"}, connection=SimpleNamespace()),
    ],
)
def test_whatever_pip_would_ask_for_again_does_not_hold(response: Any) -> None:
    assert _fresh_until(response, NOW) <= NOW


@given(lifetime=st.integers(0, 2000), age=st.integers(0, 2000), late=st.integers(-50, 2000))
def test_nothing_holds_longer_than_pips_cache_would_keep_it(
    lifetime: int, age: int, late: int
) -> None:
    """Only a clock that is ahead of ours makes pip's cache keep a page longer."""
    headers = {"Cache-Control": f"max-age={lifetime}", "Age": str(age)}
    until = _fresh_until(answer(headers), NOW + late)
    assert until <= NOW + lifetime
    assert until <= NOW + late + lifetime


def scope(*urls: str, find_links: tuple[str, ...] = ()) -> Any:
    """Return a search scope of pip."""
    return SimpleNamespace(
        find_links=find_links, get_index_urls_locations=lambda project: [u + project for u in urls]
    )


def fresh(seconds: float) -> Any:
    now = time.time()
    return answer({"Cache-Control": f"max-age={seconds}", "Date": formatdate(now, usegmt=True)})


class TestPages:
    """Which pages a job needs, and until when all of them are fresh."""

    def test_the_first_to_expire_counts(self) -> None:
        freshness, wanted = Freshness(), WantedPages()
        wanted.add(scope("https://a/"), "one")
        wanted.add(scope("https://a/"), "two")
        freshness.note("https://a/one#fragment", fresh(600))
        freshness.note("https://a/two", fresh(100))
        freshness.note("https://a/never-wanted", fresh(10))
        until = freshness.until(wanted, [PAGE])
        assert until is not None
        assert 90 < until - time.time() <= 101
        # A second answer for the same page may be younger; the older one may have been used.
        freshness.note("https://a/two", fresh(600))
        assert freshness.until(wanted, [PAGE]) == until

    def test_a_page_that_was_not_seen_makes_it_unknown(self) -> None:
        freshness, wanted = Freshness(), WantedPages()
        assert freshness.until(wanted, []) is None
        wanted.add(scope("https://a/", "https://b/"), "one")
        freshness.note("https://a/one", fresh(600))
        assert freshness.until(wanted, [PAGE]) is None
        freshness.note("https://b/one", fresh(600))
        assert freshness.until(wanted, [PAGE]) is not None
        assert freshness.until(wanted, [PAGE, "https://elsewhere/"]) is None
        assert freshness.until(wanted, [PAGE, None]) is None

    def test_a_later_job_may_use_the_pages_of_an_earlier_one(self) -> None:
        freshness, wanted = Freshness(), WantedPages()
        wanted.add(scope("https://a/"), "one")
        freshness.note("https://a/one", fresh(600))
        wanted = WantedPages()
        assert freshness.until(wanted, [PAGE]) is None
        wanted.add(scope("https://a/"), "one")
        assert freshness.until(wanted, [PAGE]) is not None

    @pytest.mark.parametrize(
        "elsewhere", [scope("https://a/", find_links=("there",)), SimpleNamespace(), None]
    )
    def test_other_places_make_it_unknown(self, elsewhere: Any) -> None:
        freshness, wanted = Freshness(), WantedPages()
        wanted.add(scope("https://a/"), "one")
        freshness.note("https://a/one", fresh(600))
        wanted.add(elsewhere, "one")
        assert freshness.until(wanted, [PAGE]) is None

    def test_an_answer_of_another_form_makes_it_unknown(self) -> None:
        freshness, wanted = Freshness(), WantedPages()
        wanted.add(scope("https://a/"), "one")
        freshness.note("https://a/one", object())
        assert freshness.until(wanted, []) is None
