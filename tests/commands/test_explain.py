"""Results of ``explain`` for each requirement and target, from what pip found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheeltarget.commands.explain import BestFile, Row, TargetResult, make_rows
from wheeltarget.pip_protocol import (
    FileFact,
    FoundFile,
    FoundProject,
    JobListing,
    ListedRequirement,
)
from wheeltarget.requirements.parser import SourceLine, parse_typed
from wheeltarget.resolver.plan import Job
from wheeltarget.targets.catalog import look_up_tag

OLD, NEW = "cp39-cp39-manylinux2014_x86_64", "cp312-cp312-win_amd64"


def file(version: str, tag: str, *, best: bool = True) -> FoundFile:
    name = f"lib-{version}-{tag}.whl"
    url = f"https://x.invalid/{name}"
    return FoundFile(FileFact(name, "candidate"), url, best_of=version if best else None)


LIB = FoundProject(
    (file("2.0", "cp312-cp312-win_amd64", best=False), file("1.0", "py3-none-any")),
    taken="https://x.invalid/lib-1.0-py3-none-any.whl",
    applicable=frozenset({"1.0"}),
)


def job(*requirements: str, tag: str = OLD) -> Job:
    lines: tuple[SourceLine, ...] = ()
    for number, text in enumerate(requirements, start=1):
        line = parse_typed(number, text)
        assert isinstance(line, SourceLine)
        lines += (line,)
    return Job(look_up_tag(tag), (), (), lines)


def listing(*asked: ListedRequirement, lib: FoundProject = LIB, hashed: bool = False) -> JobListing:
    projects = tuple((each.project, lib) for each in asked if each.project)
    return JobListing(hashed, asked, (), projects)


def rows(made: Job, listed: JobListing) -> tuple[Row, ...]:
    return make_rows([made], [listed], look_up_tag)


def test_release_that_fits_is_taken() -> None:
    (row,) = rows(job("Lib >= 1"), listing(ListedRequirement("lib", "Lib", ">=1")))
    (answer,) = row.answers
    assert (row.requirement, row.project, row.is_fine) == ("Lib >= 1", "lib", True)
    assert (answer.target, answer.result) == (OLD, "fits")
    assert answer.taken == answer.newest == answer.file_of("1.0")
    assert answer.file_of("2.0") is None
    reasons = [(each["version"], each["fits"]) for each in as_list(answer, "releases")]
    assert reasons == [("2.0", False), ("1.0", True)]


def as_list(answer: TargetResult, key: str) -> list[dict[str, object]]:
    value = answer.as_dict()[key]
    assert isinstance(value, list)
    return value


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        (ListedRequirement("lib", "lib", "", marker='os_name == "nt"', needed=False), "not-needed"),
        (ListedRequirement("lib", "lib", "", problem="lib: its marker is not known"), "unknown"),
        (ListedRequirement("", "", "", url="file:///lib"), "named"),
        (ListedRequirement("", "", "", url="file:///lib-1.0-py3-none-any.whl"), "fits"),
        (ListedRequirement("", "", "", url="file:///lib-1.0-py2-none-any.whl"), "misses"),
    ],
)
def test_result_without_an_index(asked: ListedRequirement, result: str) -> None:
    (row,) = rows(job("lib"), listing(asked))
    assert [answer.result for answer in row.answers] == [result]
    assert row.is_fine == (result in {"not-needed", "named", "fits"})


def test_lines_on_one_project_are_one_row() -> None:
    made = job("lib>=1", "other @ file:///o ; os_name == 'nt'", "lib[extra]<2", "lib")
    listed = listing(
        ListedRequirement("lib", "lib", ""),
        ListedRequirement("lib", "lib[extra]", "<2"),
        ListedRequirement(
            "other", "other", "", url="file:///o", needed=False, marker="os_name == 'nt'"
        ),
        ListedRequirement("lib", "lib", ">=1"),
    )
    found = rows(made, listed)
    assert [row.requirement for row in found] == ["lib>=1,<2", "other"]
    assert found[0].locations == tuple(f"<command line>:{n}:1" for n in (1, 3, 4))


def test_targets_share_the_row_of_a_requirement() -> None:
    asked = ListedRequirement("lib", "lib", "")
    jobs = [job("lib", tag=OLD), job("lib", tag=NEW)]
    missing = FoundProject((), places=("https://x.invalid/lib/",), neighbours=("libs", "other"))
    found = make_rows(jobs, [listing(asked), listing(asked, lib=missing)], look_up_tag)
    ((old, new),) = [row.answers for row in found]
    assert (old.target, new.target) == (OLD, NEW)
    assert (new.result, new.near) == ("misses", ("libs",))
    assert new.as_dict()["places"] == ["https://x.invalid/lib/"]


@given(
    specifier=st.sampled_from(["", "==1.0", ">=1", "==1.0,>0"]),
    hashed=st.booleans(),
    has_hash=st.booleans(),
)
def test_hashes_need_one_version(*, specifier: str, hashed: bool, has_hash: bool) -> None:
    hashes = (("sha256", "aa"),) if has_hash else ()
    asked = ListedRequirement("lib", "lib", specifier, hashes=hashes)
    (row,) = rows(job(f"lib{specifier}"), listing(asked, hashed=hashed))
    assert row.is_fine == (not hashed or (has_hash and specifier == "==1.0"))


def test_invalid_specifier_that_pip_accepts_admits_nothing() -> None:
    nothing = replace(LIB, taken=None, applicable=frozenset())
    (row,) = rows(job("lib==="), listing(ListedRequirement("lib", "lib", "==="), lib=nothing))
    (answer,) = row.answers
    assert answer.result == "misses"
    assert [fix["write"] for fix in as_list(answer, "fixes")] == ["lib==1.0"]


def test_newest_files_of_a_version_are_found_at_once() -> None:
    """Looking through all files for each release took minutes for 130,000 of them."""

    class Counted(str):
        __slots__ = ()
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, other)

    files = tuple(BestFile(Counted(n), f"{n}.whl", "t", "", None, ()) for n in range(1000))
    result = TargetResult("x", files=files)
    assert [result.file_of(str(n)) for n in (0, 999, 1000)] == [files[0], files[999], None]
    assert Counted.compared < 100
