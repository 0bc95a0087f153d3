"""Two or more connections at once: each law holds whoever comes first."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from conversations import (
    bots,
    deliveries,
    handoffs,
    intake,
    merges,
    ownership,
    promises,
    replies,
    tickets,
)
from conversations.errors import (
    BadInput,
    DomainError,
    OfferOver,
    PromiseOver,
    PromisesOpen,
    StaleContext,
    StaleOwner,
)
from conversations.models import (
    Agent,
    Bot,
    Conversation,
    Customer,
    Delivery,
    Entry,
    Identity,
    Merge,
    Offer,
    Promise,
    Ticket,
)
from conversations.packets import Line, Packet
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.botting import acts, make_bot, taken, time_is_up
from tests.conversations.promising import due_soon
from tests.properties import laws
from tests.properties.crew import failures, together

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


@pytest.fixture
def cast() -> Cast:
    return builders.make_cast()


def test_of_two_takes_one_wins(cast: Cast) -> None:
    for number in range(ROUNDS):
        ticket = builders.make_ticket(cast.inbox, f"{number}@example.org")
        answers = together(
            partial(ownership.take, ticket, by=cast.alice, epoch=1),
            partial(ownership.take, ticket, by=cast.bob, epoch=1),
        )
        assert [type(answer) for answer in failures(answers)] == [StaleOwner]
        ticket.refresh_from_db()
        assert ticket.owner_epoch == 2
    laws.check()


def test_of_a_take_and_an_assignment_one_wins(cast: Cast) -> None:
    for number in range(ROUNDS):
        ticket = builders.make_ticket(cast.inbox, f"{number}@example.org")
        answers = together(
            partial(ownership.take, ticket, by=cast.alice, epoch=1),
            partial(ownership.assign, ticket, to=cast.bob, by=cast.alice, epoch=1),
        )
        assert [type(answer) for answer in failures(answers)] == [StaleOwner]
    laws.check()


def _offer(cast: Cast, number: object, **fields: Any) -> Offer:
    """Charlie's ticket, offered to all of Support."""
    inbox = builders.make_inbox(cast.billing)
    ticket = builders.make_ticket(inbox, f"{number}@example.org")
    ownership.take(ticket, by=cast.charlie, epoch=1)
    packet = Packet(asks=Line("Where it is"), next=Line("Look"), reason=Line("Yours"))
    fields = {"team": cast.support, "by": cast.charlie, "epoch": 2, "packet": packet, **fields}
    return handoffs.offer(ticket, **fields)


def _accept(offer: Offer, by: Agent) -> Offer:
    head = builders.head_of(offer.ticket.conversation_id)
    return handoffs.accept(offer, by=by, seen_head=head, restatement=None)


def test_of_two_who_accept_one_has_it(cast: Cast) -> None:
    for number in range(ROUNDS):
        offer = _offer(cast, number, warm=bool(number % 2))
        answers = together(*[partial(_accept, offer, each) for each in (cast.alice, cast.bob)])
        assert [type(answer) for answer in failures(answers)] == [OfferOver]
        (won,) = (answer for answer in answers if isinstance(answer, Offer))
        assert Ticket.objects.get(pk=offer.ticket_id).agent == won.closed_by
        assert Entry.objects.filter(event="offer_accepted", ticket=offer.ticket_id).count() == 1
    laws.check()


def test_of_an_acceptance_and_the_end_of_its_time_one_counts(cast: Cast) -> None:
    """Whichever comes first: it is theirs, or the sender's again."""
    for number in range(3 * ROUNDS):
        offer = _offer(cast, number, warm=False, within=timedelta(milliseconds=300))

        def accept(offer: Offer = offer, after: float = number / 100) -> Offer:
            _sleep_until(offer, after)
            return _accept(offer, cast.alice)

        def sweep(offer: Offer = offer) -> None:
            _sleep_until(offer, 0.0)
            while Offer.objects.open().filter(pk=offer.pk).exists():
                handoffs.expire_due()

        accepted, swept = together(accept, sweep)
        assert swept is None, swept
        owner = Ticket.objects.get(pk=offer.ticket_id).agent
        after = Offer.objects.get(pk=offer.pk).state
        if isinstance(accepted, Offer):
            assert (after, owner) == ("accepted", cast.alice)
        else:
            assert isinstance(accepted, OfferOver)
            assert (after, owner) == ("expired", cast.charlie)
    laws.check()


