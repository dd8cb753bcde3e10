"""With a pip in which a patch has no effect, nothing is fetched, and the run ends with an error.

Each change below is one that a later pip could make: pip itself still works, but a patch of
wheeltarget has no effect. So each changed pip has a later version.
"""

from __future__ import annotations

import os
import re
import threading
from importlib.metadata import version
from pathlib import Path

import pytest
from pip._internal.build_env import SubprocessBuildEnvironmentInstaller
from pip._internal.utils import misc

from tests.support.child import LINUX, Job, Workshop
from tests.support.cli import download, names
from tests.support.index import LocalIndex
from tests.support.moved_pip import Edit, applied, move_pip
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.seams

PIP = version("pip")
RELEASE = tuple(int(number) for number in PIP.split(".")[:2])

MARKERS = "_vendor.packaging.markers"
COLLECTOR = "_internal.index.collector"
FINDER = "_internal.index.package_finder"
REQ_FILE = "_internal.req.req_file"
REQ_INSTALL = "_internal.req.req_install"
DISTS = "_internal.metadata.importlib._dists"
PREPARE = "_internal.operations.prepare"
DOWNLOAD = "_internal.commands.download"
RESOLVER = "_internal.resolution.resolvelib.resolver"
FACTORY = "_internal.resolution.resolvelib.factory"
PROVIDER = "_internal.resolution.resolvelib.provider"
CANDIDATES = "_internal.resolution.resolvelib.candidates"
TARGET_PYTHON = "_internal.models.target_python"
MISSING = set() if hasattr(misc, "get_runnable_pip") else {"_internal.utils.misc"}
BUILDS = SubprocessBuildEnvironmentInstaller.__module__.removeprefix("pip.")

HOST_HOLDS = """
import os, platform, sys
from pip._vendor.packaging import markers as _markers

def _environment():
    version = platform.python_version()
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": sys.platform,
    }

def _holds(marker, environment):
    return _markers._evaluate_markers(marker._markers, {**_environment(), **environment})
"""
"""Evaluates a marker for this machine without packaging."""

TARGET_HOLDS = HOST_HOLDS.replace("**_environment()", "**_markers.default_environment()")
"""Evaluates a marker with the values of packaging."""

CACHED_HOLDS = """
_known = {}

def _holds(marker, environment):
    key = str(marker), tuple(environment.items())
    if key not in _known:
        _known[key] = marker.evaluate(environment)
    return _known[key]
"""

HOST_TAGS = """
from pip._internal.utils.compatibility_tags import get_supported as _get_supported
"""


def _typed_markers(function: str) -> list[Edit]:
    return [
        Edit(
            REQ_INSTALL,
            'self.markers.evaluate({"extra": extra})',
            "_holds(self.markers, {'extra': extra})",
        ),
        Edit(REQ_INSTALL, "", function),
    ]


def _metadata_markers(function: str) -> list[Edit]:
    return [
        Edit(DISTS, 'req.marker.evaluate({"extra": ""})', "_holds(req.marker, {'extra': ''})"),
        Edit(DISTS, "req.marker.evaluate(context)", "_holds(req.marker, context)"),
        Edit(DISTS, "", function),
    ]


