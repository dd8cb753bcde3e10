"""The verb ``bundle``: the wheels of a lock, unpacked into what is deployed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget import locks
from wheeltarget.bundle_files import source_date, write_archive, write_folder
from wheeltarget.bundle_plan import ProjectSize, merge_files, sizes
from wheeltarget.drafts import open_draft
from wheeltarget.errors import BundleError, TargetError, UsageError
from wheeltarget.includes import included_files
from wheeltarget.unpacking import BundledFile, Layout, unpack
from wheeltarget.wheel_file import Flaw, read_wheel

if TYPE_CHECKING:
    from wheeltarget.locks import Lock, LockedPackage

LAYOUTS = ("flat", "lambda", "lambda-layer")
"""What a bundle can look like."""

_HARMLESS = frozenset({"WC105", "WC111", "WC113", "WC114", "WC117"})
"""Flaws of a wheel with which it can be unpacked all the same, as pip does."""

_LAUNCHERS = {"win32": "win-ia32", "win_amd64": "win-amd64", "win_arm64": "win-arm64"}
_FOLDING = ("win", "macosx", "ios")
_LAMBDA = "aws-lambda"


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """What a person asks of ``wheeltarget bundle``.

    :param lock: the lock, which names the target.
    :param output: where the bundle goes: an archive where it ends in ``.zip``, else a folder.
    :param layout: one of :data:`LAYOUTS`.
    :param include: files and folders of one's own.
    :param wheels: folders that have the wheels; without any, they are fetched.
    :param scripts: whether scripts are made, too.
    :param compressed: whether the files of an archive are compressed.
    :param components: where to write the component list, or None.
    :param environment: the environment's variables.
    """

    lock: str
    output: Path
    layout: str = LAYOUTS[0]
    include: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    scripts: bool = False
    compressed: bool = True
    components: Path | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BundleOutcome:
    """What came of it.

    :param output: where the bundle is.
    :param target: the target's label.
    :param projects: how large each project is, the largest first.
    :param limit: how many bytes the service takes unpacked, or None where that is not known.
    :param notes: what somebody should know of it, one sentence each.
    """

    output: Path
    target: str
    projects: tuple[ProjectSize, ...]
    limit: int | None
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Give the size of all files together, in bytes."""
        return sum(project.size for project in self.projects)


def bundle(request: BundleRequest) -> BundleOutcome:
    """Make a bundle of the wheels of a lock.

    :param request: what is asked for.
    :returns: what is in it.
    :raises WheeltargetError: where that cannot be done; nothing is written then.
    """
    _require("installer", "a bundle needs PyPA's installer")
    if request.components is not None:
        _require("cyclonedx", "a component list needs cyclonedx-python-lib")
    environment = os.environ if request.environment is None else request.environment
    moment = source_date(environment)
    lock = _read_lock(request.lock)
    layout = _layout(request, lock.tag)
    with (
        tempfile.TemporaryDirectory(prefix="wheeltarget-bundle-") as name,
        open_draft(request.components) if request.components else nullcontext() as keep_list,
    ):
        wheels = tuple(_wheels(lock, request, Path(name, "wheels")))
        notes = tuple(_check_wheels(wheels))
        files = [
            file
            for number, (package, path) in enumerate(wheels)
            for file in _unpack(path, package, layout, Path(name, "unpacked", str(number)))
        ]
        files += (file for text in request.include for file in included_files(text, layout.site))
        folds_case = lock.tag.rpartition("-")[2].startswith(_FOLDING)
        merged = merge_files(files, folds_case=folds_case)
        outcome = BundleOutcome(
            request.output, lock.target, sizes(merged, lock.versions), _limit(request, lock), notes
        )
        _refuse_too_large(outcome)
        components = _list_components(lock, wheels, moment) if keep_list else ""
        _write(request, merged, moment)
        if keep_list:
            keep_list(components)
    return outcome


