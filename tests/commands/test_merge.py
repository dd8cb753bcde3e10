"""Past one machine: one job of a run, and wheelhouses joined as if there had been one run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT, download, environment, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.commands.download.download import select_jobs
from wheeltarget.commands.merge import MergeRequest, merge
from wheeltarget.errors import ClashError, DestinationError, UsageError
from wheeltarget.staging.folders import Folder
from wheeltarget.utils.files import Digest, Hashes

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
APP, ONLY, LIB = "app-1.0-py3-none-any.whl", "only-1.0-py3-none-any.whl", "lib-{}-py3-none-any.whl"
REQUIREMENTS = f"app ; tags={LINUX},{WINDOWS}\nlib<2 ; tags={LINUX}\nhere ; target=host\n"


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Return a folder with requirements for three targets, each of which gets something else."""
    shop = tmp_path / "index"
    make_wheel(shop, "app", requires=["lib", 'only ; sys_platform == "win32"'])
    for name, version in (("lib", "1.0"), ("lib", "2.0"), ("only", "1.0"), ("here", "1.0")):
        make_wheel(shop, name, version)
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a folder by its path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


class TestOnlyJob:
    """One job of a run is what the whole run does for its target."""

    def test_jobs_apart_and_merged_are_the_whole_run(
        self, project: Path, index: LocalIndex
    ) -> None:
        arguments = ["-r", "requirements.txt", "--by-target"]
        assert download(index, *arguments, cwd=project, destination="whole").exit_code == 0
        plan = download(index, *arguments, "--dry-run", "--format=json", cwd=project)
        jobs = json.loads(plan.stdout)["targets"]
        assert [job["label"] for job in jobs] == [LINUX, WINDOWS, "this interpreter"]
        assert [job["folder"] for job in jobs] == [LINUX, WINDOWS, "this-interpreter"]
        for number, job in enumerate(jobs):
            name = job["label"] if number % 2 else job["folder"]
            done = download(
                index, *arguments, "--only-job", name, cwd=project, destination=f"parts/{number}"
            )
            assert done.exit_code == 0, done.stderr
            assert "note:" not in done.stderr
            assert re.findall("^For (.*):$", done.stdout, re.MULTILINE) == [job["label"]]
            assert names(project / "parts" / str(number)) == [job["folder"]]
        parts = [f"parts/{number}" for number in range(len(jobs))]
        merged = wheeltarget("merge", *parts, "-d", "merged", cwd=project)
        assert (merged.exit_code, merged.stderr) == (0, "")
        assert contents(project / "merged") == contents(project / "whole")
        assert len(contents(project / "merged")) == 6

    def test_several_jobs_in_one_folder(self, project: Path, index: LocalIndex) -> None:
        only = [f"--only-job={WINDOWS}", f"--only-job={LINUX}"]
        done = download(index, "-r", "requirements.txt", *only, cwd=project)
        assert done.exit_code == 0, done.stderr
        assert names(project / "wheelhouse") == [APP, LIB.format("1.0"), LIB.format("2.0"), ONLY]
        assert "note: lib differs: 1.0 for" in done.stderr

    def test_other_job_cannot_spoil_it(self, project: Path, index: LocalIndex) -> None:
        (project / "requirements.txt").write_text(f"{REQUIREMENTS}nothing ; tags={LINUX}\n")
        arguments = ["-r", "requirements.txt", "--allow-sdist=only"]
        done = download(index, *arguments, "--only-job", WINDOWS, cwd=project)
        assert done.exit_code == 0, done.stderr
        assert "note:" not in done.stderr, "whether another job needs the source is not known"

    def test_name_of_no_job(self, project: Path, index: LocalIndex) -> None:
        arguments = ["--only-job=cp39", f"--only-job={LINUX}", "--only-job", ""]
        done = download(index, "-r", "requirements.txt", *arguments, cwd=project)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == (
            "error: --only-job: there is no job 'cp39', ''\n"
            f"  the jobs of this run are: {LINUX}, {WINDOWS}, this interpreter\n"
        )
        assert names(project) == ["requirements.txt"]
        assert index.requests == ()

    def test_one_label_for_two_jobs(self) -> None:
        labels, folders = ["box", "box", "lamp"], ["box", "box-2", "lamp"]
        assert select_jobs(labels, folders, ["box"]) == (0, 1)
        assert select_jobs(labels, folders, ["box-2"]) == (1,)
        assert select_jobs(labels, folders, []) == (0, 1, 2)


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """Return two wheelhouses that share a wheel, with a lock in each."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        make_wheel(folder, "lib")
        make_wheel(folder, folder.name)
        (folder / f"pylock.{folder.name}.toml").write_text(f"# {folder.name}\n")
    return first, second


class TestMerge:
    """Files once, all or nothing, and no other file changed."""

    def test_json(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        (parts[0] / "README").write_text("mine")
        (parts[0] / ".hidden").write_text("mine")
        before = [contents(folder) for folder in parts]
        arguments = ["merge", "first", "second", "first", "-d", "all/in/one", "--format", "json"]
        done = wheeltarget(*arguments, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        outcome = json.loads(done.stdout)
        files = {file["name"]: file for file in outcome["files"]}
        whole = tmp_path / "all" / "in" / "one"
        assert sorted(files) == names(whole)
        assert len(files) == 5
        lib = files[LIB.format("1.0")]
        assert lib["sources"] == [f"first/{LIB.format('1.0')}", f"second/{LIB.format('1.0')}"]
        assert (lib["new"], lib["size"]) == (True, (whole / lib["name"]).stat().st_size)
        assert outcome["notes"] == [
            "not merged from first, since neither distributions nor locks: README"
        ]
        assert [contents(folder) for folder in parts] == before
        assert (parts[0] / lib["name"]).stat().st_nlink == 1

    def test_into_one_of_them_and_again(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        first, second = parts
        outcome = merge(MergeRequest((first, second), first))
        assert {file.name: file.new for file in outcome.files} == {
            "first-1.0-py3-none-any.whl": False,
            LIB.format("1.0"): False,
            "pylock.first.toml": False,
            "pylock.second.toml": True,
            "second-1.0-py3-none-any.whl": True,
        }
        time = first.stat().st_mtime_ns
        again = wheeltarget("merge", "first", "second", "--dest=first", cwd=tmp_path)
        assert (again.exit_code, again.stderr) == (0, "")
        assert again.stdout.endswith("Merged 2 wheelhouses: 5 files, 0 new\n")
        assert "Already there ./first/pylock.second.toml\n" in again.stdout
        assert first.stat().st_mtime_ns == time

    @pytest.mark.parametrize(
        ("name", "hint"),
        [(LIB.format("1.0"), "--by-target"), ("pylock.first.toml", "a target has one lock")],
    )
    def test_two_contents(
        self, parts: tuple[Path, Path], tmp_path: Path, name: str, hint: str
    ) -> None:
        (parts[1] / name).write_bytes(b"another")
        done = wheeltarget("merge", "first", "second", "-d", "all", cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (1, "")
        message = f"error: {name} is two different files: first/{name} and second/{name}\n"
        assert done.stderr.startswith(message)
        assert hint in done.stderr
        assert names(tmp_path) == ["first", "second"]

    def test_same_name_for_two_targets(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        for folder, target in zip(parts, ("linux", "windows"), strict=True):
            make_wheel(folder / target, "own", files={"own.py": target.encode()})
            (folder / target / "deeper").mkdir()
            make_wheel(folder / target / "deeper", "lost")
        outcome = merge(MergeRequest(parts, tmp_path / "all"))
        own = [
            file.name for file in outcome.files if file.name.endswith("own-1.0-py3-none-any.whl")
        ]
        assert own == ["linux/own-1.0-py3-none-any.whl", "windows/own-1.0-py3-none-any.whl"]
        assert [note.rpartition(": ")[2] for note in outcome.notes] == [
            "linux/deeper/lost-1.0-py3-none-any.whl",
            "windows/deeper/lost-1.0-py3-none-any.whl",
        ]

    def test_note_on_versions_that_differ(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        for folder, version in zip(parts, ("1.5", "2.0"), strict=True):
            make_wheel(folder, "other", version)
            make_wheel(folder / version, "own", version)
        make_wheel(parts[1], "other", "1.5")
        (parts[0] / "odd.zip").write_bytes(b"a checkout, as pip keeps it")
        done = wheeltarget("merge", "first", "second", "-d", "all", cwd=tmp_path)
        assert (done.exit_code, done.stderr) == (
            0,
            "note: other differs: 1.5 from first, second; 2.0 from second\n",
        )

    def test_note_on_a_replaced_file(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "all").mkdir()
        lock = tmp_path / "all" / "pylock.first.toml"
        lock.write_text("# yesterday's\n")
        outcome = merge(MergeRequest(parts, tmp_path / "all"))
        assert outcome.notes == (f"{lock} had other content before and was replaced",)
        assert lock.read_text() == "# first\n"

    def test_failure_leaves_everything(
        self, parts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "all").mkdir()
        (tmp_path / "all" / "pylock.first.toml").write_text("# yesterday's\n")
        before = contents(tmp_path)
        real, moved = Folder.take, []

        def fail(self: Folder, path: str, name: str) -> None:
            moved.append(name)
            if len(moved) == 3:
                raise OSError(5, "the disk has gone")
            real(self, path, name)

        monkeypatch.setattr(Folder, "take", fail)
        with pytest.raises(DestinationError, match="the disk has gone"):
            merge(MergeRequest(parts, tmp_path / "all"))
        assert contents(tmp_path) == before
        assert names(tmp_path) == ["all", "first", "second"]

    @pytest.mark.skipif(sys.platform == "win32", reason="only an administrator makes links there")
    def test_link_to_nothing(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        link = parts[0] / "gone-1.0-py3-none-any.whl"
        link.symlink_to(tmp_path / "nowhere")
        done = wheeltarget("merge", "first", "second", "-d", "all", cwd=tmp_path)
        message = "error: cannot read first/gone-1.0-py3-none-any.whl: No such file or directory\n"
        assert (done.exit_code, done.stdout, done.stderr) == (3, "", message)
        assert names(tmp_path) == ["first", "second"]

    def test_file_that_cannot_be_read(
        self, parts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_self: Hashes, path: Path) -> Digest:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Hashes, "of", fail)
        with pytest.raises(DestinationError, match=r"cannot read \S+first\S+: Permission denied"):
            merge(MergeRequest(parts, tmp_path / "all"))
        assert names(tmp_path) == ["first", "second"]

    def test_nothing_in_it(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        outcome = merge(MergeRequest((parts[0], tmp_path / "empty"), tmp_path / "all"))
        assert outcome.notes == (f"{tmp_path / 'empty'} contains no distributions and no locks",)
        assert names(tmp_path / "all") == names(parts[0])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("merge first gone lost -d all", "gone, lost are not folders"),
            ("merge first -d first/all", "is inside first, which is to be merged"),
            ("merge -d all", "Missing argument"),
            ("merge first", "Missing option"),
        ],
    )
    def test_wrong_arguments(
        self, parts: tuple[Path, Path], tmp_path: Path, arguments: str, message: str
    ) -> None:
        done = wheeltarget(*arguments.split(), cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
        assert names(tmp_path) == ["first", "second"]
        assert len(names(parts[0])) == 3

    @pytest.mark.usefixtures("parts")
    def test_destination_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "all").write_text("mine")
        done = wheeltarget("merge", "first", "-d", "all", cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (3, "")
        assert "is a file, not a folder" in done.stderr
        assert (tmp_path / "all").read_text() == "mine"

    def test_errors_are_raised_to_programs(self, parts: tuple[Path, Path], tmp_path: Path) -> None:
        (parts[1] / LIB.format("1.0")).write_bytes(b"another")
        with pytest.raises(ClashError):
            merge(MergeRequest(parts, tmp_path / "all"))
        with pytest.raises(UsageError):
            merge(MergeRequest((tmp_path / "gone",), tmp_path / "all"))


def documented(language: str) -> str:
    """Return the only block of a language on the page about machines."""
    page = (ROOT / "docs" / "merge.md").read_text("utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(block)


@pytest.fixture
def commands(tmp_path: Path, index: LocalIndex) -> dict[str, str]:
    """Return the variables of a machine that has wheeltarget, Python, and the index."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for name, arguments in {"wheeltarget": "-m wheeltarget", "python": "", "python3": ""}.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (folder / name).chmod(0o755)
    return environment(
        PATH=f"{folder}{os.pathsep}{os.environ['PATH']}",
        PIP_INDEX_URL=index.url,
        PIP_TRUSTED_HOST="127.0.0.1",
        PIP_NO_CACHE_DIR="1",
    )


