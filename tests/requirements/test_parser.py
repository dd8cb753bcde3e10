"""Requirements files: pip's grammar kept whole, and the place of everything in them."""

from __future__ import annotations

import base64
import codecs
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from wheeltarget.errors import COMMAND_LINE, Fault, Location, locate
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.parser import (
    Inputs,
    RefusedLine,
    RequirementsFile,
    SourceLine,
    decode,
    read_inputs,
    read_lines,
)
from wheeltarget.resolver.plan import content_for
from wheeltarget.targets.names import TargetName


def case(name: str, *values: object) -> object:
    return pytest.param(*values, id=name)


def read_all(
    files: Mapping[str, str | bytes],
    *names: str,
    arguments: tuple[str, ...] = (),
    constraints: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    fetched: Mapping[str, str] | None = None,
) -> Inputs:
    """Read files that are nowhere but in memory, their names relative to the working directory."""

    def read(name: str) -> tuple[bytes, bool]:
        key = Path(os.path.relpath(name)).as_posix()
        if key not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        content = files[key]
        return content.encode() if isinstance(content, str) else content, key != "pipe"

    given_files = [*((name, False) for name in names), *((name, True) for name in constraints)]
    environment = (variables or {}).get
    return read_inputs(
        arguments,
        given_files,
        read=read,
        read_nested=read,
        environment=environment,
        fetched=fetched or {},
    )


def parse_file(name: str, text: str) -> tuple[list[SourceLine], list[Fault]]:
    """Return the lines of a text, and the faults of those that are refused."""
    lines = list(read_lines(name, text))
    return (
        [line for line in lines if isinstance(line, SourceLine)],
        [line.fault for line in lines if isinstance(line, RefusedLine)],
    )


Row = tuple[str, int, str, str | None, bool]


def rows(inputs: Inputs) -> list[Row]:
    """Return each entry as file, line, what it asks for, its targets, and whether it constrains."""
    assert (inputs.faults, inputs.unread) == ((), ())
    return [
        (
            entry.line.file
            if entry.line.file == COMMAND_LINE
            else Path(os.path.relpath(entry.line.file)).as_posix(),
            entry.line.number,
            entry.line.parsed.requirement or entry.line.parsed.options,
            None if entry.targets is None else ",".join(name.text for name in entry.targets),
            entry.constraint,
        )
        for entry in inputs.entries
    ]


def asked(inputs: Inputs) -> dict[str, str | None]:
    return {requirement: targets for _, _, requirement, targets, _ in rows(inputs)}


# Decoding

ENCODED = [
    ("ascii", b"numpy\n", "numpy\n"),
    ("nothing", b"", ""),
    ("utf-8", "naïve\n".encode(), "naïve\n"),
    ("utf-8, marked", codecs.BOM_UTF8 + "naïve".encode(), "naïve"),
    ("utf-16-le", codecs.BOM_UTF16_LE + "naïve".encode("utf-16-le"), "naïve"),
    ("utf-16-be", codecs.BOM_UTF16_BE + "naïve".encode("utf-16-be"), "naïve"),
    ("utf-32-le", codecs.BOM_UTF32_LE + "naïve".encode("utf-32-le"), "naïve"),
    ("utf-32-be", codecs.BOM_UTF32_BE + "naïve".encode("utf-32-be"), "naïve"),
    (
        "declared",
        b"# -*- coding: latin-1 -*-\nna\xefve",
        "# -*- coding: latin-1 -*-\nnaïve",
    ),
    ("declared in line 2", b"# x\n#coding=cp1252\n\x80", "# x\n#coding=cp1252\n€"),
    ("declared utf-8", "# coding: utf-8\nnaïve".encode(), "# coding: utf-8\nnaïve"),
    ("declared too late", "\n\n# coding: latin-1\nnaïve".encode(), "\n\n# coding: latin-1\nnaïve"),
    ("declared by no comment", "x # coding: latin-1\nï".encode(), "x # coding: latin-1\nï"),
    ("declared and indented", " # coding: latin-1\nï".encode(), " # coding: latin-1\nï"),
    (
        "declared and marked",
        codecs.BOM_UTF8 + "# coding: latin-1\nï".encode(),
        "# coding: latin-1\nï",
    ),
]


@pytest.mark.parametrize(("data", "text"), [case(*each) for each in ENCODED])
def test_decode(data: bytes, text: str) -> None:
    assert decode(data, "ascii") == text


