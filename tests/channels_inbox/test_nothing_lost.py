"""What became of everything, inbox by inbox: counts that stop, who may see them, and trying dead
items again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from channels_inbox import accounts, nothing_lost, receive, set_aside
from channels_inbox.models import Account, Envelope, Folder, Item, MailPlace
from channels_inbox.pages.health import how_it_does
from conversations.models import Delivery, Entry, Role
from conversations.thread import database_now
from tests.builders import (
    answer,
    identity_of,
    make_agent,
    make_inbox,
    make_team,
    ticket_of,
    write_in,
)

if TYPE_CHECKING:
    from conversations.models import Inbox

pytestmark = pytest.mark.django_db


def items(inbox: Inbox, state: str, count: int, ago: timedelta = timedelta(hours=1)) -> None:
    """So many of a state."""
    now = database_now()
    envelopes = Envelope.objects.bulk_create(
        Envelope(
            inbox=inbox,
            source="hook",
            dedup_key=f"{state}:{ago}:{number}",
            raw=b"{}",
            size=2,
            received_at=now - ago,
        )
        for number in range(count)
    )
    Item.objects.bulk_create(
        Item(
            envelope=envelope,
            inbox=inbox,
            lane=f"x{envelope.pk}",
            state=state,
            reason="broke" if state in ("dead", "ignored") else "",
            received_at=now - ago,
            next_at=now,
            ended_at=None if state == "waiting" else now,
        )
        for envelope in envelopes
    )


def test_every_inbox_tells_what_became_of_its_items() -> None:
    team = make_team("Support")
    sms, mail = make_inbox(team, "SMS", kind="twilio_sms"), make_inbox(team, "Mail")
    items(sms, "threaded", 3)
    items(sms, "threaded", 2, timedelta(days=2))
    items(sms, "duplicate", 1)
    items(sms, "dead", 2, timedelta(hours=5))
    items(mail, "waiting", 4)
    items(mail, "ignored", 1)
    rows = {row.inbox.name: row for row in nothing_lost.per_inbox(make_agent(role=Role.SUPERVISOR))}
    assert [rows["SMS"].lately[state].n for state in ("threaded", "duplicate")] == [3, 1]
    dead = rows["SMS"].items["dead"]
    assert (dead.n, dead.is_many) == (2, False)
    assert dead.oldest_at is not None
    assert database_now() - dead.oldest_at > timedelta(hours=4)
    assert [rows["Mail"].items[state].n for state in ("waiting", "ignored", "dead")] == [4, 1, 0]
    assert (rows["SMS"].needs_somebody, rows["Mail"].needs_somebody) == (True, False)


def test_restricted_inboxes_are_their_teams(client: Client) -> None:
    legal = make_inbox(make_team("Legal"), "Legal desk", restriction="legal")
    items(legal, "dead", 1)
    supervisor = make_agent(role=Role.SUPERVISOR)
    client.force_login(supervisor, backend="django.contrib.auth.backends.ModelBackend")
    assert "Legal desk" not in client.get(reverse("items:nothing-lost")).content.decode()
    client.post(reverse("items:replay-all"))
    assert Item.objects.get().state == "dead"


def test_all_that_is_dead_is_tried_again_once() -> None:
    inbox = make_inbox(make_team("Support"), kind="telegram")
    items(inbox, "dead", 3)
    supervisor = make_agent(role=Role.SUPERVISOR)
    dead = set_aside.visible_to(supervisor)
    assert [receive.replay_all(dead, by=supervisor) for _time in range(2)] == [3, 0]
    assert Item.objects.waiting().count() == 3
    while receive.process_waiting("fast"):
        pass
    assert not Item.objects.waiting().exists()


def test_what_may_have_been_sent_is_led_to(client: Client) -> None:
    inbox = make_inbox(make_team("Support"), kind="telegram")
    entry = write_in(inbox, "88", kind="telegram", text="Hi", follows_on=True)
    agent = make_agent("Ada", inbox.team, role=Role.ADMIN)
    sent = answer(ticket_of(entry), by=agent, inbox=inbox, to=identity_of("88", "telegram"))
    Delivery.objects.filter(entry=sent).update(state="ambiguous", error="It hung up")
    [row] = nothing_lost.per_inbox(agent)
    assert (row.out["ambiguous"].n, row.needs_somebody) == (1, True)
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("items:nothing-lost")).content.decode()
    assert f"/conversations/{entry.conversation_id}/?ticket={entry.ticket_id}" in page
    assert "It hung up" in page


@pytest.mark.parametrize(
    ("kind", "asked"), [("twilio_sms", True), ("telegram", True), ("whatsapp", False),
                        ("generic", False), ("phone", False), ("email", False)]
)  # fmt: skip
def test_nothing_is_found_by_asking_where_nobody_asks(
    client: Client, kind: str, asked: bool
) -> None:
    inbox = make_inbox(make_team("Support"), kind=kind)
    Account.objects.create(inbox=inbox, pushed_at=database_now())
    supervisor = make_agent(role=Role.SUPERVISOR)
    client.force_login(supervisor, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("items:nothing-lost")).content.decode()
    assert ("each message came by a call" in page) is asked


def test_mails_of_the_server_stand_beside_those_stored() -> None:
    inbox = make_inbox(make_team("Support"))
    folder = Folder.objects.create(
        inbox=inbox,
        name="INBOX",
        uidvalidity=7,
        first_uid=5,
        server_count=3,
        reconciled_at=database_now(),
    )
    for validity, uid in ((7, 4), (7, 5), (7, 6), (6, 9)):
        MailPlace.objects.create(folder=folder, uidvalidity=validity, uid=uid, skipped="too_large")
    [row] = nothing_lost.per_inbox(make_agent(role=Role.SUPERVISOR))
    [read] = row.folders
    assert (read.folder.server_count, read.stored, read.is_many) == (3, 2, False)


def scans(plan: dict[str, Any]) -> list[str]:
    """How tables are read in a plan."""
    below = [one for part in plan.get("Plans", ()) for one in scans(part)]
    return ([plan["Node Type"]] if "Relation Name" in plan else []) + below


@pytest.mark.parametrize("statement", [nothing_lost.ITEMS, nothing_lost.DELIVERIES])
def test_what_ended_well_is_not_read_however_much_there_is(statement: str) -> None:
    inbox = make_inbox(make_team("Support"))
    items(inbox, "threaded", 5000)
    items(inbox, "dead", 3)
    entry = write_in(inbox, "lan@example.com", text="Hi")
    agent = make_agent("Ada", inbox.team)
    answer(ticket_of(entry), by=agent, inbox=inbox, to=identity_of("lan@example.com"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE channels_inbox_item")
        # There are few deliveries here: reading all would be the cheapest.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", {"most": nothing_lost.LOOKED_AT})
        told = cursor.fetchone()[0]
    plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    assert scans(plan)
    assert not [one for one in scans(plan) if one == "Seq Scan"], plan


def test_a_limit_is_said_to_be_one() -> None:
    inbox = make_inbox(make_team("Support"))
    items(inbox, "ignored", nothing_lost.SHOWN + 1)
    client = Client()
    supervisor = make_agent(role=Role.SUPERVISOR)
    client.force_login(supervisor, backend="django.contrib.auth.backends.ModelBackend")
    assert "1,000+" in client.get(reverse("items:nothing-lost")).content.decode()


def test_where_others_filled_the_limit_nothing_is_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr(nothing_lost, "LOOKED_AT", 5)
    team = make_team("Support")
    old, sms = make_inbox(team, "Old mail"), make_inbox(team, "SMS", kind="twilio_sms")
    legal = make_inbox(make_team("Legal"), "Legal desk", restriction="legal")
    items(old, "dead", 1)
    items(old, "ignored", 1)
    items(sms, "dead", 2)
    items(legal, "dead", 3)
    supervisor = make_agent(role=Role.SUPERVISOR)
    rows = {row.inbox.name: row for row in nothing_lost.per_inbox(supervisor)}
    assert set(rows) == {"Old mail", "SMS"}
    mail, other = rows["Old mail"].items, rows["SMS"].items
    assert (mail["dead"].n, mail["dead"].is_part) == (0, True)
    assert (other["dead"].n, other["dead"].is_part) == (2, True)
    assert (mail["ignored"].n, mail["ignored"].is_part) == (1, False)
    assert rows["Old mail"].may_have_dead and not rows["Old mail"].needs_somebody
    client.force_login(supervisor, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("items:nothing-lost")).content.decode()
    assert "0 or more" in page and "2 or more" in page


def sent_by(inbox: Inbox) -> Delivery:
    """An answer that waits to be sent."""
    entry = write_in(inbox, "88", kind="telegram", text="Hi", follows_on=True)
    agent = make_agent("Ada", inbox.team, role=Role.ADMIN)
    to = identity_of("88", "telegram")
    sent = answer(ticket_of(entry), by=agent, inbox=inbox, to=to)
    return Delivery.objects.get(entry=sent.pk)


def test_an_inbox_tells_what_waits_and_what_did_not_arrive() -> None:
    inbox = make_inbox(make_team("Support"), kind="telegram")
    accounts.connect(inbox, {"way": "poll"}, {"token": "110201543:x"})
    delivery = sent_by(inbox)
    items(inbox, "waiting", 2)
    told = how_it_does(inbox)
    assert told is not None
    assert (told["waiting"], told["waits_since"]) == (1, delivery.queued_at)
    assert told["unread_since"] == Item.objects.earliest("received_at").received_at
    Delivery.objects.update(state="failed", error_code="telegram_400")
    told = how_it_does(inbox)
    assert told is not None
    assert (told["waiting"], told["waits_since"], told["errors"]) == (
        0,
        None,
        [("telegram_400", 1)],
    )


def test_connecting_anew_keeps_what_was_and_lets_go_what_waits() -> None:
    inbox = make_inbox(make_team("Support"), kind="telegram")
    account = accounts.connect(inbox, {"way": "poll"}, {"token": "110201543:x"})
    delivery = sent_by(inbox)
    later = database_now() + timedelta(hours=1)
    Delivery.objects.update(next_at=later, error_code="token_refused")
    Account.objects.update(rests_until=later, error_code="sending:token_refused", missed=3)
    Account.objects.update(cursor={"offset": 7})
    before = list(Entry.objects.order_by("pk").values_list("pk", "conversation", "text"))
    accounts.connect(inbox, {"way": "poll"}, {"token": "110201543:y"})
    delivery.refresh_from_db()
    account.refresh_from_db()
    assert delivery.next_at <= database_now()
    assert (account.rests_until, account.error_code, account.missed) == (None, "", 3)
    assert account.cursor == {"offset": 7}
    assert list(Entry.objects.order_by("pk").values_list("pk", "conversation", "text")) == before
