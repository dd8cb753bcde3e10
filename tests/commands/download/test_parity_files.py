"""Requirements files without a target: every construct of the grammar does what it does in pip."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pip._internal.exceptions import InstallationError
from pip._internal.req.req_file import parse_requirements

from tests.support.parity import INSTALLED, Bench, Case, ParityIndex
from wheeltarget.commands.invocation import InputFiles, first_look
from wheeltarget.pip_config.options import split_file_options
from wheeltarget.requirements.parser import read_inputs
from wheeltarget.utils.files import REQUIREMENTS_FILE, read_regular

pytestmark = pytest.mark.parity

USUAL = {
    "more.txt": "Some.Name\n",
    "limits.txt": "lib<1\n",
    "a b.txt": "lib\n",
    "sub/links.txt": "-f ../kept\nlib\n",
    "sub/inner.txt": "-r ../more.txt\n-c 'deep/limits file.txt'\nlib\n",
    "sub/deep/limits file.txt": "lib<1\n",
    "circle.txt": "-r wide.txt\n",
    "wide.txt": "-c circle.txt\n",
    "pylock.toml": (
        'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "lib"\nversion = "0.9"\n'
        '[[packages.wheels]]\nname = "lib-0.9-py3-none-any.whl"\n'
        'url = "<base>/files/lib-0.9-py3-none-any.whl"\nhashes = {sha256 = "<sha256 of 0.9>"}\n'
    ),
}

APP = "app-1.0-py3-none-any.whl"
LIB = "lib-1.0-py3-none-any.whl"
OLD = "lib-0.9-py3-none-any.whl"
NAME = "some_name-1.0-py3-none-any.whl"
ZEROS = "0" * 64

# What the file says, pip's exit code, and the files that come of it.
Row = tuple[str | bytes, int, str]

LINES: dict[str, Row] = {
    "nothing": ("", 0, ""),
    "blank lines and comments": ("\n \n\t\n# a\n  # b\nlib # c\n", 0, LIB),
    "no comment": ("lib#c\n", 1, ""),
    "no line end": ("lib", 0, LIB),
    "continuation": ("lib \\\n <1 \\\n # c\nSome.Name", 0, f"{OLD} {NAME}"),
    "continuation within a word": ("so\\\nme.name\n", 0, NAME),
    "continuation ended by a comment": ("lib \\\n# c \\\n<1\n", 1, ""),
    "continuation at the end": ("lib \\", 0, LIB),
    "no continuation": ("lib \\ \n<1\n", 1, ""),
    "carriage returns": ("lib\rsome-name\r", 0, f"{LIB} {NAME}"),
    "carriage returns, line feeds": ("lib \\\r\n<1\r\nsome-name\r\n", 0, f"{OLD} {NAME}"),
    "form feed": ("lib\fsome-name\v# c", 0, f"{LIB} {NAME}"),
    "separators": ("lib\x1csome-name\x85app", 0, f"{APP} {LIB} {NAME}"),
    "line separator": ("lib\u2028some-name\u2029", 0, f"{LIB} {NAME}"),
}

REQUIREMENTS: dict[str, Row] = {
    "extras": ("app [ fast , x ] >= 1\n", 0, f"{APP} {LIB}"),
    "specifier in parentheses": ("lib (>=0.9, <1)\n", 0, OLD),
    "marker": ("lib; python_version>'3' and 'x;y'!=sys_platform\n", 0, LIB),
    "marker that fails": ("lib ; sys_platform == 'none'\nsome-name", 0, NAME),
    # pip 25.3 did not expect it.
    "broken marker": ("lib ; python_version\n", 1 if INSTALLED > (25, 3) else 2, ""),
    "broken specifier": ("lib==\n", 1, ""),
    "one equals sign": ("lib=1\n", 1, ""),
    "two on a line": ("lib app\n", 1, ""),
    "contradiction": ("lib<1\nlib>=1\n", 1, ""),
    "none such": ("lib\nnone\n", 1, ""),
    "name at URL": (f"lib @ <base>/files/{OLD} ; python_version > '3'\n", 0, OLD),
    "URL": (f"<base>/files/{OLD}\n", 0, OLD),
    "URL with a name": (f"<base>/files/{OLD}#egg=lib\n", 0, OLD),
    "URL with a hash": (f"<base>/files/{LIB}#sha256=<sha256> # c\n", 0, LIB),
    "URL with a wrong hash": (f"<base>/files/{LIB}#sha256={ZEROS}\n", 1, ""),
    "file URL": (f"file://<links>/{LIB}\n", 0, LIB),
    "wheel": (f"./kept/{LIB}\n", 0, LIB),
    "wheel, blanks, extra": (f"with space/{LIB}[x] # c\n", 0, LIB),
    "wheel, %20": (f"./with%20space/{LIB}\n", 2, ""),
    "file URL, %20": (f"file://<project>/with%20space/{LIB}\n", 0, LIB),
    "folder": ("./tree/\n", 0, LIB),
    "folder that is none": ("./no tree/\n", 1, ""),
    "editable": ("-e ./tree\n", 0, f"{LIB} tame-1.0.zip"),
    "editable, long, extras, blank": ("--editable './a tree[x]' # c\n", 0, f"{LIB} tame-1.0.zip"),
    "editable URL": ("-e file://<project>/tree#egg=tame\n", 0, f"{LIB} tame-1.0.zip"),
    "editable repository": ("-e <git>@v1#egg=tame\n", 0, f"{LIB} tame-1.0.zip"),
    "editable nothing": ("-e\n", 1, ""),
    "repository": ("tame @ <git>\n", 0, f"{LIB} tame-1.0.zip"),
    "repository at a tag": ("<git>@v1#egg=tame\n", 0, f"{LIB} tame-1.0.zip"),
    "repository, no such tag": ("<git>@v2#egg=tame\n", 1, ""),
    "hash": ("lib==1.0 \\\n  --hash=sha256:<sha256>\n", 0, LIB),
    "hashes": (f"lib==1.0 --ha sha256:{ZEROS} \\\n --hash sha256:<sha256> # c\n", 0, LIB),
    "wrong hash": (f"lib==1.0 --hash=sha256:{ZEROS}\n", 1, ""),
    "hash of no kind": ("lib==1.0 --hash=md2:00\n", 1, ""),
    "hash behind a tab": ("lib==1.0\t--hash=sha256:<sha256>\n", 1, ""),
    "hash for one of two": ("lib==1.0 --hash=sha256:<sha256>\nsome-name\n", 1, ""),
    "build settings": ("lib -C a=b --config-settings=c=d\n", 0, LIB),
    "option that is none for a requirement": ("lib --pre\n", 0, LIB),
    "binary option on a requirement": ("lib --only-binary=lib\n", 0, LIB),
    "unknown option on a requirement": ("lib --bogus\n", 1, ""),
    "quote in an option": ("lib --hash='x\n", 1, ""),
}

OPTIONS: dict[str, Row] = {
    "nested": ("-r more.txt\n-rsub/inner.txt\n", 0, f"{OLD} {NAME}"),
    "nested, long": ("--requirement=more.txt\n--requirement 'a b.txt'\n", 0, f"{LIB} {NAME}"),
    "nested, short for": ('--requirem "a b.txt" # c\n', 0, LIB),
    "nested, escaped": ("-r a\\ b.txt\n", 0, LIB),
    "nested twice": ("-r more.txt\n-r ./sub/../more.txt\n", 0, NAME),
    "nested, the first of two": ("-r more.txt -r 'a b.txt'\n", 0, NAME),
    "nested behind a requirement": ("lib -r more.txt\n", 0, LIB),
    "nested in a circle": ("lib\n-r circle.txt\n", 1, ""),
    "nested nothing": ("lib\n-r\n", 1, ""),
    "nested, not there": ("-r none.txt\n", 1, ""),
    "constraint": ("lib\n-c limits.txt\n", 0, OLD),
    "constraint, long": ("lib\n--constraint limits.txt\n", 0, OLD),
    "constraint before a nested file": ("-c limits.txt -r 'a b.txt'\n", 0, LIB),
    "constraint that contradicts": ("lib>=1\n-c limits.txt\n", 1, ""),
    "remote": ("-r <base>/base.txt\n", 0, f"{LIB} {NAME}"),
    "remote constraint": ("lib\n-c <base>/limits.txt\n", 0, OLD),
    "file URL nested": ("-r file://<project>/more.txt\n", 0, NAME),
    "index": ("-i <index>\nlib\n", 0, LIB),
    "index, and another": (
        "--index-url=<base>/no/ \\\n --extra-index-url <index>\nlib\n",
        0,
        LIB,
    ),
    "no index": ("lib\n--no-index\n", 1, ""),
    "links": ("lib\n--no-index -f kept\n", 0, LIB),
    "links, long": ("--no-index\n--find-links=./kept\nlib\n", 0, LIB),
    "links relative to the file": ("--no-index\n-r sub/links.txt\n", 0, LIB),
    "links URL": ("--no-index --find-links <base>/page.html\nlib\n", 0, LIB),
    "trusted host": ("--trusted-host 127.0.0.1\nlib\n", 0, LIB),
    "pre-releases": ("lib\n--pre\n", 0, "lib-2.0b1-py3-none-any.whl"),
    "binaries preferred": ("--prefer-binary\nlib\n", 0, LIB),
    "binaries only": ("--only-binary :all:\nlib\n", 0, LIB),
    "no binaries": ("--no-binary=lib\nlib\n", 1, ""),
    "hashes required": ("--require-hashes\nlib\n", 1, ""),
    "feature": ("--use-feature=fast-deps\nlib\n", 0, LIB),
    "no feature": ("--use-feature=bogus\nlib\n", 1, ""),
    "only on the command line": ("--platform win_amd64\nlib\n", 1, ""),
    "destination": ("-d house\nlib\n", 1, ""),
    "unknown": ("lib\n--bogus\n", 1, ""),
    "ambiguous": ("--re x\nlib\n", 1, ""),
    "open quote": ("-r 'x\n", 1, ""),
    "words behind an option": ("--pre-x\nlib\n", 1, ""),
    "a word behind an option": ("--prefer-binary lib\n", 0, ""),
}

VARIABLES: dict[str, Row] = {
    "requirement": ("${PROJECT}${LIMIT}\n", 0, OLD),
    "file": ("-r ${FILE}.txt\n", 0, NAME),
    "option": ("${OPTION} more.txt\n", 0, NAME),
    "URL": ("${BASE}/files/${WHEEL}\n", 0, OLD),
    "a comment in it": ("${COMMENTED}\n", 1, ""),
    "in a comment": ("lib # ${COMMENTED} ${LIMIT}\n", 0, LIB),
    "not set": ("lib${UNSET}\n", 1, ""),
    "not in pip's spelling": ("$PROJECT\n", 1, ""),
    "lower case": ("${project}\n", 1, ""),
}
VALUES = {
    "PROJECT": "lib",
    "LIMIT": "<1",
    "FILE": "more",
    "OPTION": "-r",
    "BASE": "<base>",
    "WHEEL": OLD,
    "COMMENTED": "lib # c",
    "project": "lib",
    "PIP_SRC": "checked out",
}

ENCODINGS: dict[str, Row] = {
    "UTF-8": ("# naïve\nlib\n", 0, LIB),
    "UTF-8, marked": (codecs.BOM_UTF8 + b"lib\n", 0, LIB),
    "UTF-16": ("lib\n# naïve".encode("utf-16"), 0, LIB),
    "UTF-16, big end first": (codecs.BOM_UTF16_BE + "lib\n".encode("utf-16-be"), 0, LIB),
    "UTF-32": ("lib\n".encode("utf-32"), 0, LIB),
    "declared": (b"# -*- coding: latin-1 -*-\n# na\xefve\nlib\n", 0, LIB),
    "declared in line 2": (b"#\n# vim: fileencoding=cp1252 \nlib # \x80\n", 0, LIB),
    "declared, unknown": (b"# coding: klingon\nlib\n", 2, ""),
    "declared, wrong": (b"# coding: ascii\nlib # \xef\n", 2, ""),
    "neither": (b"lib # na\xefve\n", 2, ""),
    "half a character": (codecs.BOM_UTF16_LE + b"lib", 2, ""),
    "null byte": (b"lib\0\n", 1, ""),
}

GROUPS = {
    "lines": LINES,
    "requirements": REQUIREMENTS,
    "options": OPTIONS,
    "variables": VARIABLES,
    "encodings": ENCODINGS,
}
ROWS = [
    pytest.param(row, id=f"{group}: {name}")
    for group, rows in GROUPS.items()
    for name, row in rows.items()
]


@pytest.mark.parametrize("row", ROWS)
def test_as_pip_reads_it(
    parity_index: ParityIndex, tmp_path: Path, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wheeltarget has to read the file to pip as pip itself reads it."""
    content, exit_code, left = row
    may_have_clauses = isinstance(content, str) and re.search("-[rc] (file|<base>)", content)
    case = Case(
        exit_code,
        "-r file.txt",
        variables=VALUES,
        files={"file.txt": content},
        read_to_pip=True,
        left=left,
    )
    bench = Bench(parity_index, tmp_path, USUAL)
    bench.compare(case)
    monkeypatch.setenv("OPTION", VALUES["OPTION"])
    monkeypatch.setenv("FILE", VALUES["FILE"])
    monkeypatch.chdir(bench.project)
    assert first_look(["-r", "file.txt"], os.environ, InputFiles())[1] is (not may_have_clauses)


