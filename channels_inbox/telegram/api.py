"""The Bot API of Telegram: calling its methods, and what its refusals mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from channels_inbox import guard, talking, vault
from channels_inbox.base import BLOCKED, BUSY, SIGN_IN, ConnectError, SendError, SendUnknown
from channels_inbox.talking import Asked, Said
from channels_inbox.telegram.config import TOKEN, TelegramConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from channels_inbox.models import Account

Told = dict[str, Any]
File = tuple[str, bytes, str]

CONFLICT: Final = "conflict"
REFUSED_TOKEN: Final = gettext_noop(
    "Telegram refuses the bot's token. An admin writes it anew in the inbox's settings; what waits"
    " goes out then."
)
# What its descriptions begin with, in lower case; it has no other code for these.
WORDS: Final = (
    ("bad request: chat not found", gettext_noop("Telegram knows no such chat with this bot.")),
    (
        "bad request: message is too long",
        gettext_noop("The message is too long for Telegram."),
    ),
    ("request entity too large", gettext_noop("The file is too large for Telegram.")),
)
NOT_STARTED: Final = gettext_noop(
    "They have never written to this bot: Telegram lets it write to nobody first."
)


@dataclass(frozen=True)
class Api:
    base_url: str
    token: str

    @classmethod
    def of(cls, account: Account) -> Api:
        """Raises ConnectError where no token is set."""
        try:
            token = vault.get(account.inbox, TOKEN)
        except vault.MissingSecret:
            raise ConnectError(SIGN_IN, _("No token is set. Write it below.")) from None
        return cls(TelegramConfig.of(account.config).base_url.rstrip("/"), token)

    @property
    def bot(self) -> str:
        """Its number, which its tokens begin with."""
        return self.token.partition(":")[0]

    def send(
        self,
        method: str,
        fields: Mapping[str, str],
        files: Mapping[str, File],
        go: Callable[[], None],
    ) -> Told:
        """Send one message. Raises SendError and SendUnknown."""
        content_type, body = guard.form_of(fields, files)
        asked = Asked("POST", self._url(method), {"Content-Type": content_type}, body)
        said = talking.hand_over(asked, go)
        if said.told.get("ok") and isinstance(said.told.get("result"), dict):
            return dict(said.told["result"])
        raise _refusal(said)

    def ask(self, method: str, **told: object) -> Any:
        """A method that sends nothing to anybody; `seconds` is how long it may take. Raises
        ConnectError."""
        seconds = told.pop("seconds", talking.LOOK_SECONDS)
        assert isinstance(seconds, float)
        headers = {"Content-Type": "application/json"}
        asked = Asked("POST", self._url(method), headers, json.dumps(told).encode())
        said = talking.look(asked, seconds)
        if said.told.get("ok"):
            return said.told.get("result")
        raise _trouble(said)

    def file(self, file_id: str, most_bytes: int) -> bytes:
        """Raises ConnectError and HTTPFailed."""
        found = self.ask("getFile", file_id=file_id)
        path = str((found or {}).get("file_path", ""))
        return talking.fetch(f"{self.base_url}/file/bot{self.token}/{path}", {}, most_bytes)

    def _url(self, method: str) -> str:
        return f"{self.base_url}/bot{self.token}/{method}"


def _refusal(said: Said) -> Exception:
    told = str(said.told.get("description") or said.status)
    if said.status in (401, 404):
        return SendError(SIGN_IN, _(REFUSED_TOKEN), permanent=False)
    if said.status == 429:
        text = _("Telegram wants less at a time.")
        return SendError(BUSY, text, permanent=False, retry_after=_rest(said))
    if said.status == 403:
        if "initiate" in told:
            return SendError("not_started", _(NOT_STARTED), permanent=True)
        return SendError(BLOCKED, _("They have blocked us there."), permanent=True)
    if 400 <= said.status < 500:
        return SendError(f"telegram_{said.status}", _in_words(told), permanent=True)
    return SendUnknown(
        _("Telegram answered with an error (%s). It may have been sent.") % said.status
    )


def _trouble(said: Said) -> ConnectError:
    told = str(said.told.get("description") or said.status)[:300]
    if said.status in (401, 404):
        return ConnectError(SIGN_IN, _("Telegram refuses the bot's token."))
    if said.status == 409:
        return ConnectError(CONFLICT, told)
    if said.status == 429:
        return ConnectError(BUSY, _("Telegram wants to be asked less often."))
    return ConnectError("refused_by_provider", _("Telegram answered: %s") % told)


def _in_words(told: str) -> str:
    known = (words for begins, words in WORDS if told.lower().startswith(begins))
    return _(words) if (words := next(known, "")) else told[:400]


def _rest(said: Said) -> timedelta | None:
    """Telegram says it in its JSON."""
    parameters = said.told.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(seconds, int) and 0 < seconds <= talking.LONGEST_REST.total_seconds():
        return timedelta(seconds=seconds)
    return said.rest
