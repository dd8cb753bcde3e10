"""Make an index in the form of a recorded one, for use without a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.wheels import make_wheel, metadata_of

HOST = "files.invalid"
PLATFORMS = ("manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "win_amd64", "macosx_11_0_arm64")
PYTHONS = ("cp39", "cp310", "cp311", "cp312", "cp313")


def make(folder: Path, *, projects: int = 20, releases: int = 5) -> None:
    """Make projects that need each other, every third one with a wheel for each environment.

    :param folder: where to; nothing is done if it is there.
    :param projects: how many, ``made-0`` and so on; each needs the two of twice its number.
    :param releases: how many each has; the newest are what the others ask for.
    """
    if (folder / "pages").is_dir():
        return
    for number in range(projects):
        files = [
            _entry(folder, wheel)
            for release in range(releases)
            for wheel in _wheels(folder, number, release, projects)
        ]
        _write_page(folder, f"made-{number}", files)


def _wheels(folder: Path, number: int, release: int, projects: int) -> Iterator[Path]:
    needed = [each for each in (2 * number + 3, 2 * number + 4) if each < projects]
    tags = ["py3-none-any"]
    if number % 3 == 0:
        tags = [f"{python}-{python}-{each}" for python in PYTHONS for each in PLATFORMS]
    for tag in tags:
        yield make_wheel(
            folder / "files" / HOST / f"made-{number}",
            f"made-{number}",
            f"{release + 1}.0",
            tag=tag,
            requires=[f"made-{each}>={release + 1}" for each in needed],
            requires_python=">=3.6",
            files={f"made_{number}/data.txt": b"data " * (number + 1) * 2000},
        )


def make_deep(folder: Path, *, releases: int) -> None:
    """Make ``deep-app``, of which only the oldest release goes with the old ``deep-lib``.

    :param folder: where to.
    :param releases: how many ``deep-app`` has.
    """
    place = folder / "files" / HOST
    apps = [
        make_wheel(place, "deep-app", f"{number}.0", requires=[f"deep-lib>={min(number, 2)}"])
        for number in range(1, releases + 1)
    ]
    libs = [make_wheel(place, "deep-lib", version) for version in ("1.0", "2.0")]
    for name, wheels in ("deep-app", apps), ("deep-lib", libs):
        _write_page(folder, name, [_entry(folder, wheel) for wheel in wheels])


def _write_page(folder: Path, name: str, files: list[dict[str, Any]]) -> None:
    page = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
    place = folder / "pages" / f"{name}.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(page))


def _entry(folder: Path, wheel: Path) -> dict[str, Any]:
    metadata = metadata_of(wheel)
    wheel.with_name(wheel.name + ".metadata").write_bytes(metadata)
    return {
        "filename": wheel.name,
        "url": f"https://{HOST}/{wheel.relative_to(folder / 'files' / HOST).as_posix()}",
        "hashes": {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()},
        "requires-python": ">=3.6",
        "size": wheel.stat().st_size,
        "yanked": False,
        "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
    }
