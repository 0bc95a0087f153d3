"""A visitor's message got into its conversation: what the chat adds, in the same transaction."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from channels_inbox.chat import bells, visitors
from channels_inbox.chat.models import Visitor
from channels_inbox.chat.reception import work
from conversations.models import Customer, Entry, Identity
from conversations.thread import SYSTEM, locked

if TYPE_CHECKING:
    from typing import Any


class SignedIn(Exception):
    """The visitor signed in while their message was being read: it is read again, as theirs."""


def threaded(entry: Entry) -> None:
    """Raises SignedIn; the transaction is then rolled back and the item tried again."""
    visitor = (
        Visitor.objects.select_for_update(no_key=True, of=("self",))
        .select_related("inbox", "identity")
        .get(public_id=entry.data["visitor"], inbox=entry.inbox_id)
    )
    identity = entry.identity
    assert identity is not None
    if visitors.address_of(visitor).normal().value != identity.value:
        raise SignedIn
    if not visitors.is_settled(visitor):
        raise SignedIn
    if visitor.identity_id != identity.pk:
        Visitor.objects.filter(pk=visitor.pk).update(identity=identity)
        transaction.on_commit(partial(bells.identified, visitor.pk, identity.pk), robust=True)
    Identity.objects.filter(pk=identity.pk).update(here_at=Now(), left_at=None)
    _note_claims(entry, visitor)
    _note_language(entry, visitor)
    work.threaded(entry)


def _note_claims(entry: Entry, visitor: Visitor) -> None:
    """What a visitor says of themselves is told the agents once, as what it is."""
    claimed: dict[str, Any] = entry.data.get("claimed", {})
    name, email = claimed.get("name", ""), claimed.get("email", "")
    if (name or visitor.name, email or visitor.email) == (visitor.name, visitor.email):
        return
    Visitor.objects.filter(pk=visitor.pk).update(
        name=name or visitor.name, email=email or visitor.email
    )
    if email and email != visitor.email:
        _tell_claim(entry, email)


def _tell_claim(entry: Entry, email: str) -> None:
    with locked(entry.origin_id) as thread:
        thread.event(entry.ticket, "address_claimed", by=SYSTEM, address=email)


def _note_language(entry: Entry, visitor: Visitor) -> None:
    if visitor.language:
        Customer.objects.filter(conversation=entry.conversation_id, language="").update(
            language=visitor.language[:2]
        )
