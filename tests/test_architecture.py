"""Who may write to the standard streams, and what is loaded only when it is needed.

Which folder may import which is checked by import-linter; see pyproject.toml.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import wheeltarget
from tests.support.cli import environment

HOME = Path(wheeltarget.__file__).parent

WRITERS = {
    "__main__",
    "cli",
    "commands.pack.choose_target",
    "commands.probe.probe_script",
    "pip_child",
}
"""Who may write to standard output and standard error; in the child they are pip's, and the scripts
for other machines are programs of their own."""


@cache
def sources() -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its name below ``wheeltarget``."""
    return {
        ".".join(path.relative_to(HOME).with_suffix("").parts): ast.parse(path.read_text("utf-8"))
        for path in sorted(HOME.rglob("*.py"))
    }


def is_writer(name: str) -> bool:
    """Return whether a module may write to the standard streams."""
    return any(f"{name}.".startswith(f"{writer}.") for writer in WRITERS)


def written_to(tree: ast.Module) -> Iterator[int]:
    """Give the line of every use of a standard stream, but for emptying its buffer."""
    flushed = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "flush"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"}:
            if ast.unparse(node).startswith("sys.") and id(node) not in flushed:
                yield node.lineno
        elif isinstance(node, ast.Name) and node.id in {"print", "input", "breakpoint"}:
            yield node.lineno


@pytest.mark.parametrize("name", [name for name in sources() if not is_writer(name)])
def test_module_writes_nothing(name: str) -> None:
    assert list(written_to(sources()[name])) == []


def test_writing_is_noticed() -> None:
    code = "import sys\nsys.stdout.flush()\nsys.stderr.write('')\nf(file=sys.stdout)\nprint()\n"
    assert sorted(written_to(ast.parse(code))) == [3, 4, 5]


def loaded(before: str, module: str) -> set[str]:
    """Import a module in a fresh interpreter, after another one, and give what that loads."""
    script = (
        f"import sys\nimport {before}\nold = set(sys.modules)\nimport {module}\n"
        "print(*(set(sys.modules) - old))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("before", "module", "too_much"),
    [
        pytest.param(
            "typer",
            "wheeltarget.cli.app",
            {"packaging", "pip", "zipfile", "subprocess", "wheeltarget.api"},
            id="command-line",
        ),
        pytest.param(
            "sys",
            "wheeltarget.__main__",
            {"typer", "packaging", "pip", "zipfile", "wheeltarget.cli.app"},
            id="way-in",
        ),
        pytest.param(
            "typer",
            "wheeltarget.cli.verbs.download",
            {
                "packaging",
                "pip",
                "wheeltarget.requirements.parser",
                "wheeltarget.resolver.plan",
            },
            id="a lock's way in",
        ),
        pytest.param(
            "sys",
            "wheeltarget.cli.repeat",
            {"typer", "packaging", "pip", "optparse", "tomllib", "wheeltarget.cli.app"},
            id="known-run",
        ),
        pytest.param(
            "sys",
            "wheeltarget.commands.validate.validate",
            {"typer", "pip", "wheeltarget.api", "wheeltarget.resolver.pip_runner"},
            id="validate",
        ),
        pytest.param(
            "sys",
            "wheeltarget.cli.output.findings",
            {"typer", "packaging", "pip", "wheeltarget.api", "wheeltarget.resolver.pip_runner"},
            id="findings",
        ),
        pytest.param(
            "sys",
            "wheeltarget.commands.invocation",
            {"typer", "packaging", "pip", "subprocess", "json", "wheeltarget.api"},
            id="plain run",
        ),
        pytest.param(
            "sys",
            "wheeltarget.commands.download.from_lock",
            {
                *("typer", "pip", "zipfile", "http.client", "email"),
                *("wheeltarget.resolver.plan", "wheeltarget.resolver.pip_runner"),
                "wheeltarget.pip_protocol",
            },
            id="lock",
        ),
        pytest.param("sys", "wheeltarget.api", {"typer", "pip"}, id="program"),
        pytest.param("sys", "wheeltarget.pip_child.__main__", {"packaging", "pip"}, id="child"),
    ],
)
def test_what_takes_long_is_loaded_when_it_is_needed(
    before: str, module: str, too_much: set[str]
) -> None:
    new = loaded(before, module)
    assert module in new
    assert new & too_much == set()
