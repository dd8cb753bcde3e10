"""The import arrows between the modules of wheeltarget, and what else each may reach."""

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

GROUND = (
    "errors platforms abis targets clauses misspellings annotations markers legacy outcome "
    "redaction nearness demands fixes explanation store"
)
READERS = (
    "systems descriptions own_targets catalogue pip_options pip_config requirements inputs "
    "settings foreign cache basis remembered"
)
DECISION = "plan_faults narrowing plan corrections findings"
WORK = (
    "housekeeping guard wheelhouse results driver interrupts closure pure delivery reports reading "
    "plain"
)

ARROWS = {
    # Ground floor: words and values
    "errors": "",
    "platforms": "errors",
    "abis": "platforms errors",
    "targets": "abis platforms errors",
    "clauses": "",
    "misspellings": "clauses errors",
    "annotations": "misspellings clauses errors",
    "codes": "",
    "legacy": "",
    "markers": "targets",
    "outcome": "",
    "redaction": "",
    "nearness": "targets",
    "demands": "nearness targets",
    "fixes": "demands nearness targets errors",
    "explanation": "demands fixes nearness targets errors",
    "probe_script": "",
    "store": "errors",
    "download_request": "",
    # First floor: readers
    "systems": "abis errors",
    "descriptions": "errors",
    "own_targets": "settings errors",
    "catalogue": "systems descriptions own_targets targets errors",
    "pip_options": "errors",
    "pip_config": "pip_options errors",
    "requirements": "annotations pip_options errors",
    "inputs": "requirements annotations pip_options errors",
    "settings": "requirements annotations errors",
    "foreign": "pip_options targets errors",
    "basis": ("catalogue inputs outcome own_targets pip_config pip_options requirements settings"),
    "remembered": "download_request outcome",
    "cache": "pip_options",
    # Second floor: the decision
    "plan_faults": f"{GROUND} {READERS}",
    "narrowing": "plan_faults inputs requirements targets",
    "plan": f"plan_faults narrowing {GROUND} {READERS}",
    "corrections": "annotations misspellings clauses errors",
    "findings": "corrections plan_faults requirements annotations clauses targets errors",
    # Third floor: the work
    "guard": "",
    "wheelhouse": "guard errors",
    "interrupts": "errors",
    "results": "plan demands nearness",
    "driver": "plan results wheelhouse interrupts errors",
    "closure": "targets markers legacy errors",
    "reading": f"driver {GROUND} {READERS}",
    "pure": "driver results wheelhouse errors",
    "delivery": (
        "plan demands explanation targets results driver closure pure wheelhouse interrupts "
        "outcome errors"
    ),
    "plain": (
        "plan results driver closure delivery wheelhouse interrupts outcome targets inputs "
        "pip_options errors"
    ),
    "joining": "wheelhouse interrupts errors",
    "housekeeping": "cache remembered store errors",
    "recall": "cache remembered store wheelhouse interrupts download_request outcome errors",
    "drafts": "errors",
    "reports": "drafts outcome redaction errors",
    "probe": "probe_script catalogue drafts errors",
    "validate": "findings catalogue requirements errors",
    "listing": "catalogue own_targets systems targets errors",
    "first_look": "inputs pip_config pip_options settings errors",
    # Top: the face
    "api": f"{GROUND} {READERS} {DECISION} {WORK} codes validate download_request",
    "render_explanation": "explanation demands",
    "render": "outcome reports redaction render_explanation errors",
    "render_findings": "render redaction validate findings errors",
    "render_targets": "listing own_targets systems",
    "completion": "catalogue systems pip_options",
    "cli_validate": "render_findings validate",
    "cli_values": "completion catalogue own_targets errors",
    "cli_targets": "cli_values listing render_targets render catalogue probe errors",
    "render_merge": "joining render",
    "cli_merge": "cli_values joining render_merge render errors",
    "render_cache": "housekeeping render",
    "cli_cache": "cli_values housekeeping render_cache render cache errors",
    "cli_download": (
        "api render recall remembered cache first_look pip_config pip_options download_request "
        "errors"
    ),
    "cli": (
        "cli_cache cli_merge cli_targets cli_values cli_validate cli_download download_request "
        "completion"
    ),
    "__main__": "cli_validate cli_download cli first_look pip_options download_request",
    # Apart: what runs inside pip's process
    "pip_child": GROUND,
}
"""What each module may import of ours; beside that, all may import the version."""

THIRD_PARTY = {
    "packaging": {
        *GROUND.split(),
        *READERS.split(),
        *DECISION.split(),
        *WORK.split(),
        "api",
        "joining",
        "render_explanation",
    }
    - {"errors", "guard", "store"},
    "platformdirs": {"pip_config", "own_targets", "cache"},
    "typer": {"cli", "cli_cache", "cli_merge", "cli_targets"},
    "pip": {"pip_child"},
}
"""Who may import what does not come with Python."""

WRITERS = {
    "render",
    "cli",
    "cli_targets",
    "cli_cache",
    "cli_merge",
    "cli_download",
    "cli_validate",
    "__main__",
    "pip_child",
    "probe_script",
}
"""Who may write to standard output and standard error; in the child they are pip's, and the
script of the probe is a program of its own."""


