"""Tells the other side: one call at a time, signed, through the guarded client."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import structlog
from django.db import Error

from channels_inbox import guard, vault
from channels_inbox.models import WebhookCall
from channels_inbox.webhooks import news, queue, signatures
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from channels_inbox.models import Webhook
    from channels_inbox.webhooks.queue import Lease

log = structlog.get_logger(__name__)

TASK: Final = "channels_inbox.tell_webhooks"
TASK_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 15.0
OLD_SECRET_SIGNS: Final = timedelta(hours=24)
GONE: Final = 410


@dataclass(frozen=True)
class Answered:
    """What came of one request. `status` is None when no answer came."""

    status: int | None
    error: str = ""
    retry_after: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def tell_due(seconds: float = TASK_SECONDS) -> int:
    """Tell what is due. Returns how many tries were made; after `seconds` another turn is asked
    for."""
    ends, done = time.monotonic() + seconds, 0
    while lease := queue.claim():
        tell(lease)
        done += 1
        if time.monotonic() > ends:
            wake(TASK)
            break
    return done


def tell(lease: Lease) -> None:
    """One try at one call, claimed before."""
    call = WebhookCall.objects.select_related("webhook__agent").get(pk=lease.call)
    try:
        body = news.body_of(call, call.webhook.agent)
        keys = secrets_of(call.webhook)
    except Error:
        raise
    except Exception as error:
        log.exception("webhook_call_broke", call=call.pk)
        queue.broke(lease, type(error).__name__)
        return
    if body is None:
        queue.left_out(lease)
    else:
        _record(lease, post(call.webhook.url, keys, name_of(call), body))


def send_test(webhook: Webhook) -> Answered:
    """Send a call that tells nothing, now, whatever state the webhook is in. Raises
    MissingSecret."""
    name = f"msg_test_{secrets.token_hex(8)}"
    return post(webhook.url, secrets_of(webhook), name, news.test_body(webhook.agent))


def name_of(call: WebhookCall) -> str:
    """What tells this call from all others, and is the same at each try of it."""
    return f"msg_{call.webhook.public_id}_{call.entry_id}"


def secrets_of(webhook: Webhook) -> list[str]:
    """The secrets that sign now, the newest first. Raises MissingSecret."""
    keys, before = [vault.unseal(webhook.sealed)], webhook.sealed_before
    if before and webhook.rotated_at and database_now() - webhook.rotated_at < OLD_SECRET_SIGNS:
        # One that no key opens was replaced for that, and must not stop the new one.
        with suppress(vault.MissingSecret):
            keys.append(vault.unseal(before))
    return keys


def post(url: str, keys: list[str], name: str, body: bytes) -> Answered:
    """POST a signed body. Never raises for what the other side or the network does."""
    headers = signatures.headers(keys, name, int(time.time()), body)
    try:
        answer = guard.post_json(
            url, body, {"User-Agent": "helpdesk-webhooks/1", **headers}, seconds=ANSWER_SECONDS
        )
    except guard.HTTPFailed as error:
        return Answered(None, str(error))
    return Answered(answer.status, retry_after=_asked_for(answer.retry_after))


def _record(lease: Lease, answered: Answered) -> None:
    if answered.is_good:
        queue.arrived(lease, answered.status or 0)
    elif answered.status == GONE:
        queue.gone(lease)
    else:
        queue.refused(lease, answered.status, answered.error, answered.retry_after)


def _asked_for(retry_after: str) -> timedelta | None:
    """How long the other side wants to be left alone: seconds or a date, a day at most."""
    if not retry_after:
        return None
    try:
        if retry_after.isdecimal():
            wait = timedelta(seconds=min(int(retry_after), 10**6))
        else:
            wait = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta(0)), queue.LONGEST_ASKED_FOR)
