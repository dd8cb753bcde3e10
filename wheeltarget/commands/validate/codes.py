"""The codes of faults in annotations; a code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # How a clause is written
        "WT001": "the key is neither `tags` nor `target`",
        "WT002": "the clause has no values",
        "WT003": "an entry of the list is empty",
        "WT004": "there is white space in a tag",
        "WT005": "the key is not followed by a single `=` and a list",
        "WT006": "other text comes after a clause",
        "WT007": "there is no requirement before the clause",
        "WT008": "the `;` comes directly after a backslash",
        "WT009": "the comment looks like a clause, but is not one",
        "WT010": "the clause comes after other text in a comment",
        "WT011": "the clause comes after an option of the requirement",
        "WT012": "the clause of an editable requirement comes after a `;`",
        "WT013": "the clause is on an option line",
        "WT014": "the clause is read as part of a URL",
        # Tags
        "WT101": "the tag does not have three parts",
        "WT102": "a part of the tag has characters that are not allowed",
        "WT103": "there is no such interpreter",
        "WT104": "the tag has more than one interpreter",
        "WT105": "the tag does not say which Python version",
        "WT106": "this version of Python is not known here",
        "WT107": "no single machine has all these platforms",
        "WT108": "CPython of this version has another ABI",
        "WT109": "the interpreter's own ABI is missing",
        "WT110": "no single build has all these ABIs",
        "WT111": "the tag has an ABI, but no platform",
        "WT112": "`py…` means any Python, which has no ABI",
        "WT113": "PyPy or GraalPy of this version has another ABI",
        "WT120": "there is no such platform",
        "WT121": "manylinux has no such short name",
        "WT122": "there is no such version of glibc or musl",
        "WT123": "manylinux begins with a newer glibc on this architecture",
        "WT124": "Linux platforms have no such architecture",
        "WT125": "there is no manylinux for this architecture",
        "WT126": "the platform is a wheel format of macOS for several processors",
        "WT127": "macOS platforms have no such processor",
        "WT128": "this macOS does not run on this processor",
        "WT129": "there is no such device or simulator of iOS",
        "WT130": "no Python runs on this version of iOS",
        "WT131": "Android has no such ABI",
        "WT132": "no Python runs on this level of Android",
        "WT133": "this level of Emscripten is not known here",
        "WT134": "the platform is written with `pyemscripten`, not with `pyodide`",
        # Named targets and target files
        "WT201": "a tag is given to `target=`",
        "WT202": "no target of this name is known",
        "WT203": "the target file cannot be read",
        "WT204": "the target file is neither TOML nor JSON",
        "WT205": "the target file has an unknown key",
        "WT206": "the target file has an unknown schema",
        "WT207": "a key of the target file has the wrong type",
        "WT208": "the target file does not have exactly one of `tag` and `tags`",
        "WT209": "the target has no tags",
        "WT210": "something in `tags` of the target file is not one tag",
        "WT211": "the target file sets an unknown marker variable",
        "WT212": "the target file does not state the full Python version",
        "WT213": "the target file contradicts itself",
        "WT214": "the output of another tool lacks something that is needed",
        "WT215": "the name of a user-defined target means something else",
        "WT216": "the name does not say which Python or architecture",
        "WT217": "the system does not have this Python or architecture",
        # Contradicting lines
        "WT301": "the line names one environment twice",
        "WT302": "one project is pinned at two versions for one target",
        # Reported by --fix only
        "WT401": "the white space, or the case of a tag, was not as `--fix` writes it",
    }
)
"""One line for each code."""
