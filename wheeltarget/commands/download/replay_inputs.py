"""Everything that the outcome of a download depends on, if that is known.

Only known options are allowed: others may read or write files that would not be checked the next
time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from wheeltarget.cache.run_records import RunInputs
from wheeltarget.commands.prepare import Prepared
from wheeltarget.pip_config.options import (
    WITH_VALUE,
    WITHOUT_VALUE,
    configuration_files,
    is_lock,
    is_remote,
)
from wheeltarget.requirements.parser import VARIABLE
from wheeltarget.targets.names import HOST, TargetName, is_path, project_files, user_folder

_KNOWN = frozenset(
    {
        *("--all-releases", "--only-final", "--pre", "--prefer-binary"),
        *("--no-binary", "--only-binary", "--no-deps", "--only-deps", "--ignore-requires-python"),
        *("--requirement", "--constraint", "--require-hashes", "--no-require-hashes"),
        *("--dest", "--cache-dir", "--exists-action", "--isolated", "--require-virtualenv"),
        *("--index-url", "--extra-index-url", "--trusted-host", "--cert", "--client-cert"),
        *("--proxy", "--no-proxy-env", "--keyring-provider"),
        *("--retries", "--resume-retries", "--timeout"),
        *("--no-color", "--no-input", "--progress-bar", "--quiet"),
        *("--disable-pip-version-check", "--no-python-version-warning"),
    }
)
"""Options whose effect depends on their values and known files only, and that write nothing."""

_OF_OTHER_COMMANDS = frozenset(
    {"break-system-packages", "config-file", "no-warn-script-location", "root-user-action", "user"}
)
"""Settings of pip that do not matter for a download."""


def find_run_inputs(prepared: Prepared, began: float, fresh_until: float) -> RunInputs | None:
    """Return what the outcome of a run depends on.

    :param prepared: the run; every job of it was for a target, and only wheels were fetched.
    :param began: when it began, in seconds since the epoch.
    :param fresh_until: until when the index pages are fresh.
    :returns: the inputs, or None if there may be others.
    """
    command = prepared.invocation.everything
    names = {option.name for option in command.options}
    if not names <= _KNOWN or not prepared.invocation.settings.keys() <= _known_settings():
        return None
    files = prepared.inputs.files
    if not all(file.repeatable and not is_remote(file.name) for file in files):
        return None
    if any(is_lock(name) for name in command.values("--requirement")):
        return None
    return RunInputs(
        read=_absolute(file.name for file in files),
        looked_for=_absolute(_looked_for(prepared)),
        variables=tuple(
            sorted({name for file in files for _, name in VARIABLE.findall(file.text)})
        ),
        began=began,
        fresh_until=fresh_until,
        destination=(command.values("--dest") or (os.curdir,))[-1],
    )


def _known_settings() -> frozenset[str]:
    """Return the known keys of pip's configuration: every spelling of a known option."""
    spellings = (each for each in (*WITH_VALUE, *WITHOUT_VALUE) if not _KNOWN.isdisjoint(each))
    return _OF_OTHER_COMMANDS.union(name.removeprefix("--") for each in spellings for name in each)


def _absolute(names: Iterable[str | Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.abspath(name) for name in names))  # noqa: PTH100 - any text


def _looked_for(prepared: Prepared) -> Iterator[str | Path]:
    """Yield every other file that matters, including those that do not exist."""
    invocation = prepared.invocation
    command, environment = invocation.everything, invocation.environment
    yield from configuration_files(environment, isolated=command.has("--isolated"))
    yield from project_files(Path())
    for name in (*prepared.inputs.named, *prepared.defaults):
        if name.key == "target" and name.text != HOST:
            yield from _target_files(name)
    for option in ("--cert", "--client-cert"):
        named = [*command.values(option), invocation.settings.get(option.removeprefix("--"))]
        yield from (os.path.expanduser(name) for name in named if name)  # noqa: PTH111 - any text
    # The library that pip uses for requests reads credentials there.
    own = environment.get("NETRC")
    for place in [own] if own else ["~/.netrc", "~/_netrc"]:
        yield os.path.expanduser(place)  # noqa: PTH111 - any text


def _target_files(name: TargetName) -> Iterator[Path]:
    """Yield the files that define a target's name."""
    if is_path(name.text):
        yield Path(name.folder, name.text)
        return
    yield from project_files(Path(name.folder))
    yield user_folder() / f"{name.text}.toml"
