"""Files held against the hashes that the index and the user say, before any is placed.

pip's process hashes what it fetches, and what it takes from elsewhere. But that it has done so is
only what another process says; the hash that counts is computed here, once for each file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wheeltarget.errors import DownloadError
from wheeltarget.resolver.results import ChosenFile, JobResult
from wheeltarget.utils.hashes import Hashes


def refuse_changed(results: Sequence[JobResult], hashes: Hashes) -> None:
    """Hash every file that has a hash to be held against, whatever pip's process has found.

    :param results: what came of each job.
    :param hashes: computes the hashes, and keeps them for when files are placed.
    :raises DownloadError: if a file has none of the hashes that pip would take.
    """
    changed = {
        file.path.name
        for result in results
        for file in result.chosen
        if file.hashes and file.path.is_file() and not _is_accepted(file, hashes)
    }
    if changed:
        raise DownloadError(
            f"the content of {', '.join(sorted(changed))} is not what its hash says; nothing was "
            "saved",
            "it was changed while this ran, or the disk is bad: run it again",
        )


def _is_accepted(file: ChosenFile, hashes: Hashes) -> bool:
    """Tell whether a file has a hash that the index or the user says of it."""
    accepted = {(name.lower(), value.lower()) for name, value in (*file.hashes, *file.accepts)}
    if ("sha256", hashes.of(file.path).sha256) in accepted:
        return True
    others = {name for name, _ in accepted} - {"sha256"}
    if not others:
        return False
    content = file.path.read_bytes()
    return any((name, hashlib.new(name, content).hexdigest()) in accepted for name in others)
