"""Place files in an existing folder, all of them or none, whatever happens.

A journal in the user's own state folder says beforehand which files are placed: the folder, known
by its inode and not by its name, and of each file the inode of the new one and of the old one.
Placing is renaming alone. So is taking back, which therefore needs no room: an old file is kept in
the stage under a second name, and renamed from there. Only what has the inode that the journal
names is touched, since everything else belongs to others.

The folder is locked from before the journal is written until after it is removed. So a
process that has the lock knows that the writer of a journal for this folder is dead, and first
takes back what it placed.

The standard library alone is imported here, since the guard uses this, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re

from wheeltarget.staging.destination_lock import held
from wheeltarget.staging.folders import Folder, Identity, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = "replaced"
"""Name of the folder in a stage that holds old files."""

_JOURNAL = ".journal"
_PART = ".part"
_KEY = re.compile(r"[0-9a-f]{16}")
_UNREADABLE = ".unreadable"
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class Entry:
    """A file that is placed.

    :param folder: the folder in the destination that it goes to, or an empty string.
    :param name: its name there.
    :param stage: the number of the stage that the old file is kept in.
    :param new: the inode of the new file.
    :param old: the inode of the old file, or None if no file is replaced.
    """

    def __init__(self, folder: str, name: str, stage: int, new: int, old: int | None) -> None:
        self.folder = folder
        self.name = name
        self.stage = stage
        self.new = new
        self.old = old


class Journal:
    """What is being placed.

    :param path: the path of the destination, without links.
    :param destination: what the destination is known by.
    :param stages: the path and the identity of each folder that old files are kept in.
    :param made: the folders that are made in the destination.
    :param entries: the files.
    """

    def __init__(
        self,
        path: str,
        destination: Identity,
        stages: list[tuple[str, Identity]],
        made: list[str],
        entries: list[Entry],
    ) -> None:
        self.path = path
        self.destination = destination
        self.stages = stages
        self.made = made
        self.entries = entries

    def text(self) -> str:
        """Return it as the text of a file."""
        import json  # this module is loaded by each run, and mostly nothing is written

        return json.dumps(
            {
                "destination": {"path": self.path, "identity": self.destination},
                "stages": [{"path": path, "identity": known} for path, known in self.stages],
                "made": self.made,
                "files": [[e.folder, e.name, e.stage, e.new, e.old] for e in self.entries],
            }
        )


def _read_json(data: bytes) -> object:
    import json

    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError from error


def identity_of(data: object) -> Identity:
    """Read an identity.

    :raises ValueError: if it is invalid.
    """
    match data:
        case [int(device), int(inode), int(system)]:
            return device, inode, system
        case _:
            raise ValueError(data)


def is_plain(name: object) -> bool:
    """Return whether a text is the name of something in a folder, and leads nowhere else."""
    if not isinstance(name, str) or name in {"", os.curdir, os.pardir} or "\0" in name:
        return False
    return not any(sep in name for sep in ("/", os.sep, os.altsep) if sep)


def _parse(data: bytes) -> Journal:
    """Read a journal.

    :raises ValueError: if it is invalid.
    """
    match _read_json(data):
        case {
            "destination": {"path": str(path), "identity": destination},
            "stages": list(stages),
            "made": list(made),
            "files": list(files),
        } if os.path.isabs(path) and all(map(is_plain, made)):
            kept = [_stage_of(stage) for stage in stages]
            entries = [_entry_of(file, len(kept)) for file in files]
            return Journal(path, identity_of(destination), kept, made, entries)
        case _:
            raise ValueError(data)


def _stage_of(data: object) -> tuple[str, Identity]:
    match data:
        case {"path": str(path), "identity": identity} if os.path.isabs(path):
            return path, identity_of(identity)
        case _:
            raise ValueError(data)


def _entry_of(data: object, stages: int) -> Entry:
    match data:
        case [str(folder), str(name), int(stage), int(new), (int() | None) as old] if (
            (not folder or is_plain(folder)) and is_plain(name) and 0 <= stage < stages
        ):
            return Entry(folder, name, stage, new, old)
        case _:
            raise ValueError(data)


def exists(state: Folder, key: str) -> bool:
    """Return whether a run has a journal.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    """
    return state.status(key + _JOURNAL) is not None


def write(state: Folder, key: str, journal: Journal) -> None:
    """Write a journal, so that it is there whole or not at all.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    :param journal: the journal.
    :raises OSError: if it cannot be written.
    """
    name = key + _JOURNAL
    handle = state.open_file(name + _PART, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        try:
            write_all(handle, journal.text().encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        state.move(name + _PART, state, name)
    except OSError as error:
        error.filename = os.path.join(state.path, name)
        with contextlib.suppress(OSError):
            forget(state, key)
        raise
    state.sync()


def remove(state: Folder, key: str) -> None:
    """Remove the journal of a run: what it says is done, or taken back.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    """
    state.remove(key + _JOURNAL)


def forget(state: Folder, key: str) -> None:
    """Remove a journal that was not written to its end, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        state.remove(key + _JOURNAL + _PART)


