"""How an inbox is connected to Twilio; its auth token is elsewhere (`vault`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from channels_inbox.stored import Stored

AUTH_TOKEN: Final = "auth_token"
BASE_URL: Final = "https://api.twilio.com"


@dataclass(frozen=True)
class TwilioConfig(Stored):
    """`number` is what customers write to, `service` a messaging service (MG…) to send by, if any.
    Numbers without a country code are of `country`. `hook` says whether we tell Twilio where to
    call; `price` is what one text costs."""

    account_sid: str = ""
    number: str = ""
    service: str = ""
    country: str = "US"
    base_url: str = BASE_URL
    hook: bool = True
    price: str = ""
