"""The projects that a service brings with its runtime, as far as a source says so."""

from __future__ import annotations

from dataclasses import dataclass

from wheeltarget.errors import TargetError
from wheeltarget.targets.find import find_target
from wheeltarget.targets.names import known_sources, provided_tables


@dataclass(frozen=True, slots=True)
class ProvidedProject:
    """A project that a function can import though it was not deployed with it.

    :param name: its normalized name.
    :param version: what was seen there; empty if that is not known.
    :param status: ``verified`` or ``inferred``.
    :param seen: the ISO date on which the version was seen; empty without a version.
    """

    name: str
    version: str
    status: str
    sources: tuple[str, ...]
    seen: str = ""


def provided_projects(target: str) -> tuple[ProvidedProject, ...]:
    """Return what the service of a target brings, sorted by name.

    :param target: the label of a target. Only a name of the catalog is known to bring something.
    """
    try:
        named = find_target(target)
    except TargetError:
        return ()
    texts = known_sources()
    return tuple(
        ProvidedProject(
            project,
            version := table.get("versions", {}).get(project, ""),
            table["status"],
            tuple(texts[key] for key in table["sources"]),
            str(table["seen"]) if version else "",
        )
        for table in provided_tables()
        if table["system"] == named.system.name and named.python in table["pythons"]
        for project in sorted(table["projects"])
    )
