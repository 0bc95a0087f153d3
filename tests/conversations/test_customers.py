from __future__ import annotations

import pytest

from conversations import customers
from conversations.customers import Address
from conversations.errors import BadInput
from conversations.models import Conversation, Customer, Identity, Ticket
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.properties import laws


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.make_ticket(cast.inbox)


def test_one_address_is_one_identity_however_it_is_written(db: None) -> None:
    forms = [" Kim@Example.org", "kim@example.org ", "KIM@EXAMPLE.ORG"]
    assert len({customers.identity_of(Address("email", form)).pk for form in forms}) == 1
    assert customers.identity_of(Address("email", "e\u0301@x.vn")) == customers.identity_of(
        Address("email", "\u00e9@x.vn")
    )


def test_the_same_value_at_another_account_is_another_identity(db: None) -> None:
    scopes = [customers.identity_of(Address("telegram", "7", scope)).pk for scope in ("a", "b")]
    assert scopes[0] != scopes[1]


def test_a_customer_written_down_by_hand(cast: Cast) -> None:
    addresses = [Address("email", "New@example.org"), Address("phone", "+84 90 111 11 11")]
    customer = customers.create_by_hand(name=" New ", addresses=addresses, by=cast.alice, memo="x")
    rows = Identity.objects.order_by("kind").values_list("value", "proof", "wrote_at")
    assert list(rows) == [
        ("new@example.org", "attested", None),
        ("+84901111111", "attested", None),
    ]
    assert (customer.name, customer.memo) == ("New", "x")
    laws.check()


@pytest.mark.parametrize(
    "address",
    [
        Address("email", "kim@example.org"),
        Address("email", "no address"),
        Address("phone", "0901"),
    ],
)
def test_what_is_taken_or_no_address_makes_no_customer(
    cast: Cast, ticket: Ticket, address: Address
) -> None:
    with pytest.raises(BadInput):
        customers.create_by_hand(name="New", addresses=[address], by=cast.alice)
    assert (Customer.objects.count(), Conversation.objects.count()) == (1, 1)


def test_one_address_given_twice_is_refused(cast: Cast) -> None:
    twice = [Address("email", "a@example.org"), Address("email", "A@example.org")]
    with pytest.raises(BadInput):
        customers.create_by_hand(name="New", addresses=twice, by=cast.alice)
    assert Customer.objects.count() == 0


def test_an_address_is_added_once(cast: Cast, ticket: Ticket) -> None:
    address = Address("email", "second@example.org")
    with watched(ticket) as seen:
        added = customers.add_address(ticket.conversation, address, by=cast.alice)
        assert customers.add_address(ticket.conversation, address, by=cast.alice) == added
    assert (seen.kinds, seen.raised) == (["address_added"], 2)
    other = builders.make_ticket(cast.inbox, "other@example.org")
    with pytest.raises(BadInput):
        customers.add_address(other.conversation, address, by=cast.alice)


@pytest.mark.parametrize(
    ("verb", "back", "event", "back_event"),
    [
        (customers.block, customers.unblock, "address_blocked", "address_unblocked"),
    ],
)
def test_blocking_and_unblocking(
    cast: Cast, ticket: Ticket, verb: object, back: object, event: str, back_event: str
) -> None:
    identity = builders.identity_of()
    with watched(ticket) as seen:
        for change in (verb, verb, back, back):
            change(identity, by=cast.alice)  # type: ignore[operator]
    assert (seen.kinds, seen.raised) == ([event, back_event], 4)


def test_an_undeliverable_mark_is_cleared_once(cast: Cast, ticket: Ticket) -> None:
    from conversations.thread import locked

    identity = builders.identity_of()
    with watched(ticket) as seen:
        with locked(identity.origin_id) as thread:
            customers.mark_undeliverable(thread, identity, reason="gone")
        customers.clear_undeliverable(identity, by=cast.alice)
        customers.clear_undeliverable(identity, by=cast.alice)
    assert (seen.kinds, seen.raised) == (["address_cleared"], 3)


def test_renaming_a_customer(cast: Cast, ticket: Ticket) -> None:
    customer = Customer.objects.get()
    with watched(ticket) as seen:
        customers.rename(customer, name=" Kim ", by=cast.alice)
        customers.rename(customer, name="Kim", by=cast.alice)
    assert (seen.kinds, seen.raised) == (["customer_renamed"], 1)
    customers.write_memo(customer, memo="Likes tea")
    customer.refresh_from_db()
    assert (customer.name, customer.memo) == ("Kim", "Likes tea")


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("support+abc234@shop.example", "support@shop.example"),
        ("kim@example.org", "kim@example.org"),
        ("no address", "no address"),
    ],
)
def test_our_token_behind_a_plus_makes_no_other_address(address: str, plain: str) -> None:
    assert customers.untagged(address) == plain
