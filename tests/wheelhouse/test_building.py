"""What a source needs to be built is found in its files, or said to be unknown."""

from __future__ import annotations

import pytest

from wheeltarget.wheelhouse.building import BuildNeeds, find_needs
from wheeltarget.wheelhouse.source import SourceFiles


def needs(pyproject: str | None = None, **files: str) -> BuildNeeds:
    """Return what a source with these files needs."""
    more = {name: content.encode() for name, content in files.items()}
    return find_needs(SourceFiles(None if pyproject is None else pyproject.encode(), **more))


def build_system(backend: str, rest: str = "") -> str:
    """Return a ``pyproject.toml`` with a backend and one requirement."""
    return f'[build-system]\nrequires = ["b>=1"]\nbuild-backend = "{backend}"\n{rest}'


def requires(found: BuildNeeds) -> list[str]:
    """Return the known requirements as texts."""
    return list(map(str, found.requires))


@pytest.mark.parametrize("pyproject", [None, "", "[project]\nname = 'a'\n"])
def test_default_of_pip(pyproject: str | None) -> None:
    found = needs(pyproject)
    assert (requires(found), found.unknown) == (["setuptools>=40.8.0", "wheel"], "")


def test_wheel_is_asked_for_by_old_setuptools_only() -> None:
    found = needs(build_system("setuptools.build_meta"))
    asked = {each: list(map(str, found.asked_later(each))) for each in ("70.0", "70.1", "")}
    assert asked == {"70.0": ["wheel"], "70.1": [], "": []}
    assert needs(build_system("hatchling.build")).asked_later("59.0") == ()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"setup_cfg": "[options]\nsetup_requires = x; y>1\n"}, ["x", "y>1"]),
        (
            {"setup_cfg": '[options]\nsetup_requires =\n  # no\n  x; os_name == "nt"\n  y\n'},
            ['x; os_name == "nt"', "y"],
        ),
        (
            {"setup_py": "import a\na.setup(setup_requires=['x', 'y'])\n"},
            ["x", "y"],
        ),
        ({"setup_py": "setup(setup_requires='x')"}, ["x"]),
        ({"setup_py": "setup(name='a')", "setup_cfg": "[metadata]\nname = a\n"}, []),
    ],
)
def test_setup_requires_as_text(files: dict[str, str], expected: list[str]) -> None:
    found = needs(build_system("setuptools.build_meta:__legacy__"), **files)
    assert (requires(found), found.unknown) == (["b>=1", *expected], "")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"setup_py": "setup(setup_requires=needed)"}, "its setup.py computes setup_requires"),
        ({"setup_py": "setup(setup_requires=['x', y])"}, "its setup.py computes setup_requires"),
        ({"setup_py": "k = dict(setup_requires=[]); setup_requires = 1"}, "its setup.py computes"),
        ({"setup_py": "print 'x'; setup(setup_requires=['x'])"}, "its setup.py computes"),
        ({"setup_py": f"setup(setup_requires={'(' * 500})"}, "its setup.py computes"),
        ({"setup_py": "setup(setup_requires=['x>1.*'])"}, "in its setup.py cannot be read"),
        ({"setup_cfg": "x"}, "its setup.cfg cannot be read"),
    ],
)
def test_setup_requires_that_is_unknown(files: dict[str, str], why: str) -> None:
    found = needs(build_system("setuptools.build_meta"), **files)
    assert requires(found) == ["b>=1"]
    assert why in found.unknown


@pytest.mark.parametrize(
    ("pyproject", "more"),
    [
        (build_system("flit_core.buildapi"), []),
        (build_system("poetry.core.masonry.api"), []),
        (build_system("uv_build"), []),
        (build_system("pdm.backend"), []),
        (
            build_system("pdm.backend", "[tool.pdm.build]\nrun-setuptools = true"),
            ["setuptools>=40.8.0"],
        ),
        (build_system("hatchling.build"), []),
        (
            build_system(
                "hatchling.build",
                '[tool.hatch.build]\ndependencies = ["x"]\n'
                '[tool.hatch.build.targets.wheel]\ndependencies = ["y"]\n'
                '[tool.hatch.build.hooks.vcs]\nversion-file = "v"\ndependencies = ["z"]\n',
            ),
            ["x", "y", "z"],
        ),
    ],
)
def test_known_backends(pyproject: str, more: list[str]) -> None:
    found = needs(pyproject)
    assert (requires(found), found.unknown) == (["b>=1", *more], "")


@pytest.mark.parametrize(
    ("pyproject", "why"),
    [
        (build_system("mesonpy"), "its build backend mesonpy may ask for more"),
        (build_system("setuptools.build_meta", 'backend-path = ["."]'), "backend is part of it"),
        (build_system("hatchling.build", "[tool.hatch.build.hooks.custom]\n"), "build hook custom"),
        (
            build_system("hatchling.build", "[tool.hatch.build]\ndependencies = 1\n"),
            "may ask for more",
        ),
    ],
)
def test_unknown_backends(pyproject: str, why: str) -> None:
    found = needs(pyproject)
    assert requires(found) == ["b>=1"]
    assert why in found.unknown


def test_own_file_of_hatch() -> None:
    found = needs(build_system("hatchling.build"), hatch='[build]\ndependencies = ["x"]\n')
    assert requires(found) == ["b>=1", "x"]


def test_requirement_by_url() -> None:
    found = needs('[build-system]\nrequires = ["a", "b @ https://example.invalid/b.zip"]\n')
    assert (requires(found), len(found.remote)) == (["a"], 1)


@pytest.mark.parametrize(
    ("pyproject", "why"),
    [
        ("[build-system", "cannot be read"),
        ("[build-system]\n", "no list of requirements"),
        ("build-system = 1\n", "no list of requirements"),
        ("[build-system]\nrequires = [1]\n", "no list of requirements"),
        ('[build-system]\nrequires = ["--index-url=x"]\n', "'--index-url=x' is not valid"),
    ],
)
def test_what_no_pip_can_build(pyproject: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        needs(pyproject)


def test_project_file_that_is_no_text() -> None:
    with pytest.raises(ValueError, match="is not UTF-8"):
        find_needs(SourceFiles(b"\xff"))
