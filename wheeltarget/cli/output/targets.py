"""The list of targets, and details of targets, as text or JSON."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from wheeltarget.cli.output.text import show_json, show_lines
from wheeltarget.commands.list_targets import Described, Fact, Row
from wheeltarget.targets.names import NamedTarget, UserTarget, known_sources

_SCHEMA = 1
_WIDTH = 80
_SHOWN_TAGS = 10
_HEADS = {
    "service": "Services", "distribution": "Distributions", "image": "Container images",
    "desktop": "Desktop systems", "mobile": "Mobile systems", "browser": "Browsers",
}  # fmt: skip
_STATUS = {
    "follows": "from the tag",
    "assumed": "the newest release known",
    "bundled": "if it is the one that comes with this Python",
}


def show_list(rows: Sequence[Row], own: Sequence[UserTarget], *, as_json: bool) -> None:
    """Write the list of targets."""
    if as_json:
        files = [{"name": each.name, "file": str(each.file)} for each in own]
        show_json({"schema": _SCHEMA, "targets": list(map(_row_record, rows)), "own": files})
    else:
        show_lines(_list(rows, own))


def show_described(targets: Sequence[Described], *, as_json: bool, all_tags: bool) -> None:
    """Write the details of targets.

    :param all_tags: whether the text has every tag, as JSON always has.
    """
    if as_json:
        show_json({"schema": _SCHEMA, "targets": [_record(each) for each in targets]})
        return
    texts = ("\n".join(_described(each, all_tags=all_tags)) for each in targets)
    show_lines(["\n\n".join(texts)])


def _row_record(row: Row) -> dict[str, object]:
    system = row.system
    return {
        "system": system.name,
        "aliases": list(system.aliases),
        "title": system.title,
        "kind": system.kind,
        "pythons": list(row.pythons),
        "platforms": {each: system.platforms[each] for each in row.architectures},
        "status": row.status,
        "retired": row.retired,
        "ends": {each: str(end) for each in row.pythons if (end := system.end_of(each))},
        "sources": [known_sources()[each] for each in system.sources],
        "notes": list(system.notes),
    }


def _list(rows: Sequence[Row], own: Sequence[UserTarget]) -> Iterator[str]:
    kind = ""
    for row, pythons in _merged(rows):
        if row.system.kind != kind:
            if kind:
                yield ""
            kind = row.system.kind
            yield _HEADS[kind]
        yield from _row(row, pythons)
    if own:
        yield from [*([""] if rows else []), "Your own targets"]
        yield from (f"  {each.name:<26} {each.file}" for each in own)
    if rows:
        usual = (row for row in rows if row.status == "verified" and not row.retired)
        row = next(usual, rows[0])
        name = NamedTarget(row.system.name, row.system, row.pythons[-1], row.architectures[0]).name
        yield from ["", "A full name adds the Python version and the architecture:", f"  {name}"]
    elif not own:
        yield "No target matches."


def _merged(rows: Sequence[Row]) -> Iterable[tuple[Row, list[str]]]:
    """Merge rows that differ in their sources only."""
    found: dict[tuple[object, ...], tuple[Row, list[str]]] = {}
    for row in rows:
        tags = tuple(row.system.platforms[each] for each in row.architectures)
        _, pythons = found.setdefault((row.system.name, tags, row.status, row.retired), (row, []))
        pythons += row.pythons
    return found.values()


def _row(row: Row, pythons: Sequence[str]) -> Iterator[str]:
    """Write the name, then its Python versions and architectures."""
    system = row.system
    platform = system.platforms[row.architectures[0]]
    level = re.sub(r"_(x86_64|aarch64|arm64.*|armv7l|i686|amd64|wasm32)$", "", platform)
    marks = [level, *([row.status] if row.status != "verified" else [])]
    marks += ["retired"] if row.retired else []
    yield f"  {system.name:<26} {', '.join(marks)}"
    every = system.any_python and len(pythons) > 1
    versions = "any Python" if every else ", ".join(pythons)
    yield from textwrap.wrap(
        " on ".join(filter(None, (versions, ", ".join(row.architectures)))),
        _WIDTH,
        initial_indent=" " * 6,
        subsequent_indent=" " * 6,
    )


def _described(each: Described, *, all_tags: bool) -> Iterator[str]:
    sources: dict[str, int] = {}
    yield each.target.label
    yield f"  {each.title}"
    for note in each.notes:
        yield from textwrap.wrap(note, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    if each.facts:
        yield ""
        yield from (_fact(fact, sources, 20) for fact in each.facts)
    if each.provides:
        yield from ["", "  the service brings"]
        yield from (_fact(fact, sources, 20) for fact in each.provides)
    yield from ["", "  markers"]
    yield from (_fact(fact, sources, 31) for fact in each.markers)
    tags = each.target.tags
    shown = tags if all_tags or len(tags) <= _SHOWN_TAGS else tags[:_SHOWN_TAGS]
    more = "" if shown is tags else f", the first {len(shown)} of {len(tags)}; --all shows all"
    yield from ["", f"  tags, most preferred first{more}"]
    yield from (f"    {tag}" for tag in shown)
    if sources:
        yield from ["", "  sources"]
    for source, number in sources.items():
        yield from textwrap.wrap(
            f"[{number}] {source}", _WIDTH, initial_indent="    ", subsequent_indent=" " * 8
        )


def _fact(fact: Fact, sources: dict[str, int], width: int) -> str:
    """Write a fact with the numbers of its sources, in the order of their first use."""
    marks = "".join(f" [{sources.setdefault(each, len(sources) + 1)}]" for each in fact.sources)
    known = [] if fact.value is None else [str(fact.value)]
    text = ", ".join((*known, _STATUS.get(fact.status, fact.status), *filter(None, [fact.seen])))
    return f"    {fact.name:<{width}}{text}{marks}"


def _record(each: Described) -> dict[str, object]:
    return {
        "name": each.target.label,
        "title": each.title,
        "kind": each.kind,
        "facts": _facts(each.facts),
        "provides": _facts(each.provides),
        "markers": _facts(each.markers),
        "tags": list(each.target.tags),
        "notes": list(each.notes),
    }


def _facts(facts: Iterable[Fact]) -> dict[str, object]:
    return {
        fact.name: {
            "value": fact.value,
            "status": fact.status,
            "sources": list(fact.sources),
            "seen": fact.seen or None,
        }
        for fact in facts
    }
