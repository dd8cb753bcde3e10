"""Where the record of a run is, and what gives a run another one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wheeltarget.cache.run_key import is_known, record_of

ARGUMENTS = ("-r", "requirements.txt")


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {"WHEELTARGET_CACHE_DIR": str(tmp_path)}


def test_run_is_known_if_its_record_exists(variables: dict[str, str]) -> None:
    record = Path(record_of(ARGUMENTS, variables))
    assert not is_known(ARGUMENTS, variables)
    record.parent.mkdir()
    record.touch()
    assert is_known(ARGUMENTS, variables)
    assert not is_known(("-r", "other.txt"), variables)


def test_some_variables_count(variables: dict[str, str]) -> None:
    record = record_of(ARGUMENTS, variables)
    assert record_of(ARGUMENTS, {**variables, "EDITOR": "vi", "PWD": "/"}) == record
    for name in ("PIP_PRE", "http_proxy", "HTTP_PROXY", "LC_ALL", "HOME"):
        assert record_of(ARGUMENTS, {**variables, name: "x"}) != record


def test_folder_and_program_count(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = {record_of(ARGUMENTS, variables)}
    monkeypatch.setattr(sys, "executable", "another")
    records.add(record_of(ARGUMENTS, variables))
    monkeypatch.chdir(tmp_path)
    records.add(record_of(ARGUMENTS, variables))
    assert len(records) == 3
