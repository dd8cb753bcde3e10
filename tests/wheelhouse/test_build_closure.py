"""What sources need to be built is looked for among the files of a folder, transitively."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.wheelhouse.build_closure import (
    BuildClosure,
    find_build_closure,
    skim_wheel,
    source_project,
    to_build,
)
from wheeltarget.wheelhouse.closure import Available

TARGET = look_up_tag("cp36-cp36m-manylinux1_x86_64")
SYSTEM = "[build-system]\nrequires = {}\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a folder with a source."""
    make_source(tmp_path / "house", "app", pyproject=SYSTEM.format('["setuptools>=40", "helper"]'))
    return tmp_path / "house"


def closure(house: Path) -> BuildClosure:
    """Find what is there for all sources."""
    there = sorted(house.iterdir())
    found = [wheel for wheel in map(skim_wheel, there) if wheel]
    wheels = {wheel.name: [w for w in found if w.name == wheel.name] for wheel in found}
    sources = {source_project(path): ("1.0",) for path in there if source_project(path)}
    available = Available(TARGET, wheels, sources)
    return find_build_closure(available, [house / "app-1.0.tar.gz"], there)


def test_all_that_is_needed(house: Path) -> None:
    old = make_wheel(house, "setuptools", "59.6.0")
    wheel = make_wheel(house, "wheel", requires=["packaging"])
    packaging = make_wheel(house, "packaging")
    helper = make_source(house, "helper", pyproject=SYSTEM.format('["flit_core", "app"]'))
    flit = make_wheel(house, "flit_core")
    make_wheel(house, "other")
    found = closure(house)
    app = house / "app-1.0.tar.gz"
    assert found.used == {old, wheel, packaging, helper, flit, app}
    assert found.faults == ()


def test_what_is_missing(house: Path) -> None:
    make_wheel(house, "setuptools", "39.0")
    make_source(house, "helper", pyproject=SYSTEM.format('["setuptools"]'))
    found = [(fault.path.name, fault.message) for fault in closure(house).faults]
    assert found == [
        (
            "app-1.0.tar.gz",
            "building app-1.0.tar.gz needs setuptools>=40, but only 39.0 is available",
        ),
        ("helper-1.0.tar.gz", "building helper-1.0.tar.gz needs wheel, which is missing"),
    ]


def test_dependency_that_is_missing(house: Path) -> None:
    make_wheel(house, "setuptools", "80.0")
    make_wheel(house, "helper", requires=["more"])
    messages = [fault.message for fault in closure(house).faults]
    assert messages == ["helper 1.0 needs more, which is missing"]


def test_damaged_source(house: Path) -> None:
    (house / "app-1.0.tar.gz").write_bytes(b"\x1f\x8b damaged")
    (fault,) = closure(house).faults
    assert (fault.target, fault.message[:20]) == ("", "it cannot be built: ")


def test_only_without_a_wheel_that_fits(house: Path) -> None:
    there = sorted(house.iterdir())
    wheel = skim_wheel(make_wheel(house, "app"))
    assert wheel is not None
    assert list(to_build(Available(TARGET, {}), there)) == there
    assert list(to_build(Available(TARGET, {"app": [wheel]}), there)) == []


def test_damaged_wheel_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "app-1.0-py3-none-any.whl").write_bytes(b"PK")
    assert skim_wheel(tmp_path / "app-1.0-py3-none-any.whl") is None
