"""The note that a mail has come in: fixed words, once for a matter, and seldom to one address.

It repeats nothing of the mail, not even its subject or its name, so that nobody can have us deliver
their words to a stranger whose address they put in From.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import translation
from django.utils.translation import gettext as _

from channels_inbox.email.config import MailConfig
from conversations.models import Delivery, Direction, Entry, IdentityKind, Kind, Proof
from conversations.thread import SYSTEM, locked

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from conversations.models import Identity
    from conversations.thread import Thread

LIMITS: Final = ((timedelta(hours=1), 3), (timedelta(days=1), 3))
NAMES: Final = uuid.UUID("6f1c5a52-6c39-4d3e-9a55-2f0c2f6f6b11")


def acknowledge(entry: Entry, config: MailConfig) -> None:
    """Queue the note for a mail that opened a ticket, in the transaction that threaded it."""
    if not config.receipt or not _deserves_one(entry, config):
        return
    with locked(entry.origin_id) as thread:
        identity = entry.identity
        assert identity is not None
        if not _asked_too_often(thread, identity):
            _queue(thread, entry, identity)


def _deserves_one(entry: Entry, config: MailConfig) -> bool:
    """Only a person's first mail of a matter. Where we can tell a forged sender, none goes
    there."""
    if entry.data.get("automatic") or entry.data.get("quiet") or entry.data.get("via"):
        return False
    if entry.identity is None or entry.identity.kind != IdentityKind.EMAIL:
        return False
    if config.authserv_id and entry.proof == Proof.CLAIMED:
        return False
    return (
        not Entry.objects.filter(ticket=entry.ticket, kind=Kind.MESSAGE)
        .exclude(pk=entry.pk)
        .exists()
    )


def _asked_too_often(thread: Thread, identity: Identity) -> bool:
    return any(
        _sent_to(identity).filter(queued_at__gt=thread.now - span).count() >= most
        for span, most in LIMITS
    )


def _sent_to(identity: Identity) -> QuerySet[Delivery]:
    return Delivery.objects.filter(identity=identity, payload__receipt=True)


def _queue(thread: Thread, asked: Entry, identity: Identity) -> None:
    """The token is made of the ticket, so that its unique index refuses a second note."""
    assert asked.inbox is not None
    subject, text = _words(thread.conversation.customer.language)
    entry = thread.append(
        identity.origin_id,
        ticket=asked.ticket,
        actor=SYSTEM.actor,
        kind=Kind.MESSAGE,
        direction=Direction.OUT,
        identity=identity,
        inbox=asked.inbox,
        subject=subject,
        text=text,
        data={"receipt": True},
        client_token=uuid.uuid5(NAMES, str(asked.ticket_id)),
    )
    Delivery.objects.create(
        entry=entry,
        conversation=thread.conversation,
        identity=identity,
        inbox=asked.inbox,
        rev=thread.next_rev(),
        payload={"subject": subject, "receipt": True},
        next_at=thread.now,
        queued_at=thread.now,
    )


def _words(language: str) -> tuple[str, str]:
    known = language and translation.check_for_language(language)
    with translation.override(language if known else translation.get_language()):
        return _("We have received your message"), _(
            "Thank you. Your message has arrived and a person will answer it. You need not send"
            " it again."
        )
