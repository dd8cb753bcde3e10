"""The trial of an unknown pip is a run of its own."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.child import (
    Job,
    Workshop,
    later_pip,
    online,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_child.patches.trial import is_known
from wheeltarget.pip_protocol import NO_ROOM

pytestmark = pytest.mark.seams


@pytest.mark.parametrize(
    ("settings", "exit_code", "complaint"),
    [
        pytest.param({"PIP_TIMEOUT": "no number"}, 3, "no number", id="no-number"),
        pytest.param({"PIP_CONSTRAINT": "no-such-file"}, 1, "no-such-file", id="constraint"),
        pytest.param({"PIP_REQUIRE_HASHES": "1"}, 1, "require-hashes", id="hashes"),
        pytest.param(
            {
                "PIP_CONFIG_FILE": "pip.conf",
                "PIP_NO_BINARY": ":all:",
                "PIP_NO_DEPS": "1",
                "FORCE_COLOR": "1",
                "COLUMNS": "20",
                "LC_ALL": "C",
                "TMPDIR": "a b#c%20é[x]@~",
            },
            0,
            "",
            id="harmless",
        ),
    ],
)
def test_settings_of_the_user_are_for_the_job_and_not_for_the_trial(
    shop: Workshop,
    index: LocalIndex,
    shelf: Path,
    tmp_path: Path,
    settings: dict[str, str],
    exit_code: int,
    complaint: str,
) -> None:
    make_wheel(shelf, "app")
    home = shop.destination.parent
    of_the_user = tmp_path / "config" / "pip" / "pip.conf"
    of_the_user.parent.mkdir(parents=True)
    for file in (home / "pip.conf", of_the_user):
        file.write_text("[download]\nno-deps = true\n[global]\nfind-links = /no\n")
    (home / "a b#c%20é[x]@~").mkdir()
    paths = {"PIP_CONFIG_FILE", "TMPDIR"}
    variables = {n: str(home / v) if n in paths else v for n, v in settings.items()}
    run = shop.run(Job(online(index, "app")), variables=variables | later_pip(tmp_path))
    assert (run.exit_code, run.sentence) == (0, None)
    assert run.report(0).exit_code == exit_code
    assert complaint in run.stdout + run.stderr
    assert run.names(0) == ([] if exit_code else ["app-1.0-py3-none-any.whl"])
    # Nothing of the trial is left.
    assert names(home / "a b#c%20é[x]@~") == []


FULL = """
import errno, os, pathlib, shutil, tempfile
def write(*_arguments, **_named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
"""


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("tempfile.mkdtemp = write", id="before-the-trial"),
        pytest.param("shutil.copy = pathlib.Path.write_bytes = write", id="in-the-trial"),
    ],
)
def test_full_disk_is_not_the_fault_of_pip(
    shop: Workshop, index: LocalIndex, tmp_path: Path, broken: str
) -> None:
    run = shop.run(Job(online(index, "app")), variables=later_pip(tmp_path, FULL + broken))
    assert (NO_ROOM[run.exit_code], run.sentence) == ("ENOSPC", None)
    assert run.stderr == "", "whoever made the folder names it"
    assert index.requests == ()


@pytest.mark.parametrize(
    ("pip", "known"),
    [
        ("25.2", False),
        ("25.3", True),
        ("25.3.1", True),
        ("26.0b1", True),
        (version("pip"), True),
        ("26.3.1", True),
        ("26.4.dev0", False),
        ("26.10", False),
        ("99.9", False),
        ("100", False),
    ],
)
def test_pips_from_the_oldest_to_the_newest_are_known(pip: str, known: bool) -> None:
    assert is_known(pip) == known
