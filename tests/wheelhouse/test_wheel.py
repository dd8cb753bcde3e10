"""What is wrong with a wheel, and that nothing is wrong with a good one.

The threat is T10 of docs/security.md.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.broken_wheels import Broken, broken_wheels, read, write
from tests.support.checks import CODES
from tests.support.wheels import make_wheel
from wheeltarget.wheelhouse.wheel import read_wheel

BROKEN = tuple(broken_wheels())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.what)
def test_each_flaw_is_found(broken: Broken, tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    wheel = broken.make(tmp_path / "house")
    before = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    flaws = read_wheel(wheel).flaws
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [flaw for flaw in flaws if flaw.code == broken.code and broken.says in flaw.message]
    assert sorted(tmp_path.rglob("*")) == before
    assert peak < 100 << 20


def test_each_code_has_a_wheel() -> None:
    assert len(BROKEN) >= 30
    kinds = {broken.code for broken in BROKEN}
    assert kinds == {code for code in CODES if code.startswith("WC1")} - {"WC129"}  # of a source


def test_good(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path, "My.Lib", "1.0", requires=["dep>1"], requires_python=">=3.8", build="2x"
    )
    found = read_wheel(wheel)
    assert found.flaws == ()
    assert (found.name, found.version, found.requires) == ("my-lib", "1.0", ("dep>1",))
    assert found.requires_python == ">=3.8"
    assert found.tags == {"py3-none-any"}


def test_several_tags(tmp_path: Path) -> None:
    assert read_wheel(make_wheel(tmp_path, "lib", tag="py2.py3-none-any")).flaws == ()


def test_signatures_need_not_be_in_record(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "lib")
    write(wheel, {**read(wheel), "lib-1.0.dist-info/RECORD.jws": b"{}"})
    assert read_wheel(wheel).flaws == ()


def test_missing(tmp_path: Path) -> None:
    (flaw,) = read_wheel(tmp_path / "lib-1.0-py3-none-any.whl").flaws
    assert flaw == ("WC102", "it cannot be read as a zip archive: No such file or directory")


@given(st.binary(max_size=300))
def test_anything_is_read(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        wheel = Path(name, "lib-1.0-py3-none-any.whl")
        wheel.write_bytes(data)
        assert {flaw.code for flaw in read_wheel(wheel).flaws} <= {"WC102", "WC107"}
        assert read_wheel(wheel).flaws


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("vfoo-2.0-cp312-cp312-linux_x86_64-x86_64_v3.whl", "WC124"),
        ("vfoo-2.0-3x-cp312-cp312-manylinux_2_28_x86_64-cu12.8.whl", "WC124"),
        ("vfoo-2.0-py3-none-any-null.whl", "WC124"),
        ("vfoo-2.0-py2.py3-none-any-a.whl", "WC124"),
        ("vfoo-2.0-cp312-cp312-linux_x86_64-V3.whl", "WC101"),
        ("vfoo-x-cp312-cp312-linux_x86_64-v3.whl", "WC101"),
        ("vfoo-2.0-cp312-cp312-v3.whl", "WC102"),
        ("vfoo-2.0-any-v3.whl", "WC101"),
    ],
)
def test_variant_wheels(tmp_path: Path, name: str, code: str) -> None:
    """The label follows the name of a wheel (PEP 825)."""
    assert [flaw.code for flaw in read_wheel(tmp_path / name).flaws] == [code]


@pytest.mark.parametrize("version", ["9" * 5000, f"1.{'9' * 5000}", "one"])
def test_version_that_cannot_be_read(version: str, tmp_path: Path) -> None:
    text = f"Metadata-Version: 2.1\nName: app\nVersion: {version}\n".encode()
    wheel = make_wheel(tmp_path, "app", files={"app-1.0.dist-info/METADATA": text})
    assert [flaw.code for flaw in read_wheel(wheel).flaws] == ["WC109"]


def test_hundreds_of_entry_points(tmp_path: Path) -> None:
    lines = "".join(f"run{number} = app:main\n" for number in range(400))
    points = {"app-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{lines}".encode()}
    assert read_wheel(make_wheel(tmp_path, "app", files=points)).flaws == ()
