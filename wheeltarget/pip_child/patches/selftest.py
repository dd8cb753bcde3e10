"""Trial: run the whole of pip for two targets that no machine has, before the real ones.

A proof checks single objects of pip. Only a run shows which objects the command uses, and whether
it uses them again for the next target. The trial uses a page of links on disk, no network, and
none of the user's settings.
"""

from __future__ import annotations

import functools
import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, TextIO

from wheeltarget.pip_child.job import CurrentJob, JobState, changed_environment
from wheeltarget.pip_protocol import JobOrder, TargetView

Download = Callable[[Sequence[str]], int]


def _target(word: str, python: str) -> TargetView:
    minor = python.rpartition(".")[0]
    interpreter = f"cp{minor.replace('.', '')}"
    return TargetView(
        tags=(f"{interpreter}-{interpreter}-{word}_2", f"{interpreter}-{interpreter}-{word}_1"),
        markers={
            "os_name": f"{word}-os",
            "sys_platform": word,
            "platform_machine": f"{word}-machine",
            "platform_python_implementation": f"{word}-python",
            "platform_release": f"1.{minor}",
            "platform_system": f"{word}-system",
            "python_version": minor,
            "python_full_version": python,
            "implementation_name": f"{word}-implementation",
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


def _exactly(target: TargetView) -> str:
    """Return a marker with every known variable of a target."""
    return " and ".join(f'{name} == "{value}"' for name, value in target.markers.items())


def _roots(target: TargetView, python: str, odd: str, even: str) -> Iterator[_Wheel]:
    """Return the wheels of the requested project for a target.

    :param target: the target.
    :param python: their Requires-Python.
    :param odd: the requirement for the first target only.
    :param even: the requirement for the second target only.
    """
    best, worst = target.tags
    names = (ODD.markers["implementation_name"], EVEN.markers["implementation_name"])
    requires = (
        f"{odd} ; {_exactly(ODD)}",
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
    *_roots(ODD, "==9.9.9", "odd", "even"),
    *_roots(EVEN, "==1.8.8", "odd", "even (>=1.*)"),
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
    parents: dict[str, list[str | None]]


_ODD_CASE = _Case(
    ODD,
    {
        _DIRECT.filename: [None],
        _ODD_ONLY.filename: [None, "root"],
        "root-1-cp99-cp99-odd_2.whl": [None],
    },
)
_EVEN_CASE = _Case(
    EVEN,
    {
        _EVEN_ONLY.filename: ["root"],
        _LIKED.filename: ["root"],
        "root-1-cp18-cp18-even_2.whl": [None],
    },
)
_HERE = _Case(None, {"root-2-py3-none-any.whl": [None]})


def find_fault(current: CurrentJob, download: Download, *, plain: bool) -> str:
    """Run pip, and return what it does wrong, or an empty string.

    :param current: the current job.
    :param download: runs ``pip download``.
    :param plain: whether only requirements files are patched.
    :raises OSError: if files cannot be written.
    """
    cases = (_HERE,) if plain else (_ODD_CASE, _EVEN_CASE)
    with TemporaryDirectory(prefix="wheeltarget-trial-") as name:
        home = Path(name)
        _write_links(home)
        faults = (_try_one(current, download, home, case) for case in cases)
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
        _write_wheel(home / wheel.filename, wheel)
    home.joinpath(_LINKS).write_text("".join(page), "utf-8")
    home.joinpath(_DESTINATION).mkdir()
    # With other bytes than the one on the page.
    _write_wheel(home / _DESTINATION / _ODD_ONLY.filename, _ODD_ONLY, b"it was there")


def _write_wheel(path: Path, wheel: _Wheel, comment: bytes = b"") -> None:
    information = f"{wheel.name}-{wheel.version}.dist-info"
    members = {
        f"{information}/METADATA": wheel.metadata,
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    }
    write_wheel(path, members, comment)


def _try_one(current: CurrentJob, download: Download, home: Path, case: _Case) -> str:
    work = home / f"work-{case.target.tags[0] if case.target else 'here'}"
    job = current.begin(_job(home, work, case.target))
    exit_code, output = _run(download, job.order.arguments)
    found = sorted(path.name for path in work.iterdir()) if work.is_dir() else []
    if exit_code or found != sorted(case.parents):
        return _first_error(output) or f"it fetches {', '.join(found) or 'nothing'}"
    if case.target is None:
        return ""
    return _fault_of_result(job, case) or _fault_of_output(output, work, home / _DESTINATION, case)


def _first_error(output: str) -> str:
    """Return the first error in pip's output, or the end of a traceback."""
    lines = [line for line in output.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("ERROR")), "")
    return lines[-1] if first == "ERROR: Exception:" else first


def _job(home: Path, work: Path, target: TargetView | None) -> JobOrder:
    """Return a job whose requirements files exist only in it."""
    lines = ['odd ; sys_platform == "odd"', "-r nested.txt"] if target else ["-r nested.txt"]
    if target is ODD:
        # Not for the second target, whose file has the same name.
        lines.append(f"direct @ {home.joinpath(_DIRECT.filename).as_uri()}")
    return JobOrder(
        label="trial",
        target=target,
        arguments=tuple(_arguments(home, work, target)),
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


def _arguments(home: Path, work: Path, target: TargetView | None) -> list[str]:
    options = ["--no-color", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    options += ["--progress-bar=off", "--no-index", f"--find-links={home / _LINKS}"]
    options += ["-r", str(home / "files.txt"), "-c", str(home / "limits.txt"), f"--dest={work}"]
    if target is None:
        return options
    interpreter, abi, platform = target.tags[0].split("-")
    options += [f"--python-version={target.markers['python_full_version']}"]
    options += [f"--implementation={interpreter[:2]}", f"--abi={abi}", f"--platform={platform}"]
    return [*options, "--only-binary=:all:"]


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


def _run(download: Download, arguments: Sequence[str]) -> tuple[int, str]:
    """Run pip without the user's settings; return its exit code and its output."""
    stdout, stderr = _CapturedStream(), _CapturedStream()
    settings = [name for name in os.environ if name.startswith("PIP_") or name == "FORCE_COLOR"]
    with changed_environment(unset=settings, PIP_CONFIG_FILE=os.devnull):
        _cache_user_agent()
        with redirect_stdout(stdout), redirect_stderr(stderr):
            exit_code = download(arguments)
    return exit_code, stdout.release(sys.stdout) + stderr.release(sys.stderr)


def _cache_user_agent() -> None:
    """Build pip's user agent only once, since that starts other programs."""
    from pip._internal.network import session

    with suppress(AttributeError):
        if not hasattr(session.user_agent, "cache_info"):
            session.user_agent = functools.cache(session.user_agent)


def _fault_of_result(job: JobState, case: _Case) -> str:
    """Return what is wrong with the chosen files, or an empty string."""
    wheels = {wheel.filename: wheel for wheel in _WHEELS}
    expected = [
        (*name.split("-")[:2], name, None in parents, parents, _listed_python(wheels[name]))
        for name, parents in sorted(case.parents.items())
    ]
    found = sorted(
        (
            each.name,
            each.version,
            each.path.name,
            each.requested,
            list(each.parents),
            each.requires_python,
        )
        for each in job.chosen
    )
    pages = [each.name for each in job.chosen if each.index]
    if found != expected:
        return f"it reports the chosen files as {job.chosen}"
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


def proof_finder(target_python: Any = None, format_control: Any = None) -> Any:
    """Return a finder of pip for Python 9.9.9.

    :param target_python: pip's class that was patched; the current one if None.
    :param format_control: which formats it accepts; all if None.
    """
    # Imported in each proof, to use what is patched at the time.
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences
    from pip._internal.models.target_python import TargetPython

    return PackageFinder.create(
        LinkCollector(None, SearchScope([], [], no_index=True)),
        SelectionPreferences(allow_yanked=True, format_control=format_control),
        (target_python or TargetPython)(py_version_info=(9, 9, 9)),
    )


def wheel_that_requires(requirement: str) -> Any:
    """Return pip's object for a wheel with one dependency, for a proof."""
    from pip._internal.metadata import MemoryWheel, get_wheel_distribution

    content = io.BytesIO()
    metadata = f"Metadata-Version: 2.1\nName: proof\nVersion: 1\nRequires-Dist: {requirement}\n"
    members = {
        "proof-1.dist-info/METADATA": f"{metadata}Requires-Python: >=9.10.*\n",
        "proof-1.dist-info/WHEEL": "Wheel-Version: 1.0\n",
    }
    write_wheel(content, members)
    return get_wheel_distribution(MemoryWheel("proof-1-py3-none-any.whl", content), "proof")


def write_wheel(place: Path | IO[bytes], members: Mapping[str, str], comment: bytes = b"") -> None:
    """Write a wheel that does not depend on the clock.

    :param place: a path or a stream.
    :param members: texts by their names.
    :param comment: the comment of the archive.
    """
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            # With the time 1980-01-01. A clock that is not set may be earlier, which no archive
            # can store.
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.comment = comment
