"""Files that exist already: in the destination, of an earlier job, or in the wheel store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.child import WINDOWS, Job, Workshop, online, wheels_fetched
from tests.support.cli import Result, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import damage, make_wheel
from wheeltarget.cache.wheel_store import Store, cache_folder, wheel_folder
from wheeltarget.utils.files import hash_file

TAG = "cp39-cp39-manylinux2014_x86_64"
FOREVER = {"Cache-Control": "max-age=365000000, immutable, public"}


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:
    """Return a folder to work in, and an index with a project that has a dependency."""
    make_wheel(tmp_path / "index", "top", requires=["low"])
    make_wheel(tmp_path / "index", "low")
    index.file_headers = FOREVER
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def fetch(index: LocalIndex, project: Path, *arguments: str, **variables: str) -> Result:
    """Download for a target, with caches below the temporary folder."""
    pip_cache = ["--cache-dir", str(project.parent / "pip-cache")]
    options = [*pip_cache, *index.pip_args(), "--dest", "house", "--tags", TAG]
    return wheeltarget("download", *options, *arguments, cwd=project, variables=variables)


def stored() -> list[Path]:
    """List the wheels in the store."""
    folder = wheel_folder(cache_folder(os.environ))
    return [path for path in folder.glob("??/*") if not path.suffix]


def test_a_wheel_is_fetched_once(project: Path, index: LocalIndex) -> None:
    first = fetch(index, project, "top")
    assert first.exit_code == 0, first.stderr
    assert index.count(".whl") == 2
    files = sorted((project / "house").iterdir())
    assert sorted(path.stat().st_ino for path in files) == sorted(
        path.stat().st_ino for path in stored()
    )
    for path in files:
        path.unlink()
    second = fetch(index, project, "top")
    assert second.stdout == first.stdout
    assert [path.name for path in files] == names(project / "house")
    assert index.count(".whl") == 2
    assert "Using cached low-1.0-py3-none-any.whl" in second.stderr


def test_pips_own_cache_has_no_second_copy(project: Path, index: LocalIndex) -> None:
    assert fetch(index, project, "top").exit_code == 0
    bodies = [path.read_bytes() for path in (project.parent / "pip-cache").rglob("*.body")]
    assert bodies
    assert not [body for body in bodies if body.startswith(b"PK")]


@pytest.mark.parametrize("inner", ["", "wheels"])
def test_without_the_store_pips_cache_keeps_wheels(
    project: Path, index: LocalIndex, inner: str
) -> None:
    """Otherwise the test above would prove nothing."""
    folder = project.parent / "blocked"
    blocked = folder / inner
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("")
    result = fetch(index, project, "top", WHEELTARGET_CACHE_DIR=str(folder))
    assert index.count(".whl") == 2
    assert result.exit_code == 0
    assert f"note: the cache folder {blocked} cannot be written: File exists" in result.stderr
    bodies = [path.read_bytes() for path in (project.parent / "pip-cache").rglob("*.body")]
    assert len([body for body in bodies if body.startswith(b"PK")]) == 2


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--no-cache-dir"], {}), ([], {"PIP_NO_CACHE_DIR": "0"})],
    ids=["option", "variable"],
)
def test_who_wants_no_cache_gets_none(
    project: Path, index: LocalIndex, arguments: list[str], variables: dict[str, str]
) -> None:
    options = [*arguments, *index.pip_args(), "--dest", "house", "--tags", TAG]
    for count in (2, 4):
        result = wheeltarget("download", *options, "top", cwd=project, variables=variables)
        assert result.exit_code == 0, result.stderr
        assert index.count(".whl") == count
        for path in (project / "house").iterdir():
            path.unlink()
    assert not cache_folder(os.environ).exists()


def test_what_pip_passes_over_is_not_brought_along(
    project: Path, index: LocalIndex, tmp_path: Path
) -> None:
    """The newer low is in the store, and pip reads it before it backtracks to the older one."""
    make_wheel(tmp_path / "index", "low", "2.0", requires=["base>=2"])
    make_wheel(tmp_path / "index", "base", "1.0")
    make_wheel(tmp_path / "index", "base", "2.0")
    assert fetch(index, project, "low").exit_code == 0
    for path in (project / "house").iterdir():
        path.unlink()
    (project / "constraints.txt").write_text("base<2\n")
    result = fetch(index, project, "-c", "constraints.txt", "low")
    assert result.exit_code == 0, result.stderr
    assert names(project / "house") == ["low-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_what_another_target_has_is_not_brought_along(
    project: Path, index: LocalIndex, ahead: str
) -> None:
    """The newest one, which pip reads first, was fetched for an earlier target of the run."""
    make_wheel(project.parent / "index", "low", "2.0")
    make_wheel(project.parent / "index", "old", requires=["low<2"])
    make_wheel(project.parent / "index", "any", requires=["low", 'old ; python_version < "3.9"'])
    tags = "cp311-cp311-manylinux2014_x86_64,cp38-cp38-manylinux2014_x86_64"
    arguments = ["--dest", "house", "--by-target", "--tags", tags, "any"]
    done = wheeltarget(
        *("download", "--no-cache-dir", *index.pip_args(), *arguments),
        cwd=project,
        variables={"WHEELTARGET_AHEAD": ahead},
    )
    assert done.exit_code == 0, done.stderr
    _, for_old = tags.split(",")
    wanted = ["any-1.0", "low-1.0", "old-1.0"]
    assert names(project / "house" / for_old) == [f"{each}-py3-none-any.whl" for each in wanted]


def test_a_damaged_wheel_is_fetched_again(project: Path, index: LocalIndex) -> None:
    assert fetch(index, project, "low").exit_code == 0
    (wheel,) = (project / "house").iterdir()
    good = wheel.read_bytes()
    with wheel.open("r+b") as handle:
        handle.write(b"damage")
    wheel.unlink()
    assert fetch(index, project, "low").exit_code == 0
    assert wheel.read_bytes() == good
    assert index.count(".whl") == 2


@pytest.mark.parametrize("ahead", ["0", "1"])
@pytest.mark.parametrize("place", [-20, 10], ids=["pip cannot read it", "pip does not see it"])
def test_damage_without_a_trace_is_fetched_again(
    project: Path, index: LocalIndex, place: int, ahead: str
) -> None:
    """Size and modification time are as before."""
    assert fetch(index, project, "low", WHEELTARGET_AHEAD=ahead).exit_code == 0
    (wheel,) = (project / "house").iterdir()
    good = wheel.read_bytes()
    damage(wheel, place)
    wheel.unlink()
    run = fetch(index, project, "low", WHEELTARGET_AHEAD=ahead)
    assert run.exit_code == 0, run.stderr
    assert wheel.read_bytes() == good
    assert index.count(".whl") == 2
    assert [path.read_bytes() for path in stored()] == [good]


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_damage_in_the_destination_is_fetched_again(
    project: Path, index: LocalIndex, ahead: str
) -> None:
    """It is linked from the store, so the store's file is damaged as well."""
    assert fetch(index, project, "low", WHEELTARGET_AHEAD=ahead).exit_code == 0
    (wheel,) = (project / "house").iterdir()
    good = wheel.read_bytes()
    damage(wheel)
    run = fetch(index, project, "low", WHEELTARGET_AHEAD=ahead)
    assert run.exit_code == 0, run.stderr
    assert wheel.read_bytes() == good
    assert [path.read_bytes() for path in stored()] == [good]


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_damage_in_pips_own_cache_is_not_placed(
    project: Path, index: LocalIndex, ahead: str
) -> None:
    """Pip has wheels in its cache from before wheeltarget was used."""
    no_store = {"WHEELTARGET_CACHE_DIR": str(project / "pip.conf"), "WHEELTARGET_AHEAD": ahead}
    (project / "pip.conf").touch()
    assert fetch(index, project, "low", **no_store).exit_code == 0
    (wheel,) = (project / "house").iterdir()
    good = wheel.read_bytes()
    wheel.unlink()
    bodies = (project.parent / "pip-cache").rglob("*.body")
    (body,) = [path for path in bodies if path.read_bytes() == good]
    damage(body)
    run = fetch(index, project, "low", **no_store)
    assert run.exit_code == 1
    assert f"{wheel.name} does not have the hash that its index lists" in run.stderr
    assert "try again with --no-cache-dir" in run.stderr
    assert names(project / "house") == []


