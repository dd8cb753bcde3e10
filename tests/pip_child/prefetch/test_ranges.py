"""METADATA is read through range requests; the whole wheel is fetched if anything is wrong."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.exceptions import NetworkConnectionError, PipError
from pip._internal.models.link import Link
from pip._vendor.requests import ConnectionError as RequestsConnectionError
from pip._vendor.urllib3.exceptions import ProtocolError

from tests.support.wheels import make_wheel, metadata_of
from wheeltarget.cache.metadata_store import MetadataStore
from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import HashMismatchError
from wheeltarget.pip_child.job import RunContext
from wheeltarget.pip_child.prefetch.parts import TAIL
from wheeltarget.pip_child.prefetch.pool import LeftToPip, Pool
from wheeltarget.pip_child.prefetch.ranges import OtherMetadataError, Ranges
from wheeltarget.pip_child.prefetch.session import SharedSession
from wheeltarget.pip_child.prefetch.wheels import Wheels
from wheeltarget.pip_child.progress import Transfers

pytestmark = pytest.mark.seams

HOST = "https://index.example"
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a server; a body of exceptions breaks the connection there."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    urls: tuple[str, ...] = (HOST,)  # of the redirects, and the last one

    def response(self) -> Any:
        headers = {"Content-Length": str(len(self.body)), **self.headers}

        def stream(_size: int, *, decode_content: bool) -> Iterator[bytes]:
            assert not decode_content
            yield self.body[: len(self.body) // 2]
            if self.breaks:
                raise ProtocolError("the connection broke")
            yield self.body[len(self.body) // 2 :]

        return SimpleNamespace(
            status_code=self.status,
            reason="",
            url=self.urls[-1],
            history=[SimpleNamespace(url=url) for url in self.urls[:-1]],
            headers=headers,
            raw=SimpleNamespace(stream=stream),
            close=lambda: None,
        )


Serve = Callable[[bytes, str], Answer]
"""Makes the answer for the content of a file and a Range header without its unit."""


def part(content: bytes, start: int, stop: int, **headers: str) -> Answer:
    span = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(206, content[start:stop], {**span, **named})


def whole(content: bytes, wanted: str) -> Answer:
    """Ignore ranges."""
    del wanted
    return Answer(200, content)


def ranges(content: bytes, wanted: str) -> Answer:
    """Answer as RFC 9110 has it."""
    if not wanted:
        return Answer(200, content)
    first, _, last = wanted.partition("-")
    if first:
        return part(content, int(first), min(int(last) + 1, len(content)))
    return part(content, max(len(content) - int(last), 0), len(content))


def without_end(status: int, **headers: str) -> Serve:
    """Answer with a status if the end is requested, and else as usual."""

    def serve(content: bytes, wanted: str) -> Answer:
        if not wanted.startswith("-"):
            return ranges(content, wanted)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, content if status == 200 else b"", named)

    return serve


def _order(wheel: Path, *, last: bool) -> None:
    """Put the ``.dist-info`` directory of a wheel behind or before the other members."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in sorted(members, key=lambda each: (".dist-info/" in each) is last):
            archive.writestr(name, members[name])


class Place:
    """A server with one wheel, and what reads it.

    :param size: how many bytes without a pattern the wheel has.
    :param last: whether METADATA is at its end.
    """

    def __init__(self, folder: Path, serve: Serve, size: int, *, last: bool = True) -> None:
        noise = hashlib.shake_128(b"x").digest(size)
        wheel = make_wheel(folder / "made", "proof", files={"noise.bin": noise})
        _order(wheel, last=last)
        self.content, self.metadata = wheel.read_bytes(), metadata_of(wheel)
        self.serve, self.asked = serve, list[str]()
        self.conditions: list[str] = []
        pool = Pool(1, 1)
        sessions = SharedSession(pool, lambda: None)
        sessions.session = SimpleNamespace(get=self.get, auth=None)
        self.store, self.run = Store(folder / "store"), RunContext()
        self.wheels = Wheels(sessions, self.store, Transfers(), is_temporary=False)
        self.kept = MetadataStore(folder / "metadata")
        self.sessions = sessions
        self.ranges = self.next_run()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.path = wheel

    def next_run(self) -> Ranges:
        return Ranges(self.sessions, self.wheels, self.run, self.kept)

    def get(self, _url: str, *, headers: Headers, **_named: object) -> Any:
        assert headers["Accept-Encoding"] == "identity"
        wanted = headers.get("Range", "")
        self.asked.append(wanted)
        self.conditions.append(headers.get("If-Range", ""))
        return self.serve(self.content, wanted.removeprefix("bytes=")).response()

    def link(self, number: int = 0, **named: Any) -> Any:
        name = self.path.name
        page = {"comes_from": f"{HOST}/simple/proof/", **named}
        return Link(f"{HOST}/{number}/{name}#sha256={self.sha256}", **page)

    def takes_others(self) -> bool:
        """Return whether other wheels of the server are still read from parts."""
        url = f"{HOST}/other-1.0-py3-none-any.whl#sha256={'1' * 64}"
        return self.ranges.takes(Link(url, comes_from=f"{HOST}/simple/other/"))

    def read(self, number: int = 0) -> Any:
        return self.ranges.read(self.link(number))


