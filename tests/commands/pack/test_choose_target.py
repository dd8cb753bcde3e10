"""The choice of a target on the other machine, and what pip is started with there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import names
from tests.support.packs import pack_target, pip_wheel, take_out, write_pack
from tests.support.wheels import make_wheel
from wheeltarget.commands.pack import choose_target
from wheeltarget.commands.pack.choose_target import PackError, choose, misfit
from wheeltarget.targets.catalog import host, look_up_tag
from wheeltarget.targets.compatibility import Difference, compare_tags
from wheeltarget.targets.target import Target

PLATFORMS = (
    "manylinux1_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_36_x86_64.linux_x86_64",
    "linux_x86_64.manylinux_2_31_x86_64",
    "manylinux2014_i686",
    "manylinux_2_28_aarch64",
    "manylinux_2_31_armv7l",
    "musllinux_1_1_x86_64",
    "musllinux_1_2_x86_64",
    "macosx_10_9_x86_64",
    "macosx_13_0_x86_64",
    "macosx_12_0_arm64",
    "win_amd64",
    "win32",
)
BUILDS = (
    *("cp27-cp27mu", "cp27-cp27m", "cp36-cp36m", "cp39-cp39", "cp313-cp313", "cp313-cp313t"),
    "pp311-pypy311_pp73",
)

pytestmark = pytest.mark.thorough


def is_possible(tag: str) -> bool:
    return "cp27mu" not in tag or "linux" in tag


REAL = [f"{build}-{platform}" for build in BUILDS for platform in PLATFORMS]
REAL = [tag for tag in REAL if is_possible(tag)]
PURE = ["cp36-none-any", "cp313-none-any", "py39-none-any"]


@st.composite
def situations(draw: st.DrawFn) -> tuple[Target, list[str]]:
    """Draw a machine, and the tags of the targets of a pack, of which most have its Python."""
    own = draw(st.sampled_from(REAL))
    build = own.rpartition("-")[0]
    near = st.sampled_from([tag for tag in REAL if tag.startswith(f"{build}-")])
    tags = draw(st.lists(near | st.sampled_from(REAL + PURE), min_size=1, max_size=6, unique=True))
    return look_up_tag(own), tags


def entries(*tags: str) -> list[dict[str, Any]]:
    """Return what ``pack.json`` has of the targets of tags."""
    return [pack_target(tag).as_dict() for tag in tags]


def facts(tag: str) -> dict[str, Any]:
    return dict(pack_target(tag).facts)


def fits(target: Target, machine: Target) -> bool:
    """Return whether a machine has the Python of a target, and takes every wheel for it."""
    wheels = (f"any-1-{tag}.whl" for tag in target.tags)
    same = target.environment["python_version"] == machine.environment["python_version"]
    return same and all(
        compare_tags(wheel, machine).difference is Difference.FITS for wheel in wheels
    )


@given(situations())
def test_a_target_fits_if_every_wheel_for_it_does(situation: tuple[Target, list[str]]) -> None:
    machine, tags = situation
    reasons = [misfit(facts(tag), list(machine.tags), machine.environment) for tag in tags]
    assert [not reason for reason in reasons] == [fits(look_up_tag(tag), machine) for tag in tags]


@given(situations())
def test_the_closest_target_is_chosen(situation: tuple[Target, list[str]]) -> None:
    machine, tags = situation
    fitting = [tag for tag in tags if fits(look_up_tag(tag), machine)]
    if not fitting:
        with pytest.raises(PackError, match="no target of this pack fits"):
            choose(entries(*tags), list(machine.tags), machine.environment)
        return
    best = max(map(native, fitting))
    if len({tag for tag in fitting if native(tag) == best}) > 1:
        return  # the next test
    chosen = choose(entries(*tags), list(machine.tags), machine.environment)["name"]
    assert chosen in fitting
    # No other one knows more of what the machine takes.
    assert native(chosen) == best


def native(tag: str) -> int:
    """Return how many tags a target has for extension modules of its own build."""
    target = look_up_tag(tag)
    build = target.tags[0].rpartition("-")[0]
    return -1 if build.endswith("-none") else sum(each.startswith(build) for each in target.tags)


def test_of_equal_targets_none_is_chosen() -> None:
    machine = look_up_tag("cp39-cp39-manylinux2014_x86_64")
    first, second = entries(machine.label), entries("cp39-cp39-manylinux_2_17_x86_64")
    with pytest.raises(PackError, match="more than one target") as caught:
        choose(first + second, list(machine.tags), machine.environment)
    assert caught.value.hint == "choose one, such as --target cp39-cp39-manylinux2014_x86_64"
    # The one of the same release is closer.
    first[0]["facts"]["python"] = "3.9.2"
    assert choose(first + second, list(machine.tags), machine.environment) is second[0]


# What is said if there is no choice


def test_the_message_has_the_reason_for_each_target(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = look_up_tag("cp39-cp39-manylinux2014_x86_64")
    other = tmp_path / "python3.6"
    other.touch(0o755)
    monkeypatch.setenv("PATH", f"/nowhere{os.pathsep}{tmp_path}")
    reasons = {
        "cp36-cp36m-manylinux2014_x86_64": "it is for Python 3.6",
        "cp39-cp39-manylinux_2_28_x86_64": "it needs glibc 2.28",
        "cp39-cp39-manylinux2014_aarch64": "it is for manylinux_2_17_aarch64",
        "cp39-cp39-musllinux_1_2_x86_64": "it is for musllinux_1_2_x86_64",
        "cp39-cp39-win_amd64": "it is for Windows",
        "pp39-pypy39_pp73-manylinux2014_x86_64": "it is for pypy",
    }
    with pytest.raises(PackError) as caught:
        choose(entries(*reasons), list(machine.tags), machine.environment)
    first, *lines = str(caught.value).splitlines()
    python = machine.environment["python_full_version"]
    about = f"CPython {python}, cp39-cp39, manylinux_2_17_x86_64"
    assert first == f"no target of this pack fits this Python: {about}"
    assert lines == [f"  {name}: {reason}" for name, reason in reasons.items()]
    assert caught.value.hint == f"PATH has another Python: --python {other}"
    other.unlink()
    with pytest.raises(PackError) as caught:
        choose(entries(*reasons), list(machine.tags), machine.environment)
    assert "describe this one for a new pack" in caught.value.hint


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a pack that the script takes itself to be in, for the running Python and Windows."""
    tags = {"here": host(), "windows": look_up_tag("cp39-cp39-win_amd64")}
    targets = [pack_target(name, target) for name, target in tags.items()]
    pack = write_pack(tmp_path / "pack", targets, dict.fromkeys(tags, ()))
    monkeypatch.setattr(choose_target, "HERE", str(pack))
    return pack


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the error of the script, which installs nothing."""
    assert choose_target.main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_a_target_can_be_named(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert choose_target.main(["--choose-only"]) == 0
    assert capsys.readouterr() == ("here\n", "")
    assert choose_target.main(["--choose-only", "--target", "windows"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "windows\n"
    assert captured.err.startswith("note: windows does not fit this Python, CPython ")
    expected = "error: this pack has no target other\nhint: it has here, windows\n"
    assert error_of(capsys, "--target", "other") == expected
    assert pack.is_dir()


def test_a_pack_of_another_schema(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack.joinpath("pack.json").write_text(json.dumps({"schema": 2, "targets": []}), "utf-8")
    assert error_of(capsys) == "error: pack.json has the schema 2, not 1\n"


# Where it is installed


def test_a_python_of_the_system_stays_as_it_is(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def call(command: list[str], **_: object) -> int:
        calls.append(command)
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(pack))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    pack.joinpath("EXTERNALLY-MANAGED").touch()
    for options in ([], ["--user"], ["--no-compile"]):
        error = error_of(capsys, "--", *options)
        assert "are managed by the system (PEP 668)\n" in error
        assert error.endswith("hint: install into a virtual environment: --venv DIR\n")
    assert calls == []
    for options in (["--target", "x"], ["-tx"], ["--prefix=x"], ["--break-system-packages"]):
        assert choose_target.main(["--", *options]) == 0
        assert calls[-1][-len(options) :] == options
    monkeypatch.setattr(sys, "base_prefix", "elsewhere")
    assert choose_target.main([]) == 0


def test_pip_is_unpacked_without_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its wheel, pip 21.3.1 cannot build sources; with it, pip would be an installed project."""
    pip = tmp_path / "pip-21.3.1-py3-none-any.whl"
    with zipfile.ZipFile(pip, "w") as archive:
        for name in ("pip/__main__.py", "pip-21.3.1.dist-info/METADATA"):
            archive.writestr(name, "")
    targets = [pack_target("here", host(), pip=f"wheels/{pip.name}")]
    pack = write_pack(tmp_path / "pack", targets, {"here": ()}, others=[pip])
    calls: list[tuple[list[str], str]] = []

    def call(command: list[str], env: dict[str, str]) -> int:
        unpacked = [each.name for each in Path(command[1]).parent.iterdir()]
        calls.append((unpacked, env["PIP_USE_PEP517"]))
        return 3

    monkeypatch.setattr(choose_target, "HERE", str(pack))
    monkeypatch.setattr(subprocess, "call", call)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert choose_target.main(["--", "--dry-run"]) == 3
    assert calls == [(["pip"], "1")]
    assert names(scratch) == []


