"""Make projects that can be built without anything but Python."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.wheels import make_wheel

_BACKEND = """\
import os, pathlib, shutil, tarfile, zipfile

READY = next(pathlib.Path("ready").glob("*.whl"))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return os.path.basename(shutil.copy(READY, wheel_directory))


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with zipfile.ZipFile(READY) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        archive.extractall(metadata_directory, names)
    return names[0].partition("/")[0]


def build_sdist(sdist_directory, config_settings=None):
    stem = "-".join(READY.name.split("-")[:2])
    with tarfile.open(pathlib.Path(sdist_directory, stem + ".tar.gz"), "w:gz") as archive:
        archive.add(".", stem)
    return stem + ".tar.gz"


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return build_wheel(wheel_directory)
"""

_REFUSAL = """

class UnsupportedOperation(Exception):
    pass


def build_sdist(sdist_directory, config_settings=None):
    raise UnsupportedOperation("not from here")
"""

_PYPROJECT = """\
[build-system]
requires = []
build-backend = "copying_backend"
backend-path = ["."]
"""


def make_project(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    sdists: bool = True,
) -> Path:
    """Write a source tree whose own backend builds it, from a wheel that it has ready.

    :param folder: where the tree goes; made if absent.
    :param name: the project's name.
    :param version: its version.
    :param tag: the tag of the wheel that comes of building it.
    :param requires: what it depends on.
    :param sdists: whether it can be made a source distribution.
    :returns: the tree.
    """
    make_wheel(folder / "ready", name, version, tag=tag, requires=requires)
    backend = _BACKEND if sdists else _BACKEND + _REFUSAL
    (folder / "copying_backend.py").write_text(backend)
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    return folder


def make_source(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    requires_python: str | None = None,
) -> Path:
    """Write a source distribution that can be built.

    :param folder: where it goes; made if absent.
    :param name: the project's name.
    :param version: its version.
    :param tag: the tag of the wheel that comes of building it.
    :param requires: what it depends on.
    :param requires_python: which Pythons it is for.
    :returns: the path of the source distribution.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    tree = make_project(folder.parent / "trees" / stem, name, version, tag=tag, requires=requires)
    folder.mkdir(parents=True, exist_ok=True)
    information = make_information(name, version, requires)
    if requires_python is not None:
        information += f"Requires-Python: {requires_python}\n".encode()
    with tarfile.open(folder / f"{stem}.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo(f"{stem}/PKG-INFO")
        member.size = len(information)
        archive.addfile(member, io.BytesIO(information))
        archive.add(tree, stem)
    return folder / f"{stem}.tar.gz"


def make_information(name: str, version: str, requires: Sequence[str]) -> bytes:
    """Write the metadata of a source distribution."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "".join(f"{line}\n" for line in lines).encode()
