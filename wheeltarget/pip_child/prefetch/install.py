"""Install and prove the patches for prefetching; if one fails, undo all of them.

They do not change what pip chooses, so the run goes on without them, and a note says that it is
slower.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pip import __version__ as pip_version

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_protocol import JobOrder, ResolveJobs
from wheeltarget.utils.progress import Progress


def _in_one_line(error: Exception) -> str:
    return " ".join(repr(error).split())[:200]


_moved = ""
try:
    from wheeltarget.pip_child.prefetch.patches import SEAMS
    from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
except Exception as error:  # noqa: BLE001 - a newer pip may have moved what they import
    _moved = _in_one_line(error)


class Prefetching:
    """The prefetcher of a run, if it is wanted, and as long as pip works as expected."""

    def __init__(self, current: CurrentJob, request: ResolveJobs, temporary: Path) -> None:
        self._current, self._request, self._temporary = current, request, temporary
        self._ahead: Prefetcher | None = None
        self._undo = ExitStack()
        self._reason = ""

    def install(self, proof: JobOrder) -> None:
        """Patch pip, or remove all patches if the proof of one fails with this job."""
        if not self._request.ahead:
            return
        if _moved:
            self.remove(_moved)
            return
        ahead = self._ahead = Prefetcher(self._current, self._request, self._temporary)
        for name, patch, prove in SEAMS:
            try:
                patch(ahead, self._undo)
                self._current.begin(proof)
                if prove is None or prove(ahead):
                    continue
                reason = "pip does not use the patch"
            except OSError:
                raise  # such as a full disk, which is not pip's fault
            except Exception as error:  # noqa: BLE001 - a new pip may fail in any way
                reason = _in_one_line(error)
            self.remove(f"{name}: {reason}")
            return

    def remove(self, reason: str) -> None:
        """Remove all patches, so that pip fetches everything itself."""
        self._undo.close()
        self.close()
        self._reason = reason

    def write_note(self) -> None:
        """Write a note if the patches were removed."""
        if self._reason:
            sys.stderr.write(
                f"note: wheeltarget cannot fetch ahead with pip {pip_version} ({self._reason}); "
                "the files are the same, but the run takes longer\n"
            )

    @property
    def is_installed(self) -> bool:
        """Return whether anything is prefetched."""
        return self._ahead is not None

    def fetch_pages(self, finder: Any, project: str) -> None:
        """Start to fetch the pages that pip would search for a project."""
        if self._ahead is not None:
            self._ahead.fetch_pages(finder, project)

    def progress(self) -> Progress:
        """Return how far the search for what is needed is."""
        what = "Looking up" if self._request.lists else "Resolving"
        ahead = self._ahead
        done, total, size = ahead.count_pages() if ahead is not None else (0, 0, 0)
        return Progress(what, "projects", done, total, size)

    def close(self) -> None:
        """Stop prefetching."""
        if self._ahead is not None:
            self._ahead.close()
            if self._ahead.wheels.is_full:
                folder = self._ahead.wheels.store.folder
                sys.stderr.write(f"note: the disk of the cache is full: {folder}\n")
        self._ahead = None