def test_what_is_not_utf_8_is_the_locales(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode(b"na\xefve", "latin-1") == "naïve"
    monkeypatch.setattr("locale.getpreferredencoding", lambda **_: "latin-1")
    assert rows(read_all({"a.txt": b"./na\xefve"}, "a.txt"))[0][2] == "./naïve"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        case("not the locale's either", b"na\xefve", UnicodeDecodeError),
        case("not as declared", b"# coding: utf-8\n\xef", UnicodeDecodeError),
        case("half a character", codecs.BOM_UTF16_LE + b"x", UnicodeDecodeError),
        case("unknown", b"# coding: klingon\nx", LookupError),
        case("no text encoding", b"# coding: hex\n00", LookupError),
    ],
)
def test_undecodable(data: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(error):
        decode(data, "ascii")
    monkeypatch.setattr("locale.getpreferredencoding", lambda **_: "ascii")
    inputs = read_all({"a.txt": data, "b.txt": "b\n-r a.txt"}, "b.txt")
    (fault,) = inputs.unread
    assert fault.message.startswith(f"cannot read {Path('a.txt').absolute()}: ")
    assert [entry.line.parsed.requirement for entry in inputs.entries] == ["b"]


# Lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        case("plain", "a\nb\n", [(1, "a"), (2, "b")]),
        case("no line end", "a", [(1, "a")]),
        case("blank lines", "\na\n \n\t\nb", [(2, "a"), (5, "b")]),
        case("comments", "# x\na # y\n  # z\nb", [(2, "a # y"), (4, "b")]),
        case("carriage return", "a\rb\r", [(1, "a"), (2, "b")]),
        case("carriage return, line feed", "a\r\nb", [(1, "a"), (2, "b")]),
        case("form feed", "a\fb", [(1, "a"), (2, "b")]),
        case("vertical tab", "a\vb", [(1, "a"), (2, "b")]),
        case("separators", "a\x1cb\x1dc\x1ed", [(1, "a"), (2, "b"), (3, "c"), (4, "d")]),
        case("next line", "a\x85b", [(1, "a"), (2, "b")]),
        case("line separator", "a\u2028b", [(1, "a"), (2, "b")]),
        case("paragraph separator", "a\u2029b", [(1, "a"), (2, "b")]),
        case("continued", "a \\\n b\nc", [(1, "a  b"), (3, "c")]),
        case("continued twice", "a\\\nb\\\nc\nd", [(1, "abc"), (4, "d")]),
        case("continued, carriage return", "a\\\r\nb", [(1, "ab")]),
        case("continued, form feed", "a\\\fb", [(1, "ab")]),
        case("several backslashes", "a\\\\\nb", [(1, "ab")]),
        case("backslashes in front", "\\a\\\nb", [(1, "ab")]),
        case("backslashes in front, not continued", "\\a\nb", [(1, "\\a"), (2, "b")]),
        case("a blank after the backslash", "a \\ \nb", [(1, "a \\ "), (2, "b")]),
        case("continued by nothing", "a\\\n\nb", [(1, "a"), (3, "b")]),
        case("blank and continued", "\\\na\nb", [(1, "a"), (3, "b")]),
        case("at the end", "a\nb \\", [(1, "a"), (2, "b ")]),
        case("at the end, line end", "b \\\n", [(1, "b ")]),
        case("a comment is not continued", "# x \\\na", [(2, "a")]),
        case("a comment ends it", "a \\\n# x\nb", [(1, "a  # x"), (3, "b")]),
        case("a continued comment ends it", "a \\\n  # x \\\nb", [(1, "a    # x \\"), (3, "b")]),
        case("a comment behind words is continued", "a # x \\\nb\nc", [(1, "a # x b"), (3, "c")]),
        case("a hash in a word", "a\\\n#x", [(1, "a #x")]),
    ],
)
def test_lines(text: str, lines: list[tuple[int, str]]) -> None:
    found, faults = parse_file("x.txt", text)
    assert not faults
    assert [(line.number, line.parsed.text) for line in found] == lines


# Places


@pytest.mark.parametrize(
    ("text", "line", "column", "width", "source"),
    [
        case("one line", "a\nb ; tags=x y\n", 2, 10, 3, "b ; tags=x y"),
        case("indented", "\t b ; tags=x y # z", 1, 12, 3, "\t b ; tags=x y # z"),
        case("after a continuation", "b ; \\\n  tags=x y \\\n --pre", 2, 8, 3, "  tags=x y "),
        case("in the third line", "b \\\n\\\n;tags=x,,y", 3, 8, 1, ";tags=x,,y"),
        case("across two lines", "b ; tags=x \\\ny\n", 1, 10, 2, "b ; tags=x "),
        case("at the break", "b ; tags=x,\\\ny z", 2, 1, 3, "y z"),
        case("before the break", "b ; tags=x,\\\n --pre", 1, 11, 1, "b ; tags=x,"),
        case("in a comment that ends it", "b \\\n # tags= # \\\nc", 2, 4, 5, " # tags= # \\"),
        case("on an option", "--pre \\\n; tags=x", 2, 3, 6, "; tags=x"),
        case("no requirement", "; \\\ntags=x", 1, 1, 2, "; "),
        case("default", "a\n# tags=,x", 2, 8, 1, "# tags=,x"),
        case("carriage return", "a\r\nb\rc ; tags=,x", 3, 10, 1, "c ; tags=,x"),
        case("form feed", "a\fb ; tags=,x", 2, 10, 1, "b ; tags=,x"),
        case("line separator", "a\u2028b ; tags=,x", 2, 10, 1, "b ; tags=,x"),
        case("wide characters", "名 ; tags=\U0001f40d ,", 1, 12, 1, "名 ; tags=\U0001f40d ,"),
    ],
)
def test_places_of_faults(text: str, line: int, column: int, width: int, source: str) -> None:
    _, faults = parse_file("x.txt", text)
    assert [(fault.location, fault.width, fault.source) for fault in faults] == [
        (Location("x.txt", line, column), width, source)
    ]
    assert faults[0].message
    assert faults[0].hint


