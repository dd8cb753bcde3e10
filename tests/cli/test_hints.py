"""Hints are followed as they are written: each works, and loses nothing of what was there."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest

from tests.support.bundles import LINUX, WINDOWS, good
from tests.support.cli import Result, names, proposed
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.locks import sha256_of
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.thorough

BOTH = f"{LINUX},{WINDOWS}"
BOX = f'schema = 1\nname = "box"\ntag = "{LINUX}"\n'


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Return the folder whose wheels the index serves."""
    return tmp_path / "index"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def refused(*arguments: str, cwd: Path, **variables: str) -> Result:
    """Run a command that proposes something."""
    result = run_here(*arguments, cwd=cwd, variables=variables)
    assert result.exit_code in {1, 2, 3}, result.stderr
    return result


def suggested(text: str) -> list[str]:
    """Return what each suggestion of an explanation says to write."""
    found = []
    for after in text.split("to fix it, use")[1:]:
        lines = after.splitlines()[1:]
        indent = len(lines[0]) - len(lines[0].lstrip())
        mine = takewhile(lambda line: not line[:indent].strip(), lines)  # noqa: B023 - used here
        found += [line[indent:].partition("  ")[0] for line in mine if line[indent:][:1].strip()]
    return found


def option_in(result: Result) -> list[str]:
    """Return the option that a hint says to write."""
    found = re.search(r"--(?:tags|target) \S+", result.stderr.splitlines()[-1])
    assert found, result.stderr
    return shlex.split(found[0])


class TestLocks:
    """Commands that make the lock which is missing."""

    @pytest.mark.parametrize("verb", ["prune", "check"])
    def test_several_requirements_files(self, here: Path, verb: str) -> None:
        """One lock has the requirements of all files; a second one would replace it."""
        for name in ("one", "two"):
            make_wheel(here / "house", name)
            (here / f"my {name}.txt").write_text(f"{name}\n")
        files = ["-r", "my one.txt", "-r", "my two.txt", f"--tags={LINUX}"]
        if verb == "check":  # which takes requirements: a folder without a lock
            good(run_here(verb, "house", *files, cwd=here))
            return
        result = refused(verb, "house", *files, cwd=here)
        good(run_here(*proposed(result), "--no-index", "--find-links=house", cwd=here))
        lock = f"pylock.{LINUX}.toml"
        good(run_here(verb, "house", "-r", lock, cwd=here))
        assert re.findall('(?m)^name = "([a-z]+)"$', (here / lock).read_text()) == ["one", "two"]
        assert len(names(here / "house")) == 2

    @pytest.mark.parametrize("verb", ["bundle", "prune"])
    def test_a_requirements_file_beside_a_lock(self, here: Path, verb: str) -> None:
        """The lock that is there stays as it is."""
        wheels = [make_wheel(here / "house", name) for name in ("one", "two")]
        (here / "my two.txt").write_text("two\n")
        lock = lock_wheels(wheels[:1], LINUX, here / f"pylock.{LINUX}.toml")
        content = lock.read_text()
        mine = ["--wheels=house", "-o", "out.zip"] if verb == "bundle" else ["house"]
        named = ["-r", lock.name, "-r", "my two.txt", "--tags", LINUX]
        more = [] if verb == "bundle" else ["--no-index", "--find-links=house"]
        good(run_here(*proposed(refused(verb, *mine, *named, cwd=here)), *more, cwd=here))
        assert lock.read_text() == content
        good(run_here(verb, *mine, "-r", lock.name, "-r", f"my two/{lock.name}", cwd=here))
        assert names(here / "house") == sorted(wheel.name for wheel in wheels)

    @pytest.mark.parametrize(
        "named", [["--tags", WINDOWS], ["--target", "./my box.toml"]], ids=["a tag", "a file"]
    )
    def test_a_target_without_a_lock(
        self, shelf: Path, index: LocalIndex, here: Path, named: list[str]
    ) -> None:
        wheels = [make_wheel(shelf, "lib", tag=tag) for tag in (LINUX, WINDOWS)]
        (here / "my box.toml").write_text(BOX)
        (here / "FILE").write_text("lib\n")
        other = LINUX if WINDOWS in named else WINDOWS
        lock = lock_wheels([wheels[other == WINDOWS]], other, here / "pylock.a.toml")
        lock.write_text(lock.read_text().replace("https://example.invalid", f"{index.base}/files"))
        options = [*index.pip_args(), "-d", "house"]
        download = ["download", *options, "--tags", other, *named, "-r", "pylock.a.toml"]
        result = refused(*download, cwd=here)
        good(run_here(*proposed(result), cwd=here))
        (made,) = set(names(here)) - {"FILE", "my box.toml", "pylock.a.toml"}
        good(run_here(*download, "-r", made, cwd=here))
        assert names(here / "house") == sorted(wheel.name for wheel in wheels)

    def test_a_lock_beside_it(self, here: Path) -> None:
        wheels = [make_wheel(here / "house", name) for name in ("one", "two")]
        (here / "my locks").mkdir()
        for wheel, name in zip(wheels, "ab", strict=True):
            lock_wheels([wheel], LINUX, here / "my locks" / f"pylock.{name}.toml")
        bundle = ["bundle", "-r", "my locks/pylock.a.toml", "--wheels=house", "-o"]
        first = good(run_here(*bundle, "a.zip", cwd=here))
        added = re.search(r"add (.*) if they belong", first.stdout + first.stderr)
        assert added
        good(run_here(*bundle, "b.zip", *shlex.split(added[1]), cwd=here))
        assert (here / "b.zip").stat().st_size > (here / "a.zip").stat().st_size


