"""Code of the working directory is never run, and the user's folders are where platformdirs says.

The threat is T5 of docs/security.md.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from itertools import cycle
from pathlib import Path

import platformdirs
import pytest

from tests.support.cli import ROOT, environment, names
from tests.support.index import LocalIndex
from tests.support.interpreters import NEWEST_PIP, interpreter
from tests.support.locked import lock_wheels
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from tests.test_architecture import sources
from wheeltarget.targets.names import user_folder as user_config
from wheeltarget.utils import system
from wheeltarget.utils.system import is_ours, set_home, user_folder

pytestmark = pytest.mark.thorough

MINOR = f"{sys.version_info[0]}{sys.version_info[1]}"
HERE = f"cp{MINOR}-none-any"
LINUX = "cp39-cp39-manylinux2014_x86_64"

OTHERS = (
    *("_distutils_hack", "_manylinux", "auditwheel", "click", "cyclonedx", "elftools", "installer"),
    *("keyring", "packaging", "pip", "pip_child", "platformdirs", "probe", "requests", "rich"),
    *("setuptools", "shellingham", "sitecustomize", "typer", "usercustomize", "wheeltarget"),
)
"""Modules that do not come with Python, some of which are not there, as a program may ask."""


@cache
def loaded_first() -> frozenset[str]:
    """List what Python loads to find the module of ``-m``; that cannot be kept from it."""
    script = "import runpy, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    return frozenset(done.stdout.split())


def fill(folder: Path, log: Path, *, without: frozenset[str] = frozenset()) -> None:
    """Write modules under all names that a program may import; each notes that it was run.

    :param folder: where they go.
    :param log: the folder in which each makes a file of its name.
    :param without: names that are left out.
    """
    log.mkdir(exist_ok=True)
    for name in {*sys.stdlib_module_names, *OTHERS} - without:
        code = f"open({str(log / name)!r}, 'w').close()\n"
        (folder / f"{name}.py").write_text(code)
        if name in {"pip", "packaging", "encodings", "importlib", "_distutils_hack"}:
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(code)
            (folder / name / "__main__.py").write_text(code)


@pytest.fixture
def place(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Return a folder with all that a command line may name."""
    for folder in (tmp_path / "index", tmp_path / "place" / "house"):
        make_wheel(folder, "lib")
    make_source(tmp_path / "index", "pure")
    make_wheel(tmp_path / "place" / "more", "small")
    folder = tmp_path / "place"
    lock_wheels(sorted((folder / "house").iterdir()), HERE, folder / "pylock.t.toml")
    (folder / "plain.txt").write_text("lib\n")
    (folder / "asked.txt").write_text(f"lib ; tags={HERE}\n")
    return folder


def start(tmp_path: Path, how: str) -> list[str]:
    """Return the words that start wheeltarget: as a module, or as an installed script does."""
    if how == "module":
        return [sys.executable, "-m", "wheeltarget"]
    script = tmp_path / "bin" / "wheeltarget"
    script.parent.mkdir(exist_ok=True)
    script.write_text("import sys\nfrom wheeltarget.__main__ import main\nsys.exit(main())\n")
    return [sys.executable, str(script)]


COMMANDS = {
    "version": "--version",
    "help": "--help",
    "help of download": "download --help",
    "plain": "download INDEX -d out lib",
    "plain file": "download INDEX -d out -r plain.txt",
    "plain, with pip's option before": "--no-input download INDEX -d out lib",
    "plain, from a URL": "download INDEX -d out -r URL",
    "plain, for another environment": (
        "download INDEX -d out --platform win_amd64 --only-binary=:all: lib"
    ),
    "plain, from a source": "download INDEX --no-build-isolation -d out pure",
    "target": f"download INDEX -d out --tags {LINUX} lib",
    "target, from a file": "download INDEX -d out -r asked.txt",
    "targets in processes": f"download INDEX -d out --tags {LINUX},{HERE} --jobs 2 lib",
    "host": "download INDEX -d out --target host --dry-run --format json lib",
    "built": f"download INDEX -d out --tags {LINUX} --build-pure pure pure",
    "from a lock": "download -d house -r pylock.t.toml",
    "lock": f"lock INDEX --tags {LINUX} lib",
    "check": "check house",
    "check requirements": "check house -r asked.txt",
    "check native code": "check house -r asked.txt --audit",
    "validate": "validate asked.txt plain.txt",
    "validate and mend": "validate --fix asked.txt",
    "explain": f"explain INDEX --tags {LINUX} lib",
    "list": "targets",
    "show": "targets aws-lambda-python3.12-arm64",
    "probe": "probe",
    "probe another": f"probe --python {sys.executable}",
    "script": "probe --script",
    "bundle": "bundle -r pylock.t.toml --wheels house -o app.zip --scripts --include asked.txt",
    "compiled": "bundle -r pylock.t.toml --wheels house -o app --compile --components list.json",
    "install-check": "install-check -r pylock.t.toml --wheels house",
    "merge": "merge house more -d out",
    "prune": "prune house -r pylock.t.toml",
    "cache": "cache info",
    "make room": "cache prune",
    "completion": "--show-completion bash",
}


