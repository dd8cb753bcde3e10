"""Check what the shared objects in wheels need against the wheels' tags and the targets.

pyelftools reads them; auditwheel's policies say what each manylinux and musllinux level has.
Specifications: PEP 600 and 656 for the levels, the ELF symbol versions of the LSB.

start-up: auditwheel is an extra, so this module is loaded only after ``require`` has found it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection

from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.errors import TemporaryFilesError
from wheeltarget.staging.temporary import explained
from wheeltarget.targets.compatibility import MUSL, glibc_level
from wheeltarget.targets.target import Target
from wheeltarget.utils.text import visible
from wheeltarget.wheelhouse.archive import DAMAGE, can_be_read
from wheeltarget.wheelhouse.wheel import WheelFile

_IN_MEMORY = 32 << 20
_MOST_SECTIONS, _MOST_ENTRIES, _MOST_SYMBOLS = 65_536, 10_000, 5_000_000
"""How many of each a shared object may have; a malicious one may claim to have billions."""

_LINKER = re.compile(r"ld-linux|ld64\.so\.|ld-musl")
_LEVEL = re.compile(r"(?:manylinux_2|musllinux_1)_(\d+)_")
_MACHINES = {
    ("EM_X86_64", 64): "x86_64",
    ("EM_386", 32): "i686",
    ("EM_AARCH64", 64): "aarch64",
    ("EM_ARM", 32): "armv7l",
    ("EM_PPC64", 64): "ppc64le",
    ("EM_S390", 64): "s390x",
    ("EM_RISCV", 64): "riscv64",
    ("EM_LOONGARCH", 64): "loongarch64",
}
"""The name of a machine in platform tags, by its name and number of bits in ELF."""


@dataclass(frozen=True, slots=True)
class SharedObject:
    """A shared object or program; it needs symbols of a version, and may have no known machine."""

    name: str
    machine: str
    needed: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...]

    @property
    def libc(self) -> str:
        """Return the C library that it is linked against; empty if that is not clear."""
        if any(name.startswith("libc.musl") for name in self.needed):
            return "musl"
        return "glibc" if "libc.so.6" in self.needed else ""


def read_shared_objects(wheel: WheelFile) -> tuple[list[SharedObject], list[CheckFinding]]:
    """Read the shared objects of a wheel, and return a finding for each that cannot be read."""
    objects: list[SharedObject] = []
    findings: list[CheckFinding] = []
    with zipfile.ZipFile(wheel.path) as archive:
        for member in filter(can_be_read, archive.infolist()):
            try:
                objects += _read_member(archive, member)
            except TemporaryFilesError:
                raise
            except Exception as error:  # noqa: BLE001 - pyelftools raises all kinds of errors
                why = " ".join(str(error).split()) or type(error).__name__
                message = visible(f"{member.filename} cannot be read as ELF: {why[:200]}")
                findings.append(CheckFinding(str(wheel.path), "", "WC501", message))
    return objects, findings


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[SharedObject]:
    try:
        with archive.open(member) as stream:
            if stream.read(4) != b"\x7fELF":
                return
    except DAMAGE:
        return  # this is reported already
    with archive.open(member) as stream, tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        with explained():
            shutil.copyfileobj(stream, copy, 1 << 20)
        copy.seek(0)
        yield _read(visible(member.filename), ELFFile(copy))


def _read(name: str, elf: Any) -> SharedObject:
    if elf.num_sections() > _MOST_SECTIONS:
        raise ValueError(f"it has more than {_MOST_SECTIONS} sections")
    machine = _MACHINES.get((elf["e_machine"], elf.elfclass), "")
    if machine == "ppc64le" and not elf.little_endian:
        machine = "ppc64"
    sections = (each for each in elf.iter_sections() if isinstance(each, DynamicSection))
    tags = (_bounded(each.iter_tags("DT_NEEDED"), _MOST_ENTRIES) for each in sections)
    needed = tuple(tag.needed for tag in chain.from_iterable(tags))
    return SharedObject(name, machine, needed, tuple(_symbols(elf)))


def _symbols(elf: Any) -> Iterator[tuple[str, str]]:
    """Return the version and the name of each versioned symbol that is needed."""
    versions: dict[int, str] = {}
    named: dict[int, str] = {}
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for library, needed in _bounded(section.iter_versions(), _MOST_ENTRIES):
                found = {each["vna_other"]: each.name for each in _bounded(needed, _MOST_ENTRIES)}
                versions |= {} if _LINKER.match(library.name) else found
    symbols = elf.get_section_by_name(".dynsym")
    for section in elf.iter_sections() if symbols is not None else ():
        if isinstance(section, GNUVerSymSection):
            for place, symbol in enumerate(_bounded(section.iter_symbols(), _MOST_SYMBOLS)):
                number = symbol["ndx"]
                if number in versions and number not in named:
                    named[number] = symbols.get_symbol(place).name
    for number, version in versions.items():
        yield version, named.get(number, "")


def _bounded(entries: Iterable[Any], most: int) -> Iterator[Any]:
    """Yield the entries of a table; raise ValueError if there are too many."""
    for number, entry in enumerate(entries):
        if number == most:
            raise ValueError(f"one of its tables has more than {most} entries")
        yield entry


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What the lowest level among a wheel's platform tags, here ``tag``, guarantees."""

    tag: str
    libc: str
    machine: str
    versions: Mapping[str, frozenset[str]]
    libraries: frozenset[str]


