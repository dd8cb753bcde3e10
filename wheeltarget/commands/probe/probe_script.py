"""Describe the interpreter that runs this file as a target file of wheeltarget.

Take it to the machine in question and run it with the Python there, 2.7 or 3.5 and newer; it
needs nothing else: ``python probe.py > box.toml``. For a function service, deploy it with
:func:`handler` as the handler; what that returns is the same as JSON.

Tags are in the order of the newest pip that runs on this Python, even if another one is installed:
that one is named, if there is one.
This file must run on Python 2.7, and imports only the standard library.

Start-up: ctypes, which some Pythons lack, is imported only if nothing else knows the C library.
"""

import os
import sys

if __name__ == "__main__" and sys.path[0] in ("", os.path.dirname(os.path.realpath(sys.argv[0]))):
    del sys.path[0]  # do not import modules next to this file, not even __future__

import argparse
import io
import json
import platform
import re
import struct
import subprocess
import sysconfig

VERSION = sys.version_info[:2]

# The newest pip for a Python: 20.3 for 2.7 and 3.5, 21.3 for 3.6, 24.0 for 3.7, 25.0 for 3.8, 26.0
# for 3.9, and the current one for 3.10 and newer.
PIP_21, PIP_25, PIP_TODAY = VERSION >= (3, 6), VERSION >= (3, 8), VERSION >= (3, 10)

MANYLINUX_ARCHS = ["x86_64", "aarch64", "ppc64", "ppc64le", "s390x"]
MANYLINUX_ARCHS += ["loongarch64", "riscv64"] if PIP_25 else []
OLD_NAMES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
SHORT_NAMES = {"cpython": "cp", "pypy": "pp", "python": "py", "ironpython": "ip", "jython": "jy"}
PIP_VERSION = re.compile(
    r"""^__version__ = ["']([0-9]+(?:[.][0-9]+)*(?:(?:a|b|rc|[.]dev|[.]post)[0-9]+)?)["']""",
    re.MULTILINE,
)
IS_32_BIT = struct.calcsize("P") == 4
# An embedded Python may not know its executable.
EXECUTABLE = sys.executable or "/proc/self/exe"
ELF_FORMS = {1: ("HHIIIIIHHH", "IIIIIIII", (0, 1, 4)), 2: ("HHIQQQIHHH", "IIQQQQQQ", (0, 2, 5))}


class ProbeError(Exception):
    """The machine cannot be described."""


def describe(name=""):  # type: (str) -> dict[str, object]
    """Return the content of this interpreter's target file; raises ProbeError."""
    named = {"name": _text(name)} if name else {}  # type: dict[str, object]
    pip = pip_version()
    known = dict(named, pip=pip) if pip else named
    return dict(known, schema=1, tags=tags(), markers=markers()[0])


def handler(event=None, context=None):  # type: (object, object) -> dict[str, object]
    """Return the description of a function service's interpreter."""
    return describe()


def pip_version():  # type: () -> str
    """Return the version of the pip that this interpreter imports; empty without one.

    It is read, not imported: old pips import all that they have.
    """
    for folder in sys.path:
        try:
            with io.open(os.path.join(folder, "pip", "__init__.py"), encoding="utf-8") as file:
                match = PIP_VERSION.search(file.read())
            return _text(match.group(1)) if match else ""
        except (OSError, IOError, ValueError):  # noqa: PERF203 - most folders have no pip
            continue
    return ""


def tags():  # type: () -> list[str]
    """List the tags that the newest pip accepts here, most preferred first."""
    if VERSION < (3, 5) and VERSION != (2, 7):
        raise ProbeError("Python %d.%d is too old to describe" % VERSION)
    platforms = _platforms()
    find_name = MARKERS["implementation_name"]
    name = find_name() or platform.python_implementation().lower()  # type: ignore[no-untyped-call]
    name = SHORT_NAMES.get(name, name)
    interpreter = name + str(sysconfig.get_config_var("py_version_nodot") or "%d%d" % VERSION)
    if name == "cp":
        found = _cpython_tags(platforms)
    else:
        found = [(interpreter, abi, each) for abi in _generic_abis() for each in platforms]
    pythons = ["py%d%d" % VERSION, "py%d" % VERSION[0]]
    pythons += ["py%d%d" % (VERSION[0], minor) for minor in range(VERSION[1] - 1, -1, -1)]
    found += [(python, "none", each) for python in pythons for each in platforms]
    found += [(python, "none", "any") for python in [interpreter] + pythons]
    return ["-".join(tag).lower() for tag in found]


