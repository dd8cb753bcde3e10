"""Notes on a successful run: versions that differ, yanked files, unused constraints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Plan


def notes_on(
    plan: Plan,
    results: Sequence[JobResult],
    labels: Sequence[str],
    pure: Collection[str],
    *,
    whole: bool = True,
) -> Iterator[str]:
    """Return notes on a successful run.

    :param plan: the plan of the run.
    :param results: the result of each job.
    :param labels: the label of each job's target.
    :param pure: the projects of which a wheel is built here, normalised.
    :param whole: whether every job was run; a job that was not may need projects of its own.
    :returns: one sentence each.
    """
    host = "".join(label for job, label in zip(plan.jobs, labels, strict=True) if not job.target)
    for line in plan.untargeted:
        requirement = line.parsed.requirement or line.parsed.options
        yield f"{line.fault('').location}: {requirement} has no target; assuming {host}"
    for option in plan.pip_only:
        yield f"{option} has no target; assuming {host}"
    yield from unused_constraint_notes(plan)
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
        yield f"nothing needs {name}, whose source was allowed"


def differing(versions: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    """Return a note for each project with different versions for different targets.

    :param versions: by project, the labels of the targets by version.
    :returns: one sentence each.
    """
    for name, by_version in sorted(versions.items()):
        if len(by_version) > 1:
            each = (f"{version} for {', '.join(who)}" for version, who in by_version.items())
            yield f"{name} differs: {'; '.join(each)}"


def unused_constraint_notes(plan: Plan) -> Iterator[str]:
    """Return a note for each constraint that applies to no target of a run.

    :param plan: the plan of the run.
    :returns: one sentence each.
    """
    for line in plan.idle:
        place = line.fault("").location
        constraint = line.parsed.requirement
        yield f"{place}: the constraint {constraint} applies to no target of this run"


def _file_notes(file: ChosenFile, label: str) -> Iterator[str]:
    from packaging.version import Version

    if file.yanked is not None:
        reason = f": {file.yanked}" if file.yanked else ""
        yield f"{file.name} {file.version} for {label} was yanked{reason}"
    if Version(file.version).is_prerelease:
        yield f"{file.name} {file.version} for {label} is a pre-release"


def _source_note(file: ChosenFile, label: str, pure: Collection[str]) -> str:
    if file.name in pure:  # in a dry run, which builds nothing
        return f"{file.path.name} is a source; a pure Python wheel would be built from it here"
    return (
        f"{file.path.name} is a source, to be built on {label}; its dependencies are those that "
        "its build reports on this machine"
    )
