"""Prepare a command: read each input once, and plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wheeltarget.commands.invocation import Invocation
from wheeltarget.errors import Fault
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS
from wheeltarget.requirements.loader import Inputs, read_inputs
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Choices, LookUp, Plan, make_plan
from wheeltarget.targets.names import TargetName, command_line_targets
from wheeltarget.targets.target import Target
from wheeltarget.utils.regular_files import REQUIREMENTS_FILE, RefusedFileError, read_regular

_NOT_FOR_READING = ENVIRONMENT_OPTIONS | {
    "--requirement",
    "--constraint",
    "--group",
    "--requirements-from-script",
    "--dest",
    "--python",
}
"""Options that do not matter for fetching requirements files."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of wheeltarget that all commands that resolve share.

    :param tags: the values of ``--tags``, each a comma-separated list.
    :param targets: the values of ``--target``, each a comma-separated list.
    :param sources: the projects that may be source distributions, normalised.
    :param locks: whether the chosen files are locked, and must have a hash.
    :param fetches: whether to fetch requirements files named by URL.
    """

    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    locks: bool = False
    fetches: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a command needs, read and planned.

    :param invocation: pip's options and configuration, the environment, the project.
    :param defaults: the targets of requirements that name none.
    :param inputs: the requirements, and the files that have them.
    :param found: the target of each name; None for the running interpreter.
    :param look_up: finds targets.
    :param plan: the job of pip for each target.
    :param faults: the faults of the input; if there are any, the plan must not be run.
    """

    invocation: Invocation
    defaults: tuple[TargetName, ...]
    inputs: Inputs
    found: Mapping[TargetName, Target | None]
    look_up: LookUp
    plan: Plan
    faults: tuple[Fault, ...]


def prepare(invocation: Invocation, asked: Asked) -> Prepared:
    """Read the inputs of a command, and plan it.

    :param invocation: pip's options and configuration, the environment, the project.
    :param asked: wheeltarget's own options.
    :raises UsageError: if pip would refuse the command line.
    :raises InputError: if a target option or the project's settings are wrong.
    """
    defaults = default_targets(invocation, asked.tags, asked.targets)
    invocation.require_valid()
    inputs = _read_requirements(invocation, fetches=asked.fetches)
    found: dict[TargetName, Target | None] = {}

    def look_up(key: str, text: str, folder: str) -> Target | None:
        name = TargetName(key, text, folder)
        if name not in found:
            found[name] = invocation.look_up(key, text, folder)
        return found[name]

    inherited = invocation.configuration.options
    choices = Choices(defaults, asked.sources, inherited, locks=asked.locks)
    plan, faults = make_plan(inputs, invocation.command, choices, look_up)
    return Prepared(invocation, defaults, inputs, found, look_up, plan, (*inputs.faults, *faults))


def default_targets(
    invocation: Invocation, tags: tuple[str, ...], targets: tuple[str, ...]
) -> tuple[TargetName, ...]:
    """Return the targets of requirements that name none: those of the options or the project.

    :param invocation: the parsed command line, and the project.
    :param tags: the values of ``--tags``.
    :param targets: the values of ``--target``.
    :raises InputError: if an option or the project's settings are wrong.
    """
    return command_line_targets(tags, targets) or invocation.defaults()


def _read_requirements(invocation: Invocation, *, fetches: bool) -> Inputs:
    """Read every requirements and constraints file that a command names."""
    command = invocation.everything
    kinds = {"--requirement": False, "--constraint": True}
    files = [
        (option.value, kinds[option.name])
        for option in command.options
        if option.name in kinds and option.value
    ]
    options = [o for o in command.options if o.name not in _NOT_FOR_READING]
    arguments = [argument for option in options for argument in option.words]
    fetched: dict[str, str] = {}
    reasons: dict[str, str] = {}
    refused: dict[str, str] = {}
    while True:
        inputs = read_inputs(
            command.requirements,
            files,
            read=invocation.files.read,
            read_nested=invocation.files.read_nested,
            environment=invocation.environment.get,
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
        texts, why_not = pip_runner.read_remote(arguments, missing)
        fetched |= texts
        reasons |= {**dict.fromkeys(missing, "pip could not fetch it"), **why_not}


def _faults(urls: Sequence[str], reasons: Mapping[str, str]) -> list[Fault]:
    return [Fault(f"cannot read {url}: {reasons[url]}") for url in urls if url in reasons]


def _refusals(urls: Sequence[str]) -> dict[str, str]:
    """Return the ``file:`` URLs that pip would read without end, and why."""
    refused = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme.lower() == "file":
            try:
                read_regular(url2pathname(parts.path), REQUIREMENTS_FILE)
            except (RefusedFileError, IsADirectoryError) as error:
                refused[url] = str(error.strerror)
            except OSError:
                pass  # pip reports it
    return refused


def names_target(invocation: Invocation, words: tuple[str, ...]) -> bool:
    """Return whether a command line that cannot be parsed seems to name a target.

    Every argument is read as a requirement and, if it is a file, as a requirements file.

    :param invocation: the configuration, and the files.
    :param words: the arguments.
    """
    inherited = [option.value or "" for option in invocation.configuration.options]
    pieces = ((word, word[2:], word.partition("=")[2]) for word in words)
    names = dict.fromkeys([*inherited, *(piece for each in pieces for piece in each)])
    files = [(name, False) for name in names if os.path.isfile(name)]  # noqa: PTH113 - any text
    inputs = read_inputs(
        words,
        files,
        read=invocation.files.read,
        read_nested=invocation.files.read_nested,
        environment=invocation.environment.get,
    )
    return bool(inputs.faults) or any(entry.targets is not None for entry in inputs.entries)
