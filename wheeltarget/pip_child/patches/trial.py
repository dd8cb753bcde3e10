"""Trial: run the whole of pip for two targets that no machine has, before the real ones.

A proof checks single objects of pip. Only a run shows which objects the command uses, and whether
it uses them again for the next target. It uses neither the network nor the user's settings.
"""

from __future__ import annotations

import io
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from html import escape
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, TextIO

from pip import __version__ as pip_version

from wheeltarget.pip_child import moved_error
from wheeltarget.pip_child.job import CurrentJob, JobState, changed_environment, download
from wheeltarget.pip_protocol import JobOrder, TargetView

_LINKS = "links.html"
_DESTINATION = "destination"


def _target(name: str, python: str) -> TargetView:
    minor = python.rpartition(".")[0]
    interpreter = f"cp{minor.replace('.', '')}"
    named = ("os_name", "platform_machine", "platform_python_implementation", "platform_system")
    markers = {variable: f"{name}-{variable}" for variable in (*named, "implementation_name")}
    markers |= {"sys_platform": name, "platform_release": f"1.{minor}", "python_version": minor}
    markers |= {"python_full_version": python, "implementation_version": f"{python}.1"}
    tags = tuple(f"{interpreter}-{interpreter}-{name}_{number}" for number in (2, 1))
    return TargetView(tags, markers, ("platform_version",))


ODD = _target("odd", "9.9.9")
EVEN = _target("even", "1.8.8")
"""Two targets that no machine has; the second one reads specifiers from before PEP 440."""


class Wheel(NamedTuple):
    """A wheel on the page of links."""

    name: str
    version: str
    tag: str
    python: str = ""
    requires: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """Return its file name."""
        return f"{self.name}-{self.version}-{self.tag}.whl"

    @property
    def metadata(self) -> str:
        """Return the content of METADATA."""
        text = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
        text += f"Requires-Python: {self.python}\n" if self.python else ""
        text += "".join(f"Requires-Dist: {each}\n" for each in self.requires)
        return f"{text}Provides-Extra: unasked\n"

    @property
    def members(self) -> dict[str, str]:
        """Return its files."""
        folder = f"{self.name}-{self.version}.dist-info"
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        return {f"{folder}/METADATA": self.metadata, f"{folder}/WHEEL": wheel}


def _roots(target: TargetView, even: str) -> Iterator[Wheel]:
    """Return the wheels of the requested project for a target.

    :param even: the requirement for the second target only.
    """
    best, worst = target.tags
    python = f"=={target.markers['python_full_version']}"
    for_odd, for_even = (
        " and ".join(f'{name} == "{value}"' for name, value in each.markers.items())
        for each in (ODD, EVEN)
    )
    requires = (
        f"odd ; {for_odd}",
        f"{even} ; {for_even}",
        f"liked ; {for_even}",
        # This project does not exist.
        'no ; sys_platform != "odd" and sys_platform != "even"',
        'no ; platform_version == "1" and extra == "unasked"',
    )
    yield from (Wheel("root", "1", tag, python, requires) for tag in (worst, best))
    yield Wheel("root", "3", best)  # a constraint excludes it


_ODD_ONLY = Wheel("odd", "1", ODD.tags[1])
_EVEN_ONLY = Wheel("even", "1", EVEN.tags[1], ">=1.8.*")
_LIKED = Wheel("liked", "1", EVEN.tags[1])
_DIRECT = Wheel("direct", "1", ODD.tags[1])
_WHEELS = (
    *_roots(ODD, "even"),
    *_roots(EVEN, "even (>=1.*)"),
    *(Wheel("root", version, "py3-none-any") for version in ("2", "3")),
    *(_ODD_ONLY, _EVEN_ONLY, _LIKED, _DIRECT),
    Wheel("even", "2", EVEN.tags[1], ">=1.9.*"),
    Wheel("liked", "2", EVEN.tags[0]),  # the other one is preferred
)


_Parents = dict[str, tuple[str | None, ...]]
"""The parents of each file that pip must choose for a target."""

_BEST_ODD, _BEST_EVEN = (f"root-1-{target.tags[0]}.whl" for target in (ODD, EVEN))
_CASES: tuple[tuple[TargetView | None, _Parents], ...] = (
    (ODD, {_DIRECT.filename: (None,), _ODD_ONLY.filename: (None, "root"), _BEST_ODD: (None,)}),
    (EVEN, {_EVEN_ONLY.filename: ("root",), _LIKED.filename: ("root",), _BEST_EVEN: (None,)}),
)
_HERE: _Parents = {"root-2-py3-none-any.whl": (None,)}


def run_trial(current: CurrentJob, *, plain: bool) -> None:
    """Try out a pip that is not known; raises PipMovedError if it does not work as expected.

    :param plain: whether only requirements files are patched.
    """
    if is_known(pip_version):
        return
    cases = ((None, _HERE),) if plain else _CASES
    with TemporaryDirectory(prefix="wheeltarget-trial-") as name:
        home = Path(name)
        try:
            _write_links(home)
            faults = (_try_one(current, home, *case) for case in cases)
            fault = next(filter(None, faults), "")
            if fault:
                # A full disk looks the same: raise its error instead.
                home.joinpath("space").write_bytes(bytes(1 << 16))
        except OSError:
            raise
        except Exception as error:
            raise moved_error("in a trial", repr(error)) from error
    current.run.fetched.clear()
    if fault:
        raise moved_error("in a trial", fault)


def is_known(version: str) -> bool:
    """Return whether wheeltarget is tested with a version of pip."""
    release = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return (25, 3) <= release <= (26, 3)


