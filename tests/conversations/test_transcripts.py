"""Transcripts: finding tickets, reading without a trace, and who may."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Value
from django.urls import reverse
from django.utils import timezone

from conversations import merges, replies, timeline, transcript_log, transcripts
from conversations.models import (
    Draft,
    Entry,
    Presence,
    ReadMark,
    Role,
    Ticket,
    TranscriptAccess,
    TranscriptAct,
)
from conversations.transcripts import Asked
from conversations.urls_transcripts import urlpatterns
from tests.builders import (
    answer,
    conversation_of,
    identity_of,
    make_agent,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.conversations.desk import sign_in
from tests.conversations.plans import fill, plans, walked

if TYPE_CHECKING:
    from django.test import Client

    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def suri(cast: Cast) -> Agent:
    """A supervisor of Billing: Support's restricted matters are not for her."""
    return make_agent("Suri", cast.billing, role=Role.SUPERVISOR)


def found(viewer: Agent, **asked: Any) -> list[Ticket]:
    return list(transcripts.search(viewer, Asked(**asked)).tickets)


def test_each_field_narrows_it(cast: Cast, suri: Agent) -> None:
    mail = make_ticket(cast.inbox, label="Trần Đức", text="Đơn hàng chưa đến")
    bills = make_inbox(cast.billing, "Bills", kind="chat")
    chat = make_ticket(bills, "v1", kind="chat", text="Where is my refund?")
    Ticket.objects.filter(pk=chat.pk).update(opened_at=timezone.now() - timedelta(days=9))
    answer(mail, by=cast.alice, inbox=cast.inbox, to=identity_of())
    assert found(suri) == [mail, chat]
    assert found(suri, text="don hang") == [mail]
    assert found(suri, text="refund", team=cast.support.pk) == []
    assert found(suri, customer="tran d") == [mail]
    assert found(suri, customer="kim@exam") == [mail]
    assert found(suri, customer="nobody") == []
    assert found(suri, agent=cast.alice.pk) == [mail]
    assert found(suri, team=cast.billing.pk) == [chat]
    assert found(suri, agent=cast.alice.pk, team=cast.billing.pk) == []
    assert found(suri, channel="chat") == [chat]
    assert found(suri, status="pending") == [mail]
    day = timezone.localdate(mail.opened_at)
    assert found(suri, since=day) == [mail]
    assert found(suri, until=day - timedelta(days=3)) == [chat]


def test_a_name_too_many_have_is_refused_and_nobody_left_out(
    cast: Cast, suri: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "MOST_CUSTOMERS", 2)
    made = [make_ticket(cast.inbox, f"c{n}@example.org", label=f"Kim {n}") for n in range(2)]
    assert found(suri, customer="Kim") == made[::-1]
    make_ticket(cast.inbox, "c3@example.org", label="Kim 3")
    with pytest.raises(transcripts.TooManyCustomers):
        found(suri, customer="Kim")
    page = sign_in(suri).get(reverse("transcripts:search"), {"customer": "Kim"})
    assert page.status_code == 422
    assert "Write more of the name" in page.content.decode()
    assert "Nothing found" not in page.content.decode()


def test_a_question_is_the_same_from_its_address() -> None:
    asked = Asked("a & b", "Kim", 3, 4, "chat", "open", timezone.localdate(), timezone.localdate())
    assert Asked.of(asked.query) == asked
    assert Asked.of("") == Asked()


def test_pages_follow_each_other_without_a_gap(
    cast: Cast, suri: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "PAGE", 2)
    made = [make_ticket(cast.inbox, f"c{n}@example.org", text=f"common {n}") for n in range(5)]
    same = made[1].opened_at
    Ticket.objects.filter(pk__in=[made[2].pk, made[3].pk]).update(opened_at=same)
    for asked in (Asked(), Asked(text="common")):
        seen: list[Ticket] = []
        after = ""
        while True:
            page = transcripts.search(suri, asked, after)
            seen += page.tickets
            after = page.next
            if not after:
                break
        assert seen == made[::-1]


