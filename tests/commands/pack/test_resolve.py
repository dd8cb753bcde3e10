"""What a pack is made of; ``test_pack`` has whole runs."""

from __future__ import annotations

from pathlib import Path

from tests.support.locked import lock_of
from tests.support.packing import LINUX, Packer
from tests.support.projects import make_source
from wheeltarget.commands.pack.resolve import in_pack, name_in_pack


def test_lock_in_a_pack_names_its_files() -> None:
    (package,) = in_pack(lock_of(("lib", "1.0", "0" * 64))).packages
    assert (package.url, package.path) == ("", "../wheels/lib-1.0-py3-none-any.whl")


def test_name_of_a_target() -> None:
    assert name_in_pack("debian-12-python3.11-aarch64") == "debian-12-python3_11-aarch64"
    assert name_in_pack("my box/x") == "my-box-x"


def test_what_pip_does_not_find_by_name_is_refused(run: Packer, tmp_path: Path) -> None:
    source = make_source(tmp_path / "trees", "old")
    source.rename(tmp_path / "main.tar.gz")
    url = (tmp_path / "main.tar.gz").as_uri()
    said = run.refuse(f"old @ {url}", "--tags", LINUX, "--allow-sdist=old", exit_code=3)
    assert "which pip cannot find in a folder" in said
    assert "--build-pure old" in said


def test_built_wheel_is_packed(run: Packer) -> None:
    make_source(run.shelf, "old")
    pack = run.make("old", "--tags", LINUX, "--build-pure=old")
    assert (pack / "wheels" / "old-1.0-py3-none-any.whl").is_file()
