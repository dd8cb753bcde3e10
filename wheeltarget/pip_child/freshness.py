"""Until when index pages are fresh in pip's own cache.

Meanwhile, pip would not ask the index again, and a run with the same input would have the same
result. Specification: RFC 9111, sections 4.2 and 5.2.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from wheeltarget.network.transfer import read_length
from wheeltarget.pip_child.links import without_credentials


class WantedPages:
    """The index pages that a job needs; with --find-links, they are not all that counts."""

    def __init__(self) -> None:
        self.urls: set[str] = set()
        self.are_all = True

    def add(self, scope: Any, project: str) -> None:
        """Add the pages of a project in pip's search scope."""
        try:
            urls = scope.get_index_urls_locations(project)
            self.urls.update(url.partition("#")[0] for url in urls)
            self.are_all &= not scope.find_links
        except Exception:  # noqa: BLE001 - a new pip may fail in any way
            self.are_all = False


class Freshness:
    """Until when the index pages of a run are fresh."""

    def __init__(self) -> None:
        self.is_forced = False  # whether pip was told to ask even for pages that are fresh
        self._until: dict[str, float] = {}
        self._pages: set[str] = set()

    def note(self, url: str, response: Any) -> None:
        """Record the response for a page, from the network or pip's cache; any thread may."""
        with contextlib.suppress(Exception):
            url = url.partition("#")[0]
            until = _fresh_until(response, time.time(), is_forced=self.is_forced)
            self._until[url] = min(until, self._until.get(url, until))
            self._pages.add(without_credentials(response.url))

    def until(self, wanted: WantedPages, pages: Iterable[str | None]) -> float | None:
        """Return until when all pages of a job are fresh, or None if that is not known.

        :param pages: for each chosen file, the page it is from, without credentials.
        """
        known = wanted.urls and wanted.urls <= self._until.keys() and self._pages.issuperset(pages)
        if not wanted.are_all or not known:
            return None
        earliest = min(self._until[url] for url in wanted.urls)
        return earliest if earliest > time.time() else None


def _fresh_until(response: Any, now: float, *, is_forced: bool = False) -> float:
    """Return until when a page is fresh, in seconds since the epoch; 0 if pip would ask again."""
    try:
        # Only responses that pip may cache have a controller; those of plain HTTP do not.
        parse = response.connection.controller.parse_cache_control
    except AttributeError:
        return 0.0
    headers = response.headers
    asked, answered = {} if is_forced else parse(response.request.headers), parse(headers)
    stale = (asked.keys() | answered.keys()) & {"no-cache", "no-store"} or asked.get("max-age") == 0
    if stale or response.history or response.status_code != 200 or "*" in headers.get("vary", ""):
        return 0.0
    date, age = _read_date(headers.get("date")), read_length(headers.get("age", "0").strip())
    if date is None or age is None:
        return 0.0
    lifetime = answered.get("max-age")
    if lifetime is None:
        lifetime = (_read_date(headers.get("expires")) or date) - date
    return float(min(date, now) + lifetime - age)


def _read_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date."""
    parts = parsedate_tz(text) if text else None
    return None if parts is None else float(mktime_tz(parts))
