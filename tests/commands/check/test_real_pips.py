"""What ``check`` says that the pip of a target cannot install is what that pip does not install."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.interpreters import NEWEST_PIP, host_glibc, index_environment, interpreter
from tests.support.once import make_once, shared_folder
from tests.support.wheels import make_wheel
from wheeltarget.commands.check.check import CheckRequest, check
from wheeltarget.commands.probe.probe import probe
from wheeltarget.targets.catalog import read_target_file

_INSTALL = """\
import json, os, sys
sys.path.insert(0, sys.argv[1])
try:
    from pip._internal.cli.main import main
except ImportError:
    try:
        from pip._internal.main import main
    except ImportError:
        try:
            from pip._internal import main
        except ImportError:
            from pip import main
options = ["--no-index", "--find-links", sys.argv[2], "--no-deps", "--no-compile", "--no-cache-dir"]
installed = []
for name in sys.argv[4:]:
    os.environ.pop("PIP_REQ_TRACKER", None)  # of the run before
    target = os.path.join(sys.argv[3], name)
    try:
        code = main(["install", "-q"] + options + ["--target", target, name])
    except SystemExit as error:
        code = error.code
    installed += [] if code else [name]
print(json.dumps(installed))
"""
_BUNDLED = (
    "import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))"
)

NETWORK = [pytest.mark.interpreters, pytest.mark.network]
OLDER = {"2.7": "9.0.3", "3.6": "19.1.1", "3.8": "19.3.1", "3.9": "20.2.4", "3.10": "20.1.1"}
"""Older pips, which distributions have, by the Python that runs them."""

CASES = [
    *(pytest.param(version, "", marks=pytest.mark.interpreters) for version in NEWEST_PIP),
    *(pytest.param(version, pip, marks=NETWORK) for version, pip in OLDER.items()),
]


@pytest.mark.parametrize(("version", "pip"), CASES)
def test_a_pip_installs_what_check_does_not_complain_of(
    version: str, pip: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if platform.machine() != "x86_64" or host_glibc() < (2, 17):
        pytest.skip("the wheels are for x86_64 and glibc 2.17")
    python = interpreter(version)
    file = _fetch(pip, tmp_path_factory) if pip else _bundled(python)
    pip = file.name.split("-")[1]
    box, house = tmp_path / "box.toml", tmp_path / "house"
    lines = probe(str(python), "box").splitlines()
    # The pip of a distribution, or one that was upgraded, may be there instead.
    others = [line for line in lines if not line.startswith("pip = ")]
    box.write_text("\n".join([f'pip = "{pip}"', *others]))
    names = _make_wheels(house, *read_target_file(box, "box").tags[0].split("-")[:2])
    outcome = check(CheckRequest((str(house),), targets=(str(box),)))
    assert {each.code for each in outcome.findings} <= {"WC203"}
    refused = {Path(each.file).name for each in outcome.findings}
    assert bool(refused) == (Version(pip) < Version("20.3"))
    installed = _install(python, file, house, tmp_path / "installed", list(names))
    assert {name: file not in refused for name, file in names.items()} == {
        name: name in installed for name in names
    }, f"pip {pip} of Python {version}"


def _make_wheels(house: Path, interpreter: str, abi: str) -> dict[str, str]:
    """Make a wheel for each kind of tag, version of the metadata and spelling of a name.

    :returns: the name of each file by that of its project.
    """
    major = interpreter[2]
    tags: dict[str, str] = {}
    for platform_tag in (
        *("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"),
        *("manylinux_2_5_x86_64", "manylinux_2_17_x86_64", "linux_x86_64"),
        *("manylinux_2_5_x86_64.manylinux1_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    ):
        tags[f"own-{len(tags)}"] = f"{interpreter}-{abi}-{platform_tag}"
    if major == "3":
        tags |= {
            "stable": f"{interpreter}-abi3-manylinux1_x86_64",
            "stable-2014": f"{interpreter}-abi3-manylinux2014_x86_64",
            "stable-old": "cp34-abi3-manylinux2010_x86_64",
        }
    tags |= {
        "native": "py2.py3-none-manylinux2010_x86_64",
        "native-old": f"py{major}-none-manylinux1_x86_64",
        "native-exact": f"py{interpreter[2:]}-none-manylinux2014_x86_64",
        "pure": "py2.py3-none-any",
        "pure-exact": f"py{interpreter[2:]}-none-any",
        "pure-own": f"{interpreter}-none-any",
    }
    made = {name: make_wheel(house, name, tag=tag).name for name, tag in tags.items()}
    for version in ("1.2", "2.1", "2.2", "2.3", "2.4", "2.5"):
        name = f"metadata-{version.replace('.', '')}"
        lines = (f"Metadata-Version: {version}", f"Name: {name}", "Version: 1.0")
        more = "License-Expression: MIT\nLicense-File: LICENSE\nDynamic: Summary\nImport-Name: x\n"
        path = f"{name.replace('-', '_')}-1.0.dist-info/METADATA"
        text = "\n".join((*lines, more)).encode()
        made[name] = make_wheel(house, name, tag="py2.py3-none-any", files={path: text}).name
    made["a.dot"] = make_wheel(house, "a.dot", tag="py2.py3-none-any").name
    return made


def _install(python: Path, pip: Path, house: Path, folder: Path, names: list[str]) -> list[str]:
    """Install each project into a folder of its own, all in one process of an interpreter.

    :param pip: the wheel of the pip that does it.
    :returns: the names of those that it installed.
    """
    script = folder.with_name("install.py")
    script.write_text(_INSTALL)
    # -S, since other projects that are installed there are of no interest.
    command: list[str | Path] = [python, "-S", "-W", "ignore", script, pip, house, folder, *names]
    done = subprocess.run(
        command, env=index_environment(), capture_output=True, text=True, check=True, timeout=120
    )
    installed: list[str] = json.loads(done.stdout.splitlines()[-1])
    return [name for name in installed if any(folder.joinpath(name).glob("*.dist-info"))]


def _bundled(python: Path) -> Path:
    """Return the wheel of the pip that a Python comes with."""
    done = subprocess.run([python, "-c", _BUNDLED], capture_output=True, text=True, check=True)
    found = next(Path(done.stdout.strip()).glob("pip-*.whl"), None)
    if found is None:
        pytest.skip("this Python comes without a pip")
    return found


def _fetch(pip: str, factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of a pip of the index."""

    def download(folder: Path) -> None:
        options = ["--no-deps", "--ignore-requires-python", "--only-binary=:all:", "-q"]
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "-d", folder, f"pip=={pip}"],
            env=index_environment(),
            check=True,
            timeout=120,
        )

    return next(make_once(shared_folder(factory, "pips") / pip, download).glob("*.whl"))
