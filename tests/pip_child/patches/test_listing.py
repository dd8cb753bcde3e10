"""Projects are listed instead of resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import LINUX, QUIET, Workshop
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel, metadata_of
from wheeltarget.pip_protocol import JobListing, JobOrder, ResolveJobs, read_message

pytestmark = pytest.mark.seams


@pytest.mark.parametrize("ahead", [False, True])
def test_listing_has_every_file_and_what_pip_would_choose(
    shop: Workshop, index: LocalIndex, shelf: Path, ahead: bool
) -> None:
    make_wheel(shelf, "app", "1", requires=["lib"])
    make_wheel(shelf, "app", "2", tag="cp313-cp313-win_amd64")
    make_wheel(shelf, "app", "3")
    arguments = [*LINUX.arguments, *QUIET, *index.pip_args(), "app<3", 'no ; python_version < "3"']
    result = shop.folder / "result"
    order = JobOrder("it", LINUX.view(), tuple(arguments), {}, "x", "y", result)
    assert shop.request(ResolveJobs((order,), ahead, 4, lists=True)) == 0
    listing = read_message(result, JobListing)
    assert [(each.project, each.needed) for each in listing.requirements] == [
        ("app", True),
        ("no", False),
    ]
    ((name, project),) = listing.projects
    assert (name, *project.applicable) == ("app", "1")
    assert project.taken == f"{index.base}/files/app-1-py3-none-any.whl"
    verdicts = {file.fact.filename: (file.fact.verdict, file.best_of) for file in project.files}
    assert verdicts == {
        "app-1-py3-none-any.whl": ("candidate", "1"),
        "app-2-cp313-cp313-win_amd64.whl": ("platform_mismatch", None),
        "app-3-py3-none-any.whl": ("candidate", "3"),
    }
    # The page gives no Requires-Python, so that of the file that pip would try is read.
    assert [request.path for request in index.requests] == [
        "/simple/app/",
        "/files/app-1-py3-none-any.whl.metadata",
    ]


def listed(shop: Workshop, *arguments: str) -> tuple[str | None, dict[str, str]]:
    """Return the name of the file that is taken, and each verdict by the version."""
    result = shop.folder / "result"
    order = JobOrder(
        "it", LINUX.view(), (*LINUX.arguments, *QUIET, *arguments), {}, "x", "y", result
    )
    assert shop.request(ResolveJobs((order,), False, 4, lists=True)) == 0
    ((_, project),) = read_message(result, JobListing).projects
    taken = project.taken and project.taken.rpartition("/")[2]
    return taken, {file.fact.filename.split("-")[1]: file.fact.verdict for file in project.files}


def test_requires_python_that_only_metadata_has(shop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    make_wheel(folder, "app", "1")
    make_wheel(folder, "app", "2", requires_python=">=3.99")
    make_wheel(folder, "app", "3", requires_python=">=3.99")
    taken, verdicts = listed(shop, "--no-index", f"--find-links={folder}", "app")
    assert taken == "app-1-py3-none-any.whl"
    excluded = "requires_python_mismatch"
    assert verdicts == {"1": "candidate", "2": excluded, "3": excluded}


def test_rejected_release_still_excludes_prereleases(shop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    make_wheel(folder, "app", "1", requires_python=">=3.99")
    make_wheel(folder, "app", "2rc1")
    taken, verdicts = listed(shop, "--no-index", f"--find-links={folder}", "app")
    assert (taken, verdicts["2rc1"]) == (None, "candidate")


def test_pip_tries_no_other_file_of_a_version(shop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    make_wheel(folder, "app", "1")
    make_wheel(folder, "app", "2")
    make_wheel(folder, "app", "2", build="1", requires_python=">=3.99")
    assert listed(shop, "--no-index", f"--find-links={folder}", "app") == (
        "app-1-py3-none-any.whl",
        {"1": "candidate", "2": "requires_python_mismatch"},
    )


def test_file_that_ends_pip_is_taken(shop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    make_wheel(folder, "app", "1")
    (folder / "app-2-py3-none-any.whl").write_bytes(b"no wheel")
    taken, _ = listed(shop, "--no-index", f"--find-links={folder}", "app")
    assert taken == "app-2-py3-none-any.whl"


def test_file_that_pip_passes_over(shop: Workshop, shelf: Path) -> None:
    make_wheel(shelf, "app", "1")
    wheel = make_wheel(shelf, "app", "2")
    odd = metadata_of(wheel).replace(b"Version: 2", b"Version: 3")
    with LocalIndex(shelf, hashes=False) as index:
        index.add_file(f"/files/{wheel.name}.metadata", odd)
        arguments = ("--retries=0", *index.pip_args(), "app")
        assert listed(shop, *arguments)[0] == "app-1-py3-none-any.whl"


def test_option_that_ignores_it(shop: Workshop, tmp_path: Path) -> None:
    make_wheel(tmp_path / "folder", "app", "2", requires_python=">=3.99")
    arguments = ("--no-index", f"--find-links={tmp_path / 'folder'}", "app")
    assert listed(shop, "--ignore-requires-python", *arguments)[0] == "app-2-py3-none-any.whl"
    assert listed(shop, *arguments)[0] is None


def test_nothing_is_read_if_the_page_gives_it(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", "1", requires_python=">=2.7")
    make_wheel(shelf, "app", "2")
    assert listed(shop, *index.pip_args(), "app")[0] == "app-2-py3-none-any.whl"
    assert [request.path for request in index.requests] == ["/simple/app/"]
