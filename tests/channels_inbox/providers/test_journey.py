"""One journey for every provider: connected by its page; in, out, receipt, file, error, and an
outage that reading makes up for. A new provider is covered by its line in `SANDBOXES`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_inbox import provider
from conversations import attachments, deliveries
from conversations.errors import NotReachable
from conversations.models import Attachment, Delivery, Identity, Ticket
from conversations.thread import database_now
from helpdesk.sandbox.provider import PICTURE
from tests.channels_inbox.providers.conftest import SANDBOXES, WRITTEN, knock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpdesk.sandbox.provider import Sandbox
    from tests.channels_inbox.providers.conftest import Place

pytestmark = pytest.mark.django_db


@pytest.fixture(params=WRITTEN, ids=lambda one: one.kind)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with request.param(knock=knock) as server:
        yield server


def test_every_provider_of_the_menu_is_covered() -> None:
    assert {one.kind for one in provider.providers()} == {one.kind for one in SANDBOXES}


def test_the_journey(place: Place) -> None:
    sandbox = place.sandbox
    # in
    sandbox.says("Đèn của tôi bị vỡ")
    place.work()
    [entry] = place.messages()
    assert (entry.text, entry.late, place.items()) == (
        "Đèn của tôi bị vỡ",
        False,
        [("threaded", "")],
    )
    identity = Identity.objects.get()
    assert identity.value == sandbox.customer
    assert Ticket.objects.get().status == "open"
    # out
    answer = place.answer("Chúng tôi gửi cái mới.")
    assert place.send(answer).state == "sent"
    [got] = sandbox.took
    assert (got.to, got.text, got.name) == (
        sandbox.customer, "Chúng tôi gửi cái mới.", answer.delivery.provider_id,
    )  # fmt: skip
    # receipt
    if sandbox.tells_receipts:
        sandbox.tells(got.name, "delivered")
        place.work()
        assert Delivery.objects.get().state == "delivered"
    # file, in and out
    sandbox.says("Đây", picture=True)
    place.work()
    picture = Attachment.objects.get()
    assert (picture.state, picture.inline) == ("stored", True)
    with default_storage.open(picture.storage_key) as file:
        assert file.read() == PICTURE
    upload = SimpleUploadedFile("hoá đơn.pdf", b"%PDF-1.4", "application/pdf")
    bill = attachments.upload(upload, by=place.cast.alice)
    assert place.send(place.answer("Hoá đơn đây", [bill])).state == "sent"
    assert len(sandbox.took[-1].files) == 1
    # error
    sandbox.faults = ["invalid"]
    refused = place.send(place.answer("Còn đó không?"))
    assert refused.state == "failed"
    assert refused.error
    assert Ticket.objects.get().status == "open"
    # outage: nobody is called, and reading finds it, or the provider calls again
    sandbox.calls = False
    sandbox.says("Bạn ơi?")
    sandbox.says("Alo?")
    sandbox.outage_was(timedelta(minutes=5))
    place.pull()
    place.pull()
    if not sandbox.keeps_history:
        sandbox.calls = True
        sandbox.push()  # type: ignore[attr-defined]
        place.work()
    missed = [one for one in place.messages() if one.is_inbound][-2:]
    assert [(one.text, one.late) for one in missed] == [("Bạn ơi?", True), ("Alo?", True)]
    assert place.account.missed == (2 if sandbox.keeps_history else 0)
    sandbox.calls = True
    sandbox.says("Cảm ơn")
    place.work()
    assert [one.text for one in place.messages()][-1] == "Cảm ơn"
    assert {state for state, _reason in place.items()} <= {"threaded", "duplicate"}


def test_a_slow_answer_is_waited_for(place: Place) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.latency = 1.2
    assert place.send(place.answer("Hello")).state == "sent"


@pytest.mark.parametrize("fault", ["dropped", "error"])
def test_what_may_have_been_sent_is_sent_again_only_where_it_is_taken_once(
    place: Place, fault: str
) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.faults = [fault]
    entry = place.answer("Hello")
    if place.sandbox.deduplicates:
        assert [place.send(entry).state for _twice in range(2)] == ["queued", "sent"]
        assert len(place.sandbox.took) == 1
        return
    assert [place.send(entry).state for _twice in range(2)] == ["ambiguous", "ambiguous"]
    assert len(place.sandbox.took) == (1 if fault == "dropped" else 0)


def test_who_wants_less_is_left_alone_as_long_as_it_says(place: Place) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.faults = ["busy"]
    entry, asked_for = place.answer("Hello"), timedelta(seconds=7)
    began = database_now()
    delivery = place.send(entry)
    ended = database_now()
    assert (delivery.state, delivery.error_code, delivery.attempts) == ("queued", "busy", 0)
    rest = place.account.rests_until
    assert rest is not None
    assert began + asked_for <= rest <= ended + asked_for
    assert place.send(entry).state == "sent"
    assert len(place.sandbox.took) == 1


def test_a_refused_sign_in_holds_what_waits_until_it_is_mended(place: Place) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.faults = ["sign_in"] * 10
    entry = place.answer("Hello")
    for _try in range(10):
        assert place.send(entry).state == "queued"
    assert place.account.error_code == "sending:token_refused"
    assert place.send(entry).state == "sent"
    assert place.account.error_code == ""


def test_who_wants_nothing_from_us_is_written_to_no_more(place: Place) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.faults = ["blocked"]
    assert place.send(place.answer("Hello")).state == "failed"
    reason = Identity.objects.get().undeliverable_reason
    assert reason in ("opted_out", "blocked")
    with pytest.raises(NotReachable, match="blocked|STOP"):
        place.answer("Hello?")


def test_a_second_try_goes_out(place: Place) -> None:
    """An agent's; by itself where the provider takes it once."""
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.faults = ["error"]
    entry = place.answer("Hello")
    place.send(entry)
    if not place.sandbox.deduplicates:
        deliveries.send_again(entry.delivery, by=place.cast.alice)
    assert place.send(entry).state == "sent"
    assert [got.text for got in place.sandbox.took] == ["Hello"]


def test_what_is_told_twice_and_out_of_order_is_there_once(place: Place) -> None:
    sandbox = place.sandbox
    sandbox.doubles = sandbox.reorders = True
    for text in ("one", "two", "three"):
        sandbox.says(text)
    told = [call.body for call, _status in sandbox.called]
    assert [b"two" in told[0], b"one" in told[2]] == [True, True]
    sandbox.settle()
    place.work()
    assert len(sandbox.called) == 6
    assert [entry.text for entry in place.messages()] == ["two", "one", "three"]


def test_trouble_lasts_until_it_is_taken_back(place: Place) -> None:
    place.sandbox.says("Hi")
    place.work()
    place.sandbox.trouble = "busy"
    entry = place.answer("Hello")
    assert [place.send(entry).state for _try in range(3)] == ["queued"] * 3
    place.sandbox.trouble = ""
    assert place.send(entry).state == "sent"
    assert len(place.sandbox.took) == 1
