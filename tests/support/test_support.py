"""Prove that the tests' own wheels and index are what the other tests take them for."""

import base64
import csv
import email
import email.message
import gzip
import hashlib
import http.client
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.metadata import Metadata
from packaging.tags import Tag
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from tests.support.index import (
    Dropped,
    Garbage,
    LocalIndex,
    Redirected,
    Slow,
    Stall,
    Status,
    Truncated,
)
from tests.support.ranges import (
    EXPLICIT,
    SUFFIX,
    Changed,
    Compressed,
    Multipart,
    RangeFault,
    Resized,
    Retagged,
    Shifted,
    Span,
    Whole,
)
from tests.support.wheels import (
    BACKEND_WAS_RUN,
    make_sdist,
    make_wheel,
    metadata_of,
    pkg_info_of,
)

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
USER, WORD = "ann", "s3:cret"
WHEEL = "lib-1.0-py3-none-any.whl"
HARMLESS = {"lib.py": bytes(range(256)) * 64}


@dataclass(frozen=True)
class Reply:
    """Hold what came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def files(self) -> list[dict[str, object]]:
        """Return the files of a JSON page."""
        found: list[dict[str, object]] = json.loads(self.body)["files"]
        return found


def connect(index: LocalIndex, timeout: float = 5.0) -> http.client.HTTPConnection:
    """Prepare a connection, to no proxy whatever the environment says.

    :param index: whom to connect to.
    :param timeout: how many seconds each read may take.
    :returns: the connection, still closed.
    """
    return http.client.HTTPConnection("127.0.0.1", urlsplit(index.base).port or 0, timeout=timeout)


def ask(connection: http.client.HTTPConnection, path: str, **headers: str) -> Reply:
    """Get a path over a connection that stays open.

    :param connection: the connection.
    :param path: the path.
    :param headers: the request's headers.
    :returns: the whole reply.
    """
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return Reply(response.status, dict(response.getheaders()), response.read())


def get(index: LocalIndex, path: str, **headers: str) -> Reply:
    """Get a path over a connection of its own.

    :param index: whom to ask.
    :param path: the path.
    :param headers: the request's headers.
    :returns: the whole reply.
    """
    with closing(connect(index)) as connection:
        return ask(connection, path, **headers)


def wait_for(index: LocalIndex, path_suffix: str) -> None:
    """Wait until a request has reached the index.

    :param index: the index.
    :param path_suffix: the end of the request's path.
    :raises TimeoutError: if none comes.
    """
    deadline = time.monotonic() + 5
    while not index.count(path_suffix):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no request for {path_suffix}")
        time.sleep(0.01)


def pip(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pip with nothing configured.

    :param arguments: the command line after the common options.
    :returns: the ended process.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("PIP_") and not name.upper().endswith("_PROXY")
    }
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments],
        env={**kept, "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def download(index: LocalIndex, to: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pip download against an index.

    :param index: the index.
    :param to: where to.
    :param arguments: what.
    :returns: the ended process.
    """
    return pip("download", "--no-cache-dir", *index.pip_args(), "--dest", to, *arguments)


def names(folder: Path) -> set[str]:
    """List a folder."""
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "distributions"
    made.mkdir()
    return made


@pytest.fixture
def index(folder: Path) -> Iterator[LocalIndex]:
    make_wheel(folder, "lib", files=HARMLESS)
    with LocalIndex(folder) as running:
        yield running


# --- wheels ---------------------------------------------------------------------------------------


def test_wheel_file_name_is_normal(folder: Path) -> None:
    wheel = make_wheel(
        folder, "Some.Lib", "1.0-1", tag="py2.py3-none-any", build="7local", requires=["lib"]
    )
    assert wheel.name == "some_lib-1.0.post1-7local-py2.py3-none-any.whl"
    name, version, build, tags = parse_wheel_filename(wheel.name)
    assert (name, version, build) == ("some-lib", Version("1.0.post1"), (7, "local"))
    assert tags == {Tag("py2", "none", "any"), Tag("py3", "none", "any")}


