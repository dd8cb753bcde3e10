"""Fetch files whose URLs are known: over plain connections, or with pip's own session.

start-up: what only some fetches need is imported in functions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wheeltarget.cache.wheel_store import Store
from wheeltarget.commands.download.lock_options import EFFECTS, Effect
from wheeltarget.commands.invocation import Invocation
from wheeltarget.errors import DownloadError
from wheeltarget.network.downloader import Fetched
from wheeltarget.network.policy import Network, read_network
from wheeltarget.pip_config.options import CommandLine
from wheeltarget.staging.stage import Stage

if TYPE_CHECKING:
    from wheeltarget.pip_protocol import FetchFailure, Pairs


def find_network(command: CommandLine, invocation: Invocation) -> Network:
    """Return which files plain connections may fetch.

    :param command: the options of the run, those of its requirements files included.
    """
    environment = invocation.environment
    return read_network(
        command,
        invocation.settings,
        environment,
        proxies=lambda: _proxies(environment),
        has_netrc=_has_netrc(environment),
    )


def _proxies(environment: Mapping[str, str]) -> Iterable[str]:
    if sys.platform in {"win32", "darwin"}:
        from urllib.request import getproxies

        return getproxies()  # including the system's settings
    return [
        name
        for name, value in environment.items()
        if value and name.lower().endswith("_proxy") and name.lower() != "no_proxy"
    ]


def _has_netrc(environment: Mapping[str, str]) -> bool:
    named = environment.get("NETRC")
    files = [Path(named)] if named else [Path("~/.netrc"), Path("~/_netrc")]
    try:
        return any(file.expanduser().exists() for file in files)
    except (OSError, RuntimeError):
        return True  # pip's session will find out


def fetch_with_pip(
    fetched: Fetched,
    command: CommandLine,
    network: Network,
    stage: Stage,
    store: Store | None = None,
    *,
    elsewhere: bool = False,
    indexes: Pairs = (),
) -> tuple[FetchFailure, ...]:
    """Fetch with pip's session what plain connections have left, and return what failed.

    :param command: the options of the run, those of its requirements files included.
    :param elsewhere: whether to look for a missing file by its name on pip's indexes.
    :param indexes: the name or glob of projects and their own index, for each that has one.
    :raises DownloadError: if pip fails before it fetches anything.
    """
    from wheeltarget.pip_protocol import FetchLocked
    from wheeltarget.resolver.pip_runner import fetch_locked

    options = [each for each in command.options if EFFECTS[each.name] is Effect.FETCHES]
    report = fetch_locked(
        FetchLocked(
            tuple(fetched.left),
            tuple(argument for option in options for argument in option.arguments),
            connections=network.connections,
            resumes=network.patience.resumes,
            store=store.folder if store else None,
            elsewhere=elsewhere,
            unreachable=frozenset(fetched.unreachable),
            indexes=indexes,
        ),
        stage,
    )
    if report.exit_code:
        raise DownloadError(
            "pip failed; nothing was saved", "see pip's output above", exit_code=report.exit_code
        )
    return report.failures or ()
