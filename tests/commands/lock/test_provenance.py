"""What locks keep of an index that pip ignores: publishers of files, and statuses of projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import download, names, wheeltarget
from tests.support.index import LocalIndex, Status
from tests.support.locking import BOTH, NEW, data, make
from tests.support.provenance import IDENTITY, provenance_of
from tests.support.wheels import make_wheel
from wheeltarget.commands.lock.files import Form, LockOutcome
from wheeltarget.errors import UsageError


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return the folder of the index."""
    return tmp_path / "index"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of our own."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class TestProvenance:
    """Who has published a file, as the standard has it, and where that is said."""

    def lock(self, index: LocalIndex, *arguments: str, **asked: Any) -> LockOutcome:
        """Lock a project and one that is not attested."""
        return make(index, "app", *arguments, tags=(NEW,), **asked)

    def attest(self, index: LocalIndex, shelf: Path) -> str:
        """Let the index have the provenance of the application."""
        path = make_wheel(shelf, "app", requires=["lib"])
        make_wheel(shelf, "lib")
        url = index.add_file("/integrity/app", provenance_of(path))
        index.attest(path.name, url)
        return url

    def test_lock_and_download(self, index: LocalIndex, shelf: Path, project: Path) -> None:
        url = self.attest(index, shelf)
        outcome = self.lock(index, provenance=True)
        assert outcome.notes == ("no provenance is known of lib-1.0-py3-none-any.whl",)
        app, lib = data(NEW)["packages"]
        assert app["attestation-identities"] == [IDENTITY]
        assert app["tool"] == {"wheeltarget": {"provenance": url}}
        assert "attestation-identities" not in lib
        index.clear()
        lock = f"pylock.{NEW}.toml"
        run = wheeltarget("download", "-r", lock, "-d", "house", "--provenance", cwd=project)
        assert run.exit_code == 0, run.stderr
        assert index.count("/simple/app/") == 0
        app_file = "app-1.0-py3-none-any.whl"
        assert names(Path("house")) == [
            app_file,
            f"{app_file}.provenance",
            lib["wheels"][0]["name"],
        ]

    def test_known_identities_stay(self, index: LocalIndex, shelf: Path, project: Path) -> None:
        """Without the option nothing is fetched, and nothing is lost while the file is the same."""
        assert project.is_dir()
        self.attest(index, shelf)
        self.lock(index)
        assert "attestation" not in Path(f"pylock.{NEW}.toml").read_text()
        self.lock(index, provenance=True)
        index.clear()
        assert not self.lock(index).is_stale
        assert index.count("/integrity/app") == 0
        index.fault("/integrity/app", Status(404))
        assert not self.lock(index, provenance=True).is_stale
        make_wheel(shelf, "app", "2")
        self.lock(index, upgrade=True)
        assert "attestation" not in Path(f"pylock.{NEW}.toml").read_text()

    def test_requirements_have_no_place_for_it(self, index: LocalIndex) -> None:
        with pytest.raises(UsageError, match=r"--provenance needs a pylock\.toml"):
            self.lock(index, provenance=True, form=Form.REQUIREMENTS)


def test_status_of_a_project(index: LocalIndex, shelf: Path, project: Path) -> None:
    """It is said each time; of a quarantined project, which has no files, as a reason."""
    make_wheel(shelf, "app", requires=["lib"])
    make_wheel(shelf, "lib")
    index.mark("lib", "archived", "use app")
    said = f"lib is archived according to {index.url}lib/: use app"
    for _ in range(2):
        assert said in make(index, "app", tags=(BOTH,)).notes
    index.page_headers["Cache-Control"] = "max-age=600"
    for _ in range(2):
        run = wheeltarget(
            *("download", "app", "--tags", NEW, "-d", "house", *index.pip_args()), cwd=project
        )
        assert run.exit_code == 0, run.stderr
        assert f"note: {said}\n" in run.stderr
    run = wheeltarget("explain", "lib", "--tags", NEW, *index.pip_args(), cwd=project)
    assert f"note: {said}\n" in run.stdout + run.stderr
    index.page_headers.clear()
    index.mark("lib", "quarantined", "malware")
    run = download(index, "app", "--tags", NEW, cwd=project)
    assert run.exit_code == 1
    assert f"ERROR: lib is quarantined according to {index.url}lib/: malware\n" in run.stderr
