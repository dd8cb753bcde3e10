"""Bundles for real interpreters: they import, and are the same to the byte each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import packaging
import pytest

from tests.support.cli import ROOT, environment, wheeltarget
from tests.support.interpreters import index_environment, interpreter

pytestmark = [pytest.mark.interpreters, pytest.mark.network]

TARGETS = {
    "3.9": "cp39-cp39-manylinux2014_x86_64",
    "3.12": "cp312-cp312-manylinux_2_28_x86_64",
    "3.13": "cp313-cp313-manylinux_2_28_x86_64",
}
NEEDED = ("flask", "cryptography", "pandas")
MAKE = """\
import sys
from pathlib import Path
from wheeltarget.commands.bundle.bundle import BundleRequest, bundle
bundle(BundleRequest(sys.argv[1], output=Path(sys.argv[2]), wheels=("house",)))
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a lock for each target and one wheelhouse."""
    folder = tmp_path_factory.mktemp("bundles")
    tags = ",".join(TARGETS.values())
    locks = [f"pylock.{tag}.toml" for tag in TARGETS.values()]
    variables = index_environment()
    for arguments in (
        ["lock", "--quiet", *NEEDED, "--tags", tags],
        ["download", "--quiet", "-d", "house", *(word for lock in locks for word in ("-r", lock))],
        ["check", "house", *(word for lock in locks for word in ("-r", lock)), "--audit"],
    ):
        done = wheeltarget(*arguments, cwd=folder, variables=variables, timeout=600)
        assert done.exit_code == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("version", TARGETS)
def test_imports(version: str, here: Path) -> None:
    lock = f"pylock.{TARGETS[version]}.toml"
    arguments = ["bundle", "-r", lock, "--wheels", "house", "-o"]
    for number in (1, 2):
        output = f"{version}-{number}.zip"
        done = wheeltarget(*arguments, output, cwd=here)
        assert done.exit_code == 0, done.stderr
    made = wheeltarget(*arguments, version, cwd=here)
    assert made.exit_code == 0, made.stderr
    script = f"import sys; sys.path.append({version!r}); import {', '.join(NEEDED)}"
    python = str(interpreter(version))
    subprocess.run([python, "-S", "-E", "-c", script], cwd=here, check=True)

    other = f"{version}-other.zip"
    libraries = Path(packaging.__file__).parents[1]
    subprocess.run(
        [str(interpreter("3.13")), "-c", MAKE, lock, other],
        cwd=here,
        env=environment(PYTHONPATH=f"{ROOT}:{libraries}"),
        check=True,
    )
    first, *rest = (here / f"{version}-{each}.zip" for each in (1, 2, "other"))
    assert all(each.read_bytes() == first.read_bytes() for each in rest), sys.version


def test_one_command_on_each_python(tmp_path: Path) -> None:
    """From the real index to an archive: the same bytes on each host, and it imports."""
    (tmp_path / "requirements.txt").write_text("flask\ncryptography\n")
    options = ["--lock=pylock.toml", "--scripts", "--quiet", "--tags", TARGETS["3.12"]]
    libraries = Path(packaging.__file__).parents[1]
    variables = environment(**index_environment(), PYTHONPATH=f"{ROOT}:{libraries}")
    made = set()
    for version in ("3.11", "3.12", "3.13"):
        command = [str(interpreter(version)), "-m", "wheeltarget", "bundle"]
        command += ["-r", "requirements.txt", *options, "-o", f"{version}.zip"]
        subprocess.run(command, cwd=tmp_path, env=variables, check=True)
        made.add((tmp_path / f"{version}.zip").read_bytes())
    assert len(made) == 1
    good = "import sys; sys.path.append('out'); import flask, cryptography.fernet"
    again = ["bundle", "-r", "pylock.toml", "-o", "out"]
    assert wheeltarget(*again, cwd=tmp_path, variables=index_environment()).exit_code == 0
    subprocess.run([str(interpreter("3.12")), "-S", "-E", "-c", good], cwd=tmp_path, check=True)


def test_install_check(here: Path) -> None:
    lock = f"pylock.{TARGETS['3.9']}.toml"
    python = str(interpreter("3.9"))
    arguments = ["install-check", "-r", lock, "--wheels", "house", "--python", python]
    done = wheeltarget(*arguments, cwd=here, timeout=600)
    assert done.exit_code == 0, done.stdout + done.stderr
