"""Count what pip's resolver tries, and write a note if it goes back for long.

This is a convenience: if pip does not take part, or anything here fails, the run goes on without
it, and nothing is said.
"""

from __future__ import annotations

import logging
import operator
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from types import SimpleNamespace
from typing import Any

from pip._internal.resolution.resolvelib.candidates import _InstallRequirementBackedCandidate
from pip._internal.resolution.resolvelib.factory import Factory

from wheeltarget.pip_child.job import CurrentJob, JobState, replaces
from wheeltarget.pip_child.links import normalize_name
from wheeltarget.pip_child.patches.failures import demand_of
from wheeltarget.pip_child.patches.install import PROOF
from wheeltarget.pip_child.tries import Claim, Claims
from wheeltarget.pip_protocol import Backtracking, Demand
from wheeltarget.utils.text import printable

_LOGGER = logging.getLogger(__name__)
_RESOLVER = "pip._internal.resolution.resolvelib"
"""The package of pip's resolver, which is loaded, unless another pip does without a part of it."""


class TriesCounter:
    """Counts what pip tries for the current job.

    :param clock: returns seconds that only increase.
    """

    def __init__(self, current: CurrentJob, clock: Callable[[], float] = time.monotonic) -> None:
        self._current, self._clock = current, clock
        self._resolution = _Resolution(current.job)
        self._undo = ExitStack()

    def install(self) -> None:
        """Patch pip, or take everything back if the proof fails."""
        is_proved = False
        with _errors_ignored():
            self._patch()
            self._current.begin(PROOF)
            is_proved = self._prove()
        if not is_proved:
            self.remove()

    def remove(self) -> None:
        """Take all patches back."""
        self._undo.close()

    def _patch(self) -> None:
        @replaces(Factory, "collect_root_requirements", undo=self._undo)
        def collect(original: Any, factory: Any, *rest: Any, **named: Any) -> Any:
            collected = original(factory, *rest, **named)
            with _errors_ignored():
                self._resolution = _Resolution(
                    self._current.job,
                    factory._finder,
                    collected.requirements,
                    collected.constraints,
                )
            return collected

        # If PIP_RESOLVER_DEBUG is set, pip uses the other class.
        reporters = sys.modules[f"{_RESOLVER}.reporter"]
        for kind in (reporters.PipReporter, reporters.PipDebuggingReporter):

            @replaces(kind, "pinning", undo=self._undo)
            def pin(original: Any, self_: Any, candidate: Any) -> Any:
                with _errors_ignored():
                    self._note(candidate)
                return original(self_, candidate)

            @replaces(kind, "rejecting_candidate", undo=self._undo)
            def reject(original: Any, self_: Any, criterion: Any, candidate: Any) -> Any:
                with _errors_ignored():
                    self._note(candidate, self._resolution.claims_of(criterion))
                return original(self_, criterion, candidate)

        # Without this, the version before is shown while the metadata of one is fetched.
        @replaces(_InstallRequirementBackedCandidate, "_prepare", optional=True, undo=self._undo)
        def prepare(original: Any, candidate: Any) -> Any:
            with _errors_ignored():
                name, version = normalize_name(candidate._name), str(candidate._version)
                self._resolution.job.tries.begin(name, version)
            return original(candidate)

    def _prove(self) -> bool:
        """Check that pip's reporter counts what its resolver does, and reads its requirements."""
        resolution = self._resolution = _Resolution(self._current.job)
        read = sys.modules["pip._internal.req.constructors"].install_req_from_line
        make = sys.modules[f"{_RESOLVER}.requirements"].SpecifierRequirement
        resolver = sys.modules[f"{_RESOLVER}.resolver"]
        first, second, excluded = (make(read(text)) for text in ("lib>=2", "app", "lib<2"))
        provider = _ProofProvider({"lib 2": [], "app 2": [excluded], "app 1": []})
        resolver.RLResolver(provider, resolver.PipReporter()).resolve([first, second])
        tries = resolution.job.tries
        return (tries.versions, tries.projects) == (3, 2) and list(resolution.causes) == [
            Claim("lib", "", "lib>=2", ""),
            Claim("lib", "app", "lib<2", "2"),
        ]

    def _note(self, candidate: Any, claims: Claims | None = None) -> None:
        """Count a version that is pinned or, because of some claims, rejected."""
        if candidate.source_link is None:
            return  # it stands for the target's Python
        project, job = normalize_name(candidate.project_name), self._resolution.job
        job.tries.add(project, str(candidate.version), self._resolution.applicable, claims)
        if job.tries.is_note_due(now := self._clock()) and not _is_quiet():
            seconds = job.tries.seconds_at(now)
            _write_note(note_on(self._resolution.summary(), job.order.label, seconds))

    def summary(self, job: JobState) -> Backtracking | None:
        """Return how often pip went back for a job; None if it was not often, or not counted."""
        found = None
        with _errors_ignored():
            if job is self._resolution.job and job.tries.are_many:
                found = self._resolution.summary()
        return found


