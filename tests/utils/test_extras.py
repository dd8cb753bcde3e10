"""Optional dependencies."""

from __future__ import annotations

import pytest

from wheeltarget.errors import UsageError
from wheeltarget.utils.extras import require


def test_require() -> None:
    require("json", "this needs json", "none")
    with pytest.raises(UsageError, match="this needs it, which is not installed") as caught:
        require("no_such_module", "this needs it", "audit")
    assert "wheeltarget[audit]" in caught.value.hint
