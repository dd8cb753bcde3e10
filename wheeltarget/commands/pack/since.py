"""What is new in a pack, compared with what another machine has already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.commands.check.locks import read_selections
from wheeltarget.commands.invocation import Invocation
from wheeltarget.commands.pack.layout import EARLIER, MANIFEST, REMOVED, WHEELS, read_manifest
from wheeltarget.commands.pack.read import Contents, read_contents
from wheeltarget.commands.pack.write import archive_ending
from wheeltarget.errors import PackError, UsageError
from wheeltarget.pip_config.options import is_lock
from wheeltarget.utils.files import LOCK_FILE, read_regular


@dataclass(frozen=True, slots=True)
class Earlier:
    """What another machine has.

    :param files: the sha256 of each file, by its path in a pack; empty if two packs contradict.
    :param left: files that may be there, too, although its pack does not name them.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is left out of a pack, and what of the earlier pack does not belong any more.

    :param kept: the sha256 of each file that comes from the earlier pack.
    :param removed: the sha256 of each file that does not belong to this pack.
    """

    kept: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)


def read_earlier(
    names: Iterable[str],
    tags: tuple[str, ...],
    targets: tuple[str, ...],
    invocation: Invocation,
) -> Earlier:
    """Read packs and locks that name what another machine has; its wheels are in ``wheels``."""
    files: dict[str, str] = {}
    left: dict[str, str] = {}
    for name in names:
        if is_lock(name):
            selections = read_selections([name], tags, targets, invocation)
            found = {f"{WHEELS}/{f.filename}": f.sha256 for each in selections for f in each.files}
        else:
            found, removed = _read_pack(Path(name))
            left |= removed
        for path, sha256 in found.items():
            if files.setdefault(path, sha256) != sha256:
                files[path] = ""  # it is unknown which one is there
    return Earlier(files, left)


def _read_pack(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of a pack, by its manifest, and those that are left of packs before it."""
    contents = _read_manifests(path)
    if MANIFEST not in contents.texts:
        raise UsageError(
            f"{path} is not a pack: it has no {MANIFEST}",
            "name an earlier pack, or a lock such as pylock.NAME.toml, with --since",
        )

    def read(name: str) -> dict[str, str]:
        text = contents.texts.get(name, b"")
        return read_manifest(text, lambda what: _refuse(path, name, what))

    return read(MANIFEST), read(REMOVED)


def _read_manifests(path: Path) -> Contents:
    if archive_ending(path) or not path.is_dir():
        return read_contents(path, lambda _code, file, what: _refuse(path, file, what))
    contents = Contents()
    for name in (MANIFEST, REMOVED):
        try:
            contents.texts[name] = read_regular(path / name, LOCK_FILE)
        except FileNotFoundError:
            continue
        except OSError as error:
            _refuse(path, name, f"it cannot be read: {error.strerror}")
    return contents


def _refuse(path: Path, name: str, what: str) -> None:
    place = f"{path}/{name}" if name else path
    raise PackError(f"{place}: {what}", f"check it first: wheeltarget pack verify {path}")


def find_difference(files: Sequence[BundledFile], earlier: Earlier) -> Difference:
    """Find what another machine has of a pack, and what it has that is not in the pack.

    :param files: all files of the pack.
    """
    kept = {
        file.name: file.sha256
        for file in files
        if file.name.startswith(f"{WHEELS}/") and earlier.files.get(file.name) == file.sha256
    }
    own = {*(file.name for file in files), MANIFEST, EARLIER, REMOVED}
    others = {**earlier.left, **earlier.files}
    return Difference(kept, {n: sha256 for n, sha256 in others.items() if n not in own and sha256})
