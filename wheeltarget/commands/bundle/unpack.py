"""Unpack wheels for a bundle: PyPA's installer reads them, and this module places each file.

Specification: the binary distribution format (PEP 427). The layout is that of a folder on
``sys.path``: pure and native modules in one folder, data beside them, scripts in ``bin``.
"""

from __future__ import annotations

import base64
import configparser
import csv
import io
import posixpath
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from wheeltarget.errors import BundleError
from wheeltarget.utils.files import Digest, Writer
from wheeltarget.wheelhouse.archive import leads_out

_ENVIRONMENT = "/usr/bin/env python3"
"""The interpreter in the first line of a script; the path of the target's Python is unknown."""

_BLOCK = 1 << 20
_INSTALLER = b"wheeltarget\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a bundle.

    :param site: the folder of the modules, with a trailing slash if it is not the root.
    :param scripts: the folder of the scripts, likewise; empty if they are left out.
    :param launcher: the kind of script that the target can run, as installer calls it.
    """

    site: str = ""
    scripts: str = ""
    launcher: str = "posix"


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of a bundle.

    :param name: its path in the bundle, with slashes.
    :param source: the path of its content.
    :param owner: its project, or the path that was included.
    :param size: its size in bytes.
    :param sha256: the hash of its content, in hexadecimal.
    :param executable: whether it is executable.
    """

    name: str
    source: Path
    owner: str
    size: int
    sha256: str
    executable: bool = False


def unpack_all(
    wheels: Iterable[tuple[str, Path]], layout: Layout, folder: Path
) -> list[BundledFile]:
    """Unpack wheels, which must have passed the checks of ``read_wheel``.

    :param wheels: the project and the wheel of each.
    :param layout: the folders of the bundle.
    :param folder: a new folder for the contents.
    :returns: the files of all wheels.
    :raises BundleError: if installer refuses a wheel.
    """
    files: list[BundledFile] = []
    for number, (owner, wheel) in enumerate(wheels):
        place = folder / str(number)
        place.mkdir(parents=True)
        files += unpack(wheel, owner, layout, place)
    return files


def unpack(wheel: Path, owner: str, layout: Layout, folder: Path) -> tuple[BundledFile, ...]:
    """Unpack one wheel.

    :param wheel: the wheel.
    :param owner: its project.
    :param layout: the folders of the bundle.
    :param folder: an empty folder for the contents, which get numbers as names.
    :returns: its files.
    :raises BundleError: if installer refuses the wheel.
    """
    import installer
    from installer.exceptions import InstallerError
    from installer.sources import WheelFile

    files: list[BundledFile] = []
    destination = _destination(owner, layout, folder, files)
    try:
        with WheelFile.open(wheel) as source, warnings.catch_warnings():
            # It leaves out files in __pycache__, and warns of each.
            warnings.simplefilter("ignore", RuntimeWarning)
            # installer 0.7 reads its launchers for Windows in a deprecated way.
            warnings.simplefilter("ignore", DeprecationWarning)
            installer.install(source, destination, {"INSTALLER": _INSTALLER})
    except (InstallerError, configparser.Error, ValueError, AssertionError) as error:
        # Some errors of installer have the wheel itself as their first argument.
        why = next((each for each in reversed(error.args) if isinstance(each, str)), "")
        message = f"{wheel.name} cannot be unpacked: {why or type(error).__name__}"
        raise BundleError(message.replace("\n", " ")) from error
    return tuple(files)


def _destination(owner: str, layout: Layout, folder: Path, files: list[BundledFile]) -> Any:
    """Return a destination for installer that adds what it writes to a list."""
    from installer.destinations import WheelDestination
    from installer.records import RecordEntry
    from installer.scripts import Script
    from installer.utils import fix_shebang

    class Destination(WheelDestination):
        def write_file(
            self,
            scheme: str,
            path: Any,
            stream: Any,
            is_executable: bool,  # noqa: FBT001 - installer calls it so
        ) -> RecordEntry:
            name = _place(scheme, str(path), owner, layout)
            if scheme == "scripts":
                with fix_shebang(stream, _ENVIRONMENT) as fixed:
                    return self._keep(name, str(path), fixed, executable=True)
            return self._keep(name, str(path), stream, executable=is_executable)

        def write_script(self, name: str, module: str, attr: str, section: Any) -> RecordEntry:
            program = "python.exe" if layout.launcher != "posix" else "python"
            file, data = Script(name, module, attr, section).generate(
                program, cast("Any", layout.launcher)
            )
            data = re.sub(rb"\A#!python\n", f"#!{_ENVIRONMENT}\n".encode(), data)
            place = _place("scripts", file, owner, layout)
            return self._keep(place, file, io.BytesIO(data), executable=True)

        def finalize_installation(
            self, scheme: str, record_file_path: str, records: Iterable[object]
        ) -> None:
            del records  # of what is left out, too
            name = _place(scheme, record_file_path, owner, layout)
            text = _record(files, name, layout.site)
            self._keep(name, record_file_path, io.BytesIO(text.encode()), executable=False)

        def _keep(
            self, name: str, path: str, stream: IO[bytes], *, executable: bool
        ) -> RecordEntry:
            if name:
                source = folder / str(len(files))
                digest = _write(source, stream)
                files.append(
                    BundledFile(name, source, owner, digest.size, digest.sha256, executable)
                )
            return RecordEntry(path, None, None)

    return Destination()


def _write(path: Path, stream: IO[bytes]) -> Digest:
    """Write a file and return its digest."""
    with path.open("wb", buffering=0) as handle:
        writer = Writer(handle)
        while block := stream.read(_BLOCK):
            writer.write(block)
    return writer.digest


def _place(scheme: str, path: str, owner: str, layout: Layout) -> str:
    """Return the path of a file in the bundle; empty if it is left out."""
    if leads_out(path):  # checked before, but this is where it would do harm
        raise BundleError(f"{owner} has a file {path!r}, which leads out of the bundle")
    if scheme == "scripts":
        return f"{layout.scripts}{path}" if layout.scripts else ""
    return f"{layout.site}include/{owner}/{path}" if scheme == "headers" else layout.site + path


def _record(files: Iterable[BundledFile], name: str, site: str) -> str:
    """Return RECORD for the files in the bundle, relative to the folder of the modules."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for file in sorted(files, key=lambda file: file.name):
        encoded = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).rstrip(b"=").decode()
        place = posixpath.relpath(file.name, site or ".")
        rows.writerow([place, f"sha256={encoded}", file.size])
    rows.writerow([posixpath.relpath(name, site or "."), "", ""])
    return text.getvalue()
