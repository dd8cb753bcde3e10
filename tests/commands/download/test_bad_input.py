"""Bad files and bad indexes: a clear message, exit code 1, and a destination left as it was."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.cli import Result, download, names
from tests.support.index import Garbage, LocalIndex, Stall, Status, Truncated
from tests.support.ranges import Answer
from tests.support.wheels import make_wheel

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("_forks")]

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
BAD = "bad-1.0-py3-none-any.whl"
PAGE, PAGE_FAILED = "/simple/bad/", "/simple/ could not be read"
HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"
LOG_IN = b"<!DOCTYPE html><html><body>Who are you?</body></html>"
AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run works.

    :param project: the working directory.
    :param shelf: what the index serves.
    :param temporary: what ``TMPDIR`` says.
    """

    project: Path
    shelf: Path
    temporary: Path

    @property
    def wheelhouse(self) -> Path:
        """Give the destination."""
        return self.project / "wheelhouse"


@pytest.fixture
def where(tmp_path: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Give a folder to work in, and an index with a good project and a bad one."""
    del index  # it has made the shelf
    made = Place(tmp_path / "project", tmp_path / "index", tmp_path / "temporary")
    made.project.mkdir()
    made.temporary.mkdir()
    for name in ("good", "bad"):
        make_wheel(made.shelf, name)
    monkeypatch.setenv("TMPDIR", str(made.temporary))
    return made


def state(folder: Path) -> dict[str, tuple[int, bytes]] | None:
    """Describe a folder to the last bit, its own time included; None where it is not there."""
    if not folder.exists():
        return None
    paths = [folder, *sorted(folder.rglob("*"))]
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


def refused(
    where: Place, index: LocalIndex, *arguments: str, variables: Mapping[str, str] | None = None
) -> Result:
    """Run something that has to fail, and see that nothing was left or changed."""
    before, beside = state(where.wheelhouse), names(where.project)
    waits = ["--retries=0", "--timeout=1"]
    result = download(index, *waits, *arguments, cwd=where.project, variables=variables)
    assert (result.exit_code, result.stdout) == (1, ""), result.stderr
    assert "Traceback" not in result.stderr
    assert ".wheeltarget-" not in result.stderr, "a path of the stage is nobody's business"
    assert state(where.wheelhouse) == before
    assert names(where.project) == beside
    assert names(where.temporary) == []
    return result


def _add(path: str, content: bytes, kind: str) -> Callable[[LocalIndex, Place], object]:
    return lambda index, _: index.add_file(path, content, kind)


def _fault(path: str, fault: Status | Garbage | Truncated | Stall) -> Callable[..., object]:
    return lambda index, _: index.fault(path, fault)


def _loop(path: str) -> Callable[[LocalIndex, Place], object]:
    """Lead from a path to itself."""

    def do(index: LocalIndex, _: Place) -> None:
        index._added[path] = Answer(302, headers={"Location": path})

    return do


def _bare(prepare: Callable[[LocalIndex, Place], object]) -> Callable[..., object]:
    """Let an index have neither hashes nor metadata files, so that the wheel itself is read."""

    def do(index: LocalIndex, where: Place) -> None:
        index._hashes = index._metadata = False
        prepare(index, where)

    return do


def _lie(name: str, version: str) -> Callable[[LocalIndex, Place], object]:
    """Give a wheel the name of another one."""

    def do(_: LocalIndex, where: Place) -> None:
        make_wheel(where.shelf / "other", name, version).replace(where.shelf / BAD)

    return do


INDEXES: dict[str, tuple[Callable[[LocalIndex, Place], object], tuple[str, ...]]] = {
    "page 500": (_fault(PAGE, Status(500)), (PAGE_FAILED, "too many 500 error responses")),
    "page 401": (_fault(PAGE, Status(401)), ("requires a login", "user and password")),
    "page 403": (_fault(PAGE, Status(403)), (PAGE_FAILED, "(403 Forbidden)")),
    "page garbage": (_fault(PAGE, Garbage()), (PAGE, "cannot read the index page")),
    "page half": (_fault(PAGE, Truncated()), (PAGE, "cannot read the index page")),
    "page stalls": (_fault(PAGE, Stall(30)), (PAGE_FAILED,)),
    "page log-in": (_add(PAGE, LOG_IN, HTML), (PAGE_FAILED, "it is not an index page")),
    "page other JSON": (
        _add(PAGE, b'{"error": 1}', JSON),
        (PAGE_FAILED, "it is not an index page"),
    ),
    "page no object": (_add(PAGE, b"[1]", JSON), (PAGE, "cannot read the index page")),
    "page cut JSON": (_add(PAGE, b'{"files": [', JSON), (PAGE, "cannot read the index page")),
    "page image": (_add(PAGE, b"\x89PNG", "image/png"), (PAGE, "Content-Type: image/png")),
    "page loops": (_loop(PAGE), (PAGE, "cannot read the index page", "30 redirects")),
    "wheel loops": (_loop(f"/files/{BAD}"), (BAD, "30 redirects")),
    "wheel 500": (_fault(BAD, Status(500)), ("cannot fetch http://127.0.0.1:", BAD, "500")),
    "wheel 401": (_fault(BAD, Status(401)), ("requires a login", "user and password")),
    "wheel 404": (_fault(BAD, Status(404)), (BAD, "404")),
    "wheel garbage": (_fault(BAD, Garbage()), (BAD, "does not have the hash that its index lists")),
    "wheel half": (_fault(BAD, Truncated()), (BAD, "incomplete")),
    "wheel stalls": (_fault(BAD, Stall(30)), (BAD, "127.0.0.1")),
    "wheel empty": (
        _add(f"/files/{BAD}", b"", "application/zip"),
        (BAD, "does not have the hash that its index lists"),
    ),
    "bare wheel garbage": (_bare(_fault(BAD, Garbage())), (f"{BAD} is not a valid wheel",)),
    "bare wheel empty": (_bare(_add(f"/files/{BAD}", b"", HTML)), (f"{BAD} is empty",)),
    "bare wheel log-in": (
        _bare(_add(f"/files/{BAD}", LOG_IN, HTML)),
        (f"{BAD} is a web page, not a wheel",),
    ),
    "other name": (_lie("other", "1.0"), ("inconsistent Name: expected 'bad'",)),
    "other version": (_lie("bad", "2.0"), ("inconsistent version: expected '1.0'",)),
    "bare other name": (_bare(_lie("other", "1.0")), ("other-1.0.dist-info",)),
    "metadata garbage": (
        _fault(f"{BAD}.metadata", Garbage()),
        (f"the metadata file {BAD}.metadata does not have the hash that its index lists",),
    ),
}
"""What an index can do wrong, and what is said of it, by what it is called."""


@pytest.mark.parametrize(
    ("case", "targets"), list(zip(INDEXES, cycle(["one, in a file", "two, typed"]), strict=False))
)
def test_index(where: Place, index: LocalIndex, case: str, targets: str) -> None:
    """For one target the destination is not there; for two it is, and the second target fails."""
    prepare, said = INDEXES[case]
    prepare(index, where)
    if targets == "two, typed":
        make_wheel(where.wheelhouse, "mine")
        result = refused(where, index, f"good ; tags={LINUX}", f"bad ; tags={WINDOWS}")
    else:
        (where.project / "r.txt").write_text(f"bad ; tags={WINDOWS}\n")
        result = refused(where, index, "-r", "r.txt")
    for arguments in said:
        assert arguments in result.stderr
    _, _, ending = result.stderr.partition(f"\nerror: pip failed for {WINDOWS}; ")
    if "does not have the hash" not in ending:
        assert ending == "nothing was saved\n  see pip's output above\n"


def test_pages_are_no_news_where_the_answer_is_elsewhere(where: Place, index: LocalIndex) -> None:
    """A project that one of two indexes does not have, or has no wheel of."""
    make_wheel(where.project / "links", "bad", "3.0")
    index.fault(PAGE, Status(403))
    arguments = ["--find-links=links", f"bad ; tags={WINDOWS}", f"good ; tags={LINUX}"]
    result = download(index, *arguments, cwd=where.project)
    assert result.exit_code == 0
    assert "ERROR" not in result.stderr


def test_project_that_is_not_there(where: Place, index: LocalIndex) -> None:
    result = refused(where, index, f"none ; tags={LINUX}")
    assert "No matching distribution found for none" in result.stderr
    assert "could not be read" not in result.stderr


def test_quiet_says_no_less_of_a_failure(where: Place, index: LocalIndex) -> None:
    index.fault(PAGE, Status(500))
    result = refused(where, index, "-qq", f"bad ; tags={WINDOWS}")
    assert f"{PAGE_FAILED} (too many 500 error responses)" in result.stderr


def test_where_in_the_code_is_shown_on_request(where: Place, index: LocalIndex) -> None:
    index.fault(PAGE, Garbage())
    arguments = ["--retries=0", "-vv", f"bad ; tags={WINDOWS}"]
    assert "Traceback" in download(index, *arguments, cwd=where.project).stderr


def test_wrong_hash(where: Place, index: LocalIndex) -> None:
    (where.project / "r.txt").write_text(
        f"good ; tags={LINUX}\nbad==1.0 ; tags={WINDOWS} --hash=sha256:{'0' * 64}\n"
    )
    result = refused(where, index, "-r", "r.txt")
    assert "DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE" in result.stderr
    assert f"Expected sha256 {'0' * 64}" in result.stderr
    assert f"error: pip failed for {WINDOWS}; nothing was saved\n" in result.stderr


class TestHosts:
    """Hosts that do not answer as they should."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["-i", "http://127.0.0.1:9/simple/"], ["127.0.0.1", "Connection refused"]),
            (["-i", "https://127.0.0.1:{port}/simple/"], ["/simple/bad/", "certificate", "SSL"]),
            (["--proxy", "http://127.0.0.1:9"], ["could not be read", "proxy"]),
            (["-i", "http://127.0.0.1:{port}/none/"], ["No matching distribution found for bad"]),
        ],
        ids=["closed port", "TLS to a plain port", "proxy refuses", "not an index"],
    )
    @pytest.mark.parametrize("targets", [[WINDOWS], [LINUX, WINDOWS]], ids=["one", "two"])
    def test_index(
        self,
        where: Place,
        index: LocalIndex,
        arguments: list[str],
        said: list[str],
        targets: list[str],
    ) -> None:
        port = index.base.rpartition(":")[2]
        filled = [word.format(port=port) for word in arguments]
        result = refused(where, index, *filled, f"bad ; tags={','.join(targets)}")
        for piece in said:
            assert piece in result.stderr
        assert f"error: pip failed for {' and '.join(targets)}; nothing was" in result.stderr

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:{port}/files"])
    def test_wheel(self, where: Place, index: LocalIndex, url: str) -> None:
        place = url.format(port=index.base.rpartition(":")[2])
        arguments = [f"good ; tags={LINUX}", f"bad @ {place}/{BAD} ; tags={WINDOWS}"]
        result = refused(where, index, *arguments)
        assert f"{place}/{BAD}" in result.stderr

    @pytest.mark.parametrize("path", [PAGE, BAD], ids=["page", "wheel"])
    def test_password_is_not_shown(self, where: Place, index: LocalIndex, path: str) -> None:
        index.fault(path, Status(500))
        url = index.url.replace("://", "://me:secret@")
        result = refused(where, index, "-i", url, f"bad ; tags={WINDOWS}")
        assert "too many 500 error responses" in result.stderr
        assert "secret" not in result.stderr


