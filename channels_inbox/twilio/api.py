"""The REST API of Twilio: asking it, and what its refusals mean."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from channels_inbox import talking, vault
from channels_inbox.base import (
    BLOCKED,
    BUSY,
    OPTED_OUT,
    SIGN_IN,
    WINDOW,
    ConnectError,
    SendError,
    SendUnknown,
)
from channels_inbox.talking import Asked, Said
from channels_inbox.twilio.config import AUTH_TOKEN, TwilioConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from channels_inbox.models import Account

MOST_PAGES: Final = 200

MEANINGS: Final = {
    "20003": SIGN_IN,
    "20005": SIGN_IN,
    "20429": BUSY,
    "14107": BUSY,
    "21610": OPTED_OUT,
    "30004": BLOCKED,
    "63016": WINDOW,
}
WORDS: Final = {
    SIGN_IN: gettext_noop(
        "Twilio refuses the account SID or the auth token. An admin writes them anew in the inbox's"
        " settings; what waits goes out then."
    ),
    OPTED_OUT: gettext_noop("They asked us by a word such as STOP to write there no more."),
    WINDOW: gettext_noop("The time to answer freely is over; only a template may be sent now."),
    "21211": gettext_noop("This is no number a message can be sent to."),
    "21408": gettext_noop("The Twilio account may not send to this country."),
    "21606": gettext_noop("The number we send from can't send messages."),
    "21612": gettext_noop("There is no way from our number to this one."),
    "21614": gettext_noop("This number takes no messages; it is a landline perhaps."),
    "21617": gettext_noop("The message is too long: 1,600 characters at most."),
    "30003": gettext_noop("The phone can't be reached; it is switched off perhaps."),
    "30004": gettext_noop("They have blocked us there."),
    "30005": gettext_noop("There is no such number."),
    "30006": gettext_noop("This number takes no messages; it is a landline perhaps."),
    "30007": gettext_noop("The phone company took it for spam."),
    "30008": gettext_noop("The phone company gives no reason."),
}


@dataclass(frozen=True)
class Api:
    config: TwilioConfig
    token: str

    @classmethod
    def of(cls, account: Account) -> Api:
        """Raises ConnectError where no token is set."""
        try:
            return cls(TwilioConfig.of(account.config), vault.get(account.inbox, AUTH_TOKEN))
        except vault.MissingSecret:
            raise ConnectError(SIGN_IN, _("No auth token is set. Write it below.")) from None

    @property
    def headers(self) -> dict[str, str]:
        pair = f"{self.config.account_sid}:{self.token}".encode()
        return {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Accept": "application/json",
        }

    def create_message(self, form: Sequence[tuple[str, str]], go: Callable[[], None]) -> str:
        """Send one, and return its SID. Raises SendError and SendUnknown."""
        said = talking.hand_over(self._posted("Messages.json", form), go)
        if said.is_good and said.told.get("sid"):
            return str(said.told["sid"])
        raise _refusal(said)

    def change(self, path: str, form: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Change a setting; twice is as once. Raises ConnectError."""
        return _answer(talking.look(self._posted(path, form)))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Raises ConnectError."""
        return _answer(talking.look(self._got(f"{self._url(path)}?{urlencode(query)}")))

    def pages(self, path: str, name: str, **query: str) -> Iterator[dict[str, Any]]:
        """The rows of a list, over its pages. Raises ConnectError."""
        url = f"{self._url(path)}?{urlencode(query)}"
        for _page in range(MOST_PAGES):
            told = _answer(talking.look(self._got(url)))
            rows = told.get(name)
            yield from (one for one in rows if isinstance(one, dict)) if rows else ()
            if not told.get("next_page_uri"):
                return
            url = urljoin(self.config.base_url, str(told["next_page_uri"]))

    def file(self, url: str, most_bytes: int) -> bytes:
        """A file of a message. Only the API itself is told who we are. Raises HTTPFailed."""
        ours = urlsplit(url)[:2] == urlsplit(self.config.base_url)[:2]
        return talking.fetch(url, self.headers if ours else {}, most_bytes)

    def _url(self, path: str) -> str:
        base = self.config.base_url.rstrip("/")
        return f"{base}/2010-04-01/Accounts/{self.config.account_sid}/{path}"

    def _got(self, url: str) -> Asked:
        return Asked("GET", url, self.headers)

    def _posted(self, path: str, form: Sequence[tuple[str, str]]) -> Asked:
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return Asked("POST", self._url(path), self.headers | content_type, urlencode(form).encode())


def in_words(code: str, told: str = "") -> str:
    """Why a message didn't arrive, for people; Twilio's own words for what we have none for."""
    words = WORDS.get(code) or WORDS.get(MEANINGS.get(code, ""))
    return _(words) if words else " ".join(filter(None, (told, f"({code})" if code else "")))


def meaning_of(code: str) -> str:
    return MEANINGS.get(code, f"twilio_{code}")


def _refusal(said: Said) -> Exception:
    """503 and 429 come from before anything was done; what other failures of the server mean, it
    doesn't know itself."""
    code = str(said.told.get("code") or "")
    text = in_words(code, str(said.told.get("message") or ""))[:400]
    if said.status == 401:
        return SendError(SIGN_IN, in_words("20003"), permanent=False)
    if said.status == 429 or meaning_of(code) == BUSY:
        text = text or _("Twilio wants less at a time.")
        return SendError(BUSY, text, permanent=False, retry_after=said.rest)
    if said.status == 503:
        text = text or _("Twilio is out of order for the moment.")
        return SendError(
            "twilio_503",
            text,
            permanent=False,
            retry_after=said.rest,
            away=True,
            rest=said.rest,
        )
    if 400 <= said.status < 500:
        permanent = meaning_of(code) != SIGN_IN
        return SendError(meaning_of(code or str(said.status)), text, permanent=permanent)
    return SendUnknown(
        _("Twilio answered with an error (%s). It may have been sent.") % said.status
    )


def _answer(said: Said) -> dict[str, Any]:
    if said.is_good:
        return said.told
    if said.status in (401, 403):
        raise ConnectError(SIGN_IN, _("Twilio refuses the account SID or the auth token."))
    if said.status == 429:
        raise ConnectError(BUSY, _("Twilio wants to be asked less often."))
    told = str(said.told.get("message") or said.status)[:300]
    raise ConnectError("refused_by_provider", _("Twilio answered: %s") % told)
