"""What was plainly meant as a clause and is none.

Everywhere but behind the requirement's own ``;`` pip would pass over it without a word, and so
the target would be lost.
"""

from __future__ import annotations

import re

from wheeltarget.errors import AnnotationError
from wheeltarget.requirements.clauses import EXAMPLE, EXAMPLES, ON_AN_OPTION, Word
from wheeltarget.targets.names import KEYS

TAG = r"(?:cp|py|pp|ip|jy|graalpy)\d\w*+-[\w.]++-[\w.]++"
KEY = r"(?:tags?|targets?)"
NEAR_CLAUSE = re.compile(rf"\s*+(?P<key>{KEY})\s*+(?:[:=]|$|\w+-\w+-\w)", re.IGNORECASE)
MISSPELT = re.compile(
    rf"(?P<lead>[^\w#]*+)(?P<key>{KEY})\s*+(?P<sign>[:=]*+)\s*+(?P<first>[^\s,;]++)\s*+(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_AMONG_WORDS = re.compile(
    rf"(?<![\w.-])(?P<key>{KEY})\s*+=+\s*+(?:{TAG}|host(?![\w-]))", re.IGNORECASE
)
_AMONG_OPTIONS = re.compile(
    rf"(?:\s;\s*+|;\s++)(?P<parted>{KEY})\s*+[:=]|(?<=[;\s])(?P<key>{KEY})\s*+[:=]+\s*+{TAG}",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    rf"(?P<mark>[;#&])\s*+(?:{KEY}\s*+=\s*+{TAG}|(?<!&)target\s*+=[\w./\s,-]++$)", re.IGNORECASE
)


def nearest_key(key: str) -> str:
    """Say which key was meant.

    :param key: what :data:`KEY` matches.
    """
    return "target" if key.lower().startswith("target") else "tags"


def refuse_near_clause(piece: Word) -> None:
    """Refuse a piece behind ``;`` that pip would take for a broken marker."""
    match = NEAR_CLAUSE.match(piece.text)
    if match:
        raise AnnotationError(
            f"{match['key']} is not followed by a single = and a list",
            f"write {nearest_key(match['key'])}=… as in {EXAMPLE}",
            *piece.extent,
            code="WT005",
        )


def refuse_misspelt(piece: Word) -> None:
    """Refuse ``# Tags=…``, ``# tags: cp39-…``, ``# prose; tags=…``, but let prose be prose."""
    match = MISSPELT.match(piece.text)
    if match is None:
        return
    key, sign, first = match["key"], match["sign"], match["first"]
    alone = not match["rest"] or match["rest"].startswith(",")
    if re.match(TAG, first, re.IGNORECASE):
        meant = alone or "=" in sign
    else:
        named = sign.count("=") == 1 and nearest_key(key) == "target" and not match["lead"].strip()
        meant = alone and (named or (first == "host" and bool(sign)))
    if meant:
        message = f"{key}{sign} is no clause" if sign else f"{key} is not followed by ="
        words = (message, f"write {nearest_key(key)}=… as in {EXAMPLES[nearest_key(key)]}")
        start, end = match.start("key"), match.end("sign" if sign else "key")
        extent = (piece.start + start, piece.start + end)
        if key in KEYS and sign == "=":
            raise AnnotationError(*_among_words(key), *extent, code="WT010")
        raise AnnotationError(*words, *extent, code="WT009")


def _among_words(key: str) -> tuple[str, str]:
    return f"{key}= stands behind other words", f"put it behind a # of its own: # {key}=…"


def refuse_among_words(text: str, start: int) -> None:
    """Refuse a clause behind other words of a comment on a line that has no other clause."""
    match = _AMONG_WORDS.search(text, start)
    if match:
        words = _among_words(nearest_key(match["key"]))
        raise AnnotationError(*words, match.start("key"), match.end(), code="WT010")


def refuse_among_options(arguments: str, options: str, visible: str, *, editable: bool) -> None:
    """Refuse a clause behind an option.

    :param arguments: what stands before the options.
    :param options: the first option and all behind it.
    :param visible: the same without what is quoted, as long.
    :param editable: whether one of the options makes it an editable requirement.
    """
    match = _AMONG_OPTIONS.search(visible)
    if match is None:
        return
    name = match.lastgroup or ""
    key, option = nearest_key(match[name]), options.split(maxsplit=1)[0]
    start = match.start(name)
    meant = visible[start:].partition(" -")[0].rstrip()
    extent = (len(arguments) + start, len(arguments) + start + len(meant))
    if arguments.strip():
        hint = f"write it before the option: REQUIREMENT ; {key}=… {option}"
        raise AnnotationError(f"{key}= stands behind an option", hint, *extent, code="WT011")
    if editable:
        message = f"{key}= stands behind an editable requirement"
        hint = f"write it behind a #: {option} … # {key}=…"
        raise AnnotationError(message, hint, *extent, code="WT012")
    raise AnnotationError(*ON_AN_OPTION, *extent, code="WT013")


def refuse_in_url(url: str) -> None:
    """Refuse a clause that is taken as part of a URL."""
    match = _IN_URL.search(url)
    if match:
        raise AnnotationError(
            f"this {match['mark']} is taken as part of the URL",
            "put a blank before it: URL ; tags=…",
            match.start(),
            match.start() + len(match[0].rstrip()),
            code="WT014",
        )
