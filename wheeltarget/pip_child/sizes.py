"""The sizes of files, which pip passes over: those an index gives, and those to be asked for."""

from __future__ import annotations

import functools
from typing import Any

from wheeltarget.pip_child.current import Current


def patch_sizes(current: Current) -> None:
    """Note the size that an index gives of a file (PEP 700), which pip passes over."""
    from pip._internal.models.link import Link

    read_here = Link.from_json.__func__

    @functools.wraps(read_here)
    def from_json(cls: Any, file_data: Any, *arguments: Any, **named: Any) -> Any:
        link = read_here(cls, file_data, *arguments, **named)
        size = file_data.get("size") if isinstance(file_data, dict) else None
        if link is not None and isinstance(size, int) and current.dry_run:
            current.sizes[link.url_without_fragment] = size
        return link

    Link.from_json = classmethod(from_json)


def ask_for_sizes(current: Current, session: Any) -> None:
    """Ask for the sizes of chosen files that neither the index has given nor pip has fetched.

    A file of which nobody says the size has none.

    :param current: the holder of the job at hand, which is done.
    :param session: pip's session.
    """
    from pip._vendor.requests import RequestException

    for requirement in current.requirement_set.requirements.values():
        link = requirement.link
        url = link.url_without_fragment
        remote = not link.is_vcs and not link.is_file
        if url in current.sizes or not remote or current.saves(link):
            continue
        try:
            # Compressed on its way it would have another size.
            answer = session.head(
                url, headers={"Accept-Encoding": "identity"}, allow_redirects=True
            )
        except (RequestException, OSError):
            continue
        length = answer.headers.get("Content-Length", "")
        if answer.ok and length.isascii() and length.isdigit():
            current.sizes[url] = int(length)
