"""Run wheeltarget's command line in this process, which costs no start of Python."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from tests.support.cli import Result
from wheeltarget.cli.app import run


def run_here(*arguments: str, cwd: Path, variables: Mapping[str, str] | None = None) -> Result:
    """Run wheeltarget to its end; a test for what it does as a process takes tests.support.cli.

    :param arguments: the command line.
    :param cwd: the working directory.
    :param variables: environment variables to set.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.dict("os.environ", variables or {}),
    ):
        try:
            run(list(arguments))
        except SystemExit as ended:
            code = ended.code or 0
    assert isinstance(code, int)
    return Result(code, stdout.getvalue(), stderr.getvalue())
