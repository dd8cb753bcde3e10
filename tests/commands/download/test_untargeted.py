"""A run that names no target is pip itself: the same words, files and exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.cli import ROOT, Result, command, download, environment, names
from tests.support.index import LocalIndex
from tests.support.output import projects_by_target
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.api import PlainRun
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.errors import UsageError

pytestmark = pytest.mark.thorough

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"
APP, LIB = "app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"

FILES = {
    "good.txt": "# for all of us\napp  # needs lib\n\nlib \\\n  <2\n",
    "blank.txt": "\n# nothing = here\n",
    "nested.txt": "-r sub/more.txt\n-c 'limits file.txt'\n",
    "sub/more.txt": "lib\n",
    "limits file.txt": "lib<2\n",
    "lost.txt": "lib\n-r none.txt\n",
    "circle.txt": "-r circle.txt\n",
    "unknown.txt": "lib\n--bogus\n",
    "coding.txt": "# -*- coding: klingon -*-\nlib\n",
    "broken.txt": "lib==\n",
    "hashed.txt": "lib==1.0 --hash=sha256:00\n",
    "annotated.txt": f"lib # tags={LINUX}\n",
    "outer.txt": "-r inner.txt\n",
    "inner.txt": "# target=x.toml\nlib\n",
}


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Give a folder with requirements files; the index has ``app``, which needs ``lib``."""
    make_wheel(tmp_path / "index", "app", requires=["lib"])
    make_wheel(tmp_path / "index", "lib")
    make_wheel(tmp_path / "index", "native", tag="cp39-cp39-win_amd64")
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


