"""Prove targets of one's own, and what other tools say of an environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import look_up, newest_pythons
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.targets.user_targets import all_user_targets, user_folder

TAG = "cp36-cp36m-manylinux1_x86_64"
OTHER = "cp39-cp39-win_amd64"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of a project, with a user's folder beside it."""
    home = tmp_path / "home"
    monkeypatch.setattr("wheeltarget.targets.user_targets.user_folder", lambda: home)
    home.mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def find(name: str, folder: Path) -> Target:
    target = look_up("target", name, str(folder))
    assert target is not None
    return target


def refusal(name: str, folder: Path) -> tuple[str, str, str]:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, str(folder))
    return caught.value.code, caught.value.message, caught.value.hint


def describe(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, "utf-8")


class TestNames:
    """Names of one's own."""

    def test_of_the_project(self, project: Path) -> None:
        describe(project, f"[tool.wheeltarget.targets.old-box]\ntag = '{TAG}'\n")
        below = project / "requirements"
        below.mkdir()
        for folder in (project, below):
            assert find("old-box", folder) == target_from_tag(TAG, newest_pythons())
            assert find("old-box", folder).label == "old-box"

    def test_of_the_working_directory(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        describe(project, f"[tool.wheeltarget.targets.old-box]\ntag = '{TAG}'\n")
        monkeypatch.chdir(project)
        assert find("old-box", Path()).python == "3.6.15"

    def test_of_the_user(self, project: Path) -> None:
        home = project.parent / "home"
        (home / "old-box.toml").write_text(f"name = 'other'\ntag = '{TAG}'\n")
        (home / "readme.txt").write_text("not a target")
        for name in (".hidden", "copy of old-box", "host", TAG):
            (home / f"{name}.toml").write_text("not a target")
        assert find("old-box", project).label == "old-box"
        assert list(all_user_targets(project)) == ["old-box"]

    def test_the_project_comes_first_then_the_user_then_the_catalogue(self, project: Path) -> None:
        name = "vercel-python3.12"
        assert find(name, project).label == "vercel-python3.12-x86_64"
        (project.parent / "home" / f"{name}.toml").write_text(f"tag = '{OTHER}'\n")
        assert find(name, project).tags[0] == OTHER
        describe(project, f"[tool.wheeltarget.targets]\n'{name}' = {{ tag = '{TAG}' }}\n")
        assert find(name, project).tags[0] == TAG.replace("manylinux1", "manylinux_2_5")

    def test_a_user_without_targets(self, project: Path) -> None:
        (project.parent / "home").rmdir()
        assert all_user_targets(project) == {}

    def test_folder_of_the_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path))
        assert user_folder() == tmp_path / "targets"

    @pytest.mark.parametrize("name", ["host", TAG, "a b", "x,y", "box.toml", "-box", "a/b"])
    def test_a_name_that_means_something_else(self, project: Path, name: str) -> None:
        describe(project, f"[tool.wheeltarget.targets.'{name}']\ntag = '{TAG}'\n")
        file = project / "pyproject.toml"
        assert refusal("box", project) == (
            "WT215",
            f"{file}: a target cannot be called {name}",
            "a name has letters, digits, dots and dashes, and is neither host nor a tag",
        )

    def test_a_description_that_is_wrong(self, project: Path) -> None:
        describe(project, "[tool.wheeltarget.targets.box]\ntags = 3\n")
        file = project / "pyproject.toml"
        code, message, _ = refusal("box", project)
        place = f"{file}: tool.wheeltarget.targets.box"
        assert (code, message) == (
            "WT207",
            f"{place}: tags must be a list of strings, not a number",
        )

    def test_a_table_that_is_wrong(self, project: Path) -> None:
        describe(project, "[tool.wheeltarget]\ntargets = 3\n")
        assert refusal("box", project) == (
            "WT203",
            (
                f"{project / 'pyproject.toml'}:2:1: tool.wheeltarget.targets must be a table of "
                "targets"
            ),
            "write a table for each target: [tool.wheeltarget.targets.NAME]",
        )

    def test_a_file_that_is_no_toml(self, project: Path) -> None:
        describe(project, "[tool.wheeltarget.targets]\nbox =\n")
        code, message, _ = refusal("box", project)
        assert code == "WT203"
        assert message.startswith(f"cannot read {project / 'pyproject.toml'}: ")


