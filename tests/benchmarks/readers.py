"""Measure how the time and the memory of each reader grow with its input, which has to be linear.

Run it with the interpreter that has wheeltarget, from the root of the checkout:
``python -m tests.benchmarks.readers``. Each kind of file is read as it is in a project, 10 and 100
times as large. Some kinds are of a sort that once took a time that grew with the square.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.readers import READERS, TARGET, archive_of, tar_of
from tests.support.wheels import make_wheel
from wheeltarget.commands.check.check import CheckRequest, check
from wheeltarget.commands.explain import ExplainOutcome, make_rows
from wheeltarget.pip_protocol import (
    FileFact,
    FoundFile,
    FoundProject,
    JobListing,
    ListedRequirement,
)
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver.plan import Job
from wheeltarget.targets.catalog import look_up_tag

Work = Callable[[], object]
"""Reads input that was made before."""

STEPS = (1, 10, 100)
_SHA = "0" * 64
_HASHES = "".join(f'    {{file = "a", hash = "sha256:{n}"}},\n' for n in range(10))
_TAG = "cp312-cp312-manylinux_2_28_x86_64"


class Kind(NamedTuple):
    """A kind of input: how to make it of a number of parts, and the number that is usual."""

    make: Callable[[int, Path], Work]
    usual: int


def seconds_of(kind: Kind, number: int, folder: Path) -> float:
    """Read input of a number of parts, and return the seconds of CPU."""
    read = kind.make(number, folder)
    begin = time.process_time()
    read()
    return time.process_time() - begin


def memory_of(kind: Kind, number: int, folder: Path) -> int:
    """Read input of a number of parts, and return the peak of the memory of Python, in bytes."""
    read = kind.make(number, folder)
    tracemalloc.start()
    read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _text(reader: str, part: str, head: str = "", tail: str = "", usual: int = 100) -> Kind:
    """Return a kind of file that has a part again and again; ``%d`` in it is its number."""

    def make(number: int, folder: Path) -> Work:
        parts = (part.replace("%d", str(n)) for n in range(number))
        data = f"{head}{''.join(parts)}{tail}".encode()
        return partial(READERS[reader].read, data, folder)

    return Kind(make, usual)


def _pipfile(number: int, folder: Path) -> Work:
    package = {"hashes": ["sha256:00"] * 10, "markers": "os_name == 'nt'", "version": "==1"}
    data = {"_meta": {}, "default": {f"p{n}": package for n in range(number)}, "develop": {}}
    text = json.dumps(data, indent=4).encode()
    return partial(READERS["Pipfile.lock"].read, text, folder)


def _nested(number: int, folder: Path) -> Work:
    parts = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(number))
    text = f"{_METADATA}{''.join(parts)}" + "text\n" * 100 * number
    return partial(READERS["METADATA"].read, text.encode(), folder)


def _members(names: Callable[[int], Mapping[str, bytes]]) -> Callable[[int, Path], Work]:
    def make(number: int, folder: Path) -> Work:
        return partial(READERS["wheel"].read, archive_of(names(number)), folder)

    return make


def _source(number: int, folder: Path) -> Work:
    files = {f"a-1/m{n}.py": b"" for n in range(number)}
    return partial(READERS["source"].read, tar_of(files, "w"), folder)


def _wheelhouse(number: int, folder: Path) -> Work:
    house = folder / f"house-{number}"
    for n in range(number):
        make_wheel(house, f"lib{n}", requires=[f"lib{n + 1}"] if n + 1 < number else [])
    return lambda: check(CheckRequest((str(house),), tags=(_TAG,)))


def _page(number: int, folder: Path) -> Work:
    name = "app-%d.0-py3-none-any.whl"
    files = [{"filename": name % n, "url": name % n, "hashes": {}} for n in range(number)]
    text = json.dumps({"meta": {"api-version": "1.1"}, "name": "app", "files": files}).encode()
    return partial(READERS["index page"].read, text, folder)


def _explained(number: int, _folder: Path) -> Work:
    files = tuple(
        FoundFile(FileFact(name, "candidate"), f"https://h.invalid/{name}", best_of=f"{n}.0")
        for n in range(number)
        for name in [f"app-{n}.0-py3-none-any.whl"]
    )
    versions = frozenset(f"{n}.0" for n in range(number))
    listing = JobListing(
        hashed=False,
        requirements=(ListedRequirement("app", "app", "", "", (), "", needed=True, problem=""),),
        constraints=(),
        projects=(("app", FoundProject(files, files[-1].url, versions)),),
    )
    line = parse_typed(1, "app")
    assert isinstance(line, SourceLine)
    job = Job(TARGET, (), (), (line,))
    return lambda: ExplainOutcome((), make_rows([job], [listing], look_up_tag)).as_dict()


_LOCK = 'lock-version = "1.0"\ncreated-by = "another"\n'
_WHEEL = f'url = "https://h.invalid/p%d-1-py3-none-any.whl"\nhashes = {{ sha256 = "{_SHA}" }}\n'
_WRONG = 'url = "ftp://h.invalid/a-1-py3-none-any.whl"'
_METADATA = "Metadata-Version: 2.1\nName: app\nVersion: 1.0\n"
_COMBINING = "\u0301\u0323"

KINDS: Mapping[str, Kind] = {
    "requirements": _text("requirements", f"p%d==1.0 ; tags={_TAG}  # why\n"),
    "requirements with hashes": _text("requirements", " \\\n --hash=sha256:0", "app==1.0"),
    "requirements, wrong": _text("requirements", "p%d ; tag=cp39-cp39-win32\n"),
    "requirements, wrong in one line": _text("requirements", ",cp39-%d-x", "p ; \\\n tags=x"),
    "requirements with variables": _text("requirements", "${NAME}${OTHER%d}", "p", usual=200),
    "constraints": _text("constraints", "p%d==1.0\n"),
    "validate": _text("validate", f"p%d==1.0 ; tags={_TAG}\n"),
    "validate, one project": _text("validate", f"p==1.0 ; tags={_TAG}\n", "p==2\n"),
    "validate, wrong in one line": _text("validate", "; target=a/ ", "a @ https://h "),
    "pyproject": _text("pyproject", '"cp39-cp39-win32",', "[tool.wheeltarget]\ntags=[", "]"),
    "pyproject, dotted": _text("pyproject", f"{'a.' * 30}b%d = 1\n", "[tool.wheeltarget]\n"),
    "pyproject, dots": _text("pyproject", '"\\""."\\"".', "[tool.wheeltarget]\n", "b = 1"),
    "target file": _text(
        "target file",
        '"py3-none-p%d",\n',
        'markers = { python_full_version = "3.9.1" }\ntags = [\n',
        "]",
    ),
    "target file, JSON": _text(
        "target file",
        '"py3-none-p%d",\n',
        '{"markers": {"python_full_version": "3.9.1"}, "tags": [',
        '"py3-none-any"]}',
    ),
    "pylock": _text(
        "pylock", f'[[packages]]\nname = "p%d"\nversion = "1"\n[[packages.wheels]]\n{_WHEEL}', _LOCK
    ),
    "pylock, wrong": _text(
        "pylock",
        f"[[packages.wheels]]\n{_WRONG}\nhashes = {{ md5 = '0' }}\n",
        f'{_LOCK}[[packages]]\nname = "a"\nversion = "1"\n',
    ),
    "pylock, wrong in one line": _text(
        "pylock",
        f"{{ {_WRONG}, hashes = {{ md5 = '0' }} }},",
        f'{_LOCK}[[packages]]\nname = "a"\nversion = "1"\nwheels = [',
        "]",
    ),
    "poetry.lock": _text(
        "poetry.lock",
        f'[[package]]\nname = "p%d"\nversion = "1"\nfiles = [\n{_HASHES}]\n',
        tail='[metadata]\nlock-version = "2.1"\n',
    ),
    "uv.lock": _text(
        "uv.lock",
        f'[[package]]\nname = "p%d"\nversion = "1"\nsource = {{ registry = "x" }}\n'
        f"wheels = [\n{_HASHES}]\n",
        "version = 1\n",
    ),
    "Pipfile.lock": Kind(_pipfile, 100),
    "METADATA": _text("METADATA", "Requires-Dist: p%d>=1 ; extra == 'x'\n", _METADATA),
    "METADATA, nested": Kind(_nested, 10),
    "WHEEL": _text("WHEEL", "Tag: py3-none-p%d\n", "Wheel-Version: 1.0\n"),
    "RECORD": _text("RECORD", "app/m%d.py,sha256=00,1\n"),
    "entry points": _text("entry points", "run%d = app:main\n", "[console_scripts]\n"),
    "wheel of many files": Kind(
        _members(lambda number: {f"app/m{n}.py": b"" for n in range(number)}), 20
    ),
    "wheel, long name": Kind(_members(lambda number: {f"a{_COMBINING * number}": b""}), 700),
    "manifest": _text("manifest", f"{'0' * 64}  wheels/a%d.whl\n"),
    "wheelhouse": Kind(_wheelhouse, 5),
    "source of many files": Kind(_source, 100),
    "build system": _text("build system", '"p%d>=1",\n', "[build-system]\nrequires = [\n", "]"),
    "setup.cfg": _text("setup.cfg", "  p%d>=1\n", "[options]\nsetup_requires =\n"),
    "setup.py": _text("setup.py", "'p%d>=1',\n", "setup(setup_requires=[\n", "])"),
    "answer in chunks": _text(
        "answer", "1\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"
    ),
    "index page": Kind(_page, 100),
    "provenance": _text(
        "provenance",
        '{"publisher": {"kind": "p%d"}, "attestations": [{"envelope": {"statement": "e30="}}]},',
        '{"version": 1, "attestation_bundles": [',
        "{}]}",
        usual=10,
    ),
    "explain": Kind(_explained, 500),
}
"""Every kind of input, with the number of its parts in a usual project."""


def main() -> None:
    """Print the time and the memory for each kind and size."""
    for name, kind in KINDS.items():
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            seconds_of(kind, kind.usual, folder)
            numbers = [kind.usual * step for step in STEPS]
            costs = [(seconds_of(kind, n, folder), memory_of(kind, n, folder)) for n in numbers]
        shown = "   ".join(f"{seconds:7.3f} s {size / 1e6:7.1f} MB" for seconds, size in costs)
        sys.stdout.write(f"{name:32} {shown}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
