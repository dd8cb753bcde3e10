"""A download becomes pip, or a process for pip is started; test_untargeted has many first looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheeltarget.cli import passthrough
from wheeltarget.cli.passthrough import begin_download

TAG = "cp39-cp39-win_amd64"


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Record what would be done, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    seen: list[object] = []

    def become_pip(arguments: object, front: object) -> int:
        seen.append(("pip", front, arguments))
        return 5

    monkeypatch.setattr(passthrough, "become_pip", become_pip)
    monkeypatch.setattr(passthrough, "begin", lambda: seen.append("begin"))
    return seen


def test_a_run_without_a_target_becomes_pip(done: list[object]) -> None:
    with pytest.raises(SystemExit) as ended:
        begin_download(("--isolated",), ("lib", "-d", "house"), {})
    assert ended.value.code == 5
    assert done == [("pip", ("--isolated",), ("lib", "-d", "house"))]


def test_a_run_with_a_target_starts_pips_process(done: list[object]) -> None:
    arguments = ("-r", "needed.txt")
    start = begin_download((), arguments, {"needed.txt": f"lib ; tags={TAG}\n".encode()})
    assert done == ["begin"]
    assert start.arguments == arguments
    assert start.invocation is not None
    assert start.files.read("needed.txt") == (f"lib ; tags={TAG}\n".encode(), True)


@pytest.mark.parametrize("arguments", [("--tags", TAG, "lib"), ("--bogus", "lib"), ("--help",)])
def test_options_that_are_not_pips_are_left_to_typer(
    done: list[object], arguments: tuple[str, ...]
) -> None:
    assert begin_download((), arguments, {}).invocation is None
    assert done == []


def test_a_lock_of_ours_needs_no_pip(done: list[object]) -> None:
    Path("pylock.toml").write_text("[tool.wheeltarget]\ntag = 'x'\n")
    start = begin_download((), ("-r", "pylock.toml"), {})
    assert start.invocation is not None
    assert start.invocation.has_locks
    assert done == []
