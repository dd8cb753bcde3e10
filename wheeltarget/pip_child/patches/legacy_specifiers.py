"""Patch of specifiers: read those from before PEP 440 if the target's own pip does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pip._internal.index import package_finder
from pip._internal.metadata.base import BaseDistribution
from pip._internal.models.link import Link
from pip._internal.utils import packaging
from pip._vendor.packaging.requirements import InvalidRequirement
from pip._vendor.packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

from wheeltarget.pip_child.job import CurrentJob, replaces
from wheeltarget.pip_child.patches.proofs import proof_finder, wheel_that_requires
from wheeltarget.targets.legacy_specifiers import modern_requirement, modern_specifiers


def patch_legacy(current: CurrentJob) -> None:
    """Read specifiers from before PEP 440 if the target's own pip reads them."""
    original_ask = BaseDistribution.requires_python.fget

    @replaces(packaging, "get_requirement")
    def get_requirement(original: Any, text: str) -> Any:
        try:
            return original(text)
        except InvalidRequirement:
            if not current.job.is_legacy:
                raise
            return original(modern_requirement(text, _is_modern))

    @replaces(package_finder, "_check_link_requires_python")
    def judge(original: Any, link: Any, *rest: Any, **named: Any) -> bool:
        if current.job.is_legacy and link.requires_python:
            link.requires_python = modern_specifiers(link.requires_python, _is_modern)
        return bool(original(link, *rest, **named))

    def requires_python(self: Any) -> Any:
        value = str(self.metadata.get("Requires-Python") or "")
        if current.job.is_legacy and modern_specifiers(value, _is_modern) != value:
            return SpecifierSet(modern_specifiers(value, _is_modern))
        return original_ask(self)

    BaseDistribution.requires_python = property(requires_python)


def _is_modern(text: str) -> bool:
    try:
        Specifier(text)
    except InvalidSpecifier:
        return False
    return True


def prove_legacy(current: CurrentJob) -> bool:
    """Check a wheel and a link with specifiers that only old pips read."""
    view = current.job.view
    assert view is not None  # noqa: S101 - a proof has a target
    current.job.view = replace(view, legacy=True)
    wheel = wheel_that_requires("lib (>=1.*)")
    link = Link(f"https://example.invalid/proof-1-{view.tags[0]}.whl", requires_python=">=9.10.*")
    judged = proof_finder().make_link_evaluator("proof").evaluate_link(link)[0]
    return bool(
        [str(each.specifier) for each in wheel.iter_dependencies()] == [">=1"]
        and str(wheel.requires_python) == ">=9.10"
        and judged is package_finder.LinkType.requires_python_mismatch
    )
