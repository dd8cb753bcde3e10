"""The files of a pack that check and install it on the other machine.

``install.sh`` and ``install.ps1`` check every file against the manifest, and then start
``choose_target.py``. It reads the targets from ``pack.json``, has ``probe.py`` describe the Python,
and starts the pip of the target that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheeltarget.commands.pack.layout import README, PackTarget
from wheeltarget.commands.probe.probe import script as probe_script
from wheeltarget.targets.compatibility import name_pythons

_HOME = Path(__file__).parent
_SCRIPTS = ("choose_target.py", "install.ps1", "install.sh")
_README = """\
This folder has Python packages for machines without a network. It was made by wheeltarget, for:

{targets}

To install into a virtual environment, which is made if it does not exist, on Linux, macOS or
another Unix:

    sh install.sh --venv /PATH/OF/THE/ENVIRONMENT

On Windows:

    powershell -ExecutionPolicy Bypass -File install.ps1 -Venv C:\\PATH\\OF\\THE\\ENVIRONMENT

The script first checks that every file of this folder is present and unchanged, and that no file
was added. Then it chooses the target that fits the Python, and installs it with pip. Nothing is
fetched from a network. pip's configuration files and PIP_* variables are ignored.

    what for                             install.sh             install.ps1
    another Python                       --python PATH          -Python PATH
    a virtual environment, also new      --venv DIR             -Venv DIR
    the Python itself                    no --venv              no -Venv
    a target by its name                 --target NAME          -Target NAME
    only check the files                 --verify-only          -VerifyOnly
    only print the target that fits      --choose-only          -ChooseOnly
    options for pip install              -- --user              --user
    the folder of the earlier pack       --earlier DIR          -Earlier DIR

A pack with a file earlier.sha256 has only what is new. Unpack it over the earlier pack, or name the
folder of the earlier pack with --earlier. What removed.sha256 lists belongs to the earlier pack
alone, and can be deleted.

If the system manages the packages of its Python, as Debian does, use a virtual environment.

If no target fits, describe the Python for a new pack: python probe.py -o /tmp/this.toml

Packages that were installed before and are not in this pack stay installed.

To check the files by hand, run this in this folder: sha256sum -c manifest.sha256

Other programs can use the folder simple as a package index: pip, for example, with
--index-url file:///PATH/OF/THIS/FOLDER/simple/. The folder locks has a pylock.toml of each target.

The checks find damaged files. They cannot find files that were replaced together with the manifest:
compare the sha256 of manifest.sha256 with the one from the machine where the pack was made.
"""


def script_files(targets: Sequence[PackTarget]) -> dict[str, bytes]:
    """Return the files for the other machine by their path in the pack, with the README.

    They are in ASCII, with lines as on Unix: Windows PowerShell 5.1 takes other characters for
    those of the system, and a shell takes no other lines. ``install.sh`` should be executable.
    """
    lines = (f"    {each.name}\n        {_describe(each)}" for each in targets)
    readme = _README.format(targets="\n".join(lines))
    files = {name: (_HOME / name).read_bytes() for name in _SCRIPTS}
    return {**files, README: readme.encode(), "probe.py": probe_script().encode()}


def _describe(target: PackTarget) -> str:
    """Return the Python, the platform and the pip of a target, for a person."""
    interpreter, _, platform = target.tag.split("-")
    pip = target.pip.rpartition("/")[2].split("-")[1] if target.pip else ""
    with_pip = f"installed by pip {pip} of this pack" if pip else "installed by its own pip"
    return f"{name_pythons([(interpreter, False)])}, {platform}, {with_pip}"
