"""What proofs share: a finder of pip's own that knows no place to look."""

from __future__ import annotations

from typing import Any


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
