"""Find the record of a run: a file named after the hash of everything that identifies the run.

Start-up: like :mod:`wheeltarget.resolver.prestart` this is loaded before anything else, so it does
not even import pathlib, and hashlib only if there may be a record.
"""

from __future__ import annotations

import os
import sys

from wheeltarget import __version__
from wheeltarget.utils.system import user_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNS, WHEELS, METADATA = "runs", "wheels", "metadata"  # folders in the cache folder
SUFFIX = ".json"  # of records
_PREFIXES = ("PIP_", "WHEELTARGET_", "PYTHON", "XDG_", "LC_")
_NAMES = {
    *("ALLUSERSPROFILE", "APPDATA", "HOME", "LANG", "LOCALAPPDATA", "PROGRAMDATA", "USERPROFILE"),
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NETRC", "NO_PROXY"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
}
"""Variables that count besides those with one of the prefixes, in upper or lower case."""


def cache_home(environment: Mapping[str, str]) -> str:
    """Return the path of the cache folder, which need not exist."""
    return user_folder("cache", environment)


def record_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of the record of a run, by its arguments after ``download``."""
    import hashlib

    variables = sorted(
        (name, value)
        for name, value in environment.items()
        if name.startswith(_PREFIXES) or name.upper() in _NAMES
    )
    around = (__version__, sys.version, sys.executable, sys.prefix, os.getcwd(), variables)
    run = repr((around, tuple(arguments))).encode("utf-8", "surrogatepass")
    name = hashlib.sha256(run).hexdigest() + SUFFIX
    return os.path.join(cache_home(environment), RUNS, name)


def is_known(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether there is a record of a run, valid or not."""
    folder = os.path.join(cache_home(environment), RUNS)
    return os.path.isdir(folder) and os.path.isfile(record_of(arguments, environment))
