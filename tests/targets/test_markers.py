"""Prove that a marker is true, false or unknown, and never a guess."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import InvalidVersion, Version

from wheeltarget.targets.markers import as_read_for, holds, without_extras
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.target import MARKER_VARIABLES, Target, target_from_tag

LINUX = target_from_tag("cp39-cp39-manylinux_2_28_x86_64", newest_pythons())
PURE = target_from_tag("cp39-none-any", newest_pythons())
BARE = Target("bare", ("py3-none-any",), (("python_full_version", "3.9.25"),))
"""A target of which a file says no more than it has to."""

RELEASE, VERSION = ("platform_release",), ("platform_version",)
BOTH = ("platform_release", "platform_version")


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('python_version < "3.10"', True),
        ('python_version >= "3.10"', False),
        ('python_full_version >= "3.9.2"', True),
        ('implementation_version == "3.9.25"', True),
        ('sys_platform == "win32"', False),
        ('os_name == "posix" and platform_machine == "x86_64"', True),
        ('os_name == "nt" or platform_system == "Linux"', True),
        ('python_implementation == "CPython"', True),
        ("os.name == 'posix'", True),
        ('"linux" in sys_platform', True),
        ('sys_platform not in "linux darwin"', False),
    ],
)
def test_what_is_known_is_true_or_false(marker: str, expected: bool) -> None:
    assert LINUX.evaluate(str(Marker(marker))) is expected


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('platform_release == "5"', RELEASE),
        ('"5" == platform_release', RELEASE),
        ('platform_release != ""', RELEASE),
        ('platform_release < "5"', RELEASE),
        ('platform_release ~= "5.1"', RELEASE),
        ('platform_release === "5"', RELEASE),
        ('platform_release in "4 5"', RELEASE),
        ('platform_release not in "4 5"', RELEASE),
        ('"el8" in platform_release', RELEASE),
        ('"el8" not in platform_release', RELEASE),
        ('platform.version == "#1"', VERSION),
        ('platform_release == "5" and platform_version == "#1"', BOTH),
        # Two variables of one comparison.
        ("platform_release == platform_version", BOTH),
        ("os_name == platform_release", RELEASE),
        ("platform_release == os_name", RELEASE),
        # The other half decides, or does not.
        ('platform_release == "5" and os_name == "nt"', False),
        ('platform_release == "5" and os_name == "posix"', RELEASE),
        ('platform_release == "5" or os_name == "posix"', True),
        ('platform_release == "5" or os_name == "nt"', RELEASE),
        ('os_name == "nt" and (platform_release == "5" or platform_version == "#1")', False),
        ('os_name == "posix" or (platform_release == "5" and platform_version == "#1")', True),
        ('os_name == "nt" or (platform_release == "5" and platform_machine == "x")', False),
        ('(os_name == "nt" or platform_release == "5") and os_name == "posix"', RELEASE),
    ],
)
def test_what_depends_on_something_unknown_is_unknown(
    marker: str, expected: bool | tuple[str, ...]
) -> None:
    assert LINUX.evaluate(str(Marker(marker))) == expected


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('os_name == "platform_release"', False),
        ('os_name != "platform_release" and platform_version == "#1"', VERSION),
        ("""os_name == 'posix" and platform_release == "' or platform_version == "#1" """, VERSION),
        ("""platform_version == 'a "platform_release" b' """, VERSION),
        ("""platform_version == 'a"b' or os_name == "posix" """, True),
    ],
)
def test_what_stands_in_a_string_is_no_variable(
    marker: str, expected: bool | tuple[str, ...]
) -> None:
    # Not through str(Marker): before packaging 26.3 it put a string with a " in it between two.
    assert LINUX.evaluate(marker.strip()) == expected


@pytest.mark.parametrize("name", sorted({*MARKER_VARIABLES} - {"python_full_version"}))
def test_a_bare_target_leaves_all_but_the_version_unknown(name: str) -> None:
    expected = True if name == "python_version" else (name,)
    assert BARE.evaluate(f'{name} != "2"') == expected
    assert BARE.evaluate(f'{name} != "2" or python_version == "3.9"') is True
    assert BARE.evaluate(f'{name} != "2" and python_version == "3.8"') is False


def test_nothing_follows_from_a_pure_tag_for_the_system() -> None:
    assert PURE.evaluate('sys_platform == "win32"') == ("sys_platform",)
    assert PURE.evaluate('sys_platform == "win32" and python_version < "3"') is False


@pytest.mark.parametrize(
    ("marker", "extra", "expected"),
    [
        ('extra == "socks"', "", False),
        ('extra == "socks"', "socks", True),
        ('extra == "Socks_5"', "socks-5", True),
        ('extra == "socks" and platform_release == "5"', "", False),
        ('extra == "socks" and platform_release == "5"', "socks", RELEASE),
        ('extra == "platform_release"', "socks", False),
    ],
)
def test_an_extra_is_asked_for_or_is_not(
    marker: str, extra: str, expected: bool | tuple[str, ...]
) -> None:
    assert LINUX.evaluate(marker, extra) == expected


@pytest.mark.parametrize("full", ["3.9.25", "3.15.0rc1", "3.15.0a3+", "2.7.14.2717", "3.9.2vendor"])
def test_what_is_unknown_stays_so_for_every_form_of_version(full: str) -> None:
    target = Target("bare", ("py3-none-any",), (("python_full_version", full),))
    assert target.evaluate('os_name == "nt"') == ("os_name",)


def test_only_known_variables_are_evaluated() -> None:
    asked: list[str] = []

    def note(text: str) -> bool:
        asked.append(re.sub(r'"[^"]*"', "", text))
        return Marker(text).evaluate()

    marker = 'platform_release > "5" and (os_name == "nt" or "a" in platform_version)'
    holds(marker, note, {"os_name", *BOTH})
    assert len(asked) == 2
    assert not re.search("os_name|platform", " ".join(asked))


VALUES = {
    "platform_release": ["5.10", "6.1", "zzz", ""],
    "platform_version": ["5.10", "6.1", "zzz", ""],
    "os_name": ["5.10", "posix", "zzz"],
}
"""Values of the unknown variables, of which every comparison below can be true or false."""

KNOWN_VALUES = {**LINUX.environment, "extra": ""}
KNOWN = st.sampled_from(
    [
        'python_version >= "3.9"',
        'sys_platform == "platform_release"',
        '"linux" in sys_platform',
        'sys_platform not in "linux"',
        'implementation_name == "cpython"',
        'extra == "os_name"',
    ]
)


def comparisons(name: str) -> st.SearchStrategy[str]:
    """Compare an unknown variable so that some of its values fit and some do not."""
    forms = [
        '{} == "5.10"',
        '"5.10" == {}',
        '{} != "5.10"',
        '{} in "5.10 4"',
        '{} not in "5.10"',
        '"5" in {}',
        '"5" not in {}',
    ]
    if name == "platform_release":
        forms += ['{} < "6"', '{} ~= "5.2"', '"6" < {}']
    return st.sampled_from([form.format(name) for form in forms])


ATOMS = st.one_of(KNOWN, *map(comparisons, VALUES))


def combined(atoms: list[str], joints: list[tuple[str, bool]]) -> str:
    """Join comparisons to one marker; a joint puts what stands before it in parentheses."""
    text = atoms[0]
    for atom, (word, before) in zip(atoms[1:], itertools.cycle(joints), strict=False):
        text = f"({text}) {word} {atom}" if before else f"{atom} {word} ({text}) {word} {atom}"
    return text


JOINTS = st.lists(st.tuples(st.sampled_from(["and", "or"]), st.booleans()), min_size=1, max_size=4)
ONE_OF_EACH = st.builds(
    lambda atoms, joints: combined(atoms, [(word, True) for word, _ in joints]),
    st.tuples(KNOWN, *map(comparisons, VALUES), KNOWN).flatmap(st.permutations),
    JOINTS,
)
"""Markers with one comparison of each unknown variable, so that each can turn out either way."""


def outcomes(marker: str) -> Iterator[bool]:
    """Evaluate a marker for every combination of the unknown values."""
    for values in itertools.product(*VALUES.values()):
        yield Marker(marker).evaluate({**KNOWN_VALUES, **dict(zip(VALUES, values, strict=True))})


def three_valued(marker: str) -> bool | tuple[str, ...]:
    """Ask for the verdict of a marker."""
    environment = {**KNOWN_VALUES, **dict.fromkeys(VALUES, "never asked for")}
    return holds(str(Marker(marker)), lambda text: Marker(text).evaluate(environment), VALUES)


@given(st.builds(combined, st.lists(ATOMS, min_size=1, max_size=5), JOINTS))
@settings(deadline=None, max_examples=150)
def test_a_verdict_is_true_whatever_the_unknown_values_are(marker: str) -> None:
    verdict = three_valued(marker)
    if isinstance(verdict, bool):
        assert set(outcomes(marker)) == {verdict}
    else:
        unquoted = re.sub(r'"[^"]*"', "", marker)
        assert verdict == tuple(sorted(name for name in VALUES if name in unquoted))


@given(ONE_OF_EACH)
@settings(deadline=None, max_examples=150)
def test_no_verdict_is_withheld_that_could_be_given(marker: str) -> None:
    verdict = three_valued(marker)
    expected = set(outcomes(marker))
    assert {verdict} == expected if isinstance(verdict, bool) else len(expected) == 2


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('os_name == "nt"', 'os_name == "nt"'),
        ('extra == "a"', ""),
        ('extra == "a" or os_name == "nt"', ""),
        ('extra == "a" and os_name == "nt"', 'os_name == "nt"'),
        ('os_name == "nt" and (extra == "a" or extra == "b")', 'os_name == "nt"'),
    ],
)
def test_every_extra_is_requested(marker: str, expected: str) -> None:
    assert without_extras(marker, lambda text: Marker(text).evaluate()) == expected


@pytest.mark.parametrize(
    ("marker", "python37", "python38", "python39"),
    [
        ('os_name > "a"', True, True, False),
        ('"a" < os_name', True, True, False),
        ('os_name >= "q"', False, False, False),
        ('platform_system <= "linux"', True, True, False),
        ('python_version < "4.0.*"', True, True, False),
        ('python_full_version >= "3.x"', False, False, False),
        ('sys_platform >= "2.0"', False, False, False),
        ('sys_platform === "Linux"', True, True, ()),
        ('sys_platform ~= "1.0"', False, False, ()),
        ('extra == ""', False, True, True),
        ('extra != ""', False, False, False),
        ('extra == "more"', False, False, False),
        ('extra < "z"', None, True, False),
        # These are as they were.
        ('python_version >= "3"', True, True, True),
        ('python_version in "3.7 3.8 3.9"', True, True, True),
        ('sys_platform == "linux" and os_name != "nt"', True, True, True),
        ('"> \'a\' <" == os_name or "linux" in sys_platform', True, True, True),
    ],
)
def test_markers_whose_value_has_changed(
    marker: str, python37: object, python38: object, python39: object
) -> None:
    expected = {"cp27-cp27mu": None, "cp37-cp37m": python37, "cp38-cp38": python38}
    for build, value in {**expected, "cp39-cp39": python39}.items():
        target = target_from_tag(f"{build}-manylinux2014_x86_64", newest_pythons())
        if value is not None:
            assert target.evaluate(str(Marker(marker))) == value, build


@pytest.mark.parametrize(
    ("marker", "settled"),
    [
        ('os_name > "a"', False),
        ('os_name >= "posix"', True),
        ('os_name <= "posi"', False),
        ('python_version < "4.0.*"', False),
        ('os_name != "1.0"', True),
        ('os_name == "posix"', None),
        ('python_version >= "3"', None),
    ],
)
def test_pips_of_today_that_are_older_read_markers_as_newer_ones(
    marker: str, settled: bool | None
) -> None:
    def contains(specifier: str, version: str) -> bool | None:
        try:
            return Specifier(specifier).contains(version, prereleases=True)
        except InvalidSpecifier:
            return None

    values = {**LINUX.environment, "extra": ""}
    found = as_read_for(LINUX.python, marker, values, contains)
    assert found == marker if settled is None else Marker(found).evaluate(values) is settled


def test_unknown_variables_of_an_old_python() -> None:
    old = target_from_tag("cp38-cp38-manylinux2014_x86_64", newest_pythons())
    assert old.evaluate('platform_release > "5" and os_name > "a"') == RELEASE
    assert old.evaluate('platform_release > "5" and os_name < "a"') is False
    assert old.evaluate('platform_release > "5" or os_name > "a"') is True


def before(left: str, how: str, right: str) -> bool:
    """Compare as packaging 21.3 did, which was in pip 24.0."""
    try:
        specifier = Specifier(how + right)
    except InvalidSpecifier:
        return bool(
            getattr(operator, {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[how])(left, right)
        )
    try:
        return specifier.contains(Version(left))
    except InvalidVersion:
        return False


@given(
    st.sampled_from(sorted(set(MARKER_VARIABLES) - set(BOTH))),
    st.sampled_from(("<", "<=", ">", ">=")),
    st.sampled_from(("", "a", "linux", "posix", "Z", "3", "3.7.17", "3.8", "2.7.*", "2011k", "~")),
    st.booleans(),
)
def test_order_is_that_of_the_old_pips(name: str, how: str, text: str, reverse: bool) -> None:
    old = target_from_tag("cp37-cp37m-manylinux2014_x86_64", newest_pythons())
    value = old.environment[name]
    marker = f'"{text}" {how} {name}' if reverse else f'{name} {how} "{text}"'
    expected = before(text, how, value) if reverse else before(value, how, text)
    assert old.evaluate(marker) is expected
