"""Locks of a local index: what they name, what they keep, and when they are left as they were."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pip
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from tests.support.cli import command, download, environment, names, wheeltarget
from tests.support.index import LocalIndex, Stall, Status
from tests.support.locking import BOTH, NEW, OLD, data, make, read, versions
from tests.support.projects import make_project, make_source
from tests.support.wheels import make_wheel
from wheeltarget.cli.app import run as run_command
from wheeltarget.commands.lock.files import Change, Form, State
from wheeltarget.commands.lock.lock import LockRequest, lock
from wheeltarget.errors import (
    DestinationError,
    DownloadError,
    InputError,
    LockError,
    UsageError,
    WheeltargetError,
)
from wheeltarget.lockfile.model import Lock, write
from wheeltarget.targets.catalog import look_up


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Give the folder of the index."""
    return tmp_path / "index"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of our own."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def app(shelf: Path) -> None:
    """Put an application on the shelf, of which the older Python has the older releases."""
    make_wheel(shelf, "app", "1.0", requires=["lib>=1", 'old; python_version<"3.7"'])
    make_wheel(shelf, "old")
    make_wheel(shelf, "lib", "1.0", tag="cp36-cp36m-manylinux1_x86_64")
    make_wheel(shelf, "lib", "1.0", requires_python=">=3.7")
    make_wheel(shelf, "lib", "1.1", requires_python=">=3.7")


def lock_by_hand(label: str) -> bytes:
    """Write a lock that has nothing in it, and give its bytes."""
    path = Path(f"pylock.{label}.toml")
    path.write_text(write(Lock(label, NEW, "3.12.1", (), ())))
    return path.read_bytes()


# What a lock says


@pytest.mark.usefixtures("app")
def test_lock_says_what_was_chosen_for_its_target(index: LocalIndex, shelf: Path) -> None:
    outcome = make(index, f"App>0 ; tags={BOTH}")
    assert names(Path()) == [f"pylock.{NEW}.toml", f"pylock.{OLD}.toml"]
    lock = read(OLD)
    assert (lock.target, lock.tag) == (OLD, "cp36-cp36m-manylinux_2_17_x86_64")
    assert lock.inputs == (f"App>0 ; tags={OLD}",)
    wheel = shelf / "lib-1.0-cp36-cp36m-manylinux1_x86_64.whl"
    assert data(OLD)["packages"][1] == {
        "name": "lib",
        "version": "1.0",
        "index": index.url,
        "wheels": [
            {
                "name": wheel.name,
                "url": f"{index.base}/files/{wheel.name}",
                "size": wheel.stat().st_size,
                "hashes": {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
            }
        ],
    }
    assert data(OLD)["packages"][0]["dependencies"] == [{"name": "lib"}, {"name": "old"}]
    assert versions(NEW) == {"app": "1.0", "lib": "1.1"}
    assert data(NEW)["packages"][1]["requires-python"] == ">=3.7"
    assert data(NEW)["requires-python"] == "==3.12.*"
    assert data(NEW)["environments"] == [
        (
            'implementation_name == "cpython" and platform_machine == "x86_64" '
            'and sys_platform == "linux"'
        )
    ]
    assert [(file.label, file.state, file.count) for file in outcome.files] == [
        (OLD, State.NEW, 3),
        (NEW, State.NEW, 2),
    ]
    assert outcome.notes == (f"lib differs: 1.0 for {OLD}; 1.1 for {NEW}",)
    # The index says it all, so that no wheel had to be fetched.
    assert [r.path for r in index.requests if r.path.endswith(".whl")] == []


@pytest.mark.usefixtures("app")
def test_equal_input_gives_equal_locks_which_are_not_written_again(
    index: LocalIndex, project: Path
) -> None:
    lines = [f"app ; tags={NEW}", f"lib<2 ; tags={NEW}", f"app ; tags={OLD}"]
    make(index, *lines)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in project.iterdir()}
    outcome = make(index, *reversed(lines), lines[0])
    assert not outcome.is_stale
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


