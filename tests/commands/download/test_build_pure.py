"""Projects without a wheel: refused with the choices, kept as sources, or built where pure."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import download, names
from tests.support.index import LocalIndex
from tests.support.projects import make_project, make_source
from tests.support.wheels import BACKEND_WAS_RUN, make_sdist, make_wheel
from wheeltarget.commands.download import download as command
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.stage import open_stage
from wheeltarget.targets.target import target_from_tag

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"

pytestmark = pytest.mark.seams


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder of the index, which has ``lib`` as a wheel and ``only`` as a source."""
    folder = tmp_path / "index"
    make_wheel(folder, "lib")
    make_source(folder, "only", requires=["lib", "win ; sys_platform == 'win32'"])
    make_wheel(folder, "win")
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give a working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


class TestRefused:
    """Without either option nothing is built, and the message names the choices."""

    def test_only_a_source(self, index: LocalIndex, shelf: Path, here: Path) -> None:
        make_source(shelf, "only", "2.0")
        make_wheel(shelf, "app", requires=["only<2"])
        result = download(index, f"app ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "No matching distribution found for only<2" in result.stderr
        assert result.stderr.endswith(
            f"error: pip failed for {LINUX}; nothing was saved\n"
            f"  only<2: no file fits {LINUX}\n"
            "      needed by app 1.0; <command line>:1:1\n"
            "      1.0  has no wheel, only a source\n"
            "    from source (not tried):\n"
            "      --allow-sdist only  keeps the source of 1.0 for the target to build\n"
            "      --build-pure only   builds a wheel here, if it is pure Python\n"
        )
        assert names(here) == []

    def test_source_that_nobody_wants(self, index: LocalIndex, shelf: Path, here: Path) -> None:
        make_wheel(shelf, "app", requires=["only>=9"])
        result = download(index, f"app ; tags={LINUX}", cwd=here)
        assert result.exit_code == 1
        assert "only>=9: there is no such release\n      needed by app 1.0;" in result.stderr
        assert "--allow-sdist" not in result.stderr

    @pytest.mark.usefixtures("shelf")
    def test_name_of_another(self, index: LocalIndex, here: Path) -> None:
        make_project(here / "tree", "my-project")
        arguments = ["--allow-sdist=other", f"my-project @ file://{here}/tree ; tags={LINUX}"]
        result = download(index, *arguments, cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "--allow-sdist my-project keeps its source" in result.stderr

    @pytest.mark.usefixtures("shelf")
    def test_name_that_is_known_only_afterwards(self, index: LocalIndex, here: Path) -> None:
        make_project(here / "tree", "my-project")
        result = download(index, "--allow-sdist=other", f"./tree ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "my_project-1.0.tar.gz is not a wheel (--allow-sdist my-project" in result.stderr
        assert names(here) == ["tree"]

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize("option", ["--allow-sdist", "--build-pure"])
    @pytest.mark.parametrize("value", ["", "lib,", ":all:", "lib==1"])
    def test_no_name(self, index: LocalIndex, here: Path, option: str, value: str) -> None:
        result = download(index, f"{option}={value}", f"lib ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"error: {option} takes the name of a project" in result.stderr

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize("option", ["--allow-sdist", "--build-pure"])
    def test_without_any_target(self, index: LocalIndex, here: Path, option: str) -> None:
        result = download(index, option, "only", "only", cwd=here)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "need a target, but no target is named" in result.stderr
        assert names(here) == []


class TestAllowSdist:
    """A source is kept for the target to build, with what it depends on there."""

    @pytest.mark.usefixtures("shelf")
    def test_dependencies_are_the_targets(self, index: LocalIndex, here: Path) -> None:
        result = download(
            index, "--by-target", "--allow-sdist=Only", f"only ; tags={LINUX},{WINDOWS}", cwd=here
        )
        assert result.exit_code == 0, result.stderr
        linux = ["lib-1.0-py3-none-any.whl", "only-1.0.tar.gz"]
        assert names(here / "wheelhouse" / LINUX) == linux
        assert names(here / "wheelhouse" / WINDOWS) == [*linux, "win-1.0-py3-none-any.whl"]
        assert f"note: only-1.0.tar.gz is a source, to be built on {LINUX}" in result.stderr

    def test_wheel_wins_where_there_is_one(
        self, index: LocalIndex, shelf: Path, here: Path
    ) -> None:
        make_wheel(shelf, "both")
        make_sdist(shelf, "both")
        result = download(index, "--allow-sdist=both", f"both ; tags={LINUX}", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == ["both-1.0-py3-none-any.whl"]
        assert BACKEND_WAS_RUN not in result.stderr

    def test_the_others_stay_wheels(self, index: LocalIndex, shelf: Path, here: Path) -> None:
        make_source(shelf, "lib", "9.0")
        result = download(index, "--allow-sdist=only", f"only ; tags={LINUX}", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert "lib-1.0-py3-none-any.whl" in names(here / "wheelhouse")

    @pytest.mark.usefixtures("shelf")
    def test_name_that_nothing_needs(self, index: LocalIndex, here: Path) -> None:
        result = download(index, "--allow-sdist=a,b", f"lib ; tags={LINUX}", cwd=here)
        assert result.exit_code == 0
        for name in "ab":
            assert f"note: nothing needs {name}, whose source was allowed" in result.stderr

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize("sdists", [True, False], ids=["with sdist", "without"])
    def test_local_project(self, index: LocalIndex, here: Path, sdists: bool) -> None:
        make_project(here / "a tree", "my-project", requires=["lib"], sdists=sdists)
        (here / "r.txt").write_text(f"./a tree # tags={LINUX}\n")
        result = download(index, "--allow-sdist=my.project", "-r", "r.txt", cwd=here)
        if not sdists:
            assert result.exit_code == 1
            assert "cannot build a source distribution of my-project" in result.stderr
            assert "Traceback" not in result.stderr
            return
        assert result.exit_code == 0, result.stderr
        found = names(here / "wheelhouse")
        assert found == ["lib-1.0-py3-none-any.whl", "my_project-1.0.tar.gz"]

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize("line", ["git+file://{}#egg=my-project", "-e ./tree"])
    def test_checkout_and_editable(self, index: LocalIndex, here: Path, line: str) -> None:
        tree = make_project(here / "tree", "my-project", requires=["lib"])
        git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.invalid"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
            subprocess.run([*git, *arguments], cwd=tree, check=True)
        (here / "r.txt").write_text(f"{line.format(tree)} # tags={LINUX}\n")
        result = download(index, "--allow-sdist=my-project", "-r", "r.txt", cwd=here)
        assert result.exit_code == 0, result.stderr
        found = names(here / "wheelhouse")
        assert found == ["lib-1.0-py3-none-any.whl", "my-project-1.0.zip"]


def test_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    def build(_source: Path, folder: Path, *_rest: object) -> int:
        make_wheel(folder, "only")
        return 0

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.setattr(command, "build_wheel", build)
    source = make_source(tmp_path / "files", "only")
    chosen = ChosenFile("only", "1.0", source, "", True, (), (None,), None)
    job = Job(target_from_tag(LINUX, {"cp39": "3.9.25"}), (), (), ())
    with open_stage(tmp_path / "house", watched=False) as stage:
        builder = command.Builder(frozenset({"only"}), (), stage)
        result = builder.replace_sources(JobResult(job, 0, "all", (chosen,), source.parent))
    assert [file.path.name for file in result.chosen] == ["only-1.0-py3-none-any.whl"]
    assert names(source.parent) == ["only-1.0-py3-none-any.whl"]


class TestBuildPure:
    """A pure Python wheel is built here; any other is refused."""

    @pytest.mark.usefixtures("shelf")
    def test_built_once_for_all(self, index: LocalIndex, here: Path) -> None:
        arguments = ["--build-pure=only", f"only ; tags={LINUX},{WINDOWS}", "--report=r.json"]
        result = download(index, *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == [
            "lib-1.0-py3-none-any.whl",
            "only-1.0-py3-none-any.whl",
            "win-1.0-py3-none-any.whl",
        ]
        assert result.stderr.count("Successfully built only") == 1
        assert "is a source" not in result.stderr
        report = json.loads((here / "r.json").read_text())
        file = next(f for f in report["targets"][0]["files"] if f["name"] == "only")
        assert (file["filename"], file["url"]) == (
            "only-1.0-py3-none-any.whl",
            f"{index.base}/files/only-1.0.tar.gz",
        )

    @pytest.mark.parametrize(
        ("tag", "why"),
        [
            (
                "cp311-cp311-linux_x86_64",
                "is not pure Python: the wheel built here is native-1.0-cp311",
            ),
            ("py2-none-any", "is for another environment"),
        ],
    )
    def test_not_for_the_target(
        self, index: LocalIndex, shelf: Path, here: Path, tag: str, why: str
    ) -> None:
        make_source(shelf, "native", tag=tag)
        result = download(index, "--build-pure=native", f"native ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert why in result.stderr
        assert names(here) == []

    def test_build_that_fails(self, index: LocalIndex, shelf: Path, here: Path) -> None:
        make_sdist(shelf, "loud")
        result = download(index, "--build-pure=loud", f"loud ; tags={LINUX}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert BACKEND_WAS_RUN in result.stderr
        assert result.stderr.splitlines()[-2].startswith("error: pip failed")
        assert names(here) == []

    def test_requirements_and_hashes_in_variables(
        self, index: LocalIndex, shelf: Path, here: Path
    ) -> None:
        """They are the run's, and not what is built."""
        pins = {"only": "only-1.0.tar.gz", "lib": "lib-1.0-py3-none-any.whl"}
        hashes = {n: hashlib.sha256((shelf / f).read_bytes()).hexdigest() for n, f in pins.items()}
        lines = [f"{n}==1.0 --hash=sha256:{digest}\n" for n, digest in hashes.items()]
        (here / "r.txt").write_text(f"# tags={LINUX}\n{''.join(lines)}")
        (here / "c.txt").write_text(f"only<2 ; tags={LINUX}\n")
        variables = {
            "PIP_REQUIREMENT": "r.txt",
            "PIP_CONSTRAINT": "c.txt",
            "PIP_REQUIRE_HASHES": "1",
        }
        result = download(index, "--build-pure=only", cwd=here, variables=variables)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == [
            "lib-1.0-py3-none-any.whl",
            "only-1.0-py3-none-any.whl",
        ]

    @pytest.mark.usefixtures("shelf")
    def test_dry_run_builds_nothing(self, index: LocalIndex, here: Path) -> None:
        arguments = ["--dry-run", "--build-pure=only", f"only ; tags={LINUX}"]
        result = download(index, *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        assert "only-1.0.tar.gz" in result.stdout
        assert "Successfully built" not in result.stderr
        note = "note: only-1.0.tar.gz is a source; a pure Python wheel would be built from it here"
        assert result.stderr.splitlines()[-1] == note
        assert names(here) == []
