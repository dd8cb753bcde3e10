"""Whatever a file has in it, a reader says what is wrong in an error of its own, and soon.

The threat is T14 of docs/security.md.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.damage import damaged
from tests.fuzz.readers import READERS

EXAMPLES = 40
"""How many files each reader gets by default."""

_AT_ONCE = 1000
INPUT = "input"
"""The file, in the test's temporary folder, with what was read last."""

SLOW = 5.0
"""The seconds of CPU after which a reader of at most 200 kB is too slow."""

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", READERS)
def test_damaged_file_is_read_or_refused(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reader, seconds = READERS[name], request.config.getoption("--fuzz")

    @settings(
        max_examples=_AT_ONCE if seconds else EXAMPLES,
        database=None,
        phases=[Phase.generate],  # to shrink what is slow would take hours
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(reader.seeds))
    def read(data: bytes) -> None:
        (tmp_path / INPUT).write_bytes(data)
        begin = time.process_time()
        try:
            reader.read(data, tmp_path)
        except Exception:  # noqa: BLE001 - any; its text may have what no report can be written in
            pytest.fail(ascii(traceback.format_exc()).replace("\\n", "\n"), pytrace=False)
        assert time.process_time() - begin < SLOW

    end = time.monotonic() + (seconds or 0)
    read()
    while time.monotonic() < end:
        read()


@pytest.mark.parametrize("name", READERS)
def test_sound_file_is_read(name: str, tmp_path: Path) -> None:
    """Otherwise the test above would find nothing behind the first check."""
    for seed in READERS[name].seeds:
        READERS[name].read(seed, tmp_path)


def test_damage_is_of_each_kind() -> None:
    seen: set[str] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(damaged((b"abc", b"xyz")), st.none())
    def look(data: bytes, _: None) -> None:
        seen.update(
            kind
            for kind, found in {
                "whole": data in {b"abc", b"xyz"},
                "cut off": len(data) < 3,
                "spliced": bool(set(data) & set(b"abc") and set(data) & set(b"xyz")),
                "repeated": len(data) > 500,
                "with a token": b"tags=" in data or b"null" in data,
            }.items()
            if found
        )

    look()
    assert seen == {"whole", "cut off", "spliced", "repeated", "with a token"}
