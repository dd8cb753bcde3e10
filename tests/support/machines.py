"""Make an interpreter take its machine for another, and ask both its pip and the probe there.

What tells an interpreter where it is gets replaced below both of them: ``platform``,
``sysconfig``, ``os.confstr``, ``ctypes``, the executable. So every platform is tried on every
Python that is there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wheeltarget.commands.probe.probe import script

HARNESS = """\
import ctypes, json, os, platform, sys, sysconfig, types
from collections import namedtuple
from pip._internal.utils.compatibility_tags import get_supported
from pip._vendor.packaging import tags
if sys.version_info < (3,):
    import distutils.util

def pretend(machine):
    # Which file it reads them from depends on what is replaced.
    sysconfig.get_config_vars()
    real = sysconfig.get_config_var
    variables = machine.get("variables", {})
    sysconfig.get_config_var = lambda name: variables[name] if name in variables else real(name)
    sysconfig.get_platform = lambda: machine["platform"]
    if sys.version_info < (3,):
        distutils.util.get_platform = lambda: machine["platform"]
    platform.system = lambda: machine["system"]
    platform.mac_ver = lambda: (machine["release"], ("", "", ""), machine["arch"])
    ios = namedtuple("ios", "system release model is_simulator")
    platform.ios_ver = lambda: ios("iOS", machine["release"], "", False)
    android = namedtuple("android", "release api_level")
    platform.android_ver = lambda: android("", machine["level"])
    os.confstr = lambda name: machine.get("confstr")
    if "libc" in machine:
        def answer():
            return machine["libc"].encode()
        ctypes.CDLL = lambda name: namedtuple("libc", "gnu_get_libc_version")(answer)
    else:
        ctypes.CDLL = lambda name: object()
    if "implementation" in machine:
        platform.python_implementation = lambda: machine["implementation"]
        if hasattr(sys, "implementation"):
            own = dict(vars(sys.implementation), name=machine["implementation"].lower())
            sys.implementation = types.SimpleNamespace(**own)
    if "multiarch" in machine:
        own = dict(vars(sys.implementation), _multiarch=machine["multiarch"])
        sys.implementation = types.SimpleNamespace(**own)
    if "executable" in machine:
        sys.executable = machine["executable"]
    if "_manylinux" in machine:
        sys.modules["_manylinux"] = types.ModuleType("_manylinux")
        exec(machine["_manylinux"], sys.modules["_manylinux"].__dict__)
    if machine.get("bits") == 32:
        for each in (tags._linux_platforms, tags._mac_arch):
            each.__defaults__ = (True,)

def compare(script, machine):
    pretend(machine)
    probe = {"__name__": "probe"}
    exec(compile(script, "probe", "exec"), probe)
    probe["IS_32_BIT"] = machine.get("bits") == 32
    return {"probe": probe["tags"](), "pip": [str(tag) for tag in get_supported()]}

with open(sys.argv[1]) as file:
    given = json.load(file)
