"""Every option of pip's ``download`` beside a lock: it is obeyed, refused, or has nothing to do."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands.download.test_from_lock import LOCK, fetch, run
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.locks import TAG, lock_text, sha256_of
from tests.support.wheels import make_sdist, make_wheel
from wheeltarget.commands.download.lock_options import EFFECTS, Effect, read_rules
from wheeltarget.errors import InputError, UsageError, WheeltargetError
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE, split_command_line

NAMES = {
    next(each for each in row if each.startswith("--")): table is WITH_VALUE
    for table in (WITH_VALUE, WITHOUT_VALUE)
    for row in table
}
"""Every option of pip, and whether it takes a value."""

REFUSED = {Effect.CHOOSES, Effect.ADDS}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in, and work in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WHEELTARGET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    return folder


def foreign(*files: Path, time: str = "", place: str = "wheels") -> str:
    """Write the lock of another tool: files in a folder beside it, with their upload time."""
    text = 'lock-version = "1.0"\ncreated-by = "another"\n'
    for file in files:
        name, version = file.name.removesuffix(".tar.gz").split("-")[:2]
        kind = "[packages.wheels]" if file.suffix == ".whl" else "packages.sdist"
        text += f'[[packages]]\nname = "{name}"\nversion = "{version}"\n[{kind}]\n'
        text += f'name = "{file.name}"\n{place_of(file, place)}\n'
        text += f'hashes.sha256 = "{sha256_of(file)}"\n'
        text += f"upload-time = {time}\n" if time else ""
    return text


def place_of(file: Path, place: str) -> str:
    """Return the entry for a file: its URL, or its path in a folder."""
    return f'{"url" if "://" in place else "path"} = "{place}/{file.name}"'


def refused(*arguments: str, **options: object) -> str:
    """Download from a lock, and return the only fault."""
    with pytest.raises(InputError) as caught:
        fetch(*arguments, tags=(TAG,), **options)
    (fault,) = caught.value.faults
    assert names(Path("wheelhouse")) == []
    return fault.message


def test_table_has_every_option() -> None:
    assert EFFECTS.keys() == NAMES.keys()


@pytest.mark.parametrize("option", sorted(NAMES))
def test_every_option_beside_a_lock(project: Path, option: str) -> None:
    """Those that only fetch, or have nothing to decide, change nothing; the others are refused."""
    wheel = make_wheel(project / "wheels", "lib")
    (project / "pylock.toml").write_text(foreign(wheel, time="2020-01-02T03:04:05Z"))
    values = {"--requirement": "pylock.toml", "--dest": "wheelhouse", "--only-binary": ":all:"}
    value = values.get(option, "2021-01-01" if option == "--uploaded-prior-to" else "1")
    given = (f"{option}={value}",) if NAMES[option] else (option,)
    if EFFECTS[option] in REFUSED:
        with pytest.raises(UsageError, match=f"^{option} cannot be combined with a lock"):
            fetch("-r", "pylock.toml", *given, tags=(TAG,))
        assert names(project) == ["pylock.toml", "wheels"]
        return
    if option == "--require-virtualenv" and sys.prefix == sys.base_prefix:
        with pytest.raises(WheeltargetError, match="not in a virtual environment"):
            fetch("-r", "pylock.toml", *given, tags=(TAG,))
        return
    outcome = fetch("-r", "pylock.toml", *given, tags=(TAG,))
    assert [file.filename for file in outcome.targets[0].files] == [wheel.name]
    assert names(project / "wheelhouse") == [wheel.name]


class TestCutOff:
    """``--uploaded-prior-to``, which needs the times in the lock."""

    @pytest.mark.parametrize(
        ("time", "cut_off", "said"),
        [
            ("2026-01-02T03:04:05Z", "2026-01-03", ""),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000001+00:00", ""),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "was uploaded on 2026-01-02"),
            ("2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "was uploaded on 2026-01-02"),
            ("2026-01-02T03:04:05", "2026-01-02T03:04:05Z", "was uploaded on 2026-01-02"),
            ("2026-01-02T03:04:05Z", "2025-01-01", "was uploaded on 2026-01-02"),
            ("2999-01-02T03:04:05Z", "P0D", "was uploaded on 2999-01-02"),
            ("2020-01-02T03:04:05Z", "P7D", ""),
        ],
    )
    def test_time_in_the_lock(self, project: Path, time: str, cut_off: str, said: str) -> None:
        wheel = make_wheel(project / "wheels", "lib")
        (project / "pylock.toml").write_text(foreign(wheel, time=time))
        arguments = ("-r", "pylock.toml", "--uploaded-prior-to", cut_off)
        if said:
            assert said in refused(*arguments)
            assert said in refused(*arguments, dry_run=True)
        else:
            fetch(*arguments, tags=(TAG,))
            assert names(project / "wheelhouse") == [wheel.name]

    def test_time_that_is_not_known(self, project: Path, index: LocalIndex) -> None:
        """As in pip, a file of an index needs a time, and one on this machine does not."""
        wheel = make_wheel(project.parent / "index", "lib")
        (project / LOCK).write_text(lock_text([wheel], index.base))
        message = refused("-r", LOCK, "--uploaded-prior-to", "2025-01-01")
        assert message == (
            f"lib 1.0: the lock does not state when {wheel.name} was uploaded, which "
            "--uploaded-prior-to needs"
        )
        assert index.requests == ()
        (project / "pylock.toml").write_text(foreign(wheel, place="../index"))
        fetch("-r", "pylock.toml", "--uploaded-prior-to", "2025-01-01", tags=(TAG,))

    @pytest.mark.parametrize("value", ["soon", "P1W", "", "2026-13-01", "P99999999999999D"])
    def test_no_time(self, project: Path, value: str) -> None:
        wheel = make_wheel(project / "wheels", "lib")
        (project / "pylock.toml").write_text(foreign(wheel, time="2020-01-02T03:04:05Z"))
        with pytest.raises(UsageError, match=r"--uploaded-prior-to: .* is not a time"):
            fetch("-r", "pylock.toml", f"--uploaded-prior-to={value}", tags=(TAG,))

    def test_in_pips_configuration(self, project: Path) -> None:
        wheel = make_wheel(project / "wheels", "lib")
        text = foreign(wheel, time="2026-01-02T03:04:05Z")
        (project / "pylock.toml").write_text(text)
        arguments = ("-r", "pylock.toml", "--tags", TAG)
        result = run(project, *arguments, PIP_UPLOADED_PRIOR_TO="2025-01-01")
        assert result.exit_code == 1
        assert "pylock.toml:3:1: error: lib 1.0: lib-1.0-py3-none-any.whl was up" in result.stderr
        assert "2025-01-01 in pip's configuration" in result.stderr
        result = run(project, *arguments, PIP_UPLOADED_PRIOR_TO="2027-01-01")
        assert result.exit_code == 0, result.stderr

    def test_duration_counts_back_from_now(self) -> None:
        command = split_command_line(("--uploaded-prior-to=P3D",))
        now = datetime(2026, 11, 30, 12, tzinfo=UTC)
        assert read_rules(command, {}, now).cut_off == now - timedelta(days=3)


class TestReleases:
    """``--only-final``, with ``--all-releases`` and ``--pre``."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--only-final", ":all:"), "lib 1.0rc1: this is a pre-release"),
            (("--only-final", "Lib"), "lib 1.0rc1: this is a pre-release"),
            (("--only-final", "other"), ""),
            (("--only-final", ":all:", "--all-releases", "lib"), ""),
            (("--all-releases", "lib", "--only-final", ":all:"), "lib 1.0rc1: "),
            (("--only-final", ":all:", "--only-final", ":none:"), ""),
            (("--only-final=:all:,:none:,lib",), "lib 1.0rc1: "),
            (("--pre",), ""),
        ],
    )
    def test_locked_pre_release(self, project: Path, arguments: tuple[str, ...], said: str) -> None:
        wheel = make_wheel(project / "wheels", "lib", "1.0rc1")
        (project / "pylock.toml").write_text(foreign(wheel))
        if said:
            assert refused("-r", "pylock.toml", *arguments).startswith(said)
        else:
            fetch("-r", "pylock.toml", *arguments, tags=(TAG,))
            assert names(project / "wheelhouse") == [wheel.name]

    def test_pre_with_a_rule(self, project: Path) -> None:
        (project / "pylock.toml").write_text(foreign(make_wheel(project / "wheels", "lib")))
        with pytest.raises(UsageError, match="--pre cannot be combined with --only-final"):
            fetch("-r", "pylock.toml", "--pre", "--only-final=x", tags=(TAG,))

    def test_every_fault_is_reported(self, project: Path) -> None:
        wheels = [make_wheel(project / "wheels", name, "1.0b1") for name in ("a", "b")]
        (project / "pylock.toml").write_text(foreign(*wheels, time="2026-01-01T00:00:00Z"))
        options = ("--only-final=:all:", "--uploaded-prior-to=2025-01-01")
        with pytest.raises(InputError) as caught:
            fetch("-r", "pylock.toml", *options, tags=(TAG, "cp39-cp39-win32"))
        places = [fault.location and fault.location.line for fault in caught.value.faults]
        assert places == [3, 3, 11, 11]


def test_only_wheels(project: Path) -> None:
    """A source that was locked is kept, unless only wheels are wanted."""
    sdist = make_sdist(project / "wheels", "lib")
    (project / LOCK).write_text(lock_text([], "http://h") + foreign(sdist).split("\n", 2)[2])
    fetch("-r", LOCK, dry_run=True)
    for value in (":all:", "lib"):
        message = refused("-r", LOCK, f"--only-binary={value}")
        what = f"{sdist.name} is a source, which --only-binary {value} does not allow"
        assert message == f"lib 1.0: {what}"
    fetch("-r", LOCK, "--only-binary=other")
    fetch("-r", LOCK, "--only-binary=:all:", allow_sdist=("lib",))
    assert names(project / "wheelhouse") == [sdist.name]


def test_virtual_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pylock.toml").write_text(foreign(make_wheel(project / "wheels", "lib")))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(WheeltargetError) as caught:
        fetch("-r", "pylock.toml", "--require-virtualenv", tags=(TAG,))
    assert caught.value.exit_code == 3
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    with pytest.raises(WheeltargetError, match="not in a virtual environment"):
        fetch("-r", "pylock.toml", tags=(TAG,))
