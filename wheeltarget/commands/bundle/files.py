"""The files of a bundle: what is compiled, conflicts, sizes, and writing them.

Specification: PEP 552 for compiled modules. They are unchecked hash-based ones: the sources in a
bundle do not change, and all have the same time.

A bundle is reproducible: all files have the same time and one of two modes, and an archive is
sorted. Compressed data depends on the version of zlib: two machines make the same archive if they
have the same zlib, or if nothing is compressed.
"""

from __future__ import annotations

import base64
import csv
import importlib.util
import io
import json
import os
import posixpath
import shutil
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import IO

from wheeltarget.errors import BundleError, UsageError
from wheeltarget.staging.atomic import open_part
from wheeltarget.utils.files import Digest, hash_file, permitted
from wheeltarget.utils.progress import reported
from wheeltarget.utils.system import bare_python
from wheeltarget.wheelhouse.archive import find_name_problem, fold_case

_CASE_INSENSITIVE = ("win", "macosx", "ios")
_TIMEOUT = 600.0
_ERRNO = 100
"""Added to the errno of an error, as the exit code of the script."""

_EARLIEST, _LATEST = 315532800, 4354819198
"""1980-01-01 and 2107-12-31, between which the times in a zip archive have to be."""

_MOST_DIGITS = 1000
"""Python refuses to convert much longer numbers."""

_FILE, _PROGRAM = 0o100644, 0o100755

_SCRIPT = """\
import importlib.util, json, marshal, sys
for source, compiled, name in json.load(sys.stdin):
    with open(source, "rb") as file:
        text = file.read()
    try:
        code = marshal.dumps(compile(text, name, "exec", dont_inherit=True))
    except Exception:
        continue
    head = importlib.util.MAGIC_NUMBER + b"\\x01\\0\\0\\0" + importlib.util.source_hash(text)
    try:
        with open(compiled, "wb") as file:
            file.write(head + code)
    except OSError as error:
        sys.exit(100 + (error.errno or 0))
"""
"""Run in a process of its own, since a compiled file depends on what was compiled before it.

It writes what :mod:`py_compile` writes. That, before Python 3.14, leaves half a file without an
error if the disk is full."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a bundle.

    :param site: the folder of the modules, with a trailing slash if it is not the root.
    :param scripts: the folder of the scripts, also with a slash; empty if they are left out.
    :param launcher: the kind of script that the target can run, as installer calls it.
    """

    site: str = ""
    scripts: str = ""
    launcher: str = "posix"


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of a bundle; the name has slashes, and the owner is a project or an included path."""

    name: str
    source: Path
    owner: str
    size: int
    sha256: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class ProjectSize:
    """The number of files of a project, or of an included path, and their size in bytes."""

    name: str
    version: str
    files: int
    size: int


def require_same_python(tag: str, python: str) -> None:
    """Raise UsageError if the Python of a target, given its best tag, is not the running one."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    minor = ".".join(python.split(".")[:2])
    if not tag.startswith("cp") or minor != own or sys.implementation.name != "cpython":
        message = f"--compile needs the target's Python: this is CPython {own}, the target is {tag}"
        hint = "leave --compile out, or run wheeltarget with the target's Python"
        raise UsageError(message, hint)


def compiled_files(files: Sequence[BundledFile], folder: Path) -> Iterator[BundledFile]:
    """Compile every module of a bundle; as in pip, one that cannot be compiled is skipped."""
    folder.mkdir()
    modules = (file for file in files if file.name.endswith(".py"))
    pairs = [(module, folder / str(number)) for number, module in enumerate(modules)]
    orders = [(str(module.source), str(place), module.name) for module, place in pairs]
    try:
        subprocess.run(
            bare_python("-W", "ignore", "-c", _SCRIPT),
            input=json.dumps(orders),
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        if isinstance(error, subprocess.CalledProcessError) and error.returncode > _ERRNO:
            number = error.returncode - _ERRNO
            raise OSError(number, os.strerror(number), str(folder)) from error
        raise BundleError(f"Python could not compile the modules: {error}") from error
    there = {file.name for file in files}
    for module, place in pairs:
        name = Path(importlib.util.cache_from_source(module.name, optimization="")).as_posix()
        if place.is_file() and name not in there:
            digest = hash_file(place)
            yield BundledFile(name, place, module.owner, digest.size, digest.sha256)


def merge_files(files: Iterable[BundledFile], platform: str) -> tuple[BundledFile, ...]:
    """Merge the files of all projects, each name once, sorted by name.

    :param platform: the target's platform tag. Some platforms do not distinguish names by case or
        Unicode normalization, and Windows does not allow every name.
    :raises BundleError: if files clash, or the target does not allow a name; it lists all of them.
    """
    chosen: dict[str, BundledFile] = {}
    conflicts: list[str] = []
    folds, windows = platform.startswith(_CASE_INSENSITIVE), platform.startswith("win")
    for file in files:
        if problem := find_name_problem(file.name, windows=windows):
            conflicts.append(f"{file.owner} has {file.name[:255]!r}, which {problem}")
            continue
        key = fold_case(file.name) if folds else file.name
        first = chosen.setdefault(key, file)
        if first.name != file.name:
            both = f"{first.owner} has {first.name}, and {file.owner} has {file.name}"
            conflicts.append(f"{both}, which is the same name on the target")
        elif first.sha256 != file.sha256:
            both = f"{first.owner} and {file.owner} have"
            have = both if first.owner != file.owner else f"{file.owner} has two"
            conflicts.append(f"{have} different files {file.name}")
    conflicts += _files_as_folders(chosen)
    if conflicts:
        message = f"these files cannot be in one bundle: {'; '.join(conflicts)}"
        hint = "leave one of the projects out, or ask the authors of the wheel to fix it"
        raise BundleError(message, hint)
    return tuple(sorted(chosen.values(), key=lambda file: file.name))


def _files_as_folders(chosen: Mapping[str, BundledFile]) -> Iterator[str]:
    """Find files with the name of a folder, as the target compares names."""
    seen: set[str] = set()
    for key, file in chosen.items():
        for above in map(str, PurePosixPath(key).parents):
            if above in chosen and above not in seen:
                seen.add(above)
                yield f"{chosen[above].name} is a file, and {file.owner} has {file.name} below it"


def record_text(files: Iterable[BundledFile], name: str, site: str) -> str:
    """Return RECORD for files in the bundle, relative to the folder of the modules.

    :param name: the name of RECORD itself in the bundle.
    :param site: the folder of the modules; empty if it is the root.
    """
    text, site = io.StringIO(), site or "."
    rows = csv.writer(text, lineterminator="\n")
    for file in sorted(files, key=lambda file: file.name):
        encoded = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).rstrip(b"=").decode()
        rows.writerow([posixpath.relpath(file.name, site), f"sha256={encoded}", file.size])
    rows.writerow([posixpath.relpath(name, site), "", ""])
    return text.getvalue()


