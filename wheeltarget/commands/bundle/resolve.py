"""The locks that a bundle is made from: those that are named, or one that requirements get.

A lock of requirements is made as ``wheeltarget lock`` makes it. It is kept if there is a place for
it. As long as it is the lock of the requirements as they are now, no index is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from wheeltarget.commands.bundle.wheels import (
    LockedRequest,
    note_excluded,
    note_siblings,
    read_lock,
    require_folders,
)
from wheeltarget.commands.download.lock_options import EFFECTS, Effect
from wheeltarget.commands.download.locks import refuse_other_inputs
from wheeltarget.commands.invocation import InputFiles, Invocation, proposed_command
from wheeltarget.commands.lock.build import clean, inputs_of
from wheeltarget.commands.lock.built import FOLDER
from wheeltarget.commands.lock.files import (
    Form,
    LockFile,
    State,
    file_name,
    read_text,
)
from wheeltarget.commands.lock.lock import (
    LockRequest,
    NewLock,
    lock,
    name_of,
    prepare_lock,
    pure_projects,
)
from wheeltarget.commands.prepare import Prepared
from wheeltarget.errors import UsageError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock
from wheeltarget.pip_config.options import (
    INDEX_OPTIONS,
    CommandLine,
    GivenOption,
    is_lock,
    standard_lock_name,
)
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.resolver.explanation import Explanation, ResolutionError
from wheeltarget.resolver.plan import PIP_ONLY, Job
from wheeltarget.staging.atomic import temporary_folder
from wheeltarget.targets import catalog
from wheeltarget.utils.files import hash_file, is_archive
from wheeltarget.wheelhouse.closure import fits

_REFUSED = (
    ("--dest", "use --output to name the bundle"),
    ("--python", "leave it out, or name the environment of that interpreter as a target"),
)
"""Options of pip that have no meaning here, and a hint."""


@dataclass(frozen=True, slots=True)
class SourceRequest(LockedRequest):
    """What a bundle is made from: locks, or requirements.

    :param without: the locks of layers below; what these have is left out.
    :param arguments: pip's arguments in the order given: options, requirements and locks.
    :param build_pure: the projects of which a pure Python wheel is built if no wheel fits, each a
        comma-separated list.
    :param lock_file: the file for the lock of the requirements, or a folder for it; None if it is
        not kept.
    :param allow_index_failures: whether to lock even if an index that could not be read may have
        other releases.
    """

    lock: str = ""
    _: KW_ONLY
    without: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    lock_file: Path | None = None
    allow_index_failures: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """What a bundle is made from.

    :param lock: the lock, or what several locks have together.
    :param name: what messages call the lock.
    :param request: names the locks, and the folders of their wheels.
    :param invocation: says how files are fetched, and may have the content of the locks.
    :param notes: notes for the user, one sentence each.
    :param outputs: what the run writes besides the bundle.
    :param built: wheels that were built for the lock, and are not in their place yet.
    """

    lock: Lock
    name: str
    request: LockedRequest
    invocation: Invocation
    notes: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()
    built: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The lock that is kept, if one is, and notes on locking."""

    file: LockFile | None = None
    notes: tuple[str, ...] = ()


def with_lock(
    request: SourceRequest,
    invocation: Invocation,
    use: Callable[[Source], None],
    *,
    may_be_empty: bool = False,
) -> Kept:
    """Find the locks of a request, or lock its requirements.

    :param use: makes the bundle; it is called once. If it raises an error, no lock is written.
    :param may_be_empty: whether requirements files may have no requirements.
    :raises WheeltargetError: if there are both locks and requirements, or none of both, or if
        locking fails.
    """
    invocation.require_valid()
    for option, hint in _REFUSED:
        if invocation.command.has(option):
            raise UsageError(f"bundle does not take {option}", hint)
    for name in invocation.command.requirements:
        if name.endswith((".txt", ".toml")) and Path(name).is_file():
            raise UsageError(f"{name} is a file, not a project", f"write -r {name} to read it")
    files = invocation.everything.values("--requirement")
    locks = [*filter(None, [request.lock]), *request.more, *filter(is_lock, files)]
    if not locks:
        return _lock(request, invocation, use, may_be_empty=may_be_empty)
    _refuse_options_of_requirements(request, locks[0])
    # A requirements file is refused like everything that is no lock.
    names = [*filter(None, [request.lock]), *request.more, *files]
    named = replace(request, lock=names[0], more=tuple(names[1:]))
    found, left_out = read_lock(named, invocation)
    _refuse_requirements(invocation, locks[0], found)
    refuse_other_inputs(invocation)
    notes = (*left_out, *note_siblings(found, named, invocation, request.without))
    use(Source(found, names[0], named, invocation, notes))
    return Kept()


