"""A file with another hash than expected: which file, whose hash, and which index serves it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Result, download, wheeltarget
from tests.support.index import Garbage, LocalIndex
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("_forks")

TAG = "cp312-cp312-manylinux_2_28_x86_64"
APP = f"app ; tags={TAG}"
WHEEL, LATER = "app-1.0-py3-none-any.whl", "app-2.0-py3-none-any.whl"
WRONG = "0" * 64


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex) -> Path:
    """Serve two releases, and give a folder to work in."""
    del index  # it serves the folder
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "index", "app", version)
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve a newer release from another index."""
    make_wheel(tmp_path / "other", "app", "3.0")
    with LocalIndex(tmp_path / "other") as running:
        yield running


def run(index: LocalIndex, line: str, cwd: Path, *options: str) -> Result:
    (cwd / "r.txt").write_text(line)
    result = download(index, "--tags", TAG, *options, "-r", "r.txt", cwd=cwd)
    assert result.exit_code == 1, result.stderr
    return result


# The hash is that of the index


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_metadata_that_an_index_serves_with_another_hash(
    index: LocalIndex, other: LocalIndex, here: Path, ahead: str
) -> None:
    other.fault("app-3.0-py3-none-any.whl.metadata", Garbage())
    extra = f"--extra-index-url={other.url}"
    result = download(index, extra, APP, cwd=here, variables={"WHEELTARGET_AHEAD": ahead})
    assert result.exit_code == 1
    assert "FROM THE REQUIREMENTS FILE" not in result.stderr
    assert re.search(
        r"\n  app \(<command line>:1:1\): the metadata file app-3\.0-py3-none-any\.whl\.metadata "
        r"does not have the hash that its index lists\n"
        rf"      index     {other.url}app/\n"
        r"      expected  sha256:[0-9a-f]{64}\n      got       sha256:[0-9a-f]{64}\n"
        r"    the wheel was not read; try again with --no-cache-dir, "
        r"then report this to the index\n$",
        result.stderr,
    ), result.stderr


def test_metadata_of_a_dependency(index: LocalIndex, here: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "index", "top", "1.0", requires=["app"])
    index.fault(f"{LATER}.metadata", Garbage())
    result = download(index, f"top ; tags={TAG}", cwd=here)
    assert f"\n  app: the metadata file {LATER}.metadata does not have the hash" in result.stderr
    assert "\n      needed by top; <command line>:1:1\n" in result.stderr
    assert f"index     {index.url}app/\n" in result.stderr


def test_metadata_while_locking(index: LocalIndex, here: Path) -> None:
    index.fault(f"{LATER}.metadata", Garbage())
    options = ("--no-cache-dir", *index.pip_args())
    result = wheeltarget("lock", *options, APP, cwd=here)
    assert result.exit_code == 3
    assert f"the metadata file {LATER}.metadata does not have the hash" in result.stderr


@pytest.mark.parametrize("metadata", [False, True])
def test_wheel_that_an_index_serves_with_another_hash(
    index: LocalIndex, here: Path, *, metadata: bool
) -> None:
    index._metadata = metadata
    index.fault(LATER, Garbage())
    result = download(index, APP, cwd=here)
    assert result.exit_code == 1
    assert "FROM THE REQUIREMENTS FILE" not in result.stderr
    assert f": {LATER} does not have the hash that its index lists\n" in result.stderr
    assert f"index     {index.url}app/\n" in result.stderr


def test_credentials_of_an_index_are_not_shown(
    index: LocalIndex, other: LocalIndex, here: Path
) -> None:
    other.fault("app-3.0-py3-none-any.whl.metadata", Garbage())
    url = other.url.replace("://", "://me:secret@")
    result = download(index, f"--extra-index-url={url}", APP, cwd=here)
    assert f"index     {other.url}app/\n" in result.stderr
    assert "secret" not in result.stderr


# The hash is that of the user

LINES = {
    "option": "app @ {url} --hash=sha256:{wrong}\n",
    "fragment": "app @ {url}#sha256={wrong}\n",
    "without a name": "\n{url}#sha256={wrong}\n",
    "file": "app @ {file}#sha256={wrong}\n",
    "path": "{path} --hash=sha256:{wrong}\n",
}


@pytest.mark.parametrize("case", LINES)
@pytest.mark.parametrize("options", [[], ["--no-index"]], ids=["index", "no index"])
def test_file_by_url_with_another_hash(
    index: LocalIndex, here: Path, tmp_path: Path, case: str, options: list[str]
) -> None:
    path = tmp_path / "index" / WHEEL
    url = path.as_uri() if case in {"file", "path"} else f"{index.base}/files/{WHEEL}"
    line = LINES[case].format(url=url, path=path, file=path.as_uri(), wrong=WRONG)
    result = run(index, line, here, *options)
    assert "there is no such project" not in result.stderr
    assert "not found at" not in result.stderr
    place = f"r.txt:{line.count(chr(10))}:1"
    assert f"({place}): {WHEEL} does not have the hash that is required\n" in result.stderr
    assert f"      file      {url}\n      expected  sha256:{WRONG}\n" in result.stderr
    assert index.count("/simple/app/") == 0