class TestFiles:
    """Requirements files that are none."""

    @pytest.mark.parametrize("defaults", [[LINUX], [LINUX, WINDOWS]], ids=["one", "two"])
    @pytest.mark.parametrize("option", ["-r", "-c"])
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "error: cannot read file: Is a directory\n"),
            (b"", "error: cannot read file: No such file or directory\n"),
            (bytes(range(256)) * 40, "error: cannot read file: 'utf-8' codec can't decode byte"),
            (
                b"bad\0\n",
                "error: cannot read file: it has NUL characters, so it is not a text file\n",
            ),
            ("bad\n".encode("utf-16-be"), "  save it in UTF-8; UTF-16 needs a byte order mark\n"),
            (b"# -*- coding: nope -*-\nbad\n", "error: cannot read file: unknown encoding: nope\n"),
        ],
        ids=["folder", "missing", "binary", "NUL", "UTF-16 without a mark", "unknown encoding"],
    )
    def test_unreadable(
        self,
        where: Place,
        index: LocalIndex,
        content: bytes | None,
        said: str,
        option: str,
        defaults: list[str],
    ) -> None:
        file = where.project / "file"
        if content is None:
            file.mkdir()
        elif content:
            file.write_bytes(content)
        make_wheel(where.wheelhouse, "mine")
        clauses = [f"good ; tags={default}" for default in defaults]
        result = refused(where, index, *clauses, option, "file")
        assert said in result.stderr
        assert result.stderr.startswith("error: cannot read file: ")
        assert index.requests == ()

    def test_clause_hidden_among_nul_characters(self, where: Place, index: LocalIndex) -> None:
        """Where nothing else names a target, the run would be pip's, for this interpreter."""
        (where.project / "r.txt").write_bytes(f"bad ; tags={LINUX}\n".encode("utf-16-le"))
        result = refused(where, index, "-r", "r.txt")
        assert result.stderr == (
            "error: cannot read r.txt: it has NUL characters, so it is not a text file\n"
            "  save it in UTF-8; UTF-16 needs a byte order mark\n"
        )

    @AS_ROOT
    def test_forbidden(self, where: Place, index: LocalIndex) -> None:
        (where.project / "r.txt").write_text("bad\n")
        (where.project / "r.txt").chmod(0)
        result = refused(where, index, "-r", "r.txt", f"good ; tags={LINUX}")
        assert result.stderr == "error: cannot read r.txt: Permission denied\n"

    @AS_ROOT
    def test_destination_is_read_only(self, where: Place, index: LocalIndex) -> None:
        make_wheel(where.wheelhouse, "mine")
        where.wheelhouse.chmod(0o500)
        result = refused(where, index, f"good ; tags={LINUX},{WINDOWS}")
        assert result.stderr == f"error: cannot write {where.wheelhouse}: Permission denied\n"

    @pytest.mark.parametrize("targets", [LINUX, f"{LINUX},{WINDOWS}"], ids=["one", "two"])
    @pytest.mark.parametrize("includes", ["r.txt", "s.txt"], ids=["itself", "each other"])
    def test_recursive(self, where: Place, index: LocalIndex, includes: str, targets: str) -> None:
        (where.project / "r.txt").write_text(f"bad ; tags={targets}\n-r {includes}\n")
        if includes == "s.txt":
            (where.project / "s.txt").write_text("-r r.txt\n")
        result = refused(where, index, "-r", "r.txt")
        assert "recursively references itself" in result.stderr
        assert result.stderr.count("error: pip failed for ") == 1
        assert index.requests == ()

    def test_named_twice(self, where: Place, index: LocalIndex) -> None:
        (where.project / "r.txt").write_text(f"good ; tags={LINUX},{WINDOWS}\n")
        arguments = ["-r", "r.txt", "-r", "./r.txt"]
        result = download(index, *arguments, cwd=where.project)
        assert result.exit_code == 0, result.stderr
        assert names(where.wheelhouse) == ["good-1.0-py3-none-any.whl"]

    @pytest.mark.parametrize("targets", [LINUX, f"{LINUX},{WINDOWS}"], ids=["one", "two"])
    def test_long_line(self, where: Place, index: LocalIndex, targets: str) -> None:
        """Ten million characters are neither repeated nor looked at for long."""
        specifiers = ",>=1" * 2_500_000
        (where.project / "r.txt").write_text(f"bad>=1{specifiers} ; tags={targets}\n")
        result = refused(where, index, "-r", "r.txt")
        first, excerpt, _, hint = result.stderr.splitlines()
        assert first == "r.txt:1:1: error: requirement is too long (10000006 characters)"
        assert excerpt.startswith("    bad>=1,>=1,")
        assert excerpt.endswith("…")
        assert len(result.stderr) < 1000
        assert hint == "  is this a requirements file?"
        assert index.requests == ()

    def test_long_comment(self, where: Place, index: LocalIndex) -> None:
        """What is long but no requirement does no harm, and a caret in it can be seen."""
        filler = "why " * 2_500_000
        (where.project / "r.txt").write_text(f"good # {filler} # tags={LINUX}\n")
        assert download(index, "-r", "r.txt", cwd=where.project).exit_code == 0
        (where.project / "r.txt").write_text(f"good # {filler} # tags=nope # {filler}\n")
        lines = download(index, "-r", "r.txt", cwd=where.project).stderr.splitlines()
        assert lines[0] == "r.txt:1:10000016: error: nope is not a tag"
        assert lines[1][lines[2].index("^") :].startswith("nope # why")
        assert len(lines[1]) < 250

    def test_many_lines(self, where: Place, index: LocalIndex) -> None:
        lines = [f"p{number}==1 ; tags={LINUX}" for number in range(5000)]
        (where.project / "r.txt").write_text("\n".join([*lines, "p17==2 ; tags=" + LINUX]))
        result = refused(where, index, "-r", "r.txt")
        assert result.stderr.startswith(
            "r.txt:5001:1: error: p17 is pinned to 2 here and to 1 in r.txt:18:1, both for"
        )
        assert index.requests == ()


