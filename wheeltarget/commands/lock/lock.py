"""Make a lock for each target of a command line, and write all of them or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheeltarget.cache.folder import open_for, wheel_folder
from wheeltarget.cache.pruning import prune_after_run
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
from wheeltarget.commands.prepare import Prepared, notes_on, prepare
from wheeltarget.errors import DestinationError, InputError, UsageError, WheeltargetError
from wheeltarget.lockfile.model import Lock, write
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, CommandLine
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
    """The request of ``wheeltarget lock``.

    :param words: pip's arguments in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param allow_sdist: the projects of which a source distribution is locked if no wheel fits, each
        a comma-separated list.
    :param folder: the folder for locks; created if missing.
    :param form: the format of the locks.
    :param upgrade: whether to upgrade all projects.
    :param upgrade_packages: the projects to upgrade, each a comma-separated list.
    :param same_versions: whether all targets must have the same version of each project.
    :param dry_run: whether to write nothing.
    :param children: how many processes of pip may run at once.
    :param environment: the environment variables; None for those of this process.
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
    """The prepared command, and the names of its targets."""

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
class _NewLock:
    """The new lock of one target, the text of its file, and its changes."""

    lock: Lock
    text: str
    file: LockFile


def lock(request: LockRequest, invocation: Invocation | None = None) -> LockOutcome:
    """Lock the requirements for each of their targets.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: each lock and its changes.
    :raises WheeltargetError: if this fails; every lock is then unchanged.
    """
    invocation = invocation or read_invocation(request.words, request.environment)
    order = _plan(request, invocation)
    folder = Path(os.path.abspath(os.path.expanduser(request.folder)))  # noqa: PTH100, PTH111 - no link is followed
    if folder.exists() and not folder.is_dir():
        raise DestinationError(
            f"{request.folder} is a file, not a folder", "move it away, or choose another folder"
        )
    check_names(order.labels, request.form)
    free = None if request.upgrade else project_names("--upgrade-package", request.upgrade_packages)
    # A killed run may have placed some of its locks only; those are removed first.
    with merge.settled(folder) if folder.exists() else contextlib.nullcontext():
        old = [read_old(folder, label, request.form) for label in order.labels]
    jobs = [
        replace(job, preferred=tuple(_kept(folder, label, request.form, before, free)))
        for job, label, before in zip(order.plan.jobs, order.labels, old, strict=True)
    ]
    environment = invocation.environment
    # For wheels that pip has to fetch to read their metadata.
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
        locks = [
            _make(order, number, result, before, folder, request.form)
            for number, (result, before) in enumerate(zip(results, old, strict=True))
        ]
        if not request.dry_run:
            _place(locks, stage, interrupts)
    notes = (
        *notes_on(order.plan, results, order.labels, frozenset()),
        *_notes(locks, free, request, folder),
        *stage.notes,
        *filter(None, [no_cache or prune_after_run(cached, environment)]),
    )
    files = tuple(new.file for new in locks)
    return LockOutcome(files, notes, written=not request.dry_run)


def _plan(request: LockRequest, invocation: Invocation) -> _Order:
    if any(word.partition("=")[0] == "--build-pure" for word in request.words):
        raise UsageError(
            "--build-pure cannot be combined with lock: a wheel built here has no URL to lock",
            "use --allow-sdist NAME to lock the source distribution, for the target to build",
        )
    invocation.require_valid()
    _refuse_options(invocation.command)
    sources = project_names("--allow-sdist", request.allow_sdist)
    prepared = prepare(invocation, request.tags, request.targets, sources, locks=True)
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    plan, everything = prepared.plan, invocation.everything
    pip_only = ("--group", "--requirements-from-script")
    if not any(job.lines for job in plan.jobs) and not any(map(everything.has, pip_only)):
        raise UsageError(
            "there are no requirements to lock",
            "name requirements, or a requirements file with -r FILE",
        )
    _refuse_foreign(plan, everything)
    return _Order(prepared, Names(prepared.found, catalog.host()))


