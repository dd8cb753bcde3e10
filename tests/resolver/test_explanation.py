"""Explanations of failures: each case of the folder ``explanations``, and each suggestion in it.

A case says which files the index has, what is asked for, and behind a blank line the explanation.
``has`` is followed by project, version and tag or ``sdist``, then what is special of it; ``asks``
by a requirement of the command line, ``line`` and ``constrains`` by lines of files, ``with`` by
options, ``target`` by a line of the target file ``box.toml``. ``{FILE}`` is a file's hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.support.cli import Result, download, wheeltarget
from tests.support.index import LocalIndex, Status
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.cli.output.explanation import explanation_lines
from wheeltarget.cli.output.text import show_error
from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_protocol import Demand, FileFact
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.explanation import (
    Explanation,
    ResolutionError,
    VersionRequirements,
    explain_failures,
    files_by_version,
    find_sources,
    find_suggestions,
    judge,
    judge_releases,
    newest_fitting,
    preferred_file,
)
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.stage import Stage, open_stage
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.compatibility import Difference

CASES = sorted(Path(__file__).with_name("explanations").glob("*.txt"))
TAG = "cp39-cp39-manylinux2014_x86_64"
SAVED = "; nothing was saved\n"
UNTRIED = "from source (not tried):"
TARGET = look_up_tag("cp39-cp39-manylinux2014_x86_64")
VERSIONS = [Version(text) for text in ("0.9", "1.0rc1", "1.0", "1.1", "2.0rc1", "2.0")]
SPECIFIERS = ["", "==1.0", "!=1.0", ">=1.0", "<2", "~=1.0", "===1.1", "==2.*", ">=2.0rc1"]
TAGS = (
    "py3-none-any",
    "cp39-cp39-manylinux1_x86_64",
    "cp39-cp39-manylinux_2_28_x86_64",
    "cp39-cp39-musllinux_1_1_x86_64",
    "cp310-cp310-manylinux2014_x86_64",
    "cp39-abi3-win_amd64",
)


@dataclass(frozen=True, slots=True)
class Block:
    """The explanation for one project.

    :param heading: its first line.
    :param suggestions: what each proposal says to write.
    """

    heading: str
    suggestions: tuple[str, ...]

    @property
    def target(self) -> str:
        """Return the target that it is about; empty if it is about any."""
        match = re.search(r"(?:no file fits|for) (\S+)(?:$| no release)", self.heading)
        return match[1] if match else ""


@dataclass(slots=True)
class Case:
    """A file of the folder."""

    name: str
    has: list[list[str]] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(
        default_factory=lambda: {"r.txt": [], "c.txt": [], "box.toml": []}
    )
    options: list[str] = field(default_factory=list)
    says: str = ""

    @classmethod
    def read(cls, path: Path) -> Case:
        _, given, says = path.read_text("utf-8").split("\n\n", 2)
        case = cls(path.stem, says=says)
        files = {"line": "r.txt", "constrains": "c.txt", "target": "box.toml"}
        for line in given.splitlines():
            word, _, rest = line.partition(" ")
            if word == "has":
                case.has.append(shlex.split(rest))
            elif word == "with":
                case.options += shlex.split(rest)
            elif word == "asks":
                case.asks.append(rest)
            else:
                case.files[files[word]].append(rest)
        return case

    def stock(self, shelf: Path, index: LocalIndex) -> None:
        """Make the files of the index, and replace file names in the case by hashes."""
        for name, version, tag, *more in self.has:
            messages = dict(
                each.split("=", 1) for each in more if each.startswith(("extra=", "at="))
            )
            needs = [each.removeprefix("needs=") for each in more if each.startswith("needs=")]
            python = next((e.removeprefix("python") for e in more if e.startswith("python")), None)
            if tag == "sdist":
                make_source(shelf, name, version, requires_python=python)
                continue
            wheel = make_wheel(
                shelf,
                name,
                version,
                tag=tag,
                requires=needs,
                requires_python=python,
                extras=[messages["extra"]] if "extra" in messages else [],
            )
            if "yanked" in more:
                index.yank(wheel.name, "it bites")
            if "at" in messages:
                index.upload(wheel.name, messages["at"])

        def hashed(text: str) -> str:
            return re.sub(r"\{(\S+)\}", lambda match: sha256(shelf / match[1]), text)

        self.says = hashed(self.says).replace("INDEX/", index.url)
        self.files["r.txt"] = list(map(hashed, self.files["r.txt"]))
        self.asks = [each.replace("INDEX/", index.url) for each in self.asks]

    @property
    def blocks(self) -> Iterator[Block]:
        """Return the explanation for each project."""
        for text in re.split(r"(?m)^(?=\S)", self.says)[1:]:
            heading, *lines = text.splitlines()
            first = next((n for n, line in enumerate(lines) if re.match(r"  \S", line)), len(lines))
            found = (re.match(r" {4}(\S.*?)(?:  |$)", line) for line in lines[first:])
            yield Block(heading, tuple(match[1] for match in found if match))

    def write(self, folder: Path) -> None:
        """Write the files of the case."""
        for name, lines in self.files.items():
            (folder / name).write_text("".join(f"{line}\n" for line in lines))

    def arguments(self, *more: str) -> list[str]:
        """Return the arguments for the case."""
        files = ["-c", "c.txt", *(["-r", "r.txt"] if self.files["r.txt"] else [])]
        return [*self.options, *more, *files, *self.asks]

    def run(self, index: LocalIndex, folder: Path, *more: str) -> Result:
        """Run the case."""
        self.write(folder)
        return download(index, *self.arguments(*more), cwd=folder)

    def order(self, index: LocalIndex, folder: Path, *more: str) -> Run:
        """Return the run for it."""
        self.write(folder)
        return Run((*index.pip_args(), "--no-cache-dir", *self.arguments(*more)), folder)

    def mended(self, block: Block, fix: str) -> tuple[Case, list[str]]:
        """Apply a suggestion; return the changed case, and options."""
        asks, lines = list(self.asks), list(self.files["r.txt"])
        options = []
        if fix.startswith("--hash="):
            lines = [f"{re.sub(r' --hash=.*', '', line)} {fix}" for line in lines]
        elif fix.startswith("--"):
            options = fix.split()
        elif " --hash=" in fix:
            project = fix.partition("==")[0]
            lines = [each for each in lines if not each.startswith(f"{project}==")]
            lines.append(fix)
        elif fix.startswith("tags="):
            asks, lines = ([renamed(e, block.target, fix) for e in some] for some in (asks, lines))
        else:
            project = re.split(r"[~=\[]", fix)[0]
            begins = re.compile(rf"{re.escape(project)}\b")
            if not any(map(begins.match, (*asks, *lines))):
                asks.append(fix)  # as another requirement
            asks, lines = ([fix if begins.match(e) else e for e in some] for some in (asks, lines))
        files = {**self.files, "r.txt": lines}
        return Case(self.name, self.has, asks, files, self.options, self.says), options


def renamed(line: str, target: str, fix: str) -> str:
    """Replace the target of a line."""
    named = f"target={target}"
    if not target:
        return f"{line.partition(';')[0]}; {fix}"
    return line.replace(*((named, fix) if named in line else (target, fix.removeprefix("tags="))))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def explained(stderr: str) -> str:
    """Return the explanation of a failure, or all output if the failure is not pip's."""
    _, saved, messages = stderr.partition(SAVED)
    return "".join(f"{line[2:]}\n" for line in messages.splitlines()) if saved else stderr


