"""Meta's Graph API as WhatsApp needs it: asking it, and what its refusals mean."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from channels_inbox import guard, talking, vault
from channels_inbox.base import (
    BUSY,
    OPTED_OUT,
    SIGN_IN,
    WINDOW,
    ConnectError,
    SendError,
    SendUnknown,
)
from channels_inbox.payloads import moment, obj, objs, text
from channels_inbox.talking import Asked, Said
from channels_inbox.whatsapp.config import ACCESS_TOKEN, APP_SECRET, WhatsAppConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from channels_inbox.models import Account

Told = dict[str, Any]

MOST_PAGES: Final = 20
# Messages to one person: one in six seconds, after a burst.
PAIR_REST: Final = timedelta(seconds=10)
LONG_REST: Final = timedelta(hours=1)

# About the token, the number or the account: nothing goes out until an admin has mended it.
REFUSED: Final = {
    *("0", "3", "10", "33", "190", "368"),
    *("131005", "131031", "131042", "131045", "133010"),
}
MEANINGS: Final = {
    **dict.fromkeys(REFUSED, SIGN_IN),
    "4": BUSY,
    "80007": BUSY,
    "130429": BUSY,
    "131048": BUSY,
    "131047": WINDOW,
    "470": WINDOW,
    "131050": OPTED_OUT,
}
# Meta is out of order, or the number is being moved.
AWAY: Final = {"2", "131016", "131057"}
TOO_FAST: Final = "131056"
WORDS: Final = {
    "190": gettext_noop(
        "The access token has expired or was withdrawn. An admin writes a new one in the inbox's"
        " settings; what waits goes out then."
    ),
    "368": gettext_noop("Meta has blocked the account for breaking its rules."),
    "131031": gettext_noop("Meta has locked the account."),
    "131042": gettext_noop("Meta misses a way to be paid: see billing in WhatsApp Manager."),
    "133010": gettext_noop("The number is not registered with the Cloud API."),
    SIGN_IN: gettext_noop(
        "Meta refuses the access token for this number. An admin checks it in the inbox's settings;"
        " what waits goes out then."
    ),
    BUSY: gettext_noop("WhatsApp wants less at a time."),
    "131048": gettext_noop(
        "WhatsApp holds this number back, as too many people blocked or reported it."
    ),
    WINDOW: gettext_noop(
        "More than 24 hours have passed since they wrote: only a template may be sent now."
    ),
    OPTED_OUT: gettext_noop("They asked WhatsApp to have no more offers from us."),
    "130472": gettext_noop("WhatsApp held it back as part of an experiment of its own."),
    "131021": gettext_noop("That is our own number."),
    "131026": gettext_noop(
        "WhatsApp can't deliver to this number: it is not on WhatsApp, or its app is too old."
    ),
    "131030": gettext_noop("A test number writes only to the numbers that are listed at Meta."),
    "131049": gettext_noop("WhatsApp held it back: they get too many offers from businesses."),
    "131051": gettext_noop("WhatsApp takes no messages of this kind."),
    "131052": gettext_noop("WhatsApp could not read the file."),
    "131053": gettext_noop("WhatsApp does not take this file: its type or size is not allowed."),
    "131056": gettext_noop("Too many messages to this person at a time."),
    "131062": gettext_noop("This message needs their phone number, which they don't show."),
    "132000": gettext_noop("The template has another number of places now. Choose it anew."),
    "132001": gettext_noop("The template is not there, or not approved in this language."),
    "132005": gettext_noop("The template with these words is too long."),
    "132007": gettext_noop("The template breaks a rule of WhatsApp."),
    "132012": gettext_noop("A place of the template does not take these words."),
    "132015": gettext_noop("WhatsApp has paused this template, as people disliked it."),
    "132016": gettext_noop("WhatsApp has ended this template, as people disliked it."),
}


@dataclass(frozen=True)
class Api:
    config: WhatsAppConfig
    token: str
    app_secret: str

    @classmethod
    def of(cls, account: Account) -> Api:
        """Raises ConnectError where a secret isn't set."""
        try:
            token = vault.get(account.inbox, ACCESS_TOKEN)
            secret = vault.get(account.inbox, APP_SECRET)
        except vault.MissingSecret:
            text = _("Access token or app secret is not set. Write it below.")
            raise ConnectError(SIGN_IN, text) from None
        return cls(WhatsAppConfig.of(account.config), token, secret)

    @property
    def number(self) -> str:
        return self.config.phone_number_id

    def send(self, message: Told, go: Callable[[], None]) -> str:
        """Send one, and return its name. Raises SendError and SendUnknown."""
        said = talking.hand_over(self._posted(f"{self.number}/messages", message), go)
        names = [text(one, "id") for one in objs(said.told, "messages")]
        if said.is_good and names and names[0]:
            return names[0]
        raise _refusal(said)

    def upload(self, filename: str, content: bytes, content_type: str) -> str:
        """Leave a file with Meta, for messages to come; nobody gets it by that. Returns its id.
        Raises SendError."""
        form = guard.form_of(
            {"messaging_product": "whatsapp", "type": content_type},
            {"file": (filename, content, content_type)},
        )
        url = self._url(f"{self.number}/media")
        asked = Asked("POST", url, self._headers({"Content-Type": form[0]}), form[1])
        try:
            said = talking.look(asked, talking.SECONDS)
        except ConnectError as error:
            raise SendError(error.code, error.error, permanent=False, away=True) from error
        if said.is_good and text(said.told, "id"):
            return text(said.told, "id")
        refusal = _refusal(said)
        if isinstance(refusal, SendUnknown):  # a file is no message: nobody got anything
            raise SendError("media", str(refusal), permanent=False) from None
        raise refusal

    def get(self, path: str, **query: str) -> Told:
        """Raises ConnectError."""
        return _answer(talking.look(Asked("GET", self._url(path, query), self._headers({}))))

    def change(self, path: str, told: Told) -> Told:
        """Change a setting; twice is as once. Raises ConnectError."""
        return _answer(talking.look(self._posted(path, told)))

    def pages(self, path: str, **query: str) -> Iterator[Told]:
        """The rows of a list, over its pages. Raises ConnectError."""
        asked = dict(query)
        for _page in range(MOST_PAGES):
            told = self.get(path, **asked)
            yield from objs(told, "data")
            after = text(told, "paging", "cursors", "after")
            if not (after and text(told, "paging", "next")):
                return
            asked["after"] = after

    def file(self, media_id: str, most_bytes: int) -> bytes:
        """Ask where a file is, and fetch it: the address holds for minutes, and only with the
        token. Raises ConnectError and HTTPFailed."""
        found = self.get(media_id, phone_number_id=self.number)
        url = text(found, "url")
        if urlsplit(url).scheme != "https" and not self._is_ours(url):
            raise guard.HTTPFailed("no address of a file")
        return talking.fetch(url, {"Authorization": f"Bearer {self.token}"}, most_bytes)

    def token_ends(self) -> datetime | None:
        """When the access token does; None for never, and where Meta doesn't say. Raises
        ConnectError where it is over."""
        try:
            told = self.get("debug_token", input_token=self.token)
        except ConnectError as error:
            if error.code == "refused_by_provider":
                return None
            raise
        return moment(told, "data", "expires_at")

    def _is_ours(self, url: str) -> bool:
        return urlsplit(url)[:2] == urlsplit(self.config.base_url)[:2]

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """With a proof that we know the app's secret, so that a token alone is worth nothing."""
        proof = hmac.digest(self.app_secret.encode(), self.token.encode(), "sha256").hex()
        told = urlencode({**(query or {}), "appsecret_proof": proof})
        return f"{self.config.base_url.rstrip('/')}/{path}?{told}"

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **more}

    def _posted(self, path: str, told: Told) -> Asked:
        headers = self._headers({"Content-Type": "application/json"})
        return Asked("POST", self._url(path), headers, json.dumps(told).encode())


