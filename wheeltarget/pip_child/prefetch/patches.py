"""Patches that give pip what was prefetched; they do not change what it chooses.

A proof asks pip's real objects for something that only the prefetcher has, without the network.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile, ZipInfo

from pip._internal.cli.index_command import SessionCommandMixin
from pip._internal.commands import create_command
from pip._internal.index import collector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link, MetadataFile
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._internal.network.download import Downloader
from pip._internal.operations.prepare import RequirementPreparer
from pip._internal.req.constructors import install_req_from_line
from pip._internal.resolution.resolvelib.factory import Factory
from pip._internal.resolution.resolvelib.provider import PipProvider
from pip._internal.resolution.resolvelib.requirements import SpecifierRequirement
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.hashes import Hashes
from pip._internal.utils.temp_dir import global_tempdir_manager

from wheeltarget.pip_child.job import replaces
from wheeltarget.pip_child.prefetch import backtracking
from wheeltarget.pip_child.prefetch.pages import FileFilter, KeptPage, filter_for
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.ranges import OtherMetadataError
from wheeltarget.pip_child.prefetch.scheduler import WalkScheduler
from wheeltarget.pip_child.prefetch.versions import NextVersions
from wheeltarget.pip_child.prefetch.walk import Walk
from wheeltarget.pip_child.prefetch.wheels import log_file
from wheeltarget.utils.files import hash_file

_LOGGER = logging.getLogger(__name__)
_INDEX = "https://example.invalid/simple"


def patch_session(ahead: Prefetcher, undo: ExitStack) -> None:
    """Use the session of the run for every job."""

    @replaces(SessionCommandMixin, "_build_session", undo=undo)
    def build(original: Any, self: Any, options: Any, *arguments: Any, **named: Any) -> Any:
        if arguments or named:  # a session with a short timeout for pip's version check
            return original(self, options, *arguments, **named)
        return ahead.sessions.for_job(options, lambda: original(self, options))


def prove_session(ahead: Prefetcher) -> bool:
    """Check that pip's command uses the session of the run."""
    options, auth = SimpleNamespace(), SimpleNamespace(index_urls=None)
    session = SimpleNamespace(pip_trusted_origins=[], adapters={}, auth=auth, close=lambda: None)
    ahead.sessions.for_job(options, lambda: session)
    try:
        return create_command("download")._build_session(options) is session
    finally:
        ahead.sessions.close()


def patch_pages(ahead: Prefetcher, undo: ExitStack) -> None:
    """Serve prefetched pages to pip, with only the files that it may need."""
    ahead.get_page = collector._get_simple_response

    @replaces(collector, "_get_simple_response", undo=undo)
    def get_page(original: Any, url: str, session: Any, **named: Any) -> Any:
        get = functools.partial(original, url, session=session, **named)
        is_shared = session is ahead.sessions.session and url.startswith(("http:", "https:"))
        return ahead.take_page(url, get) if is_shared else get()

    @replaces(collector, "_make_index_content", undo=undo)
    def make_page(original: Any, response: Any, *rest: Any, **named: Any) -> Any:
        is_kept = isinstance(response, KeptPage)
        return response if is_kept else original(response, *rest, **named)

    @replaces(collector, "parse_links", undo=undo)
    def parse_links(original: Any, page: Any) -> Any:
        links = _links(ahead, page, original) if isinstance(page, KeptPage) else None
        return original(page) if links is None else links

    @replaces(PackageFinder, "process_project_url", undo=undo)
    def process(original: Any, self: Any, project_url: Any, link_evaluator: Any) -> Any:
        ahead.evaluator = link_evaluator
        try:
            return original(self, project_url, link_evaluator)
        finally:
            ahead.evaluator = None


def _links(ahead: Prefetcher, page: KeptPage, parse: Callable[[Any], Any]) -> list[Any] | None:
    """Return pip's links to the needed files of a page; None if pip has to parse it."""
    evaluator, job = ahead.evaluator, ahead.current.job
    if evaluator is None:
        return None
    try:
        tags = frozenset(evaluator._target_python.get_unsorted_tags())
        wanted = filter_for(tags, sources="source" in evaluator._formats)
        links = page.links(wanted, legacy=job.is_legacy, parse=parse)
    except Exception:
        _LOGGER.debug("Reading all of %s", page, exc_info=True)
        return None
    if links is not None and job.view is not None:
        job.note_unread(evaluator.project_name, lambda: list(parse(page)))
    return links