def _sleep_until(offer: Offer, after: float) -> None:
    """Until a little before the offer's end, by the database's clock, and then for `after`."""
    left = (offer.expires_at - database_now()).total_seconds() - 0.06 + after
    time.sleep(max(0.0, left))


@pytest.mark.parametrize("other", ["take", "resolve", "merge", "disable", "recall", "decline"])
def test_an_acceptance_and_what_ends_the_offer_do_not_mix(cast: Cast, other: str) -> None:
    for number in range(ROUNDS):
        name = f"Temp{number}"
        receiver = builders.make_agent(name, cast.support)
        offer = _offer(cast, number, agent=receiver)
        stranger = builders.make_ticket(cast.inbox, f"other{number}@example.org")
        dana = builders.make_agent(f"Dana{number}", cast.billing)
        act = {
            "take": partial(ownership.take, offer.ticket, by=dana, epoch=2),
            "resolve": partial(tickets.resolve, offer.ticket, by=cast.charlie),
            "merge": partial(
                _join, offer.ticket.conversation_id, stranger.conversation_id, cast.alice
            ),
            "disable": partial(ownership.disable, receiver, by=cast.alice),
            "recall": partial(handoffs.recall, offer, by=cast.charlie),
            "decline": partial(handoffs.decline, offer, by=receiver, reason="No"),
        }[other]
        answers = together(partial(_accept, offer, receiver), act)
        assert all(isinstance(error, DomainError) for error in failures(answers)), answers
        # What a disabled agent had the desk offers to the others.
        assert not Offer.objects.open().exclude(offered_by=None).exists()
        after = Offer.objects.get(pk=offer.pk)
        assert isinstance(answers[0], Offer) == (after.state == "accepted")
        if other == "disable":
            assert not Ticket.objects.filter(agent=receiver).exists()
    laws.check()


def _promise(ticket: Ticket, by: Agent, minutes: int = 90) -> Promise:
    due = database_now() + timedelta(minutes=minutes)
    return promises.promise(ticket, by=by, text="Call back", due_at=due)


def test_a_promise_and_a_resolution_do_not_mix(cast: Cast) -> None:
    for number in range(ROUNDS):
        ticket = builders.make_ticket(cast.inbox, f"{number}@example.org")
        made, done = together(
            partial(_promise, ticket, cast.alice), partial(tickets.resolve, ticket, by=cast.bob)
        )
        if isinstance(made, Promise):
            assert isinstance(done, PromisesOpen)
        else:
            assert isinstance(made, BadInput) and isinstance(done, Ticket)
    laws.check()


def test_of_two_ways_to_settle_a_promise_one_counts(cast: Cast) -> None:
    for number in range(ROUNDS):
        made = _promise(builders.make_ticket(cast.inbox, f"{number}@example.org"), cast.alice)
        answers = together(
            partial(promises.keep, made, by=cast.alice),
            partial(promises.withdraw, made, by=cast.bob, reason="No need"),
        )
        assert [type(answer) for answer in failures(answers)] == [PromiseOver]
        (won,) = (answer for answer in answers if isinstance(answer, Promise))
        assert Promise.objects.get(pk=made.pk).state == won.state
    laws.check()