MUCH = 20 * TAIL


def test_end_of_a_wheel_is_enough(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    assert place.read() == place.metadata
    assert place.asked == [f"bytes=-{TAIL}"]
    assert place.ranges.received == TAIL
    assert list(place.run.lengths.values()) == [len(place.content)]
    assert place.store.locate(place.sha256) is None


def test_small_wheel_comes_whole_and_is_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, 100)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}"]
    assert place.store.find(place.sha256) is not None
    assert not place.ranges.takes(place.link())


def test_small_wheel_with_another_hash_is_not_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, 100)
    place.sha256 = "0" * 64
    with pytest.raises(HashMismatchError):
        place.read()
    assert place.store.locate(place.sha256) is None
    outcome = place.wheels.fetch(place.link(), 0)
    assert outcome is not None
    assert isinstance(outcome.outcome, LeftToPip)


def test_small_wheel_that_is_answered_with_200_says_nothing_about_the_server(
    tmp_path: Path,
) -> None:
    """Some servers answer so if the requested part is the whole file."""
    place = Place(tmp_path / "small", whole, 100)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}"]
    place.path = Place(tmp_path / "large", whole, MUCH).path
    place.content, place.serve = place.path.read_bytes(), ranges
    place.sha256 = hashlib.sha256(place.content).hexdigest()
    place.asked.clear()
    assert place.read(1) == place.metadata
    assert place.asked == [f"bytes=-{TAIL}"]


def test_server_that_ignores_ranges_sends_the_wheel_once(tmp_path: Path) -> None:
    place = Place(tmp_path, whole, MUCH)
    assert place.ranges.takes(place.link())
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}"]
    assert place.store.find(place.sha256) is not None
    # Afterwards, nothing is requested in parts there.
    assert not place.takes_others()


@pytest.mark.parametrize("status", [400, 405, 416, 501])
def test_server_without_ranges_at_the_end_is_asked_for_positions(
    tmp_path: Path, status: int
) -> None:
    place = Place(tmp_path, without_end(status), MUCH)
    assert place.read() == place.metadata
    size = len(place.content)
    tail = f"bytes={size - TAIL}-{size - 1}"
    assert place.asked == [f"bytes=-{TAIL}", "bytes=0-0", tail]
    place.asked.clear()
    place.run.sizes[f"{HOST}/1/{place.path.name}"] = size  # as the page lists it
    assert place.read(1) == place.metadata
    assert place.asked == [tail]


def test_large_wheel_is_not_read_if_the_server_knows_positions(tmp_path: Path) -> None:
    place = Place(tmp_path, without_end(200, Accept_Ranges="bytes"), MUCH)
    assert place.read() == place.metadata
    size = len(place.content)
    assert place.asked == [f"bytes=-{TAIL}", f"bytes={size - TAIL}-{size - 1}"]
    assert place.store.locate(place.sha256) is None


@pytest.mark.parametrize("status", [400, 405, 501])
def test_server_that_refuses_all_ranges_is_asked_for_whole_wheels(
    tmp_path: Path, status: int
) -> None:
    place = Place(tmp_path, lambda c, w: Answer(status) if w else Answer(200, c), MUCH)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}", "bytes=0-0", ""]
    assert not place.takes_others()


def test_wrong_size_on_the_page_matters_for_this_file_only(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    place.run.sizes[f"{HOST}/0/{place.path.name}"] = 12
    assert place.read() is True
    assert place.takes_others()


LIES: dict[str, Serve] = {
    "no Content-Range": lambda c, _w: Answer(206, c[-TAIL:]),
    "another part": lambda c, _w: part(c, 5, 5 + TAIL),
    "too many bytes": lambda c, _w: Answer(
        206, c[-TAIL:] + b"x", part(c, len(c) - TAIL, len(c)).headers | {"Content-Length": ""}
    ),
    "too large a part": lambda c, _w: part(c, 0, len(c)),
    "compressed": lambda c, _w: part(c, len(c) - TAIL, len(c), Content_Encoding="gzip"),
    "several parts": lambda c, _w: Answer(
        206, c[-TAIL:], {"Content-Type": "multipart/byteranges; boundary=x"}
    ),
    "nothing": lambda _c, _w: Answer(204),
}


@pytest.mark.parametrize("lie", LIES)
def test_server_that_lies_is_asked_for_whole_wheels(tmp_path: Path, lie: str) -> None:
    place = Place(tmp_path, lambda c, w: LIES[lie](c, w) if w else whole(c, w), MUCH)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}", ""]
    assert place.store.find(place.sha256) is not None
    assert not place.takes_others()


