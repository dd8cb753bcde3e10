"""Prove what ``wheeltarget targets`` prints."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from wheeltarget.cli.output.targets import show_described, show_list
from wheeltarget.commands.list_targets import (
    TargetsRequest,
    describe,
    list_systems,
    list_user_targets,
)
from wheeltarget.errors import TargetError
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.names import known_sources

TODAY = date(2026, 11, 22)
SOURCES = known_sources()


def printed(show: Callable[..., None], *values: Any, **named: Any) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        show(*values, **named)
    return stream.getvalue()


def listed(**wishes: Any) -> str:
    request = TargetsRequest(today=TODAY, **wishes)
    return printed(show_list, list_systems(request), (), as_json=False)


def records(**wishes: Any) -> list[dict[str, Any]]:
    rows = list_systems(TargetsRequest(today=TODAY, **wishes))
    document = json.loads(printed(show_list, rows, (), as_json=True))
    assert document["schema"] == 1
    found: list[dict[str, Any]] = document["targets"]
    return found


def shown(*names: str, all_tags: bool = False) -> str:
    found = [describe(name, TODAY) for name in names]
    return printed(show_described, found, as_json=False, all_tags=all_tags)


class TestList:
    """The list."""

    def test_text(self) -> None:
        assert listed(kinds=("image", "browser"), python="3.13") == (
            "Container images\n"
            "  docker-slim-bookworm       manylinux_2_36\n"
            "      3.13 on x86_64\n"
            "  docker-slim-bookworm       manylinux_2_36, inferred\n"
            "      3.13 on aarch64\n"
            "  docker-slim-trixie         manylinux_2_41\n"
            "      3.13 on x86_64\n"
            "  docker-slim-trixie         manylinux_2_41, inferred\n"
            "      3.13 on aarch64\n"
            "  docker-alpine              musllinux_1_2\n"
            "      3.13 on x86_64\n"
            "  docker-alpine              musllinux_1_2, inferred\n"
            "      3.13 on aarch64\n"
            "\n"
            "Browsers\n"
            "  pyodide-2025               pyemscripten_2025_0\n"
            "      3.13 on wasm32\n"
            "\n"
            "A full name adds the Python version and the architecture:\n"
            "  docker-slim-bookworm-python3.13-x86_64\n"
        )

    def test_what_differs_in_its_sources_only_is_one_line(self) -> None:
        text = listed(kinds=("service",), architecture="aarch64")
        assert text.startswith(
            "Services\n"
            "  aws-lambda                 manylinux_2_26, retired\n"
            "      3.8, 3.9, 3.10 on arm64\n"
            "  aws-lambda                 manylinux_2_26\n"
            "      3.11 on arm64\n"
            "  aws-lambda                 manylinux_2_34\n"
            "      3.12, 3.13, 3.14 on arm64\n"
            "  aws-lambda                 manylinux_2_34, inferred\n"
            "      3.15 on arm64\n"
        )

    def test_everything_fits_the_terminal(self) -> None:
        text = listed()
        assert max(map(len, text.splitlines())) <= 80
        assert "      any Python on x86_64, aarch64" in text

    def test_nothing(self) -> None:
        assert listed(python="1.5") == "No target matches.\n"
        assert listed(architecture="pdp11") == "No target matches.\n"

    def test_filters(self) -> None:
        everything = records()
        assert {each["status"] for each in everything} == {"verified", "inferred"}
        assert {each["retired"] for each in everything} == {True, False}
        assert {each["status"] for each in records(verified=True)} == {"verified"}
        assert {each["retired"] for each in records(retired=False)} == {False}
        assert {each["kind"] for each in records(kinds=("desktop",))} == {"desktop"}
        assert all(each["pythons"] == ["3.9"] for each in records(python="3.9"))
        assert {tuple(each["platforms"]) for each in records(architecture="amd64")} == {
            ("x86_64",),
            ("amd64",),
        }

    def test_json(self) -> None:
        first = records(kinds=("service",), python="3.8")[0]
        assert first == {
            "system": "aws-lambda",
            "aliases": [],
            "title": "AWS Lambda on Amazon Linux 2",
            "kind": "service",
            "pythons": ["3.8"],
            "platforms": {
                "x86_64": "manylinux_2_26_x86_64",
                "arm64": "manylinux_2_26_aarch64",
            },
            "status": "verified",
            "retired": True,
            "ends": {"3.8": "2024-10-14"},
            "sources": [SOURCES["pants-lambda"], SOURCES["pep600"]],
            "notes": [],
        }

    def test_every_record_composes_names(self) -> None:
        for record in records(kinds=("service", "image")):
            for architecture in record["platforms"]:
                name = f"{record['system']}-python{record['pythons'][-1]}"
                name += f"-{architecture}" if architecture else ""
                assert look_up("target", name, "") is not None


class TestOne:
    """One target in full."""

    def test_text(self) -> None:
        text = shown("aws-lambda-python3.8-arm64")
        assert text.startswith(
            "aws-lambda-python3.8-arm64\n"
            "  AWS Lambda on Amazon Linux 2\n"
            "\n"
            "    tag                 cp38-cp38-manylinux_2_26_aarch64, verified [1] [2]\n"
            "    retired             2024-10-14, verified [3]\n"
            "    unzipped_bytes      262144000, verified [4] [5]\n"
            "    zipped_bytes        52428800, verified [4] [5]\n"
            "    zipped_bytes only   if it is not uploaded through S3, verified [4] [5]\n"
            "\n"
            "  the service brings\n"
            "    boto3               1.26.90, verified, 2023-10-17 [6] [7] [8]\n"
            "    botocore            1.29.90, verified, 2023-10-17 [6] [7] [8]\n"
            "    jmespath            verified [6] [7] [8]\n"
            "    python-dateutil     verified [6] [7] [8]\n"
            "    s3transfer          verified [6] [7] [8]\n"
            "    six                 verified [6] [7] [8]\n"
            "    urllib3             verified [6] [7] [8]\n"
            "\n"
            "  markers\n"
            "    os_name                        posix, from the tag\n"
            "    sys_platform                   linux, from the tag\n"
            "    platform_machine               aarch64, from the tag\n"
            "    platform_python_implementation CPython, from the tag\n"
            "    platform_release               unknown\n"
            "    platform_system                Linux, from the tag\n"
            "    platform_version               unknown\n"
            "    python_version                 3.8, from the tag\n"
            "    python_full_version            3.8.19, verified, 2024-08-01 [1]\n"
            "    implementation_name            cpython, from the tag\n"
            "    implementation_version         3.8.19, verified, 2024-08-01 [1]\n"
            "\n"
            "  tags, most preferred first, the first 10 of "
        )
        assert "\n  sources\n    [1] pantsbuild/pants at " in text
        assert max(map(len, text.splitlines())) <= 80

    def test_all_tags(self) -> None:
        name = "windows-python3.9-amd64"
        target = look_up("target", name, "")
        assert target is not None
        lines = shown(name, all_tags=True).splitlines()
        at = lines.index("  tags, most preferred first") + 1
        assert [each.strip() for each in lines[at : at + len(target.tags)]] == [*target.tags]

    def test_the_newest_release_is_an_assumption(self) -> None:
        text = shown("rhel-8-python3.9-x86_64", "snowflake-udf-python3.11")
        assert "python_full_version            3.9.25, the newest release known\n" in text
        assert "\n\nsnowflake-udf-python3.11\n  Snowflake UDFs\n  pure Python only; " in text
        assert "    sys_platform                   linux, verified [1] [2]\n" in text

    def test_tag(self) -> None:
        text = shown("cp39-cp39-win_amd64")
        assert text.startswith("cp39-cp39-win_amd64\n  The environment of a tag\n\n    pip  ")
        assert "\n\n  markers\n" in text

    def test_host(self) -> None:
        assert "    [1] the running interpreter\n" in shown("host")

    def test_file(self, tmp_path: Path) -> None:
        file = tmp_path / "box.toml"
        file.write_text("tag = 'cp39-cp39-win_amd64'\n")
        found = describe(str(file), TODAY)
        assert found.kind == "own"
        assert {each.status for each in found.markers} == {"given", "unknown"}

    def test_nothing_of_the_name(self) -> None:
        with pytest.raises(TargetError, match=r"^nowhere is not a known target$"):
            describe("nowhere", TODAY)


def test_own_targets_have_no_python_to_ask_for() -> None:
    assert list_user_targets(TargetsRequest(today=TODAY, python="3.9")) == ()
    assert list_user_targets(TargetsRequest(today=TODAY, kinds=("service",))) == ()


def test_json_says_what_the_service_brings() -> None:
    found = [describe(name, TODAY) for name in ("aws-lambda-python3.12-arm64", "host")]
    text = printed(show_described, found, as_json=True, all_tags=False)
    service, host = json.loads(text)["targets"]
    assert host["provides"] == {}
    assert service["provides"]["six"]["value"] is None
    urllib3 = service["provides"]["urllib3"]
    assert (urllib3["value"], urllib3["seen"]) == ("2.6.3", "2026-05-14")
    assert {*urllib3["sources"]} <= {*SOURCES.values()}
