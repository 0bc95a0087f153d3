"""Connecting a number of WhatsApp, and several numbers of one app."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from conversations.models import Identity, Inbox
from helpdesk.sandbox.whatsapp import CUSTOMER, NUMBER_ID, WhatsAppSandbox
from tests.channels_inbox.providers.conftest import Place, connected, settings_page
from tests.channels_inbox.providers.whatsapp.conftest import ask, ask_from_elsewhere

if TYPE_CHECKING:
    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_meta_asks_back_before_it_calls(sandbox: WhatsAppSandbox, cast: Cast, admin: Agent) -> None:
    sandbox.ask = ask_from_elsewhere
    place = connected(sandbox, cast, admin)
    assert sandbox.hook.endswith(f"/hooks/whatsapp/{place.inbox.public_id}/")


def test_saving_tells_meta_where_to_call(place: Place, sandbox: WhatsAppSandbox) -> None:
    assert sandbox.hook.endswith(f"/hooks/whatsapp/{place.inbox.public_id}/")
    assert place.inbox.address == "+842838220000"
    identity = Identity.objects.get()
    assert (identity.kind, identity.value, identity.proof) == (
        "whatsapp",
        f"+{CUSTOMER}",
        "verified",
    )
    assert place.messages()[0].proof == "verified"


def test_a_wrong_word_gets_no_answer(place: Place) -> None:
    path = f"/hooks/whatsapp/{place.inbox.public_id}/"
    query = "hub.mode=subscribe&hub.challenge=7&hub.verify_token="
    assert ask(f"{path}?{query}another-word")[0] == 401
    assert ask(f"{path}?{query}a-word-of-our-own") == (200, "7")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"access_token": "wrong"}, "The access token has expired or was withdrawn."),
        ({"app_secret": "wrong"}, "The app secret does not belong to the app"),
        ({"phone_number_id": "777"}, "This number is not in the business account."),
    ],
)
def test_what_is_wrong_is_said_before_it_is_connected(
    sandbox: WhatsAppSandbox, cast: Cast, admin: Agent, changed: dict[str, str], said: str
) -> None:
    answer = settings_page(admin, sandbox, cast, **changed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Inbox.objects.filter(kind="whatsapp").exists()


def test_when_the_token_ends_is_known_ahead(place: Place, sandbox: WhatsAppSandbox) -> None:
    assert place.account.expires_at is None
    sandbox.token_ends = int(time.time()) + 30 * 86400
    place.pull()
    account = place.account
    assert account.expires_at is not None
    assert account.warn_at is not None
    assert int(account.expires_at.timestamp()) == sandbox.token_ends
    assert account.warn_at < account.expires_at


def test_another_number_of_the_same_app_is_set_aside(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    call = sandbox.call_of("For our other number")
    body = call.body.replace(f'"{NUMBER_ID}"'.encode(), b'"502"')
    sandbox.call(sandbox.signed(body))
    place.work()
    assert place.items()[-1] == ("ignored", "other_account")
