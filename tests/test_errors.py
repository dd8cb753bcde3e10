"""Every fault of the input: file, line, column, caret, and what to write; all at once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.support.cli import download, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.api import PlainRun
from wheeltarget.cli.output.text import show_error
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.errors import WheeltargetError

GOOD = "cp39-cp39-manylinux2014_x86_64"
EXAMPLE = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    made = tmp_path / "project"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def refused(
    *arguments: str, tags: tuple[str, ...] = (), targets: tuple[str, ...] = (), exit_code: int = 1
) -> str:
    """Return what a run prints that is refused before anything is fetched."""
    with pytest.raises(WheeltargetError) as raised:
        api.download(DownloadRequest(arguments, tags, targets))
    assert raised.value.exit_code == exit_code
    printed = io.StringIO()
    show_error(raised.value, printed)
    return printed.getvalue()


def golden(text: str, **arguments: str) -> str:
    """Take the margin away from an expected text, and fill it in."""
    lines = text.strip("\n").split("\n")
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "".join(f"{line[margin:]}\n" for line in lines[:-1]).format(
        GOOD=GOOD, EXAMPLE=EXAMPLE, **arguments
    )


CLAUSES = {
    "empty list": """
        r.txt:1:7: error: tags= has no values
            app ; tags=
                  ^^^^^
          write it like tags={EXAMPLE}
        """,
    "empty default": """
        r.txt:1:3: error: target= has no values
            # target=
              ^^^^^^^
          write it like target=host
        """,
    "empty entry": """
        r.txt:1:42: error: a tag is missing next to this comma
            app ; tags={GOOD},,
                                                     ^
          write it like tags={EXAMPLE}
        """,
    "misspelt key": """
        r.txt:1:30: error: tag= is not a clause
            app ; python_version > '3' ; tag={GOOD}
                                         ^^^
          write tags=…
        """,
    "unknown key": """
        r.txt:1:8: error: platform= is not a clause
            app  ; platform = linux
                   ^^^^^^^^
          the clauses are tags=…, target=… and exclude=…
        """,
    "colon": """
        r.txt:1:7: error: tags is not followed by a single = and a list
            app ; tags: {GOOD}
                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          write tags=… as in tags={EXAMPLE}
        """,
    "blank between": """
        r.txt:1:12: error: there is white space in '{GOOD} {GOOD}'
            app ; tags={GOOD} {GOOD}
                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          separate tags by commas; put a comment after a # of its own
        """,
    "marker behind": """
        r.txt:1:45: error: other text comes after a clause
            app ; tags={GOOD} ; python_version > '3'
                                                        ^^^^^^^^^^^^^^^^^^^^
          write a marker before the clauses: REQUIREMENT ; MARKER ; tags=…
        """,
    "after an option": """
        r.txt:1:24: error: tags= comes after an option
            app --hash=sha256:00 ; tags={GOOD}
                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          write it before the option: REQUIREMENT ; tags=… --hash=sha256:00
        """,
    "on an option": """
        r.txt:1:9: error: a clause belongs to a requirement, not to an option
            --pre # target=host
                    ^^^^^^^^^^^
          set a default on a line of its own above: # tags={EXAMPLE}
        """,
    "part of a URL": """
        r.txt:1:39: error: this ; is read as part of the URL
            https://x.invalid/a-1-py3-none-any.whl;tags={GOOD}
                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          put a space before it: URL ; tags=…
        """,
}
"""What is printed for a file with one line, by what is wrong with it; the line is in it."""

TARGETS = {
    "no tag": """
        r.txt:1:12: error: cp39 is not a tag
            app ; tags=cp39
                       ^^^^
          a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}
        """,
    "ABI that this Python never had": """
        r.txt:1:12: error: cp37-cp37-win32 is not an environment: CPython 3.7 has the ABI cp37m
            app ; tags=cp37-cp37-win32
                       ^^^^^^^^^^^^^^^
          write cp37-cp37m-win32
        """,
    "no Python": """
        r.txt:1:12: error: py3-none-any does not name an environment: which Python 3?
            app ; tags=py3-none-any
                       ^^^^^^^^^^^^
          add the version, as in py312
        """,
    "second of a list": """
        r.txt:1:44: error: win64 is not a platform
            app ; tags={GOOD}, cp39-cp39-win64
                                                       ^^^^^^^^^^^^^^^
          write win_amd64
        """,
    "unknown name": """
        r.txt:1:14: error: lambda-3.12-arm64 is not a known target
            app # target=lambda-3.12-arm64
                         ^^^^^^^^^^^^^^^^^
          write aws-lambda-python3.12-arm64
        """,
    "tag for a name": """
        r.txt:1:14: error: {GOOD} is not the name of a target
            app ; target={GOOD}
                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          a tag is given with tags=: tags={GOOD}
        """,
    "repository": """
        r.txt:1:1: error: this is a repository, which cannot be built here for {GOOD}
            git+https://x.invalid/a ; tags={GOOD}
            ^^^^^^^^^^^^^^^^^^^^^^^
          --allow-sdist NAME keeps its source for the target to build, \