def test_upload_times_of_the_index(index: LocalIndex, shelf: Path, project: Path) -> None:
    """With them, pip and wheeltarget know which locked files are too new."""
    make_wheel(shelf, "app", requires=["lib", "undated"])
    index.upload(make_wheel(shelf, "lib").name, "2026-01-02T03:04:05.678Z")
    index.upload("app-1.0-py3-none-any.whl", "2020-01-02T03:04:05Z")
    make_wheel(shelf, "undated")
    make(index, "app ; target=host")
    text = Path("pylock.host.toml").read_text()
    assert "\nupload-time = 2026-01-02T03:04:05.678000Z\n" in text
    entries = {each["name"]: each["wheels"][0] for each in data("host")["packages"]}
    assert [entries[name].get("upload-time") for name in ("app", "lib", "undated")] == [
        datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        None,
    ]
    assert not make(index, "app ; target=host").is_stale
    arguments = ("-r", "pylock.host.toml", "-d", "house", "--uploaded-prior-to", "2025-01-01")
    run = wheeltarget("download", *arguments, cwd=project)
    assert run.exit_code == 1
    assert "lib 1.0: lib-1.0-py3-none-any.whl was uploaded on 2026-01-02" in run.stderr
    assert "undated-1.0-py3-none-any.whl was uploaded, which" in run.stderr
    assert "app 1.0" not in run.stderr
    assert not Path("house").exists()


@pytest.mark.skipif(Version(pip.__version__) < Version("26.1"), reason="pip reads locks from 26.1")
def test_pip_knows_the_upload_times_of_a_lock(
    index: LocalIndex, shelf: Path, project: Path
) -> None:
    index.upload(make_wheel(shelf, "lib").name, "2026-01-02T03:04:05Z")
    make(index, "lib ; target=host")
    for cut_off, expected in (("2027-01-01", 0), ("2025-01-01", 1)):
        arguments = ["-r", "pylock.host.toml", "-d", "house", "--uploaded-prior-to", cut_off]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--no-cache-dir", *arguments],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
        assert ("Upload time 2026-01-02 03:04:05+00:00 not prior" in done.stderr) == bool(expected)


@pytest.mark.usefixtures("app")
def test_target_of_two_names_has_one_lock_whichever_comes_first(index: LocalIndex) -> None:
    lines = [f"app ; tags={OLD}", f"lib ; tags={OLD.replace('manylinux2014', 'manylinux_2_17')}"]
    make(index, *lines)
    (name,) = names(Path())
    text = Path(name).read_text()
    make(index, *reversed(lines))
    assert (names(Path()), Path(name).read_text()) == ([name], text)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("verb", ["lock", "download", "download from locks"])
def test_two_targets_with_the_same_tags_are_noted(
    index: LocalIndex, project: Path, verb: str
) -> None:
    name, tag = "aws-lambda-python3.12-arm64", "cp312-cp312-manylinux_2_34_aarch64"
    lines = [f"app ; target={name}", f"lib ; tags={tag}", f"lib ; tags={NEW}"]
    releases = [look_up("target", name, ""), look_up("tags", tag, "")]
    pythons = [each.python for each in releases if each is not None]
    outcome = make(index, *lines)
    (note,) = outcome.notes
    assert note == (
        f"{name} (Python {pythons[0]}) and {tag} (Python {pythons[1]}) have the same tags, but are "
        "separate targets: use one name if both are one environment"
    )
    if verb != "lock":
        locks = [each for file in outcome.files for each in ("-r", str(file.path))]
        arguments = lines if verb == "download" else locks
        run = wheeltarget("download", *index.pip_args(), "-dhouse", *arguments, cwd=project)
        assert run.exit_code == 0, run.stderr
        assert run.stderr.splitlines()[-1:] == [f"note: {note}"]


@pytest.mark.parametrize("knows", [True, False], ids=["all but sizes", "nothing"])
def test_what_the_index_does_not_say_is_found_out(tmp_path: Path, shelf: Path, knows: bool) -> None:
    made = [make_wheel(shelf, "app", requires=["lib"]), make_wheel(shelf, "lib")]
    with LocalIndex(shelf, json=False, metadata=knows, hashes=knows) as index:
        make(index, f"app ; tags={NEW}")
        fetched = [r.path for r in index.requests if r.method == "GET" and r.path[-4:] == ".whl"]
    files = {package.filename: package for package in read(NEW).packages}
    assert sorted(files) == [wheel.name for wheel in made]
    for wheel in made:
        assert files[wheel.name].sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert files[wheel.name].size == wheel.stat().st_size
    assert fetched == ([] if knows else [f"/files/{wheel.name}" for wheel in made])
    assert names(tmp_path / "project") == [f"pylock.{NEW}.toml"]


