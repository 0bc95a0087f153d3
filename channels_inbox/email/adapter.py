"""Mail as a channel: raw MIME in by IMAP or hook, replies out by SMTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from channels_inbox.base import Head, Raw
from channels_inbox.email import (
    checks,
    connections,
    files,
    heads,
    hooks,
    inbound,
    letters,
    oauth,
    outgoing,
    pull,
    receipts,
    send,
)
from channels_inbox.email.config import MailConfig
from conversations.media import TEXT, Medium

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from channels_inbox.base import Accepted, Bounce, Check, Ignored, Letter, Pulled
    from channels_inbox.calls import Call
    from channels_inbox.models import Account, Envelope
    from conversations.intake import Inbound
    from conversations.models import Attachment, Delivery, Entry, Inbox


class EmailAdapter:
    kind = "email"
    medium = Medium("email", "email", first=TEXT)
    label = _("Email")
    queue = sends_by = "slow"
    # A mail server that is asked for more begins to take its senders for others than they are.
    per_minute, at_once = 300, 2
    thanks = None

    @property
    def hook_limit(self) -> int:
        return int(settings.MAIL_MAX_BYTES)

    def verify(self, account: Account, call: Call) -> None:
        hooks.verify(account, call)

    def greet(self, account: Account, call: Call) -> None:
        return None

    def raw(self, call: Call) -> Raw:
        return hooks.raw(call)

    def heads(self, body: bytes) -> Sequence[Head]:
        sender, subject = heads.glance(body)
        return [Head(0, sender, subject)]

    def parse(
        self, envelope: Envelope, body: bytes, position: int, *, by_hand: bool = False
    ) -> Inbound | Bounce | Ignored:
        """Raises ParserKilled for a mail that can't be read within the parser's limits."""
        letter = inbound.Letter(
            envelope=envelope,
            raw=body,
            mail=files.parser().parse(body),
            config=MailConfig.of(envelope.inbox.account.config),
            own=inbound.own_addresses(),
        )
        return inbound.read(letter, by_hand=by_hand)

    def read_apart(self, body: bytes) -> None:
        """Mails are never read otherwise."""

    def threaded(self, entry: Entry) -> None:
        assert entry.inbox is not None
        receipts.acknowledge(entry, MailConfig.of(entry.inbox.account.config))

    def read_file(self, attachment: Attachment) -> bytes:
        return files.read_file(attachment)

    def prepare(self, delivery: Delivery) -> None:
        outgoing.prepare(delivery)

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        return send.send(delivery, handing_over)

    def write(self, inbox: Inbox, letter: Letter) -> None:
        letters.write(inbox, letter)

    def pull(self, account: Account) -> Pulled:
        return pull.pull(account)

    def hears(self, account: Account) -> bool:
        return False

    def hear(self, account: Account) -> Pulled:
        return self.pull(account)

    def check(self, account: Account) -> Sequence[Check]:
        return checks.check(account)

    def probe(self, account: Account) -> None:
        config = MailConfig.of(account.config)
        if config.smtp_host:
            with connections.smtp(account.inbox, config):
                return

    def refresh(self, account: Account) -> datetime | None:
        return oauth.refresh(account)