def run(arguments: Sequence[str], folder: Path, **variables: str) -> tuple[Result, list[str]]:
    """Run something and give what it printed and what it left, by names that do not differ."""
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    made = [path for path in folder.rglob("*") if path.relative_to(folder) not in before]
    left = sorted(str(path.relative_to(folder)) for path in made)
    for path in sorted(made, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return Result(done.returncode, done.stdout, done.stderr), left


PIP = (sys.executable, "-m", "pip", "download")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        ((), 1),
        (("-d", "new/house", "-r", "good.txt"), 0),
        (("--platform=win_amd64", "--python-version=39", "--only-binary=:all:", "native"), 0),
        (("-qdhush", "lib"), 0),
        (("app==9", "lib"), 1),
        (("-r", "lost.txt"), 1),
        (("--bogus", "lib"), 2),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else f"exit {value}",
)
def test_same_as_pip(
    project: Path, index: LocalIndex, arguments: tuple[str, ...], exit_code: int
) -> None:
    options = ("--no-cache-dir", *index.pip_args())
    expected = run([*PIP, *options, *arguments], project)
    assert expected[0].exit_code == exit_code, "the table is wrong"
    assert run(command("download", *options, *arguments), project) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("app[x]>=1,<2 ; python_version > '3' and extra == 'a;b'", "-f", "links"),
        ("-rblank.txt",),
        ("-r", "nested.txt", "--no-deps", "app"),
        ("-r", "sub/../circle.txt"),
        ("-r", "unknown.txt"),
        ("-r", "coding.txt"),
        ("-r", "broken.txt"),
        ("-r", "hashed.txt"),
        ("-r", "pylock.toml"),
        ("-r", "none.txt", "-c", "none either.txt"),
        ("--group", "dev"),
        ("lib=1", "-", "./nowhere", "git+https://host.invalid/x;y#egg=z"),
        ("-q", "--platform", "win_amd64", "native"),
        ("--target", "host", "lib"),
        ("-r",),
        ("--destination-d=house", "lib"),
        ("-e", "."),
        ("--unknown-option-of-a-newer-pip", "-r", "good.txt"),
    ],
    ids=" ".join,
)
def test_left_to_pip(
    project: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `test_same_as_pip` has it, of many more command lines, but for the run itself."""
    monkeypatch.chdir(project)
    request = DownloadRequest(arguments)
    if arguments[0] == "--target":
        request = DownloadRequest(arguments[2:], targets=arguments[1:2])
    assert api.download(request) == PlainRun()


@pytest.mark.parametrize(
    ("word", "loaded"), [("lib", "False False"), ("lib ; target=host", "True True")]
)
def test_plain_run_loads_nothing_to_no_purpose(project: Path, word: str, loaded: str) -> None:
    script = (
        "import atexit, os, subprocess, sys\n"
        "os.execv = subprocess.run = subprocess.Popen = lambda *_, **__: sys.exit(0)\n"
        "names = ('typer', 'wheeltarget.commands.download.download')\n"
        "atexit.register(lambda: print(*(name in sys.modules for name in names)))\n"
        "from wheeltarget.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "download", word],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == loaded


def test_variables_and_configuration(project: Path, index: LocalIndex) -> None:
    (project / "pip.conf").write_text("[download]\nconstraint = sub/more.txt\n")
    variables = {
        "PIP_CONFIG_FILE": "pip.conf",
        "PIP_REQUIREMENT": "good.txt",
        "PIP_DEST": "house",
        "PIP_INDEX_URL": index.url,
        "PIP_NO_CACHE_DIR": "1",
    }
    expected = run(PIP, project, **variables)
    assert expected[0].exit_code == 0
    assert expected[1] == ["house", f"house/{APP}", f"house/{LIB}"]
    assert run(command("download"), project, **variables) == expected


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        (("--bogus", f"lib ; tags={LINUX}"), ()),
        (("--bogus", "lib ; tags:"), ()),
        (("--bogus", "lib"), (LINUX,)),
        (("--bogus", "-r", "annotated.txt"), ()),
        (("-router.txt", "--bogus"), ()),
        (("--requirement=annotated.txt", "--bogus"), ()),
    ],
    ids=["clause", "bad clause", "option", "file", "nested file", "file behind ="],
)
def test_bad_option_where_a_target_is_named(
    project: Path,
    arguments: tuple[str, ...],
    tags: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Left to pip, an option that only pip knows would run for this machine in silence."""
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match=r"^no such option: --bogus$") as raised:
        api.download(DownloadRequest(arguments, tags))
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("variable", [True, False], ids=["variable", "settings"])
def test_bad_option_where_a_target_is_named_elsewhere(
    project: Path,
    variable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project)
    if variable:
        monkeypatch.setenv("PIP_REQUIREMENT", "good.txt annotated.txt")
    else:
        (project / "pyproject.toml").write_text(f"[tool.wheeltarget]\ntags = '{LINUX}'\n")
    with pytest.raises(UsageError):
        api.download(DownloadRequest(("--bogus", "lib")))


def test_host_is_no_target(project: Path, index: LocalIndex) -> None:
    """Whoever asks for this machine in so many words gets pip, which must not see the clause."""
    (project / "pyproject.toml").write_text(f'[tool.wheeltarget]\ntags = "{LINUX}"\n')
    (project / "host.txt").write_text("# target=host\napp\n")
    (project / "own.txt").write_text("app ; python_version > '3' ; target=host\n")
    options = ["--no-cache-dir", *index.pip_args(), "-d", "house"]
    _, expected = run([*PIP, *options, "app"], project)
    assert expected == ["house", f"house/{APP}", f"house/{LIB}"]
    for arguments in (
        ["--target", "host", "app"],
        ["-r", "host.txt"],
        ["lib ; python_version < '4' ; target=host", "-r", "own.txt"],
    ):
        result, made = run(command("download", *options, *arguments), project)
        assert result.exit_code == 0, result.stderr
        assert made == expected
        assert "\nSuccessfully downloaded " in result.stdout, "as pip says it"
        assert "For " not in result.stdout


