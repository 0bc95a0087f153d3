"""The log of a webhook: what was told, what waits, what failed. Never what the texts say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from channels_inbox.guard import REDIRECTS
from channels_inbox.models import CallState
from channels_inbox.webhooks.news import LABELS
from channels_inbox.webhooks.send import GONE
from conversations.models import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_inbox.models import Webhook, WebhookCall
    from conversations.models import Agent

PAGE: Final = 50
STATES: Final = ("", CallState.WAITING, CallState.FAILED, CallState.LEFT_OUT)


@dataclass(frozen=True)
class Row:
    """A call as the log shows it. `ticket` is None where the reader may not see it."""

    call: WebhookCall
    label: str
    ticket: Ticket | None
    said: str


@dataclass(frozen=True)
class Page:
    """Calls, newest first, and the entry to go on from (None at the end)."""

    rows: Sequence[Row]
    next: int | None


def page(webhook: Webhook, agent: Agent, *, state: str = "", before: int | None = None) -> Page:
    """One page of calls in a state ('' are all). Raises ValueError for another state."""
    if state not in STATES:
        raise ValueError(state)
    calls = webhook.calls.filter(state=state) if state else webhook.calls.all()
    if before is not None:
        calls = calls.filter(entry__lt=before)
    found = list(calls.order_by("-entry")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    seen = Ticket.objects.visible_to(agent).in_bulk({call.ticket_id for call in found})
    rows = [
        Row(call, str(LABELS.get(call.type, "")), seen.get(call.ticket_id), said(call))
        for call in found
    ]
    return Page(rows, found[-1].entry_id if more else None)


def said(call: WebhookCall) -> str:
    """What came of the newest try, in words; '' where there is nothing to say."""
    if call.state == CallState.LEFT_OUT:
        return _("Who the webhook belongs to might not see it.")
    if call.tries == 0 or call.state == CallState.DONE:
        return ""
    return answer_in_words(call.status, call.error)


def answer_in_words(status: int | None, error: str) -> str:
    if status is None:
        return _("No answer: %(error)s") % {"error": error} if error else ""
    if status in REDIRECTS:
        return _("It leads elsewhere (%(status)s). Redirects are not followed.") % {
            "status": status
        }
    if status == GONE:
        return _("It is gone for good (410).")
    return _("It answered %(status)s.") % {"status": status}
