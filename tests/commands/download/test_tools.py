"""``download --with-pip``: the newest pip that runs on each target, and the line that starts it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pip
import pytest
from packaging.version import Version

from tests.support.cli import Result, download, names, wheeltarget
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.locks import lock_text, sha256_of
from tests.support.wheels import make_sdist, make_wheel

OLD = "cp36-cp36m-manylinux2014_x86_64"
NEW = "cp312-cp312-manylinux_2_28_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
APP = "app-1.0-py3-none-any.whl"
PIPS = {"20.3.4": ">=2.7", "21.3.1": ">=3.6", "26.3": ">=3.10"}
PIP_OLD, PIP_NEW = "pip-21.3.1-py3-none-any.whl", "pip-26.3-py3-none-any.whl"
TRUSTS = Version(pip.__version__) >= Version("26.2")
"""Whether pip takes a page that is fresh from its cache, and does not ask again."""


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Return the folder whose wheels the index serves, with pips and what builds sources."""
    folder = tmp_path / "index"
    for version, python in PIPS.items():
        make_wheel(folder, "pip", version, requires_python=python)
    make_wheel(folder, "pip", "27.0b1", requires_python=">=3.6")
    make_wheel(folder, "app")
    for name in ("setuptools", "wheel"):
        make_wheel(folder, name, "50.0", requires_python=">=3.6")
        make_wheel(folder, name, "80.0", requires_python=">=3.9", requires=["packaging"])
    make_wheel(folder, "packaging", "26.0", requires_python=">=3.8")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder to work in."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def report(result: Result) -> list[dict[str, Any]]:
    """Return the targets of a run with ``--format json``."""
    assert result.exit_code == 0, result.stderr
    targets: list[dict[str, Any]] = json.loads(result.stdout)["targets"]
    return targets


def tools(target: dict[str, Any]) -> list[str]:
    return sorted(f"{each['name']}-{each['version']}" for each in target["tools"])


@pytest.mark.usefixtures("shelf")
def test_each_target_gets_the_newest_that_runs_there(place: Path, index: LocalIndex) -> None:
    result = download(index, "--with-pip", f"--tags={OLD},{WINDOWS}", "app>=1,<2", cwd=place)

    assert result.exit_code == 0, result.stderr
    assert names(place / "wheelhouse") == [APP, PIP_OLD, PIP_NEW]
    assert result.stdout.splitlines()[-8:] == [
        f"For {WINDOWS}:",
        f"Saved ./wheelhouse/{APP}",
        f"Saved ./wheelhouse/{PIP_NEW}",
        "Successfully downloaded app pip",
        f"To install on {OLD}, without a network:",
        f"  python wheelhouse/{PIP_OLD}/pip install --no-index --find-links wheelhouse 'app<2,>=1'",
        f"To install on {WINDOWS}, without a network:",
        rf'  py wheelhouse\{PIP_NEW}\pip install --no-index --find-links wheelhouse "app<2,>=1"',
    ]
    again = download(index, "--with-pip", f"--tags={OLD}", "app", cwd=place)
    assert again.stdout.count("Already there") == 2


def test_what_the_user_asks_for_does_not_touch_it(
    place: Path, shelf: Path, index: LocalIndex
) -> None:
    """Constraints, hashes, --no-deps, exclusions, pre-releases, a pip that is asked for as well."""
    make_wheel(shelf, "top", requires=["app"])
    (place / "constraints.txt").write_text("pip<21\nsetuptools<1\n")
    (place / "pip.conf").write_text(
        f"[global]\nconstraint = {place / 'constraints.txt'}\nno-deps = true\n"
        "ignore-requires-python = true\n"
    )
    variables = {"PIP_CONFIG_FILE": str(place / "pip.conf"), "PIP_PRE": "1"}
    options = ("--with-pip", f"--tags={OLD}", "--format=json")
    (target,) = report(
        download(index, *options, "--exclude=pip", "top", cwd=place, variables=variables)
    )
    assert tools(target) == ["pip-21.3.1"]
    assert [each["name"] for each in target["files"]] == ["top"]
    assert target["install"].endswith(" --no-deps top==1.0")

    (place / "hashed.txt").write_text(f"app==1.0 --hash=sha256:{sha256_of(shelf / APP)}\n")
    arguments = ("--require-hashes", "-r", "hashed.txt")
    (target,) = report(download(index, *options, *arguments, cwd=place))
    assert tools(target) == ["pip-21.3.1"]
    assert target["install"].endswith(" app==1.0")

    (target,) = report(download(index, *options, "app", "pip==20.3.4", cwd=place))
    assert names(place / "wheelhouse") == [
        *(APP, "pip-20.3.4-py3-none-any.whl", PIP_OLD, "top-1.0-py3-none-any.whl")
    ]
    assert tools(target) == ["pip-21.3.1"]
    same = download(
        index, "--with-pip", f"--tags={OLD}", "-dsame", "pip", destination="", cwd=place
    )
    assert names(place / "same") == [PIP_OLD]
    assert same.stdout.count("Saved ") == 1


