"""What was fetched here for older Pythons installs there without a network, and works."""

from __future__ import annotations

import json
import platform
import subprocess
import textwrap
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.cli import names, wheeltarget
from tests.support.interpreters import host_glibc, index_environment, interpreter
from tests.support.output import files_by_target

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tags here are for x86_64"),
]

LINES = (
    "cryptography~=3.3 ; tags=cp36-cp36m-manylinux1_x86_64",
    "flask ; tags=cp37-cp37m-manylinux2014_x86_64",
    (
        'pandas ; python_version < "4" ; '
        "tags=cp39-cp39-manylinux_2_28_x86_64,cp312-cp312-manylinux_2_34_aarch64"
    ),
)
"""Three older Pythons, one of them together with a machine of another kind."""

SETTINGS = (
    ("3.6", "cp36-cp36m-manylinux1_x86_64", "cryptography"),
    ("3.7", "cp37-cp37m-manylinux2014_x86_64", "flask"),
    ("3.9", "cp39-cp39-manylinux_2_28_x86_64", "pandas"),
)
"""The Pythons that are here, their targets, and what each installs."""

PROOFS = {
    "cryptography": """\
        import _cffi_backend, cryptography
        from cryptography.fernet import Fernet
        box = Fernet(Fernet.generate_key())
        assert box.decrypt(box.encrypt(b"secret")) == b"secret"
        loaded = [cryptography.__file__, _cffi_backend.__file__]
        """,
    "flask": """\
        import flask, markupsafe._speedups
        app = flask.Flask("proof")
        app.add_url_rule("/", view_func=lambda: flask.render_template_string("{{ 6 * 7 }}"))
        assert app.test_client().get("/").data == b"42"
        loaded = [flask.__file__, markupsafe._speedups.__file__]
        """,
    "pandas": """\
        import numpy, pandas
        from numpy.core import _multiarray_umath
        frame = pandas.DataFrame({"key": ["a", "b", "a"], "value": [1, 2, 3]})
        assert frame.groupby("key")["value"].sum().to_dict() == {"a": 4, "b": 2}
        assert numpy.linalg.det(numpy.eye(3)) == 1
        loaded = [pandas.__file__, _multiarray_umath.__file__]
        """,
}
"""For each project a script that makes it do something in C, and names what it loaded."""


def test_the_example_installs_offline(place: Path) -> None:
    if host_glibc() < (2, 28):
        pytest.skip("the wheels for Python 3.9 need glibc 2.28")
    pythons = {version: interpreter(version) for version, _, _ in SETTINGS}

    done = wheeltarget(
        *("download", "--no-cache-dir", "-d", "wheelhouse", *LINES), cwd=place, timeout=300
    )

    assert done.exit_code == 0, done.stderr
    files = files_by_target(done.stdout)
    # A requirements file with the same lines asks for what is there already.
    place.joinpath("requirements.txt").write_text("\n".join(LINES), "utf-8")
    again = wheeltarget(
        *("download", "--no-cache-dir", "-d", "wheelhouse", "-r", "requirements.txt"),
        cwd=place,
        timeout=300,
    )
    assert again.exit_code == 0, again.stderr
    assert files_by_target(again.stdout) == files
    # One job for each target, and nothing in the folder that none of them needs.
    assert list(files) == [tag for _, tag, _ in SETTINGS] + ["cp312-cp312-manylinux_2_34_aarch64"]
    assert names(place / "wheelhouse") == sorted(set().union(*files.values()))
    wanted = {version: versions_in(files[tag]) for version, tag, _ in SETTINGS}
    assert {v: install(pythons[v], project, place) for v, _, project in SETTINGS} == wanted
    assert [prove(pythons[v], project, place) for v, _, project in SETTINGS] == [""] * len(SETTINGS)


def install(python: Path, project: str, place: Path) -> dict[str, str]:
    """Let an interpreter's bundled pip install from the wheelhouse.

    :returns: version by project of everything that it installed.
    """
    done = subprocess.run(
        [
            *(python, "-m", "pip", "install", "--no-index", "--find-links", "wheelhouse"),
            # Without a cache, so that it cannot have been built or fetched before; and without
            # compiling, which takes longer than all the rest.
            *("--no-cache-dir", "--no-compile", "--target", f"installed-{project}", project),
        ],
        cwd=place,
        env=index_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for path in place.joinpath(f"installed-{project}").glob("*.dist-info"):
        name, _, version = path.stem.partition("-")
        found[canonicalize_name(name)] = version
    return {str(name): version for name, version in found.items()}


def prove(python: Path, project: str, place: Path) -> str:
    """Let an interpreter use what it installed.

    :returns: what went wrong, or an empty string.
    """
    script = textwrap.dedent(PROOFS[project]) + "import json; print(json.dumps(loaded))\n"
    home = place / f"installed-{project}"
    done = subprocess.run(
        [python, "-W", "ignore", "-c", script],
        cwd=place,
        env={**index_environment(), "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        return done.stderr
    # The interpreter could have the project from somewhere else.
    strangers = [file for file in json.loads(done.stdout) if not Path(file).is_relative_to(home)]
    return f"not from the wheelhouse: {strangers}" if strangers else ""


def versions_in(files: list[str]) -> dict[str, str]:
    """Give version by project of some wheels, by their names."""
    pairs = (parse_wheel_filename(file)[:2] for file in files)
    return {str(name): str(version) for name, version in pairs}