def markers():  # type: () -> tuple[dict[str, str], dict[str, str]]
    """Return the known marker variables, and the errors of the unknown ones."""
    known, unknown = {}, {}
    for name, find in MARKERS.items():
        try:
            known[name] = _text(find())  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001, PERF203 - machines may raise anything
            unknown[name] = "%s: %s" % (type(error).__name__, error)
    return known, unknown


def _implementation_version():  # type: () -> str
    if not hasattr(sys, "implementation"):
        return "0"  # as pip does for Python 2.7
    info = sys.implementation.version
    stage = info.releaselevel[0] + str(info.serial) if info.releaselevel != "final" else ""
    return "%d.%d.%d%s" % (info.major, info.minor, info.micro, stage)


MARKERS = {
    "implementation_name": lambda: getattr(getattr(sys, "implementation", None), "name", ""),
    "implementation_version": _implementation_version,
    "os_name": lambda: os.name,
    "platform_machine": platform.machine,
    "platform_python_implementation": platform.python_implementation,
    "platform_release": platform.release,
    "platform_system": platform.system,
    "platform_version": platform.version,
    "python_full_version": platform.python_version,
    "python_version": lambda: ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": lambda: sys.platform,
}


def _cpython_tags(platforms):  # type: (list[str]) -> list[tuple[str, str, str]]
    abis = _cpython_abis()
    stable = [] if VERSION < (3, 2) else ["abi3t" if "t" in abis[0] else "abi3"]
    found = [("cp%d%d" % VERSION, abi) for abi in abis + stable + ["none"]]
    found += [("cp3%d" % minor, abi) for minor in range(VERSION[1] - 1, 1, -1) for abi in stable]
    return [(python, abi, each) for python, abi in found for each in platforms]


def _cpython_abis():  # type: () -> list[str]
    debug = sysconfig.get_config_var("Py_DEBUG")
    # Windows does not set it.
    debug = hasattr(sys, "gettotalrefcount") if debug is None else debug
    free_threaded = VERSION >= (3, 13) and sysconfig.get_config_var("Py_GIL_DISABLED")
    base = "cp%d%d%s" % (VERSION + ("t" if free_threaded else "",))
    flags = "d" if debug else ""
    if VERSION >= (3, 8):
        # A debug build also loads modules of the release build.
        return [base + flags, base] if debug else [base]
    pymalloc = sysconfig.get_config_var("WITH_PYMALLOC")
    flags += "m" if pymalloc or pymalloc is None else ""
    if VERSION < (3, 3):
        size = sysconfig.get_config_var("Py_UNICODE_SIZE")
        flags += "u" if size == 4 or (size is None and sys.maxunicode == 0x10FFFF) else ""
    return [base + flags]


def _generic_abis():  # type: () -> list[str]
    if not PIP_25:
        abi = sysconfig.get_config_var("SOABI")
    else:
        # Such as .pypy311-pp73-x86_64-linux-gnu.so: the ABI, then the platform.
        parts = str(sysconfig.get_config_var("EXT_SUFFIX")).split(".")
        abi = parts[1] if len(parts) > 2 else ""
        length = 3 if abi.startswith("graalpy") else 2 if abi.startswith("pypy") else None
        abi = "-".join(abi.split("-")[:length])
    return ([_flat(abi)] if abi else []) + ["none"]


def _platforms():  # type: () -> list[str]
    """List the platforms of this machine, most preferred first."""
    lists = {"Linux": _linux_platforms, "Darwin": _mac_platforms}
    lists.update({"iOS": _ios_platforms, "Android": _android_platforms})
    system = platform.system()
    try:
        return lists.get(system, _other_platforms)()
    except Exception as error:  # noqa: BLE001 - machines may raise anything
        raise ProbeError("cannot find out the platform of this %s: %s" % (system, error))  # noqa: B904


def _linux_platforms():  # type: () -> list[str]
    linux = _flat(sysconfig.get_platform())
    if not linux.startswith("linux_"):
        return [linux]
    arch = linux[len("linux_") :]
    if IS_32_BIT:
        arm = "armv8l" if PIP_25 else "armv7l"
        arch = {"x86_64": "i686", "aarch64": arm}.get(arch, arch)
    archs = [arch] + (["armv7l"] if arch == "armv8l" and PIP_25 else [])
    native = ["linux_" + each for each in archs]
    built = _manylinux_platforms(archs) + (_musllinux_platforms(archs) if PIP_21 else [])
    return native + built if PIP_TODAY else built + native


