"""Who goes leaves nobody waiting: what they had is offered, with a packet the desk has written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from conversations import (
    absence,
    assignment,
    drafts,
    handoffs,
    ownership,
    people,
    presence,
    tickets,
)
from conversations.models import Agent, Alert, Draft, Offer, Presence, Promise, Ticket
from conversations.thread import database_now
from tests.builders import (
    Cast,
    head_of,
    make_agent,
    make_inbox,
    make_team,
    make_ticket,
    run_out,
    write_in,
)
from tests.conversations.offering import accepted, owner
from tests.conversations.promising import promised
from tests.conversations.shifting import comes, gone_for, sets, vanishes
from tests.properties import laws

LONG = timedelta(minutes=11)


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, who is at her desk."""
    comes(cast.alice)
    found = make_ticket(cast.inbox, text="Hello,\nwhere is my parcel?", subject="Parcel")
    return ownership.take(found, by=cast.alice, epoch=1)


def begins(ticket: Ticket, agent: Agent, text: str = "Dear Kim, it") -> Draft:
    return drafts.save(ticket, by=agent, mode="reply", text=text, fields={}, version=0).draft


def only_offer() -> Offer:
    return Offer.objects.get(state="offered")


def test_after_the_grace_a_teammate_gets_packet_and_draft(cast: Cast, ticket: Ticket) -> None:
    begins(ticket, cast.alice)
    gone_for(cast.alice, timedelta(minutes=9))
    assert absence.offer_due() == 0
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 1
    assert absence.offer_due() == 0
    offer = only_offer()
    assert (offer.to_team, offer.to_agent, offer.from_agent) == (cast.support, None, cast.alice)
    assert (offer.offered_by, offer.actor, offer.warm) == (None, "system", True)
    assert offer.packet["asks"]["text"] == "where is my parcel?"
    assert offer.packet["reason"]["text"] == "Alice is offline."
    assert offer.gathered["drafts"][0]["text"] == "Dear Kim, it"
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    laws.check()
    accepted(offer, cast.bob)
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"
    laws.check()


def test_who_chose_offline_with_a_page_open_is_gone_too(cast: Cast, ticket: Ticket) -> None:
    presence.choose(cast.alice, "offline")
    assert absence.offer_due() == 0
    Presence.objects.update(told_at=database_now() - LONG)
    assert absence.offer_due() == 1


@pytest.mark.parametrize("state", ["away", "transfers", "online"])
def test_who_is_here_keeps_what_they_have(cast: Cast, ticket: Ticket, state: str) -> None:
    comes(cast.alice, state=state)
    Presence.objects.update(told_at=database_now() - LONG)
    assert absence.offer_due() == 0


def test_who_never_came_and_a_team_without_grace_are_left_alone(cast: Cast, ticket: Ticket) -> None:
    other = make_ticket(cast.inbox, "lee@example.org")
    ownership.take(other, by=cast.bob, epoch=1)
    gone_for(cast.alice, LONG)
    sets(cast.support, offline_grace=None)
    assert absence.offer_due() == 0


def test_what_only_sleeps_is_left_until_it_wakes(cast: Cast, ticket: Ticket) -> None:
    tickets.snooze(ticket, until=database_now() + timedelta(hours=1), by=cast.alice)
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 0
    begins(ticket, cast.alice)
    assert absence.offer_due() == 1


