"""The way of a run before its verb, and commands whose standard output is closed or full.

tests/commands/download/test_untargeted.py has many first looks.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.cli import command
from tests.support.cli import environment as of_this_checkout
from tests.support.index import LocalIndex
from tests.support.scenes import SCENES, content, environment
from wheeltarget.cli import main
from wheeltarget.resolver import prestart

TAG = "cp39-cp39-win_amd64"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Record what would be done, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    seen: list[object] = []

    def become_pip(arguments: object, front: object) -> int:
        seen.append(("pip", front, arguments))
        return 5

    monkeypatch.setattr(main, "become_pip", become_pip)
    monkeypatch.setattr(main, "begin", lambda: seen.append("begin"))
    monkeypatch.setattr(prestart, "begin", lambda: seen.append("begin early"))
    return seen


def test_a_run_without_a_target_becomes_pip(done: list[object]) -> None:
    with pytest.raises(SystemExit) as ended:
        main._begin_download(("--isolated",), ("lib", "-d", "house"))
    assert ended.value.code == 5
    assert done == [("pip", ("--isolated",), ("lib", "-d", "house"))]


def test_a_run_with_a_target_starts_pips_process(done: list[object]) -> None:
    content = f"lib ; tags={TAG}\n".encode()
    Path("needed.txt").write_bytes(content)
    start = main._begin_download((), ("-r", "needed.txt"))
    assert done == ["begin early", "begin"]
    assert start.arguments == ("-r", "needed.txt")
    assert start.invocation is not None
    Path("needed.txt").unlink()
    assert start.files.read("needed.txt") == (content, True)


@pytest.mark.parametrize("arguments", [("--tags", TAG, "lib"), ("--bogus", "lib"), ("--help",)])
def test_options_that_are_not_pips_are_left_to_typer(
    done: list[object], arguments: tuple[str, ...]
) -> None:
    assert main._begin_download((), arguments).invocation is None
    assert done == ["begin early"] * (arguments[0] == "--tags")


def test_a_lock_of_ours_needs_no_pip(done: list[object]) -> None:
    Path("pylock.toml").write_text("[tool.wheeltarget]\ntag = 'x'\n")
    start = main._begin_download((), ("-r", "pylock.toml"))
    assert start.invocation is not None
    assert start.invocation.has_locks
    assert done == []


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
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
        ["bash", "-c", f'"$@" {stream}', "-", *command(*scene.arguments)],
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
