"""A Telegram bot: people write to it, or to an account it works for."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_inbox import vault
from channels_inbox.base import Accepted, Check, ConnectError, Raw, SendError
from channels_inbox.events import Event, Kind, Unreadable
from channels_inbox.models import Account
from channels_inbox.payloads import read_object, text
from channels_inbox.provider import Provider, Setting, api_address
from channels_inbox.reader import Reader
from channels_inbox.telegram import parse, pull, send, verify
from channels_inbox.telegram.api import Api
from channels_inbox.telegram.config import (
    BASE_URL,
    BY_ASKING,
    BY_HOOK,
    HOOK_SECRET,
    TOKEN,
    TelegramConfig,
)
from conversations.customers import Address
from conversations.media import Medium
from conversations.models import IdentityKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.base import Pulled
    from channels_inbox.calls import Call
    from channels_inbox.events import Media
    from conversations.models import Delivery, Inbox


class Telegram(Provider):
    kind = "telegram"
    medium = Medium("telegram", "telegram", quotes=True)
    # It takes thirty a second from a bot, and one from a chat.
    per_minute = 1200
    label = gettext_lazy("Telegram")
    icon = "send"
    intro = gettext_lazy(
        "You need a bot of your own: write /newbot to @BotFather in Telegram, and it gives you the"
        " token."
    )
    reader = Reader(verify.verify, parse.parse)
    secret = HOOK_SECRET
    settings = (
        Setting(
            TOKEN,
            gettext_lazy("Token of the bot"),
            gettext_lazy("Such as 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw."),
            secret=True,
        ),
        Setting(
            "way",
            gettext_lazy("How messages come"),
            gettext_lazy("Telegram can call only an address that is open to all, by https."),
            initial=BY_HOOK if settings.BASE_URL.startswith("https://") else BY_ASKING,
            choices=(
                (BY_HOOK, gettext_lazy("Telegram calls the desk: at once")),
                (BY_ASKING, gettext_lazy("The desk asks Telegram: within a second or two")),
            ),
        ),
        api_address(BASE_URL),
    )

    # What comes in

    def raw(self, call: Call) -> Raw:
        """One update is one call, whether it was sent to us or asked for."""
        kept = super().raw(call)
        try:
            return replace(kept, dedup_key=pull.key_of(read_object(call.body)))
        except (Unreadable, KeyError):
            return kept

    def unwanted(self, inbox: Inbox, event: Event) -> str:
        if event.conversation.startswith("-"):
            return "group"
        if event.kind is Kind.MESSAGE and event.text.strip() == "/start":
            return "greeting"
        return "button" if event.kind is Kind.POSTBACK else ""

    def address(self, inbox: Inbox, event: Event) -> Address:
        """Ids of people are the same for all bots."""
        return Address(
            IdentityKind.TELEGRAM, event.conversation or event.sender, label=event.sender_name
        )

    def name(self, event: Event) -> str:
        return send.name_of(event.account, event.conversation, event.message_id)

    def quoted(self, event: Event) -> str:
        if not event.reply_to:
            return ""
        return send.name_of(event.account, event.conversation, event.reply_to)

    def data(self, event: Event) -> dict[str, Any]:
        return {"business": event.account} if event.account else {}

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
        return Accepted(send.send(api, delivery, handing_over))

    # Its account

    def pull(self, account: Account) -> Pulled:
        return pull.pull(
            account, partial(self.open_hook, account), self.hook_address(account.inbox)
        )

    def hears(self, account: Account) -> bool:
        return not self.is_called(account)

    def hear(self, account: Account) -> Pulled:
        return pull.hear(account)

    def introduce(self, account: Account) -> str:
        return f"@{text(Api.of(account).ask('getMe'), 'username')}"

    def is_called(self, account: Account) -> bool:
        return TelegramConfig.of(account.config).way == BY_HOOK

    def open_hook(self, account: Account) -> None:
        """Telegram signs nothing: it shows a secret that it is given here."""
        api = Api.of(account)
        if not self.is_called(account):
            api.ask("deleteWebhook")
            return
        if not vault.has(account.inbox, HOOK_SECRET):
            vault.put(account.inbox, HOOK_SECRET, secrets.token_urlsafe(32))
        api.ask(
            "setWebhook",
            url=self.hook_address(account.inbox),
            secret_token=vault.get(account.inbox, HOOK_SECRET),
            allowed_updates=pull.UPDATES,
        )

    def check(self, account: Account) -> list[Check]:
        signing_in = _("Sign in to Telegram")
        try:
            api = Api.of(account)
            me = api.ask("getMe")
            checks = [Check(signing_in, True, f"@{text(me, 'username')}")]
            if account.inbox.pk and self.is_called(account):
                checks.append(self._hook_check(api.ask("getWebhookInfo") or {}, account.inbox))
        except ConnectError as error:
            return [Check(signing_in, False, error.error)]
        return checks

    def _hook_check(self, info: dict[str, Any], inbox: Inbox) -> Check:
        ours = info.get("url") == self.hook_address(inbox)
        told = text(info, "last_error_message")
        if not ours:
            told = _("Another address is set at the bot. Saving sets ours.")
        return Check(_("Telegram calls us"), ours and not told, told)
