"""Bots own for a while, answer only while they hold the epoch, and let go into an offer."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from django.db import Error, transaction

from conversations import bots, collecting, handoffs, ownership, tickets
from conversations.bots import GIVES_UP, RESOLVES, Act
from conversations.collecting import Value
from conversations.errors import BadInput, StaleContext, StaleOwner
from conversations.models import Bot, Collected, Delivery, Entry, Offer, Ticket, ValueSort
from conversations.packets import Line, Packet
from tests import builders
from tests.builders import Cast
from tests.conversations.botting import (
    acts,
    epoch_of,
    make_bot,
    stint_of,
    taken,
    time_is_up,
)
from tests.conversations.happened import watched
from tests.conversations.offering import owner

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def bot(cast: Cast) -> Bot:
    return make_bot(cast.inbox, fallback=cast.billing)


@pytest.fixture
def ticket(cast: Cast, bot: Bot) -> Ticket:
    return taken(builders.make_ticket(cast.inbox, text="Where is my parcel?"), bot)


def first(ticket: Ticket) -> int:
    """The entry in which the customer wrote."""
    entry = ticket.entries.filter(direction="in").first()
    assert entry is not None
    return entry.pk


def found(ticket: Ticket, name: str = "order_number", value: str = "10433") -> Value:
    return Value(name, value, first(ticket))


# Owning


def test_a_bot_owns_for_a_while_with_people_behind_it(cast: Cast, bot: Bot) -> None:
    ticket = builders.make_ticket(cast.inbox)
    with watched(ticket) as seen:
        after = taken(ticket, bot)
        taken(ticket, bot)
    assert seen.kinds == ["taken"]
    assert (after.agent, after.bot, after.bot_fallback) == (None, bot, cast.billing)
    assert after.bot_until == seen.entries[0].at + bot.holds_for
    assert stint_of(ticket).due_at is not None


def test_a_bot_takes_nothing_from_people(cast: Cast, bot: Bot) -> None:
    ticket = builders.make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.alice, epoch=1)
    for epoch in (1, 2):
        with watched(ticket) as seen, pytest.raises(StaleOwner):
            bots.take(ticket, by=bot, epoch=epoch)
        assert (seen.kinds, seen.raised) == ([], 0)


def test_a_bot_works_in_its_place_only(cast: Cast, bot: Bot) -> None:
    ticket = builders.make_ticket(cast.inbox)
    off = make_bot(builders.make_inbox(cast.support), "Off", is_active=False)
    other = make_bot(builders.make_inbox(cast.billing), "Other")
    done = builders.make_ticket(cast.inbox, "done@example.org")
    tickets.resolve(done, by=cast.alice)
    for who, what in ((off, ticket), (other, ticket), (bot, done)):
        with pytest.raises(BadInput):
            bots.take(what, by=who, epoch=epoch_of(what))


@pytest.mark.parametrize("column", ["bot_until", "bot_fallback_id", "bot_id"])
def test_the_database_wants_an_end_and_people(ticket: Ticket, column: str) -> None:
    with pytest.raises(Error, match="ticket_with_bot"), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(**{column: None})


# Answering


def test_what_a_bot_says_is_sent_and_is_nobody_elses_turn_for_it(ticket: Ticket, bot: Bot) -> None:
    before = Ticket.objects.get(pk=ticket.pk)
    token = uuid.uuid4()
    with watched(ticket) as seen:
        assert acts(ticket, bot, Act("Your order number?", ("None",)), client_token=token)
        assert acts(ticket, bot, Act("Again?"), client_token=token)
    assert seen.kinds == ["out"]
    said = seen.entries[0]
    assert (said.bot, said.agent, said.text) == (bot, None, "Your order number?")
    assert said.data["choices"] == ["None"]
    assert Delivery.objects.get(entry=said).look_at is None
    after = Ticket.objects.get(pk=ticket.pk)
    assert (after.status, after.deadline_at) == (before.status, before.deadline_at)
    assert (stint_of(ticket).turns, stint_of(ticket).due_at) == (1, None)


def test_a_late_answer_is_discarded_and_said_once(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    epoch = epoch_of(ticket)
    ownership.take(ticket, by=cast.alice, epoch=epoch)
    with watched(ticket) as seen:
        assert not acts(ticket, bot, Act("Hello?", collects=(found(ticket),)), epoch=epoch)
        assert not acts(ticket, bot, epoch=epoch)
    assert seen.kinds == ["answer_discarded"]
    assert not Entry.objects.filter(direction="out").exists()
    assert not Collected.objects.exists()


def test_the_same_bot_with_a_newer_epoch_is_another(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    """It had the ticket, lost it, and has it again: what it thought before counts no more."""
    epoch = epoch_of(ticket)
    ownership.take(ticket, by=cast.alice, epoch=epoch)
    bots.lend(ticket, to=bot, by=cast.alice, epoch=epoch + 1, goal="email")
    assert not acts(ticket, bot, epoch=epoch)
    assert acts(ticket, bot)


def test_a_bot_does_not_talk_past_the_customer(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    head = builders.head_of(ticket.conversation_id)
    builders.write_in(cast.inbox, tokens=(ticket.token_id,), text="It is 10433")
    with watched(ticket) as seen, pytest.raises(StaleContext):
        acts(ticket, bot, seen_head=head)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_a_bot_says_nothing_in_what_is_resolved(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    epoch = epoch_of(ticket)
    tickets.resolve(ticket, by=cast.alice)
    assert not acts(ticket, bot, epoch=epoch)
    assert not Entry.objects.filter(direction="out").exists()


def test_who_answers_beside_a_bot_has_the_ticket(cast: Cast, ticket: Ticket) -> None:
    to = builders.identity_of()
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=to)
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    assert Ticket.objects.get(pk=ticket.pk).bot_until is None


# Collecting


def test_values_are_kept_by_their_sort(ticket: Ticket, bot: Bot) -> None:
    told = {
        "order_number": "10433",
        "email": "kim@example.org",
        "quantity": "2.5",
        "delivery_date": "2026-12-24",
        "delivery_time": "evening",
    }
    with watched(ticket) as seen:
        act = Act(collects=tuple(found(ticket, name, value) for name, value in told.items()))
        assert acts(ticket, bot, act)
    assert (seen.kinds, seen.raised) == ([], 1)
    assert {row.name: row.value for row in collecting.of(ticket)} == told
    assert {row.sort for row in collecting.of(ticket)} == set(ValueSort.values)
    assert {row.entry_id for row in collecting.of(ticket)} == {first(ticket)}
    acts(ticket, bot, Act(collects=(found(ticket, value="10434"),)))
    assert collecting.of(ticket)[-1].value == "10434"
    assert len(collecting.of(ticket)) == len(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_number", " "),
        ("order_number", "1" * 301),
        ("order_number", "1\x00"),
        ("email", "kim"),
        ("quantity", "two"),
        ("quantity", "1e9"),
        ("quantity", "NaN"),
        ("delivery_date", "24/12/2026"),
        ("delivery_date", "2026-02-30"),
        ("delivery_time", "midnight"),
        ("password", "x"),
    ],
)
def test_what_is_no_value_is_refused_with_all_of_the_turn(
    ticket: Ticket, bot: Bot, name: str, value: str
) -> None:
    with watched(ticket) as seen, pytest.raises(BadInput):
        acts(ticket, bot, Act("Thanks", collects=(found(ticket), found(ticket, name, value))))
    assert (seen.kinds, seen.raised) == ([], 0)
    assert not Collected.objects.exists()


def test_a_value_is_of_an_entry_of_its_ticket(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    with pytest.raises(BadInput):
        acts(ticket, bot, Act(collects=(Value("order_number", "1", first(other)),)))


def test_the_database_knows_the_sorts(ticket: Ticket, bot: Bot) -> None:
    acts(ticket, bot, Act(collects=(found(ticket),)))
    for sort in ("email", "date", "colour"):
        with pytest.raises(Error, match="collected_as_its_sort"), transaction.atomic():
            Collected.objects.update(sort=sort)


def test_an_address_that_was_collected_joins_nobody(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    lee = builders.make_ticket(cast.inbox, "lee@example.org")
    acts(ticket, bot, Act(collects=(found(ticket, "email", "lee@example.org"),)))
    assert builders.conversation_of("lee@example.org").pk == lee.conversation_id
    kim = builders.conversation_of()
    assert kim.pk != lee.conversation_id
    assert [row.value for row in kim.identities.all()] == ["kim@example.org"]


# Letting go


def test_giving_up_is_an_offer_to_the_people_behind_it(
    cast: Cast, ticket: Ticket, bot: Bot
) -> None:
    act = Act("A colleague answers.", (), (found(ticket),), GIVES_UP, "asked")
    with watched(ticket) as seen:
        assert acts(ticket, bot, act)
    assert seen.kinds == ["out", "released", "offered"]
    offer = Offer.objects.get()
    assert (offer.from_bot, offer.offered_by, offer.actor) == (bot, None, bot.actor)
    assert (offer.to_team, offer.warm) == (cast.billing, False)
    assert owner(ticket) == (cast.support.pk, None)
    packet = Packet.of(offer.packet)
    assert packet.asks.text == "Where is my parcel?"
    assert packet.asks.entries == (first(ticket),)
    assert packet.reason.text == "They asked for a person."
    assert offer.gathered["collected"] == [
        {"name": "order_number", "sort": "text", "value": "10433", "entry": first(ticket)}
    ]
    handoffs.accept(
        offer,
        by=cast.charlie,
        seen_head=builders.head_of(ticket.conversation_id),
        restatement=None,
    )
    assert owner(ticket) == (cast.billing.pk, cast.charlie.pk)


def test_what_a_bot_gave_up_never_comes_back_to_it(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    acts(ticket, bot, Act(then=GIVES_UP))
    builders.run_out(Offer.objects.get())
    assert handoffs.expire_due() == 1
    after = Ticket.objects.get(pk=ticket.pk)
    assert (after.team, after.agent, after.bot) == (cast.support, None, None)


def test_where_nobody_is_behind_it_the_team_has_it(cast: Cast) -> None:
    empty = builders.make_team("Empty")
    bot = make_bot(cast.inbox, fallback=empty)
    ticket = taken(builders.make_ticket(cast.inbox), bot)
    with watched(ticket) as seen:
        acts(ticket, bot, Act(then=GIVES_UP))
    assert seen.kinds == ["moved_team"]
    assert owner(ticket) == (empty.pk, None)


def test_a_restricted_ticket_stays_with_its_team(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, restriction="legal")
    bot = make_bot(legal, fallback=cast.billing)
    ticket = taken(builders.make_ticket(legal), bot)
    acts(ticket, bot, Act(then=GIVES_UP))
    assert Offer.objects.get().to_team == cast.support


def test_at_the_end_of_its_time_it_gives_up(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    assert bots.give_up_due() == 0
    time_is_up(ticket)
    with watched(ticket) as seen:
        assert bots.give_up_due() == 1
        assert bots.give_up_due() == 0
    assert seen.kinds == ["released", "offered"]
    assert Packet.of(Offer.objects.get().packet).reason.text == "The assistant's time was up."


def test_past_its_time_it_answers_no_more_though_no_sweeper_came(ticket: Ticket, bot: Bot) -> None:
    time_is_up(ticket)
    assert not acts(ticket, bot)
    assert not Entry.objects.filter(direction="out").exists()
    assert Offer.objects.get().from_bot == bot


def test_who_offered_its_ticket_goes_before(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    """A person has offered it on: the bot's time ends, and that offer stands."""
    made = handoffs.offer(
        ticket,
        team=cast.support,
        agent=cast.bob,
        by=cast.alice,
        epoch=epoch_of(ticket),
        packet=Packet.of(
            {name: {"text": "x", "entries": []} for name in ("asks", "next", "reason")}
        ),
    )
    time_is_up(ticket)
    assert bots.give_up_due() == 0
    assert list(Offer.objects.open()) == [made]
    builders.run_out(made)
    handoffs.expire_due()
    assert bots.give_up_due() == 1
    assert Offer.objects.open().get().to_team == cast.billing


