"""What proofs share: a finder of pip's own that knows no place to look, and small wheels."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any


def proof_finder(target_python: Any = None, format_control: Any = None) -> Any:
    """Make a finder for a Python that there is none of.

    :param target_python: pip's class for it, as a seam has left it; by default, as it is now.
    :param format_control: which formats it takes; by default, all.
    """
    # Looked up by each proof, so that it meets what a seam has put in its place.
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences
    from pip._internal.models.target_python import TargetPython

    return PackageFinder.create(
        LinkCollector(None, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True, format_control=format_control),
        (target_python or TargetPython)(py_version_info=(9, 9, 9)),
    )


def write_wheel(place: Path | IO[bytes], members: Mapping[str, str], comment: bytes = b"") -> None:
    """Write a wheel that is the same whatever the clock says.

    :param place: the file, or a stream.
    :param members: the texts in it by their names.
    :param comment: the comment of the archive.
    """
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            # Its time is the beginning of 1980. The current one may be before that, where a clock
            # has not been set yet, and no archive can have such a time.
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.comment = comment
