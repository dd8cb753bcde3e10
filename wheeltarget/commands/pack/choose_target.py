"""Choose the target of a pack for the Python that runs this file, and install it there.

``install.sh`` and ``install.ps1`` run it after they have checked every file of the pack. It needs
Python 2.7 or 3.3 and newer, and only the standard library. What describes the interpreter is the
probe script, which is in the pack as ``probe.py``.
"""

import os
import sys

if __name__ == "__main__" and sys.path[0] in ("", os.path.dirname(os.path.realpath(sys.argv[0]))):
    del sys.path[0]  # do not import modules next to this file

import argparse
import io
import json
import re
import shutil
import subprocess
import sysconfig
import tempfile
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any  # noqa: F401 - in comments

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "pack.json"
SCHEMA = 1

# What has to be the same, as far as the target says it. The machine follows from the tags: a
# 32-bit Python on a 64-bit system has the machine of the system.
SAME = ("platform_system", "sys_platform", "os_name", "implementation_name")

# Pip's options that install elsewhere, so that a Python of the system stays as it is (PEP 668).
ELSEWHERE = ("--target", "--prefix", "--root", "--dry-run", "--break-system-packages")

# Runs a module without looking for it in the working folder, which Python 2.7 has no option for.
RUN_MODULE = (
    "import sys; del sys.path[0]; import runpy; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


class PackError(Exception):
    """The pack cannot be installed: what is wrong, and what to do."""

    def __init__(self, message, hint=""):  # type: (str, str) -> None
        Exception.__init__(self, message)
        self.hint = hint


def misfit(facts, tags, markers):
    # type: (dict[str, Any], list[str], dict[str, str]) -> str
    """Return why a target does not fit an interpreter; empty if it fits.

    :param facts: what ``pack.json`` has of the target.
    :param tags: what the interpreter accepts, most preferred first.
    :param markers: the known marker variables of the interpreter.
    """
    known, python = facts["markers"], _minor(facts["python"])
    if python != markers["python_version"]:
        return "it is for Python %s" % python
    for name in SAME:
        if name in known and name in markers and known[name] != markers[name]:
            return "it is for %s" % (known[name] or "another implementation")
    build = "%s-%s-" % (facts["interpreter"], facts["abi"])
    platforms = [tag[len(build) :] for tag in tags if tag.startswith(build)]
    if not platforms:
        return "it is for %s" % build[:-1]
    # Older pips have another name for fat3, and no file needs it alone.
    needed = [each for each in facts["platforms"] if not each.endswith("_fat3")] or ["any"]
    missing = [each for each in needed if each not in platforms]
    if not missing:
        return ""
    level = re.match(r"manylinux_(\d+)_(\d+)_(.+)", missing[0])
    if level and any(re.match("manylinux.*_%s$" % level.group(3), each) for each in platforms):
        return "it needs glibc %s.%s" % level.groups()[:2]
    return "it is for %s" % missing[0]


def closeness(facts, tags, markers):
    # type: (dict[str, Any], list[str], dict[str, str]) -> tuple[int, int, bool, int]
    """Return how close a target that fits is to an interpreter; the smallest is the closest."""
    build = "%s-%s-" % (facts["interpreter"], facts["abi"])
    rank = [tag.startswith(build) for tag in tags].index(True)
    known = facts["markers"]
    equal = [name for name in known if known[name] == markers.get(name)]
    other = facts["python"] != markers.get("python_full_version")
    return rank, -len(facts["platforms"]), other, -len(equal)


def choose(targets, tags, markers):
    # type: (list[dict[str, Any]], list[str], dict[str, str]) -> dict[str, Any]
    """Return the target that fits an interpreter best; raises PackError unless there is one."""
    fitting = [each for each in targets if not misfit(each["facts"], tags, markers)]
    if not fitting:
        message = "no target of this pack fits this Python: %s" % describe(tags, markers)
        lines = ["  %s: %s" % (e["name"], misfit(e["facts"], tags, markers)) for e in targets]
        hint = _other_pythons(targets, tags) or (
            "name another Python with %s, or describe this one for a new pack: %s %s -o this.toml"
            % (_option("python"), sys.executable, os.path.join(HERE, "probe.py"))
        )
        raise PackError("\n".join([message] + lines), hint)
    scores = [closeness(each["facts"], tags, markers) for each in fitting]
    closest = [each for each, score in zip(fitting, scores) if score == min(scores)]
    if len(closest) > 1:
        names = ", ".join(each["name"] for each in closest)
        message = "more than one target of this pack fits this Python: %s" % names
        example = (_option("target"), closest[0]["name"])
        raise PackError(message, "choose one, such as %s %s" % example)
    return closest[0]


def describe(tags, markers):  # type: (list[str], dict[str, str]) -> str
    """Return an interpreter in a few words, for a message."""
    name = markers.get("platform_python_implementation", "Python")
    platforms = [tag.split("-")[2] for tag in tags]
    first = next((each for each in platforms if not each.startswith("linux_")), platforms[0])
    build = "-".join(tags[0].split("-")[:2])
    return "%s %s, %s, %s" % (name, markers.get("python_full_version", ""), build, first)


def _other_pythons(targets, tags):  # type: (list[dict[str, Any]], list[str]) -> str
    """Return a hint with the Pythons on PATH that targets are for; empty if there are none."""
    build, platforms = tags[0].split("-")[0], {tag.split("-")[2] for tag in tags}
    facts = [each["facts"] for each in targets]
    facts = [each for each in facts if platforms.issuperset(each["platforms"])]
    facts = [each for each in facts if each["interpreter"] != build]
    found = []
    for version in sorted({_minor(each["python"]) for each in facts}):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = os.path.join(folder, "python" + version)
            if folder and os.path.isfile(path) and os.access(path, os.X_OK):
                found.append("%s %s" % (_option("python"), path))
                break
    return "PATH has another Python: %s" % " or ".join(found) if found else ""


def _option(name):  # type: (str) -> str
    """Return an option as the script for this system, sh or PowerShell, reads it."""
    return "-" + name.title() if os.name == "nt" else "--" + name


def _minor(version):  # type: (str) -> str
    return ".".join(version.split(".")[:2])


def read_pack(folder):  # type: (str) -> list[dict[str, Any]]
    """Return the targets of a pack; raises PackError if this script is too old or new for it."""
    with io.open(os.path.join(folder, NAME), encoding="utf-8") as file:
        pack = json.load(file)
    if pack.get("schema") != SCHEMA:
        raise PackError("%s has the schema %s, not %s" % (NAME, pack.get("schema"), SCHEMA))
    return [_native(target) for target in pack["targets"]]


def _native(value):  # type: (Any) -> Any
    """Return JSON with strings of the type that the paths of this Python have."""
    if isinstance(value, dict):
        return {str(name): _native(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_native(each) for each in value]
    return value if value is None or isinstance(value, int) else str(value)


def load_probe(folder):  # type: (str) -> dict[str, Any]
    """Return what the probe script defines, without looking for modules in its folder."""
    path = os.path.join(folder, "probe.py")
    found = {"__name__": "probe"}  # type: dict[str, Any]
    with io.open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), found)  # noqa: S102 - it was checked, too
    return found


