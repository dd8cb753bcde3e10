"""The patches for prefetching, installed and proved together, or left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pip_child.prefetch.test_patches import replaced
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_child.prefetch import install
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_child.prefetch.patches import SEAMS
from wheeltarget.pip_protocol import ResolveJobs

pytestmark = pytest.mark.seams


def test_proof_that_fails_undoes_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the patches for targets, pip does not know the tags of the proof's wheels."""
    before = replaced()
    current = CurrentJob(RunContext())
    prefetching = Prefetching(current, ResolveJobs((), True, 4), tmp_path)
    prefetching.install(PROOF)
    assert replaced() == before
    assert not prefetching.is_installed
    prefetching.write_note()
    note = capsys.readouterr().err
    assert note.startswith("note: wheeltarget cannot fetch ahead with pip ")
    assert "(versions: UnsupportedWheel(" in note
    assert "; the files are the same, but the run takes longer\n" in note


@pytest.mark.parametrize(("is_wanted", "has_note"), [(True, True), (False, False)])
def test_newer_pip_that_has_moved_a_name_is_left_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_wanted: bool,
    has_note: bool,
) -> None:
    """What cannot even be imported is noted, unless nothing was to be prefetched."""
    before = replaced()
    monkeypatch.setattr(install, "_moved", "ImportError('collector')")
    request = ResolveJobs((), is_wanted, 4)
    prefetching = Prefetching(CurrentJob(RunContext()), request, tmp_path)
    prefetching.install(PROOF)
    prefetching.fetch_pages(None, "app")
    prefetching.write_note()
    prefetching.close()
    assert replaced() == before
    assert not prefetching.is_installed
    assert ("(ImportError('collector'))" in capsys.readouterr().err) is has_note


def test_patches_are_removed_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = replaced()
    seams = [(name, patch, None) for name, patch, _ in SEAMS]
    monkeypatch.setattr(install, "SEAMS", seams)
    prefetching = Prefetching(CurrentJob(RunContext()), ResolveJobs((), True, 4), tmp_path)
    prefetching.install(PROOF)
    states = [(prefetching.is_installed, replaced() == before)]
    prefetching.remove("in a trial")
    states.append((prefetching.is_installed, replaced() == before))
    assert states == [(True, False), (False, True)]
