"""The file names of variant wheels."""

from __future__ import annotations

import pytest

from wheeltarget.targets.variants import parse_variant


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("vfoo-2.0-cp312-cp312-linux_x86_64-x86_64_v3.whl", ("vfoo", "2.0", "x86_64_v3")),
        ("V.Foo_x-2.0-py3-none-any-null.whl", ("v-foo-x", "2.0", "null")),
        ("t-2.9+cu-1-cp39-abi3-win_amd64-cu129.whl", ("t", "2.9+cu", "cu129")),
        ("vfoo-2.0-1-cp312-cp312-linux_x86_64.whl", None),
        ("vfoo-2.0-cp312-cp312-linux_x86_64.whl", None),
        ("vfoo-2.0-1-1-cp312-cp312-linux_x86_64.whl", None),
        ("vfoo-2.0-py3-none-any-this_label_is_too_long.whl", None),
        ("vfoo-2.0.tar.gz", None),
        ("vfoo-x-cp312-cp312-linux_x86_64-v3.whl", None),
        ("v foo-2.0-cp312-cp312-linux_x86_64-v3.whl", None),
        ("vfoo-2.0-cp312-cp312-linux_x86_64-V3.whl", None),
        ("vfoo-v2.0-py2.py3-none-any-cu12.8.whl", ("vfoo", "v2.0", "cu12.8")),
    ],
)
def test_label(filename: str, expected: tuple[str, str, str] | None) -> None:
    assert parse_variant(filename) == expected
