"""Resolve or list the jobs of a request: patch pip, prove the patches, run pip for each job."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
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
from wheeltarget.pip_child.patches.user_agent import avoid_programs
from wheeltarget.pip_child.prefetch.install import Prefetching
from wheeltarget.pip_child.progress import reporting, trying
from wheeltarget.pip_child.project_indexes import INDEXES, variables_for
from wheeltarget.pip_child.tries_counter import TriesCounter
from wheeltarget.pip_protocol import INTERRUPTED, JobOrder, ResolveJobs, write_message
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
    INDEXES,
)


def run(request: ResolveJobs, result: Path, interrupts: list[int]) -> int:
    """Patch pip, run it for each job, and return the exit code of the process."""
    store = Store(request.store) if request.store else None
    current = CurrentJob(RunContext(store, request.refresh, is_watched=request.watched))
    if request.watched:
        share_terminal(result, current.run.transfers)
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary, ExitStack() as stack:
        prefetching = Prefetching(current, request, Path(temporary))
        counter = TriesCounter(current)
        running = current.job

        def find_progress() -> Progress:
            files = current.run.transfers.progress()
            is_resolving = running.resolver is None
            if is_resolving and (attempt := running.tries.latest):
                label = running.order.label if len(request.jobs) > 1 else ""
                return trying(attempt, label, files)
            if files is None or (files.is_done and is_resolving):
                return prefetching.progress()
            return files

        try:
            _install(current, prefetching, counter, lists=request.lists)
            stack.enter_context(reporting(result, find_progress, watched=request.watched))
            for number, order in enumerate(request.jobs):
                running = current.begin(order)
                if number and any(gc.get_count()[1:]):  # not after a small job
                    gc.collect()
                _run_job(current, counter, lists=request.lists)
                if interrupts:
                    return INTERRUPTED
        finally:
            prefetching.close()
    return 0


def _install(
    current: CurrentJob, prefetching: Prefetching, counter: TriesCounter, *, lists: bool
) -> None:
    """Install and prove all patches; those of prefetching and of the counter may be missing."""
    install(current, *_SEAMS)
    patch_messages(current)
    avoid_programs()
    counter.install()
    prefetching.install(PROOF)
    try:
        run_trial(current, plain=False)
    except PipMovedError:
        if not prefetching.is_installed:
            raise
        prefetching.remove("in a trial")
        run_trial(current, plain=False)
    prefetching.write_note()
    with suppress(Exception):  # it only matters if somebody wants the provenance
        current.sees_provenance = chosen_files.sees_provenance(current)
    if lists:
        lister = ProjectLister(current, prefetching.fetch_pages)
        install(current, Seam("files of projects", lister.patch, lister.prove))


def _own_environment(order: JobOrder) -> AbstractContextManager[None]:
    """Return a context in which pip reads of its configuration what a job allows."""
    variables = variables_for(order)
    if order.configured:
        return changed_environment(unset=order.unset, **variables)
    settings = [name for name in os.environ if name.startswith("PIP_")]
    return changed_environment(unset=settings, **{"PIP_CONFIG_FILE": os.devnull, **variables})


def _run_job(current: CurrentJob, counter: TriesCounter, *, lists: bool) -> None:
    job = current.job
    with _own_environment(job.order):
        exit_code = download(job.order.arguments)
    if exit_code == 0 and not job.was_run:
        sys.stderr.write(
            "ERROR: pip did not run the download in this interpreter, so it did not see the "
            "target: remove --python, and unset PIP_PYTHON\n"
        )
        exit_code = 1
    report = job.report(exit_code, current.run.statuses.values())
    backtracking = counter.summary(job) if exit_code else None
    report = replace(report, sees_provenance=current.sees_provenance, backtracking=backtracking)
    message = job.listing if lists else report
    if message is not None:
        write_message(job.order.result, message)
