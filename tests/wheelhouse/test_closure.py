"""What was fetched is all that the target needs, by the wheels' own word; or nothing is saved."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.cli import download, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget import api
from wheeltarget.errors import ClosureError
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.staging.stage import Stage
from wheeltarget.targets.exclusions import Exclusion, Exclusions
from wheeltarget.targets.names import newest_pythons
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.wheelhouse.closure import (
    Available,
    MissingRequirement,
    UnreadableDependency,
    WheelMetadata,
    check_closure,
    check_fit,
    find_missing_requirements,
    fits,
    read_metadata,
    walk,
)

LINUX = "cp39-cp39-manylinux2014_x86_64"
WINDOWS = "cp39-cp39-win_amd64"


def target(tag: str = LINUX) -> Target:
    return target_from_tag(tag, newest_pythons())


def holes(roots: str, wheels: dict[str, str], tag: str = LINUX) -> list[str]:
    """Walk over projects of which only the dependencies are written.

    :param roots: requirements, with ``&`` between.
    :param wheels: dependencies, with ``&`` between, by NAME VERSION.
    :returns: what is missing, as the user reads it.
    """
    there = []
    for key, requires in wheels.items():
        name, version = key.split()
        dependencies = tuple(each.strip() for each in requires.split("&") if each)
        there.append(WheelMetadata(name, version, dependencies))
    parsed = [Requirement(each) for each in roots.split("&") if each]
    return [str(hole) for hole in find_missing_requirements(target(tag), parsed, there)]


class TestWalk:
    """Names, versions, extras and markers, as the target sees them."""

    @pytest.mark.parametrize(
        ("roots", "wheels", "expected"),
        [
            ("", {"a 1": "b"}, []),
            ("a", {"a 1": ""}, []),
            ("A.b_C", {"a-b-c 1": ""}, []),
            ("a&c", {"a 1": "b", "b 2": "c", "c 1": "a"}, []),
            ("a", {}, ["you asked for a, which is missing"]),
            ("a==1&a", {"a 1": "b>1,<3"}, ["a 1 needs b<3,>1, which is missing"]),
            ("a", {"a 1": "b>1", "b 1": ""}, ["a 1 needs b>1, but only 1 is available"]),
            ("a==2", {"a 1": "b"}, ["you asked for a==2, but only 1 is available"]),
            ("a", {"a 1": "b>=1", "b 1.1rc1": ""}, []),
            ("a", {"a 1": "b==1.0", "b 1+local": ""}, []),
            ("a @ https://example.invalid/a-1-py3-none-any.whl", {"a 1": ""}, []),
            (
                "a&z",
                {"a 1": "b&c", "b 1": "d", "z 1": "b>1&d"},
                [
                    "a 1 needs c, which is missing",
                    "z 1 needs b>1, but only 1 is available",
                    "z 1 needs d, which is missing",
                    "b 1 needs d, which is missing",
                ],
            ),
        ],
        ids=[
            "nothing asked",
            "alone",
            "names are normalised",
            "circle",
            "root missing",
            "dependency missing",
            "other version",
            "root at other version",
            "pre-release that pip took",
            "local version",
            "URL",
            "all are message, each once",
        ],
    )
    def test_versions(self, roots: str, wheels: dict[str, str], expected: list[str]) -> None:
        assert holes(roots, wheels) == expected

    @pytest.mark.parametrize(
        ("marker", "tag", "wanted"),
        [
            ("sys_platform == 'win32'", LINUX, False),
            ("sys_platform == 'win32'", WINDOWS, True),
            ("python_version < '3.8'", "cp37-cp37m-win32", True),
            ("python_version < '3.8'", "cp310-cp310-win32", False),
            ("python_full_version >= '3.7.1'", "cp37-cp37m-win32", True),
            ("platform_release >= '5' and sys_platform == 'win32'", LINUX, False),
            # Where nobody knows, it had better be there.
            ("platform_release >= '5'", LINUX, True),
            ("extra == 'x'", LINUX, False),
        ],
    )
    def test_markers(self, marker: str, tag: str, wanted: bool) -> None:
        expected = ["a 1 needs b, which is missing"] if wanted else []
        assert holes("a", {"a 1": f"b ; {marker}"}, tag) == expected
        expected = ["you asked for b, which is missing"] if wanted else []
        assert holes(f"b ; {marker}", {}, tag) == expected

    @pytest.mark.parametrize(
        ("roots", "missing"),
        [
            ("a", []),
            ("a[x]", ["b"]),
            ("a[X-Y]", ["c"]),
            ("a[all]", ["b", "c"]),
            ("a&a[x]", ["b"]),
            ("a[no_such]", []),
            ("top", ["b"]),
        ],
        ids=["none", "one", "spelled otherwise", "of itself", "after none", "unknown", "deeper"],
    )
    def test_extras(self, roots: str, missing: list[str]) -> None:
        wheels = {
            "a 1": "b ; extra == 'x' & c ; extra == 'x_y' & a[x,x_y] ; extra == 'all'",
            "top 1": "a[x]",
        }
        assert holes(roots, wheels) == [f"a 1 needs {name}, which is missing" for name in missing]

    def test_extras_are_named(self) -> None:
        assert holes("a[y,x]>=1", {}) == ["you asked for a[x,y]>=1, which is missing"]
        assert str(MissingRequirement("b", "a 1", ("2",))) == "a 1 needs b, but only 2 is available"

    def test_every_matching_version_is_visited(self) -> None:
        """A wheelhouse may have several versions; a source says nothing of its dependencies."""
        wheels = (
            WheelMetadata("a", "1", ("never",)),
            WheelMetadata("a", "2", ("b", "c>1")),
            WheelMetadata("a", "3", ("b", "d")),
        )
        available = Available(target(), {"a": wheels}, {"b": ("1",), "c": ("0.5", "1")})
        assert list(map(str, walk(available, [Requirement("a>1")]))) == [
            "a 2 needs c>1, but only 0.5 and 1 are available",
            "a 3 needs d, which is missing",
        ]
        assert "a 1 needs never, which is missing" in map(str, walk(available, None))

    def test_dependency_that_cannot_be_read(self) -> None:
        with pytest.raises(ClosureError) as raised:
            holes("a", {"a 1": "b (>=1.0.*)"})
        assert raised.value.message == (
            "a 1 has a dependency that cannot be read: 'b (>=1.0.*)': "
            ".* suffix can only be used with `==` or `!=` operators"
        )


def rewritten(wheel: Path, change: Callable[[bytes], bytes]) -> Path:
    """Change the bytes of a wheel."""
    wheel.write_bytes(change(wheel.read_bytes()))
    return wheel


class TestWheels:
    """What a wheel says of itself."""

    def test_metadata(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, "My.Project", "1.0.post2", requires=["a", "b; extra == 'x'"])
        expected = WheelMetadata("my-project", "1.0.post2", ("a", "b; extra == 'x'"))
        assert read_metadata(wheel) == expected

    def test_only_its_own_metadata_counts(self, tmp_path: Path) -> None:
        vendored = {"app/_vendor/old-1.dist-info/METADATA": b"Name: old\nVersion: 1\n"}
        assert read_metadata(make_wheel(tmp_path, "app", files=vendored)).name == "app"

    @pytest.mark.parametrize(
        ("metadata", "said"),
        [
            (b"Name: other\nVersion: 1.0\n", "is other 1.0 according to its METADATA"),
            (b"Name: app\nVersion: 1.1\n", "is app 1.1 according to its METADATA"),
            (b"Name: app\n", "is not a valid wheel: its METADATA has no Version"),
            (b"Version: 1.0\n", "is not a valid wheel: its METADATA has no Name"),
            (b"", "is not a valid wheel: its METADATA has no Name"),
            (b"Name: app\nVersion: one\n", "is not a valid wheel: Invalid version: 'one'"),
            (
                b"".join(b"X%d: 1\n" % number for number in range(400)),
                "is not a valid wheel: app-1.0.dist-info/METADATA has too many fields",
            ),
        ],
        ids=[
            "other name",
            "other version",
            "no version",
            "no name",
            "empty",
            "no such version",
            "long",
        ],
    )
    def test_metadata_of_another(self, tmp_path: Path, metadata: bytes, said: str) -> None:
        files = {"app-1.0.dist-info/METADATA": metadata}
        with pytest.raises(ClosureError) as raised:
            read_metadata(make_wheel(tmp_path, "app", files=files))
        assert raised.value.message == f"app-1.0-py3-none-any.whl {said}"
        assert raised.value.hint == "nothing was saved"

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: content[: len(content) // 2],
            lambda content: content[-40:],
            lambda _: b"",
            lambda content: content.replace(b"Version: 1.0", b"Version: 9.0"),
            lambda _: emptied(),
            lambda _: deflated()[:60] + b"\xff" * 20 + deflated()[80:],
            lambda content: encrypted(content),
        ],
        ids=["first half", "tail", "empty", "changed", "no METADATA", "not inflated", "encrypted"],
    )
    def test_broken_archive(self, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
        wheel = rewritten(make_wheel(tmp_path, "app"), change)
        with pytest.raises(ClosureError) as raised:
            read_metadata(wheel)
        assert raised.value.message.startswith("app-1.0-py3-none-any.whl is not a valid wheel: ")
        # The reason is words, not the bare repr of an exception's argument.
        assert len(raised.value.message.partition("wheel: ")[2].split()) > 2

    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            ("py2.py3-none-any", True),
            ("cp36-abi3-manylinux_2_12_x86_64.manylinux2010_x86_64", True),
            ("cp39-cp39-manylinux_2_17_x86_64", True),
            ("cp39-cp39-manylinux_2_18_x86_64", False),
            ("cp310-cp310-manylinux1_x86_64", False),
            ("cp39-cp39-linux_x86_64", False),
        ],
    )
    def test_fits(self, tmp_path: Path, tag: str, expected: bool) -> None:
        assert fits(make_wheel(tmp_path, "app", tag=tag), target().tags) is expected


def emptied() -> bytes:
    """Return an archive with nothing in it."""
    packed = io.BytesIO()
    zipfile.ZipFile(packed, "w").close()
    return packed.getvalue()


def deflated() -> bytes:
    """Return a wheel whose one member is compressed and begins at byte 56."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app-1.0.dist-info/METADATA", "Name: app\nVersion: 1.0\n" * 50)
    return packed.getvalue()


