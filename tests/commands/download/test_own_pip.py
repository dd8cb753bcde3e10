"""Rules that pip has changed: each target has those of the newest pip for its Python."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.support.cli import Result, download, names, wheeltarget
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.interpreters import NEWEST_PIP, find_oracle
from tests.support.wheels import make_wheel
from wheeltarget.targets.specifiers import falls_back_to_prereleases

TAGS = {
    "2.7": "cp27-cp27mu-manylinux1_x86_64",
    "3.6": "cp36-cp36m-manylinux1_x86_64",
    "3.7": "cp37-cp37m-manylinux1_x86_64",
    **{each: f"cp3{each[2:]}-cp3{each[2:]}-manylinux1_x86_64" for each in list(NEWEST_PIP)[3:]},
}

DEPENDENCIES = {
    "after": 'os_name > "a"',
    "before": 'os_name < "a"',
    "capital": "platform_system >= 'linux'",
    "reversed": '"a" <= sys_platform and "z" > implementation_name',
    "release": 'python_version >= "2.6.*"',
    "range": "python_full_version < '4.0.x'",
    "bare": 'extra == ""',
    "wanted": 'extra != ""',
    "today": 'os_name == "posix" and python_version > "2" and python_full_version <= "3.99"',
    "never": 'sys_platform < "linux" or python_version < "2.7"',
}
"""Markers whose value has changed, by the project that they are for; and two of today's."""

PRE_RELEASES = (
    ("spd", "0.6.4", ()),
    ("spd", "0.7.1a1", ()),
    ("only", "1.0rc1", ()),
    ("top", "1.0", ()),
    ("top", "2.0", ("spd>=0.7",)),
    ("bound", "1.0", ("spd>=0.6,<0.8.dev0",)),
    ("names", "1.0", ("spd>=0.7a0",)),
)
"""Projects: name, version, dependencies."""

MARKED = (
    ("marked", "1.0", tuple(f"{name} ; {marker}" for name, marker in DEPENDENCIES.items())),
    *((name, "1.0", ()) for name in DEPENDENCIES),
)

CASES = {
    "dependency": ["top"],
    "nothing else": ["only"],
    "any version": ["spd"],
    "lower bound": ["spd>=0.7"],
    "not this one": ["spd!=0.6.4"],
    "prefix": ["spd==0.7.*"],
    "compatible": ["spd~=0.7.0"],
    "named": ["spd==0.7.1a1"],
    "named by the upper bound": ["bound"],
    "named by the lower bound": ["spd<1", "names"],
    "named by another project": ["names", "top"],
    "named too late": ["spd>=0.7", "names"],
    "allowed": ["--pre", "top"],
    "markers": ["marked"],
}
"""Arguments for pip."""

OLD_NAMES = {
    "post": ("post-1.0_2", "1.0-2"),
    "candidate": ("candidate-1.0rc1_3", "1.0rc1-3"),
    "two": ("t__wo-1.0", "1.0"),
}
"""Names of wheels that pip 25.1 and later refuse, and their versions in METADATA, by project."""

_DOWNLOAD_ALL = """\
import json, os, sys
from pip._internal.cli.main import main
options, cases, home = json.loads(sys.argv[1])
for name, arguments in sorted(cases.items()):
    main(["download"] + options + ["--dest", os.path.join(home, name)] + arguments)
"""


def make_index(folder: Path, projects: Iterable[tuple[str, str, Sequence[str]]]) -> Path:
    for name, version, requires in projects:
        make_wheel(folder, name, version, tag="py2.py3-none-any", requires=requires)
    return folder


