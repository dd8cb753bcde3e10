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
    "redaction pythons nearness demands fixes explanation store transfer lock_names regular_files"
)
READERS = (
    "systems descriptions own_targets catalogue pip_options pip_config requirements inputs "
    "settings foreign cache basis remembered"
)
DECISION = "plan_faults narrowing plan corrections findings"
WORK = (
    "housekeeping folders holding journals placing records state guard stages wheelhouse results "
    "projects answers driver interrupts closure pure unmet delivery reports reading plain explain"
)

ARROWS = {
    "errors": "",
    "limits": "errors",
    "platforms": "errors",
    "abis": "errors platforms",
    "targets": "abis errors platforms",
    "clauses": "",
    "misspellings": "clauses errors",
    "annotations": "clauses errors misspellings",
    "codes": "",
    "legacy": "",
    "markers": "targets",
    "outcome": "",
    "redaction": "",
    "pythons": "",
    "nearness": "pythons targets",
    "demands": "nearness targets",
    "fixes": "demands errors nearness pythons targets",
    "explanation": "demands errors fixes nearness targets",
    "probe_script": "",
    "children": "",
    "temporary": "drafts errors",
    "reserve": "children",
    "permissions": "",
    "digests": "",
    "store": "digests errors permissions",
    "runs": "",
    "toml_text": "",
    "toml_places": "errors",
    "locks": "errors lock_files lock_selection locked toml_text",
    "download_request": "errors",
    "transfer": "digests errors store",
    "lock_names": "",
    "regular_files": "",
    "lock_constraints": "errors lock_names markers toml_places",
    "lock_files": "errors toml_places",
    "locked": "errors lock_files regular_files targets toml_places",
    "network": "limits pip_options transfer",
    "systems": "abis errors",
    "descriptions": "errors",
    "own_targets": "errors settings",
    "catalogue": ("descriptions errors own_targets regular_files systems targets toml_places"),
    "pip_options": "errors",
    "pip_config": "pip_options",
    "requirements": "annotations errors lock_names pip_options",
    "inputs": ("annotations errors lock_constraints lock_names regular_files requirements"),
    "settings": "annotations errors regular_files requirements toml_places",
    "foreign": "errors pip_options targets",
    "basis": ("catalogue inputs outcome own_targets pip_config pip_options requirements settings"),
    "remembered": "digests outcome regular_files runs",
    "cache": "pip_options runs",
    "plan_faults": (
        "abis annotations basis cache catalogue clauses demands descriptions errors "
        "explanation fixes foreign inputs legacy lock_names markers misspellings nearness "
        "outcome own_targets pip_config pip_options platforms pythons redaction "
        "regular_files remembered requirements settings store systems targets transfer"
    ),
    "narrowing": "inputs plan_faults requirements targets",
    "plan": (
        "abis annotations basis cache catalogue clauses demands descriptions errors "
        "explanation fixes foreign inputs legacy lock_names markers misspellings "
        "narrowing nearness outcome own_targets pip_config pip_options plan_faults "
        "platforms pythons redaction regular_files remembered requirements settings store "
        "systems targets transfer"
    ),
    "corrections": "annotations clauses errors misspellings",
    "findings": ("annotations clauses corrections errors plan_faults requirements targets"),
    "lock_selection": "errors lock_files locked markers targets",
    "lock_hashes": "errors lock_constraints results",
    "lock_choice": (
        "download_request errors lock_files lock_names lock_selection locked pip_config "
        "pip_options reading regular_files requirements settings targets toml_places"
    ),
    "connections": "transfer",
    "fetch": "connections digests errors network regular_files store transfer",
    "bringing": (
        "cache digests driver errors fetch housekeeping limits lock_choice locked network "
        "pip_options store transfer wheelhouse"
    ),
    "locked_download": (
        "bringing catalogue delivery download_request fetch interrupts lock_choice locked "
        "outcome reports targets wheelhouse"
    ),
    "guard": "folders holding records",
    "guarding": "children guard",
    "folders": "",
    "holding": "folders",
    "journals": "folders holding",
    "records": "folders holding journals",
    "state": "cache errors folders",
    "placing": "folders journals",
    "stages": ("errors folders guarding holding journals placing records state temporary"),
    "wheelhouse": "digests errors stages",
    "interrupts": "errors",
    "results": "demands nearness plan",
    "projects": "nearness results",
    "answers": (
        "catalogue demands explanation fixes nearness plan plan_faults projects "
        "requirements targets"
    ),
    "driver": "errors limits plan processes reserve results temporary wheelhouse",
    "processes": "interrupts reserve wheelhouse",
    "closure": "errors legacy markers targets",
    "reading": (
        "abis annotations basis cache catalogue clauses demands descriptions driver "
        "errors explanation fixes foreign inputs legacy lock_names markers misspellings "
        "nearness outcome own_targets pip_config pip_options platforms pythons redaction "
        "regular_files remembered requirements settings store systems targets transfer"
    ),
    "pure": "building errors results wheelhouse",
    "verified": "digests errors results",
    "unmet": "demands explanation outcome plan results targets",
    "delivery": (
        "closure digests driver errors interrupts lock_constraints lock_hashes outcome "
        "plan pure results targets unmet verified wheelhouse"
    ),
    "plain": (
        "closure delivery driver errors inputs interrupts outcome pip_options plan "
        "results targets temporary wheelhouse"
    ),
    "joining": "errors interrupts regular_files wheelhouse",
    "housekeeping": "cache errors remembered store",
    "recall": "cache digests errors interrupts outcome remembered store wheelhouse",
    "inquiry": "driver errors plan projects temporary",
    "explain": (
        "answers catalogue delivery errors foreign inputs inquiry interrupts pip_config "
        "pip_options plan projects reading requirements settings"
    ),
    "drafts": "errors records state",
    "reports": "drafts outcome redaction",
    "probe": "catalogue children drafts errors probe_script temporary",
    "wheel_archive": "",
    "wheel_file": "regular_files wheel_archive",
    "check_codes": "",
    "extras": "errors",
    "shortfalls": "legacy markers nearness targets wheel_file",
    "shared_objects": "errors nearness shortfalls targets temporary wheel_archive wheel_file",
    "check_locks": (
        "catalogue download_request errors lock_choice lock_names locked regular_files shortfalls"
    ),
    "check": (
        "catalogue check_locks delivery demands driver errors extras interrupts "
        "pip_options plan reading requirements results settings shared_objects shortfalls "
        "targets temporary wheel_file wheelhouse"
    ),
    "prune": "check_locks digests drafts errors",
    "unpacking": "errors wheel_archive",
    "bundle_plan": "errors unpacking wheel_archive",
    "bundle_files": "drafts errors permissions unpacking",
    "includes": "errors unpacking",
    "components": "digests locks",
    "locked_wheels": (
        "api check_locks digests errors locked locks regular_files wheel_archive wheel_file"
    ),
    "bundle": (
        "bundle_files bundle_plan catalogue compiling components drafts errors extras "
        "includes interrupts locked_wheels locks systems temporary unpacking"
    ),
    "install_check": (
        "bundle_files bundle_plan catalogue children errors extras interrupts "
        "locked_wheels probe shortfalls targets temporary unpacking"
    ),
    "validate": "catalogue drafts errors findings regular_files requirements",
    "listing": "catalogue errors own_targets systems targets",
    "first_look": (
        "children errors inputs lock_names locked pip_config pip_options regular_files "
        "reserve settings"
    ),
    "lock_making": "errors locks plan_faults results targets",
    "lock_inputs": "inputs narrowing pip_options plan requirements targets",
    "lock_changes": "locks",
    "lock_folder": "errors lock_changes locks regular_files toml_places",
    "same_versions": "demands errors plan",
    "lock_resolving": (
        "catalogue delivery driver explanation plan results same_versions wheelhouse"
    ),
    "locking": (
        "cache catalogue delivery errors housekeeping inputs interrupts lock_changes "
        "lock_folder lock_hashes lock_inputs lock_making lock_resolving locks pip_config "
        "pip_options plan reading requirements results settings targets wheelhouse"
    ),
    "building": "children driver processes wheelhouse",
    "compiling": "children errors unpacking",
    "api": (
        "abis annotations answers basis cache catalogue clauses closure codes corrections "
        "delivery demands descriptions download_request driver errors explain explanation "
        "findings fixes folders foreign guard holding housekeeping inputs interrupts "
        "journals legacy lock_names locked_download locking markers misspellings "
        "narrowing nearness outcome own_targets pip_config pip_options placing plain plan "
        "plan_faults platforms projects pure pythons reading records redaction "
        "regular_files remembered reports requirements results settings stages state "
        "store systems targets transfer unmet validate wheelhouse"
    ),
    "render_explanation": "demands explanation",
    "render": "errors explanation outcome redaction render_explanation",
    "render_releases": "answers demands nearness render",
    "render_explain": (
        "answers errors explain explanation redaction render render_explanation render_releases"
    ),
    "render_findings": "findings redaction render validate workflow_commands",
    "workflow_commands": "",
    "render_check": (
        "check install_check redaction render shortfalls wheel_archive workflow_commands"
    ),
    "render_bundle": "bundle render",
    "render_prune": "prune render",
    "cli_errors": "cli_download errors render",
    "cli_options": "cli_pip cli_values download_request",
    "cli_install_check": "cli_errors cli_options cli_values install_check render_check",
    "cli_prune": "cli_errors cli_options cli_values prune render_prune",
    "cli_bundle": "bundle cli_errors cli_options cli_values render_bundle",
    "cli_check": "check cli_errors cli_options render_check",
    "render_targets": "listing own_targets render systems",
    "completion": "catalogue pip_options systems",
    "cli_validate": "render_findings validate",
    "render_lock": "lock_changes redaction render",
    "cli_lock": (
        "cli_download cli_errors cli_options errors lock_changes lock_folder locking "
        "pip_options render render_lock"
    ),
    "cli_values": "catalogue completion errors own_targets",
    "cli_targets": (
        "catalogue cli_errors cli_options cli_values errors listing probe render_targets"
    ),
    "cli_pip": "children cli_values completion",
    "render_merge": "joining render",
    "cli_merge": "cli_errors cli_options cli_values errors joining render render_merge",
    "render_progress": "fetch",
    "render_cache": "housekeeping render",
    "cli_cache": "cache cli_errors cli_options cli_values housekeeping render_cache",
    "cli_download": (
        "api download_request errors first_look locked_download pip_config pip_options "
        "recall remembered render render_progress reports"
    ),
    "cli": (
        "cli_bundle cli_cache cli_check cli_download cli_errors cli_explain "
        "cli_install_check cli_lock cli_merge cli_options cli_pip cli_prune cli_targets "
        "cli_validate cli_values download_request"
    ),
    "cli_explain": ("cli_download cli_errors cli_options cli_values explain render render_explain"),
    "__main__": (
        "cli cli_download cli_validate download_request first_look pip_options reserve runs"
    ),
    "pip_child": "annotations digests errors legacy markers reserve store transfer",
}
"""What each module may import of ours; beside that, all may import the version."""

