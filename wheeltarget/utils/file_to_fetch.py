"""A file to be fetched, apart from the messages, which take longer to load than a lock needs.

The messages go by the types of its fields, so annotations are not postponed in this module.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileToFetch:
    """A file to be fetched.

    :param url: its URL.
    :param filename: its name.
    :param project: its project.
    :param sha256: the hash that it must have, in lower-case hexadecimal.
    :param size: the number of bytes that it must have; None if that is not known.
    :param path: the path to write it to; no file is there.
    """

    url: str
    filename: str
    project: str
    sha256: str
    size: int | None
    path: str