def test_sources_get_what_builds_them(place: Path, shelf: Path, index: LocalIndex) -> None:
    sdist = make_sdist(shelf, "source")
    lock = place / f"pylock.{OLD}.toml"
    lock.write_text(lock_text([shelf / APP, sdist], index.base, tag=OLD, python="3.6.15"))
    newer = place / f"pylock.{NEW}.toml"
    newer.write_text(lock_text([sdist], index.base, tag=NEW, python="3.12.4"))

    options = ("--with-pip", "--format=json", "-r", lock.name, "-r", newer.name)
    old, new = report(download(index, *options, "--dry-run", cwd=place))
    assert not (place / "wheelhouse").exists()
    assert tools(old) == ["pip-21.3.1", "setuptools-50.0", "wheel-50.0"]
    assert tools(new) == ["packaging-26.0", "pip-26.3", "setuptools-80.0", "wheel-80.0"]
    after, _ = report(download(index, *options, cwd=place))
    assert tools(after) == tools(old)
    folder = "--no-index --find-links wheelhouse"
    assert after["install"].splitlines() == [
        f"python -m zipfile -e wheelhouse/{PIP_OLD} pip-21.3.1",
        f"python pip-21.3.1/pip install --use-pep517 {folder} --no-deps app==1.0 source==1.0",
    ]
    done = download(index, "--with-pip", "-r", lock.name, cwd=place)
    assert done.stdout.splitlines()[-3:] == [
        f"To install on {OLD}, without a network:",
        *(f"  {line}" for line in after["install"].splitlines()),
    ]
    files = {file["filename"] for each in (old, new) for file in (*each["files"], *each["tools"])}
    assert names(place / "wheelhouse") == sorted(files)


class TestAfterwards:
    """What the other commands make of a wheelhouse with a pip of its own."""

    @pytest.fixture
    def house(self, place: Path, shelf: Path, index: LocalIndex) -> Path:
        sdist = make_sdist(shelf, "source")
        lock = place / f"pylock.{NEW}.toml"
        lock.write_text(lock_text([shelf / APP, sdist], index.base, tag=NEW, python="3.12.4"))
        result = download(index, "--with-pip", "-r", lock.name, cwd=place)
        assert result.exit_code == 0, result.stderr
        return place / "wheelhouse"

    def test_check_knows_what_it_is_for(self, house: Path, place: Path, shelf: Path) -> None:
        done = run_here("check", "wheelhouse", "-r", f"pylock.{NEW}.toml", cwd=place)
        assert done.exit_code == 0, done.stdout
        # Without a source, nothing builds; and of pips the newest that runs is enough.
        (place / "needed.txt").write_text("app\n")
        (house / "source-1.0.tar.gz").unlink()
        shutil.copy(shelf / "pip-20.3.4-py3-none-any.whl", house)
        done = run_here("check", "wheelhouse", "-r", "needed.txt", f"--tags={NEW}", cwd=place)
        unneeded = [line.split("-")[0] for line in done.stdout.splitlines() if "WC305" in line]
        assert unneeded == [f"wheelhouse/{n}" for n in ("packaging", "pip", "setuptools", "wheel")]

    def test_prune_keeps_it(self, house: Path, place: Path, shelf: Path) -> None:
        before = names(house)
        shutil.copy(shelf / PIP_OLD, house)
        make_wheel(house, "stray")
        result = run_here("prune", "wheelhouse", "-r", f"pylock.{NEW}.toml", cwd=place)
        assert result.exit_code == 0, result.stderr
        assert names(house) == before

    def test_merge_takes_it_once(self, house: Path, place: Path) -> None:
        shutil.copytree(house, place / "other")
        result = run_here("merge", "wheelhouse", "other", "-d", "both", cwd=place)
        assert result.exit_code == 0, result.stderr
        assert names(place / "both") == names(house)


