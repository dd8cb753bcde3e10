"""Make a lock for each target of a command line, and write all of them or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheeltarget.cache.wheel_store import open_for, prune_after_run, wheel_folder
from wheeltarget.commands.download.download import make_builder
from wheeltarget.commands.download.provenance import FetchedProvenance, fetch_for_results
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.lock.build import clean, inputs_of, make_lock
from wheeltarget.commands.lock.built import FOLDER, Built, build_all, find_known
from wheeltarget.commands.lock.files import (
    Form,
    LockFile,
    LockOutcome,
    OldLock,
    change_notes,
    check_names,
    compare,
    file_name,
    find_other_locks,
    read_old,
    read_text,
    requirements_text,
)
from wheeltarget.commands.lock.resolve import Resolver
from wheeltarget.commands.prepare import Prepared, notes_on, prepare
from wheeltarget.errors import (
    DestinationError,
    IndexFailureError,
    InputError,
    UsageError,
    WheeltargetError,
)
from wheeltarget.lockfile.model import Attestation, Lock, write
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, is_lock, project_names
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.index_failures import (
    IndexFailure,
    find_index_failures,
    may_explain,
)
from wheeltarget.resolver.pip_runner import JobResult, compare_with_locks
from wheeltarget.resolver.plan import PIP_ONLY
from wheeltarget.staging.stage import Interrupts, Stage, hold_destination, interruptible, open_stage
from wheeltarget.targets import catalog
from wheeltarget.targets.leave_outs import read_leave_outs
from wheeltarget.targets.names import EXCLUDE, HOST, TargetName, is_path
from wheeltarget.targets.target import Target

_PIP_ONLY = frozenset({"--group", "--requirements-from-script"})
"""Options with requirements that only pip reads."""

_REFUSED = (
    ("--dest", "saves no wheels", "use -o DIR to choose the folder of the locks"),
    (
        "--python",
        "runs pip in another interpreter",
        "leave it out, or name the environment of that interpreter as a target",
    ),
)
"""Options of pip that have no effect here, the reason, and a hint."""


@dataclass(frozen=True, slots=True)
class LockRequest:
    """The request of ``wheeltarget lock``.

    :param arguments: pip's arguments in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param allow_sdist: the projects of which a source distribution is locked if no wheel fits, each
        a comma-separated list.
    :param build_pure: the projects of which a pure Python wheel is built if no wheel fits, and kept
        beside the lock, each a comma-separated list.
    :param exclude: the values of ``--exclude``: names and globs of projects to leave out, each a
        comma-separated list.
    :param skip_provided: whether to leave out what the service of a target provides.
    :param index: the values of ``--index``, each ``NAME=URL``: the index of a project, or of all
        projects whose names match a glob.
    :param folder: the folder for locks; created if missing.
    :param file_name: the name of the lock, if there is one target; otherwise the target decides.
    :param form: the format of the locks.
    :param upgrade: whether to upgrade all projects.
    :param upgrade_packages: the projects to upgrade, each a comma-separated list.
    :param same_versions: whether all targets must have the same version of each project.
    :param allow_index_failures: whether to lock even if an index that could not be read may have
        other releases.
    :param provenance: whether to fetch and write who has published each file.
    :param dry_run: whether to write nothing.
    :param is_kept: whether the user keeps the locks, and needs notes on their files and versions.
    :param processes: how many processes of pip may run at once.
    :param for_pip: whether a pip installs the files, so that it matters if it cannot.
    :param environment: the environment variables; None for those of this process.
    """

    arguments: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    index: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path)
    file_name: str = ""
    form: Form = Form.PYLOCK
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    same_versions: bool = False
    allow_index_failures: bool = False
    provenance: bool = False
    dry_run: bool = False
    is_kept: bool = True
    processes: int = 1
    for_pip: bool = True
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class NewLock:
    """The new lock of one target, the text of its file, and its changes."""

    lock: Lock
    text: str
    file: LockFile


Use = Callable[[Sequence[NewLock], Mapping[str, Path]], None]
"""Takes new locks before they are written, and the wheels that were built for them, by their
names below the folder of the locks."""


def lock(
    request: LockRequest,
    invocation: Invocation | None = None,
    prepared: Prepared | None = None,
    use: Use = lambda _locks, _wheels: None,
) -> LockOutcome:
    """Lock the requirements for each of their targets.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :param prepared: its inputs and its plan, if they were made before.
    :param use: is called before anything is written; if it raises an error, nothing is.
    :returns: each lock and its changes.
    :raises WheeltargetError: if this fails; every lock is then unchanged.
    """
    invocation = invocation or read_invocation(request.arguments, request.environment)
    prepared = prepared or prepare_lock(request, invocation)
    plan = prepared.plan
    named = [name_of(job.target, prepared.found) for job in plan.jobs]
    labels = [label for label, _ in named]
    folder = Path(os.path.abspath(os.path.expanduser(request.folder)))  # noqa: PTH100, PTH111 - no link is followed
    if folder.exists() and not folder.is_dir():
        raise DestinationError(
            f"{request.folder} is a file, not a folder", "move it away, or choose another folder"
        )
    if request.provenance and request.form is not Form.PYLOCK:
        message = "--provenance needs a pylock.toml: requirements have no place for publishers"
        raise UsageError(message, "leave out --provenance, or the option --format")
    if is_lock(folder.name) and not folder.exists():
        raise UsageError(
            f"{request.folder} is the name of a lock, and -o names the folder of the locks",
            f"name a folder; the lock in it is called {file_name(labels[0], request.form)}",
        )
    check_names(labels, request.form)
    paths = [folder / (request.file_name or file_name(label, request.form)) for label in labels]
    names = request.upgrade_packages
    upgraded = None if request.upgrade else project_names("--upgrade-package", names)
    # A killed run may have placed some of its locks only; those are removed first.
    with hold_destination(folder) if folder.exists() else contextlib.nullcontext():
        old = [read_old(path, label) for path, label in zip(paths, labels, strict=True)]
    jobs = [
        replace(job, preferred=tuple(_kept(folder, label, before, upgraded)))
        for job, label, before in zip(plan.jobs, labels, old, strict=True)
    ]
    # For wheels that pip has to fetch to read their metadata.
    cache, no_cache = open_for(invocation.command, invocation.settings, invocation.environment)
    pure = pure_projects(request)
    with (
        interruptible() as interrupts,
        open_stage(folder, dry_run=request.dry_run, folders=("", FOLDER) if pure else ()) as stage,
    ):
        store = cache and wheel_folder(cache)
        resolver = Resolver(labels, stage, request.processes, store, pure)
        results = resolver.resolve(jobs, same=request.same_versions)
        if prepared.inputs.locked:
            compare_with_locks(results, labels, prepared.inputs.locked)
        built = Built(results, [{}] * len(results), {})
        if pure:
            builder = make_builder(prepared, pure, stage)
            mine = {path.name for path in paths}
            built = build_all(results, builder, folder, find_known(folder), mine)
        provenance = FetchedProvenance()
        if request.provenance:
            provenance = fetch_for_results(
                built.results, _locked_hash, prepared, stage, notes_missing=request.is_kept
            )
        attested = dict(_attestations(built.results, provenance))
        locks = [
            _make(prepared, result, before, *each, path, sources, pure, attested)
            for each, path, result, sources, before in zip(
                named, paths, built.results, built.sources, old, strict=True
            )
        ]
        failures = find_index_failures(results)
        if not request.allow_index_failures:
            _refuse_index_failures(results, locks, old, failures, checks=request.dry_run)
        if not request.dry_run:
            use(locks, built.wheels)
            _place(locks, built.wheels, stage, interrupts)
    notes = (
        *(failure.describe() for failure in failures),
        *notes_on(
            plan,
            built.results,
            labels,
            pure,
            compares=request.is_kept,
            for_pip=request.for_pip,
        ),
        *provenance.notes,
        *_notes(locks, upgraded, request, folder),
        *stage.notes,
        *filter(None, [no_cache or prune_after_run(cache, invocation.environment)]),
    )
    files = tuple(new.file for new in locks)
    return LockOutcome(files, notes, not request.dry_run, failures)


def pure_projects(request: LockRequest) -> frozenset[str]:
    """Return the projects of which a wheel is built, normalised."""
    return project_names("--build-pure", request.build_pure)


def prepare_lock(
    request: LockRequest, invocation: Invocation, *, may_be_empty: bool = False
) -> Prepared:
    """Read and plan what is to be locked; raises an error if it cannot be.

    :param may_be_empty: whether requirements files may have no requirements.
    """
    invocation.require_valid()
    lock = next(filter(is_lock, invocation.command.values("--requirement")), None)
    if lock is not None:
        raise UsageError(
            f"cannot lock {lock}: it is a lock already",
            "name the requirements that it was made from; a lock by wheeltarget lists its inputs",
        )
    for option, reason, hint in _REFUSED:
        if invocation.command.has(option):
            raise UsageError(f"lock does not take {option}, as it {reason}", hint)
    sources = pure_projects(request) | project_names("--allow-sdist", request.allow_sdist)
    leave_outs = read_leave_outs(request.exclude, skip_provided=request.skip_provided)
    named = (request.tags, request.targets)
    prepared = prepare(
        invocation, *named, sources, leave_outs=leave_outs, indexes=request.index, locks=True
    )
    faults = (*prepared.inputs.unread, *prepared.faults)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    jobs, options = prepared.plan.jobs, [option.name for option in invocation.everything.options]
    is_empty = not any(job.lines for job in jobs) and not PIP_ONLY.intersection(options)
    if is_empty and not may_be_empty:
        raise UsageError(
            "there are no requirements",
            "name requirements, or a requirements file with -r FILE",
        )
    foreign = [name for name in options if name in ENVIRONMENT_OPTIONS]
    if foreign and any(job.target is None for job in jobs):
        raise UsageError(
            f"{foreign[0]} does not describe an environment fully enough for a lock",
            "name a target instead, with --tags INTERPRETER-ABI-PLATFORM or --target NAME",
        )
    return prepared


def name_of(
    target: Target | None, found: Mapping[TargetName, Target | None]
) -> tuple[str, TargetName]:
    """Return the label and the name of a target; of several names always the same."""
    names = [
        (named.label if named else HOST, name) for name, named in found.items() if named == target
    ]
    host = (HOST, TargetName("target", HOST, ""))
    return min(names, key=lambda each: (each[0], each[1].key, each[1].text), default=host)


def _kept(
    folder: Path, label: str, old: OldLock, upgraded: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the versions to keep, from the lock in the other format if there is no other."""
    if upgraded is None:
        return
    for form in Form:
        # A lock in the other format is not being made, so its faults do not matter.
        if old.text is None:
            with contextlib.suppress(WheeltargetError):
                old = read_old(folder / file_name(label, form), label)
    for name, pin in old.pins.items():
        if pin.version and name not in upgraded:
            yield name, pin.version


