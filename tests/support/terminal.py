"""Run something on a terminal of its own, and be the person who sits there."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_LOGIN = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
_PATIENCE = 60.0


class Terminal:
    """A process whose standard streams, and whose /dev/tty, are a terminal.

    :param arguments: the command, an absolute path first.
    :param folder: its working directory.
    :param variables: its environment.
    :param columns: the width of the terminal.
    :param term: the kind of the terminal.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        *,
        columns: int = 200,
        term: str = "xterm-256color",
    ) -> None:
        self._keyboard, slave = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, str(slave), *arguments],
            cwd=folder,
            env={**variables, "TERM": term, "COLUMNS": str(columns)},
            pass_fds=(slave,),
        )
        os.close(slave)
        self._seen = b""
        self._passed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._keyboard)

    @property
    def pid(self) -> int:
        """Return the number of the process, which is that of its session."""
        return self._process.pid

    @property
    def text(self) -> str:
        """Return the output so far."""
        return self._seen.decode("utf-8", "replace").replace("\r\n", "\n")

    def answer(self, question: str, reply: str) -> None:
        """Wait for a question and type the reply.

        :param question: a part of what is shown, behind the last question.
        :param reply: what to type, with the key at its end.
        """
        while question.encode() not in self._seen[self._passed :]:
            assert self._read(), f"{question!r} was not asked: {self.text}"
        self._passed = len(self._seen)
        self.type(reply)

    def type(self, keys: str) -> None:
        """Type without having been asked."""
        os.write(self._keyboard, keys.encode())

    def finish(self) -> int:
        """Wait for the end.

        :returns: the exit code.
        """
        while self._read():
            pass
        return self._process.wait(_PATIENCE)

    def _read(self) -> bool:
        """Take in what is shown next; False at the end."""
        deadline = time.monotonic() + _PATIENCE
        while not select.select([self._keyboard], [], [], 0.1)[0]:
            assert time.monotonic() < deadline, f"nothing happened any more: {self.text}"
        try:
            data = os.read(self._keyboard, 65536)
        except OSError:
            data = b""  # so Linux tells that nobody has the terminal open any more
        self._seen += data
        return bool(data)
