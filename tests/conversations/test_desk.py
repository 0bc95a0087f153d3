from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from conversations import desk, ownership, tickets
from conversations.models import Ticket
from conversations.moments import Reader
from conversations.thread import database_now
from conversations.views.lines import line_of
from tests import builders
from tests.builders import Cast
from tests.conversations.botting import make_bot, taken
from tests.conversations.plans import fill, plans, walked


def test_whose_tickets_are_in_which_folder(cast: Cast) -> None:
    mine = builders.make_ticket(cast.inbox, "1@example.org")
    free = builders.make_ticket(cast.inbox, "2@example.org")
    theirs = builders.make_ticket(builders.make_inbox(cast.billing), "3@example.org")
    ownership.take(mine, by=cast.alice, epoch=1)
    found = {folder: desk.listing(cast.alice, folder=folder).tickets for folder in desk.Folder}
    assert found == {
        desk.Folder.MINE: [mine],
        desk.Folder.TEAMS: [mine, free],
        desk.Folder.UNASSIGNED: [free],
        desk.Folder.ALL: [mine, free, theirs],
        desk.Folder.OFFERED: [],
    }


def test_unresolved_by_deadline_and_resolved_newest_first(cast: Cast) -> None:
    first, second, third = (builders.make_ticket(cast.inbox, f"{n}@x.org") for n in range(3))
    Ticket.objects.filter(pk=third.pk).update(deadline_at=database_now())
    assert desk.listing(cast.alice, folder="all").tickets == [third, first, second]
    for ticket in (second, first):
        tickets.resolve(ticket, by=cast.alice)
    assert desk.listing(cast.alice, folder="all", status="resolved").tickets == [first, second]
    assert desk.listing(cast.alice, folder="all").tickets == [third]


@pytest.mark.parametrize("status", ["open", "resolved"])
def test_pages_follow_each_other_without_gap_or_overlap(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(desk, "PAGE", 2)
    made = [builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(5)]
    same = database_now() + timedelta(hours=1)
    if status == "open":
        Ticket.objects.update(deadline_at=same)
    else:
        for ticket in made:
            tickets.resolve(ticket, by=cast.alice)
        Ticket.objects.update(resolved_at=same)
    seen: list[Ticket] = []
    after = ""
    for _ in range(3):
        listing = desk.listing(cast.alice, folder="all", status=status, after=after)
        seen += listing.tickets
        after = listing.next
    assert after == ""
    assert seen == (made if status == "open" else made[::-1])


@pytest.mark.parametrize(
    "asked", [{"folder": "x"}, {"status": "x"}, {"after": "x"}, {"after": "2026-01-01T00:00:00Z,x"}]
)
def test_what_is_no_list_is_refused(cast: Cast, asked: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the doors answer 404 to
        desk.listing(cast.alice, **asked)


def test_a_list_asks_a_fixed_number_of_questions(
    cast: Cast, django_assert_max_num_queries: object
) -> None:
    for number in range(12):
        builders.make_ticket(cast.inbox, f"{number}@example.org")
    said = {"chosen": False, "draft": False, "unread": False, "with_owner": True}
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        for ticket in desk.listing(cast.alice, folder="teams").tickets:
            line_of(ticket, cast.alice, Reader.here(), **said)


def test_lists_are_read_from_an_index_in_their_order(cast: Cast) -> None:
    """No list walks the table or sorts it, wherever in it the page lies."""
    fill(cast)
    middle = Ticket.objects.get(pk=103_000)
    with connection.cursor() as cursor:
        # A page's worth of rows is as well sorted: what is asked is whether it has to be.
        cursor.execute("SET LOCAL enable_sort = off")
    slow = {}
    for folder in set(desk.Folder) - {desk.Folder.OFFERED}:
        for status in ("open", "pending", "snoozed", "resolved"):
            at = middle.resolved_at if status == "resolved" else middle.deadline_at
            for after in ("", f"{(at or database_now()).isoformat()},{middle.pk}"):
                ask = partial(desk.listing, cast.alice, folder=folder, status=status, after=after)
                for plan in plans(ask):
                    if walked(plan) or " Sort" in plan:
                        slow[folder.value, status, bool(after)] = plan
    assert slow == {}


def test_what_is_offered_is_found_without_walking(cast: Cast) -> None:
    fill(cast)
    for plan in plans(partial(desk.listing, cast.alice, folder="offered")):
        assert not walked(plan), plan


def test_a_row_names_the_assistant_that_has_it(cast: Cast) -> None:
    taken(builders.make_ticket(cast.inbox), make_bot(cast.inbox, "Robin"))
    read = desk.listing(cast.alice, folder="all").tickets
    by_orm = desk.rows_of(Ticket.objects.all())
    for (ticket,) in (read, by_orm):
        row = line_of(
            ticket,
            cast.alice,
            Reader.here(),
            chosen=False,
            draft=False,
            unread=False,
            with_owner=True,
        )
        assert row.owner == "Robin"
