"""For systems that are not here, an independent resolver chooses the same versions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from uv import find_uv_bin

from tests.support.cli import wheeltarget
from wheeltarget.targets.names import newest_pythons

pytestmark = pytest.mark.network

MACOS = "13.0"
"""The macOS that uv is told to resolve for: that of every macOS tag here."""

Project = tuple[str, Version]


@pytest.mark.parametrize(
    ("tag", "platform", "requirements", "brought"),
    [
        pytest.param(
            "cp312-cp312-win_amd64",
            "x86_64-pc-windows-msvc",
            ["pytest"],
            {"colorama": True},  # sys_platform == "win32"
            id="pytest-windows",
        ),
        pytest.param(
            "cp312-cp312-win_amd64",
            "x86_64-pc-windows-msvc",
            ["uvicorn[standard]"],
            {"uvloop": False},  # it has no wheel for Windows, and uvicorn's marker knows
            id="uvicorn-windows",
        ),
        pytest.param(
            "cp310-cp310-win_amd64",
            "x86_64-pc-windows-msvc",
            ["rich"],
            {},
            id="rich-windows",
        ),
        pytest.param(
            "cp39-cp39-win_amd64",
            "x86_64-pc-windows-msvc",
            ["ipython", "black"],
            {"pexpect": False},  # sys_platform != "win32"
            id="ipython-and-black-windows",
        ),
        pytest.param(
            "cp313-cp313-win32",
            "i686-pc-windows-msvc",
            ["psutil", "tqdm"],
            {"colorama": True},
            id="tqdm-windows-32-bit",
        ),
        pytest.param(
            "cp312-cp312-macosx_13_0_arm64",
            "aarch64-apple-darwin",
            ["sqlalchemy==2.0.36"],
            {"greenlet": False},  # SQLAlchemy's list of machines has aarch64 and no arm64
            id="sqlalchemy-macos-arm64",
        ),
        pytest.param(
            "cp312-cp312-manylinux_2_28_aarch64",
            "aarch64-manylinux_2_28",
            ["sqlalchemy==2.0.36"],
            {"greenlet": True},
            id="sqlalchemy-linux-aarch64",
        ),
        pytest.param(
            "cp311-cp311-macosx_13_0_x86_64",
            "x86_64-apple-darwin",
            ["flask"],
            {},
            id="flask-macos-x86_64",
        ),
        pytest.param(
            "cp312-cp312-macosx_13_0_arm64",
            "aarch64-apple-darwin",
            ["ipython", "numpy"],
            {"pexpect": True},
            id="ipython-macos-arm64",
        ),
        pytest.param(
            "cp312-cp312-musllinux_1_2_x86_64",
            "x86_64-unknown-linux-musl",
            ["requests", "aiohttp"],
            {},
            id="aiohttp-musl",
        ),
        pytest.param(
            "cp313-cp313-manylinux_2_34_aarch64",
            "aarch64-manylinux_2_34",
            ["pandas"],
            {},
            id="pandas-linux-aarch64",
        ),
        pytest.param(
            "cp38-cp38-manylinux2014_aarch64",
            "aarch64-manylinux2014",
            ["fastapi", "uvicorn[standard]"],
            {"uvloop": True},
            id="fastapi-linux-aarch64-old",
        ),
    ],
)
def test_uv_chooses_the_same_versions(
    tag: str,
    platform: str,
    requirements: list[str],
    brought: dict[str, bool],
    place: Path,
) -> None:
    # Without the files themselves: it is the versions that are compared.
    done = wheeltarget(
        *("download", "--no-cache-dir", "--tags", tag, "--dry-run", "--format=json"),
        *requirements,
        cwd=place,
        timeout=300,
    )
    assert done.exit_code == 0, done.stderr
    (answer,) = json.loads(done.stdout)["targets"]
    ours = {parse_wheel_filename(file["filename"])[:2] for file in answer["files"]}

    assert ours == resolved_by_uv(tag, platform, requirements, place)
    # What the projects' own metadata says: so that the two cannot both be wrong in it.
    projects = {str(name) for name, _ in ours}
    assert {name: name in projects for name in brought} == brought


def resolved_by_uv(tag: str, platform: str, requirements: list[str], folder: Path) -> set[Project]:
    """Return the versions that uv takes.

    :param tag: a tag; its interpreter is the Python that uv is told of.
    :param platform: uv's name for the tag's platform.
    :param requirements: what is asked for.
    :param folder: a folder for uv's own files.
    """
    done = subprocess.run(
        [
            *(find_uv_bin(), "pip", "compile", "-"),
            # Nobody's settings and no shared cache; so the index is the default one, as in pip.
            *("--no-config", "--cache-dir", str(folder / "uv")),
            # The target's Python need not be here: nothing is built.
            *("--python", sys.executable, "--no-python-downloads"),
            # Without the patch level uv takes .0, and wheeltarget the newest.
            *("--python-version", newest_pythons()[tag.partition("-")[0]]),
            *("--python-platform", platform),
            *("--only-binary", ":all:", "--no-header", "--no-annotate"),
        ],
        input="\n".join(requirements),
        cwd=folder,
        env=uv_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(map(parse_pin, done.stdout.split()))


def uv_environment() -> dict[str, str]:
    """Return an environment without settings for uv, and with the proxy that pip needs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    environment["MACOSX_DEPLOYMENT_TARGET"] = MACOS
    if "PIP_CERT" in environment:
        environment.setdefault("SSL_CERT_FILE", environment["PIP_CERT"])
    return environment


def parse_pin(line: str) -> Project:
    """Read one line of what uv prints; anything but NAME==VERSION is an error."""
    match = re.fullmatch(r"([\w.-]+)==([\w.!+]+)", line)
    assert match is not None, line
    return canonicalize_name(match[1]), Version(match[2])
