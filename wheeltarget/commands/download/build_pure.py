"""Pure Python wheels built on this machine for another environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wheeltarget.errors import DownloadError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.build_wheel import build_wheel
from wheeltarget.resolver.results import JobResult
from wheeltarget.utils.files import hash_file, link_or_copy
from wheeltarget.wheelhouse.merge import Stage


class Builder:
    """Build each source once, however many targets need it.

    :param projects: the projects to build, normalised.
    :param options: options for ``pip wheel``.
    :param stage: where to work.
    """

    def __init__(self, projects: frozenset[str], options: Sequence[str], stage: Stage) -> None:
        self._projects = projects
        self._options = options
        self._stage = stage
        self._built: dict[str, Path] = {}

    def replace_sources(self, result: JobResult) -> JobResult:
        """Replace each source distribution that is to be built by its wheel.

        :param result: the result of a job.
        :returns: the result with wheels.
        :raises DownloadError: if the build fails, or the wheel is not pure Python.
        """
        if result.job.target is None:
            return result
        chosen = tuple(
            self._with_wheel(file, result.folder)
            if file.name in self._projects and file.path.suffix != ".whl"
            else file
            for file in result.chosen
        )
        return replace(result, chosen=chosen)

    def _with_wheel(self, file: ChosenFile, folder: Path) -> ChosenFile:
        digest = hash_file(file.path).sha256
        if digest not in self._built:
            self._built[digest] = self._build(file, digest)
        wheel = folder / self._built[digest].name
        link_or_copy(self._built[digest], wheel)
        file.path.unlink()
        return replace(file, path=wheel, hashes=(), accepts=(), size=None)

    def _build(self, file: ChosenFile, digest: str) -> Path:
        from packaging.utils import parse_wheel_filename

        folder = self._stage.folder / "built" / digest
        folder.mkdir(parents=True)
        what = f"{file.name} {file.version}"
        exit_code = build_wheel(file.path, folder, self._options, self._stage)
        if exit_code:
            raise DownloadError(
                f"pip could not build a wheel for {what}; nothing was saved",
                "see pip's output above",
                exit_code=max(exit_code, 1),
            )
        (wheel,) = folder.iterdir()
        if any(
            (tag.abi, tag.platform) != ("none", "any")
            for tag in parse_wheel_filename(wheel.name)[3]
        ):
            raise DownloadError(
                f"{what} is not pure Python: the wheel built here is {wheel.name}, which fits "
                "this machine only",
                f"use --allow-sdist {file.name} to download the source, for the target to build",
            )
        return wheel
