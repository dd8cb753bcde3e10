"""Prove the systems of the catalogue, and what their names mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheeltarget.cli.verbs.targets import Kind
from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import known_systems, look_up, newest_pythons
from wheeltarget.targets.names import is_valid_name
from wheeltarget.targets.systems import ALIASES, KINDS, System, find_target, tag_of, target_name
from wheeltarget.targets.target import Target

CATALOGUE = known_systems()
SYSTEMS = CATALOGUE.systems


def find(name: str) -> Target:
    target = look_up("target", name, "")
    assert target is not None
    assert target.label == name
    return target


def refusal(name: str) -> tuple[str, str, str]:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, "")
    return caught.value.code, caught.value.message, caught.value.hint


def names(system: System) -> Iterator[str]:
    """Name all targets of a system, or, of one with any Python, some on each architecture."""
    pythons = ["2.7", "3.6", "3.15t"] if system.any_python else list(system.pythons)
    for python in pythons:
        for architecture in system.platforms:
            yield target_name(system.name, python, architecture)


class TestData:
    """What the file says."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_name_is_a_target(self, kind: str) -> None:
        systems = [system for system in SYSTEMS if system.kind == kind]
        assert systems
        for system in systems:
            for name in names(system):
                target = find(name)
                named = find_target(name, CATALOGUE)
                assert named.system is system
                assert target.environment["python_version"] == named.python.removesuffix("t")
                full = system.pythons[named.python]
                assert not full or target.environment["python_full_version"] == full
                platform = system.platforms[named.architecture]
                assert target.tags[0].endswith(f"-{platform}")

    def test_every_python_that_is_known_can_be_named(self) -> None:
        for interpreter in newest_pythons():
            if interpreter.startswith("cp"):
                python = f"{interpreter[2]}.{interpreter[3:]}"
                found = find(f"debian-12-python{python}-x86_64")
                assert found.tags[0].startswith(f"{interpreter}-{interpreter}")

    def test_no_name_means_two_targets(self) -> None:
        found = [name for system in SYSTEMS for name in names(system)]
        assert len(found) == len(set(found)) > 300

    def test_no_alias_is_the_name_of_another_system(self) -> None:
        taken = [alias for system in SYSTEMS for alias in system.aliases]
        assert len(taken) == len(set(taken))
        assert not set(taken) & {system.name for system in SYSTEMS}

    def test_every_name_can_be_written(self) -> None:
        for system in SYSTEMS:
            for name in (system.name, *system.aliases):
                assert is_valid_name(name)
                assert name == name.lower()

    def test_every_system_says_where_it_is_from(self) -> None:
        used = set()
        for system in SYSTEMS:
            assert system.status in {"verified", "inferred"}
            assert system.kind in KINDS
            assert system.title
            assert system.sources
            assert bool(system.limits) == bool(system.limit_sources)
            assert set(system.inferred) <= {*system.pythons, *system.platforms}
            assert system.ends.keys() <= {"", *system.pythons}
            used |= {*system.sources, *system.python_sources, *system.limit_sources}
            used |= {*system.ends_sources}
        assert used == CATALOGUE.sources.keys()

    def test_architectures_have_a_name_in_one_set_only(self) -> None:
        everything = [alias for aliases in ALIASES.values() for alias in aliases]
        assert len(everything) == len(set(everything))
        assert {each for system in SYSTEMS for each in system.platforms} - {""} <= set(everything)

    def test_one_name_is_of_one_kind(self) -> None:
        assert len({(each.name, each.kind) for each in SYSTEMS}) == len({s.name for s in SYSTEMS})

    def test_command_line_has_every_kind(self) -> None:
        assert [each.value for each in Kind] == [*KINDS, "own"]