def guarantee_of(tags: Iterable[str]) -> Guarantee | None:
    """Return what tags guarantee; None if they are not for Linux, or guarantee nothing."""
    platforms = {tag.rpartition("-")[2] for tag in tags}
    glibc = [level for level in map(glibc_level, platforms) if level]
    musl = [(int(m["minor"]), m["machine"]) for m in map(MUSL.fullmatch, platforms) if m]
    if glibc:
        return _guarantee("glibc", *min(glibc))
    return _guarantee("musl", *min(musl)) if musl else None


@cache
def _guarantee(libc: str, minor: int, machine: str) -> Guarantee | None:
    """Return auditwheel's policy for a level, or for the newest level below it that has one."""
    if machine not in {each.value for each in Architecture}:
        return None
    musl_policy = f"musllinux_1_{max(minor, 1)}" if libc == "musl" else None
    policies = WheelPolicies(libc=Libc(libc), arch=Architecture(machine), musl_policy=musl_policy)
    levels = ((_LEVEL.match(policy.name), policy) for policy in policies)
    found = {int(m[1]): policy for m, policy in levels if m and int(m[1]) <= max(minor, 1)}
    if not found:
        return None
    policy = found[max(found)]
    return Guarantee(policy.name, libc, machine, policy.symbol_versions, policy.whitelist)


def check_guarantee(
    binary: SharedObject, guarantee: Guarantee, own: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Find what a shared object needs that neither its wheel's tags guarantee nor its wheel has."""
    if binary.machine != guarantee.machine:
        found = f"{binary.name} is for {binary.machine or 'an unknown machine'}"
        yield "WC502", f"{found}, but the wheel's tag is for {guarantee.machine}"
        return
    if binary.libc and binary.libc != guarantee.libc:
        found = f"{binary.name} is linked against {binary.libc}"
        yield "WC506", f"{found}, but the wheel's tag is for {guarantee.libc}"
        return
    parts = ((version.partition("_"), (version, symbol)) for version, symbol in binary.symbols)
    versions = guarantee.versions
    beyond = [pair for (lib, _, number), pair in parts if number not in versions.get(lib, {number})]
    if beyond:
        yield "WC503", f"{_needs(binary, beyond)}, which {guarantee.tag} does not guarantee"
    for library in binary.needed:
        known = library in guarantee.libraries or library in own
        if not known and not _LINKER.match(library) and not library.startswith("libc.musl"):
            message = f"{binary.name} needs {library}, which is not in the wheel"
            yield "WC505", f"{message}, and {guarantee.tag} does not guarantee it"


def check_target(binary: SharedObject, target: Target) -> Iterator[tuple[str, str]]:
    """Find the versions of glibc that a shared object needs and a target does not have."""
    levels = (glibc_level(tag.rpartition("-")[2]) for tag in target.tags)
    has = max((level[0] for level in levels if level), default=None)
    if has is None:
        return
    found = ((re.fullmatch(r"GLIBC_2\.(\d+)(?:\.\d+)*", pair[0]), pair) for pair in binary.symbols)
    beyond = [pair for match, pair in found if match and int(match[1]) > has]
    if beyond:
        yield "WC504", f"{_needs(binary, beyond)}, but the target has glibc 2.{has}"


def _needs(binary: SharedObject, beyond: Iterable[tuple[str, str]]) -> str:
    """Describe what a shared object needs: the newest version of each library."""
    newest: dict[str, tuple[list[int], str]] = {}
    for version, symbol in beyond:
        number = [int(each) for each in re.findall(r"\d+", version)]
        text = f"{version} ({symbol})" if symbol else version
        prefix = version.partition("_")[0]
        newest[prefix] = max(newest.get(prefix, ([], "")), (number, text))
    return f"{binary.name} needs {' and '.join(text for _, text in newest.values())}"


def audit(wheel: WheelFile, targets: Iterable[Target]) -> Iterator[CheckFinding]:
    """Find what a wheel needs that its tags, or targets that accept it, do not have."""
    binaries, unread = read_shared_objects(wheel)
    yield from unread
    own = frozenset(binary.name.rpartition("/")[2] for binary in binaries)
    guarantee, path = guarantee_of(wheel.tags), str(wheel.path)
    for binary in binaries:
        for finding in check_guarantee(binary, guarantee, own) if guarantee else ():
            yield CheckFinding(path, "", *finding)
        for target in targets:
            for finding in check_target(binary, target):
                yield CheckFinding(path, target.label, *finding)
