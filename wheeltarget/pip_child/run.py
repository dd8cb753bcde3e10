"""Resolve or list the jobs of a request: patch pip, prove the patches, run pip for each job."""

from __future__ import annotations

import gc
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from wheeltarget.cache.wheel_store import Store
from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.job import CurrentJob, RunContext, changed_environment, download
from wheeltarget.pip_child.patches import (
    chosen_files,
    exclusions,
    existing_files,
    failures,
    index_pages,
    metadata,
    selection,
)
from wheeltarget.pip_child.patches.install import PROOF, Seam, install
from wheeltarget.pip_child.patches.listing import ProjectLister
from wheeltarget.pip_child.patches.messages import patch_messages
from wheeltarget.pip_child.patches.requirements_files import FILES
from wheeltarget.pip_child.patches.terminal import share_terminal
from wheeltarget.pip_child.patches.trial import run_trial
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_child.progress import reporting
from wheeltarget.pip_protocol import INTERRUPTED, ResolveJobs, write_message
from wheeltarget.utils.progress import Progress

_SEAMS = (
    Seam("markers", metadata.patch_markers, metadata.prove_markers),
    Seam("supported tags", selection.patch_tags, selection.prove_tags),
    Seam("files of one project", selection.patch_selection, selection.prove_selection),
    Seam("failures of the resolver", failures.patch_failures, failures.prove_failures),
    Seam("specifiers from before PEP 440", metadata.patch_legacy, metadata.prove_legacy),
    Seam("excluded projects", exclusions.patch_exclusions, exclusions.prove_exclusions),
    FILES,
    Seam("index pages", index_pages.patch_pages, index_pages.prove_pages),
    Seam("existing files", existing_files.patch_existing, None),
    Seam("chosen files", chosen_files.patch_result, chosen_files.prove_result),
)


def run(request: ResolveJobs, result: Path, interrupts: list[int]) -> int:
    """Patch pip, run it for each job, and return the exit code of the process."""
    store = Store(request.store) if request.store else None
    current = CurrentJob(RunContext(store, request.refresh, is_watched=request.watched))
    if request.watched:
        share_terminal(result, current.run.transfers)
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary, ExitStack() as stack:
        prefetching = Prefetching(current, request, Path(temporary))

        def find_progress() -> Progress:
            files = current.run.transfers.progress()
            is_resolving = current.job.resolver is None
            if files is None or (files.is_done and is_resolving):
                return prefetching.progress()
            return files

        try:
            _install(current, prefetching, lists=request.lists)
            stack.enter_context(reporting(result, find_progress, watched=request.watched))
            for number, order in enumerate(request.jobs):
                current.begin(order)
                if number and any(gc.get_count()[1:]):  # not after a small job
                    gc.collect()
                _run_job(current, lists=request.lists)
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


def _run_job(current: CurrentJob, *, lists: bool) -> None:
    job = current.job
    with changed_environment(unset=job.order.unset):
        exit_code = download(job.order.arguments)
    if exit_code == 0 and not job.was_run:
        sys.stderr.write(
            "ERROR: pip did not run the download in this interpreter, so it did not see the "
            "target: remove --python, and unset PIP_PYTHON\n"
        )
        exit_code = 1
    message = job.listing if lists else job.report(exit_code)
    if message is not None:
        write_message(job.order.result, message)
