"""Patches of the download command: record what pip chose, and do not report it as saved."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from pip._internal.commands import create_command, download
from pip._internal.exceptions import CommandError, InstallationError
from pip._internal.index import collector
from pip._internal.models.link import Link
from pip._internal.operations import prepare
from pip._internal.req import req_install
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.subprocess import runner_with_spinner_message
from pip._vendor.pyproject_hooks import UnsupportedOperation
from pip._vendor.requests import RequestException

from wheeltarget.network.transfer import read_length
from wheeltarget.pip_child.job import CurrentJob, JobState, RunContext, replaces
from wheeltarget.pip_child.links import (
    allowed_hashes,
    hashes_of,
    normalize_name,
    without_credentials,
)
from wheeltarget.pip_child.patches.exclusions import left_out
from wheeltarget.pip_child.patches.existing_files import store_chosen
from wheeltarget.pip_child.patches.messages import explained, silenced
from wheeltarget.pip_child.prefetch.pool import host_of
from wheeltarget.pip_protocol import ChosenFile


def patch_result(current: CurrentJob) -> None:
    """Record what pip chose, and hide its list of saved files, which are not in place yet."""
    _note_resolver(current)
    _patch_saving(current)
    _patch_links(current)

    @replaces(download.DownloadCommand, "run")
    def run(original: Any, self: Any, options: Any, arguments: list[str]) -> int:
        job = current.job
        job.was_run = True
        _check_options(current, options)
        logging.getLogger(__name__).info("Resolving for %s", job.order.label)
        try:
            with explained(job):
                exit_code = int(original(self, options, arguments))
        finally:
            if job.page_failures and not (job.failure and job.failure.mismatch):
                job.failure = None  # the files of a project are not all known
        if exit_code == 0 and job.resolver is not None:
            if job.order.hashed:
                _ask_for_sizes(current, self.get_default_session(options))
            _note_result(current, options)
        return exit_code

    # Nothing is downloaded successfully before every target is done and placed.
    if "write_output" not in vars(download):
        raise AttributeError("write_output")
    download.write_output = lambda *_arguments: None


def _patch_links(current: CurrentJob) -> None:
    """Record what pip ignores of the files on a page."""

    @replaces(Link, "from_json")
    def from_json(original: Any, file_data: Any, *rest: Any, **named: Any) -> Any:
        # pip ignores the sizes that an index lists (PEP 700), and before 26.0 the upload times.
        link = original(file_data, *rest, **named)
        if link is not None and isinstance(file_data, dict):
            url, size = link.url_without_fragment, file_data.get("size")
            order = current.job.order
            if isinstance(size, int) and (order.dry_run or current.run.is_watched):
                current.run.sizes[url] = size
            time = file_data.get("upload-time") if order.dry_run and order.hashed else None
            if isinstance(time, str):
                current.run.uploads[url] = time
            _note_provenance(current, url, file_data.get("provenance"))
        return link

    @replaces(Link, "from_element", optional=True)
    def from_element(original: Any, anchor: Any, *rest: Any, **named: Any) -> Any:
        link = original(anchor, *rest, **named)
        if link is not None and isinstance(anchor, dict) and "data-provenance" in anchor:
            _note_provenance(current, link.url_without_fragment, anchor["data-provenance"])
        return link


def _check_options(current: CurrentJob, options: Any) -> None:
    """Refuse the legacy resolver, and turn off options that a target does not allow."""
    if "legacy-resolver" in options.deprecated_features_enabled:
        raise CommandError(
            "the legacy resolver does not support targets: remove --use-deprecated=legacy-resolver"
        )
    if current.run.refresh and hasattr(options, "refresh_package"):
        options.refresh_package = {":all:"}  # older pips always ask again
        current.run.freshness.is_forced = True
    if current.job.view is not None:
        # Build dependencies are for this machine, so pip must resolve them in another process.
        enabled = options.features_enabled
        options.features_enabled = [each for each in enabled if each != "inprocess-build-deps"]


def prove_result(_current: CurrentJob) -> bool:
    """Check that pip's command is the patched one, and has the expected options."""
    command = create_command("download")
    find = command.parser.get_option
    return bool(
        type(command).run is download.DownloadCommand.run
        and find("--no-deps").dest == "ignore_dependencies"
        and find("--use-deprecated").dest == "deprecated_features_enabled"
        and getattr(find("--only-deps"), "dest", "") in {"", "only_dependencies"}  # since pip 26.2
    )


