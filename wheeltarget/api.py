"""One function for each verb: a request in, an outcome out, nothing printed.

A name is loaded when it is first used, so that a program loads only the verbs that it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheeltarget.commands.download.download import download
    from wheeltarget.commands.download.request import (
        DownloadOutcome,
        DownloadRequest,
        PlainRun,
        RequestedBy,
        TargetFile,
        TargetFiles,
    )
    from wheeltarget.commands.explain import ExplainOutcome, ExplainRequest, explain
    from wheeltarget.commands.lock.files import LockOutcome
    from wheeltarget.commands.lock.lock import LockRequest, lock
    from wheeltarget.commands.validate.codes import CODES
    from wheeltarget.commands.validate.validate import ValidateOutcome, ValidateRequest, validate

__all__ = [
    "CODES", "DownloadOutcome", "DownloadRequest", "ExplainOutcome", "ExplainRequest",
    "LockOutcome", "LockRequest", "PlainRun", "RequestedBy", "TargetFile", "TargetFiles",
    "ValidateOutcome", "ValidateRequest", "download", "explain", "lock", "validate",
]  # fmt: skip

_HOMES = {
    "download.download": "download",
    "download.request": (
        "DownloadOutcome DownloadRequest PlainRun RequestedBy TargetFile TargetFiles"
    ),
    "explain": "ExplainOutcome ExplainRequest explain",
    "lock.lock": "LockOutcome LockRequest lock",
    "validate.codes": "CODES",
    "validate.validate": "ValidateOutcome ValidateRequest validate",
}


def __getattr__(name: str) -> object:
    """Load a name from its module."""
    for module, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(f"wheeltarget.commands.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
