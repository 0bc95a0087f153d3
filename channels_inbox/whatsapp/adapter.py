"""WhatsApp by Meta's Cloud API: a number of ours that people write to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox import expiry, missing, vault
from channels_inbox.base import WINDOW as CLOSED
from channels_inbox.base import Accepted, Check, ConnectError, Pulled, SendError
from channels_inbox.events import Event, Kind
from channels_inbox.meta import greeting, signatures
from channels_inbox.models import Account
from channels_inbox.payloads import objs, text
from channels_inbox.provider import Arrived, Provider, Setting, api_address
from channels_inbox.reader import Reader
from channels_inbox.whatsapp import approved, parse, send
from channels_inbox.whatsapp.api import Api, in_words, meaning_of
from channels_inbox.whatsapp.config import (
    ACCESS_TOKEN,
    APP_SECRET,
    BASE_URL,
    MOST_TEXT,
    VERIFY_TOKEN,
    WINDOW,
    WhatsAppConfig,
)
from conversations import customers, templates, windows
from conversations.customers import Address
from conversations.media import TEMPLATE, Medium
from conversations.mirrored import Renumbered
from conversations.models import IdentityKind
from conversations.phones import e164
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from channels_inbox.base import Ignored
    from channels_inbox.calls import Call
    from channels_inbox.events import Media
    from conversations.intake import Inbound
    from conversations.mirrored import Change
    from conversations.models import Delivery, Entry, Inbox

READ_TEMPLATES_EVERY: Final = timedelta(minutes=15)
# Written in the WhatsApp app on our own number, as its reader tells of them.
BY_THE_APP: Final = {"echo edit": Kind.EDIT, "echo revoke": Kind.DELETE}
NOT_WRITTEN: Final = ("reaction", "system", "unsupported")
STATES: Final = {
    "accepted": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
MOVED: Final = ("system user_changed_number", "system user_changed_user_id")


class WhatsApp(Provider):
    kind = "whatsapp"
    medium = Medium(
        "whatsapp",
        "whatsapp",
        most_text=MOST_TEXT,
        window=WINDOW,
        first=TEMPLATE,
        quotes=True,
        has_templates=True,
    )
    # What a call could not bring Meta brings again, for days; it can't be asked for.
    has_history = False
    # Numbers may send 80 a second, those that are in the WhatsApp app as well 20.
    per_minute = 1200
    label = gettext_lazy("WhatsApp (Cloud API)")
    icon = "message-circle-more"
    intro = gettext_lazy(
        "You need an app of your own at developers.facebook.com with WhatsApp added, a number in"
        " it, and the access token of a system user that may use both."
    )
    reader = Reader(signatures.verify, parse.parse)
    secret = APP_SECRET
    settings = (
        Setting(
            "phone_number_id",
            gettext_lazy("Phone number ID"),
            gettext_lazy("Digits, beside the number under WhatsApp → API setup; not the number."),
            needs_anew=True,
        ),
        Setting(
            "business_id",
            gettext_lazy("WhatsApp Business account ID"),
            gettext_lazy("On the same page. Templates are read from it."),
            needs_anew=True,
        ),
        Setting(
            ACCESS_TOKEN,
            gettext_lazy("Access token"),
            gettext_lazy("EAA…, of a system user: the one shown on that page ends after a day."),
            secret=True,
        ),
        Setting(
            APP_SECRET,
            gettext_lazy("App secret"),
            gettext_lazy("Under App settings → Basic. Calls are checked with it."),
            secret=True,
        ),
        Setting(
            VERIFY_TOKEN,
            gettext_lazy("Verify token"),
            gettext_lazy("Any word of your own, by which Meta knows the address of our calls."),
            secret=True,
        ),
        Setting(
            "hook",
            gettext_lazy("Tell Meta where to call"),
            gettext_lazy(
                "Else set the address below and the verify token under WhatsApp → Configuration,"
                " and subscribe to “messages” there."
            ),
            initial="on",
            switch=True,
            required=False,
        ),
        api_address(BASE_URL),
    )

    # What comes in

    def greet(self, account: Account, call: Call) -> str:
        """Meta asks before it calls for the first time."""
        try:
            word = vault.get(account.inbox, VERIFY_TOKEN)
        except vault.MissingSecret:
            word = ""
        return greeting.answer(call, word)

    def events(self, body: bytes) -> list[Event]:
        return [_echoed(event) for event in super().events(body)]

    def unwanted(self, inbox: Inbox, event: Event) -> str:
        """One app calls for all its numbers."""
        own = WhatsAppConfig.of(inbox.account.config).phone_number_id
        if event.account and event.kind is not Kind.OTHER and event.account != own:
            return "other_account"
        theirs = event.kind in (Kind.MESSAGE, Kind.REACTION)
        return "group" if theirs and event.conversation != event.sender else ""

    def address(self, inbox: Inbox, event: Event) -> Address:
        return _address(inbox, event.conversation or event.sender, event.sender_name)

    def also(self, inbox: Inbox, event: Event) -> tuple[Address, ...]:
        return (_address(inbox, event.also),) if event.also else ()

    def state(self, event: Event) -> str:
        """That a voice message was heard says that it was read."""
        return STATES.get(event.status, "")

    def token(self, arrived: Arrived) -> tuple[str, bool]:
        token, partial = send.token_of(arrived.event.payload)
        with suppress(ValueError):
            return str(UUID(token)), partial
        return "", False  # another program's, by the same number

    def meaning(self, code: str) -> str:
        return meaning_of(code)

    def failure(self, event: Event) -> str:
        code, _space, told = event.reason.partition(" ")
        return in_words(code, told) or _("WhatsApp gives no reason.")

    def told(self, arrived: Arrived) -> Inbound | Ignored | Change:
        event, inbox = arrived.event, arrived.envelope.inbox
        if event.kind is Kind.OTHER and event.reason in MOVED and event.payload and event.sender:
            before, now = _address(inbox, event.sender), _address(inbox, event.payload)
            return Renumbered(before, now, self.also(inbox, event))
        return super().told(arrived)

    def threaded(self, entry: Entry) -> None:
        """Who writes wants an answer, whatever they said of our offers."""
        super().threaded(entry)
        assert entry.identity is not None
        assert entry.inbox is not None
        windows.opened(entry.inbox, entry.identity, at=entry.occurred_at or entry.at)
        if entry.identity.undeliverable_reason in customers.CLOSED:
            customers.open_to_us(entry.identity)

    def fetch(self, account: Account, media: Media) -> bytes:
        return Api.of(account).file(media.id, settings.ATTACHMENT_MAX_BYTES)

    # What goes out

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Raises SendError (surely not sent) or SendUnknown (perhaps sent)."""
        try:
            account = Account.objects.select_related("inbox").get(pk=delivery.inbox_id)
            api = Api.of(account)
        except ConnectError as error:
            raise SendError(error.code, error.error, permanent=False) from error
        try:
            return Accepted(send.send(api, delivery, handing_over))
        except SendError as error:
            if error.code == CLOSED:
                windows.shut(delivery.inbox, delivery.identity, tried_at=delivery.attempt_at)
            raise

    # Its account

    def pull(self, account: Account) -> Pulled:
        """It keeps no history: what we missed Meta calls us with again, for days. Templates are
        read."""
        now = database_now()
        read_at = parse_datetime(str(account.cursor.get("templates", "")))
        if read_at is None or now - read_at > READ_TEMPLATES_EVERY:
            self.read_templates(account)
            self._note_end(account)
            missing.move(account, {**account.cursor, "templates": now.isoformat()})
        return Pulled(0)

    def read_templates(self, account: Account) -> int:
        """Raises ConnectError."""
        api = Api.of(account)
        path = f"{api.config.business_id}/message_templates"
        rows = list(api.pages(path, fields=approved.FIELDS, limit="100"))
        return templates.keep(account.inbox, map(approved.read, rows))

    def introduce(self, account: Account) -> str:
        return self._number(Api.of(account))

    def refresh(self, account: Account) -> datetime | None:
        """Only a person can make a new token; perhaps somebody has, elsewhere."""
        return Api.of(account).token_ends()

    def _note_end(self, account: Account) -> None:
        at = Api.of(account).token_ends()
        if at != account.expires_at:
            expiry.ends(account.inbox, at)

    def open_hook(self, account: Account) -> None:
        """Each number has an address of its own: one app may serve several inboxes. Meta asks there
        for the verify token before it agrees."""
        api = Api.of(account)
        self._note_end(account)
        if not api.config.hook:
            return
        hook = {
            "override_callback_uri": self.hook_address(account.inbox),
            "verify_token": vault.get(account.inbox, VERIFY_TOKEN),
        }
        api.change(f"{api.config.business_id}/subscribed_apps", {})
        api.change(api.number, {"webhook_configuration": hook})

    def check(self, account: Account) -> list[Check]:
        signing_in = _("Sign in to Meta")
        try:
            api = Api.of(account)
            number = self._number(api)
            ends = api.token_ends()
            told = _("The token ends on %s.") % _day(ends) if ends else ""
            checks = [Check(signing_in, True, told), Check(_("Number %s") % number, True)]
            checks.append(self._templates_check(api))
            if account.inbox.pk:
                checks.append(self._hook_check(api, account.inbox))
        except ConnectError as error:
            return [Check(signing_in, False, error.error)]
        return checks

    def _number(self, api: Api) -> str:
        """Our number as people know it, once it is known to be of the account. Raises
        ConnectError."""
        path = f"{api.config.business_id}/phone_numbers"
        rows = api.pages(path, fields="id,display_phone_number,verified_name", limit="100")
        row = next((row for row in rows if text(row, "id") == api.number), None)
        if row is None:
            raise ConnectError("number", _("This number is not in the business account."))
        return e164(text(row, "display_phone_number"))

    def _templates_check(self, api: Api) -> Check:
        path = f"{api.config.business_id}/message_templates"
        rows = objs(api.get(path, fields="name,status", limit="100"), "data")
        ready = sum(text(row, "status") == "APPROVED" for row in rows)
        told = (
            _("Approved: %s") % ready if ready else _("None yet: nobody can be written to first.")
        )
        return Check(_("Templates"), True, told)

    def _hook_check(self, api: Api, inbox: Inbox) -> Check:
        told = api.get(api.number, fields="webhook_configuration")
        calls: Any = told.get("webhook_configuration")
        ours = isinstance(calls, dict) and self.hook_address(inbox) in calls.values()
        words = "" if ours else _("Another address is set at Meta. Saving sets ours.")
        return Check(_("Meta calls us"), ours, words)


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATE_FORMAT")


def _echoed(event: Event) -> Event:
    """What was written in the WhatsApp app on our number, as ours."""
    if event.kind is not Kind.OTHER or not event.reason.startswith("echo "):
        return event
    if event.reason.removeprefix("echo ") in NOT_WRITTEN:
        return event
    return replace(event, kind=BY_THE_APP.get(event.reason, Kind.ECHO), reason="")


def _address(inbox: Inbox, value: str, name: str = "") -> Address:
    """A number is one everywhere; an id in place of one only within our business."""
    if value.isdigit():
        return Address(IdentityKind.WHATSAPP, f"+{value}", label=name)
    scope = "" if value.startswith("+") else inbox.public_id
    return Address(IdentityKind.WHATSAPP, value, scope, label=name)
