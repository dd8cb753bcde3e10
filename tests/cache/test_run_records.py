"""What is remembered of a run, and everything that makes it worth nothing."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.cache import run_key, run_records
from wheeltarget.cache.run_records import OutputOptions, RunInputs
from wheeltarget.cache.wheel_store import survey
from wheeltarget.commands.download.request import (
    DownloadOutcome,
    RequestedBy,
    TargetFile,
    TargetFiles,
)

WORDS = ("-r", "requirements.txt", "--dest", "house", "--tags", "py39-none-any")


def run_inputs(folder: Path, **changes: object) -> RunInputs:
    """Return what a run rests on that read one file and looked for another."""
    made = RunInputs(
        read=(str(folder / "requirements.txt"),),
        looked_for=(str(folder / "pip.conf"),),
        variables=("INDEX_HOST",),
        began=time.time(),
        fresh_until=time.time() + 600,
        destination="house",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def outcome(rests_on: RunInputs | None) -> DownloadOutcome:
    """Return the outcome of a run with one file."""
    file = TargetFile(
        name="one",
        version="1.0",
        filename="one-1.0-py3-none-any.whl",
        url="https://example.invalid/one-1.0-py3-none-any.whl",
        size=12,
        hashes=(("sha256", "ab" * 32),),
        requested_by=(RequestedBy("", "one", "requirements.txt:1:1"),),
        path=Path("house", "one-1.0-py3-none-any.whl").resolve(),
        new=True,
    )
    targets = (TargetFiles("py39-none-any", "py39-none-any", "3.9.25", (file,)),)
    return DownloadOutcome(targets, ("a note",), run_inputs=rests_on)


@dataclass(frozen=True, slots=True)
class Project:
    """A working directory with a requirements file, and an environment with a cache folder."""

    folder: Path
    environment: Mapping[str, str]

    def keep(self, rests_on: RunInputs | None) -> None:
        run_records.keep(WORDS, self.environment, outcome(rests_on), OutputOptions(quiet=True))

    def knows(self, **variables: str) -> bool:
        environment = {**self.environment, **variables}
        return run_records.find(WORDS, environment) is not None

    def record(self) -> Path:
        (file,) = (self.folder.parent / "cache" / "runs").iterdir()
        return file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    file = folder / "requirements.txt"
    file.write_text("one\n")
    os.utime(file, (1_000_000, 1_000_000))
    # Its other time can't be set, and is just now.
    monkeypatch.setattr(run_records, "_CLOCK_STEP", -60.0)
    monkeypatch.setattr(run_records, "_COARSE_CLOCK_STEP", -60.0)
    monkeypatch.chdir(folder)
    variables = {
        "HOME": str(tmp_path),
        "PIP_PRE": "1",
        "WHEELTARGET_CACHE_DIR": str(tmp_path / "cache"),
    }
    return Project(folder, variables)


def test_what_is_kept_is_found(project: Project) -> None:
    kept, look = (
        outcome(run_inputs(project.folder)),
        OutputOptions(quiet=True, coloured=False, as_json=True),
    )
    assert not run_key.is_known(WORDS, project.environment)
    run_records.keep(WORDS, project.environment, kept, look)
    assert run_key.is_known(WORDS, project.environment)
    found = run_records.find(WORDS, {**project.environment, "SHLVL": "2"})
    assert found is not None
    assert DownloadOutcome.from_dict(found.outcome) == replace(kept, run_inputs=None)
    assert found.output_options == look
    assert found.destination == project.folder / "house"
    run_records.forget(WORDS, project.environment)
    assert not project.knows()


def test_outcome_with_unknown_inputs_is_not_kept(project: Project) -> None:
    project.keep(None)
    assert not project.knows()


def _new_version(project: Project, name: str) -> None:
    package = project.folder.parent / "newer" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '99'\n")
    sys.path.insert(0, str(package.parent))


def _other_folder(project: Project) -> None:
    os.chdir(project.folder.parent)


def _spoil(project: Project, key: str, value: object) -> None:
    data = json.loads(project.record().read_text())
    project.record().write_text(json.dumps({**data, key: value}))


CHANGES: dict[str, Callable[[Project], object]] = {
    "a file has other content": lambda d: (d.folder / "requirements.txt").write_text("two\n"),
    "a file is gone": lambda d: (d.folder / "requirements.txt").unlink(),
    "a file is there now": lambda d: (d.folder / "pip.conf").write_text(""),
    "another working directory": _other_folder,
    "the destination is elsewhere": lambda d: (d.folder / "house").symlink_to(d.folder),
    "another pip": lambda d: _new_version(d, "pip"),
    "another packaging": lambda d: _new_version(d, "packaging"),
    "the record is of another form": lambda d: _spoil(d, "schema", 3),
    "the record is damaged": lambda d: d.record().write_text("{"),
    "the record has no end": lambda d: d.record().write_text("[" * 100_000),
    "the record lacks something": lambda d: d.record().write_text('{"schema": 2}'),
    "the record is of the future": lambda d: _spoil(d, "made", time.time() + 60),
    "the pages are not fresh": lambda d: _spoil(d, "until", time.time() - 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_counts(
    project: Project, change: Callable[[Project], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    project.keep(run_inputs(project.folder))
    assert project.knows()
    change(project)
    assert not project.knows()


@pytest.mark.parametrize(
    "name", ["PIP_INDEX_URL", "PIP_PRE", "HOME", "https_proxy", "XDG_CONFIG_HOME", "INDEX_HOST"]
)
def test_every_variable_that_counts_counts(project: Project, name: str) -> None:
    project.keep(run_inputs(project.folder))
    assert project.knows()
    assert not project.knows(**{name: "another"})


def test_another_version_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.keep(run_inputs(project.folder))
    monkeypatch.setattr(run_key, "__version__", "99")
    assert not project.knows()


arguments = st.lists(st.text(max_size=5), max_size=3).map(tuple)


@given(one=arguments, other=arguments)
def test_runs_are_told_apart_by_their_words(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rests_on = run_inputs(Path(folder), read=(), looked_for=(f"{folder}/pip.conf",))
        environment = {"WHEELTARGET_CACHE_DIR": folder}
        run_records.keep(one, environment, outcome(rests_on), OutputOptions())
        assert run_records.find(one, environment) is not None
        assert (run_records.find(other, environment) is not None) == (one == other)


texts = st.text(max_size=5)
files = st.builds(
    TargetFile,
    name=texts,
    version=texts,
    filename=texts,
    url=texts,
    size=st.none() | st.integers(0),
    hashes=st.dictionaries(texts, texts, max_size=2).map(lambda found: tuple(found.items())),
    requested_by=st.lists(
        st.builds(RequestedBy, project=st.text(min_size=1, max_size=5))
        | st.builds(RequestedBy, requirement=texts, location=texts),
        max_size=2,
    ).map(tuple),
    path=st.none() | st.just(Path("house", "one.whl")),
    new=st.booleans(),
    yanked=st.none() | texts,
    requires_python=st.none() | texts,
)


@given(files=st.lists(files, max_size=2).map(tuple), label=texts, notes=st.lists(texts, max_size=2))
def test_outcomes_as_dicts_are_outcomes(
    files: tuple[TargetFile, ...], label: str, notes: list[str]
) -> None:
    made = DownloadOutcome((TargetFiles(label, None, "3.9", files),), tuple(notes), dry_run=True)
    assert DownloadOutcome.from_dict(json.loads(json.dumps(made.as_dict()))) == made


def test_a_file_that_was_changed_while_the_run_went_on_is_not_known(project: Project) -> None:
    project.keep(run_inputs(project.folder, began=time.time() - 120))
    assert not project.knows()


def test_a_file_that_was_removed_while_the_run_went_on_is_not_known(project: Project) -> None:
    (project.folder / "requirements.txt").unlink()
    project.keep(run_inputs(project.folder))
    assert not project.knows()


@pytest.mark.skipif(os.name == "nt", reason="Windows has one mode")
def test_what_is_kept_is_the_users_own_and_has_no_secrets(project: Project) -> None:
    (project.folder / "requirements.txt").write_text(
        "--index-url https://me:secret@example.invalid\n"
    )
    rests_on = run_inputs(project.folder, variables=("TOKEN",))
    environment = {
        **project.environment,
        "TOKEN": "secret",
        "PIP_INDEX_URL": "https://me:secret@b/",
    }
    run_records.keep(WORDS, environment, outcome(rests_on), OutputOptions())
    assert stat.S_IMODE(project.record().stat().st_mode) == 0o600
    assert "secret" not in project.record().read_text()


def test_record_that_cannot_be_written_is_left_out(project: Project) -> None:
    blocked = project.folder / "blocked"
    blocked.write_text("")
    environment = {"WHEELTARGET_CACHE_DIR": str(blocked)}
    run_records.keep(WORDS, environment, outcome(run_inputs(project.folder)), OutputOptions())
    assert run_records.find(WORDS, environment) is None
    run_records.forget(WORDS, environment)
    assert survey(blocked, 0).runs == 0
