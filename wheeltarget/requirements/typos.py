"""Detect misspelled clauses.

Except after the requirement's own ``;``, pip would silently ignore such a clause, and the target
would be lost.
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
    rf"(?:\s;\s*+|;\s++)(?P<separate>{KEY})\s*+[:=]|(?<=[;\s])(?P<key>{KEY})\s*+[:=]+\s*+{TAG}",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    rf"(?P<mark>[;#&])\s*+(?:{KEY}\s*+=\s*+{TAG}|(?<!&)target\s*+=[\w./\s,-]++$)", re.IGNORECASE
)


def nearest_key(key: str) -> str:
    """Return the key for a misspelled one.

    :param key: a match of :data:`KEY`.
    """
    return "target" if key.lower().startswith("target") else "tags"


def refuse_near_clause(piece: Word) -> None:
    """Refuse a part after ``;`` that pip would read as an invalid marker."""
    match = NEAR_CLAUSE.match(piece.text)
    if match:
        raise AnnotationError(
            f"{match['key']} is not followed by a single = and a list",
            f"write {nearest_key(match['key'])}=… as in {EXAMPLE}",
            *piece.extent,
            code="WT005",
        )


def refuse_misspelled(piece: Word) -> None:
    """Refuse ``# Tags=…``, ``# tags: cp39-…``, ``# prose; tags=…``, but accept prose."""
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
        message = f"{key}{sign} is not a clause" if sign else f"{key} is not followed by ="
        text = (message, f"write {nearest_key(key)}=… as in {EXAMPLES[nearest_key(key)]}")
        start, end = match.start("key"), match.end("sign" if sign else "key")
        extent = (piece.start + start, piece.start + end)
        if key in KEYS and sign == "=":
            raise AnnotationError(*_after_text(key), *extent, code="WT010")
        raise AnnotationError(*text, *extent, code="WT009")


def _after_text(key: str) -> tuple[str, str]:
    return (
        f"{key}= comes after other text in the comment",
        f"put it after a # of its own: # {key}=…",
    )


def refuse_after_text(text: str, start: int) -> None:
    """Refuse a clause after other text of a comment on a line without other clauses."""
    match = _AMONG_WORDS.search(text, start)
    if match:
        message = _after_text(nearest_key(match["key"]))
        raise AnnotationError(*message, match.start("key"), match.end(), code="WT010")


def refuse_after_option(arguments: str, options: str, visible: str, *, editable: bool) -> None:
    """Refuse a clause after an option.

    :param arguments: the text before the options.
    :param options: the options.
    :param visible: the options with quoted text blanked out.
    :param editable: whether it is an editable requirement.
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
        raise AnnotationError(f"{key}= comes after an option", hint, *extent, code="WT011")
    if editable:
        message = f"{key}= comes after an editable requirement"
        hint = f"write it after a #: {option} … # {key}=…"
        raise AnnotationError(message, hint, *extent, code="WT012")
    raise AnnotationError(*ON_AN_OPTION, *extent, code="WT013")


def refuse_in_url(url: str) -> None:
    """Refuse a clause that is taken as part of a URL."""
    match = _IN_URL.search(url)
    if match:
        raise AnnotationError(
            f"this {match['mark']} is read as part of the URL",
            "put a space before it: URL ; tags=…",
            match.start(),
            match.start() + len(match[0].rstrip()),
            code="WT014",
        )