def _make(
    prepared: Prepared,
    result: JobResult,
    old: OldLock,
    label: str,
    name: TargetName,
    path: Path,
    sources: Mapping[str, str],
    pure: frozenset[str],
    attested: Mapping[str, Attestation],
) -> NewLock:
    job, folder = result.job, path.parent
    inputs = inputs_of(job, prepared, f"{name.key}={name.text}", pure)
    target = job.target or catalog.host()
    attested = {**old.attested, **attested}
    made = make_lock(label, target, inputs, folder, result.chosen, sources, job.excluded, attested)
    if path.suffix == ".toml":
        text = write(made)
    else:
        text = requirements_text(made, _clauses(name, result, folder), folder)
    return NewLock(made, text, compare(old, made, text, path))


def _locked_hash(file: ChosenFile) -> str:
    return dict(file.hashes).get("sha256", "")


def _attestations(
    results: Sequence[JobResult], provenance: FetchedProvenance
) -> Iterator[tuple[str, Attestation]]:
    """Yield who has published a file, by its sha256."""
    for file in (file for result in results for file in result.chosen):
        found = provenance.found.get(_locked_hash(file))
        if found is not None and file.provenance:
            yield _locked_hash(file), Attestation(clean(file.provenance), found.publishers)


def _clauses(name: TargetName, result: JobResult, folder: Path) -> str:
    """Return the clauses for a file of a folder: its target, and what is left out."""
    text = name.text
    if name.key == "target" and is_path(text):
        # A path is relative to the folder of the file that has it.
        text = os.path.abspath(Path(name.folder, text))  # noqa: PTH100 - any text
        with contextlib.suppress(ValueError):  # it is on another drive
            text = os.path.relpath(text, folder)
    needed = (each.name for each in result.left_out if any(each.parents))
    patterns = {found.pattern for each in needed if (found := result.job.excluded.find(each))}
    excluding = f" ; {EXCLUDE}={','.join(sorted(patterns))}" if patterns else ""
    return f"{name.key}={text}{excluding}"