THIRD_PARTY = {
    "packaging": {
        *GROUND.split(),
        *READERS.split(),
        *DECISION.split(),
        *WORK.split(),
        "check",
        "components",
        "install_check",
        "joining",
        "lock_constraints",
        "lock_files",
        "lock_making",
        "lock_selection",
        "locks",
        "prune",
        "render_explanation",
        "render_releases",
        "same_versions",
        "shortfalls",
        "wheel_file",
    }
    - {"errors", "guard", "store"},
    "auditwheel": {"shared_objects"},
    "cyclonedx": {"components"},
    "elftools": {"shared_objects"},
    "installer": {"unpacking"},
    "packageurl": {"components"},
    "pip": {"pip_child"},
    "platformdirs": {"own_targets", "pip_config", "runs", "state"},
    "typer": {
        "cli",
        "cli_bundle",
        "cli_cache",
        "cli_check",
        "cli_explain",
        "cli_install_check",
        "cli_lock",
        "cli_options",
        "cli_pip",
        "cli_prune",
        "cli_targets",
    },
}
"""Who may import what does not come with Python."""

WRITERS = {
    "__main__",
    "cli",
    "cli_bundle",
    "cli_cache",
    "cli_check",
    "cli_download",
    "cli_errors",
    "cli_explain",
    "cli_install_check",
    "cli_lock",
    "cli_merge",
    "cli_pip",
    "cli_prune",
    "cli_targets",
    "cli_validate",
    "pip_child",
    "probe_script",
    "render",
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
            "wheeltarget.cli.app",
            {"packaging", "pip", "zipfile", "subprocess", "json", "wheeltarget.api"},
            id="command-line",
        ),
        pytest.param(
            "sys",
            "wheeltarget.__main__",
            {"typer", "packaging", "pip", "zipfile", "wheeltarget.cli.app"},
            id="way-in",
        ),
        pytest.param(
            "sys",
            "wheeltarget.cli.validate",
            {
                "typer",
                "packaging",
                "json",
                "wheeltarget.cli.app",
                "wheeltarget.commands.validate.validate",
            },
            id="plain-words-of-validate",
        ),
        pytest.param(
            "sys",
            "wheeltarget.commands.validate.validate",
            {"typer", "packaging", "pip", "wheeltarget.api", "wheeltarget.resolver.pip_runner"},
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
            "wheeltarget.cli.passthrough",
            {"typer", "packaging", "pip", "subprocess", "json", "platformdirs", "wheeltarget.api"},
            id="plain run",
        ),
        pytest.param(
            "sys",
            "wheeltarget.commands.download.from_lock",
            {
                *(
                    "typer",
                    "packaging",
                    "pip",
                    "zipfile",
                    "platformdirs",
                    "wheeltarget.resolver.pip_runner",
                ),
                *("http.client", "email", "json", "optparse", "configparser", "tempfile"),
                *("shutil", "wheeltarget.commands.download.outcome"),
            },
            id="lock",
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