def _manylinux_platforms(archs):  # type: (list[str]) -> list[str]
    glibc = _glibc_version()
    if glibc is None or not _has_manylinux(archs):
        return []
    oldest = 5 if set(archs) & {"x86_64", "i686"} else 17
    # For older major versions, pip assumes that 50 was the last minor one.
    newest = [glibc] + [(major, 50) for major in range(glibc[0] - 1, 1, -1)]
    found = []
    for arch in archs:
        for major, last in newest:
            for minor in range(last, oldest - 1 if major == 2 else -1, -1):
                if not _is_compatible((major, minor), arch):
                    continue
                found.append("manylinux_%d_%d_%s" % (major, minor, arch))
                if (major, minor) in OLD_NAMES:
                    found.append("%s_%s" % (OLD_NAMES[major, minor], arch))
    return found


def _has_manylinux(archs):  # type: (list[str]) -> bool
    """Return whether there is a manylinux for the ABI of this executable."""
    if "armv7l" not in archs and "i686" not in archs:
        return bool(set(archs) & set(MANYLINUX_ARCHS))
    bits, order, machine, flags, _ = _read_elf(EXECUTABLE) or (0, 0, 0, 0, b"")
    # ARM, version 5 of its ABI, hard float.
    arm = machine == 40 and flags & 0xFF000400 == 0x05000400
    return (bits, order) == (1, 1) and (arm if "armv7l" in archs else machine == 3)


def _is_compatible(glibc, arch):  # type: (tuple[int, int], str) -> bool
    """Ask the module ``_manylinux`` of a system (PEP 600)."""
    try:
        system = __import__("_manylinux")
    except ImportError:
        return True
    if not hasattr(system, "manylinux_compatible"):
        return bool(getattr(system, OLD_NAMES.get(glibc, "") + "_compatible", True))
    answer = system.manylinux_compatible(glibc[0], glibc[1], arch)
    return answer is None or bool(answer)


