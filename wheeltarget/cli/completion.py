"""Completions: pip's options, tags, targets.

If nothing is offered here, the shell completes file names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from wheeltarget.errors import WheeltargetError
from wheeltarget.pip_config.options import WITH_VALUE, WITHOUT_VALUE
from wheeltarget.targets.catalog import known_systems, newest_pythons
from wheeltarget.targets.names import HOST, Projects, user_targets
from wheeltarget.targets.systems import System, target_name

PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "manylinux2014_x86_64",
    "manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_11_0_arm64",
    "macosx_11_0_x86_64",
    "win_amd64",
    "win32",
)
"""The most common platforms of wheels."""

_NEWEST = 5
_LAST_WITH_PYMALLOC = 7
_OURS = frozenset({"-h", "--help"})


def offer_options(incomplete: str) -> tuple[str, ...]:
    """Offer the options of ``pip download``.

    :param incomplete: the option as typed so far; it begins with a dash.
    :returns: one spelling of each option, another one only if its beginning is typed.
    """
    found = []
    for spellings in (*WITH_VALUE, *WITHOUT_VALUE):
        if not _OURS.intersection(spellings):
            fitting = [each for each in spellings if each.startswith(incomplete)]
            # The first short spelling, and the first long one.
            found += [each for each in fitting if not each.startswith("--")][:1]
            found += [each for each in fitting if each.startswith("--")][:1]
    return tuple(sorted(found))


def offer_tags(incomplete: str, pythons: Iterable[str] | None = None) -> tuple[str, ...]:
    """Offer tags for the last entry of a list.

    :param incomplete: the list as typed so far.
    :param pythons: the known interpreter tags, such as ``cp314``; None for those of the catalogue.
    :returns: lists that begin with it. Only the newest Pythons are offered until another one is
        typed in full.
    """
    before, comma, begun = incomplete.rpartition(",")
    known = sorted(filter(None, map(_minor, pythons or newest_pythons())), reverse=True)
    written = re.match(r"cp3(\d+)-", begun)
    minors = [int(written[1])] if written and int(written[1]) in known else known[:_NEWEST]
    tags = (tag for minor in minors for tag in _tags(minor))
    return tuple(f"{before}{comma}{tag}" for tag in tags if tag.startswith(begun))


def _minor(interpreter: str) -> int:
    """Return the minor version of a CPython 3, or 0 for any other Python."""
    found = re.fullmatch(r"cp3(\d+)", interpreter)
    return int(found[1]) if found else 0


def _tags(minor: int) -> Iterator[str]:
    pymalloc = "m" if minor <= _LAST_WITH_PYMALLOC else ""
    for platform in PLATFORMS:
        yield f"cp3{minor}-cp3{minor}{pymalloc}-{platform}"


def _list_folder(folder: str) -> list[tuple[str, bool]]:
    """Return each name in a folder, and whether it is a folder; nothing if it cannot be read."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            return [(entry.name, entry.is_dir()) for entry in entries]
    except OSError:
        return []


def _known_names(begun: str) -> tuple[str, ...]:
    try:
        own = tuple(user_targets(Path.cwd(), Projects()))
    except WheeltargetError:
        own = ()
    return offer_names(begun, known_systems().systems, own)


def offer_targets(
    incomplete: str,
    list_folder: Callable[[str], Iterable[tuple[str, bool]]] = _list_folder,
    names: Callable[[str], Iterable[str]] = _known_names,
) -> tuple[str, ...]:
    """Offer ``host``, names and the paths of target files for the last entry of a list.

    :param incomplete: the list as typed so far.
    :param list_folder: returns each name in a folder, and whether it is a folder.
    :param names: returns the names of targets that begin with a text.
    :returns: lists that begin with it; a folder ends with a slash.
    """
    before, comma, begun = incomplete.rpartition(",")
    folder, slash, name = begun.rpartition("/")
    found = [HOST] if HOST.startswith(begun) else []
    found += [] if slash else names(begun)
    for each, is_folder in sorted(list_folder(folder + slash)):
        hidden = each.startswith(".") and not name.startswith(".")
        if each.startswith(name) and not hidden and (is_folder or each.endswith(".toml")):
            found.append(f"{folder}{slash}{each}{'/' * is_folder}")
    return tuple(f"{before}{comma}{each}" for each in found if each.startswith(begun))


def offer_names(begun: str, systems: Iterable[System], own: Iterable[str]) -> tuple[str, ...]:
    """Offer names of targets.

    :param begun: the name as typed so far.
    :param systems: the systems of the catalogue.
    :param own: the names of the user's targets.
    :returns: the matching systems; if only one matches, its targets.
    """
    names = [each for each in own if each.startswith(begun)]
    fitting = [
        each
        for each in systems
        if f"{each.name}-".startswith(begun) or begun.startswith(f"{each.name}-")
    ]
    if len({each.name for each in fitting}) > 1:
        return tuple(dict.fromkeys((*names, *(f"{each.name}-" for each in fitting))))
    targets = (
        target_name(system.name, python, architecture)
        for system in fitting
        for python in system.pythons
        for architecture in system.platforms
    )
    return (*names, *(each for each in targets if each.startswith(begun)))


def offer_argument(incomplete: str, given: Mapping[str, object]) -> tuple[str, ...]:
    """Offer completions for an argument that belongs to none of our options.

    :param incomplete: the argument as typed so far.
    :param given: the values so far of our options, by name.
    :returns: pip's options, or the values of an option with ``=``, which bash splits off.
    """
    if incomplete.startswith("-"):
        return offer_options(incomplete)
    for name, offer in (("tags", offer_tags), ("target", offer_targets)):
        values = given.get(name)
        if isinstance(values, list | tuple) and values and values[-1] == "=":
            return offer(incomplete)
    return ()
