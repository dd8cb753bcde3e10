"""``wheeltarget validate`` as its user sees it: words, output, exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import command, environment, wheeltarget
from wheeltarget import api
from wheeltarget.cli import app
from wheeltarget.cli.output.findings import show_validate
from wheeltarget.cli.verbs.validate import FindingsFormat

W = "cp39-cp39-win32"
FAULTY = f"x ; tag={W}\n\nä ; tags=cp39,{W}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own that has a good and a faulty file."""
    made = tmp_path / "project"
    made.mkdir()
    monkeypatch.chdir(made)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (made / "good.txt").write_text(f"x ; tags={W}\n", "utf-8")
    (made / "faulty.txt").write_text(FAULTY, "utf-8")
    return made


def shown(form: str, *names: str, fix: bool = False, quiet: bool = False) -> tuple[str, str]:
    """Return what is written to the two streams."""
    outcome = api.validate(api.ValidateRequest(names, fix=fix))
    with (
        contextlib.redirect_stdout(io.StringIO()) as stdout,
        contextlib.redirect_stderr(io.StringIO()) as stderr,
    ):
        show_validate(outcome, form, quiet=quiet)
    return stdout.getvalue(), stderr.getvalue()


class TestText:
    """For people."""

    def test_findings(self, folder: Path) -> None:
        result = wheeltarget("validate", "faulty.txt", "good.txt", cwd=folder)
        assert result.stdout == (
            "faulty.txt:1:5: WT001 tag= is not a clause\n"
            f"    x ; tag={W}\n"
            "        ^^^\n"
            "  write tags=…\n"
            "faulty.txt:3:10: WT101 cp39 is not a tag\n"
            f"    ä ; tags=cp39,{W}\n"
            "             ^^^^\n"
            "  a tag is INTERPRETER-ABI-PLATFORM, such as cp312-cp312-manylinux_2_28_x86_64\n"
        )
        assert result.stderr == "2 findings in 1 file; --fix can fix 1\n"
        assert result.exit_code == 1

    def test_fix(self, folder: Path) -> None:
        (folder / "faulty.txt").write_text(f"x ; tag={W}\ny ; tags=y\n")
        result = wheeltarget("validate", "--fix", "faulty.txt", cwd=folder)
        assert result.stdout == (
            "faulty.txt:1:5: WT001 fixed: tag= is not a clause\n"
            "faulty.txt:2:10: WT101 y is not a tag\n"
            "    y ; tags=y\n"
            "             ^\n"
            "  a tag is INTERPRETER-ABI-PLATFORM, such as cp312-cp312-manylinux_2_28_x86_64\n"
        )
        assert result.stderr == "1 finding fixed, 1 finding in 1 file\n"
        assert result.exit_code == 1
        assert (folder / "faulty.txt").read_text() == f"x ; tags={W}\ny ; tags=y\n"

    def test_fix_of_all(self, folder: Path) -> None:
        (folder / "faulty.txt").write_text(f"x ; tag={W}\n")
        assert shown("text", "faulty.txt", "good.txt", fix=True) == (
            "faulty.txt:1:5: WT001 fixed: tag= is not a clause\n",
            "1 finding fixed, no findings left in 2 files\n",
        )

    def test_nothing_is_wrong(self, folder: Path) -> None:
        result = wheeltarget("validate", "good.txt", cwd=folder)
        assert (result.stdout, result.stderr) == ("", "no findings in 1 file\n")
        assert result.exit_code == 0

    def test_quiet(self) -> None:
        assert shown("text", "good.txt", quiet=True) == ("", "")
        assert shown("text", "faulty.txt", quiet=True) == shown("text", "faulty.txt")

    def test_file_that_cannot_be_read(self, folder: Path) -> None:
        result = wheeltarget("validate", "missing.txt", "faulty.txt", "-q", cwd=folder)
        assert result.stdout.count("WT") == 2
        assert result.stderr == (
            "error: cannot read missing.txt: No such file or directory\n"
            "2 findings in 1 file; --fix can fix 1\n"
        )
        assert result.exit_code == 3

    def test_without_a_file_that_can_be_read_there_is_no_result(self) -> None:
        assert shown("text", "missing.txt") == (
            "",
            (
                "error: cannot read missing.txt: No such file or directory\n"
                "1 of 1 file could not be read or written\n"
            ),
        )
        assert shown("text", "good.txt", ".")[1] == (
            "error: cannot read .: Is a directory\n1 of 2 files could not be read or written\n"
        )

    def test_paths_below_the_folder_are_short(self, folder: Path) -> None:
        assert shown("text", str(folder / "faulty.txt")) == shown("text", "faulty.txt")

    def test_credentials_are_hidden(self, folder: Path) -> None:
        (folder / "r.txt").write_text("a @ https://me:secret@x.invalid/a.whl ; tags=secret\n")
        for form in ("text", "json", "github"):
            assert "me:secret" not in "".join(shown(form, "r.txt"))
        assert shown("text", "r.txt")[0].splitlines()[1] == (
            "    a @ https://*********@x.invalid/a.whl ; tags=secret"
        )

    @pytest.mark.parametrize("place", [0, 5_000, 9_000])
    def test_of_a_long_line_the_place_is_shown(self, folder: Path, place: int) -> None:
        lead, tail = "x" * (place + 1), "y" * (10_000 - place)
        (folder / "r.txt").write_text(f"{lead} ; tags=wrong  # {tail}\n")
        first, line, caret, _ = shown("text", "r.txt")[0].splitlines()
        assert first == f"r.txt:1:{place + 10}: WT101 wrong is not a tag"
        assert len(line) < 2100
        assert line[caret.index("^") : caret.rindex("^") + 1] == "wrong"


