"""Damage to files: cut off, spliced, repeated, and with tokens that have broken a reader before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

LONGEST = 200_000
"""The maximum size of damaged input in bytes; repeated parts reach it."""

TOKENS: tuple[bytes, ...] = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\t", b"\\", b"\\\n", b"'", b'"', b'"""', b"=", b"==", b";"),
    *(b"#", b"@", b",", b".", b"..", b"/", b"-", b"_", b"+", b"!", b"~", b"*", b":", b"$", b"%"),
    *(b"[", b"]", b"[[", b"]]", b"{", b"}", b"(", b")", b"<", b">", b"&", b"|", b" ", b" ; "),
    *(b"-1", b"0", b"1e9", b"0x" + b"f" * 40, b"9" * 20, b"true", b"null", b"nan", b"1979-05-27"),
    *(b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xcc\x81", b"\xe2\x80\xa8"),
    *(b"\xef\xbc\x9b", b"\xd9\xa1", b"\xc2\x85", b"\x1b[31m", b"\x0b", b"\x0c", b"\x1c", b"\x7f"),
    *(b"${HOME}", b"-r ", b"-c ", b"-e ", b"--hash=sha256:", b"--hash=shake_128:00", b"# "),
    *(b"tags=", b"target=", b"; tags=cp39-cp39-win32", b"# tags=cp312-cp312-any", b"cp39", b"py3"),
    *(b"extra == 'x'", b"os_name ~= 'a'", b"python_version < '3'", b" and ", b" or ", b" not in "),
    *(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Requires-Dist: ", b"shake_256:00"),
    *(b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", b"\xf0\x9f\x90\x8d"),
)
"""What the grammars of all readers are made of, and what they have to refuse."""


class Damaged(bytes):
    """Damaged input, of which a report shows only the beginning."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = super().__repr__()
        return shown if len(self) <= 1000 else f"{shown[:1000]}… of {len(self)} bytes"


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> Damaged:
    """Return one of some files as it is, damaged, or anything at all.

    :param seeds: valid files.
    """
    if draw(st.integers(0, 19)) == 0:
        return Damaged(draw(st.binary(max_size=200)))
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        data = _damage(draw, data, seeds)[:LONGEST]
    return Damaged(data)


def _damage(draw: st.DrawFn, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """Return a file with one more fault."""
    start = draw(st.integers(0, len(data)))
    end = min(start + draw(st.sampled_from([0, 1, 2, 5, 20, 100, LONGEST])), len(data))
    part = data[start:end]
    match draw(st.integers(0, 7)):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + part * draw(st.sampled_from([1, 3, 300, 3000])) + data[end:]
        case 3:
            other = draw(st.sampled_from(seeds))
            return data[:start] + other[draw(st.integers(0, len(other))) :]
        case 4:
            return data[:start] + draw(st.binary(min_size=1, max_size=8)) + data[end:]
        case 5:
            token = draw(st.sampled_from(TOKENS))
            return data[:start] + token * draw(st.sampled_from([2, 100, 5000])) + data[end:]
        case _:
            return data[:start] + draw(st.sampled_from(TOKENS)) + data[end:]
