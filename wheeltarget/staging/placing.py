"""Files renamed into a folder that is there already, with a journal by which they are taken back.

See :mod:`wheeltarget.staging.recovery`.

Start-up: shutil is imported only if a file has to be copied to another file system.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Mapping, Sequence

from wheeltarget.staging import recovery
from wheeltarget.staging.folders import Folder
from wheeltarget.staging.recovery import Entry, Journal, Record


def place(
    record: Record,
    destination: Folder,
    files: Mapping[str, str],
    before: Callable[[int], None],
) -> None:
    """Place files, by their names in the folder; if that fails, the folder is as it was.

    :param destination: the folder, held.
    :param files: paths, from which the files are renamed.
    :param before: called with the number of names that will change, before the first one does.
    """
    with contextlib.ExitStack() as stack:
        names = [_split(name) for name in files]
        inner = {
            folder: recovery.open_inner(stack, destination, folder, {errno.ENOENT})
            for folder, _ in names
        }
        stages = _Stages(record, stack, os.path.basename(destination.path))
        numbers = {name: stages.number_for(there or destination) for name, there in inner.items()}
        kept = [_make_kept(stack, each) for each in stages.folders]
        sources: list[str] = []
        entries: list[Entry] = []
        for (folder, name), path in zip(names, files.values(), strict=True):
            source = stages.bring(path, numbers[folder], f"new-{len(entries)}")
            new, old = os.lstat(source).st_ino, _old_inode(inner[folder], name)
            if old != new:
                sources.append(source)
                entries.append(Entry(folder, name, numbers[folder], new, old))
        made = [folder for folder, there in inner.items() if there is None]
        path = os.path.realpath(destination.path)
        journal = Journal(path, destination.identity, made, entries)
        before(len(made) + sum(1 if entry.old is None else 2 for entry in entries))
        record.add_journal(journal)
        try:
            _move(stack, destination, journal, sources, kept)
            recovery.remove_journal(record.state, record.key)
        except BaseException:
            recovery.take_back(record.state, record.key, destination)
            raise


class _Stages:
    """The stage of a run, and a further one on each other file system in the destination."""

    def __init__(self, record: Record, stack: contextlib.ExitStack, name: str) -> None:
        self._record = record
        self._stack = stack
        self._name = name
        self.folders = [stack.enter_context(Folder.open(path)) for path in record.folders]

    def number_for(self, folder: Folder) -> int:
        """Return the number of the stage on the file system of a folder in the destination."""
        for number, stage in enumerate(self.folders):
            if stage.mount == folder.mount:
                return number
        path = self._record.make_folder(folder.path, self._name)
        self.folders.append(self._stack.enter_context(Folder.open(path)))
        return len(self.folders) - 1

    def bring(self, path: str, number: int, name: str) -> str:
        """Return the path of a file on the file system of a stage; it is copied if need be."""
        if not number:
            return path
        import shutil

        copy = os.path.join(self.folders[number].path, name)
        shutil.copy2(path, copy)
        return copy


def _make_kept(stack: contextlib.ExitStack, stage: Folder) -> Folder:
    with contextlib.suppress(FileExistsError):
        stage.make(recovery.KEPT, 0o700)
    return stack.enter_context(stage.inner(recovery.KEPT))


def _old_inode(folder: Folder | None, name: str) -> int | None:
    old = None if folder is None else folder.status(name)
    if folder is None or old is None:
        return None
    if stat.S_ISDIR(old.st_mode):
        path = os.path.join(folder.path, name)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return old.st_ino


def _move(
    stack: contextlib.ExitStack,
    destination: Folder,
    journal: Journal,
    sources: Sequence[str],
    kept: Sequence[Folder],
) -> None:
    for made in journal.made:
        destination.make(made)
    folders = {
        folder: stack.enter_context(destination.inner(folder)) if folder else destination
        for folder in dict.fromkeys(entry.folder for entry in journal.entries)
    }
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
    """Split a name in the destination into its folder, or an empty string, and the rest."""
    folder, _, plain = name.rpartition("/")
    if not recovery.is_plain(plain) or (folder and not recovery.is_plain(folder)):
        raise ValueError(f"{name!r} leads nowhere in the destination")
    return folder, plain
