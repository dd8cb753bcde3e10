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


def variants(*names: str, more: str = "") -> str:
    """Write a lock with these wheels of one project, and perhaps a source."""
    wheels = [f'{{ url = "http://h/{name}", {HASHES} }}' for name in names]
    return (
        f'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "vfoo"\nversion = "2.0"\n'
        f"{more}wheels = [\n    {f',{chr(10)}    '.join(wheels)},\n]\n"
    )


PLAIN = "vfoo-2.0-cp312-cp312-manylinux_2_28_x86_64.whl"
VARIANTS = (
    "vfoo-2.0-cp312-cp312-manylinux_2_28_x86_64-x86_64_v3.whl",
    "vfoo-2.0-1build-cp312-cp312-manylinux_2_28_x86_64-cu128.whl",
    "vfoo-2.0-py3-none-any-null.whl",
)


@pytest.mark.parametrize("names", [(*VARIANTS, PLAIN), (PLAIN, *VARIANTS), (*VARIANTS[:1], PLAIN)])
def test_plain_wheel_beside_variants(names: tuple[str, ...]) -> None:
    selection, faults = selected(variants(*names), TAG)
    assert faults == []
    (file,) = selection.files
    assert (file.filename, file.url) == (PLAIN, f"http://h/{PLAIN}")
    assert file.key_path == ("packages", 0, "wheels", names.index(PLAIN))


def test_variant_whose_url_has_a_fragment() -> None:
    text = variants(VARIANTS[0], PLAIN).replace(VARIANTS[0], f"{VARIANTS[0]}#sha256=0")
    assert [file.filename for file in selected(text, TAG)[0].files] == [PLAIN]


def test_build_number_is_not_a_variant() -> None:
    name = PLAIN.replace("2.0-", "2.0-1x86-")
    selection, faults = selected(variants(VARIANTS[0], name), TAG)
    assert ([file.filename for file in selection.files], faults) == ([name], [])


def test_variants_alone() -> None:
    """They fit no target; a source or a marker counts as ever."""
    _, (fault,) = selected(variants(*VARIANTS), TAG)
    assert fault.message.startswith(f"packages[0]: for {TAG}: No wheel found matching")
    assert fault.hint == (
        f"{VARIANTS[0]} and other variant wheels fit no target, as in pip: lock a plain wheel"
    )
    source = f'sdist = {{ url = "http://h/vfoo-2.0.tar.gz", {HASHES} }}\n'
    selection, faults = selected(variants(*VARIANTS, more=source), TAG, sources=frozenset(["vfoo"]))
    assert ([file.filename for file in selection.files], faults) == (["vfoo-2.0.tar.gz"], [])
    elsewhere = variants(*VARIANTS, more="marker = \"sys_platform == 'win32'\"\n")
    assert selected(elsewhere, TAG)[1] == []


def test_variant_of_another_project_is_still_a_fault() -> None:
    wrong = VARIANTS[0].replace("vfoo", "other")
    _, (fault,) = parse_lock("pylock.toml", variants(PLAIN, wrong).encode())
    assert fault.message.startswith("packages[0].wheels[1]: Name in ")
    assert str(fault.location) == "pylock.toml:8:5"


def test_archive_that_is_a_variant() -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "vfoo"\n'
        f'[packages.archive]\nurl = "http://h/{VARIANTS[2]}"\n{HASHES}\n'
    )
    _, (fault,) = selected(text, TAG)
    assert fault.message.endswith(f"{VARIANTS[2]} is a variant wheel, which fits no target")
