"""Locking: from a command line to one lock for each target, all of them written or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheeltarget.cache.folder import open_for, wheel_folder
from wheeltarget.cache.pruning import make_room
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.lock.build import Recipe, make_lock
from wheeltarget.commands.lock.diff import (
    LockFile,
    LockOutcome,
    OldLock,
    compare,
    moved,
    suspicious,
)
from wheeltarget.commands.lock.files import (
    Form,
    check_names,
    file_name,
    find_strays,
    read_old,
    read_text,
    requirements_text,
)
from wheeltarget.commands.lock.inputs import Names, inputs_of
from wheeltarget.commands.lock.resolve import Resolver
from wheeltarget.commands.notes import notes_on
from wheeltarget.commands.prepare import Asked, Prepared, prepare
from wheeltarget.errors import DestinationError, InputError, UsageError, WheeltargetError
from wheeltarget.lockfile.model import Lock, write
from wheeltarget.pip_config.options import FOREIGN, CommandLine
from wheeltarget.requirements.filenames import project_names
from wheeltarget.requirements.parser import is_lock
from wheeltarget.resolver.plan import Job, Plan
from wheeltarget.resolver.results import JobResult
from wheeltarget.resolver.verify import compare as compare_hashes
from wheeltarget.targets import catalog
from wheeltarget.targets.target import Target
from wheeltarget.utils.signals import Interrupts, interruptible
from wheeltarget.wheelhouse import merge
from wheeltarget.wheelhouse.merge import Stage

__all__ = ["LockOutcome", "LockRequest", "lock"]


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
    """Everything that is asked for, and what its targets are called."""

    prepared: Prepared
    names: Names

    @property
    def plan(self) -> Plan:
        return self.prepared.plan

    @property
    def labels(self) -> list[str]:
        return [self.names.label(job.target) for job in self.plan.jobs]

    def target(self, job: Job) -> Target:
        return job.target or self.names.host


@dataclass(frozen=True, slots=True)
class _Draft:
    """The lock of one target as it is to be.

    :param lock: the lock.
    :param text: the text of its file.
    :param file: what becomes of the file.
    """

    lock: Lock
    text: str
    file: LockFile


def lock(request: LockRequest, invocation: Invocation | None = None) -> LockOutcome:
    """Lock the requirements for each of their targets.

    :param request: what is asked for.
    :param invocation: what its arguments and pip's configuration say, if they were read before.
    :returns: what became of each lock.
    :raises WheeltargetError: where that cannot be done; every lock is as it was then.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    order = _plan(request, invocation)
    folder = Path(os.path.abspath(os.path.expanduser(request.folder)))  # noqa: PTH100, PTH111 - no link is followed
    if folder.exists() and not folder.is_dir():
        raise DestinationError(f"{request.folder} is a file, not a folder")
    check_names(order.labels, request.form)
    free = None if request.upgrade else project_names("--upgrade-package", request.upgrade_packages)
    # What a killed run has placed halfway is no lock of anybody's.
    with merge.settled(folder) if folder.exists() else contextlib.nullcontext():
        old = [read_old(folder, label, request.form) for label in order.labels]
    jobs = [
        replace(job, prefer=tuple(_kept(folder, label, request.form, before, free)))
        for job, label, before in zip(order.plan.jobs, order.labels, old, strict=True)
    ]
    environment = invocation.environment
    # For the wheels that have to be fetched, since nothing else says enough of them.
    cached, no_cache = open_for(invocation.command, invocation.settings, environment)
    with (
        interruptible() as interrupts,
        merge.open_stage(folder, dry_run=request.dry_run) as stage,
    ):
        resolver = Resolver(order.labels, stage, request.children, cached and wheel_folder(cached))
        results = resolver.resolve(jobs, same=request.same_versions)
        locked = order.prepared.inputs.locked
        if locked:
            compare_hashes(results, order.labels, locked)
        drafts = [
            _draft(order, number, result, before, folder, request.form)
            for number, (result, before) in enumerate(zip(results, old, strict=True))
        ]
        if not request.dry_run:
            _place(drafts, stage, interrupts)
    notes = (
        *notes_on(order.plan, results, order.labels, frozenset()),
        *_notes(drafts, free, request, folder),
        *stage.notes,
        *filter(None, [no_cache or make_room(cached, environment)]),
    )
    files = tuple(draft.file for draft in drafts)
    return LockOutcome(files, notes, written=not request.dry_run)


