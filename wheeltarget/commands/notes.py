"""Notes on a run that went well: versions that differ, yanked files, constraints without use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.plan import Plan
from wheeltarget.resolver.results import JobResult


def notes_on(
    plan: Plan,
    results: Sequence[JobResult],
    labels: Sequence[str],
    pure: Collection[str],
    *,
    whole: bool = True,
) -> Iterator[str]:
    """Say what somebody should know of a good run.

    :param plan: the plan of the run.
    :param results: what came of each job.
    :param labels: what to call each job's target.
    :param pure: the projects of which a wheel is built here, normalised.
    :param whole: whether every job was run; one that was not may need what no other one does.
    :returns: a sentence for each.
    """
    host = "".join(label for job, label in zip(plan.jobs, labels, strict=True) if not job.target)
    for line in plan.untargeted:
        requirement = line.parsed.requirement or line.parsed.options
        yield f"{line.fault('').location}: {requirement} has no target: taken for {host}"
    for option in plan.opaque:
        yield f"{option} has no target: taken for {host}"
    yield from idle_notes(plan)
    versions: dict[str, dict[str, list[str]]] = {}
    for result, label in zip(results, labels, strict=True):
        for file in result.chosen:
            versions.setdefault(file.name, {}).setdefault(file.version, []).append(label)
            yield from _file_notes(file, label)
            if result.job.target is not None and file.path.suffix != ".whl":
                yield _source_note(file, label, pure)
    yield from differing(versions)
    allowed = frozenset().union(*(job.sources for job in plan.jobs))
    for name in sorted(allowed - versions.keys()) if whole else ():
        yield f"nothing needs {name}, of which a source was allowed"


def differing(versions: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    """Say which projects have different versions for different targets.

    :param versions: by project, the labels of the targets by version.
    :returns: a sentence for each.
    """
    for name, by_version in sorted(versions.items()):
        if len(by_version) > 1:
            each = (f"{version} for {', '.join(who)}" for version, who in by_version.items())
            yield f"{name} differs: {'; '.join(each)}"


def idle_notes(plan: Plan) -> Iterator[str]:
    """Say which constraints are for no target of a run.

    :param plan: the plan of the run.
    :returns: a sentence for each.
    """
    for line in plan.idle:
        place = line.fault("").location
        yield f"{place}: this constraint on {line.parsed.requirement} is for no target of this run"


def _file_notes(file: ChosenFile, label: str) -> Iterator[str]:
    """Say what is not usual about a file."""
    from packaging.version import Version

    if file.yanked is not None:
        reason = f": {file.yanked}" if file.yanked else ""
        yield f"{file.name} {file.version} for {label} was yanked{reason}"
    if Version(file.version).is_prerelease:
        yield f"{file.name} {file.version} for {label} is a pre-release"


def _source_note(file: ChosenFile, label: str, pure: Collection[str]) -> str:
    """Say what becomes of a source; in a dry run none is built."""
    if file.name in pure:
        return f"{file.path.name} is a source, of which a pure Python wheel would be built here"
    return (
        f"{file.path.name} is a source for {label} to build there; what it depends on is as "
        "its build on this machine says"
    )
