"""Patch of the download command: record what pip chose, and do not report it as saved."""

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
from wheeltarget.pip_child.patches.wheel_store import store_chosen
from wheeltarget.pip_child.result import chosen_files

_IN_PROCESS = "inprocess-build-deps"


def patch_result(current: CurrentJob) -> Any:
    """Record what pip chose, and hide its list of saved files, which are not in place yet."""
    from pip._internal.commands import download

    original_run = download.DownloadCommand.run
    _note_resolver(current)
    _patch_saving(current)
    pages = patch_pages(current)

    @functools.wraps(original_run)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        current.job.was_run = True
        _check_options(current, options)
        logging.getLogger(__name__).info("Resolving for %s", current.job.order.label)
        try:
            with explained(pages):
                exit_code = int(original_run(self, options, arguments))
        finally:
            if pages.are_missing:
                # The files of a project are not all known then.
                current.job.failure = None
        if exit_code == 0 and current.job.resolver is not None:
            if current.job.order.hashed:
                ask_for_sizes(current, self.get_default_session(options))
            _note_result(current, options)
        return exit_code

    download.DownloadCommand.run = run
    # Nothing is downloaded successfully before every target is done and placed.
    _replace(download, "write_output", lambda *_arguments: None)
    return run


def _check_options(current: CurrentJob, options: Any) -> None:
    """Refuse the legacy resolver, and turn off options that a target does not allow."""
    from pip._internal.exceptions import CommandError

    if "legacy-resolver" in options.deprecated_features_enabled:
        raise CommandError(
            "the legacy resolver does not support targets: remove --use-deprecated=legacy-resolver"
        )
    if current.run.refresh and hasattr(options, "refresh_package"):
        options.refresh_package = {":all:"}  # older pips always ask again
        current.run.freshness.is_forced = True
    if current.job.view is not None:
        # Build dependencies are for this machine, so pip must resolve them in another process.
        features = options.features_enabled
        options.features_enabled = [each for each in features if each != _IN_PROCESS]


def _patch_saving(current: CurrentJob) -> None:
    """Save files silently, a local project as its sdist, and almost nothing in a dry run."""
    from pip._internal.operations import prepare
    from pip._internal.req import req_install

    preparer = prepare.RequirementPreparer
    original_save = preparer.save_linked_requirement
    original_prepare = preparer.prepare_linked_requirements_more

    @functools.wraps(original_save)
    def save_linked_requirement(self: Any, requirement: Any) -> None:
        if not current.job.saves(requirement.link):
            return
        # For a checkout, the requirement logs what was saved.
        with silenced(prepare.logger), silenced(req_install.logger):
            original_save(self, requirement)
        link = requirement.link
        if current.job.view is not None and link.is_existing_dir() and not requirement.editable:
            job = current.job
            job.saved[requirement.name] = build_source(requirement, job.order.folder)

    @functools.wraps(original_prepare)
    def prepare_linked_requirements_more(
        self: Any, reqs: Iterable[Any], *arguments: Any, **named: Any
    ) -> None:
        wanted = [requirement for requirement in reqs if current.job.saves(requirement.link)]
        if wanted:
            original_prepare(self, wanted, *arguments, **named)

    preparer.save_linked_requirement = save_linked_requirement
    preparer.prepare_linked_requirements_more = prepare_linked_requirements_more


def _note_resolver(current: CurrentJob) -> None:
    """Record the resolver and its result."""
    from pip._internal.resolution.resolvelib.resolver import Resolver

    original_resolve = Resolver.resolve

    @functools.wraps(original_resolve)
    def resolve(self: Any, *arguments: Any, **named: Any) -> Any:
        current.job.requirement_set = original_resolve(self, *arguments, **named)
        current.job.resolver = self
        return current.job.requirement_set

    Resolver.resolve = resolve


def observe_result(current: CurrentJob) -> None:
    """Record what pip chose in a plain run, which has no other patches."""
    from pip._internal.commands import download

    original_run = download.DownloadCommand.run
    _note_resolver(current)

    @functools.wraps(original_run)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        exit_code = int(original_run(self, options, arguments))
        if exit_code == 0:
            # The run succeeded, even if recording its result fails.
            with contextlib.suppress(Exception):
                _note_result(current, options)
                current.job.was_run = True
        return exit_code

    download.DownloadCommand.run = run


def build_source(requirement: Any, folder: str) -> str:
    """Build the source distribution of a local project.

    :param requirement: pip's requirement, with prepared metadata.
    :param folder: the folder to write it to.
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
        # The message of the backend ends with its reason, after a traceback.
        reason = str(error).strip().splitlines()[-1:]
        raise InstallationError(
            " ".join([f"cannot build a source distribution of {requirement.name}:", *reason])
        ) from error


def _replace(module: Any, name: str, replacement: Callable[..., None]) -> None:
    if not callable(module.__dict__.get(name)):
        raise AttributeError(name)  # noqa: TRY004 - it does not exist
    setattr(module, name, replacement)


def _note_result(current: CurrentJob, options: Any) -> None:
    """Record what was chosen, while pip's temporary folders still exist."""
    job, run = current.job, current.run
    if options.ignore_dependencies:
        job.dependencies = "none"
    elif getattr(options, "only_dependencies", False):
        job.dependencies = "only"
    job.chosen = tuple(chosen_files(job, run.sizes))
    for file in job.chosen:
        if file.path.is_file():
            run.fetched[file.url] = file.path
    store_chosen(current)
    job.fresh_until = run.freshness.until(job.pages, (file.index for file in job.chosen))


def prove_result(run: Any) -> bool:
    """Check that pip's command is the patched one, and has the expected options."""
    from pip._internal.commands import create_command

    command = create_command("download")
    expected = {
        "--no-deps": "ignore_dependencies",
        "--only-deps": "only_dependencies",
        "--use-deprecated": "deprecated_features_enabled",
    }
    options = {name: command.parser.get_option(name) for name in expected}
    if command.parser.has_option("--no-deps") and options["--only-deps"] is None:
        del expected["--only-deps"]  # pip has it from 26.2 on
    return type(command).run is run and all(
        options[name].dest == attribute for name, attribute in expected.items()
    )
