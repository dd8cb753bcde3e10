"""The layouts of Azure Functions and Google Cloud Functions, as the services read them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import ENTRY, bundle, content, good
from tests.support.cli import ROOT
from tests.support.locked import lock_of
from tests.support.wheels import make_wheel
from wheeltarget.cli.verbs.bundle import BundleLayout
from wheeltarget.commands.bundle.bundle import BundleRequest
from wheeltarget.commands.bundle.layouts import LAYOUTS, installed_size
from wheeltarget.errors import UsageError
from wheeltarget.targets.names import systems_called

SOURCE = "GOOGLE_FUNCTION_SOURCE"
SITE = ".python_packages/lib/site-packages/"


@pytest.fixture
def own(house: Path) -> Path:
    """Return a folder with a function."""
    folder = house.parent / "own"
    folder.mkdir()
    (folder / "main.py").write_text("import lib\n")
    return folder


def test_the_command_line_has_every_layout() -> None:
    assert [each.value for each in BundleLayout] == list(LAYOUTS)
    assert all(systems_called(each.service) for each in LAYOUTS.values() if each.service)


def test_the_page_has_every_layout() -> None:
    page = (ROOT / "docs" / "bundle.md").read_text("utf-8")
    for name, place in LAYOUTS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `--layout {name}` |"))
        assert (f"`{place.site}`" in row) == bool(place.site)


def test_another_layout() -> None:
    with pytest.raises(UsageError, match="'zip' is not a layout"):
        BundleRequest("pylock.toml", output=Path("out"), layout="zip")


def test_azure(house: Path, own: Path) -> None:
    make_wheel(house, "lib", files=ENTRY)
    options = ("--layout=azure", "--include=own/", "--scripts")
    said = good(bundle(house, *options)).stderr
    assert said == (
        "note: host.json is not in the root of the bundle, and Azure Functions needs it there\n"
    )
    (own / "host.json").write_text("{}")
    assert not good(bundle(house, *options)).stderr
    there = content(house.parent / "out.zip")
    names = {name for name in there if ".dist-info/" not in name}
    assert names == {"main.py", "host.json", f"{SITE}lib.py", "bin/run"}
    record = there[f"{SITE}lib-1.0.dist-info/RECORD"].decode()
    assert {line.split(",")[0] for line in record.splitlines()} >= {"lib.py", "../../../bin/run"}


def test_azure_app_finds_its_modules(house: Path, own: Path) -> None:
    """With the search path of the worker: the modules, then the root."""
    make_wheel(
        house, "lib", files={"lib.py": b"import importlib.metadata as m\nV = m.version('lib')"}
    )
    (own / "main.py").write_text("import lib\nprint(lib.V)\n")
    good(bundle(house, "--layout=azure", "--include=own/", to="out"))
    script = "import sys; sys.path[:0] = sys.argv[1:]; import main"
    command = [sys.executable, "-S", "-E", "-c", script, SITE, "."]
    done = subprocess.run(
        command, cwd=house.parent / "out", capture_output=True, text=True, check=True
    )
    assert done.stdout == "1.0\n"


def test_gcf_is_what_the_build_installs(house: Path, own: Path) -> None:
    """With the options of Google's build: no index, vendored wheels, and hashes."""
    wheels = [make_wheel(house, "lib"), make_wheel(house, "functions-framework", "3.9")]
    (own / "requirements.txt").write_text("lib\n")
    result = good(bundle(house, "--layout=gcf", "--include=own/", "--format=json", to="out"))
    out = house.parent / "out"
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        *("main.py", "requirements.txt", *(f"vendor/{wheel.name}" for wheel in wheels))
    }
    hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    assert (out / "requirements.txt").read_text() == (
        f"functions-framework==3.9 --hash=sha256:{hashes[1]}\nlib==1.0 --hash=sha256:{hashes[0]}\n"
    )
    assert json.loads(result.stdout)["notes"] == [
        f"{own / 'requirements.txt'} is replaced by requirements.txt for the wheels in the bundle",
        "deploy it with --set-build-env-vars GOOGLE_VENDOR_PIP_DEPENDENCIES=vendor",
    ]
    options = ["--requirement=requirements.txt", "--upgrade", "--upgrade-strategy=only-if-needed"]
    more = ["--force-reinstall", "--no-compile", "--no-index", "--find-links=vendor"]
    python = [sys.executable, "-m", "pip", "--isolated", "install", "--target=../site"]
    done = subprocess.run([*python, *options, *more], cwd=out, capture_output=True, check=True)
    assert b"functions-framework-3.9 lib-1.0" in done.stdout


def test_gcf_says_what_is_lacking(house: Path) -> None:
    make_wheel(house, "lib")
    said = good(bundle(house, "--layout=gcf")).stderr
    assert said.splitlines() == [
        "note: the lock does not have functions-framework, without which the build fails",
        f"note: main.py is not in the root of the bundle; the build needs it, or {SOURCE}",
        "note: deploy it with --set-build-env-vars GOOGLE_VENDOR_PIP_DEPENDENCIES=vendor",
    ]


@pytest.mark.parametrize("option", ["--slim", "--scripts", "--compile"])
def test_gcf_keeps_wheels_whole(house: Path, option: str) -> None:
    make_wheel(house, "lib")
    result = bundle(house, "--layout=gcf", option)
    said = f"error: --layout gcf has the wheels as they are, without {option}\n"
    assert (result.exit_code, result.stderr.startswith(said)) == (2, True)
    assert not (house.parent / "out.zip").exists()


@pytest.mark.parametrize(
    ("layout", "limits"), [("azure", (1 << 30, None)), ("gcf", (100 << 20, 500 << 20))]
)
def test_limits(house: Path, layout: str, limits: tuple[int, int | None]) -> None:
    make_wheel(house, "lib")
    said = json.loads(good(bundle(house, "--format=json", f"--layout={layout}")).stdout)
    assert (said["zipped_limit"], said["limit"]) == limits


def test_gcf_counts_what_is_installed(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels may be small, but what the build makes of them is not."""
    wheel = make_wheel(house, "lib", files={"lib/zeros": bytes(5_000_000)})
    package = lock_of(("lib", "1.0", "0" * 64)).packages[0]
    assert 5_000_000 < installed_size([(package, wheel)]) < 5_002_000
    name = "wheeltarget.commands.bundle.bundle.installed_size"
    monkeypatch.setattr(name, lambda _: 105 * installed_size([(package, wheel)]))
    said = good(bundle(house, "--layout=gcf")).stderr
    assert (
        "note: the projects have 500.7 MB when they are installed, but the service allows 500 MB "
        "in a 1st gen function\n" in said
    )


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("layout", ["azure", "gcf"])
def test_the_same_bytes_each_time(house: Path, layout: str) -> None:
    make_wheel(house, "lib")
    make_wheel(house, "other")
    options = (f"--layout={layout}", "--include=own/", "--store")
    good(bundle(house, *options))
    first = (house.parent / "out.zip").read_bytes()
    good(bundle(house, *options))
    assert (house.parent / "out.zip").read_bytes() == first
