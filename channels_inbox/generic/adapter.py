"""Any system that posts its messages here and takes the answers, both signed with one secret."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox import talking, vault
from channels_inbox.base import SIGN_IN, Accepted, Check, ConnectError, SendError
from channels_inbox.generic import parse, send
from channels_inbox.models import Account, Envelope
from channels_inbox.payloads import objs, read_object, text
from channels_inbox.provider import Provider, Setting
from channels_inbox.reader import Reader
from channels_inbox.receive import body_of
from channels_inbox.webhooks import signatures
from conversations.customers import Address
from conversations.media import Medium
from conversations.models import DeliveryState, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.events import Event, Media
    from conversations.models import Attachment, Delivery, Inbox

HOOK_SECRET = "hook"
URL = "base_url"
STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
}


class Generic(Provider):
    kind = "generic"
    medium = Medium("generic", IdentityKind.GENERIC, deduplicates=True)
    label = gettext_lazy("Any system, by JSON")
    icon = "webhook"
    intro = gettext_lazy(
        "For a system of your own: it posts what customers write, and gets the answers. README has"
        " the JSON and a client of thirty lines."
    )
    hook_limit = settings.MAIL_MAX_BYTES
    reader = Reader(signatures.verify, parse.parse)
    secret = HOOK_SECRET
    makes_secret = True
    has_history = False
    settings = (
        Setting(
            URL,
            gettext_lazy("Address that takes the answers"),
            gettext_lazy("Of your system, such as https://shop.example.org/desk/."),
        ),
    )

    # What comes in

    def address(self, inbox: Inbox, event: Event) -> Address:
        """Whose ids they are is known to that system alone."""
        who = event.sender or event.conversation
        return Address(IdentityKind.GENERIC, who, inbox.public_id, event.sender_name)

    def data(self, event: Event) -> dict[str, Any]:
        return {"conversation": event.conversation[:200]}

    def state(self, event: Event) -> str:
        return STATES.get(event.status, "")

    def read_file(self, attachment: Attachment) -> bytes:
        """Raises what `Provider.read_file` does."""
        _kind, envelope_id, position, index = attachment.source.split(":")
        envelope = Envelope.objects.get(pk=int(envelope_id))
        told = objs(read_object(body_of(envelope)), "attachments")[int(index)]
        if not text(told, "base64"):
            return super().read_file(attachment)
        try:
            return base64.b64decode(text(told, "base64"), validate=True)
        except binascii.Error as error:
            raise ValueError("base64") from error

    def fetch(self, account: Account, media: Media) -> bytes:
        return talking.fetch(media.url, {}, settings.ATTACHMENT_MAX_BYTES)

    # What goes out

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Raises SendError (surely not sent) or SendUnknown (perhaps sent)."""
        account = Account.objects.select_related("inbox").get(pk=delivery.inbox_id)
        try:
            secrets = _secrets(account)
        except vault.MissingSecret:
            words = _("There is no secret yet. An admin makes one on the inbox's page.")
            raise SendError(SIGN_IN, words, permanent=False) from None
        return Accepted(send.send(_url(account), secrets, delivery, handing_over))

    # Its account

    def introduce(self, account: Account) -> str:
        return _url(account).partition("://")[2][:254]

    def check(self, account: Account) -> list[Check]:
        asking = _("Ask the other system")
        try:
            secrets = _secrets(account)
        except vault.MissingSecret:
            words = _("Save it and make a secret first: each call is signed with it.")
            return [Check(asking, False, words)]
        try:
            said = talking.look(send.signed(_url(account), secrets, "test", {"type": "test"}))
        except ConnectError as error:
            return [Check(asking, False, error.error)]
        told = "" if said.is_good else _("It answered with %s.") % said.status
        return [Check(asking, said.is_good, told)]

    def is_called(self, account: Account) -> bool:
        return bool(account.inbox.pk)


def _secrets(account: Account) -> list[str]:
    """The newest first. Raises MissingSecret."""
    newest, before = vault.get(account.inbox, HOOK_SECRET), vault.before(account.inbox, HOOK_SECRET)
    return [newest, before] if before else [newest]


def _url(account: Account) -> str:
    return str(account.config.get(URL, ""))
