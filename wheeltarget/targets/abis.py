"""Check that an interpreter has an ABI (PEP 384, 425, 703 and 803)."""

from __future__ import annotations

import re

from wheeltarget.errors import TargetError
from wheeltarget.targets.platforms import Platform


def check_cpython_abi(
    interpreter: str,
    version: tuple[int, int],
    abis: tuple[str, ...],
    platforms: tuple[Platform, ...],
) -> None:
    """Refuse an ABI that this CPython does not have.

    :param interpreter: the interpreter as written, such as ``cp37``.
    :param version: its version.
    :param abis: the ABIs as written.
    :param platforms: the platforms, at least one.
    :raises TargetError: if no build of it has these ABIs.
    """
    rest = ".".join(each.tag for each in platforms)
    tag = f"{interpreter}-{'.'.join(abis)}-{rest}"
    if rest == "any":
        _check_pure(tag, interpreter, abis, usual_abi(interpreter, version, "linux"))
        return
    system = dict(platforms[0].markers)["sys_platform"]
    usual = usual_abi(interpreter, version, system)
    natives = _native_abis(interpreter, version, system)
    written = [abi for abi in abis if abi not in {"abi3", "abi3t", "none"}]
    # A flag too many or too few. Any other ABI may belong to another interpreter, and before 3.3
    # there are two kinds of builds on Linux.
    is_slip = {*abis} <= {interpreter, f"{interpreter}m"} and usual != f"{interpreter}mu"
    for abi in written:
        if abi not in natives:
            raise TargetError(
                f"{tag} is not an environment: "
                f"CPython {version[0]}.{version[1]} has the ABI {usual}",
                f"write {interpreter}-{usual}-{rest}",
                code="WT108",
                instead=f"{interpreter}-{usual}-{rest}" if is_slip else "",
            )
    if "abi3t" in abis and f"{interpreter}t" in natives:
        usual = f"{interpreter}t"
    if not written:
        takes = set(abis) <= _stable(usual, version)
        raise TargetError(
            f"{tag} does not name an environment: it would exclude wheels for {usual}",
            f"write {interpreter}-{usual}-{rest}"
            + (f"; it accepts {' and '.join(abis)} wheels too" if takes else ""),
            code="WT109",
        )
    if not any(set(abis) <= {*loads(each), *_stable(each, version)} for each in written):
        raise TargetError(
            f"{tag} is not an environment: no build of CPython {version[0]}.{version[1]} "
            f"has {' and '.join(abis)}",
            f"write {interpreter}-{written[0]}-{rest}, and another tag for another build",
            code="WT110",
        )


def _check_pure(tag: str, interpreter: str, abis: tuple[str, ...], usual: str) -> None:
    if abis != ("none",):
        raise TargetError(
            f"{tag} has an ABI, but no platform",
            f"write {interpreter}-none-any for pure Python wheels, or {interpreter}-{usual}-"
            "manylinux_2_28_x86_64",
            code="WT111",
        )


def usual_abi(interpreter: str, version: tuple[int, int], system: str) -> str:
    """Return the ABI of the usual build of a CPython.

    :param interpreter: its tag, such as ``cp36``.
    :param version: its version.
    :param system: ``sys_platform``; Python 2 on ``linux`` differs.
    """
    if version < (3, 3):
        return f"{interpreter}mu" if system == "linux" else f"{interpreter}m"
    return f"{interpreter}m" if version < (3, 8) else interpreter


def _native_abis(interpreter: str, version: tuple[int, int], system: str) -> set[str]:
    """Return the ABIs of all builds of this CPython."""
    if version < (3, 3):
        flags = ["m", "dm"] if system == "win32" else ["m", "mu", "dm", "dmu"]
    elif version < (3, 8):
        flags = ["m", "dm"]
    elif version < (3, 13):
        flags = ["", "d"]
    else:
        flags = ["", "d", "t", "td"]
    return {interpreter + flag for flag in flags}


def loads(abi: str) -> tuple[str, ...]:
    """Return the ABIs whose modules a build loads; a debug build has two since 3.8.

    :param abi: the build's own ABI.
    """
    return (abi, abi.removesuffix("d")) if abi.endswith("d") else (abi,)


def _stable(abi: str, version: tuple[int, int]) -> set[str]:
    """Return the further ABIs that a build loads."""
    if version < (3, 2):
        return {"none"}
    return {"none", "abi3t" if re.search(r"\dtd?$", abi) else "abi3"}


def check_other_abi(
    implementation: str,
    interpreter: str,
    abis: tuple[str, ...],
    platforms: tuple[Platform, ...],
) -> None:
    """Refuse an ABI that PyPy, GraalPy or the tag ``py…`` does not have.

    :param implementation: ``pp``, ``graalpy`` or ``py``.
    :param interpreter: the interpreter as written, such as ``pp310``.
    :param abis: the ABIs as written.
    :param platforms: the platforms, at least one.
    :raises TargetError: if it does not have these ABIs.
    """
    rest = ".".join(each.tag for each in platforms)
    tag = f"{interpreter}-{'.'.join(abis)}-{rest}"
    if implementation == "py":
        if abis != ("none",):
            raise TargetError(
                f"{tag} does not name an environment: "
                f"{interpreter} means any Python, which has no ABI",
                f"write {interpreter}-none-{rest}, or name one interpreter, such as cp…",
                code="WT112",
            )
        return
    digits = interpreter.removeprefix(implementation)
    pattern, example = {
        "pp": (rf"pypy{digits}_pp\d+", f"pypy{digits}_pp73"),
        "graalpy": (rf"graalpy\d+_{digits}_native", f"graalpy250_{digits}_native"),
    }[implementation]
    if interpreter == "pp27":
        pattern, example = r"pypy_\d+", "pypy_73"
    if rest == "any":
        _check_pure(tag, interpreter, abis, example)
        return
    own = [abi for abi in abis if abi != "none"]
    if len(own) != 1 or not re.fullmatch(pattern, own[0]):
        raise TargetError(
            f"{tag} does not name an environment: {interpreter} has an ABI like {example}",
            f"write {interpreter}-{example}-{rest}",
            code="WT113",
        )
