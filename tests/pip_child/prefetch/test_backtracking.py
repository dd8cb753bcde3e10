"""What pip computes once while it backtracks is what it would compute each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._internal.metadata import get_metadata_distribution
from pip._internal.resolution.resolvelib import candidates
from pip._internal.utils.temp_dir import global_tempdir_manager

from wheeltarget.pip_child.prefetch.backtracking import SEAMS, _Replayed, distribution_of

pytestmark = pytest.mark.seams

HEADERS = st.lists(
    st.sampled_from(
        (
            'Requires-Dist: other>=1 ; extra == "fast"',
            'Requires-Dist: lib>=1,<2; python_version >= "3"',
            'Requires-Dist: never; python_version < "3"',
            "Requires-Dist: wrapped\n   >=1",
            "Provides-Extra: fast",
            "Requires-Python: >=3.8",
            "Description: one\n        two",
            "Keywords: ä, ö",
            "no header",
            "  ",
        )
    )
)
BODIES = st.sampled_from(("", "\n", "\n\n", "\ntext\n", "\nRequires-Dist: body\n\nName: body\n"))
NEWLINES = st.sampled_from(("\n", "\r\n", "\r"))


def facts_of(distribution: Any) -> list[object]:
    """Return what pip's resolver asks a distribution for, or how that fails."""
    asked: list[Callable[[], object]] = [
        lambda: distribution.raw_name,
        lambda: distribution.canonical_name,
        lambda: str(distribution.version),
        lambda: str(distribution.requires_python),
        lambda: [*distribution.iter_provided_extras()],
        lambda: [str(need) for need in distribution.iter_dependencies()],
        lambda: [str(need) for need in distribution.iter_dependencies(["fast"])],
        lambda: [each for each in distribution.metadata.items() if each[0] != "Description"],
    ]
    return [_outcome(ask) for ask in asked]


def _outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to be the same
        return repr(error)


@given(HEADERS, BODIES, NEWLINES)
def test_metadata_in_memory_reads_as_that_of_pip(
    headers: list[str], body: str, newline: str
) -> None:
    lines = ["Metadata-Version: 2.1", "Name: Some.Lib", "Version: 1.0rc1", *headers, body]
    content = "\n".join(lines).replace("\n", newline).encode()
    with global_tempdir_manager():
        original = get_metadata_distribution(
            content, "some_lib-1.0rc1-py3-none-any.whl", "some-lib"
        )
        assert facts_of(distribution_of(content)) == facts_of(original)


def test_metadata_is_parsed_once_for_each_content() -> None:
    one, two = (f"Metadata-Version: 2.1\nName: a\nVersion: {n}\n\n".encode() for n in (1, 2))
    first = distribution_of(one)
    assert distribution_of(bytes(bytearray(one))) is first
    assert first._dist.metadata is first._dist.metadata
    assert distribution_of(two) is not first


def test_metadata_that_is_not_utf8_fails_as_with_pip() -> None:
    """Even if only the description is damaged."""
    content = b"Metadata-Version: 2.1\nName: a\nVersion: 1\n\n\xff\n"
    with global_tempdir_manager():
        original = get_metadata_distribution(content, "a-1-py3-none-any.whl", "a")
        with pytest.raises(UnicodeDecodeError):
            _ = original.metadata
    for _ in range(2):
        with pytest.raises(UnicodeDecodeError):
            distribution_of(content)


@given(st.lists(st.integers()), st.lists(st.integers(min_value=0, max_value=9)))
def test_replayed_iterator_yields_the_same_each_time(items: list[int], counts: list[int]) -> None:
    made: list[int] = []

    def begin() -> Iterator[int]:
        for item in items:
            made.append(item)
            yield item

    replayed = _Replayed(begin)
    for count in counts:
        assert [*islice(replayed, count)] == items[:count]
        assert made == items[: max([*counts[: counts.index(count) + 1], len(made)])]
    one, two = iter(replayed), iter(replayed)
    assert [*zip(one, two, strict=True)] == [*zip(items, items, strict=True)]
    assert made == items


def test_replayed_iterator_fails_each_time() -> None:
    """An error must not look like the end of the dependencies."""

    def begin() -> Iterator[int]:
        yield 1
        raise ValueError("unknown marker")

    replayed = _Replayed(begin)
    for _ in range(3):
        found = iter(replayed)
        assert next(found) == 1
        with pytest.raises(ValueError, match="unknown marker"):
            next(found)


def test_dependencies_are_kept_for_each_candidate_and_question() -> None:
    asked: list[tuple[Any, bool]] = []

    class Candidate(candidates._InstallRequirementBackedCandidate):  # type: ignore[misc]
        def __init__(self) -> None:
            """Need nothing."""

    def original(self: Any, with_requires: bool) -> Iterator[str]:
        asked.append((self, with_requires))
        yield "python"
        if with_requires:
            yield "lib"

    patch = {name: patch for name, patch, _ in SEAMS}["dependencies of candidates"]
    owner = candidates._InstallRequirementBackedCandidate
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as undo:
        monkeypatch.setattr(owner, "iter_dependencies", original)
        patch(None, undo)
        one, two = Candidate(), Candidate()
        for _ in range(2):
            assert [*one.iter_dependencies(True)] == ["python", "lib"]
            assert [*one.iter_dependencies(with_requires=False)] == ["python"]
            assert [*two.iter_dependencies(True)] == ["python", "lib"]
    assert asked == [(one, True), (one, False), (two, True)]


@pytest.mark.parametrize(
    ("patch", "prove"), [seam[1:] for seam in SEAMS], ids=[s[0] for s in SEAMS]
)
def test_proof_needs_its_patch(patch: Any, prove: Any) -> None:
    with global_tempdir_manager():
        assert not prove(None)
        with ExitStack() as undo:
            patch(None, undo)
            assert prove(None)
        assert not prove(None)
