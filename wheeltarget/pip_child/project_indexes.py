"""Patches for the index of a project: pip looks for its files there, and nowhere else.

pip collects the pages of all projects from one search scope. Here each project that has an index of
its own has a scope of its own. So it is in the processes that pip starts for the requirements of a
build; see :mod:`wheeltarget.pip_child.build_pip`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pip
from pip._internal.build_env import SubprocessBuildEnvironmentInstaller
from pip._internal.cli.main import main as pip_main
from pip._internal.exceptions import InstallationError
from pip._internal.index import collector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.metadata import select_backend
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._vendor.requests import Response

from wheeltarget.errors import PipMovedError
from wheeltarget.pip_child.job import CurrentJob, JobState, RunContext, replaces
from wheeltarget.pip_child.links import normalize_name, without_credentials
from wheeltarget.pip_child.patches.install import OWN_INDEX, Seam, install
from wheeltarget.pip_child.patches.metadata import wheel_that_requires
from wheeltarget.pip_protocol import INDEXES_VARIABLE, PIP_HOME_VARIABLE, JobOrder

_BUILDS = sys.modules[SubprocessBuildEnvironmentInstaller.__module__]
_BUILD_PIP = str(Path(__file__).with_name("build_pip.py"))
_PIP_HOME = str(Path(pip.__file__).parents[1])
_LINKS, _INDEX = "https://example.invalid/links", "https://example.invalid/simple"


def patch_indexes(current: CurrentJob) -> None:
    """Look for each project on its own index, here and in processes for builds."""

    @replaces(collector.LinkCollector, "collect_sources")
    def collect(original: Any, self: Any, project_name: str, *rest: Any, **named: Any) -> Any:
        whole = self.search_scope
        self.search_scope = current.job.scope_of(whole, project_name)
        try:
            return original(self, project_name, *rest, **named)
        finally:
            self.search_scope = whole

    @replaces(select_backend().Distribution, "iter_dependencies")
    def iter_dependencies(original: Any, self: Any, *rest: Any, **named: Any) -> Iterator[Any]:
        for requirement in original(self, *rest, **named):
            if requirement.url:
                _refuse_url(current.job, self, requirement)
            yield requirement

    @replaces(_BUILDS, "get_runnable_pip")
    def find_pip(original: Any) -> str:
        return _BUILD_PIP if current.job.order.indexes else str(original())

    @replaces(SearchScope, "get_formatted_locations", optional=True)
    def describe(original: Any, self: Any) -> str:
        names: dict[str, list[str]] = {}
        for name, url in current.job.order.indexes:
            names.setdefault(without_credentials(url), []).append(name)
        own = (f"Looking for {', '.join(some)} in {url}" for url, some in names.items())
        return "\n".join(filter(None, (original(self), *own)))


def _refuse_url(job: JobState, distribution: Any, requirement: Any) -> None:
    """Refuse a URL for a project that has an index, unless a project of this index names it."""
    name, parent = normalize_name(requirement.name), normalize_name(distribution.canonical_name)
    index = job.index_of(name)
    if index is not None and job.index_of(parent) != index:
        raise InstallationError(
            f"{parent} {distribution.version} requires {name} from "
            f"{without_credentials(requirement.url)}, but {name} comes from "
            f"{without_credentials(index)} and from nowhere else"
        )


def variables_for(order: JobOrder) -> dict[str, str]:
    """Return the environment variables that a job needs, for the processes that pip starts."""
    if not order.indexes:
        return {}
    return {INDEXES_VARIABLE: json.dumps(order.indexes), PIP_HOME_VARIABLE: _PIP_HOME}


def prove_indexes(current: CurrentJob) -> bool:
    """Check where pip's finder looks for two projects, and which pip a build would run."""
    asked: list[str] = []

    def get(url: str, **_named: Any) -> Response:
        asked.append(url)
        response = Response()
        response.url, response.status_code = url, 404
        return response

    session: Any = SimpleNamespace(
        get=get, refresh_package=set(), is_secure_origin=lambda _link: True
    )
    scope = SearchScope([_LINKS], [_INDEX], no_index=False)
    for name in (OWN_INDEX, "proof"):
        finder = PackageFinder.create(
            collector.LinkCollector(session, scope),
            SelectionPreferences(allow_yanked=True),
            TargetPython(py_version_info=(9, 9, 9)),
        )
        finder.find_all_candidates(name)
    own = f"{current.job.index_of(OWN_INDEX)}/{OWN_INDEX}/"
    return (
        sorted(asked) == sorted([own, f"{_INDEX}/proof/", _LINKS])
        and vars(_BUILDS)["get_runnable_pip"]() == _BUILD_PIP
        and _refuses(f"{OWN_INDEX} @ {_INDEX}/own_index_proof-1-py3-none-any.whl")
    )


def _refuses(requirement: str) -> bool:
    """Return whether pip takes no such requirement from a wheel."""
    try:
        list(wheel_that_requires(requirement).iter_dependencies())
    except InstallationError:
        return True
    return False


INDEXES = Seam("the index of a project", patch_indexes, prove_indexes)


def run_for_build(arguments: list[str]) -> int:
    """Run pip for the requirements of a build, with the indexes of the environment variable."""
    current = CurrentJob(RunContext())
    try:
        install(current, INDEXES)
    except PipMovedError as error:
        sys.stderr.write(f"ERROR: {error.message}\n")
        return PipMovedError.exit_code
    indexes = tuple((name, url) for name, url in json.loads(os.environ[INDEXES_VARIABLE]))
    os.environ[PIP_HOME_VARIABLE] = _PIP_HOME
    current.begin(JobOrder("a build", None, (), {}, "", "", Path(), indexes=indexes))
    return int(pip_main(arguments))