def prove_pages(ahead: Prefetcher) -> bool:
    """Check a walk over pages and metadata that only the prefetcher has."""
    job = ahead.current.job
    assert job.view is not None  # noqa: S101 - a proof has a target
    wanted, fitting = filter_for(job.view.tag_set, sources=True), job.view.tags[0]
    needed = _add_page(ahead, wanted, "a-proof", "", fitting, "no-no-no")
    needing = _add_page(ahead, wanted, "b-proof", "Requires-Dist: a-proof\n", fitting)
    session: Any = SimpleNamespace(is_secure_origin=lambda _link: True, refresh_package=set())
    ahead.sessions.session = session
    finder = PackageFinder.create(
        collector.LinkCollector(session, SearchScope([], [_INDEX], no_index=False)),
        SelectionPreferences(allow_yanked=True),
        TargetPython(py_version_info=(9, 9, 9)),
    )
    walk = Walk(ahead, finder, SimpleQueue())
    walk.begin([install_req_from_line("b-proof")])
    while walk.step():
        pass
    ahead.sessions.session = None
    ahead.forget()
    evaluated = [link.filename for link in job.links.get("a-proof", []) if link.is_wheel]
    on_page = {link.filename for link in job.links_of("a-proof") if link.is_wheel}
    found = [link.filename for link in walk.links()]
    is_filtered = evaluated == [needed] and len(on_page) == 2
    return walk.is_whole and found == [needing, needed] and is_filtered


def _add_page(
    ahead: Prefetcher, wanted: FileFilter, project: str, needs: str, *tags: object
) -> str:
    """Note a page of a project, and the metadata of its first wheel, and return its name."""
    names = [f"{project.replace('-', '_')}-1-{tag}.whl" for tag in tags]
    files = [{"url": f"{_INDEX}/{name}", "hashes": {}, "core-metadata": True} for name in names]
    response = SimpleNamespace(
        url=f"{_INDEX}/{project}/",
        headers={"Content-Type": "application/vnd.pypi.simple.v1+json"},
        content=json.dumps({"files": files}).encode(),
    )
    ahead.note(response.url, KeptPage(response, wanted))
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: 1\n{needs}"
    ahead.note(f"{files[0]['url']}.metadata", metadata.encode())
    return names[0]


def patch_files(ahead: Prefetcher, undo: ExitStack) -> None:
    """Serve prefetched metadata and wheels to pip, which hashes no wheel again.

    If it did, a cold download of 129 files would take 7 % longer.
    """
    if "__call__" not in vars(Downloader):  # every class is callable itself
        raise AttributeError("__call__")

    @replaces(Downloader, "__call__", undo=undo)
    def load(original: Any, self: Any, link: Any, location: str) -> tuple[str, str]:
        path, url = Path(location, link.filename), link.url_without_fragment
        if (metadata := ahead.fetched_metadata(url)) is not None:
            path.write_bytes(metadata)
            is_new = not ahead.ranges.is_recalled(url.removesuffix(".metadata"))
            log_file(link, len(metadata), is_new=is_new)
            return str(path), ""
        if ahead.wheels.place(link, path, ahead.bar):
            return str(path), ""
        loaded, kind = original(self, link, location)
        if url.endswith(".metadata"):
            ahead.note(url, Path(loaded).read_bytes())
        return loaded, kind

    @replaces(Hashes, "check_against_path", undo=undo)
    def check(original: Any, self: Any, path: str) -> None:
        if not ahead.wheels.is_verified(path, self):
            original(self, path)

    def place_wheel(link: Any, path: Path) -> bool:
        # pip may only need the metadata at the moment.
        can_wait = ahead.is_resolving and not ahead.wants_whole(link)
        if can_wait and (ahead.current.job.order.dry_run or ahead.wheels.is_begun(link)):
            return False
        return ahead.wheels.place(link, path, ahead.bar)

    current = ahead.current
    current.place_wheel, current.ask_for_headers = place_wheel, ahead.ask_for_headers
    undo.callback(setattr, current, "place_wheel", None)
    undo.callback(setattr, current, "ask_for_headers", None)


