"""The main job: annotated requirements in, each target's own wheels out."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pip
import pytest
from packaging.version import Version

from tests.support.cli import Result, download, environment, names
from tests.support.index import LocalIndex
from tests.support.output import files_by_target, projects_by_target
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.cache.run_records import RunInputs
from wheeltarget.commands.download.download import _KNOWN, find_run_inputs
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.prepare import prepare
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE

LINUX = "cp39-cp39-manylinux2014_x86_64"
OLD_LINUX = "cp37-cp37m-manylinux1_x86_64"
ARM = "cp312-cp312-manylinux_2_34_aarch64"
WINDOWS = "cp39-cp39-win_amd64"
MAC = "cp312-cp312-macosx_11_0_arm64"
HOST = "this interpreter"
ONLY_DEPS = Version(pip.__version__) >= Version("26.2")


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder whose wheels the index serves."""
    return tmp_path / "index"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder to work in."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def taken(result: Result) -> dict[str, list[str]]:
    """Give what a good run took, as NAME-VERSION by target."""
    assert result.exit_code == 0, result.stderr
    return projects_by_target(result.stdout)


def notes(result: Result) -> list[str]:
    """Give the notes of a run."""
    return [line for line in result.stderr.splitlines() if line.startswith("note: ")]


class TestTags:
    """Which wheel of a project a target takes."""

    def test_newest_that_fits_and_never_newer(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        """One project with a release for each level, one with a wheel of each level."""
        wheels = {
            "1.0": "manylinux1_x86_64",
            "1.1": "manylinux_2_5_x86_64",
            "1.2": "manylinux_2_12_x86_64",
            "1.3": "manylinux2014_x86_64",
            "1.4": "manylinux_2_28_x86_64",
            "1.5": "manylinux_2_34_x86_64",
            "1.6": "musllinux_1_1_x86_64",
            "1.7": "musllinux_1_2_x86_64",
            "1.8": "linux_x86_64",
        }
        for version, platform in wheels.items():
            make_wheel(shelf, "levels", version, tag=f"cp39-cp39-{platform}")
        expected = {
            "manylinux1_x86_64": "1.1",
            "manylinux_2_5_x86_64": "1.1",
            "manylinux2010_x86_64": "1.2",
            "manylinux_2_16_x86_64": "1.2",
            "manylinux2014_x86_64": "1.3",
            "manylinux_2_17_x86_64": "1.3",
            "manylinux_2_27_x86_64": "1.3",
            "manylinux_2_28_x86_64": "1.4",
            "manylinux_2_35_x86_64": "1.5",
            "musllinux_1_1_x86_64": "1.6",
            "musllinux_1_5_x86_64": "1.7",
            "linux_x86_64": "1.8",
            "manylinux2014_x86_64.linux_x86_64": "1.8",
        }
        clause = ",".join(f"cp39-cp39-{platform}" for platform in expected)
        result = download(index, f"levels ; tags={clause}", cwd=project)
        # Some of these are one environment under two names; it is called what it is called first.
        twins = {"manylinux_2_5_x86_64", "manylinux_2_17_x86_64"}
        assert taken(result) == {
            f"cp39-cp39-{platform}": [f"levels-{version}"]
            for platform, version in expected.items()
            if platform not in twins
        }

    def test_best_wheel_of_one_release(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        for tag in (
            "cp39-cp39-manylinux_2_5_x86_64.manylinux1_x86_64",
            "cp39-cp39-manylinux2014_x86_64",
            "cp39-cp39-manylinux_2_28_x86_64",
            "cp36-abi3-manylinux_2_34_x86_64",
            "cp39-none-any",
            "py3-none-any",
        ):
            make_wheel(shelf, "same", "1.0", tag=tag)
        expected = {
            "cp39-cp39-manylinux_2_10_x86_64": "cp39-cp39-manylinux_2_5_x86_64.manylinux1_x86_64",
            "cp39-cp39-manylinux_2_17_x86_64": "cp39-cp39-manylinux2014_x86_64",
            "cp39-cp39-manylinux_2_40_x86_64": "cp39-cp39-manylinux_2_28_x86_64",
            "cp38-cp38-manylinux_2_40_x86_64": "cp36-abi3-manylinux_2_34_x86_64",
            "cp39-cp39-win32": "cp39-none-any",
            "cp36-cp36m-manylinux_2_17_x86_64": "py3-none-any",
        }
        result = download(index, f"same ; tags={','.join(expected)}", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert files_by_target(result.stdout) == {
            target: [f"same-1.0-{tag}.whl"] for target, tag in expected.items()
        }
        assert names(project / "wheelhouse") == sorted(
            f"same-1.0-{tag}.whl" for tag in set(expected.values())
        )

    def test_kinds_of_python(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "kinds", "1.0", tag="py2.py3-none-any")
        make_wheel(shelf, "kinds", "1.1", tag="pp310-pypy310_pp73-manylinux2014_x86_64")
        make_wheel(shelf, "kinds", "1.2", tag="cp36-abi3-manylinux2014_x86_64")
        make_wheel(shelf, "kinds", "1.3", tag="cp27-cp27mu-manylinux1_x86_64")
        make_wheel(shelf, "kinds", "1.4", tag="cp313-cp313t-manylinux_2_28_x86_64")
        expected = {
            "py39-none-any": "1.0",
            "pp310-pypy310_pp73-manylinux_2_28_x86_64": "1.1",
            "cp36-cp36m-manylinux2014_x86_64": "1.2",
            "cp313-cp313-manylinux_2_28_x86_64": "1.2",
            "cp27-cp27m-manylinux2014_x86_64": "1.0",
            "cp27-cp27mu-manylinux2014_x86_64": "1.3",
            "cp313-cp313t-manylinux_2_28_x86_64": "1.4",
            # The stable ABI is none of a free-threaded Python's.
            "cp314-cp314t-manylinux_2_28_x86_64": "1.0",
        }
        result = download(index, f"kinds ; tags={','.join(expected)}", cwd=project)
        assert taken(result) == {
            target: [f"kinds-{version}"] for target, version in expected.items()
        }


class TestDependencies:
    """What the targets' own resolutions come to."""

    def test_markers_and_requires_python_of_the_target(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        make_wheel(
            shelf,
            "app",
            requires=[
                "backport; python_version < '3.8'",
                "colors; sys_platform == 'win32'",
                "arm-only; platform_machine in 'aarch64 arm64'",
                "mac-only; platform_system == 'Darwin' and os_name == 'posix'",
                "modern; python_full_version >= '3.12.1'",
                "pypy-only; implementation_name == 'pypy'",
                # What is unknown does not matter here, since the other half says no.
                "darwin-20; python_version < '3' and platform_release >= '20'",
            ],
        )
        for name in ("backport", "colors", "arm-only", "mac-only", "modern"):
            make_wheel(shelf, name)
        # 3.7 means the newest 3.7 and not 3.7.0; cp39 has not yet what needs 3.10.
        make_wheel(shelf, "backport", "2.0", requires_python=">=3.7.1")
        make_wheel(shelf, "app", "2.0", requires_python=">=3.13")
        result = download(index, f"app ; tags={OLD_LINUX},{WINDOWS},{ARM},{MAC}", cwd=project)
        assert taken(result) == {
            OLD_LINUX: ["app-1.0", "backport-2.0"],
            WINDOWS: ["app-1.0", "colors-1.0"],
            ARM: ["app-1.0", "arm_only-1.0", "modern-1.0"],
            MAC: ["app-1.0", "arm_only-1.0", "mac_only-1.0", "modern-1.0"],
        }

    def test_extras(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(
            shelf,
            "app",
            requires=[
                "fast; extra == 'speed' and sys_platform != 'win32'",
                "app[log]; extra == 'all'",
                "logs; extra == 'log'",
            ],
            extras=["speed", "log", "all"],
        )
        make_wheel(shelf, "fast")
        make_wheel(shelf, "logs")
        result = download(
            index, f"app[speed] ; tags={LINUX},{WINDOWS}", f"app[all] ; tags={ARM}", cwd=project
        )
        assert taken(result) == {
            LINUX: ["app-1.0", "fast-1.0"],
            WINDOWS: ["app-1.0"],
            ARM: ["app-1.0", "logs-1.0"],
        }

    def test_lines_with_one_target_are_resolved_together(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        """A line's limit on what another line needs holds for its own target alone."""
        make_wheel(shelf, "app", requires=["lib"])
        make_wheel(shelf, "careful", requires=["lib<3"])
        for version in ("1.0", "2.0", "3.0"):
            make_wheel(shelf, "lib", version)
        (project / "limits.txt").write_text("careful<2 ; python_version >= '3'\nlib!=2.0\n")
        arguments = [f"app ; tags={LINUX},{WINDOWS},{ARM}", f"careful ; tags={LINUX}"]
        result = download(index, *arguments, f"lib<2 ; tags={WINDOWS}", cwd=project)
        assert taken(result) == {
            LINUX: ["app-1.0", "careful-1.0", "lib-2.0"],
            WINDOWS: ["app-1.0", "lib-1.0"],
            ARM: ["app-1.0", "lib-3.0"],
        }
        assert f"note: lib differs: 2.0 for {LINUX}; 1.0 for {WINDOWS}; 3.0 for {ARM}" in (
            notes(result)
        )
        limited = download(
            index, "-c", "limits.txt", *arguments, cwd=project, destination="limited"
        )
        assert taken(limited) == {
            LINUX: ["app-1.0", "careful-1.0", "lib-1.0"],
            WINDOWS: ["app-1.0", "lib-3.0"],
            ARM: ["app-1.0", "lib-3.0"],
        }

    def test_options_that_choose(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "app", requires=["lib"])
        make_wheel(shelf, "app", "2.0rc1", requires=["lib"])
        make_wheel(project / "links", "lib", "9.0")
        arguments = [f"app ; tags={LINUX}", f"app==1.0 ; tags={WINDOWS}"]
        result = download(index, "--pre", "--find-links", "links", *arguments, cwd=project)
        assert taken(result) == {LINUX: ["app-2.0rc1", "lib-9.0"], WINDOWS: ["app-1.0", "lib-9.0"]}
        assert notes(result) == [
            f"note: app 2.0rc1 for {LINUX} is a pre-release",
            f"note: app differs: 2.0rc1 for {LINUX}; 1.0 for {WINDOWS}",
        ]
        alone = download(index, "--no-deps", *arguments, cwd=project, destination="alone")
        assert taken(alone) == {LINUX: ["app-1.0"], WINDOWS: ["app-1.0"]}

    @pytest.mark.skipif(not ONLY_DEPS, reason="this pip does not know --only-deps yet")
    def test_only_dependencies(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "app", requires=["lib; sys_platform == 'win32'", "more"])
        make_wheel(shelf, "lib")
        make_wheel(shelf, "more")
        result = download(index, "--only-deps", f"app ; tags={LINUX},{WINDOWS}", cwd=project)
        assert taken(result) == {LINUX: ["more-1.0"], WINDOWS: ["lib-1.0", "more-1.0"]}

    @pytest.mark.seams
    def test_what_pip_goes_back_from_asks_for_nothing(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        """When pip learns that it is to be an older one, it has pinned what the newer one needs."""
        make_wheel(shelf, "first", "2.0", requires=["between"])
        make_wheel(shelf, "first", "1.0")
        make_wheel(shelf, "between", requires=["shared"])
        make_wheel(shelf, "second", requires=["further"])
        make_wheel(shelf, "further", requires=["first<2", "shared"])
        make_wheel(shelf, "shared")
        arguments = ["--tags", LINUX, "--format=json", "first", "second"]
        done = download(index, *arguments, cwd=project)
        assert done.exit_code == 0, done.stderr
        (target,) = json.loads(done.stdout)["targets"]
        demands = {file["name"]: file["requested_by"] for file in target["files"]}
        assert demands.keys() == {"first", "second", "further", "shared"}
        assert demands["shared"] == [{"project": "further"}]


class TestMarkersOfNobodyKnown:
    """Markers that ask for what is not known of a target."""

    @pytest.mark.parametrize(
        ("line", "who"),
        [("app ; platform_release >= '20'", ["app"]), ("needy", ["lib", "needy"])],
        ids=["line", "dependency"],
    )
    def test_it_matters(
        self, project: Path, shelf: Path, index: LocalIndex, line: str, who: list[str]
    ) -> None:
        make_wheel(shelf, "app")
        make_wheel(shelf, "needy", requires=["lib ; platform_release >= '20'"])
        result = download(index, f"{line} ; tags={LINUX}", cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert not (project / "wheelhouse").exists()
        error = next(e for e in result.stderr.splitlines() if e.startswith("ERROR: "))
        assert f"which is not known for {LINUX}" in error
        assert "uses platform_release" in error
        assert [name for name in who if name in error] == who
        assert 'platform_release = "…" under [markers], and use it: target=./FILE.toml' in error
        said = f'tag = "{LINUX}"\n[markers]\nplatform_release = "20"\n'
        (project / "box.toml").write_text(said)
        make_wheel(shelf, "lib")
        assert download(index, f"{line} ; target=./box.toml", cwd=project).exit_code == 0

    def test_line_that_is_settled_without_it(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        make_wheel(shelf, "app")
        line = f'app ; sys_platform == "darwin" and platform_release >= "20" ; tags={LINUX}'
        result = download(index, line, f"app; tags={WINDOWS}", cwd=project)
        assert taken(result) == {LINUX: [], WINDOWS: ["app-1.0"]}
        assert "Nothing to download" in result.stdout


class TestFiles:
    """Requirements files, and what a line can be."""

    def test_defaults_and_included_files(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        for name in "abcdefgh":
            make_wheel(shelf, name)
        (project / "sub").mkdir()
        (project / "main.txt").write_text(
            "a\n"
            f"# tags={LINUX}\n"
            "b\n"
            f"c ; tags={WINDOWS}\n"
            "-r sub/more.txt\n"
            "d  # an ordinary comment\n"
            "# target=host\n"
            "e\n"
        )
        (project / "sub" / "more.txt").write_text(
            f"f\n# an ordinary comment\n# tags={ARM}, {MAC}\ng\n-r even.txt\n"
        )
        (project / "sub" / "even.txt").write_text(f"h # tags={WINDOWS}\na\n")
        result = download(index, "-r", "main.txt", cwd=project)
        assert taken(result) == {
            HOST: ["a-1.0", "e-1.0"],
            LINUX: ["b-1.0", "d-1.0", "f-1.0"],
            WINDOWS: ["c-1.0", "h-1.0"],
            ARM: ["a-1.0", "g-1.0"],
            MAC: ["a-1.0", "g-1.0"],
        }
        # The one that asks for the host in so many words is no surprise.
        assert notes(result) == ["note: main.txt:1:1: a has no target; assuming this interpreter"]

    def test_group_beside_targets(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        """It has no clauses, so it goes with the lines that have none."""
        make_wheel(shelf, "app")
        make_wheel(shelf, "lib")
        (project / "pyproject.toml").write_text("[dependency-groups]\ndev = ['lib']  # tags=x\n")
        arguments = ["--group=dev", f"app ; tags={WINDOWS}"]
        result = download(index, *arguments, cwd=project)
        assert taken(result) == {WINDOWS: ["app-1.0"], "this interpreter": ["lib-1.0"]}
        assert notes(result) == ["note: --group=dev has no target; assuming this interpreter"]
        result = download(index, *arguments, "--tags", LINUX, cwd=project)
        assert taken(result) == {WINDOWS: ["app-1.0"], LINUX: ["lib-1.0"]}
        assert notes(result) == []

    def test_group_of_the_configuration(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        """From there, pip would take it for each target, for it cannot be told to leave it out."""
        make_wheel(shelf, "app")
        make_wheel(shelf, "lib")
        (project / "pyproject.toml").write_text("[dependency-groups]\ndev = ['lib']\n")
        (project / "pip.conf").write_text("[download]\ngroup = dev\n")
        for variables in ({"PIP_GROUP": "dev"}, {"PIP_CONFIG_FILE": "pip.conf"}):
            for arguments in (
                [f"app ; tags={WINDOWS}"],
                [f"app ; tags={WINDOWS}", "--tags", LINUX],
                [f"app ; tags={WINDOWS}", "lib"],
            ):
                result = download(index, *arguments, cwd=project, variables=variables)
                assert (result.exit_code, result.stdout) == (1, "")
                assert "error: --group=dev in pip's configuration would apply to every" in (
                    result.stderr
                )
            arguments = ["app", "--tags", f"{LINUX},{WINDOWS}"]
            result = download(index, *arguments, cwd=project, variables=variables)
            both = ["app-1.0", "lib-1.0"]
            assert taken(result) == {LINUX: both, WINDOWS: both}

    def test_hashes_belong_to_their_line(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        right = hashlib.sha256(make_wheel(shelf, "app").read_bytes()).hexdigest()
        wrong = "0" * 64
        make_wheel(shelf, "lib")
        file = project / "hashed.txt"
        file.write_text(
            f"app==1.0 ; tags={LINUX} \\\n"
            f"    --hash=sha256:{wrong} \\\n"
            f"    --hash sha256:{right}\n"
            # Another target's lines have no hash, and need none.
            f"lib ; tags={WINDOWS}\n"
        )
        assert taken(download(index, "-r", "hashed.txt", cwd=project)) == {
            LINUX: ["app-1.0"],
            WINDOWS: ["lib-1.0"],
        }
        file.write_text(
            f"app==1.0 --hash=sha256:{'0' * 64}  # tags={LINUX}\nlib # tags={WINDOWS}\n"
        )
        result = download(index, "-r", "hashed.txt", cwd=project, destination="wrong")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "DO NOT MATCH THE HASHES" in result.stderr
        assert re.search(rf"^error: .*{LINUX}", result.stderr, re.MULTILINE)
        assert WINDOWS not in result.stderr.partition("\nerror: ")[2]
        assert not (project / "wrong").exists()

    def test_hidden_from_pip(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "app", tag="cp39-cp39-win_amd64")
        make_wheel(shelf, "app")
        make_wheel(shelf, "lib")
        (project / "both.txt").write_text(f"app # tags={WINDOWS}\n# tags={LINUX}\nlib\n")
        options = [*index.pip_args(), "--no-cache-dir", "-q", "-d", "pip", "-r", "both.txt"]
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *options],
            cwd=project,
            env=environment(),
            check=True,
        )
        assert names(project / "pip") == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
        result = download(index, "-r", "both.txt", cwd=project)
        assert files_by_target(result.stdout) == {
            WINDOWS: ["app-1.0-cp39-cp39-win_amd64.whl"],
            LINUX: ["lib-1.0-py3-none-any.whl"],
        }

    def test_wheel_by_path_and_by_url(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "lib")
        local = make_wheel(project / "some files", "local", tag="cp39-cp39-win_amd64")
        url = index.add_file(
            "elsewhere/direct-1.0-cp39-cp39-win_amd64.whl",
            make_wheel(
                project / "d", "direct", tag="cp39-cp39-win_amd64", requires=["lib"]
            ).read_bytes(),
        )
        arguments = [f"./some files/{local.name}", f"direct @ {url}", url, local.as_uri()]
        fits = download(index, *(f"{word} ; tags={WINDOWS}" for word in arguments), cwd=project)
        assert taken(fits) == {WINDOWS: ["direct-1.0", "lib-1.0", "local-1.0"]}
        # Each is refused by itself, since pip stops at the first.
        for name, word in (("local", arguments[0]), ("direct", arguments[1])):
            result = download(index, f"{word} ; tags={LINUX}", cwd=project, destination="none")
            assert (result.exit_code, result.stdout) == (1, "")
            refusal = f"{name}-1.0-cp39-cp39-win_amd64.whl is not a supported wheel"
            assert refusal in result.stderr
            assert LINUX in result.stderr.partition("\nerror: ")[2]
        assert not (project / "none").exists()


class TestPrecedence:
    """Which target a line has."""

    def test_line_file_command_line_settings_host(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        for name in "abcd":
            make_wheel(shelf, name)
        (project / "a.txt").write_text(f"# tags={LINUX}\na ; tags={WINDOWS}\nb\n")
        arguments = ["-r", "a.txt", "-r", "c.txt", "d"]
        (project / "c.txt").write_text("c\n")
        known = {WINDOWS: ["a-1.0"], LINUX: ["b-1.0"]}

        bare = download(index, *arguments, cwd=project, destination="1")
        assert taken(bare) == {**known, HOST: ["c-1.0", "d-1.0"]}
        assert notes(bare) == [
            "note: c.txt:1:1: c has no target; assuming this interpreter",
            "note: <command line>:1:1: d has no target; assuming this interpreter",
        ]

        (project / "pyproject.toml").write_text(f'[tool.wheeltarget]\ntags = ["{ARM}"]\n')
        (project / "sub").mkdir()
        arguments = ["-r", "../a.txt", "-r", "../c.txt", "d"]
        hold_destination = download(index, *arguments, cwd=project / "sub", destination="2")
        assert taken(hold_destination) == {**known, ARM: ["c-1.0", "d-1.0"]}
        assert notes(hold_destination) == []

        typed = download(
            index, "--tags", f"{MAC},{LINUX}", *arguments, cwd=project / "sub", destination="3"
        )
        assert taken(typed) == {
            WINDOWS: ["a-1.0"],
            LINUX: ["b-1.0", "c-1.0", "d-1.0"],
            MAC: ["c-1.0", "d-1.0"],
        }

        # The host, asked for in so many words, is a target like any other.
        asked = download(
            index, "--target=host", "--tags", MAC, *arguments, cwd=project / "sub", destination="4"
        )
        assert taken(asked) == {
            **known,
            MAC: ["c-1.0", "d-1.0"],
            HOST: ["c-1.0", "d-1.0"],
        }
        assert notes(asked) == []

    def test_pips_own_flags_are_for_lines_without_a_target(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        for platform in ("win_amd64", "manylinux2014_x86_64"):
            make_wheel(shelf, "native", tag=f"cp39-cp39-{platform}")
            make_wheel(shelf, "other", tag=f"cp39-cp39-{platform}")
        flags = ["--platform", "win_amd64", "--python-version", "3.9", "--only-binary=:all:"]
        result = download(index, *flags, "other", f"native ; tags={LINUX}", cwd=project)
        assert files_by_target(result.stdout) == {
            "--platform=win_amd64 --python-version=3.9": ["other-1.0-cp39-cp39-win_amd64.whl"],
            LINUX: ["native-1.0-cp39-cp39-manylinux2014_x86_64.whl"],
        }
        (note,) = notes(result)
        assert note.endswith("has no target; assuming --platform=win_amd64 --python-version=3.9")


class TestTargetFiles:
    """Targets that are described in files."""

    def test_toml_and_json(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "native", "1.0", tag="cp39-cp39-manylinux2014_x86_64")
        make_wheel(shelf, "native", "2.0", tag="cp39-cp39-manylinux_2_28_x86_64")
        make_wheel(shelf, "native", "3.0", tag="cp39-cp39-odd_machine")
        make_wheel(shelf, "app", requires=["lib; platform_release >= '20'"])
        make_wheel(shelf, "lib", "1.0")
        make_wheel(shelf, "lib", "2.0", requires_python=">=3.9.2")
        (project / "targets").mkdir()
        (project / "targets" / "box.toml").write_text(
            f'name = "the old box"\ntag = "{LINUX}"\n[markers]\n'
            'platform_release = "20.1"\npython_full_version = "3.9.1"\n'
        )
        odd = {
            "tags": ["cp39-cp39-odd_machine", "py3-none-any"],
            "markers": {
                "python_version": "3.9",
                "python_full_version": "3.9.25",
                "platform_release": "19",
            },
        }
        (project / "targets" / "odd.json").write_text(json.dumps(odd))
        # A path in a file is relative to that file, one that is typed to the working directory.
        (project / "targets" / "needs.txt").write_text("native ; target=box.toml, ./odd.json\n")
        result = download(
            index,
            "-r",
            "targets/needs.txt",
            "app ; target=targets/box.toml",
            "app ; target=targets/odd.json",
            cwd=project,
        )
        assert taken(result) == {
            "the old box": ["app-1.0", "lib-1.0", "native-1.0"],
            "./odd.json": ["app-1.0", "native-3.0"],
        }


class TestOutput:
    """What a good run prints."""

    def test_form(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "app", requires=["lib"])
        make_wheel(shelf, "lib")
        (project / "house").mkdir()
        make_wheel(project / "house", "lib")
        result = download(
            index, f"app ; tags={LINUX}", f"lib ; tags={WINDOWS}", cwd=project, destination="house"
        )
        assert result.exit_code == 0
        assert result.stdout == (
            f"For {LINUX}:\n"
            "Saved ./house/app-1.0-py3-none-any.whl\n"
            "Already there ./house/lib-1.0-py3-none-any.whl\n"
            "Successfully downloaded app lib\n"
            f"For {WINDOWS}:\n"
            "Already there ./house/lib-1.0-py3-none-any.whl\n"
            "Successfully downloaded lib\n"
        )
        assert "Resolving for " + LINUX in result.stderr
        assert "Collecting app" in result.stderr
        assert "wheeltarget-" not in result.stderr, "a path of the stage is nobody's business"
        assert "Successfully downloaded" not in result.stderr
        # A test of pip's own asks for this of every good run.
        assert not re.search(r"^(ERROR|WARNING): ", result.stderr, re.MULTILINE)

    def test_elsewhere(self, project: Path, tmp_path: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "lib")
        there = tmp_path / "else where"
        result = download(index, f"lib ; tags={LINUX}", cwd=project, destination=str(there))
        assert f"Saved {there}/lib-1.0-py3-none-any.whl\n" in result.stdout

    @pytest.mark.parametrize("flag", ["-q", "-qq"])
    def test_quiet(self, project: Path, shelf: Path, index: LocalIndex, flag: str) -> None:
        make_wheel(shelf, "lib", "1.0rc1")
        result = download(index, flag, f"lib ; tags={LINUX}", "lib", cwd=project)
        assert result == Result(0, "", "")
        assert names(project / "wheelhouse") == ["lib-1.0rc1-py3-none-any.whl"]

    def test_notes(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        for name in ("early", "pulled", "silent"):
            make_wheel(shelf, name, "1.0b2" if name == "early" else "1.0")
        index.yank("pulled-1.0-py3-none-any.whl", "eats files")
        index.yank("silent-1.0-py3-none-any.whl")
        arguments = [f"early ; tags={LINUX}", f"pulled==1.0 ; tags={LINUX}"]
        result = download(index, *arguments, f"silent==1 ; tags={WINDOWS}", "early", cwd=project)
        assert result.exit_code == 0
        # Within a target they come as pip chose the files.
        assert sorted(notes(result)) == [
            "note: <command line>:4:1: early has no target; assuming this interpreter",
            f"note: early 1.0b2 for {LINUX} is a pre-release",
            "note: early 1.0b2 for this interpreter is a pre-release",
            f"note: pulled 1.0 for {LINUX} was yanked: eats files",
            f"note: silent 1.0 for {WINDOWS} was yanked",
        ]


class TestNoAnswer:
    """What a run prints for which pip finds no answer."""

    def test_every_target_is_tried(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "native", tag="cp39-cp39-win_amd64")
        make_wheel(shelf, "app", requires=["lib<2"])
        make_wheel(shelf, "lib", "1.0")
        make_sdist(shelf, "source-only")
        arguments = [
            f"native ; tags={LINUX},{WINDOWS}",
            f"app ; tags={ARM}",
            f"lib>=2 ; tags={ARM}",
            f"source-only ; tags={MAC}",
        ]
        result = download(index, *arguments, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        resolving, *parts = result.stderr.split("Resolving for ")
        assert resolving == ""
        said = {part.partition("\n")[0]: part for part in parts}
        assert list(said) == [LINUX, WINDOWS, ARM, MAC]
        assert "ERROR: No matching distribution found for native" in said[LINUX]
        assert "ERROR" not in said[WINDOWS]
        assert "ERROR: No matching distribution found for lib>=2" in said[ARM]
        assert "ERROR: No matching distribution found for source-only" in said[MAC]
        assert result.stderr.partition("\nerror: ")[2] == (
            f"pip failed for {LINUX}, {ARM} and {MAC}; nothing was saved\n"
            f"  native (<command line>:1:1): no file fits {LINUX}\n"
            "      1.0  is for Windows\n"
            "  lib>=2 (<command line>:3:1): there is no such release\n"
            f"      for {ARM}\n"
            "      the newest release is 1.0\n"
            "    to fix it, use:\n"
            f"      lib==1.0 ; tags={ARM}\n"
            "          is the newest that fits\n"
            f"  source-only (<command line>:4:1): no file fits {MAC}\n"
            "      1.0  has no wheel, only a source\n"
            "    from source (not tried):\n"
            "      --allow-sdist source-only  keeps the source of 1.0 for the target to build\n"
            "      --build-pure source-only   builds a wheel here, if it is pure Python\n"
        )
        assert not (project / "wheelhouse").exists()

    def test_conflict_between_lines(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "app", requires=["lib<2"])
        make_wheel(shelf, "lib", "1.0")
        make_wheel(shelf, "lib", "2.0")
        arguments = [f"app ; tags={LINUX}", f"lib>=2 ; tags={LINUX},{WINDOWS}"]
        result = download(index, *arguments, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "ResolutionImpossible" in result.stderr
        assert result.stderr.partition("\nerror: ")[2].splitlines()[:4] == [
            f"pip failed for {LINUX}; nothing was saved",
            f"  lib: no release satisfies all of these for {LINUX}",
            "      >=2  (<command line>:2:1)",
            "      <2   (needed by app 1.0; <command line>:1:1)",
        ]

    def test_all_that_pip_says(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        make_wheel(shelf, "lib", "1.0")
        result = download(index, "--verbose", f"lib>=2 ; tags={LINUX}", cwd=project)
        assert "requirement lib>=2 (from versions: 1.0)\n" in result.stderr
        assert not (project / "wheelhouse").exists()


def inputs_of(
    arguments: Sequence[str], targets: tuple[str, ...] = (), **variables: str
) -> RunInputs | None:
    """Find the inputs of a download that is not run."""
    environment = {"PIP_CONFIG_FILE": os.devnull, "HOST": "localhost", **variables}
    invocation = read_invocation(arguments, environment)
    return find_run_inputs(prepare(invocation, (LINUX,), targets), 1.0, 2.0)


class TestRunInputs:
    """What the outcome of a download depends on, and when that is not known."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Work in a folder with requirements that name a variable."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "requirements.txt").write_text("--index-url https://${HOST}/simple\none\n")
        return tmp_path

    def test_files_and_variables(self, folder: Path) -> None:
        (folder / "box.toml").write_text(f'tag = "{LINUX}"')
        inputs = inputs_of(
            ("-r", "requirements.txt", "--dest", "house", "--cert", "mine.pem"),
            ("./box.toml", "debian-12-python3.11-x86_64"),
            NETRC="my-netrc",
        )
        assert inputs is not None
        assert inputs.read == (str(folder / "requirements.txt"),)
        looked_for = {"pyproject.toml", "box.toml", "mine.pem", "my-netrc"}
        assert {str(folder / name) for name in looked_for} <= set(inputs.looked_for)
        assert any(name.endswith("debian-12-python3.11-x86_64.toml") for name in inputs.looked_for)
        assert inputs.variables == ("HOST",)
        assert (inputs.began, inputs.fresh_until, inputs.destination) == (1.0, 2.0, "house")

    @pytest.mark.parametrize(
        ("arguments", "variables"),
        [
            (("one", "--find-links", "links"), {}),
            (("one", "--log", "log.txt"), {}),
            (("one",), {"PIP_FIND_LINKS": "links"}),
            (("one",), {"PIP_NO_SUCH_SETTING": "1"}),
        ],
    )
    def test_unknown_inputs(self, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
        assert inputs_of(arguments, (), **variables) is None

    def test_settings_of_known_options_are_known(self) -> None:
        assert inputs_of(["one"], PIP_INDEX_URL="https://localhost", PIP_NO_COLOR="1") is not None
        assert inputs_of(["one", "--index-url=https://localhost", "-q"]) is not None

    def test_options_are_those_of_pip(self) -> None:
        known = {spelling for each in (*WITH_VALUE, *WITHOUT_VALUE) for spelling in each}
        assert known >= _KNOWN
