"""The user's own folders for wheeltarget, and whether root may use them.

Start-up: this is loaded before almost everything else, so it does not even import pathlib, and
platformdirs only if its answer is not known.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def user_folder(kind: str, usual: str, environment: Mapping[str, str]) -> str:
    """Return the path of one of the user's folders for wheeltarget; it need not exist.

    :param kind: ``cache`` or ``state``.
    :param usual: the folder for this kind on Linux, such as ``~/.cache``.
    """
    named = environment.get(f"WHEELTARGET_{kind.upper()}_DIR")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    if sys.platform == "linux" and "ANDROID_DATA" not in environment:
        # The same as platformdirs, without the time to load it.
        home = environment.get(f"XDG_{kind.upper()}_HOME", "").strip()
        if not os.path.isabs(home):
            home = os.path.expanduser(usual)
        return os.path.join(home, "wheeltarget")
    import platformdirs

    path: str = getattr(platformdirs, f"user_{kind}_dir")("wheeltarget", appauthor=False)
    return path


def is_ours(folder: str | os.PathLike[str]) -> bool:
    """Return whether root can trust a folder, which need not exist: it is not another user's.

    :returns: True for every user but root.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return True
    path = os.path.abspath(folder)
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.stat(path).st_uid == 0