@cache
def sources() -> dict[str, tuple[str, ast.Module]]:
    """Read every module: its room and its syntax tree by its name below ``wheeltarget``."""
    found = {}
    for path in sorted(HOME.rglob("*.py")):
        parts = path.relative_to(HOME).with_suffix("").parts
        found[".".join(parts)] = parts[0], ast.parse(path.read_text("utf-8"))
    return found


@cache
def rooms() -> tuple[str, ...]:
    """List the modules, with the package for pip's process as one of them."""
    return tuple(dict.fromkeys(room for room, _ in sources().values() if room != "__init__"))


def trees(room: str) -> Iterator[ast.Module]:
    """Give the syntax trees of a room."""
    return (tree for each, tree in sources().values() if each == room)


def imported(tree: ast.Module) -> Iterator[str]:
    """Give the full name of everything that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrows"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(room: str) -> set[str]:
    """Give the rooms that a room imports."""
    names = [name.split(".") for tree in trees(room) for name in imported(tree)]
    found = {name[1] for name in names if name[0] == "wheeltarget" and len(name) > 1}
    return found - {room, "__version__"}


def foreign(room: str) -> set[str]:
    """Give what a room imports that comes neither from us nor with Python."""
    tops = {name.partition(".")[0] for tree in trees(room) for name in imported(tree)}
    return tops - sys.stdlib_module_names - {"wheeltarget", "__future__"}


def test_every_module_has_its_place() -> None:
    assert set(rooms()) == set(ARROWS)


@pytest.mark.parametrize("room", ARROWS)
def test_module_imports_what_it_may(room: str) -> None:
    assert ours(room) - set(ARROWS[room].split()) == set()


@pytest.mark.parametrize("room", ARROWS)
def test_module_imports_of_others_what_it_may(room: str) -> None:
    assert {name for name in foreign(room) if room not in THIRD_PARTY.get(name, ())} == set()


def test_no_arrow_leads_into_the_child() -> None:
    assert [room for room in rooms() if "pip_child" in ours(room)] == []


def test_arrows_lead_downwards_only() -> None:
    """Take away what imports nothing that is left, until nothing is left: so there is no cycle."""
    left = {room: ours(room) for room in rooms()}
    while free := {room for room, below in left.items() if not below & left.keys()}:
        left = {room: below for room, below in left.items() if room not in free}
    assert left == {}


def test_no_cycle_within_the_child() -> None:
    left = {}
    for name, (room, tree) in sources().items():
        if room == "pip_child":
            below = {
                full.removeprefix("wheeltarget.").rpartition(".")[0] for full in imported(tree)
            }
            left[name] = below - {name, "pip_child"}
    assert len(left) > 1
    while free := {name for name, below in left.items() if not below & left.keys()}:
        left = {name: below for name, below in left.items() if name not in free}
    assert left == {}


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


@pytest.mark.parametrize("room", sorted(ARROWS.keys() - WRITERS))
def test_module_writes_nothing(room: str) -> None:
    assert [line for tree in trees(room) for line in written_to(tree)] == []


def test_writing_is_noticed() -> None:
    code = "import sys\nsys.stdout.flush()\nsys.stderr.write('')\nf(file=sys.stdout)\nprint()\n"
    assert sorted(written_to(ast.parse(code))) == [3, 4, 5]


@pytest.mark.parametrize("name", sorted(sources()))
def test_module_can_be_taken_in(name: str) -> None:
    path = HOME.joinpath(*name.split(".")).with_suffix(".py")
    assert len(path.read_text("utf-8").splitlines()) <= 400


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
            "wheeltarget.cli",
            {"packaging", "pip", "zipfile", "subprocess", "json", "wheeltarget.api"},
            id="command-line",
        ),
        pytest.param(
            "sys",
            "wheeltarget.__main__",
            {"typer", "packaging", "pip", "zipfile", "wheeltarget.cli"},
            id="way-in",
        ),
        pytest.param(
            "sys",
            "wheeltarget.cli_validate",
            {"typer", "packaging", "json", "wheeltarget.cli", "wheeltarget.validate"},
            id="plain-words-of-validate",
        ),
        pytest.param(
            "sys",
            "wheeltarget.validate",
            {"typer", "packaging", "pip", "wheeltarget.api", "wheeltarget.driver"},
            id="validate",
        ),
        pytest.param(
            "sys",
            "wheeltarget.render_findings",
            {"typer", "packaging", "pip", "wheeltarget.api", "wheeltarget.driver"},
            id="findings",
        ),
        pytest.param(
            "sys",
            "wheeltarget.first_look",
            {"typer", "packaging", "pip", "subprocess", "json", "platformdirs", "wheeltarget.api"},
            id="plain run",
        ),
        pytest.param("sys", "wheeltarget.api", {"typer", "packaging", "pip"}, id="program"),
        pytest.param("sys", "wheeltarget.pip_child.__main__", {"packaging", "pip"}, id="child"),
    ],
)
def test_what_takes_long_is_loaded_when_it_is_needed(
    before: str, module: str, too_much: set[str]
) -> None:
    new = loaded(before, module)
    assert module in new
    assert new & too_much == set()
