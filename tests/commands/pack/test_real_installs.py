"""A pack is installed by its own scripts in real old Pythons, without a network."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import wheeltarget
from tests.support.interpreters import (
    NEWEST_PIP,
    find_oracle,
    host_glibc,
    index_environment,
    interpreter,
    view,
)
from tests.support.once import make_once, shared_folder
from tests.support.packs import pack_target, write_pack
from tests.support.projects import make_setuptools_source

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
]

TARGETS = {
    "3.6": "cp36-cp36m-manylinux2014_x86_64",
    "3.9": "cp39-cp39-manylinux2014_x86_64",
    "3.13": "cp313-cp313-manylinux_2_28_x86_64",
}
"""Which Pythons of this machine the pack is for; it is for machines of other kinds, too."""

OTHERS = ("--tags=cp312-cp312-win_amd64", "--target=debian-12-python3.11-arm64")
PROOF = """\
import sys
from cryptography.fernet import Fernet
import _cffi_backend
box = Fernet(Fernet.generate_key())
assert box.decrypt(box.encrypt(b"secret")) == b"secret"
assert _cffi_backend.__file__.startswith(sys.argv[1]), _cffi_backend.__file__
"""
PLATFORMS = (
    "manylinux1_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_99_x86_64",
    "manylinux2014_i686",
    "manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
)


@functools.cache
def without_network() -> tuple[str, ...]:
    """Return what starts a command without a network; where that is not permitted, a proxy does."""
    command = ("unshare", "--map-root-user", "--net")
    if shutil.which(command[0]) is None:
        return ()
    return command if subprocess.run([*command, "true"], check=False).returncode == 0 else ()


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    closed = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    return subprocess.run(
        [*without_network(), *command],
        cwd=cwd,
        env={**index_environment(), **closed, "NO_PROXY": "", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a pack for five environments, once for all workers."""

    def make(folder: Path) -> None:
        tags = f"--tags={','.join(TARGETS.values())}"
        words = ("pack", "-o", str(folder), tags, *OTHERS, "cryptography", "six")
        done = wheeltarget(*words, cwd=folder.parent, variables=index_environment(), timeout=500)
        assert done.exit_code == 0, done.stderr

    return make_once(shared_folder(tmp_path_factory, "packs") / "für drüben", make, patience=600)


@pytest.fixture(scope="module", params=TARGETS)
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def environment(version: str, folder: Path) -> Path:
    """Create an environment with the pip that came with a Python, and return its Python."""
    subprocess.run(
        [interpreter(version), "-m", "venv", folder],
        env=index_environment(),
        check=True,
        capture_output=True,
    )
    return folder / "bin" / "python"


