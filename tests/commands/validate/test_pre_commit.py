"""Whether a repository sorts its requirements files, and what that does to defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheeltarget.commands.validate.pre_commit import is_sorted, takes
from wheeltarget.commands.validate.validate import ValidateRequest, validate

W = "cp39-cp39-win32"
CONFIGURATION = """\
repos:
  - repo: https://github.com/pre-commit/pre-commit-hooks
    rev: v6.0.0
    hooks:
      - id: check-toml
        exclude: ^requirements
      - id: requirements-txt-fixer
{}  - repo: local
    hooks:
      - id: other
        files: nothing
"""


@pytest.mark.parametrize(
    ("more", "file", "taken"),
    [
        ("", "requirements.txt", True),
        ("", "deep/requirements/dev.txt", True),
        ("", "constraints-3.txt", True),
        ("", "requirements.in", False),
        ("", "deps.txt", False),
        ("        files: ^deps\\.txt$\n", "deps.txt", True),
        ("        files: ^deps\\.txt$\n", "requirements.txt", False),
        ("        exclude: '^requirements\\.txt$'  # why\n", "requirements.txt", False),
        ("        name: x\n        exclude: dev\n", "requirements-dev.txt", False),
        (
            "        exclude: |\n          (?x)^(\n            req.*\n          )$\n",
            "req.txt",
            False,
        ),
        (
            "        files: |\n          (?x)^(\n            d.*\n          )$\n        args: 1\n",
            "deps.txt",
            True,
        ),
    ],
)
def test_which_files_are_taken(more: str, file: str, taken: bool) -> None:
    assert takes(CONFIGURATION.format(more), file) is taken


def test_other_hooks_sort_nothing() -> None:
    text = CONFIGURATION.format("").replace("requirements-txt-fixer", "end-of-file-fixer")
    assert not takes(text, "requirements.txt")
    assert not takes("# - id: requirements-txt-fixer\n", "requirements.txt")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of a repository that sorts."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / ".pre-commit-config.yaml").write_text(CONFIGURATION.format(""))
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def test_default_of_a_file_that_is_sorted_is_found(folder: Path) -> None:
    text = f"# tags={W}\nidna\nflask # tags={W}\n"
    for name in ("requirements.txt", "sub/requirements.txt", "deps.txt"):
        (folder / name).write_text(text)
    names = ("../requirements.txt", "requirements.txt", "../deps.txt")
    found = validate(ValidateRequest(names)).findings
    assert [(each.fault.code, str(each.location)) for each in found] == [
        ("WT601", "../requirements.txt:1:3"),
        ("WT601", "requirements.txt:1:3"),
    ]
    assert not validate(ValidateRequest(names, fix=True)).fixed


def test_without_such_a_configuration_a_default_is_good(folder: Path) -> None:
    (folder / "requirements.txt").write_text(f"# tags={W}\nidna\n")
    configuration = folder / ".pre-commit-config.yaml"
    for content in (None, b"\xff", CONFIGURATION.format("        files: (\n").encode()):
        if content is None:
            configuration.unlink()
        else:
            configuration.write_bytes(content)
        assert not is_sorted("../requirements.txt")
        assert validate(ValidateRequest(("../requirements.txt",))).exit_code == 0
