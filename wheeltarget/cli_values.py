"""What the values of options can be, and what Tab offers for them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wheeltarget.errors import UsageError, WheeltargetError


class OutputFormat(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def read_path(text: str, option: str, what: str, example: str) -> Path:
    """Read a path; an empty text, such as the value of a variable that is not set, is none.

    :param text: the text.
    :param option: the option that has it, for the message.
    :param what: what the path is of, likewise.
    :param example: a good value, likewise.
    :raises UsageError: where it is empty.
    """
    if not text:
        raise UsageError(f"{option} takes {what}, not ''", f"write it like {option} {example}")
    return Path(text)


def offer_tags(incomplete: str) -> tuple[str, ...]:
    """Offer tags for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget import completion
    from wheeltarget.catalogue import newest_pythons

    return completion.offer_tags(incomplete, newest_pythons())


def offer_targets(incomplete: str) -> tuple[str, ...]:
    """Offer named targets and target files for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget import completion

    return completion.offer_targets(incomplete, completion.list_folder, _offer_names)


def _offer_names(begun: str) -> tuple[str, ...]:
    from wheeltarget.catalogue import known_systems
    from wheeltarget.completion import offer_names
    from wheeltarget.own_targets import own_targets

    try:
        own = tuple(own_targets(Path.cwd()))
    except WheeltargetError:
        own = ()
    return offer_names(begun, known_systems().systems, own)