@pytest.mark.parametrize(
    ("line", "how"), list(zip(COMMANDS.values(), cycle(["script", "module"]), strict=False))
)
def test_nothing_of_the_working_directory_is_run(
    tmp_path: Path, place: Path, index: LocalIndex, line: str, how: str
) -> None:
    # python -m wheeltarget asks for a wheeltarget that lies there.
    without = loaded_first() | {"wheeltarget"} if how == "module" else frozenset()
    fill(place, tmp_path / "log", without=without)
    url = index.add_file("base.txt", b"lib\n")
    options = ["--no-cache-dir", *index.pip_args()]
    arguments = [*start(tmp_path, how)]
    for word in line.split():
        arguments += options if word == "INDEX" else [url if word == "URL" else word]
    done = subprocess.run(
        arguments,
        cwd=place,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert names(tmp_path / "log") == []
    assert done.returncode == 0, done.stderr


def test_hostile_modules_are_noticed(tmp_path: Path) -> None:
    fill(tmp_path, tmp_path / "log", without=sys.stdlib_module_names - {"json"})
    for arguments in (["-m", "pip"], ["-c", "import json"], ["-P", "-c", "import json, pip"]):
        subprocess.run([sys.executable, *arguments], cwd=tmp_path, env=environment(), check=True)
    assert names(tmp_path / "log") == ["json", "pip"]


@pytest.mark.parametrize(
    "asked", [{"COMP_WORDS": "wheeltarget download --targ", "COMP_CWORD": "2"}]
)
def test_completion(tmp_path: Path, place: Path, asked: dict[str, str]) -> None:
    fill(place, tmp_path / "log")
    done = subprocess.run(
        start(tmp_path, "script"),
        cwd=place,
        env=environment(_WHEELTARGET_COMPLETE="complete_bash", **asked),
        capture_output=True,
        text=True,
    )
    assert "--target" in done.stdout.split()
    assert names(tmp_path / "log") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_completion_in_bash(tmp_path: Path, place: Path) -> None:
    fill(place, tmp_path / "log")
    program = tmp_path / "bin" / "wheeltarget"
    start(tmp_path, "script")
    program.write_text(f"#!{sys.executable}\n{program.read_text()}")
    program.chmod(0o755)
    script = (
        'eval "$(wheeltarget --show-completion bash)"; COMP_WORDS=(wheeltarget targets rhel-8-);'
        " COMP_CWORD=2; _wheeltarget_completion wheeltarget; echo ${COMPREPLY[*]}"
    )
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
    )
    assert "rhel-8-python3.9-x86_64" in done.stdout.split(), done.stderr
    assert names(tmp_path / "log") == []


def test_from_a_checkout_that_is_the_working_directory(tmp_path: Path, index: LocalIndex) -> None:
    """There pip's process has to find wheeltarget, and nothing else."""
    make_wheel(tmp_path / "index", "lib")
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "wheeltarget", checkout / "wheeltarget")
    fill(checkout, tmp_path / "log", without=loaded_first() | {"wheeltarget"})
    variables = environment()
    del variables["PYTHONPATH"]
    arguments = ["--no-cache-dir", *index.pip_args(), "-d", "out", "--tags", LINUX, "lib"]
    done = subprocess.run(
        [sys.executable, "-m", "wheeltarget", "download", *arguments],
        cwd=checkout,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, names(checkout / "out")) == (0, ["lib-1.0-py3-none-any.whl"])
    assert names(tmp_path / "log") == []


class TestBuildBackends:
    """They are given what pip gives them."""

    def test_same_environment(self, tmp_path: Path, index: LocalIndex) -> None:
        source = tmp_path / "source"
        source.mkdir()
        (source / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "spy"\nbackend-path = ["."]\n'
        )
        (source / "spy.py").write_text(
            "import json, os, sys\n"
            "seen = {'flags': list(sys.flags), 'names': sorted(os.environ)}\n"
            "open(os.environ['SPY'], 'a').write(json.dumps(seen) + '\\n')\n"
            "raise SystemExit(7)\n"
        )
        seen = []
        for program in ([sys.executable, "-P", "-m", "pip"], start(tmp_path, "script")):
            log = tmp_path / "seen"
            subprocess.run(
                [*program, "download", "--no-cache-dir", *index.pip_args(), "./source"],
                cwd=tmp_path,
                env=environment(SPY=str(log)),
                capture_output=True,
            )
            seen.append(log.read_text())
            log.unlink()
        assert seen[0]
        assert seen[1] == seen[0]


