"""What the command behind a verb is called with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.here import run_here
from wheeltarget.errors import ProbeError


def called_with(verb: str, *arguments: str, name: str = "") -> tuple[Any, ...]:
    """Return the arguments that a command line calls its command with; it does not run.

    :param name: the function, if it is not called as the verb.
    """
    function = verb.replace("-", "_")
    package = import_module(f"wheeltarget.commands.{function}")
    is_folder = hasattr(package, "__path__")
    module = import_module(f"{package.__name__}.{function}") if is_folder else package
    error = ProbeError("it does not run")
    with mock.patch.object(module, name or function, side_effect=error) as command:
        result = run_here(verb, *arguments, cwd=Path.cwd())
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", "error: it does not run\n")
    command.assert_called_once()
    return tuple(command.call_args.args)
