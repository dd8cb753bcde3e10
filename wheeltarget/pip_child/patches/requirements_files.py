"""Seam around requirements files: pip reads them under their own names, as the target sees them."""

from __future__ import annotations

import functools
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, rebind


def patch_files(current: CurrentJob) -> Any:
    """Make pip read the requirements files that the job has.

    :param current: the holder of the job at hand.
    :returns: the module that was patched.
    """
    from pip._internal.exceptions import InstallationError
    from pip._internal.req import req_file
    from pip._internal.utils.misc import redact_auth_from_url

    read_here = req_file.get_file_content

    @functools.wraps(read_here)
    def get_file_content(url: str, *arguments: Any, **named: Any) -> tuple[str, str]:
        content = current.job.order.files.get(url)
        if content is not None:
            return url, content
        if current.job.is_upcoming:
            raise InstallationError(f"{redact_auth_from_url(url)} is read when it is its turn")
        location, content = read_here(url, *arguments, **named)
        for number, line in enumerate(content.splitlines(), start=1):
            # Clauses are read by the parent, before pip: here they would be lost in silence.
            if ("tags" in line or "target" in line) and _has_clause(line):
                raise InstallationError(
                    f"line {number} of {redact_auth_from_url(url)} has a tags= or target= clause, "
                    "and those are read in local files only: download it and name the copy"
                )
        return location, content

    rebind("get_file_content", read_here, get_file_content)
    return req_file


def _has_clause(line: str) -> bool:
    # Most runs never get here, and what reads annotations takes its time to load.
    from wheeltarget.requirements.annotations import has_clause

    return has_clause(line)


def prove_files(req_file: Any) -> bool:
    """Read the file of the proof's job."""
    parser = req_file.RequirementsFileParser(None, req_file.get_line_parser(None))
    lines = list(parser.parse("proof.txt", constraint=False))
    return [(line.lineno, line.args.strip()) for line in lines] == [(1, "proof==1")]