def prove_files(ahead: Prefetcher) -> bool:
    """Check that pip's downloader takes a metadata file that only the prefetcher has."""
    link = Link(f"{_INDEX}/proof-1-py3-none-any.whl.metadata")
    ahead.note(link.url, b"proof")
    try:
        with TemporaryDirectory(prefix="wheeltarget-") as folder:
            # Without a session, since it needs none for this.
            path, _ = Downloader.__new__(Downloader)(link, folder)
            return Path(path).read_bytes() == b"proof"
    finally:
        ahead.forget()


def patch_metadata(ahead: Prefetcher, undo: ExitStack) -> None:
    """Serve METADATA that was read from parts of a wheel, as if it were a metadata file.

    The link has a metadata file only while pip asks for it, so that everything else still knows
    that the index has none. Once pip has the whole wheel, its METADATA must be the same.
    """

    @replaces(RequirementPreparer, "_fetch_metadata_using_link_data_attr", undo=undo)
    def fetch_metadata(original: Any, self: Any, req: Any) -> Any:
        link = req.link
        if link.metadata_link() is not None or not ahead.read_parts(link):
            return original(self, req)
        link.metadata_file_data = MetadataFile(None)
        try:
            return original(self, req)
        finally:
            link.metadata_file_data = None

    @replaces(RequirementPreparer, "_prepare_linked_requirement", undo=undo)
    def prepare(original: Any, self: Any, req: Any, *rest: Any, **named: Any) -> Any:
        prepared = original(self, req, *rest, **named)
        if req.local_file_path:
            ahead.ranges.check(req.link, Path(req.local_file_path))
        return prepared


def prove_metadata(ahead: Prefetcher) -> bool:
    """Check that pip takes METADATA that only the prefetcher has, and only with this patch.

    The METADATA of the whole wheel, which is another one, has to be refused.
    """
    metadata = b"Metadata-Version: 2.1\nName: proof\nVersion: 1\n"
    with TemporaryDirectory(prefix="wheeltarget-") as folder:
        wheel = Path(folder, "proof-1-py3-none-any.whl")
        with ZipFile(wheel, "w") as archive:
            archive.writestr(ZipInfo("proof-1.dist-info/WHEEL"), "Wheel-Version: 1.0\n")
            other = metadata + b"Requires-Dist: other\n"
            archive.writestr(ZipInfo("proof-1.dist-info/METADATA"), other)
        sha256 = hash_file(wheel).sha256
        link = Link(f"{_INDEX}/{wheel.name}#sha256={sha256}", comes_from=f"{_INDEX}/proof/")
        requirement = install_req_from_line(f"proof @ {link.url}")
        requirement.link = link
        ahead.note(f"{link.url_without_fragment}.metadata", metadata)
        is_taken = False
        try:
            with global_tempdir_manager(), ahead.ranges.assumed(link, metadata):
                preparer = _preparer()
                found = preparer._fetch_metadata_only(requirement)
                is_taken = str(found.version) == "1" and link.metadata_link() is None
                preparer._downloaded = {link.url: str(wheel)}
                preparer._prepare_linked_requirement(requirement, parallel_builds=False)
        except OtherMetadataError:
            return is_taken
        finally:
            ahead.forget()
    return False