def test_damage_in_a_folder_of_find_links(project: Path) -> None:
    """Without a hash it is used as it is; with one it is refused."""
    wheel = make_wheel(project / "shelf", "lone")
    digest = hash_file(wheel).sha256
    options = ["--no-index", "--find-links", "shelf", "--no-cache-dir", "--tags", TAG]
    options += ["--dest", "house"]
    (project / "r.txt").write_text(f"lone==1.0 --hash=sha256:{digest}\n")
    damage(wheel)
    run = wheeltarget("download", *options, "-r", "r.txt", cwd=project)
    assert run.exit_code == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in run.stderr
    run = wheeltarget("download", *options, "--format", "json", "lone", cwd=project)
    assert run.exit_code == 0, run.stderr
    (file,) = json.loads(run.stdout)["targets"][0]["files"]
    assert file["hashes"] == {"sha256": hash_file(wheel).sha256}
    assert file["hashes"] != {"sha256": digest}


@pytest.mark.parametrize("ahead", ["0", "1"])
def test_an_index_without_hashes_fills_pips_cache_instead(
    project: Path, tmp_path: Path, ahead: str
) -> None:
    with LocalIndex(tmp_path / "index", hashes=False) as index:
        index.file_headers = FOREVER
        for _ in range(2):
            done = fetch(index, project, "low", WHEELTARGET_AHEAD=ahead)
            assert done.exit_code == 0, done.stderr
            (project / "house" / "low-1.0-py3-none-any.whl").unlink()
        assert index.count(".whl") == 1
    assert stored() == []


