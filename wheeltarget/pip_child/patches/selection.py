"""Patches of file selection: tags of target and constraints, sdists, preferred versions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from wheeltarget.pip_child.job import AllowedTags, CurrentJob
from wheeltarget.pip_child.patches.selftest import ODD, proof_finder
from wheeltarget.pip_child.patches.sizes import patch_sizes

NARROW = "narrow-proof"
"""The project for which the proof's job allows only the last tag."""

SOURCE = "source-proof"
"""The project for which the proof's job allows source distributions."""

PREFERRED = "preferred-proof"
"""The project for which the proof's job prefers version 1."""


def patch_tags(current: CurrentJob) -> Any:
    """Use the target's tags, and return the patched class."""
    from pip._internal.models.target_python import TargetPython

    original_sorted, original_unsorted = (
        TargetPython.get_sorted_tags,
        TargetPython.get_unsorted_tags,
    )

    def get_sorted_tags(self: Any) -> Any:
        view = current.job.view
        return original_sorted(self) if view is None else view.tags

    def get_unsorted_tags(self: Any) -> Any:
        view = current.job.view
        return original_unsorted(self) if view is None else view.tag_set

    TargetPython.get_sorted_tags = get_sorted_tags
    TargetPython.get_unsorted_tags = get_unsorted_tags
    return TargetPython


def prove_tags(target_python: Any) -> bool:
    """Check which wheels pip accepts for the proof's target, and which it prefers."""
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


def patch_allowed(current: CurrentJob) -> None:
    """Use the tags that constraints allow a project."""
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.target_python import TargetPython

    class RestrictedPython(TargetPython):  # type: ignore[misc]
        def __init__(self, whole: Any, allowed: AllowedTags) -> None:
            super().__init__(
                platforms=whole.platforms,
                py_version_info=whole._given_py_version_info,
                abis=whole.abis,
                implementation=whole.implementation,
            )
            self._allowed = allowed

        def get_sorted_tags(self) -> list[Any]:
            return self._allowed.tags

        def get_unsorted_tags(self) -> frozenset[Any]:
            return self._allowed.tag_set

    def restricted(original_make: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original_make)
        def make(self: Any, project_name: str, *arguments: Any, **named: Any) -> Any:
            allowed = current.job.allowed_tags(project_name)
            if allowed is None:
                return original_make(self, project_name, *arguments, **named)
            whole = self._target_python
            self._target_python = RestrictedPython(whole, allowed)
            try:
                return original_make(self, project_name, *arguments, **named)
            finally:
                self._target_python = whole

        return make

    for name in ("make_link_evaluator", "make_candidate_evaluator"):
        setattr(PackageFinder, name, restricted(getattr(PackageFinder, name)))


def patch_sources(current: CurrentJob) -> None:
    """Allow source distributions of some projects for a target."""
    from pip._internal.models.format_control import FormatControl

    original_allowed = FormatControl.get_allowed_formats

    @functools.wraps(original_allowed)
    def get_allowed_formats(self: Any, canonical_name: str) -> frozenset[str]:
        allowed: frozenset[str] = original_allowed(self, canonical_name)
        if current.job.view is not None and canonical_name in current.job.order.sources:
            return allowed | {"source"}
        return allowed

    FormatControl.get_allowed_formats = get_allowed_formats


def patch_preference(current: CurrentJob) -> None:
    """Try the preferred version of a project before all others, if it is applicable."""
    from pip._internal.index.package_finder import CandidateEvaluator

    original_rank = CandidateEvaluator.get_applicable_candidates

    @functools.wraps(original_rank)
    def get_applicable_candidates(self: Any, candidates: list[Any]) -> list[Any]:
        ranked: list[Any] = original_rank(self, candidates)
        version = current.job.preference(self._project_name)
        if version is None:
            return ranked

        def is_kept(candidate: Any) -> bool:
            # A yanked version is not preferred; if it is pinned, there is no other anyway.
            return str(candidate.version) == version and not candidate.link.is_yanked

        return sorted(ranked, key=is_kept)  # worst first, as before

    CandidateEvaluator.get_applicable_candidates = get_applicable_candidates


def patch_selection(current: CurrentJob) -> None:
    """Install the patches of this module but that of tags, and that of sizes."""
    patch_allowed(current)
    patch_sources(current)
    patch_preference(current)
    patch_sizes(current)


def prove_selection(_proof: Any) -> bool:
    """Check which files of which project pip accepts, and which it prefers."""
    from pip._internal.index.package_finder import LinkType
    from pip._internal.models.candidate import InstallationCandidate
    from pip._internal.models.format_control import FormatControl
    from pip._internal.models.link import Link

    finder = proof_finder(format_control=FormatControl(set(), {":all:"}))

    def kind(name: str, ending: str) -> Any:
        link = Link(f"https://example.invalid/{name.replace('-', '_')}-1{ending}")
        return finder.make_link_evaluator(name).evaluate_link(link)[0]

    best, worst = (f"-{ODD.tags[place]}.whl" for place in (0, -1))
    evaluator = finder.make_candidate_evaluator(NARROW)
    left = InstallationCandidate(
        NARROW, "1", Link(f"https://example.invalid/narrow_proof-1{worst}")
    )
    first, second, yanked = (
        InstallationCandidate(
            PREFERRED,
            version,
            Link(f"https://example.invalid/a-{version}{best}", yanked_reason=reason),
        )
        for version, reason in (("1", None), ("2", None), ("1", ""))
    )
    judge = finder.make_candidate_evaluator(PREFERRED).compute_best_candidate
    ranked = [judge(each).applicable_candidates for each in ([first, second], [yanked, second])]
    return bool(
        kind(NARROW, best) is LinkType.platform_mismatch
        and kind(NARROW, worst) is kind(SOURCE, best) is LinkType.candidate
        and kind(SOURCE, ".tar.gz") is LinkType.candidate
        and kind(NARROW, ".tar.gz") is LinkType.format_unsupported
        and evaluator.compute_best_candidate([left]).best_candidate is left
        and {str(tag) for tag in evaluator._supported_tags} == {ODD.tags[-1]}
        and [each[-1] for each in ranked] == [first, second]
    )