def run_steps(text: str) -> list[str]:
    """Return the commands of a workflow's steps, but for those that install wheeltarget."""
    steps = re.findall(r"^( +)(?:- )?run: (?:\|\n((?:\1  .*\n)+)|(.*)\n)", text, re.MULTILINE)
    found = [block or line for _, block, line in steps]
    return [step for step in found if "pip install" not in step]


@pytest.mark.thorough
def test_documented_workflow(
    project: Path, index: LocalIndex, commands: dict[str, str], tmp_path: Path
) -> None:
    plan, fetch, join = run_steps(documented("yaml"))
    assert (
        download(index, "-r", "requirements.txt", cwd=project, destination="whole").exit_code == 0
    )

    def run(step: str, folder: Path, **variables: str) -> None:
        shutil.copy(project / "requirements.txt", folder)
        arguments = ["bash", "-e", "-o", "pipefail", "-c", step]
        subprocess.run(arguments, cwd=folder, env={**commands, **variables}, check=True)

    machine = tmp_path / "planner"
    machine.mkdir()
    run(plan, machine, GITHUB_OUTPUT=str(machine / "output"))
    name, _, value = (machine / "output").read_text().partition("=")
    assert (name, json.loads(value)) == ("jobs", [LINUX, WINDOWS, "this-interpreter"])
    joiner = tmp_path / "joiner"
    for job in json.loads(value):
        machine = tmp_path / f"machine {job}"
        machine.mkdir()
        run(fetch, machine, JOB=job)
        # What the actions for artifacts do.
        shutil.copytree(machine / "wheelhouse", joiner / "parts" / f"wheels-{job}")
    run(join, joiner)
    assert contents(joiner / "wheelhouse") == contents(project / "whole")


