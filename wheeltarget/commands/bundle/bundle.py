"""The command ``bundle``: unpack the wheels of a lock into a folder or archive to deploy.

The lock is one that is named, or that the requirements get; see the module ``resolve``.

start-up: cyclonedx is an extra, so the module that needs it is loaded only for a component list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import NoReturn

from wheeltarget.commands.bundle.files import (
    BundledFile,
    Layout,
    ProjectSize,
    compiled_files,
    merge_files,
    require_place,
    require_same_python,
    sizes,
    source_date,
    write_archive,
    write_folder,
)
from wheeltarget.commands.bundle.include import LeftOut, include, require_sources, unused_rules
from wheeltarget.commands.bundle.layers import InLayer, Layers, leave_to_layers, note_layers
from wheeltarget.commands.bundle.layouts import (
    LAYOUTS,
    Place,
    installed_size,
    note_lacking,
    replace_requirements,
    vendored_files,
)
from wheeltarget.commands.bundle.resolve import Source, SourceRequest, with_lock
from wheeltarget.commands.bundle.slim import SlimPart, slim
from wheeltarget.commands.bundle.unchanged import Contents, find, keep, locate
from wheeltarget.commands.bundle.wheels import Wheels, read_layer, take_wheels, unpack_all
from wheeltarget.commands.invocation import Invocation, read_invocation
from wheeltarget.commands.lock.files import LockFile
from wheeltarget.errors import BundleError, TargetError, UsageError
from wheeltarget.lockfile.model import Lock
from wheeltarget.staging.atomic import open_output, remove_leftovers, temporary_folder
from wheeltarget.staging.stage import interruptible
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import systems_called
from wheeltarget.utils.extras import require

_MEGABYTE = 1 << 20
_OTHER_ARCHIVES = {".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".whl"}
_LAUNCHERS = {"win32": "win-ia32", "win_amd64": "win-amd64", "win_arm64": "win-arm64"}


@dataclass(frozen=True, slots=True)
class BundleRequest(SourceRequest):
    """The arguments; the output is an archive if its name ends in ``.zip``, else a folder.

    :param layout: one of :data:`~wheeltarget.commands.bundle.layouts.LAYOUTS`.
    :param excluded: rules for what is left out of included folders, as lines of ``.gitignore``.
    :param slim: whether to leave out tests and what only compilers and type checkers read.
    """

    _: KW_ONLY
    output: Path
    layout: str = "flat"
    include: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    scripts: bool = False
    compiles: bool = False
    compressed: bool = True
    components: Path | None = None
    slim: bool = False

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            message = f"{self.layout!r} is not a layout"
            raise UsageError(message, f"the layouts are {', '.join(LAYOUTS)}")


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
    :param slimmed: what ``--slim`` left out.
    :param in_layers: what is left to the layers below.
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
    slimmed: tuple[SlimPart, ...] = ()
    in_layers: tuple[InLayer, ...] = ()
    lock: LockFile | None = None
    unchanged: bool = False

    @property
    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(project.size for project in self.projects)

    @property
    def slimmed_size(self) -> int:
        """Return the size of what ``--slim`` left out in bytes."""
        return sum(part.size for part in self.slimmed)


def bundle(request: BundleRequest, invocation: Invocation | None = None) -> BundleOutcome:
    """Make a bundle of requirements, or of what locks name.

    :param request: the request.
    :param invocation: its parsed arguments and pip's configuration, if they were read before.
    :returns: what is in the bundle, and what became of the lock.
    :raises WheeltargetError: if this fails; the bundle and the lock are then unchanged.
    """
    _refuse_options(request, LAYOUTS[request.layout])
    if request.components is not None:
        require("cyclonedx", "a component list needs cyclonedx-python-lib", "bundle")
    invocation = invocation or read_invocation(request.arguments, request.environment)
    # What does not depend on the lock is checked before an index is asked.
    source_date(invocation.environment)
    remove_leftovers()  # an unchanged bundle, or a refused one, writes nothing
    require_place(request.output)
    require_sources(request.include)
    layers = [(each, read_layer(each, request, invocation)) for each in request.without]
    made: list[BundleOutcome] = []

    def use(source: Source) -> None:
        made.append(_pack(request, source, layers))

    with interruptible():
        kept = with_lock(request, invocation, use, may_be_empty=bool(request.include))
    outcome = made[0]
    notes = (*kept.notes, *outcome.notes, *_note_sizes(outcome))
    return replace(outcome, notes=notes, lock=kept.file)


def _pack(request: BundleRequest, source: Source, layers: Layers) -> BundleOutcome:
    """Fetch or find the wheels of a lock, and write the bundle.

    :param layers: what is below the bundle.
    """
    place, invocation = LAYOUTS[request.layout], source.invocation
    moment = source_date(invocation.environment)
    lock, in_layers = leave_to_layers(source.name, source.lock, layers)
    if not lock.packages and not request.include:
        _refuse_empty(below=bool(in_layers))
    platform = lock.tag.rpartition("-")[2]
    scripts = "bin/" if request.scripts else ""
    layout = Layout(place.site, scripts, _LAUNCHERS.get(platform, "posix"))
    if request.compiles:
        require_same_python(lock.tag, lock.python)
    own = _include(request, place, source.outputs)
    before = (*source.notes, *note_layers(in_layers, layers), *own.notes)

    def outcome_of(contents: Contents, zipped: int | None = None) -> BundleOutcome:
        limits, notes = _limits(request, lock), (*before, *contents.notes)
        return BundleOutcome(
            *(request.output, lock.target, contents.projects, own.left_out, *limits, notes, zipped),
            slimmed=contents.slimmed,
            in_layers=in_layers,
        )

    record = _locate(request, invocation, lock, own.files, moment)
    if known := find(record, [*filter(None, (request.output, request.components))]):
        outcome = outcome_of(known, request.output.stat().st_size)
        return replace(outcome, unchanged=True)
    with (
        temporary_folder("bundle") as home,
        open_output(request.components) if request.components else nullcontext() as keep_list,
    ):
        wheels, flaws = take_wheels(lock, source.request, invocation, home / "wheels", source.built)
        files, slimmed = _gather(request, wheels, own.files, layout, home)
        merged = merge_files((*files, *own.files), platform)
        if request.compiles:
            merged = merge_files((*merged, *compiled_files(merged, home / "compiled")), platform)
        limit, _ = _limits(request, lock)
        notes = (
            *flaws,
            *note_lacking(request.layout, {file.name for file in merged}, lock.versions),
            *(_note_installed(wheels, limit) if place.installs else _note_paths(merged, layout)),
            *unused_rules(request.excluded, own.left_out),
        )
        contents = Contents(sizes(merged, lock.versions), notes, slimmed)
        _refuse_too_large(
            outcome_of(contents),
            lambda: () if request.slim else slim(files, own.files, layout.site, home / "slim")[1],
        )
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
    keep(record, hashes, contents, own.files)
    return outcome


def _locate(
    request: BundleRequest,
    invocation: Invocation,
    lock: Lock,
    own: Sequence[BundledFile],
    moment: int,
) -> Path | None:
    """Return the path of the record of an archive; None for a folder, or without a cache."""
    if request.output.suffix != ".zip":
        return None
    # The lock has what the rest of the request has led to.
    decisive = replace(
        request,
        lock="",
        more=(),
        arguments=(),
        tags=(),
        targets=(),
        lock_file=None,
        environment=None,
    )
    return locate(invocation, decisive, replace(lock, inputs=()), own, moment)


def _refuse_empty(*, below: bool) -> NoReturn:
    """Raise BundleError, as nothing would be in the bundle.

    :param below: whether all is in layers below.
    """
    if below:
        message = "nothing is left for the bundle: the layers below have every project of the lock"
        raise BundleError(message, "leave --without out, or add your own files with --include")
    message = "nothing would be in the bundle: no project is required, or all are left out"
    hint = "name requirements, leave fewer projects out, or add your own files with --include"
    raise BundleError(message, hint)


def _refuse_options(request: BundleRequest, place: Place) -> None:
    """Raise UsageError if options do not fit together."""
    suffix = request.output.suffix
    if suffix != ".zip" and suffix.lower() in _OTHER_ARCHIVES:
        message = (
            f"{request.output} would be a folder: only a name that ends in .zip makes an archive"
        )
        hint = "name a file that ends in .zip with --output, or another folder"
        raise UsageError(message, hint)
    if request.components and request.components.resolve() == request.output.resolve():
        message = f"{request.output} cannot be both the bundle and the component list"
        raise UsageError(message, "name another file with --components")
    if request.excluded and not request.include:
        message = "--exclude-path needs --include: it leaves nothing out of wheels"
        raise UsageError(message, "name what to include, or leave --exclude-path out")
    options = {"--scripts": request.scripts, "--compile": request.compiles, "--slim": request.slim}
    unused = [name for name, given in options.items() if given]
    if place.installs and unused:
        message = f"--layout {request.layout} has the wheels as they are, without {unused[0]}"
        raise UsageError(message, f"leave {', '.join(unused)} out, or use another layout")
    if request.without and not place.layers:
        message = f"--layout {request.layout} has no layers below it"
        raise UsageError(message, "leave --without out, or use the layout lambda or lambda-layer")


@dataclass(frozen=True, slots=True)
class _Own:
    """The user's own files, and what is not among them."""

    files: Sequence[BundledFile]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def _include(request: BundleRequest, place: Place, written: Iterable[Path]) -> _Own:
    """Return what is included.

    :param written: what the run writes besides the bundle and the component list.
    """
    outputs = (request.output, request.components, *written)
    included = [include(path, place.own, request.excluded, outputs) for path in request.include]
    own = [file for each in included for file in each.files]
    notes: tuple[str, ...] = ()
    if place.installs:
        own, notes = replace_requirements(own)
    left_out = tuple(dict.fromkeys(found for each in included for found in each.left_out))
    return _Own(own, left_out, notes)


