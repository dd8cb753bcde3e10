"""Make the lock of one target from what pip chose; without reading or writing files."""

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
from wheeltarget.resolver.plan import hash_hint
from wheeltarget.targets.target import Target

if TYPE_CHECKING:
    from packaging.pylock import Pylock

_VARIABLES = ("implementation_name", "platform_machine", "sys_platform")
"""The variables in an ``environments`` marker; Python is in ``requires-python``."""

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+@")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a lock is made for, and its inputs.

    :param label: the label of the target, as the user wrote it.
    :param target: the target.
    :param inputs: the annotated requirements, the constraints and the options that affect them.
    :param folder: the absolute path of the lock's folder.
    """

    label: str
    target: Target
    inputs: tuple[str, ...]
    folder: Path


def make_lock(recipe: Recipe, files: Sequence[ChosenFile]) -> Lock:
    """Make the lock of the files chosen for a target.

    :param recipe: the target, and the inputs.
    :param files: the chosen files, each with its sha256.
    :raises LockError: if a file has no hash, or the target would not select these files from the
        lock.
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
    _verify(to_pylock(lock), lock, target)
    return lock


def _clean(text: str) -> str:
    """Remove credentials and what cannot be encoded from a text."""
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
    """Return the error for a checkout or a folder, which has no hash because it can change."""
    checkout = "+" in urlsplit(file.url).scheme
    what = "a checkout" if checkout else "a local folder"
    return LockError(
        f"cannot lock {file.name} for {label}: it is {what}, which has no hash",
        hash_hint(file.name, checkout=checkout),
    )


def _path(url: str, folder: Path) -> str:
    """Return the path of a local file, relative to the folder of the lock if possible."""
    path = url2pathname(urlsplit(url).path)
    with contextlib.suppress(ValueError):  # it is on another drive
        path = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    return path.replace(os.sep, "/")


def _index(file: ChosenFile) -> str:
    """Return the index that a project's page belongs to; an empty string if it is another page."""
    from packaging.utils import canonicalize_name

    page = urlsplit(file.index or "")._replace(query="", fragment="").geturl().rstrip("/")
    base, _, last = page.rpartition("/")
    return f"{base}/" if base and canonicalize_name(unquote(last)) == file.name else ""


def _requires_python(text: str | None, target: Target) -> str:
    """Return a file's Requires-Python if it is valid and allows the target."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        pythons = SpecifierSet(text or "")
    except InvalidSpecifier:
        return ""  # from before PEP 440
    # With --ignore-requires-python the target may not match, and an installer would refuse it.
    return str(pythons) if pythons.contains(_full(target), prereleases=True) else ""


def _full(target: Target) -> str:
    return target.environment["python_full_version"].removesuffix("+")


def _python(target: Target) -> str:
    """Return the Pythons of a target: every patch release of its minor version."""
    from packaging.version import Version

    major, minor = target.python.split(".")[:2]
    if Version(_full(target)).is_prerelease:
        return f"<{major}.{int(minor) + 1},>={major}.{minor}.dev0"
    return f"=={major}.{minor}.*"


def _environment(target: Target) -> str:
    """Return the marker of a target's machine."""
    known = target.environment
    return " and ".join(
        f'{name} == "{known[name]}"'
        for name in _VARIABLES
        if known.get(name) and '"' not in known[name]
    )


def _verify(pylock: Pylock, lock: Lock, target: Target) -> None:
    """Check that an installer on the target selects exactly the files of its lock."""
    from packaging.markers import default_environment
    from packaging.pylock import PylockSelectError
    from packaging.tags import Tag

    # No marker in a lock depends on an unknown variable, so any value will do.
    unknown = dict.fromkeys(default_environment(), "")
    environment = {**unknown, **target.environment, "python_full_version": _full(target)}
    tags = [Tag(*tag.split("-")) for tag in target.tags]
    try:
        selected = pylock.select(environment=environment, tags=tags)  # type: ignore[arg-type]
        taken = {str(package.name): getattr(file, "name", None) for package, file in selected}
    except PylockSelectError as error:
        raise LockError(f"the lock for {lock.target} cannot be installed there: {error}") from error
    named = {
        package.name: None if package.direct else package.file.filename for package in lock.packages
    }
    if taken != named:
        raise LockError(f"an installer on {lock.target} would not select the files of its lock")
