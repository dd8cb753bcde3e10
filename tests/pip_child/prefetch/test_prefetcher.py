"""Prefetching changes nothing but the time, however the index behaves."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.child import LINUX, WINDOWS, ChildRun, Job, Target, Workshop
from tests.support.cli import ROOT, download, names
from tests.support.index import Dropped, Garbage, LocalIndex, Stall, Status, Truncated
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import JobReport, PageFailure, to_json

pytestmark = pytest.mark.seams

QUIET = ["--disable-pip-version-check", "--progress-bar=off", "--no-input"]
NATIVE = "cp39-cp39-manylinux_2_28_x86_64"


@dataclass(frozen=True, slots=True)
class Scene:
    """An index, and the requirements for it.

    :param make: fills the folder that the index serves, and gives more words for pip.
    :param arguments: words for pip.
    :param options: how the index is.
    :param prepare: does something to the index.
    """

    make: Callable[[Path], list[str] | None]
    arguments: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[LocalIndex], list[str] | None] = lambda _index: None


def chain(shelf: Path) -> None:
    """Make an application with libraries, extras and markers, in several versions."""
    for version in ("1.0", "1.1", "2.0"):
        make_wheel(
            shelf,
            "app",
            version,
            requires=["lib>=1", 'fast[more] ; extra == "turbo"', 'no ; sys_platform == "win32"'],
            extras=["turbo"],
        )
        make_wheel(shelf, "lib", version, requires=["base"], tag=NATIVE)
        make_wheel(shelf, "lib", version, requires=["base"], tag="cp38-cp38-win_amd64")
    make_wheel(shelf, "base", "1.0")
    make_wheel(shelf, "fast", "1.0", requires=['base ; extra == "more"'], extras=["more"])
    make_wheel(shelf, "fast", "2.0rc1", requires=["nothing"])


def backtracking(shelf: Path) -> None:
    """Make libraries whose newest versions conflict."""
    make_wheel(shelf, "app", "1.0", requires=["left", "right"])
    for version, shared in (("3.0", "<2"), ("2.0", "<2"), ("1.0", ">=2")):
        make_wheel(shelf, "left", version, requires=[f"shared{shared}"])
    make_wheel(shelf, "right", "2.0", requires=["shared>=2", "deep"])
    make_wheel(shelf, "right", "1.0", requires=["shared>=2"])
    for version in ("1.0", "2.0", "2.1"):
        make_wheel(shelf, "shared", version)
    make_wheel(shelf, "deep", "1.0", requires=["left<3"])


def conflict(shelf: Path) -> None:
    """Make two projects that always conflict, and files for other targets."""
    make_wheel(shelf, "app", requires=["left", "right"])
    make_wheel(shelf, "left", requires=["shared<2"])
    make_wheel(shelf, "right", requires=["shared>=2"])
    for version in ("1.0", "2.0"):
        make_wheel(shelf, "shared", version, tag="cp39-cp39-win_amd64")
        make_wheel(shelf, "shared", version, tag=NATIVE)


def foreign(shelf: Path) -> None:
    """Make a library whose newest version is for other targets, and none for all."""
    make_wheel(shelf, "app", requires=["lib>=2"])
    make_wheel(shelf, "lib", "1.0", tag=NATIVE)
    make_wheel(shelf, "lib", "2.0", tag="cp311-cp311-win_amd64")
    make_wheel(shelf, "lib", "3.0", tag=NATIVE, requires_python=">=3.12")


def pinned(shelf: Path) -> list[str]:
    """Make two wheels, and return a file with their hashes."""
    paths = [make_wheel(shelf, "app", requires=["lib"]), make_wheel(shelf, "lib")]
    make_wheel(shelf, "lib", "2.0")
    lines = [f"{path.name.split('-')[0]}==1.0 --hash=sha256:{sha256(path)}\n" for path in paths]
    file = shelf.parent / f"{shelf.name}.txt"
    file.write_text("".join(lines))
    return ["-r", str(file)]


def mispinned(shelf: Path) -> list[str]:
    """Make a wheel, and return a file with another hash."""
    make_wheel(shelf, "app")
    file = shelf.parent / f"{shelf.name}.txt"
    file.write_text(f"app==1.0 --hash=sha256:{'0' * 64}\n")
    return ["-r", str(file)]


def constrained(shelf: Path) -> list[str]:
    """Make the chain, and return a file with constraints."""
    chain(shelf)
    file = shelf.parent / f"{shelf.name}.txt"
    file.write_text("app<2\nlib==1.0\nunrelated<3\n")
    return ["-c", str(file)]


def found_elsewhere(shelf: Path) -> list[str]:
    """Make an application on the index, and its library in a folder."""
    make_wheel(shelf, "app", requires=["lib", "base"])
    make_wheel(shelf, "lib", "1.0")
    make_wheel(shelf, "base")
    make_wheel(shelf.parent / f"{shelf.name}-more", "lib", "2.0", requires=["base"])
    return ["--find-links", str(shelf.parent / f"{shelf.name}-more")]


def yank_newest(index: LocalIndex) -> None:
    """Yank the newest versions of two libraries; one is requested anyway."""
    for project in ("app", "base"):
        index.yank(f"{project}-{'2.0' if project == 'app' else '1.0'}-py3-none-any.whl", "bites")


def link_page(index: LocalIndex) -> list[str]:
    """Serve a page of links to a wheel of a project."""
    anchor = f'<a href="{index.base}/files/base-1.0-py3-none-any.whl">base-1.0-py3-none-any.whl</a>'
    url = index.add_file("/links.html", anchor.encode(), "text/html")
    return ["--find-links", url]


def second_index(index: LocalIndex) -> list[str]:
    """Use the index as two indexes; the second one has other URLs."""
    return ["--extra-index-url", f"{index.base}//simple/"]


SCENES = {
    "extras-and-markers": Scene(chain, ("app[turbo]", "lib<2")),
    "backtracking": Scene(backtracking, ("app",)),
    "conflict": Scene(conflict, ("app",)),
    "nothing-fits": Scene(foreign, ("app",)),
    "no-such-project": Scene(chain, ("app", "nowhere")),
    "hashes": Scene(pinned, ()),
    "another-hash": Scene(mispinned, ()),
    "constraints": Scene(constrained, ("app[turbo]",)),
    "no-metadata-files": Scene(backtracking, ("app",), {"metadata": False}),
    "html": Scene(backtracking, ("app",), {"json": False}),
    "no-hashes": Scene(chain, ("app[turbo]",), {"hashes": False}),
    "no-hashes-or-metadata": Scene(chain, ("app",), {"hashes": False, "metadata": False}),
    "several-indexes": Scene(chain, ("app",), {}, second_index),
    "links-in-a-folder": Scene(found_elsewhere, ("app",)),
    "links-on-a-page": Scene(chain, ("app",), {}, link_page),
    "yanked": Scene(chain, ("app", "base==1.0"), {}, yank_newest),
    "pre-releases": Scene(chain, ("app[turbo]", "--pre")),
    "no-dependencies": Scene(chain, ("app[turbo]", "--no-deps")),
    "a-user": Scene(chain, ("app",), {"username": "me", "password": "secret"}),
}
"""Each is a job for every target; the options for the index are added."""

NEWER = Target("3.11.9", "linux")
TARGETS = (LINUX, NEWER, WINDOWS)


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """Return a workshop."""
    return workshop(tmp_path / "home")


def workshop(home: Path) -> Workshop:
    """Return a workshop in its own folder."""
    home.mkdir(parents=True)
    return Workshop(home / ".hidden-stage", home / "wheelhouse")


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a scene.

    :param results: what the child wrote, for each target.
    :param asked: the paths that the index was asked for, with counts.
    """

    results: list[Any]
    asked: Counter[str]


