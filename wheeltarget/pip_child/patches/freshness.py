"""Until when what the index pages say holds, by the rule that pip's own cache goes by.

While a page in that cache is fresh, pip would not ask the index for it, so a run with the same
input would come to the same result. Whatever is not seen here holds for no time at all: each page
that pip looks for has to be one of those whose answer was noted, and on a pip that is built in
another way none is.
Specification: RFC 9111, sections 4.2 and 5.2.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from wheeltarget.pip_child.result import without_credentials

_OK = 200
_NEVER_FRESH = frozenset({"no-cache", "no-store"})


class Freshness:
    """The index pages of a run: which pip looked for, and until when those that came hold.

    ``is_forced`` says that pip was told to ask for every page again, though it would not by itself.
    """

    def __init__(self) -> None:
        self.is_forced = False
        self._until: dict[str, float] = {}
        self._pages: set[str] = set()
        self._wanted: set[str] = set()
        self._is_partial = False

    def begin(self) -> None:
        """Begin a job; pages that came for an earlier one may be used for it, too."""
        self._wanted = set()
        self._is_partial = False

    def lay_aside(self) -> tuple[set[str], bool]:
        """Give what there is of a job, to which this turns again afterwards."""
        return self._wanted, self._is_partial

    def take_up(self, job: tuple[set[str], bool]) -> None:
        """Turn to a job again.

        :param job: what :meth:`lay_aside` gave.
        """
        self._wanted, self._is_partial = job

    def want(self, scope: Any, project: str) -> None:
        """Note which pages pip looks for.

        :param scope: pip's search scope; where it looks elsewhere, too, nothing can be said.
        :param project: the project that they are of.
        """
        with contextlib.suppress(Exception):
            urls = scope.get_index_urls_locations(project)
            self._wanted.update(url.partition("#")[0] for url in urls)
            self._is_partial |= bool(scope.find_links)
            return
        self._is_partial = True

    def note(self, url: str, response: Any) -> None:
        """Note a page that came; threads may do that, too.

        :param url: where it was looked for.
        :param response: pip's response, of the network or of its cache.
        """
        with contextlib.suppress(Exception):
            url = url.partition("#")[0]
            until = _holds_until(response, time.time(), is_forced=self.is_forced)
            self._until[url] = min(until, self._until.get(url, until))
            self._pages.add(without_credentials(response.url))

    def until(self, pages: Iterable[str | None]) -> float | None:
        """Say until when everything holds.

        :param pages: for each file that was chosen, the page it is from, without credentials.
        :returns: seconds since the epoch; None where that cannot be said.
        """
        seen = self._wanted and self._wanted <= self._until.keys() and self._pages.issuperset(pages)
        if self._is_partial or not seen:
            return None
        earliest = min(self._until[url] for url in self._wanted)
        return earliest if earliest > time.time() else None


def patch_freshness() -> Freshness:
    """Let it be noted which pages pip looks for, and what comes.

    :returns: where it is noted.
    """
    from pip._internal.index import collector

    freshness = Freshness()
    get_here = getattr(collector, "_get_simple_response", None)
    collect_here = getattr(collector.LinkCollector, "collect_sources", None)
    if not callable(get_here) or not callable(collect_here):
        return freshness

    @functools.wraps(get_here)
    def get_simple_response(url: str, *rest: Any, **named: Any) -> Any:
        response = get_here(url, *rest, **named)
        freshness.note(url, response)
        return response

    @functools.wraps(collect_here)
    def collect_sources(self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        freshness.want(getattr(self, "search_scope", None), project_name)
        return collect_here(self, project_name, *rest, **named)

    collector._get_simple_response = get_simple_response
    collector.LinkCollector.collect_sources = collect_sources
    return freshness


def _holds_until(response: Any, now: float, *, is_forced: bool = False) -> float:
    """Say until when a page holds, in seconds since the epoch; 0 where pip would ask again.

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
