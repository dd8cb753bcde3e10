"""For each target, the files chosen are those that the target's own, newest pip chooses.

The oracle is the real interpreter. A ``_manylinux`` module (PEP 600) lets its pip see no newer
glibc than the tag has; its tags also have ``linux_x86_64``, which no wheel on the index has.

Two things to know where a case is to be added. The index moves: a release that needs a newer patch
of Python than the machine has makes a difference that is no fault; then give wheeltarget a target
file with the real patch. And pip 20.3.4 on Python 2.7 does not go back to an older release where
the newest has a dependency without a wheel; it ends there, and wheeltarget goes on.

A pip that can choose without fetching does so, and wheeltarget then too. Those of Python 2.7 and
3.6 cannot.
"""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.cli import names, wheeltarget
from tests.support.interpreters import find_oracle, host_glibc
from wheeltarget.targets.tags import LEGACY_MANYLINUX

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
]

PATIENCE = 300.0


def case(tag: str, *requirements: str) -> object:
    return pytest.param(tag, requirements, id=f"{tag.removesuffix('_x86_64')}: {requirements[0]}")


@pytest.mark.parametrize(
    ("tag", "requirements"),
    [
        case("cp27-cp27mu-manylinux2014_x86_64", "requests"),
        case("cp27-cp27mu-manylinux2014_x86_64", "boto3"),
        case("cp27-cp27mu-manylinux1_x86_64", "lxml"),
        # Backports by python_version, and wheels for cp27m and cp27mu side by side.
        case("cp27-cp27mu-manylinux2010_x86_64", "cryptography"),
        case("cp36-cp36m-manylinux1_x86_64", "numpy"),
        case("cp36-cp36m-manylinux1_x86_64", "cryptography"),
        case("cp36-cp36m-manylinux2010_x86_64", "flask"),
        case("cp36-cp36m-manylinux2014_x86_64", "scikit-learn", "matplotlib"),
        case("cp37-cp37m-manylinux2014_x86_64", "flask"),
        case("cp37-cp37m-manylinux2014_x86_64", "pytest"),
        case("cp37-cp37m-manylinux2014_x86_64", "pandas"),
        case("cp37-cp37m-manylinux2014_x86_64", "scikit-learn"),
        # A dependency in C for implementation_name and python_version (typed-ast).
        case("cp37-cp37m-manylinux2014_x86_64", "black"),
        case("cp38-cp38-manylinux2014_x86_64", "fastapi", "uvicorn[standard]"),
        # cp35.cp36.cp37.cp38-abi3, and a build tag.
        case("cp38-cp38-manylinux1_x86_64", "pyqt5"),
        # Two that ask for each other, and a backport in C.
        case("cp38-cp38-manylinux_2_31_x86_64", "celery", "redis"),
        case("cp39-cp39-manylinux_2_28_x86_64", "cryptography"),
        # The releases after it are cp310-abi3.
        case("cp39-cp39-manylinux_2_28_x86_64", "protobuf"),
        # glibc levels that no image has (Amazon Linux 2, Ubuntu 18.04).
        case("cp39-cp39-manylinux_2_26_x86_64", "grpcio-tools"),
        case("cp39-cp39-manylinux_2_27_x86_64", "lxml", "zstandard"),
        # cp35.cp36.cp37.cp38.cp39.cp310-abi3
        case("cp310-cp310-manylinux_2_28_x86_64", "shiboken2"),
        case("cp310-cp310-manylinux_2_34_x86_64", "aiohttp"),
        # One wheel for three levels of glibc, one of which is too new.
        case("cp311-cp311-manylinux2014_x86_64", "psutil"),
        case("cp312-cp312-manylinux_2_28_x86_64", "pandas", "pyarrow"),
        # The newest wheels of all three projects are for a newer glibc.
        case("cp312-cp312-manylinux2014_x86_64", "numba"),
        case("cp313-cp313-manylinux_2_28_x86_64", "scipy", "matplotlib"),
        # Specifiers of before PEP 440: pip refuses them from 24.1 on, and those before read them.
        case("cp27-cp27mu-manylinux2014_x86_64", "pandas"),
        case("cp36-cp36m-manylinux2014_x86_64", "omegaconf==2.0.6"),
        case("cp37-cp37m-manylinux2014_x86_64", "textract==1.6.5"),
    ],
)
def test_the_real_pip_chooses_the_same_files(
    tag: str, requirements: tuple[str, ...], place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = asked_of_the_oracle(tag, requirements, place, tmp_path_factory)
    assert expected, "the oracle's pip found no answer, so this case shows nothing"

    assert taken_by_wheeltarget(tag, f"--tags={tag}", requirements, place) == expected


def test_a_target_file_with_the_patch_level_of_the_real_one(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tag = "cp310-cp310-manylinux_2_28_x86_64"
    # redis asks for python_full_version; a tag alone stands for a newer patch than is here.
    requirements = ("redis", "build")
    answer = find_oracle("3.10", tmp_path_factory).run(
        "-c", "import platform; print(platform.python_version())"
    )
    full = answer.stdout.strip()
    target = {"tag": tag, "markers": {"python_full_version": full, "implementation_version": full}}
    place.joinpath("real.json").write_text(json.dumps(target), "utf-8")
    expected = asked_of_the_oracle(tag, requirements, place, tmp_path_factory)
    assert expected

    found = taken_by_wheeltarget(tag, f"--target={place / 'real.json'}", requirements, place)

    assert found == expected


@pytest.mark.parametrize(
    ("tag", "requirement"),
    [
        case("cp312-cp312-manylinux1_x86_64", "numpy"),
        # There are wheels, for Windows alone.
        case("cp313-cp313-manylinux_2_28_x86_64", "pywinpty"),
        # There are wheels, for newer levels of glibc alone.
        case("cp37-cp37m-manylinux1_x86_64", "cryptography>=41"),
    ],
)
def test_where_the_real_pip_finds_nothing_there_is_nothing(
    tag: str, requirement: tuple[str], place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert asked_of_the_oracle(tag, requirement, place, tmp_path_factory) is None
    assert taken_by_wheeltarget(tag, f"--tags={tag}", requirement, place) is None


def asked_of_the_oracle(
    tag: str, requirements: tuple[str, ...], place: Path, factory: pytest.TempPathFactory
) -> list[str] | None:
    """Let the interpreter that a tag stands for choose.

    :returns: the names of the files; None where its pip finds no answer.
    """
    version, glibc = read_tag(tag)
    if host_glibc() < glibc:
        pytest.skip(f"the glibc of this machine is older than {glibc[0]}.{glibc[1]}")
    oracle = find_oracle(version, factory, glibc=glibc)
    # wheeltarget comes after and has the same cache: what is fetched here is not fetched again.
    options: list[str | Path] = ["--only-binary=:all:", "--cache-dir", place / "cache"]
    if can_choose_only(version):
        options = ["install", *options, "--dry-run", "--ignore-installed"]
        options += ["--quiet", "--report", place / "report.json"]
    else:
        options = ["download", *options, "--dest", place / "oracle"]
    done = oracle.run("-m", "pip", *options, *requirements, cwd=place, timeout=PATIENCE)
    if done.returncode == 0 and can_choose_only(version):
        chosen = json.loads((place / "report.json").read_text("utf-8"))["install"]
        return sorted(unquote(each["download_info"]["url"].rpartition("/")[2]) for each in chosen)
    if done.returncode == 0:
        return names(place / "oracle")
    # Anything else, such as a connection that broke, is no answer.
    assert "No matching distribution found" in done.stderr, done.stderr
    return None


def taken_by_wheeltarget(
    tag: str, target: str, requirements: tuple[str, ...], place: Path
) -> list[str] | None:
    """Let wheeltarget choose, here.

    :returns: the names of the files; None where there is no answer.
    """
    dry = can_choose_only(read_tag(tag)[0])
    done = wheeltarget(
        *("download", "--cache-dir", str(place / "cache"), "--dest", str(place / "wheelhouse")),
        *(("--dry-run", "--format=json") if dry else ()),
        target,
        *requirements,
        cwd=place,
        timeout=PATIENCE,
    )
    if done.exit_code == 0 and dry:
        (answer,) = json.loads(done.stdout)["targets"]
        return sorted(file["filename"] for file in answer["files"])
    if done.exit_code == 0:
        return names(place / "wheelhouse")
    assert "No matching distribution found" in done.stderr, done.stderr
    assert not names(place / "wheelhouse")
    return None


def can_choose_only(version: str) -> bool:
    """Return whether the pip of a Python can choose files without fetching them."""
    return version not in {"2.7", "3.6"}


def read_tag(tag: str) -> tuple[str, tuple[int, int]]:
    """Read the Python and the glibc out of a tag, as the tests write it."""
    match = re.fullmatch(
        r"cp(\d)(\d+)-\w+-manylinux(?:_(\d+)_(\d+)|(1|2010|2014))_x86_64", tag, re.ASCII
    )
    assert match is not None
    major, minor, glibc_major, glibc_minor, year = match.groups()
    if year:
        return f"{major}.{minor}", (2, LEGACY_MANYLINUX[year])
    return f"{major}.{minor}", (int(glibc_major), int(glibc_minor))
