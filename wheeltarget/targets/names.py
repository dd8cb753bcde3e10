"""Names of targets: in options, clauses and pyproject.toml; of the project, user and catalog.

A name of the catalog is ``SYSTEM-pythonX.Y-ARCHITECTURE``. The Python or the architecture may be
omitted if there is only one, the parts may come in any order, and common aliases of architectures
are accepted; :attr:`NamedTarget.name` is the full name.

Start-up: completion and a run of pip alone load this, so it does not load packaging.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import platformdirs

from wheeltarget.errors import Fault, InputError, Location, TargetError, locate
from wheeltarget.utils.files import PROJECT_FILE, RefusedFileError, read_regular
from wheeltarget.utils.toml import parse_toml

HOST = "host"
"""The name of the running interpreter."""

HOST_LABEL = "this interpreter"
"""The label of the running interpreter if no target is named."""

KEYS = ("tags", "target")
"""The keys of clauses, and the settings of a project, that name targets."""

EXCLUDE = "exclude"
"""The key of a clause, and of the table of a target, that names what is left out."""

CLAUSES = (*KEYS, EXCLUDE)
"""The keys of all clauses."""

ALIASES = {
    "x86_64": ("x86_64", "amd64", "x64"),
    "arm64": ("arm64", "aarch64"),
    "i686": ("i686", "i386", "x86"),
    "armv7l": ("armv7l", "armhf", "armv7"),
    "ppc64le": ("ppc64le", "ppc64el"),
    "s390x": ("s390x",),
    "wasm32": ("wasm32",),
}
"""The names of each architecture."""

SAME = {alias: names for names in ALIASES.values() for alias in names}
"""The names of the same architecture by each of them."""

_WITH_PIP = frozenset({"distribution", "image", "desktop"})
"""The kinds of systems on which people install with pip."""
INDEXES = "indexes"
"""The setting of a project that names the indexes of projects."""

_FIRST_FREE_THREADED = 13
_TARGETS = "targets"
_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)
_OPTIONS = frozenset(f"--{key}" for key in KEYS)
_CLAUSE = re.compile(r"(?<![\w-])(tags|target)=([^\s:;,]*)")
LIKE_A_TAG = re.compile(r"(?:cp|pp|py|graalpy)\d+-[^-]+-[^-]+", re.ASCII)
"""What is meant as a tag, even if it is not a valid one."""


@dataclass(frozen=True, slots=True)
class TargetName:
    """One value of a clause or an option that names a target, with its place for an error.

    :param folder: the base of a relative path.
    """

    key: str
    text: str
    folder: str
    fault: Fault = field(compare=False, default=Fault(""))

    def refused(self, error: TargetError) -> Fault:
        """Return the fault of this name, with a hint that can be copied to its place."""
        file, hint = self.fault.location.file if self.fault.location else "", error.hint
        if file in _OPTIONS:
            hint = _CLAUSE.sub(lambda found: f"--{found[1]} {found[2]}".rstrip(), hint)
        elif os.path.basename(file) == "pyproject.toml":  # noqa: PTH119 - any text
            hint = _CLAUSE.sub(lambda m: f'{m[1]} = "{m[2]}"' if m[2] else m[1], hint)
        return locate(self.fault, error.message, hint, error.code)


def command_line_targets(tags: Sequence[str], targets: Sequence[str]) -> tuple[TargetName, ...]:
    """Parse the values of ``--tags`` and ``--target``; raise InputError if an entry is empty."""
    names, faults = [], []
    for key, values in (("tags", tags), ("target", targets)):
        for number, value in enumerate(values, start=1):
            column = 1
            for item in value.split(","):
                text = item.strip()
                place = Location(f"--{key}", number, column + len(item) - len(item.lstrip()))
                fault = Fault("", "", place, value, max(len(text), 1))
                if not text:
                    faults.append(locate(fault, f"--{key} has an empty entry", ""))
                names.append(TargetName(key, text, "", fault))
                column += len(item) + 1
    if faults:
        raise InputError(tuple(faults))
    return tuple(names)


def is_path(text: str) -> bool:
    """Return whether a value of ``target=`` is the path of a file."""
    return text.endswith((".toml", ".json", ".txt")) or "/" in text or os.sep in text


@dataclass(frozen=True, slots=True)
class IndexTable:
    """The table of a project with the indexes of projects, and the text of its pyproject.toml."""

    file: Path
    text: str
    values: Mapping[str, object]


class Projects:
    """The settings of projects, each pyproject.toml read once."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[str, dict[str, Any]]] = {}

    def nearest(self, folder: Path) -> tuple[Path, str, dict[str, Any]]:
        """Return the first pyproject.toml from a folder upwards, its text, and our table in it."""
        *_, last = project_files(folder)
        if last not in self._read and os.path.isfile(last):  # noqa: PTH113 - False without permission
            self._read[last] = _read_project(last)
        return (last, *self._read.get(last, ("", {})))

    def defaults(self, folder: Path) -> tuple[TargetName, ...]:
        """Return the default targets of a folder's project; raise InputError if they are wrong."""
        file, text, table = self.nearest(folder)
        names: list[TargetName] = []
        for key, value in table.items():
            place = _place(str(file), text, key)
            _check_setting(key, value, place)
            values = [value] if isinstance(value, str) else value
            names += [
                TargetName(key, item.strip(), str(file.parent), place)
                for each in (values if key in KEYS else ())
                for item in each.split(",")
            ]
        return tuple(sorted(names, key=lambda name: KEYS.index(name.key)))

    def index_table(self, folder: Path) -> IndexTable | None:
        """Return the indexes that a folder's project names; raise InputError if it is no table."""
        file, text, table = self.nearest(folder)
        if INDEXES not in table:
            return None
        _check_setting(INDEXES, table[INDEXES], _place(str(file), text, INDEXES))
        return IndexTable(file, text, table[INDEXES]) if table[INDEXES] else None