def test_rare_words_are_found_beyond_the_first_walk(
    cast: Cast, suri: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_ticket(cast.inbox, "old@example.org", text="zebra")
    for n in range(3):
        make_ticket(cast.inbox, f"c{n}@example.org")
    monkeypatch.setattr(transcripts, "WALK", 2)
    page = transcripts.search(suri, Asked(text="zebra"))
    assert page.tickets == [old]
    assert page.hits[old.pk].text == "zebra"


LONG = {
    *("conversations_ticket", "conversations_entry", "conversations_identity"),
    "conversations_customer",
}


def test_no_search_reads_a_big_table_from_end_to_end(cast: Cast, suri: Agent) -> None:
    fill(cast)
    day = timezone.localdate()
    for asked in (
        Asked(),
        Asked(text="text 77"),
        Asked(text="zebra"),
        Asked(customer="customer 1"),
        Asked(agent=cast.alice.pk),
        Asked(team=cast.billing.pk, since=day),
        Asked(status="open", until=day),
        Asked(channel="email", text="zebra"),
    ):
        for after in ("", f"{timezone.now().isoformat()},999999"):
            questions = plans(
                lambda asked=asked, after=after: transcripts.search(suri, asked, after)
            )
            assert [plan for plan in questions if walked(plan) & LONG] == [], asked
    [first] = [
        plan for plan in plans(lambda: transcripts.search(suri, Asked())) if "ticket_opened" in plan
    ]
    assert "Sort" not in first


def test_a_stretch_goes_on_both_ways(
    cast: Cast, suri: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "PAGE", 2)
    ticket = make_ticket(cast.inbox)
    for n in range(20):
        replies.note(ticket, by=cast.alice, text=f"n{n}", client_token=uuid.uuid4())
    everything = list(Entry.objects.filter(ticket=ticket).order_by("at", "id"))
    conversation = conversation_of()
    first = transcripts.stretch(conversation, suri, ticket=ticket)
    assert (first.entries, first.before) == (everything[:8], "")
    second = transcripts.stretch(conversation, suri, ticket=ticket, after=first.after)
    assert second.entries == everything[8:16]
    back = transcripts.stretch(conversation, suri, ticket=ticket, before=second.before)
    assert back.entries == everything[:8]
    around = transcripts.stretch(conversation, suri, ticket=ticket, around=everything[10])
    assert everything[10] in around.entries
    last = transcripts.stretch(conversation, suri, ticket=ticket, after=second.after)
    assert (last.entries, last.after) == (everything[16:], "")


def counted() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (ReadMark, Presence, Draft, Entry)}


def test_reading_leaves_no_trace_at_the_desk(cast: Cast, suri: Agent) -> None:
    ticket = make_ticket(cast.inbox, text="Unseen words")
    replies.note(ticket, by=cast.alice, text="Between us", client_token=uuid.uuid4())
    conversation = conversation_of()
    before, head = counted(), conversation.head
    client = sign_in(suri)
    for name, pk in (("ticket", ticket.pk), ("conversation", conversation.pk)):
        page = client.get(reverse(f"transcripts:{name}", args=[pk])).content.decode()
        assert "Unseen words" in page
        assert "Between us" in page
        # Nothing that the desk's own scripts would begin with, and nothing that acts.
        for mark in ("data-conversation", "list-pane", "data-read", "/about/", "/draft/"):
            assert mark not in page, mark
    conversation.refresh_from_db()
    assert (counted(), conversation.head) == (before, head)


