"""The places in pip that are made to see the target, each with its proof.

Every patch asks :class:`Current` for the job at hand; without a target it does what pip does.
A proof asks pip's real objects what they would do; it takes a few milliseconds. On a pip newer than
those that wheeltarget's own tests were run on,
:mod:`wheeltarget.pip_child.patches.selftest` asks pip as a whole, too. Where one answers for this
machine instead, :class:`PipMovedError` ends the run before anything is fetched.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from wheeltarget import __version__
from wheeltarget.pip_child.job import Current, PipMovedError, rebind
from wheeltarget.pip_child.patches.download import (
    patch_kept,
    patch_messages,
    patch_result,
    prove_result,
)
from wheeltarget.pip_child.patches.error_messages import patch_pages
from wheeltarget.pip_child.patches.failures import patch_failures, prove_failures
from wheeltarget.pip_child.patches.listing import Listing, patch_listing, prove_listing
from wheeltarget.pip_child.patches.metadata import (
    UnknownMarkerError,
    patch_askers,
    patch_legacy,
    prove_askers,
    prove_legacy,
)
from wheeltarget.pip_child.patches.selection import (
    NARROW,
    PREFERRED,
    SOURCE,
    patch_selection,
    prove_selection,
)
from wheeltarget.pip_child.patches.selftest import ODD, Download, find_fault, proof_finder
from wheeltarget.pip_child.prefetch.install import Speed
from wheeltarget.targets.markers import holds

PROOF: dict[str, Any] = {
    "label": "proof",
    "target": ODD,
    "files": {"proof.txt": "proof==1 \\\n  --hash=sha256:00\n"},
    "folder": "proof-folder",
    "destination": "proof-destination",
    "narrow": {NARROW: ODD["tags"][-1:]},
    "sources": [SOURCE],
    "prefer": {PREFERRED: "1"},
}
"""A job for a target that no machine is."""

_KNOWN_PIPS = ((25, 3), (26, 3))
"""The oldest and the newest pip on which the trial is part of wheeltarget's own tests."""

_LONGEST_REASON = 300


class Seam(NamedTuple):
    """A place in pip.

    :param name: what it is about, for a message.
    :param patch: makes pip ask for the job at hand there; gives what the proof needs.
    :param prove: asks pip's own objects whether they do; None where the trial has to show it.
    """

    name: str
    patch: Callable[[Current], Any]
    prove: Callable[[Any], bool] | None


def install(current: Current, download: Download, speed: Speed | None = None) -> None:
    """Make pip see the job at hand, and prove that every patch took.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :param speed: spares pip its waiting, where that can be done.
    :raises PipMovedError: where pip is not built as expected.
    """
    _install(
        current,
        Seam("markers", _patch_markers, _prove_markers),
        Seam("who asks for what is not known", patch_askers, prove_askers),
        Seam("supported tags", _patch_tags, _prove_tags),
        Seam("files of one project", patch_selection, prove_selection),
        Seam("why it fails", patch_failures, prove_failures),
        Seam("specifiers from before PEP 440", patch_legacy, prove_legacy),
        Seam("content of requirements files", _patch_files, _prove_files),
        Seam("files that are there already", patch_kept, None),
        Seam("what was chosen", patch_result, prove_result),
    )
    patch_messages(current)
    if speed is not None:
        speed.install(PROOF)
    try:
        _try_out(current, download, plain=False)
    except PipMovedError:
        if speed is None or not speed.is_installed:
            raise
        speed.remove("in a trial")
        _try_out(current, download, plain=False)
    if speed is not None:
        speed.tell()


def install_listing(current: Current, download: Download, speed: Speed | None = None) -> Listing:
    """Make pip see the job at hand, and look at projects where it would resolve.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :param speed: spares pip its waiting, where that can be done.
    :returns: what will be found.
    :raises PipMovedError: where pip is not built as expected.
    """
    # Before pages are fetched ahead, since of those pip does not read every file.
    listing = Listing(current, patch_pages(current), speed)
    install(current, download, speed)
    _install(
        current, Seam("what there is of a project", lambda _: patch_listing(listing), prove_listing)
    )
    return listing


def install_files(current: Current, download: Download) -> None:
    """Give pip the content of requirements files and leave the rest of it as it is.

    :param current: the holder of the job at hand.
    :param download: runs ``pip download``.
    :raises PipMovedError: where pip is not built as expected.
    """
    _install(current, Seam("content of requirements files", _patch_files, _prove_files))
    _try_out(current, download, plain=True)


def _install(current: Current, *seams: Seam) -> None:
    for seam in seams:
        try:
            proof = seam.patch(current)
            current.begin(PROOF)
            took = seam.prove is None or seam.prove(proof)
        except Exception as error:
            raise _moved(seam.name, repr(error)) from error
        if not took:
            raise _moved(seam.name, "the patch did not take")


def _try_out(current: Current, download: Download, *, plain: bool) -> None:
    from pip import __version__ as pip_version

    if is_known(pip_version):
        return
    try:
        fault = find_fault(current, download, plain=plain)
    except OSError:
        raise  # a full disk, say, of which pip is innocent
    except Exception as error:
        raise _moved("in a trial", repr(error)) from error
    if fault:
        raise _moved("in a trial", fault)


