"""Locks that are damaged, changed by hand or hostile: refused with the place, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.tags import parse_tag

from tests.support.cli import wheeltarget
from tests.support.index import LocalIndex
from tests.support.locks import TAG, lock_text
from tests.support.wheels import make_wheel
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.errors import InputError
from wheeltarget.lockfile.model import Lock, LockedPackage, write
from wheeltarget.lockfile.reader import (
    KeyPath,
    PinnedFile,
    key_text,
    parse_lock,
)
from wheeltarget.lockfile.select import select_own
from wheeltarget.utils.files import LOCK_FILE
from wheeltarget.utils.toml import toml_text

LOCK = "pylock.x.toml"
Change = Callable[[str], str]


def swap(old: str, new: str) -> Change:
    """Replace what stands in a lock once or more."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def without(word: str) -> Change:
    """Leave every line out that begins so."""

    def change(text: str) -> str:
        kept = [line for line in text.splitlines(keepends=True) if not line.startswith(word)]
        assert "".join(kept) != text
        return "".join(kept)

    return change


def hashes(line: str) -> Change:
    """Replace the hash of every file."""

    def change(text: str) -> str:
        lines = text.splitlines()
        return "\n".join(line if each.startswith("sha256 = ") else each for each in lines)

    return change


WHEEL = "lib-1.0-py3-none-any.whl"
NAMED = f'name = "{WHEEL}"'

