"""The command ``validate``: check, and with ``--fix`` correct, the annotations of files.

It also checks the indexes that the project of the working directory names.
"""

from __future__ import annotations

import locale
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.validate.lint import Finding, check_text, fix_text
from wheeltarget.commands.validate.pre_commit import is_sorted
from wheeltarget.errors import Fault, InputError, UsageError
from wheeltarget.pip_config.options import CommandLine, split_file_options
from wheeltarget.pip_config.project_indexes import read_indexes
from wheeltarget.requirements.annotations import Kind
from wheeltarget.requirements.parser import SourceLine, decode, encoding_of, read_lines
from wheeltarget.staging.atomic import open_part, remove_leftovers
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.names import Projects
from wheeltarget.utils.files import (
    REQUIREMENTS_FILE,
    is_stream,
    read_regular,
    read_stream,
    working_tree,
)


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """The request of ``wheeltarget validate``.

    :param files: requirements and constraints files; files that they include are not checked.
    :param fix: whether to apply safe fixes.
    :param constraints: more files, which are constraints files whatever they are called.
    """

    files: tuple[str, ...]
    fix: bool = False
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidateOutcome:
    """The outcome.

    :param files: the number of different files.
    :param findings: the remaining findings, by file and place.
    :param fixed: the fixed findings, by file and place.
    :param unfinished: errors of files that could not be read or written.
    """

    files: int
    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    unfinished: tuple[Fault, ...]

    @property
    def exit_code(self) -> int:
        """Return 3 for unfinished files, 1 for findings or fixes, else 0."""
        return 3 if self.unfinished else int(bool(self.findings or self.fixed))


def validate(request: ValidateRequest) -> ValidateOutcome:
    """Check the annotations of files, each on its own, and the indexes of the project.

    :param request: the request.
    :returns: the outcome.
    """
    findings: list[Finding] = []
    fixed: list[Finding] = []
    unfinished: list[Fault] = []
    if request.fix:
        remove_leftovers()
    # Each file once, even if it has several names.
    named = reversed((*request.files, *request.constraints))
    names = sorted({os.path.realpath(name): name for name in named}.values())
    contents: dict[str, tuple[bytes, str]] = {}
    for name in names:
        try:
            data = _read(name)
            contents[name] = data, decode(data, _locale_encoding())
        except (OSError, ValueError, LookupError) as error:
            unfinished.append(Fault(f"cannot read {name}: {_reason(error)}"))
    constraints = {os.path.realpath(name) for name in request.constraints}
    for name, (_, text) in contents.items():
        constraints |= set(_included_constraints(name, text))
    for name, (data, text) in contents.items():
        if request.fix:
            new, corrected = fix_text(name, text, look_up)
            try:
                if corrected:
                    _write(name, data, new)
                    text = new
                    fixed += corrected
            except (OSError, ValueError) as error:
                unfinished.append(Fault(f"cannot write {name}: {_reason(error)}"))
        is_constraints = os.path.realpath(name) in constraints or _says_constraints(name)
        findings += check_text(
            name, text, look_up, constraints=is_constraints, is_sorted=is_sorted(name)
        )
    for fault in _index_faults():
        findings += [Finding(fault)] if fault.code else []
        unfinished += [] if fault.code else [fault]
    return ValidateOutcome(len(names), tuple(findings), tuple(fixed), tuple(unfinished))


def _index_faults() -> tuple[Fault, ...]:
    """Return what is wrong with the indexes of the project; folders may be on another machine."""
    here = Path.cwd()
    try:
        read_indexes((), Projects().index_table(here), here, is_folder=lambda _path: True)
    except InputError as error:
        return error.faults
    return ()


def _included_constraints(name: str, text: str) -> Iterator[str]:
    """Return the real path of each file that the text of a file includes with ``-c``."""
    for line in read_lines(name, text):
        if isinstance(line, SourceLine) and line.parsed.kind is Kind.OPTION:
            with suppress(UsageError):
                options = split_file_options(line.parsed.options)
                for path in CommandLine(options, ()).values("--constraint"):
                    yield os.path.realpath(os.path.join(os.path.dirname(name), path))  # noqa: PTH118, PTH120 - any text


def _says_constraints(name: str) -> bool:
    """Return whether the name of a file, or of its folder, says that it has constraints."""
    path = Path(os.path.abspath(name))  # noqa: PTH100 - without following links
    return any("constraint" in each.lower() for each in (path.name, path.parent.name))


def _locale_encoding() -> str:
    return locale.getpreferredencoding(do_setlocale=False)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read(name: str) -> bytes:
    """Read a file; a hook may name a link in an untrusted repository."""
    if is_stream(name):
        return read_stream(name, REQUIREMENTS_FILE)[0]
    return read_regular(name, REQUIREMENTS_FILE)


def _writable_tree(name: str) -> Path:
    """Return the folder in which a file may be written, by the name that it was given.

    This is the git working tree of the working directory or, if the file is not below it, of the
    named folder; the folder itself if it is not in a working tree.
    """
    named = Path(os.path.abspath(name))  # noqa: PTH100 - without following links
    here, there = Path.cwd(), named.parent.resolve()
    tree = working_tree(here) or here
    return tree if named.is_relative_to(tree) else working_tree(there) or there


def _write(name: str, old: bytes, text: str) -> None:
    """Replace the text of a file in one step; follow a link in the working tree.

    :param old: its bytes, from which the encoding is detected.
    :raises ValueError: if the encoding would change more than the text.
    """
    mark, encoding = encoding_of(old, _locale_encoding())
    if mark + decode(old, encoding).encode(encoding) != old:
        raise ValueError(f"encoding it as {encoding} would change more than the fixes")
    if is_stream(name):
        raise ValueError("it is not a file that can be replaced")
    real, tree = Path(os.path.realpath(name)), _writable_tree(name)
    status = real.stat()
    if not real.is_relative_to(tree) or ".git" in real.relative_to(tree).parts:
        raise ValueError(
            f"it is a link to {real}, which is not in the working tree {tree}; "
            "to fix that file, name it directly"
        )
    if not os.access(real, os.W_OK):
        raise PermissionError(0, "it is write-protected")
    with open_part(real) as part:
        with part.open("wb") as stream:
            stream.write(mark + text.encode(encoding))
            stream.flush()
            os.fsync(stream.fileno())
        _keep_owner(part, status)
        shutil.copymode(real, part)
        part.replace(real)


def _keep_owner(made: Path, old: os.stat_result) -> None:
    """Set the owner and the group of a new file to those of the file that it replaces."""
    new = made.stat()
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(made, old.st_uid, old.st_gid)
        except PermissionError as error:
            message = "it belongs to another user, and the owner cannot be kept"
            raise PermissionError(0, message) from error
