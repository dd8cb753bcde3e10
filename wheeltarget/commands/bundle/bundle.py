"""The command ``bundle``: unpack the wheels of a lock into a folder or archive to deploy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.commands.bundle.bytecode import compiled_files, require_same_python
from wheeltarget.commands.bundle.file_set import ProjectSize, merge_files, sizes
from wheeltarget.commands.bundle.includes import included_files
from wheeltarget.commands.bundle.unpack import BundledFile, Layout, unpack_all
from wheeltarget.commands.bundle.wheels import LockChoice, read_lock, take_wheels
from wheeltarget.commands.bundle.writer import source_date, write_archive, write_folder
from wheeltarget.commands.invocation import read_invocation
from wheeltarget.errors import BundleError, TargetError, UsageError
from wheeltarget.staging.atomic import open_output
from wheeltarget.staging.temporary import temporary_folder
from wheeltarget.utils.extras import require
from wheeltarget.utils.signals import interruptible

if TYPE_CHECKING:
    from wheeltarget.lockfile.model import Lock, LockedPackage

LAYOUTS = ("flat", "lambda", "lambda-layer")
"""The layouts of a bundle."""

_LAUNCHERS = {"win32": "win-ia32", "win_amd64": "win-amd64", "win_arm64": "win-arm64"}
_LAMBDA = "aws-lambda"


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """The arguments of ``wheeltarget bundle``.

    :param lock: the lock; one that wheeltarget wrote names the target.
    :param output: the path of the bundle: an archive if it ends in ``.zip``, else a folder.
    :param layout: one of :data:`LAYOUTS`.
    :param include: the user's own files and folders.
    :param wheels: folders that have the wheels; without any, the wheels are fetched.
    :param scripts: whether to make scripts.
    :param compiles: whether to compile modules to bytecode.
    :param compressed: whether to compress the files of an archive.
    :param components: the path of the component list, or None.
    :param environment: the environment variables.
    :param tags: the values of ``--tags``, for a lock of another tool, which is for many targets.
    :param targets: the values of ``--target``, likewise.
    """

    lock: str
    output: Path
    layout: str = LAYOUTS[0]
    include: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    scripts: bool = False
    compiles: bool = False
    compressed: bool = True
    components: Path | None = None
    environment: Mapping[str, str] | None = None
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleOutcome:
    """The result of a run.

    :param output: the path of the bundle.
    :param target: the target's label.
    :param projects: the size of each project, the largest first.
    :param limit: the most bytes that the service allows unpacked, or None if not known.
    :param notes: one sentence each.
    """

    output: Path
    target: str
    projects: tuple[ProjectSize, ...]
    limit: int | None
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(project.size for project in self.projects)


def bundle(request: BundleRequest) -> BundleOutcome:
    """Make a bundle of the wheels of a lock.

    :param request: the arguments.
    :returns: the contents of the bundle.
    :raises WheeltargetError: if it cannot be made; nothing is written then.
    """
    if request.components and request.components.resolve() == request.output.resolve():
        raise UsageError(
            f"{request.output} cannot be both the bundle and the component list",
            "name another file with --components",
        )
    outputs = [each for each in (request.output, request.components) if each is not None]
    invocation = read_invocation((), request.environment)
    moment = source_date(invocation.environment)
    choice = LockChoice(request.lock, request.tags, request.targets)
    lock = read_lock(choice, invocation)
    layout = _layout(request, lock.tag)
    if request.compiles:
        require_same_python(lock.tag, lock.python)
    with (
        interruptible(),
        temporary_folder("bundle") as home,
        open_output(request.components) if request.components else nullcontext() as keep_list,
    ):
        wheels, flaws = take_wheels(
            lock,
            choice,
            request.wheels,
            home / "wheels",
            invocation,
            partial(_require, request),
        )
        files = unpack_all(
            ((package.name, path) for package, path in wheels), layout, home / "unpacked"
        )
        for text in request.include:
            files += included_files(text, layout.site, outputs)
        platform = lock.tag.rpartition("-")[2]
        merged = merge_files(files, platform)
        if request.compiles:
            merged = merge_files((*merged, *_compile(merged, home / "compiled")), platform)
        notes = (*flaws, *_note_paths(merged, layout))
        outcome = BundleOutcome(
            request.output,
            lock.target,
            sizes(merged, lock.versions),
            _limit(request, lock),
            notes,
        )
        _refuse_too_large(outcome)
        components = _list_components(lock, wheels, moment) if keep_list else ""
        _write(request, merged, moment)
        if keep_list:
            keep_list(components)
    return outcome


def _require(request: BundleRequest) -> None:
    require("installer", "a bundle needs PyPA's installer", "bundle")
    if request.components is not None:
        require("cyclonedx", "a component list needs cyclonedx-python-lib", "bundle")


def _compile(files: Sequence[BundledFile], folder: Path) -> Iterator[BundledFile]:
    folder.mkdir()
    return compiled_files(files, folder)


def _note_paths(files: Sequence[BundledFile], layout: Layout) -> Iterator[str]:
    """Return a note for each ``.pth`` file, which has no effect outside of site-packages."""
    for file in files:
        name = file.name.removeprefix(layout.site)
        if name.endswith(".pth") and "/" not in name:
            yield f"{file.name} of {file.owner} has no effect: Python does not read it in a bundle"


def _layout(request: BundleRequest, tag: str) -> Layout:
    site = "python/" if request.layout == "lambda-layer" else ""
    launcher = _LAUNCHERS.get(tag.rpartition("-")[2], "posix")
    return Layout(site, "bin/" if request.scripts else "", launcher)


def _list_components(lock: Lock, wheels: Sequence[tuple[LockedPackage, Path]], moment: int) -> str:
    from wheeltarget.commands.bundle.sbom import component_list

    return component_list(lock, {package.name: path for package, path in wheels}, moment)


def _limit(request: BundleRequest, lock: Lock) -> int | None:
    """Return the size limit of the service that the target or the layout is for."""
    from wheeltarget.targets.catalog import known_systems
    from wheeltarget.targets.systems import find_target

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
        largest = ", ".join(f"{each.name} ({each.size})" for each in outcome.projects[:3])
        raise BundleError(
            f"the bundle would have {outcome.size} bytes unpacked, but the service allows "
            f"{outcome.limit}; largest projects: {largest}",
            "leave something out, or move it into a layer or a container image",
        )


def _write(request: BundleRequest, files: Sequence[BundledFile], moment: int) -> None:
    if request.output.suffix == ".zip":
        write_archive(request.output, files, moment, compressed=request.compressed)
    else:
        write_folder(request.output, files, moment)