def play(folder: Path, *, ahead: bool) -> dict[str, Played]:
    """Run every scene for every target as jobs of one child, each with its own index."""
    indexes, jobs = {}, []
    for name, scene in SCENES.items():
        shelf = folder / name
        more = scene.make(shelf) or []
        index = indexes[name] = LocalIndex(shelf, **scene.options)
        more += scene.prepare(index) or []
        _, url, *trusted = index.pip_args()
        if "username" in scene.options:
            url = url.replace("://", "://me:secret@")
        arguments = [
            "--no-cache-dir",
            *QUIET,
            "--index-url",
            url,
            *trusted,
            *more,
            *scene.arguments,
        ]
        jobs += [Job(arguments, target, label=name) for target in TARGETS]
    try:
        run = workshop(folder / "home").run(*jobs, ahead=ahead, timeout=120)
        assert (run.exit_code, run.sentence) == (0, None), run.stderr
        assert "note:" not in run.stderr
        asked = {
            name: Counter(request.path for request in index.requests)
            for name, index in indexes.items()
        }
    finally:
        for index in indexes.values():
            index.close()
    addresses = {name: (index.base, str(folder)) for name, index in indexes.items()}
    count = len(TARGETS)
    return {
        name: Played(
            [_anonymous(each, addresses[name]) for each in run.results[n * count :][:count]],
            asked[name],
        )
        for n, name in enumerate(SCENES)
    }


