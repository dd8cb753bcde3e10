"""Look up targets: tags, ``host``, names and target files."""

from __future__ import annotations

import functools
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheeltarget.errors import TargetError
from wheeltarget.targets.imported_files import (
    is_complete_platform,
    is_pip_debug,
    read_complete_platform,
    read_pip_debug,
)
from wheeltarget.targets.target import MARKER_VARIABLES, Target, host_target, target_from_tag
from wheeltarget.utils.files import TARGET_FILE, read_regular
from wheeltarget.utils.toml import parse_toml, syntax_place

if TYPE_CHECKING:
    from wheeltarget.targets.project import Projects
    from wheeltarget.targets.systems import Catalog, NamedTarget
    from wheeltarget.targets.user_targets import UserTarget

HOST = "host"
"""The name of the running interpreter."""

HOST_LABEL = "this interpreter"
"""The label of the running interpreter if no target is named."""

_FILE_KEYS = frozenset({"schema", "name", "tag", "tags", "markers"})
_SCHEMA = 1
_LONGEST_MESSAGE = 300
_KINDS: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
_EXPECTED = (
    "a target file is TOML or JSON with tag or tags, a complete platform of pex, or the output of "
    "pip debug --verbose"
)


@functools.cache
def newest_pythons() -> Mapping[str, str]:
    """Return the newest known release of each Python by interpreter tag, such as ``cp36``."""
    table: dict[str, str] = _load("catalog.toml")["newest"]
    return table


@functools.cache
def known_systems() -> Catalog:
    """Return the systems of the catalog."""
    from wheeltarget.targets.systems import parse_systems

    return parse_systems(_load("systems.toml"), newest_pythons())


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))


def look_up(key: str, text: str, folder: str, projects: Projects | None = None) -> Target | None:
    """Return the target that a value of a clause names.

    :param key: ``tags`` or ``target``.
    :param text: a tag, ``host``, the path of a target file, or the name of a target: of the
        project, of the user, or of the catalog, in this order.
    :param folder: the base of a relative path; empty for the working directory.
    :param projects: the projects that were read before.
    :returns: the target, or None for the running interpreter.
    :raises TargetError: if it does not name a target.
    """
    if key == "tags":
        return look_up_tag(text)
    if text == HOST:
        return None
    if is_path(text):
        return read_target_file(Path(folder, text), text)
    if _is_tag(text):
        hint = f"a tag is given with tags=: tags={text}"
        raise TargetError(f"{text} is not the name of a target", hint, code="WT201")
    from wheeltarget.targets.systems import find_target
    from wheeltarget.targets.user_targets import find_user_target

    own = find_user_target(text, Path(folder), projects)
    return build_user_target(own) if own else build_named(find_target(text, known_systems()))


def is_path(text: str) -> bool:
    """Return whether a value of ``target=`` is the path of a file.

    :param text: the value.
    """
    return text.endswith((".toml", ".json", ".txt")) or "/" in text or os.sep in text


def build_user_target(own: UserTarget) -> Target:
    """Build a target that the project or the user has defined.

    :param own: the description.
    :raises TargetError: if it does not describe an environment.
    """
    if own.table is None:
        return replace(read_target_file(own.file, str(own.file)), label=own.name)
    label = f"{own.file}: tool.wheeltarget.targets.{own.name}"
    return replace(target_from_table(own.table, label), label=own.name)


def build_named(named: NamedTarget) -> Target:
    """Build a target of the catalog.

    :param named: the parts of its name.
    """
    return _target_from_tag(named.tag, named.name, named.markers, named.name)


def look_up_tag(text: str) -> Target:
    """Build the target whose best tag is the given one.

    :param text: the tag.
    :raises TargetError: if it does not name an environment.
    """
    return target_from_tag(text, newest_pythons())


@functools.cache
def host() -> Target:
    """Describe the running interpreter."""
    return host_target()


def _is_tag(text: str) -> bool:
    try:
        target_from_tag(text, newest_pythons())
    except TargetError:
        return False
    return True


def read_target_file(path: Path, label: str) -> Target:
    """Read a target from a TOML or JSON file, or from the output of another tool.

    A target file has either ``tag`` (the best tag of the environment) or ``tags`` (every supported
    tag, most preferred first), and may have ``markers`` (a table of marker variables) and
    ``name``. A complete platform of pex or Pants and the output of ``pip debug --verbose`` are
    recognized by their content.

    :param path: the file.
    :param label: its name in messages, and the label of a target without a name.
    :returns: the target.
    :raises TargetError: if it cannot be read or does not describe an environment.
    """
    try:
        data = read_regular(path, TARGET_FILE)
    except OSError as error:
        message = f"cannot read the target file {label}: {error.strerror}"
        raise TargetError(message, code="WT203") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"cannot read the target file {label}: it is not in UTF-8"
        raise TargetError(message, code="WT203") from error
    try:
        if is_pip_debug(text):
            return _from_pip_debug(text, label)
        table = _parse(text, label)
        if is_complete_platform(table):
            table = read_complete_platform(table, label)
        return target_from_table(table, label)
    except TargetError as error:
        if len(error.message) <= _LONGEST_MESSAGE:
            raise
        message = f"{error.message[:_LONGEST_MESSAGE]}…"
        raise TargetError(message, error.hint, code=error.code) from error


