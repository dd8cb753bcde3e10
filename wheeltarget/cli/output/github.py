"""GitHub annotations, as its runner reads them from standard output."""

from __future__ import annotations

from collections.abc import Mapping


def workflow_command(kind: str, properties: Mapping[str, str], message: str) -> str:
    """Return one workflow command.

    :param kind: ``error`` or ``notice``.
    :param properties: its properties, such as ``file`` and ``line``.
    :param message: its text.
    :returns: a line with its line end.
    """
    text = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{kind}{' ' if text else ''}{text}::{_escape(message)}\n"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