def sees_provenance(current: CurrentJob) -> bool:
    """Return whether the provenance of files on both kinds of pages is recorded."""
    url = "https://example.invalid/simple/proof/"
    filename = "proof-1-py3-none-any.whl"
    provenance = current.run.provenance
    file = {"url": filename, "hashes": {}, "provenance": "json"}
    pages = (
        ("application/vnd.pypi.simple.v1+json", json.dumps({"files": [file]})),
        ("text/html", f'<a href="{filename}" data-provenance="html">proof</a>'),
    )
    found = []
    for kind, text in pages:
        page = collector.IndexContent(text.encode(), kind, None, url, cache_link_parsing=False)
        list(collector.parse_links(page))
        found.append(provenance.pop(f"{url}{filename}", None))
    return found == ["json", "html"]


def observe_result(current: CurrentJob) -> None:
    """Record what pip chose in a plain run, which has no other patches."""
    _note_resolver(current)

    @replaces(download.DownloadCommand, "run")
    def run(original: Any, self: Any, options: Any, arguments: list[str]) -> int:
        exit_code = int(original(self, options, arguments))
        if exit_code == 0:
            # The run succeeded, even if recording its result fails.
            with contextlib.suppress(Exception):
                _note_result(current, options)
                current.job.was_run = True
        return exit_code


def _note_resolver(current: CurrentJob) -> None:
    @replaces(Resolver, "resolve")
    def resolve(original: Any, self: Any, *rest: Any, **named: Any) -> Any:
        current.job.requirement_set = original(self, *rest, **named)
        current.job.resolver = self
        return current.job.requirement_set


def _note_result(current: CurrentJob, options: Any) -> None:
    """Record what was chosen, while pip's temporary folders still exist."""
    job, run = current.job, current.run
    if options.ignore_dependencies:
        job.dependencies = "none"
    elif getattr(options, "only_dependencies", False):
        job.dependencies = "only"
    job.chosen = tuple(_chosen_files(job, run))
    job.left_out = tuple(left_out(job))
    run.fetched.update((file.url, file.path) for file in job.chosen if file.path.is_file())
    store_chosen(current)
    job.fresh_until = run.freshness.until(job.pages, (file.index for file in job.chosen))


def _chosen_files(job: JobState, run: RunContext) -> Iterator[ChosenFile]:
    """Return each file that pip's resolver chose."""
    result = job.resolver._result
    candidates = {candidate.project_name: candidate for candidate in result.mapping.values()}
    parents = _parents(result)
    for key, requirement in job.requirement_set.requirements.items():
        name = normalize_name(key)
        link, version = requirement.link, candidates[name].version
        page = link.comes_from
        # pip archives a checkout, and does not save most folders.
        is_archived = link.is_vcs or (requirement.editable and link.is_existing_dir())
        filename = f"{requirement.name}-{version}.zip" if is_archived else _name_of(job, link)
        # A candidate with extras has the metadata of its base.
        metadata = getattr(candidates[name], "base", candidates[name]).dist.metadata
        yield ChosenFile(
            name,
            str(version),
            Path(job.order.folder, job.saved.get(requirement.name) or filename),
            url=without_credentials(link.url.partition("#")[0]),
            requested=bool(requirement.user_supplied),
            extras=tuple(sorted(requirement.extras)),
            parents=tuple(sorted(parents.get(name, ()), key=str)),
            yanked=(link.yanked_reason or "") if link.is_yanked else None,
            requires_python=link.requires_python,
            hashes=hashes_of(link),
            size=run.sizes.get(link.url_without_fragment),
            requires=tuple(map(str, metadata.get_all("Requires-Dist", []))),
            index=without_credentials(page) if isinstance(page, str) and "://" in page else None,
            direct=requirement.original_link is not None,
            subdirectory=link.subdirectory_fragment or "",
            accepts=allowed_hashes(requirement),
            uploaded=run.uploads.get(link.url_without_fragment),
            provenance=_provenance_of(run, link),
        )


def _note_provenance(current: CurrentJob, url: str, provenance: object) -> None:
    """Record where the provenance of a file is, which pip ignores."""
    if isinstance(provenance, str) and provenance:
        current.run.provenance[url] = provenance


def _provenance_of(run: RunContext, link: Any) -> str | None:
    """Return the URL of the provenance of a file, without credentials."""
    found = run.provenance.get(link.url_without_fragment)
    page = link.comes_from if isinstance(link.comes_from, str) else ""
    return found and without_credentials(urljoin(page, found))


