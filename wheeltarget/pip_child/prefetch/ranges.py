"""Read METADATA of wheels through range requests, if the index has no metadata files.

Not all servers know all kinds of ranges, so a host is asked for the end of a file (``bytes=-N``)
first, then for positions, and then for whole wheels. If anything is wrong with an answer, the whole
wheel is fetched. The hash of the index cannot be checked on parts, so the METADATA of a wheel that
is chosen is compared with what was read, once the wheel is here and its hash was checked.
Specification: RFC 9110, sections 13.1.5 (If-Range) and 14 (range requests).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import Any

from pip._internal.exceptions import InstallationError, PipError
from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks
from pip._vendor.requests import RequestException
from pip._vendor.urllib3.exceptions import HTTPError

from wheeltarget.cache.metadata_store import MetadataStore, key_of
from wheeltarget.network.transfer import read_length
from wheeltarget.pip_child.job import RunContext
from wheeltarget.pip_child.prefetch.parts import (
    DAMAGED,
    TAIL,
    ContentRange,
    PartError,
    PartialFile,
    Validators,
    read_content_range,
    read_metadata,
    read_validators,
)
from wheeltarget.pip_child.prefetch.pool import LeftToPip, host_of
from wheeltarget.pip_child.prefetch.session import SharedSession
from wheeltarget.pip_child.prefetch.wheels import Wheels

_WHOLE, _PART = 200, 206
_NOT_SATISFIABLE = 416
_UNKNOWN = frozenset({400, 405, _NOT_SATISFIABLE, 501})
"""How servers answer to a kind of range that they do not know."""

_MUCH = 16 * TAIL
"""From this size on, it pays to send a second request instead of reading a whole wheel."""


class _Way(IntEnum):
    """How to ask a host; each falls back to the next one."""

    END = 0
    POSITIONS = 1
    WHOLE = 2


class _UnknownRangeError(Exception):
    """The server does not know this kind of range; the status is the argument."""


class _WholeAnswerError(Exception):
    """The server sends the whole file instead of a part; the argument is its answer, unread."""


class _NoAnswerError(Exception):
    """The server has not answered; the argument is the error of pip or its HTTP library."""


class _LyingError(PartError):
    """The answers of the server contradict the request or each other."""


class OtherMetadataError(InstallationError):  # type: ignore[misc]
    """The METADATA that was read from parts of a wheel is not that of the whole wheel."""

    def __init__(self, filename: str, host: str) -> None:
        super().__init__(
            f"{filename}: its METADATA differs from what {host} sent when only parts of the file "
            "were requested, so the server sends damaged or different files; "
            "try again, or set WHEELTARGET_AHEAD=0 to fetch whole wheels only"
        )


class Ranges:
    """Reads METADATA of wheels from parts, in any thread.

    :param wheels: gets the wheels that come whole.
    :param run: has the sizes of files that the index lists, and gets those that servers send.
    :param store: keeps what was read for later runs, if anything does.
    """

    def __init__(
        self,
        sessions: SharedSession,
        wheels: Wheels,
        run: RunContext,
        store: MetadataStore | None = None,
    ) -> None:
        self._sessions, self._wheels, self._run = sessions, wheels, run
        self._store = store
        self._ways: dict[str, _Way] = {}
        self._read: dict[str, bytes] = {}
        self._recalled: set[str] = set()
        self.received = 0

    def takes(self, link: Any) -> bool:
        """Return whether to read METADATA of a wheel from parts, and not from the whole wheel.

        It has to be a wheel on a page of an index, with a sha256, that is not here yet, and to
        come as safely as the page.
        """
        url = link.url_without_fragment
        if url in self._read:
            return True
        page = link.comes_from if isinstance(link.comes_from, str) else ""
        # Only the hash protects a file that comes over http from a page that came over https.
        is_safe = link.scheme == "https" or not page.lower().startswith("https:")
        if not ("://" in page and is_safe and link.is_wheel and self._wheels.can_keep(link)):
            return False
        if link.egg_fragment or self._wheels.is_begun(link) or self._wheels.find(link):
            return False
        return self._recall(link) or self._way(url) is not _Way.WHOLE

    def _recall(self, link: Any) -> bool:
        """Take METADATA that an earlier run has read; return whether there is any."""
        store = None if self._run.refresh else self._store
        content = store.read(_key_of(link)) if store else None
        if content is not None:
            url = link.url_without_fragment
            self._read[url] = content
            self._recalled.add(url)
        return content is not None

    def is_recalled(self, url: str) -> bool:
        """Return whether METADATA of the wheel at a URL was read in an earlier run."""
        return url in self._recalled

    def read(self, link: Any) -> bytes | bool | LeftToPip:
        """Return METADATA of a wheel, or, if the whole wheel was fetched instead, as Wheels does.

        :raises NetworkConnectionError: for an answer that has nothing to do with ranges.
        """
        known = self._read.get(link.url_without_fragment)
        return self._request(link) if known is None else known

    def _request(self, link: Any) -> bytes | bool | LeftToPip:
        url = link.url_without_fragment
        size = self._run.sizes.get(url)
        while (way := self._way(url)) is not _Way.WHOLE:
            remote = _Remote(self._sessions, url, size)
            try:
                file = remote.open_end() if way is _Way.END else remote.open_at_positions()
                if (content := file.whole()) is not None:
                    self._run.lengths[url] = file.size
                    return self._wheels.fetch_here(link, [content])
                return self._keep(link, read_metadata(file, link.filename), file.size)
            except _UnknownRangeError as error:
                if way is _Way.POSITIONS and error.args[0] == _NOT_SATISFIABLE:
                    break  # perhaps the page lists a wrong size
                self._fall_back(url, _Way(way + 1))
            except _WholeAnswerError as error:
                with closing(error.args[0]) as response:
                    size = read_length(response.headers.get("Content-Length"))
                    # An answer to a conditional request says that the file has changed.
                    if remote.is_conditional or not self._asks_again(response, url, size or 0):
                        return self._wheels.fetch_here(link, response_chunks(response), size)
            except _LyingError:
                self._fall_back(url, _Way.WHOLE)
            except (InterruptedError, _NoAnswerError) as error:
                return self._fetch_after(error, link, size)
            except DAMAGED:
                break
            finally:
                self.received += remote.received
        return self._wheels.fetch_here(link, size=size)

    def _fetch_after(
        self, error: InterruptedError | _NoAnswerError, link: Any, size: int | None
    ) -> bool | LeftToPip:
        """Fetch the whole wheel, since a request for a part has failed, in spite of retries.

        If it comes, the server or a proxy fails because of ranges, and is not asked for more. The
        error is raised again if the run is over, or the host is left to pip.
        """
        url, pool = link.url_without_fragment, self._sessions.pool
        if isinstance(error, InterruptedError):
            raise error
        if pool.is_shut(host_of(url)):
            raise error.args[0]
        pool.wait_for_pause(host_of(url))
        outcome = self._wheels.fetch_here(link, size=size)
        if outcome is True:
            self._fall_back(url, _Way.WHOLE)
        return outcome

    def _keep(self, link: Any, content: bytes, size: int) -> bytes:
        """Keep METADATA of a wheel, and the size of the wheel in bytes."""
        url = link.url_without_fragment
        self._read[url], self._run.lengths[url] = content, size
        if self._store:
            self._store.write(_key_of(link), content)
        return content

    def _asks_again(self, response: Any, url: str, size: int) -> bool:
        """Note what an answer with the whole file says about its host.

        :param size: of the file in bytes.
        :returns: whether to ask for positions instead of reading it.
        """
        if 0 < size <= TAIL:
            return False  # some servers answer so if the part is the whole file
        knows = response.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
        is_next = knows and self._way(url) is _Way.END
        self._fall_back(url, _Way.POSITIONS if is_next else _Way.WHOLE)
        return is_next and size > _MUCH

    def _way(self, url: str) -> _Way:
        return self._ways.get(host_of(url), _Way.END)

    def _fall_back(self, url: str, way: _Way) -> None:
        self._ways[host_of(url)] = max(self._way(url), way)

    @contextmanager
    def assumed(self, link: Any, content: bytes) -> Iterator[None]:
        """Take something for METADATA that was read of a wheel, for a proof."""
        url = link.url_without_fragment
        self._read[url] = content
        try:
            yield
        finally:
            del self._read[url]

    def check(self, link: Any, path: Path) -> None:
        """Raise OtherMetadataError if the METADATA in a wheel is not what was read from parts."""
        url = link.url_without_fragment
        known = self._read.get(url)
        if known is not None and known != _metadata_in(path, link.filename):
            if self._store:
                with suppress(OSError):
                    self._store.remove(_key_of(link))
            raise OtherMetadataError(link.filename, host_of(url))


def _key_of(link: Any) -> str:
    """Return the key of a wheel, of which the index lists the hash, in the metadata store."""
    return key_of(link.url_without_fragment, link._hashes["sha256"])


def _metadata_in(path: Path, filename: str) -> bytes | None:
    """Read METADATA of a wheel on disk; None if that is not possible."""
    with path.open("rb") as stream:

        def fetch(start: int, stop: int) -> bytes:
            stream.seek(start)
            return stream.read(stop - start)

        try:
            return read_metadata(PartialFile(path.stat().st_size, fetch), filename)
        except DAMAGED:
            return None


class _Remote:
    """A file on a server, of which parts are requested.

    :param size: its size in bytes, if that is known.
    """

    def __init__(self, sessions: SharedSession, url: str, size: int | None) -> None:
        self._sessions, self._url, self._total = sessions, url, size
        self._validators: Validators | None = None
        self.is_conditional = False
        self.received = 0

    def open_end(self) -> PartialFile:
        """Request the end of the file, whatever its size is."""
        part, content = self._ask(f"-{TAIL}", TAIL)
        if part.stop != part.total:
            raise _LyingError("it is not the end of the file")
        return self._open(part.start, content, part.total)

    def open_at_positions(self) -> PartialFile:
        """Request the end of the file by its positions."""
        total = self._total
        if total is None:
            total = self._ask("0-0", 1)[0].total
        start = max(total - TAIL, 0)
        return self._open(start, self._fetch(start, total), total)

    def _open(self, start: int, content: bytes, total: int) -> PartialFile:
        file = PartialFile(total, self._fetch)
        file.add(start, content)
        return file

    def _fetch(self, start: int, stop: int) -> bytes:
        part, content = self._ask(f"{start}-{stop - 1}", stop - start)
        if (part.start, part.stop) != (start, stop):
            raise _LyingError("it is another part than requested")
        return content

    def _ask(self, wanted: str, most: int) -> tuple[ContentRange, bytes]:
        """Request a part of at most some bytes."""
        headers = {**HEADERS, "Range": f"bytes={wanted}"}
        etag = self._validators.strong_etag if self._validators else ""
        if etag:
            headers["If-Range"] = etag
            self.is_conditional = True
        try:
            response = self._sessions.get(self._url, headers=headers, stream=True)
        except (PipError, RequestException) as error:  # since pip 26.2 its own
            raise _NoAnswerError(error) from error
        if response.status_code == _WHOLE:
            raise _WholeAnswerError(response)
        with closing(response):
            if response.status_code in _UNKNOWN:
                raise _UnknownRangeError(response.status_code)
            raise_for_status(response)
            hops = [each.url.partition(":")[0].lower() for each in (*response.history, response)]
            if "http" in hops and self._url.lower().startswith("https:"):
                raise PartError("it came over http, where only a hash protects it")
            if response.status_code != _PART:
                raise _LyingError(f"its status is {response.status_code}")
            try:
                part = read_content_range(response.headers)
            except PartError as error:
                raise _LyingError(str(error)) from error
            if part.stop - part.start > most:
                raise _LyingError("it is longer than requested")
            self._compare(part.total, read_validators(response.headers))
            return part, self._receive(response, part.stop - part.start)

    def _compare(self, total: int, validators: Validators) -> None:
        """Raise PartError if an answer is not a part of the same file as the others."""
        if self._total not in {None, total}:
            raise PartError("the file has another size than before, or than the index lists")
        if self._validators not in {None, validators}:
            raise PartError("the file has changed")
        self._total, self._validators = total, validators

    def _receive(self, response: Any, length: int) -> bytes:
        """Read the body of an answer, which must have a length."""
        content = bytearray()
        try:
            for chunk in response_chunks(response):
                if self._sessions.pool.is_stopped:
                    raise InterruptedError("the run is over")
                content += chunk
                self.received += len(chunk)
                if len(content) > length:
                    raise _LyingError("it has more bytes than its Content-Range")
        except (HTTPError, RequestException) as error:
            raise PartError("the connection broke") from error
        if len(content) < length:
            raise PartError("it has fewer bytes than its Content-Range")
        return bytes(content)
