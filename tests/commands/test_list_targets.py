"""Which targets are listed, and where each property of a target comes from.

What the command prints is tested in tests/cli/test_targets.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from wheeltarget.commands.list_targets import (
    TargetsRequest,
    describe,
    list_systems,
    list_user_targets,
)
from wheeltarget.errors import TargetError

BEFORE, AFTER = date(2024, 10, 13), date(2024, 10, 14)
"""The last day of support of Python 3.8 on AWS Lambda, and the day after it."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two targets of its own, the working directory."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.wheeltarget.targets.box]\ntag = "cp39-cp39-manylinux2014_x86_64"\n'
        '[tool.wheeltarget.targets.a]\ntag = "cp39-cp39-win_amd64"\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("today", "retired"), [(BEFORE, False), (AFTER, True)])
def test_retired(today: date, retired: bool) -> None:
    row = list_systems(TargetsRequest(kinds=("service",), today=today, python="3.8"))[0]
    assert (row.retired, row.status, row.architectures) == (
        retired,
        "verified",
        ("x86_64", "arm64"),
    )
    current = TargetsRequest(kinds=("service",), today=today, python="3.8", retired=False)
    assert (row in list_systems(current)) is not retired


def test_every_row_fits_the_request() -> None:
    request = TargetsRequest(kinds=("image",), python="3.13", architecture="aarch64", today=AFTER)
    rows = list_systems(request)
    assert {row.status for row in rows} == {"inferred"}
    assert all("3.13" in row.pythons and row.architectures == ("aarch64",) for row in rows)


def test_user_targets(project: Path) -> None:
    own = list_user_targets(TargetsRequest(today=AFTER))
    assert {each.name for each in own} == {"a", "box"}
    assert {each.file for each in own} == {project / "pyproject.toml"}
    assert list_user_targets(TargetsRequest(kinds=("service", "own"), today=AFTER)) == own
    for excluded in (
        TargetsRequest(kinds=("image",), today=AFTER),
        TargetsRequest(today=AFTER, python="3.9"),
    ):
        assert list_user_targets(excluded) == ()


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        ("host", "host", "verified"),
        ("box", "own", "given"),
        ("mine.toml", "own", "given"),
        ("cp39-cp39-manylinux2014_x86_64", "tag", "follows"),
        ("aws-lambda-python3.8-arm64", "service", "follows"),
    ],
)
def test_described(project: Path, text: str, kind: str, status: str) -> None:
    (project / "mine.toml").write_text('tag = "cp38-cp38-manylinux2014_x86_64"\n')
    found = describe(text, AFTER)
    markers = {fact.name: fact for fact in found.markers}
    assert (found.kind, markers["sys_platform"].status, len(markers)) == (kind, status, 11)
    assert markers["python_version"].value == found.target.environment["python_version"]


def test_facts_of_a_named_target() -> None:
    facts = {each.name: each for each in describe("aws-lambda-python3.8-arm64", BEFORE).facts}
    assert list(facts) == [
        *("tag", "supported until", "unzipped_bytes", "zipped_bytes", "zipped_bytes only")
    ]
    assert facts["supported until"].value == str(AFTER)
    assert all(fact.sources for fact in facts.values())


@pytest.mark.parametrize(
    ("text", "pip", "status", "cites"),
    [
        ("alpine-3.15-python3.9-x86_64", "20.3.4", "verified", True),
        ("alpine-3.15-python3.8-x86_64", "23.0.1", "bundled", False),
        ("cp36-cp36m-manylinux2014_x86_64", "18.1", "bundled", False),
        ("mine.toml", "9.0.1", "given", True),
        ("host", None, "", False),
        ("aws-lambda-python3.8-arm64", None, "", False),
    ],
)
def test_the_pip_of_a_target(
    project: Path, text: str, pip: str | None, status: str, cites: bool
) -> None:
    (project / "mine.toml").write_text('pip = "9.0.1"\ntag = "cp36-cp36m-manylinux2014_x86_64"\n')
    found = [each for each in describe(text, AFTER).facts if each.name == "pip"]
    said = [(each.value, each.status, bool(each.sources)) for each in found]
    assert said == ([(pip, status, cites)] if pip else [])


def test_what_is_left_out_is_added_to_a_target(project: Path) -> None:
    """A table with exclude alone does not hide what is known of its target."""
    name, path = "aws-lambda-python3.12-arm64", project / "pyproject.toml"
    before = describe(name, BEFORE)
    tables = f'[tool.wheeltarget.targets."{name}"]\nexclude = ["x-*", "b"]\n'
    tables += '[tool.wheeltarget.targets.own]\nexclude = ["y"]\ntag = "cp39-cp39-win32"\n'
    path.write_text(tables)
    after = describe(name, BEFORE)
    assert after == replace(
        before, target=after.target, notes=(*before.notes, f"{path} leaves out b, x-*")
    )
    assert {each.pattern for each in after.target.excluded} == {"b", "x-*"}
    assert describe("own", BEFORE).notes == (f"{path} leaves out y",)


def test_unknown() -> None:
    with pytest.raises(TargetError):
        describe("aws-lambda-python2.6-arm64", AFTER)


def test_a_wrong_tag_is_not_taken_for_a_name() -> None:
    reason = "^py3-none-any does not name an environment: which Python 3"
    with pytest.raises(TargetError, match=reason):
        describe("py3-none-any", AFTER)
