"""Read the locks of a command line, and select their files for each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from wheeltarget.commands.download.lock_options import EFFECTS, Effect
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation, find_lock, proposed_command
from wheeltarget.errors import Fault, InputError, TargetError, UsageError
from wheeltarget.lockfile.reader import ParsedLock, key_text, parse_lock
from wheeltarget.lockfile.select import (
    FindTarget,
    Selection,
    select,
    select_own,
    without_excluded,
)
from wheeltarget.pip_config.options import (
    INDEX_OPTIONS,
    base_name,
    is_lock,
    is_own,
    is_remote,
    project_names,
    split_extras,
    standard_lock_name,
)
from wheeltarget.targets import catalog
from wheeltarget.targets.exclusions import matcher
from wheeltarget.targets.leave_outs import (
    ALL_KEPT,
    LeaveOuts,
    note_left_out,
    note_unknown,
    note_unused,
)
from wheeltarget.targets.names import HOST, HOST_LABEL, TargetName, command_line_targets
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import RefusedFileError
from wheeltarget.utils.toml import fault_at

_Labelled = Sequence[tuple[str, Target]]


def select_files(
    request: DownloadRequest, invocation: Invocation, leave_outs: LeaveOuts = ALL_KEPT
) -> tuple[Selection, ...] | None:
    """Read the locks of a command line, and select their files for each target.

    :param leave_outs: what is left out, with what only that needs.
    :returns: the files of each target; None if there are no locks, or only such that pip reads for
        this interpreter.
    :raises UsageError: if an argument cannot be combined with a lock.
    :raises InputError: if a target or a lock is wrong; with every fault.
    """
    named = filter(is_lock, invocation.everything.values("--requirement"))
    locks = dict.fromkeys(map(find_lock, named))
    contents = {lock: _read(lock, invocation) for lock in locks}
    are_own = [isinstance(content, bytes) and is_own(content) for content in contents.values()]
    names = command_line_targets(request.tags, request.targets) if locks else ()
    if not names and not all(are_own):
        names = invocation.defaults()
    if not names and not any(are_own):
        _refuse_dots(contents)
        return None
    refuse_other_inputs(invocation, builds=bool(request.build_pure))

    def find(key: str, text: str, folder: str) -> Target:
        return invocation.look_up(key, text, folder) or catalog.host()

    targets, faults = _look_up(names, find)
    requested = targets if request.tags or request.targets else []
    sources = project_names("--allow-sdist", request.allow_sdist)
    selections: list[Selection] = []
    for name, content in contents.items():
        if isinstance(content, Fault):
            faults.append(content)
            continue
        path, extras = split_extras(name)
        lock, wrong = parse_lock(path, content, extras)
        if lock is not None and lock.origin is not None:
            selected, wrong = select_own(lock, find)
            wrong += (fault for each in selected for fault in _other_target(lock, each, requested))
            selections += _without(lock, selected, leave_outs, wrong)
        elif lock is not None:
            selected, wrong = select(lock, targets or [(HOST_LABEL, catalog.host())], sources)
            selections += _without(lock, selected, leave_outs, wrong)
        faults += wrong
    if not faults:
        given = (o for o in invocation.command.options if o.name in INDEX_OPTIONS)
        options = [argument for option in given for argument in option.arguments]
        typed = {find(each.key, each.text, each.folder): each for each in reversed(names)}
        faults += _missing_targets(requested, selections, typed, options)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    return _joined(selections)


def _without(
    lock: ParsedLock,
    selected: Iterable[Selection],
    leave_outs: LeaveOuts,
    faults: list[Fault],
) -> Iterator[Selection]:
    """Return what is left of selections, and add the faults of leaving projects out."""
    for each in selected:
        left, found = without_excluded(lock, each, leave_outs.of(each.target))
        faults += found
        yield left


def note_selections(selections: Sequence[Selection], leave_outs: LeaveOuts) -> Iterator[str]:
    """Yield notes on what was left out of locks, and what is not there."""
    for each in selections:
        excluded, left_out = leave_outs.of(each.target), each.left_out
        yield from note_left_out(excluded, left_out.excluded, each.label, left_out.only_needed)
        if leave_outs.is_unknown(each.target):
            yield note_unknown(each.label)
    found = [name for each in selections for name in each.left_out.excluded]
    yield from note_unused(
        "no lock names",
        (each for each in leave_outs.exclude if not any(map(matcher([each.pattern]), found))),
    )


def _refuse_dots(contents: Mapping[str, bytes | Fault]) -> None:
    """Raise UsageError if pip would not read one of the locks as a lock; InputError if none can."""
    for name, content in contents.items():
        standard = base_name(standard_lock_name(name))
        if standard != base_name(name):
            if isinstance(content, Fault):
                raise InputError((content,))
            raise UsageError(
                f"pip does not read {name}: the standard allows no dot within the name of a lock",
                f"rename it to {standard}, or name a target with --tags or --target",
            )


def _read(name: str, invocation: Invocation) -> bytes | Fault:
    """Read a lock; raise InputError if it is not a regular file, or is too large."""
    path, _ = split_extras(name)
    if is_remote(path):
        return Fault(
            f"cannot read {path}: a lock for a target must be a local file",
            "download the lock first, and name the local copy",
        )
    try:
        return invocation.files.read_lock(path)
    except OSError as error:
        fault = Fault(f"cannot read {path}: {error.strerror}")
        if isinstance(error, RefusedFileError):
            raise InputError((fault,)) from error
        return fault


def refuse_other_inputs(invocation: Invocation, *, builds: bool = False) -> None:
    """Refuse requirements that are not locked, and options that choose versions.

    Such options in pip's configuration are ignored.
    """
    command = invocation.everything
    files = (name for name in command.values("--requirement") if not is_lock(name))
    others = [*command.requirements, *(f"-r {name}" for name in files)]
    if others:
        raise UsageError(
            f"{others[0]} cannot be combined with a lock: nothing is resolved in this run",
            "download it in a separate run with the same --dest, or lock it, too",
        )
    given = {option.name for option in invocation.command.options}
    for option in command.options:
        effect = EFFECTS[option.name]
        if effect is Effect.ADDS or (effect is Effect.CHOOSES and option.name in given):
            raise UsageError(
                f"{option.name} cannot be combined with a lock, which names its files already",
                f"leave {option.name} out, or make another lock",
            )
    if builds:
        raise UsageError(
            "--build-pure cannot be combined with a lock: it has no hash for a wheel built here",
            "use --allow-sdist NAME to download the source distribution in the lock",
        )


def _look_up(
    names: Sequence[TargetName], find: FindTarget
) -> tuple[list[tuple[str, Target]], list[Fault]]:
    found: dict[Target, str] = {}
    faults = []
    for name in names:
        try:
            target = find(name.key, name.text, name.folder)
        except TargetError as error:
            faults.append(name.refused(error))
        else:
            is_host = (name.key, name.text) == ("target", HOST)
            found.setdefault(target, HOST_LABEL if is_host else target.label)
    return [(label, target) for target, label in found.items()], faults


def _other_target(lock: ParsedLock, selection: Selection, targets: _Labelled) -> list[Fault]:
    """Return a fault if a lock was made for none of the targets of the command line."""
    origin = lock.origin
    if origin is None or not targets or any(_is_same(selection, each) for _, each in targets):
        return []
    labels = " or ".join(label for label, _ in targets)
    made = origin.label if origin.label == origin.tag else f"{origin.label} ({origin.tag})"
    message = f"this lock was made for {made}, not for {labels}"
    hint = "leave --tags and --target out, as the lock names its target, or make another lock"
    return [fault_at(lock.name, lock.text, "tool.wheeltarget.target", message, hint)]


def _is_same(selection: Selection, target: Target) -> bool:
    """Compare two targets; their newest patch releases of Python may differ."""
    pair = (selection.target, target)
    return len({(each.tags[0], each.environment["python_version"]) for each in pair}) == 1


def _missing_targets(
    targets: _Labelled,
    selections: Sequence[Selection],
    named: Mapping[Target, TargetName],
    options: Sequence[str],
) -> Iterator[Fault]:
    """Yield a fault for each target of the command line that has no lock.

    :param named: what the command line calls each target.
    :param options: the options of the command line that say which index has the files.
    """
    for label, target in targets:
        if not any(_is_same(each, target) for each in selections):
            name = named[target]
            making = proposed_command(
                *("lock", "-r", "FILE", *options),
                tags=[name.text] if name.key == "tags" else (),
                targets=[name.text] if name.key == "target" else (),
            )
            yield Fault(f"none of the locks is for {label}", f"make one: {making}")


def _joined(selections: Sequence[Selection]) -> tuple[Selection, ...]:
    """Join selections for the same target; raise InputError if they contradict."""
    joined: dict[tuple[str, str, str], Selection] = {}
    faults = []
    for each in selections:
        key = (each.label, each.target.tags[0], each.target.python)
        first = joined.setdefault(key, replace(each, files=()))
        known = {file.project: file for file in first.files}
        for file in each.files:
            other = known.get(file.project, file)
            if other.sha256 != file.sha256:
                message = (
                    f"{key_text(file.key_path)}: {file.filename} for {each.label}, but "
                    f"{other.lock} has {other.filename}"
                )
                faults.append(file.fault(message, "make one lock of the requirements of both"))
        new = tuple(file for file in each.files if file.project not in known)
        files = (*first.files, *new)
        left_out = first.left_out.joined(each.left_out).without([file.project for file in files])
        joined[key] = replace(first, files=files, left_out=left_out)
    if faults:
        raise InputError(tuple(faults))
    return tuple(joined.values())
