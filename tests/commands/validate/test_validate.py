"""The command ``validate``: which files are read and written, and how."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cli import ROOT, wheeltarget
from wheeltarget.commands.validate.validate import ValidateRequest, validate

pytestmark = pytest.mark.thorough

W = "cp39-cp39-win32"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    made = tmp_path / "project"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


class TestFiles:
    """Reading and writing."""

    def test_files_are_told_apart_and_counted_once(self, folder: Path) -> None:
        (folder / "b.txt").write_text("x ; tags=b\n")
        (folder / "a.txt").write_text("-r b.txt\nx ; tags=a\n")
        (folder / "link.txt").symlink_to("a.txt")
        outcome = validate(ValidateRequest(("b.txt", "a.txt", "./a.txt", "link.txt", "b.txt")))
        assert outcome.files == 2
        assert [each.location.file for each in outcome.findings] == ["a.txt", "b.txt"]
        assert outcome.exit_code == 1

    @pytest.mark.parametrize(
        ("mark", "encoding"),
        [
            (b"", "utf-8"),
            (b"\xef\xbb\xbf", "utf-8"),
            (b"\xff\xfe", "utf-16-le"),
            (b"\xfe\xff", "utf-16-be"),
            (b"\xff\xfe\x00\x00", "utf-32-le"),
            (b"", "latin-1"),
        ],
    )
    def test_all_else_is_kept(self, folder: Path, mark: bytes, encoding: str) -> None:
        before = f"# coding: {encoding}\r\n# é  \n\ny\r\nx;tag={W}\r\nz ; \\\r\n  tags={W}"
        after = before.replace(f"x;tag={W}", f"x ; tags={W}")
        file = folder / "r.txt"
        file.write_bytes(mark + before.encode(encoding))
        file.chmod(0o640)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        assert file.read_bytes() == mark + after.encode(encoding)
        assert file.stat().st_mode & 0o777 == 0o640
        assert [each.fault.code for each in outcome.fixed] == ["WT001", "WT401"]
        assert (outcome.findings, outcome.exit_code) == ((), 1)
        assert validate(ValidateRequest(("r.txt",), fix=True)).exit_code == 0
        assert [path.name for path in folder.iterdir()] == ["r.txt"]

    @pytest.mark.parametrize(
        ("name", "request_"),
        [
            ("constraints.txt", ValidateRequest(("constraints.txt",))),
            ("constraints/dev.in", ValidateRequest(("constraints/dev.in",))),
            ("c.txt", ValidateRequest((), constraints=("c.txt",))),
            ("sub/c.txt", ValidateRequest(("sub/c.txt", "sub/r.txt"))),
        ],
    )
    def test_constraints_files(self, folder: Path, name: str, request_: ValidateRequest) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "r.txt").write_text("x[y]\n--constraint c.txt --bogus\n-c ./c.txt\n")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x[y]\n")
        assert [(each.fault.code, each.location.file) for each in validate(request_).findings] == [
            ("WT501", name)
        ]

    def test_good_file_is_not_written(self, folder: Path) -> None:
        file = folder / "r.txt"
        file.write_text(f"x ; tags={W}\n")
        before = file.stat()
        assert validate(ValidateRequest(("r.txt",), fix=True)).exit_code == 0
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_link_stays_a_link(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "r.txt").write_text(f"x ; tag={W}\n")
        (folder / "link.txt").symlink_to("sub/r.txt")
        assert validate(ValidateRequest(("link.txt",), fix=True)).exit_code == 1
        assert (folder / "link.txt").is_symlink()
        assert (folder / "sub" / "r.txt").read_text() == f"x ; tags={W}\n"

    def test_encoding_that_would_change_more(self, folder: Path) -> None:
        # UTF-7 has many ways to write one text.
        data = f"# coding: utf-7\n# +AGE-\nx ; tag={W}\n".encode()
        (folder / "r.txt").write_bytes(data)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        assert (folder / "r.txt").read_bytes() == data
        assert outcome.exit_code == 3
        assert [each.fault.code for each in outcome.findings] == ["WT001"]
        (fault,) = outcome.unfinished
        assert fault.message == (
            "cannot write r.txt: encoding it as utf-7 would change more than the fixes"
        )

    def test_write_that_fails_leaves_the_file(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "r.txt").write_text(f"x ; tag={W}\n")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shutil.copymode", full)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        assert [each.message for each in outcome.unfinished] == [
            "cannot write r.txt: No space left on device"
        ]
        assert [path.name for path in folder.iterdir()] == ["r.txt"]
        assert (folder / "r.txt").read_text() == f"x ; tag={W}\n"
        assert [each.fault.code for each in outcome.findings] == ["WT001"]
        assert outcome.fixed == ()

    def test_write_protected_file_is_left(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "r.txt").write_text(f"x ; tag={W}\n")
        # Whoever is root may write to any file.
        monkeypatch.setattr("os.access", lambda *_: False)
        outcome = validate(ValidateRequest(("r.txt",), fix=True))
        assert [each.message for each in outcome.unfinished] == [
            "cannot write r.txt: it is write-protected"
        ]
        assert (folder / "r.txt").read_text() == f"x ; tag={W}\n"

    def test_pipe_is_read_and_not_written(self, folder: Path) -> None:
        arguments = ("validate", "--fix", "--format=github", "/dev/stdin")
        result = wheeltarget(*arguments, cwd=folder, stdin=f"x ; tag={W}\n")
        assert result.stdout.splitlines() == [
            (
                "::error file=/dev/stdin,line=1,col=5,endColumn=8,title=WT001::"
                "tag= is not a clause%0Awrite tags=…"
            ),
            "::error::cannot write /dev/stdin: it is not a file that can be replaced",
        ]
        assert result.exit_code == 3

    def test_what_cannot_be_read_hides_nothing(self, folder: Path) -> None:
        (folder / "binary.txt").write_bytes(b"# coding: nonsense\n\x80\x00")
        (folder / "folder.txt").mkdir()
        (folder / "z.txt").write_text("x ; tags=z\n")
        (folder / "empty.txt").write_text("")
        names = ("binary.txt", "folder.txt", "missing.txt", "z.txt", "empty.txt")
        outcome = validate(ValidateRequest(names))
        assert [each.message for each in outcome.unfinished] == [
            "cannot read binary.txt: unknown encoding: nonsense",
            "cannot read folder.txt: Is a directory",
            "cannot read missing.txt: No such file or directory",
        ]
        assert [each.fault.code for each in outcome.findings] == ["WT101"]
        assert (outcome.files, outcome.exit_code) == (5, 3)


def test_documentation_shows_what_happens(folder: Path) -> None:
    page = (ROOT / "docs" / "validate.md").read_text("utf-8")
    (text,) = re.findall(r"```txt\n(.*?)```", page, re.DOTALL)
    (output,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (folder / "requirements.txt").write_text(text)
    result = wheeltarget("validate", "requirements.txt", cwd=folder)
    assert result.stdout == output
    assert f"`{result.stderr.strip()}`" in page
    assert replace(result, stdout="", stderr="").exit_code == 1


def test_indexes_of_the_project(folder: Path) -> None:
    """A folder of an index need not be on the machine that checks the table."""
    (folder / "requirements.txt").write_text("flask\n")
    table = folder / "pyproject.toml"
    request = ValidateRequest(("requirements.txt",))
    table.write_text("[tool.wheeltarget.indexes]\ntorch = 'elsewhere'\n")
    assert validate(request).exit_code == 0
    table.write_text("[tool.wheeltarget.indexes]\ntorch = 'ftp://a'\n\"a b\" = ''\n")
    found = [(each.fault.code, each.location.line) for each in validate(request).findings]
    assert found == [("WT702", 2), ("WT701", 3), ("WT702", 3)]
    table.write_text("[tool.wheeltarget]\nindexes = 5\n")
    outcome = validate(request)
    assert [(each.fault.code, each.location.column) for each in outcome.findings] == [("WT704", 1)]
    table.write_text("[tool.wheeltarget\n")
    assert validate(request).exit_code == 3