def test_wheel_metadata_is_valid(folder: Path) -> None:
    wheel = make_wheel(
        folder,
        "Some.Lib",
        "2.0+local",
        requires=["lib>=1", 'extra-lib; extra == "more"'],
        requires_python=">=3.8",
        extras=["more"],
    )
    metadata = Metadata.from_email(metadata_of(wheel), validate=True)
    assert metadata.metadata_version == "2.1"
    assert (metadata.name, metadata.version) == ("Some.Lib", Version("2.0+local"))
    assert str(metadata.requires_python) == ">=3.8"
    assert metadata.provides_extra == ["more"]
    assert [str(one) for one in metadata.requires_dist or []] == [
        "lib>=1",
        'extra-lib; extra == "more"',
    ]


@pytest.mark.parametrize(
    ("tag", "pure", "expanded"),
    [
        ("py2.py3-none-any", "true", ["py2-none-any", "py3-none-any"]),
        (
            "cp311-abi3-manylinux1_x86_64.manylinux2014_x86_64",
            "false",
            ["cp311-abi3-manylinux1_x86_64", "cp311-abi3-manylinux2014_x86_64"],
        ),
    ],
)
def test_wheel_file_lists_expanded_tags(
    folder: Path, tag: str, pure: str, expanded: list[str]
) -> None:
    with zipfile.ZipFile(make_wheel(folder, "lib", tag=tag, build="3")) as archive:
        lines = archive.read("lib-1.0.dist-info/WHEEL").decode().splitlines()
    assert "Wheel-Version: 1.0" in lines
    assert f"Root-Is-Purelib: {pure}" in lines
    assert "Build: 3" in lines
    assert [line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")] == expanded


def test_record_lists_every_file_with_its_hash(folder: Path) -> None:
    files = {"lib_data/a, b.txt": b"data", "lib-1.0.dist-info/RECORD": b"never used"}
    with zipfile.ZipFile(make_wheel(folder, "lib", files=files)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
        assert archive.testzip() is None
    record = "lib-1.0.dist-info/RECORD"
    rows = list(csv.reader(io.StringIO(contents[record].decode())))
    expected = []
    for name, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        listed = name != record
        expected.append(
            [name, f"sha256={digest}" if listed else "", str(len(content)) if listed else ""]
        )
    assert rows == expected
    assert "lib_data/a, b.txt" in contents


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_bytes_are_deterministic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, str], Path]
) -> None:
    first = make(tmp_path / "a", "lib")
    with monkeypatch.context() as patch:
        later = time.time() + 1e6
        patch.setattr(time, "time", lambda: later)
        second = make(tmp_path / "b", "lib")
    assert first.read_bytes() == second.read_bytes()
    assert names(first.parent) == {first.name}


def test_generated_files_can_be_replaced(folder: Path) -> None:
    wheel = make_wheel(folder, "lib", files={"lib-1.0.dist-info/METADATA": b"wrong"})
    assert metadata_of(wheel) == b"wrong"


def test_metadata_of_refuses_a_wheel_without(folder: Path) -> None:
    wheel = folder / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deep/er/lib-1.0.dist-info/METADATA", b"")
    with pytest.raises(ValueError, match="found \\[\\]"):
        metadata_of(wheel)


def test_version_without_normal_form_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidVersion):
        make_wheel(folder, "lib", "not a version")
    assert not names(folder)


