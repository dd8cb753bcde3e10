"""The command ``pack verify``: find everything that is wrong with a pack."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.pack.index import link_to
from wheeltarget.commands.pack.layout import (
    BESIDE,
    EARLIER,
    INDEX,
    MANIFEST,
    PACK,
    REMOVED,
    WHEELS,
    Pack,
    PackTarget,
    read_manifest,
)
from wheeltarget.commands.pack.read import (
    ADDED,
    CHANGED,
    CONTRADICTING,
    DAMAGED,
    MISSING,
    UNREADABLE,
    Contents,
    read_contents,
)
from wheeltarget.errors import InputError, PackError
from wheeltarget.lockfile import model
from wheeltarget.lockfile.model import Lock
from wheeltarget.wheelhouse.archive import fold_case

_HASHED = re.compile(r"--hash=sha256:([0-9a-f]+)")
_HREF = re.compile(r'href="([^"]*#sha256=[^"]*)"')


@dataclass(frozen=True, slots=True)
class PackVerifyRequest:
    """The arguments of ``wheeltarget pack verify``; the place is a folder or an archive."""

    place: str


@dataclass(frozen=True, slots=True)
class PackVerifyOutcome:
    """The result of verifying a pack.

    :param place: the pack, as the user wrote it.
    :param files: the paths in the pack of all files that are there.
    :param targets: the labels of its targets.
    :param findings: everything that is wrong.
    :param notes: notes for the user, one sentence each.
    """

    place: str
    files: tuple[str, ...]
    targets: tuple[str, ...]
    findings: tuple[CheckFinding, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 1 if something is wrong, else 0."""
        return int(bool(self.findings))


