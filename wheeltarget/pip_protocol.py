"""Every message between wheeltarget and the process in which it runs pip.

The parent starts ``python -m wheeltarget.pip_child JOB_FILE``. Standard input, output and error are
pip's. The job file holds one of the requests below. The child writes the result beside it, under
the name :data:`RESULT`, or those of several jobs to the paths that they name. If it cannot do the
request at all, it writes :class:`PipMoved` beside the job file, under the name :data:`FAILURE`, and
ends with the exit code :data:`PIP_MOVED`. After an interrupt it begins no further job and ends with
:data:`INTERRUPTED`. If there is no room for its own files, it ends with one of :data:`NO_ROOM`.
Otherwise its exit code is 0, however pip fared; only for :class:`PlainRun` it is pip's.

A process that was started before its job was known reads :class:`JobStart` from a pipe; see
:mod:`wheeltarget.resolver.prestart`.

A message is written as a JSON object with the schema's number, the name of the message's class as
its ``kind``, and its fields. Both sides read and write it with :func:`to_json` and
:func:`from_json`, which go by the types of the fields. Therefore annotations are not postponed in
this module: they are evaluated once, when it is loaded.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from wheeltarget.errors import PipMovedError
from wheeltarget.utils.atomic_write import write_private
from wheeltarget.utils.file_to_fetch import FileToFetch

SCHEMA = 2
"""The number of this version of the messages; it changes whenever one of them does."""

FAILURE = "failure.json"
"""The name of the file beside the job file that says why nothing was done."""

RESULT = "result.json"
"""The name of the file beside the job file for the result, if the request has only one."""

PIP_MOVED = PipMovedError.exit_code
INTERRUPTED = 130

NO_ROOM = {73: "ENOSPC", 74: "EDQUOT"}
"""The exit codes of a child that cannot write its files, with the name of the error."""

Pairs = tuple[tuple[str, str], ...]


class _Value:
    """What all classes below have in common: they are compared, hashed and shown by their fields.

    Each process loads all of them, and methods that are made for each take twice as long to load.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _as_dict(self) == _as_dict(other)

    def __hash__(self) -> int:
        return hash(tuple(_as_dict(self).values()))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in _as_dict(self).items())
        return f"{type(self).__name__}({said})"


# What a request is made of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TargetView(_Value):
    """A target as pip is to see it.

    :param tags: every supported tag, most preferred first.
    :param markers: the marker variables with a known value.
    :param unknown: the names of the other variables.
    """

    tags: tuple[str, ...]
    markers: Mapping[str, str]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobOrder(_Value):
    """One run of ``pip download``, for one target.

    :param label: the target's name in messages.
    :param target: the target; None for the running interpreter.
    :param arguments: the arguments of ``pip download``, with ``--dest``.
    :param files: the content of requirements and constraints files, by the name under which pip
        asks for them.
    :param folder: the folder that ``--dest`` names.
    :param destination: the folder for which it is meant: files that are already there are linked
        from it, and pip's messages name it.
    :param result: the path for the result.
    :param unset: environment variables that pip must not see.
    :param narrow: by project, the tags that constraints leave.
    :param sources: the projects of which source distributions are taken even for a target.
    :param prefer: by project, the version to try first if it can be taken and was not yanked.
    :param dry_run: whether to choose only, and fetch no more than that needs.
    :param hashed: whether a dry run fetches files of which the index has no sha256, and asks for
        the sizes that the index does not have.
    """

    label: str
    target: TargetView | None
    arguments: tuple[str, ...]
    files: Mapping[str, str]
    folder: str
    destination: str
    result: Path
    unset: tuple[str, ...] = ()
    narrow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    prefer: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    hashed: bool = False