class _ProofProvider:
    """Provides releases, given with their requirements, to the resolver below pip's."""

    def __init__(self, releases: Mapping[str, Sequence[Any]]) -> None:
        self._candidates = [
            SimpleNamespace(name=n, project_name=n, version=v, source_link=n, needs=releases[each])
            for each in releases
            for n, v in [each.split()]
        ]

    def identify(self, requirement_or_candidate: Any) -> str:
        return str(requirement_or_candidate.name)

    def narrow_requirement_selection(self, identifiers: Any, **_: Any) -> Any:
        return identifiers

    def get_preference(self, identifier: str, **_: Any) -> bool:
        return identifier != "lib"  # it is taken first

    def find_matches(self, identifier: str, requirements: Any, incompatibilities: Any) -> list[Any]:
        without = list(incompatibilities[identifier])
        found = [each for each in self._candidates if each.name == identifier]
        wanted = list(requirements[identifier])
        return [
            each
            for each in found
            if each not in without and all(self.is_satisfied_by(req, each) for req in wanted)
        ]

    def is_satisfied_by(self, requirement: Any, candidate: Any) -> bool:
        return bool(requirement.is_satisfied_by(candidate))

    def get_dependencies(self, candidate: Any) -> Any:
        return candidate.needs


@contextmanager
def _errors_ignored() -> Iterator[None]:
    try:
        yield
    except Exception:
        _LOGGER.debug("What pip tries cannot be counted", exc_info=True)


def _is_quiet() -> bool:
    """Return whether pip shows warnings and errors alone."""
    others = (logging.FileHandler, logging.NullHandler)
    consoles = [each for each in logging.getLogger().handlers if not isinstance(each, others)]
    return all(handler.level > logging.INFO for handler in consoles)


def note_on(backtracking: Backtracking, label: str, seconds: float) -> str:
    """Return a note on what pip has tried for a target, why, and what to do."""
    project, number = backtracking.tried_most
    projects = f"{backtracking.projects} projects" if backtracking.projects > 1 else "1 project"
    tried = f"{backtracking.versions} versions of {projects} for {label} in {seconds:.0f} s"
    why = _describe_rivals(backtracking) or f"{number} of them are of {project}"
    rivals = backtracking.rivals
    mine = [f"{each.name}{each.specifier}" for each in rivals if not each.chain]
    mine += [f"{each.project}{each.constraint}" for each in rivals if each.constraint]
    names = dict.fromkeys(each.requested_by for each in rivals if each.chain) or (project,)
    loosen = f"loosen {mine[0]}, or " if mine else ""
    return (
        f"pip has tried {tried}; {why}: "
        f"{loosen}pin {' or '.join(names)} more closely, as a requirement or with -c"
    )


def _describe_rivals(backtracking: Backtracking) -> str:
    if not backtracking.rivals:
        return ""
    first, *others = map(_describe, backtracking.rivals)
    demand = backtracking.rivals[0]
    if demand.constraint:
        others = [f"the constraint {demand.project}{demand.constraint}"]
    often = f"most often ({backtracking.times} times) "
    example = "" if backtracking.is_alone else "requirements such as "
    if others:
        return f"{often}{example}{first} and {others[0]} exclude each other"
    if demand.project:
        return f"{often}no version for the target satisfies {example}{first}"
    return f"{often}the target does not have {first}"


def _describe(demand: Demand) -> str:
    """Return a requirement and what needs it, such as ``lib<2 (needed by app 1.0)``."""
    what = f"{demand.name}{demand.specifier}" if demand.project else f"Python {demand.specifier}"
    if demand.chain:
        return f"{what} (needed by {' '.join(filter(None, demand.chain[0]))})"
    return f"{what} from {demand.location}" if demand.location else f"{what} (you asked for it)"