def _require(module: str, what: str) -> None:
    """Say how to get what does not come with wheeltarget."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(
            f"{what}, which is not here", "install it with pip install 'wheeltarget[bundle]'"
        )


def _read_lock(name: str) -> Lock:
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {name}: {why}", "name a lock of wheeltarget") from error
    return locks.read(text, name)


def _layout(request: BundleRequest, tag: str) -> Layout:
    """Say where things go."""
    site = "python/" if request.layout == "lambda-layer" else ""
    launcher = _LAUNCHERS.get(tag.rpartition("-")[2], "posix")
    return Layout(site, "bin/" if request.scripts else "", launcher)


def _wheels(
    lock: Lock, request: BundleRequest, fetched: Path
) -> Iterator[tuple[LockedPackage, Path]]:
    """Give the wheel of every project, from the folders or from where the lock says."""
    sources = [package.file.filename for package in lock.packages if not package.file.is_wheel]
    if sources:
        raise BundleError(
            f"{', '.join(sources)} would have to be built on the target",
            "a bundle is made of wheels: lock with --build-pure, or leave it out",
        )
    folders = request.wheels
    if not folders:
        folders = (str(fetched),)
        _fetch(request.lock, fetched)
    missing = []
    for package in lock.packages:
        path = _find(package, folders)
        if path is None:
            missing.append(package.file.filename)
        else:
            yield package, path
    if missing:
        raise BundleError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in "
            f"{', '.join(folders)}, or not what the lock says",
            "leave --wheels out to fetch what the lock names",
        )


def _find(package: LockedPackage, folders: Sequence[str]) -> Path | None:
    """Find a wheel with the hashes that a lock has of it."""
    for folder in folders:
        path = Path(folder, package.file.filename)
        if path.is_file() and _has_hashes(path, package.file.hashes):
            return path
    return None


def _has_hashes(path: Path, hashes: Sequence[tuple[str, str]]) -> bool:
    import hashlib

    for algorithm, value in hashes:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, algorithm).hexdigest() != value.lower():
                return False
    return True


def _check_wheels(wheels: Sequence[tuple[LockedPackage, Path]]) -> Iterator[str]:
    """Refuse wheels that are not whole, or mean harm; say what else is wrong with them."""
    refused: list[tuple[Path, Flaw]] = []
    for package, path in wheels:
        flaws = read_wheel(path).flaws
        refused += ((path, flaw) for flaw in flaws if flaw.code not in _HARMLESS)
        harmless = [flaw for flaw in flaws if flaw.code in _HARMLESS]
        if harmless:
            more = f", and {len(harmless) - 1} more like it" if len(harmless) > 1 else ""
            yield f"{package.file.filename}: {harmless[0].code} {harmless[0].message}{more}"
    if refused:
        told = "; ".join(f"{path.name}: {flaw.code} {flaw.message}" for path, flaw in refused)
        raise BundleError(f"not every wheel can be unpacked: {told}", "nothing was written")


def _unpack(
    path: Path, package: LockedPackage, layout: Layout, folder: Path
) -> tuple[BundledFile, ...]:
    folder.mkdir(parents=True)
    return unpack(path, package.name, layout, folder)


def _list_components(lock: Lock, wheels: Sequence[tuple[LockedPackage, Path]], moment: int) -> str:
    from wheeltarget.components import component_list

    return component_list(lock, {package.name: path for package, path in wheels}, moment)


def _limit(request: BundleRequest, lock: Lock) -> int | None:
    """Say how much the service takes that the target, or the layout, is for."""
    from wheeltarget.catalogue import known_systems
    from wheeltarget.systems import find_target

    if request.layout != LAYOUTS[0]:
        limits = [each.limits for each in known_systems().called(_LAMBDA)]
    else:
        try:
            limits = [find_target(lock.target, known_systems()).system.limits]
        except TargetError:
            return None
    found = [each["unzipped_bytes"] for each in limits if "unzipped_bytes" in each]
    return min(found, default=None)


def _refuse_too_large(outcome: BundleOutcome) -> None:
    if outcome.limit is not None and outcome.size > outcome.limit:
        largest = ", ".join(f"{each.name} has {each.size}" for each in outcome.projects[:3])
        raise BundleError(
            f"the bundle would have {outcome.size} bytes unpacked, and the service takes "
            f"{outcome.limit}: {largest}",
            "leave something out, or put it into a layer or an image of its own",
        )


def _write(request: BundleRequest, files: Sequence[BundledFile], moment: int) -> None:
    if request.output.suffix == ".zip":
        write_archive(request.output, files, moment, compressed=request.compressed)
    else:
        write_folder(request.output, files, moment)


def _fetch(lock: str, folder: Path) -> None:
    """Fetch the files of a lock, and check them against it."""
    from wheeltarget.api import DownloadRequest, download

    words = ("--requirement", lock, "--dest", str(folder))
    download(DownloadRequest(words, wants_outcome=True))
