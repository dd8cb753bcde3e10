"""The places in pip at which it is spared waiting, and the way back where one of them has moved.

Unlike the seams that make pip see the target, these do not change what it does, so a run goes on
without them: one that fails takes all of them back, and a note says that this run is slower.
"""

from __future__ import annotations

import gc
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
"""What each is about, what patches it and gives the way back, and its proof."""

_TRIFLES = (
    (memoize.patch_quoting, memoize.prove_quoting),
    (memoize.patch_names, memoize.prove_names),
    (memoize.patch_versions, memoize.prove_versions),
    (memoize.patch_parsing, memoize.prove_parsing),
)
"""Seams by themselves, for which nobody needs to be told that they are left out."""

_REASON = 200


class Prefetching:
    """Fetching ahead for a run, as long as pip is built as expected.

    :param current: the holder of the job at hand.
    :param scope: what the run is about.
    """

    def __init__(self, current: CurrentJob, scope: Scope) -> None:
        self._current = current
        self._scope = scope
        self._ahead: Prefetcher | None = None
        self._undo: list[Undo] = []
        self._reason = ""

    def install(self, proof: JobOrder) -> None:
        """Spare pip its waiting, where that can be done.

        :param proof: a job for the proofs.
        """
        self._ahead = Prefetcher(self._current, self._scope)
        for name, patch, prove in _SEAMS:
            try:
                self._undo.append(patch(self._ahead))
                self._current.begin(proof)
                reason = "" if prove(self._ahead) else "the patch did not take"
            except OSError:
                raise  # a full disk, say, of which pip is innocent
            except Exception as error:  # noqa: BLE001 - a pip may have moved in any way
                reason = " ".join(repr(error).split())[:_REASON]
            if reason:
                self.remove(f"{name}: {reason}")
                return
        self._install_trifles()

    def _install_trifles(self) -> None:
        for patch, prove in _TRIFLES:
            with suppress(Exception):
                undo = patch()
                with suppress(Exception):
                    if prove():
                        self._undo.append(undo)
                        continue
                undo()

    def remove(self, reason: str) -> None:
        """Let pip fetch everything itself from now on.

        :param reason: why.
        """
        while self._undo:
            self._undo.pop()()
        self.close()
        self._reason = reason

    def tell(self) -> None:
        """Say that nothing is fetched ahead, if that is so."""
        from pip import __version__ as pip_version

        if not self._reason:
            return
        sys.stderr.write(
            f"note: pip {pip_version} is not built as wheeltarget knows it ({self._reason}), "
            "so nothing is fetched ahead; the files are the same, and this takes longer\n"
        )

    @property
    def ahead(self) -> Prefetcher | None:
        """Return what is fetched ahead; None where nothing is."""
        return self._ahead

    @property
    def is_installed(self) -> bool:
        """Return whether anything is fetched ahead."""
        return self._ahead is not None

    def close(self) -> None:
        """End what is going on."""
        if self._ahead is not None:
            self._ahead.close()
            if self._ahead.wheels.is_full:
                folder = self._ahead.wheels.store.folder
                sys.stderr.write(f"note: there is no room for more wheels in the cache, {folder}\n")
        self._ahead = None


def spare_collector() -> None:
    """Let the garbage collector not look, again and again, at what stays until the end."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
