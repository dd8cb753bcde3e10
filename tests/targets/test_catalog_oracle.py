"""What a name of the catalogue stands for takes the files that the real interpreter's pip takes.

Most names share a Python, a level of glibc and a machine, so each of these is asked about once. The
pip of a Python reads an index page once and says in one process which of its files it would take
under every level, its cap being raised in between; wheeltarget says it in one run.
"""

from __future__ import annotations

import functools
import json
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.benchmarks.download import default_index
from tests.support.cli import Result, names, wheeltarget
from tests.support.interpreters import NEWEST_PIP, find_oracle, host_glibc
from tests.support.wheels import make_wheel
from wheeltarget.targets.catalog import build_named, look_up_tag
from wheeltarget.targets.compatibility import glibc_level
from wheeltarget.targets.names import NamedTarget, known_systems
from wheeltarget.targets.tags import tag_of

PROJECTS = ("cffi", "cryptography", "markupsafe", "msgpack", "pyyaml")

_CAP = """\
LEVEL = [0]

def manylinux_compatible(tag_major, tag_minor, tag_arch):
    return (tag_major, tag_minor) <= (2, LEVEL[0])
"""
_QUESTION = """\
import json, sys
import _manylinux
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.format_control import FormatControl
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._internal.network.session import PipSession

index, cache, levels, projects = json.loads(sys.argv[1])
seen = {}
look_here = PackageFinder.evaluate_links

def evaluate_links(self, link_evaluator, links):
    links = list(links)
    seen.setdefault(link_evaluator.project_name, []).extend(links)
    return look_here(self, link_evaluator, links)

def make_finder():
    try:
        scope = SearchScope.create([], [index], no_index=False)
    except TypeError:
        scope = SearchScope.create([], [index])
    wheels = FormatControl(set(), {":all:"})
    preferences = SelectionPreferences(allow_yanked=True, format_control=wheels)
    return PackageFinder.create(LinkCollector(session, scope), preferences, TargetPython())

session = PipSession(cache=cache)
PackageFinder.evaluate_links = evaluate_links
for project in projects:
    make_finder().find_all_candidates(project)
taken = {}
for level in levels:
    _manylinux.LEVEL[0] = level
    finder = make_finder()
    for project in projects:
        found = look_here(finder, finder.make_link_evaluator(project), seen[project])
        best = finder.make_candidate_evaluator(project).compute_best_candidate(found)
        file = best.best_candidate and best.best_candidate.link.filename
        taken["%s %d" % (project, level)] = file
print(json.dumps(taken))
"""


def named_targets() -> Iterator[NamedTarget]:
    """Return every target of the catalogue that runs on glibc."""
    for system in known_systems():
        for named in system.targets():
            if glibc_level(named.platform):
                yield named


def levels_by_python() -> Mapping[str, set[int]]:
    """Return the levels of glibc on x86_64 for each Python."""
    found: dict[str, set[int]] = {}
    for named in named_targets():
        level = glibc_level(named.platform)
        if level and level[1] == "x86_64":
            found.setdefault(named.python, set()).add(level[0])
    return found


def test_a_name_takes_what_its_tag_takes_and_what_any_linux_takes() -> None:
    """Then it is enough to ask about tags."""
    look_up = functools.cache(look_up_tag)
    for named in named_targets():
        target, base = build_named(named), look_up(tag_of(named.python, named.platform))
        platforms = [tag.rpartition("-")[2] for tag in target.tags]
        plain = {each for each in platforms if each.startswith("linux_")}
        assert bool(plain) == ("linux_" in named.platform), named.name
        others = [tag for tag in target.tags if tag.rpartition("-")[2] not in plain]
        assert others == list(base.tags), named.name
        changed = dict(set(target.markers) - set(base.markers))
        assert changed.keys() <= {
            "python_full_version",
            "implementation_version",
            "platform_release",
            "platform_version",
        }, named.name
    assert look_up.cache_info().misses > 1000


