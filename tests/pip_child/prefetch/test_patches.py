"""Patches for prefetching, which can be undone."""

from __future__ import annotations

import lzma
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pip._internal.cli.index_command import SessionCommandMixin
from pip._internal.index import collector, package_finder
from pip._internal.models.link import Link
from pip._internal.network.download import Downloader
from pip._internal.operations import prepare
from pip._internal.operations.prepare import RequirementPreparer
from pip._internal.resolution.resolvelib import candidates
from pip._internal.resolution.resolvelib.provider import PipProvider
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.hashes import Hashes

from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.prefetch.patches import (
    SEAMS,
    patch_files,
    patch_metadata,
    prove_metadata,
)
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.ranges import Ranges
from wheeltarget.pip_protocol import ResolveJobs

pytestmark = pytest.mark.seams

PLACES: tuple[tuple[Any, str], ...] = (
    (SessionCommandMixin, "_build_session"),
    (collector, "_get_simple_response"),
    (collector, "_make_index_content"),
    (collector, "parse_links"),
    (package_finder, "parse_links"),
    (package_finder.PackageFinder, "process_project_url"),
    (package_finder.PackageFinder, "find_best_candidate"),
    (PipProvider, "find_matches"),
    (RequirementPreparer, "prepare_linked_requirement"),
    (Downloader, "__call__"),
    (Hashes, "check_against_path"),
    (Resolver, "resolve"),
    (RequirementPreparer, "_fetch_metadata_using_link_data_attr"),
    (RequirementPreparer, "_prepare_linked_requirement"),
    (prepare, "get_metadata_distribution"),
    (candidates._InstallRequirementBackedCandidate, "iter_dependencies"),
)


def replaced() -> list[Any]:
    return [getattr(owner, name) for owner, name in PLACES]


def test_every_patch_can_be_undone(tmp_path: Path) -> None:
    before = replaced()
    current = CurrentJob(RunContext())
    ahead = Prefetcher(current, ResolveJobs((), True, 1), tmp_path)
    with ExitStack() as undo:
        for _, patch, _ in SEAMS:
            patch(ahead, undo)
        assert not [name for now, name in zip(replaced(), before, strict=True) if now is name]
        assert current.place_wheel is not None
    assert replaced() == before
    assert current.place_wheel is None


def test_metadata_of_parts_is_proved_together_with_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the comparison with the whole wheel, pip must not take what was read of a part."""
    ahead = Prefetcher(CurrentJob(RunContext()), ResolveJobs((), True, 1), tmp_path)
    with ExitStack() as undo:
        patch_files(ahead, undo)
        patch_metadata(ahead, undo)
        assert prove_metadata(ahead)
        monkeypatch.setattr(Ranges, "check", lambda *_: None)
        assert not prove_metadata(ahead)


def test_archive_that_fails_in_an_unexpected_way_is_left_to_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member may be compressed in any way; what its library raises is not for the resolver."""

    def read(*_: object) -> bytes:
        raise lzma.LZMAError("corrupt input data")

    ahead = Prefetcher(CurrentJob(RunContext()), ResolveJobs((), True, 1), tmp_path)
    monkeypatch.setattr(ahead.ranges, "read", read)
    monkeypatch.setattr(ahead.pool, "submit", lambda _task: None)
    monkeypatch.setattr(ahead.pool, "withdraw", lambda _task: True)
    page = "https://index.example/simple/a/"
    assert not ahead.read_parts(Link(f"{page}a-1-py3-none-any.whl#sha256=00", comes_from=page))
