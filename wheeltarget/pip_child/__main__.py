"""Run ``pip download`` once for each job, seeing each job's target instead of this machine.

The contract with the parent
============================

``python -m wheeltarget.pip_child JOBFILE``; standard input, output and error are pip's. How it is
told the job file only later is said in :mod:`wheeltarget.resolver.prestart`.

JOBFILE is a JSON object with ``schema`` (1), ``failure`` (a path), ``plain``, ``jobs`` and, but
where ``plain`` is true, ``store``: the folder of the wheel store, from which wheels are taken and
to which they go, or null; ``ahead``: whether to fetch ahead of pip,
which changes nothing but the time; ``connections``: how many to a host there may be at once; and
``refresh``: whether index pages that are fresh in pip's own cache are asked for again. Where
``plain`` is true there is one job without a target: pip is run for it as it is, but for the content
of requirements files, and its exit code is the child's; a result is written if ``result`` is not
empty, pip succeeds, and what it chose can be told. Where instead of ``jobs`` there is ``urls``, a
list, the child fetches requirements files and downloads nothing: pip is given ``arguments``, and
``result`` is a JSON object with ``texts`` by URL and ``reasons`` by the URL of each file that pip
could not fetch. Where there is ``locked``, a list of files (``url``, ``filename``, ``project``,
``sha256``, ``size`` or null, ``path``: where it goes), the child fetches exactly these, with pip's
session as ``arguments`` make it and ``connections`` threads, through ``store`` (a path or null),
and asks ``resumes`` times again for one that breaks off with no progress between; where
``elsewhere`` is true, a file that is not to be had there is looked for by its name on the indexes
that pip is given, first of all if its host is one of ``unreachable``; ``result`` is a JSON object
with pip's ``exit_code`` and ``failures``: null where pip did not come to that, else a list of
``path``, ``kind`` (``content``, ``status`` or ``connection``), ``code`` (the server's, or 0) and
``text``. Where ``listing`` is true nothing is resolved and nothing is fetched but index pages, each
once for all jobs: each result says in ``listing`` what there is of the projects that the
requirements name. Each job has:

``label``
    what to call the target in messages;
``target``
    null for the running interpreter, else ``tags`` (every supported tag, most preferred first),
    ``markers`` (the known variables) and ``unknown`` (the names of the others);
``arguments``
    words for ``pip download``, its ``--dest`` among them;
``unset``
    environment variables that pip must not see;
``files``
    the content of requirements and constraints files by the name under which pip asks for them;
``folder``, ``destination``
    the folder that ``--dest`` names, and the one for which it is meant: a file that is there
    already is linked from the second into the first, and pip's messages name the second;
``result``
    the path for the result;
``narrow``
    by project, the tags that constraints leave it;
``sources``
    the projects of which source distributions are taken, too, though the target is foreign;
``prefer``
    by project, the version to try before all others, where it may be taken; one that was yanked
    is not;
``dry_run``
    whether to choose only, and fetch no more than that needs;
``hashed``
    whether files of which the index does not say the sha256 are fetched even then, into ``folder``,
    and the sizes of the others are asked for where it does not say those.

For each job that was run, ``result`` is a JSON object with ``schema`` (1), ``exit_code`` (pip's),
``dependencies`` (``all``, ``none`` or ``only``: what pip was told to fetch), ``fresh_until`` (until
when what the index pages say holds, in seconds since the epoch; null where that cannot be said, as
where there is no store), ``failure`` (null, or what pip could not have), ``said`` (what pip says of
that, where it was held back) and ``files``, a list of what was chosen: ``name``, ``version``,
``filename``, ``url`` (without credentials), ``index`` (the page that it is from, or null),
``direct`` (whether it was asked for by its place), ``subdirectory`` (the folder in it that the
project is in, or empty), ``requested``, ``extras``, ``parents`` (names; null for the user),
``yanked`` (null or the reason), ``requires_python``, ``hashes`` (what the index says, by
algorithm), ``accepts`` (what the user says, lists by algorithm), ``size`` (in bytes as the index or
the server says, in a dry run; or null) and ``requires`` (the dependencies as the metadata has
them).

A failure has ``causes``, ``files`` by project, ``places`` (where those projects were looked for of
which there are none) and ``unseen`` (the projects that the user asks for and that nobody looked
at). A cause has ``project`` (empty where it is Python), ``name`` (with extras), ``specifier``,
``constraint``, ``hashes`` (lists by algorithm), ``chain`` (name and version of who asks, then of
who asks for that; empty for the user), ``file`` (the URL by which it was asked for, or empty) and
``unlisted`` (whether hashes are compared and it has none). A file of a project has ``filename``,
``verdict`` (pip's own word, or ``pre_release`` where final releases alone are taken),
``requires_python``, ``yanked``, ``hashes`` and ``uploaded`` (when, or null).

A listing, null where pip could not read what is asked for, has ``hashed`` (whether pip compares the
hash of every file with one that is listed), ``requirements``, ``constraints`` (those whose marker
holds) and ``projects`` by name. A requirement or constraint has ``project`` and ``name`` (with
extras; both empty where only its metadata says them), ``specifier``, ``marker``, ``hashes``,
``url`` (empty where an index is asked), ``needed`` (whether its marker holds) and ``problem`` (a
sentence where nobody knows that). A project has ``files``, as above, with ``size`` and ``best_of``
(the version for which pip would take it before every other file, or null); ``taken`` (the URL of
the file that pip would take for these requirements and constraints alone, or null); ``applicable``
(the versions that pip would take, of those with a file that fits); ``problem`` (a sentence where an
index could not be read, else empty); and, where there are no files, ``places`` (where they would
be) and ``neighbours`` (names of projects there, as far as they are known).

The exit code is 0 when every job was run, however pip fared; 130 after an interrupt, with no
further job begun; and :data:`PIP_MOVED` where a proof failed that pip sees the target: then
nothing was fetched and ``failure`` holds one sentence. One of ``NO_ROOM`` of the parent
says that there is no room for the files of the child itself.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from wheeltarget.cache.wheel_store import Store
from wheeltarget.pip_child.job import Current, PipMovedError, surroundings
from wheeltarget.pip_child.patches.download import observe_result
from wheeltarget.pip_child.patches.freshness import patch_freshness
from wheeltarget.pip_child.patches.install import install, install_files, install_listing
from wheeltarget.pip_child.patches.listing import Listing
from wheeltarget.pip_child.patches.wheel_store import patch_copies
from wheeltarget.pip_child.prefetch.install import Speed, spare_collector
from wheeltarget.pip_child.prefetch.prefetcher import Scope
from wheeltarget.pip_child.result import write_json
from wheeltarget.pip_child.startup import load_pip, wait_for_job
from wheeltarget.pip_protocol import NO_ROOM, OPTION

SCHEMA = 1
PIP_MOVED = 70
INTERRUPTED = 130


def _report_unraisable(error: sys.UnraisableHookArgs) -> None:
    """Pass over a temporary file that could not be closed when Python threw it away.

    pip's copy of an index page for its cache is such a file. If the disk is full, pip goes on
    without it, and a traceback would tell nobody what to do.
    """
    if not isinstance(error.exc_value, OSError):
        sys.__unraisablehook__(error)


def main(job_file: Path) -> int:
    """Run every job of a job file.

    :param job_file: where it is.
    :returns: the exit code.
    """
    order = json.loads(job_file.read_text("utf-8"))
    interrupts = _note_interrupts()
    sys.unraisablehook = _report_unraisable
    try:
        return run_all(order, interrupts)
    except PipMovedError as error:
        # pip takes an interrupt for a failure, and so does the proof.
        if interrupts:
            return INTERRUPTED
        write_json(Path(order["failure"]), {"schema": SCHEMA, "sentence": str(error)})
        return PIP_MOVED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0)
        for code, known in () if order.get("plain") else NO_ROOM.items():
            if name == known:
                return code
        sys.stderr.write(f"ERROR: {error}\n")
        return 1


def _note_interrupts() -> list[int]:
    """Let the first interrupt end what is going on, and be known of afterwards.

    :returns: a list that is empty until then.
    """
    interrupts: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        # A second one would only cut off the cleaning up.
        if not interrupts:
            interrupts.append(signum)
            raise KeyboardInterrupt

    # Under nohup, for one, interrupts are ignored, and that is to be left so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    return interrupts


def run_all(order: dict[str, Any], interrupts: list[int]) -> int:
    """Patch pip and run it for every job.

    :param order: the content of the job file.
    :param interrupts: not empty any more after an interrupt.
    :returns: the exit code.
    """
    current = Current()
    if "urls" in order:
        write_json(Path(order["result"]), read_contents(order["urls"], order["arguments"]))
        return 0
    if "locked" in order:
        from wheeltarget.pip_child.fetch_locked import fetch_locked

        load_pip()
        outcome = fetch_locked(order, download)
        if interrupts:
            return INTERRUPTED
        write_json(Path(order["result"]), outcome)
        return 0
    if order["plain"]:
        return run_plain(current, order["jobs"][0])
    load_pip()
    current.refresh = order.get("refresh", False)
    if order["store"]:
        current.store = Store(Path(order["store"]))
        patch_copies(current)
        current.freshness = patch_freshness()
    return run_jobs(current, order, interrupts)


def run_jobs(current: Current, order: dict[str, Any], interrupts: list[int]) -> int:
    """Prove that pip sees the jobs, and run it for each."""
    with tempfile.TemporaryDirectory(prefix="wheeltarget-") as temporary:
        scope = Scope.of(order, Path(temporary))
        speed = Speed(current, scope) if order["ahead"] else None
        listing = None
        if order.get("listing"):
            listing = install_listing(current, download, speed)
        else:
            install(current, download, speed)
        spare_collector()
        try:
            for number, job in enumerate(order["jobs"]):
                run_next(current, job, listing, number)
                if interrupts:
                    return INTERRUPTED
        finally:
            if speed is not None:
                speed.close()
    return 0


def run_next(current: Current, job: dict[str, Any], listing: Listing | None, number: int) -> None:
    """Run one of several jobs, with nothing kept of the one before it."""
    if number:
        current.let_go()
        # Where little was made, looking for what is left of it takes longer than it is worth.
        if any(gc.get_count()[1:]):
            gc.collect()
    run(current, job, listing)


def run_plain(current: Current, job: dict[str, Any]) -> int:
    """Run pip as it is, but for the content of files, and give its exit code."""
    if job["files"] or not job["result"]:
        install_files(current, download)
    if job["result"]:
        observe_result(current)
    current.begin(job)
    exit_code = download(job["arguments"])
    if current.was_asked:
        outcome = {"schema": SCHEMA, "exit_code": exit_code, **current.outcome()}
        write_json(Path(job["result"]), outcome)
    return exit_code


def read_contents(urls: list[str], arguments: list[str]) -> dict[str, dict[str, str]]:
    """Fetch requirements files with the session that pip would make.

    :param urls: where they are.
    :param arguments: options of ``pip download``.
    :returns: their ``texts``, and the ``reasons`` for which there is none.
    """
    from pip._internal.commands.download import DownloadCommand
    from pip._internal.exceptions import PipError
    from pip._internal.req.req_file import get_file_content
    from pip._vendor.requests import RequestException

    texts, reasons = {}, {}

    def run(self: Any, options: Any, _arguments: list[str]) -> int:
        session = self.get_default_session(options)
        for url in urls:
            try:
                texts[url] = get_file_content(url, session)[1]
            except (PipError, RequestException, OSError, ValueError) as error:
                reasons[url] = str(error)
        return 0

    DownloadCommand.run = run
    download(arguments)
    return {"texts": texts, "reasons": reasons}


def run(current: Current, job: dict[str, Any], listing: Listing | None) -> None:
    """Run pip for one job and write what it chose, or what there is."""
    current.begin(job)
    with surroundings(unset=job["unset"]):
        exit_code = download(job["arguments"])
    if exit_code == 0 and not current.was_asked:
        # It can be told to run in another interpreter, to which nothing here applies.
        sys.stderr.write(
            "ERROR: pip ran in another interpreter, or for something else than a download\n"
        )
        exit_code = 1
    outcome = {"schema": SCHEMA, "exit_code": exit_code, **current.outcome()}
    if listing is not None:
        outcome["listing"], listing.said = listing.said, None
    write_json(Path(job["result"]), outcome)


def download(arguments: list[str]) -> int:
    """Run ``pip download`` in this process and give its exit code."""
    from pip._internal.cli.main import main as pip_main

    try:
        return int(pip_main(["download", *arguments]))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1


def start(words: list[str]) -> int:
    """Run the job file that the words name, or the one that is named once it is known."""
    if words[0] != OPTION:
        return main(Path(words[0]))
    # There is nothing to clean up yet, and while modules are loaded Python may pass over an error.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    job_file = wait_for_job(int(words[1]))
    return 0 if job_file is None else main(job_file)


if __name__ == "__main__":
    code = start(sys.argv[1:])
    # The last look for garbage takes longer than all that is left to do.
    gc.freeze()
    if code == INTERRUPTED:
        # A thread that is still in the middle of something may crash while Python takes leave.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