@pytest.mark.interpreters
@pytest.mark.network
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64")
@pytest.mark.parametrize("version", NEWEST_PIP)
def test_the_real_pips_take_the_same(
    version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shelf = make_index(tmp_path / "index", (*PRE_RELEASES, *MARKED))
    options = ["--no-index", "--find-links", str(shelf), "--only-binary=:all:"]
    # The old resolver, which is the default there, never goes back to an older release.
    options += ["--use-feature=2020-resolver"] if version == "2.7" else []
    order = json.dumps([options, CASES, str(tmp_path / "theirs")])
    done = find_oracle(version, tmp_path_factory).run("-c", _DOWNLOAD_ALL, order)
    assert done.returncode == 0, done.stderr

    for name, arguments in CASES.items():
        theirs, ours = tmp_path / "theirs" / name, tmp_path / "ours" / name
        given = ["--no-index", "--find-links", str(shelf), *arguments]
        result = wheeltarget(
            *("download", "--no-cache-dir", "--dest", str(ours), "--tags", TAGS[version], *given),
            cwd=tmp_path,
        )
        assert names(ours) == names(theirs), (name, result.stderr)
    assert names(tmp_path / "theirs" / "allowed")


def taken(index: LocalIndex, version: str, *arguments: str, cwd: Path) -> list[str]:
    result = download(index, *arguments, "--tags", TAGS[version], cwd=cwd, destination=version)
    assert (result.exit_code == 0) == bool(names(cwd / version)), result.stderr
    return [name.partition("-py")[0] for name in names(cwd / version)]


@pytest.mark.seams
@pytest.mark.parametrize(
    ("arguments", "strict", "today"),
    [
        (["top"], ["top-1.0"], ["spd-0.7.1a1", "top-2.0"]),
        (["spd>=0.7"], [], ["spd-0.7.1a1"]),
        (["only"], ["only-1.0rc1"], ["only-1.0rc1"]),
        (["--pre", "spd>=0.7"], ["spd-0.7.1a1"], ["spd-0.7.1a1"]),
        (
            ["names", "top"],
            ["names-1.0", "spd-0.7.1a1", "top-2.0"],
            ["names-1.0", "spd-0.7.1a1", "top-2.0"],
        ),
    ],
    ids=["dependency", "own", "nothing else", "allowed", "named"],
)
def test_pre_releases(
    index: LocalIndex, tmp_path: Path, arguments: list[str], strict: list[str], today: list[str]
) -> None:
    make_index(tmp_path / "index", PRE_RELEASES)
    assert taken(index, "3.8", *arguments, cwd=tmp_path) == strict
    assert taken(index, "3.9", *arguments, cwd=tmp_path) == today


@pytest.mark.seams
def test_upper_bound_that_is_a_pre_release(index: LocalIndex, tmp_path: Path) -> None:
    """Before 25.0, pip does not see that it names one."""
    make_index(tmp_path / "index", PRE_RELEASES)
    assert taken(index, "3.7", "bound", cwd=tmp_path) == ["bound-1.0", "spd-0.6.4"]
    assert taken(index, "3.8", "bound", cwd=tmp_path) == ["bound-1.0", "spd-0.7.1a1"]


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.9", "3.13"])
def test_no_command_contradicts_another(index: LocalIndex, tmp_path: Path, version: str) -> None:
    make_index(tmp_path / "index", PRE_RELEASES)
    house, tag = tmp_path / "index", TAGS[version]
    falls_back = falls_back_to_prereleases(version)

    def run(*arguments: str, online: bool = True) -> Result:
        where = ("--no-cache-dir", *index.pip_args()) if online else ()
        return run_here(*arguments, *where, "--tags", tag, cwd=tmp_path)

    explained = run("explain", "spd>=0.7", "--format", "json")
    (answer,) = json.loads(explained.stdout)["requirements"][0]["targets"]
    versions = {each["version"]: each for each in answer["releases"]}
    assert (answer["taken"] or {}).get("version") == ("0.7.1a1" if falls_back else None)
    assert versions["0.7.1a1"]["reason"] == ("fits" if falls_back else "pre-release")
    assert versions["0.7.1a1"]["admitted"]
    assert explained.exit_code == (0 if falls_back else 1)

    assert run("lock", "top").exit_code == 0
    (lock,) = tmp_path.glob("pylock.*.toml")
    assert ('version = "0.7.1a1"' in lock.read_text()) is falls_back

    for name in ("top-1.0", "spd-0.6.4", "only-1.0rc1", "bound-1.0", "names-1.0"):
        (house / f"{name}-py2.py3-none-any.whl").unlink()
    (tmp_path / "needed.txt").write_text("top\n")
    python = ".".join(version.split(".")[:2])
    fault = (
        f"for {tag}: WC307 top 2.0 needs spd>=0.7, which only the pre-release 0.7.1a1 satisfies; "
        f"pip for Python {python} takes one only if a requirement names it\n"
    )
    expected = (0, "") if falls_back else (1, fault)
    for more in ([], ["-r", "needed.txt"]):
        checked = run("check", "index", *more, online=False)
        assert (checked.exit_code, checked.stdout) == expected
    (tmp_path / "needed.txt").write_text("--pre\ntop\n")
    assert run("check", "index", "-r", "needed.txt", online=False).exit_code == 0
    (tmp_path / "needed.txt").write_text("spd>=0.7a1\ntop\n")
    assert run("check", "index", "-r", "needed.txt", online=False).exit_code == 0


@pytest.mark.seams
def test_markers(index: LocalIndex, tmp_path: Path) -> None:
    make_index(tmp_path / "index", MARKED)
    strings = {"after", "reversed", "release", "range"}
    expected = {
        "3.7": {*strings, "today"},
        "3.8": {*strings, "bare", "today"},
        "3.9": {"bare", "today"},
    }
    for version, wanted in expected.items():
        found = taken(index, version, "marked", cwd=tmp_path)
        assert set(found) == {f"{name}-1.0" for name in ("marked", *wanted)}, version


def test_check_evaluates_markers_as_the_own_pip_does(tmp_path: Path) -> None:
    make_wheel(tmp_path / "house", "app", requires=[f"lib ; {DEPENDENCIES['after']}"])
    for version, findings in (("3.8", 1), ("3.9", 0)):
        result = run_here("check", "house", "--tags", TAGS[version], cwd=tmp_path)
        assert result.stdout.count("WC301 app 1.0 needs lib, which is missing") == findings


def rename(wheel: Path, name: str) -> Path:
    return wheel.rename(wheel.with_name(f"{name}-py2.py3-none-any.whl"))


def add_old_names(folder: Path) -> None:
    """Write a wheel with an old name, and a lower version with a valid name, of each project."""
    for project, (name, version) in OLD_NAMES.items():
        spelled = {"two": "t-wo"}.get(project, project)
        make_wheel(folder, spelled, "0.1", tag="py2.py3-none-any")
        rename(make_wheel(folder, spelled, version, tag="py2.py3-none-any"), name)


@pytest.mark.seams
def test_old_names(index: LocalIndex, tmp_path: Path) -> None:
    """They are saved under names that pips read in folders, too."""
    add_old_names(tmp_path / "index")
    arguments = ["--pre", "post", "candidate", "t-wo"]
    expected = ["candidate-1.0rc1.post3", "post-1.0.post2", "t_wo-1.0"]
    assert taken(index, "3.8", *arguments, cwd=tmp_path) == expected
    assert taken(index, "2.7", *arguments, cwd=tmp_path) == expected
    assert taken(index, "3.9", *arguments, cwd=tmp_path) == [
        "candidate-0.1",
        "post-0.1",
        "t_wo-0.1",
    ]


@pytest.mark.seams
def test_both_sides_in_one_run(index: LocalIndex, tmp_path: Path) -> None:
    add_old_names(tmp_path / "index")
    both = f"{TAGS['3.12']},{TAGS['3.7']},{TAGS['3.6']}"
    result = download(index, "post", "--tags", both, cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert names(tmp_path / "wheelhouse") == [
        "post-0.1-py2.py3-none-any.whl",
        "post-1.0.post2-py2.py3-none-any.whl",
    ]
    again = download(index, "post", "--tags", both, cwd=tmp_path)
    assert again.exit_code == 0, again.stderr
    assert len(names(tmp_path / "wheelhouse")) == 2


def test_old_names_in_explain_lock_and_check(index: LocalIndex, tmp_path: Path) -> None:
    add_old_names(tmp_path / "index")
    where = ("--no-cache-dir", *index.pip_args(), "--tags", TAGS["3.8"])
    explained = run_here("explain", "post", *where, "--format", "json", cwd=tmp_path)
    (answer,) = json.loads(explained.stdout)["requirements"][0]["targets"]
    assert answer["taken"]["version"] == "1.0.post2"
    assert answer["taken"]["url"].endswith("/post-1.0_2-py2.py3-none-any.whl")
    assert run_here("lock", "post", *where, cwd=tmp_path).exit_code == 0
    (lock,) = tmp_path.glob("pylock.*.toml")
    arguments = ("download", "--no-cache-dir", "-r", lock.name, "--dest", "house")
    result = run_here(*arguments, "--tags", TAGS["3.8"], cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert names(tmp_path / "house") == ["post-1.0.post2-py2.py3-none-any.whl"]
    (tmp_path / "needed.txt").write_text("post\n")
    for what in ("needed.txt", lock.name):
        result = run_here("check", "house", "-r", what, "--tags", TAGS["3.8"], cwd=tmp_path)
        assert result.exit_code == 0, result.stdout


@pytest.mark.interpreters
@pytest.mark.network
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64")
@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7", "3.8", "3.9", "3.13"])
def test_the_real_pips_take_old_names_from_an_index(
    index: LocalIndex, version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    add_old_names(tmp_path / "index")
    arguments = ["--pre", "post", "candidate", "t-wo"]
    options = ["--use-feature=2020-resolver"] if version == "2.7" else []
    pip = find_oracle(version, tmp_path_factory)
    download_from = ("-m", "pip", "download", *options)
    done = pip.run(*download_from, *index.pip_args(), "--dest", tmp_path / "theirs", *arguments)
    assert done.returncode == 0, done.stderr

    assert taken(index, version, *arguments, cwd=tmp_path)
    assert hashes(tmp_path / version) == hashes(tmp_path / "theirs")
    # Each pip reads our names in a folder.
    folder = ("--no-index", "--find-links", tmp_path / version)
    done = pip.run(*download_from, *folder, "--dest", tmp_path / "again", *arguments)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "again") == names(tmp_path / version)


def hashes(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


DIFFERENCES = {
    "extra": ("3.7", ["spelled[a-b]"], ["spelled"], ["lib", "spelled"]),
    "compatible": ("2.7", ["range~=1.0b1"], ["range-1.0b1"], ["range-1.9"]),
}
"""Documented differences: the Python, what is asked for, what its pip takes, and wheeltarget."""


def make_differences(folder: Path) -> Path:
    tag = "py2.py3-none-any"
    make_wheel(folder, "spelled", tag=tag, extras=["a_b"], requires=["lib ; extra == 'a_b'"])
    make_wheel(folder, "lib", tag=tag)
    for version in ("1.0b1", "1.9"):
        make_wheel(folder, "range", version, tag=tag)
    return folder


@pytest.mark.parametrize("case", DIFFERENCES)
def test_documented_differences(index: LocalIndex, tmp_path: Path, case: str) -> None:
    version, arguments, _, ours = DIFFERENCES[case]
    make_differences(tmp_path / "index")
    found = taken(index, version, *arguments, cwd=tmp_path)
    assert [name.removesuffix("-1.0") for name in found] == ours


def test_yanked_releases_that_a_range_needs(index: LocalIndex, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index", "app", "2.0", tag="py2.py3-none-any")
    index.yank(wheel.name)
    assert taken(index, "3.6", "app>=1", cwd=tmp_path) == []
    assert taken(index, "3.6", "app==2.0", cwd=tmp_path) == ["app-2.0"]


@pytest.mark.interpreters
@pytest.mark.network
@pytest.mark.parametrize("case", DIFFERENCES)
def test_the_real_pips_differ_as_documented(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, case: str
) -> None:
    version, arguments, theirs, _ = DIFFERENCES[case]
    shelf = make_differences(tmp_path / "index")
    folder = ("--no-index", "--find-links", shelf, "--dest", tmp_path / "theirs")
    done = find_oracle(version, tmp_path_factory).run("-m", "pip", "download", *folder, *arguments)
    assert done.returncode == 0, done.stderr
    found = [name.partition("-py")[0] for name in names(tmp_path / "theirs")]
    assert [name.removesuffix("-1.0") for name in found] == theirs
