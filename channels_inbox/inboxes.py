"""Inboxes as an admin keeps them: what all channels share. How one connects is its channel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from channels_inbox.models import Account
from conversations.errors import BadInput
from conversations.models import Inbox
from conversations.permissions import require_admin
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent

log = structlog.get_logger(__name__)


def every_inbox() -> Sequence[Inbox]:
    """All inboxes with their accounts, those in use first."""
    return list(
        Inbox.objects.select_related("team", "account", "gate").order_by("-is_active", "name")
    )


def inbox_of(pk: int, *, by: Agent) -> Inbox:
    """Any inbox, for an admin."""
    require_admin(by)
    found = Inbox.objects.select_related("team", "account", "gate").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def save(inbox: Inbox, *, by: Agent) -> None:
    """Raises BadInput when another inbox of the channel has the address."""
    require_admin(by)
    try:
        with transaction.atomic():
            inbox.save()
    except IntegrityError:
        raise BadInput(_("Another inbox has this address already.")) from None
    log.info("inbox_saved", inbox=inbox.pk, agent=by.pk)


def close(inbox: Inbox, *, by: Agent) -> None:
    """Nothing comes in or goes out by it any more. Its conversations stay."""
    _switch(inbox, False, by)


def open_again(inbox: Inbox, *, by: Agent) -> None:
    """Read it again from where reading stopped."""
    _switch(inbox, True, by)
    Account.objects.filter(inbox=inbox, next_pull_at__isnull=False).update(
        next_pull_at=database_now()
    )


def _switch(inbox: Inbox, on: bool, by: Agent) -> None:
    require_admin(by)
    Inbox.objects.filter(pk=inbox.pk).update(is_active=on)
    log.info("inbox_switched", inbox=inbox.pk, on=on, agent=by.pk)
