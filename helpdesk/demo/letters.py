"""The customers' side of the mail exchanged before the demo began: what we sent lies in their
mailboxes, byte for byte as it would have been sent, and what they wrote in their sent mail."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from channels_inbox.email import compose
from channels_inbox.email.config import MailConfig
from conversations.models import Delivery, Entry, IdentityKind
from helpdesk.demo.mail_store import INBOX, SEEN, SENT, Kept, Store
from helpdesk.demo.stories import TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fill_mailboxes(path: Path) -> None:
    """Put them there; the mail servers don't run yet."""
    store = Store(path)
    store.fill([*_sent_by_us(), *_sent_by_them()])
    store.connection.close()


def _sent_by_us() -> Iterator[Kept]:
    config = MailConfig(plus_addressing=True)
    rows = Delivery.objects.filter(inbox__kind="email", state="sent").exclude(provider_id="")
    for delivery in rows.select_related(
        "entry__ticket", "entry__agent", "inbox", "identity", "conversation__customer"
    ).order_by("entry__at"):
        raw = compose.mail_of(delivery, config)
        yield Kept(delivery.identity.value, INBOX, delivery.entry.at, SEEN, raw)


def _sent_by_them() -> Iterator[Kept]:
    rows = Entry.objects.filter(
        direction="in", identity__kind=IdentityKind.EMAIL, references__ours=False
    )
    names = rows.values_list("pk", "references__value")
    by_entry = dict(names)
    for entry in (
        rows.select_related("identity", "inbox").prefetch_related("attachments").order_by("at")
    ):
        assert entry.identity is not None and entry.inbox is not None
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = compose.mailbox(entry.identity.label, entry.identity.value)
        message["To"] = entry.inbox.address
        message["Subject"] = entry.subject
        message["Date"] = format_datetime(entry.at)
        message["Message-ID"] = f"<{by_entry[entry.pk]}>"
        message.set_content(entry.text)
        for file in entry.attachments.all():
            kind, _slash, sort = file.content_type.partition("/")
            content = (TOLD / file.filename).read_bytes()
            message.add_attachment(content, kind, sort, filename=file.filename)
        yield Kept(entry.identity.value, SENT, entry.at, SEEN, message.as_bytes())
