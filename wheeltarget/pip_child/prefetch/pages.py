"""Index pages, each fetched once in a run, filtered by the tags of the targets.

pip makes an object for every file on a page, but most files are for other machines. Wheels without
a tag of any target are left out here. If pip fails, all files of the page are read for the
explanation.
Specifications: PEP 503 and PEP 691 for pages, PEP 425 for tags in file names.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_JSON = "application/vnd.pypi.simple.v1+json"
_LEVEL = 1
"""The level of compression; a higher one would gain little."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Which files of a page are needed.

    :param tags: the tags of wheels, as text.
    :param sources: whether sources are needed.
    """

    tags: frozenset[str]
    sources: bool

    def __or__(self, other: Needs) -> Needs:
        return Needs(self.tags | other.tags, self.sources or other.sources)

    def cover(self, other: Needs) -> bool:
        """Return whether these needs include others."""
        return (self.sources or not other.sources) and self.tags >= other.tags


class FileFilter:
    """A filter for needed files, by their names.

    :param needs: the needs.
    """

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self._known: dict[str, bool] = {"": True, "source": needs.sources}

    def takes(self, kind: str) -> bool:
        """Return whether files of a kind, as :func:`kind_of` returns it, are needed."""
        known = self._known.get(kind)
        if known is None:
            pythons, abis, platforms = (part.split(".") for part in kind.split("-"))
            known = self._known[kind] = any(
                f"{python}-{abi}-{platform}" in self.needs.tags
                for platform in platforms
                for abi in abis
                for python in pythons
            )
        return known


def kind_of(url: str) -> str:
    """Return the tags of a wheel, ``source`` for a source, or an empty string if not clear."""
    if "#" in url:
        url, _, fragment = url.partition("#")
        if "egg=" in fragment:
            return ""
    if "?" in url:
        url = url.partition("?")[0]
    name = url[url.rfind("/") + 1 :]
    if not name.endswith(".whl"):
        return "source" if name else ""
    parts = name.rsplit("-", 3)
    tags = name[len(parts[0]) + 1 : -4]
    if len(parts) != 4 or "-" not in parts[0] or "%" in tags:
        return ""
    return tags.lower()


class Packed:
    """A compressed text.

    :param content: the text.
    """

    __slots__ = ("_packed",)

    def __init__(self, content: bytes) -> None:
        self._packed = zlib.compress(content, _LEVEL)

    @property
    def content(self) -> bytes:
        """Return the text."""
        return zlib.decompress(self._packed)


class KeptPage:
    """A page, which replaces both pip's response and its ``IndexContent``.

    :param response: pip's response.
    :param encoding: the encoding of its text.
    :param needs: the needs that are known so far.
    """

    cache_link_parsing = False

    def __init__(self, response: Any, encoding: str | None, needs: Needs) -> None:
        self.url: str = response.url
        self.content_type: str = response.headers["Content-Type"]
        self.encoding = encoding
        self.is_readable = True
        content: bytes = response.content
        self._packed = Packed(content)
        self._files: list[tuple[str, Any]] | None = None
        self._needs = needs
        self._links: dict[bool, list[tuple[str, Any]]] = {}
        if self.content_type.lower().startswith(_JSON):
            self._read(content)

    def __str__(self) -> str:
        from pip._internal.utils.misc import redact_auth_from_url

        return str(redact_auth_from_url(self.url))

    @property
    def content(self) -> bytes:
        """Return the content of the page."""
        return self._packed.content

    def links(
        self, file_filter: FileFilter, *, legacy: bool, parse: Callable[[Any], Iterable[Any]]
    ) -> Any:
        """Return pip's links to the needed files, or None if pip has to parse the page.

        :param file_filter: the filter for the files.
        :param legacy: whether pip may change the ``requires_python`` of the links.
        :param parse: pip's function to parse a page.
        """
        if not self._needs.cover(file_filter.needs):
            self._needs |= file_filter.needs
            self._links.clear()
            self._files = None
        if legacy not in self._links:
            made = self._make_links(parse)
            if made is None:
                return None
            self._links[legacy] = made
        return [link for kind, link in self._links[legacy] if file_filter.takes(kind)]

    def _make_links(self, parse: Callable[[Any], Iterable[Any]]) -> list[tuple[str, Any]] | None:
        """Make pip's links to the files that any target needs."""
        from pip._internal.models.link import Link

        if not self.content_type.lower().startswith(_JSON):
            links = list(parse(self))
            file_filter = FileFilter(self._needs)
            kinds = ((kind_of(link.url), link) for link in links)
            return (
                [(kind, link) for kind, link in kinds if file_filter.takes(kind)] if links else None
            )
        if self._files is None:
            self._read(self.content)
        if self._files is None:
            return None
        files, self._files = self._files, None
        made = ((kind, Link.from_json(file, self.url)) for kind, file in files)
        return [(kind, link) for kind, link in made if link is not None]

    def _read(self, content: bytes) -> None:
        """Keep the needed files of the page; pip reports what is wrong with it."""
        try:
            files = json.loads(content)["files"]
        except (ValueError, KeyError, TypeError):
            self.is_readable = False
            return
        try:
            kinds = [(kind_of(file["url"]), file) for file in files]
        except (KeyError, TypeError, AttributeError):
            return
        if kinds:
            file_filter = FileFilter(self._needs)
            self._files = [(kind, file) for kind, file in kinds if file_filter.takes(kind)]
