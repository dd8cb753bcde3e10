"""Patch of index pages: record which ones pip needs, and until when they are fresh.

It changes no result, so it has no proof: if it fails, no page counts as fresh.
"""

from __future__ import annotations

import functools
from typing import Any

from wheeltarget.pip_child.job import CurrentJob


def patch_freshness(current: CurrentJob) -> None:
    """Record the index pages that pip needs, and their responses.

    :param current: the current job.
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
