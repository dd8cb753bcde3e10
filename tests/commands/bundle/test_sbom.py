"""The component list of a bundle."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.bundles import bundle, good, without
from tests.support.wheels import make_wheel


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("License-Expression: MIT", [{"license": {"id": "MIT"}}]),
        ("License-Expression: mit or apache-2.0", [{"expression": "MIT OR Apache-2.0"}]),
        ("License-Expression: my own text", [{"license": {"name": "my own text"}}]),
        ("License: BSD-ish", [{"license": {"name": "BSD-ish"}}]),
        (
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License",
            [{"license": {"name": "MIT License"}}],
        ),
    ],
)
def test_licences(house: Path, said: str, expected: object) -> None:
    metadata = f"Metadata-Version: 2.4\nName: lib\nVersion: 1.0\n{said}\n".encode()
    make_wheel(house, "lib", files={"lib-1.0.dist-info/METADATA": metadata})
    good(bundle(house, "--components=list.json"))
    text = (house.parent / "list.json").read_text()
    found = json.loads(text)["components"][0]["licenses"]
    for each in found:
        each.get("license", each).pop("acknowledgement", None)
    assert found == expected
    if find_spec("jsonschema") is not None:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_components(house: Path) -> None:
    files = {
        "lib-1.0.dist-info/METADATA": (
            b"Metadata-Version: 2.4\nName: lib\nVersion: 1.0\nLicense-Expression: MIT\n"
        )
    }
    make_wheel(house, "lib", files=files)
    make_wheel(house, "other")
    here = house.parent
    good(bundle(house, "--components=list.json"))
    first = (here / "list.json").read_bytes()
    good(bundle(house, "--components=list.json"))
    assert (here / "list.json").read_bytes() == first
    said = json.loads(first)
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    lib, other = said["components"]
    assert lib["purl"] == "pkg:pypi/lib@1.0"
    assert lib["licenses"][0].get("expression", lib["licenses"][0].get("license")) in (
        "MIT",
        {"id": "MIT"},
    )
    assert lib["hashes"][0]["alg"] == "SHA-256"
    assert "licenses" not in other


def test_component_list_needs_more(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(house, "lib")
    without(monkeypatch, "cyclonedx")
    result = bundle(house, "--components=c.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: a component list needs cyclonedx-python-lib, which ")
    assert {path.name for path in house.parent.iterdir()} == {"house", "pylock.t.toml"}
