"""Install and prove the patches for prefetching; if one fails, undo all of them.

They do not change what pip chooses, so the run goes on without them, and a note says that it is
slower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.prefetch import memoize
from wheeltarget.pip_child.prefetch.patches import (
    Undo,
    patch_files,
    patch_pages,
    patch_resolver,
    prove_files,
    prove_pages,
    prove_resolver,
)
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher, Scope
from wheeltarget.pip_child.prefetch.session import patch_session, prove_session
from wheeltarget.pip_protocol import JobOrder

_SEAMS: tuple[tuple[str, Callable[[Prefetcher], Undo], Callable[[Prefetcher], bool]], ...] = (
    (
        "session",
        lambda ahead: patch_session(ahead.sessions),
        lambda ahead: prove_session(ahead.sessions),
    ),
    ("index pages", patch_pages, prove_pages),
    ("files", patch_files, prove_files),
    ("resolver", patch_resolver, prove_resolver),
)
"""The name, the patch, which returns how to undo it, and the proof."""

_MEMOIZED = (
    (memoize.patch_quoting, memoize.prove_quoting),
    (memoize.patch_names, memoize.prove_names),
    (memoize.patch_versions, memoize.prove_versions),
    (memoize.patch_parsing, memoize.prove_parsing),
)
"""Independent patches; one that fails is left out without a note."""

_LONGEST_REASON = 200


class Prefetching:
    """The prefetcher of a run, as long as pip works as expected.

    :param current: the current job.
    :param scope: what the run needs.
    """

    def __init__(self, current: CurrentJob, scope: Scope) -> None:
        self._current = current
        self._scope = scope
        self._ahead: Prefetcher | None = None
        self._undo: list[Undo] = []
        self._reason = ""

    def install(self, proof: JobOrder) -> None:
        """Patch pip, or remove all patches if one of them fails.

        :param proof: a job for the proofs.
        """
        self._ahead = Prefetcher(self._current, self._scope)
        for name, patch, prove in _SEAMS:
            try:
                self._undo.append(patch(self._ahead))
                self._current.begin(proof)
                reason = "" if prove(self._ahead) else "pip does not use the patch"
            except OSError:
                raise  # such as a full disk, which is not pip's fault
            except Exception as error:  # noqa: BLE001 - a new pip may fail in any way
                reason = " ".join(repr(error).split())[:_LONGEST_REASON]
            if reason:
                self.remove(f"{name}: {reason}")
                return
        self._install_memoized()

    def _install_memoized(self) -> None:
        for patch, prove in _MEMOIZED:
            with suppress(Exception):
                undo = patch()
                with suppress(Exception):
                    if prove():
                        self._undo.append(undo)
                        continue
                undo()

    def remove(self, reason: str) -> None:
        """Remove all patches, so that pip fetches everything itself.

        :param reason: the reason, for the note.
        """
        while self._undo:
            self._undo.pop()()
        self.close()
        self._reason = reason

    def write_note(self) -> None:
        """Write a note if the patches were removed."""
        from pip import __version__ as pip_version

        if not self._reason:
            return
        sys.stderr.write(
            f"note: wheeltarget cannot fetch ahead with pip {pip_version} ({self._reason}); "
            "the files are the same, but the run takes longer\n"
        )

    @property
    def ahead(self) -> Prefetcher | None:
        """Return the prefetcher, or None if nothing is prefetched."""
        return self._ahead

    @property
    def is_installed(self) -> bool:
        """Return whether anything is prefetched."""
        return self._ahead is not None

    def close(self) -> None:
        """Stop prefetching."""
        if self._ahead is not None:
            self._ahead.close()
            if self._ahead.wheels.is_full:
                folder = self._ahead.wheels.store.folder
                sys.stderr.write(f"note: the disk of the cache is full: {folder}\n")
        self._ahead = None
