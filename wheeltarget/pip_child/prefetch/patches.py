"""Patches that give pip what was prefetched; they do not change what it chooses.

A proof asks pip's real objects for something that only the prefetcher has, without the network.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wheeltarget.pip_child.job import rebind
from wheeltarget.pip_child.prefetch.graph import Walk, fetch_wheels
from wheeltarget.pip_child.prefetch.pages import KeptPage
from wheeltarget.pip_child.prefetch.pool import Arrivals
from wheeltarget.pip_child.prefetch.prefetcher import Prefetcher
from wheeltarget.pip_child.prefetch.progress import log_file, log_finished, show_progress
from wheeltarget.pip_child.prefetch.scheduler import WalkScheduler

Undo = Callable[[], None]

_LOGGER = logging.getLogger(__name__)

_PROJECT = "ahead-proof"
_INDEX = "https://example.invalid/simple"


def patch_pages(ahead: Prefetcher) -> Undo:
    """Serve prefetched pages to pip, with only the files that it may need."""
    from pip._internal.index import collector
    from pip._internal.index.package_finder import PackageFinder

    original_get, original_make = collector._get_simple_response, collector._make_index_content
    original_parse, original_process = collector.parse_links, PackageFinder.process_project_url

    @functools.wraps(original_get)
    def get_simple_response(url: str, session: Any, **named: Any) -> Any:
        if session is not ahead.sessions.session or not url.startswith(("http:", "https:")):
            return original_get(url, session=session, **named)
        return _page(ahead, url, lambda: original_get(url, session=session, **named))

    @functools.wraps(original_make)
    def make_index_content(response: Any, *rest: Any, **named: Any) -> Any:
        return (
            response if isinstance(response, KeptPage) else original_make(response, *rest, **named)
        )

    @functools.wraps(original_parse)
    def parse_links(page: Any) -> Any:
        links = _links(ahead, page, original_parse)
        return original_parse(page) if links is None else links

    @functools.wraps(original_process)
    def process_project_url(self: Any, project_url: Any, link_evaluator: Any) -> Any:
        ahead.evaluator = link_evaluator
        try:
            return original_process(self, project_url, link_evaluator)
        finally:
            ahead.evaluator = None

    def undo() -> None:
        collector._get_simple_response, collector._make_index_content = original_get, original_make
        rebind("parse_links", parse_links, original_parse)
        PackageFinder.process_project_url = original_process

    ahead.read_pages_with(original_get)
    collector._get_simple_response = get_simple_response
    collector._make_index_content = make_index_content
    rebind("parse_links", original_parse, parse_links)
    PackageFinder.process_project_url = process_project_url
    return undo


def _page(ahead: Prefetcher, url: str, get: Callable[[], Any]) -> KeptPage:
    """Return a prefetched page, or let pip fetch it and keep it."""
    from pip._internal.exceptions import NetworkConnectionError

    outcome = ahead.fetched_page(url)
    if isinstance(outcome, KeptPage):
        return outcome
    if outcome is not None:
        raise outcome
    try:
        page = ahead.keep_page(get())
    except NetworkConnectionError as error:
        ahead.note_page(url, error)
        raise
    ahead.note_page(url, page)
    return page


def _links(ahead: Prefetcher, page: Any, parse: Callable[[Any], Any]) -> Any:
    """Return pip's links to the needed files of a page; None if pip has to parse it."""
    evaluator = ahead.evaluator
    if evaluator is None or not isinstance(page, KeptPage):
        return None
    current = ahead.current
    try:
        file_filter = ahead.file_filter(evaluator)
        links = page.links(file_filter, legacy=current.job.is_legacy, parse=parse)
    except Exception:
        _LOGGER.debug("Reading all of %s", page, exc_info=True)
        return None
    if links is not None and current.job.view is not None:
        current.job.note_unread(evaluator.project_name, lambda: list(parse(page)))
    return links


