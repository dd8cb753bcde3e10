"""All commands that resolve take a project from its own index, and no other project from there.

The threat is T15 of docs/security.md.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.cli import Result, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.errors import WheeltargetError

TAG = "cp312-cp312-manylinux_2_28_x86_64"
FILES = ["acme_core-1-py3-none-any.whl", "app-1-py3-none-any.whl", "web-1-py3-none-any.whl"]


class Place(NamedTuple):
    """A working directory, a hostile public index, and an internal one."""

    home: Path
    public: LocalIndex
    inside: LocalIndex

    def run(self, verb: str, *arguments: str, index: bool = True) -> Result:
        """Run a verb for the target with the public index, and the internal one for acme-*."""
        own = [f"--index=acme-*={self.inside.url}"] if index else []
        given = (*self.public.pip_args(), *own, *arguments)
        return wheeltarget(verb, "--tags", TAG, *given, cwd=self.home)

    def write_table(self, text: str) -> None:
        """Write the table of the project."""
        (self.home / "pyproject.toml").write_text(f"[tool.wheeltarget.indexes]\n{text}\n")

    def check(self) -> None:
        """Check that no index was asked for a project of the other."""
        assert [each.path for each in self.public.requests if "acme" in each.path] == []
        paths = [each.path for each in self.inside.requests]
        assert paths
        assert [each for each in paths if "app" in each or "web" in each] == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Make an application that needs an internal project, which needs a public one."""
    home = tmp_path / "home"
    home.mkdir()
    make_wheel(tmp_path / "public", "app", "1", requires=["acme-core"])
    make_wheel(tmp_path / "public", "web", "1")
    make_wheel(tmp_path / "public", "acme-core", "9", requires=["stolen"])
    make_wheel(tmp_path / "inside", "acme-core", "1", requires=["web"])
    make_wheel(tmp_path / "inside", "app", "9")
    make_wheel(tmp_path / "inside", "web", "9")
    with LocalIndex(tmp_path / "public") as public, LocalIndex(tmp_path / "inside") as inside:
        yield Place(home, public, inside)


@pytest.mark.parametrize("way", ["option", "table", "nearest wins"])
def test_download(place: Place, way: str) -> None:
    """A second run that is answered from memory has the same files, another setting has its own."""
    if way == "table":
        place.write_table(f'"Acme.*" = "{place.inside.url}"')
    if way == "nearest wins":
        place.write_table(f'"acme-*" = "{place.public.url}"')
    for _ in range(2):
        result = place.run("download", "-d", "house", "app", index=way != "table")
        assert result.exit_code == 0, result.stderr
        assert names(place.home / "house") == FILES
    place.check()
    (place.home / "pyproject.toml").unlink(missing_ok=True)
    make_wheel(place.home.parent / "public", "stolen")
    result = place.run("download", "-d", "other", "app", index=False)
    assert "acme_core-9-py3-none-any.whl" in names(place.home / "other"), result.stderr


def test_lock_explain_and_bundle(place: Place) -> None:
    place.write_table(f'"acme-*" = "{place.inside.url.replace("://", "://me:secret@")}"')
    explained = place.run("explain", "--format=json", "app", "acme-core", index=False)
    assert explained.exit_code == 0, explained.stderr
    document = json.loads(explained.stdout)
    taken = {each["project"]: each["targets"][0]["taken"] for each in document["requirements"]}
    assert {name: each["version"] for name, each in taken.items()} == {"app": "1", "acme-core": "1"}
    said = f"acme-core comes from {place.inside.url.replace('://', '://*********@')} only"
    assert document["notes"] == [f"{said}, as pyproject.toml says"]
    for verb in (["lock"], ["lock", "--format=requirements"], ["bundle", "-o", "out", "--lock=b"]):
        result = place.run(*verb, "app", index=False)
        assert result.exit_code == 0, result.stderr
        assert "secret" not in result.stdout + result.stderr
    assert {"acme_core-1.dist-info", "app.py", "web.py"} <= {*names(place.home / "out")}
    lock = place.home / f"pylock.{TAG}.toml"
    text = lock.read_text()
    assert "secret" not in text
    assert text.count(f'index = "{place.inside.url}"') == 1
    assert text.count(f'index = "{place.public.url}"') == 2
    place.check()
    result = place.run("download", "-r", lock.name, "-d", "house", index=False)
    assert (result.exit_code, names(place.home / "house")) == (0, FILES), result.stderr
    result = place.run("lock", "--check", "app", index=False)
    assert result.exit_code == 0, result.stderr


