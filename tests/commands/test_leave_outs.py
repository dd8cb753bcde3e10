"""download, lock, check, bundle and explain agree on what is left out of every graph."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.commands.lock.files import Form
from wheeltarget.errors import WheeltargetError

TAG = "cp312-cp312-manylinux_2_28_x86_64"
PROJECTS = ("one", "two", "three", "four", "five", "six")
TRUE, FALSE = 'sys_platform == "linux"', 'sys_platform == "win32"'

Graph = Mapping[str, Mapping[str, str | None]]
"""By project, what it requires, each with its marker."""

GRAPHS = st.fixed_dictionaries(
    {
        name: st.dictionaries(
            st.sampled_from([each for each in PROJECTS if each != name]),
            st.sampled_from([None, None, TRUE, FALSE]),
            max_size=3,
        )
        for name in PROJECTS
    }
)
SOME = st.sets(st.sampled_from(PROJECTS), min_size=1, max_size=3)


def reached(graph: Graph, roots: set[str], excluded: set[str]) -> list[str]:
    """Return what is reached from the roots without passing an excluded project."""
    found, todo = set[str](), list(roots)
    while todo:
        name = todo.pop()
        if name not in found | excluded:
            found.add(name)
            todo += [each for each, marker in graph[name].items() if marker != FALSE]
    return sorted(found)


def fill(folder: Path, graph: Graph, excluded: set[str]) -> list[str]:
    """Make a wheel of each project, which does not require what is excluded."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, needs in graph.items():
        kept = {each: marker for each, marker in needs.items() if each not in excluded}
        requires = [each + (f" ; {marker}" if marker else "") for each, marker in kept.items()]
        make_wheel(folder, name, requires=requires)
    return ["--no-index", f"--find-links={folder}", "--no-cache-dir"]


def projects_in(folder: Path) -> list[str]:
    """Return the projects of the wheels in a folder."""
    return sorted(path.name.partition("-")[0] for path in folder.glob("*.whl"))


def downloaded(house: Path, *arguments: str, **options: tuple[str, ...]) -> list[str]:
    """Download to a new folder, and return the projects of its wheels."""
    shutil.rmtree(house, ignore_errors=True)
    api.download(api.DownloadRequest((*arguments, f"--dest={house}"), **options))  # type: ignore[arg-type]
    return projects_in(house)


