"""The messages between wheeltarget and the process in which it runs pip.

The parent starts ``python -m wheeltarget.pip_child JOB_FILE``; standard streams are pip's. The job
file holds one of the requests below. The child writes the result beside it, as :data:`RESULT`, or
the results of several jobs to the paths that they name. If it cannot run the request at all, it
writes :class:`PipMoved` there, as :data:`FAILURE`, and ends with the exit code :data:`PIP_MOVED`.
After an interrupt it ends with :data:`INTERRUPTED`. If the disk of its own files is full, it ends
with one of :data:`NO_ROOM`. Otherwise its exit code is 0, or for :class:`PlainRun` pip's.

A process that was started before its job was known reads :class:`JobStart` from a pipe; see
:mod:`wheeltarget.resolver.prestart`.

A message is a JSON object with the number of the schema, the name of the message's class as its
``kind``, and its fields. :func:`to_json` and :func:`from_json` follow the types of the fields, so
this module does not postpone the evaluation of annotations.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, dataclass_transform, get_args, get_origin

from wheeltarget.errors import PipMovedError
from wheeltarget.utils.files import FileToFetch, write_private
from wheeltarget.utils.progress import Progress

SCHEMA = 8
"""The version of the messages; it changes if any of them does."""

FAILURE, RESULT = "failure.json", "result.json"
"""The names of files beside the job file: the reason why nothing was done, and the only result."""

PROGRESS, TURN = "progress.json", "turn.lock"
"""The names of more files there: how far the request is, and a file to lock.

