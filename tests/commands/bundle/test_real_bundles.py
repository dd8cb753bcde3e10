"""Bundles for real interpreters: they import, and are the same to the byte each time."""

from __future__ import annotations

import json
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
SMOKE = """\
import importlib.metadata, io, sys
sys.path.append(sys.argv[1])
import boto3, numpy, pandas, pandas.testing, pydantic, requests, sklearn.datasets, sqlalchemy
import numpy.testing, scipy.linalg, scipy.special, scipy.stats
from cryptography.fernet import Fernet
from lxml import etree, html
from PIL import Image

numpy.testing.assert_allclose(numpy.linalg.inv(numpy.eye(3)), numpy.eye(3))
frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
pandas.testing.assert_frame_equal(pandas.read_csv(io.StringIO(frame.to_csv(index=False))), frame)
Model = pydantic.create_model("Model", a=(int, ...))
assert Model.model_validate({"a": "1"}).a == 1
with sqlalchemy.create_engine("sqlite://").connect() as connection:
    assert connection.execute(sqlalchemy.text("select 1")).scalar() == 1
key = Fernet(Fernet.generate_key())
assert key.decrypt(key.encrypt(b"x")) == b"x"
stream = io.BytesIO()
Image.new("RGB", (2, 2)).save(stream, "PNG")
assert Image.open(stream).size == (2, 2)
assert html.fromstring("<p>x</p>").text == "x"
assert etree.XPath("count(//b)")(etree.XML("<a><b/></a>")) == 1
assert scipy.linalg.det(numpy.eye(2)) == 1 and scipy.special.gamma(5) == 24
assert scipy.stats.norm.cdf(0) == 0.5
assert sklearn.datasets.load_iris().data.shape == (150, 4)
assert boto3.client("s3", region_name="eu-west-1").meta.service_model.service_name == "s3"
assert requests.Request("GET", "https://example.invalid/", params={"a": 1}).prepare().url
found = list(importlib.metadata.distributions(path=[sys.argv[1]]))
assert len(found) > 20
lost = [str(file) for each in found for file in each.files if not file.locate().is_file()]
assert not lost, lost
"""
"""What the most used projects with native code do first, without their tests."""

SLIM = (
    *("boto3", "cryptography", "lxml", "numpy", "pandas", "pillow", "pydantic", "requests"),
    *("scikit-learn", "scipy", "sqlalchemy"),
)
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
        ["lock", "--quiet", *NEEDED[:2], "--tags", TARGETS["3.9"], "-o", "small"],
        ["download", "--quiet", "-d", "house", *(word for lock in locks for word in ("-r", lock))],
        ["check", "house", *(word for lock in locks for word in ("-r", lock)), "--audit"],
    ):
        done = wheeltarget(*arguments, cwd=folder, variables=variables, timeout=600)
        assert done.exit_code == 0, done.stdout + done.stderr
    return folder


def test_real_bundles(here: Path) -> None:
    """In one test, since two workers would both fetch and lock."""
    for version in TARGETS:
        imports(version, here)
    repeats(here)
    installs(here)


def imports(version: str, here: Path) -> None:
    """Make a folder, and import it."""
    lock = f"pylock.{TARGETS[version]}.toml"
    made = wheeltarget("bundle", "-r", lock, "--wheels", "house", "-o", version, cwd=here)
    assert made.exit_code == 0, made.stderr
    script = f"import sys; sys.path.append({version!r}); import {', '.join(NEEDED)}"
    python = str(interpreter(version))
    subprocess.run([python, "-S", "-E", "-c", script], cwd=here, check=True)


def repeats(here: Path) -> None:
    """Make an archive twice, and once more with another Python."""
    lock = f"small/pylock.{TARGETS['3.9']}.toml"
    libraries = Path(packaging.__file__).parents[1]
    for number in (1, 2):
        options = ["-r", lock, "--wheels", "house", "-o", f"{number}.zip"]
        done = wheeltarget("bundle", *options, cwd=here)
        assert done.exit_code == 0, done.stderr
    subprocess.run(
        [str(interpreter("3.13")), "-c", MAKE, lock, "other.zip"],
        cwd=here,
        env=environment(PYTHONPATH=f"{ROOT}:{libraries}"),
        check=True,
    )
    first, *rest = (here / f"{each}.zip" for each in (1, 2, "other"))
    assert all(each.read_bytes() == first.read_bytes() for each in rest), sys.version


def installs(here: Path) -> None:
    lock = f"pylock.{TARGETS['3.9']}.toml"
    python = str(interpreter("3.9"))
    arguments = ["install-check", "-r", lock, "--wheels", "house", "--python", python]
    done = wheeltarget(*arguments, cwd=here, timeout=600)
    assert done.exit_code == 0, done.stdout + done.stderr


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


@pytest.mark.parametrize("version", ["3.9", "3.12"])
def test_slim_bundles_work(version: str, tmp_path: Path) -> None:
    """Leave out about a sixth, and use what is left in the interpreter that it is for."""
    tag = TARGETS[version]
    variables = index_environment()
    lock = ["lock", "--quiet", *SLIM, "--tags", tag]
    bundle = ["bundle", "-r", f"pylock.{tag}.toml", "--slim", "-o", "site", "--format=json"]
    locked, done = (
        wheeltarget(*arguments, cwd=tmp_path, variables=variables, timeout=600)
        for arguments in (lock, bundle)
    )
    assert (locked.exit_code, done.exit_code) == (0, 0), locked.stderr + done.stderr
    said = json.loads(done.stdout)
    assert 0.1 < said["slimmed_size"] / (said["size"] + said["slimmed_size"]) < 0.4
    left_out = {(part["project"], part["rule"]) for part in said["slimmed"]}
    assert {("pandas", "tests"), ("numpy", "stubs"), ("lxml", "headers")} <= left_out
    command = [str(interpreter(version)), "-S", "-E", "-B", "-c", SMOKE, "site"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