@dataclass(frozen=True, slots=True)
class Run:
    """A run of wheeltarget, and its folder.

    :param arguments: the words behind ``wheeltarget download``.
    :param folder: the working directory.
    """

    arguments: tuple[str, ...]
    folder: Path

    def do(self, patch: pytest.MonkeyPatch) -> None:
        """Run it, without placing any files."""
        mine = {"--allow-sdist": [], "--build-pure": []}  # type: dict[str, list[str]]
        arguments = iter(self.arguments)
        rest = []
        for word in arguments:
            if word in mine:
                mine[word].append(next(arguments))
            else:
                rest.append(word)
        patch.chdir(self.folder)
        allowed, pure = map(tuple, mine.values())
        api.download(
            api.DownloadRequest(tuple(rest), allow_sdist=allowed, build_pure=pure, dry_run=True)
        )


class _HeldError(Exception):
    """Ends a run before its jobs start."""


def run_together(runs: Sequence[Run], stage: Path, patch: pytest.MonkeyPatch) -> list[Result]:
    """Run everything as usual, but all jobs of all runs in one child.

    :param runs: what to run; nothing may be placed.
    :param stage: a folder for the jobs.
    :param patch: it is what the runs go through that is held up.
    :returns: the exit code and standard error of each.
    """
    jobs: list[Job] = []
    labels: list[str] = []
    kept: set[str] = set()
    spans = []

    def hold(
        mine: Sequence[Job], named: Sequence[str], _stage: Stage, options: pip_runner.RunOptions
    ) -> NoReturn:
        jobs.extend(mine)
        labels.extend(named)
        kept.update(options.kept)
        raise _HeldError

    run_jobs = pip_runner.run_jobs
    patch.setattr(pip_runner, "run_jobs", hold)
    for run in runs:
        begin = len(jobs)
        with contextlib.suppress(_HeldError, WheeltargetError):
            run.do(patch)
        spans.append(slice(begin, len(jobs)))
    with open_stage(stage, dry_run=True) as opened:
        options = pip_runner.RunOptions(
            ("",) * len(jobs), dry_run=True, silent=True, kept=frozenset(kept)
        )
        done = run_jobs(jobs, labels, opened, options)
        return [_end(run, done[span], patch) for run, span in zip(runs, spans, strict=True)]


