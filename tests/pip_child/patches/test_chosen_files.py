"""What pip chose is reported, and not as saved."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.child import (
    LINUX,
    QUIET,
    Job,
    Workshop,
    online,
    with_password,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.moved_pip import Edit, move_pip
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import ChosenFile, JobReport, ProjectStatus

pytestmark = pytest.mark.seams

PIP = tuple(int(number) for number in version("pip").split(".")[:2])


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_result_says_everything_of_every_file(
    shop: Workshop, guarded: LocalIndex, shelf: Path
) -> None:
    arguments = [*with_password(guarded), "some_app[fast]==1.0", "turbo==2", "lib==1.5rc1"]
    native = "turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl"
    run = shop.run(Job(arguments))
    assert run.exit_code == 0
    assert run.sentence is None
    report = run.report(0)
    assert replace(report, chosen=()) == JobReport(0, "all")
    # The order is pip's own, and not promised.
    assert sorted(report.chosen, key=lambda file: file.name) == [
        ChosenFile(
            name="lib",
            version="1.5rc1",
            path=shop.files(0) / "lib-1.5rc1-py3-none-any.whl",
            url=f"{guarded.base}/files/lib-1.5rc1-py3-none-any.whl",
            index=f"{guarded.base}/simple/lib/",
            requested=True,
            extras=(),
            parents=(None, "some-app", "turbo"),
            yanked="it bites",
            requires_python=">=3.8",
            hashes=(("sha256", sha256(shelf / "lib-1.5rc1-py3-none-any.whl")),),
        ),
        ChosenFile(
            name="some-app",
            version="1.0",
            path=shop.files(0) / "some_app-1.0-py3-none-any.whl",
            url=f"{guarded.base}/files/some_app-1.0-py3-none-any.whl",
            index=f"{guarded.base}/simple/some-app/",
            requested=True,
            extras=("fast",),
            parents=(None,),
            yanked=None,
            hashes=(("sha256", sha256(shelf / "some_app-1.0-py3-none-any.whl")),),
            requires=(
                "lib>=1",
                'turbo ; extra == "fast"',
                'never ; sys_platform == "win32"',
            ),
        ),
        ChosenFile(
            name="turbo",
            version="2.0",
            path=shop.files(0) / native,
            url=f"{guarded.base}/files/{native}",
            index=f"{guarded.base}/simple/turbo/",
            requested=True,
            extras=(),
            parents=(None, "some-app"),
            yanked="",
            hashes=(("sha256", sha256(shelf / native)),),
            requires=("lib",),
        ),
    ]
    assert names(shop.files(0)) == [
        "lib-1.5rc1-py3-none-any.whl",
        "some_app-1.0-py3-none-any.whl",
        "turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl",
    ]
    assert "secret" not in shop.folder.joinpath("0-result.json").read_text()


def test_what_only_others_need_is_not_requested(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib", requires=["app"])
    app, lib = shop.run(Job(online(index, "app"))).files(0)
    assert (app.name, app.requested, app.parents) == ("app", True, (None, "lib"))
    assert (lib.name, lib.requested, lib.parents) == ("lib", False, ("app",))


def test_file_from_a_folder_of_links_has_no_index(shop: Workshop, shelf: Path) -> None:
    wheel = make_wheel(shelf, "app")
    (file,) = shop.run(Job([*QUIET, "--no-index", f"--find-links={shelf}", "app"])).files(0)
    assert (file.index, file.url) == (None, wheel.as_uri())


def test_file_given_by_its_url_has_no_index(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    wheel = make_wheel(shelf, "app")
    url = f"{index.base}/files/{wheel.name}"
    typed = f"app @ {url.replace('://', '://me:secret@')}#sha256={sha256(wheel)}"
    (file,) = shop.run(Job(online(index, typed))).files(0)
    assert (file.index, file.url) == (None, url)


def test_result_says_which_hashes_the_user_allows(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    allowed = (("sha256", sha256(make_wheel(shelf, "app"))), ("sha256", "0" * 64))
    line = " ".join(["app==1.0", *(f"--hash={name}:{value}" for name, value in allowed)])
    run = shop.run(Job(online(index, "-r", "a.txt"), files={"a.txt": line}))
    assert run.exit_code == 0
    (file,) = run.files(0)
    assert sorted(file.accepts) == sorted(allowed)


def test_result_says_which_dependencies_were_wanted(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    app = make_wheel(shelf, "app", requires=["lib"]).name
    lib = make_wheel(shelf, "lib").name
    options: list[list[str]] = [["--no-deps"], ["--only-deps"], []]
    run = shop.run(*(Job(online(index, *option, "app")) for option in options))
    said = [run.report(number).dependencies for number in range(3)]
    if PIP >= (26, 2):
        assert said == ["none", "only", "all"]
        assert [run.names(number) for number in range(3)] == [[app], [lib], [app, lib]]
        return
    # An older pip refuses the option in its own words.
    assert said == ["none", "all", "all"]
    assert [run.names(number) for number in range(3)] == [[app], [], [app, lib]]
    assert run.results[1] == JobReport(2, "all")
    assert "no such option: --only-deps" in run.stderr


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_project_from_a_checkout_is_not_reported_as_saved(shop: Workshop, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    backend = (
        "import pathlib\n"
        "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "    info = pathlib.Path(folder, 'checked_out-1.0.dist-info')\n"
        "    info.mkdir()\n"
        "    (info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: checked-out\\n'\n"
        "                                   'Version: 1.0\\n')\n"
        "    return info.name\n"
        "def build_wheel(*args, **named): raise SystemExit\n"
    )
    (project / "backend.py").write_text(backend)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run([*git, *arguments], cwd=project, check=True)
    arguments = [*QUIET, "--no-index", f"checked-out @ git+{project.as_uri()}"]
    run = shop.run(Job(arguments, None))
    assert run.names(0) == names(shop.files(0)) == ["checked-out-1.0.zip"]
    assert "Saved" not in run.stdout
    assert "working" not in run.stdout + run.stderr


@pytest.mark.parametrize("target", [LINUX, None], ids=["target", "host"])
def test_legacy_resolver_is_refused(
    shop: Workshop, index: LocalIndex, shelf: Path, target: None
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "--use-deprecated=legacy-resolver", "app"), target))
    assert run.results == (JobReport(1, "all"),)
    assert "legacy resolver" in run.stderr
    assert index.requests == ()


@pytest.mark.parametrize("ahead", ["0", "1"])
@pytest.mark.parametrize("json", [True, False], ids=["json", "html"])
def test_what_pip_ignores_of_a_page(
    shop: Workshop, shelf: Path, ahead: str, *, json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provenance of a file (PEP 740), and the status of its project (PEP 792)."""
    monkeypatch.setenv("WHEELTARGET_AHEAD", ahead)
    attested = make_wheel(shelf, "app", requires=["lib", "other"]).name
    make_wheel(shelf, "lib")
    elsewhere = make_wheel(shelf, "other").name
    make_wheel(shelf, "unneeded")
    with LocalIndex(shelf, json=json, username="me", password="secret") as index:  # noqa: S106
        index.attest(attested, "../../integrity/app")
        index.attest(elsewhere, "https://me:secret@example.invalid/other")
        index.mark("app", "deprecated", "use <b>\n instead")
        index.mark("other", "archived")
        index.mark("unneeded", "archived")
        arguments = [*with_password(index), "app"]
        run = shop.run(Job(arguments), Job(arguments))
        for number in range(2):
            report = run.report(number)
            assert report.sees_provenance
            assert {file.name: file.provenance for file in report.chosen} == {
                "app": f"{index.base}/integrity/app",
                "lib": None,
                "other": "https://example.invalid/other",
            }
            assert set(report.statuses) == {
                ProjectStatus("app", f"{index.url}app/", "deprecated", "use <b>\n instead"),
                ProjectStatus("other", f"{index.url}other/", "archived"),
            }


def test_status_of_a_project_without_files(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    """As of a quarantined one."""
    make_wheel(shelf, "bad")
    index.mark("bad", "quarantined", "malware")
    run = shop.run(Job(online(index, "bad")))
    assert run.report(0).exit_code == 1
    status = ProjectStatus("bad", f"{index.url}bad/", "quarantined", "malware")
    assert run.report(0).statuses == (status,)


def test_pip_that_reads_pages_in_another_way(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    """Then it is not known which files have a provenance, which only matters if it is wanted."""
    index.attest(make_wheel(shelf, "app").name, "/integrity/app")
    edits = [
        Edit("_internal.models.link", "def from_element(", "def from_anchor("),
        Edit("_internal.index.collector", "Link.from_element(", "Link.from_anchor("),
    ]
    path = move_pip(tmp_path, edits)
    run = shop.run(Job(online(index, "app")), variables={"PYTHONPATH": path})
    assert run.exit_code == 0, run.stderr
    assert not run.report(0).sees_provenance
