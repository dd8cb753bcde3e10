"""What decides about locks, without pip: changes, names of targets, one version for all, text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import is_valid_pylock_path
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.support.locking import BOTH, NEW, OLD
from wheeltarget.commands.lock.build import Recipe, make_lock
from wheeltarget.commands.lock.diff import (
    Change,
    OldLock,
    Pin,
    State,
    compare,
    suspicious,
)
from wheeltarget.commands.lock.files import (
    Form,
    check_names,
    file_name,
    read_old,
    requirements_text,
)
from wheeltarget.commands.lock.same_versions import Bound, check_same, exceeds, lower
from wheeltarget.errors import LockError
from wheeltarget.lockfile.model import Lock, LockedFile, LockedPackage, write
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.targets.catalog import host, known_systems, look_up, look_up_tag
from wheeltarget.targets.systems import target_name

CHOSEN = ChosenFile(
    name="app",
    version="1.0",
    path=Path("app-1.0-py3-none-any.whl"),
    url="https://host.invalid/app-1.0-py3-none-any.whl",
    requested=True,
    extras=(),
    parents=(None,),
    yanked=None,
    hashes=(("md5", "00"), ("sha256", "ab")),
    index="https://host.invalid/simple/App/?x=1",
)


def recipe(tag: str) -> Recipe:
    return Recipe("box", look_up_tag(tag), (), Path("/anywhere"))


def catalogue_names() -> list[str]:
    """Return the name of every target of the catalogue."""
    return [
        target_name(system.name, python, architecture)
        for system in known_systems().systems
        for python in system.pythons
        for architecture in system.platforms
    ]


# From what was chosen to a lock


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"index": "https://host.invalid/simple/"}),
        ({"index": "https://host.invalid/downloads.html"}, {"index": ""}),
        ({"index": None}, {"index": ""}),
        ({"requires_python": ">=3.8,<4"}, {"requires_python": "<4,>=3.8"}),
        ({"requires_python": ">=3.6.*"}, {"requires_python": ""}),
        ({"requires_python": ">=3.13"}, {"requires_python": ""}),
        ({"direct": True}, {"index": "", "direct": True}),
    ],
)
def test_what_is_said_of_a_file(changed: dict[str, object], expected: dict[str, object]) -> None:
    file = replace(CHOSEN, **changed)  # type: ignore[arg-type]
    (package,) = make_lock(recipe(NEW), [file]).packages
    assert {name: getattr(package, name) for name in expected} == expected
    assert package.file.hashes == (("sha256", "ab"),)


@pytest.mark.parametrize(
    ("url", "what"),
    [("git+https://host.invalid/app", "checkout"), ("file:///home/me/app", "folder")],
)
def test_what_has_no_hash_is_named(url: str, what: str) -> None:
    with pytest.raises(
        LockError, match=f"cannot lock app for box: it is a .*{what}, which has no hash"
    ):
        make_lock(recipe(NEW), [replace(CHOSEN, url=url, hashes=())])


def test_lock_that_its_target_would_not_take_is_not_made() -> None:
    wheel = Path("app-1.0-cp39-cp39-win32.whl")
    with pytest.raises(LockError, match="the lock for box cannot be installed there"):
        make_lock(recipe(NEW), [replace(CHOSEN, path=wheel)])


def test_every_target_of_the_catalogue_takes_its_own_lock() -> None:
    targets = {look_up("target", name, "") for name in catalogue_names()[::7]}
    for tag in ("py39-none-any", "pp310-pypy310_pp73-win_amd64", "cp27-cp27mu-manylinux1_x86_64"):
        targets.add(look_up_tag(tag))
    for target in (*targets, host()):
        assert target is not None
        wheel = Path(f"app-1.0-py{target.python[0]}-none-any.whl")
        lock = make_lock(Recipe(target.label, target, (), Path("/")), [replace(CHOSEN, path=wheel)])
        assert SpecifierSet(lock.requires_python).contains(Version(target.python))


def test_inputs_have_no_password_and_nothing_that_is_no_text() -> None:
    texts = ("a @ https://me:s3@cret@host.invalid/a.whl", "b\udcff")
    lock = make_lock(replace(recipe(NEW), inputs=texts), [])
    assert lock.inputs == ("a @ https://host.invalid/a.whl", "b?")
    assert write(lock)


# What changes


def _lock(*pins: tuple[str, str, str]) -> Lock:
    packages = (
        LockedPackage(
            name,
            version,
            LockedFile(f"{name}-{version}-py3-none-any.whl", (("sha256", value),), "https://h/x"),
        )
        for name, version, value in pins
    )
    return Lock("box", NEW, "3.12.1", ("b", "c"), tuple(packages))


def test_changes_are_those_of_projects_files_and_inputs() -> None:
    old = OldLock(
        "old",
        (
            ("gone", Pin("1", frozenset())),
            ("hash", Pin("1", frozenset(["aa"]), "hash-1-py3-none-any.whl")),
            ("file", Pin("1", frozenset(["aa"]), "file-1-py2-none-any.whl")),
            ("placed", Pin("", frozenset(["aa"]))),
            ("same", Pin("1", frozenset(["aa", "bb"]))),
            ("still", Pin("", frozenset(["bb"]))),
            ("up", Pin("1", frozenset(["aa"]))),
        ),
        ("a", "b"),
    )
    kept = ("hash", "file", "placed", "same", "still")
    pins = [*((name, "1", "bb") for name in kept), ("up", "2", "bb")]
    file = compare(old, _lock(*pins, ("more", "1", "bb")), "new", Path("pylock.box.toml"))
    assert file.state is State.CHANGED
    assert file.changes == (
        Change("file", "1", "1", "another file"),
        Change("gone", "1", None),
        Change("hash", "1", "1", "another hash"),
        Change("more", None, "1"),
        Change("placed", "1", "1", "another file"),
        Change("up", "1", "2"),
    )
    assert (file.added, file.removed) == (("c",), ("a",))
    assert [note.split(" has ")[0] for note in suspicious(file)] == ["the file of hash 1 for box"]


# Files


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cp39-cp39-manylinux_2_28_x86_64", "pylock.cp39-cp39-manylinux_2_28_x86_64.toml"),
        ("aws-lambda-python3.12-arm64", "pylock.aws-lambda-python3_12-arm64.toml"),
        ("cp39-cp39-win32.win_amd64", "pylock.cp39-cp39-win32_win_amd64.toml"),
        ("a b/ü", "pylock.a-b.toml"),
        ("…", "pylock.target.toml"),
    ],
)
def test_names_of_locks(label: str, name: str) -> None:
    assert file_name(label, Form.PYLOCK) == name


@given(st.text())
def test_name_of_a_lock_is_one_that_the_standard_has(label: str) -> None:
    assert is_valid_pylock_path(Path(file_name(label, Form.PYLOCK)))


def test_no_two_targets_of_the_catalogue_have_one_lock() -> None:
    check_names([*catalogue_names(), *BOTH.split(",")], Form.PYLOCK)


def test_line_ends_play_no_part(tmp_path: Path) -> None:
    path, text = tmp_path / file_name("box", Form.PYLOCK), write(_lock(("up", "1", "aa" * 32)))
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert read_old(tmp_path, "box", Form.PYLOCK).text == text


def test_no_label_ends_the_comment_of_hashed_requirements(tmp_path: Path) -> None:
    label = "a\nflask\r\x85b"
    lock = replace(_lock(("up", "1", "aa")), target=label)
    text = requirements_text(lock, "target=./box.toml", tmp_path)
    assert text.splitlines() == [
        "# Locked by wheeltarget for a flask b; change the input, not this file.",
        "# target=./box.toml",
        "up==1 \\",
        "    --hash=sha256:aa",
    ]
    (tmp_path / file_name(label, Form.REQUIREMENTS)).write_text(text)
    assert dict(read_old(tmp_path, label, Form.REQUIREMENTS).pins)["up"].version == "1"


# One version for all


def test_bounds_come_down_to_the_lowest() -> None:
    chosen = [(OLD, {"a": "1.10", "b": "2+cpu", "c": "3"}), (NEW, {"a": "1.9", "b": "3", "d": "1"})]
    bounds = lower(chosen, {})
    assert bounds == {"a": Bound("1.9", NEW), "b": Bound("2", OLD)}
    assert lower(chosen, bounds) == bounds
    assert exceeds(chosen[0][1], bounds) == ("a",)
    assert exceeds(chosen[1][1], bounds) == ("b",)


versions = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9).map(str), max_size=3)


@given(st.lists(versions, min_size=1, max_size=4), st.data())
def test_bounds_never_go_up_and_come_to_an_end(
    found: list[Mapping[str, str]], data: st.DataObject
) -> None:
    """Whatever targets take below the bounds, there are no more rounds than versions."""
    bounds: dict[str, Bound] = {}
    chosen = [(f"t{number}", dict(each)) for number, each in enumerate(found)]
    for _ in range(30):
        new = lower(chosen, bounds)
        assert all(int(new[name].version) <= int(bounds[name].version) for name in bounds)
        if new == bounds:
            break
        bounds = new
        for _, each in chosen:
            for name in exceeds(each, bounds):
                each[name] = str(data.draw(st.integers(1, int(bounds[name].version))))
    check_same(chosen)


def test_builds_of_one_release_are_not_the_same() -> None:
    with pytest.raises(LockError, match=r"no version of a .*: 1\+cpu for x; 1\+gpu for y"):
        check_same([("x", {"a": "1+cpu"}), ("y", {"a": "1+gpu"})])
