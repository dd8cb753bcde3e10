"""The readers of files from outside, and valid files for each."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import socket
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from packaging.requirements import Requirement

from tests.support.provenance import provenance, statement
from wheeltarget.cli.output.text import Style, format_fault
from wheeltarget.commands.lock.files import read_old
from wheeltarget.commands.pack.layout import Pack, PackedFile, PackTarget, facts_of, read_manifest
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack
from wheeltarget.commands.validate.lint import check_text, fix_text
from wheeltarget.errors import Fault, InputError, WheeltargetError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.reader import parse_lock
from wheeltarget.lockfile.select import select, select_own
from wheeltarget.network.http import Connection
from wheeltarget.network.transfer import (
    BrokenError,
    RetryPolicy,
    StatusError,
    UnreachableError,
    receive,
)
from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage
from wheeltarget.pip_config.options import read_configuration
from wheeltarget.pip_config.project_indexes import read_indexes
from wheeltarget.requirements.parser import decode, read_inputs
from wheeltarget.targets import catalog
from wheeltarget.targets.names import Projects
from wheeltarget.utils.text import json_text
from wheeltarget.utils.toml import toml_text
from wheeltarget.wheelhouse.archive import describe_damage
from wheeltarget.wheelhouse.building import read_needs
from wheeltarget.wheelhouse.closure import Available, read_metadata, walk
from wheeltarget.wheelhouse.provenance import read_provenance
from wheeltarget.wheelhouse.source import DAMAGE
from wheeltarget.wheelhouse.wheel import read_wheel

TAG = "cp312-cp312-manylinux_2_28_x86_64"
TARGET = catalog.look_up_tag(TAG)
OTHER = catalog.look_up_tag("cp27-cp27mu-manylinux1_x86_64")

Read = Callable[[bytes, Path], None]
"""Reads input; the folder is empty, or has what earlier input left in it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader, and some valid files for it."""

    read: Read
    seeds: tuple[bytes, ...]


def reported(read: Callable[[], object]) -> None:
    """Read something, and show what is wrong with it, as a command does.

    :raises Exception: any but the package's own errors.
    """
    try:
        read()
    except InputError as error:
        show(*error.faults)
    except WheeltargetError as error:
        show(Fault(error.message, error.hint))


def show(*faults: Fault) -> None:
    """Write faults as text and as JSON."""
    style = Style(io.StringIO(), coloured=False)
    for fault in faults:
        format_fault(fault, style).encode("utf-8", "backslashreplace")
        json_text({"message": fault.message, "hint": fault.hint}).encode()


# Requirements

_REQUIREMENTS = (
    b"""\
