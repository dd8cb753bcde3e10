"""Patches of file selection: names and tags of wheels, sdists, preferred versions, pre-releases."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import CandidateEvaluator, LinkType, PackageFinder
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.format_control import FormatControl
from pip._internal.models.link import Link
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.specifiers import SpecifierSet

from wheeltarget.pip_child.job import CurrentJob, Tags, View, replaces
from wheeltarget.pip_child.links import modern_wheel_name
from wheeltarget.pip_child.patches.install import NARROW, PREFERRED, SOURCE
from wheeltarget.pip_child.patches.trial import ODD
from wheeltarget.pip_protocol import TargetView
from wheeltarget.targets.specifiers import takes_prereleases

_FALLS_BACK = bool(list(SpecifierSet(">=1").filter(["2a1"])))
"""Whether this pip takes pre-releases if nothing else satisfies a specifier, as from 26.0 on."""

_URL = "https://example.invalid/"


def proof_finder(format_control: Any = None) -> Any:
    """Return a finder of pip for Python 9.9.9, which accepts all formats by default."""
    return PackageFinder.create(
        LinkCollector(None, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True, format_control=format_control),
        TargetPython(py_version_info=(9, 9, 9)),
    )


def patch_tags(current: CurrentJob) -> None:
    """Use the target's tags."""

    @replaces(TargetPython, "get_sorted_tags")
    def get_sorted_tags(original: Any, self: Any) -> Any:
        return current.job.view.tags if current.job.view else original(self)

    @replaces(TargetPython, "get_unsorted_tags")
    def get_unsorted_tags(original: Any, self: Any) -> Any:
        return current.job.view.tag_set if current.job.view else original(self)


def prove_tags(_current: CurrentJob) -> bool:
    """Check which wheels pip accepts for the proof's target, and which it prefers."""
    finder = proof_finder()
    worse, better, foreign = (
        Link(f"{_URL}proof-1-{tag}.whl") for tag in (*reversed(ODD.tags), "py3-none-any")
    )
    judge = finder.make_link_evaluator("proof").evaluate_link
    candidates = [InstallationCandidate("proof", "1", link) for link in (better, worse)]
    best = finder.make_candidate_evaluator("proof").compute_best_candidate(candidates)
    return bool(
        judge(worse)[0] is judge(better)[0] is LinkType.candidate
        and judge(foreign)[0] is LinkType.platform_mismatch
        and best.best_candidate.link == better
    )


class _RestrictedPython(TargetPython):  # type: ignore[misc]
    """pip's object for a Python, with the tags that constraints allow."""

    def __init__(self, whole: Any, allowed: Tags) -> None:
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


def patch_selection(current: CurrentJob) -> None:
    """Use the allowed tags, source distributions and preferred version of each project."""

    @replaces(PackageFinder, "make_link_evaluator")
    @replaces(PackageFinder, "make_candidate_evaluator")
    def make(original: Any, self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        allowed = current.job.allowed_tags(project_name)
        if allowed is None:
            return original(self, project_name, *rest, **named)
        whole = self._target_python
        self._target_python = _RestrictedPython(whole, allowed)
        try:
            return original(self, project_name, *rest, **named)
        finally:
            self._target_python = whole

    @replaces(Wheel, "__init__")
    def read(original: Any, self: Any, filename: str) -> None:
        view = current.job.view
        original(self, modern_wheel_name(filename) if view and view.old_names else filename)
        self.filename = filename

    @replaces(FormatControl, "get_allowed_formats")
    def get_allowed_formats(original: Any, self: Any, canonical_name: str) -> frozenset[str]:
        is_source = current.job.view and canonical_name in current.job.order.sources
        allowed: frozenset[str] = original(self, canonical_name)
        return allowed | {"source"} if is_source else allowed

    @replaces(CandidateEvaluator, "get_applicable_candidates")
    def rank(original: Any, self: Any, candidates: list[Any]) -> list[Any]:
        given = self._specifier
        if current.job.view:
            self._specifier = _as_read_for(current.job.view.python, given, candidates)
        try:
            ranked: list[Any] = original(self, candidates)
        finally:
            self._specifier = given
        version = current.job.preference(self._project_name)
        if version is None:
            return ranked

        def is_kept(candidate: Any) -> bool:
            # A yanked version is not preferred; if it is pinned, there is no other anyway.
            return str(candidate.version) == version and not candidate.link.is_yanked

        return sorted(ranked, key=is_kept)  # worst first, as before


def _as_read_for(python: str, specifier: Any, candidates: Iterable[Any]) -> Any:
    """Return a specifier that takes the pre-releases that the own pip of a Python takes."""
    takes = takes_prereleases(python, specifier)
    if takes is None:
        if _FALLS_BACK or not specifier:
            return specifier
        versions = (each.version for each in candidates)
        takes = not any(
            specifier.contains(version, prereleases=True)
            for version in versions
            if not version.is_prerelease
        )
    read = copy.copy(specifier)
    read.prereleases = takes
    return read


def prove_selection(current: CurrentJob) -> bool:
    """Check which files of which project pip accepts, and which it prefers."""
    finder = proof_finder(FormatControl(set(), {":all:"}))

    def kind(name: str, ending: str) -> Any:
        link = Link(f"{_URL}{name.replace('-', '_')}-1{ending}")
        return finder.make_link_evaluator(name).evaluate_link(link)[0]

    best, worst = (f"-{ODD.tags[place]}.whl" for place in (0, -1))
    evaluator = finder.make_candidate_evaluator(NARROW)
    left = InstallationCandidate(NARROW, "1", Link(f"{_URL}narrow_proof-1{worst}"))
    first, second, yanked = (
        InstallationCandidate(PREFERRED, each, Link(f"{_URL}a-{each}{best}", yanked_reason=reason))
        for each, reason in (("1", None), ("2", None), ("1", ""))
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
        and _rules_for(current, "9.9.9") == (True, False)
        and _rules_for(current, "3.8.9") == (False, True)
    )


def _rules_for(current: CurrentJob, python: str) -> tuple[bool, bool]:
    """Return whether pip takes a pre-release that nothing names, and a wheel with an old name."""
    markers = {**ODD.markers, "python_full_version": python}
    current.job.view = View(TargetView(ODD.tags, markers, ODD.unknown))
    finder = proof_finder()
    link = Link(f"{_URL}proof-2_1-{ODD.tags[0]}.whl")
    kind = finder.make_link_evaluator("proof").evaluate_link(link)[0]
    judge = finder.make_candidate_evaluator("proof", specifier=SpecifierSet(">1"))
    only = InstallationCandidate("proof", "2a1", Link(f"{_URL}proof-2a1-{ODD.tags[0]}.whl"))
    best = judge.compute_best_candidate([only]).best_candidate
    return best is only, kind is LinkType.candidate
