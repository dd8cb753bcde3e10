"""From what pip chose to the lock of a target, without pip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.support.locked import catalogue_names
from tests.support.locking import NEW
from wheeltarget.commands.lock.build import make_lock
from wheeltarget.errors import LockError
from wheeltarget.lockfile.model import Lock, write
from wheeltarget.pip_protocol import ChosenFile
from wheeltarget.targets.catalog import host, look_up, look_up_tag

CHOSEN = ChosenFile(
    name="app",
    version="1.0",
    path=Path("app-1.0-py3-none-any.whl"),
    url="https://host.invalid/app-1.0-py3-none-any.whl",
    requested=True,
    extras=(),
    parents=(None,),
    yanked=None,
    hashes=(("md5", "00"), ("sha256", "ab")),
    index="https://host.invalid/simple/App/?x=1",
)


def lock_for_box(files: Sequence[ChosenFile], inputs: Sequence[str] = ()) -> Lock:
    """Make a lock for the target ``box``."""
    return make_lock("box", look_up_tag(NEW), inputs, Path("/anywhere"), files)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"index": "https://host.invalid/simple/"}),
        ({"index": "https://host.invalid/downloads.html"}, {"index": ""}),
        ({"index": None}, {"index": ""}),
        ({"requires_python": ">=3.8,<4"}, {"requires_python": "<4,>=3.8"}),
        ({"requires_python": ">=3.6.*"}, {"requires_python": ""}),
        ({"requires_python": ">=3.13"}, {"requires_python": ""}),
        ({"direct": True}, {"index": "", "direct": True}),
    ],
)
def test_what_is_said_of_a_file(changed: dict[str, object], expected: dict[str, object]) -> None:
    file = replace(CHOSEN, **changed)  # type: ignore[arg-type]
    (package,) = lock_for_box([file]).packages
    assert {name: getattr(package, name) for name in expected} == expected
    assert package.sha256 == "ab"


TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", TIME),
        ("2026-01-02T03:04:05.678901Z", TIME.replace(microsecond=678901)),
        ("2026-01-02T04:04:05+01:00", TIME),
        ("2026-01-02T03:04:05", TIME),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        (None, None),
    ],
)
def test_upload_time(text: str | None, expected: datetime | None) -> None:
    for direct in (False, True):
        (package,) = lock_for_box([replace(CHOSEN, uploaded=text, direct=direct)]).packages
        assert package.uploaded == (None if direct else expected)


@pytest.mark.parametrize(
    ("url", "what"),
    [("git+https://host.invalid/app", "checkout"), ("file:///home/me/app", "folder")],
)
def test_what_has_no_hash_is_named(url: str, what: str) -> None:
    with pytest.raises(
        LockError, match=f"cannot lock app for box: it is a .*{what}, which has no hash"
    ):
        lock_for_box([replace(CHOSEN, url=url, hashes=())])


def test_lock_that_its_target_would_not_take_is_not_made() -> None:
    wheel = Path("app-1.0-cp39-cp39-win32.whl")
    with pytest.raises(LockError, match="the lock for box cannot be installed there"):
        lock_for_box([replace(CHOSEN, path=wheel)])


def test_every_target_of_the_catalogue_takes_its_own_lock() -> None:
    targets = {look_up("target", name, "") for name in catalogue_names()[::7]}
    for tag in ("py39-none-any", "pp310-pypy310_pp73-win_amd64", "cp27-cp27mu-manylinux1_x86_64"):
        targets.add(look_up_tag(tag))
    for target in (*targets, host()):
        assert target is not None
        wheel = Path(f"app-1.0-py{target.python[0]}-none-any.whl")
        chosen = [replace(CHOSEN, path=wheel)]
        lock = make_lock(target.label, target, (), Path("/"), chosen)
        assert SpecifierSet(lock.requires_python).contains(Version(target.python))


def test_inputs_have_no_password_and_nothing_that_is_no_text() -> None:
    texts = ("a @ https://me:s3@cret@host.invalid/a.whl", "b\udcff")
    lock = lock_for_box([], texts)
    assert lock.inputs == ("a @ https://host.invalid/a.whl", "b?")
    assert write(lock)
