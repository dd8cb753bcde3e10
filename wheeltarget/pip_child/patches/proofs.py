"""Objects of pip for proofs."""

from __future__ import annotations

import io
from typing import Any

from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.metadata import MemoryWheel, get_wheel_distribution
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython

from wheeltarget.pip_child.patches.trial import write_wheel


def proof_finder(format_control: Any = None) -> Any:
    """Return a finder of pip for Python 9.9.9.

    :param format_control: which formats it accepts; all if None.
    """
    return PackageFinder.create(
        LinkCollector(None, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True, format_control=format_control),
        TargetPython(py_version_info=(9, 9, 9)),
    )


def wheel_that_requires(requirement: str) -> Any:
    """Return pip's object for a wheel with one dependency."""
    content = io.BytesIO()
    metadata = f"Metadata-Version: 2.1\nName: proof\nVersion: 1\nRequires-Dist: {requirement}\n"
    members = {
        "proof-1.dist-info/METADATA": f"{metadata}Requires-Python: >=9.10.*\n",
        "proof-1.dist-info/WHEEL": "Wheel-Version: 1.0\n",
    }
    write_wheel(content, members)
    return get_wheel_distribution(MemoryWheel("proof-1-py3-none-any.whl", content), "proof")