def encrypted(content: bytes) -> bytes:
    """Set the flag of every member that says that it is encrypted."""
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        parts = content.split(signature)
        content = signature.join(
            [parts[0], *(part[: offset - 4] + b"\x01" + part[offset - 3 :] for part in parts[1:])]
        )
    return content


class TestCheck:
    """Everything that is wrong is message at once."""

    def test_complete(self, tmp_path: Path) -> None:
        files = [make_wheel(tmp_path, "app", requires=["lib>=1"]), make_wheel(tmp_path, "lib")]
        check_closure(target(), [Requirement("app")], map(read_metadata, files))

    def test_incomplete(self, tmp_path: Path) -> None:
        files = [make_wheel(tmp_path, "app", requires=["lib>=2", "more"])]
        files.append(make_wheel(tmp_path, "lib"))
        with pytest.raises(ClosureError) as raised:
            check_closure(target(), [Requirement("app")], map(read_metadata, files))
        assert raised.value.message == (
            f"what was fetched for {LINUX} is not complete: "
            "app 1.0 needs lib>=2, but only 1.0 is available; app 1.0 needs more, which is missing"
        )
        assert raised.value.hint == "nothing was saved"

    def test_misfit(self, tmp_path: Path) -> None:
        files = {
            "app": make_wheel(tmp_path, "app", tag="cp39-cp39-win_amd64"),
            "lib": make_wheel(tmp_path, "lib"),
            "narrow": make_wheel(tmp_path, "narrow", tag="cp39-cp39-manylinux2014_x86_64"),
            "allowed": tmp_path / "allowed-1.0.tar.gz",
            "source": tmp_path / "source-1.0.tar.gz",
        }
        narrow = {"narrow": ["cp39-cp39-manylinux1_x86_64"], "lib": ["py3-none-any"]}
        with pytest.raises(ClosureError) as raised:
            check_fit(target(), files.items(), narrow, {"allowed"})
        assert raised.value.message == (
            f"not all that was fetched fits {LINUX}: "
            "app-1.0-cp39-cp39-win_amd64.whl is for another environment; "
            "narrow-1.0-cp39-cp39-manylinux2014_x86_64.whl is excluded by a constraint's tags; "
            "source-1.0.tar.gz is not a wheel (--allow-sdist source would accept it)"
        )


