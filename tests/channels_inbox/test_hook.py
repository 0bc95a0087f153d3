"""Mail posted to the hook: who may, what is answered, and that nothing comes in twice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels_inbox import receive, vault
from channels_inbox.base import Raw
from channels_inbox.email import hooks
from channels_inbox.email.config import MailConfig
from channels_inbox.models import Credential, Envelope, Item
from conversations.models import Entry, Ticket
from tests.builders import Cast, make_inbox
from tests.channels_inbox.mailing import SECRET, connect, make_mail, make_mail_with, post

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db
in_parallel = pytest.mark.django_db(transaction=True)


def test_a_signed_mail_is_committed_and_then_threaded(client: Client, cast: Cast) -> None:
    mail = make_mail()
    answer = post(client, cast.inbox, mail)
    envelope = Envelope.objects.get()
    assert (answer.status_code, answer.json()) == (
        202,
        {"envelope": envelope.pk, "duplicate": False},
    )
    assert receive.body_of(envelope) == mail
    assert receive.process_waiting("slow") == 1
    entry = Entry.objects.get(kind="message")
    assert (entry.text, entry.subject, entry.proof) == (
        "The lamp I bought is broken.",
        "Broken lamp",
        "claimed",
    )
    assert entry.identity is not None
    assert (entry.identity.value, entry.identity.label) == ("kim@example.org", "Kim")
    assert Item.objects.get().state == "threaded"


def test_the_fast_workers_leave_mail_alone(client: Client, cast: Cast) -> None:
    post(client, cast.inbox, make_mail())
    assert receive.process_waiting("fast") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another"},
        {"at": int(time.time()) - 301},
        {"at": int(time.time()) + 10_000},
        {"X-Helpdesk-Signature": ""},
        {"X-Helpdesk-Signature": "v1=" + "0" * 64},
        {"X-Helpdesk-Timestamp": "yesterday"},
        {"X-Helpdesk-Timestamp": "²"},
    ],
)
def test_a_call_that_is_not_genuine_is_refused_and_stores_nothing(
    client: Client, cast: Cast, wrong: dict[str, str]
) -> None:
    answer = post(client, cast.inbox, make_mail(), **wrong)  # type: ignore[arg-type]
    assert (answer.status_code, Envelope.objects.count()) == (401, 0)


def test_one_changed_byte_is_refused(client: Client, cast: Cast) -> None:
    mail, now = make_mail(), int(time.time())
    answer = client.post(
        reverse("hook", args=["email", cast.inbox.public_id]),
        mail.replace(b"broken", b"brokes"),
        content_type="message/rfc822",
        headers={
            hooks.TIMESTAMP: str(now),
            hooks.SIGNATURE: hooks.sign(SECRET, now, mail),
        },
    )
    assert (answer.status_code, Envelope.objects.count()) == (401, 0)


def test_without_a_secret_it_fails_closed_and_unknown_inboxes_look_the_same(
    client: Client, cast: Cast
) -> None:
    vault.drop(cast.inbox, hooks.SECRET)
    unset = post(client, cast.inbox, make_mail(), secret="")
    cast.inbox.public_id = "nowhere"
    unknown = post(client, cast.inbox, make_mail())
    fax = client.post("/hooks/fax/nowhere/", b"", content_type="text/plain")
    assert unset.status_code == unknown.status_code == fax.status_code == 401
    assert unset.content == unknown.content == fax.content


def test_an_empty_secret_is_none(client: Client, cast: Cast) -> None:
    with pytest.raises(ValueError, match=hooks.SECRET):
        vault.put(cast.inbox, hooks.SECRET, "")
    Credential.objects.filter(inbox=cast.inbox, name=hooks.SECRET).update(sealed=vault.seal(""))
    assert post(client, cast.inbox, make_mail(), secret="").status_code == 401
    assert Envelope.objects.count() == 0


def test_another_inboxes_secret_is_refused(client: Client, cast: Cast) -> None:
    other = make_inbox(cast.billing)
    connect(other, MailConfig())
    vault.put(other, hooks.SECRET, "other-secret")
    assert post(client, other, make_mail()).status_code == 401


def test_a_body_over_the_limit_is_refused_before_it_is_read(
    client: Client, cast: Cast, settings: Settings
) -> None:
    settings.MAIL_MAX_BYTES = 1000
    assert post(client, cast.inbox, make_mail(text="x" * 2000)).status_code == 413
    settings.MAIL_MAX_BYTES = 20_000_000
    large = make_mail_with({"scan.bin": b"\x00\xff" * 3_000_000})
    assert post(client, cast.inbox, large).status_code == 202
    envelope = Envelope.objects.get()
    assert (envelope.raw, receive.body_of(envelope)) == (None, large)


def test_only_post_is_answered(client: Client, cast: Cast) -> None:
    assert client.get(reverse("hook", args=["email", cast.inbox.public_id])).status_code == 405


@in_parallel
def test_while_nothing_can_be_committed_it_asks_to_try_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, Client(), cast.inbox, make_mail()).result()
    monkeypatch.undo()
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    settings.ENVELOPE_INLINE_BYTES = 0
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": __file__},
        },
    }
    assert post(Client(), cast.inbox, make_mail()).status_code == 503
    assert Envelope.objects.count() == 0


@in_parallel
def test_the_same_call_a_hundred_times_at_once_is_one_message(cast: Cast) -> None:
    mail = make_mail()

    def call(_number: int) -> int:
        try:
            return post(Client(), cast.inbox, mail).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(call, range(100)))
    assert sorted(codes) == [200] * 99 + [202]
    _work_in_parallel(4)
    assert (Envelope.objects.count(), Entry.objects.filter(kind="message").count()) == (1, 1)


@in_parallel
def test_one_mail_by_two_ways_and_at_two_inboxes_is_one_entry(client: Client, cast: Cast) -> None:
    other = make_inbox(cast.support, "Sales mail", address="sales@desk.example")
    connect(other, MailConfig())
    mail = make_mail()
    for inbox in (cast.inbox, other):
        post(client, inbox, b"Received: by a\r\n" + mail)
        post(client, inbox, b"Received: by b\r\n" + mail)
    _work_in_parallel(4)
    assert list(Item.objects.order_by("state").values_list("state", flat=True)) == [
        "duplicate",
        "duplicate",
        "duplicate",
        "threaded",
    ]
    entry = Entry.objects.get(kind="message")
    assert entry.inbox is not None
    others = {"Sales mail", "Support mail"} - {entry.inbox.name}
    assert entry.data["also_at"] == list(others)


def test_a_restricted_inbox_keeps_its_own_copy(client: Client, cast: Cast) -> None:
    legal = make_inbox(cast.billing, restriction="legal")
    connect(legal, MailConfig())
    mail = make_mail()
    for inbox in (cast.inbox, legal):
        post(client, inbox, mail)
    receive.process_waiting("slow")
    assert Ticket.objects.count() == 2


@in_parallel
def test_workers_at_once_keep_a_senders_order_and_make_one_customer(
    client: Client, cast: Cast
) -> None:
    for number in range(12):
        post(client, cast.inbox, make_mail(text=f"part {number}"))
    _work_in_parallel(4)
    entries = Entry.objects.filter(kind="message").order_by("at")
    assert [entry.text for entry in entries] == [f"part {number}" for number in range(12)]
    assert len({entry.identity_id for entry in entries}) == 1


def _work_in_parallel(workers: int) -> None:
    def work() -> None:
        try:
            while receive.process_waiting("slow"):
                pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receive.process_waiting("slow")


@in_parallel
def test_keeping_asks_the_database_once(client: Client, cast: Cast) -> None:
    post(client, cast.inbox, make_mail())
    with CaptureQueriesContext(connection) as asked:
        assert post(client, cast.inbox, make_mail()).status_code == 202
    # The account and its secret are asked for once a second.
    assert len([one for one in asked if not one["sql"].startswith("SELECT")]) == 1
    assert Item.objects.filter(state="waiting", next_at__gt=F("envelope__received_at")).count() == 0
    assert Item.objects.filter(inbox=cast.inbox, attempts=0, lease_epoch=0).count() == 2


@in_parallel
def test_it_is_not_kept_within_anothers_transaction(cast: Cast) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        receive.keep(cast.inbox, Raw("test", "key", make_mail()))
    assert not Envelope.objects.exists()


def test_a_secret_that_was_replaced_holds_until_it_is_stopped(client: Client, cast: Cast) -> None:
    vault.replace(cast.inbox, hooks.SECRET, "another")
    assert post(client, cast.inbox, make_mail()).status_code == 202
    assert post(client, cast.inbox, make_mail(), secret="another").status_code == 202
    vault.stop_before(cast.inbox, hooks.SECRET)
    assert post(client, cast.inbox, make_mail()).status_code == 401


def test_a_secret_that_was_changed_or_dropped_holds_no_longer(client: Client, cast: Cast) -> None:
    assert post(client, cast.inbox, make_mail()).status_code == 202
    vault.put(cast.inbox, hooks.SECRET, "another")
    assert post(client, cast.inbox, make_mail()).status_code == 401
    assert post(client, cast.inbox, make_mail(), secret="another").status_code == 202
    vault.drop(cast.inbox, hooks.SECRET)
    assert post(client, cast.inbox, make_mail(), secret="another").status_code == 401