# tags=cp39-cp39-manylinux2014_x86_64
--index-url https://example.invalid/simple
requests[socks]~=2.3 ; python_version < "3.13" ; tags=cp39-cp39-win32, cp310-cp310-win_amd64
six==1.16.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11  # target=./t.toml
-r other.txt
-c "more constraints.txt"
-e git+https://example.invalid/x#egg=x  # tags=cp312-cp312-any
app @ https://example.invalid/app-1-py3-none-any.whl ; tags=cp312-cp312-win32
./folder ; target=aws-lambda-python3.12-arm64
${NAME}==1 ; extra == 'a' and (os_name == "nt" or python_version in "2.7, 3.0")
""",
    "# -*- coding: latin-1 -*-\nnumpy # tag=cp39-cp39-win32, é\n".encode("latin-1"),
    "a ; Tags: cp39-cp39-win32\nb --hash=sha256:00 ; target=host\n".encode("utf-16"),
    b"a==1 # x # tags=cp39-cp39-win32 ; target=host\r\nb ; tags=cp39-cp39-win32\rc\n",
)


def _read_requirements(data: bytes, folder: Path, *, name: str, constraint: bool) -> None:
    def read(path: str) -> tuple[bytes, bool]:
        if Path(path).name in {name, "other.txt"}:
            return data, True
        raise FileNotFoundError(2, "no such file")

    inputs = read_inputs(
        (data[:200].decode("utf-8", "surrogateescape"),),
        [(str(folder / name), constraint)],
        read=read,
        read_nested=read,
        environment={"NAME": "name"}.get,
    )
    show(*inputs.faults, *inputs.unread)
    for locked in inputs.locked:
        Requirement(locked.constraint)


def _validate(data: bytes, folder: Path) -> None:
    look_up = functools.partial(_look_up_in, folder)
    with contextlib.suppress(ValueError, LookupError):
        text = decode(data, "utf-8")
        show(*(each.fault for each in check_text("r.txt", text, look_up)))
        fixed, _ = fix_text("r.txt", text, look_up)
        check_text("r.txt", fixed, look_up)


def _look_up_in(folder: Path, key: str, text: str, _folder: str) -> Any:
    return catalog.look_up(key, text, str(folder), Projects())


# Targets

_PROJECT = b"""\
[project]
name = "app"
dependencies = ["six"]
[tool.wheeltarget]
tags = ["cp39-cp39-win32", "cp310-cp310-any,cp311-cp311-win32"]
target = "mine"
[tool.wheeltarget.targets.mine]
tag = "cp312-cp312-manylinux_2_28_x86_64"
markers = { platform_release = "6" }
[tool.wheeltarget.indexes]
"acme-*" = "https://me:secret@example.invalid/simple"
torch = 'file:///srv/simple'
"""
_TARGET_FILES = (
    b'schema = 1\nname = "here"\ntag = "cp39-cp39-win32"\nmarkers = { os_name = "nt" }\n',
    b'tags = ["cp39-cp39-win32", "py3-none-any"]\n[markers]\npython_full_version = "3.9.1"\n',
    b'{"schema": 1, "tags": ["cp39-cp39-win32"], "markers": {"python_full_version": "3.9.1"}}',
    (
        b'{"compatible_tags": ["cp39-cp39-win32"], "marker_environment": '
        b'{"python_full_version": "3.9.1", "os_name": null, "extra": "x"}}'
    ),
    (
        b"pip version: pip 23 (python 3.9)\nsys.version: 3.9.1 (default)\nsys.platform: linux\n"
        b"Compatible tags: 2\n  cp39-cp39-manylinux2014_x86_64\n  py3-none-any\n"
    ),
)


def _read_project(data: bytes, folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(data)
    reported(lambda: Projects().defaults(folder))
    reported(lambda: read_indexes((), Projects().index_table(folder), folder))
    reported(lambda: catalog.look_up("target", "mine", str(folder), Projects()))


def _read_target(data: bytes, folder: Path) -> None:
    path = folder / "target.toml"
    path.write_bytes(data)
    reported(lambda: catalog.read_target_file(path, "target.toml"))


def _read_clause(data: bytes, folder: Path) -> None:
    text = data.decode("utf-8", "surrogateescape")[:2000]
    for key in ("tags", "target"):
        reported(functools.partial(catalog.look_up, key, text, str(folder)))


# Locks

_SHA = b"0" * 64
_PYLOCK = b"""\
lock-version = "1.0"
created-by = "another"
requires-python = ">=3.9"
environments = ["sys_platform == 'linux'", "sys_platform == 'win32'"]
extras = ["dev"]
default-groups = ["main"]
[[packages]]
name = "app"
version = "1.0"
marker = "python_version >= '3.9' and 'main' in dependency_groups"
dependencies = [{ name = "lib" }]
wheels = [
    { url = "https://h.invalid/app-1.0-py3-none-any.whl", size = 3, hashes = { sha256 = "%b" } },
    { path = "../app-1.0-cp312-cp312-win32.whl", hashes = { sha256 = "%b", md5 = "0" } },
]
[[packages]]
name = "lib"
version = "2"
[packages.sdist]
name = "lib-2.tar.gz"
url = "https://h.invalid/lib-2.tar.gz"
upload-time = 2025-01-02T03:04:05Z
hashes = { sha256 = "%b" }
[[packages]]
name = "way"
marker = "'dev' in extras"
vcs = { type = "git", url = "https://h.invalid/x", commit-id = "00" }
""" % (_SHA, _SHA, _SHA)
_OWN = (
    b"""\
