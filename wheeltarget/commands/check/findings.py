"""Findings with their codes: wheels that fit no target, requirements that are missing.

Nothing here reads or writes. Specifications: PEP 425 for tags, dependency specifiers (PEP 508),
core metadata for ``Requires-Python``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from packaging.requirements import Requirement

from wheeltarget.targets.compatibility import compare_tags
from wheeltarget.targets.target import Target
from wheeltarget.wheelhouse import closure
from wheeltarget.wheelhouse.closure import Available
from wheeltarget.wheelhouse.wheel import WheelFile

CHECK_CODES: Mapping[str, str] = {
    "WC101": "the name of the file is not that of a wheel",
    "WC102": "the archive, or a file in it, cannot be read",
    "WC103": "a file or script would be written outside its folder",
    "WC104": "two files in the wheel have the same name",
    "WC105": "the names of two files in the wheel differ only by case or Unicode normalization",
    "WC106": "a member of the wheel is a symbolic link or a special file",
    "WC107": "the wheel does not have exactly one `.dist-info` directory named after it",
    "WC108": "METADATA is missing, cannot be read, or lacks the name or the version",
    "WC109": "METADATA has another project or version than the name of the file",
    "WC110": "WHEEL is missing, cannot be read, or has an unsupported version",
    "WC111": "the tags in WHEEL differ from those in the name of the file",
    "WC112": "RECORD is missing or cannot be read",
    "WC113": "a file in the wheel is not in RECORD",
    "WC114": "a file in RECORD is not in the wheel",
    "WC115": "the hash of a file differs from RECORD",
    "WC116": "the size of a file differs from RECORD",
    "WC117": "RECORD has no hash for a file, or a weak one",
    "WC118": "the wheel would unpack to far more than a wheel can contain",
    "WC119": "the archive contradicts itself, so programs may unpack different files",
    "WC120": "the name of a file in the wheel is not a valid file name",
    "WC121": "a file is in a `.data` directory that installers do not know",
    "WC122": "entry_points.txt cannot be read",
    "WC201": "the wheel has no tag that a target accepts",
    "WC202": "`Requires-Python` excludes every target that accepts the tags",
    "WC301": "a requirement is missing",
    "WC302": "a requirement is available only in other versions",
    "WC303": "the requirements cannot be resolved with the files",
    "WC304": "a dependency, or `Requires-Python`, cannot be read",
    "WC305": "no target needs the file, or no lock names it",
    "WC306": "a requirement names a URL, not one of the files",
    "WC401": "a file that the lock names is missing",
    "WC402": "the hash of a file differs from the lock",
    "WC501": "a file that looks like ELF cannot be read",
    "WC502": "a shared object is for another machine than the tags of its wheel",
    "WC503": "a shared object needs a symbol that the tags of its wheel do not guarantee",
    "WC504": "a shared object needs a newer glibc than the target has",
    "WC505": "a shared object needs a library that the tags of its wheel do not guarantee",
    "WC506": "a shared object is linked against another C library than its tags name",
    "WC601": "a module cannot be imported",
    "WC602": "importing a module crashes Python, or takes too long",
}
"""What each code of ``check`` and ``install-check`` means; a code never changes its meaning."""


@dataclass(frozen=True, slots=True, order=True)
class CheckFinding:
    """Something that is wrong with a wheelhouse.

    :param file: the path of the file, as the user wrote it or its folder; empty if it is missing.
    :param target: the target for which it is wrong; empty if that does not matter.
    :param message: what is wrong, without a full stop.
    """

    file: str
    target: str
    code: str
    message: str
    hint: str = ""


def find_misfits(wheels: Iterable[WheelFile], targets: Sequence[Target]) -> Iterator[CheckFinding]:
    """Find the wheels that no target accepts; those with an invalid name are skipped."""
    for wheel in (each for each in wheels if each.tags):
        accepting = [each for each in targets if not wheel.tags.isdisjoint(each.tags)]
        if not accepting:
            yield CheckFinding(str(wheel.path), "", "WC201", _describe_misfit(wheel, targets))
        elif not any(each.accepts_python(wheel.requires_python) for each in accepting):
            python = accepting[0].python
            message = f"it requires Python {wheel.requires_python}, but the target has {python}"
            label = accepting[0].label if len(accepting) == 1 else ""
            yield CheckFinding(str(wheel.path), label, "WC202", message)


def _describe_misfit(wheel: WheelFile, targets: Sequence[Target]) -> str:
    """Explain why no target accepts a wheel, by the target that is closest."""
    reasons = ((compare_tags(wheel.path.name, target), target) for target in targets)
    reason, target = min(reasons, key=lambda pair: pair[0].difference)
    why = "it fits no target:" if len(targets) > 1 else f"for {target.label}"
    return f"{why} it {reason.text}"


def by_project(wheels: Iterable[WheelFile], target: Target) -> dict[str, tuple[WheelFile, ...]]:
    """Return the wheels that a target accepts, by project."""
    found: defaultdict[str, list[WheelFile]] = defaultdict(list)
    for wheel in wheels:
        if not wheel.tags.isdisjoint(target.tags) and target.accepts_python(wheel.requires_python):
            found[wheel.name].append(wheel)
    return {name: tuple(each) for name, each in found.items()}


def find_missing(
    available: Available[WheelFile], roots: Iterable[Requirement] | None
) -> Iterator[CheckFinding]:
    """Find what is needed and not available.

    :param roots: what the user asked for; None to check the dependencies of every wheel.
    """
    for each in closure.walk(available, roots):
        if isinstance(each, closure.UnreadableDependency):
            message = f"its dependency {each.text!r} cannot be read: {each.reason}"
            yield CheckFinding(str(each.wheel.path), "", "WC304", message)
        else:
            code = "WC302" if each.found else "WC301"
            yield CheckFinding("", available.target.label, code, str(each))


def find_direct_references(
    available: Available[WheelFile],
) -> Iterator[tuple[WheelFile, Requirement]]:
    """Find the dependencies that wheels want from a URL instead of an index."""
    for wheel in chain.from_iterable(available.wheels.values()):
        for requirement in closure.read_dependencies(wheel, available.target)[0]:
            if requirement.url and closure.is_wanted(requirement, available.target):
                yield wheel, requirement
