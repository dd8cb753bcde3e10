"""The files that ``bundle --include`` takes, those that it leaves out, and that each is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.bundles import bundle, content, good
from tests.support.cli import ROOT
from tests.support.wheels import make_wheel
from wheeltarget.commands.bundle.include import BY_DEFAULT


@pytest.fixture
def app(house: Path) -> Path:
    """Return a folder with the files of an application, and what developers have beside them."""
    make_wheel(house, "lib")
    app = house.parent / "own"
    for name in (
        *("main.py", "app/data.txt", "app/notes.md", "build/made.py", "env.py", "app/.env.py"),
        *(".git/config", ".env", ".env.production", ".venv/pyvenv.cfg", ".tox/py/x.py", ".netrc"),
        *("app/__pycache__/data.pyc", "app/.mypy_cache/x", ".idea/x.xml", "app/.DS_Store"),
        *("my-env/pyvenv.cfg", "my-env/bin/x", "old.pyc", ".ssh/id", ".hg/x", ".pytest_cache/x"),
        ".app.zip.wheeltarget-0123456789abcdef/app.zip",
    ):
        write(app / name)
    (app / ".venv" / "python").symlink_to("/usr/bin/python3")
    return app


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def taken(app: Path, *arguments: str, include: str = "own/") -> set[str]:
    """Bundle a folder, and return the names of what is not of the wheel."""
    good(bundle(app.parent / "house", "--include", include, *arguments))
    there = content(app.parent / "out.zip")
    return {name for name in there if name != "lib.py" and not name.startswith("lib-1.0.dist")}


def left_out(app: Path, *arguments: str, include: str = "own/") -> dict[str, str]:
    result = good(bundle(app.parent / "house", "--include", include, "--format=json", *arguments))
    return {each["path"]: each["rule"] for each in json.loads(result.stdout)["left_out"]}


TAKEN = {"main.py", "app/data.txt", "app/notes.md", "build/made.py", "env.py"}
LEFT_OUT = {
    *(".git", ".env", ".env.production", ".venv", ".tox", ".netrc", "app/__pycache__"),
    *("app/.mypy_cache", ".idea", "app/.DS_Store", "my-env", "old.pyc", ".ssh", ".hg"),
    *("app/.env.py", ".pytest_cache", ".app.zip.wheeltarget-0123456789abcdef"),
}


def test_defaults(app: Path) -> None:
    assert taken(app) == TAKEN
    assert left_out(app) == {f"own/{name}": "default" for name in LEFT_OUT}


def test_defaults_of_a_folder_under_its_own_name(app: Path) -> None:
    assert taken(app, include="own") == {f"own/{name}" for name in TAKEN}


def test_each_omission_is_in_the_text(app: Path) -> None:
    said = good(bundle(app.parent / "house", "--include=own/", "--exclude-path=*.md")).stdout
    (line,) = (line for line in said.splitlines() if "--exclude-path" in line)
    assert line == "Left out by --exclude-path '*.md': own/app/notes.md"
    (line,) = (line for line in said.splitlines() if "by default" in line)
    assert line.startswith("Left out by default: own/.app.zip.wheeltarget-0123456789abcdef, own/.e")
    assert line.endswith(" and 7 more, see --format json")
    assert "Left out" not in good(bundle(app.parent / "house", "--include=own/", "--quiet")).stdout


def test_what_is_named_itself_is_taken(app: Path) -> None:
    assert taken(app, include="own/.env") == {".env"}
    assert taken(app, include="own/.git/") == {"config"}


def test_gitignore(app: Path) -> None:
    write(app / ".gitignore", "# made\n/build/\n*.txt\n!data.txt\n!.env\n")
    write(app / "app" / ".gitignore", "notes.md\n")
    assert taken(app) == {"main.py", "app/data.txt", "env.py"}
    found = left_out(app)
    assert found["own/build"] == "own/.gitignore:2"
    assert found["own/app/notes.md"] == "own/app/.gitignore:1"
    assert found["own/.env"] == "default"


def test_gitignore_above_in_the_working_tree(app: Path) -> None:
    (app / ".git").rename(app.parent / ".git")
    write(app.parent / ".gitignore", "/own/build\nown\nnotes.md\n")
    write(app.parent.parent / ".gitignore", "main.py\n")
    assert taken(app) == {"main.py", "app/data.txt", "env.py"}
    assert left_out(app)["own/build"] == ".gitignore:1"


def test_wheeltargetignore_stands_for_gitignore(app: Path) -> None:
    write(app / ".gitignore", "main.py\n")
    write(app / ".wheeltargetignore", "build/\n!.env.*\n")
    assert taken(app) == (TAKEN | {".env.production", "app/.env.py"}) - {"build/made.py"}
    found = left_out(app)
    assert found["own/build"] == "own/.wheeltargetignore:1"
    assert "own/.gitignore" in found


def test_exclude_path(app: Path) -> None:
    write(app / ".gitignore", "main.py\n")
    options = ("--exclude-path", "app/notes.md", "--exclude-path=/build", "--exclude-path=!main.py")
    assert taken(app, *options) == {"main.py", "app/data.txt", "env.py"}
    assert left_out(app, *options)["own/build"] == "--exclude-path /build"


def test_exclude_path_without_an_effect(app: Path) -> None:
    result = good(bundle(app.parent / "house", "--include=own/", "--exclude-path=secrts/"))
    assert "note: --exclude-path secrts/ leaves nothing out\n" in result.stderr
    result = bundle(app.parent / "house", "--exclude-path=secrets/")
    assert (result.exit_code, "--exclude-path needs --include" in result.stderr) == (2, True)


def test_links_that_are_left_out(app: Path) -> None:
    (app / "link").symlink_to("main.py")
    assert "--exclude-path" in bundle(app.parent / "house", "--include=own/").stderr
    assert "main.py" in taken(app, "--exclude-path=link")


def test_bundle_in_a_folder_that_is_left_out(app: Path) -> None:
    house = app.parent / "house"
    (app / "dist").mkdir()
    result = bundle(house, "--include=own/", to="own/dist/app.zip")
    assert (result.exit_code, "would be in own/" in result.stderr) == (2, True)
    assert "--exclude-path" in result.stderr
    write(app / ".gitignore", "dist/\n")
    for _ in range(2):
        good(bundle(house, "--include=own/", to="own/dist/app.zip"))
    assert "main.py" in content(app / "dist" / "app.zip")
    assert not any("app.zip" in name for name in content(app / "dist" / "app.zip"))


def test_everything_is_left_out(app: Path) -> None:
    result = bundle(app.parent / "house", "--include=own/build", "--exclude-path=made.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "own/build contains no files to include: own/build/made.py is left out" in result.stderr


@pytest.mark.parametrize("line", ["[[:alpha:]].py", "x" * 2000])
def test_rules_that_are_not_supported(app: Path, line: str) -> None:
    write(app / ".gitignore", f"x\n{line}\n")
    result = bundle(app.parent / "house", "--include=own/")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "own/.gitignore:2" in result.stderr


def test_defaults_are_documented() -> None:
    page = (ROOT / "docs" / "bundle.md").read_text("utf-8")
    listed = page.partition("## What is left out")[2].partition("Your own rules")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == {
        *(rule for rule in BY_DEFAULT if "[0-9a-f]" not in rule),
        *("--include ./", "pyvenv.cfg"),
    }