def _glibc_version():  # type: () -> tuple[int, int] | None
    try:
        _, text = os.confstr("CS_GNU_LIBC_VERSION").split()  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        try:
            import ctypes

            ask = ctypes.CDLL(None).gnu_get_libc_version
        except (ImportError, OSError, AttributeError):
            return None
        ask.restype = ctypes.c_char_p
        text = ask().decode("ascii", "replace")
    match = re.match(r"([0-9]+)\.([0-9]+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else None


def _musllinux_platforms(archs):  # type: (list[str]) -> list[str]
    header = _read_elf(EXECUTABLE)
    if header is None or b"musl" not in header[4]:
        return []
    pipe = subprocess.PIPE
    try:
        # Without arguments, musl's loader prints its version.
        loader = subprocess.Popen([header[4]], stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError:
        return []
    output = loader.communicate()[1].decode("ascii", "replace")
    match = re.match(r"\s*musl.*\s+Version (\d+)\.(\d+)", output)
    major, newest = (int(each) for each in match.groups()) if match else (0, -1)
    minors = range(newest, -1, -1)
    return ["musllinux_%d_%d_%s" % (major, each, arch) for arch in archs for each in minors]


def _read_elf(path):  # type: (str) -> tuple[int, int, int, int, bytes] | None
    """Read the class, byte order, machine, flags and loader of an executable."""
    try:
        with open(path, "rb") as file:
            ident = bytearray(file.read(16))
            if ident[:4] != b"\x7fELF":
                return None
            order = {1: "<", 2: ">"}[ident[5]]
            head, entry, (kind, offset, size) = ELF_FORMS[ident[4]]
            fields = struct.unpack(order + head, file.read(struct.calcsize(order + head)))
            loader = b""
            for number in range(fields[9]):
                file.seek(fields[4] + fields[8] * number)
                row = struct.unpack(order + entry, file.read(struct.calcsize(order + entry)))
                if row[kind] == 3:  # PT_INTERP
                    file.seek(row[offset])
                    loader = file.read(row[size]).strip(b"\0")
                    break
            return ident[4], ident[5], fields[1], fields[6], loader
    except (OSError, IOError, ValueError, LookupError, OverflowError, struct.error):
        return None


def _mac_platforms():  # type: () -> list[str]
    release, _, arch = platform.mac_ver()
    if release.startswith("10.16") and PIP_25:
        # macOS 11 and newer report this to programs that were built for older ones.
        ask = [sys.executable, "-IS", "-c", "import platform; print(platform.mac_ver()[0])"]
        release = subprocess.check_output(ask, env={"SYSTEM_VERSION_COMPAT": "0"}).decode()
    version = tuple(int(each) for each in release.split(".")[:2])
    if IS_32_BIT:
        arch = "ppc" if arch.startswith("ppc") else "i386"
    if version < (11, 0):
        levels = [(10, minor) for minor in range(version[1], -1, -1)]
    else:
        levels = [(major, 0) for major in range(version[0], 10, -1)]
        if arch == "x86_64":
            levels += [(10, minor) for minor in range(16, 3, -1)]
    found = [(level, form) for level in levels for form in _mac_formats(level, arch)]
    if version >= (11, 0) and arch != "x86_64" and PIP_21:
        found += [((10, minor), "universal2") for minor in range(16, 3, -1)]
    return ["macosx_%d_%d_%s" % (level + (form,)) for level, form in found]


def _mac_formats(version, arch):  # type: (tuple[int, int], str) -> list[str]
    """List the binary formats that a macOS runs on a processor."""
    fat3 = "fat3" if PIP_TODAY else "fat32"
    first, last, formats = {
        "x86_64": ((10, 4), (99, 0), ["intel", "fat64", fat3]),
        "i386": ((10, 4), (99, 0), ["intel", fat3, "fat"]),
        "ppc64": ((10, 4), (10, 5), ["fat64"]),
        "ppc": ((10, 0), (10, 6), [fat3, "fat"]),
    }.get(arch, ((10, 0), (99, 0), []))
    if not first <= version <= last:
        return []
    formats = [arch] + formats + (["universal2"] if arch in ("arm64", "x86_64") else [])
    return formats + (["universal"] if arch in ("x86_64", "i386", "ppc64", "ppc") else [])


def _ios_platforms():  # type: () -> list[str]
    release = platform.ios_ver().release  # type: ignore[attr-defined, unused-ignore]
    major, minor = [int(each) for each in release.split(".")[:2]]
    multiarch = _flat(sys.implementation._multiarch)  # noqa: SLF001
    levels = [(major, each) for each in range(minor, -1, -1)]
    levels += [(each, number) for each in range(major - 1, 11, -1) for number in range(9, -1, -1)]
    return ["ios_%d_%d_%s" % (level + (multiarch,)) for level in levels if major > 11]


def _android_platforms():  # type: () -> list[str]
    level = platform.android_ver().api_level  # type: ignore[attr-defined, unused-ignore]
    abi = _flat(sysconfig.get_platform().split("-")[-1])
    return ["android_%d_%s" % (each, abi) for each in range(level, 15, -1)]


def _other_platforms():  # type: () -> list[str]
    emscripten = sysconfig.get_config_var("PYEMSCRIPTEN_PLATFORM_VERSION")
    stable = ["pyemscripten_%s_wasm32" % emscripten] if emscripten else []
    return stable + [_flat(sysconfig.get_platform())]


def _flat(text):  # type: (str) -> str
    return re.sub("[-. ]", "_", text)


def _text(value):  # type: (str | bytes) -> str
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "replace")


def render(name="", form="toml"):  # type: (str, str) -> str
    """Return the target file of this interpreter as ``toml`` or ``json``, in ASCII.

    :raises ProbeError: if the machine cannot be described.
    """
    if form == "json":
        return json.dumps(describe(name), indent=2, separators=(",", ": "), sort_keys=True) + "\n"
    known, unknown = markers()
    named = [("name", _text(name)), ("pip", pip_version())]
    lines = ["schema = 1"] + ["%s = %s" % (each, _quoted(text)) for each, text in named if text]
    lines += ["tags = ["] + ["    %s," % _quoted(tag) for tag in tags()] + ["]", "", "[markers]"]
    lines += ["%s = %s" % (each, _quoted(known[each])) for each in sorted(known)]
    lines += ["# %s is unknown: %s" % (each, _quoted(unknown[each])) for each in sorted(unknown)]
    return "\n".join(lines) + "\n"


def _quoted(text):  # type: (str) -> str
    """Return a TOML string, in ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % re.sub("[^ -~]", lambda found: "\\U%08x" % ord(found.group()), escaped)


def main(arguments=None):  # type: (list[str] | None) -> int
    """Write the target file, and return the exit code; see ``-h``."""
    parser = argparse.ArgumentParser(description="Describe this Python as a target file.")
    add = parser.add_argument
    add("-o", "--output", metavar="FILE", help="write to FILE, not to standard output")
    add("--name", default="", help="the name of the target")
    add("--json", action="store_true", help="write JSON, not TOML")
    options = parser.parse_args(arguments)
    try:
        text = render(options.name, "json" if options.json else "toml")
        if options.output:
            with io.open(options.output, "w", encoding="ascii", newline="\n") as file:
                file.write(_text(text))
        else:
            sys.stdout.write(text)
    except (ProbeError, OSError, IOError, ValueError) as error:
        sys.stderr.write("error: %s\n" % error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
