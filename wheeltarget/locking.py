"""Locking: from a command line to one lock for each target, all of them written or none."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wheeltarget import catalogue, delivery, driver, same_versions, settings, wheelhouse
from wheeltarget.errors import DestinationError, InputError, UsageError, WheeltargetError
from wheeltarget.inputs import Inputs
from wheeltarget.interrupts import Interrupts, interruptible
from wheeltarget.lock_changes import LockFile, LockOutcome, State, compare, moved, suspicious
from wheeltarget.lock_folder import (
    Form,
    check_names,
    file_name,
    find_strays,
    read_old,
    requirements_text,
)
from wheeltarget.lock_inputs import Names, inputs_of, recording
from wheeltarget.lock_making import Recipe, make_lock
from wheeltarget.locks import Lock, write
from wheeltarget.pip_config import configured_options
from wheeltarget.pip_options import FOREIGN, CommandLine, split_command_line
from wheeltarget.plan import Choices, Job, Plan, Targets, make_plan
from wheeltarget.reading import project_names, read_everything, typed_targets
from wheeltarget.requirements import TargetName
from wheeltarget.results import ChosenFile, JobResult
from wheeltarget.targets import Target
from wheeltarget.wheelhouse import Stage

__all__ = ["LockOutcome", "LockRequest", "lock"]

_HOST = "host"
_ROUNDS = 100
"""After so many rounds for one version of each project something is wrong with the rounds."""


@dataclass(frozen=True, slots=True)
class LockRequest:
    """What a person asks of ``wheeltarget lock``.

    :param words: pip's own words, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param allow_sdist: the projects of which a source is locked where no wheel will do, each a
        list with commas.
    :param folder: where locks go; made if absent.
    :param form: what kind of file a lock is.
    :param upgrade: whether no locked version is kept.
    :param upgrade_packages: the projects of which none is kept, each a list with commas.
    :param same_versions: whether every target has to have the same version of each project.
    :param dry_run: whether nothing is written.
    :param children: how many of pip's processes may run at once.
    :param environment: the environment's variables; None for those of this process.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path)
    form: Form = Form.PYLOCK
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    same_versions: bool = False
    dry_run: bool = False
    children: int = 1
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    """Everything that is asked for, planned."""

    plan: Plan
    inputs: Inputs
    command: CommandLine
    names: Names

    @property
    def labels(self) -> list[str]:
        return [job.target.label if job.target else _HOST for job in self.plan.jobs]

    def target(self, job: Job) -> Target:
        return job.target or self.names.host


def lock(request: LockRequest) -> LockOutcome:
    """Lock the requirements for each of their targets.

    :param request: what is asked for.
    :returns: what became of each lock.
    :raises WheeltargetError: where that cannot be done; every lock is as it was then.
    """
    order = _plan(request)
    folder = Path(os.path.abspath(os.path.expanduser(request.folder)))  # noqa: PTH100, PTH111 - no link is followed
    check_names(order.labels, request.form)
    if folder.exists() and not folder.is_dir():
        raise DestinationError(f"{request.folder} is a file, not a folder")
    free = None if request.upgrade else project_names("--upgrade-package", request.upgrade_packages)
    old = [read_old(folder, label, request.form) for label in order.labels]
    jobs = [
        replace(job, prefer=tuple(_kept(folder, label, request.form, free)))
        for job, label in zip(order.plan.jobs, order.labels, strict=True)
    ]
    with (
        interruptible() as interrupts,
        wheelhouse.open_stage(folder, dry_run=request.dry_run) as stage,
    ):
        resolver = _Resolver(order.labels, stage, request.children)
        results = resolver.resolve(jobs, same=request.same_versions)
        if order.inputs.locked:
            from wheeltarget.lock_hashes import compare as compare_hashes

            compare_hashes(results, order.labels, order.inputs.locked)
        locks = [
            make_lock(_recipe(order, job, label, folder), result.chosen)
            for job, label, result in zip(order.plan.jobs, order.labels, results, strict=True)
        ]
        texts = [
            _text(each, order, job, folder, request.form)
            for each, job in zip(locks, order.plan.jobs, strict=True)
        ]
        files = tuple(
            compare(before, each, text, folder / file_name(each.target, request.form))
            for before, each, text in zip(old, locks, texts, strict=True)
        )
        if not request.dry_run:
            _place(files, texts, stage, interrupts)
    notes = (
        *delivery.notes_on(order.plan, results, order.labels, frozenset()),
        *_notes(files, free, request, folder),
        *(note for each in locks for note in _path_notes(each)),
        *(
            f"nothing needs {name}, which was to be upgraded"
            for name in sorted(free or ())
            if not any(name in each.versions for each in locks)
        ),
    )
    return LockOutcome(files, notes, written=not request.dry_run)