def find_target(folder, name):  # type: (str, str | None) -> dict[str, Any]
    """Return the named target of a pack, or the one that fits this interpreter best."""
    targets = read_pack(folder)
    named = [each for each in targets if name in (each["name"], each.get("label"))]
    if name and not named:
        names = ", ".join(each["name"] for each in targets)
        raise PackError("this pack has no target %s" % name, "it has %s" % names)
    probe = load_probe(folder)
    try:
        tags, markers = probe["tags"](), probe["markers"]()[0]
    except probe["ProbeError"] as error:
        if named:
            return named[0]
        raise PackError(str(error), "choose the target with %s" % _option("target"))  # noqa: B904
    if not named:
        return choose(targets, tags, markers)
    reason = misfit(named[0]["facts"], tags, markers)
    if reason:
        found = describe(tags, markers)
        _say("note: %s does not fit this Python, %s: %s" % (name, found, reason))
    return named[0]


def find_file(name, folders):  # type: (str, list[str]) -> str
    """Return the path of a file in the first pack that has it."""
    for folder in folders:
        path = os.path.join(folder, *name.split("/"))
        if os.path.isfile(path):
            return path
    raise PackError("this pack has no %s" % name)


def pip_command(python, wheel, home):  # type: (str, str, str) -> list[str]
    """Return the command that starts the pip in a wheel, or the installed one without a wheel.

    In its wheel, pip before 22.0 cannot build sources on Python 2.7 and 3.6. So it is unpacked,
    but without its metadata, which would make it one of the installed projects.

    :param home: an empty folder for it.
    """
    if not wheel:
        return [python, "-c", RUN_MODULE, "pip"]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home, [name for name in archive.namelist() if name.startswith("pip/")])
    return [python, os.path.join(home, "pip")]


def check_elsewhere(options):  # type: (list[str]) -> None
    """Raise PackError if pip would change a Python that belongs to the system (PEP 668)."""
    if sys.prefix != getattr(sys, "base_prefix", sys.prefix) or hasattr(sys, "real_prefix"):
        return
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    short = [each for each in options if re.match("-t", each)]
    if os.path.isfile(marker) and not short and not _has_option(options, ELSEWHERE):
        raise PackError(
            "the packages of %s are managed by the system (PEP 668)" % sys.executable,
            "install into a virtual environment: %s DIR" % _option("venv"),
        )


def _has_option(arguments, names):  # type: (list[str], tuple[str, ...]) -> bool
    return any(each.split("=")[0] in names for each in arguments)