SLOWER = {
    "session-is-made-elsewhere": [
        Edit("_internal.cli.index_command", "def _build_session(", "def _make_session("),
        Edit("_internal.cli.index_command", "self._build_session(", "self._make_session("),
    ],
    "page-function-has-another-name": [
        Edit(COLLECTOR, "_get_simple_response(", "_ask_for_page("),
    ],
    "page-is-made-by-a-private-function": [
        Edit(COLLECTOR, "return _make_index_content(", "return _make("),
        Edit(COLLECTOR, "", "\n_make = _make_index_content\n"),
    ],
    "links-are-parsed-by-a-private-function": [
        Edit(FINDER, "list(parse_links(", "list(_parse("),
        Edit(FINDER, "", "\n_parse = parse_links\n"),
    ],
    "evaluator-has-other-attributes": [
        Edit(FINDER, "self._formats", "self._kinds"),
    ],
    "downloader-is-no-callable-class": [
        Edit("_internal.network.download", "def __call__(self, link", "def load(self, link"),
        Edit("_internal.network.download", "= self(link", "= self.load(link"),
        Edit(PREPARE, "= download(link", "= download.load(link"),
    ],
    "downloader-has-another-name": [
        Edit("_internal.network.download", "class Downloader", "class Fetcher"),
        Edit(PREPARE, "Downloader", "Fetcher"),
    ],
    "candidates-are-prepared-in-another-way": [
        Edit(PREPARE, "def prepare_linked_requirement(", "def prepare_linked("),
        Edit(CANDIDATES, "preparer.prepare_linked_requirement(", "preparer.prepare_linked("),
    ],
    "provider-has-other-attributes": [
        Edit(PROVIDER, "self._constraints", "self._limits"),
    ],
    "finder-is-asked-in-another-way": [
        Edit(FINDER, "def find_best_candidate(", "def find_best("),
        Edit(FINDER, "self.find_best_candidate(", "self.find_best("),
        Edit(FACTORY, "_finder.find_best_candidate(", "_finder.find_best("),
    ],
    "metadata-is-read-by-a-private-function": [
        Edit(PREPARE, "= get_metadata_distribution(", "= _read("),
        Edit(PREPARE, "", "\n_read = get_metadata_distribution\n"),
    ],
    "dependencies-of-candidates-have-another-name": [
        Edit(
            f"_internal.resolution.resolvelib.{module}",
            f"{owner}iter_dependencies(",
            f"{owner}iter_needs(",
        )
        for module, owner in (("base", "def "), ("candidates", "def "), ("provider", "candidate."))
    ],
}
"""Changes that only break prefetching."""


def _renamed(old: str, new: str, *modules: str) -> list[Edit]:
    return [Edit(module, old, new) for module in modules]


