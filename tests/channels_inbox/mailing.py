"""Mail as tests write it, post it and find it again."""

from __future__ import annotations

import time
import uuid
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from channels_inbox import deliver, receive, vault
from channels_inbox.base import Raw
from channels_inbox.email import accounts, hooks
from channels_inbox.models import Item
from conversations.models import Entry

if TYPE_CHECKING:
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse

    from channels_inbox.email.config import MailConfig
    from channels_inbox.models import Account
    from conversations.models import Delivery, Inbox

SECRET = "hook-secret-of-the-tests"
# The standard folding encodes Message-IDs that don't fit its usual line.
WIDE = policy.SMTP.clone(max_line_length=998)


def make_mail(
    sender: str = "Kim <kim@example.org>",
    to: str = "support@desk.example",
    subject: str = "Broken lamp",
    text: str = "The lamp I bought is broken.",
    **headers: str,
) -> bytes:
    """A raw mail. Further headers are named like `in_reply_to`; an empty one leaves it out."""
    return _written(sender, to, subject, text, headers).as_bytes()


def make_mail_with(files: dict[str, bytes], **headers: str) -> bytes:
    """A raw mail with files by name."""
    told = {"sender": "Kim <kim@example.org>", "to": "support@desk.example", **headers}
    message = _written(told.pop("sender"), told.pop("to"), "Files", "Look at these.", told)
    for name, content in files.items():
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    return message.as_bytes()


def _written(
    sender: str, to: str, subject: str, text: str, headers: dict[str, str]
) -> EmailMessage:
    message = EmailMessage(policy=WIDE)
    told = {
        "from": sender,
        "to": to,
        "subject": subject,
        "date": formatdate(),
        "message_id": f"<{uuid.uuid4()}@mua.example>",
        **headers,
    }
    for name, value in told.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def connect(inbox: Inbox, config: MailConfig, **secrets: str) -> Account:
    """An account for an inbox, with the hook's secret of the tests."""
    account = accounts.save_account(inbox, config, secrets)
    vault.put(inbox, hooks.SECRET, SECRET)
    return account


def post(
    client: Client,
    inbox: Inbox,
    body: bytes,
    *,
    secret: str = SECRET,
    at: int | None = None,
    **headers: str,
) -> _MonkeyPatchedWSGIResponse:
    """Post a mail to an inbox's hook as a mail server does."""
    timestamp = int(time.time()) if at is None else at
    return client.post(
        reverse("hook", args=["email", inbox.public_id]),
        body,
        content_type="message/rfc822",
        headers={
            hooks.TIMESTAMP: str(timestamp),
            hooks.SIGNATURE: hooks.sign(secret, timestamp, body),
            **headers,
        },
    )


def arrive(inbox: Inbox, body: bytes, **meta: Any) -> Item:
    """A mail arrives at an inbox and is processed; its item as it ended."""
    raw = Raw("hook", receive.digest_key(body + uuid.uuid4().bytes), body, meta)
    envelope = receive.keep(inbox, raw).envelope
    receive.process_waiting("slow")
    return Item.objects.select_related("entry__ticket", "entry__identity").get(envelope=envelope)


def threaded(inbox: Inbox, body: bytes, **meta: Any) -> Entry:
    """The entry of a mail that must get into a conversation."""
    item = arrive(inbox, body, **meta)
    assert item.state == "threaded", (item.state, item.reason)
    assert item.entry is not None
    return item.entry


def sent(entry: Entry) -> Delivery:
    """The delivery of a reply after one round of sending."""
    deliver.deliver_due("slow")
    entry.delivery.refresh_from_db()
    return entry.delivery
