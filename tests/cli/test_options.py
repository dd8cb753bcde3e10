"""The options of all commands: alike where they are the same, and what a bad value is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.here import run_here
from tests.support.wheels import make_wheel
from wheeltarget.cli import app

DIFFERENT = {
    "--all": "every release, or every tag",
    "--format": "what kind of file a lock is; elsewhere, how the result is written",
    "--output": "where a lock, a bundle or a description goes",
    "--python": "an interpreter, or a version",
    "--requirement": "locks, or requirements files",
}
"""The options that more than one command has, and that are not the same in all of them."""


def commands(group: Any) -> Iterator[Any]:
    """Give every command, those of a group of commands among them."""
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else (command,)


def test_the_same_option_is_declared_once() -> None:
    declared = defaultdict(list)
    for command in commands(typer.main.get_command(app.make_app())):
        for each in command.params:
            told = (tuple(each.opts), each.metavar, each.help, each.rich_help_panel)
            name = each.opts[0] if each.param_type_name == "option" else each.metavar
            declared[name].append(told)
    shared = {name for name, all_told in declared.items() if len(all_told) > 1}
    assert {"--tags", "--target", "--jobs", "--quiet", "--wheels", "REQUIREMENT…"} <= shared
    assert {name for name in shared if len(set(declared[name])) > 1} == {*DIFFERENT}


JOBS = "--jobs must be a positive whole number, not {!r}\n  try --jobs 4\n"
DAYS = "--max-age: {!r} is not a number of days\n  write it like 30 or 0.5\n"
BAD = {
    ("download", "lib", "--format=yaml"): "--format must be text or json, not 'yaml'\n",
    ("lock", "lib", "--format", ""): "--format must be pylock or requirements, not ''\n",
    ("check", "house", "--format", "--quiet"): (
        "--format must be text, json, github or junit, not '--quiet'\n"
    ),
    ("cache", "info", "--format=x"): "--format must be text or json, not 'x'\n",
    ("bundle", "-r", "pylock.toml", "-o", "x", "--layout=zip"): (
        "--layout must be flat, lambda or lambda-layer, not 'zip'\n"
    ),
    ("targets", "--kind", "own", "--kind", "os"): (
        "--kind must be service, distribution, image, desktop, mobile, browser or own, not 'os'\n"
    ),
    ("targets", ""): (
        "NAME must not be empty\n  name a target, such as debian-12-python3.11-x86_64\n"
    ),
    ("validate", "requirements.txt", ""): (
        "FILE must not be empty\n  name a file, such as requirements.txt\n"
    ),
    ("download", "lib", "--jobs", "0"): JOBS.format("0"),
    ("download", "lib", "--jobs=many"): JOBS.format("many"),
    ("download", "lib", "--jobs="): JOBS.format(""),
    ("lock", "lib", "--jobs=-1"): JOBS.format("-1"),
    ("lock", "lib", "--jobs=1_0"): JOBS.format("1_0"),
    ("cache", "prune", "--max-age=-3"): DAYS.format("-3"),
    ("cache", "prune", "--max-age", "nan"): DAYS.format("nan"),
    ("cache", "prune", "--max-age=soon"): DAYS.format("soon"),
    ("download", "lib", "--report="): (
        "--report must not be empty\n  name a file, such as --report report.json\n"
    ),
    ("lock", "lib", "-o", ""): (
        "--output must not be empty\n  name a folder, such as --output locks\n"
    ),
    ("bundle", "-r", "pylock.toml", "-o", ""): (
        "--output must not be empty\n  name an archive or a folder, such as --output bundle.zip\n"
    ),
    ("bundle", "-r", "pylock.toml", "-o", "x", "--components="): (
        "--components must not be empty\n  name a file, such as --components components.json\n"
    ),
    ("merge", "house", "-d", ""): (
        "--dest must not be empty\n  name a folder, such as --dest wheelhouse\n"
    ),
    ("prune", "house", "-r", "pylock.toml", "--to="): (
        "--to must not be empty\n  name a folder, such as --to stick\n"
    ),
    ("prune", "", "-r", "pylock.toml"): (
        "DIR must not be empty\n  name a folder, such as wheelhouse\n"
    ),
    ("check", "house", ""): (
        "DIR|FILE must not be empty\n  name a folder or a wheel, such as wheelhouse\n"
    ),
    ("merge", "", "-d", "both"): ("DIR must not be empty\n  name a folder, such as wheelhouse\n"),
    ("bundle", "-r", "", "-o", "x"): (
        "--requirement must not be empty\n  name a lock, such as --requirement pylock.toml\n"
    ),
    ("prune", "house", "-r", ""): (
        "--requirement must not be empty\n  name a lock, such as --requirement pylock.toml\n"
    ),
    ("bundle", "-r", "pylock.toml", "-o", "x", "--include", ""): (
        "--include must not be empty\n  name a file or a folder, such as --include app/\n"
    ),
    ("install-check", "-r", "pylock.toml", "--wheels="): (
        "--wheels must not be empty\n  name a folder, such as --wheels wheelhouse\n"
    ),
    ("probe", "--output="): (
        "--output must not be empty\n  name a file, such as --output target.toml\n"
    ),
}


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_what_to_write_instead_is_told(words: tuple[str, ...], tmp_path: Path) -> None:
    make_wheel(tmp_path / "house", "lib")
    result = run_here(*words, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {BAD[words]}"
    assert {path.name for path in tmp_path.iterdir()} == {"house"}


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("check", "house", "--tags", "py3"), 2),
        (("check", "house", "-r", "none.txt"), 2),
        (("targets", "nonsense"), 2),
        (("prune", "house", "-r", "pylock.none.toml"), 2),
        (("lock", "-r", "none.txt"), 2),
        (("lock", "lib ; tags=py3"), 2),
        (("explain", "lib ; tags=py3"), 2),
        (("bundle", "-r", "pylock.none.toml", "-o", "x"), 2),
        (("install-check", "-r", "pylock.none.toml"), 2),
        (("probe", "-o", "house"), 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_input_and_what_cannot_be_done_end_alike(
    words: tuple[str, ...], exit_code: int, tmp_path: Path
) -> None:
    make_wheel(tmp_path / "house", "lib")
    result = run_here(*words, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert "error: " in result.stderr


def test_help_is_shown_beside_a_bad_value(tmp_path: Path) -> None:
    result = run_here("targets", "--kind=os", "--help", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "List the known targets" in result.stdout