def feed(path: Path, text: str) -> threading.Thread:
    """Write to a pipe with a name as soon as somebody reads it, and once only."""
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_text, args=(text,), daemon=True)
    thread.start()
    return thread


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes of this kind")
class TestReadableOnce:
    """Files that are gone when they were read, as a shell's ``<(…)`` gives them."""

    def test_named_pipe(self, project: Path, index: LocalIndex) -> None:
        thread = feed(project / "pipe", f"app ; tags={LINUX}\nlib\n")
        result = download(index, "-r", "pipe", cwd=project)
        thread.join(5)
        assert not thread.is_alive()
        assert result.exit_code == 0, result.stderr
        assert projects_by_target(result.stdout) == {
            LINUX: ["app-1.0", "lib-1.0"],
            "this interpreter": ["lib-1.0"],
        }

    def test_plain_pipe_reads_like_pip(self, project: Path, index: LocalIndex) -> None:
        results = []
        for arguments in (PIP, command("download")):
            thread = feed(project / "pipe", "app ; python_version > '3'\nnone\n")
            options = ["--no-cache-dir", *index.pip_args(), "-r", "pipe", "lib"]
            results.append(run([*arguments, *options], project))
            thread.join(5)
            assert not thread.is_alive()
            (project / "pipe").unlink()
        assert results[0][0].exit_code == 1
        assert results[1] == results[0]

    def test_standard_input(self, project: Path, index: LocalIndex) -> None:
        plain = download(index, "-r", "/dev/stdin", cwd=project, stdin="lib\n")
        assert plain.exit_code == 0, plain.stderr
        assert plain.stdout.endswith(f"Saved ./wheelhouse/{LIB}\nSuccessfully downloaded lib\n")
        text = f"# tags={WINDOWS}\nlib\n"
        annotated = download(index, "-r", "/dev/stdin", cwd=project, stdin=text)
        assert annotated.exit_code == 0, annotated.stderr
        assert projects_by_target(annotated.stdout) == {WINDOWS: ["lib-1.0"]}


