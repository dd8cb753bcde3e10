"""What another machine has already; ``test_pack`` has the whole way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packing import BOTH, Packer
from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.commands.pack.since import Difference, Earlier, find_difference, read_earlier
from wheeltarget.errors import PackError, UsageError

pytestmark = pytest.mark.thorough

OLD, NEW = "0" * 64, "1" * 64


def earlier(*names: Path) -> Earlier:
    return read_earlier(tuple(map(str, names)), (), (), read_invocation((), {}))


def test_only_wheels_are_kept() -> None:
    files = [
        BundledFile(name, Path(), "", 1, sha256)
        for name, sha256 in (("wheels/a", OLD), ("wheels/b", NEW), ("locks/a", OLD))
    ]
    there = {"wheels/a": OLD, "wheels/b": OLD, "locks/a": OLD}
    found = find_difference(files, Earlier({**there, "wheels/c": OLD}, {"x": OLD, "wheels/b": OLD}))
    assert found == Difference({"wheels/a": OLD}, {"wheels/c": OLD, "x": OLD})


def test_folder_and_archive_name_the_same(run: Packer) -> None:
    folder, archive = run.make(), run.make(output="mypack.zip")
    assert earlier(folder) == earlier(archive)
    assert earlier(folder, archive) == earlier(folder)


def test_two_packs_that_contradict(run: Packer) -> None:
    for name, sha256 in (("a", OLD), ("b", NEW)):
        (run.here / name).mkdir()
        (run.here / name / "manifest.sha256").write_text(f"{sha256}  wheels/x\n")
    assert earlier(run.here / "a", run.here / "b").files == {"wheels/x": ""}


def test_refused(run: Packer) -> None:
    (run.here / "bad").mkdir()
    with pytest.raises(UsageError, match="is not a pack"):
        earlier(run.here / "bad")
    (run.here / "bad" / "manifest.sha256").write_text("x\n")
    with pytest.raises(PackError, match="line 1 is not a sha256") as caught:
        earlier(run.here / "bad")
    assert caught.value.hint == f"check it first: wheeltarget pack verify {run.here / 'bad'}"
    assert "does not exist" in run.refuse("app", *BOTH, "--since", "gone")
    run.make()
    assert "would be replaced by what is new" in run.refuse("app", *BOTH, "--since", "./mypack")
