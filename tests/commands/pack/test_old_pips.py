"""The pips that old Pythons come with install from a pack, and use it as an index."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import wheeltarget
from tests.support.interpreters import index_environment, interpreter

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
]

TAGS = {"3.6": "cp36-cp36m-manylinux1_x86_64", "3.9": "cp39-cp39-manylinux2014_x86_64"}
WAYS = {
    "requirements": ["-r", "mypack/requirements/{tag}.txt"],
    "folder": [
        "--no-index",
        "--find-links",
        "mypack/wheels",
        "-r",
        "mypack/requirements/{tag}.txt",
    ],
    "index": ["--index-url", "{url}", "markupsafe"],
}


def test_bundled_pips(tmp_path: Path) -> None:
    arguments = ("pack", "markupsafe", "--tags", ",".join(TAGS.values()), "-o", "mypack")
    result = wheeltarget(*arguments, "--no-pip", cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    url = (tmp_path / "mypack" / "simple").as_uri()
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    environment = {**index_environment(), **nowhere, "PIP_CONFIG_FILE": os.devnull}
    for version, tag in TAGS.items():
        python = interpreter(version)
        home = tmp_path / version
        subprocess.run([python, "-m", "venv", home], check=True)
        for name, words in WAYS.items():
            options = [word.format(tag=tag, url=url) for word in words]
            done = subprocess.run(
                [home / "bin" / "python", "-m", "pip", "install", "--target", name, *options],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            code = "import markupsafe._speedups"
            subprocess.run([python, "-c", code], cwd=tmp_path / name, check=True)
            (tmp_path / name).rename(tmp_path / f"{name}-{version}")