def project_files(folder: Path) -> tuple[Path, ...]:
    """Return each pyproject.toml from a folder upwards; only the last one may exist."""
    resolved = folder.resolve()
    files = []
    for each in (resolved, *resolved.parents):
        files.append(each / "pyproject.toml")
        if os.path.isfile(files[-1]):  # noqa: PTH113 - False without permission
            break
    return tuple(files)


def _read_project(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        data = read_regular(file, PROJECT_FILE)
    except RefusedFileError as error:
        raise InputError((Fault(f"cannot read {file}: {error.strerror}"),)) from error
    except OSError:
        return "", {}
    if b"wheeltarget" not in data:
        return "", {}  # others report whether it parses
    try:
        text = data.decode("utf-8")
        tools = parse_toml(text).get("tool", {})
    except ValueError as error:
        raise InputError((Fault(f"cannot read {file}: {error}"),)) from error
    table = tools.get("wheeltarget", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise InputError((Fault(f"{file}: tool.wheeltarget must be a table"),))
    return text, table


def _check_setting(key: str, value: object, place: Fault) -> None:
    hint = ""
    values = [value] if isinstance(value, str) else value
    if key == _TARGETS:
        if isinstance(value, dict) and all(isinstance(each, dict) for each in value.values()):
            return
        message = "tool.wheeltarget.targets must be a table of targets"
        hint = "write a table for each target: [tool.wheeltarget.targets.NAME]"
    elif key == INDEXES:
        if isinstance(value, dict):
            return
        message = "tool.wheeltarget.indexes must be a table of projects and the URLs of indexes"
        hint = 'write [tool.wheeltarget.indexes], and below it NAME = "URL"'
        place = replace(place, code="WT704")
    elif key not in KEYS:
        near = get_close_matches(key, (*KEYS, INDEXES), n=1, cutoff=0.5)
        message = f"tool.wheeltarget has no setting {key}"
        known = "the settings are tags, target, targets and indexes"
        hint = f"write {near[0]} = …" if near else known
    elif not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        message = f"tool.wheeltarget.{key} must be a string or a list of strings"
    elif all(item.strip() for each in values for item in each.split(",")):
        return
    else:
        message = f"tool.wheeltarget.{key} has an empty entry"
    raise InputError((locate(place, message, hint, place.code),))


def _place(file: str, text: str, key: str) -> Fault:
    """Return the place of a key, which ``tomllib`` does not report."""
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or line.strip() == "[tool.wheeltarget]"
        found = re.match(rf"\s*({re.escape(key)})\s*=", line)
        if begun and found:
            return Fault("", "", Location(file, number, found.start(1) + 1), line, len(key))
    return Fault("", "", Location(file, 1))


@dataclass(frozen=True, slots=True)
class UserTarget:
    """A target that the project or the user defines: in a table, or in a whole file."""

    name: str
    file: Path
    table: Mapping[str, Any] | None


def is_valid_name(name: str) -> bool:
    """Return whether a name can be that of a target, and does not mean something else."""
    other = LIKE_A_TAG.fullmatch(name) or name == HOST or name.endswith((".toml", ".json"))
    return bool(_NAME.fullmatch(name)) and not other


def user_targets(folder: Path, projects: Projects) -> dict[str, UserTarget]:
    """Return the targets of the user and of a folder's project, which take precedence, by name.

    :raises TargetError: if a name would mean something else, or pyproject.toml is wrong.
    """
    found = {target.name: target for target in (*_of_user(), *_of_project(folder, projects))}
    for target in found.values():
        if not is_valid_name(target.name):
            message = f"{target.file}: a target cannot be called {target.name}"
            hint = "a name has letters, digits, dots and dashes, and is neither host nor a tag"
            raise TargetError(message, hint, code="WT215")
    return dict(sorted(found.items()))


def find_user_target(name: str, folder: Path, projects: Projects) -> UserTarget | None:
    """Return one of :func:`user_targets`; None if it does not exist."""
    return user_targets(folder, projects).get(name) if is_valid_name(name) else None


def _of_project(folder: Path, projects: Projects) -> Iterator[UserTarget]:
    try:
        file, text, table = projects.nearest(folder)
        tables = table.get(_TARGETS, {})
        _check_setting(_TARGETS, tables, _place(str(file), text, _TARGETS))
    except InputError as error:
        where = f"{error.faults[0].location}: " if error.faults[0].location else ""
        raise TargetError(f"{where}{error.message}", error.hint, code="WT203") from error
    for name, each in tables.items():
        # A dot in a name that is not in quotes begins a table of its own.
        for key in (key for key, value in each.items() if isinstance(value, dict)):
            if key != "markers":
                hint = f'write the name in quotes: [tool.wheeltarget.{_TARGETS}."{name}.{key}"]'
                message = f"{file}: tool.wheeltarget.{_TARGETS}.{name} has a table {key}"
                raise TargetError(message, hint, code="WT205")
    return (UserTarget(name, file, table) for name, table in tables.items())


def _of_user() -> Iterator[UserTarget]:
    # A file whose name is not valid, such as a copy, is ignored.
    files = (file for file in user_folder().glob("*.toml") if is_valid_name(file.stem))
    return (UserTarget(file.stem, file, None) for file in files)


def user_folder() -> Path:
    """Return the folder of the user's target files."""
    return Path(platformdirs.user_config_dir("wheeltarget", appauthor=False), _TARGETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Releases of a system with the same properties, as ``systems.toml`` describes them.

    Several can share a name, with other Pythons. An architecture is ``""`` if names have none.

    :param aliases: other names of it.
    :param written: names that people write instead, which are proposed but not accepted.
    :param own_python: the version of the system's own Python; empty if it has none, or several.
    """

    name: str
    title: str
    kind: str
    platforms: Mapping[str, str]
    pythons: Sequence[str]
    any_python: bool
    status: str
    sources: Sequence[str]
    releases: Mapping[str, str] = field(default_factory=dict)
    python_sources: Sequence[str] = ()
    python_seen: str = ""
    end: date | None = None
    ends: Mapping[str, date] = field(default_factory=dict)
    aliases: Sequence[str] = ()
    written: Sequence[str] = ()
    own_python: str = ""
    inferred: Sequence[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    limit_conditions: Mapping[str, str] = field(default_factory=dict)
    limit_sources: Sequence[str] = ()
    markers: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    pips: Mapping[str, str] = field(default_factory=dict)
    pip_sources: Sequence[str] = ()

    def targets(self, alias: str = "") -> list[NamedTarget]:
        """Return its targets, by Python and then by architecture, under its name or an alias."""
        name = alias or self.name
        return [NamedTarget(name, self, py, arch) for py in self.pythons for arch in self.platforms]

    def status_of(self, python: str, architecture: str) -> str:
        """Return whether the platform of one of its targets is verified or inferred."""
        return "inferred" if {python, architecture} & {*self.inferred} else self.status

    def end_of(self, python: str) -> date | None:
        """Return the end of support; None if it is not known."""
        return self.ends.get(python, self.end)

    def is_retired(self, python: str, today: date) -> bool:
        """Return whether the support has ended."""
        end = self.end_of(python)
        return end is not None and end <= today

    def architecture(self, alias: str) -> str | None:
        """Return one of its architectures by name or alias; None if it does not have it."""
        return next((each for each in self.platforms if each in SAME.get(alias, (alias,))), None)


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target of the catalog, such as with Python ``3.14t``, under its name or an alias."""

    called: str
    system: System
    python: str
    architecture: str

    @property
    def name(self) -> str:
        """Return its full name."""
        return "-".join(filter(None, (self.called, f"python{self.python}", self.architecture)))

    @property
    def platform(self) -> str:
        """Return the best platform tag of its environment."""
        return self.system.platforms[self.architecture]

    @property
    def markers(self) -> dict[str, str]:
        """Return the marker variables that do not follow from the tag."""
        full = self.system.releases.get(self.python)
        return {**({"python_full_version": full} if full else {}), **self.system.markers}

    @property
    def pip(self) -> str:
        """Return the version of the system's own pip; empty if that is not known."""
        return self.system.pips.get(self.python, "")

    @property
    def installs_with_pip(self) -> bool:
        """Return whether people install with pip there, not a service or a tool of its own."""
        return self.system.kind in _WITH_PIP

    @property
    def status(self) -> str:
        """Return whether its platform is verified or inferred."""
        return self.system.status_of(self.python, self.architecture)


@functools.cache
def newest_pythons() -> Mapping[str, str]:
    """Return the newest known release of each Python by interpreter tag, such as ``cp36``."""
    table: dict[str, str] = _load("catalog.toml")["newest"]
    return table


def pip_that_comes_with(interpreter: str) -> str:
    """Return the version of the pip that a Python brings, by interpreter tag; empty if unknown."""
    row = _load("catalog.toml")["ensurepip"].get(interpreter, {})
    version: str = row.get("pip", "")
    return version


@functools.cache
def known_systems() -> tuple[System, ...]:
    """Return the systems of the catalog, in the order of lists."""
    pythons = []
    for interpreter in newest_pythons():
        match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
        if match:
            version = f"{match[1]}.{match[2]}"
            pythons += [version, f"{version}t"][: 1 + (int(match[2]) >= _FIRST_FREE_THREADED)]
    return tuple(
        System(**{"pythons": pythons, "any_python": "pythons" not in table, **table})
        for table in _load("systems.toml")["system"]
    )


def known_sources() -> Mapping[str, str]:
    """Return each source of the catalog by its key."""
    sources: dict[str, str] = _load("systems.toml")["sources"]
    return sources


def provided_tables() -> Sequence[Mapping[str, Any]]:
    """Return the tables of what services bring, as the catalog has them."""
    tables: list[dict[str, Any]] = _load("systems.toml")["provided"]
    return tables


def systems_called(name: str) -> list[System]:
    """Return the systems with a name or an alias."""
    return [each for each in known_systems() if name in {each.name, *each.aliases}]


@functools.cache
def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))
