"""Lists and pages: stable while things come in, read by indexes, in few questions; and catching
up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from conversations import replies, tickets, timeline
from conversations.api import paging
from conversations.models import Attachment, Conversation, Entry, Identity, Status, Ticket
from tests.builders import (
    Cast,
    answer,
    conversation_of,
    head_of,
    identity_of,
    make_ticket,
    write_in,
)
from tests.conversations.api.calls import Program
from tests.conversations.plans import fill, plans, walked

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def through(program: Program, path: str, meanwhile: Callable[[], object] = int) -> list[Any]:
    """Ids of a list to its end; between its pages something happens."""
    found: list[Any] = []
    following: str | None = path
    while following:
        told = program.get(following)
        assert told.status_code == 200, told.content
        found += [row["id"] for row in told.json()["results"]]
        following = told.json()["next"]
        meanwhile()
    return found


@pytest.mark.parametrize("status", ["open", "resolved"])
def test_pages_of_tickets_are_stable_while_more_come_in(
    cast: Cast, alice: Program, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    made = [make_ticket(cast.inbox, f"{n}@example.org") for n in range(5)]
    if status == "resolved":
        for ticket in made:
            tickets.resolve(ticket, by=cast.alice)
        made.reverse()
    # All at one time, so that only the ids tell them apart.
    same = Ticket.objects.order_by("-pk")[0]
    Ticket.objects.update(deadline_at=same.deadline_at, resolved_at=same.resolved_at)
    numbers = iter(range(100, 200))

    def more() -> None:
        ticket = make_ticket(cast.inbox, f"{next(numbers)}@example.org")
        if status == "resolved":
            tickets.resolve(ticket, by=cast.alice)

    seen = through(alice, f"tickets/?status={status}", more)
    old = [ticket.pk for ticket in made]
    assert [pk for pk in seen if pk in old] == (
        old if status == "open" else sorted(old, reverse=True)
    )
    assert len(seen) == len(set(seen))


def test_pages_of_customers_are_stable_while_some_are_joined(
    cast: Cast, alice: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    made = [write_in(cast.inbox, f"{n}@example.org").conversation_id for n in range(5)]
    assert through(alice, "customers/") == made
    assert through(alice, "conversations/", partial(write_in, cast.inbox, "new@example.org")) == [
        *made, conversation_of("new@example.org").pk,
    ]  # fmt: skip
    assert through(alice, "customers/?address=3@example.org") == [made[3]]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_of_a_thread_have_each_entry_once(
    cast: Cast, alice: Program, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(timeline, "PAGE", 2)
    for _ in range(4):
        write_in(cast.inbox)
    conversation = conversation_of()
    there = list(conversation.entries.order_by("at", "pk").values_list("pk", flat=True))
    path = f"conversations/{conversation.pk}/entries/?order={order}"
    new = partial(replies.note, Ticket.objects.first(), by=cast.alice, text="New.")
    came = iter(range(1))

    def once() -> None:
        import uuid

        if next(came, None) is not None:
            new(client_token=uuid.uuid4())

    seen = through(alice, path, once)
    assert [pk for pk in seen if pk in there] == (there if order == "oldest" else there[::-1])
    assert len(seen) == len(set(seen))


def test_entries_of_one_ticket_alone(cast: Cast, alice: Program) -> None:
    first, second = make_ticket(cast.inbox), make_ticket(cast.inbox)
    path = f"conversations/{first.conversation_id}/entries/"
    for ticket in (first, second):
        told = alice.get(path, ticket=ticket.pk).json()["results"]
        assert {row["ticket"] for row in told} == {ticket.pk}


def test_a_program_that_catches_up_ends_with_what_a_fresh_page_shows(
    cast: Cast, alice: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "CATCH_UP", 2)
    monkeypatch.setattr(timeline.since, "__kwdefaults__", {"limit": 2})
    ticket = make_ticket(cast.inbox)
    path = f"conversations/{ticket.conversation_id}/entries/"
    page = alice.get(path).json()
    known = {row["id"]: row for row in page["results"]}
    assert page["head"] == head_of(ticket.conversation_id)
    sent = answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    write_in(cast.inbox)
    tickets.resolve(ticket, by=cast.alice)
    following, head = f"{path}?since={page['head']}", 0
    pages = 0
    while following:
        told = alice.get(following).json()
        assert not told["reset"]
        known |= {row["id"]: row for row in told["results"]}
        following, head, pages = told["next"], told["head"], pages + 1
    assert pages > 2
    fresh = alice.get(path).json()
    assert (list(known), head) == (
        [row["id"] for row in reversed(fresh["results"])] and list(known),
        fresh["head"],
    )
    assert known == {row["id"]: row for row in fresh["results"]}
    assert known[sent.pk]["delivery"]["state"] == "queued"
    assert alice.get(f"{path}?since={head}").json()["results"] == []


def test_a_delivery_that_moved_on_brings_its_entry_again(cast: Cast, alice: Program) -> None:
    from conversations import deliveries

    ticket = make_ticket(cast.inbox)
    sent = answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    head = head_of(ticket.conversation_id)
    deliveries.sent(deliveries.claim([cast.inbox.pk], 1)[0])
    path = f"conversations/{ticket.conversation_id}/entries/?since={head}"
    told = alice.get(path).json()
    assert [(row["id"], row["delivery"]["state"]) for row in told["results"]] == [(sent.pk, "sent")]


def test_tickets_and_addresses_that_changed_come_with_it(cast: Cast, alice: Program) -> None:
    from conversations import customers

    ticket = make_ticket(cast.inbox)
    head = head_of(ticket.conversation_id)
    tickets.resolve(ticket, by=cast.alice)
    customers.block(identity_of(), by=cast.alice)
    told = alice.get(f"conversations/{ticket.conversation_id}/entries/?since={head}").json()
    assert [row["status"] for row in told["tickets"]] == ["resolved"]
    assert [bool(row["blocked_at"]) for row in told["identities"]] == [True]


def test_a_head_from_before_a_reset_or_beyond_the_end_starts_over(
    cast: Cast, alice: Program
) -> None:
    ticket = make_ticket(cast.inbox)
    path = f"conversations/{ticket.conversation_id}/entries/"
    assert alice.get(path, since=10**6).json()["reset"] is True
    Conversation.objects.update(reset_head=2)
    assert alice.get(path, since=1).json()["reset"] is True
    assert alice.get(path, since=2).json()["reset"] is False


def test_filters_of_tickets(cast: Cast, alice: Program) -> None:
    mine = make_ticket(cast.inbox, "1@example.org")
    free = make_ticket(cast.inbox, "2@example.org")
    alice.post(f"tickets/{mine.pk}/take/", {"epoch": 1})
    asked = {
        "?agent=me": [mine.pk],
        f"?agent={cast.alice.pk}": [mine.pk],
        "?agent=none": [free.pk],
        f"?team={cast.support.pk}": [mine.pk, free.pk],
        f"?team={cast.billing.pk}": [],
        f"?agent=none&team={cast.support.pk}": [free.pk],
        "?status=resolved": [],
    }
    assert {query: through(alice, f"tickets/{query}") for query in asked} == asked


# What it costs

LISTS = [
    "tickets/", "tickets/?agent=me", "tickets/?agent=none&team={support}", "tickets/?team={support}",
    "tickets/?status=resolved", "tickets/?status=resolved&team={support}", "tickets/?status=snoozed",
    "customers/", "customers/?address=c5@example.org", "conversations/",
    "conversations/100001/entries/", "conversations/100001/entries/?order=oldest",
    "conversations/100001/entries/?since=8900", "conversations/100001/tickets/",
    "customers/100001/identities/",
]  # fmt: skip


@pytest.fixture
def full(cast: Cast) -> Program:
    fill(cast)
    return Program(cast.alice)


def test_every_list_is_read_by_an_index_wherever_its_page_lies(cast: Cast, full: Program) -> None:
    """Of conversations there are so few here that PostgreSQL may read them all at once: theirs is
    the next test."""
    slow = {}
    for path in LISTS:
        for asked in both_pages(full, path.format(support=cast.support.pk)):
            for plan in plans(partial(full.get, asked)):
                unordered = " Sort" in plan and path.startswith("tickets/")
                if walked(plan) - {"conversations_conversation"} or unordered:
                    slow[asked] = plan
    assert slow == {}, "\n".join(f"{path}\n{plan}" for path, plan in slow.items())


@pytest.mark.parametrize("path", ["customers/", "conversations/"])
def test_lists_of_conversations_can_be_read_in_their_order(full: Program, path: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    for asked in both_pages(full, path):
        for plan in plans(partial(full.get, asked)):
            assert not walked(plan), plan
            assert " Sort" not in plan, plan


def both_pages(program: Program, path: str) -> list[str]:
    """Its first page, and the next one if there is one."""
    return [path, *filter(None, [program.get(path).json()["next"]])]


def test_every_list_asks_a_fixed_number_of_questions(
    cast: Cast, full: Program, django_assert_max_num_queries: Any
) -> None:
    Attachment.objects.filter(conversation=100001).update(inline=False)
    for path in LISTS:
        with django_assert_max_num_queries(8):
            told = full.get(path.format(support=cast.support.pk)).json()
        assert told["results"], path


def test_single_things_ask_few_questions(
    cast: Cast, full: Program, django_assert_max_num_queries: Any
) -> None:
    entry = Entry.objects.filter(conversation=100001).order_by("pk")[5]
    for path in (
        "tickets/100300/", "conversations/100001/", f"entries/{entry.pk}/", "customers/100001/",
        f"identities/{Identity.objects.get(conversation=100001).pk}/", "teams/", "agents/", "inboxes/",
    ):  # fmt: skip
        with django_assert_max_num_queries(10):
            assert full.get(path).status_code == 200


def test_statuses_of_the_filled_desk_are_what_the_lists_above_need() -> None:
    assert set(Status.values) >= {"open", "resolved", "snoozed"}
