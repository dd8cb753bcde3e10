"""Make the lock of one target from what pip chose, without reading or writing files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from packaging.markers import default_environment
from packaging.pylock import PylockSelectError
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.commands.prepare import Prepared
from wheeltarget.errors import LockError
from wheeltarget.lockfile.model import Attestation, Lock, LockedPackage, to_pylock
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.requirements.parser import SourceLine
from wheeltarget.resolver.plan import Job, all_options, constraints_for, hash_hint
from wheeltarget.targets.exclusions import NOTHING, Exclusions
from wheeltarget.targets.target import Target
from wheeltarget.utils.files import url_path

_DECIDING = frozenset(
    {
        *("--all-releases", "--only-final", "--pre", "--prefer-binary", "--uploaded-prior-to"),
        *("--no-binary", "--only-binary", "--no-deps", "--only-deps", "--ignore-requires-python"),
        *("--group", "--requirements-from-script"),
    }
)
"""The options of pip that affect which files are chosen. A lock names the index of each file."""

_VARIABLES = ("implementation_name", "platform_machine", "sys_platform")
"""The variables in an ``environments`` marker; Python is in ``requires-python``."""

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]+@")


def inputs_of(
    job: Job, prepared: Prepared, clause: str, pure: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the inputs of a lock: requirements, constraints, and options that affect the choice.

    :param clause: the clause that names the job's target, as the user wrote it.
    :param pure: the projects of which a wheel is built here, normalised.
    """
    for line in job.lines:
        requirement, options = line.parsed.requirement.strip(), line.parsed.options.strip()
        yield _join(f"{requirement or options} ; {clause}", options if requirement else "")
    if any(argument.startswith("--group=") for argument in job.arguments):
        yield from (_join(f"{requirement} ; {clause}") for requirement in prepared.grouped)
    constraints = constraints_for(job.target, prepared.inputs.entries, prepared.found)
    yield from map(_constraint, constraints.lines)
    for _, option in all_options(prepared.inputs.files, prepared.invocation.command):
        if option.name in _DECIDING:
            yield from option.arguments
    yield from (f"--allow-sdist={project}" for project in job.sources - pure)
    yield from (f"--build-pure={project}" for project in job.sources & pure)
    yield from (f"--exclude={pattern}" for pattern in job.excluded.patterns)


def _constraint(line: SourceLine) -> str:
    parsed = line.parsed
    named = ((each.key, ",".join(value.text for value in each.values)) for each in parsed.clauses)
    clauses = (f"; {key}={values}" for key, values in named)
    return _join("-c", parsed.requirement.strip(), *clauses, parsed.options.strip())


def _join(*parts: str) -> str:
    return " ".join(" ".join(part.split()) for part in parts if part)


def make_lock(
    label: str,
    target: Target,
    inputs: Iterable[str],
    folder: Path,
    files: Sequence[ChosenFile],
    sources: Mapping[str, str] = MappingProxyType({}),
    excluded: Exclusions = NOTHING,
    attested: Mapping[str, Attestation] = MappingProxyType({}),
) -> Lock:
    """Make the lock of the files chosen for a target.

    :param folder: the absolute path of the lock's folder.
    :param sources: by project, the source of each wheel that was built here.
    :param excluded: what was left out.
    :param attested: who has published a file, by its sha256.
    :raises LockError: if a file has no hash, or the target would not select these files from the
        lock.
    """
    needs: dict[str, set[str]] = {}
    for file in files:
        for parent in file.parents:
            needs.setdefault(parent or "", set()).add(file.name)
    lock = Lock(
        label,
        target.tags[0],
        target.environment["python_full_version"],
        tuple(map(clean, inputs)),
        tuple(
            replace(
                _package(file, needs, label, target, folder),
                built_from=clean(sources.get(file.name, "")),
                attested=attested.get(dict(file.hashes).get("sha256", "")),
            )
            for file in files
        ),
        describe_machine(target),
        describe_python(target),
        excluded.patterns,
        "" if target.pip is None or target.pip.is_assumed else target.pip.version,
    )
    _verify(lock, target)
    return lock


