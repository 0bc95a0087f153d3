"""How often one token may ask, and one machine may try tokens that don't exist.

Counted in Redis for all processes together; while Redis is away each process counts for itself, so
that its loss neither locks programs out nor opens the gates.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.throttling import BaseThrottle

from conversations.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

MINUTE: Final = 60
REFUSED_A_MINUTE: Final = 60


class PerToken(BaseThrottle):
    """So many reads and so many changes a minute."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        reads = request.method in SAFE_METHODS
        most = settings.API_READS_PER_MINUTE if reads else settings.API_CHANGES_PER_MINUTE
        sort = "reads" if reads else "changes"
        return _counted(f"api:{sort}:{request.auth.pk}") <= most

    def wait(self) -> float:
        return _left()


def count_refused(request: Request) -> None:
    """Raises Throttled for a machine that tries token after token."""
    if _counted(f"api:refused:{_machine(request)}") > REFUSED_A_MINUTE:
        raise Throttled(wait=_left())


def _counted(name: str) -> int:
    """How often this came within the present minute."""
    key = f"{name}:{int(time.time() // MINUTE)}"
    cache.add(key, 0, 2 * MINUTE)
    try:
        return int(cache.incr(key))
    except ValueError:
        # Redis went away or came back in between: this is the first here.
        cache.add(key, 1, 2 * MINUTE)
        return 1


def _left() -> float:
    return MINUTE - time.time() % MINUTE


def _machine(request: Request) -> str:
    try:
        return str(get_adapter().get_client_ip(request._request))
    except PermissionDenied:
        return "unknown"
