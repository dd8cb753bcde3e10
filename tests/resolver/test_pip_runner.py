"""How the parent handles a child that does not work as it should."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from wheeltarget.errors import DownloadError, InterruptedRunError, PipMovedError
from wheeltarget.pip_protocol import (
    FAILURE,
    RESULT,
    ChosenFile,
    Contents,
    FetchLocked,
    JobReport,
    PipMoved,
    ResolveJobs,
    read_message,
    to_json,
    write_message,
)
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.stage import open_stage

JOB = Job(None, ("app",), (("a.txt", "app"),), ())
OTHER_SCHEMA = to_json(JobReport(0, "all")).replace('"schema": ', '"schema": 1')


def run(
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    exit_code: int = 0,
    result: str = "",
    failure: str = "",
) -> tuple[JobResult, ...]:
    """Run a job with a child that writes some files."""

    def run_all(files: Sequence[Path], *_: object, **_named: object) -> list[int]:
        (job_file,) = files
        (order,) = read_message(job_file, ResolveJobs).jobs
        if result:
            order.result.write_text(result)
        if failure:
            job_file.with_name(FAILURE).write_text(failure)
        return [exit_code]

    patch.setattr(pip_runner, "run_all", run_all)
    with open_stage(folder / "house", dry_run=True) as stage:
        return pip_runner.run_jobs([JOB], ["here"], stage, pip_runner.RunOptions(("",)))


def test_result_is_that_of_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ChosenFile("app", "1", tmp_path / "app", "", True, (), (None,), None)
    report = JobReport(1, "none", (file,), None, ("no",), 5.0)
    (result,) = run(tmp_path, monkeypatch, result=to_json(report))
    assert (result.job, result.exit_code, result.dependencies) == (JOB, 1, "none")
    assert (result.chosen, result.failure, result.messages) == ((file,), None, ("no",))
    assert result.fresh_until == 5.0


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        ({"exit_code": 70, "failure": to_json(PipMoved("It moved."))}, "It moved."),
        ({"exit_code": 70, "failure": "{"}, "seem to be different versions"),
        ({"result": OTHER_SCHEMA}, "the schema is not"),
        ({"result": to_json(Contents({}, {}))}, "kind 'Contents'"),
    ],
    ids=["moved", "failure", "schema", "kind"],
)
def test_child_that_is_not_understood_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: dict[str, str], sentence: str
) -> None:
    with pytest.raises(PipMovedError, match=sentence):
        run(tmp_path, monkeypatch, **left)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exit_code", "how"),
    [(70, "exit code 70"), (1, "exit code 1"), (-9, "signal 9"), (0, "without a result")],
)
def test_child_that_leaves_nothing_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int, how: str
) -> None:
    with pytest.raises(DownloadError, match=how):
        run(tmp_path, monkeypatch, exit_code=exit_code)


def test_processes_end_with_an_error_and_the_guard_is_told() -> None:
    lines: list[str] = []
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    def be_interrupted() -> None:
        with pip_runner._processes(lines.append) as children:
            children.append(sleeper)
            raise InterruptedRunError(2)

    with pytest.raises(InterruptedRunError):
        be_interrupted()
    assert sleeper.returncode == -15
    assert lines == [f"ended {sleeper.pid}"]


@pytest.mark.parametrize(
    ("captured", "variables", "expected"),
    [
        (False, {}, ["--progress-bar=off"]),
        (False, {"PIP_PROGRESS_BAR": "raw", "NO_COLOR": "1"}, ["--no-color"]),
        (True, {"PIP_PROGRESS_BAR": "raw"}, ["--no-input", "--progress-bar=off"]),
    ],
)
def test_options_for_output(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    expected: list[str],
    *,
    captured: bool,
) -> None:
    for name in ("PIP_PROGRESS_BAR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.isatty", lambda _number: False)
    assert list(pip_runner._output_options(captured=captured)) == expected


def test_files_of_a_lock_are_asked_for_in_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = FetchLocked((), ("-q",), 3, 5, None, elsewhere=True, unreachable=frozenset({"a"}))

    def run_all(files: Sequence[Path], *_: object, **_named: object) -> list[int]:
        assert [read_message(file, FetchLocked) for file in files] == [request]
        write_message(files[0].with_name(RESULT), Contents({}, {}))
        return [0]

    monkeypatch.setattr(pip_runner, "run_all", run_all)
    with open_stage(tmp_path / "house") as stage, pytest.raises(PipMovedError, match="Contents"):
        pip_runner.fetch_locked(request, stage)