def is_known(pip_version: str) -> bool:
    """Tell whether a pip is one of those on which wheeltarget was tried out."""
    release = tuple(int(number) for number in re.findall(r"\d+", pip_version)[:2])
    oldest, newest = _KNOWN_PIPS
    return oldest <= release <= newest


def _moved(what: str, why: str) -> PipMovedError:
    from pip import __version__ as pip_version

    reason = " ".join(why.split())
    return PipMovedError(
        f"pip {pip_version} is not built as wheeltarget {__version__} knows it "
        f"({what}: {reason[:_LONGEST_REASON]}), so it would answer for this machine; "
        "nothing was fetched: use a pip from 25.3 to 26.3, or a newer wheeltarget"
    )


def _patch_markers(current: Current) -> None:
    """Let markers see the target."""
    from pip._vendor.packaging import markers

    host_environment = markers.default_environment
    evaluate_here = markers.Marker.evaluate

    def default_environment() -> dict[str, str]:
        if current.view is None:
            return dict(host_environment())
        return {**dict.fromkeys(current.view.unknown, ""), **current.view.markers}

    @functools.wraps(evaluate_here)
    def evaluate(self: Any, *arguments: Any, **named: Any) -> bool:
        if current.view is None or not current.view.unknown:
            return bool(evaluate_here(self, *arguments, **named))

        def decide(text: str) -> bool:
            return bool(evaluate_here(markers.Marker(text), *arguments, **named))

        text = str(self)
        if not any(name in text for name in current.view.unknown):
            return bool(evaluate_here(self, *arguments, **named))
        verdict = holds(text, decide, current.view.unknown)
        if isinstance(verdict, bool):
            return verdict
        if current.only_looks:
            return False
        raise UnknownMarkerError(text, verdict[0])

    rebind("default_environment", host_environment, default_environment)
    markers.Marker.evaluate = evaluate


def _prove_markers(_proof: Any) -> bool:
    from pip._internal.models.installation_report import InstallationReport
    from pip._internal.req.constructors import install_req_from_line

    known = PROOF["target"]["markers"]
    for name, value in known.items():
        requirement = install_req_from_line(f'proof ; {name} == "{value}"')
        if not requirement.match_markers():
            return False
    reported = InstallationReport([]).to_dict()["environment"]
    return bool(reported["sys_platform"] == known["sys_platform"])


def _patch_tags(current: Current) -> Any:
    """Let wheels be judged by the target's tags."""
    from pip._internal.models.target_python import TargetPython

    sorted_here, unsorted_here = TargetPython.get_sorted_tags, TargetPython.get_unsorted_tags

    def get_sorted_tags(self: Any) -> Any:
        return sorted_here(self) if current.view is None else current.view.tags

    def get_unsorted_tags(self: Any) -> Any:
        return unsorted_here(self) if current.view is None else current.view.tag_set

    TargetPython.get_sorted_tags = get_sorted_tags
    TargetPython.get_unsorted_tags = get_unsorted_tags
    return TargetPython


def _prove_tags(target_python: Any) -> bool:
    from pip._internal.index.package_finder import LinkType
    from pip._internal.models.candidate import InstallationCandidate
    from pip._internal.models.link import Link

    finder = proof_finder(target_python)
    worse, better, foreign = (
        Link(f"https://example.invalid/proof-1-{tag}.whl")
        for tag in (*reversed(ODD["tags"]), "py3-none-any")
    )
    judge = finder.make_link_evaluator("proof").evaluate_link
    candidates = [InstallationCandidate("proof", "1", link) for link in (better, worse)]
    best = finder.make_candidate_evaluator("proof").compute_best_candidate(candidates)
    return bool(
        judge(worse)[0] is judge(better)[0] is LinkType.candidate
        and judge(foreign)[0] is LinkType.platform_mismatch
        and best.best_candidate.link == better
    )


def _patch_files(current: Current) -> Any:
    """Let requirements files say what is for the target."""
    from pip._internal.exceptions import InstallationError
    from pip._internal.req import req_file
    from pip._internal.utils.misc import redact_auth_from_url

    read_here = req_file.get_file_content

    @functools.wraps(read_here)
    def get_file_content(url: str, *arguments: Any, **named: Any) -> tuple[str, str]:
        if url in current.files:
            return url, current.files[url]
        if current.is_aside:
            raise InstallationError(f"{redact_auth_from_url(url)} is read when it is its turn")
        location, content = read_here(url, *arguments, **named)
        for number, line in enumerate(content.splitlines(), start=1):
            # Clauses are read by the parent, before pip: here they would be lost in silence.
            if ("tags" in line or "target" in line) and _has_clause(line):
                raise InstallationError(
                    f"line {number} of {redact_auth_from_url(url)} has a tags= or target= clause, "
                    "and those are read in local files only: download it and name the copy"
                )
        return location, content

    rebind("get_file_content", read_here, get_file_content)
    return req_file


def _has_clause(line: str) -> bool:
    # Most runs never get here, and what reads annotations takes its time to load.
    from wheeltarget.requirements.annotations import has_clause

    return has_clause(line)


def _prove_files(req_file: Any) -> bool:
    parser = req_file.RequirementsFileParser(None, req_file.get_line_parser(None))
    lines = list(parser.parse("proof.txt", constraint=False))
    return [(line.lineno, line.args.strip()) for line in lines] == [(1, "proof==1")]
