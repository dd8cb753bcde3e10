"""A plain run is pip, but for the content of requirements files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.child import (
    Job,
    Workshop,
    online,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.moved_pip import Edit, move_pip
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import (
    FAILURE,
    RESULT,
    Contents,
    JobReport,
    PlainRun,
    ReadFiles,
    read_message,
)

pytestmark = pytest.mark.seams


@pytest.mark.parametrize(
    ("requirement", "exit_code", "fetched"),
    [
        pytest.param("app", 0, ["app-1.0-py3-none-any.whl"], id="good"),
        pytest.param("missing", 1, [], id="failing"),
    ],
)
def test_plain_is_pip_with_the_content_of_files(
    shop: Workshop,
    index: LocalIndex,
    shelf: Path,
    requirement: str,
    exit_code: int,
    fetched: list[str],
) -> None:
    make_wheel(shelf, "app")
    shop.destination.mkdir()
    files = {"reqs.txt": f"\n{requirement}\n"}
    run = shop.run(Job(online(index, "-r", "reqs.txt"), None, files), plain=True)
    assert run.exit_code == exit_code
    assert run.results == (None,)
    assert run.sentence is None
    assert names(shop.destination) == fetched
    assert names(shop.folder) == ["job.json"]
    assert "Resolving for" not in run.stdout
    assert ("Successfully downloaded app" in run.stdout) == (not exit_code)
    assert ("Saved ./wheelhouse/app-1.0-py3-none-any.whl" in run.stdout) == (not exit_code)


ELSEWHERE = [
    Edit("_internal.models.installation_report", "class InstallationReport", "class Report"),
    Edit("_internal.models.format_control", "get_allowed_formats", "allowed_formats"),
    Edit("_internal.index.package_finder", "get_allowed_formats", "allowed_formats"),
]
"""A pip that has moved where only targets are concerned."""


def test_plain_run_and_reading_work_with_a_pip_that_has_moved_elsewhere(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    make_wheel(shelf, "app")
    variables = {"PYTHONPATH": move_pip(tmp_path, ELSEWHERE)}
    for_target = shop.run(Job(online(index, "app")), variables=variables)
    assert for_target.exit_code == 70
    assert "(imports: ImportError(" in str(for_target.sentence)
    (shop.folder / FAILURE).unlink()
    plain = Job(online(index, "-r", "reqs.txt"), None, {"reqs.txt": "app\n"})
    own = replace(plain, indexes=(("app", index.url),))
    assert shop.run(own, plain=True, variables=variables).exit_code == 70
    (shop.folder / FAILURE).unlink()
    assert shop.run(plain, plain=True, variables=variables).exit_code == 0
    assert names(shop.destination) == ["app-1.0-py3-none-any.whl"]
    url = index.add_file("reqs.txt", b"app\n")
    assert shop.request(ReadFiles((url, f"{url}.no"), tuple(online(index))), variables) == 0
    contents = read_message(shop.folder / RESULT, Contents)
    assert contents.texts == {url: "app\n"}
    assert "404" in contents.reasons[f"{url}.no"]


@pytest.mark.parametrize("moved", [False, True])
def test_observed_run_reports_what_pip_chose_if_that_is_known(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path, moved: bool
) -> None:
    make_wheel(shelf, "app")
    edits = [
        Edit("_internal.resolution.resolvelib.resolver", "class Resolver(", "class Next("),
        Edit("_internal.cli.req_command", "resolver.Resolver(", "resolver.Next("),
    ]
    variables = {"PYTHONPATH": move_pip(tmp_path, edits if moved else [])}
    arguments = (*online(index, "app"), f"--dest={shop.destination}")
    assert shop.request(PlainRun(arguments, {}, observed=True), variables) == 0
    assert names(shop.destination) == ["app-1.0-py3-none-any.whl"]
    result = shop.folder / RESULT
    chosen = read_message(result, JobReport).chosen if result.exists() else ()
    assert [file.name for file in chosen] == ([] if moved else ["app"])