def clean(text: str) -> str:
    """Remove credentials and what cannot be encoded from a text."""
    return _CREDENTIALS.sub("", text).encode("utf-8", "replace").decode()


def _package(
    file: ChosenFile, needs: Mapping[str, set[str]], label: str, target: Target, folder: Path
) -> LockedPackage:
    sha256 = dict(file.hashes).get("sha256")
    scheme = urlsplit(file.url).scheme
    if sha256 is None:
        checkout = "+" in scheme
        what = "a checkout" if checkout else "a local folder"
        raise LockError(
            f"cannot lock {file.name} for {label}: it is {what}, which has no hash",
            hash_hint(file.name, checkout=checkout),
        )
    local = scheme == "file"
    url, path = ("", _path(file.url, folder)) if local else (file.url, "")
    return LockedPackage(
        file.name,
        str(Version(file.version)),
        file.path.name,
        sha256,
        url,
        path,
        file.size,
        direct=file.direct,
        index="" if file.direct or local else _index(file),
        requires_python=_requires_python(file.requires_python, target),
        dependencies=tuple(needs.get(file.name, ())),
        subdirectory=file.subdirectory if file.direct else "",
        uploaded=None if file.direct else _upload_time(file.uploaded),
    )


def _upload_time(text: str | None) -> datetime | None:
    """Return an upload time in UTC; None if it is unknown, or not a time."""
    try:
        time = datetime.fromisoformat(text or "")
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None


def _path(url: str, folder: Path) -> str:
    """Return the path of a local file, relative to the folder of the lock if possible."""
    path = url_path(url)
    with contextlib.suppress(ValueError):  # it is on another drive
        path = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    return path.replace(os.sep, "/")


def _index(file: ChosenFile) -> str:
    """Return the index that a project's page belongs to; an empty string if it is another page."""
    page = urlsplit(file.index or "")._replace(query="", fragment="").geturl().rstrip("/")
    base, _, last = page.rpartition("/")
    return f"{base}/" if base and canonicalize_name(unquote(last)) == file.name else ""


def _requires_python(text: str | None, target: Target) -> str:
    """Return a file's Requires-Python if it is valid and allows the target."""
    try:
        pythons = SpecifierSet(text or "")
    except InvalidSpecifier:
        return ""  # from before PEP 440
    # With --ignore-requires-python the target may not match, and an installer would refuse it.
    return str(pythons) if pythons.contains(_full_version(target), prereleases=True) else ""


def _full_version(target: Target) -> str:
    return target.environment["python_full_version"].removesuffix("+")


def describe_python(target: Target) -> str:
    """Return the Pythons of a target: every patch release of its minor version."""
    major, minor = target.python.split(".")[:2]
    if Version(_full_version(target)).is_prerelease:
        return f"<{major}.{int(minor) + 1},>={major}.{minor}.dev0"
    return f"=={major}.{minor}.*"


def describe_machine(target: Target) -> str:
    """Return the marker of a target's machine."""
    known = {name: target.environment.get(name, "") for name in _VARIABLES}
    return " and ".join(
        f'{name} == "{value}"' for name, value in known.items() if value and '"' not in value
    )


def _verify(lock: Lock, target: Target) -> None:
    """Check that an installer on the target selects exactly the files of its lock."""
    # No marker in a lock depends on an unknown variable, so their values do not matter.
    environment = {**dict.fromkeys(default_environment(), ""), **target.environment}
    environment["python_full_version"] = _full_version(target)
    tags = [Tag(*tag.split("-")) for tag in target.tags]
    try:
        selected = to_pylock(lock).select(environment=environment, tags=tags)  # type: ignore[arg-type]
        taken = {str(package.name): getattr(file, "name", None) for package, file in selected}
    except PylockSelectError as error:
        raise LockError(f"the lock for {lock.target} cannot be installed there: {error}") from error
    if taken != {each.name: None if each.direct else each.filename for each in lock.packages}:
        raise LockError(f"an installer on {lock.target} would not select the files of its lock")
