"""Fetch the newest pip that runs on each target, and make the command that starts it there.

A wheel of pip runs as it is: ``python pip-….whl/pip install …``. So the old pip of a target does
not have to read what is in a wheelhouse. An older one has to be unpacked to build sources. If
sources are kept for a target, setuptools and wheel are fetched as well, since an isolated build
there needs them.

They are resolved for the target by pip, but in jobs of their own. So constraints, hashes,
exclusions and pins do not touch them, wherever these are set; options for the index and the
cut-off apply.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheeltarget.errors import DownloadError
from wheeltarget.pip_config.options import (
    FOR_FETCHING,
    CommandLine,
    GivenOption,
    settings_as_options,
)
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.requirements.parser import VARIABLE, RequirementsFile
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.index_failures import find_index_failures
from wheeltarget.resolver.pip_runner import JobResult, RunOptions
from wheeltarget.resolver.plan import Job, all_options, target_arguments
from wheeltarget.staging.stage import Stage
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import Hashes
from wheeltarget.wheelhouse.closure import is_wanted, read_dependencies
from wheeltarget.wheelhouse.wheel import WheelFile, read_wheel

PIP = "pip"
BUILD_TOOLS = ("setuptools", "wheel")
"""What pip needs in addition to build most sources; others name what they need themselves."""

_BUILDS_UNPACKED = SpecifierSet(">=19.0,<22.0")
"""The pips that cannot build a source by its ``pyproject.toml`` from a wheel on Python 2.7 and 3.6.

