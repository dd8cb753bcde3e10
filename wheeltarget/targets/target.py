"""Targets: an environment as an ordered list of tags and its known marker variables.

Specifications: PEP 425 and the platform compatibility tags page for the tags, dependency
specifiers (PEP 508) for the eleven marker variables, PEP 703 and 803 for free threading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags
from packaging.version import InvalidVersion

from wheeltarget.errors import TargetError
from wheeltarget.targets import specifiers as legacy
from wheeltarget.targets.exclusions import Exclusion
from wheeltarget.targets.markers import as_read_for, holds, reads_old
from wheeltarget.targets.own_pip import OwnPip
from wheeltarget.targets.tags import Platform, Version, check_abi, loaded_abis, parse_platform
from wheeltarget.utils.toml import LONG_NUMBER

MARKER_VARIABLES = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation",
    "platform_release", "platform_system", "platform_version", "python_version",
    "python_full_version", "implementation_name", "implementation_version",
)  # fmt: skip
"""The variables that the dependency specifiers page defines, without ``extra``."""

_IMPLEMENTATIONS = {
    "cp": ("cpython", "CPython"), "pp": ("pypy", "PyPy"), "graalpy": ("graalpy", "GraalVM"),
}  # fmt: skip
"""``implementation_name`` and ``platform_python_implementation`` by interpreter."""

_EXAMPLE = "cp312-cp312-manylinux_2_28_x86_64"

_INTERPRETER = re.compile(r"(cp|pp|py|graalpy)([1-9])(\d{0,2})", re.ASCII)
_FULL_VERSION = re.compile(r"(?P<release>(?P<minor>\d+\.\d+)\.\d+)[\w.+]*", re.ASCII)
_LONG_NUMBER = re.compile("[0-9]{1000}")
_TAG_PART = re.compile(r"[a-z0-9_]+", re.ASCII)
_TAG = re.compile(r"[a-z0-9_]+-[a-z0-9_]+-[a-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """An environment, as a resolver sees it.

    Targets are equal if they get the same files; the label does not count.

    :param label: the name in messages: the tag as written, or the name of a target file.
    :param tags: every tag that the environment's pip accepts, most preferred first.
    :param markers: (variable, value) for each marker variable that is known.
    :param excluded: the projects that are left out for it.
    :param pip: the pip that installs there; None if that is not known. It does not count, either:
        the files are those that the newest pip for its Python chooses.
    :raises TargetError: if they are invalid, or the full version of Python is not known.
    """

    label: str = field(compare=False)
    tags: tuple[str, ...]
    markers: tuple[tuple[str, str], ...]
    excluded: tuple[Exclusion, ...] = ()
    pip: OwnPip | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.tags:
            raise TargetError(f"{self.label} has no tags", code="WT209")
        for tag in self.tags:
            if _TAG.fullmatch(tag) is None:
                message = f"{self.label}: {tag!r} is not one tag"
                raise TargetError(message, f"write {_EXAMPLE}", code="WT210")
        known = dict(self.markers)
        unknown = sorted(known.keys() - set(MARKER_VARIABLES))
        if unknown:
            message = f"{self.label}: unknown marker variable {unknown[0]}"
            hint = f"known ones: {', '.join(MARKER_VARIABLES)}"
            raise TargetError(message, hint, code="WT211")
        full = _FULL_VERSION.fullmatch(known.get("python_full_version", ""))
        if full is None:
            hint = 'add the marker python_full_version, such as "3.12.4"'
            message = f"{self.label} does not state the full Python version"
            raise TargetError(message, hint, code="WT212")
        short = known.setdefault("python_version", full["minor"])
        if short != full["minor"]:
            reason = f"Python {short} by python_version and {full[0]} by python_full_version"
            hint = "python_version follows from python_full_version and can be left out"
            raise TargetError(f"{self.label} is {reason}", hint, code="WT213")
        object.__setattr__(self, "tags", tuple(dict.fromkeys(self.tags)))
        object.__setattr__(self, "markers", tuple(sorted(known.items())))

    @property
    def environment(self) -> dict[str, str]:
        """Return the known marker variables, for ``packaging.markers``."""
        return dict(self.markers)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the names of the unknown marker variables."""
        known = self.environment
        return tuple(name for name in MARKER_VARIABLES if name not in known)

    @property
    def python(self) -> str:
        """Return the Python release, such as ``3.6.15``."""
        match = _FULL_VERSION.fullmatch(self.environment["python_full_version"])
        assert match is not None  # noqa: S101 - __post_init__ has checked it
        return match["release"]

    def evaluate(self, marker: str, extra: str = "") -> bool | tuple[str, ...]:
        """Evaluate a marker, as ``str(Marker)`` writes it, as the own pip does, if that is known.

        :returns: whether it holds, or its unknown variables if it depends on them; an empty tuple
            if the marker cannot be evaluated.
        """
        environment = {**dict.fromkeys(self.unknown, ""), **self.environment, "extra": extra}

        def evaluate(text: str) -> bool:
            if reads_old(self.python):
                text = as_read_for(self.python, text, environment, _contains)
            return Marker(text).evaluate(environment)

        try:
            return holds(marker, evaluate, self.unknown)
        except (ValueError, KeyError):
            # pip reports it; older versions of packaging raise KeyError.
            return ()

    @property
    def rule_on_prereleases(self) -> str:
        """Return what to know of the own pip if it takes no pre-release, as a clause."""
        python = ".".join(self.python.split(".")[:2])
        return f"pip for Python {python} takes one only if a requirement names it"

    def parse_requirement(self, text: str) -> Requirement:
        """Parse a line of ``Requires-Dist`` as the environment's own pip does.

        :raises InvalidRequirement: if it is not one, or has a number that Python does not read.
        """
        if _LONG_NUMBER.search(text):
            raise InvalidRequirement(LONG_NUMBER)
        if legacy.reads_legacy(self.python):
            text = legacy.modern_requirement(text, _is_modern)
        return Requirement(text)

    def accepts_python(self, requires: str) -> bool:
        """Return whether ``Requires-Python`` includes the Python; an invalid one does."""
        if not requires:
            return True
        if legacy.reads_legacy(self.python):
            requires = legacy.modern_specifiers(requires, _is_modern)
        try:
            return SpecifierSet(requires, prereleases=True).contains(self.python)
        except ValueError:
            return True