def patch_versions(ahead: Prefetcher, undo: ExitStack) -> None:
    """Fetch what pip will need for the versions that it tries next while it backtracks."""
    versions = ahead.versions = NextVersions(ahead)

    @replaces(PipProvider, "find_matches", undo=undo)
    def find_matches(
        original: Any, self: Any, identifier: str, requirements: Any, *rest: Any, **named: Any
    ) -> Any:
        versions.note_required(self, identifier, requirements)
        return original(self, identifier, requirements, *rest, **named)

    @replaces(PackageFinder, "find_best_candidate", undo=undo)
    def find_best(original: Any, self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        found = original(self, project_name, *rest, **named)
        ahead.current.job.take_pages(project_name)
        versions.note_found(project_name, found.applicable_candidates)
        return found

    @replaces(RequirementPreparer, "prepare_linked_requirement", undo=undo)
    def prepare(original: Any, self: Any, req: Any, *rest: Any, **named: Any) -> Any:
        is_foreseen = ahead.is_here(req.link)
        versions.note_asked(req.link)
        distribution = original(self, req, *rest, **named)
        if not is_foreseen:
            versions.note_read(req.link, distribution)
        return distribution

    @replaces(Resolver, "resolve", undo=undo)
    def resolve(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        with versions.active():
            return original(self, *arguments, **named)


def prove_versions(ahead: Prefetcher) -> bool:
    """Check that when pip tries a second version, the metadata of a third one is fetched."""
    view = ahead.current.job.view
    assert view is not None  # noqa: S101 - a proof has a target
    links = [Link(f"{_INDEX}/a_proof-{version}-{view.tags[0]}.whl") for version in (1, 2, 3)]
    for version, link in enumerate(links, 1):
        metadata = f"Metadata-Version: 2.1\nName: a-proof\nVersion: {version}\n"
        link.metadata_file_data = MetadataFile(None)
        ahead.note(f"{link.url}.metadata", metadata.encode())
    session: Any = None
    finder = PackageFinder.create(
        collector.LinkCollector(session, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True),
    )
    names = [InstallationCandidate("a-proof", link.filename.split("-")[1], link) for link in links]
    finder._all_candidates["a-proof"] = names
    factory = Factory(
        finder=finder,
        preparer=_preparer(),
        make_install_req=install_req_from_line,
        wheel_cache=None,
        use_user_site=False,
        force_reinstall=False,
        ignore_installed=True,
        ignore_requires_python=False,
    )
    provider = PipProvider.__new__(PipProvider)  # its parameters differ between pips
    provider._factory, provider._constraints, provider._user_requested = factory, {}, {}
    provider._ignore_dependencies, provider._upgrade_strategy = False, "only-if-needed"
    required = [SpecifierRequirement(install_req_from_line("a-proof"))]
    try:
        with global_tempdir_manager(), ahead.versions.active():
            found = provider.find_matches("a-proof", {"a-proof": iter(required)}, {})
            tried = [str(each.version) for each, _ in zip(found, range(2), strict=False)]
            return tried == ["3", "2"] and [*ahead.versions.begun] == [links[0].url]
    finally:
        ahead.forget()


class _Preparer(RequirementPreparer):  # type: ignore[misc]
    """pip's object that reads metadata, with None for what a proof does not set."""

    def __getattr__(self, name: str) -> Any:
        return None


def _preparer() -> Any:
    """Return pip's object that reads metadata, for a proof that needs no session."""
    preparer: Any = _Preparer.__new__(_Preparer)
    preparer.require_hashes = preparer.legacy_resolver = preparer.use_lazy_wheel = False
    preparer.download_dir, preparer._previous_requirement_header = None, ("", "")
    preparer._download = Downloader.__new__(Downloader)
    return preparer


def patch_resolver(ahead: Prefetcher, undo: ExitStack) -> None:
    """Walk the graph before pip resolves, and start to fetch the wheels that it chooses."""
    scheduler = WalkScheduler(ahead)

    @replaces(Resolver, "resolve", undo=undo)
    def resolve(original: Any, self: Any, roots: Any, *arguments: Any, **named: Any) -> Any:
        _walk(ahead, scheduler, self, roots)
        ahead.is_resolving = True
        try:
            chosen = original(self, roots, *arguments, **named)
        finally:
            ahead.is_resolving = False
        if not ahead.current.job.order.dry_run:
            links = [each.link for each in chosen.requirements.values() if each.link is not None]
            scheduler.keep_only(links)
            ahead.fetch_wheels(links)
        return chosen


def _walk(ahead: Prefetcher, scheduler: WalkScheduler, resolver: Any, roots: Any) -> None:
    """Walk the likely graph; if that fails, the run is only slower."""
    try:
        preparer = resolver.factory.preparer
        ahead.takes_whole_wheels = preparer.require_hashes
        is_drawn = not ahead.current.run.is_watched
        ahead.bar = preparer._download._progress_bar if is_drawn else "off"
        only_dependencies = getattr(resolver, "only_dependencies", False)
        takes_none = ahead.current.job.order.dry_run or only_dependencies
        scheduler.walk(resolver, roots, takes_wheels=not takes_none)
    except EOFError:
        raise  # no terminal for pip's prompt
    except Exception:
        _LOGGER.debug("Fetching nothing ahead", exc_info=True)


SEAMS = (
    ("session", patch_session, prove_session),
    ("files", patch_files, prove_files),
    ("metadata", patch_metadata, prove_metadata),
    ("versions", patch_versions, prove_versions),
    ("resolver", patch_resolver, None),
    ("index pages", patch_pages, prove_pages),
    *backtracking.SEAMS,
)
"""The name, the patch and the proof of each change."""
