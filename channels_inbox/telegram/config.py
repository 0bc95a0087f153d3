"""How an inbox is connected to a Telegram bot; its token and the secret of its hook are elsewhere
(`vault`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from channels_inbox.stored import Stored

TOKEN: Final = "token"
HOOK_SECRET: Final = "hook"
BASE_URL: Final = "https://api.telegram.org"
BY_HOOK, BY_ASKING = "hook", "poll"


@dataclass(frozen=True)
class TelegramConfig(Stored):
    """`way` is how updates come: Telegram calls us, or we ask for them."""

    way: str = BY_HOOK
    base_url: str = BASE_URL
