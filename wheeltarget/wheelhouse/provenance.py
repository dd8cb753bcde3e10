"""Read the provenance of a file, and compare it with the file.

It names who has published the file, and has their signed statements on its name and its hash. Only
these are compared here; no signature is verified, so nothing is proved.
Specification: the page "Index hosted attestations" of packaging.python.org (PEP 740).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from wheeltarget.errors import WheeltargetError

Publisher = Mapping[str, Any]
"""Who has published a file: its ``kind``, and what a publisher of this kind states."""

_ENDING = ".provenance"
_STATEMENT = "https://in-toto.io/Statement/v1"
_LARGEST = 2**63 - 1  # of the integers that TOML has


def beside_of(path: Path) -> Path:
    """Return the path of the provenance beside a file."""
    return path.with_name(f"{path.name}{_ENDING}")


def is_beside(path: Path) -> bool:
    """Return whether a file is the provenance of one beside it."""
    return path.suffix == _ENDING and path.with_suffix("").is_file()


class InvalidProvenanceError(WheeltargetError):
    """A provenance that cannot be read; the message says why."""


class OtherFileError(WheeltargetError):
    """A provenance that is about another file; the message says about which."""


def read_provenance(content: bytes, filename: str, sha256: str) -> tuple[Publisher, ...]:
    """Return the publishers of a file that its provenance names, each once.

    Of their values, those are left out that TOML does not have, and fractions.

    :param filename: the name of the file on its index.
    :raises InvalidProvenanceError: if the provenance cannot be read.
    :raises OtherFileError: if one of its statements is about another file.
    """
    try:
        document = json.loads(content.decode())
        bundles = list(_bundles(document))
        # Half of a surrogate pair can be in JSON, but in no file.
        publishers = {json.dumps(each, ensure_ascii=False).encode(): each for each, _ in bundles}
    except RecursionError as error:
        raise InvalidProvenanceError("it is nested too deeply") from error
    except ValueError as error:
        raise InvalidProvenanceError(f"it is not valid JSON: {error}") from error
    for _, statements in bundles:
        for statement in statements:
            _compare(statement, filename, sha256)
    return tuple(publishers.values())


def _bundles(document: object) -> Iterator[tuple[Publisher, list[Mapping[str, Any]]]]:
    """Yield each publisher of a provenance, and its statements."""
    if not isinstance(document, dict) or document.get("version") != 1:
        raise InvalidProvenanceError("it is not a provenance object of version 1")
    for bundle in _list(document, "attestation_bundles"):
        publisher = bundle.get("publisher")
        if not isinstance(publisher, dict) or not isinstance(publisher.get("kind"), str):
            raise InvalidProvenanceError("a publisher has no kind")
        yield _plain(publisher), [_statement(each) for each in _list(bundle, "attestations")]


def _list(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(e, dict) for e in found):
        raise InvalidProvenanceError(f"it has no {name}")
    return found


def _plain(value: object) -> Any:
    """Return a value of JSON without what TOML does not have."""
    if isinstance(value, dict):
        plain = {key: _plain(each) for key, each in value.items()}
        return {key: each for key, each in plain.items() if each is not None}
    if isinstance(value, list):
        return [each for each in map(_plain, value) if each is not None]
    if isinstance(value, int) and abs(value) > _LARGEST:
        return None
    return value if isinstance(value, str | int) else None


def _statement(attestation: Mapping[str, Any]) -> Mapping[str, Any]:
    envelope = attestation.get("envelope")
    encoded = envelope.get("statement") if isinstance(envelope, dict) else None
    if not isinstance(encoded, str):
        raise InvalidProvenanceError("an attestation has no statement")
    try:
        statement = json.loads(base64.b64decode(encoded, validate=True).decode())
    except ValueError as error:
        raise InvalidProvenanceError(f"a statement cannot be read: {error}") from error
    if not isinstance(statement, dict) or statement.get("_type") != _STATEMENT:
        raise InvalidProvenanceError("a statement is not one of in-toto, version 1")
    return statement


def _compare(statement: Mapping[str, Any], filename: str, sha256: str) -> None:
    (subject, *others) = _list(statement, "subject")
    digest, name = subject.get("digest"), subject.get("name")
    attested = digest.get("sha256") if isinstance(digest, dict) else None
    if others or not isinstance(attested, str) or not isinstance(name, str):
        raise InvalidProvenanceError("a statement is not about one file with a sha256")
    if name != filename and (_parsed(name) is None or _parsed(name) != _parsed(filename)):
        raise OtherFileError(f"it is about {name}")
    if attested.lower() != sha256.lower():
        raise OtherFileError(f"it is about a file with the sha256 {attested}, not {sha256}")


def _parsed(filename: str) -> object:
    """Return what a file name means, as the order of its tags may differ; None if it is invalid."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)
        return parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None
