"""Decide what a source distribution needs to be built, from its files alone.

Specifications: PEP 518 for ``[build-system]``; PEP 517 for ``get_requires_for_build_wheel``, by
which a backend asks for more when it is run. No code is run here. What these backends ask for is
known from their own code:

- setuptools: ``setup_requires``, which ``setup.cfg`` or the call in ``setup.py`` may have as plain
  text; before 70.1 wheel, too.
- hatchling: the ``dependencies`` in ``[tool.hatch.build]``; a build hook may ask for anything, but
  those of hatchling and of hatch-vcs do not.
- pdm-backend: setuptools, if ``run-setuptools`` is on.
- flit-core: the project's own dependencies, if it has to import the module; these are there anyway.
- poetry-core and uv_build: nothing.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from wheeltarget.utils.text import visible
from wheeltarget.utils.toml import parse_toml, syntax_place
from wheeltarget.wheelhouse.source import SourceFiles, read_source

_SETUPTOOLS = ("setuptools.build_meta", "setuptools.build_meta:__legacy__")
_NOTHING_MORE = ("flit_core.buildapi", "poetry.core.masonry.api", "uv_build")
_DEFAULT = ("setuptools>=40.8.0", "wheel")
"""What pip takes if a source has no ``[build-system]``; wheel only before pip 24.1."""

_WITHOUT_WHEEL = Version("70.1")
"""The first setuptools that needs no wheel to build one."""

_KNOWN_HOOKS = frozenset({"version", "vcs"})
_LONGEST_SCRIPT = 1 << 20

_Asked = tuple[tuple[str, ...], str]
"""What a backend asks for, and why it may ask for more; empty if it does not."""


@dataclass(frozen=True, slots=True)
class BuildNeeds:
    """What a source distribution needs to be built.

    :param requires: the requirements that are known.
    :param remote: those that name a URL.
    :param is_setuptools: whether its backend is that of setuptools.
    :param unknown: why it may need more; empty if it does not.
    """

    requires: tuple[Requirement, ...]
    remote: tuple[Requirement, ...] = ()
    is_setuptools: bool = False
    unknown: str = ""

    def asked_later(self, setuptools: str) -> tuple[Requirement, ...]:
        """Return what the backend of a version of setuptools asks for besides."""
        old = self.is_setuptools and bool(setuptools) and Version(setuptools) < _WITHOUT_WHEEL
        return (Requirement("wheel"),) if old else ()


def read_needs(path: Path) -> BuildNeeds:
    """Read what a source distribution needs; raises :data:`~source.DAMAGE` if it cannot be read."""
    return find_needs(read_source(path))


def find_needs(files: SourceFiles) -> BuildNeeds:
    """Find what a source distribution with these files needs.

    :raises ValueError: if no pip can build it, since its ``[build-system]`` is wrong.
    """
    table = _read_project(files.pyproject)
    system = table.get("build-system")
    if system is None:
        system = {"requires": list(_DEFAULT)}
    requires = _texts(system.get("requires")) if isinstance(system, dict) else None
    if requires is None:
        raise ValueError("the [build-system] of its pyproject.toml has no list of requirements")
    backend = system.get("build-backend", _SETUPTOOLS[1])
    if "backend-path" in system:
        asked: _Asked = (), "its build backend is part of it"
    else:
        asked = _ask(backend, table, files)
    found = [*_parse(requires), *_parse(asked[0])]
    return BuildNeeds(
        tuple(each for each in found if not each.url),
        tuple(each for each in found if each.url),
        backend in _SETUPTOOLS and "backend-path" not in system,
        asked[1],
    )


def _read_project(content: bytes | None, name: str = "pyproject.toml") -> Mapping[str, Any]:
    try:
        return parse_toml((content or b"").decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"its {name} is not UTF-8") from error
    except ValueError as error:
        raise ValueError(f"its {name} cannot be read: {syntax_place(error)}") from error


def _texts(value: object) -> tuple[str, ...] | None:
    """Return a value if it is a list of texts, else None."""
    are_texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if are_texts and isinstance(value, list) else None


def _parse(texts: Iterable[str]) -> Iterator[Requirement]:
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement as error:
            raise ValueError(f"its build requirement {visible(text)!r} is not valid") from error


def _ask(backend: object, table: Mapping[str, Any], files: SourceFiles) -> _Asked:
    """Return what a backend asks for, as far as that is known."""
    if backend in _SETUPTOOLS:
        in_file, why = _ask_configuration(files.setup_cfg)
        in_script, instead = _ask_script(files.setup_py)
        return (*in_file, *in_script), why or instead
    if backend == "hatchling.build":
        return _ask_hatchling(table, files.hatch)
    if backend == "pdm.backend":
        runs = _table(table, "tool", "pdm", "build").get("run-setuptools")
        return ("setuptools>=40.8.0",) if runs else (), ""
    if backend in _NOTHING_MORE:
        return (), ""
    return (), f"its build backend {visible(str(backend))} may ask for more"


def _ask_configuration(content: bytes | None) -> _Asked:
    """Return ``setup_requires`` of a ``setup.cfg``."""
    parser = RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
    except (Error, ValueError):
        return (), "its setup.cfg cannot be read"
    value = parser.get("options", "setup_requires", fallback="")
    lines = value.splitlines() if "\n" in value else value.split(";")
    texts = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return _valid(texts, "setup.cfg")


def _ask_script(content: bytes | None) -> _Asked:
    """Return ``setup_requires`` of a ``setup.py`` if it is written out in the only place for it."""
    if content is None or b"setup_requires" not in content:
        return (), ""
    computed = "its setup.py computes setup_requires"
    if len(content) > _LONGEST_SCRIPT or content.count(b"setup_requires") > 1:
        return (), computed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), computed
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (key for call in calls for key in call.keywords if key.arg == "setup_requires")
    value = next((keyword.value for keyword in named), None)
    values = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    texts = [each.value for each in values if isinstance(each, ast.Constant)]
    plain = [text for text in texts if isinstance(text, str)]
    if len(plain) < len(values):
        return (), computed
    return _valid([line for text in plain for line in text.split("\n") if line.strip()], "setup.py")


def _valid(texts: Iterable[str], name: str) -> _Asked:
    """Return requirements; or that they are unknown, since setuptools may read old forms."""
    texts = tuple(texts)
    try:
        list(_parse(texts))
    except ValueError:
        return (), f"setup_requires in its {name} cannot be read"
    return texts, ""


def _ask_hatchling(table: Mapping[str, Any], own: bytes | None) -> _Asked:
    hatch = {**_table(table, "tool", "hatch"), **_read_project(own, "hatch.toml")}
    build = _table(hatch, "build")
    wheel = _table(build, "targets", "wheel")
    hooks = {**_table(build, "hooks"), **_table(wheel, "hooks")}
    texts: list[str] = []
    for place in (build, wheel, *hooks.values()):
        found = _texts(_table(place).get("dependencies", []))
        if found is None or "require-runtime-features" in _table(place):
            return (), "its [tool.hatch.build] may ask for more"
        texts += found
    unknown = sorted(map(visible, hooks.keys() - _KNOWN_HOOKS))
    why = f"its build hook {unknown[0]} may ask for more" if unknown else ""
    return tuple(texts), why


def _table(table: object, *keys: str) -> Mapping[str, Any]:
    """Return a nested table; empty if it does not exist."""
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table if isinstance(table, Mapping) else {}
