"""What an index states about who published a file is kept beside it, if it is about the file."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.cli import download, environment, names, wheeltarget
from tests.support.here import run_here
from tests.support.index import LocalIndex, Stall, Status
from tests.support.interpreters import index_environment
from tests.support.provenance import provenance, provenance_of, statement
from tests.support.wheels import damage, make_wheel
from wheeltarget.commands.download.provenance import listed
from wheeltarget.utils.files import PROVENANCE_FILE

TAG = "cp312-cp312-manylinux_2_28_x86_64"
LIB, APP = "lib-1.0-py3-none-any.whl", "app-1.0-py3-none-any.whl"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return the folder that the index serves, with an application and its dependency."""
    shelf = tmp_path / "index"
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    return shelf


def attest(index: LocalIndex, path: Path, content: bytes | None = None) -> bytes:
    """Let an index serve the provenance of a file."""
    content = provenance_of(path) if content is None else content
    index.attest(path.name, index.add_file(f"/integrity/{path.name}", content))
    return content


def test_provenance_is_kept_beside_each_file(
    index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    content = attest(index, shelf / LIB)
    arguments = ("app", "--tags", f"{TAG},cp39-cp39-win_amd64")
    run = download(index, *arguments, "--provenance", "--report", "r.json", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    house = tmp_path / "wheelhouse"
    assert names(house) == [APP, LIB, f"{LIB}.provenance"]
    assert (house / f"{LIB}.provenance").read_bytes() == content
    assert f"note: no provenance is known of {APP}\n" in run.stderr
    assert run.stdout.count(f"Saved ./wheelhouse/{LIB} with its provenance\n") == 2
    assert f"Saved ./wheelhouse/{APP}\n" in run.stdout
    assert index.count(f"/integrity/{LIB}") == 1
    report = json.loads((tmp_path / "r.json").read_text())
    for target in report["targets"]:
        paths = {file["name"]: file["provenance"] for file in target["files"]}
        assert paths == {"app": None, "lib": str(house / f"{LIB}.provenance")}
    checked = run_here("check", "wheelhouse", "--tags", TAG, cwd=tmp_path)
    assert checked.exit_code == 0, checked.stdout
    again = download(index, *arguments, "--provenance", cwd=tmp_path)
    assert again.exit_code == 0, again.stderr
    assert names(house) == [APP, LIB, f"{LIB}.provenance"]


def test_nothing_is_fetched_unless_it_is_wanted(
    index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    attest(index, shelf / LIB)
    run = download(index, "app", "--tags", TAG, cwd=tmp_path)
    assert run.exit_code == 0
    run = download(index, "app", "--tags", TAG, "--provenance", "--dry-run", cwd=tmp_path)
    assert run.exit_code == 0
    assert index.count(f"/integrity/{LIB}") == 0
    assert names(tmp_path / "wheelhouse") == [APP, LIB]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (provenance(statement(LIB, "cd" * 32)), "it is about a file with the sha256 cdcd"),
        (provenance(statement(APP, "cd" * 32)), f"it is about {APP}: ask who runs the index why"),
        (b"<html>", "it is not valid JSON: "),
        (b" " * (PROVENANCE_FILE.size + 1), f"it has more than {PROVENANCE_FILE.size} bytes"),
    ],
    ids=["digest", "name", "page", "large"],
)
def test_what_is_not_about_the_file_is_not_kept(
    index: LocalIndex, shelf: Path, tmp_path: Path, content: bytes, reason: str
) -> None:
    attest(index, shelf / LIB, content)
    run = download(index, "lib", "--tags", TAG, "--provenance", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    assert f"note: the provenance of {LIB} was not kept: {reason}" in run.stderr
    assert names(tmp_path / "wheelhouse") == [LIB]
    quiet = download(index, "lib", "--tags", TAG, "--provenance", "--quiet", cwd=tmp_path)
    assert ("not kept" in quiet.stderr) == reason.startswith("it is about")


def test_provenance_that_cannot_be_fetched(index: LocalIndex, shelf: Path, tmp_path: Path) -> None:
    """For one reason there is one note, with all files."""
    for name in (APP, LIB):
        attest(index, shelf / name)
        index.fault(f"/integrity/{name}", Status(404))
    ftp, odd = make_wheel(shelf, "ftp").name, r"ftp://h.invalid/\x07"
    index.attest(ftp, "ftp://h.invalid/\x07")
    run = download(index, "app", "ftp", "--tags", TAG, "--provenance", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    notes = [line for line in run.stderr.splitlines() if "not kept" in line]
    assert notes == [
        f"note: the provenance of {ftp} was not kept: {odd} is not an HTTP URL",
        f"note: the provenance of {APP} and {LIB} was not kept: 404 Not Found",
    ]


def test_host_that_does_not_answer(index: LocalIndex, shelf: Path, tmp_path: Path) -> None:
    attest(index, shelf / LIB)
    index.fault(f"/integrity/{LIB}", Stall(60))
    options = ("--timeout", "1", "--retries", "0")
    run = download(index, "lib", "--tags", TAG, "--provenance", *options, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    assert f"the provenance of {LIB} was not kept: " in run.stderr
    assert names(tmp_path / "wheelhouse") == [LIB]


def test_index_with_a_password(shelf: Path, tmp_path: Path) -> None:
    """Pip's own session fetches the provenance, too; in a requirements file the URL is known."""
    with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106
        index.attest(LIB, "/integrity/lib")
        content = provenance_of(shelf / LIB)
        index.add_file("/integrity/lib", content)
        url = index.url.replace("://", "://me:secret@")
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(f"--index-url {url}\nlib ; tags={TAG}\n")
        options = ("-r", requirements.name, "--provenance", "--no-cache-dir", "-d", "house")
        run = wheeltarget("download", *options, cwd=tmp_path)
        assert run.exit_code == 0, run.stderr
    assert (tmp_path / f"house/{LIB}.provenance").read_bytes() == content
    assert "secret" not in run.stdout + run.stderr


def test_folder_as_an_index(shelf: Path, tmp_path: Path) -> None:
    page = tmp_path / "simple/lib/index.html"
    page.parent.mkdir(parents=True)
    beside = shelf / f"{LIB}.provenance"
    beside.write_bytes(provenance_of(shelf / LIB))
    link = f'href="{(shelf / LIB).as_uri()}" data-provenance="../../index/{beside.name}"'
    page.write_text(f"<a {link}>{LIB}</a>")
    index = (tmp_path / "simple").as_uri()
    options = ("lib", "--tags", TAG, "--provenance", "--index-url", index, "-d", "house")
    run = wheeltarget("download", *options, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    assert names(tmp_path / "house") == [LIB, beside.name]
    # pip does not mind it in a folder of wheels.
    command = [sys.executable, "-m", "pip", "download", "--no-index", "-d", "pip"]
    done = forks.run(
        [*command, "--find-links=house", "lib"], cwd=tmp_path, env=environment(), timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "provenance" not in done.stdout + done.stderr


def test_names_in_a_sentence() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


TOOL = "pypi-attestations==0.0.30"
REAL = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
PUBLISHER = (
    *("--circleci-project-id", "fdd9283f-e619-46af-8f9c-851f7d3e8b2b"),
    *("--circleci-pipeline-definition-id", "8e4f8ab2-8d7c-4827-9f15-de076d6d647f"),
)


@pytest.mark.network
def test_what_is_kept_is_verified_offline(index: LocalIndex, tmp_path: Path) -> None:
    """By the maintained tool, whose source has a real wheel with its provenance."""

    def pip(*arguments: str) -> None:
        command = [sys.executable, "-m", "pip", *arguments, TOOL]
        done = subprocess.run(
            command, env=index_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    pip("download", "--no-deps", "--no-binary=:all:", f"--dest={tmp_path}")
    pip("install", "--no-compile", f"--target={tmp_path / 'tools'}")
    with tarfile.open(next(tmp_path.glob("pypi_attestations-*.tar.gz"))) as archive:
        found = {Path(member.name).name: member for member in archive.getmembers()}
        wheel, content = (archive.extractfile(found[REAL + end]) for end in ("", ".provenance"))
        assert wheel is not None
        assert content is not None
        (tmp_path / "index" / REAL).write_bytes(wheel.read())
        index.attest(REAL, index.add_file("/integrity/real", content.read()))
    requirement = "circleci-sign-publish-example==0.0.1.dev137"
    run = download(index, requirement, "--tags", TAG, "--provenance", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    house = tmp_path / "wheelhouse"
    assert names(house) == [REAL, f"{REAL}.provenance"]

    def verify(*publisher: str) -> tuple[int, str]:
        kept = f"--provenance-file={house / REAL}.provenance"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pypi_attestations", "verify", "pypi", "--offline"),
                *(*publisher, kept, str(house / REAL)),
            ],
            env={
                # Requests would fail, and no certificates are known from before.
                **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
                "HOME": str(tmp_path / "home"),
                "PYTHONPATH": str(tmp_path / "tools"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    exit_code, output = verify(*PUBLISHER)
    assert (exit_code, f"OK: {REAL}" in output) == (0, True), output
    other = [text.replace("fdd9283f", "00000000") for text in PUBLISHER]
    assert verify(*other)[0] == 1
    damage(house / REAL)
    exit_code, output = verify(*PUBLISHER)
    assert exit_code == 1
    assert "subject does not match distribution digest" in output