def test_nothing_is_saved_if_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where pip itself noticed nothing."""

    def run_jobs(
        jobs: Sequence[Job], _labels: Sequence[str], stage: Stage, _options: pip_runner.RunOptions
    ) -> tuple[JobResult, ...]:
        folder = stage.job_folder(0)
        wheel = make_wheel(folder, "app", requires=["lib"])
        chosen = ChosenFile("app", "1.0", wheel, "", True, (), (None,), None)
        return (JobResult(jobs[0], 0, "all", (chosen,), folder),)

    monkeypatch.setattr(pip_runner, "run_jobs", run_jobs)
    arguments = ("--dest", str(tmp_path / "wheelhouse"), f"app ; tags={LINUX}")
    with pytest.raises(ClosureError, match=r"app 1\.0 needs lib, which is missing"):
        api.download(api.DownloadRequest(arguments))
    assert not (tmp_path / "wheelhouse").exists()


class TestRuns:
    """An index whose word is not the wheels': a hole is an error and nothing is saved."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """Return a folder to work in."""
        folder = tmp_path / "project"
        folder.mkdir()
        return folder

    @pytest.mark.parametrize(
        ("metadata", "requires", "said"),
        [
            ("Name: app\nVersion: 1.0\n", ["lib ; sys_platform == 'linux'"], "lib"),
            ("Name: app\nVersion: 1.0\n", ["lib (>=1.0.*)"], "lib (>=1.0.*)"),
            ("Name: app\nVersion: 1.0\nRequires-Dist: lib[x]\n", ["lib", "more"], "more"),
        ],
        ids=["hidden dependency", "hidden and unreadable", "other dependencies"],
    )
    def test_metadata_file_that_hides_something(
        self, project: Path, tmp_path: Path, metadata: str, requires: list[str], said: str
    ) -> None:
        """The newest pips compare the two themselves; for others, wheeltarget does."""
        shelf = tmp_path / "careless"
        name = make_wheel(shelf, "app", requires=requires).name
        make_wheel(shelf, "lib")
        with LocalIndex(shelf, hashes=False) as index:
            index.add_file(f"files/{name}.metadata", f"Metadata-Version: 2.1\n{metadata}".encode())
            arguments = [f"lib ; tags={WINDOWS}", f"app ; tags={LINUX}"]
            result = download(index, *arguments, cwd=project)
            assert index.count(f"{name}.metadata") == index.count(f"/files/{name}") == 1
        assert (result.exit_code, result.stdout) == (1, "")
        _, error = re.split(r"(?im)^(?=error: )", result.stderr, maxsplit=1)
        assert said in error
        assert "Traceback" not in result.stderr
        assert names(project) == []

    def test_wheel_of_another_name(self, project: Path, tmp_path: Path) -> None:
        shelf = tmp_path / "careless"
        metadata = {"app-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: b\nVersion: 1.0\n"}
        name = make_wheel(shelf, "app", files=metadata).name
        with LocalIndex(shelf, hashes=False) as index:
            right = b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\n"
            index.add_file(f"files/{name}.metadata", right)
            result = download(index, f"app ; tags={LINUX}", cwd=project)
            assert index.count(f"/files/{name}") == 1
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Traceback" not in result.stderr
        assert names(project) == []

    def test_half_a_wheel_that_is_there_already(self, project: Path, tmp_path: Path) -> None:
        """It is kept where the index has no hash to hold against it; so nobody else looks."""
        shelf = tmp_path / "careless"
        name = make_wheel(shelf, "app").name
        half = rewritten(make_wheel(project / "wheelhouse", "app"), lambda content: content[:300])
        before = half.read_bytes()
        with LocalIndex(shelf, hashes=False) as index:
            result = download(index, f"app ; tags={LINUX}", cwd=project)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{half} is not a valid wheel" in result.stderr, "the path is not that of the stage"
        assert "Traceback" not in result.stderr
        assert half.read_bytes() == before
        assert names(project) == ["wheelhouse"]
        assert names(project / "wheelhouse") == [name]