def test_file_of_which_the_index_lists_no_hash(index: LocalIndex, here: Path) -> None:
    index._hashes = False
    result = run(index, f"app==1.0 --hash=sha256:{WRONG}\n", here)
    said = f"app==1.0 (r.txt:1:1): {WHEEL} does not have the hash that is required\n"
    assert said in result.stderr
    assert f"file      {index.base}/files/{WHEEL}\n" in result.stderr


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224"])
def test_file_of_which_the_index_lists_only_a_hash_that_pip_does_not_take(
    index: LocalIndex, here: Path, tmp_path: Path, algorithm: str
) -> None:
    """There is no hash to propose, but pip has read the file."""
    path = tmp_path / "index" / WHEEL
    digest = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    (here / "page.html").write_text(f'<a href="{path.as_uri()}#{algorithm}={digest}">{WHEEL}</a>')
    line = "app==1.0 --hash=sha256:{}\n"
    options = ("--no-index", "--find-links", "page.html")
    result = run(index, line.format(WRONG), here, *options)
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"{WHEEL} does not have the hash that is required\n" in result.stderr
    assert f"expected  sha256:{WRONG}\n      got       sha256:{got}\n" in result.stderr
    (here / "r.txt").write_text(line.format(got))
    result = download(index, "--tags", TAG, *options, "-r", "r.txt", cwd=here)
    assert result.exit_code == 0, result.stderr


# Empty hashes, and two URLs


@pytest.mark.parametrize(
    ("line", "column", "hash_"),
    [
        ("app @ {url}#sha256=", 6, "sha256="),
        ("{url}#sha256= ; python_version > '3'", 0, "sha256="),
        ("app @ {url}#egg=app&md5=&subdirectory=x", 14, "md5="),
    ],
)
def test_empty_hash_in_a_url(
    index: LocalIndex, here: Path, line: str, column: int, hash_: str
) -> None:
    url = f"{index.base}/files/{WHEEL}"
    result = run(index, f"{line.format(url=url)}\n", here)
    place = f"r.txt:1:{column + len(url) + 1}"
    assert f"{place}: error: the hash in the URL is empty: {hash_}\n" in result.stderr
    assert "AssertionError" not in result.stderr
    assert index.requests == ()


def test_empty_hash_in_a_url_that_is_not_needed(index: LocalIndex, here: Path) -> None:
    line = f"app @ {index.base}/files/{WHEEL}#sha256= ; sys_platform == 'win32'\napp==2.0\n"
    (here / "r.txt").write_text(line)
    result = download(index, "--tags", TAG, "-r", "r.txt", cwd=here)
    assert result.exit_code == 0, result.stderr


def test_empty_hash_on_an_index(index: LocalIndex, here: Path) -> None:
    page = f'<a href="/files/{WHEEL}#sha256=">{WHEEL}</a>'.encode()
    index.add_file("/simple/app/", page, "text/html")
    result = download(index, APP, cwd=here)
    assert result.exit_code == 1
    said = f"ERROR: the hash of {WHEEL} on {index.url}app/ is empty: sha256=\n"
    assert said in result.stderr
    assert "AssertionError" not in result.stderr


@pytest.mark.parametrize("first", ["app @ {}", "app[x] @ {}#sha256={}", "{}"])
@pytest.mark.parametrize("user", ["", "me:secret@"])
def test_each_of_two_urls_has_its_place(
    index: LocalIndex, here: Path, tmp_path: Path, first: str, user: str
) -> None:
    base = f"{index.base}/files/".replace("://", f"://{user}")
    digest = hashlib.sha256((tmp_path / "index" / WHEEL).read_bytes()).hexdigest()
    line = first.format(base + WHEEL, digest)
    result = run(index, f"# two\n{line}\n\napp @ {base}{LATER}\n", here, "--no-index")
    assert f"      {WHEEL}  (r.txt:2:1)\n      {LATER}  (r.txt:4:1)\n" in result.stderr
    assert "secret" not in result.stderr


def test_url_beside_a_specifier_has_its_place(index: LocalIndex, here: Path) -> None:
    lines = f"app<2\napp @ {index.base}/files/{LATER}\n"
    result = run(index, lines, here)
    assert f"      {LATER}  (r.txt:2:1)\n" in result.stderr
    assert "(r.txt:1:1)" in result.stderr
