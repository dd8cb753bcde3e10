"""Install patches and prove them, and try out a pip that is not known.

Each patch is in a module of this package, next to its proof. It uses the job of
:class:`CurrentJob`; without a target it does what pip does. A proof checks within milliseconds that
pip's real objects use the patch. A pip that wheeltarget was not tested with also runs the trial in
:mod:`wheeltarget.pip_child.patches.trial`. If a proof or the trial fails, :class:`PipMovedError`
ends the run before anything is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pip import __version__ as pip_version

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.trial import ODD, find_fault
from wheeltarget.pip_child.startup import moved_error
from wheeltarget.pip_protocol import JobOrder

NARROW, SOURCE, PREFERRED = "narrow-proof", "source-proof", "preferred-proof"
"""Projects of the proof's job: with one allowed tag, with sources, with a preferred version."""

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
)
"""A job for a target that no machine has."""

_OLDEST_PIP, _NEWEST_PIP = (25, 3), (26, 3)


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


def run_trial(current: CurrentJob, *, plain: bool) -> None:
    """Try out a pip that is not known; raises PipMovedError if it does not work as expected.

    :param plain: whether only requirements files are patched.
    """
    if is_known(pip_version):
        return
    try:
        fault = find_fault(current, plain=plain)
    except OSError:
        raise  # such as a full disk, which is not pip's fault
    except Exception as error:
        raise moved_error("in a trial", repr(error)) from error
    if fault:
        raise moved_error("in a trial", fault)


def is_known(version: str) -> bool:
    """Return whether wheeltarget is tested with a version of pip."""
    release = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return _OLDEST_PIP <= release <= _NEWEST_PIP
