"""An index that cannot be read is not an index without the project: a download says so."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Result, download, names, wheeltarget
from tests.support.index import Dropped, Fault, LocalIndex, Stall, Status
from tests.support.tls import make_authority
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("_forks")

TAG, OTHER = "cp312-cp312-manylinux_2_28_x86_64", "cp39-cp39-manylinux2014_x86_64"
APP = f"app ; tags={TAG}"
LOG_IN = b"<!DOCTYPE html><html><body>Who are you?</body></html>"
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve the newer namesake."""
    make_wheel(tmp_path / "private", "app", "5.0")
    with LocalIndex(tmp_path / "private") as running:
        yield running


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex) -> Path:
    """Put the older namesake on the first index, and give a folder to work in."""
    del index  # it serves the folder
    make_wheel(tmp_path / "index", "app", "0.1")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def run(index: LocalIndex, extra: str, *arguments: str, cwd: Path) -> Result:
    waits = ("--retries=0", "--timeout=1", "--no-input", f"--extra-index-url={extra}")
    return download(index, *waits, *arguments, cwd=cwd)


FAULTS: dict[str, tuple[Fault, str]] = {
    "401": (Status(401), "401 Unauthorized"),
    "403": (Status(403), "403 Forbidden"),
    "500": (Status(500), "too many 500 error responses"),
    "503": (Status(503), "503"),
    "slow": (Stall(30), "respond|timed out"),
    "cut": (Dropped(), "."),
}


@pytest.mark.parametrize("case", FAULTS)
def test_page_that_fails_is_said(
    index: LocalIndex, private: LocalIndex, here: Path, case: str
) -> None:
    fault, reason = FAULTS[case]
    private.fault("/simple/app/", fault)
    result = run(index, private.url, APP, cwd=here)
    assert result.exit_code == 0, result.stderr
    note = rf"note: the index {private.url} could not be read \((.*)\); chosen without it: app 0\.1"
    (said,) = re.findall(note, result.stderr)
    assert re.search(reason, said), said


PAGES = {
    "log-in": (LOG_IN, "text/html", "it is not an index page"),
    "log-in, with links": (b'<a href="/login">app</a>', "text/html", "it is not an index page"),
    "JSON": (b'{"error": "app"}', JSON, "it is not an index page"),
    "image": (b"\x89PNG", "image/png", "it is not an index page"),
    "empty": (b"<h1>Links for app</h1>", "text/html", None),
    "empty JSON": (b'{"files": []}', JSON, None),
}


@pytest.mark.parametrize("case", PAGES)
def test_page_that_is_not_an_index_page_is_said(
    index: LocalIndex, private: LocalIndex, here: Path, case: str
) -> None:
    content, kind, reason = PAGES[case]
    private.add_file("/simple/app/", content, kind)
    # The second target is served what was fetched for the first.
    result = run(index, private.url, APP, f"app ; tags={OTHER}", cwd=here)
    assert result.exit_code == 0, result.stderr
    notes = re.findall("note: (.*)", result.stderr)
    said = f"the index {private.url} could not be read ({reason}); chosen without it: app 0.1"
    assert notes == ([said] if reason else [])


