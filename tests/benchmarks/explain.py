"""Measure what an explanation costs beside the index page that it is about: it has to be less.

Both are measured in one process: pip asking a server on this machine for the page of a big project
and judging its files, and all that is done of them where none fits, in pip's process and in ours.
Run it with the interpreter that has wheeltarget, from the root of the checkout:
``python -m tests.benchmarks.explain``.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wheeltarget.cli.output.explanation import explanation_lines
from wheeltarget.pip_child.job import CurrentJob, RunContext
from wheeltarget.pip_child.patches.failures import file_facts, patch_failures
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_protocol import Demand, Failure, JobReport, from_json, to_json
from wheeltarget.resolver.explanation import explain
from wheeltarget.targets.catalog import look_up_tag
from wheeltarget.targets.target import Target

RUNS = 9
RELEASES = 100
TARGET = "cp312-cp312-manylinux_2_31_armv7l"
_PLATFORMS = (
    "macosx_10_9_x86_64",
    "macosx_11_0_arm64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "musllinux_1_2_x86_64",
    "win_amd64",
)


def make_page() -> bytes:
    """Write a page such as that of a project in C, with 30 wheels and a source in each release."""
    names = [
        f"big-{release}.0-cp3{minor}-cp3{minor}-{platform}.whl"
        for release in range(RELEASES)
        for minor in range(9, 14)
        for platform in _PLATFORMS
    ]
    names += [f"big-{release}.0.tar.gz" for release in range(RELEASES)]
    files = [
        {"filename": name, "url": f"/{name}", "hashes": {"sha256": "0" * 64}, "yanked": False}
        for name in names
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "big", "files": files}).encode()


class _Server(BaseHTTPRequestHandler):
    page = make_page()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


def make_finder(port: int) -> Any:
    """Make a finder of pip's for one run."""
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.format_control import FormatControl
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences
    from pip._internal.models.target_python import TargetPython
    from pip._internal.network.session import PipSession

    scope = SearchScope.create([], [f"http://127.0.0.1:{port}/"], no_index=False)
    platform = TARGET.rpartition("-")[2]
    return PackageFinder.create(
        LinkCollector(PipSession(trusted_hosts=["127.0.0.1"]), scope),
        SelectionPreferences(allow_yanked=True, format_control=FormatControl(set(), {":all:"})),
        TargetPython(platforms=[platform], py_version_info=(3, 12), implementation="cp"),
    )


def explain_all(finder: Any, current: CurrentJob, target: Target) -> list[str]:
    """Do all that is done of a project's files where none of them fits."""
    facts = tuple(fact for _, fact in file_facts(finder, "big", current.job.links["big"]))
    said = Failure((Demand("big", "big", ""),), (("big", facts),))
    failure = from_json(to_json(JobReport(1, "all", failure=said)), JobReport).failure
    assert failure is not None
    found = explain(failure.demands, dict(failure.files)["big"], target, look_up_tag)
    return list(explanation_lines([found]))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Print medians, and the median of the ratios."""
    target = look_up_tag(TARGET)
    current = CurrentJob(RunContext())
    patch_failures(current)
    current.begin(PROOF)
    pages, explanations = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(RUNS):
            current.begin(PROOF)
            finder = make_finder(server.server_port)
            pages.append(_seconds(lambda: finder.find_all_candidates("big")))  # noqa: B023
            explanations.append(_seconds(lambda: explain_all(finder, current, target)))  # noqa: B023
        server.shutdown()
    sys.stdout.write(f"{len(current.job.links['big'])} files\n")
    sys.stdout.write(f"the page         {statistics.median(pages) * 1000:6.1f} ms\n")
    sys.stdout.write(f"the explanation  {statistics.median(explanations) * 1000:6.1f} ms\n")
    ratios = (mine / page for mine, page in zip(explanations, pages, strict=True))
    sys.stdout.write(f"ratio {statistics.median(ratios):.2f}\n")


if __name__ == "__main__":
    main()
