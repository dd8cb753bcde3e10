"""Files held against the hashes that indexes say, before any is placed.

What pip fetches is hashed on the way. What comes from the wheel store was, too, and is trusted for
its stamp, which tells of changes; not of one whose maker has set the time back, and not of a disk
that has gone bad. The hash of each file that is to be placed is computed anyway, so both are seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheeltarget.digests import Hashes
from wheeltarget.errors import DownloadError
from wheeltarget.results import JobResult
from wheeltarget.store import Store


def refuse_damaged(results: Sequence[JobResult], store: Path | None, hashes: Hashes) -> None:
    """Refuse what was damaged in the wheel store, and remove it there.

    :param results: what came of each job.
    :param store: the folder of the wheel store; None where there is none.
    :param hashes: computes the hashes.
    :raises DownloadError: where there is any.
    """
    if store is None:
        return
    damaged = {}
    for file in (file for result in results for file in result.chosen):
        expected = dict(file.hashes).get("sha256")
        if expected and file.path.is_file() and hashes.sha256(file.path) != expected.lower():
            damaged[expected] = file.path.name
    # Whatever else has another hash, pip has taken for what the user says of it.
    names = [name for each, name in damaged.items() if Store(store).is_damaged(each)]
    if names:
        it = "them" if len(names) > 1 else "it"
        raise DownloadError(
            f"the cache has other content than it should for {', '.join(names)}; nothing was saved",
            f"run it again: what was wrong is removed from the cache, and pip will fetch {it} anew",
        )
