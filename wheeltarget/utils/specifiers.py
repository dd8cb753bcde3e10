"""Version specifiers that name one version (dependency specifiers, PEP 440)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.specifiers import Specifier


def is_pin(specifier: Specifier) -> bool:
    """Return whether a specifier accepts one version only: ``==1.2`` or ``===1.2``."""
    return specifier.operator == "===" or (
        specifier.operator == "==" and not specifier.version.endswith(".*")
    )


def is_pinned(specifiers: Iterable[Specifier]) -> bool:
    """Return whether one of several specifiers accepts one version only."""
    return any(map(is_pin, specifiers))
