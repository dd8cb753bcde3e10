"""Fetch requirements files with pip's session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import PipError
from pip._internal.req.req_file import get_file_content
from pip._vendor.requests import RequestException

from wheeltarget.pip_child.job import download
from wheeltarget.pip_protocol import Contents, ReadFiles, write_message


def run(request: ReadFiles, result: Path, _interrupts: list[int]) -> int:
    """Write the texts of the files, and the reasons why some could not be fetched."""
    texts, reasons = {}, {}

    def read(self: Any, options: Any, _arguments: list[str]) -> int:
        session = self.get_default_session(options)
        for url in request.urls:
            try:
                texts[url] = str(get_file_content(url, session)[1])
            except (PipError, RequestException, OSError, ValueError) as error:
                reasons[url] = str(error)
        return 0

    DownloadCommand.run = read
    download(request.arguments)
    write_message(result, Contents(texts, reasons))
    return 0
