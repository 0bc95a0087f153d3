"""Webhooks: what is told, to whom, in which order, and what the other side can do wrong."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F

from channels_inbox import guard, vault
from channels_inbox.models import CallState, Stopped, Webhook, WebhookCall
from channels_inbox.pages.context import needs
from channels_inbox.webhooks import keeping, queue, send
from conversations import merges, replies, tickets
from conversations.errors import BadInput
from conversations.models import Agent, Attachment, Entry, Membership, Role, Ticket
from conversations.thread import database_now
from tests.builders import (
    Cast,
    answer,
    conversation_of,
    identity_of,
    make_agent,
    make_inbox,
    make_ticket,
    ticket_of,
    write_in,
)
from tests.channels_inbox.consumer import Consumer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with Consumer() as running:
        yield running


@pytest.fixture
def admin(cast: Cast) -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


@pytest.fixture
def webhook(consumer: Consumer, admin: Agent) -> Webhook:
    return listening(consumer, admin)


def listening(consumer: Consumer, by: Agent, *types: str) -> Webhook:
    made, consumer.secret = keeping.make(name="Shop", url=consumer.url, types=types, by=by)
    return made


def note(ticket: Ticket, by: Agent, text: str = "Hm.") -> Entry:
    return replies.note(ticket, by=by, text=text, client_token=uuid.uuid4())


def time_passes(webhook: Webhook, past: timedelta = timedelta(days=2)) -> None:
    """Everything that waits for a time is due."""
    Webhook.objects.filter(pk=webhook.pk).update(next_at=database_now())
    webhook.calls.filter(state=CallState.WAITING).update(next_at=F("next_at") - past)


def tell() -> int:
    return send.tell_due(seconds=600)


def lease_ends() -> None:
    WebhookCall.objects.filter(lease_until__isnull=False).update(
        lease_until=database_now() - SECOND
    )


def told_by_workers(count: int, until: int, webhook: Webhook) -> None:
    """Several workers at once, until so many calls have ended."""

    def work() -> None:
        try:
            for _ in range(500):
                tell()
                if webhook.calls.exclude(state=CallState.WAITING).count() >= until:
                    return
                webhook.calls.filter(state=CallState.WAITING).update(next_at=database_now())
                Webhook.objects.update(next_at=database_now())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)


# What is told


def test_what_happens_is_told_signed_and_once(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    note(ticket, cast.alice)
    tickets.resolve(ticket, by=cast.alice)
    told = webhook.calls.count()
    assert tell() == told
    assert consumer.types[0] == "ticket.opened"
    assert {"message.received", "message.sent", "note.added", "ticket.resolved"} <= set(
        consumer.types
    )
    assert len(set(consumer.names)) == len(consumer.calls) == told
    assert (consumer.forged, consumer.in_order()) == (0, True)
    assert tell() == 0
    assert set(webhook.calls.values_list("state", "status")) == {("done", 204)}


def test_the_body_has_the_shapes_of_the_api_and_no_html(
    cast: Cast, consumer: Consumer, admin: Agent
) -> None:
    listening(consumer, admin, "message.received")
    entry = write_in(cast.inbox, html="<p>Secret markup</p>")
    Attachment.objects.create(
        entry=entry, conversation_id=entry.conversation_id, filename="a.txt", size=3
    )
    tell()
    [call] = consumer.calls
    assert set(call.told) == {"type", "timestamp", "data"}
    assert call.told["timestamp"].endswith("Z")
    data = call.told["data"]
    assert (data["entry"]["id"], data["entry"]["text"]) == (entry.pk, "My order has not come.")
    assert (data["ticket"]["id"], data["ticket"]["status"]) == (entry.ticket_id, "open")
    assert data["customer"]["id"] == entry.conversation_id
    [file] = data["entry"]["files"]
    assert file["url"].endswith(f"/api/v1/files/{file['id']}/content/")
    assert "markup" not in str(call.told)


def test_only_what_was_chosen_is_told(cast: Cast, consumer: Consumer, admin: Agent) -> None:
    webhook = listening(consumer, admin, "ticket.resolved")
    ticket = make_ticket(cast.inbox)
    tickets.resolve(ticket, by=cast.alice)
    assert list(webhook.calls.values_list("type", flat=True)) == ["ticket.resolved"]


def test_one_that_is_off_gets_nothing_written_down(
    cast: Cast, webhook: Webhook, admin: Agent
) -> None:
    keeping.switch_off(webhook, by=admin)
    make_ticket(cast.inbox)
    assert webhook.calls.count() == 0


def test_a_change_that_is_rolled_back_is_not_told(cast: Cast, webhook: Webhook) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_ticket(cast.inbox)
        assert webhook.calls.exists()
        _ = 1 / 0
    assert not webhook.calls.exists()


def test_many_rows_in_one_statement_are_told_in_their_order(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    last = Entry.objects.order_by("-pk")[0]
    shared = ("conversation", "origin", "ticket", "actor")
    Entry.objects.bulk_create(
        Entry(
            **{name: getattr(last, name) for name in shared},
            kind="note",
            seq=last.seq + 100 + number,
            at=last.at + SECOND * (number + 1),
            rev=last.rev,
            text=str(number),
        )
        for number in range(30)
    )
    tell()
    notes = [call for call in consumer.calls if call.type == "note.added"]
    assert [call.told["data"]["entry"]["text"] for call in notes] == [
        str(number) for number in range(30)
    ]
    assert webhook.calls.filter(ticket=ticket).count() == len(consumer.calls)


def test_rows_that_are_copied_in_are_told(cast: Cast, webhook: Webhook) -> None:
    last = Entry.objects.get(pk=write_in(cast.inbox).pk)
    before = webhook.calls.count()
    row = (last.conversation_id, last.origin_id, last.ticket_id, last.at.isoformat())
    with connection.cursor() as cursor:
        columns = (
            "conversation_id, origin_id, ticket_id, at, seq, rev, kind, direction, actor,"
            " client_token"
        )
        with cursor.copy(f"COPY conversations_entry ({columns}) FROM STDIN") as copy:
            for number in range(3):
                copy.write_row((*row, 900 + number, 1, "note", "", "system", uuid.uuid4()))
    assert webhook.calls.count() == before + 3


# Order, and workers at once


def test_two_workers_keep_the_order_of_each_ticket(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    several = [make_ticket(cast.inbox, f"c{number}@example.org") for number in range(4)]
    for number in range(6):
        for ticket in several:
            note(ticket, cast.alice, str(number))
    consumer.seconds = 0.01
    told_by_workers(3, webhook.calls.count(), webhook)
    assert len(set(consumer.names)) == webhook.calls.count()
    assert consumer.in_order()
    assert consumer.most_at_once == queue.AT_ONCE


def test_a_call_that_waits_holds_back_its_ticket_and_no_other(
    cast: Cast, consumer: Consumer, admin: Agent
) -> None:
    webhook = listening(consumer, admin, "note.added")
    stuck, other = make_ticket(cast.inbox), make_ticket(cast.inbox, "lee@example.org")
    first = note(stuck, cast.alice, "poison")
    consumer.answers = lambda heard: (
        500 if heard.told["data"]["entry"]["text"] == "poison" else 204,
        {},
    )
    note(stuck, cast.alice, "after")
    note(other, cast.alice, "free")
    tell()
    assert consumer.calls == []
    Webhook.objects.update(next_at=database_now())
    tell()
    assert [call.told["data"]["entry"]["text"] for call in consumer.calls] == ["free"]
    for _ in range(queue.MOST_TRIES - 1):
        time_passes(webhook)
        tell()
    assert [call.told["data"]["entry"]["text"] for call in consumer.calls] == ["free"]
    time_passes(webhook)
    tell()
    assert [call.told["data"]["entry"]["text"] for call in consumer.calls] == ["free", "after"]
    call = webhook.calls.get(entry=first)
    assert (call.state, call.step, call.status) == (CallState.FAILED, queue.MOST_TRIES, 500)
    assert len({heard.name for heard in consumer.tries if heard.entry == first.pk}) == 1


def test_a_slow_or_dead_one_does_not_keep_others_waiting(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    with Consumer() as dead:
        silent = listening(dead, admin)
        dead.down()
        for number in range(20):
            make_ticket(cast.inbox, f"c{number}@example.org")
        tell()
        assert len(consumer.calls) == webhook.calls.count()
        tries = sum(silent.calls.values_list("tries", flat=True))
        assert 0 < tries < 6 < silent.calls.count()


# The other side is down, slow or odd


def test_one_that_was_down_gets_all_of_it_once_and_in_order(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    several = [make_ticket(cast.inbox, f"c{number}@example.org") for number in range(5)]
    tell()
    consumer.down()
    for number in range(4):
        for ticket in several:
            note(ticket, cast.alice, str(number))
        tell()
        time_passes(webhook, timedelta(0))
    webhook.refresh_from_db()
    assert webhook.failures == 4
    assert webhook.failing_since is not None
    assert 0 < webhook.calls.filter(tries__gt=0, state="waiting").count() <= 4
    consumer.up()
    time_passes(webhook, timedelta(0))
    tell()
    assert len(consumer.names) == len(set(consumer.names)) == webhook.calls.count()
    assert consumer.in_order()
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.failing_since, consumer.forged) == (0, None, 0)


def test_while_it_is_down_one_call_looks_now_and_then_and_loses_no_try_of_its_own(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    make_ticket(cast.inbox)
    consumer.down()
    for _ in range(queue.DOWN):
        time_passes(webhook)
        tell()
    for _ in range(20):
        Webhook.objects.update(next_at=database_now())
        tell()
    webhook.refresh_from_db()
    assert webhook.failures > queue.MOST_TRIES
    assert webhook.next_at > database_now() + timedelta(minutes=4)
    assert not webhook.calls.filter(state=CallState.FAILED).exists()
    head = webhook.calls.order_by("entry")[0]
    assert head.step == queue.DOWN < queue.MOST_TRIES < head.tries
    assert webhook.calls.filter(tries=0).count() == webhook.calls.count() - 1


def test_three_days_without_an_answer_stop_it_and_starting_goes_on_without_a_gap(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    consumer.answers = lambda heard: (503, {})
    make_ticket(cast.inbox)
    tell()
    Webhook.objects.update(failing_since=F("failing_since") - timedelta(days=3, seconds=1))
    time_passes(webhook)
    tell()
    webhook.refresh_from_db()
    assert (webhook.is_stopped, webhook.stopped_for) == (True, Stopped.FAILING)
    assert needs(admin) == (False, True)
    assert needs(cast.alice) == (False, False)
    tries = len(consumer.tries)
    make_ticket(cast.inbox, "lee@example.org")
    time_passes(webhook)
    assert tell() == 0
    consumer.answers = lambda heard: (200, {})
    keeping.start(webhook, by=admin)
    tell()
    assert len(consumer.tries) - tries == len(consumer.calls) == webhook.calls.count()
    assert needs(admin) == (False, False)


def test_one_that_is_gone_for_good_is_stopped_at_once(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    consumer.answers = lambda heard: (410, {})
    make_ticket(cast.inbox)
    tell()
    webhook.refresh_from_db()
    assert (webhook.stopped_for, len(consumer.tries)) == (Stopped.GONE, 1)
    assert set(webhook.calls.values_list("state", flat=True)) == {"waiting"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    cast: Cast, consumer: Consumer, webhook: Webhook, status: int
) -> None:
    with Consumer() as elsewhere:
        elsewhere.secret = consumer.secret
        consumer.answers = lambda heard: (status, {"Location": elsewhere.url})
        make_ticket(cast.inbox)
        tell()
        assert (elsewhere.tries, elsewhere.forged) == ([], 0)
    assert webhook.calls.filter(state="waiting", status=status).count() == 1


def test_it_is_left_alone_as_long_as_it_asks_for(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    consumer.answers = lambda heard: (429, {"Retry-After": "7200"})
    make_ticket(cast.inbox)
    tell()
    webhook.refresh_from_db()
    call = webhook.calls.order_by("entry")[0]
    soon = database_now() + timedelta(minutes=119)
    assert (webhook.next_at > soon, call.next_at > soon) == (True, True)


def test_what_it_asks_for_is_bounded_and_nonsense_is_nothing() -> None:
    assert send._asked_for("99999999999999999999") == queue.LONGEST_ASKED_FOR
    assert send._asked_for("Fri, 31 Dec 2199 23:59:59 GMT") == queue.LONGEST_ASKED_FOR
    assert send._asked_for("Fri, 31 Dec 1999 23:59:59 GMT") == timedelta(0)
    for odd in ("", "soon", "-5", "1e9", "Fri, 99 Dec 2199", "²"):
        assert send._asked_for(odd) is None, odd


def test_one_that_drips_is_cut_off() -> None:
    """A byte of a head every moment is no answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            peer, _address = listener.accept()
            try:
                peer.recv(65536)
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000:
                    peer.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                peer.close()

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(guard.HTTPFailed):
            guard.post_json(
                f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, seconds=0.5
            )


