from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from conversations import packets, replies
from conversations.models import Delivery, Entry, Ticket
from conversations.packets import Line, Packet
from tests import builders
from tests.builders import Cast

pytestmark = pytest.mark.django_db

ASKED = "Hello,\nwhere is my parcel? It should have come on Monday.\nKim"


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.ticket_of(builders.write_in(cast.inbox, text=ASKED))


def note(ticket: Ticket, cast: Cast, text: str) -> Entry:
    return replies.note(ticket, by=cast.alice, text=text, client_token=uuid.uuid4())


def test_a_packet_says_what_the_thread_says(cast: Cast, ticket: Ticket) -> None:
    asked = builders.newest_of(ticket)
    noted = note(ticket, cast, "Called the carrier. Still to do: refund.")
    packet = packets.prefilled(ticket)
    assert packet.asks == Line("where is my parcel?", (asked.pk,))
    assert packet.done == Line("Called the carrier.", (noted.pk,))
    assert packet.next.entries == (noted.pk,)
    assert packet.mood == Line("Calm", (asked.pk,))
    assert packet.reason == Line()
    assert packets.check(packet, ticket, required=False) == packet


def test_what_did_not_go_out_is_to_be_sent_again(cast: Cast, ticket: Ticket) -> None:
    sent = builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    assert not packets.prefilled(ticket).asks.text
    Delivery.objects.filter(entry=sent.pk).update(state="failed")
    packet = packets.prefilled(ticket)
    assert packet.asks.text == "where is my parcel?"
    assert packet.next.text.startswith("Send again: ")
    assert packet.next.entries == (sent.pk,)


def test_what_is_promised_is_said_in_the_readers_words_and_time(cast: Cast, ticket: Ticket) -> None:
    sent = builders.answer(
        ticket,
        by=cast.alice,
        inbox=cast.inbox,
        to=builders.identity_of(),
        text="We will refund you within two days.",
    )
    assert isinstance(sent, Entry)
    with timezone.override("Asia/Ho_Chi_Minh"), translation.override("vi"):
        packet = packets.prefilled(ticket)
        due = timezone.localtime(sent.at) + timedelta(days=2)
    assert packet.promised.text.startswith("We will refund you within two days. (")
    assert f"{due:%Y}" in packet.promised.text or f"{due:%y}" in packet.promised.text
    assert packet.mood.text == "Bình tĩnh"


def test_withdrawn_and_other_matters_say_nothing(cast: Cast, ticket: Ticket) -> None:
    builders.make_ticket(cast.inbox, subject="Another matter", text="Where is my hat?")
    Entry.objects.filter(ticket=ticket, kind="message").update(withdrawn_at=timezone.now())
    assert packets.prefilled(ticket) == Packet()


def test_a_long_thread_still_fits(cast: Cast, ticket: Ticket) -> None:
    for number in range(70):
        note(ticket, cast, f"Refunded order {number}. To do: call {number}.")
    packet = packets.prefilled(ticket)
    assert 0 < packet.words <= packets.WORDS
    assert packets.check(packet, ticket, required=False) == packet