def test_locked_file_that_is_gone_is_not_looked_for_elsewhere(place: Place) -> None:
    assert place.run("lock", "app").exit_code == 0
    shutil.copy(place.home.parent / "inside" / FILES[0], place.home.parent / "public")
    (place.home.parent / "inside" / FILES[0]).unlink()
    place.public.clear()
    arguments = ("-r", f"pylock.{TAG}.toml", "-d", "house", "--no-cache-dir")
    result = place.run("download", *arguments)
    assert result.exit_code == 1
    assert "acme-core 1: cannot fetch" in result.stderr
    place.check()
    found = place.run("download", *arguments, index=False)
    assert found.exit_code == 0, found.stderr  # so it would have been found there


@pytest.mark.parametrize("way", ["option", "table"])
def test_lock_of_a_bundle_is_made_again_if_a_project_has_another_index(
    place: Place, way: str
) -> None:
    """The requirements are the same, but what they select is from the public index."""
    make_wheel(place.home.parent / "public", "stolen")
    bundle = ("bundle", "--lock=kept", "app", "-o")
    assert place.run(*bundle, "old", index=False).exit_code == 0
    assert "acme_core-9.dist-info" in names(place.home / "old")
    place.public.clear()
    if way == "table":
        place.write_table(f'"acme-*" = "{place.inside.url}"')
    result = place.run(*bundle, "new", index=way == "option")
    assert result.exit_code == 0, result.stderr
    assert "acme_core-1.dist-info" in names(place.home / "new")
    place.check()
    # From now on, no index is asked.
    place.public.clear()
    place.inside.clear()
    assert place.run(*bundle, "again", index=way == "option").exit_code == 0
    pages = [*place.public.requests, *place.inside.requests]
    assert [each.path for each in pages if not each.path.endswith(".whl")] == []


def test_file_of_another_index_that_is_there_already_is_not_taken(place: Place) -> None:
    """It has the same name, and the index of the project lists no hash."""
    folder = place.home.parent
    other = make_wheel(folder / "public", "acme-core", "1", files={"bad.py": b""})
    (place.home / "house").mkdir()
    shutil.copy(other, place.home / "house")
    with LocalIndex(folder / "inside", hashes=False) as inside:
        own = f"--index=acme-*={inside.url}"
        result = place.run("download", own, "-d", "house", "--no-deps", "acme-core", index=False)
    assert result.exit_code == 0, result.stderr
    wheel = (folder / "inside" / FILES[0]).read_bytes()
    assert (place.home / "house" / FILES[0]).read_bytes() == wheel


def test_no_target_and_no_option_of_ours(place: Place) -> None:
    """A run without a target, which would be pip's own, takes the table, too."""
    place.write_table(f'"acme-*" = "{place.inside.url}"')
    arguments = ("download", *place.public.pip_args(), "-d", "house", "app")
    result = wheeltarget(*arguments, cwd=place.home)
    assert result.exit_code == 0, result.stderr
    assert names(place.home / "house") == FILES
    place.check()


@pytest.mark.parametrize("spelling", [["--index", "URL"], ["--index=URL"], ["--ind", "URL"]])
@pytest.mark.parametrize("verb", ["download", "lock"])
def test_index_without_a_name_is_pips(place: Place, spelling: list[str], verb: str) -> None:
    """It is an abbreviation of --index-url, of which the last one counts."""
    given = [each.replace("URL", place.public.url) for each in spelling]
    rest = ["app", "--trusted-host=127.0.0.1", f"--index=acme-*={place.inside.url}"]
    before = f"--index-url={place.inside.url}"
    result = wheeltarget(verb, "--tags", TAG, before, *given, *rest, cwd=place.home)
    assert result.exit_code == 0, result.stderr
    place.check()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--index=acme=HERE", "--no-index", "app"], "--index and --no-index exclude each other"),
        (["--index=acme=HERE", "--python=x", "app"], "--python cannot be combined with the index"),
        (["--index=acme=", "app"], "--index:1:6: error: the URL of the index is missing"),
        (["--index-url=acme=HERE", "app"], "error: acme=HERE is the index of a project, and"),
        (["-r", "r.txt"], "r.txt:1:1: error: acme=HERE is the index of a project, and --index-url"),
    ],
)
@pytest.mark.parametrize("tags", [["--tags", TAG], []], ids=["target", "no target"])
def test_what_is_refused(place: Place, arguments: list[str], message: str, tags: list[str]) -> None:
    """Without any target, a wrong value for all projects is pip's, which finds nothing there."""
    (place.home / "r.txt").write_text(f"--index acme={place.inside.url}\napp\n")
    given = [each.replace("HERE", place.inside.url) for each in arguments]
    result = wheeltarget("download", *tags, *given, "-d", "house", cwd=place.home)
    assert result.exit_code != 0
    if tags or "acme=HERE" not in message:
        assert message.replace("HERE", place.inside.url) in result.stderr
        assert not (place.home / "house").exists()
    assert place.inside.requests == place.public.requests == ()


