"""Make small, real distributions at test time."""

import base64
import csv
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

BACKEND_WAS_RUN = "the build backend of a test sdist was run"
"""What the build backend of every sdist of `make_sdist` says when it fails."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_BACKEND = f"raise RuntimeError({BACKEND_WAS_RUN!r})\n"
_PYPROJECT = """\
[build-system]
requires = []
build-backend = "loud_backend"
backend-path = ["."]
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extras: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
    build: str | None = None,
) -> Path:
    """Write a wheel that holds one importable module named after the project.

    :param folder: where to write it; made if absent.
    :param name: the project's name, as METADATA spells it.
    :param version: the version, as METADATA spells it.
    :param tag: the tag set, compressed as in a file name; a label of a variant may follow.
    :param requires: the Requires-Dist values, taken as they are.
    :param requires_python: the Requires-Python value.
    :param extras: the Provides-Extra values.
    :param files: contents by archive path; these win over the generated ones, except for RECORD.
    :param build: the build tag.
    :returns: the path of the wheel.
    :raises packaging.version.InvalidVersion: if the version has no normal form for a file name.
    """
    stem = _stem(name, version)
    information = f"{stem}.dist-info"
    module = f'"""Stand for {name}."""\n\n__version__ = {version!r}\n'
    contents = {
        f"{_escaped(name)}.py": module.encode(),
        f"{information}/METADATA": _metadata(name, version, requires, requires_python, extras),
        f"{information}/WHEEL": _wheel_file(tag, build),
        **(files or {}),
    }
    record = f"{information}/RECORD"
    contents.pop(record, None)
    contents[record] = _record(contents, record)
    middle = f"-{build}" if build else ""
    return _write(folder / f"{stem}{middle}-{tag}.whl", _zip(contents))


def make_sdist(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extras: Sequence[str] = (),
) -> Path:
    """Write an sdist whose build backend fails with `BACKEND_WAS_RUN` as soon as it is imported.

    :param folder: where to write it; made if absent.
    :param name: the project's name, as PKG-INFO spells it.
    :param version: the version, as PKG-INFO spells it.
    :param requires: the Requires-Dist values, taken as they are.
    :param requires_python: the Requires-Python value.
    :param extras: the Provides-Extra values.
    :returns: the path of the sdist.
    :raises packaging.version.InvalidVersion: if the version has no normal form for a file name.
    """
    stem = _stem(name, version)
    contents = {
        f"{stem}/PKG-INFO": _metadata(name, version, requires, requires_python, extras),
        f"{stem}/pyproject.toml": _PYPROJECT.encode(),
        f"{stem}/loud_backend.py": _BACKEND.encode(),
    }
    return _write(folder / f"{stem}.tar.gz", gzip.compress(_tar(contents), mtime=0))


def metadata_of(wheel: Path) -> bytes:
    """Read METADATA out of a wheel.

    :param wheel: the path of the wheel.
    :returns: the file's bytes.
    :raises ValueError: if the wheel does not hold exactly one.
    :raises zipfile.BadZipFile: if the file is no archive.
    """
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(_only(archive.namelist(), ".dist-info/METADATA"))


def pkg_info_of(sdist: Path) -> bytes:
    """Read PKG-INFO out of a .tar.gz sdist.

    :param sdist: the path of the sdist.
    :returns: the file's bytes.
    :raises ValueError: if the sdist does not hold exactly one, at its top.
    :raises tarfile.TarError: if the file is no archive.
    """
    with tarfile.open(sdist, "r:gz") as archive:
        member = archive.extractfile(_only(archive.getnames(), "/PKG-INFO"))
        if member is None:
            raise ValueError(f"PKG-INFO of {sdist.name} is not a file")
        with member:
            return member.read()


def _only(names: Sequence[str], ending: str) -> str:
    """Find the one archive member, one folder deep, that ends so."""
    found = [name for name in names if name.endswith(ending) and name.count("/") == 1]
    if len(found) != 1:
        raise ValueError(f"wanted one *{ending}, found {found}")
    return found[0]


def _escaped(name: str) -> str:
    """Spell a project's name as file names do."""
    return canonicalize_name(name).replace("-", "_")


def _stem(name: str, version: str) -> str:
    """Join name and version as file names do."""
    return f"{_escaped(name)}-{Version(version)}"


def _metadata(
    name: str,
    version: str,
    requires: Sequence[str],
    requires_python: str | None,
    extras: Sequence[str],
) -> bytes:
    """Write the core metadata."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return _text(lines)


def _wheel_file(tag: str, build: str | None) -> bytes:
    """Write the WHEEL file, with one line for each tag that the compressed set stands for."""
    tags = sorted(str(expanded) for expanded in parse_tag("-".join(tag.split("-")[:3])))
    pure = all(expanded.endswith("-any") for expanded in tags)
    lines = ["Wheel-Version: 1.0", "Generator: wheeltarget-tests"]
    lines.append(f"Root-Is-Purelib: {str(pure).lower()}")
    lines += [f"Tag: {expanded}" for expanded in tags]
    if build is not None:
        lines.append(f"Build: {build}")
    return _text(lines)


def _text(lines: Sequence[str]) -> bytes:
    """End every line."""
    return "".join(f"{line}\n" for line in lines).encode()


def _record(contents: Mapping[str, bytes], record: str) -> bytes:
    """Write the RECORD file, which lists itself without a hash."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(content)])
    rows.writerow([record, "", ""])
    return text.getvalue().encode()


def _zip(contents: Mapping[str, bytes]) -> bytes:
    """Pack a zip archive whose bytes depend on nothing but the contents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in contents.items():
            # Stored, because what deflate writes differs from one zlib to the next.
            member = zipfile.ZipInfo(path, _EPOCH)
            # ZipInfo says 0 on Windows, and installers then ignore the mode.
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return packed.getvalue()


def _tar(contents: Mapping[str, bytes]) -> bytes:
    """Pack a tar archive whose bytes depend on nothing but the contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _write(path: Path, content: bytes) -> Path:
    """Put a file in its place at one stroke, since an index may be looking at the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(content)
    return partial.replace(path)


def damage(path: Path, place: int = 10) -> None:
    """Change two bytes of a file, and leave its size and its time of change as they were.

    :param path: the file.
    :param place: where, from the end if it is negative; at 10 a ZIP has a time that nobody reads.
    """
    before = path.stat()
    with path.open("r+b") as handle:
        handle.seek(place, os.SEEK_SET if place >= 0 else os.SEEK_END)
        old = handle.read(2)
        handle.seek(-2, os.SEEK_CUR)
        handle.write(b"!!" if old != b"!!" else b"??")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
