"""The protocol of pip's child process: job file in; results, messages and exit code out."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.child import LINUX, WINDOWS, Job, Workshop
from tests.support.cli import environment, names
from tests.support.index import LocalIndex, Stall
from tests.support.moved_pip import Edit, move_pip
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.pip_child import __name__ as CHILD  # noqa: N812 - it is the name of a package
from wheeltarget.pip_protocol import NO_ROOM, SCHEMA, ChosenFile, Demand, Failure, JobReport

pytestmark = pytest.mark.seams

PIP = tuple(int(number) for number in version("pip").split(".")[:2])
QUIET = ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off"]
HOST = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """Return a workshop beside the folder ``wheelhouse``, like the parent's."""
    home = tmp_path / "home"
    home.mkdir()
    return Workshop(home / ".hidden-stage", home / "wheelhouse")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return the folder that the index serves."""
    return tmp_path / "index"


def online(index: LocalIndex, *words: str) -> list[str]:
    """Return the options for the index, followed by arguments."""
    return [*QUIET, *index.pip_args(), *words]


def wheels_fetched(index: LocalIndex) -> list[str]:
    """Return the requested wheels, in the order of the requests."""
    paths = [request.path for request in index.requests]
    return [path.rpartition("/")[2] for path in paths if path.endswith(".whl")]


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def later_pip(folder: Path, code: str = "") -> dict[str, str]:
    """Return variables with which Python runs code at its start, and pip has a later version.

    Only a pip that is none of those known is tried out before it is used.
    """
    edit = Edit("", f'__version__ = "{version("pip")}"', '__version__ = "99.9"')
    path = move_pip(folder, [edit])
    with (folder / "sitecustomize.py").open("a") as file:
        file.write(code)
    return {"PYTHONPATH": path}


def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until a condition is true, as it is at once on an idle machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


# What was chosen


@pytest.fixture
def guarded(shelf: Path) -> Iterator[LocalIndex]:
    """Serve an application and its dependencies, with a password."""
    make_wheel(
        shelf,
        "Some.App",
        requires=["lib>=1", 'turbo ; extra == "fast"', 'never ; sys_platform == "win32"'],
        extras=["fast", "slow"],
    )
    make_wheel(shelf, "lib", "1.5rc1", requires_python=">=3.8")
    make_wheel(shelf, "turbo", "2.0", tag="cp39-cp39-manylinux_2_28_x86_64", requires=["lib"])
    with LocalIndex(shelf, username="me", password="secret") as index:  # noqa: S106 - it is a test
        index.yank("lib-1.5rc1-py3-none-any.whl", "it bites")
        index.yank("turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl")
        yield index


def with_password(index: LocalIndex) -> list[str]:
    """Return the options for the index with the credentials in its URL."""
    _, url, *rest = index.pip_args()
    return [*QUIET, "--index-url", url.replace("://", "://me:secret@"), *rest]


def test_result_says_everything_of_every_file(
    shop: Workshop, guarded: LocalIndex, shelf: Path
) -> None:
    words = [*with_password(guarded), "some_app[fast]==1.0", "turbo==2", "lib==1.5rc1"]
    native = "turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl"
    run = shop.run(Job(words))
    assert run.exit_code == 0
    assert run.sentence is None
    report = run.report(0)
    assert replace(report, chosen=()) == JobReport(0, "all")
    # The order is pip's own, and not promised.
    assert sorted(report.chosen, key=lambda file: file.name) == [
        ChosenFile(
            name="lib",
            version="1.5rc1",
            path=shop.files(0) / "lib-1.5rc1-py3-none-any.whl",
            url=f"{guarded.base}/files/lib-1.5rc1-py3-none-any.whl",
            index=f"{guarded.base}/simple/lib/",
            requested=True,
            extras=(),
            parents=(None, "some-app", "turbo"),
            yanked="it bites",
            requires_python=">=3.8",
            hashes=(("sha256", sha256(shelf / "lib-1.5rc1-py3-none-any.whl")),),
        ),
        ChosenFile(
            name="some-app",
            version="1.0",
            path=shop.files(0) / "some_app-1.0-py3-none-any.whl",
            url=f"{guarded.base}/files/some_app-1.0-py3-none-any.whl",
            index=f"{guarded.base}/simple/some-app/",
            requested=True,
            extras=("fast",),
            parents=(None,),
            yanked=None,
            hashes=(("sha256", sha256(shelf / "some_app-1.0-py3-none-any.whl")),),
            requires=(
                "lib>=1",
                'turbo ; extra == "fast"',
                'never ; sys_platform == "win32"',
            ),
        ),
        ChosenFile(
            name="turbo",
            version="2.0",
            path=shop.files(0) / native,
            url=f"{guarded.base}/files/{native}",
            index=f"{guarded.base}/simple/turbo/",
            requested=True,
            extras=(),
            parents=(None, "some-app"),
            yanked="",
            hashes=(("sha256", sha256(shelf / native)),),
            requires=("lib",),
        ),
    ]
    assert names(shop.files(0)) == [
        "lib-1.5rc1-py3-none-any.whl",
        "some_app-1.0-py3-none-any.whl",
        "turbo-2.0-cp39-cp39-manylinux_2_28_x86_64.whl",
    ]
    assert "secret" not in shop.folder.joinpath("0-result.json").read_text()


def test_what_only_others_need_is_not_requested(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib", requires=["app"])
    app, lib = shop.run(Job(online(index, "app"))).files(0)
    assert (app.name, app.requested, app.parents) == ("app", True, (None, "lib"))
    assert (lib.name, lib.requested, lib.parents) == ("lib", False, ("app",))


def test_file_from_a_folder_of_links_has_no_index(shop: Workshop, shelf: Path) -> None:
    wheel = make_wheel(shelf, "app")
    (file,) = shop.run(Job([*QUIET, "--no-index", f"--find-links={shelf}", "app"])).files(0)
    assert (file.index, file.url) == (None, wheel.as_uri())


def test_file_given_by_its_url_has_no_index(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    wheel = make_wheel(shelf, "app")
    url = f"{index.base}/files/{wheel.name}"
    typed = f"app @ {url.replace('://', '://me:secret@')}#sha256={sha256(wheel)}"
    (file,) = shop.run(Job(online(index, typed))).files(0)
    assert (file.index, file.url) == (None, url)


def test_result_says_which_hashes_the_user_allows(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    allowed = (("sha256", sha256(make_wheel(shelf, "app"))), ("sha256", "0" * 64))
    line = " ".join(["app==1.0", *(f"--hash={name}:{value}" for name, value in allowed)])
    run = shop.run(Job(online(index, "-r", "a.txt"), files={"a.txt": line}))
    assert run.exit_code == 0
    (file,) = run.files(0)
    assert sorted(file.accepts) == sorted(allowed)


def test_result_says_which_dependencies_were_wanted(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    app = make_wheel(shelf, "app", requires=["lib"]).name
    lib = make_wheel(shelf, "lib").name
    options: list[list[str]] = [["--no-deps"], ["--only-deps"], []]
    run = shop.run(*(Job(online(index, *option, "app")) for option in options))
    said = [run.report(number).dependencies for number in range(3)]
    if PIP >= (26, 2):
        assert said == ["none", "only", "all"]
        assert [run.names(number) for number in range(3)] == [[app], [lib], [app, lib]]
        return
    # An older pip refuses the option in its own words.
    assert said == ["none", "all", "all"]
    assert [run.names(number) for number in range(3)] == [[app], [], [app, lib]]
    assert run.results[1] == JobReport(2, "all")
    assert "no such option: --only-deps" in run.stderr


# Several jobs in one child


@pytest.fixture
def choosy(shelf: Path) -> Path:
    """Add projects to the index that are different in each environment."""
    needs = [
        *(f'only-{name} ; sys_platform == "{name}"' for name in ("linux", "win32")),
        *(f'only-py{py} ; python_version == "{py}"' for py in ("3.8", "3.9", HOST)),
        f'only-full ; python_full_version == "{LINUX.python}"',
    ]
    make_wheel(shelf, "app", requires=needs)
    for name in ("linux", "win32", "py3.8", "py3.9", f"py{HOST}", "full"):
        make_wheel(shelf, f"only-{name}")
    # The newest one that fits is taken, so each tag has a version of its own.
    make_wheel(shelf, "native", "1")
    make_wheel(shelf, "native", "2", tag=WINDOWS.tags[0])
    make_wheel(shelf, "native", "3", tag=LINUX.tags[0])
    make_wheel(shelf, "native", "4", requires_python=f">={HOST}")
    # And of one version the wheel with the better tag.
    make_wheel(shelf, "ranked")
    make_wheel(shelf, "ranked", tag=LINUX.tags[0])
    return shelf


def test_each_job_of_a_child_sees_its_own_target(
    shop: Workshop, index: LocalIndex, choosy: Path
) -> None:
    assert choosy.is_dir()
    typed = [f'only-full ; python_version == "{HOST}"', "app", "native", "ranked"]
    words = online(index, *typed)
    jobs = [Job(words, LINUX), Job(words, None), Job(words, WINDOWS), Job(words, LINUX)]
    run = shop.run(*jobs)
    assert run.exit_code == 0
    linux = [
        "app-1.0-py3-none-any.whl",
        "native-3-cp39-cp39-manylinux_2_28_x86_64.whl",
        "only_full-1.0-py3-none-any.whl",
        "only_linux-1.0-py3-none-any.whl",
        "only_py3_9-1.0-py3-none-any.whl",
        "ranked-1.0-cp39-cp39-manylinux_2_28_x86_64.whl",
    ]
    here = [
        "app-1.0-py3-none-any.whl",
        "native-4-py3-none-any.whl",
        "only_full-1.0-py3-none-any.whl",
        *([f"only_{sys.platform}-1.0-py3-none-any.whl"] if sys.platform != "darwin" else []),
        f"only_py{HOST.replace('.', '_')}-1.0-py3-none-any.whl",
        "ranked-1.0-py3-none-any.whl",
    ]
    windows = [
        "app-1.0-py3-none-any.whl",
        "native-2-cp38-cp38-win_amd64.whl",
        "only_py3_8-1.0-py3-none-any.whl",
        "only_win32-1.0-py3-none-any.whl",
        "ranked-1.0-py3-none-any.whl",
    ]
    assert [run.names(number) for number in range(4)] == [linux, here, windows, linux]
    assert [names(shop.files(number)) for number in range(4)] == [linux, here, windows, linux]


def test_failing_job_does_not_stop_the_next(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "app", "missing")), Job(online(index, "app")))
    assert run.exit_code == 0
    report = run.report(0)
    said = (
        "ERROR: Could not find a version that satisfies the requirement missing "
        "(from versions: none)"
    )
    failure = Failure(
        demands=(Demand("missing", "missing", ""),),
        files=(("missing", ()),),
        places=(("missing", (f"{index.url}missing/",)),),
    )
    assert report == JobReport(1, "all", failure=failure, messages=(said,))
    assert said not in run.stderr
    assert "No matching distribution found for missing" in run.stderr
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]


def test_command_line_that_pip_refuses_does_not_stop_the_next(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "--no-such-option")), Job(online(index, "app")))
    assert run.exit_code == 0
    assert run.results[0] == JobReport(2, "all")
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("password", [False, True], ids=["open", "guarded"])
def test_file_of_an_earlier_job_is_not_fetched_again(
    shop: Workshop, index: LocalIndex, shelf: Path, guarded: LocalIndex, password: bool
) -> None:
    words = with_password(guarded) if password else online(index)
    asked = guarded if password else index
    jobs = [Job([*words, "lib==1.5rc1"], target) for target in (LINUX, None, WINDOWS)]
    run = shop.run(*jobs)
    assert [run.names(number) for number in range(3)] == [["lib-1.5rc1-py3-none-any.whl"]] * 3
    assert wheels_fetched(asked) == ["lib-1.5rc1-py3-none-any.whl"]
    assert [path.read_bytes() for path in sorted(shop.folder.glob("working/*/*.whl"))] == [
        (shelf / "lib-1.5rc1-py3-none-any.whl").read_bytes()
    ] * 3
    # It names a file in the destination, where nothing is as yet.
    assert "already downloaded" not in run.stdout


def test_variables_that_are_unset_are_back_for_the_next_job(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    variables = {"PIP_PLATFORM": "plan9_mips", "PIP_ABI": "nine"}
    words = online(index, "app")
    jobs = [
        Job(words, unset=["PIP_PLATFORM", "PIP_ABI", "PIP_NEVER_HEARD_OF"]),
        Job(words, None, unset=["PIP_ABI"]),
    ]
    run = shop.run(*jobs, variables=variables)
    assert run.names(0) == ["app-1.0-py3-none-any.whl"]
    assert run.results[1] == JobReport(1, "all")
    assert "When restricting platform and interpreter constraints" in run.stderr


# Requirements files


def test_files_say_what_the_job_file_says(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", "1")
    make_wheel(shelf, "app", "2")
    make_wheel(shelf, "lib")
    home = shop.destination.parent
    (home / "reqs.txt").write_text("on-disk ; tags=cp39-cp39-win_amd64\n")
    nested = home / "more" / "nested.txt"
    files = {
        "reqs.txt": "\n\napp \\\n  >=1\n-r more/nested.txt\n",
        str(nested): "# nothing\nlib\n",
        "limits.txt": "\napp < 2\n",
    }
    words = online(index, "-r", "reqs.txt", "-c", "limits.txt")
    run = shop.run(Job(words, files=files), Job(words, files={**files, "limits.txt": ""}))
    assert run.names(0) == ["app-1-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert run.names(1) == ["app-2-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    said = " ".join(run.stdout.split())
    assert "Collecting app>=1 (from -r reqs.txt (line 3))" in said
    assert f"Collecting lib (from -r {nested} (line 2))" in said


def test_complaints_are_those_of_the_original_file(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "lib")
    wrong = {
        "\n\nlib\nnot a requirement\n": "(from line 4 of reqs.txt)",
        "lib\n\n-r more.txt\n": f"'{shop.destination.parent / 'more.txt'}'",
        "\nlib\n--no-such\n": "no such option: --no-such",
    }
    words = online(index, "-r", "reqs.txt")
    run = shop.run(*(Job(words, files={"reqs.txt": content}) for content in wrong))
    assert run.results == (JobReport(1, "all"),) * 3
    said = " ".join(run.stderr.split())
    assert [complaint for complaint in wrong.values() if complaint not in said] == []


@pytest.mark.parametrize("plain", [False, True], ids=["seen", "plain"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param("\napp ; tags=cp39-cp39-win_amd64\n", 2, id="clause"),
        pytest.param("app\n# target=host\n", 2, id="default"),
    ],
)
def test_clause_in_a_file_that_pip_fetches_is_refused(
    shop: Workshop, index: LocalIndex, shelf: Path, plain: bool, content: str, line: int
) -> None:
    make_wheel(shelf, "app")
    url = index.add_file("reqs.txt", content.encode()).replace("://", "://me:secret@")
    run = shop.run(Job(online(index, "-r", url), None if plain else LINUX), plain=plain)
    assert f"ERROR: line {line} of {url.replace('me:secret', 'me:****')} " in run.stderr
    assert run.exit_code == (1 if plain else 0)
    assert names(shop.destination) == []
    assert wheels_fetched(index) == []


def test_file_that_pip_fetches_and_that_has_no_clause_is_read(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "target-tags")
    url = index.add_file("reqs.txt", b"# tags and target are words\ntarget-tags\n")
    run = shop.run(Job(online(index, "-r", url)))
    assert run.names(0) == ["target_tags-1.0-py3-none-any.whl"]


# Existing files


def test_file_in_the_destination_is_linked(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    there = make_wheel(shop.destination, "lib")
    run = shop.run(Job(online(index, "app")), Job(online(index, "app"), WINDOWS))
    for number in range(2):
        found = shop.files(number) / "lib-1.0-py3-none-any.whl"
        assert found.samefile(there)
    assert wheels_fetched(index) == ["app-1.0-py3-none-any.whl"]
    assert f"File was already downloaded {there}" in run.stdout
    assert names(shop.destination) == ["lib-1.0-py3-none-any.whl"]


def test_other_content_in_the_destination_is_fetched_anew(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    right = make_wheel(shelf, "app")
    there = make_wheel(shop.destination, "app", files={"other.py": b""})
    wrong = there.read_bytes()
    run = shop.run(Job(online(index, "app")), Job(online(index, "app"), WINDOWS))
    # It is said, and fetched, once.
    assert run.stderr.count(f"Previously-downloaded file {there} has bad hash") == 1
    assert wheels_fetched(index) == [there.name]
    for number in range(2):
        assert (shop.files(number) / there.name).read_bytes() == right.read_bytes()
        assert run.names(number) == [there.name]
    assert there.read_bytes() == wrong


def test_link_in_the_destination_is_followed(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path
) -> None:
    right = make_wheel(shelf, "app")
    store = make_wheel(tmp_path / "store", "app")
    shop.destination.mkdir()
    (shop.destination / right.name).symlink_to(store)
    shop.run(Job(online(index, "app")))
    found = shop.files(0) / right.name
    assert not found.is_symlink()
    assert found.read_bytes() == right.read_bytes()
    assert wheels_fetched(index) == []


# Messages


@pytest.mark.parametrize(
    ("names_there", "requirement"),
    [
        pytest.param([], "app", id="fetched"),
        pytest.param(["lib"], "app", id="kept"),
        pytest.param([], "missing", id="missing"),
    ],
)
def test_messages_never_name_the_working_folder(
    shop: Workshop, index: LocalIndex, shelf: Path, names_there: list[str], requirement: str
) -> None:
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    for name in names_there:
        make_wheel(shop.destination, name)
    words = online(index, "-vvv", f"--log={shop.destination.parent / 'log'}", requirement)
    run = shop.run(Job(words), Job(words, None))
    log = (shop.destination.parent / "log").read_text()
    assert run.stdout.count("Resolving for the target") == 2
    for text in (run.stdout, run.stderr, log):
        assert "working" not in text
        assert "Saved" not in text
        assert "Successfully downloaded" not in text


def test_error_that_pip_did_not_expect_does_not_name_the_working_folder(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    # Where pip looks for a file of an earlier run, it finds a folder.
    (shop.files(0) / wheel.name).mkdir(parents=True)
    run = shop.run(Job(online(index, "app")))
    assert run.results == (JobReport(1, "all"),)
    assert f"Is a directory: '{shop.destination / wheel.name}'" in run.stderr
    assert "working" not in run.stderr


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_project_from_a_checkout_is_not_reported_as_saved(shop: Workshop, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    backend = (
        "import pathlib\n"
        "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "    info = pathlib.Path(folder, 'checked_out-1.0.dist-info')\n"
        "    info.mkdir()\n"
        "    (info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: checked-out\\n'\n"
        "                                   'Version: 1.0\\n')\n"
        "    return info.name\n"
        "def build_wheel(*args, **named): raise SystemExit\n"
    )
    (project / "backend.py").write_text(backend)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.invalid"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run([*git, *words], cwd=project, check=True)
    words = [*QUIET, "--no-index", f"checked-out @ git+{project.as_uri()}"]
    run = shop.run(Job(words, None))
    assert run.names(0) == names(shop.files(0)) == ["checked-out-1.0.zip"]
    assert "Saved" not in run.stdout
    assert "working" not in run.stdout + run.stderr


def test_verbosity_is_that_of_pip(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "-q", "app")))
    assert (run.stdout, run.stderr) == ("", "")
    assert run.names(0) == ["app-1.0-py3-none-any.whl"]


# What pip is not let do


@pytest.mark.parametrize("target", [LINUX, None], ids=["target", "host"])
def test_legacy_resolver_is_refused(
    shop: Workshop, index: LocalIndex, shelf: Path, target: None
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(Job(online(index, "--use-deprecated=legacy-resolver", "app"), target))
    assert run.results == (JobReport(1, "all"),)
    assert "legacy resolver" in run.stderr
    assert index.requests == ()


@pytest.mark.parametrize("typed", [False, True], ids=["dependency", "typed"])
def test_what_is_not_known_of_the_target_decides_nothing(
    shop: Workshop, index: LocalIndex, shelf: Path, typed: bool
) -> None:
    markers = {
        "never": 'platform_version >= "10" and os_name == "nt"',
        "always": 'platform_version >= "10" or os_name == "posix"',
        "unknown": 'platform_version >= "10"',
    }
    jobs = []
    for name, marker in markers.items():
        requirement = f"lib ; {marker}"
        make_wheel(shelf, name, requires=[] if typed else [requirement])
        jobs.append(Job(online(index, name, *([requirement] if typed else [])), label="that one"))
    lib = make_wheel(shelf, "lib").name
    run = shop.run(*jobs)
    assert run.names(0) == ["never-1.0-py3-none-any.whl"]
    assert run.names(1) == ["always-1.0-py3-none-any.whl", lib]
    assert run.results[2] == JobReport(1, "all")
    requirement = f"lib{'' if typed else ', required by unknown 1.0'}"
    (said,) = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
    assert said.startswith(f"ERROR: {requirement}: its marker ")
    assert 'platform_version >= "10"' in said
    assert " that one" in said
    assert index.count("unknown-1.0-py3-none-any.whl") == 0


def test_pip_that_runs_elsewhere_has_not_done_the_job(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "app")
    run = shop.run(
        Job(online(index, "app")),
        Job(online(index, "app"), unset=["PIP_PYTHON"]),
        variables={"PIP_PYTHON": sys.executable},
    )
    assert run.exit_code == 0
    assert run.results[0] == JobReport(1, "all")
    assert "in this interpreter" in run.stderr
    assert run.names(1) == ["app-1.0-py3-none-any.whl"]


def test_source_distribution_is_nothing_for_a_target(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_sdist(shelf, "app", "2")
    make_wheel(shelf, "app", "1")
    run = shop.run(Job(online(index, "app")))
    assert run.names(0) == ["app-1-py3-none-any.whl"]


# Plain


@pytest.mark.parametrize(
    ("requirement", "exit_code", "fetched"),
    [
        pytest.param("app", 0, ["app-1.0-py3-none-any.whl"], id="good"),
        pytest.param("missing", 1, [], id="failing"),
    ],
)
def test_plain_is_pip_with_the_content_of_files(
    shop: Workshop,
    index: LocalIndex,
    shelf: Path,
    requirement: str,
    exit_code: int,
    fetched: list[str],
) -> None:
    make_wheel(shelf, "app")
    shop.destination.mkdir()
    files = {"reqs.txt": f"\n{requirement}\n"}
    run = shop.run(Job(online(index, "-r", "reqs.txt"), None, files), plain=True)
    assert run.exit_code == exit_code
    assert run.results == (None,)
    assert run.sentence is None
    assert names(shop.destination) == fetched
    assert names(shop.folder) == ["job.json"]
    assert "Resolving for" not in run.stdout
    assert ("Successfully downloaded app" in run.stdout) == (not exit_code)
    assert ("Saved ./wheelhouse/app-1.0-py3-none-any.whl" in run.stdout) == (not exit_code)


# Requests that are not understood


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema": SCHEMA + 1}, id="schema"),
        pytest.param({"kind": "Sing"}, id="kind"),
        pytest.param({"kind": "JobReport"}, id="not-a-request"),
        pytest.param({"connections": "many"}, id="value"),
        pytest.param({"colour": "red"}, id="field"),
    ],
)
def test_request_that_is_not_understood_ends_in_a_sentence(
    shop: Workshop, index: LocalIndex, change: dict[str, object]
) -> None:
    command = shop.write(Job(online(index, "app")))
    shop.job_file.write_text(json.dumps(json.loads(shop.job_file.read_text()) | change))
    done = forks.run(command, cwd=shop.destination.parent, env=environment(), timeout=60)
    run = shop.outcome(1, done.returncode, done.stdout, done.stderr)
    assert (run.exit_code, run.stdout, run.stderr, run.results) == (70, "", "", (None,))
    assert run.sentence is not None
    assert "seem to be different versions" in run.sentence
    assert index.requests == ()


# Interrupts


def interrupted(
    shop: Workshop,
    *jobs: Job,
    when: Callable[[], bool],
    prefix: tuple[str, ...] = (),
    plain: bool = False,
) -> tuple[int, str]:
    """Start the child, interrupt it when a condition is true, and wait for it."""
    with subprocess.Popen(
        [*prefix, *shop.write(*jobs, plain=plain)],
        cwd=shop.destination.parent,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        wait(when)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)
    return child.returncode, stderr


posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@posix
def test_interrupt_ends_the_job_and_begins_no_other(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    make_wheel(shelf, "other")
    index.fault(wheel.name, Stall(60))
    jobs = [Job(online(index, "app")), Job(online(index, "other"))]
    exit_code, stderr = interrupted(shop, *jobs, when=lambda: index.count(wheel.name) > 0)
    run = shop.outcome(2, exit_code, "", stderr)
    assert run.exit_code == 130
    assert run.results == (
        JobReport(1, "all"),
        None,
    )
    assert "Operation cancelled by user" in stderr
    assert "Traceback" not in stderr


@posix
def test_interrupted_plain_run_ends_as_pip_does(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    index.fault(wheel.name, Stall(60))
    job = Job(online(index, "app"), None)
    exit_code, stderr = interrupted(shop, job, when=lambda: index.count(wheel.name) > 0, plain=True)
    assert exit_code == 1
    assert stderr == "ERROR: Operation cancelled by user\n"


@posix
def test_interrupt_that_the_parent_ignores_is_ignored(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    wheel = make_wheel(shelf, "app")
    index.fault(wheel.name, Stall(0.5))
    exit_code, _ = interrupted(
        shop,
        Job(online(index, "app")),
        when=lambda: index.count(wheel.name) > 0,
        prefix=("sh", "-c", 'trap "" INT; exec "$@"', "sh"),
    )
    assert exit_code == 0
    assert shop.outcome(1, 0, "", "").names(0) == [wheel.name]


INTERRUPTING = """
import os, signal, sys
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
"""


@posix
@pytest.mark.parametrize(
    "module",
    [
        pytest.param("pip._internal.models.target_python", id="while-patching"),
        pytest.param("pip._internal.network.session", id="while-proving"),
    ],
)
def test_interrupt_before_the_first_job_begins_none(
    shop: Workshop, index: LocalIndex, shelf: Path, tmp_path: Path, module: str
) -> None:
    make_wheel(shelf, "app")
    variables = later_pip(tmp_path, INTERRUPTING.format(module=module))
    run = shop.run(Job(online(index, "app")), variables=variables)
    assert (run.exit_code, run.results, run.sentence) == (130, (None,), None)
    assert run.stderr == ""
    assert index.requests == ()


# The proof is a run of its own


@pytest.mark.parametrize(
    ("settings", "exit_code", "complaint"),
    [
        pytest.param({"PIP_TIMEOUT": "no number"}, 3, "no number", id="no-number"),
        pytest.param({"PIP_CONSTRAINT": "no-such-file"}, 1, "no-such-file", id="constraint"),
        pytest.param({"PIP_REQUIRE_HASHES": "1"}, 1, "require-hashes", id="hashes"),
        pytest.param(
            {
                "PIP_CONFIG_FILE": "pip.conf",
                "PIP_NO_BINARY": ":all:",
                "PIP_NO_DEPS": "1",
                "FORCE_COLOR": "1",
                "COLUMNS": "20",
                "LC_ALL": "C",
                "TMPDIR": "a b#c%20é[x]@~",
            },
            0,
            "",
            id="harmless",
        ),
    ],
)
def test_settings_of_the_user_are_for_the_job_and_not_for_the_trial(
    shop: Workshop,
    index: LocalIndex,
    shelf: Path,
    tmp_path: Path,
    settings: dict[str, str],
    exit_code: int,
    complaint: str,
) -> None:
    make_wheel(shelf, "app")
    home = shop.destination.parent
    of_the_user = tmp_path / "config" / "pip" / "pip.conf"
    of_the_user.parent.mkdir(parents=True)
    for file in (home / "pip.conf", of_the_user):
        file.write_text("[download]\nno-deps = true\n[global]\nfind-links = /no\n")
    (home / "a b#c%20é[x]@~").mkdir()
    paths = {"PIP_CONFIG_FILE", "TMPDIR"}
    variables = {n: str(home / v) if n in paths else v for n, v in settings.items()}
    run = shop.run(Job(online(index, "app")), variables=variables | later_pip(tmp_path))
    assert (run.exit_code, run.sentence) == (0, None)
    assert run.report(0).exit_code == exit_code
    assert complaint in run.stdout + run.stderr
    assert run.names(0) == ([] if exit_code else ["app-1.0-py3-none-any.whl"])
    # Nothing of the trial is left.
    assert names(home / "a b#c%20é[x]@~") == []


FULL = """
import errno, os, pathlib, shutil, tempfile
def write(*_arguments, **_named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
"""


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("tempfile.mkdtemp = write", id="before-the-trial"),
        pytest.param("shutil.copy = pathlib.Path.write_bytes = write", id="in-the-trial"),
    ],
)
def test_full_disk_is_not_the_fault_of_pip(
    shop: Workshop, index: LocalIndex, tmp_path: Path, broken: str
) -> None:
    run = shop.run(Job(online(index, "app")), variables=later_pip(tmp_path, FULL + broken))
    assert (NO_ROOM[run.exit_code], run.sentence) == ("ENOSPC", None)
    assert run.stderr == "", "whoever made the folder names it"
    assert index.requests == ()


def test_child_is_run_as_a_module() -> None:
    # The driver has it in quotes, where no renaming would find it.
    assert CHILD == "wheeltarget.pip_child"