def test_notes(place: Place) -> None:
    result = place.run("download", "-d", "house", "web", "--index=gone=https://a.invalid")
    assert result.exit_code == 0, result.stderr
    for name in ("acme-*", "gone"):
        assert f"note: nothing needs {name}, whose index --index names" in result.stderr
    place.write_table(f'web = "{place.inside.url}"')
    folder = ("--no-index", "--find-links=house", "-d", "again", "web")
    result = wheeltarget("download", "--tags", TAG, *folder, cwd=place.home)
    assert result.exit_code == 0, result.stderr
    said = f"note: --no-index: web is not from {place.inside.url}, which pyproject.toml names"
    assert said in result.stderr


PROJECTS = ("one", "two", "three", "four")
Shelf = Mapping[str, list[list[str]]]
"""By project, what each version requires."""


def versions(name: str) -> st.SearchStrategy[list[list[str]]]:
    """Return what versions of a project may require: only later ones, as pip fails at cycles."""
    later = PROJECTS[PROJECTS.index(name) + 1 :]
    requirements = [f"{each}{limit}" for each in later for limit in ("", ">1", "<2")]
    some = st.lists(st.sampled_from(requirements), max_size=2) if later else st.just([])
    return st.lists(some, min_size=1, max_size=3)


SHELVES = st.fixed_dictionaries({name: versions(name) for name in PROJECTS})


def fill(folder: Path, shelf: Shelf, projects: set[str], first: int) -> None:
    """Make a wheel of each version of some projects, from a version on."""
    for name in projects:
        for version, requires in enumerate(shelf[name], first):
            make_wheel(folder, name, str(version), requires=requires)


@pytest.mark.thorough
@settings(
    max_examples=8, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(left=SHELVES, right=SHELVES, own=st.sets(st.sampled_from(PROJECTS)))
def test_it_is_as_if_one_index_had_exactly_these_pages(
    tmp_path_factory: pytest.TempPathFactory,
    left: Shelf,
    right: Shelf,
    own: set[str],
) -> None:
    home = tmp_path_factory.mktemp("graph")
    every = set(PROJECTS)
    for name, shelf, first in (("left", left, 1), ("right", right, 2)):
        (home / name).mkdir()
        fill(home / name, shelf, every, first)
    (home / "union").mkdir()
    fill(home / "union", left, every - own, 1)
    fill(home / "union", right, own, 2)

    def chosen(index: LocalIndex, *indexes: str) -> list[str] | None:
        arguments = (*index.pip_args(), "--no-cache-dir", "one", "two", f"--dest={home}")
        request = api.DownloadRequest(arguments, tags=(TAG,), index=indexes, dry_run=True)
        try:
            outcome = api.download(request)
        except WheeltargetError:
            return None
        assert isinstance(outcome, api.DownloadOutcome)
        return sorted(file.filename for file in outcome.targets[0].files)

    with (
        LocalIndex(home / "left") as one,
        LocalIndex(home / "right") as other,
        LocalIndex(home / "union") as union,
    ):
        found = chosen(one, *(f"{name}={other.url}" for name in own))
        assert found == chosen(union)
        for index, others in ((one, own), (other, every - own)):
            paths = [each.path for each in index.requests]
            assert [each for each in paths if any(f"/{name}" in each for name in others)] == []