def _plan(request: LockRequest, invocation: Invocation) -> _Order:
    """Read everything that is asked for, and plan it."""
    if any(word.partition("=")[0] == "--build-pure" for word in request.words):
        raise UsageError(
            "a wheel that --build-pure builds here is nowhere for a lock to name",
            "--allow-sdist NAME locks the source, for the target to build",
        )
    invocation.require_valid()
    _refuse_options(invocation.command)
    sources = project_names("--allow-sdist", request.allow_sdist)
    prepared = prepare(invocation, Asked(request.tags, request.targets, sources, locks=True))
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    plan, everything = prepared.plan, invocation.everything
    opaque = ("--group", "--requirements-from-script")
    if not any(job.lines for job in plan.jobs) and not any(map(everything.has, opaque)):
        raise UsageError("there is nothing to lock", "name requirements, or a file with -r FILE")
    _refuse_foreign(plan, everything)
    return _Order(prepared, Names(prepared.found, catalog.host()))


def _refuse_options(command: CommandLine) -> None:
    """Refuse the options of pip that play no part here."""
    lock = next(filter(is_lock, command.values("--requirement")), None)
    if lock is not None:
        raise UsageError(
            f"{lock} is a lock itself",
            "name the requirements that it was made of; a lock of wheeltarget has them as inputs",
        )
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
    folder: Path, label: str, form: Form, old: OldLock, free: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the versions that are to be kept, of the other form's lock if there is none."""
    if free is None:
        return
    for other in (each for each in Form if each is not form):
        # It is not the one that is made, so whatever is wrong with it is no matter.
        with contextlib.suppress(WheeltargetError):
            old = old if old.text is not None else read_old(folder, label, other)
    yield from ((name, pin.version) for name, pin in old.pins if pin.version and name not in free)


def _draft(
    order: _Order, number: int, result: JobResult, old: OldLock, folder: Path, form: Form
) -> _Draft:
    """Make the lock of a target, and hold it against what is there of it."""
    job, label = order.plan.jobs[number], order.labels[number]
    prepared = order.prepared
    inputs = inputs_of(job, prepared.inputs, prepared.invocation.command, order.names)
    made = make_lock(Recipe(label, order.target(job), inputs, folder), result.chosen)
    text = _text(made, order, job, folder, form)
    return _Draft(made, text, compare(old, made, text, folder / file_name(label, form)))


def _text(each: Lock, order: _Order, job: Job, folder: Path, form: Form) -> str:
    """Write a lock as the text of its file."""
    if form is Form.PYLOCK:
        return write(each)
    clause = order.names.clause(job.target)
    key, _, text = clause.partition("=")
    if key == "target" and catalog.is_path(text):
        # A path is read from the folder of the file in which it stands.
        path = os.path.abspath(Path(order.names.folder(job.target), text))  # noqa: PTH100 - any text
        with contextlib.suppress(ValueError):  # it is on another drive
            path = os.path.relpath(path, folder)
        clause = f"target={path}"
    return requirements_text(each, clause, folder)


def _place(drafts: Sequence[_Draft], stage: Stage, interrupts: Interrupts) -> None:
    """Write the locks that are new or changed, all at once."""
    written = {}
    for draft in drafts:
        path = stage.folder / draft.file.path.name
        path.write_bytes(draft.text.encode())
        written[draft.file.path] = path
    with stage.hold():
        interrupts.hold()
        # Another run may have placed locks, or been killed and taken back, since they were read.
        made = {
            draft.file.path.name: written[draft.file.path]
            for draft in drafts
            if read_text(draft.file.path) != draft.text
        }
        if made:
            stage.place(made)


def _notes(
    drafts: Sequence[_Draft], free: frozenset[str] | None, request: LockRequest, folder: Path
) -> Iterator[str]:
    """Say what somebody should know of the locks."""
    for draft in drafts:
        yield from suspicious(draft.file)
        if not request.same_versions:  # there is another reason then
            yield from moved(draft.file, free)
        yield from _path_notes(draft.lock)
    for name in sorted(free or ()):
        if not any(name in draft.lock.versions for draft in drafts):
            yield f"nothing needs {name}, which was to be upgraded"
    names = {draft.file.path.name for draft in drafts}
    for path, label in find_strays(folder, request.form, names):
        yield f"{path.name} is the lock of {label}, which is no target of this run: it was left"


def _path_notes(each: Lock) -> Iterator[str]:
    """Say which files a lock names that may not be there on another machine."""
    outside = [
        package.name
        for package in each.packages
        if package.file.path.startswith("../") or Path(package.file.path).is_absolute()
    ]
    if outside:
        yield (
            f"outside the folder of the lock for {each.target} is the file of "
            f"{', '.join(outside)}: it has to be there wherever the lock is used"
        )