class TestRequirements:
    """Lines that are proposed in place of one, or beside it."""

    @pytest.mark.parametrize("verb", ["download", "explain"])
    @pytest.mark.parametrize(
        "line",
        [
            f"lib>=2 ; tags={LINUX}",
            f"lib[more]>=2 # tags={BOTH}",
            f'lib>=2 ; python_version > "3" ; tags={BOTH}',
            "lib>=2 --hash=sha256:HASH # target=./box.toml",
            f"lib>=2 ; tags={LINUX} --hash=sha256:HASH",
            f"lib>=2,!=1.0 ; tags={LINUX} ; target=./box.toml",
        ],
    )
    def test_another_version(
        self, shelf: Path, index: LocalIndex, here: Path, verb: str, line: str
    ) -> None:
        wheel = make_wheel(shelf, "lib", "1.0", extras=["more"])
        make_wheel(shelf, "lib", "0.9", extras=["more"])
        (here / "box.toml").write_text(BOX)
        line = line.replace("HASH", sha256_of(wheel)).replace(",!=1.0", ",!=1.1")
        file = here / "my.txt"
        file.write_text(f"{line}\n")
        options = [*index.pip_args(), *(["-d", "house"] if verb == "download" else [])]
        result = refused(verb, *options, "-r", "my.txt", cwd=here)
        (fix,) = set(suggested(result.stderr + result.stdout))
        assert re.sub(r"==1\.0", "", fix, count=1) == re.sub(r">=2(,!=1\.1)?", "", line)
        file.write_text(f"{fix}\n")
        good(run_here(verb, *options, "-r", "my.txt", cwd=here))

    @pytest.mark.parametrize(
        ("line", "needs"),
        [
            (f"app ; tags={LINUX}", "lib>=2"),
            (f'app ; python_version > "3" # tags={BOTH}', "lib>=2"),
            (f"lib>=2 ; tags={BOTH}", ""),
        ],
    )
    def test_a_yanked_version(
        self, shelf: Path, index: LocalIndex, here: Path, line: str, needs: str
    ) -> None:
        """A line for a dependency is for the same targets."""
        make_wheel(shelf, "app", requires=[needs] if needs else [])
        lib = make_wheel(shelf, "lib", "2.0")
        index.yank(lib.name, "it bites")
        file = here / "my.txt"
        file.write_text(f"{line}\n")
        download = ["download", *index.pip_args(), "-d", "house", "-r", "my.txt"]
        result = refused(*download, cwd=here)
        fix = next(each for each in suggested(result.stderr) if each.startswith("lib=="))
        assert line[line.index("tags=") :] in fix
        file.write_text(f"{line}\n{fix}\n" if needs else f"{fix}\n")
        good(run_here(*download, cwd=here))
        assert lib.name in names(here / "house")

    def test_a_constraint_without_extras(self, shelf: Path, index: LocalIndex, here: Path) -> None:
        make_wheel(shelf, "lib", "1.0")
        make_wheel(shelf, "lib", "2.0")
        file = here / "c.txt"
        file.write_text(f"lib[more]<2 ; tags={LINUX}\n")
        options = [*index.pip_args(), "-d", "house", "-c", "c.txt"]
        download = ["download", *options, f"lib ; tags={LINUX}"]
        result = refused(*download, cwd=here)
        found = re.search(r"write (.*), and the extras", result.stderr)
        assert found
        assert found[1] == f"lib<2 ; tags={LINUX}"
        file.write_text(f"{found[1]}\n")
        good(run_here(*download, cwd=here))
        assert names(here / "house") == ["lib-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("lib ; tag=cp39-cp39-win32", "tag="),
        ("lib ; tags=cp39-cp39-win64", "win64"),
        ("lib ; target=aws-lambda-python312", "aws-lambda-python312"),
        ("lib ; target=cp39-cp39-win32", "target=cp39-cp39-win32"),
        ("lib # tags=aws-lambda-python3.12-arm64", "tags=aws-lambda-python3.12-arm64"),
    ],
)
def test_clauses(here: Path, line: str, wrong: str) -> None:
    file = here / "my.txt"
    file.write_text(f"{line}\n")
    result = run_here("validate", "my.txt", cwd=here)
    assert result.exit_code == 1
    hint = result.stdout.splitlines()[3]
    meant = re.split(": |write ", hint)[-1].partition(" or ")[0].rstrip("…")
    file.write_text(f"{line.replace(wrong, meant)}\n")
    good(run_here("validate", "my.txt", cwd=here))


