"""Look up targets: tags, ``host``, names and target files."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

from packaging.markers import default_environment
from packaging.tags import sys_tags

from wheeltarget.errors import TargetError
from wheeltarget.targets.exclusions import Exclusion, InvalidPatternError
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import (
    EXCLUDE,
    HOST,
    NamedTarget,
    Projects,
    UserTarget,
    find_user_target,
    is_path,
    newest_pythons,
    pip_that_comes_with,
)
from wheeltarget.targets.own_pip import OwnPip
from wheeltarget.targets.tags import tag_of, with_plain_linux
from wheeltarget.targets.target import MARKER_VARIABLES, Target, target_from_tag
from wheeltarget.utils.files import TARGET_FILE, read_regular
from wheeltarget.utils.toml import LONG_NUMBER, NESTED, parse_toml, syntax_place

_SCHEMA = 1
_LONGEST_MESSAGE = 300
_TYPES: Mapping[str, tuple[type, str]] = {
    "name": (str, "a string"),
    "markers": (dict, f"a table of strings by {MARKER_VARIABLES[0]} and the like"),
    "tag": (str, "a string"),
    "tags": (list, "a list of strings"),
    EXCLUDE: (list, "a list of names of projects"),
    "pip": (str, 'a version in quotes, such as "18.1"'),
}
"""The type of the value of each key of a target file, and its name."""
_FILE_KEYS = sorted({"schema", *_TYPES})
_KINDS: Mapping[type, str] = {
    str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list",
    dict: "a table", NoneType: "null",
}  # fmt: skip
_EXPECTED = "a target file is TOML or JSON with tag or tags, a complete platform of pex, or the"
_PEX_KEYS = ("compatible_tags", "marker_environment")
_PIP_OF_DEBUG = re.compile(r"^pip version: pip (\d[\w.+!-]*) ", re.MULTILINE)
_PIP_DEBUG = re.compile(r"^pip version: |^Compatible tags: \d+", re.MULTILINE)
_PIP_TAGS = re.compile(r"^Compatible tags: (\d+)[^\n]*\n((?:[ \t]+\S+[ \t]*\n?)*)", re.MULTILINE)
_PIP_VERSION = re.compile(r"^sys\.version: (\d+\.\d+\.\d+\S*)", re.MULTILINE)
_PIP_SYSTEM = re.compile(r"^sys\.platform: (\S+)", re.MULTILINE)


_AMBIGUOUS = "WT216"


@functools.cache
def host() -> Target:
    """Describe the running interpreter, with all eleven marker variables."""
    tags = tuple(map(str, sys_tags()))
    environment = {name: str(value) for name, value in default_environment().items()}
    return Target(tags[0], tags, tuple(environment.items()))


def look_up(key: str, text: str, folder: str, projects: Projects | None = None) -> Target | None:
    """Return the target that a value of a clause names; None for the running interpreter.

    :param text: a tag, ``host``, the path of a target file, or the name of a target: of the
        project, of the user, or of the catalog, in this order.
    :param folder: the base of a relative path; empty for the working directory.
    :raises TargetError: if it does not name a target.
    """
    if key == "tags":
        try:
            return look_up_tag(text)
        except TargetError as error:
            if not _is_name(text, Path(folder), projects or Projects()):
                raise
            hint = f"a name is given with target=: target={text}"
            raise TargetError(f"{text} is not a tag", hint, code=error.code) from error
    if text == HOST:
        return None
    if is_path(text):
        return read_target_file(Path(folder, text), text)
    try:
        look_up_tag(text)
    except TargetError:
        return _build(text, Path(folder), projects or Projects())
    hint = f"a tag is given with tags=: tags={text}"
    raise TargetError(f"{text} is not the name of a target", hint, code="WT201")


def _build(name: str, folder: Path, projects: Projects) -> Target:
    """Build the target of a name, of which the project may have only written what it leaves out."""
    if own := find_user_target(name, folder, projects):
        return build_user_target(own)
    named = find_target(name)
    own = find_user_target(named.name, folder, projects)  # it has its full name there
    if own is not None and only_excludes(own):
        return build_user_target(own)
    return build_named(named)


def only_excludes(own: UserTarget) -> bool:
    """Return whether a table only leaves out projects for the target of the catalog of its name."""
    return own.table is not None and own.table.keys() == {EXCLUDE}


def _is_name(text: str, folder: Path, projects: Projects) -> bool:
    """Return whether a target of the user or the catalog has this name."""
    try:
        return bool(find_user_target(text, folder, projects) or find_target(text))
    except TargetError as error:
        return error.code == _AMBIGUOUS


def look_up_tag(text: str) -> Target:
    """Build the target whose best tag is the given one; raise TargetError if none has it."""
    target = target_from_tag(text, newest_pythons())
    return replace(target, pip=assumed_pip(target.tags[0]))


def assumed_pip(tag: str) -> OwnPip | None:
    """Return the pip that comes with the Python of a tag; None if that is not known."""
    interpreter = tag.partition("-")[0]
    version = pip_that_comes_with(interpreter)
    return OwnPip(version, f"CPython {interpreter[2]}.{interpreter[3:]}") if version else None


def build_user_target(own: UserTarget) -> Target:
    """Build a target that the project or the user has defined; raise TargetError if it is wrong.

    A table with ``exclude`` alone is about the target of the catalog with its name.
    """
    if own.table is None:
        return replace(read_target_file(own.file, str(own.file)), label=own.name)
    label = f"{own.file}: tool.wheeltarget.targets.{own.name}"
    if only_excludes(own):
        _check_types(own.table, label)
        return replace(build_named(find_target(own.name)), excluded=_exclusions(own.table, label))
    return replace(target_from_table(own.table, label), label=own.name)


def build_named(named: NamedTarget) -> Target:
    """Build a target of the catalog; a Linux of it also accepts ``linux_ARCH``."""
    tag = tag_of(named.python, with_plain_linux(named.platform))
    target = _with_markers(tag, named.name, named.markers, named.name)
    if named.pip:
        return replace(target, pip=OwnPip(named.pip))
    return target if named.installs_with_pip else replace(target, pip=None)


def read_target_file(path: Path, label: str) -> Target:
    """Read TOML, JSON, a complete platform of pex or output of ``pip debug``, under a label.

    :raises TargetError: if it cannot be read or does not describe an environment.
    """
    try:
        text = read_regular(path, TARGET_FILE).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        message = f"cannot read the target file {label}: {reason}"
        raise TargetError(message, code="WT203") from error
    try:
        if _PIP_DEBUG.search(text):
            table = _read_pip_debug(text, label)
        else:
            table = _parse(text, label)
            if any(key in table for key in _PEX_KEYS):
                table = _read_complete_platform(table, label)
        return target_from_table(table, label)
    except TargetError as error:
        if len(error.message) <= _LONGEST_MESSAGE:
            raise
        message = f"{error.message[:_LONGEST_MESSAGE]}…"
        raise TargetError(message, error.hint, code=error.code) from error


def _parse(text: str, label: str) -> dict[str, Any]:
    """Parse TOML or JSON; raise TargetError with the place of an error.

    A clause can name any file, such as one with secrets, so a message has no text of the file.
    """
    parse: Callable[[str], dict[str, Any]] = parse_toml
    if text.lstrip().startswith("{"):
        parse = _parse_json
    try:
        return parse(text)
    except json.JSONDecodeError as error:
        form, place = "JSON", f"{error.msg} in line {error.lineno}, column {error.colno}"
    except ValueError as error:
        form, place = "TOML" if parse is parse_toml else "JSON", syntax_place(error)
    message = f"{label} is not a target file: not valid {form}: {place}"
    raise TargetError(message, f"{_EXPECTED} output of pip debug --verbose", code="WT204")


def _parse_json(text: str) -> Any:
    """Parse JSON from outside.

    :raises ValueError: if it is not JSON, is nested too deeply, or has a number of thousands of
        digits.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # Python's own limit
        raise ValueError(LONG_NUMBER) from error
    except RecursionError as error:
        raise ValueError(NESTED) from error


