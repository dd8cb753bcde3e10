"""What comes of a download, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheeltarget.cache.run_records import Basis
from wheeltarget.resolver.results import RequestedBy

SCHEMA = 1
"""The version of the form that :meth:`DownloadOutcome.as_dict` gives."""


@dataclass(frozen=True, slots=True)
class TargetFile:
    """A file that was chosen for a target.

    :param name: the project, normalised.
    :param version: its version.
    :param filename: what the file is called.
    :param url: where it came from, without credentials.
    :param size: how many bytes it has, or None where that is not known.
    :param hashes: (algorithm, hexadecimal value) for each hash that is known.
    :param requested_by: everyone who asks for it.
    :param path: where it is, or in a dry run would be; None where no file is kept.
    :param new: False where it was there before.
    :param yanked: the reason for which it was yanked, or None if it was not.
    :param requires_python: which Pythons it is for, or None where it does not say.
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
        """Give it as JSON has it."""
        return {
            "name": self.name,
            "version": self.version,
            "filename": self.filename,
            "url": self.url,
            "size": self.size,
            "hashes": dict(self.hashes),
            "requested_by": [asker.as_dict() for asker in self.requested_by],
            "path": None if self.path is None else str(self.path),
            "new": self.new,
            "yanked": self.yanked,
            "requires_python": self.requires_python,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetFile:
        """Build it from what :meth:`as_dict` gave."""
        others = {
            "hashes": tuple(data["hashes"].items()),
            "requested_by": tuple(RequestedBy.from_dict(each) for each in data["requested_by"]),
            "path": None if data["path"] is None else Path(data["path"]),
        }
        return cls(**{**data, **others})


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """Everything that one target needs.

    :param label: what the target is called.
    :param tag: its best tag, or None for what pip takes as the running interpreter.
    :param python: its version of Python, or None likewise.
    :param files: its files, in the order in which pip chose them.
    :param folder: what its folder is called where each target has one.
    """

    label: str
    tag: str | None
    python: str | None
    files: tuple[TargetFile, ...]
    folder: str = ""

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "label": self.label,
            "folder": self.folder,
            "tag": self.tag,
            "python": self.python,
            "files": [file.as_dict() for file in self.files],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetFiles:
        """Build it from what :meth:`as_dict` gave."""
        return cls(**{**data, "files": tuple(map(TargetFile.from_dict, data["files"]))})


@dataclass(frozen=True, slots=True)
class DownloadOutcome:
    """What came of a download.

    :param targets: what was taken for each target.
    :param notes: what somebody should know of it, one sentence each.
    :param dry_run: whether nothing was kept of it.
    :param fresh_until: until when what the index pages say holds, in seconds since the epoch, or
        None where that cannot be said.
    :param basis: what it rests on, or None where not all of that can be said.
    """

    targets: tuple[TargetFiles, ...]
    notes: tuple[str, ...]
    dry_run: bool = False
    fresh_until: float | None = None
    basis: Basis | None = None

    @property
    def files(self) -> frozenset[Path]:
        """Return the paths of all files that were chosen and are kept."""
        files = (file.path for target in self.targets for file in target.files)
        return frozenset(path for path in files if path is not None)

    def as_dict(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "schema": SCHEMA,
            "dry_run": self.dry_run,
            "targets": [target.as_dict() for target in self.targets],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DownloadOutcome:
        """Build it from what :meth:`as_dict` gave."""
        targets = tuple(map(TargetFiles.from_dict, data["targets"]))
        return cls(targets, tuple(data["notes"]), data["dry_run"])


@dataclass(frozen=True, slots=True)
class PlainRun:
    """A run without any target: it is pip's.

    :param exit_code: what pip ended with, or None where pip is still to be run.
    :param notes: what somebody should know of it, one sentence each.
    """

    exit_code: int | None = None
    notes: tuple[str, ...] = ()
