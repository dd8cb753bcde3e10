"""Read the locks of a command line, and select their files for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation
from wheeltarget.errors import Fault, InputError, TargetError, UsageError
from wheeltarget.lockfile.entries import write_way
from wheeltarget.lockfile.own import is_own
from wheeltarget.lockfile.reader import Lock, Selection, TargetFinder, parse_lock, select_own
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS
from wheeltarget.requirements.filenames import is_lock, is_remote, split_extras
from wheeltarget.targets.names import TargetName, command_line_targets
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import RefusedFileError
from wheeltarget.utils.toml import fault_at

HOST, HOST_LABEL = "host", "this interpreter"

_CHOOSING = ENVIRONMENT_OPTIONS | {"--constraint", "--no-binary"}
"""Options for choosing versions, which a lock has done already."""

_ASKING = frozenset({"--editable", "--group", "--python", "--requirements-from-script"})
"""Options that add requirements, or run pip in another interpreter."""

NOT_FOR_FETCHING = _CHOOSING | _ASKING | {"--requirement", "--dest"}
"""Options that do not matter for fetching files."""


@dataclass(frozen=True, slots=True)
class GivenLocks:
    """The locks of a command line.

    :param invocation: pip's options and configuration, the environment, the project.
    :param contents: the bytes of each lock, or why it cannot be read.
    :param names: the targets that the options or the project name.
    """

    invocation: Invocation
    contents: Mapping[str, bytes | Fault]
    names: tuple[TargetName, ...]


def read_locks(request: DownloadRequest, invocation: Invocation) -> GivenLocks | None:
    """Read the locks of a command line.

    :param request: the request.
    :param invocation: its parsed arguments, and pip's configuration.
    :returns: the locks; None if there are none, or only such that pip reads for this interpreter.
    :raises InputError: if a target is wrong, or a lock is not a regular file.
    """
    locks = tuple(dict.fromkeys(filter(is_lock, invocation.everything.values("--requirement"))))
    if not locks:
        return None
    contents = {lock: _read(lock, invocation) for lock in locks}
    own = [isinstance(content, bytes) and is_own(content) for content in contents.values()]
    names = command_line_targets(request.tags, request.targets)
    if not names and not all(own):
        names = invocation.defaults()
    return GivenLocks(invocation, contents, names) if names or any(own) else None


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
    except RefusedFileError as error:
        raise InputError((Fault(f"cannot read {path}: {error.strerror}"),)) from error
    except OSError as error:
        return Fault(f"cannot read {path}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Choice:
    """The selected files of the locks of a command line.

    :param selections: the files, one selection for each target.
    :param own: the locks that wheeltarget wrote, which :meth:`confirm` verifies.
    """

    selections: tuple[Selection, ...]
    own: tuple[tuple[Lock, Selection], ...]

    def confirm(self) -> None:
        """Verify by packaging that the locks that wheeltarget wrote select these files.

        This takes time, so it is done while files are fetched.

        :raises InputError: if they do not.
        """
        if not self.own:
            return
        from wheeltarget.lockfile.select import select

        faults: list[Fault] = []
        for lock, selection in self.own:
            _, wrong = select(lock, [(selection.label, selection.target)], frozenset())
            faults += wrong
        if faults:
            raise InputError(tuple(faults))


def choose(given: GivenLocks, request: DownloadRequest, finder: TargetFinder) -> Choice:
    """Select the files of locks for each target.

    :param given: the locks.
    :param request: the request.
    :param finder: finds targets.
    :returns: the files for each target.
    :raises UsageError: if an argument cannot be combined with a lock.
    :raises InputError: if a lock is wrong; with every fault.
    """
    _refuse_other_inputs(given, request)
    sources: frozenset[str] = frozenset()
    if request.allow_sdist:
        from wheeltarget.requirements.filenames import project_names

        sources = project_names("--allow-sdist", request.allow_sdist)
    targets, faults = _targets(given.names, finder)
    chooser = _Chooser(request, finder, targets, sources, faults)
    for name, content in given.contents.items():
        chooser.add(name, content)
    if not faults:
        faults += _missing_targets(targets, chooser.selections, given.names, request)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    return Choice(tuple(_joined(chooser.selections)), tuple(chooser.own))


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Select the files of one lock after the other."""

    request: DownloadRequest
    finder: TargetFinder
    targets: Sequence[tuple[str, Target]]
    sources: frozenset[str]
    faults: list[Fault]
    selections: list[Selection] = field(default_factory=list)
    own: list[tuple[Lock, Selection]] = field(default_factory=list)

    def add(self, name: str, content: bytes | Fault) -> None:
        if isinstance(content, Fault):
            self.faults.append(content)
            return
        path, extras = split_extras(name)
        lock, wrong = parse_lock(path, content, extras)
        self.faults.extend(wrong)
        if wrong:
            return
        if lock.origin is None:
            from wheeltarget.lockfile.select import select

            chosen, wrong = select(lock, self._wanted(), self.sources)
            self.selections.extend(chosen)
        else:
            selection, wrong = select_own(lock, self.finder)
            if selection is not None:
                self.selections.append(selection)
                self.own.append((lock, selection))
                named = bool(self.request.tags or self.request.targets)
                if named and self.targets:
                    self.faults.extend(_other_target(lock, selection, self.targets))
        self.faults.extend(wrong)

    def _wanted(self) -> Sequence[tuple[str, Target]]:
        return self.targets or [(HOST_LABEL, self.finder.host())]


