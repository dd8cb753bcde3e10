"""``wheeltarget bundle`` from requirements: it resolves, locks, fetches and packs in one run."""

from __future__ import annotations

import json
from pathlib import Path

import pip
import pytest
from packaging.version import Version

from tests.support.bundles import WINDOWS, content, good
from tests.support.cli import Result, names
from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.projects import make_source
from tests.support.wheels import make_sdist, make_wheel

pytestmark = pytest.mark.thorough

LAMBDA = "aws-lambda-python3.12-arm64"
ARM = "cp312-cp312-manylinux_2_34_aarch64"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return the folder of the index, which has an application for two machines."""
    folder = tmp_path / "index"
    make_wheel(folder, "app", requires=["lib>=1", "win ; sys_platform == 'win32'"])
    for tag in (ARM, "cp312-cp312-win_amd64"):
        make_wheel(folder, "lib", "1.0", tag=tag)
    make_wheel(folder, "win")
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the working directory, with requirements and code."""
    folder = tmp_path / "here"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "handler.py").write_text("import app\n")
    (folder / "requirements.txt").write_text("app\n")
    return folder


@pytest.fixture
def run(index: LocalIndex, shelf: Path, here: Path) -> Bundle:
    assert shelf.is_dir()
    return Bundle(index, here)


class Bundle:
    """Make bundles against an index."""

    def __init__(self, index: LocalIndex, here: Path) -> None:
        self.index, self.here = index, here

    def __call__(self, *arguments: str, output: str = "app.zip") -> Result:
        options = [*self.index.pip_args(), "-o", output]
        return run_here("bundle", *arguments, *options, cwd=self.here)

    def refuse(self, *arguments: str, exit_code: int = 2) -> str:
        """Return the error of a bundle that cannot be made, after which nothing is new."""
        before = names(self.here)
        result = self(*arguments)
        assert (result.exit_code, result.stdout) == (exit_code, ""), result.stderr
        assert names(self.here) == before
        return result.stderr[result.stderr.index("error: ") :]

    def asked(self, *arguments: str, output: str = "app.zip") -> int:
        """Make a bundle, and return how often the index was asked."""
        before = len(self.index.requests)
        good(self(*arguments, output=output))
        return len(self.index.requests) - before


FILE = ("-r", "requirements.txt", "--target", LAMBDA)


def test_one_command(run: Bundle, here: Path) -> None:
    said = good(run(*FILE, "--include", "src/")).stdout
    assert said.startswith(f"For {LAMBDA}:\n  app 1.0 ")
    there = content(here / "app.zip")
    assert {name for name in there if "/" not in name} == {"app.py", "handler.py", "lib.py"}
    assert names(here) == ["app.zip", "requirements.txt", "src"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("app", "--target", LAMBDA),
        ("app", "--tags", ARM),
        (f"app ; target={LAMBDA}",),
        ("-r", "clause.txt"),
        ("app", "-c", "constraints.txt", "--target", LAMBDA),
    ],
    ids=" ".join,
)
def test_what_download_takes(run: Bundle, here: Path, arguments: tuple[str, ...]) -> None:
    (here / "clause.txt").write_text(f"# target={LAMBDA}\napp\n")
    (here / "constraints.txt").write_text("lib<2\n")
    make_wheel(here.parent / "index", "lib", "2.0") if "-c" in arguments else None
    good(run(*arguments))
    assert "lib-1.0.dist-info/METADATA" in content(here / "app.zip")


def test_target_of_the_project(run: Bundle, here: Path) -> None:
    (here / "pyproject.toml").write_text(f"[tool.wheeltarget]\ntarget = [{LAMBDA!r}]\n")
    good(run("app"))
    assert "lib.py" in content(here / "app.zip")


def test_json(run: Bundle) -> None:
    said = json.loads(good(run(*FILE, "--format=json", "--lock=pylock.toml")).stdout)
    assert (said["target"], said["lock"]["state"], said["lock"]["packages"]) == (LAMBDA, "new", 2)
    assert json.loads(good(run(*FILE, "--format=json")).stdout)["lock"] is None


def test_wheels_of_a_folder_only(here: Path) -> None:
    for name in ("app", "other"):
        make_wheel(here / "house", name)
    command = [
        "bundle",
        *FILE,
        "--wheels",
        "house",
        "-o",
        "app.zip",
        "--index-url=http://x.invalid",
    ]
    good(run_here(*command, cwd=here))
    assert "app.py" in content(here / "app.zip")