--build-pure NAME builds a pure Python wheel here
        """,
    "editable": """
        r.txt:1:1: error: this is an editable project, which cannot be built here for {GOOD}
            -e ./here  # tags={GOOD}
            ^^^^^^^^^
          --allow-sdist NAME keeps its source for the target to build, \
--build-pure NAME builds a pure Python wheel here
        """,
    "missing folder": """
        r.txt:1:1: error: the folder ./none does not exist
            ./none ; tags={GOOD}
            ^^^^^^
          a relative path begins at the working directory
        """,
    "source distribution": """
        r.txt:1:3: error: this is a source distribution, which cannot be built here for {GOOD}
              a @ https://x.invalid/a-1.tar.gz ; os_name != 'nt' ; tags={GOOD}
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          --allow-sdist a keeps its source for the target to build, \
--build-pure a builds a pure Python wheel here
        """,
    "two versions in one line": """
        r.txt:1:1: error: app is pinned to 2 and to 1, both for {GOOD}
            app==1,==2 ; tags={GOOD}
            ^^^^^^^^^^
          a target can have only one version of a project
        """,
}


@pytest.mark.parametrize("case", [*CLAUSES, *TARGETS])
def test_one_line(folder: Path, case: str) -> None:
    (folder / "here").mkdir()
    expected = golden({**CLAUSES, **TARGETS}[case])
    line = expected.splitlines()[1].removeprefix("    ")
    (folder / "r.txt").write_text(f"{line}\n")
    assert refused("-r", "r.txt") == expected


class TestPlaces:
    """Where a caret stands, whatever the text around it looks like."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("\tlib ; tags=x\n", "r.txt:1:13: X\n    \tlib ; tags=x\n    \t           ^\n"),
            ("üñí ; tags=x", "r.txt:1:12: X\n    üñí ; tags=x\n               ^\n"),
            ("\ufefflib;tags=x", "r.txt:1:10: X\n    lib;tags=x\n             ^\n"),
            ("a\r\n\r\nlib;tags=x\r\n", "r.txt:3:10: X\n    lib;tags=x\n             ^\n"),
            (
                "# one\nlib \\\n  >=1 \\\n ;tags=\\\nx\\\n--pre\nb\n",
                "r.txt:5:1: X\n    x\n    ^\n",
            ),
            (
                "lib ; tags=${UNSET}",
                "r.txt:1:12: X\n    lib ; tags=${UNSET}\n" + 15 * " " + "^" * 8,
            ),
            (
                "lib # we need it # tags=x # for now",
                "r.txt:1:25: X\n    lib # we need it # tags=x # for now\n" + 28 * " " + "^\n",
            ),
            ("# tags=x\nlib\nb\n", "r.txt:1:8: X\n    # tags=x\n           ^\n"),
        ],
        ids=[
            "tab",
            "not ASCII",
            "byte order mark",
            "CR LF",
            "continued",
            "variable",
            "comments",
            "default, told once",
        ],
    )
    def test_place(self, folder: Path, text: str, expected: str) -> None:
        (folder / "r.txt").write_bytes(text.encode())
        printed = refused("-r", "r.txt")
        place, _, rest = printed.partition(": ")
        message, _, shown = rest.partition("\n")
        assert message.startswith("error: ")
        assert f"{place}: X\n{shown}".startswith(expected)
        assert printed.count("error: ") == 1


