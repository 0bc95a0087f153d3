from __future__ import annotations

import uuid
from functools import partial

import pytest

from channels_inbox import lanes
from conversations import beside, deliveries, handoffs, promises, replies, tickets, timeline
from conversations.models import Conversation, Entry, Offer, Promise, Ticket
from tests import builders
from tests.builders import Cast
from tests.conversations.plans import fill, plans, walked


@pytest.fixture
def thread(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """Ten entries, in pages of four."""
    monkeypatch.setattr(timeline, "PAGE", 4)
    ticket = builders.make_ticket(cast.inbox)
    for number in range(8):
        replies.note(ticket, by=cast.alice, text=str(number), client_token=uuid.uuid4())
    return Conversation.objects.get(pk=ticket.conversation_id)


def numbers(page: timeline.Page) -> list[int]:
    return [entry.seq for entry in page.entries]


def test_the_newest_page(cast: Cast, thread: Conversation) -> None:
    page = timeline.page(thread, cast.alice)
    assert numbers(page) == [7, 8, 9, 10]
    assert (page.head, page.after) == (thread.head, "")
    assert page.before == timeline.cursor(page.entries[0])


def test_pages_back_to_the_beginning_and_forth_again(cast: Cast, thread: Conversation) -> None:
    pages = [timeline.page(thread, cast.alice)]
    while pages[-1].before:
        pages.append(timeline.page(thread, cast.alice, before=pages[-1].before))
    assert [numbers(page) for page in pages] == [[7, 8, 9, 10], [3, 4, 5, 6], [1, 2]]
    first = timeline.page(thread, cast.alice, first=True)
    then = timeline.page(thread, cast.alice, after=first.after)
    last = timeline.page(thread, cast.alice, after=then.after)
    assert [numbers(page) for page in (first, then, last)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert (first.before, last.after) == ("", "")


def test_one_ticket_s_entries(cast: Cast, thread: Conversation) -> None:
    other = builders.make_ticket(cast.inbox)
    page = timeline.page(thread, cast.alice, ticket=other)
    assert {entry.ticket_id for entry in page.entries} == {other.pk}


def test_around_an_entry(cast: Cast, thread: Conversation) -> None:
    entry = Entry.objects.get(conversation=thread, seq=5)
    page = timeline.around(thread, cast.alice, entry)
    assert numbers(page) == [3, 4, 5, 6, 7]
    assert page.before and page.after
    ends = timeline.around(thread, cast.alice, Entry.objects.get(conversation=thread, seq=1))
    assert (numbers(ends), ends.before) == ([1, 2, 3], "")


@pytest.mark.parametrize("text", ["x", "2026-01-01", "2026-01-01,x", ",1"])
def test_what_is_no_cursor_is_refused(cast: Cast, thread: Conversation, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the doors answer 404 to
        timeline.page(thread, cast.alice, before=text)


def test_catch_up_can_be_cut_anywhere(cast: Cast, thread: Conversation) -> None:
    changes = timeline.since(thread, cast.alice, 0, limit=3)
    assert (changes.more, changes.reset, len(changes.entries)) == (True, False, 3)
    nothing = timeline.since(thread, cast.alice, thread.head)
    assert (nothing.more, nothing.head, list(nothing.entries)) == (False, thread.head, [])


def test_a_cursor_from_nowhere_is_reset(cast: Cast, thread: Conversation) -> None:
    assert timeline.since(thread, cast.alice, thread.head + 1).reset
    Conversation.objects.update(reset_head=5)
    assert timeline.since(thread, cast.alice, 4).reset
    assert not timeline.since(thread, cast.alice, 5).reset


def test_a_page_asks_a_fixed_number_of_questions(
    cast: Cast, thread: Conversation, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        for entry in timeline.page(thread, cast.alice).entries:
            str(entry.agent), str(entry.ticket), list(entry.attachments.all())


@pytest.fixture
def full(cast: Cast) -> Conversation:
    fill(cast)
    return Conversation.objects.get(pk=100_001)


def test_pages_are_read_from_an_index_in_their_order(cast: Cast, full: Conversation) -> None:
    entry = Entry.objects.get(origin=full, seq=1500)
    here = timeline.cursor(entry)
    for ask in (
        partial(timeline.page, full, cast.alice),
        partial(timeline.page, full, cast.alice, first=True),
        partial(timeline.page, full, cast.alice, before=here),
        partial(timeline.page, full, cast.alice, after=here),
        partial(timeline.around, full, cast.alice, entry),
        partial(beside.held_sends, full, cast.alice),
        partial(beside.offers, full, cast.alice),
        partial(beside.promises, full, cast.alice),
    ):
        for plan in plans(ask):
            assert not walked(plan), plan
            if "entry_timeline" in plan:
                assert "Sort Key: conversations_entry.at" not in plan, plan
        if ask.func not in (beside.held_sends, beside.offers, beside.promises):
            assert any("entry_timeline" in plan for plan in plans(ask))


def test_catch_up_reads_only_what_changed(cast: Cast, full: Conversation) -> None:
    for head in (full.head - 30, 100):
        for plan in plans(partial(timeline.since, full, cast.alice, head)):
            assert not walked(plan), plan


def test_claims_read_only_what_waits(cast: Cast, full: Conversation) -> None:
    for ask in (
        partial(deliveries.claim, [cast.inbox.pk], 8),
        deliveries.expire_leases,
        partial(lanes.claim, "slow", 8),
        replies.release_due,
        tickets.wake_due,
        handoffs.expire_due,
        promises.warn_due,
        lambda: Promise.objects.pressing(cast.alice).count(),
        lambda: list(Offer.objects.standing().to(cast.alice)),
        lambda: Ticket.objects.get(pk=100_001).is_offered_to(cast.charlie),
    ):
        for plan in plans(ask):
            assert not walked(plan), plan
