"""``wheeltarget install-check``: wheels unpacked and imported by an interpreter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Result
from tests.support.here import run_here
from tests.support.interpreters import interpreter
from tests.support.locked import lock_wheels
from tests.support.wheels import make_wheel

MINOR = f"{sys.version_info[0]}{sys.version_info[1]}"
TAG = f"cp{MINOR}-none-any"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return tmp_path / "house"


def check(house: Path, *arguments: str, target: str = TAG) -> Result:
    lock_wheels(sorted(house.iterdir()), target, house.parent / "pylock.t.toml")
    arguments = ("-r", "pylock.t.toml", "--wheels=house", *arguments)
    return run_here("install-check", *arguments, cwd=house.parent)


def test_good(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/__init__.py": b"import other, json\n"})
    make_wheel(house, "other")
    result = check(house)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"2 of 2 modules can be imported by {sys.executable}\n"
    assert {path.name for path in house.parent.iterdir()} == {"house", "pylock.t.toml"}


def test_bad(house: Path) -> None:
    make_wheel(house, "lib", files={"lib/__init__.py": b"import not_there\n"})
    make_wheel(house, "crash", files={"crash.py": b"import os\nos.kill(os.getpid(), 6)\n"})
    make_wheel(house, "tool", files={"tool.py": b"import pytest\n"})  # it is not in the lock
    result = check(house, "--python", sys.executable)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"crash for {TAG}: WC602 import crash crashes Python with signal 6",
        f"lib for {TAG}: WC601 import lib fails: ModuleNotFoundError: No module named 'not_there'",
        f"tool for {TAG}: WC601 import tool fails: ModuleNotFoundError: No module named 'pytest'",
    ]
    said = json.loads(check(house, "--format=json").stdout)
    assert [each["code"] for each in said["findings"]] == ["WC602", "WC601", "WC601"]


def test_no_interpreter(house: Path) -> None:
    make_wheel(house, "lib")
    result = check(house, "--python", sys.executable, target="cp33-none-any")
    assert (result.exit_code, result.stdout) == (3, "")
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = f"the wheels of the lock need Python 3.3: {sys.executable} is Python {minor}"
    assert said in result.stderr
    assert "--python PATH" in result.stderr
    result = check(house, target="cp33-none-any")
    assert "no Python 3.3 on this machine accepts the wheels of the lock" in result.stderr
    assert "no such file" in check(house, "--python=nowhere").stderr.lower()


PARTS = {
    "imported by its parent": {
        "whole": b"import part\n",
        "part": b"import sys\nassert 'whole' in sys.modules, 'import whole first'\n",
    },
    "imported after a sibling": {
        "first": b"import sys\nsys.is_ready = True\n",
        "second": b"import sys\nsys.is_ready\n",
    },
    "after a sibling that cannot be imported": {
        "broken": b"import sys\nsys.is_ready = True\nraise SystemExit\n",
        "part": b"import sys\nsys.is_ready\n",
    },
    "a package in two": {
        "pack_c": b"import pack.base\n",
        "pack": b"import pack_c\n",
    },
}


@pytest.mark.parametrize("modules", PARTS.values(), ids=PARTS)
def test_module_that_another_one_imports(house: Path, modules: dict[str, bytes]) -> None:
    """Such as ``psycopg_binary``, which only ``psycopg`` can import."""
    for name, code in modules.items():
        files = {f"{name}.py": code}
        if name == "pack":
            files = {"pack/__init__.py": b"import pack_c\n", "pack/base.py": b""}
        make_wheel(house, name, files=files)
    result = check(house)
    failed = {line.partition(" ")[0] for line in result.stdout.splitlines()}
    assert failed == ({"broken"} if "broken" in modules else set()), result.stdout


def test_reason_is_that_of_the_module_alone(house: Path) -> None:
    make_wheel(house, "lib", files={"lib.py": b"import not_there\n"})
    make_wheel(house, "other", files={"other.py": b"raise ValueError('first')\n"})
    assert check(house).stdout.splitlines() == [
        f"lib for {TAG}: WC601 import lib fails: ModuleNotFoundError: No module named 'not_there'",
        f"other for {TAG}: WC601 import other fails: ValueError: first",
    ]


@pytest.mark.parametrize("code", [b"import os\nos._exit(0)\n", b"raise SystemExit\n"])
def test_module_that_ends_python(house: Path, code: bytes) -> None:
    """It is not imported, and it does not make others seem so."""
    make_wheel(house, "end", files={"end.py": code})
    make_wheel(house, "lib", files={"lib.py": b"import not_there\n"})
    assert check(house).stdout.splitlines() == [
        f"end for {TAG}: WC601 import end fails: exit code 0",
        f"lib for {TAG}: WC601 import lib fails: ModuleNotFoundError: No module named 'not_there'",
    ]


SITE = """\
import sys
sys.real_prefix = {base!r}
for place in ({library!r}, {library!r} + "/lib-dynload"):
    sys.path.append(place)
import os
sys.path.append(os.path.join(sys.prefix, "lib", "python2.7", "site-packages"))
sys.path.append({elsewhere!r})
"""


@pytest.mark.interpreters
@pytest.mark.skipif(sys.platform == "win32", reason="links, and the layout of POSIX")
@pytest.mark.parametrize("what", ["itself", "an environment", "an environment of its own os"])
def test_python_2(house: Path, tmp_path: Path, what: str) -> None:
    """Only ``site`` finds the standard library for an environment; all else it adds is left out."""
    python = interpreter("2.7")
    for name, code in {
        "lib": b"import json, ssl, distutils.util, xml.etree.ElementTree\n",
        "unmet": b"import outside\n",
        "unlisted": b"import elsewhere\n",
        "parent": b"import child\n",
        "child": b"import sys\nsys.modules['parent']\n",
    }.items():
        make_wheel(house, name, tag="py2-none-any", files={f"{name}.py": code})
    if what != "itself":
        script = "import os, sys; print(sys.prefix); print(os.path.dirname(os.__file__))"
        output = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
        base, library = output.stdout.splitlines()
        home, elsewhere = tmp_path / "env" / "lib" / "python2.7", tmp_path / "elsewhere"
        for folder in (home / "site-packages", tmp_path / "env" / "bin", elsewhere):
            folder.mkdir(parents=True)
        (home / "site-packages" / "outside.py").write_text("")
        (elsewhere / "elsewhere.py").write_text("")
        if what == "an environment":
            (home / "os.py").symlink_to(Path(library, "os.py"))
        else:
            shutil.copy(Path(library, "os.py"), home)
        text = SITE.format(base=base, library=library, elsewhere=str(elsewhere))
        (home / "site.py").write_text(text)
        (tmp_path / "env" / "bin" / "python").symlink_to(python.resolve())
        python = tmp_path / "env" / "bin" / "python"
    result = check(house, "--python", str(python), target="cp27-cp27mu-manylinux1_x86_64")
    assert result.stdout.splitlines() == [
        f"{name} for cp27-cp27mu-manylinux1_x86_64: "
        f"WC601 import {name} fails: ImportError: No module named {module}"
        for name, module in (("unlisted", "elsewhere"), ("unmet", "outside"))
    ], result.stderr