Without that file, they need the option ``--use-pep517`` to build it in isolation, as newer pips do.
"""

_SAFE = re.compile(r"[\w.\\:/=+~-]+", re.ASCII)
"""What neither ``cmd`` nor PowerShell reads as anything but text."""


@dataclass(frozen=True, slots=True)
class WantsPip:
    """A target for which pip is fetched.

    :param target: the target; None for the running interpreter.
    :param label: its name in messages.
    :param folder: the folder in the destination for its files; empty for the destination itself.
    :param builds: whether a source is kept for it, so that it needs :data:`BUILD_TOOLS` as well.
    """

    target: Target | None
    label: str
    folder: str = ""
    builds: bool = False


def options_for_pip(
    files: Sequence[RequirementsFile],
    command: CommandLine,
    environment: Mapping[str, str],
    names: Collection[str] = FOR_FETCHING,
) -> Iterator[GivenOption]:
    """Yield the options of a run that apply to fetching pip, as the command line has them.

    Those of requirements files count as well; their variables are expanded, and their relative
    folders are those beside the file, if they exist there.

    :param environment: the environment variables.
    :param names: the options that apply.
    """
    for line, option in all_options(files, command):
        if option.name not in names:
            continue
        value = option.value
        if line is not None and value is not None:
            for written, name in VARIABLE.findall(value):
                value = value.replace(written, environment.get(name) or written)
            beside = os.path.join(os.path.dirname(line.file), value)  # noqa: PTH118, PTH120 - any text
            if option.name == "--find-links" and os.path.exists(beside):  # noqa: PTH110
                value = beside
        yield replace(option, value=value)


def fetch_pips(
    wanted: Sequence[WantsPip],
    stage: Stage,
    options: RunOptions,
    given: Iterable[GivenOption],
    settings: Mapping[str, str],
    indexes: ProjectIndexes,
    *,
    remedy: str = "leave --with-pip out",
) -> tuple[JobResult, ...]:
    """Fetch the newest pip that runs on each target to the stage, and check it.

    The files are in the ``folder`` of each result; the caller places them, for example with
    :func:`wheeltarget.wheelhouse.merge.merge`. In a dry run nothing is fetched.

    :param wanted: the targets.
    :param options: the options of the run; ``folders`` is set here, and ``first`` has to be the
        number of the jobs that were run in this stage before.
    :param given: what :func:`options_for_pip` returns for the run.
    :param settings: pip's configuration, by long option without its dashes.
    :param indexes: the indexes of projects.
    :param remedy: how the user can do without a pip, for the error that there is none.
    :returns: the result of each target, in the order of the targets.
    :raises DownloadError: if there is no pip for a target, or a file is not what the index says.
    :raises ClosureError: if what was fetched does not fit the target.
    """
    common = (*settings_as_options(settings, FOR_FETCHING), *given)
    arguments = tuple(argument for option in common for argument in option.arguments)
    jobs = [_job(each, arguments, indexes) for each in wanted]
    labels = [f"{each.label}, to add its pip" for each in wanted]
    options = replace(options, folders=tuple(each.folder for each in wanted))
    results = pip_runner.run_jobs(jobs, labels, stage, options)
    for each, result in zip(wanted, results, strict=True):
        if result.exit_code:
            raise _failure(each, result, remedy)
    if not options.dry_run:
        pip_runner.refuse_changed(results, Hashes())
    for result in results:
        pip_runner.check_result(result, dry_run=options.dry_run)
    return results


def _job(wanted: WantsPip, arguments: tuple[str, ...], indexes: ProjectIndexes) -> Job:
    target = wanted.target
    own = ("--only-binary=:all:",) if target is None else tuple(target_arguments(target))
    names = (PIP, *BUILD_TOOLS) if wanted.builds else (PIP,)
    pip_arguments = (*arguments, *own, "--", *names)
    return Job(target, pip_arguments, (), (), configured=False, indexes=indexes)


def _failure(wanted: WantsPip, result: JobResult, remedy: str) -> DownloadError:
    """Return the error that pip, or what it needs to build, was not found for a target."""
    demands = result.failure.demands if result.failure else ()
    missing = ", ".join(dict.fromkeys(d.project for d in demands if d.project)) or PIP
    unread = find_index_failures([result])
    return DownloadError(
        f"no {missing} was found that runs on {wanted.label}; nothing was saved",
        f"the index or folder of this run has to have it; or {remedy}",
        exit_code=result.exit_code,
        messages=(*(f"ERROR: {each.describe()}" for each in unread), *result.messages),
    )


def find_tools(
    paths: Iterable[Path],
    targets: Iterable[Target],
    *,
    builds: bool,
    read: Callable[[Path], WheelFile] = read_wheel,
) -> frozenset[str]:
    """Return the names of the wheels in a wheelhouse that are tools for its targets.

    These are for each target the newest pip that runs there and, if there are sources, the newest
    setuptools and wheel that do, with what they need.

    :param paths: the files of the wheelhouse.
    :param builds: whether there are sources.
    :param read: reads a wheel; only those that may be tools are read.
    """
    by_project: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        with suppress(InvalidWheelFilename):
            by_project[parse_wheel_filename(path.name)[0]].append(path)
    read_once = cache(read)
    found: set[str] = set()
    for target in targets:
        todo, seen = [PIP, *(BUILD_TOOLS if builds else ())], set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            wheels = (read_once(path) for path in by_project.get(name, ()))
            fitting = [each for each in wheels if _runs_on(each, target)]
            if fitting:
                newest = max(fitting, key=lambda each: Version(each.version))
                found.add(newest.path.name)
                needed = read_dependencies(newest, target)[0]
                todo += [canonicalize_name(each.name) for each in needed if is_wanted(each, target)]
    return frozenset(found)


def _runs_on(wheel: WheelFile, target: Target) -> bool:
    fits = not wheel.tags.isdisjoint(target.tags)
    return fits and target.accepts_python(wheel.requires_python)


def find_pip(result: JobResult) -> str:
    """Return the file name of the pip that was fetched for a target."""
    return next(file.path.name for file in result.chosen if file.name == PIP)


def start_command(
    pip: str,
    folder: str,
    arguments: Iterable[str],
    target: Target | None = None,
    *,
    builds: bool = False,
) -> str:
    """Return the command that installs with the pip of a wheel, quoted for the target's shell.

    It uses ``python``, and on Windows ``py``, so that it installs into the active environment. If
    the pip has to be unpacked first, there are two lines, each a command.

    :param pip: the file name of the wheel of pip.
    :param folder: the folder with the wheels as it is named on the target, with slashes.
    :param arguments: the requirements, and further options of ``pip install``.
    :param target: the target; None for the running interpreter.
    :param builds: whether a source is built.
    """
    system = target.environment.get("os_name", "") if target else os.name
    windows = system == "nt"
    separator = "\\" if windows else "/"
    folder = f"./{folder}" if folder.startswith("-") else folder
    folder = folder.replace("/", separator)
    home = f"{folder}{separator}{pip}"
    commands: list[tuple[str, ...]] = []
    options: tuple[str, ...] = ("--no-index", "--find-links", folder)
    version = parse_wheel_filename(pip)[1]
    if builds and version in _BUILDS_UNPACKED:
        wheel, home = home, f"pip-{version}"
        commands.append(("-m", "zipfile", "-e", wheel, home))
        options = ("--use-pep517", *options)
    commands.append((f"{home}{separator}pip", "install", *options, *arguments))
    python, quote = ("py", _quote_for_windows) if windows else ("python", shlex.quote)
    return "\n".join(" ".join(map(quote, (python, *words))) for words in commands)


def _quote_for_windows(text: str) -> str:
    return text if _SAFE.fullmatch(text) else f'"{text}"'