def test_every_fault_is_told() -> None:
    inputs = read_all(
        {"a.txt": "a ; tags=\n-r b.txt\nb ; Tags=x\n", "b.txt": "\nc # target="},
        "a.txt",
        "b.txt",
        arguments=("d", "e ; tags="),
    )
    places = [fault.location for fault in inputs.faults]
    nested = str(Path("b.txt").absolute())
    assert places == [
        Location("a.txt", 1, 5),
        Location("a.txt", 3, 5),
        Location(nested, 2, 5),
        Location("b.txt", 2, 5),
        Location(COMMAND_LINE, 2, 5),
    ]
    assert rows(read_all({}, arguments=("d",))) == [(COMMAND_LINE, 1, "d", None, False)]


def test_places_of_targets() -> None:
    text = "a ; tags=xxx,\\\n yy # target=z"
    inputs = read_all({"sub/a.txt": text}, "sub/a.txt", arguments=("b;target=host",))
    (typed, read) = sorted(inputs.entries, key=lambda entry: entry.line.file)
    assert read.targets is not None
    assert [(t.key, t.text, t.folder) for t in read.targets] == [
        ("tags", "xxx", "sub"),
        ("tags", "yy", "sub"),
        ("target", "z", "sub"),
    ]
    assert [(t.fault.location, t.fault.width) for t in read.targets] == [
        (Location("sub/a.txt", 1, 10), 3),
        (Location("sub/a.txt", 2, 2), 2),
        (Location("sub/a.txt", 2, 14), 1),
    ]
    assert typed.targets == (TargetName("target", "host", ""),)
    assert typed.targets[0].fault.location == Location(COMMAND_LINE, 1, 10)
    assert typed.targets[0].fault.source == "b;target=host"


def test_a_line_points_at_its_parts() -> None:
    (line,), _ = parse_file("x.txt", "\nab \\\n cd\n")
    whole = line.fault("m", "h")
    assert whole == Fault("m", "h", Location("x.txt", 2, 1), "ab ", 3)
    assert line.fault("m", start=4, end=6) == Fault("m", "", Location("x.txt", 3, 2), " cd", 2)
    assert locate(whole, "n", "i") == Fault("n", "i", Location("x.txt", 2, 1), "ab ", 3)
    assert list(line.offsets(1, 5)) == [(2, 4), (6, 8)]
    assert list(line.offsets(0, 3)) == [(1, 4)]
    assert list(line.offsets(3, 4)) == [(6, 7)]
    (blanks,), _ = parse_file("x.txt", "ab  ")
    assert blanks.fault("m").width == 2


# Nested files


@pytest.mark.parametrize(
    "line",
    [
        case("joined", "-rx.txt"),
        case("apart", "-r x.txt"),
        case("long, =", "--requirement=x.txt"),
        case("long, apart", "--requirement x.txt"),
        case("short for", "--requirem x.txt"),
        case("single quotes", "-r 'x.txt'"),
        case("double quotes", '--requirement="x.txt"'),
        case("escaped", "-r x\\.txt"),
        case("indented", "\t -r x.txt"),
        case("with a comment", "-r x.txt # the rest"),
        case("continued", "-r \\\nx.txt"),
        case("roundabout", "-r ./y/../x.txt"),
        case("behind another option", "--pre -r x.txt"),
        case("the first of two", "-r x.txt -r y.txt"),
        case("before a -c", "-c y.txt -r x.txt"),
        case("words behind", "-r x.txt y.txt"),
        case("variable", "-r ${NAME}.txt"),
        case("variable in a variable", "-r ${OUTER}${INNER}"),
        case("the option in a variable", "${OPTION} x.txt"),
        case("option and name in a variable", "${BOTH}"),
    ],
)
def test_nested(line: str) -> None:
    files = {"a.txt": f"# target=t\n{line}\n", "x.txt": "b", "y.txt": "c", "x.txt.txt": "b"}
    variables = {"NAME": "x", "OPTION": "-r", "BOTH": " --requirement=x.txt"}
    # pip puts the values in one after another, so what is in a value counts too.
    variables |= {"OUTER": "x${INNER}", "INNER": ".txt"}
    inputs = read_all(files, "a.txt", variables=variables)
    assert [row[2:] for row in rows(inputs)] == [("b", "t", False)]
    assert len(inputs.files) == 2
    assert inputs.remote == ()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        case("after a requirement", "b -r x.txt", ["b"]),
        case("beside an editable one", "-r x.txt -e .", ["-r x.txt -e ."]),
        case("commented out", "# -r x.txt", []),
        case("no value", "-r", []),
        case("unknown option", "--frobnicate -r x.txt", []),
        case("unbalanced quote", "-r 'x.txt", []),
        case("ambiguous", "--re x.txt", []),
        case("a variable that is not set", "-r ${UNSET", []),
    ],
)
def test_not_nested(line: str, found: list[str]) -> None:
    inputs = read_all({"a.txt": f"{line}\n", "x.txt": "c"}, "a.txt")
    assert [
        entry.line.parsed.requirement or entry.line.parsed.options for entry in inputs.entries
    ] == found
    assert [file.name for file in inputs.files if "x.txt" in file.name] == []


