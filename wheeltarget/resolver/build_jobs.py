"""Make the jobs that fetch what sources need to be built on a target.

pip builds each source in an environment of its own. So the versions there do not depend on what
the user requires, constrains or leaves out, and each source may have others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from packaging.requirements import Requirement

from wheeltarget.pip_config.options import FOR_BUILDING, GivenOption, settings_as_options
from wheeltarget.pip_config.project_indexes import ProjectIndexes
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver.plan import Job, target_arguments
from wheeltarget.targets.target import Target

_CONSTRAINT = "--build-constraint"


def build_job(
    target: Target,
    source: str,
    requirements: Sequence[Requirement],
    options: Iterable[GivenOption],
    settings: Mapping[str, str],
    sources: frozenset[str],
    indexes: ProjectIndexes,
) -> Job:
    """Return the job that resolves what a source needs to be built.

    :param source: the file name of the source, which messages name.
    :param requirements: what it needs; none by URL.
    :param options: the options of the run.
    :param settings: pip's configuration, by long option without its dashes.
    :param sources: the projects whose source distributions are allowed, normalised.
    :param indexes: the indexes of projects.
    """
    lines = tuple(_lines(source, requirements))
    # pip does not read its configuration, which may have requirements of the run.
    given = (*settings_as_options(settings, FOR_BUILDING), *options)
    kept = (option for option in given if option.name in FOR_BUILDING)
    arguments = chain.from_iterable(map(_for_building, kept))
    typed = (line.parsed.requirement for line in lines)
    return Job(
        target,
        (*arguments, *target_arguments(target), "--", *typed),
        (),
        lines,
        sources=sources,
        configured=False,
        indexes=indexes,
    )


def _for_building(option: GivenOption) -> tuple[str, ...]:
    """Return the arguments of an option; pip's constraints for building are constraints here."""
    constraint = (f"--constraint={option.value}",) if option.name == _CONSTRAINT else ()
    return (*option.arguments, *constraint)


def _lines(source: str, requirements: Iterable[Requirement]) -> Iterator[SourceLine]:
    """Return requirements as lines of the source, for messages."""
    for number, requirement in enumerate(requirements, start=1):
        line = parse_typed(number, str(requirement))
        if isinstance(line, SourceLine):
            yield SourceLine(source, number, line.parsed, line.pieces)
