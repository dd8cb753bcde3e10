"""explain, download, lock and check agree on every folder and index."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget import api

TARGETS = ("cp38-cp38-manylinux2014_x86_64", "cp312-cp312-manylinux_2_28_x86_64")
PROJECTS = ("one", "two", "three", "four")


@dataclass(frozen=True)
class Release:
    """A wheel of a project."""

    version: str
    tag: str
    requires_python: str | None
    build: str | None
    is_yanked: bool


RELEASES = st.builds(
    Release,
    st.sampled_from(["1.0", "1.1", "2.0", "2.1.post1", "3.0rc1", "3.0.dev2"]),
    st.sampled_from(
        [
            *("py3-none-any", "py3-none-any", "cp38-abi3-manylinux1_x86_64"),
            *("cp312-cp312-manylinux_2_17_x86_64", "cp38-cp38-win_amd64"),
        ]
    ),
    st.sampled_from([None, None, ">=3.9", "<3.9", ">=3.20"]),
    st.sampled_from([None, None, None, "1", "2"]),
    st.sampled_from([False, False, False, True]),
)
REQUIREMENTS = st.sampled_from(["", "", "", ">=1.1", "<2", "==2.0", "!=2.0", ">=3.0rc1", "~=1.0"])


def fill(folder: Path, index: LocalIndex | None, data: st.DataObject) -> list[str]:
    """Make releases of every project, and return requirements of all of them."""
    shutil.rmtree(folder, ignore_errors=True)
    requirements = []
    for name in PROJECTS:
        for each in data.draw(st.lists(RELEASES, min_size=1, max_size=5)):
            wheel = make_wheel(
                folder,
                name,
                each.version,
                tag=each.tag,
                requires_python=each.requires_python,
                build=each.build,
            )
            if each.is_yanked and index is not None:
                index.yank(wheel.name)
        requirements.append(name + data.draw(REQUIREMENTS))
    return requirements


def agree(requirements: list[str], options: list[str], tag: str, home: Path) -> None:
    """Hold what explain says against what the others do."""
    options = [*options, "--no-cache-dir", "--retries=0"]
    explained = api.explain(api.ExplainRequest((*options, *requirements), tags=(tag,)))
    taken = {row.requirement: row.answers[0].taken for row in explained.rows}
    assert taken.keys() == set(requirements)
    fitting = [each for each in requirements if taken[each]]
    said = sorted(file.filename for file in taken.values() if file)
    house, locks = home / "house", home / "locks"
    for folder in (house, locks):
        shutil.rmtree(folder, ignore_errors=True)
    if fitting:
        got = api.download(
            api.DownloadRequest((*options, f"--dest={house}", *fitting), tags=(tag,))
        )
        assert isinstance(got, api.DownloadOutcome)
        assert sorted(path.name for path in got.files) == said
        api.lock(api.LockRequest((*options, *fitting), tags=(tag,), folder=locks))
        (lock,) = locks.iterdir()
        locked = lock.read_text("utf-8")
        assert [name for name in said if f'name = "{name}"' not in locked] == []
        asked = home / "asked.txt"
        asked.write_text("".join(f"{each}\n" for each in fitting))
        places = (str(house),)
        for request in (
            api.CheckRequest(places, requirements=(str(asked),), tags=(tag,)),
            api.CheckRequest(places, requirements=(str(lock),)),
        ):
            assert api.check(request).findings == ()
    for each in requirements:
        if not taken[each]:
            with pytest.raises(api.WheeltargetError):
                api.download(api.DownloadRequest((*options, each), tags=(tag,), dry_run=True))
            break  # one is enough, since each takes a run of its own


@pytest.mark.thorough
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data(), tag=st.sampled_from(TARGETS))
def test_on_a_folder(tmp_path: Path, data: st.DataObject, tag: str) -> None:
    shelf = tmp_path / "shelf"
    requirements = fill(shelf, None, data)
    agree(requirements, ["--no-index", f"--find-links={shelf}"], tag, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("gives", [(True, True, True), (False, True, False), (False, False, False)])
@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(data=st.data(), tag=st.sampled_from(TARGETS))
def test_on_an_index(
    tmp_path: Path, gives: tuple[bool, bool, bool], data: st.DataObject, tag: str
) -> None:
    """An index that gives Requires-Python, metadata files and hashes, or not."""
    shelf = tmp_path / "shelf"
    shelf.mkdir(exist_ok=True)
    python, metadata, hashes = gives
    with LocalIndex(shelf, requires_python=python, metadata=metadata, hashes=hashes) as index:
        agree(fill(shelf, index, data), index.pip_args(), tag, tmp_path)
