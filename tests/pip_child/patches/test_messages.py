"""pip's messages name the destination."""

from __future__ import annotations

import io
import logging
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from pip._internal.distributions.sdist import SourceDistribution
from pip._internal.exceptions import DiagnosticPipError, PipError
from pip._internal.utils.logging import PipConsole, RichPipStreamHandler
from pip._vendor.requests import RequestException
from pip._vendor.urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)

from tests.support.child import (
    Job,
    Workshop,
    online,
)
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.messages import RESULT, _describe_wheel, _hold_lines, describe
from wheeltarget.pip_protocol import Failure, JobReport

pytestmark = pytest.mark.seams


@pytest.mark.parametrize(
    ("names_there", "requirement"),
    [
        pytest.param([], "app", id="fetched"),
        pytest.param(["lib"], "app", id="kept"),
        pytest.param([], "missing", id="missing"),
    ],
)
def test_messages_never_name_the_working_folder(
    shop: Workshop, index: LocalIndex, shelf: Path, names_there: list[str], requirement: str
) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    for name in names_there:
        make_wheel(shop.destination, name)
    arguments = online(index, "-vvv", f"--log={shop.destination.parent / 'log'}", requirement)
    run = shop.run(Job(arguments), Job(arguments, None))
    log = (shop.destination.parent / "log").read_text()
    assert run.stdout.count("Resolving for the target") == 2
    for text in (run.stdout, run.stderr, log):
        assert "working" not in text
        assert "Saved" not in text
        assert "Successfully downloaded" not in text


def test_error_that_pip_did_not_expect_does_not_name_the_working_folder(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    # Where pip looks for a file of an earlier run, it finds a folder.
    (shop.files(0) / wheel.name).mkdir(parents=True)
    run = shop.run(Job(online(index, "app")))
    assert run.results == (JobReport(1, "all"),)
    assert f"Is a directory: '{shop.destination / wheel.name}'" in run.stderr
    assert "working" not in run.stderr


def test_verbosity_is_that_of_pip(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "-q", "app")))
    assert (run.stdout, run.stderr) == ("", "")
    assert run.names(0) == ["app-1.0-py3-none-any.whl"]


class Held:
    """What is shown of the log records of a quiet job, by a handler of pip's."""

    def __init__(self, patch: pytest.MonkeyPatch, *, quiet: bool = True) -> None:
        patch.setattr(RichPipStreamHandler, "emit", RichPipStreamHandler.emit)
        patch.setattr(SourceDistribution, "prepare_distribution_metadata", None)
        patch.setattr("sys.stdout", stream := io.StringIO())
        self.now, self._stream = 0.0, stream
        patch.setattr("time.monotonic", lambda: self.now)
        self.current = CurrentJob(RunContext())
        self.current.begin(replace(self.current.job.order, quiet=quiet))
        _hold_lines(self.current)
        self._handler = RichPipStreamHandler(PipConsole(file=stream, soft_wrap=True))
        self._handler.setLevel(logging.INFO)

    def log(self, text: str, level: int = logging.INFO, name: str = "pip") -> list[str]:
        """Log a message and return the lines that are shown then."""
        before = len(self._stream.getvalue())
        self._handler.handle(logging.LogRecord(name, level, "", 0, text, (), None))
        return self._stream.getvalue()[before:].splitlines()


def test_quiet_job_shows_its_first_line_before_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    assert [held.log("Resolving"), held.log("Collecting"), held.log("Done", RESULT)] == [
        [],
        [],
        ["Done"],
    ]
    assert held.log("Careful", logging.WARNING) == ["Resolving", "Careful"]
    assert held.log("Careful", logging.WARNING) == ["Careful"]


def test_quiet_job_shows_every_line_before_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    held.log("Resolving")
    assert held.log("Careful", logging.WARNING) == ["Resolving", "Careful"]
    assert held.log("Collecting") == []
    assert held.log("Broken", logging.ERROR) == ["Collecting", "Broken"]
    assert held.log("Broken", logging.CRITICAL) == ["Broken"]


def test_quiet_job_shows_no_line_before_an_error_that_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = Held(monkeypatch)
    held.log("Resolving")
    held.log("Collecting")
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        assert held.log("Interrupted", logging.CRITICAL) == ["Resolving", "Interrupted"]
    held.current.job.failure = Failure((), ())
    assert held.log("No file", logging.CRITICAL) == ["No file"]


def test_job_that_is_not_quiet_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch, quiet=False)
    assert held.log("Resolving") == ["Resolving"]
    assert held.log("Broken", logging.ERROR) == ["Broken"]


def test_slow_build_is_seen_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    name = "pip._internal.cli.spinners"
    shown = []
    for held.now in (5.0, 19.0, 25.0, 30.0, 90.0):
        if held.log(f"at {held.now}", name=name):
            shown.append(held.now)
    assert shown == [25.0, 90.0]
    assert held.log("something else") == []


IN_TIME = "there was no answer in time"


def _after(error: Exception, first: Exception) -> Exception:
    """Return an error that was raised while another one was handled."""
    error.__context__ = first
    return error


_UNKNOWN = _after(NewConnectionError(None, "Failed: [Errno -2] …"), OSError(-2, "Name not known"))
_NAMED_ONLY = _after(
    DiagnosticPipError(reference="ssl-failed", message="x", context=None, hint_stmt=None),
    RequestException(OSError(1, "certificate verify failed")),
)


@pytest.mark.parametrize(
    ("reason", "described"),
    [
        ("it is not an index page", "it is not an index page"),
        (ValueError("no"), "ValueError: no"),
        (PipError("no such file"), "no such file"),
        (OSError(2, "Not found", "a.txt"), "Not found: 'a.txt'"),
        (PipError(HTTPError(OSError(111, "Refused"))), "Refused"),
        (PipError(MaxRetryError(None, "/", _UNKNOWN)), "Name not known"),
        (PipError(MaxRetryError(None, "/", ReadTimeoutError(None, "/", "s"))), IN_TIME),
        (TimeoutError("timed out"), IN_TIME),
        (_NAMED_ONLY, "certificate verify failed"),
    ],
)
def test_innermost_reason_is_described(reason: object, described: str) -> None:
    assert describe(reason) == described


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"", " is empty"),
        (b"  <!DOCTYPE html>", " is a web page, not a wheel: does the index require a login?"),
        (b"PK", " is not a valid wheel: it cannot be unpacked"),
        (None, " cannot be read: No such file or directory"),
    ],
)
def test_broken_wheel_is_described(tmp_path: Path, content: bytes | None, ending: str) -> None:
    """Only a file that pip has downloaded is named without its folder."""
    for folder, named in (("pip-x", "a.whl"), ("shelf", tmp_path / "shelf" / "a.whl")):
        wheel = tmp_path / folder / "a.whl"
        wheel.parent.mkdir()
        if content is not None:
            wheel.write_bytes(content)
        assert _describe_wheel(wheel) == f"{named}{ending}"