If a request is ``watched``, the child writes :class:`Progress` there several times in a second, and
the parent draws a line in the terminal. If the terminal is the output of both, each writes to it
only while it has locked the other file, which the system unlocks when a process ends.
"""

PIP_MOVED, INTERRUPTED = PipMovedError.exit_code, 130

NO_ROOM = {73: "ENOSPC", 74: "EDQUOT"}
"""The exit codes of a child that cannot write its files, and the names of the errors."""

INDEXES_VARIABLE = "_WHEELTARGET_INDEXES"
"""The environment variable that passes :attr:`JobOrder.indexes`, as JSON, to pip for a build."""

PIP_HOME_VARIABLE = "_WHEELTARGET_PIP_HOME"
"""The one that passes the folder that has the package ``pip``."""

Pairs = tuple[tuple[str, str], ...]
_LONGEST_REASON = 300


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class _Value:
    """The base of all messages and their parts, which are frozen dataclasses.

    Comparisons that dataclass generates for each class would take twice as long to load.
    """

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, eq=False, repr=False)(cls)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _as_dict(self) == _as_dict(other)

    def __hash__(self) -> int:
        return hash(tuple(_as_dict(self).values()))

    def __repr__(self) -> str:
        text = ", ".join(f"{name}={value!r}" for name, value in _as_dict(self).items())
        return f"{type(self).__name__}({text})"


class TargetView(_Value):
    """A target: its tags, most preferred first, its marker variables, the unknown ones."""

    tags: tuple[str, ...]
    markers: Mapping[str, str]
    unknown: tuple[str, ...]


class JobOrder(_Value):
    """One run of ``pip download``, for one target.

    :param target: None for the running interpreter.
    :param files: the content of requirements and constraints files, by the names that pip uses.
    :param destination: the final folder, whose files are linked, and which pip's messages name.
    :param unset: environment variables that pip must not see.
    :param allowed_tags: by project, the tags that constraints allow.
    :param sources: the projects whose source distributions are allowed.
    :param preferred: by project, the version to try first if it is applicable and not yanked.
    :param excluded: the names and globs of projects that are left out, normalized.
    :param indexes: (name or glob, URL) of each index of a project; the first that matches counts.
    :param dry_run: whether to only resolve, and fetch no more than that needs.
    :param hashed: whether a dry run is for a lock: it fetches files without a sha256, asks for
        unknown sizes, and notes upload times.
    :param kept: the projects whose sources are fetched even in a dry run.
    :param configured: whether pip reads its configuration files and variables.
    :param quiet: whether one line stands for what pip says at its normal verbosity.
    """

    label: str
    target: TargetView | None
    arguments: tuple[str, ...]
    files: Mapping[str, str]
    folder: str
    destination: str
    result: Path
    unset: tuple[str, ...] = ()
    allowed_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    preferred: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    indexes: Pairs = ()
    dry_run: bool = False
    hashed: bool = False
    kept: frozenset[str] = frozenset()
    configured: bool = True
    quiet: bool = False


class ProjectStatus(_Value):
    """The status that an index gives a project, if it is not active (PEP 792).

    :param index: the page of the project, without credentials.
    :param status: such as ``archived``, ``deprecated`` or ``quarantined``.
    :param reason: as the index states it; may be empty.
    """

    project: str
    index: str
    status: str
    reason: str = ""


class ChosenFile(_Value):
    """A file that pip chose for a target; its name is the normalized one of the project.

    :param url: without credentials.
    :param requested: whether the user requested it by name.
    :param parents: the projects that require it; None stands for the user.
    :param yanked: the reason why it was yanked; None if it was not.
    :param size: in bytes, from the index or, in a dry run, the server.
    :param index: the page that lists it, without credentials.
    :param direct: whether it was requested by URL or path.
    :param subdirectory: the folder of the project in it; empty for the root.
    :param accepts: (algorithm, value) of every hash that the user allows in addition.
    :param uploaded: for a lock, when it was uploaded, as the index states it.
    :param provenance: the URL of its provenance (PEP 740), without credentials, if the page has it.
    """

    name: str
    version: str
    path: Path
    url: str
    requested: bool
    extras: tuple[str, ...]
    parents: tuple[str | None, ...]
    yanked: str | None
    requires_python: str | None = None
    hashes: Pairs = ()
    size: int | None = None
    requires: tuple[str, ...] = ()
    index: str | None = None
    direct: bool = False
    subdirectory: str = ""
    accepts: Pairs = ()
    uploaded: str | None = None
    provenance: str | None = None


class LeftOutProject(_Value):
    """A project that was left out, normalized, and what requires it; None stands for the user."""

    name: str
    parents: tuple[str | None, ...]


class FileFact(_Value):
    """A file on an index, and pip's verdict on it.

    :param verdict: ``candidate``, or pip's name for the reason to skip it; ``pre_release`` if only
        final releases are allowed, ``pre_release_if_named`` if a specifier has to name one.
    :param yanked: the reason why it was yanked; None if it was not.
    :param uploaded: in ISO 8601.
    """

    filename: str
    verdict: str
    requires_python: str | None = None
    yanked: str | None = None
    hashes: Pairs = ()
    uploaded: str | None = None


class Demand(_Value):
    """A requirement that could not be fulfilled.

    :param project: the project, normalized; empty for a requirement on Python.
    :param name: the project with its extras.
    :param constraint: the versions that constraints allow.
    :param hashes: every allowed hash; empty if any is.
    :param chain: (project, version) of the requiring project, then of the one that requires that.
    :param location: the place of the user's line, filled in by the parent if it is known.
    :param file: the file that was named by its URL or path.
    :param lacks_hash: whether a hash is needed and none is known.
    """

    project: str
    name: str
    specifier: str
    constraint: str = ""
    hashes: Pairs = ()
    chain: Pairs = ()
    location: str = ""
    file: str = ""
    lacks_hash: bool = False

    @property
    def requested_by(self) -> str:
        """Return the requiring project without extras; empty for the user."""
        return self.chain[0][0].partition("[")[0] if self.chain else ""


class Backtracking(_Value):
    """How often pip went back to another version, and why.

    :param versions: how many versions were tried.
    :param projects: of how many projects.
    :param tried_most: the project of which most were tried, normalized, and how many.
    :param rivals: two requirements on one project that no version satisfies, or one that none
        does, which excluded versions most often; empty if that is not known.
    :param times: how often these, or others of the same projects, did.
    :param is_alone: whether there are no such others.
    """

    versions: int
    projects: int
    tried_most: tuple[str, int]
    rivals: tuple[Demand, ...] = ()
    times: int = 0
    is_alone: bool = True


class HashMismatch(_Value):
    """A file that has none of the allowed hashes.

    :param file: its URL, without credentials.
    :param index: the page that lists it with its hash; empty if the user gave the hash.
    :param is_metadata: whether it is the metadata file of a wheel.
    :param allowed: (algorithm, value) of each allowed hash.
    :param found: those of the file.
    """

    file: str
    index: str
    is_metadata: bool
    allowed: Pairs
    found: Pairs


class Failure(_Value):
    """A failure of pip's resolver: requirements that cannot all be fulfilled.

    :param files: (project, its files) for each of their projects.
    :param places: (project, the searched pages and folders) for each without files.
    :param unseen: requested projects that were not checked.
    :param mismatch: the file because of which the only demand failed, if it has another hash.
    """

    demands: tuple[Demand, ...]
    files: tuple[tuple[str, tuple[FileFact, ...]], ...]
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unseen: tuple[str, ...] = ()
    mismatch: HashMismatch | None = None


class ListedRequirement(_Value):
    """A requirement or constraint, as pip reads it for a target; unused fields are empty.

    :param project: the project, normalized; empty if only its metadata has the name.
    :param name: the project with its extras, as it was written.
    :param needed: whether its marker is true for the target.
    :param problem: a sentence why that is not known.
    """

    project: str
    name: str
    specifier: str
    marker: str = ""
    hashes: Pairs = ()
    url: str = ""
    needed: bool = True
    problem: str = ""


class PageFailure(_Value):
    """An index page that could not be read, so that the project may have more releases.

    :param project: the project that it is about, or that was looked for, normalized.
    :param index: the URL of the index, or of the page of ``--find-links``, without credentials.
    :param reason: the status, such as ``503 Service Unavailable``, or what is wrong.
    """

    project: str
    index: str
    reason: str


class FoundFile(_Value):
    """A file of a project, and the version of which it is the best file, if it is."""

    fact: FileFact
    url: str
    size: int | None = None
    best_of: str | None = None


class FoundProject(_Value):
    """A project on the indexes, as a target sees it.

    :param taken: the URL of the file that pip would choose, given the requirements and constraints
        on this project alone.
    :param applicable: the versions that pip could choose.
    :param problem: a sentence why not all files are known.
    :param places: if there are no files, the pages and folders that were searched.
    :param neighbours: the names of other projects found there.
    :param page_failures: the pages of which the files are not known.
    :param statuses: the statuses that the indexes give it.
    """

    files: tuple[FoundFile, ...]
    taken: str | None = None
    applicable: frozenset[str] = frozenset()
    problem: str = ""
    places: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    page_failures: tuple[PageFailure, ...] = ()
    statuses: tuple[ProjectStatus, ...] = ()


class JobListing(_Value):
    """The listing of one job.

    :param hashed: whether pip checks the hash of every file.
    :param constraints: the constraints whose marker is true.
    :param projects: (name, project) for each that is needed from an index.
    """

    hashed: bool
    requirements: tuple[ListedRequirement, ...]
    constraints: tuple[ListedRequirement, ...]
    projects: tuple[tuple[str, FoundProject], ...]


class FetchFailure(_Value):
    """A file that could not be fetched.

    :param kind: ``content``, ``status`` or ``connection``.
    :param code: the server's status code, or 0.
    """

    path: str
    kind: str
    code: int
    text: str


class ResolveJobs(_Value):
    """Run ``pip download`` for each job; the result of each is a :class:`JobReport`.

    :param ahead: whether to prefetch, which only saves time.
    :param connections: how many connections to a host are allowed at once.
    :param refresh: whether pages that are fresh in pip's own cache are fetched again.
    :param lists: whether to only list the projects that the requirements name, from index pages;
        the result is a :class:`JobListing`, or missing if pip could not read the requirements.
    :param watched: whether progress is shown.
    """

    jobs: tuple[JobOrder, ...]
    ahead: bool
    connections: int
    store: Path | None = None
    refresh: bool = False
    lists: bool = False
    watched: bool = False


class PlainRun(_Value):
    """Run pip for this machine; only requirements files and the indexes of projects are changed.

    :param observed: whether to write a :class:`JobReport`, if pip succeeds and its choice is known.
    :param indexes: as in :class:`JobOrder`.
    """

    arguments: tuple[str, ...]
    files: Mapping[str, str]
    observed: bool
    indexes: Pairs = ()


class ReadFiles(_Value):
    """Fetch only requirements files, with options of pip; the result is :class:`Contents`."""

    urls: tuple[str, ...]
    arguments: tuple[str, ...]


class FetchLocked(_Value):
    """Fetch exactly these files with pip's session; the result is a :class:`FetchReport`.

    :param connections: the number of threads.
    :param resumes: how often an interrupted transfer is resumed without progress.
    :param elsewhere: whether to look for a missing file by its name on pip's indexes.
    :param unreachable: hosts that did not answer, which are tried last.
    :param indexes: as in :class:`JobOrder`; a missing file of such a project is only looked for
        there.
    :param watched: whether progress is shown.
    """

    files: tuple[FileToFetch, ...]
    arguments: tuple[str, ...]
    connections: int
    resumes: int
    store: Path | None
    elsewhere: bool
    unreachable: frozenset[str]
    indexes: Pairs = ()
    watched: bool = False


class JobStart(_Value):
    """The job of a process that was started before it was known.

    :param temporary: the folder for temporary files; None for the default.
    :param output: the file for pip's output; None to not redirect it.
    """

    job_file: Path
    temporary: str | None
    output: Path | None


class JobReport(_Value):
    """The result of a job, with pip's exit code.

    :param dependencies: ``all``, ``none`` or ``only``: what pip was told to fetch.
    :param messages: pip's messages about the failure, which were not shown.
    :param fresh_until: until when the index pages are fresh, in seconds since the epoch.
    :param page_failures: the index pages that could not be read.
    :param left_out: the excluded projects that something needs.
    :param statuses: the statuses of projects that were chosen, or, after a failure, that are
        needed.
    :param sees_provenance: whether it is known which files have a provenance.
    :param backtracking: after a failure, how often pip went back, if that was often.
    """

    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...] = ()
    failure: Failure | None = None
    messages: tuple[str, ...] = ()
    fresh_until: float | None = None
    page_failures: tuple[PageFailure, ...] = ()
    left_out: tuple[LeftOutProject, ...] = ()
    statuses: tuple[ProjectStatus, ...] = ()
    sees_provenance: bool = True
    backtracking: Backtracking | None = None


class Contents(_Value):
    """The texts of requirements files by URL, and the reasons why others were not fetched."""

    texts: Mapping[str, str]
    reasons: Mapping[str, str]


class FetchReport(_Value):
    """The files that could not be fetched; None if pip failed before, with its exit code."""

    exit_code: int
    failures: tuple[FetchFailure, ...] | None


class PipMoved(_Value):
    """Nothing was done: a sentence why the installed pip or the request is not supported."""

    sentence: str


Request = ResolveJobs | PlainRun | ReadFiles | FetchLocked
Result = JobReport | JobListing | Contents | FetchReport | PipMoved
Message = Request | JobStart | Progress | Result
_M = TypeVar("_M", bound=Message)


def to_json(message: Message) -> str:
    """Return a message as JSON."""
    head = {"schema": SCHEMA, "kind": type(message).__name__}
    return json.dumps({**head, **_as_dict(message)}, default=_as_plain)


def from_json(text: str | bytes, *kinds: type[_M]) -> _M:
    """Return the message of one of the kinds in a JSON text, or raise PipMovedError."""
    try:
        return _read(json.loads(text), kinds)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise PipMovedError(
            "wheeltarget and the process in which it runs pip seem to be different versions "
            f"({reason}); nothing was saved: "
            "run this again, and if that does not help, reinstall wheeltarget"
        ) from error


def write_message(path: Path, message: Message) -> None:
    """Write a message to a file atomically."""
    write_private(path, to_json(message))


def read_message(path: Path, *kinds: type[_M]) -> _M:
    """Read a message from a file as :func:`from_json` does."""
    return from_json(path.read_bytes(), *kinds)


def _read(data: Any, kinds: tuple[type[_M], ...]) -> _M:
    if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
        raise ValueError(f"the schema is not {SCHEMA}")
    name = data.pop("kind", None)
    kind: Any = next((each for each in kinds if each.__name__ == name), None)
    if kind is None:
        raise ValueError(f"the kind {name!r:.50} is not expected")
    message: _M = _reader(kind)(data)
    return message


def _as_dict(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _as_plain(value: object) -> object:
    """Convert a value that JSON does not have."""
    if isinstance(value, Path):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else _as_dict(value)


@cache
def _reader(wanted: Any) -> Callable[[Any], Any]:
    """Return a function that converts a value from JSON to a type, and checks it."""
    if is_dataclass(wanted):
        types: dict[str, Any] = {each.name: each.type for each in fields(wanted)}
        return partial(_read_object, wanted, {name: _reader(types[name]) for name in types})
    origin = get_origin(wanted)
    readers = [_reader(each) for each in get_args(wanted) if each not in {..., NoneType}]
    if origin is UnionType:
        return lambda value: None if value is None else readers[0](value)
    if origin is Mapping:
        return lambda value: {k: readers[1](v) for k, v in _checked(value, dict).items()}
    if origin is tuple and ... not in get_args(wanted):
        return partial(_read_tuple, readers)
    if origin is not None:
        return lambda value: origin([readers[0](each) for each in _checked(value, list)])
    if wanted is Path:
        return lambda value: Path(_checked(value, str))
    if wanted is float:
        return lambda value: float(value if type(value) is int else _checked(value, float))
    # Without another call, since there may be thousands of files.
    return lambda value: value if type(value) is wanted else _checked(value, wanted)


def _checked(value: Any, wanted: type) -> Any:
    if type(value) is not wanted:
        raise ValueError(f"{value!r:.50} is not of type {wanted.__name__}")
    return value


def _read_object(wanted: Any, readers: dict[str, Callable[[Any], Any]], value: Any) -> Any:
    if _checked(value, dict).keys() != readers.keys():
        names = ", ".join(sorted(map(str, value.keys() ^ readers.keys())))
        raise ValueError(f"unknown or missing in {wanted.__name__}: {names}")
    return wanted(*[reader(value[name]) for name, reader in readers.items()])


def _read_tuple(readers: list[Callable[[Any], Any]], value: Any) -> Any:
    if len(_checked(value, list)) != len(readers):
        raise ValueError(f"{value!r:.50} does not have {len(readers)} values")
    return tuple([reader(each) for reader, each in zip(readers, value, strict=True)])
