"""The verb ``validate``: files in, everything wrong with their annotations out."""

from __future__ import annotations

import locale
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.catalogue import look_up
from wheeltarget.errors import Fault
from wheeltarget.findings import Finding, check_text, fix_text
from wheeltarget.requirements import decode, encoding_of


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
            data = Path(name).read_bytes()
            text = decode(data, _locale_encoding())
        except (OSError, ValueError, LookupError) as error:
            unfinished.append(Fault(f"cannot read {name}: {_reason(error)}"))
            continue
        if request.fix:
            new, mended = fix_text(name, text, look_up)
            try:
                if mended:
                    _write(Path(name), data, new)
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


def _write(path: Path, old: bytes, text: str) -> None:
    """Put a text in the place of a file's, all at once; a link is followed.

    :param path: the file.
    :param old: its bytes, which say how to encode the text.
    :param text: the new text.
    :raises OSError: where it cannot be written.
    :raises ValueError: where the encoding would change more than the text.
    """
    mark, encoding = encoding_of(old, _locale_encoding())
    if mark + decode(old, encoding).encode(encoding) != old:
        raise ValueError(f"its encoding, {encoding}, would change more than what is mended")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no file that can be replaced")
    real = Path(os.path.realpath(path))
    if not os.access(real, os.W_OK):
        raise PermissionError(0, "it is write-protected")
    handle, made = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123 - it is open already
            stream.write(mark + text.encode(encoding))
        shutil.copymode(real, made)
        Path(made).replace(real)
    except BaseException:
        Path(made).unlink()
        raise