# Files that nobody thought of

WORDS = [
    *("lib", "app[fast] >=1,<2", "Some.Name~=1.0", "lib ; python_version > '3'", "./kept/x.whl"),
    *("app @ https://h/app.zip#egg=app ; extra == 'x;y'", "-e ./tree", "--editable=git+file:///x"),
    *("a b/x.whl", "https://h/x;y#sha256=00", "lib(==1)", "${NAME}", "${EMPTY}", "名==1"),
]
TAILS = [
    *("", "", "", " # why", "\t#", "#x", " --hash=sha256:aa", " --hash sha256:bb --hash sha384:cc"),
    *(" \\\n --hash=sha256:dd # x", " --config-settings a=b -Cc=d", " --pre", " \\", "\\"),
]
OTHERS = [
    *("", "  ", "# a comment", "# a comment \\", "--pre", "-i https://h --no-index", "-f kept"),
    *("-r nested.txt", "-c nested.txt", "--requirement 'a b.txt' # why", "-rnested.txt -r x.txt"),
    *("--require-hashes", "--only-binary=:all: --no-binary x", "${OPTION} nested.txt", "\\"),
]
LEADS = st.sampled_from(["", "", "", "  ", "\t", "\xa0"])
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\f", "\x85", "\u2028"])
ASKING = st.tuples(LEADS, st.sampled_from(WORDS), st.sampled_from(TAILS), ENDS).map("".join)
OTHER = st.tuples(LEADS, st.sampled_from(OTHERS), ENDS).map("".join)


