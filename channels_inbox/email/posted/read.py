"""Calls of mail providers as events, each mail read by the one mail parser: to look at a call. What
goes the way in is the raw mail, as it does from everywhere else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from channels_inbox.email.parse import parse as parse_mail
from channels_inbox.email.posted.vendors import VENDORS
from channels_inbox.events import Event, Kind, Media

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.calls import Call
    from channels_inbox.email.posted.mail import Posted


def reader_of(vendor: str) -> Callable[[Call], list[Event]]:
    def parse(call: Call) -> list[Event]:
        """Raises Unreadable."""
        return [_event(posted) for posted in VENDORS[vendor](call)]

    return parse


def _event(posted: Posted) -> Event:
    """A mail without a Message-ID is known again by its bytes."""
    mail = parse_mail(posted.raw)
    sender = mail.from_.address if mail.from_ else posted.sender
    return Event(
        Kind.MESSAGE,
        sender=sender,
        sender_name=mail.from_.name if mail.from_ else "",
        conversation=sender,
        account=posted.recipient,
        message_id=mail.message_id or f"sha256:{hashlib.sha256(posted.raw).hexdigest()}",
        subject=mail.subject,
        text=mail.text.strip(),
        attachments=(
            *(
                Media("file", name=one.filename, content_type=one.content_type)
                for one in mail.attachments
            ),
            *posted.elsewhere,
        ),
        reply_to=mail.in_reply_to,
        occurred_at=mail.date,
    )
