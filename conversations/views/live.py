"""The pass that opens a page's socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from conversations import passes

if TYPE_CHECKING:
    from django.http import HttpRequest


@never_cache
@require_POST
def ticket(request: HttpRequest) -> HttpResponse:
    """A script asks: who isn't signed in gets 401 rather than a page to sign in on."""
    if not request.user.is_authenticated or request.session.session_key is None:
        return JsonResponse({"error": "signed_out"}, status=401)
    return JsonResponse({"ticket": passes.issue(request.user.pk, request.session.session_key)})
