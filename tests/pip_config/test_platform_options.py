"""pip's own options for another environment, as the tag that means the same."""

from __future__ import annotations

import pytest

from wheeltarget.pip_config import platform_options
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.targets.catalog import look_up_tag

HOST = "cp311-cp311-manylinux_2_36_x86_64"


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ("--python-version=3.7", "cp37-cp37m-manylinux_2_36_x86_64"),
        ("--python-version 37 --platform win_amd64", "cp37-cp37m-win_amd64"),
        ("--python-version 3.7.1 --platform win32 --abi cp37m", "cp37-cp37m-win32"),
        ("--python-version 310 --platform win32", "cp310-cp310-win32"),
        ("--python-version 27 --platform manylinux1_x86_64", "cp27-cp27mu-manylinux1_x86_64"),
        ("--python-version 27 --platform win32", "cp27-cp27m-win32"),
        ("--platform win_amd64", "cp311-cp311-win_amd64"),
        (
            "--implementation cp --abi cp39 --abi abi3 --abi none --python-version 39",
            "cp39-cp39-manylinux_2_36_x86_64",
        ),
        ("--python-version 3.9 --platform any --abi none", "py39-none-any"),
        ("--implementation py --python-version 39 --platform any", "py39-none-any"),
        (
            "--platform manylinux1_x86_64 --platform manylinux2014_x86_64",
            "cp311-cp311-manylinux1_x86_64.manylinux2014_x86_64",
        ),
        ("--platform win32 --platform manylinux1_x86_64", "cp311-cp311-manylinux1_x86_64"),
        ("--platform made_up", None),
        ("--abi made_up", None),
        ("--python-version 3.x", None),
        ("--python-version 3", None),
        ("--implementation jy", None),
        ("--no-deps -d house", None),
    ],
)
def test_tag(monkeypatch: pytest.MonkeyPatch, options: str, label: str | None) -> None:
    monkeypatch.setattr(platform_options, "host", lambda: look_up_tag(HOST))
    command = split_command_line(options.split())
    target = platform_options.target_from_options(command)
    assert (target and target.label) == label
