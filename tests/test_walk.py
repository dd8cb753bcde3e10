"""At each system call that writes: the disk is full or fails, or the process is killed.

Afterwards each output is the old one or the new one, whole; the message is one sentence; and the
next run succeeds and leaves nothing of ours beside the outputs.

``pytest --walk 1`` tries all calls, ``--walk 20`` each 20th; see docs/contributing.md.

The threat is T11 of docs/security.md.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pip
import pytest
from packaging.version import Version

from tests.support import walk
from tests.support.cli import command, wheeltarget
from tests.support.index import LocalIndex
from tests.support.scenes import SCENES, content, environment, run_well

pytestmark = [
    pytest.mark.walk,
    pytest.mark.skipif(not walk.WORKS, reason="there is no strace, or it may not trace"),
]


class Stage:
    """A folder in which a scene is played again and again, each time from the same state."""

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
        self.writes = walk.record(self._command, self.folder, self._variables, self._log)
        self.new = self._outputs()
        assert self.old != self.new
        run_well(self.scene, self.folder)
        assert self.new == self._outputs()
        self._names = self._all_names()

    @property
    def _command(self) -> list[str]:
        return command(*self.scene.arguments)

    @property
    def _variables(self) -> dict[str, str]:
        return walk.repeatable(**environment(self.folder))

    def _outputs(self) -> list[object]:
        return [content(self.folder / name) for name in self.scene.outputs]

    def _all_names(self) -> set[str]:
        """Return all names but those in the two caches, and but for a trial file in TMPDIR."""
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
        run = walk.repeat(self._command, self.folder, self._variables, self._log, write, fault)
        if not run.hit:
            return None
        wrong = list(self._judge(run, fault))
        surroundings = environment(self.folder)
        if self.scene.is_remembered:
            surroundings = self._variables
        again = wheeltarget(*self.scene.arguments, cwd=self.folder, variables=surroundings)
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
            if fault == walk.KILL_ALL and self.scene.is_taken_back:
                continue
            if not _is_either(there, old, new, each_file=self.scene.each_file):
                wrong.append(f"{name} is neither the old nor the new one: {_describe(there)}")
        if "Traceback" in run.stderr:
            wrong.append(f"there is a traceback: {run.stderr[-900:]}")
        if fault == walk.KILL_ALL or run.exit_code < 0:
            return wrong
        if run.exit_code == self.scene.exit_codes[0]:
            pairs = zip(now, self.new, strict=True)
            if not all(_is_either(a, b, b, each_file=self.scene.each_file) for a, b in pairs):
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
    """Return whether ``tempfile`` wrote a file to find out whether its folder can be written."""
    return path.read_bytes() in {b"", b"blat"}


def _tops(names: set[str]) -> list[str]:
    """Return the names that are not in a folder that is also named."""
    return sorted(name for name in names if str(Path(name).parent) not in names)


def _is_either(there: object, old: object, new: object, *, each_file: bool) -> bool:
    """Return whether an output is as before or as after the run."""
    if each_file and isinstance(there, dict) and isinstance(old, dict) and isinstance(new, dict):
        # What is not whole yet has a hidden name.
        names = {name for name in {*old, *new, *there} if not name.startswith(".transfer.")}
        return all(there.get(name) in (old.get(name), new.get(name)) for name in names)
    return there in (old, new)


def _describe(content: object) -> str:
    if isinstance(content, dict):
        return f"{{{', '.join(f'{name}: {_describe(each)}' for name, each in content.items())}}}"
    return f"{len(content)} bytes" if isinstance(content, bytes) else str(content)


@pytest.fixture(scope="module")
def find_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """Return a function that returns the stage of a scene, which is made once for all faults."""
    stages: dict[str, Stage] = {}
    with ExitStack() as stack:

        def find(name: str) -> Stage:
            if name not in stages:
                folder = tmp_path_factory.mktemp("walk")
                (folder / "index").mkdir()
                index = stack.enter_context(LocalIndex(folder / "index"))
                stages[name] = Stage(folder, name, index)
            return stages[name]

        yield find


@pytest.mark.parametrize("fault", walk.FAULTS)
@pytest.mark.parametrize("name", SCENES)
def test_walk(
    name: str, fault: str, find_stage: Callable[[str], Stage], pytestconfig: pytest.Config
) -> None:
    if name == "from memory" and Version(pip.__version__) < Version("26.2"):
        pytest.skip("this pip always asks again")
    stage = find_stage(name)
    step = pytestconfig.getoption("--walk")
    # Each fault begins at another call, so that a sample covers more of them.
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
