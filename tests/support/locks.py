"""Write locks as wheeltarget and other tools do, and damage them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

TAG = "cp312-cp312-manylinux_2_28_x86_64"
"""The tag of the target that the locks of the tests are for."""


def lock_text(
    wheels: Sequence[Path],
    base: str,
    *,
    tag: str = TAG,
    python: str = "3.12.4",
    label: str = "",
) -> str:
    """Write a lock as wheeltarget does.

    :param wheels: the files that it names.
    :param base: the URL below which ``/files/`` has them.
    :param tag: the best tag of its target.
    :param python: the target's whole version.
    :param label: what the target is called; its tag if empty.
    """
    packages = [
        f'[[packages]]\nname = "{_project(wheel)}"\nversion = "{_version(wheel)}"\n'
        f'index = "{base}/simple/"\n\n{_entry(wheel, base)}'
        for wheel in sorted(wheels, key=_project)
    ]
    table = (
        f'[tool.wheeltarget]\nschema = 1\ntarget = "{label or tag}"\ntag = "{tag}"\n'
        f'python = "{python}"\ninputs = []\ndigest = "sha256:{hashlib.sha256().hexdigest()}"\n'
    )
    head = 'lock-version = "1.0"\ncreated-by = "wheeltarget"\n'
    return "\n".join([head, *packages, table])


def _version(file: Path) -> str:
    return file.name.split("-")[1].removesuffix(".tar.gz")


def _entry(wheel: Path, base: str) -> str:
    is_wheel = wheel.suffix == ".whl"
    kind = "packages.wheels" if is_wheel else "packages.sdist"
    return (
        f"{f'[[{kind}]]' if is_wheel else f'[{kind}]'}\n"
        f'name = "{wheel.name}"\nurl = "{base}/files/{wheel.name}"\n'
        f"size = {wheel.stat().st_size}\n\n[{kind}.hashes]\n"
        f'sha256 = "{sha256_of(wheel)}"\n'
    )


def universal_text(wheels: Mapping[str, Sequence[tuple[str, Path]]], base: str) -> str:
    """Write a lock for many environments as uv does.

    :param wheels: by marker, which may be empty, the project and a wheel of it, one by one.
    :param base: the URL below which ``/files/`` has them.
    """
    text = '# by a tool\nlock-version = "1.0"\ncreated-by = "another"\nrequires-python = ">=3.6"\n'
    for marker, files in wheels.items():
        for project in dict.fromkeys(name for name, _ in files):
            mine = [wheel for name, wheel in files if name == project]
            text += (
                f'\n[[packages]]\nname = "{project}"\nversion = "{mine[0].name.split("-")[1]}"\n'
            )
            text += f'marker = "{marker}"\n' if marker else ""
            text += "wheels = [\n"
            for wheel in mine:
                text += (
                    f'    {{ url = "{base}/files/{wheel.name}", size = {wheel.stat().st_size}, '
                    f'hashes = {{ sha256 = "{sha256_of(wheel)}" }} }},\n'
                )
            text += "]\n"
    return text


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _project(wheel: Path) -> str:
    return wheel.name.split("-")[0].replace("_", "-").lower()
