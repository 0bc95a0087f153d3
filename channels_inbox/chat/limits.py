"""How often one window, one machine and one chat may knock.

Each process counts for itself, so that counting costs nothing at the busiest doors and goes on
while Redis is away. It keeps a flood from the desk, no more; where a limit protects somebody (mail
to an address), rows are counted (`asking.py`).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

# What is done → whose count → (how often, in how many seconds).
LIMITS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "session": {"ip": (120, 60), "inbox": (3000, 60)},
    "message": {"token": (30, 60), "ip": (120, 60), "inbox": (3000, 60)},
    "file": {"token": (20, 60), "ip": (60, 60), "inbox": (600, 60)},
    "email": {"token": (5, 3600), "ip": (20, 3600), "inbox": (600, 3600)},
    "code": {"token": (10, 3600), "ip": (20, 3600), "inbox": (600, 3600)},
    "confirm": {"ip": (60, 60)},
    "form": {"ip": (20, 60), "inbox": (600, 60)},
    "read": {"token": (240, 60), "ip": (1200, 60)},
    # A picture is drawn once; more of it is what one that breaks while it is drawn costs each time.
    "draw": {"ip": (30, 60), "inbox": (300, 60)},
}

MOST_KEYS: Final = 50_000


class TooMany(Exception):
    """Come again in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def count(request: HttpRequest, what: str, *, inbox: int = 0, token: int = 0) -> None:
    """Count one act of this machine, and of the window and chat where they are known (row ids).
    Raises TooMany."""
    names = {"ip": machine(request), "inbox": inbox or "", "token": token or ""}
    for whose, (most, seconds) in LIMITS[what].items():
        if names[whose] and COUNTS.raised(f"{what}:{whose}:{names[whose]}", seconds) > (
            most * settings.CHAT_LIMITS_TIMES
        ):
            raise TooMany(seconds)


def machine(request: HttpRequest) -> str:
    """The address it comes from, past the proxies we trust; of IPv6 the network, of which anybody
    has plenty of addresses."""
    try:
        address = str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "unknown"
    return _network(address)


def machine_of_scope(scope: Mapping[str, Any]) -> str:
    """The same of a connection that is no request of Django's."""
    hops = [str((scope.get("client") or ["unknown"])[0])]
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            hops = [*(one.strip() for one in value.decode("latin-1").split(",")), *hops]
    return _network(hops[-1 - min(settings.TRUSTED_PROXY_COUNT, len(hops) - 1)])


def _network(address: str) -> str:
    return ":".join(address.split(":")[:4]) if ":" in address else address


class Counts:
    """How often each key came within its present span of seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[float, int]] = {}

    def raised(self, key: str, seconds: int) -> int:
        now = time.monotonic()
        with self._lock:
            ends, count = self._counts.get(key, (0.0, 0))
            if ends < now:
                ends, count = now + seconds, 0
            self._counts[key] = (ends, count + 1)
            if len(self._counts) > MOST_KEYS:
                self._drop_old(now)
        return count + 1

    def forget(self) -> None:
        with self._lock:
            self._counts.clear()

    def _drop_old(self, now: float) -> None:
        """Those that are over, or all where none is."""
        kept = {key: one for key, one in self._counts.items() if one[0] >= now}
        self._counts = kept if len(kept) < MOST_KEYS else {}


COUNTS: Final = Counts()
