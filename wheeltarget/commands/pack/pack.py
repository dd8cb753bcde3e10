"""The command ``pack``: one folder or archive with all that machines without a network need.

It resolves, fetches, checks and writes in one run; see the module ``layout`` for what is in a pack.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Container, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile, source_date
from wheeltarget.commands.bundle.wheels import check_wheels
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.lock.files import requirements_text
from wheeltarget.commands.own_pip import note_old_pips
from wheeltarget.commands.pack.index import IndexedFile, index_pages
from wheeltarget.commands.pack.layout import (
    EARLIER,
    MANIFEST,
    PACK,
    REMOVED,
    WHEELS,
    Pack,
    PackTarget,
    facts_of,
    manifest_text,
)
from wheeltarget.commands.pack.resolve import (
    Found,
    SourceRequest,
    fetch,
    find_locks,
    in_pack,
    packed_files,
)
from wheeltarget.commands.pack.scripts import script_files
from wheeltarget.commands.pack.since import Difference, find_difference, read_earlier
from wheeltarget.commands.pack.tools import Tools, fetch_for_building, fetch_tools
from wheeltarget.commands.pack.write import require_place, take_back, write_pack
from wheeltarget.errors import PackError, UsageError
from wheeltarget.lockfile.model import write
from wheeltarget.staging.atomic import remove_leftovers, temporary_folder
from wheeltarget.staging.stage import interruptible
from wheeltarget.targets.target import Target
from wheeltarget.utils.progress import reported
from wheeltarget.wheelhouse.provenance import beside_of
from wheeltarget.wheelhouse.wheel import read_wheel

SCHEMA = 1
"""The version of :meth:`PackOutcome.as_dict`."""

_PROGRAMS = (".sh",)


@dataclass(frozen=True, slots=True)
class PackRequest(SourceRequest):
    """The arguments of ``wheeltarget pack``.

    :param output: the pack: an archive if the name ends in ``.zip``, ``.tar.gz`` or ``.tgz``, else
        a folder.
    :param since: packs, or locks, that name what the other machine has already.
    :param with_pip: whether to add a pip for each target.
    """

    _: KW_ONLY
    output: Path
    since: tuple[str, ...] = ()
    with_pip: bool = True


@dataclass(frozen=True, slots=True)
class PackedTarget:
    """A target of a pack that was made, and the number of its projects."""

    label: str
    name: str
    projects: int
    pip: str


@dataclass(frozen=True, slots=True)
class PackOutcome:
    """The result.

    :param files: the names of the wheels and sources in the pack.
    :param kept: the names of those that are left out, as the other machine has them.
    :param removed: the paths of files of the earlier pack that do not belong to this one.
    :param size: the size of all files in the pack, in bytes.
    :param manifest: the sha256 of the manifest, to compare on the other machine.
    :param unchanged: whether everything was there already, and nothing was written.
    """

    output: Path
    targets: tuple[PackedTarget, ...]
    files: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    size: int
    manifest: str
    notes: tuple[str, ...]
    unchanged: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "schema": SCHEMA,
            "output": str(self.output),
            "targets": [asdict(target) for target in self.targets],
            "files": list(self.files),
            "kept": list(self.kept),
            "removed": list(self.removed),
            "size": self.size,
            "manifest": self.manifest,
            "unchanged": self.unchanged,
            "notes": list(self.notes),
        }


def pack(request: PackRequest, invocation: Invocation | None = None) -> PackOutcome:
    """Make a pack of requirements, or of what locks name.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: what is in the pack.
    :raises WheeltargetError: if this fails; what was there before is unchanged.
    """
    invocation = invocation or read_invocation(request.arguments, request.environment)
    # What does not depend on the index is checked before it is asked.
    moment = source_date(invocation.environment)
    remove_leftovers()
    take_back(request.output)
    require_place(request.output)
    for name in request.since:
        if os.path.realpath(name) == os.path.realpath(request.output):
            message = f"{name} is the earlier pack, and would be replaced by what is new"
            raise UsageError(message, "name another place with --output, and keep the earlier pack")
    named = (request.tags, request.targets)
    earlier = read_earlier(request.since, *named, invocation) if request.since else None
    with interruptible() as interrupts, temporary_folder("pack") as home:
        found = find_locks(request, invocation, home / "locks")
        _require_files(found)
        locks = [home / "locks" / f"pylock.{each.name}.toml" for each in found.sources]
        folder = home / "files"
        fetch(request, invocation, locks, folder)
        built = fetch_for_building(found, invocation, request, folder, home)
        tools = Tools()
        if request.with_pip:
            tools = fetch_tools(found, invocation, request.processes, folder, home)
        described = _describe(found, (built, tools), folder)
        old_pips = note_old_pips(*_names_by_target(found, described))
        made = _Maker(home)
        flaws = _add_files(made, described, found)
        manifest = manifest_text({file.name: file.sha256 for file in made.files})
        difference = find_difference(made.files, earlier) if earlier else Difference()
        made.add(MANIFEST, manifest.encode())
        if earlier is not None:
            made.add(EARLIER, manifest_text(difference.kept).encode())
            made.add(REMOVED, manifest_text(difference.removed).encode())
        files = made.without(difference.kept)
        changed = write_pack(request.output, files, moment, begin=interrupts.hold)
    targets = (
        PackedTarget(target.label, target.name, len(source.lock.packages), target.pip)
        for target, source in zip(described.targets, found.sources, strict=True)
    )
    return PackOutcome(
        request.output,
        tuple(targets),
        tuple(file.name for file in described.files if file.path not in difference.kept),
        tuple(file.name for file in described.files if file.path in difference.kept),
        tuple(sorted(difference.removed)),
        sum(file.size for file in files),
        hashlib.sha256(manifest.encode()).hexdigest(),
        (*found.notes, *built.notes, *flaws, *old_pips),
        unchanged=not changed,
    )


def _describe(found: Found, more: Sequence[Tools], folder: Path) -> Pack:
    """Return what ``pack.json`` has.

    :param folder: has the files.
    """
    files = {file.name: file for file in packed_files(found.sources, folder)}
    for tool in (file for tools in more for file in tools.files):
        known = files.get(tool.name, tool)
        files[tool.name] = replace(known, targets=tuple(sorted({*known.targets, *tool.targets})))
    pips = {t: f"{WHEELS}/{name}" for tools in more for t, name in tools.pips.items()}
    targets = (
        PackTarget(
            each.name,
            each.lock.target,
            each.target.tags[0],
            facts_of(each.target),
            pips.get(each.name, ""),
        )
        for each in found.sources
    )
    return Pack(tuple(targets), tuple(files[name] for name in sorted(files)))


def _names_by_target(
    found: Found, pack: Pack
) -> tuple[list[tuple[Target | None, str]], list[list[str]]]:
    """Return each target with its label, and the names of the files of each."""
    targets: list[tuple[Target | None, str]] = [(s.target, s.lock.target) for s in found.sources]
    names = [[f.name for f in pack.files if s.name in f.targets] for s in found.sources]
    return targets, names


def _require_files(found: Found) -> None:
    if not any(source.lock.packages for source in found.sources):
        message = "nothing would be in the pack: no project is required, or all are left out"
        raise PackError(message, "name requirements, or leave fewer projects out")


class _Maker:
    """Collects the files of a pack."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.files: list[BundledFile] = []
        (home / "made").mkdir()

    def add(self, name: str, data: bytes) -> str:
        """Add a file with this content, and return its sha256."""
        path = self.home / "made" / str(len(self.files))
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        self.add_file(name, path, len(data), digest)
        return digest

    def add_file(self, name: str, path: Path, size: int, sha256: str) -> None:
        """Add a file that exists."""
        executable = name.endswith(_PROGRAMS)
        self.files.append(BundledFile(name, path, "", size, sha256, executable))

    def without(self, names: Container[str]) -> list[BundledFile]:
        """Return the files so far but those of some names, sorted by name."""
        files = (file for file in self.files if file.name not in names)
        return sorted(files, key=lambda file: file.name)


