"""The request of ``wheeltarget download``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """The request of ``wheeltarget download``.

    :param words: pip's arguments in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param allow_sdist: the projects of which a source distribution is downloaded if no wheel fits,
        each a comma-separated list.
    :param build_pure: the projects of which a pure Python wheel is built if no wheel fits, each a
        comma-separated list.
    :param by_target: whether each target has its own folder in the destination.
    :param dry_run: whether to save no file.
    :param processes: how many processes of pip may run at once.
    :param report: where to write the JSON report.
    :param wants_outcome: whether to return an outcome even if nothing names a target.
    :param only_jobs: the labels of the jobs to run, or the names of their folders; all if empty.
    :param refresh: whether to ignore cached outcomes and index pages.
    :param environment: the environment variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    by_target: bool = False
    dry_run: bool = False
    processes: int = 1
    report: Path | None = None
    wants_outcome: bool = False
    refresh: bool = False
    only_jobs: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @property
    def wants_more_than_pip(self) -> bool:
        """Return whether the run is wheeltarget's even if nothing names a target."""
        flags = (self.dry_run, self.by_target, self.wants_outcome)
        return any(flags) or bool(self.report or self.only_jobs)

    @property
    def is_repeatable(self) -> bool:
        """Return whether the run only saves files and reports them, so that it can be replayed."""
        return not (self.dry_run or self.allow_sdist or self.build_pure)
