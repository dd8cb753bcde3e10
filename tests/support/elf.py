"""Small ELF files, made at test time: a dynamic section, symbols, and the versions they have."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_HEADER = 64
_SECTION = 64
X86_64, AARCH64 = 62, 183


class _Strings:
    """A string table."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        place = len(self.data)
        self.data += text.encode() + b"\0"
        return place


def make_elf(
    needed: Sequence[str] = ("libc.so.6",),
    symbols: Sequence[tuple[str, str, str]] = (),
    machine: int = X86_64,
) -> bytes:
    """Write a shared object.

    :param needed: the libraries that it is linked against.
    :param symbols: (library, version, symbol) for each symbol that it takes.
    :param machine: the number of its machine.
    """
    strings, names = _Strings(), _Strings()
    dynamic = b"".join(struct.pack("<qQ", 1, strings.add(each)) for each in needed)
    dynamic += struct.pack("<qQ", 0, 0)
    table, indices, needs = bytes(24), struct.pack("<H", 0), b""
    for number, (library, version, symbol) in enumerate(symbols, start=2):
        table += struct.pack("<IBBHQQ", strings.add(symbol), 0x12, 0, 0, 0, 0)
        indices += struct.pack("<H", number)
        last = number == len(symbols) + 1
        needs += struct.pack("<HHIII", 1, 1, strings.add(library), 16, 0 if last else 32)
        needs += struct.pack("<IHHII", 0, 0, number, strings.add(version), 0)
    sections = [
        (".dynstr", 3, strings.data, 0, 0, 0),
        (".dynsym", 11, table, 1, 1, 24),
        (".dynamic", 6, dynamic, 1, 0, 16),
        (".gnu.version", 0x6FFFFFFF, indices, 2, 0, 2),
        (".gnu.version_r", 0x6FFFFFFE, needs, 1, len(symbols), 0),
    ]
    return _assemble([each for each in sections if each[2]], names, machine)


def _assemble(
    sections: Sequence[tuple[str, int, bytes, int, int, int]], names: _Strings, machine: int
) -> bytes:
    body, headers = b"", bytes(_SECTION)
    labels = [names.add(name) for name, *_ in sections]
    own = names.add(".shstrtab")
    for label, (_, kind, data, link, info, size) in zip(labels, sections, strict=True):
        place = _HEADER + len(body)
        headers += struct.pack(
            "<IIQQQQIIQQ", label, kind, 2, 0, place, len(data), link, info, 8, size
        )
        body += data + bytes(-len(data) % 8)
    place = _HEADER + len(body)
    headers += struct.pack("<IIQQQQIIQQ", own, 3, 0, 0, place, len(names.data), 0, 0, 1, 0)
    body += names.data + bytes(-len(names.data) % 8)
    start, count = _HEADER + len(body), len(sections) + 2
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, start, 0, 64, 0, 0, _SECTION, count, count - 1
    )
    return header + body + headers
