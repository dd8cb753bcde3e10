"""Keep METADATA that was read of wheels which are not here themselves.

What was read of parts of a wheel cannot be checked with the wheel's hash. So an entry belongs to
the hash that the index lists and to the URL that was asked: a server can mislead only those who use
it, and not for another file. The reader compares an entry with the whole wheel once that is here.

An entry is a hash and the content. The hash is that of the entry's name and the content, so one
that was damaged, cut off or renamed is not returned, and removed. Nothing depends on an entry: if
it cannot be written, the next run reads METADATA again.
"""

from __future__ import annotations

import contextlib
import hashlib
from urllib.parse import urlsplit

from wheeltarget.cache.wheel_store import (
    NamedFiles,
    Store,
    create,
    discard,
    metadata_folder,
    record_use,
)
from wheeltarget.utils.files import Limit, Writer, read_regular

LARGEST = 10_000_000
"""How many bytes an entry may have; most have 10 kB."""

_DIGEST = hashlib.sha256().digest_size
_ENTRY = Limit(LARGEST + _DIGEST, "an entry of the cache")


def key_of(url: str, sha256: str) -> str:
    """Return the key of a wheel.

    :param url: where the wheel is; credentials, the query and the fragment do not count, since
        they may change with each page and each user.
    :param sha256: the hash that the index lists.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    wheel = f"{sha256.lower()} {parts.scheme}://{host}{parts.path}"
    return hashlib.sha256(wheel.encode("utf-8", "surrogatepass")).hexdigest()


class MetadataStore(NamedFiles):
    """METADATA by the keys of wheels; what is written is read, or nothing."""

    @classmethod
    def beside(cls, wheels: Store) -> MetadataStore:
        """Return the store in the cache folder of a wheel store."""
        return cls(metadata_folder(wheels.folder.parent))

    def read(self, key: str) -> bytes | None:
        """Return what was written for a key; None if nothing was, or if it was damaged since."""
        found = self._look(key)
        if found is None:
            return None
        with contextlib.suppress(OSError):
            entry = read_regular(found[0], _ENTRY)
            content = entry[_DIGEST:]
            if entry[:_DIGEST] == _digest(key, content):
                record_use(*found)
                return content
        discard(*found)
        return None

    def write(self, key: str, content: bytes) -> None:
        """Keep METADATA for a key, unless it is too large or cannot be written."""
        if self._path(key) is None or len(content) > LARGEST:
            return
        with contextlib.suppress(OSError), self._temporary() as draft:
            with create(draft, 0o600) as handle:
                Writer(handle).write(_digest(key, content) + content)
            self._place(draft, key.lower())


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.lower().encode() + content).digest()
