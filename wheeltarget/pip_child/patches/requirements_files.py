"""Patch of requirements files: pip reads their content as it is for the target.

start-up: the grammar of annotations is loaded only for a file that only pip can read.
"""

from __future__ import annotations

from typing import Any

from pip._internal.exceptions import InstallationError
from pip._internal.req import req_file
from pip._internal.utils.misc import redact_auth_from_url

from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.patches.install import Seam


def _patch(current: CurrentJob) -> None:
    """Read requirements files from the job."""

    @replaces(req_file, "get_file_content")
    def get_content(original: Any, url: str, *rest: Any, **named: Any) -> tuple[str, str]:
        content = current.job.order.files.get(url)
        if content is not None:
            return url, content
        if current.job.is_upcoming:
            raise InstallationError(f"{redact_auth_from_url(url)} is not read ahead")
        from wheeltarget.requirements.annotations import has_clause

        location, content = original(url, *rest, **named)
        for number, line in enumerate(content.splitlines(), start=1):
            # The parent reads clauses before pip runs; here they would be ignored.
            if ("tags" in line or "target" in line) and has_clause(line):
                raise InstallationError(
                    f"line {number} of {redact_auth_from_url(url)} has a tags= or target= clause, "
                    "but clauses are read in local files only: download the file, and use the copy"
                )
        return location, content


def _prove(_current: CurrentJob) -> bool:
    """Check that pip reads the file of the proof's job."""
    parser = req_file.RequirementsFileParser(None, req_file.get_line_parser(None))
    lines = list(parser.parse("proof.txt", constraint=False))
    return [(line.lineno, line.args.strip()) for line in lines] == [(1, "proof==1")]


FILES = Seam("content of requirements files", _patch, _prove)