def prove_pages(ahead: Prefetcher) -> bool:
    """Check that pip's finder reads a page that only the prefetcher has."""
    current = ahead.current
    assert current.job.view is not None  # noqa: S101 - a proof has a target
    tags = (current.job.view.tags[0], "no-no-no")
    fitting = _add_page(ahead, _PROJECT, *tags)
    found = [each.link.filename for each in _finder(ahead).find_all_candidates(_PROJECT)]
    ahead.sessions.session = None
    ahead.forget()
    evaluated = current.job.links.get(_PROJECT, [])
    wheels = {link.filename for link in current.job.links_of(_PROJECT) if link.is_wheel}
    return found == [fitting] == [each.filename for each in evaluated if each.is_wheel] and len(
        wheels
    ) == len(tags)


def patch_files(ahead: Prefetcher) -> Undo:
    """Serve prefetched metadata and wheels to pip."""
    from pip._internal.network.download import Downloader
    from pip._internal.utils.hashes import Hashes

    original_load, original_check = Downloader.__dict__["__call__"], Hashes.check_against_path

    @functools.wraps(original_load)
    def load(self: Any, link: Any, location: str) -> tuple[str, str]:
        path = Path(location, link.filename)
        url = link.url_without_fragment
        metadata = ahead.fetched_metadata(url)
        if metadata is not None:
            path.write_bytes(metadata)
            log_file(link, len(metadata), is_new=True)
            return str(path), ""
        if place(ahead, link, path):
            return str(path), ""
        loaded, kind = original_load(self, link, location)
        if url.endswith(".metadata"):
            ahead.note_metadata(url, Path(loaded).read_bytes())
        return loaded, kind

    @functools.wraps(original_check)
    def check_against_path(self: Any, path: str) -> None:
        if not ahead.wheels.is_verified(path, self):
            original_check(self, path)

    Downloader.__call__ = load
    Hashes.check_against_path = check_against_path
    ahead.current.place_wheel = functools.partial(place_wheel, ahead)
    ahead.current.ask_for_headers = ahead.ask_for_headers

    def undo() -> None:
        Downloader.__call__, Hashes.check_against_path = original_load, original_check
        ahead.current.place_wheel = ahead.current.ask_for_headers = None

    return undo


def place(ahead: Prefetcher, link: Any, path: Path) -> bool:
    """Put a prefetched file at a path, log it as pip does, and return whether it was there."""
    transfer = ahead.wheels.transfer(link)
    was_logged = transfer is not None and show_progress(link, transfer, ahead.bar)
    was_fetched = ahead.wheels.place(link, path)
    if was_fetched is None:
        return False
    if not was_logged:
        log_finished(link, path.stat().st_size, ahead.bar, is_new=was_fetched)
    return True


def place_wheel(ahead: Prefetcher, link: Any, path: Path) -> bool:
    """Put a wheel at a path, unless pip only needs its metadata at the moment."""
    can_wait = ahead.is_resolving and not ahead.wants_whole(link)
    if can_wait and (ahead.current.job.order.dry_run or ahead.wheels.is_begun(link)):
        return False
    return place(ahead, link, path)


def prove_files(ahead: Prefetcher) -> bool:
    """Check that pip's downloader takes a metadata file that only the prefetcher has."""
    from pip._internal.models.link import Link
    from pip._internal.network.download import Downloader

    link = Link(f"{_INDEX}/proof-1-py3-none-any.whl.metadata")
    ahead.note_metadata(link.url, b"proof")
    with TemporaryDirectory(prefix="wheeltarget-") as folder:
        # Without a session, since it needs none for this.
        path, _ = Downloader.__new__(Downloader)(link, folder)
        content = Path(path).read_bytes()
    ahead.forget()
    return content == b"proof"


