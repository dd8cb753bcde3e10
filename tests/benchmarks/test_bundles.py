"""What differs between archives is found and named; and the harness runs, once, with one way."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.benchmarks import bundles, peers
from tests.benchmarks.archives import (
    Archive,
    Difference,
    Kind,
    compare,
    read_archive,
    read_wheel,
    verdict,
)
from tests.benchmarks.bundles import Case, Result, Runtime
from tests.benchmarks.functions import ARCHIVE, FUNCTIONS, LIMIT, WAYS, Function, Way
from tests.benchmarks.server import Behaviour, Server
from tests.support.cli import ROOT
from tests.support.wheels import make_wheel
from wheeltarget.targets.catalog import look_up

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="shells are those of POSIX"),
]

NATIVE = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    """Return Python 3.12 of AWS Lambda; this interpreter stands for it."""
    target = look_up("target", "aws-lambda-python3.12-x86_64", "")
    assert target is not None
    return Runtime("3.12", target, Path(sys.executable))


def zip_all(place: Path, *wheels: Path, changes: Mapping[str, bytes | None] | None = None) -> Path:
    """Unpack wheels into one archive, as an installer does.

    :param changes: files that are other ones, or missing if None.
    """
    files: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            files |= {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(place, "w") as archive:
        for name, content in {**files, **(changes or {})}.items():
            if content is not None:
                archive.writestr(name, content)
    return place


def compared(archive: Path, runtime: Runtime, *wheels: Path) -> list[Difference]:
    read = [read_wheel(wheel) for wheel in wheels]
    return list(compare(read_archive(archive), read, runtime.target.tags))


def test_archive_of_the_same_wheels_is_the_same(tmp_path: Path, runtime: Runtime) -> None:
    wheels = (
        make_wheel(
            tmp_path,
            "one",
            files={"one.py": b"1", "one.pyc": b"old", "one-1.0.data/scripts/run": b"2"},
        ),
        make_wheel(tmp_path, "Two.Parts", files={"Two.Parts-1.0.data/purelib/two.py": b"3"}),
    )
    installed = {
        "one-1.0.data/scripts/run": None,
        "one.pyc": None,
        "one-1.0.dist-info/RECORD": b"another",
        "one-1.0.dist-info/INSTALLER": b"some",
        "bin/run": b"changed",
        "two.py": b"3",
        "app.py": b"own",
    }
    archive = zip_all(tmp_path / ARCHIVE, *wheels, changes=installed)
    assert compared(archive, runtime, *wheels) == []
    assert verdict([]) == "same"


def test_each_difference_is_named(tmp_path: Path, runtime: Runtime) -> None:
    def wheel(folder: str, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
        content = f"{folder} {version} {tag}".encode()
        return make_wheel(tmp_path / folder, name, version, tag=tag, files={f"{name}.py": content})

    wanted = [
        wheel("wanted", "missing"),
        wheel("wanted", "old", "2.0"),
        wheel("wanted", "new", "2.0"),
        wheel("wanted", "built", tag=NATIVE),
        wheel("wanted", "native", tag=NATIVE),
        wheel("wanted", "broken"),
    ]
    there = [
        wheel("there", "old", "1.10"),
        wheel("there", "new", "10.0"),
        wheel("there", "built", tag=NATIVE.replace("2_28", "2_17")),
        wheel("there", "native", tag=NATIVE.replace("2_28", "2_35")),
        wanted[-1],
        wheel("there", "more"),
    ]
    archive = zip_all(tmp_path / ARCHIVE, *there, changes={"broken.py": None})
    found = compared(archive, runtime, *wanted)
    assert {(each.kind, each.text) for each in found} == {
        (Kind.LACKS, "missing 1.0"),
        (Kind.OLDER, "old 1.10 instead of 2.0"),
        (Kind.NEWER, "new 10.0 instead of 2.0"),
        (Kind.BUILD, "built 1.0 for manylinux_2_17_x86_64"),
        (Kind.UNFIT, "native 1.0 for manylinux_2_35_x86_64"),
        (Kind.DAMAGED, "1 files of broken 1.0: broken.py"),
        (Kind.MORE, "more 1.0"),
    }
    assert len(found) == 7
    some = [each for each in found if each.kind in (Kind.LACKS, Kind.MORE)]
    assert verdict([*some, *some]) == "lacks 2, not needed 2"


def test_files_that_two_wheels_share_are_either_ones(tmp_path: Path, runtime: Runtime) -> None:
    wheels = [
        make_wheel(tmp_path, name, files={"shared/__init__.py": name.encode()})
        for name in ("one", "two")
    ]
    archive = zip_all(tmp_path / ARCHIVE, *wheels)
    assert compared(archive, runtime, *wheels) == []


def test_bytecode_of_another_python_is_counted() -> None:
    files = {
        "a/__pycache__/b.cpython-311.pyc": (100, 1),
        "a/__pycache__/b.cpython-312.pyc": (10, 1),
        "a/b.py": (1, 1),
    }
    archive = Archive(5, files, {})
    assert (archive.useless("3.12"), archive.useless("3.11"), archive.unpacked) == (100, 10, 111)


def test_archive_that_the_service_refuses_does_not_work() -> None:
    limits = [Result(archive=Archive(5, {"a": (size, 1)}, {})) for size in (LIMIT, LIMIT + 1)]
    assert [result.too_large for result in limits] == [False, True]
    lines = list(bundles.tables({("large", "3.12"): {"pip": limits[1]}}, ["pip"]))
    assert "| pip | 1 | 0 | 0 | - | - |" in lines
    assert "| large, 3.12 | same; **too large** |" in lines


@pytest.mark.parametrize("name", WAYS)
def test_what_is_typed_is_whole(name: str) -> None:
    for python, glibc in (("3.9", 26), ("3.13", 34)):
        typed = WAYS[name].typed(python, glibc)
        written = "".join(WAYS[name].written(python).values())
        assert f"{python}" in typed + written
        assert "{" not in typed + written
    assert ("manylinux_2_34" in WAYS[name].typed("3.13", 34)) is (name == "uv-level")


def test_page_shows_what_is_typed() -> None:
    page = (ROOT / "docs" / "comparison.md").read_text("utf-8")
    typed = [way.typed("3.12", 34) for way in WAYS.values()]
    section = page.partition("## What is typed")[2].partition("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)\n```", section, re.DOTALL) == typed
    counted = [line for line in bundles.keystrokes([*WAYS]) if line.startswith("| ")]
    assert re.findall(r"^\| .*", section, re.MULTILINE) == counted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_python(name: str) -> None:
    compile(FUNCTIONS[name].handler, name, "exec")


def test_runs_are_compared(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One way that makes its archive by hand, with one project too few and a handler that fails."""
    wheels = [make_wheel(tmp_path / "index", name) for name in ("one", "two")]
    ready = zip_all(tmp_path / "ready.zip", wheels[0], changes={"app.py": b"import one, two"})
    read = [read_wheel(wheel) for wheel in wheels]
    ways = {"copy": Way(f"cp '{ready}' {ARCHIVE}"), "fail": Way("echo it is broken >&2; exit 3")}
    monkeypatch.setattr(bundles, "WAYS", ways)
    monkeypatch.setattr(bundles, "reference", lambda *_: read)
    case = Case(Function(("one", "two"), ""), runtime)
    server = Server(tmp_path / "recorded")
    with server:
        found = bundles.try_all(
            case, [*ways], server, Behaviour(), [bundles.STATES], tmp_path / "work"
        )
    copied = found["copy"]
    assert copied.differences == (Difference(Kind.LACKS, "two 1.0"),)
    assert copied.call == "ModuleNotFoundError: No module named 'two'"
    assert copied.repeatable
    assert found["fail"].error == "it is broken"
    lines = list(bundles.tables({("made", "3.12"): found}, [*ways]))
    assert lines[0] == "| of 1 | right | work | same bytes again | times ours | again |"
    assert lines[2:4] == ["| copy | 0 | 0 | 1 | 1.00 | 1.00 |", "| fail | 0 | 0 | 0 | - | - |"]
    assert "| made, 3.12 | lacks 1; **fails** | **no archive** |" in lines
    assert "- made, 3.12, copy: lacks: two 1.0" in lines
    assert "- made, 3.12, fail: fails: it is broken" in lines


def test_each_way_sees_only_its_own(tmp_path: Path, runtime: Runtime) -> None:
    place = peers.Place(
        tmp_path / "work", tmp_path / "cache", tmp_path / "project", "http://127.0.0.1:9/simple/"
    )
    bundles.prepare(WAYS["sam"], Case(FUNCTIONS["api"], runtime), place)
    files = {
        str(path.relative_to(place.destination)): path.read_text()
        for path in place.destination.rglob("*")
        if path.is_file()
    }
    assert files["requirements.txt"] == files["src/requirements.txt"] == "requests\nboto3\n"
    assert "Runtime: python3.12\n" in files["template.yaml"]
    told = bundles.variables(WAYS["pip"], runtime, place)
    assert told["PIP_INDEX_URL"] == told["UV_DEFAULT_INDEX"] == place.url
    assert told["PATH"].startswith(str(Path(sys.executable).parent))
    assert runtime.glibc == 34
