"""What is told of a download, and where its files go: dry runs, reports, folders, parallel jobs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Result, download, names, wheeltarget
from tests.support.index import LocalIndex, Status
from tests.support.output import files_by_target
from tests.support.projects import make_project
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.cli.output.text import format_size
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.wheelhouse.merge import folder_names

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"
APP, LIB = "app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"
BOTH = f"app ; tags={LINUX},{WINDOWS}"

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")

pytestmark = pytest.mark.seams


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder of the index: ``app`` needs ``lib``, and on Windows ``win``, too."""
    folder = tmp_path / "index"
    make_wheel(folder, "app", requires=["lib", "win ; sys_platform == 'win32'"])
    make_wheel(folder, "lib")
    make_wheel(folder, "win", tag="cp39-cp39-win_amd64")
    return folder


@pytest.fixture
def here(tmp_path: Path, shelf: Path) -> Path:  # noqa: ARG001 - it has to be filled
    """Give a working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def loaded(result: Result) -> Any:
    """Read the JSON of a run."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


class TestDryRun:
    """Everything is said and nothing is written."""

    def test_text(self, index: LocalIndex, here: Path, shelf: Path) -> None:
        sizes = {path.name: path.stat().st_size for path in shelf.iterdir()}
        result = download(index, "--dry-run", BOTH, cwd=here)
        assert result.exit_code == 0, result.stderr
        total = f"{(sizes[APP] + sizes[LIB]) / 1000:.1f} kB"
        assert result.stdout.partition("For cp39-cp39-win")[0] == (
            f"For {LINUX}:\n"
            f"Would save ./wheelhouse/{APP} ({sizes[APP]} bytes)\n"
            f"Would save ./wheelhouse/{LIB} ({sizes[LIB]} bytes)\n"
            f"Would fetch 2 files, {total}\n"
        )
        assert names(here) == []
        assert index.count(".whl") == 0

    def test_without_sizes_and_metadata(self, here: Path, shelf: Path) -> None:
        with LocalIndex(shelf, json=False, metadata=False) as index:
            result = download(index, "--dry-run", f"app ; tags={LINUX}", cwd=here)
        assert result.stdout.endswith(f"Would save ./wheelhouse/{LIB}\nWould fetch 2 files\n")
        assert names(here) == []

    def test_what_is_there(self, index: LocalIndex, here: Path) -> None:
        make_wheel(here / "wheelhouse", "lib")
        result = download(index, "--dry-run", f"app ; tags={LINUX}", cwd=here)
        assert f"Already there ./wheelhouse/{LIB}\nWould fetch 1 file, " in result.stdout
        assert names(here / "wheelhouse") == [LIB]

    def test_without_any_target(self, index: LocalIndex, here: Path, shelf: Path) -> None:
        make_sdist(shelf, "other")
        result = download(index, "--dry-run", "app", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith("For this interpreter:\nWould save ./wheelhouse/app-1.0")
        assert names(here) == []

    @pytest.mark.skipif(os.name != "posix", reason="folders have no such modes")
    def test_destination_that_cannot_be_written(self, index: LocalIndex, here: Path) -> None:
        arguments = ["--dry-run", f"app ; tags={LINUX}"]
        result = download(index, *arguments, cwd=here, destination="/proc/none/at/all")
        assert result.exit_code == 0, result.stderr

    @pytest.mark.parametrize("below", ["", "/house"])
    def test_destination_that_is_a_file(self, index: LocalIndex, here: Path, below: str) -> None:
        (here / "file").touch()
        arguments = ["--dry-run", f"app ; tags={LINUX}"]
        result = download(index, *arguments, cwd=here, destination=f"file{below}")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "file is a file" in result.stderr
        assert index.requests == ()

    def test_failure(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--dry-run", f"app==9 ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")

    def test_hole(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--dry-run", "--no-deps", f"app ; tags={LINUX}", cwd=here)
        assert result.exit_code == 0
        assert "Would fetch 1 file" in result.stdout

    def test_quiet(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--dry-run", "-q", f"app ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


class TestReport:
    """A file with everything that is known of what was taken."""

    def test_everything(self, index: LocalIndex, here: Path, shelf: Path) -> None:
        (here / "r.txt").write_text(f"# for all\napp>=1 # tags={LINUX}\n")
        result = download(
            index, "-r", "r.txt", f"lib ; tags={WINDOWS}", "--report=r.json", cwd=here
        )
        assert result.exit_code == 0, result.stderr
        report = json.loads((here / "r.json").read_text())
        assert (report["schema"], report["dry_run"], report["notes"]) == (1, False, [])
        linux, windows = report["targets"]
        assert (linux["label"], linux["python"][:4]) == (LINUX, "3.9.")
        assert (windows["label"], windows["tag"]) == (WINDOWS, WINDOWS)
        app, lib = sorted(linux["files"], key=lambda file: str(file["name"]))
        digest = hashlib.sha256((shelf / APP).read_bytes()).hexdigest()
        assert app == {
            "name": "app",
            "version": "1.0",
            "filename": APP,
            "url": f"{index.base}/files/{APP}",
            "size": (shelf / APP).stat().st_size,
            "hashes": {"sha256": digest},
            "requested_by": [{"requirement": "app>=1", "location": "r.txt:2:1"}],
            "path": str(here / "wheelhouse" / APP),
            "new": True,
            "yanked": None,
            "requires_python": None,
            "provenance": None,
        }
        assert lib["requested_by"] == [{"project": "app"}]
        (lib,) = windows["files"]
        requested_by = {"requirement": "lib", "location": "<command line>:1:1"}
        assert lib["requested_by"] == [requested_by]
        assert names(here) == ["r.json", "r.txt", "wheelhouse"]

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param("./folder", id="path"),
            pytest.param("./folder[more] ; python_version > '3'", id="extra-and-marker"),
            pytest.param("-e folder", id="editable"),
            pytest.param("{index}/files/lib-1.0-py3-none-any.whl ; python_version > '3'", id="url"),
            pytest.param("git+{folder}#egg=my-project", id="repository"),
        ],
    )
    def test_who_asks_for_a_place(self, index: LocalIndex, here: Path, line: str) -> None:
        folder = make_project(here / "folder", "my-project")
        git = ["git", "-c", "user.name=me", "-c", "user.email=me@x.invalid", "-C", str(folder)]
        for arguments in (
            ["init", "--quiet"],
            ["add", "."],
            ["commit", "--quiet", "--message=all"],
        ):
            subprocess.run([*git, *arguments], check=True)
        base = index.base.replace("://", "://me:secret@")
        line = line.format(index=base, folder=folder.as_uri())
        (here / "r.txt").write_text(f"{line}  # tags={LINUX}\n")
        arguments = ["--allow-sdist=my-project", "--dry-run", "--format=json", "-r", "r.txt"]
        (file,) = loaded(download(index, *arguments, cwd=here))["targets"][0]["files"]
        assert [requested_by["location"] for requested_by in file["requested_by"]] == ["r.txt:1:1"]

    def test_no_credentials(self, here: Path, shelf: Path) -> None:
        with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106 - a test
            guarded = index.base.replace("://", "://me:secret@")
            arguments = [
                f"--index-url={guarded}/simple",
                f"app @ {guarded}/files/{APP} ; tags={LINUX}",
            ]
            result = wheeltarget("download", *arguments, "--report", "r.json", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert "secret" not in (here / "r.json").read_text() + result.stdout + result.stderr

    def test_kept_where_the_run_fails(self, index: LocalIndex, here: Path) -> None:
        (here / "r.json").write_text("old")
        result = download(index, f"app==9 ; tags={LINUX}", "--report=r.json", cwd=here)
        assert result.exit_code == 1
        assert (here / "r.json").read_text() == "old"
        assert names(here) == ["r.json"]

    @pytest.mark.parametrize(
        ("place", "why"),
        [
            ("wheelhouse/r.json", "the folder wheelhouse does not exist\n  create it first, or "),
            ("none/below/r.json", "the folder none/below does not exist\n  create it first, or "),
            (".", "it is a folder\n  name a file in it\n"),
            ("file/r.json", "file is a file, not a folder\n"),
            ("link.json", "the folder {here}/gone does not exist\n"),
        ],
    )
    def test_cannot_be_written(self, index: LocalIndex, here: Path, place: str, why: str) -> None:
        (here / "file").write_text("a file")
        (here / "link.json").symlink_to("gone/r.json")
        result = download(index, f"app ; tags={LINUX}", "--report", place, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        said = f"error: cannot write {place}: {why.format(here=here)}"
        assert result.stderr.startswith(said)
        assert index.requests == ()
        assert names(here) == ["file", "link.json"]

    @pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8")
    def test_beside_a_destination_that_is_not_utf8(self, index: LocalIndex, here: Path) -> None:
        place = os.fsdecode(b"caf\xe9")
        # The helper of the tests could not decode what is printed.
        arguments = [f"app ; tags={LINUX}", "--report=r.json", "--quiet"]
        result = download(index, *arguments, cwd=here, destination=place)
        assert result.exit_code == 0, result.stderr
        written = json.loads((here / "r.json").read_bytes())
        (file, *_) = written["targets"][0]["files"]
        assert file["path"] == str(here / place / APP)

    @pytest.mark.parametrize("length", [226, 250, 255])
    def test_of_a_destination_with_a_long_name(
        self, index: LocalIndex, here: Path, length: int
    ) -> None:
        place = "d" * length
        result = download(index, f"app ; tags={LINUX}", cwd=here, destination=place)
        assert result.exit_code == 0, result.stderr
        assert names(here) == [place]

    def test_in_a_destination_that_is_there(self, index: LocalIndex, here: Path) -> None:
        (here / "wheelhouse").mkdir()
        result = download(index, f"app ; tags={LINUX}", "--report=wheelhouse/r.json", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == [APP, LIB, "r.json"]

    @posix_only
    def test_to_a_pipe(self, index: LocalIndex, here: Path) -> None:
        os.mkfifo(here / "pipe")
        with subprocess.Popen(["cat", "pipe"], cwd=here, stdout=subprocess.PIPE) as reader:
            result = download(index, f"app ; tags={LINUX}", "--report=pipe", cwd=here)
            if not (here / "pipe").is_fifo():
                reader.kill()  # it would wait for ever
            written, _ = reader.communicate()
        assert result.exit_code == 0, result.stderr
        assert json.loads(written)["schema"] == 1
        assert names(here) == ["pipe", "wheelhouse"]

    @posix_only
    def test_through_a_link(self, index: LocalIndex, here: Path) -> None:
        (here / "reports").mkdir()
        (here / "link.json").symlink_to("reports/r.json")
        for _ in range(2):
            result = download(index, f"app ; tags={LINUX}", "--report=link.json", cwd=here)
            assert result.exit_code == 0, result.stderr
            assert (here / "link.json").is_symlink()
            assert names(here / "reports") == ["r.json"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
    def test_device_that_is_full(self, index: LocalIndex, here: Path) -> None:
        result = download(index, f"app ; tags={LINUX}", "--report=/dev/full", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines()[-2:] == [
            "error: cannot write /dev/full: No space left on device",
            "  all else is done",
        ]
        assert APP in names(here / "wheelhouse")

    def test_to_standard_output(self, index: LocalIndex, here: Path) -> None:
        result = download(index, f"app ; tags={LINUX}", "--report=-", cwd=here)
        assert loaded(result)["schema"] == 1
        assert names(here) == ["wheelhouse"]

    def test_of_a_run_without_targets(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "app", "--report=r.json", cwd=here)
        assert result.exit_code == 0, result.stderr
        (target,) = json.loads((here / "r.json").read_text())["targets"]
        assert (target["label"], target["tag"], target["python"]) == (
            "this interpreter",
            None,
            None,
        )
        assert {file["filename"] for file in target["files"]} == {APP, LIB}


class TestJson:
    """The same on standard output, and nothing else there."""

    def test_same_as_the_report(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--format=json", "--report=r.json", BOTH, cwd=here)
        assert loaded(result) == json.loads((here / "r.json").read_text())

    def test_dry_run(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--format", "json", "--dry-run", BOTH, cwd=here)
        assert loaded(result)["dry_run"] is True
        assert names(here) == []

    def test_notes_are_in_it(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--format=json", f"app ; tags={LINUX}", "lib", cwd=here)
        note = "<command line>:2:1: lib has no target; assuming this interpreter"
        assert loaded(result)["notes"] == [note]

    def test_unknown_format(self, here: Path) -> None:
        result = wheeltarget("download", "--format=yaml", "app", cwd=here)
        assert (result.exit_code, result.stdout) == (2, "")


class TestByTarget:
    """A folder for each target."""

    def test_folders(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--by-target", BOTH, "lib", cwd=here)
        assert result.exit_code == 0, result.stderr
        house = here / "wheelhouse"
        assert names(house) == [LINUX, WINDOWS, "this-interpreter"]
        assert names(house / LINUX) == [APP, LIB]
        assert names(house / WINDOWS) == [APP, LIB, "win-1.0-cp39-cp39-win_amd64.whl"]
        assert f"Saved ./wheelhouse/{LINUX}/{APP}\n" in result.stdout
        assert index.count(f"files/{APP}") == 1

    def test_second_run(self, index: LocalIndex, here: Path) -> None:
        download(index, "--by-target", f"lib ; tags={LINUX}", cwd=here)
        index.clear()
        result = download(index, "--by-target", BOTH, cwd=here)
        assert f"Already there ./wheelhouse/{LINUX}/{LIB}\n" in result.stdout
        assert f"Saved ./wheelhouse/{WINDOWS}/{LIB}\n" in result.stdout

    def test_two_contents_of_one_name_may_be(self, here: Path, tmp_path: Path) -> None:
        make_wheel(tmp_path / "a", "lib")
        make_wheel(tmp_path / "b", "lib", files={"more.py": b""})
        arguments = [
            "--no-index",
            *(f"{tmp_path}/{f}/{LIB} ; tags={t}" for f, t in (("a", LINUX), ("b", WINDOWS))),
        ]
        clash = wheeltarget("download", "-d", "house", *arguments, cwd=here)
        assert clash.exit_code == 1
        assert "(--by-target)" in clash.stderr
        result = wheeltarget("download", "-d", "house", "--by-target", *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr

    def test_without_any_target(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--by-target", "lib", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == ["this-interpreter"]

    def test_failure_leaves_nothing(self, index: LocalIndex, here: Path) -> None:
        (here / "wheelhouse").mkdir()
        (here / "wheelhouse" / WINDOWS).write_text("in the way")
        for arguments in ([], ["--dry-run"]):
            result = download(index, "--by-target", BOTH, *arguments, cwd=here)
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr == (
                f"error: {here / 'wheelhouse' / WINDOWS} is a file, not a folder\n"
                "  move it away, or choose another folder\n"
            )
        assert index.requests == ()
        assert names(here / "wheelhouse") == [WINDOWS]

    def test_folder_in_the_place_of_a_file(self, index: LocalIndex, here: Path) -> None:
        place = here / "wheelhouse" / WINDOWS / APP
        place.mkdir(parents=True)
        result = download(index, "--by-target", BOTH, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith(f"error: cannot write {place}: Is a directory\n")
        assert names(here / "wheelhouse") == [WINDOWS]

    def test_names(self) -> None:
        labels = ["a/b c", "a-b-c", "../x", "A-B-C", "…", "cp36-cp36m-x.y"]
        expected = ["a-b-c", "a-b-c-2", "x", "A-B-C-3", "target", "cp36-cp36m-x.y"]
        assert list(folder_names(labels)) == expected


class TestJobs:
    """Several processes of pip's."""

    @pytest.mark.parametrize("jobs", ["1", "2", "3", "9"])
    def test_same_files(self, index: LocalIndex, here: Path, jobs: str) -> None:
        mac = "cp310-cp310-macosx_11_0_arm64"
        requirement = f"app ; tags={LINUX},{WINDOWS},{mac}"
        result = download(index, "--jobs", jobs, requirement, cwd=here)
        assert result.exit_code == 0, result.stderr
        found = files_by_target(result.stdout)
        assert list(found) == [LINUX, WINDOWS, mac]
        assert found[LINUX] == [APP, LIB]
        said = [line for line in result.stderr.splitlines() if line.startswith("Resolving for")]
        assert said == [f"Resolving for {label}" for label in found]

    def test_host_is_asked_no_more_at_once(self, tmp_path: Path, here: Path) -> None:
        projects = [f"lib{number}" for number in range(9)]
        for project in projects:
            make_wheel(tmp_path / "many", project)
        environment = {"WHEELTARGET_CONNECTIONS": "4"}
        with LocalIndex(tmp_path / "many", delay=0.05) as index:
            arguments = (*projects, f"--tags={LINUX},{WINDOWS}")
            done = download(index, "--jobs=2", *arguments, cwd=here, variables=environment)
            assert done.exit_code == 0, done.stderr
            assert 1 < index.most_at_once <= 4

    def test_failure(self, index: LocalIndex, here: Path) -> None:
        arguments = [f"app ; tags={LINUX}", f"app==9 ; tags={WINDOWS}"]
        result = download(index, "--jobs=2", *arguments, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"error: pip failed for {WINDOWS}; nothing was saved" in result.stderr
        assert "No matching distribution found for app==9" in result.stderr
        assert names(here) == []

    def test_nobody_is_asked(self, here: Path, shelf: Path) -> None:
        with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106 - a test
            result = download(index, "--jobs=2", BOTH, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "User for" not in result.stderr

    @pytest.mark.parametrize("jobs", ["0", "-1", "many"])
    def test_no_number(self, here: Path, jobs: str) -> None:
        result = wheeltarget("download", f"--jobs={jobs}", "app", cwd=here)
        assert result.exit_code == 2

    def test_one_that_has_trouble(self, index: LocalIndex, here: Path) -> None:
        index.fault(APP, Status(500))
        result = download(index, "--retries=0", "--jobs=2", BOTH, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.count("500") >= 2
        assert names(here) == []


def test_help_is_ours_then_pips(here: Path) -> None:
    result = wheeltarget("download", "--help", cwd=here, variables={"COLUMNS": "80"})
    assert result.exit_code == 0
    ours, pips = result.stdout.split("All options of pip download:")
    for option in ("--tags", "--by-target", "--allow-sdist", "--dry-run", "--report", "--jobs"):
        assert option in ours
    for option in ("--no-deps", "--index-url", "--find-links", "--proxy"):
        assert option in pips
        assert option not in ours
    short = wheeltarget("download", "-h", cwd=here, variables={"COLUMNS": "80"})
    assert short.stdout == result.stdout


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_500_000, "2.5 MB")],
)
def test_format_size(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    "change", [{"dry_run": True}, {"allow_sdist": ("x",)}, {"build_pure": ("x",)}]
)
def test_what_does_more_than_fill_the_destination_is_not_repeated(change: dict[str, Any]) -> None:
    usual = DownloadRequest(("one",), by_target=True)
    assert (replace(usual, **change).is_repeatable, usual.is_repeatable) == (False, True)


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"tags": ("x",), "processes": 2, "refresh": True}, False),
        ({"dry_run": True}, True),
        ({"by_target": True}, True),
        ({"report": Path("x")}, True),
        ({"only_jobs": ("x",)}, True),
        ({"wants_outcome": True}, True),
    ],
)
def test_what_pip_alone_cannot_do(change: dict[str, Any], more: bool) -> None:
    assert DownloadRequest(("one",), **change).wants_more_than_pip is more
