"""``wheeltarget check``: what it checks, its output, and its exit code."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.broken_wheels import broken_wheels
from tests.support.checks import NEW, OLD, check, lines
from tests.support.cli import wheeltarget
from tests.support.here import run_here
from tests.support.projects import make_setuptools, make_source
from tests.support.wheels import make_wheel


def test_right(house: Path) -> None:
    result = check(house, "-r", "needed.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no findings in 4 files for {OLD}, {NEW}\n"
    assert check(house, "-r", "needed.txt", "--quiet").stderr == ""


def test_without_a_target_the_files_alone_count(house: Path) -> None:
    result = check(house)
    assert result.exit_code == 0
    assert result.stderr == (
        "no findings in 4 files; add --tags TAG or -r FILE to check that they fit a target\n"
    )


def test_conflict(house: Path) -> None:
    make_wheel(house, "other", requires=["lib<1.2"])
    make_wheel(house, "lib", "1.1")
    (house.parent / "needed.txt").write_text(f"app ; tags={OLD}\nother\nlib>1.2 ; tags={OLD}\n")
    found = lines(check(house, "-r", "needed.txt", "--tags", OLD))
    assert found[-1] == (
        f"for {OLD}: WC303 these requirements are in conflict: lib>1.2 and lib>=1 (for app 2.0) "
        "and lib<1.2 (for other 1.0)"
    )


def test_not_needed(house: Path) -> None:
    make_wheel(house, "more")
    make_source(house, "source", "1.0")
    assert lines(check(house, "-r", "needed.txt")) == [
        "house/more-1.0-py3-none-any.whl: WC305 no target needs it",
        "house/source-1.0.tar.gz: WC305 no target needs it",
    ]


def test_an_exclusion_that_nothing_needs(house: Path) -> None:
    arguments = ("-r", "needed.txt", "--exclude=compat,spare", "--format=json")
    document = json.loads(check(house, *arguments).stdout)
    assert document["notes"] == ["nothing needs spare, which --exclude leaves out"]
    assert [each["code"] for each in document["findings"]] == ["WC305"]
    # It is not known if something else is missing.
    (house / "app-2.0-py3-none-any.whl").unlink()
    assert json.loads(check(house, *arguments).stdout)["notes"] == []


def test_single_files(house: Path) -> None:
    result = run_here("check", *map(str, sorted(house.iterdir())), cwd=house.parent)
    assert (result.exit_code, result.stderr.split(";")[0]) == (0, "no findings in 4 files")


def test_everything_broken_at_once(tmp_path: Path) -> None:
    house = tmp_path / "house"
    for number, broken in enumerate(broken_wheels()):
        folder = house / str(number)
        folder.mkdir(parents=True)
        broken.make(folder)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = check(house, "--format", "json", "--tags", OLD)
    assert result.exit_code == 1
    found = json.loads(result.stdout)["findings"]
    for number, broken in enumerate(broken_wheels()):
        mine = [each for each in found if f"/{number}/" in f"{each['file']}"]
        assert broken.code in {each["code"] for each in mine}, broken.what
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_json(house: Path) -> None:
    (house / "compat-1.0-py3-none-any.whl").unlink()
    document = json.loads(check(house, "-r", "needed.txt", "--format=json").stdout)
    assert document == {
        "schema": 1,
        "files": [f"house/{path.name}" for path in sorted(house.iterdir())],
        "targets": [OLD, NEW],
        "notes": [],
        "findings": [
            {
                "code": "WC301",
                "file": None,
                "target": OLD,
                "message": "app 2.0 needs compat, which is missing",
                "hint": "",
            }
        ],
    }


def test_github(house: Path) -> None:
    make_wheel(house, "more")
    result = check(house, "-r", "needed.txt", "--format=github")
    assert result.stdout == (
        "::error file=house/more-1.0-py3-none-any.whl,title=WC305::no target needs it\n"
    )


def test_junit(house: Path) -> None:
    (house / "compat-1.0-py3-none-any.whl").unlink()
    (house / "lib-2.5-cp312-cp312-manylinux2014_x86_64.whl").write_bytes(b"\0")
    suite = ET.fromstring(check(house, "--tags", OLD, "--format=junit").stdout)[0]  # noqa: S314
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    failures = {
        case.get("name"): failure.get("type") for case in suite for failure in case.iter("failure")
    }
    assert failures == {
        "house/lib-2.5-cp312-cp312-manylinux2014_x86_64.whl": "WC102",
        f"the wheelhouse for {OLD}": "WC301",
    }


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (["nowhere"], 2, "nowhere is neither a file nor a folder"),
        (["house", "--tags", "py3"], 2, "py3 is not a tag"),
        (["house", "-r", "nowhere.txt"], 2, "nowhere.txt"),
        (["house", "-r", "pylock.toml", "-r", "needed.txt"], 2, "cannot be checked at once"),
        ([], 2, "Missing argument"),
        (["house", "--format=xml"], 2, "xml"),
        (["house", "-c", "needed.txt"], 2, "-c constrains the"),
        (["needed.txt"], 2, "needed.txt is neither a wheel nor a source"),
        (["house", "-r", "https://127.0.0.1:9/r.txt"], 2, "check uses no network"),
    ],
)
def test_wrong_arguments(house: Path, arguments: list[str], exit_code: int, says: str) -> None:
    result = run_here("check", *arguments, cwd=house.parent)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert says in result.stderr


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    result = check(tmp_path / "house")
    assert result.exit_code == 2
    assert "no wheels in house" in result.stderr


def test_nothing_is_asked_of_an_index(house: Path) -> None:
    shutil.rmtree(house.parent / "nowhere", ignore_errors=True)
    result = wheeltarget(
        "check",
        "house",
        "-r",
        "needed.txt",
        cwd=house.parent,
        variables={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
    )
    assert result.exit_code == 0, result.stderr


def test_only_these_files_count(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(house.parent / "more", "compat", "1.0", requires_python="<3.8")
    (house / "compat-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("PIP_FIND_LINKS", str(house.parent / "more"))
    needed = house.parent / "needed.txt"
    needed.write_text(f"-f more\n--find-links \\\n  more\n{needed.read_text()}")
    expected = [f"for {OLD}: WC301 app 2.0 needs compat, which is missing"]
    assert lines(check(house, "-r", "needed.txt")) == expected


def test_requirement_by_url(house: Path) -> None:
    line = "lib @ https://127.0.0.1:9/lib.whl"
    (house.parent / "needed.txt").write_text(f"app\n{line}\n")
    found = lines(check(house, "-r", "needed.txt", "--tags", OLD))
    assert f"for {OLD}: WC306 needed.txt:2 requires https://127.0.0.1:9/lib.whl" in found[-2]
    for marked in (line, "lib @ git+https://127.0.0.1:9/lib", "./none"):
        text = f"app\n{marked} ; sys_platform == 'win32'\n"
        (house.parent / "needed.txt").write_text(text)
        assert "WC306" not in check(house, "-r", "needed.txt", "--tags", OLD).stdout, marked
    (house.parent / "needed.txt").write_text("git+https://127.0.0.1:9/x\n")
    result = check(house, "-r", "needed.txt", "--tags", OLD)
    assert (result.exit_code, "a repository" in result.stderr) == (2, True)
    assert result.stderr.endswith(
        "  require it by name and version, or check with --tags and without -r\n"
    )


def test_dependency_by_url(house: Path) -> None:
    make_wheel(house, "app", "2.0", requires=["lib @ https://127.0.0.1:9/lib.whl"])
    found = lines(check(house, "-r", "needed.txt", "--tags", OLD))
    assert found[0].startswith(f"house/app-2.0-py3-none-any.whl for {NEW}: WC306 it needs lib from")


def test_excluded_by_a_constraint_or_a_hash(house: Path) -> None:
    (house.parent / "lib.txt").write_text(f"lib ; tags={OLD} --hash=sha256:{'0' * 64}\n")
    (house.parent / "less.txt").write_text("lib<1\n")
    (house.parent / "plain.txt").write_text(f"lib ; tags={OLD}\n")
    for arguments in (["-r", "lib.txt"], ["-r", "plain.txt", "-c", "less.txt"]):
        found = lines(check(house, *arguments))[-1]
        # Which version a hash rules out, only newer pips say.
        assert found.replace("lib==1.5", "lib") == (
            f"for {OLD}: WC303 lib is available, but a constraint or a hash excludes it"
        )


def test_odd_things_in_the_folder(house: Path) -> None:
    (house / "gone-1.0-py3-none-any.whl").symlink_to("nowhere")
    os.mkfifo(house / "pipe-1.0-py3-none-any.whl")
    Path(os.fsdecode(os.fsencode(house) + b"/l\xff.whl")).write_bytes(b"")
    found = lines(check(house))
    assert [line.partition(": ")[2][:20] for line in found] == [
        "WC102 it cannot be r",
        "WC101 its name is no",
        "WC102 it is not a re",
    ]
    assert found[1].startswith("house/l\\udcff.whl: ")


BOX = 'name = "box"\npip = "18.1"\ntag = "cp36-cp36m-manylinux2014_x86_64"\n'
WHEEL = "native-1.0-cp36-cp36m-manylinux2014_x86_64.whl"
SAYS = "pip reads manylinux2014 since 19.3"
ADVICE = (
    "upgrade pip there first, or download a newer one with --with-pip; or choose files for the tag "
    "cp36-cp36m-manylinux1_x86_64"
)


@pytest.fixture
def native(tmp_path: Path) -> Path:
    house = tmp_path / "house"
    make_wheel(house, "native", tag="cp36-cp36m-manylinux2014_x86_64")
    make_wheel(house, "pure")
    (tmp_path / "box.toml").write_text(BOX)
    return house


def test_the_pip_of_the_target_cannot_install_a_wheel(native: Path) -> None:
    result = check(native, "--target", "./box.toml")
    assert result.exit_code == 1
    assert result.stdout == (
        f"house/{WHEEL} for box: WC203 its pip 18.1 cannot install it: {SAYS}\n  {ADVICE}\n"
    )
    assert result.stderr == "1 finding in 2 files for box\n"


def test_the_pip_that_a_python_comes_with_is_only_noted(native: Path) -> None:
    tag = "cp36-cp36m-manylinux2014_x86_64"
    note = f"{tag}: the pip that CPython 3.6 comes with, 18.1, cannot install {WHEEL}: {SAYS}"
    result = check(native, "--tags", tag)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no findings in 2 files for {tag}\nnote: {note}; {ADVICE}\n"
    assert check(native, "--tags", tag, "--quiet").stderr == ""
    document = json.loads(check(native, "--tags", tag, "--format=json").stdout)
    assert (document["notes"], document["findings"]) == ([f"{note}; {ADVICE}"], [])
    assert check(native, "--tags", tag, "--format=github").stdout.startswith(f"::notice::{tag}: ")


def test_a_newer_pip_among_the_wheels_is_enough(native: Path) -> None:
    make_wheel(native, "pip", "21.3.1", requires_python=">=3.6")
    result = check(native, "--target", "./box.toml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith(f"{SAYS}; use pip 21.3.1, which is one of the files\n")
    (native / "pip-21.3.1-py3-none-any.whl").unlink()
    make_wheel(native, "pip", "24.0", requires_python=">=3.7")
    assert check(native, "--target", "./box.toml").exit_code == 1


@pytest.mark.parametrize(
    ("pip", "name", "files", "is_found"),
    [
        ("18.1", "a-1.0.tar.gz", ("pyproject.toml",), True),
        ("18.1", "a-1.0.zip", ("pyproject.toml", "docs/setup.py"), True),
        ("18.1", "a-1.0.tar.gz", ("pyproject.toml", "setup.py"), False),
        ("19.0", "a-1.0.tar.gz", ("pyproject.toml",), False),
        ("18.1", "pure-1.0.tar.gz", ("pyproject.toml",), False),  # there is a wheel of it
        ("18.1", "a-1.0.tar.gz", None, False),  # it cannot be read
    ],
)
def test_the_pip_of_the_target_cannot_build_a_source(
    tmp_path: Path, pip: str, name: str, files: tuple[str, ...] | None, is_found: bool
) -> None:
    house = tmp_path / "house"
    make_wheel(house, "pure")
    (tmp_path / "box.toml").write_text(BOX.replace("18.1", pip))
    source = house / name
    if files is None:
        source.write_bytes(b"x")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(source, "w") as archive:
            for file in files:
                archive.writestr(f"a-1.0/{file}", "")
    else:
        with tarfile.open(source, "w:gz") as archive:
            for file in files:
                archive.addfile(tarfile.TarInfo(f"a-1.0/{file}"))
    result = check(house, "--target", "./box.toml")
    assert result.stdout.count(": WC204 ") == is_found, result.stdout


def test_source_that_needs_something_to_be_built(house: Path) -> None:
    """With requirements, what a build needs is not a file that nobody needs."""
    make_setuptools(house, "80.0")
    make_source(house, "source", pyproject='[build-system]\nrequires = ["setuptools"]\n')
    (house.parent / "needed.txt").write_text(f"# tags={NEW}\napp\nsource\n")
    old = {"house/compat-1.0-py3-none-any.whl", "house/lib-1.5-cp37-cp37m-manylinux1_x86_64.whl"}
    assert {line.split()[0].rstrip(":") for line in lines(check(house, "-r", "needed.txt"))} == old


def test_source_that_no_pip_can_build(house: Path) -> None:
    make_source(house, "source", pyproject="[build-system]\n", files={"setup.py": ""})
    (found,) = lines(check(house, "--tags", f"{OLD},{NEW}"))
    assert found == (
        "house/source-1.0.tar.gz: WC129 it cannot be built: the [build-system] of its "
        "pyproject.toml has no list of requirements"
    )
