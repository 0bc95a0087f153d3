"""The hook of every provider: who may call, and that nothing comes in twice or is invented."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from channels_inbox import vault
from channels_inbox.models import Credential, Envelope, Item
from channels_inbox.provider import provider_of
from conversations.models import Entry
from tests.channels_inbox.providers.conftest import SANDBOXES, WRITTEN, connected, knock
from tests.channels_inbox.reading.samples import as_body, with_unknown_fields
from tests.channels_inbox.reading.test_samples import SAMPLES

if TYPE_CHECKING:
    from conversations.models import Agent
    from helpdesk.sandbox.provider import Call, Sandbox
    from tests.builders import Cast
    from tests.channels_inbox.providers.conftest import Place

pytestmark = pytest.mark.django_db


def without_signature(call: Call) -> Call:
    kept = {name: value for name, value in call.headers.items() if name == "Content-Type"}
    return replace(call, headers=kept)


def test_an_unsigned_call_is_refused(place: Place) -> None:
    assert place.sandbox.call(without_signature(place.sandbox.call_of("Hi"))) == 401
    assert not Envelope.objects.exists()


def test_a_forged_call_is_refused(place: Place) -> None:
    assert place.sandbox.call(place.sandbox.call_of("Hi", secret="another-secret")) == 401
    call = place.sandbox.call_of("Hi")
    assert place.sandbox.call(replace(call, headers=_turned(call))) == 401
    assert not Envelope.objects.exists()


def _turned(call: Call) -> dict[str, str]:
    """The same signature but for one letter."""
    return {
        name: value if name == "Content-Type" else ("B" if value[0] == "A" else "A") + value[1:]
        for name, value in call.headers.items()
    }


def test_without_a_secret_nobody_may_call(place: Place) -> None:
    place_secret = provider_of(place.inbox.kind).secret
    vault.drop(place.inbox, place_secret)
    assert place.sandbox.call(place.sandbox.call_of("Hi", secret="")) == 401
    Credential.objects.create(inbox=place.inbox, name=place_secret, sealed=vault.seal(""))
    assert place.sandbox.call(place.sandbox.call_of("Hi", secret="")) == 401
    assert not Envelope.objects.exists()


def test_a_call_for_another_inbox_is_refused(
    place: Place, sandbox: Sandbox, cast: Cast, admin: Agent
) -> None:
    """It is signed for the address of the other, or with its secret."""
    with type(sandbox)(knock=knock) as second:
        other = second_inbox(second, cast, admin, place)
        call = sandbox.call_of("Hi")
        assert sandbox.call(replace(call, url=second.hook)) == 401  # type: ignore[attr-defined]
        assert second.hook != sandbox.hook  # type: ignore[attr-defined]
        assert sandbox.call(call) == 200 or sandbox.called[-1][1] == 202
        assert not Envelope.objects.filter(inbox=other.inbox).exists()


def second_inbox(second: Sandbox, cast: Cast, admin: Agent, place: Place) -> Place:
    """Under another address, which the stand-ins all tell alike."""
    type(place.inbox).objects.filter(pk=place.inbox.pk).update(address="the first")
    return connected(second, cast, admin)


def test_the_same_call_again_changes_nothing(place: Place) -> None:
    call = place.sandbox.call_of("Hi")
    assert {place.sandbox.call(call) // 100 for _ in range(5)} == {2}
    place.work()
    assert place.sandbox.call(call) // 100 == 2
    place.work()
    assert (len(place.messages()), Item.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_same_call_at_once_is_one_message(place: Place) -> None:
    call = place.sandbox.call_of("Hi")

    def knock_once(_number: int) -> int:
        try:
            return knock(call.url, call.headers, call.body)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert {status // 100 for status in pool.map(knock_once, range(40))} == {2}
    place.work()
    assert len(place.messages()) == 1


@pytest.mark.parametrize("sandbox", WRITTEN, ids=lambda one: one.kind, indirect=True)
def test_messages_keep_the_order_they_came_in(place: Place) -> None:
    for number in range(5):
        place.sandbox.says(f"part {number}")
    place.work()
    assert [one.text for one in place.messages()] == [f"part {number}" for number in range(5)]


@pytest.mark.parametrize(
    "sandbox", [one for one in SANDBOXES if one.edits], ids=lambda one: one.kind, indirect=True
)
def test_an_edit_that_comes_before_its_message_waits_for_it(place: Place) -> None:
    sandbox = place.sandbox
    sandbox.calls = False
    name = sandbox.says("Helo")
    assert sandbox.call(sandbox.corrects(name, "Hello")) // 100 == 2
    place.work()
    assert place.messages() == []
    sandbox.calls = True
    sandbox.push()  # type: ignore[attr-defined]
    for _round in range(4):
        Item.objects.filter(state="waiting").update(next_at="2020-01-01T00:00Z")
        place.work()
    [entry] = place.messages()
    assert (entry.text, entry.data["edits"][0]["was"]) == ("Hello", "Helo")


def test_fields_nobody_has_heard_of_change_nothing(place: Place) -> None:
    for sample in _samples(place):
        if sample.name in ("text", "ringing"):
            body = as_body(with_unknown_fields(sample.content))
            assert place.sandbox.call(place.sandbox.signed(body)) // 100 == 2
    place.work()
    assert len(place.messages()) == 1


def test_every_documented_event_ends_as_it_should(place: Place, settings: Any) -> None:
    """Nothing of them dies, and there are as many messages as there are in them."""
    for sample in _samples(place):
        Item.objects.all().delete()
        Envelope.objects.all().delete()
        assert place.sandbox.call(place.sandbox.signed(sample.body)) // 100 == 2, sample.name
        place.work()
        for item in Item.objects.all():
            assert item.state != "dead", (sample.name, item.reason)
            assert item.state != "waiting" or item.reason.startswith("NotHere"), sample.name
    wanted = [
        one
        for sample in _samples(place)
        for one in sample.events
        if one.get("kind") == place.sandbox.makes
    ]
    assert wanted
    made = Entry.objects.filter(kind=place.sandbox.makes).count()
    # The samples share a message's name: it is one message, however often it is told of.
    assert 1 <= made <= len(wanted)


def test_a_type_nobody_has_heard_of_is_ignored_and_says_so(place: Place) -> None:
    [sample] = [
        one
        for one in _samples(place)
        if one.name in ("a type that doesn't exist", "update of zz_update")
    ]
    assert place.sandbox.call(place.sandbox.signed(sample.body)) // 100 == 2
    place.work()
    [(state, reason)] = place.items()
    assert state == "ignored"
    assert reason.startswith("no_message: zz_")
    assert place.messages() == []


def test_a_body_that_is_none_is_kept_and_set_aside(place: Place) -> None:
    body = b"{]" if place.inbox.kind == "telegram" else b"%%"
    assert place.sandbox.call(place.sandbox.signed(body)) // 100 == 2
    for _round in range(12):
        Item.objects.filter(state="waiting").update(next_at="2020-01-01T00:00Z")
        place.work()
    [(state, reason)] = place.items()
    assert state in ("dead", "ignored")
    assert reason


def _samples(place: Place) -> list[Any]:
    return [sample for sample in SAMPLES if sample.provider == place.inbox.kind]
