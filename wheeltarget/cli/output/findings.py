"""Findings of the verbs that check, as text, JSON, GitHub annotations or JUnit XML.

start-up: only JUnit needs the standard library's XML, which is slow to load.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cli.output.text import (
    Style,
    counted,
    format_fault,
    near,
    show_json,
    show_lines,
    show_notes,
)
from wheeltarget.errors import Location
from wheeltarget.utils.files import working_tree
from wheeltarget.utils.text import redact, visible

if TYPE_CHECKING:
    from wheeltarget.commands.check.check import CheckOutcome
    from wheeltarget.commands.check.findings import CheckFinding
    from wheeltarget.commands.install_check import InstallCheckOutcome
    from wheeltarget.commands.pack.verify import PackVerifyOutcome
    from wheeltarget.commands.validate.lint import Finding
    from wheeltarget.commands.validate.validate import ValidateOutcome

_SCHEMA = 1
_WHOLE = "the wheelhouse"


def show_validate(outcome: ValidateOutcome, form: str, *, quiet: bool) -> None:
    """Write findings to standard output as ``text``, ``json`` or ``github``, and errors.

    :param quiet: whether to leave out the summary if there are no findings.
    """
    if form == "json":
        show_json(_validate_document(outcome))
    else:
        show_lines(_validate_text(outcome) if form == "text" else _validate_github(outcome))
    style = Style(sys.stderr)
    sys.stderr.writelines(format_fault(fault, style) for fault in outcome.unfinished)
    if form == "text" and not (quiet and outcome.exit_code == 0):
        sys.stderr.write(f"{_validate_summary(outcome)}\n")
    sys.stderr.flush()


def _validate_text(outcome: ValidateOutcome) -> Iterator[str]:
    style = Style(sys.stdout)
    for finding in outcome.fixed:
        fixed = style.paint("note", f"{finding.fault.code} fixed:")
        yield f"{near(finding.location)}: {fixed} {finding.fault.message}"
    for finding in outcome.findings:
        yield format_fault(finding.fault, style, finding.fault.code).removesuffix("\n")


def _validate_document(outcome: ValidateOutcome) -> dict[str, object]:
    found = [(each, False) for each in outcome.findings] + [(each, True) for each in outcome.fixed]
    found.sort(key=lambda pair: pair[0].location)
    return {
        "schema": _SCHEMA,
        "files": outcome.files,
        "findings": [
            {
                "code": finding.fault.code,
                **asdict(near(finding.location)),
                "width": finding.fault.width,
                "message": finding.fault.message,
                "hint": finding.fault.hint,
                "fixable": finding.fixable,
                "fixed": fixed,
            }
            for finding, fixed in found
        ],
        "unfinished": [fault.message for fault in outcome.unfinished],
    }


def _validate_github(outcome: ValidateOutcome) -> Iterator[str]:
    for finding in outcome.fixed:
        yield _annotation("notice", finding, f"fixed: {finding.fault.message}")
    for finding in outcome.findings:
        hint = f"\n{finding.fault.hint}" if finding.fault.hint else ""
        yield _annotation("error", finding, f"{finding.fault.message}{hint}")
    for fault in outcome.unfinished:
        yield workflow_command("error", {}, fault.message)


def _annotation(kind: str, finding: Finding, message: str) -> str:
    fault, place = finding.fault, finding.location
    properties = {
        "file": place.file,
        "line": str(place.line),
        "col": str(place.column),
        "endColumn": str(place.column + fault.width),
        "title": fault.code,
    }
    return workflow_command(kind, properties, message)


def _validate_summary(outcome: ValidateOutcome) -> str:
    files = counted(outcome.files, "file")
    fixed = f"{counted(len(outcome.fixed), 'finding')} fixed, " if outcome.fixed else ""
    if outcome.findings:
        touched = counted(len({each.location.file for each in outcome.findings}), "file")
        fixable = sum(each.fixable for each in outcome.findings)
        hint = f"; --fix can fix {fixable}" if fixable else ""
        return f"{fixed}{counted(len(outcome.findings), 'finding')} in {touched}{hint}"
    if outcome.unfinished:
        return f"{fixed}{len(outcome.unfinished)} of {files} could not be read or written"
    return f"{fixed}no findings{' left' if fixed else ''} in {files}"


def show_check(outcome: CheckOutcome, form: str, *, quiet: bool) -> None:
    """Write findings as ``text`` with a summary, ``json``, ``github`` or ``junit``.

    :param quiet: whether to leave out the summary if there are no findings.
    """
    outcome = replace(
        outcome,
        files=tuple(map(visible, outcome.files)),
        findings=tuple(map(_escaped, outcome.findings)),
    )
    match form:
        case "text":
            summary = "" if quiet and not outcome.findings else _check_summary(outcome)
            show_lines(_check_text(outcome.findings), summary=summary)
            show_notes(() if quiet else outcome.notes)
        case "json":
            about = {
                "files": outcome.files,
                "targets": outcome.targets,
                "notes": list(map(visible, outcome.notes)),
            }
            _show_check_json(about, outcome.findings)
        case "github":
            notices = (workflow_command("notice", {}, note) for note in outcome.notes)
            show_lines((*map(_check_command, outcome.findings), *notices))
        case _:
            show_lines(_junit(outcome))


def show_install_check(outcome: InstallCheckOutcome, *, as_json: bool, quiet: bool) -> None:
    """Write the modules that fail to import, and a summary, as :func:`show_check` does."""
    findings = tuple(map(_escaped, outcome.findings))
    if as_json:
        names = ("python", "target", "modules")
        _show_check_json({name: getattr(outcome, name) for name in names}, findings)
        return
    good, number = len(outcome.modules) - len(findings), len(outcome.modules)
    summary = f"{good} of {number} modules can be imported by {outcome.python}"
    show_lines(_check_text(findings), summary="" if quiet and not findings else summary)


def show_pack_verify(outcome: PackVerifyOutcome, *, as_json: bool, quiet: bool) -> None:
    """Write what is wrong with a pack, and a summary, as :func:`show_check` does."""
    findings = tuple(map(_escaped, outcome.findings))
    if as_json:
        names = tuple(map(visible, outcome.files))
        about = {"pack": outcome.place, "files": names, "targets": outcome.targets}
        _show_check_json({**about, "notes": outcome.notes}, findings)
        return
    number, files = len(findings), counted(len(outcome.files), "file")
    found = counted(number, "finding") if number else "no findings"
    targets = f" for {', '.join(outcome.targets)}" if outcome.targets else ""
    summary = "" if quiet and not findings else f"{found} in {files}{targets}"
    show_lines(_check_text(findings), summary=summary)
    if not quiet:
        show_notes(outcome.notes)


def _escaped(finding: CheckFinding) -> CheckFinding:
    """Escape control characters, and those that not every stream can encode."""
    return replace(finding, file=visible(finding.file), message=visible(finding.message))


def _check_text(findings: tuple[CheckFinding, ...]) -> Iterator[str]:
    style = Style(sys.stdout)
    for finding in findings:
        yield f"{_place(finding)}: {style.paint('error', finding.code)} {finding.message}"
        if finding.hint:
            yield f"  {finding.hint}"


def _place(finding: CheckFinding) -> str:
    target = f"for {finding.target}" if finding.target else ""
    return " ".join(filter(None, (finding.file, target)))


def _show_check_json(about: Mapping[str, object], findings: tuple[CheckFinding, ...]) -> None:
    records = [
        {
            "code": finding.code,
            "file": finding.file or None,
            "target": finding.target or None,
            "message": finding.message,
            "hint": finding.hint,
        }
        for finding in findings
    ]
    show_json({"schema": _SCHEMA, **about, "findings": records})


def _check_command(finding: CheckFinding) -> str:
    place = {"file": finding.file} if finding.file else {}
    target = f"for {finding.target}: " if finding.target else ""
    message = f"{target}{finding.message}" + (f"\n{finding.hint}" if finding.hint else "")
    return workflow_command("error", {**place, "title": finding.code}, message)


def workflow_command(kind: str, properties: Mapping[str, str], message: str) -> str:
    """Return a workflow command of GitHub, which is an ``error`` or a ``notice``.

    :param properties: its properties; a ``file`` is named as the user named it.
    """
    if "file" in properties:
        properties = {**properties, "file": _workspace_path(properties["file"])}
    text = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{kind}{' ' if text else ''}{text}::{_escape(redact(message))}"


def _workspace_path(file: str) -> str:
    """Return the path of a file as GitHub shows it: relative to the workspace or repository."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link is shown where it is
    workspace = Path(os.environ.get("GITHUB_WORKSPACE", ""))
    roots = [workspace, workspace.resolve()] if workspace.is_absolute() else []
    for root in (*roots, working_tree(path.parent)):
        if root and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return near(Location(file, 1)).file


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _junit(outcome: CheckOutcome) -> Iterator[str]:
    """Write a test case for each file, and one for each target."""
    from xml.etree import ElementTree as ET

    found: defaultdict[str, list[CheckFinding]] = defaultdict(list)
    for finding in outcome.findings:
        found[finding.file or f"{_WHOLE} for {finding.target}"].append(finding)
    cases = dict.fromkeys([*outcome.files, *(f"{_WHOLE} for {each}" for each in outcome.targets)])
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites,
        "testsuite",
        name="wheeltarget check",
        tests=str(len(cases)),
        failures=str(sum(name in found for name in cases)),
        errors="0",
    )
    for name in cases:
        about = {"classname": "wheeltarget.commands.check.check", "name": name}
        case = ET.SubElement(suite, "testcase", about)
        if findings := found.get(name):
            first = findings[0]
            failure = ET.SubElement(case, "failure", type=first.code, message=first.message)
            failure.text = "\n".join(f"{_place(e)}: {e.code} {e.message}" for e in findings)
    ET.indent(suites)
    # Character references are read alike, whatever standard output makes of other characters.
    yield ET.tostring(suites, encoding="us-ascii").decode("ascii")


def _check_summary(outcome: CheckOutcome) -> str:
    number = len(outcome.findings)
    findings = counted(number, "finding") if number else "no findings"
    text = f"{findings} in {counted(len(outcome.files), 'file')}"
    if outcome.targets:
        return f"{text} for {', '.join(outcome.targets)}"
    return f"{text}; add --tags TAG or -r FILE to check that they fit a target"
