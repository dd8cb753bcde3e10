"""``wheeltarget pack verify`` finds whatever is wrong with a pack, and names all of it.

The threat is T16 of docs/security.md.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.here import run_here
from tests.support.packing import LINUX, WINDOWS, Packer, copied, files_of, tarred, zipped
from wheeltarget.commands.pack.layout import Pack, manifest_text
from wheeltarget.commands.pack.verify import PackVerifyRequest, verify_pack

pytestmark = pytest.mark.thorough

WIN = "wheels/win-1.0-py3-none-any.whl"
APP = "wheels/app-1.0-py3-none-any.whl"
Change = Callable[[Path], object]


@pytest.fixture
def pack(run: Packer) -> Path:
    """Return a pack without faults."""
    return run.make()


def codes(pack: Path) -> dict[str, str]:
    """Return the code and the message of each finding, by the path in the pack."""
    found = verify_pack(PackVerifyRequest(str(pack))).findings
    start = f"{pack}/"
    return {each.file.removeprefix(start): f"{each.code} {each.message}" for each in found}


def swap(folder: Path) -> None:
    app, win = (folder / APP).read_bytes(), (folder / WIN).read_bytes()
    (folder / APP).write_bytes(win)
    (folder / WIN).write_bytes(app)


def flip(folder: Path) -> None:
    data = bytearray((folder / WIN).read_bytes())
    data[40] ^= 1
    (folder / WIN).write_bytes(data)


def cut(folder: Path) -> None:
    os.truncate(folder / WIN, 50)


def rename(folder: Path) -> None:
    (folder / WIN).rename(folder / "wheels" / "WIN-1.0-py3-none-any.whl")


CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "damaged": (flip, {WIN: "WC703 its sha256 differs from the manifest, so it is damaged"}),
    "truncated": (cut, {WIN: "WC703"}),
    "exchanged": (swap, {APP: f"WC703 its sha256 differs from the manifest: it has the content of "
                              f"{WIN}", WIN: "WC703"}),
    "missing": (lambda folder: (folder / WIN).unlink(), {WIN: "WC702 it is missing"}),
    "added": (lambda folder: (folder / "wheels" / "x.whl").touch(), {"wheels/x.whl": "WC704"}),
    "other case": (rename, {
        WIN: "WC702 it is missing; wheels/WIN-1.0-py3-none-any.whl differs from it only by case",
        "wheels/WIN-1.0-py3-none-any.whl": "WC704",
    }),
    "no manifest": (lambda folder: (folder / "manifest.sha256").unlink(), {"": "WC701"}),
    "cut manifest": (lambda folder: os.truncate(folder / "manifest.sha256", 100), {
        "manifest.sha256": "WC706 its last line is cut off", APP: "WC704",
    }),
}  # fmt: skip


@pytest.mark.parametrize("archive", [None, zipped, tarred], ids=["folder", "zip", "tar"])
def test_changes(pack: Path, archive: Callable[[Path], Path] | None) -> None:
    assert codes(archive(pack) if archive else pack) == {}
    for kind, (change, expected) in CHANGES.items():
        changed = copied(pack, change, kind)
        place = archive(changed) if archive else changed
        found = {name.removeprefix(str(place)): text for name, text in codes(place).items()}
        for name, message in expected.items():
            assert found.get(name, "").startswith(message), (kind, found)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the smallest pack that is read as one: a manifest and two files."""
    folder = tmp_path_factory.mktemp("small") / "pack"
    (folder / "locks").mkdir(parents=True)
    hashes = {}
    for name, content in (("pack.json", Pack((), ()).as_text().encode()), ("locks/x", b"x" * 9)):
        (folder / name).write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.sha256").write_text(manifest_text(hashes))
    return folder


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_changed_byte_is_found(small: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files_of(small))))
    content = (small / name).read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    changed = small.with_name("changed")
    shutil.rmtree(changed, ignore_errors=True)
    copied(small, lambda _: None)
    (changed / name).write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
    assert codes(small) == {}
    assert codes(changed) != {}


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_truncated_archive(run: Packer, ending: str) -> None:
    whole = run.make(output=f"mypack{ending}").read_bytes()
    place = run.here / f"cut{ending}"
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        place.write_bytes(whole[:length])
        assert any(text.startswith("WC701") for text in codes(place).values()), length
    place.write_bytes(whole + b"more")
    assert (codes(place) != {}) == (ending == ".tar.gz")