def locked(folder: Path, arguments: list[str], exclude: tuple[str, ...]) -> Path:
    """Lock to a new folder, and return the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    request = api.LockRequest(tuple(arguments), tags=(TAG,), exclude=exclude, folder=folder)
    api.lock(request)
    (lock,) = folder.iterdir()
    return lock


@pytest.mark.thorough
@settings(
    max_examples=6, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@example(graph={name: {} for name in PROJECTS}, roots={"one"}, excluded={"one"})
@given(graph=GRAPHS, roots=SOME, excluded=SOME)
def test_they_agree(tmp_path: Path, graph: Graph, roots: set[str], excluded: set[str]) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options, without = fill(whole, graph, set()), fill(cut, graph, excluded)
    kept, exclude, house = reached(graph, roots, excluded), tuple(excluded), tmp_path / "house"
    if left := roots - excluded:  # pip itself, without these requirements
        assert downloaded(house, *without, *left, tags=(TAG,)) == kept
    assert downloaded(house, *options, *roots, tags=(TAG,), exclude=exclude) == kept
    asked = tmp_path / "r.txt"
    asked.write_text("".join(f"{each}\n" for each in roots))
    if kept:
        for requirements in ((), (str(asked),)):
            check = api.CheckRequest(
                (str(house),), tags=(TAG,), requirements=requirements, exclude=exclude
            )
            assert api.check(check).findings == ()
    explained = api.explain(api.ExplainRequest((*options, *roots), tags=(TAG,), exclude=exclude))
    said = {row.project: row.answers[0].result for row in explained.rows}
    assert said == {name: "left-out" if name in excluded else "fits" for name in roots}
    arguments = [*options, *roots]
    own = locked(tmp_path / "own", arguments, exclude)
    every = locked(tmp_path / "every", arguments, ())
    for lock, more in ((own, ()), (own, exclude), (every, exclude)):
        assert downloaded(house, "-r", str(lock), exclude=more) == kept
        if kept:
            named = (str(lock),)
            check = api.CheckRequest((str(house),), requirements=named, exclude=more)
            assert api.check(check).findings == ()
        bundle = tmp_path / "out.zip"
        request = api.BundleRequest(lock=str(lock), output=bundle, exclude=more)
        if not kept:
            with pytest.raises(WheeltargetError, match="nothing would be in the bundle"):
                api.bundle(request)
            continue
        api.bundle(request)
        with zipfile.ZipFile(bundle) as archive:
            modules = [name[:-3] for name in archive.namelist() if name.endswith(".py")]
        assert sorted(modules) == kept


@pytest.fixture
def sdk(tmp_path: Path) -> list[str]:
    """Make an application that needs an SDK, and return the options for it."""
    graph = {"app": {"boto3": None, "web": None}, "boto3": {"botocore": None}, "botocore": {}}
    return fill(tmp_path / "shelf", {**graph, "web": {}}, set())


def notes_of(outcome: object) -> tuple[str, ...]:
    """Return the notes of a download or a lock."""
    assert isinstance(outcome, api.DownloadOutcome | api.LockOutcome | api.BundleOutcome)
    return outcome.notes


def test_notes_say_what_was_left_out_and_for_whom(tmp_path: Path, sdk: list[str]) -> None:
    out = f"left out boto3, and what only it needs, for {TAG}, as --exclude asks"
    unused = "nothing needs nvidia-*, which --exclude leaves out"
    exclude = ("boto3", "nvidia-*")
    download = api.DownloadRequest((*sdk, "app"), tags=(TAG,), exclude=exclude, dry_run=True)
    assert {*notes_of(api.download(download))} >= {out, unused}
    request = api.LockRequest((*sdk, "app"), tags=(TAG,), folder=tmp_path / "locks")
    notes_of(api.lock(request))
    (lock,) = (tmp_path / "locks").iterdir()
    known = f"left out boto3, and what only it needs (botocore), for {TAG}, as --exclude asks"
    missing = "no lock names nvidia-*, which --exclude leaves out"
    download = api.DownloadRequest(("-r", str(lock)), exclude=exclude, dry_run=True)
    assert notes_of(api.download(download)) == (known, missing)
    bundle = api.BundleRequest(lock=str(lock), output=tmp_path / "out", exclude=exclude)
    assert notes_of(api.bundle(bundle))[:2] == (known, missing)


def test_bundle_of_requirements(tmp_path: Path, sdk: list[str]) -> None:
    """The lock beside it is kept as long as the same is left out, and says so."""
    lock = tmp_path / "pylock.app.toml"
    arguments = (*sdk, "app")

    def modules(*exclude: str) -> tuple[list[str], tuple[str, ...]]:
        output = tmp_path / "out.zip"
        outcome = api.bundle(
            api.BundleRequest(
                arguments=arguments,
                tags=(TAG,),
                output=output,
                lock_file=lock,
                exclude=exclude,
            )
        )
        with zipfile.ZipFile(output) as archive:
            found = sorted(name[:-3] for name in archive.namelist() if name.endswith(".py"))
        return found, outcome.notes

    out = f"left out boto3, and what only it needs, for {TAG}, as --exclude asks"
    assert modules("boto3") == (["app", "web"], (out,))
    assert modules("boto3") == (["app", "web"], (f"the lock for {TAG} leaves out boto3",))
    assert modules() == (["app", "boto3", "botocore", "web"], ())


def test_clause_and_definition_of_a_target(
    tmp_path: Path, sdk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one line leaves out is left out for its targets, whichever line needs it."""
    name = "aws-lambda-python3.12-arm64"
    text = f'[tool.wheeltarget.targets."{name}"]\nexclude = ["Web"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    lines = f"app ; target={name} ; exclude=boto*\nbotocore ; target={name}\nweb # tags={TAG}\n"
    (tmp_path / "r.txt").write_text(lines)
    outcome = api.download(api.DownloadRequest((*sdk, "-r", "r.txt"), dry_run=True))
    assert isinstance(outcome, api.DownloadOutcome)
    chosen = [[file.name for file in each.files] for each in outcome.targets]
    assert chosen == [["app"], ["web"]]
    both, place = "boto3 and botocore, and what only they need", "exclude= in r.txt:1"
    assert outcome.notes[:2] == (
        f"left out {both}, for {name}, as {place} asks",
        f"left out web, and what only it needs, for {name}, as its definition asks",
    )


def test_what_the_service_provides(sdk: list[str]) -> None:
    name, arguments = "aws-lambda-python3.12-arm64", (*sdk, "app")
    request = api.DownloadRequest(
        arguments, tags=(TAG,), targets=(name,), skip_provided=True, dry_run=True
    )
    outcome = api.download(request)
    assert isinstance(outcome, api.DownloadOutcome)
    chosen = {each.label: sorted(file.name for file in each.files) for each in outcome.targets}
    assert chosen == {name: ["app", "web"], TAG: ["app", "boto3", "botocore", "web"]}
    out = f"left out boto3, and what only it needs, for {name}, as --provided skip asks"
    unknown = (
        f"--provided skip leaves nothing out for {TAG}: it is not known what is provided there"
    )
    assert set(outcome.notes) >= {out, unknown}


