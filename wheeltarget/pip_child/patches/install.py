"""The order in which patches are installed and proved, and the trial of a pip that is not known.

Every patch stands in a module of this package, with its proof beside it, and asks
:class:`CurrentJob` for the job at hand; without a target it does what pip does.
A proof asks pip's real objects what they would do; it takes a few milliseconds. On a pip newer than
those that wheeltarget's own tests were run on,
:mod:`wheeltarget.pip_child.patches.selftest` asks pip as a whole, too. Where one answers for this
machine instead, :class:`PipMovedError` ends the run before anything is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from wheeltarget import __version__
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.chosen_files import patch_result, prove_result
from wheeltarget.pip_child.patches.error_messages import patch_pages
from wheeltarget.pip_child.patches.existing_files import patch_existing
from wheeltarget.pip_child.patches.failures import patch_failures, prove_failures
from wheeltarget.pip_child.patches.legacy_specifiers import patch_legacy, prove_legacy
from wheeltarget.pip_child.patches.listing import ProjectLister, patch_listing, prove_listing
from wheeltarget.pip_child.patches.log_messages import patch_messages
from wheeltarget.pip_child.patches.markers import (
    patch_markers,
    patch_unknown,
    prove_markers,
    prove_unknown,
)
from wheeltarget.pip_child.patches.requirements_files import patch_files, prove_files
from wheeltarget.pip_child.patches.selection import (
    NARROW,
    PREFERRED,
    SOURCE,
    patch_selection,
    patch_tags,
    prove_selection,
    prove_tags,
)
from wheeltarget.pip_child.patches.selftest import ODD, Download, find_fault
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_protocol import JobOrder

PROOF = JobOrder(
    label="proof",
    target=ODD,
    arguments=(),
    files={"proof.txt": "proof==1 \\\n  --hash=sha256:00\n"},
    folder="proof-folder",
    destination="proof-destination",
    result=Path(),
    narrow={NARROW: ODD.tags[-1:]},
    sources=frozenset({SOURCE}),
    prefer={PREFERRED: "1"},
)
"""A job for a target that no machine is."""

_KNOWN_PIPS = ((25, 3), (26, 3))
"""The oldest and the newest pip on which the trial is part of wheeltarget's own tests."""

_LONGEST_REASON = 300


class Seam(NamedTuple):
    """A place in pip.

    :param name: what it is about, for a message.
    :param patch: makes pip ask for the job at hand there; gives what the proof needs.
    :param prove: asks pip's own objects whether they do; None where the trial has to show it.
    """

    name: str
    patch: Callable[[CurrentJob], Any]
    prove: Callable[[Any], bool] | None


def install(
    current: CurrentJob, download: Download, prefetching: Prefetching | None = None
) -> None:
    """Make pip see the job at hand, and prove that every patch took.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :param prefetching: spares pip its waiting, where that can be done.
    :raises PipMovedError: where pip is not built as expected.
    """
    _install(
        current,
        Seam("markers", patch_markers, prove_markers),
        Seam("who asks for what is not known", patch_unknown, prove_unknown),
        Seam("supported tags", patch_tags, prove_tags),
        Seam("files of one project", patch_selection, prove_selection),
        Seam("why it fails", patch_failures, prove_failures),
        Seam("specifiers from before PEP 440", patch_legacy, prove_legacy),
        Seam("content of requirements files", patch_files, prove_files),
        Seam("files that are there already", patch_existing, None),
        Seam("what was chosen", patch_result, prove_result),
    )
    patch_messages(current)
    if prefetching is not None:
        prefetching.install(PROOF)
    try:
        _try_out(current, download, plain=False)
    except PipMovedError:
        if prefetching is None or not prefetching.is_installed:
            raise
        prefetching.remove("in a trial")
        _try_out(current, download, plain=False)
    if prefetching is not None:
        prefetching.tell()


def install_listing(
    current: CurrentJob, download: Download, prefetching: Prefetching | None = None
) -> None:
    """Make pip see the job at hand, and look at projects where it would resolve.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :param prefetching: spares pip its waiting, where that can be done.
    :raises PipMovedError: where pip is not built as expected.
    """
    # Before pages are fetched ahead, since of those pip does not read every file.
    lister = ProjectLister(current, patch_pages(current), prefetching)
    install(current, download, prefetching)
    _install(
        current, Seam("what there is of a project", lambda _: patch_listing(lister), prove_listing)
    )


def install_files(current: CurrentJob, download: Download) -> None:
    """Make pip read the requirements files of the job, and leave the rest of it as it is.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :raises PipMovedError: where pip is not built as expected.
    """
    _install(current, Seam("content of requirements files", patch_files, prove_files))
    _try_out(current, download, plain=True)


def _install(current: CurrentJob, *seams: Seam) -> None:
    for seam in seams:
        try:
            proof = seam.patch(current)
            current.begin(PROOF)
            took = seam.prove is None or seam.prove(proof)
        except Exception as error:
            raise _moved(seam.name, repr(error)) from error
        if not took:
            raise _moved(seam.name, "the patch did not take")


def _try_out(current: CurrentJob, download: Download, *, plain: bool) -> None:
    from pip import __version__ as pip_version

    if is_known(pip_version):
        return
    try:
        fault = find_fault(current, download, plain=plain)
    except OSError:
        raise  # a full disk, say, of which pip is innocent
    except Exception as error:
        raise _moved("in a trial", repr(error)) from error
    if fault:
        raise _moved("in a trial", fault)


def is_known(pip_version: str) -> bool:
    """Return whether a pip is one of those on which wheeltarget was tried out."""
    release = tuple(int(number) for number in re.findall(r"\d+", pip_version)[:2])
    oldest, newest = _KNOWN_PIPS
    return oldest <= release <= newest


def _moved(what: str, why: str) -> PipMovedError:
    from pip import __version__ as pip_version

    reason = " ".join(why.split())
    return PipMovedError(
        f"pip {pip_version} is not built as wheeltarget {__version__} knows it "
        f"({what}: {reason[:_LONGEST_REASON]}), so it would answer for this machine; "
        "nothing was fetched: use a pip from 25.3 to 26.3, or a newer wheeltarget"
    )