def sizes(files: Iterable[BundledFile], versions: Mapping[str, str]) -> tuple[ProjectSize, ...]:
    """Return the size of each project, the largest first; the versions are by project."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for file in files:
        found[file.owner].append(file.size)
    items = sorted(found.items(), key=lambda item: (-sum(item[1]), item[0]))
    return tuple(
        ProjectSize(name, versions.get(name, ""), len(each), sum(each)) for name, each in items
    )


def source_date(environment: Mapping[str, str]) -> int:
    """Return the time of every file of a bundle, in seconds since 1970.

    It is that of ``SOURCE_DATE_EPOCH`` (reproducible-builds.org), or the earliest in a zip archive.
    """
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return _EARLIEST
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        message = f"SOURCE_DATE_EPOCH is {text!r}"
        raise UsageError(message, "it must be a number of seconds since 1970")
    return min(max(int(text), _EARLIEST), _LATEST)


def write_archive(
    path: Path, files: Sequence[BundledFile], moment: int, *, compressed: bool
) -> Digest:
    """Write a zip archive, whole or not at all, over an existing file, and return its digest.

    :param moment: the time of every file, in seconds since 1970.
    """
    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_part(path) as part:
            with part.open("wb") as stream:
                fill_archive(stream, files, moment, compressed=compressed)
            part.chmod(permitted(0o666))
            digest = hash_file(part)
            part.replace(path)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}") from error
    return digest


def fill_archive(
    stream: IO[bytes], files: Sequence[BundledFile], moment: int, *, compressed: bool
) -> None:
    """Write files to a zip archive, which is the same for the same files."""
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w") as archive:
        for file in reported(files, "Writing", size=attrgetter("size")):
            member = zipfile.ZipInfo(file.name, time.gmtime(moment)[:6])
            member.create_system = 3  # the same on every system
            member.external_attr = (_PROGRAM if file.executable else _FILE) << 16
            member.compress_type = method
            member.file_size = file.size
            with file.source.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def require_place(path: Path) -> None:
    """Raise BundleError if a bundle cannot be written to a path, whose folder need not exist."""
    real, is_archive = Path(os.path.realpath(path)), path.suffix == ".zip"
    hint = f"name another {'file' if is_archive else 'folder'} with --output"
    if is_archive and real.is_dir():
        raise BundleError(f"cannot write the archive {path}: it is a folder", hint)
    if not is_archive and real.exists() and (not real.is_dir() or any(real.iterdir())):
        raise BundleError(f"{path} already exists", f"remove it, or {hint}")
    above = next(each for each in real.parents if each.exists())
    if not above.is_dir():
        raise BundleError(f"cannot write {path}: {above} is a file, not a folder", hint)
    if not os.access(above, os.W_OK | os.X_OK):
        raise BundleError(f"cannot write {path}: no permission to write to {above}", hint)


def write_folder(path: Path, files: Sequence[BundledFile], moment: int) -> None:
    """Write a folder, whole or not at all, unless a folder with contents exists."""
    path = Path(os.path.realpath(path))
    try:
        require_place(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_part(path, folder=True) as part:
            fill_folder(part, files, moment)
            part.replace(path)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}") from error


def fill_folder(folder: Path, files: Sequence[BundledFile], moment: int) -> None:
    """Write files to an empty folder."""
    for file in reported(files, "Writing", size=attrgetter("size")):
        place = folder / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, place)
        place.chmod((_PROGRAM if file.executable else _FILE) & 0o777)
        os.utime(place, (moment, moment))
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        each.chmod(permitted(0o777))
        os.utime(each, (moment, moment))