def test_nested_names_are_relative_to_the_file() -> None:
    files = {
        "top.txt": "-r sub/a.txt\n-r x.txt",
        "sub/a.txt": "-r x.txt\n-c ../c.txt\n-r deep/b.txt",
        "sub/deep/b.txt": "-r ../x.txt",
        "sub/x.txt": "inner",
        "x.txt": "outer",
        "c.txt": "capped<2",
    }
    inputs = read_all(files, "top.txt")
    assert rows(inputs) == [
        ("sub/x.txt", 1, "inner", None, False),
        ("c.txt", 1, "capped<2", None, True),
        ("sub/x.txt", 1, "inner", None, False),
        ("x.txt", 1, "outer", None, False),
    ]
    nested = ["sub/a.txt", "sub/x.txt", "c.txt", "sub/deep/b.txt", "x.txt"]
    # pip asks for a nested file by its absolute name, and for the first one as it was typed.
    assert [file.name for file in inputs.files] == [
        "top.txt",
        *(os.path.abspath(name) for name in nested),  # noqa: PTH100
    ]


def test_defaults() -> None:
    files = {
        "a.txt": (
            "before\n# tags=t1\none\nown ; tags=t9\n-r b.txt\n-c c.txt\ntwo\n"
            "# target=host\nthree\n# tags=t2,t3 ; target=n\nfour\n"
        ),
        "b.txt": "five\n# tags=t4\nsix\n",
        "c.txt": "seven<1\n",
        "d.txt": "eight\n",
    }
    inputs = read_all(files, "a.txt", "d.txt", arguments=("nine", "ten;tags=t5"))
    assert asked(inputs) == {
        "before": None,
        "one": "t1",
        "own": "t9",
        "five": "t1",
        "six": "t4",
        "seven<1": None,
        "two": "t1",
        "three": "host",
        "four": "t2,t3,n",
        "eight": None,
        "nine": None,
        "ten": "t5",
    }


def excluded(inputs: Inputs) -> dict[str, tuple[str | None, str]]:
    """Return the targets and the exclusions of each requirement."""
    return {
        requirement: (targets, ",".join(each.pattern for each in entry.excluded))
        for (_, _, requirement, targets, _), entry in zip(rows(inputs), inputs.entries, strict=True)
    }


def test_exclusions() -> None:
    """An own target replaces the default's exclusions as well; a default may have them alone."""
    files = {
        "r.txt": (
            "a ; exclude=X, y-*\nb\n# exclude=p\nc\n# target=t ; exclude=q\nd\ne # exclude=r\n"
            "f ; target=u ; exclude=s\ng # target=u\n# exclude=${MORE}\n-r n.txt\n-c c.txt\n"
        ),
        "n.txt": "h\n# target=v\ni\n",
        "c.txt": "j<2\n",
    }
    assert excluded(read_all(files, "r.txt", variables={"MORE": "w,x"})) == {
        "a": (None, "x,y-*"),
        "b": (None, ""),
        "c": (None, "p"),
        "d": ("t", "q"),
        "e": ("t", "q,r"),
        "f": ("u", "s"),
        "g": ("u", ""),
        "h": ("t", "w,x"),
        "i": ("v", ""),
        "j<2": (None, ""),
    }
    (entry,) = read_all({}, arguments=("a ; tags=cp39-cp39-win32 ; exclude=b",)).entries
    assert [(each.pattern, each.origin) for each in entry.excluded] == [("b", "exclude=")]


def test_exclusions_that_are_refused() -> None:
    files = {"r.txt": "a\nb ; exclude=${MORE}\n", "c.txt": "a<2 # exclude=b, c\n"}
    inputs = read_all(files, "r.txt", constraints=("c.txt",), variables={"MORE": "c>1"})
    assert [(str(each.location), each.width, each.code) for each in inputs.faults] == [
        ("r.txt:2:13", 7, "WT021"),
        ("c.txt:1:7", 12, "WT503"),
    ]


def test_one_file_under_two_defaults() -> None:
    files = {"a.txt": "# tags=t1\n-r b.txt\n# tags=t2\n-r b.txt\n", "b.txt": "b\n# target=t3\nc"}
    inputs = read_all(files, "a.txt")
    assert [row[2:4] for row in rows(inputs)] == [
        ("b", "t1"),
        ("c", "t3"),
        ("b", "t2"),
        ("c", "t3"),
    ]
    assert len(inputs.files) == 2