def _plan(request: LockRequest) -> _Order:
    """Read everything that is asked for, and plan it."""
    environment = os.environ if request.environment is None else request.environment
    typed = typed_targets(request.tags, request.targets)
    if any(word.partition("=")[0] == "--build-pure" for word in request.words):
        raise UsageError(
            "a wheel that --build-pure builds here is nowhere for a lock to name",
            "--allow-sdist NAME locks the source, for the target to build",
        )
    command = split_command_line(request.words)
    inherited = configured_options(environment, isolated=command.has("--isolated"))
    everything = CommandLine((*inherited, *command.options), command.requirements)
    _refuse_options(command)
    inputs = read_everything(everything, environment)
    sources = project_names("--allow-sdist", request.allow_sdist)
    found: dict[TargetName, Target | None] = {}
    choices = Choices(typed or settings.project_defaults(Path.cwd()), sources, inherited)
    targets = Targets(recording(catalogue.look_up, found), catalogue.host)
    plan, faults = make_plan(inputs, command, choices, targets)
    faults = (*inputs.unread, *inputs.faults, *faults)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    opaque = ("--group", "--requirements-from-script")
    if not any(job.lines for job in plan.jobs) and not any(map(everything.has, opaque)):
        raise UsageError("there is nothing to lock", "name requirements, or a file with -r FILE")
    _refuse_foreign(plan, everything)
    return _Order(plan, inputs, command, Names(found, catalogue.host()))


def _refuse_options(command: CommandLine) -> None:
    """Refuse the options of pip that play no part here."""
    if command.has("--dest"):
        raise UsageError("lock keeps no wheels, so --dest has no use", "locks go to -o DIR")
    if command.has("--python"):
        raise UsageError(
            "--python would run pip in another interpreter, where no target is known",
            "leave it out, or name that interpreter's environment as a target",
        )


def _refuse_foreign(plan: Plan, command: CommandLine) -> None:
    foreign = [option.name for option in command.options if option.name in FOREIGN]
    if foreign and any(job.target is None for job in plan.jobs):
        raise UsageError(
            f"{foreign[0]} says too little of an environment for a lock",
            "name it as a target: --tags INTERPRETER-ABI-PLATFORM",
        )


