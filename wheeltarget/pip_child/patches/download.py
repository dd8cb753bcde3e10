"""Seams around fetching: what is there already, what was chosen, and what pip says of it.

A proof asks pip's real objects what they would do; see
:mod:`wheeltarget.pip_child.patches.install`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.job import Current, rebind
from wheeltarget.pip_child.patches.error_messages import explained, patch_pages
from wheeltarget.pip_child.patches.sizes import ask_for_sizes
from wheeltarget.pip_child.patches.wheel_store import settle, take
from wheeltarget.pip_child.result import chosen_files

_CREDENTIALS = re.compile(r"(?<=://)([^/\s:@]*:)?[^/\s]+@")
"""The user's name, if there is a password as well, and the rest, in which there may be an @."""

_IN_PROCESS = "inprocess-build-deps"


def patch_kept(current: Current) -> None:
    """Let files that are there already not be fetched."""
    from pip._internal.operations import prepare

    check_here = prepare._check_download_dir

    @functools.wraps(check_here)
    def check_download_dir(link: Any, download_dir: str, *rest: Any, **named: Any) -> str | None:
        found: str | None
        source = _bring(current, link, Path(download_dir)) if download_dir == current.folder else ""
        if source in {"an earlier job", "the store"}:
            # pip would name a file in the destination, where it is not yet.
            with _silence(prepare.logger):
                found = check_here(link, download_dir, *rest, **named)
            return found
        found = check_here(link, download_dir, *rest, **named)
        if source == "the destination" and found is None:
            current.refused.add(link.filename)
        return found

    rebind("_check_download_dir", check_here, check_download_dir)


def _bring(current: Current, link: Any, folder: Path) -> str:
    """Link a file into the folder at hand: an earlier job's, the destination's or the store's.

    :returns: which of them it comes from, or an empty string.
    """
    path = folder / link.filename
    if path.exists():
        return ""
    if "sha256" not in link._hashes:
        current.unhashed.add(link.url_without_fragment)
    source = _link_or_take(current, link, path)
    if source:
        current.brought.append(path)
    return source


def _link_or_take(current: Current, link: Any, path: Path) -> str:
    earlier = current.fetched.get(link.url_without_fragment)
    if earlier is not None and earlier.is_file():
        link_or_copy(earlier, path)
        return "an earlier job"
    there = Path(current.destination, link.filename)
    if there.is_file() and link.filename not in current.refused:
        link_or_copy(there, path)
        return "the destination"
    return "the store" if _take_stored(current, link, path) else ""


def _take_stored(current: Current, link: Any, path: Path) -> bool:
    """Take a file from the store, and wait for one that is on its way there."""
    from pip._internal.operations import prepare

    if current.bring is not None:
        return current.bring(link, path)
    if current.dry_run or not take(current.store, link, path):
        return False
    prepare.logger.info("Using cached %s", link.filename)
    return True


