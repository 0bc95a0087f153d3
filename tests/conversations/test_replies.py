from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from conversations import attachments, customers, merges, ownership, replies, tickets
from conversations.errors import BadInput, Moved, NotReachable, StaleContext
from conversations.going_out import ClaimedAddress
from conversations.models import (
    Attachment,
    Delivery,
    Entry,
    HeldSend,
    HeldState,
    Inbox,
    Ticket,
)
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.conversations.plans import fill, plans, walked


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.make_ticket(cast.inbox)


def answer(cast: Cast, ticket: Ticket, **fields: Any) -> Any:
    fields.setdefault("by", cast.alice)
    fields.setdefault("inbox", cast.inbox)
    fields.setdefault("to", builders.identity_of())
    return builders.answer(ticket, **fields)


def test_a_reply_goes_out_and_its_author_owns_the_ticket(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        entry = answer(cast, ticket, text="  Sent today.  ", cc=["boss@example.org"])
    assert seen.kinds == ["out", "taken"]
    delivery = Delivery.objects.get()
    assert (delivery.entry, delivery.state, delivery.payload["text"]) == (
        entry,
        "queued",
        "  Sent today.  ",
    )
    assert (entry.text, entry.data["cc"]) == ("Sent today.", ["boss@example.org"])
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent, ticket.newest) == ("pending", cast.alice, entry)


@pytest.mark.parametrize("then", ["pending", "open", "resolved"])
def test_the_sender_chooses_what_happens_then(cast: Cast, ticket: Ticket, then: str) -> None:
    with watched(ticket) as seen:
        answer(cast, ticket, then=then)
    ticket.refresh_from_db()
    assert ticket.status == then
    assert seen.kinds == (["out", "resolved"] if then == "resolved" else ["out", "taken"])


def test_a_reply_leaves_an_owner_in_place(cast: Cast, ticket: Ticket) -> None:
    ownership.take(ticket, by=cast.bob, epoch=1)
    answer(cast, ticket)
    ticket.refresh_from_db()
    assert ticket.agent == cast.bob


def test_somebody_from_outside_only_helps(cast: Cast, ticket: Ticket) -> None:
    answer(cast, ticket, by=cast.charlie)
    ticket.refresh_from_db()
    assert ticket.agent is None


def test_the_same_token_answers_with_the_first_reply(cast: Cast, ticket: Ticket) -> None:
    token, head = uuid.uuid4(), builders.head_of(ticket.conversation_id)
    first = answer(cast, ticket, client_token=token, seen_head=head)
    with watched(ticket) as seen:
        again = answer(cast, ticket, client_token=token, seen_head=head, text="Other words")
    assert (again, seen.raised) == (first, 0)


@pytest.mark.parametrize("fields", [{"text": "  "}, {"text": "x" * 100_001}, {"then": "snoozed"}])
def test_what_can_not_be_sent_is_refused(
    cast: Cast, ticket: Ticket, fields: dict[str, str]
) -> None:
    with watched(ticket) as seen, pytest.raises(BadInput):
        answer(cast, ticket, **fields)
    assert seen.raised == 0


def test_nobody_answers_what_they_have_not_read(cast: Cast, ticket: Ticket) -> None:
    head = builders.head_of(ticket.conversation_id)
    new = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    note = replies.note(ticket, by=cast.bob, text="Careful", client_token=uuid.uuid4())
    ownership.take(ticket, by=cast.bob, epoch=1)
    with watched(ticket) as seen, pytest.raises(StaleContext) as refusal:
        answer(cast, ticket, seen_head=head)
    taken = Entry.objects.get(event="taken")
    assert refusal.value.newer == [new, note, taken]
    assert refusal.value.head == builders.head_of(ticket.conversation_id)
    assert seen.raised == 0
    assert isinstance(answer(cast, ticket, seen_head=head, anyway=True), Entry)


