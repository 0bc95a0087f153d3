"""A telephone: a number and the team that answers it. Its calls are noted by people, and told by a
telephone system that was given the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox.base import Check, ConnectError, Ignored, SendError
from channels_inbox.events import Kind
from channels_inbox.phone import parse
from channels_inbox.provider import Arrived, Provider, Setting
from channels_inbox.reader import Reader
from channels_inbox.webhooks import signatures
from conversations import phones
from conversations.customers import Address
from conversations.models import Direction, IdentityKind, Proof
from conversations.telephony import Called

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.base import Accepted
    from channels_inbox.events import Event
    from channels_inbox.models import Account
    from conversations.intake import Inbound
    from conversations.mirrored import Change
    from conversations.models import Delivery, Inbox

NUMBER, HOOK_SECRET = "number", "hook"


class Phone(Provider):
    kind = "phone"
    label = gettext_lazy("Phone")
    icon = "phone"
    intro = gettext_lazy(
        "Calls are noted by people, with one key from everywhere. A telephone system may tell of"
        " them by itself; how is shown once the number is saved."
    )
    reader = Reader(signatures.verify, parse.parse)
    secret = HOOK_SECRET
    makes_secret = True
    has_history = False
    is_written = False
    proof = Proof.CLAIMED
    settings = (
        Setting(
            NUMBER,
            gettext_lazy("Number"),
            gettext_lazy(
                "With the country code: +84 28 … Numbers noted without one are of this country."
            ),
        ),
    )

    # What comes in

    def told(self, arrived: Arrived) -> Inbound | Ignored | Change:
        event, inbox = arrived.event, arrived.envelope.inbox
        if event.kind is not Kind.CALL:
            return Ignored(f"no_message: {event.reason or event.kind}")
        other = self.address(inbox, event)
        if not phones.is_number(other.value):
            return Ignored("withheld")
        comes_in = event.conversation == event.sender
        return Called(
            name=event.call_id,
            state=event.status,
            direction=Direction.IN if comes_in else Direction.OUT,
            other=other,
            agent=event.payload,
            recording=event.attachments[0].url if event.attachments else "",
            occurred_at=event.occurred_at,
        )

    def address(self, inbox: Inbox, event: Event) -> Address:
        country = phones.country_of(inbox.address)
        number = phones.e164(event.conversation, country)
        return Address(IdentityKind.PHONE, number, label=event.sender_name)

    # What goes out: nothing, as nobody writes by a telephone

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        raise SendError("no_text", _("Nothing can be written by a telephone."), permanent=True)

    # Its account

    def introduce(self, account: Account) -> str:
        return _number(account)

    def check(self, account: Account) -> list[Check]:
        reading = _("Read the number")
        try:
            return [Check(reading, True, _number(account))]
        except ConnectError as error:
            return [Check(reading, False, error.error)]

    def is_called(self, account: Account) -> bool:
        return bool(account.inbox.pk)


def _number(account: Account) -> str:
    """Raises ConnectError."""
    found = phones.e164(str(account.config.get(NUMBER, "")))
    if not phones.is_number(found):
        raise ConnectError("number", _("Write the number with the country code: +84 …"))
    return found
