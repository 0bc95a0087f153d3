"""Connecting an inbox: what is refused, what is kept, and the test of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from channels_inbox import vault
from channels_inbox.email import accounts
from channels_inbox.email.adapter import EmailAdapter
from channels_inbox.email.config import MailConfig
from channels_inbox.models import Account
from tests.builders import Cast
from tests.channels_inbox.mailing import connect
from tests.channels_inbox.servers import PASSWORD, USERNAME

if TYPE_CHECKING:
    from tests.channels_inbox.servers import IMAPServer, SMTPSink

pytestmark = pytest.mark.django_db

GOOD = MailConfig(imap_host="mail.example.org", imap_username="x")


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (MailConfig(imap_host="mail.example.org"), "imap_username"),
        (MailConfig(imap_host="https://mail.example.org", imap_username="x"), "imap_host"),
        (MailConfig(imap_host="mail.example.org", imap_username="x", imap_port=0), "imap_port"),
        (MailConfig(smtp_host="a b"), "smtp_host"),
        (MailConfig(smtp_host="mail.example.org", smtp_security="maybe"), "smtp_security"),
        (MailConfig(imap_host="mail.example.org", imap_username="x", folders=()), "folders"),
        (MailConfig(since_days=-1), "since_days"),
        (MailConfig(after="burn"), "after"),
        (MailConfig(after="move"), "after_folder"),
        (MailConfig(after="move", after_folder="INBOX"), "after_folder"),
        (MailConfig(auth="oauth", oauth_provider="google"), "oauth_client_id"),
        (MailConfig(auth="oauth", oauth_client_id="x"), "oauth_token_url"),
    ],
)
def test_settings_that_can_not_be_right_are_refused_by_field(
    cast: Cast, config: MailConfig, field: str
) -> None:
    with pytest.raises(accounts.InvalidConfig) as caught:
        accounts.save_account(cast.inbox, config)
    assert list(caught.value.errors) == [field]


def test_plus_addresses_need_room_before_the_at(cast: Cast) -> None:
    cast.inbox.address = "a" * 24 + "@desk.example"
    assert MailConfig(plus_addressing=True).errors(cast.inbox.address) == {}
    cast.inbox.address = "a" * 25 + "@desk.example"
    assert list(MailConfig(plus_addressing=True).errors(cast.inbox.address)) == ["plus_addressing"]


def test_settings_survive_their_row_and_unknown_ones_are_left_out() -> None:
    config = MailConfig(folders=("INBOX", "Shop"), trusted_forwarders=("a.example",))
    assert MailConfig.of({**config.stored(), "folders": ["INBOX", "Shop"], "gone": 1}) == config


def test_the_moment_of_connecting_stays_until_the_mailbox_is_another(cast: Cast) -> None:
    first = accounts.save_account(cast.inbox, GOOD).config["cutoff"]
    assert accounts.save_account(cast.inbox, GOOD).config["cutoff"] == first
    other = MailConfig(imap_host="mail.example.org", imap_username="y")
    assert accounts.save_account(cast.inbox, other).config["cutoff"] > first


def test_secrets_are_kept_when_left_empty_and_never_in_the_settings(cast: Cast) -> None:
    accounts.save_account(cast.inbox, GOOD, {"imap_password": "first"})
    accounts.save_account(cast.inbox, GOOD, {"imap_password": ""})
    assert vault.get(cast.inbox, "imap_password") == "first"
    assert "first" not in str(Account.objects.get().config)
    with pytest.raises(KeyError):
        accounts.save_account(cast.inbox, GOOD, {"hook": "mine"})


def test_a_hook_secret_is_new_each_time(cast: Cast) -> None:
    secrets = {accounts.new_hook_secret(cast.inbox) for _ in range(3)}
    assert len(secrets) == 3
    assert vault.get(cast.inbox, "hook") in secrets


def test_a_connection_is_tested_step_by_step(cast: Cast, imap: IMAPServer, sink: SMTPSink) -> None:
    sent = sink.config(smtp_username=USERNAME, plus_addressing=True).stored()
    smtp = {name: sent[name] for name in ("smtp_host", "smtp_port", "smtp_security")}
    config = imap.config(
        **smtp, smtp_username=USERNAME, plus_addressing=True, folders=("INBOX", "Nowhere")
    )
    account = connect(cast.inbox, config, imap_password=PASSWORD, smtp_password=PASSWORD)
    lines = EmailAdapter().check(account)
    assert [(line.what, line.ok) for line in lines] == [
        ("Sign in to 127.0.0.1 to read", True),
        ("Folder INBOX", True),
        ("Folder Nowhere", False),
        ("Sign in to 127.0.0.1 to send", True),
        ("Plus-addresses", True),
    ]
    assert sink.mails == []
    vault.put(cast.inbox, "smtp_password", "wrong")
    last = EmailAdapter().check(account)[-1]
    assert (last.ok, last.detail) == (
        False,
        "127.0.0.1 refuses the sign-in. Check the name and the password.",
    )
