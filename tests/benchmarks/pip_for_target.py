"""Run pip as it is, but with the markers of another environment, and count what it rejects.

pip has options for the tags of another environment, but reads markers for the Python that it runs
on. The facts are a JSON file with the values of the markers; the result is one with the number.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pip._internal.cli.main import main as pip_main
from pip._internal.resolution.resolvelib.reporter import PipReporter
from pip._vendor.packaging import markers


def main(facts: str, result: str, *arguments: str) -> int:
    """Run pip and return its exit code.

    :param facts: the file with the markers.
    :param result: the file for the number of rejected releases.
    """
    environment = json.loads(Path(facts).read_text(encoding="utf-8"))
    rejected = 0
    reject = PipReporter.rejecting_candidate

    def count(self: Any, criterion: Any, candidate: Any) -> None:
        nonlocal rejected
        rejected += 1
        reject(self, criterion, candidate)

    PipReporter.rejecting_candidate = count
    markers.default_environment = lambda: dict(environment)
    code = int(pip_main([*arguments]))
    Path(result).write_text(json.dumps(rejected), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
