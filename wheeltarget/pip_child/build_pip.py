"""Run pip for the requirements of a build, which come from the indexes of projects, too.

pip runs this file by its path, as it would run itself, and wheeltarget runs it to build a wheel.
The indexes are in an environment variable. The Python may be that of an environment that pip has
made for the build, which has neither pip nor wheeltarget. So both are found where they are.

start-up: the folder of this file must not be searched for modules, so it is removed first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class _Finder:
    """Finds some packages in their own folders."""

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a package is; None for others, and for modules in packages."""
        home = self._homes.get(name)
        return None if home is None else PathFinder.find_spec(name, [home], target)


def main() -> int:
    """Run pip with the arguments of the command line, and return its exit code."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [each for each in sys.path if Path(each) != Path(__file__).parent]
    homes = {"wheeltarget": str(here.parents[1])}
    sys.meta_path.insert(0, _Finder(homes))
    from wheeltarget.pip_protocol import PIP_HOME_VARIABLE

    if home := os.environ.get(PIP_HOME_VARIABLE):
        homes["pip"] = home
    from wheeltarget.pip_child.project_indexes import run_for_build

    return run_for_build(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
