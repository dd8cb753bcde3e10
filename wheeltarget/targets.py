"""Targets: one environment, as an ordered list of tags and the marker variables known of it.

Specifications: PEP 425 and the platform compatibility tags page for the tags, dependency
specifiers (PEP 508) for the eleven marker variables, PEP 703 and 803 for free threading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wheeltarget.errors import TargetError
from wheeltarget.platforms import Platform, parse_platform

MARKER_VARIABLES = (
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
)
"""The variables that the dependency specifiers page defines, ``extra`` not among them."""

IMPLEMENTATIONS = {
    "cp": ("cpython", "CPython"),
    "pp": ("pypy", "PyPy"),
    "graalpy": ("graalpy", "GraalVM"),
}
"""``implementation_name`` and ``platform_python_implementation`` by interpreter."""

EXAMPLE = "cp312-cp312-manylinux_2_28_x86_64"

_INTERPRETER = re.compile(r"(cp|pp|py|graalpy)(\d)(\d*)", re.ASCII)
_TAG_PART = re.compile(r"[a-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """One environment, as a resolver sees it.

    Two targets are equal if they take the same files; what they are called plays no part.

    :param label: the name for people: the tag as written, or the name of a target file.
    :param tags: every tag that the environment's pip takes, most preferred first.
    :param markers: (variable, value) for each marker variable that is known.
    :raises TargetError: where there is no tag, a tag is not one, the Python version is not
        known in full, or a variable is none of :data:`MARKER_VARIABLES`.
    """

    label: str = field(compare=False)
    tags: tuple[str, ...]
    markers: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.tags:
            raise TargetError(f"{self.label} has no tags")
        for tag in self.tags:
            parts = tag.split("-")
            if len(parts) != 3 or not all(_TAG_PART.fullmatch(part) for part in parts):
                raise TargetError(f"{self.label}: {tag!r} is not one tag", f"write {EXAMPLE}")
        known = dict(self.markers)
        strange = sorted(known.keys() - set(MARKER_VARIABLES))
        if strange:
            raise TargetError(
                f"{self.label}: {strange[0]} is no marker variable",
                f"they are {', '.join(MARKER_VARIABLES)}",
            )
        if not re.fullmatch(r"\d+(\.\d+)+\w*", known.get("python_full_version", "")):
            raise TargetError(
                f"{self.label} does not say its whole Python version",
                'give the marker python_full_version, such as "3.12.4"',
            )
        object.__setattr__(self, "markers", tuple(sorted(known.items())))

    @property
    def environment(self) -> dict[str, str]:
        """Give the known marker variables, as ``packaging.markers`` takes them."""
        return dict(self.markers)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Give the marker variables of which nothing is known."""
        known = dict(self.markers)
        return tuple(name for name in MARKER_VARIABLES if name not in known)

    @property
    def python(self) -> str:
        """Give the numbers of the Python release, such as ``3.6.15``."""
        match = re.match(r"\d+(\.\d+)*", dict(self.markers)["python_full_version"])
        assert match is not None  # noqa: S101 - __post_init__ has checked it
        return match[0]


def target_from_tag(text: str, newest: Mapping[str, str]) -> Target:
    """Build the target whose best tag is the one written.

    :param text: ``INTERPRETER-ABI-PLATFORM``; ABI and platform may be sets joined by dots,
        in order of preference.
    :param newest: the newest known full version by interpreter, such as ``{"cp36": "3.6.15"}``.
    :returns: the target, with everything that an interpreter with this tag would accept.
    :raises TargetError: where the tag names no environment; the hint says what to write.
    """
    written = text.strip().lower()
    interpreter, abis, platform_tags = _split(written)
    implementation, version = _parse_interpreter(interpreter, written)
    platforms = tuple(parse_platform(tag) for tag in platform_tags)
    _check_platforms(written, platforms)
    if implementation == "cp":
        _check_cpython_abi(interpreter, version, abis, platforms)
    else:
        _check_other_abi(implementation, interpreter, abis, platforms)
    accepted = tuple(dict.fromkeys(tag for each in platforms for tag in each.accepts))
    return Target(
        written,
        tuple(_tags(implementation, interpreter, version, abis, accepted)),
        tuple(_markers(implementation, interpreter, version, platforms, newest).items()),
    )