def test_layer_below(run: Bundle, here: Path) -> None:
    good(run("lib", "--target", LAMBDA, "--lock=pylock.base.toml", output="base.zip"))
    said = good(run(*FILE, "--without=pylock.base.toml", "--lock=pylock.toml"))
    assert "note: left to the layer of pylock.base.toml: lib 1.0\n" in said.stderr
    assert {name for name in content(here / "app.zip") if "/" not in name} == {"app.py"}
    assert (
        "Unchanged ./app.zip" in good(run(*FILE, "--without=pylock.base.toml", "--lock=.")).stdout
    )
    make_wheel(here.parent / "index", "lib", "2.0")
    assert run(*FILE, "--without=pylock.base.toml").stderr.endswith(
        "error: the locks disagree: pylock.base.toml has lib-1.0-cp312-cp312-manylinux_2_34_aarch64"
        ".whl, but the lock of the requirements has lib-2.0-py3-none-any.whl\n"
        "  copy the lock of the layer, and name the copy with --lock; or leave --without out\n"
    )
    (here / "pylock.top.toml").write_bytes((here / "pylock.base.toml").read_bytes())
    good(run(*FILE, "--without=pylock.base.toml", "--lock=pylock.top.toml"))


def test_layer_of_another_target(run: Bundle) -> None:
    good(run("app", "--tags", WINDOWS, "--lock=pylock.base.toml", output="base.zip"))
    assert run.refuse(*FILE, "--without=pylock.base.toml") == (
        f"error: the lock of the requirements is for {ARM}, and pylock.base.toml is for {WINDOWS}\n"
        "  a layer has the target of what is above it: lock it again\n"
    )


