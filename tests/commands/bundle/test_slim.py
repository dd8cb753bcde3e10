"""What ``--slim`` leaves out, what keeps it, and that RECORD and metadata stay true."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundles import ENTRY, bundle, content, good, refused
from tests.support.cli import ROOT
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.commands.bundle.slim import RULES, WITH_HEADERS, slim

pytestmark = pytest.mark.thorough

LAMBDA = "aws-lambda-python3.12-arm64"
TESTS = {"lib/__init__.py": b"", "lib/sub/tests/__init__.py": b"", "lib/sub/tests/x.dat": b"12"}


def left(house: Path, *options: str) -> set[str]:
    """Bundle with ``--slim``, and return what is in the archive besides metadata."""
    good(bundle(house, "--slim", *options))
    return {name for name in content(house.parent / "out.zip") if ".dist-info/" not in name}


def test_what_each_rule_leaves_out(house: Path) -> None:
    more = {
        **TESTS,
        "lib/conftest.py": b"import pytest\n",
        "lib/sub/a.pyi": b"",
        **{f"lib/{name}": b"" for name in ("a.pyx", "a.pxd", "a.pxi", "a.h", "a.c", "a.cpp")},
    }
    make_wheel(house, "lib", files=more)
    make_wheel(house, "numpy", files={f"numpy/{name}": b"" for name in ("a.h", "b.hpp", "c.c")})
    assert left(house) == {
        *("lib.py", "lib/__init__.py", "lib/a.h", "lib/a.c", "lib/a.cpp", "numpy.py")
    }
    full = {name for name in content_of(house) if ".dist-info/" not in name}
    assert full == {"lib.py", "numpy.py", *more, "numpy/a.h", "numpy/b.hpp", "numpy/c.c"}


def content_of(house: Path) -> dict[str, bytes]:
    good(bundle(house))
    return content(house.parent / "out.zip")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("lib/a.py", b"from lib.sub.tests import x\n"),
        ("lib/a.py", b"from lib.sub import (\n    other,\n    tests,\n)\n"),
        ("lib/a.py", b"import os, lib.sub.tests.deep as deep\n"),
        ("lib/a.py", b"def f():\n    from .sub.tests.deep import g\n"),
        ("lib/a.py", b"from .sub import \\\n    tests\n"),
        ("lib/sub/a.py", b"from . import tests\n"),
        ("lib/sub/a.py", b"from .tests.x import y\n"),
        ("lib/sub/a.py", b"import tests\n"),
        ("lib/sub/deep/a.py", b"from ..tests import x\n"),
        ("lib/a.py", b"import_module('lib.sub.tests')\n"),
        ("lib/sub/a.py", b"import_module('.tests.x', __package__)\n"),
        ("lib/sub/a.py", b'import_module(f"{__package__}.tests")\n'),
        ("lib/sub/a.py", b"open(join(here, 'tests', 'x.dat'))\n"),
        ("lib/a.py", b"open('sub/tests/x.dat')\n"),
        ("lib-1.0.dist-info/entry_points.txt", b"[x]\na = lib.sub.tests.x:main\n"),
        ("lib/other/tests/a.py", b"# not used, so it keeps nothing\n"),
    ],
)
def test_a_folder_of_tests_that_is_used(house: Path, module: str, text: bytes) -> None:
    make_wheel(house, "lib", files={**TESTS, module: text})
    assert ("lib/sub/tests/x.dat" in left(house)) == ("not used" not in text.decode())


def test_used_by_another_project_and_by_your_own_code(house: Path) -> None:
    make_wheel(house, "lib", files=TESTS)
    make_wheel(house, "other", files={"other.py": b"from lib.sub.tests import x\n"})
    assert "lib/sub/tests/x.dat" in left(house)
    (house / "other-1.0-py3-none-any.whl").unlink()
    assert "lib/sub/tests/x.dat" not in left(house)
    own = house.parent / "own"
    (own / "tests").mkdir(parents=True)
    (own / "tests" / "mine.py").write_text("from lib.sub.tests import x\n")
    assert {"lib/sub/tests/x.dat", "tests/mine.py"} <= left(house, "--include=own/")


def test_what_used_tests_use_is_used(house: Path) -> None:
    more = {
        "lib/sub/tests/__init__.py": b"from lib.far.tests import x\n",
        "lib/far/tests/x.py": b"",
    }
    make_wheel(house, "lib", files={**TESTS, **more})
    assert "lib/far/tests/x.py" not in left(house)
    make_wheel(house, "lib", files={**TESTS, **more, "lib/a.py": b"import lib.sub.tests\n"})
    assert "lib/far/tests/x.py" in left(house)


def test_native_code_and_licences_stay(house: Path) -> None:
    names = ("a.so", "b.cpython-312-x86_64-linux-gnu.so", "libc.so.6", "d.pyd", "e.DLL", "LICENSE")
    files = {f"lib/tests/{name}": b"x" for name in names}
    make_wheel(house, "lib", files={**files, "lib-1.0.dist-info/licenses/tests/NOTICE": b"x"})
    assert {*files} <= left(house)
    assert "lib-1.0.dist-info/licenses/tests/NOTICE" in content(house.parent / "out.zip")


def test_stubs_that_are_read_stay(house: Path) -> None:
    lazy = b"import lazy_loader as lazy\n__getattr__, *_ = lazy.attach_stub(__name__, __file__)\n"
    make_wheel(house, "lib", files={"lib/__init__.py": lazy, "lib/__init__.pyi": b""})
    make_wheel(house, "other", files={"other/__init__.py": b"", "other/__init__.pyi": b""})
    there = left(house)
    assert "lib/__init__.pyi" in there
    assert "other/__init__.pyi" not in there


def test_what_compilers_read_stays_beside_cython(house: Path) -> None:
    make_wheel(house, "numpy", files={"numpy/a.h": b"", "numpy/a.pxd": b"", "numpy/a.pyi": b""})
    make_wheel(house, "Cython")
    assert left(house) == {"numpy.py", "numpy/a.h", "numpy/a.pxd", "cython.py"}


@pytest.mark.parametrize("options", [[], ["--layout=lambda-layer"], ["--layout=azure"]])
def test_record_and_metadata_are_true(house: Path, options: list[str]) -> None:
    code = {"lib/__init__.py": b"def main():\n    return 'ran'\n"}
    make_wheel(house, "lib", files={**TESTS, **ENTRY, **code, "lib-1.0.data/data/share/a": b"x"})
    good(bundle(house, "--slim", *options, to="out"))
    (record,) = (house.parent / "out").rglob("RECORD")
    site = record.parents[1]
    rows = list(csv.reader(record.read_text().splitlines()))
    files = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert sorted(row[0] for row in rows) == sorted(files)
    for name, value, size in rows:
        data = (site / name).read_bytes()
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        own = name.endswith("/RECORD")
        assert [value, size] == ["", ""] if own else [f"sha256={digest}", str(len(data))]
    script = (
        "import sys, importlib.metadata as m; sys.path[:] = [*sys.path, sys.argv[1]]\n"
        "(found,) = m.entry_points(group='console_scripts', name='run')\n"
        "assert all(each.locate().is_file() for each in m.files('lib')), m.files('lib')\n"
        "print(found.load()(), m.version('lib'))\n"
    )
    command = [sys.executable, "-S", "-E", "-c", script, str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "ran 1.0\n"


def test_report(house: Path) -> None:
    make_wheel(house, "lib", files={**TESTS, "lib/tests/big": b"0" * 2_000_000, "lib/a.pyi": b"12"})
    make_wheel(house, "other")
    lines = good(bundle(house, "--slim")).stdout.splitlines()
    lib, other = (next(each for each in lines if f"  {name} " in each) for name in ("lib", "other"))
    assert lib.endswith(" MB before --slim")
    assert "before" not in other
    assert "Left out by --slim as tests: 3 files, 2.0 MB" in lines
    assert "Left out by --slim as stubs: 1 file, 2 bytes" in lines
    assert lines[-1].endswith(" MB before --slim")
    said = json.loads(good(bundle(house, "--slim", "--format=json")).stdout)
    full = json.loads(good(bundle(house, "--format=json")).stdout)
    assert said["slimmed"] == [
        {"rule": "tests", "project": "lib", "files": 3, "size": 2_000_002},
        {"rule": "stubs", "project": "lib", "files": 1, "size": 2},
    ]
    assert said["slimmed_size"] == 2_000_004
    assert (full["slimmed_size"], full["slimmed"]) == (0, [])


def test_too_large_says_what_would_help(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/tests/big": b"0" * 3_000_000})
    own = house.parent / "own"
    own.mkdir()
    with (own / "big").open("wb") as big:
        big.truncate(270_000_000)
    said = refused(bundle(house, "--include=own/big", target=LAMBDA), house)
    assert (
        "\n  leave projects out with --exclude (--slim alone leaves out only 2.9 MB), or deploy a "
        "container image; a layer does not help, because it counts, too\n" in said
    )
    with (own / "big").open("wb") as big:
        big.truncate(261_000_000)
    said = refused(bundle(house, "--include=own/big", target=LAMBDA), house)
    assert "\n  use --slim, which leaves out 2.9 MB, leave projects out with --exclude, or" in said
    with (own / "big").open("wb") as big:
        big.truncate(270_000_000)
    said = refused(bundle(house, "--include=own/big", "--slim", target=LAMBDA), house)
    assert "--slim" not in said
    assert "largest projects: own/big (257.5 MB), lib (" in said


@pytest.mark.parametrize(
    "text",
    [
        b"from a import (\n",
        b"'tests.tests.tests.tests",
        b"tests.",
        b"import a, tests, ",
        b"    from\n",
        b"'a\n",
    ],
)
def test_time_grows_with_the_text(text: bytes, tmp_path: Path) -> None:
    """Code of a wheel cannot make the run hang."""
    sizes = (20_000, 200_000)
    took = []
    for size in sizes:
        source = tmp_path / str(size)
        source.write_bytes(b"'" + text * (size // len(text)) + b" tests")
        names = ("lib/a.py", "lib/tests/b.py", "lib-1.dist-info/RECORD")
        files = [BundledFile(name, source, "lib", 0, "00") for name in names]
        start = time.process_time()
        slim(files, (), "", tmp_path / f"new{size}")
        took.append(time.process_time() - start)
    assert took[1] < 30 * took[0] + 1


def test_the_page_names_each_rule() -> None:
    page = (ROOT / "docs" / "bundle.md").read_text("utf-8")
    text = " ".join(page.split())
    for rule in RULES:
        assert f"| {rule.name} | {rule.files} | {rule.reason} |" in text
    assert all(project in text for project in WITH_HEADERS)


PART = st.sampled_from(["tests", "lib", "a.py", "conftest.py", "b.pyi", "LICENSE", "c.so", "d.pxd"])
PATHS = st.lists(st.lists(PART, min_size=1, max_size=3).map("/".join), unique=True, max_size=8)


@given(PATHS, st.sampled_from(["", "python/"]))
def test_what_stays_and_what_goes_is_everything(paths: Sequence[str], site: str) -> None:
    with TemporaryDirectory() as home:
        source = Path(home, "source")
        source.write_bytes(b"")
        record = f"{site}lib-1.dist-info/RECORD"
        names = [*(site + path for path in paths), record]
        digest = hashlib.sha256().hexdigest()
        files = [BundledFile(name, source, "lib", 0, digest) for name in names]
        kept, parts = slim(files, (), site, Path(home, "new"))
        assert {file.name for file in kept} <= {*names}
        assert len(kept) + sum(part.files for part in parts) == len(names)
        stays = (".so", "LICENSE", "RECORD", "a.py")
        gone = {*names} - {file.name for file in kept}
        assert not [name for name in gone if name.endswith(stays[:3])]
        assert all("tests" in name or not name.endswith(stays[3]) for name in gone)
        (found,) = (file for file in kept if file.name == record)
        if parts:
            rows = list(csv.reader(found.source.read_text().splitlines()))
            assert [site + row[0] for row in rows[:-1]] == sorted(
                file.name for file in kept if file is not found
            )