def _gather(
    request: BundleRequest, wheels: Wheels, own: Sequence[BundledFile], layout: Layout, home: Path
) -> tuple[Sequence[BundledFile], tuple[SlimPart, ...]]:
    """Return the files of the wheels, and what ``--slim`` leaves out of them."""
    place = LAYOUTS[request.layout]
    if place.installs:
        return vendored_files(wheels, place, home / "vendored"), ()
    files = unpack_all(wheels, layout, home / "unpacked")
    return slim(files, own, layout.site, home / "slim") if request.slim else (files, ())


def _note_paths(files: Sequence[BundledFile], layout: Layout) -> Iterator[str]:
    for file in files:
        name = file.name.removeprefix(layout.site)
        if name.endswith(".pth") and "/" not in name:
            yield f"{file.name} of {file.owner} has no effect: Python does not read it in a bundle"


def _note_installed(wheels: Wheels, limit: SizeLimit | None) -> Iterator[str]:
    size = installed_size(wheels)
    if limit is not None and size > limit.size:
        yield (
            f"the projects have {megabytes(size)} when they are installed, but the service allows "
            f"{limit}"
        )


def _limits(request: BundleRequest, lock: Lock) -> tuple[SizeLimit | None, SizeLimit | None]:
    """Return what the service allows unpacked, and as an archive."""
    if service := LAYOUTS[request.layout].service:
        systems = systems_called(service)
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


