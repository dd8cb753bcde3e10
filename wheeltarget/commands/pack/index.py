"""The static index of a pack, which pip, uv and poetry can use over ``file:`` or any web server.

Specification: the simple repository API (PEP 503 for HTML, PEP 691 for JSON, PEP 658 and 714 for
metadata beside the files, PEP 700 for sizes and upload times). All links are relative.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from packaging.version import Version

from wheeltarget.commands.pack.layout import INDEX, PackedFile

_HEAD = """\
<!DOCTYPE html>
<html>
<head>
<meta name="pypi:repository-version" content="1.0">
<title>{title}</title>
</head>
<body>
"""
_END = "</body>\n</html>\n"
_META = {"api-version": "1.1"}
_TO_FILES = "../../"


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of the index.

    :param requires_python: its ``Requires-Python``, or an empty string.
    :param metadata: the sha256 of the metadata beside it; empty without one.
    """

    file: PackedFile
    requires_python: str = ""
    metadata: str = ""


def index_pages(files: Iterable[IndexedFile]) -> dict[str, bytes]:
    """Return the pages of the index, by their paths in the pack."""
    by_project: defaultdict[str, list[IndexedFile]] = defaultdict(list)
    for each in files:
        by_project[each.file.project].append(each)
    projects = sorted(by_project)
    none: Mapping[str, str] = {}
    links = ((f"{name}/", none, name) for name in projects)
    listing = {"meta": _META, "projects": [{"name": name} for name in projects]}
    pages = {"index.html": _page("Simple index", links), "index.json": _json(listing)}
    for name in projects:
        found = sorted(by_project[name], key=lambda each: each.file.name)
        anchors = ((link_to(each.file), _attributes(each), each.file.name) for each in found)
        pages[f"{name}/index.html"] = _page(f"Links for {name}", anchors)
        pages[f"{name}/index.json"] = _json(_project(name, found))
    return {f"{INDEX}/{path}": text.encode() for path, text in pages.items()}


def link_to(file: PackedFile) -> str:
    """Return the link to a file from the page of its project, with its hash."""
    return f"{_TO_FILES}{quote(file.path)}#sha256={file.sha256}"


def _attributes(each: IndexedFile) -> dict[str, str]:
    found = {}
    if each.requires_python:
        found["data-requires-python"] = each.requires_python
    if each.metadata:
        # Not under its first name, data-dist-info-metadata: pips up to 23.1 read only that, and
        # refuse metadata whose name is written otherwise than in the file name (PEP 714).
        found["data-core-metadata"] = f"sha256={each.metadata}"
    return found


def _page(title: str, links: Iterable[tuple[str, Mapping[str, str], str]]) -> str:
    lines = (
        f'<a href="{escape(href)}"'
        + "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
        + f">{escape(text)}</a><br>\n"
        for href, attributes, text in links
    )
    return _HEAD.format(title=escape(title)) + "".join(lines) + _END


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1) + "\n"


def _project(name: str, files: Sequence[IndexedFile]) -> dict[str, object]:
    versions = sorted({each.file.version for each in files}, key=Version)
    return {"meta": _META, "name": name, "versions": versions, "files": list(map(_entry, files))}


def _entry(each: IndexedFile) -> dict[str, object]:
    file = each.file
    return {
        "filename": file.name,
        "url": f"{_TO_FILES}{quote(file.path)}",
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        **({"requires-python": each.requires_python} if each.requires_python else {}),
        **({"core-metadata": {"sha256": each.metadata}} if each.metadata else {}),
        **({"upload-time": file.uploaded} if file.uploaded else {}),
    }