def test_wheel_installs_and_imports(folder: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel = make_wheel(
        folder, "Some.Lib", "1.5", files={"more/__init__.py": b"from some_lib import __version__\n"}
    )
    installed = pip("install", "--no-index", "--target", site, wheel)
    assert installed.returncode == 0, installed.stderr
    code = "import some_lib, more; print(some_lib.__version__, more.__version__)"
    imported = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert imported.stdout.split() == ["1.5", "1.5"]


def test_sdist_is_valid(folder: Path) -> None:
    sdist = make_sdist(folder, "Some.Lib", "1.0", requires=["lib"], requires_python=">=3.8")
    assert parse_sdist_filename(sdist.name) == ("some-lib", Version("1.0"))
    metadata = Metadata.from_email(pkg_info_of(sdist), validate=True)
    assert (metadata.name, str(metadata.requires_python)) == ("Some.Lib", ">=3.8")
    assert [str(one) for one in metadata.requires_dist or []] == ["lib"]


# --- the index, as pip sees it --------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False])
def test_pip_downloads_a_tree(folder: Path, tmp_path: Path, as_json: bool) -> None:
    make_wheel(folder, "app", requires=["lib<2", 'more-lib; python_version >= "3"'])
    make_wheel(folder, "lib", "1.0", requires_python=">=3.0,<4")
    make_wheel(folder, "lib", "1.5", requires_python="<3.0")
    make_wheel(folder, "lib", "1.9")
    make_wheel(folder, "lib", "2.0")
    make_wheel(folder, "More_Lib", "0.1+a.b", requires=["none-such; python_version < '3'"])
    with LocalIndex(folder, json=as_json) as index:
        index.yank("lib-1.9-py3-none-any.whl", 'not "good" & done')
        done = download(index, tmp_path / "to", "app")
        assert done.returncode == 0, done.stderr
        assert names(tmp_path / "to") == {
            "app-1.0-py3-none-any.whl",
            WHEEL,
            "more_lib-0.1+a.b-py3-none-any.whl",
        }
        paths = [request.path for request in index.requests]
    for name in names(tmp_path / "to"):
        assert paths.index(f"/files/{name}.metadata") < paths.index(f"/files/{name}")
        assert (tmp_path / "to" / name).read_bytes() == (folder / name).read_bytes()
    assert "/simple/more-lib/" in paths
    assert not any("1.5" in path or "1.9" in path or "2.0" in path for path in paths)


def test_pip_with_credentials(folder: Path, tmp_path: Path) -> None:
    make_wheel(folder, "lib")
    with LocalIndex(folder, metadata=False, username=USER, password=WORD) as index:
        login = index.url.replace("://", f"://{USER}:{WORD.replace(':', '%3A')}@")
        done = download(index, tmp_path / "to", "--index-url", login, "lib")
        assert done.returncode == 0, done.stderr
        assert names(tmp_path / "to") == {WHEEL}
        assert index.count(".metadata") == 0
        assert index.count(WHEEL) >= 1


def test_pip_hears_the_backend_of_an_sdist(folder: Path, tmp_path: Path) -> None:
    make_sdist(folder, "lib")
    with LocalIndex(folder) as index:
        done = download(index, tmp_path / "to", "--no-build-isolation", "lib")
        assert index.count("lib-1.0.tar.gz") == 1
    assert done.returncode != 0
    assert BACKEND_WAS_RUN in done.stdout + done.stderr


# --- the index, byte by byte ----------------------------------------------------------------------


def test_json_page(folder: Path, index: LocalIndex) -> None:
    make_wheel(folder, "Lib", "2.0+x", requires_python=">=3.8")
    make_sdist(folder, "lib", "3.0", requires_python=">=3.9")
    make_wheel(folder, "other")
    (folder / "notes.txt").write_text("no distribution")
    index.yank("lib-3.0.tar.gz", "broken")
    index.yank("lib-2.0+x-py3-none-any.whl")
    reply = get(index, "/simple/LIB/", Accept=JSON)
    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON)
    assert json.loads(reply.body)["name"] == "lib"
    entries = {str(entry["filename"]): entry for entry in reply.files}
    assert set(entries) == {WHEEL, "lib-2.0+x-py3-none-any.whl", "lib-3.0.tar.gz"}
    for name, entry in entries.items():
        assert entry["hashes"] == {"sha256": hashlib.sha256(_fetch(index, entry)).hexdigest()}
        assert _fetch(index, entry) == (folder / name).read_bytes()
    first, second, third = entries.values()
    assert [first["yanked"], second["yanked"], third["yanked"]] == [False, True, "broken"]
    assert "requires-python" not in first
    assert [second["requires-python"], third["requires-python"]] == [">=3.8", ">=3.9"]
    assert "core-metadata" not in third
    assert second["core-metadata"] == {
        "sha256": hashlib.sha256(_fetch(index, second, ".metadata")).hexdigest()
    }
    assert _fetch(index, second, ".metadata") == metadata_of(folder / str(second["filename"]))


