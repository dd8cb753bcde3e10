"""A wheelhouse held against locks: every file that they name, with the hash that they say."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wheeltarget import catalogue
from wheeltarget.download_request import DownloadRequest
from wheeltarget.errors import UsageError
from wheeltarget.lock_choice import choose, read_words
from wheeltarget.locked import Looker, Selection
from wheeltarget.shortfalls import CheckFinding


def read_selections(
    request: DownloadRequest, environment: Mapping[str, str]
) -> tuple[Selection, ...]:
    """Read locks, and choose from each what its target takes.

    :param request: the locks as requirements, and the targets that are named beside them.
    :param environment: the environment's variables.
    :raises WheeltargetError: where a lock is wrong, or it is not for one of the targets.
    """
    words = read_words(request, environment)
    if words is None:
        raise UsageError(
            "these locks are not for one target each, so it takes one to choose from them",
            "name it with --tags TAG or --target NAME",
        )
    return choose(words, request, Looker(catalogue.look_up, catalogue.host))


def judge_locked(selections: Sequence[Selection], paths: Sequence[Path]) -> Iterator[CheckFinding]:
    """Hold the files that are there against those that the locks name.

    :param selections: what each target takes.
    :param paths: the files that are there.
    """
    there: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        there[path.name].append(path)
    hashes: dict[Path, str] = {}
    named = set()
    for selection in selections:
        for pin in selection.pins:
            file = pin.file
            named.add(file.filename)
            found = there.get(file.filename, ())
            for path in found:
                hashes.setdefault(path, _sha256(path))
            if not found:
                message = f"{file.filename} is missing, which {pin.lock}:{pin.line} names"
                yield CheckFinding("", selection.label, "WC401", message)
            elif file.sha256 not in {hashes[path] for path in found}:
                message = f"it has another sha256 than {pin.lock}:{pin.line} says"
                yield CheckFinding(str(found[0]), selection.label, "WC402", message)
    for path in paths:
        if path.name not in named:
            yield CheckFinding(str(path), "", "WC305", "no lock names it")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
