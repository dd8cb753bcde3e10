"""Index pages, each fetched once in a run, filtered by the tags of the targets.

pip makes an object for every file on a page, but most files are for other machines. Wheels without
a tag of any target are left out here. If pip fails, all files of the page are read for the
explanation.
Specifications: PEP 503 and PEP 691 for pages, PEP 425 for tags in file names.
"""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from pip._internal.index.collector import _get_encoding_from_headers
from pip._internal.models.link import Link
from pip._internal.utils.misc import redact_auth_from_url

from wheeltarget.pip_child.index_content import names_files, read_status

_JSON = "application/vnd.pypi.simple.v1+json"

_Files = list[tuple[str, Any]]  # the kind of each file, and the file


class FileFilter:
    """A filter for files, by the tags of needed wheels, and by whether sources are needed."""

    def __init__(self, tags: frozenset[str], *, sources: bool) -> None:
        self.tags, self.sources = tags, sources
        self._known = {"": True, "source": sources}

    def covers(self, other: FileFilter) -> bool:
        """Return whether this takes everything that another filter takes."""
        return (self.sources or not other.sources) and self.tags >= other.tags

    def takes(self, kind: str) -> bool:
        """Return whether files of a kind, as :func:`kind_of` returns it, are needed."""
        known = self._known.get(kind)
        if known is None:
            tags = itertools.product(*(part.split(".") for part in kind.split("-")))
            known = self._known[kind] = any("-".join(tag) in self.tags for tag in tags)
        return known


@functools.cache
def filter_for(tags: frozenset[Any], *, sources: bool) -> FileFilter:
    """Return the filter for some of pip's tags."""
    return FileFilter(frozenset(map(str, tags)), sources=sources)


def kind_of(url: str) -> str:
    """Return the tags of a wheel, ``source`` for a source, or an empty string if not clear."""
    url, _, fragment = url.partition("#")
    if "egg=" in fragment:
        return ""
    name = url.partition("?")[0].rpartition("/")[2]
    if not name.endswith(".whl"):
        return "source" if name else ""
    parts = name.rsplit("-", 3)
    tags = name[len(parts[0]) + 1 : -4]
    if len(parts) != 4 or "-" not in parts[0] or "%" in tags:
        return ""
    return tags.lower()


class KeptPage:
    """A page, which replaces both pip's response and its ``IndexContent``.

    The needed files are read when it is made, in a thread. ``is_readable`` is false if that fails;
    pip then reports what is wrong with the page.

    :param wanted: the filter for the files that any target needs.
    """

    cache_link_parsing = False

    def __init__(self, response: Any, wanted: FileFilter) -> None:
        self.url: str = response.url
        self.content_type: str = response.headers["Content-Type"]
        self.encoding = _get_encoding_from_headers(response.headers)
        self.is_readable = True
        self.names_files = names_files(response.content, self.content_type)
        self.status = read_status(response.content, self.content_type)
        self._wanted = wanted
        self._links: dict[bool, _Files | None] = {}
        # The pages of a large run would take much memory otherwise.
        self._packed = zlib.compress(response.content, level=1)
        self._is_json = self.content_type.lower().startswith(_JSON)
        self._files = self._read(response.content) if self._is_json else None

    def __str__(self) -> str:
        return str(redact_auth_from_url(self.url))

    @property
    def content(self) -> bytes:
        """Return the content of the page."""
        return zlib.decompress(self._packed)

    def links(
        self, wanted: FileFilter, *, legacy: bool, parse: Callable[[Any], Iterable[Any]]
    ) -> list[Any] | None:
        """Return pip's links to the needed files, or None if pip has to parse the page.

        :param legacy: whether pip may change the ``requires_python`` of the links.
        :param parse: pip's function to parse a page.
        """
        if not self._wanted.covers(wanted):
            return None
        if legacy not in self._links:
            self._links[legacy] = self._make_links(parse)
        made = self._links[legacy]
        return None if made is None else [link for kind, link in made if wanted.takes(kind)]

    def _make_links(self, parse: Callable[[Any], Iterable[Any]]) -> _Files | None:
        """Make pip's links to the files that any target needs."""
        if not self._is_json:
            links = list(parse(self))
            kinds = ((kind_of(link.url), link) for link in links)
            return [each for each in kinds if self._wanted.takes(each[0])] if links else None
        files, self._files = self._files, None  # they are hardly needed again
        if files is None:
            files = self._read(self.content)
        made = ((kind, Link.from_json(file, self.url)) for kind, file in files or ())
        return files and [(kind, link) for kind, link in made if link is not None]

    def _read(self, content: bytes) -> _Files | None:
        """Read the needed files; None if there are no files at all."""
        try:
            kinds = [(kind_of(file["url"]), file) for file in json.loads(content)["files"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            self.is_readable = False
            return None
        return [each for each in kinds if self._wanted.takes(each[0])] if kinds else None