def test_own_writes_and_small_events_are_no_news(cast: Cast, ticket: Ticket) -> None:
    head = builders.head_of(ticket.conversation_id)
    replies.note(ticket, by=cast.alice, text="Mine", client_token=uuid.uuid4())
    ownership.take(ticket, by=cast.alice, epoch=1)
    tickets.rename(ticket, subject="Renamed", by=cast.bob)
    tickets.set_pending(ticket, by=cast.bob)
    assert isinstance(answer(cast, ticket, seen_head=head), Entry)


def test_a_page_from_before_a_join_has_to_be_loaded_again(cast: Cast, ticket: Ticket) -> None:
    head = builders.head_of(ticket.conversation_id)
    other = builders.make_ticket(cast.inbox, "other@example.org")
    merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="one")
    for anyway in (False, True):
        with pytest.raises(Moved):
            answer(cast, ticket, seen_head=head, anyway=anyway)


def test_a_head_from_the_future_is_refused(cast: Cast, ticket: Ticket) -> None:
    with pytest.raises(Moved):
        answer(cast, ticket, seen_head=10_000)


def test_an_address_never_proved_is_confirmed_first(cast: Cast, ticket: Ticket) -> None:
    identity = builders.identity_of()
    type(identity).objects.update(proof="claimed", wrote_at=None)
    with pytest.raises(ClaimedAddress):
        answer(cast, ticket, to=identity)
    assert isinstance(answer(cast, ticket, to=identity, confirmed=True), Entry)


def test_nobody_else_s_address_is_written_to(cast: Cast, ticket: Ticket) -> None:
    builders.make_ticket(cast.inbox, "other@example.org")
    with pytest.raises(NotReachable):
        answer(cast, ticket, to=builders.identity_of("other@example.org"))


def test_an_undeliverable_address_is_confirmed_first(cast: Cast, ticket: Ticket) -> None:
    identity = builders.identity_of()
    type(identity).objects.update(undeliverable_at=database_now(), undeliverable_reason="gone")
    with pytest.raises(NotReachable, match="gone"):
        answer(cast, ticket)


def test_a_switched_off_inbox_sends_nothing(cast: Cast, ticket: Ticket) -> None:
    Inbox.objects.update(is_active=False)
    with pytest.raises(NotReachable):
        answer(cast, ticket)


def test_an_open_inbox_never_answers_a_restricted_ticket(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    secret = builders.make_ticket(legal)
    with pytest.raises(NotReachable):
        answer(cast, secret)


def test_a_note_stays_inside_and_changes_nobody_s_turn(cast: Cast, ticket: Ticket) -> None:
    token = uuid.uuid4()
    with watched(ticket) as seen:
        first = replies.note(ticket, by=cast.bob, text=" Hm ", client_token=token)
        assert replies.note(ticket, by=cast.bob, text="Other", client_token=token) == first
    assert (seen.kinds, seen.raised, first.text) == (["note"], 2, "Hm")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.newest, Delivery.objects.count()) == ("open", first, 0)
    for text in (" ", "x" * 100_001):
        with pytest.raises(BadInput):
            replies.note(ticket, by=cast.bob, text=text, client_token=uuid.uuid4())


# Files


def upload(cast: Cast, name: str = "a.txt") -> Attachment:
    return attachments.upload(SimpleUploadedFile(name, b"abc"), by=cast.alice)


def test_files_go_with_their_message(cast: Cast, ticket: Ticket) -> None:
    file = upload(cast)
    with watched(ticket) as seen:
        entry = answer(cast, ticket, attachments=[file])
    file.refresh_from_db()
    assert (file.entry, file.conversation) == (entry, ticket.conversation)
    assert seen.kinds == ["out", "taken"]


def test_a_file_is_sent_once(cast: Cast, ticket: Ticket) -> None:
    file = upload(cast)
    first = answer(cast, ticket, attachments=[file])
    with watched(ticket) as seen, pytest.raises(BadInput):
        answer(cast, ticket, attachments=[file])
    file.refresh_from_db()
    assert (file.entry, seen.raised) == (first, 0)