def test_specifiers_from_before_pep_440_are_read_for_old_pythons(tmp_path: Path) -> None:
    app = make_wheel(tmp_path, "app", tag="py2.py3-none-any", requires=["lib (>=1.*)"])
    lib = make_wheel(tmp_path, "lib", "1.2", tag="py2.py3-none-any")
    old = target_from_tag("cp37-cp37m-win_amd64", {"cp37": "3.7.17"})
    check_closure(old, [Requirement("app")], map(read_metadata, [app, lib]))
    new = target_from_tag("cp38-cp38-win_amd64", {"cp38": "3.8.20"})
    with pytest.raises(ClosureError, match="cannot be read"):
        check_closure(new, [Requirement("app")], map(read_metadata, [app, lib]))


NESTED = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(400))


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        NESTED.replace("Content-Type", "CONTENT-type").replace("\n", "\r\n"),
        "Content-Type: message/rfc822\n\n" * 2000,
    ],
    ids=["multipart", "spelled otherwise", "messages"],
)
def test_metadata_is_no_nested_message(text: str, tmp_path: Path) -> None:
    """The email package would read it so, for a time that grows with the square."""
    lines = f"Metadata-Version: 2.1\nName: app\nVersion: 1.0\nRequires-Dist: lib\n{text}"
    information = {"app-1.0.dist-info/METADATA": lines.encode()}
    wheel = make_wheel(tmp_path, "app", files=information)
    assert read_metadata(wheel) == WheelMetadata("app", "1.0", ("lib",))


