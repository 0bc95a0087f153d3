"""Answers that the visitor has not seen go on by mail once they have gone.

Each answer carries the time to look at it again (`Delivery.look_at`). Whoever looks does all of it
under the conversation's lock, in one transaction: the mail is queued, the answers name it
(`mailed_in`) and are not looked at any more. So a crash leaves it all to be done, and nothing is
mailed twice.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _

from channels_inbox.chat import asking, payload
from channels_inbox.chat.config import ChatConfig
from channels_inbox.models import Account
from conversations import deliveries, public, reach
from conversations.models import (
    Attachment,
    Delivery,
    DeliveryState,
    Direction,
    Entry,
    FileState,
    Identity,
    Inbox,
    Kind,
)
from conversations.sweeping import each
from conversations.thread import SYSTEM, Thread, database_now, locked
from conversations.wake import SEND, wake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

BATCH: Final = 50
TASK: Final = "channels_inbox.chat_sweep"
UNSEEN: Final = (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED)
NAMES: Final = uuid.UUID("0f5b0c3e-6f43-4f0a-9d4e-6a4f0a6c2b7d")
LOOK_AGAIN: Final = timedelta(seconds=15)
# An address that is proved later gets what was said this long ago.
WAITS_FOR: Final = timedelta(days=14)


def take_on() -> int:
    """Look at the answers that have waited long enough. Returns for how many visitors."""
    due = Delivery.objects.filter(look_at__lte=database_now()).order_by("look_at")
    streams = due.values_list(Coalesce("identity__stream", "identity"), flat=True)[: BATCH * 4]
    return each(list(dict.fromkeys(streams))[:BATCH], _look)


def look_again(identity: Identity) -> None:
    """An address was proved: what waited for one is looked at now."""
    family = public.family(identity.stream_key)
    now = database_now()
    waiting = Delivery.objects.filter(
        identity__in=family, state__in=UNSEEN, mailed_in=None, queued_at__gt=now - WAITS_FOR
    )
    if waiting.update(look_at=now):
        wake(TASK, queue="fast")


def _look(stream: int) -> bool:
    identity = Identity.objects.get(pk=stream)
    with locked(identity.origin_id) as thread:
        family = list(Identity.objects.filter(pk__in=public.family(stream)))
        waiting = _waiting(thread, family)
        if not waiting:
            return False
        config = _config(waiting[-1].inbox)
        back = max((row.here_at for row in family if row.here_at), default=None)
        if back is not None and back > thread.now - config.is_gone_after:
            _later(waiting, max(back + config.is_gone_after, thread.now + LOOK_AGAIN))
            return False
        return _settle(thread, family, waiting)


def _waiting(thread: Thread, family: Sequence[Identity]) -> list[Delivery]:
    """Unseen answers in thread order. What was read or withdrawn, or is in another conversation
    by now, is let go."""
    rows = Delivery.objects.filter(identity__in=family, look_at__isnull=False).select_related(
        "entry__agent", "entry__ticket", "inbox__goes_on_by", "identity"
    )
    found = list(rows.order_by("entry__at", "pk"))
    waiting = [
        row
        for row in found
        if row.state in UNSEEN
        and row.entry.withdrawn_at is None
        and row.conversation_id == thread.conversation.pk
    ]
    kept = {row.pk for row in waiting}
    gone = [row.pk for row in found if row.pk not in kept]
    Delivery.objects.filter(pk__in=gone).update(look_at=None)
    return waiting


def _settle(thread: Thread, family: Sequence[Identity], waiting: Sequence[Delivery]) -> bool:
    """The visitor has gone: one mail for each matter, or a question for the address they named."""
    addresses = reach.proved_emails(thread.conversation.pk)
    mailed = False
    for _ticket, some in groupby(waiting, key=lambda row: row.entry.ticket_id):
        answers = list(some)
        inbox = _sender(answers[-1])
        if inbox is not None and addresses:
            _mail(thread, answers, addresses[0], inbox)
            mailed = True
        elif inbox is not None:
            asking.ask_who_named_one(family)
    unsent = [row.pk for row in waiting if row.look_at is not None]
    Delivery.objects.filter(pk__in=unsent).update(look_at=None)
    return mailed


def _sender(answer: Delivery) -> Inbox | None:
    """The mail inbox it goes on by; never one with other readers than the matter has."""
    inbox = answer.inbox.goes_on_by
    ticket = answer.entry.ticket
    if inbox is None or not inbox.is_active or ticket is None:
        return None
    return inbox if inbox.restriction == ticket.restriction else None


def _mail(thread: Thread, answers: Sequence[Delivery], address: Identity, inbox: Inbox) -> None:
    last = answers[-1].entry
    subject, text = _words(thread, answers)
    entry = thread.append(
        address.origin_id,
        ticket=last.ticket,
        actor=SYSTEM.actor,
        agent=last.agent,
        kind=Kind.MESSAGE,
        direction=Direction.OUT,
        identity=address,
        inbox=inbox,
        subject=subject,
        text=text,
        data={"sent_on": [row.entry.seq for row in answers]},
        client_token=uuid.uuid5(NAMES, str(answers[0].entry_id)),
    )
    _attach(thread, entry, answers)
    deliveries.queue(thread, entry, identity=address, inbox=inbox, payload={"subject": subject})
    for row in answers:
        row.look_at, row.mailed_in = None, entry
        thread.stamp(row, "look_at", "mailed_in")
    wake(SEND)


def _attach(thread: Thread, mail: Entry, answers: Sequence[Delivery]) -> None:
    """The same files, which are stored once."""
    files = Attachment.objects.filter(
        entry__in=[row.entry_id for row in answers], state=FileState.STORED
    )
    Attachment.objects.bulk_create(
        Attachment(
            entry=mail,
            conversation=thread.conversation,
            rev=thread.next_rev(),
            position=position,
            filename=row.filename,
            content_type=row.content_type,
            size=row.size,
            sha256=row.sha256,
            storage_key=row.storage_key,
            state=FileState.STORED,
        )
        for position, row in enumerate(files.order_by("entry__at", "position", "pk"))
    )


def _words(thread: Thread, answers: Sequence[Delivery]) -> tuple[str, str]:
    language = thread.conversation.customer.language
    known = language and translation.check_for_language(language)
    with translation.override(language if known else translation.get_language()):
        subject = _("Your chat with %(shop)s") % {"shop": payload.shop(answers[-1].inbox)}
        closing = _(
            "You had left our page, so the answer comes by mail. To go on, just answer this mail."
        )
    return subject, "\n\n".join([*(row.entry.text for row in answers), closing])


def _later(waiting: Sequence[Delivery], when: datetime) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row in waiting]).update(look_at=when)


def _config(inbox: Inbox) -> ChatConfig:
    account = Account.objects.filter(inbox=inbox).first()
    return ChatConfig.of(account.config) if account else ChatConfig()
