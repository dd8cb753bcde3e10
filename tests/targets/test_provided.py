"""Which projects a service brings, and that each has a source."""

from __future__ import annotations

import re
from datetime import date

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheeltarget.targets.names import known_systems, provided_tables, systems_called
from wheeltarget.targets.provided import provided_projects

SDK = ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"]


def names(target: str) -> list[str]:
    return [each.name for each in provided_projects(target)]


@pytest.mark.parametrize("python", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("architecture", ["x86_64", "arm64", "aarch64"])
def test_lambda_brings_the_sdk_and_what_it_needs(python: str, architecture: str) -> None:
    assert names(f"aws-lambda-python{python}-{architecture}") == SDK


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("aws-lambda-python3.7-x86_64", ["boto3", "botocore"]),
        ("aws-lambda-python3.15-x86_64", []),
        ("azure-functions-python3.12-x86_64", ["azure-functions"]),
        ("azure-functions-python3.13-x86_64", []),
        ("gcp-functions-python3.12-x86_64", []),
        ("debian-12-python3.11-x86_64", []),
        ("cp312-cp312-manylinux_2_28_x86_64", []),
        ("this interpreter", []),
        ("", []),
    ],
)
def test_what_no_source_says_is_left_out(target: str, expected: list[str]) -> None:
    assert names(target) == expected


def test_a_version_has_the_day_on_which_it_was_seen() -> None:
    found = {each.name: each for each in provided_projects("aws-lambda-python3.13-arm64")}
    assert (found["urllib3"].version, found["urllib3"].seen) == ("2.6.3", "2026-05-14")
    assert (found["boto3"].version, found["boto3"].seen) == ("", "")
    assert any("aws-lambda-base-images" in source for source in found["urllib3"].sources)


def test_every_table_is_of_a_system_and_says_where_it_is_from() -> None:
    pythons = {each.name: set[str]() for each in known_systems()}
    for table in provided_tables():
        assert {*table} <= {
            *("system", "pythons", "projects", "versions", "seen", "status", "sources")
        }
        assert {*table["pythons"]} <= {
            python for each in systems_called(table["system"]) for python in each.pythons
        }
        assert not {*table["pythons"]} & pythons[table["system"]]
        pythons[table["system"]] |= {*table["pythons"]}
        assert table["status"] in {"verified", "inferred"}
        assert table["sources"]
        assert table["projects"] == [canonicalize_name(each) for each in table["projects"]]
        versions = table.get("versions", {})
        assert versions.keys() <= {*table["projects"]}
        assert all(re.fullmatch(r"[\d.]+", each) and Version(each) for each in versions.values())
        assert isinstance(table.get("seen"), date) == bool(versions)
