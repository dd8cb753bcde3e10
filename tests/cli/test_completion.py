"""What the Tab key offers: the decisions alone, in a real bash, and as other shells ask for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from wheeltarget.cli.completion import (
    PLATFORMS,
    offer_options,
    offer_tags,
    offer_targets,
)
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE
from wheeltarget.targets.catalog import look_up
from wheeltarget.targets.names import newest_pythons

pytestmark = pytest.mark.thorough


class TestOptions:
    """Options that only pip knows."""

    def test_every_option_once(self) -> None:
        offered = offer_options("--")
        every = {
            min(s for s in each if s.startswith("--")) for each in (*WITH_VALUE, *WITHOUT_VALUE)
        }
        assert len(offered) == len(every) - 1
        assert "--help" not in offered, "the command line offers its own"

    @pytest.mark.parametrize(
        ("incomplete", "expected"),
        [
            ("--dest", ("--dest",)),
            ("--destination-d", ("--destination-dir",)),
            ("--no-dep", ("--no-deps",)),
            ("-r", ("-r",)),
            ("-d", ("-d",)),
            ("--nothing", ()),
        ],
    )
    def test_spellings(self, incomplete: str, expected: tuple[str, ...]) -> None:
        assert offer_options(incomplete) == expected


class TestTags:
    """Tags of the environments that are asked for most."""

    @pytest.mark.parametrize("python", [each for each in newest_pythons() if "cp3" in each])
    def test_all_are_good(self, python: str) -> None:
        offered = offer_tags(f"{python}-")
        assert len(offered) == len(PLATFORMS)
        for tag in offered:
            assert look_up("tags", tag, "") is not None

    def test_newest_first(self) -> None:
        pythons = list(dict.fromkeys(tag.partition("-")[0] for tag in offer_tags("")))
        known = [int(each[3:]) for each in newest_pythons() if re.fullmatch(r"cp3\d+", each)]
        assert pythons == [f"cp3{minor}" for minor in sorted(known, reverse=True)[:5]]

    def test_last_of_a_list(self) -> None:
        first = "cp39-cp39-win_amd64,"
        offered = offer_tags(f"{first}cp38-cp38-win")
        assert offered == (f"{first}cp38-cp38-win_amd64", f"{first}cp38-cp38-win32")

    @pytest.mark.parametrize("incomplete", ["x", "cp39-cp38", "cp399-"])
    def test_nothing(self, incomplete: str) -> None:
        assert offer_tags(incomplete) == ()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has target files."""
    for name in ("hosts/old.toml", "hosts/new.toml", "hosts/more/x", ".git/x", "box.toml", "b.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
class TestTargets:
    """Names of targets and paths of their files."""

    @pytest.mark.parametrize(
        ("incomplete", "expected"),
        [
            ("h", ("host", "hosts/")),
            ("b", ("box.toml",)),
            (".", (".git/",)),
            ("hosts/", ("hosts/more/", "hosts/new.toml", "hosts/old.toml")),
            ("hosts/o", ("hosts/old.toml",)),
            ("./", ("./box.toml", "./hosts/")),
            ("host,b", ("host,box.toml",)),
            ("none/", ()),
            (
                "verc",
                (
                    "vercel-python3.12-x86_64",
                    "vercel-python3.13-x86_64",
                    "vercel-python3.14-x86_64",
                ),
            ),
            ("rhel-8-python3.9-x", ("rhel-8-python3.9-x86_64",)),
        ],
    )
    def test_offers(self, incomplete: str, expected: tuple[str, ...]) -> None:
        assert offer_targets(incomplete) == expected

    def test_everything(self) -> None:
        offered = offer_targets("a,")
        assert offered[0] == "a,host"
        assert "a,aws-lambda-" in offered
        assert offered[-2:] == ("a,box.toml", "a,hosts/")

    def test_systems_first_then_their_targets(self, folder: Path) -> None:
        (folder / "pyproject.toml").write_text(
            "[tool.wheeltarget.targets]\n"
            "docker-slim = {tag = 'cp39-cp39-win32'}\nx = {tag = 'cp39-cp39-win32'}\n"
        )
        offered = ("docker-slim", "docker-slim-bookworm-", "docker-slim-trixie-")
        assert offer_targets("docker-slim") == offered
        (folder / "pyproject.toml").write_text("[tool.wheeltarget]\ntargets = 5\n")
        assert offer_targets("docker-slim") == offered[1:]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a folder with a command ``wheeltarget`` and files to be offered."""
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "wheeltarget").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m wheeltarget "$@"\n'
    )
    (commands / "wheeltarget").chmod(0o755)
    folder = tmp_path / "here"
    (folder / "targets").mkdir(parents=True)
    (folder / "targets" / "old box.toml").touch()
    (folder / "box.toml").touch()
    return folder


def run(place: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds ``wheeltarget``."""
    path = f"{place.parent / 'commands'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        arguments,
        cwd=place,
        env=environment(PATH=path, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


BASH = """
source <(wheeltarget --show-completion bash) || exit 3
[[ "$(complete -p wheeltarget)" == *" -o default -F "* ]] || exit 4
COMP_WORDS=(wheeltarget "$@")
COMP_CWORD=$#
_wheeltarget_completion wheeltarget
(( ${#COMPREPLY[@]} )) && printf '%s\\n' "${COMPREPLY[@]}"
exit 0
"""


@pytest.mark.skipif(not shutil.which("bash") or sys.platform == "win32", reason="needs bash")
class TestBash:
    """A real bash, with the script that wheeltarget prints."""

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["d"], ["download"]),
            (["download", "--ta"], ["--tags", "--target"]),
            (["download", "--extra"], ["--extra-index-url"]),
            (["download", "-r", "r.txt", "app", "--no-b"], ["--no-binary", "--no-build-isolation"]),
            (["download", "--tags", "cp38-cp38-wi"], ["cp38-cp38-win_amd64", "cp38-cp38-win32"]),
            (["download", "--tags", "=", "cp37-cp37m-win3"], ["cp37-cp37m-win32"]),
            (["download", "--target", "ho"], ["host"]),
            (["download", "--target", "=", "t"], ["targets/"]),
            (["download", "--target", "vercel-python3.12"], ["vercel-python3.12-x86_64"]),
            (["targets", "raspios-bookworm-python3.9-armv"], ["raspios-bookworm-python3.9-armv7l"]),
            (["download", "--target", "=", "b"], ["box.toml"]),
            (["download", "--target", "targets/"], ["targets/old box.toml"]),
            (["download", "'app ; tags=x", "--pr"], []),
            (["download", "app", "--pre"], ["--pre", "--prefer-binary"]),
            (["explain", "--all"], ["--allow-sdist", "--all", "--all-releases"]),
            (["pack", "v"], ["verify"]),
            (["pack", "app", "v"], []),
            (["pack", "verify", "--fo"], ["--format"]),
            (["explain", "app", "--tags", "cp38-cp38-win3"], ["cp38-cp38-win32"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_offers(self, place: Path, arguments: list[str], expected: list[str]) -> None:
        done = run(place, "bash", "-c", BASH, "bash", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == expected

    @pytest.mark.parametrize("option", ["-r", "-c", "-d", "--find-links"])
    def test_files_are_left_to_bash(self, place: Path, option: str) -> None:
        done = run(place, "bash", "-c", BASH, "bash", "download", option, "")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_module_has_the_same_script(self, place: Path) -> None:
        done = run(place, sys.executable, "-m", "wheeltarget", "--show-completion", "bash")
        assert done.stdout == run(place, "wheeltarget", "--show-completion", "bash").stdout
        assert "_WHEELTARGET_COMPLETE=complete_bash" in done.stdout


class TestOtherShells:
    """The scripts for other shells, and what they ask when Tab is hit."""

    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_script(self, place: Path, shell: str) -> None:
        done = run(place, "wheeltarget", "--show-completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"_WHEELTARGET_COMPLETE=complete_{shell}" in done.stdout
        if shutil.which(shell):
            (place / "script").write_text(done.stdout)
            checked = run(place, shell, "-n", "script")
            assert (checked.returncode, checked.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("wheeltarget download --extra", "_arguments '*: :((\"--extra-index-url\"))'"),
            ("wheeltarget download --target ho", "_arguments '*: :((\"host\"))'"),
            ("wheeltarget download -r ", "_files"),
        ],
    )
    def test_zsh(self, place: Path, line: str, expected: str) -> None:
        asked = {"_WHEELTARGET_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}
        assert run(place, "wheeltarget", **asked).stdout == f"{expected}\n"

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("wheeltarget download --extra", "--extra-index-url"),
            ("wheeltarget download --target b", "box.toml"),
            ("wheeltarget download -r ", ""),
        ],
    )
    def test_fish(self, place: Path, line: str, expected: str) -> None:
        asked = {"_WHEELTARGET_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": line}
        done = run(place, "wheeltarget", **asked, _TYPER_COMPLETE_FISH_ACTION="get-args")
        assert done.stdout == f"{expected}\n"
        # It asks first whether files are to be offered.
        done = run(place, "wheeltarget", **asked, _TYPER_COMPLETE_FISH_ACTION="is-args")
        assert done.returncode == (0 if expected else 1)


def test_shell_that_is_not_known(place: Path) -> None:
    done = run(place, "wheeltarget", "--show-completion", "tcsh")
    assert (done.returncode, done.stdout) == (2, "")
    assert "zsh" in done.stderr


@pytest.mark.parametrize("verb", ["download", "lock", "explain", "check", "bundle", "pack"])
def test_nothing_slow_is_loaded(place: Path, verb: str) -> None:
    script = (
        "import atexit, sys\n"
        "from wheeltarget.__main__ import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "sys.argv = ['wheeltarget']\n"
        "main()"
    )
    done = run(
        place,
        sys.executable,
        "-c",
        script,
        _WHEELTARGET_COMPLETE="complete_bash",
        COMP_WORDS=f"wheeltarget\n{verb}\n--tags\ncp38-cp38-win3",
        COMP_CWORD="3",
    )
    assert done.stdout == "cp38-cp38-win32\n"
    slow = {"pip", "wheeltarget.api", "wheeltarget.requirements.parser", "wheeltarget.wheelhouse"}
    assert slow.isdisjoint(done.stderr.split())
