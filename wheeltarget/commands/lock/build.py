"""What pip chose for one target into a lock of it; nothing here reads or writes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from wheeltarget.errors import LockError
from wheeltarget.lockfile.model import Lock, LockedFile, LockedPackage, to_pylock
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.checks import hash_hint
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.pylock import Pylock

_VARIABLES = ("implementation_name", "platform_machine", "sys_platform")
"""What an ``environments`` marker says of a target; its Python is in ``requires-python``."""

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+@")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a lock is made for, and of.

    :param label: what the target is called, as the user wrote it.
    :param target: the target.
    :param inputs: the annotated requirements, the constraints and the options that decide.
    :param folder: the folder that the lock goes to, as a whole path.
    """

    label: str
    target: Target
    inputs: tuple[str, ...]
    folder: Path


def make_lock(recipe: Recipe, files: Sequence[ChosenFile]) -> Lock:
    """Make the lock of what was chosen for a target.

    :param recipe: what for, and of what.
    :param files: what was chosen, each with its sha256.
    :raises LockError: where something has no hash that could be locked, or where the target would
        not take from the lock what was chosen.
    """
    needs: dict[str, set[str]] = {}
    for file in files:
        for parent in file.parents:
            needs.setdefault(parent or "", set()).add(file.name)
    target = recipe.target
    lock = Lock(
        target=recipe.label,
        tag=target.tags[0],
        python=target.environment["python_full_version"],
        inputs=tuple(map(_clean, recipe.inputs)),
        packages=tuple(_package(file, needs, recipe) for file in files),
        environment=_environment(target),
        requires_python=_python(target),
    )
    _prove(to_pylock(lock), lock, target)
    return lock


def _clean(text: str) -> str:
    """Take the credentials out of a text, and what no file could hold."""
    return _CREDENTIALS.sub("", text).encode("utf-8", "replace").decode()


def _package(file: ChosenFile, needs: Mapping[str, set[str]], recipe: Recipe) -> LockedPackage:
    from packaging.version import Version

    sha256 = dict(file.hashes).get("sha256")
    if sha256 is None:
        raise _unlockable(file, recipe.label)
    local = urlsplit(file.url).scheme == "file"
    return LockedPackage(
        name=file.name,
        version=str(Version(file.version)),
        file=LockedFile(
            filename=file.path.name,
            hashes=(("sha256", sha256),),
            url="" if local else file.url,
            path=_path(file.url, recipe.folder) if local else "",
            size=file.size,
        ),
        direct=file.direct,
        index="" if file.direct or local else _index(file),
        requires_python=_requires_python(file.requires_python, recipe.target),
        dependencies=tuple(needs.get(file.name, ())),
        subdirectory=file.subdirectory if file.direct else "",
    )


def _unlockable(file: ChosenFile, label: str) -> LockError:
    """Say why a file has no hash: it is a checkout or a folder, which can be otherwise tomorrow."""
    checkout = "+" in urlsplit(file.url).scheme
    what = "a checkout" if checkout else "a folder"
    return LockError(
        f"{file.name} for {label} is {what}, which has no hash to be locked",
        hash_hint(file.name, checkout=checkout),
    )


def _path(url: str, folder: Path) -> str:
    """Say where a file on this machine is, from the folder of the lock if that is possible."""
    path = url2pathname(urlsplit(url).path)
    with contextlib.suppress(ValueError):  # it is on another drive
        path = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    return path.replace(os.sep, "/")


def _index(file: ChosenFile) -> str:
    """Give the index that has a project's page, or an empty string where it is another page."""
    from packaging.utils import canonicalize_name

    page = urlsplit(file.index or "")._replace(query="", fragment="").geturl().rstrip("/")
    base, _, last = page.rpartition("/")
    return f"{base}/" if base and canonicalize_name(unquote(last)) == file.name else ""


def _requires_python(text: str | None, target: Target) -> str:
    """Give what a file says of its Pythons, where that is said as the standard has it."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        pythons = SpecifierSet(text or "")
    except InvalidSpecifier:
        return ""  # from before PEP 440
    # pip can be told to take no notice of it, and an installer must not be held to it then.
    return str(pythons) if pythons.contains(_full(target), prereleases=True) else ""


def _full(target: Target) -> str:
    return target.environment["python_full_version"].removesuffix("+")


def _python(target: Target) -> str:
    """Say which Pythons a target can be: every patch release of its minor one."""
    from packaging.version import Version

    major, minor = target.python.split(".")[:2]
    if Version(_full(target)).is_prerelease:
        return f"<{major}.{int(minor) + 1},>={major}.{minor}.dev0"
    return f"=={major}.{minor}.*"


def _environment(target: Target) -> str:
    """Write what is known of a target's machine as a marker."""
    known = target.environment
    return " and ".join(
        f'{name} == "{known[name]}"'
        for name in _VARIABLES
        if known.get(name) and '"' not in known[name]
    )


def _prove(pylock: Pylock, lock: Lock, target: Target) -> None:
    """Select from a lock for its target, as an installer there does, and compare."""
    from packaging.markers import default_environment
    from packaging.pylock import PylockSelectError
    from packaging.tags import Tag

    # Of a variable that nobody knows nothing may depend here, so any value will do.
    unknown = dict.fromkeys(default_environment(), "")
    environment = {**unknown, **target.environment, "python_full_version": _full(target)}
    tags = [Tag(*tag.split("-")) for tag in target.tags]
    try:
        selected = pylock.select(environment=environment, tags=tags)  # type: ignore[arg-type]
        taken = {str(package.name): getattr(file, "name", None) for package, file in selected}
    except PylockSelectError as error:
        raise LockError(f"{lock.target} would not take its own lock: {error}") from error
    named = {
        package.name: None if package.direct else package.file.filename for package in lock.packages
    }
    if taken != named:
        raise LockError(f"{lock.target} would take other files than its own lock names")