def test_wheel_that_had_to_be_read_is_not_fetched_again(
    shelf: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHEELTARGET_AHEAD", "1")
    wheels = [make_wheel(shelf, "app", requires=["lib"]), make_wheel(shelf, "lib")]
    with LocalIndex(shelf, json=False, metadata=False) as index:
        arguments = (*index.pip_args(), f"app ; tags={NEW}")
        lock(LockRequest(arguments))
        lock(LockRequest(arguments, dry_run=True))
        arguments = ("-r", f"pylock.{NEW}.toml", *index.pip_args())
        run = wheeltarget("download", *arguments, cwd=project)
        assert run.exit_code == 0, run.stderr
        assert [index.count(wheel.name) for wheel in wheels] == [1, 1]
    sizes = [package.size for package in read(NEW).packages]
    assert sizes == [wheel.stat().st_size for wheel in wheels]


@pytest.mark.parametrize("most", [1, 4])
def test_sizes_are_asked_for_at_once(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setenv("WHEELTARGET_AHEAD", "1")
    monkeypatch.setenv("WHEELTARGET_CONNECTIONS", str(most))
    wheels = [make_wheel(shelf, f"lib{number}") for number in range(8)]
    lines = [f"lib{number} ; tags={NEW}" for number in range(8)]
    login = {"username": "me", "password": "s3cret"}
    with LocalIndex(shelf, json=False, delay=0.03, **login) as index:  # type: ignore[arg-type]
        url = index.url.replace("://", "://me:s3cret@")
        make(index, *lines, f"--index-url={url}", "--retries=0")
        heads = [request for request in index.requests if request.method == "HEAD"]
        at_once = index.most_heads_at_once
    sizes = [package.size for package in read(NEW).packages]
    assert sizes == [wheel.stat().st_size for wheel in wheels]
    assert sorted(Path(r.path).name for r in heads if r.status == 200) == names(shelf)
    assert at_once == 1 if most == 1 else 1 < at_once <= most


def test_sizes_that_nobody_says_are_left_out(shelf: Path) -> None:
    make_wheel(shelf, "app")
    make_wheel(shelf, "lib")
    with LocalIndex(shelf, json=False) as index:
        index.fault("app-1.0-py3-none-any.whl", Status(405))
        make(index, f"app ; tags={NEW}", f"lib ; tags={NEW}")
    assert [package.size is None for package in read(NEW).packages] == [True, False]


def test_no_lock_has_a_password(shelf: Path) -> None:
    make_wheel(shelf, "app")
    make_wheel(shelf, "lib")
    with LocalIndex(shelf, username="me", password="s3cret") as index:  # noqa: S106
        base = index.base.replace("://", "://me:s3cret@")
        arguments = ["--index-url", f"{base}/simple/", "--trusted-host", "127.0.0.1"]
        direct = f"lib @ {base}/files/lib-1.0-py3-none-any.whl ; tags={NEW}"
        make(index, *arguments, f"app ; tags={NEW}", direct)
    for path in Path().iterdir():
        assert "s3cret" not in path.read_text()
        assert "me:" not in path.read_text()
    assert data(NEW)["packages"][1] == {
        "name": "lib",
        "version": "1.0",
        "archive": {
            "url": f"{index.base}/files/lib-1.0-py3-none-any.whl",
            "size": (shelf / "lib-1.0-py3-none-any.whl").stat().st_size,
            "hashes": {"sha256": read(NEW).packages[1].sha256},
        },
    }


def test_files_on_this_machine_are_named_by_their_path(index: LocalIndex, tmp_path: Path) -> None:
    house = tmp_path / "house"
    wheel = make_wheel(house, "app", requires=["lib"])
    make_wheel(house, "lib")
    arguments = ["--no-index", "--find-links", str(house)]
    direct = f"app @ {wheel.as_uri()} ; tags={NEW}"
    outcome = make(index, *arguments, direct, folder=Path("deep/locks"))
    (note,) = outcome.notes
    assert note == (
        f"the lock for {NEW} names local files outside of its folder, for app, lib: they must "
        "exist wherever the lock is used"
    )
    app, lib = read(NEW, Path("deep/locks")).packages
    assert (app.direct, app.path, app.size) == (
        True,
        "../../../house/app-1.0-py3-none-any.whl",
        wheel.stat().st_size,
    )
    assert (lib.direct, lib.path) == (False, "../../../house/lib-1.0-py3-none-any.whl")


def test_constraints_and_options_that_decide_are_inputs(index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", "1.0")
    make_wheel(shelf, "app", "2.0rc1")
    Path("limits.txt").write_text(f"app<9\nlib==1 # tags={OLD}\n")
    Path("asked.txt").write_text(f"--pre\n# tags={NEW}\n\napp   >=1  # the one\n-c limits.txt\n")
    make(index, "-r", "asked.txt")
    assert read(NEW).inputs == ("--pre", "-c app<9", f"app >=1 ; tags={NEW}")
    assert versions(NEW) == {"app": "2.0rc1"}


@pytest.mark.thorough
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_lock_names_the_files_that_download_takes(
    shelf: Path, index: LocalIndex, tmp_path: Path, data: st.DataObject
) -> None:
    for wheel in shelf.iterdir():
        wheel.unlink()
    tags = st.sampled_from(["py3-none-any", "cp36-abi3-manylinux1_x86_64", "cp312-cp312-any"])
    numbers = st.sampled_from(["1.0", "1.1", "2.0", "3.0rc1"])
    for name, needs in (("app", ["lib"]), ("lib", ["low<2"]), ("low", [])):
        make_wheel(shelf, name, "0.9", requires=needs)
        for number in data.draw(st.sets(numbers, max_size=3)):
            python = data.draw(st.sampled_from([None, ">=3.7", "<3.9"]))
            tag = data.draw(tags)
            make_wheel(shelf, name, number, requires=needs, tag=tag, requires_python=python)
    line = f"app{data.draw(st.sampled_from(['', '<2', '>=0.9,!=1.0']))} ; tags={BOTH}"
    for old in Path().glob("pylock.*"):
        old.unlink()
    make(index, line)
    run = download(index, "--by-target", line, cwd=tmp_path, destination="house")
    assert run.exit_code == 0, run.stderr
    for label in (OLD, NEW):
        locked = {package.filename: package.sha256 for package in read(label).packages}
        taken = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / "house" / label).iterdir()
        }
        # What an earlier example took is still there.
        assert {name: taken.get(name) for name in locked} == locked
        assert sorted(locked) == sorted(
            line.rpartition("/")[2]
            for line in run.stdout.splitlines()
            if line.startswith(("Saved", "Already")) and f"/{label}/" in line
        )


# Sources, and what no lock can name


def test_editors_on_windows_do_no_harm(index: LocalIndex, shelf: Path, project: Path) -> None:
    make_wheel(shelf, "app")
    make(index, f"app ; tags={NEW}")
    path = Path(f"pylock.{NEW}.toml")
    good = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    assert download(index, "-r", path.name, cwd=project).exit_code == 0
    make_wheel(shelf, "app", "2.0")
    # pip would not read it, so it is written anew; and what it says still counts.
    assert [file.state for file in make(index, f"app ; tags={NEW}").files] == [State.CHANGED]
    assert path.read_bytes() == good


def test_source_is_locked_for_the_target_to_build(index: LocalIndex, shelf: Path) -> None:
    source = make_source(shelf, "app")
    make(index, f"app ; tags={NEW}", allow_sdist=("app",))
    (app,) = read(NEW).packages
    assert (app.filename, app.direct) == (source.name, False)
    assert data(NEW)["packages"][0]["sdist"]["name"] == source.name
    assert read(NEW).inputs == ("--allow-sdist=app", f"app ; tags={NEW}")


def test_project_in_a_folder_of_an_archive_is_found_there(index: LocalIndex, shelf: Path) -> None:
    make_project(Path("tree", "repo", "python"), "app")
    shutil.make_archive(str(shelf / "app-1.0"), "zip", "tree")
    url = f"{index.base}/files/app-1.0.zip"
    for form in Form:
        arguments = [f"app @ {url}#subdirectory=python ; tags={NEW}"]
        make(index, *arguments, allow_sdist=("app",), form=form)
    archive = data(NEW)["packages"][0]["archive"]
    assert (archive["url"], archive["subdirectory"]) == (url, "python")
    assert read(NEW).packages[0].subdirectory == "python"
    lines = Path(f"requirements.{NEW}.txt").read_text().splitlines()
    assert f"app @ {url}#subdirectory=python \\" in lines


def test_archive_of_any_kind_that_pip_takes_is_locked_and_fetched(
    index: LocalIndex, shelf: Path, project: Path
) -> None:
    archive = make_source(shelf, "app").rename(shelf / "app-1.0.tgz")
    make(index, f"app @ {archive.as_uri()} ; tags={NEW}", allow_sdist=("app",))
    (app,) = read(NEW).packages
    assert (app.filename, app.direct) == ("app-1.0.tgz", True)
    run = wheeltarget("download", "-r", f"pylock.{NEW}.toml", "-d", "house", cwd=project)
    assert run.exit_code == 0, run.stderr
    assert names(project / "house") == ["app-1.0.tgz"]


def test_host_is_locked_by_that_name(index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    make(index, "app")
    lock = read("host")
    assert (lock.target, lock.inputs) == ("host", ("app ; target=host",))
    assert lock.python == ".".join(map(str, sys.version_info[:3]))


def test_what_has_no_hash_is_refused(index: LocalIndex, project: Path) -> None:
    make_project(project / "tree", "my-project")
    with pytest.raises(LockError, match="cannot lock my-project for host: it is a local folder"):
        make(index, "./tree")
    assert names(project) == ["tree"]


@pytest.mark.parametrize(
    ("line", "sources", "what", "hint"),
    [
        ("app @ git+https://h/app", (), "a repository", "of one commit instead: app @ https://"),
        ("git+https://h/app", ("app",), "a repository", "of one commit instead: NAME @ https://"),
        ("-e ./app", ("app",), "an editable project", "build a wheel of it, and name that"),
        ("./app", (), "a source tree", "--build-pure NAME builds a pure Python wheel here"),
        ("./app-1.0.zip", (), "a source distribution", "--allow-sdist app keeps its source"),
        ("./app-1.0.zip", (), "a source distribution", ", --build-pure app builds a pure"),
    ],
)
def test_what_no_lock_can_name_is_told_with_its_place(
    index: LocalIndex, line: str, sources: tuple[str, ...], what: str, hint: str
) -> None:
    Path("needed.txt").write_text(f"# tags={NEW}\n{line}\n")
    Path("app").mkdir()
    Path("app-1.0.zip").touch()
    with pytest.raises(InputError) as refused:
        make(index, "-r", "needed.txt", allow_sdist=sources)
    (fault,) = refused.value.faults
    assert fault.message.startswith(f"this is {what}, which ")
    assert hint in fault.hint
    assert str(fault.location) == "needed.txt:2:1"
    assert index.requests == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there are no requirements"),
        (["-c", os.devnull], "there are no requirements"),
        (["-dhouse", "app"], "lock does not take --dest"),
        (["--python", "x", "app"], "lock does not take --python"),
        (["--abi=cp39", "app"], "--abi does not describe an environment fully"),
        (["-r", "pylock.box.toml"], "cannot lock pylock.box.toml: it is a lock already"),
        (["--dry-run", "app"], "no such option: --dry-run"),
    ],
)
def test_usage(index: LocalIndex, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        make(index, *arguments)
    assert message in refused.value.message
    assert index.requests == ()


# What is kept


@pytest.mark.usefixtures("app")
def test_annotate_lock_delete_lock_again(index: LocalIndex, shelf: Path) -> None:
    """Throw locks away and make them again: newer fix releases are taken, and the tags hold."""
    Path("requirements.txt").write_text(f"app~=1.0 # tags={BOTH}\n")
    make(index, "-r", "requirements.txt")
    make_wheel(shelf, "app", "1.0.1", requires=["lib>=1"])
    make_wheel(shelf, "app", "2.0")
    make_wheel(shelf, "lib", "1.0.1", tag="cp36-cp36m-manylinux1_x86_64")
    make_wheel(shelf, "lib", "1.2", tag="cp36-cp36m-manylinux_2_28_x86_64")
    make(index, "-r", "requirements.txt")
    assert (versions(OLD)["app"], versions(OLD)["lib"]) == ("1.0", "1.0")
    for path in Path().glob("pylock.*"):
        path.unlink()
    make(index, "-r", "requirements.txt")
    assert versions(OLD) == {"app": "1.0.1", "lib": "1.0.1"}
    assert versions(NEW) == {"app": "1.0.1", "lib": "1.1"}
    assert read(OLD).packages[1].filename == "lib-1.0.1-cp36-cp36m-manylinux1_x86_64.whl"


def test_what_is_locked_is_kept_until_it_is_to_be_upgraded(index: LocalIndex, shelf: Path) -> None:
    for name, needs in (("app", ["lib"]), ("lib", []), ("tool", [])):
        make_wheel(shelf, name, "1.0", requires=needs)
    asked = [f"app ; tags={NEW}", f"tool ; tags={NEW}"]
    make(index, *asked)
    for name, needs in (("app", ["lib", "more"]), ("lib", []), ("tool", []), ("more", [])):
        make_wheel(shelf, name, "2.0", requires=needs)
    one = make(index, *asked, upgrade_packages=("Tool, lib,none",))
    assert one.files[0].changes == (Change("lib", "1.0", "2.0"), Change("tool", "1.0", "2.0"))
    assert one.notes == ("--upgrade-package none has no effect: none is not required",)
    every = make(index, *asked, upgrade=True)
    assert every.files[0].changes == (Change("app", "1.0", "2.0"), Change("more", None, "2.0"))
    # A version that the input leaves out is not kept, and what only it needed goes.
    less = make(index, f"app<2 ; tags={NEW}", asked[1])
    (file,) = less.files
    assert file.changes == (Change("app", "2.0", "1.0"), Change("more", "2.0", None))
    assert file.added == (f"app<2 ; tags={NEW}",)
    assert file.removed == (asked[0],)
    assert less.notes == (
        (
            f"app 2.0 for {NEW} could not be kept: it no longer fits, was yanked or removed; 1.0 "
            "replaces it"
        ),
    )


def test_yanked_version_is_kept_only_where_it_is_pinned(index: LocalIndex, shelf: Path) -> None:
    for number in ("1.0", "1.1"):
        make_wheel(shelf, "app", number)
    make(index, f"app ; tags={BOTH}")
    index.yank("app-1.1-py3-none-any.whl", "it bites")
    outcome = make(index, f"app==1.1 ; tags={NEW}", f"app ; tags={OLD}")
    pinned, loose = outcome.files
    assert (pinned.label, pinned.changes) == (NEW, ())
    assert (loose.label, loose.changes) == (OLD, (Change("app", "1.1", "1.0"),))
    assert f"app 1.1 for {NEW} was yanked: it bites" in outcome.notes
    assert any(f"app 1.1 for {OLD} could not be kept" in note for note in outcome.notes)


def test_kept_version_gives_way_where_nothing_else_fits(index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", "1.0", requires=["lib"])
    make_wheel(shelf, "lib", "1.0")
    make(index, f"app ; tags={NEW}")
    make_wheel(shelf, "lib", "2.0")
    make_wheel(shelf, "tool", "1.0", requires=["lib>=2"])
    make(index, f"app ; tags={NEW}", f"tool ; tags={NEW}")
    assert versions(NEW) == {"app": "1.0", "lib": "2.0", "tool": "1.0"}


def test_file_that_is_not_the_one_locked_is_told_of(index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    make(index, f"app ; tags={NEW}")
    make_wheel(shelf, "app", files={"more.py": b""})
    outcome = make(index, f"app ; tags={NEW}")
    assert outcome.files[0].changes == (Change("app", "1.0", "1.0", "another hash"),)
    assert any("has a different hash than in the existing lock" in note for note in outcome.notes)


# One version for all


@pytest.mark.usefixtures("app")
def test_same_versions_are_found_where_there_are_any(index: LocalIndex, shelf: Path) -> None:
    # What has to come down brings down what needs it.
    make_wheel(shelf, "app", "1.1", requires=["lib>=1.1"], requires_python=">=3.7")
    outcome = make(index, f"app ; tags={BOTH}", same_versions=True)
    assert versions(NEW) == {"app": "1.0", "lib": "1.0"}
    assert versions(OLD) == {"app": "1.0", "lib": "1.0", "old": "1.0"}
    assert not [note for note in outcome.notes if "differs" in note]


def test_project_that_somebody_could_do_without_holds_nobody_back(
    index: LocalIndex, shelf: Path
) -> None:
    for number in ("1.0", "1.1", "1.2"):
        make_wheel(shelf, "lib", number)
    make_wheel(shelf, "app", "1.0", requires=["lib<1.2"])
    make_wheel(shelf, "app", "2.0", requires=["lib<1.1"])
    make(index, f"app ; tags={OLD}", f"lib>1.0 ; tags={NEW}", same_versions=True)
    assert (versions(OLD), versions(NEW)) == ({"app": "1.0", "lib": "1.1"}, {"lib": "1.1"})


def test_kept_versions_hold_nobody_back(index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", "1.0", requires=["lib<1.1"])
    make_wheel(shelf, "app", "1.1", requires=["lib"])
    for name in ("lib", "low"):
        make_wheel(shelf, name, "1.0")
        make_wheel(shelf, name, "1.1")
    make(index, f"lib<1.1 ; tags={OLD}", f"low<1.1 ; tags={OLD}")
    asked = [f"lib ; tags={OLD}", f"low ; tags={OLD}"]
    make(index, *asked, f"lib>1.0 ; tags={NEW}", same_versions=True)
    assert (versions(OLD), versions(NEW)) == ({"lib": "1.1", "low": "1.0"}, {"lib": "1.1"})
    # Here what is kept of another project holds it back.
    make(index, f"app<1.1 ; tags={OLD}")
    make(index, f"app ; tags={OLD}", f"lib>1.0 ; tags={NEW}", same_versions=True)
    assert (versions(OLD), versions(NEW)) == ({"app": "1.1", "lib": "1.1"}, {"lib": "1.1"})


@pytest.mark.usefixtures("app")
def test_target_that_holds_a_project_back_is_named(index: LocalIndex) -> None:
    with pytest.raises(LockError) as refused:
        make(index, f"app ; tags={BOTH}", f"lib>1 ; tags={NEW}", same_versions=True)
    assert refused.value.message == (
        f"no version of lib fits all targets: {OLD} cannot have a newer one than 1.0, and {NEW} "
        "needs a newer one"
    )
    assert refused.value.hint.startswith(f"lock {OLD} separately")
    assert names(Path()) == []


# All locks or none


@pytest.mark.usefixtures("app")
def test_no_lock_is_written_where_one_cannot_be_made(index: LocalIndex) -> None:
    before = lock_by_hand(OLD)
    with pytest.raises(DownloadError):
        make(index, f"app ; tags={BOTH}", f"none ; tags={NEW}")
    assert names(Path()) == [f"pylock.{OLD}.toml"]
    assert Path(f"pylock.{OLD}.toml").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_interrupted_run_leaves_locks_as_they_were(
    index: LocalIndex, shelf: Path, project: Path
) -> None:
    make_wheel(shelf, "app", "2.0")
    before = lock_by_hand(NEW)
    index.fault("/simple/slow/", Stall(60))
    arguments = ["lock", "-U", "--no-cache-dir", *index.pip_args(), f"app ; tags={NEW}"]
    process = subprocess.Popen(
        [*command(*arguments), f"slow ; tags={NEW}"],
        cwd=project,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 20
    while not index.count("/simple/slow/"):
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert names(project) == [f"pylock.{NEW}.toml"]
    assert Path(f"pylock.{NEW}.toml").read_bytes() == before
    assert names(project.parent) == sorted({"index", "project"})


def _refusals() -> Iterator[object]:
    label = "my.box"
    name = "pylock.my_box.toml"
    yield pytest.param(name, "lock-version = \n", InputError, "not valid TOML", id="cut off")
    foreign = 'lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n'
    yield pytest.param(name, foreign, InputError, "was not made by wheeltarget", id="foreign")
    yield pytest.param(name, b"\xff\xfe", DestinationError, "cannot read", id="no text")
    yield pytest.param(name, "my_box", LockError, "it is the lock of my_box", id="other")
    txt = "requirements.my_box.txt"
    yield pytest.param(txt, "flask\n", LockError, "wheeltarget did not write it", id="requirements")
    heading = f"# Locked by wheeltarget for {label}; change the input, not this file.\n"
    yield pytest.param(txt, heading + "-e .\n", InputError, "not a valid line of a lock", id="line")


@pytest.mark.parametrize(("name", "text", "kind", "message"), [*_refusals()])
def test_file_that_is_no_lock_of_ours_is_left(
    index: LocalIndex,
    shelf: Path,
    name: str,
    text: str | bytes,
    kind: type[WheeltargetError],
    message: str,
) -> None:
    make_wheel(shelf, "app")
    for each in ("my.box", "my_box"):
        Path(f"{each}.toml").write_text(f'name = "{each}"\ntag = "{NEW}"\n')
    if text == "my_box":
        text = lock_by_hand("my_box")
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    form = Form.PYLOCK if name.endswith(".toml") else Form.REQUIREMENTS
    with pytest.raises(kind) as refused:
        make(index, "app ; target=./my.box.toml", form=form)
    assert message in refused.value.message
    content = text if isinstance(text, bytes) else text.encode()
    assert Path(name).read_bytes() == content
    assert index.requests == ()


def test_locks_of_two_targets_are_never_one_file(index: LocalIndex) -> None:
    for each in ("my.box", "My_box"):
        Path(f"{each}.toml").write_text(f'name = "{each}"\ntag = "{NEW}"\n')
    Path("My_box.toml").write_text(f'name = "My_box"\ntag = "{OLD}"\n')
    with pytest.raises(LockError, match=r"the locks of my\.box and My_box would both be named"):
        make(index, "app ; target=./my.box.toml,./My_box.toml")


def test_file_is_no_folder(index: LocalIndex) -> None:
    Path("file").write_text("")
    with pytest.raises(DestinationError, match="file is a file, not a folder"):
        make(index, f"app ; tags={NEW}", folder=Path("file"))


def test_folder_with_the_name_of_a_lock(index: LocalIndex) -> None:
    """A folder is hardly meant, unless it is there already."""
    with pytest.raises(UsageError, match=r"pylock\.app\.toml is the name of a lock") as raised:
        make(index, f"app ; tags={NEW}", folder=Path("pylock.app.toml"))
    assert f"the lock in it is called pylock.{NEW}.toml" in raised.value.hint
    assert not Path("pylock.app.toml").exists()


# Hashed requirements


@pytest.mark.usefixtures("app")
def test_hashed_requirements(index: LocalIndex, shelf: Path, project: Path) -> None:
    make(index, f"app ; tags={BOTH}", form=Form.REQUIREMENTS)
    name = f"requirements.{OLD}.txt"
    hashes = {
        wheel.name.partition("-")[0]: hashlib.sha256(wheel.read_bytes()).hexdigest()
        for wheel in shelf.iterdir()
        if "1.1" not in wheel.name and "lib-1.0-py3" not in wheel.name
    }
    assert Path(name).read_text() == (
        f"# Locked by wheeltarget for {OLD}; change the input, not this file.\n"
        f"# tags={OLD}\n"
        f"app==1.0 \\\n    --hash=sha256:{hashes['app']}\n"
        f"lib==1.0 \\\n    --hash=sha256:{hashes['lib']}\n"
        f"old==1.0 \\\n    --hash=sha256:{hashes['old']}\n"
    )
    make_wheel(shelf, "app", "2.0")
    Path(f"requirements.{NEW}.txt").write_text("flask\n")  # somebody else's by now
    # The other kind of lock keeps the same versions.
    make(index, f"app ; tags={BOTH}")
    assert (versions(OLD)["app"], versions(NEW)["app"]) == ("1.0", "2.0")
    arguments = ["-r", name, "--by-target"]
    run = download(index, *arguments, cwd=project)
    assert run.exit_code == 0, run.stderr
    assert names(project / "wheelhouse" / OLD) == [
        "app-1.0-py3-none-any.whl",
        "lib-1.0-cp36-cp36m-manylinux1_x86_64.whl",
        "old-1.0-py3-none-any.whl",
    ]


def test_hashed_requirements_name_a_target_file_from_where_they_are(
    index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    make_wheel(shelf, "app")
    Path("box.toml").write_text(f'tag = "{NEW}"\n')
    make(index, "app ; target=./box.toml", form=Form.REQUIREMENTS, folder=Path("../locks"))
    (file,) = (tmp_path / "locks").iterdir()
    assert f"# target={Path('..', 'project', 'box.toml')}\n" in file.read_text()
    assert not make(
        index, "app ; target=./box.toml", form=Form.REQUIREMENTS, folder=Path("../locks")
    ).is_stale


# The command


def test_command(
    index: LocalIndex, shelf: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make_wheel(shelf, "app", "1.0")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run_command(["lock", "--no-cache-dir", *index.pip_args(), *arguments])
        out, err = capfd.readouterr()
        said = [line for line in err.splitlines() if line.startswith(("note:", "error:"))]
        return int(str(ended.value.code)), out, "\n".join(said)

    line, path = f"app ; tags={NEW}", f".{os.sep}pylock.{NEW}.toml"
    assert run("--check", line) == (1, f"For {NEW}:\nThere is no {path} yet (1 project)\n", "")
    assert names(project) == []
    assert run(line) == (0, f"For {NEW}:\nLocked {path} (1 project)\n", "")
    make_wheel(shelf, "app", "1.1")
    assert run("--check", line) == (0, f"For {NEW}:\nUnchanged {path} (1 project)\n", "")
    diff = f"### `pylock.{NEW}.toml`\n\n| project | locked | now |\n| --- | --- | --- |\n"
    assert run("--diff", "-P", "app", line) == (0, f"{diff}| app | 1.0 | 1.1 |\n", "")
    assert versions(NEW) == {"app": "1.0"}
    code, out, said = run("--json", "-U", f"app ; tags={OLD}")
    left = f"pylock.{NEW}.toml was left unchanged: {NEW} is not a target of this run"
    assert (code, said) == (0, "")
    assert json.loads(out) == {
        "schema": 1,
        "written": True,
        "stale": True,
        "locks": [
            {
                "target": OLD,
                "path": str(project / f"pylock.{OLD}.toml"),
                "state": "new",
                "packages": 1,
                "changes": [{"name": "app", "old": None, "new": "1.1", "remark": None}],
                "inputs_added": [],
                "inputs_removed": [],
            }
        ],
        "notes": [left],
        "index_failures": [],
    }
    # pip's own exit code is 1, which would be taken for a stale lock.
    code, out, said = run(f"none ; tags={OLD}")
    assert (code, out, said) == (3, "", f"error: pip failed for {OLD}; nothing was saved")
    assert run("--dest=x", line)[0] == 2
    assert run("--diff", "--json", line)[0] == 2