def _anonymous(report: JobReport | None, addresses: tuple[str, ...]) -> Any:
    assert report is not None
    return anonymous(json.loads(to_json(report)), addresses)


def anonymous(value: Any, addresses: tuple[str, ...]) -> Any:
    """Remove paths from a result, and sort what has no order."""
    if isinstance(value, dict):
        return {key: anonymous(each, addresses) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((anonymous(each, addresses) for each in value), key=repr)
    for address in addresses if isinstance(value, str) else ():
        value = value.replace(address, "")
    return value


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Played], dict[str, Played]]:
    """Return the results of all scenes with prefetching, and without."""
    folder = tmp_path_factory.mktemp("scenes")
    return play(folder / "with", ahead=True), play(folder / "without", ahead=False)


@pytest.mark.parametrize("name", SCENES)
def test_what_is_chosen_is_the_same(
    played: tuple[dict[str, Played], dict[str, Played]], name: str
) -> None:
    ahead, waiting = (each[name] for each in played)
    for target, mine, theirs in zip(TARGETS, ahead.results, waiting.results, strict=True):
        assert mine == theirs, target


@pytest.mark.parametrize("name", SCENES)
def test_nothing_is_asked_for_twice(
    played: tuple[dict[str, Played], dict[str, Played]], name: str
) -> None:
    ahead, waiting = (each[name] for each in played)
    # What it does not foresee and cannot keep by a hash, it fetches for every target; and the
    # second index has the paths of the first.
    again = {"no-metadata-files", "no-hashes-or-metadata", "several-indexes"}
    most = waiting.asked if name in again else {}
    assert {p: count for p, count in ahead.asked.items() if count > most.get(p, 1)} == {}


def test_hardly_more_is_asked_for(
    played: tuple[dict[str, Played], dict[str, Played]],
) -> None:
    ahead, waiting = (sum(each.asked.total() for each in half.values()) for half in played)
    assert ahead <= 1.15 * waiting


# Several targets


def test_targets_share_what_is_fetched(tmp_path: Path, shop: Workshop) -> None:
    chain(tmp_path / "shelf")
    with LocalIndex(tmp_path / "shelf") as index:
        arguments = ["--no-cache-dir", *QUIET, *index.pip_args(), "app[turbo]", "lib"]
        run = shop.run(*(Job(arguments, target) for target in TARGETS), ahead=True)
        asked = Counter(request.path for request in index.requests)
    assert run.exit_code == 0
    assert [run.report(n).exit_code for n in range(len(TARGETS))] == [0, 1, 1]
    assert set(asked.values()) == {1}
    # Of the page, it was known all the time what was on it for whom.
    failure = run.report(1).failure
    assert failure is not None
    files = dict(failure.files)["lib"]
    assert {file.filename.split("-")[2] for file in files} == {"cp38", "cp39"}


