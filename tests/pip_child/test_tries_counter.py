"""What is counted while pip goes back, when there is a note on it, and what it says."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line
from pip._internal.resolution.resolvelib import reporter, resolver
from pip._internal.resolution.resolvelib.factory import Factory
from pip._internal.resolution.resolvelib.requirements import (
    ExplicitRequirement,
    SpecifierRequirement,
)
from pip._vendor.resolvelib.structs import RequirementInformation

from tests.support.child import Job, Workshop, later_pip, online
from tests.support.index import LocalIndex
from tests.support.moved_pip import Edit, move_pip
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.job import CurrentJob, JobState, RunContext
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_child.tries import Attempt
from wheeltarget.pip_child.tries_counter import TriesCounter, note_on
from wheeltarget.pip_protocol import Backtracking

pytestmark = pytest.mark.seams

RESOLVELIB = "_vendor.resolvelib.resolvers.resolution"
REPORTER = "_internal.resolution.resolvelib.reporter"
RESOLVER = "_internal.resolution.resolvelib.resolver"
COUNT = 13

SOON = """
from wheeltarget.pip_child import tries
tries.NOTES_AFTER = (0.0, 1e9)
"""
"""Code with which the first note is due at once."""


class Clock:
    """A clock that a test moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shows(patch: pytest.MonkeyPatch, level: int) -> None:
    """Let pip show its messages from a level on."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    patch.setattr(logging.getLogger(), "handlers", [handler])


def candidate(project: str, version: int) -> Any:
    """Return a release of a project that the user asks for."""
    return SimpleNamespace(
        name=project,
        project_name=project,
        version=str(version),
        source_link="file",
        get_install_requirement=lambda: None,
        format_for_error=lambda: project,
    )


def criterion(*texts: str, parent: Any = None) -> Any:
    """Return requirements on a project without a version, the first one of the user."""
    reqs = [SpecifierRequirement(install_req_from_line(text)) for text in texts]
    causes = [(reqs[0], None), *((each, parent) for each in reqs[1:])]
    return SimpleNamespace(information=[RequirementInformation(*each) for each in causes])


class Finder:
    """A finder of pip that has the versions 0 to 19 of every project."""

    def make_candidate_evaluator(self, _project: str, specifier: Any) -> Any:
        def compute(versions: Sequence[str]) -> Any:
            found = [each for each in versions if specifier is None or specifier.contains(each)]
            candidates = [SimpleNamespace(version=each) for each in found]
            best = candidates[-1] if candidates else None
            return SimpleNamespace(applicable_candidates=candidates, best_candidate=best)

        return SimpleNamespace(compute_best_candidate=compute)

    def find_all_candidates(self, _project: str) -> list[str]:
        return [str(number) for number in range(20)]


class Resolving:
    """A counter that is installed in a pip which has begun to resolve a job."""

    def __init__(self, patch: pytest.MonkeyPatch, clock: Clock) -> None:
        self.collected = SimpleNamespace(requirements=[], constraints={})
        # The patch is around this one.
        patch.setattr(Factory, "collect_root_requirements", lambda _self: self.collected)
        self.current, self.clock = CurrentJob(RunContext()), clock
        self.counter = TriesCounter(self.current, clock)
        self.counter.install()
        self.reporter: Any = resolver.PipReporter()

    def begin(self, *roots: str, **constraints: str) -> JobState:
        """Begin a job for requirements of the user and constraints, which have a specifier."""
        read = [install_req_from_line(text) for text in roots]
        self.collected.requirements = list(map(SpecifierRequirement, read))
        lines = {name: install_req_from_line(f"{name}{constraints[name]}") for name in constraints}
        self.collected.constraints = {
            name: SimpleNamespace(specifier=line.specifier, links=frozenset())
            for name, line in lines.items()
        }
        job = self.current.begin(replace(PROOF, label="the target"))
        factory = Factory.__new__(Factory)
        factory._finder = Finder()
        assert Factory.collect_root_requirements(factory) is self.collected
        return job

    def summary(self) -> Backtracking:
        found = self.counter.summary(self.current.job)
        assert found is not None
        return found

    def reject(self, project: str, versions: Sequence[int], *texts: str) -> None:
        """Reject versions of a project, whose requirement is the last of these."""
        for version in versions:
            rejected = candidate(project, version)
            self.reporter.rejecting_candidate(criterion(*texts, parent=rejected), rejected)


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Resolving]:
    found = Resolving(monkeypatch, clock)
    yield found
    found.counter.remove()


def test_pip_is_as_before_once_the_patches_are_removed(clock: Clock) -> None:
    kinds = (reporter.PipReporter, reporter.PipDebuggingReporter)
    before = [kind.pinning for kind in kinds], Factory.collect_root_requirements
    counter = TriesCounter(CurrentJob(RunContext()), clock)
    counter.install()
    assert reporter.PipReporter.rejecting_candidate.__wrapped__
    counter.remove()
    after = [kind.pinning for kind in kinds], Factory.collect_root_requirements
    assert after == before


@pytest.mark.parametrize("kind", [reporter.PipReporter, reporter.PipDebuggingReporter])
def test_each_reporter_of_pip_counts(resolving: Resolving, kind: Any) -> None:
    resolving.reporter = kind()
    job = resolving.begin("front>=10")
    resolving.reporter.pinning(SimpleNamespace(name="<Python>", source_link=None))
    resolving.reporter.pinning(candidate("back", 5))
    resolving.reject("front", [19, 18, 17], "lib<2", "lib>=2")
    assert job.tries.latest == Attempt("front", "17", 3, 10)
    resolving.reporter.pinning(candidate("front", 16))
    assert job.tries.latest == Attempt("front", "16", 4, 10)
    assert (job.tries.versions, job.tries.projects) == (5, 2)


def test_versions_are_counted_that_the_user_allows(resolving: Resolving) -> None:
    job = resolving.begin("front>=5", "front<15", front="!=7")
    resolving.reject("front", [14, 13, 12], "lib<2", "lib>=2")
    assert job.tries.latest == Attempt("front", "12", 3, 9)
    resolving.reject("other", [19, 18, 17], "lib<2", "lib>=2")
    assert job.tries.latest == Attempt("other", "17", 3, 20)


def test_summary_names_the_requirements_that_excluded_most(resolving: Resolving) -> None:
    resolving.begin("app")
    resolving.reject("front", range(19, 6, -1), "lib<2", "lib", "lib>=2")
    resolving.reject("back", [19, 18], "core>30", "core")
    found = resolving.summary()
    assert (found.versions, found.projects, found.tried_most) == (15, 2, ("front", 13))
    assert note_on(found, "me", 61.6) == (
        "pip has tried 15 versions of 2 projects for me in 62 s; most often (13 times) "
        "lib<2 (you asked for it) and lib>=2 (needed by front 19) exclude each other: "
        "loosen lib<2, or pin front more closely, as a requirement or with -c"
    )


@pytest.mark.parametrize(
    ("constraint", "text", "advice"),
    [
        (
            "<2",
            "lib>=2 (needed by front 19) and the constraint lib<2 exclude each other",
            "loosen lib<2, or ",
        ),
        ("<30", "no version for the target satisfies lib>=25 (needed by front 19)", "pin front"),
    ],
)
def test_requirement_alone_may_be_the_reason(
    resolving: Resolving, constraint: str, text: str, advice: str
) -> None:
    resolving.begin("app", lib=constraint)
    wanted = "lib>=2" if constraint == "<2" else "lib>=25"
    resolving.reject("front", range(19, 6, -1), "lib", wanted)
    assert f"(13 times) {text}: {advice}" in note_on(resolving.summary(), "me", 60)


@pytest.mark.parametrize("place", ["requirement", "constraint"])
def test_project_with_a_url_is_not_looked_up(
    resolving: Resolving, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    job = resolving.begin("app", lib="")
    monkeypatch.delattr(Finder, "find_all_candidates")
    release = candidate("lib", 5)
    release.source_link = Link("https://example.invalid/lib-5-py3-none-any.whl")
    given = ExplicitRequirement(release)
    if place == "constraint":
        resolving.collected.constraints["lib"].links = {"file"}
    for version in range(12):
        rejected = candidate("app", version)
        causes = criterion("lib>=1", "lib<4", parent=rejected)
        if place == "requirement":
            causes.information.insert(0, RequirementInformation(given, None))
        resolving.reporter.rejecting_candidate(causes, rejected)
        job.tries._applicable["app"] = frozenset()
    rivals = [f"{each.name}{each.specifier}" for each in resolving.summary().rivals]
    assert rivals == (["lib==5", "lib<4"] if place == "requirement" else [])


def test_requirement_on_python_may_be_the_reason(resolving: Resolving) -> None:
    class Python:
        name = project_name = "<Python from Requires-Python>"
        specifier = ">=3.12"

        def __str__(self) -> str:
            return "Python >=3.12"

        def get_candidate_lookup(self) -> tuple[None, None]:
            return None, None

        format_for_error = __str__

    resolving.begin("app")
    for version in range(13):
        rejected = candidate("front", version)
        causes = SimpleNamespace(information=[RequirementInformation(Python(), rejected)])
        resolving.reporter.rejecting_candidate(causes, rejected)
    text = "(13 times) the target does not have Python >=3.12 (needed by front 0): pin front more"
    assert text in note_on(resolving.summary(), "me", 60)


def test_project_is_named_if_no_requirements_are_known(resolving: Resolving) -> None:
    resolving.begin("app")
    resolving.reject("front", range(13), "lib", "lib>2")
    assert note_on(resolving.summary(), "me", 60) == (
        "pip has tried 13 versions of 1 project for me in 60 s; 13 of them are of front: "
        "pin front more closely, as a requirement or with -c"
    )


def test_releases_that_need_other_versions_are_an_example(resolving: Resolving) -> None:
    resolving.begin("app")
    for number in range(13):
        resolving.reject("front", [number], "lib<2", f"lib>={number + 2}")
    assert "(13 times) requirements such as lib<2 (you asked for it) and lib>=2 (needed by " in (
        note_on(resolving.summary(), "me", 60)
    )


def test_nothing_is_reported_of_few_versions(resolving: Resolving) -> None:
    job = resolving.begin("app")
    resolving.reject("front", range(5), "lib<2", "lib>2")
    assert resolving.counter.summary(job) is None
    assert resolving.counter.summary(JobState(PROOF)) is None


def test_note_comes_once_after_a_minute(
    resolving: Resolving, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(monkeypatch, logging.INFO)
    resolving.begin("app")
    for second in range(300):
        resolving.clock.now = 100.0 + second
        resolving.reject("front", [second % 19], "lib<2", "lib>=2")
    assert capsys.readouterr().err == (
        "note: pip has tried 19 versions of 1 project for the target in 60 s; most often "
        "(61 times) lib<2 (you asked for it) and lib>=2 (needed by front 0) exclude each other: "
        "loosen lib<2, or pin front more closely, as a requirement or with -c\n"
    )
    # Another target has a note of its own, and a minute of its own.
    resolving.begin("app")
    resolving.reject("front", range(19), "lib<2", "lib>=2")
    assert capsys.readouterr().err == ""
    resolving.clock.now += 60
    resolving.reject("front", range(19), "lib<2", "lib>=2")
    assert capsys.readouterr().err.count("note: pip has tried 19 versions") == 1


def test_quiet_pip_has_no_note(
    resolving: Resolving, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(monkeypatch, logging.WARNING)
    resolving.begin("app")
    resolving.reject("front", range(19), "lib<2", "lib>=2")
    resolving.clock.now += 60
    resolving.reject("front", range(19), "lib<2", "lib>=2")
    assert capsys.readouterr().err == ""


def test_run_goes_on_if_anything_is_not_as_expected(resolving: Resolving) -> None:
    job = resolving.begin("app")
    odd = SimpleNamespace(name="front", source_link="file")
    resolving.reporter.pinning(odd)
    causes = SimpleNamespace(information=[])
    assert resolving.reporter.rejecting_candidate(causes, odd) is None
    assert job.tries.versions == 0


def stock(shelf: Path) -> None:
    """Make an index in which pip tries all versions of ``front``, and then takes none."""
    for number in range(COUNT):
        needs = f"mid=={number}" if number else "gone"
        make_wheel(shelf, "front", str(number), requires=[needs])
        make_wheel(shelf, "mid", str(number), requires=["lib>=2"])
    make_wheel(shelf, "other", requires=["lib<2"])
    for version in ("1", "2"):
        make_wheel(shelf, "lib", version)


def test_failure_is_reported_with_what_was_tried(
    shop: Workshop, shelf: Path, index: LocalIndex
) -> None:
    stock(shelf)
    run = shop.run(Job(online(index, "other", "front")))
    found = run.report(0).backtracking
    assert found is not None
    assert found.versions > 2 * COUNT - 4
    needs = [(each.specifier, each.chain) for each in found.rivals]
    newest = str(COUNT - 1)
    assert needs == [(">=2", (("mid", newest), ("front", ""))), ("<2", (("other", "1.0"),))]
    assert found.times >= COUNT - 1
    assert "note:" not in run.stderr
    # A run that succeeds, or fails at once, has no such report.
    run = shop.run(Job(online(index, "other")), Job(online(index, "gone")))
    assert [run.report(number).exit_code for number in (0, 1)] == [0, 1]
    assert [run.report(number).backtracking for number in (0, 1)] == [None, None]


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_child_writes_the_note(
    tmp_path: Path, shop: Workshop, shelf: Path, index: LocalIndex, quiet: tuple[str, ...]
) -> None:
    stock(shelf)
    (tmp_path / "site").mkdir()
    run = shop.run(
        Job(online(index, *quiet, "other", "-r", "r.txt"), files={"r.txt": "front\nlib<2\n"}),
        variables=later_pip(tmp_path / "site", SOON),
    )
    notes = [line for line in run.stderr.splitlines() if line.startswith("note: pip has tried")]
    assert len(notes) == (not quiet)
    assert all("lib<2 from -r r.txt (line 2) and lib>=2 (needed by " in note for note in notes)


MOVES = {
    "rejections-are-reported-in-another-way": [
        Edit(REPORTER, "def rejecting_candidate(", "def rejecting("),
        Edit(RESOLVELIB, "_r.rejecting_candidate(", "_r.rejecting("),
    ],
    "reporter-is-of-another-class": [
        Edit(module, "PipDebuggingReporter", "PipLoudReporter") for module in (REPORTER, RESOLVER)
    ],
    "causes-have-other-names": [
        Edit(
            "_internal.resolution.resolvelib.requirements",
            "def __str__(self) -> str:\n        return str(self._ireq.req)",
            "def __str__(self) -> str:\n        return 'it'",
        ),
    ],
}


@pytest.mark.parametrize("edits", MOVES.values(), ids=list(MOVES))
def test_child_counts_nothing_with_a_pip_of_which_the_seam_has_moved(
    edits: list[Edit], tmp_path: Path, shop: Workshop, shelf: Path, index: LocalIndex
) -> None:
    make_wheel(shelf, "app", requires=["other"])
    stock(shelf)
    (tmp_path / "site").mkdir()
    variables = {"PYTHONPATH": move_pip(tmp_path / "site", edits)}
    run = shop.run(
        Job(online(index, "app")), Job(online(index, "other", "front")), variables=variables
    )
    assert (run.exit_code, run.sentence) == (0, None)
    assert run.names(0)[0] == "app-1.0-py3-none-any.whl"
    assert run.report(1).failure is not None
    assert run.report(1).backtracking is None
    assert "note:" not in run.stderr