def set_aside(state: Folder) -> Iterator[str]:
    """Set journals aside that cannot be read, with the records of their runs.

    :param state: the folder with the journals.
    :returns: a sentence for the user for each.
    """
    for name in state.names():
        key = name.removesuffix(_JOURNAL)
        if key == name or not _KEY.fullmatch(key):
            continue
        with contextlib.suppress(OSError):
            try:
                _read(state, key)
            except ValueError:
                for each in (name, f"{key}.stage"):
                    with contextlib.suppress(FileNotFoundError):
                        state.move(each, state, each + _UNREADABLE)
                yield (
                    f"{os.path.join(state.path, name)} cannot be read; it was set aside as "
                    f"{name}{_UNREADABLE}, and what it said was placed halfway was left as it is"
                )


def _read(state: Folder, key: str) -> Journal:
    with open(state.open_file(key + _JOURNAL, os.O_RDONLY), "rb") as file:
        return _parse(file.read())


def take_back(state: Folder, key: str, longest_wait: float) -> None:
    """Take back what a run was placing, if it was.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    :param longest_wait: how many seconds to wait for another run.
    :raises BusyError: if another run is placing files there.
    :raises OSError: if something cannot be taken back.
    """
    with contextlib.suppress(FileNotFoundError):
        journal = _read(state, key)
        destination = _open_again(journal)
        if destination is None:
            # The folder has been moved or removed.
            state.remove(key + _JOURNAL)
            return
        with destination, held(destination, state, longest_wait):
            # Whoever had the lock may have done it.
            take_back_held(state, key, _read(state, key), destination)


def _open_again(journal: Journal) -> Folder | None:
    """Open the folder of a journal; return None if it is not there, or is another one."""
    try:
        destination = Folder.open(journal.path)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None
    if destination.is_one(journal.destination):
        return destination
    destination.close()
    return None


def take_back_all(state: Folder, destination: Folder) -> None:
    """Take back what dead runs were placing in a folder that is held.

    :param state: the folder with the journals.
    :param destination: the folder.
    :raises OSError: if something cannot be taken back.
    """
    for name in state.names():
        key = name.removesuffix(_JOURNAL)
        if key != name and _KEY.fullmatch(key):
            with contextlib.suppress(FileNotFoundError, ValueError):
                journal = _read(state, key)
                if destination.is_one(journal.destination):
                    take_back_held(state, key, journal, destination)


def take_back_held(state: Folder, key: str, journal: Journal, destination: Folder) -> None:
    """Take back what a journal says.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    :param journal: the journal.
    :param destination: the folder that it is for, held.
    :raises OSError: if something cannot be taken back.
    """
    with contextlib.ExitStack() as stack:
        kept = [_kept_in(stack, path, known) for path, known in journal.stages]
        folders = {
            entry.folder: _inner(stack, destination, entry.folder) for entry in journal.entries
        }
        for number, entry in enumerate(journal.entries):
            folder = folders[entry.folder]
            if folder is not None:
                _take_one_back(entry, str(number), folder, kept[entry.stage])
    for made in journal.made:
        with contextlib.suppress(OSError):
            destination.remove_folder(made)
    state.remove(key + _JOURNAL)


def _take_one_back(entry: Entry, number: str, folder: Folder, kept: Folder | None) -> None:
    there = folder.status(entry.name)
    if there is not None and there.st_ino != entry.new:
        return  # the old file, or another process's
    if entry.old is None:
        if there is not None:
            folder.remove(entry.name)
    elif kept is not None:
        old = kept.status(number)
        if old is not None and old.st_ino == entry.old:
            kept.move(number, folder, entry.name)


def _kept_in(stack: contextlib.ExitStack, path: str, identity: Identity) -> Folder | None:
    """Open the folder with the old files in a stage, if the stage is the one that is meant."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), Folder.open(path) as stage:
        if stage.is_one(identity):
            return stack.enter_context(stage.inner(KEPT))
    return None


def _inner(stack: contextlib.ExitStack, destination: Folder, name: str) -> Folder | None:
    """Open a folder in the destination; None if it is not there, or is a link."""
    if not name:
        return destination
    try:
        return stack.enter_context(destination.inner(name))
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None
