"""The verb ``validate``: files in, everything wrong with their annotations out."""

from __future__ import annotations

import locale
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.validate.lint import Finding, check_text, fix_text
from wheeltarget.errors import Fault
from wheeltarget.requirements.parser import decode, encoding_of
from wheeltarget.staging.atomic import open_part
from wheeltarget.targets.catalog import look_up
from wheeltarget.utils.regular_files import REQUIREMENTS_FILE, is_stream, read_regular, read_stream


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """What a person asks of ``wheeltarget validate``.

    :param files: requirements and constraints files; what they include is not followed.
    :param fix: whether to mend in the files what is surely meant otherwise.
    """

    files: tuple[str, ...]
    fix: bool = False


@dataclass(frozen=True, slots=True)
class ValidateOutcome:
    """What came of it.

    :param files: how many files were named, each counted once.
    :param findings: what is wrong and still there, by file and place.
    :param fixed: what was mended, by file and place.
    :param unfinished: why a file could not be read or written.
    """

    files: int
    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    unfinished: tuple[Fault, ...]

    @property
    def exit_code(self) -> int:
        """Give 3 where a file is left out, 1 where something is wrong or was mended, else 0."""
        return 3 if self.unfinished else int(bool(self.findings or self.fixed))


def validate(request: ValidateRequest) -> ValidateOutcome:
    """Check the annotations of files, each on its own.

    :param request: what is asked for.
    :returns: what was found in all files that can be read, and which cannot.
    """
    findings: list[Finding] = []
    fixed: list[Finding] = []
    unfinished: list[Fault] = []
    names = sorted(_once(request.files))
    for name in names:
        try:
            data = _read(name)
            text = decode(data, _locale_encoding())
        except (OSError, ValueError, LookupError) as error:
            unfinished.append(Fault(f"cannot read {name}: {_reason(error)}"))
            continue
        if request.fix:
            new, mended = fix_text(name, text, look_up)
            try:
                if mended:
                    _write(name, data, new)
                    text = new
                    fixed += mended
            except (OSError, ValueError) as error:
                unfinished.append(Fault(f"cannot write {name}: {_reason(error)}"))
        findings += check_text(name, text, look_up)
    return ValidateOutcome(len(names), tuple(findings), tuple(fixed), tuple(unfinished))


def _once(names: tuple[str, ...]) -> Iterator[str]:
    """Give each file once, whatever names it is given under."""
    return iter({os.path.realpath(name): name for name in reversed(names)}.values())


def _locale_encoding() -> str:
    return locale.getpreferredencoding(do_setlocale=False)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read(name: str) -> bytes:
    """Read a file; one that a hook names may be a link that somebody has put into a repository."""
    if is_stream(name):
        return read_stream(name, REQUIREMENTS_FILE)[0]
    return read_regular(name, REQUIREMENTS_FILE)


def working_tree(name: str) -> Path:
    """Find the folder that a file is mended in: whatever lies outside is not written to.

    :param name: the file as it was named.
    :returns: the top of the git working tree of the working directory or, if the file was not
        named as one below that, of the folder that the file was named in; that folder itself if
        it is in none.
    """
    named = Path(os.path.abspath(name))  # noqa: PTH100 - links count where they stand
    here = _top(Path.cwd())
    return here if named.is_relative_to(here) else _top(named.parent.resolve())


def _top(folder: Path) -> Path:
    tops = (each for each in (folder, *folder.parents) if os.path.lexists(each / ".git"))
    return next(tops, folder)


def _write(name: str, old: bytes, text: str) -> None:
    """Put a text in the place of a file's, all at once; a link is followed in the working tree.

    :param name: the file.
    :param old: its bytes, which say how to encode the text.
    :param text: the new text.
    :raises OSError: where it cannot be written.
    :raises ValueError: where the encoding would change more than the text.
    """
    mark, encoding = encoding_of(old, _locale_encoding())
    if mark + decode(old, encoding).encode(encoding) != old:
        raise ValueError(f"its encoding, {encoding}, would change more than what is mended")
    if is_stream(name):
        raise ValueError("it is not a file that can be replaced")
    real, tree = Path(os.path.realpath(name)), working_tree(name)
    status = real.stat()
    if not real.is_relative_to(tree) or ".git" in real.relative_to(tree).parts:
        raise ValueError(
            f"it is a link to {real}, which is not in the working tree {tree}; "
            "to mend that file, name it itself"
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
    """Give a new file the owner and the group of the one that it replaces."""
    new = made.stat()
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(made, old.st_uid, old.st_gid)
        except PermissionError as error:
            message = "it belongs to somebody else, and would not afterwards"
            raise PermissionError(0, message) from error