def _end(run: Run, done: tuple[JobResult, ...], patch: pytest.MonkeyPatch) -> Result:
    """Finish a run whose jobs are done."""
    patch.setattr(pip_runner, "run_jobs", lambda *_: done)
    messages = StringIO()
    try:
        run.do(patch)
    except WheeltargetError as error:
        show_error(error, messages)
        return Result(error.exit_code, "", messages.getvalue())
    return Result(0, "", "")


def _is_known_to_pip(path: Path) -> bool:
    """Return whether the installed pip has the options of a case."""
    from pip._internal.commands import create_command

    options = [word for word in Case.read(path).options if word.startswith("--")]
    return all(map(create_command("download").parser.has_option, options))


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[list[tuple[Case, LocalIndex, Path]]]:
    """Return each case with its own index and a working directory."""
    with contextlib.ExitStack() as stack:
        found = []
        for path in filter(_is_known_to_pip, CASES):
            shelf, here = tmp_path / path.stem / "index", tmp_path / path.stem / "here"
            for folder in (shelf, here):
                folder.mkdir(parents=True)
            index = stack.enter_context(LocalIndex(shelf))
            case = Case.read(path)
            case.stock(shelf, index)
            found.append((case, index, here))
        yield found


Stocked = list[tuple[Case, LocalIndex, Path]]