def make_venv(folder, pack, has_pip):  # type: (str, str, bool) -> str
    """Create a virtual environment, unless the folder has one, and return its Python.

    :param folder: its path.
    :param pack: the folder of the pack, which it must not be in.
    :param has_pip: whether the pack has a pip, so that the environment needs none.
    :raises PackError: if it cannot be created. Nothing of it is left then.
    """
    inside = os.path.join(os.path.realpath(pack), "")
    if os.path.join(os.path.realpath(folder), "").startswith(inside):
        raise PackError("%s is in the pack, in which nothing may be added" % folder)
    place = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = os.path.join(folder, *place)
    if os.path.isdir(folder) and os.listdir(folder):
        if os.path.isfile(python):
            return python
        raise PackError("%s exists, and is not a virtual environment" % folder)
    had_folder = os.path.isdir(folder)
    if sys.version_info >= (3, 3):
        command = ["venv"] + (["--without-pip"] if has_pip and sys.version_info >= (3, 4) else [])
    else:
        bare = ["--no-pip", "--no-setuptools", "--no-wheel"] if has_pip else []
        command = ["virtualenv", "--no-download"] + bare
    if not _has_module(sys.executable, command[0]):
        hint = "install into a folder instead: %s--target DIR" % ("-- " if os.name != "nt" else "")
        raise PackError("this Python has no %s to create an environment with" % command[0], hint)
    if subprocess.call([sys.executable, "-c", RUN_MODULE] + command + [folder]) != 0:
        shutil.rmtree(folder, ignore_errors=True)
        if had_folder:
            os.mkdir(folder)
        hint = "" if has_pip else "the pack has no pip for this target; make it again with one"
        raise PackError("cannot create a virtual environment in %s" % folder, hint)
    return python


def _has_module(python, name):  # type: (str, str) -> bool
    code = "import sys; del sys.path[0]; __import__(sys.argv[1])"
    with open(os.devnull, "w") as nowhere:
        return subprocess.call([python, "-c", code, name], stdout=nowhere, stderr=nowhere) == 0


def pip_environment():  # type: () -> dict[str, str]
    """Return the environment for pip, in which only the command line says what it does.

    Older pips build sources without a ``pyproject.toml`` with the setuptools that is installed; a
    new environment may have none, but the pack has it.
    """
    kept = dict(os.environ)
    for name in os.environ:
        if name.upper().startswith("PIP_") or name.upper() == "PYTHONPATH":
            del kept[name]
    own = {"CONFIG_FILE": os.devnull, "DISABLE_PIP_VERSION_CHECK": "1", "USE_PEP517": "1"}
    return dict(kept, **{"PIP_" + name: value for name, value in own.items()})


def install(target, folders, options, pip_options):
    # type: (dict[str, Any], list[str], argparse.Namespace, list[str]) -> int
    """Install a target with pip, and return pip's exit code.

    :param target: what ``pack.json`` has of it.
    :param folders: the folder of the pack, and those of earlier packs.
    """
    requirements = find_file(target["requirements"], folders[:1])
    wheel = find_file(target["pip"], folders) if target.get("pip") else ""
    python = sys.executable
    if options.venv:
        python = make_venv(options.venv, folders[0], bool(wheel))
    else:
        check_elsewhere(pip_options)
    if not wheel and not _has_module(python, "pip"):
        hint = "make the pack with a pip for this target, or install the pip of the system"
        raise PackError("neither this Python nor the pack has a pip", hint)
    words = ["install", "--no-index", "--no-deps"]
    for folder in folders:
        words += ["--find-links", os.path.join(folder, "wheels")]
    words += ["--require-hashes", "-r", requirements] + pip_options
    _say("Installing %s with %s" % (target["name"], python))
    home = tempfile.mkdtemp(prefix="pack-")
    try:
        return subprocess.call(pip_command(python, wheel, home) + words, env=pip_environment())
    finally:
        shutil.rmtree(home, ignore_errors=True)


def check_encoding(paths):  # type: (list[str]) -> None
    """Raise PackError if Python does not know the characters of a path, as pip has to.

    Before 3.7, it knows only ASCII in the locale C. Python 2.7 does not need to know.
    """
    if sys.version_info < (3,):
        return
    try:
        "".join(paths).encode("utf-8")
    except UnicodeEncodeError:
        raise PackError(  # noqa: B904
            "in this locale, this Python cannot read the characters of all paths: %r" % paths,
            "set another locale, such as LC_ALL=C.UTF-8, or use paths in ASCII",
        )


def _say(text):  # type: (str) -> None
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(arguments):  # type: (list[str]) -> int
    """Install the pack that this file is in, and return the exit code."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="install", add_help=False)
    parser.add_argument("--target")
    parser.add_argument("--venv")
    parser.add_argument("--earlier", action="append", default=[])
    parser.add_argument("--choose-only", action="store_true")
    options = parser.parse_args(arguments[:end])
    try:
        check_encoding([HERE, sys.executable, os.getcwd()] + arguments)
        target = find_target(HERE, options.target)
        if options.choose_only:
            sys.stdout.write(target["name"] + "\n")
            return 0
        return install(target, [HERE] + options.earlier, options, arguments[end + 1 :])
    except PackError as error:
        _say("error: %s" % error)
        if error.hint:
            _say("hint: %s" % error.hint)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
