"""Make packs for other machines at test time, and a pip that a pack can hold."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from wheeltarget.commands.pack.layout import (
    EARLIER,
    MANIFEST,
    PACK,
    Pack,
    PackTarget,
    facts_of,
    manifest_text,
)
from wheeltarget.commands.pack.scripts import script_files
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.target import Target


def pack_target(name: str, target: Target | None = None, *, pip: str = "") -> PackTarget:
    """Describe a target of a pack.

    :param name: its name; a tag if the target is not given.
    :param pip: the path of its pip in the pack.
    """
    target = target or look_up_tag(name)
    return PackTarget(name, name, target.tags[0], facts_of(target), pip)


def write_pack(
    pack: Path,
    targets: Sequence[PackTarget],
    wheels: Mapping[str, Sequence[Path]],
    *,
    others: Sequence[Path] = (),
) -> Path:
    """Write a pack with what its scripts read: no locks and no index.

    :param pack: its folder, which is made.
    :param targets: its targets.
    :param wheels: the wheels of each target by its name, whose requirements name them all.
    :param others: more files for the folder ``wheels``, such as the pips.
    """
    for folder in ("wheels", "requirements"):
        pack.joinpath(folder).mkdir(parents=True)
    for wheel in {*others, *(wheel for some in wheels.values() for wheel in some)}:
        pack.joinpath("wheels", wheel.name).write_bytes(wheel.read_bytes())
    for target in targets:
        lines = [_requirement(wheel) for wheel in wheels[target.name]]
        pack.joinpath(target.requirements).write_text("".join(lines), "utf-8")
    pack.joinpath(PACK).write_text(Pack(tuple(targets), ()).as_text(), "utf-8")
    for name, content in script_files(targets).items():
        pack.joinpath(name).write_bytes(content)
    write_manifest(pack)
    return pack


def write_manifest(pack: Path) -> None:
    """Write the manifest of what is in the folder of a pack."""
    manifest = pack / MANIFEST
    manifest.unlink(missing_ok=True)
    paths = [path for path in pack.rglob("*") if path.is_file()]
    hashes = {path.relative_to(pack).as_posix(): digest(path) for path in paths}
    manifest.write_text(manifest_text(hashes), "utf-8")


def take_out(pack: Path, *names: str) -> None:
    """Make a pack a difference: these files come from an earlier pack."""
    lines = {name: digest(pack / name) for name in names}
    for name in names:
        pack.joinpath(name).unlink()
    pack.joinpath(EARLIER).write_text(manifest_text(lines), "utf-8")


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def pip_wheel(folder: Path) -> Path:
    """Write the running pip as a wheel, which can be started from there, but not installed."""
    distribution = metadata.distribution("pip")
    path = folder / f"pip-{distribution.version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in distribution.files or ():
            is_compiled = file.suffix == ".pyc" or "__pycache__" in file.parts
            if file.parts[0] == "pip" and not is_compiled:
                archive.write(str(file.locate()), file.as_posix())
    return path


def _requirement(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{digest(wheel)}\n"