class TestWheels:
    """Wheels that are named by their path."""

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            (BAD, b"PK", f"{BAD} is not a valid wheel: it cannot be unpacked"),
            ("bad-1.whl", b"PK", "'bad-1'"),
        ],
        ids=["no archive", "no wheel's name"],
    )
    @pytest.mark.parametrize("form", ["typed", "file"])
    def test_path(
        self,
        where: Place,
        index: LocalIndex,
        name: str,
        content: bytes,
        said: str,
        form: str,
    ) -> None:
        (where.project / name).write_bytes(content)
        line = f"./{name} ; tags={WINDOWS}"
        (where.project / "r.txt").write_text(f"{line}\n")
        arguments = [line] if form == "typed" else ["-r", "r.txt"]
        result = refused(where, index, f"good ; tags={LINUX}", *arguments)
        assert said in result.stderr
        assert f"error: pip failed for {WINDOWS}; nothing was saved\n" in result.stderr

    def test_missing(self, where: Place, index: LocalIndex) -> None:
        result = refused(where, index, f"./{BAD} ; tags={WINDOWS}")
        assert f"1:1: error: the file ./{BAD} does not exist\n" in result.stderr
        assert index.requests == ()


class TestWords:
    """A clause in the wrong place, seen from the outside."""

    @pytest.mark.parametrize(
        "line",
        [
            f"--hash=sha256:00 ; tags={LINUX}",
            f"bad --hash=sha256:00 ; tags={LINUX}",
            f"bad ; tags={LINUX} ; os_name == 'nt'",
            f"-r other.txt # tags={LINUX}",
            f"; tags={LINUX}",
        ],
    )
    def test_clause_in_the_wrong_place(self, where: Place, index: LocalIndex, line: str) -> None:
        make_wheel(where.wheelhouse, "mine")
        (where.project / "r.txt").write_text(f"good ; tags={WINDOWS}\n{line}\n")
        result = refused(where, index, "-r", "r.txt")
        assert result.stderr.startswith("r.txt:2:")
        assert len(result.stderr.splitlines()) == 4
        assert index.requests == ()


