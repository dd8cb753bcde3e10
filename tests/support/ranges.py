"""Answer range requests as RFC 9110 has it, or in one of the ways in which servers get it wrong."""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Generic, TypeVar

Fault = TypeVar("Fault")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BOUNDARY = "a-boundary-of-parts"
SUFFIX, EXPLICIT = "suffix", "explicit"  # kinds of ranges


@dataclass(frozen=True)
class Answer:
    """Hold what to send; headers without a value are left out."""

    status: int
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **added: str) -> "Answer":
        """Add headers, in whose names ``_`` stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in added.items()}
        return replace(self, headers={**self.headers, **named})


class RangeFault:
    """A way to get a part of a file wrong; without a method of its own, the part is right."""

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        """Commit the fault.

        :param part: the right answer, with status 206.
        :param whole: the file that it is a part of.
        """
        return part


@dataclass(frozen=True)
class Whole(RangeFault):
    """Answer with 200 and the whole file.

    :param advertised: whether the answer says that the server takes ranges.
    """

    advertised: bool = False

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        return whole.with_headers(Accept_Ranges="bytes") if self.advertised else whole


@dataclass(frozen=True)
class Span(RangeFault):
    """Send the right bytes, but name others in the Content-Range header.

    :param text: the header, in which ``{start}``, ``{end}`` and ``{total}`` stand for the right
        numbers, and ``{start_1}``, ``{end_1}`` and ``{total_1}`` for the next ones; without the
        header if empty.
    """

    text: str

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        numbers = dict(zip(("start", "end", "total"), _span_of(part), strict=True))
        after = {f"{name}_1": number + 1 for name, number in numbers.items()}
        return part.with_headers(Content_Range=self.text.format(**numbers, **after))


@dataclass(frozen=True)
class Resized(RangeFault):
    """Send fewer or more bytes than the Content-Range header names.

    :param by: how many more, or fewer if negative; the Content-Length header tells the truth.
    """

    by: int

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        body = part.body + bytes(self.by) if self.by > 0 else part.body[: self.by]
        return replace(part, body=body)


@dataclass(frozen=True)
class Shifted(RangeFault):
    """Send other bytes than those that the Content-Range header names, but as many.

    :param by: how many bytes further on in the file they are; the end wraps around.
    """

    by: int

    def spoil(self, part: Answer, whole: Answer) -> Answer:
        start, end, _ = _span_of(part)
        return replace(part, body=(whole.body * 2)[start + self.by : end + 1 + self.by])


@dataclass(frozen=True)
class Compressed(RangeFault):
    """Compress the part, whatever encodings the client accepts."""

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        return replace(part, body=gzip.compress(part.body)).with_headers(Content_Encoding="gzip")


@dataclass(frozen=True)
class Multipart(RangeFault):
    """Answer a request for one part with a body of type multipart/byteranges."""

    def spoil(self, part: Answer, whole: Answer) -> Answer:  # noqa: ARG002
        head = f"--{_BOUNDARY}\r\nContent-Type: {part.content_type}\r\n"
        head += f"Content-Range: {part.headers['Content-Range']}\r\n\r\n"
        body = head.encode() + part.body + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/byteranges; boundary={_BOUNDARY}"
        return replace(part, body=body, content_type=kind).with_headers(Content_Range="")


@dataclass(frozen=True)
class Changed(RangeFault):
    """Answer as if the file had another content now.

    :param content: that content.
    """

    content: bytes


@dataclass(frozen=True)
class Retagged(RangeFault):
    """Give the file another ETag, though its content is the same."""

    etag: str = '"another"'


class Turns(Generic[Fault]):
    """Faults of requests that match a condition, in turns."""

    def __init__(self, of: str, kind: str, after: int, fault: Fault, times: int | None) -> None:
        self._of, self._kind = of, kind
        planned = repeat(fault) if times is None else repeat(fault, times)
        self._turns: Iterator[Fault | None] = chain(repeat(None, after), planned)

    def next(self, path: str, wanted: str) -> Fault | None:
        """Use up one turn, if a request matches."""
        if self._of not in {"", path, path.rpartition("/")[2]}:
            return None
        if self._kind not in {"", SUFFIX if wanted.startswith("bytes=-") else EXPLICIT}:
            return None
        return next(self._turns, None)


def part_of(whole: Answer, headers: Mapping[str, str]) -> Answer:
    """Return the part of a file that a request asks for, or the whole.

    :param whole: the answer with status 200, with its validators.
    :param headers: the request's headers, by lower-case name.
    """
    asked = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    whole = whole.with_headers(Accept_Ranges="bytes")
    if asked is None or not any(asked.groups()) or not _is_same(whole, headers.get("if-range")):
        return whole
    total = len(whole.body)
    if not asked[1]:
        start, end = max(total - int(asked[2]), 0), total - 1
    else:
        start, end = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
        if asked[2] and int(asked[2]) < start:
            return whole
    if start >= total:
        return Answer(416).with_headers(Content_Range=f"bytes */{total}")
    span = f"bytes {start}-{end}/{total}"
    part = replace(whole, status=206, body=whole.body[start : end + 1])
    return part.with_headers(Content_Range=span)


def _is_same(whole: Answer, wanted: str | None) -> bool:
    """Return whether an If-Range header, if there is one, names the content; weak tags never do."""
    if wanted is None:
        return True
    validators = {whole.headers.get("ETag"), whole.headers.get("Last-Modified")}
    return wanted in validators and not wanted.startswith("W/")


def is_unchanged(whole: Answer, headers: Mapping[str, str]) -> bool:
    """Return whether the client has the content already, by its If-None-Match header."""
    known = [tag.strip() for tag in headers.get("if-none-match", "").split(",")]
    return whole.headers.get("ETag") in known


def _span_of(part: Answer) -> tuple[int, int, int]:
    """Return the first and the last byte of a part, and the size of the file."""
    start, end, total = map(int, re.findall(r"\d+", part.headers["Content-Range"]))
    return start, end, total
