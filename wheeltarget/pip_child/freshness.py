"""Until when index pages are fresh, by the rule of pip's own cache.

While a page in that cache is fresh, pip would not ask the index for it, so a run with the same
input would come to the same result. Whatever is not seen here is not fresh at all: each page that
pip looks for has to be one of those whose answer was noted.
Specification: RFC 9111, sections 4.2 and 5.2.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from wheeltarget.pip_child.links import without_credentials

_OK = 200
_NEVER_FRESH = frozenset({"no-cache", "no-store"})


class WantedPages:
    """The index pages that pip looks for in a job."""

    def __init__(self) -> None:
        self.urls: set[str] = set()
        self.are_all = True

    def add(self, scope: Any, project: str) -> None:
        """Note that pip looks for a project.

        :param scope: pip's search scope; if it has other places, too, the pages are not all.
        :param project: the project.
        """
        with contextlib.suppress(Exception):
            urls = scope.get_index_urls_locations(project)
            self.urls.update(url.partition("#")[0] for url in urls)
            self.are_all &= not scope.find_links
            return
        self.are_all = False


class Freshness:
    """Until when the index pages hold that came in a run.

    ``is_forced`` says that pip was told to ask for every page again, though it would not by itself.
    """

    def __init__(self) -> None:
        self.is_forced = False
        self._until: dict[str, float] = {}
        self._pages: set[str] = set()

    def note(self, url: str, response: Any) -> None:
        """Note a page that came; threads may do that, too.

        :param url: its URL.
        :param response: pip's response, of the network or of its cache.
        """
        with contextlib.suppress(Exception):
            url = url.partition("#")[0]
            until = _holds_until(response, time.time(), is_forced=self.is_forced)
            self._until[url] = min(until, self._until.get(url, until))
            self._pages.add(without_credentials(response.url))

    def until(self, wanted: WantedPages, pages: Iterable[str | None]) -> float | None:
        """Return until when everything holds that a job needed.

        :param wanted: the pages that pip looked for.
        :param pages: for each file that was chosen, the page it is from, without credentials.
        :returns: seconds since the epoch; None if that is not known.
        """
        came = wanted.urls and wanted.urls <= self._until.keys() and self._pages.issuperset(pages)
        if not wanted.are_all or not came:
            return None
        earliest = min(self._until[url] for url in wanted.urls)
        return earliest if earliest > time.time() else None


def _holds_until(response: Any, now: float, *, is_forced: bool = False) -> float:
    """Return until when a page holds, in seconds since the epoch; 0 if pip would ask again.

    :param is_forced: whether it was asked for in another way than it will be the next time.
    """
    try:
        # Where pip keeps nothing, as of a host without encryption, there is none.
        parse = response.connection.controller.parse_cache_control
    except AttributeError:
        return 0.0
    asked = {} if is_forced else parse(response.request.headers)
    said = parse(response.headers)
    headers = response.headers
    stale = (asked.keys() | said.keys()) & _NEVER_FRESH or asked.get("max-age") == 0
    if stale or response.history or response.status_code != _OK or "*" in headers.get("vary", ""):
        return 0.0
    date = _read_date(headers.get("date"))
    if date is None:
        return 0.0
    lifetime = said.get("max-age")
    if lifetime is None:
        lifetime = (_read_date(headers.get("expires")) or date) - date
    age = headers.get("age", "0").strip()
    return min(date, now) + lifetime - int(age) if age.isdecimal() else 0.0


def _read_date(text: str | None) -> float | None:
    """Read a date as HTTP writes it, in seconds since the epoch."""
    parts = parsedate_tz(text) if text else None
    return None if parts is None else float(mktime_tz(parts))