def _split(written: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Divide a tag into its interpreter, ABIs and platforms."""
    parts = written.split("-")
    if len(parts) != 3:
        hint = f"a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}"
        if written.endswith(".whl"):
            hint = "a tag is the last three parts of the file name, without .whl"
        elif len(parts) > 3:
            hint = f"a name goes behind target=; {hint}"
        raise TargetError(f"{written} is no tag", hint)
    interpreter, abi, platform = parts
    if "." in interpreter:
        first = interpreter.partition(".")[0]
        digits = re.sub(r"\D", "", interpreter)
        joined = f"cp{digits}" if re.fullmatch(r"(cp|python)?\d\.\d+", interpreter) else first
        raise TargetError(
            f"{interpreter} is more than one interpreter",
            f"a target has one: write {joined}-…, and another tag for the next",
        )
    for part in (interpreter, *abi.split("."), *platform.split(".")):
        if not _TAG_PART.fullmatch(part):
            raise TargetError(
                f"{written} is no tag: {part!r} is not made of letters, digits and _",
                f"write it like {EXAMPLE}",
            )
    return interpreter, tuple(dict.fromkeys(abi.split("."))), tuple(platform.split("."))


def _parse_interpreter(interpreter: str, written: str) -> tuple[str, tuple[int, int]]:
    """Divide ``cp312`` into its implementation and version."""
    match = _INTERPRETER.fullmatch(interpreter)
    if match is None:
        digits = re.search(r"\d{2,3}", interpreter)
        meant = f"cp{digits[0]}" if digits else "cp312"
        raise TargetError(
            f"{written} is no tag: {interpreter} is no interpreter",
            f"write {meant}, or pp310 for PyPy, or py39 for any Python 3.9",
        )
    implementation, major, minor = match.groups()
    if not minor:
        raise TargetError(
            f"{written} names no environment: which Python {major}?",
            f"say the version, as in {implementation}39",
        )
    return implementation, (int(major), int(minor))


def _check_platforms(written: str, platforms: tuple[Platform, ...]) -> None:
    """Refuse a set of platforms that no one machine has."""
    if {"glibc", "musl"} <= {each.libc for each in platforms}:
        raise TargetError(
            f"{written} is no environment: no Python runs on glibc and musl at once",
            "name the two as two tags, with a comma between",
        )
    if len({each.markers for each in platforms}) > 1:
        first, other = platforms[0], next(p for p in platforms if p.markers != platforms[0].markers)
        raise TargetError(
            f"{written} is no environment: {first.tag} and {other.tag} are different machines",
            "name the two as two tags, with a comma between",
        )


def _check_cpython_abi(
    interpreter: str,
    version: tuple[int, int],
    abis: tuple[str, ...],
    platforms: tuple[Platform, ...],
) -> None:
    """Refuse an ABI that this CPython never had."""
    native = _native_abi(interpreter, version, platforms)
    rest = ".".join(each.tag for each in platforms)
    python = f"CPython {version[0]}.{version[1]}"
    if rest == "any":
        if abis == ("none",):
            return
        raise TargetError(
            f"{interpreter}-{'.'.join(abis)}-any names an ABI and no platform",
            f"write {interpreter}-none-any for pure Python wheels, or {interpreter}-{native}-"
            "manylinux_2_28_x86_64",
        )
    allowed = _cpython_abis(interpreter, version)
    stable = {"abi3", "abi3t", "none"}
    for abi in abis:
        if abi not in allowed | stable:
            raise TargetError(
                f"{interpreter}-{abi}-{rest} is no environment: {python} has the ABI {native}",
                f"write {interpreter}-{native}-{rest}",
            )
    if not allowed.intersection(abis):
        raise TargetError(
            f"{interpreter}-{'.'.join(abis)}-{rest} names no environment: "
            f"wheels for {native} would be left out",
            f"write {interpreter}-{native}-{rest}; it takes {'.'.join(abis)} wheels too",
        )


def _native_abi(interpreter: str, version: tuple[int, int], platforms: tuple[Platform, ...]) -> str:
    """Say which ABI this CPython has as it is usually built."""
    if version < (3, 3):
        linux = any(("sys_platform", "linux") in each.markers for each in platforms)
        return f"{interpreter}mu" if linux else f"{interpreter}m"
    return f"{interpreter}m" if version < (3, 8) else interpreter


def _cpython_abis(interpreter: str, version: tuple[int, int]) -> set[str]:
    """Give the ABIs that builds of this CPython can have."""
    if version < (3, 3):
        flags = ["m", "mu", "dm", "dmu"]
    elif version < (3, 8):
        flags = ["m", "dm"]
    elif version < (3, 13):
        flags = ["", "d"]
    else:
        flags = ["", "d", "t", "td"]
    return {interpreter + flag for flag in flags}


def _check_other_abi(
    implementation: str,
    interpreter: str,
    abis: tuple[str, ...],
    platforms: tuple[Platform, ...],
) -> None:
    """Refuse an ABI that does not belong to PyPy, GraalPy or any Python."""
    rest = ".".join(each.tag for each in platforms)
    tag = f"{interpreter}-{'.'.join(abis)}-{rest}"
    if implementation == "py":
        if abis != ("none",):
            raise TargetError(
                f"{tag} names no environment: {interpreter} is any Python, which has no ABI",
                f"write {interpreter}-none-{rest}, or the interpreter that it is, such as cp…",
            )
        return
    if abis == ("none",) and rest == "any":
        return
    digits = interpreter.removeprefix(implementation)
    pattern, example = {
        "pp": (rf"pypy{digits}_pp\d+", f"pypy{digits}_pp73"),
        "graalpy": (rf"graalpy\d+_{digits}_native", f"graalpy250_{digits}_native"),
    }[implementation]
    if not any(re.fullmatch(pattern, abi) for abi in abis):
        raise TargetError(
            f"{tag} names no environment: {interpreter} has an ABI like {example}",
            f"write {interpreter}-{example}-{rest}",
        )


def _tags(
    implementation: str,
    interpreter: str,
    version: tuple[int, int],
    abis: tuple[str, ...],
    platforms: tuple[str, ...],
) -> Iterable[str]:
    """Put the tags of an environment into the order in which packaging has them."""
    from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

    real = [platform for platform in platforms if platform != "any"]
    native = [abi for abi in abis if abi not in {"abi3", "abi3t", "none"}]
    specific: Iterable[Tag] = ()
    if real and implementation == "cp":
        specific = cpython_tags(version, native, real)
    elif real and implementation != "py":
        specific = generic_tags(interpreter, native, real)
    general = compatible_tags(
        version, {"cp": interpreter, "pp": "pp3"}.get(implementation), real or ["any"]
    )
    if implementation == "pp" and version[0] == 2:
        general = compatible_tags(version, "pp2", real or ["any"])
    return dict.fromkeys(str(tag) for tag in (*specific, *general))


def _markers(
    implementation: str,
    interpreter: str,
    version: tuple[int, int],
    platforms: tuple[Platform, ...],
    newest: Mapping[str, str],
) -> dict[str, str]:
    """Say what follows for the marker variables; what does not follow is left out."""
    digits = interpreter.removeprefix(implementation)
    full = newest.get(f"{'cp' if implementation == 'py' else implementation}{digits}")
    if full is None:
        raise TargetError(
            f"{interpreter} is no Python known here",
            "describe it in a target file and name that: target=./FILE.toml",
        )
    known = dict(platforms[0].markers)
    known["python_version"] = f"{version[0]}.{version[1]}"
    known["python_full_version"] = full
    if version[0] == 2 and known.get("sys_platform") == "linux":
        known["sys_platform"] = "linux2"
    if implementation in IMPLEMENTATIONS:
        name, long_name = IMPLEMENTATIONS[implementation]
        known["platform_python_implementation"] = long_name
        # Before PEP 421 (Python 3.3) sys.implementation is missing and packaging says this.
        known["implementation_name"] = name if version >= (3, 3) else ""
        if version < (3, 3):
            known["implementation_version"] = "0"
        elif implementation == "cp":
            known["implementation_version"] = full
    return known


def host_target() -> Target:
    """Describe the running interpreter.

    :returns: its tags and all eleven marker variables.
    """
    from packaging.markers import default_environment
    from packaging.tags import sys_tags

    tags = tuple(str(tag) for tag in sys_tags())
    environment = {name: str(value) for name, value in default_environment().items()}
    return Target(tags[0], tags, tuple(environment.items()))
