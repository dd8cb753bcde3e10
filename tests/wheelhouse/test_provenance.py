"""What a provenance names, and which ones are refused.

The threat is T17 of docs/security.md.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.provenance import GITHUB, IDENTITY, provenance, statement
from wheeltarget.utils.toml import parse_toml, toml_text
from wheeltarget.wheelhouse.provenance import (
    InvalidProvenanceError,
    OtherFileError,
    read_provenance,
)

NAME = "my_app-1.0-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
OTHER_ORDER = "My.App-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
SHA256 = "ab" * 32
GOOD = statement(NAME, SHA256)


def test_publishers_without_what_toml_does_not_have() -> None:
    content = provenance(GOOD, statement(OTHER_ORDER, SHA256.upper(), predicate={"x": 1}))
    assert read_provenance(content, NAME, SHA256) == (IDENTITY,)
    odd = {"kind": "Odd", "claims": {"a": None, "b": [None, 1, {"c": 2**64}]}, "share": 0.5}
    found = read_provenance(provenance(GOOD, publisher=odd), NAME, SHA256)
    assert found == ({"kind": "Odd", "claims": {"b": [1, {}]}},)


def test_each_publisher_once() -> None:
    document = json.loads(provenance(GOOD))
    other = json.loads(provenance(GOOD, publisher={**GITHUB, "environment": "release"}))
    document["attestation_bundles"] *= 2
    document["attestation_bundles"] += other["attestation_bundles"]
    found = read_provenance(json.dumps(document).encode(), NAME, SHA256)
    assert found == (IDENTITY, {**IDENTITY, "environment": "release"})


@pytest.mark.parametrize(
    ("other", "sha256", "message"),
    [
        (NAME, "cd" * 32, f"it is about a file with the sha256 {'cd' * 32}, not {SHA256}"),
        (NAME.replace("1.0", "1.1"), SHA256, "it is about my_app-1.1-"),
        (NAME.replace("cp312-cp312", "cp39-abi3"), SHA256, "it is about my_app-1.0-cp39-abi3-"),
        ("my_app-1.0.tar.gz", SHA256, r"it is about my_app-1\.0\.tar\.gz"),
        ("", SHA256, "it is about $"),
    ],
)
def test_provenance_of_another_file(other: str, sha256: str, message: str) -> None:
    content = provenance(GOOD, statement(other, sha256))
    with pytest.raises(OtherFileError, match=message):
        read_provenance(content, NAME, SHA256)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not valid JSON"),
        (b"\xff", "it is not valid JSON"),
        (b'{"version": NaN}', "it is not a provenance object of version 1"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[]", "it is not a provenance object of version 1"),
        (b'{"version": 2}', "it is not a provenance object of version 1"),
        (b'{"version": 1, "attestation_bundles": []}', "it has no attestation_bundles"),
        (b'{"version": 1, "attestation_bundles": [1]}', "it has no attestation_bundles"),
        (provenance(), "it has no attestations"),
        (provenance(GOOD, publisher={"kind": None}), "a publisher has no kind"),
        (provenance(GOOD, publisher={"kind": "\ud800"}), "it is not valid JSON: .*surrogates"),
        (provenance("é"), "a statement cannot be read"),
        (provenance("e30"), "a statement cannot be read"),
        (provenance("e30="), "a statement is not one of in-toto"),
        (provenance(statement(NAME, SHA256, subject=[])), "it has no subject"),
        (provenance(statement(NAME, SHA256, subject=[{}])), "not about one file"),
        (provenance(GOOD).replace(b'"envelope"', b'"x"'), "an attestation has no statement"),
    ],
)
def test_provenance_that_cannot_be_read(content: bytes, message: str) -> None:
    with pytest.raises(InvalidProvenanceError, match=message):
        read_provenance(content, NAME, SHA256)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_publishers_can_be_written_into_a_lock(claims: dict[str, object]) -> None:
    """As TOML, which means the same when it is read again."""
    content = provenance(GOOD, publisher={**claims, "kind": "Odd"})
    found = [dict(each) for each in read_provenance(content, NAME, SHA256)]
    document = parse_toml(toml_text({"packages": [{"attestation-identities": found}]}))
    assert document == {"packages": [{"attestation-identities": found}]}