@pytest.mark.skipif(not TRUSTS, reason="this pip always asks again")
@pytest.mark.usefixtures("shelf")
def test_an_unchanged_run_is_replayed(place: Path, tmp_path: Path, index: LocalIndex) -> None:
    index.page_headers = {"Cache-Control": "max-age=600, public"}
    arguments = ("--with-pip", f"--tags={OLD}", "app", "--dest=house", *index.pip_args())
    arguments = (f"--cache-dir={tmp_path / 'pip-cache'}", *arguments)
    time.sleep(0.03)
    first = wheeltarget("download", *arguments, cwd=place)
    (place / "house" / PIP_OLD).unlink()
    index.clear()

    second = wheeltarget("download", *arguments, cwd=place)
    assert index.requests == ()
    assert second.stdout == first.stdout.replace(
        f"Saved ./house/{APP}", f"Already there ./house/{APP}"
    )
    assert names(place / "house") == [APP, PIP_OLD]


@pytest.mark.usefixtures("shelf")
def test_this_interpreter(place: Path, index: LocalIndex) -> None:
    result = download(index, "--with-pip", "app", "--dest=.", cwd=place, destination="")
    assert result.exit_code == 0, result.stderr
    assert names(place) == [APP, PIP_NEW]
    line = f"python ./{PIP_NEW}/pip install --no-index --find-links . app"
    assert result.stdout.splitlines()[-1] == f"  {line}"

    refused = download(index, "--with-pip", "--python-version=3.6", "app", cwd=place)
    assert refused.exit_code == 2
    assert "--with-pip cannot be combined with --python-version" in refused.stderr


def test_without_a_pip_nothing_is_saved(place: Path, tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "app")
    result = download(index, "--with-pip", f"--tags={OLD}", "app", cwd=place)
    assert result.exit_code == 1
    assert f"no pip was found that runs on {OLD}; nothing was saved" in result.stderr
    assert "or leave --with-pip out" in result.stderr
    assert names(place) == []


class TestArguments:
    """What the line installs."""

    @pytest.mark.parametrize(
        ("lines", "arguments", "line"),
        [
            pytest.param(["app"], (), "app", id="name"),
            pytest.param(["app>=1", "app<2"], (), "'app<2,>=1'", id="two lines"),
            pytest.param(['app ; python_version < "4"'], (), "app", id="marker"),
            pytest.param(["app", 'no ; python_version < "3"'], (), "app", id="false marker"),
            pytest.param(["app[more]"], (), "'app[more]'", id="extra"),
            pytest.param(["./app-1.0-py3-none-any.whl"], (), "app==1.0", id="path"),
            pytest.param(["top"], ("--exclude=app",), "--no-deps top==1.0", id="left out"),
            pytest.param(["top"], ("--no-deps",), "--no-deps top==1.0", id="no dependencies"),
            pytest.param(
                ["top", "-c limits.txt"], (), "--no-deps app==1.0 top==1.0", id="constraints"
            ),
        ],
    )
    def test_requirements(
        self,
        lines: list[str],
        arguments: tuple[str, ...],
        line: str,
        place: Path,
        shelf: Path,
        index: LocalIndex,
    ) -> None:
        make_wheel(shelf, "top", requires=["app"])
        make_wheel(place, "app")
        (place / "limits.txt").write_text("app<3\n")
        (place / "needed.txt").write_text("\n".join(lines))
        options = ("--with-pip", "--format=json", f"--tags={OLD}", "--dry-run")
        (target,) = report(download(index, *options, *arguments, "-r", "needed.txt", cwd=place))
        assert target["install"].partition(" wheelhouse ")[2] == line

    def test_versions_if_the_folder_has_others(
        self, place: Path, shelf: Path, index: LocalIndex
    ) -> None:
        make_wheel(shelf, "app", "2.0", requires_python=">=3.7")
        lines = (f"app==1.0 ; tags={NEW}", f"app ; tags={WINDOWS}")
        both = ("--with-pip", "--format=json", "--dry-run", *lines)
        ends = [
            each["install"].rpartition(" wheelhouse ")[2]
            for each in report(download(index, *both, cwd=place))
        ]
        assert ends == ["--no-deps app==1.0", "--no-deps app==2.0"]
