"""How the parent handles a child that does not work as it should, and checks what pip chose."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from wheeltarget.errors import (
    COMMAND_LINE,
    ClosureError,
    DownloadError,
    InputError,
    InterruptedRunError,
    Location,
    PipMovedError,
)
from wheeltarget.pip_protocol import (
    FAILURE,
    PROGRESS,
    RESULT,
    TURN,
    ChosenFile,
    Contents,
    FetchLocked,
    JobReport,
    Pairs,
    PipMoved,
    ResolveJobs,
    read_message,
    to_json,
    write_message,
)
from wheeltarget.requirements.annotations import parse_argument
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import (
    JobResult,
    check_result,
    compare_with_locks,
    refuse_changed,
    roots,
)
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.folders import Turn
from wheeltarget.staging.stage import open_stage
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.utils.files import Hashes
from wheeltarget.utils.progress import Progress, watching

JOB = Job(None, ("app",), (("a.txt", "app"),), ())
OTHER_SCHEMA = to_json(JobReport(0, "all")).replace('"schema": ', '"schema": 1')
CONTENT = b"content"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324 - an index may have nothing else


def chosen(path: Path, *hashes: tuple[str, str], accepts: Pairs = ()) -> ChosenFile:
    file = ChosenFile("lib", "1.0", path, "", True, (), (None,), None)
    return replace(file, hashes=hashes, accepts=accepts)


def job_result(*files: ChosenFile, lines: tuple[str, ...] = (), **fields: object) -> JobResult:
    typed = (parse_typed(n, text) for n, text in enumerate(lines, 1))
    parsed = tuple(line for line in typed if isinstance(line, SourceLine))
    made = JobResult(Job(None, (), (), parsed), 0, "all", files, Path())
    return replace(made, **fields)  # type: ignore[arg-type]


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


def test_bars_are_off_beside_a_line_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.isatty", lambda _number: True)
    for name in ("PIP_PROGRESS_BAR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert list(pip_runner._output_options(captured=False)) == []
    with watching(lambda _progress: None):
        assert list(pip_runner._output_options(captured=False)) == ["--progress-bar=off"]


@pytest.mark.parametrize("is_locked", [False, True])
def test_progress_of_processes_is_reported_unless_one_has_the_terminal(
    tmp_path: Path, *, is_locked: bool
) -> None:
    files = [tmp_path / name / "job.json" for name in "ab"]
    for number, file in enumerate(files):
        file.parent.mkdir()
        progress = Progress("Fetching", "files", number, 3, 10, 30)
        write_message(file.with_name(PROGRESS), progress)
    turn = Turn(files[0].with_name(TURN))
    if is_locked:
        turn.take()
    seen: list[Progress | None] = []
    children = [
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"])
        for _ in files
    ]
    with watching(seen.append):
        pip_runner._watch(children, files)
    turn.close()
    assert [child.returncode for child in children] == [0, 0]
    assert set(seen) == (set() if is_locked else {Progress("Fetching", "files", 1, 6, 20, 60)})


def test_unreadable_progress_is_passed_over(tmp_path: Path) -> None:
    """The disk may have been full, or the process killed."""
    for name, text in (("a", "{"), ("b", ""), ("c", None)):
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / PROGRESS).write_text(text)
    files = [tmp_path / name / "job.json" for name in "abc"]
    assert list(pip_runner._read_progress(files)) == []


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lib-1.0-py3-none-any.whl"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("hashes", "accepts", "accepted"),
    [
        ((), (), True),
        ((("sha256", SHA256.upper()),), (), True),
        ((("sha256", "00"),), (), False),
        ((("sha256", "00"),), (("sha256", SHA256),), True),
        ((("md5", MD5),), (), True),
        ((("md5", "00"),), (), False),
        ((("unheard-of", "00"),), (), False),
        ((("unheard-of", ""),), (), False),
        ((("sha256", "00"), ("md5", MD5)), (), True),
    ],
)
def test_file_with_another_content_is_refused(
    file: Path,
    hashes: Pairs,
    accepts: Pairs,
    *,
    accepted: bool,
) -> None:
    results = [job_result(chosen(file, *hashes, accepts=accepts))]
    if accepted:
        refuse_changed(results, Hashes())
        return
    with pytest.raises(DownloadError, match=r"the content of lib-1\.0-.* does not match its hash"):
        refuse_changed(results, Hashes())


@pytest.mark.parametrize(
    ("hashes", "message"),
    [
        ({f"sha256:{SHA256}"}, ""),
        ({"sha256:00", f"md5:{MD5}"}, ""),
        (set(), ""),
        ({"sha256:00"}, f"for box has sha256:{SHA256}, which is not in the lock for lib 1.0"),
        ({"shake_128:00"}, "the index has no hash of lib-1.0-py3-none-any.whl to compare"),
        ({"unheard-of:00"}, "the index has no hash of lib-1.0-py3-none-any.whl to compare"),
    ],
)
def test_hashes_of_a_foreign_lock_are_compared(file: Path, hashes: set[str], message: str) -> None:
    lock = LockedVersion("lib", "1.0", "", frozenset(hashes), Location("poetry.lock", 3))
    other = replace(lock, version="2.0", hashes=frozenset({"sha256:00"}))
    if not message:
        compare_with_locks([job_result(chosen(file))], ["box"], [lock, other])
        return
    with pytest.raises(InputError) as raised:
        compare_with_locks([job_result(chosen(file))], ["box"], [lock, other])
    (fault,) = raised.value.faults
    assert message in fault.message
    assert fault.location == lock.location


def test_hash_of_the_index_counts_if_the_file_was_not_fetched(tmp_path: Path) -> None:
    lock = LockedVersion("lib", "1.0", "", frozenset({"sha256:aa"}), Location("poetry.lock", 3))
    missing = tmp_path / "lib-1.0-py3-none-any.whl"
    compare_with_locks([job_result(chosen(missing, ("sha256", "aa")))], ["box"], [lock])
    with pytest.raises(InputError, match="which is not in the lock"):
        compare_with_locks([job_result(chosen(missing, ("sha256", "bb")))], ["box"], [lock])


def test_roots_are_the_lines_and_what_pip_was_asked_for(file: Path) -> None:
    asked = replace(chosen(file), extras=("a", "b"))
    needed = replace(chosen(file), name="needed", requested=False)
    lines = ("lib[a]>1", "./path", "git+https://x.invalid/y")
    found = roots(job_result(asked, needed, lines=lines))
    assert list(map(str, found)) == ["lib[a]>1", "lib[a,b]"]
    assert roots(job_result(asked, lines=lines, dependencies="none")) == []


LINUX = "cp39-cp39-manylinux2014_x86_64"
TARGET = target_from_tag(LINUX, newest_pythons())


class TestRoots:
    """From where the walk begins, for what pip says that it chose."""

    def check(
        self,
        folder: Path,
        requirement: str,
        *,
        dependencies: str = "all",
        extras: tuple[str, ...] = (),
        of: Target | None,
    ) -> None:
        """Check a download of ``app``, which needs ``lib``, and for its extra ``more``."""
        wheel = make_wheel(folder, "app", requires=["lib", "more; extra == 'x'"], extras=["x"])
        lib = make_wheel(folder, "lib")
        line = SourceLine(COMMAND_LINE, 1, parse_argument(requirement), ())
        chosen = [
            ChosenFile("app", "1.0", wheel, "", True, extras, (None,), None),
            ChosenFile("lib", "1.0", lib, "", False, (), ("app",), None),
        ]
        job = Job(of, (), (), (line,))
        check_result(JobResult(job, 0, dependencies, tuple(chosen), folder), dry_run=False)

    @pytest.mark.parametrize(
        ("requirement", "extras", "missing"),
        [
            ("app", (), ""),
            ("app[x]", (), "app 1.0 needs more, which is missing"),
            ("./app-1.0-py3-none-any.whl", (), ""),
            ("./app-1.0-py3-none-any.whl[x]", ("x",), "app 1.0 needs more, which is missing"),
            ("app==2", (), "you asked for app==2, but only 1.0 is available"),
            ("other ; sys_platform == 'win32'", (), ""),
            ("other ; sys_platform == 'linux'", (), "you asked for other, which is missing"),
        ],
    )
    def test_asked_for(
        self, tmp_path: Path, requirement: str, extras: tuple[str, ...], missing: str
    ) -> None:
        if not missing:
            self.check(tmp_path, requirement, extras=extras, of=TARGET)
            return
        with pytest.raises(ClosureError) as raised:
            self.check(tmp_path, requirement, extras=extras, of=TARGET)
        assert raised.value.message == f"what was fetched for {LINUX} is not complete: {missing}"

    def test_not_asked_for(self, tmp_path: Path) -> None:
        """Where dependencies are left out on purpose, and where pip works for its own machine."""
        self.check(tmp_path, "app[x]", dependencies="none", of=TARGET)
        self.check(tmp_path, "app[x]", dependencies="only", of=TARGET)
        self.check(tmp_path, "app[x]", of=None)