def _add_files(made: _Maker, pack: Pack, found: Found) -> tuple[str, ...]:
    """Add all files of a pack but the manifest; return notes on flaws of the wheels."""
    folder = made.home / "files"
    wheels = [folder / file.name for file in pack.files if file.name.endswith(".whl")]
    flaws = tuple(check_wheels(wheels))
    indexed = []
    packages = [package for source in found.sources for package in source.lock.packages]
    requires = {each.filename: each.requires_python for each in packages}
    for file in reported(pack.files, "Reading", "files"):
        path = folder / file.name
        made.add_file(file.path, path, file.size, file.sha256)
        if (beside := beside_of(path)).is_file():
            made.add(beside_of(Path(file.path)).as_posix(), beside.read_bytes())
        if file.name.endswith(".whl"):
            metadata = made.add(f"{file.path}.metadata", _metadata(path))
            indexed.append(IndexedFile(file, read_wheel(path).requires_python, metadata))
        else:
            indexed.append(IndexedFile(file, requires.get(file.name, "")))
    for name, page in index_pages(indexed).items():
        made.add(name, page)
    for target, source in zip(pack.targets, found.sources, strict=True):
        lock = in_pack(source.lock)
        made.add(target.lock, write(lock).encode())
        made.add(
            target.requirements, _requirements(requirements_text(lock, _clause(target), folder))
        )
    made.add(PACK, pack.as_text().encode())
    for name, script in script_files(pack.targets).items():
        made.add(name, script)
    return flaws


def _metadata(wheel: Path) -> bytes:
    """Return the core metadata of a wheel, which was checked, as they are."""
    with zipfile.ZipFile(wheel) as archive:
        inner = (name for name in archive.namelist() if name.count("/") == 1)
        return archive.read(next(n for n in inner if n.endswith(".dist-info/METADATA")))


def _clause(target: PackTarget) -> str:
    key = "tags" if target.label == target.tag else "target"
    return f"{key}={' '.join(target.label.split())}"


def _requirements(text: str) -> bytes:
    """Return requirements with where their files are, which pip looks for beside the file."""
    first, second, rest = text.split("\n", 2)
    where = f"--no-index\n--find-links ../{WHEELS}\n"
    return f"{first}\n{second}\n{where}{rest}".encode()
