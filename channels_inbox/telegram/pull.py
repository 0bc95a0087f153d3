"""Asking Telegram for updates: always where nobody calls us, else where its calls don't arrive.

It keeps them for a day until they are asked for with a higher offset, which we do only once they
are kept. While an address to call is set it refuses to be asked: that is taken back first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from channels_inbox import missing, receive
from channels_inbox.base import ConnectError, Pulled, Raw
from channels_inbox.payloads import as_json
from channels_inbox.pulling import Holding, let_go
from channels_inbox.talking import LOOK_SECONDS
from channels_inbox.telegram.api import CONFLICT, Api
from channels_inbox.telegram.config import BY_ASKING, TelegramConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.models import Account

log = structlog.get_logger(__name__)

SECONDS: Final = 30.0
HOLD_SECONDS: Final = 20
MOST: Final = 100
# What the desk has a use for; some of these come only if they are named.
UPDATES: Final = (
    *("message", "edited_message", "callback_query", "message_reaction", "my_chat_member"),
    *("business_connection", "business_message", "edited_business_message"),
    "deleted_business_messages",
)


def pull(account: Account, open_hook: Callable[[], None], hook: str) -> Pulled:
    """Raises ConnectError."""
    api, holding = Api.of(account), Holding(account)
    if TelegramConfig.of(account.config).way == BY_ASKING:
        return _asked(account, api, holding)
    info = api.ask("getWebhookInfo") or {}
    if info.get("url") == hook and not _is_stuck(info):
        return Pulled(0)
    log.info("telegram_calls_not_arriving", inbox=account.pk, said=info.get("last_error_message"))
    try:
        pulled = _asked(account, api, holding)
        missing.note(account, pulled.new)
    finally:
        open_hook()
    return pulled


def hear(account: Account) -> Pulled:
    """Ask, and wait for what comes in the next seconds; what came is let go by the next question.
    Raises ConnectError."""
    api = Api.of(account)
    let_go()
    new, _count = _kept(account, api, seconds=HOLD_SECONDS)
    return Pulled(new)


def key_of(update: dict[str, Any]) -> str:
    """By which an update is known, whether it was sent to us or asked for."""
    return f"update:{update['update_id']}"


def _is_stuck(info: dict[str, Any]) -> bool:
    """It has updates for us and its last call failed: it would try again later and later."""
    return bool(info.get("pending_update_count") and info.get("last_error_date"))


def _asked(account: Account, api: Api, holding: Holding) -> Pulled:
    ends, new = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        holding.still()
        fresh, count = _kept(account, api)
        new += fresh
        if count < MOST:
            _confirm(account, api)
            return Pulled(new)
    return Pulled(new, more=True)


def _kept(account: Account, api: Api, seconds: int = 0) -> tuple[int, int]:
    """How many of what waits there are new, and how many it was."""
    updates, new = _updates(account, api, seconds), 0
    for update in updates:
        body = as_json(update)
        new += receive.keep(account.inbox, Raw("pull", key_of(update), body)).is_new
    if updates:
        offset = max(int(one["update_id"]) for one in updates) + 1
        missing.move(account, {**account.cursor, "offset": offset, "bot": api.bot})
    return new, len(updates)


def _updates(account: Account, api: Api, seconds: int = 0) -> list[dict[str, Any]]:
    told: dict[str, Any] = {"limit": MOST, "timeout": seconds, "allowed_updates": UPDATES}
    told["seconds"] = seconds + LOOK_SECONDS
    if offset := _offset(account, api):
        told["offset"] = offset
    try:
        found = api.ask("getUpdates", **told)
    except ConnectError as error:
        if error.code != CONFLICT:
            raise
        api.ask("deleteWebhook")
        found = api.ask("getUpdates", **told)
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("update_id"), int)]


def _offset(account: Account, api: Api) -> int | None:
    """Each bot counts for itself, and forgets what is below: behind another token may be another
    bot, of which nothing was read yet. What is told once more is known."""
    same = account.cursor.get("bot") == api.bot
    return account.cursor.get("offset") if same else None


def _confirm(account: Account, api: Api) -> None:
    """The last ones are let go only by asking for those after them: before the hook is opened
    again it would call us with them once more."""
    if _offset(account, api):
        found = _updates(account, api)
        if found:
            log.info("telegram_more_came", inbox=account.pk, count=len(found))
