"""Build wheels with pip for this machine, in isolation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from wheeltarget.resolver.pip_runner import FOREIGN_VARIABLES
from wheeltarget.resolver.processes import wait_for
from wheeltarget.utils.python_process import python
from wheeltarget.wheelhouse.merge import Stage

_NOT_FOR_BUILDING = (
    "PIP_CONSTRAINT",
    "PIP_EDITABLE",
    "PIP_GROUP",
    "PIP_REQUIREMENT",
    "PIP_REQUIREMENTS_FROM_SCRIPT",
)
"""Variables with requirements of the run, which are not to be built."""


def build_wheel(source: Path, folder: Path, options: Sequence[str], stage: Stage) -> int:
    """Build a wheel for this machine, in isolation, without dependencies.

    :param source: the source distribution.
    :param folder: the folder for the wheel.
    :param options: options for ``pip wheel``.
    :param stage: for temporary files.
    :returns: pip's exit code.
    """
    result = f"--wheel-dir={folder}"
    command = python("-m", "pip", "wheel", *options, "--no-deps", result, str(source))
    temporary = str(stage.temporary)
    environment = {**os.environ, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
    for name in (*FOREIGN_VARIABLES, *_NOT_FOR_BUILDING):
        environment.pop(name, None)
    # The hash of the source was checked when it was fetched.
    environment["PIP_REQUIRE_HASHES"] = "0"
    sys.stderr.flush()
    with subprocess.Popen(command, env=environment, stdout=2) as child:
        stage.notify_guard(f"child {child.pid}")
        try:
            return wait_for(child)
        finally:
            stage.notify_guard(f"ended {child.pid}")
