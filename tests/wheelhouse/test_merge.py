"""One folder for the files of every target: each once, all at once, or nothing."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import command, download, environment, names
from tests.support.index import LocalIndex, Stall, Status
from tests.support.output import files_by_target
from tests.support.wheels import make_wheel
from wheeltarget.wheelhouse.merge import folder_names, note_differing

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"
BOTH = f"tags={LINUX},{WINDOWS}"
APP, LIB = "app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Return a folder to work in; the index has ``app``, which needs ``lib``."""
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    make_wheel(tmp_path / "index", "lib")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files that every run of the test uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder))
    return folder


def test_shared_file_is_fetched_and_kept_once(
    project: Path, temporary: Path, index: LocalIndex
) -> None:
    result = download(index, f"app ; {BOTH}", "lib ; target=host", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert files_by_target(result.stdout) == {
        LINUX: [APP, LIB],
        WINDOWS: [APP, LIB],
        "this interpreter": [LIB],
    }
    assert result.stdout.count("Saved ") == 5, "each target's files are named for it"
    assert [index.count(f"/files/{name}") for name in (APP, LIB)] == [1, 1]
    assert names(project) == ["wheelhouse"]
    assert names(project / "wheelhouse") == [APP, LIB]
    assert names(temporary) == []


def test_same_content_from_two_places(project: Path, index: LocalIndex, tmp_path: Path) -> None:
    wheel = tmp_path / "index" / LIB
    url = index.add_file(f"mirror/{LIB}", wheel.read_bytes())
    arguments = [f"{wheel} ; tags={LINUX}", f"lib @ {url} ; tags={WINDOWS}", "lib ; target=host"]
    result = download(index, *arguments, cwd=project)
    assert result.exit_code == 0, result.stderr
    assert names(project / "wheelhouse") == [LIB]
    assert (project / "wheelhouse" / LIB).read_bytes() == wheel.read_bytes()
    assert wheel.stat().st_nlink == 1, "somebody's own file is copied, not linked"


class TestClash:
    """Two files of one name: both origins are message, and nothing is placed."""

    def test_two_urls(self, project: Path, temporary: Path, index: LocalIndex) -> None:
        urls = [
            index.add_file(
                f"{build}/{LIB}",
                make_wheel(
                    project / "builds", "lib", files={"lib.py": build.encode()}
                ).read_bytes(),
            )
            for build in ("nightly", "release")
        ]
        (project / "builds" / LIB).unlink()
        (project / "builds").rmdir()
        arguments = [f"lib @ {urls[0]} ; tags={LINUX}", f"lib @ {urls[1]} ; tags={WINDOWS}"]
        result = download(index, *arguments, f"app ; {BOTH}", cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.partition("\nerror: ")[2] == (
            f"{LIB} is two different files: {urls[0]} for {LINUX} and {urls[1]} for {WINDOWS}\n"
            "  give each target its own folder (--by-target), or both the same index\n"
        )
        assert names(project) == names(temporary) == []

    def test_path_and_index(self, project: Path, index: LocalIndex) -> None:
        """A wheel that was built again under its old version, which a person can well have."""
        local = make_wheel(project / "dist", "lib", files={"lib.py": b"patched"})
        (project / "wheelhouse").mkdir()
        (project / "wheelhouse" / "other.txt").write_text("mine")
        arguments = [f"./dist/{LIB} ; tags={LINUX}", f"app ; tags={WINDOWS}"]
        result = download(index, *arguments, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        error = result.stderr.partition("\nerror: ")[2]
        assert f"{local.as_uri()} for {LINUX}" in error
        assert f"{index.base}/files/{LIB} for {WINDOWS}" in error
        assert names(project / "wheelhouse") == ["other.txt"]


class TestDestination:
    """What becomes of the destination, and of what is there already."""

    def test_missing_and_nested(self, project: Path, temporary: Path, index: LocalIndex) -> None:
        before = os.umask(0o027)
        try:
            result = download(index, f"app ; {BOTH}", cwd=project, destination="a/b c/../d/e")
        finally:
            os.umask(before)
        assert result.exit_code == 0, result.stderr
        assert "Saved ./a/d/e/app-1.0-py3-none-any.whl\n" in result.stdout
        assert names(project / "a" / "d" / "e") == [APP, LIB]
        assert [names(project), names(project / "a"), names(temporary)] == [["a"], ["d"], []]
        modes = [
            stat.S_IMODE(path.stat().st_mode)
            for path in (project / "a", project / "a" / "d" / "e", project / "a" / "d" / "e" / APP)
        ]
        assert modes == [0o750, 0o750, 0o640], "as pip makes them"

    def test_right_file_is_kept(self, project: Path, temporary: Path, index: LocalIndex) -> None:
        house = project / "wheelhouse"
        kept = make_wheel(house, "lib")
        (house / "other.txt").write_text("mine")
        os.utime(kept, (1, 1))
        before = kept.stat()
        result = download(index, f"app ; {BOTH}", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert names(house) == [APP, LIB, "other.txt"]
        after = kept.stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (
            before.st_ino,
            before.st_mtime_ns,
            1,
        )
        assert [index.count(f"/files/{name}") for name in (APP, LIB)] == [1, 0]
        assert f"File was already downloaded {kept}" in result.stderr
        assert f"Already there ./wheelhouse/{LIB}" in result.stdout

        # Once all is there the folder itself is not touched: make and its like go by its time.
        os.utime(house, (2, 2))
        index.clear()
        again = download(index, f"app ; {BOTH}", cwd=project)
        assert again.exit_code == 0, again.stderr
        assert "Saved" not in again.stdout
        assert not any(request.path.endswith(".whl") for request in index.requests)
        assert house.stat().st_mtime_ns == 2 * 10**9
        assert names(project) == ["wheelhouse"]
        assert names(temporary) == []

    def test_wrong_file_is_replaced(self, project: Path, index: LocalIndex, tmp_path: Path) -> None:
        house = project / "wheelhouse"
        stale = make_wheel(house, "lib", files={"lib.py": b"stale"})
        result = download(index, f"app ; {BOTH}", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert f"WARNING: Previously-downloaded file {stale} has bad hash. Re-downloading." in (
            result.stderr
        )
        assert stale.read_bytes() == (tmp_path / "index" / LIB).read_bytes()
        assert f"Saved ./wheelhouse/{LIB}" in result.stdout
        assert names(house) == [APP, LIB]

    def test_wrong_file_is_replaced_once(self, project: Path, index: LocalIndex) -> None:
        """As pip alone has it: it removes the file at its first warning."""
        make_wheel(project / "wheelhouse", "lib", files={"lib.py": b"stale"})
        result = download(index, f"app ; {BOTH}", cwd=project)
        assert (index.count(f"/files/{LIB}"), result.stderr.count("has bad hash")) == (1, 1)

    def test_wrong_file_stays_when_the_run_fails(
        self, project: Path, temporary: Path, index: LocalIndex
    ) -> None:
        stale = make_wheel(project / "wheelhouse", "lib", files={"lib.py": b"stale"})
        before = stale.read_bytes()
        result = download(index, f"lib ; tags={LINUX}", f"none ; tags={WINDOWS}", cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert stale.read_bytes() == before
        assert names(project / "wheelhouse") == [LIB]
        assert names(project) == ["wheelhouse"]
        assert names(temporary) == []

    def test_is_a_file(self, project: Path, index: LocalIndex) -> None:
        (project / "wheelhouse").write_text("mine")
        for destination, said in (
            ("wheelhouse", f"{project / 'wheelhouse'} is a file, not a folder"),
            (
                "wheelhouse/sub",
                f"cannot make {project / 'wheelhouse' / 'sub'}: {project / 'wheelhouse'} is a file",
            ),
        ):
            result = download(index, f"app ; {BOTH}", cwd=project, destination=destination)
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr == f"error: {said}\n  move it away, or choose another folder\n"
        assert index.requests == ()
        assert (project / "wheelhouse").read_text() == "mine"
        assert names(project) == ["wheelhouse"]

    def test_is_a_link(self, project: Path, index: LocalIndex) -> None:
        (project / "real").mkdir()
        (project / "wheelhouse").symlink_to("real", target_is_directory=True)
        result = download(index, f"lib ; {BOTH}", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert (project / "wheelhouse").is_symlink()
        assert names(project / "real") == [LIB]
        assert names(project) == ["real", "wheelhouse"]

    @pytest.mark.parametrize(
        ("variables", "arguments", "where"),
        [
            ({"PIP_DEST": "by variable"}, (), "by variable"),
            (
                {"PIP_DEST": "by variable", "HOME": "{project}/home"},
                ("-dfirst", "--destination-dir", "~/last one"),
                "home/last one",
            ),
            ({}, (), "."),
        ],
        ids=["variable", "last option", "working directory"],
    )
    def test_named(
        self,
        project: Path,
        index: LocalIndex,
        variables: dict[str, str],
        arguments: tuple[str, ...],
        where: str,
    ) -> None:
        filled = {name: value.format(project=project) for name, value in variables.items()}
        done = subprocess.run(
            command("download", *index.pip_args(), *arguments, f"lib ; {BOTH}"),
            cwd=project,
            env=environment(**filled),
            check=True,
            capture_output=True,
        )
        assert done.returncode == 0
        assert names(project / where) == [LIB]
        assert names(project) == [LIB if where == "." else where.partition("/")[0]]


class TestNothingOrAll:
    """A target that fails leaves no trace of the others."""

    @pytest.mark.parametrize("destination", ["wheelhouse", "a/b"], ids=["flat", "nested"])
    def test_no_answer_for_one(
        self, project: Path, temporary: Path, index: LocalIndex, destination: str
    ) -> None:
        arguments = [f"app ; tags={LINUX}", f"missing ; tags={WINDOWS}", "lib ; target=host"]
        result = download(index, *arguments, cwd=project, destination=destination)
        assert (result.exit_code, result.stdout) == (1, "")
        assert index.count(f"/files/{APP}") == 1, "the good target was fetched"
        assert names(project) == names(temporary) == []

    def test_server_fails_for_one(self, project: Path, temporary: Path, index: LocalIndex) -> None:
        index.fault(f"/files/{LIB}", Status(404))
        arguments = [f"app ; tags={WINDOWS}", f"app ; tags={LINUX}"]
        result = download(index, "--retries=0", *arguments, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "404" in result.stderr
        assert names(project) == names(temporary) == []


class TestOtherRuns:
    """Runs to one destination at once, and what a killed one left."""

    def test_two_at_once(
        self, project: Path, temporary: Path, index: LocalIndex, tmp_path: Path
    ) -> None:
        make_wheel(tmp_path / "index", "own")
        options = ["download", "--no-cache-dir", *index.pip_args(), "-d", "wheelhouse"]
        # Each is held back until both have begun.
        index.fault("/simple/lib/", Stall(1), times=2)
        runs = [
            subprocess.Popen(
                command(*options, *arguments),
                cwd=project,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for arguments in ([f"app ; {BOTH}"], [f"lib ; {BOTH}", f"own ; {BOTH}"])
        ]
        ends = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
        assert [code for _, code in ends] == [0, 0], ends
        assert names(project / "wheelhouse") == [APP, LIB, "own-1.0-py3-none-any.whl"]
        assert names(project) == ["wheelhouse"]
        assert names(temporary) == []


@given(st.lists(st.text() | st.sampled_from(["a", "A", "a-2", "./a"])))
def test_folder_names(labels: list[str]) -> None:
    names = list(folder_names(labels))
    assert len({name.lower() for name in names}) == len(labels)
    assert all(re.fullmatch(r"[\w+][\w.+-]*", name, re.ASCII) for name in names)


def test_versions_that_differ() -> None:
    chosen = [("b", "1", "x"), ("b", "1", "y"), ("b", "2", "z"), ("b", "1", "x"), ("a", "3", "x")]
    chosen += [("same", "1", each) for each in "xyz"]
    assert list(note_differing(chosen)) == ["b differs: 1 for x, y; 2 for z"]
    assert list(note_differing(chosen, "from")) == ["b differs: 1 from x, y; 2 from z"]
