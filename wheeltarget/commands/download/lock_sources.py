"""Fetch the files of locks to the stage, each from the cheapest source.

The sources are the destination, the wheel store, the folder of the lock, a plain connection and,
for the rest, pip's own session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.cache.folder import cache_folder, is_due, is_refused, prepare, wheel_folder
from wheeltarget.cache.wheel_store import Store
from wheeltarget.commands.download.lock_options import NOT_FOR_FETCHING
from wheeltarget.errors import DownloadError, Fault, HashMismatchError, InputError
from wheeltarget.lockfile.reader import Pin
from wheeltarget.network.downloader import Fetched, Watch, fetch_plain, place_file
from wheeltarget.network.policy import Network, has_other_index, read_network
from wheeltarget.network.transfer import RetryPolicy
from wheeltarget.pip_config.options import CommandLine, read_connections
from wheeltarget.utils.file_to_fetch import FileToFetch
from wheeltarget.utils.hashes import Digest, hash_file
from wheeltarget.wheelhouse.merge import Stage

_ANOTHER = "the file has changed since it was locked; if that is intended, lock again"
_BROKEN = "the connection broke repeatedly; try again later, or raise --resume-retries"
_UNREACHABLE = "if another index has the file, name it with --index-url"
_GONE = "it no longer exists there; lock again, or name an index that has it with --index-url"
_HINTS = {
    401: "pip has no valid credentials for it; see pip's documentation on authentication",
    403: "access is forbidden; check the credentials that pip uses for it",
    404: _GONE,
    410: _GONE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where files may come from, by pip's options and configuration.

    :param command: pip's options, including those of its configuration.
    :param settings: pip's configuration, by long option without its dashes.
    :param environment: the environment variables.
    """

    command: CommandLine
    settings: Mapping[str, str]
    environment: Mapping[str, str]

    def store(self) -> Store | None:
        """Return the wheel store; None if it cannot be used."""
        if is_refused(self.command, self.settings):
            return None
        folder = cache_folder(self.environment)
        return None if prepare(folder) else Store(wheel_folder(folder))

    def prune_after_run(self) -> None:
        """Prune the store to its limit, once a day; ignore failures."""
        folder = cache_folder(self.environment)
        if is_due(folder):
            from wheeltarget.cache.pruning import prune_after_run

            prune_after_run(folder, self.environment)

    def network(self) -> Network:
        """Return the settings of the network."""
        return read_network(
            self.command,
            self.settings,
            self.environment,
            proxies=lambda: _proxies(self.environment),
            has_netrc=_has_netrc(self.environment),
        )


def _proxies(environment: Mapping[str, str]) -> Iterable[str]:
    import sys

    if sys.platform in {"win32", "darwin"}:
        from urllib.request import getproxies

        return getproxies()  # including the system's settings
    return [
        n
        for n, v in environment.items()
        if v and n.lower().endswith("_proxy") and n.lower() != "no_proxy"
    ]


def _has_netrc(environment: Mapping[str, str]) -> bool:
    named = environment.get("NETRC")
    files = [Path(named)] if named else [Path("~/.netrc"), Path("~/_netrc")]
    try:
        return any(file.expanduser().exists() for file in files)
    except (OSError, RuntimeError):
        return True  # pip's session will find out