LONG = "9" * 5000


@pytest.mark.parametrize(
    "text",
    [f"lib>{LONG}", f"lib=={LONG}.*", f"lib ; python_version > '{LONG}'", f"lib[a]~={LONG}.1"],
)
def test_dependency_with_a_number_of_thousands_of_digits(text: str) -> None:
    wheels = [WheelMetadata("app", "1.0", (text,)), WheelMetadata("lib", "1.0", ())]
    (found,) = walk(Available(target(), {each.name: (each,) for each in wheels}), None)
    assert isinstance(found, UnreadableDependency)
    assert found.reason == "a number has too many digits"


def test_what_is_left_out_is_not_missing(tmp_path: Path) -> None:
    files = [make_wheel(tmp_path, "app", requires=["sdk>=2", "lib"]), make_wheel(tmp_path, "lib")]
    wheels = list(map(read_metadata, files))
    asked = [Requirement("app"), Requirement("sdk")]
    excluded = Exclusions((Exclusion("s*"),))
    assert find_missing_requirements(target(), asked, wheels, excluded) == []
    assert len(find_missing_requirements(target(), asked, wheels)) == 2
    # A wheel that is there although it is left out needs nothing.
    there = [*wheels, read_metadata(make_wheel(tmp_path, "sdk", "2", requires=["core"]))]
    available = {each.name: (each,) for each in there}
    assert list(walk(Available(target(), available, excluded=excluded), None)) == []
