"""What locks and hashed requirements bring, installed where each target's own is wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import download, environment, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.locks import TAG, sha256_of
from tests.support.wheels import make_wheel
from wheeltarget.lockfile.model import Lock, LockedPackage, write

OTHER = "cp37-cp37m-manylinux2014_x86_64"


def make_lock(wheels: list[Path], base: str, tag: str, python: str, label: str) -> Lock:
    """Lock wheels for a target, as ``wheeltarget lock`` does."""
    packages = [
        LockedPackage(
            name=wheel.name.split("-")[0],
            version=wheel.name.split("-")[1],
            filename=wheel.name,
            sha256=sha256_of(wheel),
            url=f"{base}/files/{wheel.name}",
            size=wheel.stat().st_size,
        )
        for wheel in wheels
    ]
    return Lock(label, tag, python, ("lib",), tuple(packages), "python_version >= '3'", ">=3")


def hashed(wheels: list[Path]) -> str:
    """Write hashed requirements as pip-tools and uv do, with hashes of more files than one."""
    return "".join(
        f"{name}=={version} ; python_version >= '3' \\\n    --hash=sha256:{'0' * 64} \\\n"
        f"    --hash=sha256:{sha256_of(wheel)}\n    # via -r requirements.in\n"
        for wheel in wheels
        for name, version in [wheel.name.split("-")[:2]]
    )


def install(project: Path, needed: str, folder: str) -> str:
    """Install offline from the wheelhouse, and give the version that came of it."""
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", "wheelhouse"]
    arguments = ["--require-hashes", "-r", needed, "--target", folder]
    subprocess.run(
        [*pip, *arguments], cwd=project, env=environment(), check=True, capture_output=True
    )
    script = "import lib; print(lib.__version__)"
    run = [sys.executable, "-c", script]
    variables = environment(PYTHONPATH=str(project / folder))
    done = subprocess.run(run, env=variables, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_each_target_gets_its_own_out_of_one_wheelhouse(tmp_path: Path, index: LocalIndex) -> None:
    shelf = tmp_path / "index"
    both = make_wheel(shelf, "both")
    old, new = (make_wheel(shelf, "lib", version, requires=["both"]) for version in ("1.0", "2.0"))
    targets = (("a", [both, old], OTHER, "3.7.16"), ("b", [both, new], TAG, "3.12.4"))
    project = tmp_path / "project"
    project.mkdir()
    for label, wheels, tag, python in targets:
        text = write(make_lock(wheels, index.base, tag, python, label))
        (project / f"pylock.{label}.toml").write_text(text)
        (project / f"requirements.{label}.txt").write_text(hashed(wheels))
    locks = [word for label, *_ in targets for word in ("-r", f"pylock.{label}.toml")]
    result = wheeltarget("download", *locks, "-d", "wheelhouse", "--no-cache-dir", cwd=project)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "note: lib differs: 1.0 for a; 2.0 for b\n"
    assert names(project / "wheelhouse") == sorted(each.name for each in (both, old, new))
    assert install(project, "requirements.a.txt", "got a") == "1.0"
    assert install(project, "requirements.b.txt", "got b") == "2.0"
    # A newer file on the index changes nothing of it, for it is not asked.
    make_wheel(shelf, "lib", "3.0")
    again = wheeltarget("download", *locks, "-d", "again", "--no-cache-dir", cwd=project)
    assert again.stdout.replace("again", "wheelhouse") == result.stdout


@pytest.mark.parametrize("arguments", [(), ("--require-hashes",)])
def test_hashed_requirements_for_a_target(
    tmp_path: Path, index: LocalIndex, arguments: tuple[str, ...]
) -> None:
    shelf = tmp_path / "index"
    both = make_wheel(shelf, "both")
    wheels = [
        make_wheel(shelf, "lib", tag=f"cp37-cp37m-{platform}", requires=["both"])
        for platform in ("win_amd64", "manylinux2014_x86_64")
    ]
    project = tmp_path / "project"
    project.mkdir()
    hashes = "".join(f" \\\n    --hash=sha256:{sha256_of(wheel)}" for wheel in wheels)
    (project / "needed.txt").write_text(f"{hashed([both])}lib==1.0{hashes}\n")
    result = download(index, "-r", "needed.txt", "--tags", OTHER, *arguments, cwd=project)
    assert result.exit_code == 0, result.stderr
    assert names(project / "wheelhouse") == sorted([both.name, wheels[1].name])
    make_wheel(shelf, "lib", tag="cp37-cp37m-manylinux2014_x86_64", files={"more.py": b""})
    result = download(index, "-r", "needed.txt", "--tags", OTHER, *arguments, cwd=project)
    assert result.exit_code == 0  # what is there has the hash
    (project / "wheelhouse" / wheels[1].name).unlink()
    result = download(index, "-r", "needed.txt", "--tags", OTHER, *arguments, cwd=project)
    assert result.exit_code == 1