def test_another_file_in_the_destination_does_not_get_into_the_store(
    project: Path, index: LocalIndex, tmp_path: Path
) -> None:
    """Pip keeps a file with the right name there if no hash is required."""
    make_wheel(tmp_path / "other", "low", requires=["base"])
    make_wheel(tmp_path / "index", "base")
    (project / "house").mkdir()
    other = tmp_path / "other" / "low-1.0-py3-none-any.whl"
    (project / "house" / other.name).write_bytes(other.read_bytes())
    assert fetch(index, project, "low").exit_code == 0
    assert [Store(path.parent.parent).find(path.parent.name + path.name) for path in stored()] != []
    assert other.read_bytes() not in [path.read_bytes() for path in stored()]


# Without the store


@pytest.mark.seams
def test_file_in_the_destination_is_linked(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    there = make_wheel(shop.destination, "lib")
    run = shop.run(Job(online(index, "app")), Job(online(index, "app"), WINDOWS))
    for number in range(2):
        found = shop.files(number) / "lib-1.0-py3-none-any.whl"
        assert found.samefile(there)
    assert wheels_fetched(index) == ["app-1.0-py3-none-any.whl"]
    assert f"File was already downloaded {there}" in run.stdout
    assert names(shop.destination) == ["lib-1.0-py3-none-any.whl"]


@pytest.mark.seams
def test_other_content_in_the_destination_is_fetched_anew(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    right = make_wheel(shelf, "app")
    there = make_wheel(shop.destination, "app", files={"other.py": b""})
    wrong = there.read_bytes()
    run = shop.run(Job(online(index, "app")), Job(online(index, "app"), WINDOWS))
    # It is said, and fetched, once.
    assert run.stderr.count(f"Previously-downloaded file {there} has bad hash") == 1
    assert wheels_fetched(index) == [there.name]
    for number in range(2):
        assert (shop.files(number) / there.name).read_bytes() == right.read_bytes()
        assert run.names(number) == [there.name]
    assert there.read_bytes() == wrong


@pytest.mark.seams
def test_link_in_the_destination_is_followed(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    right = make_wheel(shelf, "app")
    store = make_wheel(tmp_path / "store", "app")
    shop.destination.mkdir()
    (shop.destination / right.name).symlink_to(store)
    shop.run(Job(online(index, "app")))
    found = shop.files(0) / right.name
    assert not found.is_symlink()
    assert found.read_bytes() == right.read_bytes()
    assert wheels_fetched(index) == []