class TestOptions:
    """Hints on options are written as options, and those on settings as settings."""

    @pytest.mark.parametrize(
        "written",
        [
            ["--target", "win_amd64"],
            ["--target", "cp312"],
            ["--target", LINUX],
            ["--tags", "aws-lambda-python3.12-x86_64"],
        ],
        ids=" ".join,
    )
    @pytest.mark.parametrize("verb", ["download", "lock", "explain"])
    def test_names_of_targets(
        self, shelf: Path, index: LocalIndex, here: Path, written: list[str], verb: str
    ) -> None:
        make_wheel(shelf, "lib")
        result = refused(verb, *index.pip_args(), *written, "lib", cwd=here)
        option = option_in(result)
        assert option != written
        good(run_here(verb, *index.pip_args(), *option, "lib", cwd=here))

    @pytest.mark.parametrize("typed", [f"tags={BOTH}", f"; tags={LINUX}", "# target=./box.toml"])
    def test_a_clause_alone(self, shelf: Path, index: LocalIndex, here: Path, typed: str) -> None:
        make_wheel(shelf, "lib")
        (here / "box.toml").write_text(BOX)
        download = ["download", *index.pip_args(), "-d", "house", "lib"]
        option = option_in(refused(*download, typed, cwd=here))
        assert option[1] == typed.partition("=")[2]
        good(run_here(*download, *option, cwd=here))

    @pytest.mark.parametrize("name", [LINUX, "win_amd64"])
    def test_the_setting_of_a_project(
        self, shelf: Path, index: LocalIndex, here: Path, name: str
    ) -> None:
        make_wheel(shelf, "lib")
        project = here / "pyproject.toml"
        project.write_text(f'[tool.wheeltarget]\ntarget = "{name}"\n')
        lock = ["lock", *index.pip_args(), "lib"]
        result = refused(*lock, cwd=here)
        setting = result.stderr.splitlines()[-1].rpartition(": ")[2]
        project.write_text(f"[tool.wheeltarget]\n{setting}\n")
        good(run_here(*lock, cwd=here))

    def test_pips_options_for_an_environment(
        self, shelf: Path, index: LocalIndex, here: Path
    ) -> None:
        make_wheel(shelf, "lib", tag="cp39-cp39-manylinux2014_x86_64")
        pips = ["--platform=manylinux2014_x86_64", "--python-version=3.9", "--implementation=cp"]
        result = refused("explain", *index.pip_args(), *pips, "lib", cwd=here)
        good(run_here("explain", *index.pip_args(), *option_in(result), "lib", cwd=here))

    def test_an_option_of_pips_configuration(
        self, shelf: Path, index: LocalIndex, here: Path
    ) -> None:
        make_wheel(shelf, "lib")
        make_wheel(shelf, "more")
        (here / "pyproject.toml").write_text("[dependency-groups]\n'dev' = ['more']\n")
        download = ["download", *index.pip_args(), "-d", "house", f"lib ; tags={LINUX}"]
        result = refused(*download, cwd=here, PIP_GROUP="dev")
        found = re.search(r"write (.*) on the command line", result.stderr)
        assert found, result.stderr
        good(run_here(*download, *shlex.split(found[1]), cwd=here))
        assert len(names(here / "house")) == 2

    def test_a_lock_of_another_tool(self, shelf: Path, index: LocalIndex, here: Path) -> None:
        make_wheel(shelf, "lib", "1.0")
        make_wheel(shelf, "lib", "2.0")
        (here / "my app").mkdir()
        (here / "my app/Pipfile.lock").write_text(
            '{"_meta": {"pipfile-spec": 6}, "default": {"lib": {"version": "==1.0"}}}'
        )
        download = ["download", *index.pip_args(), "-d", "house", "--tags", LINUX]
        result = refused(*download, "-r", "my app/Pipfile.lock", cwd=here)
        found = re.search(r"write (-c .*), and add the requirements", result.stderr)
        assert found
        good(run_here(*download, *shlex.split(found[1]), "lib", cwd=here))
        assert names(here / "house") == ["lib-1.0-py3-none-any.whl"]
