"""Locks of projects without a wheel: it is built, and kept beside the lock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli import download, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.locking import NEW, OLD, data, make, read
from tests.support.locks import sha256_of
from tests.support.projects import make_project, make_source
from tests.support.wheels import make_wheel
from wheeltarget.commands.lock.files import Form, LockOutcome, State
from wheeltarget.errors import DownloadError, LockError

pytestmark = pytest.mark.thorough

NAME = "only-1.0-py3-none-any.whl"
HOME = Path("built-wheels")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Give the folder of the index, which has ``lib`` as a wheel and ``only`` as a source."""
    folder = tmp_path / "index"
    make_wheel(folder, "lib")
    make_source(folder, "only", requires=["lib"])
    return folder


@pytest.fixture(autouse=True)
def project(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """Work in a folder of our own."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def lock_only(index: LocalIndex, *tags: str, **options: object) -> LockOutcome:
    """Lock the project without a wheel for some targets."""
    lines = [f"only ; tags={tag}" for tag in tags or (NEW,)]
    return make(index, *lines, build_pure=("only",), **options)


def test_wheel_is_kept_beside_the_lock(index: LocalIndex, shelf: Path) -> None:
    outcome = lock_only(index, NEW, OLD)
    assert outcome.notes == ()
    assert names(Path()) == ["built-wheels", f"pylock.{NEW}.toml", f"pylock.{OLD}.toml"]
    assert names(HOME) == [NAME]
    source = shelf / "only-1.0.tar.gz"
    for tag in (NEW, OLD):
        _, package = data(tag)["packages"]
        assert package["wheels"] == [
            {
                "name": NAME,
                "path": f"built-wheels/{NAME}",
                "size": (HOME / NAME).stat().st_size,
                "hashes": {"sha256": sha256_of(HOME / NAME)},
            }
        ]
        url = f"{index.base}/files/{source.name}#sha256={sha256_of(source)}"
        assert package["tool"] == {"wheeltarget": {"built-from": url}}
        assert package["dependencies"] == [{"name": "lib"}]
        assert "--build-pure=only" in read(tag).inputs


def test_lock_again_takes_the_same_wheel(index: LocalIndex, shelf: Path) -> None:
    """A backend may write other bytes each time; only a source that changed is built again."""
    lock_only(index)
    lock, wheel = Path(f"pylock.{NEW}.toml"), HOME / NAME
    before = {path: path.read_bytes() for path in (lock, wheel)}
    other = make_wheel(shelf / "again", "only", requires=["lib"], files={"more.py": b""})
    text = lock.read_text().replace(sha256_of(wheel), sha256_of(other))
    size = f"size = {wheel.stat().st_size}\n"
    lock.write_text(text.replace(size, f"size = {other.stat().st_size}\n"))
    shutil.copy(other, wheel)
    (same,) = lock_only(index).files
    assert same.state is State.SAME
    assert wheel.read_bytes() == other.read_bytes()
    # One that is missing or damaged is built again.
    wheel.write_bytes(b"damaged")
    (changed,) = lock_only(index).files
    assert changed.state is State.CHANGED
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("options", [{"dry_run": True}])
def test_nothing_is_written_in_a_dry_run(index: LocalIndex, options: dict[str, bool]) -> None:
    assert lock_only(index, **options).is_stale
    assert names(Path()) == []
    lock_only(index)
    assert not lock_only(index, **options).is_stale


def test_what_takes_such_a_lock(index: LocalIndex, project: Path) -> None:
    lock_only(index)
    lock = f"pylock.{NEW}.toml"
    run = wheeltarget("download", "-r", lock, "-d", "house", cwd=project)
    assert run.exit_code == 0, run.stderr
    assert names(project / "house") == ["lib-1.0-py3-none-any.whl", NAME]
    run = wheeltarget("check", "house", "-r", lock, cwd=project)
    assert (run.exit_code, run.stdout) == (0, "")
    for out, wheels in (("one", ()), ("two", ("--wheels", "house"))):
        run = wheeltarget("bundle", "-r", lock, *wheels, "-o", out, cwd=project)
        assert run.exit_code == 0, run.stderr
        assert {"lib.py", "only.py"} <= set(names(project / out))
    (HOME / NAME).unlink()
    shutil.rmtree("house")
    run = wheeltarget("download", "--no-cache-dir", "-r", lock, "-d", "house", cwd=project)
    assert run.exit_code == 1
    assert f"only 1.0: built-wheels/{NAME} does not exist, or " in run.stderr


def test_requirements_with_hashes(index: LocalIndex, project: Path) -> None:
    lock_only(index, form=Form.REQUIREMENTS)
    lock = f"requirements.{NEW}.txt"
    text = Path(lock).read_text()
    assert "\n--find-links built-wheels\n" in text
    assert f"only==1.0 \\\n    --hash=sha256:{sha256_of(HOME / NAME)}\n" in text
    (project / "sub").mkdir()
    run = download(index, "-r", f"../{lock}", "-d", "house", cwd=project / "sub")
    assert run.exit_code == 0, run.stderr
    assert names(project / "sub" / "house") == ["lib-1.0-py3-none-any.whl", NAME]
    assert not lock_only(index, form=Form.REQUIREMENTS).is_stale


def test_not_pure(index: LocalIndex, shelf: Path) -> None:
    make_source(shelf, "native", tag="cp312-cp312-linux_x86_64")
    with pytest.raises(DownloadError, match=r"native 1\.0 is not pure Python"):
        make(index, f"native ; tags={NEW}", build_pure=("native",))
    assert names(Path()) == []


def test_wheel_of_another_lock_is_not_replaced(index: LocalIndex, shelf: Path) -> None:
    lock_only(index, OLD)
    before = (HOME / NAME).read_bytes()
    make_source(shelf, "only", requires=["lib>0"])
    with pytest.raises(LockError, match=rf"pylock\.{OLD}\.toml names another {NAME}"):
        lock_only(index)
    assert ((HOME / NAME).read_bytes(), names(Path())) == (
        before,
        ["built-wheels", f"pylock.{OLD}.toml"],
    )
    lock_only(index, NEW, OLD)
    assert (HOME / NAME).read_bytes() != before


def test_folder(index: LocalIndex, tmp_path: Path, project: Path) -> None:
    """A project in a folder has no hash, but a wheel that is built of it has one."""
    make_project(tmp_path / "mine", "mine")
    line = f"mine @ {(tmp_path / 'mine').as_uri()} ; tags={NEW}"
    run = wheeltarget("lock", *index.pip_args(), line, cwd=project)
    assert run.exit_code == 2
    assert "--build-pure mine builds a pure Python wheel here" in run.stderr
    run = wheeltarget("lock", *index.pip_args(), line, "--build-pure", "mine", cwd=project)
    assert run.exit_code == 0, run.stderr
    (package,) = read(NEW).packages
    assert (package.path, package.direct) == ("built-wheels/mine-1.0-py3-none-any.whl", True)
    run = wheeltarget("download", "-r", f"pylock.{NEW}.toml", "-d", "house", cwd=project)
    assert names(project / "house") == ["mine-1.0-py3-none-any.whl"]


def test_proposal_of_a_failed_lock_is_taken(index: LocalIndex, project: Path) -> None:
    run = wheeltarget("lock", *index.pip_args(), f"only ; tags={NEW}", cwd=project)
    assert run.exit_code == 3
    assert "--build-pure only" in run.stderr
    arguments = ["--build-pure", "only", f"only ; tags={NEW}"]
    run = wheeltarget("lock", *index.pip_args(), *arguments, cwd=project)
    assert run.exit_code == 0, run.stderr