def _largest(outcome: BundleOutcome) -> str:
    largest = (f"{each.name} ({megabytes(each.size)})" for each in outcome.projects[:3])
    return f"largest projects: {', '.join(largest)}"


def _refuse_too_large(outcome: BundleOutcome, slimmer: Callable[[], Sequence[SlimPart]]) -> None:
    """Raise BundleError if the service does not take a bundle.

    :param slimmer: finds what ``--slim`` would leave out, if it was not given.
    """
    limit = outcome.limit
    if limit is None or outcome.size <= limit.size or limit.condition:
        return
    saved = sum(part.size for part in slimmer())
    hint = "leave projects out with --exclude"
    if saved and outcome.size - saved <= limit.size:
        hint = f"use --slim, which leaves out {megabytes(saved)}, {hint}"
    elif saved:
        hint += f" (--slim alone leaves out only {megabytes(saved)})"
    raise BundleError(
        f"the bundle would have {megabytes(outcome.size)} unpacked, but the service allows "
        f"{limit}; {_largest(outcome)}",
        f"{hint}, or deploy a container image; a layer does not help, because it counts, too",
    )


def _note_sizes(outcome: BundleOutcome) -> Iterator[str]:
    """Return a note for each limit that does not always apply, and is exceeded."""
    slim_hint = "" if outcome.slimmed else ", or use --slim"
    for what, size, limit in (
        ("the archive has {} zipped", outcome.zipped_size, outcome.zipped_limit),
        ("the bundle has {} unpacked", outcome.size, outcome.limit),
    ):
        if size is not None and limit is not None and size > limit.size:
            yield (
                f"{what.format(megabytes(size))}, but the service allows {limit}; "
                f"{_largest(outcome)}; leave projects out with --exclude{slim_hint}"
            )