def test_jobs_behind_the_first_are_looked_at_while_it_waits(tmp_path: Path, shop: Workshop) -> None:
    chain(tmp_path / "shelf")
    make_wheel(tmp_path / "shelf", "no", requires=["lib<2"])
    with LocalIndex(tmp_path / "shelf", delay=0.05) as index:
        arguments = ["--no-cache-dir", *QUIET, *index.pip_args(), "app"]
        run = shop.run(Job(arguments, LINUX), Job(arguments, WINDOWS), ahead=True)
        asked = [request.path.rpartition("/")[2] for request in index.requests]
    assert run.exit_code == 0
    assert run.names(1) == [
        "app-2.0-py3-none-any.whl",
        "base-1.0-py3-none-any.whl",
        "lib-1.1-cp38-cp38-win_amd64.whl",
        "no-1.0-py3-none-any.whl",
    ]
    # This is a guess that was wrong; it was made before anything was known of the project "no".
    first_wheel = min(place for place, name in enumerate(asked) if name.endswith(".whl"))
    metadata = asked.index("lib-2.0-cp38-cp38-win_amd64.whl.metadata")
    assert metadata < first_wheel


def test_every_file_that_is_passed_over_is_told_of_for_each_target(
    tmp_path: Path, shop: Workshop
) -> None:
    foreign(tmp_path / "shelf")
    with LocalIndex(tmp_path / "shelf") as index:
        arguments = ["--no-cache-dir", *QUIET, *index.pip_args(), "-vv", "app"]
        run = shop.run(Job(arguments), Job(arguments), ahead=True)
    assert run.exit_code == 0
    first, second = run.stdout.split("Resolving for")[1:]
    told = "Link requires a different Python (3.9.20 not in: '>=3.12')"
    assert first.count(told) == second.count(told) > 0


@pytest.mark.parametrize("arguments", [["--extra-index-url"], ["--trusted-host"]])
def test_job_that_looks_elsewhere_is_looked_at_in_its_turn(
    tmp_path: Path, shop: Workshop, arguments: list[str]
) -> None:
    chain(tmp_path / "shelf")
    make_wheel(tmp_path / "shelf", "no")
    make_wheel(tmp_path / "shelf", "only", tag="cp38-cp38-win_amd64")
    more = tmp_path / "more"
    make_wheel(more, "app", "3.0")
    file = str(tmp_path / "requirements.txt")
    with LocalIndex(tmp_path / "shelf") as index, LocalIndex(more) as other:
        place = f"{other.base}/simple" if arguments == ["--extra-index-url"] else "example.invalid"
        texts = ("app\n", f"app\nonly\n{arguments[0]} {place}\n")
        line = ["--no-cache-dir", *QUIET, *index.pip_args(), "-r", file]
        jobs = [
            Job([*line, *other.pip_args()[2:]], target, files={file: text})
            for target, text in zip((LINUX, WINDOWS, LINUX), (*texts, texts[0]), strict=True)
        ]
        run = shop.run(*jobs, ahead=True)
    assert run.exit_code == 0, run.stderr
    assert run.names(0) == run.names(2)
    assert "app-2.0-py3-none-any.whl" in run.names(0)
    newest = "3.0" if arguments == ["--extra-index-url"] else "2.0"
    assert {f"app-{newest}-py3-none-any.whl", "only-1.0-cp38-cp38-win_amd64.whl"} <= set(
        run.names(1)
    )


