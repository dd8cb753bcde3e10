"""The words of ``wheeltarget validate``, read without Typer, which takes longer than the checks.

Plain words are read here: files, and the options as they are documented. Everything else, such
as ``--help`` or a word that is wrong, is left to Typer, which means the same by these words.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

FORMATS = ("text", "json", "github")
"""How findings can be written."""


def run_plain(words: Sequence[str]) -> int | None:
    """Run ``wheeltarget validate`` if its words are plain.

    :param words: the words behind ``validate``.
    :returns: the exit code, or None where Typer has to read the words.
    """
    files: list[str] = []
    form, fix, quiet = FORMATS[0], False, False
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            files += rest
        elif name == "--format":
            form = value if equals else next(rest, "")
            if form not in FORMATS:
                return None
        elif word == "--fix":
            fix = True
        elif word in {"--quiet", "-q"}:
            quiet = True
        elif word.startswith("-"):
            return None
        else:
            files.append(word)
    return run(files, form, fix=fix, quiet=quiet) if files else None


def run(files: Sequence[str], form: str, *, fix: bool, quiet: bool) -> int:
    """Check files and write what was found.

    :param files: their names.
    :param form: one of :data:`FORMATS`.
    :param fix: whether to mend what is sure.
    :param quiet: whether to say nothing where nothing is wrong.
    :returns: the exit code.
    """
    from wheeltarget.cli.output.findings import show_findings
    from wheeltarget.commands.validate.validate import ValidateRequest, validate

    outcome = validate(ValidateRequest(tuple(files), fix=fix))
    show_findings(outcome, form, sys.stdout, sys.stderr, quiet=quiet)
    return outcome.exit_code
