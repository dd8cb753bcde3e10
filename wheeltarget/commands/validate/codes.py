"""The codes of everything that can be wrong with annotations; a code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # How a clause is written
        "WT001": "the key is neither `tags` nor `target`",
        "WT002": "the clause lists nothing",
        "WT003": "an entry of the list is empty",
        "WT004": "there is white space in a tag",
        "WT005": "the key is not followed by a single `=` and a list",
        "WT006": "something that is no clause stands behind a clause",
        "WT007": "no requirement stands before the clause",
        "WT008": "the `;` stands directly behind a backslash",
        "WT009": "the comment was meant as a clause and is none",
        "WT010": "the clause stands behind other words of a comment",
        "WT011": "the clause stands behind an option of the requirement",
        "WT012": "the clause of an editable requirement stands behind a `;`",
        "WT013": "the clause stands on an option",
        "WT014": "the clause is taken as part of a URL",
        # Tags
        "WT101": "the tag has not the three parts of one",
        "WT102": "a part of the tag has characters that no tag has",
        "WT103": "the interpreter is none",
        "WT104": "the tag has more than one interpreter",
        "WT105": "the tag does not say which Python",
        "WT106": "this version of Python is not known here",
        "WT107": "no one machine has all these platforms",
        "WT108": "CPython of this version has another ABI",
        "WT109": "the interpreter's own ABI is missing",
        "WT110": "no one build has all these ABIs",
        "WT111": "the tag has an ABI and no platform",
        "WT112": "an interpreter that is any Python has no ABI",
        "WT113": "PyPy or GraalPy of this version has another ABI",
        "WT120": "the platform is none",
        "WT121": "manylinux has no such short name",
        "WT122": "there is no such version of glibc or musl",
        "WT123": "manylinux begins with a newer glibc on this architecture",
        "WT124": "Linux platforms have no such architecture",
        "WT125": "there is no manylinux for this architecture",
        "WT126": "the platform is a format of macOS wheels, not one machine",
        "WT127": "macOS platforms have no such processor",
        "WT128": "this macOS does not run on this processor",
        "WT129": "there is no such device or simulator of iOS",
        "WT130": "no Python runs on this version of iOS",
        "WT131": "Android has no such ABI",
        "WT132": "no Python runs on this level of Android",
        "WT133": "this level of Emscripten is not known here",
        "WT134": "the platform is written with `pyemscripten`, not with `pyodide`",
        # Named targets and target files
        "WT201": "a tag stands behind `target=`",
        "WT202": "no target of this name is known",
        "WT203": "the target file cannot be read",
        "WT204": "the target file is neither TOML nor JSON",
        "WT205": "the target file has an unknown key",
        "WT206": "the target file has an unknown schema",
        "WT207": "a key of the target file has the wrong type",
        "WT208": "the target file has not exactly one of `tag` and `tags`",
        "WT209": "the target has no tags",
        "WT210": "something in `tags` of the target file is not one tag",
        "WT211": "the target file gives a marker variable that there is not",
        "WT212": "the target file does not say its whole Python version",
        "WT213": "the target file contradicts itself",
        "WT214": "what another tool says of the target lacks something that is needed",
        "WT215": "a target of one's own has a name that means something else",
        "WT216": "the name leaves the Python or the architecture open",
        "WT217": "the system has not this Python or architecture",
        # Lines that do not go together
        "WT301": "the line names one environment twice",
        "WT302": "one project is pinned at two versions for one target",
        # What only --fix tells of
        "WT401": "the white space, or the case of a tag, was not as `--fix` writes it",
    }
)
"""One line for each code."""