def _name_of(job: JobState, link: Any) -> str:
    """Return the name to save a file with: one that pips read in a folder, too."""
    return job.view.name_of(link) if job.view is not None else str(link.filename)


def _parents(result: Any) -> dict[str, set[str | None]]:
    """Return the parents of each project, without extras."""
    project = {key: candidate.project_name for key, candidate in result.mapping.items()}
    parents: dict[str, set[str | None]] = {}
    for key, name in project.items():
        for parent in result.graph.iter_parents(key):
            # The graph may still have releases that pip gave up by backtracking.
            above = None if parent is None else project.get(parent, name)
            if above != name:
                parents.setdefault(name, set()).add(above)
    return parents


def _patch_saving(current: CurrentJob) -> None:
    """Save files silently, a local project as its sdist, and almost nothing in a dry run."""

    @replaces(prepare.RequirementPreparer, "save_linked_requirement")
    def save(original: Any, self: Any, requirement: Any) -> None:
        job, link = current.job, requirement.link
        if not job.saves(requirement):
            return
        # For a checkout, the requirement logs what was saved.
        with silenced(prepare.logger), silenced(req_install.logger):
            original(self, requirement)
        saved = Path(job.order.folder, link.filename)
        if saved.is_file() and saved.name != _name_of(job, link):
            saved.rename(saved.with_name(_name_of(job, link)))
        if job.view is not None and link.is_existing_dir() and not requirement.editable:
            job.saved[requirement.name] = _build_source(requirement, job.order.folder)

    @replaces(prepare.RequirementPreparer, "prepare_linked_requirements_more")
    def prepare_more(original: Any, self: Any, reqs: Any, *rest: Any, **named: Any) -> None:
        wanted = [requirement for requirement in reqs if current.job.saves(requirement)]
        if wanted:
            original(self, wanted, *rest, **named)


def _build_source(requirement: Any, folder: str) -> str:
    """Build the source distribution of a local project, and return its file name."""
    runner = runner_with_spinner_message(f"Building source distribution for {requirement.name}")
    backend = requirement.pep517_backend
    try:
        with requirement.build_env, backend.subprocess_runner(runner):
            return str(backend.build_sdist(folder))
    except UnsupportedOperation as error:
        # The message of the backend ends with its reason, after a traceback.
        message = f"cannot build a source distribution of {requirement.name}:"
        reason = str(error).strip().splitlines()[-1:]
        raise InstallationError(" ".join([message, *reason])) from error


def _ask_for_sizes(current: CurrentJob, session: Any) -> None:
    """Ask the servers for the sizes of chosen files that are still unknown.

    The first of each host is requested in this thread, which may prompt, the others in threads.
    """
    urls = list(dict.fromkeys(_without_size(current)))
    first = {host_of(url): url for url in reversed(urls)}
    failed = {host for host, url in first.items() if not _ask_for_size(current, session, url)}
    others = [url for url in urls if url not in first.values() and host_of(url) not in failed]
    answers = current.ask_for_headers(others) if current.ask_for_headers else {}
    for url in others:
        answer = answers.get(url)
        if answer is None or answer.status_code in {401, 407}:
            _ask_for_size(current, session, url)
        else:
            _note_size(current, url, answer)


def _without_size(current: CurrentJob) -> Iterator[str]:
    run = current.run
    for requirement in current.job.requirement_set.requirements.values():
        link = requirement.link
        url = link.url_without_fragment
        if url in run.sizes or link.is_vcs or link.is_file or current.job.saves(requirement):
            continue
        if url in run.lengths:
            run.sizes[url] = run.lengths[url]
        elif stored := run.store.find(link.hash) if run.store and link.is_wheel else None:
            run.sizes[url] = stored.stat().st_size
        else:
            yield url


def _ask_for_size(current: CurrentJob, session: Any, url: str) -> bool:
    """Ask for the size of a file, and return whether the server answered."""
    headers = {"Accept-Encoding": "identity"}  # a compressed response would have another size
    try:
        _note_size(current, url, session.head(url, headers=headers, allow_redirects=True))
    except (RequestException, OSError):
        return False
    return True


def _note_size(current: CurrentJob, url: str, answer: Any) -> None:
    length = read_length(answer.headers.get("Content-Length"))
    if answer.ok and length is not None:
        current.run.sizes[url] = length
