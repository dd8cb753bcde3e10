"""A process for pip that is started before its job is known: its job, its end, and when it is."""

from __future__ import annotations

import io
import os
import signal
import time
from pathlib import Path

import pytest

from wheeltarget.errors import InterruptedRunError
from wheeltarget.pip_protocol import JobStart, to_json
from wheeltarget.resolver import prestart

JOB = to_json(JobStart(Path("job.json"), "", None))
posix = pytest.mark.skipif(os.name != "posix", reason="processes are started early on POSIX only")


@posix
@pytest.mark.parametrize("delay", [0, 0.1])
def test_an_interrupted_process_says_nothing(
    delay: float, capfd: pytest.CaptureFixture[str]
) -> None:
    prestart.begin()
    child = prestart.take()
    assert child is not None
    time.sleep(delay)
    os.kill(child.pid, signal.SIGINT)
    assert child.wait() == 130
    assert capfd.readouterr() == ("", "")
    child.kill()  # and whoever ends it once more does no harm
    assert child.wait(1) == 130


@posix
def test_waiting_can_come_to_an_end_before_the_process() -> None:
    prestart.begin()
    prestart.begin()  # there is one already
    child = prestart.take()
    assert child is not None
    assert prestart.take() is None
    with pytest.raises(TimeoutError):
        child.wait(0.05)
    child.terminate()
    assert child.wait(30) == -signal.SIGTERM
    prestart.dismiss()


@posix
def test_a_process_that_is_told_half_of_its_job_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class HalfWritten(io.TextIOWrapper):
        def write(self, text: str) -> int:
            super().write(text[: len(text) // 2])
            raise InterruptedRunError(signal.SIGTERM)

    def fdopen(pipe: int, *_mode: object, **_named: object) -> HalfWritten:
        return HalfWritten(open(pipe, "wb"))

    monkeypatch.setattr(os, "fdopen", fdopen)
    prestart.begin()
    child = prestart.take()
    assert child is not None
    with pytest.raises(InterruptedRunError):
        child.order(JOB)
    assert child.wait() == -signal.SIGKILL
    assert capfd.readouterr() == ("", "")


@posix
def test_a_process_that_does_not_understand_its_job_says_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    prestart.begin()
    child = prestart.take()
    assert child is not None
    assert child.order('{"schema": 0}')
    assert child.wait() == 70
    said = capfd.readouterr().err
    assert said.startswith("ERROR: wheeltarget and the process in which it runs pip seem to be")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "begun"),
    [
        ([], False),
        (["lib"], False),
        (["tagsoup", "--dest=target"], False),
        (["-r", "plain.txt", "-c"], False),
        (["-r", "missing.txt"], False),
        (["-r", "pipe"], False),
        (["-r", "."], False),
        (["--tags=x"], True),
        (["--target", "x"], True),
        (["lib ; tags = x"], True),
        (["lib # target=x"], True),
        (["-r", "annotated.txt"], True),
        (["-cannotated.txt"], True),
        (["--constraint=annotated.txt"], True),
        (["lib \udcff ; tags=x"], True),
    ],
    ids=str,
)
def test_what_seems_to_name_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], begun: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").write_text("lib # on target\n")
    Path("annotated.txt").write_text("lib # tags  = x\n")
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")  # nobody writes to it, so opening it would take forever
    calls: list[bool] = []
    monkeypatch.setattr(prestart, "begin", lambda: calls.append(True))
    contents = prestart.begin_for(arguments)
    assert calls == [True] * begun
    assert all(Path(name).read_bytes() == content for name, content in contents.items())
    assert len(contents) == any("annotated" in word or "plain" in word for word in arguments)


def test_process_that_works_on_targets_gives_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user says of it himself stands, and pip as it is gets nothing of it."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    variables = prestart.child_environment(TMPDIR="x")
    assert (variables["MALLOC_ARENA_MAX"], variables["TMPDIR"]) == ("7", "x")
    assert int(variables["MALLOC_TRIM_THRESHOLD_"]) > 0
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
