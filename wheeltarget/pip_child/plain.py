"""Use pip as it is: for a download for this machine, or only to read requirements files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import PipError
from pip._internal.req import req_file
from pip._vendor.requests import RequestException

from wheeltarget.pip_child import moved_error
from wheeltarget.pip_child.job import CurrentJob, RunContext, changed_environment, download
from wheeltarget.pip_child.patches.install import install
from wheeltarget.pip_child.patches.messages import describe
from wheeltarget.pip_child.patches.requirements_files import FILES
from wheeltarget.pip_child.patches.trial import run_trial
from wheeltarget.pip_protocol import Contents, JobOrder, PlainRun, ReadFiles, write_message

_lacks_indexes = ""
try:
    from wheeltarget.pip_child import project_indexes
except (ImportError, AttributeError) as error:
    _lacks_indexes = repr(error)  # that matters only if a project has an index of its own
_can_observe = True
try:
    from wheeltarget.pip_child.patches.chosen_files import observe_result
except (ImportError, AttributeError):
    _can_observe = False


def run(request: PlainRun | ReadFiles, result: Path, _interrupts: list[int]) -> int:
    """Run the request, and return the exit code of the process."""
    if isinstance(request, PlainRun):
        return _run_pip(request, result)
    texts, reasons = {}, {}

    def read(self: Any, options: Any, _arguments: list[str]) -> int:
        session = self.get_default_session(options)
        for url in request.urls:
            try:
                texts[url] = str(req_file.get_file_content(url, session)[1])
            except (PipError, RequestException, OSError, ValueError) as error:
                reasons[url] = _reason(url, error)
        return 0

    DownloadCommand.run = read
    download(request.arguments)
    write_message(result, Contents(texts, reasons))
    return 0


def _reason(url: str, error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is None:
        return describe(error)
    if url.lower().startswith("file:"):  # pip makes an answer of 404 of every error
        return "there is no such file, or it cannot be read"
    return f"the server answered {response.status_code} {response.reason}".rstrip()


def _run_pip(request: PlainRun, result: Path) -> int:
    current = CurrentJob(RunContext())
    if request.files or not request.observed:
        install(current, FILES)
        run_trial(current, plain=True)
    if request.indexes and _lacks_indexes:
        raise moved_error("imports", _lacks_indexes)
    if request.indexes:
        install(current, project_indexes.INDEXES)
    if request.observed and _can_observe:
        observe_result(current)
    order = JobOrder(
        *("this interpreter", None, request.arguments, request.files, "", "", result),
        indexes=request.indexes,
    )
    job = current.begin(order)
    variables = project_indexes.variables_for(order) if request.indexes else {}
    with changed_environment(unset=(), **variables):
        exit_code = download(request.arguments)
    if job.was_run:
        write_message(result, job.report(exit_code))
    return exit_code
