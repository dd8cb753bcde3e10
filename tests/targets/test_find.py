"""Names of the catalog: what one means, and what is suggested for one that means nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import SAME, known_systems, newest_pythons, systems_called
from wheeltarget.targets.target import Target

WRITTEN_FOR_RHEL_8 = (
    "el8",
    "rhel8",
    "redhat8",
    "centos8",
    "centos-8",
    "centos-stream-8",
    "rocky8",
    "rocky-linux-8",
    "alma8",
    "ol8",
)


def named(name: str) -> Target:
    target = look_up("target", name, "")
    assert target is not None
    assert target.label == name
    return target


def refusal(name: str) -> tuple[str, str, str]:
    with pytest.raises(TargetError) as caught:
        look_up("target", name, "")
    return caught.value.code, caught.value.message, caught.value.hint


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
def test_name_in_full(name: str, tag: str) -> None:
    assert named(name).tags[0] == tag


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
def test_name_otherwise(written: str, full: str) -> None:
    target = look_up("target", written, "")
    assert target is not None
    assert (target.label, target) == (full, named(full))


def test_what_is_known_of_a_service_goes_into_its_markers() -> None:
    known = named("aws-lambda-python3.12-arm64")
    assert known.environment["python_full_version"] == "3.12.3"
    assert known.environment["implementation_version"] == "3.12.3"
    assert known.environment["platform_machine"] == "aarch64"
    assert known.unknown == ("platform_release", "platform_version")
    newest = named("rhel-8-python3.12-aarch64").environment["python_full_version"]
    assert newest == newest_pythons()["cp312"]


def test_candidate_of_python() -> None:
    known = named("pyodide-315-alpha-python3.15-wasm32").environment
    assert known["python_full_version"] == "3.15.0rc1"
    assert known["implementation_version"] == "3.15.0c1"


def test_a_system_can_say_what_its_tag_does_not() -> None:
    known = named("snowflake-udf-python3.11")
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
            (
                "the most similar system is aws-lambda: aws-lambda has no Python 3.5; it has 2.7, "
                "3.6, 3.7, 3.8, 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, 3.15"
            ),
        ),
        (
            "aws-lambda-3.16-arm64",
            "WT202",
            "aws-lambda-3.16-arm64 is not a known target",
            (
                "aws-lambda has no Python 3.16; it has 2.7, 3.6, 3.7, 3.8, 3.9, 3.10, 3.11, 3.12, "
                "3.13, 3.14, 3.15"
            ),
        ),
        (
            "versel-python3.12-arm64",
            "WT202",
            "versel-python3.12-arm64 is not a known target",
            (
                "the most similar system is vercel: vercel has no arm64 with Python 3.12; it has "
                "x86_64"
            ),
        ),
        (
            "win-py310-arm64",
            "WT202",
            "win-py310-arm64 is not a known target",
            "windows has no arm64 with Python 3.10; it has amd64",
        ),
        (
            "nowhere",
            "WT202",
            "nowhere is not a known target",
            "run wheeltarget targets for a list, or name a target file, such as ./FILE.toml",
        ),
    ],
)
def test_refused(name: str, code: str, message: str, hint: str) -> None:
    assert refusal(name) == (code, message, hint)


@pytest.mark.parametrize(
    ("written", "proposed"),
    [
        ("aws-lambda-3.12-arm64", "aws-lambda-python3.12-arm64"),
        ("aws-lambda-3.9-arm64", "aws-lambda-python3.9-arm64"),
        ("aws-lambda-312-arm64", "aws-lambda-python3.12-arm64"),
        ("aws-lambda-cp312-arm64", "aws-lambda-python3.12-arm64"),
        ("aws_lambda_python3.12_arm64", "aws-lambda-python3.12-arm64"),
        ("lambda_arm64_3.11", "aws-lambda-python3.11-arm64"),
        ("arm64-lambda-3.11", "aws-lambda-python3.11-arm64"),
        ("lambda-python3.12", "aws-lambda-python3.12-x86_64 or aws-lambda-python3.12-arm64"),
        ("gcf-python312", "gcp-functions-python3.12-x86_64"),
        ("google-cloud-functions-3.12", "gcp-functions-python3.12-x86_64"),
        ("azure-3.11", "azure-functions-python3.11-x86_64"),
        ("cloudflare-3.13", "cloudflare-workers-python3.13-wasm32"),
        ("snowflake-3.11", "snowflake-udf-python3.11"),
        (
            "python3.12-slim",
            "docker-slim-trixie-python3.12-x86_64 or docker-slim-trixie-python3.12-aarch64",
        ),
        (
            "python:3.12-slim-bookworm",
            "docker-slim-bookworm-python3.12-x86_64 or docker-slim-bookworm-python3.12-aarch64",
        ),
        (
            "python:3.13-alpine",
            "docker-alpine-python3.13-x86_64 or docker-alpine-python3.13-aarch64",
        ),
        ("python:3.12-alpine3.20-aarch64", "alpine-3.20-python3.12-aarch64"),
        (
            "python:3.12",
            "docker-slim-trixie-python3.12-x86_64 or docker-slim-trixie-python3.12-aarch64",
        ),
        ("ubuntu-22.04-3.10-x64", "ubuntu-22.04-python3.10-x86_64"),
        ("debian12-python3.11-amd64", "debian-12-python3.11-x86_64"),
        ("bookworm-3.11-arm64", "debian-12-python3.11-aarch64"),
        ("amazon-linux-2023-arm64-3.9", "amazonlinux-2023-python3.9-aarch64"),
        ("rocky-9-3.9-x86_64", "rhel-9-python3.9-x86_64"),
        ("windows-11-3.12", "windows-python3.12-amd64 or windows-python3.12-arm64"),
        ("win-3.12-x64", "windows-python3.12-amd64"),
        ("macos15-3.12-arm64", "macos-15-python3.12-arm64"),
        ("al2-37", "al2-python3.7-x86_64 or al2-python3.7-aarch64"),
        ("lambda312", "aws-lambda-python3.12-x86_64 or aws-lambda-python3.12-arm64"),
        ("lambda312-arm64", "aws-lambda-python3.12-arm64"),
        ("aws.lambda.python3.12.arm64", "aws-lambda-python3.12-arm64"),
        ("ubuntu2204-3.11-arm64", "ubuntu-22.04-python3.11-aarch64"),
        ("win64-3.11-x64", "windows-python3.11-amd64"),
        ("al2_3.10_x86_64", "al2-python3.10-x86_64"),
        ("aws_lambda_python3_12_arm64", "aws-lambda-python3.12-arm64"),
        ("lim-3.10", "docker-slim-trixie-python3.10-x86_64"),
        ("raspberrypi-3.13-armhf", "raspios-trixie-python3.13-armv7l"),
    ],
)
def test_a_name_is_read_as_parts(written: str, proposed: str) -> None:
    assert refusal(written)[2] == f"write {proposed}"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("ubuntu-22.04", "ubuntu-22.04-python3.10-x86_64"),
        ("ubuntu2204", "ubuntu-22.04-python3.10-x86_64"),
        ("debian-12-arm64", "debian-12-python3.11-aarch64"),
        ("jammy", "ubuntu-22.04-python3.10-x86_64"),
        ("alpine-3.20", "alpine-3.20-python3.12-x86_64"),
        ("macos-26", "macos-26-python3.15-arm64"),
        *((name, "rhel-8-python3.6-x86_64") for name in WRITTEN_FOR_RHEL_8),
        ("el9", "rhel-9-python3.9-x86_64"),
        ("centos-stream-10", "rhel-10-python3.12-x86_64"),
        ("amzn2", "amazonlinux-2-python3.7-x86_64"),
    ],
)
def test_the_own_python_of_a_system_comes_first(name: str, first: str) -> None:
    assert refusal(name)[2].startswith(f"write {first}, or another of ")


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("manylinux2014", "cp312-cp312-manylinux2014_x86_64"),
        ("manylinux2014-aarch64", "cp312-cp312-manylinux2014_aarch64"),
        ("manylinux_2_28", "cp312-cp312-manylinux_2_28_x86_64"),
        ("musllinux_1_2_aarch64", "cp312-cp312-musllinux_1_2_aarch64"),
        ("win_amd64", "cp312-cp312-win_amd64"),
        ("macosx_11_0_arm64", "cp312-cp312-macosx_11_0_arm64"),
        ("cp310", "cp310-cp310-manylinux_2_28_x86_64"),
        ("python3.6-manylinux1", "cp36-cp36m-manylinux1_x86_64"),
        ("cp39-manylinux2014", "cp39-cp39-manylinux2014_x86_64"),
        ("manylinux_2_28-arm64-3.13t", "cp313-cp313t-manylinux_2_28_aarch64"),
        ("musllinux_1_2_x86_64-3.11", "cp311-cp311-musllinux_1_2_x86_64"),
        ("win32-py38", "cp38-cp38-win32"),
        ("macosx_11_0_arm64-py310", "cp310-cp310-macosx_11_0_arm64"),
        ("linux-arm64-3.12", "cp312-cp312-manylinux2014_aarch64"),
        ("linux-python2.7", "cp27-cp27mu-manylinux2014_x86_64"),
    ],
)
def test_part_of_a_tag(written: str, tag: str) -> None:
    hint = refusal(written)[2]
    assert hint.endswith(f": tags={tag}")
    assert look_up("tags", tag, "") is not None


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_proposal_keeps_what_was_written_and_is_valid(data: st.DataObject) -> None:
    system = data.draw(st.sampled_from(known_systems()))
    target = data.draw(st.sampled_from(system.targets()))
    whole = called = data.draw(st.sampled_from([system.name, *system.aliases, *system.written]))
    at = data.draw(st.integers(0, len(called) - 1))
    if data.draw(st.booleans()) and called[at].isalpha():
        called = called[:at] + called[at + 1 :]
    python = data.draw(st.sampled_from(["python", "py", "", "cp", "pyton"])) + target.python
    assume(not systems_called(f"{whole}-{python}"))  # alpine-3.10 is a release of Alpine
    architecture = data.draw(st.sampled_from(SAME.get(target.architecture, ("",))))
    parts = data.draw(st.permutations([called, python, *filter(None, [architecture])]))
    try:
        found = [find_target(data.draw(st.sampled_from("-_:")).join(parts))]
    except TargetError as error:
        found = [find_target(each) for each in re.findall(r"[\w.-]+-python[\w.-]+\w", error.hint)]
    for each in found:
        assert each.python == target.python
        assert architecture == "" or each.system.architecture(architecture) == each.architecture


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_what_is_proposed_is_a_target(data: st.DataObject) -> None:
    system = data.draw(st.sampled_from(known_systems()))
    name = data.draw(st.sampled_from([each.name for each in system.targets()]))
    at = data.draw(st.integers(0, len(name) - 1))
    written = name[:at] + data.draw(st.sampled_from(["", "x", "-", "9"])) + name[at + 1 :]
    try:
        find_target(written)
    except TargetError as error:
        proposed = re.findall(r"[\w.-]+-python[\w.-]+\w", error.hint)
        assert len(proposed) <= 3
        assert [find_target(each).name for each in proposed] == proposed


@given(st.text(max_size=20))
@settings(deadline=None, max_examples=60)
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        find_target(text)
    except TargetError as error:
        refused = error
    else:
        return
    assert refused.hint


@pytest.mark.parametrize("text", ["aws-lambda-3.12-arm64" + "-" * 200, "cp39-cp39-manyl" * 300])
def test_long_text_is_not_read_as_parts(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        find_target(text)
    assert caught.value.hint.startswith("run wheeltarget targets for a list")