HOSTILE: dict[str, tuple[Change, str, int]] = {
    # what is done to the lock, what is said, in which line
    "cut in the middle": (lambda text: text[: len(text) // 2], "not valid TOML", 0),
    "cut behind a package": (
        lambda text: text[: text.index("[tool.wheeltarget]")],
        "tool.wheeltarget: the table with the target of the lock is missing",
        0,
    ),
    "NUL": (swap("1.0", "1.\0"), "not valid TOML", 1),
    "nested deeply": (lambda text: text + "x = " + "[" * 5000, "nested too deeply", 0),
    "endless number": (lambda text: "x = " + "9" * 5000 + "\n" + text, "1000 digits", 1),
    "unknown version": (swap('"1.0"\ncreated', '"2.0"\ncreated'), "lock-version: pylock ver", 1),
    "no version": (without("lock-version"), "lock-version: Missing required value", 0),
    "no packages": (
        lambda text: text[: text.index("[[")] + text[text.index("[tool.wheeltarget]") :],
        "packages: Missing required value",
        0,
    ),
    "packages no list": (
        lambda text: f"{text[: text.index('[[')]}packages = 3\n{text[text.index('[tool.') :]}",
        "packages: Unexpected type int",
        4,
    ),
    "unknown schema": (swap("schema = 1", "schema = 2"), "tool.wheeltarget.schema: 2", 0),
    "no tag": (without("tag = "), "tool.wheeltarget.tag: has to be a string", 0),
    "tag of nothing": (swap(f'tag = "{TAG}"', 'tag = "x"'), "tool.wheeltarget.tag: ", 0),
    "Python of another tag": (swap('"3.12.4"', '"3.11.4"'), "is Python 3.12 by ", 0),
    "no version of Python": (swap('"3.12.4"', '"3.x"'), "'3.x' is not a full version", 0),
    "name not normalised": (swap('name = "lib"', 'name = "Lib"'), "Name 'Lib' is not", 5),
    "no name": (swap('name = "lib"\n', ""), "packages[0].name: Missing required value", 4),
    "path in the name": (swap(NAMED, 'name = "../../lib-1.0-py3-none-any.whl"'), "Invalid whe", 9),
    "absolute name": (swap(NAMED, 'name = "/lib-1.0-py3-none-any.whl"'), "Invalid wheel", 9),
    "drive in the name": (swap(NAMED, 'name = "C:lib-1.0-py3-none-any.whl"'), "Invalid wheel", 9),
    "backslashes": (swap(NAMED, r'name = "..\\lib-1.0-py3-none-any.whl"'), "Invalid wheel", 9),
    "device": (swap(NAMED, 'name = "nul.whl"'), "Invalid wheel", 9),
    "empty name of a file": (swap(f'{NAMED}\nurl = "', 'url = "http://h/?'), "Cannot determine", 4),
    "space in the name": (swap(NAMED, 'name = "lib-1.0-py3-none-any .whl"'), "characters", 10),
    "NUL in the name": (swap(NAMED, r'name = "lib-1.0-py3-none-any\u0000.whl"'), "characters", 10),
    "endless name": (swap(NAMED, f'name = "{"a" * 300}-1.0-py3-none-any.whl"'), "Name in 'aaa", 9),
    "no distribution": (swap(NAMED, 'name = "lib.exe"'), "Invalid wheel", 9),
    "no wheel": (swap(NAMED, 'name = "lib-1.0.tar.gz"'), "Invalid wheel", 9),
    "escaped traversal": (
        swap(f'{NAMED}\nurl = "', f'url = "http://h/..%2F..%2F{WHEEL}?'),
        "packages[0].wheels[0]: Invalid wheel filename '..",
        9,
    ),
    "another project": (swap(NAMED, 'name = "bil-1.0-py3-none-any.whl"'), "Name in 'bil-1.0", 9),
    "another version": (swap(NAMED, 'name = "lib-2.0-py3-none-any.whl"'), "Version in 'lib-2.0", 9),
    "file URL": (swap('url = "http:', 'url = "file:'), "the scheme file,", 11),
    "FTP": (swap('url = "http:', 'url = "ftp:'), "the scheme ftp,", 11),
    "no scheme": (swap('url = "http:', 'url = "'), "no scheme, but", 11),
    "no host": (swap('url = "http://', 'url = "http:///'), "the URL has no host", 11),
    "bad port": (swap('url = "http://', 'url = "http://h:99999/'), "not a valid URL", 11),
    "credentials": (swap('url = "http://', 'url = "http://me:secret@'), "credentials", 11),
    "line end in a URL": (swap('/files/lib-', r'/files/\r\nX: y/lib-'), "invalid character", 11),
    "neither URL nor path": (without("url = "), "path or url must be provided", 9),
    "absolute path": (swap('url = "http:', 'path = "'), "is not relative to the lock", 11),
    "drive path": (swap('url = "http://', 'path = "C:\\\\'), "is not relative to the lock", 11),
    "no hash": (without("[packages.wheels.hashes]"), "hashes: Missing required value", 0),
    "weak hash": (hashes('md5 = "0"'), "hashes: there is no sha256, only md5", 14),
    "short hash": (hashes('sha256 = "0"'), "has to be 64 hexadecimal digits", 15),
    "hash no text": (hashes("sha256 = 1"), "hashes: Hash values must be strings", 14),
    "size no number": (swap("size = ", "size = -"), "has to be a number of bytes", 12),
    "twice": (
        swap("[tool.wheeltarget]", '[[packages]]\nname = "lib"\nversion = "1.0"\n'
             '[packages.sdist]\nname = "lib-1.0.tar.gz"\nurl = "http://h/lib-1.0.tar.gz"\n'
             f'hashes = {{sha256 = "{"0" * 64}"}}\n[tool.wheeltarget]'),
        "packages[1]: lib is there twice, first in packages[0]",
        17,
    ),
    "repository": (
        swap("[tool.wheeltarget]", '[[packages]]\nname = "repo"\n[packages.vcs]\ntype = "git"\n'
             'url = "http://h/x"\ncommit-id = "0"\n[tool.wheeltarget]'),
        "packages[1].vcs: cannot be fetched by its hash: it is not a file",
        0,
    ),
    "marker": (
        swap('name = "lib"\n', 'name = "lib"\nmarker = "os_name == \'nt\'"\n'),
        "packages[0].marker: a lock for one target has no markers",
        6,
    ),
    "for another Python": (
        swap("created-by", 'requires-python = "<3"\ncreated-by'),
        "has Python 3.12.4, but the lock requires <3",
        2,
    ),
    "for another environment": (
        swap('created-by = "wheeltarget"\n',
             'created-by = "wheeltarget"\nenvironments = ["os_name == \'nt\'"]\n'),
        "is not in the environments of the lock",
        3,
    ),
    "specifier that is none": (
        swap('name = "lib"\n', 'name = "lib"\nrequires-python = "3!"\n'),
        "packages[0].requires-python: ",
        6,
    ),
    "wheel of Windows": (
        swap(WHEEL, "lib-1.0-cp312-cp312-win_amd64.whl"), "is for another target than", 9),
    "wheel of a newer glibc": (
        swap(WHEEL, "lib-1.0-cp312-cp312-manylinux_2_34_x86_64.whl"), "another target than", 9),
}  # fmt: skip


@pytest.fixture
def text(tmp_path: Path) -> str:
    """Return a good lock of one wheel."""
    return lock_text([make_wheel(tmp_path / "index", "lib")], "http://127.0.0.1:9")


@pytest.mark.parametrize("case", HOSTILE)
def test_refused_with_the_place(case: str, text: str, tmp_path: Path) -> None:
    change, said, line = HOSTILE[case]
    (tmp_path / LOCK).write_text(change(text))
    before = sorted(tmp_path.rglob("*"))
    arguments = ("-r", str(tmp_path / LOCK), "-d", str(tmp_path / "wheelhouse"), "--no-cache-dir")
    request = DownloadRequest(arguments)
    with pytest.raises(InputError) as caught:
        download_locked(request)
    first = caught.value.faults[0]
    assert said in first.message
    if first.location is not None:
        assert first.location.file == str(tmp_path / LOCK)
        assert line in {0, first.location.line}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../lib.zip", "is not a plain file name"),
        ("C:lib.zip", "is not a plain file name"),
        (r"..\\lib.zip", "is not a plain file name"),
        ("nul.zip", "is the name of a device on Windows"),
        ("lib .zip", "has characters that no name of a distribution may have"),
        (f"{'a' * 300}.zip", "is too long for a file name (304 characters)"),
        ("lib.exe", "is neither a wheel nor a source distribution"),
    ],
)
def test_name_of_an_archive_is_one_on_every_system(name: str, said: str) -> None:
    head = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "lib"\n'
    entry = f'name = "{name}"\nurl = "http://h/x"\nhashes = {{ sha256 = "{"0" * 64}" }}\n'
    _, (fault,) = parse_lock(LOCK, f"{head}[packages.archive]\n{entry}".encode())
    assert fault.message.startswith("packages[0].archive.name: ")
    assert fault.message.endswith(said)
    assert (fault.location and fault.location.line) == 6


