"""Signing in with the provider's tokens instead of a password."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from channels_inbox import pulling, vault
from channels_inbox.base import ConnectError
from channels_inbox.email import oauth
from channels_inbox.email.config import OAUTH, MailConfig
from channels_inbox.models import Account
from tests.builders import Cast
from tests.channels_inbox.mailing import connect
from tests.channels_inbox.servers import USERNAME, Dovecot, TokenServer

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def config(server: TokenServer, **fields: object) -> MailConfig:
    return MailConfig(
        auth=OAUTH,
        oauth_provider="google",
        oauth_client_id="our-client",
        oauth_token_url=server.url,
        **fields,  # type: ignore[arg-type]
    )


def connect_oauth(cast: Cast, config: MailConfig, server: TokenServer) -> Account:
    server.answer = {"access_token": "access-1", "refresh_token": "refresh-2", "expires_in": 3600}
    return connect(cast.inbox, config, oauth_client="our-secret", oauth_refresh="refresh-1")


def test_a_token_is_asked_for_once_and_both_are_kept_sealed(
    cast: Cast, tokens_server: TokenServer
) -> None:
    connect_oauth(cast, config(tokens_server), tokens_server)
    assert [oauth.access_token(cast.inbox) for _ in range(2)] == ["access-1"] * 2
    assert tokens_server.forms == [
        {
            "client_id": "our-client",
            "client_secret": "our-secret",
            "grant_type": "refresh_token",
            "refresh_token": "refresh-1",
        }
    ]
    assert vault.get(cast.inbox, "oauth_refresh") == "refresh-2"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(encode(sealed, 'escape'), ' ') FROM channels_inbox_credential"
        )
        dump = cursor.fetchone()[0]
    assert "refresh-2" not in dump
    assert "access-1" not in dump


def test_workers_at_once_spend_the_refresh_token_once(
    cast: Cast, tokens_server: TokenServer
) -> None:
    connect_oauth(cast, config(tokens_server), tokens_server)
    found: list[str] = []

    def ask() -> None:
        try:
            found.append(oauth.access_token(cast.inbox))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(tokens_server.forms)) == (["access-1"] * 6, 1)


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (400, {"error": "invalid_grant"}, "oauth_expired"),
        (401, {"error": "invalid_client"}, "oauth_client"),
        (500, {}, "oauth_refused"),
        (200, {"access_token": ""}, "oauth_refused"),
    ],
)
def test_a_refusal_says_what_to_do(
    cast: Cast, tokens_server: TokenServer, status: int, answer: dict[str, str], code: str
) -> None:
    connect_oauth(cast, config(tokens_server), tokens_server)
    tokens_server.status, tokens_server.answer = status, answer
    with pytest.raises(ConnectError) as caught:
        oauth.access_token(cast.inbox)
    assert (caught.value.code, vault.get(cast.inbox, "oauth_refresh")) == (code, "refresh-1")


def test_a_token_endpoint_in_our_own_network_is_not_asked(
    cast: Cast, tokens_server: TokenServer, settings: Settings
) -> None:
    connect_oauth(cast, config(tokens_server), tokens_server)
    settings.ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(ConnectError) as caught:
        oauth.access_token(cast.inbox)
    assert (caught.value.code, tokens_server.forms) == ("oauth_unreachable", [])


def test_the_admin_is_sent_to_the_provider_and_comes_back_with_a_code(
    cast: Cast, tokens_server: TokenServer
) -> None:
    connect_oauth(cast, config(tokens_server), tokens_server)
    mail_config = config(tokens_server, imap_username=USERNAME)
    url = oauth.authorize_url(mail_config, redirect_uri="https://desk.example/back/", state="s1")
    asked = parse_qs(urlsplit(url).query)
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert (asked["state"], asked["login_hint"]) == (["s1"], [USERNAME])
    oauth.exchange(cast.inbox, mail_config, code="c1", redirect_uri="https://desk.example/back/")
    assert tokens_server.forms[0]["grant_type"] == "authorization_code"
    assert vault.get(cast.inbox, "oauth_refresh") == "refresh-2"


@pytest.mark.skipif(bool(Dovecot.missing()), reason=Dovecot.missing())
def test_a_mailbox_is_read_with_a_token_and_a_refused_one_is_asked_for_anew(
    cast: Cast, tokens_server: TokenServer
) -> None:
    with Dovecot(introspection=tokens_server.url) as server:
        fields = server.config().stored()
        wanted = {"imap_host", "imap_port", "imap_security", "imap_username"}
        mail_config = config(tokens_server, **{name: fields[name] for name in wanted})
        connect_oauth(cast, mail_config, tokens_server)
        pulling.pull(cast.inbox.pk)
        assert Account.objects.get().error == ""
        tokens_server.good = "access-2"
        tokens_server.answer["access_token"] = "access-2"
        pulling.pull(cast.inbox.pk)
        assert Account.objects.get().error_code == "sign_in"
        pulling.pull(cast.inbox.pk)
        assert Account.objects.get().error_code == ""