def test_a_bot_that_is_switched_off_gives_up_all_it_has(ticket: Ticket, bot: Bot) -> None:
    with watched(ticket) as seen:
        bots.keep(bot, is_active=False)
        bots.keep(bot, is_active=False)
    assert seen.kinds == ["released", "offered"]
    assert not Ticket.objects.filter(bot=bot).exists()


def test_what_helped_is_done(ticket: Ticket, bot: Bot) -> None:
    with watched(ticket) as seen:
        acts(ticket, bot, Act("Good.", then=RESOLVES))
    assert seen.kinds == ["out", "resolved"]
    assert seen.entries[-1].actor == bot.actor
    assert Ticket.objects.get(pk=ticket.pk).is_resolved


# Lent for a goal


@pytest.fixture
def lent(cast: Cast, bot: Bot) -> Ticket:
    """Alice's, who wants the delivery date in three messages at most."""
    ticket = ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)
    return bots.lend(ticket, to=bot, by=cast.alice, epoch=2, goal="delivery_date", most_turns=3)


def test_lending_names_goal_and_limit(cast: Cast, bot: Bot) -> None:
    ticket = ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)
    with watched(ticket) as seen:
        for epoch in (2, 3):
            bots.lend(ticket, to=bot, by=cast.alice, epoch=epoch, goal="email", most_turns=2)
    assert seen.kinds == ["lent"]
    assert (seen.entries[0].data["goal"], seen.entries[0].data["turns"]) == ("email", 2)
    stint = stint_of(ticket)
    assert (stint.goal, stint.most_turns, stint.returns_to) == ("email", 2, cast.alice)


