"""Seams around fetching: what is there already, what was chosen, and what pip says of it.

A proof asks pip's real objects what they would do; see :mod:`wheeltarget.pip_child.seams`.
"""

from __future__ import annotations

import functools
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wheeltarget.pip_child.current import Current, rebind
from wheeltarget.pip_child.result import chosen_files


def patch_kept(current: Current) -> Any:
    """Let files that are there already not be fetched."""
    from pip._internal.operations import prepare

    check_here = prepare._check_download_dir

    @functools.wraps(check_here)
    def check_download_dir(link: Any, download_dir: str, *rest: Any, **named: Any) -> str | None:
        found: str | None
        if download_dir == current.folder and _bring(current, link, Path(download_dir)):
            # pip would name a file in the destination, where it is not yet.
            with _silence(prepare.logger):
                found = check_here(link, download_dir, *rest, **named)
            return found
        found = check_here(link, download_dir, *rest, **named)
        return found

    rebind("_check_download_dir", check_here, check_download_dir)
    return check_download_dir


def _bring(current: Current, link: Any, folder: Path) -> bool:
    """Link a file into the folder at hand, from the destination or from an earlier job.

    :returns: whether it comes from an earlier job.
    """
    path = folder / link.filename
    there, earlier = (
        Path(current.destination, link.filename),
        current.fetched.get(link.url_without_fragment),
    )
    if path.exists():
        return False
    for source in (there, earlier):
        if source is not None and source.is_file():
            link_or_copy(source, path)
            return source is earlier
    return False


def link_or_copy(source: Path, path: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    try:
        path.hardlink_to(source.resolve())
    except OSError:
        shutil.copy(source, path)


def prove_kept(check_download_dir: Any) -> bool:
    """Ask whether pip's preparer calls the function that was replaced."""
    from pip._internal.operations import prepare

    asks = prepare.RequirementPreparer.prepare_linked_requirement.__code__.co_names
    bound = prepare._check_download_dir is check_download_dir
    return bound and "_check_download_dir" in asks


def patch_result(current: Current) -> Any:
    """Let what pip chose be written down."""
    from pip._internal.commands import download
    from pip._internal.exceptions import CommandError
    from pip._internal.operations import prepare
    from pip._internal.resolution.resolvelib.resolver import Resolver

    resolve_here, run_here = Resolver.resolve, download.DownloadCommand.run
    save_here = prepare.RequirementPreparer.save_linked_requirement

    @functools.wraps(resolve_here)
    def resolve(self: Any, *arguments: Any, **named: Any) -> Any:
        current.requirement_set = resolve_here(self, *arguments, **named)
        current.resolver = self
        return current.requirement_set

    @functools.wraps(run_here)
    def run(self: Any, options: Any, arguments: list[str]) -> int:
        if "legacy-resolver" in options.deprecated_features_enabled:
            raise CommandError("the legacy resolver knows no targets: leave it out")
        logging.getLogger(__name__).info("Resolving for %s", current.label)
        exit_code = int(run_here(self, options, arguments))
        if exit_code == 0:
            _note_result(current, options)
        return exit_code

    @functools.wraps(save_here)
    def save_linked_requirement(self: Any, requirement: Any) -> None:
        with _silence(prepare.logger):
            save_here(self, requirement)

    Resolver.resolve = resolve
    download.DownloadCommand.run = run
    prepare.RequirementPreparer.save_linked_requirement = save_linked_requirement
    # Nothing is downloaded successfully before every target is done and placed.
    _rebind_one(download, "write_output", lambda *_arguments: None)
    return run


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
    current.chosen = list(chosen_files(current.resolver, current.requirement_set))
    for file in current.chosen:
        path = Path(current.folder, file["filename"])
        if path.is_file():
            current.fetched[file["url"]] = path


def prove_result(run: Any) -> bool:
    """Ask whether the command that pip makes is the one that was wrapped."""
    from pip._internal.commands import create_command

    command = create_command("download")
    options, _ = command.parse_args(["proof"])
    wanted = ("ignore_dependencies", "deprecated_features_enabled", "download_dir")
    return type(command).run is run and all(hasattr(options, name) for name in wanted)


def patch_messages(current: Current) -> None:
    """Messages name the destination, not the folder in which pip works."""
    make_here = logging.getLogRecordFactory()

    def translate(value: object) -> object:
        if isinstance(value, str) and current.folder and current.folder in value:
            return value.replace(current.folder, current.destination)
        return value

    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make_here(*arguments, **named)
        record.msg = translate(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(translate(each) for each in record.args)
        return record

    logging.setLogRecordFactory(make)
