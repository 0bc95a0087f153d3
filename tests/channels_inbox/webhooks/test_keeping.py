"""Sending again, secrets, tidying."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections, transaction

from channels_inbox import vault
from channels_inbox.models import CallState, Stopped, Webhook, WebhookCall
from channels_inbox.webhooks import keeping, queue, send
from conversations.errors import BadInput
from conversations.models import Agent, Role
from conversations.thread import database_now
from tests.builders import Cast, make_agent, make_ticket, ticket_of, write_in
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.channels_inbox.webhooks.telling import note, tell
from tests.patience import PATIENCE, wait_for_a_lock

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
NEWER_KEY = "B" * 43 + "="


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


def test_sent_again_is_sent_at_once_though_it_was_left_alone(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    make_ticket(cast.inbox)
    tell()
    Webhook.objects.update(next_at=database_now() + timedelta(hours=20))
    call = webhook.calls.order_by("entry")[0]
    keeping.resend(webhook, call.pk, by=admin)
    assert tell() == 1
    assert consumer.names[-1] == send.name_of(call)


@pytest.mark.parametrize("how", ["off", "stopped", "disabled", "demoted"])
def test_one_that_tells_nothing_sends_nothing_again(
    cast: Cast, webhook: Webhook, admin: Agent, how: str
) -> None:
    make_ticket(cast.inbox)
    webhook.calls.update(state="failed", ended_at=database_now(), step=queue.MOST_TRIES)
    if how == "off":
        keeping.switch_off(webhook, by=admin)
    elif how == "stopped":
        queue.stop(webhook, Stopped.FAILING)
    else:
        change = {"is_active": False} if how == "disabled" else {"role": Role.AGENT}
        Agent.objects.filter(pk=admin.pk).update(**change)
    webhook = Webhook.objects.get(pk=webhook.pk)
    otto = make_agent("Otto", role=Role.ADMIN)
    with pytest.raises(BadInput):
        keeping.resend(webhook, webhook.calls.order_by("entry")[0].pk, by=otto)
    with pytest.raises(BadInput):
        keeping.resend_failed(webhook, by=otto)
    assert set(webhook.calls.values_list("state", flat=True)) == {"failed"}


def test_switching_it_on_and_a_call_that_fails_wait_for_each_other(
    cast: Cast, webhook: Webhook
) -> None:
    """Each locks the webhook before its calls: else they would wait for ever, both."""
    make_ticket(cast.inbox)
    lease = queue.claim()
    assert lease is not None

    def refused() -> None:
        queue.refused(lease, 500, "", None)
        connections.close_all()

    failing = threading.Thread(target=refused)
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(failures=0)
        failing.start()
        wait_for_a_lock()
        webhook.calls.update(next_at=database_now())
    failing.join(30)
    webhook.refresh_from_db()
    assert webhook.failures == 1


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
    settings.FIELD_ENCRYPTION_KEYS = [NEWER_KEY, *keys]
    vault.rotate(rotation := vault.Rotation())
    # Two of the webhook, one of the inbox's hook.
    assert rotation == vault.Rotation(anew=3, closed=0)
    vault.rotate(rotation)
    assert rotation.anew == 3
    settings.FIELD_ENCRYPTION_KEYS = [NEWER_KEY]
    webhook.refresh_from_db()
    assert send.secrets_of(webhook) == old


def test_a_secret_that_is_replaced_meanwhile_is_not_lost_to_a_new_key(
    webhook: Webhook, admin: Agent, settings: Settings
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEWER_KEY, *settings.FIELD_ENCRYPTION_KEYS]

    def rotated() -> None:
        vault.rotate(vault.Rotation())
        connections.close_all()

    turning = threading.Thread(target=rotated)
    with transaction.atomic():
        secret = keeping.new_secret(webhook, by=admin)
        turning.start()
        wait_for_a_lock()
    turning.join(30)
    webhook.refresh_from_db()
    assert send.secrets_of(webhook)[0] == secret


def test_one_that_no_key_opens_is_replaced_and_signs_at_once(
    consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    Webhook.objects.update(sealed=b"not sealed by us")
    consumer.secret = keeping.new_secret(webhook, by=admin)
    webhook.refresh_from_db()
    assert (send.send_test(webhook).is_good, consumer.forged) == (True, 0)


def test_a_removed_one_does_not_hold_up_a_message_that_arrives(
    cast: Cast, webhook: Webhook, admin: Agent
) -> None:
    with transaction.atomic():
        make_ticket(cast.inbox)
        gone = threading.Thread(target=removed, args=(webhook, admin))
        gone.start()
        gone.join(PATIENCE)
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


def test_however_much_was_told_long_ago_is_forgotten(
    cast: Cast, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BATCH", 2)
    ticket = make_ticket(cast.inbox)
    for _ in range(5):
        note(ticket, cast.alice)
    old = database_now() - keeping.KEPT - SECOND
    webhook.calls.update(state="done", ended_at=old)
    count = webhook.calls.count()
    keeping.tidy(seconds=0)
    assert webhook.calls.count() == count - 2 > 2
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