def _fetch(index: LocalIndex, entry: Mapping[str, object], more: str = "") -> bytes:
    """Get the file of a page's entry."""
    reply = get(index, f"{entry['url']}{more}")
    assert reply.status == 200
    return reply.body


def test_html_page(folder: Path, index: LocalIndex) -> None:
    make_wheel(folder, "lib", files=HARMLESS, requires_python=">=3.8")
    index.yank(WHEEL, 'a "reason"')
    reply = get(index, "/simple/lib/", Accept=f"{HTML}, {JSON};q=0.5")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    file_hash = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    metadata_hash = hashlib.sha256(metadata_of(folder / WHEEL)).hexdigest()
    assert (
        f'<a href="/files/{WHEEL}#sha256={file_hash}" data-requires-python="&gt;=3.8" '
        f'data-yanked="a &quot;reason&quot;" data-core-metadata="sha256={metadata_hash}">'
        f"{WHEEL}</a>" in reply.body.decode()
    )


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        (f"{JSON};q=0, text/html;q=0.1", "text/html; charset=utf-8"),
        (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", JSON),
    ],
)
def test_accept_decides(index: LocalIndex, accept: str, kind: str) -> None:
    assert get(index, "/simple/lib/", Accept=accept).headers["Content-Type"] == kind


def test_options_leave_things_out(folder: Path) -> None:
    make_wheel(folder, "lib")
    with LocalIndex(folder, metadata=False, hashes=False) as index:
        (entry,) = get(index, "/simple/lib/", Accept=JSON).files
        assert "core-metadata" not in entry
        assert entry["hashes"] == {}
        assert get(index, f"/files/{WHEEL}.metadata").status == 404
    with LocalIndex(folder, hashes=False, json=False) as index:
        page = get(index, "/simple/lib/", Accept=JSON).body.decode()
        assert f'<a href="/files/{WHEEL}" data-core-metadata="true">' in page
        assert get(index, f"/files/{WHEEL}.metadata").body == metadata_of(folder / WHEEL)


@pytest.mark.parametrize(
    "path",
    ["/", "/simple/", "/simple/none/", "/files/none-1.0-py3-none-any.whl", "/files/..%2Fsecret"],
)
def test_unknown_paths(folder: Path, index: LocalIndex, path: str) -> None:
    (folder.parent / "secret").write_text("secret")
    assert get(index, path).status == 404


@pytest.mark.parametrize("name", ["bad-1.0-py3-none-any.whl", "bad-1.0.tar.gz", "bad-1.0.zip"])
def test_broken_distributions_are_still_served(folder: Path, index: LocalIndex, name: str) -> None:
    (folder / name).write_bytes(b"no archive")
    (entry,) = get(index, "/simple/bad/", Accept=JSON).files
    assert "core-metadata" not in entry
    assert get(index, f"/files/{name}").body == b"no archive"
    assert get(index, f"/files/{name}.metadata").status == 404


def test_added_files_win(index: LocalIndex) -> None:
    url = index.add_file("more/a list.txt", b"lib\n")
    assert url == f"{index.base}/more/a%20list.txt"
    reply = get(index, "/more/a%20list.txt?query=1")
    assert (reply.body, reply.headers["Content-Type"]) == (b"lib\n", "text/plain; charset=utf-8")
    index.add_file("/simple/lib/", b"<p>mine</p>", "text/html")
    assert get(index, "/simple/lib/", Accept=JSON).body == b"<p>mine</p>"


