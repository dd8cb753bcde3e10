"""Every file of a run brought into the stage, in the cheapest way there is.

From the destination, where it may be already; from the store; from beside the lock; over a plain
connection; and whatever is left over then by pip's own session.
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
from wheeltarget.network.downloader import Fetched, Watch, fetch_plain, take_file
from wheeltarget.network.policy import Network, has_other_index, read_connections, read_network
from wheeltarget.network.transfer import Patience
from wheeltarget.pip_config.options import CommandLine
from wheeltarget.utils.file_to_fetch import FileToFetch
from wheeltarget.utils.hashes import Digest, hash_file
from wheeltarget.wheelhouse.merge import Stage

_ANOTHER = "it is not the file that was locked: if it should be, lock again"
_BROKEN = "the server breaks off again and again: try later, or give more --resume-retries"
_UNREACHABLE = "if another index has the file, name it by --index-url"
_HINTS = {
    401: "pip has no credentials for it that are right: see its documentation on authentication",
    403: "pip's credentials for it, if it has any, do not allow that",
    404: "it is gone from there: lock again, or name an index that has it by --index-url",
    410: "it is gone from there: lock again, or name an index that has it by --index-url",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where files may come from, as pip's options and configuration say.

    :param command: pip's options, those of its configuration among them.
    :param settings: pip's configuration, by long option without its dashes.
    :param environment: the environment's variables.
    """

    command: CommandLine
    settings: Mapping[str, str]
    environment: Mapping[str, str]

    def store(self) -> Store | None:
        """Give the store, where it may be used."""
        if is_refused(self.command, self.settings):
            return None
        folder = cache_folder(self.environment)
        return None if prepare(folder) else Store(wheel_folder(folder))

    def make_room(self) -> None:
        """Keep the store below its limit, once a day; what is wrong with that is told elsewhere."""
        folder = cache_folder(self.environment)
        if is_due(folder):
            from wheeltarget.cache.pruning import make_room

            make_room(folder, self.environment)

    def network(self) -> Network:
        """Say what the network is like."""
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

        return getproxies()  # those of the system's settings, too
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


def bring(
    pins: Mapping[str, Pin],
    places: Mapping[str, Path],
    stage: Stage,
    source: Source,
    meanwhile: Callable[[], None],
    watch: Watch | None = None,
) -> dict[str, Digest]:
    """Bring every file to its path in the stage.

    :param pins: the files by their paths there.
    :param places: where each of them goes in the end, and may be already.
    :param stage: the stage.
    :param source: where files may come from.
    :param meanwhile: what else there is to do, while files come; what it raises ends the run.
    :param watch: is told how far it has come.
    :returns: what was computed of each file at its path, which is what its lock says.
    :raises InputError: if one cannot be had, or is not what its lock says; all are told.
    :raises DownloadError: if pip's session does not come about.
    """
    store = source.store()
    faults: list[Fault] = []
    left: list[FileToFetch] = []
    digests: dict[str, Digest] = {}
    for path, pin in pins.items():
        order = _order(path, pin)
        digest = take_file(order, places[path])
        if digest is None and store is not None:
            digest = store.take(order.sha256, Path(path))
        if digest is None and not order.url:
            digest = take_file(order, pin.beside, linked=False)
        if digest is not None:
            digests[path] = digest
            faults += _size_faults(order, pin, digest)
        elif order.url:
            left.append(order)
        else:
            message = f"{pin.file.path} is not beside the lock, or not what its hash says"
            faults.append(_fault(pin, message, "bring the file there, or lock again"))
    network = source.network()
    fetched = fetch_plain(left, network, store, meanwhile, watch)
    faults += _fetch_faults(fetched, pins)
    if fetched.left and not faults:
        faults += _ask_pip(fetched, pins, stage, source, store, network.patience)
    if faults:
        raise InputError(tuple(sorted(faults, key=_place)))
    if store is not None and left:
        source.make_room()
    return digests | fetched.digests


def _fetch_faults(fetched: Fetched, pins: Mapping[str, Pin]) -> Iterator[Fault]:
    """Say what is wrong with what came over plain connections, or did not come."""
    for order, error in fetched.wrong:
        message = f"{order.url} is another file: {error.message}"
        yield _fault(pins[order.path], message, _ANOTHER)
    for order, broken in fetched.broken:
        yield _fault(pins[order.path], f"cannot fetch {order.url}: {broken}", _BROKEN)


def _size_faults(order: FileToFetch, pin: Pin, digest: Digest) -> Iterator[Fault]:
    """Say it of a file that is here already, too, if the lock has another size of it."""
    if order.size not in {None, digest.size}:
        message = f"the lock says {order.size} bytes, and the file with its hash has {digest.size}"
        yield _fault(pin, message, "the lock was changed by hand, or is damaged: lock again")


def _order(path: str, pin: Pin) -> FileToFetch:
    file = pin.file
    return FileToFetch(file.url, file.filename, file.project, file.sha256, file.size, path)


def _ask_pip(
    fetched: Fetched,
    pins: Mapping[str, Pin],
    stage: Stage,
    source: Source,
    store: Store | None,
    patience: Patience,
) -> list[Fault]:
    """Let pip's session fetch what a plain connection would not do for."""
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
            "pip failed; nothing was saved", "what it said is above", exit_code=report.exit_code
        )
    orders = {order.path: order for order in fetched.left}
    faults = []
    for failure in report.failures or ():
        order = orders[failure.path]
        if failure.kind == "content":
            message, hint = f"{order.url} is another file: {failure.text}", _ANOTHER
        else:
            message = f"cannot fetch {order.url}: {failure.text}"
            hint = _HINTS.get(failure.code, "" if failure.code else _UNREACHABLE)
        faults.append(_fault(pins[order.path], message, hint))
        del orders[failure.path]
    for path, order in orders.items():
        # The other process has done so, too, but only what is computed here counts.
        digest = fetched.digests[path] = hash_file(Path(path))
        if digest.sha256 != order.sha256:
            error = HashMismatchError(order.sha256, digest.sha256)
            message = f"{order.url} is another file: {error.message}"
            faults.append(_fault(pins[path], message, _ANOTHER))
    return faults


def _fault(pin: Pin, message: str, hint: str) -> Fault:
    return pin.fault(f"{pin.file.project} {pin.file.version}: {message}".replace(" :", ":"), hint)


def _place(fault: Fault) -> tuple[str, int]:
    return (fault.location.file, fault.location.line) if fault.location else ("", 0)