class TestJson:
    """For programs."""

    def test_findings(self) -> None:
        stdout, stderr = shown("json", "faulty.txt", "good.txt")
        assert stderr == ""
        assert json.loads(stdout) == {
            "schema": 1,
            "files": 2,
            "findings": [
                {
                    "code": "WT001",
                    "file": "faulty.txt",
                    "line": 1,
                    "column": 5,
                    "width": 3,
                    "message": "tag= is not a clause",
                    "hint": "write tags=…",
                    "fixable": True,
                    "fixed": False,
                },
                {
                    "code": "WT101",
                    "file": "faulty.txt",
                    "line": 3,
                    "column": 10,
                    "width": 4,
                    "message": "cp39 is not a tag",
                    "hint": "a tag is INTERPRETER-ABI-PLATFORM, such as "
                    "cp312-cp312-manylinux_2_28_x86_64",
                    "fixable": False,
                    "fixed": False,
                },
            ],
            "unfinished": [],
        }

    def test_what_was_fixed_stands_among_the_rest(self) -> None:
        stdout, _ = shown("json", "faulty.txt", fix=True)
        found = json.loads(stdout)["findings"]
        assert [(each["code"], each["fixed"]) for each in found] == [
            ("WT001", True),
            ("WT101", False),
        ]

    def test_unfinished(self) -> None:
        stdout, stderr = shown("json", ".")
        assert json.loads(stdout)["unfinished"] == ["cannot read .: Is a directory"]
        assert stderr == "error: cannot read .: Is a directory\n"

    def test_nothing_is_wrong(self, folder: Path) -> None:
        result = wheeltarget("validate", "--format", "json", "good.txt", cwd=folder)
        assert json.loads(result.stdout) == {
            "schema": 1,
            "files": 1,
            "findings": [],
            "unfinished": [],
        }
        assert (result.stderr, result.exit_code) == ("", 0)


class TestGithub:
    """For the lines of a pull request."""

    def test_findings(self) -> None:
        stdout, stderr = shown("github", "faulty.txt")
        assert stdout.splitlines() == [
            (
                "::error file=faulty.txt,line=1,col=5,endColumn=8,title=WT001::"
                "tag= is not a clause%0Awrite tags=…"
            ),
            (
                "::error file=faulty.txt,line=3,col=10,endColumn=14,title=WT101::"
                "cp39 is not a tag%0Aa tag is INTERPRETER-ABI-PLATFORM, such as "
                "cp312-cp312-manylinux_2_28_x86_64"
            ),
        ]
        assert stderr == ""

    def test_what_would_end_a_command_is_escaped(self, folder: Path) -> None:
        (folder / "a,b:c%.txt").write_text("x ; target=50%::d,e\n")
        stdout, _ = shown("github", "a,b:c%.txt")
        assert stdout.startswith(
            "::error file=a%2Cb%3Ac%25.txt,line=1,col=12,endColumn=18,title=WT202::"
            "50%25::d is not a known target%0A"
        )
        assert stdout.count("\n") == 2

    @pytest.mark.parametrize(
        "name", ["../faulty.txt", "{project}/faulty.txt", "./sub/../../faulty.txt"]
    )
    @pytest.mark.parametrize(
        ("workspace", "expected"),
        [("", "faulty.txt"), ("{parent}", "project/faulty.txt"), ("/nowhere", "faulty.txt")],
    )
    def test_path_is_that_in_the_workspace_or_repository(
        self,
        folder: Path,
        name: str,
        workspace: str,
        expected: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (folder / ".git").mkdir()
        (folder / "deep" / "sub").mkdir(parents=True)
        monkeypatch.chdir(folder / "deep")
        monkeypatch.setenv("GITHUB_WORKSPACE", workspace.format(parent=folder.parent))
        stdout, _ = shown("github", name.format(project=folder))
        assert stdout.startswith(f"::error file={expected},line=1,col=5,")

    def test_path_of_a_file_in_a_subfolder(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / ".git").write_text("gitdir: elsewhere\n")
        (folder / "sub").mkdir()
        (folder / "faulty.txt").rename(folder / "sub" / "faulty.txt")
        monkeypatch.chdir(folder / "sub")
        for name in ("faulty.txt", "../sub/faulty.txt"):
            assert shown("github", name)[0].startswith("::error file=sub/faulty.txt,line=1,")

    def test_workspace_behind_a_link(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder.parent / "link").symlink_to(folder)
        monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent / "link"))
        (folder / "sub").mkdir()
        monkeypatch.chdir(folder / "sub")
        assert shown("github", "../faulty.txt")[0].startswith("::error file=faulty.txt,line=1,")

    def test_fixed_and_unfinished(self, folder: Path) -> None:
        (folder / "faulty.txt").write_text(f"x ; tag={W}\n")
        assert shown("github", "faulty.txt", "no\n", fix=True)[0].splitlines() == [
            (
                "::notice file=faulty.txt,line=1,col=5,endColumn=8,title=WT001::"
                "fixed: tag= is not a clause"
            ),
            "::error::cannot read no%0A: No such file or directory",
        ]


