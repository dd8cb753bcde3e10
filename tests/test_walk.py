"""At each system call that writes: the disk is full or fails, or the process is killed.

Afterwards each output is the old one or the new one, whole; the message is one sentence; and the
next run succeeds and leaves nothing of ours beside the outputs.

``pytest -m walk --walk 1`` tries all calls, ``--walk 20`` each 20th; see docs/contributing.md.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pip
import pytest
from packaging.version import Version

from tests.support import walk
from tests.support.cli import command, wheeltarget
from tests.support.index import LocalIndex
from tests.support.locked import lock_wheels
from tests.support.locks import TAG, lock_text
from tests.support.wheels import make_wheel

OTHER = "cp39-cp39-manylinux2014_x86_64"
OLD = b"old"

pytestmark = [
    pytest.mark.walk,
    pytest.mark.skipif(not walk.WORKS, reason="there is no strace, or it may not trace"),
]


@dataclass(frozen=True)
class Scene:
    """What is run, and where.

    :param words: the words behind ``wheeltarget``.
    :param outputs: what the run makes, each whole; relative to the folder.
    :param exit_codes: how a run ends well: one that has something to do, and one that has not.
    :param each_file: whether each file of an output is old or new for itself.
    :param is_remembered: whether it is the same run only if all variables are the same.
    """

    words: Sequence[str]
    outputs: Sequence[str]
    exit_codes: Sequence[int] = (0,)
    each_file: bool = False
    is_remembered: bool = False


Make = Callable[[Path, LocalIndex], Scene]


def _stock(folder: Path) -> tuple[Path, Path]:
    """Put two wheels into the index."""
    shelf = _shelf(folder)
    return make_wheel(shelf, "big", requires=["small"]), make_wheel(shelf, "small")


def _shelf(folder: Path) -> Path:
    """Return the folder that the index serves."""
    return folder.parent / "index"


def _resolving(folder: Path, index: LocalIndex) -> Scene:
    """Download for two targets: one replaces an older file, the other gets a folder."""
    _stock(folder)
    house = folder / "house" / TAG
    house.mkdir(parents=True)
    (house / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    (folder / "house" / "notes.txt").write_text("mine")
    (folder / "report.json").write_text("{}")
    words = ["download", "--cache-dir=pip-cache", *index.pip_args(), "--by-target", "-d", "house"]
    words += ["--report", "report.json", f"big ; tags={TAG}", f"small ; tags={OTHER}"]
    return Scene(words, ("house", "report.json"))


def _first_time(folder: Path, index: LocalIndex) -> Scene:
    """Download to a destination that does not exist yet, nor does the folder above it."""
    _stock(folder)
    words = ["download", "--no-cache-dir", *index.pip_args(), "-d", "new/house"]
    return Scene([*words, f"small ; tags={TAG}"], ("new",))


def _from_lock(folder: Path, index: LocalIndex) -> Scene:
    """Download what a lock names over an older file."""
    wheels = _stock(folder)
    (folder / "house").mkdir()
    (folder / "house" / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    (folder / "pylock.toml").write_text(lock_text(wheels, index.base))
    words = ["download", "-d", "house", "--report", "report.json", "-r", "pylock.toml"]
    return Scene(words, ("house", "report.json"))


def _from_memory(folder: Path, index: LocalIndex) -> Scene:
    """Repeat a download of which files have been removed from the destination."""
    _stock(folder)
    index.page_headers = {"Cache-Control": "max-age=6000, public"}
    (folder / "requirements.txt").write_text(f"big  # tags={TAG}\nsmall  # tags={OTHER}\n")
    words = ["download", "--cache-dir=pip-cache", *index.pip_args(), "--by-target", "-d", "house"]
    scene = Scene([*words, "-r", "requirements.txt"], ("house",), is_remembered=True)
    time.sleep(0.05)  # what has been changed just now is not remembered
    _run_well(scene, folder)
    shutil.rmtree(folder / "house" / OTHER)
    (folder / "house" / TAG / "big-1.0-py3-none-any.whl").unlink()
    return scene


def _locking(folder: Path, index: LocalIndex) -> Scene:
    """Lock again for one target, and for the first time for another."""
    make_wheel(_shelf(folder), "small", "0.9")
    words = ["lock", "--no-cache-dir", *index.pip_args(), "-o", "locks", f"small ; tags={TAG}"]
    _run_well(Scene(words, ("locks",)), folder)
    make_wheel(_shelf(folder), "small")
    return Scene([*words, f"small ; tags={OTHER}", "--upgrade"], ("locks",))


def _merging(folder: Path, _: LocalIndex) -> Scene:
    """Join two wheelhouses with a third one that has an older file."""
    make_wheel(folder / "one", "small")
    make_wheel(folder / "two" / TAG, "big")
    (folder / "house").mkdir()
    (folder / "house" / "small-1.0-py3-none-any.whl").write_bytes(OLD)
    return Scene(["merge", "one", "two", "-d", "house"], ("house",))


def _archive(folder: Path, _: LocalIndex) -> Scene:
    """Bundle into an archive and a component list, both of which exist already."""
    lock_wheels([make_wheel(folder / "wheels", "small")], TAG, folder / "pylock.t.toml")
    (folder / "app.zip").write_bytes(OLD)
    (folder / "components.json").write_bytes(OLD)
    words = ["bundle", "-r", "pylock.t.toml", "--wheels", "wheels", "-o", "app.zip"]
    return Scene([*words, "--components", "components.json"], ("app.zip", "components.json"))


def _folder(folder: Path, _: LocalIndex) -> Scene:
    """Bundle into a folder that is empty."""
    lock_wheels([make_wheel(folder / "wheels", "small")], TAG, folder / "pylock.t.toml")
    (folder / "app").mkdir()
    words = ["bundle", "-r", "pylock.t.toml", "--wheels", "wheels", "-o", "app"]
    return Scene(words, ("app",), exit_codes=(0, 3))


def _fetched(folder: Path, index: LocalIndex) -> Scene:
    """Bundle wheels that have to be fetched first."""
    (folder / "pylock.toml").write_text(lock_text(_stock(folder), index.base))
    return Scene(["bundle", "-r", "pylock.toml", "-o", "app.zip"], ("app.zip",))


def _pruning(folder: Path, _: LocalIndex) -> Scene:
    """Remove two wheels that no lock names."""
    lock_wheels([make_wheel(folder / "house", "small")], TAG, folder / "pylock.t.toml")
    for name in ("stray", "other"):
        make_wheel(folder / "house", name)
    return Scene(["prune", "house", "-r", "pylock.t.toml"], ("house",), each_file=True)


def _transferring(folder: Path, _: LocalIndex) -> Scene:
    """Copy what another machine lacks, over an older file."""
    wheels = [make_wheel(folder / "house", name) for name in ("small", "big", "more")]
    lock_wheels(wheels[:1], TAG, folder / "pylock.old.toml")
    lock_wheels(wheels, TAG, folder / "pylock.new.toml")
    (folder / "out").mkdir()
    (folder / "out" / wheels[1].name).write_bytes(OLD)
    words = ["prune", "house", "-r", "pylock.new.toml", "--transfer-since", "pylock.old.toml"]
    return Scene([*words, "--to", "out"], ("out",), each_file=True)


def _fixing(folder: Path, _: LocalIndex) -> Scene:
    """Correct two files."""
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"small ; tag={TAG}\n")
    return Scene(["validate", "--fix", "a.txt", "b.txt"], ("a.txt", "b.txt"), exit_codes=(1, 0))


SCENES: Mapping[str, Make] = {
    "download": _resolving,
    "first download": _first_time,
    "from a lock": _from_lock,
    "from memory": _from_memory,
    "lock": _locking,
    "merge": _merging,
    "bundle an archive": _archive,
    "bundle a folder": _folder,
    "bundle what is fetched": _fetched,
    "prune": _pruning,
    "prune --to": _transferring,
    "validate --fix": _fixing,
}


class Stage:
    """A folder in which a scene is played again and again, each time from the same state.

    :param folder: where to put all of it.
    :param name: the name of the scene.
    :param index: an index.
    """

    def __init__(self, folder: Path, name: str, index: LocalIndex) -> None:
        self.folder = folder / "work"
        self._log = folder / "log"
        self._state = folder / "state"
        self.folder.mkdir()
        for name_of_folder in ("temporary", "state", "pip-cache"):
            (self.folder / name_of_folder).mkdir()
        self.scene = SCENES[name](self.folder, index)
        shutil.copytree(self.folder, self._state, symlinks=True)
        self.old = self._outputs()
        self.writes = walk.record(self._command, self.folder, _variables(self.folder), self._log)
        self.new = self._outputs()
        assert self.old != self.new
        _run_well(self.scene, self.folder)
        assert self.new == self._outputs()
        self._names = self._all_names()

    @property
    def _command(self) -> list[str]:
        return command(*self.scene.words)

    def _outputs(self) -> list[object]:
        return [_content(self.folder / name) for name in self.scene.outputs]

    def _all_names(self) -> set[str]:
        """List everything that is there, the two caches excepted.

        So is a file of Python's own: it tries once whether a file can be written to TMPDIR.
        """
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.relative_to(self.folder).parts[0] not in {"cache", "pip-cache"}
            and not (path.parent.name == "temporary" and path.is_file() and _is_trial(path))
        }

    def reset(self) -> None:
        """Put everything back to how it was before the run."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._state, self.folder, symlinks=True)

    def play(self, write: walk.Write, fault: str) -> list[str] | None:
        """Run the scene with one call failing, and once more without.

        :returns: what is wrong; None if the call was not made.
        """
        self.reset()
        run = walk.repeat(
            self._command, self.folder, _variables(self.folder), self._log, write, fault
        )
        if not run.hit:
            return None
        wrong = list(self._judge(run, fault))
        surroundings = _variables if self.scene.is_remembered else _environment
        again = wheeltarget(*self.scene.words, cwd=self.folder, variables=surroundings(self.folder))
        if again.exit_code not in self.scene.exit_codes:
            wrong.append(f"the next run ends with {again.exit_code}: {again.stderr}")
        elif self._outputs() != self.new:
            wrong.append("the next run does not complete the outputs")
        names = self._all_names()
        wrong += [f"after the next run there is {name}" for name in _tops(names - self._names)]
        wrong += [f"after the next run there is no {name}" for name in _tops(self._names - names)]
        return wrong

    def _judge(self, run: walk.Run, fault: str) -> list[str]:
        wrong = []
        now = self._outputs()
        for name, old, new, there in zip(self.scene.outputs, self.old, self.new, now, strict=True):
            if not _is_either(there, old, new, each_file=self.scene.each_file):
                wrong.append(f"{name} is neither the old nor the new one: {_told(there)}")
        if "Traceback" in run.stderr:
            wrong.append(f"there is a traceback: {run.stderr[-900:]}")
        if fault == walk.KILL_ALL or run.exit_code < 0:
            return wrong
        if run.exit_code == self.scene.exit_codes[0]:
            if now != self.new:
                wrong.append(f"it ends with {run.exit_code}, and not all is done: {run.stderr}")
            return wrong
        errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
        if len(errors) != 1 and "Traceback" not in run.stderr:
            wrong.append(f"it ends with {run.exit_code} and {len(errors)} errors: {run.stderr}")
        reason = walk.reason(fault)
        if reason not in run.stderr:
            wrong.append(f"it does not say {reason!r}: {run.stderr[-900:]}")
        return wrong


