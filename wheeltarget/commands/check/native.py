"""The shared objects in wheels: what they need of a machine, held against a target and a promise.

pyelftools reads them; what each manylinux and musllinux level has is in auditwheel's policies.
Specifications: PEP 600 and 656 for what a level promises, the ELF symbol versions of the LSB.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from wheeltarget.commands.check.findings import CheckFinding
from wheeltarget.errors import TemporaryFilesError
from wheeltarget.staging.temporary import explained
from wheeltarget.targets.compatibility import MUSL, glibc_level
from wheeltarget.targets.target import Target
from wheeltarget.utils.redact import visible
from wheeltarget.wheelhouse.archive import DAMAGE, can_be_read
from wheeltarget.wheelhouse.wheel import WheelFile

_MAGIC = b"\x7fELF"
_IN_MEMORY = 32 << 20
_MOST_SECTIONS, _MOST_ENTRIES, _MOST_SYMBOLS = 65_536, 10_000, 5_000_000
"""How many of each a shared object may have; one that means harm says that it has billions."""

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
    """A shared object, or a program, in a wheel.

    :param name: its name in the wheel.
    :param machine: what it is for, as platform tags call it; empty where they have no name for it.
    :param needed: the libraries that it is linked against.
    :param symbols: (version, symbol) for each symbol that it takes from them at a version.
    """

    name: str
    machine: str
    needed: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...]

    @property
    def libc(self) -> str:
        """Say which C library it is linked against; empty where that is none, or not clear."""
        if any(name.startswith("libc.musl") for name in self.needed):
            return "musl"
        return "glibc" if "libc.so.6" in self.needed else ""


def read_shared_objects(
    wheel: WheelFile,
) -> tuple[tuple[SharedObject, ...], tuple[CheckFinding, ...]]:
    """Read every shared object of a wheel.

    :param wheel: a wheel whose archive can be read.
    :returns: those that can be read, and a finding for each of the others.
    """
    objects, findings = [], []
    with zipfile.ZipFile(wheel.path) as archive:
        for member in filter(can_be_read, archive.infolist()):
            try:
                thing = _read_member(archive, member)
            except TemporaryFilesError:
                raise
            except Exception as error:  # noqa: BLE001 - pyelftools raises whatever comes up
                why = " ".join(str(error).split()) or type(error).__name__
                message = visible(f"{member.filename} cannot be read as ELF: {why[:200]}")
                findings.append(CheckFinding(str(wheel.path), "", "WC501", message))
            else:
                objects += [thing] if thing else []
    return tuple(objects), tuple(findings)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> SharedObject | None:
    """Read a member; None where it is no ELF."""
    try:
        with archive.open(member) as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                return None
    except DAMAGE:
        return None  # which is told of the wheel already
    with archive.open(member) as stream, tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        with explained():
            shutil.copyfileobj(stream, copy, 1 << 20)
        return _read(visible(member.filename), copy)


def _read(name: str, stream: Any) -> SharedObject:
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile

    stream.seek(0)
    elf = ELFFile(stream)
    # What follows goes through all of them several times, and they may be said to be many.
    if elf.num_sections() > _MOST_SECTIONS:
        raise ValueError("it has more sections than any shared object has")
    machine = _MACHINES.get((elf["e_machine"], elf.elfclass), "")
    if machine == "ppc64le" and not elf.little_endian:
        machine = "ppc64"
    needed = [
        tag.needed
        for section in elf.iter_sections()
        if isinstance(section, DynamicSection)
        for tag in _bounded(section.iter_tags("DT_NEEDED"), _MOST_ENTRIES)
    ]
    return SharedObject(name, machine, tuple(needed), tuple(_symbols(elf)))


def _symbols(elf: Any) -> Iterator[tuple[str, str]]:
    """Give the version and the name of each symbol that is taken from a library at a version."""
    from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection

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


def _bounded(things: Iterable[Any], most: int) -> Iterator[Any]:
    """Give things one by one, as long as there are no more than there can be."""
    for number, thing in enumerate(things):
        if number == most:
            raise ValueError(f"a table of it has more than {most} entries")
        yield thing


@dataclass(frozen=True, slots=True)
class Promise:
    """What the lowest level among a wheel's platform tags promises.

    :param tag: the level, as a platform tag.
    :param libc: ``glibc`` or ``musl``.
    :param machine: the machine.
    :param versions: by the word before it, such as ``GLIBC``, the versions of symbols there are.
    :param libraries: the libraries that every machine of that level has.
    """

    tag: str
    libc: str
    machine: str
    versions: Mapping[str, frozenset[str]]
    libraries: frozenset[str]


def promise_of(tags: Iterable[str]) -> Promise | None:
    """Find what the tags of a wheel promise.

    :param tags: the tags.
    :returns: the promise; None where they are not for Linux, or promise nothing, as ``linux_…``.
    """
    platforms = {tag.rpartition("-")[2] for tag in tags}
    glibc = [level for level in map(glibc_level, platforms) if level]
    if glibc:
        minor, machine = min(glibc)
        return _promise("glibc", minor, machine)
    musl = [match for match in map(MUSL.fullmatch, platforms) if match]
    if musl:
        lowest = min(musl, key=lambda match: int(match["minor"]))
        return _promise("musl", int(lowest["minor"]), lowest["machine"])
    return None


@cache
def _promise(libc: str, minor: int, machine: str) -> Promise | None:
    """Read auditwheel's policy of a level, or of the newest level below it that has one."""
    from auditwheel.architecture import Architecture
    from auditwheel.libc import Libc
    from auditwheel.policy import WheelPolicies

    if machine not in {each.value for each in Architecture}:
        return None
    musl_policy = f"musllinux_1_{max(minor, 1)}" if libc == "musl" else None
    policies = WheelPolicies(libc=Libc(libc), arch=Architecture(machine), musl_policy=musl_policy)
    found = {}
    for policy in policies:
        level = _LEVEL.match(policy.name)
        if level and int(level[1]) <= max(minor, 1):
            found[int(level[1])] = policy
    if not found:
        return None
    policy = found[max(found)]
    return Promise(policy.name, libc, machine, policy.symbol_versions, policy.whitelist)