TAGS = ["cp38-cp38-linux_x86_64", "cp38-none-any", "py3-none-any"]
MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_release": None,
    "python_full_version": "3.8.19",
    "python_version": "3.8",
}
PEX = {"path": "/usr/bin/python3.8", "compatible_tags": TAGS, "marker_environment": MARKERS}


class TestPex:
    """Complete platforms of pex and Pants."""

    def test_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "box.json").write_text(json.dumps(PEX))
        target = find("box.json", tmp_path)
        assert target.tags == tuple(TAGS)
        assert target.environment == {n: v for n, v in MARKERS.items() if v is not None}
        assert "platform_release" in target.unknown
        assert target.label == "box.json"

    @pytest.mark.parametrize("key", ["compatible_tags", "marker_environment"])
    def test_half_of_it(self, tmp_path: Path, key: str) -> None:
        half = {name: value for name, value in PEX.items() if name != key}
        (tmp_path / "box.json").write_text(json.dumps(half))
        assert refusal("box.json", tmp_path) == (
            "WT214",
            f"box.json is a complete platform without {key}",
            "create it with: pex3 interpreter inspect --markers --tags",
        )

    @pytest.mark.parametrize(
        ("key", "value"), [("compatible_tags", "x"), ("marker_environment", ["x"])]
    )
    def test_of_the_wrong_type(self, tmp_path: Path, key: str, value: object) -> None:
        (tmp_path / "box.json").write_text(json.dumps({**PEX, key: value}))
        assert refusal("box.json", tmp_path)[0] == "WT207"


PIP_DEBUG = """\
WARNING: This command is only meant for debugging.
pip version: pip 21.3.1 from /opt/lib/pip (python 3.6)
sys.version: 3.6.8 (default, Nov 14 2023, 16:29:52)
[GCC 4.8.5]
sys.platform: linux
sys.implementation:
  name: cpython
vendored library versions:
  distlib==0.3.3
Compatible tags: 4
  cp36-cp36m-manylinux_2_17_x86_64
  cp36-cp36m-linux_x86_64
  cp36-none-any
  py3-none-any
$ exit
"""


class TestPipDebug:
    """The output of pip debug."""

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("name", ["debug.txt", "box.toml"])
    def test_is_read(self, tmp_path: Path, name: str, end: str) -> None:
        (tmp_path / name).write_text(PIP_DEBUG, "utf-8", newline=end)
        target = find(name, tmp_path)
        assert target.tags == (
            "cp36-cp36m-manylinux_2_17_x86_64",
            "cp36-cp36m-linux_x86_64",
            "cp36-none-any",
            "py3-none-any",
        )
        assert target.python == "3.6.8"
        assert target.environment["implementation_version"] == "3.6.8"
        assert target.environment["platform_machine"] == "x86_64"
        assert target.unknown == ("platform_release", "platform_version")

    def test_of_a_build_for_debugging_with_a_tag_of_its_own(self, tmp_path: Path) -> None:
        text = PIP_DEBUG.replace("cp36-cp36m-manylinux_2_17_x86_64", "cp36-cp36x-linux_x86_64")
        (tmp_path / "debug.txt").write_text(text)
        target = find("debug.txt", tmp_path)
        assert target.environment == {
            "python_full_version": "3.6.8",
            "python_version": "3.6",
            "sys_platform": "linux",
        }

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("sys.version", "version", "debug.txt is output of pip debug without the version of"),
            ("Compatible tags", "tags", "debug.txt is output of pip debug without the tags"),
            ("tags: 4", "tags: 914", "debug.txt has 4 of 914 tags"),
            (
                "  py3-none-any\n",
                "  ...\n  [First 3 tags shown. Pass --verbose to show all.]\n",
                "debug.txt has ",
            ),
        ],
        ids=["no version", "no tags", "cut off", "not verbose"],
    )
    def test_part_of_it(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        (tmp_path / "debug.txt").write_text(PIP_DEBUG.replace(old, new))
        code, said, hint = refusal("debug.txt", tmp_path)
        assert code == "WT214"
        assert said.startswith(message)
        assert hint == "keep the whole output of: python -m pip debug --verbose"


def test_what_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("buy milk\n")
    code, _, hint = refusal("notes.txt", tmp_path)
    assert code == "WT204"
    assert "pip debug --verbose" in hint