def test_what_can_not_be_lent(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: bots.lend(ticket, to=bot, by=cast.alice, epoch=2, goal="password"),
        lambda: bots.lend(ticket, to=bot, by=cast.alice, epoch=2, goal="email", most_turns=0),
        lambda: bots.lend(ticket, to=bot, by=cast.alice, epoch=2, goal="email", most_turns=11),
    ]
    for attempt in attempts:
        with watched(ticket) as seen, pytest.raises(BadInput):
            attempt()
        assert (seen.kinds, seen.raised) == ([], 0)
    with pytest.raises(StaleOwner):
        bots.lend(ticket, to=bot, by=cast.alice, epoch=1, goal="email")


def test_with_its_goal_it_comes_back(cast: Cast, lent: Ticket, bot: Bot) -> None:
    assert acts(lent, bot)
    value = found(lent, "delivery_date", "2026-12-24")
    with watched(lent) as seen:
        acts(lent, bot, Act("Thank you.", collects=(value,)))
    assert seen.kinds == ["out", "returned"]
    assert seen.entries[-1].data["reason"] == "bot_goal"
    assert owner(lent) == (cast.support.pk, cast.alice.pk)


def test_the_server_counts_its_turns(cast: Cast, lent: Ticket, bot: Bot) -> None:
    with watched(lent) as seen:
        for _ in range(3):
            assert acts(lent, bot)
            builders.write_in(cast.inbox, tokens=(lent.token_id,), text="Hm")
        acts(lent, bot, Act("A fourth time?"))
    assert seen.kinds == ["out", "in"] * 3 + ["returned"]
    assert seen.entries[-1].data["reason"] == "bot_limit"
    assert owner(lent) == (cast.support.pk, cast.alice.pk)