def _write_note(text: str) -> None:
    sys.stderr.write(f"note: {printable(text)}\n")
    sys.stderr.flush()


@dataclass(frozen=True, eq=False, repr=False)
class _Resolution:
    """What pip resolves for a job.

    :param roots: the user's requirements.
    :param constraints: by project.
    :param causes: each claim as pip's requirement and its parent.
    """

    job: JobState
    finder: Any = None
    roots: Sequence[Any] = ()
    constraints: Mapping[str, Any] = field(default_factory=dict)
    causes: dict[Claim, tuple[Any, Any]] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)  # projects that have a URL
    _known: dict[tuple[str, ...], bool] = field(default_factory=dict)

    def claims_of(self, criterion: Any) -> Claims:
        """Return all requirements on a project for which pip has no version left."""
        return tuple(self._claim(*each) for each in criterion.information)

    def _claim(self, requirement: Any, parent: Any) -> Claim:
        project = normalize_name(requirement.project_name)
        project = "" if project.startswith("<") else project  # for a requirement on Python
        above = ("", "") if parent is None else (parent.project_name, str(parent.version))
        claim = Claim(project, above[0], str(requirement), above[1])
        if claim not in self.causes:
            self.causes[claim] = requirement, parent
            if requirement.get_candidate_lookup()[0] is not None:
                self._given.add(project)
        return claim

    def applicable(self, project: str) -> list[str]:
        """Return the versions of a project that the user's own lines and constraints allow.

        More than these are never tried, except for pre-releases.
        """
        mine = [each for each in self.roots if normalize_name(each.project_name) == project]
        lookups = (each.get_candidate_lookup()[1] for each in mine)
        found = self._find(project, [each.specifier for each in lookups if each is not None])
        return [str(each.version) for each in found.applicable_candidates]

    def _find(self, project: str, specifiers: Sequence[Any], *, constrained: bool = True) -> Any:
        constraint = self.constraints.get(project) if constrained else None
        every = [*specifiers, *([constraint.specifier] if constraint else [])]
        specifier = reduce(operator.and_, every) if every else None
        # The finder's own function would note what is found as what pip looks for.
        evaluator = self.finder.make_candidate_evaluator(project, specifier=specifier)
        return evaluator.compute_best_candidate(self.finder.find_all_candidates(project))

    def summary(self) -> Backtracking:
        """Return how often pip went back, and which requirements were the reason."""
        tries = self.job.tries
        claims, times, is_alone = tries.rivals(self._excludes)
        rivals = tuple(map(self._demand, claims))
        if len(rivals) > 1 or not self._is_constrained(claims):
            rivals = tuple(replace(demand, constraint="") for demand in rivals)
        most = tries.tried_most()
        return Backtracking(tries.versions, tries.projects, most, rivals, times, is_alone)

    def _demand(self, claim: Claim) -> Demand:
        """Return a claim with what requires it, and for one of the user, where pip found it."""
        requirement, parent = self.causes[claim]
        demand = demand_of((requirement, parent), self.constraints)
        place = getattr(requirement.get_candidate_lookup()[1], "comes_from", None)
        return replace(demand, location=place) if isinstance(place, str) else demand

    def _excludes(self, claims: Claims) -> bool:
        """Return whether no version of a project satisfies all claims on it."""
        key = tuple(claim.requirement for claim in claims)
        if key not in self._known:
            self._known[key] = not self._is_possible(claims)
        return self._known[key]

    def _is_constrained(self, claims: Claims) -> bool:
        """Return whether a version would satisfy some claims without the constraints."""
        return bool(claims and claims[0].project) and self._is_possible(claims, constrained=False)

    def _is_possible(self, claims: Claims, *, constrained: bool = True) -> bool:
        project = claims[0].project
        lookups = [self.causes[claim][0].get_candidate_lookup() for claim in claims]
        given = {id(candidate): candidate for candidate, _ in lookups if candidate is not None}
        specifiers = [wanted.specifier for _, wanted in lookups if wanted is not None]
        if not project:
            return bool(given)  # pip gives the target's Python if it satisfies the requirement
        constraint = self.constraints.get(project)
        if not given and (project in self._given or (constraint and constraint.links)):
            return True  # no index may be asked for it
        if not given:
            return (
                self._find(project, specifiers, constrained=constrained).best_candidate is not None
            )
        (version, *others) = (candidate.version for candidate in given.values())
        return not others and all(each.contains(version, prereleases=True) for each in specifiers)
