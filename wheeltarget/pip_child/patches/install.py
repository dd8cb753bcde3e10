"""Install patches and prove them.

Each patch is next to its proof. Without a target it does what pip does. A proof checks within
milliseconds that pip's real objects use the patch. A pip that wheeltarget was not tested with also
runs the :mod:`trial <wheeltarget.pip_child.patches.trial>`. If a proof or the trial fails,
:class:`PipMovedError` ends the run before anything is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from wheeltarget.pip_child import moved_error
from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.trial import ODD
from wheeltarget.pip_protocol import JobOrder

NARROW, SOURCE, PREFERRED = "narrow-proof", "source-proof", "preferred-proof"
"""Projects of the proof's job: with one allowed tag, with sources, with a preferred version."""

EXCLUDED = "excluded-proof"
"""A project that the proof's job leaves out."""

OWN_INDEX = "own-index-proof"
"""A project of the proof's job that has an index of its own."""

PROOF = JobOrder(
    "proof",
    ODD,
    (),
    {"proof.txt": "proof==1 \\\n  --hash=sha256:00\n"},
    "proof-folder",
    "proof-destination",
    Path(),
    allowed_tags={NARROW: ODD.tags[-1:]},
    sources=frozenset({SOURCE}),
    preferred={PREFERRED: "1"},
    excluded=(EXCLUDED,),
    indexes=((OWN_INDEX, "https://example.invalid/own"),),
)
"""A job for a target that no machine has."""


class Seam(NamedTuple):
    """A patch and its proof.

    :param prove: returns whether pip uses the patch; None if only the trial can show it.
    """

    name: str
    patch: Callable[[CurrentJob], None]
    prove: Callable[[CurrentJob], bool] | None


def install(current: CurrentJob, *seams: Seam) -> None:
    """Install and prove patches; raises PipMovedError if one of them or its proof fails."""
    for seam in seams:
        try:
            seam.patch(current)
            current.begin(PROOF)
            is_proved = seam.prove is None or seam.prove(current)
        except Exception as error:
            raise moved_error(seam.name, repr(error)) from error
        if not is_proved:
            raise moved_error(seam.name, "pip does not use the patch")
