"""Names of targets: on the command line, in pyproject.toml, and those that the user defines."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheeltarget.errors import InputError, Location, TargetError
from wheeltarget.targets.catalog import look_up, newest_pythons
from wheeltarget.targets.names import (
    Projects,
    TargetName,
    command_line_targets,
    project_files,
    user_folder,
    user_targets,
)
from wheeltarget.targets.target import Target, target_from_tag

TAG = "cp36-cp36m-manylinux1_x86_64"
OTHER = "cp39-cp39-win_amd64"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of a project, with a user's folder beside it."""
    home = tmp_path / "home"
    monkeypatch.setattr("wheeltarget.targets.names.user_folder", lambda: home)
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
        assert list(user_targets(project, Projects())) == ["old-box"]

    def test_the_project_comes_first_then_the_user_then_the_catalogue(self, project: Path) -> None:
        name = "vercel-python3.12"
        assert find(name, project).label == "vercel-python3.12-x86_64"
        (project.parent / "home" / f"{name}.toml").write_text(f"tag = '{OTHER}'\n")
        assert find(name, project).tags[0] == OTHER
        describe(project, f"[tool.wheeltarget.targets]\n'{name}' = {{ tag = '{TAG}' }}\n")
        assert find(name, project).tags[0] == TAG.replace("manylinux1", "manylinux_2_5")

    def test_a_user_without_targets(self, project: Path) -> None:
        (project.parent / "home").rmdir()
        assert user_targets(project, Projects()) == {}

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


class TestCommandLine:
    """The values of ``--tags`` and ``--target``."""

    def test_each_entry_has_its_place(self) -> None:
        found = command_line_targets([f"{TAG}, {OTHER}"], ["box", "a/b.toml"])
        assert found == (
            TargetName("tags", TAG, ""),
            TargetName("tags", OTHER, ""),
            TargetName("target", "box", ""),
            TargetName("target", "a/b.toml", ""),
        )
        column = len(TAG) + 3
        assert [name.fault.location for name in found[1:]] == [
            Location("--tags", 1, column),
            Location("--target", 1, 1),
            Location("--target", 2, 1),
        ]
        assert found[1].fault.width == len(OTHER)

    def test_every_empty_entry_is_refused(self) -> None:
        with pytest.raises(InputError) as caught:
            command_line_targets(["", f"{TAG},"], ["a,,b"])
        assert [(each.message, each.location) for each in caught.value.faults] == [
            ("--tags has an empty entry", Location("--tags", 1, 1)),
            ("--tags has an empty entry", Location("--tags", 2, len(TAG) + 2)),
            ("--target has an empty entry", Location("--target", 1, 3)),
        ]


class TestDefaults:
    """The default targets of a project."""

    def test_tags_come_first(self, project: Path) -> None:
        describe(
            project, f"[tool.wheeltarget]\ntarget = 'box'\ntags = ['{TAG}, {OTHER}', '{TAG}']\n"
        )
        found = Projects().defaults(project)
        assert [(name.key, name.text, name.folder) for name in found] == [
            ("tags", TAG, str(project)),
            ("tags", OTHER, str(project)),
            ("tags", TAG, str(project)),
            ("target", "box", str(project)),
        ]
        assert found[0].fault.location == Location(str(project / "pyproject.toml"), 3, 1)

    def test_each_file_is_read_once(self, project: Path) -> None:
        describe(project, "[tool.wheeltarget]\ntarget = 'box'\n")
        projects = Projects()
        first = projects.defaults(project)
        describe(project, "[tool.wheeltarget]\ntarget = 'other'\n")
        assert projects.defaults(project) == first != Projects().defaults(project)

    def test_files_upwards_until_one_exists(self, project: Path) -> None:
        describe(project, "")
        below = project / "a" / "b"
        assert [
            file.relative_to(project.resolve()).as_posix() for file in project_files(below)
        ] == [
            "a/b/pyproject.toml",
            "a/pyproject.toml",
            "pyproject.toml",
        ]
