"""Locks as values: written, read again, and refused where they are not as we write them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.support.provenance import IDENTITY
from wheeltarget.errors import InputError, LockError
from wheeltarget.lockfile.model import Attestation, Lock, LockedPackage, read, to_pylock, write
from wheeltarget.utils.toml import toml_text

FLASK = LockedPackage(
    "flask",
    "3.0.0",
    "flask-3.0.0-py3-none-any.whl",
    "ab" * 32,
    url="https://host.invalid/f/flask-3.0.0-py3-none-any.whl",
    size=3,
    index="https://host.invalid/simple/",
    requires_python=">=3.8",
    dependencies=("click",),
)
CLICK = LockedPackage(
    "click",
    "8.0",
    "click-8.0.tar.gz",
    "cd" * 32,
    path="../house/click-8.0.tar.gz",
)
LOCK = Lock(
    "cp312-cp312-win_amd64",
    "cp312-cp312-win_amd64",
    "3.12.11",
    ("flask ; tags=cp312-cp312-win_amd64", "-c click<9"),
    (FLASK, CLICK),
    'sys_platform == "win32"',
    "==3.12.*",
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-z][a-z0-9]{0,4}(-[a-z0-9]{1,3})?", fullmatch=True)
versions = st.sampled_from(["1", "1.0", "2!1.0.post1", "1.0rc1", "1.0+cpu.1"]).map(
    lambda text: str(Version(text))
)
pythons = st.sampled_from(["", ">=3.8", "<4,>=3.8,!=3.9.1", "==3.12.*"]).map(
    lambda text: str(SpecifierSet(text))
)


labels = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=12
)


ATTESTED = Attestation(
    "https://host.invalid/provenance",
    (IDENTITY, {"kind": "Odd", "claims": {"a": ["1"], "b": True}}),
)


@st.composite
def packages(draw: st.DrawFn, name: str) -> LockedPackage:
    version, stem = draw(versions), name.replace("-", "_")
    ending = draw(st.sampled_from(["-py3-none-any.whl", "-1x-cp312-abi3-win32.whl", ".tar.gz"]))
    filename = f"{stem}-{version}{ending}"
    place = draw(st.sampled_from(["https://host.invalid/a%20b/", "wheels/", "../"]))
    kind = "url" if ":" in place else "path"
    direct = draw(st.booleans())
    return LockedPackage(
        name,
        version,
        filename,
        draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        size=draw(st.none() | st.integers(0, 2**40)),
        direct=direct,
        index=draw(st.sampled_from(["", "https://host.invalid/simple/"])),
        requires_python=draw(pythons),
        dependencies=tuple(draw(st.lists(names, max_size=3))),
        subdirectory=draw(st.sampled_from(["", "src/app"])) if direct else "",
        uploaded=None if direct else draw(st.none() | st.datetimes(timezones=st.just(UTC))),
        url="" if kind == "path" else place + filename,
        path=place + filename if kind == "path" else "",
        attested=draw(st.sampled_from([None, ATTESTED])),
    )


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    chosen = draw(st.lists(names, unique=True, max_size=4))
    return Lock(
        draw(labels),
        draw(labels),
        draw(st.sampled_from(["2.7.18", "3.9.25", "3.14.0"])),
        tuple(draw(st.lists(texts, max_size=3))),
        tuple(draw(packages(name)) for name in chosen),
        draw(st.sampled_from(["", 'sys_platform == "linux" and python_version == "3.12"'])),
        draw(pythons),
        draw(st.sampled_from([(), ("boto3",), ("boto3", "nvidia-*")])),
    )


@given(locks())
def test_lock_written_and_read_is_the_same(lock: Lock) -> None:
    text = write(lock)
    assert read(text, "pylock.toml") == lock
    assert write(read(text, "pylock.toml")) == text


@given(locks(), st.randoms(use_true_random=False))
def test_order_of_what_is_locked_plays_no_part(lock: Lock, random: object) -> None:
    shuffled = list(lock.packages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    inputs = (*reversed(lock.inputs), *lock.inputs)
    assert write(replace(lock, packages=tuple(shuffled), inputs=inputs)) == write(lock)


tables = st.recursive(
    texts | st.booleans() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, tables, max_size=4))
def test_toml_written_is_read_as_it_was(table: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_text_of_a_lock() -> None:
    assert (
        write(LOCK).replace("cd" * 32, "CLICK").replace("ab" * 32, "FLASK")
        == """\
