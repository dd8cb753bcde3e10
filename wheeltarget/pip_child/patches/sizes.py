"""Sizes of files, which pip ignores: from the index, or from the server."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.prefetch.pool import host_of
from wheeltarget.pip_child.prefetch.session import HEAD_OPTIONS

_NOT_ALLOWED = frozenset({401, 407})


def patch_sizes(current: CurrentJob) -> None:
    """Record the sizes that an index lists (PEP 700)."""
    from pip._internal.models.link import Link

    original_read = Link.from_json.__func__

    @functools.wraps(original_read)
    def from_json(cls: Any, file_data: Any, *arguments: Any, **named: Any) -> Any:
        link = original_read(cls, file_data, *arguments, **named)
        size = file_data.get("size") if isinstance(file_data, dict) else None
        if link is not None and isinstance(size, int) and current.job.order.dry_run:
            current.run.sizes[link.url_without_fragment] = size
        return link

    Link.from_json = classmethod(from_json)


def ask_for_sizes(current: CurrentJob, session: Any) -> None:
    """Ask the servers for the sizes of chosen files that are still unknown.

    The first file of each host is requested in this thread, which may prompt for a password, and
    the others in threads, if there are any.

    :param current: the current job, which pip has resolved.
    :param session: pip's session.
    """
    urls = list(dict.fromkeys(_unknown(current)))
    first = {host_of(url): url for url in reversed(urls)}
    failed = {host for host, url in first.items() if not _ask(current, session, url)}
    others = [url for url in urls if url not in first.values() and host_of(url) not in failed]
    answers = current.ask_for_headers(others) if current.ask_for_headers else {}
    for url, answer in answers.items():
        _note(current, url, answer)
    for url in others:
        answer = answers.get(url)
        if answer is None or answer.status_code in _NOT_ALLOWED:
            _ask(current, session, url)


def _unknown(current: CurrentJob) -> Iterator[str]:
    for requirement in current.job.requirement_set.requirements.values():
        link = requirement.link
        url = link.url_without_fragment
        remote = not link.is_vcs and not link.is_file
        if url in current.run.sizes or not remote or current.job.saves(link):
            continue
        stored = current.run.store.find(link.hash) if current.run.store and link.is_wheel else None
        if stored is None:
            yield url
        else:
            current.run.sizes[url] = stored.stat().st_size


def _ask(current: CurrentJob, session: Any, url: str) -> bool:
    """Ask for the size of a file, and return whether the server answered."""
    from pip._vendor.requests import RequestException

    try:
        _note(current, url, session.head(url, **HEAD_OPTIONS))
    except (RequestException, OSError):
        return False
    return True


def _note(current: CurrentJob, url: str, answer: Any) -> None:
    length = answer.headers.get("Content-Length", "")
    if answer.ok and length.isascii() and length.isdigit():
        current.run.sizes[url] = int(length)
