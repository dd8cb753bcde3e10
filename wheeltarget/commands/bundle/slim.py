"""Leave out of a bundle what no module of the bundled projects needs at run time.

A rule is about names only, and is applied only if nothing shows that a file is needed: modules that
import or name a folder of tests keep it. Native code, metadata and licences always stay, and the
RECORD of each project lists what is left.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wheeltarget.commands.bundle.files import BundledFile, record_text
from wheeltarget.utils.files import hash_file

COMPILES = "cython"
"""If this project is in the bundle, what compilers read stays: it compiles at run time."""

WITH_HEADERS = (
    *("astropy", "greenlet", "lxml", "numexpr", "numpy", "pandas"),
    *("pyarrow", "scikit-learn", "scipy"),
)
"""The projects whose headers and C sources are known to be for compilers only.

Others, such as those for GPUs, compile at run time, so theirs stay."""

_TESTS = "tests"
_CONFTEST = "conftest.py"
_NATIVE = re.compile(r"\.(?:so(?:\.[\w.]+)?|pyd|dll|dylib)$", re.ASCII | re.IGNORECASE)
_LICENCE = re.compile(r"(?:licen[cs]e|copying|notice|copyright|authors)", re.IGNORECASE)
_STUB = (".pyi",)
_CYTHON = (".pyx", ".pxd", ".pxi")
_SOURCES = (".h", ".hh", ".hpp", ".hxx", ".c", ".cc", ".cpp", ".cxx")

_NAMES = rb"[\w.]+"
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(" + _NAMES + rb")[ \t]+import\b[ \t]*(?=(\([^)]{0,9999}|[^\n]*))"
    rb"|import[ \t]+([^\n]+))",
    re.MULTILINE,
)
"""Looks ahead a limited number of characters, so that the time grows only with the text."""

_NAME = re.compile(rb"\b(?:tests|conftest)\b")
_QUOTED = re.compile(rb"""["']([\w./\\-]{0,200}\b(?:tests|conftest)\b[\w./\\-]{0,200})["']""")
_FORMATTED = re.compile(rb"(?:\}|%s)[./]tests\b")
"""The end of a name that is put together, such as ``f"{__name__}.tests"``."""

_READS_STUBS = re.compile(rb"""\battach_stub\b|\.pyi["']""")
_ENTRY_POINT = re.compile(rb"=[ \t]*([\w.]+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of file that is left out.

    :param files: the names, as in the documentation.
    :param reason: why no module needs them, and what keeps them nevertheless.
    """

    name: str
    files: str
    reason: str


TESTS = Rule(
    "tests",
    "folders `tests`, `conftest.py`",
    "only test runners import them; a folder that another module imports or names stays",
)
STUBS = Rule(
    "stubs",
    "`*.pyi`",
    "only type checkers read them; they stay if a module of the project reads stubs, as with "
    "`lazy_loader`",
)
CYTHON = Rule(
    "cython",
    "`*.pyx`, `*.pxd`, `*.pxi`",
    "only Cython reads them; they stay if Cython itself is in the bundle",
)
HEADERS = Rule(
    "headers",
    "`*.h`, `*.hh`, `*.hpp`, `*.hxx`, `*.c`, `*.cc`, `*.cpp`, `*.cxx`",
    f"only compilers read them; of {', '.join(WITH_HEADERS)} only, because other projects compile "
    "at run time, and not if Cython is in the bundle",
)
RULES = (TESTS, STUBS, CYTHON, HEADERS)


@dataclass(frozen=True, slots=True)
class SlimPart:
    """What a rule leaves out of a project: the number of files, and their size in bytes."""

    rule: str
    project: str
    files: int
    size: int


def slim(
    files: Sequence[BundledFile], own: Iterable[BundledFile], site: str, folder: Path
) -> tuple[list[BundledFile], tuple[SlimPart, ...]]:
    """Leave out what the rules are about, and write a new RECORD for each project that had it.

    :param files: the files of wheels.
    :param own: the other files of the bundle, which are never left out but may use tests.
    :param site: the folder of the modules, with a trailing slash if it is not the root.
    :param folder: a private folder for the new files; it is created.
    :returns: the other files, and what is left out by project and rule.
    """
    ruled = dict(_apply(files, own, site))
    if not ruled:
        return list(files), ()
    folder.mkdir()
    kept = [file for file in files if file.name not in ruled]
    changed = {file.owner for file in files if file.name in ruled}
    records = {
        file.owner: file
        for file in kept
        if file.owner in changed and _is_record(file.name.removeprefix(site))
    }
    for number, (owner, old) in enumerate(records.items()):
        place = folder / str(number)
        others = (file for file in kept if file.owner == owner and file is not old)
        place.write_text(record_text(others, old.name, site), "utf-8", newline="")
        digest = hash_file(place)
        kept[kept.index(old)] = BundledFile(old.name, place, owner, digest.size, digest.sha256)
    return kept, _summary(files, ruled)


def _summary(files: Iterable[BundledFile], ruled: dict[str, Rule]) -> tuple[SlimPart, ...]:
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for file in files:
        if rule := ruled.get(file.name):
            found[rule.name, file.owner].append(file.size)
    parts = (SlimPart(*key, len(sizes), sum(sizes)) for key, sizes in found.items())
    order = [rule.name for rule in RULES]
    return tuple(sorted(parts, key=lambda each: (order.index(each.rule), -each.size)))


def _is_record(path: str) -> bool:
    folder, _, name = path.partition("/")
    return folder.endswith(".dist-info") and name == "RECORD"


def _apply(
    files: Sequence[BundledFile], own: Iterable[BundledFile], site: str
) -> Iterator[tuple[str, Rule]]:
    """Yield the name of each file that is left out, and its rule."""
    modules = [file for file in files if file.name.startswith(site)]
    paths = {file.name: PurePosixPath(file.name.removeprefix(site)) for file in modules}
    free = {name: path for name, path in paths.items() if not _must_stay(path)}
    others = [(file, PurePosixPath(file.name.removeprefix(site))) for file in own]
    tests = _unused_tests(modules, others, free, paths)
    yield from ((name, TESTS) for name in tests)
    reading = _projects_that_read_stubs(file for file in modules if file.name not in tests)
    compiling = any(file.owner == COMPILES for file in files)
    for file in modules:
        name = file.name
        if name in tests or name not in free:
            continue
        if name.endswith(_STUB) and file.owner not in reading:
            yield name, STUBS
        elif name.endswith(_CYTHON) and not compiling:
            yield name, CYTHON
        elif name.endswith(_SOURCES) and file.owner in WITH_HEADERS and not compiling:
            yield name, HEADERS


def _must_stay(path: PurePosixPath) -> bool:
    """Return whether a file is native code, metadata or a licence."""
    metadata = path.parts[0].endswith((".dist-info", ".egg-info"))
    return metadata or bool(_NATIVE.search(path.name) or _LICENCE.match(path.name))


def _unused_tests(
    modules: Sequence[BundledFile],
    others: Iterable[tuple[BundledFile, PurePosixPath]],
    free: Collection[str],
    paths: dict[str, PurePosixPath],
) -> frozenset[str]:
    """Return the names of the tests that no other module of the bundle imports or names.

    What a used folder of tests uses is used, too.
    """
    places = {name: place for name, path in paths.items() if (place := _place_of_tests(path))}
    unused = set(places.values())
    readers = [*others, *((each, paths[each.name]) for each in modules if each.name not in places)]
    while readers:
        used = {each for file, path in readers for each in _references(file, path)}
        found = unused & {each[: end + 1] for each in used for end in range(len(each))}
        unused -= found
        readers = [(each, paths[each.name]) for each in modules if places.get(each.name) in found]
    return frozenset(name for name, place in places.items() if place in unused and name in free)


def _place_of_tests(path: PurePosixPath) -> tuple[str, ...]:
    """Return the outermost folder of tests that a file is in; empty if it is in none."""
    if _TESTS in path.parts[:-1]:
        return path.parts[: path.parts.index(_TESTS) + 1]
    return (*path.parts[:-1], "conftest") if path.name == _CONFTEST else ()


def _projects_that_read_stubs(files: Iterable[BundledFile]) -> frozenset[str]:
    modules = (file for file in files if file.name.endswith(".py"))
    return frozenset(file.owner for file in modules if _READS_STUBS.search(_read(file)))


def _read(file: BundledFile) -> bytes:
    return file.source.read_bytes()


def _references(file: BundledFile, path: PurePosixPath) -> Iterator[tuple[str, ...]]:
    """Yield the path of each folder of tests, or module in one, that a file may use."""
    is_entry_points = path.name == "entry_points.txt"
    if not is_entry_points and path.suffix != ".py":
        return
    data = _read(file)
    if b"tests" not in data and b"conftest" not in data:
        return
    if is_entry_points:
        yield from (_split(found[1]) for found in _ENTRY_POINT.finditer(data))
        return
    package = path.parts[:-1]
    for found in _IMPORT.finditer(data.replace(b"\\\n", b" ")):
        yield from _imported(package, found[1] or b"", found[2] or b"", found[3] or b"")
    for quoted in _QUOTED.finditer(data):
        text = quoted[1].decode("utf-8", "replace").replace("\\", "/")
        yield _split(quoted[1])
        yield (*package, *_split(quoted[1]))
        beside = posixpath.normpath(posixpath.join("/", *package, text))
        yield PurePosixPath(beside).parts[1:]
    if _FORMATTED.search(data):
        yield from ((*package[:length], _TESTS) for length in range(len(package) + 1))


def _imported(
    package: tuple[str, ...], source: bytes, names: bytes, plain: bytes
) -> Iterator[tuple[str, ...]]:
    """Yield the paths that an import statement may mean, in a module of a package."""
    if not source:
        for each in plain.split(b","):
            path = _split(each.split()[0] if each.split() else b"")
            yield path
            yield (*package, *path)  # as Python 2 would
        return
    dots = len(source) - len(source.lstrip(b"."))
    bases = [package[: max(len(package) - dots + 1, 0)]] if dots else [(), package]
    rest = _split(source.lstrip(b"."))
    for base in bases:
        yield (*base, *rest)
        for name in {found[0] for found in _NAME.finditer(names)}:
            yield (*base, *rest, name.decode())


def _split(dotted: bytes) -> tuple[str, ...]:
    return tuple(part for part in dotted.decode("utf-8", "replace").split(".") if part)
