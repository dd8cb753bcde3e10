"""Completions: pip's options, tags, targets.

If nothing is offered here, the shell completes file names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE
from wheeltarget.targets.names import HOST, Projects, known_systems, newest_pythons, user_targets

PLATFORMS = (
    "manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "manylinux2014_x86_64",
    "manylinux2014_aarch64", "musllinux_1_2_x86_64", "musllinux_1_2_aarch64",
    "macosx_11_0_arm64", "macosx_11_0_x86_64", "win_amd64", "win32",
)  # fmt: skip
"""The most common platforms of wheels."""

_NEWEST, _LAST_WITH_PYMALLOC = 5, 7


def offer_options(incomplete: str) -> tuple[str, ...]:
    """Offer the first short and the first long spelling of pip's options that fit."""
    found = []
    for spellings in (*WITH_VALUE, *WITHOUT_VALUE):
        if "--help" not in spellings:
            fitting = [each for each in spellings if each.startswith(incomplete)]
            found += [each for each in fitting if not each.startswith("--")][:1]
            found += [each for each in fitting if each.startswith("--")][:1]
    return tuple(sorted(found))


def offer_tags(incomplete: str) -> tuple[str, ...]:
    """Offer tags for the last entry of a list, of the newest Pythons until another one is typed."""
    before, comma, begun = incomplete.rpartition(",")
    found = (re.fullmatch(r"cp3(\d+)", python) for python in newest_pythons())
    known = sorted((int(each[1]) for each in found if each), reverse=True)
    written = re.match(r"cp3(\d+)-", begun)
    minors = [int(written[1])] if written and int(written[1]) in known else known[:_NEWEST]
    tags = (
        f"cp3{minor}-cp3{minor}{'m' if minor <= _LAST_WITH_PYMALLOC else ''}-{platform}"
        for minor in minors
        for platform in PLATFORMS
    )
    return tuple(f"{before}{comma}{tag}" for tag in tags if tag.startswith(begun))


def offer_targets(incomplete: str) -> tuple[str, ...]:
    """Offer ``host``, names and the paths of target files for the last entry of a list."""
    before, comma, begun = incomplete.rpartition(",")
    folder, slash, name = begun.rpartition("/")
    found = [] if slash else [HOST, *_own_names(), *_known_names(begun)]
    found += [
        f"{folder}{slash}{each}"
        for each in _list_folder(folder + slash)
        if name.startswith(".") or not each.startswith(".")
    ]
    return tuple(f"{before}{comma}{each}" for each in found if each.startswith(begun))


def _list_folder(folder: str) -> list[str]:
    """Return the subfolders, with a slash, and the TOML files of a folder, if it can be read."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            found = [entry.name + "/" * entry.is_dir() for entry in entries]
    except OSError:
        return []
    return sorted(name for name in found if name.endswith(("/", ".toml")))


def _own_names() -> tuple[str, ...]:
    try:
        return tuple(user_targets(Path.cwd(), Projects()))
    except WheeltargetError:
        return ()


def _known_names(begun: str) -> Iterator[str]:
    """Return the matching systems of the catalogue or, if only one matches, its targets."""
    fitting = [
        each
        for each in known_systems()
        if f"{each.name}-".startswith(begun) or begun.startswith(f"{each.name}-")
    ]
    names = dict.fromkeys(f"{each.name}-" for each in fitting)
    if len(names) > 1:
        yield from names
        return
    for system in fitting:
        yield from (each.name for each in system.targets())


def offer_argument(incomplete: str, given: Mapping[str, object]) -> tuple[str, ...]:
    """Offer pip's options, or the values of an option with ``=``, which bash splits off.

    :param given: the values so far of our options, by name.
    """
    if incomplete.startswith("-"):
        return offer_options(incomplete)
    for name, offer in (("tags", offer_tags), ("target", offer_targets)):
        values = given.get(name)
        if isinstance(values, list | tuple) and values and values[-1] == "=":
            return offer(incomplete)
    return ()


def offer_pack_argument(incomplete: str, given: Mapping[str, object]) -> tuple[str, ...]:
    """Offer what :func:`offer_argument` does, and the command ``verify``."""
    first = incomplete and not given.get("arguments") and "verify".startswith(incomplete)
    return (*(("verify",) if first else ()), *offer_argument(incomplete, given))


OFFERS: Mapping[str, Callable[[str, Mapping[str, object]], tuple[str, ...]]] = {
    "tags": lambda incomplete, _: offer_tags(incomplete),
    "target": lambda incomplete, _: offer_targets(incomplete),
    "arguments": offer_argument,
    "pack arguments": offer_pack_argument,
}
"""The function for each kind of value; it gets the value and the options as typed so far."""
