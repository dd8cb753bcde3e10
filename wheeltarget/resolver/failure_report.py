"""Jobs that pip could not do, and why: what it could not have, told project by project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from wheeltarget.pip_protocol import Demand
from wheeltarget.resolver.explanation import Explanation, UnmetError, explain
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.results import JobResult, RequestedBy
from wheeltarget.targets.target import Target

Lines = Callable[[Job], Iterable[tuple[str, RequestedBy]]]
"""Gives the project, or the URL of the project, that each line of a job names, and the line."""


def refuse_failures(
    results: Sequence[JobResult],
    labels: Sequence[str],
    build: Callable[[str], Target],
    lines: Lines,
) -> None:
    """Say for whom pip failed, and why as far as its resolver knew.

    :param results: what came of each job.
    :param labels: what to call each job's target.
    :param build: gives the target whose best tag is the one written; raises TargetError.
    :param lines: gives what the lines of a job name.
    :raises UnmetError: where pip failed for one of them.
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
        raise UnmetError(
            f"pip failed for {names}; nothing was saved",
            _hint(explanations, unseen),
            exit_code=failed[0][1].exit_code,
            explanations=explanations,
            said=[text for result, some in explained if not some for text in result.said],
        )


def _hint(explanations: Sequence[Explanation], unseen: Sequence[str]) -> str:
    if not explanations:
        return "what it said is above"
    names = ", ".join(dict.fromkeys(unseen))
    return f"not looked at yet: {names}" if names else ""


def _explanations(
    result: JobResult, build: Callable[[str], Target], lines: Lines
) -> Iterator[Explanation]:
    """Explain every project that could not be had."""
    target, failure = result.job.target, result.failure
    if target is None or failure is None:
        return
    asking = list(lines(result.job))
    files, places = dict(failure.files), dict(failure.places)
    for project in dict.fromkeys(demand.project for demand in failure.demands):
        if not project:
            continue  # it is Python, and pip has said so
        demands = dict.fromkeys(
            _placed(demand, asking) for demand in failure.demands if demand.project == project
        )
        seen, changed = _as_narrowed(target, project, result.job, build)
        found = explain(
            _distinct(demands), files.get(project, ()), seen, changed, places.get(project, ())
        )
        if not found.is_innocent:
            yield found


def _as_narrowed(
    target: Target, project: str, job: Job, build: Callable[[str], Target]
) -> tuple[Target, Callable[[str], Target]]:
    """Give a target as a project sees it, and what builds others, which then would not help."""
    narrow = dict(job.narrow).get(project)
    if narrow is None:
        return target, build
    seen = replace(target, label=f"{target.label} as a constraint narrows it", tags=tuple(narrow))
    return seen, lambda _text: seen


def _distinct(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """Give one of demands that differ in their extras alone, that with the most of them."""
    found: dict[object, Demand] = {}
    for demand in sorted(demands, key=lambda each: -len(each.name)):
        found.setdefault(replace(demand, name=""), demand)
    return tuple(demand for demand in demands if demand in found.values())


def _placed(demand: Demand, asking: Sequence[tuple[str, RequestedBy]]) -> Demand:
    """Say where the line stands that a demand comes from in the end."""
    root = demand.chain[-1][0].partition("[")[0] if demand.chain else demand.project
    mine = [asker for name, asker in asking if name in {root, demand.file}]
    same = [asker for asker in mine if not demand.chain and _asks(asker, demand)]
    places = [asker.location for asker in (*same, *mine)]
    return replace(demand, location=places[0] if places else "")


def _asks(asker: RequestedBy, demand: Demand) -> bool:
    """Tell whether a line of several on one project is the one that a demand is from."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import SpecifierSet

    try:
        return Requirement(asker.requirement).specifier == SpecifierSet(demand.specifier)
    except InvalidRequirement:
        return True
