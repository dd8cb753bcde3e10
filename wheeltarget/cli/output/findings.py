"""Findings of a validation as text, JSON or GitHub annotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.github import workflow_command
from wheeltarget.cli.output.text import Style, counted, format_fault, near
from wheeltarget.utils.redact import json_text, redact

if TYPE_CHECKING:
    from wheeltarget.commands.validate.lint import Finding
    from wheeltarget.commands.validate.validate import ValidateOutcome

_SCHEMA = 1


def show_findings(
    outcome: ValidateOutcome, form: str, stdout: TextIO, stderr: TextIO, *, quiet: bool
) -> None:
    """Write findings to standard output, and everything else to standard error.

    :param outcome: the result of a validation.
    :param form: ``text``, ``json`` or ``github``.
    :param stdout: for the findings.
    :param stderr: for files left out and, with ``text``, for the summary.
    :param quiet: whether to leave out the summary if there are no findings.
    """
    write = {"text": _text, "json": _json, "github": _github}[form]
    stdout.writelines(write(outcome, Style(stdout, os.environ)))
    stdout.flush()
    style = Style(stderr, os.environ)
    stderr.writelines(format_fault(fault, style) for fault in outcome.unfinished)
    if form == "text" and not (quiet and outcome.exit_code == 0):
        stderr.write(f"{_summary(outcome)}\n")
    stderr.flush()


def _text(outcome: ValidateOutcome, style: Style) -> Iterator[str]:
    for finding in outcome.fixed:
        fault = finding.fault
        fixed = style.note(f"{fault.code} fixed:")
        yield f"{near(finding.location)}: {fixed} {redact(fault.message)}\n"
    for finding in outcome.findings:
        yield format_fault(finding.fault, style, finding.fault.code)


def _json(outcome: ValidateOutcome, _style: Style) -> Iterator[str]:
    found = [(each, False) for each in outcome.findings] + [(each, True) for each in outcome.fixed]
    found.sort(key=lambda pair: pair[0].location)
    document = {
        "schema": _SCHEMA,
        "files": outcome.files,
        "findings": [_record(finding, fixed=fixed) for finding, fixed in found],
        "unfinished": [redact(fault.message) for fault in outcome.unfinished],
    }
    yield json_text(document)


def _record(finding: Finding, *, fixed: bool) -> dict[str, object]:
    fault, place = finding.fault, near(finding.location)
    return {
        "code": fault.code,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "width": fault.width,
        "message": redact(fault.message),
        "hint": redact(fault.hint),
        "fixable": finding.fixable,
        "fixed": fixed,
    }


def _github(outcome: ValidateOutcome, _style: Style) -> Iterator[str]:
    for finding in outcome.fixed:
        yield _annotation("notice", finding, f"fixed: {finding.fault.message}")
    for finding in outcome.findings:
        hint = f"\n{finding.fault.hint}" if finding.fault.hint else ""
        yield _annotation("error", finding, f"{finding.fault.message}{hint}")
    for fault in outcome.unfinished:
        yield workflow_command("error", {}, redact(fault.message))


def _annotation(kind: str, finding: Finding, message: str) -> str:
    fault, place = finding.fault, near(finding.location)
    properties = {
        "file": place.file,
        "line": str(place.line),
        "col": str(place.column),
        "endColumn": str(place.column + fault.width),
        "title": fault.code,
    }
    return workflow_command(kind, properties, redact(message))


def _summary(outcome: ValidateOutcome) -> str:
    checked = outcome.files - len(outcome.unfinished)
    fixed = f"{counted(len(outcome.fixed), 'finding')} fixed, " if outcome.fixed else ""
    if not outcome.findings:
        found = f"no findings{' left' if fixed else ''} in {counted(checked, 'file')}"
        return fixed + (found if checked else "no file was checked")
    touched = counted(len({each.location.file for each in outcome.findings}), "file")
    fixable = sum(each.fixable for each in outcome.findings)
    hint = f"; --fix can fix {fixable}" if fixable else ""
    return f"{fixed}{counted(len(outcome.findings), 'finding')} in {touched}{hint}"