def _refuse_options(command: CommandLine) -> None:
    """Refuse the options of pip that have no effect here."""
    lock = next(filter(is_lock, command.values("--requirement")), None)
    if lock is not None:
        raise UsageError(
            f"cannot lock {lock}: it is a lock already",
            "name the requirements that it was made from; a lock by wheeltarget lists its inputs",
        )
    if command.has("--dest"):
        raise UsageError(
            "lock does not take --dest, as it saves no wheels",
            "use -o DIR to choose the folder of the locks",
        )
    if command.has("--python"):
        raise UsageError(
            "lock does not take --python, as it runs pip in another interpreter",
            "leave it out, or name the environment of that interpreter as a target",
        )


def _refuse_foreign(plan: Plan, command: CommandLine) -> None:
    foreign = [option.name for option in command.options if option.name in ENVIRONMENT_OPTIONS]
    if foreign and any(job.target is None for job in plan.jobs):
        raise UsageError(
            f"{foreign[0]} does not describe an environment fully enough for a lock",
            "name a target instead, with --tags INTERPRETER-ABI-PLATFORM or --target NAME",
        )


def _kept(
    folder: Path, label: str, form: Form, old: OldLock, free: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the versions to keep, from the lock in the other format if there is no other."""
    if free is None:
        return
    for other in (each for each in Form if each is not form):
        # That lock is not being made, so its faults do not matter.
        with contextlib.suppress(WheeltargetError):
            old = old if old.text is not None else read_old(folder, label, other)
    yield from ((name, pin.version) for name, pin in old.pins if pin.version and name not in free)


def _make(
    order: _Order, number: int, result: JobResult, old: OldLock, folder: Path, form: Form
) -> _NewLock:
    job, label = order.plan.jobs[number], order.labels[number]
    prepared = order.prepared
    inputs = inputs_of(job, prepared.inputs, prepared.invocation.command, order.names)
    made = make_lock(Recipe(label, order.target(job), inputs, folder), result.chosen)
    text = _text(made, order, job, folder, form)
    return _NewLock(made, text, compare(old, made, text, folder / file_name(label, form)))


def _text(each: Lock, order: _Order, job: Job, folder: Path, form: Form) -> str:
    if form is Form.PYLOCK:
        return write(each)
    clause = order.names.clause(job.target)
    key, _, text = clause.partition("=")
    if key == "target" and catalog.is_path(text):
        # A path is relative to the folder of the file that has it.
        path = os.path.abspath(Path(order.names.folder(job.target), text))  # noqa: PTH100 - any text
        with contextlib.suppress(ValueError):  # it is on another drive
            path = os.path.relpath(path, folder)
        clause = f"target={path}"
    return requirements_text(each, clause, folder)


def _place(locks: Sequence[_NewLock], stage: Stage, interrupts: Interrupts) -> None:
    """Write all new and changed locks, or none."""
    written = {}
    for new in locks:
        path = stage.folder / new.file.path.name
        path.write_bytes(new.text.encode())
        written[new.file.path] = path
    with stage.hold():
        interrupts.hold()
        # Another run may have changed locks since they were read.
        made = {
            new.file.path.name: written[new.file.path]
            for new in locks
            if read_text(new.file.path) != new.text
        }
        if made:
            stage.place(made)


def _notes(
    locks: Sequence[_NewLock], free: frozenset[str] | None, request: LockRequest, folder: Path
) -> Iterator[str]:
    for new in locks:
        yield from suspicious(new.file)
        if not request.same_versions:  # which is then the reason
            yield from moved(new.file, free)
        yield from _path_notes(new.lock)
    for name in sorted(free or ()):
        if not any(name in new.lock.versions for new in locks):
            yield f"--upgrade-package {name} has no effect: {name} is not required"
    names = {new.file.path.name for new in locks}
    for path, label in find_strays(folder, request.form, names):
        yield f"{path.name} was left unchanged: {label} is not a target of this run"


def _path_notes(each: Lock) -> Iterator[str]:
    """Yield a note if a lock names local files outside of its folder."""
    outside = [
        package.name
        for package in each.packages
        if package.file.path.startswith("../") or Path(package.file.path).is_absolute()
    ]
    if outside:
        yield (
            f"the lock for {each.target} names local files outside of its folder, for "
            f"{', '.join(outside)}: they must exist wherever the lock is used"
        )
