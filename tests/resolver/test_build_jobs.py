"""The job for what a source needs: the index options of the run, but none of its requirements."""

from __future__ import annotations

from packaging.requirements import Requirement

from wheeltarget.pip_config.options import split_command_line
from wheeltarget.pip_config.project_indexes import NO_INDEXES
from wheeltarget.resolver.build_jobs import build_job
from wheeltarget.resolver.plan import Job
from wheeltarget.targets.catalog import look_up_tag

TARGET = look_up_tag("cp36-cp36m-manylinux1_x86_64")


def job(*arguments: str, **settings: str) -> Job:
    """Return the job for a source that needs two projects, in a run with these arguments."""
    needs = [Requirement("setuptools>=40"), Requirement('wheel; python_version < "3.7"')]
    options = split_command_line(arguments).options
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    return build_job(TARGET, "a-1.tar.gz", needs, options, named, frozenset({"a"}), NO_INDEXES)


def test_only_what_is_for_building_is_passed_on() -> None:
    found = job(
        *("--index-url=https://example.invalid/simple", "--find-links=house", "-r", "r.txt"),
        *("-c", "c.txt", "--require-hashes", "--no-deps", "--no-binary=a", "app"),
    )
    given, typed = " ".join(found.arguments).split(" -- ")
    assert given == (
        "--index-url=https://example.invalid/simple --find-links=house "
        f"--python-version={TARGET.python} --implementation=cp --abi=cp36m "
        "--platform=manylinux_2_5_x86_64 --only-binary=:all: --disable-pip-version-check"
    )
    assert typed == 'setuptools>=40 wheel; python_version < "3.7"'
    assert (found.sources, found.configured) == (frozenset({"a"}), False)


def test_constraints_for_building() -> None:
    found = job("--build-constraint=b.txt", build_constraint="c.txt d.txt")
    constraints = [each for each in found.arguments if each.startswith("--constraint")]
    assert constraints == [f"--constraint={name}.txt" for name in "cdb"]


def test_only_what_is_for_building_is_taken_from_the_configuration() -> None:
    found = job(constraint="c.txt", require_hashes="true", index_url="https://example.invalid")
    own = found.arguments[: found.arguments.index("--only-binary=:all:") - 4]
    assert own == ("--index-url=https://example.invalid",)


def test_messages_name_the_source() -> None:
    places = [str(line.fault("").location) for _, line in job().named_projects()]
    assert places == ["a-1.tar.gz:1:1", "a-1.tar.gz:2:1"]