@pytest.mark.interpreters
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the interpreters are for x86_64")
@pytest.mark.parametrize("python", NEWEST_PIP)
def test_the_real_pip_takes_a_newer_wheel_for_any_linux(
    python: str, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    interpreter, abi, _ = tag_of(python, "manylinux2014_x86_64").split("-")
    shelf = place / "shelf"
    make_wheel(shelf, "native", "0.9", tag=f"{interpreter}-{abi}-manylinux_2_17_x86_64")
    make_wheel(shelf, "native", "0.9", tag=f"{interpreter}-{abi}-manylinux2014_x86_64")
    newer = make_wheel(shelf, "native", "1.0", tag=f"{interpreter}-{abi}-linux_x86_64").name
    arguments = ("download", "--no-index", f"--find-links={shelf}", "native")
    oracle = find_oracle(python, tmp_path_factory)
    done = oracle.run("-m", "pip", *arguments, "--no-deps", "-d", str(place / "real"), cwd=place)
    assert done.returncode == 0, done.stderr
    named = next(
        each
        for each in named_targets()
        if each.python == python and glibc_level(each.platform) == (17, "x86_64")
    )
    ours = wheeltarget(*arguments, "-d", "ours", "--target", named.name, cwd=place)
    assert ours.exit_code == 0, ours.stderr
    assert names(place / "ours") == names(place / "real") == [newer]


@pytest.mark.interpreters
@pytest.mark.network
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the interpreters are for x86_64")
@pytest.mark.parametrize("python", NEWEST_PIP)
def test_the_real_pip_takes_the_same(
    python: str, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    levels = sorted(n for n in levels_by_python()[python] if (2, n) <= host_glibc())
    expected = asked_of_the_oracle(python, levels, place, tmp_path_factory)
    assert len(set(expected.values())) > len(PROJECTS)

    assert taken_by_wheeltarget(python, expected, place) == expected


def asked_of_the_oracle(
    python: str, levels: list[int], place: Path, factory: pytest.TempPathFactory
) -> dict[str, str | None]:
    """Ask a real pip for the best file of each project under each level.

    :returns: the file, or None, by project and level.
    """
    place.joinpath("_manylinux.py").write_text(_CAP)
    oracle = find_oracle(python, factory)
    folders = f"{place}:{oracle.environment['PYTHONPATH']}"
    capped = type(oracle)(
        oracle.version, oracle.pip, oracle.python, {**oracle.environment, "PYTHONPATH": folders}
    )
    order = [default_index(), str(place / "cache"), levels, PROJECTS]
    answer = capped.run("-c", _QUESTION, json.dumps(order), cwd=place, timeout=300)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, str | None] = json.loads(answer.stdout)
    return found


def taken_by_wheeltarget(
    python: str, expected: Mapping[str, str | None], place: Path
) -> dict[str, str | None]:
    """Ask wheeltarget for the same, all that has an answer in one run, and the rest in another."""
    tags = {key: tag_of(python, f"manylinux_2_{key.split()[1]}_x86_64") for key in expected}
    found: dict[str, str | None] = {}
    good = [f"{key.split()[0]} ; tags={tags[key]}" for key, file in expected.items() if file]
    done = run(good, place, exit_code=0)
    for target in json.loads(done.stdout)["targets"]:
        level = glibc_level(target["label"].rpartition("-")[2])
        for file in target["files"]:
            found[f"{file['name']} {level[0] if level else ''}"] = file["filename"]
    bad = {f"{k.split()[0]} {tags[k]}": k for k, file in expected.items() if not file}
    if bad:
        done = run([key.replace(" ", " ; tags=") for key in bad], place, exit_code=1)
        for project, tag in re.findall(r"(?m)^  (\S+) .*: no file fits (\S+)$", done.stderr):
            found[bad[f"{project} {tag}"]] = None
    return found


def run(lines: list[str], place: Path, *, exit_code: int) -> Result:
    """Ask for requirements without what they need; nothing is fetched but what pip has to read."""
    place.joinpath("r.txt").write_text("".join(f"{line}\n" for line in lines))
    options = ["--no-deps", "--dry-run", "--format=json", f"--cache-dir={place / 'cache'}"]
    done = wheeltarget("download", *options, "-r", "r.txt", cwd=place, timeout=300)
    assert done.exit_code == exit_code, done.stderr
    return done
