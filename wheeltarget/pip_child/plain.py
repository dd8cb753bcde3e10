"""Run pip for this machine; only the content of requirements files is changed."""

from __future__ import annotations

from pathlib import Path

from wheeltarget.pip_child.job import CurrentJob, RunContext, download
from wheeltarget.pip_child.patches.install import install, run_trial
from wheeltarget.pip_child.patches.requirements_files import FILES
from wheeltarget.pip_protocol import JobOrder, PlainRun, write_message

try:
    from wheeltarget.pip_child.patches.chosen_files import observe_result
except (ImportError, AttributeError):
    _CAN_OBSERVE = False
else:
    _CAN_OBSERVE = True


def run(request: PlainRun, result: Path, _interrupts: list[int]) -> int:
    """Run pip, write what it chose if that was requested, and return pip's exit code."""
    current = CurrentJob(RunContext())
    if request.files or not request.observed:
        install(current, FILES)
        run_trial(current, plain=True)
    if request.observed and _CAN_OBSERVE:
        observe_result(current)
    job = current.begin(
        JobOrder("this interpreter", None, request.arguments, request.files, "", "", result)
    )
    exit_code = download(request.arguments)
    if job.was_run:
        write_message(result, job.report(exit_code))
    return exit_code
