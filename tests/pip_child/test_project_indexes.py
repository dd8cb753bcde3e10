"""A project that has an index of its own comes from there and from nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pip._internal.build_env import SubprocessBuildEnvironmentInstaller
from pip._internal.index import collector
from pip._internal.metadata import select_backend
from pip._internal.models.search_scope import SearchScope

from tests.support.child import Job, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_child import job
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_child.project_indexes import patch_indexes, prove_indexes

pytestmark = pytest.mark.seams

BUILDS: Any = sys.modules[SubprocessBuildEnvironmentInstaller.__module__]
HONEST = ["acme_core-1-py3-none-any.whl", "acme_util-1-py3-none-any.whl"]
"""The files of the internal index that the application needs."""


@pytest.fixture
def inside(tmp_path: Path, shelf: Path) -> Iterator[LocalIndex]:
    """Serve internal projects, of which the public index has higher versions."""
    make_wheel(shelf, "app", "1", requires=["acme-core"])
    make_wheel(shelf, "web", "1")
    for name in ("acme-core", "acme-util"):
        make_wheel(shelf, name, "9", requires=["stolen"])
    folder = tmp_path / "inside"
    make_wheel(folder, "acme-core", "1", requires=["ACME.util", "web"])
    make_wheel(folder, "acme-util", "1")
    for name in ("app", "web"):
        make_wheel(folder, name, "9")
    with LocalIndex(folder) as index:
        yield index


def asked(index: LocalIndex) -> set[str]:
    """Return the last part of each path that was asked for."""
    return {request.path.rstrip("/").rpartition("/")[2] for request in index.requests}


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "plain"])
def test_neither_index_is_asked_for_the_projects_of_the_other(
    shop: Workshop, index: LocalIndex, inside: LocalIndex, ahead: bool
) -> None:
    """With both for all projects, pip would take the higher versions of each."""
    arguments = online(index, "app")
    files = {"r.txt": "acme_core<9\n", "c.txt": "Acme-Util<5\n"}
    indexes = (("acme-*", inside.url),)
    more = [*arguments, "-r", "r.txt", "-c", "c.txt"]
    jobs = Job(arguments, indexes=indexes), Job(more, files=files, indexes=indexes)
    run = shop.run(*jobs, ahead=ahead)
    assert run.exit_code == 0, run.stderr
    for number in (0, 1):
        chosen = [*HONEST, "app-1-py3-none-any.whl", "web-1-py3-none-any.whl"]
        assert run.names(number) == chosen
        pages = {each.name: each.index for each in run.files(number)}
        assert pages["acme-core"] == f"{inside.url}acme-core/"
        assert pages["web"] == f"{index.url}web/"
    assert not any("acme" in name or "stolen" in name for name in asked(index))
    assert not any("web" in name or "app" in name for name in asked(inside))
    assert f"Looking for acme-* in {inside.url}" in run.stdout + run.stderr


def test_links_do_not_count(
    shop: Workshop, index: LocalIndex, inside: LocalIndex, shelf: Path
) -> None:
    """A folder may have anything, and what is named for all projects is not for this one."""
    arguments = online(index, f"--find-links={shelf}", f"--find-links={index.url}acme-core/", "app")
    run = shop.run(Job(arguments, indexes=(("acme-*", inside.url),)))
    assert run.exit_code == 0, run.stderr
    assert [name for name in run.names(0) if "acme" in name] == HONEST


def test_without_any_index_folders_count_but_no_page_elsewhere(
    shop: Workshop, index: LocalIndex, inside: LocalIndex, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    make_wheel(mine, "acme-core", "3")
    links = [f"--find-links={mine}", f"--find-links={index.url}acme-core/"]
    arguments = ["--no-index", *links, "--trusted-host=127.0.0.1", "acme-core"]
    run = shop.run(Job(arguments, indexes=(("acme-*", inside.url),)))
    assert run.names(0) == ["acme_core-3-py3-none-any.whl"], run.stderr
    assert inside.requests == ()


def test_project_that_its_index_does_not_have(
    shop: Workshop, index: LocalIndex, inside: LocalIndex
) -> None:
    run = shop.run(Job(online(index, "acme-new", "web"), indexes=(("acme-*", inside.url),)))
    failure = run.report(0).failure
    assert failure is not None
    assert failure.places == (("acme-new", (f"{inside.url}acme-new/",)),)
    assert "acme-new" not in asked(index)


def test_pages_may_name_files_elsewhere(
    shop: Workshop, index: LocalIndex, inside: LocalIndex, shelf: Path
) -> None:
    """As in every index: its page says where its files are."""
    make_wheel(shelf, "acme-core", "2")
    page = f'<a href="{index.base}/files/acme_core-2-py3-none-any.whl">it</a>'
    inside.add_file("simple/acme-core/", page.encode(), "text/html")
    run = shop.run(Job(online(index, "acme-core"), indexes=(("acme-core", inside.url),)))
    assert run.names(0) == ["acme_core-2-py3-none-any.whl"], run.stderr
    assert run.files(0)[0].index == f"{inside.url}acme-core/"


def test_credentials_in_the_url(shop: Workshop, index: LocalIndex, guarded: LocalIndex) -> None:
    url = guarded.url.replace("://", "://me:secret@")
    arguments = online(index, "some-app", "lib==1.5rc1")
    run = shop.run(Job(arguments, indexes=(("some-app", url), ("lib", url))))
    assert run.exit_code == 0, run.stderr
    assert run.names(0) == ["lib-1.5rc1-py3-none-any.whl", "some_app-1.0-py3-none-any.whl"]
    assert "secret" not in run.stdout + run.stderr
    assert all("secret" not in f"{each.url}{each.index}" for each in run.files(0))


@pytest.mark.parametrize("parent", ["web", "acme-app"])
def test_url_in_the_metadata_of_another_project(
    shop: Workshop, index: LocalIndex, inside: LocalIndex, shelf: Path, tmp_path: Path, parent: str
) -> None:
    """A project of the index itself may name one."""
    url = f"{index.base}/files/acme_core-9-py3-none-any.whl"
    make_wheel(shelf, "stolen", "1")
    folder = shelf if parent == "web" else tmp_path / "inside"
    make_wheel(folder, parent, "10", requires=[f"acme-core @ {url}"])
    run = shop.run(Job(online(index, parent), indexes=(("acme-*", inside.url),)))
    report = run.report(0)
    if parent == "acme-app":
        assert report.exit_code == 0
        return
    assert report.exit_code == 1
    said = f"web 10 requires acme-core from {url}, but acme-core comes from {inside.url} and from"
    assert said in " ".join((run.stderr + " ".join(report.messages)).split())
    assert "acme_core-9-py3-none-any.whl" not in asked(index)


def test_no_target(shop: Workshop, index: LocalIndex, inside: LocalIndex) -> None:
    job = Job(online(index, "app"), None, indexes=(("acme-*", inside.url),))
    run = shop.run(job, plain=True)
    assert run.exit_code == 0, run.stderr
    assert sorted(each.name for each in shop.destination.glob("acme*")) == HONEST
    assert not any("acme" in name for name in asked(index))


@pytest.mark.parametrize(
    "lost",
    [
        None,
        (collector.LinkCollector, "collect_sources"),
        (select_backend().Distribution, "iter_dependencies"),
        (BUILDS, "get_runnable_pip"),
    ],
)
def test_proof_needs_all_patches(monkeypatch: pytest.MonkeyPatch, lost: Any) -> None:
    def replace(owner: Any, name: str, _original: object, replacement: object) -> None:
        if (owner, name) != lost:
            before(owner, name, getattr(owner, name), replacement)

    before = job._replace
    places: list[tuple[Any, str]] = [
        (collector.LinkCollector, "collect_sources"),
        (select_backend().Distribution, "iter_dependencies"),
        (SearchScope, "get_formatted_locations"),
    ]
    for owner, name in places:
        monkeypatch.setattr(owner, name, getattr(owner, name))  # undone at the end
    original = BUILDS.get_runnable_pip
    monkeypatch.setattr(job, "_replace", replace)
    current = CurrentJob(RunContext())
    try:
        patch_indexes(current)
        current.begin(PROOF)
        assert prove_indexes(current) is (lost is None)
    finally:
        before(BUILDS, "get_runnable_pip", BUILDS.get_runnable_pip, original)
