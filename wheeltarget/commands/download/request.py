"""The request of ``wheeltarget download``, and its outcome.

Start-up: a replayed run and a download from a lock load this before they do anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheeltarget.cache.run_records import RunInputs
    from wheeltarget.pip_protocol import ChosenFile
    from wheeltarget.resolver.index_failures import IndexFailure
    from wheeltarget.wheelhouse.merge import PlacedFile

SCHEMA = 1
"""The schema version of :meth:`DownloadOutcome.as_dict`."""


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """The request of ``wheeltarget download``.

    :param arguments: pip's arguments in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param allow_sdist: the projects of which a source distribution is downloaded if no wheel fits,
        each a comma-separated list.
    :param build_pure: the projects of which a pure Python wheel is built if no wheel fits, each a
        comma-separated list.
    :param exclude: the values of ``--exclude``: names and globs of projects to leave out, each a
        comma-separated list.
    :param skip_provided: whether to leave out what the service of a target provides.
    :param index: the values of ``--index``, each ``NAME=URL``: the index of a project, or of all
        projects whose names match a glob.
    :param by_target: whether each target has its own folder in the destination.
    :param dry_run: whether to save no file.
    :param processes: how many processes of pip may run at once.
    :param report: where to write the JSON report.
    :param wants_outcome: whether to return an outcome even if nothing names a target.
    :param provenance: whether to keep the provenance of each file beside it.
    :param only_jobs: the labels of the jobs to run, or the names of their folders; all if empty.
    :param with_pip: whether to add the newest pip that runs on each target.
    :param refresh: whether to ignore cached outcomes and index pages.
    :param environment: the environment variables.
    """

    arguments: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_provided: bool = False
    index: tuple[str, ...] = ()
    by_target: bool = False
    dry_run: bool = False
    processes: int = 1
    report: Path | None = None
    wants_outcome: bool = False
    with_pip: bool = False
    refresh: bool = False
    only_jobs: tuple[str, ...] = ()
    provenance: bool = False
    environment: Mapping[str, str] | None = None

    @property
    def wants_more_than_pip(self) -> bool:
        """Return whether the run is wheeltarget's even if nothing names a target."""
        flags = (self.dry_run, self.by_target, self.wants_outcome, self.skip_provided)
        others = (self.with_pip, self.provenance)
        return any((*flags, *others)) or bool(self.report or self.only_jobs or self.exclude)

    @property
    def is_repeatable(self) -> bool:
        """Return whether the run only saves files and reports them, so that it can be replayed."""
        return not (self.dry_run or self.provenance or self.allow_sdist or self.build_pure)


@dataclass(frozen=True, slots=True)
class RequestedBy:
    """What a project is requested by: another project, or a line of the user.

    :param project: the project, or an empty string.
    :param requirement: the requirement in the line, or an empty string.
    :param location: the place of the line, or an empty string.
    """

    project: str = ""
    requirement: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class TargetFile:
    """A file that was chosen for a target.

    :param name: the project, normalised.
    :param version: its version.
    :param filename: the name of the file.
    :param url: where it came from, without credentials.
    :param size: its size in bytes; None if unknown.
    :param hashes: (algorithm, hexadecimal value) of each known hash.
    :param requested_by: the requirements and projects that require it.
    :param path: its path, which in a dry run may not exist; None if no file is kept.
    :param new: False if it existed before.
    :param yanked: why it was yanked; None if it was not.
    :param requires_python: its Requires-Python; None if it has none.
    :param provenance: the path of its provenance; None if it is not kept.
    """

    name: str
    version: str
    filename: str
    url: str
    size: int | None
    hashes: tuple[tuple[str, str], ...]
    requested_by: tuple[RequestedBy, ...]
    path: Path | None
    new: bool
    yanked: str | None = None
    requires_python: str | None = None
    provenance: Path | None = None

    @classmethod
    def of(
        cls,
        file: ChosenFile,
        placed: PlacedFile | None,
        requested_by: Sequence[RequestedBy],
        path: Path | None,
        *,
        new: bool,
        provenance: Path | None = None,
    ) -> TargetFile:
        """Return the description of a file that pip has chosen.

        :param placed: the file in the destination; None if it was not placed.
        """
        return cls(
            name=file.name,
            version=file.version,
            filename=file.path.name,
            url=file.url,
            size=placed.digest.size if placed else file.size,
            hashes=(("sha256", placed.digest.sha256),) if placed else file.hashes,
            requested_by=tuple(requested_by),
            path=path,
            new=new,
            yanked=file.yanked,
            requires_python=file.requires_python,
            provenance=provenance,
        )


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """The files of one target.

    :param label: the label of the target.
    :param folder: the name of its folder, if each target has its own.
    :param tag: its best tag; None for the running interpreter.
    :param python: its version of Python; None for the running interpreter.
    :param files: its files, in the order in which pip chose them.
    :param tools: pip, and what it needs to build sources, if that was asked for.
    :param install: the command that installs there with this pip; empty without it.
    """

    label: str
    folder: str = field(default="", kw_only=True)
    tag: str | None
    python: str | None
    files: tuple[TargetFile, ...]
    tools: tuple[TargetFile, ...] = ()
    install: str = ""