def _read_complete_platform(data: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the table of a complete platform, as ``pex3 interpreter inspect`` writes it."""
    for key in _PEX_KEYS:
        if key not in data:
            hint = "create it with: pex3 interpreter inspect --markers --tags"
            raise TargetError(f"{label} is a complete platform without {key}", hint, code="WT214")
    markers = data["marker_environment"]
    if isinstance(markers, dict):
        # null means that a variable is not known.
        markers = {k: v for k, v in markers.items() if v is not None and k != "extra"}
    return {"tags": data["compatible_tags"], "markers": markers}


def _read_pip_debug(text: str, label: str) -> dict[str, Any]:
    """Return the table of an output of pip debug; missing markers follow from its best tag."""
    text = text.replace("\r\n", "\n")
    version, listed, system = (p.search(text) for p in (_PIP_VERSION, _PIP_TAGS, _PIP_SYSTEM))
    hint = "keep the whole output of: python -m pip debug --verbose"
    if version is None or listed is None:
        what = "the version of Python" if version is None else "the tags"
        raise TargetError(f"{label} is output of pip debug without {what}", hint, code="WT214")
    tags, full = listed[2].split(), version[1]
    if str(len(tags)) != listed[1]:
        message = f"{label} has {len(tags)} of {listed[1][:9]} tags"
        raise TargetError(message, hint, code="WT214")
    try:
        markers = look_up_tag(tags[0]).environment
    except (TargetError, IndexError):
        markers = {}  # a tag that no target can have, such as that of a debug build
    if markers and markers.get("implementation_version") == markers["python_full_version"]:
        markers["implementation_version"] = _implementation_version(full)
    markers["python_full_version"] = full
    if system:
        markers["sys_platform"] = system[1]
    pip = _PIP_OF_DEBUG.search(text)
    return {"tags": tags, "markers": markers, **({"pip": pip[1]} if pip else {})}


def _implementation_version(full: str) -> str:
    """Return a version as CPython spells ``implementation_version``: no plus, and c for rc."""
    return full.removesuffix("+").replace("rc", "c")


def target_from_table(data: Mapping[str, Any], label: str) -> Target:
    """Build a target from the table of a target file; the label is its name in messages.

    :raises TargetError: if a key is unknown, missing or of the wrong type.
    """
    if ("tag" in data) == ("tags" in data):
        message = f"{label} must have exactly one of tag and tags"
        hint = "tag is the best tag of the environment, tags is the list of all supported tags"
        raise TargetError(message, hint, code="WT208")
    unknown = sorted(data.keys() - _FILE_KEYS)
    if unknown:
        hint = f"known keys: {', '.join(sorted(_FILE_KEYS))}"
        raise TargetError(f"{label}: unknown key {unknown[0]}", hint, code="WT205")
    if data.get("schema", _SCHEMA) != _SCHEMA:
        number = f" {data['schema']}" if isinstance(data["schema"], int) else ""
        message = f"{label}: this version of wheeltarget does not know schema{number}"
        raise TargetError(message, code="WT206")
    _check_types(data, label)
    name, markers = data.get("name", label), data.get("markers", {})
    excluded, pip = _exclusions(data, label), _pip(data, label)
    if "tag" in data:
        target = _with_markers(data["tag"], name, markers, label)
        return replace(target, excluded=excluded, pip=pip or target.pip)
    tags = tuple(tag.lower() for tag in data["tags"])
    return Target(
        name, tags, tuple(markers.items()), excluded, pip or assumed_pip("".join(tags[:1]))
    )


def _pip(data: Mapping[str, Any], label: str) -> OwnPip | None:
    """Return the pip of a table; None if it does not name one."""
    if "pip" not in data:
        return None
    try:
        return OwnPip(data["pip"])
    except ValueError as error:
        message = f"{label}: pip must be the version of its pip, not {data['pip']!r}"
        hint = 'write what pip --version prints there, such as pip = "18.1"'
        raise TargetError(message, hint, code="WT219") from error


def _exclusions(data: Mapping[str, Any], label: str) -> tuple[Exclusion, ...]:
    """Return what is left out for the target of a table."""
    try:
        return tuple(Exclusion(each, "its definition") for each in data.get(EXCLUDE, ()))
    except InvalidPatternError as error:
        message = f"{label}: {EXCLUDE}: {error.message}"
        raise TargetError(message, error.hint, code="WT218") from error


def _check_types(data: Mapping[str, Any], label: str) -> None:
    for key, (kind, expected) in _TYPES.items():
        if key not in data:
            continue
        value = data[key]
        got = "an empty string" if value == "" else _kind_of(value)
        inner = list(value.values()) if isinstance(value, dict) else value
        if isinstance(value, kind):
            others = [_kind_of(each) for each in inner if not isinstance(each, str)]
            if not others and (key, value) != ("name", ""):
                continue
            got += f" with {others[0]}" if others else ""
        raise TargetError(f"{label}: {key} must be {expected}, not {got}", code="WT207")


def _kind_of(value: object) -> str:
    return _KINDS.get(type(value), "a date or a time")


def _with_markers(tag: str, name: str, markers: Mapping[str, str], label: str) -> Target:
    try:
        base = look_up_tag(tag)
    except TargetError as error:
        raise TargetError(f"{label}: {error.message}", error.hint, code=error.code) from error
    known = {**base.environment, **markers}
    if base.environment.get("implementation_version") == base.environment["python_full_version"]:
        release = _implementation_version(known["python_full_version"])
        known["implementation_version"] = markers.get("implementation_version", release)
    return replace(base, label=name, markers=tuple(known.items()))
