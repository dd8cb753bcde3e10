"""Fetching locked files with pip's session: threads, messages, and values of --find-links."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.network.transfer import (
    BrokenError,
    StatusError,
    UnreachableError,
    WrongSizeError,
)
from wheeltarget.pip_child.fetch_locked import (
    _Answer,
    _failure,
    _local_path,
    _reason,
    run_threads,
)
from wheeltarget.utils.files import FileToFetch


def order(name: str) -> FileToFetch:
    return FileToFetch(f"https://example.invalid/{name}", name, "app", "00", None, f"stage/{name}")


@given(count=st.integers(1, 5), numbers=st.sets(st.integers(0, 99), max_size=20))
def test_each_file_is_fetched_once(count: int, numbers: set[int]) -> None:
    orders = [order(str(number)) for number in numbers]
    done: list[FileToFetch] = []
    run_threads(orders.copy(), done.append, count)
    assert sorted(done, key=str) == sorted(orders, key=str)


def test_error_in_a_thread_ends_all() -> None:
    done: list[str] = []

    def fetch(order: FileToFetch) -> None:
        if order.filename == "2":
            raise KeyError(order.filename)
        done.append(order.filename)

    with pytest.raises(KeyError):
        run_threads([order(str(number)) for number in range(5)], fetch, 1)
    assert done == ["0", "1"]


def test_message_of_pip_has_no_markup_and_no_url() -> None:
    error = ValueError("[bold]400[/] while fetching https://a.invalid/b: Bad\nRequest")
    assert _reason(error) == "400: Bad Request"
    diagnostic = SimpleNamespace(message="no connection", context="[red]a.invalid[/red]")
    assert _reason(diagnostic) == "no connection: a.invalid"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (StatusError(404, "Not Found"), "status", 404),
        (WrongSizeError(1, 2), "content", 0),
        (UnreachableError("no route"), "connection", 0),
    ],
)
def test_failure_has_a_kind(error: Exception, kind: str, code: int) -> None:
    failure = _failure(order("a"), error)
    assert (failure.path, failure.kind, failure.code) == ("stage/a", kind, code)
    assert failure.text == str(error)


def test_find_links_may_be_a_path_or_a_url(tmp_path: Path) -> None:
    assert _local_path(str(tmp_path)) == tmp_path
    assert _local_path(tmp_path.as_uri()) == tmp_path
    assert _local_path("missing") == Path("missing")
    assert _local_path("https://example.invalid/links.html") is None
    assert _local_path("file://host.invalid/a") is None


@pytest.mark.parametrize(
    "error", [ValueError("read length must be non-negative"), OSError("reset")], ids=["chunk", "os"]
)
def test_answer_that_cannot_be_read(error: Exception) -> None:
    """http.client raises a ValueError for a chunk of a negative length."""

    def read(_size: int, **_named: object) -> bytes:
        raise error

    response = SimpleNamespace(
        raw=SimpleNamespace(read=read), status_code=200, reason="", headers={}
    )
    with pytest.raises(BrokenError, match=str(error)):
        _Answer(response).read(10)


@pytest.mark.parametrize("length", ["-5", "9" * 5000])
def test_length_that_no_file_has(length: str) -> None:
    response = SimpleNamespace(status_code=200, reason="", headers={"Content-Length": length})
    assert _Answer(response).length is None
