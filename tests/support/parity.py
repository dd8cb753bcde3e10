"""Run pip and wheeltarget side by side, each in the same folder as if it were the first."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pip import __version__ as pip_version

from tests.support import forks
from tests.support.cli import command, environment
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

PIP = (sys.executable, "-m", "pip", "download")
WHEELTARGET = tuple(command("download"))
INSTALLED = tuple(int(number) for number in re.findall(r"\d+", pip_version)[:2])

HOST_FILE = "host.txt"
HOST_TEXT = "never ; python_version < '3' ; target=host\n"
"""A clause that makes wheeltarget read everything to pip, and a marker by which nothing comes."""

_BACKEND = """\
import os

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("a download installs nothing")

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = "tame-1.0.dist-info"
    os.mkdir(os.path.join(metadata_directory, name))
    with open(os.path.join(metadata_directory, name, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: tame\\nVersion: 1.0\\nRequires-Dist: lib\\n")
    return name

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
"""
_PYPROJECT = """\
[build-system]
requires = []
build-backend = "quiet_backend"
backend-path = ["."]
"""

_PASSING = (
    (re.compile(r"\b(pip-[a-z-]+-)[a-z0-9_]{8}\b"), r"\1…"),
    (re.compile(r"\b\d+(\.\d+)? ?([kMG]?B/s|m?s\b|seconds?)"), "…"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(,\d+)?"), "…"),
    (re.compile(r"\d:\d\d:\d\d"), "…"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x…"),
    (re.compile(r"_[0-9a-f]{32}\b"), "_…"),
)
"""What differs from one run of pip to the next."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run left behind.

    :param exit_code: what it ended with.
    :param files: every file and folder of its working directory that was not there before or has
        another content, with a digest; and of the folder for temporary files, all.
    :param stdout: what it said, without what passes.
    :param stderr: what it said beside that.
    """

    exit_code: int
    files: Mapping[str, str]
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Case:
    """One command line without a target, and what pip makes of it.

    :param exit_code: what pip ends with.
    :param line: the arguments after ``download``, as for a shell; ``<…>`` stands for a place.
    :param since: the first pip that knows the option in it; those before refuse it with 2.
    :param until: the first pip that refuses it with 2.
    :param variables: environment variables; empty ones are taken away.
    :param files: files in the working directory, beside the usual ones.
    :param stdin: what can be read.
    :param read_to_pip: whether a clause elsewhere makes wheeltarget read the files to pip; then
        what is left, the exit code and the complaints are compared, and not all that is said.
    :param left: what stands in the destination afterwards, where that is the point.
    """

    exit_code: int
    line: str
    since: tuple[int, int] = (0, 0)
    until: tuple[int, int] = (99, 0)
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    stdin: str = ""
    read_to_pip: bool = False
    left: str | None = None

    @property
    def name(self) -> str:
        """Return a short name for the test."""
        settings = " ".join(f"{name}={value}" for name, value in self.variables.items())
        return f"{settings} {self.line}".strip() or "nothing"

    @property
    def expected(self) -> int:
        """Return the exit code of the installed pip."""
        return self.exit_code if self.since <= INSTALLED < self.until else 2


class ParityIndex:
    """An index, a folder of wheels, and a source tree, for many runs.

    :param folder: where everything goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links = folder / "index"
        # pip asks every compiler that it finds for its version, which takes its time.
        self.programs = folder / "programs"
        self.programs.mkdir()
        (self.programs / "git").symlink_to(shutil.which("git") or "git")
        self._stock()
        self.index = LocalIndex(self.links)
        self.index.yank("yanked-1.0-py3-none-any.whl", "it ate the cat")
        page = '<a href="/files/lib-1.0-py3-none-any.whl">lib-1.0-py3-none-any.whl</a>'
        self.index.add_file("page.html", page.encode(), "text/html")
        self.index.add_file("base.txt", b"Some.Name\n-r deep/more.txt\n")
        self.index.add_file("limits.txt", b"lib<1\n")
        self.index.add_file("deep/more.txt", b"lib\n")
        self.wheel = self.links / "lib-1.0-py3-none-any.whl"
        self.places = {
            "<index>": self.index.url,
            "<base>": self.index.base,
            "<links>": str(self.links),
            "<sha256>": digest(self.wheel),
            "<sha256 of 0.9>": digest(self.links / "lib-0.9-py3-none-any.whl"),
            "<git>": f"git+{(folder / 'tree').as_uri()}",
            "<python>": sys.executable,
        }

    def _stock(self) -> None:
        """Make the distributions."""
        make_wheel(self.links, "app", requires=["lib>=1"], extras=["fast"])
        for version in ("0.9", "1.0", "2.0b1"):
            make_wheel(self.links, "lib", version)
        make_wheel(self.links, "native", tag="cp39-cp39-win_amd64")
        make_wheel(self.links, "native", tag="cp39-abi3-manylinux1_x86_64")
        make_wheel(self.links, "old", requires_python="<3")
        make_wheel(self.links, "old-two", tag="py2-none-any")
        (self.folder / "more.txt").write_text("lib\n")
        make_wheel(self.links, "yanked")
        make_wheel(self.links, "Some.Name")
        make_wheel(self.links, "picky", requires=["lib<1"])
        tree = self.folder / "tree"
        write_project(tree)
        for arguments in (
            ["init", "-q", "-b", "main"],
            ["add", "."],
            ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "x"],
            ["tag", "v1"],
        ):
            subprocess.run(["git", *arguments], cwd=tree, check=True)


def write_project(folder: Path) -> None:
    """Write the source tree of a project, ``printable``, whose metadata come without a build."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    (folder / "quiet_backend.py").write_text(_BACKEND)


class Bench:
    """A working directory that is the same at the beginning of each run.

    :param parity_index: the index to download from.
    :param folder: where the working directory is made.
    :param usual: the files that every run finds there.
    """

    def __init__(self, parity_index: ParityIndex, folder: Path, usual: Mapping[str, str]) -> None:
        self.parity_index = parity_index
        self.project = folder / "project"
        # The same for all, since some of pip's modules look at its name while they are loaded.
        self._home = parity_index.folder / "home"
        self._temporary = folder / "temporary"
        self._folders = (self.project, self._home, self._temporary)
        self._usual = usual

    def fill(self, text: str) -> str:
        """Put places in for their names."""
        for word, place in {**self.parity_index.places, "<project>": str(self.project)}.items():
            text = text.replace(word, place)
        return text

    def compare(self, case: Case) -> None:
        """Hold wheeltarget against pip.

        :param case: a command line.
        """
        arguments = shlex.split(self.fill(case.line))
        expected = self.run([*PIP, *arguments], case)
        assert expected.exit_code == case.expected, (expected.stdout, expected.stderr)
        if case.left is not None and case.expected == case.exit_code:
            names = [Path(name).name for name in expected.files]
            assert " ".join(name for name in names if name.endswith((".whl", ".zip"))) == case.left
        if case.read_to_pip:
            read = self.run([*WHEELTARGET, "-r", HOST_FILE, *arguments], case)
            assert (read.exit_code, read.files) == (expected.exit_code, expected.files), read
            assert complaints(read) == complaints(expected)
        else:
            assert self.run([*WHEELTARGET, *arguments], case) == expected

    def run(self, arguments: Sequence[str], case: Case) -> Trace:
        """Run something in the working directory.

        :param arguments: the command.
        :param case: what it finds.
        :returns: what it left.
        """
        before = self.lay_out(case.files)
        variables = {
            "PIP_INDEX_URL": self.parity_index.index.url,
            "PIP_NO_CACHE_DIR": "1",
            # The time of a file is in what is compiled of it, and a build backend is compiled.
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self._temporary),
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self.project / "config"),
            "PATH": str(self.parity_index.programs),
            **{name: self.fill(value) for name, value in case.variables.items()},
        }
        done = forks.run(
            arguments,
            cwd=self.project,
            env={name: value for name, value in environment(**variables).items() if value},
            input=case.stdin,
            timeout=60,
        )
        after = self._digests()
        files = {name: digest for name, digest in after.items() if before.get(name) != digest}
        return Trace(done.returncode, files, lasting(done.stdout), lasting(done.stderr))

    def lay_out(self, files: Mapping[str, str | bytes]) -> dict[str, str]:
        """Make the folders anew.

        :param files: what lies in the working directory, beside the usual.
        :returns: what is in them.
        """
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for name, content in {**self._usual, HOST_FILE: HOST_TEXT, **files}.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = self.fill(content).encode() if isinstance(content, str) else content
            path.write_bytes(data)
        for tree in ("tree", "a tree"):
            write_project(self.project / tree)
        for links in ("kept", "with space"):
            (self.project / links).mkdir()
            shutil.copy(self.parity_index.wheel, self.project / links)
        return self._digests()

    def _digests(self) -> dict[str, str]:
        """Digest what is in the folders, hidden files included."""
        return {
            lasting(str(path.relative_to(folder.parent))): digest(path)
            for folder in self._folders
            for path in sorted(folder.rglob("*"))
        }


def complaints(trace: Trace) -> list[str]:
    """Return the lines of errors and warnings of pip."""
    arguments = ("ERROR", "WARNING", "DEPRECATION", "Hint")
    return [line for line in trace.stderr.splitlines() if line.startswith(arguments)]


def digest(path: Path) -> str:
    """Identify a file or folder by its content.

    :returns: a digest; of an archive of sources only the members count, since their times differ.
    """
    if path.is_dir() or ".git" in path.parts:
        return "folder"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {
                name: archive.read(name) for name in archive.namelist() if ".git/" not in name
            }
            return repr(sorted(members.items()))
    if path.suffix == ".log":
        return lasting(path.read_text())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lasting(text: str) -> str:
    """Take out what differs from one run of pip to the next."""
    for passing, instead in _PASSING:
        text = passing.sub(instead, text)
    return text
