"""Trial: run the whole of pip for two targets that no machine has, before the real ones.

A proof checks single objects of pip. Only a run shows which objects the command uses, and whether
it uses them again for the next target. The trial uses a page of links on disk, no network, and
none of the user's settings.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from html import escape
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, TextIO

from wheeltarget.pip_child.job import CurrentJob, JobState, changed_environment, download
from wheeltarget.pip_protocol import JobOrder, TargetView


def _target(name: str, python: str) -> TargetView:
    minor = python.rpartition(".")[0]
    interpreter = f"cp{minor.replace('.', '')}"
    return TargetView(
        tags=(f"{interpreter}-{interpreter}-{name}_2", f"{interpreter}-{interpreter}-{name}_1"),
        markers={
            "os_name": f"{name}-os",
            "sys_platform": name,
            "platform_machine": f"{name}-machine",
            "platform_python_implementation": f"{name}-python",
            "platform_release": f"1.{minor}",
            "platform_system": f"{name}-system",
            "python_version": minor,
            "python_full_version": python,
            "implementation_name": f"{name}-implementation",
            "implementation_version": f"{python}.1",
        },
        unknown=("platform_version",),
    )


_LINKS = "links.html"
_DESTINATION = "destination"

ODD = _target("odd", "9.9.9")
EVEN = _target("even", "1.8.8")
"""Two targets that no machine has; the second one reads specifiers from before PEP 440."""


class _Wheel(NamedTuple):
    """A wheel on the page of links."""

    name: str
    version: str
    tag: str
    python: str = ""
    requires: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.tag}.whl"

    @property
    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Python: {self.python}"] if self.python else []
        lines += [f"Requires-Dist: {each}" for each in self.requires]
        lines += ["Provides-Extra: unasked"]
        return "\n".join([*lines, ""])

    @property
    def members(self) -> dict[str, str]:
        folder = f"{self.name}-{self.version}.dist-info"
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        return {f"{folder}/METADATA": self.metadata, f"{folder}/WHEEL": wheel}


def _exactly(target: TargetView) -> str:
    return " and ".join(f'{name} == "{value}"' for name, value in target.markers.items())


def _roots(target: TargetView, even: str) -> Iterator[_Wheel]:
    """Return the wheels of the requested project for a target.

    :param even: the requirement for the second target only.
    """
    best, worst = target.tags
    python = f"=={target.markers['python_full_version']}"
    names = (ODD.markers["implementation_name"], EVEN.markers["implementation_name"])
    requires = (
        f"odd ; {_exactly(ODD)}",
        f"{even} ; {_exactly(EVEN)}",
        f"liked ; {_exactly(EVEN)}",
        # This project does not exist.
        f'no ; implementation_name != "{names[0]}" and implementation_name != "{names[1]}"',
        'no ; platform_version == "1" and extra == "unasked"',
    )
    yield _Wheel("root", "1", worst, python, requires)
    yield _Wheel("root", "1", best, python, requires)
    yield _Wheel("root", "3", best)  # a constraint excludes it


_ODD_ONLY = _Wheel("odd", "1", ODD.tags[1])
_EVEN_ONLY = _Wheel("even", "1", EVEN.tags[1], ">=1.8.*")
_LIKED = _Wheel("liked", "1", EVEN.tags[1])
_DIRECT = _Wheel("direct", "1", ODD.tags[1])
_WHEELS = (
    *_roots(ODD, "even"),
    *_roots(EVEN, "even (>=1.*)"),
    _Wheel("root", "2", "py3-none-any"),
    _Wheel("root", "3", "py3-none-any"),
    _ODD_ONLY,
    _EVEN_ONLY,
    _Wheel("even", "2", EVEN.tags[1], ">=1.9.*"),
    _LIKED,
    _Wheel("liked", "2", EVEN.tags[0]),  # the other one is preferred
    _DIRECT,
)


class _Case(NamedTuple):
    """A target, and the parents of each file that pip must choose for it."""

    target: TargetView | None
    parents: dict[str, tuple[str | None, ...]]


_ODD_CASE = _Case(
    ODD,
    {
        _DIRECT.filename: (None,),
        _ODD_ONLY.filename: (None, "root"),
        "root-1-cp99-cp99-odd_2.whl": (None,),
    },
)
_EVEN_CASE = _Case(
    EVEN,
    {
        _EVEN_ONLY.filename: ("root",),
        _LIKED.filename: ("root",),
        "root-1-cp18-cp18-even_2.whl": (None,),
    },
)
_HERE = _Case(None, {"root-2-py3-none-any.whl": (None,)})


def find_fault(current: CurrentJob, *, plain: bool) -> str:
    """Run pip, and return what it does wrong, or an empty string.

    :param plain: whether only requirements files are patched.
    :raises OSError: if files cannot be written.
    """
    cases = (_HERE,) if plain else (_ODD_CASE, _EVEN_CASE)
    with TemporaryDirectory(prefix="wheeltarget-trial-") as name:
        home = Path(name)
        _write_links(home)
        faults = (_try_one(current, home, case) for case in cases)
        fault = next(filter(None, faults), "")
        if fault:
            # A full disk looks the same: raise its error instead.
            home.joinpath("space").write_bytes(bytes(1 << 16))
    current.run.fetched.clear()
    return fault


def _write_links(home: Path) -> None:
    """Write the wheels, a page of links to them, and a wheel that exists in the destination."""
    page = []
    for wheel in _WHEELS:
        # pip reads the metadata differently if the page does not offer it.
        python = escape(_listed_python(wheel) or "")
        attributes = f' data-requires-python="{python}"' if python else ""
        attributes += "" if wheel.name == "even" else ' data-core-metadata="true"'
        page.append(f'<a href="{wheel.filename}"{attributes}>{wheel.filename}</a><br>\n')
        home.joinpath(wheel.filename + ".metadata").write_text(wheel.metadata, "utf-8")
        write_wheel(home / wheel.filename, wheel.members)
    home.joinpath(_LINKS).write_text("".join(page), "utf-8")
    home.joinpath(_DESTINATION).mkdir()
    # With other bytes than the one on the page.
    existing = home / _DESTINATION / _ODD_ONLY.filename
    write_wheel(existing, _ODD_ONLY.members, b"it was there")


def _try_one(current: CurrentJob, home: Path, case: _Case) -> str:
    work = home / f"work-{case.target.tags[0] if case.target else 'here'}"
    job = current.begin(_job(home, work, case.target))
    exit_code, output = _run(job.order.arguments)
    found = sorted(path.name for path in work.iterdir()) if work.is_dir() else []
    if exit_code or found != sorted(case.parents):
        # The first error in pip's output, or the end of a traceback.
        lines = [line for line in output.splitlines() if line.strip()]
        first = next((line for line in lines if line.startswith("ERROR")), "")
        error = lines[-1] if first == "ERROR: Exception:" else first
        return error or f"it fetches {', '.join(found) or 'nothing'}"
    if case.target is None:
        return ""
    return _fault_of_result(job, case) or _fault_of_output(output, work, home / _DESTINATION, case)


def _job(home: Path, work: Path, target: TargetView | None) -> JobOrder:
    """Return a job whose requirements files exist only in it."""
    arguments = ["--no-color", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    arguments += ["--progress-bar=off", "--no-index", f"--find-links={home / _LINKS}"]
    arguments += ["-r", str(home / "files.txt"), "-c", str(home / "limits.txt"), f"--dest={work}"]
    lines = ["-r nested.txt"]
    if target is not None:
        interpreter, abi, platform = target.tags[0].split("-")
        arguments += [f"--python-version={target.markers['python_full_version']}"]
        arguments += [f"--implementation={interpreter[:2]}", f"--abi={abi}"]
        arguments += [f"--platform={platform}", "--only-binary=:all:"]
        lines.append('odd ; sys_platform == "odd"')
    if target is ODD:
        # Not for the second target, whose file has the same name.
        lines.append(f"direct @ {home.joinpath(_DIRECT.filename).as_uri()}")
    return JobOrder(
        label="trial",
        target=target,
        arguments=tuple(arguments),
        files={
            str(home / "files.txt"): "\n".join(lines),
            str(home / "nested.txt"): "root",
            str(home / "limits.txt"): "root < 3",
        },
        folder=str(work),
        destination=str(home / _DESTINATION),
        result=Path(),
        preferred={"liked": "1"} if target is EVEN else {},
    )


class _CapturedStream:
    """A stream that keeps what is written, and later writes to another stream.

    pip may keep a reference to it after the trial.
    """

    def __init__(self) -> None:
        self._stream: Any = io.TextIOWrapper(
            io.BytesIO(), "utf-8", "backslashreplace", write_through=True
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def release(self, stream: TextIO) -> str:
        """Return what was written, and write to another stream from now on."""
        kept, self._stream = self._stream, stream
        kept.seek(0)
        return str(kept.read())


def _run(arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run pip without the user's settings; return its exit code and its output."""
    stdout, stderr = _CapturedStream(), _CapturedStream()
    settings = [name for name in os.environ if name.startswith("PIP_") or name == "FORCE_COLOR"]
    with (
        changed_environment(unset=settings, PIP_CONFIG_FILE=os.devnull),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        exit_code = download(arguments)
    return exit_code, stdout.release(sys.stdout) + stderr.release(sys.stderr)


def _fault_of_result(job: JobState, case: _Case) -> str:
    """Return what is wrong with the chosen files, or an empty string."""
    wheels = {wheel.filename: wheel for wheel in _WHEELS}
    expected = [
        (name, *name.split("-")[:2], None in parents, parents, _listed_python(wheels[name]))
        for name, parents in sorted(case.parents.items())
    ]
    fields = ("path.name", "name", "version", "requested", "parents", "requires_python")
    if sorted(map(attrgetter(*fields), job.chosen)) != expected:
        return f"it reports the chosen files as {job.chosen}"
    pages = [each.name for each in job.chosen if each.index]
    if "root" not in pages or "direct" in pages:
        return f"it reports {', '.join(pages) or 'nothing'} as files of an index"
    return ""


def _listed_python(wheel: _Wheel) -> str | None:
    """Return the Requires-Python of a wheel if the page lists it."""
    return wheel.python if wheel.python and wheel.name != "even" else None


def _fault_of_output(output: str, work: Path, destination: Path, case: _Case) -> str:
    """Return what is wrong with pip's output and the existing file, or an empty string."""
    for line in output.splitlines():
        if str(work) in line or line.lstrip().startswith(("Saved ", "Successfully ")):
            return f"it prints: {line.strip()}"
    if _ODD_ONLY.filename not in case.parents:
        return ""
    existing = destination / _ODD_ONLY.filename
    if (work / existing.name).read_bytes() != existing.read_bytes():
        return "it fetches a file that exists"
    return "" if str(existing) in output else "it does not report a file that exists"


def write_wheel(place: Path | IO[bytes], members: Mapping[str, str], comment: bytes = b"") -> None:
    """Write a wheel, which has texts by their names, and does not depend on the clock."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            # With the time 1980-01-01. A clock that is not set may be earlier, which no archive
            # can store.
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.comment = comment
