"""Leave to the layers below a bundle what they have: their locks say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wheeltarget.errors import BundleError, UsageError
from wheeltarget.lockfile.model import Lock, LockedPackage

Layers = Sequence[tuple[str, Lock]]
"""The name and the content of the lock of each layer."""


@dataclass(frozen=True, slots=True)
class InLayer:
    """A project that a layer below the bundle has; the layer is named by its lock."""

    project: str
    version: str
    layer: str


def leave_to_layers(name: str, lock: Lock, layers: Layers) -> tuple[Lock, tuple[InLayer, ...]]:
    """Return a lock without what the layers have, and what that is.

    :param name: the name of the lock, for messages.
    :raises UsageError: if a layer is for other tags.
    :raises BundleError: if two of them have different files of a project; it names all.
    """
    faults: list[str] = []
    known: dict[str, tuple[LockedPackage, str]] = {}
    for layer, below in layers:
        if below.tag != lock.tag:
            message = f"{name} is for {lock.tag}, and {layer} is for {below.tag}"
            raise UsageError(message, "a layer has the target of what is above it: lock it again")
        for package in below.packages:
            other = known.setdefault(package.name, (package, layer))
            faults += _compare(other, (package, layer))
    for package in lock.packages:
        if package.name in known:
            faults += _compare(known[package.name], (package, name))
    if faults:
        message = f"the locks disagree: {'; '.join(faults)}"
        # Locking keeps the versions that a lock has.
        hint = "copy the lock of the layer, and name the copy with --lock; or leave --without out"
        raise BundleError(message, hint)
    left = tuple(
        InLayer(package.name, package.version, known[package.name][1])
        for package in lock.packages
        if package.name in known
    )
    packages = tuple(package for package in lock.packages if package.name not in known)
    return replace(lock, packages=packages), left


def note_layers(left: Iterable[InLayer], layers: Layers) -> Iterator[str]:
    """Yield a note for each layer: what is left to it, or that this is nothing."""
    found = list(left)
    for layer, _ in layers:
        names = [f"{each.project} {each.version}" for each in found if each.layer == layer]
        if names:
            yield f"left to the layer of {layer}: {', '.join(names)}"
        else:
            yield f"the layer of {layer} has nothing that this bundle needs"


def _compare(one: tuple[LockedPackage, str], other: tuple[LockedPackage, str]) -> Iterator[str]:
    """Yield what is wrong if two locks have different files of a project."""
    (first, where), (second, elsewhere) = one, other
    if first.sha256.lower() != second.sha256.lower():
        same = first.filename == second.filename
        what = f"{second.filename} with another hash" if same else second.filename
        yield f"{where} has {first.filename}, but {elsewhere} has {what}"