class TestFetchedFile:
    """Requirements files that only pip's session can fetch."""

    def test_plain(self, project: Path, index: LocalIndex) -> None:
        url = index.add_file("common/base.txt", b"app  # target practice\n-r more.txt\n")
        index.add_file("common/more.txt", b"lib\n")
        options = ["--no-cache-dir", *index.pip_args(), "-r", url]
        expected = run([*PIP, *options], project)
        assert expected[0].exit_code == 0
        index.clear()
        assert run(command("download", *options), project) == expected
        assert index.count("base.txt") == index.count("more.txt") == 1

    def test_for_a_target(self, project: Path, index: LocalIndex) -> None:
        url = index.add_file("common/base.txt", b"app\n")
        (project / "outer.txt").write_text(f"# tags={LINUX}\n-r {url}\n# tags={WINDOWS}\nlib\n")
        result = download(index, "-r", "outer.txt", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert projects_by_target(result.stdout) == {
            LINUX: ["app-1.0", "lib-1.0"],
            WINDOWS: ["lib-1.0"],
        }

    @pytest.mark.parametrize(
        ("line", "more"),
        [
            (f"app ; tags={LINUX}", ()),
            (f"# tags={LINUX}", (f"lib ; tags={WINDOWS}",)),
        ],
        ids=["plain", "mixed"],
    )
    def test_with_a_clause(
        self, project: Path, index: LocalIndex, line: str, more: tuple[str, ...]
    ) -> None:
        url = index.add_file("common/base.txt", f"lib\n{line}\nlib<2\n".encode())
        result = download(index, "-r", url, *more, cwd=project)
        assert result.exit_code == 0, result.stderr
        found = projects_by_target(result.stdout)
        assert found[LINUX] == (["lib-1.0"] if more else ["app-1.0", "lib-1.0"])
        assert found["this interpreter"] == ["lib-1.0"]
        assert found.get(WINDOWS) == (["lib-1.0"] if more else None)
        assert index.count("base.txt") == 1

    @pytest.mark.parametrize("credentials", ["me:secret", "secret", "me:s@secret"])
    def test_without_its_credentials(
        self, project: Path, index: LocalIndex, credentials: str
    ) -> None:
        url = index.add_file("base.txt", f"app ; tags={LINUX}\n".encode())
        named = url.replace("://", f"://{credentials}@")
        result = download(index, "-r", named, "--format=json", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert "(from -r http://" in result.stderr
        assert "/base.txt:1:1" in result.stdout
        assert "secret" not in result.stdout + result.stderr

    def test_with_a_fault(self, project: Path, index: LocalIndex) -> None:
        url = index.add_file("common/base.txt", b"lib ; tags=cp37-cp37-win32\n")
        named = url.replace("://", "://me:secret@")
        result = download(index, "-r", named, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        place = url.replace("://", "://*********@")
        assert result.stderr.startswith(
            f"{place}:1:12: error: cp37-cp37-win32 is not an environment"
        )
        assert "secret" not in result.stderr

    def test_not_there(self, project: Path, index: LocalIndex) -> None:
        arguments = ["-r", f"{index.base}/none.txt", f"app ; tags={LINUX}"]
        result = download(index, *arguments, cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"error: cannot read {index.base}/none.txt" in result.stderr
        assert "404" in result.stderr
        assert names(project / "wheelhouse") == []


@pytest.mark.skipif(os.name != "posix", reason="the system cannot replace a process")
def test_the_process_becomes_pip(project: Path, index: LocalIndex, tmp_path: Path) -> None:
    """So that signals, the terminal and the exit code are pip's without anything in between."""
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(
        "import os, sys\n"
        "with open(os.environ['SPY'], 'a') as log:\n"
        "    print(os.getpid(), *sys.orig_argv[1:4], file=log)\n"
    )
    log = tmp_path / "log.txt"
    process = subprocess.Popen(
        command("download", *index.pip_args(), "-q", "lib"),
        cwd=project,
        env=environment(SPY=str(log), PYTHONPATH=f"{spy}{os.pathsep}{ROOT}"),
    )
    assert process.wait(30) == 0
    assert log.read_text().splitlines() == [
        f"{process.pid} -m wheeltarget download",
        f"{process.pid} -P -m pip",
    ]


class TestOptionsBeforeTheCommand:
    """Where pip takes the options that every command of its has."""

    @pytest.mark.parametrize(
        "front",
        [
            ("-q",),
            ("-v", "--log", "download", "--proxy="),
            ("--no-inp", "--timeout=3", "--isolated"),
            ("--python", sys.executable),
            ("--python", "no-such-python"),
            ("--bogus",),
            ("--log",),
        ],
        ids=" ".join,
    )
    def test_same_as_pip(self, project: Path, index: LocalIndex, front: tuple[str, ...]) -> None:
        arguments = ("download", "--no-cache-dir", *index.pip_args(), "lib")
        expected = run((sys.executable, "-m", "pip", *front, *arguments), project)
        found = run(command(*front, *arguments), project)
        assert (found[0].exit_code, found[1]) == (expected[0].exit_code, expected[1])
        if expected[0].exit_code == 0 and "-v" not in front:
            assert found == expected

    def test_with_a_target(self, project: Path, index: LocalIndex) -> None:
        arguments = ("download", "--no-cache-dir", *index.pip_args(), f"lib ; tags={LINUX}")
        quiet = run(command("-q", "--log=log.txt", *arguments), project)
        assert quiet == (Result(0, "", ""), [LIB, "log.txt"])
        front = ("--python", sys.executable)
        for given, variables in ((front, {}), ((), {"PIP_PYTHON": sys.executable})):
            elsewhere = run(command(*given, *arguments), project, **variables)
            assert (elsewhere[0].exit_code, elsewhere[1]) == (2, [])
            assert elsewhere[0].stderr.startswith("error: --python cannot be combined with targets")


class TestNote:
    """What pip's own options for another environment leave out is said afterwards."""

    FLAGS = ("--python-version=3.7", "--platform=manylinux2014_x86_64", "--only-binary=:all:")
    TAG = "cp37-cp37m-manylinux2014_x86_64"

    @pytest.fixture
    def shelf(self, tmp_path: Path, project: Path) -> Path:  # noqa: ARG002 - it serves the folder
        """Add a project that needs more on old Pythons."""
        shelf = tmp_path / "index"
        old = "python_version < '3.8'"
        make_wheel(shelf, "modern", requires=["lib", f"back ; {old}", f"port ; {old}"])
        make_wheel(shelf, "back", requires=["deep"])
        make_wheel(shelf, "port")
        make_wheel(shelf, "deep")
        return shelf

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize("abi", [(), ("--abi=cp37m",), ("--implementation", "cp")])
    def test_note(self, project: Path, index: LocalIndex, abi: tuple[str, ...]) -> None:
        arguments = ("--no-cache-dir", *index.pip_args(), *self.FLAGS, *abi, "modern")
        expected = run([*PIP, *arguments], project)
        found = run(command("download", *arguments), project)
        assert found[0].exit_code == expected[0].exit_code == 0
        assert (found[0].stdout, found[1]) == (expected[0].stdout, expected[1])
        assert found[0].stderr == expected[0].stderr + (
            f"note: Python 3.7 also needs back, deep and port; use `--tags {self.TAG}` to "
            "download them\n"
        )
        brought = run(command("download", *arguments[:-1], "--tags", self.TAG, "modern"), project)
        assert set(brought[1]) - set(found[1]) == {
            f"{name}-1.0-py3-none-any.whl" for name in ("back", "deep", "port")
        }

    @pytest.mark.usefixtures("shelf")
    def test_what_cannot_be_had_is_still_named(self, project: Path, index: LocalIndex) -> None:
        (project.parent / "index" / "deep-1.0-py3-none-any.whl").unlink()
        result = download(index, *self.FLAGS, "modern", cwd=project)
        assert result.exit_code == 0
        assert "note: Python 3.7 also needs back and port; " in result.stderr

    @pytest.mark.usefixtures("shelf")
    @pytest.mark.parametrize(
        "arguments",
        [
            ("-q", *FLAGS, "modern"),
            (*FLAGS, "--no-deps", "modern"),
            (*FLAGS, "lib"),
            ("--python-version=39", *FLAGS[1:], "modern"),
            (*FLAGS[:1], "--platform=made_up", *FLAGS[2:], "modern"),
            (*FLAGS, "--implementation=xy", "--abi=made_up", "modern"),
            (*FLAGS, "modern==9"),
            (*FLAGS[:2], "modern"),
            ("modern",),
        ],
        ids=" ".join,
    )
    def test_no_note(self, project: Path, index: LocalIndex, arguments: tuple[str, ...]) -> None:
        everything = ("--no-cache-dir", *index.pip_args(), *arguments)
        expected = run([*PIP, *everything], project)
        assert run(command("download", *everything), project) == expected

    @pytest.mark.usefixtures("shelf")
    def test_from_the_environment_and_a_file(self, project: Path, index: LocalIndex) -> None:
        (project / "r.txt").write_text("modern\n")
        (project / "pip.conf").write_text("[download]\nonly-binary = :all:\npython-version = 3.7\n")
        variables = {"PIP_CONFIG_FILE": "pip.conf", "PIP_PLATFORM": "manylinux2014_x86_64"}
        result = download(index, "-r", "r.txt", cwd=project, variables=variables)
        assert result.exit_code == 0, result.stderr
        assert f"needs back, deep and port; use `--tags {self.TAG}`" in result.stderr

    @pytest.mark.usefixtures("shelf")
    def test_beside_targets_they_are_for_the_rest(self, project: Path, index: LocalIndex) -> None:
        result = download(index, *self.FLAGS, "lib", f"modern ; tags={WINDOWS}", cwd=project)
        assert result.exit_code == 0, result.stderr
        assert list(projects_by_target(result.stdout)) == [" ".join(self.FLAGS[:2]), WINDOWS]