def _refuse_index_failures(
    results: Sequence[JobResult],
    locks: Sequence[NewLock],
    old: Sequence[OldLock],
    failures: Sequence[IndexFailure],
    *,
    checks: bool,
) -> None:
    """Raise IndexFailureError if locks may change only because an index could not be read.

    :param failures: those of all results.
    :param checks: whether it is asked if the locks are up to date, which no failure may decide.
    """
    locked = {name: pin.version for lock in old for name, pin in lock.pins.items()}
    sentences = " and ".join(failure.describe(locked) for failure in failures)
    hint = "run this again, or accept what the other indexes have with --allow-index-failures"
    if checks and failures:
        raise IndexFailureError(f"cannot say whether the locks are up to date: {sentences}", hint)
    for result, new in zip(results, locks, strict=True):
        changed = {change.name for change in new.file.changes}
        if may_explain(result.page_failures, changed, new.lock.versions):
            raise IndexFailureError(f"no lock was written: {sentences}", hint)


def _place(
    locks: Sequence[NewLock], wheels: Mapping[str, Path], stage: Stage, interrupts: Interrupts
) -> None:
    """Write all new and changed locks and the wheels that were built, or none."""
    for new in locks:
        (stage.folder / new.file.path.name).write_bytes(new.text.encode())
    with stage.hold():
        interrupts.hold()
        # Another run may have changed locks since they were read.
        names = [new.file.path.name for new in locks if read_text(new.file.path) != new.text]
        if names or wheels:
            stage.place({**wheels, **{name: stage.folder / name for name in names}})


def _notes(
    locks: Sequence[NewLock], upgraded: Collection[str] | None, request: LockRequest, folder: Path
) -> Iterator[str]:
    for new in locks:
        yield from change_notes(new.file, None if request.same_versions else upgraded)
        # Paths of other files may not exist where the lock is used.
        outside = [
            package.name
            for package in new.lock.packages
            if package.path.startswith("../") or Path(package.path).is_absolute()
        ]
        if outside and request.is_kept:
            yield (
                f"the lock for {new.lock.target} names local files outside of its folder, for "
                f"{', '.join(outside)}: they must exist wherever the lock is used"
            )
    for name in sorted(upgraded or ()):
        if not any(name in new.lock.versions for new in locks):
            yield f"--upgrade-package {name} has no effect: {name} is not required"
    if request.file_name:
        return
    names = {new.file.path.name for new in locks}
    for path, label in find_other_locks(folder, request.form, names):
        yield f"{path.name} was left unchanged: {label} is not a target of this run"
