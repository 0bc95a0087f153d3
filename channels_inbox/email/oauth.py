"""Access tokens for mail servers that want XOAUTH2: asked for with the admin's own client.

Refreshing holds the account's row, so that two workers never spend one refresh token, and both
tokens are written in one commit.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from channels_inbox import expiry, vault
from channels_inbox.base import ConnectError
from channels_inbox.email.config import OAUTH, MailConfig
from channels_inbox.guard import HTTPFailed, post_form
from channels_inbox.models import Account

if TYPE_CHECKING:
    from conversations.models import Inbox

CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN = "oauth_client", "oauth_refresh", "oauth_access"
SPARE_SECONDS: Final = 120
DEFAULT_LIFE_SECONDS: Final = 3600


def access_token(inbox: Inbox) -> str:
    """A token that is good for the next minutes. Raises ConnectError."""
    if token := _current(inbox):
        return token
    with transaction.atomic():
        account = Account.objects.select_for_update(of=("self",), no_key=True).get(inbox=inbox)
        return _current(inbox) or _refresh(inbox, MailConfig.of(account.config))


def refresh(account: Account) -> datetime | None:
    """A new access token before the one there is ends. Returns when the new one does; None where
    the sign-in is no OAuth, or nothing was allowed yet. Raises ConnectError."""
    inbox = account.inbox
    config = MailConfig.of(account.config)
    if config.auth != OAUTH or not vault.has(inbox, REFRESH_TOKEN):
        return None
    with transaction.atomic():
        Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        _refresh(inbox, config)
    return datetime.fromtimestamp(_kept(inbox)["expires_at"], UTC)


def authorize_url(config: MailConfig, *, redirect_uri: str, state: str) -> str:
    """Where the admin signs in at the provider and allows us to use the mailbox."""
    query = {
        "client_id": config.oauth_client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": config.provider.scope,
        "state": state,
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": config.imap_username or config.smtp_username,
    }
    return f"{config.provider.authorize_url}?{urlencode(query)}"


def exchange(inbox: Inbox, config: MailConfig, *, code: str, redirect_uri: str) -> None:
    """Turn the code the provider sent the admin back with into tokens. Raises ConnectError."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    _keep(inbox, _ask(inbox, config, form))


def _current(inbox: Inbox) -> str:
    try:
        kept = _kept(inbox)
    except vault.MissingSecret:
        return ""
    return str(kept["token"]) if kept["expires_at"] > time.time() + SPARE_SECONDS else ""


def _kept(inbox: Inbox) -> dict[str, Any]:
    """Raises MissingSecret."""
    kept: dict[str, Any] = json.loads(vault.get(inbox, ACCESS_TOKEN))
    return kept


def _refresh(inbox: Inbox, config: MailConfig) -> str:
    try:
        refresh_token = vault.get(inbox, REFRESH_TOKEN)
    except vault.MissingSecret:
        raise _sign_in_again() from None
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _keep(inbox, _ask(inbox, config, form))


def _ask(inbox: Inbox, config: MailConfig, form: dict[str, str]) -> dict[str, Any]:
    client = {"client_id": config.oauth_client_id}
    if vault.has(inbox, CLIENT_SECRET):
        client["client_secret"] = vault.get(inbox, CLIENT_SECRET)
    try:
        answer = post_form(config.provider.token_url, {**client, **form})
        told = json.loads(answer.body)
    except (HTTPFailed, ValueError) as error:
        raise ConnectError(
            "oauth_unreachable", _("The provider's sign-in does not answer: %s") % error
        ) from error
    if not isinstance(told, dict) or not told.get("access_token"):
        raise _refused(answer.status, told)
    return told


def _keep(inbox: Inbox, told: dict[str, Any]) -> str:
    """Write what came, in one commit. Some providers send a new refresh token, some keep the
    old."""
    token = str(told["access_token"])
    life = str(told.get("expires_in", ""))
    seconds = int(life) if life.isdigit() else DEFAULT_LIFE_SECONDS
    with transaction.atomic():
        kept: dict[str, Any] = {"token": token, "expires_at": int(time.time()) + seconds}
        vault.put(inbox, ACCESS_TOKEN, json.dumps(kept))
        if told.get("refresh_token"):
            vault.put(inbox, REFRESH_TOKEN, str(told["refresh_token"]))
        expiry.ends(inbox, datetime.fromtimestamp(kept["expires_at"], UTC))
    return token


def forget_access(inbox: Inbox) -> None:
    """The mail server refused the access token: the next use asks for a new one."""
    vault.drop(inbox, ACCESS_TOKEN)


def _refused(status: int, told: object) -> ConnectError:
    reason = told.get("error", "") if isinstance(told, dict) else ""
    if reason == "invalid_grant":
        return _sign_in_again()
    if reason in ("invalid_client", "unauthorized_client"):
        return ConnectError(
            "oauth_client", _("The provider refuses the client id or secret. Check both.")
        )
    return ConnectError(
        "oauth_refused",
        _("The provider's sign-in refused us (%(status)s %(reason)s).")
        % {"status": status, "reason": str(reason)[:100]},
    )


def _sign_in_again() -> ConnectError:
    return ConnectError(
        "oauth_expired", _("The permission has ended. Sign in at the mail provider again.")
    )
