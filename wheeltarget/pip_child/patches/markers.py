"""Seam around markers: they see the target, and are refused if they ask for what nobody knows."""

from __future__ import annotations

import functools
from typing import Any

from wheeltarget.pip_child.job import CurrentJob, rebind
from wheeltarget.pip_child.patches.selftest import ODD
from wheeltarget.targets.markers import holds


class UnknownMarkerError(Exception):
    """A marker asks for an unknown variable whose value matters.

    :param marker: the marker.
    :param variable: the variable.
    """

    def __init__(self, marker: str, variable: str) -> None:
        super().__init__(marker, variable)
        self.marker = marker
        self.variable = variable


def patch_markers(current: CurrentJob) -> None:
    """Make markers see the target.

    :param current: the holder of the job at hand.
    """
    from pip._vendor.packaging import markers

    host_environment = markers.default_environment
    evaluate_here = markers.Marker.evaluate

    def default_environment() -> dict[str, str]:
        view = current.job.view
        if view is None:
            return dict(host_environment())
        return {**dict.fromkeys(view.unknown, ""), **view.markers}

    @functools.wraps(evaluate_here)
    def evaluate(self: Any, *arguments: Any, **named: Any) -> bool:
        view = current.job.view
        if view is None or not view.unknown:
            return bool(evaluate_here(self, *arguments, **named))

        def decide(text: str) -> bool:
            return bool(evaluate_here(markers.Marker(text), *arguments, **named))

        text = str(self)
        if not any(name in text for name in view.unknown):
            return bool(evaluate_here(self, *arguments, **named))
        verdict = holds(text, decide, view.unknown)
        if isinstance(verdict, bool):
            return verdict
        if current.job.checks_metadata:
            return False
        raise UnknownMarkerError(text, verdict[0])

    rebind("default_environment", host_environment, default_environment)
    markers.Marker.evaluate = evaluate


def prove_markers(_proof: object) -> bool:
    """Ask a requirement for each variable of the proof's target."""
    from pip._internal.models.installation_report import InstallationReport
    from pip._internal.req.constructors import install_req_from_line

    known = ODD.markers
    for name, value in known.items():
        requirement = install_req_from_line(f'proof ; {name} == "{value}"')
        if not requirement.match_markers():
            return False
    reported = InstallationReport([]).to_dict()["environment"]
    return bool(reported["sys_platform"] == known["sys_platform"])