def test_requests_are_recorded_over_one_connection(index: LocalIndex) -> None:
    with closing(connect(index)) as connection:
        ask(connection, "/simple/lib/", **{"X-Mark": "one"})
        opened = connection.sock
        assert opened is not None
        ask(connection, f"/files/{WHEEL.replace('-', '%2D')}")
        connection.request("HEAD", "/none")
        head = connection.getresponse()
        assert (head.status, head.read()) == (404, b"")
        assert connection.sock is opened
    assert [(one.method, one.path, one.status) for one in index.requests] == [
        ("GET", "/simple/lib/", 200),
        ("GET", f"/files/{WHEEL}", 200),
        ("HEAD", "/none", 404),
    ]
    assert index.requests[0].headers["x-mark"] == "one"
    assert (index.count(".whl"), index.count("")) == (1, 3)
    index.clear()
    assert index.requests == ()


def test_requests_from_many_clients_are_all_recorded(index: LocalIndex) -> None:
    clients = [threading.Thread(target=get, args=(index, f"/{number}/lib")) for number in range(40)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert {one.path for one in index.requests} == {f"/{number}/lib" for number in range(40)}
    assert index.count("/lib") == 40


def test_credentials(folder: Path) -> None:
    make_wheel(folder, "lib")
    right = base64.b64encode(f"{USER}:{WORD}".encode()).decode()
    with LocalIndex(folder, username=USER, password=WORD) as index:
        index.fault(WHEEL, Status(503), times=1)
        refused = get(index, f"/files/{WHEEL}")
        assert (refused.status, refused.body) == (401, b"")
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        assert get(index, f"/files/{WHEEL}", Authorization="Basic d3Jvbmc=").status == 401
        # Who is not let in does not use up faults.
        assert get(index, f"/files/{WHEEL}", Authorization=f"Basic {right}").status == 503
        assert get(index, f"/files/{WHEEL}", Authorization=f"Basic {right}").status == 200


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [401, 404, 500])
@pytest.mark.parametrize("where", ["/simple/lib/", f"/files/{WHEEL}", WHEEL])
def test_status(index: LocalIndex, code: int, where: str) -> None:
    index.fault(where, Status(code))
    path = where if where.startswith("/") else f"/files/{where}"
    for _ in range(2):
        reply = get(index, path)
        assert (reply.status, reply.body) == (code, b"")
        assert ("WWW-Authenticate" in reply.headers) == (code == 401)
    assert [one.status for one in index.requests] == [code, code]
    assert get(index, f"/files/{WHEEL}.metadata").status == 200


def test_faults_take_turns(index: LocalIndex) -> None:
    index.fault(WHEEL, Status(500), times=2)
    index.fault(WHEEL, Status(503), times=1)
    found = [get(index, f"/files/{WHEEL}").status for _ in range(4)]
    assert found == [500, 500, 503, 200]