def in_words(code: str, told: str = "") -> str:
    """Why a message didn't arrive, for people; Meta's own words for what we have none for."""
    words = WORDS.get(code) or WORDS.get(meaning_of(code))
    return _(words) if words else " ".join(filter(None, (told, f"({code})" if code else "")))


def meaning_of(code: str) -> str:
    permission = code.isascii() and code.isdigit() and 200 <= int(code) <= 299
    return MEANINGS.get(code) or (SIGN_IN if permission else f"whatsapp_{code}")


def _refusal(said: Said) -> Exception:
    """503 and 429 come from before anything was done; what other failures of the server mean, it
    doesn't know itself."""
    code, told = _told(said)
    meaning, words = meaning_of(code or str(said.status)), in_words(code, told)[:400]
    if said.status == 401 or meaning == SIGN_IN:
        return SendError(SIGN_IN, words or _(WORDS[SIGN_IN]), permanent=False)
    if said.status == 429 or meaning == BUSY:
        rest = said.rest or (LONG_REST if code == "131048" else None)
        return SendError(BUSY, words or _(WORDS[BUSY]), permanent=False, retry_after=rest)
    if code == TOO_FAST:
        return SendError(meaning, words, permanent=False, retry_after=PAIR_REST)
    if code in AWAY or said.status == 503:
        words, name = _("WhatsApp is out of order for the moment."), f"whatsapp_{code or 503}"
        rest = said.rest
        return SendError(name, words, permanent=False, retry_after=rest, away=True, rest=rest)
    if 400 <= said.status < 500:
        return SendError(meaning, words, permanent=True)
    return SendUnknown(
        _("WhatsApp answered with an error (%s). It may have been sent.") % (code or said.status)
    )


def _answer(said: Said) -> Told:
    if said.is_good:
        return said.told
    code, told = _told(said)
    if said.status == 401 or meaning_of(code) == SIGN_IN:
        raise ConnectError(SIGN_IN, in_words(code) or _("Meta refuses the access token."))
    if said.status == 429 or meaning_of(code) == BUSY:
        raise ConnectError(BUSY, _("Meta wants to be asked less often."))
    if "appsecret_proof" in told:
        text = _("The app secret does not belong to the app of this access token.")
        raise ConnectError("app_secret", text)
    told = told[:300] or str(said.status)
    raise ConnectError("refused_by_provider", _("Meta answered: %s") % told)


def _told(said: Said) -> tuple[str, str]:
    """Code and words of an error."""
    error = obj(said.told, "error")
    return text(error, "code"), text(error, "error_data", "details") or text(error, "message")
