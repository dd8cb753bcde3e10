"""Seam around tags: wheels are judged and ranked by those of the target."""

from __future__ import annotations

from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.selftest import ODD, proof_finder


def patch_tags(current: CurrentJob) -> Any:
    """Let wheels be judged by the target's tags.

    :param current: the holder of the job at hand.
    :returns: the class that was patched.
    """
    from pip._internal.models.target_python import TargetPython

    sorted_here, unsorted_here = TargetPython.get_sorted_tags, TargetPython.get_unsorted_tags

    def get_sorted_tags(self: Any) -> Any:
        view = current.job.view
        return sorted_here(self) if view is None else view.tags

    def get_unsorted_tags(self: Any) -> Any:
        view = current.job.view
        return unsorted_here(self) if view is None else view.tag_set

    TargetPython.get_sorted_tags = get_sorted_tags
    TargetPython.get_unsorted_tags = get_unsorted_tags
    return TargetPython


def prove_tags(target_python: Any) -> bool:
    """Ask which wheels pip would take for the proof's target, and which first."""
    from pip._internal.index.package_finder import LinkType
    from pip._internal.models.candidate import InstallationCandidate
    from pip._internal.models.link import Link

    finder = proof_finder(target_python)
    worse, better, foreign = (
        Link(f"https://example.invalid/proof-1-{tag}.whl")
        for tag in (*reversed(ODD.tags), "py3-none-any")
    )
    judge = finder.make_link_evaluator("proof").evaluate_link
    candidates = [InstallationCandidate("proof", "1", link) for link in (better, worse)]
    best = finder.make_candidate_evaluator("proof").compute_best_candidate(candidates)
    return bool(
        judge(worse)[0] is judge(better)[0] is LinkType.candidate
        and judge(foreign)[0] is LinkType.platform_mismatch
        and best.best_candidate.link == better
    )
