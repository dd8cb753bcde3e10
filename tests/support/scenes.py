"""The commands that write, each with something to do: what is there, and what is run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import wheeltarget
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.locks import TAG, lock_text
from tests.support.walk import repeatable
from tests.support.wheels import make_wheel

OTHER = "cp39-cp39-manylinux2014_x86_64"
OLD = b"old"


@dataclass(frozen=True)
class Scene:
    """What is run, and where.

    :param arguments: the arguments of ``wheeltarget``.
    :param outputs: what the run makes, each whole; relative to the folder.
    :param exit_codes: how a run ends well: one that has something to do, and one that has not.
    :param each_file: whether each file of an output is old or new for itself.
    :param is_taken_back: whether files are placed one by one, so that the next run takes some back
        if all processes are killed meanwhile.
    :param is_remembered: whether it is the same run only if all variables are the same.
    """

    arguments: Sequence[str]
    outputs: Sequence[str]
    exit_codes: Sequence[int] = (0,)
    each_file: bool = False
    is_remembered: bool = False
    is_taken_back: bool = False


Make = Callable[[Path, LocalIndex], Scene]


def _stock(folder: Path) -> tuple[Path, Path]:
    """Put two wheels into the index."""
    shelf = _shelf(folder)
    return make_wheel(shelf, "big", requires=["small"]), make_wheel(shelf, "small")


def _shelf(folder: Path) -> Path:
    """Return the folder that the index serves."""
    return folder.parent / "index"


def _resolving(folder: Path, index: LocalIndex) -> Scene:
    """Download for two targets: one replaces an older file, the other gets a folder."""
    _stock(folder)
    house = folder / "house" / TAG
    house.mkdir(parents=True)
    (house / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    (folder / "house" / "notes.txt").write_text("mine")
    (folder / "report.json").write_text("{}")
    arguments = [
        "download",
        "--cache-dir=pip-cache",
        *index.pip_args(),
        "--by-target",
        "-d",
        "house",
    ]
    arguments += ["--report", "report.json", f"big ; tags={TAG}", f"small ; tags={OTHER}"]
    return Scene(arguments, ("house", "report.json"), is_taken_back=True)


def _first_time(folder: Path, index: LocalIndex) -> Scene:
    """Download to a destination that does not exist yet, nor does the folder above it."""
    _stock(folder)
    arguments = ["download", "--no-cache-dir", *index.pip_args(), "-d", "new/house"]
    return Scene([*arguments, f"small ; tags={TAG}"], ("new",))


def _from_lock(folder: Path, index: LocalIndex) -> Scene:
    """Download what a lock names over an older file."""
    wheels = _stock(folder)
    (folder / "house").mkdir()
    (folder / "house" / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    (folder / "pylock.toml").write_text(lock_text(wheels, index.base))
    arguments = ["download", "-d", "house", "--report", "report.json", "-r", "pylock.toml"]
    return Scene(arguments, ("house", "report.json"), is_taken_back=True)


def _from_memory(folder: Path, index: LocalIndex) -> Scene:
    """Repeat a download of which files have been removed from the destination."""
    _stock(folder)
    index.page_headers = {"Cache-Control": "max-age=6000, public"}
    (folder / "requirements.txt").write_text(f"big  # tags={TAG}\nsmall  # tags={OTHER}\n")
    arguments = [
        "download",
        "--cache-dir=pip-cache",
        *index.pip_args(),
        "--by-target",
        "-d",
        "house",
    ]
    scene = Scene(
        [*arguments, "-r", "requirements.txt"], ("house",), is_remembered=True, is_taken_back=True
    )
    time.sleep(0.05)  # what has been changed just now is not remembered
    run_well(scene, folder)
    shutil.rmtree(folder / "house" / OTHER)
    (folder / "house" / TAG / "big-1.0-py3-none-any.whl").unlink()
    return scene


def _locking(folder: Path, index: LocalIndex) -> Scene:
    """Lock again for one target, and for the first time for another."""
    make_wheel(_shelf(folder), "small", "0.9")
    arguments = ["lock", "--no-cache-dir", *index.pip_args(), "-o", "locks", f"small ; tags={TAG}"]
    run_well(Scene(arguments, ("locks",)), folder)
    make_wheel(_shelf(folder), "small")
    return Scene([*arguments, f"small ; tags={OTHER}", "--upgrade"], ("locks",), is_taken_back=True)


def _merging(folder: Path, _: LocalIndex) -> Scene:
    """Join two wheelhouses with a third one that has an older file."""
    make_wheel(folder / "one", "small")
    make_wheel(folder / "two" / TAG, "big")
    (folder / "house").mkdir()
    (folder / "house" / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    return Scene(["merge", "one", "two", "-d", "house"], ("house",), is_taken_back=True)


def _archive(folder: Path, _: LocalIndex) -> Scene:
    """Bundle into an archive and a component list, both of which exist already."""
    lock_wheels([make_wheel(folder / "wheels", "small")], TAG, folder / "pylock.t.toml")
    (folder / "app.zip").write_bytes(OLD)
    (folder / "components.json").write_bytes(OLD)
    arguments = ["bundle", "-r", "pylock.t.toml", "--wheels", "wheels", "-o", "app.zip"]
    return Scene([*arguments, "--components", "components.json"], ("app.zip", "components.json"))


def _folder(folder: Path, _: LocalIndex) -> Scene:
    """Bundle into a folder that is empty."""
    lock_wheels([make_wheel(folder / "wheels", "small")], TAG, folder / "pylock.t.toml")
    (folder / "app").mkdir()
    arguments = ["bundle", "-r", "pylock.t.toml", "--wheels", "wheels", "-o", "app"]
    return Scene(arguments, ("app",), exit_codes=(0, 3))


def _fetched(folder: Path, index: LocalIndex) -> Scene:
    """Bundle wheels that have to be fetched first."""
    (folder / "pylock.toml").write_text(lock_text(_stock(folder), index.base))
    return Scene(["bundle", "-r", "pylock.toml", "-o", "app.zip"], ("app.zip",))


def _one_command(folder: Path, index: LocalIndex) -> Scene:
    """Bundle requirements, and change their lock."""
    make_wheel(_shelf(folder), "small")
    arguments = ["bundle", "--no-cache-dir", *index.pip_args(), "--tags", TAG, "small", "-o"]
    lock = ("--lock", "pylock.toml")
    run_well(Scene([*arguments, "app.zip", *lock], ("app.zip",)), folder)
    make_wheel(_shelf(folder), "more")
    return Scene([*arguments, "app.zip", *lock, "more"], ("app.zip", "pylock.toml"))


def _pack(folder: Path, index: LocalIndex, output: str) -> Scene:
    make_wheel(_shelf(folder), "small")
    arguments = ["pack", "--no-cache-dir", *index.pip_args(), "--tags", TAG, "--no-pip", "small"]
    run_well(Scene([*arguments, "-o", output], (output,)), folder)
    make_wheel(_shelf(folder), "more")
    return Scene([*arguments, "-o", output, "more"], (output,), is_taken_back=True)


def _packed_archive(folder: Path, index: LocalIndex) -> Scene:
    """Make an archive again, with more."""
    return _pack(folder, index, "mypack.tar.gz")


def _packed_folder(folder: Path, index: LocalIndex) -> Scene:
    """Make the folder of a pack again, with more."""
    return _pack(folder, index, "mypack")


def _pruning(folder: Path, _: LocalIndex) -> Scene:
    """Remove two wheels that no lock names."""
    lock_wheels([make_wheel(folder / "house", "small")], TAG, folder / "pylock.t.toml")
    for name in ("stray", "other"):
        make_wheel(folder / "house", name)
    return Scene(["prune", "house", "-r", "pylock.t.toml"], ("house",), each_file=True)


def _transferring(folder: Path, _: LocalIndex) -> Scene:
    """Copy what another machine lacks, over an older file."""
    wheels = [make_wheel(folder / "house", name) for name in ("small", "big", "more")]
    lock_wheels(wheels[:1], TAG, folder / "pylock.old.toml")
    lock_wheels(wheels, TAG, folder / "pylock.new.toml")
    (folder / "out").mkdir()
    (folder / "out" / wheels[1].name).write_bytes(OLD)
    arguments = ["prune", "house", "-r", "pylock.new.toml", "--transfer-since", "pylock.old.toml"]
    return Scene([*arguments, "--to", "out"], ("out",), each_file=True)


def _fixing(folder: Path, _: LocalIndex) -> Scene:
    """Correct two files."""
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"small ; tag={TAG}\n")
    return Scene(["validate", "--fix", "a.txt", "b.txt"], ("a.txt", "b.txt"), exit_codes=(1, 0))


SCENES: Mapping[str, Make] = {
    "download": _resolving,
    "first download": _first_time,
    "from a lock": _from_lock,
    "from memory": _from_memory,
    "lock": _locking,
    "merge": _merging,
    "bundle an archive": _archive,
    "bundle a folder": _folder,
    "bundle what is fetched": _fetched,
    "bundle requirements": _one_command,
    "pack an archive": _packed_archive,
    "pack a folder": _packed_folder,
    "prune": _pruning,
    "prune --to": _transferring,
    "validate --fix": _fixing,
}
"""Makes the scene in a folder, whose neighbour ``index`` is what the index serves, by name."""


def environment(folder: Path) -> dict[str, str]:
    """Return the variables by which all that is written lies below a folder."""
    return {
        "TMPDIR": str(folder / "temporary"),
        "WHEELTARGET_CACHE_DIR": str(folder / "cache"),
        "WHEELTARGET_STATE_DIR": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
        "XDG_CONFIG_DIRS": str(folder.parent / "config"),
        "HOME": str(folder.parent),
    }


def run_well(scene: Scene, folder: Path) -> None:
    """Run the command of a scene, which has to succeed."""
    result = wheeltarget(*scene.arguments, cwd=folder, variables=repeatable(**environment(folder)))
    assert result.exit_code in scene.exit_codes, result.stderr


def content(path: Path) -> object:
    """Return all that is in a file or below a folder."""
    if path.is_dir():
        return {each.name: content(each) for each in path.iterdir()}
    # What is new and what was there before is another matter each time.
    return path.read_bytes().replace(b'"new": true', b'"new": false') if path.exists() else None
