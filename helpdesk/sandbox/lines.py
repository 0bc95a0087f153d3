"""The accounts the demo's stand-ins have: some that its inboxes are connected to from the start,
and spare ones for a newcomer to connect. Standard library only: the launcher reads this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from helpdesk.sandbox.dialler import DiallerSandbox
from helpdesk.sandbox.generic import GenericSandbox
from helpdesk.sandbox.provider import Sandbox
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.sandbox.twilio import TwilioSandbox
from helpdesk.sandbox.whatsapp import WhatsAppSandbox


@dataclass(frozen=True)
class Line:
    """`slug` names it in addresses of pages; `make` is given its port. A `spare` one has no inbox
    until somebody connects one."""

    slug: str
    make: Callable[[int], Sandbox]
    spare: bool = False


def _sms(port: int) -> Sandbox:
    return TwilioSandbox(port=port)


def _telegram(port: int) -> Sandbox:
    return TelegramSandbox(port=port)


def _whatsapp(port: int) -> Sandbox:
    # The same at each start: it is written into the form of the inbox.
    return WhatsAppSandbox(port=port, secret="the-app-secret-of-the-demo")


def _phone(port: int) -> Sandbox:
    return DiallerSandbox(port=port)


def _app(port: int) -> Sandbox:
    return GenericSandbox(port=port)


def _spare_sms(port: int) -> Sandbox:
    return TwilioSandbox(
        port=port, sid="AC" + "0" * 31 + "2", token="try-it-token", ours="+12025550142"
    )


def _spare_telegram(port: int) -> Sandbox:
    return TelegramSandbox(port=port, token="220402543:try-it-token", username="try_it_bot")


# One line for each account: its app is on the customer's phone, its weather and ledger beside it.
LINES: Final = (
    Line("sms", _sms),
    Line("telegram", _telegram),
    Line("whatsapp", _whatsapp),
    Line("phone", _phone),
    Line("app", _app),
    Line("spare-sms", _spare_sms, spare=True),
    Line("spare-telegram", _spare_telegram, spare=True),
)
