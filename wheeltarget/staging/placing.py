"""Files renamed into a folder that is there already, with a journal by which they are taken back.

See :mod:`wheeltarget.staging.journals`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Mapping

from wheeltarget.staging import journals
from wheeltarget.staging.folders import Folder, Identity
from wheeltarget.staging.journals import Entry, Journal


class Placing:
    """What one run places in a folder that it holds.

    :param state: the folder with the journals.
    :param key: the name of the run's record.
    :param stage: the path of the stage.
    :param make_stage: makes a further stage in a folder that lies on another file system.
    """

    def __init__(
        self, state: Folder, key: str, stage: str, make_stage: Callable[[str], str]
    ) -> None:
        self._state = state
        self._key = key
        self._stages = [stage]
        self._make_stage = make_stage

    def place(
        self, destination: Folder, files: Mapping[str, str], before: Callable[[int], None]
    ) -> None:
        """Place files; if that fails, the folder is as it was.

        :param destination: the folder, held.
        :param files: path by name in the folder; the files are renamed.
        :param before: is told how many names will change, before the first one does.
        :raises OSError: if something cannot be written.
        """
        with contextlib.ExitStack() as stack:
            names = [_split(name) for name in files]
            folders = {folder: _there(stack, destination, folder) for folder, _ in names}
            numbers = {
                folder: self._stage_for(there or destination) for folder, there in folders.items()
            }
            kept = [self._make_kept(stack, path) for path in self._stages]
            sources: list[str] = []
            entries: list[Entry] = []
            for (folder, name), path in zip(names, files.values(), strict=True):
                source = self._bring(path, numbers[folder], len(entries))
                entry = _entry(
                    folder, name, numbers[folder], os.lstat(source).st_ino, folders[folder]
                )
                if entry.old != entry.new:
                    sources.append(source)
                    entries.append(entry)
            made = [folder for folder, there in folders.items() if there is None]
            journal = Journal(
                os.path.realpath(destination.path),
                destination.identity,
                [self._known(path) for path in self._stages],
                made,
                entries,
            )
            before(len(made) + sum(1 if entry.old is None else 2 for entry in entries))
            journals.write(self._state, self._key, journal)
            try:
                self._move(stack, destination, journal, sources, kept)
                journals.remove(self._state, self._key)
            except BaseException:
                journals.take_back_held(self._state, self._key, journal, destination)
                raise

    def _stage_for(self, folder: Folder) -> int:
        """Return the number of the stage on the file system of a folder."""
        for number, path in enumerate(self._stages):
            with Folder.open(path) as stage:
                if stage.mount == folder.mount:
                    return number
        self._stages.append(self._make_stage(folder.path))
        return len(self._stages) - 1

    def _make_kept(self, stack: contextlib.ExitStack, path: str) -> Folder:
        with Folder.open(path) as stage:
            with contextlib.suppress(FileExistsError):
                stage.make(journals.KEPT, 0o700)
            return stack.enter_context(stage.inner(journals.KEPT))

    def _known(self, path: str) -> tuple[str, Identity]:
        with Folder.open(path) as stage:
            return os.path.realpath(path), stage.identity

    def _bring(self, path: str, number: int, count: int) -> str:
        """Return where a file is on the file system that it goes to; it is copied if need be."""
        if not number:
            return path
        import shutil

        copy = os.path.join(self._stages[number], f"new-{count}")
        shutil.copy2(path, copy)
        return copy

    def _move(
        self,
        stack: contextlib.ExitStack,
        destination: Folder,
        journal: Journal,
        sources: list[str],
        kept: list[Folder],
    ) -> None:
        folders = {"": destination}
        for made in journal.made:
            destination.make(made)
        for entry in journal.entries:
            if entry.folder not in folders:
                folders[entry.folder] = stack.enter_context(destination.inner(entry.folder))
        for number, entry in enumerate(journal.entries):
            if entry.old is not None:
                _keep(folders[entry.folder], entry.name, kept[entry.stage], str(number))
        for entry, source in zip(journal.entries, sources, strict=True):
            folders[entry.folder].take(source, entry.name)


def _keep(folder: Folder, name: str, kept: Folder, new: str) -> None:
    """Keep an old file, if possible without its name being gone meanwhile."""
    try:
        folder.link(name, kept, new)
    except OSError:
        folder.move(name, kept, new)


def _split(name: str) -> tuple[str, str]:
    """Split a name in the destination into its folder, or nothing, and the rest.

    :raises ValueError: if it leads anywhere else.
    """
    folder, _, plain = name.rpartition("/")
    if not journals.is_plain(plain) or (folder and not journals.is_plain(folder)):
        raise ValueError(f"{name!r} leads nowhere in the destination")
    return folder, plain


def _there(stack: contextlib.ExitStack, destination: Folder, name: str) -> Folder | None:
    """Open a folder in the destination that files go to; None if it is not there yet."""
    if not name:
        return destination
    with contextlib.suppress(FileNotFoundError):
        return stack.enter_context(destination.inner(name))
    return None


def _entry(folder: str, name: str, stage: int, new: int, there: Folder | None) -> Entry:
    old = there.status(name) if there is not None else None
    if old is not None and there is not None and stat.S_ISDIR(old.st_mode):
        path = os.path.join(there.path, name)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return Entry(folder, name, stage, new, old.st_ino if old else None)
