"""What becomes of ours: statuses that repeat our name of a message, failures told later, receipts in
any order, files in two steps."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from channels_inbox.registry import adapter
from conversations import deliveries, mirrored
from conversations.errors import WindowClosed
from conversations.models import Delivery, EarlyReceipt, Identity, Ticket
from conversations.thread import database_now
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.channels_inbox.providers.conftest import Place
from tests.channels_inbox.providers.whatsapp.conftest import file_of

if TYPE_CHECKING:
    from conversations.deliveries import Lease

pytestmark = pytest.mark.django_db


def test_a_status_settles_what_may_have_been_sent(place: Place, sandbox: WhatsAppSandbox) -> None:
    sandbox.faults = ["dropped"]
    delivery = place.send(place.answer("Hello"))
    assert (delivery.state, delivery.provider_id) == ("ambiguous", "")
    sandbox.tells(sandbox.took[0].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", sandbox.took[0].name)


def test_of_several_parts_only_the_last_settles_all(place: Place, sandbox: WhatsAppSandbox) -> None:
    """The text went out, the connection broke with the second file."""
    files = [file_of(place, f"{number}.pdf") for number in range(2)]
    sandbox.faults = ["", "dropped"]
    delivery = place.send(place.answer("Two files", files))
    assert (delivery.state, len(sandbox.took)) == ("ambiguous", 2)
    sandbox.tells(sandbox.took[0].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "ambiguous"
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_parts_that_went_out_are_not_sent_again(place: Place, sandbox: WhatsAppSandbox) -> None:
    files = [file_of(place, f"{number}.pdf") for number in range(3)]
    sandbox.faults = ["", "pair"]
    entry = place.answer("Three files", files)
    delivery = place.send(entry)
    assert (delivery.state, delivery.error_code, len(sandbox.took)) == (
        "queued",
        "whatsapp_131056",
        1,
    )
    delivery = place.send(entry)
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("2.pdf",)]
    assert [got.text for got in sandbox.took] == ["Three files", "", ""]
    # That one of them did not arrive is news, that it did is none.
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    sandbox.tells(sandbox.took[1].name, "failed", 131053)
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("failed", "whatsapp_131053")


def test_a_worker_that_died_knowing_the_answer_leaves_no_doubt(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    answer = place.answer("Hello")
    [lease] = deliveries.claim([place.inbox.pk], 1)
    delivery = Delivery.objects.get(pk=lease.delivery)
    adapter(place.inbox.kind).send(delivery, lambda: assert_ours(lease))
    Delivery.objects.update(lease_until=answer.at)
    assert deliveries.expire_leases() == 1
    delivery = place.send(answer)
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)
    assert len(sandbox.took) == 1


def assert_ours(lease: Lease) -> None:
    assert deliveries.handing_over(lease)


def test_a_failure_told_later_says_why_and_is_our_turn_again(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("Hello"))
    assert Ticket.objects.get().status == "pending"
    sandbox.tells(delivery.provider_id, "failed", 131047)
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("failed", "window_closed")
    assert Ticket.objects.get().status == "open"
    with pytest.raises(WindowClosed):
        place.answer("Again")


def test_what_failed_later_goes_out_again_where_an_agent_says_so(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    entry = place.answer("Hello")
    first = place.send(entry).provider_id
    sandbox.tells(first, "failed", 131026)
    place.work()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    delivery = place.send(entry)
    assert (delivery.state, [got.text for got in sandbox.took]) == ("sent", ["Hello"] * 2)
    assert delivery.provider_id == sandbox.took[1].name
    # What is told of the first one once more says nothing of the second.
    sandbox.tells(first, "failed", 131026)
    sandbox.tells(delivery.provider_id, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_what_may_have_been_sent_at_the_second_try_is_settled_by_its_status(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    entry = place.answer("Hello")
    sandbox.tells(place.send(entry).provider_id, "failed", 131026)
    place.work()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    sandbox.faults = ["dropped"]
    delivery = place.send(entry)
    assert delivery.state == "ambiguous"
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", sandbox.took[1].name)


def test_a_file_that_will_not_arrive_is_told_though_the_words_did(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """Meta looks at a file later than at words. Only the file goes out again."""
    files = [file_of(place, f"{number}.pdf") for number in range(2)]
    entry = place.answer("Two files", files)
    place.send(entry)
    sandbox.tells(sandbox.took[0].name, "read")
    sandbox.tells(sandbox.took[1].name, "failed", 131053)
    place.work()
    entry.delivery.refresh_from_db()
    assert (entry.delivery.state, entry.delivery.error_code) == ("failed", "whatsapp_131053")
    assert Ticket.objects.get().status == "open"
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    delivery = place.send(entry)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("1.pdf",)]
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)


def test_what_went_out_does_not_settle_what_goes_out_again(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """The first of two did not arrive, and that the second did is told when it waits again."""
    files = [file_of(place, f"{number}.pdf") for number in range(2)]
    entry = place.answer("Two files", files)
    place.send(entry)
    sandbox.tells(sandbox.took[0].name, "failed", 131053)
    place.work()
    entry.delivery.refresh_from_db()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    sandbox.tells(sandbox.took[1].name, "read")
    place.work()
    delivery = place.send(entry)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("0.pdf",)]
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[2].name)


def test_a_payment_that_fails_says_nothing_of_the_message_that_asked_for_it(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("Please pay"))
    sandbox.tells(delivery.provider_id, "failed", type="payment", payment={"reference_id": "42"})
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, Ticket.objects.get().status) == ("sent", "pending")
    assert place.items()[-1] == ("ignored", "no_message: payment failed")


def test_who_wants_no_offers_is_answered_again_once_they_write(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("An offer"))
    sandbox.tells(delivery.provider_id, "failed", 131050)
    place.work()
    assert Identity.objects.get().undeliverable_reason == "opted_out"
    sandbox.says("A question")
    place.work()
    assert Identity.objects.get().undeliverable_at is None


@pytest.mark.parametrize("code", [131047, 131050])
def test_who_wrote_after_what_failed_is_answered(
    place: Place, sandbox: WhatsAppSandbox, code: int
) -> None:
    """Meta tells late that it had closed for what we wrote before."""
    delivery = place.send(place.answer("An offer"))
    in_a_while = str(int(time.time()) + 2)
    sandbox.writes(type="text", text={"body": "A question"}, timestamp=in_a_while)
    sandbox.tells(delivery.provider_id, "failed", code)
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert place.send(place.answer("An answer")).state == "sent"


def test_a_receipt_that_comes_first_waits_a_day_for_its_message(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """Another program sends by the same number, or our own answer isn't written yet."""
    sandbox.tells("wamid.later", "delivered")
    sandbox.tells("wamid.never", "delivered")
    place.work()
    assert place.items()[-1] == ("ignored", "early_receipt")
    delivery = place.send(place.answer("Hello"))
    type(delivery).objects.filter(pk=delivery.pk).update(provider_id="wamid.later")
    _a_day_less_a_minute_later()
    assert mirrored.settle_early() == 1
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    EarlyReceipt.objects.update(at=database_now() - timedelta(hours=24, seconds=1))
    assert mirrored.settle_early() == 0
    assert not EarlyReceipt.objects.exists()


def _a_day_less_a_minute_later() -> None:
    EarlyReceipt.objects.update(at=database_now() - timedelta(hours=23, minutes=59))
