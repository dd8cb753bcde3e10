"""``wheeltarget bundle``: what goes where, that it is the same each time, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import os
import stat
import subprocess
import sys
import zipfile
from importlib.util import MAGIC_NUMBER, find_spec
from pathlib import Path

import pytest

from tests.support.broken_wheels import Broken, broken_wheels
from tests.support.cli import Result
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.bundle import BundleRequest
from wheeltarget.commands.bundle.bundle import bundle as make_bundle
from wheeltarget.commands.bundle.unpack import Layout, unpack
from wheeltarget.errors import BundleError
from wheeltarget.staging.folders import open_state

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
LAMBDA = "aws-lambda-python3.12-arm64"
ENTRY = {"lib-1.0.dist-info/entry_points.txt": b"[console_scripts]\nrun = lib:main\n"}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return tmp_path / "house"


def bundle(house: Path, *words: str, target: str = LINUX, to: str = "out.zip") -> Result:
    """Bundle every wheel of a folder."""
    here = house.parent
    lock_wheels(sorted(house.glob("*.whl")), target, here / "pylock.t.toml")
    options = ["-r", "pylock.t.toml", "--wheels", "house", "-o", to]
    return run_here("bundle", *options, *words, cwd=here)


def good(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    return result


def refused(result: Result, house: Path) -> str:
    assert (result.exit_code, result.stdout) == (3, "")
    assert {path.name for path in house.parent.iterdir()} <= {
        "house",
        "pylock.t.toml",
        "own",
        "out",
    }
    return result.stderr


def content(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_flat(house: Path) -> None:
    make_wheel(
        house, "lib", files={"lib/native.so": b"\x7fELF"}, tag="cp312-cp312-manylinux1_x86_64"
    )
    make_wheel(house, "other", requires=["lib"])
    result = good(bundle(house))
    there = content(house.parent / "out.zip")
    assert sorted(there) == list(there)
    assert set(there) == {
        *("lib.py", "lib/native.so", "other.py"),
        *(f"lib-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        *(f"other-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
    }
    assert result.stdout.splitlines()[0] == f"For {LINUX}:"
    assert result.stdout.splitlines()[-1].startswith("Saved ./out.zip, ")


def test_it_works_without_anything_else(house: Path) -> None:
    code = {"lib.py": b"import importlib.metadata as m\nprint(m.version('lib'))\n"}
    make_wheel(house, "lib", files=code)
    good(bundle(house, to="out"))
    good(bundle(house))
    for place in ("out", "out.zip"):
        done = subprocess.run(
            [
                sys.executable,
                "-S",
                "-E",
                "-c",
                f"import sys; sys.path.append({place!r}); import lib",
            ],
            cwd=house.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "1.0\n"


def test_record_is_true(house: Path) -> None:
    make_wheel(house, "lib", files={**ENTRY, "lib-1.0.data/scripts/tool": b"#!python\nx\n"})
    good(bundle(house, "--scripts", "--layout=lambda-layer", to="out"))
    out = house.parent / "out"
    record = (out / "python" / "lib-1.0.dist-info" / "RECORD").read_text()
    listed = {line.split(",")[0] for line in record.splitlines()}
    assert {os.path.normpath(out / "python" / each) for each in listed} == {
        str(path) for path in out.rglob("*") if path.is_file()
    }
    assert (out / "bin" / "tool").read_text() == "#!/usr/bin/env python3\nx\n"
    assert (out / "bin" / "run").read_text().startswith("#!/usr/bin/env python3\n")


def test_scripts_are_left_out(house: Path) -> None:
    make_wheel(house, "lib", files={**ENTRY, "lib-1.0.data/scripts/tool": b"#!python\nx\n"})
    good(bundle(house))
    there = content(house.parent / "out.zip")
    assert [name for name in there if "tool" in name or name.endswith("run")] == []
    assert b"tool" not in there["lib-1.0.dist-info/RECORD"]


def test_scripts_of_windows(house: Path) -> None:
    make_wheel(house, "lib", files=ENTRY)
    good(bundle(house, "--scripts", target=WINDOWS))
    assert content(house.parent / "out.zip")["bin/run.exe"].startswith(b"MZ")


def test_data(house: Path) -> None:
    data = {
        "lib-1.0.data/data/share/x.txt": b"x",
        "lib-1.0.data/purelib/pure.py": b"",
        "lib-1.0.data/platlib/plat.py": b"",
        "lib-1.0.data/headers/lib.h": b"",
    }
    make_wheel(house, "lib", files=data)
    good(bundle(house))
    names = set(content(house.parent / "out.zip"))
    assert {"share/x.txt", "pure.py", "plat.py", "include/lib/lib.h"} <= names


def test_it_is_the_same_each_time(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/a.py": b"a" * 999})
    here = house.parent
    good(bundle(house, to="one.zip"))
    for wheel in house.iterdir():
        os.utime(wheel, (1, 1))
    good(bundle(house, "--scripts", to="two.zip"))
    assert (here / "one.zip").read_bytes() == (here / "two.zip").read_bytes()
    good(bundle(house, "--store", to="three.zip"))
    assert content(here / "one.zip") == content(here / "three.zip")
    assert (here / "one.zip").stat().st_size < (here / "three.zip").stat().st_size


def test_source_date(house: Path) -> None:
    make_wheel(house, "lib")
    lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.l.toml")
    command = ["bundle", "-r", "pylock.l.toml", "--wheels", "house", "-o"]
    for text, code in (("1600000000", 0), ("soon", 2)):
        result = run_here(
            *command, f"{code}.zip", cwd=house.parent, variables={"SOURCE_DATE_EPOCH": text}
        )
        assert result.exit_code == code, result.stderr
    with zipfile.ZipFile(house.parent / "0.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 9, 13, 12, 26, 40)}


def test_modes(house: Path) -> None:
    make_wheel(house, "lib", files=ENTRY)
    good(bundle(house, "--scripts", to="out"))
    assert stat.S_IMODE((house.parent / "out" / "bin" / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((house.parent / "out" / "lib.py").stat().st_mode) == 0o644


def test_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    (own / "app" / "__pycache__").mkdir(parents=True)
    (own / "app" / "__pycache__" / "x.pyc").write_bytes(b"")
    (own / "app" / "main.py").write_text("import lib\n")
    (own / "handler.py").write_text("")
    good(bundle(house, "--include=own/", "--include", "own/handler.py", to="inner.zip"))
    assert {"app/main.py", "handler.py"} <= content(house.parent / "inner.zip").keys()
    assert not any("pyc" in name for name in content(house.parent / "inner.zip"))
    good(bundle(house, "--include=own", to="whole.zip"))
    assert "own/app/main.py" in content(house.parent / "whole.zip")


def test_link_is_not_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    (own / "secret").symlink_to("/etc/hostname")
    assert "secret is a symbolic link" in refused(bundle(house, "--include=own"), house)
    result = bundle(house, "--include=nowhere")
    assert (result.exit_code, "nowhere does not exist" in result.stderr) == (2, True)


def test_what_cannot_be_included(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    assert "own contains no files" in bundle(house, "--include=own").stderr
    (own / "lib.py").write_text("mine")
    said = refused(bundle(house, "--include=own/"), house)
    assert "lib and own/ have different files lib.py" in said
    for words, to in ((["--include=own"], "own/out.zip"), (["--include=."], "out")):
        result = bundle(house, *words, to=to)
        assert (result.exit_code, "would be in" in result.stderr) == (2, True)
    Path(os.fsdecode(os.fsencode(own) + b"/\xff.py")).write_bytes(b"")
    assert "'own/\\udcff.py', which is not valid Unicode" in refused(
        bundle(house, "--include=own"), house
    )


def test_one_file_for_two_things(house: Path) -> None:
    make_wheel(house, "lib")
    result = bundle(house, "--components=out.zip")
    assert (result.exit_code, "the bundle and the component list" in result.stderr) == (2, True)
    assert not (house.parent / "out.zip").exists()


def test_what_python_does_not_read_is_told(house: Path) -> None:
    make_wheel(house, "lib", files={"lib.pth": b"import os\n"})
    result = good(bundle(house, "--layout=lambda-layer"))
    assert (
        "note: python/lib.pth of lib has no effect: Python does not read it in a bundle\n"
        in result.stderr
    )


@pytest.mark.parametrize("script", ["../../evil", "/evil", "a\\\\b"])
def test_nothing_is_placed_outside(house: Path, script: str) -> None:
    """Unpack a wheel that nobody has checked."""
    points = f"[console_scripts]\n{script} = lib:main\n".encode()
    wheel = make_wheel(house, "lib", files={"lib-1.0.dist-info/entry_points.txt": points})
    (house / "into").mkdir()
    with pytest.raises(BundleError, match="leads out of the bundle"):
        unpack(wheel, "lib", Layout(scripts="bin/"), house / "into")


def test_names_as_targets_compare_them(house: Path) -> None:
    make_wheel(house, "one", files={"ns/caf\u00e9": b"1", "A": b""})
    make_wheel(house, "two", files={"ns/cafe\u0301": b"2", "a/b": b""})
    good(bundle(house, to="out"))
    said = refused(bundle(house, target="cp312-cp312-macosx_11_0_arm64"), house)
    assert "same name on the target" in said
    assert "A is a file, and two has a/b below it" in said


def test_names_that_windows_cannot_have(house: Path) -> None:
    for number, name in enumerate(("NUL.txt", "x.", "y ", "a?", "com1")):
        make_wheel(house, f"p{number}", files={f"ns/{name}": b""})
    good(bundle(house))
    (house.parent / "out.zip").unlink()
    said = refused(bundle(house, target=WINDOWS), house)
    assert said.count("which is not a valid file name on Windows") == 5


def test_same_files_are_kept_once(house: Path) -> None:
    make_wheel(house, "one", files={"ns/__init__.py": b"", "ns/one.py": b""})
    make_wheel(house, "two", files={"ns/__init__.py": b"", "ns/two.py": b""})
    good(bundle(house))
    assert {"ns/__init__.py", "ns/one.py", "ns/two.py"} <= content(house.parent / "out.zip").keys()


def test_different_files_of_one_name(house: Path) -> None:
    make_wheel(house, "one", files={"tests/__init__.py": b"1"})
    make_wheel(house, "two", files={"tests/__init__.py": b"2"})
    said = refused(bundle(house), house)
    assert "one and two have different files tests/__init__.py" in said


def test_file_in_the_way(house: Path) -> None:
    make_wheel(house, "one", files={"ns": b"1"})
    make_wheel(house, "two", files={"ns/x.py": b"2"})
    assert "ns is a file, and two has ns/x.py below it" in refused(bundle(house), house)


def test_case(house: Path) -> None:
    make_wheel(house, "one", files={"ns/Readme": b"1"})
    make_wheel(house, "two", files={"ns/README": b"1"})
    good(bundle(house))
    (house.parent / "out.zip").unlink()
    said = refused(bundle(house, target=WINDOWS), house)
    assert "one has ns/Readme, and two has ns/README" in said


HARMLESS = {"WC105", "WC111", "WC113", "WC114", "WC117"}
REFUSED = [each for each in broken_wheels() if each.code not in {*HARMLESS, "WC101"}]


@pytest.mark.parametrize("broken", REFUSED, ids=lambda each: each.what)
def test_broken_wheels_are_refused(house: Path, broken: Broken) -> None:
    house.mkdir()
    wheel = broken.make(house)
    if not wheel.name.startswith("lib-1.") or broken.code == "WC111":
        wheel = wheel.rename(house / "lib-1.1-py3-none-any.whl")
    target = WINDOWS if "win" in wheel.name else LINUX
    lock = lock_wheels([wheel], target, house.parent / "pylock.t.toml")
    open_state().close()  # the folder stays, and nothing in it
    before = set(house.parent.parent.rglob("*"))
    request = BundleRequest(str(lock), house.parent / "out.zip", wheels=(str(house),))
    with pytest.raises(BundleError, match=broken.code):
        make_bundle(request)
    assert set(house.parent.parent.rglob("*")) == before


def test_what_pip_takes_is_taken(house: Path) -> None:
    house.mkdir()
    (broken,) = (each for each in broken_wheels() if each.what == "no hash")
    broken.make(house)
    assert "note: lib-1.0-py3-none-any.whl: WC117 " in good(bundle(house)).stderr


def test_too_large(house: Path) -> None:
    make_wheel(house, "lib")
    own = house.parent / "own"
    own.mkdir()
    with (own / "big").open("wb") as big:
        big.truncate(270_000_000)
    said = refused(bundle(house, "--include", "own/big", target=LAMBDA), house)
    assert "but the service allows 262144000; largest projects: own/big (270000000)" in said


def test_lock_of_another_tool(house: Path) -> None:
    make_wheel(house, "lib", tag="cp312-cp312-manylinux2014_x86_64")
    lock = lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.toml")
    text = lock.read_text().replace('created-by = "wheeltarget"', 'created-by = "somebody"')
    lock.write_text(text.partition("[tool")[0])
    words = ["bundle", "-r", "pylock.toml", "--wheels=house", "-o", "out.zip"]
    result = run_here(*words, cwd=house.parent)
    assert (result.exit_code, "name one with --tags" in result.stderr) == (2, True)
    said = good(run_here(*words, "--tags", LINUX, "--components=c.json", cwd=house.parent)).stdout
    assert said.startswith(f"For {LINUX}:\n  lib 1.0 ")
    assert "lib.py" in content(house.parent / "out.zip")
    result = run_here(*words, "--tags", "cp312-cp312-win_amd64", cwd=house.parent)
    assert result.exit_code == 2
    assert "win_amd64" in result.stderr


def test_another_wheel_than_the_lock_says(house: Path) -> None:
    make_wheel(house, "lib")
    lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.t.toml")
    make_wheel(house, "lib", files={"evil.py": b""})
    command = ["bundle", "-r", "pylock.t.toml", "--wheels", "house", "-o", "out.zip"]
    said = refused(run_here(*command, cwd=house.parent), house)
    assert (
        "lib-1.0-py3-none-any.whl is missing in house, or different from what the lock says" in said
    )


def test_folder_that_is_there(house: Path) -> None:
    make_wheel(house, "lib")
    (house.parent / "out").mkdir()
    (house.parent / "out" / "mine").write_text("keep")
    result = bundle(house, to="out")
    assert (result.exit_code, "out already exists" in result.stderr) == (3, True)
    assert (house.parent / "out" / "mine").read_text() == "keep"


def test_json(house: Path) -> None:
    make_wheel(house, "lib")
    said = json.loads(good(bundle(house, "--format=json", "--layout=lambda")).stdout)
    assert said.keys() == {"schema", "output", "target", "size", "limit", "projects", "notes"}
    assert said["limit"] == 262144000
    assert said["projects"] == [{"name": "lib", "version": "1.0", "files": 5, "size": said["size"]}]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("License-Expression: MIT", [{"license": {"id": "MIT"}}]),
        ("License-Expression: mit or apache-2.0", [{"expression": "MIT OR Apache-2.0"}]),
        ("License-Expression: my own words", [{"license": {"name": "my own words"}}]),
        ("License: BSD-ish", [{"license": {"name": "BSD-ish"}}]),
        (
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License",
            [{"license": {"name": "MIT License"}}],
        ),
    ],
)
def test_licences(house: Path, said: str, expected: object) -> None:
    metadata = f"Metadata-Version: 2.4\nName: lib\nVersion: 1.0\n{said}\n".encode()
    make_wheel(house, "lib", files={"lib-1.0.dist-info/METADATA": metadata})
    good(bundle(house, "--components=list.json"))
    text = (house.parent / "list.json").read_text()
    found = json.loads(text)["components"][0]["licenses"]
    for each in found:
        each.get("license", each).pop("acknowledgement", None)
    assert found == expected
    if find_spec("jsonschema") is not None:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_components(house: Path) -> None:
    files = {
        "lib-1.0.dist-info/METADATA": (
            b"Metadata-Version: 2.4\nName: lib\nVersion: 1.0\nLicense-Expression: MIT\n"
        )
    }
    make_wheel(house, "lib", files=files)
    make_wheel(house, "other")
    here = house.parent
    good(bundle(house, "--components=list.json"))
    first = (here / "list.json").read_bytes()
    good(bundle(house, "--components=list.json"))
    assert (here / "list.json").read_bytes() == first
    said = json.loads(first)
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    lib, other = said["components"]
    assert lib["purl"] == "pkg:pypi/lib@1.0"
    assert lib["licenses"][0].get("expression", lib["licenses"][0].get("license")) in (
        "MIT",
        {"id": "MIT"},
    )
    assert lib["hashes"][0]["alg"] == "SHA-256"
    assert "licenses" not in other


HOST = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"


def test_compiled(house: Path) -> None:
    old = {"lib/__init__.py": b"x = 1\n", "lib/old.py": b"print 'old'\n"}
    make_wheel(house, "lib", files=old)
    good(bundle(house, "--compile", target=HOST, to="one.zip"))
    good(bundle(house, "--compile", target=HOST, to="two.zip"))
    first, second = (house.parent / name for name in ("one.zip", "two.zip"))
    assert first.read_bytes() == second.read_bytes()
    there = content(first)
    compiled = {name for name in there if name.endswith(".pyc")}
    ending = f".{sys.implementation.cache_tag}.pyc"
    assert compiled == {f"lib/__pycache__/__init__{ending}", f"__pycache__/lib{ending}"}
    for name in compiled:
        # PEP 552: by the hash of the source, and never compared with it.
        assert there[name][:8] == MAGIC_NUMBER + b"\1\0\0\0"
        assert str(house.parent).encode() not in there[name]


def test_compiled_for_another_python(house: Path) -> None:
    make_wheel(house, "lib")
    result = bundle(house, "--compile", target="cp38-none-any")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the target is cp38-none-any" in result.stderr
    assert not (house.parent / "out.zip").exists()


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Have it that some modules are not installed."""

    def find(name: str) -> object:
        return None if name in modules else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bundle", "-o=out.zip"], "a bundle needs PyPA's installer"),
        (["bundle", "-o=out.zip", "--components=c.json"], "a bundle needs PyPA's installer"),
        (["install-check"], "install-check needs PyPA's installer"),
    ],
)
def test_what_is_wrong_with_the_input_is_told_before_what_is_not_here(
    house: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(house, "lib")
    here = house.parent
    lock = lock_wheels(sorted(house.glob("*.whl")), LINUX, here / "pylock.t.toml")
    (here / "pylock.broken.toml").write_text(lock.read_text()[:-60])
    make_wheel(here / "changed", "lib", files={"evil.py": b""})
    without(monkeypatch, "installer", "cyclonedx")
    for options, exit_code, first in (
        (["-r", "pylock.none.toml"], 2, "error: cannot read pylock.none.toml: No such file"),
        (["-r", "pylock.broken.toml"], 2, "pylock.broken.toml:"),
        (["-r", "pylock.t.toml", "--wheels=none"], 2, "error: cannot read none: No such file"),
        (["-r", "pylock.t.toml", "--wheels", lock.name], 2, f"error: cannot read {lock.name}: Not"),
        (
            ["-r", "pylock.t.toml", "--wheels=changed"],
            3,
            "error: lib-1.0-py3-none-any.whl is missing",
        ),
        (["-r", "pylock.t.toml", "--wheels=house"], 2, f"error: {said}, which is not installed\n"),
        (["-r", "pylock.t.toml"], 2, f"error: {said}, which is not installed\n"),
    ):
        result = run_here(*words, *options, cwd=here)
        assert (result.exit_code, result.stdout) == (exit_code, ""), result.stderr
        assert result.stderr.startswith(first)
        if said in first:
            assert result.stderr.endswith("  install it with pip install 'wheeltarget[bundle]'\n")
    assert not (here / "out.zip").exists()


def test_component_list_needs_more(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(house, "lib")
    without(monkeypatch, "cyclonedx")
    result = bundle(house, "--components=c.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: a component list needs cyclonedx-python-lib, which ")
    assert {path.name for path in house.parent.iterdir()} == {"house", "pylock.t.toml"}


def test_audit_needs_more(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(house, "lib")
    without(monkeypatch, "auditwheel")
    wrong = run_here("check", "house", "--audit", "-r", "pylock.none.toml", cwd=house.parent)
    assert (wrong.exit_code, "cannot read pylock.none.toml" in wrong.stderr) == (2, True)
    result = run_here("check", "house", "--audit", cwd=house.parent)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --audit needs auditwheel, which is not installed\n"
        "  install it with pip install 'wheeltarget[audit]'\n"
    )