def test_job_behind_that_fails_takes_nothing_from_the_one_at_hand(
    tmp_path: Path, shop: Workshop
) -> None:
    conflict(tmp_path / "shelf")
    make_wheel(tmp_path / "shelf", "broken")
    file = str(tmp_path / "requirements.txt")
    with LocalIndex(tmp_path / "shelf") as index:
        index.fault("/simple/broken/", Status(403))
        line = ["--no-cache-dir", *QUIET, *index.pip_args(), "-r", file]
        texts = ("app\n", "broken\n", "app\n")
        jobs = [Job(line, files={file: text}) for text in texts]
        run = shop.run(*jobs, ahead=True)
    assert run.exit_code == 0
    first, second, third = (run.report(number) for number in range(3))
    assert first.failure is not None
    # Which files there are is known of the first, though not of the second.
    assert {demand.project for demand in first.failure.demands} == {"shared"}
    assert first == third
    assert second.failure is None
    failures = [PageFailure("broken", index.url, "403 Forbidden")]
    assert [list(each.page_failures) for each in (first, second, third)] == [[], failures, []]


# The index misbehaves


def fetch(shop: Workshop, index: LocalIndex, *arguments: str, **named: Any) -> ChildRun:
    """Download with prefetching, and without pip's cache."""
    job = Job(["--no-cache-dir", *QUIET, *index.pip_args(), *arguments])
    return shop.run(job, ahead=True, **named)


@pytest.fixture
def many(tmp_path: Path) -> Iterator[LocalIndex]:
    """Serve an application with twelve dependencies, not too fast."""
    shelf = tmp_path / "index"
    projects = [f"lib{number}" for number in range(12)]
    make_wheel(shelf, "app", requires=projects)
    for project in projects:
        make_wheel(shelf, project)
    with LocalIndex(shelf, delay=0.03) as index:
        yield index


def test_several_things_are_asked_for_at_once_and_no_more_than_allowed(
    many: LocalIndex, shop: Workshop
) -> None:
    assert len(fetch(shop, many, "app", connections=4).names(0)) == 13
    assert 1 < many.most_at_once <= 4


def test_dropped_connections_are_made_again(many: LocalIndex, shop: Workshop) -> None:
    for name in (
        "/simple/lib1/",
        "lib2-1.0-py3-none-any.whl.metadata",
        "lib3-1.0-py3-none-any.whl",
    ):
        many.fault(name, Dropped(), times=1)
    many.fault("lib4-1.0-py3-none-any.whl", Truncated(), times=1)
    many.fault("lib5-1.0-py3-none-any.whl", Garbage(), times=1)
    many.fault("lib6-1.0-py3-none-any.whl.metadata", Garbage(), times=1)
    many.fault("/simple/lib7/", Truncated(), times=1)
    many.fault("/simple/lib8/", Status(503), times=1)
    run = fetch(shop, many, "app")
    assert len(run.names(0)) == 13
    assert sorted(names(shop.files(0))) == run.names(0)
    # Nothing was asked for again but what had failed.
    assert len(many.requests) == 3 * 13 + 8


def test_host_that_asks_for_a_pause_is_given_it(many: LocalIndex, shop: Workshop) -> None:
    many.fault("/simple/lib1/", Status(429, retry_after=1), times=1)
    many.fault("lib2-1.0-py3-none-any.whl", Status(429), times=1)
    many.fault("lib3-1.0-py3-none-any.whl", Status(503, retry_after=1), times=1)
    assert len(fetch(shop, many, "app").names(0)) == 13
    assert len(many.requests) == 3 * 13 + 3


def test_wrong_guess_that_never_comes_holds_nobody_up(tmp_path: Path, shop: Workshop) -> None:
    shelf = tmp_path / "index"
    make_wheel(shelf, "app", requires=["lib", "first"])
    make_wheel(shelf, "lib", "2.0", requires=["mistake"])
    make_wheel(shelf, "lib", "1.0")
    # pip takes this one before the other, and so never asks for what is not needed then.
    make_wheel(shelf, "first", requires=["lib<2"])
    make_wheel(shelf, "mistake")
    with LocalIndex(shelf) as index:
        index.fault("/simple/mistake/", Stall(600))
        index.fault("first-1.0-py3-none-any.whl.metadata", Stall(0.5))
        run = fetch(shop, index, "app")
        assert index.count("/simple/mistake/") == 1
    assert run.names(0) == [f"{name}-1.0-py3-none-any.whl" for name in ("app", "first", "lib")]