# What a result is made of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChosenFile(_Value):
    """A file that pip chose for a target.

    :param name: the project, normalised.
    :param version: its version.
    :param path: the path of the file in the folder of the job.
    :param url: its URL, without credentials.
    :param requested: whether the user asked for it by name.
    :param extras: the extras that were asked for.
    :param parents: the projects that need it; None stands for the user.
    :param yanked: the reason for which it was yanked; None if it was not.
    :param requires_python: its Requires-Python, as the index has it.
    :param hashes: (algorithm, value) as the index has them.
    :param size: its size in bytes, as the index or, in a dry run, the server has it.
    :param requires: its dependencies, as its metadata has them.
    :param index: the page that lists it, without credentials; None if there is none.
    :param direct: whether it was asked for by URL or path.
    :param subdirectory: the folder in it that holds the project; empty for all of it.
    :param accepts: (algorithm, value) of every hash that the user allows; pip takes these, too.
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FileFact(_Value):
    """What pip says of a file of an index.

    :param filename: its name.
    :param verdict: pip's own word for why it was not taken, or ``candidate``; ``pre_release`` if
        only final releases are taken.
    :param requires_python: its Requires-Python, or None.
    :param yanked: the reason for which it was yanked, or None.
    :param hashes: (algorithm, value) as the index has them.
    :param uploaded: when it was uploaded, in ISO 8601; None if the index does not say.
    """

    filename: str
    verdict: str
    requires_python: str | None = None
    yanked: str | None = None
    hashes: Pairs = ()
    uploaded: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Demand(_Value):
    """A demand that could not be met.

    :param project: the project, normalised; empty if the demand is on Python.
    :param name: the project with its extras.
    :param specifier: which versions are asked for; may be empty.
    :param constraint: which versions the constraints leave; may be empty.
    :param hashes: (algorithm, value) of every hash that is allowed; empty if any is.
    :param chain: (project, version) of who asks, then of who asks for that; empty for the user.
    :param location: the place of the user's line behind it; the parent fills it in, and leaves it
        empty if there is none or it is not known.
    :param file: the file that was named by its URL or path; empty if none was.
    :param unlisted: whether hashes are compared and there is none for it.
    """

    project: str
    name: str
    specifier: str
    constraint: str = ""
    hashes: Pairs = ()
    chain: Pairs = ()
    location: str = ""
    file: str = ""
    unlisted: bool = False

    @property
    def asker(self) -> str:
        """Return the project that asks, without extras; empty for the user."""
        return self.chain[0][0].partition("[")[0] if self.chain else ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Failure(_Value):
    """What pip's resolver could not have.

    :param demands: the demands that cannot all be met.
    :param files: (project, its files) for each project that they are about.
    :param places: (project, the pages and folders that were searched) for each without files.
    :param unseen: projects that the user asks for and that were not looked at.
    """

    demands: tuple[Demand, ...]
    files: tuple[tuple[str, tuple[FileFact, ...]], ...]
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Asked(_Value):
    """A requirement or a constraint, as pip reads it for a target.

    :param project: the project, normalised; empty if only its metadata says it.
    :param name: the project with its extras, as it was written; empty likewise.
    :param specifier: which versions are asked for; may be empty.
    :param marker: its marker; may be empty.
    :param hashes: (algorithm, value) of every hash that is allowed; empty if any is.
    :param url: its URL if no index is asked; else empty.
    :param needed: whether its marker holds for the target.
    :param problem: why that is not known, as a sentence; else empty.
    """

    project: str
    name: str
    specifier: str
    marker: str = ""
    hashes: Pairs = ()
    url: str = ""
    needed: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FoundFile(_Value):
    """A file of a project.

    :param fact: what pip says of it.
    :param url: its URL, without credentials.
    :param size: its size in bytes, as the index has it, or None.
    :param best_of: the version for which pip would take it before every other file, or None.
    """

    fact: FileFact
    url: str
    size: int | None = None
    best_of: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FoundProject(_Value):
    """Everything that the indexes have of a project, as a target sees it.

    :param files: its files.
    :param taken: the URL of the file that pip would take for the requirements and constraints on
        this project alone; None if there is none.
    :param applicable: the versions that pip would take, of those with a file that fits.
    :param problem: why not all of it is known, as a sentence; else empty.
    :param places: if there are no files, the pages and folders that were searched.
    :param neighbours: names of other projects there, as far as they are known.
    """

    files: tuple[FoundFile, ...]
    taken: str | None = None
    applicable: frozenset[str] = frozenset()
    problem: str = ""
    places: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobListing(_Value):
    """What the indexes have for one job.

    :param hashed: whether pip compares the hash of every file with one that is listed.
    :param requirements: what is asked for.
    :param constraints: the constraints whose marker holds.
    :param projects: (project, what there is of it) for each that is needed from an index.
    """

    hashed: bool
    requirements: tuple[Asked, ...]
    constraints: tuple[Asked, ...]
    projects: tuple[tuple[str, FoundProject], ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FetchFailure(_Value):
    """A file that could not be fetched.

    :param path: the path that it was to be written to.
    :param kind: ``content``, ``status`` or ``connection``.
    :param code: the server's status code, or 0.
    :param text: the reason.
    """

    path: str
    kind: str
    code: int
    text: str


# Requests


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResolveJobs(_Value):
    """Run ``pip download`` for each job; the result of each is a :class:`JobReport`.

    :param jobs: the jobs; they share what they fetch.
    :param ahead: whether to fetch ahead of pip, which changes nothing but the time.
    :param connections: how many connections to a host are allowed at once.
    :param store: the folder of the wheel store; None to do without.
    :param refresh: whether pages that are fresh in pip's own cache are asked for again.
    """

    jobs: tuple[JobOrder, ...]
    ahead: bool
    connections: int
    store: Path | None = None
    refresh: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ListProjects(_Value):
    """List the projects that the requirements of each job name, in place of resolving them.

    Only index pages are fetched, each once for all jobs. The result of a job is a
    :class:`ListingReport`.

    :param jobs: the jobs.
    :param ahead: whether to fetch ahead of pip.
    :param connections: how many connections to a host are allowed at once.
    """

    jobs: tuple[JobOrder, ...]
    ahead: bool
    connections: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlainRun(_Value):
    """Run pip for this machine as it is, but for the content of requirements files.

    :param arguments: the arguments of ``pip download``.
    :param files: the content of requirements and constraints files, by name.
    :param observed: whether a :class:`JobReport` is written, if pip succeeds and what it chose can
        be determined.
    """

    arguments: tuple[str, ...]
    files: Mapping[str, str]
    observed: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReadFiles(_Value):
    """Fetch requirements files, and download nothing; the result is a :class:`Contents`.

    :param urls: their URLs.
    :param arguments: options of ``pip download``.
    """

    urls: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FetchLocked(_Value):
    """Fetch exactly these files with pip's session; the result is a :class:`FetchReport`.

    :param files: the files.
    :param arguments: options of ``pip download``, by which pip makes its session.
    :param connections: the number of threads.
    :param resumes: how often a file that breaks off is asked for again, with no progress between.
    :param store: the folder of the wheel store; None to do without.
    :param elsewhere: whether a file that is not at its URL is looked for by its name on the
        indexes that pip is given.
    :param unreachable: hosts that did not answer; ``elsewhere`` is tried before them.
    """

    files: tuple[FileToFetch, ...]
    arguments: tuple[str, ...]
    connections: int
    resumes: int
    store: Path | None
    elsewhere: bool
    unreachable: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobStart(_Value):
    """What a process does that was started before its job was known.

    :param job_file: the job file.
    :param temporary: the folder for temporary files; None for the usual one.
    :param output: the file for pip's output; None to leave its streams as they are.
    """

    job_file: Path
    temporary: str | None
    output: Path | None


# Results


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobReport(_Value):
    """What came of a job.

    :param exit_code: pip's exit code.
    :param dependencies: ``all``, ``none`` or ``only``: what pip was told to fetch.
    :param chosen: the files that pip chose.
    :param failure: what pip could not have, or None.
    :param said: pip's messages about that, which were held back.
    :param fresh_until: until when the index pages are fresh, in seconds since the epoch; None if
        that is not known, as without a store.
    """

    exit_code: int
    dependencies: str
    chosen: tuple[ChosenFile, ...] = ()
    failure: Failure | None = None
    said: tuple[str, ...] = ()
    fresh_until: float | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ListingReport(_Value):
    """What the indexes have for a job.

    :param listing: the listing; None if pip could not read what is asked for.
    """

    listing: JobListing | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Contents(_Value):
    """Requirements files that were fetched.

    :param texts: their texts by URL.
    :param reasons: by URL, why a file could not be fetched.
    """

    texts: Mapping[str, str]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FetchReport(_Value):
    """What came of fetching locked files.

    :param exit_code: pip's exit code.
    :param failures: what could not be fetched; None if pip did not come to that.
    """

    exit_code: int
    failures: tuple[FetchFailure, ...] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PipMoved(_Value):
    """Nothing was done: the installed pip is not built as expected, or the request is not known.

    :param sentence: the reason, as a sentence.
    """

    sentence: str


Request = ResolveJobs | ListProjects | PlainRun | ReadFiles | FetchLocked
REQUESTS: tuple[type[Request], ...] = get_args(Request)
Result = JobReport | ListingReport | Contents | FetchReport | PipMoved
Message = Request | Result | JobStart
_M = TypeVar("_M", bound=Message)


# Reading and writing


def to_json(message: Message) -> str:
    """Return a message as JSON.

    :param message: the message.
    """
    head = {"schema": SCHEMA, "kind": type(message).__name__}
    return json.dumps({**head, **_as_dict(message)}, default=_as_plain)


def from_json(text: str | bytes, *kinds: type[_M]) -> _M:
    """Return the message that a JSON text holds.

    :param text: the text.
    :param kinds: the kinds of messages that are expected.
    :raises PipMovedError: if it holds anything else.
    """
    try:
        return _read(json.loads(text), kinds)
    except (ValueError, RecursionError, _MismatchError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise PipMovedError(
            "wheeltarget and the process in which it runs pip do not understand each other "
            f"({reason}), as if they were of different versions; nothing was saved: "
            "run this again, and if that does not help, reinstall wheeltarget"
        ) from error


def write_message(path: Path, message: Message) -> None:
    """Write a message to a file that exists whole or not at all.

    :param path: the file; its folder has to exist.
    :param message: the message.
    """
    write_private(path, to_json(message))


def read_message(path: Path, *kinds: type[_M]) -> _M:
    """Read a message from a file.

    :param path: the file.
    :param kinds: the kinds of messages that are expected.
    :raises PipMovedError: if it holds anything else.
    """
    return from_json(path.read_bytes(), *kinds)


_LONGEST_REASON = 300
_Reader = Callable[[Any], Any]


class _MismatchError(Exception):
    """A value is not of the type that a message has there."""


def _read(data: Any, kinds: tuple[type[_M], ...]) -> _M:
    if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
        raise _MismatchError(f"the schema is not {SCHEMA}")
    kind = data.pop("kind", None)
    known: dict[Any, Any] = {each.__name__: each for each in kinds}
    if not isinstance(kind, str) or kind not in known:
        raise _MismatchError(f"the kind {kind!r:.50} is not expected")
    message: _M = _reader(known[kind])(data)
    return message


def _as_dict(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in type(value).__slots__}


def _as_plain(value: object) -> object:
    """Return a value of ours as one that JSON knows; it knows tuples and dictionaries."""
    if isinstance(value, Path):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else _as_dict(value)


@cache
def _reader(wanted: Any) -> _Reader:
    """Return a function that checks a value from JSON, and returns it as a type has it."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if is_dataclass(wanted):
        return _object_reader(wanted)
    if origin in {Union, UnionType}:
        return _optional_reader(arguments)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is frozenset:
        read_list = _tuple_reader((*arguments, ...))
        return lambda value: frozenset(read_list(value))
    if origin is Mapping:
        read_value = _reader(arguments[1])
        return lambda value: {k: read_value(v) for k, v in _checked(value, dict).items()}
    if wanted is Path:
        return lambda value: Path(_checked(value, str))
    if wanted is float:
        return lambda value: float(value if type(value) is int else _checked(value, float))
    # Without a further call, since there may be thousands of files.
    return lambda value: value if type(value) is wanted else _checked(value, wanted)


