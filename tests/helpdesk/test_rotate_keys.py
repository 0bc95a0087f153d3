"""A new key for all that is stored encrypted, and the old one thrown away."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.management import call_command

from channels_inbox import vault
from channels_inbox.models import Webhook
from channels_inbox.webhooks import keeping, send
from conversations.models import Agent, Role
from helpdesk.accounts import sealed_factors
from tests.builders import Cast, make_agent, make_cast

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def ada(cast: Cast) -> Agent:
    """With one of everything that is sealed: five secrets."""
    ada = make_agent("Ada", role=Role.ADMIN)
    vault.put(cast.inbox, "imap_password", "open sesame")
    webhook, _secret = keeping.make(name="Shop", url="https://x.example/", types=[], by=ada)
    keeping.new_secret(webhook, by=ada)
    TOTP.activate(ada, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(ada)
    return ada


def rotate() -> str:
    call_command("rotate_keys", stdout=(told := StringIO()))
    return told.getvalue()


def test_all_is_sealed_with_the_newest_key_and_the_older_may_go(
    ada: Agent, cast: Cast, settings: Settings
) -> None:
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    signing = send.secrets_of(Webhook.objects.get())
    newer = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [newer, *settings.FIELD_ENCRYPTION_KEYS]
    assert rotate() == "5 secrets sealed with the newest key.\n"
    assert rotate() == "0 secrets sealed with the newest key.\n"
    settings.FIELD_ENCRYPTION_KEYS = [newer]
    assert vault.get(cast.inbox, "imap_password") == "open sesame"
    assert send.secrets_of(Webhook.objects.get()) == signing
    assert "JBSWY3DPEHPK3PXP" in [vault.unseal(sealed) for sealed in sealed_factors()]
    kept = RecoveryCodes(Authenticator.objects.get(type="recovery_codes"))
    assert kept.get_unused_codes() == codes


def test_what_no_key_opens_is_said_and_left_as_it_is(ada: Agent, settings: Settings) -> None:
    before = set(sealed_factors())
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    told = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", stdout=told)
    assert ended.value.code == 1
    assert told.getvalue().splitlines() == [
        "0 secrets sealed with the newest key.",
        "5 can't be opened by any of the keys.",
    ]
    assert set(sealed_factors()) == before
