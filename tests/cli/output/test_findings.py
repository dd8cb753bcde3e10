"""Findings of checks in each form; test_validate has those of validate."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from wheeltarget.cli.output.findings import show_check, show_install_check, workflow_command
from wheeltarget.commands.check.check import CheckOutcome
from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.commands.install_check import InstallCheckOutcome

TARGET = "cp39-cp39-win32"
FINDINGS = (
    CheckFinding("house/a.whl", TARGET, "WC201", "it is for\x1b Linux", "remove it"),
    CheckFinding("", TARGET, "WC301", "a needs https://me:secret@host/b"),
    CheckFinding("house/a.whl", "", "WC101", "it is broken"),
)
OUTCOME = CheckOutcome(("house/a.whl", "house/b.whl"), (TARGET,), FINDINGS)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_check(OUTCOME, "text", quiet=True)
    text = (
        f"house/a.whl for {TARGET}: WC201 it is for\\x1b Linux\n"
        "  remove it\n"
        f"for {TARGET}: WC301 a needs https://*********@host/b\n"
        "house/a.whl: WC101 it is broken\n"
    )
    assert capsys.readouterr() == (text, f"3 findings in 2 files for {TARGET}\n")


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_wrong(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    show_check(CheckOutcome(("a.whl",), (), ()), "text", quiet=quiet)
    summary = "no findings in 1 file; add --tags TAG or -r FILE to check that they fit a target\n"
    assert capsys.readouterr() == ("", "" if quiet else summary)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_check(OUTCOME, "json", quiet=False)
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["schema"], document["files"]) == (1, ["house/a.whl", "house/b.whl"])
    assert document["findings"][1] == {
        "code": "WC301",
        "file": None,
        "target": TARGET,
        "message": "a needs https://*********@host/b",
        "hint": "",
    }
    assert err == ""


def test_github(capsys: pytest.CaptureFixture[str]) -> None:
    show_check(OUTCOME, "github", quiet=False)
    assert capsys.readouterr().out.splitlines() == [
        f"::error file=house/a.whl,title=WC201::for {TARGET}: it is for\\x1b Linux%0Aremove it",
        f"::error title=WC301::for {TARGET}: a needs https://*********@host/b",
        "::error file=house/a.whl,title=WC101::it is broken",
    ]


def test_github_from_a_subfolder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    finding = CheckFinding("../house/a.whl", "", "WC101", "it is broken")
    show_check(CheckOutcome(("../house/a.whl",), (), (finding,)), "github", quiet=False)
    assert capsys.readouterr().out == "::error file=house/a.whl,title=WC101::it is broken\n"


def test_junit(capsys: pytest.CaptureFixture[str]) -> None:
    show_check(OUTCOME, "junit", quiet=False)
    (suite,) = ET.fromstring(capsys.readouterr().out)  # noqa: S314 - it is our own
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failed = {case.get("name"): len(case) for case in suite}
    assert failed == {"house/a.whl": 1, "house/b.whl": 0, f"the wheelhouse for {TARGET}": 1}


@pytest.mark.parametrize("as_json", [True, False])
def test_install_check(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    findings = (CheckFinding("b.whl", "", "WC401", "cannot import b"),)
    outcome = InstallCheckOutcome("/bin/python", TARGET, ("a", "b"), findings)
    show_install_check(outcome, as_json=as_json, quiet=True)
    out, err = capsys.readouterr()
    if as_json:
        assert json.loads(out)["modules"] == ["a", "b"]
        assert (json.loads(out)["findings"][0]["code"], err) == ("WC401", "")
    else:
        assert out == "b.whl: WC401 cannot import b\n"
        assert err == "1 of 2 modules can be imported by /bin/python\n"


def test_workflow_command() -> None:
    properties = {"file": "a,b:c%"}
    assert workflow_command("notice", properties, "x%\r\ny") == (
        "::notice file=a%2Cb%3Ac%25::x%25%0D%0Ay"
    )
    assert workflow_command("error", {}, "x") == "::error::x"
