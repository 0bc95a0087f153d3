"""A shop's page with the chat on it, to play a customer. It has a route only in the demo."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_inbox import vault
from channels_inbox.chat.signatures import ALGORITHM, SECRET
from conversations.models import Inbox
from helpdesk.demo.cast import MAIL_DOMAIN
from helpdesk.demo.stories import people
from helpdesk.demo.strangers import refuse_strangers

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise

SIGNED_SECONDS = 300


@dataclass(frozen=True)
class Lamp:
    """Something to look at; `look` names its drawing."""

    name: _StrPromise
    price: str
    look: str


LAMPS = (
    Lamp(_("Desk lamp"), "€84.20", "desk"),
    Lamp(_("Floor lamp"), "€149.00", "floor"),
    Lamp(_("Paper lantern"), "€32.50", "lantern"),
)


@never_cache
@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """The shop as a stranger sees it, or (`?as=maya`) as one of the customers of the stories who is
    signed in there."""
    refuse_strangers(request)
    chat = Inbox.objects.active().filter(kind="chat").order_by("pk").first()
    if chat is None:
        raise Http404
    customers = people()
    who = request.GET.get("as", "")
    context = {
        "key": chat.public_id,
        "lamps": LAMPS,
        "customers": list(customers.items())[:3],
        "leaves": "out" in request.GET,
        "who": customers.get(who, ""),
        "user": who,
        "signed": signed(chat, who, customers[who]) if who in customers else "",
    }
    return render(request, "helpdesk/demo_shop.html", context)


def signed(chat: Inbox, user: str, name: str) -> str:
    """What a site does on its server: say who its user is, for some minutes."""
    now = int(time.time())
    claims = {
        "sub": user,
        "aud": chat.public_id,
        "iat": now,
        "exp": now + SIGNED_SECONDS,
        "name": name,
        "email": f"{user}@{MAIL_DOMAIN}",
        "email_verified": True,
    }
    return jwt.encode(claims, vault.get(chat, SECRET), algorithm=ALGORITHM)