def judge_promise(
    thing: SharedObject, promise: Promise, own: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Say what a shared object needs beyond the promise of its wheel's tags.

    :param thing: the shared object.
    :param promise: what the tags promise.
    :param own: the file names of the wheel's own shared objects.
    :returns: the code and the message of each finding.
    """
    if thing.machine != promise.machine:
        what = thing.machine or "a machine that no tag has a name for"
        yield "WC502", f"{thing.name} is for {what}, and the wheel's tag is for {promise.machine}"
        return
    if thing.libc and thing.libc != promise.libc:
        yield "WC506", f"{thing.name} is linked against {thing.libc}, not against {promise.libc}"
        return
    beyond = []
    for version, symbol in thing.symbols:
        word, _, number = version.partition("_")
        there = promise.versions.get(word)
        if there is not None and number not in there:
            beyond.append((version, symbol))
    if beyond:
        yield "WC503", f"{_needs(thing, beyond)}, and {promise.tag} promises less"
    for library in thing.needed:
        known = library in promise.libraries or library in own
        if not known and not _LINKER.match(library) and not library.startswith("libc.musl"):
            message = f"{thing.name} needs {library}, which is not in the wheel"
            yield "WC505", f"{message}, and {promise.tag} does not promise it"


def judge_target(thing: SharedObject, target: Target) -> Iterator[tuple[str, str]]:
    """Say what a shared object needs of glibc that a target has not.

    :param thing: the shared object.
    :param target: the target.
    :returns: the code and the message of each finding.
    """
    levels = (glibc_level(tag.rpartition("-")[2]) for tag in target.tags)
    has = max((level[0] for level in levels if level), default=None)
    if has is None:
        return
    beyond = []
    for version, symbol in thing.symbols:
        match = re.fullmatch(r"GLIBC_2\.(\d+)(?:\.\d+)*", version)
        if match and int(match[1]) > has:
            beyond.append((version, symbol))
    if beyond:
        yield "WC504", f"{_needs(thing, beyond)}, and the target has glibc 2.{has}"


def _needs(thing: SharedObject, beyond: Iterable[tuple[str, str]]) -> str:
    """Say what a shared object needs: of each library's versions the newest."""
    newest: dict[str, tuple[list[int], str]] = {}
    for version, symbol in beyond:
        number = [int(each) for each in re.findall(r"\d+", version)]
        what = f"{version} ({symbol})" if symbol else version
        word = version.partition("_")[0]
        newest[word] = max(newest.get(word, ([], "")), (number, what))
    return f"{thing.name} needs {' and '.join(what for _, what in newest.values())}"


def audit(wheel: WheelFile, targets: Iterable[Target]) -> Iterator[CheckFinding]:
    """Look for what the shared objects of a wheel need that its tags, or a target, have not.

    :param wheel: a wheel whose archive can be read.
    :param targets: the targets that take it.
    """
    things, unread = read_shared_objects(wheel)
    yield from unread
    own = frozenset(thing.name.rpartition("/")[2] for thing in things)
    promise = promise_of(wheel.tags)
    path = str(wheel.path)
    for thing in things:
        for code, message in judge_promise(thing, promise, own) if promise else ():
            yield CheckFinding(path, "", code, message)
        for target in targets:
            for code, message in judge_target(thing, target):
                yield CheckFinding(path, target.label, code, message)
