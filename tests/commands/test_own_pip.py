"""What the pip of a target cannot install, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.here import run_here
from tests.support.wheels import make_wheel
from wheeltarget.commands.own_pip import find_old_pip, note_old_pips
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.own_pip import OwnPip

TAG = "cp36-cp36m-manylinux2014_x86_64"
BOX = replace(look_up_tag(TAG), label="box", pip=OwnPip("18.1"))
ONE, TWO = f"a-1.0-{TAG}.whl", "b_c-2.0-cp36-abi3-manylinux2010_x86_64.whl"
PURE, OTHER = "a-1.0-py3-none-any.whl", "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"
NEW_PIP, OLD_PIP = "pip-21.3.1-py3-none-any.whl", "pip-19.0-py2.py3-none-any.whl"


@pytest.mark.parametrize(
    ("files", "found", "brought"),
    [
        ([ONE, TWO, OTHER], [ONE, TWO], ""),
        ([PURE, OTHER], [], ""),
        ([ONE, PURE], [], ""),  # pip takes the other wheel of this release
        ([ONE, PURE.replace("1.0", "0.9")], [ONE], ""),
        ([ONE, NEW_PIP], [ONE], "21.3.1"),
        ([ONE, OLD_PIP], [ONE], ""),
        ([TWO, OLD_PIP], [TWO], "19.0"),
        (["a-1.0.tar.gz", "not a wheel", "a-1.0-x.whl"], [], ""),
        ([f"A-1.0-7-{TAG}.whl", "a-1.0-py3-none-any.whl"], [], ""),
        ([f"a-1.0-cp36-cp36m-manylinux1_x86_64.{TAG.split('-')[-1]}.whl"], [], ""),
    ],
)
def test_the_files_that_a_pip_cannot_install(
    files: list[str], found: list[str], brought: str
) -> None:
    old = find_old_pip(BOX, "box", files)
    said = ([each.filename for each in old.files], old.brought) if old else ([], "")
    assert said == (found, brought)


def test_a_source_without_a_setup_script() -> None:
    old = find_old_pip(BOX, "box", [], ["a-1.0.tar.gz"])
    assert old is not None
    assert old.explain() == (
        "box has pip 18.1, which cannot install a-1.0.tar.gz: pip reads sources without a setup.py "
        "since 19.0; upgrade pip there first, or download a newer one with --with-pip"
    )
    newer = replace(BOX, pip=OwnPip("19.0"))
    assert find_old_pip(newer, "box", [], ["a-1.0.tar.gz"]) is None


def test_nothing_is_said_of_a_pip_that_is_fine_or_not_known() -> None:
    targets = [
        (replace(BOX, pip=OwnPip("21.3.1")), "new"),
        (replace(BOX, pip=None), "unknown"),
        (None, "this interpreter"),
    ]
    assert list(note_old_pips(targets, [[ONE, TWO]] * 3)) == []
    assert list(note_old_pips([(BOX, "box")], [[ONE, NEW_PIP]])) == []


def test_what_is_said_of_an_old_pip() -> None:
    assumed = look_up_tag(TAG)
    notes = note_old_pips([(BOX, "box"), (assumed, TAG)], [[TWO, ONE], [ONE, TWO, ONE]])
    advice = (
        "pip reads manylinux2014 since 19.3; upgrade pip there first, or download a newer one with "
        "--with-pip; or choose files for the tag cp36-cp36m-manylinux1_x86_64"
    )
    comes = "the pip that CPython 3.6 comes with, 18.1"
    assert list(notes) == [
        f"box has pip 18.1, which cannot install {ONE} and 1 other file: {advice}",
        f"{TAG}: {comes}, cannot install {ONE} and 2 other files: {advice}",
    ]


def test_a_lower_tag_is_only_proposed_if_there_is_one() -> None:
    musl = replace(look_up_tag("cp39-cp39-musllinux_1_2_x86_64"), pip=OwnPip("21.1"))
    (note,) = note_old_pips([(musl, "box")], [["a-1.0-cp39-cp39-musllinux_1_1_x86_64.whl"]])
    assert note.endswith("upgrade pip there first, or download a newer one with --with-pip")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a folder with wheels, and a target whose pip does not see all of them."""
    make_wheel(tmp_path / "links", "a", tag=TAG)
    make_wheel(tmp_path / "links", "pure")
    make_wheel(tmp_path / "links", "pip", "21.3.1", requires_python=">=3.6")
    (tmp_path / "box.toml").write_text(f'name = "box"\npip = "18.1"\ntag = "{TAG}"\n')
    return tmp_path


NOTE = f"note: box has pip 18.1, which cannot install {ONE}: pip reads manylinux2014 since 19.3;"
LINKS = ("--no-index", "--find-links", "links")


@pytest.mark.parametrize("verb", ["download", "lock"])
def test_a_run_ends_with_what_the_pip_cannot_install(project: Path, verb: str) -> None:
    named = ("--target", "./box.toml")
    where = ("-d", "house") if verb == "download" else ("-o", "locks")
    result = run_here(verb, *LINKS, *where, *named, "a", "pure", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count(NOTE) == 1
    quiet = run_here(verb, *LINKS, *where, *named, "pure", cwd=project)
    assert "box has pip" not in quiet.stderr


def test_nothing_is_said_if_a_pip_is_brought(project: Path) -> None:
    options = ("-d", "house", "--target", "./box.toml", "--with-pip")
    result = run_here("download", *LINKS, *options, "a", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert "which cannot install" not in result.stderr


def test_a_lock_remembers_the_pip(project: Path) -> None:
    options = ("-o", "locks", "--target", "./box.toml")
    assert run_here("lock", *LINKS, *options, "a", cwd=project).exit_code == 0
    (project / "box.toml").unlink()
    lock = "locks/pylock.box.toml"
    assert '\npip = "18.1"\n' in (project / lock).read_text()
    result = run_here("download", "-r", lock, "-d", "house", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert NOTE in result.stderr
    checked = run_here("check", "house", "-r", lock, cwd=project)
    assert checked.stdout.startswith(f"house/{ONE} for box: WC203 ")
    text = (project / lock).read_text().replace('pip = "18.1"', 'pip = "new"')
    (project / lock).write_text(text)
    refused = run_here("download", "-r", lock, "-d", "house", cwd=project)
    assert "tool.wheeltarget.pip: has to be the version of a pip" in refused.stderr


def test_a_bundle_needs_no_pip(project: Path) -> None:
    options = ("--target", "./box.toml", "-o", "out.zip")
    result = run_here("bundle", *LINKS, *options, "a", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert "box has pip" not in result.stderr
