"""Checks of what pip chose, before it is placed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from wheeltarget.errors import COMMAND_LINE, ClosureError, DownloadError, InputError, Location
from wheeltarget.pip_protocol import ChosenFile, Pairs
from wheeltarget.requirements.annotations import parse_argument
from wheeltarget.requirements.foreign_locks import LockedVersion
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver.explanation import ResolutionError
from wheeltarget.resolver.pip_runner import JobResult
from wheeltarget.resolver.plan import Job
from wheeltarget.resolver.verify import check, compare, refuse_changed, refuse_failures, roots
from wheeltarget.targets.catalog import look_up_tag, newest_pythons
from wheeltarget.targets.target import Target, target_from_tag
from wheeltarget.utils.files import Hashes

LINUX = "cp39-cp39-manylinux2014_x86_64"
TARGET = target_from_tag(LINUX, newest_pythons())
CONTENT = b"content"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324 - an index may have nothing else


def chosen(path: Path, *hashes: tuple[str, str], accepts: Pairs = ()) -> ChosenFile:
    file = ChosenFile("lib", "1.0", path, "", True, (), (None,), None)
    return replace(file, hashes=hashes, accepts=accepts)


def result(*files: ChosenFile, lines: tuple[str, ...] = (), **fields: object) -> JobResult:
    typed = (parse_typed(n, text) for n, text in enumerate(lines, 1))
    parsed = tuple(line for line in typed if isinstance(line, SourceLine))
    made = JobResult(Job(None, (), (), parsed), 0, "all", files, Path())
    return replace(made, **fields)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lib-1.0-py3-none-any.whl"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("hashes", "accepts", "accepted"),
    [
        ((), (), True),
        ((("sha256", SHA256.upper()),), (), True),
        ((("sha256", "00"),), (), False),
        ((("sha256", "00"),), (("sha256", SHA256),), True),
        ((("md5", MD5),), (), True),
        ((("md5", "00"),), (), False),
        ((("unheard-of", "00"),), (), False),
        ((("unheard-of", ""),), (), False),
        ((("sha256", "00"), ("md5", MD5)), (), True),
    ],
)
def test_file_with_another_content_is_refused(
    file: Path,
    hashes: Pairs,
    accepts: Pairs,
    *,
    accepted: bool,
) -> None:
    results = [result(chosen(file, *hashes, accepts=accepts))]
    if accepted:
        refuse_changed(results, Hashes())
        return
    with pytest.raises(DownloadError, match=r"the content of lib-1\.0-.* does not match its hash"):
        refuse_changed(results, Hashes())


@pytest.mark.parametrize(
    ("hashes", "message"),
    [
        ({f"sha256:{SHA256}"}, ""),
        ({"sha256:00", f"md5:{MD5}"}, ""),
        (set(), ""),
        ({"sha256:00"}, f"for box has sha256:{SHA256}, which is not in the lock for lib 1.0"),
        ({"unheard-of:00"}, "the index has no hash of lib-1.0-py3-none-any.whl to compare"),
    ],
)
def test_hashes_of_a_foreign_lock_are_compared(file: Path, hashes: set[str], message: str) -> None:
    lock = LockedVersion("lib", "1.0", "", frozenset(hashes), Location("poetry.lock", 3))
    other = replace(lock, version="2.0", hashes=frozenset({"sha256:00"}))
    if not message:
        compare([result(chosen(file))], ["box"], [lock, other])
        return
    with pytest.raises(InputError) as raised:
        compare([result(chosen(file))], ["box"], [lock, other])
    (fault,) = raised.value.faults
    assert message in fault.message
    assert fault.location == lock.location


def test_hash_of_the_index_counts_if_the_file_was_not_fetched(tmp_path: Path) -> None:
    lock = LockedVersion("lib", "1.0", "", frozenset({"sha256:aa"}), Location("poetry.lock", 3))
    missing = tmp_path / "lib-1.0-py3-none-any.whl"
    compare([result(chosen(missing, ("sha256", "aa")))], ["box"], [lock])
    with pytest.raises(InputError, match="which is not in the lock"):
        compare([result(chosen(missing, ("sha256", "bb")))], ["box"], [lock])


def test_roots_are_the_lines_and_what_pip_was_asked_for(file: Path) -> None:
    asked = replace(chosen(file), extras=("a", "b"))
    needed = replace(chosen(file), name="needed", requested=False)
    lines = ("lib[a]>1", "./path", "git+https://x.invalid/y")
    found = roots(result(asked, needed, lines=lines))
    assert list(map(str, found)) == ["lib[a]>1", "lib[a,b]"]
    assert roots(result(asked, lines=lines, dependencies="none")) == []


def test_failure_of_pip_without_a_reason_shows_its_messages() -> None:
    job = Job(look_up_tag("cp39-cp39-win32"), (), (), ())
    good, bad = result(), result(job=job, exit_code=2, messages=("ERROR: no",))
    refuse_failures([good, good], ["a", "b"], look_up_tag)
    with pytest.raises(ResolutionError) as raised:
        refuse_failures([bad, good, bad, bad], ["a", "b", "c", "d"], look_up_tag)
    assert raised.value.message == "pip failed for a, c and d; nothing was saved"
    assert (raised.value.hint, raised.value.exit_code) == ("see pip's output above", 2)
    assert raised.value.messages == ("ERROR: no",) * 3


class TestRoots:
    """From where the walk begins, for what pip says that it chose."""

    def check(
        self,
        folder: Path,
        requirement: str,
        *,
        dependencies: str = "all",
        extras: tuple[str, ...] = (),
        of: Target | None,
    ) -> None:
        """Check a download of ``app``, which needs ``lib``, and for its extra ``more``."""
        wheel = make_wheel(folder, "app", requires=["lib", "more; extra == 'x'"], extras=["x"])
        lib = make_wheel(folder, "lib")
        line = SourceLine(COMMAND_LINE, 1, parse_argument(requirement), ())
        chosen = [
            ChosenFile("app", "1.0", wheel, "", True, extras, (None,), None),
            ChosenFile("lib", "1.0", lib, "", False, (), ("app",), None),
        ]
        job = Job(of, (), (), (line,))
        check(JobResult(job, 0, dependencies, tuple(chosen), folder), dry_run=False)

    @pytest.mark.parametrize(
        ("requirement", "extras", "missing"),
        [
            ("app", (), ""),
            ("app[x]", (), "app 1.0 needs more, which is missing"),
            ("./app-1.0-py3-none-any.whl", (), ""),
            ("./app-1.0-py3-none-any.whl[x]", ("x",), "app 1.0 needs more, which is missing"),
            ("app==2", (), "you asked for app==2, but only 1.0 is available"),
            ("other ; sys_platform == 'win32'", (), ""),
            ("other ; sys_platform == 'linux'", (), "you asked for other, which is missing"),
        ],
    )
    def test_asked_for(
        self, tmp_path: Path, requirement: str, extras: tuple[str, ...], missing: str
    ) -> None:
        if not missing:
            self.check(tmp_path, requirement, extras=extras, of=TARGET)
            return
        with pytest.raises(ClosureError) as raised:
            self.check(tmp_path, requirement, extras=extras, of=TARGET)
        assert raised.value.message == f"what was fetched for {LINUX} is not complete: {missing}"

    def test_not_asked_for(self, tmp_path: Path) -> None:
        """Where dependencies are left out on purpose, and where pip works for its own machine."""
        self.check(tmp_path, "app[x]", dependencies="none", of=TARGET)
        self.check(tmp_path, "app[x]", dependencies="only", of=TARGET)
        self.check(tmp_path, "app[x]", of=None)
