"""The static index of a pack, also as pip uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.interpreters import index_environment
from tests.support.packing import LINUX, Packer, files_of
from wheeltarget.commands.pack.index import IndexedFile, index_pages
from wheeltarget.commands.pack.layout import PackedFile

pytestmark = pytest.mark.thorough

HASH = "0" * 64


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as any web server does; yields its URL and the paths that are asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pages() -> None:
    wheel = PackedFile(
        "lib-1.0+cpu-py3-none-any.whl", HASH, 7, "lib", "1.0+cpu", ("box",), "", "2024-01-02T03:04Z"
    )
    source = PackedFile("lib-2.0.tar.gz", HASH, 8, "lib", "2.0", ("box",))
    pages = index_pages([IndexedFile(source), IndexedFile(wheel, ">=3.6,<4", "1" * 64)])
    assert sorted(pages) == [
        *("simple/index.html", "simple/index.json"),
        *("simple/lib/index.html", "simple/lib/index.json"),
    ]
    assert b'<a href="lib/">lib</a>' in pages["simple/index.html"]
    html = pages["simple/lib/index.html"].decode()
    assert f'href="../../wheels/lib-1.0%2Bcpu-py3-none-any.whl#sha256={HASH}"' in html
    assert 'data-requires-python="&gt;=3.6,&lt;4"' in html
    assert f'data-core-metadata="sha256={"1" * 64}"' in html
    assert "dist-info-metadata" not in html
    document = json.loads(pages["simple/lib/index.json"])
    assert document["versions"] == ["1.0+cpu", "2.0"]
    assert document["files"] == [
        {
            "filename": "lib-1.0+cpu-py3-none-any.whl",
            "url": "../../wheels/lib-1.0%2Bcpu-py3-none-any.whl",
            "hashes": {"sha256": HASH},
            "size": 7,
            "requires-python": ">=3.6,<4",
            "core-metadata": {"sha256": "1" * 64},
            "upload-time": "2024-01-02T03:04Z",
        },
        {
            "filename": "lib-2.0.tar.gz",
            "url": "../../wheels/lib-2.0.tar.gz",
            "hashes": {"sha256": HASH},
            "size": 8,
        },
    ]


def test_what_the_index_said_is_kept(run: Packer) -> None:
    run.index.upload("win-1.0-py3-none-any.whl", "2024-01-02T03:04:05.678901Z")
    there = files_of(run.make())
    (win,) = json.loads(there["simple/win/index.json"])["files"]
    assert win["upload-time"] == "2024-01-02T03:04:05.678901Z"
    (app,) = json.loads(there["simple/app/index.json"])["files"]
    assert (app["requires-python"], app["size"]) == (
        ">=3.6",
        len(there[f"wheels/{app['filename']}"]),
    )


def pip_download(url: str, folder: Path) -> list[str]:
    """Return what the running pip fetches for :data:`LINUX` from an index."""
    options = ["--only-binary=:all:", "--python-version=3.6", "--platform=manylinux2014_x86_64"]
    options += ["-q", "--no-cache-dir", "--index-url", url]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-d", folder, *options, "app"],
        env={**index_environment(), "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(path.name for path in folder.iterdir())


def test_pip_uses_it(run: Packer, tmp_path: Path) -> None:
    pack = run.make()
    expected = ["app-1.0-py3-none-any.whl", f"lib-1.0-{LINUX}.whl"]
    assert pip_download((pack / "simple").as_uri(), tmp_path / "file") == expected
    with served(pack) as (url, asked):
        assert pip_download(f"{url}/simple/", tmp_path / "web") == expected
    assert f"/wheels/{expected[0]}.metadata" in asked


@pytest.mark.parametrize("page", ["index.html", "index.json"])
def test_project_pages_name_each_file_once(run: Packer, page: str) -> None:
    there = files_of(run.make())
    text = there[f"simple/lib/{page}"].decode()
    assert text.count("wheels/lib-1.0-cp313-cp313-win_amd64.whl") == 1
