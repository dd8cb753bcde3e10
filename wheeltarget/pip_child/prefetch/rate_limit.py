"""How many requests a host may get at once, and when.

The first request to a host is sent alone, since it may need credentials or the host may not answer.
Afterwards as many as allowed are sent at once, half as many after each answer that there are too
many, and then slowly more again. Nothing here waits or locks; the pool does.
Specification: RFC 9110 for Retry-After, RFC 6585 for the status 429.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_USUAL_PORTS = {"http": ":80", "https": ":443"}

_TIMES_THE_LIMIT = 4
"""The limit is raised by one after this number of answers times the limit."""


@dataclass(slots=True)
class Host:
    """The state of a host.

    :param limit: how many requests it may have at once.
    :param busy: how many requests it has at the moment.
    :param answers: how many answers it has given since the limit changed.
    :param resumes: when its pause ends, on the clock of ``time.monotonic``.
    :param has_answered: whether it has answered at all.
    :param is_shut: whether it is left to pip.
    """

    limit: int = 1
    busy: int = 0
    answers: int = 0
    resumes: float = 0.0
    has_answered: bool = False
    is_shut: bool = False


class Hosts:
    """The states of all hosts.

    :param limit: how many requests each may have at once, at least one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        """Return the state of a host, by its name and port."""
        return self._hosts.setdefault(name, Host())

    def admits(self, name: str, now: float) -> bool:
        """Return whether a host may get one more request at this time."""
        host = self[name]
        return host.busy < host.limit and host.resumes <= now and not host.is_shut

    def ask(self, name: str) -> None:
        """Count a request to a host."""
        self[name].busy += 1

    def answer(self, name: str) -> bool:
        """Count an answer of a host, or a failure; return whether its limit was raised."""
        host = self[name]
        host.busy -= 1
        if not host.has_answered:
            host.has_answered = True
            host.limit = self.limit
            return True
        host.answers += 1
        if host.limit < self.limit and host.answers >= _TIMES_THE_LIMIT * host.limit:
            host.limit, host.answers = host.limit + 1, 0
            return True
        return False

    def pause(self, name: str, until: float) -> None:
        """Pause a host until a time, and halve its limit."""
        host = self[name]
        host.resumes = max(host.resumes, until)
        host.has_answered = True
        host.limit, host.answers = max(host.limit // 2, 1), 0

    def pause_ends(self) -> float:
        """Return when the last pause of any host ends."""
        return max((host.resumes for host in self._hosts.values()), default=0.0)

    def shut(self, name: str) -> None:
        """Leave a host to pip."""
        self[name].is_shut = True

    def reopen(self, name: str) -> None:
        """Allow requests to a host again."""
        self[name].is_shut = False


def host_of(url: str) -> str:
    """Return the host of a URL, without the user, and with its port if that is unusual."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
