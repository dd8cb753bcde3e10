"""Seam around index pages: which ones pip looks for, and until when those that come are fresh.

It changes nothing about pip, so nothing is proved: on a pip that is built in another way, nothing
is known to be fresh, and the next run asks again.
"""

from __future__ import annotations

import functools
from typing import Any

from wheeltarget.pip_child.job import CurrentJob


def patch_freshness(current: CurrentJob) -> None:
    """Note which pages pip looks for, and what comes.

    :param current: the holder of the job at hand.
    """
    from pip._internal.index import collector

    get_here = getattr(collector, "_get_simple_response", None)
    collect_here = getattr(collector.LinkCollector, "collect_sources", None)
    if not callable(get_here) or not callable(collect_here):
        return

    @functools.wraps(get_here)
    def get_simple_response(url: str, *rest: Any, **named: Any) -> Any:
        response = get_here(url, *rest, **named)
        current.run.freshness.note(url, response)
        return response

    @functools.wraps(collect_here)
    def collect_sources(self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        current.job.pages.add(getattr(self, "search_scope", None), project_name)
        return collect_here(self, project_name, *rest, **named)

    collector._get_simple_response = get_simple_response
    collector.LinkCollector.collect_sources = collect_sources
