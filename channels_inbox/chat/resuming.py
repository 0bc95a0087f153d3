"""Going on in a chat with what began elsewhere: by a code that is typed, or by a link.

Opening a link changes nothing, as programs open links, too: the button does. A window never shows
by it what was said on other channels; it is the desk that knows then who they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from channels_inbox.chat import bells, visitors
from channels_inbox.chat.models import Visitor
from conversations import codes
from conversations.models import Identity, IdentityKind, Inbox, Proof

if TYPE_CHECKING:
    from conversations.codes import Bound
    from conversations.models import Ticket

SHOWN_END: Final = 3


def chat_for(ticket: Ticket) -> Inbox | None:
    """The chat in which a customer may go on with this ticket: its own, else its team's, else any
    that all may read."""
    rows = Inbox.objects.active().filter(kind="chat", restriction="").order_by("pk")
    fitting = [row for row in rows if row.pk == ticket.inbox_id or row.team_id == ticket.team_id]
    return fitting[0] if fitting else rows.first()


def link(chat: Inbox, code: str) -> str:
    return settings.BASE_URL + reverse("chat:resume", args=[chat.public_id, code])


def words(chat: Inbox, code: str, language: str) -> str:
    """What the customer is sent, in their language if we have it."""
    known = language and translation.check_for_language(language)
    with translation.override(language if known else settings.LANGUAGE_CODE):
        return _(
            "Your code to go on in our chat: %(code)s. Type it there, or open %(link)s. It holds"
            " for 30 minutes. Give it to nobody."
        ) % {"code": codes.shown(code), "link": link(chat, code)}


def bind(visitor: Visitor, code: str, *, by_link: bool) -> Bound:
    """This window is the customer's whom the code was made for. Raises NoSuchCode."""
    with transaction.atomic():
        proof = Proof.SIGNED if by_link else Proof.VERIFIED
        bound = codes.bind(code, visitors.address_of(visitor), proof=proof)
        Visitor.objects.filter(pk=visitor.pk).update(identity=bound.identity)
    visitor.identity = bound.identity
    bells.identified(visitor.pk, bound.identity.pk)
    return bound


def masked(identity: Identity | None) -> str:
    """Enough of an address for its owner to know it, and for nobody else."""
    if identity is None:
        return ""
    if identity.kind == IdentityKind.EMAIL:
        local, _at, domain = identity.value.partition("@")
        return f"{local[:1]}•••@{domain}"
    if identity.kind in (IdentityKind.PHONE, IdentityKind.WHATSAPP):
        return f"•••{identity.value[-SHOWN_END:]}"
    return str(IdentityKind(identity.kind).label) if identity.kind in IdentityKind.values else ""
