"""A clock that is wrong: before archives have times, after the last of them, or set back."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.cache.test_wheel_store import put_wheel, remember
from tests.support.cli import ROOT, Result, environment, names, wheeltarget
from tests.support.forks import CLOCK
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from tests.test_architecture import sources
from wheeltarget.cache.wheel_store import TEMPORARY, Store, abandoned, prune, survey
from wheeltarget.commands.bundle.files import source_date
from wheeltarget.errors import UsageError
from wheeltarget.pip_child.patches.trial import write_wheel
from wheeltarget.pip_protocol import FAILURE, ResolveJobs, write_message

pytestmark = pytest.mark.thorough

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"
DAY = 86400.0

CLOCKS = {
    "before archives": 3600.0,
    "after archives": 4_400_000_000.0,
}
"""Times in seconds since 1970; the first one is in 1969 where the tests are run."""

PATH = f"{CLOCK}{os.pathsep}{ROOT}"
"""Where Python finds what sets the clock."""


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Return a folder with a wheelhouse and its lock; the index has a wheel and a source."""
    for folder in (tmp_path / "index", tmp_path / "here" / "house"):
        make_wheel(folder, "lib")
    make_source(tmp_path / "index", "pure")
    folder = tmp_path / "here"
    lock_wheels(sorted((folder / "house").iterdir()), HERE, folder / "pylock.t.toml")
    (folder / "asked.txt").write_text(f"lib ; tags={HERE}\n")
    return folder


def run(here: Path, clock: float, line: str, index: LocalIndex) -> Result:
    """Run wheeltarget with another clock."""
    arguments: list[str] = []
    for argument in line.split():
        arguments += index.pip_args() if argument == "INDEX" else [argument]
    variables = {"TZ": "America/New_York", "CLOCK": str(clock), "PYTHONPATH": PATH}
    return wheeltarget(*arguments, cwd=here, variables=variables)


@pytest.mark.parametrize(
    "line",
    [
        "download INDEX -d out lib",
        "download INDEX -d out --target host --dry-run --format json lib",
        f"download INDEX -d out --tags {LINUX},{WINDOWS} --jobs 2 lib",
        f"download INDEX -d out --tags {LINUX} --report report.json lib",
        f"download INDEX -d out --tags {LINUX} --build-pure pure pure",
        f"download INDEX -d out --tags {LINUX} --allow-sdist pure pure",
        "download -d house -r pylock.t.toml",
        f"lock INDEX --tags {LINUX} lib",
        f"explain INDEX --tags {LINUX} lib",
        "check house -r asked.txt",
        "check house -r asked.txt --audit",
        "bundle -r pylock.t.toml --wheels house -o app.zip --include asked.txt",
        "bundle -r pylock.t.toml --wheels house -o app --compile --components list.json",
        "install-check -r pylock.t.toml --wheels house",
        "merge house -d out",
        "prune house -r pylock.t.toml",
        "targets",
        "cache prune --max-age 30",
        "cache info",
    ],
)
def test_every_command(here: Path, index: LocalIndex, line: str) -> None:
    # By one of the clocks. An archive cannot hold either of these times, so those who write wheels
    # and archives are run by both.
    writes = line.startswith(("download", "bundle"))
    clocks = list(CLOCKS.values())
    for clock in clocks if writes else [clocks[len(line) % 2]]:
        assert run(here, clock, line, index).exit_code == 0
        shutil.rmtree(here / "app", ignore_errors=True)


@pytest.mark.parametrize("clock", [5.0, 315_500_000.0, 4_400_000_000.0])
def test_trial(here: Path, clock: float) -> None:
    """The trial of a pip that is newer than the known ones writes wheels."""
    script = (
        "import sys\n"
        "from wheeltarget.pip_child.patches import trial\n"
        "trial.is_known = lambda version: False\n"
        "sys.argv[:] = ['x', *sys.argv[1:]]\n"
        "from wheeltarget.pip_child.__main__ import start\n"
        "sys.exit(start(sys.argv[1:]))\n"
    )
    order = here / "order.json"
    write_message(order, ResolveJobs((), ahead=True, connections=1))
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(order)],
        cwd=here,
        env=environment(CLOCK=str(clock), PYTHONPATH=PATH),
        capture_output=True,
        text=True,
    )
    failure = here / FAILURE
    assert done.returncode == 0, failure.read_text() if failure.exists() else done.stderr