@pytest.mark.thorough
def test_documented_makefile(project: Path, index: LocalIndex, commands: dict[str, str]) -> None:
    (project / "Makefile").write_text(documented("make"))
    assert (
        download(index, "-r", "requirements.txt", cwd=project, destination="whole").exit_code == 0
    )

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments],
            cwd=project,
            env=commands,
            capture_output=True,
            text=True,
            check=False,
        )

    done = make("-s", "-j3", "wheels")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert contents(project / "wheelhouse") == contents(project / "whole")
    assert make("-q", "wheels").returncode == 0
    os.utime(project / ".jobs.mk", (0, 0))
    (project / "requirements.txt").write_text(f"only ; tags={WINDOWS}\nnothing ; tags={LINUX}\n")
    failed = make("-s", "-j3", "wheels")
    assert failed.returncode == 2
    assert "nothing" in failed.stderr
    assert contents(project / "wheelhouse") == contents(project / "whole")


def test_provenance_is_merged_with_its_file(tmp_path: Path) -> None:
    """An index may change it, so the first one is taken; one without its file stays behind."""
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        beside = Path(f"{make_wheel(folder, 'app')}.provenance")
        beside.write_text(folder.name)
        (folder / "lib-1.0.tar.gz.provenance").write_text("alone")
    outcome = merge(MergeRequest(folders, tmp_path / "all"))
    assert names(tmp_path / "all") == [APP, f"{APP}.provenance"]
    assert (tmp_path / f"all/{APP}.provenance").read_text() == "first"
    assert (
        f"not merged from {folders[0]}, since neither distributions nor locks: "
        in (outcome.notes[0])
    )