def _write_links(home: Path) -> None:
    """Write the wheels, a page of links to them, and a wheel that exists in the destination."""
    page = ""
    for wheel in _WHEELS:
        python = escape(_listed_python(wheel) or "")
        attributes = f' data-requires-python="{python}"' if python else ""
        # pip reads the metadata differently if the page does not offer it.
        attributes += "" if wheel.name == "even" else ' data-core-metadata="true"'
        page += f'<a href="{wheel.filename}"{attributes}>{wheel.filename}</a><br>\n'
        home.joinpath(wheel.filename + ".metadata").write_text(wheel.metadata, "utf-8")
        write_wheel(home / wheel.filename, wheel.members)
    home.joinpath(_LINKS).write_text(page, "utf-8")
    home.joinpath(_DESTINATION).mkdir()
    # With other bytes than the one on the page.
    write_wheel(home / _DESTINATION / _ODD_ONLY.filename, _ODD_ONLY.members, b"it was there")


def _try_one(current: CurrentJob, home: Path, target: TargetView | None, parents: _Parents) -> str:
    work = home / f"work-{target.tags[0] if target else 'here'}"
    job = current.begin(_job(home, work, target))
    stdout, stderr = _CapturedStream(), _CapturedStream()
    settings = [name for name in os.environ if name.startswith("PIP_") or name == "FORCE_COLOR"]
    with (
        changed_environment(unset=settings, PIP_CONFIG_FILE=os.devnull),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        exit_code = download(job.order.arguments)
    output = stdout.release(sys.stdout) + stderr.release(sys.stderr)
    found = sorted(path.name for path in work.iterdir()) if work.is_dir() else []
    if exit_code or found != sorted(parents):
        # The first error in pip's output, or the end of a traceback.
        lines = [line for line in output.splitlines() if line.strip()]
        error = next((line for line in lines if line.startswith("ERROR")), "")
        error = lines[-1] if error == "ERROR: Exception:" else error
        return error or f"it fetches {', '.join(found) or 'nothing'}"
    if target is None:
        return ""
    return _fault_of_result(job, parents) or _fault_of_output(output, work, home / _DESTINATION)


def _job(home: Path, work: Path, target: TargetView | None) -> JobOrder:
    """Return a job whose requirements files exist only in it."""
    files, limits = str(home / "files.txt"), str(home / "limits.txt")
    arguments = ["--no-color", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    arguments += ["--progress-bar=off", "--no-index", f"--find-links={home / _LINKS}"]
    arguments += ["-r", files, "-c", limits, f"--dest={work}"]
    lines = "-r nested.txt\n"
    if target is not None:
        interpreter, abi, platform = target.tags[0].split("-")
        arguments += [f"--python-version={target.markers['python_full_version']}", f"--abi={abi}"]
        arguments += [f"--implementation={interpreter[:2]}", f"--platform={platform}"]
        arguments += ["--only-binary=:all:"]
        lines += 'odd ; sys_platform == "odd"\n'
    if target is ODD:
        # Not for the second target, whose file has the same name.
        lines += f"direct @ {home.joinpath(_DIRECT.filename).as_uri()}"
    return JobOrder(
        "trial",
        target,
        tuple(arguments),
        {files: lines, str(home / "nested.txt"): "root", limits: "root < 3"},
        str(work),
        str(home / _DESTINATION),
        Path(),
        preferred={"liked": "1"} if target is EVEN else {},
    )


class _CapturedStream:
    """A stream that keeps what is written, and writes to another stream after the trial."""

    def __init__(self) -> None:
        self._stream: Any = io.TextIOWrapper(
            io.BytesIO(), "utf-8", "backslashreplace", write_through=True
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def release(self, stream: TextIO) -> str:
        """Return what was written, and write to another stream from now on, as pip may keep it."""
        kept, self._stream = self._stream, stream
        kept.seek(0)
        return str(kept.read())


def _fault_of_result(job: JobState, parents: _Parents) -> str:
    """Return what is wrong with the chosen files, or an empty string."""
    wheels = {wheel.filename: wheel for wheel in _WHEELS}
    expected = [
        (name, *name.split("-")[:2], None in above, above, _listed_python(wheels[name]))
        for name, above in sorted(parents.items())
    ]
    fields = attrgetter("path.name", "name", "version", "requested", "parents", "requires_python")
    if sorted(map(fields, job.chosen)) != expected:
        return f"it reports the chosen files as {job.chosen}"
    pages = [each.name for each in job.chosen if each.index]
    is_right = "root" in pages and "direct" not in pages
    return "" if is_right else f"it reports {', '.join(pages) or 'nothing'} as files of an index"


def _listed_python(wheel: Wheel) -> str | None:
    """Return the Requires-Python of a wheel if the page lists it."""
    return wheel.python if wheel.python and wheel.name != "even" else None


def _fault_of_output(output: str, work: Path, destination: Path) -> str:
    """Return what is wrong with pip's output and the existing file, or an empty string."""
    for line in output.splitlines():
        if str(work) in line or line.lstrip().startswith(("Saved ", "Successfully ")):
            return f"it prints: {line.strip()}"
    fetched, existing = work / _ODD_ONLY.filename, destination / _ODD_ONLY.filename
    if not fetched.exists():
        return ""
    if fetched.read_bytes() != existing.read_bytes():
        return "it fetches a file that exists"
    return "" if str(existing) in output else "it does not report a file that exists"


def write_wheel(place: Path | IO[bytes], members: Mapping[str, str], comment: bytes = b"") -> None:
    """Write a wheel, which has texts by their names, and does not depend on the clock."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            # As of 1980-01-01, since a clock that is not set may have a date that no archive has.
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.comment = comment