@pytest.mark.parametrize("target", ["", f" ; tags={LINUX}"])
def test_a_constraint_with_extras_has_a_place(where: Place, index: LocalIndex, target: str) -> None:
    (where.project / "c.txt").write_text("good<2\nbad[a]==1.0  # not for us\n")
    result = refused(where, index, "-c", "c.txt", f"good{target}")
    assert result.stderr == (
        "c.txt:2:4: error: a constraint cannot have extras\n"
        "    bad[a]==1.0  # not for us\n"
        "       ^^^\n"
        "  write bad==1.0, and the extras in a requirement\n"
    )


@pytest.mark.parametrize("option", ["-c", "-r"])
@pytest.mark.parametrize("target", ["", f" ; tags={LINUX}"])
def test_a_remote_file_that_is_not_there_is_asked_for_once(
    where: Place, index: LocalIndex, target: str, option: str
) -> None:
    url = f"{index.base}/none.txt"
    result = refused(where, index, option, url, f"good{target}")
    assert result.stderr == f"error: cannot read {url}: the server answered 404 Not Found\n"
    assert index.count("/none.txt") == 1


@pytest.mark.parametrize("target", ["", f" ; tags={LINUX}"])
def test_a_server_that_cannot_be_reached_is_tried_once(
    where: Place, index: LocalIndex, target: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it does not listen
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/c.txt"
        result = refused(where, index, "--retries=1", "-c", url, f"good{target}")
    *retries, last = result.stderr.splitlines()
    assert len(retries) == result.stderr.count("Retrying") == 1
    assert last == f"error: cannot read {url}: Connection refused"


def test_a_slow_server_is_said_to_be_one(where: Place, index: LocalIndex) -> None:
    url = index.add_file("c.txt", b"good<2\n")
    index.fault("/c.txt", Stall(30))
    result = refused(where, index, "-c", url, f"good ; tags={LINUX}")
    assert result.stderr == f"error: cannot read {url}: there was no answer in time\n"
