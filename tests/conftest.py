"""What every test stands on: an environment without anybody's pip settings, and an index."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import forks
from tests.support.index import LocalIndex
from tests.support.parity import ParityIndex

KEPT_VARIABLES = frozenset({"PIP_CERT", "WHEELTARGET_AHEAD"})
"""Without the first, the real index cannot be reached from behind some proxies; with the second,
which is 0 then, all tests are run without fetching ahead."""


# How long one example takes says something of the machine, and nothing of the law.
settings.register_profile("wheeltarget", deadline=None)
settings.register_profile("few", deadline=None, max_examples=20)
settings.load_profile("wheeltarget")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to start fewer Pythons."""
    parser.addoption(
        "--forks", action="store_true", help="run wheeltarget and pip in forks of a loaded process"
    )
    parser.addoption(
        "--walk", type=int, metavar="N", help="let each N-th call that writes fail; see test_walk"
    )
    parser.addoption(
        "--fuzz", type=int, metavar="SECONDS", help="fuzz each reader so long; see tests/fuzz"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Undo what a background job or nohup inherits: there, signals that end a run are ignored."""
    forks.is_wanted = bool(config.getoption("--forks")) and os.name == "posix"
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if signum is not None and signal.getsignal(signum) is signal.SIG_IGN:
            usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(signum, usual)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes very long, unless it is asked for."""
    if not config.getoption("--walk"):
        left = [item for item in items if item.get_closest_marker("walk")]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


def pytest_unconfigure() -> None:
    """End what was started for all tests."""
    forks.close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not read modules without any of the marks that are asked for, which takes seconds."""
    marks = re.fullmatch(r"(\w+)((?: or \w+)*)", config.option.markexpr)
    if marks is None or not re.fullmatch(r"test_\w+\.py", collection_path.name):
        return None
    text = collection_path.read_text("utf-8")
    return True if not any(mark in text for mark in marks[0].split(" or ")) else None


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PATH with programs that say nothing.

    Each pip asks them for what it tells an index about this machine, which takes its time.
    """
    folder = tmp_path_factory.mktemp("quiet")
    true = shutil.which("true")
    for name in ("lsb_release", "rustc"):
        if true is not None and os.name == "posix":
            (folder / name).symlink_to(true)
    return folder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quiet: Path) -> None:
    """Take away every setting of the person who runs the tests."""
    monkeypatch.setenv("PATH", f"{quiet}{os.pathsep}{os.environ['PATH']}")
    for name in os.environ:
        if name.startswith(("PIP_", "WHEELTARGET_")) and name not in KEPT_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "shared"))
    monkeypatch.setenv("WHEELTARGET_CACHE_DIR", str(tmp_path / "cache"))
    # Beside the folder, since tests list what is in it.
    state = tmp_path.with_name(f"{tmp_path.name}-state")
    monkeypatch.setenv("WHEELTARGET_STATE_DIR", str(state))
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHONPATH", "PYTHONSAFEPATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test of much of one kind start no new processes, whatever the others do."""
    monkeypatch.setattr(forks, "is_wanted", os.name == "posix")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for wheels from the real index.

    It is gone after the test, since pytest keeps the folders of three runs.
    """
    folder = tmp_path / "place"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve what the test puts into the folder ``index`` below its temporary folder."""
    folder = tmp_path / "index"
    folder.mkdir(exist_ok=True)
    with LocalIndex(folder) as running:
        yield running


@pytest.fixture(scope="session")
def parity_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParityIndex]:
    """Serve the distributions of the parity tests, which do not change it."""
    parity_index = ParityIndex(tmp_path_factory.mktemp("parity"))
    yield parity_index
    parity_index.index.close()