def test_unsafe_archives(pack: Path) -> None:
    for number, name in enumerate(("../x", "/x", "a\\x", "C:/x", "mypack/aux", "other/x")):
        found = codes(zipped(copied(pack, lambda _: None, f"copy{number}"), **{name: b""}))
        assert any(text.startswith("WC705") for text in found.values()), name
    for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)):
        member = tarfile.TarInfo(f"tar{number}/wheels/link")
        member.type, member.linkname = kind, "/etc/passwd"
        found = codes(tarred(copied(pack, lambda _: None, f"tar{number}"), member))
        assert any("a link or a special file" in text for text in found.values())
    twice = tarfile.TarInfo("twice/pack.json")
    found = codes(tarred(copied(pack, lambda _: None, "twice"), twice))
    assert found["pack.json"] == "WC705 the archive has it twice"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_links_are_not_followed(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "win").write_bytes((pack / WIN).read_bytes())

    def link(folder: Path) -> None:
        (folder / WIN).unlink()
        (folder / WIN).symlink_to(tmp_path / "win")
        (folder / "locks" / "more").symlink_to(tmp_path)
        os.mkfifo(folder / "pipe")

    found = codes(copied(pack, link))
    assert found["locks/more"] == "WC705 it is a symbolic link"
    assert found["pipe"] == "WC705 it is neither a file nor a folder"
    assert WIN in found


def sealed(folder: Path) -> None:
    """Write the manifest of what is in a folder now."""
    hashes = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files_of(folder).items()
        if name != "manifest.sha256"
    }
    (folder / "manifest.sha256").write_text(manifest_text(hashes))


def edit(name: str, old: str, new: str, folder: Path) -> None:
    """Replace a text in a file, and write the manifest again."""
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    sealed(folder)


LOCK, LINES = f"locks/pylock.{WINDOWS}.toml", f"requirements/{WINDOWS}.txt"
CONTRADICTIONS: dict[str, tuple[str, str, str, str]] = {
    "version": (LINES, "sha256:", "sha256:0", LINES),
    "lock": (LOCK, "win-1.0-py3", "app-1.0-py3", LOCK),
    "target": (LOCK, "cp313-cp313-win_amd64", "cp313-cp313-win32", LOCK),
    "page": ("simple/win/index.html", "win-1.0", "win-2.0", "simple/win/index.html"),
    "json page": ("simple/win/index.json", "win-1.0", "win-2.0", "simple/win/index.json"),
    "pack.json": ("pack.json", "wheels/win-1.0", "wheels/win-2.0", "pack.json"),
    "schema": ("pack.json", '"schema": 1', '"schema": 9', "pack.json"),
}
"""The file to change, the old and the new text, and the file that is named."""


def test_contradictions(pack: Path) -> None:
    """The manifest is right, and the files contradict one another."""
    for kind, (name, old, new, named) in CONTRADICTIONS.items():
        found = codes(copied(pack, functools.partial(edit, name, old, new), kind))
        assert found.get(named, "").startswith(("WC706", "WC707")), (kind, found)

    def remove(folder: Path) -> None:
        (folder / LOCK).unlink()
        sealed(folder)

    assert "pack.json names it, not the manifest" in codes(copied(pack, remove))[LOCK]


def test_everything_is_reported_once(pack: Path) -> None:
    (pack / WIN).unlink()
    (pack / "added").touch()
    result = run_here("pack", "verify", "mypack", cwd=pack.parent)
    assert result.exit_code == 1
    assert result.stdout == (
        f"mypack/{WIN}: WC702 it is missing\n"
        "mypack/added: WC704 the manifest does not name it: it was added, or renamed\n"
    )
    assert result.stderr.startswith("2 findings in ")
    result = run_here("pack", "verify", "mypack", "--format", "json", cwd=pack.parent)
    said = json.loads(result.stdout)
    assert (result.exit_code, said["schema"], said["targets"]) == (1, 1, [LINUX, WINDOWS])
    assert [each["code"] for each in said["findings"]] == ["WC702", "WC704"]


def test_not_a_pack(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run_here("pack", "verify", "gone", cwd=tmp_path)
    assert (result.exit_code, "gone does not exist" in result.stderr) == (2, True)
    result = run_here("pack", "verify", "file", cwd=tmp_path)
    assert (result.exit_code, "neither a folder nor an archive" in result.stderr) == (2, True)
    result = run_here("pack", "verify", ".", cwd=tmp_path)
    assert (result.exit_code, "it has no manifest.sha256" in result.stdout) == (1, True)
