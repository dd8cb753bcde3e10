"""From a command line to the files of its locks, for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.commands.invocation import Invocation
from wheeltarget.errors import Fault, InputError, TargetError, UsageError
from wheeltarget.lockfile.entries import write_way
from wheeltarget.lockfile.own import is_own
from wheeltarget.lockfile.reader import Lock, Looker, Selection, parse_lock, select_own
from wheeltarget.pip_config.options import FOREIGN
from wheeltarget.requirements.filenames import is_lock, is_remote, split_extras
from wheeltarget.targets.names import TargetName, typed_targets
from wheeltarget.targets.target import Target
from wheeltarget.utils.regular_files import RefusedFileError
from wheeltarget.utils.toml_locations import fault_at

HOST, HOST_LABEL = "host", "this interpreter"

_CHOOSING = FOREIGN | {"--constraint", "--no-binary"}
"""Options that have a say in what a lock has chosen already."""

_ASKING = frozenset({"--editable", "--group", "--python", "--requirements-from-script"})
"""Options that ask for more, or for pip in another interpreter."""

NOT_FOR_FETCHING = _CHOOSING | _ASKING | {"--requirement", "--dest"}
"""Options that play no part where files are fetched."""


@dataclass(frozen=True, slots=True)
class GivenLocks:
    """The locks of a command line.

    :param invocation: pip's options and configuration, the environment, the project.
    :param contents: the bytes of each lock, or why they cannot be read.
    :param typed: the targets that are named beside them.
    """

    invocation: Invocation
    contents: Mapping[str, bytes | Fault]
    typed: tuple[TargetName, ...]


def read_locks(request: DownloadRequest, invocation: Invocation) -> GivenLocks | None:
    """Read the locks of a command line.

    :param request: what is asked for.
    :param invocation: what it is given.
    :returns: the locks; None if none is ours to read: there is none, or only such as pip reads for
        this interpreter.
    :raises InputError: if a target is wrong, or a lock is not a regular file.
    """
    names = tuple(dict.fromkeys(filter(is_lock, invocation.everything.values("--requirement"))))
    if not names:
        return None
    contents = {name: _read(name, invocation) for name in names}
    own = [isinstance(content, bytes) and is_own(content) for content in contents.values()]
    typed = typed_targets(request.tags, request.targets)
    if not typed and not all(own):
        typed = invocation.defaults()
    return GivenLocks(invocation, contents, typed) if typed or any(own) else None


def _read(name: str, invocation: Invocation) -> bytes | Fault:
    """Read a lock; raise InputError if it is not a regular file, or too large for one."""
    path, _ = split_extras(name)
    if is_remote(path):
        return Fault(
            f"{path}: a lock for a target is read from the disk",
            "download it first, and name the copy",
        )
    try:
        return invocation.files.read_lock(path)
    except RefusedFileError as error:
        raise InputError((Fault(f"cannot read {path}: {error.strerror}"),)) from error
    except OSError as error:
        return Fault(f"cannot read {path}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the locks of a command line come to.

    :param selections: the files, one selection for each target.
    :param own: the locks that wheeltarget wrote, of which :meth:`confirm` has still to be asked.
    """

    selections: tuple[Selection, ...]
    own: tuple[tuple[Lock, Selection], ...]

    def confirm(self) -> None:
        """Let packaging say whether it would choose the same of the locks that wheeltarget wrote.

        That takes time, and finds what no file depends on; so it can be done meanwhile.

        :raises InputError: where it does not.
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


def choose(given: GivenLocks, request: DownloadRequest, looker: Looker) -> Choice:
    """Read the locks and return the files of each for its targets.

    :param given: the locks.
    :param request: what is asked for.
    :param looker: how targets are found.
    :returns: the files for each target.
    :raises UsageError: where something is asked for beside the locks, or against them.
    :raises InputError: where a lock is wrong; every fault is told at once.
    """
    _refuse_company(given, request)
    sources: frozenset[str] = frozenset()
    if request.allow_sdist:
        from wheeltarget.requirements.filenames import project_names

        sources = project_names("--allow-sdist", request.allow_sdist)
    targets, faults = _targets(given.typed, looker)
    chooser = _Chooser(request, looker, targets, sources, faults)
    for name, content in given.contents.items():
        chooser.take(name, content)
    if not faults:
        faults += _unanswered(targets, chooser.selections, given.typed, request)
    if faults:
        raise InputError(tuple(dict.fromkeys(faults)))
    return Choice(tuple(_joined(chooser.selections)), tuple(chooser.own))


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Takes in one lock after the other."""

    request: DownloadRequest
    looker: Looker
    targets: Sequence[tuple[str, Target]]
    sources: frozenset[str]
    faults: list[Fault]
    selections: list[Selection] = field(default_factory=list)
    own: list[tuple[Lock, Selection]] = field(default_factory=list)

    def take(self, name: str, content: bytes | Fault) -> None:
        """Take in a lock."""
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
            selection, wrong = select_own(lock, self.looker)
            if selection is not None:
                self.selections.append(selection)
                self.own.append((lock, selection))
                named = bool(self.request.tags or self.request.targets)
                if named and self.targets:
                    self.faults.extend(_other_target(lock, selection, self.targets))
        self.faults.extend(wrong)

    def _wanted(self) -> Sequence[tuple[str, Target]]:
        return self.targets or [(HOST_LABEL, self.looker.host())]