def fetch_files(
    pins: Mapping[str, Pin],
    places: Mapping[str, Path],
    stage: Stage,
    source: Source,
    while_fetching: Callable[[], None],
    watch: Watch | None = None,
) -> dict[str, Digest]:
    """Fetch every file to its path in the stage.

    :param pins: the files by their paths in the stage.
    :param places: the path of each in the destination, where it may exist already.
    :param stage: the stage.
    :param source: where files may come from.
    :param while_fetching: called while files are fetched; an error of it ends the run.
    :param watch: called with the progress.
    :returns: the computed digest of each file, which matches its lock.
    :raises InputError: if files cannot be fetched, or do not match their lock; with every fault.
    :raises DownloadError: if pip fails.
    """
    store = source.store()
    faults: list[Fault] = []
    left: list[FileToFetch] = []
    digests: dict[str, Digest] = {}
    for path, pin in pins.items():
        order = _order(path, pin)
        digest = place_file(order, places[path])
        if digest is None and store is not None:
            digest = store.take(order.sha256, Path(path))
        if digest is None and not order.url:
            digest = place_file(order, pin.beside, linked=False)
        if digest is not None:
            digests[path] = digest
            faults += _size_faults(order, pin, digest)
        elif order.url:
            left.append(order)
        else:
            message = f"{pin.file.path} does not exist, or does not have the hash in the lock"
            faults.append(_fault(pin, message, "put the file there, or lock again"))
    network = source.network()
    fetched = fetch_plain(left, network, store, while_fetching, watch)
    faults += _fetch_faults(fetched, pins)
    if fetched.left and not faults:
        faults += _ask_pip(fetched, pins, stage, source, store, network.patience)
    if faults:
        raise InputError(tuple(sorted(faults, key=_place)))
    if store is not None and left:
        source.prune_after_run()
    return digests | fetched.digests


def _fetch_faults(fetched: Fetched, pins: Mapping[str, Pin]) -> Iterator[Fault]:
    for order, error in fetched.wrong:
        message = f"{order.url} is not the locked file: {error.message}"
        yield _fault(pins[order.path], message, _ANOTHER)
    for order, broken in fetched.broken:
        yield _fault(pins[order.path], f"cannot fetch {order.url}: {broken}", _BROKEN)


def _size_faults(order: FileToFetch, pin: Pin, digest: Digest) -> Iterator[Fault]:
    if order.size not in {None, digest.size}:
        message = f"the lock has a size of {order.size} bytes, but the file has {digest.size}"
        yield _fault(pin, message, "the lock was edited or is damaged; lock again")


def _order(path: str, pin: Pin) -> FileToFetch:
    file = pin.file
    return FileToFetch(file.url, file.filename, file.project, file.sha256, file.size, path)


def _ask_pip(
    fetched: Fetched,
    pins: Mapping[str, Pin],
    stage: Stage,
    source: Source,
    store: Store | None,
    patience: RetryPolicy,
) -> list[Fault]:
    """Fetch the files that need pip's session."""
    from wheeltarget.pip_protocol import FetchLocked
    from wheeltarget.resolver import pip_runner

    options = [o for o in source.command.options if o.name not in NOT_FOR_FETCHING]
    report = pip_runner.fetch_locked(
        FetchLocked(
            tuple(fetched.left),
            tuple(word for option in options for word in option.words),
            connections=read_connections(source.environment),
            resumes=patience.resumes,
            store=store.folder if store else None,
            elsewhere=has_other_index(source.command, source.settings),
            unreachable=frozenset(fetched.unreachable),
        ),
        stage,
    )
    if report.exit_code:
        raise DownloadError(
            "pip failed; nothing was saved", "see pip's output above", exit_code=report.exit_code
        )
    orders = {order.path: order for order in fetched.left}
    faults = []
    for failure in report.failures or ():
        order = orders[failure.path]
        if failure.kind == "content":
            message, hint = f"{order.url} is not the locked file: {failure.text}", _ANOTHER
        else:
            message = f"cannot fetch {order.url}: {failure.text}"
            hint = _HINTS.get(failure.code, "" if failure.code else _UNREACHABLE)
        faults.append(_fault(pins[order.path], message, hint))
        del orders[failure.path]
    for path, order in orders.items():
        # The hash is not left to the other process.
        digest = fetched.digests[path] = hash_file(Path(path))
        if digest.sha256 != order.sha256:
            error = HashMismatchError(order.sha256, digest.sha256)
            message = f"{order.url} is not the locked file: {error.message}"
            faults.append(_fault(pins[path], message, _ANOTHER))
    return faults


def _fault(pin: Pin, message: str, hint: str) -> Fault:
    return pin.fault(f"{pin.file.project} {pin.file.version}: {message}".replace(" :", ":"), hint)


def _place(fault: Fault) -> tuple[str, int]:
    return (fault.location.file, fault.location.line) if fault.location else ("", 0)