def test_host_that_wants_to_know_who_asks_is_left_to_pip(tmp_path: Path, shop: Workshop) -> None:
    shelf = tmp_path / "index"
    chain(shelf)
    with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106 - it is a test
        run = fetch(shop, index, "app", "lib")
        asked = Counter(request.path for request in index.requests)
    assert run.report(0).exit_code == 1
    # Once by a thread, and once by pip, which would have asked the user; the other one after that.
    assert asked == {"/simple/app/": 2, "/simple/lib/": 1}


def test_host_that_pip_may_tell_who_asks_is_asked_on(tmp_path: Path, shop: Workshop) -> None:
    shelf = tmp_path / "index"
    chain(shelf)
    hook = tmp_path / "hook"
    hook.mkdir()
    # What pip asks at the first 401, in the place of the user.
    hook.joinpath("keyring.py").write_text(
        "from types import SimpleNamespace as Answer\n"
        "def get_credential(url, user):\n"
        "    return Answer(username='me', password='secret')\n"
    )
    variables = {"PYTHONPATH": f"{hook}{os.pathsep}{ROOT}"}
    with LocalIndex(shelf, username="me", password="secret", delay=0.03) as index:  # noqa: S106
        arguments = ["app[turbo]", "lib", "--keyring-provider", "import"]
        run = fetch(shop, index, *arguments, variables=variables)
        asked = Counter(request.path for request in index.requests)
        most_at_once = index.most_at_once
    assert run.names(0)[0] == "app-2.0-py3-none-any.whl"
    assert asked.pop("/simple/app/") == 3  # by a thread, and by pip without and with it
    assert set(asked.values()) == {1}
    assert most_at_once > 1


@pytest.mark.parametrize("said", ["0", "many", "-1", "1000"])
def test_number_of_connections_is_one(tmp_path: Path, index: LocalIndex, said: str) -> None:
    done = download(
        index, "a", "--tags", NATIVE, cwd=tmp_path, variables={"WHEELTARGET_CONNECTIONS": said}
    )
    assert (done.exit_code, index.requests) == (2, ())
    assert f"error: WHEELTARGET_CONNECTIONS is not a number of connections: '{said}'" in done.stderr


def test_wheels_are_fetched_from_the_store_if_there_is_one(
    index: LocalIndex, tmp_path: Path
) -> None:
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    make_wheel(tmp_path / "index", "lib")
    arguments = [
        "app",
        "--tags",
        "cp39-cp39-manylinux_2_28_x86_64",
        "--cache-dir",
        str(tmp_path / "c"),
    ]
    for destination in ("one", "two"):
        assert download(index, *arguments, cwd=tmp_path, destination=destination).exit_code == 0
    assert index.count(".whl") == index.count(".whl.metadata") == 2
    stored = [path for path in (tmp_path / "cache").rglob("*") if path.stat().st_nlink == 3]
    assert len(stored) == 2
    # pip's own cache has pages and metadata, and no second copy of a wheel.
    wheels = {path.read_bytes() for path in (tmp_path / "index").iterdir()}
    assert wheels.isdisjoint(p.read_bytes() for p in (tmp_path / "c").rglob("*") if p.is_file())


def test_everything_can_be_left_to_pip(many: LocalIndex, tmp_path: Path) -> None:
    done = download(
        many, "app", "--tags", NATIVE, cwd=tmp_path, variables={"WHEELTARGET_AHEAD": "0"}
    )
    assert (done.exit_code, many.most_at_once, len(many.requests)) == (0, 1, 3 * 13)