def _refuse_company(given: GivenLocks, request: DownloadRequest) -> None:
    """Refuse what would have to be resolved beside a lock, or what a lock has decided.

    What pip's configuration says of choosing has no part here, for everything is chosen.
    """
    command = given.invocation.everything
    inherited = len(given.invocation.configuration.options)
    names = (o.value or "" for o in command.options if o.name == "--requirement")
    others = [*command.requirements, *(f"-r {name}" for name in names if not is_lock(name))]
    if others:
        raise UsageError(
            f"a lock names every file, so nothing is resolved beside it: {others[0]}",
            "fetch it in a run of its own, with the same -d, or lock it, too",
        )
    for number, option in enumerate(command.options):
        configured = number < inherited
        if option.name in (_ASKING if configured else _ASKING | _CHOOSING):
            raise UsageError(
                f"{option.name} cannot be had beside a lock, which has decided everything",
                f"leave {option.name} out, or make another lock",
            )
    if request.build_pure:
        raise UsageError(
            "--build-pure cannot be had beside a lock: what is built has no hash in it",
            "--allow-sdist NAME keeps the source that the lock names",
        )


def _targets(
    typed: Sequence[TargetName], looker: Looker
) -> tuple[list[tuple[str, Target]], list[Fault]]:
    """Look up the targets that are named beside the locks."""
    found: list[tuple[str, Target]] = []
    faults = []
    for name in typed:
        try:
            target = looker.look_up(name.key, name.text, name.folder)
        except TargetError as error:
            faults.append(
                replace(name.fault, message=error.message, hint=error.hint, code=error.code)
            )
            continue
        one = (HOST_LABEL, looker.host()) if target is None else (target.label, target)
        if one[1] not in [target for _, target in found]:
            found.append(one)
    return found, faults


def _other_target(
    lock: Lock, selection: Selection, targets: Sequence[tuple[str, Target]]
) -> list[Fault]:
    """Refuse a lock that was made for another target than those that the command line names.

    What the project names is for lines that name nothing; a lock does.
    """
    origin = lock.origin
    if origin is None or any(_is_same(selection, target) for _, target in targets):
        return []
    labels = " or ".join(label for label, _ in targets)
    made = origin.label if origin.label == origin.tag else f"{origin.label} ({origin.tag})"
    message = f"this lock was made for {made}, not for {labels}"
    hint = "leave --tags and --target out, for the lock says for what it is; or lock anew"
    return [fault_at(lock.name, lock.text, "tool.wheeltarget.target", message, hint)]


def _is_same(selection: Selection, target: Target) -> bool:
    """Compare two targets; the newest patch release may have become another one meanwhile."""
    mine, other = selection.target, target
    versions = (each.environment["python_version"] for each in (mine, other))
    return mine.tags[0] == other.tags[0] and len(set(versions)) == 1


def _unanswered(
    targets: Sequence[tuple[str, Target]],
    selections: Sequence[Selection],
    typed: Sequence[TargetName],
    request: DownloadRequest,
) -> list[Fault]:
    """Say for which target that was named there is no lock."""
    if not request.tags and not request.targets:
        return []
    tags = {name.text for name in typed if name.key == "tags"}
    return [
        Fault(
            f"no lock here is for {label}",
            f"make one: wheeltarget lock -r FILE --{'tags' if label in tags else 'target'} "
            f"{HOST if label == HOST_LABEL else label}",
        )
        for label, target in targets
        if not any(_is_same(each, target) for each in selections)
    ]


def _joined(selections: Sequence[Selection]) -> list[Selection]:
    """Put selections for one target together; raises InputError where they disagree."""
    joined: dict[tuple[str, str, str], Selection] = {}
    for each in selections:
        key = (each.label, each.target.tags[0], each.target.python)
        first = joined.get(key)
        joined[key] = each if first is None else _together(first, each)
    return list(joined.values())


def _together(first: Selection, second: Selection) -> Selection:
    """Put two selections for one target together."""
    known = {pin.file.project: pin for pin in first.pins}
    faults = []
    for pin in second.pins:
        other = known.get(pin.file.project)
        if other is not None and other.file.sha256 != pin.file.sha256:
            message = (
                f"{write_way(pin.file.place)}: {pin.file.filename} for {second.label}, for which "
                f"{other.lock} has {other.file.filename}"
            )
            faults.append(pin.fault(message, "a target has each project once: lock both together"))
    if faults:
        raise InputError(tuple(faults))
    new = tuple(pin for pin in second.pins if pin.file.project not in known)
    return replace(first, pins=(*first.pins, *new))