class TestAtOnce:
    """All faults of all files in one run."""

    def test_contradiction(self, folder: Path) -> None:
        """It counts for one target, and where the marker holds."""
        (folder / "r.txt").write_text(
            f"app==1 ; tags={GOOD}\n"
            f"app==2 ; tags=cp38-cp38-win32\n"
            f"app==2 ; sys_platform == 'win32' ; tags={GOOD}\n"
            f"App == 1.0 ; tags={GOOD}\n"
            f"app===1+local ; python_version > '3' ; tags={GOOD}\n"
            f"app~=2.0 ; tags={GOOD}\n"
            f"app==2.* ; tags={GOOD}\n"
            f"app==${{VERSION}} ; tags={GOOD}\n"
            f"app===3 ; tags={GOOD}\n"
        )
        assert refused("-r", "r.txt") == golden(
            """
            r.txt:9:1: error: app is pinned to 3 here and to 1 in r.txt:1:1, both for {GOOD}
                app===3 ; tags={GOOD}
                ^^^^^^^
              a target can have only one version of a project
            """
        )

    def test_files_in_order(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "main.txt").write_text(
            f"app==1 ; tags={GOOD}\n"
            "lib ; tags=cp37-cp37-win32\n"
            "-r sub/more.txt\n"
            "git+https://x.invalid/a ; tags=cp37-cp37m-win32\n"
            "lib ; tags=\n"
        )
        (folder / "sub" / "more.txt").write_text(f"app==2 # tags={GOOD}\nb ; tga=x\n")
        (folder / "limits.txt").write_text("# target=host\na<2\nb<2 ; tags=cp39-cp39-win64\nc\n")
        arguments = ["-r", "main.txt", "-c", "limits.txt", "-r", "none.txt", "app; tags=x"]
        assert refused(*arguments, "lib ; target=./t.toml", tags=("y",)) == golden(
            """
            error: cannot read none.txt: No such file or directory
            main.txt:2:12: error: cp37-cp37-win32 is not an environment: \
CPython 3.7 has the ABI cp37m
                lib ; tags=cp37-cp37-win32
                           ^^^^^^^^^^^^^^^
              write cp37-cp37m-win32
            main.txt:4:1: error: this is a repository, which cannot be built here for \
cp37-cp37m-win32
                git+https://x.invalid/a ; tags=cp37-cp37m-win32
                ^^^^^^^^^^^^^^^^^^^^^^^
              --allow-sdist NAME keeps its source for the target to build, \
--build-pure NAME builds a pure Python wheel here
            main.txt:5:7: error: tags= has no values
                lib ; tags=
                      ^^^^^
              write it like tags={EXAMPLE}
            sub/more.txt:1:1: error: app is pinned to 2 here and to 1 in main.txt:1:1, \
both for {GOOD}
                app==2 # tags={GOOD}
                ^^^^^^
              a target can have only one version of a project
            sub/more.txt:2:5: error: tga= is not a clause
                b ; tga=x
                    ^^^
              write tags=…
            limits.txt:3:12: error: win64 is not a platform
                b<2 ; tags=cp39-cp39-win64
                           ^^^^^^^^^^^^^^^
              write win_amd64
            <command line>:1:11: error: x is not a tag
                app; tags=x
                          ^
              a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}
            <command line>:2:14: error: cannot read the target file ./t.toml: \
No such file or directory
                lib ; target=./t.toml
                             ^^^^^^^^
            --tags:1:1: error: y is not a tag
                y
                ^
              a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}
            """,
            folder=str(folder),
        )

    def test_options(self, folder: Path) -> None:
        (folder / "r.txt").write_text(f"# tags={GOOD}\n--no-binary app,:none:\nlib\n--no-binary=a")
        assert refused("--no-binary=lib", "-r", "r.txt") == golden(
            """
            error: --no-binary cannot be used for {GOOD}: only wheels fit a foreign target
              to allow the source of a project, use --allow-sdist NAME instead
            r.txt:4:1: error: --no-binary cannot be used for {GOOD}: only wheels fit a \
foreign target
                --no-binary=a
                ^^^^^^^^^^^^^
              to allow the source of a project, use --allow-sdist NAME instead
            """
        )