def test_a_reading_is_written_down_once_an_hour(
    cast: Cast, suri: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else an hour may end between two of them.
    monkeypatch.setattr(transcript_log, "Now", partial(Value, timezone.now()))
    ticket = make_ticket(cast.inbox)
    client = sign_in(suri)
    for _ in range(3):
        client.get(reverse("transcripts:ticket", args=[ticket.pk]))
    client.get(reverse("transcripts:conversation", args=[ticket.conversation_id]))
    rows = TranscriptAccess.objects.order_by("pk")
    assert [(row.agent, row.act, row.ticket_id, row.conversation_id) for row in rows] == [
        (suri, TranscriptAct.READ, ticket.pk, None),
        (suri, TranscriptAct.READ, None, ticket.conversation_id),
    ]
    page = client.get(reverse("transcripts:log")).content.decode()
    assert page.count("?person=") == 2


def test_what_was_written_down_stays(cast: Cast, suri: Agent) -> None:
    transcript_log.note_read(by=suri, ticket=make_ticket(cast.inbox))
    for statement in ("UPDATE %s SET act = 'read'", "DELETE FROM %s"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement % "conversations_transcriptaccess")


def test_the_log_names_nothing_its_reader_may_not_see(cast: Cast, suri: Agent) -> None:
    secret = make_inbox(cast.support, "Secret box", restriction="health")
    ticket = make_ticket(secret, subject="Secret subject")
    boss = make_agent("Boss", cast.support, role=Role.SUPERVISOR)
    client = sign_in(boss)
    client.get(reverse("transcripts:ticket", args=[ticket.pk]))
    client.get(reverse("transcripts:conversation", args=[ticket.conversation_id]))
    assert "Secret subject" in client.get(reverse("transcripts:log")).content.decode()
    page = sign_in(suri).get(reverse("transcripts:log"))
    assert "Secret subject" not in page.content.decode()
    assert "Boss" not in page.content.decode()


def test_a_join_shows_the_log_to_nobody_new(cast: Cast, suri: Agent) -> None:
    secret = make_inbox(cast.support, "Secret box", restriction="health")
    ticket = make_ticket(secret, label="Kim Secret")
    other = make_ticket(secret, "lee@example.org")
    for one in (ticket, other):
        transcript_log.note_read(conversation=one.conversation, by=cast.bob)
    assert transcript_log.log(suri) == []
    merges.merge(ticket.conversation, other.conversation, by=cast.bob, reason="One.")
    assert transcript_log.log(suri) == []
    boss = make_agent("Boss", cast.support, role=Role.SUPERVISOR)
    assert len(transcript_log.log(boss)) == 2


DOORS: dict[str, tuple[str, str | None]] = {
    "search": ("get", None),
    "ticket": ("get", "ticket"),
    "conversation": ("get", "conversation"),
    "export-ticket": ("post", "ticket"),
    "export-conversation": ("post", "conversation"),
    "export-search": ("post", None),
    "exports": ("get", None),
    "file": ("get", "export"),
    "log": ("get", None),
}
ASKED = {"format": "html", "with_notes": "on"}


def knock(client: Client, name: str, ids: dict[str, object]) -> int:
    method, key = DOORS[name]
    url = reverse(f"transcripts:{name}", args=[ids[key]] if key else [])
    if name == "export-search":
        url += "?text=secret"
    data = {**ASKED, "client_token": uuid.uuid4()} if method == "post" else {}
    status: int = getattr(client, method)(url, data).status_code
    return status


def test_every_route_is_accounted_for() -> None:
    assert {str(route.name) for route in urlpatterns} == set(DOORS)


def test_agents_have_no_transcripts(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    ids = {"ticket": ticket.pk, "conversation": ticket.conversation_id, "export": uuid.uuid4()}
    alice = sign_in(cast.alice)
    assert {name: knock(alice, name, ids) for name in DOORS} == dict.fromkeys(DOORS, 403)
    assert "transcripts" not in alice.get("/desk/mine/open/").content.decode()


def test_what_is_restricted_is_not_there_for_supervisors_of_other_teams(
    cast: Cast, suri: Agent
) -> None:
    ticket = make_ticket(
        make_inbox(cast.support, "Secret box", restriction="legal"), text="secret words"
    )
    ids = {"ticket": ticket.pk, "conversation": ticket.conversation_id, "export": uuid.uuid4()}
    client = sign_in(suri)
    named = {name for name, (_method, key) in DOORS.items() if key}
    assert {name: knock(client, name, ids) for name in named} == dict.fromkeys(named, 404)
    assert found(suri, text="secret") == []
    assert found(suri) == []
    assert found(suri, customer="kim@") == []
    page = client.get(reverse("transcripts:search"), {"text": "secret"}).content.decode()
    assert "secret words" not in page
    # An open matter of the same customer shows nothing of the other.
    write_in(make_inbox(cast.billing, "Bills"), text="open words")
    page = client.get(
        reverse("transcripts:conversation", args=[ticket.conversation_id])
    ).content.decode()
    assert "open words" in page
    assert "secret words" not in page


@pytest.mark.parametrize(
    "path",
    [
        "?after=x", "?agent=999", "?team=x", "?since=2026-13-45", "?text=%00", "?status=asleep",
        "?channel=%3Cb%3E", "tickets/99999999999999999999/", "tickets/{t}/?entry=x",
        "tickets/{t}/?entry=999999", "tickets/{t}/?before=1", "log/?before=x", "log/?person=99",
        "exports/not-an-id/",
    ],
)  # fmt: skip
def test_nonsense_never_breaks_a_page(cast: Cast, suri: Agent, path: str) -> None:
    ticket = make_ticket(cast.inbox)
    client = sign_in(suri)
    answered = client.get("/transcripts/" + path.format(t=ticket.pk))
    assert answered.status_code in (200, 404, 422)
    assert (
        client.post(f"/transcripts/tickets/{ticket.pk}/export/", {"format": "pdf"}).status_code
        == 422
    )