def cut(content: bytes, wanted: str) -> Answer:
    answer = ranges(content, wanted)
    return Answer(206, answer.body[:-9], {**answer.headers, "Content-Length": ""})


BROKEN: dict[str, Serve] = {
    "broken connection": lambda c, _w: Answer(
        206, c[-TAIL:], part(c, len(c) - TAIL, len(c)).headers, breaks=True
    ),
    "cut off": cut,
    "not an archive": lambda c, w: ranges(c[:-TAIL] + b"x" * TAIL, w),
    "damaged member": lambda c, w: ranges(c.replace(b"PK\1\2", b"PK\1\3"), w),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answer_matters_for_this_file_only(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, lambda c, w: BROKEN[name](c, w) if w else whole(c, w), MUCH)
    assert place.read() is True
    assert (place.asked[0], place.asked[-1]) == (f"bytes=-{TAIL}", "")
    assert place.takes_others()


@pytest.mark.parametrize("urls", [(HOST, "http://a.example"), (HOST, "http://a.example", HOST)])
def test_part_that_came_over_http_is_not_used(tmp_path: Path, urls: tuple[str, ...]) -> None:
    """Only the hash of the whole wheel protects what comes so."""
    place = Place(tmp_path, lambda c, w: replace(ranges(c, w), urls=urls), MUCH)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}", ""]
    assert place.takes_others()


def changing(**second: str) -> Callable[[Place], Serve]:
    """Return a server whose second answer has other headers."""

    def make(place: Place) -> Serve:
        def serve(content: bytes, wanted: str) -> Answer:
            first = {"ETag": '"1"', "Last-Modified": "then"}
            answer = ranges(content, wanted)
            headers = first if len(place.asked) == 1 else {**first, **second}
            return Answer(answer.status, answer.body, {**answer.headers, **headers})

        return serve

    return make


@pytest.mark.parametrize("second", [{"ETag": '"2"'}, {"Last-Modified": "now"}])
def test_file_that_changes_between_two_answers(tmp_path: Path, second: dict[str, str]) -> None:
    place = Place(tmp_path, whole, MUCH, last=False)
    place.serve = changing(**second)(place)
    assert place.read() is True
    assert place.conditions == ["", '"1"', ""]
    assert place.asked[2] == ""


def test_server_that_sends_the_changed_file(tmp_path: Path) -> None:
    """It is read on; the server knows ranges still."""
    place = Place(tmp_path, whole, MUCH, last=False)

    def serve(content: bytes, wanted: str) -> Answer:
        if len(place.asked) > 1:
            return Answer(200, content)
        answer = ranges(content, wanted)
        return Answer(206, answer.body, {**answer.headers, "ETag": '"1"'})

    place.serve = serve
    assert place.read() is True
    assert len(place.asked) == 2
    assert place.takes_others()


def test_weak_etag_is_compared_but_not_sent(tmp_path: Path) -> None:
    place = Place(tmp_path, whole, MUCH, last=False)
    place.serve = changing(ETag='W/"1"')(place)
    assert place.read() is True
    place = Place(tmp_path / "2", whole, MUCH, last=False)

    def serve(content: bytes, wanted: str) -> Answer:
        answer = ranges(content, wanted)
        return Answer(206, answer.body, {**answer.headers, "ETag": 'W/"1"'})

    place.serve = serve
    assert place.read() == place.metadata
    assert place.conditions == ["", ""]


@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_other_errors_are_those_of_the_request(tmp_path: Path, status: int) -> None:
    place = Place(tmp_path, lambda _c, _w: Answer(status), MUCH)
    with pytest.raises(NetworkConnectionError):
        place.read()
    assert len(place.asked) == 1


NO_ANSWER = [RequestsConnectionError("it answers nothing"), PipError("it answers nothing")]


def failing(content: bytes, wanted: str, error: Exception = NO_ANSWER[0]) -> Answer:
    """Break the connection, or answer 500 until pip gives up, for ranges only."""
    if wanted:
        raise error
    return Answer(200, content)


@pytest.mark.parametrize("error", NO_ANSWER, ids=["HTTP library", "pip"])
def test_server_that_fails_with_ranges_is_asked_for_whole_wheels(
    tmp_path: Path, error: Exception
) -> None:
    place = Place(tmp_path, partial(failing, error=error), MUCH)
    assert place.read() is True
    assert place.asked == [f"bytes=-{TAIL}", ""]
    assert not place.takes_others()


