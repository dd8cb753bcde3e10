"""What is asked of ``wheeltarget download``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """What a person asks of ``wheeltarget download``.

    :param words: pip's own words, in the order given: options and requirements.
    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, each a list with commas.
    :param allow_sdist: the projects of which a source is kept where no wheel will do, each a list
        with commas.
    :param build_pure: those of which a pure Python wheel is built of it, likewise.
    :param by_target: whether each target has a folder of its own in the destination.
    :param dry_run: whether only to say what would be fetched.
    :param children: how many of pip's processes may run at once.
    :param report: where to write what was taken, as JSON.
    :param wants_outcome: whether an outcome is wanted of a run that is pip's own, too.
    :param only_jobs: the labels of the jobs to run, or the names of their folders; all if empty.
    :param refresh: whether what earlier runs came to is to be forgotten.
    :param environment: the environment's variables.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    allow_sdist: tuple[str, ...] = ()
    build_pure: tuple[str, ...] = ()
    by_target: bool = False
    dry_run: bool = False
    children: int = 1
    report: Path | None = None
    wants_outcome: bool = False
    refresh: bool = False
    only_jobs: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @property
    def wants_more_than_pip(self) -> bool:
        """Tell whether the run is wheeltarget's even if nothing names a target."""
        flags = (self.dry_run, self.by_target, self.wants_outcome)
        return any(flags) or bool(self.report or self.only_jobs)

    @property
    def is_repeatable(self) -> bool:
        """Tell whether a run does no more than fill the destination, say so and report it."""
        usual = DownloadRequest(
            self.words,
            self.tags,
            self.targets,
            by_target=self.by_target,
            children=self.children,
            report=self.report,
            wants_outcome=self.wants_outcome,
            refresh=self.refresh,
            only_jobs=self.only_jobs,
            environment=self.environment,
        )
        return self == usual
