from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.http import Http404

from conversations import (
    handoffs,
    merges,
    ownership,
    permissions,
    tasks,
    tickets,
)
from conversations.errors import BadInput, NotAllowed, OfferOver
from conversations.models import (
    Alert,
    Decline,
    Offer,
    Ticket,
)
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.conversations.offering import accepted, now, offered, owner, to_billing

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


# Declining


def test_declined_the_sender_still_has_it(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    with watched(ticket) as seen:
        after = handoffs.decline(offer, by=cast.bob, reason=" I am at lunch. ")
        handoffs.decline(offer, by=cast.bob, reason="Again")
    assert (seen.kinds, seen.raised) == (["offer_declined"], 2)
    assert seen.entries[0].data["reason"] == "I am at lunch."
    assert (after.state, after.reason) == ("declined", "I am at lunch.")
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)


def test_declining_needs_a_reason(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    for reason in ("  ", "x" * 201, "\x00"):
        with pytest.raises(BadInput):
            handoffs.decline(offer, by=cast.bob, reason=reason)


def test_declined_it_is_the_senders_again_who_had_stepped_back(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast, warm=False)
    with watched(ticket) as seen:
        handoffs.decline(offer, by=cast.bob, reason="No.")
    assert seen.kinds == ["offer_declined", "returned"]
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)


def test_who_declined_is_not_asked_again(cast: Cast, ticket: Ticket) -> None:
    ownership.join(cast.support, cast.charlie)
    handoffs.decline(offered(ticket, cast), by=cast.bob, reason="No.")
    with pytest.raises(BadInput):
        offered(ticket, cast)
    accepted(offered(ticket, cast, cast.charlie), cast.charlie)
    again = offered(ticket, cast, by=cast.charlie, epoch=3)
    assert again.to_agent == cast.bob


def test_who_declined_is_not_asked_as_one_of_the_team(cast: Cast, ticket: Ticket) -> None:
    handoffs.decline(offered(ticket, cast), by=cast.bob, reason="No.")
    with pytest.raises(BadInput):
        offered(ticket, cast, team=cast.support)
    eve = builders.make_agent("Eve", cast.support)
    offer = offered(ticket, cast, team=cast.support)
    assert set(Offer.objects.standing().to(eve)) == {offer}
    assert set(Offer.objects.standing().to(cast.bob)) == set()
    with pytest.raises(NotAllowed):
        accepted(offer, cast.bob)
    assert handoffs.decline(offer, by=eve, reason="Nor me.").state == "declined"


def test_a_team_has_declined_when_all_of_it_have(cast: Cast, ticket: Ticket) -> None:
    dana = builders.make_agent("Dana", cast.billing)
    offer = to_billing(ticket, cast)
    with watched(ticket) as seen:
        handoffs.decline(offer, by=cast.charlie, reason="Not me.")
    assert (seen.kinds, now(offer).state) == (["offer_declined"], "offered")
    with pytest.raises(NotAllowed):
        accepted(offer, cast.charlie)
    with watched(ticket) as seen:
        handoffs.decline(offer, by=dana, reason="Nor me.")
    assert (seen.kinds, now(offer).state) == (["offer_declined"], "declined")
    assert Decline.objects.count() == 2
    with pytest.raises(BadInput):
        to_billing(ticket, cast)


# Recalling


@pytest.mark.parametrize("warm", [True, False])
def test_taken_back_it_is_whose_it_was(cast: Cast, ticket: Ticket, warm: bool) -> None:
    offer = offered(ticket, cast, warm=warm)
    with watched(ticket) as seen:
        handoffs.recall(offer, by=cast.alice)
        handoffs.recall(offer, by=cast.alice)
    assert seen.kinds == (["offer_recalled"] if warm else ["offer_recalled", "returned"])
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    with pytest.raises(OfferOver):
        accepted(offer, cast.bob)


def test_who_takes_an_offer_back(cast: Cast, ticket: Ticket) -> None:
    dana = builders.make_agent("Dana", cast.billing, role="supervisor")
    offer = offered(ticket, cast, by=dana)
    for agent in (cast.bob, cast.charlie):
        with pytest.raises(NotAllowed):
            handoffs.recall(offer, by=agent)
        with pytest.raises(NotAllowed):
            permissions.offer_for(agent, offer.pk, to="recall")
    for agent in (cast.alice, dana):
        assert permissions.offer_for(agent, offer.pk, to="recall") == offer
    assert handoffs.recall(offer, by=dana).state == "recalled"


# Running out


def test_not_answered_the_sender_has_it_and_the_leads_hear_of_it(
    cast: Cast, ticket: Ticket
) -> None:
    boss = builders.make_agent("Boss", cast.billing, role="supervisor")
    offer = to_billing(ticket, cast)
    assert handoffs.expire_due() == 0
    builders.run_out(offer)
    with watched(ticket) as seen:
        assert (handoffs.expire_due(), handoffs.expire_due()) == (1, 0)
    assert seen.kinds == ["offer_expired"]
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    assert {alert.team for alert in Alert.objects.all()} == {cast.support, cast.billing}
    assert Alert.objects.for_lead(boss).count() == 2
    assert not Alert.objects.for_lead(cast.charlie).exists()
    builders.make_agent("Lead", cast.support, role="supervisor")
    [alert] = Alert.objects.for_lead(boss)
    assert alert.team == cast.billing
    elsewhere = Alert.objects.get(team=cast.support)
    for agent, row in ((cast.charlie, alert), (cast.bob, elsewhere), (boss, elsewhere)):
        with pytest.raises(Http404):
            permissions.alert_for(agent, row.pk)
    for _twice in range(2):
        handoffs.saw([permissions.alert_for(boss, alert.pk)], by=boss)
    assert [row.seen_by for row in Alert.objects.for_lead(boss)] == [boss]
    assert not Alert.objects.for_lead(boss).unseen().exists()