@pytest.mark.interpreters
@pytest.mark.parametrize("version", NEWEST_PIP)
def test_other_interpreters(tmp_path: Path, place: Path, version: str) -> None:
    fill(place, tmp_path / "log")
    python = str(interpreter(version))
    arguments = [*start(tmp_path, "script"), "probe", "--python", python]
    done = subprocess.run(arguments, cwd=place, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    script = (ROOT / "wheeltarget" / "commands" / "probe" / "probe_script.py").read_text()
    (place / "script.py").write_text(script)
    for arguments, said in (([python, "-"], script), ([python, "script.py"], None)):
        again = subprocess.run(arguments, cwd=place, input=said, capture_output=True, text=True)
        assert again.stdout == done.stdout
    assert names(tmp_path / "log") == []


def test_modules_are_imported_in_a_folder_with_nothing_else(tmp_path: Path, place: Path) -> None:
    """What install-check has unpacked beside them is no module of theirs."""
    code = b"import importlib.util as u\nassert not any(map(u.find_spec, ('wheels', 'unpacked')))\n"
    make_wheel(place / "two", "two", files={"two.py": code})
    lock_wheels(sorted((place / "two").iterdir()), HERE, place / "pylock.two.toml")
    relative = os.path.relpath(sys.executable, place)
    arguments = ["install-check", "-r", "pylock.two.toml", "--wheels", "two", "--python", relative]
    done = subprocess.run(
        [*start(tmp_path, "script"), *arguments],
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


class TestFindProgram:
    """Where a Python that a person names is looked for."""

    def test_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert system.find_program("python3.9") == "python3.9", "the system looks on PATH alone"
        assert system.find_program("./python") == str(tmp_path / "python")
        assert system.find_program("/usr/bin/python") == "/usr/bin/python"

    def test_on_windows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system would look in the working directory first."""
        (tmp_path / "bin").mkdir()
        for file in (tmp_path / "python.exe", tmp_path / "tool.exe", tmp_path / "bin/python.exe"):
            file.touch()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", f"{os.pathsep}{tmp_path / 'bin'}")
        with monkeypatch.context() as patch:
            patch.setattr("wheeltarget.utils.system.os.name", "nt")
            found = system.find_program("python")
            with pytest.raises(FileNotFoundError) as raised:
                system.find_program("tool")
        assert found == str(tmp_path / "bin" / "python.exe")
        assert raised.value.filename == "tool"


STARTERS = re.compile(
    r"(os|pty|posix)\.(exec|spawn|posix_spawn|system|popen|startfile)\w*"
    r"|(subprocess|asyncio\.subprocess)\.(?!TimeoutExpired|SubprocessError|CalledProcess)\w+"
    r"|asyncio\.create_subprocess\w+|multiprocessing\.\w+|(\w+\.)*ProcessPoolExecutor"
)
"""Functions that start a process."""

BUILDERS = {
    *("python", "bare_python", "other_python_script", "other_python_code"),
    *("command", "prestart.command"),
}
"""Functions that build a command line."""

PASSED_ON = {
    ("staging.stage", "_spawn"): "Guard builds it",
    ("commands.probe.probe", "run_python"): "both of those that call it build it",
    # The script of the probe is a program of its own, and has nothing of ours.
    (
        "commands.probe.probe_script",
        "_musllinux_platforms",
    ): "the C library's loader, by its whole path",
    ("commands.probe.probe_script", "_mac_platforms"): "with -I, which needs no help",
    # So is the script of a pack, whose code for Python removes the working directory from the path.
    ("commands.pack.choose_target", "install"): "with that code, or a pip by its whole path",
    ("commands.pack.choose_target", "make_venv"): "with that code",
    ("commands.pack.choose_target", "_has_module"): "with that code",
}
"""Functions that start what they are given, or no Python."""

NAMES_PYTHON = {
    "utils.system": "builds the command lines",
    "commands.install_check": "looks for a Python, and compares",
    "commands.probe.probe_script": "is a program of its own",
    "commands.pack.choose_target": "is a program of its own",
    "cache.run_key": "is part of a name",
}
"""Modules that name the running Python."""


def is_built(node: ast.expr, assigned: dict[str, ast.expr]) -> bool:
    """Return whether a command line comes from where they are built."""
    if isinstance(node, ast.Name):
        return node.id in assigned and is_built(assigned[node.id], {})
    return isinstance(node, ast.Call) and ast.unparse(node.func) in BUILDERS


def unbuilt(tree: ast.Module) -> set[str]:
    """List the functions that start a process with a command line that was not built."""
    found = set()
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    outside = [node for node in ast.walk(tree) if id(node) not in inside]
    for name, nodes in (
        *((function.name, list(ast.walk(function))) for function in functions),
        ("outside", outside),
    ):
        assigned = {
            target.id: node.value
            for node in nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes:
            if isinstance(node, ast.Call) and STARTERS.fullmatch(ast.unparse(node.func)):
                at = 1 if re.search(r"\.(posix_spawn|exec)", ast.unparse(node.func)) else 0
                if not node.args or not is_built(node.args[at], assigned):
                    found.add(name)
            # Under another name it would not be found.
            if isinstance(node, ast.ImportFrom) and any(
                STARTERS.fullmatch(f"{node.module}.{alias.name}") for alias in node.names
            ):
                found.add(name)
    return found


@pytest.mark.parametrize("name", sorted(sources()))
def test_every_process_is_started_with_a_command_line_of_ours(name: str) -> None:
    assert {each for each in unbuilt(sources()[name]) if (name, each) not in PASSED_ON} == set()


@pytest.mark.parametrize("name", sorted(sources()))
def test_nothing_else_names_the_running_python(name: str) -> None:
    named = [node for node in ast.walk(sources()[name]) if isinstance(node, ast.Attribute)]
    assert name in NAMES_PYTHON or "sys.executable" not in map(ast.unparse, named)


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.run(['python', '-m', 'pip'])",
        "subprocess.Popen([*python('-m', 'pip'), 'x'][1:])",
        "command = [name]\n    os.execv(command[0], command)",
        "os.posix_spawn(name, [name, '-c', code], os.environ)",
        "os.system('python -m pip')",
        "with subprocess.Popen(words) as child: pass",
        "from subprocess import run",
    ],
)
def test_stranger_is_noticed(code: str) -> None:
    assert unbuilt(ast.parse(f"def stranger():\n    {code}\n")) == {"stranger"}
    assert unbuilt(ast.parse(code.replace("\n    ", "\n"))) == {"outside"}


@pytest.mark.parametrize(
    "code", ["subprocess.run(python('-m', 'pip'))", "c = bare_python('x')\n    os.execv(c[0], c)"]
)
def test_what_is_built_is_passed(code: str) -> None:
    assert unbuilt(ast.parse(f"def friend():\n    {code}\n")) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
@pytest.mark.parametrize("home", ["", "/somewhere"])
@pytest.mark.parametrize("kind", ["cache", "state"])
def test_same_as_platformdirs(monkeypatch: pytest.MonkeyPatch, kind: str, home: str) -> None:
    monkeypatch.delenv(f"WHEELTARGET_{kind.upper()}_DIR", raising=False)
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", home)
    expected = getattr(platformdirs, f"user_{kind}_dir")("wheeltarget", appauthor=False)
    assert user_folder(kind, os.environ) == expected
    android = {**os.environ, "ANDROID_DATA": "/data"}
    assert user_folder(kind, android) == expected


def test_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("cache", "state"):
        named = user_folder(kind, {f"WHEELTARGET_{kind.upper()}_DIR": "mine"})
        assert named == str(tmp_path / "mine")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be another user")
def test_root_does_not_trust_folders_of_others(tmp_path: Path) -> None:
    assert is_ours(tmp_path / "a" / "b")
    (tmp_path / "a").mkdir()
    os.chown(tmp_path / "a", 12345, -1)
    assert not is_ours(tmp_path / "a" / "b" / "c")


def _no_user(number: int) -> None:
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.mark.skipif(os.name == "nt", reason="users as POSIX has them")
@pytest.mark.parametrize("kind", ["cache", "state", "config"])
def test_user_without_a_home(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for name in (
        "HOME",
        *(each for each in os.environ if each.startswith(("XDG_", "WHEELTARGET_"))),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", _no_user)
    set_home()
    assert os.environ["HOME"] == "/"
    folder = user_config() if kind == "config" else Path(user_folder(kind, os.environ))
    assert folder.is_absolute()


def test_home_of_a_user_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    set_home()
    assert os.environ["HOME"] == str(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="users as POSIX has them")
@pytest.mark.parametrize(
    "arguments",
    [("targets",), ("lock", "--no-index", "--find-links=shelf", "app"), ("check", "shelf")],
    ids=lambda arguments: str(arguments[0]),
)
def test_run_without_a_home_makes_no_folder_of_that_name(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    make_wheel(tmp_path / "shelf", "app")
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import pwd\ndel pwd.getpwuid\npwd.getpwuid = {}.pop\n")
    kept = {name: os.environ[name] for name in ("PATH", "PIP_CONFIG_FILE")}
    temporary = {"TMPDIR": str(site), "XDG_CACHE_HOME": str(site), "XDG_STATE_HOME": str(site)}
    done = subprocess.run(
        [sys.executable, "-m", "wheeltarget", *arguments],
        cwd=tmp_path,
        env={**kept, **temporary, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert not (tmp_path / "~").exists()
