from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from conversations import handoffs, merges, ownership, packets, promises, replies, tasks, tickets
from conversations.errors import BadInput, Moved, PromiseOver, PromisesOpen
from conversations.models import Entry, Promise, Status, Ticket
from conversations.templatetags.happenings import sentence
from conversations.thread import MICROSECOND, database_now, locked
from tests import builders
from tests.builders import Cast
from tests.conversations.offering import accepted, offered
from tests.conversations.promising import due_soon, now_of, overdue, promised
from tests.properties import laws

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


def now(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("team").get(pk=ticket.pk)


def first_message(ticket: Ticket) -> Entry:
    return ticket.entries.exclude(kind="event").order_by("at")[0]


def sentences(ticket: Ticket, cast: Cast) -> list[str]:
    events = Entry.objects.filter(ticket=ticket, kind="event").order_by("at")
    return [sentence(entry, cast.bob) for entry in events if entry.event not in ("opened", "taken")]


def deadline(ticket: Ticket) -> tuple[Any, str]:
    found = now(ticket)
    return found.deadline_at, found.deadline_kind


def inherited(promise: Promise) -> int:
    count: int = Promise.objects.with_inherited().get(pk=promise.pk).inherited  # type: ignore[attr-defined]
    return count


# Making one


def test_a_promise_is_told_and_becomes_the_next_deadline(cast: Cast, ticket: Ticket) -> None:
    entry = first_message(ticket)
    before = deadline(ticket)
    made = promised(ticket, cast, entry=entry, text=" Call \n back ")
    assert (made.text, made.entry, made.made_by) == ("Call back", entry, cast.alice)
    assert made.due_at - made.warn_at == timedelta(minutes=30)
    assert deadline(ticket) == (made.due_at, "promise")
    assert (now(ticket).otherwise_at, now(ticket).otherwise_kind) == before
    assert sentences(ticket, cast)[-1].startswith("Alice promised “Call back” for ")
    laws.check()


def test_the_same_again_is_the_first(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    head = builders.head_of(ticket.conversation_id)
    assert promised(ticket, cast, due_at=made.due_at) == made
    assert builders.head_of(ticket.conversation_id) == head
    with pytest.raises(BadInput, match="another time"):
        promised(ticket, cast)
    promises.keep(made, by=cast.alice)
    assert promised(ticket, cast) != made


def test_what_is_no_promise_is_refused(cast: Cast, ticket: Ticket) -> None:
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    event = ticket.entries.filter(kind="event").first()
    wrong: list[dict[str, Any]] = [
        {"text": " "},
        {"text": "x" * 201},
        {"text": "a\x00b"},
        {"due_at": database_now() - timedelta(seconds=1)},
        {"due_at": database_now() + timedelta(days=400)},
        {"entry": event},
        {"entry": first_message(other)},
    ]
    for fields in wrong:
        with pytest.raises(BadInput):
            promised(ticket, cast, **fields)
    tickets.resolve(ticket, by=cast.alice)
    with pytest.raises(BadInput, match="resolved"):
        promised(ticket, cast)
    assert not Promise.objects.exists()


def test_a_short_one_is_told_of_halfway(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast, due_at=database_now() + timedelta(minutes=10))
    left = made.due_at - made.warn_at
    assert left == (made.due_at - made.made_at) / 2 <= timedelta(minutes=5)


# The deadline


def test_a_promise_after_the_deadline_changes_nothing_of_it(cast: Cast, ticket: Ticket) -> None:
    before = deadline(ticket)
    made = promised(ticket, cast, due_at=database_now() + timedelta(days=3))
    assert deadline(ticket) == before
    tickets.set_pending(ticket, by=cast.alice)
    assert deadline(ticket) == (made.due_at, "promise")
    assert now(ticket).otherwise_kind == "follow_up"
    promises.withdraw(made, by=cast.alice, reason="They called.")
    assert deadline(ticket)[1] == "follow_up"
    laws.check()


def test_the_nearest_of_several_counts(cast: Cast, ticket: Ticket) -> None:
    until = database_now() + timedelta(days=9)
    tickets.snooze(ticket, until=until, by=cast.alice)
    far = promised(ticket, cast, text="Far", due_at=until - timedelta(days=1))
    near = promised(ticket, cast, text="Near", due_at=until - timedelta(days=2))
    assert deadline(ticket) == (near.due_at, "promise")
    head = builders.head_of(ticket.conversation_id)
    tickets.snooze(ticket, until=until, by=cast.alice)
    assert builders.head_of(ticket.conversation_id) == head
    promises.keep(near, by=cast.alice)
    assert deadline(ticket) == (far.due_at, "promise")
    promises.keep(far, by=cast.alice)
    assert deadline(ticket) == (until, "wake")
    laws.check()


def test_what_a_customer_writes_is_answered_in_time_beside_a_promise(
    cast: Cast, ticket: Ticket
) -> None:
    tickets.set_pending(ticket, by=cast.alice)
    made = promised(ticket, cast, due_at=database_now() + timedelta(days=2))
    builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert deadline(ticket)[1] == "respond"
    assert now(ticket).promised_at == made.due_at
    at = deadline(ticket)[0]
    builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert deadline(ticket)[0] == at


# How one ends


def test_kept_in_time(cast: Cast, ticket: Ticket) -> None:
    made = promises.keep(promised(ticket, cast), by=cast.bob)
    assert (made.state, made.closed_by_id, made.late) == ("kept", cast.bob.pk, False)
    assert now(ticket).promised_at is None
    head = builders.head_of(ticket.conversation_id)
    assert promises.keep(made, by=cast.alice).closed_by == cast.bob
    assert builders.head_of(ticket.conversation_id) == head
    for act in (promises.give_up, lambda one, by: promises.withdraw(one, by=by, reason="No.")):
        with pytest.raises(PromiseOver):
            act(made, by=cast.alice)
    with pytest.raises(PromiseOver):
        promises.reschedule(made, by=cast.alice, due_at=database_now() + timedelta(days=1))
    assert sentences(ticket, cast)[-1] == "You kept the promise “Call back”"
    laws.check()


def test_done_late_is_broken(cast: Cast, ticket: Ticket) -> None:
    made = promises.keep(overdue(promised(ticket, cast)), by=cast.alice)
    assert (made.state, made.late) == ("broken", True)
    assert promises.keep(made, by=cast.alice).state == "broken"
    with pytest.raises(PromiseOver):
        promises.give_up(made, by=cast.alice)
    assert sentences(ticket, cast)[-1] == "Alice kept the promise “Call back” too late"


def test_overdue_is_open_until_somebody_says_so(cast: Cast, ticket: Ticket) -> None:
    made = overdue(promised(ticket, cast))
    tasks.sweep()
    assert now_of(made).is_open
    assert list(Promise.objects.overdue(database_now())) == [made]
    for _ in range(2):
        assert promises.give_up(made, by=cast.alice).state == "broken"
    assert not now_of(made).late


def test_withdrawing_wants_a_reason(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    with pytest.raises(BadInput):
        promises.withdraw(made, by=cast.alice, reason=" ")
    for _ in range(2):
        assert promises.withdraw(made, by=cast.alice, reason="They came by.").state == "withdrawn"
    assert "They came by." in sentences(ticket, cast)[-1]


def test_another_time_is_warned_of_anew(cast: Cast, ticket: Ticket) -> None:
    made = due_soon(promised(ticket, cast))
    promises.warn_due()
    later = database_now() + timedelta(hours=5)
    again = promises.reschedule(made, by=cast.alice, due_at=later)
    assert (again.pk, again.due_at, again.warned_at) == (made.pk, later, None)
    assert now(ticket).promised_at == later
    assert promises.reschedule(made, by=cast.alice, due_at=later) == made
    with pytest.raises(BadInput):
        promises.reschedule(made, by=cast.alice, due_at=database_now())


def test_a_new_time_makes_up_for_no_old_one(cast: Cast, ticket: Ticket) -> None:
    made = overdue(promised(ticket, cast, entry=first_message(ticket)))
    later = database_now() + timedelta(hours=5)
    again = promises.reschedule(made, by=cast.alice, due_at=later)
    assert again != made
    assert (again.text, again.channel, again.entry) == (made.text, made.channel, made.entry)
    assert now_of(made).state == "broken"
    assert deadline(ticket)[0] is not None and now(ticket).promised_at == later
    laws.check()


# Warning


def test_the_owner_is_warned_once(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    assert promises.warn_due() == 0
    due_soon(made)
    assert (promises.warn_due(), promises.warn_due()) == (1, 0)
    assert now_of(made).warned_at is not None
    assert sentences(ticket, cast)[-1].startswith("Due soon: “Call back”")
    assert list(Promise.objects.pressing(cast.alice)) == [made]
    assert list(Promise.objects.pressing(cast.bob)) == []


def test_nobodys_promise_presses_the_team(cast: Cast, ticket: Ticket) -> None:
    ownership.release(ticket, by=cast.alice, epoch=2)
    due_soon(promised(now(ticket), cast))
    promises.warn_due()
    counts = [Promise.objects.pressing(one).count() for one in (cast.alice, cast.bob, cast.charlie)]
    assert counts == [1, 1, 0]


@pytest.mark.parametrize("how", ["pending", "snoozed"])
def test_what_is_out_of_sight_comes_back_before_it_is_due(
    cast: Cast, ticket: Ticket, how: str
) -> None:
    made = promised(ticket, cast)
    if how == "pending":
        tickets.set_pending(ticket, by=cast.alice)
    else:
        tickets.snooze(ticket, until=database_now() + timedelta(days=2), by=cast.alice)
    due_soon(made)
    promises.warn_due()
    assert now(ticket).status == Status.OPEN
    assert deadline(ticket) == (made.due_at, "promise")
    assert "Woke: something promised is due" in sentences(ticket, cast)
    laws.check()


def test_what_is_set_aside_again_comes_back_when_it_is_due(cast: Cast, ticket: Ticket) -> None:
    made = due_soon(promised(ticket, cast))
    promises.warn_due()
    tickets.set_pending(ticket, by=cast.alice)
    assert tickets.wake_due() == 0
    overdue(made)
    assert tickets.wake_due() == 1
    assert now(ticket).status == Status.OPEN
    for act in (
        lambda: tickets.set_pending(ticket, by=cast.alice),
        lambda: tickets.snooze(ticket, until=database_now() + timedelta(days=1), by=cast.alice),
    ):
        with pytest.raises(BadInput, match="overdue"):
            act()
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    assert now(ticket).status == Status.OPEN
    assert tickets.wake_due() == 0


def test_a_crash_before_the_commit_warns_again(cast: Cast, ticket: Ticket) -> None:
    due_soon(promised(ticket, cast))
    with pytest.raises(RuntimeError), transaction.atomic():
        assert promises.warn_due() == 1
        raise RuntimeError
    assert promises.warn_due() == 1


# Whose it is


def test_it_goes_with_the_ticket_and_counts_as_inherited(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast, entry=first_message(ticket))
    assert inherited(made) == 0
    offer = offered(ticket, cast)
    told = offer.gathered["promises"]
    assert told == [
        {
            "promise": made.pk,
            "text": "Call back",
            "due_at": made.due_at.isoformat(),
            "channel": "phone",
            "entry": made.entry_id,
            "by": "Alice",
        }
    ]
    accepted(offer, cast.bob)
    assert list(Promise.objects.open().owed_by(cast.bob)) == [made]
    assert not Promise.objects.open().owed_by(cast.alice).exists()
    assert inherited(made) == 1
    promises.keep(made, by=cast.bob)
    ownership.take(ticket, by=cast.alice, epoch=3)
    charlie = builders.make_agent("Dana", cast.support)
    ownership.take(ticket, by=charlie, epoch=4)
    assert inherited(made) == 1


def test_what_comes_back_to_who_made_it_is_not_inherited(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    offer = offered(ticket, cast, warm=False)
    handoffs.recall(offer, by=cast.alice)
    assert now(ticket).agent == cast.alice
    assert inherited(made) == 0


def test_a_packet_says_once_what_was_promised(cast: Cast, ticket: Ticket) -> None:
    text = "I will call you back tomorrow at 15:00."
    sent = builders.answer(
        ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of(), text=text
    )
    assert packets.prefilled(ticket).promised.entries == (sent.pk,)
    promised(ticket, cast, entry=Entry.objects.get(pk=sent.pk))
    assert packets.prefilled(ticket).promised.text == ""


# What ends or moves the matter


def test_resolving_asks_what_becomes_of_it(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    with pytest.raises(PromisesOpen) as refused:
        tickets.resolve(ticket, by=cast.alice)
    assert refused.value.promises == [made]
    assert now(ticket).status == Status.OPEN
    tickets.resolve(ticket, by=cast.alice, promises="kept")
    assert (now(ticket).status, now_of(made).state) == ("resolved", "kept")
    laws.check()


def test_resolved_anyway_nothing_overdue_is_forgotten(cast: Cast, ticket: Ticket) -> None:
    old, new = (promised(ticket, cast, text=text) for text in ("Old", "New"))
    overdue(old)
    tickets.resolve(ticket, by=cast.alice, promises="withdrawn")
    assert [now_of(one).state for one in (old, new)] == ["broken", "withdrawn"]
    assert "The promise “New” ended: this was resolved" in sentences(ticket, cast)
    laws.check()


def test_send_and_resolve_asks_before_it_sends(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    kim = builders.identity_of()
    with pytest.raises(PromisesOpen):
        builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=kim, then="resolved")
    assert not Entry.objects.filter(direction="out").exists()
    promises.keep(made, by=cast.alice)
    builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=kim, then="resolved")
    assert now(ticket).status == Status.RESOLVED


def test_what_was_promised_while_a_reply_waited_keeps_the_ticket(
    cast: Cast, ticket: Ticket
) -> None:
    slow = builders.make_inbox(cast.support, undo_window=timedelta(milliseconds=1))
    kim = builders.identity_of()
    builders.answer(ticket, by=cast.alice, inbox=slow, to=kim, then="resolved")
    promised(ticket, cast)
    assert replies.release_due() == 1
    assert Entry.objects.filter(direction="out").count() == 1
    assert now(ticket).status == Status.PENDING
    laws.check()


def test_a_moved_message_takes_its_open_promises_along(cast: Cast, ticket: Ticket) -> None:
    entry = first_message(ticket)
    done = promises.keep(promised(ticket, cast, entry=entry, text="Done"), by=cast.alice)
    made = promised(ticket, cast, entry=entry)
    stays = promised(ticket, cast, text="Stays", due_at=database_now() + timedelta(hours=3))
    moved = tickets.move_entry(entry, to=None, by=cast.alice)
    assert moved.ticket is not None
    there = moved.ticket
    assert now_of(made).ticket_id == there.pk
    assert {now_of(one).ticket_id for one in (done, stays)} == {ticket.pk}
    assert now(there).promised_at == made.due_at
    assert now(ticket).promised_at == stays.due_at
    tickets.resolve(there, by=cast.alice, promises="withdrawn")
    note = Entry.objects.get(
        pk=replies.note(ticket, by=cast.alice, text="Hm.", client_token=builders.uuid.uuid4()).pk
    )
    more = promised(ticket, cast, entry=note, text="More")
    with pytest.raises(BadInput, match="open promise"):
        tickets.move_entry(note, to=there, by=cast.alice)
    assert now_of(more).ticket_id == ticket.pk
    laws.check()


def test_joining_and_parting_keep_it(cast: Cast, ticket: Ticket) -> None:
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    mine = promised(ticket, cast, entry=first_message(ticket))
    theirs = promised(other, cast, text="Send it", entry=first_message(other))
    row = merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="One.")
    crossed = tickets.move_entry(first_message(other), to=now(ticket), by=cast.alice)
    assert now_of(theirs).ticket_id == ticket.pk
    laws.check()
    merges.undo(row, by=cast.alice)
    home = Entry.objects.get(pk=crossed.pk)
    assert now_of(theirs).ticket_id == home.ticket_id
    assert now(Ticket.objects.get(pk=home.ticket_id)).promised_at == theirs.due_at
    assert now(ticket).promised_at == mine.due_at
    laws.check()


def test_a_page_from_before_the_parting_is_refused(cast: Cast, ticket: Ticket) -> None:
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    row = merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="One.")
    entry = first_message(other)
    tickets.move_entry(entry, to=now(ticket), by=cast.alice)
    held = promised(now(ticket), cast, entry=Entry.objects.get(pk=entry.pk))
    stale = Promise.objects.select_related("ticket").get(pk=held.pk)
    merges.undo(row, by=cast.alice)
    with pytest.raises(Moved):
        promises.keep(stale, by=cast.alice)


# What the database itself refuses


def insert(made: Promise, **changes: Any) -> None:
    row = Promise.objects.get(pk=made.pk)
    row.pk = None
    for name, value in {"rev": row.rev + 1, **changes}.items():
        setattr(row, name, value)
    with transaction.atomic():
        row.save(force_insert=True)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_refuses_what_no_promise_can_be(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    with pytest.raises(IntegrityError, match="promise_once"):
        insert(made)
    closed = {"closed_at": made.made_at, "closed_epoch": 2}
    wrong: dict[str, dict[str, Any]] = {
        "promise_state": {"state": "maybe", **closed},
        "promise_channel": {"channel": "fax", "text": "x"},
        "promise_text": {"text": ""},
        "promise_due": {"due_at": made.made_at, "text": "x"},
        "promise_closed": {"state": "kept"},
        "promise_kept_in_time": {
            "state": "kept",
            "closed_at": made.due_at + MICROSECOND,
            "closed_epoch": 2,
        },
        "promise_late": {"state": "broken", "late": True, **closed},
        "promise_reason": {"state": "withdrawn", **closed},
        "promise_since_epoch": {"epoch": 99, "text": "x"},
        "promise_until_epoch": {"state": "kept", **closed, "closed_epoch": 99},
        "due_at": {"due_at": None, "text": "x", "warn_at": made.warn_at},
    }
    for name, change in wrong.items():
        with pytest.raises(IntegrityError, match=name):
            insert(made, **change)
    insert(made, text="x")


def test_a_promise_is_never_unmade(cast: Cast, ticket: Ticket) -> None:
    made = promised(ticket, cast)
    rows = Promise.objects.filter(pk=made.pk)
    for change in (rows.delete, lambda: rows.update(text="Something else")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    promises.keep(made, by=cast.alice)
    closed = {"state": "open", "closed_at": None, "closed_by": None, "closed_epoch": None}
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**closed)


def test_nothing_resolved_has_an_open_promise(cast: Cast, ticket: Ticket) -> None:
    promised(ticket, cast)
    with pytest.raises(IntegrityError, match="ticket_keeps_promises"), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(
            status="resolved",
            resolved_at=database_now(),
            deadline_at=None,
            deadline_kind="",
        )


# A suggestion that is declined


def test_declining_a_suggestion_is_remembered(cast: Cast, ticket: Ticket) -> None:
    entry = first_message(ticket)
    data = entry.data
    promises.dismiss(entry, by=cast.alice)
    head = builders.head_of(ticket.conversation_id)
    promises.dismiss(entry, by=cast.alice)
    assert builders.head_of(ticket.conversation_id) == head
    assert Entry.objects.get(pk=entry.pk).data == {**data, "no_promise": cast.alice.pk}
    with locked(ticket.origin_id) as thread:
        assert thread.head == head
