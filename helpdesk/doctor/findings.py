"""One line of the doctor's report."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

OK: Final = "ok"
WARNING: Final = "warning"
BAD: Final = "bad"

NAMES: Final = {
    "settings": gettext_noop("Settings"),
    "database": gettext_noop("Database"),
    "broker": gettext_noop("Broker"),
    "workers": gettext_noop("Workers"),
    "beat": gettext_noop("Beat"),
    "backlog": gettext_noop("Queues"),
    "laws": gettext_noop("Ownership"),
    "keys": gettext_noop("Secret keys"),
    "storage": gettext_noop("Storage"),
    "mail": gettext_noop("Mail"),
    "channels": gettext_noop("Channels"),
    "egress": gettext_noop("Way out"),
    "clock": gettext_noop("Clocks"),
    "web": gettext_noop("Web address"),
    "websocket": gettext_noop("WebSocket"),
    "proxies": gettext_noop("Proxies"),
}


@dataclass(frozen=True)
class Place:
    """A page of the desk where something is to be seen to."""

    label: str
    path: str


@dataclass(frozen=True)
class Finding:
    """`part` is a key of NAMES, `state` one of ok, warning, bad; `do` says what to do, or '', and
    `places` where."""

    part: str
    state: str
    said: str
    do: str = ""
    places: tuple[Place, ...] = ()

    @property
    def name(self) -> str:
        """The part in words."""
        return _(NAMES[self.part])

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def well(part: str, said: str) -> Finding:
    """All is as it should be."""
    return Finding(part, OK, said)


def warn(part: str, said: str, do: str) -> Finding:
    """It works, and won't for long, or not as well as it should."""
    return Finding(part, WARNING, said, do)


def bad(part: str, said: str, do: str, places: Iterable[Place] = ()) -> Finding:
    """It doesn't work."""
    return Finding(part, BAD, said, do, tuple(places))


def is_ill(findings: Iterable[Finding]) -> bool:
    """Whether anything doesn't work. Warnings don't count."""
    return any(finding.state == BAD for finding in findings)
