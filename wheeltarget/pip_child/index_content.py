"""Distinguish index pages from other pages, such as those of a login, and read what pip does not.

pip takes every HTML page for an index page, and one without files for a project without files. It
does not read the status of a project.
Specifications: PEP 503 and PEP 629 for HTML pages, PEP 691 for JSON, PEP 792 for statuses.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

_JSON = "application/vnd.pypi.simple.v1+json"
_FILE = re.compile(rb"\.(?:whl|egg|zip|t[bglx]z|tar(?:\.(?:gz|bz2|xz|lzma|lz|Z))?)(?=[\"'#?&<\s])")
_PASSWORD = re.compile(rb"""type\s*=\s*["']?password""", re.IGNORECASE)
_NOT_ON_INDEXES = frozenset({"form", "iframe", "input", "script"})
_VERSION = "pypi:repository-version"
_ACTIVE = "active"
_STATUS = b"project-status"  # what a page has in either form if it states a status
_JSON_STATUS = re.compile(rb'"project-status"\s*+:\s*+(\{(?:[^"{}]|"(?:[^"\\]|\\.)*+")*+\})')
_SEPARATORS = re.compile(r"[-_.]+")


def is_index_page(content: bytes, content_type: str, url: str, project: str) -> bool:
    """Return whether a page is one of an index, with or without files.

    A page that names a file is. Another HTML page is one only if it has nothing else than a heading
    with the name of the project, and links to the pages above it, as folders have.

    :param url: the URL of the page, after redirections.
    :param project: the normalized name of the project; empty if the page is not about one.
    """
    if content_type.lower().startswith(_JSON):
        return names_files(content, content_type) or _is_json_page(content)
    return names_files(content, content_type) or _is_empty_page(content, url, project)


def names_files(content: bytes, content_type: str) -> bool:
    """Return whether a page names a distribution, and asks for no password."""
    if not _FILE.search(content):
        return False
    return content_type.lower().startswith(_JSON) or not _PASSWORD.search(content)


def read_status(content: bytes, content_type: str) -> tuple[str, str] | None:
    """Return the status that a page gives its project, and the reason; None if it is active.

    Some indexes state it on each page, so no page is parsed once more for it.
    """
    if _STATUS not in content:
        return None
    if content_type.lower().startswith(_JSON):
        status, reason = _read_json_status(content)
    else:
        page = _Page()
        page.feed(content.partition(b"<a ")[0].decode("utf-8", "replace"))
        status, reason = (page.metas.get(f"pypi:project-status{end}") for end in ("", "-reason"))
    if not isinstance(status, str) or not status or status == _ACTIVE:
        return None
    return status, reason if isinstance(reason, str) else ""


def _read_json_status(content: bytes) -> tuple[object, object]:
    match = _JSON_STATUS.search(content)
    try:
        found = json.loads(match[1]) if match else {}
    except ValueError:
        return None, None  # pip reports it
    return found.get("status"), found.get("reason")


def _is_json_page(content: bytes) -> bool:
    try:
        page = json.loads(content)
    except ValueError:
        return True  # pip ends with an error
    return isinstance(page, dict) and isinstance(page.get("files"), list)


def _is_empty_page(content: bytes, url: str, project: str) -> bool:
    page = _Page()
    page.feed(content.decode("utf-8", "replace"))
    page.close()
    if page.has_version:
        return True
    if page.is_active or not all(_is_above(link, url) for link in page.links):
        return False
    text = _SEPARATORS.sub("-", " ".join(page.texts)).lower()
    named = rf"(?<![\w-]){re.escape(project)}(?![\w-])"
    return not project or not text.strip() or re.search(named, text) is not None


def _is_above(link: str, url: str) -> bool:
    """Return whether a link on a page is to the page itself, or to a folder that it is in."""
    here, there = urlsplit(url), urlsplit(urljoin(url, link))
    return there.netloc == here.netloc and here.path.startswith(there.path)


class _Page(HTMLParser):
    """What is on a page: links, visible text, the version of an index, and parts of web pages."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.texts: list[str] = []
        self.metas: dict[str, str] = {}
        self.has_version = self.is_active = False
        self._is_hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "meta":
            self.has_version |= given.get("name") == _VERSION
            self.metas.setdefault(given.get("name") or "", given.get("content") or "")
            self.is_active |= (given.get("http-equiv") or "").lower() == "refresh"
        self.is_active |= tag in _NOT_ON_INDEXES
        self._is_hidden = tag == "style"

    def handle_endtag(self, _tag: str) -> None:
        self._is_hidden = False

    def handle_data(self, data: str) -> None:
        if not self._is_hidden:
            self.texts.append(data)