def test_a_silent_customer_with_a_promise_is_not_forgotten(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    tickets.set_pending(ticket, by=cast.alice)
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 1
    accepted(only_offer(), cast.bob)
    assert Promise.objects.get(pk=made.pk).state == "open"
    laws.check()


def test_a_sleeping_one_that_woke_is_offered(cast: Cast, ticket: Ticket) -> None:
    tickets.set_pending(ticket, by=cast.alice)
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 0
    Ticket.objects.update(deadline_at=database_now())
    assert tickets.wake_due() == 1
    assert absence.offer_due() == 1


def test_who_was_cut_off_together_with_the_desk_has_time_to_come_back(
    cast: Cast, ticket: Ticket
) -> None:
    """All leases ran out while no worker was there to notice: nobody left."""
    vanishes(cast.alice, ago=LONG)
    assert absence.offer_due() == 0
    presence.tell_changes()
    assert absence.offer_due() == 0


def test_who_is_back_has_it_again(cast: Cast, ticket: Ticket) -> None:
    gone_for(cast.alice, LONG)
    absence.offer_due()
    assert absence.end_for_present() == 0
    comes(cast.alice)
    assert absence.end_for_present() == 1
    offer = Offer.objects.get()
    assert (offer.state, offer.cause) == ("withdrawn", "back")
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 1
    laws.check()


def test_what_a_person_offered_is_not_ended_by_coming_back(cast: Cast, ticket: Ticket) -> None:
    handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=2)
    comes(cast.alice)
    assert absence.end_for_present() == 0


def test_not_answered_in_time_it_is_the_teams(cast: Cast, ticket: Ticket) -> None:
    gone_for(cast.alice, LONG)
    absence.offer_due()
    run_out(only_offer())
    assert handoffs.expire_due() == 1
    assert owner(ticket) == (cast.support.pk, None)
    assert Alert.objects.count() == 1
    assert absence.offer_due() == 0
    laws.check()


def test_not_answered_though_they_are_back_it_is_theirs(cast: Cast, ticket: Ticket) -> None:
    gone_for(cast.alice, LONG)
    absence.offer_due()
    comes(cast.alice)
    run_out(only_offer())
    assert handoffs.expire_due() == 1
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)


def test_taken_back_by_a_supervisor_it_stays(cast: Cast, ticket: Ticket) -> None:
    boss = make_agent("Dana", cast.support, role="supervisor")
    gone_for(cast.alice, LONG)
    absence.offer_due()
    handoffs.recall(only_offer(), by=boss)
    assert owner(ticket) == (cast.support.pk, None)
    assert absence.offer_due() == 0


def test_where_the_team_assigns_by_itself_it_is_assigned_next(cast: Cast, ticket: Ticket) -> None:
    sets(cast.support, assigns="round_robin")
    begins(ticket, cast.alice)
    gone_for(cast.alice, LONG)
    comes(cast.bob)
    absence.offer_due()
    offer = only_offer()
    assert offer.expires_at - offer.offered_at == handoffs.ANSWER_WITHIN
    assert assignment.assign_due() == 0
    run_out(offer)
    handoffs.expire_due()
    assert assignment.assign_due() == 1
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"


def test_taken_instead_of_accepted_the_draft_goes_along(cast: Cast, ticket: Ticket) -> None:
    begins(ticket, cast.alice)
    gone_for(cast.alice, LONG)
    absence.offer_due()
    ownership.take(ticket, by=cast.bob, epoch=2)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"
    assert not drafts.drafts_of(ticket, cast.alice)
    laws.check()


def test_taken_from_who_is_here_or_who_had_it_long_ago_the_draft_stays(
    cast: Cast, ticket: Ticket
) -> None:
    begins(ticket, cast.alice)
    ownership.take(ticket, by=cast.bob, epoch=2)
    assert drafts.drafts_of(ticket, cast.alice)
    gone_for(cast.alice, LONG)
    ownership.release(ticket, by=cast.bob, epoch=3)
    ownership.take(ticket, by=cast.bob, epoch=4)
    assert drafts.drafts_of(ticket, cast.alice)


def test_alone_in_the_team_the_one_above_is_asked(cast: Cast) -> None:
    night = make_team("Night")
    eve = make_agent("Eve", night)
    comes(eve)
    ticket = ownership.take(make_ticket(make_inbox(night)), by=eve, epoch=1)
    gone_for(eve, LONG)
    assert absence.offer_due() == 0
    sets(cast.support, is_last_stop=True)
    assert absence.offer_due() == 1
    offer = only_offer()
    assert offer.to_team == cast.support
    assert offer.packet["next"]["text"]
    accepted(offer, cast.bob)
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    laws.check()