def _refuse_requirements(invocation: Invocation, name: str, lock: Lock) -> None:
    """Raise UsageError for requirements beside a lock."""
    for each in invocation.command.requirements[:1]:
        is_tag = lock.target == lock.tag
        tags, targets = ((lock.tag,), ()) if is_tag else ((), (lock.target,))
        making = proposed_command("lock", each, "-o", "other", tags=tags, targets=targets)
        raise UsageError(
            f"{each} cannot be combined with the lock {name}: nothing is resolved in this run",
            f"make a lock of it for the same target, and name that, too: {making}",
        )


def _refuse_options_of_requirements(request: SourceRequest, lock: str) -> None:
    """Raise UsageError for options that only requirements have."""
    for option, value in (("--lock", request.lock_file), ("--build-pure", request.build_pure)):
        if value:
            message = f"{option} cannot be combined with the lock {lock}"
            raise UsageError(message, f"{option} is for requirements: leave it out")


def _lock(
    request: SourceRequest,
    invocation: Invocation,
    use: Callable[[Source], None],
    *,
    may_be_empty: bool,
) -> Kept:
    options = tuple(o.name for o in invocation.everything.options)
    if not invocation.everything.requirements and not PIP_ONLY.union(
        {"--requirement"}
    ).intersection(options):
        raise UsageError(
            "there is nothing to bundle", "name requirements, or a file of them or a lock with -r"
        )
    require_folders(request.wheels)
    invocation = replace(invocation, command=_from_folders(invocation.command, request.wheels))
    order = LockRequest(
        request.arguments,
        request.tags,
        request.targets,
        build_pure=request.build_pure,
        exclude=request.exclude,
        skip_provided=request.skip_provided,
        index=request.index,
        allow_index_failures=request.allow_index_failures,
        environment=request.environment,
    )
    prepared = prepare_lock(order, invocation, may_be_empty=may_be_empty)
    job = _only_job(prepared, order)
    label, name = name_of(job.target, prepared.found)
    place = _place(request.lock_file, label)
    with nullcontext(place.parent) if place else temporary_folder("lock") as home:
        path = place or home / file_name(label, Form.PYLOCK)
        found = inputs_of(job, prepared, f"{name.key}={name.text}", pure_projects(order))
        inputs = frozenset(map(clean, found))
        outputs = (path, *([path.parent / FOLDER] if order.build_pure else [])) if place else ()
        # The lock has left out what is excluded.
        named = replace(
            request, lock=str(path), more=(), tags=(), targets=(), exclude=(), skip_provided=False
        )
        shown = path.name if place else "the lock of the requirements"

        def take(text: str, found: Lock, built: Iterable[Path] = ()) -> None:
            beside = _beside_lock(invocation, path, text)
            use(Source(found, shown, named, beside, (), outputs, tuple(built)))

        def take_new(locks: Sequence[NewLock], built: Mapping[str, Path]) -> None:
            take(locks[0].text, locks[0].lock, built.values())

        known = _read_known(path, label, inputs, job)
        # Only pip reads what a script requires.
        if known is not None and "--requirements-from-script" not in options:
            take(*known)
            same = LockFile(label, path, State.SAME, len(known[1].packages))
            return Kept(same, tuple(note_excluded(known[1])))
        order = replace(order, folder=path.parent, file_name=path.name, for_pip=False)
        try:
            outcome = lock(order, invocation, prepared, take_new)
        except ResolutionError as error:
            # A bundle needs wheels.
            error.explanations = tuple(map(_without_sources, error.explanations))
            raise
    return Kept(outcome.files[0] if place else None, outcome.notes)


def _without_sources(why: Explanation) -> Explanation:
    """Return an explanation that does not propose to keep a source."""
    sources = (each for each in why.sources if not each[0].startswith("--allow-sdist"))
    return replace(why, sources=tuple(sources))


def _from_folders(command: CommandLine, folders: Iterable[str]) -> CommandLine:
    """Return a command line that takes wheels from folders only, if there are any."""
    found = [GivenOption("--find-links", folder) for folder in folders]
    only = [GivenOption("--no-index"), *found] if found else []
    return replace(command, options=(*command.options, *only))


