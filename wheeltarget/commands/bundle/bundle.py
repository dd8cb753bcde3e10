"""The command ``bundle``: unpack the wheels of a lock into a folder or archive to deploy.

The lock is one that is named, or that the requirements get; see the module ``resolve``.

start-up: cyclonedx is an extra, so the module that needs it is loaded only for a component list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from wheeltarget.commands.bundle.files import (
    BundledFile,
    Layout,
    ProjectSize,
    compiled_files,
    merge_files,
    require_free,
    require_same_python,
    sizes,
    source_date,
    write_archive,
    write_folder,
)
from wheeltarget.commands.bundle.include import LeftOut, include, unused_rules
from wheeltarget.commands.bundle.resolve import Source, SourceRequest, with_lock
from wheeltarget.commands.bundle.unchanged import Contents, find, keep, locate
from wheeltarget.commands.bundle.wheels import take_wheels, unpack_all
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.lock.files import LockFile
from wheeltarget.errors import BundleError, TargetError, UsageError
from wheeltarget.lockfile.model import Lock
from wheeltarget.staging.atomic import open_output, temporary_folder
from wheeltarget.staging.stage import interruptible
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import systems_called
from wheeltarget.utils.extras import require

LAYOUTS = ("flat", "lambda", "lambda-layer")
_MEGABYTE = 1 << 20
_LAUNCHERS = {"win32": "win-ia32", "win_amd64": "win-amd64", "win_arm64": "win-arm64"}


@dataclass(frozen=True, slots=True)
class BundleRequest(SourceRequest):
    """The arguments; the output is an archive if its name ends in ``.zip``, else a folder.

    :param excluded: rules for what is left out of included folders, as lines of ``.gitignore``.
    """

    _: KW_ONLY
    output: Path
    layout: str = LAYOUTS[0]
    include: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    scripts: bool = False
    compiles: bool = False
    compressed: bool = True
    components: Path | None = None


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """How many bytes the service allows; if there is a condition, not always."""

    size: int
    condition: str = ""

    def __str__(self) -> str:
        return f"{megabytes(self.size)} {self.condition}".rstrip()


def megabytes(size: int) -> str:
    """Return a number of bytes as MB, as the services count them: 250 MB are 262,144,000 bytes."""
    number = f"{size / _MEGABYTE:.1f}"
    return f"{number.removesuffix('.0') if size % _MEGABYTE == 0 else number} MB"


@dataclass(frozen=True, slots=True)
class BundleOutcome:
    """The result.

    :param limit: what the service allows unpacked; None if that is not known.
    :param zipped_limit: what the service allows as an archive; None if that is not known.
    :param zipped_size: the size of the archive in bytes; None if the bundle is a folder.
    :param lock: the lock of the requirements that is kept; None if none is.
    :param unchanged: whether everything was there already, and nothing was written.
    """

    output: Path
    target: str
    projects: tuple[ProjectSize, ...]
    left_out: tuple[LeftOut, ...]
    limit: SizeLimit | None
    zipped_limit: SizeLimit | None
    notes: tuple[str, ...]
    zipped_size: int | None = None
    lock: LockFile | None = None
    unchanged: bool = False

    @property
    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(project.size for project in self.projects)


def bundle(request: BundleRequest, invocation: Invocation | None = None) -> BundleOutcome:
    """Make a bundle of requirements, or of what locks name.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: what is in the bundle, and what became of the lock.
    :raises WheeltargetError: if this fails; the bundle and the lock are then unchanged.
    """
    if request.components and request.components.resolve() == request.output.resolve():
        message = f"{request.output} cannot be both the bundle and the component list"
        raise UsageError(message, "name another file with --components")
    if request.excluded and not request.include:
        message = "--exclude-path needs --include: the wheels of the lock are always whole"
        raise UsageError(message, "name what to include, or leave --exclude-path out")
    if request.components is not None:
        require("cyclonedx", "a component list needs cyclonedx-python-lib", "bundle")
    invocation = invocation or read_invocation(request.arguments, request.environment)
    source_date(invocation.environment)
    if request.output.suffix != ".zip":
        require_free(request.output)
    made: list[BundleOutcome] = []
    with interruptible():
        kept = with_lock(request, invocation, lambda source: made.append(_pack(request, source)))
    outcome = made[0]
    notes = (*kept.notes, *outcome.notes, *_note_sizes(outcome))
    return replace(outcome, notes=notes, lock=kept.file)


def _pack(request: BundleRequest, source: Source) -> BundleOutcome:
    """Fetch or find the wheels of a lock, and write the bundle."""
    lock, invocation = source.lock, source.invocation
    moment = source_date(invocation.environment)
    platform = lock.tag.rpartition("-")[2]
    layout = Layout(
        "python/" if request.layout == "lambda-layer" else "",
        "bin/" if request.scripts else "",
        _LAUNCHERS.get(platform, "posix"),
    )
    if request.compiles:
        require_same_python(lock.tag, lock.python)
    outputs = (request.output, request.components, *source.outputs)
    included = [include(path, layout.site, request.excluded, outputs) for path in request.include]
    left_out = tuple(dict.fromkeys(found for each in included for found in each.left_out))
    own = [file for each in included for file in each.files]

    def outcome_of(contents: Contents, zipped: int | None = None) -> BundleOutcome:
        limits, notes = _limits(request, lock), (*source.notes, *contents.notes)
        return BundleOutcome(
            *(request.output, lock.target, contents.projects, left_out, *limits, notes, zipped)
        )

    written = [*filter(None, (request.output, request.components))]
    record = None
    if request.output.suffix == ".zip":
        facts = (
            replace(request, arguments=(), environment=None),
            replace(lock, inputs=()),
            own,
            moment,
        )
        record = locate(invocation, *facts)
    if known := find(record, written):
        outcome = outcome_of(known, request.output.stat().st_size)
        return replace(outcome, unchanged=True)
    with (
        temporary_folder("bundle") as home,
        open_output(request.components) if request.components else nullcontext() as keep_list,
    ):
        wheels, flaws = take_wheels(lock, source.request, invocation, home / "wheels", source.built)
        merged = merge_files((*unpack_all(wheels, layout, home / "unpacked"), *own), platform)
        if request.compiles:
            merged = merge_files((*merged, *compiled_files(merged, home / "compiled")), platform)
        unused = unused_rules(request.excluded, left_out)
        notes = (*flaws, *_note_paths(merged, layout), *unused)
        contents = Contents(sizes(merged, lock.versions), notes)
        _refuse_too_large(outcome_of(contents))
        components, hashes = "", {}
        if request.components:
            from wheeltarget.commands.bundle.sbom import component_list

            components = component_list(lock, wheels, moment)
            hashes[request.components] = hashlib.sha256(components.encode()).hexdigest()
        if request.output.suffix == ".zip":
            compressed = request.compressed
            digest = write_archive(request.output, merged, moment, compressed=compressed)
            hashes[request.output] = digest.sha256
            outcome = outcome_of(contents, digest.size)
        else:
            write_folder(request.output, merged, moment)
            outcome = outcome_of(contents)
        if keep_list:
            keep_list(components)
    keep(record, hashes, contents, own)
    return outcome


def _note_paths(files: Sequence[BundledFile], layout: Layout) -> Iterator[str]:
    for file in files:
        name = file.name.removeprefix(layout.site)
        if name.endswith(".pth") and "/" not in name:
            yield f"{file.name} of {file.owner} has no effect: Python does not read it in a bundle"


def _limits(request: BundleRequest, lock: Lock) -> tuple[SizeLimit | None, SizeLimit | None]:
    """Return what the service allows unpacked, and as an archive."""
    if request.layout != LAYOUTS[0]:
        systems = systems_called("aws-lambda")
    else:
        try:
            systems = [find_target(lock.target).system]
        except TargetError:
            return None, None
    unpacked, zipped = (
        min(
            (
                SizeLimit(system.limits[kind], system.limit_conditions.get(kind, ""))
                for system in systems
                if kind in system.limits
            ),
            key=lambda limit: limit.size,
            default=None,
        )
        for kind in ("unzipped_bytes", "zipped_bytes")
    )
    return unpacked, zipped


def _refuse_too_large(outcome: BundleOutcome) -> None:
    limit = outcome.limit
    if limit is not None and outcome.size > limit.size and not limit.condition:
        largest = ", ".join(
            f"{each.name} ({megabytes(each.size)})" for each in outcome.projects[:3]
        )
        raise BundleError(
            f"the bundle would have {megabytes(outcome.size)} unpacked, but the service allows "
            f"{limit}; largest projects: {largest}",
            "leave something out, or move it into a layer or a container image",
        )


def _note_sizes(outcome: BundleOutcome) -> Iterator[str]:
    """Return a note for each limit that does not always apply, and is exceeded."""
    for what, size, limit in (
        ("the archive has {} zipped", outcome.zipped_size, outcome.zipped_limit),
        ("the bundle has {} unpacked", outcome.size, outcome.limit),
    ):
        if size is not None and limit is not None and size > limit.size:
            yield f"{what.format(megabytes(size))}, but the service allows {limit}"