def _kept(
    folder: Path, label: str, form: Form, free: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Give the versions that are to be kept, of the other form's lock where there is none."""
    if free is None:
        return
    old = read_old(folder, label, form)
    for other in (each for each in Form if each is not form):
        # It is not the one that is made, so whatever is wrong with it is no matter.
        with contextlib.suppress(WheeltargetError):
            old = old if old.text is not None else read_old(folder, label, other)
    yield from ((name, pin.version) for name, pin in old.pins if pin.version and name not in free)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """What it takes to have jobs resolved.

    :param labels: what to call each job's target.
    :param stage: where pip works.
    :param children: how many of its processes may run at once.
    """

    labels: Sequence[str]
    stage: Stage
    children: int

    def resolve(self, jobs: Sequence[Job], *, same: bool) -> tuple[JobResult, ...]:
        """Resolve jobs, with one version of each project for all where that is asked for."""
        every = range(len(jobs))
        results = dict(enumerate(self._run(jobs, every, "round-0")))
        delivery.refuse_failures([results[i] for i in every], self.labels, catalogue.look_up_tag)
        if same:
            self._level(jobs, results)
        for result in results.values():
            delivery.check(result, dry_run=True)
        return tuple(replace(results[i], chosen=_measured(results[i])) for i in every)

    def _run(self, jobs: Sequence[Job], which: Sequence[int], name: str) -> tuple[JobResult, ...]:
        part = self.stage.part(name)
        manner = driver.Manner(("",) * len(which), self.children, dry_run=True, hashed=True)
        labels = [self.labels[i] for i in which]
        return driver.run_jobs([jobs[i] for i in which], labels, part, manner)

    def _level(self, jobs: Sequence[Job], results: dict[int, JobResult]) -> None:
        """Resolve again whoever has a newer version than another, until nobody has."""
        bounds: dict[str, same_versions.Bound] = {}
        for number in range(1, _ROUNDS):
            chosen = [(self.labels[i], _versions(results[i])) for i in sorted(results)]
            lower = same_versions.lower(chosen, bounds)
            if lower == bounds:
                break
            bounds = lower
            over = {
                i: exceeded
                for i in sorted(results)
                if (exceeded := same_versions.exceeds(_versions(results[i]), bounds))
            }
            again = [same_versions.bounded(job, bounds) for job in jobs]
            if over:
                new = self._run(again, list(over), f"round-{number}")
                for i, result in zip(over, new, strict=True):
                    self._refuse_held_back(i, over[i], result, bounds)
                    results[i] = result
        same_versions.check_same([(self.labels[i], _versions(results[i])) for i in sorted(results)])

    def _refuse_held_back(
        self,
        number: int,
        exceeded: Sequence[str],
        result: JobResult,
        bounds: Mapping[str, same_versions.Bound],
    ) -> None:
        """Say whose versions a job cannot do with, if that is why it failed."""
        if result.exit_code and result.job.target is not None and result.failure is None:
            delivery.refuse_failures([result], [self.labels[number]], catalogue.look_up_tag)
        if result.exit_code:
            demands = result.failure.demands if result.failure else ()
            raise same_versions.held_back(self.labels[number], exceeded, demands, bounds)


def _versions(result: JobResult) -> dict[str, str]:
    return {file.name: file.version for file in result.chosen}


def _measured(result: JobResult) -> tuple[ChosenFile, ...]:
    """Say of what was fetched, and of what is on this machine, which hash and size it has."""
    return tuple(map(_measure, result.chosen))


def _measure(file: ChosenFile) -> ChosenFile:
    if file.path.is_file():
        with file.path.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        return replace(file, hashes=(("sha256", sha256),), size=file.path.stat().st_size)
    url = urlsplit(file.url)
    if file.size is None and url.scheme == "file" and Path(url2pathname(url.path)).is_file():
        return replace(file, size=Path(url2pathname(url.path)).stat().st_size)
    return file


def _recipe(order: _Order, job: Job, label: str, folder: Path) -> Recipe:
    inputs = inputs_of(job, order.inputs, order.command, order.names)
    return Recipe(label, order.target(job), inputs, folder)


def _text(each: Lock, order: _Order, job: Job, folder: Path, form: Form) -> str:
    """Write a lock as the text of its file."""
    if form is Form.PYLOCK:
        return write(each)
    clause = order.names.clause(job.target)
    key, _, text = clause.partition("=")
    if key == "target" and catalogue.is_path(text):
        # A path is read from the folder of the file in which it stands.
        path = Path(order.names.folder(job.target), text)
        clause = f"target={os.path.relpath(path, folder)}"
    return requirements_text(each, clause, folder)


def _place(
    files: Sequence[LockFile], texts: Sequence[str], stage: Stage, interrupts: Interrupts
) -> None:
    """Write the locks that are new or changed, all at once."""
    made = {}
    for file, text in zip(files, texts, strict=True):
        if file.state is not State.SAME:
            made[file.path.name] = stage.folder / file.path.name
            made[file.path.name].write_bytes(text.encode())
    interrupts.hold()
    if made:
        stage.place(made)


def _path_notes(each: Lock) -> Iterator[str]:
    """Say which files a lock names that may not be there on another machine."""
    for package in each.packages:
        path = package.file.path
        if path.startswith("../") or Path(path).is_absolute():
            yield (
                f"{package.name} for {each.target} is at {path}, outside the folder of the lock: "
                "pip takes it from there, wheeltarget download only from within"
            )


def _notes(
    files: Sequence[LockFile], free: frozenset[str] | None, request: LockRequest, folder: Path
) -> Iterator[str]:
    """Say what somebody should know of the locks."""
    for file in files:
        yield from suspicious(file)
        if not request.same_versions:  # there is another reason then
            yield from moved(file, free)
    names = {file.path.name for file in files}
    for path, label in find_strays(folder, request.form, names):
        yield f"{path.name} is the lock of {label}, which is no target of this run: it was left"
