"""Names of targets in clauses and options, before they are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wheeltarget.errors import Fault, InputError, Location

KEYS = ("tags", "target")


@dataclass(frozen=True, slots=True)
class TargetName:
    """One value of a clause or an option that names a target.

    :param key: ``tags`` or ``target``.
    :param text: the value, with ``${VAR}`` expanded.
    :param folder: the base of a relative path.
    :param fault: its place, for an error; the message is added then.
    """

    key: str
    text: str
    folder: str
    fault: Fault = field(compare=False, default=Fault(""))


def command_line_targets(tags: Sequence[str], targets: Sequence[str]) -> tuple[TargetName, ...]:
    """Parse the targets that the command line names for lines without one.

    :param tags: the values of ``--tags``, each separated by commas.
    :param targets: the values of ``--target``, likewise.
    :raises InputError: if an entry is empty.
    """
    names, faults = [], []
    for key, values in (("tags", tags), ("target", targets)):
        for number, value in enumerate(values, start=1):
            column = 1
            for item in value.split(","):
                lead = len(item) - len(item.lstrip())
                place = Location(f"--{key}", number, column + lead)
                fault = Fault("", "", place, value, max(len(item.strip()), 1))
                if not item.strip():
                    faults.append(replace(fault, message=f"--{key} has an empty entry"))
                names.append(TargetName(key, item.strip(), "", fault))
                column += len(item) + 1
    if faults:
        raise InputError(tuple(faults))
    return tuple(names)
