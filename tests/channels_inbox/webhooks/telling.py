"""Webhooks as tests make them, and time as they pass it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from channels_inbox.models import CallState, Webhook, WebhookCall
from channels_inbox.webhooks import keeping, send
from conversations import replies
from conversations.models import Agent, Entry, Ticket
from conversations.thread import database_now
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.properties.crew import failures, together

if TYPE_CHECKING:
    pass


SECOND = timedelta(seconds=1)


def listening(consumer: Consumer, by: Agent, *types: str) -> Webhook:
    made, consumer.secret = keeping.make(name="Shop", url=consumer.url, types=types, by=by)
    return made


def note(ticket: Ticket, by: Agent, text: str = "Hm.") -> Entry:
    return replies.note(ticket, by=by, text=text, client_token=uuid.uuid4())


def time_passes(webhook: Webhook, past: timedelta = timedelta(days=2)) -> None:
    """Everything that waits for a time is due."""
    Webhook.objects.filter(pk=webhook.pk).update(next_at=database_now())
    webhook.calls.filter(state=CallState.WAITING).update(next_at=F("next_at") - past)


def tell() -> int:
    return send.tell_due(seconds=600)


def lease_ends() -> None:
    WebhookCall.objects.filter(lease_until__isnull=False).update(
        lease_until=database_now() - SECOND
    )


def told_by_workers(count: int, until: int, webhook: Webhook) -> None:
    """Several workers at once, until so many calls have ended."""

    def work() -> None:
        for _ in range(500):
            tell()
            if webhook.calls.exclude(state=CallState.WAITING).count() >= until:
                return
            with transaction.atomic():
                # Before its calls, as whoever else locks both: else they would wait for each other.
                Webhook.objects.filter(pk=webhook.pk).update(next_at=database_now())
                webhook.calls.filter(state=CallState.WAITING).update(next_at=database_now())

    assert failures(together(*[work] * count)) == []