_DIGITS = "9" * 5000

NUMBERS = {
    "size": (swap("size = ", f"size = {_DIGITS} # "), 12),
    "size in hexadecimal": (swap("size = ", f"size = 0x{'f' * 5000} # "), 12),
    "lock-version": (swap('lock-version = "1.0"', f"lock-version = {_DIGITS}"), 1),
    "lock-version as a text": (swap('lock-version = "1.0"', f'lock-version = "1.{_DIGITS}"'), 1),
    "schema": (swap("schema = 1", f"schema = {_DIGITS}"), 18),
    "schema in hexadecimal": (swap("schema = 1", f"schema = 0x{'f' * 5000}"), 18),
    "schema in binary": (swap("schema = 1", f"schema = 0b{'1' * 20_000}"), 18),
    "version": (swap('version = "1.0"\nindex', f'version = "1.{_DIGITS}"\nindex'), 6),
    "python": (swap('python = "3.12.4"', f'python = "3.12.{_DIGITS}"'), 21),
    "tag": (swap('tag = "cp312', f'tag = "cp3{_DIGITS}'), 20),
    "requires-python": (swap("index = ", f'requires-python = ">=3.{_DIGITS}"\nindex = '), 7),
    "marker": (swap("index = ", f"marker = \"python_version > '3.{_DIGITS}'\"\nindex = "), 7),
}
"""A change to a lock that makes a number too long, and its line."""


@pytest.mark.parametrize("case", NUMBERS)
def test_number_of_thousands_of_digits(case: str, text: str) -> None:
    change, line = NUMBERS[case]
    lock, (fault,) = parse_lock(LOCK, change(text).encode())
    assert lock is None
    assert fault.message == "a number has more than 1000 digits"
    assert fault.location is not None
    assert (fault.location.file, fault.location.line) == (LOCK, line)
    assert len(fault.source) < 200


@pytest.mark.parametrize("size", ["-1", str(2**63), f"0x{'f' * 90}", "9" * 900])
def test_size_that_no_file_has(size: str, text: str) -> None:
    _, (fault,) = parse_lock(LOCK, swap("size = ", f"size = {size} # ")(text).encode())
    assert fault.message == "packages[0].wheels[0].size: has to be a number of bytes"