def _is_trial(path: Path) -> bool:
    """Tell whether this is how ``tempfile`` tries whether a folder can be written."""
    return path.read_bytes() in {b"", b"blat"}


def _tops(names: set[str]) -> list[str]:
    """Leave out what lies in a folder that is named, too."""
    return sorted(name for name in names if str(Path(name).parent) not in names)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "TMPDIR": str(folder / "temporary"),
        "WHEELTARGET_CACHE_DIR": str(folder / "cache"),
        "WHEELTARGET_STATE_DIR": str(folder / "state"),
        "HOME": str(folder.parent),
    }


def _variables(folder: Path) -> dict[str, str]:
    return walk.variables(**_environment(folder))


def _run_well(scene: Scene, folder: Path) -> None:
    result = wheeltarget(*scene.words, cwd=folder, variables=_variables(folder))
    assert result.exit_code in scene.exit_codes, result.stderr


def _content(path: Path) -> object:
    """Return all that is in a file or below a folder."""
    if path.is_dir():
        return {each.name: _content(each) for each in path.iterdir()}
    # What is new and what was there before is another matter each time.
    return path.read_bytes().replace(b'"new": true', b'"new": false') if path.exists() else None


def _is_either(there: object, old: object, new: object, *, each_file: bool) -> bool:
    """Tell whether something is as before or as after the run."""
    if each_file and isinstance(there, dict) and isinstance(old, dict) and isinstance(new, dict):
        # What is not whole yet lies there under a hidden name.
        names = {name for name in {*old, *new, *there} if not name.startswith(".transfer.")}
        return all(there.get(name) in (old.get(name), new.get(name)) for name in names)
    return there in (old, new)