def _parse(text: str, label: str) -> dict[str, Any]:
    """Parse a target file; raise TargetError if it is not one.

    A clause can name any file, such as one with secrets. So the message has the place of the
    error, but no text of the file.
    """
    try:
        if text.lstrip().startswith("{"):
            table: dict[str, Any] = json.loads(text)
            return table
        return parse_toml(text)
    except json.JSONDecodeError as error:
        form, place = "JSON", f"{error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        form, place = "TOML or JSON", "it is nested too deeply"
    except ValueError as error:
        form, place = "TOML", syntax_place(error)
    message = f"{label} is not a target file: not valid {form}: {place}"
    raise TargetError(message, _EXPECTED, code="WT204")


def _from_pip_debug(text: str, label: str) -> Target:
    """Build the target of an output of pip debug; missing markers follow from its best tag."""
    table = read_pip_debug(text, label)
    try:
        best = target_from_tag(table["tags"][0], newest_pythons()).environment
    except (TargetError, IndexError):
        best = {}  # a tag that no target can have, such as that of a debug build
    full = table["markers"]["python_full_version"]
    if best and best.get("implementation_version") == best["python_full_version"]:
        best["implementation_version"] = _implementation_version(full)
    return target_from_table({**table, "markers": {**best, **table["markers"]}}, label)


def _implementation_version(full: str) -> str:
    """Return a version as CPython spells ``implementation_version``: no plus, and c for rc."""
    return full.removesuffix("+").replace("rc", "c")


def target_from_table(data: Mapping[str, Any], label: str) -> Target:
    """Build a target from the table of a target file.

    :param data: the file's table.
    :param label: its name in messages, and the label of a target without a name.
    :returns: the target.
    :raises TargetError: if a key is unknown, missing or of the wrong type.
    """
    if ("tag" in data) == ("tags" in data):
        raise TargetError(
            f"{label} must have exactly one of tag and tags",
            "tag is the best tag of the environment, tags is the list of all supported tags",
            code="WT208",
        )
    strange = sorted(data.keys() - _FILE_KEYS)
    if strange:
        hint = f"known keys: {', '.join(sorted(_FILE_KEYS))}"
        raise TargetError(f"{label}: unknown key {strange[0]}", hint, code="WT205")
    if data.get("schema", _SCHEMA) != _SCHEMA:
        number = f" {data['schema']}" if isinstance(data["schema"], int) else ""
        message = f"{label}: this version of wheeltarget does not know schema{number}"
        raise TargetError(message, code="WT206")
    name = data.get("name", label)
    markers = data.get("markers", {})
    _check_type(label, "name", name, isinstance(name, str) and bool(name))
    _check_type(label, "markers", markers, _is_text_table(markers))
    if "tag" in data:
        _check_type(label, "tag", data["tag"], isinstance(data["tag"], str))
        return _target_from_tag(data["tag"], name, markers, label)
    tags = data["tags"]
    _check_type(label, "tags", tags, _is_text_list(tags))
    return Target(name, tuple(tag.lower() for tag in tags), tuple(markers.items()))


def _target_from_tag(tag: str, name: str, markers: dict[str, str], label: str) -> Target:
    """Build the target of a tag with further markers."""
    try:
        base = target_from_tag(tag, newest_pythons())
    except TargetError as error:
        raise TargetError(f"{label}: {error.message}", error.hint, code=error.code) from error
    known = {**base.environment, **markers}
    if base.environment.get("implementation_version") == base.environment["python_full_version"]:
        release = _implementation_version(known["python_full_version"])
        known["implementation_version"] = markers.get("implementation_version", release)
    return replace(base, label=name, markers=tuple(known.items()))


def _is_text_table(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _check_type(label: str, key: str, value: object, right: bool) -> None:  # noqa: FBT001
    if right:
        return
    expected = {
        "name": "a string",
        "tag": "a string",
        "tags": "a list of strings",
        "markers": f"a table of strings by {MARKER_VARIABLES[0]} and the like",
    }[key]
    got = _kind_of(value)
    if isinstance(value, list | dict) and isinstance(value, list) == (key == "tags"):
        inner = value.values() if isinstance(value, dict) else value
        wrong = next((each for each in inner if not isinstance(each, str)), None)
        got = f"{got} with {_kind_of(wrong)}"
    message = f"{label}: {key} must be {expected}, not {got}"
    raise TargetError(message, code="WT207")


def _kind_of(value: object) -> str:
    """Return the name of a value's type in TOML or JSON."""
    if value == "":
        return "an empty string"
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a date or a time"