@dataclass(frozen=True, slots=True)
class DownloadOutcome:
    """The outcome of a download.

    :param targets: the files of each target.
    :param notes: notes for the user, one sentence each.
    :param dry_run: whether no file was saved.
    :param fresh_until: until when the index pages are fresh, in seconds since the epoch; None if
        unknown.
    :param run_inputs: everything that the outcome depends on; None if not all of that is known.
    :param index_failures: the indexes that could not be read; the notes have a sentence for each.
    :param warnings: those of the notes that are shown even if only problems are.
    """

    targets: tuple[TargetFiles, ...]
    notes: tuple[str, ...]
    dry_run: bool = False
    fresh_until: float | None = None
    run_inputs: RunInputs | None = None
    index_failures: tuple[IndexFailure, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> frozenset[Path]:
        """Return the paths of all files that were chosen and are kept."""
        each = (file for target in self.targets for file in (*target.files, *target.tools))
        files = (file.path for file in each)
        return frozenset(path for path in files if path is not None)

    def as_dict(self) -> dict[str, object]:
        """Return the report, as JSON-compatible data."""
        targets = [asdict(target, dict_factory=_as_json) for target in self.targets]
        return {
            "schema": SCHEMA,
            "dry_run": self.dry_run,
            "targets": targets,
            "notes": list(self.notes),
            "index_failures": [failure.as_dict() for failure in self.index_failures],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DownloadOutcome:
        """Create it from what :meth:`as_dict` returned."""
        targets = (
            TargetFiles(**{**target, **{k: tuple(map(_file_from_json, target[k])) for k in _FILES}})
            for target in data["targets"]
        )
        return cls(tuple(targets), tuple(data["notes"]), data["dry_run"])


_FILES = ("files", "tools")


def _as_json(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a class above as JSON has them."""
    data = {name: list(value) if isinstance(value, tuple) else value for name, value in fields}
    if "hashes" in data:
        paths = {name: data[name] and str(data[name]) for name in ("path", "provenance")}
        return {**data, "hashes": dict(data["hashes"]), **paths}
    if data.get("project"):
        return {"project": data["project"]}
    return {name: value for name, value in data.items() if name != "project"}


def _file_from_json(data: Mapping[str, Any]) -> TargetFile:
    others = {
        "hashes": tuple(data["hashes"].items()),
        "requested_by": tuple(RequestedBy(**each) for each in data["requested_by"]),
        "path": data["path"] and Path(data["path"]),
        "provenance": data["provenance"] and Path(data["provenance"]),
    }
    return TargetFile(**{**data, **others})


@dataclass(frozen=True, slots=True)
class PlainRun:
    """A run without any target, which is pip's own.

    :param exit_code: pip's exit code; None if pip is still to be run.
    :param notes: notes for the user, one sentence each.
    :param output: the output of pip, if it was captured.
    """

    exit_code: int | None = None
    notes: tuple[str, ...] = ()
    output: str = ""
