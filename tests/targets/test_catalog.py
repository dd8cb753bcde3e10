"""Prove how a target is looked up, and what a target file may say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import (
    host,
    look_up,
    look_up_tag,
    read_target_file,
    target_from_table,
)
from wheeltarget.targets.names import (
    newest_pythons,
)
from wheeltarget.targets.own_pip import OwnPip
from wheeltarget.targets.target import MARKER_VARIABLES, Target, target_from_tag

TAG = "cp36-cp36m-manylinux1_x86_64"
BASE = target_from_tag(TAG, newest_pythons())
KEYS_HINT = "known keys: exclude, markers, name, pip, schema, tag, tags"
VARIABLES_HINT = f"known ones: {', '.join(MARKER_VARIABLES)}"


@pytest.mark.parametrize(
    ("interpreter", "newest"),
    [
        ("cp27", "2.7.18"),
        ("cp35", "3.5.10"),
        ("cp36", "3.6.15"),
        ("cp37", "3.7.17"),
        ("cp38", "3.8.20"),
        ("cp39", "3.9.25"),
        ("cp310", "3.10.22"),
        ("cp311", "3.11.18"),
        ("cp312", "3.12.16"),
        ("cp313", "3.13.18"),
        ("cp314", "3.14.10"),
        ("cp315", "3.15.2"),
    ],
)
def test_the_newest_release_is_known(interpreter: str, newest: str) -> None:
    assert newest_pythons()[interpreter] == newest


@pytest.mark.parametrize(("interpreter", "newest"), sorted(newest_pythons().items()))
def test_a_release_belongs_to_its_interpreter(interpreter: str, newest: str) -> None:
    match = re.fullmatch(r"(?:cp|pp|graalpy)(\d)(\d+)", interpreter)
    assert match is not None
    assert re.fullmatch(rf"{match[1]}\.{match[2]}\.\d+", newest)


def test_a_tag_is_looked_up_with_the_newest_release() -> None:
    target = look_up("tags", TAG, "")
    assert target == BASE
    assert BASE.python == "3.6.15"


def test_host_is_the_running_interpreter() -> None:
    assert look_up("target", "host", "") is None


def test_host_is_no_tag() -> None:
    with pytest.raises(TargetError, match=r"^host is not a tag$"):
        look_up("tags", "host", "")


@pytest.mark.parametrize("name", ["box.toml", "./box.toml", "sub/../box.toml"])
def test_a_target_file_is_found_beside_the_file_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "box.toml").write_text(f'tag = "{TAG}"\n', "utf-8")
    target = look_up("target", name, str(tmp_path))
    assert target == BASE
    assert target is not None
    assert target.label == name


def test_a_target_file_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.json").write_text(json.dumps({"tag": TAG}), "utf-8")
    assert look_up("target", "box.json", "") == BASE


def test_an_absolute_path_is_relative_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text(f'tag = "{TAG}"\n', "utf-8")
    assert look_up("target", str(path), "elsewhere") == BASE


NO_NAME = "run wheeltarget targets for a list, or name a target file, such as ./FILE.toml"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (TAG, f"{TAG} is not the name of a target", f"a tag is given with tags=: tags={TAG}"),
        # Two dashes make no tag, so none is proposed.
        ("my-own-machine", "my-own-machine is not a known target", NO_NAME),
        ("py3-none-any", "py3-none-any is not a known target", NO_NAME),
        ("-a-b", "-a-b is not a known target", NO_NAME),
        ("nowhere", "nowhere is not a known target", NO_NAME),
        ("HOST", "HOST is not a known target", NO_NAME),
        ("", " is not a known target", NO_NAME),
    ],
)
def test_what_names_no_target_is_refused(name: str, message: str, hint: str) -> None:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, "")
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize("name", ["absent.toml", "absent/box", "nul\0.toml", "\ud800.json", "./"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, str(tmp_path))
    assert caught.value.message.startswith(f"cannot read the target file {name}: ")


TAGS = ("cp39-cp39-linux_x86_64", "cp39-none-any", "py3-none-any")
LISTED = Target("box", TAGS, (("python_full_version", "3.9.2"), ("os_name", "posix")))
GOOD = {
    "toml.toml": (f'tag = "{TAG}"', BASE),
    "schema.toml": (f'schema = 1\ntag = "{TAG}"', BASE),
    # Named so, or for what it holds: the ending does not matter.
    "json.toml": (json.dumps({"tag": TAG}), BASE),
    "toml.json": (f"tag = '{TAG}'", BASE),
    "indented.json": ('\n\t {\n"tag":\n' + json.dumps(TAG) + "}\n", BASE),
    "windows.toml": (f'\ufefftag = "{TAG}"\r\n', BASE),
    "windows.json": ("\ufeff" + json.dumps({"tag": TAG}), BASE),
    "upper.toml": (f'tag = "{TAG.upper()}"', BASE),
    "tags.toml": (
        f"tags = {[*TAGS]}\n[markers]\npython_full_version = '3.9.2'\nos_name = 'posix'",
        LISTED,
    ),
    "tags.json": (
        json.dumps(
            {
                "tags": [*map(str.upper, TAGS), TAGS[0]],
                "markers": {"os_name": "posix", "python_full_version": "3.9.2"},
            }
        ),
        LISTED,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_reads_a_target_file(tmp_path: Path, name: str) -> None:
    content, expected = GOOD[name]
    path = tmp_path / name
    path.write_text(content, "utf-8", newline="")
    target = read_target_file(path, "label")
    assert target == expected
    assert target.label == "label"


def test_a_file_gives_its_target_a_name(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text(f'name = "old box"\ntag = "{TAG}"\n', "utf-8")
    assert read_target_file(path, "label").label == "old box"


def test_the_host_survives_a_file(tmp_path: Path) -> None:
    running = host()
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"tags": running.tags, "markers": running.environment}), "utf-8")
    assert read_target_file(path, "label") == running


@pytest.mark.parametrize(
    ("markers", "changed"),
    [
        (
            {"platform_release": "4.14.355", "platform_version": "#1 SMP"},
            {"platform_release": "4.14.355", "platform_version": "#1 SMP"},
        ),
        ({"platform_machine": "i686"}, {"platform_machine": "i686"}),
        # The one is the other on CPython.
        (
            {"python_full_version": "3.6.8"},
            {"python_full_version": "3.6.8", "implementation_version": "3.6.8"},
        ),
        (
            {"python_full_version": "3.6.16a0+"},
            {"python_full_version": "3.6.16a0+", "implementation_version": "3.6.16a0"},
        ),
        # The one writes a candidate rc, the other c.
        (
            {"python_full_version": "3.6.16rc1"},
            {"python_full_version": "3.6.16rc1", "implementation_version": "3.6.16c1"},
        ),
        (
            {"python_full_version": "3.6.8", "implementation_version": "3.6.15"},
            {"python_full_version": "3.6.8", "implementation_version": "3.6.15"},
        ),
    ],
    ids=["unknown", "known", "patch", "between-releases", "candidate", "both"],
)
def test_a_file_knows_better_than_its_tag(markers: dict[str, str], changed: dict[str, str]) -> None:
    target = target_from_table({"tag": TAG, "markers": markers}, "label")
    expected = {**BASE.environment, **changed}
    assert target == replace(BASE, markers=tuple(expected.items()))


@pytest.mark.parametrize(
    ("tag", "implementation_version"),
    [
        ("cp27-cp27mu-manylinux1_x86_64", "0"),
        ("pp27-pypy_73-manylinux1_x86_64", "0"),
        ("py27-none-any", None),
    ],
)
def test_another_patch_is_another_version_of_no_other_python(
    tag: str, implementation_version: str | None
) -> None:
    table = {"tag": tag, "markers": {"python_full_version": "2.7.5"}}
    target = target_from_table(table, "label")
    assert target.python == "2.7.5"
    assert target.environment.get("implementation_version") == implementation_version


@pytest.mark.parametrize(
    ("table", "pip"),
    [
        ({"tag": TAG}, OwnPip("18.1", "CPython 3.6")),
        ({"tag": TAG, "pip": "21.3.1"}, OwnPip("21.3.1")),
        (
            {"tags": [TAG], "markers": {"python_full_version": "3.6.8"}},
            OwnPip("18.1", "CPython 3.6"),
        ),
        ({"tags": ["ip39-none-any"], "markers": {"python_full_version": "3.9.1"}}, None),
    ],
)
def test_the_pip_of_a_table(table: dict[str, object], pip: OwnPip | None) -> None:
    assert target_from_table(table, "box").pip == pip


def test_the_pip_of_names_and_of_tags() -> None:
    names = (
        "debian-9-python3.6-x86_64",
        "debian-12-python3.9-x86_64",
        "debian-12-python3.11-x86_64",
        "alpine-3.15-python3.9-x86_64",
        "aws-lambda-python3.6-x86_64",
    )
    found = [look_up("target", name, "") for name in names]
    assumed = [OwnPip("18.1", "CPython 3.6"), OwnPip("23.0.1", "CPython 3.9")]
    expected = [*assumed, OwnPip("23.0.1"), OwnPip("20.3.4"), None]
    assert [target and target.pip for target in found] == expected
    assert look_up_tag("pp39-pypy39_pp73-win_amd64").pip is None
    assert host().pip is None


ONE_OF = "tag is the best tag of the environment, tags is the list of all supported tags"
TEXT_TABLE = "a table of strings by os_name and the like"
BAD: dict[str, tuple[dict[str, object], str, str]] = {
    "key": ({"tag": TAG, "os": "x", "arch": "x"}, "box: unknown key arch", KEYS_HINT),
    "schema": (
        {"schema": 2, "tag": TAG},
        "box: this version of wheeltarget does not know schema 2",
        "",
    ),
    "empty": ({}, "box must have exactly one of tag and tags", ONE_OF),
    "both": ({"tag": TAG, "tags": [TAG]}, "box must have exactly one of tag and tags", ONE_OF),
    "name": ({"name": 3, "tag": TAG}, "box: name must be a string, not a number", ""),
    "no-name": ({"name": "", "tag": TAG}, "box: name must be a string, not an empty string", ""),
    "tag": ({"tag": [TAG]}, "box: tag must be a string, not a list", ""),
    "tags": ({"tags": TAG}, "box: tags must be a list of strings, not a string", ""),
    "tags-of": ({"tags": [3]}, "box: tags must be a list of strings, not a list with a number", ""),
    "markers": (
        {"tag": TAG, "markers": ["os_name"]},
        f"box: markers must be {TEXT_TABLE}, not a list",
        "",
    ),
    "markers-of": (
        {"tag": TAG, "markers": {"python_version": 3.6}},
        f"box: markers must be {TEXT_TABLE}, not a table with a number",
        "",
    ),
    "variable": (
        {"tag": TAG, "markers": {"extra": "x"}},
        "box: unknown marker variable extra",
        VARIABLES_HINT,
    ),
    "refused-tag": (
        {"tag": "cp37-cp37-win_amd64"},
        "box: cp37-cp37-win_amd64 is not an environment: CPython 3.7 has the ABI cp37m",
        "write cp37-cp37m-win_amd64",
    ),
    "two-tags": (
        {"tags": ["py2.py3-none-any"], "markers": {"python_full_version": "3.9.1"}},
        "box: 'py2.py3-none-any' is not one tag",
        "write cp312-cp312-manylinux_2_28_x86_64",
    ),
    "pip": (
        {"tag": TAG, "pip": 18.1},
        'box: pip must be a version in quotes, such as "18.1", not a number',
        "",
    ),
    "pip-of": (
        {"tag": TAG, "pip": "new"},
        "box: pip must be the version of its pip, not 'new'",
        'write what pip --version prints there, such as pip = "18.1"',
    ),
    "no-tags": (
        {"tags": [], "markers": {"python_full_version": "3.9.1"}},
        "box has no tags",
        "",
    ),
    "no-version": (
        {"tags": ["py3-none-any"]},
        "box does not state the full Python version",
        'add the marker python_full_version, such as "3.12.4"',
    ),
    "short-version": (
        {"tag": TAG, "markers": {"python_full_version": "3.6"}},
        "box does not state the full Python version",
        'add the marker python_full_version, such as "3.12.4"',
    ),
    "other-python": (
        {"tag": TAG, "markers": {"python_full_version": "3.7.1"}},
        "box is Python 3.6 by python_version and 3.7.1 by python_full_version",
        "python_version follows from python_full_version and can be left out",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_table_that_describes_no_environment_is_refused(case: str) -> None:
    table, message, hint = BAD[case]
    with pytest.raises(TargetError) as caught:
        target_from_table(table, "box")
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_fault_behind_a_name_is_told_with_the_name() -> None:
    with pytest.raises(TargetError, match=r"^old box has no tags$"):
        target_from_table({"name": "old box", "tags": []}, "box.toml")


@pytest.mark.parametrize(
    "content",
    [
        b"tag = ",
        b'{"tag": "x"',
        b"[[[",
        b"tag = " + b"[" * 100_000,
        b'{"tag": ' + b"[" * 100_000,
        b"a = " + b"9" * 5_000,
    ],
    ids=["toml", "json", "brackets", "deep-toml", "deep-json", "digits"],
)
def test_what_is_neither_toml_nor_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "box.toml"
    path.write_bytes(content)
    with pytest.raises(TargetError, match=r"^box\.toml is not a target file: "):
        read_target_file(path, "box.toml")


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text(f'tag = "{TAG}"', "utf-16")
    with pytest.raises(
        TargetError, match=r"^cannot read the target file box\.toml: it is not in UTF-8"
    ):
        read_target_file(path, "box.toml")


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just(TAG))
TEXTS = st.dictionaries(
    st.sampled_from([*MARKER_VARIABLES, "extra"]),
    st.one_of(st.sampled_from(["3.6.1", "3.6", "linux", ""]), st.text(max_size=5)),
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "schema": st.one_of(st.just(1), LEAF),
        "name": st.one_of(st.just("box"), LEAF),
        "tag": st.one_of(st.just(TAG), st.just(TAG), LEAF),
        "tags": st.one_of(st.just([TAG]), st.lists(LEAF, max_size=2), LEAF),
        "markers": st.one_of(TEXTS, st.dictionaries(st.text(max_size=5), LEAF), LEAF),
        "other": LEAF,
    },
)


@given(TABLES)
@settings(deadline=None)
def test_any_table_is_a_target_or_refused(table: Mapping[str, object]) -> None:
    try:
        target = target_from_table(table, "box")
    except TargetError:
        return
    assert target.tags[0] in {BASE.tags[0], TAG}
    assert target.python in target.environment["python_full_version"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("targets") / "box.toml"


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)))
@settings(deadline=None)
def test_any_file_is_a_target_or_refused(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    with pytest.raises(TargetError):
        read_target_file(scratch, "box.toml")


@given(st.sampled_from(["tags", "target"]), st.text(max_size=30))
@settings(deadline=None)
def test_any_other_name_is_refused(key: str, text: str) -> None:
    # Nothing lies in that folder.
    with pytest.raises(TargetError):
        look_up(key, f"{text}?", os.devnull)


def find(name: str, folder: Path) -> Target:
    target = look_up("target", name, str(folder))
    assert target is not None
    return target


def refusal(name: str, folder: Path) -> tuple[str, str, str]:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, str(folder))
    return caught.value.code, caught.value.message, caught.value.hint


PEX_TAGS = ["cp38-cp38-linux_x86_64", "cp38-none-any", "py3-none-any"]
PEX_MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_release": None,
    "python_full_version": "3.8.19",
    "python_version": "3.8",
}
PEX = {"path": "/usr/bin/python3.8", "compatible_tags": PEX_TAGS, "marker_environment": PEX_MARKERS}


class TestPex:
    """Complete platforms of pex and Pants."""

    def test_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "box.json").write_text(json.dumps(PEX))
        target = find("box.json", tmp_path)
        assert target.tags == tuple(PEX_TAGS)
        assert target.environment == {n: v for n, v in PEX_MARKERS.items() if v is not None}
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


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("aws-lambda-python3.12-arm64", "cp312-cp312-linux_aarch64"),
        ("alpine-3.22-python3.12-x86_64", "cp312-cp312-linux_x86_64"),
        ("ubuntu-22.04-python3.10-x86_64", "cp310-cp310-linux_x86_64"),
    ],
)
def test_a_named_machine_takes_any_linux_last(name: str, plain: str) -> None:
    named = look_up("target", name, "")
    assert named is not None
    build = plain.rpartition("-")[0]
    own = [tag for tag in named.tags if tag.startswith(f"{build}-")]
    assert own[-1] == plain
    assert len(own) > 1
    assert look_up_tag(named.tags[0]).tags == tuple(t for t in named.tags if "-linux_" not in t)


@pytest.mark.parametrize("name", ["windows-python3.12-x86_64", "snowflake-udf-python3.11"])
def test_other_names_take_no_linux(name: str) -> None:
    named = look_up("target", name, "")
    assert named is not None
    assert not any("linux" in tag for tag in named.tags)


def test_a_tag_in_a_file_takes_no_more_than_it_says() -> None:
    table = {"tag": "cp312-cp312-manylinux2014_x86_64"}
    assert target_from_table(table, "box").tags == look_up_tag(table["tag"]).tags


@pytest.mark.parametrize(
    "text",
    [
        f'{{"tag": {"9" * 5000}}}',
        f"tag = {'9' * 5000}",
        f'tag = "cp39-cp39-win32"\nschema = 0x{"f" * 5000}',
        f'tag = "cp39-cp39-win32"\n[markers]\nos_name = 0o{"7" * 9000}',
    ],
    ids=["json", "tag", "schema", "marker"],
)
def test_number_of_thousands_of_digits_in_a_target_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(TargetError, match=r"t.toml is not a target file: .*too many digits"):
        read_target_file(path, "t.toml")


@pytest.mark.parametrize("text", ['{"tag": ' + "[" * 100_000, "tag = " + "[" * 3000])
def test_target_file_that_is_nested_too_deeply(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(TargetError, match=r"t.toml is not a target file: .*nested too deeply"):
        read_target_file(path, "t.toml")