MOVES = {
    # What markers see
    "default-environment-has-another-name": _renamed(
        "default_environment",
        "host_environment",
        MARKERS,
        "_internal.models.installation_report",
        *(["_vendor.packaging.pylock"] if RELEASE >= (26, 2) else []),
    ),
    "evaluate-asks-a-private-function": [
        Edit(
            MARKERS, 'AbstractSet[str]]", default_environment()', 'AbstractSet[str]]", _running()'
        ),
        Edit(MARKERS, "", "\n_running = default_environment\n"),
    ],
    "evaluate-has-another-name": [
        Edit(MARKERS, "def evaluate(", "def holds("),
        Edit(REQ_INSTALL, "markers.evaluate(", "markers.holds("),
        Edit(DISTS, "marker.evaluate(", "marker.holds("),
    ],
    "requirements-have-markers-of-another-class": [
        Edit("_vendor.packaging.requirements", "Marker.__new__(Marker)", "_Fast.__new__(_Fast)"),
        Edit(
            "_vendor.packaging.requirements",
            "",
            HOST_HOLDS + "\nclass _Fast(Marker):\n"
            "    def evaluate(self, environment=None, context='metadata'):\n"
            "        return _holds(self, {'extra': '', **(environment or {})})\n",
        ),
    ],
    "typed-markers-are-evaluated-elsewhere": _typed_markers(HOST_HOLDS),
    "typed-markers-are-evaluated-past-marker": _typed_markers(TARGET_HOLDS),
    "typed-markers-are-cached": _typed_markers(CACHED_HOLDS),
    "metadata-markers-are-evaluated-elsewhere": _metadata_markers(HOST_HOLDS),
    "metadata-markers-are-evaluated-past-marker": _metadata_markers(TARGET_HOLDS),
    "metadata-markers-are-cached": _metadata_markers(CACHED_HOLDS),
    # Who asks for what is not known
    "dependencies-have-another-name": [
        Edit(DISTS, "iter_dependencies(self, extras", "iter_needs(self, extras"),
        Edit(
            "_internal.metadata.base", "iter_dependencies(self, extras", "iter_needs(self, extras"
        ),
        Edit(CANDIDATES, "dist.iter_dependencies(", "dist.iter_needs("),
    ],
    "matching-has-another-name": [
        Edit(REQ_INSTALL, "def match_markers(", "def matches("),
        Edit(FACTORY, ".match_markers(", ".matches("),
    ],
    "metadata-is-looked-at-by-a-private-function": [
        Edit(CANDIDATES, "self._check_metadata_consistency(dist)", "_check(self, dist)"),
        Edit(
            CANDIDATES,
            "",
            "\n_check = _InstallRequirementBackedCandidate._check_metadata_consistency\n",
        ),
    ],
    # What is from before PEP 440
    "requirements-of-wheels-are-read-by-a-private-function": [
        Edit(DISTS, "req = get_requirement(", "req = _read("),
        Edit(DISTS, "", "\n_read = get_requirement\n"),
    ],
    "requires-python-of-links-is-read-by-a-private-function": [
        Edit(FINDER, "= _check_link_requires_python(", "= _judge("),
        Edit(FINDER, "", "\n_judge = _check_link_requires_python\n"),
    ],
    "requires-python-of-wheels-is-read-by-a-private-function": [
        Edit(CANDIDATES, "(self.dist.requires_python)", "(_python(self.dist))"),
        Edit(
            CANDIDATES,
            "",
            "\n_python = BaseDistribution.requires_python.fget\n",
        ),
    ],
    # What wheels are judged by
    "sorted-tags-have-another-name": _renamed(
        "get_sorted_tags", "supported_tags", TARGET_PYTHON, FINDER
    ),
    "unsorted-tags-have-another-name": _renamed(
        "get_unsorted_tags", "supported_tags", TARGET_PYTHON, FINDER, FACTORY
    ),
    "target-python-is-of-another-class": [
        Edit("_internal.cli.cmdoptions", "target_python = TargetPython(", "target_python = _Fast("),
        Edit(
            "_internal.cli.cmdoptions",
            "",
            HOST_TAGS + "\nclass _Fast(TargetPython):\n"
            "    def get_sorted_tags(self): return _get_supported()\n"
            "    def get_unsorted_tags(self): return set(_get_supported())\n",
        ),
    ],
    "links-are-judged-by-tags-from-elsewhere": [
        Edit(FINDER, "self._target_python.get_unsorted_tags()", "set(_get_supported())"),
        Edit(FINDER, "", HOST_TAGS),
    ],
    "links-are-judged-by-tags-kept-on-the-class": [
        Edit(
            FINDER,
            "supported_tags = self._target_python.get_unsorted_tags()",
            "supported_tags = LinkEvaluator._tags = (\n"
            "    getattr(LinkEvaluator, '_tags', None) or self._target_python.get_unsorted_tags())",
        )
    ],
    "links-are-sifted-before-they-are-judged": [
        Edit(
            FINDER,
            "candidate = self.get_install_candidate(link_evaluator, link)",
            "candidate = (self.get_install_candidate(link_evaluator, link)"
            " if _may_fit(link) else None)",
        ),
        Edit(
            FINDER,
            "",
            HOST_TAGS + "\ndef _may_fit(link):\n"
            "    if not link.is_wheel: return True\n"
            "    return Wheel(link.filename).supported(set(_get_supported()))\n",
        ),
    ],
    "candidates-are-ranked-by-tags-from-elsewhere": [
        Edit(FINDER, "= target_python.get_sorted_tags()", "= _get_supported()"),
        Edit(FINDER, "", HOST_TAGS),
    ],
    "candidates-are-ranked-by-tags-kept-on-the-class": [
        Edit(
            FINDER,
            "supported_tags = target_python.get_sorted_tags()",
            "supported_tags = cls._tags = (\n"
            "    getattr(cls, '_tags', None) or target_python.get_sorted_tags())",
        )
    ],
    "candidates-are-ranked-by-the-names-of-tags": [
        Edit(FINDER, "enumerate(supported_tags)", "enumerate(sorted(supported_tags, key=str))")
    ],
    "candidates-are-ranked-by-another-name": _renamed(
        "get_applicable_candidates", "rank_candidates", FINDER
    ),
    "candidates-are-ranked-by-a-private-function": [
        Edit(FINDER, "self.get_applicable_candidates(candidates)", "_rank(self, candidates)"),
        Edit(FINDER, "", "\n_rank = CandidateEvaluator.get_applicable_candidates\n"),
    ],
    "candidates-are-ranked-once-more": [
        Edit(
            FACTORY,
            "in reversed(icans)",
            "in sorted(reversed(icans), key=lambda each: each.version, reverse=True)",
        )
    ],
    "wheels-given-by-url-are-judged-by-tags-from-elsewhere": [
        Edit(FACTORY, "self._finder.target_python.get_unsorted_tags()", "set(_get_supported())"),
        Edit(FACTORY, "", HOST_TAGS),
    ],
    "links-are-judged-by-the-running-python": [
        Edit(
            FINDER,
            "version_info=self._target_python.py_version_info",
            "version_info=__import__('sys').version_info[:3]",
        )
    ],
    "metadata-is-judged-by-the-running-python": [
        Edit(FACTORY, "RequiresPythonCandidate(py_version_info)", "RequiresPythonCandidate(None)")
    ],
    # What requirements files say
    "file-content-has-another-name": _renamed(
        "get_file_content",
        "read_file",
        REQ_FILE,
        *(["_internal.cli.req_command"] if RELEASE >= (26, 3) else []),
    ),
    "files-are-read-by-a-private-function": [
        Edit(REQ_FILE, "_, content = get_file_content(", "_, content = _read("),
        Edit(REQ_FILE, "", "\n_read = get_file_content\n"),
    ],
    "constraints-are-read-by-a-private-function": [
        Edit(
            REQ_FILE,
            "_, content = get_file_content(",
            "_, content = (_read if constraint else get_file_content)(",
        ),
        Edit(REQ_FILE, "", "\n_read = get_file_content\n"),
    ],
    "files-are-read-once": [
        Edit(REQ_FILE, "_, content = get_file_content(", "_, content = _read("),
        Edit(
            REQ_FILE,
            "",
            "\n_known = {}\n\ndef _read(name, *rest, **named):\n"
            "    if name not in _known:\n"
            "        _known[name] = get_file_content(name, *rest, **named)\n"
            "    return _known[name]\n",
        ),
    ],
    "nested-files-have-other-names": [
        Edit(REQ_FILE, "req_path = os.path.abspath(", 'req_path = "file://" + os.path.abspath(')
    ],
    "lines-are-counted-from-nought": [
        Edit(
            REQ_FILE, "enumerate(content.splitlines(), start=1)", "enumerate(content.splitlines())"
        )
    ],
    # Which pages could not be read
    "sources-have-another-name": _renamed(
        "build_source", "make_source", "_internal.index.sources", COLLECTOR
    ),
    "sources-are-built-by-a-private-function": [
        Edit(COLLECTOR, "            build_source(", "            _build("),
        Edit(COLLECTOR, "", "\n_build = build_source\n"),
    ],
    "pages-are-read-by-a-private-function": [
        Edit(COLLECTOR, "return _get_index_content(", "return _read("),
        Edit(COLLECTOR, "", "\n_read = _get_index_content\n"),
    ],
    "failures-of-pages-are-logged-elsewhere": [
        Edit(COLLECTOR, "_handle_get_simple_fail(link, exc)", "logger.debug(link)"),
    ],
    # From which index a project comes
    "pages-of-a-project-are-collected-by-a-private-function": [
        Edit(FINDER, "self._link_collector.collect_sources(", "_collect(self._link_collector, "),
        Edit(FINDER, "", "\n_collect = LinkCollector.collect_sources\n"),
    ],
    "pages-of-a-project-are-collected-before": [
        Edit(
            FINDER,
            "collected_sources = self._link_collector.collect_sources(",
            "collected_sources = LinkCollector(self._link_collector.session, "
            "self._link_collector.search_scope)._collect(",
        ),
        Edit(COLLECTOR, "", "\nLinkCollector._collect = LinkCollector.collect_sources\n"),
    ],
    "pip-for-builds-has-another-name": _renamed(
        "get_runnable_pip",
        "find_pip",
        *({"_internal.cli.main_parser", BUILDS, "_internal.utils.misc"} - MISSING),
    ),
    # Existing files
    "look-into-the-folder-has-another-name": _renamed(
        "_check_download_dir", "_find_downloaded", PREPARE
    ),
    "folder-is-looked-into-by-a-private-function": [
        Edit(PREPARE, "file_path = _check_download_dir(", "file_path = _look("),
        Edit(PREPARE, "", "\n_look = _check_download_dir\n"),
    ],
    "folder-is-a-path": [
        Edit(PREPARE, "self.download_dir = download_dir", "self.download_dir = Path(download_dir)")
    ],
    # What was chosen
    "resolver-has-another-name": [
        Edit(RESOLVER, "class Resolver(", "class ResolvelibResolver("),
        Edit(
            "_internal.cli.req_command",
            "resolvelib.resolver.Resolver(",
            "resolvelib.resolver.ResolvelibResolver(",
        ),
    ],
    "resolver-is-asked-by-another-name": [
        Edit(DOWNLOAD, "resolver.resolve(", "resolver.solve("),
        Edit(RESOLVER, "", "\nResolver.solve = Resolver.resolve\n"),
    ],
    "resolver-is-of-another-class": [
        Edit(
            "_internal.cli.req_command",
            "resolvelib.resolver.Resolver(",
            "resolvelib.resolver.Next(",
        ),
        Edit(
            RESOLVER,
            "",
            "\nclass Next(Resolver):\n"
            "    def resolve(self, root_reqs, check_supported_wheels, _resolve=Resolver.resolve):\n"
            "        return _resolve(self, root_reqs, check_supported_wheels)\n",
        ),
    ],
    "result-has-another-name": [Edit(RESOLVER, "self._result", "self._outcome")],
    "parents-have-another-name": _renamed(
        "iter_parents", "parents_of", "_vendor.resolvelib.structs"
    ),
    "command-is-of-another-class": [
        Edit("_internal.commands", '"DownloadCommand"', '"FetchCommand"'),
        Edit(
            DOWNLOAD,
            "",
            "\nclass FetchCommand(DownloadCommand):\n"
            "    def run(self, options, args, _run=DownloadCommand.run):\n"
            "        return _run(self, options, args)\n",
        ),
    ],
    "command-is-run-by-another-name": [
        Edit("_internal.cli.base_command", "self.run(options", "self.start(options"),
        Edit(DOWNLOAD, "", "\nDownloadCommand.start = DownloadCommand.run\n"),
    ],
    "entry-point-has-another-name": _renamed("def main(", "def run(", "_internal.cli.main"),
    "option-for-no-dependencies-has-another-name": [
        Edit("_internal.cli.req_command", "options.ignore_dependencies", "options.no_deps"),
        Edit("_internal.cli.cmdoptions", "options.ignore_dependencies", "options.no_deps"),
        Edit("_internal.cli.cmdoptions", 'dest="ignore_dependencies"', 'dest="no_deps"'),
    ],
    # What is said of it
    "saving-has-another-name": _renamed("save_linked_requirement", "save", PREPARE, DOWNLOAD),
    "saving-is-done-by-a-private-function": [
        Edit(DOWNLOAD, "preparer.save_linked_requirement(req)", "_save(preparer, req)"),
        Edit(
            DOWNLOAD,
            "",
            "\nfrom pip._internal.operations.prepare import RequirementPreparer\n"
            "_save = RequirementPreparer.save_linked_requirement\n",
        ),
    ],
    "success-is-told-by-nobody-we-know": [
        Edit(DOWNLOAD, "normalize_path, write_output", "normalize_path"),
        Edit(DOWNLOAD, "write_output(", "logger.info("),
    ],
    "success-is-told-by-somebody-else": [Edit(DOWNLOAD, "write_output(", "logger.info(")],
    "messages-are-made-elsewhere": [
        Edit(
            "_internal.utils._log",
            "    def verbose(",
            "    def makeRecord(self, name, level, fn, lno, msg, args, exc_info, *rest):\n"
            "        return logging.LogRecord(name, level, fn, lno, msg, args, exc_info)\n\n"
            "    def verbose(",
        )
    ],
}
if RELEASE >= (26, 2):
    MOVES["option-for-only-dependencies-has-another-name"] = [
        Edit("_internal.cli.req_command", "options.only_dependencies", "options.only_deps"),
        Edit("_internal.cli.cmdoptions", "options.only_dependencies", "options.only_deps"),
        Edit("_internal.cli.cmdoptions", 'dest="only_dependencies"', 'dest="only_deps"'),
    ]