@pytest.mark.parametrize("clock", [5.0, 315_500_000.0, 4_400_000_000.0])
def test_included_files_from_before_archives(here: Path, index: LocalIndex, clock: float) -> None:
    os.utime(here / "asked.txt", (clock, clock))
    os.utime(here / "house" / "lib-1.0-py3-none-any.whl", (clock, clock))
    line = "bundle -r pylock.t.toml --wheels house --include asked.txt -o app.zip"
    assert run(here, time.time(), line, index).exit_code == 0
    with zipfile.ZipFile(here / "app.zip") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 315532800),
        ("1", 315532800),
        ("315532799", 315532800),
        ("00315532801", 315532801),
        ("4354819199", 4354819198),
        ("9" * 1000, 4354819198),
    ],
)
def test_source_date_fits_into_an_archive(text: str, moment: int) -> None:
    assert source_date({"SOURCE_DATE_EPOCH": text}) == moment
    year = time.gmtime(moment)[0]
    zipfile.ZipInfo("x", time.gmtime(moment)[:6])
    assert 1980 <= year <= 2107


@pytest.mark.parametrize("text", ["-1", "1.5", "now", "²", "9" * 5000])
def test_invalid_source_date(text: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        source_date({"SOURCE_DATE_EPOCH": text})


def test_members_of_archives_have_explicit_times(tmp_path: Path) -> None:
    """For a plain name, zipfile takes the current time, and for a path that of the file."""
    writers = {"writestr": "ZipInfo", "write_py": "", "from_file": "", "mkdir": "ZipInfo"}
    for name, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                whole = ast.unparse(node.func)
                if whole.startswith("archive.") and whole != "archive.open":
                    wanted = writers.get(node.func.attr)
                    assert node.func.attr != "write", name
                    assert wanted is None or wanted in ast.unparse(node.args[0]), name
    write_wheel(tmp_path / "x.whl", {"a": "b", "c/d": ""}, b"comment")
    with zipfile.ZipFile(tmp_path / "x.whl") as archive:
        assert {each.date_time[0] for each in archive.infolist()} == {1980}
        assert (archive.read("a"), archive.comment) == (b"b", b"comment")


class TestSetBack:
    """Files that were written while the clock was ahead."""

    def test_use_in_the_future_counts_least(self, tmp_path: Path) -> None:
        ahead = put_wheel(tmp_path, b"ahead", unused_for=-400 * DAY)
        soon = put_wheel(tmp_path, b"soon!", unused_for=-DAY / 2)  # another machine's clock
        old = put_wheel(tmp_path, b"older", unused_for=10 * DAY)
        prune(tmp_path, limit=10)
        assert [each.exists() for each in (ahead, soon, old)] == [False, True, True]

    def test_use_in_the_future_is_too_old(self, tmp_path: Path) -> None:
        ahead = put_wheel(tmp_path, b"ahead", unused_for=-400 * DAY)
        prune(tmp_path, max_age=30 * DAY)
        assert not ahead.exists()

    def test_use_is_recorded_again(self, tmp_path: Path) -> None:
        path = put_wheel(tmp_path, b"ahead", unused_for=-400 * DAY)
        store = Store(tmp_path / "wheels")
        assert store.find(f"{path.parent.name}{path.name}") == path
        ((_, _, used),) = store.entries()
        assert abs(used - time.time()) < 60

    def test_run_of_the_future_is_invalid(self, tmp_path: Path) -> None:
        now = time.time()
        ahead = remember(tmp_path, "ahead", until=now + 500)
        ahead.write_text(f'{{"made": {now + 400}, "until": {now + 500}}}')
        kept = remember(tmp_path, "kept", until=now + 500)
        assert survey(tmp_path, 1).current == 1
        prune(tmp_path)
        assert (ahead.exists(), kept.exists()) == (False, True)

    def test_drafts_of_the_future_are_abandoned(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        for folder, name in ((tmp_path / TEMPORARY, ".x"), (tmp_path / "runs", ".part")):
            folder.mkdir()
            for ahead in (1, 400 * DAY):
                file = folder / f"{int(ahead)}{name}"
                file.touch()
                os.utime(file, (time.time() + ahead,) * 2)
        store.sweep()
        assert names(tmp_path / TEMPORARY) == ["1.x"]
        assert [each.name for each in abandoned(tmp_path / "runs", "*.part")] == [
            f"{400 * int(DAY)}.part"
        ]