def test_index_that_is_not_there_is_said(index: LocalIndex, here: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/simple/"
        result = run(index, url, APP, cwd=here)
    assert result.exit_code == 0, result.stderr
    assert re.search(rf"note: the index {url} could not be read \(.*refused.*\)", result.stderr)


def test_index_whose_certificate_is_not_trusted_is_said(
    index: LocalIndex, here: Path, tmp_path: Path
) -> None:
    (tmp_path / "tls").mkdir()
    authority = make_authority(tmp_path / "tls")
    make_wheel(tmp_path / "private", "app", "5.0")
    with LocalIndex(tmp_path / "private", tls=authority.context()) as private:
        result = run(index, private.url, APP, cwd=here)
    assert result.exit_code == 0, result.stderr
    said = rf"note: the index {private.url} could not be read \(.*certificate.*\)"
    assert re.search(said, result.stderr, re.IGNORECASE), result.stderr


def test_index_that_pip_ignores_is_said(index: LocalIndex, here: Path) -> None:
    result = run(index, "http://untrusted.invalid/simple/", APP, cwd=here)
    assert result.exit_code == 0, result.stderr
    said = "note: the index http://untrusted.invalid/simple/ could not be read (pip ignores it: "
    assert said in result.stderr


def test_page_of_links_that_fails_is_said(
    index: LocalIndex, private: LocalIndex, here: Path
) -> None:
    private.fault("/links/", Status(403))
    result = run(index, private.url, "--find-links", f"{private.base}/links/", APP, cwd=here)
    assert result.exit_code == 0, result.stderr
    said = f"the index {private.base}/links/ could not be read (403 Forbidden)"
    assert said in result.stderr
    assert names(here / "wheelhouse") == ["app-5.0-py3-none-any.whl"]


def test_index_without_the_project_is_not_said(
    index: LocalIndex, private: LocalIndex, here: Path, tmp_path: Path
) -> None:
    make_wheel(tmp_path / "index", "lib")
    result = run(index, private.url, f"lib ; tags={TAG}", cwd=here)
    assert result.exit_code == 0
    assert "note" not in result.stderr


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_credentials_are_not_shown(
    index: LocalIndex, private: LocalIndex, here: Path, ahead: str
) -> None:
    private.fault("/simple/app/", Status(403))
    url = private.url.replace("://", "://me:secret@")
    variables = {"WHEELTARGET_AHEAD": ahead}
    options = ("--retries=0", f"--extra-index-url={url}", "--report=r.json")
    result = download(index, *options, APP, cwd=here, variables=variables)
    report = (here / "r.json").read_text()
    assert json.loads(report)["index_failures"] == [
        {"index": private.url, "reason": "403 Forbidden", "chosen": {"app": ["0.1"]}}
    ]
    assert f"the index {private.url} could not be read (403 Forbidden)" in result.stderr
    assert "secret" not in report + result.stderr


def test_quiet_run_says_it_all_the_same(index: LocalIndex, private: LocalIndex, here: Path) -> None:
    private.fault("/simple/app/", Status(403))
    result = run(index, private.url, "--quiet", APP, cwd=here)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"note: the index {private.url} could not be read (403 Forbidden)" in result.stderr


def test_run_is_not_remembered(
    index: LocalIndex, private: LocalIndex, here: Path, tmp_path: Path
) -> None:
    for each in (index, private):
        each.page_headers["Cache-Control"] = "max-age=600"
    private.fault("/simple/app/", Status(403), times=2)
    options = ("--cache-dir", str(tmp_path / "cache"), "--trusted-host=127.0.0.1", "-d", "out")
    indexes = (f"--index-url={index.url}", f"--extra-index-url={private.url}", "--retries=0")
    notes = []
    for _ in range(3):
        result = wheeltarget("download", *options, *indexes, APP, cwd=here)
        notes.append(result.stderr.count("could not be read"))
    assert notes == [1, 1, 0]
    assert "app-5.0-py3-none-any.whl" in names(here / "out")


def test_project_that_an_older_release_does_not_need(
    index: LocalIndex, private: LocalIndex, here: Path, tmp_path: Path
) -> None:
    """The index that has the dependency is down, so pip goes back to an older release."""
    make_wheel(tmp_path / "index", "top", "1.0")
    make_wheel(tmp_path / "index", "top", "2.0", requires=["app>=5"])
    private.fault("/simple/app/", Status(403))
    result = run(index, private.url, f"top ; tags={TAG}", cwd=here)
    assert names(here / "wheelhouse") == ["top-1.0-py3-none-any.whl"]
    said = f"the index {private.url} could not be read (403 Forbidden); not found without it: app"
    assert f"note: {said}\n" in result.stderr


def test_run_without_a_target_is_pips(index: LocalIndex, private: LocalIndex, here: Path) -> None:
    private.fault("/simple/app/", Status(403))
    result = run(index, private.url, "app", cwd=here)
    assert result.exit_code == 0
    assert "could not be read" not in result.stderr