def test_one_promise_made_eight_times_is_one(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    due = database_now() + timedelta(hours=1)
    make = partial(promises.promise, ticket, by=cast.alice, text="Call back", due_at=due)
    answers = together(*[make] * 8)
    assert failures(answers) == []
    assert {answer.pk for answer in answers} == {Promise.objects.get().pk}
    laws.check()


def test_two_workers_warn_once(cast: Cast) -> None:
    for number in range(ROUNDS):
        ticket = builders.make_ticket(cast.inbox, f"{number}@example.org")
        tickets.set_pending(ticket, by=cast.alice)
        due_soon(_promise(ticket, cast.alice))
        answers = together(*[promises.warn_due] * 4)
        assert sorted(answers) == [0, 0, 0, 1]
        assert Entry.objects.filter(ticket=ticket, event="promise_due").count() == 1
        assert Entry.objects.filter(ticket=ticket, event="woke").count() == 1
    laws.check()


def test_a_promise_made_while_its_message_moves_is_where_the_message_is(cast: Cast) -> None:
    for number in range(2 * ROUNDS):
        entry = builders.write_in(cast.inbox, f"{number}@example.org")
        assert entry.ticket is not None
        due = database_now() + timedelta(hours=1)
        ticket = entry.ticket
        told = {"by": cast.alice, "text": "Call back", "due_at": due, "entry": entry}
        made, moved = together(
            partial(promises.promise, ticket, **told),
            partial(tickets.move_entry, entry, to=None, by=cast.bob),
        )
        assert isinstance(moved, Entry), moved
        if isinstance(made, Promise):
            assert Promise.objects.get(pk=made.pk).ticket_id == moved.ticket_id
        else:
            assert isinstance(made, BadInput), made
    laws.check()


def test_an_acceptance_and_a_kept_promise_go_together(cast: Cast) -> None:
    for number in range(ROUNDS):
        offer = _offer(cast, number)
        made = _promise(offer.ticket, cast.charlie)
        answers = together(
            partial(_accept, offer, cast.alice), partial(promises.keep, made, by=cast.charlie)
        )
        assert failures(answers) == []
    laws.check()


def test_who_is_disabled_while_they_are_asked_is_asked_nothing(cast: Cast) -> None:
    for number in range(ROUNDS):
        agent = builders.make_agent(f"Temp{number}", cast.support)
        asks = [partial(_offer, cast, f"{number}.{n}", agent=agent) for n in range(3)]
        answers = together(partial(ownership.disable, agent, by=cast.alice), *asks)
        assert answers[0] is None, answers[0]
        assert all(isinstance(error, DomainError) for error in failures(answers)), answers
        assert not Offer.objects.open().filter(to_agent=agent).exists()
    laws.check()


def _bots_ticket(cast: Cast, number: int) -> tuple[Bot, Ticket]:
    bot = make_bot(builders.make_inbox(cast.support), f"Robin {number}", fallback=cast.billing)
    assert bot.inbox is not None
    ticket = builders.make_ticket(bot.inbox, f"{number}@example.org")
    return bot, taken(ticket, bot)


@pytest.mark.parametrize("other", ["take", "offer", "off", "time"])
def test_a_bot_answers_or_somebody_else_has_it(cast: Cast, other: str) -> None:
    """Whoever comes first: what the bot says is before the change of hands, or nowhere."""
    for number in range(3 * ROUNDS):
        bot, ticket = _bots_ticket(cast, number)
        epoch, head = ticket.owner_epoch, builders.head_of(ticket.conversation_id)
        packet = Packet(asks=Line("Where it is"), next=Line("Look"), reason=Line("Yours"))
        act: Callable[[], Any] = {
            "take": partial(ownership.take, ticket, by=cast.alice, epoch=epoch),
            "offer": partial(
                handoffs.offer,
                ticket,
                team=cast.billing,
                by=cast.alice,
                epoch=epoch,
                packet=packet,
                warm=False,
            ),
            "off": partial(bots.keep, bot, is_active=False),
            "time": partial(_time_is_up, ticket),
        }[other]
        answers = together(partial(acts, ticket, bot, epoch=epoch, seen_head=head), act)
        assert failures(answers) == []
        said = Entry.objects.filter(ticket=ticket, bot=bot, kind="message")
        assert said.count() == (answers[0] is True)
        lost = Entry.objects.filter(ticket=ticket, event="answer_discarded").count()
        assert lost + said.count() == 1 or other in ("off", "time")
        assert Ticket.objects.get(pk=ticket.pk).bot is None
    laws.check()


def _time_is_up(ticket: Ticket) -> None:
    time_is_up(ticket)
    bots.give_up_due()


def test_the_same_turn_twice_says_one_thing(cast: Cast) -> None:
    for number in range(ROUNDS):
        bot, ticket = _bots_ticket(cast, number)
        head, token = builders.head_of(ticket.conversation_id), uuid.uuid4()
        turn = partial(acts, ticket, bot, seen_head=head, client_token=token)
        assert together(*[turn] * 4) == [True] * 4
        assert Entry.objects.filter(ticket=ticket, bot=bot, kind="message").count() == 1
    laws.check()


def test_one_client_token_makes_one_reply(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    head, token = builders.head_of(ticket.conversation_id), uuid.uuid4()
    send = partial(
        replies.reply,
        ticket,
        by=cast.alice,
        outgoing=builders.outgoing(builders.identity_of(), cast.inbox),
        seen_head=head,
        client_token=token,
    )
    answers = together(*[send] * 8)
    assert failures(answers) == []
    assert {answer.pk for answer in answers} == {
        Entry.objects.get(direction="out", client_token=token).pk
    }
    assert Delivery.objects.count() == 1
    laws.check()


def test_one_client_token_makes_one_note(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    write = partial(replies.note, ticket, by=cast.alice, text="Same", client_token=uuid.uuid4())
    answers = together(*[write] * 8)
    assert failures(answers) == []
    assert len({answer.pk for answer in answers}) == 1
    laws.check()


def test_the_same_message_twenty_times_is_one_entry(cast: Cast) -> None:
    message = builders.inbound(cast.inbox)
    answers = together(*[partial(intake.receive, message)] * 20)
    assert failures(answers) == []
    states = [answer.state for answer in answers]
    assert states.count(intake.THREADED) == 1
    assert states.count(intake.DUPLICATE) == 19
    assert Entry.objects.filter(direction="in").count() == 1
    assert (Customer.objects.count(), Identity.objects.count()) == (1, 1)
    laws.check()


def test_the_same_mail_to_two_inboxes_is_one_entry(cast: Cast) -> None:
    other = builders.make_inbox(cast.billing, "Billing mail")
    for number in range(ROUNDS):
        messages = [
            builders.inbound(inbox, f"{number}@example.org", external_id=f"<{number}>")
            for inbox in (cast.inbox, other)
        ]
        answers = together(*[partial(intake.receive, message) for message in messages])
        assert failures(answers) == []
        entry = Entry.objects.get(direction="in", identity__value=f"{number}@example.org")
        assert len(entry.data["also_at"]) == 1
    laws.check()


def test_two_first_messages_make_one_customer(cast: Cast) -> None:
    for number in range(ROUNDS):
        answers = together(
            *[
                partial(intake.receive, builders.inbound(cast.inbox, f"{number}@example.org"))
                for _ in range(4)
            ]
        )
        assert failures(answers) == []
        assert [answer.state for answer in answers] == [intake.THREADED] * 4
    assert Customer.objects.count() == ROUNDS
    assert Conversation.objects.count() == ROUNDS
    laws.check()


def test_the_check_for_stale_context_cannot_be_raced(cast: Cast) -> None:
    """Either the reply came first, or it was refused with the message it had not seen."""
    for number in range(ROUNDS):
        sender = f"{number}@example.org"
        ticket = builders.make_ticket(cast.inbox, sender)
        head = builders.head_of(ticket.conversation_id)
        reply = partial(
            replies.reply,
            ticket,
            by=cast.alice,
            outgoing=builders.outgoing(builders.identity_of(sender), cast.inbox),
            seen_head=head,
            client_token=uuid.uuid4(),
        )
        more = builders.inbound(cast.inbox, sender, tokens=(ticket.token_id,), text="And another")
        said, heard = together(reply, partial(intake.receive, more))
        assert heard.state == intake.THREADED
        if isinstance(said, Entry):
            assert said.at < heard.entry.at
        else:
            assert isinstance(said, StaleContext)
            assert [row.pk for row in said.newer] == [heard.entry.pk]
    laws.check()


def test_a_writer_during_a_join_lands_in_the_live_conversation(cast: Cast) -> None:
    for number in range(ROUNDS):
        one = builders.make_ticket(cast.inbox, f"a{number}@example.org")
        two = builders.make_ticket(cast.inbox, f"b{number}@example.org")
        answers = together(
            partial(_join, one.conversation_id, two.conversation_id, cast.alice),
            partial(replies.note, one, by=cast.bob, text="a", client_token=uuid.uuid4()),
            partial(replies.note, two, by=cast.bob, text="b", client_token=uuid.uuid4()),
            partial(intake.receive, builders.inbound(cast.inbox, f"b{number}@example.org")),
        )
        assert failures(answers) == []
    laws.check()


def test_joins_in_a_ring_do_not_deadlock(cast: Cast) -> None:
    for number in range(ROUNDS):
        a, b, c = (
            builders.make_ticket(cast.inbox, f"{name}{number}@example.org").conversation_id
            for name in "abc"
        )
        answers = together(
            partial(_join, a, b, cast.alice),
            partial(_join, b, c, cast.alice),
            partial(_join, c, a, cast.alice),
        )
        assert [type(answer) for answer in failures(answers)] == [BadInput]
        assert len({row.live_id for row in Conversation.objects.filter(pk__in=(a, b, c))}) == 1
    laws.check()


@pytest.mark.parametrize("smaller_id_lives", [True, False])
def test_a_writer_during_an_undo_lands_where_its_origin_went(
    cast: Cast, smaller_id_lives: bool
) -> None:
    for number in range(ROUNDS):
        one = builders.make_ticket(cast.inbox, f"a{number}@example.org")
        two = builders.make_ticket(cast.inbox, f"b{number}@example.org")
        _grow(one if smaller_id_lives else two, cast)
        row = _join(one.conversation_id, two.conversation_id, cast.alice)
        answers = together(
            partial(merges.undo, row, by=cast.alice),
            *[
                partial(replies.note, ticket, by=cast.bob, text="x", client_token=uuid.uuid4())
                for ticket in (one, two, one, two)
            ],
        )
        assert failures(answers) == []
        assert Conversation.objects.filter(merged_into=None).count() == 2 * (number + 1)
    laws.check()


def test_undoing_twice_at_once_is_undoing_once(cast: Cast) -> None:
    one = builders.make_ticket(cast.inbox, "a@example.org")
    two = builders.make_ticket(cast.inbox, "b@example.org")
    row = _join(one.conversation_id, two.conversation_id, cast.alice)
    answers = together(*[partial(merges.undo, row, by=cast.alice)] * 4)
    assert failures(answers) == []
    assert Entry.objects.filter(event="parted").count() == 2
    laws.check()


def test_whoever_is_disabled_while_taking_owns_nothing(cast: Cast) -> None:
    for number in range(ROUNDS):
        name = f"Temp{number}"
        agent = builders.make_agent(name, cast.support)
        mine = [builders.make_ticket(cast.inbox, f"{number}.{n}@example.org") for n in range(4)]
        ownership.take(mine[0], by=agent, epoch=1)
        answers = together(
            partial(ownership.disable, agent, by=cast.alice),
            *[partial(ownership.take, ticket, by=agent, epoch=1) for ticket in mine[1:]],
        )
        assert answers[0] is None, answers[0]
        assert all(isinstance(error, DomainError) for error in failures(answers))
        assert not Agent.objects.get(pk=agent.pk).is_active
        assert not Ticket.objects.filter(agent=agent).exists()
    laws.check()


def test_whoever_leaves_a_team_while_taking_owns_nothing_of_it(cast: Cast) -> None:
    for number in range(ROUNDS):
        agent = builders.make_agent(f"Temp{number}", cast.support)
        mine = [builders.make_ticket(cast.inbox, f"{number}.{n}@example.org") for n in range(3)]
        answers = together(
            partial(ownership.leave, cast.support, agent, by=cast.alice),
            *[partial(ownership.take, ticket, by=agent, epoch=1) for ticket in mine],
        )
        assert answers[0] is None, answers[0]
        assert all(isinstance(error, DomainError) for error in failures(answers))
        assert not Ticket.objects.filter(agent=agent).exists()
    laws.check()


def test_two_agents_disabled_during_joins_do_not_deadlock(cast: Cast) -> None:
    """Locks of many conversations are taken in one order, also where they were joined."""
    for number in range(ROUNDS):
        agents = [builders.make_agent(f"Temp{number}{n}", cast.support) for n in range(2)]
        tickets = [builders.make_ticket(cast.inbox, f"{number}.{n}@example.org") for n in range(6)]
        for place, ticket in enumerate(tickets):
            ownership.take(ticket, by=agents[place % 2], epoch=1)
        _grow(tickets[5], cast)
        _join(tickets[0].conversation_id, tickets[5].conversation_id, cast.alice)
        answers = together(
            *[partial(ownership.disable, agent, by=cast.alice) for agent in agents],
            partial(_join, tickets[2].conversation_id, tickets[5].conversation_id, cast.alice),
        )
        assert failures(answers) == []
    laws.check()


def test_each_delivery_is_claimed_once_and_in_order_of_its_lane(cast: Cast) -> None:
    lanes = [builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(4)]
    for number in range(24):
        ticket = lanes[number % 4]
        builders.answer(
            ticket,
            by=cast.alice,
            inbox=cast.inbox,
            to=builders.identity_of(f"{number % 4}@example.org"),
        )
    done: list[int] = []

    def work() -> None:
        idle = 0
        while idle < 20:
            leases = deliveries.claim([cast.inbox.pk], 3)
            idle = 0 if leases else idle + 1
            for lease in leases:
                done.append(lease.delivery)
                assert deliveries.sent(lease)

    assert failures(together(*[work] * 4)) == []
    assert sorted(done) == sorted(Delivery.objects.values_list("pk", flat=True))
    for lane in lanes:
        own = Delivery.objects.filter(entry__ticket=lane).order_by("pk")
        pks = list(own.values_list("pk", flat=True))
        assert [pk for pk in done if pk in pks] == pks
        assert list(own.order_by("sent_at").values_list("pk", flat=True)) == pks
    laws.check()


def test_a_renewed_lease_is_not_called_ambiguous(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep saw an expired lease; its worker renewed it before the sweep got the lock."""
    ticket = builders.make_ticket(cast.inbox)
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    (lease,) = deliveries.claim([cast.inbox.pk], 1)
    Delivery.objects.update(lease_until=database_now() - timedelta(seconds=1))
    finish = deliveries._finish

    def renewed_first(lease, change):  # type: ignore[no-untyped-def]
        assert deliveries.renew(lease)
        return finish(lease, change)

    monkeypatch.setattr(deliveries, "_finish", renewed_first)
    deliveries.expire_leases()
    assert Delivery.objects.get().state == "sending"


def _join(first: int, second: int, by: Agent) -> Merge:
    connection.ensure_connection()
    return merges.merge(
        Conversation.objects.get(pk=first),
        Conversation.objects.get(pk=second),
        by=by,
        reason="Same person",
    )


def _grow(ticket: Ticket, cast: Cast) -> None:
    """Make its conversation the larger one, which stays when joined."""
    for _ in range(3):
        replies.note(ticket, by=cast.bob, text="grow", client_token=uuid.uuid4())
