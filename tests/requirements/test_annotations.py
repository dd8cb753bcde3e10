"""The annotation grammar: what is a clause, what is none, and where each fault points."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.annotations import (
    EXAMPLE,
    AnnotatedLine,
    Clause,
    Kind,
    Word,
    has_clause,
    parse_argument,
    parse_line,
)
from wheeltarget.targets.names import KEYS

T1 = "cp36-cp36m-manylinux1_x86_64"
T2 = "cp39-cp39-manylinux_2_28_x86_64"
LAMBDA = "aws-lambda-python3.12-arm64"


def case(name: str, *values: object) -> object:
    return pytest.param(*values, id=name)


def clauses(line: AnnotatedLine) -> tuple[str, ...]:
    return tuple(map(str, line.clauses))


def attempt(parse: Callable[[str], AnnotatedLine], text: str) -> AnnotatedLine | AnnotationError:
    try:
        return parse(text)
    except AnnotationError as error:
        return error


def refusal(parse: Callable[[str], AnnotatedLine], text: str) -> AnnotationError:
    with pytest.raises(AnnotationError) as caught:
        parse(text)
    return caught.value


def what_pip_sees(line: AnnotatedLine) -> str:
    """Cut what has to be cut, and then the comment, as pip does."""
    text = line.text
    for start, end in reversed(line.cuts):
        text = text[:start] + text[end:]
    return re.sub(r"(^|\s+)#.*$", "", text, flags=re.DOTALL).strip()


# What is read


@pytest.mark.parametrize(
    ("text", "requirement", "expected"),
    [
        case("after a semicolon", f"numpy ; tags={T1}", "numpy", [f"tags={T1}"]),
        case("without blanks", f"numpy~=3.3;tags={T1}", "numpy~=3.3", [f"tags={T1}"]),
        case("target", f"numpy ; target={LAMBDA}", "numpy", [f"target={LAMBDA}"]),
        case("host", "numpy ; target=host", "numpy", ["target=host"]),
        case("after a hash", f"numpy  # tags={T1}", "numpy", [f"tags={T1}"]),
        case("hash, no blank behind", f"numpy #tags={T1}", "numpy", [f"tags={T1}"]),
        case("hash after a tab", f"numpy\t# tags={T1}", "numpy", [f"tags={T1}"]),
        case("several tags", f"numpy ; tags={T1},{T2}", "numpy", [f"tags={T1},{T2}"]),
        case(
            "both clauses",
            f"numpy ; tags={T1} ; target=host",
            "numpy",
            [f"tags={T1}", "target=host"],
        ),
        case(
            "one clause twice",
            f"numpy ; tags={T1} ; tags={T2}",
            "numpy",
            [f"tags={T1}", f"tags={T2}"],
        ),
        case(
            "both in one comment",
            f"numpy # tags={T1} ; target=host",
            "numpy",
            [f"tags={T1}", "target=host"],
        ),
        case(
            "a hash each",
            f"numpy # tags={T1} # target=host",
            "numpy",
            [f"tags={T1}", "target=host"],
        ),
        case(
            "both spellings",
            f"numpy ; target=host # tags={T1}",
            "numpy",
            ["target=host", f"tags={T1}"],
        ),
        case("white space is free", f" a ;\ttags = {T1} , {T2} ", "a", [f"tags={T1},{T2}"]),
        case(
            "white space is free in a comment",
            f"a  #  tags\t=  {T1} ,{T2}  ",
            "a",
            [f"tags={T1},{T2}"],
        ),
        case("prose after a clause", f"a # tags={T1} ; see #7", "a", [f"tags={T1}"]),
        case("prose after a hash of its own", f"a # tags={T1} # old", "a", [f"tags={T1}"]),
        case("prose before a hash of its own", f"a # old # tags={T1}", "a", [f"tags={T1}"]),
        case(
            "prose that names a clause read before",
            f"a # tags={T1} # not tags={T2}",
            "a",
            [f"tags={T1}"],
        ),
        case(
            "prose beside a semicolon's clause", f"a;tags={T1} # not tags={T2}", "a", [f"tags={T1}"]
        ),
        case("a file with blanks", "a ; target=./my target.toml", "a", ["target=./my target.toml"]),
        case(
            "a file with an apostrophe",
            "a;target=it's.toml;tags=x",
            "a",
            ["target=it's.toml", "tags=x"],
        ),
        case("a variable", "a ; tags=${TAGS}", "a", ["tags=${TAGS}"]),
        case("a value with =", "a ; target=x=y", "a", ["target=x=y"]),
        case("no name before a comparison", "a # target==1", "a", []),
    ],
)
def test_clauses(text: str, requirement: str, expected: list[str]) -> None:
    line = parse_line(text)
    assert line.kind is Kind.REQUIREMENT
    assert (line.requirement, line.options) == (requirement, "")
    assert list(clauses(line)) == expected
    assert what_pip_sees(line) == requirement


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        case(
            "marker",
            'requests>=2 ; python_version < "3.8" ; {}',
            'requests>=2 ; python_version < "3.8"',
        ),
        case("marker without blanks", "a;python_version<'3.8';{}", "a;python_version<'3.8'"),
        case(
            "quoted ;",
            'a ; platform_version == "x;tags=y" ; {}',
            'a ; platform_version == "x;tags=y"',
        ),
        case(
            "quoted ; and blanks",
            "a ; platform_version == 'x ; y' ; {}",
            "a ; platform_version == 'x ; y'",
        ),
        case("other quote inside", 'a ; os_name == "it\'s ; x" ; {}', 'a ; os_name == "it\'s ; x"'),
        case("two strings", "a ; '1' in \"1;2\" ; {}", "a ; '1' in \"1;2\""),
        case("extras", "a [b, c] >= 1 ; {}", "a [b, c] >= 1"),
        case("url", "https://h/a;b=c/x.whl ; {}", "https://h/a;b=c/x.whl"),
        case("url after a blank", " https://h/a;b=c/x.whl ; {}", "https://h/a;b=c/x.whl"),
        case("url, blank before alone", "https://h/a;b=c/x.whl ;{}", "https://h/a;b=c/x.whl"),
        case("url, blank behind alone", "https://h/a;b=c/x.whl; {}", "https://h/a;b=c/x.whl"),
        case("url with a fragment", "https://h/x.whl#sha256=aa ; {}", "https://h/x.whl#sha256=aa"),
        case("url with a quote", "https://h/it's;b/x.whl ; {}", "https://h/it's;b/x.whl"),
        case(
            "url with a marker",
            'https://h/x;1 ; os_name == "a;b" ; {}',
            'https://h/x;1 ; os_name == "a;b"',
        ),
        case("repository", "git+ssh://h/r.git@v;1#egg=a ; {}", "git+ssh://h/r.git@v;1#egg=a"),
        case("name @ url", "a @ https://h/a;b=c/x.whl ; {}", "a @ https://h/a;b=c/x.whl"),
        case(
            "name[extra] @ url",
            "a[b, c]@https://h/a;b=c/x.whl ; {}",
            "a[b, c]@https://h/a;b=c/x.whl",
        ),
        case("name @ url with a tab", "a\t@\thttps://h/a;b=c ; {}", "a\t@\thttps://h/a;b=c"),
        case("local path", "./dist/x-1.whl ; {}", "./dist/x-1.whl"),
        case("path with blanks", "./my dist/x 1.whl ; {}", "./my dist/x 1.whl"),
        case("path with an apostrophe", "./it's/x.whl ; {}", "./it's/x.whl"),
        case(
            "apostrophe and marker",
            "./it's/x.whl ; os_name == 'a;b' ; {}",
            "./it's/x.whl ; os_name == 'a;b'",
        ),
        case("backslash and blank", "C:\\dist\\ ; {}", "C:\\dist\\"),
        case("drive letter", "C:\\dist\\x.whl;{}", "C:\\dist\\x.whl"),
        case("variable", "${NAME};{}", "${NAME}"),
    ],
)
def test_what_stands_before_a_clause(text: str, requirement: str) -> None:
    for annotation in (f"tags={T1},{T2}", "target=host"):
        annotated = text.replace("{}", annotation)
        line = parse_line(annotated)
        assert (line.requirement, clauses(line)) == (requirement, (annotation,))
        assert what_pip_sees(line) == requirement
        argument = parse_argument(annotated)
        assert (argument.requirement, argument.clauses) == (requirement, line.clauses)
        assert what_pip_sees(argument) == requirement


@pytest.mark.parametrize(
    ("text", "options", "seen"),
    [
        case(
            "hash",
            f"a==1 ; tags={T1} --hash=sha256:aa",
            "--hash=sha256:aa",
            "a==1  --hash=sha256:aa",
        ),
        case(
            "several",
            f"a==1 ; tags={T1}   --hash=sha256:aa -C x=y ",
            "--hash=sha256:aa -C x=y",
            "a==1    --hash=sha256:aa -C x=y",
        ),
        case("and a comment", f"a==1 ; tags={T1} --pre # x", "--pre", "a==1  --pre"),
        case("before the comment", f"a==1 --pre # tags={T1}", "--pre", "a==1 --pre"),
        case(
            "quoted ; target=",
            f'a==1 ; tags={T1} -C "x; target=y"',
            '-C "x; target=y"',
            'a==1  -C "x; target=y"',
        ),
    ],
)
def test_options_behind_a_clause(text: str, options: str, seen: str) -> None:
    line = parse_line(text)
    assert (line.requirement, line.options) == ("a==1", options)
    assert clauses(line) == (f"tags={T1}",)
    assert what_pip_sees(line) == seen


def test_each_word_has_its_place() -> None:
    text = f'a ; os_name == "x" ;  tags = {T1} ,\t{T2} --pre # target=host'
    line = parse_line(text)
    arguments = [value for clause in line.clauses for value in clause.values]
    assert arguments == [Word(word, text.index(word)) for word in (T1, T2, "host")]


@pytest.mark.parametrize(
    "marked",
    [
        case("to the end", "a <; tags=x>"),
        case("not the white space behind", "a <; tags=x>  "),
        case("not the options", "a <; tags=x> --pre # why"),
        case("all clauses", "a;b<;tags=x ; target=y>"),
        case("the comment behind it too", "a <; tags=x # why>"),
        case("no cut for a comment alone", "a # tags=x"),
    ],
)
def test_cuts(marked: str) -> None:
    expected = ((marked.index("<"), marked.index(">") - 1),) if "<" in marked else ()
    assert parse_line(re.sub("[<>]", "", marked)).cuts == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        case("empty", "", Kind.BLANK),
        case("blank", " \t ", Kind.BLANK),
        case("comment", "# what it is for", Kind.BLANK),
        case("index", "--index-url https://h/simple", Kind.OPTION),
        case("short", "-i https://h/simple", Kind.OPTION),
        case("indented", "\t -r other.txt", Kind.OPTION),
        case("with a comment", "--pre  # why", Kind.OPTION),
        case("requirement", "numpy", Kind.REQUIREMENT),
        case("# in a word", "https://h/x.zip#egg=x", Kind.REQUIREMENT),
        case("editable", "-e ./a", Kind.REQUIREMENT),
        case("indented by a tab", "\t-r other.txt", Kind.OPTION),
        case("editable, joined", "-e./a", Kind.REQUIREMENT),
        case("editable, long", "--editable ./a", Kind.REQUIREMENT),
        case("editable, with =", "--editable=./a", Kind.REQUIREMENT),
        case("editable, short for", "--edit ./a", Kind.REQUIREMENT),
        case("editable after an option", "--pre -e ./a", Kind.REQUIREMENT),
        case("-e in quotes", '-f "a -e b"', Kind.OPTION),
        case("-e in a word", "-f a-e", Kind.OPTION),
        case("another option with e", "--extra-index-url https://h", Kind.OPTION),
    ],
)
def test_kinds(text: str, kind: Kind) -> None:
    line = parse_line(text)
    assert line.kind is kind
    assert (line.text, line.clauses, line.cuts) == (text, (), ())
    arguments = re.sub(r"(^|\s+)#.*", "", text).strip()
    has_options = arguments.startswith("-")
    assert (line.requirement, line.options) == (("", arguments) if has_options else (arguments, ""))


@pytest.mark.parametrize(
    "text",
    [
        case("plain", "-e ./a # tags={}"),
        case("blanks in the path", "-e './a b' # tags={}"),
        case("repository", "--editable=git+https://h/r.git@v1#egg=a  # tags={}"),
        case("other options", "--config-settings x=y -e . # tags={}"),
    ],
)
def test_an_editable_requirement_takes_a_comment(text: str) -> None:
    line = parse_line(text.format(T1))
    assert line.kind is Kind.REQUIREMENT
    assert (line.requirement, clauses(line), line.cuts) == ("", (f"tags={T1}",), ())
    assert line.options == text.partition("# ")[0].strip()


# A line of its own


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        case("tags", f"# tags={T1},{T2}", [f"tags={T1},{T2}"]),
        case("target", f"# target={LAMBDA}", [f"target={LAMBDA}"]),
        case("back to the host", "# target=host", ["target=host"]),
        case("no blank", f"#tags={T1}", [f"tags={T1}"]),
        case("indented", f"  \t#  tags = {T1}", [f"tags={T1}"]),
        case("both", f"# tags={T1} ; target=host", [f"tags={T1}", "target=host"]),
        case("a hash each", f"# tags={T1} # target=host", [f"tags={T1}", "target=host"]),
        case("prose between", f"# tags={T1} # old # target=host", [f"tags={T1}", "target=host"]),
        case("prose behind ;", f"# tags={T1} ; the old ones", [f"tags={T1}"]),
        case("prose behind #", f"# tags={T1} # the old ones", [f"tags={T1}"]),
    ],
)
def test_defaults(text: str, expected: list[str]) -> None:
    line = parse_line(text)
    assert line.kind is Kind.DEFAULT
    assert list(clauses(line)) == expected
    assert (line.requirement, line.options, line.cuts) == ("", "", ())


@pytest.mark.parametrize(
    "text",
    [
        case("a requirement commented out", f"# numpy ; tags={T1}"),
        case("likewise, spelled #", f"# numpy # tags={T1}"),
        case("likewise, no blank", f"#numpy ; target={LAMBDA}"),
        case("a default commented out", f"# # tags={T1}"),
        case("likewise, doubled", f"## tags={T1}"),
        case("prose with a clause in it", f"# say tags={T1} for the old ones"),
        case("prose that begins like one", "# target machines are old"),
        case("prose with a colon", "# target: production"),
        case("prose with a capital", "# Tags: web, api"),
        case("prose that says a tag", f"# tags {T1} and {T2} are for the old ones"),
        case("a command", "# TARGET=prod make install"),
        case("a pinned tag", "# tag=v1.2.3"),
        case("a list of words", "# * target=x"),
        case("a comparison", "# tags == 3"),
        case("a requirement named target", "# target==1.0"),
        case("a longer word", "# tags-file=x.txt"),
        case("the key and host", "# target host"),
        case("a mention of the host", "# target host is old"),
        case("the key alone", "# tags"),
    ],
)
def test_no_default(text: str) -> None:
    line = parse_line(text)
    assert (line.kind, line.clauses) == (Kind.BLANK, ())


@pytest.mark.parametrize(
    "comment",
    [
        case("prose", "needed by the tests; see below"),
        case("prose with =", "pinned: x=1; y=2"),
        case("prose with the words", "no tags; target unknown"),
        case("pip-compile's", "via flask"),
        case("a pinned tag", "tag=v1.2.3"),
        case("a version for the target", "target: 3.8"),
        case("a longer word", "git-tags=cp39-cp39-win32"),
        case("a tag's name", f"built as {T1}"),
        case("a word with host", "made with target=host-gcc"),
        case("full-width prose", "\u7b26\u53f7\uff1b\u8bf4\u660e\uff0c\u201ctags\u201d"),
        case("a tag", f"{T1}"),
    ],
)
def test_prose_is_left_alone(comment: str) -> None:
    for start in ("numpy==1", "-r other.txt", "-e ."):
        line = parse_line(f"{start}  # {comment}")
        assert (line.clauses, line.cuts) == ((), ())
        assert line.requirement + line.options == start


# What pip takes, and what was not meant as a clause


@pytest.mark.parametrize(
    "text",
    [
        case("matrix parameters", "https://h/a;tags=x/x.whl"),
        case("a query", "https://h/x.whl?a=1&target=b"),
        case("parameter in the middle", "a @ https://h/a;target=x;b/x.whl"),
        case("fragment", "git+https://h/r.git#subdirectory=tags&egg=target"),
        case("marker", "a ; 'tags' in platform_version"),
        case("an extra", 'a[tags] ; extra == "target"'),
        case("quoted tag", "a ; platform_version == ';tags=cp39-cp39-win32'"),
        case("a name", "tags"),
        case("another name", "target==1"),
        case("a path", "./target=x/tags.whl"),
        case("quoted option", 'a -C "x=1; target=y"'),
        case("setting", "a -C target=y -C tags=x"),
        case("setting that ends in the word", "a -C my-tags=cp39-cp39-win32"),
        case("option line", "--find-links ./target=x"),
        case("quoted option line", "-f 'a ; tags=b'"),
        case("escaped", "-f a\\ \\; tags.txt"),
        case("url of an index", "-i https://h/a;target=b/simple"),
        case("a comparison", "a ; extra == 'tags=x' and os_name=='b'"),
        case("a name before a comparison", "tags == 1.0"),
        case("a marker with a full-width ;", "a ; platform_version == '\uff1btags=cp39-cp39-x'"),
        case("a path with a tag", "./a cp39-cp39-win32"),
        case("a path with a key", "./tags = x/target=y.whl"),
        case("an empty marker", "a ;"),
    ],
)
def test_unannotated(text: str) -> None:
    line = parse_line(text)
    assert (line.clauses, line.cuts) == ((), ())
    assert f"{line.requirement} {line.options}".strip() == text
    assert not has_clause(text)


# What is refused

NOTHING = "tags= has no values"
NO_TAG = "a tag is missing next to this comma"
NO_NAME = "a name is missing next to this comma"
WHITE = "there is white space in {!r}"
NO_CLAUSE = "other text comes after a clause"
NO_REQUIREMENT = "there is no requirement before this clause"
NOT_SINGLE = "{} is not followed by a single = and a list"
BEHIND_OPTION = "{}= comes after an option"
BEHIND_EDITABLE = "{}= comes after an editable requirement"
ON_OPTION = "a clause belongs to a requirement, not to an option"
BEHIND_WORDS = "{}= comes after other text in the comment"
BAD_NAME = "'b==1' is a requirement, and not the name of a project"
BACKSLASH = "this ; comes directly after a backslash"
NOTHING_AFTER = "there is nothing after this ;"
UNMARKED = "there is no ; or # directly before {}="
INVISIBLE = "there is an invisible character here, U+{}"
QUOTED = "the {} is in quotes or brackets"
IN_URL = "this {} is read as part of the URL"

# In each line the place is marked that the caret points at.
REFUSED = [
    case("nothing listed", "a ; <tags=>", NOTHING),
    case("no target listed", "a ; <target =>   ", "target= has no values"),
    case("nothing in a comment", "a # <tags=> # x", NOTHING),
    case("no default", "# <target=>", "target= has no values"),
    case("comma at the end", "a ; tags=x<,> --pre", NO_TAG),
    case("comma in front", "a ; tags= <,>x", NO_TAG),
    case("two commas", "a # target=x,y<,> ,z", NO_NAME),
    case("blank for a comma", "a ; tags=x,<y z>", WHITE.format("y z")),
    case("words behind", "a # tags=<x see> #7", WHITE.format("x see")),
    case("tab before an option", "a ; tags=<x\t--pre>", WHITE.format("x\t--pre")),
    case("default, words behind", "# tags=<x and y>", WHITE.format("x and y")),
    case("unknown key", "a ; <when_2>=x", "when_2= is not a clause"),
    case("capital", "a ; <Tags>=x", "Tags= is not a clause"),
    case("nothing excluded", "a ; <exclude=>", "exclude= has no values"),
    case("a name missing", "a ; exclude=b<,>", NO_NAME),
    case("excluded release", "a ; exclude=<b==1>", BAD_NAME),
    case("several are excluded", "a # exclude=<b c>", "'b c' is not the name of a project"),
    case("no ;, exclude", "a <exclude=b>", UNMARKED.format("exclude")),
    case("excluded in quotes", "a ; exclude=<'b'>", QUOTED.format("list")),
    case("exclude behind words", "a # why; <exclude=>b", BEHIND_WORDS.format("exclude")),
    case("exclude in a URL", "a @ https://h/a.whl<;exclude=b>", IN_URL.format(";")),
    case("an option exclude", "a --<exclude b>", "exclude is written like an option"),
    case("singular", "a ; <tag>=x", "tag= is not a clause"),
    case("plural", "a ; tags=x ; <targets> =y", "targets= is not a clause"),
    case("two equals", "a ; <tags == x>", NOT_SINGLE.format("tags")),
    case("colon", "a ; <targets: x> ", NOT_SINGLE.format("targets")),
    case("no equals", "a ; <Tag cp39-cp39-x>", NOT_SINGLE.format("Tag")),
    case("key alone", "a ;<tags>", NOT_SINGLE.format("tags")),
    case("marker behind", "a ; tags=x ; <os_name == 'a;b'> ", NO_CLAUSE),
    case("nothing behind", "a ; tags=x <;> ", NOTHING_AFTER),
    case("nothing between", "a <;>; tags=x", NOTHING_AFTER),
    case("nothing before a comment", "a <;> # tags=x", NOTHING_AFTER),
    case("no ;", f"a <tags={T1}>", UNMARKED.format("tags")),
    case("a tab for ;", f"a[b]==1\t<tags={T1}> # why", UNMARKED.format("tags")),
    case("no ;, no tag", "a==1 <tags = win32>", UNMARKED.format("tags")),
    case("no ;, name", "a <target=rhel8>", UNMARKED.format("target")),
    case("no ;, misspelt", f"a <Tag: {T1}>", UNMARKED.format("tags")),
    case("another separator", f"a, <tags={T1}>", UNMARKED.format("tags")),
    case("no space before #", f"a==1#<tags={T1}>", UNMARKED.format("tags")),
    case("after a marker", f"a ; os_name == 'b' <tags={T1}>", UNMARKED.format("tags")),
    case("within a marker", "a ; os_name == 'b' and <target=host>", UNMARKED.format("target")),
    case("before a marker", f"a <tags={T1}> ; os_name == 'b'", UNMARKED.format("tags")),
    case("after a path", f"./a b.whl <tags={T1}>", UNMARKED.format("tags")),
    case("after a URL", "a @ https://h/x.whl <target=host>", UNMARKED.format("target")),
    case("in a list", f"a ; tags={T1}, <tags={T2}> --pre", UNMARKED.format("tags")),
    case("in a list in a comment", f"# tags={T1} <target=host> # x", UNMARKED.format("target")),
    case("no requirement, no ;", "<tags=x>", NO_REQUIREMENT),
    case("a full-width ;", f"a <\uff1b>tags={T1}", "this looks like ; but is U+FF1B"),
    case("a full-width =", f"a # tags<\uff1d>{T1}", "this looks like = but is U+FF1D"),
    case("a full-width #", f"<\uff03> tags={T1}", "this looks like # but is U+FF03"),
    case("an ideographic comma", f"a ; tags={T1}<\u3001>{T2}", "this looks like , but is U+3001"),
    case("a dash", "a ; tags=cp39<\u2013>cp39-win32", "this looks like - but is U+2013"),
    case("curly quotes", f"a ; tags=<\u201c>{T1}\u201d", 'this looks like " but is U+201C'),
    case("an invisible space", f"a ; <\u200b>tags={T1}", INVISIBLE.format("200B")),
    case("an invisible end", f"a ; tags={T1}<\ufeff>", INVISIBLE.format("FEFF")),
    case("invisible before ;", f"a<\u200b> ; tags={T1}", INVISIBLE.format("200B")),
    case("full-width ; after it", f"a # tags={T1}<\uff1b> why", "this looks like ; but is U+FF1B"),
    case("a quoted list", f"a ; tags=<'{T1}'>", "the list is in quotes or brackets"),
    case("quotes around each", 'a ; tags= <"x", "y"> --pre', QUOTED.format("list")),
    case("a list in brackets", f"a # tags=<[{T1}]> # b", QUOTED.format("list")),
    case("a quoted name", "# target=<'rhel-8'>", QUOTED.format("list")),
    case("a quoted clause", f'a ; <"tags={T1}">', QUOTED.format("clause")),
    case("an option", f"a --<tags={T1}> --pre", "tags is written like an option"),
    case("an option, no =", "--<target host>", "target is written like an option"),
    case("one dash", f"-r x.txt -<tag={T1}>", "tags is written like an option"),
    case("a tag for a marker", f"a ; <{T1},{T2}> ", "there is no tags= before this tag"),
    case("a tag alone", f"a==1 <{T1}>", "there is no tags= before this tag"),
    case("no requirement", "<; tags=x>", NO_REQUIREMENT),
    case("no requirement, option", " <;target=x>  --pre", NO_REQUIREMENT),
    case("after an option", "a --pre ; <tags=x>", BEHIND_OPTION.format("tags")),
    case(
        "between options",
        "a -C 'x;y' ;<target = x,y> --pre # z",
        BEHIND_OPTION.format("target"),
    ),
    case("after an option, misspelt", "a --pre ; <Tags: x>", BEHIND_OPTION.format("tags")),
    case("after an option, no ;", f"a --pre <tags={T1}>", BEHIND_OPTION.format("tags")),
    case(
        "after an option, blank behind ;", "a --pre;\t <target :x>", BEHIND_OPTION.format("target")
    ),
    case(
        "after an option, no ;, blanks",
        "a --pre  <tags = cp39-cp39-win32>",
        BEHIND_OPTION.format("tags"),
    ),
    case("on an option", "-r x.txt ; <tags=x> # y", ON_OPTION),
    case("on an indented option", "\t--pre ; <tags=x>", ON_OPTION),
    case("on an option, no blanks", f"-r x.txt;<tags={T1}>", ON_OPTION),
    case("on an option, in its comment", "--pre # <tags=x,y>", ON_OPTION),
    case("on an option, twice", "--pre # <tags = x;target=y> ", ON_OPTION),
    case("editable", "-e . ; <target=host>", BEHIND_EDITABLE.format("target")),
    case("editable, no blanks", f"--edit=. ;<tags={T1}>", BEHIND_EDITABLE.format("tags")),
    case("after a backslash", "C:\\dist\\<;>tags=x", BACKSLASH),
    case("in a URL", f"https://h/x.whl<;tags={T1}>", IN_URL.format(";")),
    case("target in a URL", "a @ https://h/x.whl<;target=host>", IN_URL.format(";")),
    case("in a fragment", f"https://h/x.whl<#tags={T1}>", IN_URL.format("#")),
    case("target in a fragment", "https://h/x.whl<# target=a,b> --pre", IN_URL.format("#")),
    case("in a fragment, misspelt", "https://h/x<#Tags = cp39-cp39-win32>", IN_URL.format("#")),
    case("target in a fragment, blanks", "https://h/x<#target = a , b> ", IN_URL.format("#")),
    case("after a fragment", f"https://h/x.whl#sha256=aa<&tags={T1}>", IN_URL.format("&")),
    case("in a URL, another behind", f"https://h/x;y<;tags={T1}>,x ; tags=z", IN_URL.format(";")),
    case("comment, capital", "a # <Tags=>cp39-cp39-win32", "Tags= is not a clause"),
    case("comment, singular", "a # <tag =>cp39-cp39-win32, x", "tag= is not a clause"),
    case("comment, plural", "a # <targets=>x,y", "targets= is not a clause"),
    case("comment, capitals", "a # <TARGET=> x", "TARGET= is not a clause"),
    case("comment, colon", f"a # <tags:>{T1}", "tags: is not a clause"),
    case("comment, colon and host", "a # <target:> host", "target: is not a clause"),
    case("comment, two equals", f"a # <tags==>{T1} and more", "tags== is not a clause"),
    case("comment, no equals", f"a # <tags> {T1}", "tags is not followed by ="),
    case("comment, after a clause", "a # tags=x; <Target=>y", "Target= is not a clause"),
    case("comment, behind prose", f"a # old; <Tags:> {T1}", "Tags: is not a clause"),
    case("own line, capital", f"# <Tags=>{T1}", "Tags= is not a clause"),
    case("own line, colon", f"# <tags:> {T1}, {T2}", "tags: is not a clause"),
    case("own line, plural", f"#<targets=>{LAMBDA}", "targets= is not a clause"),
    case("own line, after a default", "# tags=x # <Target=>y", "Target= is not a clause"),
    case("own line, marked", f"#: <tags=>{T1}", BEHIND_WORDS.format("tags")),
    case("own line, quoted", f"# '<tags=>{T1}'", BEHIND_WORDS.format("tags")),
    case("own line, in a list", f"# * <tags:> {T1}", "tags: is not a clause"),
    case("among words", f"a # only old: <tags={T1}>, x", BEHIND_WORDS.format("tags")),
    case("among words, host", "a # here, <target=host>", BEHIND_WORDS.format("target")),
    case("among words, blanks", "a # old <tags = cp39-cp39-win32>", BEHIND_WORDS.format("tags")),
    case("among words, behind ;", "a # old; <target=>x", BEHIND_WORDS.format("target")),
    case(
        "among words, after a clause",
        "a # tags=x; old; <target=>y",
        BEHIND_WORDS.format("target"),
    ),
    case(
        "among words, after a default", "# tags=x; old; <target=>y", BEHIND_WORDS.format("target")
    ),
    case("among words, doubled #", f"a ## <tags={T1}>", BEHIND_WORDS.format("tags")),
    case("among words, on an option", f"--pre # old <Tags={T1}> x", BEHIND_WORDS.format("tags")),
]


@pytest.mark.parametrize(("marked", "message"), REFUSED)
def test_refused(marked: str, message: str) -> None:
    text = re.sub("[<>]", "", marked)
    error = refusal(parse_line, text)
    assert error.message == message
    assert f"{text[: error.start]}<{text[error.start : error.end]}>{text[error.end :]}" == marked
    assert has_clause(text)


@pytest.mark.parametrize("interpreter", ["cp", "py", "pp", "ip", "jy", "graalpy", "CP"])
def test_every_interpreters_tags_are_seen(interpreter: str) -> None:
    error = refusal(parse_line, f"# tags: {interpreter}311-none-any")
    assert error.message == "tags: is not a clause"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        case("no tag", "a ; tags=", f"write it like {EXAMPLE}"),
        case("no target", "a ; target=x,", "write it like target=host"),
        case(
            "white space",
            "a ; tags=x y",
            "separate tags by commas; put a comment after a # of its own",
        ),
        case("unknown key", "a ; when=x", "the clauses are tags=…, target=… and exclude=…"),
        case("near a key", "a ; Targets=x", "write target=…"),
        case("near a key in capitals", "a ; TAGS=x", "write tags=…"),
        case("no single =", "a ; tag: x", f"write tags=… as in {EXAMPLE}"),
        case(
            "marker behind",
            "a ; tags=x ; os_name == ''",
            "write a marker before the clauses: REQUIREMENT ; MARKER ; tags=…",
        ),
        case(
            "no requirement",
            "; tags=x",
            f"write a default after a # on a line of its own: # {EXAMPLE}",
        ),
        case(
            "after an option",
            "a --hash=sha256:aa --pre ; target=x",
            "write it before the option: REQUIREMENT ; target=… --hash=sha256:aa",
        ),
        case(
            "on an option",
            "--pre # tags=x",
            f"set a default on a line of its own above: # {EXAMPLE}",
        ),
        case("editable", "--editable . ; tags=x", "write it after a #: --editable … # tags=…"),
        case("after a backslash", "C:\\dist\\;tags=x", "put a space before it"),
        case("in a URL", f"https://h/x;tags={T1}", "put a space before it: URL ; tags=…"),
        case("comment", f"# tag: {T1}", f"write tags=… as in {EXAMPLE}"),
        case("comment, target", "a # targets=x", "write target=… as in target=host"),
        case("among words", f"a # x tags={T1}", "put it after a # of its own: # tags=…"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    assert refusal(parse_line, text).hint == hint


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        case("nothing listed", "a ; <tags=>", "tags= has no values"),
        case("an option behind", "a ; tags=<x --pre>", WHITE.format("x --pre")),
        case("no requirement", "<;tags=x>", "there is no requirement before this clause"),
        case("a comment alone", "<# tags=x>", "there is no requirement before this clause"),
        case("nothing in a comment", "a # <tags=>", "tags= has no values"),
        case("a line end", "a ; tags=<x\ny>", WHITE.format("x\ny")),
        case("in a URL", f"https://h/x.whl<;tags={T1}>", "this ; is read as part of the URL"),
    ],
)
def test_refused_on_the_command_line(marked: str, message: str) -> None:
    text = re.sub("[<>]", "", marked)
    error = refusal(parse_argument, text)
    assert error.message == message
    assert f"{text[: error.start]}<{text[error.start : error.end]}>{text[error.end :]}" == marked


@pytest.mark.parametrize(
    ("text", "requirement", "expected"),
    [
        case("a comment", "a>1 # tags=x, y", "a>1", ["tags=x,y"]),
        case("both", "a ; os_name=='#' ; tags=x  # target=./t", "a ; os_name=='#'", []),
        case("two in a comment", "a # tags=x ; target=./t", "a", ["tags=x", "target=./t"]),
        case("after a URL", "https://h/x.whl#egg=a # tags=x", "https://h/x.whl#egg=a", ["tags=x"]),
    ],
)
def test_a_comment_on_the_command_line(text: str, requirement: str, expected: list[str]) -> None:
    """Whoever copies a line out of a file copies its clause, too."""
    line = parse_argument(text)
    assert line.requirement == requirement
    assert [str(clause) for clause in line.clauses] == (expected or ["tags=x", "target=./t"])
    ((start, end),) = line.cuts
    assert (text[:start].strip(), end) == (requirement, len(text))


@pytest.mark.parametrize(
    "text",
    [
        case("a hash is no comment", "https://h/x.whl # egg"),
        case("a comment without a clause", "a # see tags=x"),
        case("a dash is no option", "./my -r dist"),
        case("white space stays", " numpy "),
        case("nothing", ""),
    ],
)
def test_an_argument_without_a_clause_stays_as_it_is(text: str) -> None:
    line = parse_argument(text)
    assert (line.requirement, line.options, line.clauses, line.cuts) == (text, "", (), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        case("a clause", "numpy ; tags=x", True),
        case("a default", "# tags=x", True),
        case("a broken one", "numpy ; tags=", True),
        case("none", "numpy ; os_name == 'tags=x'", False),
        case("blank", "", False),
    ],
)
def test_has_clause(text: str, expected: bool) -> None:
    assert has_clause(text) is expected


# What holds for every line

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
MARKERS = st.builds(
    "{0} == {2}{1}{2}".format,
    st.sampled_from(["os_name", "platform_version", "extra"]),
    st.text(alphabet="ab;=,.# ", max_size=8).filter(lambda text: " #" not in text),
    st.sampled_from("'\""),
).filter(lambda marker: not re.search(r"(^|\s)#", marker))
PATHS = st.from_regex(r"\./[a-z' ]{0,6}[a-z]/[a-z0-9_]{1,5}\.whl", fullmatch=True)
URLS = st.from_regex(r"https://h/[a-z;'@#%0-9]{0,8}/x\.whl", fullmatch=True)
REQUIREMENTS = st.one_of(
    NAMES,
    PATHS,
    URLS,
    st.builds("{} @ {}".format, NAMES, URLS),
    st.builds("{}[{}]>=1".format, NAMES, NAMES),
    st.builds("{} ; {}".format, st.one_of(NAMES, PATHS, URLS), MARKERS),
)
TAGS = st.from_regex(r"[a-z]{2}[0-9]{1,3}-[a-z0-9_.]{1,6}-[a-z0-9_.]{1,8}", fullmatch=True)
TARGETS = st.one_of(NAMES, st.from_regex(r"\./[a-z' ]{0,6}[a-z]\.toml", fullmatch=True))
CLAUSES = st.one_of(
    *(
        st.builds(
            lambda values, key=key: Clause(key, tuple(Word(value, 0) for value in values)),
            st.lists(values, min_size=1, max_size=3),
        )
        for key, values in zip(KEYS, (TAGS, TARGETS), strict=True)
    )
)
OPTIONS = st.sampled_from(
    ["", "--hash=sha256:aa", "--hash sha256:aa  --hash=sha512:b;b", "-C 'x;tags=y'", "-C target=x"]
)

WORDS = st.one_of(
    st.sampled_from(
        [
            *";#=,:-'\"\\@&[]${}<> \t\x0b\x1f\xa0\u3000",
            *("tags", "target", "Tags", "targets", "tag", "tags=", "target=", " ; tags="),
            *(" # target=", "host", T1, "x.toml", "${TAGS}", "numpy", "https://h/x.whl"),
            *("git+ssh://h/r", "./a b", "-e", "-r x", " --hash=sha256:aa", " --", "os_name == "),
            *("'a;b'", "==1", "café", "名", "\U0001f40d"),
        ]
    ),
    st.text(max_size=3),
)
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=12).map("".join))
PLAIN_TEXTS = (
    st.lists(WORDS, max_size=12)
    .map(lambda arguments: re.sub("(?i)t(?=ag|arget)|cp(?=36)", "", "".join(arguments)))
    .filter(lambda text: not re.search("(?<!=)=(?!=)", text))
)


def format_line(requirement: str, listed: list[Clause], options: str) -> str:
    """Return a line with these parts."""
    if not requirement and listed:
        return f"{options}  # {' ; '.join(map(str, listed))}"
    return f"{' ; '.join([requirement, *map(str, listed)])} {options}".strip()


@settings(deadline=None)
@given(REQUIREMENTS, st.lists(CLAUSES, max_size=3), OPTIONS)
def test_what_is_written_is_read_again(
    requirement: str, listed: list[Clause], options: str
) -> None:
    line = parse_line(format_line(requirement, listed, options))
    assert (line.kind, line.requirement, line.options) == (Kind.REQUIREMENT, requirement, options)
    assert clauses(line) == tuple(map(str, listed))


@settings(deadline=None)
@given(st.sampled_from(["-e .", "-e 'a b'", "--pre --editable=./a"]), st.lists(CLAUSES, max_size=3))
def test_an_editable_line_is_read_again(options: str, listed: list[Clause]) -> None:
    line = parse_line(format_line("", listed, options))
    assert (line.kind, line.requirement, line.options) == (Kind.REQUIREMENT, "", options)
    assert clauses(line) == tuple(map(str, listed))


@settings(deadline=None)
@given(TEXTS)
def test_faults_and_words_lie_within_the_text(text: str) -> None:
    for parse in (parse_line, parse_argument):
        line = attempt(parse, text)
        if isinstance(line, AnnotationError):
            assert 0 <= line.start < line.end <= len(text)
            continue
        for value in (value for clause in line.clauses for value in clause.values):
            assert value.text
            assert text.startswith(value.text, value.start)
        for start, end in line.cuts:
            assert 0 <= start < end <= len(text)


@settings(deadline=None)
@given(PLAIN_TEXTS)
def test_a_line_without_a_clause_is_left_alone(text: str) -> None:
    line = parse_line(text)
    assert (line.clauses, line.cuts) == ((), ())
    seen = re.sub(r"(^|\s+)#.*$", "", text, flags=re.DOTALL).strip()
    assert re.sub(r"\s", "", line.requirement + line.options) == re.sub(r"\s", "", seen)
    assert parse_argument(text).requirement == text


@settings(deadline=None)
@given(TEXTS)
def test_cutting_leaves_the_requirement(text: str) -> None:
    line = attempt(parse_line, text)
    assume(isinstance(line, AnnotatedLine) and "\n" not in text)
    assert isinstance(line, AnnotatedLine)
    rest = parse_line(what_pip_sees(line))
    assert (rest.requirement, rest.options) == (line.requirement, line.options)
    assert (rest.clauses, rest.cuts) == ((), ())
    if not line.clauses:
        assert line.cuts == ()


@pytest.mark.parametrize("start", ["numpy ; tags=x", "https://h/x", "numpy --pre", "# tags=x"])
@pytest.mark.parametrize(
    "unit",
    [" ", "\t", ";", " ;", "#", " #", "'", '"', ",x", "\\", "@", "=", "a", "-", " -", " tags"],
)
def test_a_long_line_is_read_or_refused(start: str, unit: str) -> None:
    text = start + unit * (20_000 // len(unit))
    for parse in (parse_line, parse_argument):
        line = attempt(parse, text)
        assert line.end <= len(text) if isinstance(line, AnnotationError) else line.text == text


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        case("blanks", "", " "),
        case("semicolons", "https://h/x", ";"),
        case("comments", "numpy", " #"),
        case("apostrophes", "numpy", "'"),
        case("quotes", "numpy --hash=", '"'),
        case("commas", "# tags=x", ",x"),
        case("backslashes", "numpy ; tags=x --hash=", "\\"),
    ],
)
def test_time_grows_with_the_length_alone(start: str, unit: str) -> None:
    # Where it grew with the square of the length, two megabytes would take hours. The parsing is
    # done in a process of its own because nothing else ends it.
    program = (
        "import sys; from wheeltarget.requirements.annotations import parse_argument, parse_line\n"
        "start, unit = sys.argv[1:]\n"
        "text = start + unit * (2_000_000 // len(unit))\n"
        "assert parse_line(text).text == text\n"
        "if not unit.strip(): assert parse_argument(text).text == text\n"
    )
    subprocess.run([sys.executable, "-c", program, start, unit], check=True, timeout=60)
