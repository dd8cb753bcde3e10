"""The wheels of a lock are compared with it and checked before they are unpacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.broken_wheels import Broken, broken_wheels
from tests.support.bundles import LINUX, WINDOWS, bundle, content, good, refused, without
from tests.support.cli import proposed, wheeltarget
from tests.support.here import run_here
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.bundle import BundleRequest
from wheeltarget.commands.bundle.bundle import bundle as make_bundle
from wheeltarget.errors import BundleError
from wheeltarget.staging.folders import open_state

HARMLESS = {"WC105", "WC111", "WC113", "WC114", "WC117"}
REFUSED = [each for each in broken_wheels() if each.code not in {*HARMLESS, "WC101", "WC124"}]


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
    request = BundleRequest(str(lock), output=house.parent / "out.zip", wheels=(str(house),))
    with pytest.raises(BundleError, match=broken.code):
        make_bundle(request)
    assert set(house.parent.parent.rglob("*")) == before


def test_harmless_flaws_are_noted(house: Path) -> None:
    house.mkdir()
    (broken,) = (each for each in broken_wheels() if each.what == "no hash")
    broken.make(house)
    assert "note: lib-1.0-py3-none-any.whl: WC117 " in good(bundle(house)).stderr


def test_lock_of_another_tool(house: Path) -> None:
    make_wheel(house, "lib", tag="cp312-cp312-manylinux2014_x86_64")
    lock = lock_wheels(sorted(house.iterdir()), LINUX, house.parent / "pylock.toml")
    text = lock.read_text().replace('created-by = "wheeltarget"', 'created-by = "somebody"')
    lock.write_text(text.partition("[tool")[0])
    arguments = ["bundle", "-r", "pylock.toml", "--wheels=house", "-o", "out.zip"]
    result = run_here(*arguments, cwd=house.parent)
    assert (result.exit_code, "name one with --tags" in result.stderr) == (2, True)
    said = good(
        run_here(*arguments, "--tags", LINUX, "--components=c.json", cwd=house.parent)
    ).stdout
    assert said.startswith(f"For {LINUX}:\n  lib 1.0 ")
    assert "lib.py" in content(house.parent / "out.zip")
    result = run_here(*arguments, "--tags", "cp312-cp312-win_amd64", cwd=house.parent)
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


def test_component_list_needs_an_extra(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(house, "lib")
    without(monkeypatch, "cyclonedx")
    assert bundle(house, "--components=c.json").stderr == (
        "error: a component list needs cyclonedx-python-lib, which is not installed\n"
        "  install it with pip install 'wheeltarget[bundle]'\n"
    )
    assert not (house.parent / "out.zip").exists()
    good(bundle(house))


def test_lock_of_a_target_with_a_dot_in_its_name(house: Path) -> None:
    make_wheel(house, "lib")
    name = "aws-lambda-python3.12-arm64"
    place = house.parent / "pylock.aws-lambda-python3_12-arm64.toml"
    lock_wheels(sorted(house.iterdir()), name, place)
    arguments = ["bundle", "-r", f"pylock.{name}.toml", "--wheels=house", "-o", "out.zip"]
    assert good(run_here(*arguments, cwd=house.parent)).stdout.startswith(f"For {name}:")
    result = good(run_here("prune", "house", "-r", f"pylock.{name}.toml", cwd=house.parent))
    assert result.stderr == "no files (0 bytes) removed\n"


ARM, ARM_TAG = "aws-lambda-python3.12-arm64", "cp312-cp312-manylinux_2_34_aarch64"
LOCK_A, LOCK_B = "pylock.aws-lambda-python3_12-arm64.toml", f"pylock.{ARM_TAG}.toml"


class TestTwoNames:
    """Two targets with the same tags, such as a name and its tag, have two locks."""

    @pytest.fixture
    def locks(self, house: Path) -> list[str]:
        """Lock two projects for the name, and two for the tag."""
        for name, target, lock in (
            (("one", "both"), ARM, LOCK_A),
            (("both", "two"), ARM_TAG, LOCK_B),
        ):
            wheels = [make_wheel(house, each) for each in name]
            lock_wheels(wheels, target, house.parent / lock)
        return ["bundle", "--wheels=house", "-o", "out.zip", "-r"]

    def test_joined(self, house: Path, locks: list[str]) -> None:
        result = good(run_here(*locks, LOCK_A, "-r", LOCK_B, "-r", LOCK_A, cwd=house.parent))
        assert {"one.py", "both.py", "two.py"} <= content(house.parent / "out.zip").keys()
        assert result.stdout.startswith(f"For {ARM}:")
        assert "note" not in result.stderr

    def test_one_alone_is_noted(self, house: Path, locks: list[str]) -> None:
        result = good(run_here(*locks, LOCK_A, cwd=house.parent))
        assert (
            f"note: {LOCK_B} is for the same tags, and this bundle does not have its two: add "
            f"-r {LOCK_B} if they belong to it\n"
        ) in result.stderr
        assert "two.py" not in content(house.parent / "out.zip")
        lock_wheels([house / "both-1.0-py3-none-any.whl"], ARM_TAG, house.parent / LOCK_B)
        (house.parent / "pylock.cut.toml").write_text('created-by = "wheeltarget"')
        assert good(run_here(*locks, LOCK_A, cwd=house.parent)).stderr.count("note") == 0

    def test_contradiction(self, house: Path, locks: list[str]) -> None:
        wheel = make_wheel(house, "both", "2.0")
        lock_wheels([wheel], ARM_TAG, house.parent / LOCK_B)
        result = run_here(*locks, LOCK_A, "-r", LOCK_B, cwd=house.parent)
        assert result.exit_code == 3
        assert f"{LOCK_A} has both-1.0-py3-none-any.whl, but {LOCK_B} has {wheel.name}" in (
            result.stderr
        )
        assert not (house.parent / "out.zip").exists()

    def test_another_target(self, house: Path, locks: list[str]) -> None:
        lock_wheels([house / "two-1.0-py3-none-any.whl"], WINDOWS, house.parent / "pylock.w.toml")
        result = run_here(*locks, LOCK_A, "-r", "pylock.w.toml", cwd=house.parent)
        assert result.exit_code == 2
        assert f"{LOCK_A} is for {ARM_TAG}, and pylock.w.toml is for {WINDOWS}" in result.stderr


HINTED = {
    "a name": (["--target", "aws-lambda-python3.12-arm64"], "pylock.aws-lambda-python3_12-arm64"),
    "a tag": (["--tags=cp39-cp39-win32"], "pylock.cp39-cp39-win32"),
    "a file with a space in its name": (["--target=./my box.toml"], "pylock._-my-box_toml"),
}


@pytest.mark.parametrize(("targets", "lock"), HINTED.values(), ids=HINTED)
def test_what_is_proposed_can_be_run(house: Path, targets: list[str], lock: str) -> None:
    """A requirements file in place of a lock: the proposed lock is for the same target."""
    here = house.parent
    make_wheel(house, "lib")
    (here / "my needs.txt").write_text("lib\n")
    (here / "my box.toml").write_text('schema = 1\ntag = "cp39-cp39-manylinux2014_x86_64"\n')
    result = run_here("install-check", "-r", "my needs.txt", "--wheels=house", *targets, cwd=here)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "my needs.txt is not a lock" in result.stderr
    good(wheeltarget(*proposed(result), cwd=here))
    assert (here / f"{lock}.toml").is_file()
    bundle = ["bundle", "-r", f"{lock}.toml", "--wheels=house", "-o", "out.zip"]
    good(run_here(*bundle, cwd=here))


@pytest.mark.parametrize("name", ["pyproject.toml", "poetry.lock", "Pipfile.lock"])
def test_no_command_is_proposed_for_other_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    result = run_here("install-check", "-r", name, cwd=tmp_path)
    assert (result.exit_code, "lock -r" in result.stderr) == (2, False)
    assert f"{name} is not a lock" in result.stderr
