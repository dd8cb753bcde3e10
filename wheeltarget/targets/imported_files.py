"""Environments as other tools describe them: pex, Pants and ``pip debug --verbose``.

Each reader gives the table that a target file of our own would hold.
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
    """Tell whether a JSON object is a complete platform of pex or Pants.

    :param data: the object.
    """
    return any(key in data for key in _PEX_KEYS)


def read_complete_platform(data: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Read a complete platform of pex or Pants, as ``pex3 interpreter inspect`` writes it.

    :param data: the JSON object; keys that say nothing of the environment are passed over.
    :param label: what to call it in a message.
    :returns: the table of a target file.
    :raises TargetError: where it has not both of what makes it one.
    """
    missing = [key for key in _PEX_KEYS if key not in data]
    if missing:
        raise TargetError(
            f"{label} is a complete platform without {missing[0]}",
            "write it with: pex3 interpreter inspect --markers --tags",
            code="WT214",
        )
    markers = data["marker_environment"]
    if isinstance(markers, dict):
        # null is how it says that a variable is not known.
        markers = {name: value for name, value in markers.items() if value is not None}
        markers.pop("extra", None)
    return {"tags": data["compatible_tags"], "markers": markers}


def is_pip_debug(text: str) -> bool:
    """Tell whether a text is the output of ``pip debug``.

    :param text: the text.
    """
    return _PIP_DEBUG.search(text) is not None


def read_pip_debug(text: str, label: str) -> dict[str, Any]:
    """Read the output of ``pip debug --verbose``.

    :param text: the output; what the terminal showed around it does not matter.
    :param label: what to call it in a message.
    :returns: the table of a target file. Of the marker variables it says only two; what follows
        from the tags is for the caller to add.
    :raises TargetError: where the version of Python or some of the tags are missing.
    """
    text = text.replace("\r\n", "\n")
    version, listed = _VERSION.search(text), _TAGS.search(text)
    if version is None or listed is None:
        what = "the version of Python" if version is None else "the tags"
        raise TargetError(
            f"{label} is output of pip debug without {what}",
            "keep all that this prints: python -m pip debug --verbose",
            code="WT214",
        )
    tags = listed[2].split()
    if str(len(tags)) != listed[1]:
        raise TargetError(
            f"{label} has {len(tags)} of {listed[1][:9]} tags",
            "keep all that this prints: python -m pip debug --verbose",
            code="WT214",
        )
    markers = {"python_full_version": version[1]}
    system = _SYSTEM.search(text)
    if system:
        markers["sys_platform"] = system[1]
    return {"tags": tags, "markers": markers}