def _told(content: object) -> str:
    if isinstance(content, dict):
        return f"{{{', '.join(f'{name}: {_told(each)}' for name, each in content.items())}}}"
    return f"{len(content)} bytes" if isinstance(content, bytes) else str(content)


@pytest.mark.parametrize("fault", walk.FAULTS)
@pytest.mark.parametrize("name", SCENES)
def test_walk(
    name: str, fault: str, tmp_path: Path, index: LocalIndex, pytestconfig: pytest.Config
) -> None:
    if name == "from memory" and Version(pip.__version__) < Version("26.2"):
        pytest.skip("this pip always asks again")
    stage = Stage(tmp_path, name, index)
    step = pytestconfig.getoption("--walk")
    # Each kind of fault begins elsewhere, so that a sample has more of the calls.
    first = walk.FAULTS.index(fault) * step // len(walk.FAULTS)
    chosen = stage.writes[first % len(stage.writes) :: step]
    found = {write: stage.play(write, fault) for write in chosen}
    missed = [str(write) for write, wrong in found.items() if wrong is None]
    sys.stdout.write(f"{name}, {fault}: {len(chosen)} of {len(stage.writes)} calls\n")
    sys.stdout.write("".join(f"not made again: {each}\n" for each in missed))
    faults = [f"{write}: {'; '.join(wrong)}" for write, wrong in found.items() if wrong]
    assert not faults, "\n".join(faults).replace(str(stage.folder), "")
    # Threads do not always come in the same order.
    assert len(missed) * 4 <= len(chosen)
