"""An index on the disk: pages as an index sent them, with the files that were requested.

The folder has ``pages/PROJECT.json`` (PEP 691) and ``files/HOST/PATH``, for each file the path of
its URL. What the index does not have is there as a name with ``.missing`` behind it.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path

from tests.support.wheels import metadata_of

JSON = "application/vnd.pypi.simple.v1+json"
METADATA = ".metadata"
_MISSING = ".missing"
_METADATA_KEYS = frozenset({"core-metadata", "data-dist-info-metadata", "dist-info-metadata"})
_PATIENCE = 60.0


def home() -> Path:
    """Return the folder for recordings and for the programs they are measured with."""
    named = os.environ.get("WHEELTARGET_BENCHMARK_DIR")
    return Path(named) if named else user_cache_path("wheeltarget-benchmarks")


class Source(Protocol):
    """What is recorded."""

    def page(self, project: str) -> bytes | None:
        """Fetch the page of a project, or nothing if there is none."""

    def file(self, host: str, path: str) -> bytes | None:
        """Fetch a file, or nothing if there is none."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The index that is recorded.

    :param url: where its pages are, with a final slash.
    """

    url: str

    def page(self, project: str) -> bytes | None:
        """Fetch the page of a project, or nothing if there is none."""
        return _fetch(f"{self.url}{project}/", JSON)

    def file(self, host: str, path: str) -> bytes | None:
        """Fetch a file, or nothing if there is none."""
        return _fetch(f"https://{host}/{path}", "*/*")


def _fetch(url: str, accept: str) -> bytes | None:
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - an index
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") and accept == JSON else body


class Recording:
    """A recorded index.

    :param folder: where it is.
    :param upstream: where what it lacks comes from; None if nowhere.
    """

    def __init__(self, folder: Path, upstream: Source | None = None) -> None:
        self.folder = folder
        self.upstream = upstream
        self.fetched = 0

    def page(self, project: str, base: str, *, metadata: bool = True) -> bytes | None:
        """Return a project's page as JSON.

        :param project: its normalised name.
        :param base: where the files are to be had, without a final slash.
        :param metadata: whether the page lists metadata files, as PEP 658 has it.
        :returns: the body, or None if there is no such project.
        """
        page = self._get(self.folder / "pages" / f"{project}.json", lambda up: up.page(project))
        if page is None:
            return None
        data = json.loads(page.read_bytes())
        entries = [dict(self._entry(entry, base)) for entry in data["files"]]
        left_out = frozenset() if metadata else _METADATA_KEYS
        data["files"] = [
            {key: value for key, value in entry.items() if key not in left_out} for entry in entries
        ]
        return json.dumps(data, separators=(",", ":")).encode()

    def file(self, host: str, path: str) -> Path | None:
        """Return the place of a file, or None if there is none.

        :param host: the host that has it.
        :param path: its path there, decoded, without a slash before it.
        """
        place = self._get(self._place(host, path), lambda up: up.file(host, path))
        if place is None and path.endswith(METADATA) and self.upstream is not None:
            return self._take_out(host, path)
        return place

    def _take_out(self, host: str, path: str) -> Path | None:
        """Take metadata out of its wheel where the recorder's way to the index leaves it away."""
        wheel = self.file(host, path.removesuffix(METADATA))
        if wheel is None:
            return None
        place = self._place(host, path)
        _write(place, metadata_of(wheel))
        return place

    def _place(self, host: str, path: str) -> Path:
        place = self.folder / "files" / host / path
        if ".." in place.parts:
            raise ValueError(f"{path} leads out of the recording")
        return place

    def _get(self, place: Path, fetch: Callable[[Source], bytes | None]) -> Path | None:
        """Look on the disk, and upstream if it was never asked."""
        if place.is_file():
            return place
        missing = place.with_name(place.name + _MISSING)
        if missing.is_file() or self.upstream is None:
            return None
        self.fetched += 1
        body = fetch(self.upstream)
        _write(missing if body is None else place, body or b"")
        return None if body is None else place

    def _entry(self, entry: Mapping[str, Any], base: str) -> Iterator[tuple[str, Any]]:
        """Write one file's entry as the index would, with its metadata if the recorder got none."""
        place = urlsplit(entry["url"])
        yield from entry.items()
        yield "url", f"{base}/files/{place.netloc}{place.path}"
        if entry["filename"].endswith(".whl") and "core-metadata" not in entry:
            told = self._told_of_metadata(place.netloc, unquote(place.path.lstrip("/")))
            yield "core-metadata", told
            yield "data-dist-info-metadata", told

    def _told_of_metadata(self, host: str, path: str) -> object:
        """Return the hash of metadata if it is recorded; otherwise only that it exists."""
        file = self._place(host, path + METADATA)
        if file.is_file():
            return {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        return not file.with_name(file.name + _MISSING).is_file()


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(place)


def html_page(page: bytes) -> bytes:
    """Write a page in HTML (PEP 503) for those who don't read JSON.

    :param page: the page as JSON.
    """
    data = json.loads(page)
    lines = ["<!DOCTYPE html>", "<html><head>"]
    lines += ['<meta name="pypi:repository-version" content="1.1">', "</head><body>"]
    lines += [_anchor(entry) for entry in data["files"]]
    return "\n".join([*lines, "</body></html>", ""]).encode()


def _anchor(entry: Mapping[str, Any]) -> str:
    attributes = {"href": f"{entry['url']}#sha256={entry['hashes']['sha256']}"}
    if entry.get("requires-python"):
        attributes["data-requires-python"] = entry["requires-python"]
    if entry.get("yanked"):
        attributes["data-yanked"] = str(entry["yanked"])
    if metadata := entry.get("core-metadata"):
        digest = metadata["sha256"] if isinstance(metadata, dict) else ""
        attributes["data-core-metadata"] = f"sha256={digest}" if digest else "true"
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{html.escape(entry['filename'])}</a><br>"


def count_entries(folder: Path) -> tuple[int, int]:
    """Count the pages of a recording, and the files that they list.

    :param folder: where it is.
    """
    pages = [json.loads(path.read_bytes()) for path in (folder / "pages").glob("*.json")]
    return len(pages), sum(len(page["files"]) for page in pages)
