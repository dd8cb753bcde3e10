"""The inputs of a lock as texts: requirements, constraints, options that affect the choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wheeltarget.pip_config.options import CommandLine
from wheeltarget.requirements.parser import Inputs, SourceLine
from wheeltarget.resolver.constraints import constraints_for
from wheeltarget.resolver.plan import Job, all_options
from wheeltarget.targets.names import TargetName
from wheeltarget.targets.target import Target

HOST = "host"
"""The name of the running interpreter."""

_DECIDING = frozenset(
    {
        "--all-releases",
        "--group",
        "--ignore-requires-python",
        "--no-binary",
        "--no-deps",
        "--only-binary",
        "--only-deps",
        "--only-final",
        "--pre",
        "--prefer-binary",
        "--requirements-from-script",
        "--uploaded-prior-to",
    }
)
"""The options of pip that affect which files are chosen. A lock names the index of each file."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the targets.

    :param found: the target of each name; None for the running interpreter.
    :param host: the running interpreter.
    """

    found: Mapping[TargetName, Target | None]
    host: Target

    def label(self, target: Target | None) -> str:
        """Return the label of a target; of several names always the same."""
        named = self.found.get(self._name(target))
        return named.label if named else HOST

    def clause(self, target: Target | None) -> str:
        """Return the clause that names a target, as the user wrote it."""
        name = self._name(target)
        return f"{name.key}={name.text}"

    def folder(self, target: Target | None) -> str:
        """Return the folder that a target's path is relative to, if its name is a path."""
        return self._name(target).folder

    def _name(self, target: Target | None) -> TargetName:
        names = (name for name, named in self.found.items() if named == target)
        return min(names, key=self._order, default=TargetName("target", HOST, ""))

    def _order(self, name: TargetName) -> tuple[str, str, str]:
        named = self.found[name]
        return named.label if named else "", name.key, name.text


def inputs_of(job: Job, inputs: Inputs, command: CommandLine, names: Names) -> tuple[str, ...]:
    """Return the inputs of the lock of a job's target.

    :param job: the job.
    :param inputs: all requirements and constraints.
    :param command: pip's own options, as given.
    :param names: the names of the targets.
    :returns: the texts, with possible duplicates.
    """
    clause = names.clause(job.target)
    named = {name: target or names.host for name, target in names.found.items()}
    constraints = constraints_for(job.target or names.host, inputs.entries, named)
    return (
        *(_annotated(line, clause) for line in job.lines),
        *(_constraint(line) for line in constraints.lines),
        *_options(inputs, command),
        *(f"--allow-sdist={project}" for project in job.sources),
    )


def _annotated(line: SourceLine, clause: str) -> str:
    requirement, options = line.parsed.requirement.strip(), line.parsed.options.strip()
    return _join(f"{requirement or options} ; {clause}", options if requirement else "")


def _constraint(line: SourceLine) -> str:
    parsed = line.parsed
    clauses = (
        f"; {clause.key}={','.join(word.text for word in clause.values)}"
        for clause in parsed.clauses
    )
    return _join("-c", parsed.requirement.strip(), *clauses, parsed.options.strip())


def _options(inputs: Inputs, command: CommandLine) -> Iterator[str]:
    for _, option in all_options(inputs.files, command):
        if option.name in _DECIDING:
            yield from option.words


def _join(*parts: str) -> str:
    return " ".join(" ".join(part.split()) for part in parts if part)
