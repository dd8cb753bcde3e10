"""Names and globs of projects that are left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from wheeltarget.errors import InputError
from wheeltarget.targets.exclusions import (
    Exclusion,
    Exclusions,
    InvalidPatternError,
    command_line_exclusions,
    matcher,
)

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True)


@given(NAMES)
def test_name_leaves_out_the_project_however_it_is_written(name: str) -> None:
    assert Exclusion(name).pattern == canonicalize_name(name)
    assert canonicalize_name(name) in Exclusions((Exclusion(name),))
    assert f"{canonicalize_name(name)}x" not in Exclusions((Exclusion(name),))


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("nvidia-*", ["nvidia-cublas-cu12", "nvidia-x"], ["nvidia", "my-nvidia-x"]),
        ("Nvidia_*", ["nvidia-cublas-cu12"], ["nvidia"]),
        ("*-stubs", ["pandas-stubs"], ["stubs", "pandas-stubs-2"]),
        ("boto?", ["boto3"], ["boto", "boto33", "botocore"]),
        ("types.boto3", ["types-boto3"], ["typesxboto3"]),
    ],
)
def test_glob(pattern: str, matched: list[str], others: list[str]) -> None:
    excluded = Exclusions((Exclusion(pattern),))
    assert [name for name in (*matched, *others) if name in excluded] == matched
    assert [name for name in (*matched, *others) if excluded.find(name)] == matched


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the name of a project is missing", "write it like boto3 or nvidia-*"),
        ("*", "* would leave out every project", "write it like boto3 or nvidia-*"),
        ("?*", "?* would leave out every project", "write it like boto3 or nvidia-*"),
        (
            "boto3>=1",
            "'boto3>=1' is a requirement, and not the name of a project",
            "write boto3: every version of it is left out",
        ),
        (
            "boto3[crt]",
            "'boto3[crt]' is a requirement, and not the name of a project",
            "write boto3: every version of it is left out",
        ),
        ("b[ao]to*", "'b[ao]to*' is not the name of a project", "write it like boto3 or nvidia-*"),
        (
            "boto3 six",
            "'boto3 six' is not the name of a project",
            "write it like boto3 or nvidia-*",
        ),
        ("nvidia-", "'nvidia-' is not the name of a project", "write it like boto3 or nvidia-*"),
        ("[ab]*", "'[ab]*' is not the name of a project", "write it like boto3 or nvidia-*"),
        ("./boto3", "'./boto3' is not the name of a project", "write it like boto3 or nvidia-*"),
        ("böto", "'böto' is not the name of a project", "write it like boto3 or nvidia-*"),
    ],
)
def test_what_is_neither(text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidPatternError) as caught:
        Exclusion(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_every_wrong_value_has_its_place() -> None:
    assert command_line_exclusions(["Boto3, nvidia-*", "x"]) == tuple(
        map(Exclusion, ("boto3", "nvidia-*", "x"))
    )
    with pytest.raises(InputError) as caught:
        command_line_exclusions(["boto3,", "a, b>1 ,*"])
    places = [(str(each.location), each.width, each.source) for each in caught.value.faults]
    assert places == [
        ("--exclude:1:7", 1, "boto3,"),
        ("--exclude:2:4", 3, "a, b>1 ,*"),
        ("--exclude:2:9", 1, "a, b>1 ,*"),
    ]


def test_first_origin_counts() -> None:
    excluded = Exclusions((Exclusion("b", "its definition"), Exclusion("B"), Exclusion("a*")))
    assert excluded.patterns == ("a*", "b")
    assert [getattr(excluded.find(name), "origin", "") for name in ("b", "ab", "c")] == [
        *("its definition", "--exclude", "")
    ]
    assert not Exclusions()
    assert not matcher(())("x")