def _refuse_other_inputs(given: GivenLocks, request: DownloadRequest) -> None:
    """Refuse requirements that are not locked, and options that choose versions.

    Such options in pip's configuration are ignored.
    """
    command = given.invocation.everything
    inherited = len(given.invocation.configuration.options)
    names = (o.value or "" for o in command.options if o.name == "--requirement")
    others = [*command.requirements, *(f"-r {name}" for name in names if not is_lock(name))]
    if others:
        raise UsageError(
            f"{others[0]} cannot be combined with a lock: nothing is resolved in this run",
            "download it in a separate run with the same --dest, or lock it, too",
        )
    for number, option in enumerate(command.options):
        configured = number < inherited
        if option.name in (_ASKING if configured else _ASKING | _CHOOSING):
            raise UsageError(
                f"{option.name} cannot be combined with a lock, which names its files already",
                f"leave {option.name} out, or make another lock",
            )
    if request.build_pure:
        raise UsageError(
            "--build-pure cannot be combined with a lock: it has no hash for a wheel built here",
            "use --allow-sdist NAME to download the source distribution in the lock",
        )


def _targets(
    names: Sequence[TargetName], finder: TargetFinder
) -> tuple[list[tuple[str, Target]], list[Fault]]:
    found: list[tuple[str, Target]] = []
    faults = []
    for name in names:
        try:
            target = finder.look_up(name.key, name.text, name.folder)
        except TargetError as error:
            faults.append(
                replace(name.fault, message=error.message, hint=error.hint, code=error.code)
            )
            continue
        one = (HOST_LABEL, finder.host()) if target is None else (target.label, target)
        if one[1] not in [target for _, target in found]:
            found.append(one)
    return found, faults


def _other_target(
    lock: Lock, selection: Selection, targets: Sequence[tuple[str, Target]]
) -> list[Fault]:
    """Return a fault if a lock was made for none of the targets of the command line."""
    origin = lock.origin
    if origin is None or any(_is_same(selection, target) for _, target in targets):
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
    targets: Sequence[tuple[str, Target]],
    selections: Sequence[Selection],
    names: Sequence[TargetName],
    request: DownloadRequest,
) -> list[Fault]:
    """Return a fault for each target of the command line that has no lock."""
    if not request.tags and not request.targets:
        return []
    tags = {name.text for name in names if name.key == "tags"}
    return [
        Fault(
            f"none of the locks is for {label}",
            f"make one with wheeltarget lock -r FILE --{'tags' if label in tags else 'target'} "
            f"{HOST if label == HOST_LABEL else label}",
        )
        for label, target in targets
        if not any(_is_same(each, target) for each in selections)
    ]


def _joined(selections: Sequence[Selection]) -> list[Selection]:
    """Join selections for the same target; raise InputError if they contradict."""
    joined: dict[tuple[str, str, str], Selection] = {}
    for each in selections:
        key = (each.label, each.target.tags[0], each.target.python)
        first = joined.get(key)
        joined[key] = each if first is None else _together(first, each)
    return list(joined.values())


def _together(first: Selection, second: Selection) -> Selection:
    known = {pin.file.project: pin for pin in first.pins}
    faults = []
    for pin in second.pins:
        other = known.get(pin.file.project)
        if other is not None and other.file.sha256 != pin.file.sha256:
            message = (
                f"{write_way(pin.file.place)}: {pin.file.filename} for {second.label}, but "
                f"{other.lock} has {other.file.filename}"
            )
            faults.append(pin.fault(message, "make one lock of the requirements of both"))
    if faults:
        raise InputError(tuple(faults))
    new = tuple(pin for pin in second.pins if pin.file.project not in known)
    return replace(first, pins=(*first.pins, *new))