def test_without_any_pip_there_is_an_error(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: 1)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(pack))
    assert error_of(capsys).startswith("error: neither this Python nor the pack has a pip\nhint: ")


def test_environments_that_cannot_be_made(
    pack: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    full.joinpath("file").touch()
    expected = f"error: {full} exists, and is not a virtual environment\n"
    assert error_of(capsys, "--venv", str(full)) == expected
    inside = pack / "venv"
    expected = f"error: {inside} is in the pack, in which nothing may be added\n"
    assert error_of(capsys, "--venv", str(inside)) == expected
    assert not inside.exists()
    assert names(full) == ["file"]


def test_an_environment_that_was_not_made_whole_is_removed(
    pack: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    venv = tmp_path / "venv"

    def fail(command: list[str], **_: object) -> int:
        if command[3] == "venv" and command[-1] == str(venv):
            venv.joinpath("bin").mkdir(parents=True)
            return 1
        return 0

    monkeypatch.setattr(subprocess, "call", fail)
    error = f"error: cannot create a virtual environment in {venv}\n"
    assert error_of(capsys, "--venv", str(venv)).startswith(error)
    assert not venv.exists()
    venv.mkdir()
    assert error_of(capsys, "--venv", str(venv)).startswith(error)
    assert names(venv) == []
    assert pack.is_dir()


def test_a_pack_is_installed_and_brought_up_to_date(tmp_path: Path) -> None:
    folder, pip = tmp_path / 'it\'s a "place" [é]', pip_wheel(tmp_path / "pip")
    folder.mkdir()
    packs = []
    for version in ("1.0", "2.0"):
        target = pack_target("here", host(), pip=f"wheels/{pip.name}")
        one = make_wheel(tmp_path / "made", "one", version, tag=host().tags[0], requires=["gone"])
        two = make_wheel(tmp_path / "made", "two")
        pack = folder / version
        packs.append(write_pack(pack, [target], {"here": [one, two]}, others=[pip]))
    take_out(packs[1], "wheels/two-1.0-py3-none-any.whl", f"wheels/{pip.name}")
    # What the machine tells pip, and a module beside the user, is not for this.
    folder.joinpath("venv.py").write_text("raise SystemExit(9)\n", "utf-8")
    folder.joinpath("pip.py").write_text("raise SystemExit(9)\n", "utf-8")
    make_wheel(tmp_path / "elsewhere", "two")
    with zipfile.ZipFile(tmp_path / "elsewhere" / "two-1.0-py3-none-any.whl") as archive:
        archive.extractall(tmp_path / "elsewhere")
    variables = {
        **os.environ,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_NO_BINARY": ":all:",
        "PIP_TARGET": "elsewhere",
        "PYTHONPATH": str(tmp_path / "elsewhere"),
    }
    words = ["--venv", "the venv", "--earlier", "1.0", "--", "--no-compile"]
    python = folder / "the venv" / "bin" / "python"
    question = "import one, two; print(one.__version__, two.__file__)"
    for pack, version in zip(packs, ("1.0", "2.0"), strict=True):
        done = subprocess.run(
            ["sh", pack / "install.sh", "--python", sys.executable, *words],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer = subprocess.check_output([python, "-I", "-c", question], text=True)
        assert answer.startswith(f"{version} {folder / 'the venv'}")
        assert not list(pack.rglob("__pycache__"))
    distributions = (folder / "the venv").rglob("*.dist-info")
    assert sorted(each.name for each in distributions) == ["one-2.0.dist-info", "two-1.0.dist-info"]