def test_what_is_restricted_is_never_offered_to_another_team(cast: Cast) -> None:
    legal = make_team("Legal", parent=cast.support)
    eve = make_agent("Eve", legal)
    comes(eve)
    ticket = make_ticket(make_inbox(legal, restriction="legal"))
    ownership.take(ticket, by=eve, epoch=1)
    gone_for(eve, LONG)
    assert absence.offer_due() == 0
    make_agent("Finn", legal)
    assert absence.offer_due() == 1
    assert only_offer().to_team == legal


def test_what_waits_in_a_team_without_people_is_offered_above(cast: Cast) -> None:
    night = make_team("Night", parent=cast.billing)
    ticket = make_ticket(make_inbox(night), text="Is somebody there?")
    assert absence.offer_due() == 1
    offer = only_offer()
    assert (offer.to_team, offer.from_team, offer.from_agent) == (cast.billing, night, None)
    assert offer.packet["reason"]["text"] == "Nobody of Night can answer."
    assert absence.offer_due() == 0
    accepted(offer, cast.charlie)
    assert owner(ticket) == (cast.billing.pk, cast.charlie.pk)
    laws.check()


def test_the_packet_is_in_the_language_of_the_team(cast: Cast, ticket: Ticket) -> None:
    Agent.objects.filter(memberships__team=cast.support).update(language="vi")
    gone_for(cast.alice, LONG)
    absence.offer_due()
    with translation.override("vi"):
        assert only_offer().packet["reason"]["text"] == translation.gettext(
            "%(name)s is offline."
        ) % {"name": "Alice"}
    assert only_offer().packet["reason"]["text"] != "Alice is offline."


def test_a_packet_is_never_too_long(cast: Cast, ticket: Ticket) -> None:
    ticket.subject = "word " * 50
    for number in range(4):
        write_in(
            cast.inbox, tokens=(ticket.token_id,), text=f"{number} could you tell me " * 30 + "?"
        )
    gone_for(cast.alice, LONG)
    assert absence.offer_due() == 1
    packet = only_offer().packet
    assert sum(len(line["text"].split()) for line in packet.values()) <= 60


def test_disabling_leaves_an_offer_with_the_draft(cast: Cast, ticket: Ticket) -> None:
    boss = make_agent("Dana", role="admin")
    begins(ticket, cast.alice)
    pending = ownership.take(make_ticket(cast.inbox, "lee@example.org"), by=cast.alice, epoch=1)
    tickets.set_pending(pending, by=cast.alice)
    people.disable(cast.alice, by=boss)
    assert owner(ticket) == (cast.support.pk, None)
    assert Offer.objects.open().count() == 2
    offer = Offer.objects.get(ticket=ticket)
    assert (offer.to_team, offer.from_agent, offer.warm) == (cast.support, cast.alice, False)
    assert offer.packet["reason"]["text"] == "Alice has left."
    assert offer.packet["asks"]["text"] == "where is my parcel?"
    laws.check()
    accepted(offer, cast.bob)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"
    run_out(Offer.objects.get(ticket=pending))
    handoffs.expire_due()
    assert owner(pending) == (cast.support.pk, None)
    laws.check()


def test_what_the_disabled_had_begun_goes_to_who_takes_it(cast: Cast, ticket: Ticket) -> None:
    boss = make_agent("Dana", role="admin")
    begins(ticket, cast.alice)
    people.disable(cast.alice, by=boss)
    fresh = Ticket.objects.get(pk=ticket.pk)
    ownership.take(fresh, by=cast.bob, epoch=fresh.owner_epoch)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"


def test_who_leaves_a_team_of_one_leaves_it_to_the_one_above(cast: Cast) -> None:
    sets(cast.support, is_last_stop=True)
    ticket = ownership.take(make_ticket(make_inbox(cast.billing)), by=cast.charlie, epoch=1)
    ownership.leave(cast.billing, cast.charlie, by=cast.alice)
    assert owner(ticket) == (cast.billing.pk, None)
    assert only_offer().to_team == cast.support
    assert head_of(ticket.conversation_id) > 0
    laws.check()
