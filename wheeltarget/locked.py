"""From locks to the files that each target takes, without asking an index.

Specification: the pylock.toml page of packaging.python.org (PEP 751). A lock that wheeltarget wrote
says in ``[tool.wheeltarget]`` for which target it is; any other one is selected from, as the page
says, for the targets that are asked for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wheeltarget.errors import Fault, Location, TargetError
from wheeltarget.lock_files import Notebook, PinnedFile, Way, read_files
from wheeltarget.markers import evaluate
from wheeltarget.targets import Target
from wheeltarget.toml_places import syntax_fault

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

LARGEST = 32 << 20
"""How many bytes a lock may have; one of a thousand projects has less than a tenth of that."""

_SCHEMA = 1
_AUTHOR = "wheeltarget"
_OWN = re.compile(rb"^\s*\[\s*tool\s*\.\s*[\"']?wheeltarget", re.MULTILINE)
_WRITTEN = re.compile(rb"^\s*created-by\s*=\s*[\"']wheeltarget\b", re.MULTILINE)
_WHOLE = "is the file whole? lock again"
_PACKAGE = re.compile(r"\[\[\s*packages\s*\]\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """For which target a lock was made.

    :param label: what its author called it.
    :param tag: its best tag.
    :param python: its whole Python version.
    """

    label: str
    tag: str
    python: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that was read, nothing in it wrong.

    :param name: the file, as the user named it.
    :param text: its text.
    :param data: the same, as TOML has it.
    :param files: every file that it names, by place.
    :param origin: for which target it was made, or None where it is not wheeltarget's.
    :param extras: the extras that are asked for.
    """

    name: str
    text: str
    data: Mapping[str, Any]
    files: Mapping[Way, PinnedFile]
    origin: Origin | None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """A file that a lock names, and who says so.

    :param lock: the lock.
    :param line: where in it the file's project begins, from 1.
    :param file: the file.
    """

    lock: str
    line: int
    file: PinnedFile

    def fault(self, message: str, hint: str = "") -> Fault:
        """Say what is wrong with the file.

        :param message: what it is.
        :param hint: what to do about it.
        """
        return Fault(message, hint, Location(self.lock, self.line))


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of locks for one target.

    :param label: what to call the target.
    :param target: the target.
    :param pins: its files, in the order of the lock.
    """

    label: str
    target: Target
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class Looker:
    """How targets are found.

    :param look_up: finds the target that (key, text, folder) names, None for the running
        interpreter; raises TargetError.
    :param host: describes the running interpreter.
    """

    look_up: Callable[[str, str, str], Target | None]
    host: Callable[[], Target]


def is_own(data: bytes) -> bool:
    """Tell whether a lock is, or once was, one that wheeltarget wrote.

    :param data: its bytes.
    """
    return _OWN.search(data) is not None or _WRITTEN.search(data) is not None


def parse_lock(name: str, data: bytes, extras: tuple[str, ...] = ()) -> tuple[Lock, list[Fault]]:
    """Read a lock.

    :param name: the file, as the user named it.
    :param data: its bytes, at most one more than :data:`LARGEST` of them.
    :param extras: the extras that are asked for.
    :returns: the lock, and everything that is wrong with it; with faults it is not to be used.
    """
    nothing = Lock(name, "", {}, {}, None)
    if len(data) > LARGEST:
        return nothing, [Fault(f"{name} has more than {LARGEST >> 20} MiB: that is no lock")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = Location(name, line, error.start - data.rfind(b"\n", 0, error.start))
        return nothing, [Fault("a lock is in UTF-8, and this is not", "", where)]
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return nothing, [syntax_fault(name, text, error, _WHOLE)]
    except RecursionError:
        return nothing, [Fault(f"{name} is nested too deeply for a lock")]
    except ValueError as error:  # a number of thousands of digits
        return nothing, [Fault(f"{name} is no lock: {error}")]
    notebook = Notebook(name, text)
    _check_head(parsed, notebook)
    files = read_files(parsed, notebook)
    origin = _read_origin(parsed, notebook) if is_own(data) else None
    if origin is not None:
        _check_own(parsed, notebook)
    return Lock(name, text, parsed, files, origin, extras), notebook.faults


def _check_head(data: Mapping[str, Any], notebook: Notebook) -> None:
    version = data.get("lock-version")
    if version is None:
        hint = "a lock begins with lock-version"
        notebook.note(("lock-version",), "is missing", hint)
    elif not isinstance(version, str) or not re.fullmatch(r"1(\.\d+)?", version):
        hint = "this wheeltarget knows 1.0: lock again, or use a newer wheeltarget"
        notebook.note(("lock-version",), f"{version!r} is not known", hint)


def _read_origin(data: Mapping[str, Any], notebook: Notebook) -> Origin | None:
    """Read ``[tool.wheeltarget]``."""
    way: Way = ("tool", "wheeltarget")
    tools = data.get("tool", {})
    table = tools.get("wheeltarget") if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        message = "the table that says for which target the lock is, is missing"
        notebook.note(way, message, "the file seems to be cut off: lock again")
        return None
    schema = table.get("schema")
    if schema != _SCHEMA or isinstance(schema, bool):
        hint = "lock again, or use a newer wheeltarget"
        notebook.note((*way, "schema"), f"{schema!r} is not known to this wheeltarget", hint)
        return None
    values = {}
    for key in ("target", "tag", "python"):
        value = table.get(key)
        if not isinstance(value, str) or not value:
            notebook.note((*way, key), "has to be a string", "lock again")
        else:
            values[key] = value
    if len(values) < 3:
        return None
    return Origin(values["target"], values["tag"], values["python"])


def _check_own(data: Mapping[str, Any], notebook: Notebook) -> None:
    """Refuse what a lock for one target never has: two files of a project, or a choice."""
    seen: dict[str, int] = {}
    packages = data.get("packages", [])
    for number, package in enumerate(packages if isinstance(packages, list) else []):
        if not isinstance(package, dict):
            continue
        way: Way = ("packages", number)
        name = package.get("name")
        if isinstance(name, str) and name in seen:
            message = f"{name} is there twice, in packages[{seen[name]}], too"
            notebook.note(way, message, "a lock for one target has each project once")
        elif isinstance(name, str):
            seen[name] = number
        wheels = package.get("wheels", [])
        if isinstance(wheels, list) and len(wheels) > 1:
            message = f"{len(wheels)} wheels of one project"
            notebook.note((*way, "wheels"), message, "a lock for one target has one of each")
        if wheels and ("sdist" in package or "archive" in package):
            notebook.note(way, "a wheel and a source", "a lock for one target has one of each")
        for key in ("vcs", "directory"):
            if key in package:
                notebook.note((*way, key), "is no file that can be fetched by its hash")
        if "marker" in package:
            notebook.note((*way, "marker"), "a lock for one target has none", "lock again")


def select(
    lock: Lock, wanted: Iterable[tuple[str, Target]], looker: Looker, sources: frozenset[str]
) -> tuple[list[Selection], list[Fault]]:
    """Select the files of a lock.

    :param lock: the lock.
    :param wanted: what each target is called, and the target; only for a lock that is not
        wheeltarget's.
    :param looker: how targets are found.
    :param sources: the projects of which a source may be kept; for such a lock only.
    :returns: what each target takes, and what is wrong.
    """
    notebook = Notebook(lock.name, lock.text)
    parsed = _parse(lock, notebook)
    if parsed is None:
        return [], notebook.faults
    selector = _Selector(lock, parsed, notebook, sources)
    if lock.origin is None:
        return list(selector.select_all(wanted)), notebook.faults
    try:
        target = own_target(lock.origin, looker, lock.files.values())
    except TargetError as error:
        notebook.note(("tool", "wheeltarget", "tag"), error.message, error.hint or "lock again")
        return [], notebook.faults
    return list(selector.select_all([(lock.origin.label, target)])), notebook.faults


def _parse(lock: Lock, notebook: Notebook) -> Pylock | None:
    """Let packaging read the lock, too; it knows the rest of the specification."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        return Pylock.from_dict(lock.data)
    except PylockValidationError as error:
        steps = re.findall(r"[^.\[\]]+", error.context or "")
        way: Way = tuple(int(step) if step.isdigit() else step for step in steps)
        notebook.note(way, error.message)
    return None