def test_constraints() -> None:
    files = {
        "c.txt": "# tags=t1\na<1\n-r r.txt\n-c d.txt\n-r https://h/r.txt\n",
        "r.txt": "b\n",
        "d.txt": "c<1\n",
    }
    inputs = read_all(files, constraints=("c.txt",))
    # What -r includes is asked for, even from a constraints file; so it is in pip.
    assert rows(inputs) == [
        ("c.txt", 2, "a<1", "t1", True),
        ("r.txt", 1, "b", "t1", False),
        ("d.txt", 1, "c<1", None, True),
    ]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        case("itself", {"a.txt": "a\n-r a.txt\nb ; tags=,"}, "a.txt"),
        case("itself, roundabout", {"a.txt": "a\n-r ./x/../a.txt\nb ; tags=,"}, "./a.txt"),
        case("through another", {"a.txt": "a\n-r b.txt\nb ; tags=,", "b.txt": "-c a.txt"}, "a.txt"),
    ],
)
def test_recursion_ends(files: dict[str, str], name: str) -> None:
    inputs = read_all(files, name)
    assert [entry.line.parsed.requirement for entry in inputs.entries] == ["a"]
    assert [fault.location for fault in inputs.faults] == [Location(name, 3, 10)]
    assert len(inputs.files) == len(files)


def test_unreadable() -> None:
    inputs = read_all({"a.txt": "a\n-r b.txt\n-r b.txt\n-c ''\n"}, "a.txt", "c.txt")
    assert [fault.message.partition(": ")[0] for fault in inputs.unread] == [
        f"cannot read {Path('b.txt').absolute()}",
        f"cannot read {Path.cwd()}",
        "cannot read c.txt",
    ]
    assert [entry.line.parsed.requirement for entry in inputs.entries] == ["a"]
    assert [file.name for file in inputs.files] == ["a.txt"]


def test_a_name_that_no_file_can_have() -> None:
    def read(name: str) -> tuple[bytes, bool]:
        return Path(name).read_bytes(), True

    inputs = read_inputs(
        (), (("x\0y", False),), read=read, read_nested=read, environment=os.environ.get
    )
    assert [fault.message for fault in inputs.unread] == ["cannot read x\0y: embedded null byte"]


def test_a_pipe_is_read_once() -> None:
    read = []

    def read_pipe(name: str) -> tuple[bytes, bool]:
        read.append(name)
        return b"a ; tags=t", False

    inputs = read_inputs(
        (),
        (("pipe", False),) * 2,
        read=read_pipe,
        read_nested=read_pipe,
        environment=os.environ.get,
    )
    assert read == ["pipe"]
    assert [(file.name, file.repeatable) for file in inputs.files] == [("pipe", False)]
    assert len(inputs.entries) == 2


@pytest.mark.parametrize(
    ("text", "variables", "targets"),
    [
        case("a tag", "a ; tags=${TAG}", {"TAG": "t1"}, ["t1"]),
        case("in a comment", "a # tags=${TAG}", {"TAG": "t1"}, ["t1"]),
        case("in a default", "# target=${NAME}\na", {"NAME": "n"}, ["n"]),
        case(
            "part of a tag", "a ; tags=cp3${MINOR}-${ABI}", {"MINOR": "9", "ABI": "x"}, ["cp39-x"]
        ),
        case("a list", "a ; tags=${TAGS},t3", {"TAGS": "t1, t2"}, ["t1", "t2", "t3"]),
        case("one value twice", "a ; tags=${TAGS},t1", {"TAGS": "t1"}, ["t1"]),
        case("not set", "a ; tags=${TAG}", {}, ["${TAG}"]),
        case("empty", "a ; tags=${TAG}", {"TAG": ""}, ["${TAG}"]),
        case(
            "not in pip's spelling",
            "a ; target=$TAG%TAG%${tag}",
            {"TAG": "t1"},
            ["$TAG%TAG%${tag}"],
        ),
    ],
)
def test_variables_in_clauses(text: str, variables: dict[str, str], targets: list[str]) -> None:
    inputs = read_all({"a.txt": text}, "a.txt", variables=variables)
    assert inputs.faults == ()
    (entry,) = inputs.entries
    assert entry.targets is not None
    assert [name.text for name in entry.targets] == targets


def test_the_command_line_has_no_variables() -> None:
    inputs = read_all({}, arguments=("a ; tags=${TAG}",), variables={"TAG": "t1"})
    assert asked(inputs) == {"a": "${TAG}"}


@pytest.mark.parametrize(
    "text",
    [
        case("in the line", "${OPTION} x.txt ; tags=t"),
        case("in its comment", "${OPTION} x.txt # tags=t"),
    ],
)
def test_a_clause_on_what_turns_out_an_option(text: str) -> None:
    inputs = read_all({"a.txt": f"\n{text}", "x.txt": ""}, "a.txt", variables={"OPTION": "-r"})
    assert [(fault.location, fault.message) for fault in inputs.faults] == [
        (Location("a.txt", 2, 1), "a clause belongs to a requirement, not to an option")
    ]


