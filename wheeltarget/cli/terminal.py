"""Whether output has colours, and what pip's configuration says of that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheeltarget.errors import UsageError

if TYPE_CHECKING:
    from wheeltarget.pip_config.options import CommandLine


def is_coloured(words: tuple[str, ...]) -> bool:
    """Tell whether pip's options and configuration leave colours in.

    :param words: pip's words.
    """
    from wheeltarget.pip_config.options import refuses_colour, split_command_line

    try:
        command = split_command_line(words)
    except UsageError:
        return "--no-color" not in words
    return not refuses_colour(command, settings(command))


def settings(command: CommandLine) -> dict[str, str]:
    """Give pip's configuration as a command sees it.

    :param command: pip's own options, as given.
    :returns: the values by long option without its dashes.
    """
    from wheeltarget.pip_config.files import configured_settings

    return configured_settings(os.environ, isolated=command.has("--isolated"))
