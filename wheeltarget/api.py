"""One function for each verb: a request in, an outcome out, nothing printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from wheeltarget.cache.wheel_store import CacheRemoved, CacheUsage
from wheeltarget.commands import explain as _explain
from wheeltarget.commands import install_check as _install_check
from wheeltarget.commands.bundle import bundle as _bundle
from wheeltarget.commands.bundle.bundle import BundleOutcome, BundleRequest
from wheeltarget.commands.cache import cache_clear, cache_info, cache_prune
from wheeltarget.commands.check import check as _check
from wheeltarget.commands.check.check import CheckOutcome, CheckRequest
from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.download import download as _download
from wheeltarget.commands.download.request import (
    DownloadOutcome,
    DownloadRequest,
    PlainRun,
    RequestedBy,
    TargetFile,
    TargetFiles,
)
from wheeltarget.commands.explain import ExplainOutcome, ExplainRequest
from wheeltarget.commands.install_check import InstallCheckOutcome, InstallCheckRequest
from wheeltarget.commands.list_targets import TargetsOutcome, TargetsRequest, targets
from wheeltarget.commands.lock import lock as _lock
from wheeltarget.commands.lock.files import LockOutcome
from wheeltarget.commands.lock.lock import LockRequest
from wheeltarget.commands.merge import MergeOutcome, MergeRequest, merge
from wheeltarget.commands.pack import pack as _pack
from wheeltarget.commands.pack.pack import PackOutcome, PackRequest
from wheeltarget.commands.pack.verify import PackVerifyOutcome, PackVerifyRequest
from wheeltarget.commands.pack.verify import verify_pack as pack_verify
from wheeltarget.commands.probe.probe import probe
from wheeltarget.commands.prune import PruneOutcome, PruneRequest, prune
from wheeltarget.commands.validate.codes import CODES
from wheeltarget.commands.validate.validate import ValidateOutcome, ValidateRequest, validate
from wheeltarget.errors import Fault, InputError, Location, WheeltargetError
from wheeltarget.resolver.explanation import ResolutionError
from wheeltarget.resolver.pip_runner import captured_output

__all__ = [
    "CODES", "BundleOutcome", "BundleRequest", "CacheRemoved", "CacheUsage", "CheckFinding",
    "CheckOutcome", "CheckRequest", "DownloadOutcome", "DownloadRequest", "ExplainOutcome",
    "ExplainRequest", "Fault", "InputError", "InstallCheckOutcome", "InstallCheckRequest",
    "Location", "LockOutcome", "LockRequest", "MergeOutcome", "MergeRequest", "PackOutcome",
    "PackRequest", "PackVerifyOutcome", "PackVerifyRequest", "PlainRun",
    "PruneOutcome", "PruneRequest", "RequestedBy", "ResolutionError", "TargetFile", "TargetFiles",
    "TargetsOutcome", "TargetsRequest", "ValidateOutcome", "ValidateRequest", "WheeltargetError",
    "bundle", "cache_clear", "cache_info", "cache_prune", "check", "download", "explain",
    "install_check", "lock", "merge", "pack", "pack_verify", "probe", "prune", "targets",
    "validate",
]  # fmt: skip

_Request = TypeVar("_Request")
_Outcome = TypeVar("_Outcome")


def _silent(verb: Callable[[_Request], _Outcome]) -> Callable[[_Request], _Outcome]:
    """Capture the output of pip; an error has it as a note, and a plain run as a field."""

    @wraps(verb)
    def run(request: _Request) -> _Outcome:
        with captured_output() as output:
            try:
                outcome = verb(request)
            except WheeltargetError as error:
                if text := output():
                    error.add_note(text)
                raise
            return replace(outcome, output=output()) if isinstance(outcome, PlainRun) else outcome

    return run


bundle = _silent(_bundle.bundle)
check = _silent(_check.check)
download = _silent(_download.download)
explain = _silent(_explain.explain)
install_check = _silent(_install_check.install_check)
lock = _silent(_lock.lock)
pack = _silent(_pack.pack)
