"""Fetch the provenance of files that an index names, and keep what is about these files.

Nothing is verified here; see :mod:`wheeltarget.wheelhouse.provenance`. What cannot be fetched or
read, and what is about another file, is not kept, and a note says so: the file itself has the hash
that its index gives, and whether its provenance is needed is for its user to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wheeltarget.commands.download.fetch import fetch_with_pip, find_network
from wheeltarget.commands.invocation import Invocation
from wheeltarget.commands.prepare import Prepared
from wheeltarget.errors import DownloadError, PipMovedError
from wheeltarget.network.downloader import fetch_plain
from wheeltarget.pip_config.options import CommandLine
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import all_options
from wheeltarget.staging.stage import Stage
from wheeltarget.utils.files import (
    PROVENANCE_FILE,
    FileToFetch,
    link_or_copy,
    read_regular,
    url_path,
)
from wheeltarget.utils.text import visible
from wheeltarget.wheelhouse.provenance import (
    InvalidProvenanceError,
    OtherFileError,
    Publisher,
    beside_of,
    read_provenance,
)

_MOST_NAMES = 5
_SECURE = "https"


@dataclass(frozen=True, slots=True)
class AttestedFile:
    """A file whose index names its provenance.

    :param filename: its name on the index.
    :param sha256: in hexadecimal.
    :param url: the URL of its provenance.
    :param page: the URL of the index page, or of the file; if it is secure, the other has to be.
    """

    filename: str
    sha256: str
    url: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of a file, which was fetched to a path; and who has published the file."""

    path: Path
    publishers: tuple[Publisher, ...]


@dataclass(frozen=True, slots=True)
class FetchedProvenance:
    """What was fetched.

    :param found: the provenance of each file that has one, by the sha256 of the file.
    :param notes: why others are missing, one sentence each.
    :param warnings: those of the notes that are about the provenance of other files.
    """

    found: Mapping[str, Provenance] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def link_beside(self, path: Path, sha256: str) -> Path | None:
        """Link the provenance of a file beside it; return its path, or None if it has none."""
        provenance = self.found.get(sha256)
        if provenance is None:
            return None
        beside = beside_of(path)
        if not beside.exists():
            link_or_copy(provenance.path, beside)
        return beside


def fetch_provenance(
    files: Iterable[AttestedFile], command: CommandLine, invocation: Invocation, stage: Stage
) -> FetchedProvenance:
    """Fetch the provenance of files into a stage, each once.

    Plain connections fetch it if they can, as the files of a lock; otherwise pip's own session
    does, with its credentials, proxies and certificates.

    :param command: the options of the run, those of its requirements files included.
    :returns: what was fetched, and notes on what was not; a failure does not end the run.
    :raises OSError: if the stage cannot be written.
    """
    wanted = {each.sha256: each for each in files}
    if not wanted:
        return FetchedProvenance()
    folder = stage.folder / "provenance"
    folder.mkdir(exist_ok=True)
    paths = {sha256: folder / sha256 for sha256 in wanted}
    reasons = dict(_take_local(wanted, paths))
    orders = [
        FileToFetch(each.url, each.filename, "", "", None, str(paths[sha256]), PROVENANCE_FILE.size)
        for sha256, each in wanted.items()
        if sha256 not in reasons and not paths[sha256].exists()
    ]
    failures = dict(_fetch(orders, command, invocation, stage))
    found: dict[str, Provenance] = {}
    others: dict[str, str] = {}
    for sha256, each in wanted.items():
        reason = reasons.get(sha256) or failures.get(str(paths[sha256]))
        if reason is None:
            try:
                content = paths[sha256].read_bytes()
                publishers = read_provenance(content, each.filename, sha256)
                found[sha256] = Provenance(paths[sha256], publishers)
            except InvalidProvenanceError as error:
                reason = error.message
            except OtherFileError as error:
                others[sha256] = f"{error.message}: ask who runs the index why"
        if reason is not None:
            reasons[sha256] = reason
    warnings = tuple(_notes(wanted, others))
    return FetchedProvenance(found, (*warnings, *_notes(wanted, reasons)), warnings)