class TestRefused:
    """Nothing is written, and the message says what to do."""

    def test_requirement_beside_a_lock(self, run: Bundle) -> None:
        good(run(*FILE, "--lock=pylock.toml"))
        said = run.refuse("-r", "pylock.toml", "win", "--target", LAMBDA)
        assert said == (
            "error: win cannot be combined with the lock pylock.toml: nothing is resolved in this "
            "run\n  make a lock of it for the same target, and name that, too: "
            f"wheeltarget lock win -o other --target {LAMBDA}\n"
        )
        # The lock has a target, so that the command can be pasted.
        assert run.refuse("-r", "pylock.toml", "win") == said
        assert "requirements.txt is not a lock" in run.refuse("-r", "pylock.toml", *FILE)

    @pytest.mark.parametrize(
        ("option", "why"),
        [
            ("--lock=pylock.x.toml", "cannot be combined with the lock pylock.toml"),
            ("--build-pure=lib", "cannot be combined with the lock pylock.toml"),
            ("--constraint=c.txt", "cannot be combined with a lock, which names its files already"),
        ],
    )
    def test_option_beside_a_lock(self, run: Bundle, here: Path, option: str, why: str) -> None:
        (here / "c.txt").touch()
        good(run(*FILE, "--lock=pylock.toml"))
        name = option.partition("=")[0]
        assert run.refuse("-r", "pylock.toml", option).startswith(f"error: {name} {why}")

    def test_several_targets(self, run: Bundle) -> None:
        said = run.refuse("app", "--target", LAMBDA, "--tags", WINDOWS)
        assert said.startswith(
            "error: a bundle is for one target, but these requirements are for 2: "
            f"{WINDOWS}, {LAMBDA}\n  make a lock for each, and a bundle of each lock: "
        )

    def test_target_of_some(self, run: Bundle) -> None:
        said = run.refuse("-r", "requirements.txt", f"win ; tags={WINDOWS}")
        assert said == (
            f"error: a bundle is for one target: some requirements are for {WINDOWS}, and others "
            "name none (requirements.txt:1:1)\n"
            f"  name it for these, too: --tags {WINDOWS}\n"
        )

    def test_no_target(self, run: Bundle) -> None:
        said = run.refuse("app")
        assert said.startswith("error: a bundle needs a target, and nothing names one\n")

    @pytest.mark.parametrize(
        "option",
        ["--include=missing", "--include=requirements.txt/", "--without=pylock.missing.toml"],
    )
    def test_before_an_index_is_asked(self, run: Bundle, option: str) -> None:
        assert option.rpartition("=")[2] in run.refuse(*FILE, option)
        assert not run.index.requests

    @pytest.mark.parametrize("name", ["requirements.txt", "pylock.toml"])
    def test_file_without_its_option(self, run: Bundle, here: Path, name: str) -> None:
        """There may be a project of this name, which nobody means."""
        (here / name).touch()
        assert run.refuse(name, "--target", LAMBDA) == (
            f"error: {name} is a file, not a project\n  write -r {name} to read it\n"
        )
        assert not run.index.requests

    def test_nothing_would_be_in_it(self, run: Bundle) -> None:
        arguments = ("app", "--target", LAMBDA, "--exclude=app")
        assert run.refuse(*arguments, exit_code=3) == (
            "error: nothing would be in the bundle: no project is required, or all are left out\n"
            "  name requirements, leave fewer projects out, or add your own files with --include\n"
        )
        good(run(*arguments, "--include=src/"))

    @pytest.mark.parametrize("content", ["", "# none yet\n", 'app ; python_version < "3"\n'])
    def test_own_files_alone(self, run: Bundle, here: Path, content: str) -> None:
        (here / "none.txt").write_text(content)
        arguments = ("-r", "none.txt", "--target", LAMBDA)
        said = run.refuse(*arguments, exit_code=3 if "app" in content else 2)
        assert ("nothing would be in the bundle" if "app" in content else "no requirements") in said
        good(run(*arguments, "--include=src/", "--lock=pylock.toml"))
        good(run(*arguments, "--include=src/", "--lock=pylock.toml"))

    def test_nothing(self, run: Bundle) -> None:
        assert run.refuse("--target", LAMBDA).startswith("error: there is nothing to bundle\n")

    @pytest.mark.parametrize("option", ["--dest=x", "--python=x"])
    def test_options_without_a_meaning(self, run: Bundle, option: str) -> None:
        name = option.partition("=")[0]
        assert run.refuse(*FILE, option).startswith(f"error: bundle does not take {name}\n")

    def test_sources_only(self, run: Bundle, shelf: Path) -> None:
        make_sdist(shelf, "old")
        said = run.refuse("old", "--target", LAMBDA, exit_code=3)
        assert "has no wheel, only a source" in said
        assert "--build-pure old" in said
        assert "--allow-sdist" not in said

    def test_conflict(self, run: Bundle) -> None:
        assert "lib" in run.refuse("app", "lib>1", "--target", LAMBDA, exit_code=3)

    @pytest.mark.parametrize("name", ["my.toml", "app.lock", "pylock.txt"])
    def test_no_name_for_a_lock(self, run: Bundle, name: str) -> None:
        said = run.refuse(*FILE, "--lock", name)
        assert said.startswith(f"error: {name} is not the name of a lock: locks are named ")

    def test_lock_that_would_be_included(self, run: Bundle) -> None:
        said = run.refuse(*FILE, "--include", "src/", "--lock", "src/pylock.toml")
        assert "src/pylock.toml would be in src/" in said

    def test_no_lock_without_a_bundle(self, run: Bundle, here: Path) -> None:
        """A lock is written only if the bundle is."""
        (here / "none").mkdir()
        run.refuse(*FILE, "--lock=pylock.toml", "--include=none/")
        (here / "app.zip").mkdir()
        (here / "app.zip" / "mine").touch()
        run.refuse(*FILE, "--lock=pylock.toml", exit_code=3)
        run.refuse(*FILE, "--lock=locks", exit_code=3)