def test_explained(sdk: list[str]) -> None:
    arguments = (*sdk, "app ; exclude=boto3", f"boto3 ; tags={TAG}")
    outcome = api.explain(api.ExplainRequest(arguments, tags=(TAG,), exclude=("web",)))
    said = {row.project: row.answers[0] for row in outcome.rows}
    assert {name: each.result for name, each in said.items()} == {
        "app": "fits",
        "boto3": "left-out",
    }
    assert said["boto3"].as_dict()["left_out_by"] == "exclude="
    assert outcome.exit_code == 0


def test_run_without_a_target(tmp_path: Path, sdk: list[str]) -> None:
    """A clause alone is enough; pip could not read it."""
    house = tmp_path / "house"
    assert downloaded(house, *sdk, "app ; exclude=boto3") == ["app", "web"]
    assert downloaded(house, *sdk, "app", exclude=("boto3",)) == ["app", "web"]


def test_hashed_requirements_say_what_they_leave_out(tmp_path: Path, sdk: list[str]) -> None:
    """So they can be downloaded without the option, and without a note on what is not needed."""
    request = api.LockRequest(
        (*sdk, "app", "botocore"),
        tags=(TAG,),
        exclude=("boto?", "botocore", "nvidia-*"),
        folder=tmp_path / "locks",
        form=Form.REQUIREMENTS,
    )
    api.lock(request)
    (lock,) = (tmp_path / "locks").iterdir()
    assert lock.read_text().splitlines()[1] == f"# tags={TAG} ; exclude=boto?"
    outcome = api.download(api.DownloadRequest((*sdk, "-r", str(lock)), dry_run=True))
    assert isinstance(outcome, api.DownloadOutcome)
    assert sorted(file.name for file in outcome.targets[0].files) == ["app", "web"]
    place = f"exclude= in {lock}:2"
    assert outcome.notes == (f"left out boto3, and what only it needs, for {TAG}, as {place} asks",)


@pytest.mark.parametrize("platform", ["manylinux_2_28_x86_64", "linux_x86_64"])
def test_definition_does_not_change_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """Whether or not the definition is needed to know which tags its target accepts."""
    make_wheel(tmp_path / "shelf", "app", tag=f"cp312-cp312-{platform}")
    monkeypatch.chdir(tmp_path)
    tags = f'tags = ["{TAG}", "cp312-cp312-linux_x86_64"]'
    markers = 'markers.python_full_version = "3.12.4"'
    table = f"[tool.wheeltarget.targets.box]\n{tags}\n{markers}\n"
    Path("pyproject.toml").write_text(table)
    api.lock(api.LockRequest(("--no-index", "--find-links=shelf", "app"), targets=("box",)))
    Path("pyproject.toml").write_text(f'{table}exclude = ["app"]\n')
    assert downloaded(tmp_path / "house", "-r", "pylock.box.toml") == ["app"]


def test_what_another_lock_needs_is_not_left_out(tmp_path: Path, sdk: list[str]) -> None:
    one = locked(tmp_path / "one", [*sdk, "app"], ())
    other = locked(tmp_path / "other", [*sdk, "boto3", "botocore"], ())
    out = f"left out boto3, and what only it needs, for {TAG}, as --exclude asks"
    exclude = ("boto3",)
    request = api.DownloadRequest(("-r", str(one), "-r", str(other)), exclude=exclude, dry_run=True)
    outcome = api.download(request)
    assert isinstance(outcome, api.DownloadOutcome)
    assert sorted(file.name for file in outcome.targets[0].files) == ["app", "botocore", "web"]
    assert outcome.notes == (out,)
    bundle = api.BundleRequest(
        lock=str(one), more=(str(other),), output=tmp_path / "out", exclude=exclude
    )
    assert api.bundle(bundle).notes.count(out) == 1


def test_file_that_is_left_out_is_too_much(tmp_path: Path, sdk: list[str]) -> None:
    lock = locked(tmp_path / "own", [*sdk, "app"], ())
    places, named = (str(tmp_path / "shelf"),), (str(lock),)
    check = api.CheckRequest(places, requirements=named, exclude=("boto3",))
    assert [(each.code, each.message) for each in api.check(check).findings] == [
        ("WC305", "boto3 is left out"),
        ("WC305", "botocore is left out"),
    ]


def test_lock_of_another_tool_may_not_say_what_needs_what(tmp_path: Path, sdk: list[str]) -> None:
    own = locked(tmp_path / "own", [*sdk, "app"], ())
    text = own.read_text().partition("[tool.wheeltarget]")[0].replace('"wheeltarget"', '"another"')
    foreign = tmp_path / "own" / "pylock.other.toml"
    foreign.write_text(re.sub(r"dependencies = \[\n(?:    .*\n)*\]\n", "", text))
    request = api.DownloadRequest(
        ("-r", str(foreign)), tags=(TAG,), exclude=("boto3",), dry_run=True
    )
    with pytest.raises(api.InputError, match="cannot leave out boto3 and what only that needs"):
        api.download(request)
