"""The files of a wheel's ``.dist-info`` directory, read with limits on memory and time."""

from __future__ import annotations

import re
import zipfile

from packaging.metadata import RawMetadata, parse_email

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_LONGEST_TEXT = 16 << 20
"""How many bytes METADATA, WHEEL or RECORD may have; the longest RECORD known has two million."""

_MOST_FIELDS, _MOST_LINES = 300, 50_000
"""How many different fields, and lines of fields, METADATA and WHEEL may have."""


class TooLargeError(ValueError):
    """A file is too large, or has so many fields that parsing it would take very long."""


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Read a file of the ``.dist-info`` directory.

    :param archive: the wheel.
    :param member: the name of the file, which must exist.
    :raises TooLargeError: if it is too large, or, unless it is RECORD, has too many fields.
    """
    if archive.getinfo(member).file_size > _LONGEST_TEXT:
        raise TooLargeError(f"{member} has more than {_LONGEST_TEXT >> 20} MB")
    content = archive.read(member)
    if not member.endswith("/RECORD") and _has_too_many_fields(content):
        raise TooLargeError(f"{member} has too many fields")
    return content


def _has_too_many_fields(content: bytes) -> bool:
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    if head.count(b"\n") + head.count(b"\r") > _MOST_LINES:
        return True
    lines = (line for line in head.splitlines() if not line[:1].isspace())
    return len({line.partition(b":")[0].lower() for line in lines}) > _MOST_FIELDS


def read_fields(archive: zipfile.ZipFile) -> RawMetadata:
    """Read the fields of a wheel's METADATA.

    :param archive: the wheel.
    :raises ValueError: if it does not exist or is too large. If it is damaged, any of
        :data:`wheeltarget.wheelhouse.archive.DAMAGE` is raised.
    """
    member = next(filter(_METADATA.fullmatch, archive.namelist()), None)
    if member is None:
        raise ValueError("it has no METADATA")
    return parse_email(read_member(archive, member))[0]