class TestCommandLine:
    """Faults of what was typed."""

    def test_defaults(self) -> None:
        printed = refused("app", tags=(f"{GOOD}, x", "y"), targets=("z,host",))
        assert printed == golden(
            """
            --tags:1:33: error: x is not a tag
                {GOOD}, x
                                                ^
              a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}
            --tags:2:1: error: y is not a tag
                y
                ^
              a tag is INTERPRETER-ABI-PLATFORM, such as {EXAMPLE}
            --target:1:1: error: z is not a known target
                z,host
                ^
              run wheeltarget targets for a list, or name a target file, such as ./FILE.toml
            """
        )

    def test_empty_defaults(self) -> None:
        assert refused("app", tags=("", f"{GOOD},"), targets=(" ",)) == golden(
            """
            --tags:1:1: error: --tags has an empty entry
            --tags:2:32: error: --tags has an empty entry
                {GOOD},
                                               ^
            --target:1:2: error: --target has an empty entry
                \x20
                 ^
            """
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--bogus", f"app;tags={GOOD}"), "no such option: --bogus"),
            ((f"app;tags={GOOD}", "-e", "."), "no such option: -e"),
            ((f"app;tags={GOOD}", "-d"), "-d option requires 1 argument"),
            (
                (f"app;tags={GOOD}", "--no-i=1"),
                "ambiguous option: --no-i (--no-index, --no-input?)",
            ),
            ((f"app;tags={GOOD}", "--no-index=1"), "--no-index option does not take a value"),
        ],
        ids=["unknown", "not of download", "no value", "ambiguous", "no value wanted"],
    )
    def test_usage(self, arguments: tuple[str, ...], message: str) -> None:
        assert refused(*arguments, exit_code=2) == f"error: {message}\n"

    def test_help(self, folder: Path) -> None:
        """What pip knows ``-h`` for, too."""
        result = wheeltarget("download", "-h", cwd=folder)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "--tags" in result.stdout
        assert result.stdout == wheeltarget("download", "--help", cwd=folder).stdout


