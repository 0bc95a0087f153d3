"""Who may be the same person: proposed with what speaks for it, and never joined by it."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest

from channels_inbox.email.tests.clock import timed
from conversations import alike, customers, merges, phones
from conversations.alike import Evidence
from conversations.customers import Address
from conversations.errors import BadInput
from conversations.models import Conversation, Entry, Merge, NotSame
from tests import builders
from tests.conversations.calling import make_phone
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
NUMBER = "+84901112223"


@pytest.fixture
def cast() -> Cast:
    return builders.make_cast()


def talk(cast: Cast, address: str, text: str = "Hello", **fields: str) -> Conversation:
    ticket = builders.make_ticket(cast.inbox, address, text=text, **fields)
    found: Conversation = ticket.conversation
    return found


def called(cast: Cast, agent: Agent, number: str = NUMBER) -> Conversation:
    """Somebody of whom the desk knows a number."""
    made = customers.create_by_hand(
        name="Lan", addresses=[Address("phone", number)], by=agent
    ).conversation
    assert isinstance(made, Conversation)
    return made


def proposed(conversation: Conversation, agent: Agent) -> dict[int, tuple[Evidence, ...]]:
    return {one.conversation.pk: one.evidence for one in alike.alike(conversation, agent)}


def test_who_writes_the_number_or_the_address_of_another(cast: Cast) -> None:
    lan = called(cast, cast.alice)
    kim = talk(cast, "kim@example.org")
    text = "My number is +84 90 111 2223, or write to Kim@Example.org."
    asks = talk(cast, "new@example.org", text)
    entry = Entry.objects.get(conversation=asks, kind="message").pk
    assert proposed(asks, cast.alice) == {
        lan.pk: (Evidence(NUMBER, entry),),
        kim.pk: (Evidence("kim@example.org", entry),),
    }
    assert proposed(kim, cast.alice) == {}


def test_a_number_as_it_is_written_at_home(cast: Cast) -> None:
    lan = called(cast, cast.alice)
    asks = talk(cast, "new@example.org", "Gọi cho tôi: 090 111 2223 nhé, đơn hàng 2026112233")
    assert proposed(asks, cast.alice) == {}
    make_phone(cast)
    assert list(proposed(asks, cast.alice)) == [lan.pk]


def test_one_number_at_two_channels(cast: Cast) -> None:
    lan = called(cast, cast.alice)
    other = customers.identity_of(Address("whatsapp", NUMBER, "their-number")).conversation
    assert proposed(lan, cast.alice) == {other.pk: (Evidence(NUMBER),)}
    assert proposed(other, cast.alice) == {lan.pk: (Evidence(NUMBER),)}


def test_our_own_addresses_and_what_may_not_be_read_say_nothing(cast: Cast) -> None:
    talk(cast, "kim@example.org")
    cast.inbox.address = "support@desk.example"
    cast.inbox.save()
    talk(cast, "support@desk.example")
    assert proposed(talk(cast, "a@example.org", "To support@desk.example"), cast.alice) == {}
    legal = builders.make_inbox(cast.billing, "Legal", restriction="legal")
    secret = builders.make_ticket(legal, "b@example.org", text="I am kim@example.org").conversation
    assert proposed(secret, cast.alice) == {}
    assert len(proposed(secret, cast.charlie)) == 1


def test_nobody_is_joined_by_it_and_a_no_is_kept(cast: Cast) -> None:
    kim = talk(cast, "kim@example.org")
    asks = talk(cast, "new@example.org", "I am kim@example.org")
    assert not Merge.objects.exists()
    for _twice in range(2):
        alike.not_same(asks, kim, by=cast.alice)
    assert NotSame.objects.count() == 1
    assert proposed(asks, cast.bob) == {}
    third = talk(cast, "third@example.org")
    merges.merge(kim, third, by=cast.alice, reason="one")
    asks.refresh_from_db()
    assert proposed(asks, cast.bob) == {}
    with pytest.raises(BadInput):
        alike.not_same(kim, kim, by=cast.alice)


def test_from_the_panel_to_the_join_and_back(cast: Cast) -> None:
    kim = talk(cast, "kim@example.org", label="Kim Park")
    asks = talk(cast, "new@example.org", "I am kim@example.org")
    alice = sign_in(cast.alice)
    place = f"/conversations/{asks.pk}/alike/"
    assert f'hx-get="{place}"' in alice.get(f"/conversations/{asks.pk}/").content.decode()
    page = unescape(alice.get(place).content.decode())
    assert "wrote kim@example.org in a message" in page
    compare = f"/conversations/{asks.pk}/join/?with={kim.pk}&reason=wrote"
    assert compare in page
    joining = unescape(alice.get(compare.replace("&reason=wrote", "&reason=x")).content.decode())
    assert "Kim Park" in joining
    fragment = alice.get(place, headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith("<section")
    assert alice.post(f"{place}{kim.pk}/").status_code == 302
    assert "Nobody else" in alice.get(place).content.decode()


def test_it_asks_a_fixed_number_of_questions(
    cast: Cast, django_assert_max_num_queries: object
) -> None:
    for number in range(4):
        talk(cast, f"{number}@example.org")
    text = " ".join(f"{number}@example.org" for number in range(4))
    asks = talk(cast, "new@example.org", text)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert len(alike.alike(asks, cast.alice)) == 4


def test_who_may_not_change_either_of_them_is_refused(cast: Cast) -> None:
    kim = talk(cast, "kim@example.org")
    asks = talk(cast, "new@example.org", "I am kim@example.org")
    legal = builders.make_inbox(cast.billing, "Legal", restriction="legal")
    secret = builders.make_ticket(legal, "b@example.org").conversation
    charlie, alice = sign_in(cast.charlie), sign_in(cast.alice)
    assert charlie.post(f"/conversations/{asks.pk}/alike/{kim.pk}/").status_code == 403
    assert alice.post(f"/conversations/{asks.pk}/alike/{secret.pk}/").status_code == 404
    assert alice.post(f"/conversations/{asks.pk}/alike/{asks.pk}/").status_code == 422
    assert not NotSame.objects.exists()


@pytest.mark.parametrize("text", ["0901112223 " * 180, "1/2/3/4/5/6/7 " * 140])
def test_a_stranger_can_not_have_us_read_for_long(text: str) -> None:
    """What is read for the page of one customer: forty messages of theirs."""

    def read() -> None:
        for _message in range(alike.NEWEST):
            phones.numbers_in(text[: alike.READ], ["US", "VN"])

    _, seconds = timed(read)
    assert seconds < 1
