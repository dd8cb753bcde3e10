"""Locks of wheeltarget, recognised by their first and last lines."""

from __future__ import annotations

import pytest

from wheeltarget.lockfile.own import is_own


@pytest.mark.parametrize(
    "text",
    [
        'lock-version = "1.0"\ncreated-by = "wheeltarget"\n',
        "lock-version = '1.0'\r\n\tcreated-by='wheeltarget 1'\r\n",
        "[tool.wheeltarget]\nschema = 1",
        'x = 1\n [ tool . "wheeltarget" ]\n',
    ],
)
def test_own_lock(text: str) -> None:
    assert is_own(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        'created-by = "wheeltargets"',
        'created-by = "another"  # created-by = "wheeltarget"',
        'x = "[tool.wheeltarget]"',
        "[[tool.wheeltarget]]",
        "[tool.other]",
    ],
)
def test_other_lock(text: str) -> None:
    assert not is_own(text.encode())
