"""What the values of options can be, and what Tab offers for them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wheeltarget.errors import UsageError, WheeltargetError


class OutputFormat(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def read_name(text: str, told: str, example: str) -> str:
    """Read the name of a file or folder; an empty one, as of a variable that is not set, is none.

    :param text: the name.
    :param told: what says it, and what it has to be, for the message.
    :param example: what to write instead, likewise.
    :raises UsageError: where it is empty; taken as a path it would be the working directory.
    """
    if not text:
        raise UsageError(f"{told}, not ''", f"write it like {example}")
    return text


def offer_tags(incomplete: str) -> tuple[str, ...]:
    """Offer tags for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget.cli import completion
    from wheeltarget.targets.catalog import newest_pythons

    return completion.offer_tags(incomplete, newest_pythons())


def offer_targets(incomplete: str) -> tuple[str, ...]:
    """Offer named targets and target files for a list of them.

    :param incomplete: what is there of the list.
    """
    from wheeltarget.cli import completion

    return completion.offer_targets(incomplete, completion.list_folder, _offer_names)


def _offer_names(begun: str) -> tuple[str, ...]:
    from wheeltarget.cli.completion import offer_names
    from wheeltarget.targets.catalog import known_systems
    from wheeltarget.targets.user_targets import own_targets

    try:
        own = tuple(own_targets(Path.cwd()))
    except WheeltargetError:
        own = ()
    return offer_names(begun, known_systems().systems, own)
