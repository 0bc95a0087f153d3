"""Sign-ins that end by themselves: asked for anew ahead of time, and told of before they end.

An adapter that gets a token with an end says so with `ends()`, and gets the next one in its
`refresh(account)`. Where it can't, only a person can: they hear of it in time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db.models.functions import Now

from channels_inbox.base import ConnectError
from channels_inbox.models import Account
from channels_inbox.registry import adapter
from conversations.thread import database_now

if TYPE_CHECKING:
    from conversations.models import Inbox

log = structlog.get_logger(__name__)

MOST_AHEAD: Final = timedelta(days=14)
WARN_AHEAD: Final = timedelta(days=7)
AGAIN: Final = timedelta(minutes=15)


def ends(inbox: Inbox, at: datetime | None) -> None:
    """Its sign-in ends then, None for never. A quarter of its life before, two weeks at most, it is
    asked for anew; when half of that is over in vain, people are told."""
    if at is None:
        told: dict[str, datetime | None] = dict.fromkeys(("expires_at", "refresh_at", "warn_at"))
    else:
        left = max(at - database_now(), timedelta())
        ahead = min(left / 4, MOST_AHEAD)
        told = {
            "expires_at": at,
            "refresh_at": at - ahead,
            "warn_at": at - min(ahead / 2, WARN_AHEAD),
        }
    Account.objects.filter(pk=inbox.pk).update(**told)


def refresh_due() -> int:
    """Sign in anew where it is time. Returns how many were tried."""
    due = Account.objects.filter(inbox__is_active=True, refresh_at__lte=Now())
    return sum(_refresh(pk) for pk in list(due.values_list("pk", flat=True)[:50]))


def _refresh(pk: int) -> bool:
    """By one worker: whoever moves the time on asks. A no is tried again until it ends, and is told
    of by `warn_at`."""
    now = database_now()
    mine = Account.objects.filter(pk=pk, refresh_at__lte=now)
    if not mine.update(refresh_at=now + AGAIN):
        return False
    account = Account.objects.select_related("inbox__team").get(pk=pk)
    try:
        at = adapter(account.inbox.kind).refresh(account)
    except ConnectError as error:
        log.warning("sign_in_not_renewed", inbox=pk, code=error.code)
    except Exception:  # whatever it was, the others are still to be renewed
        log.exception("refresh_broke", inbox=pk)
    else:
        if at != account.expires_at:
            ends(account.inbox, at)
    return True
