"""The script for sh: it finds every damage before anything of the pack runs, in every shell.

The threat is T16 of docs/security.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.cli import ROOT
from tests.support.packs import digest, pack_target, take_out, write_manifest, write_pack
from tests.support.wheels import make_sdist, make_wheel

pytestmark = pytest.mark.thorough

SCRIPT = ROOT / "wheeltarget" / "commands" / "pack" / "install.sh"
SHELLS = {"dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "ash")}
TAG = "cp36-cp36m-manylinux2014_x86_64"
PYTHON = """\
#!/bin/sh
[ "$1" = -E ] || printf '<%s>\\n' "$PWD" "$@" >>"$0.log"
"""

Shell = Sequence[str]
Words = list[str | Path]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Shell:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    return SHELLS[name]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a pack in a folder whose name a shell has to quote."""
    return make_pack(tmp_path / 'it\'s a "pack" [é] $HOME')


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return a program in place of Python, which writes down how it was started."""
    program = tmp_path / "some programs" / "python"
    program.parent.mkdir()
    program.write_text(PYTHON, "utf-8")
    program.chmod(0o755)
    return program


def make_pack(folder: Path, version: str = "1.0") -> Path:
    wheels = [
        make_wheel(folder.parent / "made", "one", version, tag=TAG),
        make_wheel(folder.parent / "made", "two", "1.0"),
    ]
    return write_pack(folder, [pack_target(TAG)], {TAG: wheels})


def run(
    shell: Shell, *arguments: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell, *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def starts_of(python: Path) -> list[str]:
    """Return the working folder and the arguments of each start, but for trying whether it does."""
    log = python.with_name("python.log")
    return log.read_text("utf-8").splitlines() if log.exists() else []


def wheel(pack: Path, project: str) -> Path:
    return next(pack.joinpath("wheels").glob(f"{project}-*.whl"))


# What is refused


def change(pack: Path) -> None:
    data = bytearray(wheel(pack, "one").read_bytes())
    data[100] ^= 1
    wheel(pack, "one").write_bytes(data)


def cut_off(pack: Path) -> None:
    wheel(pack, "one").write_bytes(wheel(pack, "one").read_bytes()[:-1])


def swap(pack: Path) -> None:
    one, two = wheel(pack, "one"), wheel(pack, "two")
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def rename(pack: Path) -> None:
    wheel(pack, "one").rename(pack / "wheels" / "other-1.0-py3-none-any.whl")


def add_beside_a_listed_name(pack: Path) -> None:
    # To find, this looks like the two listed files choose_target.py and pack.json.
    folder = pack / "choose_target.py\n."
    folder.mkdir()
    folder.joinpath("pack.json").touch()


def add_hidden(pack: Path) -> None:
    pack.joinpath("simple").mkdir()
    pack.joinpath("simple", ".x").touch()


def link(pack: Path) -> None:
    one = wheel(pack, "one")
    one.rename(pack.parent / one.name)
    one.symlink_to(pack.parent / one.name)


def edit_manifest(edit: Callable[[str], str]) -> Callable[[Path], None]:
    def change(pack: Path) -> None:
        manifest = pack / "manifest.sha256"
        manifest.write_text(edit(manifest.read_text("utf-8")), "utf-8", newline="")

    return change


DAMAGES = {
    "changed": (change, "not as it was packed: wheels/one-"),
    "cut off": (cut_off, "not as it was packed: wheels/one-"),
    "swapped": (swap, "not as it was packed: wheels/two-1.0-py3-none-any.whl"),
    "missing": (lambda pack: wheel(pack, "two").unlink(), "missing: wheels/two-1.0-"),
    "renamed": (rename, "added: wheels/other-1.0-py3-none-any.whl"),
    "script changed": (
        lambda pack: pack.joinpath("choose_target.py").write_text("raise SystemExit(0)", "utf-8"),
        "not as it was packed: choose_target.py",
    ),
    "added wheel": (
        lambda pack: make_wheel(pack / "wheels", "evil"),
        "added: wheels/evil-1.0-py3-none-any.whl",
    ),
    "added module": (lambda pack: pack.joinpath("json.py").touch(), "added: json.py"),
    "added and hidden": (add_hidden, "added: simple/.x"),
    "added with a line break": (add_beside_a_listed_name, "with a line break in its name"),
    "link": (link, "neither a file nor a folder: ./wheels/one-"),
    "pipe": (lambda pack: os.mkfifo(pack / "pipe"), "neither a file nor a folder: ./pipe"),
    "no manifest": (lambda pack: (pack / "manifest.sha256").unlink(), "no manifest.sha256"),
    "empty manifest": (edit_manifest(lambda _: ""), "no manifest.sha256"),
    "manifest without a line": (
        edit_manifest(lambda text: text.partition("\n")[2]),
        "added: README.txt",
    ),
    "manifest cut off": (edit_manifest(lambda text: text[:-4]), "missing: wheels/two-1.0-"),
    "manifest with other lines": (
        edit_manifest(lambda text: text.replace("\n", "\r\n")),
        "manifest.sha256 is damaged in line 1",
    ),
    "manifest leads out": (
        edit_manifest(lambda text: text + "0" * 64 + "  wheels/../../x\n"),
        "is damaged in line",
    ),
    "manifest with a root": (
        edit_manifest(lambda text: "0" * 64 + "  /etc/passwd\n" + text),
        "is damaged in line 1",
    ),
    "manifest names a file twice": (
        edit_manifest(lambda text: text + "0" * 64 + "  pack.json\n"),
        "names a file twice: pack.json",
    ),
    "manifest names itself": (
        edit_manifest(lambda text: text + "0" * 64 + "  manifest.sha256\n"),
        "not as it was packed: manifest.sha256",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_before_anything_runs(
    damage: str, shell: Shell, pack: Path, python: Path, tmp_path: Path
) -> None:
    do, message = DAMAGES[damage]
    do(pack)
    done = run(shell, pack / "install.sh", "--python", python, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert "\nhint: " in done.stderr
    assert starts_of(python) == []


# What is installed


def test_the_choice_gets_the_options(
    shell: Shell, pack: Path, python: Path, tmp_path: Path
) -> None:
    options = ["--target=a b", "--venv", "it's $HOME", "--python", "some programs/python"]
    pips = ["--target", "x  y", "--prefix=*", "--python", ""]
    done = run(shell, pack / "install.sh", *options, "--", *pips, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "All 9 files are as they were packed.\n"
    words = [
        "-B",
        pack / "choose_target.py",
        "--target",
        "a b",
        "--venv",
        "it's $HOME",
        "--",
        *pips,
    ]
    assert starts_of(python) == [f"<{tmp_path}>", *(f"<{word}>" for word in words)]


def test_the_script_is_found_from_everywhere(
    shell: Shell, pack: Path, python: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.joinpath("further").symlink_to("../elsewhere/link")
    elsewhere.joinpath("link").symlink_to(os.path.relpath(pack / "install.sh", elsewhere))
    tmp_path.joinpath("folder").symlink_to(pack)
    for script, cwd in (
        ("install.sh", pack),
        ("./install.sh", pack),
        (f"../{pack.name}/install.sh", elsewhere),
        ("further", elsewhere),
        (tmp_path / "folder" / "install.sh", elsewhere),
    ):
        python.with_name("python.log").unlink(missing_ok=True)
        done = run(shell, script, "--python", python, cwd=cwd, CDPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert starts_of(python) == [f"<{cwd}>", "<-B>", f"<{pack}/choose_target.py>"]


def test_a_pack_that_cannot_be_written_to(
    shell: Shell, pack: Path, python: Path, tmp_path: Path
) -> None:
    before = {path: path.stat() for path in pack.rglob("*")}
    for path in [*before, pack]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    line = 'umask 777; exec "$@"'
    try:
        words: Words = [*shell, pack / "install.sh", "--python", python]
        done = run(["sh", "-c"], line, "sh", *words, cwd=tmp_path, TMPDIR=str(tmp_path / "none"))
        assert done.returncode == 0, done.stderr
        # This Python writes no compiled modules.
        assert [path for path in pack.rglob("*") if path not in before] == []
    finally:
        pack.chmod(0o755)
        pack.joinpath("wheels").chmod(0o755)


def test_only_verifying_needs_no_python(shell: Shell, pack: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", "sha256sum")
    done = run(program(shell), pack / "install.sh", "--verify-only", cwd=tmp_path, PATH=path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    change(pack)
    done = run(program(shell), pack / "install.sh", "--verify-only", cwd=tmp_path, PATH=path)
    assert done.returncode == 1


@pytest.mark.parametrize("hashing", ["shasum", "python"])
def test_other_programs_that_hash(hashing: str, shell: Shell, pack: Path, tmp_path: Path) -> None:
    if hashing == "shasum" and shutil.which("shasum") is None:
        pytest.skip("there is no shasum here")
    names = ["shasum", "perl"] if hashing == "shasum" else []
    path = tools(tmp_path / "bin", *names)
    words: Words = [
        *program(shell),
        pack / "install.sh",
        "--verify-only",
        "--python",
        sys.executable,
    ]
    for harm, names in ((lambda _: None, []), (change, ["one"]), (swap, ["one", "two"])):
        harm(pack)
        done = run([], *words, cwd=tmp_path, PATH=path)
        assert done.returncode == bool(names), done.stderr
        assert done.stderr.count("not as it was packed: wheels/") == len(names)
    wheel(pack, "two").unlink()
    # A module of the pack is not imported to check it.
    pack.joinpath("hashlib.py").write_text("print('evil')", "utf-8")
    done = run([], *words, cwd=pack, PATH=path)
    assert "missing: wheels/two-" in done.stderr
    assert "evil\n" not in done.stdout + done.stderr


def tools(folder: Path, *names: str) -> str:
    """Return a PATH with the programs that the script needs, and some more."""
    folder.mkdir()
    for name in ("find", "grep", "sed", "sort", "uniq", "cat", "readlink", *names):
        found = shutil.which(name)
        assert found is not None
        folder.joinpath(name).symlink_to(found)
    return str(folder)


def program(shell: Shell) -> Shell:
    found = shutil.which(shell[0])
    assert found is not None
    return [found, *shell[1:]]


def test_mistakes_on_the_command_line(shell: Shell, pack: Path, tmp_path: Path) -> None:
    for words, code, message in (
        (["--user"], 2, "error: unknown option --user; options of pip follow --\n"),
        (["wheels"], 2, "error: unknown option wheels; options of pip follow --\n"),
        (["--venv"], 2, "error: --venv needs a value\n"),
        (["--target", ""], 2, "error: --target needs a value\n"),
        (["--earlier", "nowhere"], 1, "error: there is no folder nowhere\n"),
        (["--python", "/no/python"], 1, "error: /no/python is not a Python that starts"),
        (["--python", "false"], 1, "error: false is not a Python that starts"),
    ):
        done = run(shell, pack / "install.sh", *words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith(message)
    done = run(shell, pack / "install.sh", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: sh install.sh [OPTIONS] [-- PIP_OPTIONS]\n")


def test_a_python_on_path_has_to_start(
    shell: Shell, pack: Path, python: Path, tmp_path: Path
) -> None:
    path = tools(tmp_path / "bin", "sha256sum")
    words: Words = [*program(shell), pack / "install.sh"]
    done = run([], *words, cwd=tmp_path, PATH=path)
    assert done.stderr.startswith("error: there is no Python on PATH\nhint: name one: ")
    broken = tmp_path / "bin" / "python3"
    broken.write_text("#!/bin/sh\necho no such version >&2\nexit 127\n", "utf-8")
    broken.chmod(0o755)
    tmp_path.joinpath("bin", "python").symlink_to(python)
    done = run([], *words, cwd=tmp_path, PATH=path)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    log = tmp_path / "bin" / "python.log"
    assert log.read_text("utf-8").count("choose_target.py") == 1


# Packs that add to an earlier one


@pytest.fixture
def difference(tmp_path: Path) -> Path:
    """Return a pack without the file that it shares with the first one."""
    folder = make_pack(tmp_path / "a difference", "2.0")
    take_out(folder, "wheels/two-1.0-py3-none-any.whl")
    return folder


def test_what_is_not_here_comes_from_the_earlier_pack(
    shell: Shell, pack: Path, difference: Path, python: Path, tmp_path: Path
) -> None:
    words: Words = ["--python", python]
    done = run(shell, difference / "install.sh", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "  only in the earlier pack: wheels/two-1.0-py3-none-any.whl\n" in done.stderr
    assert done.stderr.endswith(
        "hint: unpack it over the earlier pack, or name that folder with --earlier\n"
    )
    earlier: Words = ["--earlier", difference, "--earlier", pack.name]
    done = run(shell, difference / "install.sh", *words, *earlier, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert starts_of(python)[-2:] == ["<--earlier>", f"<{pack}>"]
    python.with_name("python.log").unlink()
    wheel(pack, "two").write_bytes(b"")
    done = run(shell, difference / "install.sh", *words, *earlier, cwd=tmp_path)
    assert done.returncode == 1
    assert f"  not as it was packed, in {pack}: wheels/two-1.0-" in done.stderr
    wheel(pack, "one").unlink()
    wheel(pack, "two").unlink()
    wheel(difference, "one").unlink()
    done = run(shell, difference / "install.sh", *words, *earlier, cwd=tmp_path)
    assert "  missing: wheels/one-2.0-" in done.stderr
    assert "  only in the earlier pack: wheels/two-1.0-" in done.stderr
    assert starts_of(python) == []


def test_a_pack_over_the_earlier_one(
    shell: Shell, pack: Path, difference: Path, python: Path, tmp_path: Path
) -> None:
    old = wheel(pack, "one")
    removed = f"{digest(old)}  wheels/{old.name}\n"
    shutil.copytree(difference, pack, dirs_exist_ok=True)
    words: Words = ["--python", python]
    done = run(shell, pack / "install.sh", *words, cwd=tmp_path)
    assert f"  added: wheels/{old.name}\n" in done.stderr
    pack.joinpath("removed.sha256").write_text(removed, "utf-8")
    done = run(shell, pack / "install.sh", *words, cwd=tmp_path)
    assert done.returncode == 0
    assert "note: removed.sha256 lists files that are left and can be deleted\n" in done.stderr
    python.with_name("python.log").unlink()
    # Another file of that name is not the one that was there.
    content = old.read_bytes()
    old.write_bytes(b"something else")
    done = run(shell, pack / "install.sh", *words, cwd=tmp_path)
    assert f"  added: wheels/{old.name}\n" in done.stderr
    # pip has no hashes of what builds a source.
    old.write_bytes(content)
    make_sdist(pack / "wheels", "three")
    old.rename(pack / old.name)
    pack.joinpath("removed.sha256").rename(pack.parent / "removed.sha256")
    pack.joinpath("earlier.sha256").unlink()
    write_manifest(pack)
    pack.joinpath(old.name).rename(old)
    pack.parent.joinpath("removed.sha256").rename(pack / "removed.sha256")
    done = run(shell, pack / "install.sh", *words, cwd=tmp_path)
    assert f"  left from the earlier pack: wheels/{old.name}\n" in done.stderr
    assert starts_of(python) == []