def link_or_copy(source: Path, path: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    try:
        path.hardlink_to(source.resolve())
    except OSError:
        shutil.copy(source, path)


def patch_result(current: Current) -> Any:
    """Let what pip chose be written down, and let pip keep quiet about what is not placed yet."""
    from pip._internal.commands import download

    run_here = download.DownloadCommand.run
    _note_resolver(current)
    _patch_saving(current)
    pages = patch_pages(current)

    @functools.wraps(run_here)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        current.was_asked = True
        _check_options(current, options)
        logging.getLogger(__name__).info("Resolving for %s", current.label)
        try:
            with explained(pages):
                exit_code = int(run_here(self, options, arguments))
        finally:
            if pages.are_missing:
                # What there is of a project is not known then.
                current.failure = None
        if exit_code == 0 and current.resolver is not None:
            if current.hashed:
                ask_for_sizes(current, self.get_default_session(options))
            _note_result(current, options)
        return exit_code

    download.DownloadCommand.run = run
    # Nothing is downloaded successfully before every target is done and placed.
    _rebind_one(download, "write_output", lambda *_arguments: None)
    return run


def _check_options(current: Current, options: Any) -> None:
    """Refuse what knows no targets, and leave out what would build for one."""
    from pip._internal.exceptions import CommandError

    if "legacy-resolver" in options.deprecated_features_enabled:
        raise CommandError("the legacy resolver knows no targets: leave it out")
    if current.refresh and hasattr(options, "refresh_package"):
        options.refresh_package = {":all:"}  # a pip without it asks again anyway
        current.freshness.is_forced = True
    if current.view is not None:
        # What a source is built with is for this machine, and has to be fetched apart.
        features = options.features_enabled
        options.features_enabled = [each for each in features if each != _IN_PROCESS]


def _patch_saving(current: Current) -> None:
    """Save next to nothing in a dry run, a project that is here as its source, all in silence."""
    from pip._internal.operations import prepare
    from pip._internal.req import req_install

    preparer = prepare.RequirementPreparer
    save_here = preparer.save_linked_requirement
    prepare_here = preparer.prepare_linked_requirements_more

    @functools.wraps(save_here)
    def save_linked_requirement(self: Any, requirement: Any) -> None:
        if not current.saves(requirement.link):
            return
        # Of a checkout it is the requirement that says what was saved.
        with _silence(prepare.logger), _silence(req_install.logger):
            save_here(self, requirement)
        link = requirement.link
        if current.view is not None and link.is_existing_dir() and not requirement.editable:
            current.saved[requirement.name] = build_source(requirement, current.folder)

    @functools.wraps(prepare_here)
    def prepare_linked_requirements_more(
        self: Any, reqs: Iterable[Any], *arguments: Any, **named: Any
    ) -> None:
        wanted = [requirement for requirement in reqs if current.saves(requirement.link)]
        if wanted:
            prepare_here(self, wanted, *arguments, **named)

    preparer.save_linked_requirement = save_linked_requirement
    preparer.prepare_linked_requirements_more = prepare_linked_requirements_more


def _note_resolver(current: Current) -> None:
    """Keep the resolver and what it gave, for the result."""
    from pip._internal.resolution.resolvelib.resolver import Resolver

    resolve_here = Resolver.resolve

    @functools.wraps(resolve_here)
    def resolve(self: Any, *arguments: Any, **named: Any) -> Any:
        current.requirement_set = resolve_here(self, *arguments, **named)
        current.resolver = self
        return current.requirement_set

    Resolver.resolve = resolve


def observe_result(current: Current) -> None:
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
                current.was_asked = True
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


@contextmanager
def _silence(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger quiet for a while."""
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _note_result(current: Current, options: Any) -> None:
    """Keep what was chosen, while pip's temporary folders are still there."""
    if options.ignore_dependencies:
        current.dependencies = "none"
    elif getattr(options, "only_dependencies", False):
        current.dependencies = "only"
    current.chosen = list(
        chosen_files(current.resolver, current.requirement_set, current.saved, current.sizes)
    )
    for file in current.chosen:
        path = Path(current.folder, file["filename"])
        if path.is_file():
            current.fetched[file["url"]] = path
    settle(current)
    current.fresh_until = current.freshness.until(file["index"] for file in current.chosen)


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


def patch_messages(current: Current) -> None:
    """Messages name the destination, not the folder in which pip works, and no passwords."""
    make_here = logging.getLogRecordFactory()

    def translate(value: object) -> object:
        if isinstance(value, int | float) or not current.folder:
            return value
        said = str(value)
        text = _CREDENTIALS.sub(r"\1****@", said)
        if current.folder not in text:
            return value if text == said else text
        # Not where it is the beginning of another folder's name.
        pattern = re.escape(current.folder) + r"(?![\w-]|\.\w)"
        return re.sub(pattern, lambda _: current.destination, text)

    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make_here(*arguments, **named)
        record.msg = translate(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(translate(each) for each in record.args)
        if record.exc_info:
            # A handler takes this text where it is there.
            record.exc_text = str(translate(logging.Formatter().formatException(record.exc_info)))
        return record

    logging.setLogRecordFactory(make)