def test_an_editable_requirement_out_of_a_variable() -> None:
    text = "${OPTION} . # target=host"
    inputs = read_all({"a.txt": text}, "a.txt", variables={"OPTION": "--editable"})
    assert rows(inputs) == [("a.txt", 1, "--editable .", "host", False)]


# What only pip reads


def test_locks_are_passed_over() -> None:
    files = {
        "pylock.toml": "x = 1",
        "pylock.a.toml": "a<1",
        "a.txt": "-r pylock.b.toml",
        "pylock.b.toml": "b",
    }
    inputs = read_all(files, "pylock.toml", "a.txt", constraints=("pylock.a.toml",))
    # Only -r on the command line knows locks; everywhere else the name means nothing to pip.
    assert rows(inputs) == [
        ("pylock.b.toml", 1, "b", None, False),
        ("pylock.a.toml", 1, "a<1", None, True),
    ]


EXTRAS, UNNAMED = "a constraint cannot have extras", "a constraint must name a project"
EDITABLE = "an editable project cannot be a constraint"
CONSTRAINTS = {
    "psy[binary]==3.3.4": EXTRAS,
    "psy [ a , b ] ; os_name == 'nt'": EXTRAS,
    "psy[a] @ https://h.invalid/x.tar.gz": EXTRAS,
    "./small-1.0-py3-none-any.whl[a]": EXTRAS,
    "./tree": UNNAMED,
    "https://h.invalid/x.tar.gz": UNNAMED,
    "git+https://h.invalid/x.git@v[1]": UNNAMED,
    "-e ./tree": EDITABLE,
    "psy[]>=1": "",
    "psy ; extra == 'a[b]'": "",
    "psy @ https://h.invalid/x[a].tar.gz": "",
    "./small-1.0-py3-none-any.whl": "",
    "https://h.invalid/small-1.0-py3-none-any.whl": "",
    "git+https://h.invalid/x.git#egg=x": "",
}
"""Lines of a constraints file, and why pip refuses them."""


@pytest.mark.parametrize("line", CONSTRAINTS)
def test_constraint_that_pip_refuses(line: str) -> None:
    files = {"c.txt": f"\n{line}\n", "needed.txt": f"-c c.txt\n{line}\n", "-e": ""}
    for inputs in (read_all(files, constraints=("c.txt",)), read_all(files, "needed.txt")):
        found = [(each.message, each.location) for each in inputs.faults]
        column = line.index("[") + 1 if CONSTRAINTS[line] == EXTRAS else 1
        place = Location(os.path.relpath(inputs.files[-1].name), 2, column)
        assert [(message, near_here(location)) for message, location in found] == (
            [(CONSTRAINTS[line], place)] if CONSTRAINTS[line] else []
        )


def near_here(location: Location | None) -> Location:
    assert location is not None
    return Location(os.path.relpath(location.file), location.line, location.column)


def test_pip_refuses_the_same_constraints(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "setup.py").touch()
    (tmp_path / "small-1.0-py3-none-any.whl").touch()
    program = (
        "import json, sys\n"
        "from pip._internal.req import constructors, req_install\n"
        "for line in json.load(sys.stdin):\n"
        "    edit = line.removeprefix('-e ')\n"
        "    make = constructors.install_req_from_line\n"
        "    if edit != line: make = constructors.install_req_from_editable\n"
        "    print(bool(req_install.check_invalid_constraint_type(make(edit))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        input=json.dumps(list(CONSTRAINTS)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(bool(reason)) for reason in CONSTRAINTS.values()]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("pdm.lock", "# This file is @generated by PDM.\n\n[metadata]\ngroups = []\n", 3),
        ("my.lock", '[[package]]\nname = "x"\n', 1),
        ("old/uv-2.lock", "version = 1\nrevision = 3\n", 1),
        ("pixi.lock", "version: 6\nenvironments:\n", 1),
        ("package-lock.json", '{\n  "name": "x"\n}\n', 1),
    ],
)
def test_locks_that_are_not_read(name: str, text: str, line: int) -> None:
    files = {name: text}
    for inputs in (read_all(files, name), read_all(files, constraints=(name,))):
        (fault,) = inputs.faults
        assert "is not a requirements or constraints file" in fault.message
        assert "-c reads poetry.lock, uv.lock and Pipfile.lock" in fault.hint
        assert fault.location == Location(name, line)
        assert inputs.entries == ()


@pytest.mark.parametrize("line", ["./[dev]", "version", "version==1", "x[dev]", "-e .[dev]"])
def test_files_that_are_not_those_of_other_tools(line: str) -> None:
    assert read_all({"r.txt": f"# [x]\n{line}\n"}, "r.txt").faults == ()


def test_remote_files() -> None:
    text = (
        "# tags=t\n-r https://h/${NAME}.txt\n-c http://h/c.txt\n-r ${URL}\n"
        "-r https://h/x.txt\n-r b.txt"
    )
    inputs = read_all(
        {"a.txt": text, "b.txt": "# nothing"},
        "a.txt",
        "file:///b.txt",
        variables={"NAME": "x", "URL": "https://h/y.txt"},
    )
    assert inputs.remote == (
        "https://h/x.txt",
        "http://h/c.txt",
        "https://h/y.txt",
        "file:///b.txt",
    )
    assert rows(inputs) == []


