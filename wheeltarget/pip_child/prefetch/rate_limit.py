"""How much may be asked of a host at once, and when.

A host is asked one thing until it has answered once: there may be a question of who is asking, or
nobody there. From then on it is asked as much at once as is allowed, half of that after each answer
that says it is too much, and little by little more again. Nothing here waits, or knows of threads:
the holder of the lock asks.
Specification: RFC 9110 for Retry-After, RFC 6585 for the status 429.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_USUAL_PORTS = {"http": ":80", "https": ":443"}

_TIMES_THE_LIMIT = 4
"""After how many answers, for each that may be waited for at once, one more may be."""


@dataclass(slots=True)
class Host:
    """What is known of a host.

    :param busy: how many questions it has at the moment.
    :param limit: how many it may have.
    :param answers: how many answers it has given since the limit changed.
    :param resumes: when it may be asked again, on the clock of ``time.monotonic``.
    :param is_shut: whether it is not to be asked any more from here.
    """

    limit: int = 1
    busy: int = 0
    answers: int = 0
    resumes: float = 0.0
    has_answered: bool = False
    is_shut: bool = False


class Hosts:
    """All hosts that were asked.

    :param limit: how many questions each may have at once, at least one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        """Return what is known of a host, by its name and port."""
        return self._hosts.setdefault(name, Host())

    def admits(self, name: str, now: float) -> bool:
        """Return whether a host may be asked one more thing at this time."""
        host = self[name]
        return host.busy < host.limit and host.resumes <= now and not host.is_shut

    def ask(self, name: str) -> None:
        """Note that a host is asked."""
        self[name].busy += 1

    def answer(self, name: str) -> bool:
        """Note that a host has answered, or that there is no more hope of it.

        :returns: whether it may be asked more at once from now on.
        """
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
        """Ask a host nothing before a time, and less from then on."""
        host = self[name]
        host.resumes = max(host.resumes, until)
        host.has_answered = True
        host.limit, host.answers = max(host.limit // 2, 1), 0

    def pause_ends(self) -> float:
        """Tell when the last host that asked for a pause may be asked again."""
        return max((host.resumes for host in self._hosts.values()), default=0.0)

    def shut(self, name: str) -> None:
        """Ask a host nothing more."""
        self[name].is_shut = True

    def reopen(self, name: str) -> None:
        """Ask a host again."""
        self[name].is_shut = False


def host_of(url: str) -> str:
    """Return the host of a URL, without the user, and with its port if that is unusual."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
