"""File names of variant wheels (PEP 825): a label for a processor or device follows the tags.

pip's process uses this with its own copy of packaging, so it does not import packaging.
"""

from __future__ import annotations

import re

_VARIANT = re.compile(
    r"(?P<project>[\w.]+)-(?P<version>v?\d[^-]*)(?:-\d[^-]*)?-[^-\d][^-]*-[^-]+-[^-]+"
    r"-(?P<label>[0-9a-z_.]{1,16})\.whl",
    re.ASCII,
)


def parse_variant(filename: str) -> tuple[str, str, str] | None:
    """Return the normalized project, the version and the label of a variant wheel, else None."""
    match = _VARIANT.fullmatch(filename)
    if match is None:
        return None
    return re.sub(r"[-_.]+", "-", match["project"]).lower(), match["version"], match["label"]
