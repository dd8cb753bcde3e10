"""Which pages are those of an index, and which are not; and the status that a page states."""

from __future__ import annotations

import pytest

from wheeltarget.pip_child.index_content import is_index_page, names_files, read_status

URL = "https://example.invalid/simple/my-app/"
HTML = "text/html; charset=utf-8"
JSON = "application/vnd.pypi.simple.v1+json"

INDEX_PAGES = {
    "file": '<a href="../../files/my_app-1.0-py3-none-any.whl#sha256=00">my_app-1.0</a>',
    "source": "<a href='my-app-1.0.tar.gz'>my-app-1.0.tar.gz</a>",
    "file, with a script": '<script src="x.js"></script><a href="my_app-1.zip">my_app-1.zip</a>',
    "empty": "",
    "no files": "<!DOCTYPE html><html><body></body></html>",
    "heading": "<!DOCTYPE html><title>Links for my-app</title><h1>Links for my-app</h1>",
    "heading as written": "<h1>Links for My_App</h1>",
    "folder": '<h1>Index of /simple/my-app</h1><a href="/simple/">..</a> <a href="?C=N">Name</a>',
    "version": '<meta name="pypi:repository-version" content="1.1"><h1>Nothing</h1>',
    "style": "<style>body { color: red }</style>",
}
OTHER_PAGES = {
    "text": "<!DOCTYPE html><html><body>Who are you?</body></html>",
    "password": '<h1>my-app</h1><form><input type="password" name="p"></form>',
    "form": '<form action="/login?next=/simple/my-app/"></form>',
    "script": '<div id="root"></div><script src="/sign-in.js"></script>',
    "refresh": '<meta http-equiv="Refresh" content="0; url=/login"><h1>my-app</h1>',
    "link": '<p>my-app is private: <a href="/login">sign in</a></p>',
    "link elsewhere": '<h1>my-app</h1><a href="https://sso.invalid/simple/">go on</a>',
    "password, with a file": '<a href="client.zip">client</a><input type=password>',
    "another project": "<h1>Links for my-app-next</h1>",
}


@pytest.mark.parametrize("case", INDEX_PAGES)
def test_page_of_an_index(case: str) -> None:
    assert is_index_page(INDEX_PAGES[case].encode(), HTML, URL, "my-app")


@pytest.mark.parametrize("case", OTHER_PAGES)
def test_page_that_is_not_of_an_index(case: str) -> None:
    assert not is_index_page(OTHER_PAGES[case].encode(), HTML, URL, "my-app")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"files": []}', True),
        (b'{"files": [{"filename": "a-1.zip", "url": "a-1.zip"}]}', True),
        (b'{"error": "who are you?"}', False),
        (b'{"files": null}', False),
        (b"[1]", False),
        (b"{", True),  # pip ends with an error
    ],
)
def test_page_in_json(content: bytes, *, expected: bool) -> None:
    assert is_index_page(content, JSON, URL, "my-app") is expected


def test_page_of_links_is_about_no_project() -> None:
    assert is_index_page(b"<h1>All wheels</h1>", HTML, URL, "")
    assert not is_index_page(b"<form>", HTML, URL, "")


@pytest.mark.parametrize("name", ["a-1.0.whl", "a-1.0.tar.bz2", "a-1.0.zip", "a-1.0.tgz"])
def test_names_of_files(name: str) -> None:
    assert names_files(f'<a href="{name}#sha256=0">'.encode(), HTML)
    assert not names_files(f'<a href="{name}ed">'.encode(), HTML)


HTML_STATUS = '<meta name="pypi:project-status" content="{}">'
REASON = '<meta name="pypi:project-status-reason" content="see &quot;b&quot;">'


@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        (JSON, '{"project-status": {"status": "archived"}}', ("archived", "")),
        (JSON, '{"project-status": {"status": "odd", "reason": "so"}}', ("odd", "so")),
        (JSON, '{"project-status": {"status": "deprecated", "reason": 1}}', ("deprecated", "")),
        (JSON, r'{"project-status" :{"status":"odd","reason":"\"{}\\"}, "x": 1}', ("odd", '"{}\\')),
        (JSON, r'{"project-status": {"status": "odd", "reason": "\ud83d\ude00"}}', ("odd", "😀")),
        (JSON, r'{"files": [{"yanked": "\"project-status\": {\"status\": \"odd\"}"}]}', None),
        (JSON, '{"project-status": {"status": "odd", "reason": {}}}', None),
        (JSON, '{"project-status": {"status": "odd" "reason"}}', None),
        (JSON, '{"project-status": {"status": "active", "reason": "so"}}', None),
        (JSON, '{"project-status": {"status": null}}', None),
        (JSON, '{"project-status": ["archived"]}', None),
        (JSON, '["project-status"]', None),
        (JSON, '{"project-status": ', None),
        (JSON, '{"files": []}', None),
        (HTML, HTML_STATUS.format("archived"), ("archived", "")),
        (HTML, HTML_STATUS.format("deprecated") + REASON, ("deprecated", 'see "b"')),
        (HTML, HTML_STATUS.format("active") + REASON, None),
        (HTML, REASON, None),
        (HTML, "<p>project-status</p>", None),
        (HTML, '<meta name="pypi:project-status">', None),
    ],
)
def test_status_of_a_project(
    content_type: str, content: str, expected: tuple[str, str] | None
) -> None:
    assert read_status(content.encode(), content_type) == expected
