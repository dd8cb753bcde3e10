"""Fetch what the sources that a run keeps need to be built on their targets."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.commands.invocation import proposed_command
from wheeltarget.commands.with_pip import options_for_pip
from wheeltarget.errors import ClosureError, TargetError
from wheeltarget.pip_config.options import FOR_BUILDING, CommandLine, GivenOption
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.requirements.parser import RequirementsFile
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.build_jobs import build_job
from wheeltarget.resolver.explanation import ResolutionError, explain_failures
from wheeltarget.resolver.pip_runner import JobResult, RunOptions
from wheeltarget.staging.stage import Stage
from wheeltarget.targets import catalog
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse.archive import describe_damage
from wheeltarget.wheelhouse.build_closure import find_build_closure, skim_wheel, source_versions
from wheeltarget.wheelhouse.building import BuildNeeds, read_needs
from wheeltarget.wheelhouse.closure import Available, is_wanted
from wheeltarget.wheelhouse.source import DAMAGE
from wheeltarget.wheelhouse.wheel import WheelFile

NO_ISOLATION = "--no-build-isolation"
"""The option of pip for builds with what is installed, so that nothing is fetched for them."""

_NEWEST = Version("1!0")
_OLD_SETUPTOOLS = Version("3.8")
"""The first Python that has a setuptools that builds wheels without wheel."""

_BACKTRACKING = Version("20.3")
"""The first pip that tries another version if the newest one cannot be used."""

_NEW_PIPS = Version("3.9")
"""The first Python of which no release came with a pip before 20.3."""


Start = tuple[int, Target, Path]
"""A source to begin with: the index of its target among those of the run, the target, its path."""


@dataclass(frozen=True, slots=True)
class KeptSource:
    """A source that a run keeps, and what it needs to be built.

    :param number: the index of the target that needs it; another source of it may need this one.
    :param requires: the requirements that pip resolves; those that the target does not need, as
        their markers say, are left out.
    :param result: what pip chose for them; None if there are none.
    """

    number: int
    target: Target
    path: Path
    needs: BuildNeeds
    requires: tuple[Requirement, ...]
    result: JobResult | None = None

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class SourceRun:
    """How to resolve for the sources of a run.

    :param labels: the label of each target of the run.
    :param options: those of the run, with a folder for each target.
    :param given: pip's options that apply to building, as :func:`options_for_building` returns
        them.
    :param settings: pip's configuration, by long option without its dashes.
    :param allowed: the projects whose source distributions are allowed, normalised.
    :param indexes: the indexes of projects.
    :param pure: the projects of which a wheel is built here, so that their sources are not kept.
    :param finish: takes pip's result, and returns it with the wheels that are built here; None if
        there are none.
    """

    labels: Sequence[str]
    stage: Stage
    options: RunOptions
    given: tuple[GivenOption, ...]
    settings: Mapping[str, str]
    allowed: frozenset[str]
    indexes: ProjectIndexes
    pure: frozenset[str] = frozenset()
    finish: Callable[[JobResult], JobResult] | None = None

    def fetch(self, sources: Iterable[Start]) -> tuple[KeptSource, ...]:
        """Fetch what sources need to be built, and what the sources among that need, in turn.

        The files are in the folder of each result; the caller checks and places them.

        :returns: each kept source.
        :raises ClosureError: if a source cannot be read.
        :raises ResolutionError: if something that a source needs is not available.
        """
        if any(option.name == NO_ISOLATION for option in self.given):
            return ()
        done: list[KeptSource] = []
        seen: set[tuple[int, str]] = set()
        todo = list(_read_new(sources, seen))
        for step in count(1):
            found = self._resolve(todo, f"build-{step}")
            todo = []
            for source in found:
                more = tuple(_missing(source))
                if more:
                    todo.append(replace(source, requires=(*source.requires, *more)))
                    continue
                done.append(source)
                if source.result:
                    below = sources_of(source.number, source.result, self.pure)
                    todo += _read_new(below, seen)
            if not todo:
                return tuple(done)
        raise AssertionError  # count() never ends

    def _resolve(self, sources: Sequence[KeptSource], name: str) -> list[KeptSource]:
        """Return sources with what pip chose for each; the same requirements are resolved once."""
        groups: dict[tuple[int, tuple[Requirement, ...]], list[KeptSource]] = {}
        for source in sources:
            groups.setdefault((source.number, source.requires), []).append(source)
        keys = [key for key in groups if key[1]]
        results = dict(zip(keys, self._run([groups[key] for key in keys], name), strict=True))
        return [replace(s, result=results.get((s.number, s.requires))) for s in sources]

    def _run(self, groups: Sequence[Sequence[KeptSource]], name: str) -> Sequence[JobResult]:
        if not groups:
            return ()
        jobs, labels, names, folders = [], [], [], []
        for group in groups:
            first = group[0]
            needed = (first.target, first.name, first.requires)
            jobs.append(build_job(*needed, self.given, self.settings, self.allowed, self.indexes))
            labels.append(self.labels[first.number])
            names.append(f"{labels[-1]}, to build {_names(group)}")
            folders.append(self.options.folders[first.number])
        part = self.stage.part(name, self.stage.destination)
        run_options = replace(self.options, folders=tuple(folders))
        results = pip_runner.run_jobs(jobs, names, part, run_options)
        if any(result.exit_code for result in results):
            raise _explain(results, labels, groups)
        return tuple(map(self.finish, results)) if self.finish else results


def options_for_building(
    files: Sequence[RequirementsFile], command: CommandLine, environment: Mapping[str, str]
) -> tuple[GivenOption, ...]:
    """Return the options of a run that apply when pip builds; see :func:`options_for_pip`."""
    return tuple(options_for_pip(files, command, environment, FOR_BUILDING))


def sources_of(number: int, result: JobResult, pure: Container[str] = ()) -> Iterator[Start]:
    """Yield the sources among the files of a target, by its index.

    :param pure: the projects of which a wheel is built here.
    """
    target = result.job.target
    for file in result.chosen if target else ():
        if target and file.path.suffix != ".whl" and file.name not in pure:
            yield number, target, file.path


def _read_new(sources: Iterable[Start], seen: set[tuple[int, str]]) -> Iterator[KeptSource]:
    """Read the sources that were not read for their target before."""
    for number, target, path in sources:
        if (number, path.name) in seen:
            continue
        seen.add((number, path.name))
        try:
            needs = read_needs(path)
        except DAMAGE as error:
            message = f"{path.name} cannot be built: {describe_damage(error)}"
            raise ClosureError(message, "nothing was saved") from error
        requires = tuple(each for each in needs.requires if is_wanted(each, target))
        yield KeptSource(number, target, path, needs, requires)


def _missing(source: KeptSource) -> Iterator[Requirement]:
    """Yield what the chosen backend asks for, unless it was chosen, too."""
    chosen = source.result.chosen if source.result else ()
    versions: Mapping[str, str] = {file.name: file.version for file in chosen}
    later = source.needs.asked_later(versions.get("setuptools", ""))
    return (each for each in later if canonicalize_name(each.name) not in versions)


def _names(group: Sequence[KeptSource]) -> str:
    names = dict.fromkeys(source.name for source in group)
    return " and ".join(names)


def _explain(
    results: Sequence[JobResult], labels: Sequence[str], groups: Sequence[Sequence[KeptSource]]
) -> Exception:
    """Return the error for sources of which a build requirement is not available."""
    error = explain_failures(results, labels, catalog.look_up_tag)
    if isinstance(error, ResolutionError):
        failed = [
            f"{_names(group)} for {label}"
            for result, label, group in zip(results, labels, groups, strict=True)
            if result.exit_code
        ]
        what = f"pip failed to find what is needed to build {'; '.join(failed)}"
        error.args = (f"{what}; nothing was saved",)
        error.message = error.args[0]
        rest = f"; {error.hint}" if error.hint else ""
        error.hint = f"if that is installed there, use {NO_ISOLATION}{rest}"
        # The lines are those of the source, which the user cannot change.
        error.explanations = tuple(replace(e, suggestions=()) for e in error.explanations)
    return error


def note_sources(sources: Iterable[KeptSource], labels: Sequence[str]) -> Iterator[str]:
    """Yield notes on what was added to build sources, and on what cannot be known."""
    for source in sources:
        label = labels[source.number]
        files = source.result.chosen if source.result else ()
        if files:
            what = f"build requirement{'s' if len(files) > 1 else ''} of {source.name} for {label}"
            listed = ", ".join(f"{file.name} {file.version}" for file in files)
            yield f"{len(files)} {what}: {listed}"
        yield from note_unknown(source.name, source.needs, source.target, label)


def note_old_pips(
    sources: Sequence[KeptSource],
    every: Iterable[tuple[int, JobResult]],
    labels: Sequence[str],
    folders: Sequence[str],
) -> Iterator[str]:
    """Yield a note for each target whose pip may take a build requirement of another one.

    Before 20.3, pip takes the newest version in a folder, and fails if its Requires-Python
    excludes the interpreter. Requirements of the user can be pinned, but those of a build cannot.

    :param every: each result, with the index of the job whose target it is for.
    :param folders: the folder of each job, for those that share one.
    """
    there = [(folders[number], file) for number, result in every for file in result.chosen]
    noted: set[str] = set()
    for source in sources:
        label, folder = labels[source.number], folders[source.number]
        chosen = source.result.chosen if source.result else ()
        versions = {file.name: Version(file.version) for file in chosen}
        newer = [
            file
            for place, file in there
            if place == folder and Version(file.version) > versions.get(file.name, _NEWEST)
            if not source.target.accepts_python(file.requires_python or "")
        ]
        if newer and label not in noted and _has_old_pip(source.target):
            noted.add(label)
            yield (
                f"a pip before 20.3 on {label} would take {newer[0].name} {newer[0].version} from "
                f"the folder that it shares, and fail to build {source.name}: use --by-target"
            )


def _has_old_pip(target: Target) -> bool:
    """Return whether the pip of a target may be from before 20.3."""
    if target.pip is not None:
        return Version(target.pip.version) < _BACKTRACKING
    return Version(target.python) < _NEW_PIPS


def note_unknown(name: str, needs: BuildNeeds, target: Target, label: str) -> Iterator[str]:
    """Yield notes on what the build of a source may need that cannot be fetched.

    :param name: the file name of the source.
    """
    for each in needs.remote:
        if is_wanted(each, target):
            yield f"{name} needs {each} to be built; pip asks that address even with --no-index"
    if needs.unknown:
        yield (
            f"{name} may need more to be built on {label}: {needs.unknown}, which is known only "
            f"when it runs; if it asks for more there, download that for {label} to the same folder"
        )


def note_lacking(
    target: Target, label: str, sources: Sequence[Path], folder: Path
) -> Iterator[str]:
    """Yield notes on what a folder lacks to build sources, and on what cannot be known.

    :param sources: the sources that the target builds, in the folder.
    """
    there = sorted(path for path in folder.iterdir() if path.is_file())
    wheels: dict[str, list[WheelFile]] = {}
    for wheel in filter(None, map(skim_wheel, there)):
        if not wheel.tags.isdisjoint(target.tags) and target.accepts_python(wheel.requires_python):
            wheels.setdefault(wheel.name, []).append(wheel)
    available = Available(target, wheels, source_versions(there))
    faults = find_build_closure(available, sources, there).faults
    for path in sources:
        mine = [fault for fault in faults if fault.path == path]
        try:
            needs = read_needs(path)
        except DAMAGE as error:
            yield f"{path.name} cannot be built: {describe_damage(error)}"
            continue
        if mine:
            requires = [str(each) for each in needs.requires if is_wanted(each, target)]
            # Of what such a Python has, no setuptools can do without it.
            old = Version(target.python) < _OLD_SETUPTOOLS and needs.is_setuptools
            requires += ["wheel"] if old and "wheel" not in requires else []
            command = proposed_command("download", *requires, "-d", str(folder), **_named(label))
            what = f"what {path.name} needs to be built"
            yield f"the lock does not name {what}; get it with: {command}"
        yield from note_unknown(path.name, needs, target, label)


def _named(label: str) -> dict[str, list[str]]:
    """Return the option that names a target by its label."""
    try:
        catalog.look_up_tag(label)
    except TargetError:
        return {"targets": [label]}
    return {"tags": [label]}
