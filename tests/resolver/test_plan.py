"""Which requirements and constraints are for which target, and which contradict each other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import download, names, wheeltarget
from tests.support.index import LocalIndex
from tests.support.output import files_by_target
from tests.support.projects import make_project
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.errors import Fault, Location
from wheeltarget.pip_config.options import split_command_line
from wheeltarget.requirements.parser import SourceLine, parse_typed, read_inputs
from wheeltarget.resolver.plan import Job, constraints_for, make_plan, pin_faults
from wheeltarget.targets.catalog import host, look_up
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.target import Target, target_from_tag

OLD = "cp36-cp36m-manylinux1_x86_64"
NEW = "cp36-cp36m-manylinux2014_x86_64"
OTHER = "cp39-cp39-manylinux2014_x86_64"


def narrowed(text: str, tag: str = NEW) -> tuple[list[int], dict[str, tuple[str, ...]]]:
    """Return the lines that apply to a target, and the wheels that they allow."""

    def read(_name: str) -> tuple[bytes, bool]:
        return text.encode(), True

    inputs = read_inputs(
        (), [("c.txt", True)], read=read, read_nested=read, environment=lambda _: None
    )
    assert inputs.faults == ()
    found = {name: look_up(name.key, name.text, "") or host() for name in inputs.named}
    constraints = constraints_for(target(tag), inputs.entries, found)
    return sorted(line.number for line in constraints.lines), dict(constraints.allowed_tags)


def target(tag: str) -> Target:
    return target_from_tag(tag, newest_pythons())


class TestDecision:
    """Constraints for one target, without an index."""

    def test_no_clause(self) -> None:
        assert narrowed("a<2\nb\n") == ([1, 2], {})

    def test_narrower(self) -> None:
        lines, left = narrowed(f"A.b ; tags={OLD}\n")
        assert lines == [1]
        # In the target's order, and exactly what the narrower one takes.
        assert set(left["a-b"]) == set(target(OLD).tags)
        assert list(left["a-b"]) == [tag for tag in target(NEW).tags if tag in left["a-b"]]
        assert not any("2014" in tag or "2_17" in tag for tag in left["a-b"])

    @pytest.mark.parametrize("tag", [OTHER, "cp36-cp36m-manylinux_2_28_x86_64", "cp36-cp36m-win32"])
    def test_another_environment(self, tag: str) -> None:
        assert narrowed(f"a<2 ; tags={tag}\nb\n") == ([2], {})

    def test_the_same_environment(self) -> None:
        assert narrowed(f"a<2 ; tags={NEW}\n") == ([1], {})

    def test_several_tags_add_up(self) -> None:
        other = "cp36-cp36m-manylinux_2_12_x86_64"
        _, left = narrowed(f"a ; tags={OLD},{other},{OTHER}\n")
        assert set(left["a"]) == set(target(other).tags)

    def test_several_lines_cut_down(self) -> None:
        lines, left = narrowed(f"a ; tags={OLD}\na<3 ; tags=py36-none-any\n")
        assert lines == [1, 2]
        assert set(left["a"]) == set(target("py36-none-any").tags)

    def test_default_of_the_file(self) -> None:
        lines, left = narrowed(f"a\n# tags={OLD}\nb\nc # tags={OTHER}\n")
        assert lines == [1, 3]
        assert list(left) == ["b"]

    def test_marker(self) -> None:
        lines, left = narrowed(
            f"a ; python_version>'3.6' ; tags={OLD}\nb ; os_name=='posix' # tags={OLD}\n"
        )
        assert lines == [1, 2]
        assert list(left) == ["b"]

    def test_path(self) -> None:
        assert narrowed(f"./a.whl # tags={OLD}\n") == ([1], {})


@pytest.fixture
def here(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the wheels
    """Return a working directory; the index has ``app``, which requires ``native``, for all."""
    shelf = tmp_path / "index"
    make_wheel(shelf, "app", requires=["native"])
    make_wheel(shelf, "native", "1.0", tag="cp36-abi3-manylinux1_x86_64")
    make_wheel(shelf, "native", "2.0", tag="cp36-abi3-manylinux2014_x86_64")
    make_sdist(shelf, "native", "3.0")
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.mark.seams
class TestRuns:
    """With a run of pip."""

    def test_anywhere_in_the_tree(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"native ; tags={OLD}\n")
        arguments = ["-c", "c.txt", f"app ; tags={NEW},{OTHER}"]
        result = download(index, *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        found = files_by_target(result.stdout)
        assert "native-1.0-cp36-abi3-manylinux1_x86_64.whl" in found[NEW]
        assert "native-2.0-cp36-abi3-manylinux2014_x86_64.whl" in found[OTHER]

    def test_line_holds_for_its_environment_alone(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"native<2 ; tags={NEW}\nnative!=3  # tags={OTHER}\n")
        result = download(index, "-cc.txt", f"app ; tags={NEW},{OTHER}", cwd=here)
        assert result.exit_code == 0, result.stderr
        found = files_by_target(result.stdout)
        assert "native-1.0-cp36-abi3-manylinux1_x86_64.whl" in found[NEW]
        assert "native-2.0-cp36-abi3-manylinux2014_x86_64.whl" in found[OTHER]

    def test_idle_one_is_told(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"native<2 ; tags={OTHER}\n")
        result = download(index, "-cc.txt", f"app ; tags={NEW}", cwd=here)
        assert result.exit_code == 0
        note = "note: c.txt:1:1: the constraint native<2 applies to no target of this run\n"
        assert note in result.stderr

    def test_what_a_constraint_leaves_is_nothing(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"native>=2 ; tags={OLD}\n")
        result = download(index, "-cc.txt", f"app ; tags={NEW}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert names(here) == ["c.txt"]

    def test_wheel_by_its_place_is_judged_too(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"native ; tags={OLD}\n")
        name = "native-2.0-cp36-abi3-manylinux2014_x86_64.whl"
        url = f"{index.base}/files/{name}"
        result = download(index, "-cc.txt", f"native @ {url} ; tags={NEW}", cwd=here)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{name} is excluded by a constraint's tags" in result.stderr
        assert names(here) == ["c.txt"]

    def test_for_this_interpreter(self, index: LocalIndex, here: Path, tmp_path: Path) -> None:
        """A clause that matches this interpreter applies without any target."""
        shelf = tmp_path / "index"
        make_wheel(shelf, "choice", "1.0")
        make_wheel(shelf, "choice", "2.0", tag=host().tags[0])
        python = host().tags[0].partition("-")[0].replace("cp", "py")
        (here / "c.txt").write_text(f"choice ; tags={python}-none-any\napp<1 ; tags={OTHER}\n")
        result = download(index, "-cc.txt", "choice", "app", "--no-deps", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == [
            "app-1.0-py3-none-any.whl",
            "choice-1.0-py3-none-any.whl",
        ]

    def test_for_no_target_of_a_plain_run(self, index: LocalIndex, here: Path) -> None:
        (here / "c.txt").write_text(f"app<1 ; tags={OTHER}\n")
        result = download(index, "-cc.txt", "app", "--no-deps", cwd=here)
        assert result.exit_code == 0, result.stderr
        assert "Successfully downloaded app\n" in result.stdout
        note = "c.txt:1:1: the constraint app<1 applies to no target of this run"
        assert result.stderr.splitlines()[-1] == f"note: {note}"

    @pytest.mark.parametrize("arguments", [(), ("--quiet",)])
    def test_default_of_the_file_is_for_no_target_of_a_plain_run(
        self, index: LocalIndex, here: Path, arguments: tuple[str, ...]
    ) -> None:
        """Pip itself would apply the lines of such a file to all targets."""
        (here / "c.txt").write_text(f"# tags={OTHER}\napp<1\n")
        result = download(index, "-cc.txt", "app", "--no-deps", *arguments, cwd=here)
        assert result.exit_code == 0, result.stderr
        assert names(here / "wheelhouse") == ["app-1.0-py3-none-any.whl"]
        assert ("to no target of this run" in result.stderr) == (not arguments)


def lines(*requirements: str) -> list[SourceLine]:
    typed = (parse_typed(n, text) for n, text in enumerate(requirements, 1))
    return [line for line in typed if isinstance(line, SourceLine)]


class TestPins:
    """One project at two versions for one target."""

    @pytest.mark.parametrize(
        ("requirements", "message"),
        [
            (("lib==1", "Lib==1.0"), ""),
            (("lib==1", "lib>1"), ""),
            (("lib==1.*", "lib==2.*"), ""),
            (("lib==1", "lib==1+local"), ""),
            (("lib==1 ; os_name == 'nt'", "lib==2"), ""),
            (("lib==1 ; platform_release == '5'", "lib==2"), ""),
            (("lib==1,==2",), "lib is pinned to 2 and to 1, both for "),
            (("L.b==1", "l-b===2"), "l-b is pinned to 2 here and to 1 in <command line>:1:1"),
        ],
    )
    def test_faults(self, requirements: tuple[str, ...], message: str) -> None:
        faults = list(pin_faults(target(NEW), lines(*requirements)))
        assert [fault.code for fault in faults] == ["WT302"] * bool(message)
        assert all(fault.message.startswith(message) for fault in faults)

    @given(st.lists(st.sampled_from(["1", "1.0", "2", "2+x", "3"]), max_size=5))
    def test_each_version_that_contradicts_an_earlier_one(self, versions: list[str]) -> None:
        found = list(pin_faults(target(NEW), lines(*(f"lib=={each}" for each in versions))))
        releases = [version[0] for version in versions]
        expected = [n for n, each in enumerate(releases) if set(releases[:n]) - {each}]
        numbers = [fault.location.line - 1 for fault in found if fault.location]
        assert numbers == expected


def faults_of(
    text: str, *options: str, exists: Collection[str] = (), locks: bool = False
) -> list[Fault]:
    """Return the faults of a requirements file for one target."""

    def read(_name: str) -> tuple[bytes, bool]:
        return f"# tags={NEW}\n{text}\n".encode(), True

    inputs = read_inputs(
        (), [("r.txt", False)], read=read, read_nested=read, environment=lambda _: None
    )
    assert inputs.faults == ()
    _, faults = make_plan(
        inputs, split_command_line(options), look_up, (), locks=locks, exists=exists.__contains__
    )
    return list(faults)


@pytest.mark.parametrize(
    "text",
    [
        "lib @ git+https://x.invalid/lib",
        "https://x.invalid/lib-1.0.tar.gz",
        "https://x.invalid/lib-1.0-py3-none-win32.whl#sha256=",
        "-e git+https://x.invalid/x#egg=lib",
        "./lib-1.0.zip",
        "lib==1\nLib==2",
    ],
)
def test_requirement_that_is_left_out_has_no_faults(text: str) -> None:
    assert len(faults_of(text)) == 1
    assert faults_of(f"other # exclude=l?b\n{text}") == []


WINDOWS, LINUX = 'sys_platform == "win32"', 'sys_platform == "linux"'


class TestBuilt:
    """What would have to be built."""

    @pytest.mark.parametrize("locks", [False, True])
    @pytest.mark.parametrize(
        "line",
        [
            "lib @ git+https://x.invalid/lib",
            "git+https://x.invalid/lib ",
            "https://x.invalid/lib-1.0.tar.gz ",
            "lib[x] @ https://x.invalid/lib.zip",
            "./lib",
            "../lib-1.0.zip",
            "lib @ file:///src/lib",
            "-e 'lib @ git+https://x.invalid/lib'",
            "-e 'lib @ file:///src/lib'",
        ],
    )
    def test_markers_are_looked_at_first(self, line: str, *, locks: bool) -> None:
        there = {"./lib", "../lib-1.0.zip", "/src/lib"}
        end = "'" * line.endswith("'")
        start = line.removesuffix(end)
        for exists in (there, ()):
            assert faults_of(f"{start} ; {WINDOWS}{end}", exists=exists, locks=locks) == []
        (fault,) = faults_of(f"{start} ; {LINUX}{end}", exists=there, locks=locks)
        assert fault.message.startswith("this is a")
        (unmarked,) = faults_of(line, exists=there, locks=locks)
        assert unmarked.message == fault.message

    @pytest.mark.parametrize("marker", ["nonsense", 'platform_release == "5"'])
    def test_pip_reports_other_markers(self, marker: str) -> None:
        found = faults_of(f"git+https://x.invalid/lib ; {marker}")
        assert [fault.message[:9] for fault in found] == ["this is a"] * (marker == "nonsense")

    @pytest.mark.parametrize(
        ("line", "what", "hint"),
        [
            ("certifi @ file:///croot/certifi_1/certifi", "folder /croot/", "certifi==…; in"),
            ("x @ file:///a%20b/x-1.0.whl#sha256=00", "file /a b/x-1.0.whl ", "x==…"),
            ("./package", "folder ./package", "begins at the working directory"),
            ("./package[dev] ; " + LINUX, "folder ./package does", "begins at the working"),
            ("sub/x-1.0.tar.gz", "file sub/x-1.0.tar.gz", "begins at the working directory"),
            ("-e ./package", "folder ./package", "begins at the working directory"),
            ("-e package", "folder package", "begins at the working directory"),
            ("/package", "folder /package does not exist", ""),
            ("x @ file:../package", "folder ../package", "x==…; in"),
            ("file:package", "folder package", "begins at the working directory"),
            ("x @ FILE:sub/x-1.0-py3-none-any.whl", "file sub/x-1.0-py3-none-any.whl", "x==…"),
        ],
    )
    def test_what_does_not_exist(self, line: str, what: str, hint: str) -> None:
        (fault,) = faults_of(line)
        assert fault.message.startswith(f"the {what}")
        assert fault.message.endswith(" does not exist")
        assert hint in fault.hint
        assert "--allow-sdist" not in fault.hint
        assert fault.location == Location("r.txt", 2)

    @pytest.mark.parametrize(
        "line", ["./${NAME}", "file:${X}", "app", "x @ https://x.invalid/x.whl"]
    )
    def test_what_is_not_known_to_be_missing(self, line: str) -> None:
        assert not any("does not exist" in fault.message for fault in faults_of(line))

    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://x.invalid/other_lib-1.0-py3-none-any.whl#sha256=00", "other-lib"),
            ("https://x.invalid/a%6Dp-1.0%2B1-1-py3-none-any.whl?x=1", "amp"),
            ("file:amp-1.0-py3-none-any.whl", "amp"),
        ],
    )
    def test_wheel_of_another_project(self, url: str, name: str) -> None:
        path = "amp-1.0-py3-none-any.whl"
        (fault,) = faults_of(f"app[x] @ {url}", exists={path})
        assert fault.message.endswith(".whl is not a wheel of app")
        assert fault.hint.startswith(f"write {name} @ …")
        assert fault.location == Location("r.txt", 2)
        assert faults_of(f"app @ {url} ; {WINDOWS}", exists={path}) == []
        assert faults_of(f"{name.title().replace('-', '_')} @ {url}", exists={path}) == []

    @pytest.mark.parametrize("version", ["9" * 5000, "1.0.post" + "1" * 4301, "1!" + "0" * 2000])
    @pytest.mark.parametrize("more", ["", " --hash=sha256:00"])
    def test_version_with_too_many_digits(self, version: str, more: str) -> None:
        (fault,) = faults_of(f"app=={version}{more}\napp==1{more}")
        assert fault.message == "a number has more than 1000 digits"
        assert fault.location == Location("r.txt", 2)

    @pytest.mark.parametrize("options", [("--require-hashes",), ()])
    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("lib @ git+https://x.invalid/lib", "lib @ https://…/COMMIT.zip, with --hash"),
            ("lib @ file:///src/lib", "lib @ file:///…/lib-….whl, with --hash"),
            ("-e ./lib", "NAME @ file:///…/NAME-….whl, with --hash"),
        ],
    )
    def test_what_has_no_hash_if_hashes_are_required(
        self, line: str, hint: str, options: tuple[str, ...]
    ) -> None:
        more = "" if options else "\napp==1 --hash=sha256:00"
        (fault,) = faults_of(f"{line}{more}", *options, exists={"/src/lib", "./lib"})
        assert fault.message.endswith("which has no hash to check")
        assert fault.hint.endswith(hint)

    def test_hash_of_a_source_if_hashes_are_required(self) -> None:
        line = "lib @ https://x.invalid/lib.zip"
        (fault,) = faults_of(line, "--require-hashes")
        assert fault.hint.startswith("--allow-sdist lib keeps")
        assert "add --hash=sha256:… of this file to the line" in fault.hint
        assert "--build-pure" not in fault.hint
        for known in (f"{line}#sha256=00", f"{line} --hash=sha256:00"):
            (fault,) = faults_of(known, "--require-hashes")
            assert fault.hint == "--allow-sdist lib keeps its source for the target to build"
        (fault,) = faults_of(f"{line}\na==1 --hash=sha256:00", "--no-require-hashes")
        assert "--build-pure lib" in fault.hint


def test_a_run_passes_over_what_another_target_would_have_to_build(
    index: LocalIndex, here: Path
) -> None:
    make_project(here / "tree", "tree")
    others = ["w @ git+https://x.invalid/w", "./tree", "https://x.invalid/w-1.0.zip "]
    text = "".join(f"{each} ; {WINDOWS}\n" for each in others)
    (here / "r.txt").write_text(f"{text}-e 'w @ file:///w ; {WINDOWS}'\napp\n")
    result = download(index, "-r", "r.txt", "--tags", NEW, cwd=here)
    assert result.exit_code == 0, result.stderr
    assert len(names(here / "wheelhouse")) == 2
    explained = wheeltarget(
        "explain", "--index-url", index.url, "-r", "r.txt", "--tags", NEW, cwd=here
    )
    assert explained.exit_code == 0, explained.stderr
    assert explained.stdout.count("not needed") == 4


def test_projects_of_lines_are_named_as_pip_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = {
        "A.b[c]>1 ; os_name == 'x'": "a-b",
        "lib @ https://x.invalid/lib.whl": "lib",
        "https://me:secret@x.invalid/lib.whl#sha256=00": "https://x.invalid/lib.whl",
        "./lib[extra]": (tmp_path / "lib").as_uri(),
        "lib===": (tmp_path / "lib===").as_uri(),
    }
    job = Job(None, (), (), tuple(lines(*named)))
    assert [name for name, _ in job.named_projects()] == list(named.values())