def test_fetched_files() -> None:
    """They stand where they are named, with the default that holds there, and name others."""
    fetched = {
        "https://h/d/x.txt": "a # target=host\n-r ../y.txt\n-c c.txt\n-r https://h/d/x.txt\n",
        "https://h/y.txt": "b\n",
        "https://h/d/c.txt": "c\n",
    }
    files = {"a.txt": "# tags=t\n-r https://h/d/x.txt\nd\n"}
    inputs = read_all(files, "a.txt", fetched=fetched)
    assert inputs.remote == ()
    assert rows(inputs) == [
        ("https:/h/d/x.txt", 1, "a", "host", False),
        ("https:/h/y.txt", 1, "b", "t", False),
        ("https:/h/d/c.txt", 1, "c", None, True),
        ("a.txt", 3, "d", "t", False),
    ]
    assert {file.name: file.repeatable for file in inputs.files} == {
        "a.txt": True,
        **dict.fromkeys(fetched, False),
    }


# What pip makes of the same

ASK_PIP = """
import base64, json, logging, os, sys
sys.path.insert(0, sys.argv[1])
from pip._internal.req import req_file
given = json.load(sys.stdin)
def lines(text):
    return [(n, *req_file.break_args_options(line)) for n, line in req_file.preprocess(text)]
def content(data):
    with open("encoded.txt", "wb") as file:
        file.write(base64.b64decode(data))
    return req_file.get_file_content("encoded.txt", None)[1]
def asked(name):
    return [
        (r.requirement, r.comes_from, r.constraint, r.is_editable)
        for r in req_file.parse_requirements(name, None)
    ]
answers = {
    "lines": [lines(text) for text in given["texts"]],
    "contents": [content(data) for data in given["encoded"]],
    "asked": [asked(name) for name in given["names"]],
}
print(json.dumps(answers))
"""

LINE_ENDS = ["\n", "\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x1d", "\x85", "\u2028", "\u2029"]
FILE_WORDS = [
    *("numpy", "a b", "https://h/x;y", "==1", "'", '"', "x#y", "名", "${UNSET_HERE}"),
    *(" ", "\t", "\xa0", "\x1f", "\\", "#", " #", "# ", "-", " -", "--pre", " --hash=sha256:aa"),
    *("-r x", "-e .", " ; tags=t1", ";target=host", " # tags=t1", " # why", ",t2"),
    " ; \\\n tags=t",
]  # fmt: skip
FILE_TEXTS = st.lists(
    st.one_of(
        st.sampled_from(FILE_WORDS),
        st.sampled_from([*LINE_ENDS, *(f"\\{end}" for end in LINE_ENDS)]),
    ),
    max_size=24,
).map("".join)
TEXTS = [
    "numpy\n  flask  # why\n\n--pre\n",
    "a \\\n; tags=t # why \\\nb\nc",
    "a \\\n ; tags=t \\\n # why \\\nb\nc",
    "a ; tags=t \\\n --hash=sha256:aa \\\n --hash=sha256:bb # x \\\nb\nc",
    "a ; tags=t\\\nb ; target=t\\\n",
    "\\a ; tags=t\\\n\\;target=t\\\\\nb",
    "a\\\n#b\\\nc",
]


