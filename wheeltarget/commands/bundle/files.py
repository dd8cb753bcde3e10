"""The files of a bundle: what is included and compiled, conflicts between projects, and sizes.

Specification: PEP 552 for compiled modules. They are unchecked hash-based ones: the sources in a
bundle do not change, and all have the same time.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import stat
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wheeltarget.errors import BundleError, UsageError
from wheeltarget.utils.files import hash_file
from wheeltarget.utils.system import bare_python
from wheeltarget.wheelhouse.archive import find_name_problem, fold_case

_CASE_INSENSITIVE = ("win", "macosx", "ios")
_TIMEOUT = 600.0
_ERRNO = 100
"""Added to the errno of an error, as the exit code of the script."""

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
    """A file of a bundle.

    :param name: its path in the bundle, with slashes.
    :param owner: its project, or the path that was included.
    """

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


def included_files(text: str, site: str, outputs: Iterable[Path]) -> Iterator[BundledFile]:
    """Return the files of a path that is to be included.

    A file or folder is placed beside the modules, under its own name; of a folder with a trailing
    slash, only its contents are. Compiled modules are skipped.

    :param text: the path as the user wrote it.
    :param outputs: the paths that will be written; they cannot be in an included folder.
    :raises UsageError: if the path does not exist, or an output would be in it.
    :raises BundleError: if a file in it is not a regular file, or cannot be read.
    """
    path = Path(text)
    inner = text.endswith(("/", os.sep))
    if path.is_dir():
        folder = path.resolve()
        base = folder if inner else folder.parent
        for output in outputs:
            if output.resolve().is_relative_to(folder):
                raise UsageError(
                    f"{output} would be in {text}, so that the next bundle would include it",
                    "write it to another folder, or include less",
                )
        found = sorted(_walk(folder))
        if not found:
            raise UsageError(f"{text} contains no files to include", "leave --include out")
    elif path.is_file() and not inner:
        base, found = path.resolve().parent, [path.resolve()]
    else:
        raise UsageError(
            f"{text} does not exist, or is not a file or folder", "correct the path of --include"
        )
    for each in found:
        try:
            status = each.lstat()
            if not stat.S_ISREG(status.st_mode):
                what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
                raise BundleError(
                    f"{each} is {what}", "a bundle has regular files only: replace it by a copy"
                )
            digest = hash_file(each).sha256
        except OSError as error:
            raise BundleError(f"cannot read {each}: {error.strerror}") from error
        name = site + each.relative_to(base).as_posix()
        executable = bool(status.st_mode & stat.S_IXUSR)
        yield BundledFile(name, each, text, status.st_size, digest, executable)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        below = list(folder.iterdir())
    except OSError as error:
        raise BundleError(f"cannot read {folder}: {error.strerror}") from error
    for each in below:
        if each.is_dir() and not each.is_symlink():
            if each.name != "__pycache__":
                yield from _walk(each)
        elif each.suffix != ".pyc":
            yield each


def require_same_python(tag: str, python: str) -> None:
    """Raise UsageError if the Python of a target, given its best tag, is not the running one."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    minor = ".".join(python.split(".")[:2])
    if not tag.startswith("cp") or minor != own or sys.implementation.name != "cpython":
        raise UsageError(
            f"--compile needs the target's Python: this is CPython {own}, the target is {tag}",
            "leave --compile out, or run wheeltarget with the target's Python",
        )


def compiled_files(files: Sequence[BundledFile], folder: Path) -> Iterator[BundledFile]:
    """Compile every module of a bundle; as in pip, one that cannot be compiled is skipped.

    :param files: the files of the bundle, each name once.
    """
    folder.mkdir()
    modules = [file for file in files if file.name.endswith(".py")]
    places = [folder / str(number) for number in range(len(modules))]
    pairs = list(zip(modules, places, strict=True))
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
            content = place.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            yield BundledFile(name, place, module.owner, len(content), digest)


def merge_files(files: Iterable[BundledFile], platform: str) -> tuple[BundledFile, ...]:
    """Merge the files of all projects, each name once, sorted by name.

    :param files: the files; of several with the same name and content, the first is kept.
    :param platform: the target's platform tag. Some platforms do not distinguish names by case or
        Unicode normalization, and Windows does not allow every name.
    :raises BundleError: if two projects have different files of one name, or the target does not
        allow a name; the error lists all of them.
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
            conflicts.append(
                f"{first.owner} has {first.name}, and {file.owner} has {file.name}, which is the "
                "same name on the target"
            )
        elif first.sha256 != file.sha256:
            both = f"{first.owner} and {file.owner} have"
            have = both if first.owner != file.owner else f"{file.owner} has two"
            conflicts.append(f"{have} different files {file.name}")
    conflicts += _files_as_folders(chosen)
    if conflicts:
        raise BundleError(
            f"these files cannot be in one bundle: {'; '.join(conflicts)}",
            "leave one of the projects out, or ask the authors of the wheel to fix it",
        )
    return tuple(sorted(chosen.values(), key=lambda file: file.name))


def _files_as_folders(chosen: Mapping[str, BundledFile]) -> Iterator[str]:
    """Return a message for each file with the name of a folder, as the target compares names."""
    seen: set[str] = set()
    for key, file in chosen.items():
        for above in map(str, PurePosixPath(key).parents):
            if above in chosen and above not in seen:
                seen.add(above)
                yield f"{chosen[above].name} is a file, and {file.owner} has {file.name} below it"


def sizes(files: Iterable[BundledFile], versions: Mapping[str, str]) -> tuple[ProjectSize, ...]:
    """Return the size of each project, the largest first; the versions are by project."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for file in files:
        found[file.owner].append(file.size)
    projects = (
        ProjectSize(name, versions.get(name, ""), len(each), sum(each))
        for name, each in found.items()
    )
    return tuple(sorted(projects, key=lambda project: (-project.size, project.name)))