class TestWords:
    """The command line."""

    @pytest.mark.parametrize(
        ("arguments", "exit_code", "form", "quiet"),
        [
            (["good.txt"], 0, "text", False),
            (["faulty.txt", "good.txt"], 1, "text", False),
            (["--quiet", "good.txt"], 0, "text", True),
            (["good.txt", "-q", "--fix"], 0, "text", True),
            (["--format", "json", "faulty.txt"], 1, "json", False),
            (["faulty.txt", "--format=github"], 1, "github", False),
            (["--format=json", "--format", "text", "faulty.txt"], 1, "text", False),
        ],
    )
    def test_options(
        self,
        arguments: list[str],
        exit_code: int,
        form: str,
        quiet: bool,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            app.run(["validate", *arguments])
        assert ended.value.code == exit_code
        names = [word for word in arguments if word.endswith(".txt")]
        assert capsys.readouterr() == shown(form, *names, quiet=quiet)

    def test_fix(self, folder: Path) -> None:
        with pytest.raises(SystemExit) as ended:
            app.run(["validate", "--fix", "faulty.txt"])
        assert ended.value.code == 1
        assert f"x ; tags={W}\n" in (folder / "faulty.txt").read_text("utf-8")

    def test_no_file(self, folder: Path) -> None:
        result = wheeltarget("validate", "--fix", cwd=folder)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "error: no file is named\n  write wheeltarget validate requirements.txt\n"
        )

    def test_constraints(self, folder: Path) -> None:
        (folder / "c.txt").write_text("psy[binary]==3.3.4\n")
        assert wheeltarget("validate", "c.txt", cwd=folder).exit_code == 0
        result = wheeltarget("validate", "-c", "c.txt", "good.txt", cwd=folder)
        assert result.stdout == (
            "c.txt:1:4: WT501 a constraint cannot have extras\n"
            "    psy[binary]==3.3.4\n"
            "       ^^^^^^^^\n"
            "  write psy==3.3.4, and the extras in a requirement\n"
        )
        assert (result.exit_code, result.stderr) == (1, "1 finding in 1 file\n")

    def test_usage(self, folder: Path) -> None:
        result = wheeltarget("validate", "--no-such", "x", cwd=folder)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "wheeltarget validate [OPTIONS] " in result.stderr

    def test_help(self, folder: Path) -> None:
        result = wheeltarget("validate", "--help", cwd=folder, variables={"TERM": "dumb"})
        assert result.exit_code == 0
        for word in ("--fix", "--format", "--quiet", *FindingsFormat):
            assert word in result.stdout

    def test_file_with_a_dash(self, folder: Path) -> None:
        (folder / "--fix").write_text("x ; tags=x\n")
        result = wheeltarget("validate", "--", "--fix", cwd=folder)
        assert result.exit_code == 1
        assert result.stdout.startswith("--fix:1:10: WT101")


def test_a_reader_that_leaves_is_no_fault(folder: Path) -> None:
    (folder / "long.txt").write_text("x ; tags=x\n" * 5000)
    run = subprocess.Popen(
        command("validate", "long.txt"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.stdout.close()
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 1
    assert b"Traceback" not in stderr