lock-version = "1.0"
environments = ["python_full_version == '3.12.4'"]
created-by = "wheeltarget"
[[packages]]
name = "app"
version = "1.0"
[[packages.wheels]]
name = "app-1.0-py3-none-any.whl"
url = "https://h.invalid/app-1.0-py3-none-any.whl"
size = 3
hashes = { sha256 = "%b" }
[tool.wheeltarget]
schema = 1
target = "cp312-cp312-manylinux_2_28_x86_64"
tag = "cp312-cp312-manylinux_2_28_x86_64"
python = "3.12.4"
inputs = []
digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""
    % _SHA
)
_POETRY = (
    b"""\
[[package]]
name = "app"
version = "1.0"
groups = ["main", "dev"]
markers = {main = "python_version >= \\"3.9\\"", dev = "extra == 'x' or os_name == 'nt'"}
files = [
    {file = "app-1.0-py3-none-any.whl", hash = "sha256:00"},
]
[package.source]
type = "legacy"
[[package]]
name = "lib"
version = "2"
markers = "extra == 'x' and python_version < '3'"
[metadata]
lock-version = "2.1"
""",
    (
        b'[[package]]\nname = "a"\nversion = "1"\n[metadata]\nlock-version = "1.1"\n'
        b'[metadata.files]\na = [{file = "a-1.tar.gz", hash = "md5:00"}]\n'
    ),
)
_UV = b"""\
version = 1
revision = 3
requires-python = ">=3.9"
resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]
[[package]]
name = "app"
version = "1.0"
source = { registry = "https://h.invalid/simple" }
resolution-markers = ["python_full_version >= '3.12'"]
sdist = { url = "https://h.invalid/app-1.0.tar.gz", hash = "sha256:00", size = 1 }
wheels = [
    { url = "https://h.invalid/app-1.0-py3-none-any.whl", hash = "sha256:11", size = 2 },
]
[[package]]
name = "app"
version = "0.9"
source = { registry = "https://h.invalid/simple" }
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "here"
source = { virtual = "." }
"""
_PIPFILE = (
    json.dumps(
        {
            "_meta": {"hash": {"sha256": "00"}, "pipfile-spec": 6},
            "default": {
                "app": {
                    "hashes": ["sha256:00"],
                    "markers": "python_version >= '3.9'",
                    "version": "==1.0",
                },
                "way": {"git": "https://h.invalid/x", "ref": "00"},
            },
            "develop": {"lib": {"version": "==2", "extras": ["x"]}},
        },
        indent=4,
    ).encode(),
    b'{"_meta":{},"default":{"a":{"version":"==1"},"b":{"version":"==2"}},"develop":{}}',
)


def _read_pylock(data: bytes, folder: Path) -> None:
    name = str(folder / "pylock.toml")
    lock, faults = parse_lock(name, data, ("dev",))
    show(*faults)
    if lock is not None:
        wanted = [(target.label, target) for target in (TARGET, OTHER)]
        show(*select(lock, wanted, frozenset({"lib"}))[1])
        if lock.origin is not None:
            show(*select_own(lock, lambda key, text, folder: _look_up(key, text, folder))[1])


def _look_up(key: str, text: str, folder: str) -> Any:
    return catalog.look_up(key, text, folder) or catalog.host()


def _read_own_lock(data: bytes, folder: Path) -> None:
    for name in ("pylock.here.toml", "requirements.here.txt"):
        (folder / name).write_bytes(data)
        reported(functools.partial(read_old, folder / name, "here"))
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode()
        reported(lambda: model.read(text, "pylock.toml"))


# Wheels

_STEM = "app-1.0"
_FILES: Mapping[str, bytes] = {
    "app.py": b"",
    "app-1.0.data/scripts/run": b"#!python\n",
    "app-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\n"
    b"Requires-Python: >=3.9\nRequires-Dist: lib[x]>=1,<2 ; extra == 'y' and os_name != 'nt'\n"
    b"Provides-Extra: y\nProject-URL: Home, https://h.invalid\nKeywords: a,b\n"
    b"Description-Content-Type: text/markdown; charset=UTF-8\n\n# app\n",
    "app-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
    b"Tag: py2-none-any\nTag: py3-none-any\n",
    "app-1.0.dist-info/entry_points.txt": b"[console_scripts]\nrun = app:main\n[x]\ny = z:a [b]\n",
    "app-1.0.dist-info/RECORD": b"app.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
    b"app-1.0.data/scripts/run,sha256=00,9\napp-1.0.dist-info/METADATA,md5=00,\n"
    b'"app-1.0.dist-info/WHEEL",shake_128=00,3\napp-1.0.dist-info/RECORD,,\n',
}
_NAME = f"{_STEM}-py2.py3-none-any.whl"


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Return the bytes of an archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _read_wheel(data: bytes, folder: Path, *, member: str = "") -> None:
    path = folder / _NAME
    path.write_bytes(
        archive_of({**_FILES, f"{_STEM}.dist-info/{member}": data}) if member else data
    )
    for flaw in read_wheel(path).flaws:
        show(Fault(flaw.message))

    def read() -> None:
        wheel = read_metadata(path)
        for target in (TARGET, OTHER):
            list(walk(Available(target, {wheel.name: (wheel,)}), None))

    reported(read)


