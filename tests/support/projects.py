"""Make projects that can be built without anything but Python."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
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
requires = {requires}
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
    pyproject: str | None = _PYPROJECT,
    files: Mapping[str, str] | None = None,
    build_requires: Sequence[str] = (),
) -> Path:
    """Write a source tree whose own backend builds it, from a wheel that it has ready.

    :param folder: where the tree goes; made if absent.
    :param name: the project's name.
    :param version: its version.
    :param tag: the tag of the wheel that comes of building it.
    :param requires: what it depends on.
    :param sdists: whether it can be made a source distribution.
    :param pyproject: what its ``pyproject.toml`` says; None for none.
    :param files: more files, by name.
    :param build_requires: what a build needs.
    :returns: the tree.
    """
    make_wheel(folder / "ready", name, version, tag=tag, requires=requires)
    backend = _BACKEND if sdists else _BACKEND + _REFUSAL
    (folder / "copying_backend.py").write_text(backend)
    if pyproject is not None:
        requirements = json.dumps([*build_requires])
        text = pyproject.replace("{requires}", requirements)
        (folder / "pyproject.toml").write_text(text)
    for file, content in (files or {}).items():
        (folder / file).write_text(content)
    return folder


def make_setuptools(folder: Path, version: str, requires_python: str | None = None) -> Path:
    """Write a wheel that stands for setuptools: its backend copies the wheel that a tree has ready.

    :param folder: where it goes; made if absent.
    """
    backend = f"{_BACKEND}\n\nimport sys\n__legacy__ = sys.modules[__name__]\n"
    files = {"setuptools/__init__.py": b"", "setuptools/build_meta.py": backend.encode()}
    return make_wheel(folder, "setuptools", version, files=files, requires_python=requires_python)


def make_source(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    pyproject: str | None = _PYPROJECT,
    files: Mapping[str, str] | None = None,
    build_requires: Sequence[str] = (),
) -> Path:
    """Write a source distribution that can be built.

    :param folder: where it goes; made if absent.
    :param name: the project's name.
    :param version: its version.
    :param tag: the tag of the wheel that comes of building it.
    :param requires: what it depends on.
    :param requires_python: which Pythons it is for.
    :param pyproject: what its ``pyproject.toml`` says; None for none.
    :param files: more files, by name.
    :param build_requires: what a build needs.
    :returns: the path of the source distribution.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    tree = make_project(
        folder.parent / "trees" / stem,
        *(name, version),
        tag=tag,
        requires=requires,
        pyproject=pyproject,
        files=files,
        build_requires=build_requires,
    )
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


_EXTENSION = """\
#include <Python.h>

static PyObject *answer(PyObject *self, PyObject *ignored) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast_thing", NULL, -1, methods};
PyMODINIT_FUNC PyInit_fast_thing(void) { return PyModule_Create(&module); }
"""
_SETUP = """\
from setuptools import Extension, setup

setup(name="fast-thing", version="1.0", {modules})
"""
_BUILD_SYSTEM = """\
[build-system]
requires = ["setuptools>=40.8", "wheel"]
build-backend = "setuptools.build_meta"
"""


def make_setuptools_source(folder: Path, *, extension: bool = False) -> Path:
    """Write fast-thing-1.0, which the real setuptools builds; ``fast_thing.answer()`` is 42.

    :param folder: where to write it; it is created if it does not exist.
    :param extension: whether it is in C, for Python 3.
    """
    c = 'ext_modules=[Extension("fast_thing", ["fast_thing.c"])]'
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: fast-thing\nVersion: 1.0\n",
        "pyproject.toml": _BUILD_SYSTEM,
        "setup.py": _SETUP.format(modules=c if extension else 'py_modules=["fast_thing"]'),
        "fast_thing.c": _EXTENSION,
        "fast_thing.py": "def answer():\n    return 42\n",
    }
    del files["fast_thing.py" if extension else "fast_thing.c"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fast_thing-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"fast_thing-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