def installed(folder: Path) -> set[str]:
    """List the files of an environment, but for those that running it makes."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def listed(folder: Path) -> list[tuple[str, int, int]]:
    paths = sorted(folder.rglob("*"))
    return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]


def test_the_pack_is_installed_into_an_environment(
    version: str, pack: Path, tmp_path: Path
) -> None:
    if host_glibc() < (2, 28):
        pytest.skip("the wheels for Python 3.13 need glibc 2.28")
    python, before = environment(version, tmp_path / "own"), listed(pack)
    done = run("sh", pack / "install.sh", "--python", python, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Installing {TARGETS[version]} with {python}\n" in done.stderr
    proof = run(python, "-c", PROOF, tmp_path / "own", cwd=tmp_path)
    assert proof.returncode == 0, proof.stderr
    assert listed(pack) == before


@pytest.mark.skipif(shutil.which("gcc") is None, reason="an extension is compiled")
def test_sources_are_built_there(tmp_path: Path) -> None:
    """Also by pip 21.3.1, without setuptools there, and docopt without a ``pyproject.toml``."""
    if host_glibc() < (2, 28):
        pytest.skip("the target for Python 3.13 has glibc 2.28")
    make_setuptools_source(tmp_path / "sources", extension=True)
    done = wheeltarget(
        *("pack", "-o", "pack", "--find-links=sources", "--allow-sdist=docopt,fast-thing"),
        *("docopt", "fast-thing", f"--tags={','.join(TARGETS.values())}"),
        cwd=tmp_path,
        variables=index_environment(),
        timeout=300,
    )
    assert done.exit_code == 0, done.stderr
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for version in TARGETS:
        options = ("--python", interpreter(version), "--venv", version)
        words = ("sh", "pack/install.sh", *options, "--", "--no-cache-dir")
        installed = run(*words, cwd=tmp_path, TMPDIR=str(scratch))
        assert installed.returncode == 0, installed.stdout + installed.stderr
        code = "import docopt, fast_thing; print(fast_thing.answer())"
        proof = run(tmp_path / version / "bin" / "python", "-c", code, cwd=tmp_path)
        assert proof.stdout == "42\n", proof.stderr
    assert not list(scratch.iterdir())


def test_a_damaged_pack_changes_nothing(pack: Path, tmp_path: Path) -> None:
    python = environment("3.6", tmp_path / "own")
    before = installed(tmp_path / "own")
    wheels = sorted(pack.joinpath("wheels").glob("*.whl"))

    def change(copy: Path) -> None:
        with copy.joinpath("wheels", wheels[0].name).open("r+b") as file:
            file.seek(1000)
            file.write(b"other bytes")

    def swap(copy: Path) -> None:
        shutil.copy(wheels[0], copy / "wheels" / wheels[1].name)
        shutil.copy(wheels[1], copy / "wheels" / wheels[0].name)

    def cut_off(copy: Path) -> None:
        os.truncate(copy / "wheels" / wheels[0].name, 100_000)

    def add(copy: Path) -> None:
        shutil.copy(wheels[0], copy / "wheels" / "evil-1.0-py3-none-any.whl")

    for number, harm in enumerate((change, swap, cut_off, add)):
        copy = tmp_path / str(number)
        shutil.copytree(pack, copy)
        harm(copy)
        done = run("sh", copy / "install.sh", "--python", python, cwd=tmp_path)
        assert done.returncode == 1
        assert "error: the pack is not as it was made; nothing was installed\n" in done.stderr
        assert installed(tmp_path / "own") == before
        shutil.rmtree(copy)


def test_a_python_that_fits_no_target(pack: Path, tmp_path: Path) -> None:
    done = run("sh", pack / "install.sh", "--python", interpreter("3.12"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    error = "error: no target of this pack fits this Python: CPython 3.12."
    assert error in done.stderr
    assert "  cp312-cp312-win_amd64: it is for Windows\n" in done.stderr
    assert "  debian-12-python3_11-aarch64: it is for Python 3.11\n" in done.stderr


def test_a_python_that_cannot_read_the_path(pack: Path, tmp_path: Path) -> None:
    options = ("--python", interpreter("3.6"), "--venv", tmp_path / "new")
    done = run("sh", pack / "install.sh", *options, cwd=tmp_path, LC_ALL="C")
    assert done.returncode == 1
    assert (
        "error: in this locale, this Python cannot read the characters of all paths:" in done.stderr
    )
    assert not tmp_path.joinpath("new").exists()


# The choice, by the own pip of each interpreter


@pytest.mark.parametrize("release", NEWEST_PIP)
def test_the_choice_is_what_pip_says(
    release: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    builds = ["cp27-cp27mu", "cp27-cp27m", "cp36-cp36m", "cp37-cp37m"]
    builds += [f"cp3{minor}-cp3{minor}" for minor in (8, 9, 10, 11, 12, 13)]
    tags = [f"{build}-{platform}" for build in builds for platform in PLATFORMS]
    tags = [tag for tag in tags if "cp27mu" not in tag or "linux" in tag]
    for glibc in (None, (2, 20)):
        oracle = find_oracle(release, tmp_path_factory, glibc=glibc)
        accepted = view(oracle).tags
        own = f"cp{release.replace('.', '')}-"
        fitting = [tag for tag in tags if tag in accepted and tag.startswith(own)]
        for number in range(2):
            some = tags[number::2]
            name = f"{release}-{number}-{glibc is None}"
            pack = write_pack(
                tmp_path / name, list(map(pack_target, some)), dict.fromkeys(some, ())
            )
            done = oracle.run("-B", pack / "choose_target.py", "--choose-only")
            expected = min(set(some) & set(fitting), key=accepted.index, default="")
            assert (done.stdout.strip(), done.returncode) == (expected, int(not expected))
