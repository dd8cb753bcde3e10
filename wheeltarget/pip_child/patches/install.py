"""Install and prove all patches, and try out a pip that is not known.

Each patch is in a module of this package, next to its proof. It uses the job of
:class:`CurrentJob`; without a target it does what pip does. A proof checks within milliseconds that
pip's real objects use the patch. A pip that wheeltarget was not tested with also runs the trial in
:mod:`wheeltarget.pip_child.patches.selftest`. If a proof or the trial fails,
:class:`PipMovedError` ends the run before anything is fetched.
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
    allowed_tags={NARROW: ODD.tags[-1:]},
    sources=frozenset({SOURCE}),
    preferred={PREFERRED: "1"},
)
"""A job for a target that no machine has."""

_KNOWN_PIPS = ((25, 3), (26, 3))
"""The oldest and the newest pip that wheeltarget is tested with."""

_LONGEST_REASON = 300


class Seam(NamedTuple):
    """A patch and its proof.

    :param name: what it is about, for messages.
    :param patch: patches pip, and returns what the proof needs.
    :param prove: returns whether pip uses the patch; None if only the trial can show it.
    """

    name: str
    patch: Callable[[CurrentJob], Any]
    prove: Callable[[Any], bool] | None


def install(
    current: CurrentJob, download: Download, prefetching: Prefetching | None = None
) -> None:
    """Install and prove all patches for resolving.

    :param current: the current job.
    :param download: runs ``pip download``.
    :param prefetching: what fetches ahead of pip, if anything.
    :raises PipMovedError: if a proof or the trial fails.
    """
    _install(
        current,
        Seam("markers", patch_markers, prove_markers),
        Seam("unknown marker variables", patch_unknown, prove_unknown),
        Seam("supported tags", patch_tags, prove_tags),
        Seam("files of one project", patch_selection, prove_selection),
        Seam("failures of the resolver", patch_failures, prove_failures),
        Seam("specifiers from before PEP 440", patch_legacy, prove_legacy),
        Seam("content of requirements files", patch_files, prove_files),
        Seam("existing files", patch_existing, None),
        Seam("chosen files", patch_result, prove_result),
    )
    patch_messages(current)
    if prefetching is not None:
        prefetching.install(PROOF)
    try:
        _run_trial(current, download, plain=False)
    except PipMovedError:
        if prefetching is None or not prefetching.is_installed:
            raise
        prefetching.remove("in a trial")
        _run_trial(current, download, plain=False)
    if prefetching is not None:
        prefetching.write_note()


def install_listing(
    current: CurrentJob, download: Download, prefetching: Prefetching | None = None
) -> None:
    """Install and prove all patches for listing projects.

    :param current: the current job.
    :param download: runs ``pip download``.
    :param prefetching: what fetches ahead of pip, if anything.
    :raises PipMovedError: if a proof or the trial fails.
    """
    # Before those of prefetching, which leave out files of a page.
    lister = ProjectLister(current, patch_pages(current), prefetching)
    install(current, download, prefetching)
    _install(current, Seam("files of projects", lambda _: patch_listing(lister), prove_listing))


def install_files(current: CurrentJob, download: Download) -> None:
    """Install and prove the patch of requirements files alone.

    :param current: the current job.
    :param download: runs ``pip download``.
    :raises PipMovedError: if the proof or the trial fails.
    """
    _install(current, Seam("content of requirements files", patch_files, prove_files))
    _run_trial(current, download, plain=True)


def _install(current: CurrentJob, *seams: Seam) -> None:
    for seam in seams:
        try:
            proof = seam.patch(current)
            current.begin(PROOF)
            is_proved = seam.prove is None or seam.prove(proof)
        except Exception as error:
            raise _moved_error(seam.name, repr(error)) from error
        if not is_proved:
            raise _moved_error(seam.name, "pip does not use the patch")


def _run_trial(current: CurrentJob, download: Download, *, plain: bool) -> None:
    from pip import __version__ as pip_version

    if is_known(pip_version):
        return
    try:
        fault = find_fault(current, download, plain=plain)
    except OSError:
        raise  # such as a full disk, which is not pip's fault
    except Exception as error:
        raise _moved_error("in a trial", repr(error)) from error
    if fault:
        raise _moved_error("in a trial", fault)


def is_known(pip_version: str) -> bool:
    """Return whether wheeltarget is tested with a version of pip."""
    release = tuple(int(number) for number in re.findall(r"\d+", pip_version)[:2])
    oldest, newest = _KNOWN_PIPS
    return oldest <= release <= newest


def _moved_error(what: str, why: str) -> PipMovedError:
    from pip import __version__ as pip_version

    reason = " ".join(why.split())
    return PipMovedError(
        f"wheeltarget {__version__} does not work with pip {pip_version} "
        f"({what}: {reason[:_LONGEST_REASON]}), which would resolve for this machine instead of "
        "the target; nothing was fetched: use pip 25.3 to 26.3, or a newer wheeltarget"
    )
