"""Hooks: the doors providers knock at. Verify the raw bytes, commit them, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.db import Error
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    UnreadablePostError,
)
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels_inbox import receive, registry
from channels_inbox.base import Refused
from channels_inbox.calls import Call
from channels_inbox.lately import Lately
from channels_inbox.models import Account

if TYPE_CHECKING:
    from channels_inbox.base import Adapter

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 30


class TooLarge(Exception):
    """The body is larger than its channel takes."""


@csrf_exempt
@require_http_methods(["GET", "POST"])
def hook(request: HttpRequest, kind: str, public_id: str) -> HttpResponse:
    """Keep a provider's call, or answer its question whether the hook is ours.

    Once a call is committed, what its channel answers: 202 `{"envelope": id, "duplicate": false}`,
    or 200 with `true` when it is here already, unless the provider reads the answer (`Thanks`). 401
    alike for a wrong signature and an inbox that isn't there; 413; 503 with Retry-After while
    nothing can be committed.
    """
    try:
        adapter = registry.adapter(kind)
        answer = _greeted if request.method == "GET" else _kept
        return answer(request, adapter, public_id)
    except (KeyError, Refused):
        return JsonResponse({"error": "unauthorised"}, status=401)
    except TooLarge:
        return JsonResponse({"error": "too_large"}, status=413)
    except UnreadablePostError:
        return JsonResponse({"error": "incomplete"}, status=400)
    except (Error, OSError) as error:
        log.warning("hook_not_kept", kind=kind, error=type(error).__name__)
        return JsonResponse(
            {"error": "try_again"}, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
        )


def _kept(request: HttpRequest, adapter: Adapter, public_id: str) -> HttpResponse:
    call = _call(request, _body(request, adapter.hook_limit))
    account = _known(adapter, public_id)
    adapter.verify(account, call)
    kept = receive.keep(account.inbox, adapter.raw(call))
    if adapter.thanks:
        return HttpResponse(adapter.thanks.body, content_type=adapter.thanks.content_type)
    return JsonResponse(
        {"envelope": kept.envelope.pk, "duplicate": not kept.is_new},
        status=202 if kept.is_new else 200,
    )


def _greeted(request: HttpRequest, adapter: Adapter, public_id: str) -> HttpResponse:
    """What is repeated to whoever asks is never a page."""
    answer = adapter.greet(_known(adapter, public_id), _call(request, b""))
    if answer is None:
        return HttpResponseNotAllowed(["POST"])
    return HttpResponse(answer, content_type="text/plain; charset=utf-8")


def _call(request: HttpRequest, body: bytes) -> Call:
    """The call at the address the provider has, which is that of `BASE_URL`: behind a proxy the
    request itself knows another one."""
    url = settings.BASE_URL + request.get_full_path()
    return Call(body, request.headers, request.method or "", url)


def _known(adapter: Adapter, public_id: str) -> Account:
    """Raises Refused."""
    account = _ACCOUNTS((adapter.kind, public_id))
    if account is None:
        raise Refused
    return account


def _account(place: tuple[str, str]) -> Account | None:
    kind, public_id = place
    rows = Account.objects.select_related("inbox").filter(inbox__is_active=True)
    return rows.filter(inbox__kind=kind, inbox__public_id=public_id).first()


_ACCOUNTS: Final = Lately(_account)


def _body(request: HttpRequest, limit: int) -> bytes:
    """Read from the stream: `request.body` would apply the far smaller limit for forms."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge
    body: bytes = request.read(limit + 1)
    if len(body) > limit:
        raise TooLarge
    return body
