"""Projects are listed instead of resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import LINUX, QUIET, Workshop
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
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
    assert [request.path for request in index.requests] == ["/simple/app/"]