IN_FULL = (
    "metadata-markers-are-cached",
    "links-are-sifted-before-they-are-judged",
    "constraints-are-read-by-a-private-function",
    "result-has-another-name",
    "success-is-told-by-somebody-else",
)
"""Changes that are tested with the whole program."""

LATER = "99.9"
RENUMBERED = [Edit("", f'__version__ = "{PIP}"', f'__version__ = "{LATER}"')]


def each_move(*ids: str) -> pytest.MarkDecorator:
    """Run a test for each of some changes."""
    return pytest.mark.parametrize(
        "edits", [pytest.param([*RENUMBERED, *MOVES[name]], id=name) for name in ids]
    )


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """Return a folder for the hook."""
    folder = tmp_path / "hook"
    folder.mkdir()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """Return a workshop whose destination contains another file."""
    make_wheel(tmp_path / "project" / "wheelhouse", "other")
    return Workshop(tmp_path / "stage", tmp_path / "project" / "wheelhouse")


def check_sentence(text: str | None, pip: str = LATER) -> None:
    """Check that a text is one sentence that names pip and says what to do."""
    assert text is not None
    assert re.fullmatch(
        rf"wheeltarget [\d.]+ does not work with pip {re.escape(pip)} \([^\n]{{10,400}}\), "
        r"[^\n]*nothing was fetched[^\n]*pip 25\.3 to 26\.3[^\n]*",
        text,
    )


