"""Findings of a check as text, JSON, GitHub annotations or JUnit XML."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from wheeltarget.cli.output.github import workflow_command
from wheeltarget.cli.output.text import Style, counted, show_json
from wheeltarget.utils.text import json_text, redact, visible

if TYPE_CHECKING:
    from wheeltarget.commands.check.check import CheckOutcome
    from wheeltarget.commands.check.findings import CheckFinding
    from wheeltarget.commands.install_check import InstallCheckOutcome

_SCHEMA = 1
_WHOLE = "the wheelhouse"


def show_check(
    outcome: CheckOutcome, form: str, stdout: TextIO, stderr: TextIO, *, quiet: bool
) -> None:
    """Write findings to standard output, and a summary to standard error.

    :param outcome: the result of a check.
    :param form: ``text``, ``json``, ``github`` or ``junit``.
    :param stdout: for the findings.
    :param stderr: for the summary, written with ``text`` only.
    :param quiet: whether to leave out the summary if there are no findings.
    """
    outcome = replace(
        outcome,
        files=tuple(map(visible, outcome.files)),
        findings=tuple(map(_escaped, outcome.findings)),
    )
    write = {"text": _text, "json": _json, "github": _github, "junit": _junit}[form]
    stdout.writelines(redact(line) for line in write(outcome, Style(stdout, os.environ)))
    stdout.flush()
    if form == "text" and not (quiet and not outcome.findings):
        stderr.write(f"{_summary(outcome)}\n")
        stderr.flush()


def _escaped(finding: CheckFinding) -> CheckFinding:
    """Escape control characters, and those that not every stream can encode."""
    return replace(finding, file=visible(finding.file), message=visible(finding.message))


def _text(outcome: CheckOutcome, style: Style) -> Iterator[str]:
    for finding in outcome.findings:
        yield f"{_place(finding)}: {style.error(finding.code)} {finding.message}\n"
        if finding.hint:
            yield f"  {finding.hint}\n"


def show_install_check(
    outcome: InstallCheckOutcome,
    stdout: TextIO,
    stderr: TextIO,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write modules that fail to import to standard output, and a summary to standard error.

    :param outcome: the result of the imports.
    :param stdout: for the findings.
    :param stderr: for the summary, written with text only.
    :param as_json: whether to write JSON.
    :param quiet: whether to leave out the summary if there are no findings.
    """
    outcome = replace(outcome, findings=tuple(map(_escaped, outcome.findings)))
    if as_json:
        document = {
            "schema": _SCHEMA,
            "python": outcome.python,
            "target": outcome.target,
            "modules": outcome.modules,
            "findings": [_record(finding) for finding in outcome.findings],
        }
        show_json(document, stdout)
        return
    style = Style(stdout, os.environ)
    for finding in outcome.findings:
        code = style.error(finding.code)
        stdout.write(f"{_place(finding)}: {code} {redact(finding.message)}\n")
    stdout.flush()
    if outcome.findings or not quiet:
        good, number = len(outcome.modules) - len(outcome.findings), len(outcome.modules)
        stderr.write(f"{good} of {number} modules can be imported by {outcome.python}\n")
        stderr.flush()


def _place(finding: CheckFinding) -> str:
    if not finding.file:
        return f"for {finding.target}"
    return f"{finding.file} for {finding.target}" if finding.target else finding.file


def _json(outcome: CheckOutcome, _style: Style) -> Iterator[str]:
    document = {
        "schema": _SCHEMA,
        "files": outcome.files,
        "targets": outcome.targets,
        "findings": [_record(finding) for finding in outcome.findings],
    }
    yield json_text(document)


def _record(finding: CheckFinding) -> dict[str, str | None]:
    return {
        "code": finding.code,
        "file": finding.file or None,
        "target": finding.target or None,
        "message": finding.message,
        "hint": finding.hint,
    }


def _github(outcome: CheckOutcome, _style: Style) -> Iterator[str]:
    for finding in outcome.findings:
        place = {"file": finding.file} if finding.file else {}
        target = f"for {finding.target}: " if finding.target else ""
        message = f"{target}{finding.message}" + (f"\n{finding.hint}" if finding.hint else "")
        yield workflow_command("error", {**place, "title": finding.code}, message)


def _junit(outcome: CheckOutcome, _style: Style) -> Iterator[str]:
    """Write a test case for each file, and one for each target."""
    from xml.etree import ElementTree as ET

    found: defaultdict[str, list[CheckFinding]] = defaultdict(list)
    for finding in outcome.findings:
        found[finding.file or f"{_WHOLE} for {finding.target}"].append(finding)
    cases = dict.fromkeys([*outcome.files, *(f"{_WHOLE} for {each}" for each in outcome.targets)])
    suite = ET.Element(
        "testsuite",
        name="wheeltarget check",
        tests=str(len(cases)),
        failures=str(sum(name in found for name in cases)),
        errors="0",
    )
    for name in cases:
        case = ET.SubElement(
            suite, "testcase", classname="wheeltarget.commands.check.check", name=name
        )
        if findings := found.get(name):
            first = findings[0]
            failure = ET.SubElement(case, "failure", type=first.code, message=first.message)
            failure.text = "\n".join(f"{_place(e)}: {e.code} {e.message}" for e in findings)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    yield "<?xml version='1.0' encoding='utf-8'?>\n"
    yield ET.tostring(suites, encoding="unicode") + "\n"


def _summary(outcome: CheckOutcome) -> str:
    number = len(outcome.findings)
    findings = counted(number, "finding") if number else "no findings"
    text = f"{findings} in {counted(len(outcome.files), 'file')}"
    if outcome.targets:
        return f"{text} for {', '.join(outcome.targets)}"
    return f"{text}; add --tags TAG or -r FILE to check that they fit a target"
