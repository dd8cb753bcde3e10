"""Locks on the command line: which are read, for which targets, and what goes beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.download.test_from_lock import LOCK, OTHER, asked, fetch, run
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.locks import TAG, lock_text, sha256_of, universal_text
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget import api
from wheeltarget.commands.download.from_lock import download_locked
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.errors import ClashError, InputError, UsageError


@pytest.fixture
def shelf(tmp_path: Path, index: LocalIndex) -> Path:  # noqa: ARG001 - it serves the folder
    """Give the folder whose wheels the index serves."""
    return tmp_path / "index"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in, and work in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WHEELTARGET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    return folder


class TestTargets:
    """Which target a lock is for, and several of them."""

    def test_two_locks_are_merged(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        shared, old, new = (
            make_wheel(shelf, *each) for each in (("both", "1"), ("lib", "1"), ("lib", "2"))
        )
        (project / "pylock.a.toml").write_text(lock_text([shared, old], index.base, label="a"))
        (project / "pylock.b.toml").write_text(
            lock_text([shared, new], index.base, tag=OTHER, python="3.9.7", label="b")
        )
        both = ("-r", "pylock.a.toml", "-r", "pylock.b.toml")
        outcome = fetch(*both)
        assert [target.label for target in outcome.targets] == ["a", "b"]
        assert outcome.notes == ("lib differs: 1 for a; 2 for b",)
        assert names(project / "wheelhouse") == sorted(each.name for each in (shared, old, new))
        assert index.count(shared.name) == 1
        fetch(*both, by_target=True)
        assert names(project / "wheelhouse" / "a") == sorted([shared.name, old.name])
        assert names(project / "wheelhouse" / "b") == sorted([shared.name, new.name])

    def test_clash(self, project: Path, shelf: Path, index: LocalIndex, tmp_path: Path) -> None:
        first = make_wheel(shelf, "lib")
        second = make_wheel(tmp_path / "other", "lib", files={"more.py": b""})
        (project / "pylock.a.toml").write_text(lock_text([first], index.base, label="a"))
        (project / "pylock.b.toml").write_text(
            lock_text([second], index.base, tag=OTHER, python="3.9.7", label="b")
        )
        with pytest.raises(ClashError, match=r"is two different files: .* for a and .* for b"):
            fetch("-r", "pylock.a.toml", "-r", "pylock.b.toml")
        assert asked(index) == []
        (project / "pylock.b.toml").write_text(lock_text([second], index.base, label="a"))
        with pytest.raises(InputError, match=r"for a, but pylock\.a\.toml has"):
            fetch("-r", "pylock.a.toml", "-r", "pylock.b.toml", by_target=True)

    @pytest.mark.parametrize(
        ("tags", "said"),
        [
            ((TAG,), ""),
            ((OTHER,), f"this lock was made for x ({TAG}), not for {OTHER}"),
            ((TAG, OTHER), f"none of the locks is for {OTHER}"),
            (("cp312-nothing",), "is not a tag"),
        ],
    )
    def test_target_beside_the_lock(
        self, project: Path, shelf: Path, index: LocalIndex, tags: tuple[str, ...], said: str
    ) -> None:
        (project / LOCK).write_text(lock_text([make_wheel(shelf, "lib")], index.base, label="x"))
        if not said:
            fetch("-r", LOCK, tags=tags)
            return
        with pytest.raises(InputError) as caught:
            fetch("-r", LOCK, tags=tags)
        (fault,) = caught.value.faults
        assert said in fault.message
        if "none of the locks" in said:
            assert fault.hint == f"make one: wheeltarget lock -r FILE --tags {OTHER}"
        assert names(project) == [LOCK]

    def test_the_projects_own_targets_are_for_lines(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        (project / "pyproject.toml").write_text(f'[tool.wheeltarget]\ntags = "{OTHER}"\n')
        (project / LOCK).write_text(lock_text([make_wheel(shelf, "lib")], index.base))
        assert fetch("-r", LOCK).targets[0].label == TAG

    def test_lock_of_pips_configuration(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        wheel = make_wheel(shelf, "lib")
        (project / LOCK).write_text(lock_text([wheel], index.base))
        result = run(project, PIP_REQUIREMENT=LOCK, PIP_NO_CACHE_DIR="1")
        assert result.exit_code == 0, result.stderr
        assert names(project / "wheelhouse") == [wheel.name]

    def test_the_projects_own_targets_are_for_a_universal_lock(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        own, other = (make_wheel(shelf, "lib", tag=tag) for tag in (TAG, OTHER))
        (project / "pyproject.toml").write_text(f'[tool.wheeltarget]\ntags = "{OTHER}"\n')
        text = universal_text({"": [("lib", own), ("lib", other)]}, index.base)
        (project / "pylock.toml").write_text(text)
        (project / LOCK).write_text(lock_text([own], index.base))
        outcome = fetch("-r", "pylock.toml", "-r", LOCK)
        taken = {target.label: target.files[0].filename for target in outcome.targets}
        assert taken == {OTHER: other.name, TAG: own.name}

    def test_name_that_is_not_known_here(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        """A target file may be gone; where a wheel needs what only it says, that is told."""
        wheel = make_wheel(shelf, "lib", tag="cp312-cp312-linux_x86_64")
        text = lock_text([wheel], index.base, label="box.toml")
        (project / LOCK).write_text(text)
        with pytest.raises(InputError, match=r"another target than box\.toml"):
            fetch("-r", LOCK)
        (project / "box.toml").write_text(
            f'tags = ["{TAG}", "cp312-cp312-linux_x86_64"]\n'
            '[markers]\npython_full_version = "3.12.4"'
        )
        assert fetch("-r", LOCK).targets[0].label == "box.toml"

    def test_universal_lock(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        old, new = (make_wheel(shelf, "lib", version) for version in ("1", "2"))
        arm, linux, windows = (
            make_wheel(shelf, "fast", tag=f"cp39-abi3-{platform}")
            for platform in ("manylinux2014_aarch64", "manylinux2014_x86_64", "win_amd64")
        )
        text = universal_text(
            {
                "python_version < '3.10'": [("lib", old)],
                "python_version >= '3.10'": [("lib", new)],
                "": [("fast", arm), ("fast", linux), ("fast", windows)],
            },
            index.base,
        )
        (project / "pylock.toml").write_text(text)
        outcome = fetch("-r", "pylock.toml", tags=(f"{OTHER},cp312-cp312-win_amd64",))
        taken = {t.label: sorted(file.filename for file in t.files) for t in outcome.targets}
        assert taken == {
            OTHER: sorted([old.name, linux.name]),
            "cp312-cp312-win_amd64": sorted([new.name, windows.name]),
        }
        with pytest.raises(InputError) as caught:
            fetch("-r", "pylock.toml", tags=("cp39-cp39-musllinux_1_2_x86_64",))
        (fault,) = caught.value.faults
        assert "No wheel found" in fault.message
        assert fault.location is not None
        assert fault.location.line == text.splitlines().index('name = "fast"')
        host = fetch("-r", "pylock.toml", targets=("host",), dry_run=True).targets[0]
        assert host.label == "this interpreter"
        assert new.name in [file.filename for file in host.files]

    def test_what_only_a_universal_lock_has(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        sdist = make_sdist(shelf, "source")
        head = 'lock-version = "1.0"\ncreated-by = "x"\nextras = ["more"]\n[[packages]]\n'
        where = f'url = "{index.base}/files/{sdist.name}"\nhashes.sha256 = "{sha256_of(sdist)}"\n'
        text = f'{head}name = "source"\nversion = "1.0"\nmarker = "%s"\n[packages.sdist]\n{where}'
        (project / "pylock.toml").write_text(text % "'more' in extras")
        assert fetch("-r", "pylock.toml", tags=(TAG,)).targets[0].files == ()
        arguments = ("-r", "pylock.toml[more]")
        with pytest.raises(InputError, match=r"source has no wheel for .* only source-1"):
            fetch(*arguments, tags=(TAG,))
        outcome = fetch(*arguments, tags=(TAG,), allow_sdist=("source",))
        assert [file.filename for file in outcome.targets[0].files] == [sdist.name]
        text = text.replace("[[packages]]", 'default-groups = ["main"]\n[[packages]]')
        (project / "pylock.toml").write_text(text % "'main' in dependency_groups")
        assert fetch("-r", "pylock.toml", tags=(TAG,), allow_sdist=("source",)).targets[0].files
        (project / "pylock.toml").write_text(
            text % "'main' in dependency_groups and platform_release > '5'"
        )
        with pytest.raises(
            InputError, match=r"marker: depends on platform_release, which is unknown"
        ):
            fetch("-r", "pylock.toml", tags=(TAG,))
        (project / "pylock.toml").write_text(
            f'{head}name = "mine"\n[packages.directory]\npath = "."\n'
        )
        with pytest.raises(InputError, match="mine is a folder, which cannot be fetched by a hash"):
            fetch("-r", "pylock.toml", tags=(TAG,))

    def test_a_lock_of_somebody_else_without_a_target_is_pips(self, project: Path) -> None:
        (project / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "x"\npackages=[]')
        assert download_locked(DownloadRequest(("-r", "pylock.toml"))) is None


class TestWords:
    """What goes beside a lock, and what does not."""

    @pytest.mark.parametrize(
        ("arguments", "options", "said"),
        [
            (("flask",), {}, "flask cannot be combined with a lock"),
            (("-r", "needed.txt"), {}, "-r needed.txt cannot be combined with a lock"),
            (("-c", "needed.txt"), {}, "--constraint cannot be combined with a lock"),
            (("--platform", "any"), {}, "--platform cannot be combined with a lock"),
            (("--no-binary", "lib"), {}, "--no-binary cannot be combined with a lock"),
            (("--python", "x"), {}, "--python cannot be combined with a lock"),
            (("--group", "x"), {}, "--group cannot be combined with a lock"),
            ((), {"build_pure": ("lib",)}, "--build-pure cannot be combined with a lock"),
        ],
    )
    def test_refused(
        self, project: Path, arguments: tuple[str, ...], options: dict[str, object], said: str
    ) -> None:
        (project / LOCK).write_text(lock_text([], "http://h"))
        with pytest.raises(UsageError) as caught:
            fetch("-r", LOCK, *arguments, **options)
        assert said in caught.value.message
        assert caught.value.exit_code == 2

    def test_what_the_configuration_chooses_by_plays_no_part(
        self, project: Path, shelf: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / LOCK).write_text(lock_text([make_wheel(shelf, "lib")], index.base))
        monkeypatch.setenv("PIP_CONSTRAINT", "constraints.txt")
        assert len(fetch("-r", LOCK, "--only-binary=:all:").targets[0].files) == 1
        monkeypatch.setenv("PIP_REQUIREMENT", "more.txt")
        with pytest.raises(UsageError, match=r"-r more\.txt cannot be combined"):
            fetch("-r", LOCK)

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            (LOCK, "cannot read pylock.x.toml: No such file"),
            ("http://h/pylock.toml", "must be a local file"),
        ],
    )
    def test_lock_that_is_not_there(self, project: Path, name: str, said: str) -> None:
        with pytest.raises(InputError, match=said):
            fetch("-r", name, tags=(TAG,))
        assert names(project) == []

    def test_lock_in_the_place_of_requirements(self, project: Path) -> None:
        (project / LOCK).write_text(lock_text([], "http://h").replace("\n", "\r\n"))
        (project / "my.toml").write_text(f"# by a tool\n{lock_text([], 'http://h')}")
        (project / "needed.txt").write_text(f"-r {LOCK}\n")
        for arguments in (("-r", "needed.txt"), ("-c", LOCK, "flask")):
            with pytest.raises(InputError) as caught:
                api.download(DownloadRequest(arguments, tags=(TAG,)))
            (fault,) = caught.value.faults
            assert fault.message == f"{LOCK} is a lock, not a requirements or constraints file"
            assert fault.hint.startswith(f"write -r {LOCK} on the command line")
        result = run(project, "-r", "my.toml")
        assert result.exit_code == 1
        assert "my.toml:2:1: error: my.toml is a lock" in result.stderr
        assert "write -r pylock.NAME.toml, as locks are called," in result.stderr

    def test_two_wrong_locks_are_told_at_once(self, project: Path) -> None:
        (project / LOCK).write_text("lock-version = 1\ncreated-by = 'wheeltarget'")
        result = run(project, "-r", LOCK, "-r", "pylock.gone.toml")
        assert result.exit_code == 1
        assert "pylock.gone.toml: No such file" in result.stderr
        assert f"{LOCK}:1:1: error: lock-version: Unexpected type int" in result.stderr
        assert names(project) == [LOCK]


class TestDotsInTheName:
    """The name of a lock has no dot of its target's name, but a user may write it."""

    DOTTED = "pylock.aws-lambda-python3.12-arm64.toml"
    NAME = "pylock.aws-lambda-python3_12-arm64.toml"

    @pytest.mark.parametrize("name", [DOTTED, f"./{DOTTED}", f"../project/{DOTTED}"])
    def test_lock_that_is_there(
        self, project: Path, shelf: Path, index: LocalIndex, name: str
    ) -> None:
        wheel = make_wheel(shelf, "lib")
        (project / self.NAME).write_text(lock_text([wheel], index.base))
        result = run(project, "-r", name)
        assert result.exit_code == 0, result.stderr
        assert names(project / "wheelhouse") == [wheel.name]
        (project / self.NAME).write_text(lock_text([wheel], "ftp://h"))
        result = run(project, "-r", name)
        assert f"{name.replace(self.DOTTED, self.NAME)}:11:1: error: " in result.stderr

    @pytest.mark.parametrize(
        "name", [DOTTED, "pylock.gone-3.1.toml", "./pylock.debian-12-python3.11.toml"]
    )
    def test_lock_of_which_nothing_is_there(self, project: Path, name: str) -> None:
        """There is nothing to rename."""
        result = run(project, "-r", name)
        assert result.exit_code == 1
        assert f"cannot read {name}: No such file" in result.stderr
        assert "rename" not in result.stderr

    def test_lock_with_such_a_name(self, project: Path, shelf: Path, index: LocalIndex) -> None:
        """It is taken for its target, or for one that is named; pip does not read it."""
        wheel = make_wheel(shelf, "lib")
        (project / self.NAME).write_text("broken")
        (project / self.DOTTED).write_text(lock_text([wheel], index.base))
        assert len(fetch("-r", self.DOTTED).targets[0].files) == 1
        text = universal_text({"": [("lib", wheel)]}, index.base)
        (project / "pylock.a.b.toml").write_text(text)
        assert len(fetch("-r", "pylock.a.b.toml", tags=(OTHER,)).targets[0].files) == 1
        result = run(project, "-r", "pylock.a.b.toml")
        assert result.exit_code == 2
        assert "error: pip does not read pylock.a.b.toml: " in result.stderr
        assert "rename it to pylock.a_b.toml, or name a target" in result.stderr

    def test_lock_that_is_not_there(self, project: Path) -> None:
        result = run(project, "-r", self.DOTTED, "--tags", TAG)
        assert result.exit_code == 1
        assert f"cannot read {self.DOTTED}: No such file" in result.stderr

    def test_extras_of_another_tools_lock(
        self, project: Path, shelf: Path, index: LocalIndex
    ) -> None:
        wheel = make_wheel(shelf, "lib")
        text = universal_text({"'dev' in extras": [("lib", wheel)]}, index.base)
        text = text.replace("requires-python", 'extras = ["dev"]\nrequires-python', 1)
        (project / "pylock.a_b.toml").write_text(text)
        assert len(fetch("-r", "pylock.a.b.toml[dev]", tags=(OTHER,)).targets[0].files) == 1
        assert fetch("-r", "pylock.a.b.toml", tags=(OTHER,)).targets[0].files == ()
