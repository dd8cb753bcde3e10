"""From the words of a command line to everything that it asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wheeltarget.errors import Fault
from wheeltarget.pip_config.files import configured_options
from wheeltarget.pip_config.options import FOREIGN, CommandLine
from wheeltarget.requirements.loader import Inputs, read_inputs, read_nested
from wheeltarget.resolver import pip_runner
from wheeltarget.utils.regular_files import (
    REQUIREMENTS_FILE,
    RefusedFileError,
    read_regular,
    read_stream,
)

_NOT_FOR_READING = FOREIGN | {
    "--requirement",
    "--constraint",
    "--group",
    "--requirements-from-script",
    "--dest",
    "--python",
}
"""Options that play no part where pip only fetches requirements files."""


def read_everything(
    command: CommandLine, environment: Mapping[str, str], *, fetches: bool = True
) -> Inputs:
    """Read every requirements and constraints file that a command names.

    :param command: pip's options, those of its configuration among them.
    :param environment: the environment's variables.
    :param fetches: whether files are fetched that are named by URL.
    :returns: everything that is asked for.
    """
    kinds = {"--requirement": False, "--constraint": True}
    files = [
        (option.value, kinds[option.name])
        for option in command.options
        if option.name in kinds and option.value
    ]
    words = [w for o in command.options if o.name not in _NOT_FOR_READING for w in o.words]
    fetched: dict[str, str] = {}
    reasons: dict[str, str] = {}
    refused: dict[str, str] = {}
    while True:
        inputs = read_inputs(
            command.requirements,
            files,
            read=_read_file,
            read_nested=read_nested,
            environment=environment.get,
            fetched=fetched,
        )
        if not fetches:
            return inputs
        missing = [url for url in inputs.remote if url not in reasons and url not in refused]
        if not missing:
            unread = _faults(inputs.remote, reasons)
            faults = _faults(inputs.remote, refused)
            return replace(
                inputs, unread=(*inputs.unread, *unread), faults=(*inputs.faults, *faults)
            )
        refused |= _refusals(missing)
        missing = [url for url in missing if url not in refused]
        if not missing:
            continue
        texts, why_not = pip_runner.read_remote(words, missing)
        fetched |= texts
        reasons |= {**dict.fromkeys(missing, "pip could not fetch it"), **why_not}


def _faults(urls: Sequence[str], reasons: Mapping[str, str]) -> list[Fault]:
    return [Fault(f"cannot read {url}: {reasons[url]}") for url in urls if url in reasons]


def _refusals(urls: Sequence[str]) -> dict[str, str]:
    """Say which ``file:`` URLs pip should not read, and why: it would read without end."""
    refused = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme.lower() == "file":
            try:
                read_regular(url2pathname(parts.path), REQUIREMENTS_FILE)
            except (RefusedFileError, IsADirectoryError) as error:
                refused[url] = str(error.strerror)
            except OSError:
                pass  # pip says so
    return refused


def _read_file(name: str) -> tuple[bytes, bool]:
    return read_stream(name, REQUIREMENTS_FILE)


def names_target(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Look for a target in words of which not even the options are known.

    Any of them may be a requirement, and any that is a file may be one of requirements.

    :param words: the words.
    :param environment: the environment's variables.
    """
    inherited = [option.value or "" for option in configured_options(environment)]
    pieces = ((word, word[2:], word.partition("=")[2]) for word in words)
    names = dict.fromkeys([*inherited, *(piece for each in pieces for piece in each)])
    files = [(name, False) for name in names if os.path.isfile(name)]  # noqa: PTH113 - any text
    inputs = read_inputs(
        words, files, read=_read_file, read_nested=read_nested, environment=environment.get
    )
    return bool(inputs.faults) or any(entry.targets is not None for entry in inputs.entries)
