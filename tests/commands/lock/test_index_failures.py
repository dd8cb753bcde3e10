"""A lock is not made or changed without an index that cannot be read.

The threat is T13 of docs/security.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Result, names, wheeltarget
from tests.support.index import LocalIndex, Status
from tests.support.locking import NEW, OLD, versions
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("_forks")

APP = f"app ; tags={NEW}"
LOCK = f"pylock.{NEW}.toml"
REASON = "could not be read (403 Forbidden)"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve the newer namesake."""
    make_wheel(tmp_path / "private", "app", "5.0")
    with LocalIndex(tmp_path / "private") as running:
        yield running


@pytest.fixture(autouse=True)
def project(tmp_path: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the older namesake on the first index, and work in a folder of our own."""
    del index  # it serves the folder
    make_wheel(tmp_path / "index", "app", "0.1")
    make_wheel(tmp_path / "index", "lib", "1.0")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def lock(index: LocalIndex, private: LocalIndex, *arguments: str) -> Result:
    options = ("--no-cache-dir", "--retries=0", "--no-input", *index.pip_args())
    extra = f"--extra-index-url={private.url}"
    return wheeltarget("lock", *options, extra, *arguments, cwd=Path.cwd())


def test_fresh_lock_is_not_written(index: LocalIndex, private: LocalIndex) -> None:
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, APP)
    assert result.exit_code == 3
    assert names(Path()) == []
    assert result.stderr.endswith(
        f"error: no lock was written: the index {private.url} {REASON}; "
        "chosen without it: app 0.1\n"
        "  run this again, or accept what the other indexes have with --allow-index-failures\n"
    )


@pytest.mark.parametrize("option", ["", "--upgrade", "--upgrade-package=app"])
def test_locked_version_is_not_changed(index: LocalIndex, private: LocalIndex, option: str) -> None:
    assert lock(index, private, APP).exit_code == 0
    before = Path(LOCK).read_bytes()
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, *filter(None, [option]), APP)
    assert result.exit_code == 3
    assert f"{REASON}; chosen without it: app 0.1 instead of 5.0\n" in result.stderr
    assert Path(LOCK).read_bytes() == before


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_check_cannot_say(index: LocalIndex, private: LocalIndex, option: str) -> None:
    assert lock(index, private, APP).exit_code == 0
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, option, APP)
    assert (result.exit_code, result.stdout) == (3, "")
    said = f"error: cannot say whether the locks are up to date: the index {private.url} {REASON}"
    assert said in result.stderr


def test_check_cannot_say_even_if_nothing_would_change(
    index: LocalIndex, private: LocalIndex
) -> None:
    private.fault("/simple/app/", Status(403))
    assert lock(index, private, "--allow-index-failures", APP).exit_code == 0
    assert lock(index, private, "--check", APP).exit_code == 3
    result = lock(index, private, "--check", "--allow-index-failures", APP)
    assert result.exit_code == 0
    assert f"note: the index {private.url} {REASON}" in result.stderr


def test_failure_is_allowed(index: LocalIndex, private: LocalIndex) -> None:
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, "--allow-index-failures", "--quiet", APP)
    assert result.exit_code == 0, result.stderr
    assert versions(NEW) == {"app": "0.1"}
    said = f"note: the index {private.url} {REASON}; chosen without it: app 0.1\n"
    assert said in result.stderr


def test_lock_that_does_not_change_is_kept(index: LocalIndex, private: LocalIndex) -> None:
    private.fault("/simple/app/", Status(403))
    assert lock(index, private, "--allow-index-failures", APP).exit_code == 0
    before = Path(LOCK).read_bytes()
    result = lock(index, private, APP)
    assert result.exit_code == 0
    assert f"note: the index {private.url} {REASON}" in result.stderr
    assert Path(LOCK).read_bytes() == before


def test_other_projects_may_change(index: LocalIndex, private: LocalIndex) -> None:
    private.fault("/simple/app/", Status(403))
    assert lock(index, private, "--allow-index-failures", APP).exit_code == 0
    result = lock(index, private, APP, f"lib ; tags={NEW}")
    assert result.exit_code == 0, result.stderr
    assert versions(NEW) == {"app": "0.1", "lib": "1.0"}


def test_no_lock_is_written_if_one_may_be_wrong(index: LocalIndex, private: LocalIndex) -> None:
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, f"lib ; tags={OLD}", APP)
    assert result.exit_code == 3
    assert names(Path()) == []


def test_project_that_pip_did_without(
    index: LocalIndex, private: LocalIndex, tmp_path: Path
) -> None:
    """The index that has the dependency is down, so pip goes back to an older release."""
    make_wheel(tmp_path / "index", "top", "1.0")
    make_wheel(tmp_path / "index", "top", "2.0", requires=["app>=5"])
    assert lock(index, private, f"top ; tags={NEW}").exit_code == 0
    before = versions(NEW)
    assert before == {"app": "5.0", "top": "2.0"}
    private.fault("/simple/app/", Status(403))
    result = lock(index, private, f"top ; tags={NEW}")
    assert result.exit_code == 3
    assert f"{REASON}; not found without it: app\n" in result.stderr
    assert versions(NEW) == before


def test_same_versions_for_all_targets(index: LocalIndex, private: LocalIndex) -> None:
    """A bound that comes from a failure is not forgotten when the other targets are repeated."""
    private.fault("/simple/app/", Status(403), times=1)
    options = ("--same-versions", "--jobs=2")
    result = lock(index, private, *options, f"app ; tags={NEW},{OLD}")
    assert result.exit_code == 3, result.stderr
    assert names(Path()) == []


def test_index_without_the_project_is_no_failure(index: LocalIndex, private: LocalIndex) -> None:
    assert lock(index, private, f"lib ; tags={NEW}").exit_code == 0
    assert lock(index, private, "--check", f"lib ; tags={NEW}").exit_code == 0
