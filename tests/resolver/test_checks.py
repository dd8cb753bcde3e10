"""Which specifiers name one version."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from wheeltarget.resolver.checks import is_pin


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("==1", True),
        ("===1.*", True),
        (">=1,==1.5", True),
        ("==1.*", False),
        ("~=1.0", False),
        ("", False),
    ],
)
def test_is_pinned(text: str, pinned: bool) -> None:
    assert any(map(is_pin, SpecifierSet(text))) is pinned