def ask_pip(
    folder: Path,
    *,
    texts: list[str] | None = None,
    encoded: list[bytes] | None = None,
    names: list[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, list[Any]]:
    """Ask the installed pip, in a process of its own, how it reads things."""
    spec = importlib.util.find_spec("pip")
    assert spec is not None
    assert spec.origin is not None
    question = {
        "texts": texts or [],
        "encoded": [base64.b64encode(data).decode() for data in encoded or ()],
        "names": names or [],
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK_PIP, str(Path(spec.origin).parent.parent)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[Any]] = json.loads(done.stdout)
    return answer


def collect(strategy: st.SearchStrategy[str], number: int) -> list[str]:
    """Draw texts all at once, so that one process can be asked about all of them."""
    drawn: list[str] = []

    @settings(max_examples=number, database=None, phases=[Phase.generate], deadline=None)
    @given(strategy)
    def draw(text: str) -> None:
        drawn.append(text)

    draw()
    return drawn


def as_pip_has_it(line: SourceLine) -> tuple[int, str, str]:
    return line.number, line.parsed.requirement, line.parsed.options


@pytest.mark.seams
def test_pip_sees_the_same_lines(tmp_path: Path) -> None:
    files: list[RequirementsFile] = []
    for text in [*TEXTS, *collect(FILE_TEXTS, 600)]:
        inputs = read_all({"x.txt": text}, "x.txt")
        if not inputs.faults:
            files += inputs.files
    assert len(files) > 100
    asked_for = [
        [line for line in file.lines if line.parsed.kind is not Kind.DEFAULT] for file in files
    ]
    # Once with every clause cut, once with every other requirement for another target.
    kept = [
        [line for number, line in enumerate(lines) if number % 2 or line.parsed.kind is Kind.OPTION]
        for lines in asked_for
    ]
    texts = [
        content_for(file, set(lines))
        for wanted in (asked_for, kept)
        for file, lines in zip(files, wanted, strict=True)
    ]
    answers = ask_pip(tmp_path, texts=texts)["lines"]
    for file, text, lines, answer in zip(files * 2, texts, asked_for + kept, answers, strict=True):
        read = [(number, arguments.strip(), options) for number, arguments, options in answer]
        assert read == list(map(as_pip_has_it, lines)), (file.text, text)
    unannotated = [file for file in files if not any(line.parsed.cuts for line in file.lines)]
    assert len(unannotated) > 50
    for file in unannotated:
        assert content_for(file, set(file.lines)) == file.text
    (lone,) = read_all({"x.txt": "a\rb ; tags=t\nc"}, "x.txt").files
    assert content_for(lone, set(lone.lines[::2])) == "a\n\nc"
    (paired,) = read_all({"x.txt": "a\r\nb ; tags=t\r\nc"}, "x.txt").files
    assert content_for(paired, set(paired.lines)) == "a\r\nb \r\nc"


@pytest.mark.seams
def test_pip_decodes_the_same(tmp_path: Path) -> None:
    answers = ask_pip(tmp_path, encoded=[data for _, data, _ in ENCODED])["contents"]
    assert answers == [text for _, _, text in ENCODED]


TREE = {
    "all.txt": (
        "-rsub/a.txt\n--requirement 'b c.txt'\n-r sub/a.txt -r b.txt\nx -r sub/a.txt\n"
        "--requirem=sub/../b.txt\n-c c.txt -r b.txt\n-c sub/c.txt\n${OPTION} b.txt\n${BOTH}\n"
        "-r b.txt -e ./x\n-r ${NAME}.txt\n--pre -r b.txt # why\n-r ${OUTER}${INNER}\n${EDITABLE}"
    ),
    "sub/a.txt": "a1\n-r ../b.txt\na2 \\\n ==1",
    "b.txt": "# nothing\nb",
    "b c.txt": "-e ./e # why",
    "c.txt": "c<1",
    "sub/c.txt": "d<1\n-r ../b.txt\n-c ../c.txt\n",
    "b.txt.txt": "outer",
}
VARIABLES = {
    "OPTION": "-r", "BOTH": " --requirement=b.txt", "NAME": "b", "OUTER": "b.txt${INNER}",
    "INNER": ".txt", "EDITABLE": "-e ./x",
}  # fmt: skip


@pytest.mark.seams
def test_pip_follows_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The last inclusion ends in ".txt.txt.txt" only if variables are expanded in pip's order.
    tree = {**TREE, "b.txt.txt.txt": "twice"}
    (tmp_path / "sub").mkdir()
    for name, text in tree.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    (answer,) = ask_pip(tmp_path, names=["all.txt"], variables=VARIABLES)["asked"]
    inputs = read_all(tree, "all.txt", variables=VARIABLES)
    assert (inputs.faults, inputs.unread) == ((), ())
    mine = [
        (
            f"{'-c' if entry.constraint else '-r'} {entry.line.file} (line {entry.line.number})",
            entry.line.parsed.requirement,
        )
        for entry in inputs.entries
    ]
    assert mine == [
        (comes_from, "" if is_editable else requirement)
        for requirement, comes_from, _, is_editable in answer
    ]


def test_files_that_include_each_other_too_deeply() -> None:
    """500 were too deep for Python; the limit is said at the line that goes beyond it."""
    files = {f"r{number}.txt": f"-r r{number + 1}.txt\n" for number in range(500)}
    inputs = read_all(files, "r0.txt")
    (fault,) = inputs.faults
    assert "r100.txt is not read: files include each other more than 100 deep" in fault.message
    assert str(fault.location).endswith("r99.txt:1:1")


def test_files_within_the_limit() -> None:
    files = {f"r{number}.txt": f"-r r{number + 1}.txt\n" for number in range(99)}
    inputs = read_all({**files, "r99.txt": "six\n"}, "r0.txt")
    assert (len(inputs.entries), inputs.faults) == (1, ())


def test_files_that_include_others_twice() -> None:
    """Each of 40 files includes the next one twice: that is a million millions of inclusions."""
    files = {f"r{number}.txt": f"-r r{number + 1}.txt\n" * 2 for number in range(40)}
    inputs = read_all({**files, "r40.txt": "six\n"}, "r0.txt")
    assert any("files include each other too often" in fault.message for fault in inputs.faults)


def test_faults_of_a_continued_line_share_it() -> None:
    tags = ",".join(f"x{number}" for number in range(1000))
    inputs = read_all({"r.txt": f"a \\\n ; tags={tags}\n"}, "r.txt")
    assert len({id(name.fault.source) for name in inputs.named}) == 1