@pytest.mark.thorough
def test_many_almost_too_long_numbers_are_read_in_linear_time() -> None:
    head = 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\nx = [\n'
    lock, faults = parse_lock(LOCK, f"{head}{('9' * 1000 + ',' + chr(10)) * 10_000}]\n".encode())
    assert (lock is not None, faults) == (True, [])


def test_every_fault_is_told(text: str) -> None:
    wrong = hashes('sha256 = "0"')(swap('url = "http:', 'url = "file:')(text))
    _, faults = parse_lock(LOCK, wrong.encode())
    assert [fault.message.partition(":")[0] for fault in faults] == [
        "packages[0].wheels[0].url",
        "packages[0].wheels[0].hashes.sha256",
    ]


@pytest.mark.parametrize("inline", [True, False])
def test_thousands_of_faults_have_their_places(inline: bool) -> None:
    head = 'lock-version = "1.0"\ncreated-by = "x"\n'
    archive = 'archive = { url = "http://h/x.zip", hashes = { md5 = "0" } }'
    if inline:
        lines = [f'  {{ name = "p{n}", {archive} }},\n' for n in range(3000)]
        text = f"{head}packages = [\n{''.join(lines)}]\n"
    else:
        text = head + "".join(f'[[packages]]\nname = "p{n}"\n{archive}\n' for n in range(3000))
    _, faults = parse_lock(LOCK, text.encode())
    assert len(faults) == 3000
    for number in (0, 1, 2999):
        fault = faults[number]
        place = f"packages[{number}].archive.hashes"
        assert fault.message == f"{place}: there is no sha256, only md5"
        assert fault.location is not None
        assert fault.location.line == (4 + number if inline else 5 + 3 * number)
        assert fault.source == text.splitlines()[fault.location.line - 1]


def test_terminal_is_told_nothing(text: str, tmp_path: Path) -> None:
    _, (fault,) = parse_lock(LOCK, swap('target = "', 'target = "\\u001b[31m')(text).encode())
    assert fault.message == "tool.wheeltarget.target: has a character that cannot be printed"
    (tmp_path / LOCK).write_text('x = "\x1b[31m\x9b"\n', "utf-8")
    run = wheeltarget("download", "-r", LOCK, "--tags", TAG, cwd=tmp_path)
    assert run.exit_code == 1
    assert f"{LOCK}:1:6: error: not valid TOML: Illegal character" in run.stderr
    assert "\x1b" not in run.stderr


def test_too_large_and_no_text() -> None:
    _, (large,) = parse_lock(LOCK, b" " * (LOCK_FILE.size + 1))
    assert "32 MiB" in large.message
    _, (strange,) = parse_lock(LOCK, 'lock-version = "1.0"\nx = "é"'.encode("latin-1"))
    assert strange.location is not None
    assert (strange.location.line, strange.location.column) == (2, 6)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_lock_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever single piece of a lock is lost or doubled, no other error than a fault comes."""
    text = _GOOD
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))
    piece = data.draw(st.sampled_from(["", text[start:end] * 2, "\0", "[[", '"', "= 1\n", "é"]))
    lock, faults = parse_lock(LOCK, (text[:start] + piece + text[end:]).encode())
    assert bool(lock) != bool(faults)
    for file in lock.files.values() if lock else ():
        assert "/" not in file.filename
        assert file.url.startswith("http://")
        assert len(file.sha256) == 64


_GOOD = (
    'lock-version = "1.0"\ncreated-by = "wheeltarget"\n\n[[packages]]\nname = "lib"\n'
    'version = "1.0"\n\n[[packages.wheels]]\nurl = "http://h/lib-1.0-py3-none-any.whl"\n'
    f'size = 3\n\n[packages.wheels.hashes]\nsha256 = "{"0" * 64}"\n\n[tool.wheeltarget]\n'
    f'schema = 1\ntarget = "{TAG}"\ntag = "{TAG}"\npython = "3.12.4"\n'
)


def test_no_server_is_asked_for_a_hostile_lock(tmp_path: Path, index: LocalIndex) -> None:
    wheels = [make_wheel(tmp_path / "index", name) for name in ("good", "lib")]
    text = lock_text(wheels, index.base).replace(f'name = "{WHEEL}"', f'name = "../{WHEEL}"')
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(InputError):
        download_locked(DownloadRequest(("-r", str(tmp_path / LOCK), "-d", str(tmp_path / "w"))))
    assert index.requests == ()


@settings(max_examples=50, deadline=None)
@given(
    pins=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?", fullmatch=True),
        st.tuples(
            st.from_regex(r"[1-9]{1,3}(\.[1-9]{1,2}){0,2}(rc1)?(\+local)?", fullmatch=True),
            st.sampled_from(["py3-none-any", TAG, "cp38-abi3-manylinux1_x86_64"]),
            st.none() | st.integers(0, 10**12),
            st.binary(min_size=32, max_size=32),
        ),
        max_size=6,
    )
)
def test_what_a_lock_names_is_what_a_download_takes(
    pins: dict[str, tuple[str, str, int | None, bytes]],
) -> None:
    """Written by ``lock`` and read for a download, a lock has the same files."""
    files = {
        name: LockedPackage(
            name,
            version,
            filename=f"{name.replace('-', '_')}-{version}-{tag}.whl",
            sha256=digest.hex(),
            url=f"https://files.example/{number}/{name.replace('-', '_')}-{version}-{tag}.whl",
            size=size,
        )
        for number, (name, (version, tag, size, digest)) in enumerate(pins.items())
    }
    text = write(Lock("box", TAG, "3.12.4", (), tuple(files.values())))
    lock, faults = parse_lock("pylock.box.toml", text.encode())
    assert lock is not None, faults
    (selection,), faults = select_own(lock, lambda *_: pytest.fail("no other target is looked up"))
    assert faults == []
    assert (selection.label, selection.target.python) == ("box", "3.12.4")
    lines = text.splitlines()
    taken = {file.project: file for file in selection.files}
    assert taken.keys() == files.keys()
    for name, file in files.items():
        pin = taken[name]
        mine = (pin.filename, pin.url, pin.size, pin.sha256, pin.version)
        assert mine == (file.filename, file.url, file.size, file.sha256, pins[name][0])
        assert lines[pin.line] == f'name = "{name}"'


FILE = PinnedFile(
    "lib", "1", "lib-1-py2.py3-none-any.whl", "http://h/x", "", "", None, None, "", 1, ()
)
pieces = st.text(max_size=20) | st.sampled_from(["..", "/", "\\\\", "nul", "C:", "%2F", "\0", "~"])


@pytest.mark.parametrize(
    ("key_path", "text"),
    [
        ((), ""),
        (("packages",), "packages"),
        (("packages", 3, "wheels", 0, "hashes"), "packages[3].wheels[0].hashes"),
    ],
)
def test_path_to_a_value(key_path: KeyPath, text: str) -> None:
    assert key_text(key_path) == text


@pytest.mark.parametrize(
    "tag", ["py2.py3-none-any", "cp39-abi3-manylinux1_x86_64.manylinux2014_x86_64"]
)
def test_tags_are_those_of_packaging(tag: str) -> None:
    assert replace(FILE, filename=f"lib-1-{tag}.whl").tags == set(map(str, parse_tag(tag)))


@given(st.lists(pieces, max_size=4).map("".join), st.sampled_from(["name", "url", "path"]))
def test_no_file_leaves_its_folder(text: str, key: str) -> None:
    """Whatever a lock calls a file, a name that is kept is one plain name on every system."""
    wheel = "lib-1-py3-none-any.whl"
    values = {
        "name": {"name": text + wheel, "url": f"http://h/{wheel}"},
        "url": {"url": f"http://h/{text}{wheel}"},
        "path": {"path": text + wheel},
    }
    entry = {**values[key], "hashes": {"sha256": "0" * 64}}
    packages = [{"name": "lib", "wheels": [entry]}]
    table = {"lock-version": "1.0", "created-by": "x", "packages": packages}
    lock, faults = parse_lock("pylock.toml", toml_text(table).encode())
    assert bool(lock) != bool(faults)
    for file in lock.files.values() if lock else ():
        assert PurePosixPath(file.filename).parts == (file.filename,)
        assert PureWindowsPath(file.filename).parts == (file.filename,)
        assert file.url.startswith("http://h/") or not file.path.startswith(("/", "\\", "~"))