answers = {}
for name, machine in given["machines"].items():
    if sys.version_info[:2] < tuple(machine.get("since", [])):
        continue
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writer, "w") as file:
            file.write(json.dumps(compare(given["script"], machine)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    assert os.waitpid(child, 0)[1] == 0, name
    answers[name] = json.loads(text)
print(json.dumps(answers))
"""
"""The program that an interpreter runs, with the path of what :func:`write_machines` wrote."""

_LINUX = {"system": "Linux"}
_X86_64 = {**_LINUX, "platform": "linux-x86_64"}
_MAC = {"system": "Darwin", "platform": "macosx-10.9-universal2"}


def write_machines(folder: Path) -> Path:
    """Write what :data:`HARNESS` reads: the probe, and machines to take this one for.

    :param folder: where to write; the executables of those machines go there, too.
    :returns: the file.
    """
    machines = {**_linuxes(folder), **_musls(folder), **_others(folder), **_builds()}
    path = folder / "machines.json"
    path.write_text(json.dumps({"script": script(), "machines": machines}), "utf-8")
    return path


def _linuxes(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Yield machines with glibc, or with an unknown libc."""
    arm = _elf(folder / "arm", bits=32, machine=40, flags=0x05000400)
    soft = _elf(folder / "soft", bits=32, machine=40, flags=0x05000200)
    intel = _elf(folder / "i686", bits=32, machine=3)
    big = _elf(folder / "big", bits=32, machine=40, flags=0x05000400, order=">")
    found: dict[str, Mapping[str, Any]] = {
        f"{arch} with glibc {glibc}": {
            **_LINUX,
            "platform": f"linux-{arch}",
            "confstr": f"glibc {glibc}",
        }
        for arch in ("x86_64", "aarch64", "s390x", "ppc64", "riscv64", "loongarch64", "mips64")
        for glibc in ("2.17", "2.41")
    }
    capped = "def manylinux_compatible(major, minor, arch):\n    return (major, minor) <= (2, 12)\n"
    return {
        **found,
        "CentOS 4": {**_X86_64, "confstr": "glibc 2.3.4"},
        "a patched glibc": {**_X86_64, "confstr": "glibc 2.20-2014.11"},
        "glibc by ctypes": {**_X86_64, "libc": "2.28"},
        "no glibc": _X86_64,
        "no number": {**_X86_64, "confstr": "glibc new"},
        "glibc 3.1": {**_X86_64, "confstr": "glibc 3.1"},
        "against manylinux1": {
            **_X86_64,
            "confstr": "glibc 2.17",
            "_manylinux": "manylinux1_compatible = False\nmanylinux2010_compatible = True\n",
        },
        "against all but 2.12": {**_X86_64, "confstr": "glibc 2.17", "_manylinux": capped},
        "no opinion": {
            **_X86_64,
            "confstr": "glibc 2.17",
            "_manylinux": "def manylinux_compatible(*words):\n    return None\n",
        },
        "armv7l": {**_arm("armv7l"), "executable": arm},
        "armv7l without floats": {**_arm("armv7l"), "executable": soft},
        "armv7l, big endian": {**_arm("armv7l"), "executable": big},
        "armv7l, no executable": {**_arm("armv7l"), "executable": str(folder / "missing")},
        "aarch64 with 32 bits": {**_arm("aarch64"), "executable": arm, "bits": 32},
        "i686": {**_X86_64, "confstr": "glibc 2.28", "executable": intel, "bits": 32},
        "i686 by x32": {**_X86_64, "confstr": "glibc 2.28", "executable": arm, "bits": 32},
    }


def _arm(arch: str) -> dict[str, Any]:
    return {**_LINUX, "platform": f"linux-{arch}", "confstr": "glibc 2.31"}


def _musls(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Yield machines with musl, or with a loader of that name."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, said in {
        "musl 1.2": "musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader",
        "musl 1.1": "\nmusl libc (aarch64)\n\nVersion 1.1.24",
        "musl without number": "musl libc\nDynamic Program Loader",
        "musl by name": "some other libc\nVersion 1.2.5",
    }.items():
        loader = folder / name.replace(" ", "-")
        loader.write_text(f"#!/bin/sh\ncat >&2 <<'end'\n{said}\nend\nexit 1\n", "utf-8")
        loader.chmod(0o755)
        for bits, order in ((64, "<"), (32, "<"), (64, ">")):
            executable = folder / f"{loader.name}-{bits}-{'le' if order == '<' else 'be'}"
            own = _elf(executable, bits=bits, machine=62, order=order, loader=str(loader))
            found[executable.name] = {**_X86_64, "executable": own}
            if order == ">":
                # Pips before read the byte order of the machine, which cannot be replaced.
                found[executable.name] = {**found[executable.name], "since": [3, 8]}
    return found


def _others(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Yield machines without Linux."""
    macs: dict[str, Mapping[str, Any]] = {
        f"macOS {release} {arch}": {**_MAC, "release": release, "arch": arch}
        for release, arch in (
            ("10.3.9", "x86_64"),
            ("10.9.5", "x86_64"),
            ("10.15.7", "x86_64"),
            ("11.7", "x86_64"),
            ("26.1", "x86_64"),
            ("11.0", "arm64"),
            ("15.6.1", "arm64"),
            ("10.6", "ppc64"),
        )
    }
    undisguised = folder / "undisguised"
    undisguised.write_text("#!/bin/sh\necho 12.3\n", "utf-8")
    undisguised.chmod(0o755)
    disguised = {"release": "10.16", "arch": "x86_64", "executable": str(undisguised)}
    return {
        **macs,
        "macOS in disguise": {**_MAC, **disguised},
        "macOS i386": {**_MAC, "release": "10.6.8", "arch": "x86_64", "bits": 32},
        "macOS ppc": {**_MAC, "release": "10.5", "arch": "ppc64", "bits": 32},
        "Windows amd64": {"system": "Windows", "platform": "win-amd64"},
        "Windows x86": {"system": "Windows", "platform": "win32"},
        "FreeBSD": {"system": "FreeBSD", "platform": "freebsd-14.2-RELEASE-amd64"},
        "iOS": {
            "system": "iOS",
            "platform": "ios-13.0-arm64-iphoneos",
            "release": "15.4.1",
            "multiarch": "arm64-iphoneos",
            "since": [3, 10],
        },
        "old iOS": {
            "system": "iOS",
            "platform": "ios-11.0-arm64-iphoneos",
            "release": "11.2",
            "multiarch": "arm64-iphoneos",
            "since": [3, 10],
        },
        "Android": {
            "system": "Android",
            "platform": "android-24-arm64_v8a",
            "level": 35,
            "since": [3, 10],
        },
        "Emscripten": {
            "system": "Emscripten",
            "platform": "emscripten-5.0.3-wasm32",
            "variables": {"PYEMSCRIPTEN_PLATFORM_VERSION": "2026_0"},
            "since": [3, 10],
        },
    }


def _builds() -> dict[str, Mapping[str, Any]]:
    """Yield interpreters of other builds or implementations."""
    variables: dict[str, dict[str, Any]] = {
        "debug": {"Py_DEBUG": 1},
        "nothing set": {"Py_DEBUG": None, "WITH_PYMALLOC": None, "Py_UNICODE_SIZE": None},
        "no pymalloc": {"WITH_PYMALLOC": 0},
        "allowed_tags": {"Py_UNICODE_SIZE": 2},
        "free-threaded": {"Py_GIL_DISABLED": 1},
        "free-threaded debug": {"Py_GIL_DISABLED": 1, "Py_DEBUG": 1},
    }
    suffixes = {
        "PyPy": ("pypy311-pp73", ".pypy311-pp73-x86_64-linux-gnu.so"),
        "GraalVM": ("graalpy-311", ".graalpy240-311-native-x86_64-linux.so"),
        "Pyston": (None, ".pyston-23-x86_64-linux-gnu.so"),
    }
    glibc = {**_X86_64, "confstr": "glibc 2.17"}
    others: dict[str, Mapping[str, Any]] = {
        name: {
            **glibc,
            "implementation": name,
            "variables": {"SOABI": soabi, "EXT_SUFFIX": suffix, "py_version_nodot": None},
        }
        for name, (soabi, suffix) in suffixes.items()
    }
    return {name: {**glibc, "variables": own} for name, own in variables.items()} | others


def _elf(
    path: Path, *, bits: int, machine: int, flags: int = 0, order: str = "<", loader: str = ""
) -> str:
    """Write the head of an executable, with the one entry that names its loader."""
    wide = bits == 64
    head = "16sHHIQQQIHHHHHH" if wide else "16sHHIIIIIHHHHHH"
    entry = "IIQQQQQQ" if wide else "IIIIIIII"
    start, length = struct.calcsize(order + head), struct.calcsize(order + entry)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1])
    fields = (2, machine, 1, 0, start, 0, flags, start, length, 2, 0, 0, 0)
    text = loader.encode() + b"\0"
    offset = start + 2 * length
    row = (3, 0, offset, 0, 0, len(text), 0, 0) if wide else (3, offset, 0, 0, len(text), 0, 0, 0)
    path.write_bytes(
        struct.pack(order + head, ident, *fields)
        + struct.pack(order + entry, 1, *[0] * 7)
        + struct.pack(order + entry, *row)
        + text
    )
    return str(path)
