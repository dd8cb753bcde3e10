"""The pip of each target in a pack."""

from __future__ import annotations

import json

from tests.support.packing import BOTH, LINUX, WINDOWS, Packer, files_of
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack


def test_each_target_gets_the_newest_that_runs_there(run: Packer) -> None:
    make_wheel(run.shelf, "pip", "21.3.1", requires_python=">=3.6")
    make_wheel(run.shelf, "pip", "26.3", requires_python=">=3.10")
    pack = run.make("app", *BOTH, with_pip=True)
    there = files_of(pack)
    document = json.loads(there["pack.json"])
    assert {each["name"]: each["pip"] for each in document["targets"]} == {
        LINUX: "wheels/pip-21.3.1-py3-none-any.whl",
        WINDOWS: "wheels/pip-26.3-py3-none-any.whl",
    }
    assert b"pip-21.3.1" in there["simple/pip/index.html"]
    assert b"pip" not in there[f"locks/pylock.{LINUX}.toml"].replace(b"wheeltarget", b"")
    assert verify_pack(PackVerifyRequest(str(pack))).findings == ()


def test_sources_bring_what_builds_them(run: Packer) -> None:
    make_source(run.shelf, "old")
    for name in ("pip", "setuptools", "wheel"):
        make_wheel(run.shelf, name, "1.0")
    pack = run.make("old", "--tags", LINUX, "--allow-sdist=old", with_pip=True)
    assert (pack / "wheels" / "setuptools-1.0-py3-none-any.whl").is_file()


def test_what_a_source_needs_to_be_built(run: Packer) -> None:
    pyproject = (
        '[build-system]\nrequires = ["helper"]\n'
        'build-backend = "copying_backend"\nbackend-path = ["."]\n'
    )
    make_source(run.shelf, "old", pyproject=pyproject)
    make_wheel(run.shelf, "helper", requires=["below"])
    make_wheel(run.shelf, "below")
    result = run("old", "--tags", LINUX, "--allow-sdist=old")
    assert result.exit_code == 0, result.stderr
    pack = run.here / "mypack"
    assert {path.name for path in (pack / "wheels").glob("*.whl")} == {
        "below-1.0-py3-none-any.whl",
        "helper-1.0-py3-none-any.whl",
    }
    assert "build requirements of old-1.0.tar.gz" in result.stderr
    assert verify_pack(PackVerifyRequest(str(pack))).findings == ()


def test_a_pip_that_is_too_old_is_named(run: Packer) -> None:
    target = run.here / "box.toml"
    tags = ["cp36-cp36m-manylinux2014_x86_64", "py3-none-any"]
    text = f'name = "box"\ntags = {tags}\npip = "18.1"\n[markers]\n'
    target.write_text(f'{text}python_full_version = "3.6.15"\nsys_platform = "linux"\n')
    said = run("app", "--target", "./box.toml").stderr
    assert "pip 18.1" in said
    make_wheel(run.shelf, "pip", "21.3.1", requires_python=">=3.6")
    assert "pip 18.1" not in run("app", "--target", "./box.toml", with_pip=True).stderr


def test_no_pip_that_runs_there(run: Packer) -> None:
    make_wheel(run.shelf, "pip", "26.3", requires_python=">=3.10")
    result = run("app", "--tags", LINUX, with_pip=True)
    assert (result.exit_code, (run.here / "mypack").exists()) == (3, False)
    assert "no pip was found that runs on" in result.stderr
    assert "or leave the pips out with --no-pip" in result.stderr
