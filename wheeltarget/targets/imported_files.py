"""Read environments from pex, Pants and ``pip debug --verbose``.

Each reader returns the table of a target file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wheeltarget.errors import TargetError

_PEX_KEYS = ("compatible_tags", "marker_environment")
_PIP_DEBUG = re.compile(r"^pip version: |^Compatible tags: \d+", re.MULTILINE)
_TAGS = re.compile(r"^Compatible tags: (\d+)[^\n]*\n((?:[ \t]+\S+[ \t]*\n?)*)", re.MULTILINE)
_VERSION = re.compile(r"^sys\.version: (\d+\.\d+\.\d+\S*)", re.MULTILINE)
_SYSTEM = re.compile(r"^sys\.platform: (\S+)", re.MULTILINE)


def is_complete_platform(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a complete platform of pex or Pants.

    :param data: the object.
    """
    return any(key in data for key in _PEX_KEYS)


def read_complete_platform(data: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Read a complete platform of pex or Pants, as ``pex3 interpreter inspect`` writes it.

    :param data: the JSON object; other keys are ignored.
    :param label: its name in messages.
    :returns: the table of a target file.
    :raises TargetError: if one of the two keys is missing.
    """
    missing = [key for key in _PEX_KEYS if key not in data]
    if missing:
        raise TargetError(
            f"{label} is a complete platform without {missing[0]}",
            "create it with: pex3 interpreter inspect --markers --tags",
            code="WT214",
        )
    markers = data["marker_environment"]
    if isinstance(markers, dict):
        # null means that a variable is not known.
        markers = {name: value for name, value in markers.items() if value is not None}
        markers.pop("extra", None)
    return {"tags": data["compatible_tags"], "markers": markers}


def is_pip_debug(text: str) -> bool:
    """Return whether a text is the output of ``pip debug``.

    :param text: the text.
    """
    return _PIP_DEBUG.search(text) is not None


def read_pip_debug(text: str, label: str) -> dict[str, Any]:
    """Read the output of ``pip debug --verbose``.

    :param text: the output, and possibly other lines around it.
    :param label: its name in messages.
    :returns: the table of a target file, with only two marker variables; the caller adds those
        that follow from the tags.
    :raises TargetError: if the version of Python or some of the tags are missing.
    """
    text = text.replace("\r\n", "\n")
    version, listed = _VERSION.search(text), _TAGS.search(text)
    if version is None or listed is None:
        what = "the version of Python" if version is None else "the tags"
        raise TargetError(
            f"{label} is output of pip debug without {what}",
            "keep the whole output of: python -m pip debug --verbose",
            code="WT214",
        )
    tags = listed[2].split()
    if str(len(tags)) != listed[1]:
        raise TargetError(
            f"{label} has {len(tags)} of {listed[1][:9]} tags",
            "keep the whole output of: python -m pip debug --verbose",
            code="WT214",
        )
    markers = {"python_full_version": version[1]}
    system = _SYSTEM.search(text)
    if system:
        markers["sys_platform"] = system[1]
    return {"tags": tags, "markers": markers}