class TestSettings:
    """Faults of ``[tool.wheeltarget]``."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("tags = 3", ":2:1: error: tool.wheeltarget.tags must be a string or a list of"),
            ("tags = ['x', 3]", ":2:1: error: tool.wheeltarget.tags must be a string or a list"),
            ("tags = ''", ":2:1: error: tool.wheeltarget.tags has an empty entry\n    tags = ''\n"),
            ("target = ['x,']", ":2:1: error: tool.wheeltarget.target has an empty entry\n"),
            (
                "tags = 'cp39'",
                ":2:1: error: cp39 is not a tag\n    tags = 'cp39'\n    ^^^^\n  a tag is",
            ),
            ("target = 't/x.toml'", ":2:1: error: cannot read the target file t/x.toml: "),
            (
                "tag = 'cp39'",
                ":2:1: error: tool.wheeltarget has no setting tag\n    tag = 'cp39'\n",
            ),
            ("Tags = 'cp39'", "    ^^^^\n  write tags = …\n"),
            ("colour = 1", "  the settings are tags, target, targets and indexes\n"),
            ("tags =", "cannot read "),
            ("targets = 3", ":2:1: error: tool.wheeltarget.targets must be a table of targets\n"),
            (
                "targets.box = 3",
                ":1:1: error: tool.wheeltarget.targets must be a table of targets",
            ),
        ],
        ids=[
            "number",
            "number in list",
            "empty",
            "empty entry",
            "no tag",
            "no file",
            "misspelt",
            "in capitals",
            "unknown",
            "not TOML",
            "no table of targets",
            "no table of a target",
        ],
    )
    def test_fault(self, folder: Path, text: str, expected: str) -> None:
        (folder / "pyproject.toml").write_text(f"[tool.wheeltarget]\n{text}\n")
        printed = refused("app")
        assert expected in printed
        assert printed.count("pyproject.toml") == 1

    def test_no_table(self, folder: Path) -> None:
        (folder / "pyproject.toml").write_text("tool.wheeltarget = 'x'\n")
        file = folder / "pyproject.toml"
        assert refused("app") == f"error: {file}: tool.wheeltarget must be a table\n"

    @pytest.mark.parametrize(
        "text",
        [
            "not TOML",
            "tool = 'wheeltarget'",
            "[tool.other]\ntags = 3",
            "[tool.wheeltarget]\ntags = []",
        ],
        ids=["not ours", "no table of tools", "another tool", "nothing"],
    )
    def test_nothing_set(self, folder: Path, text: str) -> None:
        (folder / "pyproject.toml").write_text(text)
        assert api.download(DownloadRequest(("app",))) == PlainRun()

    def test_lists(self, folder: Path) -> None:
        (folder / "pyproject.toml").write_text(
            "[tool.wheeltarget]\ntarget = 'a.toml, b.toml'\ntags = ['c,d', 'e']\n"
        )
        printed = refused("app")
        wrong = [line.partition(" error: ")[2] for line in printed.splitlines() if "error" in line]
        assert [arguments.split(" ", 1)[0] for arguments in wrong[2:]] == ["c", "d", "e"]
        assert ["a.toml" in wrong[0], "b.toml" in wrong[1]] == [True, True]


def test_whole_run(folder: Path, tmp_path: Path, index: LocalIndex) -> None:
    """As its user sees it: nothing on standard output, nothing asked, nothing left."""
    make_wheel(tmp_path / "index", "app")
    (folder / "r.txt").write_text(f"app ; tags={GOOD}\napp ; tags=cp37-cp37-win32\n")
    result = download(index, "-r", "r.txt", "lib ; tags", cwd=folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == golden(
        """
        r.txt:2:12: error: cp37-cp37-win32 is not an environment: CPython 3.7 has the ABI cp37m
            app ; tags=cp37-cp37-win32
                       ^^^^^^^^^^^^^^^
          write cp37-cp37m-win32
        <command line>:1:7: error: tags is not followed by a single = and a list
            lib ; tags
                  ^^^^
          write tags=… as in tags={EXAMPLE}
        """
    )
    assert index.requests == ()
    assert names(folder) == ["r.txt"]


def test_a_default_for_no_line_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six  # target=host\n# tags=nope\n")
    result = wheeltarget("download", "-r", "requirements.txt", cwd=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("requirements.txt:2:8: error: nope is not a tag\n")


@pytest.mark.parametrize("password", ["secret", "s@cr@t"])
def test_credentials_are_hidden_and_the_caret_stays(tmp_path: Path, password: str) -> None:
    line = f"app @ https://me:{password}@x.invalid/app-1.tar.gz ; tags=nope"
    result = wheeltarget("download", line, cwd=tmp_path)
    assert result.exit_code == 1
    shown, carets = result.stderr.splitlines()[1:3]
    assert shown.endswith("https://*********@x.invalid/app-1.tar.gz ; tags=nope")
    assert carets.index("^") == shown.index("nope")


def test_nested_files_are_named_from_here(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "requirements.txt").write_text("-r sub/more.txt\n")
    (tmp_path / "sub" / "more.txt").write_text("app ; tags=nope\n")
    result = wheeltarget("download", "-r", "requirements.txt", cwd=tmp_path)
    assert result.stderr.startswith("sub/more.txt:1:12: error: nope is not a tag\n")


@pytest.mark.parametrize("quiet", ["1", "2", "true"])
def test_quiet_by_variable(tmp_path: Path, index: LocalIndex, quiet: str) -> None:
    make_wheel(tmp_path / "index", "app")
    line = "app ; tags=cp39-cp39-win_amd64"
    result = download(index, line, cwd=tmp_path, variables={"PIP_QUIET": quiet})
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert names(tmp_path / "wheelhouse") == ["app-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("line", ["app ; tags=cp39-cp39-win_amd64", "app"])
def test_quiet_by_configuration(tmp_path: Path, index: LocalIndex, line: str) -> None:
    make_wheel(tmp_path / "index", "app", requires=["lib ; python_version < '3.10'"])
    make_wheel(tmp_path / "index", "lib")
    (tmp_path / "pip.conf").write_text("[global]\nquiet = 1\n")
    arguments = [line] if ";" in line else ["--python-version=39", "--only-binary=:all:", line]
    variables = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    result = download(index, *arguments, cwd=tmp_path, variables=variables)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    louder = download(index, "-v", *arguments, cwd=tmp_path, variables=variables)
    assert louder.exit_code == 0, louder.stderr
    assert "app" in louder.stdout, "the two even out"


@pytest.mark.parametrize("marker", ["os_name ~= 'x'", "'a' == 'b'"])
def test_markers_that_compare_nothing(tmp_path: Path, index: LocalIndex, marker: str) -> None:
    make_wheel(tmp_path / "index", "app")
    lines = [f"app ; {marker} ; tags={GOOD}", f"app==1.0 ; tags={GOOD}"]
    result = download(index, *lines, cwd=tmp_path)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "ERROR: app ; " in result.stderr
    assert names(tmp_path / "wheelhouse") == []
