"""Convert pip's options for another environment to a target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from wheeltarget.errors import TargetError
from wheeltarget.pip_config.options import ENVIRONMENT_OPTIONS, CommandLine
from wheeltarget.targets.catalog import host, look_up_tag
from wheeltarget.targets.target import Target


def target_from_options(command: CommandLine) -> Target | None:
    """Return the target that pip's options describe, with the running interpreter as default.

    :returns: the target; None if there are no such options, or no such environment.
    """
    if not any(map(command.has, ENVIRONMENT_OPTIONS)):
        return None
    interpreter, _, platform = host().tags[0].split("-")
    # 3.7, 37 and 3.7.1 are the same.
    versions = command.values("--python-version")
    parts = versions[-1].split(".") if versions else [""]
    version = "".join(parts[:2]) or re.sub(r"\D", "", interpreter)
    implementation = (command.values("--implementation") or (interpreter.rstrip("0123456789"),))[-1]
    abis = [abi for abi in command.values("--abi") if abi not in {"abi3", "none"}]
    platforms = command.values("--platform") or (platform,)
    for tag in _spellings(f"{implementation}{version}", abis, platforms, version):
        with suppress(TargetError):
            return look_up_tag(tag)
    return None


def _spellings(
    interpreter: str, abis: Sequence[str], platforms: Sequence[str], version: str
) -> Iterator[str]:
    """Return the possible tags, the most likely first."""
    places = [*platforms, ".".join(platforms)] if len(platforms) > 1 else list(platforms)
    for platform in reversed(places):
        if abis:
            yield f"{interpreter}-{'.'.join(abis)}-{platform}"
            continue
        for suffix in ("mu", "m", "") if version.startswith("2") else ("", "m"):
            yield f"{interpreter}-{interpreter}{suffix}-{platform}"
    if set(platforms) == {"any"}:
        yield f"py{version}-none-any"
