"""Resolve or list the jobs of a request: patch pip, prove the patches, run pip for each job."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.job import (
    CurrentJob,
    JobState,
    RunContext,
    changed_environment,
    download,
)
from wheeltarget.pip_child.patches.chosen_files import patch_result, prove_result
from wheeltarget.pip_child.patches.existing_files import patch_copies, patch_existing
from wheeltarget.pip_child.patches.failures import patch_failures, prove_failures
from wheeltarget.pip_child.patches.index_pages import patch_freshness
from wheeltarget.pip_child.patches.install import PROOF, Seam, install, run_trial
from wheeltarget.pip_child.patches.legacy_specifiers import patch_legacy, prove_legacy
from wheeltarget.pip_child.patches.listing import ProjectLister
from wheeltarget.pip_child.patches.markers import patch_markers, prove_markers
from wheeltarget.pip_child.patches.messages import patch_messages
from wheeltarget.pip_child.patches.requirements_files import FILES
from wheeltarget.pip_child.patches.selection import (
    patch_selection,
    patch_tags,
    prove_selection,
    prove_tags,
)
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_protocol import (
    INTERRUPTED,
    ListingReport,
    ListProjects,
    ResolveJobs,
    write_message,
)

_SEAMS = (
    Seam("markers", patch_markers, prove_markers),
    Seam("supported tags", patch_tags, prove_tags),
    Seam("files of one project", patch_selection, prove_selection),
    Seam("failures of the resolver", patch_failures, prove_failures),
    Seam("specifiers from before PEP 440", patch_legacy, prove_legacy),
    FILES,
    Seam("existing files", patch_existing, None),
    Seam("chosen files", patch_result, prove_result),
)


def run(request: ResolveJobs | ListProjects, _result: Path, interrupts: list[int]) -> int:
    """Patch pip, run it for each job, and return the exit code of the process."""
    store, refresh = None, False
    if isinstance(request, ResolveJobs):
        store, refresh = request.store, request.refresh
    current = CurrentJob(RunContext(Store(store) if store else None, refresh))
    if store is not None:
        patch_copies(current)
        patch_freshness(current)
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary:
        prefetching = Prefetching(current, request, Path(temporary))
        try:
            _install(current, prefetching, lists=isinstance(request, ListProjects))
            for number, order in enumerate(request.jobs):
                job = current.begin(order)
                if number and any(gc.get_count()[1:]):  # not after a small job
                    gc.collect()
                _run_job(job, lists=isinstance(request, ListProjects))
                if interrupts:
                    return INTERRUPTED
        finally:
            prefetching.close()
    return 0


def _install(current: CurrentJob, prefetching: Prefetching, *, lists: bool) -> None:
    """Install and prove all patches; those of prefetching may be missing."""
    install(current, *_SEAMS)
    patch_messages(current)
    prefetching.install(PROOF)
    try:
        run_trial(current, plain=False)
    except PipMovedError:
        if not prefetching.is_installed:
            raise
        prefetching.remove("in a trial")
        run_trial(current, plain=False)
    prefetching.write_note()
    if lists:
        lister = ProjectLister(current, prefetching.fetch_pages)
        install(current, Seam("files of projects", lister.patch, lister.prove))


def _run_job(job: JobState, *, lists: bool) -> None:
    order = job.order
    with changed_environment(unset=order.unset):
        exit_code = download(order.arguments)
    if exit_code == 0 and not job.was_run:
        sys.stderr.write(
            "ERROR: pip did not run the download in this interpreter, so it did not see the "
            "target: remove --python, and unset PIP_PYTHON\n"
        )
        exit_code = 1
    write_message(order.result, ListingReport(job.listing) if lists else job.report(exit_code))
