"""Webhooks as admins keep them. Nobody may make one tell more than they may see themselves."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from channels_inbox import guard, vault
from channels_inbox.models import CallState, Stopped, Webhook, WebhookCall
from channels_inbox.webhooks import queue, signatures
from channels_inbox.webhooks.send import TASK
from conversations.errors import BadInput
from conversations.models import Role
from conversations.permissions import require_admin
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from conversations.models import Agent

log = structlog.get_logger(__name__)

# Calls that ended, and what a stopped webhook has missed, as the trigger in the database has it.
KEPT: Final = timedelta(days=30)
BATCH: Final = 5000
TIDY_SECONDS: Final = 40.0


def every_webhook(*, by: Agent) -> Sequence[Webhook]:
    require_admin(by)
    return list(Webhook.objects.select_related("agent").order_by("-is_active", "name", "pk"))


def webhook_of(pk: int, *, by: Agent) -> Webhook:
    require_admin(by)
    found = Webhook.objects.select_related("agent").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def make(*, name: str, url: str, types: Iterable[str], by: Agent) -> tuple[Webhook, str]:
    """A webhook that tells what `by` may see, and its secret, to be shown this once. No `types`
    are all, also those to come. Raises BadInput."""
    require_admin(by)
    secret = signatures.new_secret()
    webhook = Webhook.objects.create(
        agent=by,
        name=name,
        url=_checked(url),
        types=sorted(types),
        sealed=vault.seal(secret),
    )
    log.info("webhook_made", webhook=webhook.pk, agent=by.pk)
    return webhook, secret


def change(webhook: Webhook, *, name: str, url: str, types: Iterable[str], by: Agent) -> None:
    """From now on it is theirs who changed it, and tells what they may see: else an admin could
    send elsewhere what only the one before them may read. Raises BadInput."""
    require_admin(by)
    webhook.name, webhook.url, webhook.types = name, _checked(url), sorted(types)
    webhook.agent = by
    webhook.save(update_fields=["name", "url", "types", "agent"])
    log.info("webhook_changed", webhook=webhook.pk, agent=by.pk)


def switch_off(webhook: Webhook, *, by: Agent) -> None:
    """Nothing is told, and what happens from now on isn't written down for it either."""
    require_admin(by)
    Webhook.objects.filter(pk=webhook.pk).update(is_active=False)
    log.info("webhook_switched", webhook=webhook.pk, on=False, agent=by.pk)


def start(webhook: Webhook, *, by: Agent) -> None:
    """Switch it on, or go on after it was stopped, with what waits. Raises BadInput for that of
    somebody who is disabled or no admin any more: saving makes it one's own."""
    require_admin(by)
    if not webhook.has_admin:
        raise BadInput(
            _("Who made it is disabled, or no admin any more. Save it once, and it is yours.")
        )
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(
            is_active=True,
            stopped_at=None,
            stopped_for="",
            failures=0,
            failing_since=None,
            next_at=Now(),
        )
        webhook.calls.filter(state=CallState.WAITING).update(next_at=Now())
        wake(TASK)
    log.info("webhook_switched", webhook=webhook.pk, on=True, agent=by.pk)


def new_secret(webhook: Webhook, *, by: Agent) -> str:
    """A new secret, to be shown this once. The one before it signs too for another day."""
    require_admin(by)
    secret = signatures.new_secret()
    Webhook.objects.filter(pk=webhook.pk).update(
        sealed=vault.seal(secret), sealed_before=F("sealed"), rotated_at=Now()
    )
    log.info("webhook_secret_made", webhook=webhook.pk, agent=by.pk)
    return secret


def resend(webhook: Webhook, call: int, *, by: Agent) -> None:
    """Tell a thing once more, under its old name. Raises Http404, and BadInput while it is off."""
    require_admin(by)
    found = webhook.calls.filter(pk=call)
    if not found.exists():
        raise Http404
    _send_again(webhook, found, by)


def resend_failed(webhook: Webhook, *, by: Agent) -> int:
    """Tell all that failed once more. Returns how many those are. Raises BadInput as `resend`."""
    require_admin(by)
    return _send_again(webhook, webhook.calls.filter(state=CallState.FAILED), by)


def remove(webhook: Webhook, *, by: Agent) -> None:
    """Gone, with its log. What others have been told they keep."""
    require_admin(by)
    log.info("webhook_removed", webhook=webhook.pk, agent=by.pk)
    webhook.delete()


def tidy(seconds: float = TIDY_SECONDS) -> None:
    """Stop what no admin stands behind any more, and forget what was told long ago: some of each
    sort, and as much as fits into `seconds`."""
    running = Webhook.objects.filter(stopped_at=None)
    for webhook in running.exclude(agent__is_active=True, agent__role=Role.ADMIN):
        queue.stop(webhook, Stopped.AGENT)
    ends = time.monotonic() + seconds
    long_ago = database_now() - KEPT
    old = WebhookCall.objects.filter(ended_at__lt=long_ago)
    given_up = WebhookCall.objects.filter(webhook__stopped_at__lt=long_ago)
    # Of a message that arrived in the moment in which the webhook was removed.
    strays = WebhookCall.objects.exclude(webhook__in=Webhook.objects.all())
    for rows in (old, given_up, strays):
        while _forget_some(rows) == BATCH and time.monotonic() < ends:
            pass


def _send_again(webhook: Webhook, calls: QuerySet[WebhookCall], by: Agent) -> int:
    """One try each, now: a call that fails again must not hold up its ticket for days."""
    if not webhook.is_telling:
        raise BadInput(_("It is off or stopped, so nothing would be sent. Switch it on first."))
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(next_at=Now())
        count = calls.exclude(state=CallState.WAITING).update(
            state=CallState.WAITING,
            step=queue.MOST_TRIES - 1,
            next_at=Now(),
            ended_at=None,
            error="",
            status=None,
        )
        wake(TASK)
    log.info("webhook_calls_resent", webhook=webhook.pk, count=count, agent=by.pk)
    return count


def _forget_some(rows: QuerySet[WebhookCall]) -> int:
    some = list(rows.values_list("pk", flat=True)[:BATCH])
    return WebhookCall.objects.filter(pk__in=some).delete()[0]


def _checked(url: str) -> str:
    if not url.startswith("https://") and not settings.ALLOW_PRIVATE_HOSTS:
        raise BadInput(_("Use an address with https: what is told is about your customers."))
    try:
        guard.refuse_odd(url)
    except guard.HTTPFailed:
        raise BadInput(
            _("Use the address of a web server, at its usual port and without a name in it.")
        ) from None
    return url
