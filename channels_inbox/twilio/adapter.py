"""SMS and MMS by way of Twilio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox import outgoing_files
from channels_inbox.base import Accepted, Check, ConnectError, Raw, SendError, Thanks
from channels_inbox.calls import Call
from channels_inbox.models import Account
from channels_inbox.provider import Provider, Setting, api_address, price_of_a_text
from channels_inbox.reader import Reader
from channels_inbox.receive import digest_key
from channels_inbox.twilio import history, sms, verify
from channels_inbox.twilio.api import Api, in_words, meaning_of
from channels_inbox.twilio.config import AUTH_TOKEN, BASE_URL, TwilioConfig
from channels_inbox.twilio.pull import pull
from channels_inbox.twilio.status import STATES
from conversations import customers
from conversations.customers import Address
from conversations.media import TEXT, Medium
from conversations.models import Entry, IdentityKind, Proof
from conversations.phones import countries, e164

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.base import Pulled
    from channels_inbox.events import Event, Media
    from conversations.models import Delivery, Inbox

STOP: Final = {
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
}
START: Final = {"START", "UNSTOP"}
OUT, IN = "out", "in"


class TwilioSms(Provider):
    kind = "twilio_sms"
    medium = Medium("sms", "phone", most_text=1600, first=TEXT)
    # It queues by itself what a number may not send yet, for hours; that shows as "sent" here.
    per_minute = 300
    label = gettext_lazy("SMS by Twilio")
    icon = "message-square"
    intro = gettext_lazy(
        "You need a Twilio number that can take and send messages, and the account's SID and auth"
        " token from the first page of the Twilio console."
    )
    # A text would be sent to the customer, and anything but XML is noted as an error.
    thanks = Thanks("text/xml", "<Response/>")
    reader = Reader(verify.verify, sms.parse)
    secret = AUTH_TOKEN
    # Anybody can have a message say that it is from any number.
    proof = Proof.CLAIMED
    settings = (
        Setting("account_sid", gettext_lazy("Account SID"), "AC…", needs_anew=True),
        Setting(AUTH_TOKEN, gettext_lazy("Auth token"), secret=True),
        Setting(
            "number",
            gettext_lazy("Number"),
            gettext_lazy("With the country code, such as +1 202 555 0100."),
        ),
        Setting(
            "country",
            gettext_lazy("Country"),
            gettext_lazy("Numbers that name no country are taken to be of this one."),
            initial="US",
            choices=tuple(countries()),
        ),
        Setting(
            "hook",
            gettext_lazy("Tell Twilio where to call"),
            gettext_lazy("Else set the address below at the number, as “A message comes in”."),
            initial="on",
            switch=True,
            required=False,
        ),
        Setting(
            "service",
            gettext_lazy("Messaging service"),
            gettext_lazy("MG…, where messages are to go out by one. It may send by other numbers."),
            required=False,
            rare=True,
        ),
        price_of_a_text(),
        api_address(BASE_URL),
    )

    # What comes in

    def raw(self, call: Call) -> Raw:
        """Our own name of a message stands in the address its statuses go to, which is signed."""
        token = dict(call.query()).get("token", "")
        meta = {"token": token[:40]} if token else {}
        return Raw(source="hook", dedup_key=digest_key(call.body), body=call.body, meta=meta)

    def events(self, body: bytes) -> list[Event]:
        return history.read(body) if history.is_ours(body) else super().events(body)

    def unwanted(self, inbox: Inbox, event: Event) -> str:
        config = TwilioConfig.of(inbox.account.config)
        to = e164(event.account, config.country) if event.account else ""
        other = to and not config.service and to != inbox.address
        return "other_account" if other else ""

    def address(self, inbox: Inbox, event: Event) -> Address:
        country = TwilioConfig.of(inbox.account.config).country
        return Address(IdentityKind.PHONE, e164(event.conversation, country))

    def data(self, event: Event) -> dict[str, Any]:
        word = event.status or event.text.strip().rstrip(".!").upper()
        if word in STOP:
            return {"opt": OUT}
        return {"opt": IN} if word in START else {}

    def state(self, event: Event) -> str:
        return STATES.get(event.status, "")

    def failure(self, event: Event) -> str:
        code, _space, told = event.reason.partition(" ")
        return in_words(code, told) or _("Twilio gives no reason.")

    def meaning(self, code: str) -> str:
        return meaning_of(code)

    def threaded(self, entry: Entry) -> None:
        super().threaded(entry)
        assert entry.identity is not None
        word = entry.data.get("opt")
        if not word or _took_back(entry):
            return
        if word == OUT:
            customers.closed_to_us(entry.identity, reason="opted_out")
        else:
            customers.open_to_us(entry.identity)

    def fetch(self, account: Account, media: Media) -> bytes:
        return Api.of(account).file(media.url, settings.ATTACHMENT_MAX_BYTES)

    # What goes out

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Raises SendError (surely not sent) or SendUnknown (perhaps sent)."""
        try:
            account = Account.objects.select_related("inbox").get(pk=delivery.inbox_id)
            api, form = Api.of(account), self._form(account, delivery)
        except ConnectError as error:
            raise SendError(error.code, error.error, permanent=False) from error
        return Accepted(api.create_message(form, handing_over))

    def _form(self, account: Account, delivery: Delivery) -> list[tuple[str, str]]:
        config = TwilioConfig.of(account.config)
        sender = ("MessagingServiceSid", config.service) if config.service else None
        token = delivery.entry.client_token
        return [
            ("To", delivery.identity.value),
            sender or ("From", account.inbox.address),
            ("Body", delivery.entry.text),
            ("StatusCallback", f"{self.hook_address(account.inbox)}?token={token}"),
            *(("MediaUrl", url) for url in outgoing_files.addresses(delivery.entry)),
        ]

    # Its account

    def pull(self, account: Account) -> Pulled:
        return pull(account)

    def introduce(self, account: Account) -> str:
        config = TwilioConfig.of(account.config)
        number = e164(config.number, config.country)
        self._number(Api.of(account), number)
        return number

    def open_hook(self, account: Account) -> None:
        config = TwilioConfig.of(account.config)
        if config.hook:
            api = Api.of(account)
            path = f"IncomingPhoneNumbers/{self._number(api, account.inbox.address)}.json"
            hook = self.hook_address(account.inbox)
            api.change(path, [("SmsUrl", hook), ("SmsMethod", "POST")])

    def check(self, account: Account) -> list[Check]:
        config = TwilioConfig.of(account.config)
        signed_in = Check(_("Sign in to Twilio"), True)
        number = e164(config.number, config.country)
        try:
            found = self._row(Api.of(account), number)
        except ConnectError as error:
            return [Check(_("Sign in to Twilio"), False, error.error)]
        told = "" if found else _("This number is not in the account.")
        checks = [signed_in, Check(_("Number %s") % number, bool(found), told)]
        if found and account.inbox.pk and not config.hook:
            checks.append(self._hook_check(found, account.inbox))
        return checks

    def _hook_check(self, row: dict[str, Any], inbox: Inbox) -> Check:
        ours = row.get("sms_url") == self.hook_address(inbox)
        told = "" if ours else _("Another address is set at the number: messages are read only.")
        return Check(_("Twilio calls us"), ours, told)

    def _number(self, api: Api, number: str) -> str:
        """The SID of a number. Raises ConnectError."""
        row = self._row(api, number)
        if row is None:
            raise ConnectError("number", _("This number is not in the account."))
        return str(row.get("sid", ""))

    def _row(self, api: Api, number: str) -> dict[str, Any] | None:
        told = api.get("IncomingPhoneNumbers.json", PhoneNumber=number)
        rows = told.get("incoming_phone_numbers") or []
        return next((row for row in rows if row.get("phone_number") == number), None)


def _took_back(entry: Entry) -> bool:
    """Whether they said another such word later: one that no call brought is found after it."""
    words = Entry.objects.filter(
        conversation=entry.conversation_id,
        identity=entry.identity,
        inbox=entry.inbox,
        data__has_key="opt",
    )
    later = words.annotate(said_at=Coalesce("occurred_at", "at")).exclude(pk=entry.pk)
    return later.filter(said_at__gt=entry.occurred_at or entry.at).exists()
