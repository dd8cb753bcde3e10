"""Whatever a server answers to range requests, and whatever a wheel is like: right or an error.

Each case is run as ``lock``, ``download`` and ``download --dry-run``. The outcome has to be that of
a run without prefetching, from a server that does nothing wrong. If that run fails, or if the
server leaves no other way, it has to be a clear error, and nothing is saved.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest

from tests.support.cli import Result, wheeltarget
from tests.support.index import (
    Dropped,
    Fault,
    Garbage,
    LocalIndex,
    Redirected,
    Slow,
    Stall,
    Status,
    Truncated,
)
from tests.support.ranges import (
    EXPLICIT,
    SUFFIX,
    Changed,
    Compressed,
    Multipart,
    Resized,
    Retagged,
    Shifted,
    Span,
    Whole,
)
from tests.support.wheels import damage, make_wheel

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("_forks")]

TARGET = "cp312-cp312-manylinux_2_28_x86_64"
OTHER_TARGET = "cp39-cp39-win_amd64"
VERBS = ("lock", "download", "download --dry-run")
APP, BASE = "app-2.0-py3-none-any.whl", "base-1.0-py3-none-any.whl"
_MOST_FOR_A_FILE = 12
"""How many requests for one file are enough, even if each is repeated once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run leaves behind.

    :param files: content by name; of a dry run, what it reports.
    """

    exit_code: int
    files: dict[str, str]
    stderr: str = ""


_plain = WeakKeyDictionary[LocalIndex, dict[str, Outcome]]()
"""The outcomes without prefetching, by verb."""


def noise(name: str) -> bytes:
    """Return bytes that make a wheel so large that it is worth it to read parts of it."""
    return hashlib.shake_128(name.encode()).digest(300_000)


def put_first(wheel: Path) -> None:
    """Put the ``.dist-info`` directory before everything else, far from the end."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, content in sorted(
            members, key=lambda each: ".dist-info/" not in each[0].filename
        ):
            archive.writestr(info, content)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a folder of large wheels; pip has to go back from lib 2.0."""
    return fill(tmp_path / "shelf")


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIndex]:
    """Serve the same for the tests that change nothing in it."""
    shelf = fill(tmp_path_factory.mktemp("unchanged"))
    with LocalIndex(shelf, metadata=False, ranges=True, etags=True) as running:
        yield running


def fill(folder: Path) -> Path:
    for name, version, requires in (
        ("app", "2.0", ["lib", "base"]),
        ("app", "1.0", []),
        ("base", "1.0", ["lib<2"]),
        ("lib", "2.0", []),
        ("lib", "1.0", []),
        ("other", "1.0", []),
    ):
        files = {f"{name}.bin": noise(name + version)}
        put = make_wheel(folder, name, version, requires=requires, files=files)
        if name in {"app", "lib"}:
            put_first(put)
    return folder


@pytest.fixture
def server(shelf: Path) -> Iterator[LocalIndex]:
    """Serve the shelf with ranges, and without metadata files."""
    with LocalIndex(shelf, metadata=False, ranges=True, etags=True) as running:
        yield running


def run(
    index: LocalIndex, folder: Path, verb: str, *arguments: str, prefetch: bool = True
) -> Outcome:
    """Run a verb from nothing, in a folder of its own.

    :param prefetch: whether to prefetch, in parts too.
    """
    folder.mkdir()
    variables = {
        "WHEELTARGET_AHEAD": "1" if prefetch else "0",
        "WHEELTARGET_CACHE_DIR": str(folder / "cache"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
    work = folder / "work"
    work.mkdir()
    result = start(index, work, verb, *arguments, variables=variables)
    return Outcome(result.exit_code, saved(work, result), result.stderr)


def again(index: LocalIndex, folder: Path, verb: str, *arguments: str) -> Outcome:
    """Run a verb with the cache of an earlier run, in an empty folder."""
    work = folder / "again"
    work.mkdir()
    variables = {
        "WHEELTARGET_AHEAD": "1",
        "WHEELTARGET_CACHE_DIR": str(folder / "cache"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
    result = start(index, work, verb, *arguments, variables=variables)
    return Outcome(result.exit_code, saved(work, result), result.stderr)


def start(
    index: LocalIndex, work: Path, verb: str, *arguments: str, variables: dict[str, str]
) -> Result:
    name, *options = verb.split()
    if options:
        options.append("--format=json")
    options += ["--retries=1", "--no-input", *index.pip_args()]
    words = arguments or (f"app ; tags={TARGET}",)
    return wheeltarget(name, *options, *words, cwd=work, variables=variables, timeout=60)


def saved(work: Path, result: Result) -> dict[str, str]:
    """Return what a run has saved or reported."""
    found = {
        path.relative_to(work).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix == ".whl"
        else path.read_text("utf-8")
        for path in work.rglob("*")
        if path.is_file()
    }
    if not found and result.exit_code == 0:
        document = json.loads(result.stdout)
        files = [each for target in document["targets"] for each in target["files"]]
        found["report"] = json.dumps([{**each, "path": None} for each in files], indent=1)
    return found


def hold(
    index: LocalIndex, tmp_path: Path, prepare: Callable[[LocalIndex], object], *, may_fail: bool
) -> list[str]:
    """Compare each verb with the same without prefetching; return the errors.

    :param prepare: lets the server do what is to be tried, before each run.
    :param may_fail: whether an error is right, too.
    """
    errors = []
    for number, verb in enumerate(VERBS):
        plain = _plain.setdefault(index, {})
        if verb not in plain:
            plain[verb] = run(index, tmp_path / f"plain-{number}", verb, prefetch=False)
        expected = plain[verb]
        prepare(index)
        index.clear()
        found = run(index, tmp_path / f"parts-{number}", verb)
        most = Counter(each.path for each in index.requests).most_common(1)[0]
        assert most[1] <= _MOST_FOR_A_FILE, (verb, most)
        index.forget_faults()
        if found.exit_code == 0 or not may_fail:
            assert (found.exit_code, found.files) == (expected.exit_code, expected.files), (
                verb,
                found.stderr,
            )
        if found.exit_code != 0:
            assert found.files == {}
            assert "error: " in found.stderr.lower()
            assert "Traceback" not in found.stderr
            errors.append(found.stderr)
    return errors


# --- servers --------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Fault, str, int, int | None]] = {
    # The fault, of which kind of range, after how many requests, how often.
    "nothing": (Slow(10**9), "", 0, 0),
    "200": (Whole(), "", 0, None),
    "200 for the second range": (Whole(), "", 1, None),
    "200 that advertises ranges": (Whole(advertised=True), "", 0, None),
    "200 for suffixes": (Whole(), SUFFIX, 0, None),
    "200 that advertises ranges for suffixes": (Whole(advertised=True), SUFFIX, 0, None),
    "200 for positions": (Whole(), EXPLICIT, 0, None),
    **{f"{code} for suffixes": (Status(code), SUFFIX, 0, None) for code in (400, 405, 416, 501)},
    **{f"{code} for positions": (Status(code), EXPLICIT, 0, None) for code in (400, 416, 501)},
    **{f"{code}": (Status(code), "", 0, None) for code in (401, 403, 404, 410, 416, 500, 503)},
    **{f"{code} once": (Status(code), "", 0, 1) for code in (401, 403, 404, 416, 500, 503)},
    "204": (Status(204), "", 0, None),
    "206 without a body": (Status(206), "", 0, None),
    "429": (Status(429), "", 0, None),
    "429 once": (Status(429), "", 0, 1),
    "429 for the second range": (Status(429), "", 1, 1),
    "429 once with Retry-After": (Status(429, 1), "", 0, 1),
    "429 for the second range with Retry-After": (Status(429, 1), "", 1, 1),
    "429 after three ranges": (Status(429), "", 3, None),
    "wrong start": (Span("bytes {start_1}-{end}/{total}"), "", 0, None),
    "wrong end": (Span("bytes {start}-{end_1}/{total_1}"), "", 0, None),
    "wrong total": (Span("bytes {start}-{end}/{total_1}"), "", 0, None),
    "wrong total of the second range": (Span("bytes {start}-{end}/{total_1}"), "", 1, 1),
    "unknown total": (Span("bytes {start}-{end}/*"), "", 0, None),
    "shifted": (Span("bytes {start_1}-{end_1}/{total_1}"), "", 0, None),
    "no Content-Range": (Span(""), "", 0, None),
    "no range": (Span("bytes */{total}"), "", 0, None),
    "another unit": (Span("lines {start}-{end}/{total}"), "", 0, None),
    "huge numbers": (Span("bytes {start}-" + "9" * 30 + "/" + "9" * 31), "", 0, None),
    "no numbers": (Span("bytes all"), "", 0, None),
    "longer": (Resized(7), "", 0, None),
    "shorter": (Resized(-7), "", 0, None),
    "much shorter": (Resized(-60_000), "", 0, None),
    "shorter the second time": (Resized(-7), "", 1, None),
    "cut off": (Truncated(), "", 0, None),
    "cut off once": (Truncated(), "", 0, 1),
    "cut off the second time": (Truncated(), "", 1, 1),
    "no answer": (Dropped(), "", 0, None),
    "no answer once": (Dropped(), "", 1, 1),
    "other bytes": (Shifted(11), "", 0, None),
    "other bytes for positions": (Shifted(11), EXPLICIT, 0, None),
    "garbage": (Garbage(), "", 0, None),
    "garbage the second time": (Garbage(), "", 1, 1),
    "gzip": (Compressed(), "", 0, None),
    "multipart": (Multipart(), "", 0, None),
    "another ETag": (Retagged(), "", 1, 1),
    "another ETag each time": (Retagged(), EXPLICIT, 0, None),
    "weak ETag": (Retagged('W/"weak"'), "", 0, None),
    "slow": (Slow(2_000_000), "", 0, None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_ranges(unchanged: LocalIndex, tmp_path: Path, name: str) -> None:
    fault, kind, after, times = FAULTS[name]

    def prepare(index: LocalIndex) -> None:
        index.fault_ranges(fault, kind=kind, after=after, times=times)

    assert hold(unchanged, tmp_path, prepare, may_fail=False) == []


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "200 that advertises ranges for suffixes",
        "416 for suffixes",
        "416",
        "wrong total",
        "unknown total",
        "longer",
        "another ETag each time",
    ],
)
def test_pages_without_sizes(shelf: Path, tmp_path: Path, name: str) -> None:
    fault, kind, after, times = FAULTS[name]
    with LocalIndex(shelf, metadata=False, ranges=True, etags=True, json=False) as index:

        def prepare(running: LocalIndex) -> None:
            running.fault_ranges(fault, kind=kind, after=after, times=times)

        assert hold(index, tmp_path, prepare, may_fail=False) == []


def test_a_server_that_is_silent(server: LocalIndex, tmp_path: Path) -> None:
    expected = run(server, tmp_path / "plain", "lock", prefetch=False)
    server.fault_ranges(Stall(30), after=1)
    found = run(server, tmp_path / "parts", "lock", "--timeout=3", f"app ; tags={TARGET}")
    assert (found.exit_code, found.files) == (0, expected.files), found.stderr


@pytest.mark.parametrize("size", ["other", "same"])
@pytest.mark.parametrize("tagged", [True, False])
def test_content_that_changes_between_two_ranges(
    shelf: Path, tmp_path: Path, size: str, *, tagged: bool
) -> None:
    """The directory at the end is that of one file, and METADATA that of another."""
    changed = make_wheel(
        tmp_path / "changed", "app", "2.0", requires=["other"], files={"app.bin": noise("x")}
    )
    put_first(changed)
    content = changed.read_bytes()
    if size == "same":
        length = (shelf / APP).stat().st_size
        content = content[:length] + bytes(max(length - len(content), 0))
    with LocalIndex(shelf, metadata=False, ranges=True, etags=tagged) as index:

        def prepare(running: LocalIndex) -> None:
            running.fault_ranges(Changed(content), of=APP, after=1)

        assert hold(index, tmp_path, prepare, may_fail=False) == []


def test_only_parts_lie(shelf: Path, server: LocalIndex, tmp_path: Path) -> None:
    """What the parts say is another wheel; that is noticed as soon as the whole one is here."""
    lie = make_wheel(
        tmp_path / "lie", "app", "2.0", requires=["bats", "lib"], files={"app.bin": noise("app2.0")}
    )
    put_first(lie)
    make_wheel(shelf, "bats", files={"bats.bin": noise("bats")})
    assert lie.stat().st_size == (shelf / APP).stat().st_size
    server.fault_ranges(Changed(lie.read_bytes()), of=APP)
    found = run(server, tmp_path / "run", "download")
    assert (found.exit_code != 0, found.files) == (True, {})
    assert "differs from what 127.0.0.1" in found.stderr
    assert found.stderr.count("nothing was saved") == 1
    # What the message proposes works.
    assert "set WHEELTARGET_AHEAD=0" in found.stderr
    whole = run(server, tmp_path / "whole", "download", prefetch=False)
    assert (whole.exit_code, APP in whole.files) == (0, True), whole.stderr
    # It was not kept, either: the same run is right once the server is.
    server.forget_faults()
    right = again(server, tmp_path / "run", "download")
    assert right.exit_code == 0, right.stderr
    assert APP in right.files


@pytest.mark.parametrize("of", ["", APP, BASE])
@pytest.mark.parametrize("ranged", [True, False])
def test_redirects_to_signed_urls(
    shelf: Path, server: LocalIndex, tmp_path: Path, of: str, *, ranged: bool
) -> None:
    with LocalIndex(shelf, ranges=ranged) as storage:

        def prepare(index: LocalIndex) -> None:
            storage.clear()
            for name in [of] if of else [path.name for path in shelf.iterdir()]:
                index.fault(name, Redirected(storage))

        assert hold(server, tmp_path, prepare, may_fail=False) == []
        assert storage.requests


@pytest.mark.parametrize("count", [1, 4, 6, 8])
@pytest.mark.parametrize("fault", [Status(429), Status(403)])
def test_a_server_that_counts_requests(
    unchanged: LocalIndex, tmp_path: Path, count: int, fault: Status
) -> None:
    hold(unchanged, tmp_path, lambda index: index.refuse_after(count, fault), may_fail=True)


def test_only_some_files_have_ranges(server: LocalIndex, tmp_path: Path) -> None:
    server.refuse_ranges(BASE)
    assert hold(server, tmp_path, lambda _: None, may_fail=False) == []


@pytest.mark.parametrize("json_pages", [True, False])
def test_pages_without_hashes(shelf: Path, tmp_path: Path, *, json_pages: bool) -> None:
    with LocalIndex(shelf, metadata=False, hashes=False, ranges=True, json=json_pages) as index:
        assert hold(index, tmp_path, lambda _: None, may_fail=False) == []
        assert all(not request.range for request in index.requests)


def test_parts_are_read_where_nothing_is_wrong(server: LocalIndex, tmp_path: Path) -> None:
    """Without this, all the other tests would prove nothing."""
    assert run(server, tmp_path / "run", "lock").exit_code == 0
    parts = [request for request in server.requests if request.path.endswith(".whl")]
    assert {request.status for request in parts} == {206}
    assert server.count(".metadata") == 0
    assert sum(request.sent for request in parts) < 300_000 * 2


# --- archives -------------------------------------------------------------------------------------

Change = Callable[[Path], None]
INFORMATION = "app-2.0.dist-info"


def written_anew(
    compression: int = zipfile.ZIP_STORED,
    *,
    metadata: bytes | None = None,
    rename: dict[str, str] | None = None,
    added: dict[str, bytes] | None = None,
    comment: bytes = b"",
) -> Change:
    """Return a change that writes the archive anew.

    :param metadata: what METADATA has instead.
    :param rename: other names for members; those renamed to nothing are left out.
    """

    def change(wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        if metadata is not None:
            members[f"{INFORMATION}/METADATA"] = metadata
        members |= added or {}
        with zipfile.ZipFile(wheel, "w", compression) as archive:
            for name, content in members.items():
                if new := (rename or {}).get(name, name):
                    archive.writestr(new, content)
            archive.comment = comment

    return change


def with_zip64(wheel: Path) -> None:
    """Write the end of the directory as large archives have it."""
    content = wheel.read_bytes()
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2LH", content[-22:])
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(content) - 22, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    wheel.write_bytes(content[:-22] + end + locator + last)


def with_junk_before(wheel: Path) -> None:
    wheel.write_bytes(b"#!/bin/sh\nexit 1\n" * 999 + wheel.read_bytes())


def with_junk_behind(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"x" * 5000)


def cut_at_the_end(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:-30])


def no_archive(wheel: Path) -> None:
    wheel.write_bytes(b"not an archive " * 30_000)


def written_empty(wheel: Path) -> None:
    wheel.write_bytes(b"")


def encrypted(wheel: Path) -> None:
    """Mark METADATA as encrypted, in the directory and at the member itself."""
    written_anew()(wheel)
    content = bytearray(wheel.read_bytes())
    for signature, flags, name in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        place = -1
        while (place := content.find(signature, place + 1)) >= 0:
            if content[place + name :].startswith(f"{INFORMATION}/METADATA".encode()):
                content[place + flags] |= 1
    wheel.write_bytes(content)


def with_broken_metadata(wheel: Path) -> None:
    """Change METADATA, but not its CRC."""
    written_anew()(wheel)
    content = wheel.read_bytes()
    wheel.write_bytes(content.replace(b"Requires-Dist: lib\n", b"Requires-Dist: bil\n"))


def metadata(*lines: str, name: str = "app", body: bytes = b"") -> bytes:
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 2.0", *lines, "", ""])
    return text.encode() + body


LINE = b"t" * 999 + b"\n"
RIGHT = ("Requires-Dist: lib", "Requires-Dist: base")
ARCHIVES: dict[str, Change] = {
    "zip64": with_zip64,
    "junk before": with_junk_before,
    "comment": written_anew(comment=b"a comment " * 5000),
    "longest comment": written_anew(comment=b"c" * 65535),
    "deflated": written_anew(zipfile.ZIP_DEFLATED),
    "lzma": written_anew(zipfile.ZIP_LZMA),
    "bzip2": written_anew(zipfile.ZIP_BZIP2),
    "large directory": written_anew(
        added={f"app/{'long' * 40}-{number}.py": b"" for number in range(1500)}
    ),
    "METADATA of 9 MB": written_anew(
        zipfile.ZIP_DEFLATED, metadata=metadata(*RIGHT, body=LINE * 9000)
    ),
    "METADATA of 11 MB": written_anew(
        zipfile.ZIP_DEFLATED, metadata=metadata(*RIGHT, body=LINE * 11_000)
    ),
    "METADATA that cannot be compressed": written_anew(
        metadata=metadata(*RIGHT, body=noise("body").hex().encode())
    ),
    "a folder in another spelling": written_anew(
        rename={
            f"{INFORMATION}/{name}": f"App-2.0.dist-info/{name}"
            for name in ("METADATA", "WHEEL", "RECORD")
        }
    ),
}
"""Wheels that pip takes."""

WRONG_ARCHIVES: dict[str, Change] = {
    "junk behind": with_junk_behind,
    "cut at the end": cut_at_the_end,
    "no archive": no_archive,
    "empty": written_empty,
    "two folders": written_anew(added={"other-1.0.dist-info/METADATA": metadata(name="other")}),
    "no METADATA": written_anew(rename={f"{INFORMATION}/METADATA": ""}),
    "no WHEEL": written_anew(rename={f"{INFORMATION}/WHEEL": ""}),
    "encrypted": encrypted,
    "broken CRC": with_broken_metadata,
    "METADATA of another project": written_anew(metadata=metadata(*RIGHT, name="other")),
    "METADATA without a name": written_anew(metadata=b"Metadata-Version: 2.1\n\n"),
    "METADATA that is no text": written_anew(metadata=metadata(body=b"\xff\xfe\x00")),
    "empty METADATA": written_anew(metadata=b""),
    "a newer format": written_anew(added={f"{INFORMATION}/WHEEL": b"Wheel-Version: 2.0\n"}),
    "a slightly newer format": written_anew(
        added={f"{INFORMATION}/WHEEL": b"Wheel-Version: 1.9\nRoot-Is-Purelib: true\n"}
    ),
}
"""Wheels that pip refuses, or takes with a warning."""


@pytest.mark.parametrize("name", [*ARCHIVES, *WRONG_ARCHIVES])
def test_archives(shelf: Path, server: LocalIndex, tmp_path: Path, name: str) -> None:
    change = {**ARCHIVES, **WRONG_ARCHIVES}[name]
    change(shelf / APP)
    errors = hold(server, tmp_path, lambda _: None, may_fail=False)
    assert not (errors and name in ARCHIVES)


# --- a second run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [TARGET, OTHER_TARGET])
def test_a_lock_that_is_made_again_reads_nothing_twice(
    server: LocalIndex, tmp_path: Path, target: str
) -> None:
    first = run(server, tmp_path / "run", "lock")
    assert first.exit_code == 0
    assert any(request.range for request in server.requests)
    server.clear()
    second = again(server, tmp_path / "run", "lock", f"app ; tags={target}")
    assert second.exit_code == 0, second.stderr
    assert {request.path for request in server.requests if not request.path.endswith("/")} == set()
    if target == TARGET:
        assert second.files == first.files


def test_wheels_without_a_hash_are_asked_for_on_condition(shelf: Path, tmp_path: Path) -> None:
    """They are fetched whole, and kept by their URL and ETag, in pip's own cache."""
    with LocalIndex(shelf, metadata=False, hashes=False, ranges=True, etags=True) as index:
        first = run(index, tmp_path / "run", "lock")
        assert first.exit_code == 0, first.stderr
        index.clear()
        assert again(index, tmp_path / "run", "lock").files == first.files
        wheels = [request for request in index.requests if request.path.endswith(".whl")]
        assert {(request.status, request.sent) for request in wheels} == {(304, 0)}
        assert len({request.path for request in wheels}) == len(wheels)