def test_asked_for_a_person_or_late_it_comes_back(cast: Cast, lent: Ticket, bot: Bot) -> None:
    acts(lent, bot, Act("A moment.", then=GIVES_UP, why="asked"))
    assert owner(lent) == (cast.support.pk, cast.alice.pk)
    bots.lend(lent, to=bot, by=cast.alice, epoch=epoch_of(lent), goal="email")
    time_is_up(lent)
    assert bots.give_up_due() == 1
    assert owner(lent) == (cast.support.pk, cast.alice.pk)
    assert not Offer.objects.exists()


def test_who_can_not_act_any_more_has_a_team(cast: Cast, lent: Ticket, bot: Bot) -> None:
    ownership.disable(cast.alice, by=cast.bob)
    time_is_up(lent)
    assert bots.give_up_due() == 1
    assert owner(lent) == (cast.support.pk, None)
    assert Ticket.objects.get(pk=lent.pk).bot is None


def test_an_errand_resolves_nothing(cast: Cast, lent: Ticket, bot: Bot) -> None:
    acts(lent, bot, Act("Done?", then=RESOLVES))
    assert not Ticket.objects.get(pk=lent.pk).is_resolved


# Its turn


def test_a_turn_is_what_was_written_since_it_wrote(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    turn = bots.turn_of(stint_of(ticket))
    assert turn is not None
    assert [entry.text for entry in turn.said] == ["Where is my parcel?"]
    acts(ticket, bot, Act("Number?", memory={"step": "order_number"}))
    assert not stint_of(ticket).due_at
    for text in ("It is", "10433"):
        entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,), text=text)
        assert bots.heard(builders.ticket_of(entry))
    turn = bots.turn_of(stint_of(ticket))
    assert turn is not None
    assert [entry.text for entry in turn.said] == ["It is", "10433"]
    assert turn.memory == {"step": "order_number"}


def test_what_came_back_to_a_bot_goes_on_where_it_was(cast: Cast, lent: Ticket, bot: Bot) -> None:
    """Somebody offered it on and took that back."""
    acts(lent, bot, Act("On which day?", memory={"step": "delivery_date"}))
    made = handoffs.offer(
        lent,
        team=cast.billing,
        by=cast.alice,
        epoch=epoch_of(lent),
        packet=Packet(asks=Line("x"), next=Line("y"), reason=Line("z")),
        warm=False,
    )
    handoffs.recall(made, by=cast.alice)
    entry = builders.write_in(cast.inbox, tokens=(lent.token_id,), text="Tomorrow")
    assert bots.heard(builders.ticket_of(entry))
    turn = bots.turn_of(stint_of(lent))
    assert turn is not None
    assert (turn.goal, turn.stint.turns, turn.epoch) == ("delivery_date", 1, epoch_of(lent))
    assert turn.memory == {"step": "delivery_date"}


def test_there_is_no_turn_in_what_is_over(cast: Cast, ticket: Ticket, bot: Bot) -> None:
    ownership.take(ticket, by=cast.alice, epoch=epoch_of(ticket))
    assert bots.turn_of(stint_of(ticket)) is None
    assert stint_of(ticket).due_at is None
    assert not bots.heard(builders.ticket_of(Entry.objects.get(pk=first(ticket))))