def patch_resolver(ahead: Prefetcher) -> Undo:
    """Walk the graph before pip resolves, and start to fetch the wheels that it chooses."""
    from pip._internal.resolution.resolvelib.resolver import Resolver

    original_resolve = Resolver.resolve
    scheduler = WalkScheduler(ahead)

    @functools.wraps(original_resolve)
    def resolve(self: Any, roots: Any, *arguments: Any, **named: Any) -> Any:
        _walk(ahead, scheduler, self, roots)
        ahead.is_resolving = True
        try:
            chosen = original_resolve(self, roots, *arguments, **named)
        finally:
            ahead.is_resolving = False
        if not ahead.current.job.order.dry_run:
            found = (each.link for each in chosen.requirements.values())
            links = [link for link in found if link is not None]
            scheduler.keep_only(links)
            fetch_wheels(ahead, links)
        return chosen

    def undo() -> None:
        Resolver.resolve = original_resolve

    Resolver.resolve = resolve
    return undo


def _walk(ahead: Prefetcher, scheduler: WalkScheduler, resolver: Any, roots: Any) -> None:
    """Walk the likely graph; if that fails, the run is only slower."""
    try:
        preparer = resolver.factory.preparer
        ahead.takes_whole_wheels = preparer.require_hashes
        ahead.bar = preparer._download._progress_bar
        only_dependencies = bool(getattr(resolver, "only_dependencies", False))
        takes_wheels = not ahead.current.job.order.dry_run and not only_dependencies
        scheduler.walk(resolver, roots, takes_wheels=takes_wheels)
    except EOFError:
        raise  # no terminal for pip's prompt
    except Exception:
        _LOGGER.debug("Fetching nothing ahead", exc_info=True)


def prove_resolver(ahead: Prefetcher) -> bool:
    """Check a walk over pages and metadata that only the prefetcher has."""
    from pip._internal.req.constructors import install_req_from_line

    current = ahead.current
    assert current.job.view is not None  # noqa: S101 - a proof has a target
    needed, needing = (_add_page(ahead, f"{name}-proof", current.job.view.tags[0]) for name in "ab")
    for name, needs in ((needed, ""), (needing, "Requires-Dist: a-proof\n")):
        text = f"Metadata-Version: 2.1\nName: {name[0]}-proof\nVersion: 1\n{needs}"
        ahead.note_metadata(f"{_INDEX}/{name}.metadata", text.encode())
    walk = Walk(ahead, _finder(ahead), Arrivals(ahead.pool))
    walk.begin([install_req_from_line("b-proof")])
    while walk.can_step:
        walk.step()
    ahead.sessions.session = None
    ahead.forget()
    return walk.is_whole and [link.filename for link in walk.links()] == [needing, needed]


def _add_page(ahead: Prefetcher, project: str, *tags: object) -> str:
    """Prefetch a page of a project, and return the name of its first wheel."""
    from types import SimpleNamespace

    names = [f"{project.replace('-', '_')}-1-{tag}.whl" for tag in tags]
    files = [
        f'{{"url": "{_INDEX}/{name}", "hashes": {{}}, "core-metadata": true}}' for name in names
    ]
    response = SimpleNamespace(
        url=f"{_INDEX}/{project}/",
        headers={"Content-Type": "application/vnd.pypi.simple.v1+json"},
        content=f'{{"files": [{",".join(files)}]}}'.encode(),
    )
    ahead.note_page(response.url, ahead.keep_page(response))
    return names[0]


def _finder(ahead: Prefetcher) -> Any:
    """Return a finder of pip with the session of the run."""
    from types import SimpleNamespace

    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences
    from pip._internal.models.target_python import TargetPython

    session = SimpleNamespace(is_secure_origin=lambda _link: True, refresh_package=set())
    ahead.sessions.session = session
    return PackageFinder.create(
        LinkCollector(session, SearchScope([], [_INDEX], no_index=False)),
        SelectionPreferences(allow_yanked=True),
        TargetPython(py_version_info=(9, 9, 9)),
    )