def test_parts_of_private_wheels(shelf: Path, tmp_path: Path) -> None:
    """Credentials go with each request for a part; what was read is found without them."""
    user, word = "ann", "s3cret"
    with LocalIndex(shelf, metadata=False, ranges=True, username=user, password=word) as index:
        login = index.url.replace("://", f"://{user}:{word}@")
        arguments = ("--index-url", login, f"app ; tags={TARGET}")
        first = run(index, tmp_path / "run", "lock", *arguments)
        assert first.exit_code == 0, first.stderr
        assert {request.status for request in index.requests if request.range} == {206}
        index.clear()
        assert again(index, tmp_path / "run", "lock", *arguments).files == first.files
        assert not any(request.path.endswith(".whl") for request in index.requests)
    kept = [*(tmp_path / "run" / "cache" / "metadata").rglob("*")]
    assert kept
    assert not any(word.encode() in path.read_bytes() for path in kept if path.is_file())


def test_without_a_cache_nothing_is_kept(server: LocalIndex, tmp_path: Path) -> None:
    arguments = ("--no-cache-dir", f"app ; tags={TARGET}")
    first = run(server, tmp_path / "run", "lock", *arguments)
    assert first.exit_code == 0, first.stderr
    assert not (tmp_path / "run" / "cache").exists()
    parts = {(request.path, request.range) for request in server.requests if request.range}
    assert parts
    server.clear()
    assert again(server, tmp_path / "run", "lock", *arguments).files == first.files
    assert parts == {(each.path, each.range) for each in server.requests if each.range}


def test_a_damaged_cache_is_read_anew(server: LocalIndex, tmp_path: Path) -> None:
    first = run(server, tmp_path / "run", "lock")
    entries = [*(tmp_path / "run" / "cache" / "metadata").glob("??/*")]
    assert entries
    for number, entry in enumerate(entries):
        damage(entry, place=40 if number % 2 else 3)
    server.clear()
    assert again(server, tmp_path / "run", "lock").files == first.files
    assert any(request.range for request in server.requests)