def _take_local(
    wanted: Mapping[str, AttestedFile], paths: Mapping[str, Path]
) -> Iterator[tuple[str, str]]:
    """Copy what is on this machine; yield the hashes of files with another fault, and the fault."""
    for sha256, each in wanted.items():
        scheme = urlsplit(each.url).scheme.lower()
        if scheme == "file" and urlsplit(each.page).scheme.lower() == "file":
            try:
                paths[sha256].write_bytes(read_regular(url_path(each.url), PROVENANCE_FILE))
            except OSError as error:
                yield sha256, str(error.strerror)
        elif scheme not in {"http", _SECURE}:
            yield sha256, f"{each.url} is not an HTTP URL"
        elif scheme != _SECURE and urlsplit(each.page).scheme.lower() == _SECURE:
            yield sha256, f"{each.url} does not use HTTPS, although its index does"


def _fetch(
    orders: Sequence[FileToFetch], command: CommandLine, invocation: Invocation, stage: Stage
) -> Iterator[tuple[str, str]]:
    """Fetch files; yield the path of each that failed, and the reason."""
    if not orders:
        return
    network = find_network(command, invocation)
    fetched = fetch_plain(orders, network, None)
    for order, error in (*fetched.wrong, *fetched.broken):
        yield order.path, str(error)
    if fetched.left:
        try:
            failures = fetch_with_pip(fetched, command, network, stage)
        except DownloadError:
            yield from ((order.path, "pip failed") for order in fetched.left)
        else:
            yield from ((failure.path, failure.text) for failure in failures)


def attested_file(file: ChosenFile, sha256: str) -> AttestedFile | None:
    """Return where the provenance of a file that pip chose is; None if its index names none.

    :param sha256: the hash of the file.
    """
    if file.provenance is None:
        return None
    filename = unquote(urlsplit(file.url).path).rpartition("/")[2]
    return AttestedFile(filename, sha256, file.provenance, file.index or file.url)


def fetch_for_results(
    results: Sequence[JobResult],
    hash_of: Callable[[ChosenFile], str],
    prepared: Prepared,
    stage: Stage,
    *,
    notes_missing: bool = True,
) -> FetchedProvenance:
    """Fetch the provenance of all files that were chosen for some targets.

    :param hash_of: returns the sha256 of a file.
    :param notes_missing: whether a note names the files without provenance.
    :raises PipMovedError: if pip reads index pages in a way that hides it.
    """
    if not all(result.sees_provenance for result in results):
        raise PipMovedError(
            "with the installed pip it is not known which files have a provenance; nothing was "
            "saved: leave --provenance out, or use pip 25.3 to 26.3"
        )
    chosen = [file for result in results for file in result.chosen]
    found = (attested_file(file, hash_of(file)) for file in chosen if file.provenance)
    options = all_options(prepared.inputs.files, prepared.invocation.everything)
    command = CommandLine(tuple(option for _, option in options), ())
    fetched = fetch_provenance(filter(None, found), command, prepared.invocation, stage)
    missing = (file.path.name for file in chosen if notes_missing and not file.provenance)
    without = dict.fromkeys(missing)
    return replace(fetched, notes=(*fetched.notes, *note_without(list(without))))


def note_without(names: Sequence[str]) -> Iterator[str]:
    """Return a note on the files whose index or lock names no provenance."""
    if names:
        yield f"no provenance is known of {listed(names)}"


def _notes(files: Mapping[str, AttestedFile], reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a note for each reason, with the files that it is about."""
    by_reason: dict[str, list[str]] = {}
    for sha256, reason in reasons.items():
        by_reason.setdefault(visible(reason), []).append(files[sha256].filename)
    for reason, names in by_reason.items():
        yield f"the provenance of {listed(names)} was not kept: {reason}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence, not too many of them."""
    left = len(names) - _MOST_NAMES
    if left > 0:
        return f"{', '.join(names[:_MOST_NAMES])} and {left} more"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
