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

    original_get = getattr(collector, "_get_simple_response", None)
    original_collect = getattr(collector.LinkCollector, "collect_sources", None)
    if not callable(original_get) or not callable(original_collect):
        return

    @functools.wraps(original_get)
    def get_simple_response(url: str, *rest: Any, **named: Any) -> Any:
        response = original_get(url, *rest, **named)
        current.run.freshness.note(url, response)
        return response

    @functools.wraps(original_collect)
    def collect_sources(self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        current.job.pages.add(getattr(self, "search_scope", None), project_name)
        return original_collect(self, project_name, *rest, **named)

    collector._get_simple_response = get_simple_response
    collector.LinkCollector.collect_sources = collect_sources