@dataclass(slots=True)
class _Reading:
    """A pack that is being read, and what was found so far."""

    place: str
    contents: Contents = field(default_factory=Contents)
    hashes: Mapping[str, str] = field(default_factory=dict)
    findings: list[CheckFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def report(self, code: str, name: str, message: str, target: str = "") -> None:
        path = self.path_of(name) if name else self.place
        self.findings.append(CheckFinding(path, target, code, message))

    def path_of(self, name: str) -> str:
        return f"{self.place.rstrip('/')}/{name}"

    def lines(self, name: str) -> dict[str, str]:
        """Read a file in the format of ``sha256sum``; an empty one if it is missing."""
        data = self.contents.texts.get(name, b"")
        return read_manifest(data, lambda what: self.report(DAMAGED, name, what))


def verify_pack(request: PackVerifyRequest) -> PackVerifyOutcome:
    """Find everything that is wrong with a pack.

    :raises UsageError: if there is neither a folder nor an archive.
    """
    reading = _Reading(request.place)
    reading.contents = read_contents(Path(request.place), reading.report)
    pack: Pack | None = None
    if MANIFEST in reading.contents.hashes:
        reading.hashes = reading.lines(MANIFEST)
        _compare(reading)
        pack = _read_pack(reading)
        if pack is not None:
            _check_files(reading, pack)
            _check_index(reading, pack)
            for target in pack.targets:
                _check_target(reading, pack, target)
    elif not any(each.code == UNREADABLE for each in reading.findings):
        reading.report(UNREADABLE, "", f"it is not a pack: it has no {MANIFEST}")
    return PackVerifyOutcome(
        request.place,
        tuple(sorted(reading.contents.hashes)),
        tuple(target.label for target in pack.targets) if pack else (),
        tuple(dict.fromkeys(reading.findings)),
        tuple(reading.notes),
    )


def _compare(reading: _Reading) -> None:
    """Compare the files with the manifest, in both directions."""
    there, hashes = reading.contents.hashes, reading.hashes
    earlier, removed = reading.lines(EARLIER), reading.lines(REMOVED)
    for name, sha256 in earlier.items():
        if hashes.get(name) != sha256:
            reading.report(DAMAGED, EARLIER, f"the manifest does not have its {name}")
    for name in sorted(removed.keys() & hashes.keys()):
        reading.report(DAMAGED, REMOVED, f"{name} belongs to the pack: the manifest names it")
    # Before it is unpacked over the earlier pack, none of these is there.
    elsewhere = earlier.keys() if earlier.keys().isdisjoint(there) else frozenset()
    if elsewhere:
        reading.notes.append(
            f"this pack has only what is new: {len(elsewhere)} more of its files are in the "
            f"earlier pack; {EARLIER} names them"
        )
    unread = {each.file for each in reading.findings if each.code == UNREADABLE}
    owners = {sha256: name for name, sha256 in hashes.items()}
    folded = {fold_case(name): name for name in there.keys() - hashes.keys()}
    for name, sha256 in sorted(hashes.items()):
        if name not in there:
            if name not in elsewhere and reading.path_of(name) not in unread:
                other = folded.get(fold_case(name))
                also = f"; {other} differs from it only by case" if other else ""
                reading.report(MISSING, name, f"it is missing{also}")
        elif there[name] != sha256:
            other = owners.get(there[name])
            what = f": it has the content of {other}" if other else ", so it is damaged"
            reading.report(CHANGED, name, f"its sha256 differs from the manifest{what}")
    _find_added(reading, removed)


def _find_added(reading: _Reading, removed: Mapping[str, str]) -> None:
    """Find files that the manifest does not name; some may be left from an earlier pack."""
    left = []
    for name, sha256 in sorted(reading.contents.hashes.items()):
        if name in reading.hashes or name in {MANIFEST, EARLIER, REMOVED}:
            continue
        wheel = next((name.removesuffix(end) for end in BESIDE if name.endswith(end)), "")
        if removed.get(name) == sha256 or wheel in removed:
            left.append(name)
        else:
            reading.report(ADDED, name, "the manifest does not name it: it was added, or renamed")
    if left:
        reading.notes.append(
            f"files of the earlier pack that are left and can be deleted: {len(left)}; {REMOVED} "
            "names them"
        )


def _read_pack(reading: _Reading) -> Pack | None:
    data = reading.contents.texts.get(PACK)
    if data is None:
        if PACK not in reading.hashes:
            reading.report(MISSING, PACK, "it is missing")
        return None
    try:
        return Pack.read(data)
    except PackError as error:
        reading.report(DAMAGED, PACK, error.message)
        return None


def _check_files(reading: _Reading, pack: Pack) -> None:
    """Compare the files that ``pack.json`` names with the manifest."""
    hashes = reading.hashes
    named = {file.path: file.sha256 for file in pack.files}
    targets = {target.name for target in pack.targets}
    for path, sha256 in named.items():
        if hashes.get(path) != sha256:
            reading.report(CONTRADICTING, PACK, f"the manifest does not have its {path}")
    for file in pack.files:
        for name in sorted(set(file.targets) - targets):
            reading.report(CONTRADICTING, PACK, f"{file.path} is for {name}, which is not a target")
    for path in sorted(hashes):
        if path.startswith(f"{WHEELS}/") and not path.endswith(BESIDE) and path not in named:
            reading.report(CONTRADICTING, PACK, f"it does not name {path} of the manifest")


def _check_target(reading: _Reading, pack: Pack, target: PackTarget) -> None:
    """Compare the lock and the requirements of a target with the files."""
    if target.pip and target.pip not in {file.path for file in pack.files}:
        message = f"the pip of {target.name} is {target.pip}, which is not in the pack"
        reading.report(CONTRADICTING, PACK, message)
    text, label = reading.contents.texts, target.label
    for path in (target.lock, target.requirements):
        if path not in reading.hashes:
            reading.report(CONTRADICTING, path, f"{PACK} names it, not the manifest", label)
    if target.lock not in text:
        return
    try:
        lock = model.read(text[target.lock].decode("utf-8", "replace"), target.lock)
    except InputError as error:
        for fault in error.faults:
            reading.report(CONTRADICTING, target.lock, fault.message, label)
    else:
        _check_lock(reading, pack, target, lock)


def _check_lock(reading: _Reading, pack: Pack, target: PackTarget, lock: Lock) -> None:
    """Compare a lock with its target, with the files, and with the requirements."""
    named = {file.path: file for file in pack.files}
    text, label = reading.contents.texts, target.label
    if (lock.target, lock.tag, lock.python) != (label, target.tag, target.facts["python"]):
        reading.report(CONTRADICTING, target.lock, f"it is the lock of {lock.target}", label)
    for each in lock.packages:
        file = named.get(f"{WHEELS}/{each.filename}")
        if each.path != f"../{WHEELS}/{each.filename}":
            message = f"{each.name} is not a file of {WHEELS}"
            reading.report(CONTRADICTING, target.lock, message, label)
        elif file is None or file.sha256 != each.sha256 or target.name not in file.targets:
            message = f"the pack does not have its {each.filename}"
            reading.report(CONTRADICTING, target.lock, message, label)
    if target.requirements in text:
        found = _HASHED.findall(text[target.requirements].decode("utf-8", "replace"))
        if sorted(found) != sorted(each.sha256 for each in lock.packages):
            message = f"its hashes are not those of {target.lock}"
            reading.report(CONTRADICTING, target.requirements, message, label)


def _check_index(reading: _Reading, pack: Pack) -> None:
    """Compare the pages of the index with the files."""
    links: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for file in pack.files:
        links[file.project][file.name] = file.sha256
    hrefs = {file.project: set[str]() for file in pack.files}
    for file in pack.files:
        hrefs[file.project].add(link_to(file))
    for project, files in links.items():
        page, document = f"{INDEX}/{project}/index.html", f"{INDEX}/{project}/index.json"
        if page in reading.contents.texts:
            html = reading.contents.texts[page].decode("utf-8", "replace")
            if set(_HREF.findall(html)) != hrefs[project]:
                reading.report(CONTRADICTING, page, f"its links are not the files of {PACK}")
        if (
            document in reading.contents.texts
            and dict(_read_page(reading.contents.texts[document])) != files
        ):
            reading.report(CONTRADICTING, document, f"its files are not those of {PACK}")
        for path in (page, document):
            if path not in reading.hashes:
                reading.report(CONTRADICTING, path, f"the index has no page of {project}")


def _read_page(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the sha256 of each file of a JSON page, as far as it can be read."""
    try:
        for file in json.loads(data)["files"]:
            yield str(file["filename"]), str(file["hashes"]["sha256"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return