def test_truncated(folder: Path, index: LocalIndex) -> None:
    index.fault(WHEEL, Truncated(), times=1)
    right = (folder / WHEEL).read_bytes()
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(index, f"/files/{WHEEL}")
    assert caught.value.partial == right[: len(right) // 2]
    assert caught.value.expected == len(right) - len(right) // 2
    assert get(index, f"/files/{WHEEL}").body == right


def test_garbage(folder: Path, index: LocalIndex) -> None:
    index.fault(f"{WHEEL}.metadata", Garbage(), times=1)
    right = metadata_of(folder / WHEEL)
    wrong = get(index, f"/files/{WHEEL}.metadata").body
    assert len(wrong) == len(right)
    assert all(ours != theirs for ours, theirs in zip(wrong, right, strict=True))
    assert get(index, f"/files/{WHEEL}.metadata").body == right


def test_stall(folder: Path, index: LocalIndex) -> None:
    index.fault(WHEEL, Stall(0.2), times=2)
    with closing(connect(index, timeout=0.05)) as connection, pytest.raises(TimeoutError):
        ask(connection, f"/files/{WHEEL}")
    wait_for(index, WHEEL)
    begun = time.monotonic()
    assert get(index, f"/files/{WHEEL}").body == (folder / WHEEL).read_bytes()
    assert time.monotonic() - begun >= 0.2


def test_delay(folder: Path) -> None:
    with LocalIndex(folder, delay=0.1) as index:
        begun = time.monotonic()
        assert get(index, "/none").status == 404
        assert time.monotonic() - begun >= 0.1


# --- ranges ---------------------------------------------------------------------------------------


@pytest.fixture
def parts(folder: Path) -> Iterator[LocalIndex]:
    """Serve the wheel with ranges and ETags."""
    make_wheel(folder, "lib", files=HARMLESS)
    with LocalIndex(folder, ranges=True, etags=True, metadata=False) as running:
        yield running


def part(index: LocalIndex, wanted: str) -> Reply:
    """Get a part of the wheel."""
    return get(index, f"/files/{WHEEL}", Range=wanted)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=7-", 7, None),
        ("bytes=-11", -11, None),
        ("bytes=3-999999999", 3, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_parts(folder: Path, parts: LocalIndex, wanted: str, start: int, end: int | None) -> None:
    right = (folder / WHEEL).read_bytes()
    total = len(right)
    first, last, _ = slice(start, end).indices(total)
    reply = part(parts, wanted)
    assert (reply.status, reply.body) == (206, right[start:end])
    assert reply.headers["Content-Range"] == f"bytes {first}-{last - 1}/{total}"
    assert reply.headers["Accept-Ranges"] == "bytes"
    (request,) = parts.requests
    assert (request.range, request.sent) == (wanted, last - first)


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=-", "bytes=1-2,5-6", "lines=1-2", "x"])
def test_other_ranges_get_the_whole(folder: Path, parts: LocalIndex, wanted: str) -> None:
    reply = part(parts, wanted)
    assert (reply.status, reply.body) == (200, (folder / WHEEL).read_bytes())


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=999999-9999999", "bytes=-0"])
def test_ranges_beyond_the_end(folder: Path, parts: LocalIndex, wanted: str) -> None:
    reply = part(parts, wanted)
    assert (reply.status, reply.body) == (416, b"")
    assert reply.headers["Content-Range"] == f"bytes */{(folder / WHEEL).stat().st_size}"


def test_if_range_and_if_none_match(parts: LocalIndex) -> None:
    etag = part(parts, "bytes=0-1").headers["ETag"]
    named = {"If-Range": etag}
    assert get(parts, f"/files/{WHEEL}", Range="bytes=0-1", **named).status == 206
    named = {"If-Range": '"other"'}
    assert get(parts, f"/files/{WHEEL}", Range="bytes=0-1", **named).status == 200
    named = {"If-None-Match": f'"other", {etag}'}
    unchanged = get(parts, f"/files/{WHEEL}", **named)
    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", etag)
    parts.file_headers["ETag"] = 'W/"weak"'
    named = {"If-Range": 'W/"weak"'}
    assert get(parts, f"/files/{WHEEL}", Range="bytes=0-1", **named).status == 200


def test_last_modified(folder: Path) -> None:
    make_wheel(folder, "lib")
    date = "Tue, 01 Dec 2026 04:00:00 GMT"
    with LocalIndex(folder, ranges=True, modified=date) as index:
        named = {"If-Range": date, "Range": "bytes=0-1"}
        reply = get(index, f"/files/{WHEEL}", **named)
        assert (reply.status, reply.headers["Last-Modified"]) == (206, date)
        named["If-Range"] = "Tue, 01 Dec 2026 04:00:01 GMT"
        assert get(index, f"/files/{WHEEL}", **named).status == 200
        assert "Last-Modified" not in get(index, "/simple/lib/").headers


def test_ranges_of_one_file_or_of_none(folder: Path, parts: LocalIndex) -> None:
    other = make_wheel(folder, "other").name
    parts.refuse_ranges(WHEEL)
    reply = part(parts, "bytes=0-1")
    assert (reply.status, "Accept-Ranges" in reply.headers) == (200, False)
    assert get(parts, f"/files/{other}", Range="bytes=0-1").status == 206
    with LocalIndex(folder) as index:
        reply = part(index, "bytes=0-1")
        assert (reply.status, "Accept-Ranges" in reply.headers) == (200, False)


def test_head_has_no_parts(folder: Path, parts: LocalIndex) -> None:
    with closing(connect(parts)) as connection:
        connection.request("HEAD", f"/files/{WHEEL}", headers={"Range": "bytes=0-1"})
        head = connection.getresponse()
        assert head.status == 200
        assert head.headers["Content-Length"] == str((folder / WHEEL).stat().st_size)
        assert head.headers["Accept-Ranges"] == "bytes"
    assert parts.requests[0].sent == 0


@pytest.mark.parametrize(
    ("fault", "status", "body", "headers"),
    [
        (Whole(), 200, slice(None), {"Accept-Ranges": "", "Content-Range": ""}),
        (Whole(advertised=True), 200, slice(None), {"Accept-Ranges": "bytes"}),
        (Span("bytes {start_1}-{end_1}/{total_1}"), 206, slice(5, 10), {"Content-Range": "next"}),
        (Span("bytes {start}-{end}/*"), 206, slice(5, 10), {"Content-Range": "bytes 5-9/*"}),
        (Span(""), 206, slice(5, 10), {"Content-Range": ""}),
        (Resized(-2), 206, slice(5, 8), {"Content-Range": "right", "Content-Length": "3"}),
        (Shifted(3), 206, slice(8, 13), {"Content-Range": "right"}),
        (Retagged('"t"'), 206, slice(5, 10), {"Content-Range": "right", "ETag": '"t"'}),
    ],
)
def test_faults_of_ranges(
    folder: Path,
    parts: LocalIndex,
    fault: RangeFault,
    status: int,
    body: slice,
    headers: dict[str, str],
) -> None:
    right = (folder / WHEEL).read_bytes()
    total = len(right)
    spans = {"right": f"bytes 5-9/{total}", "next": f"bytes 6-10/{total + 1}"}
    parts.fault_ranges(fault, after=1, times=1)
    assert part(parts, "bytes=5-9").headers["Content-Range"] == spans["right"]
    assert get(parts, f"/files/{WHEEL}").body == right
    reply = part(parts, "bytes=5-9")
    assert (reply.status, reply.body) == (status, right[body])
    expected = {name: spans.get(value, value) for name, value in headers.items()}
    assert {name: reply.headers.get(name, "") for name in headers} == expected
    assert part(parts, "bytes=5-9").headers["Content-Range"] == spans["right"]


def test_parts_that_are_longer_compressed_or_wrapped(folder: Path, parts: LocalIndex) -> None:
    right = (folder / WHEEL).read_bytes()
    for fault in (Resized(2), Compressed(), Multipart()):
        parts.fault_ranges(fault, times=1)
    assert part(parts, "bytes=5-9").body == right[5:10] + bytes(2)
    packed = part(parts, "bytes=5-9")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == right[5:10]
    wrapped = part(parts, "bytes=5-9")
    assert wrapped.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert "Content-Range" not in wrapped.headers
    message = email.message_from_bytes(
        f"Content-Type: {wrapped.headers['Content-Type']}\n\n".encode() + wrapped.body
    )
    _, inner = message.walk()
    assert inner["Content-Range"] == f"bytes 5-9/{len(right)}"


def test_a_file_that_changes(parts: LocalIndex) -> None:
    parts.fault_ranges(Changed(b"0123456789"), after=1, times=1)
    first, second, third = (part(parts, "bytes=5-6") for _ in range(3))
    assert (second.body, second.headers["Content-Range"]) == (b"56", "bytes 5-6/10")
    assert (first.body, first.headers["ETag"]) == (third.body, third.headers["ETag"])
    assert first.headers["ETag"] != second.headers["ETag"]


def test_kinds_of_ranges_of_one_file(folder: Path, parts: LocalIndex) -> None:
    other = make_wheel(folder, "other").name
    parts.fault_ranges(Status(501), kind=SUFFIX, of=WHEEL)
    parts.fault_ranges(Status(429, 3), kind=EXPLICIT, times=1)
    assert part(parts, "bytes=-5").status == 501
    assert get(parts, f"/files/{other}", Range="bytes=-5").status == 206
    refused = part(parts, "bytes=5-")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "3")
    assert part(parts, "bytes=5-").status == 206
    assert get(parts, f"/files/{WHEEL}").status == 200


def test_other_faults_on_ranges_alone(folder: Path, parts: LocalIndex) -> None:
    right = (folder / WHEEL).read_bytes()
    for fault in (Truncated(), Garbage(), Dropped(), Slow(1_000_000)):
        parts.fault_ranges(fault, times=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        part(parts, "bytes=5-14")
    assert caught.value.partial == right[5:10]
    assert part(parts, "bytes=5-9").body == bytes(255 - byte for byte in right[5:10])
    with pytest.raises(http.client.RemoteDisconnected):
        part(parts, "bytes=5-9")
    assert part(parts, "bytes=5-9").body == right[5:10]
    assert [each.sent for each in parts.requests] == [5, 5, 0, 5]


def test_requests_are_counted_and_refused(parts: LocalIndex) -> None:
    parts.refuse_after(2, Status(429))
    found = [get(parts, path).status for path in ("/simple/lib/", f"/files/{WHEEL}", "/x", "/x")]
    assert found == [200, 200, 429, 429]


def test_signed_urls_work_once(folder: Path, parts: LocalIndex) -> None:
    with LocalIndex(folder, ranges=True) as storage:
        parts.fault(WHEEL, Redirected(storage))
        places = [part(parts, "bytes=0-1").headers["Location"] for _ in range(2)]
        assert places[0] != places[1]
        path = places[0].removeprefix(storage.base)
        assert path.endswith(f"/{WHEEL}?signature=s3%2Fcret")
        found = get(storage, path, Range="bytes=-4")
        assert (found.status, found.body) == (206, (folder / WHEEL).read_bytes()[-4:])
        assert get(storage, path, Range="bytes=-4").status == 403


# --- closing --------------------------------------------------------------------------------------


def test_closing_ends_stalled_and_idle_connections_at_once(index: LocalIndex) -> None:
    before = set(threading.enumerate())
    index.fault(WHEEL, Stall(60))
    with closing(connect(index)) as idle, closing(connect(index)) as stalled:
        ask(idle, "/simple/lib/")
        stalled.request("GET", f"/files/{WHEEL}")
        wait_for(index, WHEEL)
        begun = time.monotonic()
        index.close()
        assert time.monotonic() - begun < 0.5
        with pytest.raises(http.client.RemoteDisconnected):
            stalled.getresponse()
    assert set(threading.enumerate()) < before
    with pytest.raises(ConnectionRefusedError):
        get(index, "/")


def test_clients_that_leave_are_no_matter(
    index: LocalIndex, capfd: pytest.CaptureFixture[str]
) -> None:
    index.add_file("/large", bytes(1 << 24))
    for _ in range(5):
        with closing(connect(index)) as connection:
            connection.connect()
            # A linger time of 0 turns the close into a reset.
            reset = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.request("GET", "/large")
            connection.sock.recv(100)
    index.close()
    assert index.count("/large") == 5
    assert capfd.readouterr() == ("", "")


def test_errors_of_the_index_itself_are_raised(folder: Path) -> None:
    # A folder named as a wheel cannot be read as one.
    (folder / WHEEL).mkdir()
    running = LocalIndex(folder)
    with pytest.raises(http.client.RemoteDisconnected):
        get(running, f"/files/{WHEEL}")
    with pytest.raises(ExceptionGroup, match="failed to answer") as caught:
        running.close()
    assert caught.group_contains(OSError)
    running.close()
