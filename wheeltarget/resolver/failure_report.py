"""Raise an error for jobs that failed, with an explanation for each project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.explanation import Explanation, ResolutionError, explain
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.results import JobResult, RequestedBy
from wheeltarget.targets.target import Target

Lines = Callable[[Job], Iterable[tuple[str, RequestedBy]]]
"""Returns for each line of a job the project or URL that it names, and the line."""


def refuse_failures(
    results: Sequence[JobResult],
    labels: Sequence[str],
    build: Callable[[str], Target],
    lines: Lines,
) -> None:
    """Raise an error if pip failed for a target, and explain why as far as pip knows.

    :param results: the result of each job.
    :param labels: the label of each job's target.
    :param build: returns the target with a given best tag; raises TargetError.
    :param lines: returns what the lines of a job name.
    :raises ResolutionError: if pip failed for one of them.
    """
    failed = [
        (label, result) for label, result in zip(labels, results, strict=True) if result.exit_code
    ]
    if failed:
        *others, last = (label for label, _ in failed)
        names = f"{', '.join(others)} and {last}" if others else last
        explained = [(result, list(_explanations(result, build, lines))) for _, result in failed]
        explanations = [each for _, some in explained for each in some]
        unseen = [name for r, _ in explained if r.failure for name in r.failure.unseen]
        raise ResolutionError(
            f"pip failed for {names}; nothing was saved",
            _hint(explanations, unseen),
            exit_code=failed[0][1].exit_code,
            explanations=explanations,
            messages=[text for result, some in explained if not some for text in result.messages],
        )


def _hint(explanations: Sequence[Explanation], unseen: Sequence[str]) -> str:
    if not explanations:
        return "see pip's output above"
    names = ", ".join(dict.fromkeys(unseen))
    return f"not checked yet: {names}" if names else ""


def _explanations(
    result: JobResult, build: Callable[[str], Target], lines: Lines
) -> Iterator[Explanation]:
    """Explain every project at fault."""
    target, failure = result.job.target, result.failure
    if target is None or failure is None:
        return
    asking = list(lines(result.job))
    files, places = dict(failure.files), dict(failure.places)
    for project in dict.fromkeys(demand.project for demand in failure.demands):
        if not project:
            continue  # the demand is on Python, and pip's own message says so
        demands = dict.fromkeys(
            _placed(demand, asking) for demand in failure.demands if demand.project == project
        )
        seen, rebuild = _as_constrained(target, project, result.job, build)
        found = explain(
            _distinct(demands), files.get(project, ()), seen, rebuild, places.get(project, ())
        )
        if not found.is_innocent:
            yield found


def _as_constrained(
    target: Target, project: str, job: Job, build: Callable[[str], Target]
) -> tuple[Target, Callable[[str], Target]]:
    """Return a target with the tags that constraints leave a project, and a function for others.

    Another target would not help then, so the function always returns the same.
    """
    tags = dict(job.allowed_tags).get(project)
    if tags is None:
        return target, build
    seen = replace(target, label=f"{target.label}, narrowed by a constraint", tags=tags)
    return seen, lambda _text: seen


def _distinct(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Return one of each group of demands that differ in their extras only: the longest."""
    found: dict[object, Demand] = {}
    for demand in sorted(demands, key=lambda each: -len(each.name)):
        found.setdefault(replace(demand, name=""), demand)
    return tuple(demand for demand in demands if demand in found.values())


def _placed(demand: Demand, asking: Sequence[tuple[str, RequestedBy]]) -> Demand:
    """Return a demand with the location of the user's line that it comes from."""
    root = demand.chain[-1][0].partition("[")[0] if demand.chain else demand.project
    mine = [requested_by for name, requested_by in asking if name in {root, demand.file}]
    same = [
        requested_by
        for requested_by in mine
        if not demand.chain and _has_specifier(requested_by, demand)
    ]
    places = [requested_by.location for requested_by in (*same, *mine)]
    return replace(demand, location=places[0] if places else "")


def _has_specifier(requested_by: RequestedBy, demand: Demand) -> bool:
    """Check whether a line, of several on one project, has the specifier of a demand."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import SpecifierSet

    try:
        return Requirement(requested_by.requirement).specifier == SpecifierSet(demand.specifier)
    except InvalidRequirement:
        return True
