"""The outcome of a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.cache.run_records import RunInputs

SCHEMA = 1
"""The schema version of :meth:`DownloadOutcome.as_dict`."""


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

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are set."""
        if self.project:
            return {"project": self.project}
        return {"requirement": self.requirement, "location": self.location}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> RequestedBy:
        """Create it from what :meth:`as_dict` returned."""
        return cls(**data)


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

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "name": self.name,
            "version": self.version,
            "filename": self.filename,
            "url": self.url,
            "size": self.size,
            "hashes": dict(self.hashes),
            "requested_by": [each.as_dict() for each in self.requested_by],
            "path": None if self.path is None else str(self.path),
            "new": self.new,
            "yanked": self.yanked,
            "requires_python": self.requires_python,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetFile:
        """Create it from what :meth:`as_dict` returned."""
        others = {
            "hashes": tuple(data["hashes"].items()),
            "requested_by": tuple(RequestedBy.from_dict(each) for each in data["requested_by"]),
            "path": None if data["path"] is None else Path(data["path"]),
        }
        return cls(**{**data, **others})


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """The files of one target.

    :param label: the label of the target.
    :param tag: its best tag; None for the running interpreter.
    :param python: its version of Python; None for the running interpreter.
    :param files: its files, in the order in which pip chose them.
    :param folder: the name of its folder, if each target has its own.
    """

    label: str
    tag: str | None
    python: str | None
    files: tuple[TargetFile, ...]
    folder: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "label": self.label,
            "folder": self.folder,
            "tag": self.tag,
            "python": self.python,
            "files": [file.as_dict() for file in self.files],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetFiles:
        """Create it from what :meth:`as_dict` returned."""
        return cls(**{**data, "files": tuple(map(TargetFile.from_dict, data["files"]))})


@dataclass(frozen=True, slots=True)
class DownloadOutcome:
    """The outcome of a download.

    :param targets: the files of each target.
    :param notes: notes for the user, one sentence each.
    :param dry_run: whether no file was saved.
    :param fresh_until: until when the index pages are fresh, in seconds since the epoch; None if
        unknown.
    :param run_inputs: everything that the outcome depends on; None if not all of that is known.
    """

    targets: tuple[TargetFiles, ...]
    notes: tuple[str, ...]
    dry_run: bool = False
    fresh_until: float | None = None
    run_inputs: RunInputs | None = None

    @property
    def files(self) -> frozenset[Path]:
        """Return the paths of all files that were chosen and are kept."""
        files = (file.path for target in self.targets for file in target.files)
        return frozenset(path for path in files if path is not None)

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {
            "schema": SCHEMA,
            "dry_run": self.dry_run,
            "targets": [target.as_dict() for target in self.targets],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DownloadOutcome:
        """Create it from what :meth:`as_dict` returned."""
        targets = tuple(map(TargetFiles.from_dict, data["targets"]))
        return cls(targets, tuple(data["notes"]), data["dry_run"])


@dataclass(frozen=True, slots=True)
class PlainRun:
    """A run without any target, which is pip's own.

    :param exit_code: pip's exit code; None if pip is still to be run.
    :param notes: notes for the user, one sentence each.
    """

    exit_code: int | None = None
    notes: tuple[str, ...] = ()
