"""Locks of wheels in a folder, and of projects without files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tests.support.locking import NEW
from wheeltarget.lockfile.model import Lock, LockedPackage, write
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.names import known_systems


def lock_wheels(
    wheels: Sequence[Path],
    target: str,
    path: Path,
    *,
    needs: Mapping[str, tuple[str, ...]] | None = None,
) -> Path:
    """Write the lock of some wheels, or sources.

    :param wheels: the files, each of another project.
    :param target: the target's label, a tag or a name.
    :param path: where the lock goes.
    :param needs: the dependencies of each project that has some.
    """
    found = look_up("target" if "python" in target else "tags", target, "")
    assert found is not None
    packages = []
    for wheel in wheels:
        is_wheel = wheel.suffix == ".whl"
        read = parse_wheel_filename if is_wheel else parse_sdist_filename
        name, version = read(wheel.name)[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        package = LockedPackage(
            str(name),
            str(version),
            wheel.name,
            digest,
            url=f"https://example.invalid/{wheel.name}",
            size=wheel.stat().st_size,
            dependencies=(needs or {}).get(str(name), ()),
        )
        packages.append(package)
    lock = Lock(target, found.tags[0], found.python, ("lib",), tuple(packages))
    path.write_text(write(lock), "utf-8")
    return path


def lock_of(*pins: tuple[str, str, str]) -> Lock:
    """Return a lock of projects, each with its version and its sha256."""
    packages = (
        LockedPackage(name, version, f"{name}-{version}-py3-none-any.whl", value, "https://h/x")
        for name, version, value in pins
    )
    return Lock("box", NEW, "3.12.1", ("b", "c"), tuple(packages))


def catalogue_names() -> list[str]:
    """Return the name of every target of the catalogue."""
    return [each.name for system in known_systems() for each in system.targets()]
