"""How a window's request is read: which chat, from where, who, and what is in it. What doesn't fit
is answered in one form: {"error": code, "message": sentence}."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpResponse, JsonResponse, UnreadablePostError
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from channels_inbox.chat import limits, visitors
from channels_inbox.chat.config import ChatConfig
from channels_inbox.lately import Lately
from channels_inbox.models import Account

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from channels_inbox.chat.models import Visitor
    from conversations.models import Inbox

    View = Callable[..., HttpResponseBase]

MAX_BODY: Final = 65_536
RETRY_AFTER_SECONDS: Final = 5

log = structlog.get_logger(__name__)


class Refusal(Exception):
    """An answer that says no: a code for the panel, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int = 0) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message
        self.retry_after = retry_after

    def answer(self) -> HttpResponse:
        told = {"error": self.code, "message": self.message}
        response = JsonResponse(told, status=self.status)
        if self.retry_after:
            response["Retry-After"] = str(self.retry_after)
        return response


@dataclass(frozen=True)
class Knock:
    """A request at the door of one chat."""

    request: HttpRequest
    inbox: Inbox
    config: ChatConfig

    @property
    def key(self) -> str:
        return self.inbox.public_id

    def visitor(self, token: str = "") -> Visitor:
        """Who asks, by the token in the header (or the one given). Raises Refusal."""
        given = token or bearer(self.request)
        found = visitors.find(self.inbox, given)
        if found is None:
            raise Refusal(401, "token", _("This chat has to be opened again."))
        return found

    def count(self, what: str, visitor: Visitor | None = None) -> None:
        """Raises Refusal when it was done too often."""
        try:
            limits.count(
                self.request, what, inbox=self.inbox.pk, token=visitor.pk if visitor else 0
            )
        except limits.TooMany as error:
            message = _("That was too much at once. Wait a moment, then try again.")
            raise Refusal(429, "too_many", message, retry_after=error.seconds) from None

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises Refusal."""
        try:
            told = json.loads(limited(self.request) or b"{}")
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Refusal(400, "bad_request", _("This could not be read."))
        return told


def door(*methods: str) -> Callable[[View], View]:
    """A door of a chat: open to these methods, without cookies, for the pages that may show it."""

    def made(view: View) -> View:
        @csrf_exempt
        @never_cache
        @wraps(view)
        def opened(request: HttpRequest, key: str, **named: object) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponse(status=405, headers={"Allow": ", ".join(methods)})
            with translation.override(_language(request)):
                return _answered(view, request, key, named)

        return opened

    return made


def chat_of(key: str) -> tuple[Inbox, ChatConfig] | None:
    """The chat of a key, while it is open."""
    account = (
        Account.objects.select_related("inbox__team")
        .filter(inbox__kind="chat", inbox__public_id=key, inbox__is_active=True)
        .first()
    )
    return (account.inbox, ChatConfig.of(account.config)) if account else None


# As it was a second ago at most: a crowd asks for the same one.
_chat_lately: Final = Lately(chat_of)


def bearer(request: HttpRequest) -> str:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip()[:200] if scheme.lower() == "bearer" else ""


def limited(request: HttpRequest, limit: int = MAX_BODY) -> bytes:
    """Read from the stream, so that a long body is never taken in whole. Raises Refusal."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared[:19]) > limit:
        raise too_large()
    try:
        body: bytes = request.read(limit + 1)
    except UnreadablePostError:
        raise Refusal(400, "bad_request", _("This could not be read.")) from None
    if len(body) > limit:
        raise too_large()
    return body


def too_large() -> Refusal:
    return Refusal(413, "too_large", _("This is too large to send."))


def may_come_from(request: HttpRequest, config: ChatConfig) -> bool:
    """Whether the page that asks may show this chat, as far as the browser says which it is. Our
    own pages always may: the panel is one."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    host = urlsplit(origin).netloc.lower() if origin != "null" else ""
    if not host:
        return False
    return is_ours(request, host) or config.allows(host)


def is_ours(request: HttpRequest, host: str) -> bool:
    return host in (request.get_host().lower(), urlsplit(settings.BASE_URL).netloc.lower())


def _answered(
    view: View, request: HttpRequest, key: str, named: dict[str, object]
) -> HttpResponseBase:
    try:
        found = _chat_lately(key)
        if found is None:
            raise Refusal(404, "not_found", _("This chat is not here any more."))
        if not may_come_from(request, found[1]):
            raise Refusal(403, "domain", _("This chat may not be shown on this site."))
        return view(Knock(request, *found), **named)
    except Refusal as refusal:
        return refusal.answer()
    except (Error, OSError) as error:
        log.warning("chat_door_failed", error=type(error).__name__)
        message = _("This can't be kept right now. It is tried again.")
        return Refusal(503, "try_again", message, retry_after=RETRY_AFTER_SECONDS).answer()


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("language", "")[:10]
    if asked and translation.check_for_language(asked):
        return asked
    return translation.get_language_from_request(request)