lock-version = "1.0"
environments = [
    'sys_platform == "win32"',
]
requires-python = "==3.12.*"
created-by = "wheeltarget"

[[packages]]
name = "click"
version = "8.0"

[packages.sdist]
name = "click-8.0.tar.gz"
path = "../house/click-8.0.tar.gz"
hashes = { sha256 = "CLICK" }

[[packages]]
name = "flask"
version = "3.0.0"
requires-python = ">=3.8"
dependencies = [
    { name = "click" },
]
index = "https://host.invalid/simple/"

[[packages.wheels]]
name = "flask-3.0.0-py3-none-any.whl"
url = "https://host.invalid/f/flask-3.0.0-py3-none-any.whl"
size = 3
hashes = { sha256 = "FLASK" }

[tool.wheeltarget]
schema = 1
target = "cp312-cp312-win_amd64"
tag = "cp312-cp312-win_amd64"
python = "3.12.11"
inputs = [
    "-c click<9",
    "flask ; tags=cp312-cp312-win_amd64",
]
digest = "sha256:581ab05d39e2d8bc98579eafa53f5f23028c24fc30264c024e777a11de5741ed"
"""
    )


def test_standard_reads_it() -> None:
    pylock = Pylock.from_dict(tomllib.loads(write(LOCK)))
    assert pylock == to_pylock(LOCK)


def test_url_that_is_none_is_refused_with_its_place() -> None:
    hashes = f'hashes = {{ sha256 = "{"ab" * 32}" }}'
    package = (
        f'[[packages]]\nname = "x"\nversion = "1"\narchive = {{ url = "http://[", {hashes} }}\n'
    )
    text = write(LOCK).replace("[tool.wheeltarget]", f"{package}[tool.wheeltarget]")
    with pytest.raises(InputError) as caught:
        read(text, "lock.toml")
    fault, *_ = caught.value.faults
    assert fault.message == "packages[2].archive.url: not a valid URL: Invalid IPv6 URL"
    assert (fault.source, fault.location and fault.location.column) == (
        package.splitlines()[-1],
        len("archive = { u"),
    )


@pytest.mark.parametrize(
    ("old", "new", "message", "line", "column"),
    [
        ("size = 3", "size = ''", "size: Unexpected type str", "size = ''", 1),
        (f'"{"ab" * 32}"', "3", "Hash values must be strings", "hashes = {", 1),
        (f'{{ sha256 = "{"cd" * 32}" }}', "{}", "At least one hash", "hashes = {}", 1),
        ('version = "8.0"', 'version = "eight"', "Invalid version: 'eight'", "version = ", 1),
        ('url = "https:', "url = http:", "Invalid value", "", 7),
        ('name = "flask"', 'nome = "flask"', "name: Missing required value", "[[packages]]", 1),
        (
            'name = "flask-3',
            'name = "../flask-3',
            "Invalid wheel filename '../flask",
            "[[packages.wheels]]",
            1,
        ),
        (
            "lock-version = ",
            'lock-version = "2.0" #',
            "version 2.0 is not",
            'lock-version = "2.0" #',
            1,
        ),
        ('{ name = "click" }', '{ nome = "click" }', "of flask has no name", "[[packages]]", 1),
        ("[tool.wheel", "[tool.oth", "is missing", "lock-version", 1),
        ("schema = 1", "schema = 2", "2 is not known to this wheeltarget", "schema = 2", 1),
        ("schema = 1", "", "schema: is missing", "[tool.wheeltarget]", 1),
        ('target = "cp', 'target = 1 # "', "target: has to be a string", "target = 1 #", 1),
        ('"-c click<9"', "9", "inputs: has to be a list of strings", "inputs = [", 1),
        ("-c click<9", "-c click<8", "changed by hand", "digest = ", 1),
        (
            "[[packages]]",
            "[[packages]]\nmarker = \"os_name=='nt'\"",
            "a lock for one target has no markers",
            "marker = ",
            1,
        ),
        ('version = "3.0.0"\n', "", "flask has no version", "[[packages]]", 1),
        ('requires-python = ">=3.8"', 'requires-python = "3"', "Invalid", "requires-python", 1),
    ],
)
def test_lock_that_was_changed_is_refused(
    old: str, new: str, message: str, line: str, column: int
) -> None:
    text = write(LOCK)
    assert old in text
    with pytest.raises(InputError) as refused:
        read(text.replace(old, new, 1), "pylock.x.toml")
    (fault,) = refused.value.faults
    assert message in fault.message
    assert fault.source.startswith(line)
    assert fault.location is not None
    changed = text.replace(old, new, 1).splitlines()
    assert fault.source in {changed[fault.location.line - 1], ""}
    assert fault.location.column == column


@given(st.data())
def test_lock_that_is_cut_off_is_refused_or_names_no_less(data: st.DataObject) -> None:
    text = write(LOCK)
    cut = text[: data.draw(st.integers(0, len(text) - 2))]
    with pytest.raises(InputError) as refused:
        read(cut, "pylock.x.toml")
    assert all(fault.location for fault in refused.value.faults)


@pytest.mark.parametrize(
    "wrong",
    [
        {"filename": "../x.whl"},
        {"filename": "a\\x.whl"},
        {"filename": ""},
        {"sha256": ""},
        {"url": ""},
        {"path": "x.whl"},
    ],
)
def test_file_that_no_lock_can_name(wrong: dict[str, object]) -> None:
    with pytest.raises(LockError):
        replace(FLASK, **wrong)  # type: ignore[arg-type]


def test_file_with_two_places_is_that_of_its_path() -> None:
    text = write(LOCK).replace(
        'path = "../house', 'url = "https://host.invalid/x"\npath = "../house'
    )
    assert text != write(LOCK)
    assert read(text, "pylock.x.toml") == LOCK


@pytest.mark.parametrize("instead", ["", "wheels = []\n"])
def test_project_without_a_file_is_refused(instead: str) -> None:
    before, _, rest = write(LOCK).partition("[[packages.wheels]]")
    _, _, after = rest.partition("[tool.wheeltarget]")
    with pytest.raises(InputError) as refused:
        read(f"{before}{instead}[tool.wheeltarget]{after}", "pylock.x.toml")
    (fault,) = refused.value.faults
    assert fault.location is not None
    assert fault.location.line == before.count("\n", 0, before.rindex("[[packages]]")) + 1


def test_lock_of_another_tool_is_told_so() -> None:
    text = write(LOCK).partition("[tool")[0].replace('"wheeltarget"', '"somebody"')
    with pytest.raises(InputError, match="was not made by wheeltarget") as refused:
        read(text, "pylock.x.toml")
    (fault,) = refused.value.faults
    assert (fault.source, fault.hint) == (
        'created-by = "somebody"',
        "delete the file and lock again",
    )


def test_what_nobody_could_fetch_is_not_written() -> None:
    for wrong in ({"url": "ftp://host.invalid/flask-3.0.0-py3-none-any.whl"}, {"size": -1}):
        package = replace(FLASK, **wrong)
        with pytest.raises(LockError, match=r"cannot make a lock for cp312.*packages\[1\]"):
            write(replace(LOCK, packages=(CLICK, package)))


def test_project_is_there_once() -> None:
    with pytest.raises(LockError, match="flask is there twice"):
        replace(LOCK, packages=(FLASK, FLASK))


def test_what_the_standard_does_not_admit_is_not_written() -> None:
    with pytest.raises(LockError, match="cannot make a lock for cp312"):
        write(replace(LOCK, packages=(replace(FLASK, version="2"),)))


@pytest.mark.parametrize("value", ['"boto3"', "[1]", '["boto3>1"]', '["Boto3"]', '["*"]'])
def test_what_was_left_out_has_to_be_names_and_globs(value: str) -> None:
    text = write(replace(LOCK, excluded=("boto3",)))
    changed = re.sub(r"excluded = \[[^\]]*\]", f"excluded = {value}", text)
    with pytest.raises(InputError) as caught:
        read(changed, "pylock.toml")
    (fault,) = caught.value.faults
    message = "tool.wheeltarget.excluded: has to be a list of names of projects, or globs"
    assert (fault.message, fault.source.partition(" ")[0]) == (message, "excluded")
