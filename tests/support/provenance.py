"""Make provenance as an index has it, with statements that nobody has signed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

GITHUB: Mapping[str, object] = {
    "kind": "GitHub",
    "repository": "example/app",
    "workflow": "release.yml",
    "environment": None,
}
"""A publisher as PyPI has them."""

IDENTITY = {key: value for key, value in GITHUB.items() if value is not None}
"""The same in a lock, which has no null."""


def statement(name: str, sha256: str, **changes: object) -> str:
    """Return a statement on one file as an envelope has it."""
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": None,
        **changes,
    }
    return base64.b64encode(json.dumps(document).encode()).decode()


def provenance(*statements: str, publisher: Mapping[str, object] = GITHUB) -> bytes:
    """Return the provenance of a file that has these statements of one publisher."""
    attestations = [
        {
            "version": 1,
            "verification_material": {"certificate": "", "transparency_entries": []},
            "envelope": {"statement": each, "signature": ""},
        }
        for each in statements
    ]
    bundle = {"publisher": publisher, "attestations": attestations}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()


def provenance_of(path: Path, publisher: Mapping[str, object] = GITHUB) -> bytes:
    """Return the provenance of a file."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return provenance(statement(path.name, sha256), publisher=publisher)
