"""Excluded projects are cut out of the graph that pip resolves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pip._internal.cli.req_command import RequirementCommand
from pip._internal.metadata import select_backend

from tests.support.child import Job, Workshop, online
from tests.support.index import LocalIndex
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.exclusions import patch_exclusions, prove_exclusions
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_protocol import LeftOutProject
from wheeltarget.utils.files import hash_file

pytestmark = pytest.mark.seams


@pytest.fixture
def sdk(shelf: Path) -> None:
    """Make an application that needs an SDK, of which it shares a dependency."""
    make_wheel(shelf, "app", requires=["Big.SDK>=1", "web"])
    make_wheel(shelf, "big-sdk", "1", requires=["core", "http<2"])
    make_wheel(shelf, "core", requires=["http"])
    make_wheel(shelf, "web", requires=["http>=2"])
    for version in ("1", "2"):
        make_wheel(shelf, "http", version)


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize("ahead", [True, False])
def test_neither_it_nor_what_only_it_needs_is_fetched(
    shop: Workshop, index: LocalIndex, ahead: bool
) -> None:
    """Without the excluded project, http 2 is not in conflict with it either."""
    run = shop.run(Job(online(index, "app"), excluded=("big-*",)), ahead=ahead)
    assert run.exit_code == 0, run.stderr
    files = ["app-1.0-py3-none-any.whl", "http-2-py3-none-any.whl", "web-1.0-py3-none-any.whl"]
    assert sorted(run.names(0)) == files
    asked = " ".join(request.path for request in index.requests)
    assert [name for name in ("sdk", "core") if name in asked] == []
    assert run.report(0).left_out == (LeftOutProject("big-sdk", ("app",)),)


@pytest.mark.usefixtures("sdk")
def test_what_the_user_requires(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    """An excluded requirement needs no hash, and one whose marker is false is not left out."""
    digest = hash_file(shelf / "http-2-py3-none-any.whl").sha256
    lines = (
        f"http==2 --hash=sha256:{digest}\nbig-sdk>=1\n"
        'core ; sys_platform == "win32"\nweb ; platform_version == "1"\n'
    )
    job = Job(
        online(index, "-r", "r.txt", "--require-hashes"),
        files={"r.txt": lines},
        excluded=("core", "big-sdk", "web"),
    )
    run = shop.run(job)
    assert run.exit_code == 0, run.stderr
    assert run.names(0) == ["http-2-py3-none-any.whl"]
    # What the last marker depends on is not known, so it may hold.
    out = (LeftOutProject("big-sdk", (None,)), LeftOutProject("web", (None,)))
    assert run.report(0).left_out == out


def test_requirement_that_is_a_file(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    """A source would be built to know its name."""
    source, wheel = make_sdist(shelf, "My.Lib", "1"), make_wheel(shelf, "other")
    make_wheel(shelf, "app")
    lines = f"{source}\n{source.as_uri()}\n{wheel}\napp\n"
    job = Job(online(index, "-r", "r.txt"), files={"r.txt": lines}, excluded=("my-lib", "o*"))
    run = shop.run(job)
    assert (run.exit_code, run.names(0)) == (0, ["app-1.0-py3-none-any.whl"]), run.stderr
    assert [each.name for each in run.report(0).left_out] == ["my-lib", "other"]


@pytest.mark.usefixtures("sdk")
def test_all_that_the_user_requires(shop: Workshop, index: LocalIndex) -> None:
    run = shop.run(Job(online(index, "app", "http"), excluded=("app", "http")))
    assert (run.exit_code, run.report(0).chosen) == (0, ()), run.stderr
    assert [each.name for each in run.report(0).left_out] == ["app", "http"]
    assert [request for request in index.requests if "simple" in request.path] == []


def test_release_that_was_given_up_leaves_nothing_out(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", "2", requires=["sdk", "lib>2"])
    make_wheel(shelf, "app", "1", requires=["lib"])
    make_wheel(shelf, "lib", "2")
    run = shop.run(Job(online(index, "app"), excluded=("sdk",)))
    assert sorted(run.names(0)) == ["app-1-py3-none-any.whl", "lib-2-py3-none-any.whl"]
    assert run.report(0).left_out == ()


def test_extra_that_is_not_requested_leaves_nothing_out(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", requires=['sdk ; extra == "cloud"'], extras=["cloud"])
    jobs = [Job(online(index, each), excluded=("sdk",)) for each in ("app", "app[cloud]")]
    run = shop.run(*jobs)
    assert [run.report(n).left_out for n in (0, 1)] == [(), (LeftOutProject("sdk", ("app",)),)]


@pytest.mark.parametrize("ahead", [True, False])
def test_extra_that_only_a_given_up_release_requests_leaves_nothing_out(
    shop: Workshop, index: LocalIndex, shelf: Path, ahead: bool
) -> None:
    make_wheel(shelf, "lib", requires=['sdk ; extra == "Big_Cloud"'], extras=["Big_Cloud"])
    make_wheel(shelf, "app", "2", requires=["lib[big-cloud]", "zip>2"])
    make_wheel(shelf, "app", "1", requires=["lib"])
    make_wheel(shelf, "zip", "2")
    jobs = [
        Job(online(index, *each), excluded=("sdk",))
        for each in (["app"], ["app", "lib[BIG.cloud]"])
    ]
    run = shop.run(*jobs, ahead=ahead)
    assert sorted(run.names(0)) == ["app-1-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert [run.report(n).left_out for n in (0, 1)] == [(), (LeftOutProject("sdk", ("lib",)),)]


@pytest.mark.parametrize("lost", [None, 0, 1])
def test_proof_needs_both_patches(monkeypatch: pytest.MonkeyPatch, lost: int | None) -> None:
    places: list[tuple[Any, str]] = [
        (RequirementCommand, "get_requirements"),
        (select_backend().Distribution, "iter_dependencies"),
    ]
    originals = [getattr(owner, name) for owner, name in places]
    for (owner, name), original in zip(places, originals, strict=True):
        monkeypatch.setattr(owner, name, original)  # undone at the end
    current = CurrentJob(RunContext())
    patch_exclusions(current)
    if lost is not None:
        setattr(*places[lost], originals[lost])
    current.begin(PROOF)
    assert prove_exclusions(current) is (lost is None)


def test_settings_of_the_system_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constraint that a machine has for all its users is none of the proof."""
    for owner, name in (
        (RequirementCommand, "get_requirements"),
        (select_backend().Distribution, "iter_dependencies"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # undone at the end
    settings = tmp_path / "shared" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[global]\nconstraint = missing.txt\nrequirement = missing.txt\n")
    monkeypatch.delenv("PIP_CONFIG_FILE")
    current = CurrentJob(RunContext())
    patch_exclusions(current)
    current.begin(PROOF)
    assert prove_exclusions(current)