class TestNames:
    """What a name means, and what is said of one that means nothing."""

    @pytest.mark.parametrize(
        ("name", "tag"),
        [
            ("aws-lambda-python2.7-x86_64", "cp27-cp27mu-manylinux_2_17_x86_64"),
            ("aws-lambda-python3.7-x86_64", "cp37-cp37m-manylinux_2_17_x86_64"),
            ("aws-lambda-python3.11-arm64", "cp311-cp311-manylinux_2_26_aarch64"),
            ("aws-lambda-python3.12-arm64", "cp312-cp312-manylinux_2_34_aarch64"),
            ("debian-12-python3.11-x86_64", "cp311-cp311-manylinux_2_36_x86_64"),
            ("alpine-3.20-python3.12-x86_64", "cp312-cp312-musllinux_1_2_x86_64"),
            ("alpine-3.12-python3.9-aarch64", "cp39-cp39-musllinux_1_1_aarch64"),
            ("rhel-8-python3.9-x86_64", "cp39-cp39-manylinux_2_28_x86_64"),
            ("ubi-8-python3.9-x86_64", "cp39-cp39-manylinux_2_28_x86_64"),
            ("ubuntu-24.04-python3.14t-x86_64", "cp314-cp314t-manylinux_2_39_x86_64"),
            ("raspios-bookworm-python3.11-armv7l", "cp311-cp311-manylinux_2_36_armv7l"),
            ("macos-13-python3.9-arm64", "cp39-cp39-macosx_13_0_arm64"),
            ("windows-python3.12-amd64", "cp312-cp312-win_amd64"),
            ("snowflake-udf-python3.11", "cp311-none-any"),
            ("pyodide-2025-python3.13-wasm32", "cp313-cp313-pyemscripten_2025_0_wasm32"),
        ],
    )
    def test_name_in_full(self, name: str, tag: str) -> None:
        assert find(name).tags[0] == tag

    @pytest.mark.parametrize(
        ("written", "full"),
        [
            ("aws-lambda-python3.12-aarch64", "aws-lambda-python3.12-arm64"),
            ("debian-12-python3.11-amd64", "debian-12-python3.11-x86_64"),
            ("AWS-Lambda-Python3.12-ARM64", "aws-lambda-python3.12-arm64"),
            ("gcp-functions-python312", "gcp-functions-python3.12-x86_64"),
            ("aws-lambda-python3.6", "aws-lambda-python3.6-x86_64"),
            ("databricks-15.4-lts", "databricks-15.4-lts-python3.11-x86_64"),
            ("docker-python3.12-slim-bookworm-x64", "docker-slim-bookworm-python3.12-x86_64"),
            ("macos-13-arm64-py3.9", "macos-13-python3.9-arm64"),
            ("windows-python3.10", "windows-python3.10-amd64"),
        ],
    )
    def test_name_otherwise(self, written: str, full: str) -> None:
        target = look_up("target", written, "")
        assert target is not None
        assert (target.label, target) == (full, find(full))

    def test_what_is_known_of_a_service_goes_into_its_markers(self) -> None:
        known = find("aws-lambda-python3.12-arm64")
        assert known.environment["python_full_version"] == "3.12.3"
        assert known.environment["implementation_version"] == "3.12.3"
        assert known.environment["platform_machine"] == "aarch64"
        assert known.unknown == ("platform_release", "platform_version")
        newest = find("rhel-8-python3.12-aarch64").environment["python_full_version"]
        assert newest == newest_pythons()["cp312"]

    def test_candidate_of_python(self) -> None:
        known = find("pyodide-315-alpha-python3.15-wasm32").environment
        assert known["python_full_version"] == "3.15.0rc1"
        assert known["implementation_version"] == "3.15.0c1"

    def test_a_system_can_say_what_its_tag_does_not(self) -> None:
        known = find("snowflake-udf-python3.11")
        assert known.environment["sys_platform"] == "linux"
        assert "platform_machine" in known.unknown

    @pytest.mark.parametrize(
        ("name", "code", "message", "hint"),
        [
            (
                "aws-lambda-python3.12",
                "WT216",
                "aws-lambda-python3.12 does not say which architecture",
                "write aws-lambda-python3.12-x86_64 or aws-lambda-python3.12-arm64",
            ),
            (
                "aws-lambda-arm64",
                "WT216",
                "aws-lambda-arm64 does not say which Python",
                (
                    "write aws-lambda-python3.14-arm64, or another of 3.8, 3.9, 3.10, 3.11, 3.12, "
                    "3.13, 3.14, 3.15"
                ),
            ),
            (
                "debian-12-python3.11",
                "WT216",
                "debian-12-python3.11 does not say which architecture",
                (
                    "write debian-12-python3.11-x86_64, or another of x86_64, aarch64, i686, "
                    "armv7l, ppc64le, s390x"
                ),
            ),
            (
                "aws-lambda-python3.6-arm64",
                "WT217",
                "aws-lambda has no arm64 with Python 3.6",
                "it has x86_64",
            ),
            ("windows-s390x", "WT217", "windows has no s390x", "it has amd64, arm64"),
            (
                "vercel-python3.9-x86_64",
                "WT217",
                "vercel has no Python 3.9",
                "it has 3.12, 3.13, 3.14",
            ),
            (
                "snowflake-udf-python3.11-x86_64",
                "WT217",
                "snowflake-udf has no architecture of its own",
                "write snowflake-udf-python3.11",
            ),
            (
                "lambda-python3.12-arm64",
                "WT202",
                "lambda-python3.12-arm64 is not a known target",
                "write aws-lambda-python3.12-arm64",
            ),
            (
                "debain-12-python3.11-x64",
                "WT202",
                "debain-12-python3.11-x64 is not a known target",
                (
                    "write debian-12-python3.11-x86_64, debian-13-python3.11-x86_64 or "
                    "debian-11-python3.11-x86_64"
                ),
            ),
            (
                "alpine-python3.9-x86_64",
                "WT202",
                "alpine-python3.9-x86_64 is not a known target",
                (
                    "write alpine-3.22-python3.9-x86_64, alpine-3.23-python3.9-x86_64 or "
                    "alpine-3.24-python3.9-x86_64"
                ),
            ),
            (
                "aws-lamda-pyton3.12-arm64",
                "WT202",
                "aws-lamda-pyton3.12-arm64 is not a known target",
                "write aws-lambda-python3.12-arm64",
            ),
            (
                "aws-lambda-python3_12-arm64",
                "WT202",
                "aws-lambda-python3_12-arm64 is not a known target",
                "write aws-lambda-python3.12-arm64",
            ),
            (
                "aws-lamda-python3.5-arm64",
                "WT202",
                "aws-lamda-python3.5-arm64 is not a known target",
                "write aws-lambda-python3.14-arm64",
            ),
        ],
    )
    def test_refused(self, name: str, code: str, message: str, hint: str) -> None:
        assert refusal(name) == (code, message, hint)

    @given(st.data())
    @settings(deadline=None, max_examples=60)
    def test_what_is_proposed_is_a_target(self, data: st.DataObject) -> None:
        system = data.draw(st.sampled_from(SYSTEMS))
        name = data.draw(st.sampled_from(list(names(system))))
        at = data.draw(st.integers(0, len(name) - 1))
        written = name[:at] + data.draw(st.sampled_from(["", "x", "-", "9"])) + name[at + 1 :]
        try:
            find_target(written, CATALOGUE)
        except TargetError as error:
            proposed = re.findall(r"[\w.-]+-python[\w.-]+\w", error.hint)
            assert len(proposed) <= 3
            assert [find_target(each, CATALOGUE).name for each in proposed] == proposed

    @given(st.text(max_size=20))
    @settings(deadline=None, max_examples=60)
    def test_any_text_is_a_target_or_refused(self, text: str) -> None:
        try:
            find_target(text, CATALOGUE)
        except TargetError as error:
            refused = error
        else:
            return
        assert refused.hint


class TestSupport:
    """When the support ends."""

    def test_end_by_python(self) -> None:
        system = find_target("aws-lambda-python3.8-x86_64", CATALOGUE).system
        assert system.end_of("3.8") == date(2024, 10, 14)
        assert system.is_retired("3.8", date(2024, 10, 14))
        assert not system.is_retired("3.8", date(2024, 10, 13))
        assert not system.is_retired("3.11", date(2024, 10, 14))

    def test_end_of_all(self) -> None:
        system = find_target("centos-7-python3.6-x86_64", CATALOGUE).system
        assert system.is_retired("3.6", date(2024, 6, 30))

    def test_no_end_is_known(self) -> None:
        system = find_target("vercel-python3.12", CATALOGUE).system
        assert system.end_of("3.12") is None
        assert not system.is_retired("3.12", date.max)


def test_abi_of_python_2_outside_linux() -> None:
    assert tag_of("2.7", "win_amd64") == "cp27-cp27m-win_amd64"