def texts(*lines: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(*lines), max_size=8).map("".join)


ListedRequirement = tuple[str, str, bool, dict[str, list[str]]]


def as_pip_reads(name: str) -> list[ListedRequirement] | None:
    """Give every requirement with its place, whether it constrains, and its hashes."""
    try:
        found = list(parse_requirements(name, session=None))
    except InstallationError:
        return None
    return [
        (
            each.requirement.strip(),
            each.comes_from,
            each.constraint,
            (each.options or {}).get("hashes") or {},
        )
        for each in found
    ]


def as_wheeltarget_reads(name: str, values: dict[str, str]) -> list[ListedRequirement]:
    inputs = read_inputs(
        (),
        [(name, False)],
        read=lambda name: (Path(name).read_bytes(), True),
        read_nested=lambda name: (read_regular(name, REQUIREMENTS_FILE), True),
        environment=values.get,
    )
    # pip reads such a constraint, and refuses it afterwards.
    faults = [each for each in inputs.faults if each.code not in {"WT501", "WT502"}]
    assert (faults, inputs.unread, inputs.named) == ([], (), ())
    found: list[ListedRequirement] = []
    for entry in inputs.entries:
        line = entry.line
        hashes: dict[str, list[str]] = {}
        editable = ""
        for option in split_file_options(line.parsed.options):
            if option.name == "--hash":
                kind, _, value = (option.value or "").partition(":")
                hashes.setdefault(kind, []).append(value)
            elif option.name == "--editable":
                editable = editable or option.value or ""
        text = line.parsed.requirement or editable
        for variable, value in values.items():
            text = text.replace(f"${{{variable}}}", value)
        text = text.split(" -")[0].strip()  # pip finds options in values, too
        place = f"{'-c' if entry.constraint else '-r'} {line.file} (line {line.number})"
        found.append((text, place, entry.constraint, {} if editable else hashes))
    return found


def test_pip_reads_the_same_out_of_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with an error in it counts for nothing here: pip says what is wrong with it."""
    values = {"NAME": "lib", "OPTION": "-r"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("a b.txt").write_text("lib<3")
    good = 0

    @settings(max_examples=400, deadline=None, database=None)
    @given(texts(ASKING, OTHER), texts(ASKING))
    def compare(text: str, nested: str) -> None:
        nonlocal good
        Path("file.txt").write_bytes(text.encode())
        Path("nested.txt").write_bytes(nested.encode())
        expected = as_pip_reads("file.txt")
        if expected is not None:
            good += 1
            assert as_wheeltarget_reads("file.txt", values) == expected

    compare()
    assert good > 100
