"""Calls in order, by workers at once, to another side that is down, slow or odd."""

from __future__ import annotations

import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F

from channels_inbox import guard
from channels_inbox.models import CallState, Stopped, Webhook, WebhookCall
from channels_inbox.pages.context import needs
from channels_inbox.webhooks import keeping, queue, send
from conversations.models import Agent
from conversations.thread import database_now
from tests.builders import Cast, make_ticket
from tests.channels_inbox.webhooks.consumer import Consumer, Heard
from tests.channels_inbox.webhooks.telling import (
    lease_ends,
    listening,
    note,
    tell,
    time_passes,
    told_by_workers,
)

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


pytestmark = pytest.mark.django_db(transaction=True)

# Order, and workers at once


def test_two_workers_keep_the_order_of_each_ticket(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    several = [make_ticket(cast.inbox, f"c{number}@example.org") for number in range(4)]
    for number in range(6):
        for ticket in several:
            note(ticket, cast.alice, str(number))
    consumer.seconds = 0.05
    two = threading.Event()

    def held(heard: Heard) -> tuple[int, dict[str, str]]:
        """The first one until another has come, for less time than it may take to answer."""
        if consumer.at_once > 1:
            two.set()
        two.wait(8)
        return 204, {}

    consumer.answers = held
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
    assert needs(admin) == (False, True, False, False, False)
    assert needs(cast.alice) == (False,) * 5
    tries = len(consumer.tries)
    make_ticket(cast.inbox, "lee@example.org")
    time_passes(webhook)
    assert tell() == 0
    consumer.answers = lambda heard: (200, {})
    keeping.start(webhook, by=admin)
    tell()
    assert len(consumer.tries) - tries == len(consumer.calls) == webhook.calls.count()
    assert needs(admin) == (False,) * 5


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
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text()
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
