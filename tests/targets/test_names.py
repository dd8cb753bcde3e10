"""Names of targets: on the command line, in pyproject.toml, and those that the user defines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from wheeltarget.cli.verbs.targets import Kind
from wheeltarget.errors import InputError, Location, TargetError
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import (
    ALIASES,
    Projects,
    System,
    TargetName,
    command_line_targets,
    is_valid_name,
    known_sources,
    known_systems,
    newest_pythons,
    project_files,
    provided_tables,
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

    def test_of_the_catalogue_with_what_is_left_out(self, project: Path) -> None:
        name = "aws-lambda-python3.12-arm64"
        describe(project, f"[tool.wheeltarget.targets.'{name}']\nexclude = ['Boto3', 'x-*']\n")
        known = find(name, project.parent)
        for written in (name, "aws-lambda-arm64-python3.12"):
            target = find(written, project)
            assert replace(target, excluded=()) == known
            assert target.label == name
            assert [each.pattern for each in target.excluded] == ["boto3", "x-*"]

    @pytest.mark.parametrize(
        ("table", "code", "message"),
        [
            ("old-box]\nexclude = ['a>1']\ntag = 'TAG'", "WT218", "'a>1' is a requirement"),
            ("old-box]\nexclude = 'a'\ntag = 'TAG'", "WT207", "exclude must be a list of names"),
            ("old-box]\nexclude = ['a']", "WT202", "old-box is not a known target"),
            ("old-box.1]\ntag = 'TAG'", "WT205", "targets.old-box has a table 1"),
        ],
    )
    def test_wrong_table(self, project: Path, table: str, code: str, message: str) -> None:
        describe(project, f"[tool.wheeltarget.targets.{table}\n".replace("TAG", TAG))
        with pytest.raises(TargetError) as caught:
            find("old-box", project)
        assert (caught.value.code, message in caught.value.message) == (code, True)

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


SYSTEMS = known_systems()


def find_named(name: str) -> Target:
    target = look_up("target", name, "")
    assert target is not None
    assert target.label == name
    return target


def names(system: System) -> Iterator[str]:
    """Name all targets of a system, or, of one with any Python, some on each architecture."""
    for each in system.targets():
        if not system.any_python or each.python in {"2.7", "3.6", "3.15t"}:
            yield each.name


class TestSystems:
    """What the file says."""

    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.OWN])
    def test_every_name_is_a_target(self, kind: str) -> None:
        systems = [system for system in SYSTEMS if system.kind == kind]
        assert systems
        for system in systems:
            for name in names(system):
                target = find_named(name)
                named = find_target(name)
                assert named.system is system
                assert target.environment["python_version"] == named.python.removesuffix("t")
                full = system.releases.get(named.python)
                assert not full or target.environment["python_full_version"] == full
                platform = system.platforms[named.architecture]
                assert target.tags[0].endswith(f"-{platform}")

    def test_every_python_that_is_known_can_be_named(self) -> None:
        for interpreter in newest_pythons():
            if interpreter.startswith("cp"):
                python = f"{interpreter[2]}.{interpreter[3:]}"
                found = find_named(f"debian-12-python{python}-x86_64")
                assert found.tags[0].startswith(f"{interpreter}-{interpreter}")

    def test_no_name_means_two_targets(self) -> None:
        found = [name for system in SYSTEMS for name in names(system)]
        assert len(found) == len(set(found)) > 300

    def test_no_alias_is_the_name_of_another_system(self) -> None:
        taken = [alias for system in SYSTEMS for alias in system.aliases]
        assert len(taken) == len(set(taken))
        assert not set(taken) & {system.name for system in SYSTEMS}

    def test_every_name_can_be_written(self) -> None:
        for system in SYSTEMS:
            for name in (system.name, *system.aliases):
                assert is_valid_name(name)
                assert name == name.lower()

    def test_every_system_says_where_it_is_from(self) -> None:
        used = set()
        for system in SYSTEMS:
            assert system.status in {"verified", "inferred"}
            assert system.title
            assert system.sources
            assert bool(system.limits) == bool(system.limit_sources)
            assert system.limits.keys() <= {"unzipped_bytes", "zipped_bytes"}
            assert system.limit_conditions.keys() <= system.limits.keys()
            assert set(system.inferred) <= {*system.pythons, *system.platforms}
            assert system.ends.keys() <= {*system.pythons}
            assert bool(system.pips) == bool(system.pip_sources)
            assert system.pips.keys() <= {*system.pythons}
            used |= {*system.sources, *system.python_sources, *system.limit_sources}
            used |= {*system.pip_sources}
        used |= {key for table in provided_tables() for key in table["sources"]}
        assert used | {"eol"} == known_sources().keys()

    def test_architectures_have_a_name_in_one_set_only(self) -> None:
        everything = [alias for aliases in ALIASES.values() for alias in aliases]
        assert len(everything) == len(set(everything))
        assert {each for system in SYSTEMS for each in system.platforms} - {""} <= set(everything)

    def test_one_name_is_of_one_kind(self) -> None:
        assert len({(each.name, each.kind) for each in SYSTEMS}) == len({s.name for s in SYSTEMS})

    def test_command_line_has_every_kind(self) -> None:
        assert [each.value for each in Kind] == [
            *dict.fromkeys(each.kind for each in SYSTEMS),
            "own",
        ]


class TestSupport:
    """When the support ends."""

    def test_end_by_python(self) -> None:
        system = find_target("aws-lambda-python3.8-x86_64").system
        assert system.end_of("3.8") == date(2024, 10, 14)
        assert system.is_retired("3.8", date(2024, 10, 14))
        assert not system.is_retired("3.8", date(2024, 10, 13))
        assert not system.is_retired("3.11", date(2024, 10, 14))

    def test_end_of_all(self) -> None:
        system = find_target("centos-7-python3.6-x86_64").system
        assert system.is_retired("3.6", date(2024, 6, 30))

    def test_no_end_is_known(self) -> None:
        system = find_target("vercel-python3.12").system
        assert system.end_of("3.12") is None
        assert not system.is_retired("3.12", date.max)