def _seeds_of_wheels() -> tuple[bytes, ...]:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, content in _FILES.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = b"a comment"
    return archive_of(_FILES), stored.getvalue()


# The network

_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    b"HTTP/1.0 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
)
_PAGES = tuple(
    json.dumps(
        {
            "meta": {"api-version": "1.1"},
            "name": "app",
            "versions": ["1.0"],
            "files": [
                {
                    "filename": f"app-1.0-{tags}.whl",
                    "url": f"https://h.invalid/app-1.0-{tags}.whl#sha256=00",
                    "hashes": {"sha256": "00"},
                    "requires-python": ">=3.9",
                    "size": 3,
                    "upload-time": "2025-01-02T03:04:05.678Z",
                    "yanked": yanked,
                    "core-metadata": {"sha256": "00"},
                },
                {"filename": "app-1.0.tar.gz", "url": "app-1.0.tar.gz", "hashes": {}},
            ],
        }
    ).encode()
    for tags, yanked in (("py3-none-any", False), ("cp312.cp313-abi3-a.b", "broken"))
)


def _receive(data: bytes, _folder: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.sendall(data[:50_000])
        theirs.shutdown(socket.SHUT_WR)
        connection = Connection(("http", "h.invalid"), 5, lambda: None)  # type: ignore[arg-type,return-value]
        connection._view = memoryview(bytearray(1 << 18))
        http = connection._http = HTTPConnection("h.invalid")
        http.sock = ours
        asked = iter((lambda start: connection.ask("http://h.invalid/x", start),))

        def ask(start: int) -> Any:
            again = next(asked, None)
            if again is None:
                raise UnreachableError("once is enough")
            return again(start)

        with contextlib.suppress(BrokenError, StatusError, UnreachableError):
            reported(lambda: receive(len, None, ask, RetryPolicy(1, 1), lambda _: None))
        connection.close()


def _read_page(data: bytes, _folder: Path) -> None:
    headers = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
    response = SimpleNamespace(url="https://h.invalid/simple/app/", headers=headers, content=data)
    wanted = FileFilter(frozenset(TARGET.tags), sources=True)
    KeptPage(response, wanted)


_ATTESTED = "app-1.0-py3-none-any.whl"
_STATEMENT = statement(_ATTESTED, "0" * 64)
_PROVENANCE = (
    provenance(_STATEMENT),
    provenance(_STATEMENT, _STATEMENT, publisher={"kind": "Odd", "claims": {"a": [1, None]}}),
    provenance(statement("other-1.0.tar.gz", "0" * 64)),
)


def _read_provenance(data: bytes, _folder: Path) -> None:
    reported(lambda: toml_text({"x": list(read_provenance(data, _ATTESTED, "0" * 64))}).encode())


def _read_settings(data: bytes, folder: Path) -> None:
    path = folder / "pip.conf"
    path.write_bytes(data)
    read_configuration({"PIP_CONFIG_FILE": str(path)}, isolated=True)


_PACKED = PackedFile("app-1.0-py3-none-any.whl", "0" * 64, 1, "app", "1.0", ("box",))
_PACK = Pack((PackTarget("box", "box", TAG, facts_of(TARGET)),), (_PACKED,)).as_text().encode()
_MANIFEST = f"{'0' * 64}  pack.json\n{'1' * 64}  wheels/app-1.0-py3-none-any.whl\n".encode()


def _read_pack(data: bytes, _folder: Path) -> None:
    reported(lambda: Pack.read(data))


def _read_manifest(data: bytes, _folder: Path) -> None:
    read_manifest(data, lambda _: None)


def _verify(data: bytes, folder: Path, *, ending: str) -> None:
    path = folder / f"pack{ending}"
    path.write_bytes(data)
    verify_pack(PackVerifyRequest(str(path)))


def _zip_of_a_pack() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("pack/pack.json", _PACK)
        archive.writestr("pack/manifest.sha256", _MANIFEST)
    return stream.getvalue()


def _tar_of_a_pack() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in (("pack.json", _PACK), ("manifest.sha256", _MANIFEST)):
            member = tarfile.TarInfo(f"pack/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _requirements(name: str, *, constraint: bool = False) -> Read:
    return functools.partial(_read_requirements, name=name, constraint=constraint)


def _member(name: str) -> Reader:
    read = functools.partial(_read_wheel, member=name)
    return Reader(read, (_FILES[f"{_STEM}.dist-info/{name}"],))


_SOURCE = {
    "a-1/pyproject.toml": b"""\
[build-system]
requires = ["hatchling>=1", 'more[x] ; python_version < "3.8"', "b @ https://h.invalid/b.zip"]
build-backend = "hatchling.build"
[tool.hatch.build]
dependencies = ["c"]
[tool.hatch.build.hooks.custom]
""",
    "a-1/setup.cfg": b"[options]\nsetup_requires =\n  d\n  e>1 ; os_name == 'nt'\n",
    "a-1/setup.py": b"from setuptools import setup\nsetup(name='a', setup_requires=['f', 'g'])\n",
    "a-1/hatch.toml": b"[build.targets.wheel]\ndependencies = ['h']\n",
}


def tar_of(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """Return the bytes of a tar archive of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _read_source(data: bytes, folder: Path, *, member: str = "") -> None:
    path = folder / "a-1.tar.gz"
    # For setup.py and setup.cfg, without the project file.
    rest = {} if member.startswith("setup") else _SOURCE
    path.write_bytes(tar_of({**rest, f"a-1/{member}": data}, "w") if member else data)
    try:
        needs = read_needs(path)
    except DAMAGE as error:
        show(Fault(describe_damage(error)))
    else:
        show(Fault(f"{needs.requires} {needs.remote} {needs.unknown}"))


def _source_file(name: str) -> Reader:
    return Reader(functools.partial(_read_source, member=name), (_SOURCE[f"a-1/{name}"],))


READERS: Mapping[str, Reader] = {
    "requirements": Reader(_requirements("r.txt"), _REQUIREMENTS),
    "constraints": Reader(_requirements("c.txt", constraint=True), _REQUIREMENTS),
    "validate": Reader(_validate, _REQUIREMENTS),
    "pyproject": Reader(_read_project, (_PROJECT,)),
    "target file": Reader(_read_target, _TARGET_FILES),
    "clause": Reader(
        _read_clause, (TAG.encode(), b"aws-lambda-python3.12-arm64", b"./t.toml", b"pp310-any-any")
    ),
    "pylock": Reader(_read_pylock, (_PYLOCK, _OWN)),
    "own lock": Reader(_read_own_lock, (_OWN,)),
    "poetry.lock": Reader(_requirements("poetry.lock", constraint=True), _POETRY),
    "uv.lock": Reader(_requirements("uv.lock", constraint=True), (_UV,)),
    "Pipfile.lock": Reader(_requirements("Pipfile.lock", constraint=True), _PIPFILE),
    "METADATA": _member("METADATA"),
    "WHEEL": _member("WHEEL"),
    "RECORD": _member("RECORD"),
    "entry points": _member("entry_points.txt"),
    "wheel": Reader(_read_wheel, _seeds_of_wheels()),
    "pack.json": Reader(_read_pack, (_PACK,)),
    "manifest": Reader(_read_manifest, (_MANIFEST,)),
    "pack, zip": Reader(functools.partial(_verify, ending=".zip"), (_zip_of_a_pack(),)),
    "pack, tar": Reader(functools.partial(_verify, ending=".tar.gz"), (_tar_of_a_pack(),)),
    "source": Reader(_read_source, (tar_of(_SOURCE), tar_of(_SOURCE, "w"), archive_of(_SOURCE))),
    "build system": _source_file("pyproject.toml"),
    "setup.cfg": _source_file("setup.cfg"),
    "setup.py": _source_file("setup.py"),
    "hatch.toml": _source_file("hatch.toml"),
    "answer": Reader(_receive, _ANSWERS),
    "index page": Reader(_read_page, _PAGES),
    "provenance": Reader(_read_provenance, _PROVENANCE),
    "settings": Reader(_read_settings, (b"[global]\nindex-url = https://h.invalid\n[download]\n",)),
}
"""Every reader of what somebody else has written, by what it reads."""
