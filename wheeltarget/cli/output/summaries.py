"""Results of lock, bundle, pack, cache, merge and prune, as text, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from wheeltarget.cli.output.text import (
    Style,
    counted,
    display_path,
    format_size,
    show_json,
    show_lines,
    show_notes,
)
from wheeltarget.utils.text import redact

if TYPE_CHECKING:
    from wheeltarget.cache.wheel_store import CacheRemoved, CacheUsage
    from wheeltarget.commands.bundle.bundle import BundleOutcome, SizeLimit
    from wheeltarget.commands.lock.files import Change, LockFile, LockOutcome
    from wheeltarget.commands.merge import MergeOutcome
    from wheeltarget.commands.pack.pack import PackOutcome
    from wheeltarget.commands.prune import PruneOutcome, PruneRequest

_SCHEMA = 1
_GIGABYTE = 1000**3
_MOST_PATHS = 10
"""How many of the paths that one rule leaves out of a bundle are named."""


def show_lock(outcome: LockOutcome, *, coloured: bool = True) -> None:
    """Write for each lock whether it is new, what has changed, or that it is unchanged."""
    style = Style(sys.stdout, coloured=coloured)
    for file in outcome.files:
        heading = style.paint("strong", f"For {file.label}:")
        show_lines([heading, *_lock_lines(file, written=outcome.written)])


def _lock_lines(file: LockFile, *, written: bool) -> Iterator[str]:
    path, count = display_path(file.path), counted(file.count, "project")
    if file.state == "same":
        yield f"Unchanged {path} ({count})"
        return
    if file.state == "new":
        yield f"Locked {path} ({count})" if written else f"There is no {path} yet ({count})"
        return
    yield f"Changed {path} ({count})" if written else f"Stale {path} ({count})"
    yield from (f"  {_change_text(change)}" for change in file.changes)
    yield from (f"  new requirement: {text}" for text in file.added)
    yield from (f"  removed requirement: {text}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "  only details of its files, or the way it is written"


def _change_text(change: Change) -> str:
    if change.old is None:
        return f"{change.name} {change.new}, new"
    if change.new is None:
        return f"{change.name} {change.old}, removed"
    if change.remark:
        return f"{change.name} {change.new}, {change.remark}"
    return f"{change.name} {change.old} -> {change.new}"


def show_lock_diff(outcome: LockOutcome) -> None:
    """Write changes as Markdown, for a pull request."""
    changed = [file for file in outcome.files if file.state != "same"]
    sections = ("\n".join(_section(file)) + "\n" for file in changed)
    sys.stdout.write("\n".join(sections) or "No lock would change.\n")
    sys.stdout.flush()


def _section(file: LockFile) -> Iterator[str]:
    yield from [f"### `{file.path.name}`", ""]
    if file.state == "new":
        yield f"New, for {file.label}: {counted(file.count, 'project')}."
        return
    if file.changes:
        yield from ["| project | locked | now |", "| --- | --- | --- |"]
        for change in file.changes:
            remark = f", {change.remark}" if change.remark else ""
            yield f"| {change.name} | {change.old or ''} | {change.new or ''}{remark} |"
    if file.changes and (file.added or file.removed):
        yield ""
    yield from (f"- new requirement: {_code(text)}" for text in file.added)
    yield from (f"- removed requirement: {_code(text)}" for text in file.removed)
    if not (file.changes or file.added or file.removed):
        yield "Only details of its files, or the way it is written."


def _code(text: str) -> str:
    return f"`` {redact(text)} ``" if "`" in text else f"`{redact(text)}`"


def show_bundle(
    outcome: BundleOutcome, *, as_json: bool, quiet: bool, coloured: bool = True
) -> None:
    """Write the size of each project in a bundle, and what became of its lock."""
    if as_json:
        document = {
            "schema": _SCHEMA,
            "output": str(outcome.output),
            "target": outcome.target,
            "size": outcome.size,
            "limit": outcome.limit and outcome.limit.size,
            "limit_condition": outcome.limit.condition if outcome.limit else "",
            "zipped_size": outcome.zipped_size,
            "zipped_limit": outcome.zipped_limit and outcome.zipped_limit.size,
            "zipped_limit_condition": outcome.zipped_limit.condition
            if outcome.zipped_limit
            else "",
            "projects": list(map(asdict, outcome.projects)),
            "left_out": list(map(asdict, outcome.left_out)),
            "slimmed_size": outcome.slimmed_size,
            "slimmed": list(map(asdict, outcome.slimmed)),
            "in_layers": list(map(asdict, outcome.in_layers)),
            "unchanged": outcome.unchanged,
            "lock": outcome.lock and outcome.lock.as_dict(),
            "notes": outcome.notes,
        }
        show_json(document)
    elif not quiet:
        heading = Style(sys.stdout, coloured=coloured).paint("strong", f"For {outcome.target}:")
        show_lines([heading, *_bundle_lines(outcome)])
        show_notes(outcome.notes, coloured=coloured)


def _bundle_lines(outcome: BundleOutcome) -> Iterator[str]:
    if outcome.lock:
        yield from _lock_lines(outcome.lock, written=True)
    size = format_size
    if outcome.limit or outcome.zipped_limit:
        size = _service_size
    names = [f"{each.name} {each.version}".strip() for each in outcome.projects]
    wide = max(map(len, names), default=0)
    for name, each in zip(names, outcome.projects, strict=True):
        slimmed = sum(part.size for part in outcome.slimmed if part.project == each.name)
        before = f", {size(each.size + slimmed)} before --slim" if slimmed else ""
        yield f"  {name:{wide}}  {size(each.size):>11}  {counted(each.files, 'file')}{before}"
    for rule in dict.fromkeys(part.rule for part in outcome.slimmed):
        found = [part for part in outcome.slimmed if part.rule == rule]
        files = counted(sum(part.files for part in found), "file")
        yield f"Left out by --slim as {rule}: {files}, {size(sum(part.size for part in found))}"
    for rule in dict.fromkeys(each.rule for each in outcome.left_out):
        paths = [each.path for each in outcome.left_out if each.rule == rule]
        more = f" and {len(paths) - _MOST_PATHS} more, see --format json"
        yield (
            f"Left out by {rule}: {', '.join(paths[:_MOST_PATHS])}"
            f"{more if len(paths) > _MOST_PATHS else ''}"
        )
    zipped = outcome.zipped_size
    parts = [] if zipped is None else [f"{size(zipped)} zipped{_limit(outcome.zipped_limit)}"]
    parts.append(f"{size(outcome.size)} unpacked{_limit(outcome.limit)}")
    if slimmed := outcome.slimmed_size:
        parts.append(f"{size(outcome.size + slimmed)} before --slim")
    done = "Unchanged" if outcome.unchanged else "Saved"
    yield f"{done} {display_path(outcome.output.absolute())}, {', '.join(parts)}"


def _limit(limit: SizeLimit | None) -> str:
    return f" (limit {limit})" if limit else ""


def _service_size(size: int) -> str:
    """Return a number of bytes as the services count them."""
    if size >= 1 << 20:
        return f"{size / (1 << 20):.1f} MB"
    return f"{size / 1024:.1f} kB" if size >= 1024 else f"{size} bytes"


def show_pack(outcome: PackOutcome, *, as_json: bool, quiet: bool, coloured: bool = True) -> None:
    """Write the targets of a pack, and what is in it."""
    if as_json:
        show_json(outcome.as_dict())
    elif not quiet:
        show_lines(_pack_lines(outcome, Style(sys.stdout, coloured=coloured)))
        show_notes(outcome.notes, coloured=coloured)


def _pack_lines(outcome: PackOutcome, style: Style) -> Iterator[str]:
    for target in outcome.targets:
        yield style.paint("strong", f"For {target.label}:")
        pip = f", and {target.pip.rpartition('/')[2]} to install them" if target.pip else ""
        yield f"  {counted(target.projects, 'project')}{pip}"
    if outcome.kept:
        yield f"Left out {counted(len(outcome.kept), 'file')} that the other machine has"
    if outcome.removed:
        yield f"{counted(len(outcome.removed), 'file')} of the earlier pack not needed any more"
    done = "Unchanged" if outcome.unchanged else "Saved"
    new, where = counted(len(outcome.files), "file"), display_path(outcome.output.absolute())
    yield f"{done} {where}, {new} to install, {_large_size(outcome.size)}"
    yield f"The sha256 of its manifest is {outcome.manifest}"


def show_usage(usage: CacheUsage, *, as_json: bool) -> None:
    """Write what is in the cache folder."""
    if as_json:
        show_json(usage.as_dict())
        return
    show_lines(
        [
            f"Folder    {usage.folder}",
            f"Wheels    {usage.wheels}, {_large_size(usage.size)}",
            f"Metadata  of {counted(usage.metadata, 'wheel')}, {_large_size(usage.metadata_size)}",
            f"Limit     {_large_size(usage.limit)} for both",
            f"Runs      {usage.runs} remembered, {usage.current} that may still hold",
        ]
    )


def show_removed(removed: CacheRemoved, *, as_json: bool) -> None:
    """Write what was removed from the cache."""
    if as_json:
        show_json(removed.as_dict())
        return
    parts = []
    if removed.wheels:
        parts.append(counted(removed.wheels, "wheel"))
    if removed.metadata:
        parts.append(counted(removed.metadata, "metadata file"))
    if parts:
        parts = [f"{' and '.join(parts)}, {_large_size(removed.size)}"]
    if removed.runs:
        parts.append(counted(removed.runs, "remembered run"))
    show_lines([f"Removed {' and '.join(parts)}" if parts else "Nothing to remove"])


def _large_size(size: int) -> str:
    return f"{size / _GIGABYTE:.1f} GB" if size >= _GIGABYTE else format_size(size)


def show_merge(outcome: MergeOutcome, *, as_json: bool, quiet: bool) -> None:
    """Write the files of a merged wheelhouse."""
    if as_json:
        show_json(outcome.as_dict())
    elif not quiet:
        show_lines(
            f"{'Saved' if file.new else 'Already there'} {display_path(file.path)}"
            for file in outcome.files
        )
        folders, files = counted(outcome.folders, "wheelhouse"), counted(len(outcome.files), "file")
        show_lines([f"Merged {folders}: {files}, {sum(file.new for file in outcome.files)} new"])
    if not quiet:
        show_notes(outcome.notes)


def show_prune(outcome: PruneOutcome, request: PruneRequest, *, as_json: bool) -> None:
    """Write the files to standard output, one per line, and a summary to standard error."""
    if as_json:
        files = [str(path) for path in outcome.files]
        about = {"schema": _SCHEMA, "files": files, "size": outcome.size, "done": outcome.done}
        show_json(about)
        return
    number = len(outcome.files)
    count = f"{counted(number, 'file') if number else 'no files'} ({format_size(outcome.size)})"
    if request.since:
        done = f"copied to {request.to}" if outcome.done else "to be transferred"
    else:
        done = "removed" if outcome.done else "not named by any lock"
    show_lines(map(str, outcome.files), summary=f"{count} {done}")
