"""Files selected from locks that are for many targets, without a download."""

from __future__ import annotations

import pytest
from packaging.markers import Marker

from tests.support.locks import TAG
from wheeltarget.errors import Fault
from wheeltarget.lockfile.reader import parse_lock
from wheeltarget.lockfile.select import Selection, select
from wheeltarget.targets.catalog import look_up_tag

WINDOWS = "cp312-cp312-win_amd64"
HASHES = f'hashes = {{ sha256 = "{"0" * 64}" }}'


def selected(
    text: str, tag: str, *, extras: tuple[str, ...] = (), sources: frozenset[str] = frozenset()
) -> tuple[Selection, list[Fault]]:
    """Select the files of a lock for one target."""
    lock, faults = parse_lock("pylock.toml", text.encode(), extras)
    assert lock is not None, faults
    (selection,), faults = select(lock, [(tag, look_up_tag(tag))], sources)
    return selection, faults


def test_wheel_that_is_an_archive_is_for_a_target_too() -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "lib"\n'
        f'[packages.archive]\nurl = "http://h/lib-1.0-{WINDOWS}.whl"\n{HASHES}\n'
    )
    selection, faults = selected(text, WINDOWS)
    assert ([file.filename[:3] for file in selection.files], faults) == (["lib"], [])
    selection, (fault,) = selected(text, TAG)
    assert selection.files == ()
    assert fault.message.endswith(f"win_amd64.whl is for another target than {TAG}")
    assert str(fault.location) == "pylock.toml:5:1"


@pytest.mark.parametrize(
    ("tag", "extras", "line", "message", "hint"),
    [
        ("cp36-cp36m-win32", (), "requires-python", "target cp36-cp36m-win32 has ", "lock again"),
        ("cp312-cp312-win32", (), "environments", "target cp312-cp312-win32 is not ", "lock again"),
        (TAG, ("no",), "extras", "the lock has no extra no", "its extras: more"),
        (TAG, ("No", "More"), "extras", "the lock has no extra No", "its extras: more"),
    ],
)
def test_lock_that_is_not_for_the_target(
    tag: str, extras: tuple[str, ...], line: str, message: str, hint: str
) -> None:
    text = (
        'lock-version = "1.0"\nrequires-python = ">=3.8"\nextras = ["more"]\n'
        "environments = [\n    \"sys_platform == 'linux'\",\n]\n"
        'created-by = "x"\npackages = []\n'
    )
    selection, (fault,) = selected(text, tag, extras=extras)
    assert selection.files == ()
    assert fault.message.startswith(f"{line}: {message}")
    assert fault.hint.startswith(hint)
    assert fault.source.startswith(line)


def test_source_needs_permission() -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "lib"\nversion = "1.0"\n'
        f'[packages.sdist]\nurl = "http://h/lib-1.0.tar.gz"\n{HASHES}\n'
    )
    _, (fault,) = selected(text, TAG)
    assert fault.message.endswith(f"lib has no wheel for {TAG} in this lock, only lib-1.0.tar.gz")
    selection, faults = selected(text, TAG, sources=frozenset(["lib"]))
    assert ([file.line for file in selection.files], faults) == ([3], [])


@pytest.mark.parametrize(("kind", "what"), [("vcs", "a repository"), ("directory", "a folder")])
def test_project_without_a_file_is_refused(kind: str, what: str) -> None:
    entry = 'type = "git"\nurl = "http://h/x"\ncommit-id = "0"' if kind == "vcs" else 'path = "."'
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "mine"\n'
        f"[packages.{kind}]\n{entry}\n"
    )
    _, (fault,) = selected(text, TAG)
    assert fault.message == f"packages[0].{kind}: mine is {what}, which cannot be fetched by a hash"


@pytest.mark.parametrize("tag", [TAG, WINDOWS, "py39-none-any"])
@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("extra == 'dev'", "extra is not a variable of a lock"),
        ("python_version > '3' and extra == 'dev'", "extra is not a variable of a lock"),
        ("python_version ~= 'abc'", "Undefined ~= on '3."),
        ("python_version > '3' and python_version ~= 'abc'", "Undefined ~= on '3."),
        ("extras == 'dev'", "Set-valued marker 'extras' can only be used"),
        ("dependency_groups ~= 'dev'", "Set-valued marker 'dependency_groups' can only be used"),
    ],
)
def test_marker_that_cannot_be_evaluated(marker: str, reason: str, tag: str) -> None:
    def entry(name: str, marker: str) -> str:
        place = f'[packages.sdist]\nurl = "http://h/{name}-1.0.tar.gz"\n{HASHES}\n'
        return f'[[packages]]\nname = "{name}"\nmarker = "{marker}"\n{place}'

    good = entry("a", "python_version > '3'")
    text = f'lock-version = "1.0"\ncreated-by = "x"\n{good}'
    sources = frozenset("ab")
    assert selected(text, tag, sources=sources)[1] == []
    _, (fault,) = selected(text + entry("b", marker), tag, sources=sources)
    expected = f"packages[1].marker: {Marker(marker)} cannot be evaluated for {tag}: {reason}"
    assert fault.message.startswith(expected)
    assert str(fault.location) == "pylock.toml:11:1"


@pytest.mark.parametrize(
    "marker", ["extra == 'dev'", "os_name ~= 'abc'", "'x' in extras", "'x' in dependency_groups"]
)
def test_environment_that_cannot_be_evaluated(marker: str) -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'
        f'environments = [\n    "os_name == \'nt\'",\n    "{marker}",\n]\n'
    )
    selection, faults = selected(text, WINDOWS)
    assert (selection.files, faults) == ((), [])
    _, (fault,) = selected(text, TAG)
    expected = f"environments: {Marker(marker)} cannot be evaluated for {TAG}: "
    assert fault.message.startswith(expected)
    assert str(fault.location) == "pylock.toml:4:1"