@pytest.mark.parametrize("sender_left", [False, True])
def test_not_answered_it_comes_back_to_who_stepped_back_or_to_their_team(
    cast: Cast, ticket: Ticket, sender_left: bool
) -> None:
    offer = builders.run_out(offered(ticket, cast, warm=False))
    if sender_left:
        ownership.disable(cast.alice, by=cast.bob)
    with watched(ticket, cast.bob) as seen:
        handoffs.expire_due()
    assert seen.kinds == (["offer_expired"] if sender_left else ["offer_expired", "returned"])
    assert owner(ticket) == (cast.support.pk, None if sender_left else cast.alice.pk)
    assert now(offer).state == "expired"


def test_the_sweep_closes_it(cast: Cast, ticket: Ticket) -> None:
    offer = builders.run_out(offered(ticket, cast))
    tasks.sweep()
    assert now(offer).state == "expired"


def test_one_that_ran_out_makes_room_at_once(cast: Cast, ticket: Ticket) -> None:
    old = builders.run_out(offered(ticket, cast))
    with watched(ticket) as seen:
        to_billing(ticket, cast)
    assert (seen.kinds, now(old).state) == (["offer_expired", "offered"], "expired")


# What ends it


@pytest.mark.parametrize(
    ("how", "cause", "warm"),
    [
        *(("release", "released", True), ("sender", "released", True)),
        *(("take", "taken", True), ("take", "taken", False)),
        *(("assign", "assigned", True), ("assign", "assigned", False)),
        *(("move", "moved_team", True), ("move", "moved_team", False)),
        *(("resolve", "resolved", True), ("resolve", "resolved", False)),
        *(("merge", "joined", True), ("merge", "joined", False)),
        *(("receiver", "left", True), ("receiver", "left", False)),
        *(("receiver leaves", "left", True), ("receiver leaves", "left", False)),
    ],
)
def test_what_changes_hands_or_ends_is_offered_no_more(
    cast: Cast, ticket: Ticket, how: str, cause: str, warm: bool
) -> None:
    eve = builders.make_agent("Eve", cast.support)
    offer = offered(ticket, cast, warm=warm)
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    epoch = Ticket.objects.get(pk=ticket.pk).owner_epoch
    acts: dict[str, Callable[[], object]] = {
        "take": lambda: ownership.take(ticket, by=eve, epoch=epoch),
        "assign": lambda: ownership.assign(ticket, to=eve, by=cast.bob, epoch=epoch),
        "release": lambda: ownership.release(ticket, by=cast.bob, epoch=epoch),
        "move": lambda: ownership.move_to_team(ticket, team=cast.billing, by=eve, epoch=epoch),
        "resolve": lambda: tickets.resolve(ticket, by=cast.alice),
        "merge": lambda: merges.merge(
            ticket.conversation, other.conversation, by=eve, reason="One person."
        ),
        "sender": lambda: ownership.disable(cast.alice, by=eve),
        "receiver": lambda: ownership.disable(cast.bob, by=eve),
        "receiver leaves": lambda: ownership.leave(cast.support, cast.bob, by=eve),
    }
    with watched(ticket, eve) as seen:
        acts[how]()
    assert seen.kinds.count("offer_withdrawn") == 1
    after = now(offer)
    assert (after.state, after.cause) == ("withdrawn", cause)
    if cause in ("left", "joined"):
        assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    with pytest.raises(OfferOver):
        accepted(offer, cast.bob)


def test_a_join_ends_the_offers_of_both_and_its_undo_none(cast: Cast, ticket: Ticket) -> None:
    other = ownership.take(
        builders.make_ticket(cast.inbox, "lee@example.org"), by=cast.alice, epoch=1
    )
    both = [offered(one, cast) for one in (ticket, other)]
    row = merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="One.")
    assert [now(offer).cause for offer in both] == ["joined", "joined"]
    again = [offered(one, cast) for one in (ticket, other)]
    with watched(ticket), watched(other):
        merges.undo(row, by=cast.alice)
    for offer in again:
        assert accepted(now(offer), cast.bob).state == "accepted"


def test_an_answer_that_resolves_ends_it(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    fields: dict[str, Any] = {"inbox": cast.inbox, "to": builders.identity_of()}
    with watched(ticket) as seen:
        builders.answer(ticket, by=cast.alice, then="resolved", **fields)
    assert seen.kinds == ["out", "offer_withdrawn", "resolved"]
    assert now(offer).cause == "resolved"


def test_the_sweep_ends_what_was_left_behind(cast: Cast, ticket: Ticket) -> None:
    """As processes of the release before leave it, which know of no offers."""
    offer = offered(ticket, cast)
    Ticket.objects.filter(pk=ticket.pk).update(
        status="resolved", resolved_at=ticket.opened_at, deadline_at=None, deadline_kind=""
    )
    assert handoffs.expire_due() == 1
    assert now(offer).cause == "changed"
