from __future__ import annotations

from datetime import timedelta

import pytest

from conversations import deliveries, ownership, tickets
from conversations.deliveries import Lease
from conversations.errors import BadInput
from conversations.models import Delivery, Ticket
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease ends, and a pause between two tries, only where a test says so."""
    monkeypatch.setattr(deliveries, "LEASE", timedelta(minutes=5))
    monkeypatch.setattr(deliveries, "FIRST_DELAY", timedelta(minutes=5))


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    ticket = builders.make_ticket(cast.inbox)
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    return ticket


@pytest.fixture
def lease(cast: Cast, ticket: Ticket) -> Lease:
    (lease,) = deliveries.claim([cast.inbox.pk], 5)
    return lease


def delivery() -> Delivery:
    return Delivery.objects.select_related("entry").get()


def test_a_claim_commits_the_attempt(lease: Lease) -> None:
    row = delivery()
    assert (row.state, row.attempts, row.lease_epoch, lease.epoch) == ("sending", 1, 1, 1)
    assert row.attempt_at is not None
    assert row.lease_until is not None
    assert row.lease_until > database_now()


def test_what_is_claimed_is_claimed_once(cast: Cast, lease: Lease) -> None:
    assert deliveries.claim([cast.inbox.pk], 5) == []


def test_another_inbox_is_not_claimed(cast: Cast, ticket: Ticket) -> None:
    assert deliveries.claim([builders.make_inbox(cast.billing).pk], 5) == []


def test_a_lane_waits_for_its_oldest(cast: Cast, ticket: Ticket, lease: Lease) -> None:
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    assert deliveries.claim([cast.inbox.pk], 5) == []
    deliveries.postponed(lease, code="450", error="Later")
    assert deliveries.claim([cast.inbox.pk], 5) == []
    Delivery.objects.update(next_at=database_now())
    (first,) = deliveries.claim([cast.inbox.pk], 5)
    assert first.delivery == lease.delivery
    deliveries.sent(first)
    (second,) = deliveries.claim([cast.inbox.pk], 5)
    assert second.delivery != lease.delivery


def test_sent(ticket: Ticket, lease: Lease) -> None:
    with watched(ticket) as seen:
        assert deliveries.sent(lease, provider_id="<1>")
        assert not deliveries.sent(lease, provider_id="<2>")
    row = delivery()
    assert (row.state, row.provider_id, row.lease_until) == ("sent", "<1>", None)
    assert row.sent_at is not None
    assert (seen.kinds, seen.raised) == ([], 1)


@pytest.mark.parametrize("how", ["failed", "ambiguous"])
def test_what_did_not_arrive_is_our_turn_again(ticket: Ticket, lease: Lease, how: str) -> None:
    with watched(ticket) as seen:
        if how == "failed":
            deliveries.failed(lease, code="550", error="No such user")
        else:
            deliveries.ambiguous(lease, error="Cut off")
    ticket.refresh_from_db()
    assert (delivery().state, ticket.status) == (how, "open")
    assert (seen.kinds, seen.raised) == (["not_sent"], 3)


def test_a_failure_brings_back_a_resolved_ticket_whose_owner_is_gone(
    cast: Cast, ticket: Ticket, lease: Lease
) -> None:
    tickets.resolve(ticket, by=cast.alice)
    ownership.disable(cast.alice, by=cast.bob)
    with watched(ticket) as seen:
        assert deliveries.failed(lease, code="550", error="No such user")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("open", None)
    assert seen.kinds == ["released", "not_sent"]


def test_a_postponed_delivery_tries_eight_times(cast: Cast, ticket: Ticket, lease: Lease) -> None:
    with watched(ticket) as seen:
        assert deliveries.postponed(lease, code="450", error="Later")
    row = delivery()
    assert (row.state, row.error_code, seen.raised) == ("queued", "450", 1)
    assert row.next_at > database_now()
    Delivery.objects.update(attempts=7, next_at=database_now())
    (last,) = deliveries.claim([cast.inbox.pk], 5)
    deliveries.postponed(last, code="450", error="Later")
    assert delivery().state == "failed"


def test_the_provider_says_when(lease: Lease) -> None:
    before = database_now()
    deliveries.postponed(lease, code="429", error="Slow", retry_after=timedelta(minutes=3))
    assert delivery().next_at >= before + timedelta(minutes=3)


def test_who_died_while_sending_leaves_doubt_and_is_fenced(ticket: Ticket, lease: Lease) -> None:
    assert deliveries.handing_over(lease)
    assert deliveries.expire_leases() == 0
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    with watched(ticket):
        assert deliveries.expire_leases() == 1
    assert delivery().state == "ambiguous"
    assert not deliveries.sent(lease)
    assert not deliveries.renew(lease)


def test_who_died_before_handing_over_has_surely_not_sent(ticket: Ticket, lease: Lease) -> None:
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    with watched(ticket):
        assert deliveries.expire_leases() == 1
    assert (delivery().state, delivery().attempts) == ("queued", 1)
    assert not deliveries.sent(lease)
    assert not deliveries.handing_over(lease)


def test_a_renewed_lease_lives_on(lease: Lease) -> None:
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    assert deliveries.renew(lease)
    assert deliveries.expire_leases() == 0
    assert not deliveries.renew(Lease(lease.delivery, 7))


@pytest.mark.parametrize(
    ("verb", "event", "state"),
    [
        (deliveries.send_again, "sent_again", "queued"),
        (deliveries.known_sent, "confirmed_sent", "sent"),
        (deliveries.give_up, "given_up", "cancelled"),
    ],
)
def test_an_agent_decides_about_trouble(
    cast: Cast, ticket: Ticket, lease: Lease, verb: object, event: str, state: str
) -> None:
    deliveries.ambiguous(lease, error="Cut off")
    with watched(ticket) as seen:
        verb(delivery(), by=cast.bob)  # type: ignore[operator]
    assert (delivery().state, delivery().error, seen.kinds) == (state, "", [event])
    with watched(ticket) as seen, pytest.raises(BadInput):
        verb(delivery(), by=cast.bob)  # type: ignore[operator]
    assert seen.raised == 0


def test_receipts_only_raise(ticket: Ticket, lease: Lease) -> None:
    deliveries.sent(lease)
    with watched(ticket) as seen:
        assert deliveries.receipt(delivery(), "read")
        assert not deliveries.receipt(delivery(), "delivered")
        assert not deliveries.receipt(delivery(), "read")
        assert not deliveries.receipt(delivery(), "nonsense")
    assert (delivery().state, seen.kinds, seen.raised) == ("read", [], 1)


def test_a_receipt_settles_what_was_ambiguous(lease: Lease) -> None:
    deliveries.ambiguous(lease, error="Cut off")
    assert deliveries.receipt(delivery(), "delivered")


def test_a_receipt_does_not_revive_what_failed(lease: Lease) -> None:
    deliveries.failed(lease, code="550", error="No such user")
    assert not deliveries.receipt(delivery(), "delivered")
