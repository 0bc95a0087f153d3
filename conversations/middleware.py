"""What every request goes through: refusals become answers, clocks become the agent's."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from conversations.errors import (
    BadInput,
    Busy,
    DomainError,
    Moved,
    NotAllowed,
    NotReachable,
    PromiseOver,
    PromisesOpen,
    StaleContext,
    StaleOwner,
    StillYours,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

ZONE_COOKIE = "zone"


class DomainErrors:
    """A refusal no door answered for becomes a page, a fragment or JSON, as the request wants."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if wants_json(request):
            told = {"code": error.code, "message": str(error.message)}
            return JsonResponse(told, status=status_of(error))
        name = "refusal" if request.headers.get("HX-Request") else "refused"
        folder = "_partials" if name == "refusal" else "conversations"
        return render(request, f"{folder}/{name}.html", {"error": error}, status=status_of(error))


class LocalTime:
    """Shows times in the zone the browser named. A zone we don't know leaves the server's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = _zone(request.COOKIES.get(ZONE_COOKIE, ""))
        if zone is None:
            return self.get_response(request)
        with timezone.override(zone):
            return self.get_response(request)


def status_of(error: DomainError) -> int:
    """409 for what moved on since the page was made, 403 for what you may not do, 503 for what has
    to wait, else 422."""
    if isinstance(error, NotAllowed):
        return 403
    moved_on = StaleContext | Moved | StaleOwner | StillYours | PromiseOver | PromisesOpen
    if isinstance(error, moved_on) or error.code in ("claimed_address", "window_closed"):
        return 409
    if isinstance(error, Busy):
        return 503
    return 422 if isinstance(error, BadInput | NotReachable) else 400


def wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    if not name or len(name) > 60:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