def test_addresses_in_our_own_network_are_not_told(
    cast: Cast, consumer: Consumer, webhook: Webhook, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    make_ticket(cast.inbox)
    tell()
    assert (consumer.tries, consumer.forged) == ([], 0)
    call = webhook.calls.order_by("entry")[0]
    assert (call.status, call.state, call.tries) == (None, "waiting", 1)


def test_the_lines_of_the_readme_check_a_call(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    [lines] = [part for part in text.split("```python\n") if "def is_ours" in part]
    room: dict[str, Any] = {}
    exec(lines.partition("```")[0], room)
    old = consumer.secret
    new = keeping.new_secret(webhook, by=admin)
    make_ticket(cast.inbox)
    tell()
    call = consumer.calls[0]
    check = room["is_ours"]
    assert [check(key, call.headers, call.body) for key in (old, new)] == [True, True]
    assert not check(old, call.headers, call.body + b" ")
    assert not check(old, {**call.headers, "webhook-id": "msg_other"}, call.body)
    assert not check("whsec_c2VjcmV0", call.headers, call.body)
    assert not check(old, {**call.headers, "webhook-timestamp": "1700000000"}, call.body)


# Crashes


def test_what_was_sent_by_a_worker_that_died_is_sent_again_under_the_same_name(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    make_ticket(cast.inbox)
    lease = queue.claim()
    assert lease is not None
    call = WebhookCall.objects.select_related("webhook__agent").get(pk=lease.call)
    body = send.news.body_of(call, call.webhook.agent)
    assert body is not None
    send.post(call.webhook.url, send.secrets_of(call.webhook), send.name_of(call), body)
    assert tell() == 0
    lease_ends()
    tell()
    assert consumer.names[0] == consumer.names[1]
    assert len(set(consumer.names)) == webhook.calls.count() == len(consumer.names) - 1
    # The dead one comes back and changes nothing.
    queue.refused(lease, 500, "", None)
    queue.gone(lease)
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.is_stopped) == (0, False)
    assert set(webhook.calls.values_list("state", flat=True)) == {"done"}


# Who may see what is told


def test_restricted_matters_are_told_only_as_far_as_the_agent_sees_them(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    legal = make_inbox(cast.support, "Legal box", restriction="legal")
    ticket = make_ticket(legal, "lee@example.org", text="Between us.")
    tell()
    assert consumer.calls == []
    assert set(webhook.calls.values_list("state", flat=True)) == {"left_out"}
    Membership.objects.create(team=cast.support, agent=admin)
    note(ticket, cast.alice)
    tell()
    assert consumer.types == ["note.added"]


def test_what_counts_is_what_may_be_seen_when_it_is_sent(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    Ticket.objects.filter(pk=ticket.pk).update(restriction="legal")
    tell()
    assert consumer.tries == []


def test_that_of_a_disabled_agent_stops(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    make_ticket(cast.inbox)
    Agent.objects.filter(pk=admin.pk).update(is_active=False)
    assert tell() == 0
    keeping.tidy()
    webhook.refresh_from_db()
    assert webhook.stopped_for == Stopped.AGENT
    other = make_agent("Otto", role=Role.ADMIN)
    keeping.change(webhook, name="Shop", url=consumer.url, types=[], by=other)
    keeping.start(webhook, by=other)
    tell()
    assert len(consumer.calls) == webhook.calls.count() > 0


def test_a_joined_customer_and_a_moved_message_are_told_where_they_are_now(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    first = make_ticket(cast.inbox)
    second = make_ticket(cast.inbox, "lee@example.org")
    merges.merge(
        conversation_of(), conversation_of("lee@example.org"), by=cast.alice, reason="One."
    )
    moved = second.entries.get(kind="message")
    tickets.move_entry(moved, to=Ticket.objects.get(pk=first.pk), by=cast.alice)
    tell()
    told = {call.entry: call for call in consumer.calls}
    assert len(told) == webhook.calls.count()
    assert told[moved.pk].ticket == first.pk
    live = conversation_of().pk
    assert {call.told["data"]["customer"]["id"] for call in consumer.calls} == {live}
    assert "ticket.moved" in consumer.types


# Sending again, secrets, tidying


def test_what_failed_can_be_sent_again_under_its_old_name(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    make_ticket(cast.inbox)
    names = {send.name_of(call) for call in webhook.calls.select_related("webhook")}
    webhook.calls.update(state="failed", ended_at=database_now(), step=queue.MOST_TRIES)
    assert keeping.resend_failed(webhook, by=admin) == len(names)
    tell()
    assert (set(consumer.names), consumer.in_order()) == (names, True)
    call = webhook.calls.order_by("entry")[0]
    keeping.resend(webhook, call.pk, by=admin)
    tell()
    assert consumer.names[-1] == send.name_of(call)


def test_one_sent_again_that_fails_again_has_failed(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    make_ticket(cast.inbox)
    tell()
    consumer.answers = lambda heard: (500, {})
    call = webhook.calls.order_by("entry")[0]
    keeping.resend(webhook, call.pk, by=admin)
    tell()
    call.refresh_from_db()
    assert call.state == CallState.FAILED


def test_for_a_day_the_secret_before_signs_too(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    old = consumer.secret
    new = keeping.new_secret(webhook, by=admin)
    assert (new == old, new.startswith("whsec_")) == (False, True)
    ticket = make_ticket(cast.inbox)
    tell()
    assert consumer.forged == 0
    assert consumer.calls[0].headers["webhook-signature"].count("v1,") == 2
    consumer.secret, before = new, len(consumer.calls)
    note(ticket, cast.alice)
    tell()
    assert len(consumer.calls) == before + 1
    Webhook.objects.update(rotated_at=database_now() - send.OLD_SECRET_SIGNS - SECOND)
    consumer.secret = old
    note(ticket, cast.alice)
    tell()
    assert consumer.forged == 1


def test_secrets_are_sealed_and_follow_a_new_key(
    consumer: Consumer, webhook: Webhook, admin: Agent, settings: Settings
) -> None:
    keeping.new_secret(webhook, by=admin)
    webhook.refresh_from_db()
    old = send.secrets_of(webhook)
    assert consumer.secret.encode() not in bytes(webhook.sealed_before or b"")
    keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = ["B" * 43 + "=", *keys]
    vault.rotate()
    settings.FIELD_ENCRYPTION_KEYS = ["B" * 43 + "="]
    webhook.refresh_from_db()
    assert send.secrets_of(webhook) == old


def test_a_removed_one_does_not_hold_up_a_message_that_arrives(
    cast: Cast, webhook: Webhook, admin: Agent
) -> None:
    with transaction.atomic():
        make_ticket(cast.inbox)
        gone = threading.Thread(target=removed, args=(webhook, admin))
        gone.start()
        gone.join(10)
        assert not gone.is_alive()
    assert WebhookCall.objects.exists()
    keeping.tidy()
    assert not WebhookCall.objects.exists()


def removed(webhook: Webhook, admin: Agent) -> None:
    keeping.remove(webhook, by=admin)
    connections.close_all()


def test_what_was_told_long_ago_is_forgotten_and_what_waits_is_not(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    tell()
    webhook.calls.update(ended_at=database_now() - keeping.KEPT - SECOND)
    note(ticket, cast.alice)
    keeping.tidy()
    assert list(webhook.calls.values_list("state", flat=True)) == ["waiting"]
    Webhook.objects.update(
        stopped_at=database_now() - keeping.KEPT - SECOND, stopped_for=Stopped.FAILING
    )
    note(ticket, cast.alice)
    keeping.tidy()
    assert not webhook.calls.exists()


def test_a_body_that_cannot_be_made_is_no_fault_of_the_other_side(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    Webhook.objects.update(sealed=b"not sealed by us")
    tell()
    webhook.refresh_from_db()
    assert (webhook.failures, consumer.tries) == (0, [])
    assert webhook.calls.filter(ticket=ticket, error="MissingSecret", step=1).count() == 1


def test_plain_http_is_for_desks_on_their_own_machine(admin: Agent, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(BadInput):
        keeping.make(name="x", url="http://example.org/", types=[], by=admin)


def test_an_empty_room_costs_nothing(cast: Cast, consumer: Consumer) -> None:
    assert ticket_of(write_in(cast.inbox)).pk
    assert tell() == 0
