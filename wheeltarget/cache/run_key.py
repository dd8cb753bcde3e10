"""Find the record of a run: a file named after the hash of everything that identifies the run.

Like :mod:`wheeltarget.resolver.prestart` this runs before anything else is loaded.
"""

from __future__ import annotations

import os
import sys

from wheeltarget import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "WHEELTARGET_CACHE_DIR"
"""The environment variable that names the cache folder."""

SUFFIX = ".json"
"""The suffix of the file name of a record."""

_FOLDER = "runs"
_PREFIXES = ("PIP_", "WHEELTARGET_", "PYTHON", "XDG_", "LC_")
_NAMES = frozenset(
    {
        "ALLUSERSPROFILE",
        "ALL_PROXY",
        "APPDATA",
        "CURL_CA_BUNDLE",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LANG",
        "LOCALAPPDATA",
        "NETRC",
        "NO_PROXY",
        "PROGRAMDATA",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "USERPROFILE",
    }
)
"""Variables that count besides those with one of the prefixes, in upper or lower case."""


def cache_home(environment: Mapping[str, str]) -> str:
    """Return the path of the cache folder, which need not exist.

    :param environment: the environment's variables.
    :returns: what ``WHEELTARGET_CACHE_DIR`` names, else the system's place for the user's caches.
    """
    named = environment.get(VARIABLE)
    if named:
        return os.path.abspath(os.path.expanduser(named))  # noqa: PTH100, PTH111 - light
    if sys.platform == "linux" and "ANDROID_DATA" not in environment:
        # The same as platformdirs, without the time to load it.
        home = environment.get("XDG_CACHE_HOME", "").strip()
        if not os.path.isabs(home):  # noqa: PTH117 - light
            home = os.path.expanduser("~/.cache")  # noqa: PTH111 - light
        return os.path.join(home, "wheeltarget")  # noqa: PTH118 - light
    import platformdirs

    return platformdirs.user_cache_dir("wheeltarget", appauthor=False)


def runs_folder(cache: str) -> str:
    """Return the path of the folder of records in a cache folder.

    :param cache: the cache folder.
    """
    return os.path.join(cache, _FOLDER)  # noqa: PTH118 - light


def record_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of the record of a run.

    :param arguments: the arguments after ``download``.
    :param environment: the environment's variables.
    """
    import hashlib

    counting = sorted((name, value) for name, value in environment.items() if _counts(name))
    around = (__version__, sys.version, sys.executable, sys.prefix, os.getcwd(), counting)  # noqa: PTH109
    run = repr((around, tuple(arguments))).encode("utf-8", "surrogatepass")
    name = hashlib.sha256(run).hexdigest() + SUFFIX
    return os.path.join(runs_folder(cache_home(environment)), name)  # noqa: PTH118 - light


def is_known(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether there is a record of a run, valid or not.

    :param arguments: the arguments after ``download``.
    :param environment: the environment's variables.
    """
    folder = runs_folder(cache_home(environment))
    return os.path.isdir(folder) and os.path.isfile(record_of(arguments, environment))  # noqa: PTH112, PTH113


def _counts(name: str) -> bool:
    return name.startswith(_PREFIXES) or name.upper() in _NAMES
