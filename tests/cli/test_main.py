"""Each command that writes files, while its standard output is closed or full."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.cli import command
from tests.support.cli import environment as of_this_checkout
from tests.support.index import LocalIndex
from tests.support.scenes import SCENES, content, environment

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full"),
]


@pytest.mark.parametrize("stream", [">&-", "> /dev/full"])
@pytest.mark.parametrize("name", SCENES)
def test_output_that_cannot_be_written(
    name: str, stream: str, tmp_path: Path, index: LocalIndex
) -> None:
    folder = tmp_path / "work"
    for each in ("temporary", "state"):
        (folder / each).mkdir(parents=True)
    scene = SCENES[name](folder, index)
    before = [content(folder / output) for output in scene.outputs]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {stream}', "-", *command(*scene.words)],
        cwd=folder,
        env=of_this_checkout(**environment(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    says = "error: cannot write to standard output: No space left on device" in done.stderr
    is_full = stream == "> /dev/full"
    assert is_full or not says
    # Some have nothing to say there.
    assert done.returncode == (1 if says else scene.exit_codes[0]), done.stderr
    after = [content(folder / output) for output in scene.outputs]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert not list((folder / "temporary").iterdir())