class TestLock:
    """The lock that is kept, and what it keeps."""

    KEPT = (*FILE, "--lock", "pylock.toml")

    def test_the_next_run_packs_the_same(self, run: Bundle, shelf: Path, here: Path) -> None:
        assert "Locked ./pylock.toml (2 projects)\n" in good(run(*self.KEPT)).stdout
        before = (here / "app.zip").read_bytes()
        make_wheel(shelf, "lib", "2.0")
        assert run.asked(*self.KEPT, output="again.zip") == 0
        assert (here / "again.zip").read_bytes() == before
        assert "Unchanged ./pylock.toml (2 projects)\n" in good(run(*self.KEPT)).stdout
        good(run(*FILE, output="newest.zip"))
        assert "lib-2.0.dist-info/METADATA" in content(here / "newest.zip")

    def test_it_is_the_lock_of_lock(self, run: Bundle, index: LocalIndex, here: Path) -> None:
        good(run(*FILE, "--lock", "locks"))
        lock = here / "locks" / "pylock.aws-lambda-python3_12-arm64.toml"
        text = lock.read_text()
        good(run_here("lock", *FILE, "-o", "other", *index.pip_args(), cwd=here))
        assert (here / "other" / lock.name).read_text() == text
        assert run.asked("-r", str(lock), output="again.zip") == 0
        assert (here / "again.zip").read_bytes() == (here / "app.zip").read_bytes()

    @pytest.mark.parametrize(
        ("more", "text"),
        [(["win"], "app\n"), ([], "app\nwin\n"), (["-c", "c.txt"], "app\n"), (["--pre"], "app\n")],
    )
    def test_other_inputs_are_locked_again(
        self, run: Bundle, shelf: Path, here: Path, more: list[str], text: str
    ) -> None:
        (here / "c.txt").write_text("lib<3\n")
        good(run(*self.KEPT))
        make_wheel(shelf, "lib", "2.0")
        (here / "requirements.txt").write_text(text)
        said = good(run(*self.KEPT, *more))
        assert "Changed ./pylock.toml" in said.stdout
        assert "lib-1.0.dist-info/METADATA" in content(here / "app.zip")
        assert run.asked(*self.KEPT, *more) == 0

    def test_group(self, run: Bundle, shelf: Path, here: Path) -> None:
        project = here / "pyproject.toml"
        project.write_text(
            '[dependency-groups]\nmore = ["win"]\ndeploy = ["app", {include-group = "more"}]\n'
        )
        command = ("--group=deploy", "--target", LAMBDA, "--lock=pylock.toml")
        good(run(*command))
        assert f'"win ; target={LAMBDA}",' in (here / "pylock.toml").read_text()
        assert run.asked(*command) == 0
        make_wheel(shelf, "new")
        project.write_text(project.read_text().replace("win", "new"))
        good(run(*command))
        there = content(here / "app.zip")
        assert ("new.py" in there, "win.py" in there) == (True, False)

    @pytest.mark.skipif(Version(pip.__version__) < Version("26"), reason="pip 25 reads no scripts")
    def test_script(self, run: Bundle, here: Path) -> None:
        """Its requirements are read by pip alone, so they are always locked again."""
        (here / "run.py").write_text('# /// script\n# dependencies = ["app"]\n# ///\n')
        command = ("--requirements-from-script=run.py", "--target", LAMBDA, "--lock=pylock.toml")
        good(run(*command))
        (here / "run.py").write_text('# /// script\n# dependencies = ["win"]\n# ///\n')
        good(run(*command))
        assert "win.py" in content(here / "app.zip")

    def test_local_file_that_has_changed(self, run: Bundle, here: Path) -> None:
        own = make_wheel(here / "dist", "own")
        command = (f"./dist/{own.name}", *self.KEPT)
        good(run(*command))
        assert run.asked(*command) == 0
        make_wheel(here / "dist", "own", files={"own.py": b"NEW = 1\n"})
        said = good(run(*command))
        assert "Changed ./pylock.toml" in said.stdout
        assert content(here / "app.zip")["own.py"] == b"NEW = 1\n"

    def test_damaged(self, run: Bundle, here: Path) -> None:
        good(run(*self.KEPT))
        lock = here / "pylock.toml"
        text = lock.read_text()
        for damaged in (text[:-40], text.replace('"app ;', '"apple ;'), "[[packages]]\n", "\0"):
            lock.write_text(damaged)
            result = run(*self.KEPT)
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr.startswith("pylock.toml:")
            assert "delete the file and lock again" in result.stderr
            assert lock.read_text() == damaged

    def test_of_another_target(self, run: Bundle, here: Path) -> None:
        good(run(*self.KEPT))
        said = run.refuse("app", "--tags", WINDOWS, "--lock=pylock.toml")
        assert said == (
            f"error: {here / 'pylock.toml'} is the lock of {LAMBDA}, and this bundle is for "
            f"{WINDOWS}\n  name another file with --lock, or delete this one if it is not needed\n"
        )

    def test_wheel_that_is_built_here(self, run: Bundle, shelf: Path, here: Path) -> None:
        make_source(shelf, "old")
        command = ("old", *self.KEPT, "--build-pure=old")
        good(run(*command))
        assert names(here / "built-wheels") == ["old-1.0-py3-none-any.whl"]
        assert run.asked(*command, output="again.zip") == 0
        assert (here / "again.zip").read_bytes() == (here / "app.zip").read_bytes()
