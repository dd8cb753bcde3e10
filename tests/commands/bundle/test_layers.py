"""``bundle --without``: what is left to layers below, and locks that disagree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundles import LINUX, WINDOWS, content, good
from tests.support.cli import Result
from tests.support.here import run_here
from tests.support.locked import lock_of, lock_wheels
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.layers import leave_to_layers
from wheeltarget.errors import BundleError

PROJECTS = ("deep", "lib", "own")


@pytest.fixture
def here(house: Path) -> Path:
    """Return a folder with a lock of everything, and one of a layer."""
    wheels = [make_wheel(house, name) for name in PROJECTS]
    lock_wheels(wheels, LINUX, house.parent / "pylock.app.toml")
    lock_wheels(wheels[:2], LINUX, house.parent / "pylock.base.toml")
    return house.parent


def run(here: Path, *arguments: str) -> Result:
    options = ["-r", "pylock.app.toml", "--wheels", "house", "-o", "out.zip"]
    return run_here("bundle", *options, *arguments, cwd=here)


@pytest.mark.parametrize(
    ("layout", "own"), [("flat", "own.py"), ("lambda", "own.py"), ("lambda-layer", "python/own.py")]
)
def test_only_what_the_layer_does_not_have(here: Path, layout: str, own: str) -> None:
    result = good(run(here, "--without=pylock.base.toml", f"--layout={layout}"))
    there = [name for name in content(here / "out.zip") if ".dist-info/" not in name]
    assert there == [own]
    assert result.stderr == "note: left to the layer of pylock.base.toml: deep 1.0, lib 1.0\n"


def test_json_and_component_list(here: Path) -> None:
    options = ("--without", "pylock.base.toml", "--format=json", "--components=parts.json")
    said = json.loads(good(run(here, *options)).stdout)
    assert said["in_layers"] == [
        {"project": name, "version": "1.0", "layer": "pylock.base.toml"} for name in PROJECTS[:2]
    ]
    listed = json.loads((here / "parts.json").read_text())["components"]
    assert [each["name"] for each in listed] == ["own"]


def test_layers_on_layers(here: Path) -> None:
    lock_wheels([here / "house" / "own-1.0-py3-none-any.whl"], LINUX, here / "pylock.more.toml")
    (here / "own").mkdir()
    (here / "own" / "main.py").write_text("")
    layers = ("--without=pylock.base.toml", "--without=pylock.more.toml")
    result = good(run(here, *layers, "--include=own/"))
    assert set(content(here / "out.zip")) == {"main.py"}
    assert result.stderr.splitlines() == [
        "note: left to the layer of pylock.base.toml: deep 1.0, lib 1.0",
        "note: left to the layer of pylock.more.toml: own 1.0",
    ]


def test_the_layer_is_not_proposed_as_a_part_of_the_bundle(here: Path) -> None:
    lock_wheels([here / "house" / "own-1.0-py3-none-any.whl"], LINUX, here / "pylock.app.toml")
    result = good(run(here, "--without=pylock.base.toml"))
    assert result.stderr == (
        "note: the layer of pylock.base.toml has nothing that this bundle needs\n"
    )


def test_what_a_layer_has_is_not_fetched(here: Path) -> None:
    lock = here / "pylock.app.toml"
    url, path = '"https://example.invalid/own-1.0', '"house/own-1.0'
    lock.write_text(lock.read_text().replace(f"url = {url}", f"path = {path}"))
    arguments = ["bundle", "-r", "pylock.app.toml", "-o", "out.zip"]
    good(run_here(*arguments, "--without=pylock.base.toml", cwd=here))
    assert "own.py" in content(here / "out.zip")


def test_nothing_would_be_left(here: Path) -> None:
    result = run(here, "--without=pylock.app.toml")
    assert (result.exit_code, result.stdout, (here / "out.zip").exists()) == (3, "", False)
    assert result.stderr == (
        "error: nothing is left for the bundle: the layers below have every project of the lock\n"
        "  leave --without out, or add your own files with --include\n"
    )


def test_two_that_disagree(here: Path) -> None:
    newer = make_wheel(here / "new", "lib", "2.0")
    other = make_wheel(here / "new", "deep", files={"deep.py": b"# other\n"})
    lock_wheels([newer, other], LINUX, here / "pylock.base.toml")
    result = run(here, "--without=pylock.base.toml")
    assert (result.exit_code, result.stdout, (here / "out.zip").exists()) == (3, "", False)
    assert result.stderr.startswith(
        "error: the locks disagree: pylock.base.toml has deep-1.0-py3-none-any.whl, but "
        "pylock.app.toml has deep-1.0-py3-none-any.whl with another hash; pylock.base.toml has "
        "lib-2.0-py3-none-any.whl, but pylock.app.toml has lib-1.0-py3-none-any.whl\n"
    )


def test_two_layers_that_disagree(here: Path) -> None:
    lock_wheels([make_wheel(here / "new", "far", "2")], LINUX, here / "pylock.one.toml")
    lock_wheels([make_wheel(here / "new", "far", "3")], LINUX, here / "pylock.two.toml")
    result = run(here, "--without=pylock.one.toml", "--without=pylock.two.toml")
    assert result.exit_code == 3
    assert "pylock.one.toml has far-2-" in result.stderr
    assert "pylock.two.toml has far-3-" in result.stderr


@pytest.mark.parametrize(
    ("layer", "options", "code", "said"),
    [
        ("base", ["--layout=azure"], 2, "--layout azure has no layers below it"),
        ("base", ["--layout=gcf"], 2, "--layout gcf has no layers below it"),
        ("none", [], 2, "cannot read pylock.none.toml: No such file or directory"),
        ("other", [], 2, f"pylock.app.toml is for {LINUX}, and pylock.other.toml is for {WINDOWS}"),
    ],
)
def test_refused(here: Path, layer: str, options: list[str], code: int, said: str) -> None:
    lock_wheels([here / "house" / "own-1.0-py3-none-any.whl"], WINDOWS, here / "pylock.other.toml")
    result = run(here, f"--without=pylock.{layer}.toml", *options)
    assert (result.exit_code, result.stdout, (here / "out.zip").exists()) == (code, "", False)
    assert f"error: {said}" in result.stderr


PINS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=3)


@given(PINS, st.lists(PINS, max_size=2))
def test_everything_is_in_one_place(above: dict[str, str], below: Sequence[dict[str, str]]) -> None:
    """Two locks disagree, or each project is in the bundle or in a layer, and not in both."""

    def lock(pins: dict[str, str]) -> list[tuple[str, str, str]]:
        return [
            (name, v, hashlib.sha256((name + v).encode()).hexdigest()) for name, v in pins.items()
        ]

    layers = [(f"layer{number}", lock_of(*lock(pins))) for number, pins in enumerate(below)]
    pins = [(name, version) for each in (above, *below) for name, version in each.items()]
    if len({name for name, _ in pins}) < len(set(pins)):
        with pytest.raises(BundleError, match="disagree"):
            leave_to_layers("app", lock_of(*lock(above)), layers)
        return
    rest, left = leave_to_layers("app", lock_of(*lock(above)), layers)
    assert {**rest.versions, **{each.project: each.version for each in left}} == above
    assert not rest.versions.keys() & {name for each in below for name in each}
    assert all(
        above[each.project] == dict(layers)[each.layer].versions[each.project] for each in left
    )
