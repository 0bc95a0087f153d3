"""How an inbox is connected to the WhatsApp Cloud API; its secrets are elsewhere (`vault`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from channels_inbox.stored import Stored

ACCESS_TOKEN: Final = "access_token"
APP_SECRET: Final = "app_secret"
VERIFY_TOKEN: Final = "verify_token"
BASE_URL: Final = "https://graph.facebook.com/v24.0"
# How long after they wrote people may be written freely.
WINDOW: Final = timedelta(hours=24)
MOST_TEXT: Final = 4096


@dataclass(frozen=True)
class WhatsAppConfig(Stored):
    """`phone_number_id` is Meta's name of our number, `business_id` of the account it is in, whose
    templates we may send. `hook` says whether we tell Meta where to call."""

    phone_number_id: str = ""
    business_id: str = ""
    base_url: str = BASE_URL
    hook: bool = True
