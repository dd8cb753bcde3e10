"""What was locked here is what other interpreters' own pips install, and uv."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from tests.support.cli import names, wheeltarget
from tests.support.interpreters import (
    find_oracle,
    host_glibc,
    index_environment,
    interpreter,
)
from tests.support.locking import versions

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
]

OLD_LINES = (
    "click ; tags=cp36-cp36m-manylinux1_x86_64",
    "cryptography~=3.3 ; tags=cp36-cp36m-manylinux1_x86_64",
    "flask ; tags=cp37-cp37m-manylinux2014_x86_64",
    "pandas ; tags=cp39-cp39-manylinux_2_28_x86_64",
    "click ; tags=cp39-cp39-manylinux_2_28_x86_64",
)
OLD = {
    "3.6": "cp36-cp36m-manylinux1_x86_64",
    "3.7": "cp37-cp37m-manylinux2014_x86_64",
    "3.9": "cp39-cp39-manylinux_2_28_x86_64",
}


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_pip_installs_from_a_lock(
    version: str, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = find_oracle(version, tmp_path_factory)
    if host_glibc() < (2, 28):
        pytest.skip("the wheels need glibc 2.28")
    interpreter = f"cp{version.replace('.', '')}"
    tag = f"{interpreter}-{interpreter}-manylinux_2_28_x86_64"
    run = wheeltarget(*_lock(f"pandas ; tags={tag}", f"requests[socks] ; tags={tag}"), cwd=place)
    assert run.exit_code == 0, run.stderr
    lock = f"pylock.{tag}.toml"
    done = oracle.run(*_install("by-pip"), "-r", lock, cwd=place, timeout=300)
    assert done.returncode == 0, done.stderr
    assert installed(place / "by-pip") == versions(tag, place)
    proof = oracle.run("-c", f"import sys; sys.path.insert(0, 'by-pip'); {PROOF}", cwd=place)
    assert proof.stdout == "6\n", proof.stderr

    uv = subprocess.run(
        [
            *(find_uv_bin(), "pip", "install", "--no-cache", "--target", "by-uv"),
            *("--python", str(oracle.python), "-r", lock),
        ],
        cwd=place,
        env=index_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert uv.returncode == 0, uv.stderr
    assert installed(place / "by-uv") == versions(tag, place)


PROOF = "import requests, socks, pandas; print(pandas.Series([1, 2, 3]).sum())"


def test_lock_is_refused_elsewhere(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    oracle = find_oracle("3.12", tmp_path_factory)
    tags = ("cp313-cp313-manylinux_2_28_x86_64", "cp312-cp312-win_amd64")
    run = wheeltarget(*_lock(f"idna ; tags={','.join(tags)}"), cwd=place)
    assert run.exit_code == 0, run.stderr
    for tag in tags:
        lock = f"pylock.{tag}.toml"
        done = oracle.run(*_install("house"), "-r", lock, cwd=place, timeout=300)
        assert done.returncode != 0
        assert "does not satisfy" in done.stderr


def test_each_target_gets_its_own_versions_from_one_wheelhouse(place: Path) -> None:
    if host_glibc() < (2, 28):
        pytest.skip("the wheels for Python 3.9 need glibc 2.28")
    pythons = {version: interpreter(version) for version in OLD}
    run = wheeltarget(*_lock("--format=requirements", *OLD_LINES), cwd=place, timeout=300)
    assert run.exit_code == 0, run.stderr
    locks = {version: f"requirements.{tag}.txt" for version, tag in OLD.items()}
    arguments = [word for lock in locks.values() for word in ("-r", lock)]
    run = wheeltarget("download", "-dhouse", "--no-cache-dir", *arguments, cwd=place, timeout=300)
    assert run.exit_code == 0, run.stderr
    clicks = [name for name in names(place / "house") if name.startswith("click-")]
    assert len(clicks) > 1
    for version, python in pythons.items():
        offline = ["--no-index", "--find-links", "house", "--require-hashes"]
        done = subprocess.run(
            [python, *_install(f"by-{version}"), *offline, "-r", locks[version]],
            cwd=place,
            env=index_environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        pins = dict(
            line.removesuffix(" \\").split("==")
            for line in (place / locks[version]).read_text().splitlines()
            if "==" in line
        )
        assert installed(place / f"by-{version}") == pins
        used = subprocess.run(
            [python, "-W", "ignore", "-c", "import click; print(click.__file__)"],
            cwd=place,
            env={**index_environment(), "PYTHONPATH": str(place / f"by-{version}")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"by-{version}" in used.stdout


def _lock(*arguments: str) -> list[str]:
    return ["lock", "--no-cache-dir", *arguments]


def _install(folder: str) -> list[str]:
    # Without a cache, so that nothing can have been built or fetched before; and without compiling,
    # which takes longer than all the rest.
    return ["-m", "pip", "install", "--no-cache-dir", "--no-compile", "--target", folder]


def installed(folder: Path) -> dict[str, str]:
    """Give version by project of what is installed in a folder."""
    found = {}
    for path in folder.glob("*.dist-info"):
        name, _, version = path.stem.partition("-")
        found[str(canonicalize_name(name))] = version
    return found