# Held sends


@pytest.fixture
def slow(cast: Cast) -> Inbox:
    Inbox.objects.filter(pk=cast.inbox.pk).update(undo_window=timedelta(seconds=30))
    return Inbox.objects.get(pk=cast.inbox.pk)


def let_time_pass() -> int:
    HeldSend.objects.update(release_at=database_now() - timedelta(seconds=1))
    return replies.release_due()


def test_a_held_reply_is_no_entry_yet(cast: Cast, ticket: Ticket, slow: Inbox) -> None:
    token = uuid.uuid4()
    with watched(ticket) as seen:
        held = answer(cast, ticket, inbox=slow, client_token=token)
        assert answer(cast, ticket, inbox=slow, client_token=token) == held
    assert (held.state, seen.kinds, seen.raised) == (HeldState.HELD, [], 1)
    assert replies.release_due() == 0


def test_a_held_reply_goes_out_when_its_time_has_come(
    cast: Cast, ticket: Ticket, slow: Inbox
) -> None:
    token, file = uuid.uuid4(), upload(cast)
    held = answer(cast, ticket, inbox=slow, client_token=token, attachments=[file])
    with watched(ticket) as seen:
        assert let_time_pass() == 1
        assert replies.release_due() == 0
    held.refresh_from_db()
    assert seen.kinds == ["out", "taken"]
    assert (held.state, held.entry) == (HeldState.RELEASED, seen.entries[0])
    assert list(held.entry.attachments.all()) == [file]
    assert answer(cast, ticket, inbox=slow, client_token=token) == held.entry
    with pytest.raises(BadInput):
        replies.undo(held)


def test_a_held_reply_is_taken_back(cast: Cast, ticket: Ticket, slow: Inbox) -> None:
    held = answer(cast, ticket, inbox=slow)
    with watched(ticket) as seen:
        assert replies.undo(held).state == HeldState.UNDONE
        assert replies.undo(held).state == HeldState.UNDONE
    assert (seen.kinds, seen.raised) == ([], 1)
    assert let_time_pass() == 0


def test_something_new_stops_a_held_reply(cast: Cast, ticket: Ticket, slow: Inbox) -> None:
    held = answer(cast, ticket, inbox=slow)
    builders.write_in(slow, tokens=(ticket.token_id,))
    with watched(ticket) as seen:
        let_time_pass()
    held.refresh_from_db()
    assert (held.state, seen.kinds, seen.raised) == (HeldState.STOPPED, [], 1)
    assert replies.send_held(held, seen_head=held.seen_head) is None
    with watched(ticket) as seen:
        head = builders.head_of(ticket.conversation_id)
        assert replies.send_held(held, seen_head=head) == Entry.objects.get(direction="out")
    assert seen.kinds == ["out", "taken"]


def test_a_join_stops_a_held_reply(cast: Cast, ticket: Ticket, slow: Inbox) -> None:
    held = answer(cast, ticket, inbox=slow)
    other = builders.make_ticket(cast.inbox, "other@example.org")
    merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="one")
    let_time_pass()
    held.refresh_from_db()
    assert held.state == HeldState.STOPPED


def test_a_blocked_address_can_still_be_answered(cast: Cast, ticket: Ticket) -> None:
    customers.block(builders.identity_of(), by=cast.alice)
    assert isinstance(answer(cast, ticket), Entry)


def test_a_reply_reads_no_table_from_end_to_end(cast: Cast, ticket: Ticket) -> None:
    """Neither for what its token made before nor for what is newer than its author's page."""
    ownership.take(ticket, by=cast.alice, epoch=1)
    fill(cast)
    found = plans(partial(answer, cast, ticket))
    assert found
    big = {"conversations_entry", "conversations_heldsend", "conversations_ticket"}
    assert not [plan for plan in found if walked(plan) & big or "entry_newest" in plan]
