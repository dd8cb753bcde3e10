"""The options of all commands: alike where they are the same, and what a bad value is told."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from typer.core import TyperCommand

from tests.support.here import run_here
from tests.support.wheels import make_wheel
from wheeltarget.cli import app
from wheeltarget.cli.app import Command

DIFFERENT = {
    "--all": "every release, or every tag",
    "--format": "what kind of file a lock is; elsewhere, how the result is written",
    "--output": "where a lock, a bundle or a description goes",
    "--python": "an interpreter, or a version",
    "--requirement": "locks, or requirements files",
}
"""The options that more than one command has, and that are not the same in all of them."""


def each_command() -> Iterator[Any]:
    """Return every command, those of a group of commands among them."""
    for verb in app.VERBS:
        made: Any = typer.main.get_command(app.make_verb(verb))
        yield from made.commands.values() if hasattr(made, "commands") else (made,)


def test_the_same_option_is_declared_once() -> None:
    declared = defaultdict(list)
    for command in each_command():
        for each in command.params:
            told = (tuple(each.opts), each.metavar, each.help, each.rich_help_panel)
            name = each.opts[0] if each.param_type_name == "option" else each.metavar
            declared[name].append(told)
    shared = {name for name, all_told in declared.items() if len(all_told) > 1}
    assert {"--tags", "--target", "--jobs", "--quiet", "--wheels", "REQUIREMENT…"} <= shared
    assert {name for name in shared if len(set(declared[name])) > 1} == {*DIFFERENT}


def test_no_help_has_brackets() -> None:
    # Rich would read them as markup, and show nothing of what is in them.
    helps = [each.help for command in each_command() for each in command.params if each.help]
    assert len(helps) > 50
    assert [text for text in helps if "[" in text] == []


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
        "--layout must be flat, lambda, lambda-layer, azure or gcf, not 'zip'\n"
    ),
    ("targets", "--kind", "own", "--kind", "os"): (
        "--kind must be service, distribution, image, desktop, mobile, browser or own, not 'os'\n"
    ),
    ("targets", ""): ("NAME must not be empty\n  write it like debian-12-python3.11-x86_64\n"),
    ("validate", "requirements.txt", ""): (
        "FILE must not be empty\n  write it like requirements.txt\n"
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
        "--report must not be empty\n  write it like --report report.json\n"
    ),
    ("lock", "lib", "-o", ""): ("--output must not be empty\n  write it like --output locks\n"),
    ("bundle", "-r", "pylock.toml", "-o", ""): (
        "--output must not be empty\n  write it like --output bundle.zip\n"
    ),
    ("bundle", "-r", "pylock.toml", "-o", "x", "--components="): (
        "--components must not be empty\n  write it like --components components.json\n"
    ),
    ("merge", "house", "-d", ""): ("--dest must not be empty\n  write it like --dest wheelhouse\n"),
    ("prune", "house", "-r", "pylock.toml", "--to="): (
        "--to must not be empty\n  write it like --to stick\n"
    ),
    ("prune", "", "-r", "pylock.toml"): ("DIR must not be empty\n  write it like wheelhouse\n"),
    ("check", "house", ""): ("DIR|FILE must not be empty\n  write it like wheelhouse\n"),
    ("merge", "", "-d", "both"): ("DIR must not be empty\n  write it like wheelhouse\n"),
    ("bundle", "-r", "requirements.txt", "-o", "x", "--lock="): (
        "--lock must not be empty\n  write it like --lock pylock.toml\n"
    ),
    ("prune", "house", "-r", ""): (
        "--requirement must not be empty\n  write it like --requirement pylock.toml\n"
    ),
    ("bundle", "-r", "pylock.toml", "-o", "x", "--include", ""): (
        "--include must not be empty\n  write it like --include app/\n"
    ),
    ("install-check", "-r", "pylock.toml", "--wheels="): (
        "--wheels must not be empty\n  write it like --wheels wheelhouse\n"
    ),
    ("probe", "--output="): ("--output must not be empty\n  write it like --output target.toml\n"),
}


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_what_to_write_instead_is_told(arguments: tuple[str, ...], tmp_path: Path) -> None:
    make_wheel(tmp_path / "house", "lib")
    result = run_here(*arguments, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {BAD[arguments]}"
    assert {path.name for path in tmp_path.iterdir()} == {"house"}


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
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
    arguments: tuple[str, ...], exit_code: int, tmp_path: Path
) -> None:
    make_wheel(tmp_path / "house", "lib")
    result = run_here(*arguments, cwd=tmp_path)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert "error: " in result.stderr


def test_help_is_shown_beside_a_bad_value(tmp_path: Path) -> None:
    result = run_here("targets", "--kind=os", "--help", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "List the known targets" in result.stdout


@pytest.mark.parametrize("verb", [verb for verb in app.VERBS if verb != "cache"])
def test_plain_values_are_read_as_typer_itself_would(verb: str) -> None:
    """What our reader takes over is what Typer makes of the same declarations."""
    arguments = {
        "download": [
            "--tags",
            "a",
            "--jobs=2",
            "--report=x",
            "--format=json",
            "--dry-run",
            "-q",
            "b",
        ],
        "lock": ["--output", "x", "-P", "a", "--format=requirements", "--check", "b", "-r", "c"],
        "explain": ["--all", "--target=x", "--target", "y", "--format", "json", "b"],
        "validate": ["--format=github", "--fix", "-q", "a", "b"],
        "check": ["a", "-r", "b", "-c", "c", "--audit", "--format=junit"],
        "install-check": ["-r", "a", "--wheels=b", "--python", "c"],
        "bundle": ["-r", "a", "-o", "b", "--layout", "lambda", "--include=c", "--compile"],
        "pack": ["-o", "a", "--since=b", "--since", "c", "--jobs=2", "--no-pip", "d", "-r", "e"],
        "prune": ["a", "-r", "b", "--to", "c", "--list"],
        "merge": ["a", "b", "-d", "c", "--quiet"],
        "targets": ["a", "--kind", "image", "--kind=own", "--python", "3.9", "--all"],
        "probe": ["--python", "a", "--json", "-o", "b"],
    }[verb]
    assert call(verb, arguments) == call(verb, arguments, ours=False)
    assert call(verb, arguments)


def call(verb: str, arguments: list[str], *, ours: bool = True) -> dict[str, Any]:
    """Return what the function of a verb is called with."""
    made = app.make_verb(verb)
    parsed: list[dict[str, Any]] = []
    (info,) = made.registered_commands
    function: Any = info.callback

    @functools.wraps(function)
    def take(*_: object, **values: Any) -> None:
        parsed.append(values)

    info.callback = take
    parse = Command.parse_args if ours else TyperCommand.parse_args
    with mock.patch.object(Command, "parse_args", parse), pytest.raises(SystemExit) as ended:
        made(arguments, prog_name="x")
    assert ended.value.code == 0
    (values,) = parsed
    return {name: value for name, value in values.items() if name != "context"}


def test_a_verb_is_found_in_the_list_of_all(tmp_path: Path) -> None:
    result = run_here("--", "targets", "--kind=browser", "--python=3.13", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Browsers\n")


def test_list_of_all(tmp_path: Path) -> None:
    result = run_here("--help", cwd=tmp_path, variables={"COLUMNS": "200"})
    for verb, summary in app.VERBS.items():
        assert f" {verb} " in result.stdout
        assert summary in result.stdout


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        ((), "--version"),
        (("validate",), "--fix"),
        (("targets",), "--no-retired"),
        (("bundle",), "--compile"),
        (("cache",), "--help"),
        (("cache", "clear"), "--help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_help_shows_no_type_beside_a_flag(
    arguments: tuple[str, ...], flag: str, tmp_path: Path
) -> None:
    result = run_here(*arguments, "--help", cwd=tmp_path, variables={"COLUMNS": "200"})
    (line,) = (line for line in result.stdout.splitlines() if f" {flag} " in line)
    assert "bool" not in line.lower()
    assert "<bool>" not in result.stdout
