"""Seam around the command: what pip chose is kept for the result, and not reported as saved.

A proof asks pip's real objects what they would do; see
:mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from wheeltarget.pip_child.job import CurrentJob
from wheeltarget.pip_child.patches.error_messages import explained, patch_pages
from wheeltarget.pip_child.patches.log_messages import silenced
from wheeltarget.pip_child.patches.sizes import ask_for_sizes
from wheeltarget.pip_child.patches.wheel_store import settle
from wheeltarget.pip_child.result import chosen_files

_IN_PROCESS = "inprocess-build-deps"


def patch_result(current: CurrentJob) -> Any:
    """Let what pip chose be written down, and let pip keep quiet about what is not placed yet."""
    from pip._internal.commands import download

    run_here = download.DownloadCommand.run
    _note_resolver(current)
    _patch_saving(current)
    pages = patch_pages(current)

    @functools.wraps(run_here)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        current.job.was_run = True
        _check_options(current, options)
        logging.getLogger(__name__).info("Resolving for %s", current.job.order.label)
        try:
            with explained(pages):
                exit_code = int(run_here(self, options, arguments))
        finally:
            if pages.are_missing:
                # What there is of a project is not known then.
                current.job.failure = None
        if exit_code == 0 and current.job.resolver is not None:
            if current.job.order.hashed:
                ask_for_sizes(current, self.get_default_session(options))
            _note_result(current, options)
        return exit_code

    download.DownloadCommand.run = run
    # Nothing is downloaded successfully before every target is done and placed.
    _rebind_one(download, "write_output", lambda *_arguments: None)
    return run


def _check_options(current: CurrentJob, options: Any) -> None:
    """Refuse what knows no targets, and leave out what would build for one."""
    from pip._internal.exceptions import CommandError

    if "legacy-resolver" in options.deprecated_features_enabled:
        raise CommandError("the legacy resolver knows no targets: leave it out")
    if current.run.refresh and hasattr(options, "refresh_package"):
        options.refresh_package = {":all:"}  # a pip without it asks again anyway
        current.run.freshness.is_forced = True
    if current.job.view is not None:
        # What a source is built with is for this machine, and has to be fetched apart.
        features = options.features_enabled
        options.features_enabled = [each for each in features if each != _IN_PROCESS]


def _patch_saving(current: CurrentJob) -> None:
    """Save next to nothing in a dry run, a project that is here as its source, all in silence."""
    from pip._internal.operations import prepare
    from pip._internal.req import req_install

    preparer = prepare.RequirementPreparer
    save_here = preparer.save_linked_requirement
    prepare_here = preparer.prepare_linked_requirements_more

    @functools.wraps(save_here)
    def save_linked_requirement(self: Any, requirement: Any) -> None:
        if not current.job.saves(requirement.link):
            return
        # Of a checkout it is the requirement that says what was saved.
        with silenced(prepare.logger), silenced(req_install.logger):
            save_here(self, requirement)
        link = requirement.link
        if current.job.view is not None and link.is_existing_dir() and not requirement.editable:
            job = current.job
            job.saved[requirement.name] = build_source(requirement, job.order.folder)

    @functools.wraps(prepare_here)
    def prepare_linked_requirements_more(
        self: Any, reqs: Iterable[Any], *arguments: Any, **named: Any
    ) -> None:
        wanted = [requirement for requirement in reqs if current.job.saves(requirement.link)]
        if wanted:
            prepare_here(self, wanted, *arguments, **named)

    preparer.save_linked_requirement = save_linked_requirement
    preparer.prepare_linked_requirements_more = prepare_linked_requirements_more


def _note_resolver(current: CurrentJob) -> None:
    """Keep the resolver and what it gave, for the result."""
    from pip._internal.resolution.resolvelib.resolver import Resolver

    resolve_here = Resolver.resolve

    @functools.wraps(resolve_here)
    def resolve(self: Any, *arguments: Any, **named: Any) -> Any:
        current.job.requirement_set = resolve_here(self, *arguments, **named)
        current.job.resolver = self
        return current.job.requirement_set

    Resolver.resolve = resolve


def observe_result(current: CurrentJob) -> None:
    """Let what pip chose be written down where nothing else about pip is changed."""
    from pip._internal.commands import download

    run_here = download.DownloadCommand.run
    _note_resolver(current)

    @functools.wraps(run_here)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        exit_code = int(run_here(self, options, arguments))
        if exit_code == 0:
            # Whatever fails here, the run itself was good.
            with contextlib.suppress(Exception):
                _note_result(current, options)
                current.job.was_run = True
        return exit_code

    download.DownloadCommand.run = run


def build_source(requirement: Any, folder: str) -> str:
    """Make the source distribution of a project that is a folder on this machine.

    :param requirement: pip's requirement, its metadata prepared.
    :param folder: where to write it.
    :returns: its file name.
    """
    from pip._internal.exceptions import InstallationError
    from pip._internal.utils.subprocess import runner_with_spinner_message
    from pip._vendor.pyproject_hooks import UnsupportedOperation

    runner = runner_with_spinner_message(f"Building source distribution for {requirement.name}")
    backend = requirement.pep517_backend
    try:
        with requirement.build_env, backend.subprocess_runner(runner):
            return str(backend.build_sdist(folder))
    except UnsupportedOperation as error:
        # What the backend says comes with the place in its code.
        said = str(error).strip().splitlines()[-1:]
        raise InstallationError(
            " ".join([f"{requirement.name} cannot be made a source distribution:", *said])
        ) from error


def _rebind_one(module: Any, name: str, replacement: Callable[..., None]) -> None:
    if not callable(module.__dict__.get(name)):
        raise AttributeError(name)  # noqa: TRY004 - it is not there
    setattr(module, name, replacement)


def _note_result(current: CurrentJob, options: Any) -> None:
    """Keep what was chosen, while pip's temporary folders are still there."""
    job, run = current.job, current.run
    if options.ignore_dependencies:
        job.dependencies = "none"
    elif getattr(options, "only_dependencies", False):
        job.dependencies = "only"
    job.chosen = tuple(chosen_files(job, run.sizes))
    for file in job.chosen:
        if file.path.is_file():
            run.fetched[file.url] = file.path
    settle(current)
    job.fresh_until = run.freshness.until(job.pages, (file.index for file in job.chosen))


def prove_result(run: Any) -> bool:
    """Ask whether the command that pip makes is the one that was wrapped, and what it is told."""
    from pip._internal.commands import create_command

    command = create_command("download")
    wanted = {
        "--no-deps": "ignore_dependencies",
        "--only-deps": "only_dependencies",
        "--use-deprecated": "deprecated_features_enabled",
    }
    given = {name: command.parser.get_option(name) for name in wanted}
    if command.parser.has_option("--no-deps") and given["--only-deps"] is None:
        del wanted["--only-deps"]  # pip has it from 26.2 on
    return type(command).run is run and all(
        given[name].dest == attribute for name, attribute in wanted.items()
    )