def _contains(specifier: str, version: str) -> bool | None:
    """Return whether a specifier contains a version; None if the specifier is invalid."""
    try:
        return Specifier(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return None
    except InvalidVersion:
        return False


def _is_modern(text: str) -> bool:
    try:
        Specifier(text)
    except InvalidSpecifier:
        return False
    return True


def target_from_tag(text: str, newest: Mapping[str, str], label: str = "") -> Target:
    """Build the target whose best tag is the given one, with all tags that it accepts.

    :param text: ``INTERPRETER-ABI-PLATFORM``; ABI and platform may be sets joined by dots,
        most preferred first.
    :param newest: the newest known full version by interpreter, such as ``{"cp36": "3.6.15"}``.
    :param label: the label of the target; the tag if empty.
    :raises TargetError: if the tag is not the best tag of an environment.
    """
    written = text.strip().lower()
    interpreter, abis, platform_tags = _split(written)
    implementation, version = _parse_interpreter(interpreter, written)
    # py counts as CPython.
    full = newest.get(interpreter.replace("py", "cp") if implementation == "py" else interpreter)
    if full is None:
        message = f"{interpreter} is not a known Python"
        hint = "describe it in a target file and name that: target=./FILE.toml"
        raise TargetError(message, hint, code="WT106")
    platforms = _parse_platforms(f"{interpreter}-{'.'.join(abis)}", platform_tags)
    _check_platforms(written, platforms)
    check_abi(implementation, version, abis, platforms)
    markers = _markers(implementation, version, full, platforms[0])
    accepted = tuple(dict.fromkeys(tag for each in platforms for tag in each.accepts))
    tags = map(str, _tags(implementation, version, abis, accepted))
    return Target(label or written, tuple(tags), tuple(markers.items()))


def _split(written: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    parts = written.split("-")
    if len(parts) != 3:
        hint = f"a tag is INTERPRETER-ABI-PLATFORM, such as {_EXAMPLE}"
        if written.endswith(".whl"):
            hint = "a tag is the last three parts of the file name, without .whl"
        elif len(parts) > 3:
            hint = f"a name is given with target=; {hint}"
        raise TargetError(f"{written} is not a tag", hint, code="WT101")
    interpreter, abi, platform = parts
    if "." in interpreter:
        raise _not_one_interpreter(interpreter, f"{abi}-{platform}")
    for part in (interpreter, *abi.split("."), *platform.split(".")):
        if not _TAG_PART.fullmatch(part):
            message = f"{written} is not a tag: {part!r} is not made of letters, digits and _"
            hint = f"write it like {_EXAMPLE}"
            raise TargetError(message, hint, code="WT102")
    abis, platforms = (tuple(dict.fromkeys(part.split("."))) for part in (abi, platform))
    return interpreter, abis, platforms


def _not_one_interpreter(interpreter: str, rest: str) -> TargetError:
    if re.fullmatch(r"(cp|python)?\d\.\d+", interpreter):
        digits = re.sub(r"\D", "", interpreter)
        # A bare number may mean any Python of that version.
        instead = f"cp{digits}-{rest}" if interpreter.startswith("cp") else ""
        message = f"{interpreter} is not an interpreter"
        return TargetError(message, f"write cp{digits}-…", code="WT103", instead=instead)
    named = [each for each in interpreter.split(".") if re.search(r"\d\d", each)] or ["py39"]
    hint = f"a target has one: write {named[0]}-…, and another tag for the next"
    return TargetError(f"{interpreter} is more than one interpreter", hint, code="WT104")


def _parse_interpreter(interpreter: str, written: str) -> tuple[str, Version]:
    match = _INTERPRETER.fullmatch(interpreter)
    if match is None:
        digits = re.search(r"\d{2,3}", interpreter)
        meant = f"cp{digits[0]}" if digits else "cp312"
        message = f"{written} is not a tag: {interpreter} is not an interpreter"
        hint = f"write {meant}, or pp310 for PyPy, or py39 for any Python 3.9"
        raise TargetError(message, hint, code="WT103")
    implementation, major, minor = match.groups()
    if not minor:
        message = f"{written} does not name an environment: which Python {major}?"
        hint = f"add the version, as in {'py27' if major == '2' else f'{implementation}312'}"
        raise TargetError(message, hint, code="WT105")
    return implementation, (int(major), int(minor))


def _parse_platforms(build: str, tags: tuple[str, ...]) -> tuple[Platform, ...]:
    found = []
    for number, tag in enumerate(tags):
        try:
            found.append(parse_platform(tag))
        except TargetError as error:
            if error.instead:
                meant = (*tags[:number], error.instead, *tags[number + 1 :])
                error.instead = f"{build}-{'.'.join(meant)}"
            raise
    return tuple(found)


def _check_platforms(written: str, platforms: tuple[Platform, ...]) -> None:
    """Refuse a set of platforms that no single machine has."""
    first, *others = platforms
    different = next((each for each in others if each.markers != first.markers), None)
    hint = "write two tags, separated by a comma"
    if {"glibc", "musl"} <= {each.libc for each in platforms}:
        reason = "no Python runs on both glibc and musl"
    elif others and "any" in {each.tag for each in platforms}:
        reason = "any is not a machine"
        hint = "remove any; a target with a platform accepts wheels for any platform too"
    elif different:
        reason = f"{first.tag} and {different.tag} are different machines"
    else:
        return
    raise TargetError(f"{written} is not an environment: {reason}", hint, code="WT107")


def _tags(
    implementation: str, version: Version, abis: tuple[str, ...], platforms: tuple[str, ...]
) -> Iterable[Tag]:
    """Return the tags of an environment in the order of ``packaging.tags``."""
    interpreter = f"{implementation}{version[0]}{version[1]}"
    general_name = {"cp": interpreter, "pp": f"pp{version[0]}"}.get(implementation)
    if platforms == ("any",):
        pure = [Tag(general_name, "none", "any")] if general_name else []
        return (*pure, *compatible_tags(version, None, platforms))
    native = [abi for abi in abis if abi not in {"abi3", "abi3t", "none"}]
    general = compatible_tags(version, general_name, platforms)
    if implementation != "cp":
        return (*generic_tags(interpreter, native, platforms), *general)
    loaded = dict.fromkeys([*native, *(each for abi in native for each in loaded_abis(abi))])
    return (*cpython_tags(version, list(loaded), platforms), *general)


def _markers(name: str, version: Version, full: str, platform: Platform) -> dict[str, str]:
    known = dict(platform.markers)
    known["python_version"] = f"{version[0]}.{version[1]}"
    known["python_full_version"] = full
    if version[0] == 2 and known.get("sys_platform") == "linux":
        known["sys_platform"] = "linux2"
    if name in _IMPLEMENTATIONS:
        short, known["platform_python_implementation"] = _IMPLEMENTATIONS[name]
        # Before PEP 421 (Python 3.3) there is no sys.implementation; packaging uses this then.
        known["implementation_name"] = short if version >= (3, 3) else ""
        if version < (3, 3):
            known["implementation_version"] = "0"
        elif name == "cp":
            known["implementation_version"] = full
    return known