def test_what_is_said(stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [case.order(index, here) for case, index, here in stocked]
    results = run_together(runs, tmp_path, monkeypatch)
    assert {result.exit_code for result in results} == {1}
    for (case, *_), result in zip(stocked, results, strict=True):
        assert explained(result.stderr) == case.says, case.name


def test_what_is_proposed(
    stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change alone fixes what it is suggested for, and if that is all, the run."""
    tried: list[tuple[Case, Block, str]] = []
    runs = []
    for case, index, here in stocked:
        for block in case.blocks:
            for number, fix in enumerate(block.suggestions):
                mended, options = case.mended(block, fix)
                folder = here / f"{len(tried)}-{number}"
                folder.mkdir()
                runs.append(mended.order(index, folder, *options))
                tried.append((case, block, fix))
    results = run_together(runs, tmp_path, monkeypatch)
    assert len(tried) > len(CASES)
    for (case, block, fix), result in zip(tried, results, strict=True):
        assert block.heading not in result.stderr, (case.name, fix)
        assert result.exit_code == 0 or len(list(case.blocks)) > 1, (case.name, fix, result.stderr)


@pytest.mark.seams
def test_one_change_for_each_project(index: LocalIndex, tmp_path: Path) -> None:
    """If several projects fail, one change for each fixes the run."""
    case = Case.read(Path(__file__).with_name("explanations") / "several-projects.txt")
    case.stock(tmp_path / "index", index)
    first = case.run(index, tmp_path)
    assert (first.exit_code, first.stdout, explained(first.stderr)) == (1, "", case.says)
    assert "ERROR: No matching distribution found for native\n" in first.stderr
    assert "from versions" not in first.stderr
    pages = ["/simple/native/", "/simple/old/", "/simple/pure/"]
    asked = sorted(r.path for r in index.requests if r.path.startswith("/simple/"))
    assert asked == pages
    options: list[str] = []
    mended = case
    for block in case.blocks:
        mended, more = mended.mended(block, block.suggestions[0])
        options += more
    assert mended.run(index, tmp_path, *options).exit_code == 0


@pytest.mark.seams
def test_not_everything_is_looked_at(index: LocalIndex, tmp_path: Path) -> None:
    make_wheel(tmp_path / "index", "pure")
    asked = [f"purr{number:02} ; tags={TAG}" for number in range(28)]
    ahead = {"WHEELTARGET_AHEAD": "0"}  # or else all of them are there by then
    result = download(index, "-q", *asked, cwd=tmp_path, variables=ahead)
    assert result.stderr.count("there is no such project") == 26
    assert "\n  not checked yet: purr26, purr27\n" in result.stderr
    assert len(index.requests) == 26


@pytest.mark.seams
def test_what_pip_says_where_there_is_no_explanation(index: LocalIndex, tmp_path: Path) -> None:
    """The files of a project are not known if its page cannot be read."""
    make_wheel(tmp_path / "index", "pure")
    index.fault("/simple/pure/", Status(403))
    result = download(index, f"pure ; tags={TAG}", cwd=tmp_path)
    assert result.exit_code == 1
    said = f"ERROR: the index {index.url} could not be read (403 Forbidden); "
    assert f"{said}not found without it: pure\n" in result.stderr
    assert result.stderr.endswith(
        "ERROR: Could not find a version that satisfies the requirement pure "
        "(from versions: none)\n"
        f"error: pip failed for {TAG}{SAVED}"
        "  see pip's output above\n"
    )


@pytest.mark.seams
def test_specifier_that_only_pip_accepts(index: LocalIndex, tmp_path: Path) -> None:
    make_wheel(tmp_path / "index", "pure")
    result = download(index, "--tags", TAG, "pure===", cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    assert "\nERROR: " in result.stderr  # what exactly is wrong, each pip words differently
    assert f"error: pip failed for {TAG}{SAVED}" in result.stderr


@pytest.mark.network
@pytest.mark.parametrize(
    ("asked", "reason", "fix"),
    [
        (
            "cryptography~=3.4 ; tags=cp36-cp36m-manylinux1_x86_64",
            "3.4 to 3.4.8  needs glibc 2.12",
            "cryptography~=3.3 ; tags=cp36-cp36m-manylinux1_x86_64",
        ),
        (
            "cryptography==3.4.8 ; tags=cp36-cp36m-manylinux1_x86_64",
            "3.4.8  needs glibc 2.12",
            "cryptography==3.4.8 ; tags=cp36-cp36m-manylinux2010_x86_64",
        ),
        (
            "cryptography==46.0.4 ; tags=cp312-cp312-win_arm64",
            "46.0.4  is for win32 and win_amd64",
            "",
        ),
        (
            "numpy==1.26.4 ; tags=cp311-cp311-manylinux_2_31_armv7l",
            "1.26.4  is for aarch64 and x86_64",
            "",
        ),
        (
            "PyQt5==5.9 ; tags=cp38-cp38-win_amd64",
            "5.9  is for CPython 3.5 to 3.7",
            "PyQt5==5.9 ; tags=cp37-cp37m-win_amd64",
        ),
        (
            "protobuf==6.33.0 ; tags=cp38-cp38-manylinux_2_17_x86_64",
            "6.33.0  requires Python >=3.9",
            "protobuf==6.33.0 ; tags=cp39-cp39-manylinux_2_17_x86_64",
        ),
    ],
    ids=lambda value: value.partition(" ")[0],
)
def test_what_is_on_the_real_index(asked: str, reason: str, fix: str, place: Path) -> None:
    def ask(requirement: str) -> Result:
        arguments = ["download", "--dry-run", f"--cache-dir={place / 'cache'}", requirement]
        return wheeltarget(*arguments, cwd=place, timeout=300)

    result = ask(asked)
    assert result.exit_code == 1
    assert f"      {reason}\n" in result.stderr
    if fix:
        written = fix.partition("; ")[2] if asked.partition(";")[0] in fix else fix.split()[0]
        assert f"      {written} " in result.stderr
        assert ask(fix).exit_code == 0


def test_cases() -> None:
    assert len(CASES) >= 40
    for path in CASES:
        said = Case.read(path).says.splitlines()
        lines = [line for line in said if " --hash=" not in line]
        assert max(map(len, lines[1:]), default=0) <= 98, path.stem


def test_nothing_to_explain() -> None:
    assert list(explanation_lines([])) == []


def test_failure_of_pip_without_a_reason_shows_its_messages() -> None:
    job = Job(look_up_tag("cp39-cp39-win32"), (), (), ())
    good = JobResult(job, 0, "all", (), Path())
    bad = replace(good, exit_code=2, messages=("ERROR: no", "  end"))
    other = replace(bad, messages=("ERROR: not now", "  end"))
    error = explain_failures([bad, good, other, bad], ["a", "b", "c", "d"], look_up_tag)
    assert error.message == "pip failed for a, c and d; nothing was saved"
    assert (error.hint, error.exit_code) == ("see pip's output above", 2)
    assert isinstance(error, ResolutionError)
    assert error.messages == ("ERROR: no", "  end", "ERROR: not now", "  end"), "each job's once"


def situation(files: list[FileFact], *demands: Demand, tag: str = TAG) -> Explanation:
    target = look_up_tag(tag)
    return Explanation(demands, target, judge_releases(demands, files, target))


def wheel(version: str, tag: str) -> FileFact:
    return FileFact(f"lib-{version}-{tag}.whl", "candidate")


def demand(specifier: str = "") -> Demand:
    return Demand("lib", "lib", specifier)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["1.0", "1.1", "2.0", "2.1"]), st.sampled_from(TAGS)),
    st.sampled_from(["", "==2.1", "~=2.0", "~=1.0", "<1", "==="]),
)
def test_suggestion_selects_what_it_promises(found: dict[str, str], specifier: str) -> None:
    files = [wheel(version, tag) for version, tag in found.items()]
    before = situation(files, demand(specifier))
    if newest_fitting(r for r in before.releases if r.admitted):
        return
    for text, effect in find_suggestions(before, look_up_tag):
        if text.startswith("tags="):
            after = situation(files, demand(specifier), tag=text.removeprefix("tags="))
        else:
            after = situation(files, demand(str(Requirement(text).specifier)))
        newest = newest_fitting(r for r in after.releases if r.admitted)
        assert newest is not None
        assert str(newest.version) in f"{text} {effect}"


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("~=2.0", [("lib~=1.1", "selects 1.1, the newest that fits")]),
        ("~=2.0.1", [("lib~=1.1", "selects 1.1, the newest that fits")]),
        (">=2", [("lib==1.1", "is the newest that fits")]),
        ("===", [("lib==1.1", "is the newest that fits")]),
    ],
)
def test_specifier_is_written_as_the_user_did(
    specifier: str, expected: list[tuple[str, str]]
) -> None:
    files = [wheel("1.0", "py3-none-any"), wheel("1.1", "py3-none-any")]
    assert list(find_suggestions(situation(files, demand(specifier)), look_up_tag)) == expected


def test_oldest_release_that_was_uploaded_too_late_needs_the_smallest_step() -> None:
    files = [
        FileFact("lib-1-py3-none-any.whl", "upload_too_late", uploaded="2026-11-29T23:59:59.5Z"),
        FileFact("lib-2-py3-none-any.whl", "upload_too_late", uploaded="2026-11-30T00:00:00Z"),
    ]
    suggestions = list(find_suggestions(situation(files, demand()), look_up_tag))
    assert suggestions == [("--uploaded-prior-to 2026-11-30T00:00:00Z", "selects 1")]
    last = FileFact("lib-1-py3-none-any.whl", "upload_too_late", uploaded="9999-12-31T23:59:59Z")
    assert list(find_suggestions(situation([last], demand()), look_up_tag)) == []


@pytest.mark.parametrize(
    ("wheels", "options"),
    [
        ([], ["--allow-sdist lib", "--build-pure lib"]),
        (["py2-none-any"], ["--allow-sdist lib", "--build-pure lib"]),
        (["cp38-cp38-win32"], ["--allow-sdist lib"]),
    ],
)
def test_source_of_a_project_with_native_wheels_is_not_built_here(
    wheels: list[str], options: list[str]
) -> None:
    files = [FileFact("lib-1.0.tar.gz", "format_unsupported")]
    files += [wheel("1.0", tag) for tag in wheels]
    found = situation(files, demand())
    assert all(r.reason.difference is not Difference.FITS for r in found.releases)
    assert [text for text, _ in find_sources(found)] == options


def test_source_for_another_python_is_not_offered() -> None:
    source = FileFact("lib-1.0.tar.gz", "format_unsupported", requires_python=">=3.10")
    assert list(find_sources(situation([source], demand()))) == []
    assert Version("1.0") in files_by_version([source])


def fact_of(version: str, verdict: str = "candidate", **facts: object) -> FileFact:
    fact = FileFact(f"lib-{version}-py3-none-any.whl", verdict)
    return replace(fact, **facts)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(SPECIFIERS), max_size=4), st.sampled_from(SPECIFIERS))
def test_every_line_and_constraint_has_to_admit_a_version(
    specifiers: list[str], constraint: str
) -> None:
    demands = [Demand("lib", "lib", specifier, constraint) for specifier in specifiers]
    wanted = VersionRequirements(demands)
    every = SpecifierSet(",".join(filter(None, [*specifiers, constraint if specifiers else ""])))
    for version in VERSIONS:
        assert wanted.takes(version) == every.contains(version, prereleases=True)


@given(st.lists(st.sampled_from(SPECIFIERS), min_size=1, max_size=4))
def test_one_release_of_a_requiring_project_has_to_admit_a_version(specifiers: list[str]) -> None:
    wanted = VersionRequirements(
        Demand("lib", "lib", specifier, chain=(("app", str(number)),))
        for number, specifier in enumerate(specifiers)
    )
    for version in VERSIONS:
        admitted = [SpecifierSet(each).contains(version, prereleases=True) for each in specifiers]
        assert wanted.takes(version) == any(admitted)


@pytest.mark.parametrize("specifier", ["===", "==", "nonsense"])
def test_invalid_specifier_admits_nothing(specifier: str) -> None:
    wanted = VersionRequirements([Demand("lib", "lib", specifier)])
    assert not any(map(wanted.takes, VERSIONS))
    assert not wanted.is_pinned


@pytest.mark.parametrize(
    ("fact", "difference", "text"),
    [
        (fact_of("1"), Difference.FITS, "fits"),
        (FileFact("lib-1.tar.gz", "candidate"), Difference.FITS, "fits as a source"),
        (FileFact("lib-1.tar.gz", "x"), Difference.SOURCE, "has no wheel, only a source"),
        (FileFact("lib-1-cp38-none-any.whl", "x"), Difference.PYTHON, "is for CPython 3.8"),
        (fact_of("1", "pre_release"), Difference.PRE_RELEASE, "is a pre-release"),
        (
            fact_of("1", "format_unsupported"),
            Difference.EXCLUDED,
            "is a wheel, which --no-binary excludes",
        ),
        (
            fact_of("1", "upload_time_missing"),
            Difference.TOO_LATE,
            "has no upload time on the index",
        ),
        (
            fact_of("1", "upload_too_late", uploaded="2026-11-30T12:00:00Z"),
            Difference.TOO_LATE,
            "was uploaded too late, on 2026-11-30",
        ),
        (fact_of("1", "upload_too_late"), Difference.TOO_LATE, "was uploaded too late"),
        (
            fact_of("1", "requires_python_mismatch", requires_python=">=3.10"),
            Difference.REQUIRES_PYTHON,
            "requires Python >=3.10",
        ),
        (fact_of("1", yanked="it bites"), Difference.YANKED, "was yanked: it bites"),
        (fact_of("1", yanked=""), Difference.YANKED, "was yanked"),
        (fact_of("1", hashes=(("sha256", "bb"),)), Difference.HASH, "its hash is not listed"),
        (fact_of("1", hashes=(("sha256", "aa"),)), Difference.FITS, "fits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reason(fact: FileFact, difference: Difference, text: str) -> None:
    reason = judge(fact, frozenset({("sha256", "aa")}), TARGET)
    assert (reason.difference, reason.text) == (difference, text)


def test_pinned_release_may_be_yanked() -> None:
    fact = fact_of("1", yanked="")
    assert judge(fact, frozenset(), TARGET, pinned=True).difference is Difference.FITS
    for specifier, expected in (("==1", Difference.FITS), (">=1", Difference.YANKED)):
        demands = [Demand("lib", "lib", specifier)]
        (release,) = judge_releases(demands, [fact], TARGET)
        assert (release.admitted, release.reason.difference) == (True, expected)


def test_files_of_no_release_are_left_out() -> None:
    facts = [
        fact_of("1.0"),
        FileFact("lib-1.0.tar.gz", "candidate"),
        FileFact("lib-2.0.tar.gz", "different_project"),
        FileFact("lib-2.0.exe", "format_invalid"),
        FileFact("lib-2.0.whl", "candidate"),
        FileFact("lib-new-py3-none-any.whl", "candidate"),
        FileFact("lib.zip", "candidate"),
    ]
    assert files_by_version(facts) == {Version("1.0"): facts[:2]}


@given(st.lists(st.sampled_from(VERSIONS), unique=True), st.sampled_from(SPECIFIERS))
def test_releases_are_sorted_and_final_ones_come_first(
    versions: list[Version], specifier: str
) -> None:
    files = [fact_of(str(version)) for version in versions]
    releases = judge_releases([Demand("lib", "lib", specifier)], files, TARGET)
    assert [release.version for release in releases] == sorted(versions, reverse=True)
    newest = newest_fitting(releases)
    final = [version for version in versions if not version.is_prerelease]
    assert (newest.version if newest else None) == max(final or versions, default=None)


def test_pre_release_that_does_not_fit_is_not_admitted_beside_a_final_one() -> None:
    facts = [fact_of("1.0"), FileFact("lib-2.0rc1-cp38-none-any.whl", "candidate")]
    for specifier, admitted in (("", False), (">=2.0rc1", True)):
        demands = [Demand("lib", "lib", specifier)]
        newest, _ = judge_releases(demands, facts, TARGET)
        assert newest.admitted is admitted


STRONG = (("md5", "00"), ("sha512", "55"), ("sha256", "22"))


@pytest.mark.parametrize(
    ("hashes", "option"),
    [
        (STRONG, "--hash=sha256:22"),
        (STRONG[:2], "--hash=sha512:55"),
        (STRONG[:1], ""),
        ((), ""),
    ],
)
@pytest.mark.parametrize("lacks_hash", [False, True])
def test_only_a_hash_that_pip_accepts_is_suggested(
    hashes: tuple[tuple[str, str], ...], option: str, *, lacks_hash: bool
) -> None:
    listed = () if lacks_hash else (("sha256", "11"),)
    asked = Demand("lib", "lib", "==1", hashes=listed, lacks_hash=lacks_hash)
    found = list(find_suggestions(situation([fact_of("1", hashes=hashes)], asked), look_up_tag))
    expected = f"lib==1 {option}" if lacks_hash else option
    # Without a hash of the index, the listed one may be right.
    assert [text for text, _ in found] == ([expected] if option else [])


@pytest.mark.parametrize("number", range(6))
def test_the_hash_is_that_of_the_file_that_pip_prefers(number: int) -> None:
    names = [
        "lib-1-2-cp39-cp39-manylinux2014_x86_64.whl",
        "lib-1-1-cp39-cp39-manylinux2014_x86_64.whl",
        "lib-1-cp39-cp39-manylinux1_x86_64.whl",
        "lib-1-3-cp39-abi3-manylinux2014_x86_64.whl",
        "lib-1-9-py3-none-any.whl",
        "lib-1-cp310-cp310-manylinux2014_x86_64.whl",
    ]
    files = [FileFact(name, "candidate") for name in names[number:]]
    for some in (files, files[::-1]):
        preferred = preferred_file(some, TARGET)
        assert (preferred and preferred.filename) == (names[number] if number < 5 else None)


def test_hash_of_another_file_is_named() -> None:
    facts = [
        fact_of("1.0", hashes=(("sha256", "aa"),)),
        FileFact("lib-1.0.tar.gz", "x", hashes=(("sha256", "bb"),)),
    ]
    demands = [Demand("lib", "lib", "", hashes=(("sha256", "bb"),))]
    (release,) = judge_releases(demands, facts, TARGET)
    assert release.reason.text == "the listed hash is that of lib-1.0.tar.gz"