def _checked(value: Any, wanted: type) -> Any:
    if type(value) is not wanted:
        raise _MismatchError(f"{value!r:.50} is no {wanted.__name__}")
    return value


def _object_reader(wanted: Any) -> _Reader:
    types: dict[str, Any] = {each.name: each.type for each in fields(wanted)}
    readers = {name: _reader(each) for name, each in types.items()}

    def read(value: Any) -> Any:
        if _checked(value, dict).keys() != readers.keys():
            names = ", ".join(sorted(map(str, value.keys() ^ readers.keys())))
            raise _MismatchError(f"unknown or missing in {wanted.__name__}: {names}")
        return wanted(*[reader(value[name]) for name, reader in readers.items()])

    return read


def _optional_reader(arguments: tuple[Any, ...]) -> _Reader:
    (read_value,) = (_reader(each) for each in arguments if each is not NoneType)
    return lambda value: None if value is None else read_value(value)


def _tuple_reader(arguments: tuple[Any, ...]) -> _Reader:
    if arguments[1:] == (...,):
        read_each = _reader(arguments[0])
        return lambda value: tuple([read_each(each) for each in _checked(value, list)])
    readers = [_reader(each) for each in arguments]

    def read(value: Any) -> Any:
        if len(_checked(value, list)) != len(readers):
            raise _MismatchError(f"{value!r:.50} has not {len(readers)} values")
        return tuple([reader(each) for reader, each in zip(readers, value, strict=True)])

    return read