@each_move(*MOVES)
def test_child_fetches_nothing_with_a_pip_of_which_a_seam_has_moved(
    edits: list[Edit], tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    run = shop.run(
        Job([*index.pip_args(), "app"]),
        Job([*index.pip_args(), "app"], None),
        variables={"PYTHONPATH": move_pip(hook, edits)},
    )
    assert (run.exit_code, run.stdout, run.stderr) == (70, "", "")
    assert run.results == (None, None)
    check_sentence(run.sentence)
    assert index.requests == ()
    assert names(shop.folder) == ["failure.json", "job.json"]
    # What came after the first proof that failed was never imported.
    assert 1 < len(applied(hook)) <= len({edit.module for edit in edits})


@pytest.mark.parametrize("edits", SLOWER.values(), ids=list(SLOWER))
def test_child_is_only_slower_with_a_pip_of_which_a_seam_for_speed_has_moved(
    edits: list[Edit], tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    make_wheel(tmp_path / "index", "lib")
    run = shop.run(
        Job([*index.pip_args(), "app"]),
        variables={"PYTHONPATH": move_pip(hook, [*RENUMBERED, *edits])},
        ahead=True,
    )
    assert (run.exit_code, run.sentence) == (0, None)
    assert run.names(0) == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert index.most_at_once == 1
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith(f"note: wheeltarget cannot fetch ahead with pip {LATER} (")
    assert run.stderr.endswith("; the files are the same, but the run takes longer\n")


@each_move(*IN_FULL)
def test_program_fetches_nothing_with_a_pip_of_which_a_seam_has_moved(
    edits: list[Edit], tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    before = shop.destination.stat().st_mtime_ns
    run = download(
        index,
        f"app ; tags={LINUX.tags[0]}",
        cwd=shop.destination.parent,
        variables={"PYTHONPATH": move_pip(hook, edits)},
    )
    assert (run.exit_code, run.stdout) == (70, "")
    check_sentence(run.stderr.removeprefix("error: ").removesuffix("\n"))
    assert index.requests == ()
    assert names(shop.destination.parent) == ["wheelhouse"]
    assert names(shop.destination) == ["other-1.0-py3-none-any.whl"]
    assert shop.destination.stat().st_mtime_ns == before


@each_move(
    "file-content-has-another-name",
    "files-are-read-by-a-private-function",
    "constraints-are-read-by-a-private-function",
    "entry-point-has-another-name",
)
def test_plain_child_fetches_nothing_where_it_cannot_give_content(
    edits: list[Edit], tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    job = Job([*index.pip_args(), "-r", "reqs.txt"], None, {"reqs.txt": "app\n"})
    run = shop.run(job, plain=True, variables={"PYTHONPATH": move_pip(hook, edits)})
    assert (run.exit_code, run.stdout, run.stderr) == (70, "", "")
    check_sentence(run.sentence)
    assert index.requests == ()
    assert names(shop.destination) == ["other-1.0-py3-none-any.whl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes as POSIX has them")
def test_pipe_is_not_lost_on_a_pip_that_takes_no_content(
    tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    pipe = shop.destination.parent / "pipe"
    os.mkfifo(pipe)
    # A daemon, since it waits for ever where nobody reads.
    threading.Thread(target=pipe.write_text, args=("app\n",), daemon=True).start()
    edits = [*RENUMBERED, *MOVES["constraints-are-read-by-a-private-function"]]
    variables = {"PYTHONPATH": move_pip(hook, edits)}
    run = download(index, "-r", "pipe", cwd=pipe.parent, variables=variables)
    assert (run.exit_code, run.stdout) == (70, "")
    check_sentence(run.stderr.removeprefix("error: ").removesuffix("\n"))
    assert index.requests == ()
    assert names(shop.destination) == ["other-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    "name",
    [
        "evaluate-asks-a-private-function",
        "unsorted-tags-have-another-name",
        "files-are-read-by-a-private-function",
        "command-is-of-another-class",
    ],
)
def test_pip_with_the_number_of_a_known_one_is_not_taken_on_trust(
    name: str, tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    variables = {"PYTHONPATH": move_pip(hook, MOVES[name])}
    run = shop.run(Job([*index.pip_args(), "app"]), variables=variables)
    assert (run.exit_code, run.results) == (70, (None,))
    check_sentence(run.sentence, PIP)
    assert index.requests == ()


def test_later_pip_of_which_no_seam_has_moved_is_used(
    tmp_path: Path, hook: Path, shop: Workshop, index: LocalIndex
) -> None:
    make_wheel(tmp_path / "index", "app")
    variables = {"PYTHONPATH": move_pip(hook, RENUMBERED)}
    run = shop.run(Job([*index.pip_args(), "app"]), variables=variables)
    assert (run.exit_code, run.sentence) == (0, None)
    assert run.names(0) == ["app-1.0-py3-none-any.whl"]
    job = Job([*index.pip_args(), "-r", "reqs.txt"], None, {"reqs.txt": "app\n"})
    run = shop.run(job, plain=True, variables=variables)
    assert (run.exit_code, run.sentence) == (0, None)
    assert names(shop.destination) == ["app-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"]
    assert applied(hook) == ["pip", "pip"]
