"""Unpack wheels for a bundle: PyPA's installer reads them, and this module places each file.

Specification: the binary distribution format (PEP 427). The layout is that of a folder on
``sys.path``: pure and native modules in one folder, data beside them, scripts in ``bin``.
"""

from __future__ import annotations

import configparser
import io
import re
import shutil
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

import installer
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import InvalidRecordEntry, RecordEntry
from installer.scripts import Script
from installer.sources import WheelFile
from installer.utils import fix_shebang

from wheeltarget.commands.bundle.files import BundledFile, Layout, record_text
from wheeltarget.errors import BundleError
from wheeltarget.utils.files import Writer
from wheeltarget.wheelhouse.archive import leaves_folder

_ENVIRONMENT = "/usr/bin/env python3"
"""The interpreter in the first line of a script; the path of the target's Python is unknown."""


_FAULTS = (
    *(InstallerError, InvalidRecordEntry, configparser.Error, zipfile.BadZipFile),
    *(ValueError, LookupError, TypeError, AssertionError),
)
"""What installer raises for a wheel that it cannot read."""


def unpack(wheel: Path, owner: str, layout: Layout, folder: Path) -> list[BundledFile]:
    """Unpack one wheel into an empty folder, in which the files get numbers as names."""
    destination = _Destination(owner, layout, folder)
    try:
        with WheelFile.open(wheel) as source, warnings.catch_warnings():
            # It leaves out files in __pycache__, and warns of each.
            warnings.simplefilter("ignore", RuntimeWarning)
            installer.install(source, destination, {"INSTALLER": b"wheeltarget\n"})
    except _FAULTS as error:
        # Some errors of installer have the wheel itself as their first argument.
        why = next((each for each in reversed(error.args) if isinstance(each, str)), "")
        message = f"{wheel.name} cannot be unpacked: {why or type(error).__name__}"
        raise BundleError(message.replace("\n", " ")) from error
    return destination.files


class _Destination(WheelDestination):
    """A folder to which installer writes the files of a wheel."""

    def __init__(self, owner: str, layout: Layout, folder: Path) -> None:
        self.files: list[BundledFile] = []
        self._owner, self._layout, self._folder = owner, layout, folder

    def write_file(self, scheme: str, path: Any, stream: Any, is_executable: Any) -> RecordEntry:
        if scheme == "scripts":
            with fix_shebang(stream, _ENVIRONMENT) as fixed:
                return self._keep(scheme, str(path), fixed, executable=True)
        return self._keep(scheme, str(path), stream, executable=is_executable)

    def write_script(self, name: str, module: str, attr: str, section: Any) -> RecordEntry:
        program = "python.exe" if self._layout.launcher != "posix" else "python"
        launcher = cast("Any", self._layout.launcher)
        file, data = Script(name, module, attr, section).generate(program, launcher)
        data = re.sub(rb"\A#!python\n", f"#!{_ENVIRONMENT}\n".encode(), data)
        return self._keep("scripts", file, io.BytesIO(data), executable=True)

    def finalize_installation(
        self, scheme: str, record_file_path: str, records: Iterable[object]
    ) -> None:
        del records  # of what is left out, too
        name = self._place(scheme, record_file_path)
        stream = io.BytesIO(record_text(self.files, name, self._layout.site).encode())
        self._keep(scheme, record_file_path, stream, executable=False)

    def _keep(self, scheme: str, path: str, stream: IO[bytes], *, executable: bool) -> RecordEntry:
        if name := self._place(scheme, path):
            source = self._folder / str(len(self.files))
            with source.open("wb", buffering=0) as handle:
                writer = Writer(handle)
                shutil.copyfileobj(stream, writer, 1 << 20)
            size, sha256 = writer.digest.size, writer.digest.sha256
            self.files.append(BundledFile(name, source, self._owner, size, sha256, executable))
        return RecordEntry(path, None, None)

    def _place(self, scheme: str, path: str) -> str:
        """Return the path of a file in the bundle; empty if it is left out."""
        if leaves_folder(path):  # checked before, but this is where it would do harm
            raise BundleError(f"{self._owner} has a file {path!r}, which leads out of the bundle")
        layout = self._layout
        if scheme == "scripts":
            return f"{layout.scripts}{path}" if layout.scripts else ""
        return layout.site + (f"include/{self._owner}/{path}" if scheme == "headers" else path)
