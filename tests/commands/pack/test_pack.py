"""``wheeltarget pack``: it resolves, fetches, checks and writes in one run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.here import run_here
from tests.support.index import LocalIndex
from tests.support.interpreters import index_environment
from tests.support.packing import BOTH, LINUX, WINDOWS, Packer, files_of
from tests.support.projects import make_source
from tests.support.wheels import make_wheel
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack

WHEELS = {
    "app-1.0-py3-none-any.whl",
    "lib-1.0-cp36-cp36m-manylinux2014_x86_64.whl",
    "lib-1.0-cp313-cp313-win_amd64.whl",
    "win-1.0-py3-none-any.whl",
}


def test_one_folder_for_all_targets(run: Packer) -> None:
    pack = run.make()
    there = files_of(pack)
    assert {name for name in there if name.startswith("wheels/")} == {
        f"wheels/{wheel}{ending}" for wheel in WHEELS for ending in ("", ".metadata")
    }
    assert there["wheels/win-1.0-py3-none-any.whl.metadata"].startswith(b"Metadata-Version:")
    for target in (LINUX, WINDOWS):
        assert f"locks/pylock.{target}.toml" in there
        assert f"requirements/{target}.txt" in there
    assert b"win==1.0" in there[f"requirements/{WINDOWS}.txt"]
    assert b"win==" not in there[f"requirements/{LINUX}.txt"]
    assert verify_pack(PackVerifyRequest(str(pack))).findings == ()


def test_facts_of_a_target(run: Packer) -> None:
    document = json.loads(files_of(run.make())["pack.json"])
    assert document["schema"] == 1
    linux, windows = document["targets"]
    assert (linux["name"], linux["pip"]) == (LINUX, None)
    facts = linux["facts"]
    assert (facts["python"], facts["abi"], facts["glibc"]) == ("3.6.15", "cp36m", "2.17")
    assert facts["platforms"][:2] == ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]
    assert windows["facts"]["platforms"] == ["win_amd64"]
    app = document["files"][0]
    assert (app["project"], app["targets"]) == ("app", [WINDOWS, LINUX])
    assert app["url"].endswith("/app-1.0-py3-none-any.whl")


@pytest.mark.parametrize("name", ["other.zip", "other.tar.gz"])
def test_archives_have_the_same(run: Packer, name: str) -> None:
    archive = run.make(output=name)
    assert files_of(archive) == files_of(run.make())
    outcome = verify_pack(PackVerifyRequest(str(archive)))
    assert (outcome.findings, outcome.targets) == ((), (LINUX, WINDOWS))


def test_same_bytes_each_time(run: Packer) -> None:
    first = run.make(output="a/mypack.tgz").read_bytes()
    assert run.make(output="b/mypack.tgz").read_bytes() == first
    later = run.make(output="c/mypack.tgz", SOURCE_DATE_EPOCH="1700000000")
    assert later.read_bytes() != first
    assert files_of(later) == files_of(run.here / "a" / "mypack.tgz")


def test_locks_and_annotations_lead_to_the_same(run: Packer) -> None:
    (run.here / "needed.txt").write_text(f"# tags={LINUX},{WINDOWS}\napp\n")
    pack = run.make("-r", "needed.txt")
    run_here("lock", "-r", "needed.txt", *run.index.pip_args(), cwd=run.here)
    locks = [text for tag in (LINUX, WINDOWS) for text in ("-r", f"pylock.{tag}.toml")]
    assert files_of(run.make(*locks, output="second")) == files_of(pack)
    # The locks of a pack are locks like others.
    locks = [text for tag in (LINUX, WINDOWS) for text in ("-r", f"mypack/locks/pylock.{tag}.toml")]
    third = files_of(run.make(*locks, output="third"))
    same = {name for name in third if third[name] == files_of(pack)[name]}
    assert third.keys() - same == {"pack.json", "manifest.sha256"}  # no URL is known there


def test_foreign_lock(run: Packer) -> None:
    run_here("lock", "app", *run.index.pip_args(), *BOTH, cwd=run.here)
    text = (run.here / f"pylock.{WINDOWS}.toml").read_text().partition("[tool.wheeltarget]")[0]
    (run.here / "pylock.toml").write_text(text.replace('"wheeltarget"', '"another tool"'))
    pack = run.make("-r", "pylock.toml", "--tags", WINDOWS)
    assert b'created-by = "wheeltarget"' in files_of(pack)[f"locks/pylock.{WINDOWS}.toml"]
    assert verify_pack(PackVerifyRequest(str(pack))).findings == ()


def test_shared_options(run: Packer) -> None:
    (run.here / "limits.txt").write_text("lib<2\n")
    for tag in ("cp36-cp36m-manylinux2014_x86_64", "cp313-cp313-win_amd64"):
        make_wheel(run.shelf, "lib", "2.0", tag=tag)
    make_source(run.shelf, "old")
    options = ("-c", "limits.txt", "--exclude=win", "--allow-sdist=old")
    there = files_of(run.make("app", "old", *BOTH, *options))
    assert "wheels/old-1.0.tar.gz" in there
    assert "wheels/lib-1.0-cp313-cp313-win_amd64.whl" in there
    assert "wheels/win-1.0-py3-none-any.whl" not in there
    assert b"old-1.0.tar.gz" in there["simple/old/index.html"]
    assert b"metadata" not in there["simple/old/index.html"]


def test_local_wheels_are_in_the_pack(run: Packer) -> None:
    make_wheel(run.here / "mine", "own")
    result = run("own", "--tags", LINUX, "--find-links", "mine")
    assert (result.exit_code, "note:" in result.stderr) == (0, False)
    assert "wheels/own-1.0-py3-none-any.whl" in files_of(run.here / "mypack")


def test_project_with_an_index(run: Packer, tmp_path: Path) -> None:
    """Nothing of it, or of what builds it, comes from the other index, which offers more."""
    make_source(run.shelf, "mine", build_requires=["acme-build"])
    for name in "setuptools", "wheel":
        make_wheel(run.shelf, name, "1")
    for folder, version in (run.shelf, "9"), (tmp_path / "inside", "1"):
        for name in "acme-build", "acme-lib", "pip":
            make_wheel(folder, name, version)
    with LocalIndex(tmp_path / "inside") as own:
        indexes = [f"--index={name}={own.url}" for name in ("acme-*", "pip")]
        options = ("--allow-sdist=mine", "--tags", LINUX, *indexes)
        there = files_of(run.make("acme-lib", "mine", *options, with_pip=True))
        lock = f"mypack/locks/pylock.{LINUX}.toml"
        again = files_of(run.make("-r", lock, *indexes, output="again", with_pip=True))
    names = ("acme_build", "acme_lib", "pip", "setuptools", "wheel")
    wheels = {f"wheels/{name}-1-py3-none-any.whl" for name in names}
    for found in there, again:
        assert {name for name in found if name.endswith(".whl")} == wheels
    assert not {"acme-build", "acme-lib", "pip"} & {
        part for request in run.index.requests for part in request.path.split("/")
    }


def test_refused(run: Packer) -> None:
    assert "a pack needs a target" in run.refuse("app")
    run_here("lock", "app", "--tags", LINUX, *run.index.pip_args(), cwd=run.here)
    lock = f"pylock.{LINUX}.toml"
    assert "cannot be combined with a lock" in run.refuse("app", "-r", lock, *BOTH)
    assert "--same-versions cannot be combined" in run.refuse("-r", lock, "--same-versions")
    assert "use --output" in run.refuse("app", *BOTH, "-d", "house")
    assert "write -r" in run.refuse(lock, *BOTH)
    assert "there are no requirements" in run.refuse(*BOTH)
    assert "SOURCE_DATE_EPOCH" in run("app", *BOTH, SOURCE_DATE_EPOCH="now").stderr


def test_what_fails_leaves_the_old_pack(run: Packer) -> None:
    before = files_of(run.make())
    assert "missing" in run.refuse("missing", *BOTH, exit_code=3)
    make_wheel(run.shelf, "bad", files={"../bad.py": b""})
    assert "WC103" in run.refuse("bad", *BOTH, exit_code=3)
    assert files_of(run.here / "mypack") == before


def test_remade(run: Packer) -> None:
    pack = run.make()
    inode = pack.stat().st_ino
    assert "Unchanged" in run("app", *BOTH).stdout
    assert pack.stat().st_ino == inode
    make_wheel(run.shelf, "win", "2.0")
    (pack / "wheels" / "added.whl").touch()
    assert "besides those of the pack: wheels/added.whl" in run.refuse("app", *BOTH, exit_code=3)
    (pack / "wheels" / "added.whl").unlink()
    assert "Saved" in run("app", *BOTH).stdout
    there = {path.name for path in (pack / "wheels").iterdir()}
    assert "win-2.0-py3-none-any.whl" in there
    assert "win-1.0-py3-none-any.whl" not in there
    assert sorted(path.name for path in run.here.iterdir()) == ["mypack"]


def test_json(run: Packer) -> None:
    said = json.loads(run("app", *BOTH, "--format=json").stdout)
    assert set(said["files"]) == WHEELS
    assert said["targets"][0] == {"label": LINUX, "name": LINUX, "projects": 2, "pip": ""}
    assert (said["unchanged"], said["kept"], len(said["manifest"])) == (False, [], 64)
    assert [note for note in said["notes"] if "--with-pip" not in note] == []


def install(*arguments: str, cwd: Path) -> list[str]:
    """Install into the folder ``site`` with the running pip, and return what is there."""
    options = ("--quiet", "--no-cache-dir", "--target", "site", "--upgrade")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *arguments],
        cwd=cwd,
        env={**index_environment(), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(path.name for path in (cwd / "site").glob("*.dist-info"))


def test_a_year_later(run: Packer) -> None:
    """Only what is new is carried over, and the machine ends with what the new lock says."""
    version = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    tag = f"{version}-{version}-manylinux_2_28_x86_64"
    make_wheel(run.shelf, "base", "1.0")
    make_wheel(run.shelf, "tool", "1.0", requires=["base", "gone"])
    make_wheel(run.shelf, "gone", "1.0")
    old = run.make("tool", "--tags", tag, output="old")
    far = run.here / "far"
    far.mkdir()
    requirements = f"requirements/{tag}.txt"
    assert install("-r", str(old / requirements), cwd=far) == [
        "base-1.0.dist-info",
        "gone-1.0.dist-info",
        "tool-1.0.dist-info",
    ]
    make_wheel(run.shelf, "tool", "2.0", requires=["base", "fresh"])
    make_wheel(run.shelf, "fresh", "1.0")
    new = run.here / "new"
    for since in ("old", f"old/locks/pylock.{tag}.toml"):
        new = run.make("tool", "--tags", tag, "--since", since, output="new")
        wheels = {path.name for path in (new / "wheels").glob("*.whl")}
        assert wheels == {"tool-2.0-py3-none-any.whl", "fresh-1.0-py3-none-any.whl"}
        assert "wheels/base-1.0-py3-none-any.whl\n" in (new / "earlier.sha256").read_text()
        outcome = verify_pack(PackVerifyRequest(str(new)))
        assert (outcome.findings, len(outcome.notes)) == ((), 1)
    second = run.here / "second"
    second.mkdir()
    links = ("--find-links", str(old / "wheels"))
    assert install(*links, "-r", str(new / requirements), cwd=second) == [
        "base-1.0.dist-info",
        "fresh-1.0.dist-info",
        "tool-2.0.dist-info",
    ]
    # Over the earlier pack, it is the whole one, also as an index.
    new = run.make("tool", "--tags", tag, "--since", "old", output="new")
    whole = files_of(run.make("tool", "--tags", tag, output="whole"))
    shutil.copytree(new, old, dirs_exist_ok=True)
    over = files_of(old)
    assert whole.items() <= over.items()
    left = {"wheels/gone-1.0-py3-none-any.whl", "wheels/tool-1.0-py3-none-any.whl"}
    listed = {line[66:] for line in (old / "removed.sha256").read_text().splitlines()}
    assert left <= listed == over.keys() - whole.keys() - {"earlier.sha256", "removed.sha256"}
    outcome = verify_pack(PackVerifyRequest(str(old)))
    assert (outcome.findings, len(outcome.notes)) == ((), 1)
    for name in listed:
        (old / name).unlink()
    outcome = verify_pack(PackVerifyRequest(str(old)))
    assert (outcome.findings, outcome.notes) == ((), ())
    third = run.here / "third"
    third.mkdir()
    url = (old / "simple").as_uri()
    assert "base-1.0.dist-info" in install("--index-url", url, "tool", cwd=third)
    # What comes after that knows both.
    make_wheel(run.shelf, "tool", "3.0", requires=["base", "fresh"])
    newest = run.make("tool", "--tags", tag, "--since", "new", output="newest")
    assert [path.name for path in (newest / "wheels").glob("*.whl")] == [
        "tool-3.0-py3-none-any.whl"
    ]
