"""The desk's socket over real TCP: what it tells, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import doorbells, merges, ownership, presence, tickets
from conversations.consumers import desk as desk_socket
from conversations.models import Identity, Presence, Ticket
from conversations.ringing import SENDER, Bell
from tests.builders import Cast, head_of, make_inbox, make_team, make_ticket, write_in
from tests.conversations.bells import listening
from tests.conversations.live import Page, Web

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bell_tells_the_head_that_was_committed(desk: Cast, running: Web) -> None:
    ticket = make_ticket(desk.inbox)
    page = Page.of(running, desk.bob)
    page.watch(ticket.conversation_id, head_of(ticket.conversation_id))
    write_in(desk.inbox)
    head = head_of(ticket.conversation_id)
    told = {"is": "bell", "conversation": ticket.conversation_id, "head": head}
    assert page.hear("bell") == told
    assert page.hears_nothing("bell")


def test_watching_tells_at_once_what_was_missed_and_nothing_else(desk: Cast, running: Web) -> None:
    ticket = make_ticket(desk.inbox)
    pk, head = ticket.conversation_id, head_of(ticket.conversation_id)
    page = Page.of(running, desk.bob)
    page.watch(pk, head)
    told = [frame["is"] for frame in page.seen if frame["is"] != "presence"]
    assert told == ["ready", "gone"]
    page.do("watch", conversation=pk, head=head - 1)
    assert page.hear("bell")["head"] == head


def test_who_stops_watching_hears_no_more(desk: Cast, running: Web) -> None:
    ticket = make_ticket(desk.inbox)
    page = Page.of(running, desk.bob)
    page.watch(ticket.conversation_id, head_of(ticket.conversation_id))
    page.do("unwatch", conversation=ticket.conversation_id)
    page.settle()
    write_in(desk.inbox)
    assert page.hears_nothing("bell")


def test_what_may_not_be_read_is_not_there(desk: Cast, running: Web) -> None:
    ticket = make_ticket(make_inbox(desk.support, "Legal", restriction="legal"))
    page = Page.of(running, desk.charlie)
    page.do("watch", conversation=ticket.conversation_id, head=0)
    assert page.hear("gone", conversation=ticket.conversation_id)
    tickets.rename(ticket, subject="Other", by=desk.alice)
    assert page.hears_nothing("bell")


def test_who_loses_the_right_to_read_hears_no_more(desk: Cast, running: Web) -> None:
    """The restricted ticket goes to another team while a page shows it."""
    ticket = make_ticket(make_inbox(desk.support, "Legal", restriction="legal"))
    page = Page.of(running, desk.bob)
    page.watch(ticket.conversation_id, head_of(ticket.conversation_id))
    ownership.move_to_team(ticket, team=desk.billing, by=desk.alice, epoch=1)
    assert page.hear("gone", conversation=ticket.conversation_id)
    tickets.rename(ticket, subject="Other", by=desk.charlie)
    assert page.hears_nothing("bell")
    assert not [frame for frame in page.seen if frame["is"] == "bell"]


def test_pages_of_both_hear_of_a_join_and_of_its_end(desk: Cast, running: Web) -> None:
    one, other = make_ticket(desk.inbox), make_ticket(desk.inbox, "lee@example.org")
    ids = {one.conversation_id, other.conversation_id}
    page = Page.of(running, desk.bob)
    for pk in ids:
        page.watch(pk, head_of(pk))
    row = merges.merge(one.conversation, other.conversation, by=desk.alice, reason="One.")
    assert {page.hear("bell")["conversation"], page.hear("bell")["conversation"]} == ids
    page.settle()
    merges.undo(row, by=desk.alice)
    assert {page.hear("bell")["conversation"], page.hear("bell")["conversation"]} == ids


def test_lists_hear_rows_of_every_team(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.charlie)
    page.do("lists")
    page.settle()
    ticket = make_ticket(desk.inbox)
    told = {"ticket": ticket.pk, "team": desk.support.pk, "owner": None, "status": "open"}
    place = Ticket.objects.get().place.isoformat()
    assert page.hear("row") == {"is": "row", **told, "place": place, "ours": False}
    member = Page.of(running, desk.alice)
    member.do("lists")
    member.settle()
    make_ticket(desk.inbox, "lee@example.org")
    assert member.hear("row")["ours"]


def test_rows_that_the_release_before_rings_are_heard(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.alice)
    page.do("lists")
    page.settle()
    group = doorbells.of_team(desk.support.pk)
    told = {"ticket": 7, "team": desk.support.pk, "owner": None, "status": "open"}
    SENDER.put(Bell((group, "row", 7), group, {"type": "row", "group": group, **told}))
    assert page.hear("row", ticket=7) == {"is": "row", **told, "place": None, "ours": True}


def test_lists_hear_rows_of_a_team_that_is_new(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.charlie)
    page.do("lists")
    page.settle()
    team = make_team("New")
    doorbells.ring_teams()
    make_ticket(make_inbox(team, "New box"))
    page.settle()
    for _ in range(50):
        write_in(make_inbox(team), "sue@example.org")
        if not page.hears_nothing("row", within=0.1):
            assert page.hear("row")["team"] == team.pk
            return
    raise AssertionError(page.seen)


def test_restricted_rows_are_for_their_team(desk: Cast, running: Web) -> None:
    insider, outsider = Page.of(running, desk.bob), Page.of(running, desk.charlie)
    for page in (insider, outsider):
        page.do("lists")
        page.settle()
    ticket = make_ticket(make_inbox(desk.support, "Legal", restriction="legal"))
    assert insider.hear("row", ticket=ticket.pk)
    assert outsider.hears_nothing("row")


def test_who_asked_for_no_lists_hears_no_rows(desk: Cast, running: Web) -> None:
    ticket = make_ticket(desk.inbox)
    page = Page.of(running, desk.alice)
    ownership.take(ticket, by=desk.alice, epoch=1)
    assert page.hears_nothing("row")


def test_two_who_look_at_one_conversation_see_each_other(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    alice, bob = Page.of(running, desk.alice), Page.of(running, desk.bob)
    alice.watch(pk, head_of(pk))
    bob.watch(pk, head_of(pk))
    told: dict[str, Any] = {"conversation": pk, "viewing": True, "typing": ""}
    assert alice.hear("people", **told, agent=desk.bob.pk, name="Bob")
    assert bob.hear("people", **told, agent=desk.alice.pk, name="Alice")
    bob.do("typing", conversation=pk, mode="note", on=True)
    assert alice.hear("people", agent=desk.bob.pk, typing="note")
    bob.do("typing", conversation=pk, mode="note", on=False)
    assert alice.hear("people", agent=desk.bob.pk, typing="")
    bob.close()
    assert alice.hear("people", agent=desk.bob.pk, viewing=False)
    people = [one for one in alice.seen if one["is"] == "people"]
    assert not [one for one in people if one["agent"] == desk.alice.pk]


def test_one_of_two_windows_closed_is_no_leaving(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    alice = Page.of(running, desk.alice)
    first, second = Page.of(running, desk.bob), Page.of(running, desk.bob)
    for page in (alice, first, second):
        page.watch(pk, head_of(pk))
    first.close()
    alice.hear("people", viewing=False)
    assert alice.hear("people", agent=desk.bob.pk)["viewing"] is True


def test_customers_learn_only_of_replies(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    visitor = Identity.objects.create(
        kind="chat", scope="w", value="v", origin_id=pk, conversation_id=pk, rev=1
    )
    page = Page.of(running, desk.alice)
    page.watch(pk, head_of(pk))
    with listening() as heard:
        page.do("typing", conversation=pk, mode="note", on=True)
        page.do("typing", conversation=pk, mode="reply", on=True)
        page.settle()
        group = {"type": "typing", "group": doorbells.of_visitor(visitor.pk), "name": "Alice"}
        # Bells that wait for the sender would become one.
        assert heard.told("typing") == [{**group, "on": True}]
        page.do("typing", conversation=pk, mode="reply", on=False, identity=visitor.pk)
        page.settle()
        assert heard.told("typing") == [{**group, "on": False}]


def test_where_something_is_restricted_only_the_one_written_to_learns_of_it(
    desk: Cast, running: Web
) -> None:
    pk = make_ticket(make_inbox(desk.support, "Legal", restriction="legal")).conversation_id
    Identity.objects.create(
        kind="chat", scope="w", value="v", origin_id=pk, conversation_id=pk, rev=1
    )
    page = Page.of(running, desk.alice)
    page.watch(pk, head_of(pk))
    with listening() as heard:
        page.do("typing", conversation=pk, mode="reply", on=True)
        page.settle()
        assert heard.told("typing") == []


def test_the_customer_is_shown_to_who_looks(desk: Cast, running: Web) -> None:
    pk = make_ticket(desk.inbox).conversation_id
    page = Page.of(running, desk.alice)
    with listening() as heard:
        page.watch(pk, head_of(pk))
        assert heard.told("who")
    doorbells.say_customer(pk, here=True, typing=True)
    assert page.hear("customer") == {
        "is": "customer", "conversation": pk, "here": True, "typing": True
    }  # fmt: skip


def test_the_heartbeat_carries_heads_and_renews_the_lease(desk: Cast, running: Web) -> None:
    ticket = make_ticket(desk.inbox)
    pk = ticket.conversation_id
    page = Page.of(running, desk.bob)
    page.watch(pk, head_of(pk))
    assert presence.is_online(desk.bob)
    Presence.objects.all().delete()
    running.beat()
    assert page.hear("beat") == {"is": "beat", "heads": {str(pk): head_of(pk)}}
    assert presence.is_online(desk.bob)


def test_a_heartbeat_asks_once_however_many_sockets_there_are(desk: Cast) -> None:
    ids = {make_ticket(desk.inbox, f"c{number}@example.org").conversation_id for number in range(9)}
    with CaptureQueriesContext(
        connection,
    ) as asked:
        heads = desk_socket.pulse(ids, {desk.alice.pk, desk.bob.pk})
    assert heads == {pk: head_of(pk) for pk in ids}
    reads = [query for query in asked.captured_queries if query["sql"].startswith("SELECT")]
    assert (len(reads), len(asked)) == (1, 2)


def test_the_heartbeat_tells_an_old_page_of_a_join(desk: Cast, running: Web) -> None:
    one, other = make_ticket(desk.inbox), make_ticket(desk.inbox, "lee@example.org")
    page = Page.of(running, desk.bob)
    page.watch(other.conversation_id, head_of(other.conversation_id))
    row = merges.merge(one.conversation, other.conversation, by=desk.alice, reason="One.")
    running.beat()
    # The hub's own clock may have told the head from before.
    assert page.hear("beat", heads={str(other.conversation_id): head_of(row.into_id)})
