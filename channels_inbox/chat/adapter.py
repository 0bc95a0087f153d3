"""The chat as a channel: messages come through doors of our own and are shown by a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from channels_inbox.base import Accepted, Head, Pulled, Raw, Refused, SendError
from channels_inbox.chat import arrival, envelopes, uploads
from conversations.media import Medium

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from channels_inbox.base import Check, Letter
    from channels_inbox.calls import Call
    from channels_inbox.models import Account, Envelope
    from conversations.intake import Inbound
    from conversations.models import Attachment, Delivery, Entry, Inbox


class ChatAdapter:
    """Nothing of it is a stranger's server: there is no hook, nothing to pull and nothing to hand
    over, as a committed message is where the visitor's window reads it."""

    kind = "chat"
    medium = Medium("chat", "chat")
    label = _("Chat")
    queue = sends_by = "fast"
    per_minute, at_once = 60_000, 8
    hook_limit = 0
    thanks = None

    def verify(self, account: Account, call: Call) -> None:
        raise Refused

    def greet(self, account: Account, call: Call) -> None:
        return None

    def raw(self, call: Call) -> Raw:
        raise Refused

    def heads(self, body: bytes) -> Sequence[Head]:
        return [Head(0, envelopes.sender(body))]

    def parse(
        self, envelope: Envelope, body: bytes, position: int, *, by_hand: bool = False
    ) -> Inbound:
        return envelopes.inbound(envelope, body)

    def read_apart(self, body: bytes) -> None:
        """Nobody but ourselves wrote it."""

    def threaded(self, entry: Entry) -> None:
        arrival.threaded(entry)

    def read_file(self, attachment: Attachment) -> bytes:
        return uploads.read_file(attachment)

    def prepare(self, delivery: Delivery) -> None:
        return

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Only an agent's "send again" comes here: what is committed is sent already."""
        handing_over()
        return Accepted()

    def write(self, inbox: Inbox, letter: Letter) -> None:
        raise SendError("no_letters", letter.to, permanent=True)

    def pull(self, account: Account) -> Pulled:
        """There is nobody to ask: what a window sent is here, or is sent again by the window."""
        return Pulled(0)

    def hears(self, account: Account) -> bool:
        return False

    def hear(self, account: Account) -> Pulled:
        return self.pull(account)

    def check(self, account: Account) -> Sequence[Check]:
        return ()

    def probe(self, account: Account) -> None:
        return

    def refresh(self, account: Account) -> None:
        return