def _only_job(prepared: Prepared, order: LockRequest) -> Job:
    """Return the job of the one target; raise UsageError if there is not exactly one."""
    jobs = prepared.plan.jobs
    named = [*dict.fromkeys(each.label for each in prepared.found.values() if each)]
    if len(jobs) == 1 and (jobs[0].target or None in prepared.found.values()):
        return jobs[0]
    if not named:
        raise UsageError(
            "a bundle needs a target, and nothing names one",
            "name it with --target, such as --target aws-lambda-python3.12-arm64; "
            "wheeltarget targets lists the names",
        )
    names = [name_of(each.target, prepared.found) for each in jobs if each.target]
    labels = [label for label, _ in names]
    if len(labels) < len(jobs):
        lines = [*prepared.plan.untargeted, *jobs[-1].lines]
        place = f" ({lines[0].fault('').location})" if lines else ""
        raise UsageError(
            f"a bundle is for one target: some requirements are for {', '.join(labels)}, "
            f"and others name none{place}",
            f"name it for these, too: --{names[0][1].key} {names[0][1].text}",
        )
    options = [o for o in prepared.invocation.command.options if o.name in _FOR_LOCK]
    arguments = (
        *(text for o in options for text in o.arguments),
        *(f"--index={each}" for each in order.index),
        *prepared.invocation.command.requirements,
    )
    making = proposed_command("lock", *arguments, tags=order.tags, targets=order.targets)
    raise UsageError(
        f"a bundle is for one target, but these requirements are for {len(jobs)}: "
        f"{', '.join(labels)}",
        f"make a lock for each, and a bundle of each lock: {making}",
    )


_FOR_LOCK = INDEX_OPTIONS | {"--requirement", "--constraint"}
"""The options of pip that a proposed command has."""


def _place(lock_file: Path | None, label: str) -> Path | None:
    """Return the absolute path of the lock that is to be kept.

    :raises UsageError: if it does not have the name of a lock.
    """
    if lock_file is None:
        return None
    path = Path(os.path.abspath(os.path.expanduser(lock_file)))  # noqa: PTH100, PTH111 - no link is followed
    if not path.suffix or path.is_dir():
        return path / file_name(label, Form.PYLOCK)
    path = path.with_name(standard_lock_name(path.name))
    if not is_lock(path.name):
        raise UsageError(
            f"{lock_file} is not the name of a lock: locks are named pylock.toml or "
            "pylock.NAME.toml",
            f"name it {file_name(label, Form.PYLOCK)}, or name a folder for it",
        )
    return path


def _beside_lock(invocation: Invocation, path: Path, text: str) -> Invocation:
    """Return an invocation for the files of a lock, with the options that say how to fetch."""
    options = (o for o in invocation.command.options if EFFECTS[o.name] is Effect.FETCHES)
    return replace(
        invocation,
        command=CommandLine(tuple(options), ()),
        configuration=replace(invocation.configuration, options=()),
        files=InputFiles({str(path): text.encode()}),
    )


def _read_known(
    path: Path, label: str, inputs: frozenset[str], job: Job
) -> tuple[str, Lock] | None:
    """Return an existing lock and its text, if it is what would be kept.

    :raises InputError: if it is damaged, or was changed by hand.
    :raises UsageError: if it is for another target.
    """
    text = read_text(path)
    if text is None:
        return None
    found = model.read(text, str(path))
    if found.target != label:
        raise UsageError(
            f"{path} is the lock of {found.target}, and this bundle is for {label}",
            "name another file with --lock, or delete this one if it is not needed",
        )
    target = job.target or catalog.host()
    now = (target.tags[0], target.environment["python_full_version"], inputs)
    if (found.tag, found.python, frozenset(found.inputs)) != now:
        return None
    fitting = all(e.is_wheel and fits(Path(e.filename), target.tags) for e in found.packages)
    is_same = fitting and not any(_changed(found, path.parent))
    return (text, found) if is_same and not any(_misplaced(found, job.indexes)) else None


def _misplaced(found: Lock, indexes: ProjectIndexes) -> Iterator[str]:
    """Yield each project of a lock that has an index of its own now, and is not from there."""
    for package in found.packages:
        own = None if package.direct else indexes.find(package.name)
        if own is not None and clean(own.url).rstrip("/") != package.index.rstrip("/"):
            yield package.name


def _changed(found: Lock, folder: Path) -> Iterator[str]:
    """Yield each local file of a lock that is missing, or is another one now."""
    for package in found.packages:
        place = folder / package.path
        if package.path and not (
            is_archive(place) and hash_file(place).sha256 == package.sha256.lower()
        ):
            yield package.filename