def own_target(origin: Origin, looker: Looker, files: Iterable[PinnedFile]) -> Target:
    """Build the target that a lock of wheeltarget's was made for.

    What it is called may stand for more than its best tag says, such as a target file with a tag
    of its own; but that file need not be here, and the name may mean something else today.

    :param origin: what the lock says.
    :param looker: how targets are found.
    :param files: the files of the lock.
    :raises TargetError: where the tag names no environment.
    """
    target = looker.look_up("tags", origin.tag, "")
    assert target is not None  # noqa: S101 - a tag is never the running interpreter
    wheels = [file.tags for file in files if file.is_wheel]
    for key in ("tags", "target") if any(not tags & set(target.tags) for tags in wheels) else ():
        try:
            named = looker.look_up(key, origin.label, "") or looker.host()
        except TargetError:
            continue
        if named.tags[0] == origin.tag:
            target = named
            break
    if not origin.python.startswith(f"{target.environment['python_version']}."):
        raise TargetError(f"{origin.python} is no Python that has {origin.tag} as its best tag")
    markers = {**target.environment, "python_full_version": origin.python}
    return replace(target, label=origin.label, markers=tuple(markers.items()))


@dataclass(frozen=True, slots=True)
class _Selector:
    """Selects from one lock."""

    lock: Lock
    parsed: Pylock
    notebook: Notebook
    sources: frozenset[str]

    def select_all(self, wanted: Iterable[tuple[str, Target]]) -> Iterator[Selection]:
        """Select for each target."""
        text = enumerate(self.lock.text.splitlines(), start=1)
        lines = [number for number, line in text if _PACKAGE.match(line)]
        for label, target in wanted:
            pins = []
            for file in self._select(label, target):
                number = int(file.place[1])
                line = lines[number] if number < len(lines) else 1
                pins.append(Pin(self.lock.name, line, file))
            yield Selection(label, target, tuple(pins))

    def _select(self, label: str, target: Target) -> tuple[PinnedFile, ...]:
        from packaging.pylock import PylockSelectError
        from packaging.tags import Tag

        if not self._are_known(label, target):
            return ()
        environment = {**dict.fromkeys(target.unknown, ""), **target.environment}
        numbers = {id(package): n for n, package in enumerate(self.parsed.packages)}
        found = []
        try:
            for package, chosen in self.parsed.select(
                environment=environment,  # type: ignore[arg-type]
                tags=[Tag(*tag.split("-")) for tag in target.tags],
                extras=self.lock.extras,
            ):
                file = self._file(package, chosen, numbers[id(package)], label)
                if file is not None:
                    found.append(file)
        except PylockSelectError as error:
            self._refuse(label, str(error))
        return tuple(found)

    def _refuse(self, label: str, message: str) -> None:
        """Say why there is nothing to select, in a place where the message has one."""
        number = re.search(r" at packages\[(\d+)\]", message)
        what = message.replace(number[0], "", 1) if number else message
        hint = ""
        if self.lock.origin is not None and "No wheel" in message:
            what = f"the wheel is for another target than {label}"
            hint = "the lock was changed by hand, or is damaged: lock again"
        elif "No wheel" in message:
            hint = "lock again for this target, or choose another target"
        way: Way = ("packages", int(number[1])) if number else ()
        self.notebook.note(way, f"for {label}: {what}" if not hint or number else what, hint)

    def _are_known(self, label: str, target: Target) -> bool:
        """Refuse markers whose value for the target nobody knows."""
        known = True
        for number, package in enumerate(self.parsed.packages if target.unknown else ()):
            asked = evaluate(str(package.marker), target) if package.marker else True
            if isinstance(asked, tuple) and asked:
                message = f"asks for {' and '.join(asked)}, which is not known of {label}"
                self.notebook.note(("packages", number, "marker"), message)
                known = False
        return known

    def _file(self, package: Package, chosen: object, number: int, label: str) -> PinnedFile | None:
        """Give the file that was chosen, or say why it is none to be fetched."""
        way: Way = ("packages", number)
        wheels: Sequence[object] = package.wheels or ()
        for place in (
            *((*way, "wheels", n) for n, wheel in enumerate(wheels) if wheel is chosen),
            *((*way, "sdist") for _ in range(chosen is package.sdist)),
            *((*way, "archive") for _ in range(chosen is package.archive)),
        ):
            return self._allowed(self.lock.files[place], place, label)
        kind = "vcs" if package.vcs is not None else "directory"
        what = "a repository" if kind == "vcs" else "a folder"
        message = f"{package.name} is {what}, of which no file can be fetched by its hash"
        self.notebook.note((*way, kind), message, "lock a released version of it")
        return None

    def _allowed(self, file: PinnedFile, place: Way, label: str) -> PinnedFile | None:
        if file.is_wheel or self.lock.origin is not None or file.project in self.sources:
            return file
        message = f"{file.project} has no wheel for {label} in this lock, only {file.filename}"
        hint = f"--allow-sdist {file.project} keeps the source for the target to build"
        self.notebook.note(place, message, hint)
        return None