def test_server_that_fails_always_is_left_to_pip(tmp_path: Path) -> None:
    place = Place(tmp_path, lambda c, _w: failing(c, "always"), MUCH)
    with pytest.raises(RequestsConnectionError):
        place.read()
    assert place.takes_others()


def test_host_that_refuses_requests_for_long_is_not_asked_for_the_whole(tmp_path: Path) -> None:
    place = Place(tmp_path, failing, MUCH)
    place.sessions.pool.shut("index.example")  # as a long Retry-After does
    with pytest.raises(RequestsConnectionError):
        place.read()
    assert place.asked == [f"bytes=-{TAIL}"]


def test_whole_wheel_waits_for_the_pause_of_the_host(tmp_path: Path) -> None:
    place = Place(tmp_path, failing, MUCH)
    place.sessions.pool.pause("index.example", 0.3)
    began = time.monotonic()
    assert place.read() is True
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    "link",
    [
        Link(f"{HOST}/a-1-py3-none-any.whl#sha256=00"),  # requested by its URL
        Link(f"{HOST}/a-1-py3-none-any.whl", comes_from=f"{HOST}/simple/a/"),
        Link(f"{HOST}/a-1.tar.gz#sha256=00", comes_from=f"{HOST}/simple/a/"),
        Link("file:///a-1-py3-none-any.whl#sha256=00", comes_from=f"{HOST}/simple/a/"),
        Link(f"{HOST}/a-1-py3-none-any.whl#sha256=00&egg=a", comes_from=f"{HOST}/simple/a/"),
        Link(f"{HOST}/a-1-py3-none-any.whl#sha256=00", comes_from="/a/folder"),
        Link("http://a.example/a-1-py3-none-any.whl#sha256=00", comes_from=f"{HOST}/simple/a/"),
    ],
    ids=["direct", "no hash", "no wheel", "no server", "egg", "no page", "less safe"],
)
def test_only_wheels_on_pages_are_read_in_parts(tmp_path: Path, link: Link) -> None:
    assert not Place(tmp_path, ranges, 1).ranges.takes(link)


def test_wheel_has_to_have_the_same_metadata(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    place.ranges.check(place.link(), tmp_path / "missing")  # nothing was read from parts of it
    assert place.read() == place.metadata
    place.ranges.check(place.link(), place.path)
    other = make_wheel(tmp_path / "other", "proof", requires=["more"])
    with pytest.raises(OtherMetadataError, match=r"differs .* index\.example .* try again"):
        place.ranges.check(place.link(), other)
    (tmp_path / "damaged").write_bytes(b"no wheel")
    with pytest.raises(OtherMetadataError):
        place.ranges.check(place.link(), tmp_path / "damaged")


def test_next_run_requests_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    assert place.read() == place.metadata
    place.asked.clear()
    place.ranges = place.next_run()
    assert place.ranges.takes(place.link())
    assert place.read() == place.metadata
    assert place.asked == []
    # Not for another file, and not if it was damaged.
    assert place.read(1) == place.metadata
    assert len(place.asked) == 1
    for entry in place.kept.folder.glob("??/*"):
        entry.write_bytes(b"damaged")
    place.ranges = place.next_run()
    assert place.read() == place.metadata
    assert len(place.asked) == 2


def test_refresh_reads_again_and_replaces_what_was_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    place.read()
    for entry in place.kept.folder.glob("??/*"):
        place.kept.write(entry.parent.name + entry.name, b"of an earlier run")
    place.run = RunContext(refresh=True)
    place.ranges = place.next_run()
    assert place.ranges.takes(place.link())
    assert place.read() == place.metadata
    place.run, place.asked = RunContext(), []
    place.ranges = place.next_run()
    assert place.ranges.takes(place.link())
    assert place.read() == place.metadata
    assert place.asked == []


def test_what_was_read_serves_even_if_the_server_has_no_ranges_now(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    place.read()
    place.serve, place.ranges = whole, place.next_run()
    assert place.read(1) is True
    assert not place.takes_others()
    place.store.remove(place.sha256)
    assert place.ranges.takes(place.link())
    assert place.read() == place.metadata


def test_other_metadata_is_not_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ranges, MUCH)
    place.read()
    place.ranges = place.next_run()
    assert place.ranges.takes(place.link())
    other = make_wheel(tmp_path / "other", "proof", requires=["more"])
    with pytest.raises(OtherMetadataError):
        place.ranges.check(place.link(), other)
    place.asked.clear()
    place.ranges = place.next_run()
    assert place.read() == place.metadata
    assert place.asked == [f"bytes=-{TAIL}"]
