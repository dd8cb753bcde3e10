"""Names of targets, as clauses and options give them, not looked up yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wheeltarget.errors import Fault, InputError, Location

KEYS = ("tags", "target")


@dataclass(frozen=True, slots=True)
class TargetName:
    """What one value of a clause or an option names, not looked up yet.

    :param key: ``tags`` or ``target``.
    :param text: the value, its ``${VAR}`` expanded.
    :param folder: what a relative path in it is relative to.
    :param fault: where it stands; the message is filled in when it turns out to be wrong.
    """

    key: str
    text: str
    folder: str
    fault: Fault = field(compare=False, default=Fault(""))


def typed_targets(tags: Sequence[str], targets: Sequence[str]) -> tuple[TargetName, ...]:
    """Read the targets that the command line names for lines without one.

    :param tags: the values of ``--tags``, each a list with commas.
    :param targets: the values of ``--target``, likewise.
    :raises InputError: where an entry is empty.
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
